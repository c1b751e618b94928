import { describe, expect, it } from 'vitest';
import type { Unsubscribe } from '../../src/index.js';
import { definePlugin, type PluginContext } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { WatchedSignal } from '../properties/watched-signal.js';
import { expectError, nothingLeft, openStage } from './hosts.js';

/** Every use of a context that is closed, and what comes of it. */
async function usesOf(ctx: PluginContext): Promise<Record<string, unknown>> {
  return {
    on: thrownBy(() => ctx.on('tick', () => {})),
    'on a list': thrownBy(() => ctx.on(['tick'], () => {})),
    'on a pattern': thrownBy(() => ctx.on('*', () => {})),
    once: thrownBy(() => ctx.once('tick', () => {})),
    onAny: thrownBy(() => ctx.onAny(() => {})),
    emit: await rejectionOf(ctx.emit('tick')),
    emitSync: thrownBy(() => ctx.emitSync('tick')),
    dispatch: thrownBy(() => ctx.dispatch('tick')),
    own: thrownBy(() => ctx.own(() => {})),
    api: thrownBy(() => ctx.api('other')),
    optionalApi: thrownBy(() => ctx.optionalApi('other')),
  };
}

/** A stage with a plugin whose context a test gets. */
function openContext() {
  const stage = openStage();
  let context: PluginContext | undefined;
  const keeping = stage.plugin('keeper', {
    requires: { other: '*' },
    state: () => ({ count: 1 }),
    setup: (ctx) => void (context = ctx),
  });
  stage.host.use([stage.plugin('other'), keeping]);
  return {
    ...stage,
    context: (): PluginContext => {
      if (context === undefined) throw new Error('The plugin has not been set up.');
      return context;
    },
  };
}

describe('a context that is used after its plugin was torn down', () => {
  it.each<[string, (stage: ReturnType<typeof openContext>) => Promise<unknown>]>([
    ['by stop', ({ host }) => host.stop()],
    ['by disable', ({ host }) => host.disable('keeper')],
    ['by remove', ({ host }) => host.remove('keeper')],
    ['by replace', ({ host, plugin }) => host.replace('keeper', plugin('keeper'))],
    ['with another one', ({ host }) => host.disable('other', { cascade: true })],
  ])('%s throws CONTEXT_CLOSED, whatever it is used for', async (_, end) => {
    const stage = openContext();
    const { bus, host, reports } = stage;
    await host.start();
    const ctx = stage.context();
    await end(stage);
    const handlers = bus.handlerCount();
    for (const [use, error] of Object.entries(await usesOf(ctx))) {
      expect([use, (error as { code?: string }).code]).toEqual([use, 'CONTEXT_CLOSED']);
      expectError(error, 'CONTEXT_CLOSED', 'keeper');
    }
    expect(bus.handlerCount()).toBe(handlers);
    expect(reports).toEqual([]);
  });

  it('reports what it posts', async () => {
    const stage = openContext();
    await stage.host.start();
    const ctx = stage.context();
    await stage.host.stop();
    ctx.post('tick');
    expect(stage.reports).toHaveLength(1);
    expectError(stage.reports[0], 'CONTEXT_CLOSED', 'keeper');
  });

  it('still says whose it was', async () => {
    const stage = openContext();
    await stage.host.start();
    const ctx = stage.context();
    await stage.host.stop();
    expect(ctx.name).toBe('keeper');
    expect(ctx.version).toBe('1.0.0');
    expect(ctx.options).toBeUndefined();
    expect(ctx.state).toEqual({ count: 1 });
    expect(ctx.signal.aborted).toBe(true);
  });

  it('stays closed when the plugin is set up again, which gets another one', async () => {
    const stage = openContext();
    await stage.host.start();
    const ctx = stage.context();
    await stage.host.disable('keeper');
    await stage.host.enable('keeper');
    expect(stage.context()).not.toBe(ctx);
    expect(ctx.signal.aborted).toBe(true);
    expect(stage.context().signal.aborted).toBe(false);
    expectError(
      thrownBy(() => ctx.on('tick', () => {})),
      'CONTEXT_CLOSED',
      'keeper',
    );
    stage.context().on('tock', () => {});
    expect(stage.bus.handlerCount('tock')).toBe(1);
  });

  it('leaves functions that unsubscribe without effect', async () => {
    const { host, plugin } = openStage();
    let off: Unsubscribe | undefined;
    host.use(plugin('a', { setup: (ctx) => void (off = ctx.on('tock', () => {})) }));
    await host.start();
    expect(off?.active).toBe(true);
    await host.stop();
    expect(off?.active).toBe(false);
    expect(() => off?.()).not.toThrow();
  });
});

describe('a context while its plugin drains and is torn down', () => {
  it('emits, but subscribes no more', async () => {
    const { bus, host, journal, plugin } = openStage();
    const gate = deferred();
    const errors: unknown[] = [];
    bus.on('note', (text) => void journal.push(String(text)));
    host.use(
      plugin('a', {
        setup: (ctx) =>
          void ctx.on('job', async () => {
            await gate.promise;
            errors.push(thrownBy(() => ctx.on('tock', () => {})));
            await ctx.emit('note', 'drained');
          }),
        teardown: async (ctx) => {
          errors.push(
            thrownBy(() => ctx.on('tock', () => {})),
            thrownBy(() => ctx.once('tock', () => {})),
            thrownBy(() => ctx.onAny(() => {})),
          );
          expect((await ctx.emit('note', 'torn down')).ok).toBe(true);
          ctx.emitSync('note', 'for good');
        },
      }),
    );
    await host.start();
    const job = bus.emit('job');
    const stop = host.stop();
    await promisesSettled();
    gate.resolve();
    await stop;
    expect((await job).ok).toBe(true);
    expect(errors).toHaveLength(4);
    for (const error of errors) expectError(error, 'CONTEXT_CLOSED', '"a"');
    expect(journal.slice(2)).toEqual(['drained', 'a teardown', 'torn down', 'for good']);
  });
});

describe('ctx.own after the plugin was torn down', () => {
  it.each<[string, (ctx: PluginContext, note: () => void) => unknown]>([
    ['a function', (ctx, note) => ctx.own(note)],
    ['a disposable', (ctx, note) => ctx.own({ [Symbol.dispose]: note })],
    ['an asynchronous disposable', (ctx, note) => ctx.own({ [Symbol.asyncDispose]: async () => note() })],
    ['a resource with its release', (ctx, note) => ctx.own({ id: 1 }, note)],
  ])('disposes of %s at once, and throws', async (_, own) => {
    const stage = openContext();
    await stage.host.start();
    const ctx = stage.context();
    await stage.host.stop();
    let disposed = 0;
    const error = thrownBy(() => own(ctx, () => void (disposed += 1)));
    expectError(error, 'CONTEXT_CLOSED', 'keeper');
    expect(disposed).toBe(1);
  });

  it('reports what that throws, or rejects with', async () => {
    const stage = openContext();
    await stage.host.start();
    const ctx = stage.context();
    await stage.host.stop();
    const leak = () => {
      throw new Error('leaks');
    };
    expectError(
      thrownBy(() => ctx.own(leak)),
      'CONTEXT_CLOSED',
    );
    expectError(
      thrownBy(() => ctx.own(() => Promise.reject(new Error('leaks')))),
      'CONTEXT_CLOSED',
    );
    await promisesSettled();
    expect(stage.reports.map(({ code }) => code)).toEqual(['PLUGIN_TEARDOWN_FAILED', 'PLUGIN_TEARDOWN_FAILED']);
  });
});

describe('state', () => {
  it('is an empty object, unless the plugin makes it', async () => {
    const { host, plugin } = openStage();
    const seen: unknown[] = [];
    host.use([
      plugin('a', { setup: (ctx) => void seen.push(ctx.state) }),
      plugin('b', { state: () => ({ count: 5 }), setup: (ctx) => void seen.push(ctx.state) }),
    ]);
    await host.start();
    expect(seen).toEqual([{}, { count: 5 }]);
  });

  it('is the same in every phase and handler, and another each time that the plugin is set up', async () => {
    const { bus, host } = openStage();
    const seen: object[] = [];
    const counter = definePlugin({
      name: 'counter',
      version: '1.0.0',
      state: () => ({ count: 0 }),
      setup(ctx) {
        seen.push(ctx.state);
        ctx.on('tick', () => {
          ctx.state.count += 1;
          seen.push(ctx.state);
        });
      },
      ready: (ctx) => void seen.push(ctx.state),
      teardown: (ctx) => void seen.push(ctx.state),
    });
    host.use(counter);
    await host.start();
    bus.emitSync('tick');
    await host.disable('counter');
    expect(new Set(seen).size).toBe(1);
    expect(seen).toHaveLength(4);
    expect(seen[0]).toEqual({ count: 1 });
    await host.enable('counter');
    expect(seen.at(-1)).toEqual({ count: 0 });
    expect(seen.at(-1)).not.toBe(seen[0]);
  });
});

describe('subscriptions in setup', () => {
  it('are checked at once', async () => {
    const { host, plugin } = openStage();
    const errors: unknown[] = [];
    host.use(
      plugin('a', {
        setup: (ctx) => {
          errors.push(
            thrownBy(() => ctx.on('tick', undefined as never)),
            thrownBy(() => ctx.on('a.**.b' as never, () => {})),
            thrownBy(() => ctx.on('tick', () => {}, { priority: Number.NaN })),
            thrownBy(() => ctx.on('tick', () => {}, { prority: 1 } as object)),
            thrownBy(() => ctx.on(5 as never, () => {})),
          );
        },
      }),
    );
    await host.start();
    expect(errors.map((error) => (error as { code: string }).code)).toEqual([
      'INVALID_ARGUMENT',
      'INVALID_PATTERN',
      'INVALID_OPTION',
      'UNKNOWN_OPTION',
      'INVALID_EVENT',
    ]);
  });

  it('may be ended before they were visible', async () => {
    const { bus, host, plugin } = openStage();
    host.use(
      plugin('a', {
        setup: (ctx) => {
          const off = ctx.on('tock', () => {});
          expect(off.active).toBe(true);
          off();
          expect(off.active).toBe(false);
          const kept = ctx.on('tock', () => {});
          expect(kept.active).toBe(true);
        },
      }),
    );
    await host.start();
    expect(bus.handlerCount('tock')).toBe(1);
  });

  it('may be ended when they are visible', async () => {
    const { bus, host, plugin } = openStage();
    let off: Unsubscribe | undefined;
    host.use(plugin('a', { setup: (ctx) => void (off = ctx.on('tock', () => {})) }));
    await host.start();
    expect(bus.handlerCount('tock')).toBe(1);
    off?.();
    expect(bus.handlerCount('tock')).toBe(0);
    expect(off?.active).toBe(false);
  });

  it('end with their signal, before and after they were visible', async () => {
    const { bus, host, plugin } = openStage();
    const [early, late] = [new AbortController(), new AbortController()];
    host.use(
      plugin('a', {
        setup: (ctx) => {
          const off = ctx.on('tock', () => {}, { signal: early.signal });
          ctx.on('tock', () => {}, { signal: late.signal });
          expect(ctx.on('tock', () => {}, { signal: AbortSignal.abort() }).active).toBe(false);
          early.abort();
          expect(off.active).toBe(false);
        },
      }),
    );
    await host.start();
    expect(bus.handlerCount('tock')).toBe(1);
    late.abort();
    expect(bus.handlerCount('tock')).toBe(0);
  });

  it.each(['stop', 'disable', 'remove', 'replace'] as const)(
    'leave no listener on their signal after %s',
    async (end) => {
      const { host, plugin } = openStage();
      const watched = new WatchedSignal(new AbortController().signal);
      host.use(
        plugin('a', {
          setup: (ctx) => {
            ctx.on('tock', () => {}, { signal: watched.signal });
            ctx.onAny(() => {}, { signal: watched.signal });
          },
        }),
      );
      await host.start();
      expect(watched.listeners).toBeGreaterThan(0);
      if (end === 'stop') await host.stop();
      else if (end === 'replace') await host.replace('a', plugin('a'));
      else await host[end]('a');
      expect(watched.listeners).toBe(0);
    },
  );

  it('leave no listener on their signal where setup fails', async () => {
    const { footprint, host, plugin } = openStage();
    const watched = new WatchedSignal(new AbortController().signal);
    host.use(
      plugin('a', {
        setup: (ctx) => {
          ctx.on('tock', () => {}, { signal: watched.signal });
          throw new Error('no');
        },
      }),
    );
    await rejectionOf(host.start());
    expect(watched.listeners).toBe(0);
    expect(footprint()).toEqual(nothingLeft);
  });

  it('keep their options', async () => {
    const { bus, host, plugin } = openStage();
    const seen: unknown[] = [];
    host.use(
      plugin('a', {
        setup: (ctx) => {
          ctx.on('job', (n) => void seen.push(n), { filter: (n) => (n as number) > 1, times: 2, name: 'counted' });
          ctx.on('job', () => void seen.push('first'), { priority: 1 });
        },
      }),
    );
    await host.start();
    expect(bus.inspect().events.find(({ type }) => type === 'job')?.handlers).toMatchObject([
      { priority: 1, group: 'a' },
      { name: 'counted', timesLeft: 2, group: 'a' },
    ]);
    for (const n of [1, 2, 3, 4]) bus.emitSync('job', n);
    expect(seen).toEqual(['first', 'first', 2, 'first', 3, 'first']);
  });

  it('of a synchronous setup join no emission that was under way', async () => {
    const { bus, host, plugin } = openStage();
    const gate = deferred();
    const seen: string[] = [];
    bus.on('job', () => gate.promise);
    const job = bus.emit('job');
    host.use(plugin('a', { setup: (ctx) => void ctx.on('job', () => void seen.push('a')) }));
    await host.start();
    gate.resolve();
    await job;
    expect(seen).toEqual([]);
    await bus.emit('job');
    expect(seen).toEqual(['a']);
  });
});

describe('handlers', () => {
  it('that fail are known by their plugin', async () => {
    const { bus, host, plugin } = openStage();
    host.use(
      plugin('parser', {
        setup: (ctx) =>
          void ctx.on(
            'job',
            () => {
              throw new Error('no grammar');
            },
            { name: 'parse' },
          ),
      }),
    );
    await host.start();
    const { failures } = await bus.emit('job');
    expect(failures).toMatchObject([{ group: 'parser', handler: 'parse', cause: { message: 'no grammar' } }]);
    expect(failures[0]?.message).toContain('parser');
  });

  it('of a plugin that fails do not hinder those of others', async () => {
    const { bus, host, plugin } = openStage();
    const seen: string[] = [];
    host.use([
      plugin('bad', { setup: (ctx) => void ctx.on('job', () => Promise.reject(new Error('no'))) }),
      plugin('good', { setup: (ctx) => void ctx.on('job', () => void seen.push('good')) }),
    ]);
    await host.start();
    expect(await bus.emit('job')).toMatchObject({ ok: false, called: 2 });
    expect(seen).toEqual(['good']);
  });
});

describe('ctx.signal', () => {
  it('is the same in setup, ready and handlers, and aborts when the plugin has no more to do', async () => {
    const { bus, host, plugin } = openStage();
    const seen: AbortSignal[] = [];
    let aborted = 0;
    host.use(
      plugin('a', {
        setup: (ctx) => {
          seen.push(ctx.signal);
          ctx.signal.addEventListener('abort', () => void (aborted += 1));
          ctx.on('job', () => void seen.push(ctx.signal));
        },
        ready: (ctx) => void seen.push(ctx.signal),
      }),
    );
    await host.start();
    bus.emitSync('job');
    expect(new Set(seen).size).toBe(1);
    expect(aborted).toBe(0);
    await host.stop();
    expect(aborted).toBe(1);
  });
});
