import type { CloseOptions, IdleOptions, Unfinished } from '../bus/options.js';
import type { EmissionContext } from '../bus/subscribing/handler.js';

/** What happens to an event for which there is no room. */
export type QueueOverflow = 'reject' | 'wait' | 'drop-oldest' | 'drop-newest';

/** How a queue behaves; every field may be left out. */
export interface QueueOptions {
  /** Names the queue in messages, facts and snapshots. @default 'queue' */
  readonly name?: string | undefined;
  /** How many emissions run at a time. Can be changed later. @default 1 */
  readonly concurrency?: number | undefined;
  /** How many events may wait, delayed ones included. @default Infinity */
  readonly capacity?: number | undefined;
  /**
   * What happens where `capacity` events wait already. `reject`: the new one is refused, with
   * `QUEUE_FULL`. `wait`: `emit` waits for room, `post` answers false. `drop-oldest`, `drop-newest`:
   * among the events of the lowest waiting priority, the new one included, the oldest or newest goes.
   * @default 'reject'
   */
  readonly overflow?: QueueOverflow | undefined;
  /**
   * At most `limit` emissions start within any `intervalMs` milliseconds of real time, whatever
   * clock the bus has. @default none
   */
  readonly rate?: { readonly limit: number; readonly intervalMs: number } | undefined;
  /** How long an event may wait before it is given up with `EXPIRED`, in milliseconds. @default Infinity */
  readonly maxWaitMs?: number | undefined;
  /** The time limit for each handler of its emissions, in milliseconds. @default the event's, or the bus's */
  readonly timeoutMs?: number | undefined;
  /** Whether it starts paused. @default false */
  readonly paused?: boolean | undefined;
}

/** How one event waits in a queue. */
export interface QueueingOptions {
  /** Higher ones leave first; those of equal priority in the order in which they came. @default 0 */
  readonly priority?: number | undefined;
  /**
   * Events of one key are emitted one at a time, in the order in which they came: an order's number,
   * a repository. Compared like the keys of a `Map`. @default none
   */
  readonly key?: string | number | bigint | symbol | boolean | object | undefined;
  /** Joins the queue so many milliseconds from now, behind those that have come by then. @default 0 */
  readonly delayMs?: number | undefined;
  /** How long it may wait, counted from when its delay is over, in milliseconds. @default the queue's */
  readonly maxWaitMs?: number | undefined;
  /**
   * The `ctx` of the handler that calls: needed after an `await`, where the platform has no
   * AsyncLocalStorage (browsers) or the bus has `asyncContext: 'never'`. @default found by itself
   */
  readonly parent?: EmissionContext | undefined;
}

/** For `idle` and `hasRoom` of a queue. */
export interface QueueIdleOptions extends IdleOptions {
  /** See {@link QueueingOptions.parent}. @default found by itself */
  readonly parent?: EmissionContext | undefined;
}

/** For `close` of a queue. */
export interface QueueCloseOptions extends CloseOptions {
  /** See {@link QueueingOptions.parent}. @default found by itself */
  readonly parent?: EmissionContext | undefined;
}

/** An event that waited in a queue when it was closed, and has not been emitted. */
export interface LeftEvent {
  readonly type: PropertyKey;
  readonly payload: unknown;
  readonly priority: number;
  readonly key: QueueingOptions['key'];
  /** What its handlers would have read as `ctx.meta`. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** How long it would still have been before it was due, in milliseconds. */
  readonly delayMs: number;
}

/** An emission that was still running when its queue was closed. */
export interface UnfinishedEmission extends Unfinished {
  readonly payload: unknown;
  /** The key that it, or the one that it ran in, had. */
  readonly key: QueueingOptions['key'];
}

/** What `close` of a queue found. */
export interface QueueCloseReport {
  /** True where everything was emitted, and ended, in time. */
  readonly drained: boolean;
  /** Events that have not been emitted, in the order in which they came. */
  readonly left: readonly LeftEvent[];
  /** What was still running; its signals have been aborted. */
  readonly unfinished: readonly UnfinishedEmission[];
}
