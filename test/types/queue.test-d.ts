import { describe, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import {
  around,
  type BusObserver,
  broadcast,
  collect,
  defineEvents,
  type EmissionContext,
  type EmitResult,
  EventBus,
  type EventName,
  first,
  type ResultOf,
  waterfall,
} from '../../src/index.js';
import {
  EventQueue,
  type EventQueueConstructor,
  type LeftEvent,
  type QueueCloseOptions,
  type QueueCloseReport,
  type QueueCounts,
  type QueueIdleOptions,
  type QueueingOptions,
  type QueueOptions,
  type QueueOverflow,
  type QueueSnapshot,
  type RunningSnapshot,
  type UnfinishedEmission,
} from '../../src/queue/index.js';

const tick = Symbol('tick');

interface Shop {
  'order.placed': { id: string; total: number };
  'shop.closed': void;
  'user.seen': { at: number } | undefined;
  [tick]: number;
}

const bus = new EventBus<Shop>();
const queue = new EventQueue(bus);

const events = defineEvents({
  'order.placed': broadcast<{ id: string }>(),
  'shop.closed': broadcast(),
  'title.format': waterfall<string>(),
  'path.resolve': first<{ id: string }, string>(),
  'code.lint': collect<string, { text: string }>(),
  'http.request': around<URL, number>(),
  'user.saved': broadcast(z.object({ age: z.string().transform(Number) })),
});
type Events = typeof events;
const declared = new EventQueue(new EventBus({ events }));

describe('a queue', () => {
  it('[28] has the events of its bus, which need not be said again', () => {
    expectTypeOf(queue).toEqualTypeOf<EventQueue<Shop>>();
    expectTypeOf(new EventQueue<Shop>(bus, {})).toEqualTypeOf<EventQueue<Shop>>();
    expectTypeOf(declared).toEqualTypeOf<EventQueue<Events>>();
    expectTypeOf(new EventQueue(new EventBus())).toEqualTypeOf<EventQueue>();
    expectTypeOf(EventQueue).toExtend<EventQueueConstructor>();
  });

  it('[28] is made of a bus of its own events, with known options', () => {
    void new EventQueue(bus, {
      name: 'orders',
      concurrency: 4,
      capacity: 10,
      overflow: 'wait',
      rate: { limit: 5, intervalMs: 1_000 },
      maxWaitMs: 5,
      timeoutMs: 5,
      paused: true,
    });
    void new EventQueue(bus, { concurrency: undefined, capacity: undefined, overflow: undefined, rate: undefined });
    // @ts-expect-error -- a queue needs a bus
    void new EventQueue();
    // @ts-expect-error -- an object is no bus
    void new EventQueue({});
    // @ts-expect-error -- of other events
    void new EventQueue<{ other: 1 }>(bus);
    // @ts-expect-error -- misspelt
    void new EventQueue(bus, { concurency: 4 });
    // @ts-expect-error -- no such policy
    void new EventQueue(bus, { overflow: 'drop' });
    // @ts-expect-error -- a rate has an interval
    void new EventQueue(bus, { rate: { limit: 5 } });
    // @ts-expect-error -- of another type
    void new EventQueue(bus, { capacity: '5' });
    // @ts-expect-error -- made by `new` alone
    EventQueue(bus);
    expectTypeOf<QueueOptions['overflow']>().toEqualTypeOf<QueueOverflow | undefined>();
  });

  it('[28] tells about itself, and lets only its concurrency be changed', () => {
    expectTypeOf(queue.name).toEqualTypeOf<string>();
    expectTypeOf(queue.size).toEqualTypeOf<number>();
    expectTypeOf(queue.running).toEqualTypeOf<number>();
    expectTypeOf(queue.capacity).toEqualTypeOf<number>();
    expectTypeOf(queue.paused).toEqualTypeOf<boolean>();
    queue.concurrency = 5;
    // @ts-expect-error -- of another type
    queue.concurrency = '5';
    // @ts-expect-error -- it tells, and is not told
    queue.capacity = 5;
    // @ts-expect-error -- by pause and resume
    queue.paused = true;
    // @ts-expect-error -- it tells, and is not told
    queue.size = 0;
    expectTypeOf(queue.pause()).toEqualTypeOf<void>();
    expectTypeOf(queue.resume()).toEqualTypeOf<void>();
    expectTypeOf(queue.clear()).toEqualTypeOf<number>();
  });

  it('[28] takes only events that the bus has', () => {
    // @ts-expect-error -- no such event
    void queue.emit('order.plced', { id: 'o1', total: 1 });
    // @ts-expect-error -- no such event
    queue.post('order.plced', { id: 'o1', total: 1 });
    // @ts-expect-error -- patterns only listen
    queue.post('order.*', { id: 'o1', total: 1 });
    // @ts-expect-error -- another symbol
    queue.post(Symbol('tick'), 1);
    // @ts-expect-error -- no such event
    void declared.emit('http.reqest', new URL('http://a'));
  });

  it('[28] takes only the payloads of its events', () => {
    void queue.emit('order.placed', { id: 'o1', total: 1 });
    queue.post(tick, 1);
    // @ts-expect-error -- a property is missing
    void queue.emit('order.placed', { id: 'o1' });
    // @ts-expect-error -- a property is missing
    queue.post('order.placed', { id: 'o1' });
    // @ts-expect-error -- a property too many
    queue.post('order.placed', { id: 'o1', total: 1, more: 1 });
    // @ts-expect-error -- of another type
    void queue.emit(tick, 'one');
    // @ts-expect-error -- there is none
    void queue.emit('order.placed');
    // @ts-expect-error -- undefined is none
    queue.post('order.placed', undefined);
    // @ts-expect-error -- of another type
    void declared.emit('title.format', 5);
  });

  it('[28] takes no payload for void events, and may do without an optional one', () => {
    void queue.emit('shop.closed');
    void queue.emit('shop.closed', undefined, { priority: 1 });
    queue.post('user.seen');
    queue.post('user.seen', { at: 1 }, { priority: 1 });
    void declared.emit('shop.closed');
    // @ts-expect-error -- a void event has no payload
    void queue.emit('shop.closed', 1);
    // @ts-expect-error -- the options come third
    queue.post('shop.closed', { priority: 1 });
    // @ts-expect-error -- of another type
    queue.post('user.seen', 1);
  });

  it('[28] takes the input of a schema', () => {
    void declared.emit('user.saved', { age: '5' });
    // @ts-expect-error -- the output is for handlers
    void declared.emit('user.saved', { age: 5 });
  });
});

describe('options of emit and post', () => {
  it('[28] are those of the queue and of the emission', () => {
    const options = {
      priority: 5,
      key: 'c1',
      delayMs: 5,
      maxWaitMs: 5,
      mode: 'concurrent',
      concurrency: 5,
      timeoutMs: 5,
      failurePolicy: 'throw',
      signal: new AbortController().signal,
      meta: { trace: 't1' },
      parent: undefined,
    } as const;
    void queue.emit('order.placed', { id: 'o1', total: 1 }, options);
    queue.post('order.placed', { id: 'o1', total: 1 }, options);
    // @ts-expect-error -- misspelt
    queue.post(tick, 1, { prioriy: 5 });
    // @ts-expect-error -- of another type
    queue.post(tick, 1, { priority: 'high' });
    // @ts-expect-error -- no such policy
    void queue.emit(tick, 1, { failurePolicy: 'ignore' });
    // @ts-expect-error -- it is the queue's
    void queue.emit(tick, 1, { overflow: 'wait' });
  });

  it('[28] take keys of every sort but null', () => {
    for (const key of ['a', 1, 1n, Symbol('k'), true, { id: 1 }, [1], () => {}, undefined])
      queue.post(tick, 1, { key });
    // @ts-expect-error -- null is no key
    queue.post(tick, 1, { key: null });
  });

  it('[28] take the context of any handler as parent', () => {
    bus.on('order.placed', async (_order, ctx) => {
      await queue.emit(tick, 1, { parent: ctx });
      queue.post(tick, 1, { parent: ctx });
      await queue.idle({ parent: ctx });
      await queue.hasRoom({ parent: ctx, timeoutMs: 5 });
      await queue.close({ parent: ctx, drainMs: 5 });
    });
    bus.onAny(async (_event, ctx) => {
      await queue.emit(tick, 1, { parent: ctx });
    });
    new EventBus({ events }).on('http.request', async (_url, ctx) => {
      await queue.emit(tick, 1, { parent: ctx });
      return 1;
    });
    // @ts-expect-error -- no context
    queue.post(tick, 1, { parent: bus });
    // @ts-expect-error -- no context
    queue.post(tick, 1, { parent: 'id' });
    expectTypeOf<EmissionContext>().toExtend<NonNullable<QueueingOptions['parent']>>();
  });

  it('[28] have a core for an around, and for no other', () => {
    void declared.emit('http.request', new URL('http://a'), {
      priority: 1,
      core: (url, ctx) => {
        expectTypeOf(url).toEqualTypeOf<URL>();
        expectTypeOf(ctx.type).toEqualTypeOf<'http.request'>();
        return 200;
      },
    });
    declared.post('http.request', new URL('http://a'), { core: async () => 200 });
    // @ts-expect-error -- an answer of another type
    void declared.emit('http.request', new URL('http://a'), { core: () => 'ok' });
    // @ts-expect-error -- a broadcast has no core
    void declared.emit('order.placed', { id: 'o1' }, { core: () => 1 });
    // @ts-expect-error -- a broadcast has no core
    queue.post(tick, 1, { core: () => 1 });
  });
});

describe('results', () => {
  it('[28] are those of the bus, by the kind of the event', () => {
    expectTypeOf(queue.emit('order.placed', { id: 'o1', total: 1 })).toEqualTypeOf<
      Promise<EmitResult<'order.placed'>>
    >();
    expectTypeOf(queue.emit(tick, 1)).toEqualTypeOf<Promise<EmitResult<typeof tick>>>();
    expectTypeOf(declared.emit('title.format', '')).toEqualTypeOf<Promise<ResultOf<Events, 'title.format'>>>();
    expectTypeOf(declared.emit('title.format', '')).resolves.toHaveProperty('value').toEqualTypeOf<string>();
    expectTypeOf(declared.emit('path.resolve', { id: 'a' }))
      .resolves.toHaveProperty('value')
      .toEqualTypeOf<string | undefined>();
    expectTypeOf(declared.emit('code.lint', ''))
      .resolves.toHaveProperty('values')
      .toEqualTypeOf<readonly { text: string }[]>();
    expectTypeOf(declared.emit('http.request', new URL('http://a')))
      .resolves.toHaveProperty('value')
      .toEqualTypeOf<number | undefined>();
    expectTypeOf(declared.emit('shop.closed')).resolves.toHaveProperty('value').toEqualTypeOf<undefined>();
  });

  it('[28] of post say whether it was accepted', () => {
    expectTypeOf(queue.post('shop.closed')).toEqualTypeOf<boolean>();
  });

  it('[28] of close say what was left, and what was unfinished', async () => {
    expectTypeOf(queue.close()).toEqualTypeOf<Promise<QueueCloseReport>>();
    const { drained, left, unfinished } = await queue.close({ drainMs: 5, signal: AbortSignal.timeout(5) });
    expectTypeOf(drained).toEqualTypeOf<boolean>();
    expectTypeOf(left).toEqualTypeOf<readonly LeftEvent[]>();
    expectTypeOf(unfinished).toEqualTypeOf<readonly UnfinishedEmission[]>();
    for (const { delayMs, key, meta, payload, priority, type } of left) {
      expectTypeOf(type).toEqualTypeOf<PropertyKey>();
      expectTypeOf(payload).toEqualTypeOf<unknown>();
      expectTypeOf(priority).toEqualTypeOf<number>();
      // What was left may be enqueued again, as it was.
      new EventQueue(new EventBus()).post(String(type), payload, { delayMs, key, meta, priority });
    }
    for (const { event, key, payload } of unfinished) {
      expectTypeOf(event).toEqualTypeOf<string>();
      expectTypeOf(payload).toEqualTypeOf<unknown>();
      expectTypeOf(key).toEqualTypeOf<QueueingOptions['key']>();
    }
    // @ts-expect-error -- a report is read
    left.push({});
    // @ts-expect-error -- misspelt
    void queue.close({ drain: 5 });
    expectTypeOf<QueueCloseOptions['drainMs']>().toEqualTypeOf<number | undefined>();
  });

  it('[28] of idle and hasRoom are nothing', () => {
    expectTypeOf(queue.idle({ timeoutMs: 5 })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(queue.hasRoom({ signal: AbortSignal.timeout(5) })).toEqualTypeOf<Promise<void>>();
    // @ts-expect-error -- misspelt
    void queue.idle({ timeout: 5 });
    expectTypeOf<QueueIdleOptions['timeoutMs']>().toEqualTypeOf<number | undefined>();
  });

  it('[28] of inspect are read-only', () => {
    const snapshot = queue.inspect();
    expectTypeOf(snapshot).toEqualTypeOf<QueueSnapshot>();
    expectTypeOf(snapshot.counts).toEqualTypeOf<QueueCounts>();
    expectTypeOf(snapshot.running).toEqualTypeOf<readonly RunningSnapshot[]>();
    expectTypeOf(snapshot.capacity).toEqualTypeOf<number | null>();
    expectTypeOf(snapshot.oldestWaitMs).toEqualTypeOf<number | null>();
    // @ts-expect-error -- a snapshot is read
    snapshot.counts.enqueued = 0;
  });
});

describe('using', () => {
  it('[28] closes a queue', async () => {
    await using scoped = new EventQueue(bus);
    expectTypeOf(scoped).toExtend<AsyncDisposable>();
    // @ts-expect-error -- that takes time
    using wrong = new EventQueue(bus);
    void wrong;
  });
});

describe('observers', () => {
  it('[28] get the facts of queues, of one shape each', () => {
    const observer: BusObserver = {
      enqueued: (fact) => {
        expectTypeOf(fact.queue).toEqualTypeOf<string>();
        expectTypeOf(fact.emissionId).toEqualTypeOf<string>();
        expectTypeOf(fact.parentId).toEqualTypeOf<string | undefined>();
        expectTypeOf(fact.priority).toEqualTypeOf<number>();
        expectTypeOf(fact.delayMs).toEqualTypeOf<number>();
        expectTypeOf(fact.size).toEqualTypeOf<number>();
        expectTypeOf(fact.payload).toEqualTypeOf<unknown>();
        // @ts-expect-error -- facts are told, and not changed
        fact.size = 0;
      },
      dequeued: ({ inline, waitedMs }) => {
        expectTypeOf(inline).toEqualTypeOf<boolean>();
        expectTypeOf(waitedMs).toEqualTypeOf<number>();
      },
      dropped: ({ emissionId, queue: name }) => {
        expectTypeOf(name).toEqualTypeOf<string | undefined>();
        expectTypeOf(emissionId).toEqualTypeOf<string | undefined>();
      },
    };
    bus.observe(observer);
  });
});

describe('generic functions over a queue', () => {
  it('[28] relay any event of a map', () => {
    function relay<Name extends EventName<Shop>>(type: Name, payload: Shop[Name], options?: QueueingOptions) {
      queue.post(type, payload, options);
      return queue.emit(type, payload, options);
    }
    expectTypeOf(relay(tick, 1)).toEqualTypeOf<Promise<EmitResult<typeof tick>>>();
    // @ts-expect-error -- the payload of another event
    void relay('order.placed', 1);
  });

  it('[28] work with any map', () => {
    async function drain<Map extends object>(each: EventQueue<Map>): Promise<number> {
      await each.idle();
      return each.clear();
    }
    void drain(queue);
    void drain(declared);
    void drain(new EventQueue(new EventBus()));
  });
});

describe('a queue of a bus without a map', () => {
  it('[28] takes every name and payload', () => {
    const open = new EventQueue(new EventBus());
    open.post('any');
    open.post('any', { id: 1 }, { key: 'a' });
    expectTypeOf(open.emit('any', 1)).resolves.toExtend<EmitResult>();
    // @ts-expect-error -- misspelt
    open.post('any', 1, { prioriy: 1 });
  });
});
