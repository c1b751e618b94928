import { existsSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { codeExports, entries, manifest, root, specifierOf } from './repository.js';

/** What package.json must say about an entry, from its source file alone. */
function expectedExport(source: string) {
  const built = source.replace(/^src\//, './dist/').replace(/\.ts$/, '');
  return {
    import: { types: `${built}.d.ts`, default: `${built}.js` },
    require: { types: `${built}.d.cts`, default: `${built}.cjs` },
  };
}

describe('the list of entries', () => {
  it('says the same as the exports of package.json', () => {
    const expected = Object.entries(entries).map(([subpath, source]) => [subpath, expectedExport(source)]);
    expect(codeExports()).toEqual(expected);
  });

  it('leaves nothing else exported than package.json itself', () => {
    expect(Object.keys(manifest.exports)).toEqual([...Object.keys(entries), './package.json']);
  });

  it.each(Object.entries(entries))('names a source file for %s', (_subpath, source) => {
    expect(existsSync(root + source)).toBe(true);
  });

  it('agrees with the paths of tsconfig.json, so that editors and type checks see the sources', () => {
    const { config } = ts.readConfigFile(`${root}tsconfig.json`, (path) => ts.sys.readFile(path));
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
    for (const [subpath, source] of Object.entries(entries)) {
      const { resolvedModule } = ts.resolveModuleName(
        specifierOf(subpath),
        `${root}test/some.test.ts`,
        options,
        ts.sys,
      );
      expect(resolvedModule?.resolvedFileName).toBe(root + source);
    }
  });
});

describe('the exports of package.json', () => {
  // TypeScript and Node take the first condition that matches: a `default` before `types` would hide the types.
  it.each(codeExports())('has types first and default last in each condition of %s', (_subpath, conditions) => {
    expect(Object.keys(conditions.import)).toEqual(['types', 'default']);
    expect(Object.keys(conditions.require)).toEqual(['types', 'default']);
  });
});
