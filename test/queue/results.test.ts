import { beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  AmbusError,
  around,
  type BusOptions,
  broadcast,
  collect,
  defineEvents,
  type EmissionStarted,
  EmitError,
  first,
  HandlerError,
  waterfall,
} from '../../src/index.js';
import { EventQueue } from '../../src/queue/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from '../bus/buses.js';
import { deferred, rejectionOf } from '../bus/deferred.js';
import { causes, failing } from '../bus/failing.js';
import { uncaughtDuring } from '../bus/uncaught.js';
import { balanced, imbalance, queuesOn, settled, stopTimeSlices } from './queues.js';

const events = defineEvents({
  'order.placed': broadcast<{ id: string }>(),
  'shop.closed': broadcast(),
  'title.format': waterfall<string>(),
  'path.resolve': first<string, string>(),
  'code.lint': collect<string, string>(),
  'page.load': around<string, string>(),
  'user.saved': broadcast(z.object({ name: z.string().trim().min(1) })),
});

const POLICIES = ['isolate', 'stop', 'throw'] as const;

describeEveryBus((makeBus) => {
  beforeEach(stopTimeSlices);
  const openQueue = queuesOn(makeBus);
  const declared = (options?: Omit<BusOptions<typeof events>, 'events'>) => {
    const reports: AmbusError[] = [];
    const bus = makeBus({ events, onFailure: (failure) => reports.push(failure), ...options });
    return { bus, queue: new EventQueue(bus), reports };
  };

  describe('emit', () => {
    it('resolves with the result of a broadcast', async () => {
      const { bus, queue } = declared();
      bus.on('order.placed', () => 'ignored', { name: 'sync' });
      bus.on('order.placed', async () => 'ignored', { name: 'async' });
      bus.on('order.placed', () => {}, { filter: () => false });
      const result = await queue.emit('order.placed', { id: 'o1' });
      expect(result).toEqual(await bus.emit('order.placed', { id: 'o1' }));
      expect(result).toEqual({
        type: 'order.placed',
        ok: true,
        called: 2,
        skipped: 1,
        stopped: false,
        failures: [],
        value: undefined,
        values: [],
        answeredBy: undefined,
      });
    });

    it('resolves with the value of a waterfall', async () => {
      const { bus, queue } = declared();
      bus.on('title.format', (title) => title.trim(), { name: 'trim' });
      bus.on('title.format', async (title) => `${title}!`, { name: 'shout' });
      const result = await queue.emit('title.format', ' hello ');
      expect(result.value).toBe('hello!');
      expect(result).toEqual(await bus.emit('title.format', ' hello '));
    });

    it('resolves with the answer of a first, and who gave it', async () => {
      const { bus, queue } = declared();
      bus.on('path.resolve', () => undefined, { name: 'cache' });
      bus.on('path.resolve', async (id) => `/lib/${id}`, { name: 'disk' });
      bus.on('path.resolve', () => 'not asked', { name: 'net' });
      const result = await queue.emit('path.resolve', 'x');
      expect(result).toMatchObject({ value: '/lib/x', answeredBy: 'disk', called: 2 });
      expect(result).toEqual(await bus.emit('path.resolve', 'x'));
    });

    it('resolves with the answers of a collect, in handler order', async () => {
      const { bus, queue } = declared();
      bus.on('code.lint', async (code) => `long ${code}`, { name: 'length' });
      bus.on('code.lint', (code) => `no ${code}`, { name: 'style' });
      const result = await queue.emit('code.lint', 'var');
      expect(result).toMatchObject({ values: ['long var', 'no var'], answeredBy: ['length', 'style'] });
      expect(result).toEqual(await bus.emit('code.lint', 'var'));
    });

    it('resolves with the answer of an around, and takes its core', async () => {
      const { bus, queue } = declared();
      bus.on('page.load', async (url, ctx) => `<${await ctx.next(`${url}/index`)}>`, { name: 'frame' });
      const core = (url: string) => `page at ${url}`;
      const result = await queue.emit('page.load', '/a', { core });
      expect(result.value).toBe('<page at /a/index>');
      expect(result).toEqual(await bus.emit('page.load', '/a', { core }));
      expect((await queue.emit('page.load', '/a', { core: async () => 'later' })).value).toBe('<later>');
    });

    it('takes an event without a payload, and one that nobody hears', async () => {
      const { bus, queue } = declared();
      expect(await queue.emit('shop.closed')).toMatchObject({ ok: true, called: 0 });
      const payloads: unknown[] = [];
      bus.on('shop.closed', (payload) => payloads.push(payload));
      await queue.emit('shop.closed');
      await queue.emit('shop.closed', undefined, { priority: 1 });
      expect(payloads).toEqual([undefined, undefined]);
    });

    it('hands on the payload itself', async () => {
      const { bus, queue } = declared();
      const payloads: unknown[] = [];
      bus.on('order.placed', (payload) => payloads.push(payload));
      const payload = { id: 'o1' };
      await queue.emit('order.placed', payload);
      queue.post('order.placed', payload);
      await queue.idle();
      expect(payloads[0]).toBe(payload);
      expect(payloads[1]).toBe(payload);
    });

    it('emits each event once', async () => {
      const { bus, queue } = declared();
      bus.on('order.placed', async () => {});
      for (let n = 0; n < 50; n++) void queue.emit('order.placed', { id: `o${n}` });
      await queue.idle();
      expect(bus.inspect().counts.emissions).toBe(50);
      expect(queue.inspect().counts).toMatchObject({ enqueued: 50, started: 50, ended: 50 });
    });

    it('has payloads validated, and rejects with INVALID_PAYLOAD, as bus.emit', async () => {
      const { bus, queue, reports } = declared();
      const names: string[] = [];
      bus.on('user.saved', ({ name }) => names.push(name));
      const rejection = rejectionOf(queue.emit('user.saved', { name: ' ' }));
      const next = queue.emit('user.saved', { name: ' Ada ' });
      expect(await rejection).toMatchObject({ code: 'INVALID_PAYLOAD' });
      expect(await next).toMatchObject({ ok: true });
      expect(names).toEqual(['Ada']);
      expect(reports).toEqual([]);
      await settled();
      expect(queue.running).toBe(0);
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('rejects with what an interceptor throws, or resolves with what it answers', async () => {
      const { bus, queue } = declared();
      const refusal = new Error('not allowed');
      bus.intercept(
        (emission, next) => {
          if (emission.payload === 'bad') throw refusal;
          if (emission.payload === 'later') return Promise.reject(refusal);
          return next();
        },
        { types: 'title.format' },
      );
      bus.on('title.format', (title) => `${title}!`);
      expect(await rejectionOf(queue.emit('title.format', 'bad'))).toBe(refusal);
      expect(await rejectionOf(queue.emit('title.format', 'later'))).toBe(refusal);
      expect((await queue.emit('title.format', 'good')).value).toBe('good!');
      await settled();
      expect(queue.running).toBe(0);
      expect(imbalance(queue.inspect())).toEqual(balanced);
    });

    it('takes handlers that are there when it starts, and not when it was called', async () => {
      const { bus, queue } = declared();
      queue.pause();
      const off = bus.on('code.lint', () => 'early');
      const emission = queue.emit('code.lint', 'x');
      off();
      bus.on('code.lint', () => 'late');
      queue.resume();
      expect((await emission).values).toEqual(['late']);
    });
  });

  describe('failures', () => {
    it('[11] are in the result under isolate, and the emission resolves', async () => {
      const { bus, queue } = openQueue();
      bus.on('tick', failing.throws('a'));
      bus.on('tick', failing.rejectsLater('b'));
      const result = await queue.emit('tick');
      expect(result).toMatchObject({ ok: false, called: 2 });
      expect(causes(result.failures)).toEqual(['a', 'b']);
      expect(result.failures[0]).toBeInstanceOf(HandlerError);
    });

    it.each(['stop', 'throw'] as const)('[11] reject the emission under %s, with one EmitError', async (policy) => {
      const { bus, queue } = openQueue();
      bus.on('tick', failing.rejectsLater('a'));
      bus.on('tick', failing.throws('b'));
      const error = await rejectionOf(queue.emit('tick', undefined, { failurePolicy: policy }));
      expect(error).toBeInstanceOf(EmitError);
      expect(causes((error as EmitError).errors)).toEqual(policy === 'stop' ? ['a'] : ['a', 'b']);
      expect((error as EmitError).result).toMatchObject({ ok: false });
    });

    it('[11] go by the policy of the bus, the event and the emission, the nearest of which wins', async () => {
      const { bus, queue } = declared({ failurePolicy: 'throw' });
      bus.on('shop.closed', failing.throws('a'));
      expect(await rejectionOf(queue.emit('shop.closed'))).toBeInstanceOf(EmitError);
      expect(await queue.emit('shop.closed', undefined, { failurePolicy: 'isolate' })).toMatchObject({ ok: false });
    });

    it.each([...POLICIES])(
      '[14] are reported once, or not where the promise rejects with them, under %s',
      async (policy) => {
        const { bus, queue, reports } = openQueue();
        bus.on('tick', failing.rejectsLater('a'));
        const emission = queue.emit('tick', undefined, { failurePolicy: policy });
        const uncaught = await uncaughtDuring(() => emission.catch(() => {}));
        expect(uncaught).toEqual([]);
        expect(causes(reports)).toEqual(policy === 'isolate' ? ['a'] : []);
      },
    );

    it.each([...POLICIES])('[14] of a posted event are reported as those of bus.post, under %s', async (policy) => {
      const byQueue = openQueue();
      const byBus = openQueue();
      for (const { bus } of [byQueue, byBus]) {
        bus.on('tick', failing.throws('a'));
        bus.on('tick', failing.rejectsLater('b'));
        bus.on('tick', () => {});
      }
      expect(await uncaughtDuring(() => void byQueue.queue.post('tick', 1, { failurePolicy: policy }))).toEqual([]);
      byBus.bus.post('tick', 1, { failurePolicy: policy });
      await settled();
      expect(byQueue.reports).not.toEqual([]);
      expect(byQueue.reports.map(({ code, message }) => [code, message])).toEqual(
        byBus.reports.map(({ code, message }) => [code, message]),
      );
      expect(causes(byQueue.reports)).toEqual(causes(byBus.reports));
    });

    it('[14] that refuse a posted event are reported as those of bus.post', async () => {
      const { queue, reports } = declared();
      expect(queue.post('user.saved', { name: '' })).toBe(true);
      await queue.idle();
      expect(reports).toMatchObject([{ code: 'INVALID_PAYLOAD' }]);
      const other = declared();
      other.bus.intercept(() => {
        throw new Error('not allowed');
      });
      other.queue.post('shop.closed');
      await other.queue.idle();
      expect(other.reports).toMatchObject([{ code: 'REFUSED' }]);
    });

    it('[14] name the emission by its id', async () => {
      const { bus, queue } = openQueue();
      let id: string | undefined;
      bus.on('tick', (_payload, ctx) => {
        id = ctx.id;
        throw new Error('no');
      });
      const { failures } = await queue.emit('tick');
      expect(failures[0]?.emissionId).toBe(id);
    });

    it('leave no promise that nobody waits for rejected', async () => {
      const { bus, queue } = openQueue({ capacity: 1 });
      bus.on('tick', failing.rejectsLater('a'));
      expect(
        await uncaughtDuring(async () => {
          queue.post('tick', 1, { failurePolicy: 'throw' });
          queue.post('tick', 2);
          await queue.idle();
          queue.pause();
          queue.post('tick', 3, { signal: AbortSignal.abort() });
          queue.post('tick', 4, { maxWaitMs: 100_000 });
          queue.clear();
          queue.post('tick', 5);
          await queue.close({ drainMs: 0 });
        }),
      ).toEqual([]);
    });
  });

  describe('options', () => {
    it('hand on mode and concurrency', async () => {
      const { bus, queue } = openQueue();
      const gates = [deferred(), deferred(), deferred()];
      let started = 0;
      for (const gate of gates) {
        bus.on('tick', () => {
          started += 1;
          return gate.promise;
        });
      }
      void queue.emit('tick', undefined, { mode: 'concurrent', concurrency: 2 });
      await settled();
      expect(started).toBe(2);
      gates[0]?.resolve();
      await settled();
      expect(started).toBe(3);
    });

    it("[17] hand on timeoutMs, which limits each handler's time from its start", async () => {
      const { clock, queue, started } = openQueue({ paused: true });
      const emission = queue.emit('job', 'a', { timeoutMs: 100 });
      await clock.advance(1_000);
      queue.resume();
      await settled();
      expect(started).toEqual(['a']);
      await clock.advance(100);
      expect((await emission).failures).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'worker' }]);
    });

    it("[17] take the queue's timeoutMs where the event has none, in the place of the bus's", async () => {
      const clock = new ManualClock();
      const { queue } = openQueue({ timeoutMs: 100, concurrency: Infinity }, { clock, timeoutMs: 50 });
      const endedAt: number[] = [];
      for (const timeoutMs of [undefined, 70, 200]) {
        void queue.emit('job', timeoutMs, { timeoutMs }).then(() => endedAt.push(clock.now()));
      }
      await clock.advance(300);
      expect(endedAt).toEqual([70, 100, 200]);
    });

    it("[17] let a handler's own time limit hold besides, the shorter of which counts", async () => {
      const clock = new ManualClock();
      const { bus, queue } = openQueue({ timeoutMs: 100 }, { clock });
      const settledAt: [string, number][] = [];
      bus.observe({ handlerSettled: (fact) => settledAt.push([fact.handler, clock.now()]) });
      bus.on('tick', () => new Promise(() => {}), { name: 'short', timeoutMs: 30 });
      bus.on('tick', () => new Promise(() => {}), { name: 'long', timeoutMs: 500 });
      const emission = queue.emit('tick');
      await clock.advance(1_000);
      await emission;
      expect(settledAt).toEqual([
        ['short', 30],
        ['long', 130],
      ]);
    });

    it('hand on meta', async () => {
      const { bus, queue } = openQueue();
      const seen: unknown[] = [];
      bus.on('tick', (_payload, ctx) => seen.push(ctx.meta));
      await queue.emit('tick', 1, { meta: { trace: 't1' } });
      queue.post('tick', 2, { meta: { trace: 't2' } });
      await queue.emit('tick', 3);
      expect(seen).toEqual([{ trace: 't1' }, { trace: 't2' }, {}]);
    });

    it('take undefined for what is left out', async () => {
      const { queue, noted } = openQueue({
        name: undefined,
        concurrency: undefined,
        capacity: undefined,
        overflow: undefined,
        rate: undefined,
        maxWaitMs: undefined,
        timeoutMs: undefined,
        paused: undefined,
      });
      const options = {
        priority: undefined,
        key: undefined,
        delayMs: undefined,
        maxWaitMs: undefined,
        parent: undefined,
        mode: undefined,
        concurrency: undefined,
        timeoutMs: undefined,
        failurePolicy: undefined,
        signal: undefined,
        meta: undefined,
      };
      expect(queue.name).toBe('queue');
      await queue.emit('note', 1, options);
      expect(queue.post('note', 2, undefined)).toBe(true);
      await queue.idle(undefined);
      expect(noted).toEqual([1, 2]);
    });
  });

  describe('where it was enqueued', () => {
    it('[21] has meta inherited from the emission in whose handler that was, own keys winning', async () => {
      const { bus, queue } = openQueue();
      const seen: unknown[] = [];
      bus.on('child', (n, ctx) => seen.push([n, ctx.meta]));
      bus.on('parent', async (_payload, ctx) => {
        queue.post('child', 1);
        queue.post('child', 2, { meta: { step: 'own', more: true } });
        await settled();
        queue.post('child', 3);
        queue.post('child', 4, { parent: ctx });
        await queue.emit('child', 5);
      });
      await queue.emit('parent', 1, { meta: { trace: 't1', step: 'first' } });
      await queue.idle();
      const inherited = { trace: 't1', step: 'first' };
      expect(seen).toEqual([
        [5, inherited],
        [1, inherited],
        [2, { trace: 't1', step: 'own', more: true }],
        [3, inherited],
        [4, inherited],
      ]);
    });

    it('[21] has meta inherited from an emission of the bus alone too, also when that has ended', async () => {
      const { bus, queue } = openQueue({ paused: true });
      const seen: unknown[] = [];
      bus.on('child', (_payload, ctx) => seen.push(ctx.meta));
      bus.on('parent', () => void queue.post('child'));
      bus.emitSync('parent', 1, { meta: { trace: 't1' } });
      queue.resume();
      await queue.idle();
      expect(seen).toEqual([{ trace: 't1' }]);
    });

    it('[21] is told to observers as parentId', async () => {
      const { bus, queue } = openQueue();
      const parents = new Map<unknown, string | undefined>();
      let id: string | undefined;
      bus.observe({
        emissionStarted: (fact: EmissionStarted) => parents.set(fact.payload, fact.parentId),
      });
      bus.on('parent', async (_payload, ctx) => {
        id = ctx.id;
        queue.post('note', 'posted');
        await queue.emit('note', 'inline');
        await settled();
        queue.post('note', 'posted after an await', { parent: ctx });
        void ctx.emit('note', 'nested');
      });
      await queue.emit('parent', 'parent');
      queue.post('note', 'outside');
      await queue.idle();
      expect(id).toEqual(expect.any(String));
      expect(Object.fromEntries(parents)).toEqual({
        parent: undefined,
        posted: id,
        inline: id,
        'posted after an await': id,
        nested: id,
        outside: undefined,
      });
    });

    it('[21] does not inherit from one event to the next in the queue', async () => {
      const { bus, queue } = openQueue();
      const seen: unknown[] = [];
      bus.on('tick', async (_payload, ctx) => {
        await settled();
        seen.push(ctx.meta);
      });
      queue.post('tick', 1, { meta: { trace: 't1' } });
      queue.post('tick', 2);
      await queue.idle();
      expect(seen).toEqual([{ trace: 't1' }, {}]);
    });
  });

  it('never throws from emit, and returns a promise', async () => {
    const { queue } = openQueue();
    await queue.close();
    const emissions = [queue.emit('tick'), queue.emit('tick.*'), queue.emit('tick', 1, 5 as never)];
    for (const emission of emissions) {
      expect(emission).toBeInstanceOf(Promise);
      expect(await rejectionOf(emission)).toBeInstanceOf(AmbusError);
    }
  });
});
