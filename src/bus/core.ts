import { AmbusError, EmitError } from '../errors.js';
import type { Clock } from '../internal/clock.js';
import { thenOf } from '../internal/thenable.js';
import { reportUncaught } from '../internal/uncaught.js';
import { type AncestryStore, callingContext, orphans, scope, traceAcrossAwaits, unwinds } from './ancestry.js';
import { Channel, type Listening } from './channel.js';
import { type ChannelTable, makeChannelTable } from './channel-table.js';
import { Context, SETTLED, TRACKED } from './context.js';
import { ignoresContext } from './context-free.js';
import { leave, leaveThrown, runContextFree, runWithin } from './dispatch.js';
import { Emission, type EmissionSettings } from './emission.js';
import type { EmitResult } from './emit-result.js';
import { assertEmittable } from './event-name.js';
import type { GroupState } from './group.js';
import { leakFact } from './leak-warning.js';
import { Lifetime } from './lifetime.js';
import type { Subscribed, UnsubscribeReason } from './observer.js';
import { ObserverHub } from './observer-hub.js';
import type { EmitOptions, FailurePolicy, FanOutMode } from './options.js';
import type { Plan } from './plan.js';
import { type BusSettings, resolveEmitOptions } from './settings.js';
import { LIVE, REMOVED, RETIRED, type Subscription, SubscriptionList, USED } from './subscription.js';

/** How many events without handlers are remembered before they are cleared away. */
const IDLE_CHANNELS = 1_024;

/**
 * The inside of a bus: who listens, and what follows when that changes. `EventBus` is its public
 * face; emissions, groups and contexts work on this.
 */
export class BusCore implements EmissionSettings {
  readonly name: string;
  readonly mode: FanOutMode;
  readonly concurrency: number;
  readonly failurePolicy: FailurePolicy;
  readonly timeoutMs: number;
  readonly mostMs: number;
  readonly settings: BusSettings;
  readonly clock: Clock;
  readonly lateMs: number;
  readonly maxHandlers: number;
  readonly channels: Map<PropertyKey, Channel> = new Map();
  /** The same, for the hot path. */
  table: ChannelTable = makeChannelTable([]);
  /** Subscriptions to patterns, lists and everything. */
  readonly listeners: SubscriptionList = new SubscriptionList();
  readonly groups: Set<GroupState> = new Set();
  readonly observers: ObserverHub = new ObserverHub();
  readonly lifetime: Lifetime;
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
  readonly counts = { dropped: 0, failures: 0, timeouts: 0, overran: 0, lateSettled: 0, abandoned: 0 };
  /** Emissions of channels that have been cleared away. */
  forgottenEmissions = 0;
  #traces = false;
  #listenerLeakSuspected = false;
  #nextOrder = 0;
  #nextId = 0;
  #idPrefix = '';
  #clearAt = IDLE_CHANNELS;

  constructor(settings: BusSettings) {
    this.settings = settings;
    this.name = settings.name;
    this.mode = settings.mode;
    this.concurrency = settings.concurrency;
    this.failurePolicy = settings.failurePolicy;
    this.timeoutMs = settings.timeoutMs;
    this.mostMs = settings.mostMs;
    this.clock = settings.clock;
    this.lateMs = settings.lateMs;
    this.maxHandlers = settings.maxHandlers;
    this.compileAfter = settings.compiler?.after ?? -1;
    this.lifetime = new Lifetime(this);
    this.#traces = settings.asyncContext === 'always' && traceAcrossAwaits();
  }

  // Emitting

  emit(type: PropertyKey, payload: unknown, options: EmitOptions | undefined, parent?: Context): Promise<EmitResult> {
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
          this.reportRejection(type, error);
        });
      }
    } catch (error) {
      if (unwinds(error)) throw error;
      this.reportRejection(type, error);
    }
  }

  /** @throws What the emission rejects with, while it is synchronous. */
  dispatch(
    type: PropertyKey,
    payload: unknown,
    options: EmitOptions | undefined,
    from: Context | undefined,
    flags: number,
  ): EmitResult | Promise<EmitResult> {
    const parent = from ?? callingContext();
    // The hot path's parent is one whose handler is running, and so has not ended.
    if (parent !== null && parent !== scope.current) parent.trim();
    const plan = this.#planFor(type, payload);
    if (options === undefined && plan.fast && (parent === null || (parent.flags & TRACKED) === 0)) {
      return parent === scope.current
        ? plan.run(plan, payload, flags, parent)
        : runWithin(parent, plan, payload, flags);
    }
    let settings: EmissionSettings = this;
    const ctx = new Context(plan, payload, parent, flags);
    try {
      if (!this.lifetime.admits(parent)) throw this.closedError(`emissions ("${String(type)}")`);
      if (options !== undefined) {
        settings = resolveEmitOptions(options, this);
        // Not throwIfAborted, which a signal of another realm or a polyfill may not have.
        if (options.signal?.aborted === true) throw options.signal.reason;
        if (options.meta !== undefined) ctx.more().meta = Object.freeze({ ...parent?.meta, ...options.meta });
      }
    } catch (error) {
      throw this.drop(type, payload, error);
    }
    const emission = new Emission(plan, ctx, settings, this.epoch, 0);
    if (!this.#tracks(plan, options, parent)) return emission.begin(options?.signal);
    ctx.flags |= TRACKED;
    return (scope.store as AncestryStore).run(ctx, () => emission.begin(options?.signal));
  }

  /** Whether some emission of this bus has been traced across its awaits. */
  get traces(): boolean {
    return this.#traces;
  }

  /** Whether plain calls after an `await` are traced to an emission. */
  #tracks(plan: Plan, options: EmitOptions | undefined, parent: Context | null): boolean {
    const { asyncContext } = this.settings;
    if (asyncContext === 'never') return false;
    const wanted =
      asyncContext === 'always' ||
      plan.limited ||
      options?.meta !== undefined ||
      (parent !== null && (parent.flags & TRACKED) !== 0);
    if (wanted && !this.#traces) this.#traces = traceAcrossAwaits();
    return wanted && this.#traces;
  }

  /** Counts and tells an emission that is refused. */
  drop(type: PropertyKey, payload: unknown, error: unknown): unknown {
    this.counts.dropped++;
    if (this.observers.hears('dropped')) this.observers.tell('dropped', { type, payload, error });
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
  reportRejection(type: PropertyKey, reason: unknown): void {
    if (reason instanceof EmitError) for (const error of reason.errors) this.report(error);
    else if (reason instanceof AmbusError) this.report(reason);
    else {
      const message = `The emission of "${String(type)}" was aborted.`;
      this.report(new AmbusError('ABORTED', message, { cause: reason, details: { type } }));
    }
  }

  /** Warns, once an event, that more handlers listen to it than expected. */
  suspectLeak(channel: Channel, handlers: number): void {
    if (channel.leakSuspected || this.maxHandlers === 0 || handlers <= this.maxHandlers) return;
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
    if (target.kind === 'exact') {
      const channel = target as Channel;
      channel.subscriptions.add(subscription);
      channel.dropPlan();
      if (channel.subscriptions.size > this.maxHandlers) this.suspectLeak(channel, channel.subscriptions.size);
    } else {
      this.listeners.add(subscription);
      this.#listenersChanged(target as Listening);
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
    if (target.kind === 'exact') {
      const channel = target as Channel;
      channel.subscriptions.remove(subscription);
      channel.dropPlan();
    } else {
      this.listeners.remove(subscription);
      this.#listenersChanged(target as Listening);
    }
    extras?.release?.();
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
    this.changedEverywhere();
  }

  /** The live subscriptions that hear a channel, in no order. */
  *subscriptionsTo(channel: Channel): Generator<Subscription> {
    yield* channel.subscriptions;
    for (const listener of this.listeners) if (listener.target.matches(channel.type)) yield listener;
  }

  // Plans

  allowsFastPlans(): boolean {
    const { emissions, handlers } = this.facts;
    return (
      this.lifetime.state === 'open' &&
      !emissions &&
      !handlers &&
      this.timeoutMs === Infinity &&
      this.settings.asyncContext !== 'always'
    );
  }

  /** Drops every plan: something has changed that all of them depend on. */
  changedEverywhere(): void {
    this.epoch++;
    for (const channel of this.planned) channel.dropPlan();
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
    if (plan.contextFree) plan.run = runContextFree;
    plan.lookAgainAfter = -1;
    if (compileAfter !== -1 && plan.runs >= compileAfter) this.#compile(plan);
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
    });
    if (compiled === undefined) return;
    plan.run = compiled;
    plan.compiled = true;
  }

  #planFor(type: PropertyKey, payload: unknown): Plan {
    const channel = this.channels.get(type);
    if (channel !== undefined) return channel.currentPlan();
    try {
      assertEmittable(type);
    } catch (error) {
      throw this.drop(type, payload, error);
    }
    return this.channel(type).currentPlan();
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
      if (channel.subscriptions.size > 0) continue;
      this.forgottenEmissions += channel.emissions;
      this.channels.delete(type);
    }
    // Made anew: an object that properties are deleted from becomes a slow dictionary.
    this.table = makeChannelTable(this.channels.values());
    this.#clearAt = Math.max(IDLE_CHANNELS, 2 * this.channels.size);
  }
}

function subscribedFact(subscription: Subscription): Subscribed {
  const { group, name, priority, target } = subscription;
  return { kind: target.kind, target: target.label, handler: name, group: group?.name, priority };
}
