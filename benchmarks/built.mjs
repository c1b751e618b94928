import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** When the newest file of a folder was written, in milliseconds. */
function newest(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.max(...files.map((file) => statSync(`${file.parentPath}/${file.name}`).mtimeMs));
}

/**
 * Builds the package where `dist` is missing or older than the sources: what is measured is what is
 * published, and figures of the build before last are a trap.
 */
export function ensureBuilt() {
  const entry = `${root}dist/index.js`;
  if (existsSync(entry) && statSync(entry).mtimeMs >= newest(`${root}src`)) return;
  console.error('dist is missing or older than src: running "npm run build".');
  // The build's own output goes to standard error: standard output is for results.
  const { status } = spawnSync('npm', ['run', 'build'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status !== 0 || !existsSync(entry))
    throw new Error('The build failed. Run "npm run build" and mend what it reports.');
}
