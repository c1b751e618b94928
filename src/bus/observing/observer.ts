import type { HandlerError } from '../../errors.js';
import type { FanOutMode } from '../options.js';

/** How a subscription finds its events. */
export type SubscriptionKind = 'exact' | 'list' | 'pattern' | 'any';

/** Why a handler was not called at its turn. */
export type SkipReason = 'filter' | 'paused' | 'removed' | 'stopped' | 'aborted' | 'answered';

/** Why a subscription ended. */
export type UnsubscribeReason = 'off' | 'used' | 'aborted' | 'removed' | 'retired' | 'closed';

/** An emission starts. */
export interface EmissionStarted {
  readonly type: PropertyKey;
  readonly emissionId: string;
  /** The emission that this one comes from, where that is known. */
  readonly parentId: string | undefined;
  readonly payload: unknown;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly mode: FanOutMode;
  /** True under `emitSync`. */
  readonly sync: boolean;
  /** How many handlers are in its order. */
  readonly handlers: number;
}

/** An emission has ended. */
export interface EmissionSettled {
  readonly type: PropertyKey;
  readonly emissionId: string;
  /** `ok`; `failed`: it has failures; `aborted`: by its signal. */
  readonly outcome: 'ok' | 'failed' | 'aborted';
  /** Whether its promise rejected, or `emitSync` threw. */
  readonly rejected: boolean;
  readonly called: number;
  readonly skipped: number;
  readonly stopped: boolean;
  readonly failures: readonly HandlerError[];
  readonly durationMs: number;
}

/** A handler is called. */
export interface HandlerStarted {
  readonly type: PropertyKey;
  readonly emissionId: string;
  readonly handler: string;
  readonly group: string | undefined;
  /** How long it waited for a slot of its own `concurrency`, in milliseconds. */
  readonly waitedMs: number;
}

/** A handler has settled, or its time was up. */
export interface HandlerSettled {
  readonly type: PropertyKey;
  readonly emissionId: string;
  readonly handler: string;
  readonly group: string | undefined;
  /** `timeout` also for a handler of an `around` that was given up because the time of one further out was up. */
  readonly outcome: 'ok' | 'failed' | 'timeout';
  /** Undefined also where it was given up. */
  readonly failure: HandlerError | undefined;
  /** True where it returned a promise. */
  readonly async: boolean;
  /** From its start to its end, in milliseconds. */
  readonly durationMs: number;
  /** Its synchronous part, for which it held the thread, in milliseconds. */
  readonly syncMs: number;
  /** True where the synchronous part alone took longer than its time limit. */
  readonly overran: boolean;
}

/** A handler's turn came and it was not called. */
export interface HandlerSkipped {
  readonly type: PropertyKey;
  readonly emissionId: string;
  readonly handler: string;
  readonly group: string | undefined;
  readonly reason: SkipReason;
}

/** Work that went on after its time limit, or after `emitSync`, has ended or was given up. */
export interface LateSettled {
  readonly type: PropertyKey;
  readonly emissionId: string;
  readonly handler: string;
  readonly group: string | undefined;
  /** `abandoned`: it did not end within `lateMs` and is not waited for any more. */
  readonly outcome: 'ok' | 'failed' | 'abandoned';
  /** What it rejected with. */
  readonly error: unknown;
  /** How long it went on, in milliseconds. */
  readonly lateMs: number;
}

/** A subscription begins. */
export interface Subscribed {
  readonly kind: SubscriptionKind;
  /** The event, events or pattern; `undefined` for `onAny`. */
  readonly target: PropertyKey | readonly PropertyKey[] | undefined;
  readonly handler: string;
  readonly group: string | undefined;
  readonly priority: number;
}

/** A subscription has ended. */
export interface Unsubscribed extends Subscribed {
  readonly reason: UnsubscribeReason;
}

/** An emission was refused: none of its handlers ran. */
export interface Dropped {
  readonly type: PropertyKey;
  readonly payload: unknown;
  /** Why: an {@link AmbusError}, or the reason of an aborted signal. */
  readonly error: unknown;
  /** The name of the queue that refused it, or that it has waited in. */
  readonly queue: string | undefined;
  /** Of an event that has waited in a queue. */
  readonly emissionId: string | undefined;
}

/** An event waits in a queue. */
export interface Enqueued {
  /** The queue's name. */
  readonly queue: string;
  readonly type: PropertyKey;
  readonly payload: unknown;
  /** Its emission will have it. */
  readonly emissionId: string;
  /** The emission that it comes from, where that is known. */
  readonly parentId: string | undefined;
  readonly priority: number;
  readonly key: unknown;
  readonly delayMs: number;
  /** How many events wait, this one included. */
  readonly size: number;
}

/** An event leaves its queue, to be emitted now. */
export interface Dequeued {
  /** The queue's name. */
  readonly queue: string;
  readonly type: PropertyKey;
  readonly payload: unknown;
  readonly emissionId: string;
  readonly priority: number;
  readonly key: unknown;
  /** How long it waited since it was due, in milliseconds. */
  readonly waitedMs: number;
  /** Whether it is emitted within another emission of the queue, on its slot. */
  readonly inline: boolean;
}

/** An interceptor has answered an emission: none of its handlers ran. */
export interface Intercepted {
  readonly type: PropertyKey;
  readonly emissionId: string;
  readonly payload: unknown;
  /** Its name. */
  readonly interceptor: string;
}

/** More handlers listen to an event than `maxHandlers`: perhaps a leak. */
export interface LeakSuspected {
  readonly type: PropertyKey;
  readonly handlers: number;
  readonly maxHandlers: number;
  /** How many handlers have the same name, most first. */
  readonly byName: readonly { readonly name: string; readonly count: number }[];
  readonly message: string;
}

/** A handler has subscribed to an event that is declared to be on its way out. */
export interface DeprecationFound {
  readonly type: PropertyKey;
  readonly handler: string;
  readonly group: string | undefined;
  readonly since: string;
  readonly use: string;
  readonly link: string | undefined;
  readonly message: string;
}

/** A stream has dropped an event that its reader has not read. */
export interface StreamDropped {
  readonly type: PropertyKey;
  readonly payload: unknown;
  /** What the stream was opened for: the event, events or pattern. */
  readonly target: PropertyKey | readonly PropertyKey[];
  /** `overflow`: there was no room; `ended`: the reader, or a signal, ended the stream. */
  readonly reason: 'overflow' | 'ended';
  /** How many the stream has dropped so far, this one included. */
  readonly dropped: number;
}

/** A plugin's state changes. */
export interface PluginStateChanged {
  /** The name of the plugin's host. */
  readonly host: string;
  readonly plugin: string;
  /** See `PluginState` of `ambus/plugins`; undefined for a plugin that is new, or gone. */
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Why, in words, where it didn't go well. */
  readonly reason: string | undefined;
}

/** A part of a plugin's life begins. */
export interface PluginPhaseStarted {
  readonly host: string;
  readonly plugin: string;
  /** `when`, `load`, `setup`, `ready`, `drain`, `teardown`, or `dispose` for its resources. */
  readonly phase: string;
}

/** It has ended, or its time was up. */
export interface PluginPhaseSettled extends PluginPhaseStarted {
  /** `aborted`: another plugin failed, or the start was given up. */
  readonly outcome: 'ok' | 'failed' | 'timeout' | 'aborted';
  readonly error: unknown;
  readonly durationMs: number;
  /** True where its time was up long ago, and it has ended only now: nobody waits for it any more. */
  readonly late: boolean;
}

/** Plugins take their time to start. */
export interface PluginsSlow {
  readonly host: string;
  /** Since when, in milliseconds. */
  readonly elapsedMs: number;
  /** Those whose `when`, `load`, `setup` or `ready` runs. */
  readonly starting: readonly { readonly plugin: string; readonly phase: string; readonly elapsedMs: number }[];
  /** Those that wait for others, and for which. */
  readonly waiting: readonly { readonly plugin: string; readonly for: readonly string[] }[];
}

/** A plugin uses something that is on its way out. */
export interface PluginDeprecationFound {
  readonly host: string;
  readonly plugin: string;
  readonly feature: string;
  readonly since: string;
  readonly use: string;
  readonly link: string | undefined;
  readonly message: string;
}

/** The facts that a bus tells, one shape each. */
export interface BusFacts {
  emissionStarted: EmissionStarted;
  emissionSettled: EmissionSettled;
  handlerStarted: HandlerStarted;
  handlerSettled: HandlerSettled;
  handlerSkipped: HandlerSkipped;
  lateSettled: LateSettled;
  subscribed: Subscribed;
  unsubscribed: Unsubscribed;
  dropped: Dropped;
  enqueued: Enqueued;
  dequeued: Dequeued;
  intercepted: Intercepted;
  leakSuspected: LeakSuspected;
  deprecationFound: DeprecationFound;
  streamDropped: StreamDropped;
  pluginStateChanged: PluginStateChanged;
  pluginPhaseStarted: PluginPhaseStarted;
  pluginPhaseSettled: PluginPhaseSettled;
  pluginsSlow: PluginsSlow;
  pluginDeprecationFound: PluginDeprecationFound;
}

/**
 * Something that is told what happens on a bus and can neither change nor break it. Implement what
 * you need: a fact that nobody asks for is never made, and the clock is read only for those that tell
 * a duration.
 *
 * @example
 * ```ts
 * import { EventBus, type BusObserver } from 'ambus';
 * const slow: BusObserver = {
 *   handlerSettled: (fact) => {
 *     if (fact.durationMs > 100) console.warn(`${fact.handler} took ${fact.durationMs} ms`);
 *   },
 * };
 * const bus = new EventBus();
 * const off = bus.observe(slow);
 * off();
 * ```
 */
export type BusObserver = { readonly [Fact in keyof BusFacts]?: ((fact: BusFacts[Fact]) => void) | undefined };
