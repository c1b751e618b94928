import { describe, expect, it } from 'vitest';
import { AmbusError } from '../../src/index.js';
import type { EventQueue, QueueIdleOptions } from '../../src/queue/index.js';
import { deferred, promisesSettled, rejectionOf } from '../bus/deferred.js';
import { stateOf } from '../bus/promise-state.js';
import { describeBothQueues, settled } from './queues.js';

/** What `idle` and `hasRoom` refuse, and the code that says so. */
const REFUSALS: readonly (readonly [string, unknown, string])[] = [
  ['a timeoutMs of 0', { timeoutMs: 0 }, 'INVALID_OPTION'],
  ['a timeoutMs of NaN', { timeoutMs: Number.NaN }, 'INVALID_OPTION'],
  ['a timeoutMs that is text', { timeoutMs: '5' }, 'INVALID_OPTION'],
  ['a signal that is none', { signal: {} }, 'INVALID_OPTION'],
  ['a parent that is none', { parent: {} }, 'INVALID_OPTION'],
  ['a misspelt option', { timeout: 5 }, 'UNKNOWN_OPTION'],
  ['options that are none', 5, 'INVALID_ARGUMENT'],
];

describeBothQueues((openQueue) => {
  describe('idle', () => {
    it('[32] resolves where nothing waits and nothing runs', async () => {
      const { queue } = openQueue();
      await expect(queue.idle()).resolves.toBeUndefined();
      queue.post('note', 1);
      await queue.idle();
      await expect(queue.idle()).resolves.toBeUndefined();
    });

    it('[32] waits for what waits, and for what runs', async () => {
      const { queue, end } = openQueue();
      for (const job of ['a', 'b']) queue.post('job', job);
      const idle = queue.idle();
      expect(await stateOf(idle)).toBe('pending');
      await end('a');
      expect(await stateOf(idle)).toBe('pending');
      await end('b');
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('[32] waits for late work, and for inline emissions', async () => {
      const { clock, bus, queue, end } = openQueue();
      bus.on('parent', () => void queue.emit('job', 'child'));
      queue.post('parent');
      queue.post('job', 'late', { timeoutMs: 100 });
      const idle = queue.idle();
      await settled();
      expect(await stateOf(idle)).toBe('pending');
      await end('child');
      await clock.advance(100);
      expect(await stateOf(idle)).toBe('pending');
      await end('late');
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('[32] waits for delayed events', async () => {
      const { clock, queue, noted } = openQueue();
      queue.post('note', 1, { delayMs: 100 });
      const idle = queue.idle();
      await clock.advance(99);
      expect(await stateOf(idle)).toBe('pending');
      await clock.advance(1);
      expect(await stateOf(idle)).toBe('fulfilled');
      expect(noted).toEqual([1]);
    });

    it('[32] waits for those that wait for room', async () => {
      const { queue, noted } = openQueue({ capacity: 1, overflow: 'wait' });
      for (const n of [1, 2, 3]) void queue.emit('note', n);
      await queue.idle();
      expect(noted).toEqual([1, 2, 3]);
    });

    it('[32] waits for what comes while it waits, also from handlers', async () => {
      const { bus, queue, noted, end } = openQueue();
      bus.on('job', () => void queue.post('note', 'posted'));
      queue.post('job', 'a');
      const idle = queue.idle();
      await settled();
      queue.post('job', 'b');
      await end('a');
      expect(await stateOf(idle)).toBe('pending');
      await end('b');
      expect(await stateOf(idle)).toBe('fulfilled');
      expect(noted).toEqual(['posted', 'posted']);
    });

    it('[32] does not resolve while the queue is paused and something waits', async () => {
      const { queue } = openQueue({ paused: true });
      await queue.idle();
      queue.post('note', 1);
      const idle = queue.idle();
      expect(await stateOf(idle)).toBe('pending');
      queue.resume();
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it.each<[string, (queue: EventQueue, controller: AbortController) => void]>([
      ['is cleared', (queue) => queue.clear()],
      ['is aborted', (_, controller) => controller.abort()],
    ])('[32] resolves when the last event %s', async (_, leave) => {
      const { queue } = openQueue({ paused: true });
      const controller = new AbortController();
      queue.post('note', 1, { signal: controller.signal });
      const idle = queue.idle();
      expect(await stateOf(idle)).toBe('pending');
      leave(queue, controller);
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('[32] resolves when the last event expires', async () => {
      const { clock, queue } = openQueue({ paused: true });
      queue.post('note', 1, { maxWaitMs: 100 });
      const idle = queue.idle();
      await clock.advance(100);
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('[32] resolves for everyone who waits', async () => {
      const { queue, end } = openQueue();
      queue.post('job', 'a');
      const idles = [queue.idle(), queue.idle(), queue.idle({ timeoutMs: 1_000 })];
      await settled();
      await end('a');
      await Promise.all(idles);
    });

    it('[32] rejects with IDLE_TIMEOUT when it takes longer than timeoutMs, and says what is left', async () => {
      const { clock, queue } = openQueue({ name: 'orders' });
      queue.post('job', 'a');
      queue.post('note', 1);
      const idle = queue.idle({ timeoutMs: 100 });
      const rejection = rejectionOf(idle);
      await clock.advance(99);
      expect(await stateOf(idle)).toBe('pending');
      await clock.advance(1);
      const error = await rejection;
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).toMatchObject({ code: 'IDLE_TIMEOUT' });
      for (const part of ['orders', '100']) expect((error as AmbusError).message).toContain(part);
    });

    it('[32] leaves no timer when it resolves in time', async () => {
      const { clock, queue, end } = openQueue();
      queue.post('job', 'a');
      const idle = queue.idle({ timeoutMs: 100 });
      await settled();
      await end('a');
      await idle;
      expect(clock.pending).toBe(0);
    });

    it('[32] rejects with the reason of its signal, aborted before or meanwhile', async () => {
      const { queue } = openQueue({ paused: true });
      queue.post('note', 1);
      expect(await rejectionOf(queue.idle({ signal: AbortSignal.abort('enough') }))).toBe('enough');
      const controller = new AbortController();
      const rejection = rejectionOf(queue.idle({ signal: controller.signal }));
      controller.abort('meanwhile');
      expect(await rejection).toBe('meanwhile');
    });

    it.each(REFUSALS)('[32] refuses %s', async (_, options, code) => {
      const { queue } = openQueue();
      expect(await rejectionOf(queue.idle(options as QueueIdleOptions))).toMatchObject({ code });
    });
  });

  describe('idle within an emission of the queue', () => {
    it('[32] does not wait for that emission', async () => {
      const { bus, queue } = openQueue();
      bus.on('parent', async (_payload, ctx) => {
        await queue.idle();
        await promisesSettled();
        await queue.idle();
        await queue.idle({ parent: ctx });
      });
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
    });

    it('[32] does not wait for the emissions that it is inline in', async () => {
      const { bus, queue } = openQueue();
      bus.on('parent', () => queue.emit('child'));
      bus.on('child', () => queue.idle());
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
    });

    it("[32] finds that emission by `parent`, with asyncContext: 'never'", async () => {
      const { bus, queue } = openQueue({}, { asyncContext: 'never' });
      bus.on('parent', async (_payload, ctx) => {
        await promisesSettled();
        await queue.idle({ parent: ctx });
      });
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
    });

    it('[32] does not wait for what cannot start before that emission ends: for want of a slot', async () => {
      const { bus, queue, noted } = openQueue();
      bus.on('parent', async () => {
        queue.post('note', 'posted');
        await queue.idle();
        noted.push('parent ends');
      });
      queue.post('parent');
      queue.post('note', 'waits');
      await queue.idle();
      expect(noted).toEqual(['parent ends', 'waits', 'posted']);
    });

    it('[32] does not wait for what cannot start before that emission ends: for want of its key', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: 2 });
      bus.on('parent', async () => {
        await queue.idle();
        noted.push('parent ends');
      });
      queue.post('parent', 1, { key: 'a' });
      queue.post('note', 'waits', { key: 'a' });
      await queue.idle();
      expect(noted).toEqual(['parent ends', 'waits']);
    });

    it('[32] waits for what runs beside it, and for what can start there', async () => {
      const { bus, queue, started, noted, end } = openQueue({ concurrency: 2 });
      bus.on('parent', async () => {
        await queue.idle();
        noted.push('parent ends');
      });
      queue.post('parent');
      queue.post('job', 'beside');
      queue.post('job', 'behind');
      await settled();
      await end('beside');
      expect([started, noted]).toEqual([['beside', 'behind'], []]);
      await end('behind');
      expect(noted).toEqual(['parent ends']);
    });

    it('[32] waits for its own inline emissions', async () => {
      const { bus, queue, noted, end } = openQueue();
      bus.on('parent', async () => {
        void queue.emit('job', 'child');
        await queue.idle();
        noted.push('parent ends');
      });
      queue.post('parent');
      await settled();
      expect(noted).toEqual([]);
      await end('child');
      expect(noted).toEqual(['parent ends']);
    });

    it('[32] does not hang where two emissions wait for it', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: 2 });
      bus.on('parent', async (n) => {
        await settled();
        await queue.idle();
        noted.push(n);
      });
      queue.post('parent', 1);
      queue.post('parent', 2);
      queue.post('note', 'waits');
      await queue.idle();
      expect([...noted].sort()).toEqual([1, 2, 'waits']);
    });
  });

  describe('hasRoom', () => {
    it('[32] resolves where there is room', async () => {
      await expect(openQueue().queue.hasRoom()).resolves.toBeUndefined();
      const { queue } = openQueue({ paused: true, capacity: 2 });
      queue.post('note', 1);
      await expect(queue.hasRoom()).resolves.toBeUndefined();
    });

    it('[32] waits until there is room, however that comes', async () => {
      const { queue, end } = openQueue({ capacity: 1 });
      queue.post('job', 'a');
      await settled();
      queue.post('job', 'b');
      const room = queue.hasRoom();
      expect(await stateOf(room)).toBe('pending');
      await end('a');
      expect(await stateOf(room)).toBe('fulfilled');
      queue.post('job', 'c');
      const cleared = queue.hasRoom();
      expect(await stateOf(cleared)).toBe('pending');
      queue.clear();
      expect(await stateOf(cleared)).toBe('fulfilled');
      const controller = new AbortController();
      queue.post('job', 'd', { signal: controller.signal });
      const aborted = queue.hasRoom();
      expect(await stateOf(aborted)).toBe('pending');
      controller.abort();
      expect(await stateOf(aborted)).toBe('fulfilled');
    });

    it('[32] lets a producer post without ever being refused', async () => {
      const { queue, noted } = openQueue({ capacity: 2, concurrency: 2 });
      const accepted: boolean[] = [];
      for (let n = 0; n < 100; n++) {
        await queue.hasRoom();
        accepted.push(queue.post('note', n));
      }
      await queue.idle();
      expect(accepted).not.toContain(false);
      expect(noted).toHaveLength(100);
    });

    it('[32] resolves for everyone who asks while there is room, whether or not the others make use of it', async () => {
      const { queue } = openQueue({ paused: true, capacity: 1 });
      const before = [queue.hasRoom(), queue.hasRoom()];
      await settled();
      expect(await Promise.all(before.map(stateOf))).toEqual(['fulfilled', 'fulfilled']);
      queue.post('note', 1);
      const meanwhile = [queue.hasRoom(), queue.hasRoom()];
      expect(await Promise.all(meanwhile.map(stateOf))).toEqual(['pending', 'pending']);
      queue.clear();
      await settled();
      expect(await Promise.all(meanwhile.map(stateOf))).toEqual(['fulfilled', 'fulfilled']);
    });

    it('[32] lets several producers post, none of which is ever refused', async () => {
      const { queue, noted } = openQueue({ capacity: 2 });
      const produce = async (name: string) => {
        const accepted: boolean[] = [];
        for (let n = 0; n < 20; n++) {
          await queue.hasRoom();
          accepted.push(queue.post('note', `${name}${n}`));
        }
        return accepted;
      };
      const accepted = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(produce));
      await queue.idle();
      expect(accepted.flat()).not.toContain(false);
      expect(noted).toHaveLength(100);
    });

    it('[32] waits for those that wait for room themselves, under the policy wait', async () => {
      const { queue, end } = openQueue({ capacity: 1, overflow: 'wait' });
      queue.post('job', 'a');
      await settled();
      for (const job of ['b', 'c']) void queue.emit('job', job);
      const room = queue.hasRoom();
      await end('a');
      expect(await stateOf(room)).toBe('pending');
      await end('b');
      expect(await stateOf(room)).toBe('fulfilled');
    });

    it('[32] rejects with WAIT_TIMEOUT when it takes longer than timeoutMs', async () => {
      const { clock, queue } = openQueue({ paused: true, capacity: 1 });
      queue.post('note', 1);
      const rejection = rejectionOf(queue.hasRoom({ timeoutMs: 100 }));
      await clock.advance(100);
      expect(await rejection).toMatchObject({ code: 'WAIT_TIMEOUT' });
      expect(clock.pending).toBe(0);
    });

    it('[32] rejects with the reason of its signal, aborted before or meanwhile', async () => {
      const { queue } = openQueue({ paused: true, capacity: 1 });
      queue.post('note', 1);
      expect(await rejectionOf(queue.hasRoom({ signal: AbortSignal.abort('enough') }))).toBe('enough');
      const controller = new AbortController();
      const rejection = rejectionOf(queue.hasRoom({ signal: controller.signal }));
      controller.abort('meanwhile');
      expect(await rejection).toBe('meanwhile');
    });

    it('[32] rejects with QUEUE_CLOSED when the queue is closed, before or meanwhile', async () => {
      const { queue } = openQueue({ paused: true, capacity: 1 });
      queue.post('note', 1);
      const rejection = rejectionOf(queue.hasRoom());
      await queue.close();
      expect(await rejection).toMatchObject({ code: 'QUEUE_CLOSED' });
      expect(await rejectionOf(queue.hasRoom())).toMatchObject({ code: 'QUEUE_CLOSED' });
    });

    it.each(REFUSALS)('[32] refuses %s', async (_, options, code) => {
      const { queue } = openQueue();
      expect(await rejectionOf(queue.hasRoom(options as QueueIdleOptions))).toMatchObject({ code });
    });
  });

  describe('hasRoom within an emission of the queue', () => {
    it('[32] waits while another slot may yet make room', async () => {
      const { bus, queue, noted, end } = openQueue({ concurrency: 2, capacity: 1 });
      bus.on('parent', async () => {
        queue.post('note', 'waits');
        await queue.hasRoom();
        noted.push('parent ends');
      });
      queue.post('job', 'beside');
      await settled();
      queue.post('parent');
      await settled();
      expect(noted).toEqual([]);
      await end('beside');
      expect([...noted].sort()).toEqual(['parent ends', 'waits']);
    });

    it('[32] rejects with DEADLOCK where it has the only slot', async () => {
      const { bus, queue, noted } = openQueue({ capacity: 1 });
      let error: unknown;
      bus.on('parent', async () => {
        await promisesSettled();
        queue.post('note', 'waits');
        error = await rejectionOf(queue.hasRoom());
      });
      await queue.emit('parent');
      await queue.idle();
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).toMatchObject({ code: 'DEADLOCK' });
      expect(noted).toEqual(['waits']);
      expect(queue.inspect().counts.deadlocks).toBe(1);
    });

    it('[32] rejects with DEADLOCK at the last of the slots that would all wait, whose end makes room for the others', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: 2, capacity: 1 });
      const gates = [deferred(), deferred()];
      const outcomes: unknown[] = [];
      bus.on('parent', async (n) => {
        await gates[n as number]?.promise;
        await queue.hasRoom().then(
          () => outcomes.push('room'),
          (error: unknown) => outcomes.push((error as AmbusError).code),
        );
      });
      for (const n of [0, 1]) {
        queue.post('parent', n);
        await settled();
      }
      queue.post('note', 'waits');
      gates[0]?.resolve();
      await settled();
      expect(outcomes).toEqual([]);
      gates[1]?.resolve();
      await queue.idle();
      expect(outcomes).toEqual(['DEADLOCK', 'room']);
      expect(noted).toEqual(['waits']);
      expect(queue.inspect().counts.deadlocks).toBe(1);
    });

    it('[32] rejects with DEADLOCK where all slots already waited when the queue was resumed', async () => {
      const { bus, queue, noted } = openQueue({ capacity: 1 });
      let error: unknown;
      bus.on('parent', async () => {
        queue.pause();
        queue.post('note', 'waits');
        error = await rejectionOf(queue.hasRoom());
      });
      queue.post('parent');
      await settled();
      expect(error).toBeUndefined();
      queue.resume();
      await queue.idle();
      expect(error).toMatchObject({ code: 'DEADLOCK' });
      expect(noted).toEqual(['waits']);
    });

    it('[32] does not reject with DEADLOCK while the queue is paused', async () => {
      const { bus, queue, noted } = openQueue({ capacity: 1 });
      let room: Promise<unknown> | undefined;
      bus.on('parent', async () => {
        queue.pause();
        queue.post('note', 'waits');
        room = queue.hasRoom();
        room.catch(() => {});
        await settled();
        noted.push(await stateOf(room));
        queue.clear();
        await room;
      });
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
      expect(noted).toEqual(['pending']);
    });

    it('[32] is not needed for an emission inline', async () => {
      const { bus, queue, noted } = openQueue({ capacity: 1, overflow: 'wait' });
      bus.on('parent', async () => {
        queue.post('note', 'waits');
        await queue.emit('note', 'inline');
      });
      await queue.emit('parent');
      await queue.idle();
      expect(noted).toEqual(['inline', 'waits']);
    });
  });
});
