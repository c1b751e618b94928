import { beforeEach, describe, expect, it } from 'vitest';
import { AmbusError, type Dropped } from '../../src/index.js';
import type { QueueOverflow } from '../../src/queue/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { stateOf } from '../bus/promise-state.js';
import { balanced, imbalance, openQueue, randomNumbers, settled, stopTimeSlices } from './queues.js';

beforeEach(stopTimeSlices);

const POLICIES: readonly QueueOverflow[] = ['reject', 'wait', 'drop-oldest', 'drop-newest'];

/** What became of promises by now: the code with which they rejected, or the state that they are in. */
const fates = (promises: readonly Promise<unknown>[]): Promise<unknown[]> =>
  Promise.all(
    promises.map(async (promise) => {
      promise.catch(() => {});
      const state = await stateOf(promise);
      return state === 'rejected' ? ((await rejectionOf(promise)) as AmbusError).code : state;
    }),
  );

describe('capacity', () => {
  it('[30] has no limit unless told otherwise', () => {
    const { queue } = openQueue({ paused: true });
    expect(queue.capacity).toBe(Infinity);
    for (let n = 0; n < 10_000; n++) expect(queue.post('note', n)).toBe(true);
    expect(queue.size).toBe(10_000);
  });

  it('[30] refuses what finds no room, unless told otherwise', async () => {
    const { queue } = openQueue({ paused: true, capacity: 1 });
    expect(queue.capacity).toBe(1);
    expect(queue.inspect().overflow).toBe('reject');
    queue.post('note', 1);
    expect(await rejectionOf(queue.emit('note', 2))).toMatchObject({ code: 'QUEUE_FULL' });
  });

  it.each(POLICIES)('[30] bounds what waits, and not what runs, under %s', async (overflow) => {
    const { queue, started, end } = openQueue({ capacity: 2, concurrency: 2, overflow });
    for (const job of ['a', 'b']) expect(queue.post('job', job)).toBe(true);
    await settled();
    expect(queue.size).toBe(0);
    for (const job of ['c', 'd']) expect(queue.post('job', job)).toBe(true);
    await settled();
    expect([queue.size, queue.running]).toEqual([2, 2]);
    await end('a', 'b', 'c', 'd');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    expect(queue.inspect().counts).toMatchObject({ started: 4, rejected: 0, dropped: 0 });
  });

  it('[30] holds for a burst of one tick, though slots are free', async () => {
    const { queue, noted } = openQueue({ capacity: 2, concurrency: 5 });
    expect([1, 2, 3].map((n) => queue.post('note', n))).toEqual([true, true, false]);
    await queue.idle();
    expect(noted).toEqual([1, 2]);
  });

  it('[30] counts delayed events, and those that wait for their key', async () => {
    const { queue } = openQueue({ capacity: 2, concurrency: 3 });
    queue.post('job', 'a1', { key: 'a' });
    await settled();
    expect(queue.post('job', 'a2', { key: 'a' })).toBe(true);
    await settled();
    expect(queue.post('note', 1, { delayMs: 100 })).toBe(true);
    expect(queue.size).toBe(2);
    expect(queue.post('note', 2)).toBe(false);
  });

  it('[30] has room again when an event has started, was aborted, or taken out', async () => {
    const { queue, started, end } = openQueue({ capacity: 1 });
    queue.post('job', 'a');
    await settled();
    const controller = new AbortController();
    const rejection = rejectionOf(queue.emit('job', 'b', { signal: controller.signal }));
    expect(queue.post('job', 'refused')).toBe(false);
    controller.abort('enough');
    expect(await rejection).toBe('enough');
    expect(queue.post('job', 'c')).toBe(true);
    expect(queue.post('job', 'refused')).toBe(false);
    await end('a');
    expect(queue.post('job', 'd')).toBe(true);
    expect(queue.post('job', 'refused')).toBe(false);
    queue.clear();
    expect(queue.post('job', 'e')).toBe(true);
    await end('c', 'e');
    expect(started).toEqual(['a', 'c', 'e']);
  });
});

describe('reject', () => {
  it('[30] rejects emit with QUEUE_FULL, which names queue, event and capacity, and has post answer false', async () => {
    const { queue } = openQueue({ name: 'orders', paused: true, capacity: 3 });
    for (const n of [1, 2, 3]) queue.post('note', n);
    const error = await rejectionOf(queue.emit('order.placed', 4));
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toMatchObject({ code: 'QUEUE_FULL' });
    for (const part of ['orders', 'order.placed', '3']) expect((error as AmbusError).message).toContain(part);
    expect(queue.post('order.placed', 5)).toBe(false);
  });

  it('[30] leaves alone what waits, whatever the priority of the new one', async () => {
    const { queue, noted } = openQueue({ paused: true, capacity: 2 });
    for (const n of [1, 2]) queue.post('note', n);
    expect(queue.post('note', 3, { priority: 9 })).toBe(false);
    queue.resume();
    await queue.idle();
    expect(noted).toEqual([1, 2]);
  });

  it('[30] counts what it refuses as rejected, and reports nothing', async () => {
    const { queue, reports } = openQueue({ paused: true, capacity: 1 });
    queue.post('note', 1);
    queue.post('note', 2);
    await rejectionOf(queue.emit('note', 3));
    expect(queue.inspect().counts).toMatchObject({ enqueued: 1, rejected: 2, dropped: 0 });
    expect(imbalance(queue.inspect())).toEqual(balanced);
    await settled();
    expect(reports).toEqual([]);
  });
});

describe('wait', () => {
  const waiting = { overflow: 'wait' } as const;

  it('[30] has emit wait until there is room', async () => {
    const { queue, started, end } = openQueue({ ...waiting, capacity: 1 });
    const emissions = ['a', 'b', 'c', 'd'].map((job) => queue.emit('job', job));
    expect(queue.size).toBe(1);
    await settled();
    expect(started).toEqual(['a']);
    expect(queue.inspect()).toMatchObject({ size: 1, blocked: 2, counts: { enqueued: 4, rejected: 0 } });
    await end('a');
    expect(queue.inspect()).toMatchObject({ size: 1, blocked: 1 });
    await end('b', 'c', 'd');
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    expect(await Promise.all(emissions)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }, { ok: true }]);
    expect(queue.inspect()).toMatchObject({ size: 0, blocked: 0 });
  });

  it('[30] has post answer false, and counts that as rejected', async () => {
    const { queue, reports, noted } = openQueue({ ...waiting, paused: true, capacity: 1 });
    expect(queue.post('note', 1)).toBe(true);
    expect(queue.post('note', 2)).toBe(false);
    expect(queue.inspect()).toMatchObject({ size: 1, blocked: 0, counts: { enqueued: 1, rejected: 1 } });
    void queue.emit('note', 3);
    expect(queue.post('note', 4, { priority: 9 })).toBe(false);
    queue.resume();
    await queue.idle();
    expect(noted).toEqual([1, 3]);
    expect(reports).toEqual([]);
  });

  it('[30] gives those that wait for room their place in the one order', async () => {
    const { queue, noted } = openQueue({ ...waiting, paused: true, capacity: 2 });
    queue.post('note', 'in0');
    queue.post('note', 'in1', { priority: 1 });
    for (const [note, priority] of [
      ['b0', 0],
      ['b2', 2],
      ['b1', 1],
      ['b-1', -1],
    ] as const) {
      void queue.emit('note', note, { priority });
    }
    expect(queue.inspect()).toMatchObject({ size: 2, blocked: 4 });
    queue.resume();
    await queue.idle();
    expect(noted).toEqual(['b2', 'in1', 'b1', 'in0', 'b0', 'b-1']);
  });

  it('[30] keeps keys in order among those that wait for room', async () => {
    const { queue, started, end } = openQueue({ ...waiting, concurrency: 2, capacity: 1 });
    for (const job of ['a1', 'a2', 'a3']) void queue.emit('job', job, { key: 'a' });
    void queue.emit('job', 'x');
    void queue.emit('job', 'a4', { key: 'a', priority: 9 });
    await settled();
    expect(started).toEqual(['a1', 'x']);
    await end('a1', 'x', 'a2', 'a3');
    expect(started).toEqual(['a1', 'x', 'a2', 'a3', 'a4']);
  });

  it('[30] lets one that waits for room be aborted', async () => {
    const { queue, noted } = openQueue({ ...waiting, paused: true, capacity: 1 });
    const controller = new AbortController();
    queue.post('note', 1);
    const rejection = rejectionOf(queue.emit('note', 2, { signal: controller.signal }));
    void queue.emit('note', 3);
    controller.abort('enough');
    expect(await rejection).toBe('enough');
    expect(queue.inspect()).toMatchObject({ size: 1, blocked: 1, counts: { aborted: 1 } });
    expect(imbalance(queue.inspect())).toEqual(balanced);
    queue.resume();
    await queue.idle();
    expect(noted).toEqual([1, 3]);
  });

  it('[30] lets one that waits for room move up when one that is in is aborted', async () => {
    const { queue } = openQueue({ ...waiting, paused: true, capacity: 1 });
    const controller = new AbortController();
    const rejection = rejectionOf(queue.emit('note', 1, { signal: controller.signal }));
    void queue.emit('note', 2);
    controller.abort('enough');
    await rejection;
    expect(queue.inspect()).toMatchObject({ size: 1, blocked: 0 });
    expect(queue.post('note', 3)).toBe(false);
  });

  it('[30] has those that wait for room expire like others', async () => {
    const { clock, queue } = openQueue({ ...waiting, paused: true, capacity: 1 });
    queue.post('note', 1);
    const rejection = rejectionOf(queue.emit('note', 2, { maxWaitMs: 100 }));
    await clock.advance(100);
    expect(await rejection).toMatchObject({ code: 'EXPIRED' });
    expect(queue.inspect()).toMatchObject({ size: 1, blocked: 0, counts: { expired: 1 } });
    expect(imbalance(queue.inspect())).toEqual(balanced);
  });

  it('[30] has delayed ones wait for room too', async () => {
    const { clock, queue, noted } = openQueue({ ...waiting, paused: true, capacity: 1 });
    queue.post('note', 1);
    void queue.emit('note', 2, { delayMs: 100 });
    expect(queue.inspect()).toMatchObject({ size: 1, blocked: 1, delayed: 1 });
    queue.resume();
    await settled();
    expect(noted).toEqual([1]);
    expect(queue.inspect()).toMatchObject({ size: 1, blocked: 0, delayed: 1 });
    await clock.advance(100);
    expect(noted).toEqual([1, 2]);
  });

  it('[30] has those that wait for room cleared too', async () => {
    const { queue } = openQueue({ ...waiting, paused: true, capacity: 1 });
    const emissions = [1, 2, 3].map((n) => queue.emit('note', n));
    const cleared = fates(emissions);
    expect(queue.clear()).toBe(3);
    expect(await cleared).toEqual(['QUEUE_CLEARED', 'QUEUE_CLEARED', 'QUEUE_CLEARED']);
    expect(queue.inspect()).toMatchObject({ size: 0, blocked: 0, counts: { cleared: 3 } });
  });

  it('[30] serves many who wait for room, and loses none', async () => {
    const { queue, noted } = openQueue({ ...waiting, concurrency: 3, capacity: 2 });
    const results = await Promise.all(Array.from({ length: 500 }, (_, n) => queue.emit('note', n)));
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect(noted).toEqual(Array.from({ length: 500 }, (_, n) => n));
  });
});

describe('drop-oldest', () => {
  const dropping = { overflow: 'drop-oldest', paused: true } as const;

  it('[30] drops the oldest of those that wait, for the new one', async () => {
    const { queue, noted } = openQueue({ ...dropping, capacity: 2 });
    const emissions = [1, 2, 3, 4].map((n) => queue.emit('note', n));
    expect(await fates(emissions)).toEqual(['QUEUE_FULL', 'QUEUE_FULL', 'pending', 'pending']);
    expect(queue.inspect()).toMatchObject({ size: 2, counts: { enqueued: 4, dropped: 2, rejected: 0 } });
    expect(imbalance(queue.inspect())).toEqual(balanced);
    queue.resume();
    await queue.idle();
    expect(noted).toEqual([3, 4]);
  });

  it('[30] drops the oldest of the lowest priority that waits', async () => {
    const { queue, noted } = openQueue({ ...dropping, capacity: 4 });
    queue.post('note', 'b1', { priority: 2 });
    queue.post('note', 'a1', { priority: 1 });
    queue.post('note', 'a2', { priority: 1 });
    queue.post('note', 'b2', { priority: 2 });
    expect(queue.post('note', 'a3', { priority: 1 })).toBe(true);
    expect(queue.post('note', 'c1', { priority: 3 })).toBe(true);
    queue.resume();
    await queue.idle();
    expect(noted).toEqual(['c1', 'b1', 'b2', 'a3']);
  });

  it('[30] goes by the priority of each event, and not by that of its lane', async () => {
    const { queue, noted } = openQueue({ ...dropping, capacity: 3 });
    queue.post('note', 'a0', { key: 'a' });
    queue.post('note', 'a5', { key: 'a', priority: 5 });
    queue.post('note', 'x1', { priority: 1 });
    expect(queue.post('note', 'y2', { priority: 2 })).toBe(true);
    queue.resume();
    await queue.idle();
    expect(noted).toEqual(['a5', 'y2', 'x1']);
  });

  it('[30] drops an event that waits for its key, and leaves the rest of the lane in order', async () => {
    const { queue, started, end } = openQueue({ overflow: 'drop-oldest', capacity: 2 });
    for (const job of ['a1', 'a2', 'a3']) {
      queue.post('job', job, { key: 'a' });
      await settled();
    }
    expect(queue.post('job', 'a4', { key: 'a' })).toBe(true);
    await end('a1', 'a3', 'a4');
    expect(started).toEqual(['a1', 'a3', 'a4']);
  });

  it('[30] drops delayed events as well, and their timers', async () => {
    const { clock, queue } = openQueue({ ...dropping, capacity: 1 });
    const delayed = queue.emit('note', 1, { delayMs: 100 });
    const rejection = rejectionOf(delayed);
    expect(queue.post('note', 2)).toBe(true);
    expect(await rejection).toMatchObject({ code: 'QUEUE_FULL' });
    expect(queue.inspect()).toMatchObject({ size: 1, delayed: 0 });
    expect(clock.pending).toBe(0);
  });

  it('[30] does not drop what was aborted once more', async () => {
    const { queue, noted } = openQueue({ ...dropping, capacity: 2 });
    const controller = new AbortController();
    const aborted = rejectionOf(queue.emit('note', 1, { signal: controller.signal }));
    queue.post('note', 2);
    controller.abort('enough');
    expect(await aborted).toBe('enough');
    queue.post('note', 3);
    expect(queue.inspect().counts).toMatchObject({ aborted: 1, dropped: 0 });
    queue.post('note', 4);
    expect(queue.inspect().counts).toMatchObject({ aborted: 1, dropped: 1 });
    queue.resume();
    await queue.idle();
    expect(noted).toEqual([3, 4]);
  });

  it('[30] does not drop what runs', async () => {
    const { queue, started, end } = openQueue({ overflow: 'drop-oldest', capacity: 1 });
    const emission = queue.emit('job', 'runs', { priority: -1 });
    await settled();
    for (const job of ['a', 'b', 'c']) queue.post('job', job);
    await end('runs', 'c');
    expect(await emission).toMatchObject({ ok: true });
    expect(started).toEqual(['runs', 'c']);
  });

  it('[30] reports nothing of a posted event that it drops, but tells observers', async () => {
    const { bus, queue, reports } = openQueue({ ...dropping, name: 'orders', capacity: 1 });
    const facts: Dropped[] = [];
    bus.observe({ dropped: (fact) => facts.push(fact) });
    queue.post('note', 1);
    queue.post('note', 2);
    await settled();
    expect(reports).toEqual([]);
    expect(facts).toMatchObject([{ type: 'note', payload: 1, queue: 'orders', error: { code: 'QUEUE_FULL' } }]);
    expect(queue.inspect().counts).toMatchObject({ dropped: 1, rejected: 0 });
  });
});

describe('drop-newest', () => {
  const dropping = { overflow: 'drop-newest', paused: true } as const;

  it('[30] refuses the new one among its equals', async () => {
    const { queue, noted } = openQueue({ ...dropping, capacity: 2 });
    const emissions = [1, 2, 3].map((n) => queue.emit('note', n));
    expect(queue.post('note', 4)).toBe(false);
    expect(await fates(emissions)).toEqual(['pending', 'pending', 'QUEUE_FULL']);
    expect(queue.inspect()).toMatchObject({ size: 2, counts: { enqueued: 2, dropped: 0, rejected: 2 } });
    queue.resume();
    await queue.idle();
    expect(noted).toEqual([1, 2]);
  });

  it('[30] drops the newest of the lowest priority for one of a higher', async () => {
    const { queue, noted } = openQueue({ ...dropping, capacity: 4 });
    queue.post('note', 'b1', { priority: 2 });
    queue.post('note', 'a1', { priority: 1 });
    const newest = rejectionOf(queue.emit('note', 'a2', { priority: 1 }));
    queue.post('note', 'b2', { priority: 2 });
    expect(queue.post('note', 'b3', { priority: 2 })).toBe(true);
    expect(await newest).toMatchObject({ code: 'QUEUE_FULL' });
    expect(queue.inspect().counts).toMatchObject({ enqueued: 5, dropped: 1, rejected: 0 });
    queue.resume();
    await queue.idle();
    expect(noted).toEqual(['b1', 'b2', 'b3', 'a1']);
  });

  it('[30] goes by the priority of each event, and not by that of its lane', async () => {
    const { queue, noted } = openQueue({ ...dropping, capacity: 3 });
    queue.post('note', 'a5', { key: 'a', priority: 5 });
    queue.post('note', 'a0', { key: 'a' });
    queue.post('note', 'x1', { priority: 1 });
    expect(queue.post('note', 'y1', { priority: 1 })).toBe(true);
    queue.resume();
    await queue.idle();
    expect(noted).toEqual(['a5', 'x1', 'y1']);
  });

  it('[30] does not drop what was aborted once more', async () => {
    const { queue, noted } = openQueue({ ...dropping, capacity: 3 });
    const controller = new AbortController();
    queue.post('note', 1);
    queue.post('note', 2);
    const aborted = rejectionOf(queue.emit('note', 3, { signal: controller.signal }));
    controller.abort('enough');
    expect(await aborted).toBe('enough');
    queue.post('note', 4, { priority: 1 });
    expect(queue.inspect().counts).toMatchObject({ aborted: 1, dropped: 0 });
    queue.post('note', 5, { priority: 1 });
    expect(queue.inspect().counts).toMatchObject({ aborted: 1, dropped: 1 });
    queue.resume();
    await queue.idle();
    expect(noted).toEqual([4, 5, 1]);
  });

  it('[30] drops delayed events as well, and their timers', async () => {
    const { clock, queue } = openQueue({ ...dropping, capacity: 1 });
    const rejection = rejectionOf(queue.emit('note', 1, { delayMs: 100 }));
    expect(queue.post('note', 2)).toBe(false);
    expect(queue.post('note', 3, { priority: 1 })).toBe(true);
    expect(await rejection).toMatchObject({ code: 'QUEUE_FULL' });
    expect(queue.inspect()).toMatchObject({ size: 1, delayed: 0 });
    expect(clock.pending).toBe(0);
  });
});

describe.each(['drop-oldest', 'drop-newest'] as const)('%s', (overflow) => {
  it('[30] drops nothing for an event of a priority lower than all that wait', async () => {
    const { queue, noted, reports } = openQueue({ overflow, paused: true, capacity: 2 });
    queue.post('note', 1);
    queue.post('note', 2, { priority: 1 });
    expect(await rejectionOf(queue.emit('note', 3, { priority: -1 }))).toMatchObject({ code: 'QUEUE_FULL' });
    expect(queue.post('note', 4, { priority: -1 })).toBe(false);
    expect(queue.inspect().counts).toMatchObject({ enqueued: 2, dropped: 0, rejected: 2 });
    queue.resume();
    await queue.idle();
    expect(noted).toEqual([2, 1]);
    expect(reports).toEqual([]);
  });

  it('[30] drops none where there is room', async () => {
    const { queue, noted } = openQueue({ overflow, paused: true, capacity: 3 });
    expect([1, 2, 3].map((n) => queue.post('note', n))).toEqual([true, true, true]);
    queue.resume();
    await queue.idle();
    expect(noted).toEqual([1, 2, 3]);
    expect(queue.inspect().counts).toMatchObject({ dropped: 0, rejected: 0 });
  });

  it('[30] forgets the signal and the time limit of what it drops', async () => {
    const { clock, queue, reports } = openQueue({ overflow, paused: true, capacity: 1 });
    const controller = new AbortController();
    queue.post('note', 1, { signal: controller.signal, maxWaitMs: 100 });
    queue.post('note', 2, { priority: 1 });
    expect(queue.inspect().counts.dropped).toBe(1);
    controller.abort('enough');
    await clock.advance(100);
    expect(reports).toEqual([]);
    expect(queue.inspect().counts).toMatchObject({ dropped: 1, aborted: 0, expired: 0 });
  });

  it('[30] keeps the order of what is left when the one that runs drops another', async () => {
    const { bus, queue, noted } = openQueue({ overflow, capacity: 2 });
    bus.on('flood', () => [1, 2, 3, 4].map((n) => queue.post('note', n)));
    queue.post('flood');
    await queue.idle();
    expect(noted).toEqual(overflow === 'drop-oldest' ? [3, 4] : [1, 2]);
  });
});

describe.each(['reject', 'drop-oldest', 'drop-newest'] as const)('%s', (overflow) => {
  it('[30] keeps what a plain list would, over random events that come, leave and are aborted', async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = randomNumbers(seed);
      const capacity = 1 + Math.floor(random() * 6);
      const { queue, noted } = openQueue({ overflow, capacity, paused: true });
      let list: { n: number; priority: number; controller: AbortController }[] = [];
      const counts = { enqueued: 0, dropped: 0, rejected: 0, aborted: 0, cleared: 0 };

      for (let n = 0; n < 60; n++) {
        const priority = Math.floor(random() * 3);
        const controller = new AbortController();
        const incoming = { n, priority, controller };
        const key = random() < 0.3 ? 'a' : undefined;
        const delayMs = random() < 0.1 ? 1_000 : 0;
        const accepted = queue.post('note', n, { priority, key, delayMs, signal: controller.signal });

        if (list.length < capacity) {
          list.push(incoming);
        } else if (overflow !== 'reject') {
          const lowest = Math.min(...list.map((each) => each.priority), priority);
          const candidates = [...list, incoming].filter((each) => each.priority === lowest);
          const victim = overflow === 'drop-oldest' ? candidates[0] : candidates.at(-1);
          if (victim !== incoming) counts.dropped += 1;
          list = [...list, incoming].filter((each) => each !== victim);
        }
        expect(accepted).toBe(list.includes(incoming));
        counts[list.includes(incoming) ? 'enqueued' : 'rejected'] += 1;

        if (random() < 0.15 && list.length > 0) {
          const [gone] = list.splice(Math.floor(random() * list.length), 1);
          gone?.controller.abort();
          counts.aborted += 1;
        }
        expect(queue.size).toBe(list.length);
        if (random() < 0.03) {
          counts.cleared += list.length;
          expect(queue.clear()).toBe(list.length);
          list = [];
        }
      }
      expect(queue.inspect().counts).toMatchObject(counts);
      expect(imbalance(queue.inspect())).toEqual(balanced);
      const left = await queue.close({ drainMs: 0 });
      expect(left.left.map(({ payload }) => payload)).toEqual(list.map(({ n }) => n));
      expect(noted).toEqual([]);
    }
  });
});
