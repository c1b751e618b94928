import { getEventListeners } from 'node:events';
import { expect, it, vi } from 'vitest';
import type { AmbusError, HandlerError, Unsubscribed } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { stateOf } from './promise-state.js';

const never = (): Promise<never> => new Promise(() => {});

/** How many abort listeners a signal has now. */
const listening = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describeBothBuses((makeBus) => {
  // Subscribing

  it('[19] makes an inactive subscription with an aborted signal', () => {
    const bus = makeBus();
    const handler = vi.fn();
    const off = bus.on('tick', handler, { signal: AbortSignal.abort() });
    expect(off.active).toBe(false);
    expect(bus.handlerCount('tick')).toBe(0);
    bus.emitSync('tick');
    expect(handler).not.toHaveBeenCalled();
  });

  it('[19] makes inactive subscriptions of lists, patterns, any-handlers and once with an aborted signal', () => {
    const bus = makeBus();
    const handler = vi.fn();
    const signal = AbortSignal.abort();
    const offs = [
      bus.on(['tick', 'tock'], handler, { signal }),
      bus.on('*', handler, { signal }),
      bus.onAny(handler, { signal }),
      bus.once('tick', handler, { signal }),
      bus.event('tick').on(handler, { signal }),
      bus.group('crew').on('tick', handler, { signal }),
    ];
    bus.emitSync('tick');
    expect(offs.map((off) => off.active)).toEqual([false, false, false, false, false, false]);
    expect(handler).not.toHaveBeenCalled();
    for (const off of offs) off();
  });

  it('[19] still refuses bad arguments beside an aborted signal', () => {
    const bus = makeBus();
    const signal = AbortSignal.abort();
    expect(thrownBy(() => bus.on('tick', () => {}, { signal, priority: Number.NaN }))).toMatchObject({
      code: 'INVALID_OPTION',
    });
    expect(thrownBy(() => bus.on('tick', 'no handler' as never, { signal }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('[19] ends a subscription when its signal aborts', () => {
    const bus = makeBus();
    const handler = vi.fn();
    const controller = new AbortController();
    const off = bus.on('tick', handler, { signal: controller.signal });
    bus.emitSync('tick');
    controller.abort();
    bus.emitSync('tick');
    expect(handler).toHaveBeenCalledTimes(1);
    expect(off.active).toBe(false);
    expect(bus.handlerCount('tick')).toBe(0);
  });

  it('[19] does not call a handler whose signal aborted before its turn', () => {
    const bus = makeBus();
    const handler = vi.fn();
    const controller = new AbortController();
    bus.on('tick', () => controller.abort());
    bus.on('tick', handler, { signal: controller.signal });
    expect(bus.emitSync('tick')).toMatchObject({ called: 1, skipped: 1 });
    expect(handler).not.toHaveBeenCalled();
  });

  it('[19] ends all subscriptions of one signal at once', () => {
    const bus = makeBus();
    const controller = new AbortController();
    for (let i = 0; i < 5; i++) bus.on('tick', () => {}, { signal: controller.signal });
    bus.on('*', () => {}, { signal: controller.signal });
    bus.onAny(() => {}, { signal: controller.signal });
    controller.abort();
    expect(bus.handlerCount()).toBe(0);
  });

  it('[19] says to observers that a subscription was aborted', () => {
    const bus = makeBus();
    const facts: Unsubscribed[] = [];
    bus.observe({ unsubscribed: (fact) => facts.push(fact) });
    const controller = new AbortController();
    bus.on('tick', () => {}, { name: 'a', signal: controller.signal });
    controller.abort();
    expect(facts).toMatchObject([{ handler: 'a', reason: 'aborted' }]);
  });

  it('[19] listens once to the signal of a subscription to several events', () => {
    const bus = makeBus();
    const { signal } = new AbortController();
    bus.on(['a', 'b', 'c'], () => {}, { signal });
    expect(listening(signal)).toBe(1);
  });

  it('[19] stops listening when the subscription ends by off', () => {
    const bus = makeBus();
    const { signal } = new AbortController();
    const handler = (): void => {};
    const off = bus.on('tick', () => {}, { signal });
    bus.on('tick', handler, { signal });
    expect(listening(signal)).toBe(1);
    off();
    bus.off('tick', handler);
    expect(listening(signal)).toBe(0);
  });

  it('[19] stops listening when the subscription is used up', async () => {
    const bus = makeBus();
    const { signal } = new AbortController();
    bus.once('tick', () => {}, { signal });
    bus.on('tick', () => {}, { signal, times: 2 });
    await bus.emit('tick');
    expect(listening(signal)).toBe(1);
    await bus.emit('tick');
    expect(listening(signal)).toBe(0);
  });

  it('[19] stops listening when the group is removed or retired', () => {
    const bus = makeBus();
    const { signal } = new AbortController();
    const removed = bus.group('removed');
    const retired = bus.group('retired');
    removed.on('tick', () => {}, { signal });
    retired.on('tick', () => {}, { signal });
    removed.remove();
    retired.retire();
    expect(listening(signal)).toBe(0);
  });

  it('[19] stops listening when the bus is closed', async () => {
    const bus = makeBus();
    const { signal } = new AbortController();
    bus.on('tick', () => {}, { signal });
    bus.on(['a', 'b'], () => {}, { signal });
    bus.on('*', () => {}, { signal });
    bus.onAny(() => {}, { signal });
    await bus.close();
    expect(listening(signal)).toBe(0);
  });

  it('[19] does not listen where on throws', () => {
    const bus = makeBus();
    const { signal } = new AbortController();
    thrownBy(() => bus.on(['tick', 'tick.*'], () => {}, { signal }));
    thrownBy(() => bus.on('tick', () => {}, { signal, times: 0 }));
    expect(listening(signal)).toBe(0);
  });

  // Emitting

  it('[19] rejects an emission with an aborted signal, whatever the reason, undefined aside', async () => {
    const bus = makeBus();
    for (const reason of [new Error('enough'), 'enough', 0, null, false, '']) {
      expect(await rejectionOf(bus.emit('tick', 1, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    }
    expect(await rejectionOf(bus.emit('tick', 1, { signal: AbortSignal.abort() }))).toMatchObject({
      name: 'AbortError',
    });
  });

  it("[19] aborts the handlers' signals when the emission is aborted, with the same reason", async () => {
    const bus = makeBus({ mode: 'concurrent' });
    const controller = new AbortController();
    const signals: AbortSignal[] = [];
    const work = deferred();
    const handler = (_payload: unknown, ctx: { signal: AbortSignal }): Promise<void> => {
      signals.push(ctx.signal);
      return work.promise;
    };
    bus.on('tick', handler);
    bus.on('tick', handler, { timeoutMs: 1_000 });
    const rejection = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
    controller.abort('enough');
    expect(signals.map((signal) => signal.aborted)).toEqual([true, true]);
    expect(signals.map((signal) => signal.reason as unknown)).toEqual(['enough', 'enough']);
    work.resolve();
    await rejection;
  });

  it('[19] gives an aborted signal to a handler that looks at it after the emission was aborted', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    const wake = deferred();
    let signal: AbortSignal | undefined;
    bus.on('tick', async (_payload, ctx) => {
      await wake.promise;
      signal = ctx.signal;
    });
    const rejection = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
    controller.abort('enough');
    wake.resolve();
    await rejection;
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toBe('enough');
  });

  it('[19] skips the handlers that have not started when the emission is aborted', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    const work = deferred();
    const later = vi.fn();
    bus.on('tick', () => work.promise);
    bus.on('tick', later);
    const rejection = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
    controller.abort('enough');
    work.resolve();
    expect(await rejection).toBe('enough');
    expect(later).not.toHaveBeenCalled();
  });

  it('[19] rejects when what runs has settled and not before', async () => {
    const bus = makeBus({ mode: 'concurrent' });
    const controller = new AbortController();
    const [first, second] = [deferred(), deferred()];
    bus.on('tick', () => first.promise);
    bus.on('tick', () => second.promise);
    const emission = bus.emit('tick', 1, { signal: controller.signal });
    const rejection = rejectionOf(emission);
    controller.abort('enough');
    first.resolve();
    expect(await stateOf(emission)).toBe('pending');
    second.reject(new Error('no'));
    expect(await rejection).toBe('enough');
  });

  it.each(['isolate', 'stop', 'throw'] as const)(
    '[19] rejects with the reason and not with the failures under %s',
    async (failurePolicy) => {
      const bus = makeBus({ failurePolicy, mode: 'concurrent' });
      const controller = new AbortController();
      bus.on('tick', async (_payload, ctx) => {
        await new Promise((_resolve, reject) => {
          ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason as Error));
        });
      });
      const rejection = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
      controller.abort('enough');
      expect(await rejection).toBe('enough');
    },
  );

  it.each(['sequential', 'concurrent'] as const)(
    '[19] names the handler that failed after the emission was aborted, in %s mode',
    async (mode) => {
      const failed: string[] = [];
      const bus = makeBus({ mode, onFailure: (failure) => failed.push((failure as HandlerError).handler) });
      const controller = new AbortController();
      const work = deferred();
      bus.on('tick', () => work.promise, { name: 'running' });
      bus.on('tick', () => {}, { name: 'not started' });
      bus.on('tick', () => {}, { name: 'not started either' });
      const rejection = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
      controller.abort('enough');
      work.reject(new Error('no'));
      await rejection;
      expect(failed).toEqual(['running']);
    },
  );

  it('[19] skips the rest when a synchronous handler aborts the emission', () => {
    const bus = makeBus();
    const controller = new AbortController();
    const later = vi.fn();
    bus.on('tick', () => controller.abort('enough'));
    bus.on('tick', later);
    expect(thrownBy(() => bus.emitSync('tick', 1, { signal: controller.signal }))).toBe('enough');
    expect(later).not.toHaveBeenCalled();
  });

  it('[19] rejects where the last handler aborts the emission', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    bus.on('tick', () => controller.abort('enough'));
    expect(await rejectionOf(bus.emit('tick', 1, { signal: controller.signal }))).toBe('enough');
  });

  it('[19] throws the reason from dispatch while it is synchronous, and rejects with it afterwards', async () => {
    const bus = makeBus();
    const sync = new AbortController();
    bus.on('sync', () => sync.abort('enough'));
    expect(thrownBy(() => bus.dispatch('sync', 1, { signal: sync.signal }))).toBe('enough');
    const async = new AbortController();
    bus.on('async', async () => async.abort('enough'));
    expect(await rejectionOf(bus.dispatch('async', 1, { signal: async.signal }) as Promise<unknown>)).toBe('enough');
  });

  it('[19] reports the abort of a posted emission to onFailure as ABORTED', async () => {
    const reports: AmbusError[] = [];
    const bus = makeBus({ onFailure: (failure) => reports.push(failure) });
    const controller = new AbortController();
    const work = deferred();
    bus.on('tick', () => work.promise);
    bus.post('tick', 1, { signal: controller.signal });
    controller.abort('enough');
    work.resolve();
    await promisesSettled();
    expect(reports).toMatchObject([{ code: 'ABORTED', cause: 'enough' }]);
  });

  it('[19] fulfils where the signal aborts after the emission has ended', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    let signal: AbortSignal | undefined;
    bus.on('tick', async (_payload, ctx) => {
      signal = ctx.signal;
    });
    const result = await bus.emit('tick', 1, { signal: controller.signal });
    controller.abort();
    expect(result.ok).toBe(true);
    expect(signal?.aborted).toBe(false);
  });

  it('[19] skips a handler that waits for a slot of its own', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    const work = deferred();
    let runs = 0;
    bus.on(
      'tick',
      () => {
        runs++;
        return work.promise;
      },
      { concurrency: 1 },
    );
    const first = bus.emit('tick');
    const second = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
    controller.abort('enough');
    expect(await second).toBe('enough');
    work.resolve();
    expect((await first).ok).toBe(true);
    expect(runs).toBe(1);
  });

  it('[19] gives the slot on that an aborted emission waited for', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    const runs = [deferred(), deferred()];
    let started = 0;
    bus.on('tick', () => runs[started++]?.promise, { concurrency: 1 });
    const first = bus.emit('tick');
    const aborted = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
    const third = bus.emit('tick');
    controller.abort('enough');
    await aborted;
    runs[0]?.resolve();
    await first;
    await promisesSettled();
    expect(started).toBe(2);
    runs[1]?.resolve();
    expect((await third).ok).toBe(true);
  });

  it('[19] gives the slot on that an emission was given in the tick in which it was aborted', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    const runs = [deferred(), deferred()];
    let started = 0;
    bus.on('tick', () => runs[started++]?.promise, { concurrency: 1 });
    // Runs right after the first one: the slot is the second emission's, which has not used it yet.
    bus.on('tick', () => controller.abort('enough'));
    const first = bus.emit('tick');
    const aborted = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
    const third = bus.emit('tick');
    runs[0]?.resolve();
    expect((await first).ok).toBe(true);
    expect(await aborted).toBe('enough');
    await promisesSettled();
    expect(started).toBe(2);
    runs[1]?.resolve();
    expect((await third).ok).toBe(true);
    expect(bus.inspect().events[0]?.handlers[0]?.running).toBe(0);
  });

  it('[19] does not abort the emissions that an aborted one has caused, unless they are given its signal', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    const aborted: Record<string, boolean> = {};
    const work = deferred();
    bus.on('outer', (_payload, ctx) =>
      Promise.all([ctx.emit('free'), rejectionOf(ctx.emit('bound', 1, { signal: ctx.signal }))]),
    );
    for (const name of ['free', 'bound']) {
      bus.on(name, async (_payload, ctx) => {
        await work.promise;
        aborted[name] = ctx.signal.aborted;
      });
    }
    const rejection = rejectionOf(bus.emit('outer', 1, { signal: controller.signal }));
    controller.abort();
    work.resolve();
    await rejection;
    expect(aborted).toEqual({ free: false, bound: true });
  });

  it('[19] stops listening to the signal of an emission when it has ended, however it ended', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const { signal } = new AbortController();
    bus.on('sync', (_payload, ctx) => void ctx.signal);
    bus.on('async', async (_payload, ctx) => void ctx.signal);
    bus.on('fails', () => Promise.reject(new Error('no')));
    bus.on('stops', (_payload, ctx) => ctx.stop());
    bus.on('slow', never, { timeoutMs: 100 });
    bus.emitSync('sync', 1, { signal });
    bus.emitSync('nobody listens', 1, { signal });
    await bus.emit('sync', 1, { signal });
    await bus.emit('async', 1, { signal });
    await bus.emit('stops', 1, { signal });
    await bus.emit('fails', 1, { signal });
    await rejectionOf(bus.emit('fails', 1, { signal, failurePolicy: 'throw' }));
    await rejectionOf(bus.emit('fails', 1, { signal, failurePolicy: 'stop' }));
    thrownBy(() => bus.emitSync('async', 1, { signal, failurePolicy: 'throw' }));
    await rejectionOf(bus.emit('sync', 1, { signal, timeoutMs: -1 }));
    bus.post('async', 1, { signal });
    await promisesSettled();
    const slow = bus.emit('slow', 1, { signal });
    await clock.advance(100);
    await slow;
    expect(listening(signal)).toBe(0);
  });

  it('[19] stops listening when the emission was aborted', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    bus.on('tick', async () => controller.abort());
    await rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
    expect(listening(controller.signal)).toBe(0);
  });

  it('[19] listens at most once per emission to its signal, however many handlers look at theirs', async () => {
    const bus = makeBus({ mode: 'concurrent' });
    const { signal } = new AbortController();
    const work = deferred();
    for (let i = 0; i < 10; i++) {
      bus.on(
        'tick',
        (_payload, ctx) => {
          void ctx.signal;
          return work.promise;
        },
        { timeoutMs: 1_000 },
      );
    }
    const emission = bus.emit('tick', 1, { signal });
    expect(listening(signal)).toBe(1);
    work.resolve();
    await emission;
    expect(listening(signal)).toBe(0);
  });

  it('[19] aborts a signal once, by what comes first: the time limit or the emission', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const controller = new AbortController();
    const reasons: unknown[] = [];
    const work = deferred();
    bus.on(
      'tick',
      (_payload, ctx) => {
        ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
        return work.promise;
      },
      { timeoutMs: 100 },
    );
    const second = deferred();
    bus.on('tick', () => second.promise);
    const rejection = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
    await clock.advance(100);
    controller.abort('enough');
    second.resolve();
    expect(await rejection).toBe('enough');
    expect(reasons).toMatchObject([{ name: 'TimeoutError' }]);
    work.resolve();
  });

  // Waiting

  it('[19] rejects idle with the reason of an aborted signal, even where nothing is in flight', async () => {
    const bus = makeBus();
    const reason = new Error('enough');
    expect(await rejectionOf(bus.idle({ signal: AbortSignal.abort(reason) }))).toBe(reason);
  });

  it('[19] rejects idle when its signal aborts', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    const work = deferred();
    bus.on('tick', () => work.promise);
    const emission = bus.emit('tick');
    const rejection = rejectionOf(bus.idle({ signal: controller.signal }));
    controller.abort('enough');
    expect(await rejection).toBe('enough');
    expect(listening(controller.signal)).toBe(0);
    work.resolve();
    expect((await emission).ok).toBe(true);
  });

  it('[19] stops listening to the signal of idle when idle has resolved', async () => {
    const bus = makeBus();
    const { signal } = new AbortController();
    const work = deferred();
    bus.on('tick', () => work.promise);
    void bus.emit('tick');
    const idle = bus.idle({ signal });
    expect(listening(signal)).toBe(1);
    work.resolve();
    await idle;
    await bus.idle({ signal });
    expect(listening(signal)).toBe(0);
  });

  it('[19] stops listening to the signal of idle when its time was up', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const { signal } = new AbortController();
    bus.on('tick', never);
    void bus.emit('tick');
    const rejection = rejectionOf(bus.idle({ signal, timeoutMs: 100 }));
    await clock.advance(100);
    expect(await rejection).toMatchObject({ code: 'IDLE_TIMEOUT' });
    expect(listening(signal)).toBe(0);
  });

  it('[19] clears the timer of idle when its signal aborts', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const controller = new AbortController();
    bus.on('tick', never);
    void bus.emit('tick');
    const rejection = rejectionOf(bus.idle({ signal: controller.signal, timeoutMs: 100 }));
    controller.abort('enough');
    await rejection;
    expect(clock.pending).toBe(0);
  });

  it("[19] rejects a group's idle with the reason of its signal, aborted before or while it waits", async () => {
    const bus = makeBus();
    const crew = bus.group('crew');
    const controller = new AbortController();
    crew.on('tick', never);
    void bus.emit('tick');
    expect(await rejectionOf(crew.idle({ signal: AbortSignal.abort('at once') }))).toBe('at once');
    const rejection = rejectionOf(crew.idle({ signal: controller.signal }));
    controller.abort('enough');
    expect(await rejection).toBe('enough');
    expect(listening(controller.signal)).toBe(0);
  });

  it('[19] rejects ctx.idle with the reason of its signal', async () => {
    const bus = makeBus();
    const controller = new AbortController();
    bus.on('stuck', never);
    void bus.emit('stuck');
    let rejection: Promise<unknown> | undefined;
    bus.on('tick', (_payload, ctx) => {
      rejection = rejectionOf(ctx.idle({ signal: controller.signal }));
      return rejection;
    });
    const emission = bus.emit('tick');
    controller.abort('enough');
    expect(await rejection).toBe('enough');
    await emission;
  });

  it('[19] takes a signal of another realm, which is no instance of AbortSignal here', async () => {
    const bus = makeBus();
    const listeners = new Set<() => void>();
    const foreign = {
      aborted: false,
      reason: undefined as unknown,
      addEventListener: (_type: string, listener: () => void) => listeners.add(listener),
      removeEventListener: (_type: string, listener: () => void) => listeners.delete(listener),
    };
    const handler = vi.fn();
    bus.on('tick', handler, { signal: foreign as unknown as AbortSignal });
    expect(listeners.size).toBe(1);
    foreign.aborted = true;
    foreign.reason = 'enough';
    for (const listener of listeners) listener();
    bus.emitSync('tick');
    expect(handler).not.toHaveBeenCalled();
    expect(await rejectionOf(bus.emit('tick', 1, { signal: foreign as unknown as AbortSignal }))).toBe('enough');
    expect(await rejectionOf(bus.idle({ signal: foreign as unknown as AbortSignal }))).toBe('enough');
  });
});
