import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { rejectionOf } from '../bus/deferred.js';
import { openQueue, settled } from './queues.js';

// The rate is one of real time, whatever clock the bus has. Not `setImmediate`, by which promises are awaited.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** Lets real time pass. */
async function pass(ms: number): Promise<void> {
  await settled();
  await vi.advanceTimersByTimeAsync(ms);
  await settled();
}

/** A queue that notes when, in milliseconds from now, each `note` starts. */
function openPaced(...[options, busOptions]: Parameters<typeof openQueue>) {
  const workshop = openQueue(options, busOptions);
  const begin = Date.now();
  const starts: number[] = [];
  workshop.bus.on('note', () => starts.push(Date.now() - begin));
  return { ...workshop, starts };
}

/** The most starts that some window of so many milliseconds has. */
const mostWithin = (starts: readonly number[], intervalMs: number): number =>
  Math.max(...starts.map((start) => starts.filter((each) => each >= start && each < start + intervalMs).length));

describe('rate', () => {
  it('[30] has at most `limit` emissions start within any window of `intervalMs`', async () => {
    const { queue, starts, noted } = openPaced({ rate: { limit: 2, intervalMs: 100 }, concurrency: Infinity });
    for (let n = 0; n < 7; n++) queue.post('note', n);
    for (let n = 0; n < 40; n++) await pass(10);
    expect(noted).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(mostWithin(starts, 100)).toBe(2);
    expect(starts.at(-1)).toBeLessThanOrEqual(320);
  });

  it('[30] has that window slide, so that no two fall together', async () => {
    const { queue, starts } = openPaced({ rate: { limit: 2, intervalMs: 100 } });
    queue.post('note', 0);
    await pass(90);
    for (let n = 1; n < 4; n++) queue.post('note', n);
    for (let n = 0; n < 30; n++) await pass(5);
    expect(starts).toHaveLength(4);
    expect(mostWithin(starts, 100)).toBe(2);
  });

  it('[30] holds again after a while of silence', async () => {
    const { queue, starts } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    for (const gap of [0, 1_000, 30, 270, 99]) {
      await pass(gap);
      queue.post('note', gap);
      queue.post('note', gap);
    }
    for (let n = 0; n < 30; n++) await pass(50);
    expect(starts).toHaveLength(10);
    expect(mostWithin(starts, 100)).toBe(1);
  });

  it('[30] starts at once what the rate allows', async () => {
    const { queue, starts } = openPaced({ rate: { limit: 3, intervalMs: 1_000 }, concurrency: 3 });
    for (let n = 0; n < 4; n++) queue.post('note', n);
    await settled();
    expect(starts).toEqual([0, 0, 0]);
  });

  it('[30] counts starts, however long emissions run', async () => {
    const { queue, started, end } = openPaced({ rate: { limit: 1, intervalMs: 100 }, concurrency: 2 });
    for (const job of ['a', 'b', 'c']) queue.post('job', job);
    await pass(100);
    expect(started).toEqual(['a', 'b']);
    await pass(500);
    expect(started).toEqual(['a', 'b']);
    await end('a');
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('[30] is one of real time, whatever clock the bus has', async () => {
    const { clock, queue, noted } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    for (let n = 0; n < 2; n++) queue.post('note', n);
    await settled();
    await clock.advance(10_000);
    expect(noted).toEqual([0]);
    await pass(100);
    expect(noted).toEqual([0, 1]);
  });

  it('[30] lets a higher priority overtake what waits for the rate', async () => {
    const { queue, noted } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    for (const note of ['first', 'second', 'third']) queue.post('note', note);
    await pass(50);
    queue.post('note', 'urgent', { priority: 1 });
    await pass(50);
    expect(noted).toEqual(['first', 'urgent']);
    await pass(200);
    expect(noted).toEqual(['first', 'urgent', 'second', 'third']);
  });

  it('[30] keeps what waits for the rate in `size`, so that it can be aborted, and be dropped', async () => {
    const { queue, noted } = openPaced({ rate: { limit: 1, intervalMs: 100 }, capacity: 2, overflow: 'drop-oldest' });
    queue.post('note', 'first');
    await settled();
    const controller = new AbortController();
    const aborted = rejectionOf(queue.emit('note', 'aborted', { signal: controller.signal }));
    const dropped = rejectionOf(queue.emit('note', 'dropped'));
    await pass(50);
    expect([queue.size, queue.running]).toEqual([2, 0]);
    controller.abort('enough');
    expect(await aborted).toBe('enough');
    queue.post('note', 'second');
    queue.post('note', 'third');
    expect(await dropped).toMatchObject({ code: 'QUEUE_FULL' });
    await pass(50);
    expect(noted).toEqual(['first', 'second']);
    await pass(100);
    expect(noted).toEqual(['first', 'second', 'third']);
  });

  it('[30] spends nothing on events that leave before they start', async () => {
    const { queue, starts } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    queue.post('note', 1);
    await settled();
    const controller = new AbortController();
    const aborted = rejectionOf(queue.emit('note', 2, { signal: controller.signal }));
    await pass(50);
    controller.abort('enough');
    await aborted;
    await pass(100);
    queue.post('note', 3);
    await settled();
    expect(starts).toEqual([0, 150]);
  });

  it('[30] spends nothing on events that wait for their key', async () => {
    const { queue, started, end } = openPaced({ rate: { limit: 1, intervalMs: 100 }, concurrency: 3 });
    queue.post('job', 'a1', { key: 'a' });
    queue.post('job', 'a2', { key: 'a', priority: 1 });
    queue.post('job', 'x');
    await pass(100);
    expect(started).toEqual(['a1', 'x']);
    await pass(100);
    await end('a1');
    expect(started).toEqual(['a1', 'x', 'a2']);
  });

  it('[30] starts nothing while the queue is paused', async () => {
    const { queue, noted } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    for (let n = 0; n < 3; n++) queue.post('note', n);
    await pass(50);
    queue.pause();
    await pass(500);
    expect(noted).toEqual([0]);
    queue.resume();
    await settled();
    expect(noted).toEqual([0, 1]);
    await pass(100);
    expect(noted).toEqual([0, 1, 2]);
  });

  it('[30] starts nothing of what was cleared, and spends nothing on it', async () => {
    const { queue, noted, starts } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    for (let n = 0; n < 3; n++) queue.post('note', n);
    await pass(50);
    expect(queue.clear()).toBe(2);
    await pass(500);
    expect(noted).toEqual([0]);
    queue.post('note', 'later');
    await settled();
    expect(noted).toEqual([0, 'later']);
    expect(starts).toEqual([0, 550]);
  });

  it('[30] starts more at the next turn when concurrency is raised', async () => {
    const { queue, started } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    for (const job of ['a', 'b']) queue.post('job', job);
    await pass(300);
    expect(started).toEqual(['a']);
    queue.concurrency = 2;
    await settled();
    expect(started).toEqual(['a', 'b']);
  });

  it('[30] is waited for by idle and close', async () => {
    const { queue, noted } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    for (let n = 0; n < 3; n++) queue.post('note', n);
    let idle = false;
    void queue.idle().then(() => {
      idle = true;
    });
    await pass(150);
    expect(idle).toBe(false);
    const report = queue.close();
    await pass(100);
    expect(idle).toBe(true);
    expect(await report).toMatchObject({ drained: true, left: [] });
    expect(noted).toEqual([0, 1, 2]);
  });

  it('[30] leaves no timer behind when the queue is closed', async () => {
    const { clock, queue, noted } = openPaced({ rate: { limit: 1, intervalMs: 100_000 } });
    for (let n = 0; n < 3; n++) queue.post('note', n);
    await settled();
    const report = queue.close({ drainMs: 50 });
    await clock.advance(50);
    expect(await report).toMatchObject({ drained: false, left: [{ payload: 1 }, { payload: 2 }] });
    expect(vi.getTimerCount()).toBe(0);
    await pass(200_000);
    expect(noted).toEqual([0]);
  });

  it('[30] does not hold back emissions that run inline', async () => {
    const { bus, queue, noted } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    bus.on('parent', async () => {
      await queue.emit('note', 'child');
      await queue.emit('note', 'child');
    });
    const emission = queue.emit('parent');
    await settled();
    expect(noted).toEqual(['child', 'child']);
    expect(await emission).toMatchObject({ ok: true });
    queue.post('note', 'waits');
    await pass(99);
    expect(noted).toEqual(['child', 'child']);
    await pass(1);
    expect(noted).toEqual(['child', 'child', 'waits']);
  });

  it('[30] counts an emission that fails', async () => {
    const { bus, queue, noted } = openPaced({ rate: { limit: 1, intervalMs: 100 } });
    bus.on('bad', () => {
      throw new Error('no');
    });
    queue.post('bad');
    queue.post('note', 1);
    await pass(99);
    expect(noted).toEqual([]);
    await pass(1);
    expect(noted).toEqual([1]);
  });
});
