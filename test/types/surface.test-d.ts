import { describe, expectTypeOf, it } from 'vitest';
import { compiled } from '../../src/compiled/index.js';
import {
  AmbusError,
  type BusObserver,
  type CloseReport,
  chain,
  type EmissionContext,
  EmitError,
  type EmitOptions,
  type EmitResult,
  type ErrorCode,
  EventBus,
  type EventHandle,
  type EventName,
  type Handler,
  type HandlerContext,
  HandlerError,
  type HandlerGroup,
  type PayloadOf,
  type SubscribeOptions,
  type Subscribing,
  type Unsubscribe,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';

const tick = Symbol('tick');

interface Shop {
  'order.placed': { id: string; total: number };
  'order.paid': { id: string; method: string };
  'shop.closed': void;
  'user.seen': { at: number } | undefined;
  [tick]: number;
}

const bus = new EventBus<Shop>();

describe('event handles', () => {
  const placed = bus.event('order.placed');

  it('[28] know the payload of their event', () => {
    expectTypeOf(placed).toEqualTypeOf<EventHandle<Shop, 'order.placed'>>();
    expectTypeOf(placed.type).toEqualTypeOf<'order.placed'>();
    expectTypeOf(placed.handlerCount).toEqualTypeOf<number>();
    placed.on((order, ctx) => {
      expectTypeOf(order).toEqualTypeOf<Shop['order.placed']>();
      expectTypeOf(ctx).toEqualTypeOf<HandlerContext<Shop, 'order.placed'>>();
    });
    placed.once(() => {}, { filter: (order) => order.total > 1 });
    expectTypeOf(placed.emit({ id: 'o1', total: 1 })).toEqualTypeOf<Promise<EmitResult<'order.placed'>>>();
    expectTypeOf(placed.emitSync({ id: 'o1', total: 1 })).toEqualTypeOf<EmitResult<'order.placed'>>();
    expectTypeOf(placed.post({ id: 'o1', total: 1 })).toEqualTypeOf<void>();
    void placed.dispatch({ id: 'o1', total: 1 }, { failurePolicy: 'throw' });
  });

  it('[28] refuse wrong and missing payloads, and handlers of others', () => {
    // @ts-expect-error -- there is none
    void placed.emit();
    // @ts-expect-error -- a property is missing
    placed.emitSync({ id: 'o1' });
    // @ts-expect-error -- undefined is none
    placed.post(undefined);
    // @ts-expect-error -- of another type
    void placed.dispatch('o1');
    // @ts-expect-error -- the payload is no string
    placed.on((order: string) => order);
    // @ts-expect-error -- once has its number of times
    placed.once(() => {}, { times: 2 });
    // @ts-expect-error -- misspelt
    placed.emitSync({ id: 'o1', total: 1 }, { mod: 'tiered' });
  });

  it('[28] take no payload for void events, and may do without an optional one', () => {
    bus.event('shop.closed').emitSync();
    bus.event('shop.closed').emitSync(undefined, { failurePolicy: 'throw' });
    bus.event('user.seen').post();
    bus.event('user.seen').post({ at: 1 });
    bus.event(tick).emitSync(1);
    // @ts-expect-error -- a void event has no payload
    bus.event('shop.closed').emitSync(1);
    // @ts-expect-error -- there is none
    bus.event(tick).emitSync();
  });
});

describe('groups', () => {
  it('[28] subscribe like the bus', () => {
    const group = bus.group('widget', { place: 1 });
    expectTypeOf(group).toEqualTypeOf<HandlerGroup<Shop>>();
    group.on('order.placed', (order) => {
      expectTypeOf(order).toEqualTypeOf<Shop['order.placed']>();
    });
    group.on('order.*', (_, ctx) => {
      expectTypeOf(ctx.type).toEqualTypeOf<'order.placed' | 'order.paid'>();
    });
    group.once(['order.placed', tick], () => {});
    group.onAny(({ type }) => {
      expectTypeOf(type).toEqualTypeOf<keyof Shop>();
    });
    expectTypeOf(group.state).toEqualTypeOf<'active' | 'paused' | 'retired' | 'removed'>();
    expectTypeOf(group.idle({ timeoutMs: 5 })).toEqualTypeOf<Promise<void>>();
    // @ts-expect-error -- no such event
    group.on('order.plced', () => {});
    // @ts-expect-error -- a group needs a name
    bus.group();
    // @ts-expect-error -- misspelt
    bus.group('widget', { plase: 1 });
    // @ts-expect-error -- its state is changed by its methods
    group.state = 'paused';
  });

  it('[28] stand in for the bus where something only subscribes', () => {
    function install(on: Subscribing<Shop>): Unsubscribe {
      return on.on('order.placed', ({ total }) => total);
    }
    install(bus);
    install(bus.group('widget'));
  });
});

describe('using', () => {
  it('[28] ends subscriptions and groups, and closes a bus', async () => {
    using off = bus.on('shop.closed', () => {});
    using group = bus.group('request');
    using observed = bus.observe({});
    await using scoped = new EventBus<Shop>();
    expectTypeOf(off).toEqualTypeOf<Unsubscribe>();
    expectTypeOf(off()).toEqualTypeOf<void>();
    expectTypeOf(off.active).toEqualTypeOf<boolean>();
    expectTypeOf(group.size).toEqualTypeOf<number>();
    expectTypeOf(observed).toEqualTypeOf<Unsubscribe>();
    expectTypeOf(scoped.close({ drainMs: 5 })).toEqualTypeOf<Promise<CloseReport>>();
    // @ts-expect-error -- it says, and is not told
    off.active = false;
  });
});

describe('a context', () => {
  it('[28] emits like the bus', () => {
    bus.on('order.placed', async (_, ctx) => {
      expectTypeOf(await ctx.emit('order.paid', { id: 'o1', method: 'card' })).toEqualTypeOf<
        EmitResult<'order.paid'>
      >();
      expectTypeOf(ctx.emitSync('shop.closed').type).toEqualTypeOf<'shop.closed'>();
      void ctx.dispatch(tick, 1);
      ctx.post('user.seen');
      // @ts-expect-error -- no such event
      void ctx.emit('order.pad', {});
      // @ts-expect-error -- there is none
      ctx.emitSync('order.paid');
      // @ts-expect-error -- a property is missing
      ctx.post('order.paid', { id: 'o1' });
      // @ts-expect-error -- patterns only listen
      ctx.post('order.*');
    });
  });

  it('[28] tells about its emission, and lets nothing be changed', () => {
    bus.on('order.placed', (_, ctx) => {
      expectTypeOf(ctx.id).toEqualTypeOf<string>();
      expectTypeOf(ctx.sync).toEqualTypeOf<boolean>();
      expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(ctx.meta).toEqualTypeOf<Readonly<Record<string, unknown>>>();
      expectTypeOf(ctx.stop()).toEqualTypeOf<void>();
      expectTypeOf(ctx.idle()).toEqualTypeOf<Promise<void>>();
      expectTypeOf(ctx.close()).toEqualTypeOf<Promise<CloseReport>>();
      // @ts-expect-error -- it tells, and is not told
      ctx.payload = { id: 'o2', total: 2 };
      // @ts-expect-error -- it tells, and is not told
      ctx.type = 'order.placed';
      // @ts-expect-error -- it tells, and is not told
      ctx.meta['user'] = 'u2';
    });
  });

  it('[28] of one event passes for a plain one', () => {
    function log(ctx: Pick<EmissionContext<Shop>, 'id' | 'meta'>) {
      return ctx.id;
    }
    bus.on('order.*', (_, ctx) => log(ctx));
    bus.onAny((_, ctx) => log(ctx));
  });
});

describe('generic functions over a bus', () => {
  it('[28] relay any event of a map', () => {
    function relay<Name extends keyof Shop & (string | symbol)>(type: Name, payload: Shop[Name]) {
      return bus.emit(type, payload);
    }
    expectTypeOf(relay('order.placed', { id: 'o1', total: 1 })).toEqualTypeOf<Promise<EmitResult<'order.placed'>>>();
    void relay('shop.closed', undefined);
    void relay(tick, 1);
    // @ts-expect-error -- the payload of another event
    void relay('order.placed', { id: 'o1', method: 'card' });

    function relaySync<Name extends EventName<Shop>>(type: Name, payload: Shop[Name], options?: EmitOptions) {
      bus.post(type, payload, options);
      void bus.dispatch(type, payload, options);
      return bus.emitSync(type, payload, options);
    }
    expectTypeOf(relaySync(tick, 1).type).toEqualTypeOf<typeof tick>();
  });

  it('[28] relay one group of events', () => {
    function relay<Name extends 'order.placed' | 'order.paid'>(type: Name, payload: Shop[Name]) {
      return bus.emitSync(type, payload);
    }
    relay('order.paid', { id: 'o1', method: 'card' });
  });

  it('[28] subscribe to any event of a map', () => {
    function listen<Name extends EventName<Shop>>(
      type: Name,
      handler: Handler<Shop, Name>,
      options?: SubscribeOptions<PayloadOf<Shop, Name>>,
    ) {
      return bus.on(type, handler, options);
    }
    listen('order.placed', ({ total }) => total, { filter: ({ total }) => total > 1 });
    // @ts-expect-error -- the payload has no such property
    listen('order.placed', ({ method }) => method);
  });

  it('[28] work with any map', () => {
    function forward<Events extends object>(from: EventBus<Events>, to: EventBus<Events>) {
      return from.onAny(({ type, payload }) => {
        const name: string | symbol = type;
        void [to, name, payload];
      });
    }
    forward(bus, new EventBus<Shop>());
    // @ts-expect-error -- buses of different maps
    forward(bus, new EventBus<{ other: 1 }>());
  });
});

describe('observers', () => {
  it('[28] get facts of one shape each', () => {
    const observer: BusObserver = {
      emissionStarted: (fact) => {
        expectTypeOf(fact.type).toEqualTypeOf<PropertyKey>();
        expectTypeOf(fact.payload).toEqualTypeOf<unknown>();
      },
      handlerSettled: ({ durationMs, outcome, failure }) => {
        expectTypeOf(durationMs).toEqualTypeOf<number>();
        expectTypeOf(outcome).toEqualTypeOf<'ok' | 'failed' | 'timeout'>();
        expectTypeOf(failure).toEqualTypeOf<HandlerError | undefined>();
      },
    };
    expectTypeOf(bus.observe(observer)).toEqualTypeOf<Unsubscribe>();
    bus.observe({ dropped: ({ error }) => expectTypeOf(error).toEqualTypeOf<unknown>() });
    // @ts-expect-error -- no such fact
    bus.observe({ emissionStart: () => {} });
    bus.observe({
      emissionSettled: (fact) => {
        // @ts-expect-error -- facts are told, and not changed
        fact.durationMs = 0;
      },
    });
  });
});

describe('results and errors', () => {
  it('[28] are read-only', async () => {
    const result = await bus.emit('shop.closed');
    expectTypeOf(result.failures).toEqualTypeOf<readonly HandlerError[]>();
    // @ts-expect-error -- a result is read
    result.ok = true;
    // @ts-expect-error -- a result is read
    result.failures.push(new Error('more'));
  });

  it('[28] are told apart by class and code', () => {
    const error: unknown = new Error('any');
    if (error instanceof EmitError) {
      expectTypeOf(error.errors).toEqualTypeOf<HandlerError[]>();
      expectTypeOf(error.code).toEqualTypeOf<'EMIT_FAILED'>();
    } else if (error instanceof HandlerError) {
      expectTypeOf(error.phase).toEqualTypeOf<'filter' | 'handler' | 'timeout'>();
      expectTypeOf(error.cause).toEqualTypeOf<unknown>();
    } else if (error instanceof AmbusError) {
      expectTypeOf(error.code).toEqualTypeOf<ErrorCode>();
    }
    // @ts-expect-error -- no such code
    void new AmbusError('NO_SUCH_CODE', 'message');
  });

  it('[28] of onFailure are AmbusErrors', () => {
    void new EventBus<Shop>({
      onFailure: (failure) => {
        expectTypeOf(failure).toEqualTypeOf<AmbusError>();
        if (failure instanceof HandlerError) expectTypeOf(failure.handler).toEqualTypeOf<string>();
      },
    });
  });
});

describe('chain', () => {
  it('[28] may be synchronous or not, as the value is', () => {
    expectTypeOf(chain(bus.dispatch('shop.closed'), ({ called }) => called)).toEqualTypeOf<number | Promise<number>>();
    expectTypeOf(chain(1, async (n) => n)).toExtend<Promise<number>>();
  });
});

describe('options of a bus', () => {
  it('[28] take a clock and a compiler', () => {
    void new EventBus<Shop>({ clock: new ManualClock(), compiler: compiled({ after: 10 }), concurrency: undefined });
    // @ts-expect-error -- no clock
    void new EventBus<Shop>({ clock: Date });
    // @ts-expect-error -- the function that makes one
    void new EventBus<Shop>({ compiler: compiled });
  });
});

it('a class may extend the bus of its own events', () => {
  interface Orders {
    'order.placed': { id: string };
  }
  class ShopBus extends EventBus<Orders> {
    place(id: string): void {
      this.post('order.placed', { id });
    }
  }
  const shop = new ShopBus({ name: 'shop' });
  shop.place('o1');
  shop.on('order.placed', ({ id }) => expectTypeOf(id).toEqualTypeOf<string>());
  // @ts-expect-error -- no such event
  shop.post('order.lost', {});
});
