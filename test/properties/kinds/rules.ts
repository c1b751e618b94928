import type { EventKind, FailurePolicy, FanOutMode } from '../../../src/index.js';
import type { Target } from './program.js';

/**
 * What the design says of the kinds in a sentence, one by one, so that a wrong sentence can be put in
 * the place of each.
 */
export interface KindRules {
  /** Semantic 24: whether a handler takes part, and doesn't only listen. */
  readonly takesPart: (target: Target) => boolean;
  /** Semantics 10 and 11: the nearest that is set wins, and each kind has a default of its own. */
  readonly policy: (kind: EventKind, ...nearestFirst: readonly (FailurePolicy | undefined)[]) => FailurePolicy;
  /** Semantic 12: whether a failure ends the emission. */
  readonly stops: (policy: FailurePolicy, own: 'isolate' | 'stop' | undefined) => boolean;
  /** Semantic 12: whether a failure makes the emission reject. */
  readonly rejects: (policy: FailurePolicy, own: 'isolate' | 'stop' | undefined) => boolean;
  /** Semantic 2: how many handlers may be unsettled at a time. */
  readonly limit: (kind: EventKind, mode: FanOutMode, concurrency: number) => number;
  /** Semantic 17: how long a handler may take. */
  readonly timeLimit: (own: number | undefined, emission: number | undefined) => number;
  /** A waterfall: what a handler makes of the payload. */
  readonly piped: (payload: unknown, answer: unknown) => unknown;
  /** A waterfall: whether there is a value where a failure has ended it. */
  readonly keepsValueOfFailed: boolean;
  /** Whether something that a handler returned is an answer. */
  readonly isAnswer: (returned: unknown) => boolean;
  /** A `first`: whether handlers are asked after one has answered. */
  readonly asksOn: boolean;
  /** A `first`: whether listeners hear what has been answered already. */
  readonly listensOn: boolean;
  /** A `collect`: whose order the values are in. */
  readonly valuesInOrderOf: 'handlers' | 'settlement';

  // Of an `around`.

  /** What those further in get: what was given to `next`, if anything, or what the handler got. */
  readonly givenOn: (payload: unknown, given: unknown) => unknown;
  /** Whether `next` may be called again after a call that has not failed, and after one that has. */
  readonly mayCallAgain: { readonly afterAnswer: boolean; readonly afterFailure: boolean };
  /** Whether `next` may be called when its handler has settled. */
  readonly mayCallLate: boolean;
  /** Whether handlers don't get to know of a core that fails in isolation. */
  readonly coreIsPassedOver: boolean;
  /** Whether the core is called after `ctx.stop()`. */
  readonly coreRunsWhenStopped: boolean;
  /** Whether a handler that calls `next` always gets a promise. */
  readonly nextAlwaysPromises: boolean;
  /** What is made of a handler that fails in isolation, by whether it has called `next`. */
  readonly isolated: { readonly before: 'passed over' | 'no answer'; readonly after: 'what next gave' | 'no answer' };
  /** Whether a failure that a handler further out has caught is one of the emission's. */
  readonly keepsCaught: boolean;
  /** Whether a failure that a handler lets through is a failure of that handler too. */
  readonly countsLetThrough: boolean;
  /** Whether a handler whose time is up takes those with it that its `next` has begun. */
  readonly givesUpWithin: boolean;
  /** Whether `next` fails when the emission has been aborted, and doesn't just do nothing. */
  readonly nextFailsWhenAborted: boolean;
  /** Whether `next` fails with what was thrown further in, and not with a `HandlerError` around it. */
  readonly failsWithRaw: boolean;
  /** Whether listeners that no call of `next` has reached are told after all. */
  readonly tellsUnreached: boolean;
  /** Whether a second attempt tells listeners again. */
  readonly tellsAgain: boolean;
  /** Who has answered: whoever hasn't called `next`, or whoever is outermost. */
  readonly answeredBy: 'innermost' | 'outermost';
  /** Whether the core is one of the handlers that are called. */
  readonly countsCore: boolean;
}

export const DESIGN: KindRules = {
  takesPart: (target) => target.kind === 'exact',
  policy(kind, ...nearestFirst) {
    const set = nearestFirst.find((policy) => policy !== undefined);
    return set ?? (kind === 'broadcast' || kind === 'collect' ? 'isolate' : 'stop');
  },
  stops: (policy, own) => (own ?? policy) === 'stop',
  rejects: (policy, own) => own !== 'isolate' && policy !== 'isolate',
  limit(kind, mode, concurrency) {
    const fansOut = kind === 'broadcast' || kind === 'collect';
    return fansOut && mode !== 'sequential' ? concurrency : 1;
  },
  timeLimit: (own = Infinity, emission = Infinity) => Math.min(own, emission),
  piped: (payload, answer) => (answer === undefined ? payload : answer),
  keepsValueOfFailed: false,
  isAnswer: (returned) => returned !== undefined,
  asksOn: false,
  listensOn: true,
  valuesInOrderOf: 'handlers',
  givenOn: (payload, given) => (given === undefined ? payload : given),
  mayCallAgain: { afterAnswer: false, afterFailure: true },
  mayCallLate: false,
  coreIsPassedOver: false,
  coreRunsWhenStopped: false,
  nextAlwaysPromises: false,
  isolated: { before: 'passed over', after: 'what next gave' },
  keepsCaught: false,
  countsLetThrough: false,
  givesUpWithin: true,
  nextFailsWhenAborted: true,
  failsWithRaw: true,
  tellsUnreached: true,
  tellsAgain: false,
  answeredBy: 'innermost',
  countsCore: false,
};
