import type { EmitResult } from './emit-result.js';
import type {
  AnyEvent,
  EventName,
  InputOf,
  Matching,
  OpenMatching,
  OpenPattern,
  PatternOf,
  PayloadOf,
  VoidEventName,
} from './event-map.js';
import type { CloseOptions, CloseReport, EmitOptions, IdleOptions } from './options.js';

/**
 * The four verbs that emit. A bus has them, and so has the context of a handler, where they also
 * know which emission they come from.
 */
export interface Emitting<Events extends object> {
  /**
   * Emits and lets the caller await every handler, sync and async. Handlers start in this tick: when
   * all of them are synchronous, all have run when this returns.
   *
   * @param type - The event.
   * @param payload - What handlers get; may be left out where the event's payload is `void` or optional.
   * @param options - For this emission alone.
   * @returns A promise of the {@link EmitResult}; failures are in it under the policy `isolate`.
   *   Never throws: whatever refuses the emission rejects the promise.
   * @throws {@link EmitError} (`EMIT_FAILED`) under the policy `stop` or `throw`;
   *   `AmbusError` with `BUS_CLOSED`, `INVALID_EVENT`, `INVALID_OPTION`, `UNKNOWN_OPTION` or
   *   `INVALID_ARGUMENT`; the signal's reason where it was aborted.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus<{ 'order.placed': { id: string } }>();
   * bus.on('order.placed', async ({ id }) => console.log('mailed', id));
   * const result = await bus.emit('order.placed', { id: 'o1' });
   * console.log(result.ok, result.called); // true 1
   * ```
   */
  emit<Name extends VoidEventName<Events>>(
    type: Name,
    payload?: InputOf<Events, Name>,
    options?: EmitOptions,
  ): Promise<EmitResult<Name>>;
  emit<Name extends EventName<Events>>(
    type: Name,
    payload: InputOf<Events, Name>,
    options?: EmitOptions,
  ): Promise<EmitResult<Name>>;

  /**
   * Emits to handlers that are synchronous. One that returns a thenable fails with `ASYNC_IN_SYNC`,
   * and its promise is looked after.
   *
   * @returns The {@link EmitResult}, once every handler has run.
   * @throws What `emit` rejects with.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus<{ tick: number }>();
   * bus.on('tick', (n) => console.log(n));
   * console.log(bus.emitSync('tick', 1).called); // 1
   * ```
   */
  emitSync<Name extends VoidEventName<Events>>(
    type: Name,
    payload?: InputOf<Events, Name>,
    options?: EmitOptions,
  ): EmitResult<Name>;
  emitSync<Name extends EventName<Events>>(
    type: Name,
    payload: InputOf<Events, Name>,
    options?: EmitOptions,
  ): EmitResult<Name>;

  /**
   * Emits and returns the result itself when no handler had to be waited for, else a promise of it:
   * for callers on a hot path that can take either (see `chain`).
   *
   * @returns The {@link EmitResult} or a promise of it.
   * @throws What `emit` rejects with, while it is still synchronous; afterwards the promise rejects.
   * @example
   * ```ts
   * import { chain, EventBus } from 'ambus';
   * const bus = new EventBus<{ tick: number }>();
   * bus.on('tick', (n) => console.log(n));
   * chain(bus.dispatch('tick', 1), (result) => console.log(result.ok)); // true, in this tick
   * ```
   */
  dispatch<Name extends VoidEventName<Events>>(
    type: Name,
    payload?: InputOf<Events, Name>,
    options?: EmitOptions,
  ): EmitResult<Name> | Promise<EmitResult<Name>>;
  dispatch<Name extends EventName<Events>>(
    type: Name,
    payload: InputOf<Events, Name>,
    options?: EmitOptions,
  ): EmitResult<Name> | Promise<EmitResult<Name>>;

  /**
   * Emits and forgets: nothing to await and nothing lost. Every failure, a refusal included, goes to
   * the bus's `onFailure`.
   *
   * @throws Nothing.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus<{ 'shop.closed': void }>();
   * bus.on('shop.closed', () => console.log('good night'));
   * bus.post('shop.closed');
   * ```
   */
  post<Name extends VoidEventName<Events>>(type: Name, payload?: InputOf<Events, Name>, options?: EmitOptions): void;
  post<Name extends EventName<Events>>(type: Name, payload: InputOf<Events, Name>, options?: EmitOptions): void;
}

/** What every handler is told besides the payload, whatever the event. */
export interface EmissionContext<Events extends object = Record<string, unknown>> extends Emitting<Events> {
  /** Identifies the emission; made when first read. */
  readonly id: string;
  /** True under `emitSync`: the caller can't wait, so that a promise returned here is a failure. */
  readonly sync: boolean;
  /** Aborts when the handler's time is up, the emission is aborted, or the bus closes without it. Made when first read. */
  readonly signal: AbortSignal;
  /** What the caller gave as `meta`, over what the emission that this one comes from had. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** Ends the emission here: no later handler starts. Counted in the result as `skipped`; not a failure. */
  stop(): void;
  /** `bus.idle()` that doesn't wait for this emission itself. */
  idle(options?: IdleOptions): Promise<void>;
  /** `bus.close()` that doesn't wait for this emission itself. */
  close(options?: CloseOptions): Promise<CloseReport>;
}

/**
 * A handler's second argument. It carries `type` and `payload` too, so that the context of a handler
 * of several events narrows by `ctx.type`.
 */
export type HandlerContext<Events extends object, Name extends keyof Events> = {
  [One in Name]: EmissionContext<Events> & { readonly type: One; readonly payload: PayloadOf<Events, One> };
}[Name];

/** A function subscribed to an event, sync or async. */
export type Handler<Events extends object, Name extends keyof Events> = (
  payload: PayloadOf<Events, Name>,
  ctx: HandlerContext<Events, Name>,
) => unknown;

/** How one handler is subscribed. */
export interface SubscribeOptions<Payload = unknown> {
  /** What errors, facts and `inspect()` call the handler. @default the function's name */
  readonly name?: string | undefined;
  /** Handlers run highest priority first. Any finite number. @default 0 */
  readonly priority?: number | undefined;
  /** Removes the subscription when its turn has come this often. @default Infinity */
  readonly times?: number | undefined;
  /** Removes the subscription when it aborts. An aborted one makes an inactive subscription. */
  readonly signal?: AbortSignal | undefined;
  /** Skips the handler where it returns something falsy. Must be synchronous. */
  readonly filter?: ((payload: Payload) => boolean) | undefined;
  /** How long one run may take, in milliseconds from its start; Infinity for no limit. @default the bus's */
  readonly timeoutMs?: number | undefined;
  /**
   * What a failure of this handler does: `stop` ends the emission there, `isolate` exempts it from
   * the emission's policy. @default the emission's policy
   */
  readonly failurePolicy?: 'isolate' | 'stop' | undefined;
  /** How many runs of this handler may be unsettled at a time, over all emissions. @default Infinity */
  readonly concurrency?: number | undefined;
}

/** Ends one subscription; calling it again does nothing. Works with `using`. */
export type Unsubscribe = (() => void) & Disposable & { readonly active: boolean };

/** The three verbs that subscribe: a bus has them, and so has a group. */
export interface Subscribing<Events extends object> {
  /**
   * Subscribes a handler to an event, a list of events, or a pattern (`order.*`, `order.**`).
   *
   * @param type - The event's name; a list of names; or a pattern, in which `*` is one segment and a
   *   final `**` any number of them.
   * @param handler - Gets the payload and the context; may be sync or async.
   * @param options - See {@link SubscribeOptions}.
   * @returns A function that ends this subscription.
   * @throws `AmbusError` with `INVALID_ARGUMENT`, `INVALID_EVENT`, `INVALID_PATTERN`, `INVALID_OPTION`,
   *   `UNKNOWN_OPTION`, `BUS_CLOSED` or `GROUP_CLOSED`; then nothing is subscribed.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus<{ 'order.placed': { id: string }; 'order.paid': { id: string } }>();
   * const off = bus.on('order.*', ({ id }, ctx) => console.log(ctx.type, id), { priority: 10 });
   * bus.emitSync('order.paid', { id: 'o1' }); // order.paid o1
   * off();
   * ```
   */
  on<Pattern extends OpenPattern<Events>>(
    pattern: Pattern,
    handler: NoInfer<Handler<Events, OpenMatching<Events, Pattern>>>,
    options?: NoInfer<SubscribeOptions<PayloadOf<Events, OpenMatching<Events, Pattern>>>>,
  ): Unsubscribe;
  on<Name extends EventName<Events>>(
    types: readonly Name[],
    handler: Handler<Events, Name>,
    options?: SubscribeOptions<PayloadOf<Events, Name>>,
  ): Unsubscribe;
  // NoInfer: else a named handler has the compiler try every pattern there could be, for seconds.
  on<Pattern extends PatternOf<Events>>(
    pattern: Pattern,
    handler: NoInfer<Handler<Events, Matching<Events, Pattern>>>,
    options?: NoInfer<SubscribeOptions<PayloadOf<Events, Matching<Events, Pattern>>>>,
  ): Unsubscribe;
  // The last, because that is the one by which the compiler explains a mistake.
  on<Name extends EventName<Events>>(
    type: Name,
    handler: Handler<Events, Name>,
    options?: SubscribeOptions<PayloadOf<Events, Name>>,
  ): Unsubscribe;

  /** {@link Subscribing.on} with `times: 1`. */
  once<Pattern extends OpenPattern<Events>>(
    pattern: Pattern,
    handler: NoInfer<Handler<Events, OpenMatching<Events, Pattern>>>,
    options?: NoInfer<Omit<SubscribeOptions<PayloadOf<Events, OpenMatching<Events, Pattern>>>, 'times'>>,
  ): Unsubscribe;
  once<Name extends EventName<Events>>(
    types: readonly Name[],
    handler: Handler<Events, Name>,
    options?: Omit<SubscribeOptions<PayloadOf<Events, Name>>, 'times'>,
  ): Unsubscribe;
  once<Pattern extends PatternOf<Events>>(
    pattern: Pattern,
    handler: NoInfer<Handler<Events, Matching<Events, Pattern>>>,
    options?: NoInfer<Omit<SubscribeOptions<PayloadOf<Events, Matching<Events, Pattern>>>, 'times'>>,
  ): Unsubscribe;
  once<Name extends EventName<Events>>(
    type: Name,
    handler: Handler<Events, Name>,
    options?: Omit<SubscribeOptions<PayloadOf<Events, Name>>, 'times'>,
  ): Unsubscribe;

  /**
   * Subscribes a handler to every event, symbols included.
   *
   * @param handler - Gets `{ type, payload }`, a union that narrows by `type`, and the context.
   * @param options - See {@link SubscribeOptions}; a `filter` gets `{ type, payload }` too.
   * @returns A function that ends this subscription.
   * @throws As {@link Subscribing.on}.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus<{ 'order.placed': { id: string }; tick: number }>();
   * bus.onAny((event) => {
   *   if (event.type === 'tick') console.log(event.payload + 1);
   * });
   * bus.emitSync('tick', 1); // 2
   * ```
   */
  onAny(
    handler: (event: AnyEvent<Events>, ctx: EmissionContext<Events>) => unknown,
    options?: SubscribeOptions<AnyEvent<Events>>,
  ): Unsubscribe;
}
