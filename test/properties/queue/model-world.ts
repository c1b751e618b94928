import { describe } from '../chronicle.js';
import { ABORT_REASONS } from '../program.js';
import type { ModelEmission } from './model-emission.js';
import type { Call, CountName, Stage } from './played-queue.js';
import { QUEUE_TIMES, type QueueProgram } from './program.js';
import type { QueueRules } from './rules.js';

/** What the parts of the model share. */
export interface ModelWorld {
  now: number;
  /** Whether something has happened of which the design doesn't say what follows. */
  isAmbiguous: boolean;
  readonly program: QueueProgram;
  readonly stage: Stage;
  readonly rules: QueueRules;
  readonly counts: Record<CountName, number>;
  /** The controllers that have aborted. */
  readonly aborted: Set<number>;
}

/** What has been called, and has not begun. */
export interface Entry {
  readonly call: Call;
  /** Told how the promise of an emit settles. */
  readonly settle: ((outcome: string) => void) | undefined;
  readonly priority: number;
  readonly calledAt: number;
  readonly dueAt: number;
  readonly expiresAt: number;
  /** Its place in the order, unless it is delayed: a number that grows. */
  place: number | undefined;
  /** Where it was called, if it is to run there. */
  readonly within: ModelEmission | undefined;
}

export function entryOf(call: Call, settle: Entry['settle'], within: Entry['within'], world: ModelWorld): Entry {
  const { now, program, rules } = world;
  const { delayMs, maxWaitMs, priority = 0 } = call;
  const units = program.queue.maxWait;
  const ownMs = units === undefined ? Infinity : QUEUE_TIMES.maxWaitMs(units);
  const dueAt = now + delayMs;
  const expiresAt = (rules.expiresFromDue ? dueAt : now) + (maxWaitMs ?? ownMs);
  return { call, settle, priority, calledAt: now, dueAt, expiresAt, place: undefined, within };
}

/** What a controller aborts with. */
export function reasonOf(controller: number): string {
  return describe(ABORT_REASONS[controller]);
}
