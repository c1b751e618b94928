import { AmbusError, EmitError } from '../errors.js';
import type { Clock } from '../internal/clock.js';
import { chain, thenOf } from '../internal/thenable.js';
import { reportUncaught } from '../internal/uncaught.js';
import {
  type AncestryStore,
  callingContext,
  orphans,
  scope,
  traceAcrossAwaits,
  unwinds,
} from './dispatching/ancestry.js';
import { Channel } from './dispatching/channel.js';
import { type ChannelTable, makeChannelTable } from './dispatching/channel-table.js';
import { Context, SETTLED, TRACKED } from './dispatching/context.js';
import { ignoresContext } from './dispatching/context-free.js';
import { conclude, leave, leaveThrown, runContextFree, runWithin } from './dispatching/dispatch.js';
import { Emission, type EmissionSettings } from './dispatching/emission.js';
import { type AnyEmitResult, makeResult } from './dispatching/emit-result.js';
import { describe } from './dispatching/handler-failure.js';
import { KINDS } from './dispatching/kind.js';
import type { Plan, PlannedHandler } from './dispatching/plan.js';
import { warnOfDeprecation } from './events/deprecation.js';
import { assertDeclarations, type Declaration } from './events/event-declaration.js';
import { assertEmittable, undeclaredEvent, undeclaredPattern } from './events/event-name.js';
import type { Pattern } from './events/pattern.js';
import { Interception, type RegisteredInterceptor } from './intercepting/interception.js';
import { Lifetime } from './lifetime.js';
import type { Subscribed, UnsubscribeReason } from './observing/observer.js';
import { ObserverHub } from './observing/observer-hub.js';
import type { EmitOptions } from './options.js';
import { type BusSettings, resolveEmitOptions } from './settings.js';
import type { BusEventStream } from './subscribing/event-stream.js';
import type { GroupState } from './subscribing/group.js';
import { leakFact } from './subscribing/leak-warning.js';
import type { Listening } from './subscribing/listening.js';
import { LIVE, REMOVED, RETIRED, type Subscription, SubscriptionList, USED } from './subscribing/subscription.js';

/** How many events without handlers are remembered before they are cleared away. */
const IDLE_CHANNELS = 1_024;

/**
 * The inside of a bus: who listens, and what follows when that changes. `EventBus` is its public
 * face; emissions, groups and contexts work on this.
 */
export class BusCore {
  readonly name: string;
  readonly settings: BusSettings;
  readonly clock: Clock;
  readonly lateMs: number;
  readonly maxHandlers: number;
  readonly channels: Map<PropertyKey, Channel> = new Map();
  /** The same, for the hot path. */
  table: ChannelTable = makeChannelTable([]);
  /** Subscriptions to patterns, lists and everything. */
  readonly listeners: SubscriptionList = new SubscriptionList();
  /** Outermost first. */
  interceptors: readonly RegisteredInterceptor[] = [];
  /** Streams that are open. */
  readonly streams: Set<BusEventStream> = new Set();
  readonly groups: Set<GroupState> = new Set();
  readonly observers: ObserverHub = new ObserverHub();
  readonly lifetime: Lifetime;
  /** What has to be let go of when the bus has closed. */
  readonly atEnd: Set<() => void> = new Set();
  /** Channels that have a plan. */
  readonly planned: Set<Channel> = new Set();
  /** Goes up with every change that an emission under way has to look at. */
  epoch = 0;
  /** After how many runs a plan is compiled; -1 for never. */
  readonly compileAfter: number;
  /** What observers ask for. */
  facts: { emissions: boolean; handlers: boolean; durations: boolean; late: boolean } = {
    emissions: false,
    handlers: false,
    durations: false,
    late: false,
  };
  readonly counts = {
    dropped: 0,
    intercepted: 0,
    streamDropped: 0,
    failures: 0,
    timeouts: 0,
    overran: 0,
    lateSettled: 0,
    abandoned: 0,
  };
  /** Emissions of channels that have been cleared away. */
  forgottenEmissions = 0;
  readonly #declarations = new Map<PropertyKey, Declaration>();
  #traces = false;
  #listenerLeakSuspected = false;
  #nextOrder = 0;
  #nextId = 0;
  #idPrefix = '';
  #clearAt = IDLE_CHANNELS;

  constructor(settings: BusSettings) {
    this.settings = settings;
    this.name = settings.name;
    this.clock = settings.clock;
    this.lateMs = settings.lateMs;
    this.maxHandlers = settings.maxHandlers;
    this.compileAfter = settings.compiler?.after ?? -1;
    this.lifetime = new Lifetime(this);
    if (settings.asyncContext === 'always') this.trace();
    const { events } = settings;
    if (events === undefined) return;
    assertDeclarations('EventBus', events);
    for (const type of Reflect.ownKeys(events)) this.#declarations.set(type, events[type] as unknown as Declaration);
    for (const type of this.#declarations.keys()) this.channel(type);
  }

  declarationOf(type: PropertyKey): Declaration | undefined {
    return this.#declarations.get(type);
  }

  /** The events that have been declared. */
  get declaredEvents(): Iterable<PropertyKey> {
    return this.#declarations.keys();
  }

  /** Declares an event from now on, or again. */
  declare(type: PropertyKey, declaration: Declaration): void {
    this.#declarations.set(type, declaration);
    this.channel(type).declare(declaration);
  }

  /** Takes a declaration back. Who has subscribed stays, and hears the event when it is declared again. */
  undeclare(type: PropertyKey): void {
    this.#declarations.delete(type);
    this.channels.get(type)?.declare(undefined);
  }

  /** @throws `AmbusError` `UNDECLARED_EVENT` where the bus knows its events, and this is none of them. */
  assertDeclared(type: PropertyKey): void {
    if (this.#isDeclared(type)) return;
    throw undeclaredEvent(this.name, type, this.#declarations.keys());
  }

  /** @throws `AmbusError` `UNDECLARED_EVENT` where the bus knows its events, and the pattern matches none of them. */
  assertMatchesDeclared(pattern: Pattern): void {
    const declared = this.#declarations;
    if (this.settings.undeclared === 'allow') return;
    for (const type of declared.keys()) if (typeof type === 'string' && pattern.matches(type)) return;
    throw undeclaredPattern(this.name, pattern.source);
  }

  /** @throws What an emission with this name and these options is refused with where they are wrong. */
  assertEmits(type: PropertyKey, options: EmitOptions | undefined): void {
    const channel = this.channels.get(type);
    if (channel === undefined) assertEmittable(type);
    this.assertDeclared(type);
    if (options !== undefined) {
      resolveEmitOptions(options, channel?.eventKind ?? 'broadcast', channel?.settings ?? this.settings);
    }
  }

  // Emitting

  emit(
    type: PropertyKey,
    payload: unknown,
    options: EmitOptions | undefined,
    parent?: Context,
  ): Promise<AnyEmitResult> {
    try {
      const outcome = this.dispatch(type, payload, options, parent, 0);
      return outcome instanceof Promise ? outcome : Promise.resolve(outcome);
    } catch (error) {
      if (unwinds(error)) throw error;
      return Promise.reject(error);
    }
  }

  post(type: PropertyKey, payload: unknown, options: EmitOptions | undefined, parent?: Context): void {
    try {
      const outcome = this.dispatch(type, payload, options, parent, 0);
      if (outcome instanceof Promise) {
        outcome.then(undefined, (error: unknown) => {
          this.reportRejection(type, error, options);
        });
      }
    } catch (error) {
      if (unwinds(error)) throw error;
      this.reportRejection(type, error, options);
    }
  }

  /** @throws What the emission rejects with, while it is synchronous. */
  dispatch(
    type: PropertyKey,
    payload: unknown,
    options: EmitOptions | undefined,
    from: Context | undefined,
    flags: number,
  ): AnyEmitResult | Promise<AnyEmitResult> {
    const parent = from ?? callingContext();
    // The hot path's parent is one whose handler is running, and so has not ended.
    if (parent !== null && parent !== scope.current) parent.trim();
    const plan = this.#planFor(type, payload);
    if (options === undefined && plan.fast && (parent === null || (parent.flags & TRACKED) === 0)) {
      return parent === scope.current
        ? plan.run(plan, payload, flags, parent)
        : runWithin(parent, plan, payload, flags);
    }
    let { settings } = plan;
    const ctx = new Context(plan, payload, parent, flags);
    try {
      if (!this.lifetime.admits(parent)) throw this.closedError(`emissions ("${String(type)}")`);
      if (options !== undefined) {
        settings = resolveEmitOptions(options, plan.kind, settings);
        // Not throwIfAborted, which a signal of another realm or a polyfill may not have.
        if (options.signal?.aborted === true) throw options.signal.reason;
        if (options.meta !== undefined) ctx.more().meta = Object.freeze({ ...parent?.meta, ...options.meta });
      }
    } catch (error) {
      throw this.drop(type, payload, error);
    }
    const core = coreOf(plan, options);
    if (plan.gated) {
      const interception = new Interception(plan, ctx, settings, options?.signal, core);
      return this.#startsTracking(ctx, plan) ? runTracked(ctx, () => interception.begin()) : interception.begin();
    }
    const emission = new Emission(plan, ctx, settings, this.epoch, 0);
    emission.core = core;
    return this.beginTracked(emission, options?.signal);
  }

  /** Begins an emission, so that plain calls after an `await` are traced to it where that is wanted. */
  beginTracked(emission: Emission, signal: AbortSignal | undefined): AnyEmitResult | Promise<AnyEmitResult> {
    const { ctx, plan } = emission;
    return this.#startsTracking(ctx, plan) ? runTracked(ctx, () => emission.begin(signal)) : emission.begin(signal);
  }

  /** Whether some emission of this bus has been traced across its awaits. */
  get traces(): boolean {
    return this.#traces;
  }

  /** Has plain calls traced across awaits from now on, unless that isn't wanted, or not possible. */
  trace(): boolean {
    if (!this.#traces && this.settings.asyncContext !== 'never') this.#traces = traceAcrossAwaits();
    return this.#traces;
  }

  /** Whether plain calls after an `await` are to be traced to an emission, and are not yet. */
  #startsTracking({ extras, flags, parent }: Context, plan: Plan): boolean {
    const { asyncContext } = this.settings;
    if (asyncContext === 'never' || (flags & TRACKED) !== 0) return false;
    const wanted =
      asyncContext === 'always' ||
      plan.limited ||
      extras?.meta !== undefined ||
      (parent !== null && (parent.flags & TRACKED) !== 0);
    return wanted && this.trace();
  }

  /** Counts and tells an emission that is refused, by the bus itself or by a queue. */
  drop(type: PropertyKey, payload: unknown, error: unknown, queue?: string, emissionId?: string): unknown {
    this.counts.dropped++;
    if (this.observers.hears('dropped')) this.observers.tell('dropped', { type, payload, error, queue, emissionId });
    return error;
  }

  /** @param what - What it is asked for, in the plural. */
  closedError(what: string): AmbusError {
    return new AmbusError('BUS_CLOSED', `The bus "${this.name}" has been closed and takes no more ${what}.`, {
      details: { bus: this.name },
    });
  }

  // Reporting

  /** Hands over a failure that no promise rejects with. What the callback throws is the application's own affair. */
  report(failure: AmbusError): void {
    try {
      this.settings.onFailure(failure);
    } catch (error) {
      reportUncaught(error);
    }
  }

  /** Reports, one by one, what a `post` would have rejected with. */
  reportRejection(type: PropertyKey, reason: unknown, options: EmitOptions | undefined): void {
    if (reason instanceof EmitError) for (const error of reason.errors) this.report(error);
    else if (reason instanceof AmbusError) this.report(reason);
    else {
      const aborted = options?.signal?.aborted === true && Object.is(reason, options.signal.reason);
      const message = `The emission of "${String(type)}" was ${aborted ? 'aborted' : `refused: ${describe(reason)}`}`;
      const details = { type };
      this.report(new AmbusError(aborted ? 'ABORTED' : 'REFUSED', `${message}.`, { cause: reason, details }));
    }
  }

  /** Warns, once an event, that more handlers listen to it than expected. */
  suspectLeak(channel: Channel, handlers: number): void {
    if (channel.leakSuspected || this.maxHandlers === 0 || handlers <= this.maxHandlers) return;
    // Many plugins are no leak: each of them has its host to end what it subscribes.
    const owned = Array.from(this.subscriptionsTo(channel)).filter(
      ({ group }) => group !== null && group.warned !== null,
    );
    if (handlers - owned.length <= this.maxHandlers) return;
    channel.leakSuspected = true;
    if (channel.subscriptions.size <= this.maxHandlers && this.listeners.size > this.maxHandlers) {
      // They are too many for every event there is: to say so once is enough.
      if (this.#listenerLeakSuspected) return;
      this.#listenerLeakSuspected = true;
    }
    const fact = leakFact(channel.type, this.maxHandlers, this.subscriptionsTo(channel));
    if (this.observers.hears('leakSuspected')) this.observers.tell('leakSuspected', fact);
    else console.warn(fact.message);
  }

  // Subscriptions

  channel(type: PropertyKey): Channel {
    let channel = this.channels.get(type);
    if (channel === undefined) {
      if (this.channels.size >= this.#clearAt) this.#clearIdleChannels();
      channel = new Channel(this, type);
      this.channels.set(type, channel);
      this.table[type as string] = channel;
    }
    return channel;
  }

  nextOrder(): number {
    return this.#nextOrder++;
  }

  nextId(): string {
    if (this.#idPrefix === '') this.#idPrefix = Math.random().toString(36).slice(2, 10).padEnd(8, '0');
    return `${this.#idPrefix}-${(++this.#nextId).toString(36)}`;
  }

  add(subscription: Subscription): void {
    const { target, group } = subscription;
    if (group !== null && group.staged !== null) {
      group.staged.add(subscription);
      return;
    }
    const channel = target.home;
    if (channel !== null) {
      channel.subscriptions.add(subscription);
      channel.dropPlan();
      if (channel.subscriptions.size > this.maxHandlers && (group === null || group.warned === null)) {
        this.suspectLeak(channel, channel.subscriptions.size);
      }
      warnOfDeprecation(channel, subscription);
    } else {
      this.listeners.add(subscription);
      this.#listenersChanged(target as Listening);
      if (target.kind === 'list') {
        for (const type of target.label as readonly PropertyKey[]) {
          const listed = this.channels.get(type);
          if (listed !== undefined) warnOfDeprecation(listed, subscription);
        }
      }
    }
    this.epoch++;
    group?.members.add(subscription);
    if (this.observers.hears('subscribed')) this.observers.tell('subscribed', subscribedFact(subscription));
  }

  /** Ends a subscription, once. */
  end(subscription: Subscription, reason: UnsubscribeReason): void {
    const { extras, group, state, target } = subscription;
    const before = state;
    if (before === REMOVED) return;
    const retired = reason === 'retired' || reason === 'closed';
    if (before === LIVE || !retired) subscription.state = reason === 'used' ? USED : retired ? RETIRED : REMOVED;
    this.epoch++;
    if (subscription.state === REMOVED && extras?.limiter !== undefined) {
      for (const run of extras.limiter.waiting) run.reconsider();
    }
    if (before !== LIVE) return;
    if (group?.staged?.delete(subscription) === true) {
      extras?.release?.(reason);
      return;
    }
    const channel = target.home;
    if (channel !== null) {
      channel.subscriptions.remove(subscription);
      channel.dropPlan();
    } else {
      this.listeners.remove(subscription);
      this.#listenersChanged(target as Listening);
    }
    extras?.release?.(reason);
    // A retired one stays a member: its group may still be removed.
    if (!retired) group?.members.delete(subscription);
    if (this.observers.hears('unsubscribed')) {
      this.observers.tell('unsubscribed', { ...subscribedFact(subscription), reason });
    }
  }

  /** Ends every subscription, at the end of the bus. */
  endAll(): void {
    for (const channel of this.channels.values()) {
      for (const subscription of channel.subscriptions) this.end(subscription, 'closed');
    }
    for (const subscription of this.listeners) this.end(subscription, 'closed');
    for (const release of this.atEnd) release();
    this.atEnd.clear();
    this.changedEverywhere();
  }

  /** The live subscriptions that hear a channel, in no order. */
  *subscriptionsTo(channel: Channel): Generator<Subscription> {
    yield* channel.subscriptions;
    for (const listener of this.listeners) if (listener.target.matches(channel.type)) yield listener;
  }

  // Plans

  allowsFastPlans({ timeoutMs }: EmissionSettings): boolean {
    const { emissions, handlers } = this.facts;
    return (
      this.lifetime.state === 'open' &&
      !emissions &&
      !handlers &&
      timeoutMs === Infinity &&
      this.settings.asyncContext !== 'always'
    );
  }

  /** Drops every plan: something has changed that all of them depend on. */
  changedEverywhere(): void {
    this.epoch++;
    for (const channel of this.planned) channel.dropPlan();
  }

  /** Puts an interceptor in its place. */
  addInterceptor(interceptor: RegisteredInterceptor): void {
    const after = this.interceptors.findIndex(({ priority }) => priority < interceptor.priority);
    this.interceptors = this.interceptors.toSpliced(after === -1 ? this.interceptors.length : after, 0, interceptor);
    this.changedEverywhere();
  }

  removeInterceptor(interceptor: RegisteredInterceptor): void {
    this.interceptors = this.interceptors.filter((each) => each !== interceptor);
    this.changedEverywhere();
  }

  observersChanged(): void {
    const { observers } = this;
    const durations = observers.hears('emissionSettled') || observers.hears('handlerSettled');
    this.facts = {
      emissions: observers.hears('emissionStarted') || observers.hears('emissionSettled'),
      handlers:
        observers.hears('handlerStarted') || observers.hears('handlerSettled') || observers.hears('handlerSkipped'),
      durations,
      late: observers.hears('lateSettled'),
    };
    this.changedEverywhere();
  }

  /** Makes a plan that is run often faster, as far as that goes. */
  improve(plan: Plan): void {
    const { compileAfter } = this;
    plan.contextFree = plan.subscriptions.every(
      ({ handler, target }) => target.kind !== 'any' && ignoresContext(handler),
    );
    if (plan.contextFree && plan.kind === 'broadcast') plan.run = runContextFree;
    plan.lookAgainAfter = -1;
    if (compileAfter !== -1) this.#compile(plan);
  }

  #compile(plan: Plan): void {
    const compiled = this.settings.compiler?.compile({
      plan,
      scope,
      Context,
      settled: SETTLED,
      orphans,
      thenOf,
      leave,
      leaveThrown,
      makeAnswers: () => KINDS[plan.kind].answers(),
      conclude,
      makeResult,
    });
    if (compiled === undefined) return;
    plan.run = compiled;
    plan.compiled = true;
  }

  #planFor(type: PropertyKey, payload: unknown): Plan {
    const channel = this.channels.get(type);
    // One without a plan may have been declared once, and not be any more.
    if (channel !== undefined && (channel.plan !== null || this.#isDeclared(type))) return channel.currentPlan();
    try {
      if (this.lifetime.state === 'closed') throw this.closedError(`emissions ("${String(type)}")`);
      assertEmittable(type);
      this.assertDeclared(type);
    } catch (error) {
      throw this.drop(type, payload, error);
    }
    return this.channel(type).currentPlan();
  }

  #isDeclared(type: PropertyKey): boolean {
    return this.settings.undeclared === 'allow' || this.#declarations.has(type);
  }

  #listenersChanged(target: Listening): void {
    if (target.kind !== 'list') {
      for (const channel of this.planned) channel.dropPlan();
      return;
    }
    for (const type of target.label as readonly PropertyKey[]) this.channels.get(type)?.dropPlan();
  }

  /** Events that were only ever emitted, under names made up as they went, must not pile up. */
  #clearIdleChannels(): void {
    this.changedEverywhere();
    for (const [type, channel] of this.channels) {
      if (channel.subscriptions.size > 0 || channel.declaration !== undefined) continue;
      this.forgottenEmissions += channel.emissions;
      this.channels.delete(type);
    }
    // Made anew: an object that properties are deleted from becomes a slow dictionary.
    this.table = makeChannelTable(this.channels.values());
    this.#clearAt = Math.max(IDLE_CHANNELS, 2 * this.channels.size);
  }
}

/** What an around is around: the caller's function, its answer validated where that is declared. */
function coreOf({ channel }: Plan, options: EmitOptions | undefined): PlannedHandler | undefined {
  const core = (options as { readonly core?: PlannedHandler } | undefined)?.core;
  const { checkAnswer } = channel;
  if (core === undefined || checkAnswer === undefined) return core;
  return (payload, ctx) => chain(core(payload, ctx), (answer) => checkAnswer(answer, ctx.sync));
}

function runTracked<Outcome>(ctx: Context, call: () => Outcome): Outcome {
  ctx.flags |= TRACKED;
  return (scope.store as AncestryStore).run(ctx, call);
}

function subscribedFact(subscription: Subscription): Subscribed {
  const { group, name, priority, target } = subscription;
  return { kind: target.kind, target: target.label, handler: name, group: group?.name, priority };
}
