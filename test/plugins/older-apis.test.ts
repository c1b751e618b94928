import { describe, expect, it } from 'vitest';
import { EventBus } from '../../src/index.js';
import { definePlugin, PluginError, PluginHost } from '../../src/plugins/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { stateOf } from '../bus/promise-state.js';
import { describeSyncAndAsync, expectError, factsOf, openStage, type StageOptions } from './hosts.js';

/** A plugin as hosts of version 1 had it. */
interface OldPlugin {
  readonly name: string;
  readonly version?: string;
  readonly api: string;
  init(): void;
  run(job: unknown): void;
  destroy(): void;
}

function oldPlugin(journal: string[], more?: Partial<OldPlugin>): OldPlugin {
  return {
    name: 'legacy',
    version: '0.9.0',
    api: '^1.2',
    init: () => void journal.push('init'),
    run: (job) => void journal.push(`run ${String(job)}`),
    destroy: () => void journal.push('destroy'),
    ...more,
  };
}

const adapt = (old: OldPlugin) => ({
  setup: () => old.init(),
  handlers: { job: (job: unknown) => old.run(job) },
  teardown: () => old.destroy(),
});

const openV2 = (apis: Record<string, unknown>, more?: object) =>
  openStage({ api: '2.3.0', apis, ...more } as StageOptions);

describeSyncAndAsync((inTime) => {
  describe('an adapter', () => {
    it('makes a plugin of one that was written for an older API', async () => {
      const { bus, host, journal, states } = openV2({ '1.x': inTime(adapt) });
      host.use(oldPlugin(journal) as never);
      await host.start();
      bus.emitSync('job', 1);
      expect(states()).toEqual({ legacy: 'active' });
      await host.stop();
      expect(journal).toEqual(['init', 'run 1', 'destroy']);
    });

    it('gets the plugin as it is, and who it is', async () => {
      const seen: unknown[] = [];
      const { host, journal } = openV2({
        '1.x': inTime((old: OldPlugin, hosted: { name: string; version: string }) => {
          seen.push(old, hosted.name, hosted.version);
          return adapt(old);
        }),
      });
      const old = oldPlugin(journal);
      host.use(old as never, undefined, { name: 'renamed' });
      await host.start();
      expect(seen[0]).toBe(old);
      expect(seen.slice(1)).toEqual(['renamed', '0.9.0']);
    });

    it('keeps name, version and api of the old one where it leaves them out', async () => {
      const { host, journal } = openV2({ '1.x': inTime(adapt) });
      host.use(oldPlugin(journal) as never);
      await host.start();
      expect(host.status()).toMatchObject([{ name: 'legacy', version: '0.9.0', adaptedFrom: '1.x' }]);
    });

    it('may give another version', async () => {
      const adapter = inTime((old: OldPlugin) => definePlugin({ name: old.name, version: '7.0.0', ...adapt(old) }));
      const { host, journal } = openV2({ '1.x': adapter });
      host.use(oldPlugin(journal) as never);
      await host.start();
      expect(host.status()).toMatchObject([{ name: 'legacy', version: '7.0.0' }]);
    });

    it('works for what is promised, loaded and added', async () => {
      const { host, journal, states } = openV2({ '1.x': inTime(adapt) });
      host.use(Promise.resolve({ default: oldPlugin(journal, { name: 'promised' }) }) as never);
      host.use({ name: 'loaded', api: '^1', load: () => oldPlugin(journal, { name: 'loaded' }) });
      await host.start();
      await host.add(oldPlugin(journal, { name: 'added' }) as never);
      expect(states()).toEqual({ promised: 'active', loaded: 'active', added: 'active' });
      expect(host.status().map(({ adaptedFrom }) => adaptedFrom)).toEqual(['1.x', '1.x', '1.x']);
    });

    it('works for what replaces a plugin', async () => {
      const { bus, host, journal, plugin } = openV2({ '1.x': inTime(adapt) });
      host.use(plugin('legacy'));
      await host.start();
      expect(host.status()).toMatchObject([{ adaptedFrom: undefined }]);
      await host.replace('legacy', oldPlugin(journal) as never);
      journal.length = 0;
      bus.emitSync('job', 1);
      expect(journal).toEqual(['run 1']);
      expect(host.status()).toMatchObject([{ adaptedFrom: '1.x' }]);
    });
  });
});

describe('the adapters of a host', () => {
  it('are not asked for a plugin whose range takes the version of the host', async () => {
    const { host, plugin, states } = openV2({ '1.x': failing.throws('must not be called') });
    host.use([plugin('new', { api: '^2' }), plugin('both', { api: '1 || 2' }), plugin('any')]);
    host.use(Promise.resolve(plugin('promised', { api: '1 || 2' })));
    host.use({ name: 'loaded', api: '>=1', load: () => plugin('loaded', { api: '>=1' }) });
    await host.start();
    expect(new Set(Object.values(states()))).toEqual(new Set(['active']));
    expect(host.status().every(({ adaptedFrom }) => adaptedFrom === undefined)).toBe(true);
  });

  it('are those whose key has something in common with what the plugin asks for', async () => {
    const { host, journal } = openV2({ '0.x': failing.throws('no'), '1.x': adapt, '3.x': failing.throws('no') });
    host.use(oldPlugin(journal, { name: 'a', api: '>=1.4 <1.9' }) as never);
    host.use(oldPlugin(journal, { name: 'b', api: '^1' }) as never);
    await host.start();
    expect(host.status().map(({ adaptedFrom }) => adaptedFrom)).toEqual(['1.x', '1.x']);
  });

  it('may keep all that the old one has, its api too', async () => {
    const spread = (old: OldPlugin) => ({ ...old, setup: () => old.init() });
    const { host, journal, states } = openV2({ '1.x': spread });
    host.use(oldPlugin(journal) as never);
    await host.start();
    expect(states()).toEqual({ legacy: 'active' });
    expect(journal).toEqual(['init']);
  });

  it('may be several', async () => {
    const { host, journal } = openV2({ '0.x': adapt, '1.x': adapt });
    host.use(oldPlugin(journal, { name: 'older', api: '^0.5' }) as never).use(oldPlugin(journal) as never);
    await host.start();
    expect(Object.fromEntries(host.status().map(({ name, adaptedFrom }) => [name, adaptedFrom]))).toEqual({
      older: '0.x',
      legacy: '1.x',
    });
  });

  it('do not help a plugin that asks for something else, as UNSUPPORTED_API says', async () => {
    const { host, journal } = openV2({ '1.x': adapt });
    host.use(oldPlugin(journal, { api: '^0.5' }) as never);
    expectError(await rejectionOf(host.start()), 'UNSUPPORTED_API', 'legacy', '2.3.0', '^0.5', '1.x');
    expect(journal).toEqual([]);
  });

  it('warn in the name of the plugin that they adapt', async () => {
    const stage = openV2({
      '1.x': (old: OldPlugin, hosted: { deprecate(feature: string, deprecation: object): void }) => {
        hosted.deprecate('init and run', { since: '2.0.0', use: 'setup', link: 'https://example.com/migrate' });
        return adapt(old);
      },
    });
    const { pluginDeprecationFound } = factsOf(stage.bus);
    stage.host.use(oldPlugin(stage.journal) as never);
    await stage.host.start();
    expect(pluginDeprecationFound).toMatchObject([
      { plugin: 'legacy', feature: 'init and run', since: '2.0.0', use: 'setup', link: 'https://example.com/migrate' },
    ]);
  });

  it.each(Object.entries(failing))(
    'that fail make the plugin fail, before anything is set up (%s)',
    async (_, fail) => {
      const { host, journal, plugin } = openV2({ '1.x': fail('no such method') });
      host.use(plugin('a')).use(oldPlugin(journal) as never);
      const error = await rejectionOf(host.start());
      expect(error).toBeInstanceOf(PluginError);
      expect(error).toMatchObject({ plugin: 'legacy', cause: { message: 'no such method' } });
      expect((error as Error).message).toContain('legacy');
      expect((error as Error).message).toMatch(/adapt/);
      expect(journal).toEqual([]);
    },
  );

  it.each(['time', 'stop', 'signal'] as const)('that never settle are given up: by %s', async (by) => {
    const stage = openV2({ '1.x': () => new Promise(() => {}) }, { loadTimeoutMs: 100 });
    stage.host.use(oldPlugin(stage.journal) as never);
    const controller = new AbortController();
    const start = stage.host.start({ signal: controller.signal });
    const reason = start.catch((error: unknown) => error);
    await stage.clock.advance(99);
    if (by === 'stop') void stage.host.stop();
    else if (by === 'signal') controller.abort('no time');
    else await stage.clock.advance(1);
    expect(await stateOf(start)).toBe('rejected');
    const error = await reason;
    if (by === 'stop') expectError(error, 'HOST_STOPPED');
    else if (by === 'signal') expect(error).toBe('no time');
    else expectError(error, 'PLUGIN_LOAD_FAILED', 'legacy', '100');
    expect(stage.clock.pending).toBe(0);
    expect(stage.host.state).toBe('idle');
  });

  it.each([[undefined], [5], [{ handlers: { job: 5 } }], [() => {}]])(
    'that return %s make it INVALID_PLUGIN',
    async (made) => {
      const { host, journal } = openV2({ '1.x': () => made });
      host.use(oldPlugin(journal) as never);
      expectError(await rejectionOf(host.start()), 'INVALID_PLUGIN', 'legacy');
    },
  );

  it('make what is known by nothing but a name and an api', async () => {
    const { host, journal, states } = openV2({ '1.x': adapt });
    const { version: _, ...rest } = oldPlugin(journal);
    host.use(rest as never);
    await host.start();
    expect(states()).toEqual({ legacy: 'active' });
    expect(host.plugin('legacy').version).toBe('0.0.0');
  });

  it('are not there: a plugin for an older API is UNSUPPORTED_API', async () => {
    const { host, journal } = openV2({});
    host.use({ ...oldPlugin(journal), handlers: {} });
    expectError(await rejectionOf(host.start()), 'UNSUPPORTED_API', 'legacy', '2.3.0', '^1.2');
  });

  it('may be typed by the plugins that they take', () => {
    const host = new PluginHost(new EventBus(), { api: '2.0.0', apis: { '1.x': adapt } });
    expect(host.api).toBe('2.0.0');
  });
});
