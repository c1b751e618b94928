import type { KnipConfig } from 'knip';
import entries from './entries.json' with { type: 'json' };

const config: KnipConfig = {
  entry: [
    ...Object.values(entries),
    // Bundled by the `build.js` beside it.
    'examples/*/main.ts',
    // Found at run time, in a folder.
    'examples/*/plugins/*.{ts,cjs}',
    // Copied into folders of their own and run there.
    'scripts/*.{mjs,cjs}',
    'test/package/built/consumers/**/*.ts',
  ],
  project: ['{src,test,scripts,benchmarks,examples}/**/*.{ts,mts,js,mjs,cjs}'],
  ignoreExportsUsedInFile: true,
};

export default config;
