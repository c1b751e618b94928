import { systemClock } from '../../internal/clock.js';

/** How long events are emitted one after the other before timers and I/O get their turn, in milliseconds. */
const SLICE_MS = 8;
/** After how many events, at most, the clock is looked at. */
const LOOK_EVERY = 16;

// Taken when the module loads: a test that fakes timers must not stop a queue.
const { MessageChannel, setImmediate, setTimeout } = globalThis as Partial<typeof globalThis> & {
  readonly setImmediate?: (callback: () => void) => unknown;
};

/** Calls back after the event loop has had its turn. */
export function afterTurn(callback: () => void): void {
  if (setImmediate !== undefined) setImmediate(callback);
  else if (MessageChannel !== undefined) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      callback();
    };
    port2.postMessage(undefined);
  } else setTimeout?.(callback, 0);
}

/**
 * Gives the event loop its turn every few milliseconds. To look at the clock costs as much as an event: it
 * is done the more rarely the faster they are.
 */
export class TimeSlice {
  /** The event loop has its turn. */
  yielding = false;
  readonly #goOn: () => void;
  /** The event loop has had its turn since the slice began. */
  #stale = true;
  /** Somebody is going to say when it has. */
  #watched = false;
  #since = 0;
  /** After how many events of the slice the clock is looked at. */
  #lookAt = 1;
  #events = 0;

  constructor(goOn: () => void) {
    this.#goOn = goOn;
  }

  /**
   * Events are about to be emitted: in a new slice, if the event loop has had its turn.
   *
   * @param now - On the system's clock, where that is known.
   */
  begin(now?: number): void {
    if (!this.#stale) return;
    this.#stale = false;
    this.#since = now ?? systemClock.now();
    this.#lookAt = 1;
    this.#events = 0;
    if (this.#watched) return;
    this.#watched = true;
    afterTurn(() => {
      this.#watched = false;
      this.#stale = true;
    });
  }

  /** Counts one event, and says whether it was the last for now. */
  isOver(): boolean {
    if (++this.#events < this.#lookAt) return false;
    const elapsedMs = systemClock.now() - this.#since;
    if (elapsedMs < SLICE_MS) {
      // As many again, but no more than half of what would fit: what follows may be slower.
      const fitting = elapsedMs === 0 ? LOOK_EVERY : (SLICE_MS - elapsedMs) / (elapsedMs / this.#events) / 2;
      this.#lookAt += Math.max(1, Math.min(this.#events, LOOK_EVERY, Math.floor(fitting)));
      return false;
    }
    this.yielding = true;
    afterTurn(() => {
      this.yielding = false;
      this.#stale = true;
      this.#goOn();
    });
    return true;
  }
}
