import { describe, expect, it } from 'vitest';
import { codeExports, root } from '../repository.js';
import { run } from './command.js';

/** Starts a Node that loads `file`, and returns the addresses of everything that was loaded for it. */
function loadedByImport(file: string): string[] {
  const hooks = `
    import { writeSync } from 'node:fs';
    export function load(url, context, next) { writeSync(1, url + '\\n'); return next(url, context); }
  `;
  const script = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hooks)}));
    await import(${JSON.stringify(file)});
  `;
  return lines(run(root, process.execPath, '--input-type=module', '--eval', script));
}

function loadedByRequire(file: string): string[] {
  const script = `require(${JSON.stringify(file)}); console.log(Object.keys(require.cache).join('\\n'));`;
  const args = ['--no-experimental-require-module', '--input-type=commonjs', '--eval', script];
  return lines(run(root, process.execPath, ...args));
}

function lines(output: string): string[] {
  return output.trim().split('\n');
}

/** The packages and Node modules among what was loaded; our own files are what was asked for. */
function foreignAmong(loaded: readonly string[]): string[] {
  const names = loaded.flatMap((url) => {
    if (url.startsWith('node:')) return url;
    return /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [];
  });
  return [...new Set(names)].sort();
}

describe('loading', () => {
  it('ambus by import loads eventemitter3 and nothing else', () => {
    expect(foreignAmong(loadedByImport('ambus'))).toEqual(['eventemitter3']);
  });

  it('ambus by require loads eventemitter3 and nothing else', () => {
    expect(foreignAmong(loadedByRequire('ambus'))).toEqual(['eventemitter3']);
  });

  it('ambus/queue by import loads eventemitter3 and p-queue with what that needs', () => {
    expect(foreignAmong(loadedByImport('ambus/queue'))).toEqual(['eventemitter3', 'p-queue', 'p-timeout']);
  });

  it('ambus/queue by require loads eventemitter3 and nothing else, as p-queue is bundled', () => {
    expect(foreignAmong(loadedByRequire('ambus/queue'))).toEqual(['eventemitter3']);
  });

  it.each([loadedByImport, loadedByRequire])('ambus/plugins loads eventemitter3 and semver: %o', (loaded) => {
    expect(foreignAmong(loaded('ambus/plugins'))).toEqual(['eventemitter3', 'semver']);
  });

  it.each([loadedByImport, loadedByRequire])('ambus/discovery needs Node, and loads semver: %o', (loaded) => {
    const foreign = foreignAmong(loaded('ambus/discovery'));
    expect(foreign.filter((name) => !name.startsWith('node:'))).toEqual(['semver']);
  });

  const withPackages = ['.', './queue', './plugins', './discovery'];

  it.each(codeExports().filter(([subpath]) => !withPackages.includes(subpath)))(
    '%s loads no package of its own',
    (_path, conditions) => {
      expect([[], ['eventemitter3']]).toContainEqual(foreignAmong(loadedByImport(root + conditions.import.default)));
      expect([[], ['eventemitter3']]).toContainEqual(foreignAmong(loadedByRequire(root + conditions.require.default)));
    },
  );
});

describe('the check of loading', () => {
  it('sees packages and Node modules', () => {
    expect(foreignAmong(loadedByImport('p-queue'))).toEqual(['eventemitter3', 'p-queue', 'p-timeout']);
    expect(foreignAmong(loadedByImport('node:events'))).toEqual(['node:events']);
  });
});
