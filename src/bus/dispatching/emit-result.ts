import type { HandlerError } from '../../errors.js';
import type { EventKind } from '../events/event-declaration.js';
import type { AnswerOf, KindOf } from '../events/event-map.js';

/** What became of one emission. Those of broadcasts without failures are shared, and frozen. */
export interface EmitResult<
  Name extends PropertyKey = PropertyKey,
  Kind extends EventKind = 'broadcast',
  Answer = undefined,
> {
  /** The event. */
  readonly type: Name;
  /** True where no handler failed. */
  readonly ok: boolean;
  /** How many handlers were started; of an `around`, in every attempt. */
  readonly called: number;
  /** How many were not: filtered out, paused, removed before their turn, or after a stop or an answer. */
  readonly skipped: number;
  /** True where `ctx.stop()`, or a failure under the policy `stop`, ended the emission early. */
  readonly stopped: boolean;
  /** Every failure, in handler order; of an `around`, those that no handler further out has caught. */
  readonly failures: readonly HandlerError[];
  /**
   * Of a waterfall, what the last handler made of the payload; of a `first` the first answer; of an
   * `around` the outermost one's. `undefined` where there is none, and for a waterfall that a
   * failure ended.
   */
  readonly value: Kind extends 'waterfall' ? Answer : Kind extends 'first' | 'around' ? Answer | undefined : undefined;
  /** Of a `collect`, every answer, in handler order; else empty. */
  readonly values: Kind extends 'collect' ? readonly Answer[] : readonly [];
  /**
   * Of a `first`, the handler whose answer it is; of a `collect`, the handlers of `values`; of an
   * `around`, the handler that answered without calling `next`, if one did.
   */
  readonly answeredBy: Kind extends 'collect'
    ? readonly string[]
    : Kind extends 'first' | 'around'
      ? string | undefined
      : undefined;
}

/** The {@link EmitResult} of an event of a map. */
export type ResultOf<Events, Name extends keyof Events & PropertyKey> = EmitResult<
  Name,
  KindOf<Events, Name>,
  AnswerOf<Events, Name>
>;

/** The result of an event of which nothing is known. */
export type AnyEmitResult = EmitResult<PropertyKey, EventKind, unknown>;

/** Makes a result; all have the same shape, in memory too. */
export function makeResult(
  type: PropertyKey,
  called: number,
  skipped: number,
  stopped: boolean,
  failures: readonly HandlerError[],
  value: unknown,
  values: readonly unknown[],
  answeredBy: string | readonly string[] | undefined,
): AnyEmitResult {
  return { type, ok: failures.length === 0, called, skipped, stopped, failures, value, values, answeredBy };
}
