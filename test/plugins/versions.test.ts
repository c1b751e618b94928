import { describe, expect, it } from 'vitest';
import { rejectionOf } from '../bus/deferred.js';
import { expectError, openStage } from './hosts.js';

/** Version, range, and whether the one satisfies the other. */
const table: [string, string, boolean][] = [
  ['2.3.0', '^2.0', true],
  ['2.3.0', '^2', true],
  ['2.3.0', '2.x', true],
  ['2.3.0', '*', true],
  ['2.3.0', '', true],
  ['2.3.0', '>=1.5 <3', true],
  ['2.3.0', '1 || 2', true],
  ['2.3.0', '1.0.0 - 2.9.9', true],
  ['2.3.0', '2.3.0', true],
  ['2.3.0', '~2.3', true],
  ['2.3.0', '~2.2', false],
  ['2.3.0', '^1', false],
  ['2.3.0', '^2.3.1', false],
  ['2.3.0', '^3', false],
  ['2.3.0', '<2.3.0', false],
  ['0.2.5', '^0.2', true],
  ['0.3.0', '^0.2', false],
  ['2.4.0+build.5', '^2.4.0', true],
  // A prerelease counts as the release that it is to become ...
  ['2.4.0-beta.1', '^2.3', true],
  ['2.4.0-beta.1', '^2.4.0', true],
  ['2.4.0-beta.1', '^2', true],
  ['2.4.0-beta.1', '2.4.0', true],
  ['2.4.0-beta.1', '~2.4', true],
  ['2.4.0-beta.1', '>2.3.9', true],
  ['2.4.0-beta.1', '<=2.4.0', true],
  ['2.4.0-beta.1', '*', true],
  ['2.4.0-beta.1', '<2.4.0', false],
  ['2.4.0-beta.1', '^2.4.1', false],
  ['2.4.0-beta.1', '^1', false],
  ['2.4.0-beta.1', '^2.3.0-beta.1', true],
  ['2.4.0-beta.1', '^2.5.0-beta.1', false],
  // ... unless the range names a prerelease of just that one.
  ['2.4.0-beta.1', '^2.4.0-beta.1', true],
  ['2.4.0-beta.2', '^2.4.0-beta.1', true],
  ['2.4.0-beta.1', '^2.4.0-beta.2', false],
  ['2.4.0-alpha.9', '>=2.4.0-beta.1', false],
  ['2.4.0-rc.1', '>=2.4.0-beta.1 <2.4.0', true],
  ['2.4.0', '^2.4.0-beta.2', true],
  // A prerelease of the next major version is one of that version.
  ['3.0.0-beta.1', '^3', true],
  ['3.0.0-beta.1', '^2', false],
  ['3.0.0-beta.1', '2.x', false],
  ['3.0.0-beta.1', '<3.0.0', false],
  ['3.0.0-beta.1', '<3', false],
  ['3.0.0-beta.1', '>=2 <3', false],
  ['3.0.0-beta.1', '>2', true],
  ['3.0.0-beta.1', '^2 || ^3', true],
  ['3.0.0-0', '^2', false],
];

const verdict = (fits: boolean) => (fits ? 'fits' : 'does not fit');

describe.each(table)('the version %s', (version, range, fits) => {
  it(`of a plugin ${verdict(fits)} ${range}`, async () => {
    const { host, plugin, states } = openStage();
    host.use([plugin('parser', { version }), plugin('printer', { requires: { parser: range } })]);
    if (fits) {
      await host.start();
      expect(states()).toEqual({ parser: 'active', printer: 'active' });
    } else {
      expectError(await rejectionOf(host.start()), 'WRONG_PLUGIN_VERSION', 'parser', 'printer', version, range);
    }
  });

  it(`of a host's API ${verdict(fits)} ${range}`, async () => {
    const { host, plugin, states } = openStage({ api: version });
    host.use(plugin('parser', { api: range }));
    if (fits) {
      await host.start();
      expect(states()).toEqual({ parser: 'active' });
    } else {
      expectError(await rejectionOf(host.start()), 'UNSUPPORTED_API', 'parser', version, range);
    }
  });
});

describe('UNSUPPORTED_API', () => {
  it('says what the host offers, what the plugin asks for, and what to do about a plugin that is too old', async () => {
    const { host, plugin } = openStage({ name: 'shop', api: '2.3.0' });
    host.use(plugin('acme.parser', { api: '^1.4', version: '5.6.7' }));
    const error = await rejectionOf(host.start());
    expectError(error, 'UNSUPPORTED_API', 'acme.parser', '2.3.0', '^1.4');
    expect(error).toMatchObject({ plugin: 'acme.parser', phase: 'validate' });
    expect((error as Error).message).toMatch(/update|upgrade|newer|adapter/i);
  });

  it('says what to do about a plugin that is too new', async () => {
    const { host, plugin } = openStage({ api: '2.3.0' });
    host.use(plugin('acme.parser', { api: '^3' }));
    const error = await rejectionOf(host.start());
    expectError(error, 'UNSUPPORTED_API', 'acme.parser', '2.3.0', '^3');
    expect((error as Error).message).toMatch(/update|upgrade|older|newer/i);
  });

  it('is no matter of plugins that ask for nothing', async () => {
    const { host, plugin, states } = openStage({ api: '99.0.0' });
    host.use([plugin('a'), { name: 'b', handlers: {} }]);
    await host.start();
    expect(states()).toEqual({ a: 'active', b: 'active' });
  });

  it('is no matter of the plugin’s own version', async () => {
    const { host, plugin, states } = openStage({ api: '2.0.0' });
    host.use(plugin('a', { version: '0.1.0', api: '^2' }));
    await host.start();
    expect(states()).toEqual({ a: 'active' });
  });
});

describe('WRONG_PLUGIN_VERSION', () => {
  it('names both plugins, the version and the range', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('parser', { version: '2.1.0' }), plugin('printer', { requires: { parser: '^1.4' } })]);
    const error = await rejectionOf(host.start());
    expectError(error, 'WRONG_PLUGIN_VERSION', 'parser', 'printer', '2.1.0', '^1.4');
    expect(error).toMatchObject({ plugin: 'printer' });
  });

  it('is the version of the one that is used under the name', async () => {
    const { host, plugin, states } = openStage();
    host.use(plugin('fast-parser', { version: '3.0.0' }), undefined, { name: 'parser' });
    host.use(plugin('printer', { requires: { parser: '^3' } }));
    await host.start();
    expect(states()).toEqual({ parser: 'active', printer: 'active' });
  });

  it('is 0.0.0 of an object without version, which only wide ranges take', async () => {
    const { host, plugin } = openStage();
    host.use([{ name: 'parser', handlers: {} }, plugin('printer', { requires: { parser: '^1' } })]);
    expectError(await rejectionOf(host.start()), 'WRONG_PLUGIN_VERSION', '0.0.0');
    const wide = openStage();
    wide.host.use([{ name: 'parser', handlers: {} }, wide.plugin('printer', { requires: { parser: '*' } })]);
    await wide.host.start();
  });

  it('is found also of an optional dependency that is there', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('cache', { version: '2.1.0' }), plugin('server', { optional: { cache: '^1' } })]);
    expectError(await rejectionOf(host.start()), 'WRONG_PLUGIN_VERSION', 'cache', 'server', '2.1.0', '^1');
  });
});
