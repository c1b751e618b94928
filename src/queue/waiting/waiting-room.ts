import type { Clock } from '../../internal/clock.js';
import type { SlotHolder } from '../running/slot-holder.js';
import type { QueueSettings } from '../settings.js';
import { Deadlines } from './deadlines.js';
import { Lane } from './lane.js';
import { Ledger } from './ledger.js';
import type { QueuedEvent } from './queued-event.js';
import { ReadyOrder } from './ready-order.js';

/** Everything that waits, wherever: not due yet, for its turn in a lane, for a slot. */
export class WaitingRoom {
  size = 0;
  readonly #order = new ReadyOrder();
  readonly #lanes = new Map<unknown, Lane>();
  readonly #delays: Deadlines;
  readonly #expiries: Deadlines;
  readonly #ledger: Ledger | null;
  #nextSequence = 0;

  /**
   * @param due - An event's delay is over: it is still in the room, but waits for nothing.
   * @param expired - An event has waited too long.
   */
  constructor(
    clock: Clock,
    { capacity, overflow }: QueueSettings,
    due: (event: QueuedEvent) => void,
    expired: (event: QueuedEvent) => void,
  ) {
    this.#delays = new Deadlines(clock, (event) => {
      const { extras } = event;
      if (extras === null) return;
      extras.delay = undefined;
      extras.dueAt = clock.now();
      due(event);
    });
    this.#expiries = new Deadlines(clock, (event) => {
      if (event.extras !== null) event.extras.expiry = undefined;
      expired(event);
    });
    const drops = overflow === 'drop-oldest' || overflow === 'drop-newest';
    this.#ledger = drops && capacity !== Infinity ? new Ledger() : null;
  }

  /** Whether somebody may have to go to make room, and every event has a place in the ledger. */
  get keepsLedger(): boolean {
    return this.#ledger !== null;
  }

  /** How many are not due yet. */
  get delayed(): number {
    return this.#delays.size;
  }

  /** Whether one of them is going to leave, if it isn't emitted before. */
  get expires(): boolean {
    return this.#expiries.size > 0;
  }

  /** When the next one is due; Infinity where none is to come. */
  get nextDueAt(): number {
    return this.#delays.earliest;
  }

  get lanes(): ReadonlyMap<unknown, Lane> {
    return this.#lanes;
  }

  /** The event that is next to start, if any may. */
  get next(): QueuedEvent | null {
    return this.#order.next;
  }

  /** A number that says where in the order of joining something stands. */
  sequence(): number {
    return this.#nextSequence++;
  }

  laneOf(key: unknown): Lane {
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = new Lane(key);
      this.#lanes.set(key, lane);
    }
    return lane;
  }

  /** @param delayMs - From now on. */
  add(event: QueuedEvent, delayMs: number): void {
    const { extras, origin } = event;
    this.size++;
    if (extras !== null && this.#ledger !== null) extras.ledgerEntry = this.#ledger.add(event);
    if (extras === null || delayMs === 0) {
      this.join(event);
      return;
    }
    if (extras.lane !== undefined) extras.lane.delayed++;
    extras.delay = this.#delays.add(event, origin.at + delayMs);
  }

  /** Takes out an event whose delay is over, and which has not joined those that may start. */
  leaveDue({ extras }: QueuedEvent): void {
    this.size--;
    if (extras?.ledgerEntry !== undefined) this.#ledger?.remove(extras.ledgerEntry);
    if (extras?.lane === undefined) return;
    extras.lane.delayed--;
    this.tidy(extras.lane);
  }

  /** Puts an event, which is in the room, in the order of those that may start. */
  join(event: QueuedEvent): void {
    const { extras } = event;
    if (extras === null) {
      this.#order.addEvent(event);
      return;
    }
    if (extras.maxWaitMs !== Infinity) {
      extras.expiry = this.#expiries.add(event, event.waitingSince + extras.maxWaitMs);
    }
    const { dueAt, lane } = extras;
    if (dueAt !== undefined) {
      extras.arrival = event.sequence;
      event.sequence = this.sequence();
      if (lane !== undefined) lane.delayed--;
    }
    if (lane === undefined) this.#order.addEvent(event);
    else
      this.#change(lane, () => {
        lane.append(event);
      });
  }

  /** Takes an event out, wherever it waits. */
  remove(event: QueuedEvent): void {
    const { extras } = event;
    this.size--;
    if (extras === null) {
      this.#order.removeEvent(event);
      return;
    }
    const { delay, expiry, lane, ledgerEntry } = extras;
    if (ledgerEntry !== undefined) this.#ledger?.remove(ledgerEntry);
    if (expiry !== undefined) this.#expiries.remove(expiry);
    extras.ledgerEntry = undefined;
    extras.expiry = undefined;
    if (delay !== undefined) {
      this.#delays.remove(delay);
      extras.delay = undefined;
      if (lane !== undefined) lane.delayed--;
    } else if (lane === undefined) this.#order.removeEvent(event);
    else
      this.#change(lane, () => {
        lane.remove(event);
      });
    if (lane !== undefined) this.tidy(lane);
  }

  /** A lane's key is free again, and nobody takes it inline. */
  free(lane: Lane): void {
    lane.holder = null;
    this.#change(lane, () => {});
    this.tidy(lane);
  }

  /** Somebody takes a lane's key: its events wait. */
  hold(lane: Lane, holder: SlotHolder): void {
    this.#change(lane, () => {
      lane.holder = holder;
    });
  }

  /** Forgets a lane that is not needed any more. */
  tidy(lane: Lane): void {
    if (lane.idle) this.#lanes.delete(lane.key);
  }

  /** The oldest or newest event of the lowest priority; only where the overflow policy asks for it. */
  lowest(which: 'first' | 'last'): QueuedEvent | undefined {
    return this.#ledger?.lowest(which);
  }

  /** All that waits, in the order in which it came. */
  all(): QueuedEvent[] {
    const events: QueuedEvent[] = [...this.#delays];
    for (const bucket of this.#order) for (const event of bucket.events) events.push(event);
    for (const lane of this.#lanes.values()) for (const event of lane.events) events.push(event);
    return events.sort((a, b) => a.arrival - b.arrival);
  }

  /** Changes a lane, and its place in the order with it. */
  #change(lane: Lane, change: () => void): void {
    const { bucket, priority } = lane;
    const { first } = lane.events;
    change();
    const ready = lane.holder === null && lane.events.size > 0;
    if (bucket !== null) {
      if (ready && lane.events.first === first && lane.priority === priority) return;
      this.#order.removeLane(lane);
    }
    if (ready) this.#order.addLane(lane);
  }
}
