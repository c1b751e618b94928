import type { FailurePolicy, FanOutMode } from '../../src/index.js';
import type { EventName, Target } from './program.js';

/** A subscription, as far as the rules look at it. */
export interface Listed {
  readonly priority: number;
  readonly place: number;
  /** How many subscriptions were made before it. */
  readonly age: number;
  readonly timesLeft: number;
  /** Whether it has ended in a way that keeps it from being called by emissions under way. */
  readonly barred: boolean;
  readonly paused: boolean;
}

/**
 * What the design says in a sentence, one by one, so that a wrong sentence can be put in the place of
 * each: that is how it is shown that these tests can fail.
 */
export interface Rules {
  /** Semantic 1: below zero where `a` runs before `b`. */
  readonly order: (a: Listed, b: Listed) => number;
  /** Semantic 24. */
  readonly listens: (target: Target, event: EventName) => boolean;
  /** Semantics 6 and 8: why a handler isn't called at its turn. */
  readonly passesOver: (subscription: Listed) => 'removed' | 'paused' | undefined;
  /** Semantic 8: whether a turn that the filter refuses uses up one of `times`. */
  readonly refusedTurnIsUsed: boolean;
  /** Semantic 2: how an emission fans out. */
  readonly mode: (emission: FanOutMode | undefined, bus: FanOutMode) => FanOutMode;
  /** Semantic 2: whether the next handler may start, while others are unsettled. */
  readonly mayStart: (mode: FanOutMode, limit: number, unsettled: number, sameTier: boolean) => boolean;
  /** Semantics 11 and 12: whether a failure ends the emission. */
  readonly stops: (policy: FailurePolicy, own: 'isolate' | 'stop' | undefined) => boolean;
  /** Semantics 11 and 12: whether a failure makes the emission reject. */
  readonly rejects: (policy: FailurePolicy, own: 'isolate' | 'stop' | undefined) => boolean;
  /** Semantic 14: whether failures of an emission that rejects are reported besides. */
  readonly reportsRejected: boolean;
  /** Semantic 17: how long a handler may take. */
  readonly timeLimit: (own: number | undefined, emission: number | undefined, bus: number | undefined) => number;
  /** Semantic 21: whether a run waits for a slot although a run that caused it holds one. */
  readonly waitsForItself: boolean;
  /** Semantic 19: whether handlers that have not started when their emission is aborted are skipped. */
  readonly abortSkips: boolean;
  /** Semantic 17: whether `idle` waits for late work. */
  readonly idleAwaitsLateWork: boolean;
}

export const DESIGN: Rules = {
  order: (a, b) => b.priority - a.priority || a.place - b.place || a.age - b.age,
  listens(target, event) {
    switch (target.kind) {
      case 'exact':
        return target.name === event;
      case 'list':
        return target.names.includes(event);
      case 'pattern':
        return matches(target.name, event);
      case 'any':
        return true;
    }
  },
  passesOver(subscription) {
    if (subscription.barred) return 'removed';
    if (subscription.paused) return 'paused';
    return subscription.timesLeft === 0 ? 'removed' : undefined;
  },
  refusedTurnIsUsed: false,
  mode: (emission, bus) => emission ?? bus,
  mayStart(mode, limit, unsettled, sameTier) {
    if (unsettled === 0) return true;
    return unsettled < limit && (mode === 'concurrent' || (mode === 'tiered' && sameTier));
  },
  stops: (policy, own) => (own ?? policy) === 'stop',
  rejects: (policy, own) => own !== 'isolate' && policy !== 'isolate',
  reportsRejected: false,
  timeLimit(own, emission, bus) {
    if (emission !== undefined) return Math.min(emission, own ?? Infinity);
    return own ?? bus ?? Infinity;
  },
  waitsForItself: false,
  abortSkips: true,
  idleAwaitsLateWork: true,
};

/** Whether a dotted name is one of those that a pattern stands for. */
export function matches(pattern: string, name: string): boolean {
  const wanted = pattern.split('.');
  const segments = name.split('.');
  if (wanted.at(-1) === '**') {
    wanted.pop();
    segments.splice(wanted.length);
  }
  return wanted.length === segments.length && wanted.every((segment, i) => segment === '*' || segment === segments[i]);
}
