import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { rejectionOf } from '../bus/deferred.js';
import { stateOf } from '../bus/promise-state.js';
import { balanced, describeEveryQueue, imbalance, settled } from './queues.js';

/** How many abort listeners a signal has now. */
const listening = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describeEveryQueue((openQueue) => {
  describe('a signal that has aborted at the call', () => {
    it.each([new Error('not any more'), 'enough', null, 0])('[19] rejects emit with its reason: %s', async (reason) => {
      const { queue, noted } = openQueue();
      const emission = queue.emit('note', 1, { signal: AbortSignal.abort(reason) });
      expect(queue.size).toBe(0);
      expect(await rejectionOf(emission)).toBe(reason);
      await queue.idle();
      expect(noted).toEqual([]);
    });

    it('[19] has post answer false, and be reported as ABORTED', async () => {
      const { queue, noted, reports } = openQueue();
      expect(queue.post('note', 1, { signal: AbortSignal.abort('enough') })).toBe(false);
      await queue.idle();
      expect(noted).toEqual([]);
      expect(reports).toMatchObject([{ code: 'ABORTED', cause: 'enough' }]);
    });

    it('[19] is counted as rejected', async () => {
      const { queue } = openQueue();
      queue.post('note', 1, { signal: AbortSignal.abort() });
      await rejectionOf(queue.emit('note', 1, { signal: AbortSignal.abort() }));
      expect(queue.inspect().counts).toMatchObject({ enqueued: 0, rejected: 2, aborted: 0 });
    });

    it('[19] drops nothing that waits', async () => {
      const { queue } = openQueue({ paused: true, capacity: 1, overflow: 'drop-oldest' });
      queue.post('note', 1);
      queue.post('note', 2, { signal: AbortSignal.abort(), priority: 1 });
      expect(queue.inspect()).toMatchObject({ size: 1, counts: { dropped: 0, rejected: 1 } });
    });
  });

  describe('a signal that aborts while the event waits', () => {
    it('[19] has it leave at once, and emit reject with its reason', async () => {
      const { queue, started, noted, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      const controller = new AbortController();
      const reason = new Error('not any more');
      const emission = queue.emit('note', 1, { signal: controller.signal });
      queue.post('note', 2);
      expect(await stateOf(emission)).toBe('pending');
      controller.abort(reason);
      expect(queue.size).toBe(1);
      expect(await rejectionOf(emission)).toBe(reason);
      await end('runs');
      expect([started, noted]).toEqual([['runs'], [2]]);
    });

    it('[19] has a posted event reported as ABORTED, once, with the reason as the cause', async () => {
      const { queue, noted, reports } = openQueue({ paused: true });
      const controller = new AbortController();
      expect(queue.post('note', 1, { signal: controller.signal })).toBe(true);
      controller.abort('enough');
      queue.resume();
      await queue.idle();
      expect(reports).toMatchObject([{ code: 'ABORTED', cause: 'enough' }]);
      expect(noted).toEqual([]);
    });

    it('[19] is counted as aborted', async () => {
      const { queue } = openQueue({ paused: true });
      const controller = new AbortController();
      queue.post('note', 1, { signal: controller.signal });
      queue.post('note', 2);
      controller.abort();
      expect(queue.inspect()).toMatchObject({ size: 1, counts: { enqueued: 2, aborted: 1, rejected: 0 } });
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[19] has it leave before the queue has come to start it', async () => {
      const { queue, noted } = openQueue();
      const controller = new AbortController();
      const rejection = rejectionOf(queue.emit('note', 1, { signal: controller.signal }));
      controller.abort('enough');
      queue.post('note', 2);
      expect(await rejection).toBe('enough');
      await queue.idle();
      expect(noted).toEqual([2]);
    });

    it('[19] has it leave also where the handler that ran before it, in the same go, aborts it', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: 3 });
      const controller = new AbortController();
      bus.on('note', (note) => note === 1 && controller.abort('enough'));
      queue.post('note', 1);
      const rejection = rejectionOf(queue.emit('note', 2, { signal: controller.signal }));
      queue.post('note', 3);
      expect(await rejection).toBe('enough');
      await queue.idle();
      expect(noted).toEqual([1, 3]);
    });

    it('[19] has a delayed one leave, and one that waits for its key', async () => {
      const { clock, queue, started, end } = openQueue({ concurrency: 3 });
      const controller = new AbortController();
      const { signal } = controller;
      queue.post('job', 'a1', { key: 'a' });
      await settled();
      const rejections = [
        rejectionOf(queue.emit('job', 'delayed', { delayMs: 50, signal })),
        rejectionOf(queue.emit('job', 'a2', { key: 'a', signal })),
        rejectionOf(queue.emit('job', 'a-delayed', { key: 'a', delayMs: 50, signal })),
      ];
      queue.post('job', 'a3', { key: 'a' });
      await settled();
      controller.abort('enough');
      expect(await Promise.all(rejections)).toEqual(['enough', 'enough', 'enough']);
      await clock.advance(100);
      await end('a1');
      expect(started).toEqual(['a1', 'a3']);
      expect(queue.inspect().counts.aborted).toBe(3);
    });

    it('[19] takes many out at once, and leaves the order of the others as it is', async () => {
      const { queue, noted } = openQueue({ paused: true });
      const controller = new AbortController();
      const rejections: Promise<unknown>[] = [];
      for (let n = 0; n < 3_000; n++) {
        const options = { priority: n % 4, key: n % 5 === 0 ? 'a' : undefined };
        if (n % 3 === 0) queue.post('note', n, options);
        else rejections.push(rejectionOf(queue.emit('note', n, { ...options, signal: controller.signal })));
      }
      controller.abort('enough');
      expect(queue.size).toBe(1_000);
      expect(new Set(await Promise.all(rejections))).toEqual(new Set(['enough']));
      queue.resume();
      await queue.idle();
      expect(noted).toHaveLength(1_000);
      const plain = (noted as number[]).filter((n) => n % 5 !== 0);
      expect(plain).toEqual([...plain].sort((a, b) => (b % 4) - (a % 4) || a - b));
      const keyed = (noted as number[]).filter((n) => n % 5 === 0);
      expect(keyed).toEqual([...keyed].sort((a, b) => a - b));
      expect(queue.inspect().counts.aborted).toBe(2_000);
    });

    it('[19] lets those who listen to it use the queue', async () => {
      const { queue, noted } = openQueue({ paused: true, capacity: 1 });
      const controller = new AbortController();
      const rejection = rejectionOf(queue.emit('note', 1, { signal: controller.signal }));
      controller.signal.addEventListener('abort', () => queue.post('note', 2));
      controller.abort('enough');
      expect(await rejection).toBe('enough');
      queue.resume();
      await queue.idle();
      expect(noted).toEqual([2]);
    });
  });

  describe('a signal that aborts when the event has started', () => {
    it("[19] aborts the handlers' signals, skips the rest, and rejects with its reason", async () => {
      const { bus, queue, noted } = openQueue();
      const controller = new AbortController();
      bus.on('tick', async (_payload, ctx) => {
        await new Promise((resolve) => {
          ctx.signal.addEventListener('abort', resolve);
        });
        noted.push(ctx.signal.reason);
      });
      bus.on('tick', () => noted.push('not called'));
      const rejection = rejectionOf(queue.emit('tick', 1, { signal: controller.signal }));
      await settled();
      controller.abort('enough');
      expect(await rejection).toBe('enough');
      expect(noted).toEqual(['enough']);
      expect(queue.inspect().counts).toMatchObject({ started: 1, ended: 1, aborted: 0 });
    });

    it('[19] has a posted event reported as by bus.post', async () => {
      const { queue, reports, end } = openQueue();
      const controller = new AbortController();
      queue.post('job', 1, { signal: controller.signal });
      await settled();
      controller.abort('enough');
      await end(1);
      expect(reports).toMatchObject([{ code: 'ABORTED', cause: 'enough' }]);
    });

    it('[19] does not free the slot before what runs has settled', async () => {
      const { queue, noted, end } = openQueue();
      const controller = new AbortController();
      const rejection = rejectionOf(queue.emit('job', 1, { signal: controller.signal }));
      queue.post('note', 2);
      await settled();
      controller.abort('enough');
      await settled();
      expect(noted).toEqual([]);
      expect(queue.running).toBe(1);
      await end(1);
      expect(await rejection).toBe('enough');
      expect(noted).toEqual([2]);
    });

    it('[19] does not abort what was enqueued from it, unless that was given the signal too', async () => {
      const { bus, queue, noted, end } = openQueue();
      const controller = new AbortController();
      const { signal } = controller;
      let child: Promise<unknown> | undefined;
      bus.on('parent', async () => {
        queue.post('note', 'goes on');
        child = rejectionOf(queue.emit('job', 'inline', { signal }));
        await child;
      });
      const rejection = rejectionOf(queue.emit('parent', 1, { signal }));
      await settled();
      controller.abort('enough');
      await end('inline');
      expect(await rejection).toBe('enough');
      expect(await child).toBe('enough');
      await queue.idle();
      expect(noted).toEqual(['goes on']);
    });

    it('[19] changes nothing when the emission has ended', async () => {
      const { queue, reports } = openQueue();
      const controller = new AbortController();
      const result = await queue.emit('note', 1, { signal: controller.signal });
      queue.post('note', 2, { signal: controller.signal });
      await queue.idle();
      controller.abort('too late');
      await settled();
      expect(result.ok).toBe(true);
      expect(reports).toEqual([]);
      expect(queue.inspect().counts).toMatchObject({ ended: 2, aborted: 0 });
    });
  });

  it('[19] leaves no listener on the signal of an event that has gone, however it went', async () => {
    const { clock, queue, started, end } = openQueue({ capacity: 3, overflow: 'drop-oldest' });
    const { signal } = new AbortController();
    const before = listening(signal);
    const emission = queue.emit('job', 'ends', { signal });
    await settled();
    queue.post('note', 'dropped', { signal });
    queue.post('note', 'expires', { signal, maxWaitMs: 100 });
    queue.post('note', 'delayed', { signal, delayMs: 1_000 });
    queue.post('note', 'runs later', { signal, priority: 1 });
    await clock.advance(100);
    expect(queue.inspect()).toMatchObject({ size: 2, counts: { dropped: 1, expired: 1 } });
    await end('ends');
    await emission;
    await settled();
    expect(queue.size).toBe(1);
    queue.clear();
    expect(listening(signal)).toBe(before);
    queue.pause();
    const left = rejectionOf(queue.emit('note', 'left', { signal }));
    await queue.close();
    expect(await left).toMatchObject({ code: 'QUEUE_CLOSED' });
    await rejectionOf(queue.emit('note', 'refused', { signal }));
    expect(listening(signal)).toBe(before);
    expect(started).toEqual(['ends']);
  });

  it('[19] leaves none behind on a signal that many events share, as they come and go', async () => {
    const { queue } = openQueue({ concurrency: 4 });
    const { signal } = new AbortController();
    let most = 0;
    for (let round = 0; round < 20; round++) {
      await Promise.all(Array.from({ length: 5 }, (_, n) => queue.emit('note', n, { signal })));
      most = Math.max(most, listening(signal));
    }
    expect(most).toBe(0);
  });
});
