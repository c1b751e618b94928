import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/queue/index.js';
import { deferred, promisesSettled, rejectionOf } from '../bus/deferred.js';
import { describeEveryQueue, openQueue as openPlainQueue, settled, type Workshop } from './queues.js';

const request = new AsyncLocalStorage<string>();

/** Has `seen` note the store in which each `tick` is handled, before and after an await. */
function watch({ bus }: Workshop): [unknown, string | undefined][] {
  const seen: [unknown, string | undefined][] = [];
  bus.on('tick', (payload) => seen.push([payload, request.getStore()]));
  bus.on('tick', async (payload) => {
    await promisesSettled();
    seen.push([payload, request.getStore()]);
  });
  bus.on('tick', (payload) => seen.push([payload, request.getStore()]));
  return seen;
}

/** What `watch` notes of so many ticks, each in the store of its name. */
const each = (...payloads: (string | undefined)[]) =>
  payloads.flatMap((payload) => [1, 2, 3].map(() => [payload, payload]));

const inStore = (store: string, call: () => unknown): void => void request.run(store, call);

describeEveryQueue((openQueue) => {
  it('[27] is that of the caller, for emit and post', async () => {
    const workshop = openQueue();
    const { queue } = workshop;
    const seen = watch(workshop);
    inStore('r1', () => queue.post('tick', 'r1'));
    await queue.idle();
    await request.run('r2', () => queue.emit('tick', 'r2'));
    expect(seen).toEqual(each('r1', 'r2'));
  });

  it('[27] is that of each caller, where many post in one tick', async () => {
    const workshop = openQueue();
    const { queue } = workshop;
    const seen = watch(workshop);
    for (const store of ['r1', 'r2', 'r3', 'r4']) inStore(store, () => queue.post('tick', store));
    queue.post('tick', undefined);
    inStore('r5', () => void queue.emit('tick', 'r5'));
    await queue.idle();
    expect(seen).toEqual(each('r1', 'r2', 'r3', 'r4', undefined, 'r5'));
  });

  it('[27] is that of each caller, where one that came later goes first', async () => {
    const workshop = openQueue();
    const { queue } = workshop;
    const seen = watch(workshop);
    for (const [n, store] of ['r0', 'r1', 'r2'].entries())
      inStore(store, () => queue.post('tick', store, { priority: n }));
    await queue.idle();
    expect(seen).toEqual(each('r2', 'r1', 'r0'));
  });

  it('[27] is that of each caller, where several run at a time', async () => {
    const workshop = openQueue({ concurrency: 3 });
    const { queue } = workshop;
    const seen = watch(workshop);
    for (const store of ['r1', 'r2', 'r3', 'r4', 'r5']) inStore(store, () => queue.post('tick', store));
    await queue.idle();
    expect(seen).toHaveLength(15);
    for (const [payload, store] of seen) expect(store).toBe(payload);
  });

  it('[27] is that of the caller where there is none, after one that had one', async () => {
    const workshop = openQueue();
    const { queue } = workshop;
    const seen = watch(workshop);
    inStore('r1', () => queue.post('tick', 'r1'));
    queue.post('tick', undefined);
    await queue.idle();
    queue.post('tick', undefined);
    await queue.idle();
    expect(seen).toEqual(each('r1', undefined, undefined));
  });

  it('[27] is that of the caller, where the first event of a burst is aborted or is not the one that starts', async () => {
    const workshop = openQueue();
    const { queue } = workshop;
    const seen = watch(workshop);
    const controller = new AbortController();
    const aborted = request.run('r0', () => rejectionOf(queue.emit('tick', 'r0', { signal: controller.signal })));
    inStore('r1', () => queue.post('tick', 'r1'));
    inStore('r2', () => queue.post('tick', 'r2'));
    inStore('other', () => controller.abort('enough'));
    await aborted;
    await queue.idle();
    expect(seen).toEqual(each('r1', 'r2'));
  });

  it('[27] is that of the caller after a wait for a slot that another context has freed', async () => {
    const workshop = openQueue();
    const { queue, end } = workshop;
    const seen = watch(workshop);
    inStore('r0', () => queue.post('job', 'runs'));
    inStore('r1', () => queue.post('tick', 'r1'));
    inStore('r2', () => queue.post('tick', 'r2'));
    await settled();
    await request.run('other', () => end('runs'));
    await queue.idle();
    expect(seen).toEqual(each('r1', 'r2'));
  });

  it('[27] is that of the caller after a wait for a key', async () => {
    const workshop = openQueue({ concurrency: 2 });
    const { queue, end } = workshop;
    const seen = watch(workshop);
    inStore('r0', () => queue.post('job', 'runs', { key: 'a' }));
    inStore('r1', () => queue.post('tick', 'r1', { key: 'a' }));
    await settled();
    await request.run('other', () => end('runs'));
    await queue.idle();
    expect(seen).toEqual(each('r1'));
  });

  it('[27] is that of the caller after a delay', async () => {
    const workshop = openQueue();
    const { clock, queue } = workshop;
    const seen = watch(workshop);
    inStore('r1', () => queue.post('tick', 'r1', { delayMs: 50 }));
    inStore('r2', () => queue.post('tick', 'r2', { delayMs: 20 }));
    await request.run('other', () => clock.advance(20));
    await request.run('another', () => clock.advance(30));
    await queue.idle();
    expect(seen).toEqual(each('r2', 'r1'));
  });

  it('[27] is that of the caller, whoever resumes the queue, raises its concurrency, clears or closes it', async () => {
    const workshop = openQueue({ paused: true });
    const { queue, end } = workshop;
    const seen = watch(workshop);
    inStore('r1', () => queue.post('tick', 'r1'));
    await request.run('other', async () => {
      queue.resume();
      await queue.idle();
    });
    queue.post('job', 'runs');
    inStore('r2', () => queue.post('tick', 'r2'));
    await settled();
    await request.run('other', async () => {
      queue.concurrency = 2;
      await promisesSettled();
    });
    inStore('r3', () => queue.post('tick', 'r3'));
    const close = request.run('other', () => queue.close());
    await settled();
    await end('runs');
    await close;
    expect(seen).toEqual(each('r1', 'r2', 'r3'));
  });

  it('[27] is that of the caller after a wait for room', async () => {
    const workshop = openQueue({ capacity: 1, overflow: 'wait' });
    const { queue } = workshop;
    const seen = watch(workshop);
    await Promise.all(['r1', 'r2', 'r3'].map((store) => request.run(store, () => queue.emit('tick', store))));
    expect(seen).toEqual(each('r1', 'r2', 'r3'));
  });

  it('[27] is that of the calling handler in inline emissions', async () => {
    const workshop = openQueue();
    const { bus, queue } = workshop;
    const seen = watch(workshop);
    bus.on('parent', async () => {
      await queue.emit('tick', 'r1');
      await promisesSettled();
      await request.run('nested', () => queue.emit('tick', 'nested'));
    });
    await request.run('r1', () => queue.emit('parent'));
    expect(seen).toEqual(each('r1', 'nested'));
  });

  it('[27] is that of the calling handler in inline emissions that had to wait for a key, or a delay', async () => {
    const workshop = openQueue({ concurrency: 2 });
    const { bus, clock, queue, end } = workshop;
    const seen = watch(workshop);
    bus.on('parent', async () => {
      await queue.emit('tick', 'r1', { key: 'a' });
      await queue.emit('tick', 'r1', { delayMs: 50 });
    });
    inStore('r0', () => queue.post('job', 'runs', { key: 'a' }));
    inStore('r1', () => queue.post('parent'));
    await settled();
    // Due before the other, so that the timer which fires for that is set in this context.
    inStore('r0', () => queue.post('note', 1, { delayMs: 20 }));
    await request.run('other', () => end('runs'));
    await settled();
    await request.run('another', () => clock.advance(50));
    await queue.idle();
    expect(seen).toEqual(each('r1', 'r1'));
  });

  it('[27] is that of the posting handler in what it posts', async () => {
    const workshop = openQueue();
    const { bus, queue } = workshop;
    const seen = watch(workshop);
    bus.on('parent', () => {
      queue.post('tick', 'r1');
      inStore('nested', () => queue.post('tick', 'nested'));
    });
    await request.run('r1', () => queue.emit('parent'));
    await queue.idle();
    expect(seen).toEqual(each('r1', 'nested'));
  });

  it('[27] is as it was for the caller, after the call and after its promise', async () => {
    const { queue, end } = openQueue();
    inStore('r0', () => queue.post('job', 'runs'));
    const other = request.run('r1', async () => {
      const emission = queue.emit('note', 1);
      expect(request.getStore()).toBe('r1');
      await emission;
      expect(request.getStore()).toBe('r1');
    });
    await settled();
    await request.run('r2', () => end('runs'));
    await other;
    expect(request.getStore()).toBeUndefined();
  });

  it('[27] is its own for each of many emissions whose stores alternate', async () => {
    const workshop = openQueue({ concurrency: 4 });
    const { bus, queue } = workshop;
    let wrong = 0;
    bus.on('mixed', (payload) => {
      if (request.getStore() !== payload) wrong += 1;
    });
    bus.on('mixed', async (payload) => {
      await null;
      if (request.getStore() !== payload) wrong += 1;
    });
    for (let n = 0; n < 2_000; n++) {
      const store = `r${n % 7}`;
      inStore(store, () => queue.post('mixed', store, { priority: n % 3, key: n % 5 === 0 ? 'a' : undefined }));
      if (n % 100 === 0) await promisesSettled();
    }
    await queue.idle();
    expect(wrong).toBe(0);
    expect(queue.inspect().counts.ended).toBe(2_000);
  });
});

describe('a long drain', () => {
  it('[27] keeps to the context of each caller when the event loop has had its turn', async () => {
    const { bus, queue } = openPlainQueue();
    let wrong = 0;
    let turns = 0;
    bus.on('busy', (payload) => {
      const until = performance.now() + 0.2;
      while (performance.now() < until);
      if (request.getStore() !== payload) wrong += 1;
    });
    for (let n = 0; n < 300; n++) {
      const store = `r${n % 7}`;
      inStore(store, () => queue.post('busy', store));
    }
    const count = AsyncResource.bind(() => {
      turns += 1;
      if (queue.size > 0) setImmediate(count);
    });
    setImmediate(count);
    await queue.idle();
    expect(wrong).toBe(0);
    expect(turns).toBeGreaterThan(1);
  });
});

describe('a rate', () => {
  it('[27] keeps to the context of each caller', async () => {
    const workshop = openPlainQueue({ rate: { limit: 1, intervalMs: 5 } });
    const { queue } = workshop;
    const seen = watch(workshop);
    for (const store of ['r1', 'r2', 'r3']) inStore(store, () => queue.post('tick', store));
    queue.post('tick', undefined);
    await queue.idle();
    expect(seen).toEqual(each('r1', 'r2', 'r3', undefined));
  });
});

describe('two queues', () => {
  it('[27] keep to the context of their own callers', async () => {
    const workshop = openPlainQueue();
    const { bus, queue } = workshop;
    const other = new EventQueue(bus);
    const seen = watch(workshop);
    const gate = deferred();
    bus.on('gate', () => gate.promise);
    queue.post('gate');
    inStore('r1', () => queue.post('tick', 'r1'));
    await settled();
    bus.on('opener', () => gate.resolve());
    inStore('r2', () => other.post('opener'));
    inStore('r3', () => other.post('tick', 'r3'));
    await Promise.all([queue.idle(), other.idle()]);
    expect(seen).toHaveLength(6);
    for (const [payload, store] of seen) expect(store).toBe(payload);
  });
});
