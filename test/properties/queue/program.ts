import type { QueueOverflow } from '../../../src/queue/options.js';

/**
 * A program for a queue: what is called, when, and what handlers do. It is data, and whatever it
 * refers to is referred to by index.
 *
 * Handlers wait at gates, which the program opens one at a time: all that happens in a step follows
 * from one cause, so that the design says in which order.
 */
export interface QueueProgram {
  readonly bus: BusPlan;
  readonly queue: QueuePlan;
  readonly commands: readonly Command[];
  /** How long it is closed for, and what happens meanwhile. */
  readonly drain: number;
  readonly whileClosing: readonly Command[];
}

/** Times are in units: see `UNIT_MS`. */
export interface BusPlan {
  readonly lateMs: number;
  /** Whether observers listen; the bus may go another way then. */
  readonly observed: boolean;
  readonly asyncContext: 'auto' | 'never';
}

export interface QueuePlan {
  readonly concurrency: number;
  readonly capacity?: number | undefined;
  readonly overflow?: QueueOverflow | undefined;
  readonly maxWait?: number | undefined;
  readonly timeout?: number | undefined;
  readonly paused?: boolean | undefined;
}

export type Command =
  /** Several calls, one after the other, before anything comes of them. */
  | { readonly do: 'call'; readonly acts: readonly Act[] }
  /** Lets a handler go on. */
  | { readonly do: 'open'; readonly gate: number }
  | { readonly do: 'advance'; readonly units: number }
  | { readonly do: 'idle' };

/** What the program does by itself, and handlers do too. */
export type Act =
  | Enqueueing
  | { readonly do: 'abort'; readonly controller: number }
  | { readonly do: 'pause' }
  | { readonly do: 'resume' }
  | { readonly do: 'clear' }
  | { readonly do: 'concurrency'; readonly concurrency: number };

export interface Enqueueing {
  readonly do: 'emit' | 'post';
  readonly event: EventName;
  readonly priority?: number | undefined;
  /** Which of the keys. */
  readonly key?: number | undefined;
  readonly delay?: number | undefined;
  readonly maxWait?: number | undefined;
  readonly timeout?: number | undefined;
  /** Which controller's signal it is given. */
  readonly signal?: number | undefined;
  readonly failurePolicy?: 'throw' | undefined;
  /** Whether a handler that emits goes on only when this has settled. */
  readonly awaited?: boolean | undefined;
  /** How a handler calls: just so, with its `ctx` as `parent`, or in a handler of another emission of the bus. */
  readonly via?: 'parent' | 'relay' | undefined;
  readonly script: Script;
}

/** What the handler of one emission does. */
export interface Script {
  /** What it does in the call, and then behind each gate. */
  readonly beats: readonly (readonly Act[])[];
  /**
   * `sync`: it does the first beat, and ends. `async`: it returns a promise, and ends behind a gate of
   * its own. `stray`: it ends like a synchronous one, and goes on all the same.
   */
  readonly shape: 'sync' | 'async' | 'stray';
  readonly fails: boolean;
}

export const EVENTS = ['order.placed', 'order.paid', 'mail.sent'] as const;
export type EventName = (typeof EVENTS)[number];

export const PRIORITIES = [-1, 0, 2.5] as const;

/** What events have for a key; compared like those of a Map. */
export const KEYS: readonly (string | number | object)[] = ['1', 1, { customer: 1 }];

/** How many abort controllers a program has. */
export const CONTROLLERS = 2;

/**
 * A unit of time. Each call adds a number of its own to its times, much smaller, so that few things
 * fall due at the same moment: nothing would say which is first.
 */
export const UNIT_MS = 10_000;

/** The times of a program in milliseconds, in which each has a part by which it is told from others. */
export const QUEUE_TIMES = {
  maxWaitMs: (units: number): number => units * UNIT_MS + 1,
  timeoutMs: (units: number): number => units * UNIT_MS + 2,
  lateMs: (units: number): number => units * UNIT_MS + 3,
  drainMs: (units: number): number => units * UNIT_MS + 4,
} as const;
