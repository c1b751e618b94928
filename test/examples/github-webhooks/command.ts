import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import entries from '../../../entries.json' with { type: 'json' };

const root = fileURLToPath(new URL('../../..', import.meta.url));
const example = join(root, 'examples/github-webhooks');

export const sampleEvents: string = join(example, 'sample-events.jsonl');

/** Each entry of the library under its public name: `ambus/queue` is `src/queue/index.ts`. */
const alias = Object.fromEntries(
  Object.entries(entries).map(([subpath, source]) => [subpath.replace(/^\./, 'ambus'), join(root, source)]),
);

/** The example, bundled with the library's sources, so that its tests need no build of the library. */
export interface Command {
  readonly folder: string;
  /** The folder of its plugins. */
  readonly plugins: string;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): ChildProcessWithoutNullStreams;
  run(args: readonly string[], stdin?: string, env?: Readonly<Record<string, string>>): Promise<Finished>;
  remove(): Promise<void>;
}

export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export async function buildCommand(): Promise<Command> {
  // Inside the repository, where the packages that stay outside of the bundle are found.
  const cache = join(root, 'node_modules/.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'github-webhooks-'));
  const plugins = await readdir(join(example, 'plugins'));
  // As the `build.js` of the example does it.
  await build({
    entryPoints: [join(example, 'main.ts'), ...plugins.map((file) => join(example, 'plugins', file))],
    outdir: folder,
    outbase: example,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    loader: { '.cjs': 'copy' },
    packages: 'external',
    alias,
  });
  const start: Command['start'] = (args, env) =>
    spawn(process.execPath, [join(folder, 'main.mjs'), ...args], {
      // What a run without --out leaves behind goes with the folder.
      env: { ...process.env, TMPDIR: folder, CHAT_TOKEN: undefined, ...env },
    });
  return {
    folder,
    plugins: join(folder, 'plugins'),
    start,
    run(args, stdin = '', env = {}) {
      const child = start(args, env);
      child.stdin.end(stdin);
      return finished(child);
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

export async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  return { status, stdout, stderr };
}
