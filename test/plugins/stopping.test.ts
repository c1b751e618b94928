import { describe, expect, it } from 'vitest';
import { PluginError, PluginHost, PluginsError } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { stateOf } from '../bus/promise-state.js';
import { describeSyncAndAsync, errorsOf, expectError, inPhase, nothingLeft, openStage } from './hosts.js';

describeSyncAndAsync((inTime) => {
  describe('stop', () => {
    it('tears every plugin down, dependants first', async () => {
      const { footprint, host, journal, plugin, states } = openStage();
      const teardown = inTime(() => {});
      host.use([
        plugin('printer', { requires: { parser: '*' }, teardown }),
        plugin('parser', { teardown }),
        plugin('logger', { teardown, optional: { printer: '*' } }),
      ]);
      await host.start();
      await host.stop();
      expect(inPhase(journal, 'teardown')).toEqual(['logger', 'printer', 'parser']);
      expect(states()).toEqual({ printer: 'stopped', parser: 'stopped', logger: 'stopped' });
      expect(host.state).toBe('stopped');
      expect(footprint()).toEqual(nothingLeft);
    });

    it('tears down in the reverse order of dependencies, whatever before and after say', async () => {
      const { host, journal, plugin } = openStage();
      host.use([
        plugin('parser', { teardown: inTime(() => {}) }),
        plugin('b', { requires: { parser: '*' }, before: ['parser'] }),
      ]);
      await host.start();
      await host.stop();
      expect(inPhase(journal, 'teardown')).toEqual(['b', 'parser']);
    });

    it('calls no handler any more', async () => {
      const { host, plugin, tick } = openStage();
      host.use([plugin('a', { teardown: inTime(() => {}) }), plugin('b')]);
      await host.start();
      const stop = host.stop();
      expect(tick()).not.toContain('b');
      await stop;
      expect(tick()).toEqual([]);
    });

    it('aborts ctx.signal once the handlers have ended, before teardown, which has a signal of its own', async () => {
      const { bus, host, journal, plugin } = openStage();
      const gate = deferred();
      host.use(
        plugin('a', {
          setup: (ctx) => {
            ctx.signal.addEventListener('abort', () => void journal.push('aborted'));
            ctx.on('job', async () => {
              await gate.promise;
              journal.push(`job ended, ${ctx.signal.aborted ? 'aborted' : 'not aborted'}`);
            });
          },
          teardown: inTime((ctx) => {
            journal.push(`in teardown ${ctx.signal.aborted ? 'aborted' : 'not aborted'}`);
          }),
        }),
      );
      await host.start();
      void bus.emit('job');
      const stop = host.stop();
      await promisesSettled();
      expect(journal).toEqual(['a setup', 'a ready']);
      gate.resolve();
      await stop;
      expect(journal.slice(2)).toEqual(['job ended, not aborted', 'aborted', 'a teardown', 'in teardown not aborted']);
    });
  });
});

describe('stop', () => {
  it('tears plugins down at the same time that do not depend on each other', async () => {
    const { host, journal, plugin } = openStage();
    const gates = { a: deferred(), b: deferred(), c: deferred() };
    host.use([
      plugin('a', { teardown: () => gates.a.promise }),
      plugin('b', { teardown: () => gates.b.promise }),
      plugin('c', { teardown: () => gates.c.promise, requires: { a: '*' } }),
    ]);
    await host.start();
    const stop = host.stop();
    await promisesSettled();
    expect(inPhase(journal, 'teardown').sort()).toEqual(['b', 'c']);
    gates.b.resolve();
    await promisesSettled();
    expect(inPhase(journal, 'teardown')).not.toContain('a');
    gates.c.resolve();
    await promisesSettled();
    expect(inPhase(journal, 'teardown').at(-1)).toBe('a');
    expect(await stateOf(stop)).toBe('pending');
    gates.a.resolve();
    await stop;
  });

  it('waits with a plugin for those that only make use of it', async () => {
    const { host, journal, plugin } = openStage();
    const gate = deferred();
    host.use([
      plugin('cache'),
      plugin('server', { optional: { cache: '*' }, teardown: () => gate.promise }),
      plugin('other', { requires: { server: '*' } }),
    ]);
    await host.start();
    const stop = host.stop();
    await promisesSettled();
    expect(inPhase(journal, 'teardown')).toEqual(['other', 'server']);
    gate.resolve();
    await stop;
    expect(inPhase(journal, 'teardown')).toEqual(['other', 'server', 'cache']);
  });

  it('keeps the handlers of a plugin until its dependants are down', async () => {
    const { bus, host, plugin } = openStage();
    const seen: unknown[] = [];
    host.use([
      plugin('store', { setup: (ctx) => void ctx.on('save', (what) => void seen.push(what)) }),
      plugin('cart', {
        requires: { store: '*' },
        teardown: async (ctx) => {
          await promisesSettled();
          expect((await ctx.emit('save', 'cart')).called).toBe(1);
        },
      }),
    ]);
    await host.start();
    await host.stop();
    expect(seen).toEqual(['cart']);
    expect(bus.handlerCount()).toBe(0);
  });

  it('skips handlers that have not started in emissions under way, and drains those that run', async () => {
    const { bus, host, journal, plugin } = openStage();
    const gate = deferred();
    host.use([
      plugin('a', {
        setup: (ctx) => {
          ctx.on('job', async () => {
            await gate.promise;
            journal.push('first ended');
          });
          ctx.on('job', () => void journal.push('second'));
        },
      }),
      plugin('b', { setup: (ctx) => void ctx.on('job', () => void journal.push('other')) }),
    ]);
    await host.start();
    const job = bus.emit('job');
    const stop = host.stop();
    await promisesSettled();
    expect(journal).not.toContain('a teardown');
    gate.resolve();
    await stop;
    expect(await job).toMatchObject({ ok: true, called: 1, skipped: 2 });
    expect(journal.slice(-2)).toEqual(['first ended', 'a teardown']);
    expect(journal).not.toContain('second');
    expect(journal).not.toContain('other');
  });

  it.each([
    ['the host’s', { drainMs: 200 }, undefined],
    ['its own', { drainMs: 9_000 }, { drainMs: 200 }],
  ])(
    'waits for handlers for at most %s drainMs, then aborts the signal and goes on',
    async (_, options, stopOptions) => {
      const { bus, clock, host, journal, plugin, reports } = openStage(options);
      let signal: AbortSignal | undefined;
      host.use(
        plugin('parser', {
          setup: (ctx) => {
            signal = ctx.signal;
            ctx.on('job', () => new Promise(() => {}));
          },
        }),
      );
      await host.start();
      void bus.emit('job');
      const rejection = rejectionOf(host.stop(stopOptions));
      await clock.advance(199);
      expect([signal?.aborted, journal.includes('parser teardown')]).toEqual([false, false]);
      await clock.advance(1);
      expect(signal?.aborted).toBe(true);
      const error = await rejection;
      expectError(error, 'PLUGIN_NOT_DRAINED', 'parser', '200');
      expect(error).toMatchObject({ plugin: 'parser', phase: 'drain' });
      expect(journal).toContain('parser teardown');
      expect(host.state).toBe('stopped');
      expect(clock.pending).toBe(0);
      expect(reports).toEqual([]);
    },
  );

  it('waits for handlers for 5 seconds, unless told otherwise', async () => {
    const { bus, clock, host, plugin } = openStage();
    host.use(plugin('a', { setup: (ctx) => void ctx.on('job', () => new Promise(() => {})) }));
    await host.start();
    void bus.emit('job');
    const rejection = rejectionOf(host.stop());
    await clock.advance(4_999);
    expect(host.state).toBe('stopping');
    await clock.advance(1);
    expectError(await rejection, 'PLUGIN_NOT_DRAINED');
  });

  it('does not wait where drainMs is 0, and for ever where it is Infinity', async () => {
    for (const drainMs of [0, Infinity]) {
      const { bus, clock, host, plugin } = openStage();
      const gate = deferred();
      host.use(plugin('a', { setup: (ctx) => void ctx.on('job', () => gate.promise) }));
      await host.start();
      void bus.emit('job');
      const stop = host.stop({ drainMs });
      if (drainMs === 0) {
        expectError(await rejectionOf(stop), 'PLUGIN_NOT_DRAINED');
      } else {
        await clock.advance(1_000_000_000);
        expect(host.state).toBe('stopping');
        gate.resolve();
        await stop;
      }
    }
  });

  it('does not drain what has ended with its time', async () => {
    const { bus, clock, host, plugin } = openStage();
    host.use(plugin('a', { setup: (ctx) => void ctx.on('job', async () => {}) }));
    await host.start();
    await bus.emit('job');
    await host.stop({ drainMs: 0 });
    expect(clock.pending).toBe(0);
  });

  it('waits for late work of handlers too', async () => {
    const { bus, clock, host, journal, plugin } = openStage();
    const gate = deferred();
    host.use(plugin('a', { setup: (ctx) => void ctx.on('job', () => gate.promise, { timeoutMs: 10 }) }));
    await host.start();
    void bus.emit('job');
    await clock.advance(10);
    const stop = host.stop();
    await promisesSettled();
    expect(journal).not.toContain('a teardown');
    gate.resolve();
    await stop;
    expect(journal).toContain('a teardown');
  });

  it('rejects with what went wrong once all is down', async () => {
    const { footprint, host, journal, plugin, states } = openStage();
    host.use([plugin('a'), plugin('parser', { teardown: failing.rejectsLater('stuck') }), plugin('c')]);
    await host.start();
    const error = await rejectionOf(host.stop());
    expectError(error, 'PLUGIN_TEARDOWN_FAILED', 'parser', 'stuck');
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ plugin: 'parser', phase: 'teardown', cause: { message: 'stuck' } });
    expect(inPhase(journal, 'teardown').sort()).toEqual(['a', 'c', 'parser']);
    expect(host.state).toBe('stopped');
    expect(states()).toEqual({ a: 'stopped', parser: 'stopped', c: 'stopped' });
    expect(footprint()).toEqual(nothingLeft);
  });

  it('rejects with all that went wrong, in its order', async () => {
    const { bus, clock, host, plugin } = openStage({ teardownTimeoutMs: 300, drainMs: 100 });
    host.use([
      plugin('a', { teardown: failing.throws('a stuck') }),
      plugin('b', {
        requires: { a: '*' },
        setup: (ctx) => {
          ctx.on('job', () => new Promise(() => {}));
          ctx.own(failing.throws('b first'));
          ctx.own(failing.rejects('b second'));
        },
        teardown: () => new Promise(() => {}),
      }),
    ]);
    await host.start();
    void bus.emit('job');
    const rejection = rejectionOf(host.stop());
    await clock.advance(100);
    await clock.advance(300);
    const error = (await rejection) as PluginsError;
    expect(error).toBeInstanceOf(PluginsError);
    expect(errorsOf(error)).toMatchObject([
      { code: 'PLUGIN_NOT_DRAINED', plugin: 'b', phase: 'drain' },
      { code: 'PLUGIN_TEARDOWN_FAILED', plugin: 'b', phase: 'teardown', cause: { name: 'TimeoutError' } },
      { code: 'PLUGIN_TEARDOWN_FAILED', plugin: 'b', phase: 'dispose', cause: { message: 'b second' } },
      { code: 'PLUGIN_TEARDOWN_FAILED', plugin: 'b', phase: 'dispose', cause: { message: 'b first' } },
      { code: 'PLUGIN_TEARDOWN_FAILED', plugin: 'a', phase: 'teardown', cause: { message: 'a stuck' } },
    ]);
    expect(error.cause).toBe(error.errors[0]);
  });

  it.each([
    ['the host', { teardownTimeoutMs: 200 }, undefined],
    ['the settings', { teardownTimeoutMs: 9_000 }, { teardownTimeoutMs: 200 }],
  ])('gives a teardown as much time as %s say, aborts its signal, and goes on', async (_, options, settings) => {
    const { clock, host, journal, plugin } = openStage(options);
    let signal: AbortSignal | undefined;
    host.use(
      plugin('parser', {
        setup: (ctx) => void ctx.own(() => void journal.push('disposed')),
        teardown: (ctx) => {
          signal = ctx.signal;
          return new Promise(() => {});
        },
      }),
      undefined,
      settings,
    );
    await host.start();
    const rejection = rejectionOf(host.stop());
    await clock.advance(199);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ name: 'TimeoutError' });
    const error = await rejection;
    expectError(error, 'PLUGIN_TEARDOWN_FAILED', 'parser', '200');
    expect(error).toMatchObject({ phase: 'teardown', cause: { name: 'TimeoutError' } });
    expect(journal).toContain('disposed');
    expect(clock.pending).toBe(0);
  });

  it('gives a teardown 5 seconds, unless told otherwise', async () => {
    const { clock, host, plugin } = openStage();
    host.use(plugin('a', { teardown: () => new Promise(() => {}) }));
    await host.start();
    const rejection = rejectionOf(host.stop());
    await clock.advance(4_999);
    expect(host.state).toBe('stopping');
    await clock.advance(1);
    expectError(await rejection, 'PLUGIN_TEARDOWN_FAILED');
  });

  it('is one stop where it is called twice', async () => {
    const { host, journal, plugin } = openStage();
    const teardown = async () => {
      await promisesSettled();
      journal.push('a torn down');
    };
    host.use(plugin('a', { teardown }));
    await host.start();
    await Promise.all([host.stop(), host.stop().then(() => void journal.push('stopped'))]);
    await host.stop();
    expect(journal.slice(2)).toEqual(['a teardown', 'a torn down', 'stopped']);
  });

  it('called twice rejects twice, with the same error', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('a', { teardown: failing.throws('stuck') }));
    await host.start();
    const [first, second] = [rejectionOf(host.stop()), rejectionOf(host.stop())];
    expect(await first).toBe(await second);
  });

  it('before the start resolves, and changes nothing', async () => {
    const { host, plugin, tick } = openStage();
    host.use(plugin('a'));
    await host.stop();
    await host.start();
    expect(tick()).toEqual(['a']);
  });

  it('refuses options that it does not know, and bad ones', async () => {
    const { host } = openStage();
    await host.start();
    expectError(await rejectionOf(host.stop({ drain: 5 } as never)), 'UNKNOWN_OPTION', 'drainMs');
    expectError(await rejectionOf(host.stop({ drainMs: -1 })), 'INVALID_OPTION', 'drainMs');
    expectError(await rejectionOf(host.stop(5 as never)), 'INVALID_ARGUMENT');
    expect(host.state).toBe('started');
  });

  it('refuses use as long as it goes on', async () => {
    const { host, plugin } = openStage();
    const gate = deferred();
    host.use(plugin('a', { teardown: () => gate.promise }));
    await host.start();
    const stop = host.stop();
    expectError(
      thrownBy(() => host.use(plugin('b'))),
      'ALREADY_STARTED',
    );
    gate.resolve();
    await stop;
    host.use(plugin('b'));
  });

  it('gives a teardown that is late no way to do anything', async () => {
    const { clock, host, journal, plugin } = openStage({ teardownTimeoutMs: 100 });
    const gate = deferred();
    const errors: unknown[] = [];
    host.use(
      plugin('a', {
        teardown: async (ctx) => {
          await gate.promise;
          errors.push(
            await rejectionOf(ctx.emit('job')),
            thrownBy(() => ctx.own(() => void journal.push('disposed'))),
          );
        },
      }),
    );
    await host.start();
    const rejection = rejectionOf(host.stop());
    await clock.advance(100);
    await rejection;
    expect(host.plugin('a').status()).toMatchObject({ state: 'stopped', late: 1 });
    gate.resolve();
    await promisesSettled();
    expect(errors).toHaveLength(2);
    for (const error of errors) expectError(error, 'CONTEXT_CLOSED', '"a"');
    expect(journal).toContain('disposed');
    expect(host.plugin('a').status()).toMatchObject({ late: 0 });
  });

  it('is what `await using` does at the end of its block', async () => {
    const { bus, journal, plugin } = openStage();
    {
      await using host: PluginHost = new PluginHost(bus);
      host.use(plugin('a'));
      await host.start();
    }
    expect(journal).toEqual(['a setup', 'a ready', 'a teardown']);
  });

  it('waits for changes that are under way', async () => {
    const { host, journal, plugin, states } = openStage();
    const gate = deferred();
    host.use(plugin('a'));
    await host.start();
    const add = host.add(plugin('b', { setup: () => gate.promise }));
    await promisesSettled();
    const stop = host.stop();
    gate.resolve();
    await Promise.allSettled([add, stop]);
    expect(host.state).toBe('stopped');
    expect(Object.values(states())).not.toContain('active');
    const [setups, teardowns] = [inPhase(journal, 'setup'), inPhase(journal, 'teardown')];
    expect(teardowns.toSorted()).toEqual(setups.toSorted());
  });

  it('leaves nothing running behind that a handler started', async () => {
    const { footprint, host, plugin } = openStage();
    host.use([
      plugin('a', {
        setup: (ctx) => {
          ctx.on('job', () => {}, { timeoutMs: 50 });
          ctx.onAny(() => {});
          ctx.on('*', () => {});
        },
      }),
    ]);
    await host.start();
    expect(footprint()).not.toEqual(nothingLeft);
    await host.stop();
    expect(footprint()).toEqual(nothingLeft);
  });

  it('may be awaited by a handler of a plugin, which is not waited for', async () => {
    const { bus, clock, host, journal, plugin } = openStage();
    host.use(
      plugin('a', {
        setup: (ctx) =>
          void ctx.on('job', async () => {
            await host.stop();
            journal.push('handler went on');
          }),
      }),
    );
    await host.start();
    const job = bus.emit('job');
    await promisesSettled();
    expect(journal.slice(2)).toEqual(['a teardown', 'handler went on']);
    expect((await job).ok).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('may be awaited by several handlers of plugins, which are not waited for', async () => {
    const { bus, clock, host, journal, plugin } = openStage();
    const gate = deferred();
    host.use([
      plugin('a', { setup: (ctx) => void ctx.on('first', () => host.stop()) }),
      plugin('b', {
        setup: (ctx) =>
          void ctx.on('second', async () => {
            const stop = host.stop();
            await gate.promise;
            await stop;
            journal.push('second went on');
          }),
      }),
    ]);
    await host.start();
    const emissions = Promise.all([bus.emit('first'), bus.emit('second')]);
    gate.resolve();
    await promisesSettled();
    expect(await stateOf(emissions)).toBe('fulfilled');
    expect(inPhase(journal, 'teardown').sort()).toEqual(['a', 'b']);
    expect(clock.pending).toBe(0);
  });

  it('tears down after the bus was closed: emitting is refused then, all else is as ever', async () => {
    const { bus, host, journal, plugin } = openStage();
    host.use(
      plugin('a', {
        setup: (ctx) => void ctx.own(() => void journal.push('disposed')),
        teardown: async (ctx) => {
          expectError(await rejectionOf(ctx.emit('job')), 'BUS_CLOSED');
        },
      }),
    );
    await host.start();
    await bus.close();
    await host.stop();
    expect(journal.slice(2)).toEqual(['a teardown', 'disposed']);
    expect(host.state).toBe('stopped');
  });
});

describe('changes after the bus was closed', () => {
  it('tear down, and fail to set up', async () => {
    const { bus, host, journal, plugin, states } = openStage();
    host.use([plugin('a'), plugin('b')]);
    await host.start();
    await bus.close();
    await host.disable('a');
    expect(journal).toContain('a teardown');
    expectError(await rejectionOf(host.enable('a')), 'PLUGIN_SETUP_FAILED', '"a"', 'closed');
    expectError(await rejectionOf(host.replace('b', plugin('b'))), 'PLUGIN_SETUP_FAILED', '"b"', 'closed');
    expectError(await rejectionOf(host.add(plugin('c'))), 'PLUGIN_SETUP_FAILED', '"c"', 'closed');
    expect(states()).toEqual({ a: 'disabled', b: 'active' });
    await host.stop();
  });
});

describe('start after the bus was closed', () => {
  it('rejects, and leaves the host idle', async () => {
    const { bus, host, plugin } = openStage();
    host.use(plugin('a'));
    await bus.close();
    const error = await rejectionOf(host.start());
    expect(errorsOf(error)[0]).toMatchObject({ code: expect.stringMatching(/BUS_CLOSED|PLUGIN_SETUP_FAILED/) });
    expect(host.state).toBe('idle');
  });
});

describe('start after stop', () => {
  it('sets everything up anew', async () => {
    const { host, journal, plugin, states, tick } = openStage();
    const seen: unknown[] = [];
    host.use([
      plugin('a', { state: () => ({ count: 0 }), setup: (ctx) => void seen.push(ctx, ctx.state) }),
      plugin('b', { requires: { a: '*' } }),
    ]);
    await host.start();
    await host.stop();
    journal.length = 0;
    await host.start();
    expect(journal).toEqual(['a setup', 'b setup', 'a ready', 'b ready']);
    expect(states()).toEqual({ a: 'active', b: 'active' });
    expect(host.state).toBe('started');
    expect(tick()).toEqual(['a', 'b']);
    expect(new Set(seen).size).toBe(4);
    await host.stop();
    expect(tick()).toEqual([]);
  });

  it('works as often as you like, with nothing left behind', async () => {
    const { footprint, host, plugin } = openStage();
    host.use([plugin('a', { setup: (ctx) => void ctx.own(() => {}) }), plugin('b')]);
    for (let i = 0; i < 20; i++) {
      await host.start();
      await host.stop();
    }
    expect(footprint()).toEqual(nothingLeft);
  });

  it('starts again what had failed', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    let fails = true;
    host.use(
      plugin('a', {
        setup: () => {
          if (fails) throw new Error('no');
        },
      }),
    );
    await host.start();
    expect(states()).toEqual({ a: 'failed' });
    await host.stop();
    fails = false;
    await host.start();
    expect(states()).toEqual({ a: 'active' });
  });

  it('that fails a check leaves plugins registered, whatever they were', async () => {
    const { host, plugin, states } = openStage();
    host.use(plugin('a'));
    await host.start();
    await host.stop();
    host.use(plugin('b', { requires: { nobody: '*' } }));
    expectError(await rejectionOf(host.start()), 'MISSING_PLUGIN', 'nobody');
    expect(states()['a']).toBe('registered');
    expect(host.state).toBe('idle');
  });

  it('works where stop has rejected', async () => {
    const { host, plugin, states } = openStage();
    host.use(plugin('a', { teardown: failing.throws('stuck') }));
    await host.start();
    await rejectionOf(host.stop());
    await host.start();
    expect(states()).toEqual({ a: 'active' });
  });
});
