import type { Entry } from './model-world.js';
import type { Call } from './played-queue.js';
import type { QueueRules } from './rules.js';

/** An emission that has started, until its slot is free. */
export class ModelEmission {
  readonly call: Call;
  readonly settle: Entry['settle'];
  /** The emission on whose slot it runs. */
  readonly outer: ModelEmission | undefined;
  /** The key that it has taken; none where one around it has it. */
  readonly key: number | undefined;
  readonly startedAt: number;
  readonly waitedMs: number;
  /** When its handler's time is up, and when what it does then is not waited for any more. */
  timesOutAt = Infinity;
  abandonedAt = Infinity;
  /** Its promise has not settled. */
  emitting = true;
  /** Its handler goes on after its time limit. */
  late = false;
  aborted = false;
  /** The queue has been closed, and doesn't wait for it. */
  abandoned = false;
  /** Emissions that run within it. */
  inline: readonly ModelEmission[] = [];
  /** How many wait for a key to run within it. */
  inlineWaits = 0;
  over = false;
  keyIsFree = false;

  constructor({ call, dueAt, settle }: Entry, outer: ModelEmission | undefined, key: number | undefined, now: number) {
    this.call = call;
    this.settle = settle;
    this.outer = outer;
    this.key = key;
    this.startedAt = now;
    this.waitedMs = now - dueAt;
  }

  /** It and those around it. */
  get chain(): readonly ModelEmission[] {
    return [this, ...(this.outer?.chain ?? [])];
  }

  /** It and all within it. */
  get all(): readonly ModelEmission[] {
    return [this, ...this.inline.flatMap((emission) => emission.all)];
  }

  /** Whether nothing is left that it keeps its slot for. */
  mayEnd({ abortedKeepsSlot, slotIsKeptFor }: QueueRules): boolean {
    if (this.aborted && !abortedKeepsSlot) return true;
    return !this.emitting && this.#isFreeOf(slotIsKeptFor);
  }

  /** Whether nothing is left that it keeps its key for. */
  mayFreeKey({ keyIsKeptFor }: QueueRules): boolean {
    return !this.emitting && this.#isFreeOf(keyIsKeptFor);
  }

  #isFreeOf(kept: QueueRules['slotIsKeptFor']): boolean {
    if (kept.lateWork && this.late) return false;
    return !kept.inline || (this.inlineWaits === 0 && this.inline.every(({ over }) => over));
  }
}
