import { describe, expect, it } from 'vitest';
import { type PluginContext, PluginError } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { stateOf } from '../bus/promise-state.js';
import { describeSyncAndAsync, errorsOf, expectError, inPhase, openStage, type Parts } from './hosts.js';

/** A started stage with plugins of these names and parts. */
async function startedWith(plugins: Record<string, Parts>, options?: Parameters<typeof openStage>[0]) {
  const stage = openStage(options);
  stage.host.use(Object.entries(plugins).map(([name, parts]) => stage.plugin(name, parts)));
  await stage.host.start();
  stage.journal.length = 0;
  return stage;
}

const chain = {
  parser: {},
  printer: { requires: { parser: '*' } },
  spooler: { requires: { printer: '*' } },
  other: {},
};

describeSyncAndAsync((inTime) => {
  describe('disable', () => {
    it('tears the plugin down, and keeps it', async () => {
      const { host, journal, states, tick } = await startedWith({
        a: {},
        b: {
          setup: (ctx) => void ctx.own(inTime(() => {})),
          teardown: inTime(() => {}),
        },
        c: {},
      });
      await host.disable('b');
      expect(journal).toEqual(['b teardown']);
      expect(tick()).toEqual(['a', 'c']);
      expect(states()).toEqual({ a: 'active', b: 'disabled', c: 'active' });
      expect(host.plugin('b').status()).toMatchObject({ reason: expect.any(String), handlers: 0, resources: 0 });
    });
  });

  describe('enable', () => {
    it('sets the plugin up again, at its place, and has it ready', async () => {
      const { host, journal, states, tick } = await startedWith({
        a: {},
        b: { setup: inTime(() => {}), ready: inTime(() => {}) },
        c: {},
      });
      await host.disable('b');
      journal.length = 0;
      await host.enable('b');
      expect(journal).toEqual(['b setup', 'b ready']);
      expect(tick()).toEqual(['a', 'b', 'c']);
      expect(states()).toEqual({ a: 'active', b: 'active', c: 'active' });
      expect(host.plugin('b').status()).toMatchObject({ reason: undefined, place: 2 });
    });
  });
});

describe('disable', () => {
  it('skips handlers that have not started in emissions under way, and drains those that run', async () => {
    const gate = deferred();
    const seen: string[] = [];
    const { bus, host, journal } = await startedWith({
      a: {
        setup: (ctx) => {
          ctx.on('job', async () => {
            await gate.promise;
            seen.push('first');
          });
          ctx.on('job', () => void seen.push('second'));
        },
      },
      b: { setup: (ctx) => void ctx.on('job', () => void seen.push('other')) },
    });
    const job = bus.emit('job');
    const disable = host.disable('a');
    expect(host.plugin('a').state).toBe('stopping');
    await promisesSettled();
    expect(journal).toEqual([]);
    gate.resolve();
    await disable;
    expect(await job).toMatchObject({ ok: true, called: 2, skipped: 1 });
    expect(seen).toEqual(['first', 'other']);
    expect(journal).toEqual(['a teardown']);
  });

  it('waits for handlers of its own only', async () => {
    const gate = deferred();
    const { bus, host } = await startedWith({
      a: { setup: (ctx) => void ctx.on('job', () => {}) },
      b: { setup: (ctx) => void ctx.on('job', () => gate.promise) },
    });
    const job = bus.emit('job');
    await host.disable('a');
    gate.resolve();
    expect((await job).called).toBe(2);
  });

  it('skips runs that wait for a slot of their handler', async () => {
    const gate = deferred();
    let runs = 0;
    const { bus, host, journal } = await startedWith({
      a: {
        setup: (ctx) => {
          const run = () => {
            runs += 1;
            return gate.promise;
          };
          ctx.on('job', run, { concurrency: 1 });
        },
      },
    });
    const jobs = Promise.all([bus.emit('job'), bus.emit('job'), bus.emit('job')]);
    const disable = host.disable('a');
    gate.resolve();
    await disable;
    expect((await jobs).map(({ called, ok }) => [ok, called])).toEqual([
      [true, 1],
      [true, 0],
      [true, 0],
    ]);
    expect(runs).toBe(1);
    expect(journal).toEqual(['a teardown']);
  });

  it('with a handler that never ends does not hold up the next instance', async () => {
    const { bus, clock, host, states } = await startedWith(
      { a: { setup: (ctx) => void ctx.on('job', () => new Promise(() => {})) } },
      { drainMs: 10 },
    );
    void bus.emit('job');
    const rejection = rejectionOf(host.disable('a'));
    await clock.advance(10);
    expectError(await rejection, 'PLUGIN_NOT_DRAINED');
    await host.enable('a');
    expect(states()).toEqual({ a: 'active' });
    await host.stop();
    expect(clock.pending).toBe(0);
  });

  it('takes effect at once for emissions that start later', async () => {
    const { host, tick } = await startedWith({ a: {}, b: {} });
    const disable = host.disable('a');
    expect(tick()).toEqual(['b']);
    await disable;
  });

  it('aborts ctx.signal, and closes the context', async () => {
    let ctx: PluginContext | undefined;
    const { host } = await startedWith({ a: { setup: (context) => void (ctx = context) } });
    await host.disable('a');
    expect(ctx?.signal.aborted).toBe(true);
    expectError(
      thrownBy(() => ctx?.on('tick', () => {})),
      'CONTEXT_CLOSED',
      '"a"',
    );
  });

  it('waits for handlers for at most drainMs, and says which plugin was not done', async () => {
    let signal: AbortSignal | undefined;
    const { bus, clock, host, journal, states } = await startedWith({
      parser: {
        setup: (ctx) => {
          signal = ctx.signal;
          ctx.on('job', () => new Promise(() => {}));
        },
      },
    });
    void bus.emit('job');
    const rejection = rejectionOf(host.disable('parser', { drainMs: 200 }));
    await clock.advance(199);
    expect([signal?.aborted, ...journal]).toEqual([false]);
    await clock.advance(1);
    expect(signal?.aborted).toBe(true);
    expectError(await rejection, 'PLUGIN_NOT_DRAINED', 'parser', '200');
    expect(journal).toEqual(['parser teardown']);
    expect(states()).toEqual({ parser: 'disabled' });
  });

  it('rejects with what went wrong in the teardown, once the plugin is down', async () => {
    const { host, states, tick } = await startedWith({
      parser: { teardown: failing.throws('stuck'), setup: (ctx) => void ctx.own(failing.rejects('leaks')) },
    });
    const error = await rejectionOf(host.disable('parser'));
    expect(errorsOf(error)).toMatchObject([
      { code: 'PLUGIN_TEARDOWN_FAILED', plugin: 'parser', phase: 'teardown', cause: { message: 'stuck' } },
      { code: 'PLUGIN_TEARDOWN_FAILED', plugin: 'parser', phase: 'dispose', cause: { message: 'leaks' } },
    ]);
    expect(states()).toEqual({ parser: 'disabled' });
    expect(tick()).toEqual([]);
    await host.enable('parser');
    expect(tick()).toEqual(['parser']);
  });

  it('of a plugin that is disabled does nothing', async () => {
    const { host, journal, states } = await startedWith({ a: {} });
    await host.disable('a');
    await host.disable('a');
    expect(journal).toEqual(['a teardown']);
    expect(states()).toEqual({ a: 'disabled' });
  });

  it('of a name that is not there is UNKNOWN_PLUGIN, with the nearest', async () => {
    const { host } = await startedWith({ 'acme.parser': {} });
    expectError(await rejectionOf(host.disable('acme.prser')), 'UNKNOWN_PLUGIN', 'acme.prser', 'acme.parser');
    expectError(await rejectionOf(host.enable('acme.prser')), 'UNKNOWN_PLUGIN', 'acme.prser', 'acme.parser');
    expectError(await rejectionOf(host.disable('zzz')), 'UNKNOWN_PLUGIN', 'zzz');
  });

  it('refuses options that it does not know, and bad ones', async () => {
    const { host, states } = await startedWith({ a: {} });
    const disable = (options: unknown) => rejectionOf(host.disable('a', options as never));
    expectError(await disable({ cascad: true }), 'UNKNOWN_OPTION', 'cascade');
    expectError(await disable({ drainMs: -1 }), 'INVALID_OPTION', 'drainMs');
    expectError(await disable({ cascade: 'yes' }), 'INVALID_OPTION', 'cascade');
    expectError(await disable({ parent: {} }), 'INVALID_OPTION', 'parent');
    expectError(await disable(5), 'INVALID_ARGUMENT');
    expectError(await rejectionOf(host.disable(undefined as never)), 'INVALID_ARGUMENT');
    expect(states()).toEqual({ a: 'active' });
  });
});

describe('disable of a plugin with dependants', () => {
  it('is HAS_DEPENDANTS, which names them, and changes nothing', async () => {
    const { host, journal, states, tick } = await startedWith({ ...chain, painter: { requires: { parser: '*' } } });
    const error = await rejectionOf(host.disable('parser'));
    expectError(error, 'HAS_DEPENDANTS', 'parser', 'printer', 'painter', 'cascade');
    expect(error).toBeInstanceOf(PluginError);
    expect(journal).toEqual([]);
    expect(new Set(Object.values(states()))).toEqual(new Set(['active']));
    expect(tick()).toHaveLength(5);
  });

  it('tears them down first with cascade, and blocks them', async () => {
    const { host, journal, states, tick } = await startedWith(chain);
    await host.disable('parser', { cascade: true });
    expect(journal).toEqual(['spooler teardown', 'printer teardown', 'parser teardown']);
    expect(states()).toEqual({ parser: 'disabled', printer: 'blocked', spooler: 'blocked', other: 'active' });
    expect(tick()).toEqual(['other']);
    expect(host.plugin('printer').status().reason).toMatch(/parser.*disabled/);
    expect(host.plugin('spooler').status().reason).toContain('printer');
  });

  it('brings them back when it is enabled again, in their order', async () => {
    const { host, journal, states, tick } = await startedWith(chain);
    const before = tick();
    await host.disable('parser', { cascade: true });
    journal.length = 0;
    await host.enable('parser');
    expect(inPhase(journal, 'setup')).toEqual(['parser', 'printer', 'spooler']);
    expect(inPhase(journal, 'ready')).toEqual(['parser', 'printer', 'spooler']);
    expect(new Set(Object.values(states()))).toEqual(new Set(['active']));
    expect(tick()).toEqual(before);
  });

  it('does not bring back those that were disabled by themselves', async () => {
    const { host, states } = await startedWith(chain);
    await host.disable('spooler');
    await host.disable('parser', { cascade: true });
    expect(states()).toMatchObject({ printer: 'blocked', spooler: 'disabled' });
    await host.enable('parser');
    expect(states()).toMatchObject({ parser: 'active', printer: 'active', spooler: 'disabled' });
  });

  it('needs no cascade where they only make use of it, or are not active', async () => {
    const { host, states } = await startedWith({
      cache: {},
      server: { optional: { cache: '*' } },
      proxy: { requires: { cache: '*' } },
    });
    await host.disable('proxy');
    await host.disable('cache');
    expect(states()).toEqual({ cache: 'disabled', server: 'active', proxy: 'disabled' });
  });

  it('keeps every error of all that it tears down', async () => {
    const { host, states } = await startedWith({
      parser: { teardown: failing.throws('parser stuck') },
      printer: { requires: { parser: '*' }, teardown: failing.rejects('printer stuck') },
    });
    expect(errorsOf(await rejectionOf(host.disable('parser', { cascade: true })))).toMatchObject([
      { plugin: 'printer', cause: { message: 'printer stuck' } },
      { plugin: 'parser', cause: { message: 'parser stuck' } },
    ]);
    expect(states()).toEqual({ parser: 'disabled', printer: 'blocked' });
  });

  it('blocks a dependant only as long as all that it requires is active', async () => {
    const { host, states } = await startedWith({
      parser: {},
      store: {},
      printer: { requires: { parser: '*', store: '*' } },
    });
    await host.disable('parser', { cascade: true });
    await host.disable('store');
    await host.enable('parser');
    expect(states()).toEqual({ parser: 'active', store: 'disabled', printer: 'blocked' });
    expect(host.plugin('printer').status().reason).toContain('store');
    await host.enable('store');
    expect(states()).toEqual({ parser: 'active', store: 'active', printer: 'active' });
  });
});

describe('enable', () => {
  it.each(Object.entries(failing))('that fails leaves the plugin disabled, and rejects (%s)', async (_, fail) => {
    let fails = false;
    const { bus, host, states, tick } = await startedWith({
      a: {},
      parser: { setup: () => (fails ? fail('no grammar')() : undefined) },
    });
    await host.disable('parser');
    const handlers = bus.handlerCount();
    fails = true;
    const error = await rejectionOf(host.enable('parser'));
    expectError(error, 'PLUGIN_SETUP_FAILED', 'parser', 'no grammar');
    expect(states()).toEqual({ a: 'active', parser: 'disabled' });
    expect(bus.handlerCount()).toBe(handlers);
    expect(host.state).toBe('started');
    fails = false;
    await host.enable('parser');
    expect(tick()).toEqual(['a', 'parser']);
  });

  it('of a plugin whose ready fails tears it down, and leaves it disabled', async () => {
    let fails = false;
    const { host, journal, states, tick } = await startedWith({
      parser: { ready: () => (fails ? failing.rejects('no peer')() : undefined) },
    });
    await host.disable('parser');
    fails = true;
    journal.length = 0;
    expectError(await rejectionOf(host.enable('parser')), 'PLUGIN_READY_FAILED', 'parser', 'no peer');
    expect(journal).toEqual(['parser setup', 'parser ready', 'parser teardown']);
    expect(states()).toEqual({ parser: 'disabled' });
    expect(tick()).toEqual([]);
  });

  it('sets up again what has failed, and those that were blocked by that', async () => {
    let fails = true;
    const { host, states, tick } = await startedWith(
      {
        parser: {
          setup: () => {
            if (fails) throw new Error('no grammar');
          },
        },
        printer: { requires: { parser: '*' } },
        spooler: { requires: { printer: '*' } },
      },
      { onSetupError: 'continue' },
    );
    expect(states()).toEqual({ parser: 'failed', printer: 'blocked', spooler: 'blocked' });
    expectError(await rejectionOf(host.enable('parser')), 'PLUGIN_SETUP_FAILED', 'parser');
    expect(states()).toEqual({ parser: 'failed', printer: 'blocked', spooler: 'blocked' });
    fails = false;
    await host.enable('parser');
    expect(states()).toEqual({ parser: 'active', printer: 'active', spooler: 'active' });
    expect(tick()).toEqual(['parser', 'printer', 'spooler']);
    expect(host.plugin('printer').status().reason).toBeUndefined();
  });

  it('of a plugin that is active does nothing', async () => {
    const { host, journal, states } = await startedWith({ a: {} });
    await host.enable('a');
    expect(journal).toEqual([]);
    expect(states()).toEqual({ a: 'active' });
  });

  it('of a plugin whose requirements are not active is MISSING_PLUGIN, and says why', async () => {
    const { host, states } = await startedWith({ parser: {}, printer: { requires: { parser: '*' } } });
    await host.disable('printer');
    await host.disable('parser');
    expectError(await rejectionOf(host.enable('printer')), 'MISSING_PLUGIN', 'printer', 'parser', 'disabled');
    expect(states()).toEqual({ parser: 'disabled', printer: 'disabled' });
  });

  it('of a plugin that is blocked is MISSING_PLUGIN', async () => {
    const { host, states } = await startedWith({ parser: {}, printer: { requires: { parser: '*' } } });
    await host.disable('parser', { cascade: true });
    expectError(await rejectionOf(host.enable('printer')), 'MISSING_PLUGIN', 'printer', 'parser');
    expect(states()).toEqual({ parser: 'disabled', printer: 'blocked' });
  });

  it('does not ask `when`, and loads what was not loaded', async () => {
    const { host, plugin, tick } = openStage();
    let asked = 0;
    const when = () => {
      asked += 1;
      return false;
    };
    host
      .use(plugin('a'), undefined, { when })
      .use({ name: 'b', load: async () => plugin('b', { requires: { a: '*' } }) }, undefined, { when });
    await host.start();
    expect(asked).toBe(2);
    await host.enable('a');
    await host.enable('b');
    expect(asked).toBe(2);
    expect(tick()).toEqual(['a', 'b']);
    expect(host.plugin('b').version).toBe('1.0.0');
  });

  it('checks what was not checked at the start', async () => {
    const { host, plugin, states } = openStage({ api: '2.0.0' });
    host.use(plugin('old', { api: '^1' }), undefined, { when: () => false });
    await host.start();
    expectError(await rejectionOf(host.enable('old')), 'UNSUPPORTED_API', 'old', '2.0.0', '^1');
    expect(states()).toEqual({ old: 'disabled' });
  });

  it('gives a plugin a new state, and the options that it had', async () => {
    const seen: unknown[] = [];
    const { host } = await startedWith({
      a: {
        state: () => ({ count: 0 }),
        setup: (ctx) => {
          seen.push({ ...ctx.state });
          ctx.state['count'] = 5;
        },
      },
    });
    await host.disable('a');
    await host.enable('a');
    expect(seen).toEqual([{ count: 0 }, { count: 0 }]);
  });

  it('has other plugins heard all the while', async () => {
    const gate = deferred();
    let slow = false;
    const { host, tick } = await startedWith({ a: { setup: () => (slow ? gate.promise : undefined) }, b: {} });
    await host.disable('a');
    slow = true;
    const enable = host.enable('a');
    await promisesSettled();
    expect(host.plugin('a').state).toBe('starting');
    expect(tick()).toEqual(['b']);
    gate.resolve();
    await enable;
    expect(tick()).toEqual(['a', 'b']);
  });
});

describe('a plugin that is disabled', () => {
  it('stays so when the host stops and starts again, also where enabling it has failed', async () => {
    let fails = false;
    const { host, journal, states } = await startedWith({
      a: { setup: () => (fails ? failing.throws('no')() : undefined) },
      b: {},
    });
    await host.disable('a');
    fails = true;
    await rejectionOf(host.enable('a'));
    fails = false;
    await host.stop();
    journal.length = 0;
    await host.start();
    expect(states()).toEqual({ a: 'disabled', b: 'active' });
    expect(journal).toEqual(['b setup', 'b ready']);
  });
});

describe('before the start', () => {
  it('a plugin that is disabled is not started', async () => {
    const { host, journal, plugin, states } = openStage();
    host.use([plugin('a'), plugin('b')]);
    await host.disable('a');
    expect(states()).toEqual({ a: 'disabled', b: 'registered' });
    await host.start();
    expect(states()).toEqual({ a: 'disabled', b: 'active' });
    expect(journal).toEqual(['b setup', 'b ready']);
    await host.enable('a');
    expect(states()).toEqual({ a: 'active', b: 'active' });
  });

  it('a plugin that is disabled may be enabled again, to be started', async () => {
    const { host, journal, plugin, states } = openStage();
    host.use(plugin('a'));
    await host.disable('a');
    await host.enable('a');
    expect(states()).toEqual({ a: 'registered' });
    expect(journal).toEqual([]);
    await host.start();
    expect(states()).toEqual({ a: 'active' });
  });

  it('a plugin that is disabled is not loaded, nor asked `when`', async () => {
    const { host, plugin } = openStage();
    const seen: string[] = [];
    host.use({ name: 'a', load: () => (seen.push('loaded'), plugin('a')) }, undefined, {
      when: () => seen.push('asked'),
    });
    await host.disable('a');
    await host.start();
    expect(seen).toEqual([]);
  });

  it('unknown names are unknown too', async () => {
    const { host } = openStage();
    expectError(await rejectionOf(host.disable('a')), 'UNKNOWN_PLUGIN', '"a"');
    expectError(await rejectionOf(host.enable('a')), 'UNKNOWN_PLUGIN', '"a"');
    expectError(await rejectionOf(host.remove('a')), 'UNKNOWN_PLUGIN', '"a"');
  });
});

describe('changes', () => {
  it('are carried out one after the other', async () => {
    const { host, journal, states } = await startedWith({
      a: { setup: () => promisesSettled(), teardown: () => promisesSettled() },
      b: { teardown: () => promisesSettled() },
    });
    await Promise.all([host.disable('a'), host.enable('a'), host.disable('b'), host.disable('a'), host.enable('b')]);
    expect(journal.filter((entry) => !entry.endsWith('ready'))).toEqual([
      'a teardown',
      'a setup',
      'b teardown',
      'a teardown',
      'b setup',
    ]);
    expect(states()).toEqual({ a: 'disabled', b: 'active' });
  });

  it('find plugins as the one before has left them', async () => {
    const { host, plugin, states } = await startedWith({ a: {}, b: {} });
    const [removed, disabled, added, again] = await Promise.allSettled([
      host.remove('a'),
      host.disable('a'),
      host.add(plugin('c')),
      host.disable('b'),
    ]);
    expect([removed.status, added.status, again.status]).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expectError((disabled as PromiseRejectedResult).reason, 'UNKNOWN_PLUGIN', '"a"');
    expect(states()).toEqual({ b: 'disabled', c: 'active' });
  });

  it('go on after one that fails', async () => {
    const { host, states } = await startedWith({ a: { teardown: failing.throws('stuck') }, b: {} });
    const [first, second, third] = await Promise.allSettled([
      host.disable('a'),
      host.disable('nobody'),
      host.disable('b'),
    ]);
    expect([first.status, second.status, third.status]).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(states()).toEqual({ a: 'disabled', b: 'disabled' });
  });

  it('wait for a start that is under way', async () => {
    const { host, plugin, states } = openStage();
    const gate = deferred();
    host.use([plugin('a', { setup: () => gate.promise }), plugin('b')]);
    const start = host.start();
    await promisesSettled();
    const disable = host.disable('b');
    expect(await stateOf(disable)).toBe('pending');
    gate.resolve();
    await Promise.all([start, disable]);
    expect(states()).toEqual({ a: 'active', b: 'disabled' });
  });

  it('never reject unheard only because an earlier one did', async () => {
    const { host, states } = await startedWith({ a: {}, b: { requires: { a: '*' } } });
    const refused = rejectionOf(host.disable('a'));
    await host.disable('b');
    expectError(await refused, 'HAS_DEPENDANTS');
    expect(states()).toEqual({ a: 'active', b: 'disabled' });
  });
});

describe('a plugin that disables itself', () => {
  const selfish = (run: (ctx: { id: string }, own: PluginContext) => Promise<void>): Parts => ({
    setup: (ctx) => void ctx.on('job', (_, emission) => run(emission, ctx)),
  });

  it('in its own handler does not wait for that handler', async () => {
    const stage = await startedWith({
      self: selfish(async (_, own) => {
        await stage.host.disable('self');
        expectError(
          thrownBy(() => own.on('tock', () => {})),
          'CONTEXT_CLOSED',
          'self',
        );
        stage.journal.push('handler went on');
      }),
    });
    const job = stage.bus.emit('job');
    await promisesSettled();
    expect(stage.journal).toEqual(['self teardown', 'handler went on']);
    expect(await job).toMatchObject({ ok: true, called: 1 });
    expect(stage.states()).toEqual({ self: 'disabled' });
    expect(stage.clock.pending).toBe(0);
  });

  it('in its own handler by its handle does not wait either', async () => {
    const stage = await startedWith({ self: selfish(() => stage.host.plugin('self').disable()) });
    const job = stage.bus.emit('job');
    await promisesSettled();
    expect(await stateOf(job)).toBe('fulfilled');
    expect(stage.states()).toEqual({ self: 'disabled' });
  });

  it('after an await does not wait for its handler where it gives its context as parent', async () => {
    const stage = await startedWith({
      self: selfish(async (emission) => {
        await promisesSettled();
        await stage.host.disable('self', { parent: emission });
        stage.journal.push('handler went on');
      }),
    });
    expect(await stage.bus.emit('job')).toMatchObject({ ok: true });
    expect(stage.journal).toEqual(['self teardown', 'handler went on']);
  });

  it('waits for its other handlers all the same', async () => {
    const gate = deferred();
    const stage = await startedWith({
      self: {
        setup: (ctx) => {
          ctx.on('slow', () => gate.promise);
          ctx.on('job', () => stage.host.disable('self'));
        },
      },
    });
    const slow = stage.bus.emit('slow');
    const job = stage.bus.emit('job');
    expect(await stateOf(job)).toBe('pending');
    expect(stage.journal).toEqual([]);
    gate.resolve();
    await Promise.all([slow, job]);
    expect(stage.journal).toEqual(['self teardown']);
  });

  it('in a handler of an emission that a handler of its own caused does not wait for that one', async () => {
    const stage = await startedWith({
      self: { setup: (ctx) => void ctx.on('job', (_, emission) => emission.emit('inner')) },
      other: { setup: (ctx) => void ctx.on('inner', () => stage.host.disable('self')) },
    });
    const job = stage.bus.emit('job');
    await promisesSettled();
    expect(await stateOf(job)).toBe('fulfilled');
    expect(stage.states()).toEqual({ self: 'disabled', other: 'active' });
  });

  it('may be removed, or replaced, in the same way', async () => {
    const stage = await startedWith({
      first: { setup: (ctx) => void ctx.on('job', () => stage.host.remove('first')) },
      second: { setup: (ctx) => void ctx.on('job', () => stage.host.replace('second', stage.plugin('second'))) },
    });
    const job = stage.bus.emit('job');
    await promisesSettled();
    await promisesSettled();
    expect(await stateOf(job)).toBe('fulfilled');
    expect(stage.states()).toEqual({ second: 'active' });
    expect(stage.clock.pending).toBe(0);
  });

  it('in a synchronous handler, without waiting, works too', async () => {
    const stage = await startedWith({
      self: { setup: (ctx) => void ctx.on('job', () => void stage.host.disable('self')) },
    });
    expect(stage.bus.emitSync('job')).toMatchObject({ ok: true, called: 1 });
    expect(stage.tick()).toEqual([]);
    await promisesSettled();
    expect(stage.states()).toEqual({ self: 'disabled' });
  });
});

describe('what is left behind', () => {
  it('is what was there before, however often plugins are disabled and enabled', async () => {
    const { clock, footprint, host } = await startedWith({
      a: { setup: (ctx) => void ctx.own(() => {}) },
      b: { requires: { a: '*' }, setup: (ctx) => void ctx.onAny(() => {}) },
    });
    const before = footprint();
    for (let i = 0; i < 20; i++) {
      await host.disable('a', { cascade: true });
      await host.enable('a');
    }
    expect(footprint()).toEqual(before);
    expect(clock.pending).toBe(0);
    expect(host.plugin('a').status().resources).toBe(1);
  });
});
