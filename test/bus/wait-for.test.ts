import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import {
  AmbusError,
  around,
  broadcast,
  collect,
  defineEvents,
  type EventBus,
  first,
  type Subscribed,
  type Unsubscribed,
  type WaitOptions,
  waterfall,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf } from './deferred.js';
import { stateOf } from './promise-state.js';
import { uncaughtDuring } from './uncaught.js';

const tock = Symbol('tock');

interface Shop {
  'order.placed': { id: string };
  'order.paid': { id: string };
  'shop.closed': void;
  tick: number;
  [tock]: number;
}

/** How many abort listeners a signal has now. */
const listening = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;

describeEveryBus((makeBus) => {
  describe('what is waited for', () => {
    it('[22] is the payload of the next event of a name', async () => {
      const bus = makeBus<Shop>();
      const waiting = bus.waitFor('order.placed');
      bus.emitSync('order.paid', { id: 'o0' });
      expect(await stateOf(waiting)).toBe('pending');
      const payload = { id: 'o1' };
      bus.emitSync('order.placed', payload);
      bus.emitSync('order.placed', { id: 'o2' });
      expect(await waiting).toBe(payload);
    });

    it('[22] is undefined where the event has no payload', async () => {
      const bus = makeBus<Shop>();
      const waiting = bus.waitFor('shop.closed');
      bus.emitSync('shop.closed');
      expect(await waiting).toBeUndefined();
    });

    it('[22] may be a symbol', async () => {
      const bus = makeBus<Shop>();
      const waiting = bus.waitFor(tock);
      bus.emitSync(tock, 5);
      expect(await waiting).toBe(5);
    });

    it('[22] is the first event of a list, with its type', async () => {
      const bus = makeBus<Shop>();
      const waiting = bus.waitFor(['order.placed', 'tick', tock]);
      bus.emitSync('order.paid', { id: 'o0' });
      bus.emitSync(tock, 7);
      bus.emitSync('tick', 8);
      expect(await waiting).toEqual({ type: tock, payload: 7 });
    });

    it('[22] is an event with its type also where the list has one name', async () => {
      const bus = makeBus<Shop>();
      const waiting = bus.waitFor(['tick']);
      bus.emitSync('tick', 8);
      expect(await waiting).toEqual({ type: 'tick', payload: 8 });
    });

    it.each(['order.*', 'order.**', '*.paid'] as const)(
      '[22] is the first event of the pattern %s, with its type',
      async (pattern) => {
        const bus = makeBus<Shop>();
        const waiting = bus.waitFor(pattern);
        bus.emitSync('tick', 1);
        bus.emitSync('shop.closed');
        bus.emitSync('order.paid', { id: 'o1' });
        bus.emitSync('order.placed', { id: 'o2' });
        expect(await waiting).toEqual({ type: 'order.paid', payload: { id: 'o1' } });
      },
    );

    it.each<[string, (bus: EventBus<Shop>) => unknown]>([
      ['emit', (bus) => bus.emit('tick', 1)],
      ['emitSync', (bus) => bus.emitSync('tick', 1)],
      ['dispatch', (bus) => bus.dispatch('tick', 1)],
      ['post', (bus) => bus.post('tick', 1)],
      ['event().emitSync', (bus) => bus.event('tick').emitSync(1)],
      ['an event that a handler emits', (bus) => bus.emitSync('shop.closed')],
    ])('[22] comes by %s', async (_verb, emit) => {
      const bus = makeBus<Shop>();
      bus.on('shop.closed', (_payload, ctx) => void ctx.emitSync('tick', 1));
      const waiting = bus.waitFor('tick');
      await emit(bus);
      expect(await waiting).toBe(1);
    });

    it('[22] is what interceptors and the schema make of the payload, of an emission that is not refused', async () => {
      const bus = makeBus({ events: defineEvents({ tick: broadcast(z.string().transform(Number)) }) });
      bus.intercept((emission, next) => next(emission.payload === '1' ? { payload: '11' } : undefined));
      const waiting = bus.waitFor('tick');
      await rejectionOf(bus.emit('tick', 7 as never));
      expect(await stateOf(waiting)).toBe('pending');
      bus.emitSync('tick', '1');
      expect(await waiting).toBe(11);
    });
  });

  describe('when', () => {
    it('[22] sees emissions after its call, and none before', async () => {
      const bus = makeBus<Shop>();
      bus.emitSync('tick', 1);
      const waiting = bus.waitFor('tick');
      expect(await stateOf(waiting)).toBe('pending');
      bus.emitSync('tick', 2);
      expect(await waiting).toBe(2);
    });

    it('[22] sees an emission in the same tick, when nobody has awaited it yet', async () => {
      const bus = makeBus<Shop>();
      const waiting = bus.waitFor('tick');
      bus.emitSync('tick', 2);
      await promisesSettled();
      expect(await waiting).toBe(2);
    });

    it('[22] does not see the emission in whose handler it is called, and sees those nested in it', async () => {
      const bus = makeBus<Shop>();
      let waiting: Promise<number> | undefined;
      bus.on('tick', (n, ctx) => {
        if (n > 1) return;
        waiting = bus.waitFor('tick');
        ctx.emitSync('tick', n + 1);
      });
      bus.emitSync('tick', 1);
      expect(await waiting).toBe(2);
    });

    it('[22] settles once, for everyone who waits', async () => {
      const bus = makeBus<Shop>();
      const waiting = [bus.waitFor('tick'), bus.waitFor('tick'), bus.waitFor('tick')];
      bus.emitSync('tick', 1);
      bus.emitSync('tick', 2);
      expect(await Promise.all(waiting)).toEqual([1, 1, 1]);
    });

    it('[22] settles once under re-entrant emission', async () => {
      const bus = makeBus<Shop>();
      const filter = vi.fn((n: number) => {
        if (n < 3) bus.emitSync('tick', n + 1);
        return true;
      });
      const waiting = bus.waitFor('tick', { filter });
      bus.emitSync('tick', 1);
      expect([1, 2, 3]).toContain(await waiting);
      expect(bus.handlerCount()).toBe(0);
    });

    it('[22] leaves nothing behind when it has settled', async () => {
      const bus = makeBus<Shop>();
      const waiting = [bus.waitFor('tick'), bus.waitFor(['tick', tock]), bus.waitFor('**')];
      expect(bus.handlerCount('tick')).toBe(3);
      bus.emitSync('tick', 1);
      expect(bus.handlerCount('tick')).toBe(0);
      expect(bus.handlerCount()).toBe(0);
      await Promise.all(waiting);
    });
  });

  describe('filter', () => {
    it('[22] waits on where it says no', async () => {
      const bus = makeBus<Shop>();
      const asked: unknown[] = [];
      const waiting = bus.waitFor('order.placed', {
        filter: (order) => {
          asked.push(order);
          return order.id === 'o2';
        },
      });
      bus.emitSync('order.placed', { id: 'o1' });
      expect(await stateOf(waiting)).toBe('pending');
      bus.emitSync('order.placed', { id: 'o2' });
      bus.emitSync('order.placed', { id: 'o2' });
      expect(await waiting).toEqual({ id: 'o2' });
      expect(asked).toEqual([{ id: 'o1' }, { id: 'o2' }]);
    });

    it('[22] gets the payload for lists and patterns too', async () => {
      const bus = makeBus<Shop>();
      const waiting = [
        bus.waitFor(['order.placed', 'order.paid'], { filter: ({ id }) => id === 'o2' }),
        bus.waitFor('order.*', { filter: ({ id }) => id === 'o2' }),
      ];
      bus.emitSync('order.placed', { id: 'o1' });
      bus.emitSync('order.paid', { id: 'o2' });
      expect(await Promise.all(waiting)).toEqual([
        { type: 'order.paid', payload: { id: 'o2' } },
        { type: 'order.paid', payload: { id: 'o2' } },
      ]);
    });

    it.each([0, '', null, undefined, Number.NaN])('[22] says no by %s', async (falsy) => {
      const bus = makeBus<Shop>();
      const waiting = bus.waitFor('tick', { filter: () => falsy as never });
      bus.emitSync('tick', 1);
      expect(await stateOf(waiting)).toBe('pending');
    });

    it('[22] that throws rejects the promise, and is no failure of the emission', async () => {
      const reported = vi.fn();
      const bus = makeBus<Shop>({ onFailure: reported, failurePolicy: 'throw' });
      const error = new Error('no order');
      const waiting = bus.waitFor('tick', {
        filter: () => {
          throw error;
        },
      });
      const rejection = rejectionOf(waiting);
      const later = vi.fn();
      bus.on('tick', later);
      expect(bus.emitSync('tick', 1)).toMatchObject({ ok: true, failures: [] });
      expect(await rejection).toBe(error);
      expect(later).toHaveBeenCalledTimes(1);
      expect(reported).not.toHaveBeenCalled();
      expect(bus.inspect().counts.failures).toBe(0);
      expect(bus.handlerCount('tick')).toBe(1);
    });

    it('[22] that throws something falsy rejects with that', async () => {
      const bus = makeBus<Shop>();
      const rejection = rejectionOf(
        bus.waitFor('tick', {
          filter: () => {
            throw undefined;
          },
        }),
      );
      bus.emitSync('tick', 1);
      expect(await rejection).toBeUndefined();
    });

    it('[22] that returns a promise is ASYNC_FILTER, and its rejection is never an unhandled one', async () => {
      const bus = makeBus<Shop>();
      const errors = await uncaughtDuring(async () => {
        const rejection = rejectionOf(
          bus.waitFor('tick', { filter: (() => Promise.reject(new Error('no'))) as never }),
        );
        expect(bus.emitSync('tick', 1)).toMatchObject({ ok: true, failures: [] });
        const error = await rejection;
        expect(error).toBeInstanceOf(AmbusError);
        expect(error).toMatchObject({ code: 'ASYNC_FILTER' });
      });
      expect(errors).toEqual([]);
      expect(bus.handlerCount()).toBe(0);
    });

    it('[22] lets other waiters be', async () => {
      const bus = makeBus<Shop>();
      const rejection = rejectionOf(
        bus.waitFor('tick', {
          filter: () => {
            throw new Error('no');
          },
        }),
      );
      const waiting = bus.waitFor('tick');
      bus.emitSync('tick', 1);
      expect(await waiting).toBe(1);
      await rejection;
    });
  });

  describe('timeoutMs', () => {
    it('[22] rejects with WAIT_TIMEOUT, by the clock of the bus', async () => {
      const clock = new ManualClock();
      const bus = makeBus<Shop>({ clock });
      const waiting = bus.waitFor('order.placed', { timeoutMs: 100 });
      const rejection = rejectionOf(waiting);
      await clock.advance(99);
      expect(await stateOf(waiting)).toBe('pending');
      await clock.advance(1);
      const error = (await rejection) as AmbusError;
      expect(error).toBeInstanceOf(AmbusError);
      expect(error.code).toBe('WAIT_TIMEOUT');
      expect(error.message).toContain('order.placed');
      expect(error.message).toContain('100');
      expect(bus.handlerCount()).toBe(0);
    });

    it.each<[string, (bus: EventBus<Shop>, options: WaitOptions) => Promise<unknown>, string[]]>([
      ['a list', (bus, options) => bus.waitFor(['order.placed', 'tick'], options), ['order.placed', 'tick']],
      ['a pattern', (bus, options) => bus.waitFor('order.*', options), ['order.*']],
      ['a symbol', (bus, options) => bus.waitFor(tock, options), ['Symbol(tock)']],
    ])('[22] names %s in the message', async (_what, wait, names) => {
      const clock = new ManualClock();
      const bus = makeBus<Shop>({ clock });
      const rejection = rejectionOf(wait(bus, { timeoutMs: 100 }));
      await clock.advance(100);
      const { message } = (await rejection) as AmbusError;
      for (const name of names) expect(message).toContain(name);
    });

    it('[22] is cleared when the event has come, or the filter has thrown', async () => {
      const clock = new ManualClock();
      const bus = makeBus<Shop>({ clock });
      const waiting = bus.waitFor('tick', { timeoutMs: 100 });
      const rejection = rejectionOf(
        bus.waitFor('tick', {
          timeoutMs: 100,
          filter: () => {
            throw new Error('no');
          },
        }),
      );
      expect(clock.pending).toBe(2);
      bus.emitSync('tick', 1);
      expect(clock.pending).toBe(0);
      expect(await waiting).toBe(1);
      await rejection;
      await clock.advance(100);
    });

    it('[22] left out, or Infinity, arms no timer', () => {
      const clock = new ManualClock();
      const bus = makeBus<Shop>({ clock });
      void bus.waitFor('tick');
      void bus.waitFor('tick', { timeoutMs: Infinity });
      expect(clock.pending).toBe(0);
    });
  });

  describe('signal', () => {
    it('[19] rejects with its reason, and leaves nothing behind', async () => {
      const clock = new ManualClock();
      const bus = makeBus<Shop>({ clock });
      const controller = new AbortController();
      const rejection = rejectionOf(bus.waitFor('tick', { signal: controller.signal, timeoutMs: 100 }));
      expect(listening(controller.signal)).toBe(1);
      controller.abort('enough');
      expect(await rejection).toBe('enough');
      expect(bus.handlerCount()).toBe(0);
      expect(clock.pending).toBe(0);
      expect(listening(controller.signal)).toBe(0);
    });

    it('[19] that is aborted already rejects with its reason, and nothing is subscribed', async () => {
      const bus = makeBus<Shop>();
      const subscribed = vi.fn();
      bus.observe({ subscribed });
      expect(await rejectionOf(bus.waitFor('tick', { signal: AbortSignal.abort('gone') }))).toBe('gone');
      expect(subscribed).not.toHaveBeenCalled();
      expect(bus.handlerCount()).toBe(0);
    });

    it('[19] is listened to no more once the event has come, the time was up, the filter has thrown, the bus has closed', async () => {
      const clock = new ManualClock();
      const bus = makeBus<Shop>({ clock });
      const { signal } = new AbortController();
      const waiting = bus.waitFor('tick', { signal });
      bus.emitSync('tick', 1);
      await waiting;
      expect(listening(signal)).toBe(0);
      const late = rejectionOf(bus.waitFor('tick', { signal, timeoutMs: 10 }));
      await clock.advance(10);
      await late;
      expect(listening(signal)).toBe(0);
      const thrown = rejectionOf(
        bus.waitFor('tick', {
          signal,
          filter: () => {
            throw new Error('no');
          },
        }),
      );
      bus.emitSync('tick', 1);
      await thrown;
      expect(listening(signal)).toBe(0);
      const closed = rejectionOf(bus.waitFor('tick', { signal }));
      await bus.close();
      await closed;
      expect(listening(signal)).toBe(0);
    });
  });

  describe('close', () => {
    it('[22] rejects it with BUS_CLOSED', async () => {
      const bus = makeBus<Shop>({ name: 'shop' });
      const rejections = [bus.waitFor('tick'), bus.waitFor(['tick', tock]), bus.waitFor('order.*')].map(rejectionOf);
      expect(await bus.close()).toEqual({ drained: true, unfinished: [] });
      for (const error of (await Promise.all(rejections)) as AmbusError[]) {
        expect(error).toBeInstanceOf(AmbusError);
        expect(error.code).toBe('BUS_CLOSED');
        expect(error.message).toContain('shop');
      }
    });

    it('[22] lets it see what is emitted while the bus drains', async () => {
      const bus = makeBus<Shop>();
      const gate = deferred();
      bus.on('shop.closed', async (_payload, ctx) => {
        await gate.promise;
        ctx.emitSync('tick', 5);
      });
      const emission = bus.emit('shop.closed');
      const waiting = bus.waitFor('tick');
      const other = rejectionOf(bus.waitFor(tock));
      const closed = bus.close();
      expect(await stateOf(waiting)).toBe('pending');
      gate.resolve();
      await Promise.all([emission, closed]);
      expect(await waiting).toBe(5);
      expect(await other).toMatchObject({ code: 'BUS_CLOSED' });
    });

    it('[22] clears its timer', async () => {
      const clock = new ManualClock();
      const bus = makeBus<Shop>({ clock });
      const rejection = rejectionOf(bus.waitFor('tick', { timeoutMs: 100 }));
      await bus.close();
      await rejection;
      expect(clock.pending).toBe(0);
    });

    it('[22] refuses to wait afterwards', async () => {
      const bus = makeBus<Shop>();
      await bus.close();
      expect(await rejectionOf(bus.waitFor('tick'))).toMatchObject({ code: 'BUS_CLOSED' });
    });

    it('[22] does not wait for it, nor does idle()', async () => {
      const bus = makeBus<Shop>();
      const rejection = rejectionOf(bus.waitFor('tick'));
      expect(await stateOf(bus.idle())).toBe('fulfilled');
      expect(await stateOf(bus.close())).toBe('fulfilled');
      await rejection;
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
      ['a misspelt option', 'tick', { timeout: 5 }, 'UNKNOWN_OPTION'],
      ['a number of times', 'tick', { times: 2 }, 'UNKNOWN_OPTION'],
      ['a negative time limit', 'tick', { timeoutMs: -1 }, 'INVALID_OPTION'],
      ['a time limit of NaN', 'tick', { timeoutMs: Number.NaN }, 'INVALID_OPTION'],
      ['a time limit longer than a timer takes', 'tick', { timeoutMs: 2_147_483_648 }, 'INVALID_OPTION'],
      ['a filter that is none', 'tick', { filter: 'yes' }, 'INVALID_OPTION'],
      ['a signal that is none', 'tick', { signal: {} }, 'INVALID_OPTION'],
      ['an infinite priority', 'tick', { priority: Infinity }, 'INVALID_OPTION'],
    ])('[22] of %s reject, and nothing is subscribed', async (_what, target, options, code) => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const waiting = bus.waitFor(target as string, options as WaitOptions);
      expect(waiting).toBeInstanceOf(Promise);
      expect(await rejectionOf(waiting)).toMatchObject({ code });
      expect(bus.handlerCount()).toBe(0);
      expect(clock.pending).toBe(0);
    });

    it.each<[string, unknown]>([
      ['a name', 'ordr.placed'],
      ['a name in a list', ['order.placed', 'ordr.placed']],
      ['a pattern that matches none', 'ordr.*'],
    ])('[22] of %s that is not declared reject with UNDECLARED_EVENT', async (_what, target) => {
      const bus = makeBus({ events: defineEvents({ 'order.placed': broadcast<number>() }) });
      expect(await rejectionOf(bus.waitFor(target as 'order.placed'))).toMatchObject({ code: 'UNDECLARED_EVENT' });
      expect(bus.handlerCount()).toBe(0);
    });
  });

  describe('listening', () => {
    it('[24] takes no part in any kind', async () => {
      const bus = makeBus({
        events: defineEvents({
          'kind.waterfall': waterfall<string>(),
          'kind.first': first<string, string>(),
          'kind.collect': collect<string, string>(),
          'kind.around': around<string, string>(),
        }),
      });
      const waiting = (['kind.waterfall', 'kind.first', 'kind.collect', 'kind.around'] as const).map((name) =>
        bus.waitFor(name),
      );
      expect(bus.emitSync('kind.waterfall', 'a').value).toBe('a');
      expect(bus.emitSync('kind.first', 'b')).toMatchObject({ value: undefined, answeredBy: undefined });
      expect(bus.emitSync('kind.collect', 'c').values).toEqual([]);
      expect(bus.emitSync('kind.around', 'd', { core: (text) => `core ${text}` }).value).toBe('core d');
      expect(await Promise.all(waiting)).toEqual(['a', 'b', 'c', 'd']);
    });

    it('[22] hears, of a waterfall, what has been made of the payload by its place in the order', async () => {
      const bus = makeBus({ events: defineEvents({ 'title.format': waterfall<string>() }) });
      bus.on('title.format', (title) => `${title}b`, { priority: 5 });
      bus.on('title.format', (title) => `${title}c`, { priority: -5 });
      const waiting = [
        bus.waitFor('title.format', { priority: 10 }),
        bus.waitFor('title.format'),
        bus.waitFor('title.format', { priority: -10 }),
      ];
      expect(bus.emitSync('title.format', 'a').value).toBe('abc');
      expect(await Promise.all(waiting)).toEqual(['a', 'ab', 'abc']);
    });

    it('[22] is a listener of the name "waitFor" to whoever looks', () => {
      const bus = makeBus<Shop>();
      const facts: Subscribed[] = [];
      bus.observe({ subscribed: (fact) => facts.push(fact) });
      void bus.waitFor('tick', { priority: 3 });
      expect(facts).toMatchObject([{ handler: 'waitFor', kind: 'list', priority: 3 }]);
      const snapshot = bus.inspect();
      expect(snapshot.listeners).toMatchObject([{ name: 'waitFor', kind: 'list', priority: 3 }]);
      expect(JSON.parse(JSON.stringify(snapshot))).toStrictEqual(snapshot);
    });

    it('[22] counts among the handlers that were called, and is gone to observers when it has settled', () => {
      const bus = makeBus<Shop>();
      const facts: Unsubscribed[] = [];
      bus.observe({ unsubscribed: (fact) => facts.push(fact) });
      void bus.waitFor('tick');
      expect(bus.emitSync('tick', 1).called).toBe(1);
      expect(facts).toMatchObject([{ handler: 'waitFor' }]);
    });

    it('[22] never makes an emission asynchronous', () => {
      const bus = makeBus<Shop>();
      void bus.waitFor('tick');
      expect(bus.dispatch('tick', 1)).not.toBeInstanceOf(Promise);
    });

    it('[22] hears nothing of an emission that stopped before its place', async () => {
      const bus = makeBus<Shop>();
      bus.on('tick', (n, ctx) => {
        if (n === 1) ctx.stop();
      });
      const waiting = bus.waitFor('tick');
      bus.emitSync('tick', 1);
      expect(await stateOf(waiting)).toBe('pending');
      bus.emitSync('tick', 2);
      expect(await waiting).toBe(2);
    });
  });
});
