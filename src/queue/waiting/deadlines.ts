import { type Clock, LONGEST_DELAY_MS } from '../../internal/clock.js';
import { Heap, type Heaped } from './heap.js';
import type { QueuedEvent } from './queued-event.js';

/** A moment that something happens to an event, unless it is taken out before. */
export interface Deadline extends Heaped {
  /** On the bus's clock, in milliseconds. */
  readonly at: number;
  /** Among those of the same moment the first comes first. */
  readonly sequence: number;
  readonly event: QueuedEvent;
}

/** Many moments with one timer, for the earliest. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #reached: (event: QueuedEvent) => void;
  readonly #heap = new Heap<Deadline>((a, b) => a.at < b.at || (a.at === b.at && a.sequence < b.sequence));
  #sequence = 0;
  #timer: unknown;
  #timerAt = Infinity;

  constructor(clock: Clock, reached: (event: QueuedEvent) => void) {
    this.#clock = clock;
    this.#reached = reached;
  }

  get size(): number {
    return this.#heap.size;
  }

  get earliest(): number {
    return this.#heap.top?.at ?? Infinity;
  }

  add(event: QueuedEvent, at: number): Deadline {
    const deadline = { at, sequence: this.#sequence++, event, position: -1 };
    this.#heap.add(deadline);
    if (at < this.#timerAt) this.#arm();
    return deadline;
  }

  remove(deadline: Deadline): void {
    this.#heap.remove(deadline);
    // A timer that has become early stays, until it keeps the process alive for nothing.
    if (this.#heap.size === 0) this.#arm();
  }

  *[Symbol.iterator](): Generator<QueuedEvent> {
    for (const { event } of this.#heap) yield event;
  }

  #arm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#timerAt = this.earliest;
    if (this.#timerAt === Infinity) return;
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#timerAt = Infinity;
        this.#reach();
      },
      Math.min(Math.max(0, this.#timerAt - this.#clock.now()), LONGEST_DELAY_MS),
    );
  }

  #reach(): void {
    const now = this.#clock.now();
    for (let { top } = this.#heap; top !== undefined && top.at <= now; { top } = this.#heap) {
      this.#heap.remove(top);
      this.#reached(top.event);
    }
    if (this.#timer === undefined) this.#arm();
  }
}
