import type { HandlerRun } from '../dispatching/handler-run.js';

/** The slots of one handler's own `concurrency`, and the runs that wait for one, first come first served. */
export class Limiter {
  readonly limit: number;
  readonly holders: Set<HandlerRun> = new Set();
  readonly waiting: Set<HandlerRun> = new Set();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Takes a slot, if one is free. */
  take(run: HandlerRun): boolean {
    if (this.holders.size >= this.limit) return false;
    this.holders.add(run);
    return true;
  }

  /** Gives a slot back: to whoever waits for it, else to the next who asks. */
  release(run: HandlerRun): void {
    this.holders.delete(run);
    for (const next of this.waiting) {
      this.waiting.delete(next);
      this.holders.add(next);
      next.slotGranted();
      return;
    }
  }
}
