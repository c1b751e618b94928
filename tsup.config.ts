import { defineConfig, type Options } from 'tsup';
import entries from './entries.json' with { type: 'json' };

// `src/testing/index.ts` becomes `dist/testing/index.js`: the tree of `dist` is the tree of `src`.
const entry = Object.fromEntries(
  Object.values(entries).map((source) => [source.replace(/^src\/(.*)\.ts$/, '$1'), source]),
);

const shared: Options = {
  entry,
  tsconfig: 'tsconfig.src.json',
  target: 'es2022',
  sourcemap: true,
  // Also for CJS, so that subpaths share their state instead of having a copy each.
  splitting: true,
  // tsup would turn `node:x` into `x`, and the tests that look for Node imports would be blind.
  removeNodeProtocol: false,
  dts: {
    // tsup sets `baseUrl` for its declaration build, which TypeScript 6 calls deprecated.
    // Node's types are for what needs Node; that nothing else leans on them is checked by tsconfig.src.json.
    compilerOptions: { ignoreDeprecations: '6.0', types: ['node'], skipLibCheck: true },
    // `Disposable` is in no default library yet: who uses ambus needn't know that it is in this one.
    banner: '/// <reference lib="esnext.disposable" />',
  },
};

export default defineConfig([
  { ...shared, format: 'esm' },
  {
    ...shared,
    format: 'cjs',
    // Rollup turns the chunks into CJS. Without this, sucrase does, which rewrites `?.` and `??` into calls of
    // helper functions and drops the class fields: slower by far, and not what the sources say.
    treeshake: 'safest',
    // Published as ESM only: bundled, because `require(esm)` isn't there in every runtime and loader.
    noExternal: ['p-queue', 'p-timeout'],
  },
]);
