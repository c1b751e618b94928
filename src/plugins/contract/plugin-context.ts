import type {
  EventName,
  EventOf,
  Matching,
  OpenMatching,
  OpenPattern,
  PatternOf,
  PayloadOf,
  PlainName,
} from '../../bus/events/event-map.js';
import type {
  EmissionContext,
  Emitting,
  Handler,
  Listener,
  ListenerContext,
  SubscribeOptions,
  Unsubscribe,
} from '../../bus/subscribing/handler.js';
import type { PluginLog } from './plugin-log.js';

declare const unlisted: unique symbol;

/**
 * The name of an event that a plugin doesn't know: its host may have more of them. It is any string or symbol; to
 * the compiler it is one value that nothing equals, so that `type === 'order.placed'` narrows.
 */
export type UnlistedName = typeof unlisted;

/** An event that a plugin hears without knowing it. */
export interface UnlistedEvent {
  readonly type: UnlistedName;
  readonly payload: unknown;
}

/** What a plugin that listens to everything hears: narrows by `type`, and has a rest that it doesn't know. */
export type HeardEvent<Events extends object> = EventOf<Events, EventName<Events>> | UnlistedEvent;

/** The context of a handler of a plugin that listens to a pattern: narrows by `type`, and has a rest. */
export type HeardContext<Events extends object, Name extends keyof Events> =
  | ListenerContext<Events, Name>
  | (EmissionContext<Events> & UnlistedEvent);

/** A handler of a plugin, subscribed to a pattern. The payload's type is known by `ctx.type`. */
export type PatternListener<Events extends object, Name extends keyof Events> = (
  payload: unknown,
  ctx: HeardContext<Events, Name>,
) => unknown;

/** The three verbs by which a plugin subscribes: a bus's, but that patterns may hear more events than the plugin knows. */
export interface PluginSubscribing<Events extends object> {
  /**
   * Subscribes a handler to an event, a list of events, or a pattern. While the plugin is set up, it is kept until
   * the setup has succeeded.
   *
   * @param type - The event's name; a list of names; or a pattern. A pattern also hears events of the host that the
   *   plugin doesn't know, so that its handler gets an `unknown` payload: `ctx.type` says what `ctx.payload` is.
   * @param handler - Gets the payload and the context; may be sync or async.
   * @param options - See {@link SubscribeOptions}. The host may shift `priority` and shorten `timeoutMs`.
   * @returns A function that ends this subscription.
   * @throws `AmbusError` with `CONTEXT_CLOSED`, `FORBIDDEN_EVENT`, and what `bus.on` throws.
   */
  on<Name extends EventName<Events>>(
    type: PlainName<Name>,
    handler: NoInfer<Handler<Events, Name>>,
    options?: SubscribeOptions<PayloadOf<Events, Name>>,
  ): Unsubscribe;
  on<Pattern extends OpenPattern<Events>>(
    pattern: Pattern,
    handler: NoInfer<PatternListener<Events, OpenMatching<Events, Pattern>>>,
    options?: SubscribeOptions,
  ): Unsubscribe;
  on<Name extends EventName<Events>>(
    types: readonly Name[],
    handler: NoInfer<Listener<Events, Name>>,
    options?: SubscribeOptions<PayloadOf<Events, Name>>,
  ): Unsubscribe;
  on<Pattern extends PatternOf<Events>>(
    pattern: Pattern,
    handler: NoInfer<PatternListener<Events, Matching<Events, Pattern>>>,
    options?: SubscribeOptions,
  ): Unsubscribe;
  on<Name extends EventName<Events>>(
    type: Name,
    handler: NoInfer<Handler<Events, Name>>,
    options?: SubscribeOptions<PayloadOf<Events, Name>>,
  ): Unsubscribe;

  /** {@link PluginSubscribing.on} with `times: 1`. */
  once<Name extends EventName<Events>>(
    type: PlainName<Name>,
    handler: NoInfer<Handler<Events, Name>>,
    options?: Omit<SubscribeOptions<PayloadOf<Events, Name>>, 'times'>,
  ): Unsubscribe;
  once<Pattern extends OpenPattern<Events>>(
    pattern: Pattern,
    handler: NoInfer<PatternListener<Events, OpenMatching<Events, Pattern>>>,
    options?: Omit<SubscribeOptions, 'times'>,
  ): Unsubscribe;
  once<Name extends EventName<Events>>(
    types: readonly Name[],
    handler: NoInfer<Listener<Events, Name>>,
    options?: Omit<SubscribeOptions<PayloadOf<Events, Name>>, 'times'>,
  ): Unsubscribe;
  once<Pattern extends PatternOf<Events>>(
    pattern: Pattern,
    handler: NoInfer<PatternListener<Events, Matching<Events, Pattern>>>,
    options?: Omit<SubscribeOptions, 'times'>,
  ): Unsubscribe;
  once<Name extends EventName<Events>>(
    type: Name,
    handler: NoInfer<Handler<Events, Name>>,
    options?: Omit<SubscribeOptions<PayloadOf<Events, Name>>, 'times'>,
  ): Unsubscribe;

  /**
   * Subscribes a handler to every event of the host, those included that the plugin doesn't know.
   *
   * @param handler - Gets `{ type, payload }`, which narrows by `type`; the rest has an `unknown` payload.
   * @param options - See {@link SubscribeOptions}; a `filter` gets `{ type, payload }` too.
   * @returns A function that ends this subscription.
   * @throws As {@link PluginSubscribing.on}.
   */
  onAny(
    handler: (event: HeardEvent<Events>, ctx: EmissionContext<Events>) => unknown,
    options?: SubscribeOptions<HeardEvent<Events>>,
  ): Unsubscribe;
}

/** What another plugin is asked for by: the plugin itself, as far as that matters. */
export interface PluginReference<Api = unknown> {
  readonly name: string;
  readonly '~types'?: { readonly api: Api } | undefined;
}

/** Something that can be disposed of: a function that does it, or what works with `using`. */
export type Owned = (() => unknown) | Disposable | AsyncDisposable;

/**
 * All that a plugin gets of its host. It is the plugin's own, and closed when the plugin has been torn down: what is
 * used then throws `CONTEXT_CLOSED`.
 *
 * @typeParam Events - The events that the plugin knows.
 * @typeParam Options - Its options, validated.
 * @typeParam State - Its private state.
 * @typeParam Services - The services that it asks for.
 */
export interface PluginContext<
  Events extends object = Record<string, unknown>,
  Options = unknown,
  State = Record<string, unknown>,
  Services extends object = object,
> extends PluginSubscribing<Events>,
    Emitting<Events> {
  /** The name that the host knows it by. */
  readonly name: string;
  readonly version: string;
  /** What `setup` gets too: the options that the host was given for it, validated. */
  readonly options: Options;
  /** Private to this instance: made anew each time that the plugin is set up. */
  readonly state: State;
  /** The services that the plugin asks for, and no others. */
  readonly services: Services;
  /**
   * In `setup`, `ready` and handlers: aborts when the plugin has no more to do, or its start is given up. In
   * `teardown`: when its time is up.
   */
  readonly signal: AbortSignal;
  /** Writes to the host's log under the plugin's name. */
  readonly log: PluginLog;

  /**
   * Has the host dispose of a resource when the plugin is torn down, or its setup fails: last in, first out, after
   * `teardown`, each awaited.
   *
   * @param resource - A function, anything with `Symbol.dispose` or `Symbol.asyncDispose`, or anything else together
   *   with `release`.
   * @param release - Disposes of it.
   * @returns The resource.
   * @throws `AmbusError` `CONTEXT_CLOSED` where the plugin has been torn down: the resource is disposed of at once.
   *   `INVALID_ARGUMENT` where it can't be disposed of.
   */
  own<Resource extends Owned>(resource: Resource): Resource;
  own<Resource>(resource: Resource, release: (resource: Resource) => unknown): Resource;

  /**
   * What another plugin's `setup` has returned.
   *
   * @param plugin - The plugin, or the name that it is used under; it stands in this one's `requires`.
   * @throws `AmbusError` `UNDECLARED_DEPENDENCY` where it isn't in `requires` (or, where it is there, `optional`);
   *   `MISSING_PLUGIN` where it isn't active; `CONTEXT_CLOSED`.
   */
  api<Api>(plugin: PluginReference<Api>): Api;
  api(plugin: string): unknown;

  /**
   * The same of a plugin that may not be there.
   *
   * @param plugin - The plugin, or its name; it stands in this one's `optional` or `requires`.
   * @returns Undefined where it isn't active.
   * @throws `AmbusError` `UNDECLARED_DEPENDENCY`, `CONTEXT_CLOSED`.
   */
  optionalApi<Api>(plugin: PluginReference<Api>): Api | undefined;
  optionalApi(plugin: string): unknown;
}
