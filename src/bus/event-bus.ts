import { AmbusError } from '../errors.js';
import { assertOption, assertOptions, isFiniteNumber, show } from '../internal/assertions.js';
import { asyncDisposeSymbol, disposeSymbol } from '../internal/dispose.js';
import { scope } from './ancestry.js';
import { SYNC } from './context.js';
import { BusCore } from './core.js';
import { run, runForPromise } from './dispatch.js';
import type { EmitResult } from './emit-result.js';
import { BusEventHandle, type EventHandle } from './event-handle.js';
import type { EventName, PatternOf } from './event-map.js';
import { assertEmittable, assertEventName } from './event-name.js';
import { BusGroup, GroupState, type HandlerGroup } from './group.js';
import type { Emitting, Subscribing, Unsubscribe } from './handler.js';
import type { BusObserver } from './observer.js';
import type { BusOptions, CloseOptions, CloseReport, EmitOptions, IdleOptions } from './options.js';
import type { Plan } from './plan.js';
import { resolveBusOptions } from './settings.js';
import type { BusSnapshot } from './snapshot.js';
import { EVERYTHING, subscribe } from './subscribe.js';
import { handlersOf, takeSnapshot } from './take-snapshot.js';

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
  new <Events extends object = Record<string, unknown>>(options?: BusOptions): EventBus<Events>;
}

class Bus {
  readonly #core: BusCore;

  constructor(options?: BusOptions) {
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
      core.channels.get(type)?.subscriptions.findLast((subscription) => subscription.handler === handler) ??
      core.listeners.findLast((listener) => listener.handler === handler && listener.target.label === type);
    if (newest === undefined) return false;
    core.end(newest, 'off');
    return true;
  }

  // The verbs look only at what decides whether the hot path will do; everything else is the core's.

  emit(type: PropertyKey, payload?: unknown, options?: EmitOptions): Promise<EmitResult> {
    const plan = hotPlan(this.#core, type, options);
    return plan === undefined ? this.#core.emit(type, payload, options) : runForPromise(plan, payload, scope.current);
  }

  emitSync(type: PropertyKey, payload?: unknown, options?: EmitOptions): EmitResult {
    const plan = hotPlan(this.#core, type, options);
    return (
      plan === undefined
        ? this.#core.dispatch(type, payload, options, undefined, SYNC)
        : run(plan, payload, SYNC, scope.current)
    ) as EmitResult;
  }

  dispatch(type: PropertyKey, payload?: unknown, options?: EmitOptions): EmitResult | Promise<EmitResult> {
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
    let active = true;
    const off = (): void => {
      if (!active) return;
      active = false;
      remove();
      core.observersChanged();
    };
    Object.defineProperty(off, 'active', { get: () => active });
    Object.defineProperty(off, disposeSymbol, { value: off });
    return off as unknown as Unsubscribe;
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
      .filter((channel) => channel.subscriptions.size > 0)
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

/** The plan of an event, if an emission with these options may run it on the hot path. */
function hotPlan(core: BusCore, type: PropertyKey, options: EmitOptions | undefined): Plan | undefined {
  // Anything but a string or a symbol would be made a string of by the table.
  if (options !== undefined || scope.store !== null || (typeof type !== 'string' && typeof type !== 'symbol')) {
    return undefined;
  }
  const plan = core.table[type]?.plan;
  return plan?.fast === true ? plan : undefined;
}

Object.defineProperty(Bus, 'name', { value: 'EventBus' });

/** See the interface of the same name. */
export const EventBus: EventBusConstructor = Bus as unknown as EventBusConstructor;
