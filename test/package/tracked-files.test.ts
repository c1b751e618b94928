import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { root } from './repository.js';

/** What belongs to one machine or one network, and has no place in a public repository. */
const foreign = [
  { what: 'a path of one machine', pattern: /(?<![.\w/])\/(?:home|Users|root|w[o]rk|f[a]rm)\/\w/ },
  { what: 'a package registry', pattern: /https?:\/\/(?:registry|deb|security)\.\w/ },
  { what: 'where npm downloaded a package', pattern: /"resolved"\s*:\s*"https?:/ },
];

function findingsIn(text: string): string[] {
  return foreign.filter(({ pattern }) => pattern.test(text)).map(({ what }) => what);
}

/** What is committed, and what would be with `git add .`. */
function repositoryFiles(): string[] {
  return execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: root })
    .toString()
    .split('\0')
    .filter((path) => path !== '' && statSync(root + path, { throwIfNoEntry: false })?.isFile());
}

describe('the files of the repository', () => {
  it('name no path of one machine and no registry', () => {
    const findings = repositoryFiles().flatMap((path) =>
      findingsIn(readFileSync(root + path, 'utf8')).map((what) => `${path}: ${what}`),
    );
    expect(findings).toEqual([]);
  });
});

describe('the check of files', () => {
  // Put together here, so that this file passes its own check.
  it.each([
    ['a path of one machine', ['cd ', 'home', 'someone'].join('/')],
    ['a path of one machine', ['("', 'work', 'main")'].join('/')],
    ['a package registry', ['https:', '', 'registry.example.org', 'x'].join('/')],
    ['where npm downloaded a package', `"resolved": "${['https:', '', 'x.example', 'y.tgz'].join('/')}"`],
  ])('finds %s in %j', (what, text) => {
    expect(findingsIn(text)).toContain(what);
  });

  it('does not mind links, relative paths and package names', () => {
    expect(findingsIn('https://www.npmjs.com/package/ambus, ./home/x, src/root/y, node_modules/registry')).toEqual([]);
  });
});
