import type { InlineWait } from '../running/inline-wait.js';
import type { SlotHolder } from '../running/slot-holder.js';
import type { Heaped } from './heap.js';
import { LinkedList } from './linked-list.js';
import type { QueuedEvent } from './queued-event.js';
import { Ranks } from './ranks.js';
import type { Bucket } from './ready-order.js';

/** The events of one key: one at a time, in the order in which they joined. */
export class Lane implements Heaped {
  readonly key: unknown;
  readonly events: LinkedList<QueuedEvent> = new LinkedList();
  /** Whose emission has the key. */
  holder: SlotHolder | null = null;
  /** Who waits for the key on a slot that it has, and so before the events. */
  readonly inlineWaits: InlineWait[] = [];
  /** Events that are to come, but not due yet. */
  delayed = 0;
  /** Where it waits its turn; null where it is held, or empty. */
  bucket: Bucket | null = null;
  /** In its bucket. */
  position = -1;
  /** By which it competes: the highest of its events. */
  priority = 0;
  /** Its first event's, when it began to wait. */
  sequence = 0;
  /** Made when events of different priorities meet. */
  #ranks: Ranks | null = null;

  constructor(key: unknown) {
    this.key = key;
  }

  /** Whether it need not be remembered. */
  get idle(): boolean {
    return this.holder === null && this.events.size === 0 && this.delayed === 0 && this.inlineWaits.length === 0;
  }

  append(event: QueuedEvent): void {
    const { events } = this;
    if (events.size === 0) {
      this.#ranks = null;
      this.priority = event.priority;
    } else if (this.#ranks === null && event.priority !== this.priority) {
      this.#ranks = new Ranks();
      this.#ranks.change(this.priority, events.size);
    }
    events.append(event);
    this.#rank(event.priority, 1);
  }

  remove(event: QueuedEvent): void {
    this.events.remove(event);
    this.#rank(event.priority, -1);
  }

  #rank(priority: number, more: number): void {
    if (this.#ranks === null) return;
    this.#ranks.change(priority, more);
    if (this.events.size > 0) this.priority = this.#ranks.highest;
  }
}
