import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, it } from 'vitest';
import { AmbusError } from '../../src/index.js';
import { definePlugin, type PluginContext, PluginError, PluginsError, typed } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { stateOf } from '../bus/promise-state.js';
import { WatchedSignal } from '../properties/watched-signal.js';
import { describeSyncAndAsync, errorsOf, expectError, factsOf, inPhase, nothingLeft, openStage } from './hosts.js';

describeSyncAndAsync((inTime) => {
  describe('start', () => {
    it('sets every plugin up, then has each one ready', async () => {
      const { host, journal, plugin, states } = openStage();
      const phases = { setup: inTime(() => {}), ready: inTime(() => {}) };
      host.use([plugin('a', phases), plugin('b', phases)]);
      await host.start();
      expect(journal).toEqual(['a setup', 'b setup', 'a ready', 'b ready']);
      expect(states()).toEqual({ a: 'active', b: 'active' });
      expect(host.state).toBe('started');
    });

    it('gives setup the context and the options', async () => {
      const { host } = openStage();
      const seen: unknown[] = [];
      const minify = definePlugin({
        name: 'minify',
        version: '1.0.0',
        options: typed<{ level: number }>(),
        setup: inTime((ctx: PluginContext<Record<string, unknown>, { level: number }>, options: { level: number }) => {
          seen.push(ctx.name, ctx.version, options, ctx.options);
        }),
      });
      host.use(minify, { level: 2 });
      await host.start();
      expect(seen).toEqual(['minify', '1.0.0', { level: 2 }, { level: 2 }]);
    });

    it('hears what setup has subscribed', async () => {
      const { bus, host } = openStage();
      const seen: string[] = [];
      host.use(
        definePlugin({
          name: 'audit',
          version: '1.0.0',
          setup: inTime((ctx: PluginContext) => {
            ctx.on('tick', () => void seen.push('on'));
            ctx.once('tick', () => void seen.push('once'));
            ctx.on(['tick', 'tock'], () => void seen.push('list'));
            ctx.on('*', () => void seen.push('pattern'));
            ctx.onAny(({ type }) => void seen.push(`any ${String(type)}`));
          }),
        }),
      );
      await host.start();
      bus.emitSync('tick');
      expect(seen).toEqual(['on', 'once', 'list', 'pattern', 'any tick']);
      seen.length = 0;
      bus.emitSync('tick');
      expect(seen).toEqual(['on', 'list', 'pattern', 'any tick']);
      expect(bus.inspect().groups).toMatchObject([{ name: 'audit', size: 4 }]);
    });

    it('hears nothing that setup has subscribed before setup has succeeded', async () => {
      const { bus, host, plugin, tick } = openStage();
      const gate = deferred();
      let visible: unknown;
      host.use([
        plugin('a', {
          setup: inTime(() => {
            visible = bus.handlerCount('tick');
            return gate.promise;
          }),
        }),
      ]);
      const start = host.start();
      await promisesSettled();
      expect(visible).toBe(0);
      expect(tick()).toEqual([]);
      expect(bus.handlerCount()).toBe(0);
      gate.resolve();
      await start;
      expect(tick()).toEqual(['a']);
    });

    it('runs ready in the order of dependencies, one after the other', async () => {
      const { host, journal, plugin } = openStage();
      const ready = (name: string) => async () => {
        await promisesSettled();
        journal.push(`${name} readied`);
      };
      host.use([
        plugin('printer', { requires: { parser: '*' }, ready: ready('printer') }),
        plugin('parser', { ready: ready('parser'), setup: inTime(() => {}) }),
      ]);
      await host.start();
      expect(journal.slice(2)).toEqual(['parser ready', 'parser readied', 'printer ready', 'printer readied']);
    });

    it('lets ready emit, when all plugins hear it', async () => {
      const { host, plugin } = openStage();
      const seen: unknown[] = [];
      const listen = (ctx: PluginContext): void => void ctx.on('hello', (from) => void seen.push([ctx.name, from]));
      host.use([
        plugin('a', {
          setup: inTime(listen),
          ready: inTime(async (ctx: PluginContext) => {
            expect(await ctx.emit('hello', 'emit')).toMatchObject({ ok: true, called: 2 });
            expect(ctx.emitSync('hello', 'emitSync')).toMatchObject({ called: 2 });
            expect(ctx.dispatch('hello', 'dispatch')).toMatchObject({ called: 2 });
            ctx.post('hello', 'post');
          }),
        }),
        plugin('b', { setup: inTime(listen) }),
      ]);
      await host.start();
      expect(seen).toEqual(
        ['emit', 'emitSync', 'dispatch', 'post'].flatMap((verb) => [
          ['a', verb],
          ['b', verb],
        ]),
      );
    });

    it('lets ready subscribe, at once', async () => {
      const { bus, host, plugin } = openStage();
      const counts: number[] = [];
      host.use(
        plugin('a', {
          ready: inTime((ctx: PluginContext) => {
            ctx.on('late', () => {});
            counts.push(bus.handlerCount('late'));
          }),
        }),
      );
      await host.start();
      expect(counts).toEqual([1]);
    });

    it('refuses emissions in setup with NOT_STARTED, and says where they belong', async () => {
      const { bus, host, plugin, reports } = openStage();
      let heard = 0;
      bus.on('hello', () => void (heard += 1));
      const errors: unknown[] = [];
      host.use(
        plugin('parser', {
          setup: inTime((ctx: PluginContext) => {
            const emitted = rejectionOf(ctx.emit('hello'));
            errors.push(thrownBy(() => ctx.emitSync('hello')));
            errors.push(thrownBy(() => ctx.dispatch('hello')));
            ctx.post('hello');
            return emitted.then((error) => void errors.push(error));
          }),
        }),
      );
      await host.start();
      expect(errors).toHaveLength(3);
      for (const error of errors) expectError(error, 'NOT_STARTED', 'parser', 'ready');
      expect(reports).toHaveLength(1);
      expectError(reports[0], 'NOT_STARTED', 'parser');
      expect(heard).toBe(0);
    });
  });

  describe('when', () => {
    it.each([[false], [0], [''], [null], [undefined]])('disables a plugin where it answers %j', async (answer) => {
      const { host, journal, plugin, tick } = openStage();
      host.use(plugin('a')).use(plugin('tracer'), undefined, { when: inTime(() => answer) });
      await host.start();
      expect(journal).toEqual(['a setup', 'a ready']);
      expect(tick()).toEqual(['a']);
      const [status] = host.status().filter(({ name }) => name === 'tracer');
      expect(status).toMatchObject({ state: 'disabled', reason: expect.stringContaining('when') });
    });

    it.each([[true], [1], ['yes'], [{}]])('lets it start where it answers %j', async (answer) => {
      const { host, plugin, tick } = openStage();
      host.use(plugin('tracer'), undefined, { when: inTime(() => answer) });
      await host.start();
      expect(tick()).toEqual(['tracer']);
    });

    it('is asked before a plugin is loaded, which it then is not', async () => {
      const { host, states } = openStage();
      let loads = 0;
      host.use({ name: 'tracer', load: () => void (loads += 1) }, undefined, { when: inTime(() => false) });
      await host.start();
      expect(loads).toBe(0);
      expect(states()).toEqual({ tracer: 'disabled' });
      expect(host.plugin('tracer').version).toBeUndefined();
    });

    it('saves a plugin from being checked', async () => {
      const { host, plugin, states } = openStage({ api: '2.0.0' });
      const when = inTime(() => false);
      host.use(plugin('tracer', { api: '^1', requires: { missing: '*' } }), undefined, { when });
      await host.start();
      expect(states()).toEqual({ tracer: 'disabled' });
    });

    it('that fails makes the start fail, and is named', async () => {
      const { bus, host, journal, plugin } = openStage();
      const cause = new Error('no such setting');
      const when = inTime(() => {
        throw cause;
      });
      host.use(plugin('a')).use(plugin('tracer'), undefined, { when });
      const error = await rejectionOf(host.start());
      expect(error).toBeInstanceOf(PluginError);
      expect(error).toMatchObject({ plugin: 'tracer', cause });
      expect((error as Error).message).toContain('when');
      expect(journal).toEqual([]);
      expect(bus.handlerCount()).toBe(0);
    });

    it('is asked again by the next start', async () => {
      const { host, plugin, states } = openStage();
      let answer = false;
      host.use(plugin('tracer'), undefined, { when: inTime(() => answer) });
      await host.start();
      expect(states()).toEqual({ tracer: 'disabled' });
      await host.stop();
      answer = true;
      await host.start();
      expect(states()).toEqual({ tracer: 'active' });
    });
  });
});

describe('start', () => {
  it('works without plugins', async () => {
    const { host } = openStage();
    expect(host.state).toBe('idle');
    const start = host.start();
    expect(host.state).toBe('starting');
    expect(await start).toBeUndefined();
    expect(host.state).toBe('started');
  });

  it('works with plugins that have nothing but a name', async () => {
    const { footprint, host, states } = openStage();
    host.use(definePlugin({ name: 'idler', version: '1.0.0' }));
    await host.start();
    expect(states()).toEqual({ idler: 'active' });
    await host.stop();
    expect(footprint()).toEqual(nothingLeft);
  });

  it('sets synchronous plugins up within one tick', async () => {
    const { host, journal, plugin } = openStage();
    host.use([
      plugin('c', { requires: { b: '*' } }),
      plugin('b', { requires: { a: '*' } }),
      plugin('a', { setup: () => queueMicrotask(() => void journal.push('next tick')) }),
      plugin('d'),
    ]);
    await host.start();
    expect(journal.slice(0, 5)).toEqual(['a setup', 'b setup', 'c setup', 'd setup', 'next tick']);
  });

  it('sets plugins up at the same time that do not depend on each other', async () => {
    const { host, journal, plugin } = openStage();
    const gates = { a: deferred(), b: deferred(), c: deferred() };
    host.use([
      plugin('a', { setup: () => gates.a.promise }),
      plugin('b', { setup: () => gates.b.promise }),
      plugin('c', { setup: () => gates.c.promise, requires: { a: '*' } }),
      plugin('d', { optional: { b: '*' } }),
    ]);
    const start = host.start();
    await promisesSettled();
    expect(inPhase(journal, 'setup')).toEqual(['a', 'b']);
    gates.b.resolve();
    await promisesSettled();
    expect(inPhase(journal, 'setup')).toEqual(['a', 'b', 'd']);
    gates.a.resolve();
    await promisesSettled();
    expect(inPhase(journal, 'setup')).toEqual(['a', 'b', 'd', 'c']);
    expect(inPhase(journal, 'ready')).toEqual([]);
    gates.c.resolve();
    await start;
    expect(inPhase(journal, 'ready')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('makes a plugin visible when its own setup has succeeded, while others are still set up', async () => {
    const { host, plugin, states, tick } = openStage();
    const gate = deferred();
    host.use([plugin('slow', { setup: () => gate.promise }), plugin('fast')]);
    const start = host.start();
    await promisesSettled();
    expect(tick()).toEqual(['fast']);
    expect(states()).toMatchObject({ slow: 'starting' });
    gate.resolve();
    await start;
    expect(tick()).toEqual(['slow', 'fast']);
  });

  it('has the events of one dependency heard by it while another is set up', async () => {
    const { host, plugin } = openStage();
    const seen: string[] = [];
    host.use([
      plugin('reader', { setup: (ctx) => void ctx.on('ask', () => void seen.push('asked')) }),
      plugin('slow', {
        requires: { reader: '*' },
        setup: async () => {
          await promisesSettled();
        },
        ready: (ctx) => void ctx.emitSync('ask'),
      }),
    ]);
    await host.start();
    expect(seen).toEqual(['asked']);
  });

  it('refuses emissions in setup also after an await, and through contexts that it kept', async () => {
    const { host, plugin } = openStage();
    const gate = deferred();
    let kept: PluginContext | undefined;
    host.use([
      plugin('a', {
        setup: async (ctx) => {
          kept = ctx;
          await gate.promise;
          expectError(await rejectionOf(ctx.emit('hello')), 'NOT_STARTED', 'a');
        },
      }),
    ]);
    const start = host.start();
    await promisesSettled();
    expectError(
      thrownBy(() => kept?.emitSync('hello')),
      'NOT_STARTED',
      'a',
    );
    gate.resolve();
    await start;
    expect(kept?.emitSync('hello').ok).toBe(true);
  });

  it('lets handlers of a plugin emit while others are still set up', async () => {
    const { bus, host, plugin } = openStage();
    const gate = deferred();
    const seen: unknown[] = [];
    bus.on('answer', (answer) => void seen.push(answer));
    host.use([
      plugin('slow', { setup: () => gate.promise }),
      plugin('fast', { setup: (ctx) => void ctx.on('ask', () => void ctx.emitSync('answer', 42)) }),
    ]);
    const start = host.start();
    await promisesSettled();
    expect(bus.emitSync('ask')).toMatchObject({ ok: true, called: 1 });
    expect(seen).toEqual([42]);
    gate.resolve();
    await start;
  });

  it('asks every when before anything is loaded', async () => {
    const { host, plugin } = openStage();
    const seen: string[] = [];
    host.use({ name: 'a', load: () => (seen.push('a loaded'), plugin('a')) }).use(plugin('b'), undefined, {
      when: async () => {
        await promisesSettled();
        seen.push('b asked');
        return true;
      },
    });
    await host.start();
    expect(seen).toEqual(['b asked', 'a loaded']);
  });

  it('loads everything before anything is set up', async () => {
    const { host, journal, plugin } = openStage();
    host.use(plugin('a')).use({
      name: 'b',
      load: async () => {
        await promisesSettled();
        journal.push('b loaded');
        return plugin('b');
      },
    });
    await host.start();
    expect(journal.slice(0, 3)).toEqual(['b loaded', 'a setup', 'b setup']);
  });

  it('checks everything before anything is set up, and leaves no trace where something is wrong', async () => {
    const { bus, footprint, host, journal, plugin, states } = openStage();
    host.use([plugin('a'), plugin('b', { requires: { missing: '*' } })]);
    const error = await rejectionOf(host.start());
    expectError(error, 'MISSING_PLUGIN', 'missing', '"b"');
    expect(error).toBeInstanceOf(PluginError);
    expect(journal).toEqual([]);
    expect(footprint()).toEqual(nothingLeft);
    expect(bus.inspect().events).toEqual([]);
    expect(host.state).toBe('idle');
    expect(states()).toMatchObject({ a: 'registered' });
  });

  it('collects all that is wrong', async () => {
    const { host, journal, plugin } = openStage({ api: '2.0.0' });
    host.use([
      plugin('printer', { requires: { parser: '^2' } }),
      plugin('parser', { api: '^1' }),
      plugin('egg', { requires: { hen: '*' } }),
      plugin('hen', { requires: { egg: '*' } }),
      plugin('first', { before: ['last'], after: ['last'] }),
      plugin('last', { requires: { nobody: '*' } }),
      Promise.resolve(plugin('printer')),
      Promise.reject(new Error('no such file')),
    ]);
    const error = await rejectionOf(host.start());
    expect(error).toBeInstanceOf(PluginsError);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toMatchObject({ code: 'PLUGINS_FAILED' });
    const errors = errorsOf(error);
    expect(errors.every((each) => each instanceof PluginError)).toBe(true);
    expect(errors.map(({ code }) => code).sort()).toEqual(
      [
        'DUPLICATE_PLUGIN',
        'MISSING_PLUGIN',
        'PLUGIN_CYCLE',
        'PLUGIN_LOAD_FAILED',
        'PLUGIN_ORDER',
        'UNSUPPORTED_API',
        'WRONG_PLUGIN_VERSION',
      ].sort(),
    );
    for (const each of errors) expect((error as Error).message).toContain(each.message);
    expect(journal).toEqual([]);
  });

  it('names the plugins of all errors in the details of PluginsError, and has the first as its cause', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('a', { requires: { x: '*', y: '*' } }), plugin('b', { requires: { z: '*' } })]);
    const error = (await rejectionOf(host.start())) as PluginsError;
    expect(error.details).toEqual({ plugins: ['a', 'b'] });
    expect(error.errors.map(({ plugin: name }) => name)).toEqual(['a', 'a', 'b']);
    expect(error.cause).toBe(error.errors[0]);
  });

  it('may be tried again once what was wrong is mended', async () => {
    const { host, plugin, tick } = openStage();
    host.use(plugin('printer', { requires: { parser: '*' } }));
    expectError(await rejectionOf(host.start()), 'MISSING_PLUGIN');
    host.use(plugin('parser'));
    await host.start();
    expect(tick()).toEqual(['parser', 'printer']);
  });

  it('is ALREADY_STARTED the second time, also while it starts', async () => {
    const { host, journal, plugin } = openStage({ name: 'shop' });
    host.use(plugin('a', { setup: () => promisesSettled() }));
    const start = host.start();
    expectError(await rejectionOf(host.start()), 'ALREADY_STARTED', 'shop');
    await start;
    expectError(await rejectionOf(host.start()), 'ALREADY_STARTED', 'shop');
    expect(journal).toEqual(['a setup', 'a ready']);
    expect(host.state).toBe('started');
  });

  it('refuses options that it does not know, and bad ones', async () => {
    const { host } = openStage();
    expectError(await rejectionOf(host.start({ sginal: undefined } as never)), 'UNKNOWN_OPTION', 'signal');
    expectError(await rejectionOf(host.start({ signal: {} } as never)), 'INVALID_OPTION', 'signal');
    expectError(await rejectionOf(host.start(5 as never)), 'INVALID_ARGUMENT');
    expect(host.state).toBe('idle');
  });

  it('leaves no timer behind', async () => {
    const { bus, clock, host, plugin } = openStage({ setupTimeoutMs: 50, loadTimeoutMs: 50 });
    factsOf(bus);
    host.use([plugin('a', { setup: () => promisesSettled(), ready: () => promisesSettled() })]);
    host.use({ name: 'b', load: async () => plugin('b') });
    await host.start();
    expect(clock.pending).toBe(0);
  });

  it('refuses changes of what it knows by handle after a failed validation no more than before', async () => {
    const { host, plugin, states } = openStage();
    host.use([plugin('a'), plugin('b', { requires: { missing: '*' } })]);
    await rejectionOf(host.start());
    await host.remove('b');
    await host.start();
    expect(states()).toEqual({ a: 'active' });
  });
});

describe('start with a signal', () => {
  it('rejects with its reason where it has aborted before, and does nothing', async () => {
    const { footprint, host, journal, plugin, states } = openStage();
    host.use(plugin('a'));
    expect(await rejectionOf(host.start({ signal: AbortSignal.abort('no time') }))).toBe('no time');
    expect(journal).toEqual([]);
    expect(host.state).toBe('idle');
    expect(states()).toEqual({ a: 'registered' });
    expect(footprint()).toEqual(nothingLeft);
  });

  it('rejects with its reason once all is rolled back', async () => {
    const { footprint, host, journal, plugin, states } = openStage();
    const controller = new AbortController();
    const gate = deferred();
    let seen: AbortSignal | undefined;
    host.use([
      plugin('a', { teardown: () => promisesSettled() }),
      plugin('b', {
        setup: (ctx) => {
          seen = ctx.signal;
          return gate.promise;
        },
      }),
    ]);
    const start = host.start({ signal: controller.signal });
    const rejection = rejectionOf(start);
    await promisesSettled();
    controller.abort('no time');
    expect(seen?.aborted).toBe(true);
    expect(await stateOf(start)).toBe('pending');
    gate.resolve();
    expect(await rejection).toBe('no time');
    expect(journal).toContain('a teardown');
    expect(inPhase(journal, 'ready')).toEqual([]);
    expect(host.state).toBe('idle');
    expect(states()).toEqual({ a: 'registered', b: 'registered' });
    expect(footprint()).toEqual(nothingLeft);
    await host.start();
    expect(states()).toEqual({ a: 'active', b: 'active' });
  });

  it('rejects with its reason while plugins are loaded', async () => {
    const { clock, host, journal, plugin } = openStage();
    const controller = new AbortController();
    host.use(plugin('a')).use({ name: 'b', load: () => new Promise(() => {}) });
    const rejection = rejectionOf(host.start({ signal: controller.signal }));
    await promisesSettled();
    controller.abort('no time');
    expect(await rejection).toBe('no time');
    expect(journal).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('rejects with its reason while ready runs', async () => {
    const { host, journal, plugin } = openStage();
    const controller = new AbortController();
    host.use([plugin('a', { ready: () => controller.abort('no time') }), plugin('b')]);
    expect(await rejectionOf(host.start({ signal: controller.signal }))).toBe('no time');
    expect(inPhase(journal, 'ready')).toEqual(['a']);
    expect(inPhase(journal, 'teardown')).toEqual(['b', 'a']);
    expect(host.state).toBe('idle');
  });

  it('leaves no listener on it, whatever comes of it', async () => {
    const { host, plugin } = openStage();
    const watched = new WatchedSignal(new AbortController().signal);
    const failing = plugin('b', {
      setup: () => {
        throw new Error('no');
      },
    });
    host.use([plugin('a', { setup: () => promisesSettled() }), failing]);
    await rejectionOf(host.start({ signal: watched.signal }));
    expect(watched.listeners).toBe(0);
    await host.remove('b');
    await host.start({ signal: watched.signal });
    expect(watched.listeners).toBe(0);
  });

  it('does nothing any more once the host has started', async () => {
    const { host, plugin, tick } = openStage();
    const controller = new AbortController();
    host.use(plugin('a'));
    await host.start({ signal: controller.signal });
    controller.abort();
    await promisesSettled();
    expect(host.state).toBe('started');
    expect(tick()).toEqual(['a']);
  });
});

describe('stop while the host starts', () => {
  it('has start reject with HOST_STOPPED once all is rolled back', async () => {
    const { footprint, host, journal, plugin, states } = openStage({ name: 'shop' });
    const gate = deferred();
    let signal: AbortSignal | undefined;
    host.use([
      plugin('a'),
      plugin('b', {
        setup: (ctx) => {
          signal = ctx.signal;
          return gate.promise;
        },
      }),
      plugin('c', { requires: { b: '*' } }),
    ]);
    const rejection = rejectionOf(host.start());
    await promisesSettled();
    const stop = host.stop();
    expect(signal?.aborted).toBe(true);
    expect(await stateOf(stop)).toBe('pending');
    gate.resolve();
    expectError(await rejection, 'HOST_STOPPED', 'shop');
    await stop;
    expect(inPhase(journal, 'setup')).toEqual(['a', 'b']);
    expect(journal).toContain('a teardown');
    expect(footprint()).toEqual(nothingLeft);
    expect(states()['a']).not.toBe('active');
    await host.start();
    expect(states()).toEqual({ a: 'active', b: 'active', c: 'active' });
  });

  it.each(['stop', 'signal'] as const)('or its signal gives up a start that waits for a schema: %s', async (by) => {
    const { host, journal, plugin } = openStage();
    const endless: StandardSchemaV1 = {
      '~standard': { version: 1, vendor: 'test', validate: () => new Promise(() => {}) },
    };
    host.use(plugin('a')).use(definePlugin({ name: 'slow', version: '1.0.0', options: endless }), {});
    const controller = new AbortController();
    const start = host.start({ signal: controller.signal });
    const reason = start.catch((error: unknown) => error);
    await promisesSettled();
    if (by === 'stop') void host.stop();
    else controller.abort('no time');
    expect(await stateOf(start)).toBe('rejected');
    if (by === 'stop') expectError(await reason, 'HOST_STOPPED');
    else expect(await reason).toBe('no time');
    expect(journal).toEqual([]);
    expect(host.state).toBe('idle');
  });

  it.each(['stop', 'signal'] as const)('or its signal gives up a start that waits for `when`: %s', async (by) => {
    const { host, journal, plugin } = openStage();
    host.use(plugin('a')).use(plugin('slow'), undefined, { when: () => new Promise(() => {}) });
    const controller = new AbortController();
    const start = host.start({ signal: controller.signal });
    const reason = start.catch((error: unknown) => error);
    await promisesSettled();
    if (by === 'stop') void host.stop();
    else controller.abort('no time');
    expect(await stateOf(start)).toBe('rejected');
    if (by === 'stop') expectError(await reason, 'HOST_STOPPED');
    else expect(await reason).toBe('no time');
    expect(journal).toEqual([]);
  });

  it('while ready runs has no other one run', async () => {
    const { footprint, host, journal, plugin } = openStage();
    const gate = deferred();
    let signal: AbortSignal | undefined;
    host.use([
      plugin('a', {
        ready: (ctx) => {
          signal = ctx.signal;
          return gate.promise;
        },
      }),
      plugin('b'),
    ]);
    const rejection = rejectionOf(host.start());
    await promisesSettled();
    const stop = host.stop();
    expect(signal?.aborted).toBe(true);
    gate.resolve();
    expectError(await rejection, 'HOST_STOPPED');
    await stop;
    expect(inPhase(journal, 'ready')).toEqual(['a']);
    expect(inPhase(journal, 'teardown')).toEqual(['b', 'a']);
    expect(footprint()).toEqual(nothingLeft);
  });

  it('waits for a setup no longer than its time limit', async () => {
    const { clock, host, plugin } = openStage({ setupTimeoutMs: 100 });
    host.use(plugin('a', { setup: () => new Promise(() => {}) }));
    const rejection = rejectionOf(host.start());
    await promisesSettled();
    const stop = host.stop();
    await clock.advance(100);
    expectError(await rejection, 'HOST_STOPPED');
    await stop;
    expect(clock.pending).toBe(0);
  });

  it('while plugins are loaded sets up nothing', async () => {
    const { host, journal, plugin } = openStage();
    const gate = deferred();
    host.use(plugin('a')).use({
      name: 'b',
      load: async () => {
        await gate.promise;
        return plugin('b');
      },
    });
    const rejection = rejectionOf(host.start());
    await promisesSettled();
    const stop = host.stop();
    gate.resolve();
    expectError(await rejection, 'HOST_STOPPED');
    await stop;
    expect(journal).toEqual([]);
  });
});

describe('what goes wrong while a start is given up', () => {
  it('is reported where it was given up in ready, too', async () => {
    const { host, plugin, reports } = openStage();
    const controller = new AbortController();
    const teardown = () => {
      throw new Error('stuck');
    };
    host.use(plugin('parser', { ready: () => controller.abort('no time'), teardown }));
    expect(await rejectionOf(host.start({ signal: controller.signal }))).toBe('no time');
    expect(reports).toHaveLength(1);
    expectError(reports[0], 'PLUGIN_TEARDOWN_FAILED', 'parser', 'stuck');
  });

  it.each(['its signal', 'stop'] as const)('is reported where it was by %s', async (by) => {
    const { host, plugin, reports } = openStage();
    const controller = new AbortController();
    const gate = deferred();
    host.use([
      plugin('parser', {
        teardown: () => {
          throw new Error('stuck');
        },
      }),
      plugin('slow', { setup: () => gate.promise }),
    ]);
    const start = host.start({ signal: controller.signal });
    const rejection = rejectionOf(start);
    await promisesSettled();
    const stop = by === 'stop' ? host.stop() : undefined;
    if (by === 'its signal') controller.abort('no time');
    gate.resolve();
    const error = await rejection;
    if (by === 'stop') expectError(error, 'HOST_STOPPED');
    else expect(error).toBe('no time');
    await stop;
    expect(reports).toHaveLength(1);
    expectError(reports[0], 'PLUGIN_TEARDOWN_FAILED', 'parser', 'stuck');
  });
});
