import { type Choice, Timeline } from '../timeline.js';

/** Something to wait for: told how to go on. */
export type Wait = (goOn: () => void) => void;

/** What is done in the model's time. It waits wherever it yields. */
export type Task<T = void> = Generator<Wait, T, undefined>;

/** A task that has been begun: the model's word for a promise. */
export class Job<T = void> {
  readonly #timeline: Timeline;
  readonly #waiting: (() => void)[] = [];
  #outcome: { readonly value: T } | { readonly error: unknown } | undefined;

  /** Begins the task, as far as that doesn't wait. */
  constructor(timeline: Timeline, task: Task<T>) {
    this.#timeline = timeline;
    this.#proceed(task);
  }

  get isOver(): boolean {
    return this.#outcome !== undefined;
  }

  /** Happens when it is over, or soon where it is. */
  whenOver(happen: () => void): void {
    if (this.isOver) this.#timeline.soon(happen);
    else this.#waiting.push(happen);
  }

  /** What has come of it: throws what it has thrown. */
  get value(): T {
    const outcome = this.#outcome;
    if (outcome === undefined) throw new Error('This job is not over.');
    if ('error' in outcome) throw outcome.error;
    return outcome.value;
  }

  /** What it has thrown, if it has. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#outcome !== undefined && 'error' in this.#outcome ? this.#outcome : undefined;
  }

  *result(): Task<T> {
    yield (goOn) => this.whenOver(goOn);
    return this.value;
  }

  #proceed(task: Task<T>): void {
    try {
      const { done, value } = task.next();
      if (done === true) this.#end({ value });
      else value(() => this.#proceed(task));
    } catch (error) {
      this.#end({ error });
    }
  }

  #end(outcome: { readonly value: T } | { readonly error: unknown }): void {
    this.#outcome = outcome;
    for (const happen of this.#waiting) this.#timeline.soon(happen);
  }
}

/** Something that aborts once. */
export class ModelSignal {
  aborted = false;
  reason: unknown;
  readonly #listeners = new Set<() => void>();

  abort(reason?: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#listeners) listener();
    this.#listeners.clear();
  }

  /** Happens when it aborts, unless what this returns is called before. */
  whenAborted(happen: () => void): () => void {
    this.#listeners.add(happen);
    return () => {
      this.#listeners.delete(happen);
    };
  }
}

/** What the design leaves open, and in how many ways it may be. */
const OPEN = {
  /** How much of what is set off when something is given up happens before what that leads to. */
  aftermath: 4,
  /** Whether handlers count as running that are about to end. */
  endingHandlers: 2,
  /** Whether, of plugins that may be set up now, the next begins before those that the first lets begin. */
  setupsByTurns: 2,
  /** Whether a plugin keeps the API of another that it came with, until that is gone. */
  keptApis: 2,
} as const;

/** In how many ways all that may be, taken together. */
const COMBINATIONS = Object.values(OPEN).reduce((product, count) => product * count, 1);

/** In how many ways a program may be played. */
export const MOST_WAYS = COMBINATIONS + 30;

/** The model's time, what can be waited for in it, and what is left open: one of the ways in which all goes. */
export class Simulation {
  readonly timeline: Timeline;
  /** Whether it has ever depended on the way. */
  hadChoice = false;
  readonly #way: number;
  readonly #choose: Choice;

  /** @param way - Less than {@link MOST_WAYS}; in the first of them, what is ready first is first. */
  constructor(way: number) {
    this.#way = way;
    this.#choose = way < COMBINATIONS ? () => 0 : disorder(way);
    this.timeline = new Timeline((count) => {
      if (count > 1) this.hadChoice = true;
      return this.#choose(count);
    });
  }

  /** Which way something goes that the design leaves open: always the same, where there is any order at all. */
  decide(question: keyof typeof OPEN): number {
    this.hadChoice = true;
    if (this.#way >= COMBINATIONS) return this.#choose(OPEN[question]);
    let rest = this.#way;
    for (const [other, count] of Object.entries(OPEN)) {
      if (other === question) return rest % count;
      rest = Math.floor(rest / count);
    }
    return 0;
  }

  get now(): number {
    return this.timeline.now;
  }

  begin<T>(task: Task<T>): Job<T> {
    return new Job(this.timeline, task);
  }

  /** Goes on when everything that is ready has happened once. */
  *soon(): Task {
    yield (goOn) => this.timeline.soon(goOn);
  }

  /** Waits for some time, or until the signal aborts. */
  *sleep(ms: number, signal?: ModelSignal): Task {
    if (signal?.aborted === true) return yield* this.soon();
    yield (goOn) => {
      const forget = signal?.whenAborted(() => {
        cancel();
        this.timeline.soon(goOn);
      });
      const cancel = this.timeline.after(ms, () => {
        forget?.();
        goOn();
      });
    };
  }

  /**
   * Waits for something, but no longer than `ms`.
   *
   * @param wait - Told what to call when it is over; returns how it is told that nobody waits any more.
   * @returns Whether it was over in time.
   */
  *within(ms: number, wait: (over: () => void) => void): Task<boolean> {
    let isInTime = true;
    yield (goOn) => {
      let hasGoneOn = false;
      const once = (): void => {
        if (hasGoneOn) return;
        hasGoneOn = true;
        cancel?.();
        goOn();
      };
      const cancel =
        ms === Infinity
          ? undefined
          : this.timeline.after(ms, () => {
              isInTime = false;
              once();
            });
      wait(once);
    };
    return isInTime;
  }
}

/** A linear congruential generator: the same disorder each time. */
function disorder(seed: number): Choice {
  let state = seed;
  return (count) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * count);
  };
}
