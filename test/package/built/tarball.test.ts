import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../repository.js';
import { run } from './command.js';

/** A project of somebody else, outside of this repository, into which the packed tarball is installed. */
let consumer: string;
let packed: string[];

beforeAll(() => {
  consumer = mkdtempSync(join(tmpdir(), 'ambus-consumer-'));
  const [tarball] = JSON.parse(run(root, 'npm', 'pack', '--json', '--pack-destination', consumer)) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = tarball.files.map(({ path }) => path);

  writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  run(consumer, 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', `./${tarball.filename}`);
  cpSync(`${root}test/package/built/consumers`, consumer, { recursive: true });
  for (const script of ['smoke.mjs', 'smoke.cjs', 'smoke-use.cjs'])
    cpSync(`${root}scripts/${script}`, join(consumer, script));
});

afterAll(() => {
  rmSync(consumer, { recursive: true, force: true });
});

describe('the tarball', () => {
  it('has what is built, the licence and the readme in it, and nothing else', () => {
    const others = packed.filter((path) => !path.startsWith('dist/'));
    expect(others).toEqual(expect.arrayContaining(['LICENSE', 'package.json']));
    expect(others.filter((path) => !['LICENSE', 'README.md', 'package.json'].includes(path))).toEqual([]);
  });

  it('shows no path of the machine that built it', () => {
    for (const path of packed.filter((each) => each.startsWith('dist/'))) {
      expect(readFileSync(root + path, 'utf8')).not.toContain(root);
    }
  });
});

describe('the installed package', () => {
  it('works from ESM', () => {
    expect(run(consumer, process.execPath, 'smoke.mjs')).toBe('esm ok\n');
  });

  it('works from CommonJS, also where ESM cannot be required', () => {
    expect(run(consumer, process.execPath, '--no-experimental-require-module', 'smoke.cjs')).toBe('cjs ok\n');
  });

  // Wrong uses are among them, with `@ts-expect-error`: types that had become `any` would not pass.
  it.each([
    ['ESM', 'esm', 'tsc'],
    ['CommonJS', 'cjs', 'tsc'],
    ['CommonJS', 'cjs', 'tsc6'],
    ['a bundler', 'bundler', 'tsc'],
  ])('type-checks from TypeScript as %s (%s, %s)', (_what, folder, compiler) => {
    expect(run(consumer, `${root}node_modules/.bin/${compiler}`, '-p', folder)).toBe('');
  });
});
