import type { Enqueueing, QueueProgram } from './program.js';

/** What a program needs of a queue: the real one has it, and so has the model. */
export interface PlayedQueue {
  /** @param settled - Told how its promise has settled. */
  emit(call: Call, settled: (outcome: string) => void): void;
  post(call: Call): boolean;
  abort(controller: number): void;
  pause(): void;
  resume(): void;
  clear(): number;
  limit(concurrency: number): void;
  idle(settled: (outcome: string) => void): void;
  close(drainMs: number, settled: (report: string) => void): void;
  /** Calls back some time after what this returns was called, as from the code that calls now. */
  gate(passed: () => void): () => void;
  /** Lets happen what happens in no time. */
  quiet(): Promise<void>;
  advance(ms: number): Promise<void>;
  readonly now: number;
  /** Whether the stage is told what becomes of calls. */
  readonly observed: boolean;
  look(): QueueState;
  /** Whether anything is kept that nobody needs any more: timers, listeners. Asked at the end. */
  leftovers(): readonly string[];
}

/** One call of `emit` or `post`. */
export interface Call extends Enqueueing {
  /** Calls are counted. */
  readonly number: number;
  readonly label: string;
  readonly delayMs: number;
  readonly maxWaitMs: number | undefined;
  readonly timeoutMs: number | undefined;
  /** The handler that calls. */
  readonly caller: Caller | undefined;
}

export interface Caller {
  /** Of the call that its emission comes from. */
  readonly label: string;
  /** What it got as `ctx`. */
  readonly context: unknown;
  /** Whether it has waited for something before. */
  readonly hasAwaited: boolean;
}

/** What can be seen of a queue at any time. */
export interface QueueState {
  readonly state: string;
  readonly paused: boolean;
  readonly size: number;
  readonly delayed: number;
  readonly blocked: number;
  readonly depths: readonly { readonly priority: number; readonly size: number }[];
  readonly keys: number;
  readonly oldestWaitMs: number | null;
  readonly running: readonly RunningState[];
  readonly counts: Readonly<Record<CountName, number>>;
}

export interface RunningState {
  readonly event: string;
  readonly priority: number;
  readonly waitedMs: number;
  readonly runningMs: number;
  readonly inline: number;
  readonly late: number;
}

export type CountName =
  | 'enqueued'
  | 'started'
  | 'ended'
  | 'inline'
  | 'rejected'
  | 'dropped'
  | 'expired'
  | 'aborted'
  | 'cleared'
  | 'left'
  | 'deadlocks';

/** What a queue has to do with while a program is played on it. */
export interface Stage {
  /**
   * Runs the handler of an emission.
   *
   * @param label - Of the call that the emission comes from.
   * @param context - What the handler gets as `ctx`.
   * @param ended - Called when it ends later, with what it rejects with, if it does.
   * @returns How it has ended in the call, if it has.
   */
  handle(label: string, context: unknown, ended: (thrown: Error | undefined) => void): Ending | undefined;
  /** `onFailure` was told. */
  report(failure: string): void;
  /** An observer was told of a call: `dequeued` to be emitted, or that `inline`; `begun`: the emission has started. */
  fact(
    fact: 'enqueued' | 'dequeued' | 'inline' | 'begun' | 'dropped',
    label: string,
    emissionId: string | undefined,
  ): void;
  violated(text: string): void;
}

export interface Ending {
  readonly thrown: Error | undefined;
}

/** Makes the queue that a program is played on. */
export type MakeQueue = (program: QueueProgram, stage: Stage) => PlayedQueue;
