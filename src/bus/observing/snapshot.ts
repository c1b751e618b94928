import type { EventKind } from '../events/event-declaration.js';
import type { FailurePolicy, FanOutMode } from '../options.js';
import type { StreamOverflow } from '../subscribing/event-stream.js';
import type { SubscriptionKind } from './observer.js';

/** One handler in the order of an event. */
export interface HandlerSnapshot {
  readonly name: string;
  readonly kind: SubscriptionKind;
  /** The pattern, or the list of events, that the subscription was made with, where it was not exact. */
  readonly pattern?: string | readonly string[];
  readonly priority: number;
  readonly group?: string;
  readonly paused: boolean;
  /** How many turns are left to it; absent for no end. */
  readonly timesLeft?: number;
  readonly timeoutMs?: number;
  readonly concurrency?: number;
  /** How many runs hold one of its slots; absent without `concurrency`. */
  readonly running?: number;
}

/** One event: its handlers in the order in which they would run. */
export interface EventSnapshot {
  readonly type: string;
  /** How its handlers combine. */
  readonly kind: EventKind;
  /** Whether the bus's `events` declare it. */
  readonly declared: boolean;
  readonly emissions: number;
  /** Whether a generated dispatcher serves it now. */
  readonly compiled: boolean;
  readonly handlers: readonly HandlerSnapshot[];
}

/** What a bus has counted since it was made. */
export interface BusCounts {
  /** Emissions started. */
  readonly emissions: number;
  /** Emissions refused: after `close`, with an aborted signal or bad options. */
  readonly dropped: number;
  /** Emissions that interceptors have answered, so that no handler ran. */
  readonly intercepted: number;
  /** Events that streams have dropped. */
  readonly streamDropped: number;
  /** Handlers' failures, time limits included. */
  readonly failures: number;
  /** Handlers whose time was up. */
  readonly timeouts: number;
  /** Runs whose synchronous part alone took longer than their time limit. */
  readonly overran: number;
  /** Emissions that have not ended. */
  readonly inFlight: number;
  /** Runs that go on after their time limit. */
  readonly late: number;
  /** Runs that ended after their time limit. */
  readonly lateSettled: number;
  /** Runs that did not end within `lateMs` of their time limit, and are not waited for. */
  readonly abandoned: number;
}

/** One open stream. */
export interface StreamSnapshot {
  /** The event, events or pattern that it was opened for. */
  readonly target: string | readonly string[];
  readonly size: number;
  readonly capacity: number | null;
  readonly overflow: StreamOverflow;
  readonly dropped: number;
}

/** What `bus.inspect()` returns: plain JSON. */
export interface BusSnapshot {
  readonly name: string;
  readonly state: 'open' | 'closing' | 'closed';
  readonly mode: FanOutMode;
  /** `null` for no limit. */
  readonly concurrency: number | null;
  readonly failurePolicy: FailurePolicy;
  /** The dispatcher generator; `active` is false where code generation is forbidden. */
  readonly compiler?: { readonly name: string; readonly active: boolean };
  /** Whether AsyncLocalStorage traces plain calls made after an `await`. */
  readonly asyncContext: boolean;
  readonly observers: number;
  readonly counts: BusCounts;
  /** Every declared event, and every other with a handler or an emission, in the order in which they were first seen. */
  readonly events: readonly EventSnapshot[];
  /** Subscriptions to patterns, lists and everything. */
  readonly listeners: readonly HandlerSnapshot[];
  /** Interceptors, outermost first. */
  readonly interceptors: readonly {
    readonly name: string;
    readonly priority: number;
    /** What it is around; absent for every event. */
    readonly types?: readonly string[];
  }[];
  /** Streams that are open. */
  readonly streams: readonly StreamSnapshot[];
  readonly groups: readonly {
    readonly name: string;
    readonly place: number;
    readonly size: number;
    readonly state: string;
  }[];
}
