import type { ResultOf } from '../dispatching/emit-result.js';
import type { TypesOf } from '../events/event-declaration.js';
import type {
  AnswerOf,
  AnyEvent,
  EventName,
  InputOf,
  KindOf,
  Matching,
  OpenMatching,
  OpenPattern,
  PatternOf,
  PayloadOf,
  PlainName,
  VoidEventName,
} from '../events/event-map.js';
import type { CloseOptions, CloseReport, EmitOptions, IdleOptions } from '../options.js';

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
   * @returns A promise of the `EmitResult`; failures are in it under the policy `isolate`.
   *   Never throws: whatever refuses the emission rejects the promise.
   * @throws `EmitError` (`EMIT_FAILED`) under the policy `stop` or `throw`;
   *   `AmbusError` with `BUS_CLOSED`, `INVALID_EVENT`, `UNDECLARED_EVENT`, `INVALID_PAYLOAD`,
   *   `SCHEMA_FAILED`, `INVALID_OPTION`, `UNKNOWN_OPTION` or `INVALID_ARGUMENT`; what an interceptor
   *   throws; the signal's reason where it was aborted.
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
    options?: EmitOptionsOf<Events, Name>,
  ): Promise<ResultOf<Events, Name>>;
  emit<Name extends EventName<Events>>(
    type: Name,
    payload: InputOf<Events, Name>,
    options?: EmitOptionsOf<Events, Name>,
  ): Promise<ResultOf<Events, Name>>;

  /**
   * Emits to handlers that are synchronous. One that returns a thenable fails with `ASYNC_IN_SYNC`,
   * and its promise is looked after.
   *
   * @returns The `EmitResult`, once every handler has run.
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
    options?: EmitOptionsOf<Events, Name>,
  ): ResultOf<Events, Name>;
  emitSync<Name extends EventName<Events>>(
    type: Name,
    payload: InputOf<Events, Name>,
    options?: EmitOptionsOf<Events, Name>,
  ): ResultOf<Events, Name>;

  /**
   * Emits and returns the result itself when no handler had to be waited for, else a promise of it:
   * for callers on a hot path that can take either (see `chain`).
   *
   * @returns The `EmitResult` or a promise of it.
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
    options?: EmitOptionsOf<Events, Name>,
  ): ResultOf<Events, Name> | Promise<ResultOf<Events, Name>>;
  dispatch<Name extends EventName<Events>>(
    type: Name,
    payload: InputOf<Events, Name>,
    options?: EmitOptionsOf<Events, Name>,
  ): ResultOf<Events, Name> | Promise<ResultOf<Events, Name>>;

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
  post<Name extends VoidEventName<Events>>(
    type: Name,
    payload?: InputOf<Events, Name>,
    options?: EmitOptionsOf<Events, Name>,
  ): void;
  post<Name extends EventName<Events>>(
    type: Name,
    payload: InputOf<Events, Name>,
    options?: EmitOptionsOf<Events, Name>,
  ): void;
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

/** What the handlers of an `around` have besides. */
export interface AroundContext<Payload, Answer> {
  /**
   * Runs the handlers after this one, and the caller's `core` after the last. A failure of theirs that is
   * not thrown on counts as dealt with: it is counted, told to observers, and in no `failures`. Where it
   * is called again after a failure, a handler that was subscribed by `once` has had its turn.
   *
   * @param payload - What they get; left out, what this one got.
   * @returns Their answer, or a promise of it where one of them is asynchronous; `undefined` where
   *   none answers and there is no core.
   * @throws What the next handler, or the core, failed with. `AmbusError` `INVALID_NEXT` where it has
   *   been called before, unless that call failed (so that a handler may retry), and once this handler
   *   has settled.
   */
  next(payload?: Payload): Answer | Promise<Answer>;
}

/**
 * A handler's second argument. It carries `type` and `payload` too, so that the context of a handler
 * of several events narrows by `ctx.type`.
 */
export type HandlerContext<Events extends object, Name extends keyof Events> = {
  [One in Name]: EmissionContext<Events> & {
    readonly type: One;
    readonly payload: PayloadOf<Events, One>;
  } & (KindOf<Events, One> extends 'around' ? AroundContext<PayloadOf<Events, One>, AnswerOf<Events, One>> : unknown);
}[Name];

type OrPromise<Value> = Value | PromiseLike<Value>;

/** What a handler of an event may return. */
export type ReturnedBy<Events extends object, Name extends keyof Events> = {
  broadcast: unknown;
  // biome-ignore lint/suspicious/noConfusingVoidType: a handler without `return` gives no answer
  waterfall: OrPromise<TypesOf<Events[Name]>['returned'] | undefined | void>;
  // biome-ignore lint/suspicious/noConfusingVoidType: as above
  first: OrPromise<TypesOf<Events[Name]>['returned'] | undefined | void>;
  // biome-ignore lint/suspicious/noConfusingVoidType: as above
  collect: OrPromise<TypesOf<Events[Name]>['returned'] | undefined | void>;
  around: OrPromise<TypesOf<Events[Name]>['returned']>;
}[KindOf<Events, Name>];

/** A function subscribed to one event, sync or async; the event's kind says what it returns. */
export type Handler<Events extends object, Name extends keyof Events> = (
  payload: PayloadOf<Events, Name>,
  ctx: HandlerContext<Events, Name>,
) => ReturnedBy<Events, Name>;

/** A listener's second argument: a handler's, without `next`. */
export type ListenerContext<Events extends object, Name extends keyof Events> = {
  [One in Name]: EmissionContext<Events> & { readonly type: One; readonly payload: PayloadOf<Events, One> };
}[Name];

/** A function subscribed to a list or a pattern: it hears every kind, and what it returns is ignored. */
export type Listener<Events extends object, Name extends keyof Events> = (
  payload: PayloadOf<Events, Name>,
  ctx: ListenerContext<Events, Name>,
) => unknown;

/** {@link EmitOptions}, with the `core` of an `around`. */
export type EmitOptionsOf<Events extends object, Name extends keyof Events> = EmitOptions & {
  readonly core?: CoreOf<Events, Name> | undefined;
};

/** What an `around` is around: runs innermost, when every handler has called `next`. */
export type CoreOf<Events extends object, Name extends keyof Events> =
  KindOf<Events, Name> extends 'around'
    ? (
        payload: PayloadOf<Events, Name>,
        ctx: ListenerContext<Events, Name>,
      ) => OrPromise<TypesOf<Events[Name]>['returned']>
    : never;

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
   *   `UNKNOWN_OPTION`, `UNDECLARED_EVENT`, `BUS_CLOSED` or `GROUP_CLOSED`; then nothing is subscribed.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * const bus = new EventBus<{ 'order.placed': { id: string }; 'order.paid': { id: string } }>();
   * const off = bus.on('order.*', ({ id }, ctx) => console.log(ctx.type, id), { priority: 10 });
   * bus.emitSync('order.paid', { id: 'o1' }); // order.paid o1
   * off();
   * ```
   */
  // The first too, because the compiler looks only once, by the first of these, at what a handler without
  // parameters returns.
  on<Name extends EventName<Events>>(
    type: PlainName<Name>,
    handler: NoInfer<Handler<Events, Name>>,
    options?: SubscribeOptions<PayloadOf<Events, Name>>,
  ): Unsubscribe;
  on<Pattern extends OpenPattern<Events>>(
    pattern: Pattern,
    handler: NoInfer<Listener<Events, OpenMatching<Events, Pattern>>>,
    options?: NoInfer<SubscribeOptions<PayloadOf<Events, OpenMatching<Events, Pattern>>>>,
  ): Unsubscribe;
  on<Name extends EventName<Events>>(
    types: readonly Name[],
    handler: NoInfer<Listener<Events, Name>>,
    options?: SubscribeOptions<PayloadOf<Events, Name>>,
  ): Unsubscribe;
  // NoInfer: else a named handler has the compiler try every pattern there could be, for seconds.
  on<Pattern extends PatternOf<Events>>(
    pattern: Pattern,
    handler: NoInfer<Listener<Events, Matching<Events, Pattern>>>,
    options?: NoInfer<SubscribeOptions<PayloadOf<Events, Matching<Events, Pattern>>>>,
  ): Unsubscribe;
  // The last, because that is the one by which the compiler explains a mistake.
  on<Name extends EventName<Events>>(
    type: Name,
    handler: NoInfer<Handler<Events, Name>>,
    options?: SubscribeOptions<PayloadOf<Events, Name>>,
  ): Unsubscribe;

  /** {@link Subscribing.on} with `times: 1`. */
  once<Name extends EventName<Events>>(
    type: PlainName<Name>,
    handler: NoInfer<Handler<Events, Name>>,
    options?: Omit<SubscribeOptions<PayloadOf<Events, Name>>, 'times'>,
  ): Unsubscribe;
  once<Pattern extends OpenPattern<Events>>(
    pattern: Pattern,
    handler: NoInfer<Listener<Events, OpenMatching<Events, Pattern>>>,
    options?: NoInfer<Omit<SubscribeOptions<PayloadOf<Events, OpenMatching<Events, Pattern>>>, 'times'>>,
  ): Unsubscribe;
  once<Name extends EventName<Events>>(
    types: readonly Name[],
    handler: NoInfer<Listener<Events, Name>>,
    options?: Omit<SubscribeOptions<PayloadOf<Events, Name>>, 'times'>,
  ): Unsubscribe;
  once<Pattern extends PatternOf<Events>>(
    pattern: Pattern,
    handler: NoInfer<Listener<Events, Matching<Events, Pattern>>>,
    options?: NoInfer<Omit<SubscribeOptions<PayloadOf<Events, Matching<Events, Pattern>>>, 'times'>>,
  ): Unsubscribe;
  once<Name extends EventName<Events>>(
    type: Name,
    handler: NoInfer<Handler<Events, Name>>,
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
