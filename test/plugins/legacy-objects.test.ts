import { describe, expect, it } from 'vitest';
import { definePlugin, type PluginContext } from '../../src/plugins/index.js';
import { thrownBy } from '../bus/deferred.js';
import { describeSyncAndAsync, expectError, openStage } from './hosts.js';

describe('a plain object with handlers', () => {
  describeSyncAndAsync((inTime) => {
    it('is a plugin as it is', async () => {
      const { bus, host } = openStage();
      const seen: unknown[] = [];
      host.use({ name: 'audit', handlers: { 'order.placed': inTime((order) => void seen.push(order)) } });
      await host.start();
      expect(await bus.emit('order.placed', 'o1')).toMatchObject({ ok: true, called: 1 });
      expect(seen).toEqual(['o1']);
      await host.stop();
      expect(await bus.emit('order.placed', 'o2')).toMatchObject({ ok: true, called: 0 });
      expect(seen).toEqual(['o1']);
    });

    it('may have setup, ready and teardown', async () => {
      const { host, journal } = openStage();
      host.use({
        name: 'audit',
        setup: inTime(() => void journal.push('setup')),
        ready: inTime(() => void journal.push('ready')),
        teardown: inTime(() => void journal.push('teardown')),
      } as never);
      await host.start();
      await host.stop();
      expect(journal).toEqual(['setup', 'ready', 'teardown']);
    });
  });

  it('has the version 0.0.0 where it names none', async () => {
    const { host } = openStage();
    host.use({ name: 'old', handlers: {} }).use({ name: 'new', version: '2.0.0', handlers: {} });
    await host.start();
    expect(host.status()).toMatchObject([
      { name: 'old', version: '0.0.0' },
      { name: 'new', version: '2.0.0' },
    ]);
  });

  it('may have other fields, which are left alone', async () => {
    const { host } = openStage();
    const legacy = { name: 'audit', description: 'Audits.', setpu: 5, options: { level: 3 }, handlers: {} };
    const before = { ...legacy };
    host.use(legacy);
    await host.start();
    expect(host.plugin('audit').state).toBe('active');
    expect(legacy).toEqual(before);
    expect(Object.isFrozen(legacy)).toBe(false);
  });

  it('may be frozen', async () => {
    const { bus, host } = openStage();
    let ticks = 0;
    host.use(Object.freeze({ name: 'audit', handlers: Object.freeze({ tick: () => void (ticks += 1) }) }));
    await host.start();
    bus.emitSync('tick');
    expect(ticks).toBe(1);
  });

  it('may be an instance of a class, whose methods keep their `this`', async () => {
    const { host } = openStage();
    class Audit {
      readonly name = 'audit';
      readonly seen: string[] = [];
      setup(ctx: PluginContext): void {
        this.seen.push(`setup of ${ctx.name}`);
      }
      ready(): void {
        this.seen.push('ready');
      }
      teardown(): void {
        this.seen.push('teardown');
      }
    }
    const audit = new Audit();
    host.use(audit as never);
    await host.start();
    await host.stop();
    expect(audit.seen).toEqual(['setup of audit', 'ready', 'teardown']);
  });

  it('may have handlers that are undefined', async () => {
    const { bus, host } = openStage();
    host.use({ name: 'audit', handlers: { tick: undefined, tock: () => {} } });
    await host.start();
    expect([bus.handlerCount('tick'), bus.handlerCount('tock')]).toEqual([0, 1]);
  });

  it('may require plugins and be required', async () => {
    const { host, journal } = openStage();
    const noting = (name: string, more: object) => ({ name, setup: () => void journal.push(name), ...more });
    host.use([noting('printer', { requires: { parser: '^1' } }), noting('parser', { version: '1.2.0' })] as never);
    await host.start();
    expect(journal).toEqual(['parser', 'printer']);
  });

  it.each([
    ['version', 'one'],
    ['api', 'two'],
    ['requires', { parser: 'one' }],
    ['optional', 'parser'],
    ['before', 'parser'],
    ['after', [5]],
    ['handlers', { tick: 5 }],
    ['setup', 5],
    ['ready', {}],
    ['teardown', 'teardown'],
  ])('is refused where it has %s: %j', (field, value) => {
    const { host } = openStage();
    const error = thrownBy(() => host.use({ name: 'audit', handlers: {}, [field]: value } as never));
    expectError(error, 'INVALID_PLUGIN', 'audit', field);
    expect(host.status()).toEqual([]);
  });

  it.each([[undefined], [''], [5]])('is refused where its name is %s', (name) => {
    const { host } = openStage();
    expectError(
      thrownBy(() => host.use({ name, handlers: {} } as never)),
      'INVALID_PLUGIN',
      'name',
    );
  });

  it('works beside plugins that were defined', async () => {
    const { bus, host } = openStage();
    const seen: string[] = [];
    host
      .use({ name: 'old', handlers: { tick: () => void seen.push('old') } })
      .use(definePlugin({ name: 'new', version: '1.0.0', handlers: { tick: async () => void seen.push('new') } }));
    await host.start();
    await bus.emit('tick');
    expect(seen).toEqual(['old', 'new']);
  });
});
