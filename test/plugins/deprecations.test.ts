import { beforeEach, describe, expect, it, vi } from 'vitest';
import { EventBus } from '../../src/index.js';
import { definePlugin, PluginHost, typed } from '../../src/plugins/index.js';
import { thrownBy } from '../bus/deferred.js';
import { expectError, factsOf, openStage } from './hosts.js';

const deprecation = { since: '2.1.0', use: 'ctx.own', link: 'https://example.com/own' };

beforeEach(() => {
  vi.spyOn(console, 'warn').mockImplementation(() => {});
});

const warnings = () => vi.mocked(console.warn).mock.calls.map(([message]) => String(message));

async function started() {
  const stage = openStage({ name: 'shop' });
  stage.host.use([stage.plugin('minify'), stage.plugin('parser')]);
  await stage.host.start();
  return stage;
}

describe('host.deprecate', () => {
  it('warns on the console: who uses what, since when, what to use, and where to read of it', async () => {
    const { host } = await started();
    host.deprecate('minify', 'ctx.track', deprecation);
    expect(warnings()).toHaveLength(1);
    for (const word of ['minify', 'ctx.track', '2.1.0', 'ctx.own', 'https://example.com/own']) {
      expect(warnings()[0]).toContain(word);
    }
  });

  it('does without a link', async () => {
    const { host } = await started();
    host.deprecate('minify', 'ctx.track', { since: '2.1.0', use: 'ctx.own' });
    expect(warnings()[0]).toContain('ctx.own');
    expect(warnings()[0]).not.toContain('undefined');
  });

  it('warns once for each plugin and feature', async () => {
    const { host } = await started();
    for (let i = 0; i < 3; i++) {
      host.deprecate('minify', 'ctx.track', deprecation);
      host.deprecate('minify', 'ctx.other', deprecation);
      host.deprecate('parser', 'ctx.track', deprecation);
    }
    expect(warnings()).toHaveLength(3);
  });

  it('tells observers in place of the console, where one listens', async () => {
    const { bus, host } = await started();
    const { pluginDeprecationFound } = factsOf(bus);
    host.deprecate('minify', 'ctx.track', deprecation);
    host.deprecate('minify', 'ctx.track', deprecation);
    expect(warnings()).toEqual([]);
    expect(pluginDeprecationFound).toEqual([
      {
        host: 'shop',
        plugin: 'minify',
        feature: 'ctx.track',
        since: '2.1.0',
        use: 'ctx.own',
        link: 'https://example.com/own',
        message: expect.stringContaining('minify'),
      },
    ]);
  });

  it('warns on the console where observers listen to other things only', async () => {
    const { bus, host } = await started();
    bus.observe({ pluginStateChanged: () => {} });
    host.deprecate('minify', 'ctx.track', deprecation);
    expect(warnings()).toHaveLength(1);
  });

  it('works before the start too', () => {
    const { host, plugin } = openStage();
    host.use(plugin('minify'));
    host.deprecate('minify', 'ctx.track', deprecation);
    expect(warnings()).toHaveLength(1);
  });

  it('of a name that is not there is UNKNOWN_PLUGIN, with the nearest', async () => {
    const { host } = await started();
    const error = thrownBy(() => host.deprecate('minfy', 'ctx.track', deprecation));
    expectError(error, 'UNKNOWN_PLUGIN', 'minfy', 'minify');
    expect(warnings()).toEqual([]);
  });

  it('refuses what it can not make a warning of', async () => {
    const { host } = await started();
    const deprecate = (...given: unknown[]) => thrownBy(() => host.deprecate(...(given as [string, string, never])));
    expectError(deprecate('minify', 5, deprecation), 'INVALID_ARGUMENT');
    expectError(deprecate('minify', 'ctx.track'), 'INVALID_ARGUMENT');
    expectError(deprecate('minify', 'ctx.track', 'ctx.own'), 'INVALID_ARGUMENT');
    expectError(deprecate('minify', 'ctx.track', { use: 'ctx.own' }), 'INVALID_OPTION', 'since');
    expectError(deprecate('minify', 'ctx.track', { since: '2.0.0', use: 5 }), 'INVALID_OPTION', 'use');
    expectError(deprecate('minify', 'ctx.track', { ...deprecation, link: 5 }), 'INVALID_OPTION', 'link');
    expectError(deprecate('minify', 'ctx.track', { ...deprecation, sicne: '1' }), 'UNKNOWN_OPTION', 'sicne');
    expect(warnings()).toEqual([]);
  });
});

describe('services made for a plugin', () => {
  it('can warn in its name', async () => {
    const bus = new EventBus();
    const host = new PluginHost(bus, {
      services: (hosted) => ({
        files: {
          read: (path: string) => {
            hosted.deprecate('files.read', { since: '2.0.0', use: 'files.open' });
            return path;
          },
        },
      }),
    });
    const reader = definePlugin({
      name: 'reader',
      version: '1.0.0',
      services: { files: typed<{ read(path: string): string }>() },
      setup(ctx) {
        ctx.on('read', (path) => void ctx.services.files.read(String(path)));
      },
    });
    host.use(reader).use(reader, undefined, { name: 'second' });
    await host.start();
    expect(warnings()).toEqual([]);
    bus.emitSync('read', 'a');
    bus.emitSync('read', 'b');
    expect(warnings()).toHaveLength(2);
    expect(warnings()[0]).toContain('reader');
    expect(warnings()[1]).toContain('second');
  });
});
