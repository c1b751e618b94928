import { realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { AmbusError } from '../../src/index.js';
import { type DiscoverOptions, discoverPlugins } from '../../src/plugins/discovery/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { codeRun, dependingOn, grow, installed, link, plant, pluginCode, type Tree } from './trees.js';

/** The names of what is discovered. */
async function namesOf(options: DiscoverOptions): Promise<string[]> {
  return (await discoverPlugins(options)).map(({ name }) => name);
}

describe('discovery among dependencies', () => {
  it('finds those whose package.json says that they are plugins', async () => {
    const from = plant({
      'package.json': dependingOn('audit', 'left-pad'),
      ...installed('audit'),
      'node_modules/left-pad/package.json': { name: 'left-pad', version: '1.3.0' },
    });
    expect(await discoverPlugins({ from })).toEqual([
      {
        name: 'audit',
        version: '1.0.0',
        api: undefined,
        source: join(from, 'node_modules/audit/plugin.js'),
        package: { name: 'audit', version: '1.0.0' },
        file: join(from, 'node_modules/audit/plugin.js'),
        load: expect.any(Function),
      },
    ]);
  });

  it('tells the name and the API range that the manifest has', async () => {
    const manifest = { plugin: './plugin.js', api: '^2.1', name: 'acme.audit' };
    const from = plant({ 'package.json': dependingOn('audit'), ...installed('audit', manifest) });
    const [plugin] = await discoverPlugins({ from });
    expect(plugin).toMatchObject({ name: 'acme.audit', api: '^2.1', package: { name: 'audit', version: '1.0.0' } });
  });

  it('takes a path for a whole manifest', async () => {
    const from = plant({
      'package.json': dependingOn('audit'),
      ...installed('audit', undefined, { ambus: './plugin.js' }),
    });
    expect(await namesOf({ from })).toEqual(['audit']);
  });

  it('takes a path without a dot at its start, as "main" does', async () => {
    const from = plant({ 'package.json': dependingOn('audit'), ...installed('audit', { plugin: 'plugin.js' }) });
    expect(await namesOf({ from })).toEqual(['audit']);
  });

  it('takes a path that leaves a folder of the package and stays within the package', async () => {
    const from = plant({ 'package.json': dependingOn('audit'), ...installed('audit', { plugin: './a/../plugin.js' }) });
    expect((await discoverPlugins({ from }))[0]?.file).toBe(join(from, 'node_modules/audit/plugin.js'));
  });

  it('takes a file whose name starts with two dots', async () => {
    const from = plant({
      'package.json': dependingOn('audit'),
      ...installed('audit', { plugin: './..plugin.js' }),
      'node_modules/audit/..plugin.js': '',
    });
    expect(await namesOf({ from })).toEqual(['audit']);
  });

  it('lists them in the order of their names, whatever the order in package.json', async () => {
    const from = plant({
      'package.json': dependingOn('zebra', '@acme/mail', 'audit', 'b'),
      ...installed('zebra', { plugin: './plugin.js', name: 'a' }),
      ...installed('@acme/mail'),
      ...installed('audit'),
      ...installed('b', { plugin: './plugin.js', name: 'Z' }),
    });
    expect(await namesOf({ from })).toEqual(['@acme/mail', 'Z', 'a', 'audit']);
  });

  it('runs none of their code before they are loaded', async () => {
    const from = plant({
      'package.json': dependingOn('audit', 'broken', 'mail'),
      ...installed('audit', undefined, { main: './plugin.js', exports: './plugin.js' }),
      ...installed('broken'),
      'node_modules/broken/plugin.js': 'this is no JavaScript',
      ...installed('mail'),
    });
    codeRun();
    const [audit, broken, mail] = await discoverPlugins({ from });
    expect(codeRun()).toEqual([]);
    await audit?.load();
    expect(codeRun()).toEqual(['audit']);
    await mail?.load();
    expect(codeRun()).toEqual(['mail']);
    expect(await rejectionOf(broken?.load() as Promise<unknown>)).toBeInstanceOf(Error);
  });

  it('loads the module whose default export is the plugin', async () => {
    const from = plant({ 'package.json': dependingOn('audit'), ...installed('audit') });
    const [audit] = await discoverPlugins({ from });
    expect(await audit?.load()).toMatchObject({ default: { name: 'audit' } });
  });

  it('runs the code of a plugin once, however often it is loaded', async () => {
    const from = plant({ 'package.json': dependingOn('audit'), ...installed('audit') });
    const [audit] = await discoverPlugins({ from });
    codeRun();
    const [one, other] = [await audit?.load(), await audit?.load()];
    expect(one).toBe(other);
    expect(codeRun()).toEqual(['audit']);
  });

  it('gives out descriptors that nobody can change', async () => {
    const from = plant({ 'package.json': dependingOn('audit'), ...installed('audit') });
    const [audit] = await discoverPlugins({ from });
    expect(Object.isFrozen(audit)).toBe(true);
    expect(Object.isFrozen(audit?.package)).toBe(true);
  });

  it('finds nothing where there are no dependencies', async () => {
    expect(await discoverPlugins({ from: plant({ 'package.json': {} }) })).toEqual([]);
  });

  it('does not look at what dependencies depend on, at peers, or at the package itself', async () => {
    const from = plant({
      'package.json': { ...dependingOn('framework'), peerDependencies: { peer: '1' }, ambus: './none.js' },
      'node_modules/framework/package.json': { name: 'framework', ...dependingOn('audit') },
      ...installed('audit'),
      ...installed('peer'),
    });
    expect(await discoverPlugins({ from })).toEqual([]);
  });

  it('looks at devDependencies only when asked to', async () => {
    const from = plant({
      'package.json': { ...dependingOn('audit'), devDependencies: { tracer: '1' } },
      ...installed('audit'),
      ...installed('tracer'),
    });
    expect(await namesOf({ from })).toEqual(['audit']);
    expect(await namesOf({ from, dev: false })).toEqual(['audit']);
    expect(await namesOf({ from, dev: true })).toEqual(['audit', 'tracer']);
  });

  it('reads another field where told to', async () => {
    const from = plant({
      'package.json': dependingOn('audit', 'mail'),
      ...installed('audit'),
      ...installed('mail', undefined, { ambus: undefined, shop: './plugin.js' }),
    });
    expect(await namesOf({ from, field: 'shop' })).toEqual(['mail']);
  });

  it('does not take for a field what every object has', async () => {
    const from = plant({ 'package.json': dependingOn('audit'), ...installed('audit') });
    expect(await discoverPlugins({ from, field: 'constructor' })).toEqual([]);
  });

  it('reads a package.json that starts with a byte order mark', async () => {
    const manifest = { name: 'audit', version: '1.0.0', ambus: './plugin.js' };
    const from = plant({
      'package.json': `\uFEFF${JSON.stringify(dependingOn('audit'))}`,
      'node_modules/audit/package.json': `\uFEFF${JSON.stringify(manifest)}`,
      'node_modules/audit/plugin.js': '',
    });
    expect(await namesOf({ from })).toEqual(['audit']);
  });

  it('calls a package without a name what its dependant calls it', async () => {
    const from = plant({
      'package.json': dependingOn('audit'),
      ...installed('audit', undefined, { name: undefined, version: undefined }),
    });
    const [audit] = await discoverPlugins({ from });
    expect(audit).toMatchObject({ name: 'audit', version: undefined, package: { name: 'audit', version: undefined } });
  });

  it('calls a package that is installed under another name by its own', async () => {
    const from = plant({
      'package.json': dependingOn('audit-old'),
      ...installed('audit-old', undefined, { name: 'audit' }),
    });
    expect(await namesOf({ from })).toEqual(['audit']);
  });
});

describe('the package whose dependencies are looked at', () => {
  const files: Tree = {
    'package.json': dependingOn('audit'),
    ...installed('audit'),
    'src/server/main.js': '',
  };

  it.each<[string, (root: string) => string | URL]>([
    ['its folder', (root) => root],
    ['its folder, with a slash at the end', (root) => `${root}/`],
    ['a folder in it', (root) => join(root, 'src/server')],
    ['a file in it', (root) => join(root, 'src/server/main.js')],
    ['the package.json', (root) => join(root, 'package.json')],
    ['the address of a file in it, as import.meta.url', (root) => pathToFileURL(join(root, 'src/server/main.js')).href],
    ['the address of its folder', (root) => pathToFileURL(`${root}/`)],
    ['a path from the current folder', (root) => relative(process.cwd(), root)],
  ])('is found from %s', async (_what, from) => {
    expect(await namesOf({ from: from(plant(files)) })).toEqual(['audit']);
  });

  it('is found from a URL that is not the one of Node, as in a simulated browser', async () => {
    const { href } = pathToFileURL(plant(files));
    expect(await namesOf({ from: { href } as URL })).toEqual(['audit']);
  });

  it('is found where its path has spaces and other odd characters', async () => {
    const root = plant(Object.fromEntries(Object.entries(files).map(([path, text]) => [`a b#c%20ü/${path}`, text])));
    const from = pathToFileURL(join(root, 'a b#c%20ü/src/server/main.js'));
    expect(await namesOf({ from })).toEqual(['audit']);
  });

  it('is that of the current folder where nothing is said', async () => {
    const root = plant(files);
    vi.spyOn(process, 'cwd').mockReturnValue(join(root, 'src'));
    expect((await discoverPlugins()).map(({ name }) => name)).toEqual(['audit']);
    expect(await namesOf({})).toEqual(['audit']);
  });

  it('is the nearest one', async () => {
    const root = plant({ ...files, 'src/package.json': { name: 'inner' } });
    expect(await namesOf({ from: join(root, 'src/server') })).toEqual([]);
  });

  it('is not the package.json that a build has put into dist to say what its files are', async () => {
    const root = plant({ ...files, 'dist/esm/package.json': { type: 'module', sideEffects: false } });
    expect(await namesOf({ from: join(root, 'dist/esm') })).toEqual(['audit']);
  });

  it('is such a one where there is no other', async () => {
    const from = plant({ 'package.json': { type: 'module' } });
    expect(await discoverPlugins({ from })).toEqual([]);
  });

  it('is where a link leads, as for Node', async () => {
    const root = plant(Object.fromEntries(Object.entries(files).map(([path, text]) => [`releases/1/${path}`, text])));
    link(root, 'current', 'releases/1');
    const [audit] = await discoverPlugins({ from: join(root, 'current/src') });
    expect(audit?.file).toBe(join(root, 'releases/1/node_modules/audit/plugin.js'));
  });
});

describe('a dependency', () => {
  it('may be in a node_modules further up, as in a monorepo', async () => {
    const root = plant({
      'package.json': { private: true, workspaces: ['apps/*'] },
      ...installed('audit'),
      'apps/shop/package.json': dependingOn('audit', 'mail'),
      'apps/shop/node_modules/mail/package.json': { name: 'mail', ambus: './plugin.js' },
      'apps/shop/node_modules/mail/plugin.js': '',
    });
    expect(await namesOf({ from: join(root, 'apps/shop') })).toEqual(['audit', 'mail']);
  });

  it('is taken from the nearest node_modules that has it', async () => {
    const root = plant({
      ...installed('audit', undefined, { version: '1.0.0' }),
      'apps/shop/package.json': dependingOn('audit'),
      'apps/shop/node_modules/audit/package.json': { name: 'audit', version: '2.0.0', ambus: './plugin.js' },
      'apps/shop/node_modules/audit/plugin.js': '',
    });
    expect(await discoverPlugins({ from: join(root, 'apps/shop') })).toMatchObject([{ version: '2.0.0' }]);
  });

  it('may be a workspace, which node_modules has a link to', async () => {
    const root = plant({
      'package.json': { private: true, workspaces: ['apps/*', 'plugins/*'] },
      'plugins/audit/package.json': { name: '@acme/audit', type: 'module', ambus: './src/plugin.js' },
      'plugins/audit/src/plugin.js': pluginCode('audit'),
      'apps/shop/package.json': dependingOn('@acme/audit'),
      'apps/shop/main.js': '',
    });
    link(root, 'node_modules/@acme/audit', 'plugins/audit');
    const [audit] = await discoverPlugins({ from: pathToFileURL(join(root, 'apps/shop/main.js')) });
    expect(audit).toMatchObject({ name: '@acme/audit', file: join(root, 'plugins/audit/src/plugin.js') });
    expect(await audit?.load()).toMatchObject({ default: { name: 'audit' } });
  });

  it('may be in a store of links, as pnpm has it', async () => {
    const store = 'node_modules/.pnpm';
    const root = plant({
      'package.json': dependingOn('app'),
      [`${store}/app@1.0.0/node_modules/app/package.json`]: { name: 'app', ...dependingOn('audit') },
      [`${store}/audit@1.0.0/node_modules/audit/package.json`]: { name: 'audit', ambus: './plugin.js' },
      [`${store}/audit@1.0.0/node_modules/audit/plugin.js`]: '',
    });
    link(root, 'node_modules/app', `${store}/app@1.0.0/node_modules/app`);
    link(root, `${store}/app@1.0.0/node_modules/audit`, `${store}/audit@1.0.0/node_modules/audit`);
    expect(await namesOf({ from: join(root, 'node_modules/app') })).toEqual(['audit']);
  });

  it('is found beside a package that is itself in node_modules', async () => {
    const root = plant({
      'node_modules/framework/package.json': { name: 'framework', ...dependingOn('audit') },
      ...installed('audit'),
    });
    expect(await namesOf({ from: join(root, 'node_modules/framework') })).toEqual(['audit']);
  });

  it('may hide its package.json with "exports"', async () => {
    const from = plant({
      'package.json': dependingOn('audit'),
      ...installed('audit', undefined, { exports: { '.': { browser: './nothing.js' } } }),
    });
    const [audit] = await discoverPlugins({ from });
    expect(await audit?.load()).toMatchObject({ default: { name: 'audit' } });
  });

  it('that is optional may be missing', async () => {
    const from = plant({ 'package.json': { optionalDependencies: { audit: '1', mail: '1' } }, ...installed('mail') });
    expect(await namesOf({ from })).toEqual(['mail']);
  });

  it('that is listed as required and as optional is optional', async () => {
    const names = { audit: '1', mail: '1' };
    const lists = { dependencies: names, devDependencies: names, optionalDependencies: names };
    const from = plant({ 'package.json': lists, ...installed('mail') });
    expect(await namesOf({ from, dev: true })).toEqual(['mail']);
  });

  it('that is listed for development too is found once', async () => {
    const from = plant({
      'package.json': { ...dependingOn('audit'), devDependencies: { audit: '1' } },
      ...installed('audit'),
    });
    expect(await namesOf({ from, dev: true })).toEqual(['audit']);
  });

  it('that is missing is an error which names all that are', async () => {
    const from = plant({ 'package.json': dependingOn('mail', 'audit', 'left-pad'), ...installed('left-pad') });
    const error = await rejectionOf(discoverPlugins({ from }));
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: `${join(from, 'package.json')} depends on "audit", "mail", which are in no node_modules at or above ${from}. Install them, list them in "optionalDependencies", or leave them out with "filter".`,
      details: { file: join(from, 'package.json'), missing: ['audit', 'mail'] },
    });
  });

  it('that is missing is an error for devDependencies only where these are looked at', async () => {
    const from = plant({ 'package.json': { devDependencies: { tracer: '1' } } });
    expect(await discoverPlugins({ from })).toEqual([]);
    expect(await rejectionOf(discoverPlugins({ from, dev: true }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringContaining('depends on "tracer", which is in no node_modules'),
    });
  });

  it('is missing where its link leads nowhere, and where its folder has no package.json', async () => {
    const from = plant({ 'package.json': dependingOn('audit', 'mail'), 'node_modules/mail/index.js': '' });
    link(from, 'node_modules/audit', 'plugins/audit');
    expect(await rejectionOf(discoverPlugins({ from }))).toMatchObject({ details: { missing: ['audit', 'mail'] } });
  });
});

describe('the filter of dependencies', () => {
  const files: Tree = {
    'package.json': dependingOn('acme-audit', 'left-pad', 'acme-mail'),
    ...installed('acme-audit'),
    ...installed('acme-mail'),
    ...installed('left-pad'),
  };

  it('is asked with the name of each, in order', async () => {
    const filter = vi.fn((name: string) => name.startsWith('acme-'));
    expect(await namesOf({ from: plant(files), filter })).toEqual(['acme-audit', 'acme-mail']);
    expect(filter.mock.calls).toEqual([['acme-audit'], ['acme-mail'], ['left-pad']]);
  });

  it('may answer later', async () => {
    const filter = async (name: string) => name === 'acme-mail';
    expect(await namesOf({ from: plant(files), filter })).toEqual(['acme-mail']);
  });

  it('leaves out what is missing or broken', async () => {
    const from = plant(files);
    grow(from, { 'node_modules/left-pad/package.json': '{', 'node_modules/acme-mail/package.json': { ambus: 5 } });
    grow(from, { 'package.json': dependingOn('acme-audit', 'left-pad', 'acme-mail', 'missing') });
    expect(await namesOf({ from, filter: (name) => name === 'acme-audit' })).toEqual(['acme-audit']);
  });

  it('has what it throws come out', async () => {
    const oops = new Error('oops');
    const filter = (): boolean => {
      throw oops;
    };
    expect(await rejectionOf(discoverPlugins({ from: plant(files), filter }))).toBe(oops);
  });
});

describe('the place to discover from', () => {
  it('must exist', async () => {
    const from = join(plant({}), 'nowhere/main.js');
    expect(await rejectionOf(discoverPlugins({ from }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringContaining(`nothing to discover plugins from at ${from}: ENOENT`),
      cause: { code: 'ENOENT' },
    });
  });

  it('must have a package.json above it', async () => {
    // The folder for temporary files has none, nor have those above it.
    const from = realpathSync(plant({}));
    expect(await rejectionOf(discoverPlugins({ from }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: `There is no package.json at or above ${from}, so nothing says which plugins to take.`,
    });
  });
});
