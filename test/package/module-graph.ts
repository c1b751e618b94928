import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';

export interface ModuleImport {
  /** As it was written. */
  readonly specifier: string;
  /** The module of ours that it means, relative to `src`; undefined for packages and `node:`. */
  readonly target: string | undefined;
  /** Whether nothing of it is left at run time. */
  readonly typeOnly: boolean;
}

export interface SourceModule {
  /** Relative to `src`, with forward slashes. */
  readonly path: string;
  readonly imports: readonly ModuleImport[];
  /** Whether it makes code from text: `new Function`, `Function(…)`, `eval(…)`. */
  readonly generatesCode: boolean;
}

export type ModuleGraph = readonly SourceModule[];

/** Every TypeScript file below `folder`. */
export function readGraph(folder: string): ModuleGraph {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .sort()
    .map((path) => parseModule(path.replaceAll('\\', '/'), readFileSync(`${folder}/${path}`, 'utf8')));
}

/** A graph of modules that exist only here: path to source text. */
export function graphOf(sources: Readonly<Record<string, string>>): ModuleGraph {
  return Object.entries(sources).map(([path, text]) => parseModule(path, text));
}

function parseModule(path: string, text: string): SourceModule {
  const imports: ModuleImport[] = [];
  let generatesCode = false;

  const add = (node: ts.Node | undefined, typeOnly: boolean) => {
    if (node === undefined || !ts.isStringLiteralLike(node)) return;
    imports.push({ specifier: node.text, target: targetOf(path, node.text), typeOnly });
  };

  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      // `import { type X }` is a value import: with verbatimModuleSyntax `import {}` stays and loads the module.
      add(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true);
    } else if (ts.isExternalModuleReference(node)) {
      add(node.expression, false);
    } else if (ts.isCallExpression(node) && loadsModule(node.expression)) {
      add(node.arguments[0], false);
    }
    generatesCode ||= makesCode(node);
    ts.forEachChild(node, visit);
  };

  visit(ts.createSourceFile(path, text, ts.ScriptTarget.ES2022));
  return { path, imports, generatesCode };
}

/** `import(…)` or `require(…)`. */
function loadsModule(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');
}

function makesCode(node: ts.Node): boolean {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return false;
  const callee = ts.isPropertyAccessExpression(node.expression) ? node.expression.name : node.expression;
  return ts.isIdentifier(callee) && (callee.text === 'Function' || callee.text === 'eval');
}

function targetOf(importer: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return posix.join(posix.dirname(importer), specifier).replace(/\.js$/, '.ts');
}
