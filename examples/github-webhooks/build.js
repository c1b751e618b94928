// Bundles the example into ./dist/main.js, as Node 20 runs no TypeScript itself.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

await build({
  entryPoints: [here('main.ts')],
  outfile: here('dist/main.js'),
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  // `ambus` stays an import: the example uses the built package, by its name, as an application would.
  packages: 'external',
  // The repository's tsconfig.json points `ambus` at its sources, which is right for editors and wrong here.
  tsconfigRaw: {},
  logLevel: 'warning',
});
