import { describe, expect, it } from 'vitest';
import { broadcast, defineEvents, EventBus } from '../../src/index.js';
import { definePlugin, PluginHost } from '../../src/plugins/index.js';
import { factsOf, nothingLeft, openStage } from './hosts.js';

describe('two hosts on one bus', () => {
  it('have plugins of the same names, each their own', async () => {
    const { bus, footprint, host, plugin, tick } = openStage();
    const other: PluginHost = new PluginHost(bus, { name: 'other' });
    host.use(plugin('a'));
    other.use(plugin('a')).use(plugin('b'));
    await Promise.all([host.start(), other.start()]);
    expect(tick()).toEqual(['a', 'a', 'b']);
    await host.disable('a');
    expect(tick()).toEqual(['a', 'b']);
    expect(other.plugin('a').state).toBe('active');
    await host.stop();
    expect(tick()).toEqual(['a', 'b']);
    await other.stop();
    expect(footprint()).toEqual(nothingLeft);
  });

  it('are told apart in facts', async () => {
    const { bus, host, plugin } = openStage({ name: 'first' });
    const { pluginStateChanged } = factsOf(bus);
    const other: PluginHost = new PluginHost(bus, { name: 'second' });
    host.use(plugin('a'));
    other.use(plugin('a'));
    await Promise.all([host.start(), other.start()]);
    const activated = pluginStateChanged.filter(({ to }) => to === 'active').map(({ host: name }) => name);
    expect(activated.sort()).toEqual(['first', 'second']);
  });

  it('may have plugins that declare the same events, until the last is gone', async () => {
    const bus = new EventBus({ events: defineEvents({ tick: broadcast() }) });
    const saver = definePlugin({
      name: 'saver',
      version: '1.0.0',
      declares: defineEvents({ 'file.saved': broadcast<{ bytes: number }>() }),
    });
    const hosts = [new PluginHost(bus).use(saver), new PluginHost(bus, { name: 'other' }).use(saver)] as const;
    await hosts[0].start();
    await hosts[1].start();
    await hosts[0].stop();
    expect((bus as unknown as EventBus).emitSync('file.saved', { bytes: 1 }).ok).toBe(true);
    await hosts[1].stop();
    expect(() => (bus as unknown as EventBus).emitSync('file.saved', { bytes: 1 })).toThrow('file.saved');
  });

  it('do not find each other’s plugins', async () => {
    const { bus, host, plugin } = openStage();
    const other: PluginHost = new PluginHost(bus);
    host.use(plugin('parser'));
    other.use(plugin('printer', { requires: { parser: '*' } }));
    await host.start();
    await expect(other.start()).rejects.toMatchObject({ code: 'MISSING_PLUGIN' });
  });
});

describe('one plugin in two hosts of different buses', () => {
  it('is set up in each', async () => {
    const seen: string[] = [];
    const counter = definePlugin({
      name: 'counter',
      version: '1.0.0',
      state: () => ({ count: 0 }),
      setup(ctx) {
        ctx.on('tick', (bus) => {
          ctx.state.count += 1;
          seen.push(`${String(bus)} ${ctx.state.count}`);
        });
      },
    });
    const buses = [new EventBus(), new EventBus()];
    const hosts = buses.map((bus) => new PluginHost(bus).use(counter));
    await Promise.all(hosts.map((host) => host.start()));
    buses[0]?.emitSync('tick', 'first');
    buses[0]?.emitSync('tick', 'first');
    buses[1]?.emitSync('tick', 'second');
    expect(seen).toEqual(['first 1', 'first 2', 'second 1']);
    await hosts[0]?.stop();
    expect(buses[1]?.handlerCount('tick')).toBe(1);
  });
});
