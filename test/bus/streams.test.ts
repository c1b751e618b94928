import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import {
  AmbusError,
  around,
  broadcast,
  collect,
  defineEvents,
  type EventBus,
  type EventStream,
  first,
  type StreamDropped,
  type StreamOptions,
  type StreamOverflow,
  type Subscribed,
  type Unsubscribed,
  waterfall,
} from '../../src/index.js';
import { runs, TIMEOUT_MS } from '../properties/run-count.js';
import { describeBothBuses, describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { stateOf } from './promise-state.js';
import { uncaughtDuring } from './uncaught.js';

const tock = Symbol('tock');

interface Shop {
  'order.placed': { id: string };
  'order.paid': { id: string };
  tick: number;
  start: void;
  [tock]: number;
}

const DONE = { done: true, value: undefined };
const item = <Item>(value: Item) => ({ done: false, value });

/** How many abort listeners a signal has now. */
const listening = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

/** Emits numbers, one after the other. */
function emitAll(bus: EventBus<Shop>, numbers: readonly number[]): void {
  for (const n of numbers) bus.emitSync('tick', n);
}

/** Reads a stream that has ended to its end. */
async function rest<Item>(stream: EventStream<Item>): Promise<Item[]> {
  const items: Item[] = [];
  for await (const each of stream) items.push(each);
  return items;
}

describeEveryBus((makeBus) => {
  describe('what comes', () => {
    it('[23] are payloads, in the order in which they were emitted', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('order.placed');
      const orders = [{ id: 'o1' }, { id: 'o2' }];
      bus.emitSync('order.placed', orders[0] as Shop['order.placed']);
      bus.emitSync('order.paid', { id: 'o0' });
      bus.emitSync('order.placed', orders[1] as Shop['order.placed']);
      const [one, two] = [await stream.next(), await stream.next()];
      expect([one, two]).toEqual(orders.map(item));
      expect(one.value).toBe(orders[0]);
    });

    it('[23] are events with their types for a list, symbols included', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream(['tick', tock]);
      bus.emitSync(tock, 1);
      bus.emitSync('order.paid', { id: 'o0' });
      bus.emitSync('tick', 2);
      expect(await stream.next()).toEqual(item({ type: tock, payload: 1 }));
      expect(await stream.next()).toEqual(item({ type: 'tick', payload: 2 }));
    });

    it('[23] are events with their types for a pattern', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('order.*');
      bus.emitSync('order.paid', { id: 'o1' });
      bus.emitSync('tick', 2);
      bus.emitSync('order.placed', { id: 'o2' });
      expect(await stream.next()).toEqual(item({ type: 'order.paid', payload: { id: 'o1' } }));
      expect(await stream.next()).toEqual(item({ type: 'order.placed', payload: { id: 'o2' } }));
    });

    it.each<[string, (bus: EventBus<Shop>) => unknown]>([
      ['emit', (bus) => bus.emit('tick', 1)],
      ['emitSync', (bus) => bus.emitSync('tick', 1)],
      ['dispatch', (bus) => bus.dispatch('tick', 1)],
      ['post', (bus) => bus.post('tick', 1)],
      ['event().emit', (bus) => bus.event('tick').emit(1)],
      ['an event that a handler emits', (bus) => bus.emit('start')],
    ])('[23] comes by %s', async (_verb, emit) => {
      const bus = makeBus<Shop>();
      bus.on('start', (_payload, ctx) => ctx.emit('tick', 1));
      const stream = bus.stream('tick');
      await emit(bus);
      expect(await stream.next()).toEqual(item(1));
      expect(stream.size).toBe(0);
    });

    it('[23] is what interceptors and the schema make of the payload, of emissions that are not refused', async () => {
      const bus = makeBus({ events: defineEvents({ tick: broadcast(z.string().transform(Number)) }) });
      bus.intercept((emission, next) => next(emission.payload === '1' ? { payload: '11' } : undefined));
      const stream = bus.stream('tick');
      await rejectionOf(bus.emit('tick', 7 as never));
      expect(stream.size).toBe(0);
      bus.emitSync('tick', '1');
      expect(await stream.next()).toEqual(item(11));
    });

    it('[23] leaves out what the filter says no to, which is not dropped', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick', { filter: (n) => n % 2 === 0, capacity: 1 });
      const orders = bus.stream('order.*', { filter: ({ id }) => id !== 'o1' });
      emitAll(bus, [1, 2, 3]);
      bus.emitSync('order.paid', { id: 'o1' });
      bus.emitSync('order.placed', { id: 'o2' });
      expect([stream.size, stream.dropped, orders.size, orders.dropped]).toEqual([1, 0, 1, 0]);
      expect(await stream.next()).toEqual(item(2));
      expect(await orders.next()).toEqual(item({ type: 'order.placed', payload: { id: 'o2' } }));
    });
  });

  describe('when', () => {
    it('[23] is live from the call, and not from the first next()', async () => {
      const bus = makeBus<Shop>();
      bus.emitSync('tick', 0);
      const stream = bus.stream('tick');
      emitAll(bus, [1, 2, 3]);
      expect(stream.size).toBe(3);
      expect([await stream.next(), await stream.next(), await stream.next()]).toEqual([1, 2, 3].map(item));
      expect(stream.size).toBe(0);
    });

    it('[23] does not see the emission in whose handler it is opened, and sees those nested in it', async () => {
      const bus = makeBus<Shop>();
      let stream: EventStream<number> | undefined;
      bus.on('tick', (n, ctx) => {
        if (n > 1) return;
        stream = bus.stream('tick');
        ctx.emitSync('tick', 2);
      });
      bus.emitSync('tick', 1);
      expect(stream?.size).toBe(1);
      expect(await stream?.next()).toEqual(item(2));
    });

    it('[23] has next() wait for what is emitted later', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      const next = stream.next();
      expect(await stateOf(next)).toBe('pending');
      bus.emitSync('tick', 1);
      expect(await next).toEqual(item(1));
    });

    it('[23] gives each of several streams all that it hears', async () => {
      const bus = makeBus<Shop>();
      const streams = [bus.stream('tick'), bus.stream('tick')];
      emitAll(bus, [1, 2]);
      await bus.close();
      expect(await Promise.all(streams.map(rest))).toEqual([
        [1, 2],
        [1, 2],
      ]);
    });

    it('[23] loses nothing between two turns of a loop', async () => {
      const bus = makeBus<Shop>();
      const seen: number[] = [];
      const stream = bus.stream('tick');
      bus.emitSync('tick', 1);
      for await (const n of stream) {
        seen.push(n);
        if (n === 1) emitAll(bus, [2, 3]);
        if (n === 3) {
          await promisesSettled();
          bus.post('tick', 4);
          await promisesSettled();
        }
        if (n === 4) break;
      }
      expect(seen).toEqual([1, 2, 3, 4]);
    });
  });

  describe('next() at a time', () => {
    it('[23] all settle, in their order', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      const order: number[] = [];
      const nexts = [0, 1, 2, 3].map((index) =>
        stream.next().then((result) => {
          order.push(index);
          return result;
        }),
      );
      emitAll(bus, [1, 2, 3, 4]);
      expect(await Promise.all(nexts)).toEqual([1, 2, 3, 4].map(item));
      expect(order).toEqual([0, 1, 2, 3]);
    });

    it('[23] are served from what waits, then from what comes', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      emitAll(bus, [1]);
      const nexts = [stream.next(), stream.next(), stream.next()];
      emitAll(bus, [2, 3, 4]);
      expect(await Promise.all(nexts)).toEqual([1, 2, 3].map(item));
      expect(stream.size).toBe(1);
    });

    it('[23] have what comes handed over, however little the stream may keep', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick', { capacity: 1, overflow: 'error' });
      const nexts = [stream.next(), stream.next(), stream.next()];
      emitAll(bus, [1, 2, 3]);
      expect(stream.size).toBe(0);
      bus.emitSync('tick', 4);
      expect(await Promise.all(nexts)).toEqual([1, 2, 3].map(item));
      expect(await stream.next()).toEqual(item(4));
      expect(stream.dropped).toBe(0);
    });
  });

  describe('the bound', () => {
    it('[23] is 1,024 events by default, and the oldest make room', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      emitAll(
        bus,
        Array.from({ length: 1_024 }, (_, n) => n),
      );
      expect([stream.size, stream.dropped]).toEqual([1_024, 0]);
      emitAll(bus, [1_024, 1_025]);
      expect([stream.size, stream.dropped]).toEqual([1_024, 2]);
      expect(await stream.next()).toEqual(item(2));
      expect(bus.inspect().streams).toMatchObject([{ capacity: 1_024, overflow: 'drop-oldest' }]);
    });

    it.each<[StreamOverflow, number[]]>([
      ['drop-oldest', [3, 4, 5]],
      ['drop-newest', [1, 2, 3]],
    ])('[23] under %s keeps %j of five', async (overflow, kept) => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick', { capacity: 3, overflow });
      emitAll(bus, [1, 2, 3, 4, 5]);
      expect([stream.size, stream.dropped]).toEqual([3, 2]);
      await bus.close();
      expect(await rest(stream)).toEqual(kept);
      expect(stream.dropped).toBe(2);
    });

    it.each<StreamOverflow>(['drop-oldest', 'drop-newest'])(
      '[23] under %s takes more as it is read',
      async (overflow) => {
        const bus = makeBus<Shop>();
        const stream = bus.stream('tick', { capacity: 2, overflow });
        const seen: unknown[] = [];
        for (let n = 0; n < 100; n += 2) {
          emitAll(bus, [n, n + 1]);
          seen.push((await stream.next()).value, (await stream.next()).value);
        }
        expect(seen).toEqual(Array.from({ length: 100 }, (_, n) => n));
        expect(stream.dropped).toBe(0);
      },
    );

    it('[23] under error ends the stream: what it has is delivered, then STREAM_OVERFLOW is thrown once, then it is done', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick', { capacity: 2, overflow: 'error' });
      emitAll(bus, [1, 2]);
      expect(bus.handlerCount('tick')).toBe(1);
      emitAll(bus, [3, 4, 5]);
      expect(bus.handlerCount('tick')).toBe(0);
      expect([stream.size, stream.dropped]).toEqual([2, 1]);
      expect(await stream.next()).toEqual(item(1));
      bus.emitSync('tick', 6);
      expect(await stream.next()).toEqual(item(2));
      const error = (await rejectionOf(stream.next())) as AmbusError;
      expect(error).toBeInstanceOf(AmbusError);
      expect(error.code).toBe('STREAM_OVERFLOW');
      expect(error.message).toContain('tick');
      expect(error.message).toContain('2');
      expect(await stream.next()).toEqual(DONE);
      expect(await stream.next()).toEqual(DONE);
      expect(stream.dropped).toBe(1);
    });

    it('[23] under error is no failure of the emission', () => {
      const onFailure = vi.fn();
      const bus = makeBus<Shop>({ onFailure, failurePolicy: 'throw' });
      bus.stream('tick', { capacity: 1, overflow: 'error' });
      for (let n = 0; n < 3; n++) expect(bus.emitSync('tick', n)).toMatchObject({ ok: true, failures: [] });
      expect(onFailure).not.toHaveBeenCalled();
      expect(bus.inspect().counts.failures).toBe(0);
    });

    it.each<[string, (bus: EventBus<Shop>) => EventStream<unknown>, string]>([
      ['a symbol', (bus) => bus.stream(tock, { capacity: 1, overflow: 'error' }), 'Symbol(tock)'],
      ['a list', (bus) => bus.stream(['tick', tock], { capacity: 1, overflow: 'error' }), 'Symbol(tock)'],
      ['a pattern', (bus) => bus.stream('**', { capacity: 1, overflow: 'error' }), '**'],
    ])('[23] under error names %s in the message', async (_what, open, name) => {
      const bus = makeBus<Shop>();
      const stream = open(bus);
      for (let n = 0; n < 2; n++) {
        expect(bus.emitSync('tick', n)).toMatchObject({ ok: true });
        expect(bus.emitSync(tock, n)).toMatchObject({ ok: true });
      }
      await stream.next();
      const error = (await rejectionOf(stream.next())) as AmbusError;
      expect(error).toMatchObject({ code: 'STREAM_OVERFLOW' });
      expect(error.message).toContain(name);
    });

    it('[23] under error ends a loop by an exception', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick', { capacity: 1, overflow: 'error' });
      emitAll(bus, [1, 2]);
      const seen: number[] = [];
      const error = await rejectionOf(
        (async () => {
          for await (const n of stream) seen.push(n);
        })(),
      );
      expect(error).toMatchObject({ code: 'STREAM_OVERFLOW' });
      expect(seen).toEqual([1]);
    });

    it('[23] may be Infinity', () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick', { capacity: Infinity, overflow: 'error' });
      emitAll(
        bus,
        Array.from({ length: 5_000 }, (_, n) => n),
      );
      expect([stream.size, stream.dropped]).toEqual([5_000, 0]);
      expect(bus.inspect().streams).toMatchObject([{ capacity: null, size: 5_000 }]);
    });
  });

  /** The ways of a reader to end a stream, and what the call gives. */
  const ENDS: [string, (stream: EventStream<number>) => PromiseLike<unknown>, 'fulfilled' | 'rejected'][] = [
    ['return()', (stream) => stream.return(), 'fulfilled'],
    ['throw()', (stream) => stream.throw(new Error('no')), 'rejected'],
    ['asyncDispose', (stream) => stream[Symbol.asyncDispose](), 'fulfilled'],
  ];

  describe.each(ENDS)('%s', (_what, end, state) => {
    it('[23] ends the stream: what waits is dropped and counted, and nothing is taken in any more', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      emitAll(bus, [1, 2, 3]);
      await stream.next();
      const ended = end(stream);
      expect(bus.handlerCount()).toBe(0);
      expect(await stateOf(ended)).toBe(state);
      expect([stream.size, stream.dropped]).toEqual([0, 2]);
      emitAll(bus, [4, 5]);
      expect([stream.size, stream.dropped]).toEqual([0, 2]);
      expect(await stream.next()).toEqual(DONE);
      expect(bus.inspect()).toMatchObject({ counts: { streamDropped: 2 }, streams: [] });
    });

    it('[23] resolves every next() that is pending', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      const nexts = [stream.next(), stream.next(), stream.next()];
      await Promise.resolve(end(stream)).catch(() => {});
      expect(await Promise.all(nexts)).toEqual([DONE, DONE, DONE]);
      expect(stream.dropped).toBe(0);
    });

    it('[23] twice is once', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      emitAll(bus, [1, 2]);
      await Promise.resolve(end(stream)).catch(() => {});
      expect(await stateOf(end(stream))).toBe(state);
      expect(stream.dropped).toBe(2);
      expect(bus.inspect().counts.streamDropped).toBe(2);
    });

    it('[19] stops listening to the signal of the stream', async () => {
      const bus = makeBus<Shop>();
      const { signal } = new AbortController();
      const stream = bus.stream('tick', { signal });
      expect(listening(signal)).toBe(1);
      await Promise.resolve(end(stream)).catch(() => {});
      expect(listening(signal)).toBe(0);
    });

    it('[23] drops and counts what waits also where the bus has closed before', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      emitAll(bus, [1, 2, 3]);
      await bus.close();
      expect(await stream.next()).toEqual(item(1));
      await Promise.resolve(end(stream)).catch(() => {});
      expect([stream.size, stream.dropped]).toEqual([0, 2]);
      expect(await stream.next()).toEqual(DONE);
    });
  });

  describe('its end', () => {
    it('[23] return() gives done, and throw() rejects with what it was given', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      expect(await stream.return()).toEqual(DONE);
      const error = new Error('no');
      expect(await rejectionOf(bus.stream('tick').throw(error))).toBe(error);
      expect(await rejectionOf(bus.stream('tick').throw())).toBeUndefined();
    });

    it('[23] comes by break, and by what a loop throws', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      emitAll(bus, [1, 2, 3]);
      for await (const n of stream) if (n === 1) break;
      expect([stream.size, stream.dropped, bus.handlerCount()]).toEqual([0, 2, 0]);
      const other = bus.stream('tick');
      emitAll(bus, [1, 2, 3]);
      const error = new Error('no');
      const rejection = await rejectionOf(
        (async () => {
          for await (const n of other) if (n === 2) throw error;
        })(),
      );
      expect(rejection).toBe(error);
      expect([other.size, other.dropped, bus.handlerCount()]).toEqual([0, 1, 0]);
    });

    it('[23] comes at the end of a block, with `await using`', async () => {
      const bus = makeBus<Shop>();
      let outside: EventStream<number> | undefined;
      {
        await using stream = bus.stream('tick');
        outside = stream;
        emitAll(bus, [1, 2]);
        expect(await stream.next()).toEqual(item(1));
        expect(bus.handlerCount()).toBe(1);
      }
      expect(bus.handlerCount()).toBe(0);
      expect(outside.dropped).toBe(1);
      expect(await outside.next()).toEqual(DONE);
    });

    it('[23] may come while an emission is on its way to it', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      bus.on('tick', () => void stream.return(), { priority: 1 });
      bus.emitSync('tick', 1);
      expect([stream.size, stream.dropped]).toEqual([0, 0]);
      expect(await stream.next()).toEqual(DONE);
    });

    it('[23] may come from its own filter, which lets nothing in any more', async () => {
      const bus = makeBus<Shop>();
      const stream: EventStream<number> = bus.stream('tick', {
        filter: () => {
          void stream.return();
          return true;
        },
      });
      bus.emitSync('tick', 1);
      expect(await stream.next()).toEqual(DONE);
      expect(stream.size).toBe(0);
    });

    it('[23] is iterated by its own iterator', () => {
      const stream = makeBus<Shop>().stream('tick');
      expect(stream[Symbol.asyncIterator]()).toBe(stream);
    });
  });

  describe('signal', () => {
    it('[19] ends it at once: what waits is dropped and counted, next() rejects with the reason once, then it is done', async () => {
      const bus = makeBus<Shop>();
      const controller = new AbortController();
      const stream = bus.stream('tick', { signal: controller.signal });
      emitAll(bus, [1, 2, 3]);
      await stream.next();
      controller.abort('enough');
      expect([stream.size, stream.dropped, bus.handlerCount()]).toEqual([0, 2, 0]);
      emitAll(bus, [4]);
      expect(await rejectionOf(stream.next())).toBe('enough');
      expect(await stream.next()).toEqual(DONE);
      expect(stream.dropped).toBe(2);
      expect(listening(controller.signal)).toBe(0);
      expect(bus.inspect()).toMatchObject({ counts: { streamDropped: 2 }, streams: [] });
    });

    it('[19] rejects the first next() that is pending, and the others are done', async () => {
      const bus = makeBus<Shop>();
      const controller = new AbortController();
      const stream = bus.stream('tick', { signal: controller.signal });
      const [one, two, three] = [stream.next(), stream.next(), stream.next()];
      const rejection = rejectionOf(one);
      controller.abort('enough');
      expect(await rejection).toBe('enough');
      expect(await Promise.all([two, three, stream.next()])).toEqual([DONE, DONE, DONE]);
    });

    it('[19] that is aborted already: nothing is subscribed, the first next() rejects with its reason, then it is done', async () => {
      const bus = makeBus<Shop>();
      const subscribed = vi.fn();
      bus.observe({ subscribed });
      const stream = bus.stream('tick', { signal: AbortSignal.abort('gone') });
      expect(subscribed).not.toHaveBeenCalled();
      expect(bus.inspect().streams).toEqual([]);
      bus.emitSync('tick', 1);
      expect([stream.size, stream.dropped]).toEqual([0, 0]);
      expect(await rejectionOf(stream.next())).toBe('gone');
      expect(await stream.next()).toEqual(DONE);
    });

    it('[19] that aborts leaves no unhandled rejection where nobody reads', async () => {
      const bus = makeBus<Shop>();
      const errors = await uncaughtDuring(async () => {
        const controller = new AbortController();
        bus.stream('tick', { signal: controller.signal });
        bus.stream('tick', { signal: AbortSignal.abort('gone') });
        emitAll(bus, [1]);
        controller.abort('enough');
        await promisesSettled();
      });
      expect(errors).toEqual([]);
    });

    it('[19] is listened to no more once the stream has overflown, or its filter has thrown', () => {
      const bus = makeBus<Shop>();
      const { signal } = new AbortController();
      bus.stream('tick', { signal, capacity: 1, overflow: 'error' });
      bus.stream('tick', {
        signal,
        filter: () => {
          throw new Error('no');
        },
      });
      expect(listening(signal)).toBe(1);
      emitAll(bus, [1, 2]);
      expect(listening(signal)).toBe(0);
    });

    it('[19] is listened to no more once the bus has closed and all has been read', async () => {
      const bus = makeBus<Shop>();
      const { signal } = new AbortController();
      const stream = bus.stream('tick', { signal });
      emitAll(bus, [1]);
      await bus.close();
      expect(await rest(stream)).toEqual([1]);
      expect(listening(signal)).toBe(0);
    });
  });

  describe('close', () => {
    it('[23] lets it deliver what it has, and ends it', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      emitAll(bus, [1, 2]);
      expect(await bus.close()).toEqual({ drained: true, unfinished: [] });
      expect(stream.size).toBe(2);
      expect(await stream.next()).toEqual(item(1));
      expect(await stream.next()).toEqual(item(2));
      expect(await stream.next()).toEqual(DONE);
      expect(stream.dropped).toBe(0);
    });

    it('[23] resolves every next() that is pending', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      const nexts = [stream.next(), stream.next()];
      await bus.close();
      expect(await Promise.all(nexts)).toEqual([DONE, DONE]);
    });

    it('[23] has it take in what is emitted while the bus drains', async () => {
      const bus = makeBus<Shop>();
      const gate = deferred();
      bus.on('start', async (_payload, ctx) => {
        await gate.promise;
        ctx.emitSync('tick', 5);
      });
      const emission = bus.emit('start');
      const stream = bus.stream('tick');
      const next = stream.next();
      const closed = bus.close();
      expect(await stateOf(next)).toBe('pending');
      gate.resolve();
      await Promise.all([emission, closed]);
      expect(await next).toEqual(item(5));
      expect(await stream.next()).toEqual(DONE);
    });

    it('[23] does not wait for its reader, nor does idle()', async () => {
      const bus = makeBus<Shop>();
      const stream = bus.stream('tick');
      void stream.next();
      emitAll(bus, [1, 2]);
      expect(await stateOf(bus.idle())).toBe('fulfilled');
      expect(await stateOf(bus.close())).toBe('fulfilled');
    });

    it('[23] refuses to open another afterwards', async () => {
      const bus = makeBus<Shop>();
      await bus.close();
      expect(thrownBy(() => bus.stream('tick'))).toMatchObject({ code: 'BUS_CLOSED' });
    });
  });

  describe('a filter that fails', () => {
    it('[23] ends it: what it has is delivered, then the error is thrown once, then it is done', async () => {
      const onFailure = vi.fn();
      const bus = makeBus<Shop>({ onFailure, failurePolicy: 'throw' });
      const error = new Error('no');
      const stream = bus.stream('tick', {
        filter: (n) => {
          if (n === 3) throw error;
          return true;
        },
      });
      emitAll(bus, [1, 2]);
      expect(bus.emitSync('tick', 3)).toMatchObject({ ok: true, failures: [] });
      expect(bus.handlerCount()).toBe(0);
      emitAll(bus, [4]);
      expect([stream.size, stream.dropped]).toEqual([2, 0]);
      expect(await stream.next()).toEqual(item(1));
      expect(await stream.next()).toEqual(item(2));
      expect(await rejectionOf(stream.next())).toBe(error);
      expect(await stream.next()).toEqual(DONE);
      expect(onFailure).not.toHaveBeenCalled();
      expect(bus.inspect().counts.failures).toBe(0);
    });

    it('[23] rejects the first next() that is pending, and the others are done', async () => {
      const bus = makeBus<Shop>();
      const error = new Error('no');
      const stream = bus.stream('tick', {
        filter: () => {
          throw error;
        },
      });
      const [one, two] = [stream.next(), stream.next()];
      const rejection = rejectionOf(one);
      bus.emitSync('tick', 1);
      expect(await rejection).toBe(error);
      expect(await two).toEqual(DONE);
    });

    it('[23] is one that returns a promise too: ASYNC_FILTER', async () => {
      const bus = makeBus<Shop>();
      const errors = await uncaughtDuring(async () => {
        const stream = bus.stream('tick', { filter: (() => Promise.reject(new Error('no'))) as never });
        bus.emitSync('tick', 1);
        expect(await rejectionOf(stream.next())).toMatchObject({ code: 'ASYNC_FILTER' });
        expect(await stream.next()).toEqual(DONE);
      });
      expect(errors).toEqual([]);
    });
  });

  describe('to whoever looks', () => {
    it('[23] inspect() shows open streams, and counts all that was ever dropped', async () => {
      const bus = makeBus<Shop>();
      expect(bus.inspect()).toMatchObject({ counts: { streamDropped: 0 }, streams: [] });
      const ticks = bus.stream('tick', { capacity: 1 });
      const orders = bus.stream('order.*', { capacity: 5, overflow: 'error' });
      const both = bus.stream(['tick', tock], { capacity: Infinity, overflow: 'drop-newest' });
      emitAll(bus, [1, 2, 3]);
      bus.emitSync('order.paid', { id: 'o1' });
      const snapshot = bus.inspect();
      expect(snapshot.streams).toEqual([
        { target: 'tick', size: 1, capacity: 1, overflow: 'drop-oldest', dropped: 2 },
        { target: 'order.*', size: 1, capacity: 5, overflow: 'error', dropped: 0 },
        { target: ['tick', 'Symbol(tock)'], size: 3, capacity: null, overflow: 'drop-newest', dropped: 0 },
      ]);
      expect(JSON.parse(JSON.stringify(snapshot))).toStrictEqual(snapshot);
      await ticks.return();
      expect(bus.inspect()).toMatchObject({ counts: { streamDropped: 3 }, streams: [{ target: 'order.*' }, {}] });
      await Promise.all([orders.return(), both.return()]);
      expect(bus.inspect()).toMatchObject({ counts: { streamDropped: 7 }, streams: [] });
    });

    it('[23] inspect() shows what it was opened for, whatever has become of that list', () => {
      const bus = makeBus<Shop>();
      const types: (keyof Shop)[] = ['tick'];
      bus.stream(types);
      types.push('start');
      bus.emitSync('start');
      expect(bus.inspect().streams).toMatchObject([{ target: ['tick'], size: 0 }]);
    });

    it('[25] observers are told of each event that is dropped, and why', async () => {
      const bus = makeBus<Shop>();
      const facts: StreamDropped[] = [];
      bus.observe({ streamDropped: (fact) => facts.push(fact) });
      const oldest = bus.stream('tick', { capacity: 1 });
      emitAll(bus, [1, 2]);
      await oldest.return();
      const newest = bus.stream(['tick', tock], { capacity: 1, overflow: 'drop-newest' });
      emitAll(bus, [3]);
      bus.emitSync(tock, 4);
      await newest.throw(new Error('no')).catch(() => {});
      const controller = new AbortController();
      bus.stream('order.*', { signal: controller.signal });
      bus.emitSync('order.paid', { id: 'o1' });
      controller.abort();
      bus.stream('tick', { capacity: 1, overflow: 'error' });
      emitAll(bus, [5, 6, 7]);
      expect(facts).toEqual([
        { type: 'tick', payload: 1, target: 'tick', reason: 'overflow', dropped: 1 },
        { type: 'tick', payload: 2, target: 'tick', reason: 'ended', dropped: 2 },
        { type: tock, payload: 4, target: ['tick', tock], reason: 'overflow', dropped: 1 },
        { type: 'tick', payload: 3, target: ['tick', tock], reason: 'ended', dropped: 2 },
        { type: 'order.paid', payload: { id: 'o1' }, target: 'order.*', reason: 'ended', dropped: 1 },
        { type: 'tick', payload: 6, target: 'tick', reason: 'overflow', dropped: 1 },
      ]);
    });

    it('[23] is a listener of the name "stream"', async () => {
      const bus = makeBus<Shop>();
      const facts: (Subscribed | Unsubscribed)[] = [];
      bus.observe({ subscribed: (fact) => facts.push(fact), unsubscribed: (fact) => facts.push(fact) });
      const stream = bus.stream('tick', { priority: 3 });
      expect(bus.inspect().listeners).toMatchObject([{ name: 'stream', kind: 'list', priority: 3 }]);
      expect(bus.emitSync('tick', 1).called).toBe(1);
      await stream.return();
      expect(facts).toMatchObject([
        { handler: 'stream', kind: 'list', priority: 3 },
        { handler: 'stream', kind: 'list', priority: 3 },
      ]);
    });
  });

  describe('listening', () => {
    it('[24] takes no part in any kind, and makes no emission asynchronous', async () => {
      const bus = makeBus({
        events: defineEvents({
          'kind.waterfall': waterfall<string>(),
          'kind.first': first<string, string>(),
          'kind.collect': collect<string, string>(),
          'kind.around': around<string, string>(),
        }),
      });
      const stream = bus.stream('kind.*');
      expect(bus.dispatch('kind.waterfall', 'a')).toMatchObject({ value: 'a' });
      expect(bus.dispatch('kind.first', 'b')).toMatchObject({ value: undefined, answeredBy: undefined });
      expect(bus.dispatch('kind.collect', 'c')).toMatchObject({ values: [] });
      expect(bus.dispatch('kind.around', 'd', { core: (text) => `core ${text}` })).toMatchObject({ value: 'core d' });
      await bus.close();
      expect((await rest(stream)).map(({ payload }) => payload)).toEqual(['a', 'b', 'c', 'd']);
    });

    it('[23] hears, of a waterfall, what has been made of the payload by its place in the order', async () => {
      const bus = makeBus({ events: defineEvents({ 'title.format': waterfall<string>() }) });
      bus.on('title.format', (title) => `${title}b`, { priority: 5 });
      bus.on('title.format', (title) => `${title}c`, { priority: -5 });
      const streams = [10, 0, -10].map((priority) => bus.stream('title.format', { priority }));
      bus.emitSync('title.format', 'a');
      expect(await Promise.all(streams.map((stream) => stream.next()))).toEqual(['a', 'ab', 'abc'].map(item));
    });
  });

  describe('refusals', () => {
    it.each<[string, unknown, unknown, string]>([
      ['a number as the event', 42, undefined, 'INVALID_EVENT'],
      ['nothing as the event', undefined, undefined, 'INVALID_EVENT'],
      ['an empty list', [], undefined, 'INVALID_ARGUMENT'],
      ['a number in the list', ['tick', 42], undefined, 'INVALID_EVENT'],
      ['a pattern that is none', 'order.**.placed', undefined, 'INVALID_PATTERN'],
      ['options that are none', 'tick', 5, 'INVALID_ARGUMENT'],
      ['a misspelt option', 'tick', { capcity: 5 }, 'UNKNOWN_OPTION'],
      ['a number of times', 'tick', { times: 2 }, 'UNKNOWN_OPTION'],
      ['a capacity of 0', 'tick', { capacity: 0 }, 'INVALID_OPTION'],
      ['a negative capacity', 'tick', { capacity: -1 }, 'INVALID_OPTION'],
      ['a capacity that is no whole number', 'tick', { capacity: 1.5 }, 'INVALID_OPTION'],
      ['a capacity of NaN', 'tick', { capacity: Number.NaN }, 'INVALID_OPTION'],
      ['a capacity that is text', 'tick', { capacity: '5' }, 'INVALID_OPTION'],
      ['an unknown overflow', 'tick', { overflow: 'dropOldest' }, 'INVALID_OPTION'],
      ['a filter that is none', 'tick', { filter: 'yes' }, 'INVALID_OPTION'],
      ['a signal that is none', 'tick', { signal: {} }, 'INVALID_OPTION'],
      ['an infinite priority', 'tick', { priority: Infinity }, 'INVALID_OPTION'],
    ])('[23] of %s throw, and nothing is opened', (_what, target, options, code) => {
      const bus = makeBus();
      expect(thrownBy(() => bus.stream(target as string, options as StreamOptions))).toMatchObject({ code });
      expect(bus.handlerCount()).toBe(0);
      expect(bus.inspect().streams).toEqual([]);
    });

    it.each<[string, unknown]>([
      ['a name', 'ordr.placed'],
      ['a name in a list', ['order.placed', 'ordr.placed']],
      ['a pattern that matches none', 'ordr.*'],
    ])('[23] of %s that is not declared throw UNDECLARED_EVENT', (_what, target) => {
      const bus = makeBus({ events: defineEvents({ 'order.placed': broadcast<number>() }) });
      expect(thrownBy(() => bus.stream(target as 'order.placed'))).toMatchObject({ code: 'UNDECLARED_EVENT' });
      expect(bus.handlerCount()).toBe(0);
    });
  });
});

/** What happens to a stream, in this order. */
type Step = 'emit' | 'left out' | 'next' | 'return' | 'throw' | 'dispose' | 'abort' | 'close' | 'failing filter';

/** What became of a call of `next()`: an item, done, an error, or nothing yet. */
type Outcome = number | 'done' | 'pending' | { readonly error: unknown };

const FILTER_ERROR = new Error('the filter fails');

/** What a stream is to do, written down as plainly as it can be. */
class ModelStream {
  readonly taken: number[] = [];
  readonly buffer: number[] = [];
  readonly dropped: number[] = [];
  readonly outcomes: Outcome[] = [];
  open = true;
  readonly #capacity: number;
  readonly #overflow: StreamOverflow;
  readonly #readers: number[] = [];
  #error: { readonly error: unknown } | undefined;

  constructor(capacity: number, overflow: StreamOverflow) {
    this.#capacity = capacity;
    this.#overflow = overflow;
  }

  emit(n: number): void {
    if (!this.open) return;
    this.taken.push(n);
    const reader = this.#readers.shift();
    if (reader !== undefined) this.outcomes[reader] = n;
    else if (this.buffer.length < this.#capacity) this.buffer.push(n);
    else if (this.#overflow === 'drop-oldest') {
      this.dropped.push(this.buffer.shift() as number);
      this.buffer.push(n);
    } else {
      this.dropped.push(n);
      if (this.#overflow === 'error') this.end({ error: 'STREAM_OVERFLOW' });
    }
  }

  next(): void {
    const kept = this.buffer.shift();
    if (kept === undefined && this.open) this.#readers.push(this.outcomes.length);
    this.outcomes.push(kept ?? (this.open ? 'pending' : (this.#error ?? 'done')));
    if (kept === undefined) this.#error = undefined;
  }

  /** Ends it; the first who waits for the next event gets the error, if there is one. */
  end(error?: { readonly error: unknown }): void {
    if (!this.open) return;
    this.open = false;
    this.#error = error;
    for (const reader of this.#readers.splice(0)) {
      this.outcomes[reader] = this.#error ?? 'done';
      this.#error = undefined;
    }
  }

  /** Ends it, and drops what waits. */
  discard(error?: { readonly error: unknown }): void {
    this.dropped.push(...this.buffer.splice(0));
    this.end(error);
    this.#error = error && this.#error;
  }
}

const program = fc.record({
  capacity: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constant(Infinity)),
  overflow: fc.constantFrom<StreamOverflow>('drop-oldest', 'drop-newest', 'error'),
  steps: fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.constantFrom<Step>('emit', 'next') },
      { weight: 2, arbitrary: fc.constant<Step>('left out') },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Step>('return', 'throw', 'dispose', 'abort', 'close', 'failing filter'),
      },
    ),
    { maxLength: 40 },
  ),
});

describeBothBuses((makeBus) => {
  it(
    '[23] loses nothing: what was taken in is delivered, dropped and counted, or waits',
    async () => {
      const property = fc.asyncProperty(program, async ({ capacity, overflow, steps }) => {
        const bus = makeBus<{ tick: number }>();
        const controller = new AbortController();
        const told: StreamDropped[] = [];
        bus.observe({ streamDropped: (fact) => told.push(fact) });
        const stream = bus.stream('tick', {
          capacity,
          overflow,
          signal: controller.signal,
          filter: (n) => {
            if (n === -2) throw FILTER_ERROR;
            return n >= 0;
          },
        });
        const model = new ModelStream(capacity, overflow);
        const outcomes: Outcome[] = [];
        const read = (): void => {
          const index = outcomes.push('pending') - 1;
          stream.next().then(
            (result) => {
              outcomes[index] = result.done === true ? 'done' : result.value;
            },
            (error: unknown) => {
              outcomes[index] = { error: error instanceof AmbusError ? error.code : error };
            },
          );
          model.next();
        };
        let emitted = 0;
        let closed = false;
        const perform: Record<Step, () => unknown> = {
          emit: () => {
            if (closed) return;
            bus.emitSync('tick', emitted);
            model.emit(emitted++);
          },
          'left out': () => closed || bus.emitSync('tick', -1),
          next: read,
          return: () => {
            model.discard();
            return stream.return();
          },
          throw: () => {
            model.discard();
            return stream.throw('thrown').catch(() => {});
          },
          dispose: () => {
            model.discard();
            return stream[Symbol.asyncDispose]();
          },
          abort: () => {
            // A signal ends a stream that is open; one that has ended goes on to its end.
            if (!model.open) return;
            controller.abort('aborted');
            model.discard({ error: 'aborted' });
          },
          close: async () => {
            closed = true;
            await bus.close();
            model.end();
          },
          'failing filter': () => {
            if (closed) return;
            bus.emitSync('tick', -2);
            model.end({ error: FILTER_ERROR });
          },
        };
        for (const step of steps) {
          if (step === 'close') await perform[step]();
          else void perform[step]();
          expect([stream.size, stream.dropped]).toEqual([model.buffer.length, model.dropped.length]);
        }
        await promisesSettled();
        expect(outcomes).toEqual(model.outcomes);

        const delivered = outcomes.filter((outcome): outcome is number => typeof outcome === 'number');
        expect(delivered.length + stream.dropped + stream.size).toBe(model.taken.length);
        expect(told.map(({ payload }) => payload)).toEqual(model.dropped);
        expect(told.map(({ dropped }) => dropped)).toEqual(model.dropped.map((_, index) => index + 1));
        expect(bus.inspect().counts.streamDropped).toBe(stream.dropped);
        while (stream.size > 0) delivered.push((await stream.next()).value as number);
        expect([...delivered, ...model.dropped].sort((a, b) => a - b)).toEqual(model.taken);
        expect(delivered).toEqual([...delivered].sort((a, b) => a - b));
        expect(listening(controller.signal)).toBe(model.open ? 1 : 0);
      });
      await fc.assert(property, runs());
    },
    TIMEOUT_MS,
  );
});
