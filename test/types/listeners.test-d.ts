import { describe, expectTypeOf, it } from 'vitest';
import { type AnyEvent, EventBus, type Matching, type PatternOf } from '../../src/index.js';

const tick = Symbol('tick');

interface Shop {
  'order.placed': { id: string; total: number };
  'order.paid': { id: string; method: string };
  'order.item.added': { sku: string };
  'shop.closed': void;
  ping: number;
  [tick]: number;
}

const bus = new EventBus<Shop>();

describe('patterns', () => {
  it('[24] give handlers the union of the payloads that they match', () => {
    bus.on('order.*', (payload, ctx) => {
      expectTypeOf(payload).toEqualTypeOf<Shop['order.placed'] | Shop['order.paid']>();
      expectTypeOf(ctx.type).toEqualTypeOf<'order.placed' | 'order.paid'>();
    });
    bus.on('order.**', (payload) => {
      expectTypeOf(payload).toEqualTypeOf<Shop['order.placed'] | Shop['order.paid'] | Shop['order.item.added']>();
    });
    bus.on('*.closed', (_, ctx) => {
      expectTypeOf(ctx.type).toEqualTypeOf<'shop.closed'>();
    });
    bus.on('*', (payload, ctx) => {
      expectTypeOf(payload).toEqualTypeOf<number>();
      expectTypeOf(ctx.type).toEqualTypeOf<'ping'>();
    });
    bus.on('order.*.added', (payload) => {
      expectTypeOf(payload).toEqualTypeOf<{ sku: string }>();
    });
  });

  it('[24] match no symbols', () => {
    bus.on('**', (_, ctx) => {
      expectTypeOf(ctx.type).toEqualTypeOf<
        'order.placed' | 'order.paid' | 'order.item.added' | 'shop.closed' | 'ping'
      >();
    });
  });

  it('[24] narrow by ctx.type', () => {
    bus.on('order.*', (_, ctx) => {
      if (ctx.type === 'order.placed') expectTypeOf(ctx.payload).toEqualTypeOf<Shop['order.placed']>();
      else expectTypeOf(ctx.payload).toEqualTypeOf<Shop['order.paid']>();
    });
    bus.on('**', (_, ctx) => {
      switch (ctx.type) {
        case 'ping':
          expectTypeOf(ctx.payload).toEqualTypeOf<number>();
          break;
        case 'shop.closed':
          expectTypeOf(ctx.payload).toEqualTypeOf<void>();
          break;
        default:
          expectTypeOf(ctx.type).toEqualTypeOf<'order.placed' | 'order.paid' | 'order.item.added'>();
      }
    });
  });

  it('[24] type the filter of a pattern', () => {
    bus.on('order.*', () => {}, {
      filter: (payload) => {
        expectTypeOf(payload).toEqualTypeOf<Shop['order.placed'] | Shop['order.paid']>();
        return payload.id !== '';
      },
    });
  });

  it('[24] that match nothing do not compile', () => {
    // @ts-expect-error -- misspelt
    bus.on('ordr.*', () => {});
    // @ts-expect-error -- no event has four segments
    bus.on('order.*.*.*', () => {});
    // @ts-expect-error -- no event ends so
    bus.on('*.shipped', () => {});
    // @ts-expect-error -- `**` stands at the end
    bus.on('**.placed', () => {});
    // @ts-expect-error -- a `*` is a whole segment
    bus.on('ord*', () => {});
    // @ts-expect-error -- misspelt
    bus.once('ordr.**', () => {});
    // @ts-expect-error -- misspelt
    bus.group('g').on('ordr.*', () => {});
  });

  it('[24] cannot be emitted, nor have a handle', () => {
    // @ts-expect-error -- patterns only listen
    void bus.emit('order.*', { id: 'o1', total: 1 });
    // @ts-expect-error -- patterns only listen
    bus.emitSync('**');
    // @ts-expect-error -- patterns only listen
    void bus.dispatch('order.**', { sku: 's' });
    // @ts-expect-error -- patterns only listen
    bus.post('*', 1);
    // @ts-expect-error -- patterns only listen
    bus.event('order.*');
  });

  it('[24] can be given to off', () => {
    bus.off('order.*', () => {});
    // @ts-expect-error -- misspelt
    bus.off('ordr.*', () => {});
  });

  it('[24] refuse handlers of other payloads', () => {
    // @ts-expect-error -- one of the payloads has no total
    bus.on('order.*', (order: { total: number }) => order.total);
    bus.on('order.*', (order: { id: string }) => order.id);
    bus.on('**', (payload: unknown) => payload);
  });

  it('[24] are found by completion: every pattern that a map admits', () => {
    type Patterns = PatternOf<{ 'a.b': 1; c: 2 }>;
    expectTypeOf<Patterns>().toEqualTypeOf<'**' | '*' | 'a.*' | 'a.**' | '*.b' | '*.*' | '*.**'>();
    expectTypeOf<Matching<Shop, 'order.*'>>().toEqualTypeOf<'order.placed' | 'order.paid'>();
    expectTypeOf<Matching<Shop, 'nothing.*'>>().toEqualTypeOf<never>();
  });

  it('[24] match an event of the same name without more segments under `**`', () => {
    interface Nested {
      order: 1;
      'order.placed': 2;
    }
    new EventBus<Nested>().on('order.**', (payload) => {
      expectTypeOf(payload).toEqualTypeOf<1 | 2>();
    });
  });
});

describe('lists', () => {
  it('[24] give handlers the union of the payloads, and narrow by ctx.type', () => {
    bus.on(['order.placed', 'shop.closed', tick], (payload, ctx) => {
      expectTypeOf(payload).toEqualTypeOf<Shop['order.placed'] | void | number>();
      if (ctx.type === 'order.placed') expectTypeOf(ctx.payload.total).toEqualTypeOf<number>();
      if (ctx.type === tick) expectTypeOf(ctx.payload).toEqualTypeOf<number>();
    });
  });

  it('[24] may be readonly, and of a variable', () => {
    const orders = ['order.placed', 'order.paid'] as const;
    bus.on(orders, (payload, ctx) => {
      expectTypeOf(payload.id).toEqualTypeOf<string>();
      expectTypeOf(ctx.type).toEqualTypeOf<'order.placed' | 'order.paid'>();
    });
    bus.once(orders, ({ id }) => id, { filter: ({ id }) => id !== '' });
  });

  it('[24] hold no unknown names and no patterns', () => {
    // @ts-expect-error -- misspelt
    bus.on(['order.placed', 'order.pad'], () => {});
    // @ts-expect-error -- a pattern
    bus.on(['order.placed', 'shop.*'], () => {});
    // @ts-expect-error -- not in the list
    bus.on(['order.placed'], (_, ctx) => ctx.type === 'order.paid');
  });
});

describe('onAny', () => {
  it('[24] gets every event, symbols included, and narrows by its type', () => {
    bus.onAny((event, ctx) => {
      expectTypeOf(event).toEqualTypeOf<AnyEvent<Shop>>();
      expectTypeOf(event.type).toEqualTypeOf<keyof Shop>();
      if (event.type === 'order.placed') expectTypeOf(event.payload).toEqualTypeOf<Shop['order.placed']>();
      else if (event.type === tick) expectTypeOf(event.payload).toEqualTypeOf<number>();
      expectTypeOf(ctx.id).toEqualTypeOf<string>();
      void ctx.emit('ping', 1);
    });
  });

  it('[24] has a filter that gets the event too', () => {
    bus.onAny(() => {}, {
      filter: (event) => {
        expectTypeOf(event).toEqualTypeOf<AnyEvent<Shop>>();
        return event.type === 'ping' && event.payload > 1;
      },
    });
    // @ts-expect-error -- the payload has to be narrowed first
    bus.onAny((event) => event.payload.total);
    // @ts-expect-error -- no name is given
    bus.onAny('order.placed', () => {});
  });
});
