import { describe, expectTypeOf, it } from 'vitest';
import { type EmitResult, EventBus } from '../../src/index.js';

interface Order {
  id: string;
  total: number;
}

const tick = Symbol('tick');

interface ShopInterface {
  'order.placed': Order;
  'order.paid': { id: string; method: string };
  'shop.closed': void;
  'user.seen': { at: number } | undefined;
  'stock.changed': { sku: string } | { sku: string; warehouse: number };
  note: string | number;
  [tick]: number;
}

type ShopType = {
  'order.placed': Order;
  'order.paid': { id: string; method: string };
  'shop.closed': void;
  'user.seen': { at: number } | undefined;
  'stock.changed': { sku: string } | { sku: string; warehouse: number };
  note: string | number;
  [tick]: number;
};

/** What holds for an interface holds for a type alias: the two are written out, for neither may be special. */
describe('an interface as the map of events', () => {
  const bus = new EventBus<ShopInterface>();

  it('[28] types the payload of each event', () => {
    bus.on('order.placed', (order, ctx) => {
      expectTypeOf(order).toEqualTypeOf<Order>();
      expectTypeOf(ctx.payload).toEqualTypeOf<Order>();
      expectTypeOf(ctx.type).toEqualTypeOf<'order.placed'>();
    });
    bus.on('shop.closed', (nothing) => {
      expectTypeOf(nothing).toEqualTypeOf<void>();
    });
    bus.on('user.seen', (seen) => {
      expectTypeOf(seen).toEqualTypeOf<{ at: number } | undefined>();
    });
    bus.on('note', (note) => {
      expectTypeOf(note).toEqualTypeOf<string | number>();
    });
    bus.on(tick, (n, ctx) => {
      expectTypeOf(n).toEqualTypeOf<number>();
      expectTypeOf(ctx.type).toEqualTypeOf<typeof tick>();
    });
  });

  it('[28] takes the right payloads', () => {
    void bus.emit('order.placed', { id: 'o1', total: 42 });
    bus.emitSync('note', 'text');
    bus.emitSync('note', 7);
    void bus.dispatch('stock.changed', { sku: 's' });
    bus.post('stock.changed', { sku: 's', warehouse: 3 });
    bus.emitSync(tick, 1);
  });

  it('[28] refuses unknown names', () => {
    // @ts-expect-error -- no such event
    bus.on('order.plced', () => {});
    // @ts-expect-error -- no such event
    bus.once('order.plced', () => {});
    // @ts-expect-error -- no such event
    void bus.emit('order.plced', { id: 'o1', total: 42 });
    // @ts-expect-error -- no such event
    bus.emitSync('order', { id: 'o1', total: 42 });
    // @ts-expect-error -- no such event
    void bus.dispatch('');
    // @ts-expect-error -- no such event
    bus.post('shop.close');
    // @ts-expect-error -- no such event
    bus.event('order.plced');
    // @ts-expect-error -- no such event
    bus.off('order.plced', () => {});
    // @ts-expect-error -- no such event
    bus.handlerCount('order.plced');
    // @ts-expect-error -- another symbol
    bus.emitSync(Symbol('tick'), 1);
  });

  it('[28] refuses wrong payloads', () => {
    // @ts-expect-error -- a property is missing
    void bus.emit('order.placed', { id: 'o1' });
    // @ts-expect-error -- a property is of another type
    bus.emitSync('order.placed', { id: 1, total: 42 });
    // @ts-expect-error -- a property too many
    void bus.dispatch('order.placed', { id: 'o1', total: 42, totl: 1 });
    // @ts-expect-error -- the payload of another event
    bus.post('order.placed', { id: 'o1', method: 'card' });
    // @ts-expect-error -- not in the union
    bus.emitSync('note', true);
    // @ts-expect-error -- of another type
    bus.emitSync(tick, '1');
    // @ts-expect-error -- null is not undefined
    bus.emitSync('user.seen', null);
  });

  it('[28] refuses missing payloads', () => {
    // @ts-expect-error -- there is none
    void bus.emit('order.placed');
    // @ts-expect-error -- there is none
    bus.emitSync('order.placed');
    // @ts-expect-error -- there is none
    void bus.dispatch('note');
    // @ts-expect-error -- there is none
    bus.post('stock.changed');
    // @ts-expect-error -- there is none
    bus.emitSync(tick);
    // @ts-expect-error -- undefined is none
    bus.emitSync('order.placed', undefined);
  });

  it('[28] takes no payload for void events, and may do without an optional one', () => {
    void bus.emit('shop.closed');
    bus.emitSync('shop.closed');
    void bus.dispatch('shop.closed');
    bus.post('shop.closed');
    void bus.emit('shop.closed', undefined, { mode: 'concurrent' });
    void bus.emit('user.seen');
    bus.emitSync('user.seen', undefined);
    bus.post('user.seen', { at: 1 });
    // @ts-expect-error -- a void event has no payload
    void bus.emit('shop.closed', { a: 1 });
    // @ts-expect-error -- a void event has no payload
    bus.emitSync('shop.closed', null);
    // @ts-expect-error -- not the payload
    bus.emitSync('user.seen', { at: '1' });
  });

  it('[28] names the event in the result', async () => {
    expectTypeOf(await bus.emit('order.placed', { id: 'o1', total: 42 })).toEqualTypeOf<EmitResult<'order.placed'>>();
    expectTypeOf((await bus.emit('shop.closed')).type).toEqualTypeOf<'shop.closed'>();
    expectTypeOf(bus.emitSync('note', 1).type).toEqualTypeOf<'note'>();
    expectTypeOf(bus.emitSync(tick, 1).type).toEqualTypeOf<typeof tick>();
    expectTypeOf(bus.dispatch('note', 1)).toEqualTypeOf<EmitResult<'note'> | Promise<EmitResult<'note'>>>();
    expectTypeOf(bus.post('note', 1)).toEqualTypeOf<void>();
  });

  it('[28] refuses handlers of other payloads, and takes wider ones', () => {
    // @ts-expect-error -- the payload is no string
    bus.on('order.placed', (order: string) => order);
    // @ts-expect-error -- the payload has no such property
    bus.on('order.placed', (order: { method: string }) => order.method);
    // @ts-expect-error -- it may be undefined
    bus.on('user.seen', (seen: { at: number }) => seen.at);
    // @ts-expect-error -- the context is that of another event
    bus.on('order.placed', (_order, ctx: { type: 'order.paid' }) => ctx.type);
    // @ts-expect-error -- handlers have two parameters
    bus.on('order.placed', (_order, _ctx, third: string) => third);
    // @ts-expect-error -- no function
    bus.on('order.placed', 'handler');
    // @ts-expect-error -- no handler
    bus.on('order.placed');
    bus.on('order.placed', (order: { id: string }) => order.id);
    bus.on('order.placed', (order: unknown) => order);
    bus.on('order.placed', () => {});
    bus.on('order.placed', async (order) => order.total);
  });
});

describe('a type alias as the map of events', () => {
  const bus = new EventBus<ShopType>();

  it('[28] types payloads, contexts and results', () => {
    bus.on('order.placed', (order, ctx) => {
      expectTypeOf(order).toEqualTypeOf<Order>();
      expectTypeOf(ctx.type).toEqualTypeOf<'order.placed'>();
    });
    bus.on(tick, (n) => {
      expectTypeOf(n).toEqualTypeOf<number>();
    });
    expectTypeOf(bus.emitSync('note', 'text').type).toEqualTypeOf<'note'>();
  });

  it('[28] takes no payload for void events, and may do without an optional one', () => {
    bus.emitSync('shop.closed');
    bus.emitSync('user.seen');
    bus.emitSync('user.seen', { at: 1 });
    // @ts-expect-error -- a void event has no payload
    bus.emitSync('shop.closed', 1);
  });

  it('[28] refuses unknown names, wrong payloads and missing ones', () => {
    // @ts-expect-error -- no such event
    bus.on('order.plced', () => {});
    // @ts-expect-error -- no such event
    void bus.emit('order.plced', {});
    // @ts-expect-error -- a property is missing
    bus.emitSync('order.placed', { id: 'o1' });
    // @ts-expect-error -- there is none
    bus.post('order.placed');
    // @ts-expect-error -- the payload is no string
    bus.on('order.placed', (order: string) => order);
  });
});

describe('a map with payloads of every sort', () => {
  interface Odd {
    unknown: unknown;
    never: never;
    null: null;
    undefined: undefined;
    optional?: { a: number };
    'void or more': { a: number } | void;
    function: () => number;
    tuple: readonly [number, string];
    '': string;
  }
  const bus = new EventBus<Odd>();

  it('[28] says for each whether it may be left out', () => {
    bus.emitSync('unknown');
    bus.emitSync('unknown', 1);
    bus.emitSync('undefined');
    bus.emitSync('void or more');
    bus.emitSync('void or more', { a: 1 });
    bus.emitSync('null', null);
    bus.emitSync('function', () => 1);
    bus.emitSync('tuple', [1, 'a']);
    bus.emitSync('', 'empty');
    // @ts-expect-error -- null is a payload
    bus.emitSync('null');
    // @ts-expect-error -- a function is a payload
    bus.emitSync('function');
    // @ts-expect-error -- a tuple of others
    bus.emitSync('tuple', ['a', 1]);
  });
});

describe('options', () => {
  const makeBus = (...options: ConstructorParameters<typeof EventBus<ShopInterface>>) =>
    new EventBus<ShopInterface>(...options);
  const bus = new EventBus<ShopInterface>();

  it('[28] type the filter by the payload', () => {
    bus.on('order.placed', () => {}, {
      filter: (order) => {
        expectTypeOf(order).toEqualTypeOf<Order>();
        return order.total > 10;
      },
    });
    bus.on('order.placed', () => {}, { filter: ({ id }: { id: string }) => id !== '' });
    // @ts-expect-error -- the payload has no such property
    bus.on('order.placed', () => {}, { filter: (order) => order.method === 'card' });
    // @ts-expect-error -- an async filter would always be true
    bus.on('order.placed', () => {}, { filter: async (order) => order.total > 10 });
  });

  it('[28] are known, and of their type', () => {
    bus.on('note', () => {}, { name: 'n', priority: 1, times: 2, timeoutMs: 5, failurePolicy: 'stop', concurrency: 1 });
    bus.on('note', () => {}, { priority: undefined, signal: undefined });
    // @ts-expect-error -- misspelt
    bus.on('note', () => {}, { priorty: 1 });
    // @ts-expect-error -- no number
    bus.on('note', () => {}, { priority: 'high' });
    // @ts-expect-error -- a handler cannot make an emission throw
    bus.on('note', () => {}, { failurePolicy: 'throw' });
    // @ts-expect-error -- once has its number of times
    bus.once('note', () => {}, { times: 2 });
    // @ts-expect-error -- misspelt
    void bus.emit('note', 1, { timeout: 5 });
    // @ts-expect-error -- no such mode
    void bus.emit('note', 1, { mode: 'parallel' });
    void bus.emit('note', 1, { failurePolicy: 'throw', meta: { user: 'u1' }, concurrency: 2, mode: 'tiered' });
    // @ts-expect-error -- misspelt
    makeBus({ modes: 'tiered' });
    // @ts-expect-error -- no such policy
    makeBus({ failurePolicy: 'ignore' });
  });
});

describe('a map whose names are made up as they go', () => {
  interface Rooms {
    [room: `room.${string}`]: { text: string };
    'room.opened': { text: string; by: string };
    ping: number;
  }
  const bus = new EventBus<Rooms>();

  it('[28] types what is known of a name', () => {
    bus.on(`room.${'lobby' as string}`, ({ text }) => text);
    bus.emitSync('room.lobby', { text: 'hello' });
    bus.emitSync('room.opened', { text: 'hello', by: 'me' });
    // @ts-expect-error -- a property is missing
    bus.emitSync('room.opened', { text: 'hello' });
    // @ts-expect-error -- no such event
    bus.emitSync('rooms.lobby', { text: 'hello' });
    // @ts-expect-error -- no payload of a room
    bus.emitSync('room.lobby', 'hello');
  });

  it('[24] types what a pattern stands for', () => {
    bus.on('room.*', ({ text }, ctx) => {
      expectTypeOf(text).toEqualTypeOf<string>();
      if (ctx.type === 'room.lobby') expectTypeOf(ctx.payload.text).toEqualTypeOf<string>();
    });
  });
});

describe('the map itself', () => {
  it('[28] must be an object type', () => {
    // @ts-expect-error -- a string is no map
    expectTypeOf<EventBus<string>>();
    // @ts-expect-error -- a union of names is no map
    expectTypeOf<EventBus<'a' | 'b'>>();
  });
});

describe('a bus without a map', () => {
  const bus = new EventBus();

  it('[28] takes every name and payload, and tells handlers nothing about it', () => {
    bus.on('anything', (payload, ctx) => {
      expectTypeOf(payload).toEqualTypeOf<unknown>();
      expectTypeOf(ctx.type).toEqualTypeOf<'anything'>();
    });
    bus.on(['a', 'b'], () => {});
    bus.onAny((event) => {
      expectTypeOf(event).toEqualTypeOf<{ readonly type: string; readonly payload: unknown }>();
    });
    bus.emitSync('anything');
    void bus.emit('anything', { a: 1 });
    bus.event('anything').post(1);
    // @ts-expect-error -- a number is no name
    bus.emitSync(7);
    // @ts-expect-error -- the payload is not known to be a string
    bus.on('anything', (payload) => payload.length);
  });

  it('[24] tells a handler of a pattern that the event may be any', () => {
    bus.on('any.*', (payload, ctx) => {
      expectTypeOf(payload).toEqualTypeOf<unknown>();
      expectTypeOf(ctx.type).toEqualTypeOf<string>();
    });
    bus.once('**', (_, ctx) => ctx.type === 'any.thing');
  });

  it('[28] is not one with a map, whose handlers know their payloads', () => {
    expectTypeOf(bus).not.toEqualTypeOf<EventBus<ShopInterface>>();
  });
});
