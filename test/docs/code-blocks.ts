import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';

export interface CodeBlock {
  /** Where it stands: `docs/events.md:42`, the line of its first line of code. */
  readonly place: string;
  readonly file: string;
  /** The line of the file before its first line of code. */
  readonly line: number;
  readonly language: 'ts' | 'js';
  /** What stands after the language: `no-run`, `signature`. */
  readonly flags: readonly string[];
  readonly code: string;
}

const languages: Readonly<Record<string, CodeBlock['language']>> = {
  ts: 'ts',
  typescript: 'ts',
  js: 'js',
  javascript: 'js',
};

/** The blocks of code that readers may copy: of the readme, the guides and the comments of the sources. */
export function readCodeBlocks(root: string): CodeBlock[] {
  const files = ['README.md', ...filesBelow(root, 'docs', '.md'), ...filesBelow(root, 'src', '.ts')];
  return files.flatMap((file) => {
    const text = readIfThere(root + file);
    return codeBlocksOf(file, file.endsWith('.ts') ? onlyComments(text) : text);
  });
}

function filesBelow(root: string, folder: string, extension: string): string[] {
  try {
    return readdirSync(root + folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith(extension))
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
      .sort();
  } catch {
    return [];
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The text of the doc comments; every other line becomes empty, so that line numbers stay. */
export function onlyComments(source: string): string {
  return source.replace(/^(?![ \t]*\*(?!\/)).*$/gm, '').replace(/^[ \t]*\* ?/gm, '');
}

/** The fenced `ts` and `js` blocks of a Markdown text. */
export function codeBlocksOf(file: string, markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = markdown.split('\n');
  for (let line = 0; line < lines.length; line++) {
    const [, indent, fence, info] = /^(\s*)(`{3,}|~{3,})(.*)$/.exec(lines[line] ?? '') ?? [];
    if (indent === undefined || fence === undefined || info === undefined) continue;

    const start = line + 1;
    do line++;
    while (line < lines.length && !lines[line]?.trim().startsWith(fence));

    const [name = '', ...flags] = info.trim().split(/\s+/);
    const language = languages[name];
    if (language === undefined) continue;
    const code = lines.slice(start, line).map((each) => (each.startsWith(indent) ? each.slice(indent.length) : each));
    blocks.push({ place: `${file}:${start + 1}`, file, line: start, language, flags, code: code.join('\n') });
  }
  return blocks;
}

/** The code with as many empty lines before it as there are in its file: errors then name the right line. */
export function inPlace(block: CodeBlock): string {
  return '\n'.repeat(block.line) + block.code;
}

/**
 * Turns `expression; // => value` into an assertion that it is deeply and strictly equal, on the same
 * line. `console.log(expression); // => value` checks what is logged.
 */
export function withAssertions(code: string): string {
  const source = ts.createSourceFile('block.ts', code, ts.ScriptTarget.ES2022, true);
  const edits: { start: number; end: number; text: string }[] = [];

  const visit = (node: ts.Node): void => {
    const value = ts.isExpressionStatement(node) ? promisedValue(code, node.end) : undefined;
    if (value === undefined || !ts.isExpressionStatement(node)) {
      ts.forEachChild(node, visit);
      return;
    }
    const { expression } = node;
    const actual = loggedValue(expression) ?? expression;
    const text = `(await import('node:assert/strict')).default.deepEqual(${actual.getText()}, ${value});`;
    edits.push({ start: node.getStart(), end: node.end, text });
  };
  visit(source);

  // From the last to the first, so that the positions of those before stay right.
  return edits.reduceRight((text, edit) => text.slice(0, edit.start) + edit.text + text.slice(edit.end), code);
}

/** The text after `// =>` on the line that ends a statement. */
function promisedValue(code: string, end: number): string | undefined {
  return /^[ \t]*\/\/ => (.+)/.exec(code.slice(end))?.[1]?.trim();
}

function loggedValue(expression: ts.Expression): ts.Expression | undefined {
  if (!ts.isCallExpression(expression) || expression.expression.getText() !== 'console.log') return undefined;
  return expression.arguments.length === 1 ? expression.arguments[0] : undefined;
}
