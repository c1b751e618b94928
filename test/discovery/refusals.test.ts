import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AmbusError } from '../../src/index.js';
import { discoverPlugins } from '../../src/plugins/discovery/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { dependingOn, installed, link, plant } from './trees.js';

/** Options that make no sense, the code that says so, and the option that it names. */
const BAD_OPTIONS: readonly (readonly [string, unknown, string, string?])[] = [
  ['options that are null', null, 'INVALID_ARGUMENT'],
  ['options that are a path', '/shop', 'INVALID_ARGUMENT'],
  ['options that are a list', [], 'INVALID_ARGUMENT'],
  ['a misspelt option', { form: '/shop' }, 'UNKNOWN_OPTION', 'form'],
  ['from that is empty', { from: '' }, 'INVALID_OPTION', 'from'],
  ['from that is null', { from: null }, 'INVALID_OPTION', 'from'],
  ['from that is a number', { from: 5 }, 'INVALID_OPTION', 'from'],
  ['from that is an object', { from: {} }, 'INVALID_OPTION', 'from'],
  ['from that is a URL of the web', { from: new URL('https://example.com/') }, 'INVALID_OPTION', 'from'],
  ['from that is the text of such a URL', { from: 'https://example.com/' }, 'INVALID_OPTION', 'from'],
  ['from that is no path of a file', { from: 'file:///a%2Fb' }, 'INVALID_OPTION', 'from'],
  ['a folder that is empty', { folder: '' }, 'INVALID_OPTION', 'folder'],
  ['a folder that is null', { folder: null }, 'INVALID_OPTION', 'folder'],
  ['a folder that is a URL of the web', { folder: 'https://example.com/' }, 'INVALID_OPTION', 'folder'],
  ['a folder together with from', { folder: '.', from: '.' }, 'INVALID_OPTION', 'from'],
  ['a folder together with dev', { folder: '.', dev: true }, 'INVALID_OPTION', 'dev'],
  ['extensions without a folder', { extensions: ['.js'] }, 'INVALID_OPTION', 'extensions'],
  ['extensions that are text', { folder: '.', extensions: '.js' }, 'INVALID_OPTION', 'extensions'],
  ['extensions that are none', { folder: '.', extensions: [] }, 'INVALID_OPTION', 'extensions'],
  ['an extension without a dot', { folder: '.', extensions: ['js'] }, 'INVALID_OPTION', 'extensions'],
  ['an extension that is a dot', { folder: '.', extensions: ['.'] }, 'INVALID_OPTION', 'extensions'],
  ['an extension that is a path', { folder: '.', extensions: ['./js'] }, 'INVALID_OPTION', 'extensions'],
  ['an extension that is no text', { folder: '.', extensions: [['.js']] }, 'INVALID_OPTION', 'extensions'],
  ['a field that is empty', { field: '' }, 'INVALID_OPTION', 'field'],
  ['a field that is no text', { field: 5 }, 'INVALID_OPTION', 'field'],
  ['a filter that is no function', { filter: /audit/ }, 'INVALID_OPTION', 'filter'],
  ['dev that is text', { dev: 'yes' }, 'INVALID_OPTION', 'dev'],
];

describe('discoverPlugins', () => {
  it.each(BAD_OPTIONS)('refuses %s', async (_what, options, code, option) => {
    const error = await rejectionOf(discoverPlugins(options as never));
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toMatchObject({ code, ...(option === undefined ? {} : { details: { option } }) });
  });

  it('refuses what belongs to the other way of looking when it compiles, too', async () => {
    // @ts-expect-error -- a folder has no dependencies
    expect(await rejectionOf(discoverPlugins({ folder: '.', from: '.' }))).toBeInstanceOf(AmbusError);
    // @ts-expect-error -- a dependency has a manifest that names its file
    expect(await rejectionOf(discoverPlugins({ from: '.', extensions: ['.js'] }))).toBeInstanceOf(AmbusError);
  });

  it('says what is expected of an option', async () => {
    expect(await rejectionOf(discoverPlugins({ from: 'https://example.com/' }))).toMatchObject({
      message: 'Expected "from" of discoverPlugins to be a path or a file: URL, got "https://example.com/".',
    });
    expect(await rejectionOf(discoverPlugins({ folder: '.', dev: true } as never))).toMatchObject({
      message: 'Expected "dev" of discoverPlugins to be left out where there is a "folder", got true.',
    });
  });
});

/** Discovers in a package whose one dependency has this package.json: what comes of it, and the file. */
async function errorOf(manifest: string | object): Promise<{ error: unknown; file: string; folder: string }> {
  const root = plant({ 'package.json': dependingOn('audit'), 'node_modules/audit/package.json': manifest });
  const folder = join(root, 'node_modules/audit');
  return { error: await rejectionOf(discoverPlugins({ from: root })), file: join(folder, 'package.json'), folder };
}

/** Manifests that make no sense: the field that is named, and what is said after the name of the file. */
const BAD_MANIFESTS: readonly (readonly [string, unknown, string, string])[] = [
  ['a number', 5, 'ambus', 'to be an object with "plugin", or a path, got 5.'],
  ['null', null, 'ambus', 'to be an object with "plugin", or a path, got null.'],
  ['false', false, 'ambus', 'to be an object with "plugin", or a path, got false.'],
  ['a list', ['./plugin.js'], 'ambus', 'to be an object with "plugin", or a path, got an array of 1.'],
  ['an empty path', '', 'ambus', 'to be a relative path, with slashes, of a file in the package, got "".'],
  [
    'a path outside',
    '../x.js',
    'ambus',
    'to be a relative path, with slashes, of a file in the package, got "../x.js".',
  ],
  ['an empty object', {}, 'ambus.plugin', 'of a file in the package, got undefined.'],
  ['a plugin that is no text', { plugin: true }, 'ambus.plugin', 'of a file in the package, got true.'],
  ['a plugin that is empty', { plugin: '' }, 'ambus.plugin', 'of a file in the package, got "".'],
  ['a plugin outside', { plugin: './a/../../x.js' }, 'ambus.plugin', 'of a file in the package, got "./a/../../x.js".'],
  ['the folder above', { plugin: '..' }, 'ambus.plugin', 'of a file in the package, got "..".'],
  ['an absolute path', { plugin: '/plugin.js' }, 'ambus.plugin', 'of a file in the package, got "/plugin.js".'],
  ['a path on a drive', { plugin: 'C:/plugin.js' }, 'ambus.plugin', 'of a file in the package, got "C:/plugin.js".'],
  ['a URL', { plugin: 'file:///plugin.js' }, 'ambus.plugin', 'of a file in the package, got "file:///plugin.js".'],
  ['backslashes', { plugin: '.\\plugin.js' }, 'ambus.plugin', 'of a file in the package, got ".\\plugin.js".'],
  [
    'an API that is a number',
    { plugin: './plugin.js', api: 2 },
    'ambus.api',
    'to be a range of versions, such as "^2", got 2.',
  ],
  ['an API that is no range', { plugin: './plugin.js', api: '^^2' }, 'ambus.api', 'such as "^2", got "^^2".'],
  ['a name that is empty', { plugin: './plugin.js', name: '' }, 'ambus.name', 'to be a name, got "".'],
  [
    'a name that is no text',
    { plugin: './plugin.js', name: {} },
    'ambus.name',
    'to be a name, got an object (Object).',
  ],
];

describe('a manifest', () => {
  it.each(BAD_MANIFESTS)('can not be %s', async (_what, ambus, field, said) => {
    const { error, file } = await errorOf({ name: 'audit', ambus });
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toMatchObject({ code: 'INVALID_MANIFEST', details: { file, field, expected: expect.any(String) } });
    expect((error as Error).message).toContain(`Expected "${field}" in ${file} to be `);
    expect((error as Error).message).toContain(said);
  });

  it.each([
    ['plugins', 'Did you mean "plugin"?'],
    ['API', 'Did you mean "api"?'],
    ['description', 'Known are plugin, api, name.'],
  ])('has no field "%s"', async (key, hint) => {
    const { error, file } = await errorOf({ ambus: { plugin: './plugin.js', [key]: 'x' } });
    expect(error).toMatchObject({
      code: 'INVALID_MANIFEST',
      message: `Unknown field "ambus.${key}" in ${file}. ${hint}`,
      details: { file, field: `ambus.${key}` },
    });
  });

  it('names the field that it was looked for in', async () => {
    const from = plant({ 'package.json': dependingOn('audit'), ...installed('audit', {}, { shop: { api: 2 } }) });
    expect(await rejectionOf(discoverPlugins({ from, field: 'shop' }))).toMatchObject({
      details: { field: 'shop.api' },
    });
  });

  it.each([
    ['that is not there', './dist/plugin.js'],
    ['that is a folder', '.'],
    ['that is in a file', './package.json/plugin.js'],
  ])('can not name a file %s', async (_what, plugin) => {
    const { error, file, folder } = await errorOf({ ambus: { plugin } });
    expect(error).toMatchObject({
      code: 'INVALID_MANIFEST',
      message: `Expected "ambus.plugin" in ${file} to be a file, but there is none at ${join(folder, plugin)}. Has the package been built?`,
      details: { file, field: 'ambus.plugin', value: plugin },
    });
  });
});

describe('a package.json', () => {
  it('that is no JSON is named, with what the parser says', async () => {
    const { error, file } = await errorOf('{ "name": "audit", }');
    const { cause, message } = error as Error;
    expect(error).toMatchObject({ code: 'INVALID_MANIFEST', details: { file } });
    expect(cause).toBeInstanceOf(SyntaxError);
    expect(message).toBe(`Expected ${file} to be JSON, but it isn't: ${(cause as Error).message}`);
  });

  it.each([
    ['empty', ''],
    ['cut off', '{ "name": "aud'],
  ])('that is %s is no JSON either', async (_what, text) => {
    expect((await errorOf(text)).error).toMatchObject({ code: 'INVALID_MANIFEST', cause: expect.any(SyntaxError) });
  });

  it.each([
    ['[]', 'an array of 0'],
    ['null', 'null'],
    ['"audit"', '"audit"'],
  ])('that is %s is no object', async (text, shown) => {
    const { error, file } = await errorOf(text);
    expect(error).toMatchObject({
      code: 'INVALID_MANIFEST',
      message: `Expected ${file} to be an object, got ${shown}.`,
    });
  });

  it('that can not be read is named', async () => {
    const from = plant({ 'package.json': dependingOn('audit') });
    const file = join(from, 'node_modules/audit/package.json');
    mkdirSync(file, { recursive: true });
    expect(await rejectionOf(discoverPlugins({ from }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringContaining(`${file} can't be read: EISDIR`),
      cause: { code: 'EISDIR' },
    });
  });

  it('whose folder is a link to itself can not be read', async () => {
    const from = plant({ 'package.json': dependingOn('audit') });
    link(from, 'node_modules/audit', 'node_modules/audit');
    expect(await rejectionOf(discoverPlugins({ from }))).toMatchObject({
      code: 'DISCOVERY_FAILED',
      message: expect.stringContaining(`${join(from, 'node_modules/audit')} can't be read: ELOOP`),
    });
  });

  it('of the dependant is named where it is broken', async () => {
    const from = plant({ 'package.json': '{' });
    expect(await rejectionOf(discoverPlugins({ from }))).toMatchObject({
      code: 'INVALID_MANIFEST',
      details: { file: join(from, 'package.json') },
    });
  });

  it.each(['dependencies', 'optionalDependencies', 'devDependencies'])('lists %s in an object', async (field) => {
    const from = plant({ 'package.json': { [field]: ['audit'] } });
    expect(await rejectionOf(discoverPlugins({ from, dev: true }))).toMatchObject({
      code: 'INVALID_MANIFEST',
      message: `Expected "${field}" in ${join(from, 'package.json')} to be an object of versions by name, got an array of 1.`,
    });
  });

  it.each(['', '..', '../audit', '/audit', '.bin', 'a/b', '@acme', '@acme/', '@acme/..', 'a\\b', '@a/b/c'])(
    'depends on packages, of which none is called "%s"',
    async (name) => {
      const from = plant({ 'package.json': dependingOn(name), ...installed('audit') });
      expect(await rejectionOf(discoverPlugins({ from }))).toMatchObject({
        code: 'INVALID_MANIFEST',
        message: `Expected the keys of "dependencies" in ${join(from, 'package.json')} to be names of packages, got "${name}".`,
      });
    },
  );
});
