import { describe, expect, it } from 'vitest';
import { AmbusError, type BusFacts, type Dequeued, type Dropped, type Enqueued, EventBus } from '../../src/index.js';
import { EventQueue, type QueueOptions } from '../../src/queue/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { uncaughtDuring } from '../bus/uncaught.js';
import { balanced, describeBothQueues, imbalance, type OpenQueue, randomNumbers, settled } from './queues.js';

/** A queue with an observer, and what that is told. */
function observed(openQueue: OpenQueue, options?: QueueOptions) {
  const workshop = openQueue(options);
  const enqueued: Enqueued[] = [];
  const dequeued: Dequeued[] = [];
  const dropped: Dropped[] = [];
  workshop.bus.observe({
    enqueued: (fact) => enqueued.push(fact),
    dequeued: (fact) => dequeued.push(fact),
    dropped: (fact) => dropped.push(fact),
  });
  return { ...workshop, enqueued, dequeued, dropped };
}

const codeOf = ({ error }: Dropped) => (error instanceof AmbusError ? error.code : error);

describeBothQueues((openQueue) => {
  describe('facts', () => {
    it('[25] tell what comes in', () => {
      const { queue, enqueued } = observed(openQueue, { name: 'orders', paused: true });
      const payload = { id: 'o1' };
      const key = { id: 'c1' };
      queue.post('order.placed', payload, { priority: 5, key, delayMs: 100 });
      void queue.emit('note', 1);
      const common = { queue: 'orders', emissionId: expect.any(String), parentId: undefined };
      expect(enqueued).toEqual([
        { ...common, type: 'order.placed', payload, priority: 5, key, delayMs: 100, size: 1 },
        { ...common, type: 'note', payload: 1, priority: 0, key: undefined, delayMs: 0, size: 2 },
      ]);
      expect(enqueued[0]?.payload).toBe(payload);
      expect(enqueued[0]?.key).toBe(key);
    });

    it('[25] tell what leaves to be emitted, and how long it waited since it was due', async () => {
      const { clock, queue, dequeued, end } = observed(openQueue, { name: 'orders' });
      queue.post('job', 'a');
      await clock.advance(30);
      queue.post('note', 'b', { priority: 2, key: 'k' });
      queue.post('note', 'c', { delayMs: 50 });
      await clock.advance(70);
      await end('a');
      const common = { queue: 'orders', emissionId: expect.any(String), inline: false };
      expect(dequeued).toEqual([
        { ...common, type: 'job', payload: 'a', priority: 0, key: undefined, waitedMs: 0 },
        { ...common, type: 'note', payload: 'b', priority: 2, key: 'k', waitedMs: 70 },
        { ...common, type: 'note', payload: 'c', priority: 0, key: undefined, waitedMs: 20 },
      ]);
    });

    it('[25] tell inline emissions, which wait only for their key', async () => {
      const { clock, bus, queue, dequeued, enqueued, end } = observed(openQueue, { concurrency: 2 });
      bus.on('parent', async () => {
        await queue.emit('note', 'at once');
        await queue.emit('note', 'waits', { key: 'k', priority: 3 });
      });
      queue.post('job', 'holder', { key: 'k' });
      queue.post('parent');
      await clock.advance(25);
      await end('holder');
      expect(dequeued.map(({ payload, inline }) => [payload, inline])).toEqual([
        ['holder', false],
        [undefined, false],
        ['at once', true],
        ['waits', true],
      ]);
      expect(dequeued[2]).toMatchObject({ queue: 'queue', type: 'note', key: undefined, waitedMs: 0 });
      expect(dequeued[3]).toMatchObject({ key: 'k', priority: 3, waitedMs: 25 });
      expect(enqueued).toHaveLength(2);
    });

    it('[25] carry the id of the emission, from the first to the last', async () => {
      const { bus, queue } = openQueue({ paused: true });
      const facts: [string, string | undefined][] = [];
      const note = (name: keyof BusFacts) => (fact: { readonly emissionId: string | undefined }) =>
        facts.push([name, fact.emissionId]);
      const contexts: string[] = [];
      bus.observe({
        enqueued: note('enqueued'),
        dequeued: note('dequeued'),
        emissionStarted: note('emissionStarted'),
        handlerStarted: note('handlerStarted'),
        emissionSettled: note('emissionSettled'),
      });
      bus.on('tick', async (_payload, ctx) => {
        contexts.push(ctx.id);
      });
      queue.post('tick', 1);
      const emission = queue.emit('tick', 2, { key: 'a', signal: new AbortController().signal });
      queue.resume();
      await emission;
      const [first, second] = contexts;
      expect(first).not.toBe(second);
      const course = ['dequeued', 'emissionStarted', 'handlerStarted', 'emissionSettled'];
      expect(facts).toEqual([
        ['enqueued', first],
        ['enqueued', second],
        ...course.map((name) => [name, first]),
        ...course.map((name) => [name, second]),
      ]);
    });

    it('[25] carry the id of the emission also where only its start is observed', async () => {
      const { bus, queue } = openQueue();
      const ids: (string | undefined)[] = [];
      bus.observe({ dequeued: ({ emissionId }) => ids.push(emissionId) });
      bus.on('tick', (_payload, ctx) => ids.push(ctx.id));
      queue.post('tick');
      await queue.idle();
      expect(ids).toHaveLength(2);
      expect(ids[0]).toBe(ids[1]);
    });

    it('[25] tell in which emission an event was enqueued', async () => {
      const { bus, queue, enqueued } = observed(openQueue);
      let id: string | undefined;
      bus.on('parent', (_payload, ctx) => {
        queue.post('note', 1);
        queue.post('note', 2, { parent: ctx });
        id = ctx.id;
      });
      await queue.emit('parent');
      await queue.idle();
      expect(id).toEqual(expect.any(String));
      expect(enqueued.map(({ parentId }) => parentId)).toEqual([undefined, id, id]);
    });

    it('[25] tell what was enqueued on a bus by each of its queues', async () => {
      const { bus, queue, enqueued } = observed(openQueue, { name: 'a' });
      new EventQueue(bus, { name: 'b' }).post('note', 1);
      queue.post('note', 2);
      expect(enqueued.map((fact) => fact.queue)).toEqual(['b', 'a']);
    });

    it('[25] are told in the call, before anything else happens', async () => {
      const { bus, queue } = openQueue();
      const order: string[] = [];
      bus.observe({ enqueued: () => order.push('enqueued'), dequeued: () => order.push('dequeued') });
      queue.post('note', 1);
      order.push('posted');
      await queue.idle();
      expect(order).toEqual(['enqueued', 'posted', 'dequeued']);
    });

    it.each(['enqueued', 'dequeued'] as const)('[25] may have who hears of them use the queue: %s', async (fact) => {
      const uses: Record<string, (queue: EventQueue, controller: AbortController) => unknown> = {
        clear: (queue) => queue.clear(),
        pause: (queue) => queue.pause(),
        abort: (_, controller) => controller.abort('enough'),
        post: (queue) => queue.post('note', 'reentrant'),
        emit: (queue) => queue.emit('note', 'reentrant', { priority: 1 }),
        narrow: (queue) => {
          queue.concurrency = 1;
        },
        close: (queue) => queue.close({ drainMs: 0 }),
      };
      for (const [name, use] of Object.entries(uses)) {
        const { bus, queue, noted } = openQueue({ concurrency: 2 });
        const controller = new AbortController();
        let told = 0;
        bus.observe({ [fact]: () => told++ === 0 && use(queue, controller) });
        const emission = queue.emit('note', 1, { signal: controller.signal }).catch(() => 'rejected');
        queue.post('note', 2);
        await settled();
        expect([name, imbalance(queue.inspect())]).toEqual([name, balanced]);
        queue.resume();
        await queue.idle();
        await emission;
        expect([name, queue.inspect()]).toMatchObject([name, { size: 0, running: [] }]);
        expect([name, new Set(noted).size]).toEqual([name, noted.length]);
      }
    });

    it('[25] that throw break neither the queue nor others', async () => {
      const { bus, queue, noted, enqueued, dequeued } = observed(openQueue, { capacity: 1 });
      const fail = () => {
        throw new Error('observer');
      };
      bus.observe({ enqueued: fail, dequeued: fail, dropped: fail });
      const uncaught = await uncaughtDuring(async () => {
        queue.post('note', 1);
        queue.post('note', 2);
        await queue.idle();
      });
      expect(uncaught).toHaveLength(3);
      expect(noted).toEqual([1]);
      expect([enqueued.length, dequeued.length]).toEqual([1, 1]);
    });
  });

  describe('the fact `dropped`', () => {
    it('[25] tells what is refused: by a full queue, a closed one, or a signal', async () => {
      const { bus, queue, dropped } = observed(openQueue, { name: 'orders', capacity: 1, paused: true });
      queue.post('note', 0);
      const payload = { id: 'o1' };
      queue.post('order.placed', payload);
      const full = await rejectionOf(queue.emit('note', 2));
      await rejectionOf(queue.emit('note', 3, { signal: AbortSignal.abort('enough') }));
      expect(dropped.map(codeOf)).toEqual(['QUEUE_FULL', 'QUEUE_FULL', 'enough']);
      expect(dropped[0]).toMatchObject({ type: 'order.placed', payload, queue: 'orders' });
      expect(dropped[0]?.payload).toBe(payload);
      expect(dropped[1]?.error).toBe(full);
      queue.clear();
      await queue.close();
      dropped.length = 0;
      queue.post('note', 4);
      expect(dropped.map(codeOf)).toEqual(['QUEUE_CLOSED']);
      expect(bus.inspect().counts.dropped).toBe(5);
    });

    it('[25] tells what leaves without being emitted, by the id under which it came', async () => {
      const { clock, bus, queue, dropped, enqueued } = observed(openQueue, { capacity: 3, overflow: 'drop-oldest' });
      queue.pause();
      const controller = new AbortController();
      const reason = new Error('not any more');
      queue.post('note', 'dropped', { priority: -1 });
      queue.post('note', 'expired', { maxWaitMs: 100 });
      queue.post('note', 'aborted', { signal: controller.signal });
      queue.post('note', 'cleared');
      await clock.advance(100);
      controller.abort(reason);
      queue.clear();
      queue.post('note', 'left');
      await queue.close();
      expect(dropped.map((fact) => [fact.payload, codeOf(fact)])).toEqual([
        ['dropped', 'QUEUE_FULL'],
        ['expired', 'EXPIRED'],
        ['aborted', reason],
        ['cleared', 'QUEUE_CLEARED'],
        ['left', 'QUEUE_CLOSED'],
      ]);
      const ids = Object.fromEntries(enqueued.map(({ payload, emissionId }) => [payload, emissionId]));
      expect(Object.fromEntries(dropped.map(({ payload, emissionId }) => [payload, emissionId]))).toEqual(ids);
      expect(dropped.every((fact) => fact.queue === 'queue' && fact.type === 'note')).toBe(true);
      expect(bus.inspect().counts.dropped).toBe(5);
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[25] has the error with which the promise rejects', async () => {
      const { clock, queue, dropped } = observed(openQueue, { paused: true });
      const rejections = [rejectionOf(queue.emit('note', 1, { maxWaitMs: 10 })), rejectionOf(queue.emit('note', 2))];
      await clock.advance(10);
      queue.clear();
      const errors = await Promise.all(rejections);
      expect(dropped.map(({ error }) => error)).toEqual(errors);
      expect(dropped[0]?.error).toBe(errors[0]);
      expect(dropped[1]?.error).toBe(errors[1]);
    });

    it('[25] has no queue where the bus itself refuses', async () => {
      const { bus, dropped } = observed(openQueue);
      await rejectionOf(bus.emit('note', 1, { timeoutMs: -1 }));
      expect(dropped).toEqual([
        { type: 'note', payload: 1, error: expect.any(AmbusError), queue: undefined, emissionId: undefined },
      ]);
    });

    it('[25] counts for the bus also where nobody observes', async () => {
      const { bus, queue } = openQueue({ capacity: 1, paused: true });
      queue.post('note', 1);
      queue.post('note', 2);
      queue.clear();
      expect(bus.inspect().counts).toMatchObject({ dropped: 2, emissions: 0 });
    });
  });

  describe('inspect', () => {
    it('[25] shows a new queue', () => {
      const bus = new EventBus({ name: 'shop' });
      expect(new EventQueue(bus).inspect()).toEqual({
        name: 'queue',
        bus: 'shop',
        state: 'open',
        paused: false,
        concurrency: 1,
        capacity: null,
        overflow: 'reject',
        size: 0,
        delayed: 0,
        blocked: 0,
        depths: [],
        keys: 0,
        oldestWaitMs: null,
        running: [],
        counts: {
          enqueued: 0,
          started: 0,
          ended: 0,
          inline: 0,
          rejected: 0,
          dropped: 0,
          expired: 0,
          aborted: 0,
          cleared: 0,
          left: 0,
          deadlocks: 0,
        },
      });
    });

    it('[25] shows its settings', () => {
      const options = {
        name: 'orders',
        concurrency: Infinity,
        capacity: 5,
        overflow: 'drop-newest',
        rate: { limit: 3, intervalMs: 50 },
        paused: true,
      } as const;
      const { queue } = openQueue(options);
      expect(queue.inspect()).toMatchObject({ ...options, concurrency: null });
      expect(queue.name).toBe('orders');
    });

    it('[25] shows what waits, and for how long', async () => {
      const { clock, queue } = openQueue({ paused: true, capacity: 5, overflow: 'wait' });
      queue.post('note', 1, { delayMs: 500 });
      expect(queue.inspect().oldestWaitMs).toBeNull();
      queue.post('note', 2, { priority: -1, key: 'a' });
      await clock.advance(40);
      queue.post('note', 3, { priority: 7, key: 'a' });
      queue.post('note', 4, { priority: 7, key: 'b' });
      for (let n = 0; n < 3; n++) void queue.emit('note', n, { priority: 2 });
      await clock.advance(2);
      expect(queue.inspect()).toMatchObject({
        size: 5,
        delayed: 1,
        blocked: 2,
        depths: [
          { priority: 7, size: 2 },
          { priority: 2, size: 3 },
          { priority: 0, size: 1 },
          { priority: -1, size: 1 },
        ],
        keys: 2,
        oldestWaitMs: 42,
      });
    });

    it('[25] has the oldest wait count from when an event is due', async () => {
      const { clock, queue } = openQueue({ paused: true });
      queue.post('note', 1, { delayMs: 100 });
      await clock.advance(130);
      expect(queue.inspect().oldestWaitMs).toBe(30);
      queue.clear();
      expect(queue.inspect().oldestWaitMs).toBeNull();
    });

    it('[25] shows what runs', async () => {
      const { clock, bus, queue } = openQueue({ concurrency: 4 });
      const ids: string[] = [];
      bus.onAny((_event, ctx) => ids.push(ctx.id), { priority: 1 });
      bus.on('parent', () => Promise.all([queue.emit('job', 'c1'), queue.emit('job', 'c2')]));
      const symbol = Symbol('k');
      queue.pause();
      queue.post('parent', 1, { priority: 9, key: 'a' });
      queue.post('job', 'late', { timeoutMs: 20, key: symbol });
      queue.post('job', 'plain', { key: 5 });
      await clock.advance(10);
      queue.resume();
      await clock.advance(30);
      const { running } = queue.inspect();
      expect(running).toMatchObject([
        { event: 'parent', priority: 9, key: 'a', waitedMs: 10, runningMs: 30, inline: 2, late: 0 },
        {
          event: 'job',
          priority: 0,
          key: expect.stringContaining('k'),
          waitedMs: 10,
          runningMs: 30,
          inline: 0,
          late: 1,
        },
        { event: 'job', key: '5', inline: 0, late: 0 },
      ]);
      expect(running.every(({ emissionId }) => ids.includes(emissionId))).toBe(true);
      expect(new Set(running.map(({ emissionId }) => emissionId)).size).toBe(3);
    });

    it('[25] is plain JSON', async () => {
      const { queue } = openQueue({ concurrency: 2, rate: { limit: 100, intervalMs: 1 } });
      queue.post('job', 1, { key: Symbol('k'), priority: 2 });
      queue.post('job', 2, { key: { id: 1 } });
      queue.post('job', 3, { key: 10n, delayMs: 5 });
      await settled();
      const snapshot = queue.inspect();
      expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
      expect(snapshot.running).not.toEqual([]);
      await queue.close({ drainMs: 0 });
    });

    it('[25] is a picture of its moment, that does not change', async () => {
      const { queue } = openQueue();
      queue.post('note', 1);
      const snapshot = queue.inspect();
      const copy = structuredClone(snapshot);
      await queue.idle();
      expect(snapshot).toEqual(copy);
      expect(queue.inspect()).not.toEqual(copy);
    });
  });

  describe('the counts of inspect', () => {
    it('[25] account for every event, at any time, whatever happens to it', async () => {
      for (let seed = 1; seed <= 25; seed++) {
        const random = randomNumbers(seed);
        const upTo = (n: number) => Math.floor(random() * n);
        const overflow = (['reject', 'wait', 'drop-oldest', 'drop-newest'] as const)[upTo(4)];
        const { bus, clock, queue, started, end, reports } = openQueue(
          { concurrency: 1 + upTo(3), capacity: 1 + upTo(6), overflow, timeoutMs: upTo(2) === 0 ? undefined : 30 },
          { lateMs: 50 },
        );
        const fates: Promise<unknown>[] = [];
        const controllers: AbortController[] = [];
        bus.on('parent', async (depth) => {
          if ((depth as number) > 2) return;
          const controller = new AbortController();
          controllers.push(controller);
          const options = {
            key: upTo(3),
            delayMs: upTo(4) === 0 ? 5 : 0,
            maxWaitMs: upTo(4) === 0 ? 1 + upTo(20) : undefined,
            signal: controller.signal,
          };
          queue.post('note', 'from within', { key: upTo(3) });
          await queue.emit('parent', (depth as number) + 1, options).catch(() => {});
        });
        const ended = new Set<unknown>();
        let calls = 0;

        const check = (): void => {
          const snapshot = queue.inspect();
          expect(imbalance(snapshot)).toEqual(balanced);
          expect(snapshot.size).toBe(queue.size);
          expect(snapshot.running).toHaveLength(queue.running);
          expect(snapshot.depths.reduce((sum, { size }) => sum + size, 0)).toBe(snapshot.size + snapshot.blocked);
          expect(snapshot.size).toBeLessThanOrEqual(queue.capacity);
          expect(snapshot.delayed).toBeLessThanOrEqual(snapshot.size + snapshot.blocked);
        };
        const enqueue = (): void => {
          const controller = new AbortController();
          controllers.push(controller);
          const type = (['job', 'note', 'parent'] as const)[upTo(3)] as string;
          const payload = type === 'job' ? calls : 0;
          const options = {
            priority: upTo(3),
            key: upTo(2) === 0 ? upTo(3) : undefined,
            delayMs: upTo(4) === 0 ? upTo(20) : 0,
            maxWaitMs: upTo(4) === 0 ? 1 + upTo(40) : undefined,
            signal: controller.signal,
          };
          calls += 1;
          if (upTo(2) === 0) queue.post(type, payload, options);
          else fates.push(queue.emit(type, payload, options).catch(() => {}));
        };
        for (let step = 0; step < 150; step++) {
          const die = upTo(20);
          if (die < 9) enqueue();
          else if (die < 12) {
            const job = started.find((each) => !ended.has(each));
            if (job !== undefined) {
              ended.add(job);
              await end(job);
            }
          } else if (die < 14) await settled();
          else if (die < 16) await clock.advance(upTo(30));
          else if (die === 16) controllers[upTo(controllers.length)]?.abort();
          else if (die === 17) queue.pause();
          else if (die === 18) queue.resume();
          else if (upTo(3) === 0) queue.clear();
          check();
        }
        const { deadlocks, enqueued, rejected } = queue.inspect().counts;
        expect(enqueued + rejected + deadlocks).toBeGreaterThan(40);
        queue.resume();
        const close = queue.close({ drainMs: 200 });
        await clock.advance(1_000);
        const report = await close;
        expect(report.left).toHaveLength(queue.inspect().counts.left);
        for (const job of started) {
          if (!ended.has(job)) await end(job);
        }
        await clock.advance(1_000);
        await Promise.all(fates);
        check();
        expect(queue.inspect()).toMatchObject({ size: 0, blocked: 0, delayed: 0, keys: 0, running: [], depths: [] });
        expect(clock.pending).toBe(0);
        expect(reports.every((failure) => failure instanceof AmbusError)).toBe(true);
      }
    });
  });
});
