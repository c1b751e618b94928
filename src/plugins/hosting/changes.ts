import type { Context } from '../../bus/dispatching/context.js';
import type { Lifetime } from '../../bus/lifetime.js';

/**
 * The changes of a host, one after the other: each finds the host as the one before has left it. Whoever waits for one
 * inside of a handler isn't waited for by those before it, so that they can't wait for each other.
 */
export class Changes {
  readonly #lifetime: Lifetime;
  /** Settles when the last one has ended; undefined where none is under way. */
  #last: Promise<void> | undefined;
  #waiting = 0;

  constructor(lifetime: Lifetime) {
    this.#lifetime = lifetime;
  }

  /** Whether one is being made, or waits for its turn. */
  get underWay(): boolean {
    return this.#last !== undefined;
  }

  /** How many wait for others. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Makes a change: within this call, as far as it is synchronous, where no other is under way. */
  run<Result>(caller: Context | null, change: () => Promise<Result>): Promise<Result> {
    const release = this.#lifetime.hold(caller);
    const before = this.#last;
    let end = (): void => {};
    // There before the change begins: what begins within its synchronous part comes after it too.
    const settled = new Promise<void>((resolve) => {
      end = () => {
        release();
        if (this.#last === settled) this.#last = undefined;
        resolve();
      };
    });
    this.#last = settled;
    if (before !== undefined) this.#waiting++;
    const promise =
      before === undefined
        ? change()
        : before.then(() => {
            this.#waiting--;
            return change();
          });
    promise.then(end, end);
    return promise;
  }
}
