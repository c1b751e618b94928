import type { AmbusError } from '../errors.js';
import type { Clock } from '../internal/clock.js';
import type { DispatchCompiler } from './dispatching/compiler.js';
import type { BroadcastOf, EventDeclaration } from './events/event-declaration.js';

/** How a broadcast fans out. */
export type FanOutMode = 'sequential' | 'concurrent' | 'tiered';
/** How failures end an emission. */
export type FailurePolicy = 'isolate' | 'stop' | 'throw';

/** Declarations for the events of a map: an event with a plain payload may be declared a broadcast of it. */
export type DeclarationsOf<Events extends object> = {
  readonly [Name in keyof Events]?: Events[Name] extends EventDeclaration ? Events[Name] : BroadcastOf<Events[Name]>;
};

/** How a bus behaves; every field may be left out. */
export interface BusOptions<Events extends object = Record<string, unknown>> {
  /** Names the bus in messages and snapshots. @default 'bus' */
  readonly name?: string | undefined;
  /** What is declared of events, by `defineEvents`: their kinds, settings and schemas. @default none */
  readonly events?: Events | NoInfer<DeclarationsOf<Events>> | undefined;
  /**
   * Whether events that `events` doesn't declare are refused, with `UNDECLARED_EVENT`, or broadcast
   * like those of a bus without declarations. @default 'refuse' where `events` is given
   */
  readonly undeclared?: 'refuse' | 'allow' | undefined;
  /**
   * `sequential`: the next handler starts when the last has settled. `concurrent`: all start, in
   * order. `tiered`: handlers of equal priority concurrently, one priority after the other.
   * @default 'sequential'
   */
  readonly mode?: FanOutMode | undefined;
  /** How many handlers of one emission may be unsettled at a time, in `concurrent` and `tiered`. @default Infinity */
  readonly concurrency?: number | undefined;
  /** How long one run of a handler may take, in milliseconds, where it has no limit of its own. @default Infinity */
  readonly timeoutMs?: number | undefined;
  /** How long work that goes on after its time limit is waited for, in milliseconds. @default 30_000 */
  readonly lateMs?: number | undefined;
  /**
   * `isolate`: every handler runs, failures are in the result. `stop`: the first failure ends the
   * emission, which rejects. `throw`: every handler runs, then the emission rejects.
   * @default 'isolate' for broadcast and collect, 'stop' for waterfall, first and around
   */
  readonly failurePolicy?: FailurePolicy | undefined;
  /**
   * Gets each failure that no promise rejected with, once: handlers' under `isolate`, everything of
   * `post`. @default a line on `console.error`, with the stack
   */
  readonly onFailure?: ((failure: AmbusError) => void) | undefined;
  /** Where time comes from. @default the platform's */
  readonly clock?: Clock | undefined;
  /** Warns once per event when more live handlers than this listen to it; 0 never does. @default 100 */
  readonly maxHandlers?: number | undefined;
  /** Generates dispatchers for hot events: `compiled()` of `ambus/compiled`. @default none */
  readonly compiler?: DispatchCompiler | undefined;
  /**
   * Whether plain calls (`bus.emit` rather than `ctx.emit`) made after an `await` in a handler are
   * traced to the emission that they come from, with Node's AsyncLocalStorage. `auto`: for emissions
   * with `meta` and for handlers with `concurrency`, which depend on it. `always`, `never`: as they
   * say. Calls made before the first `await`, and those through `ctx`, are always traced.
   * @default 'auto'
   */
  readonly asyncContext?: 'auto' | 'always' | 'never' | undefined;
}

/** How one emission differs from what the bus does. */
export interface EmitOptions {
  /** @default the bus's */
  readonly mode?: FanOutMode | undefined;
  /** @default the bus's */
  readonly concurrency?: number | undefined;
  /**
   * A limit for each handler of this emission, in milliseconds. It takes the place of the bus's; a
   * handler's own limit holds besides it, and the shorter one counts. @default the bus's
   */
  readonly timeoutMs?: number | undefined;
  /** @default the bus's */
  readonly failurePolicy?: FailurePolicy | undefined;
  /** Aborting it aborts the handlers' signals, skips the rest, lets settle what runs, and rejects. */
  readonly signal?: AbortSignal | undefined;
  /** Plain facts that handlers read as `ctx.meta`; inherited by the emissions that they cause. */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
}

/** For `idle`. */
export interface IdleOptions {
  /** Rejects with `IDLE_TIMEOUT` when it takes longer, in milliseconds. @default Infinity */
  readonly timeoutMs?: number | undefined;
  /** Rejects with the signal's reason when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** For `close`. */
export interface CloseOptions {
  /** How long to wait for what is in flight, in milliseconds; 0 doesn't wait. @default 10_000 */
  readonly drainMs?: number | undefined;
  /** Gives up waiting when it aborts, as when the time is up. */
  readonly signal?: AbortSignal | undefined;
}

/** Something that was still running when a bus was closed. */
export interface Unfinished {
  readonly event: string;
  readonly emissionId: string;
  /** The names of the handlers that had not settled; of interceptors, or `schema`, where none had begun. */
  readonly handlers: readonly string[];
  /** True for work that went on after its time limit. */
  readonly late: boolean;
}

/** What `close` found. */
export interface CloseReport {
  /** True where everything settled in time. */
  readonly drained: boolean;
  /** What did not; its signals have been aborted. */
  readonly unfinished: readonly Unfinished[];
}
