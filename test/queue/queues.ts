import { beforeEach, vi } from 'vitest';
import { type AmbusError, type BusOptions, EventBus } from '../../src/index.js';
import { EventQueue, type QueueOptions, type QueueSnapshot } from '../../src/queue/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses, describeEveryBus, type MakeBus } from '../bus/buses.js';
import { type Deferred, deferred, promisesSettled } from '../bus/deferred.js';

/** A queue on a bus with two events: `job`, whose handler ends when the test says so, and `note`, with a synchronous one. */
export interface Workshop {
  readonly clock: ManualClock;
  readonly bus: EventBus;
  readonly queue: EventQueue;
  /** What went to `onFailure`. */
  readonly reports: AmbusError[];
  /** The payloads of `job`, in the order in which its handler was called. */
  readonly started: unknown[];
  /** The payloads of `note`, in the order in which its handler was called. */
  readonly noted: unknown[];
  /** Has the handlers of jobs that have started settle, one after the other, and lets start what can start then. */
  readonly end: (...jobs: unknown[]) => Promise<void>;
  /** The same with a handler that rejects. */
  readonly fail: (job: unknown, reason: unknown) => Promise<void>;
}

export type OpenQueue = (options?: QueueOptions, busOptions?: BusOptions) => Workshop;

/** Lets every promise that can settle by now do so, and a queue start what it can start. */
export async function settled(): Promise<void> {
  await promisesSettled();
  await promisesSettled();
}

/** Opens queues on the buses that a function makes. */
export function queuesOn(makeBus: MakeBus): OpenQueue {
  return (options, busOptions) => {
    const clock = new ManualClock();
    const reports: AmbusError[] = [];
    const bus = makeBus({ clock, onFailure: (failure) => reports.push(failure), ...busOptions });
    const started: unknown[] = [];
    const noted: unknown[] = [];
    const gates = new Map<unknown, Deferred>();
    bus.on(
      'job',
      (job) => {
        const gate = deferred();
        gates.set(job, gate);
        started.push(job);
        return gate.promise;
      },
      { name: 'worker' },
    );
    bus.on('note', (note) => void noted.push(note), { name: 'scribe' });
    const queue = new EventQueue(bus, options);

    const gateOf = (job: unknown): Deferred => {
      const gate = gates.get(job);
      if (gate === undefined) throw new Error(`The job ${String(job)} has not started, or has ended.`);
      gates.delete(job);
      return gate;
    };
    const end = async (...jobs: unknown[]): Promise<void> => {
      for (const job of jobs) {
        gateOf(job).resolve();
        await settled();
      }
    };
    const fail = async (job: unknown, reason: unknown): Promise<void> => {
      gateOf(job).reject(reason);
      await settled();
    };
    return { clock, bus, queue, reports, started, noted, end, fail };
  };
}

/** On a plain bus. */
export const openQueue: OpenQueue = queuesOn((options) => new EventBus(options));

/**
 * Stops the time by which a queue gives the event loop its turn: a machine that is busy must not take a drain of
 * three events for a long one.
 */
export function stopTimeSlices(): void {
  vi.spyOn(performance, 'now').mockReturnValue(performance.now());
}

/** Runs a block of tests over queues on every sort of bus, as `describeEveryBus` does. */
export function describeEveryQueue(block: (open: OpenQueue) => void): void {
  describeEveryBus((makeBus) => {
    beforeEach(stopTimeSlices);
    block(queuesOn(makeBus));
  });
}

/** Runs a block of tests over queues on a plain bus, and on one with generated dispatchers. */
export function describeBothQueues(block: (open: OpenQueue) => void): void {
  describeBothBuses((makeBus) => {
    beforeEach(stopTimeSlices);
    block(queuesOn(makeBus));
  });
}

/** What of its counts must hold at any time, as differences that are 0. */
export function imbalance({ blocked, counts, running, size }: QueueSnapshot): { waiting: number; running: number } {
  const gone = counts.started + counts.dropped + counts.expired + counts.aborted + counts.cleared + counts.left;
  return {
    waiting: counts.enqueued - gone - size - blocked,
    running: counts.started - counts.ended - running.length,
  };
}

export const balanced = { waiting: 0, running: 0 };

/** Numbers from 0 up to, without, 1, the same for the same seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
