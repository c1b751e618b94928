import { describe, expect, it } from 'vitest';
import { AmbusError, around, defineEvents, type EmissionContext, type EmissionStarted } from '../../src/index.js';
import { EventQueue } from '../../src/queue/index.js';
import { deferred, promisesSettled, rejectionOf } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { stateOf } from '../bus/promise-state.js';
import { balanced, describeEveryQueue, imbalance, settled } from './queues.js';

describeEveryQueue((openQueue) => {
  describe('emit in a handler', () => {
    it('[31] runs at once, synchronously, on the slot of the emission', async () => {
      const { bus, queue, noted } = openQueue();
      bus.on('parent', async () => {
        noted.push('parent');
        const child = queue.emit('note', 'child');
        noted.push('after the call');
        await child;
        noted.push('after the await');
      });
      queue.post('parent');
      queue.post('note', 'next');
      await queue.idle();
      expect(noted).toEqual(['parent', 'child', 'after the call', 'after the await', 'next']);
    });

    it('[31] does not hang at a concurrency of 1', async () => {
      const { bus, queue } = openQueue();
      bus.on('parent', async (_payload, ctx) => {
        await queue.emit('note', 1);
        await promisesSettled();
        await queue.emit('note', 2);
        await promisesSettled();
        await queue.emit('note', 3, { parent: ctx });
      });
      expect(await queue.emit('parent')).toMatchObject({ ok: true, called: 1 });
      expect(queue.inspect().counts).toMatchObject({ enqueued: 1, started: 1, inline: 3 });
    });

    it('[31] is found after an await, by its context', async () => {
      const { bus, queue, noted } = openQueue();
      bus.on('parent', async () => {
        await null;
        await promisesSettled();
        const child = queue.emit('note', 'child');
        noted.push('after the call');
        await child;
      });
      queue.post('parent');
      queue.post('note', 'next');
      await queue.idle();
      expect(noted).toEqual(['child', 'after the call', 'next']);
    });

    it('[31] is found in timers and callbacks that it has set up', async () => {
      const { clock, bus, queue, noted } = openQueue();
      bus.on('parent', async () => {
        await new Promise<void>((resolve) => {
          clock.setTimeout(() => void queue.emit('note', 'child').then(() => resolve()), 10);
        });
      });
      queue.post('parent');
      queue.post('note', 'next');
      await clock.advance(10);
      await settled();
      expect(noted).toEqual(['child', 'next']);
    });

    it('[31] is found in a handler that starts when another has been waited for', async () => {
      const { bus, queue, noted } = openQueue();
      bus.on('parent', () => promisesSettled());
      bus.on('parent', () => queue.emit('note', 'second'));
      bus.on('parent', async () => {
        await promisesSettled();
        await queue.emit('note', 'third');
      });
      queue.post('parent');
      queue.post('note', 'next');
      await queue.idle();
      expect(noted).toEqual(['second', 'third', 'next']);
    });

    it('[31] is found in a posted emission too', async () => {
      const { bus, queue } = openQueue();
      bus.on('parent', () => queue.emit('note', 1));
      queue.post('parent');
      await queue.idle();
      expect(queue.inspect().counts).toMatchObject({ enqueued: 1, inline: 1 });
    });

    it('[31] is found through emissions of the bus', async () => {
      const { bus, queue, noted } = openQueue();
      bus.on('parent', (_payload, ctx) => ctx.emit('middle'));
      bus.on('middle', async (_payload, ctx) => {
        await queue.emit('note', 'sync');
        await promisesSettled();
        await queue.emit('note', 'async');
        await queue.emit('note', 'explicit', { parent: ctx });
        await bus.emit('inner');
      });
      bus.on('inner', async () => {
        await promisesSettled();
        await queue.emit('note', 'inner');
      });
      queue.post('parent');
      queue.post('note', 'next');
      await queue.idle();
      expect(noted).toEqual(['sync', 'async', 'explicit', 'inner', 'next']);
    });

    it('[31] is found through emissions of another bus', async () => {
      const { bus, queue, noted } = openQueue();
      const other = openQueue().bus;
      bus.on('parent', () => other.emit('elsewhere'));
      other.on('elsewhere', async () => {
        await queue.emit('note', 'sync');
        await promisesSettled();
        await queue.emit('note', 'async');
      });
      queue.post('parent');
      queue.post('note', 'next');
      await queue.idle();
      expect(noted).toEqual(['sync', 'async', 'next']);
    });

    it('[31] is found through an emission of another queue that was enqueued from it', async () => {
      const { bus, queue, noted } = openQueue();
      const other = new EventQueue(bus, { name: 'other' });
      bus.on('parent', async () => {
        await promisesSettled();
        await other.emit('middle');
      });
      bus.on('middle', async () => {
        await queue.emit('note', 'sync');
        await promisesSettled();
        await queue.emit('note', 'async');
        await other.emit('note', 'inline there');
      });
      queue.post('parent');
      queue.post('note', 'next');
      await queue.idle();
      expect(noted).toEqual(['sync', 'async', 'inline there', 'next']);
      expect(other.inspect().counts).toMatchObject({ enqueued: 1, inline: 1 });
      expect(queue.inspect().counts).toMatchObject({ enqueued: 2, inline: 2 });
    });

    it('[31] is found through what another queue emits later, as long as the slot is held', async () => {
      const { bus, queue, noted } = openQueue();
      const other = new EventQueue(bus, { name: 'other', paused: true });
      const gate = deferred();
      bus.on('parent', () => {
        other.post('middle');
        return gate.promise;
      });
      bus.on('middle', () => queue.emit('note', 'inline'));
      queue.post('parent');
      queue.post('note', 'next');
      await settled();
      other.resume();
      await other.idle();
      expect(noted).toEqual(['inline']);
      gate.resolve();
      await settled();
      expect(noted).toEqual(['inline', 'next']);
    });

    it('[31] is found in the core of an around', async () => {
      const events = defineEvents({ wrap: around<number, unknown>() });
      const { bus, queue, noted } = openQueue({}, { events: events as never, undeclared: 'allow' });
      bus.on('wrap', (_payload, ctx) => (ctx as unknown as { next(): unknown }).next());
      const core = async () => {
        await promisesSettled();
        await queue.emit('note', 'core');
      };
      void queue.emit('wrap', 1, { core } as object);
      queue.post('note', 'next');
      await queue.idle();
      expect(noted).toEqual(['core', 'next']);
    });

    it.each<[string, (queue: EventQueue, other: EventQueue) => Promise<unknown>]>([
      ['an inline emission', (queue) => queue.emit('child')],
      ['an emission of another queue', (_, other) => other.emit('child')],
    ])('[31] is found in what %s that has ended left behind, as long as the slot is held', async (_, emitChild) => {
      const { bus, queue, noted } = openQueue();
      const other = new EventQueue(bus, { name: 'other' });
      let background: Promise<unknown> | undefined;
      bus.on('child', () => {
        background = settled().then(() => queue.emit('note', 'background'));
      });
      bus.on('parent', async () => {
        await emitChild(queue, other);
        // On the only slot: it would never come if it had to wait for one.
        await background;
      });
      const emission = queue.emit('parent');
      await settled();
      await settled();
      expect(await stateOf(emission)).toBe('fulfilled');
      expect(noted).toEqual(['background']);
    });

    it('[31] is found in interceptors and filters', async () => {
      const { bus, queue, noted } = openQueue();
      const intercept = async (_emission: unknown, next: () => unknown) => {
        await promisesSettled();
        await queue.emit('note', 'interceptor');
        return next();
      };
      bus.intercept(intercept as never, { types: 'parent' });
      const filter = (): boolean => {
        queue.post('note', 'posted');
        void queue.emit('note', 'filter');
        return true;
      };
      bus.on('parent', () => {}, { filter });
      queue.post('parent');
      queue.post('note', 'next');
      await queue.idle();
      expect(noted).toEqual(['interceptor', 'filter', 'next', 'posted']);
    });

    it('[31] resolves with its result, and rejects as others do', async () => {
      const { bus, queue } = openQueue();
      let result: unknown;
      let failure: unknown;
      bus.on('child', failing.rejectsLater('no'));
      bus.on('parent', async () => {
        result = await queue.emit('child');
        failure = await rejectionOf(queue.emit('child', 1, { failurePolicy: 'throw' }));
      });
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
      expect(result).toMatchObject({ type: 'child', ok: false, called: 1 });
      expect(failure).toMatchObject({ code: 'EMIT_FAILED' });
    });

    it('[31] takes no further slot', async () => {
      const { bus, queue, started, end } = openQueue({ concurrency: 2 });
      bus.on('parent', () => queue.emit('job', 'child'));
      queue.post('parent');
      queue.post('job', 'other');
      await settled();
      expect(started).toEqual(['child', 'other']);
      expect(queue.running).toBe(2);
      expect(queue.inspect().running).toMatchObject([
        { event: 'parent', inline: 1 },
        { event: 'job', inline: 0 },
      ]);
      await end('child', 'other');
      expect(queue.running).toBe(0);
    });

    it('[31] is counted as inline, not as enqueued or started', async () => {
      const { bus, queue } = openQueue();
      bus.on('parent', async () => {
        await Promise.all([1, 2, 3].map((n) => queue.emit('note', n)));
      });
      await queue.emit('parent');
      await settled();
      expect(queue.inspect().counts).toMatchObject({ enqueued: 1, started: 1, ended: 1, inline: 3 });
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[31] goes to any depth', async () => {
      const { bus, queue } = openQueue();
      let deepest = 0;
      bus.on('down', async (depth) => {
        deepest = depth as number;
        if (deepest % 2 === 0) await null;
        if (deepest < 60) await queue.emit('down', deepest + 1, { key: `k${deepest % 3}` });
      });
      expect(await queue.emit('down', 0, { key: 'k0' })).toMatchObject({ ok: true });
      expect(deepest).toBe(60);
      await settled();
      expect(queue.inspect()).toMatchObject({ keys: 0, running: [], counts: { inline: 60 } });
    });

    it('[31] goes past what waits, pause and capacity', async () => {
      const { bus, queue, noted } = openQueue({ capacity: 1 });
      bus.on('parent', async () => {
        queue.pause();
        expect(queue.post('note', 'urgent', { priority: 9 })).toBe(true);
        expect(queue.post('note', 'refused')).toBe(false);
        await queue.emit('note', 'sync');
        await promisesSettled();
        await queue.emit('note', 'async', { priority: -1 });
        queue.resume();
      });
      await queue.emit('parent');
      await queue.idle();
      expect(noted).toEqual(['sync', 'async', 'urgent']);
    });

    it('[31] drops nothing, and does not wait for room', async () => {
      for (const overflow of ['wait', 'drop-oldest', 'drop-newest'] as const) {
        const { bus, queue, noted } = openQueue({ capacity: 1, overflow });
        bus.on('parent', async () => {
          queue.post('note', 'waits');
          await queue.emit('note', 'inline');
        });
        await queue.emit('parent');
        await queue.idle();
        expect(noted).toEqual(['inline', 'waits']);
        expect(queue.inspect().counts).toMatchObject({ dropped: 0, rejected: 0 });
      }
    });

    it('[31] may be aborted', async () => {
      const { bus, queue, noted, end } = openQueue();
      const outcomes: unknown[] = [];
      bus.on('parent', async () => {
        outcomes.push(await rejectionOf(queue.emit('note', 1, { signal: AbortSignal.abort('before') })));
        const controller = new AbortController();
        const child = rejectionOf(queue.emit('job', 'child', { signal: controller.signal }));
        controller.abort('meanwhile');
        outcomes.push(await child);
      });
      const emission = queue.emit('parent');
      await settled();
      await end('child');
      expect(await emission).toMatchObject({ ok: true });
      expect(outcomes).toEqual(['before', 'meanwhile']);
      expect(noted).toEqual([]);
    });
  });

  describe('what is not in a handler', () => {
    it('[31] waits its turn, while an emission runs', async () => {
      const { queue, started, noted, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      const emission = queue.emit('note', 'outside');
      await settled();
      expect(noted).toEqual([]);
      await end('runs');
      expect(await emission).toMatchObject({ ok: true });
      expect(started).toEqual(['runs']);
      expect(queue.inspect().counts).toMatchObject({ inline: 0, enqueued: 2 });
    });

    it('[31] waits its turn where it follows an emission, in the same asynchronous function', async () => {
      const { queue, started, noted, end } = openQueue();
      await queue.emit('note', 1);
      queue.post('job', 'runs');
      await settled();
      void queue.emit('note', 2);
      await settled();
      expect(noted).toEqual([1]);
      await end('runs');
      expect([started, noted]).toEqual([['runs'], [1, 2]]);
    });

    it('[31] waits its turn in a handler of the bus that no queue has emitted to', async () => {
      const { bus, queue } = openQueue();
      bus.on('plain', async (_payload, ctx) => {
        await promisesSettled();
        await queue.emit('note', 1);
        await queue.emit('note', 2, { parent: ctx });
      });
      await bus.emit('plain');
      expect(queue.inspect().counts).toMatchObject({ enqueued: 2, inline: 0 });
    });

    it('[31] waits its turn in another queue', async () => {
      const { bus, queue } = openQueue();
      const other = new EventQueue(bus);
      bus.on('parent', () => other.emit('note', 1));
      await queue.emit('parent');
      expect(other.inspect().counts).toMatchObject({ enqueued: 1, inline: 0 });
      expect(queue.inspect().counts).toMatchObject({ enqueued: 1, inline: 0 });
    });

    it('[31] waits its turn where the handler has ended, and the slot is over', async () => {
      const { bus, queue, noted, end } = openQueue();
      const gate = deferred();
      let parent: EmissionContext | undefined;
      bus.on('parent', (_payload, ctx) => {
        parent = ctx;
        void gate.promise.then(() => queue.emit('note', 'traced'));
      });
      await queue.emit('parent');
      queue.post('job', 'runs');
      await settled();
      void queue.emit('note', 'explicit', { parent });
      gate.resolve();
      await settled();
      expect(noted).toEqual([]);
      expect(queue.size).toBe(2);
      await end('runs');
      expect(noted).toEqual(['explicit', 'traced']);
      expect(queue.inspect().counts).toMatchObject({ enqueued: 4, inline: 0 });
    });

    it('[31] is as parentless as the call, where it follows one in a handler', async () => {
      const { bus, queue } = openQueue();
      const parents: (string | undefined)[] = [];
      bus.observe({ emissionStarted: (fact: EmissionStarted) => void parents.push(fact.parentId) });
      bus.on('parent', () => queue.emit('note', 1));
      await queue.emit('parent');
      await queue.emit('note', 2);
      expect(parents).toEqual([undefined, expect.any(String), undefined]);
    });

    it('[31] waits its turn where it is posted, also in a handler', async () => {
      const { bus, queue, noted } = openQueue();
      bus.on('parent', async (_payload, ctx) => {
        queue.post('note', 1);
        await promisesSettled();
        queue.post('note', 2, { parent: ctx });
        noted.push('parent ends');
      });
      await queue.emit('parent');
      await queue.idle();
      expect(noted).toEqual(['parent ends', 1, 2]);
      expect(queue.inspect().counts).toMatchObject({ enqueued: 3, inline: 0 });
    });
  });

  describe("with asyncContext: 'never'", () => {
    const never = { asyncContext: 'never' } as const;

    it('[31] emit is found before the first await', async () => {
      const { bus, queue } = openQueue({}, never);
      bus.on('parent', () => queue.emit('note', 1));
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
      expect(queue.inspect().counts).toMatchObject({ enqueued: 1, inline: 1 });
    });

    it('[31] emit is found after an await where it is given its parent', async () => {
      const { bus, queue } = openQueue({}, never);
      bus.on('parent', async (_payload, ctx) => {
        await promisesSettled();
        await queue.emit('note', 1, { parent: ctx });
      });
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
      expect(queue.inspect().counts).toMatchObject({ enqueued: 1, inline: 1 });
    });

    it('[31] emit is found through an emission of the bus, where that was emitted through the context', async () => {
      const { bus, queue } = openQueue({}, never);
      bus.on('parent', async (_payload, ctx) => {
        await promisesSettled();
        await ctx.emit('middle');
      });
      bus.on('middle', () => queue.emit('note', 1));
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
      expect(queue.inspect().counts).toMatchObject({ enqueued: 1, inline: 1 });
    });

    it('[31] emit waits its turn after an await where it is not', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: 2 }, never);
      bus.on('parent', async () => {
        await promisesSettled();
        await queue.emit('note', 1);
      });
      await queue.emit('parent');
      expect(noted).toEqual([1]);
      expect(queue.inspect().counts).toMatchObject({ enqueued: 2, inline: 0 });
    });
  });

  describe('the key of an inline emission', () => {
    it("[31] may be that of its parent, or of its parent's parents", async () => {
      const { bus, queue, noted } = openQueue();
      bus.on('parent', async () => {
        await queue.emit('note', 'child', { key: 'a' });
        await queue.emit('middle', 1, { key: 'b' });
      });
      bus.on('middle', async () => {
        await promisesSettled();
        await queue.emit('note', 'key of the parent', { key: 'b' });
        await queue.emit('note', "key of the parent's parent", { key: 'a' });
      });
      const emission = queue.emit('parent', 1, { key: 'a' });
      queue.post('note', 'next', { key: 'a' });
      expect(await emission).toMatchObject({ ok: true });
      await queue.idle();
      expect(noted).toEqual(['child', 'key of the parent', "key of the parent's parent", 'next']);
      expect(queue.inspect().keys).toBe(0);
    });

    it('[31] is still held by its parent when an inline emission with the same key has ended', async () => {
      const { bus, queue, noted } = openQueue({ concurrency: 2 });
      const gate = deferred();
      bus.on('parent', async () => {
        await queue.emit('note', 'child', { key: 'a' });
        await gate.promise;
      });
      queue.post('parent', 1, { key: 'a' });
      queue.post('note', 'waits', { key: 'a' });
      await settled();
      expect(noted).toEqual(['child']);
      gate.resolve();
      await settled();
      expect(noted).toEqual(['child', 'waits']);
    });

    it('[31] is taken where it is free, though events wait in its lane', async () => {
      const { bus, queue, started, noted, end } = openQueue();
      bus.on('parent', async () => {
        await settled();
        await queue.emit('job', 'child', { key: 'k' });
      });
      queue.post('parent');
      queue.post('note', 'waits', { key: 'k' });
      await settled();
      await settled();
      expect(started).toEqual(['child']);
      await end('child');
      expect(noted).toEqual(['waits']);
    });

    it('[31] is held until the inline emission has ended, and not as long as its parent', async () => {
      const { bus, queue, started, noted, end } = openQueue({ concurrency: 2 });
      const gate = deferred();
      bus.on('parent', async () => {
        await queue.emit('job', 'child', { key: 'k' });
        await gate.promise;
      });
      queue.post('parent');
      await settled();
      queue.post('note', 'waits', { key: 'k' });
      await settled();
      expect([started, noted]).toEqual([['child'], []]);
      await end('child');
      expect(noted).toEqual(['waits']);
      expect(queue.running).toBe(1);
      gate.resolve();
    });

    it('[31] is held until the late work of the inline emission has ended', async () => {
      const { clock, bus, queue, noted, end } = openQueue({ concurrency: 2 });
      const gate = deferred();
      bus.on('parent', async () => {
        await queue.emit('job', 'child', { key: 'k', timeoutMs: 100 });
        await gate.promise;
      });
      queue.post('parent');
      await settled();
      queue.post('note', 'waits', { key: 'k' });
      await clock.advance(100);
      expect(noted).toEqual([]);
      await end('child');
      expect(noted).toEqual(['waits']);
      gate.resolve();
    });

    it('[31] is waited for where it is held elsewhere, before those that wait in its lane', async () => {
      const { bus, queue, started, noted, end } = openQueue({ concurrency: 2 });
      bus.on('parent', async () => {
        await queue.emit('note', 'child', { key: 'k' });
        noted.push('parent ends');
      });
      queue.post('job', 'holder', { key: 'k' });
      queue.post('note', 'waits', { key: 'k', priority: 9 });
      queue.post('parent', 1, { priority: -1 });
      await settled();
      expect([started, noted]).toEqual([['holder'], []]);
      expect(queue.inspect()).toMatchObject({
        size: 1,
        running: [
          { event: 'job', inline: 0 },
          { event: 'parent', inline: 1 },
        ],
      });
      await end('holder');
      expect(noted.slice(0, 2)).toEqual(['child', expect.any(String)]);
      expect([...noted].sort()).toEqual(['child', 'parent ends', 'waits']);
      expect(queue.inspect()).toMatchObject({ keys: 0, running: [] });
    });

    it('[31] is waited for, in the order in which they came, by several', async () => {
      const { bus, queue, noted, end } = openQueue({ concurrency: 3 });
      bus.on('parent', (name) => queue.emit('note', `child of ${String(name)}`, { key: 'k' }));
      queue.post('job', 'holder', { key: 'k' });
      queue.post('parent', 1);
      queue.post('parent', 2);
      queue.post('note', 'waits', { key: 'k' });
      await settled();
      expect(noted).toEqual([]);
      await end('holder');
      expect(noted).toEqual(['child of 1', 'child of 2', 'waits']);
    });

    it('[31] is waited for where another inline emission of the same parent holds it', async () => {
      const { bus, queue, started, end } = openQueue();
      bus.on('parent', async () => {
        await Promise.all(['first', 'second'].map((job) => queue.emit('job', job, { key: 'k' })));
      });
      const emission = queue.emit('parent');
      await settled();
      expect(started).toEqual(['first']);
      await end('first');
      expect(started).toEqual(['first', 'second']);
      await end('second');
      expect(await emission).toMatchObject({ ok: true });
    });

    it('[31] is waited for also while the queue is paused', async () => {
      const { bus, queue, noted, end } = openQueue({ concurrency: 2 });
      bus.on('parent', () => queue.emit('note', 'child', { key: 'k' }));
      queue.post('job', 'holder', { key: 'k' });
      queue.post('parent');
      await settled();
      queue.pause();
      await end('holder');
      expect(noted).toEqual(['child']);
    });

    it('[31] need not be waited for by one that is aborted', async () => {
      const { bus, queue, noted, end } = openQueue({ concurrency: 2 });
      const controller = new AbortController();
      let outcome: unknown;
      bus.on('parent', async () => {
        outcome = await rejectionOf(queue.emit('note', 'child', { key: 'k', signal: controller.signal }));
      });
      queue.post('job', 'holder', { key: 'k' });
      queue.post('note', 'waits', { key: 'k' });
      queue.post('parent');
      await settled();
      controller.abort('enough');
      await settled();
      expect(outcome).toBe('enough');
      expect(queue.running).toBe(1);
      await end('holder');
      expect(noted).toEqual(['waits']);
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[31] is not waited for by one whose signal has aborted before', async () => {
      const { bus, queue, noted, end } = openQueue({ concurrency: 2 });
      let outcome: unknown;
      bus.on('parent', async () => {
        const options = { key: 'k', signal: AbortSignal.abort('before') };
        outcome = await rejectionOf(queue.emit('note', 'child', options));
      });
      queue.post('job', 'holder', { key: 'k' });
      queue.post('parent');
      await settled();
      expect(outcome).toBe('before');
      await end('holder');
      expect(noted).toEqual([]);
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[31] is waited for no longer than maxWaitMs', async () => {
      const { clock, bus, queue, noted, end } = openQueue({ concurrency: 2 });
      let outcome: unknown;
      bus.on('parent', async () => {
        outcome = await rejectionOf(queue.emit('note', 'child', { key: 'k', maxWaitMs: 100 }));
      });
      queue.post('job', 'holder', { key: 'k' });
      const emission = queue.emit('parent');
      await clock.advance(99);
      expect(outcome).toBeUndefined();
      await clock.advance(1);
      expect(outcome).toMatchObject({ code: 'EXPIRED' });
      expect(await emission).toMatchObject({ ok: true });
      await end('holder');
      expect(noted).toEqual([]);
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[31] is not waited for any more by a call whose own handler has not awaited it, but still comes', async () => {
      const { bus, queue, noted, end } = openQueue({ concurrency: 2 });
      bus.on('parent', () => void queue.emit('note', 'child', { key: 'k' }));
      queue.post('job', 'holder', { key: 'k' });
      const parent = queue.emit('parent');
      expect(await stateOf(parent)).toBe('fulfilled');
      expect(queue.running).toBe(2);
      await end('holder');
      expect(noted).toEqual(['child']);
      expect(queue.running).toBe(0);
    });
  });

  describe('the delay of an inline emission', () => {
    it('[31] passes, and then it runs inline where its parent still runs', async () => {
      const { clock, bus, queue, noted } = openQueue();
      bus.on('parent', async () => {
        await queue.emit('note', 'child', { delayMs: 100 });
        noted.push('parent ends');
      });
      const emission = queue.emit('parent');
      queue.post('note', 'next', { priority: 9 });
      await clock.advance(99);
      // The first to be emitted was the one of the higher priority.
      expect(noted).toEqual(['next']);
      queue.post('note', 'last', { priority: 9 });
      await clock.advance(1);
      expect(await emission).toMatchObject({ ok: true });
      await queue.idle();
      expect(noted).toEqual(['next', 'child', 'parent ends', 'last']);
      expect(queue.inspect().counts).toMatchObject({ enqueued: 3, inline: 1 });
    });

    it('[31] passes, and then it joins the queue where its parent has ended', async () => {
      const { clock, bus, queue, started, noted, end } = openQueue();
      let child: Promise<unknown> | undefined;
      bus.on('parent', () => {
        child = queue.emit('note', 'child', { delayMs: 100 });
      });
      await queue.emit('parent');
      queue.post('job', 'runs');
      queue.post('note', 'waits');
      await clock.advance(100);
      expect([started, noted]).toEqual([['runs'], []]);
      queue.post('note', 'after');
      await end('runs');
      expect(noted).toEqual(['waits', 'child', 'after']);
      expect(await child).toMatchObject({ ok: true });
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[31] may be aborted', async () => {
      const { clock, bus, queue, noted } = openQueue();
      const controller = new AbortController();
      let outcome: unknown;
      bus.on('parent', async () => {
        outcome = await rejectionOf(queue.emit('note', 'child', { delayMs: 100, signal: controller.signal }));
      });
      const emission = queue.emit('parent');
      await clock.advance(50);
      controller.abort('enough');
      expect(await emission).toMatchObject({ ok: true });
      expect(outcome).toBe('enough');
      await clock.advance(100);
      expect(noted).toEqual([]);
    });
  });

  describe('a cycle of waits', () => {
    /** Runs emissions of `step`, each of which holds a key and then emits with the next one of a list. */
    const ring = async (keys: readonly string[], concurrency: number) => {
      const workshop = openQueue({ name: 'orders', concurrency });
      const { bus, queue } = workshop;
      const outcomes = new Map<string, unknown>();
      const all = deferred();
      let ready = 0;
      for (const [n, key] of keys.entries()) {
        const next = keys[(n + 1) % keys.length] as string;
        bus.on(`step.${key}`, async (_payload, ctx) => {
          if (++ready === keys.length) all.resolve();
          await all.promise;
          // One after the other, so that it is always the last call that would close the circle.
          for (let turn = 0; turn < n; turn++) await promisesSettled();
          await queue.emit(`inner.${key}`, key, { key: next, parent: ctx }).then(
            (result) => outcomes.set(key, result.ok),
            (error: unknown) => outcomes.set(key, error),
          );
        });
      }
      const emissions = keys.map((key) => queue.emit(`step.${key}`, 1, { key }));
      const results = await Promise.all(emissions);
      return { ...workshop, results, outcomes };
    };

    it.each([
      ['two', ['a', 'b']],
      ['three', ['a', 'b', 'c']],
      ['five', ['a', 'b', 'c', 'd', 'e']],
    ])('[31] of %s is refused with DEADLOCK at the call that would close it, and the others go on', async (_, keys) => {
      const { queue, results, outcomes } = await ring(keys, keys.length);
      expect(results.every(({ ok }) => ok)).toBe(true);
      const last = keys.at(-1) as string;
      const error = outcomes.get(last);
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).toMatchObject({ code: 'DEADLOCK' });
      for (const key of keys.slice(0, -1)) expect(outcomes.get(key)).toBe(true);
      await settled();
      expect(queue.inspect()).toMatchObject({
        keys: 0,
        running: [],
        counts: { deadlocks: 1, inline: keys.length - 1, enqueued: keys.length, ended: keys.length },
      });
    });

    it.each([
      ['two', ['a', 'b']],
      ['three', ['a', 'b', 'c']],
    ])('[31] of %s is explained, with every event and key of the chain', async (_, keys) => {
      const { outcomes } = await ring(keys, keys.length);
      const { message, details } = outcomes.get(keys.at(-1) as string) as AmbusError;
      const chain = JSON.stringify(details['chain']);
      for (const key of keys) {
        expect(message).toContain(`step.${key}`);
        expect(chain).toContain(`step.${key}`);
        expect(chain).toContain(JSON.stringify(key).slice(1, -1));
      }
      expect(message).toContain(`inner.${keys.at(-1)}`);
    });

    it('[31] is found through the children of children', async () => {
      const { bus, queue } = openQueue({ concurrency: 2 });
      const outcomes: unknown[] = [];
      const gates = [deferred(), deferred()];
      bus.on('left', async () => {
        await gates[0]?.promise;
        await queue.emit('left.child', 1, { key: 'c' });
      });
      bus.on('left.child', () => queue.emit('note', 'left', { key: 'b' }));
      bus.on('right', async () => {
        await gates[1]?.promise;
        await queue.emit('right.child');
      });
      bus.on('right.child', async () => {
        outcomes.push(await rejectionOf(queue.emit('note', 'right', { key: 'a' })));
        outcomes.push(await rejectionOf(queue.emit('note', 'right', { key: 'c' })));
      });
      const emissions = [queue.emit('left', 1, { key: 'a' }), queue.emit('right', 1, { key: 'b' })];
      await settled();
      gates[0]?.resolve();
      await settled();
      gates[1]?.resolve();
      expect(await Promise.all(emissions)).toMatchObject([{ ok: true }, { ok: true }]);
      expect(outcomes).toMatchObject([{ code: 'DEADLOCK' }, { code: 'DEADLOCK' }]);
      expect(queue.inspect().counts.deadlocks).toBe(2);
    });

    it('[31] is found between two inline emissions of one parent', async () => {
      const { bus, queue } = openQueue();
      const outcomes: unknown[] = [];
      bus.on('parent', () =>
        Promise.all([queue.emit('child', 'x', { key: 'x' }), queue.emit('child', 'y', { key: 'y' })]),
      );
      bus.on('child', async (own) => {
        await settled();
        const other = own === 'x' ? 'y' : 'x';
        await queue.emit('note', own, { key: other }).then(
          ({ ok }) => outcomes.push(ok),
          (error: unknown) => outcomes.push((error as AmbusError).code),
        );
      });
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
      expect(outcomes).toEqual(['DEADLOCK', true]);
    });

    it('[31] is none where the holder of the key only runs, and waits for nobody', async () => {
      const { bus, queue, started, noted, end } = openQueue({ concurrency: 3 });
      bus.on('parent', (_payload) => queue.emit('note', 'child', { key: 'k' }));
      queue.post('job', 'holder', { key: 'k' });
      queue.post('parent', 1, { key: 'p' });
      queue.post('note', 'waits for the parent', { key: 'p' });
      await settled();
      expect(queue.inspect().counts.deadlocks).toBe(0);
      await end('holder');
      expect(noted).toEqual(['child', 'waits for the parent']);
      expect(started).toEqual(['holder']);
    });

    it('[31] is refused also where the key is waited for after a delay', async () => {
      const { clock, bus, queue } = openQueue({ concurrency: 2 });
      const outcomes: unknown[] = [];
      const run = (own: string, other: string, delayMs: number) => async () => {
        await queue.emit('note', own, { key: other, delayMs }).then(
          ({ ok }) => outcomes.push(ok),
          (error: unknown) => outcomes.push((error as AmbusError).code),
        );
      };
      bus.on('left', run('a', 'b', 50));
      bus.on('right', run('b', 'a', 100));
      const emissions = [queue.emit('left', 1, { key: 'a' }), queue.emit('right', 1, { key: 'b' })];
      await clock.advance(100);
      expect(await Promise.all(emissions)).toMatchObject([{ ok: true }, { ok: true }]);
      expect(outcomes).toEqual(['DEADLOCK', true]);
    });

    it('[31] is told to observers, and counted by the bus', async () => {
      const facts: unknown[] = [];
      const { bus, queue } = openQueue({ name: 'orders', concurrency: 2 });
      bus.observe({ dropped: (fact) => void facts.push(fact) });
      const both = deferred();
      let ready = 0;
      const run = (other: string) => async () => {
        if (++ready === 2) both.resolve();
        await both.promise;
        await queue.emit('note', other, { key: other }).catch(() => {});
      };
      bus.on('left', run('b'));
      bus.on('right', run('a'));
      await Promise.all([queue.emit('left', 1, { key: 'a' }), queue.emit('right', 1, { key: 'b' })]);
      expect(facts).toMatchObject([{ type: 'note', queue: 'orders', error: { code: 'DEADLOCK' } }]);
      expect(bus.inspect().counts.dropped).toBe(1);
    });
  });
});
