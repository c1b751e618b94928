import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { deferred, promisesSettled, thrownBy } from '../bus/deferred.js';
import { expectError, openStage } from './hosts.js';

describe('status', () => {
  it('tells all that is known of a plugin, as plain data', async () => {
    const { host, plugin } = openStage();
    host.use(
      plugin('parser', {
        version: '1.2.0',
        setup: (ctx) => {
          ctx.on('job', () => {});
          ctx.own(() => {});
          ctx.own(() => {});
        },
      }),
    );
    await host.start();
    const status = host.status();
    expect(status).toEqual([
      {
        name: 'parser',
        version: '1.2.0',
        state: 'active',
        reason: undefined,
        error: undefined,
        place: 1,
        dependencies: [],
        dependants: [],
        handlers: 2,
        resources: 2,
        setupMs: expect.any(Number),
        late: 0,
        adaptedFrom: undefined,
      },
    ]);
    expect(JSON.parse(JSON.stringify(status))).toMatchObject([{ name: 'parser', handlers: 2 }]);
  });

  it('lists plugins in their order', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('c', { requires: { a: '*' } }), plugin('b'), plugin('a'), plugin('first', { before: ['a'] })]);
    expect(host.status().map(({ name }) => name)).toEqual(['c', 'b', 'a', 'first']);
    await host.start();
    expect(host.status().map(({ name, place }) => [name, place])).toEqual([
      ['first', 1],
      ['a', 2],
      ['c', 3],
      ['b', 4],
    ]);
  });

  it('is of the moment: what comes later does not change it', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('a'));
    const before = host.status();
    await host.start();
    expect(before).toMatchObject([{ state: 'registered', handlers: 0 }]);
    expect(host.status()).toMatchObject([{ state: 'active', handlers: 1 }]);
  });

  it('tells how long the last setup took', async () => {
    const { clock, host, plugin } = openStage();
    const gate = deferred();
    host.use(plugin('a', { setup: () => gate.promise }));
    expect(host.status()).toMatchObject([{ setupMs: undefined }]);
    const start = host.start();
    await clock.advance(70);
    expect(host.status()).toMatchObject([{ state: 'starting' }]);
    gate.resolve();
    await start;
    expect(host.status()).toMatchObject([{ setupMs: 70 }]);
  });

  it('follows subscriptions that come and go', async () => {
    const { bus, host, plugin } = openStage();
    const offs: (() => void)[] = [];
    host.use(plugin('a', { setup: (ctx) => void ctx.on('more', () => void offs.push(ctx.on('extra', () => {}))) }));
    await host.start();
    expect(host.plugin('a').status().handlers).toBe(2);
    bus.emitSync('more');
    bus.emitSync('more');
    expect(host.plugin('a').status().handlers).toBe(4);
    offs[0]?.();
    expect(host.plugin('a').status().handlers).toBe(3);
  });

  it('tells of a plugin that is stopping', async () => {
    const { host, plugin, states } = openStage();
    const gate = deferred();
    host.use(plugin('a', { teardown: () => gate.promise }));
    await host.start();
    const stop = host.stop();
    await promisesSettled();
    expect(states()).toEqual({ a: 'stopping' });
    expect(host.state).toBe('stopping');
    gate.resolve();
    await stop;
    expect(states()).toEqual({ a: 'stopped' });
  });
});

describe('explain', () => {
  async function openExplained() {
    const stage = openStage();
    const { bus, host, plugin } = stage;
    const listen = (name: string, more = {}) => ({
      ...more,
      setup: (ctx: { on(type: string, handler: () => void, options: object): unknown }) =>
        void ctx.on('job', () => {}, { name: `${name}-job` }),
    });
    host.use([
      plugin('printer', listen('printer', { requires: { parser: '*' } })),
      plugin('parser', listen('parser')),
      plugin('sniffer', listen('sniffer', { before: ['parser'] })),
      plugin('urgent', {
        setup: (ctx) => {
          ctx.on('job', () => {}, { name: 'urgent-job', priority: 5 });
          ctx.on('*', () => {}, { name: 'urgent-pattern' });
          ctx.onAny(() => {}, { name: 'urgent-any' });
        },
      }),
    ]);
    await host.start();
    bus.on('job', () => {}, { name: 'app-job' });
    return stage;
  }

  it('lists the handlers of an event in their order, with what decides it', async () => {
    const { bus, host } = await openExplained();
    bus.group('widget', { place: 2 }).on('job', () => {}, { name: 'widget-job' });
    const explanation = host.explain('job');
    expect(explanation.type).toBe('job');
    // The group of the application has the place of the parser too, and was there later.
    expect(explanation.handlers.map(({ handler }) => handler)).toEqual([
      'urgent-job',
      'app-job',
      'sniffer-job',
      'parser-job',
      'widget-job',
      'printer-job',
      'urgent-pattern',
      'urgent-any',
    ]);
    const of = (name: string) => explanation.handlers.find(({ handler }) => handler === name);
    expect(of('urgent-job')).toMatchObject({
      group: 'urgent',
      priority: 5,
      place: 4,
      pattern: undefined,
      paused: false,
    });
    expect(of('app-job')).toMatchObject({ group: undefined, priority: 0, place: 0 });
    expect(of('urgent-pattern')).toMatchObject({ group: 'urgent', pattern: '*' });
    expect(of('parser-job')).toMatchObject({ group: 'parser', priority: 0, place: 2 });
  });

  it('says of each why it comes after the one before', async () => {
    const { host } = await openExplained();
    const { handlers } = host.explain('job');
    const reasonOf = (name: string) => handlers.find(({ handler }) => handler === name)?.reason ?? '';
    for (const { reason } of handlers) expect(reason).not.toBe('');
    expect(reasonOf('app-job')).toMatch(/priority/);
    expect(reasonOf('parser-job')).toContain('sniffer');
    expect(reasonOf('parser-job')).toMatch(/before/);
    expect(reasonOf('printer-job')).toMatch(/requires/);
    expect(reasonOf('printer-job')).toContain('parser');
  });

  it('is the order in which handlers are called', async () => {
    const { bus, host } = await openExplained();
    const called: string[] = [];
    bus.observe({ handlerStarted: ({ handler }) => called.push(handler) });
    bus.emitSync('job');
    expect(host.explain('job').handlers.map(({ handler }) => handler)).toEqual(called);
  });

  it('prints a line for each', async () => {
    const { host } = await openExplained();
    const explanation = host.explain('job');
    const lines = explanation.toString().split('\n');
    let from = 0;
    for (const { handler, reason } of explanation.handlers) {
      const at = lines.findIndex((line, index) => index >= from && line.includes(handler));
      expect(at).toBeGreaterThanOrEqual(from);
      expect(lines[at]).toContain(reason);
      from = at + 1;
    }
    expect(lines.length).toBeLessThanOrEqual(explanation.handlers.length + 1);
    expect(String(explanation)).toBe(explanation.toString());
    expect(inspect(explanation)).toBe(explanation.toString());
  });

  it('is plain data as JSON', async () => {
    const { host } = await openExplained();
    const plain = JSON.parse(JSON.stringify(host.explain('job'))) as { handlers: unknown[] };
    expect(plain).toMatchObject({ type: 'job' });
    expect(plain.handlers).toHaveLength(7);
    expect(plain.handlers[0]).toMatchObject({ handler: 'urgent-job', group: 'urgent', priority: 5, place: 4 });
  });

  it('is of an event that is named by a symbol, too', async () => {
    const { host } = openStage();
    const type = Symbol('stopped');
    host.use({ name: 'audit', handlers: { [type]: () => {} } });
    await host.start();
    expect(host.explain(type as never)).toMatchObject({ type: 'Symbol(stopped)', handlers: [{ group: 'audit' }] });
  });

  it('has no handlers where there are none', async () => {
    const { host } = openStage();
    await host.start();
    expect(host.explain('nothing')).toMatchObject({ type: 'nothing', handlers: [] });
    expect(host.explain('nothing').toString()).toContain('nothing');
  });

  it('shows handlers that are paused', async () => {
    const { bus, host } = await openExplained();
    const group = bus.group('dozing');
    group.on('job', () => {}, { name: 'dozing-job' });
    group.pause();
    expect(host.explain('job').handlers.find(({ handler }) => handler === 'dozing-job')).toMatchObject({
      paused: true,
    });
  });

  it('follows changes', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('a'), plugin('b')]);
    await host.start();
    const heard = () => host.explain('tick').handlers.map(({ group }) => group);
    expect(heard()).toEqual(['a', 'b']);
    await host.disable('a');
    expect(heard()).toEqual(['b']);
    await host.enable('a');
    expect(heard()).toEqual(['a', 'b']);
  });

  it('is of an event, not of a pattern', async () => {
    const { host } = openStage();
    await host.start();
    expectError(
      thrownBy(() => host.explain('job.*')),
      'INVALID_EVENT',
      'job.*',
    );
  });
});
