import { AmbusError } from '../errors.js';
import { show } from '../internal/assertions.js';
import type { Clock } from '../internal/clock.js';

interface ManualTimer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

interface AsyncHooks {
  readonly AsyncResource?: { bind(callback: () => void): () => void };
}

/** Has a callback run in the AsyncLocalStorage context of this call, as the platform's timers do. */
function inThisContext(callback: () => void): () => void {
  const host = globalThis as { process?: { getBuiltinModule?: (id: string) => AsyncHooks | undefined } };
  return host.process?.getBuiltinModule?.('node:async_hooks')?.AsyncResource?.bind(callback) ?? callback;
}

/**
 * A clock that stands still until it is told to go on: time limits are tested without waiting.
 *
 * @example
 * ```ts
 * import { EventBus } from 'ambus';
 * import { ManualClock } from 'ambus/testing';
 * const clock = new ManualClock();
 * const bus = new EventBus({ clock, onFailure: (failure) => console.log(failure.code) });
 * bus.on('slow', () => new Promise(() => {}), { timeoutMs: 1_000 });
 * const emission = bus.emit('slow');
 * await clock.advance(1_000); // HANDLER_TIMEOUT
 * console.log((await emission).ok); // false
 * ```
 */
export class ManualClock implements Clock {
  #now: number;
  #order = 0;
  readonly #timers = new Set<ManualTimer>();

  /** @param now - Where it starts, in milliseconds. */
  constructor(now = 0) {
    this.#now = now;
  }

  /** How many timers wait to fire. */
  get pending(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, ms: number): unknown {
    const timer: ManualTimer = {
      due: this.#now + Math.max(0, ms),
      order: this.#order++,
      callback: inThisContext(callback),
    };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as ManualTimer);
  }

  /**
   * Moves the time on and fires what falls due, earliest first, each at its own time. Promises settle
   * before the first timer, between timers and after the last, so that a timer armed by what a
   * promise set off fires too where it falls due in time.
   *
   * @param ms - How far, in milliseconds; 0 fires what is due now.
   * @returns A promise that resolves when everything due has fired and settled.
   * @throws `AmbusError` `INVALID_ARGUMENT` unless `ms` is a finite number of at least 0.
   */
  async advance(ms: number): Promise<void> {
    if (!(Number.isFinite(ms) && ms >= 0)) {
      throw new AmbusError(
        'INVALID_ARGUMENT',
        `Expected the milliseconds to advance by to be a finite number of at least 0, got ${show(ms)}.`,
      );
    }
    const end = this.#now + ms;
    await settlePromises();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.due);
      timer.callback();
      await settlePromises();
    }
    this.#now = Math.max(this.#now, end);
  }

  #next(end: number): ManualTimer | undefined {
    let next: ManualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.due > end) continue;
      if (next === undefined || timer.due < next.due || (timer.due === next.due && timer.order < next.order)) {
        next = timer;
      }
    }
    return next;
  }
}

/** Waits until the microtasks that are queued, and those which they queue, have run. */
function settlePromises(): Promise<void> {
  // A macrotask runs when no microtask is left; a message is one without a timer's minimum delay.
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
