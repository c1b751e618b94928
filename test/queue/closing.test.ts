import { describe, expect, it } from 'vitest';
import { AmbusError, type Dropped } from '../../src/index.js';
import { EventQueue, type QueueCloseOptions, type QueueCloseReport } from '../../src/queue/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { stateOf } from '../bus/promise-state.js';
import { balanced, describeBothQueues, imbalance, settled } from './queues.js';

const nothing = { drained: true, left: [], unfinished: [] };
const left = (payload: unknown, more?: object) => ({
  type: 'job',
  payload,
  priority: 0,
  key: undefined,
  meta: {},
  delayMs: 0,
  ...more,
});

describeBothQueues((openQueue) => {
  describe('close', () => {
    it('[32] ends a queue in which nothing waits or runs, and says so', async () => {
      const { clock, queue } = openQueue();
      expect(queue.inspect().state).toBe('open');
      expect(await queue.close()).toEqual(nothing);
      expect(queue.inspect().state).toBe('closed');
      expect(clock.pending).toBe(0);
    });

    it('[32] emits what waits, and waits for what runs', async () => {
      const { clock, queue, started, end } = openQueue();
      const emissions = ['a', 'b', 'c'].map((job) => queue.emit('job', job));
      const close = queue.close();
      expect(queue.inspect().state).toBe('closing');
      await settled();
      await end('a', 'b');
      expect(await stateOf(close)).toBe('pending');
      await end('c');
      expect(await close).toEqual(nothing);
      expect(started).toEqual(['a', 'b', 'c']);
      expect(await Promise.all(emissions)).toMatchObject([{ ok: true }, { ok: true }, { ok: true }]);
      expect(queue.inspect()).toMatchObject({ state: 'closed', size: 0, counts: { left: 0, ended: 3 } });
      expect(clock.pending).toBe(0);
    });

    it('[32] emits what waits by priority, and what waits for room too', async () => {
      const { queue, noted } = openQueue({ capacity: 1, overflow: 'wait' });
      for (const priority of [0, 2, 1]) void queue.emit('note', priority, { priority });
      expect(await queue.close()).toEqual(nothing);
      expect(noted).toEqual([2, 1, 0]);
    });

    it('[32] waits for late work', async () => {
      const { clock, queue, end } = openQueue();
      queue.post('job', 'late', { timeoutMs: 100 });
      const close = queue.close();
      await clock.advance(100);
      expect(await stateOf(close)).toBe('pending');
      await end('late');
      expect(await close).toEqual(nothing);
    });

    it('[32] refuses new events, while it drains and afterwards', async () => {
      const { queue, noted, reports, end } = openQueue({ name: 'orders' });
      queue.post('job', 'a');
      await settled();
      const close = queue.close();
      const error = await rejectionOf(queue.emit('order.placed', 1));
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).toMatchObject({ code: 'QUEUE_CLOSED' });
      expect((error as AmbusError).message).toContain('orders');
      expect(queue.post('note', 2)).toBe(false);
      await end('a');
      await close;
      expect(await rejectionOf(queue.emit('note', 3))).toMatchObject({ code: 'QUEUE_CLOSED' });
      expect(queue.post('note', 4)).toBe(false);
      await settled();
      expect(noted).toEqual([]);
      expect(reports).toEqual([]);
      expect(queue.inspect().counts).toMatchObject({ enqueued: 1, rejected: 4 });
    });

    it('[32] accepts what comes from emissions that it drains', async () => {
      const { bus, queue, noted } = openQueue();
      bus.on('parent', async (depth, ctx) => {
        await promisesSettled();
        noted.push(`parent ${String(depth)}`);
        if ((depth as number) > 0) expect(queue.post('parent', (depth as number) - 1)).toBe(true);
        expect(queue.post('note', 'explicit', { parent: ctx })).toBe(true);
        await queue.emit('note', 'inline');
        await ctx.emit('middle');
      });
      bus.on('middle', () => void queue.post('note', 'from within'));
      queue.post('parent', 1);
      expect(await queue.close()).toEqual(nothing);
      const round = ['inline', 'explicit', 'from within'];
      expect(noted).toHaveLength(2 + 2 * round.length);
      expect(noted.slice(0, 2)).toEqual(['parent 1', 'inline']);
      expect([...noted].sort()).toEqual(['parent 0', 'parent 1', ...round, ...round].sort());
    });

    it('[32] leaves what has not been emitted when the time is up, in the order in which it came', async () => {
      const { clock, queue, started } = openQueue();
      queue.post('job', 'runs');
      await settled();
      const rejections = [rejectionOf(queue.emit('job', 'a')), rejectionOf(queue.emit('job', 'b'))];
      queue.post('job', 'urgent', { priority: 5, key: 'k' });
      queue.post('job', 'delayed', { delayMs: 50_000 });
      queue.post('job', 'keyed', { key: 'k' });
      const close = queue.close({ drainMs: 1_000 });
      await clock.advance(999);
      expect(await stateOf(close)).toBe('pending');
      await clock.advance(1);
      expect(await close).toEqual({
        drained: false,
        left: [
          left('a'),
          left('b'),
          left('urgent', { priority: 5, key: 'k' }),
          left('delayed', { delayMs: 49_000 }),
          left('keyed', { key: 'k' }),
        ],
        unfinished: [
          {
            event: 'job',
            emissionId: expect.any(String),
            handlers: ['worker'],
            late: false,
            payload: 'runs',
            key: undefined,
          },
        ],
      });
      for (const error of await Promise.all(rejections)) expect(error).toMatchObject({ code: 'QUEUE_CLOSED' });
      expect(queue.inspect()).toMatchObject({ state: 'closed', size: 0, delayed: 0, counts: { left: 5 } });
      expect(imbalance(queue.inspect()).waiting).toBe(0);
      expect(started).toEqual(['runs']);
      expect(clock.pending).toBe(0);
    });

    it('[32] tells of what is left all that is needed to enqueue it again', async () => {
      const { bus, queue, clock } = openQueue({ paused: true });
      const parent = { meta: { trace: 't1', step: 1 } };
      bus.on('parent', () => {
        queue.post('job', 'inherits');
        queue.post('job', 'has its own', { meta: { step: 2 }, delayMs: 100 });
      });
      await bus.emit('parent', undefined, parent);
      await clock.advance(30);
      const report = await queue.close();
      expect(report.left).toEqual([
        left('inherits', { meta: { trace: 't1', step: 1 } }),
        left('has its own', { meta: { trace: 't1', step: 2 }, delayMs: 70 }),
      ]);
      const again = new EventQueue(bus, { paused: true });
      for (const { type, payload, ...options } of report.left) again.post(type as string, payload, options);
      expect((await again.close()).left).toEqual(report.left);
    });

    it('[32] waits for 10 seconds unless told otherwise', async () => {
      const { clock, queue } = openQueue();
      queue.post('job', 'runs');
      const close = queue.close();
      await clock.advance(9_999);
      expect(await stateOf(close)).toBe('pending');
      await clock.advance(1);
      expect((await close).drained).toBe(false);
    });

    it('[32] does not wait where drainMs is 0', async () => {
      const { clock, queue, started } = openQueue();
      queue.post('job', 'runs');
      await settled();
      queue.post('job', 'waits');
      expect(await queue.close({ drainMs: 0 })).toMatchObject({
        drained: false,
        left: [{ payload: 'waits' }],
        unfinished: [{ event: 'job' }],
      });
      expect(started).toEqual(['runs']);
      expect(clock.pending).toBe(0);
    });

    it('[32] waits for ever where drainMs is Infinity', async () => {
      const { clock, queue, end } = openQueue();
      queue.post('job', 'runs');
      const close = queue.close({ drainMs: Infinity });
      await clock.advance(1_000_000_000);
      expect(await stateOf(close)).toBe('pending');
      await end('runs');
      expect(await close).toEqual(nothing);
    });

    it("[32] aborts the handlers' signals of what is unfinished, and starts nothing more of it", async () => {
      const { clock, bus, queue, noted } = openQueue();
      const reasons: unknown[] = [];
      const gate = deferred();
      bus.on('slow', async (_payload, ctx) => {
        ctx.signal.addEventListener('abort', () => reasons.push(ctx.signal.reason));
        await gate.promise;
      });
      bus.on('slow', () => noted.push('second handler'));
      queue.post('slow');
      const close = queue.close({ drainMs: 100 });
      await clock.advance(100);
      expect((await close).unfinished).toMatchObject([{ event: 'slow' }]);
      expect(reasons).toMatchObject([{ code: 'QUEUE_CLOSED' }]);
      gate.resolve();
      await settled();
      expect(noted).toEqual([]);
    });

    it('[32] lists late work that is unfinished as such', async () => {
      const { clock, queue } = openQueue();
      queue.post('job', 'late', { timeoutMs: 100 });
      const close = queue.close({ drainMs: 500 });
      await clock.advance(500);
      expect((await close).unfinished).toMatchObject([{ event: 'job', handlers: ['worker'], late: true }]);
    });

    it('[32] tells of what is unfinished its payload and its key, or that of the emission that it runs in', async () => {
      const { bus, queue } = openQueue({ concurrency: 2 });
      bus.on('parent', () => queue.emit('job', 'child'));
      queue.post('parent', 'p', { key: 'a' });
      queue.post('job', 'plain');
      await settled();
      const { unfinished } = await queue.close({ drainMs: 0 });
      expect(unfinished.map(({ event, payload, key }) => [payload, event, key]).sort()).toEqual([
        ['child', 'job', 'a'],
        ['p', 'parent', 'a'],
        ['plain', 'job', undefined],
      ]);
    });

    it('[32] lists inline emissions that are unfinished', async () => {
      const { clock, bus, queue } = openQueue();
      bus.on('parent', () => queue.emit('job', 'child'), { name: 'outer' });
      queue.post('parent');
      const close = queue.close({ drainMs: 500 });
      await clock.advance(500);
      const { unfinished } = await close;
      expect(unfinished.map(({ event }) => event).sort()).toEqual(['job', 'parent']);
    });

    it('[32] rejects inline emissions that still wait for their key', async () => {
      const { bus, queue, noted, end } = openQueue({ concurrency: 2 });
      let child: Promise<unknown> | undefined;
      bus.on('parent', async () => {
        child = rejectionOf(queue.emit('note', 'child', { key: 'k' }));
        await child;
      });
      queue.post('job', 'holder', { key: 'k' });
      queue.post('parent');
      await settled();
      const report = await queue.close({ drainMs: 0 });
      expect(report.unfinished.map(({ event }) => event)).toEqual(['job', 'parent']);
      expect(await child).toMatchObject({ code: 'QUEUE_CLOSED' });
      await end('holder');
      expect(noted).toEqual([]);
      expect(queue.inspect()).toMatchObject({ keys: 0, running: [], counts: { ended: 2 } });
    });

    it('[32] refuses what unfinished emissions emit or post afterwards', async () => {
      const { bus, queue, noted } = openQueue();
      const gate = deferred();
      const outcomes: unknown[] = [];
      bus.on('parent', async () => {
        await gate.promise;
        outcomes.push(queue.post('note', 1), await rejectionOf(queue.emit('note', 2)));
      });
      queue.post('parent');
      await settled();
      expect((await queue.close({ drainMs: 0 })).unfinished).toHaveLength(1);
      gate.resolve();
      await settled();
      expect(outcomes).toMatchObject([false, { code: 'QUEUE_CLOSED' }]);
      expect(noted).toEqual([]);
      expect(queue.inspect()).toMatchObject({ running: [], counts: { rejected: 2, inline: 0, ended: 1 } });
    });

    it('[32] gives up waiting when its signal aborts', async () => {
      const { queue } = openQueue();
      queue.post('job', 'runs');
      await settled();
      queue.post('job', 'waits');
      const controller = new AbortController();
      const close = queue.close({ signal: controller.signal });
      expect(await stateOf(close)).toBe('pending');
      controller.abort();
      expect(await close).toMatchObject({
        drained: false,
        left: [{ payload: 'waits' }],
        unfinished: [{ event: 'job' }],
      });
      const { queue: other } = openQueue();
      other.post('job', 1);
      expect((await other.close({ signal: AbortSignal.abort() })).drained).toBe(false);
    });

    it('[32] waits for the first call where it is called again, and has the same report', async () => {
      const { queue, end } = openQueue();
      queue.post('job', 'a');
      await settled();
      const reports = [queue.close(), queue.close({ drainMs: 0 })];
      expect(await stateOf(reports[1] as Promise<QueueCloseReport>)).toBe('pending');
      await end('a');
      expect(await Promise.all(reports)).toEqual([nothing, nothing]);
      expect(await queue.close()).toEqual(nothing);
    });

    it('[32] has the same report for a later call, with what was left', async () => {
      const { queue } = openQueue({ paused: true });
      queue.post('job', 'a');
      const first = await queue.close();
      expect(first.left).toEqual([left('a')]);
      expect(await queue.close()).toEqual(first);
    });

    it('[32] leaves the bus, and other queues, open', async () => {
      const { bus, queue, noted } = openQueue();
      const other = new EventQueue(bus);
      await queue.close();
      await bus.emit('note', 1);
      await other.emit('note', 2);
      expect(noted).toEqual([1, 2]);
    });

    it('[32] is the end of `await using`', async () => {
      const { bus, noted } = openQueue();
      let queue: EventQueue;
      {
        await using scoped = new EventQueue(bus);
        queue = scoped;
        scoped.post('note', 1);
      }
      expect(noted).toEqual([1]);
      expect(queue.inspect().state).toBe('closed');
    });

    it('[32] leaves what can still be called without harm', async () => {
      const { clock, queue, noted } = openQueue({ paused: true, capacity: 1 });
      queue.post('note', 1);
      await queue.close();
      queue.resume();
      queue.pause();
      queue.resume();
      queue.concurrency = 5;
      expect(queue.clear()).toBe(0);
      await queue.idle();
      await clock.advance(1_000);
      expect(noted).toEqual([]);
      expect([queue.size, queue.running, queue.concurrency]).toEqual([0, 0, 5]);
      expect(queue.inspect()).toMatchObject({ state: 'closed', counts: { enqueued: 1, left: 1 } });
    });

    it.each<[string, unknown, string]>([
      ['a drainMs of -1', { drainMs: -1 }, 'INVALID_OPTION'],
      ['a drainMs of NaN', { drainMs: Number.NaN }, 'INVALID_OPTION'],
      ['a drainMs that is text', { drainMs: '5' }, 'INVALID_OPTION'],
      ['a signal that is none', { signal: {} }, 'INVALID_OPTION'],
      ['a parent that is none', { parent: {} }, 'INVALID_OPTION'],
      ['a misspelt option', { drain: 5 }, 'UNKNOWN_OPTION'],
      ['options that are none', 5, 'INVALID_ARGUMENT'],
    ])('[32] refuses %s, and stays open', async (_, options, code) => {
      const { queue, noted } = openQueue();
      expect(await rejectionOf(queue.close(options as QueueCloseOptions))).toMatchObject({ code });
      expect(queue.inspect().state).toBe('open');
      await queue.emit('note', 1);
      expect(noted).toEqual([1]);
    });
  });

  describe('delayed events', () => {
    it('[32] are waited for where they are due in time', async () => {
      const { clock, queue, noted } = openQueue();
      queue.post('note', 'in time', { delayMs: 5_000 });
      const close = queue.close({ drainMs: 5_000 });
      await clock.advance(4_999);
      expect(await stateOf(close)).toBe('pending');
      await clock.advance(1);
      expect(await close).toEqual(nothing);
      expect(noted).toEqual(['in time']);
    });

    it('[32] are not waited for where they are due too late', async () => {
      const { clock, queue } = openQueue();
      const rejection = rejectionOf(queue.emit('note', 'too late', { delayMs: 20_000 }));
      expect(await queue.close()).toMatchObject({ drained: false, left: [{ payload: 'too late' }], unfinished: [] });
      expect(await rejection).toMatchObject({ code: 'QUEUE_CLOSED' });
      expect(clock.pending).toBe(0);
    });

    it('[32] are left, those that are due too late, when all others have been emitted', async () => {
      const { clock, queue, noted } = openQueue();
      queue.post('note', 'too late', { delayMs: 20_000 });
      queue.post('note', 'in time', { delayMs: 1_000 });
      queue.post('note', 'now');
      const close = queue.close();
      await clock.advance(1_000);
      expect(await close).toMatchObject({ drained: false, left: [{ payload: 'too late' }] });
      expect(noted).toEqual(['now', 'in time']);
    });

    it('[32] are accepted while it drains, from running emissions, if they are due in time', async () => {
      const { clock, bus, queue, noted } = openQueue();
      bus.on('parent', () => void queue.post('note', 'child', { delayMs: 500 }));
      queue.post('parent');
      const close = queue.close({ drainMs: 1_000 });
      await clock.advance(500);
      expect(await close).toEqual(nothing);
      expect(noted).toEqual(['child']);
    });
  });

  describe('a paused queue', () => {
    it('[32] waits only for what runs', async () => {
      const { queue, started, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      queue.pause();
      queue.post('job', 'waits');
      const close = queue.close();
      expect(await stateOf(close)).toBe('pending');
      await end('runs');
      expect(await close).toEqual({ drained: false, left: [left('waits')], unfinished: [] });
      expect(started).toEqual(['runs']);
    });

    it('[32] is closed at once where nothing runs', async () => {
      const { queue } = openQueue({ paused: true });
      queue.post('job', 'a');
      queue.post('job', 'b', { delayMs: 5 });
      expect(await queue.close()).toEqual({
        drained: false,
        left: [left('a'), left('b', { delayMs: 5 })],
        unfinished: [],
      });
    });

    it('[32] emits what waits when it is resumed meanwhile', async () => {
      const { queue, started, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      queue.pause();
      queue.post('job', 'waits');
      const close = queue.close();
      await settled();
      queue.resume();
      await end('runs', 'waits');
      expect(await close).toEqual(nothing);
      expect(started).toEqual(['runs', 'waits']);
    });

    it('[32] is what a queue becomes that is paused while it drains', async () => {
      const { queue, end } = openQueue();
      for (const job of ['runs', 'waits']) queue.post('job', job);
      await settled();
      const close = queue.close();
      queue.pause();
      await end('runs');
      expect(await close).toEqual({ drained: false, left: [left('waits')], unfinished: [] });
    });
  });

  describe('close within an emission of the queue', () => {
    it('[32] does not wait for that emission', async () => {
      const { bus, queue } = openQueue();
      let report: unknown;
      bus.on('parent', async () => {
        await promisesSettled();
        report = await queue.close();
      });
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
      expect(report).toEqual(nothing);
      await settled();
      expect(queue.inspect()).toMatchObject({ state: 'closed', running: [] });
    });

    it("[32] finds it by `parent`, with asyncContext: 'never'", async () => {
      const { bus, queue } = openQueue({}, { asyncContext: 'never' });
      let report: unknown;
      bus.on('parent', async (_payload, ctx) => {
        await promisesSettled();
        report = await queue.close({ parent: ctx });
      });
      expect(await queue.emit('parent')).toMatchObject({ ok: true });
      expect(report).toEqual(nothing);
    });

    it('[32] waits for what runs beside it', async () => {
      const { bus, queue, end } = openQueue({ concurrency: 2 });
      let report: Promise<unknown> | undefined;
      bus.on('parent', () => {
        report = queue.close();
        return report;
      });
      queue.post('job', 'beside');
      const emission = queue.emit('parent');
      await settled();
      expect(await stateOf(report as Promise<unknown>)).toBe('pending');
      await end('beside');
      expect(await report).toEqual(nothing);
      expect(await emission).toMatchObject({ ok: true });
    });

    it('[32] leaves what cannot start before that emission has ended', async () => {
      const { bus, queue, noted } = openQueue();
      let report: QueueCloseReport | undefined;
      bus.on('parent', async () => {
        report = await queue.close();
      });
      const emission = queue.emit('parent');
      queue.post('note', 'behind');
      expect(await emission).toMatchObject({ ok: true });
      expect(report).toMatchObject({ drained: false, left: [{ payload: 'behind' }], unfinished: [] });
      await settled();
      expect(noted).toEqual([]);
      expect(queue.inspect()).toMatchObject({ state: 'closed', running: [], counts: { left: 1, ended: 1 } });
    });

    it('[32] does not wait for it either where another call has closed the queue before', async () => {
      const { bus, queue } = openQueue();
      const reports: unknown[] = [];
      bus.on('parent', async () => {
        await settled();
        reports.push(await queue.close());
      });
      queue.post('parent');
      await promisesSettled();
      reports.push(await queue.close());
      await settled();
      expect(reports).toEqual([nothing, nothing]);
    });
  });

  describe('a bus that closes first', () => {
    it('[32] has what waits reject with BUS_CLOSED, and the queue closed', async () => {
      const { bus, queue, noted, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      const rejections = [1, 2].map((n) => rejectionOf(queue.emit('note', n)));
      const delayed = rejectionOf(queue.emit('note', 3, { delayMs: 100 }));
      const closed = bus.close();
      await end('runs');
      await closed;
      for (const error of await Promise.all([...rejections, delayed])) {
        expect(error).toBeInstanceOf(AmbusError);
        expect(error).toMatchObject({ code: 'BUS_CLOSED' });
      }
      expect(noted).toEqual([]);
      expect(queue.inspect()).toMatchObject({ state: 'closed', size: 0, running: [], counts: { left: 3, ended: 1 } });
      expect(imbalance(queue.inspect())).toEqual(balanced);
      expect(queue.post('note', 4)).toBe(false);
      expect(await rejectionOf(queue.emit('note', 5))).toMatchObject({
        code: expect.stringMatching(/^(QUEUE|BUS)_CLOSED$/),
      });
      expect(await queue.close()).toMatchObject({ unfinished: [] });
    });

    it('[32] has posted events reported once, with how many they were', async () => {
      const { bus, queue, reports } = openQueue({ name: 'orders', paused: true });
      for (let n = 0; n < 7; n++) queue.post('note', n);
      const rejection = rejectionOf(queue.emit('note', 'emitted'));
      await bus.close();
      expect(await rejection).toMatchObject({ code: 'BUS_CLOSED' });
      await settled();
      expect(reports).toMatchObject([{ code: 'BUS_CLOSED' }]);
      for (const part of ['orders', '7']) expect(reports[0]?.message).toContain(part);
      expect(queue.inspect().counts.left).toBe(8);
    });

    it('[32] reports nothing where nothing was posted', async () => {
      const { bus, queue, reports } = openQueue({ paused: true });
      const rejection = rejectionOf(queue.emit('note', 1));
      await bus.close();
      await rejection;
      expect(reports).toEqual([]);
      expect(queue.inspect().state).toBe('closed');
    });

    it('[32] leaves no timer, and has idle and hasRoom settle', async () => {
      const { clock, bus, queue } = openQueue({ paused: true, capacity: 1 });
      queue.post('note', 1, { delayMs: 100, maxWaitMs: 1_000 });
      const idle = queue.idle();
      const room = rejectionOf(queue.hasRoom());
      await bus.close();
      expect(clock.pending).toBe(0);
      await idle;
      expect(await room).toMatchObject({ code: expect.stringMatching(/^(QUEUE|BUS)_CLOSED$/) });
    });

    it('[32] tells observers of each that is dropped', async () => {
      const { bus, queue } = openQueue({ paused: true });
      const facts: Dropped[] = [];
      bus.observe({ dropped: (fact) => facts.push(fact) });
      queue.post('note', 1);
      queue.post('note', 2);
      await bus.close();
      expect(facts).toMatchObject([
        { payload: 1, queue: 'queue', error: { code: 'BUS_CLOSED' } },
        { payload: 2, queue: 'queue', error: { code: 'BUS_CLOSED' } },
      ]);
    });

    it('[32] can have no new queue', async () => {
      const { bus } = openQueue();
      await bus.close();
      expect(thrownBy(() => new EventQueue(bus))).toMatchObject({ code: 'BUS_CLOSED' });
    });

    it('[32] may do so while the queue drains', async () => {
      const { bus, queue, started, noted, end } = openQueue();
      queue.post('job', 'runs');
      await settled();
      const emission = queue.emit('note', 'waits').then(
        ({ ok }) => ok,
        (error: unknown) => (error as AmbusError).code,
      );
      const reports = [queue.close(), bus.close()] as const;
      await end('runs');
      const [ofQueue, ofBus] = await Promise.all(reports);
      expect(started).toEqual(['runs']);
      expect(ofBus).toMatchObject({ drained: true });
      expect([await emission, ofQueue.left.length, noted.length]).toEqual(
        noted.length === 0 ? ['BUS_CLOSED', 1, 0] : [true, 0, 1],
      );
      expect(queue.inspect()).toMatchObject({ state: 'closed', size: 0, running: [] });
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('[32] may do so in a handler of the queue', async () => {
      const { bus, queue, reports } = openQueue();
      bus.on('parent', (_payload, ctx) => ctx.close());
      const emission = queue.emit('parent');
      queue.post('note', 'behind');
      expect(await emission).toMatchObject({ ok: true });
      await settled();
      expect(reports).toMatchObject([{ code: 'BUS_CLOSED' }]);
      expect(queue.inspect()).toMatchObject({ state: 'closed', running: [], counts: { left: 1 } });
    });

    it('[32] finds nothing to end where the queue was closed before it', async () => {
      const { bus, queue, reports } = openQueue();
      queue.post('note', 1);
      await queue.close();
      expect(await bus.close()).toMatchObject({ drained: true });
      expect(reports).toEqual([]);
      expect(queue.inspect().counts.left).toBe(0);
    });
  });
});
