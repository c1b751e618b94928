import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export const sampleEvents: string = join(root, 'examples/github-webhooks/sample-events.jsonl');

/** The example, bundled with the library's sources, so that its tests need no build of the library. */
export interface Command {
  readonly folder: string;
  start(...args: string[]): ChildProcessWithoutNullStreams;
  run(args: readonly string[], stdin?: string): Promise<Finished>;
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
  const main = join(folder, 'main.mjs');
  await build({
    entryPoints: [join(root, 'examples/github-webhooks/main.ts')],
    outfile: main,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    alias: { ambus: join(root, 'src/index.ts'), 'ambus/queue': join(root, 'src/queue/index.ts') },
  });
  const start = (...args: string[]): ChildProcessWithoutNullStreams =>
    // What a run without --out leaves behind goes with the folder.
    spawn(process.execPath, [main, ...args], { env: { ...process.env, TMPDIR: folder } });
  return {
    folder,
    start,
    run(args, stdin = '') {
      const child = start(...args);
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
