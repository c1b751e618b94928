import PQueue from 'p-queue';

/**
 * Lets starts happen no faster than a rate, in any window of its length. p-queue counts the time; at
 * most one start at a time waits in it, without saying of which event, so that a higher priority that
 * comes later still overtakes.
 */
export class Pacer {
  readonly #queue: PQueue;
  readonly #start: () => void;
  #asked = false;

  constructor({ limit, intervalMs }: { readonly limit: number; readonly intervalMs: number }, start: () => void) {
    this.#queue = new PQueue({ intervalCap: limit, interval: intervalMs, strict: true });
    this.#start = start;
  }

  /** Has `start` called as soon as the rate allows it; once, however often it is asked. */
  ask(): void {
    if (this.#asked) return;
    this.#asked = true;
    void this.#queue.add(() => {
      this.#asked = false;
      this.#start();
    });
  }

  /** There is nothing to start any more: what was asked for must not count. */
  takeBack(): void {
    if (!this.#asked) return;
    this.#asked = false;
    // Nothing else ever waits in it. The promise of what did stays pending; nobody has it.
    this.#queue.clear();
  }

  /** Forgets what it was asked for. */
  end(): void {
    this.#queue.pause();
    this.#queue.clear();
    // Only starting anew makes it notice that it is empty, and stop the timer that keeps the process alive.
    this.#queue.start();
  }
}
