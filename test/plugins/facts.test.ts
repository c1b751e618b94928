import { describe, expect, it } from 'vitest';
import type { PluginPhaseSettled } from '../../src/index.js';
import { definePlugin, type PluginContext } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { describeSyncAndAsync, factsOf, openStage } from './hosts.js';

const phasesOf = (facts: readonly { readonly plugin: string; readonly phase: string }[], name: string) =>
  facts.filter(({ plugin }) => plugin === name).map(({ phase }) => phase);

describeSyncAndAsync((inTime) => {
  describe('facts of phases', () => {
    it('tell the beginning and the end of each that a plugin has', async () => {
      const { bus, host } = openStage({ name: 'shop' });
      const { pluginPhaseStarted, pluginPhaseSettled } = factsOf(bus);
      const full = definePlugin({
        name: 'full',
        version: '1.0.0',
        setup: inTime((ctx: PluginContext) => void ctx.own(inTime(() => {}))),
        ready: inTime(() => {}),
        teardown: inTime(() => {}),
      });
      host.use({ name: 'full', load: inTime(() => full) }).use({ name: 'bare', handlers: {} });
      await host.start();
      expect(phasesOf(pluginPhaseStarted, 'full')).toEqual(['load', 'setup', 'ready']);
      await host.stop();
      const withoutDrain = (phases: string[]) => phases.filter((phase) => phase !== 'drain');
      const expected = ['load', 'setup', 'ready', 'teardown', 'dispose'];
      expect(withoutDrain(phasesOf(pluginPhaseStarted, 'full'))).toEqual(expected);
      expect(withoutDrain(phasesOf(pluginPhaseSettled, 'full'))).toEqual(expected);
      expect(withoutDrain(phasesOf(pluginPhaseStarted, 'bare'))).toEqual([]);
      for (const fact of pluginPhaseSettled) {
        expect(fact).toMatchObject({ host: 'shop', outcome: 'ok', error: undefined, durationMs: 0, late: false });
      }
    });

    it.each(['setup', 'ready', 'teardown'] as const)('tell what a %s fails with', async (phase) => {
      const { bus, host, plugin } = openStage();
      const { pluginPhaseSettled } = factsOf(bus);
      const error = new Error('no');
      const parts = {
        [phase]: inTime(() => {
          throw error;
        }),
      };
      host.use(plugin('a', parts));
      await host.start().catch(() => {});
      await host.stop().catch(() => {});
      const [fact] = pluginPhaseSettled.filter((each) => each.phase === phase);
      expect(fact).toMatchObject({ plugin: 'a', phase, outcome: 'failed', late: false });
      expect(fact?.error).toBe(error);
    });
  });
});

describe('facts of phases', () => {
  it('tell how long each took, by the clock of the bus', async () => {
    const { bus, clock, host } = openStage();
    const { pluginPhaseSettled } = factsOf(bus);
    const wait = (ms: number) => () =>
      new Promise<void>((resolve) => {
        clock.setTimeout(resolve, ms);
      });
    const slow = definePlugin({
      name: 'slow',
      version: '1.0.0',
      async setup(ctx) {
        ctx.own(wait(400));
        ctx.on('job', wait(250));
        await wait(100)();
      },
      ready: wait(200),
      teardown: wait(300),
    });
    host.use({ name: 'slow', load: () => wait(50)().then(() => slow) });
    const start = host.start();
    await clock.advance(1_000);
    await start;
    void bus.emit('job');
    const stop = host.stop();
    await clock.advance(2_000);
    await stop;
    expect(pluginPhaseSettled.map(({ phase, durationMs }) => [phase, durationMs])).toEqual([
      ['load', 50],
      ['setup', 100],
      ['ready', 200],
      ['drain', 250],
      ['teardown', 300],
      ['dispose', 400],
    ]);
  });

  it.each(['load', 'setup', 'ready', 'drain', 'teardown', 'dispose'] as const)(
    'tell of a %s whose time was up',
    async (phase) => {
      const limits = { loadTimeoutMs: 100, setupTimeoutMs: 100, teardownTimeoutMs: 100, drainMs: 100 };
      const { bus, clock, host } = openStage(limits);
      const { pluginPhaseSettled } = factsOf(bus);
      const never = () => new Promise<never>(() => {});
      const stuck = definePlugin({
        name: 'stuck',
        version: '1.0.0',
        setup(ctx) {
          if (phase === 'dispose') ctx.own(never);
          if (phase === 'drain') ctx.on('job', never);
          return phase === 'setup' ? never() : undefined;
        },
        ...(phase === 'ready' ? { ready: never } : {}),
        ...(phase === 'teardown' ? { teardown: never } : {}),
      });
      host.use({ name: 'stuck', load: () => (phase === 'load' ? never() : stuck) });
      const start = host.start().catch(() => {});
      await clock.advance(100);
      await start;
      void bus.emit('job');
      const stop = host.stop().catch(() => {});
      await clock.advance(100);
      await stop;
      const [fact] = pluginPhaseSettled.filter((each) => each.phase === phase);
      expect(fact).toMatchObject({ plugin: 'stuck', outcome: 'timeout', durationMs: 100, late: false });
      expect(clock.pending).toBe(0);
    },
  );

  it('tell of a setup that was aborted because another one failed', async () => {
    const { bus, host, plugin } = openStage();
    const { pluginPhaseSettled } = factsOf(bus);
    host.use([
      plugin('slow', {
        setup: ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
      }),
      plugin('bad', { setup: failing.rejectsLater('no') }),
    ]);
    await rejectionOf(host.start());
    const outcome = (name: string): PluginPhaseSettled['outcome'] | undefined =>
      pluginPhaseSettled.find((fact) => fact.plugin === name && fact.phase === 'setup')?.outcome;
    expect(outcome('bad')).toBe('failed');
    expect(outcome('slow')).toBe('aborted');
  });

  it('tell of a setup that was aborted because the start was given up', async () => {
    const { bus, host, plugin } = openStage();
    const { pluginPhaseSettled } = factsOf(bus);
    const controller = new AbortController();
    host.use(
      plugin('slow', {
        setup: ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
      }),
    );
    const rejection = rejectionOf(host.start({ signal: controller.signal }));
    await promisesSettled();
    controller.abort();
    await rejection;
    expect(pluginPhaseSettled).toMatchObject([{ plugin: 'slow', phase: 'setup', outcome: 'aborted' }]);
  });

  it('tell of those of changes too', async () => {
    const { bus, host, plugin } = openStage();
    await host.start();
    const { pluginPhaseStarted } = factsOf(bus);
    await host.add(plugin('a'));
    await host.disable('a');
    await host.enable('a');
    await host.replace('a', plugin('a'));
    await host.remove('a');
    const phases = phasesOf(pluginPhaseStarted, 'a').filter((phase) => phase !== 'drain');
    expect(phases.slice(0, 6)).toEqual(['setup', 'ready', 'teardown', 'setup', 'ready', 'setup']);
    expect(phases.slice(6).sort()).toEqual(['ready', 'teardown', 'teardown']);
  });

  it('ask for no clock where nobody listens', async () => {
    const { clock, host, plugin } = openStage({ setupTimeoutMs: Infinity });
    const gate = deferred();
    host.use(plugin('a', { setup: () => gate.promise }));
    const start = host.start();
    await promisesSettled();
    expect(clock.pending).toBe(0);
    gate.resolve();
    await start;
  });
});

describe('facts of states', () => {
  const statesOf = (
    facts: readonly { plugin: string; from: string | undefined; to: string | undefined }[],
    name: string,
  ) => facts.filter(({ plugin }) => plugin === name).map(({ from, to }) => [from, to]);

  it('tell each change, from the first to the last', async () => {
    const { bus, host, plugin } = openStage({ name: 'shop' });
    const { pluginStateChanged } = factsOf(bus);
    host.use(plugin('a'));
    await host.start();
    await host.disable('a');
    await host.enable('a');
    await host.stop();
    await host.remove('a');
    expect(statesOf(pluginStateChanged, 'a')).toEqual([
      [undefined, 'registered'],
      ['registered', 'starting'],
      ['starting', 'active'],
      ['active', 'stopping'],
      ['stopping', 'disabled'],
      ['disabled', 'starting'],
      ['starting', 'active'],
      ['active', 'stopping'],
      ['stopping', 'stopped'],
      ['stopped', undefined],
    ]);
    expect(new Set(pluginStateChanged.map(({ host: name }) => name))).toEqual(new Set(['shop']));
  });

  it('tell why, where it did not go well', async () => {
    const { bus, host, plugin } = openStage({ onSetupError: 'continue' });
    const { pluginStateChanged } = factsOf(bus);
    host.use([
      plugin('parser', { setup: failing.throws('no grammar') }),
      plugin('printer', { requires: { parser: '*' } }),
    ]);
    host.use(plugin('tracer'), undefined, { when: () => false });
    await host.start();
    const reasonFor = (name: string, to: string) =>
      pluginStateChanged.find((fact) => fact.plugin === name && fact.to === to)?.reason;
    expect(reasonFor('parser', 'failed')).toContain('no grammar');
    expect(reasonFor('printer', 'blocked')).toContain('parser');
    expect(reasonFor('tracer', 'disabled')).toContain('when');
  });

  it('agree with the status at the time', async () => {
    const { bus, host, plugin } = openStage();
    const wrong: unknown[] = [];
    bus.observe({
      pluginStateChanged: ({ plugin: name, to }) => {
        const state = host.status().find((each) => each.name === name)?.state;
        if (state !== to) wrong.push([name, to, state]);
      },
    });
    host.use([plugin('a'), plugin('b', { requires: { a: '*' } })]);
    await host.start();
    await host.disable('a', { cascade: true });
    await host.enable('a');
    await host.replace('b', plugin('b'));
    await host.stop();
    expect(wrong).toEqual([]);
  });

  it('never break what they tell of', async () => {
    const { bus, host, plugin, tick } = openStage();
    bus.observe({ pluginStateChanged: () => {} });
    host.use(plugin('a'));
    await host.start();
    expect(tick()).toEqual(['a']);
  });
});

describe('pluginsSlow', () => {
  it('tells after a second who is still starting, then after two, four and so on', async () => {
    const { bus, clock, host, plugin } = openStage({ name: 'shop', setupTimeoutMs: Infinity });
    const { pluginsSlow } = factsOf(bus);
    const gates = { a: deferred(), b: deferred() };
    host.use([
      plugin('a', { setup: () => gates.a.promise }),
      plugin('b', { setup: () => gates.b.promise }),
      plugin('c', { requires: { a: '*', b: '*' } }),
    ]);
    const start = host.start();
    await clock.advance(999);
    expect(pluginsSlow).toEqual([]);
    await clock.advance(1);
    expect(pluginsSlow).toEqual([
      {
        host: 'shop',
        elapsedMs: 1_000,
        starting: [
          { plugin: 'a', phase: 'setup', elapsedMs: 1_000 },
          { plugin: 'b', phase: 'setup', elapsedMs: 1_000 },
        ],
        waiting: [{ plugin: 'c', for: ['a', 'b'] }],
      },
    ]);
    gates.a.resolve();
    await clock.advance(999);
    expect(pluginsSlow).toHaveLength(1);
    await clock.advance(1);
    expect(pluginsSlow[1]).toEqual({
      host: 'shop',
      elapsedMs: 2_000,
      starting: [{ plugin: 'b', phase: 'setup', elapsedMs: 2_000 }],
      waiting: [{ plugin: 'c', for: ['b'] }],
    });
    await clock.advance(6_000);
    expect(pluginsSlow.map(({ elapsedMs }) => elapsedMs)).toEqual([1_000, 2_000, 4_000, 8_000]);
    gates.b.resolve();
    await start;
    await clock.advance(100_000);
    expect(pluginsSlow).toHaveLength(4);
    expect(clock.pending).toBe(0);
  });

  it.each(['load', 'ready'] as const)('tells of a slow %s', async (phase) => {
    const { bus, clock, host, plugin } = openStage({ slowAfterMs: 100 });
    const { pluginsSlow } = factsOf(bus);
    const gate = deferred();
    const a = plugin('a', phase === 'ready' ? { ready: () => gate.promise } : {});
    host.use({ name: 'a', load: () => (phase === 'load' ? gate.promise.then(() => a) : a) });
    const start = host.start();
    await clock.advance(100);
    expect(pluginsSlow).toMatchObject([{ elapsedMs: 100, starting: [{ plugin: 'a', phase }], waiting: [] }]);
    gate.resolve();
    await start;
    expect(clock.pending).toBe(0);
  });

  it('tells nothing of a start that is quick', async () => {
    const { bus, clock, host, plugin } = openStage();
    const { pluginsSlow } = factsOf(bus);
    host.use(plugin('a'));
    await host.start();
    await clock.advance(10_000);
    expect(pluginsSlow).toEqual([]);
  });

  it('tells of changes that are slow', async () => {
    const { bus, clock, host, plugin } = openStage();
    const { pluginsSlow } = factsOf(bus);
    const gate = deferred();
    await host.start();
    const add = host.add(plugin('a', { setup: () => gate.promise }));
    await clock.advance(1_000);
    expect(pluginsSlow).toMatchObject([{ starting: [{ plugin: 'a', phase: 'setup' }] }]);
    gate.resolve();
    await add;
    expect(clock.pending).toBe(0);
  });
});
