import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { around, broadcast, defineEvents } from '../../src/index.js';
import { deferred, rejectionOf } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { stateOf } from '../bus/promise-state.js';
import { uncaughtDuring } from '../bus/uncaught.js';
import { balanced, describeEveryQueue, imbalance, settled } from './queues.js';

const never = (): Promise<never> => new Promise(() => {});

describeEveryQueue((openQueue) => {
  describe('a slot', () => {
    it('[31] is held until every handler has settled', async () => {
      const { bus, queue, noted } = openQueue();
      const gates = [deferred(), deferred()];
      for (const gate of gates) bus.on('tick', () => gate.promise);
      const emission = queue.emit('tick');
      queue.post('note', 1);
      await settled();
      gates[0]?.resolve();
      await settled();
      expect(noted).toEqual([]);
      gates[1]?.resolve();
      await settled();
      expect(noted).toEqual([1]);
      expect(await emission).toMatchObject({ called: 2 });
    });

    it.each([
      ['throws', failing.throws('no')],
      ['rejects', failing.rejects('no')],
      ['rejects later', failing.rejectsLater('no')],
    ])('[31] is free again when a handler %s, under every policy', async (_, handler) => {
      const { bus, queue, noted } = openQueue();
      bus.on('tick', handler);
      const ends = (['isolate', 'stop', 'throw'] as const).map((failurePolicy) =>
        queue.emit('tick', 1, { failurePolicy }).catch(() => {}),
      );
      for (const failurePolicy of ['isolate', 'stop', 'throw'] as const) queue.post('tick', 1, { failurePolicy });
      queue.post('note', 'next');
      await Promise.all(ends);
      await queue.idle();
      expect(noted).toEqual(['next']);
      expect(queue.inspect()).toMatchObject({ running: [], counts: { started: 7, ended: 7 } });
    });

    it('[31] is free again when an interceptor, a schema or the core of an around refuses', async () => {
      const events = defineEvents({ wrap: around<number, number>(), user: broadcast(z.object({ name: z.string() })) });
      const { bus, queue, noted } = openQueue({}, { events: events as never, undeclared: 'allow' });
      bus.intercept(failing.throws('not allowed'), { types: 'secret' });
      for (let n = 0; n < 2; n++) {
        expect(await rejectionOf(queue.emit('secret'))).toMatchObject({ message: 'not allowed' });
        expect(await rejectionOf(queue.emit('user', {}))).toMatchObject({ code: 'INVALID_PAYLOAD' });
        const options = { core: failing.rejectsLater('no') } as object;
        expect(await rejectionOf(queue.emit('wrap', 1, options))).toMatchObject({ code: 'EMIT_FAILED' });
      }
      await queue.emit('note', 1);
      expect(noted).toEqual([1]);
      await settled();
      expect(queue.running).toBe(0);
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[31] is free again when onFailure throws', async () => {
      const broken = new Error('broken');
      const { bus, queue, noted } = openQueue(
        {},
        {
          onFailure: () => {
            throw broken;
          },
        },
      );
      bus.on('tick', failing.throws('no'));
      const uncaught = await uncaughtDuring(async () => {
        queue.post('tick');
        queue.post('note', 1);
        await queue.idle();
      });
      expect(uncaught).toEqual([broken]);
      expect(noted).toEqual([1]);
    });

    it('[31] is held by an inline emission that its handler does not wait for', async () => {
      const { bus, queue, started, noted, end } = openQueue();
      bus.on('parent', () => void queue.emit('job', 'child'));
      const emission = queue.emit('parent');
      queue.post('note', 'next');
      await settled();
      expect(started).toEqual(['child']);
      expect(await stateOf(emission)).toBe('fulfilled');
      expect(queue.running).toBe(1);
      expect(queue.inspect().running).toMatchObject([{ event: 'parent', inline: 1 }]);
      expect(noted).toEqual([]);
      await end('child');
      expect(noted).toEqual(['next']);
      expect(queue.inspect()).toMatchObject({ running: [], counts: { started: 2, ended: 2, inline: 1 } });
    });

    it('[31] is held by the late work of an inline emission', async () => {
      const { clock, bus, queue, noted, end } = openQueue();
      bus.on('parent', () => queue.emit('job', 'child', { timeoutMs: 100 }));
      const emission = queue.emit('parent');
      queue.post('note', 'next');
      await clock.advance(100);
      expect(await stateOf(emission)).toBe('fulfilled');
      expect(noted).toEqual([]);
      await end('child');
      expect(noted).toEqual(['next']);
    });

    it('[31] is not held by what a handler posts', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: 1 });
      bus.on('parent', () => void queue.post('note', 'posted'));
      await queue.emit('parent');
      await settled();
      expect(noted).toEqual(['posted']);
    });
  });

  describe('late work', () => {
    it('[31] holds the slot until it ends, while emit has resolved', async () => {
      const { clock, queue, noted, end } = openQueue();
      const emission = queue.emit('job', 1, { timeoutMs: 100 });
      queue.post('note', 2);
      await clock.advance(99);
      expect(await stateOf(emission)).toBe('pending');
      await clock.advance(1);
      expect((await emission).failures).toMatchObject([{ code: 'HANDLER_TIMEOUT' }]);
      expect([queue.running, queue.size]).toEqual([1, 1]);
      expect(queue.inspect()).toMatchObject({ running: [{ late: 1 }], counts: { started: 1, ended: 0 } });
      await clock.advance(5_000);
      expect(noted).toEqual([]);
      await end(1);
      expect(noted).toEqual([2]);
      expect(queue.inspect()).toMatchObject({ running: [], counts: { started: 2, ended: 2 } });
    });

    it('[31] that fails frees the slot as well', async () => {
      const { clock, queue, noted, fail } = openQueue();
      queue.post('job', 1, { timeoutMs: 100 });
      queue.post('note', 2);
      await clock.advance(100);
      await fail(1, new Error('too late'));
      expect(noted).toEqual([2]);
    });

    it('[31] holds the slot for at most lateMs, and is then abandoned', async () => {
      const { clock, bus, queue, noted } = openQueue({}, { lateMs: 500 });
      queue.post('job', 1, { timeoutMs: 100 });
      queue.post('note', 2);
      await clock.advance(599);
      expect(noted).toEqual([]);
      await clock.advance(1);
      expect(noted).toEqual([2]);
      expect(bus.inspect().counts).toMatchObject({ late: 0, abandoned: 1 });
      expect(queue.inspect()).toMatchObject({ running: [], counts: { started: 2, ended: 2 } });
    });

    it('[31] that ends after it was abandoned frees no slot twice', async () => {
      const { clock, queue, started, end } = openQueue({}, { lateMs: 500 });
      queue.post('job', 1, { timeoutMs: 100 });
      for (const job of [2, 3]) queue.post('job', job);
      await clock.advance(600);
      expect(started).toEqual([1, 2]);
      await end(1);
      expect(started).toEqual([1, 2]);
      expect(queue.running).toBe(1);
      await end(2);
      expect(started).toEqual([1, 2, 3]);
    });

    it('[31] of several handlers holds the slot until the last of it ends', async () => {
      const { clock, bus, queue, noted } = openQueue({ timeoutMs: 100 });
      const gates = [deferred(), deferred()];
      for (const gate of gates) bus.on('tick', () => gate.promise);
      const emission = queue.emit('tick', 1, { mode: 'concurrent' });
      queue.post('note', 2);
      await clock.advance(100);
      expect((await emission).failures).toHaveLength(2);
      expect(queue.inspect().running).toMatchObject([{ late: 2 }]);
      gates[0]?.resolve();
      await settled();
      expect(noted).toEqual([]);
      expect(queue.inspect().running).toMatchObject([{ late: 1 }]);
      gates[1]?.resolve();
      await settled();
      expect(noted).toEqual([2]);
    });

    it('[31] that ends before its emission does holds nothing', async () => {
      const { clock, bus, queue, noted } = openQueue();
      const [late, slow] = [deferred(), deferred()];
      bus.on('tick', () => late.promise, { timeoutMs: 100 });
      bus.on('tick', () => slow.promise);
      queue.post('tick');
      queue.post('note', 1);
      await clock.advance(100);
      late.resolve();
      await settled();
      expect(noted).toEqual([]);
      slow.resolve();
      await settled();
      expect(noted).toEqual([1]);
    });

    it('[31] runs inline what it emits, on the slot that it holds', async () => {
      const { clock, bus, queue, noted } = openQueue();
      const gate = deferred();
      bus.on(
        'slow',
        async (_payload, ctx) => {
          await gate.promise;
          await queue.emit('note', 'from late work', { parent: ctx });
        },
        { timeoutMs: 100 },
      );
      queue.post('slow');
      queue.post('note', 'next');
      await clock.advance(100);
      gate.resolve();
      await settled();
      expect(noted).toEqual(['from late work', 'next']);
    });

    it('[31] of one that never ends leaves the other slots alone', async () => {
      const { clock, bus, queue, noted } = openQueue({ concurrency: 2 }, { lateMs: Infinity });
      bus.on('stuck', never, { timeoutMs: 100 });
      queue.post('stuck');
      await clock.advance(1_000_000);
      for (let n = 0; n < 10; n++) queue.post('note', n);
      await settled();
      expect(noted).toHaveLength(10);
      expect(queue.running).toBe(1);
    });
  });
});
