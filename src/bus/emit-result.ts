import type { HandlerError } from '../errors.js';

/** What became of one emission. Frozen: results of emissions without failures are shared. */
export interface EmitResult<Name extends PropertyKey = PropertyKey> {
  /** The event. */
  readonly type: Name;
  /** True where no handler failed. */
  readonly ok: boolean;
  /** How many handlers were started. */
  readonly called: number;
  /** How many were not: filtered out, paused, removed before their turn, or after a stop. */
  readonly skipped: number;
  /** True where `ctx.stop()`, or a failure under the policy `stop`, ended the emission early. */
  readonly stopped: boolean;
  /** Every failure, in handler order. */
  readonly failures: readonly HandlerError[];
}
