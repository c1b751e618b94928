// Bundles the example into ./dist/main.js, as Node 20 runs no TypeScript itself, and each of its plugins into a file
// in ./dist/plugins, where they are discovered.
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const plugins = await readdir(join(here, 'plugins'));

// A plugin that isn't there any more would still be discovered.
await rm(join(here, 'dist'), { recursive: true, force: true });

await build({
  entryPoints: ['main.ts', ...plugins.map((file) => `plugins/${file}`)].map((file) => join(here, file)),
  outdir: join(here, 'dist'),
  outbase: here,
  bundle: true,
  // What the bot and its plugins have in common is there once.
  splitting: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  // One of the plugins is a file to be used as it is.
  loader: { '.cjs': 'copy' },
  // `ambus` stays an import: the example uses the built package, by its name, as an application would.
  packages: 'external',
  // The repository's tsconfig.json points `ambus` at its sources, which is right for editors and wrong here.
  tsconfigRaw: {},
  logLevel: 'warning',
});
