import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EventBus } from '../../src/index.js';
import { discoverPlugins } from '../../src/plugins/discovery/index.js';
import { PluginError, PluginHost } from '../../src/plugins/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { codeRun, dependingOn, installed, link, plant, pluginCode } from './trees.js';

describe('what is discovered, in a host,', () => {
  it('has its code run by start, and not before', async () => {
    const from = plant({ 'package.json': dependingOn('audit', 'mail'), ...installed('audit'), ...installed('mail') });
    codeRun();
    const host = new PluginHost(new EventBus()).use(await discoverPlugins({ from }));
    expect(host.status()).toMatchObject([
      { name: 'audit', state: 'registered' },
      { name: 'mail', state: 'registered' },
    ]);
    expect(codeRun()).toEqual([]);
    await host.start();
    // They are loaded at the same time, and either may be first.
    expect(codeRun().sort()).toEqual(['audit', 'mail']);
    expect(host.status()).toMatchObject([
      { name: 'audit', state: 'active' },
      { name: 'mail', state: 'active' },
    ]);
    await host.stop();
  });

  it('is refused without its code being run where it asks for another API', async () => {
    const from = plant({
      'package.json': dependingOn('audit', 'mail'),
      ...installed('audit', { plugin: './plugin.js', api: '^1' }),
      ...installed('mail', { plugin: './plugin.js', api: '^2' }),
    });
    codeRun();
    const host = new PluginHost(new EventBus({ onFailure: () => {} }), { api: '2.3.0', onSetupError: 'continue' });
    host.use(await discoverPlugins({ from }));
    await host.start();
    expect(host.plugin('audit').status()).toMatchObject({ state: 'failed', error: { code: 'UNSUPPORTED_API' } });
    expect(host.plugin('mail').state).toBe('active');
    expect(codeRun()).toEqual(['mail']);
    await host.stop();
  });

  it('has its file named where its code fails', async () => {
    const from = plant({
      'package.json': dependingOn('audit'),
      ...installed('audit'),
      'node_modules/audit/plugin.js': 'throw new Error("no licence");',
    });
    const host = new PluginHost(new EventBus()).use(await discoverPlugins({ from }));
    const error = await rejectionOf(host.start());
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({
      code: 'PLUGIN_LOAD_FAILED',
      plugin: 'audit',
      message: expect.stringContaining(join(from, 'node_modules/audit/plugin.js')),
      cause: { message: 'no licence' },
    });
  });

  it('is known by its own name once it is loaded', async () => {
    const from = plant({
      'package.json': dependingOn('@acme/audit'),
      ...installed('@acme/audit'),
      'node_modules/@acme/audit/plugin.js': pluginCode('acme.audit'),
    });
    const host = new PluginHost(new EventBus()).use(await discoverPlugins({ from }));
    expect(host.status()).toMatchObject([{ name: '@acme/audit' }]);
    await host.start();
    expect(host.status()).toMatchObject([{ name: 'acme.audit', state: 'active' }]);
    await host.stop();
  });

  it('gets the options that the host has for its name', async () => {
    const folder = plant({
      'audit.mjs': `export default {
        name: 'audit',
        setup(ctx, options) { ctx.on('order.placed', (order) => void order.push(options.stamp)); },
      };`,
    });
    const bus = new EventBus();
    const host = new PluginHost(bus);
    const options: Record<string, unknown> = { audit: { stamp: 'seen' } };
    for (const plugin of await discoverPlugins({ folder })) host.use(plugin, options[plugin.name]);
    await host.start();
    const order: string[] = [];
    bus.emitSync('order.placed', order);
    expect(order).toEqual(['seen']);
    await host.stop();
  });

  it('can be added to a host that runs', async () => {
    const folder = plant({ 'audit.mjs': pluginCode('audit') });
    const host = new PluginHost(new EventBus());
    await host.start();
    await host.add(await discoverPlugins({ folder }));
    expect(host.status()).toMatchObject([{ name: 'audit', state: 'active' }]);
    await host.stop();
  });
});

describe('a monorepo of a shop and its plugins', () => {
  it('runs: two workspaces, one of them CommonJS, and a package that is installed for all', async () => {
    const root = plant({
      'package.json': { name: 'shop-monorepo', private: true, workspaces: ['apps/*', 'plugins/*'] },
      'apps/shop/package.json': {
        name: 'shop',
        type: 'module',
        ...dependingOn('@shop/tax', '@shop/discount', 'audit'),
      },
      'apps/shop/src/main.js': '',
      'plugins/tax/package.json': {
        name: '@shop/tax',
        version: '0.1.0',
        type: 'module',
        exports: { '.': './none.js' },
        ambus: { plugin: './src/tax.js', api: '^1' },
      },
      'plugins/tax/src/tax.js': `import { rate } from './rate.js';
        export default {
          name: 'shop.tax',
          version: '0.1.0',
          after: ['shop.discount'],
          handlers: { 'order.placed': (order) => { order.total *= 1 + rate; } },
        };`,
      'plugins/tax/src/rate.js': 'export const rate = 0.5;',
      'plugins/discount/package.json': { name: '@shop/discount', ambus: './discount.js' },
      'plugins/discount/discount.js': `module.exports = {
        name: 'shop.discount',
        handlers: { async 'order.placed'(order) { await null; order.total -= 10; } },
      };`,
      ...installed('audit', { plugin: './plugin.js', name: 'audit' }),
    });
    link(root, 'node_modules/@shop/tax', 'plugins/tax');
    link(root, 'node_modules/@shop/discount', 'plugins/discount');

    const bus = new EventBus<{ 'order.placed': { total: number } }>();
    const host = new PluginHost(bus, { api: '1.2.0' });
    host.use(await discoverPlugins({ from: pathToFileURL(join(root, 'apps/shop/src/main.js')) }));
    await host.start();
    const order = { total: 110 };
    expect(await bus.emit('order.placed', order)).toMatchObject({ ok: true });
    expect(order.total).toBe(150);
    expect(host.status().map(({ name }) => name)).toEqual(['shop.discount', 'shop.tax', 'audit']);
    await host.stop();
  });
});
