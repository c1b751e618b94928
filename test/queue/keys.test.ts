import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/queue/index.js';
import { type Deferred, deferred, rejectionOf } from '../bus/deferred.js';
import { describeEveryQueue, randomNumbers, settled } from './queues.js';

type Key = string | number | bigint | symbol | boolean | object;

const object = {};
const symbol = Symbol('k');
const ignore = (): void => {};

describeEveryQueue((openQueue) => {
  it('[29] emits events of one key one at a time, beside others', async () => {
    const { queue, started, end } = openQueue({ concurrency: 3 });
    for (const job of ['a1', 'a2', 'a3']) queue.post('job', job, { key: 'a' });
    queue.post('job', 'b1', { key: 'b' });
    queue.post('job', 'x');
    await settled();
    expect(started).toEqual(['a1', 'b1', 'x']);
    await end('b1', 'x');
    expect(started).toEqual(['a1', 'b1', 'x']);
    await end('a1');
    expect(started).toEqual(['a1', 'b1', 'x', 'a2']);
    await end('a2');
    expect(started).toEqual(['a1', 'b1', 'x', 'a2', 'a3']);
  });

  it('[29] emits events of one key in the order in which they came, whatever their priorities', async () => {
    const { queue, noted } = openQueue();
    const priorities = [0, 5, -3, 5, 1];
    for (const [n, priority] of priorities.entries()) queue.post('note', n, { key: 'a', priority });
    await queue.idle();
    expect(noted).toEqual([0, 1, 2, 3, 4]);
  });

  it('[29] has no key where it is undefined', async () => {
    const { queue, started } = openQueue({ concurrency: 3 });
    for (const job of ['a', 'b', 'c']) queue.post('job', job, { key: undefined });
    await settled();
    expect(started).toEqual(['a', 'b', 'c']);
  });

  it('[29] has one lane for emit and post, and for all events', async () => {
    const { bus, queue, started, noted, end } = openQueue({ concurrency: 5 });
    bus.on('other', (payload) => noted.push(payload));
    void queue.emit('job', 1, { key: 'a' });
    queue.post('other', 2, { key: 'a' });
    void queue.emit('note', 3, { key: 'a' });
    await settled();
    expect([started, noted]).toEqual([[1], []]);
    await end(1);
    expect(noted).toEqual([2, 3]);
  });

  it('[29] has keys that are those of each queue for itself', async () => {
    const { bus, queue, started } = openQueue();
    const other = new EventQueue(bus);
    queue.post('job', 'here', { key: 'a' });
    other.post('job', 'there', { key: 'a' });
    await settled();
    expect(started).toEqual(['here', 'there']);
  });

  it('[29] does not let events that wait for their key take slots', async () => {
    const { queue, started } = openQueue({ concurrency: 2 });
    for (let n = 0; n < 5; n++) queue.post('job', `a${n}`, { key: 'a', priority: 9 });
    queue.post('job', 'x');
    await settled();
    expect(started).toEqual(['a0', 'x']);
    expect([queue.running, queue.size]).toEqual([2, 4]);
  });

  it('[29] frees the key of an emission that fails', async () => {
    const { queue, started, fail } = openQueue({ concurrency: 2 });
    const rejection = rejectionOf(queue.emit('job', 'a1', { key: 'a', failurePolicy: 'throw' }));
    queue.post('job', 'a2', { key: 'a' });
    await settled();
    await fail('a1', new Error('no'));
    expect(await rejection).toMatchObject({ code: 'EMIT_FAILED' });
    expect(started).toEqual(['a1', 'a2']);
  });

  it('[29] holds a key until late work has ended', async () => {
    const { clock, queue, started, noted, end } = openQueue({ concurrency: 2, timeoutMs: 100 });
    queue.post('job', 'a1', { key: 'a' });
    queue.post('job', 'a2', { key: 'a' });
    queue.post('note', 'x');
    await clock.advance(150);
    expect([started, noted]).toEqual([['a1'], ['x']]);
    await end('a1');
    expect(started).toEqual(['a1', 'a2']);
  });

  it('[29] holds a key until late work is abandoned', async () => {
    const { clock, queue, started } = openQueue({ concurrency: 2, timeoutMs: 100 }, { lateMs: 500 });
    queue.post('job', 'a1', { key: 'a' });
    queue.post('job', 'a2', { key: 'a' });
    await clock.advance(599);
    expect(started).toEqual(['a1']);
    await clock.advance(1);
    expect(started).toEqual(['a1', 'a2']);
  });

  it('[29] holds a key until the emissions that run inline have ended', async () => {
    const { bus, queue, started, noted, end } = openQueue({ concurrency: 2 });
    bus.on('parent', () => void queue.emit('job', 'child'));
    queue.post('parent', 1, { key: 'a' });
    queue.post('note', 'a2', { key: 'a' });
    await settled();
    expect([started, noted]).toEqual([['child'], []]);
    await end('child');
    expect(noted).toEqual(['a2']);
  });

  describe('a lane', () => {
    it('[29] has its head compete with the highest priority that waits in it', async () => {
      const { queue, noted } = openQueue();
      queue.post('note', 'x1', { priority: 1 });
      queue.post('note', 'a0', { key: 'a' });
      queue.post('note', 'x6', { priority: 6 });
      queue.post('note', 'a5', { key: 'a', priority: 5 });
      await queue.idle();
      expect(noted).toEqual(['x6', 'a0', 'a5', 'x1']);
    });

    it('[29] goes back to a lower priority when the highest has left', async () => {
      const { queue, noted } = openQueue();
      queue.post('note', 'x1', { priority: 1 });
      queue.post('note', 'x3', { priority: 3 });
      for (const [note, priority] of [
        ['a0', 0],
        ['a5', 5],
        ['a-1', -1],
        ['a2', 2],
        ['a0b', 0],
      ] as const) {
        queue.post('note', note, { key: 'a', priority });
      }
      queue.post('note', 'x0');
      await queue.idle();
      expect(noted).toEqual(['a0', 'a5', 'x3', 'a-1', 'a2', 'x1', 'a0b', 'x0']);
    });

    it('[29] is raised by one that comes while it waits', async () => {
      const { queue, started, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      queue.post('job', 'x1', { priority: 1 });
      queue.post('job', 'a0', { key: 'a' });
      queue.post('job', 'a2', { key: 'a', priority: 2 });
      await end('runs', 'a0', 'a2');
      expect(started).toEqual(['runs', 'a0', 'a2', 'x1']);
    });

    it('[29] is raised by one that comes while its key is held', async () => {
      const { queue, started, end } = openQueue();
      queue.post('job', 'a', { key: 'a' });
      await settled();
      queue.post('job', 'a0', { key: 'a' });
      queue.post('job', 'x1', { priority: 1 });
      queue.post('job', 'a2', { key: 'a', priority: 2 });
      await end('a');
      expect(started).toEqual(['a', 'a0']);
    });

    it('[29] comes among equals by when its head came', async () => {
      const { queue, noted } = openQueue();
      queue.post('note', 'x0');
      queue.post('note', 'a1', { key: 'a' });
      queue.post('note', 'x1');
      queue.post('note', 'x2', { priority: 5 });
      queue.post('note', 'a2', { key: 'a', priority: 5 });
      queue.post('note', 'x3', { priority: 5 });
      await queue.idle();
      // a1 is lifted among those of priority 5, where it came before all others; a2 came before x3.
      expect(noted).toEqual(['a1', 'x2', 'a2', 'x3', 'x0', 'x1']);
    });

    it('[29] comes among equals by when its head came also where its key has just been released', async () => {
      const { queue, started, end } = openQueue();
      queue.post('job', 'a1', { key: 'a' });
      queue.post('job', 'x1');
      queue.post('job', 'a2', { key: 'a' });
      queue.post('job', 'x2');
      await settled();
      await end('a1', 'x1', 'a2', 'x2');
      expect(started).toEqual(['a1', 'x1', 'a2', 'x2']);
    });

    it('[29] is not raised any more by one that was aborted', async () => {
      const { queue, noted } = openQueue();
      const controller = new AbortController();
      queue.post('note', 'a0', { key: 'a' });
      const aborted = rejectionOf(queue.emit('note', 'a5', { key: 'a', priority: 5, signal: controller.signal }));
      queue.post('note', 'x1', { priority: 1 });
      controller.abort('enough');
      await queue.idle();
      expect(await aborted).toBe('enough');
      expect(noted).toEqual(['x1', 'a0']);
    });

    it('[29] is not raised any more by one that has expired', async () => {
      const { clock, queue, noted } = openQueue({ paused: true });
      queue.post('note', 'a0', { key: 'a' });
      queue.post('note', 'a5', { key: 'a', priority: 5, maxWaitMs: 10 });
      queue.post('note', 'x1', { priority: 1 });
      await clock.advance(10);
      queue.resume();
      await queue.idle();
      expect(noted).toEqual(['x1', 'a0']);
    });

    it('[29] goes on behind a head that was aborted, with the next as its head', async () => {
      const { queue, noted } = openQueue();
      const controller = new AbortController();
      const aborted = rejectionOf(queue.emit('note', 'a1', { key: 'a', signal: controller.signal }));
      queue.post('note', 'x');
      queue.post('note', 'a2', { key: 'a' });
      controller.abort('enough');
      await queue.idle();
      await aborted;
      expect(noted).toEqual(['x', 'a2']);
    });

    it('[29] is forgotten when it is empty', async () => {
      const { queue, started, end } = openQueue({ concurrency: 2 });
      queue.post('job', 'a1', { key: 'a' });
      queue.post('job', 'a2', { key: 'a' });
      queue.post('job', 'b1', { key: 'b' });
      expect(queue.inspect().keys).toBe(2);
      await settled();
      await end('b1');
      expect(queue.inspect().keys).toBe(1);
      await end('a1', 'a2');
      expect(queue.inspect().keys).toBe(0);
      expect(started).toEqual(['a1', 'b1', 'a2']);
    });
  });

  describe('a key', () => {
    it.each<[string, Key, Key]>([
      ['equal text', 'ab', ['a', 'b'].join('')],
      ['the same object', object, object],
      ['the same function', ignore, ignore],
      ['the same symbol', symbol, symbol],
      ['a registered symbol', Symbol.for('k'), Symbol.for('k')],
      ['equal numbers', 1, 1],
      ['0 and -0', 0, -0],
      ['equal bigints', 1n, 1n],
      ['false', false, false],
      ['empty text', '', ''],
    ])('[29] is one where it is %s', async (_, a, b) => {
      const { queue, started, end } = openQueue({ concurrency: 2 });
      queue.post('job', 1, { key: a });
      queue.post('job', 2, { key: b });
      await settled();
      expect(started).toEqual([1]);
      await end(1);
      expect(started).toEqual([1, 2]);
    });

    it.each<[string, Key, Key]>([
      ['text and a number', '1', 1],
      ['a number and a bigint', 1, 1n],
      ['text and a boolean', 'true', true],
      ['objects that look the same', { id: 1 }, { id: 1 }],
      ['symbols that look the same', Symbol('k'), Symbol('k')],
      ['0 and false', 0, false],
      ['0 and empty text', 0, ''],
      ['a prototype name', '__proto__', 'constructor'],
    ])('[29] is not one where it is %s', async (_, a, b) => {
      const { queue, started } = openQueue({ concurrency: 2 });
      queue.post('job', 1, { key: a });
      queue.post('job', 2, { key: b });
      await settled();
      expect(started).toEqual([1, 2]);
    });
  });

  it('[29] keeps each of many lanes in order, and one at a time, whichever ends first', async () => {
    const { bus, queue } = openQueue({ concurrency: 4 });
    const random = randomNumbers(3);
    const gates: Deferred[] = [];
    const runs = new Map<number, number[]>();
    const active = new Set<number>();
    let most = 0;
    bus.on('step', async (payload) => {
      const { key, n } = payload as { key: number; n: number };
      expect(active.has(key)).toBe(false);
      active.add(key);
      most = Math.max(most, active.size);
      runs.set(key, [...(runs.get(key) ?? []), n]);
      const gate = deferred();
      gates.push(gate);
      await gate.promise;
      active.delete(key);
    });
    const expected = new Map<number, number[]>();
    for (let n = 0; n < 300; n++) {
      const key = Math.floor(random() * 8);
      expected.set(key, [...(expected.get(key) ?? []), n]);
      queue.post('step', { key, n }, { key, priority: Math.floor(random() * 3) });
    }
    await settled();
    while (gates.length > 0) {
      const [gate] = gates.splice(Math.floor(random() * gates.length), 1);
      gate?.resolve();
      await settled();
    }
    expect(new Map([...runs].sort(([a], [b]) => a - b))).toEqual(new Map([...expected].sort(([a], [b]) => a - b)));
    expect(most).toBe(4);
    expect(queue.inspect()).toMatchObject({ keys: 0, size: 0, running: [] });
  });
});
