import { beforeEach, expect, it, vi } from 'vitest';
import type { BusObserver, Clock } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { promisesSettled } from './deferred.js';

/** A clock that counts what it is asked for. */
class SpyClock extends ManualClock {
  reads = 0;
  timers = 0;

  override now(): number {
    this.reads++;
    return super.now();
  }

  override setTimeout(callback: () => void, ms: number): unknown {
    this.timers++;
    return super.setTimeout(callback, ms);
  }
}

let controllers = 0;

beforeEach(() => {
  controllers = 0;
  const Original = globalThis.AbortController;
  vi.stubGlobal(
    'AbortController',
    class extends Original {
      constructor() {
        super();
        controllers++;
      }
    },
  );
});

describeBothBuses((makeBus) => {
  it('[20] arms no timer and reads no clock in emissions without a time limit', async () => {
    const clock = new SpyClock();
    const bus = makeBus({ clock });
    bus.on('tick', () => {});
    bus.on('tick', async () => {});
    bus.on('tick', () => {
      throw new Error('no');
    });
    bus.on('tick', async () => {}, { concurrency: 1 });
    bus.once('tick', () => {});
    await bus.emit('tick');
    await bus.emit('tick', 1, { mode: 'concurrent' });
    await bus.emit('tick', 1, { mode: 'tiered' });
    await bus.dispatch('tick');
    bus.post('tick');
    await promisesSettled();
    expect(clock).toMatchObject({ reads: 0, timers: 0 });
  });

  it('[20] arms no timer and reads no clock when nothing has to be waited for', async () => {
    const clock = new SpyClock();
    const bus = makeBus({ clock });
    await bus.idle();
    await bus.idle({ timeoutMs: 100 });
    await bus.close();
    expect(clock.reads).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it('[20] arms no timer for a synchronous handler with a time limit', () => {
    const clock = new SpyClock();
    const bus = makeBus({ clock });
    bus.on('tick', () => {}, { timeoutMs: 100 });
    bus.emitSync('tick');
    void bus.emit('tick');
    expect(clock.timers).toBe(0);
  });

  it('[20] arms a timer for an asynchronous handler with a time limit, and clears it', async () => {
    const clock = new SpyClock();
    const bus = makeBus({ clock });
    bus.on('tick', async () => {}, { timeoutMs: 100 });
    await bus.emit('tick');
    expect(clock.timers).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('[20] makes no abort controller where nobody looks at ctx.signal', async () => {
    const bus = makeBus({ clock: new ManualClock() });
    const { signal } = new AbortController();
    controllers = 0;
    bus.on('tick', () => {}, { signal });
    bus.on('tick', async () => {}, { timeoutMs: 100 });
    bus.on('tick', async () => {}, { concurrency: 1 });
    bus.on('tick', () => Promise.reject(new Error('no')));
    await bus.emit('tick');
    await bus.emit('tick', 1, { signal, mode: 'concurrent' });
    expect(controllers).toBe(0);
  });

  it('[20] makes no abort controller for a handler whose time was up and that never looked', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    bus.on('tick', () => new Promise(() => {}), { timeoutMs: 100 });
    const emission = bus.emit('tick');
    await clock.advance(100);
    expect((await emission).ok).toBe(false);
    expect(controllers).toBe(0);
  });

  it('[20] makes one abort controller for an emission, however often ctx.signal is read', async () => {
    const bus = makeBus();
    const signals = new Set<AbortSignal>();
    for (let i = 0; i < 3; i++) {
      bus.on('tick', (_payload, ctx) => {
        signals.add(ctx.signal);
        signals.add(ctx.signal);
      });
    }
    await bus.emit('tick');
    expect(signals.size).toBe(1);
    expect(controllers).toBe(1);
  });

  it('[20] draws no random numbers for emissions whose id nobody reads', async () => {
    const random = vi.spyOn(Math, 'random');
    const uuid = vi.spyOn(globalThis.crypto, 'randomUUID');
    const values = vi.spyOn(globalThis.crypto, 'getRandomValues');
    const bus = makeBus();
    bus.on('tick', () => {});
    bus.on('tick', async () => {});
    for (let i = 0; i < 5; i++) await bus.emit('tick');
    expect(random).not.toHaveBeenCalled();
    expect(uuid).not.toHaveBeenCalled();
    expect(values).not.toHaveBeenCalled();
  });

  it('[20] numbers only the emissions whose id is read', async () => {
    const bus = makeBus();
    const ids: string[] = [];
    bus.on('silent', () => {});
    bus.on('tick', (_payload, ctx) => ids.push(ctx.id));
    for (let i = 0; i < 100; i++) bus.emitSync('silent');
    await bus.emit('tick');
    await bus.emit('tick');
    const other = makeBus();
    other.on('tick', (_payload, ctx) => ids.push(ctx.id));
    await other.emit('tick');
    expect(new Set(ids).size).toBe(3);
  });

  it('[20] gives an emission one id, the same for all its handlers', async () => {
    const bus = makeBus();
    const ids: string[] = [];
    bus.on('tick', (_payload, ctx) => ids.push(ctx.id, ctx.id));
    bus.on('tick', async (_payload, ctx) => {
      await promisesSettled();
      ids.push(ctx.id);
    });
    bus.on('tick', async (_payload, ctx) => ids.push(ctx.id), { timeoutMs: 1_000 });
    await bus.emit('tick');
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).not.toBe('');
  });

  it('[20] gives every emission another id', async () => {
    const bus = makeBus();
    const ids = new Set<string>();
    bus.on('tick', (_payload, ctx) => ids.add(ctx.id));
    for (let i = 0; i < 100; i++) bus.emitSync('tick');
    expect(ids.size).toBe(100);
  });

  it('[20] serves all handlers of an emission with one context', async () => {
    const bus = makeBus();
    const contexts = new Set<unknown>();
    const collect = (_payload: unknown, ctx: unknown): void => {
      contexts.add(ctx);
    };
    bus.on('tick', collect);
    bus.on('tick', async (payload, ctx) => collect(payload, ctx));
    bus.on('*', collect);
    bus.onAny(collect);
    await bus.emit('tick');
    expect(contexts.size).toBe(1);
  });

  it('[20] gives a handler with a time limit a context of its own', async () => {
    const bus = makeBus();
    const contexts: unknown[] = [];
    bus.on('tick', (_payload, ctx) => contexts.push(ctx));
    bus.on('tick', async (_payload, ctx) => contexts.push(ctx), { timeoutMs: 100 });
    bus.on('tick', async (_payload, ctx) => contexts.push(ctx), { timeoutMs: 100 });
    await bus.emit('tick');
    expect(new Set(contexts).size).toBe(3);
  });

  it('[20] lets the context of a handler with a time limit do all that the shared one does', async () => {
    const bus = makeBus();
    const later = vi.fn();
    let seen: unknown;
    bus.on(
      'tick',
      async (payload, ctx) => {
        seen = { type: ctx.type, payload: ctx.payload, same: ctx.payload === payload, sync: ctx.sync, meta: ctx.meta };
        ctx.stop();
      },
      { timeoutMs: 100 },
    );
    bus.on('tick', later);
    const result = await bus.emit('tick', { n: 1 }, { meta: { trace: 't1' } });
    expect(seen).toEqual({ type: 'tick', payload: { n: 1 }, same: true, sync: false, meta: { trace: 't1' } });
    expect(result).toMatchObject({ ok: true, stopped: true, called: 1, skipped: 1 });
    expect(later).not.toHaveBeenCalled();
  });

  it('[20] freezes results, which emissions without failures share', async () => {
    const bus = makeBus();
    bus.on('tick', () => {});
    const result = await bus.emit('tick');
    expect(Object.isFrozen(result)).toBe(true);
    expect(Object.isFrozen(result.failures)).toBe(true);
    bus.on('fails', () => {
      throw new Error('no');
    });
    const failed = await bus.emit('fails');
    expect(Object.isFrozen(failed)).toBe(true);
    expect(Object.isFrozen(failed.failures)).toBe(true);
  });

  it.each<[string, BusObserver]>([
    ['subscriptions', { subscribed: () => {}, unsubscribed: () => {} }],
    ['starts', { emissionStarted: () => {}, handlerStarted: () => {} }],
    ['skips and drops', { handlerSkipped: () => {}, dropped: () => {} }],
  ])('[20] reads no clock for an observer that asks for %s alone', async (_what, observer) => {
    const clock = new SpyClock();
    const bus = makeBus({ clock });
    bus.observe(observer);
    bus.on('tick', () => {});
    bus.on('tick', async () => {}, { filter: () => true });
    bus.on('tick', () => {}, { filter: () => false });
    await bus.emit('tick');
    expect(clock.reads).toBe(0);
  });

  it('[20] reads the clock again no more once the observer that asked for durations is gone', async () => {
    const clock = new SpyClock();
    const bus = makeBus({ clock });
    const off = bus.observe({ handlerSettled: () => {} });
    bus.on('tick', () => {});
    await bus.emit('tick');
    expect(clock.reads).toBeGreaterThan(0);
    off();
    clock.reads = 0;
    await bus.emit('tick');
    expect(clock.reads).toBe(0);
  });

  it('[20] does not use the platform clock where one is given', async () => {
    const now = vi.spyOn(performance, 'now');
    const dateNow = vi.spyOn(Date, 'now');
    const clock: Clock = new ManualClock();
    const bus = makeBus({ clock });
    bus.observe({ handlerSettled: () => {}, emissionSettled: () => {} });
    bus.on('tick', async () => {}, { timeoutMs: 100 });
    await bus.emit('tick');
    expect(now).not.toHaveBeenCalled();
    expect(dateNow).not.toHaveBeenCalled();
  });
});

it('[20] does not trace asynchronous contexts until something depends on it', async () => {
  // Once on, it is on for the process: a fresh copy of the module has not been used yet.
  vi.resetModules();
  const { EventBus } = await import('../../src/index.js');
  const bus = new EventBus();
  bus.on('tick', async () => {});
  await bus.emit('tick');
  expect(bus.inspect().asyncContext).toBe(false);
  bus.on('tick', async () => {}, { concurrency: 1 });
  await bus.emit('tick');
  expect(bus.inspect().asyncContext).toBe(true);
});
