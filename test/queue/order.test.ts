import { describe, expect, it } from 'vitest';
import { EventQueue, type QueueingOptions } from '../../src/queue/index.js';
import { promisesSettled, thrownBy } from '../bus/deferred.js';
import { describeEveryQueue, randomNumbers, settled } from './queues.js';

describeEveryQueue((openQueue) => {
  it('[29] emits nothing in the call itself, but before the event loop goes on', async () => {
    const { queue, noted } = openQueue();
    const immediate = promisesSettled().then(() => noted.push('event loop'));
    queue.post('note', 1);
    void queue.emit('note', 2);
    expect(noted).toEqual([]);
    expect(queue.size).toBe(2);
    await immediate;
    expect(noted).toEqual([1, 2, 'event loop']);
    expect(queue.size).toBe(0);
  });

  it('[29] emits what was posted in one tick by priority, the highest first', async () => {
    const { queue, noted } = openQueue();
    const priorities = [0, 1.5, -1, Number.MAX_VALUE, 1, -Number.MAX_VALUE, 1e-9];
    for (const priority of priorities) queue.post('note', priority, { priority });
    await queue.idle();
    expect(noted).toEqual([Number.MAX_VALUE, 1.5, 1, 1e-9, 0, -1, -Number.MAX_VALUE]);
  });

  it('[29] emits events of equal priority in the order in which they came', async () => {
    const { queue, noted } = openQueue();
    for (const note of ['a1', 'b1', 'a2', 'b2', 'b3', 'a3'])
      queue.post('note', note, { priority: note[0] === 'b' ? 1 : 0 });
    await queue.idle();
    expect(noted).toEqual(['b1', 'b2', 'b3', 'a1', 'a2', 'a3']);
  });

  it('[29] gives an event the priority 0 unless told otherwise', async () => {
    const { queue, noted } = openQueue();
    queue.post('note', -1, { priority: -1 });
    queue.post('note', 'none');
    queue.post('note', 0, { priority: 0 });
    queue.post('note', 'undefined', { priority: undefined });
    queue.post('note', -0, { priority: -0 });
    queue.post('note', 1, { priority: 1 });
    await queue.idle();
    expect(noted).toEqual([1, 'none', 0, 'undefined', -0, -1]);
  });

  it('[29] has one order for emit and post, and for all events of the bus', async () => {
    const { bus, queue, noted } = openQueue();
    const tick = Symbol('tick');
    const symbols = queue as unknown as EventQueue<{ [tick]: string }>;
    bus.onAny(({ type, payload }) => type !== 'note' && noted.push(payload));
    queue.post('note', 1);
    void queue.emit('other', 2);
    symbols.post(tick, 'symbol');
    queue.post('note', 3);
    void queue.emit('other', 'first', { priority: 1 });
    await queue.idle();
    expect(noted).toEqual(['first', 1, 2, 'symbol', 3]);
  });

  it('[29] lets a higher priority overtake what waits, and nothing that runs', async () => {
    const { queue, started, end } = openQueue();
    queue.post('job', 'runs');
    queue.post('job', 'waits');
    await settled();
    queue.post('job', 'overtakes', { priority: 1 });
    await settled();
    expect(started).toEqual(['runs']);
    await end('runs');
    expect(started).toEqual(['runs', 'overtakes']);
    await end('overtakes');
    expect(started).toEqual(['runs', 'overtakes', 'waits']);
  });

  it('[29] looks at the order anew whenever a slot is free', async () => {
    const { queue, started, end } = openQueue({ concurrency: 2 });
    for (const job of ['a', 'b', 'c', 'd']) queue.post('job', job);
    await settled();
    queue.post('job', 'e', { priority: 1 });
    await end('b');
    queue.post('job', 'f', { priority: 2 });
    await end('a');
    await end('e');
    expect(started).toEqual(['a', 'b', 'e', 'f', 'c']);
  });

  it('[29] has what a handler posts wait its turn', async () => {
    const { bus, queue, noted } = openQueue();
    bus.on('note', (note) => {
      if (note !== 'a') return;
      queue.post('note', 'posted');
      queue.post('note', 'urgent', { priority: 1 });
    });
    for (const note of ['a', 'b', 'c']) queue.post('note', note);
    await queue.idle();
    expect(noted).toEqual(['a', 'urgent', 'b', 'c', 'posted']);
  });

  it('[29] goes on behind handlers that fail, sync or async', async () => {
    const { bus, queue, noted } = openQueue();
    bus.on('sync', () => {
      throw new Error('no');
    });
    bus.on('async', () => Promise.reject(new Error('no')));
    for (const type of ['sync', 'note', 'async', 'note']) queue.post(type, type);
    await queue.idle();
    expect(noted).toEqual(['note', 'note']);
  });

  it('[29] leaves alone what is emitted on the bus itself', async () => {
    const { bus, queue, started, noted } = openQueue();
    queue.post('job', 'runs');
    queue.post('note', 'waits');
    await settled();
    bus.emitSync('note', 'at once');
    expect(started).toEqual(['runs']);
    expect(noted).toEqual(['at once']);
  });

  it('[29] is that of each queue for itself, where a bus has several', async () => {
    const { bus, queue, started, end } = openQueue();
    const other = new EventQueue(bus);
    for (const job of ['a1', 'a2']) queue.post('job', job);
    for (const job of ['b1', 'b2']) other.post('job', job, { priority: 9 });
    await settled();
    expect(started).toEqual(['a1', 'b1']);
    await end('b1');
    expect(started).toEqual(['a1', 'b1', 'b2']);
  });

  it('[29] is that of the priorities and arrivals of a thousand random events', async () => {
    const { queue, noted } = openQueue();
    const random = randomNumbers(1);
    const events = Array.from({ length: 1_000 }, (_, n) => ({ n, priority: Math.floor(random() * 40) / 2 - 10 }));
    for (const { n, priority } of events) queue.post('note', n, { priority });
    await queue.idle();
    const expected = [...events].sort((a, b) => b.priority - a.priority || a.n - b.n).map(({ n }) => n);
    expect(noted).toEqual(expected);
  });

  it('[29] is that of random events that come while others leave', async () => {
    const { queue, started, end } = openQueue();
    const random = randomNumbers(2);
    const waiting: { n: number; priority: number }[] = [];
    const expected: number[] = [];
    let ended = 0;
    const startNext = (): void => {
      waiting.sort((a, b) => b.priority - a.priority || a.n - b.n);
      expected.push(...waiting.splice(0, 1).map(({ n }) => n));
    };
    for (let n = 0; n < 300; n++) {
      const priority = Math.floor(random() * 5);
      waiting.push({ n, priority });
      queue.post('job', n, { priority });
      if (expected.length === ended) startNext();
      await settled();
      if (random() < 0.3) continue;
      startNext();
      await end(started[ended++]);
    }
    expect(started).toEqual(expected);
    expect(new Set(started).size).toBeGreaterThan(200);
  });

  describe('concurrency', () => {
    it('[29] is 1 unless told otherwise', async () => {
      const { queue, started, end } = openQueue();
      expect(queue.concurrency).toBe(1);
      for (const job of ['a', 'b']) queue.post('job', job);
      await settled();
      expect(started).toEqual(['a']);
      expect(queue.running).toBe(1);
      await end('a');
      expect(started).toEqual(['a', 'b']);
      await end('b');
      expect(queue.running).toBe(0);
    });

    it('[29] is how many emissions run at a time', async () => {
      const { queue, started, end } = openQueue({ concurrency: 3 });
      for (const job of ['a', 'b', 'c', 'd', 'e']) queue.post('job', job);
      await settled();
      expect(started).toEqual(['a', 'b', 'c']);
      expect([queue.running, queue.size]).toEqual([3, 2]);
      await end('b');
      expect(started).toEqual(['a', 'b', 'c', 'd']);
      await end('d', 'a', 'c', 'e');
      expect([queue.running, queue.size]).toEqual([0, 0]);
    });

    it('[29] may have no limit', async () => {
      const { queue, started } = openQueue({ concurrency: Infinity });
      for (let n = 0; n < 100; n++) queue.post('job', n);
      await settled();
      expect(started).toHaveLength(100);
      expect(queue.running).toBe(100);
    });

    it('[29] starts emissions one after the other, in one go, each as bus.emit would', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: 2 });
      bus.on('order', async (order) => {
        noted.push(`${String(order)} starts`);
        queueMicrotask(() => noted.push(`after ${String(order)}`));
      });
      bus.on('order', (order) => noted.push(`second of ${String(order)}`));
      bus.on('pair', (pair) => noted.push(`first of ${String(pair)}`));
      bus.on('pair', (pair) => noted.push(`second of ${String(pair)}`));
      queue.post('order', 1);
      queue.post('pair', 2);
      await queue.idle();
      expect(noted).toEqual(['1 starts', 'first of 2', 'second of 2', 'after 1', 'second of 1']);
    });

    it('[29] starts more when it is raised', async () => {
      const { queue, started, end } = openQueue();
      for (const job of ['a', 'b', 'c', 'd']) queue.post('job', job);
      await settled();
      queue.concurrency = 3;
      expect(queue.concurrency).toBe(3);
      await settled();
      expect(started).toEqual(['a', 'b', 'c']);
      await end('c');
      expect(started).toEqual(['a', 'b', 'c', 'd']);
    });

    it('[29] lets those that run end when it is lowered, and starts none before enough have', async () => {
      const { queue, started, end } = openQueue({ concurrency: 3 });
      for (const job of ['a', 'b', 'c', 'd', 'e']) queue.post('job', job);
      await settled();
      queue.concurrency = 1;
      await end('a', 'b');
      expect(started).toEqual(['a', 'b', 'c']);
      expect(queue.running).toBe(1);
      await end('c');
      expect(started).toEqual(['a', 'b', 'c', 'd']);
      await end('d');
      expect(started).toEqual(['a', 'b', 'c', 'd', 'e']);
    });

    it('[29] holds at once where a handler lowers it', async () => {
      const { bus, queue, started } = openQueue({ concurrency: 5 });
      bus.on('lower', () => {
        queue.concurrency = 1;
      });
      queue.post('job', 'a');
      queue.post('lower');
      queue.post('job', 'b');
      await settled();
      expect(started).toEqual(['a']);
    });

    it.each([0, -1, 1.5, Number.NaN, -Infinity, '2', null, undefined])(
      '[29] can not become %s, and stays as it was',
      async (concurrency) => {
        const { queue, started } = openQueue({ concurrency: 2 });
        const set = () => {
          queue.concurrency = concurrency as number;
        };
        expect(thrownBy(set)).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'concurrency' } });
        expect(queue.concurrency).toBe(2);
        for (const job of ['a', 'b', 'c']) queue.post('job', job);
        await settled();
        expect(started).toEqual(['a', 'b']);
      },
    );
  });

  it('[29] does not change the options that it was given', async () => {
    const { queue, noted } = openQueue();
    const options: QueueingOptions = Object.freeze({ priority: 1, key: 'a', delayMs: 0, maxWaitMs: 5 });
    queue.post('note', 1, options);
    await queue.emit('note', 2, options);
    expect(noted).toEqual([1, 2]);
  });
});
