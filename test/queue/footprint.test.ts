import { AsyncResource } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { EventBus } from '../../src/index.js';
import { EventQueue, type QueueOptions } from '../../src/queue/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { promisesSettled } from '../bus/deferred.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes of the heap when all that can go is gone: what has been promised has settled, and been looked at. */
async function heapBytes(): Promise<number> {
  for (let n = 0; n < 3; n++) {
    await promisesSettled();
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

const events = 100_000;
/** Far less than one forgotten event, or promise. */
const bytesPerEvent = 20;

interface Shop {
  readonly clock: ManualClock;
  readonly queue: EventQueue;
  readonly controller: AbortController;
}

interface Departure {
  readonly options?: QueueOptions;
  /** Fills the queue with events of which each has a payload of its own. */
  readonly fill: (shop: Shop, payloadOf: (n: number) => object) => void;
  /** Has all of them leave. */
  readonly empty?: (shop: Shop) => unknown;
}

const departures: Record<string, Departure> = {
  'are aborted, a few at a time': {
    fill: ({ queue }, payloadOf) => {
      let controller = new AbortController();
      for (let n = 0; n < events; n++) {
        queue.post('order.placed', payloadOf(n), { signal: controller.signal, priority: n % 3 });
        if (n % 20 !== 19) continue;
        controller.abort();
        controller = new AbortController();
      }
    },
  },
  'are aborted together': {
    fill: ({ queue, controller }, payloadOf) => {
      for (let n = 0; n < events; n++) {
        void queue
          .emit('order.placed', payloadOf(n), { signal: controller.signal, key: n % 2 === 0 ? n : undefined })
          .catch(() => {});
      }
    },
    empty: ({ controller }) => controller.abort(),
  },
  'are delayed, and aborted': {
    fill: ({ queue, controller }, payloadOf) => {
      for (let n = 0; n < events; n++) {
        queue.post('order.placed', payloadOf(n), { signal: controller.signal, delayMs: 1_000 + (n % 100), key: n });
      }
    },
    empty: ({ controller }) => controller.abort(),
  },
  expire: {
    fill: ({ queue }, payloadOf) => {
      for (let n = 0; n < events; n++) {
        queue.post('order.placed', payloadOf(n), { maxWaitMs: 100, key: n % 10, priority: n % 3 });
      }
    },
    empty: ({ clock }) => clock.advance(100),
  },
  'are cleared': {
    fill: ({ queue }, payloadOf) => {
      for (let n = 0; n < events; n++) queue.post('order.placed', payloadOf(n), { key: n });
    },
    empty: ({ queue }) => queue.clear(),
  },
  'are dropped': {
    options: { capacity: 1, overflow: 'drop-oldest' },
    fill: ({ queue }, payloadOf) => {
      for (let n = 0; n < events; n++) queue.post('order.placed', payloadOf(n), { key: n % 1_000 });
    },
    empty: ({ queue }) => queue.clear(),
  },
  'are emitted, each with a key of its own': {
    fill: ({ queue }, payloadOf) => {
      for (let n = 0; n < events; n++) queue.post('order.placed', payloadOf(n), { key: {}, priority: n % 100 });
    },
    empty: async ({ queue }) => {
      queue.resume();
      await queue.idle();
      queue.pause();
    },
  },
};

describe('what a queue keeps', () => {
  it.each(Object.entries(departures))('is nothing of events that %s', async (_, { options, fill, empty }) => {
    const clock = new ManualClock();
    const bus = new EventBus({ clock, onFailure: () => {} });
    bus.on('order.placed', () => {});
    const queue = new EventQueue(bus, { paused: true, ...options });
    // One that stays, so that what follows can't be forgotten only because nothing is left.
    queue.post('order.placed', 'stays', { priority: 1_000 });

    const round = async (watched: WeakRef<object>[]) => {
      const shop = { clock, queue, controller: new AbortController() };
      fill(shop, (n) => {
        const payload = { id: n };
        if (n % 10_000 === 5) watched.push(new WeakRef(payload));
        return payload;
      });
      await empty?.(shop);
      if (queue.size === 0) queue.post('order.placed', 'stays', { priority: 1_000 });
    };
    await round([]);
    const before = await heapBytes();
    const watched: WeakRef<object>[] = [];
    await round(watched);
    const grown = (await heapBytes()) - before;
    expect(queue.size).toBe(1);
    expect(watched).toHaveLength(10);
    expect(watched.filter((payload) => payload.deref() !== undefined)).toEqual([]);
    expect(grown).toBeLessThan(events * bytesPerEvent);
  });

  it('is no chain of emissions that cause each other', async () => {
    const bus = new EventBus();
    const queue = new EventQueue(bus);
    const watched: WeakRef<object>[] = [];
    bus.on('next', (payload, ctx) => {
      const { n } = payload as { n: number };
      if (n % 5_000 === 5) watched.push(new WeakRef(ctx), new WeakRef(payload as object));
      if (n < 50_000) queue.post('next', { n: n + 1 });
    });
    queue.post('next', { n: 0 });
    await queue.idle();
    await heapBytes();
    expect(watched).toHaveLength(20);
    expect(watched.filter((each) => each.deref() !== undefined)).toEqual([]);
  });

  it('is no payload of an emission in which something was opened that lives on', async () => {
    const bus = new EventBus();
    const queue = new EventQueue(bus);
    const watched: WeakRef<object>[] = [];
    const sockets: AsyncResource[] = [];
    bus.on('connect', (payload) => {
      watched.push(new WeakRef(payload as object));
      sockets.push(new AsyncResource('socket'));
    });
    for (let n = 0; n < 10; n++) await queue.emit('connect', { n });
    await heapBytes();
    expect(sockets).toHaveLength(10);
    expect(watched.filter((payload) => payload.deref() !== undefined)).toEqual([]);
  });

  it('is nothing of those who waited for it, or for room', async () => {
    const waiters = 10_000;
    const queue = new EventQueue(new EventBus({ clock: new ManualClock() }), { paused: true, capacity: 1 });
    queue.post('order.placed', 'stays');
    const round = async () => {
      for (let n = 0; n < waiters / 100; n++) {
        const controller = new AbortController();
        const { signal } = controller;
        for (let each = 0; each < 50; each++) {
          void queue.idle({ signal }).catch(() => {});
          void queue.hasRoom({ signal, timeoutMs: 1_000 }).catch(() => {});
        }
        await promisesSettled();
        controller.abort();
      }
    };
    await round();
    const before = await heapBytes();
    await round();
    await round();
    await round();
    expect((await heapBytes()) - before).toBeLessThan(3 * waiters * bytesPerEvent);
  });
});
