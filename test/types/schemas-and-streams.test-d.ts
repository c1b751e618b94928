import { EventEmitter } from 'node:events';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import { EventEmitter as EventEmitter3 } from 'eventemitter3';
import mitt from 'mitt';
import * as v from 'valibot';
import { describe, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import {
  type AnswerOf,
  around,
  broadcast,
  collect,
  defineEvents,
  type EmitResult,
  EventBus,
  type EventStream,
  first,
  fromEmitter,
  fromEventTarget,
  type InputOf,
  type InterceptedEmission,
  type Interceptor,
  type InterceptorNext,
  type PayloadOf,
  type ResultOf,
  toEventTarget,
  typed,
  type Unsubscribe,
  waterfall,
} from '../../src/index.js';

const tick = Symbol('tick');

interface Shop {
  'order.placed': { id: string; total: number };
  'order.paid': { id: string; method: string };
  'shop.closed': void;
  [tick]: number;
}

const bus = new EventBus<Shop>();

interface OrderInput {
  id: string;
  total: string;
}
interface Order {
  id: string;
  total: number;
}

const order = z.object({ id: z.string(), total: z.string().transform(Number) });

const events = defineEvents({
  'order.placed': broadcast(order),
  'order.render': waterfall(order),
  'order.find': first(z.string(), { answer: order }),
  'order.check': collect(order, { answer: typed<'ok' | 'late'>() }),
  'order.ship': around(order, { answer: z.string().transform((text) => text.length) }),
  'order.plain': broadcast<{ id: string }>(),
  tick: broadcast(),
});
type Declared = typeof events;
const declared = new EventBus({ events });

describe('schemas', () => {
  it('[28] say what callers give, and what handlers get', () => {
    expectTypeOf<InputOf<Declared, 'order.placed'>>().toEqualTypeOf<OrderInput>();
    expectTypeOf<PayloadOf<Declared, 'order.placed'>>().toEqualTypeOf<Order>();
    declared.on('order.placed', (payload, ctx) => {
      expectTypeOf(payload).toEqualTypeOf<Order>();
      expectTypeOf(ctx.payload).toEqualTypeOf<Order>();
      void ctx.emit('order.placed', { id: 'o1', total: '42' });
      // @ts-expect-error -- the schema's output is not its input
      void ctx.emit('order.placed', payload);
    });
    declared.on('order.placed', () => {}, { filter: ({ total }) => total > 1 });
    void declared.emit('order.placed', { id: 'o1', total: '42' });
    declared.emitSync('order.placed', { id: 'o1', total: '42' });
    declared.post('order.placed', { id: 'o1', total: '42' });
    declared.event('order.placed').emitSync({ id: 'o1', total: '42' });
    // @ts-expect-error -- the input's total is text
    void declared.emit('order.placed', { id: 'o1', total: 42 });
    // @ts-expect-error -- the input's total is text
    declared.event('order.placed').post({ id: 'o1', total: 42 });
    // @ts-expect-error -- a property is missing
    declared.emitSync('order.placed', { id: 'o1' });
    // @ts-expect-error -- there is none
    declared.post('order.placed');
    // @ts-expect-error -- the output's total is no text
    declared.on('order.placed', ({ total }) => total.length);
  });

  it('[28] may be of any library', () => {
    const all = defineEvents({
      zod: broadcast(z.object({ id: z.string(), total: z.string().transform(Number) })),
      valibot: broadcast(v.object({ id: v.string(), total: v.pipe(v.string(), v.transform(Number)) })),
      arktype: broadcast(type({ id: 'string', total: 'string.numeric.parse' })),
      async: broadcast(
        v.pipeAsync(
          v.string(),
          v.transformAsync(async (text) => text.length),
        ),
      ),
      written: broadcast({} as StandardSchemaV1<OrderInput, Order>),
    });
    type All = typeof all;
    expectTypeOf<InputOf<All, 'zod' | 'valibot' | 'arktype' | 'written'>>().toEqualTypeOf<OrderInput>();
    expectTypeOf<PayloadOf<All, 'zod'>>().toEqualTypeOf<Order>();
    expectTypeOf<PayloadOf<All, 'valibot'>>().toEqualTypeOf<Order>();
    expectTypeOf<PayloadOf<All, 'arktype'>>().toEqualTypeOf<Order>();
    expectTypeOf<PayloadOf<All, 'written'>>().toEqualTypeOf<Order>();
    expectTypeOf<InputOf<All, 'async'>>().toEqualTypeOf<string>();
    expectTypeOf<PayloadOf<All, 'async'>>().toEqualTypeOf<number>();
  });

  it('[28] that take nothing need no payload', () => {
    const optional = new EventBus({
      events: defineEvents({
        a: broadcast(z.number().optional()),
        b: broadcast(z.void()),
        c: broadcast(z.undefined()),
      }),
    });
    optional.emitSync('a');
    optional.emitSync('a', 1);
    optional.emitSync('b');
    optional.emitSync('c');
    // @ts-expect-error -- no number
    optional.emitSync('a', 'one');
  });

  it('[28] of a waterfall: handlers pass on the output, which is the value', async () => {
    declared.on('order.render', (payload) => ({ ...payload, total: payload.total + 1 }));
    declared.on('order.render', async (payload) => payload);
    declared.on('order.render', () => {});
    // @ts-expect-error -- that is the input
    declared.on('order.render', (payload) => ({ ...payload, total: '1' }));
    const { value } = await declared.emit('order.render', { id: 'o1', total: '42' });
    expectTypeOf(value).toEqualTypeOf<Order>();
  });

  it('[28] of answers: handlers give the input, callers get the output', async () => {
    expectTypeOf<AnswerOf<Declared, 'order.find'>>().toEqualTypeOf<Order>();
    declared.on('order.find', (id) => ({ id, total: '1' }));
    declared.on('order.find', () => undefined);
    // @ts-expect-error -- that is the output
    declared.on('order.find', (id) => ({ id, total: 1 }));
    const found = await declared.emit('order.find', 'o1');
    expectTypeOf(found.value).toEqualTypeOf<Order | undefined>();
    expectTypeOf(found.answeredBy).toEqualTypeOf<string | undefined>();

    declared.on('order.check', ({ total }) => (total > 1 ? 'ok' : 'late'));
    // @ts-expect-error -- no such answer
    declared.on('order.check', () => 'early');
    expectTypeOf(declared.emitSync('order.check', { id: 'o1', total: '1' }).values).toEqualTypeOf<
      readonly ('ok' | 'late')[]
    >();

    declared.on('order.ship', async (payload, ctx) => {
      expectTypeOf(await ctx.next({ ...payload, total: 1 })).toEqualTypeOf<number>();
      return 'answer';
    });
    // @ts-expect-error -- the answers' input is text
    declared.on('order.ship', async (_, ctx) => await ctx.next());
    const shipped = await declared.emit(
      'order.ship',
      { id: 'o1', total: '1' },
      { core: ({ total }) => `${total + 1}` },
    );
    expectTypeOf(shipped.value).toEqualTypeOf<number | undefined>();
    // @ts-expect-error -- the answers' input is text
    void declared.emit('order.ship', { id: 'o1', total: '1' }, { core: ({ total }) => total });
  });

  it('[28] of a payload alone leave answers unknown, of which handlers may give any', () => {
    const loose = defineEvents({ find: first(z.string()), all: collect(z.string(), { mode: 'concurrent' }) });
    expectTypeOf<PayloadOf<typeof loose, 'find' | 'all'>>().toEqualTypeOf<string>();
    expectTypeOf<AnswerOf<typeof loose, 'find'>>().toEqualTypeOf<unknown>();
    const looseBus = new EventBus({ events: loose });
    looseBus.on('find', (id) => id.length);
    looseBus.on('find', async () => 'text');
    expectTypeOf(looseBus.emitSync('all', 'x').values).toEqualTypeOf<readonly unknown[]>();
    // @ts-expect-error -- no text
    looseBus.emitSync('find', 5);
  });

  it('[28] are where a declaration takes one, and nowhere else', () => {
    // @ts-expect-error -- no schema
    first(z.string(), { answer: 5 });
    // @ts-expect-error -- a broadcast has no answers
    broadcast(z.string(), { answer: z.string() });
    // @ts-expect-error -- a first has no steps
    first(z.string(), { answer: z.string(), validateSteps: true });
    // @ts-expect-error -- nothing could validate them
    waterfall<number>({ validateSteps: true });
    // @ts-expect-error -- no schema
    broadcast({ parse: () => 1 });
    waterfall(z.number(), { validateSteps: true, timeoutMs: 5 });
    collect(z.string(), { answer: typed<number>(), mode: 'concurrent', concurrency: 2 });
  });
});

describe('interceptors', () => {
  it('[28] are told of emissions, which narrow by their type', () => {
    const off = bus.intercept((emission, next) => {
      expectTypeOf(emission).toEqualTypeOf<InterceptedEmission<Shop>>();
      expectTypeOf(emission.type).toEqualTypeOf<keyof Shop>();
      expectTypeOf(emission.id).toEqualTypeOf<string>();
      expectTypeOf(emission.sync).toEqualTypeOf<boolean>();
      expectTypeOf(emission.signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(emission.meta).toEqualTypeOf<Readonly<Record<string, unknown>>>();
      expectTypeOf(next).toEqualTypeOf<InterceptorNext>();
      if (emission.type === 'order.placed') expectTypeOf(emission.payload).toEqualTypeOf<Shop['order.placed']>();
      else if (emission.type === tick) expectTypeOf(emission.payload).toEqualTypeOf<number>();
      return next();
    });
    expectTypeOf(off).toEqualTypeOf<Unsubscribe>();
    bus.intercept((emission, next) => {
      // @ts-expect-error -- the payload has to be narrowed first
      void emission.payload.total;
      // @ts-expect-error -- it tells, and is not told
      emission.payload = 1;
      // @ts-expect-error -- it tells, and is not told
      emission.meta['user'] = 'u1';
      return next();
    });
  });

  it('[28] see the input of a schema, and answer with the output of another', () => {
    declared.intercept((emission, next) => {
      switch (emission.type) {
        case 'order.placed':
          expectTypeOf(emission.payload).toEqualTypeOf<OrderInput>();
          expectTypeOf(emission.answer()).toEqualTypeOf<ResultOf<Declared, 'order.placed'>>();
          // @ts-expect-error -- a broadcast has no answer
          emission.answer('answer');
          break;
        case 'order.render':
          expectTypeOf(emission.answer({ id: 'o1', total: 1 })).toEqualTypeOf<ResultOf<Declared, 'order.render'>>();
          // @ts-expect-error -- that is the input
          emission.answer({ id: 'o1', total: '1' });
          break;
        case 'order.find':
          emission.answer({ id: 'o1', total: 1 });
          // @ts-expect-error -- one answer, and not several
          emission.answer([{ id: 'o1', total: 1 }]);
          break;
        case 'order.check':
          emission.answer(['ok', 'late']);
          // @ts-expect-error -- several answers, and not one
          emission.answer('ok');
          // @ts-expect-error -- no such answer
          emission.answer(['early']);
          break;
        case 'order.ship':
          emission.answer(1);
          // @ts-expect-error -- that is the input
          emission.answer('1');
          break;
        default:
          expectTypeOf(emission.type).toEqualTypeOf<'order.plain' | 'tick'>();
      }
      return next();
    });
  });

  it('[28] return a result, nothing, or a promise of either', () => {
    bus.intercept((_, next) => next());
    bus.intercept(async (_, next) => next({ payload: 1, meta: { user: 'u1' } }));
    bus.intercept(async (_, next) => {
      await next();
    });
    bus.intercept((_, next) => {
      void next();
    });
    bus.intercept((emission) => emission.answer());
    bus.intercept(() => {
      throw new Error('not allowed');
    });
    const kept: Interceptor<Shop> = (_, next) => next();
    bus.intercept(kept);
    // @ts-expect-error -- no result
    bus.intercept(() => 42);
    // @ts-expect-error -- no result
    bus.intercept(async () => 'done');
    // @ts-expect-error -- misspelt
    bus.intercept((_, next) => next({ payloud: 1 }));
    // @ts-expect-error -- meta is an object
    bus.intercept((_, next) => next({ meta: 'u1' }));
  });

  it('[28] are around names, patterns and lists of both', () => {
    bus.intercept((_, next) => next(), { types: 'order.*', priority: 1, name: 'audit' });
    bus.intercept((_, next) => next(), { types: ['order.placed', 'shop.*', tick] });
    bus.intercept((_, next) => next(), { types: tick, signal: AbortSignal.abort() });
    // @ts-expect-error -- misspelt
    bus.intercept((_, next) => next(), { types: 'order.plced' });
    // @ts-expect-error -- matches nothing
    bus.intercept((_, next) => next(), { types: ['order.placed', 'ordr.*'] });
    // @ts-expect-error -- misspelt
    bus.intercept((_, next) => next(), { type: 'order.*' });
    // @ts-expect-error -- an interceptor has no filter
    bus.intercept((_, next) => next(), { filter: () => true });
  });
});

describe('waitFor', () => {
  it('[28] gives the payload of a name', () => {
    expectTypeOf(bus.waitFor('order.placed')).toEqualTypeOf<Promise<Shop['order.placed']>>();
    expectTypeOf(bus.waitFor('shop.closed')).toEqualTypeOf<Promise<void>>();
    expectTypeOf(bus.waitFor(tick, { timeoutMs: 5 })).toEqualTypeOf<Promise<number>>();
    expectTypeOf(declared.waitFor('order.placed')).toEqualTypeOf<Promise<Order>>();
  });

  it('[28] gives events of a list or pattern, which narrow by their type', async () => {
    const listed = await bus.waitFor(['order.placed', tick]);
    expectTypeOf(listed).toEqualTypeOf<
      | { readonly type: 'order.placed'; readonly payload: Shop['order.placed'] }
      | { readonly type: typeof tick; readonly payload: number }
    >();
    const matched = await bus.waitFor('order.*');
    if (matched.type === 'order.paid') expectTypeOf(matched.payload).toEqualTypeOf<Shop['order.paid']>();
    else expectTypeOf(matched.payload).toEqualTypeOf<Shop['order.placed']>();
    // @ts-expect-error -- the payload has to be narrowed first
    void matched.payload.total;
    expectTypeOf((await bus.waitFor('**')).type).toEqualTypeOf<'order.placed' | 'order.paid' | 'shop.closed'>();
  });

  it('[28] types its filter, and knows its options', () => {
    void bus.waitFor('order.placed', { filter: ({ total }) => total > 1 });
    void bus.waitFor('order.*', {
      filter: (payload) => {
        expectTypeOf(payload).toEqualTypeOf<Shop['order.placed'] | Shop['order.paid']>();
        return true;
      },
    });
    void bus.waitFor(['order.placed', tick], {
      filter: (payload) => {
        expectTypeOf(payload).toEqualTypeOf<Shop['order.placed'] | number>();
        return true;
      },
    });
    // @ts-expect-error -- misspelt
    void bus.waitFor('order.plced');
    // @ts-expect-error -- misspelt
    void bus.waitFor(['order.placed', 'order.pad']);
    // @ts-expect-error -- matches nothing
    void bus.waitFor('ordr.*');
    // @ts-expect-error -- a filter is synchronous
    void bus.waitFor('order.placed', { filter: async () => true });
    // @ts-expect-error -- misspelt
    void bus.waitFor('order.placed', { timeout: 5 });
  });
});

describe('streams', () => {
  it('[28] give payloads of a name', async () => {
    const stream = bus.stream('order.placed');
    expectTypeOf(stream).toEqualTypeOf<EventStream<Shop['order.placed']>>();
    for await (const placed of stream) expectTypeOf(placed).toEqualTypeOf<Shop['order.placed']>();
    for await (const placed of declared.stream('order.placed')) expectTypeOf(placed).toEqualTypeOf<Order>();
    expectTypeOf(bus.stream(tick)).toEqualTypeOf<EventStream<number>>();
  });

  it('[28] give events of a list or pattern, which narrow by their type', async () => {
    for await (const event of bus.stream(['order.placed', tick])) {
      if (event.type === tick) expectTypeOf(event.payload).toEqualTypeOf<number>();
      else expectTypeOf(event.payload).toEqualTypeOf<Shop['order.placed']>();
    }
    for await (const event of bus.stream('order.*')) {
      expectTypeOf(event.type).toEqualTypeOf<'order.placed' | 'order.paid'>();
      if (event.type === 'order.paid') expectTypeOf(event.payload.method).toEqualTypeOf<string>();
    }
  });

  it('[28] are iterators that are disposed of, and tell what they hold', async () => {
    await using stream = bus.stream('order.placed', { capacity: 5, overflow: 'error' });
    expectTypeOf(stream.size).toEqualTypeOf<number>();
    expectTypeOf(stream.dropped).toEqualTypeOf<number>();
    expectTypeOf(stream[Symbol.asyncIterator]()).toEqualTypeOf<EventStream<Shop['order.placed']>>();
    const result = await stream.next();
    if (result.done === true) expectTypeOf(result.value).toEqualTypeOf<undefined>();
    else expectTypeOf(result.value).toEqualTypeOf<Shop['order.placed']>();
    expectTypeOf(await stream.return()).toEqualTypeOf<IteratorResult<Shop['order.placed'], undefined>>();
    const iterable: AsyncIterable<Shop['order.placed']> = stream;
    void iterable;
    // @ts-expect-error -- it tells, and is not told
    stream.size = 0;
  });

  it('[28] know their options', () => {
    bus.stream('order.placed', { filter: ({ total }) => total > 1, priority: 1, signal: AbortSignal.abort() });
    bus.stream('order.*', { filter: ({ id }) => id !== '' });
    // @ts-expect-error -- misspelt
    bus.stream('order.plced');
    // @ts-expect-error -- matches nothing
    bus.stream('ordr.*');
    // @ts-expect-error -- a pattern in a list
    bus.stream(['order.placed', 'shop.*']);
    // @ts-expect-error -- no such policy
    bus.stream('order.placed', { overflow: 'block' });
    // @ts-expect-error -- misspelt
    bus.stream('order.placed', { capcity: 1 });
    // @ts-expect-error -- a filter is synchronous
    bus.stream('order.placed', { filter: async () => true });
  });
});

describe('forward', () => {
  const audit = new EventBus<{ 'order.placed': { id: string }; 'shop.closed': void }>();

  it('[28] takes the events that the other bus has, with a payload that it takes', () => {
    expectTypeOf(bus.forward(audit, 'order.placed')).toEqualTypeOf<Unsubscribe>();
    bus.forward(audit, ['order.placed', 'shop.closed']);
    bus.forward(audit, 'shop.*');
    bus.forward(new EventBus<Shop>(), '**');
    bus.forward(new EventBus<Shop>(), tick);
  });

  it('[28] does not take events that the other bus does not have, or has with another payload', () => {
    // @ts-expect-error -- the other bus has no such event
    bus.forward(audit, 'order.paid');
    // @ts-expect-error -- the other bus has one of the two
    bus.forward(audit, ['order.placed', 'order.paid']);
    // @ts-expect-error -- the other bus has one of the two
    bus.forward(audit, 'order.*');
    // @ts-expect-error -- the payload has no total here
    audit.forward(bus, 'order.placed');
    // @ts-expect-error -- misspelt
    bus.forward(audit, 'order.plced');
    // @ts-expect-error -- matches nothing
    bus.forward(audit, 'ordr.*');
    // @ts-expect-error -- no bus
    bus.forward({}, 'order.placed');
  });

  it('[28] holds the output of one schema against the input of another', () => {
    const raw = new EventBus<{ 'order.placed': OrderInput }>();
    const made = new EventBus<{ 'order.placed': Order }>();
    raw.forward(declared, 'order.placed');
    declared.forward(made, 'order.placed');
    // @ts-expect-error -- the total is text there
    made.forward(declared, 'order.placed');
    // @ts-expect-error -- the total is a number here
    declared.forward(raw, 'order.placed');
  });

  it('[28] makes other events by a function, which gets events that narrow by their type', () => {
    bus.forward(audit, 'order.*', (event) => {
      expectTypeOf(event.type).toEqualTypeOf<'order.placed' | 'order.paid'>();
      if (event.type === 'order.paid') expectTypeOf(event.payload).toEqualTypeOf<Shop['order.paid']>();
      return { type: 'order.placed', payload: { id: event.payload.id } };
    });
    bus.forward(audit, ['order.placed', tick], ({ type: name, payload }) => {
      void payload;
      return name === tick ? undefined : { type: 'shop.closed', payload: undefined };
    });
    bus.forward(audit, 'order.placed', () => undefined);
    // @ts-expect-error -- no such event there
    bus.forward(audit, 'order.placed', ({ payload }) => ({ type: 'order.paid', payload }));
    // @ts-expect-error -- another payload there
    bus.forward(audit, 'order.placed', ({ payload }) => ({ type: 'order.placed', payload: payload.total }));
  });
});

describe('bridges', () => {
  it('[28] take emitters of every sort', () => {
    expectTypeOf(fromEmitter(bus, new EventEmitter(), { placed: 'order.placed' })).toEqualTypeOf<Unsubscribe>();
    fromEmitter(bus, new EventEmitter<{ placed: [Shop['order.placed']] }>(), { placed: 'order.placed' });
    fromEmitter(bus, new EventEmitter3(), { placed: 'order.placed' });
    fromEmitter(bus, new EventEmitter3<{ placed: (order: Shop['order.placed']) => void }>(), {
      placed: 'order.placed',
    });
    fromEmitter(bus, mitt.default<{ placed: Shop['order.placed'] }>(), { placed: 'order.placed' });
    fromEmitter(bus, process, { exit: 'shop.closed' });
    // @ts-expect-error -- nothing to listen to
    fromEmitter(bus, {}, { placed: 'order.placed' });
    // @ts-expect-error -- it could never be released
    fromEmitter(bus, { on: () => {} }, { placed: 'order.placed' });
  });

  it('[28] know the events of the bus, and the payloads that functions make', () => {
    const emitter = new EventEmitter();
    fromEmitter(bus, emitter, {
      placed: { type: 'order.placed', payload: (id: string, total: number) => ({ id, total }) },
      closed: { type: 'shop.closed' },
      [tick]: tick,
    });
    fromEmitter(declared, emitter, { placed: { type: 'order.placed', payload: () => ({ id: 'o1', total: '42' }) } });
    // @ts-expect-error -- misspelt
    fromEmitter(bus, emitter, { placed: 'order.plced' });
    // @ts-expect-error -- a pattern
    fromEmitter(bus, emitter, { placed: 'order.*' });
    // @ts-expect-error -- misspelt
    fromEmitter(bus, emitter, { placed: { type: 'order.plced' } });
    // @ts-expect-error -- a property is missing
    fromEmitter(bus, emitter, { placed: { type: 'order.placed', payload: (id: string) => ({ id }) } });
    // @ts-expect-error -- the schema's output is not its input
    fromEmitter(declared, emitter, { placed: { type: 'order.placed', payload: () => ({ id: 'o1', total: 42 }) } });
  });

  it('[28] take event targets, and make one', () => {
    const target = new EventTarget();
    expectTypeOf(
      fromEventTarget(bus, target, {
        placed: 'order.placed',
        paid: {
          type: 'order.paid',
          payload: (event: CustomEvent<string>) => ({ id: event.detail, method: event.type }),
        },
      }),
    ).toEqualTypeOf<Unsubscribe>();
    // @ts-expect-error -- no target
    fromEventTarget(bus, new EventEmitter(), { placed: 'order.placed' });
    // @ts-expect-error -- misspelt
    fromEventTarget(bus, target, { placed: 'order.plced' });
    // @ts-expect-error -- a property is missing
    fromEventTarget(bus, target, { paid: { type: 'order.paid', payload: (event: Event) => ({ id: event.type }) } });
    expectTypeOf(toEventTarget(bus)).toEqualTypeOf<EventTarget & Disposable>();
  });
});

it('[28] results of broadcasts are as they were', () => {
  expectTypeOf(bus.emitSync('order.placed', { id: 'o1', total: 1 })).toEqualTypeOf<EmitResult<'order.placed'>>();
});
