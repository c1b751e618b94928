import { EventEmitter } from 'node:events';
import { EventEmitter as EventEmitter3 } from 'eventemitter3';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import {
  type AmbusError,
  around,
  broadcast,
  collect,
  defineEvents,
  type EmitError,
  type EmitterLike,
  EventBus,
  first,
  fromEmitter,
  fromEventTarget,
  toEventTarget,
  waterfall,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus, type MakeBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { stateOf } from './promise-state.js';
import { uncaughtDuring } from './uncaught.js';

interface Shop {
  'order.placed': { id: string };
  'order.paid': { id: string; method: string };
  'shop.closed': void;
  tick: number;
}

/** A bus and the events that it has emitted, and what it has reported. */
function recording(makeBus: MakeBus) {
  const reported: AmbusError[] = [];
  const bus = makeBus<Shop>({ onFailure: (failure) => reported.push(failure) });
  const seen: unknown[] = [];
  bus.onAny(({ type, payload }) => void seen.push([type, payload]));
  return { bus, seen, reported };
}

/** Any emitter, with what the tests need of it. */
interface Source {
  readonly emitter: EmitterLike;
  readonly emit: (event: string, ...args: unknown[]) => void;
  readonly listeners: (event: string) => number;
}

const SOURCES: Record<string, () => Source> = {
  'an EventEmitter of Node': () => {
    const emitter = new EventEmitter();
    return {
      emitter,
      emit: (event, ...args) => void emitter.emit(event, ...args),
      listeners: (event) => emitter.listenerCount(event),
    };
  },
  'an EventEmitter3': () => {
    const emitter = new EventEmitter3();
    return {
      emitter,
      emit: (event, ...args) => void emitter.emit(event, ...args),
      listeners: (event) => emitter.listenerCount(event),
    };
  },
  'an emitter with nothing but on and off': () => {
    const inner = new EventEmitter3();
    return {
      emitter: {
        on: (event: string, listener: () => void) => void inner.on(event, listener),
        off: (event: string, listener: () => void) => void inner.off(event, listener),
      },
      emit: (event, ...args) => void inner.emit(event, ...args),
      listeners: (event) => inner.listenerCount(event),
    };
  },
  'an emitter with nothing but on and removeListener': () => {
    const inner = new EventEmitter();
    return {
      emitter: {
        on: (event: string, listener: () => void) => inner.on(event, listener),
        removeListener: (event: string, listener: () => void) => inner.removeListener(event, listener),
      },
      emit: (event, ...args) => void inner.emit(event, ...args),
      listeners: (event) => inner.listenerCount(event),
    };
  },
};

describeEveryBus((makeBus) => {
  describe.each(Object.keys(SOURCES))('%s', (which) => {
    const source = (): Source => (SOURCES[which] as () => Source)();

    it('feeds a bus, with the first argument as the payload, and is released', () => {
      const { bus, seen } = recording(makeBus);
      const { emitter, emit, listeners } = source();
      const off = fromEmitter(bus, emitter, { placed: 'order.placed', closed: 'shop.closed' });
      expect(off.active).toBe(true);
      expect([listeners('placed'), listeners('closed')]).toEqual([1, 1]);
      emit('placed', { id: 'o1' });
      emit('closed');
      emit('other', 1);
      expect(seen).toEqual([
        ['order.placed', { id: 'o1' }],
        ['shop.closed', undefined],
      ]);
      off();
      expect(off.active).toBe(false);
      expect([listeners('placed'), listeners('closed')]).toEqual([0, 0]);
      emit('placed', { id: 'o2' });
      expect(seen).toHaveLength(2);
      off();
    });

    it('makes payloads by a function, and may feed several events into one', () => {
      const { bus, seen } = recording(makeBus);
      const { emitter, emit } = source();
      fromEmitter(bus, emitter, {
        placed: { type: 'order.placed', payload: (id: string) => ({ id }) },
        taken: { type: 'order.placed', payload: (id: string) => ({ id: `${id}!` }) },
        plain: { type: 'tick' },
      });
      emit('placed', 'o1');
      emit('taken', 'o2');
      emit('plain', 7);
      expect(seen).toEqual([
        ['order.placed', { id: 'o1' }],
        ['order.placed', { id: 'o2!' }],
        ['tick', 7],
      ]);
    });

    it('is never told of a failure: of a handler, of a refusal, or of the function that makes payloads', async () => {
      const { bus, reported } = recording(makeBus);
      const { emitter, emit } = source();
      const cause = new Error('no');
      fromEmitter(bus, emitter, {
        placed: {
          type: 'order.placed',
          payload: () => {
            throw cause;
          },
        },
        closed: 'shop.closed',
        tick: 'tick',
      });
      bus.on('shop.closed', () => {
        throw cause;
      });
      bus.on('tick', () => Promise.reject(cause));
      bus.intercept(
        () => {
          throw cause;
        },
        { types: 'order.paid' },
      );
      emit('placed');
      emit('closed');
      emit('tick', 1);
      await promisesSettled();
      expect(reported.map((error) => [error.code, error.cause])).toEqual([
        ['REFUSED', cause],
        ['HANDLER_FAILED', cause],
        ['HANDLER_FAILED', cause],
      ]);
      expect(reported[0]?.message).toContain('order.placed');
      await bus.close();
      emit('tick', 1);
      await promisesSettled();
      expect(reported.slice(3).every(({ code }) => code === 'BUS_CLOSED')).toBe(true);
    });

    it('is released at the end of a block', () => {
      const { bus } = recording(makeBus);
      const { emitter, listeners } = source();
      {
        using off = fromEmitter(bus, emitter, { tick: 'tick' });
        expect(off.active).toBe(true);
        expect(listeners('tick')).toBe(1);
      }
      expect(listeners('tick')).toBe(0);
    });

    it('keeps its other listeners when it is released', () => {
      const { bus } = recording(makeBus);
      const { emitter, listeners } = source();
      const [one, two] = [fromEmitter(bus, emitter, { tick: 'tick' }), fromEmitter(bus, emitter, { tick: 'tick' })];
      one();
      expect(listeners('tick')).toBe(1);
      one();
      expect(listeners('tick')).toBe(1);
      two();
      expect(listeners('tick')).toBe(0);
    });
  });

  describe('fromEmitter', () => {
    it('gives the function that makes payloads all arguments', () => {
      const { bus, seen } = recording(makeBus);
      const emitter = new EventEmitter();
      fromEmitter(bus, emitter, {
        paid: { type: 'order.paid', payload: (id: string, method: string) => ({ id, method }) },
      });
      emitter.emit('paid', 'o1', 'card');
      expect(seen).toEqual([['order.paid', { id: 'o1', method: 'card' }]]);
    });

    it('listens to symbols, and emits them', () => {
      const [placed, taken] = [Symbol('placed'), Symbol('taken')];
      const bus = makeBus<{ [taken]: number }>();
      const seen: unknown[] = [];
      bus.on(taken, (payload) => void seen.push(payload));
      const emitter = new EventEmitter();
      const off = fromEmitter(bus, emitter, { [placed]: taken });
      emitter.emit(placed, 1);
      off();
      emitter.emit(placed, 2);
      expect(seen).toEqual([1]);
    });

    it('posts: asynchronous handlers are in flight, and nobody waits for them but idle()', async () => {
      const { bus } = recording(makeBus);
      const gate = deferred();
      bus.on('tick', () => gate.promise);
      const emitter = new EventEmitter();
      fromEmitter(bus, emitter, { tick: 'tick' });
      expect(emitter.emit('tick', 1)).toBe(true);
      const idle = bus.idle();
      expect(await stateOf(idle)).toBe('pending');
      gate.resolve();
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('validates what comes', async () => {
      const reported: AmbusError[] = [];
      const bus = makeBus({
        events: defineEvents({ tick: broadcast(z.string().transform(Number)) }),
        onFailure: (failure) => reported.push(failure),
      });
      const seen: unknown[] = [];
      bus.on('tick', (n) => void seen.push(n));
      const emitter = new EventEmitter();
      fromEmitter(bus, emitter, { tick: 'tick' });
      emitter.emit('tick', '5');
      emitter.emit('tick', 5);
      expect(seen).toEqual([5]);
      expect(reported.map(({ code }) => code)).toEqual(['INVALID_PAYLOAD']);
    });

    it('makes the payload of something falsy that was thrown a refusal too', () => {
      const { bus, reported, seen } = recording(makeBus);
      const emitter = new EventEmitter();
      fromEmitter(bus, emitter, {
        tick: {
          type: 'tick',
          payload: () => {
            throw undefined;
          },
        },
      });
      emitter.emit('tick');
      expect(reported.map(({ code }) => code)).toEqual(['REFUSED']);
      expect(seen).toEqual([]);
    });

    it.each<[string, unknown, string]>([
      ['a pattern', 'order.*', 'INVALID_EVENT'],
      ['a number', 5, 'INVALID_EVENT'],
      ['an object without a type', {}, 'INVALID_EVENT'],
      ['an object whose type is a pattern', { type: 'order.*' }, 'INVALID_EVENT'],
      ['a payload that is no function', { type: 'tick', payload: 5 }, 'INVALID_ARGUMENT|INVALID_OPTION'],
      ['a misspelt option', { type: 'tick', payloud: () => 5 }, 'UNKNOWN_OPTION'],
    ])('refuses %s as a target, and then listens to nothing', (_what, target, codes) => {
      const { bus } = recording(makeBus);
      const emitter = new EventEmitter();
      const error = thrownBy(() => fromEmitter(bus, emitter, { placed: 'order.placed', bad: target } as never));
      expect(codes.split('|')).toContain((error as AmbusError).code);
      expect(emitter.eventNames()).toEqual([]);
    });

    it.each<[string, unknown, unknown]>([
      ['no emitter', undefined, {}],
      ['something that is no emitter', {}, {}],
      ['an emitter that cannot be released', { on: () => {} }, {}],
      ['no mapping', new EventEmitter(), undefined],
      ['a mapping that is text', new EventEmitter(), 'tick'],
    ])('refuses %s', (_what, emitter, mapping) => {
      const { bus } = recording(makeBus);
      expect(thrownBy(() => fromEmitter(bus, emitter as never, mapping as never))).toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    });

    it('refuses an event that the bus does not declare, and then listens to nothing', () => {
      const bus = makeBus({ events: defineEvents({ tick: broadcast<number>() }) });
      const emitter = new EventEmitter();
      expect(thrownBy(() => fromEmitter(bus, emitter, { tick: 'tick', tock: 'tock' as never }))).toMatchObject({
        code: 'UNDECLARED_EVENT',
      });
      expect(emitter.eventNames()).toEqual([]);
    });

    it('lets go of all where the emitter refuses one', () => {
      const { bus } = recording(makeBus);
      const error = new Error('not that one');
      class Picky extends EventEmitter {
        override on(event: string | symbol, listener: (...args: unknown[]) => void): this {
          if (event === 'bad') throw error;
          return super.on(event, listener);
        }
      }
      const emitter = new Picky();
      expect(thrownBy(() => fromEmitter(bus, emitter, { good: 'tick', bad: 'tick' }))).toBe(error);
      expect(emitter.eventNames()).toEqual([]);
    });
  });

  describe('fromEventTarget', () => {
    it('feeds a bus with what custom events carry, else with the event itself, and is released', () => {
      const { bus, seen } = recording(makeBus);
      const loose = bus as unknown as EventBus;
      const target = new EventTarget();
      const off = fromEventTarget(loose, target, { placed: 'order.placed', tick: 'tick' });
      expect(off.active).toBe(true);
      target.dispatchEvent(new CustomEvent('placed', { detail: { id: 'o1' } }));
      const plain = new Event('tick');
      target.dispatchEvent(plain);
      target.dispatchEvent(new Event('other'));
      expect(seen).toEqual([
        ['order.placed', { id: 'o1' }],
        ['tick', plain],
      ]);
      expect((seen[1] as unknown[])[1]).toBe(plain);
      off();
      off();
      expect(off.active).toBe(false);
      target.dispatchEvent(new CustomEvent('placed', { detail: { id: 'o2' } }));
      expect(seen).toHaveLength(2);
    });

    it('removes each listener that it has added', () => {
      const { bus } = recording(makeBus);
      const target = new EventTarget();
      const add = vi.spyOn(target, 'addEventListener');
      const remove = vi.spyOn(target, 'removeEventListener');
      {
        using off = fromEventTarget(bus, target, { tick: 'tick', closed: 'shop.closed' });
        expect(off.active).toBe(true);
        expect(add).toHaveBeenCalledTimes(2);
      }
      expect(remove.mock.calls.map(([type, listener]) => [type, listener])).toEqual(
        add.mock.calls.map(([type, listener]) => [type, listener]),
      );
    });

    it('takes what a custom event carries where that is falsy', () => {
      const { bus, seen } = recording(makeBus);
      const target = new EventTarget();
      fromEventTarget(bus, target, { tick: 'tick' });
      target.dispatchEvent(new CustomEvent('tick', { detail: 0 }));
      target.dispatchEvent(new CustomEvent('tick'));
      expect(seen).toEqual([
        ['tick', 0],
        ['tick', null],
      ]);
    });

    it('takes no other event for a custom one, which has a detail of its own', () => {
      const { bus, seen } = recording(makeBus);
      const target = new EventTarget();
      fromEventTarget(bus, target, { tick: 'tick' });
      const click = Object.assign(new Event('tick'), { detail: 2 });
      target.dispatchEvent(click);
      expect(seen).toEqual([['tick', click]]);
    });

    it('makes payloads by a function, which gets the event', () => {
      const { bus, seen } = recording(makeBus);
      const target = new EventTarget();
      fromEventTarget(bus, target, {
        pay: {
          type: 'order.paid',
          payload: (event: CustomEvent<string>) => ({ id: event.detail, method: event.type }),
        },
      });
      target.dispatchEvent(new CustomEvent('pay', { detail: 'o1' }));
      expect(seen).toEqual([['order.paid', { id: 'o1', method: 'pay' }]]);
    });

    it('reports what fails to the bus, and never to the target', async () => {
      const { bus, reported } = recording(makeBus);
      const target = new EventTarget();
      const cause = new Error('no');
      fromEventTarget(bus, target, {
        pay: {
          type: 'order.paid',
          payload: () => {
            throw cause;
          },
        },
        tick: 'tick',
      });
      bus.on('tick', () => {
        throw cause;
      });
      const errors = await uncaughtDuring(async () => {
        target.dispatchEvent(new Event('pay'));
        target.dispatchEvent(new CustomEvent('tick', { detail: 1 }));
        await bus.close();
        target.dispatchEvent(new Event('pay'));
      });
      expect(errors).toEqual([]);
      expect(reported.slice(0, 2).map((error) => [error.code, error.cause])).toEqual([
        ['REFUSED', cause],
        ['HANDLER_FAILED', cause],
      ]);
    });

    it('is all or nothing', () => {
      const { bus } = recording(makeBus);
      const target = new EventTarget();
      const add = vi.spyOn(target, 'addEventListener');
      const remove = vi.spyOn(target, 'removeEventListener');
      expect(thrownBy(() => fromEventTarget(bus, target, { tick: 'tick', bad: 'order.*' as never }))).toMatchObject({
        code: 'INVALID_EVENT',
      });
      expect(add.mock.calls.length).toBe(remove.mock.calls.length);
      expect(thrownBy(() => fromEventTarget(bus, {} as never, { tick: 'tick' }))).toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
      expect(thrownBy(() => fromEventTarget(bus, target, undefined as never))).toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
    });
  });

  describe('toEventTarget', () => {
    it('has every emission arrive as a custom event', async () => {
      const bus = makeBus<Shop>();
      using target = toEventTarget(bus);
      expect(target).toBeInstanceOf(EventTarget);
      const events: Event[] = [];
      target.addEventListener('order.placed', (event) => void events.push(event));
      target.addEventListener('shop.closed', (event) => void events.push(event));
      const payload = { id: 'o1' };
      bus.emitSync('order.placed', payload);
      await bus.emit('shop.closed');
      bus.post('tick', 1);
      expect(events.every((event) => event instanceof CustomEvent)).toBe(true);
      expect(events.map(({ type }) => type)).toEqual(['order.placed', 'shop.closed']);
      expect((events[0] as CustomEvent).detail).toBe(payload);
      expect((events[1] as CustomEvent).detail ?? undefined).toBeUndefined();
    });

    it('subscribes to an event once, and when its first listener is added', () => {
      const bus = makeBus<Shop>();
      using target = toEventTarget(bus);
      expect(bus.handlerCount()).toBe(0);
      const calls: string[] = [];
      bus.emitSync('tick', 0);
      target.addEventListener('tick', () => void calls.push('a'));
      expect(bus.handlerCount('tick')).toBe(1);
      expect(bus.handlerCount('order.placed')).toBe(0);
      target.addEventListener('tick', {
        handleEvent: (event) => void calls.push(`b ${(event as CustomEvent).detail}`),
      });
      expect(bus.handlerCount('tick')).toBe(1);
      bus.emitSync('tick', 1);
      expect(calls).toEqual(['a', 'b 1']);
    });

    it('keeps to what listeners of an EventTarget are used to: once, signal, removing', () => {
      const bus = makeBus<Shop>();
      using target = toEventTarget(bus);
      const controller = new AbortController();
      const [once, aborted, removed] = [vi.fn(), vi.fn(), vi.fn()];
      target.addEventListener('tick', once, { once: true });
      target.addEventListener('tick', aborted, { signal: controller.signal });
      target.addEventListener('tick', removed);
      bus.emitSync('tick', 1);
      controller.abort();
      target.removeEventListener('tick', removed);
      bus.emitSync('tick', 2);
      expect([once, aborted, removed].map((listener) => listener.mock.calls.length)).toEqual([1, 1, 1]);
    });

    it('is released by being disposed of', () => {
      const bus = makeBus<Shop>();
      const listener = vi.fn();
      {
        using target = toEventTarget(bus);
        target.addEventListener('tick', listener);
        target.addEventListener('order.placed', listener);
        expect(bus.handlerCount()).toBe(2);
      }
      expect(bus.handlerCount()).toBe(0);
      bus.emitSync('tick', 1);
      expect(listener).not.toHaveBeenCalled();
    });

    it('subscribes to nothing any more when it has been disposed of', () => {
      const bus = makeBus<Shop>();
      const target = toEventTarget(bus);
      target[Symbol.dispose]();
      target[Symbol.dispose]();
      const listener = vi.fn();
      target.addEventListener('tick', listener);
      bus.emitSync('tick', 1);
      expect(bus.handlerCount()).toBe(0);
      expect(listener).not.toHaveBeenCalled();
    });

    it('subscribes to nothing where the target refuses the listener', () => {
      const bus = makeBus<Shop>();
      using target = toEventTarget(bus);
      expect(thrownBy(() => target.addEventListener('tick', 5 as never))).toBeInstanceOf(TypeError);
      expect(bus.handlerCount()).toBe(0);
    });

    it('emits nothing on the bus that is dispatched on it by hand', () => {
      const bus = makeBus<Shop>();
      using target = toEventTarget(bus);
      const [listener, handler] = [vi.fn(), vi.fn()];
      target.addEventListener('tick', listener);
      bus.on('tick', handler);
      target.dispatchEvent(new CustomEvent('tick', { detail: 1 }));
      expect(listener).toHaveBeenCalledTimes(1);
      expect(handler).not.toHaveBeenCalled();
    });

    it('takes a listener that throws to the uncaught errors of the host, where a target takes it', async () => {
      const onFailure = vi.fn();
      const bus = makeBus<Shop>({ onFailure });
      using target = toEventTarget(bus);
      const error = new Error('no');
      const other = vi.fn();
      target.addEventListener('tick', () => {
        throw error;
      });
      target.addEventListener('tick', other);
      const errors = await uncaughtDuring(() => {
        expect(bus.emitSync('tick', 1).ok).toBe(true);
      });
      expect(errors).toEqual([error]);
      expect(other).toHaveBeenCalledTimes(1);
      expect(onFailure).not.toHaveBeenCalled();
    });

    it('only listens, whatever the kind', () => {
      const bus = makeBus({
        events: defineEvents({ 'kind.waterfall': waterfall<string>(), 'kind.first': first<string, string>() }),
      });
      using target = toEventTarget(bus);
      const details: unknown[] = [];
      for (const name of ['kind.waterfall', 'kind.first']) {
        target.addEventListener(name, (event) => void details.push((event as CustomEvent).detail));
      }
      expect(bus.emitSync('kind.waterfall', 'a').value).toBe('a');
      expect(bus.emitSync('kind.first', 'b')).toMatchObject({ value: undefined, answeredBy: undefined });
      expect(details).toEqual(['a', 'b']);
    });

    it('goes round: what a bus emits feeds another through a target', () => {
      const [one, two] = [makeBus<Shop>(), makeBus<Shop>()];
      using target = toEventTarget(one);
      using off = fromEventTarget(two, target, { tick: 'tick' });
      const seen: unknown[] = [];
      two.on('tick', (n) => void seen.push(n));
      one.emitSync('tick', 7);
      expect(seen).toEqual([7]);
      expect(off.active).toBe(true);
    });
  });

  describe('forward', () => {
    /** Buses, each with a name and a note of what it has emitted. */
    function buses(...names: string[]) {
      const seen: string[] = [];
      const made = names.map((name) => {
        const bus = makeBus<Shop>({ name });
        const note = ({ type, payload }: { type: string; payload: unknown }, ctx: { stop(): void }): void => {
          // It goes round and round: the test is to fail, and not to hang.
          if (seen.push(`${name} ${type} ${JSON.stringify(payload)}`) > 50) ctx.stop();
        };
        bus.onAny(note, { priority: 100 });
        return bus;
      }) as [EventBus<Shop>, EventBus<Shop>, EventBus<Shop>, EventBus<Shop>];
      return { seen, made };
    }

    it('has another bus emit the same event, until it is ended', () => {
      const { made, seen } = buses('shop', 'audit');
      const [shop, audit] = made;
      const off = shop.forward(audit, 'tick');
      expect(off.active).toBe(true);
      shop.emitSync('tick', 1);
      shop.emitSync('shop.closed');
      expect(seen).toEqual(['shop tick 1', 'audit tick 1', 'shop shop.closed undefined']);
      off();
      off();
      expect(off.active).toBe(false);
      shop.emitSync('tick', 2);
      expect(seen.slice(3)).toEqual(['shop tick 2']);
      expect(shop.handlerCount('tick')).toBe(1);
    });

    it.each<[string, 'tick' | 'order.*' | '**' | ('tick' | 'order.paid')[], string[]]>([
      ['a name', 'tick', ['tick']],
      ['a list', ['tick', 'order.paid'], ['order.paid', 'tick']],
      ['a pattern', 'order.*', ['order.placed', 'order.paid']],
      ['every event', '**', ['order.placed', 'order.paid', 'shop.closed', 'tick']],
    ])('forwards %s', (_what, source, expected) => {
      const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>()];
      const seen: unknown[] = [];
      audit.onAny(({ type }) => void seen.push(type));
      shop.forward(audit, source as 'tick');
      shop.emitSync('order.placed', { id: 'o1' });
      shop.emitSync('order.paid', { id: 'o1', method: 'card' });
      shop.emitSync('shop.closed');
      shop.emitSync('tick', 1);
      expect(seen).toEqual(expected);
    });

    it('hands over the payload itself, and meta, its own and what it inherited', async () => {
      const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>()];
      const seen: unknown[] = [];
      audit.on('order.placed', (payload, ctx) => void seen.push(payload, ctx.meta));
      shop.forward(audit, 'order.placed');
      const payload = { id: 'o1' };
      shop.emitSync('order.placed', payload, { meta: { trace: 't1' } });
      expect(seen).toEqual([payload, { trace: 't1' }]);
      expect(seen[0]).toBe(payload);
      shop.on('tick', (_n, ctx) => ctx.emit('order.placed', payload, { meta: { own: 1 } }));
      await shop.emit('tick', 1, { meta: { trace: 't2' } });
      expect(seen[3]).toEqual({ trace: 't2', own: 1 });
      shop.emitSync('order.placed', payload);
      expect(seen[5]).toEqual({});
    });

    it('has the emission wait for the handlers over there', async () => {
      const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>()];
      const gate = deferred();
      audit.on('tick', () => gate.promise);
      shop.forward(audit, 'tick');
      const emission = shop.emit('tick', 1);
      const idles = [shop.idle(), audit.idle()];
      expect(await stateOf(emission)).toBe('pending');
      for (const idle of idles) expect(await stateOf(idle)).toBe('pending');
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true });
      await Promise.all(idles);
    });

    it('is synchronous under emitSync: there, too, a handler that is asynchronous fails', () => {
      const reported: AmbusError[] = [];
      const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>({ onFailure: (failure) => reported.push(failure) })];
      const syncs: unknown[] = [];
      audit.on('tick', (_n, ctx) => void syncs.push(ctx.sync));
      audit.on('tick', async () => {});
      shop.forward(audit, 'tick');
      expect(shop.emitSync('tick', 1)).toMatchObject({ ok: true, failures: [] });
      expect(syncs).toEqual([true]);
      expect(reported.map(({ code }) => code)).toEqual(['ASYNC_IN_SYNC']);
    });

    it('tells handlers over there that the caller can wait where it can', async () => {
      const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>()];
      const syncs: unknown[] = [];
      audit.on('tick', async (_n, ctx) => void syncs.push(ctx.sync));
      shop.forward(audit, 'tick');
      expect((await shop.emit('tick', 1)).ok).toBe(true);
      shop.post('tick', 2);
      await shop.idle();
      expect(syncs).toEqual([false, false]);
    });

    it('only listens, whatever the kind', async () => {
      const events = defineEvents({
        'kind.waterfall': waterfall<string>(),
        'kind.first': first<string, string>(),
        'kind.collect': collect<string, string>(),
        'kind.around': around<string, string>(),
      });
      const [one, two] = [makeBus({ events }), makeBus({ events })];
      two.on('kind.waterfall', (text) => `${text}!`);
      two.on('kind.first', () => 'answer');
      two.on('kind.collect', () => 'answer');
      two.on('kind.around', () => 'answer');
      const seen: string[] = [];
      two.on('kind.*', (_text, ctx) => void seen.push(ctx.type), { priority: 1 });
      one.forward(two, 'kind.*');
      one.forward(two, 'kind.first');
      expect((await one.emit('kind.waterfall', 'a')).value).toBe('a');
      expect(await one.emit('kind.first', 'b')).toMatchObject({ value: undefined, answeredBy: undefined });
      expect((await one.emit('kind.collect', 'c')).values).toEqual([]);
      expect((await one.emit('kind.around', 'd', { core: () => 'core' })).value).toBe('core');
      expect(seen).toEqual(['kind.waterfall', 'kind.first', 'kind.first', 'kind.collect', 'kind.around']);
    });

    describe('by a function', () => {
      it('makes another event of it, or none', () => {
        const shop = makeBus<Shop>();
        const audit = makeBus<{ 'audit.order': string; 'audit.tick': number }>();
        const seen: unknown[] = [];
        audit.onAny(({ type, payload }) => void seen.push([type, payload]));
        const given: unknown[] = [];
        shop.forward(audit, ['order.placed', 'order.paid', 'tick'], (event) => {
          given.push(event);
          if (event.type === 'tick')
            return event.payload > 1 ? { type: 'audit.tick', payload: event.payload } : undefined;
          return { type: 'audit.order', payload: event.payload.id };
        });
        expect(shop.emitSync('order.placed', { id: 'o1' }).ok).toBe(true);
        expect(shop.emitSync('tick', 1).ok).toBe(true);
        expect(shop.emitSync('tick', 2).ok).toBe(true);
        expect(seen).toEqual([
          ['audit.order', 'o1'],
          ['audit.tick', 2],
        ]);
        expect(given).toEqual([
          { type: 'order.placed', payload: { id: 'o1' } },
          { type: 'tick', payload: 1 },
          { type: 'tick', payload: 2 },
        ]);
      });

      it.each([[null], [5], ['order.placed'], [{}], [{ payload: 1 }], [{ type: 'order.*', payload: 1 }]])(
        'that returns %j, which is no event, is a failure of the forwarding handler',
        (returned) => {
          const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>({ name: 'audit' })];
          const heard = vi.fn();
          audit.onAny(heard);
          shop.forward(audit, 'tick', () => returned as never);
          const { failures } = shop.emitSync('tick', 1);
          expect(failures).toMatchObject([{ code: 'HANDLER_FAILED', handler: 'forward to audit' }]);
          expect(['INVALID_ARGUMENT', 'INVALID_EVENT']).toContain((failures[0]?.cause as AmbusError).code);
          expect(heard).not.toHaveBeenCalled();
        },
      );

      it('that throws is a failure of the forwarding handler', () => {
        const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>({ name: 'audit' })];
        const cause = new Error('no');
        const heard = vi.fn();
        audit.onAny(heard);
        shop.forward(audit, 'tick', () => {
          throw cause;
        });
        const { failures } = shop.emitSync('tick', 1);
        expect(failures).toMatchObject([{ code: 'HANDLER_FAILED', handler: 'forward to audit', event: 'tick' }]);
        expect(failures[0]?.cause).toBe(cause);
        expect(heard).not.toHaveBeenCalled();
      });
    });

    describe('failures', () => {
      it('of handlers over there stay there, where that bus isolates', async () => {
        const reported: AmbusError[] = [];
        const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>({ onFailure: (failure) => reported.push(failure) })];
        audit.on('tick', async () => {
          throw new Error('no');
        });
        shop.forward(audit, 'tick');
        expect(await shop.emit('tick', 1)).toMatchObject({ ok: true, failures: [] });
        expect(reported.map(({ code }) => code)).toEqual(['HANDLER_FAILED']);
      });

      it.each(['emit', 'emitSync'] as const)(
        'that another bus rejects with are those of the forwarding handler, by %s',
        async (verb) => {
          const onFailure = vi.fn();
          const [shop, audit] = [
            makeBus<Shop>({ onFailure }),
            makeBus<Shop>({ name: 'audit', failurePolicy: 'throw', onFailure }),
          ];
          const cause = new Error('no');
          audit.on('tick', () => {
            throw cause;
          });
          const later = vi.fn();
          shop.forward(audit, 'tick');
          shop.on('tick', later);
          const result = await (verb === 'emit' ? shop.emit('tick', 1) : shop.emitSync('tick', 1));
          expect(result).toMatchObject({ ok: false, called: 2 });
          expect(result.failures).toMatchObject([
            { code: 'HANDLER_FAILED', handler: 'forward to audit', cause: { code: 'EMIT_FAILED' } },
          ]);
          expect((result.failures[0]?.cause as EmitError).errors[0]?.cause).toBe(cause);
          expect(later).toHaveBeenCalledTimes(1);
          expect(onFailure).toHaveBeenCalledTimes(1);
        },
      );

      it('are those of another bus that refuses the payload', async () => {
        const shop = makeBus<{ tick: unknown }>();
        const strict = makeBus({ name: 'strict', events: defineEvents({ tick: broadcast(z.number()) }) });
        const open = vi.fn();
        shop.forward(strict as unknown as EventBus<{ tick: unknown }>, 'tick');
        shop.on('tick', open);
        const { failures } = await shop.emit('tick', 'x');
        expect(failures).toMatchObject([{ handler: 'forward to strict', cause: { code: 'INVALID_PAYLOAD' } }]);
        expect(open).toHaveBeenCalledTimes(1);
      });
    });

    it('ends with the other bus, and to a closed one none begins', async () => {
      const shop = makeBus<{ tick: unknown }>();
      const other = makeBus<{ tick: unknown }>({ name: 'other' });
      const off = shop.forward(other, 'tick');
      await other.close();
      expect(off.active).toBe(false);
      expect(await shop.emit('tick', 'x')).toMatchObject({ ok: true, called: 0 });
      expect(thrownBy(() => shop.forward(other, 'tick'))).toMatchObject({ code: 'BUS_CLOSED' });
    });

    it('refuses the bus itself', () => {
      const bus = makeBus<{ tick: unknown }>();
      expect(thrownBy(() => bus.forward(bus, 'tick'))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(bus.handlerCount()).toBe(0);
    });

    it('[19] aborts handlers on the other bus with the emission', async () => {
      const shop = makeBus<{ tick: unknown }>();
      const other = makeBus<{ tick: unknown }>();
      shop.forward(other, 'tick');
      let signal: AbortSignal | undefined;
      other.on('tick', async (_, ctx) => {
        signal = ctx.signal;
        await new Promise<void>((resolve) => {
          ctx.signal.addEventListener('abort', () => resolve());
        });
      });
      const leaving = new AbortController();
      const emission = shop.emit('tick', 1, { signal: leaving.signal });
      leaving.abort('enough');
      expect(await rejectionOf(emission)).toBe('enough');
      expect(signal?.reason).toBe('enough');
    });

    describe('cycles', () => {
      it('of two buses have each emit once, whichever began', async () => {
        const { made, seen } = buses('one', 'two');
        const [one, two] = made;
        one.forward(two, '**');
        two.forward(one, '**');
        expect(one.emitSync('tick', 1)).toMatchObject({ ok: true, failures: [] });
        expect(await two.emit('tick', 2)).toMatchObject({ ok: true, failures: [] });
        expect(seen).toEqual(['one tick 1', 'two tick 1', 'two tick 2', 'one tick 2']);
      });

      it('of three buses have each emit once, whichever began', async () => {
        const { made, seen } = buses('one', 'two', 'three');
        const [one, two, three] = made;
        one.forward(two, 'tick');
        two.forward(three, ['tick']);
        three.forward(one, '*');
        for (const bus of [one, two, three]) expect((await bus.emit('tick', 1)).ok).toBe(true);
        expect(seen.map((line) => line.split(' ')[0]).join(' ')).toBe('one two three two three one three one two');
      });

      it.each(['auto', 'always', 'never'] as const)(
        'are seen behind an await too, with asyncContext %s',
        async (asyncContext) => {
          const counts = [0, 0, 0];
          const made = [0, 1, 2].map((index) => {
            const bus = makeBus<Shop>({ asyncContext });
            bus.on('tick', async (_n, ctx) => {
              const count = (counts[index] ?? 0) + 1;
              counts[index] = count;
              if (count > 5) ctx.stop();
              await promisesSettled();
            });
            return bus;
          }) as [EventBus<Shop>, EventBus<Shop>, EventBus<Shop>];
          const [one, two, three] = made;
          for (const [from, to] of [
            [one, two],
            [two, three],
            [three, one],
            [two, one],
          ] as const) {
            from.forward(to, 'tick');
          }
          await one.emit('tick', 1);
          await Promise.all(made.map((bus) => bus.idle()));
          expect(counts).toEqual([1, 1, 1]);
        },
      );

      it('are seen behind asynchronous interceptors and schemas', async () => {
        const slow = z.number().refine(() => Promise.resolve(true));
        const counts = [0, 0];
        const [one, two] = [0, 1].map((index) => {
          const bus = makeBus({ events: defineEvents({ tick: broadcast(slow) }), asyncContext: 'never' });
          bus.intercept(async (_emission, next) => {
            await promisesSettled();
            return next({ meta: { index } });
          });
          bus.on('tick', (_n, ctx) => {
            counts[index] = (counts[index] ?? 0) + 1;
            if ((counts[index] ?? 0) > 5) ctx.stop();
          });
          return bus as unknown as EventBus<{ tick: number }>;
        }) as [EventBus<{ tick: number }>, EventBus<{ tick: number }>];
        one.forward(two, 'tick');
        two.forward(one, 'tick');
        expect((await one.emit('tick', 1)).ok).toBe(true);
        await Promise.all([one.idle(), two.idle()]);
        expect(counts).toEqual([1, 1]);
      });

      it('are seen where the time of the forwarding handler was up on the way', async () => {
        const clock = new ManualClock();
        const [one, two] = [makeBus<Shop>({ clock, timeoutMs: 10 }), makeBus<Shop>({ clock })];
        const gate = deferred();
        const counts = { one: 0, two: 0 };
        one.on('tick', (_n, ctx) => {
          if (counts.one++ > 5) ctx.stop();
        });
        two.on('tick', () => {
          counts.two++;
          return gate.promise;
        });
        one.forward(two, 'tick');
        two.forward(one, 'tick');
        const emission = one.emit('tick', 1);
        await clock.advance(10);
        expect((await emission).failures).toMatchObject([{ code: 'HANDLER_TIMEOUT' }]);
        gate.resolve();
        await Promise.all([one.idle(), two.idle()]);
        await promisesSettled();
        expect(counts).toEqual({ one: 1, two: 1 });
      });

      it('let an event go two ways to one bus, which then has it twice', () => {
        const { made, seen } = buses('one', 'two', 'three', 'four');
        const [one, two, three, four] = made;
        one.forward(two, 'tick');
        one.forward(three, 'tick');
        two.forward(four, 'tick');
        three.forward(four, 'tick');
        one.emitSync('tick', 1);
        expect(seen).toEqual(['one tick 1', 'two tick 1', 'four tick 1', 'three tick 1', 'four tick 1']);
      });

      it('are those of forwarding alone: what a handler emits is an event of its own', async () => {
        const { made, seen } = buses('one', 'two');
        const [one, two] = made;
        one.forward(two, '**');
        two.forward(one, '**');
        two.on('tick', async (n, ctx) => {
          await promisesSettled();
          if (n === 1) await ctx.emit('order.placed', { id: 'o1' });
        });
        expect((await one.emit('tick', 1)).ok).toBe(true);
        expect(seen).toEqual([
          'one tick 1',
          'two tick 1',
          'two order.placed {"id":"o1"}',
          'one order.placed {"id":"o1"}',
        ]);
      });

      it('are seen where the function makes another event of it on the way', () => {
        const { made, seen } = buses('one', 'two');
        const [one, two] = made;
        one.forward(two, 'tick', ({ payload }) => ({ type: 'order.placed', payload: { id: `o${payload}` } }));
        two.forward(one, 'order.placed', ({ payload }) => ({ type: 'tick', payload: payload.id.length }));
        expect(one.emitSync('tick', 1).ok).toBe(true);
        expect(seen).toEqual(['one tick 1', 'two order.placed {"id":"o1"}']);
      });

      it('are no matter for the next emission', () => {
        const { made, seen } = buses('one', 'two');
        const [one, two] = made;
        one.forward(two, 'tick');
        two.forward(one, 'tick');
        for (const n of [1, 2, 3]) one.emitSync('tick', n);
        expect(seen).toEqual([1, 2, 3].flatMap((n) => [`one tick ${n}`, `two tick ${n}`]));
      });

      it('leave nothing in the meta that handlers see', () => {
        const [one, two] = [makeBus<Shop>(), makeBus<Shop>()];
        const metas: unknown[] = [];
        one.forward(two, 'tick');
        two.forward(one, 'tick');
        two.on('tick', (_n, ctx) => void metas.push(Reflect.ownKeys(ctx.meta)));
        one.emitSync('tick', 1, { meta: { trace: 't1' } });
        one.emitSync('tick', 1);
        expect(metas).toEqual([['trace'], []]);
      });
    });

    it.each<[string, unknown, unknown, unknown, string]>([
      ['no bus', undefined, 'tick', undefined, 'INVALID_ARGUMENT'],
      ['something that is no bus', { on: () => {} }, 'tick', undefined, 'INVALID_ARGUMENT'],
      ['a number as the event', new EventBus(), 5, undefined, 'INVALID_EVENT'],
      ['a pattern that is none', new EventBus(), 'order.**.placed', undefined, 'INVALID_PATTERN'],
      ['an empty list', new EventBus(), [], undefined, 'INVALID_ARGUMENT'],
      ['a map that is none', new EventBus(), 'tick', 'tock', 'INVALID_ARGUMENT'],
    ])('refuses %s, and then forwards nothing', (_what, other, type, map, code) => {
      const bus = makeBus();
      const call = () => (bus.forward as (...given: unknown[]) => unknown).call(bus, other, type, map);
      expect(thrownBy(call)).toMatchObject({ code });
      expect(bus.handlerCount()).toBe(0);
    });

    it('refuses events that are not declared, and a closed bus', async () => {
      const bus = makeBus({ events: defineEvents({ tick: broadcast<number>() }) });
      const other = makeBus<{ tick: number }>();
      for (const type of ['tock', ['tick', 'tock'], 'order.*']) {
        expect(thrownBy(() => bus.forward(other, type as 'tick'))).toMatchObject({ code: 'UNDECLARED_EVENT' });
      }
      expect(bus.handlerCount()).toBe(0);
      await bus.close();
      expect(thrownBy(() => bus.forward(other, 'tick'))).toMatchObject({ code: 'BUS_CLOSED' });
    });

    it('is a handler with a name of its own to whoever looks', () => {
      const bus = makeBus<Shop>();
      bus.forward(makeBus<Shop>({ name: 'audit' }), 'order.*');
      expect(bus.inspect().listeners).toMatchObject([{ name: 'forward to audit' }]);
    });

    it('[21] does not wait for itself: idle() on either bus, inside a handler over there', async () => {
      const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>()];
      audit.on('tick', async (_n, ctx) => {
        await Promise.all([ctx.idle(), shop.idle()]);
      });
      shop.forward(audit, 'tick');
      expect(await stateOf(shop.emit('tick', 1))).toBe('fulfilled');
    });

    it('[21] is accepted by a bus that closes, where it comes from what is being drained there', async () => {
      const clock = new ManualClock();
      const [one, two] = [makeBus<Shop>({ clock }), makeBus<Shop>({ clock })];
      const gate = deferred();
      const heard = vi.fn();
      one.on('shop.closed', async (_payload, ctx) => {
        await gate.promise;
        await ctx.emit('tick', 1);
      });
      one.forward(two, 'tick');
      two.on('tick', heard);
      const emission = one.emit('shop.closed');
      const closed = one.close();
      gate.resolve();
      expect((await emission).ok).toBe(true);
      expect((await closed).drained).toBe(true);
      expect(heard).toHaveBeenCalledTimes(1);
    });

    it('[19] stops when the emission that it serves is aborted, and that rejects with the reason', async () => {
      const [shop, audit] = [makeBus<Shop>(), makeBus<Shop>()];
      const gate = deferred();
      audit.on('tick', () => gate.promise);
      shop.forward(audit, 'tick');
      const controller = new AbortController();
      const rejection = rejectionOf(shop.emit('tick', 1, { signal: controller.signal }));
      controller.abort('enough');
      gate.resolve();
      expect(await rejection).toBe('enough');
      await Promise.all([shop.idle(), audit.idle()]);
    });
  });
});
