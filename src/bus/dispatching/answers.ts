import type { Context } from './context.js';
import type { Plan } from './plan.js';

/**
 * What the handlers of one emission have answered so far, and what that comes to: a kind's whole
 * difference from a broadcast, which has none.
 */
export interface Answers {
  /** No handler is asked any more; listeners still hear the event. */
  readonly complete: boolean;
  /** Takes what the handler at `index` has answered. */
  take(plan: Plan, ctx: Context, index: number, answer: unknown): void;
  /** @param failed - Whether a failure has ended the emission early. */
  value(ctx: Context, failed: boolean): unknown;
  values(plan: Plan): readonly unknown[];
  answeredBy(plan: Plan): string | readonly string[] | undefined;
}

export const NO_ANSWERS: readonly never[] = Object.freeze([]);

const nothing = (): undefined => undefined;
const none = (): readonly never[] => NO_ANSWERS;

/** Each answer is the next handler's payload, and the last one the value. */
export const waterfallAnswers: Answers = {
  complete: false,
  take(_plan, ctx, _index, answer) {
    ctx.payload = answer;
  },
  // A failed step must not let through what it was there to change.
  value: (ctx, failed) => (failed ? undefined : ctx.payload),
  values: none,
  answeredBy: nothing,
};

/** The first answer is the value. */
export class FirstAnswer implements Answers {
  complete = false;
  #answer: unknown;
  #index = -1;

  take(_plan: Plan, _ctx: Context, index: number, answer: unknown): void {
    this.complete = true;
    this.#answer = answer;
    this.#index = index;
  }

  value(): unknown {
    return this.#answer;
  }

  values(): readonly never[] {
    return NO_ANSWERS;
  }

  answeredBy(plan: Plan): string | undefined {
    if (this.#index === -1) return undefined;
    plan.names ??= plan.subscriptions.map(({ name }) => name);
    return plan.names[this.#index];
  }
}

/** All answers are the values, in the order of the handlers. */
export class CollectedAnswers implements Answers {
  readonly complete = false;
  #answers: unknown[] = [];
  /** Whose answers they are, by their place in the order. */
  #indexes: number[] = [];
  #sorted = true;

  take(_plan: Plan, _ctx: Context, index: number, answer: unknown): void {
    const count = this.#indexes.length;
    if (count > 0 && (this.#indexes[count - 1] as number) > index) this.#sorted = false;
    this.#indexes.push(index);
    this.#answers.push(answer);
  }

  value(): undefined {}

  values(): readonly unknown[] {
    this.#sort();
    return this.#answers;
  }

  answeredBy(plan: Plan): readonly string[] {
    this.#sort();
    plan.names ??= plan.subscriptions.map(({ name }) => name);
    const { names } = plan;
    return this.#indexes.map((index) => names[index] as string);
  }

  /** Asynchronous handlers answer in any order. */
  #sort(): void {
    if (this.#sorted) return;
    this.#sorted = true;
    const order = this.#indexes.map((index, at) => ({ index, answer: this.#answers[at] }));
    order.sort((a, b) => a.index - b.index);
    this.#indexes = order.map(({ index }) => index);
    this.#answers = order.map(({ answer }) => answer);
  }
}
