import { describe, expect, it } from 'vitest';
import { codeBlocksOf, inPlace, onlyComments, withAssertions } from './code-blocks.js';

const fence = '```';

function markdown(...lines: string[]): string {
  return lines.join('\n');
}

describe('the blocks of a document', () => {
  it('are its fenced TypeScript and JavaScript, with place and flags', () => {
    const text = markdown(
      '# Title',
      `${fence}ts no-run`,
      'const a = 1;',
      fence,
      `${fence}js`,
      'let b;',
      '',
      'b;',
      fence,
    );
    expect(codeBlocksOf('README.md', text)).toEqual([
      { place: 'README.md:3', file: 'README.md', line: 2, language: 'ts', flags: ['no-run'], code: 'const a = 1;' },
      { place: 'README.md:6', file: 'README.md', line: 5, language: 'js', flags: [], code: 'let b;\n\nb;' },
    ]);
  });

  it('leave out other languages, and what looks like a fence inside of them', () => {
    const text = markdown('````md', `${fence}ts`, 'not code', fence, '````', `${fence}sh`, 'npm test', fence);
    expect(codeBlocksOf('README.md', text)).toEqual([]);
  });

  it('lose the indentation of the list that they stand in', () => {
    const text = markdown('- item', `  ${fence}ts`, '  if (a) {', '    b();', '  }', `  ${fence}`);
    expect(codeBlocksOf('README.md', text)[0]?.code).toBe('if (a) {\n  b();\n}');
  });

  it('can be put on the lines that they have in their file', () => {
    const [block] = codeBlocksOf('README.md', markdown('one', 'two', `${fence}ts`, 'four();', fence));
    expect(block && inPlace(block).split('\n').indexOf('four();')).toBe(3);
  });
});

describe('the comments of a source', () => {
  it('stay on their lines, without their stars and without the code around them', () => {
    const source = markdown(
      'const a = 1;',
      '',
      '/**',
      ' * Adds.',
      ' *',
      ` * ${fence}ts`,
      ' *   add();',
      ` * ${fence}`,
      ' */',
      'b;',
    );
    expect(onlyComments(source).split('\n')).toEqual([
      '',
      '',
      '',
      'Adds.',
      '',
      `${fence}ts`,
      '  add();',
      fence,
      '',
      '',
    ]);
  });
});

describe('a comment with an arrow', () => {
  const assertion = "(await import('node:assert/strict')).default.deepEqual";

  it('becomes an assertion on its line', () => {
    expect(withAssertions('run();\nresult.ok; // => true\nend();')).toBe(
      `run();\n${assertion}(result.ok, true); // => true\nend();`,
    );
  });

  it('checks what is logged', () => {
    expect(withAssertions('console.log(a + b); // => 3')).toBe(`${assertion}(a + b, 3); // => 3`);
  });

  it('is checked inside of blocks too, several times', () => {
    expect(withAssertions('if (x) {\n  a; // => 1\n  b; // => 2\n}')).toBe(
      `if (x) {\n  ${assertion}(a, 1); // => 1\n  ${assertion}(b, 2); // => 2\n}`,
    );
  });

  it('leaves other comments alone', () => {
    expect(withAssertions('a; // 1\nconst b = 2; // => no statement to check')).toBe(
      'a; // 1\nconst b = 2; // => no statement to check',
    );
  });
});
