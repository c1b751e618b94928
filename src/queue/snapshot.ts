import type { QueueOverflow } from './options.js';

/** What a queue has counted since it was made. */
export interface QueueCounts {
  /** Events that have come in to wait. Each is started, dropped, expired, aborted, cleared or left, once. */
  readonly enqueued: number;
  /** Events that have left the queue to be emitted. */
  readonly started: number;
  /** Started emissions that have ended, late work included: `started` less those that run. */
  readonly ended: number;
  /** Emissions that ran inline, within one that was running. */
  readonly inline: number;
  /**
   * Events that never came in to wait: there was no room, the queue was closed, the signal had aborted. And inline
   * emissions that gave up waiting for their key.
   */
  readonly rejected: number;
  /** Events that waited, and made room for another. */
  readonly dropped: number;
  /** Events that waited longer than `maxWaitMs`. */
  readonly expired: number;
  /** Events whose signal aborted while they waited. */
  readonly aborted: number;
  /** Events that `clear` took out. */
  readonly cleared: number;
  /** Events that still waited when the queue, or its bus, was closed. */
  readonly left: number;
  /** Calls from within an emission that were refused, because they would have waited for themselves. */
  readonly deadlocks: number;
}

/** An emission of a queue that has not ended. */
export interface RunningSnapshot {
  readonly event: string;
  readonly emissionId: string;
  readonly priority: number;
  readonly key?: string;
  /** How long it waited, in milliseconds. */
  readonly waitedMs: number;
  readonly runningMs: number;
  /** How many emissions run inline on its slot, or wait to. */
  readonly inline: number;
  /** How many of its handlers go on after their time limit, and keep its slot. */
  readonly late: number;
}

/** What `queue.inspect()` returns: plain JSON. */
export interface QueueSnapshot {
  readonly name: string;
  readonly bus: string;
  readonly state: 'open' | 'closing' | 'closed';
  readonly paused: boolean;
  /** `null` for no limit. */
  readonly concurrency: number | null;
  /** `null` for no limit. */
  readonly capacity: number | null;
  readonly overflow: QueueOverflow;
  readonly rate?: { readonly limit: number; readonly intervalMs: number };
  /** Events that wait, delayed ones included. */
  readonly size: number;
  /** Events that are not due yet. */
  readonly delayed: number;
  /** Calls of `emit` that wait for room, under the overflow policy `wait`. */
  readonly blocked: number;
  /** How many events wait at each priority, highest first; delayed and blocked ones included. */
  readonly depths: readonly { readonly priority: number; readonly size: number }[];
  /** Keys with an event that waits or runs. */
  readonly keys: number;
  /** How long the oldest event that is due has waited, in milliseconds; `null` where none is. */
  readonly oldestWaitMs: number | null;
  readonly running: readonly RunningSnapshot[];
  readonly counts: QueueCounts;
}
