import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';

/** A test whose title begins with the number of a semantic: `[6] calls …`. */
export interface SemanticTest {
  readonly semantic: number;
  /** Below the top folder: `test/bus/order.test.ts`. */
  readonly file: string;
  /** As it stands in the source, behind the titles of the blocks that it is in. */
  readonly title: string;
}

/** Every test that names a semantic, in the order of files and lines. */
export function readSemanticTests(root: string): SemanticTest[] {
  return readdirSync(`${root}test`, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.test(-d)?\.ts$/.test(path))
    .map((path) => `test/${path.replaceAll('\\', '/')}`)
    .sort()
    .flatMap((file) => semanticTestsOf(file, readFileSync(root + file, 'utf8')));
}

export function semanticTestsOf(file: string, text: string): SemanticTest[] {
  const tests: SemanticTest[] = [];

  const visit = (node: ts.Node, blocks: readonly string[]): void => {
    const [runner, title] = titleOf(node) ?? [];
    const [, semantic, rest] = /^\[(\d+)\] (.+)$/.exec(title ?? '') ?? [];
    if (runner === 'it' && semantic !== undefined && rest !== undefined) {
      tests.push({ semantic: Number(semantic), file, title: [...blocks, rest].join(': ') });
    }
    // A title that is nothing but a placeholder says nothing.
    const inner = runner === 'describe' && title !== undefined && title !== '%s' ? [...blocks, title] : blocks;
    ts.forEachChild(node, (child) => {
      visit(child, inner);
    });
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.ES2022), []);
  return tests;
}

/** `it` or `describe`, and the title, of `it('title', …)` and `it.each(…)('title', …)`. */
function titleOf(node: ts.Node): [runner: string, title: string] | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  let runner: ts.Expression = node.expression;
  while (ts.isCallExpression(runner) || ts.isPropertyAccessExpression(runner)) runner = runner.expression;
  const [title] = node.arguments;
  if (!ts.isIdentifier(runner) || title === undefined || !ts.isStringLiteralLike(title)) return undefined;
  return [runner.text, title.text];
}

/** The numbers under which the page has something. */
export function semanticsOf(page: string): number[] {
  return Array.from(page.matchAll(/^### (\d+)\. /gm), ([, semantic]) => Number(semantic));
}

/** The page with, behind each `<!-- tests of 6 -->`, the list of those tests; what stood there is replaced. */
export function withTests(page: string, tests: readonly SemanticTest[]): string {
  return page.replace(
    /^(<!-- tests of (\d+) -->)\n(?:\n<details>\n[^]*?\n<\/details>\n)?/gm,
    (_, marker: string, semantic: string) =>
      `${marker}\n${listOf(tests.filter((each) => each.semantic === Number(semantic)))}`,
  );
}

function listOf(tests: readonly SemanticTest[]): string {
  const files = [...new Set(tests.map(({ file }) => file))];
  const lines = files.flatMap((file) => [
    file,
    ...tests.filter((each) => each.file === file).map(({ title }) => `  ${title}`),
  ]);
  const summary = `<summary>${tests.length} ${tests.length === 1 ? 'test' : 'tests'}</summary>`;
  return ['', '<details>', summary, '', '```text', ...lines, '```', '', '</details>', ''].join('\n');
}
