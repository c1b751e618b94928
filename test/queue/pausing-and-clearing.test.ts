import { describe, expect, it } from 'vitest';
import { AmbusError, type Dropped } from '../../src/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { stateOf } from '../bus/promise-state.js';
import { balanced, describeBothQueues, imbalance, settled } from './queues.js';

describeBothQueues((openQueue) => {
  describe('pause', () => {
    it('[32] has nothing start until resume, and lets what runs go on', async () => {
      const { queue, started, end } = openQueue({ concurrency: 2 });
      expect(queue.paused).toBe(false);
      queue.post('job', 'runs');
      await settled();
      queue.pause();
      expect(queue.paused).toBe(true);
      expect(queue.inspect().paused).toBe(true);
      expect(queue.post('job', 'a')).toBe(true);
      queue.post('job', 'b', { priority: 1 });
      await settled();
      await end('runs');
      expect(started).toEqual(['runs']);
      expect([queue.size, queue.running]).toEqual([2, 0]);
      queue.resume();
      expect(queue.paused).toBe(false);
      await settled();
      expect(started).toEqual(['runs', 'b', 'a']);
    });

    it('[32] may be how a queue starts', async () => {
      const { queue, noted } = openQueue({ paused: true });
      expect(queue.paused).toBe(true);
      for (const [n, priority] of [0, 2, 1].entries()) queue.post('note', n, { priority });
      await settled();
      expect(noted).toEqual([]);
      queue.resume();
      await queue.idle();
      expect(noted).toEqual([1, 2, 0]);
    });

    it('[32] starts nothing in the call of resume itself', async () => {
      const { queue, noted } = openQueue({ paused: true });
      queue.post('note', 1);
      queue.resume();
      expect(noted).toEqual([]);
      queue.post('note', 2, { priority: 1 });
      await queue.idle();
      expect(noted).toEqual([2, 1]);
    });

    it('[32] holds for what was posted in the same tick', async () => {
      const { queue, noted } = openQueue();
      queue.post('note', 1);
      queue.pause();
      await settled();
      expect(noted).toEqual([]);
    });

    it('[32] holds at once for what would start next, where a handler pauses', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: Infinity });
      bus.on('note', (note) => note === 2 && queue.pause());
      for (const note of [1, 2, 3, 4]) queue.post('note', note);
      await settled();
      expect(noted).toEqual([1, 2]);
      queue.resume();
      await queue.idle();
      expect(noted).toEqual([1, 2, 3, 4]);
    });

    it('[32] may be said twice, and so may resume', async () => {
      const { queue, noted } = openQueue();
      queue.resume();
      queue.pause();
      queue.pause();
      queue.post('note', 1);
      queue.resume();
      await queue.idle();
      queue.resume();
      queue.post('note', 2);
      await queue.idle();
      expect(noted).toEqual([1, 2]);
    });

    it('[32] is not ended by a higher concurrency', async () => {
      const { queue, noted } = openQueue({ paused: true });
      queue.post('note', 1);
      queue.concurrency = 5;
      await settled();
      expect(noted).toEqual([]);
    });

    it('[32] does not hold back emissions that run inline', async () => {
      const { bus, queue, noted } = openQueue();
      bus.on('parent', async () => {
        queue.pause();
        await settled();
        await queue.emit('note', 'inline');
      });
      await queue.emit('parent');
      expect(noted).toEqual(['inline']);
    });
  });

  describe('clear', () => {
    it('[32] takes out everything that waits, and says how much that was', async () => {
      const { clock, queue, noted } = openQueue({ paused: true });
      queue.post('note', 1);
      queue.post('note', 2, { priority: 5, key: 'a' });
      queue.post('note', 3, { delayMs: 100 });
      queue.post('note', 4, { maxWaitMs: 100 });
      expect(queue.clear()).toBe(4);
      expect(queue.inspect()).toMatchObject({ size: 0, delayed: 0, keys: 0, depths: [], counts: { cleared: 4 } });
      expect(imbalance(queue.inspect())).toEqual(balanced);
      expect(clock.pending).toBe(0);
      expect(queue.clear()).toBe(0);
      queue.resume();
      await clock.advance(1_000);
      expect(noted).toEqual([]);
    });

    it('[32] has emit reject with QUEUE_CLEARED, which names queue and event', async () => {
      const { queue } = openQueue({ name: 'orders', paused: true });
      const rejections = [1, 2].map((n) => rejectionOf(queue.emit('order.placed', n)));
      expect(queue.clear()).toBe(2);
      for (const error of await Promise.all(rejections)) {
        expect(error).toBeInstanceOf(AmbusError);
        expect(error).toMatchObject({ code: 'QUEUE_CLEARED' });
        for (const part of ['orders', 'order.placed']) expect((error as AmbusError).message).toContain(part);
      }
    });

    it('[32] tells observers of what was posted, and reports nothing', async () => {
      const { bus, queue, reports } = openQueue({ paused: true });
      const facts: Dropped[] = [];
      bus.observe({ dropped: (fact) => facts.push(fact) });
      queue.post('note', 1);
      queue.post('note', 2);
      queue.clear();
      await settled();
      expect(reports).toEqual([]);
      expect(facts).toMatchObject([
        { type: 'note', payload: 1, queue: 'queue', error: { code: 'QUEUE_CLEARED' } },
        { type: 'note', payload: 2, queue: 'queue', error: { code: 'QUEUE_CLEARED' } },
      ]);
    });

    it('[32] leaves alone what runs, and inline emissions that wait for their key', async () => {
      const { bus, queue, started, noted, end } = openQueue({ concurrency: 2 });
      bus.on('parent', () => queue.emit('note', 'inline', { key: 'k' }));
      queue.post('job', 'holder', { key: 'k' });
      const parent = queue.emit('parent');
      await settled();
      queue.post('note', 'cleared', { key: 'k' });
      expect(queue.clear()).toBe(1);
      expect(queue.running).toBe(2);
      await end('holder');
      expect(await stateOf(parent)).toBe('fulfilled');
      expect([started, noted]).toEqual([['holder'], ['inline']]);
    });

    it('[32] leaves the queue as good as new', async () => {
      const { queue, noted } = openQueue({ capacity: 3 });
      for (let round = 0; round < 3; round++) {
        for (const note of ['a', 'b', 'c']) expect(queue.post('note', note, { key: 'k' })).toBe(true);
        expect(queue.clear()).toBe(3);
      }
      for (const note of ['a', 'b', 'c']) expect(queue.post('note', note, { key: 'k' })).toBe(true);
      await queue.idle();
      expect(noted).toEqual(['a', 'b', 'c']);
    });

    it('[32] may be called in a handler', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: 3 });
      bus.on('note', (note) => note === 2 && queue.clear());
      for (const note of [1, 2, 3, 4]) queue.post('note', note);
      await queue.idle();
      expect(noted).toEqual([1, 2]);
      expect(queue.inspect().counts).toMatchObject({ started: 2, cleared: 2 });
    });

    it('[32] may be followed by new events in the code that hears of it', async () => {
      const { bus, queue, noted } = openQueue({ paused: true });
      bus.observe({ dropped: ({ payload }) => queue.post('note', `again ${String(payload)}`) });
      queue.post('note', 1);
      queue.post('note', 2);
      expect(queue.clear()).toBe(2);
      queue.resume();
      await queue.idle();
      expect(noted).toEqual(['again 1', 'again 2']);
    });
  });
});
