import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, it } from 'vitest';

const page = readFileSync('ARCHITECTURE.md', 'utf8');
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));

it('the architecture page has every source file in its tree', () => {
  const missing = sources.filter((path) => !page.includes(basename(path)));
  expect(sources.length).toBeGreaterThan(30);
  expect(missing).toEqual([]);
});

it('the architecture page names no source file that is gone', () => {
  const named = Array.from(page.matchAll(/(?<![.\w])([a-z-]+\.ts)\b/g), (match) => match[1] as string);
  const known = new Set(sources.map((path) => basename(path)));
  const elsewhere = new Set(readdirSync('test', { recursive: true, encoding: 'utf8' }).map((path) => basename(path)));
  expect(named.filter((name) => !known.has(name) && !elsewhere.has(name))).toEqual([]);
});
