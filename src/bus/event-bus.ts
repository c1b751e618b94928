import { AmbusError } from '../errors.js';
import { assertOption, assertOptions, isFiniteNumber, show } from '../internal/assertions.js';
import { asyncDisposeSymbol } from '../internal/dispose.js';
import { forward } from './bridges/forward.js';
import { BusCore } from './core.js';
import { isTraced, scope } from './dispatching/ancestry.js';
import { SYNC } from './dispatching/context.js';
import { run, runForPromise } from './dispatching/dispatch.js';
import type { AnyEmitResult } from './dispatching/emit-result.js';
import type { Plan } from './dispatching/plan.js';
import { BusEventHandle, type EventHandle } from './event-handle.js';
import type {
  EmittedOf,
  EventName,
  EventOf,
  Forwardable,
  Matching,
  NamesOf,
  PatternOf,
  PayloadOf,
} from './events/event-map.js';
import { assertEmittable, assertEventName } from './events/event-name.js';
import { intercept } from './intercepting/intercept.js';
import type { InterceptOptions, Interceptor } from './intercepting/interceptor.js';
import type { BusObserver } from './observing/observer.js';
import type { BusSnapshot } from './observing/snapshot.js';
import { handlersOf, takeSnapshot } from './observing/take-snapshot.js';
import type { BusOptions, CloseOptions, CloseReport, EmitOptions, IdleOptions } from './options.js';
import { resolveBusOptions } from './settings.js';
import { BusEventStream, type EventStream, type StreamOptions } from './subscribing/event-stream.js';
import { BusGroup, GroupState, type HandlerGroup } from './subscribing/group.js';
import type { Emitting, Subscribing, Unsubscribe } from './subscribing/handler.js';
import { EVERYTHING, subscribe } from './subscribing/subscribe.js';
import { unsubscribing } from './subscribing/unsubscribing.js';
import { type WaitOptions, waitFor } from './subscribing/wait-for.js';

/**
 * Dispatches typed events to handlers, sync and async alike: in order of priority, each handler's
 * failure kept apart from the others.
 *
 * @typeParam Events - An interface or a type alias from event names to payloads; `void` for none.
 */
export interface EventBus<Events extends object = Record<string, unknown>>
  extends Emitting<Events>,
    Subscribing<Events>,
    AsyncDisposable {
  /** The `name` option. */
  readonly name: string;

  /**
   * Ends the newest live subscription of a function to exactly this event or pattern. What `on`
   * returned is the better way: its identity is the subscription, not the function.
   *
   * @returns Whether there was one.
   * @throws `AmbusError` `INVALID_ARGUMENT` where `handler` is no function, `INVALID_EVENT`.
   */
  off(type: EventName<Events> | PatternOf<Events>, handler: (...args: never) => unknown): boolean;

  /**
   * A handle on one event, for hot paths.
   *
   * @throws `AmbusError` `INVALID_EVENT`, also for a pattern.
   */
  event<Name extends EventName<Events>>(type: Name): EventHandle<Events, Name>;

  /**
   * Makes a group of handlers that are paused, retired and removed together.
   *
   * @param name - Appears in errors, facts and `inspect()`. Need not be unique.
   * @param options - `place`: where its handlers come among those of equal priority, lower first; 0 by default.
   * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `BUS_CLOSED`.
   */
  group(name: string, options?: { readonly place?: number | undefined }): HandlerGroup<Events>;

  /**
   * Waits for an event that is emitted after this call: the first of a list or pattern.
   * For several in a row open a {@link EventBus.stream} first, which loses none in between. In a handler
   * give it `ctx.signal`: `close` waits for handlers, and only then ends what they wait for.
   *
   * @param type - An event, a list of events, or a pattern.
   * @param options - See {@link WaitOptions}.
   * @returns The payload, awaited if it is a promise itself; of a list or pattern `{ type, payload }`, which
   *   narrows by `type`.
   * @throws `AmbusError` `WAIT_TIMEOUT`, `BUS_CLOSED`, `ASYNC_FILTER`, and what `on` throws; what `filter` throws;
   *   the signal's reason.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus<{ 'job.done': { id: number } }>();
   * setTimeout(() => bus.post('job.done', { id: 7 }), 1);
   * const { id } = await bus.waitFor('job.done', { filter: (job) => job.id === 7, timeoutMs: 1_000 });
   * console.log(id); // 7
   * ```
   */
  waitFor<Name extends EventName<Events>>(
    types: readonly Name[],
    options?: WaitOptions<PayloadOf<Events, Name>>,
  ): Promise<EventOf<Events, Name>>;
  waitFor<Pattern extends PatternOf<Events>>(
    pattern: Pattern,
    options?: NoInfer<WaitOptions<PayloadOf<Events, Matching<Events, Pattern>>>>,
  ): Promise<EventOf<Events, Matching<Events, Pattern>>>;
  waitFor<Name extends EventName<Events>>(
    type: Name,
    options?: WaitOptions<PayloadOf<Events, Name>>,
  ): Promise<PayloadOf<Events, Name>>;

  /**
   * Opens a stream of events, live from this call: what is emitted before it is read waits, up to its
   * `capacity`. When the bus has closed it delivers what waits, and ends; in a handler give it `ctx.signal`,
   * as `close` waits for handlers first.
   *
   * @param type - An event, a list of events, or a pattern.
   * @param options - See {@link StreamOptions}.
   * @returns An async iterator of payloads; of a list or pattern of `{ type, payload }`, which narrows by `type`.
   * @throws As `on`.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus<{ tick: number }>();
   * const ticks = bus.stream('tick', { capacity: 100 });
   * for (const n of [1, 2, 3]) bus.emitSync('tick', n);
   * for await (const n of ticks) {
   *   console.log(n); // 1, 2, 3
   *   if (n === 3) break;
   * }
   * ```
   */
  stream<Name extends EventName<Events>>(
    types: readonly Name[],
    options?: StreamOptions<PayloadOf<Events, Name>>,
  ): EventStream<EventOf<Events, Name>>;
  stream<Pattern extends PatternOf<Events>>(
    pattern: Pattern,
    options?: NoInfer<StreamOptions<PayloadOf<Events, Matching<Events, Pattern>>>>,
  ): EventStream<EventOf<Events, Matching<Events, Pattern>>>;
  stream<Name extends EventName<Events>>(
    type: Name,
    options?: StreamOptions<PayloadOf<Events, Name>>,
  ): EventStream<PayloadOf<Events, Name>>;

  /**
   * Puts a function around emissions, outside of validation: it may replace the payload, add `meta`,
   * answer by itself, or refuse by throwing.
   *
   * @param interceptor - `(emission, next) => next()`; see {@link Interceptor}.
   * @param options - See {@link InterceptOptions}.
   * @returns A function that takes it away.
   * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_EVENT`, `INVALID_PATTERN`,
   *   `UNDECLARED_EVENT`, `BUS_CLOSED`.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus<{ 'order.placed': { id: string } }>();
   * let requests = 0;
   * bus.intercept((emission, next) => next({ meta: { requestId: `r${++requests}`, ...emission.meta } }));
   * bus.on('order.placed', ({ id }, ctx) => console.log(id, ctx.meta));
   * bus.emitSync('order.placed', { id: 'o1' }); // o1 { requestId: 'r1' }
   * ```
   */
  intercept<Types extends EventName<Events> | PatternOf<Events>>(
    interceptor: Interceptor<Events, NamesOf<Events, Types>>,
    options: InterceptOptions<Events, Types> & { readonly types: Types | readonly Types[] },
  ): Unsubscribe;
  intercept(interceptor: Interceptor<Events>, options?: InterceptOptions<Events>): Unsubscribe;

  /**
   * Has another bus emit what this one emits. Handlers there are waited for, and `meta` goes along. An
   * event that has come through a bus is not forwarded to it again, so that buses may forward to each
   * other.
   *
   * @param other - The bus that emits it again.
   * @param type - An event, a list of events, or a pattern; both buses have the events with the same payloads.
   * @param map - Makes another event of it, or none by returning `undefined`. @default the same event
   * @returns A function that ends it.
   * @throws As `on`.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const shop = new EventBus<{ 'order.placed': { id: string }; 'shop.closed': void }>();
   * const audit = new EventBus<{ 'order.placed': { id: string } }>();
   * shop.forward(audit, 'order.placed');
   * audit.on('order.placed', ({ id }) => console.log(id));
   * shop.emitSync('order.placed', { id: 'o1' }); // o1
   * ```
   */
  forward<Other extends object, Source extends EventName<Events> | PatternOf<Events> | readonly EventName<Events>[]>(
    other: EventBus<Other>,
    type: Source & Forwardable<Events, Other, NamesOf<Events, Source>>,
  ): Unsubscribe;
  forward<Other extends object, Source extends EventName<Events> | PatternOf<Events> | readonly EventName<Events>[]>(
    other: EventBus<Other>,
    type: Source,
    map: (event: EventOf<Events, NamesOf<Events, Source>>) => EmittedOf<Other> | undefined,
  ): Unsubscribe;

  /**
   * Tells an observer what happens from now on. It can neither change nor break it.
   *
   * @returns A function that takes the observer away.
   * @throws `AmbusError` `INVALID_ARGUMENT`, or `UNKNOWN_OPTION` for a method whose name looks like a fact's misspelt.
   */
  observe(observer: BusObserver): Unsubscribe;

  /** What the bus is and has counted, as plain JSON. */
  inspect(): BusSnapshot;

  /** How many live handlers hear an event, listeners included; without one, how many subscriptions there are. */
  handlerCount(type?: EventName<Events>): number;

  /** The events that have a handler subscribed to just them; of a symbol, its `toString()`. */
  eventTypes(): string[];

  /**
   * Waits until nothing is in flight: every emission has ended, and late work too, unless it has been
   * abandoned. Inside a handler it doesn't wait for that handler's own emission (see
   * `BusOptions.asyncContext` for calls after an `await`; `ctx.idle()` always knows).
   *
   * @throws `AmbusError` `IDLE_TIMEOUT`, `INVALID_OPTION`, `UNKNOWN_OPTION`; the signal's reason.
   */
  idle(options?: IdleOptions): Promise<void>;

  /**
   * Refuses new emissions, waits for those in flight and those which they cause, and ends every
   * subscription. A second call waits for the first. Never waits for the emission that it is called in.
   *
   * @returns What was left when the time was up. Its signals have been aborted.
   * @throws `AmbusError` `INVALID_OPTION`, `UNKNOWN_OPTION`.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus();
   * const { drained, unfinished } = await bus.close({ drainMs: 2_000 });
   * if (!drained) console.warn('gave up on', unfinished);
   * ```
   */
  close(options?: CloseOptions): Promise<CloseReport>;
}

/** Makes an {@link EventBus}. */
export interface EventBusConstructor {
  /**
   * @throws `AmbusError` `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_ARGUMENT`.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * interface ShopEvents {
   *   'order.placed': { id: string; total: number };
   *   'shop.closed': void;
   * }
   * const bus = new EventBus<ShopEvents>({ name: 'shop' });
   * bus.on('order.placed', (order) => console.log(order.total));
   * bus.emitSync('order.placed', { id: 'o1', total: 42 }); // 42
   * ```
   */
  new <Events extends object = Record<string, unknown>>(options?: BusOptions<Events>): EventBus<Events>;
}

class Bus {
  readonly #core: BusCore;

  constructor(options?: BusOptions<object>) {
    this.#core = new BusCore(resolveBusOptions(options));
  }

  get name(): string {
    return this.#core.name;
  }

  on(type: unknown, handler: unknown, options?: unknown): Unsubscribe {
    return subscribe('on', this.#core, null, type, handler, options);
  }

  once(type: unknown, handler: unknown, options?: unknown): Unsubscribe {
    return subscribe('once', this.#core, null, type, handler, options, 1);
  }

  onAny(handler: unknown, options?: unknown): Unsubscribe {
    return subscribe('onAny', this.#core, null, EVERYTHING, handler, options);
  }

  off(type: unknown, handler: unknown): boolean {
    assertEventName(type);
    if (typeof handler !== 'function') {
      throw new AmbusError('INVALID_ARGUMENT', `Expected the handler of off to be a function, got ${show(handler)}.`);
    }
    const core = this.#core;
    const newest =
      core.channels
        .get(type)
        ?.subscriptions.findLast(({ handler: each, target }) => each === handler && target.kind === 'exact') ??
      core.listeners.findLast((listener) => listener.handler === handler && listener.target.label === type);
    if (newest === undefined) return false;
    core.end(newest, 'off');
    return true;
  }

  // The verbs look only at what decides whether the hot path will do; everything else is the core's.

  emit(type: PropertyKey, payload?: unknown, options?: EmitOptions): Promise<AnyEmitResult> {
    const plan = hotPlan(this.#core, type, options);
    return plan === undefined ? this.#core.emit(type, payload, options) : runForPromise(plan, payload, scope.current);
  }

  emitSync(type: PropertyKey, payload?: unknown, options?: EmitOptions): AnyEmitResult {
    const plan = hotPlan(this.#core, type, options);
    return (
      plan === undefined
        ? this.#core.dispatch(type, payload, options, undefined, SYNC)
        : run(plan, payload, SYNC, scope.current)
    ) as AnyEmitResult;
  }

  dispatch(type: PropertyKey, payload?: unknown, options?: EmitOptions): AnyEmitResult | Promise<AnyEmitResult> {
    const plan = hotPlan(this.#core, type, options);
    return plan === undefined
      ? this.#core.dispatch(type, payload, options, undefined, 0)
      : run(plan, payload, 0, scope.current);
  }

  post(type: PropertyKey, payload?: unknown, options?: EmitOptions): void {
    this.#core.post(type, payload, options);
  }

  event(type: PropertyKey): BusEventHandle {
    assertEmittable(type);
    this.#core.assertDeclared(type);
    return new BusEventHandle(this.#core, type);
  }

  group(name: unknown, options?: { readonly place?: number }): BusGroup {
    const core = this.#core;
    if (core.lifetime.state === 'closed') throw core.closedError('groups');
    if (typeof name !== 'string') {
      throw new AmbusError('INVALID_ARGUMENT', `Expected the name of a group to be a string, got ${show(name)}.`);
    }
    assertOptions('group', options, ['place']);
    assertOption('group', 'place', options?.place, 'a finite number', isFiniteNumber);
    const state = new GroupState(core, name, options?.place ?? 0);
    core.groups.add(state);
    return new BusGroup(state);
  }

  observe(observer: BusObserver): Unsubscribe {
    const core = this.#core;
    const remove = core.observers.add(observer);
    core.observersChanged();
    return unsubscribing(() => {
      remove();
      core.observersChanged();
    });
  }

  waitFor(type: unknown, options?: WaitOptions): Promise<unknown> {
    return waitFor(this.#core, type, options);
  }

  stream(type: unknown, options?: StreamOptions): BusEventStream {
    return new BusEventStream(this.#core, type, options);
  }

  intercept(interceptor: unknown, options?: InterceptOptions): Unsubscribe {
    return intercept(this.#core, interceptor, options);
  }

  forward(other: unknown, type: unknown, map?: unknown): Unsubscribe {
    return forward(this.#core, coreOf('forward', other), type, map);
  }

  static coreOf(bus: unknown): BusCore | undefined {
    return typeof bus === 'object' && bus !== null && #core in bus ? bus.#core : undefined;
  }

  inspect(): BusSnapshot {
    return takeSnapshot(this.#core);
  }

  handlerCount(type?: PropertyKey): number {
    return handlersOf(this.#core, type);
  }

  eventTypes(): string[] {
    const { channels } = this.#core;
    return Array.from(channels.values())
      .filter((channel) => channel.subscriptions.findLast(({ target }) => target.kind === 'exact') !== undefined)
      .map((channel) => String(channel.type));
  }

  idle(options?: IdleOptions): Promise<void> {
    return this.#core.lifetime.idle(options);
  }

  close(options?: CloseOptions): Promise<CloseReport> {
    return this.#core.lifetime.close(options);
  }

  async [asyncDisposeSymbol](): Promise<void> {
    await this.close();
  }
}

/** @throws `AmbusError` `INVALID_ARGUMENT` unless it is a bus. */
export function coreOf(where: string, bus: unknown): BusCore {
  const core = Bus.coreOf(bus);
  if (core !== undefined) return core;
  throw new AmbusError('INVALID_ARGUMENT', `Expected ${where} to be given a bus, got ${show(bus)}.`);
}

/** The plan of an event, if an emission with these options may run it on the hot path. */
function hotPlan(core: BusCore, type: PropertyKey, options: EmitOptions | undefined): Plan | undefined {
  // Anything but a string or a symbol would be made a string of by the table.
  if (options !== undefined || isTraced() || (typeof type !== 'string' && typeof type !== 'symbol')) {
    return undefined;
  }
  const plan = core.table[type]?.plan;
  return plan?.fast === true ? plan : undefined;
}

Object.defineProperty(Bus, 'name', { value: 'EventBus' });

/** See the interface of the same name. */
export const EventBus: EventBusConstructor = Bus as unknown as EventBusConstructor;
