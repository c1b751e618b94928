import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import entries from './entries.json' with { type: 'json' };

const root = fileURLToPath(new URL('.', import.meta.url));

/** Tests import the sources, under the public names too: `ambus/testing` is `src/testing/index.ts`. */
const alias = Object.entries(entries).map(([subpath, source]) => ({
  find: new RegExp(`^${subpath.replace(/^\./, 'ambus')}$`),
  replacement: root + source,
}));

/** Tests of what is published: slow, and in need of a build. */
const builtTests = 'test/package/built/**/*.test.ts';

export default defineConfig({
  resolve: { alias },
  test: {
    unstubGlobals: true,
    restoreMocks: true,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [builtTests],
          // Far more than any takes: a busy machine is no reason to fail.
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'types',
          include: [],
          typecheck: {
            enabled: true,
            only: true,
            include: ['test/types/**/*.test-d.ts'],
            tsconfig: './tsconfig.types.json',
          },
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: [builtTests],
          globalSetup: 'test/package/built/global-setup.ts',
          // These start compilers, package managers and other processes.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text', 'html', 'json-summary'],
      thresholds: {
        lines: 95,
        branches: 95,
        'src/bus/**': { lines: 97, branches: 97 },
      },
    },
  },
});
