import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import {
  AmbusError,
  around,
  broadcast,
  collect,
  type Dropped,
  defineEvents,
  EmitError,
  type EmitResult,
  type EventBus,
  first,
  type HandlerError,
  type HandlerSettled,
  typed,
  waterfall,
} from '../../src/index.js';
import { describeBothBuses, describeEveryBus, type MakeBus } from './buses.js';
import { type Deferred, deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { stateOf } from './promise-state.js';
import { uncaughtDuring } from './uncaught.js';

interface OrderInput {
  id: string;
  total: string;
}
interface Order {
  id: string;
  total: number;
}

/** The same schema, which makes a number of a text, as three libraries write it. */
const LIBRARIES: readonly [vendor: string, schema: StandardSchemaV1<OrderInput, Order>][] = [
  ['zod', z.object({ id: z.string(), total: z.string().transform(Number) })],
  ['valibot', v.object({ id: v.string(), total: v.pipe(v.string(), v.transform(Number)) })],
  ['arktype', type({ id: 'string', total: 'string.numeric.parse' })],
];

/** A schema that waits before it answers. arktype has none. */
const ASYNC_LIBRARIES: readonly [
  vendor: string,
  make: (wait: (value: string) => Promise<boolean>) => StandardSchemaV1<string>,
][] = [
  ['zod', (wait) => z.string().refine(wait, 'not in stock')],
  ['valibot', (wait) => v.pipeAsync(v.string(), v.checkAsync(wait, 'not in stock'))],
];

/** A schema of no library. */
function schemaOf<Value = unknown>(
  validate: (value: unknown) => unknown,
): StandardSchemaV1<Value, Value> & { readonly '~standard': { readonly vendor: string } } {
  return { '~standard': { version: 1, vendor: 'test', validate: validate as never } };
}

const given: OrderInput = { id: 'o1', total: '42' };
const made: Order = { id: 'o1', total: 42 };
const invalid = { id: 7, total: '42' } as never;

const VERBS = ['emit', 'emitSync', 'dispatch', 'post', 'event.emit', 'event.emitSync', 'event.dispatch', 'event.post'];

/** Emits by a verb of the bus or of a handle. */
function emitBy(verb: string, bus: unknown, name: string, payload: unknown, options?: object): unknown {
  const [handle, plain] = verb.startsWith('event.') ? [true, verb.slice(6)] : [false, verb];
  const emitting = (handle ? (bus as EventBus).event(name) : bus) as Record<string, (...args: unknown[]) => unknown>;
  return emitting[plain]?.(...(handle ? [payload, options] : [name, payload, options]));
}

/** What an emission is refused with, by whichever verb: it is rejected, thrown, or reported. */
async function refusalBy(
  verb: string,
  bus: unknown,
  name: string,
  payload: unknown,
  reported: readonly unknown[],
  options?: object,
): Promise<unknown> {
  if (verb.endsWith('post')) {
    expect(emitBy(verb, bus, name, payload, options)).toBeUndefined();
    await promisesSettled();
    expect(reported).toHaveLength(1);
    return reported[0];
  }
  if (verb.endsWith('emit')) return rejectionOf(emitBy(verb, bus, name, payload, options) as Promise<unknown>);
  return thrownBy(() => emitBy(verb, bus, name, payload, options));
}

/** A bus with the declared events, and a list of what it reports. */
function reporting<Declared extends object>(makeBus: MakeBus, events: Declared) {
  const reported: AmbusError[] = [];
  const bus = makeBus<Declared>({ events, onFailure: (failure) => reported.push(failure) });
  return { bus, reported };
}

const causeOf = (error: unknown): unknown => (error as AmbusError).cause;

describeEveryBus((makeBus) => {
  describe.each(LIBRARIES)('%s', (vendor, order) => {
    const events = defineEvents({ 'order.placed': broadcast(order) });

    it.each(VERBS)('gives handlers what the schema makes of the payload, by %s', async (verb) => {
      const bus = makeBus({ events });
      const seen: unknown[] = [];
      bus.on('order.placed', (payload, ctx) => void seen.push(payload, ctx.payload));
      bus.on('order.*', (payload) => void seen.push(payload));
      bus.on(['order.placed'], (payload) => void seen.push(payload));
      bus.onAny((event) => void seen.push(event.payload));
      await emitBy(verb, bus, 'order.placed', given);
      expect(seen).toEqual([made, made, made, made, made]);
    });

    it('gives the filters of handlers what it makes of the payload', () => {
      const bus = makeBus({ events });
      const seen: unknown[] = [];
      bus.on('order.placed', () => {}, {
        filter: (payload) => {
          seen.push(payload);
          return payload.total > 41;
        },
      });
      expect(bus.emitSync('order.placed', given).called).toBe(1);
      expect(seen).toEqual([made]);
    });

    it('leaves the emission synchronous, and what the caller gave as it was', () => {
      const bus = makeBus({ events });
      const handler = vi.fn();
      bus.on('order.placed', handler);
      const payload = { ...given };
      expect(bus.dispatch('order.placed', payload)).toMatchObject({ ok: true, called: 1 });
      expect(bus.emitSync('order.placed', payload)).toMatchObject({ ok: true, called: 1 });
      void bus.emit('order.placed', payload);
      expect(handler).toHaveBeenCalledTimes(3);
      expect(payload).toEqual(given);
    });

    it.each(VERBS)('[16] refuses an invalid payload before any handler runs, by %s', async (verb) => {
      const { bus, reported } = reporting(makeBus, events);
      const handler = vi.fn();
      bus.on('order.placed', handler, { filter: handler });
      bus.onAny(handler, { priority: 1 });
      const error = await refusalBy(verb, bus, 'order.placed', invalid, reported);
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).not.toBeInstanceOf(EmitError);
      expect(error).toMatchObject({ code: 'INVALID_PAYLOAD' });
      expect(handler).not.toHaveBeenCalled();
    });

    it('says in the error which event, which place in the payload, and what is wrong there', () => {
      const bus = makeBus({ events });
      const error = thrownBy(() => bus.emitSync('order.placed', invalid)) as AmbusError;
      const issues = error.details['issues'] as StandardSchemaV1.Issue[];
      expect(error.details).toMatchObject({ type: 'order.placed', vendor });
      expect(issues).toHaveLength(1);
      expect(error.message).toContain('order.placed');
      expect(error.message).toContain('id');
      expect(error.message).toContain(issues[0]?.message);
    });

    it('validates the payload of every kind', async () => {
      const kinds = defineEvents({
        broadcast: broadcast(order),
        waterfall: waterfall(order),
        first: first(order, { answer: typed<Order>() }),
        collect: collect(order, { answer: typed<Order>() }),
        around: around(order, { answer: typed<Order>() }),
      });
      const bus = makeBus({ events: kinds });
      for (const name of ['waterfall', 'first', 'collect', 'around'] as const) {
        bus.on(name, (payload) => ({ ...payload, total: payload.total + 1 }));
      }
      const expected = { id: 'o1', total: 43 };
      expect((await bus.emit('waterfall', given)).value).toEqual(expected);
      expect((await bus.emit('first', given)).value).toEqual(expected);
      expect((await bus.emit('collect', given)).values).toEqual([expected]);
      expect((await bus.emit('around', given)).value).toEqual(expected);
      for (const name of ['broadcast', 'waterfall', 'first', 'collect', 'around'] as const) {
        expect(thrownBy(() => bus.emitSync(name, invalid))).toMatchObject({ code: 'INVALID_PAYLOAD' });
      }
    });

    it('makes the value of a waterfall without handlers', () => {
      const bus = makeBus({ events: defineEvents({ 'order.price': waterfall(order) }) });
      expect(bus.emitSync('order.price', given)).toMatchObject({ ok: true, called: 0, value: made });
    });

    it('gives the core of an around what the schema makes of the payload', async () => {
      const bus = makeBus({ events: defineEvents({ 'order.ship': around(order, { answer: typed<Order>() }) }) });
      bus.on('order.ship', (_, ctx) => ctx.next());
      const { value } = await bus.emit('order.ship', given, { core: async (payload) => payload });
      expect(value).toEqual(made);
    });

    it('validates what a handler emits through its context', async () => {
      const bus = makeBus({
        events: defineEvents({ 'order.placed': broadcast(order), start: broadcast<unknown>() }),
      });
      const seen: unknown[] = [];
      bus.on('order.placed', (payload) => void seen.push(payload));
      bus.on('start', (payload, ctx) => ctx.emit('order.placed', payload as OrderInput));
      expect((await bus.emit('start', given)).ok).toBe(true);
      const { failures } = await bus.emit('start', invalid);
      expect(failures.map(causeOf)).toMatchObject([{ code: 'INVALID_PAYLOAD' }]);
      expect(seen).toEqual([made]);
    });
  });

  describe.each(ASYNC_LIBRARIES)('asynchronous, %s', (_vendor, make) => {
    /** A bus whose schema waits at the gate. */
    function gated() {
      const gate = deferred<boolean>();
      const events = defineEvents({ 'order.placed': broadcast(make(() => gate.promise)) });
      const reported: AmbusError[] = [];
      const bus = makeBus({ events, onFailure: (failure) => reported.push(failure) });
      const handler = vi.fn();
      bus.on('order.placed', handler);
      return { bus, gate, handler, reported };
    }

    it('runs handlers when the schema has settled', async () => {
      const { bus, gate, handler } = gated();
      const emission = bus.emit('order.placed', 'o1');
      expect(await stateOf(emission)).toBe('pending');
      expect(handler).not.toHaveBeenCalled();
      gate.resolve(true);
      expect(await emission).toMatchObject({ ok: true, called: 1 });
      expect(handler).toHaveBeenCalledExactlyOnceWith('o1', expect.anything());
    });

    it.each(['dispatch', 'event.dispatch'])('has a promise returned by %s', async (verb) => {
      const { bus, gate, handler } = gated();
      const outcome = emitBy(verb, bus, 'order.placed', 'o1');
      expect(outcome).toBeInstanceOf(Promise);
      gate.resolve(true);
      expect(await (outcome as Promise<EmitResult>)).toMatchObject({ ok: true, called: 1 });
      expect(handler).toHaveBeenCalledTimes(1);
    });

    it.each(['post', 'event.post'])('reports what is invalid to onFailure, by %s', async (verb) => {
      const { bus, gate, handler, reported } = gated();
      emitBy(verb, bus, 'order.placed', 'o1');
      expect(reported).toEqual([]);
      gate.resolve(false);
      await promisesSettled();
      expect(reported.map(({ code }) => code)).toEqual(['INVALID_PAYLOAD']);
      expect(handler).not.toHaveBeenCalled();
    });

    it('[16] rejects with what is invalid', async () => {
      const { bus, gate, handler } = gated();
      gate.resolve(false);
      const error = (await rejectionOf(bus.emit('order.placed', 'o1'))) as AmbusError;
      expect(error.code).toBe('INVALID_PAYLOAD');
      expect(error.message).toContain('not in stock');
      expect(handler).not.toHaveBeenCalled();
      expect(bus.inspect().counts).toMatchObject({ dropped: 1, inFlight: 0 });
    });

    it.each(['emitSync', 'event.emitSync'])('is a clear error under %s, where no handler runs', async (verb) => {
      const { bus, gate, handler } = gated();
      const errors = await uncaughtDuring(async () => {
        const error = thrownBy(() => emitBy(verb, bus, 'order.placed', 'o1')) as AmbusError;
        expect(error).toBeInstanceOf(AmbusError);
        expect(error).not.toBeInstanceOf(EmitError);
        expect(error.code).toBe('ASYNC_IN_SYNC');
        expect(error.message).toContain('order.placed');
        gate.resolve(true);
        await bus.idle();
      });
      expect(errors).toEqual([]);
      expect(handler).not.toHaveBeenCalled();
      expect(bus.inspect().counts).toMatchObject({ dropped: 1, failures: 0, inFlight: 0 });
    });

    it('is waited for by idle() and close(), and its handlers still run', async () => {
      const { bus, gate, handler } = gated();
      const emission = bus.emit('order.placed', 'o1');
      const idle = bus.idle();
      const closed = bus.close();
      expect(await stateOf(idle)).toBe('pending');
      expect(await stateOf(closed)).toBe('pending');
      gate.resolve(true);
      expect(await emission).toMatchObject({ ok: true, called: 1 });
      expect(await closed).toEqual({ drained: true, unfinished: [] });
      await idle;
      expect(handler).toHaveBeenCalledTimes(1);
    });

    it('[19] is waited for where the emission is aborted meanwhile, which then rejects with the reason', async () => {
      const { bus, gate, handler } = gated();
      const controller = new AbortController();
      const emission = bus.emit('order.placed', 'o1', { signal: controller.signal });
      const rejection = rejectionOf(emission);
      controller.abort('enough');
      expect(await stateOf(emission)).toBe('pending');
      gate.resolve(true);
      expect(await rejection).toBe('enough');
      expect(handler).not.toHaveBeenCalled();
      expect(bus.inspect().counts.inFlight).toBe(0);
    });

    it('lets emissions pass each other', async () => {
      const gates: Record<string, Deferred<boolean>> = { a: deferred(), b: deferred() };
      const schema = make((value) => (gates[value] as Deferred<boolean>).promise);
      const bus = makeBus({ events: defineEvents({ tick: broadcast(schema) }) });
      const seen: string[] = [];
      bus.on('tick', (payload) => void seen.push(payload));
      const emissions = [bus.emit('tick', 'a'), bus.emit('tick', 'b')];
      await promisesSettled();
      gates['b']?.resolve(true);
      await emissions[1];
      gates['a']?.resolve(true);
      await emissions[0];
      expect(seen).toEqual(['b', 'a']);
    });
  });

  it.each<[string, StandardSchemaV1<string, number>]>([
    ['zod', z.string().transform(async (text) => text.length)],
    [
      'valibot',
      v.pipeAsync(
        v.string(),
        v.transformAsync(async (text) => text.length),
      ),
    ],
  ])('gives handlers of every kind what an asynchronous schema makes of the payload: %s', async (_vendor, schema) => {
    const answer = typed<number>();
    const bus = makeBus({
      events: defineEvents({
        broadcast: broadcast(schema),
        waterfall: waterfall(schema),
        first: first(schema, { answer }),
        collect: collect(schema, { answer }),
        around: around(schema, { answer }),
      }),
    });
    const seen: unknown[] = [];
    bus.on('broadcast', (length, ctx) => void seen.push(length, ctx.payload));
    bus.onAny(({ payload }) => void seen.push(payload));
    for (const name of ['first', 'collect'] as const) bus.on(name, (length) => length);
    bus.on('waterfall', (length) => length + 1);
    await bus.emit('broadcast', 'three');
    expect(seen).toEqual([5, 5, 5]);
    expect((await bus.emit('waterfall', 'three')).value).toBe(6);
    expect((await bus.emit('first', 'three')).value).toBe(5);
    expect((await bus.emit('collect', 'three')).values).toEqual([5]);
    expect((await bus.emit('around', 'three', { core: (length) => length * 2 })).value).toBe(10);
  });

  // zod asks an asynchronous refinement twice and forgets the first promise, whose rejection is unhandled then.
  describe.each<(typeof ASYNC_LIBRARIES)[number]>([
    ...ASYNC_LIBRARIES.filter(([vendor]) => vendor !== 'zod'),
    ['no library', (wait) => schemaOf<string>((value) => wait(String(value)).then(() => ({ value })))],
  ])('asynchronous and rejecting, %s', (_vendor, make) => {
    const cause = new Error('the stock is not to be reached');

    it('refuses with SCHEMA_FAILED', async () => {
      const bus = makeBus({ events: defineEvents({ tick: broadcast(make(() => Promise.reject(cause))) }) });
      const handler = vi.fn();
      bus.on('tick', handler);
      const error = (await rejectionOf(bus.emit('tick', 'o1'))) as AmbusError;
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).toMatchObject({ code: 'SCHEMA_FAILED' });
      expect(error.cause).toBe(cause);
      expect(handler).not.toHaveBeenCalled();
      expect(bus.inspect().counts).toMatchObject({ dropped: 1, inFlight: 0 });
    });

    it('has its promise adopted under emitSync, so that the rejection is never an unhandled one', async () => {
      const gate = deferred<boolean>();
      const bus = makeBus({ events: defineEvents({ tick: broadcast(make(() => gate.promise)) }) });
      const errors = await uncaughtDuring(async () => {
        expect(thrownBy(() => bus.emitSync('tick', 'o1'))).toMatchObject({ code: 'ASYNC_IN_SYNC' });
        gate.reject(cause);
        await promisesSettled();
      });
      expect(errors).toEqual([]);
    });
  });

  describe('invalid payloads', () => {
    const crate = z.object({
      a: z.string(),
      b: z.string(),
      c: z.string(),
      d: z.string(),
      e: z.string(),
      f: z.string(),
      g: z.string(),
    });
    const events = defineEvents({
      crate: broadcast(crate),
      tick: broadcast(z.number()),
      free: broadcast<string>(),
    });

    it.each(['isolate', 'stop', 'throw'] as const)(
      '[16] are refused whatever the policy: %s',
      async (failurePolicy) => {
        const bus = makeBus({ events, failurePolicy });
        bus.on('tick', () => {});
        await expect(bus.emit('tick', 'one' as never)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD' });
        await expect(bus.emit('tick', 'one' as never, { failurePolicy })).rejects.toMatchObject({
          code: 'INVALID_PAYLOAD',
        });
      },
    );

    it('[16] are refused also where nobody listens', () => {
      const bus = makeBus({ events });
      expect(thrownBy(() => bus.emitSync('tick', 'one' as never))).toMatchObject({ code: 'INVALID_PAYLOAD' });
    });

    it('are told with five issues in the message, and with all in the details', () => {
      const bus = makeBus({ events });
      const error = thrownBy(() => bus.emitSync('crate', { a: 'a' } as never)) as AmbusError;
      const issues = error.details['issues'] as StandardSchemaV1.Issue[];
      expect(issues.map(({ path }) => path)).toEqual([['b'], ['c'], ['d'], ['e'], ['f'], ['g']]);
      expect(error.message.split(issues[0]?.message as string)).toHaveLength(6);
      expect(error.message).toMatch(/\bf\b/);
      expect(error.message).not.toMatch(/\bg\b/);
    });

    it('are told with the whole path of an issue, whatever it is made of', () => {
      const place = Symbol('place');
      const bus = makeBus({
        events: defineEvents({
          valibot: broadcast(v.object({ items: v.array(v.object({ sku: v.string() })) })),
          symbols: broadcast(
            schemaOf(() => ({ issues: [{ message: 'is taken', path: ['seats', 3, { key: place }] }] })),
          ),
          none: broadcast(schemaOf(() => ({ issues: [{ message: 'is no order at all' }] }))),
        }),
      });
      const [nested, symbols, none] = [
        thrownBy(() => bus.emitSync('valibot', { items: [{ sku: 's' }, { sku: 5 }] } as never)),
        thrownBy(() => bus.emitSync('symbols', 1)),
        thrownBy(() => bus.emitSync('none', 1)),
      ] as AmbusError[];
      expect(nested?.message).toMatch(/items\W+1\W+sku/);
      expect(symbols).toMatchObject({ code: 'INVALID_PAYLOAD' });
      expect(symbols?.message).toMatch(/seats\W+3\W.*place/);
      expect(none).toMatchObject({ code: 'INVALID_PAYLOAD' });
      expect(none?.message).toContain('is no order at all');
    });

    it('are counted as dropped and told to observers, and nothing else is', () => {
      const bus = makeBus({ events });
      const dropped: Dropped[] = [];
      const others = vi.fn();
      bus.observe({
        dropped: (fact) => dropped.push(fact),
        emissionStarted: others,
        emissionSettled: others,
        handlerSkipped: others,
      });
      bus.on('tick', () => {});
      const error = thrownBy(() => bus.emitSync('tick', 'one' as never));
      expect(dropped).toEqual([{ type: 'tick', payload: 'one', error }]);
      expect(others).not.toHaveBeenCalled();
      expect(bus.inspect().counts).toMatchObject({ dropped: 1, emissions: 0, failures: 0, inFlight: 0 });
    });

    it('are not looked for in events that have no schema', () => {
      const bus = makeBus({ events, undeclared: 'allow' });
      const seen: unknown[] = [];
      bus.onAny(({ payload }) => void seen.push(payload));
      bus.emitSync('free', 5 as never);
      (bus as unknown as EventBus).emitSync('undeclared', 6);
      expect(seen).toEqual([5, 6]);
    });

    it('use up no turn of a once', () => {
      const bus = makeBus({ events });
      const handler = vi.fn();
      bus.once('tick', handler);
      thrownBy(() => bus.emitSync('tick', 'one' as never));
      bus.emitSync('tick', 1);
      expect(handler).toHaveBeenCalledTimes(1);
    });
  });

  describe('a schema', () => {
    it('is asked once an emission, with what the caller gave', () => {
      const validate = vi.fn((value: unknown) => ({ value }));
      const bus = makeBus({ events: defineEvents({ tick: broadcast(schemaOf<number>(validate)) }) });
      for (let i = 0; i < 3; i++) bus.on('tick', () => {});
      bus.emitSync('tick', 1);
      bus.emitSync('tick', 2);
      expect(validate.mock.calls.map(([value]) => value)).toEqual([1, 2]);
    });

    it('is asked when everything else that may refuse an emission has been looked at', async () => {
      const validate = vi.fn((value: unknown) => ({ value }));
      const bus = makeBus({ events: defineEvents({ tick: broadcast(schemaOf<number>(validate)) }) });
      expect(thrownBy(() => bus.emitSync('tick', 1, { mod: 'tiered' } as never))).toMatchObject({
        code: 'UNKNOWN_OPTION',
      });
      expect(thrownBy(() => bus.emitSync('tick', 1, { signal: AbortSignal.abort('gone') }))).toBe('gone');
      await bus.close();
      expect(thrownBy(() => bus.emitSync('tick', 1))).toMatchObject({ code: 'BUS_CLOSED' });
      expect(validate).not.toHaveBeenCalled();
    });

    it('is asked as a method of its own properties', () => {
      const schema = {
        '~standard': {
          version: 1 as const,
          vendor: 'test',
          unit: 'kg',
          validate(value: unknown) {
            return { value: `${String(value)} ${this.unit}` };
          },
        },
      };
      const bus = makeBus({ events: defineEvents({ 'weight.given': broadcast(schema) }) });
      const seen: unknown[] = [];
      bus.on('weight.given', (weight) => void seen.push(weight));
      bus.emitSync('weight.given', 3);
      expect(seen).toEqual(['3 kg']);
    });

    it('may answer with any thenable', async () => {
      const bus = makeBus({
        events: defineEvents({
          tick: broadcast(
            schemaOf<number>((value) => ({
              // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
              then: (resolve: (result: object) => void) => resolve({ value }),
            })),
          ),
        }),
      });
      const seen: unknown[] = [];
      bus.on('tick', (n) => void seen.push(n));
      expect(await bus.emit('tick', 1)).toMatchObject({ ok: true, called: 1 });
      expect(seen).toEqual([1]);
      expect(thrownBy(() => bus.emitSync('tick', 1))).toMatchObject({ code: 'ASYNC_IN_SYNC' });
    });

    it('may make undefined of a payload', () => {
      const bus = makeBus({
        events: defineEvents({ tick: broadcast(schemaOf<number>(() => ({ value: undefined }))) }),
      });
      const seen: unknown[] = [];
      bus.on('tick', (n) => void seen.push(n));
      expect(bus.emitSync('tick', 1).called).toBe(1);
      expect(seen).toEqual([undefined]);
    });

    it('that finds the payload invalid without an issue refuses it all the same', () => {
      const bus = makeBus({ events: defineEvents({ tick: broadcast(schemaOf<number>(() => ({ issues: [] }))) }) });
      const handler = vi.fn();
      bus.on('tick', handler);
      expect(thrownBy(() => bus.emitSync('tick', 1))).toMatchObject({ code: 'INVALID_PAYLOAD' });
      expect(handler).not.toHaveBeenCalled();
    });

    it.each(VERBS)('that throws refuses the emission with SCHEMA_FAILED, by %s', async (verb) => {
      const cause = new Error('broken');
      const { bus, reported } = reporting(
        makeBus,
        defineEvents({
          tick: broadcast(
            schemaOf<number>(() => {
              throw cause;
            }),
          ),
        }),
      );
      const handler = vi.fn();
      bus.on('tick', handler);
      const error = (await refusalBy(verb, bus, 'tick', 1, reported)) as AmbusError;
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).toMatchObject({ code: 'SCHEMA_FAILED' });
      expect(error.message).toContain('tick');
      expect(error.cause).toBe(cause);
      expect(handler).not.toHaveBeenCalled();
      expect(bus.inspect().counts).toMatchObject({ dropped: 1, failures: 0, inFlight: 0 });
    });

    it('that throws something falsy fails too', () => {
      const bus = makeBus({
        events: defineEvents({
          tick: broadcast(
            schemaOf<number>(() => {
              throw undefined;
            }),
          ),
        }),
      });
      const error = thrownBy(() => bus.emitSync('tick', 1)) as AmbusError;
      expect(error).toMatchObject({ code: 'SCHEMA_FAILED' });
      expect('cause' in error && error.cause === undefined).toBe(true);
    });

    it.each([[undefined], [null], [42], ['fine'], [{ issues: 'no' }], [{}]])(
      'that answers with %o fails, sync or async',
      async (answer) => {
        const handler = vi.fn();
        const bus = makeBus({
          events: defineEvents({
            sync: broadcast(schemaOf<number>(() => answer)),
            async: broadcast(schemaOf<number>(async () => answer)),
          }),
        });
        bus.onAny(handler);
        expect(thrownBy(() => bus.emitSync('sync', 1))).toMatchObject({ code: 'SCHEMA_FAILED' });
        expect(await rejectionOf(bus.emit('async', 1))).toMatchObject({ code: 'SCHEMA_FAILED' });
        expect(handler).not.toHaveBeenCalled();
      },
    );

    it.each([
      ['issues that are none', () => [null, 5]],
      ['an issue whose path is none', () => [{ message: 'is wrong', path: 'id' }]],
      ['an issue with something in its path that is none', () => [{ message: 'is wrong', path: [null] }]],
      [
        'an issue that cannot be read',
        () => [
          {
            get message(): string {
              throw new Error('no');
            },
          },
        ],
      ],
    ])('that answers with %s refuses with an error that says so', (_what, issues) => {
      const bus = makeBus({
        events: defineEvents({ tick: broadcast(schemaOf<number>(() => ({ issues: issues() }))) }),
      });
      const handler = vi.fn();
      bus.on('tick', handler);
      const error = thrownBy(() => bus.emitSync('tick', 1));
      expect(error).toBeInstanceOf(AmbusError);
      expect(['INVALID_PAYLOAD', 'SCHEMA_FAILED']).toContain((error as AmbusError).code);
      expect(handler).not.toHaveBeenCalled();
    });

    it('whose promise cannot be waited for fails', async () => {
      const cause = new Error('no constructor');
      const bus = makeBus({
        events: defineEvents({
          tick: broadcast(
            schemaOf<number>(() =>
              Object.defineProperty(Promise.resolve({ value: 1 }), 'constructor', {
                get() {
                  throw cause;
                },
              }),
            ),
          ),
        }),
      });
      expect(await rejectionOf(bus.emit('tick', 1))).toMatchObject({ code: 'SCHEMA_FAILED', cause });
    });

    it('whose answer has a throwing `then` fails', async () => {
      const cause = new Error('no then');
      const bus = makeBus({
        events: defineEvents({
          tick: broadcast(
            schemaOf<number>(() =>
              Object.defineProperty({}, 'then', {
                get() {
                  throw cause;
                },
              }),
            ),
          ),
        }),
      });
      const error = (await rejectionOf(bus.emit('tick', 1))) as AmbusError;
      expect(error).toMatchObject({ code: 'SCHEMA_FAILED' });
      expect(error.cause).toBe(cause);
    });
  });

  describe('validateSteps', () => {
    const words = z.string().trim().min(1);
    const events = defineEvents({
      'title.format': waterfall(words, { validateSteps: true }),
      'title.loose': waterfall(words),
      'title.isolated': waterfall(words, { validateSteps: true, failurePolicy: 'isolate' }),
    });

    it('gives the next handler what the schema makes of the answer before', async () => {
      const bus = makeBus({ events });
      const seen: string[] = [];
      bus.on('title.format', (title) => {
        seen.push(title);
        return `  ${title}, he said `;
      });
      bus.on('title.format', async (title) => {
        seen.push(title);
        return `${title}!  `;
      });
      expect((await bus.emit('title.format', ' hello ')).value).toBe('hello, he said!');
      expect(seen).toEqual(['hello', 'hello, he said']);
    });

    it('gives listeners in the order what it makes of it too', () => {
      const bus = makeBus({ events });
      const seen: unknown[] = [];
      bus.on('title.*', (title) => void seen.push(title), { priority: 1 });
      bus.on('title.format', () => ' b ');
      bus.onAny(({ payload }) => void seen.push(payload), { priority: -1 });
      bus.emitSync('title.format', ' a ');
      expect(seen).toEqual(['a', 'b']);
    });

    it('left out has answers go through as they are', () => {
      const bus = makeBus({ events });
      bus.on('title.loose', (title) => `  ${title}`);
      expect(bus.emitSync('title.loose', ' a ').value).toBe('  a');
    });

    it('asks the schema for no answer that keeps the payload', () => {
      const validate = vi.fn((value: unknown) => ({ value }));
      const bus = makeBus({
        events: defineEvents({ tick: waterfall(schemaOf<number>(validate), { validateSteps: true }) }),
      });
      bus.on('tick', () => undefined);
      bus.on('tick', (n) => n + 1);
      bus.on('tick', () => {});
      expect(bus.emitSync('tick', 1).value).toBe(2);
      expect(validate.mock.calls.map(([value]) => value)).toEqual([1, 2]);
    });

    it('[10] takes an invalid answer for a failure of its handler, which ends the emission', async () => {
      const bus = makeBus({ events });
      const later = vi.fn();
      bus.on('title.format', () => '   ', { name: 'blank' });
      bus.on('title.format', later);
      for (const error of [
        await rejectionOf(bus.emit('title.format', 'a')),
        thrownBy(() => bus.emitSync('title.format', 'a')),
      ] as EmitError[]) {
        expect(error).toBeInstanceOf(EmitError);
        expect(error.errors).toMatchObject([{ code: 'HANDLER_FAILED', handler: 'blank', event: 'title.format' }]);
        expect(causeOf(error.errors[0])).toBeInstanceOf(AmbusError);
        expect(causeOf(error.errors[0])).toMatchObject({ code: 'INVALID_ANSWER', details: { type: 'title.format' } });
        expect(error.result).toMatchObject({ ok: false, stopped: true, value: undefined, called: 1, skipped: 1 });
      }
      expect(later).not.toHaveBeenCalled();
    });

    it('[10] keeps the payload before an invalid answer where the event isolates', async () => {
      const bus = makeBus({ events });
      bus.on('title.isolated', (title) => `${title}b`);
      bus.on('title.isolated', () => '   ');
      bus.on('title.isolated', (title) => `${title}c`);
      const result = await bus.emit('title.isolated', 'a');
      expect(result).toMatchObject({ ok: false, called: 3, value: 'abc' });
      expect(result.failures.map(causeOf)).toMatchObject([{ code: 'INVALID_ANSWER' }]);
    });

    it('takes a schema that throws at an answer for a failure of that handler', () => {
      const cause = new Error('broken');
      const bus = makeBus({
        events: defineEvents({
          tick: waterfall(
            schemaOf<number>((value) => {
              if (value === 2) throw cause;
              return { value };
            }),
            { validateSteps: true },
          ),
        }),
      });
      bus.on('tick', (n) => n + 1, { name: 'adder' });
      const error = thrownBy(() => bus.emitSync('tick', 1)) as EmitError;
      expect(error.errors).toMatchObject([{ handler: 'adder', cause: { code: 'SCHEMA_FAILED' } }]);
      expect(causeOf(causeOf(error.errors[0]))).toBe(cause);
    });

    it('waits for an asynchronous schema before the next handler', async () => {
      const gate = deferred();
      const bus = makeBus({
        events: defineEvents({
          tick: waterfall(
            schemaOf<number>((value) => (value === 1 ? { value } : gate.promise.then(() => ({ value })))),
            { validateSteps: true },
          ),
        }),
      });
      const later = vi.fn((n: number) => n);
      bus.on('tick', (n) => n + 1);
      bus.on('tick', later);
      const emission = bus.emit('tick', 1);
      expect(await stateOf(emission)).toBe('pending');
      expect(later).not.toHaveBeenCalled();
      gate.resolve();
      expect((await emission).value).toBe(2);
      expect(later).toHaveBeenCalledTimes(1);
    });

    it('takes a schema that is asynchronous at an answer under emitSync for a failure of that handler', async () => {
      const bus = makeBus({
        events: defineEvents({
          tick: waterfall(
            schemaOf<number>((value) => (value === 1 ? { value } : Promise.reject(new Error('late')))),
            { validateSteps: true },
          ),
        }),
      });
      bus.on('tick', (n) => n + 1, { name: 'adder' });
      const errors = await uncaughtDuring(async () => {
        const error = thrownBy(() => bus.emitSync('tick', 1)) as EmitError;
        expect(error).toBeInstanceOf(EmitError);
        expect(error.errors).toHaveLength(1);
        const failure = error.errors[0] as HandlerError;
        expect(failure.handler).toBe('adder');
        expect([failure.code, (failure.cause as AmbusError | undefined)?.code]).toContain('ASYNC_IN_SYNC');
        await bus.idle();
      });
      expect(errors).toEqual([]);
    });

    it('is refused where there is no schema that could validate', () => {
      expect(thrownBy(() => waterfall<number>({ validateSteps: true } as object))).toMatchObject({
        code: 'INVALID_OPTION',
      });
      expect(waterfall<number>({ validateSteps: false } as object).kind).toBe('waterfall');
    });
  });

  describe('the schema of answers', () => {
    const short = z.string().trim().max(5, 'is too long');

    it('makes the value of a first, and is not asked about no answer', async () => {
      const validate = vi.fn((value: unknown) => short['~standard'].validate(value));
      const events = defineEvents({ 'name.find': first(z.string(), { answer: schemaOf<string>(validate) }) });
      const bus = makeBus({ events });
      bus.on('name.find', () => undefined);
      bus.on('name.find', async () => ' ann ', { name: 'ann' });
      bus.on('name.find', () => 'never asked');
      expect(await bus.emit('name.find', 'x')).toMatchObject({ ok: true, value: 'ann', answeredBy: 'ann' });
      expect(validate).toHaveBeenCalledExactlyOnceWith(' ann ');
    });

    it('[10] takes an invalid answer of a first for a failure, which ends the emission', () => {
      const bus = makeBus({ events: defineEvents({ 'name.find': first(z.string(), { answer: short }) }) });
      const later = vi.fn();
      bus.on('name.find', () => 'maximilian', { name: 'max' });
      bus.on('name.find', later);
      const error = thrownBy(() => bus.emitSync('name.find', 'x')) as EmitError;
      expect(error).toBeInstanceOf(EmitError);
      expect(error.errors).toMatchObject([{ code: 'HANDLER_FAILED', handler: 'max' }]);
      expect(causeOf(error.errors[0])).toMatchObject({ code: 'INVALID_ANSWER' });
      expect((causeOf(error.errors[0]) as AmbusError).message).toContain('is too long');
      expect(later).not.toHaveBeenCalled();
    });

    it('has a first that isolates ask on after an invalid answer', async () => {
      const bus = makeBus({
        events: defineEvents({ 'name.find': first(z.string(), { answer: short, failurePolicy: 'isolate' }) }),
      });
      bus.on('name.find', () => 'maximilian');
      bus.on('name.find', () => 'max', { name: 'short' });
      const result = await bus.emit('name.find', 'x');
      expect(result).toMatchObject({ ok: false, value: 'max', answeredBy: 'short' });
      expect(result.failures.map(causeOf)).toMatchObject([{ code: 'INVALID_ANSWER' }]);
    });

    it.each(['sequential', 'concurrent', 'tiered'] as const)(
      'leaves invalid answers out of the values of a collect, which is %s',
      async (mode) => {
        const bus = makeBus({ events: defineEvents({ 'name.all': collect(z.string(), { answer: short, mode }) }) });
        bus.on('name.all', async () => ' ann ', { name: 'a' });
        bus.on('name.all', async () => 'maximilian', { name: 'b' });
        bus.on('name.all', () => undefined, { name: 'c' });
        bus.on('name.all', () => 'eve ', { name: 'd' });
        const result = await bus.emit('name.all', 'x');
        expect(result).toMatchObject({ ok: false, called: 4, values: ['ann', 'eve'], answeredBy: ['a', 'd'] });
        expect(result.failures).toMatchObject([{ handler: 'b', cause: { code: 'INVALID_ANSWER' } }]);
      },
    );

    it('makes the answers of an around at every layer, the core included', async () => {
      const seen: unknown[] = [];
      const bus = makeBus({ events: defineEvents({ 'name.make': around(z.string(), { answer: short }) }) });
      bus.on('name.make', async (_, ctx) => {
        const inner = await ctx.next();
        seen.push(inner);
        return `${inner}b `;
      });
      const { value } = await bus.emit('name.make', 'x', { core: () => ' a ' });
      expect(seen).toEqual(['a']);
      expect(value).toBe('ab');
    });

    it('takes every invalid answer of an around for a failure, undefined too', () => {
      const bus = makeBus({ events: defineEvents({ 'name.make': around(z.string(), { answer: short }) }) });
      bus.on('name.make', (() => undefined) as never, { name: 'silent' });
      const error = thrownBy(() => bus.emitSync('name.make', 'x')) as EmitError;
      expect(error.errors).toMatchObject([{ handler: 'silent', cause: { code: 'INVALID_ANSWER' } }]);
    });

    it('takes an invalid answer of the core for its failure, which the handler around it may catch', async () => {
      const bus = makeBus({ events: defineEvents({ 'name.make': around(z.string(), { answer: short }) }) });
      const core = () => 'maximilian';
      const error = (await rejectionOf(bus.emit('name.make', 'x', { core }))) as EmitError;
      expect(error.errors).toMatchObject([{ handler: 'core', cause: { code: 'INVALID_ANSWER' } }]);
      let caught: unknown;
      bus.on('name.make', async (_, ctx) => {
        try {
          return await ctx.next();
        } catch (reason) {
          caught = reason;
          return 'max';
        }
      });
      expect(await bus.emit('name.make', 'x', { core })).toMatchObject({ ok: true, value: 'max', failures: [] });
      expect(caught).toMatchObject({ code: 'INVALID_ANSWER' });
    });

    it('lets everything through where it only carries a type', () => {
      const bus = makeBus({
        events: defineEvents({ 'name.find': first(z.string(), { answer: typed<string>() }) }),
      });
      bus.on('name.find', (() => 42) as never);
      expect(bus.emitSync('name.find', 'x').value).toBe(42);
    });

    it('may be asynchronous: the emission waits for it, and observers see its handler settle then', async () => {
      const gate = deferred();
      const settled: HandlerSettled[] = [];
      const answer = schemaOf<string>((value) => gate.promise.then(() => ({ value: `${String(value)}!` })));
      const bus = makeBus({ events: defineEvents({ 'name.find': first(z.string(), { answer }) }) });
      bus.observe({ handlerSettled: (fact) => settled.push(fact) });
      bus.on('name.find', () => 'ann');
      const emission = bus.emit('name.find', 'x');
      expect(await stateOf(emission)).toBe('pending');
      gate.resolve();
      expect((await emission).value).toBe('ann!');
      expect(settled).toMatchObject([{ outcome: 'ok' }]);
    });

    it('that is asynchronous fails the handler under emitSync', async () => {
      const answer = schemaOf<string>(async (value) => ({ value }));
      const bus = makeBus({ events: defineEvents({ 'name.all': collect(z.string(), { answer }) }) });
      bus.on('name.all', () => 'ann', { name: 'a' });
      const { failures, values } = bus.emitSync('name.all', 'x');
      expect(values).toEqual([]);
      expect(failures).toHaveLength(1);
      expect([failures[0]?.code, (failures[0]?.cause as AmbusError | undefined)?.code]).toContain('ASYNC_IN_SYNC');
      expect((await bus.emit('name.all', 'x')).values).toEqual(['ann']);
    });

    it('is not asked about what listeners return', async () => {
      const validate = vi.fn((value: unknown) => ({ value }));
      const events = defineEvents({ 'name.all': collect(z.string(), { answer: schemaOf<string>(validate) }) });
      const bus = makeBus({ events });
      bus.on('name.*', () => 'listener');
      bus.on(['name.all'], async () => 'listener');
      bus.onAny(() => 'listener');
      expect(await bus.emit('name.all', 'x')).toMatchObject({ ok: true, values: [] });
      expect(validate).not.toHaveBeenCalled();
    });
  });
});

describe('a declaration', () => {
  it.each([
    ['a schema for the answer that is none', () => first(z.string(), { answer: {} as never }), 'INVALID_OPTION'],
    ['settings that are none', () => broadcast(z.string(), 5 as never), 'INVALID_ARGUMENT'],
    ['a misspelt setting', () => broadcast(z.string(), { timeout: 5 } as never), 'UNKNOWN_OPTION'],
    [
      'steps to be validated by something',
      () => waterfall(z.string(), { validateSteps: 1 as never }),
      'INVALID_OPTION',
    ],
    ['a schema for the answers of a broadcast', () => broadcast({ answer: z.string() } as never), 'UNKNOWN_OPTION'],
    ['steps of a first', () => first({ validateSteps: true } as never), 'UNKNOWN_OPTION'],
  ])('refuses %s', (_what, declare, code) => {
    expect(thrownBy(declare)).toMatchObject({ code });
  });

  it('keeps its schema', () => {
    const schema = type('string');
    expect(broadcast(schema)).toMatchObject({ kind: 'broadcast', schema });
    expect(broadcast<string>().schema).toBeUndefined();
  });
});

describeBothBuses((makeBus) => {
  it('without a schema hands over the payload itself', () => {
    const bus = makeBus({ events: defineEvents({ tick: broadcast<object>() }) });
    const seen: unknown[] = [];
    const payload = {};
    bus.on('tick', (given_) => void seen.push(given_));
    bus.emitSync('tick', payload);
    expect(seen[0]).toBe(payload);
  });
});
