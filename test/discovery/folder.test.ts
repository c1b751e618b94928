import { rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { type DiscoverInFolder, discoverPlugins } from '../../src/plugins/discovery/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { codeRun, link, plant, pluginCode } from './trees.js';

/** The names of what is discovered. */
async function namesOf(options: DiscoverInFolder): Promise<string[]> {
  return (await discoverPlugins(options)).map(({ name }) => name);
}

describe('discovery in a folder', () => {
  it('finds its files, in the order of their names', async () => {
    const folder = plant({ 'mail.mjs': '', 'audit.js': '', 'Zebra.cjs': '' });
    expect(await namesOf({ folder })).toEqual(['Zebra', 'audit', 'mail']);
  });

  it('tells of a file what can be known without a manifest', async () => {
    const folder = plant({ 'audit.js': '' });
    expect(await discoverPlugins({ folder })).toEqual([
      {
        name: 'audit',
        version: undefined,
        api: undefined,
        source: join(folder, 'audit.js'),
        package: undefined,
        file: join(folder, 'audit.js'),
        load: expect.any(Function),
      },
    ]);
  });

  it('runs no code before it is loaded', async () => {
    const folder = plant({ 'audit.mjs': pluginCode('audit'), 'broken.mjs': 'this is no JavaScript' });
    codeRun();
    const [audit, broken] = await discoverPlugins({ folder });
    expect(codeRun()).toEqual([]);
    expect(await audit?.load()).toMatchObject({ default: { name: 'audit' } });
    expect(codeRun()).toEqual(['audit']);
    expect(await rejectionOf(broken?.load() as Promise<unknown>)).toBeInstanceOf(Error);
  });

  it('finds folders that have a manifest', async () => {
    const folder = plant({
      'audit/package.json': {
        name: '@acme/audit',
        version: '2.0.0',
        ambus: { plugin: './lib/main.js', api: '^1', name: 'acme.audit' },
      },
      'audit/lib/main.js': '',
      'audit/index.js': '',
    });
    expect(await discoverPlugins({ folder })).toMatchObject([
      {
        name: 'acme.audit',
        version: '2.0.0',
        api: '^1',
        package: { name: '@acme/audit', version: '2.0.0' },
        file: join(folder, 'audit/lib/main.js'),
      },
    ]);
  });

  it('finds folders that have an index file, whatever else their package.json says', async () => {
    const folder = plant({
      'audit/index.js': '',
      'mail/index.mjs': '',
      'mail/package.json': { name: '@acme/mail', version: '1.0.0', type: 'module' },
    });
    expect(await discoverPlugins({ folder })).toMatchObject([
      { name: 'audit', file: join(folder, 'audit/index.js'), package: undefined },
      { name: 'mail', file: join(folder, 'mail/index.mjs'), package: undefined },
    ]);
  });

  it('takes the index file whose extension comes first', async () => {
    const folder = plant({ 'audit/index.cjs': '', 'audit/index.mjs': '' });
    expect(await discoverPlugins({ folder })).toMatchObject([{ file: join(folder, 'audit/index.mjs') }]);
    const extensions = ['.cjs', '.mjs'];
    expect(await discoverPlugins({ folder, extensions })).toMatchObject([{ file: join(folder, 'audit/index.cjs') }]);
  });

  it('leaves out folders that have neither, and what lies deeper', async () => {
    const folder = plant({
      'shared/format.js': '',
      'node_modules/audit/index.js': '',
      'deep/package.json': { name: 'deep' },
      'deep/er/index.js': '',
      'odd/index.js/file.txt': '',
    });
    expect(await discoverPlugins({ folder })).toEqual([]);
  });

  it.each([
    '.audit.js',
    '_audit.js',
    '.js',
    'audit.d.ts',
    'audit.d.mts',
    'audit.test.js',
    'audit.test.ts',
    'audit.spec.mjs',
    'audit.js.map',
    'audit.json',
    'README.md',
    'js',
    '.git/index.js',
    '_shared/index.js',
    '__tests__/index.js',
  ])('leaves out %s', async (path) => {
    const folder = plant({ [path]: '', 'mail.js': '' });
    expect(await namesOf({ folder, extensions: ['.js', '.mjs', '.ts', '.mts'] })).toEqual(['mail']);
  });

  it('takes other extensions where told to', async () => {
    const folder = plant({ 'audit.ts': '', 'audit.js': '', 'mail/index.ts': '', 'audit.d.ts': '' });
    expect(await discoverPlugins({ folder, extensions: ['.ts'] })).toMatchObject([
      { name: 'audit', file: join(folder, 'audit.ts') },
      { name: 'mail', file: join(folder, 'mail/index.ts') },
    ]);
  });

  it('takes extensions of several parts, the longest that fits', async () => {
    const folder = plant({ 'audit.plugin.js': '', 'mail.js': '' });
    expect(await namesOf({ folder, extensions: ['.plugin.js'] })).toEqual(['audit']);
    expect(await namesOf({ folder, extensions: ['.js', '.plugin.js'] })).toEqual(['audit', 'mail']);
  });

  it('follows links to files and folders', async () => {
    const root = plant({ 'elsewhere/audit.js': '', 'elsewhere/mail/index.js': '', 'plugins/_keep': '' });
    link(root, 'plugins/audit.js', 'elsewhere/audit.js');
    link(root, 'plugins/mail', 'elsewhere/mail');
    expect(await namesOf({ folder: join(root, 'plugins') })).toEqual(['audit', 'mail']);
  });

  it('reads another field where told to', async () => {
    const folder = plant({ 'audit/package.json': { shop: './plugin.js', ambus: 5 }, 'audit/plugin.js': '' });
    expect(await namesOf({ folder, field: 'shop' })).toEqual(['audit']);
  });

  it('calls a package without a name what its folder is called', async () => {
    const folder = plant({ 'audit/package.json': { ambus: './plugin.js' }, 'audit/plugin.js': '' });
    expect(await discoverPlugins({ folder })).toMatchObject([{ name: 'audit', package: { name: 'audit' } }]);
  });

  it('is found by a path from the current folder, and by a URL', async () => {
    const folder = plant({ 'plugins/audit.js': '' });
    expect(await namesOf({ folder: relative(process.cwd(), join(folder, 'plugins')) })).toEqual(['audit']);
    expect(await namesOf({ folder: new URL('./plugins', pathToFileURL(`${folder}/`)) })).toEqual(['audit']);
    expect(await namesOf({ folder: pathToFileURL(join(folder, 'plugins')).href })).toEqual(['audit']);
  });

  it('finds nothing in an empty one', async () => {
    const folder = plant({ 'README.md': '' });
    rmSync(join(folder, 'README.md'));
    expect(await discoverPlugins({ folder })).toEqual([]);
  });
});

describe('the filter of a folder', () => {
  it('is asked with the names of files and folders that could be plugins, in order', async () => {
    const folder = plant({ 'mail/index.js': '', 'audit.js': '', 'README.md': '', '_shared.js': '', 'a.test.js': '' });
    const filter = vi.fn((name: string) => name === 'mail');
    expect(await namesOf({ folder, filter })).toEqual(['mail']);
    expect(filter.mock.calls).toEqual([['audit.js'], ['mail']]);
  });

  it('may answer later, and leaves out what is broken', async () => {
    const folder = plant({ 'audit.js': '', 'mail/package.json': '{' });
    expect(await namesOf({ folder, filter: async (name) => name !== 'mail' })).toEqual(['audit']);
  });
});

describe('a folder of plugins that is not as it should be', () => {
  it('may not exist', async () => {
    const folder = join(plant({}), 'plugins');
    expect(await rejectionOf(discoverPlugins({ folder }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringMatching(/^The folder of plugins .+plugins can't be read: ENOENT/),
      details: { folder },
      cause: { code: 'ENOENT' },
    });
  });

  it('may be a file', async () => {
    const folder = join(plant({ 'plugins.js': '' }), 'plugins.js');
    expect(await rejectionOf(discoverPlugins({ folder }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      cause: { code: 'ENOTDIR' },
    });
  });

  it('may have a link in it that leads nowhere', async () => {
    const folder = plant({});
    link(folder, 'audit.js', 'gone.js');
    expect(await rejectionOf(discoverPlugins({ folder }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringContaining(`The link ${join(folder, 'audit.js')} leads nowhere: ENOENT`),
    });
  });

  it('may have a link in it that leads to itself', async () => {
    const folder = plant({ 'mail/README.md': '' });
    link(folder, 'mail/index.js', 'mail/index.js');
    expect(await rejectionOf(discoverPlugins({ folder }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringContaining(`${join(folder, 'mail/index.js')} can't be read: ELOOP`),
    });
  });

  it('may have a plugin twice, as ES module and as CommonJS', async () => {
    const folder = plant({ 'audit.js': '', 'audit.cjs': '', 'mail.js': '' });
    const files = [join(folder, 'audit.cjs'), join(folder, 'audit.js')];
    expect(await rejectionOf(discoverPlugins({ folder }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: `Two plugins in ${folder} are called "audit": ${files.join(' and ')}. Say which one with "extensions" or "filter".`,
      details: { folder, files },
    });
    expect(await namesOf({ folder, extensions: ['.cjs'] })).toEqual(['audit']);
  });

  it('may have a broken manifest in it', async () => {
    const folder = plant({ 'audit/package.json': '{', 'audit/index.js': '' });
    expect(await rejectionOf(discoverPlugins({ folder }))).toMatchObject({
      code: 'INVALID_MANIFEST',
      details: { file: join(folder, 'audit/package.json') },
    });
  });
});
