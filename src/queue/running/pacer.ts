import PQueue from 'p-queue';

const noop = (): void => {};

/**
 * Lets starts happen no faster than a rate, in any window of its length. p-queue counts the time; at
 * most one start at a time waits in it, without saying of which event, so that a higher priority that
 * comes later still overtakes.
 */
export class Pacer {
  readonly #queue: PQueue;
  readonly #start: () => void;
  /** Takes back what it was asked for. */
  #asked: AbortController | null = null;

  constructor({ limit, intervalMs }: { readonly limit: number; readonly intervalMs: number }, start: () => void) {
    this.#queue = new PQueue({ intervalCap: limit, interval: intervalMs, strict: true });
    this.#start = start;
  }

  /** Has `start` called as soon as the rate allows it; once, however often it is asked. */
  ask(): void {
    if (this.#asked !== null) return;
    const asked = new AbortController();
    this.#asked = asked;
    const start = (): void => {
      this.#asked = null;
      this.#start();
    };
    this.#queue.add(start, { signal: asked.signal }).catch(noop);
  }

  /** There is nothing to start any more: what was asked for must not count. */
  takeBack(): void {
    this.#asked?.abort();
    this.#asked = null;
  }

  /** Forgets what it was asked for. */
  end(): void {
    this.takeBack();
    this.#queue.pause();
    this.#queue.clear();
    // Only starting anew makes it notice that it is empty, and stop the timer that keeps the process alive.
    this.#queue.start();
  }
}
