import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { root } from '../package/repository.js';
import { readSemanticTests, semanticsOf, semanticTestsOf, withTests } from './semantics.js';

const place = `${root}docs/semantics.md`;
const page = readFileSync(place, 'utf8');
const tests = readSemanticTests(root);

describe('docs/semantics.md', () => {
  it('has every semantic held by a test', () => {
    const held = new Set(tests.map(({ semantic }) => semantic));
    expect(semanticsOf(page).filter((semantic) => !held.has(semantic))).toEqual([]);
  });

  it('has every semantic that a test names', () => {
    const known = semanticsOf(page);
    expect(tests.filter(({ semantic }) => !known.includes(semantic))).toEqual([]);
  });

  it('has each semantic once, in order, with a place for its tests', () => {
    const numbers = semanticsOf(page);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(Array.from(page.matchAll(/^<!-- tests of (\d+) -->$/gm), ([, number]) => Number(number))).toEqual(numbers);
  });

  it('lists the tests that there are, and no others (with -u it is written anew)', async () => {
    await expect(withTests(page, tests)).toMatchFileSnapshot(place);
  });
});

describe('the tests of a source', () => {
  const source = `
    it('[1] one', () => {});
    it('no number', () => {});
    describe('block', () => {
      describe.each(['a', 'b'])('%s', (each) => {
        it.each([1, 2])('[12] has %i', () => {});
      });
      it('mentions [3] elsewhere', () => {});
    });
    expect('[4] no test');
  `;

  it('are those whose title begins with a number, with the blocks that they are in', () => {
    expect(semanticTestsOf('test/a.test.ts', source)).toEqual([
      { semantic: 1, file: 'test/a.test.ts', title: 'one' },
      { semantic: 12, file: 'test/a.test.ts', title: 'block: has %i' },
    ]);
  });
});

describe('the lists of tests on a page', () => {
  const bare = '### 1. One\n\n<!-- tests of 1 -->\n\n### 2. Two\n\n<!-- tests of 2 -->\n';
  const found = [
    { semantic: 1, file: 'test/a.test.ts', title: 'does this' },
    { semantic: 1, file: 'test/b.test.ts', title: 'does that' },
    { semantic: 2, file: 'test/b.test.ts', title: 'does more' },
  ];

  it('stand behind their markers', () => {
    expect(withTests(bare, found)).toBe(
      [
        '### 1. One\n\n<!-- tests of 1 -->\n',
        '<details>\n<summary>2 tests</summary>\n',
        '```text\ntest/a.test.ts\n  does this\ntest/b.test.ts\n  does that\n```\n',
        '</details>\n\n### 2. Two\n\n<!-- tests of 2 -->\n',
        '<details>\n<summary>1 test</summary>\n',
        '```text\ntest/b.test.ts\n  does more\n```\n',
        '</details>\n',
      ].join('\n'),
    );
  });

  it('take the place of earlier ones', () => {
    const once = withTests(bare, found);
    expect(withTests(once, found)).toBe(once);
    expect(withTests(once, found.slice(2))).not.toContain('does this');
  });
});
