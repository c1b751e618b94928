import { afterEach, describe, expect, it, vi } from 'vitest';
import { EventBus } from '../../src/index.js';
import { EventQueue } from '../../src/queue/index.js';
import { deferred, rejectionOf } from '../bus/deferred.js';
import { stateOf } from '../bus/promise-state.js';
import { settled } from './queues.js';

const ignore = (): void => {};
const openBus = () => new EventBus({ onFailure: ignore });

describe('emissions within emissions', () => {
  it('[31] give everything back however many follow each other without being awaited', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus);
    bus.on('poll', async (left) => {
      await null;
      if (typeof left === 'number' && left > 0) void queue.emit('poll', left - 1);
    });
    queue.post('poll', 20_000);
    await queue.idle();
    expect(queue.inspect()).toMatchObject({ running: [], counts: { inline: 20_000, ended: 1 } });
  });

  it('[31] give everything back where they use up the stack', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus);
    const there = deferred();
    bus.on('a', () => void queue.emit('b', undefined, { key: {} }).catch(ignore));
    bus.on('b', () => void queue.emit('a', undefined, { key: {} }).catch(ignore));
    bus.on('ok', () => there.resolve());
    queue.post('a');
    queue.post('ok');
    await there.promise;
    await queue.idle();
    expect(queue.inspect()).toMatchObject({ running: [], keys: 0, size: 0 });
  });
});

describe('handlers that wait', () => {
  it('[32] for room are told of a deadlock where all that waits needs their key', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { capacity: 1, concurrency: 2 });
    const codes: unknown[] = [];
    bus.on('page', async () => {
      queue.post('link', 1, { key: 'k' });
      await queue.hasRoom().catch((error: { code: string }) => codes.push(error.code));
    });
    await queue.emit('page', 1, { key: 'k' });
    expect(codes).toEqual(['DEADLOCK']);
    await queue.idle();
  });

  it('[32] for room wait on where an event is going to expire', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { capacity: 1 });
    bus.on('page', async () => {
      queue.post('link', 1, { maxWaitMs: 5 });
      await queue.hasRoom();
    });
    expect(await queue.emit('page')).toMatchObject({ ok: true });
  });

  it('[32] for idleness do not wait for one that waits for their key', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { concurrency: 2 });
    bus.on('idles', () => queue.idle());
    bus.on('wants', () => queue.emit('c', 1, { key: 'k' }));
    const emissions = [queue.emit('idles', 1, { key: 'k' }), queue.emit('wants')];
    expect(await Promise.all(emissions)).toMatchObject([{ ok: true }, { ok: true }]);
  });

  it('[32] for idleness do not wait for one that waits for room', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { concurrency: 2, capacity: 1 });
    bus.on('idles', () => queue.idle());
    bus.on('fills', async () => {
      queue.post('e');
      await queue.hasRoom();
    });
    const idles = queue.emit('idles');
    await settled();
    expect(await Promise.all([idles, queue.emit('fills')])).toMatchObject([{ ok: true }, { ok: true }]);
  });
});

describe('idle', () => {
  it('[32] settles when the queue is closed with events left', async () => {
    const queue = new EventQueue(openBus(), { paused: true });
    queue.post('e');
    const idle = queue.idle();
    await queue.close();
    expect(await stateOf(idle)).toBe('fulfilled');
  });

  it('[32] does not settle while one event takes the place of another', async () => {
    const queue = new EventQueue(openBus(), { paused: true, capacity: 1, overflow: 'drop-oldest' });
    queue.post('e', 1);
    const idle = queue.idle();
    queue.post('e', 2);
    await settled();
    expect(await stateOf(idle)).toBe('pending');
  });
});

describe('an observer of what is lost', () => {
  it('[25] may clear the queue that is being cleared', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { paused: true });
    bus.observe({ dropped: () => void queue.clear() });
    for (const n of [1, 2, 3]) queue.post('e', n, { key: n % 2 });
    expect(queue.clear()).toBe(3);
    expect(queue.inspect()).toMatchObject({ size: 0, keys: 0, counts: { cleared: 3 } });
  });

  it('[25] may abort what else is being taken out', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { paused: true });
    const controller = new AbortController();
    bus.observe({ dropped: () => controller.abort() });
    const rejections = [1, 2].map((n) => rejectionOf(queue.emit('e', n, { signal: controller.signal, key: 'k' })));
    expect(await queue.close()).toMatchObject({ left: [{ payload: 1 }, { payload: 2 }] });
    expect(await Promise.all(rejections)).toMatchObject([{ code: 'QUEUE_CLOSED' }, { code: 'QUEUE_CLOSED' }]);
    expect(queue.inspect()).toMatchObject({ size: 0, counts: { left: 2, aborted: 0 } });
  });

  it('[25] may close the queue while one event takes the place of another', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { paused: true, capacity: 1, overflow: 'drop-oldest' });
    bus.observe({ dropped: () => void queue.close({ drainMs: 0 }) });
    queue.post('e', 1);
    expect(await rejectionOf(queue.emit('e', 2))).toMatchObject({ code: 'QUEUE_CLOSED' });
    expect(queue.inspect()).toMatchObject({ state: 'closed', size: 0, counts: { dropped: 1, left: 1 } });
  });

  it('[25] may post again, and never more than there is room for', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { paused: true, capacity: 2, overflow: 'drop-newest' });
    let again = 3;
    bus.observe({ dropped: () => void (again-- > 0 && queue.post('e', 'again', { priority: again })) });
    for (const n of [1, 2, 3, 4]) queue.post('e', n, { priority: n });
    expect(queue.inspect()).toMatchObject({ size: 2, blocked: 0 });
  });

  it('[32] may close the queue when an event is about to be emitted, which is unfinished then', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus);
    bus.observe({ dequeued: () => void queue.close({ drainMs: 0 }) });
    queue.post('e', 1);
    await settled();
    expect(await queue.close()).toMatchObject({ drained: false, left: [], unfinished: [{ event: 'e', payload: 1 }] });
  });
});

describe('an emission that has been given its key', () => {
  it('[32] does not start any more where the queue is closed before it does', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { concurrency: 2 });
    const gates = [deferred(), deferred()];
    const ran: string[] = [];
    let inline: Promise<unknown> | undefined;
    bus.on('holds', () => gates[0]?.promise);
    bus.on('wants', async () => {
      inline = rejectionOf(queue.emit('c', 1, { key: 'k' }));
      await gates[1]?.promise;
    });
    bus.on('c', () => void ran.push('c'));
    queue.post('holds', 1, { key: 'k' });
    queue.post('wants');
    await settled();
    gates[0]?.resolve();
    while (queue.running === 2) await null;
    await queue.close({ drainMs: 0 });
    await settled();
    gates[1]?.resolve();
    expect(await inline).toMatchObject({ code: 'QUEUE_CLOSED' });
    expect(ran).toEqual([]);
  });
});

describe('a long drain', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  /** How many events are emitted before the event loop has its turn, where each takes so many milliseconds. */
  async function eventsInARow(queue: EventQueue, bus: EventBus, costs: readonly number[]): Promise<number> {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    let done = 0;
    bus.on('work', (ms) => {
      now += ms as number;
      done++;
    });
    for (const ms of costs) queue.post('work', ms);
    await new Promise((resolve) => setImmediate(resolve));
    return done;
  }

  it('gives the event loop its turn soon where slow events follow quick ones', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus);
    for (let n = 0; n < 10_000; n++) queue.post('quick');
    await queue.idle();
    await settled();
    const slow = Array.from({ length: 300 }, () => 2);
    expect(await eventsInARow(queue, bus, slow)).toBeLessThan(12);
    await queue.idle();
  });

  it('is one too where each event is awaited before the next', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus);
    let stopped = false;
    const produce = async () => {
      while (!stopped) await queue.emit('work', 2);
    };
    let now = 0;
    let done = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    bus.on('work', (ms) => {
      now += ms as number;
      done++;
    });
    const produced = produce();
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBeLessThan(12);
    stopped = true;
    await produced;
  });

  it('gives the event loop its turn also where it has a rate', async () => {
    const bus = openBus();
    const queue = new EventQueue(bus, { rate: { limit: 1_000, intervalMs: 1_000 } });
    const slow = Array.from({ length: 300 }, () => 2);
    expect(await eventsInARow(queue, bus, slow)).toBeLessThan(12);
    await queue.idle();
  });
});
