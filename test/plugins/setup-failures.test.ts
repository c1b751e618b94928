import { describe, expect, it } from 'vitest';
import { type PluginContext, PluginError } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { stateOf } from '../bus/promise-state.js';
import { errorsOf, expectError, factsOf, inPhase, nothingLeft, openStage } from './hosts.js';

const ways = Object.entries(failing);
const never = () => new Promise<void>(() => {});

describe.each(ways)('a setup that fails (%s)', (_, fail) => {
  it('makes start reject with PLUGIN_SETUP_FAILED, with the plugin and what it threw', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('parser', { setup: fail('no grammar') }));
    const error = await rejectionOf(host.start());
    expectError(error, 'PLUGIN_SETUP_FAILED', 'parser', 'no grammar');
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ plugin: 'parser', phase: 'setup', cause: { message: 'no grammar' } });
    expect((error as PluginError).rollbackErrors).toEqual([]);
  });

  it('undoes the start: the completed are torn down in reverse, and nothing is left', async () => {
    const { footprint, host, journal, plugin } = openStage();
    const own = (ctx: PluginContext) => void ctx.own(() => void journal.push(`${ctx.name} disposed`));
    host.use([
      plugin('a', { setup: own, teardown: () => promisesSettled() }),
      plugin('b', { setup: own, requires: { a: '*' } }),
      plugin('c', { setup: own, requires: { b: '*' } }),
      plugin('d', { setup: fail('no'), requires: { c: '*' } }),
      plugin('e', { requires: { d: '*' } }),
    ]);
    await rejectionOf(host.start());
    expect(journal).toEqual([
      'a setup',
      'b setup',
      'c setup',
      'd setup',
      'c teardown',
      'c disposed',
      'b teardown',
      'b disposed',
      'a teardown',
      'a disposed',
    ]);
    expect(footprint()).toEqual(nothingLeft);
  });

  it('leaves the host idle, that plugin failed, and the others registered', async () => {
    const { host, plugin, states } = openStage();
    host.use([plugin('a'), plugin('b', { setup: fail('no grammar') }), plugin('c', { requires: { b: '*' } })]);
    const error = await rejectionOf(host.start());
    expect(host.state).toBe('idle');
    expect(states()).toEqual({ a: 'registered', b: 'failed', c: 'registered' });
    expect(host.plugin('b').status()).toMatchObject({ error, reason: expect.stringContaining('no grammar') });
  });

  it('disposes of the resources that the plugin owned, last in, first out, and does not call its teardown', async () => {
    const { host, journal, plugin } = openStage();
    host.use(
      plugin('a', {
        setup: (ctx) => {
          ctx.own(() => void journal.push('first'));
          ctx.own(async () => {
            await promisesSettled();
            journal.push('second');
          });
          return fail('no')();
        },
      }),
    );
    await rejectionOf(host.start());
    expect(journal).toEqual(['a setup', 'second', 'first']);
  });

  it('closes the context of the plugin', async () => {
    const { host, plugin } = openStage();
    let kept: PluginContext | undefined;
    host.use(
      plugin('a', {
        setup: (ctx) => {
          kept = ctx;
          return fail('no')();
        },
      }),
    );
    await rejectionOf(host.start());
    expect(kept?.signal.aborted).toBe(true);
    expectError(
      thrownBy(() => kept?.on('tick', () => {})),
      'CONTEXT_CLOSED',
      'a',
    );
  });

  it('may succeed at the next start', async () => {
    const { host, plugin, tick } = openStage();
    let fails = true;
    host.use([plugin('a'), plugin('b', { setup: () => (fails ? fail('no')() : undefined) })]);
    await rejectionOf(host.start());
    fails = false;
    await host.start();
    expect(tick()).toEqual(['a', 'b']);
    expect(host.plugin('b').status()).toMatchObject({ state: 'active', error: undefined, reason: undefined });
  });

  it('where the host continues, is failed, while the rest runs', async () => {
    const { host, journal, plugin, reports, states, tick } = openStage({ onSetupError: 'continue' });
    host.use([
      plugin('logger'),
      plugin('parser', { setup: fail('no grammar') }),
      plugin('printer', { requires: { parser: '*' } }),
      plugin('spooler', { requires: { printer: '*' } }),
      plugin('painter', { optional: { parser: '*' } }),
    ]);
    await host.start();
    expect(host.state).toBe('started');
    expect(states()).toEqual({
      logger: 'active',
      parser: 'failed',
      printer: 'blocked',
      spooler: 'blocked',
      painter: 'active',
    });
    expect(tick()).toEqual(['logger', 'painter']);
    expect(inPhase(journal, 'setup')).toEqual(['logger', 'parser', 'painter']);
    expect(inPhase(journal, 'ready')).toEqual(['logger', 'painter']);
    expect(inPhase(journal, 'teardown')).toEqual([]);
    const own = reports.filter((report) => report instanceof PluginError && report.plugin === 'parser');
    expect(own).toHaveLength(1);
    expectError(own[0], 'PLUGIN_SETUP_FAILED', 'parser', 'no grammar');
    expect(host.plugin('parser').status().error).toBe(own[0]);
    expect(host.plugin('printer').status().reason).toContain('parser');
    expect(host.plugin('spooler').status().reason).toContain('printer');
  });

  it('where the host continues, has its resources disposed of', async () => {
    const { host, journal, plugin } = openStage({ onSetupError: 'continue' });
    host.use(
      plugin('a', {
        setup: (ctx) => {
          ctx.own(() => void journal.push('disposed'));
          return fail('no')();
        },
      }),
    );
    await host.start();
    expect(journal).toEqual(['a setup', 'disposed']);
    expect(host.plugin('a').status()).toMatchObject({ resources: 0, handlers: 0 });
    await host.stop();
    expect(journal).toEqual(['a setup', 'disposed']);
  });
});

describe('a setup that fails', () => {
  it.each([[undefined], [null], [0], ['no grammar']])('by throwing %j has failed all the same', async (thrown) => {
    const { host, plugin } = openStage();
    host.use(
      plugin('parser', {
        setup: () => {
          throw thrown;
        },
      }),
    );
    const error = await rejectionOf(host.start());
    expectError(error, 'PLUGIN_SETUP_FAILED', 'parser');
    expect((error as Error).cause).toBe(thrown);
    expect('cause' in (error as Error)).toBe(true);
  });

  it('by a thenable whose `then` throws has failed', async () => {
    const { host, plugin } = openStage();
    host.use(
      plugin('parser', {
        setup: () => ({
          // biome-ignore lint/suspicious/noThenProperty: it is what is tested
          get then(): never {
            throw new Error('no then');
          },
        }),
      }),
    );
    expectError(await rejectionOf(host.start()), 'PLUGIN_SETUP_FAILED', 'parser', 'no then');
  });

  it('by the state that it can not make has failed', async () => {
    const { host, journal, plugin } = openStage();
    host.use(
      plugin('parser', {
        state: () => {
          throw new Error('no memory');
        },
      }),
    );
    expectError(await rejectionOf(host.start()), 'PLUGIN_SETUP_FAILED', 'parser', 'no memory');
    expect(journal).toEqual([]);
  });

  it('aborts the signals of those that are set up at the same time, and waits for them', async () => {
    const { host, journal, plugin } = openStage();
    const gate = deferred();
    let signal: AbortSignal | undefined;
    host.use([
      plugin('done'),
      plugin('slow', {
        setup: async (ctx) => {
          signal = ctx.signal;
          await gate.promise;
          journal.push('slow ended');
        },
      }),
      plugin('bad', { setup: failing.rejectsLater('no') }),
    ]);
    const start = host.start();
    const rejection = rejectionOf(start);
    await promisesSettled();
    expect(signal?.aborted).toBe(true);
    expect(await stateOf(start)).toBe('pending');
    expect(inPhase(journal, 'teardown')).toEqual([]);
    gate.resolve();
    expectError(await rejection, 'PLUGIN_SETUP_FAILED', 'bad');
    expect(journal).toEqual(['done setup', 'slow setup', 'bad setup', 'slow ended', 'slow teardown', 'done teardown']);
  });

  it('has nobody hear those that succeed all the same', async () => {
    const { host, journal, plugin, states, tick } = openStage();
    const gates = [deferred(), deferred()] as const;
    host.use([
      plugin('first', { setup: () => gates[0].promise }),
      plugin('second', { setup: () => gates[1].promise }),
      plugin('bad', { setup: failing.rejectsLater('no') }),
    ]);
    const rejection = rejectionOf(host.start());
    await promisesSettled();
    gates[0].resolve();
    await promisesSettled();
    expect(tick()).toEqual([]);
    expect(states()['first']).not.toBe('active');
    gates[1].resolve();
    await rejection;
    expect(inPhase(journal, 'teardown')).toEqual(['second', 'first']);
  });

  it('waits for the others at most until their own time is up', async () => {
    const { clock, footprint, host, journal, plugin } = openStage({ setupTimeoutMs: 100 });
    host.use(plugin('slow', { setup: never }), undefined, { setupTimeoutMs: 250 });
    host.use(plugin('bad', { setup: failing.rejectsLater('no') }));
    const start = host.start();
    const rejection = rejectionOf(start);
    await clock.advance(249);
    expect(await stateOf(start)).toBe('pending');
    await clock.advance(1);
    expectError(await rejection, 'PLUGIN_SETUP_FAILED', 'bad');
    expect(inPhase(journal, 'teardown')).toEqual([]);
    expect(footprint()).toEqual(nothingLeft);
  });

  it('starts no more of the others', async () => {
    const { host, journal, plugin } = openStage();
    const gate = deferred();
    host.use([
      plugin('slow', { setup: () => gate.promise }),
      plugin('bad', { setup: failing.rejectsLater('no') }),
      plugin('next', { requires: { slow: '*' } }),
    ]);
    const rejection = rejectionOf(host.start());
    await promisesSettled();
    gate.resolve();
    await rejection;
    expect(inPhase(journal, 'setup')).toEqual(['slow', 'bad']);
  });

  it('starts no more of those that come after it in the same tick', async () => {
    const { host, journal, plugin } = openStage();
    host.use([plugin('bad', { setup: failing.throws('no') }), plugin('next')]);
    await rejectionOf(host.start());
    expect(inPhase(journal, 'setup')).toEqual(['bad']);
  });

  it('besides another one loses neither', async () => {
    const { host, plugin } = openStage();
    host.use([
      plugin('first', { setup: failing.rejectsLater('no first') }),
      plugin('second', {
        setup: async () => {
          await promisesSettled();
          throw new Error('no second');
        },
      }),
    ]);
    const error = (await rejectionOf(host.start())) as PluginError;
    const all = errorsOf(error).flatMap((each) => [each, ...((each as PluginError).rollbackErrors ?? [])]);
    expect(all.map(({ cause }) => (cause as Error).message)).toEqual(['no first', 'no second']);
  });

  it('has the errors of its undoing in rollbackErrors, and goes on with it', async () => {
    const { host, journal, plugin } = openStage();
    host.use([
      plugin('a', { teardown: failing.throws('a stays') }),
      plugin('b', { setup: (ctx) => void ctx.own(failing.rejects('b leaks')) }),
      plugin('c', {
        setup: (ctx) => {
          ctx.own(failing.throws('c leaks'));
          throw new Error('no');
        },
      }),
    ]);
    const error = (await rejectionOf(host.start())) as PluginError;
    expectError(error, 'PLUGIN_SETUP_FAILED', '"c"');
    expect(error.rollbackErrors.map((each) => [each.code, each.plugin, each.phase])).toEqual([
      ['PLUGIN_TEARDOWN_FAILED', 'c', 'dispose'],
      ['PLUGIN_TEARDOWN_FAILED', 'b', 'dispose'],
      ['PLUGIN_TEARDOWN_FAILED', 'a', 'teardown'],
    ]);
    expect(error.rollbackErrors.map(({ cause }) => (cause as Error).message)).toEqual([
      'c leaks',
      'b leaks',
      'a stays',
    ]);
    expect(inPhase(journal, 'teardown')).toEqual(['b', 'a']);
  });

  it('drains the handlers of those that were visible already', async () => {
    const { bus, host, journal, plugin } = openStage();
    const [gate, running] = [deferred(), deferred()];
    host.use([
      plugin('a', {
        setup: (ctx) =>
          void ctx.on('job', async () => {
            await running.promise;
            journal.push('job done');
          }),
      }),
      plugin('b', {
        setup: async () => {
          await gate.promise;
          throw new Error('no');
        },
      }),
    ]);
    const rejection = rejectionOf(host.start());
    await promisesSettled();
    const job = bus.emit('job');
    gate.resolve();
    await promisesSettled();
    expect(journal).not.toContain('a teardown');
    running.resolve();
    await rejection;
    expect((await job).ok).toBe(true);
    expect(journal.slice(-2)).toEqual(['job done', 'a teardown']);
  });
});

describe('what could not be drained while a start is undone', () => {
  it('is in rollbackErrors', async () => {
    const { bus, clock, host, plugin } = openStage({ drainMs: 50 });
    const gate = deferred();
    host.use([plugin('a', { setup: (ctx) => void ctx.on('job', never) }), plugin('b', { setup: () => gate.promise })]);
    const rejection = rejectionOf(host.start());
    await promisesSettled();
    void bus.emit('job');
    gate.reject(new Error('no'));
    await clock.advance(50);
    expect(((await rejection) as PluginError).rollbackErrors).toMatchObject([
      { code: 'PLUGIN_NOT_DRAINED', plugin: 'a', phase: 'drain' },
    ]);
    expect(clock.pending).toBe(0);
  });
});

describe('where the host continues', () => {
  it('a plugin that fails its checks is failed, and reported once', async () => {
    const { host, plugin, reports, states, tick } = openStage({ api: '2.0.0', onSetupError: 'continue' });
    host.use([plugin('old', { api: '^1' }), plugin('new', { api: '^2' }), plugin('user', { requires: { old: '*' } })]);
    await host.start();
    expect(states()).toEqual({ old: 'failed', new: 'active', user: 'blocked' });
    expect(tick()).toEqual(['new']);
    const own = reports.filter((report) => report instanceof PluginError && report.plugin === 'old');
    expect(own).toMatchObject([{ code: 'UNSUPPORTED_API' }]);
    expect(host.plugin('old').status()).toMatchObject({ error: own[0], reason: expect.stringContaining('2.0.0') });
    expect(host.plugin('user').status().reason).toContain('old');
  });

  it('a plugin is blocked that requires one which is missing, and that is reported', async () => {
    const { host, plugin, reports, states } = openStage({ onSetupError: 'continue' });
    host.use([plugin('printer', { requires: { parser: '*' } }), plugin('spooler', { requires: { printer: '*' } })]);
    await host.start();
    expect(states()).toEqual({ printer: 'blocked', spooler: 'blocked' });
    expect(host.plugin('printer').status().reason).toContain('parser');
    const own = reports.filter((report) => report instanceof PluginError && report.plugin === 'printer');
    expect(own).toMatchObject([{ code: 'MISSING_PLUGIN' }]);
  });

  it('a plugin is blocked that requires one which is disabled', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    host.use(plugin('parser'), undefined, { when: () => false }).use(plugin('printer', { requires: { parser: '*' } }));
    await host.start();
    expect(states()).toEqual({ parser: 'disabled', printer: 'blocked' });
    expect(host.plugin('printer').status().reason).toMatch(/parser.*disabled/);
  });

  it('a plugin that requires the wrong version fails, and those in a cycle do', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    host.use([
      plugin('printer', { requires: { parser: '^2' } }),
      plugin('parser'),
      plugin('egg', { requires: { hen: '*' } }),
      plugin('hen', { requires: { egg: '*' } }),
      plugin('omelette', { requires: { egg: '*' } }),
    ]);
    await host.start();
    expect(states()).toMatchObject({ parser: 'active', omelette: 'blocked' });
    expect(states()['printer']).not.toBe('active');
    expect(states()['egg']).not.toBe('active');
    expect(states()['hen']).not.toBe('active');
  });

  it('plugins whose before and after contradict each other are failed, the rest runs', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    host.use([plugin('a', { before: ['b'] }), plugin('b', { before: ['a'] }), plugin('c')]);
    await host.start();
    expect(states()['c']).toBe('active');
    expect(Object.values(states()).filter((state) => state === 'active').length).toBeLessThan(3);
  });

  it('a second plugin of a name is failed, or left out, and the first runs', async () => {
    const { host, plugin, reports, tick } = openStage({ onSetupError: 'continue' });
    host.use(plugin('parser')).use(Promise.resolve(plugin('parser')));
    await host.start();
    expect(tick()).toEqual(['parser']);
    expect(reports).toMatchObject([{ code: 'DUPLICATE_PLUGIN' }]);
  });

  it('dependants with another way to live start without a plugin that failed', async () => {
    const { host, plugin } = openStage({ onSetupError: 'continue' });
    const seen: unknown[] = [];
    host.use([
      plugin('cache', { setup: failing.throws('no disk') }),
      plugin('server', { optional: { cache: '*' }, setup: (ctx) => void seen.push(ctx.optionalApi('cache')) }),
    ]);
    await host.start();
    expect(seen).toEqual([undefined]);
    expect(host.plugin('server').state).toBe('active');
  });

  it('a plugin whose `when` fails is failed, and reported once', async () => {
    const { host, plugin, reports, states } = openStage({ onSetupError: 'continue' });
    host.use(plugin('tracer'), undefined, { when: failing.throws('no such setting') }).use(plugin('a'));
    await host.start();
    expect(states()).toEqual({ tracer: 'failed', a: 'active' });
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({ plugin: 'tracer', cause: { message: 'no such setting' } });
  });

  it('other setups are not aborted', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    host.use([
      plugin('slow', {
        setup: async (ctx) => {
          await promisesSettled();
          ctx.signal.throwIfAborted();
        },
      }),
      plugin('bad', { setup: failing.throws('no') }),
    ]);
    await host.start();
    expect(states()).toEqual({ slow: 'active', bad: 'failed' });
  });

  it('a plugin that is failed has no teardown called when the host stops', async () => {
    const { host, journal, plugin } = openStage({ onSetupError: 'continue' });
    host.use([plugin('a'), plugin('bad', { setup: failing.throws('no') })]);
    await host.start();
    await host.stop();
    expect(inPhase(journal, 'teardown')).toEqual(['a']);
  });
});

describe('a setup whose time is up', () => {
  it.each([
    ['the host', { setupTimeoutMs: 200 }, undefined],
    ['the settings', { setupTimeoutMs: 9_000 }, { setupTimeoutMs: 200 }],
  ])('by %s, is PLUGIN_SETUP_FAILED by a TimeoutError', async (_, options, settings) => {
    const { clock, footprint, host, plugin } = openStage(options);
    let signal: AbortSignal | undefined;
    host.use(
      plugin('parser', {
        setup: (ctx) => {
          signal = ctx.signal;
          return never();
        },
      }),
      undefined,
      settings,
    );
    const rejection = rejectionOf(host.start());
    await clock.advance(199);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    const error = (await rejection) as PluginError;
    expectError(error, 'PLUGIN_SETUP_FAILED', 'parser', '200');
    expect(error.cause).toMatchObject({ name: 'TimeoutError' });
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toBe(error.cause);
    expect(footprint()).toEqual(nothingLeft);
  });

  it('is up after 10 seconds, unless told otherwise', async () => {
    const { clock, host, plugin } = openStage();
    host.use(plugin('parser', { setup: never }));
    const rejection = rejectionOf(host.start());
    await clock.advance(9_999);
    expect(host.state).toBe('starting');
    await clock.advance(1);
    expectError(await rejection, 'PLUGIN_SETUP_FAILED');
  });

  it('is never up where it is Infinity, and no timer runs', async () => {
    const { clock, host, plugin } = openStage({ setupTimeoutMs: Infinity });
    const gate = deferred();
    host.use(plugin('parser', { setup: () => gate.promise }));
    const start = host.start();
    await clock.advance(1_000_000_000);
    expect(host.state).toBe('starting');
    expect(clock.pending).toBe(0);
    gate.resolve();
    await start;
  });

  it('counts for each plugin from its own start', async () => {
    const { clock, host, plugin, states } = openStage({ setupTimeoutMs: 100 });
    const gates = [deferred(), deferred()];
    host.use([
      plugin('a', { setup: () => gates[0]?.promise }),
      plugin('b', { requires: { a: '*' }, setup: () => gates[1]?.promise }),
    ]);
    const start = host.start();
    await clock.advance(90);
    gates[0]?.resolve();
    await clock.advance(90);
    gates[1]?.resolve();
    await start;
    expect(states()).toEqual({ a: 'active', b: 'active' });
    expect(host.status()).toMatchObject([{ setupMs: 90 }, { setupMs: 90 }]);
  });

  it('can do nothing late: its context is closed', async () => {
    const { bus, clock, host, journal, plugin } = openStage({ setupTimeoutMs: 100, onSetupError: 'continue' });
    const gate = deferred();
    const errors: unknown[] = [];
    host.use(
      plugin('parser', {
        setup: async (ctx) => {
          ctx.own(() => void journal.push('early disposed'));
          await gate.promise;
          errors.push(thrownBy(() => ctx.on('tick', () => {})));
          errors.push(thrownBy(() => ctx.once('tick', () => {})));
          errors.push(thrownBy(() => ctx.onAny(() => {})));
          errors.push(thrownBy(() => ctx.emitSync('tick')));
          errors.push(await rejectionOf(ctx.emit('tick')));
          errors.push(thrownBy(() => ctx.own(() => void journal.push('late disposed'))));
        },
      }),
    );
    const start = host.start();
    await clock.advance(100);
    await start;
    expect(journal).toEqual(['parser setup', 'early disposed']);
    expect(host.plugin('parser').status()).toMatchObject({ state: 'failed', late: 1 });
    gate.resolve();
    await promisesSettled();
    expect(errors).toHaveLength(6);
    for (const error of errors) expectError(error, 'CONTEXT_CLOSED', 'parser');
    expect(journal).toEqual(['parser setup', 'early disposed', 'late disposed']);
    expect(bus.handlerCount()).toBe(0);
    expect(host.plugin('parser').status()).toMatchObject({ state: 'failed', late: 0 });
  });

  it.each([
    ['succeeds', 'ok'],
    ['fails', 'failed'],
  ] as const)('is told of when it %s late', async (end, outcome) => {
    const { bus, clock, host, plugin } = openStage({ setupTimeoutMs: 100, onSetupError: 'continue' });
    const facts = factsOf(bus);
    const gate = deferred();
    host.use(plugin('parser', { setup: () => gate.promise }));
    const start = host.start();
    await clock.advance(100);
    await start;
    const settled = () => facts.pluginPhaseSettled.filter(({ phase }) => phase === 'setup');
    expect(settled()).toMatchObject([{ plugin: 'parser', outcome: 'timeout', late: false, durationMs: 100 }]);
    await clock.advance(50);
    if (end === 'succeeds') gate.resolve();
    else gate.reject(new Error('no grammar'));
    await promisesSettled();
    expect(settled()).toHaveLength(2);
    expect(settled()[1]).toMatchObject({ plugin: 'parser', outcome, late: true, durationMs: 150 });
    if (end === 'fails') expect(settled()[1]?.error).toMatchObject({ message: 'no grammar' });
  });

  it('may have been a load, whose end is told too', async () => {
    const { bus, clock, host } = openStage({ loadTimeoutMs: 100, onSetupError: 'continue' });
    const { pluginPhaseSettled } = factsOf(bus);
    const gate = deferred();
    host.use({ name: 'parser', load: () => gate.promise });
    const start = host.start();
    await clock.advance(100);
    await start;
    expect(host.plugin('parser').status()).toMatchObject({ state: 'failed', late: 1 });
    gate.reject(new Error('no such file'));
    await promisesSettled();
    expect(host.plugin('parser').status()).toMatchObject({ state: 'failed', late: 0 });
    expect(pluginPhaseSettled).toMatchObject([
      { phase: 'load', outcome: 'timeout', late: false },
      { phase: 'load', outcome: 'failed', late: true },
    ]);
  });

  it('fails when its time is up even where it heeds its signal', async () => {
    const { clock, host, plugin } = openStage({ setupTimeoutMs: 100 });
    host.use(
      plugin('parser', {
        setup: ({ signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error));
          }),
      }),
    );
    const rejection = rejectionOf(host.start());
    await clock.advance(100);
    const error = await rejection;
    expectError(error, 'PLUGIN_SETUP_FAILED', 'parser');
    expect(error).toMatchObject({ cause: { name: 'TimeoutError' } });
  });
});
