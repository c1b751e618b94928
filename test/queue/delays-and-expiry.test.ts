import { describe, expect, it } from 'vitest';
import { AmbusError } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { stateOf } from '../bus/promise-state.js';
import { balanced, describeBothQueues, imbalance, settled } from './queues.js';

/** The longest delay that a platform's timer takes. */
const LONGEST_MS = 2_147_483_647;

/** A clock whose timers fire at once where their delay is too long, as those of the platforms do. */
class ShortClock extends ManualClock {
  override setTimeout(callback: () => void, ms: number): unknown {
    return super.setTimeout(callback, ms > LONGEST_MS ? 1 : ms);
  }
}

/** A clock that goes on within one tick, as it does while code is busy. */
class BusyClock extends ManualClock {
  busyMs = 0;

  override now(): number {
    return super.now() + this.busyMs;
  }
}

describeBothQueues((openQueue) => {
  describe('delayMs', () => {
    it('[29] has an event start so much later, and no earlier', async () => {
      const { clock, queue, noted } = openQueue();
      queue.post('note', 'posted', { delayMs: 100 });
      const emission = queue.emit('note', 'emitted', { delayMs: 100 });
      await clock.advance(99);
      expect(noted).toEqual([]);
      await clock.advance(1);
      expect(noted).toEqual(['posted', 'emitted']);
      expect(await emission).toMatchObject({ ok: true, called: 1 });
    });

    it('[29] is none where it is 0 or undefined', async () => {
      const { clock, queue, noted } = openQueue();
      queue.post('note', 1, { delayMs: 0 });
      queue.post('note', 2, { delayMs: undefined });
      expect(queue.inspect().delayed).toBe(0);
      await settled();
      expect(noted).toEqual([1, 2]);
      expect(clock.pending).toBe(0);
    });

    it('[29] counts from the call, however long the tick has taken by then', async () => {
      const clock = new BusyClock();
      const { queue, noted } = openQueue({}, { clock });
      queue.post('note', 'first');
      clock.busyMs = 100;
      queue.post('note', 'delayed', { delayMs: 50 });
      await clock.advance(49);
      expect(noted).toEqual(['first']);
      await clock.advance(1);
      expect(noted).toEqual(['first', 'delayed']);
    });

    it('[29] takes fractions of milliseconds', async () => {
      const { clock, queue, noted } = openQueue();
      queue.post('note', 1, { delayMs: 0.5 });
      await settled();
      expect(noted).toEqual([]);
      await clock.advance(0.5);
      expect(noted).toEqual([1]);
    });

    it('[29] counts the event as waiting at once', async () => {
      const { clock, queue } = openQueue();
      queue.post('note', 1, { delayMs: 100 });
      queue.post('note', 2, { delayMs: 200, key: 'a', priority: 3 });
      expect(queue.size).toBe(2);
      expect(queue.inspect()).toMatchObject({ size: 2, delayed: 2, oldestWaitMs: null, counts: { enqueued: 2 } });
      await clock.advance(100);
      expect(queue.inspect()).toMatchObject({ size: 1, delayed: 1, depths: [{ priority: 3, size: 1 }] });
    });

    it('[29] takes no slot meanwhile', async () => {
      const { queue, noted } = openQueue();
      queue.post('note', 'later', { delayMs: 100, priority: 9 });
      queue.post('note', 'now');
      await settled();
      expect(noted).toEqual(['now']);
      expect(queue.running).toBe(0);
    });

    it('[29] has an event join behind its equals that have come by then', async () => {
      const { clock, queue, started, end } = openQueue();
      queue.post('job', 'runs');
      queue.post('job', 'delayed', { delayMs: 50 });
      await clock.advance(20);
      queue.post('job', 'meanwhile');
      await clock.advance(30);
      queue.post('job', 'after');
      await end('runs', 'meanwhile', 'delayed');
      expect(started).toEqual(['runs', 'meanwhile', 'delayed', 'after']);
    });

    it('[29] has an event with a key join behind its equals that have come by then', async () => {
      const { clock, queue, started, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      queue.post('job', 'delayed', { delayMs: 50, key: 'a' });
      queue.post('job', 'meanwhile');
      queue.post('job', 'meanwhile, with a key', { key: 'b' });
      await clock.advance(50);
      queue.post('job', 'after', { key: 'c' });
      await end('runs', 'meanwhile', 'meanwhile, with a key', 'delayed');
      expect(started).toEqual(['runs', 'meanwhile', 'meanwhile, with a key', 'delayed', 'after']);
    });

    it('[29] lets it overtake lower priorities when it is due', async () => {
      const { clock, queue, started, end } = openQueue();
      queue.post('job', 'runs');
      queue.post('job', 'waits');
      queue.post('job', 'delayed', { delayMs: 50, priority: 1 });
      await clock.advance(50);
      await end('runs');
      expect(started).toEqual(['runs', 'delayed']);
    });

    it('[29] has events become due by their time, and those of one time as they came', async () => {
      const { clock, queue, noted } = openQueue();
      for (const [note, delayMs] of [
        ['c', 30],
        ['a', 10],
        ['b1', 20],
        ['b2', 20],
        ['b3', 20],
      ] as const) {
        queue.post('note', note, { delayMs });
      }
      await clock.advance(10);
      queue.post('note', 'b4', { delayMs: 10 });
      await clock.advance(100);
      expect(noted).toEqual(['a', 'b1', 'b2', 'b3', 'b4', 'c']);
    });

    it('[29] has events of one time leave by priority', async () => {
      const { clock, queue, noted } = openQueue();
      for (const priority of [0, 2, 1]) queue.post('note', priority, { delayMs: 10, priority });
      await clock.advance(10);
      expect(noted).toEqual([2, 1, 0]);
    });

    it('[29] is kept by many events, each at its own time', async () => {
      const { clock, queue, bus } = openQueue({ concurrency: Infinity });
      const late: number[] = [];
      bus.on('due', (at) => late.push(clock.now() - (at as number)));
      for (let n = 0; n < 500; n++) queue.post('due', (n * 37) % 101, { delayMs: (n * 37) % 101 });
      await clock.advance(101);
      expect(late).toHaveLength(500);
      expect(new Set(late)).toEqual(new Set([0]));
    });

    it('[29] has it join the lane of its key when it is due, and raise it only then', async () => {
      const { clock, queue, started, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      queue.post('job', 'a-late', { key: 'a', delayMs: 50, priority: 5 });
      queue.post('job', 'a1', { key: 'a' });
      queue.post('job', 'x', { priority: 1 });
      await end('runs');
      expect(started).toEqual(['runs', 'x']);
      await clock.advance(50);
      queue.post('job', 'y', { priority: 2 });
      await end('x', 'a1', 'a-late');
      expect(started).toEqual(['runs', 'x', 'a1', 'a-late', 'y']);
    });

    it('[29] does not hold the key meanwhile', async () => {
      const { clock, queue, noted } = openQueue();
      queue.post('note', 'a-late', { key: 'a', delayMs: 50 });
      queue.post('note', 'a-now', { key: 'a' });
      await clock.advance(50);
      expect(noted).toEqual(['a-now', 'a-late']);
    });

    it('[29] passes while the queue is paused', async () => {
      const { clock, queue, noted } = openQueue({ paused: true });
      queue.post('note', 'delayed', { delayMs: 50 });
      await clock.advance(50);
      expect(queue.inspect()).toMatchObject({ size: 1, delayed: 0 });
      queue.post('note', 'after');
      expect(noted).toEqual([]);
      queue.resume();
      await queue.idle();
      expect(noted).toEqual(['delayed', 'after']);
    });

    it('[29] leaves no timer when nothing is delayed any more', async () => {
      const { clock, queue } = openQueue();
      const controller = new AbortController();
      const rejections = [10, 20, 30].map((delayMs) =>
        rejectionOf(queue.emit('note', delayMs, { delayMs, signal: controller.signal })),
      );
      controller.abort('enough');
      expect(await Promise.all(rejections)).toEqual(['enough', 'enough', 'enough']);
      expect(clock.pending).toBe(0);
      queue.post('note', 1, { delayMs: 10 });
      queue.clear();
      expect(clock.pending).toBe(0);
      queue.post('note', 1, { delayMs: 10 });
      await clock.advance(10);
      expect(clock.pending).toBe(0);
    });

    it('[29] may be longer than a timer takes', async () => {
      const clock = new ShortClock();
      const { queue, noted } = openQueue({}, { clock });
      queue.post('note', 'late', { delayMs: LONGEST_MS + 100 });
      await clock.advance(LONGEST_MS + 99);
      expect(noted).toEqual([]);
      await clock.advance(1);
      expect(noted).toEqual(['late']);
    });
  });

  describe('maxWaitMs', () => {
    it('[29] has an event that waited longer leave, and its emit reject with EXPIRED', async () => {
      const { clock, queue, started, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      const emission = queue.emit('order.placed', 1, { maxWaitMs: 100 });
      const rejection = rejectionOf(emission);
      await clock.advance(99);
      expect(await stateOf(emission)).toBe('pending');
      await clock.advance(1);
      const error = await rejection;
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).toMatchObject({ code: 'EXPIRED' });
      expect((error as AmbusError).message).toContain('order.placed');
      expect((error as AmbusError).message).toContain('100');
      expect(queue.size).toBe(0);
      await end('runs');
      expect(started).toEqual(['runs']);
      expect(queue.inspect().counts).toMatchObject({ enqueued: 2, started: 1, expired: 1 });
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[29] has one that was posted reported to onFailure, once', async () => {
      const { clock, queue, reports } = openQueue({ paused: true });
      expect(queue.post('note', 1, { maxWaitMs: 100 })).toBe(true);
      await clock.advance(1_000);
      expect(reports).toHaveLength(1);
      expect(reports[0]).toBeInstanceOf(AmbusError);
      expect(reports[0]).toMatchObject({ code: 'EXPIRED' });
      expect(queue.inspect().counts.expired).toBe(1);
    });

    it('[29] has an emission whose promise rejects not reported as well', async () => {
      const { clock, queue, reports } = openQueue({ paused: true });
      const rejection = rejectionOf(queue.emit('note', 1, { maxWaitMs: 100 }));
      await clock.advance(100);
      expect(await rejection).toMatchObject({ code: 'EXPIRED' });
      expect(reports).toEqual([]);
    });

    it("[29] is the queue's unless the event has its own", async () => {
      const { clock, queue, reports, noted } = openQueue({ paused: true, maxWaitMs: 100 });
      queue.post('note', 'queue');
      queue.post('note', 'undefined', { maxWaitMs: undefined });
      queue.post('note', 'shorter', { maxWaitMs: 50 });
      queue.post('note', 'longer', { maxWaitMs: 200 });
      queue.post('note', 'for ever', { maxWaitMs: Infinity });
      const sizes: number[] = [];
      for (let n = 0; n < 4; n++) {
        await clock.advance(50);
        sizes.push(queue.size);
      }
      expect(sizes).toEqual([4, 2, 2, 1]);
      expect(reports).toHaveLength(4);
      queue.resume();
      await queue.idle();
      expect(noted).toEqual(['for ever']);
    });

    it('[29] is none unless told otherwise', async () => {
      const { clock, queue, noted } = openQueue({ paused: true });
      queue.post('note', 1);
      await clock.advance(1_000_000_000);
      queue.resume();
      await queue.idle();
      expect(noted).toEqual([1]);
    });

    it('[29] counts from when the delay is over', async () => {
      const { clock, queue, reports } = openQueue({ paused: true });
      queue.post('note', 1, { delayMs: 1_000, maxWaitMs: 100 });
      await clock.advance(1_099);
      expect(reports).toEqual([]);
      await clock.advance(1);
      expect(reports).toMatchObject([{ code: 'EXPIRED' }]);
    });

    it('[29] counts from the call, however long the tick has taken by then', async () => {
      const clock = new BusyClock();
      const { queue, reports } = openQueue({}, { clock });
      queue.post('job', 'first');
      clock.busyMs = 100;
      queue.post('note', 'expires', { maxWaitMs: 50 });
      await clock.advance(49);
      expect(reports).toEqual([]);
      await clock.advance(1);
      expect(reports).toMatchObject([{ code: 'EXPIRED' }]);
    });

    it('[29] has what it took out posted again by who hears of it', async () => {
      const { bus, clock, queue } = openQueue({ paused: true, capacity: 1 });
      let rounds = 0;
      bus.observe({ dropped: () => rounds++ < 3 && queue.post('note', rounds, { maxWaitMs: 10 }) });
      queue.post('note', 0, { maxWaitMs: 10 });
      await clock.advance(100);
      expect(rounds).toBe(4);
      expect(queue.inspect().counts).toMatchObject({ enqueued: 4, expired: 4, rejected: 0 });
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[29] counts no more when the event has started', async () => {
      const { clock, queue, reports, end } = openQueue();
      const emission = queue.emit('job', 1, { maxWaitMs: 100 });
      await clock.advance(1_000);
      await end(1);
      expect(await emission).toMatchObject({ ok: true });
      expect(reports).toEqual([]);
      expect(clock.pending).toBe(0);
    });

    it('[29] holds for those that wait for their key, and lets the lane go on', async () => {
      const { clock, queue, started, reports, end } = openQueue({ concurrency: 2 });
      queue.post('job', 'a1', { key: 'a' });
      queue.post('job', 'a2', { key: 'a', maxWaitMs: 100 });
      queue.post('job', 'a3', { key: 'a' });
      await clock.advance(100);
      expect(reports).toMatchObject([{ code: 'EXPIRED' }]);
      await end('a1');
      expect(started).toEqual(['a1', 'a3']);
    });

    it('[29] makes room', async () => {
      const { clock, queue } = openQueue({ paused: true, capacity: 1 });
      queue.post('note', 1, { maxWaitMs: 100 });
      expect(queue.post('note', 2)).toBe(false);
      await clock.advance(100);
      expect(queue.post('note', 3)).toBe(true);
    });

    it('[29] has the order of the others stay as it is', async () => {
      const { clock, queue, noted } = openQueue({ paused: true });
      for (let n = 0; n < 12; n++) queue.post('note', n, n % 3 === 0 ? { maxWaitMs: 10 + n } : {});
      await clock.advance(100);
      expect(queue.size).toBe(8);
      queue.resume();
      await queue.idle();
      expect(noted).toEqual([1, 2, 4, 5, 7, 8, 10, 11]);
    });

    it('[29] leaves no timer when nothing waits any more', async () => {
      const { clock, queue } = openQueue({ maxWaitMs: 100 });
      for (let n = 0; n < 10; n++) queue.post('note', n);
      await queue.idle();
      expect(clock.pending).toBe(0);
      queue.pause();
      for (let n = 0; n < 10; n++) queue.post('note', n);
      queue.clear();
      expect(clock.pending).toBe(0);
    });
  });
});
