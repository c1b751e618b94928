import { describe, expect, it } from 'vitest';
import { type PluginContext, PluginError } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { expectError, inPhase, nothingLeft, openStage } from './hosts.js';

const ways = Object.entries(failing);

describe.each(ways)('a ready that fails (%s)', (_, fail) => {
  it('makes start reject with PLUGIN_READY_FAILED, with the plugin and what it threw', async () => {
    const { host, plugin, states } = openStage();
    host.use([plugin('a'), plugin('parser', { ready: fail('no peer') }), plugin('c')]);
    const error = await rejectionOf(host.start());
    expectError(error, 'PLUGIN_READY_FAILED', 'parser', 'no peer');
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({
      plugin: 'parser',
      phase: 'ready',
      cause: { message: 'no peer' },
      rollbackErrors: [],
    });
    expect(host.state).toBe('idle');
    expect(states()).toEqual({ a: 'registered', parser: 'failed', c: 'registered' });
  });

  it('has everything torn down, the plugin itself too', async () => {
    const { footprint, host, journal, plugin } = openStage();
    const own = (ctx: PluginContext) => void ctx.own(() => void journal.push(`${ctx.name} disposed`));
    host.use([
      plugin('a', { setup: own }),
      plugin('b', { setup: own, ready: fail('no peer'), requires: { a: '*' } }),
      plugin('c', { setup: own, requires: { b: '*' } }),
    ]);
    await rejectionOf(host.start());
    expect(journal.slice(3)).toEqual([
      'a ready',
      'b ready',
      'c teardown',
      'c disposed',
      'b teardown',
      'b disposed',
      'a teardown',
      'a disposed',
    ]);
    expect(footprint()).toEqual(nothingLeft);
  });

  it('keeps the errors of the undoing', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('a', { teardown: fail('a stays') }), plugin('b', { ready: fail('no peer') })]);
    const error = (await rejectionOf(host.start())) as PluginError;
    expectError(error, 'PLUGIN_READY_FAILED', '"b"');
    expect(error.rollbackErrors).toMatchObject([
      { code: 'PLUGIN_TEARDOWN_FAILED', plugin: 'a', cause: { message: 'a stays' } },
    ]);
  });

  it('where the host continues, is torn down and failed, its dependants torn down and blocked', async () => {
    const { host, journal, plugin, reports, states, tick } = openStage({ onSetupError: 'continue' });
    host.use([
      plugin('a'),
      plugin('parser', { ready: fail('no peer') }),
      plugin('printer', { requires: { parser: '*' } }),
      plugin('spooler', { requires: { printer: '*' } }),
      plugin('e'),
    ]);
    await host.start();
    expect(host.state).toBe('started');
    expect(states()).toEqual({ a: 'active', parser: 'failed', printer: 'blocked', spooler: 'blocked', e: 'active' });
    expect(inPhase(journal, 'teardown')).toEqual(['spooler', 'printer', 'parser']);
    expect(inPhase(journal, 'ready')).toEqual(['a', 'parser', 'e']);
    expect(tick()).toEqual(['a', 'e']);
    const own = reports.filter((report) => report instanceof PluginError && report.plugin === 'parser');
    expect(own).toHaveLength(1);
    expectError(own[0], 'PLUGIN_READY_FAILED', 'parser', 'no peer');
    expect(host.plugin('printer').status().reason).toContain('parser');
  });

  it('may succeed at the next start', async () => {
    const { host, plugin, states } = openStage();
    let fails = true;
    host.use(plugin('a', { ready: () => (fails ? fail('no peer')() : undefined) }));
    await rejectionOf(host.start());
    fails = false;
    await host.start();
    expect(states()).toEqual({ a: 'active' });
  });
});

describe('ready', () => {
  it('has the time limit of setup, of its own', async () => {
    const { clock, host, journal, plugin } = openStage({ setupTimeoutMs: 100 });
    let signal: AbortSignal | undefined;
    const setup = deferred();
    host.use(
      plugin('parser', {
        setup: () => setup.promise,
        ready: (ctx) => {
          signal = ctx.signal;
          return new Promise(() => {});
        },
      }),
    );
    const rejection = rejectionOf(host.start());
    await clock.advance(90);
    setup.resolve();
    await clock.advance(99);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    const error = (await rejection) as PluginError;
    expectError(error, 'PLUGIN_READY_FAILED', 'parser', '100');
    expect(error.cause).toMatchObject({ name: 'TimeoutError' });
    expect(signal?.aborted).toBe(true);
    expect(journal).toContain('parser teardown');
    expect(clock.pending).toBe(0);
  });

  it('can do nothing once its time is up', async () => {
    const { clock, host, plugin } = openStage({ setupTimeoutMs: 100, onSetupError: 'continue' });
    const gate = deferred();
    const errors: unknown[] = [];
    host.use(
      plugin('parser', {
        ready: async (ctx) => {
          await gate.promise;
          errors.push(thrownBy(() => ctx.on('tick', () => {})));
        },
      }),
    );
    const start = host.start();
    await clock.advance(100);
    await start;
    expect(host.plugin('parser').status()).toMatchObject({ state: 'failed', late: 1 });
    gate.resolve();
    await promisesSettled();
    expectError(errors[0], 'CONTEXT_CLOSED', 'parser');
    expect(host.plugin('parser').status().late).toBe(0);
  });

  it('that fails has what it owns disposed of', async () => {
    const { host, journal, plugin } = openStage();
    host.use(
      plugin('a', {
        ready: (ctx) => {
          ctx.own(() => void journal.push('disposed'));
          throw new Error('no peer');
        },
      }),
    );
    await rejectionOf(host.start());
    expect(journal).toEqual(['a setup', 'a ready', 'a teardown', 'disposed']);
  });

  it('waits for the ready of each before it', async () => {
    const { host, journal, plugin } = openStage();
    const gate = deferred();
    host.use([plugin('a', { ready: () => gate.promise }), plugin('b')]);
    const start = host.start();
    await promisesSettled();
    expect(inPhase(journal, 'ready')).toEqual(['a']);
    expect(host.state).toBe('starting');
    gate.resolve();
    await start;
    expect(inPhase(journal, 'ready')).toEqual(['a', 'b']);
  });

  it('finds the APIs of all that it requires, and all plugins visible', async () => {
    const { host, plugin, states } = openStage();
    const seen: unknown[] = [];
    host.use([
      plugin('printer', { requires: { parser: '*' }, ready: (ctx) => void seen.push(ctx.api('parser')) }),
      plugin('parser', {
        setup: async () => {
          await promisesSettled();
          return 'grammar';
        },
        ready: () => void seen.push(states()),
      }),
    ]);
    await host.start();
    expect(seen).toEqual([{ printer: 'active', parser: 'active' }, 'grammar']);
  });

  it('may do what is refused in setup only because nothing was visible', async () => {
    const { host, plugin } = openStage();
    const seen: unknown[] = [];
    host.use([
      plugin('a', { ready: async (ctx) => void seen.push((await ctx.emit('hello')).called) }),
      plugin('b', { setup: (ctx) => void ctx.on('hello', () => {}) }),
    ]);
    await host.start();
    expect(seen).toEqual([1]);
  });
});
