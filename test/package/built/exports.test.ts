import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { codeExports, entries, root } from '../repository.js';

interface PublicNames {
  /** What `import { name }` finds at run time. */
  readonly values: readonly string[];
  /** What only the type checker knows. */
  readonly types: readonly string[];
}

/** What each entry exports: written down, so that nothing becomes public by accident. */
const publicNames = JSON.parse(readFileSync(`${root}test/package/public-names.json`, 'utf8')) as Readonly<
  Record<string, PublicNames>
>;

const require = createRequire(import.meta.url);

/** The exported names of a declaration file, values and types apart. */
function declaredNames(file: string): PublicNames {
  // Names need no standard library, and without it this is quick.
  const program = ts.createProgram([file], { module: ts.ModuleKind.NodeNext, noLib: true, types: [] });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const symbol = source && checker.getSymbolAtLocation(source);
  if (symbol === undefined) throw new Error(`${file} is no module`);
  const values: string[] = [];
  const types: string[] = [];
  for (const each of checker.getExportsOfModule(symbol)) {
    const resolved = each.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(each) : each;
    (resolved.flags & ts.SymbolFlags.Value && !isTypeOnlyExport(each) ? values : types).push(each.name);
  }
  return { values: values.sort(), types: types.sort() };
}

/** `export type { SomeClass }`: a class that can't be constructed by who imports it. */
function isTypeOnlyExport({ declarations = [] }: ts.Symbol): boolean {
  return declarations.some((each) => ts.isExportSpecifier(each) && (each.isTypeOnly || each.parent.parent.isTypeOnly));
}

describe('the built package', () => {
  it('has a list of public names for each entry', () => {
    expect(Object.keys(publicNames)).toEqual(Object.keys(entries));
  });

  describe.each(codeExports())('%s', (subpath, conditions) => {
    const files = [...Object.values(conditions.import), ...Object.values(conditions.require)];
    const names = publicNames[subpath];

    // tsup can fail to write declarations and still succeed.
    it.each(files)('has the file %s', (file) => {
      expect(existsSync(root + file)).toBe(true);
    });

    it('exports the listed values to import', async () => {
      const namespace = (await import(root + conditions.import.default)) as object;
      expect(Object.keys(namespace).sort()).toEqual(names?.values);
    });

    it('exports the listed values to require', () => {
      const namespace = require(root + conditions.require.default) as object;
      expect(Object.keys(namespace).sort()).toEqual(names?.values);
    });

    it.each([conditions.import.types, conditions.require.types])('declares the listed names in %s', (file) => {
      expect(declaredNames(root + file)).toEqual(names);
    });
  });
});
