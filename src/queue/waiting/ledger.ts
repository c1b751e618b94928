import { Heap, type Heaped } from './heap.js';
import { type Linked, LinkedList } from './linked-list.js';
import type { QueuedEvent } from './queued-event.js';

/** The events of one priority, oldest first. */
interface Row extends Heaped {
  readonly priority: number;
  readonly entries: LinkedList<LedgerEntry>;
}

/** An event's place in the ledger. */
export interface LedgerEntry extends Linked<LedgerEntry> {
  readonly event: QueuedEvent;
  readonly row: Row;
}

/** Who waits at the lowest priority, wherever that is: kept only where somebody may have to go. */
export class Ledger {
  readonly #rows = new Map<number, Row>();
  readonly #lowest = new Heap<Row>((a, b) => a.priority < b.priority);

  add(event: QueuedEvent): LedgerEntry {
    const { priority } = event;
    let row = this.#rows.get(priority);
    if (row === undefined) {
      row = { priority, entries: new LinkedList(), position: -1 };
      this.#rows.set(priority, row);
      this.#lowest.add(row);
    }
    const entry: LedgerEntry = { event, row, previous: null, following: null };
    row.entries.append(entry);
    return entry;
  }

  remove(entry: LedgerEntry): void {
    const { row } = entry;
    row.entries.remove(entry);
    if (row.entries.size > 0) return;
    this.#rows.delete(row.priority);
    this.#lowest.remove(row);
  }

  /** The oldest or newest of the lowest priority. */
  lowest(which: 'first' | 'last'): QueuedEvent | undefined {
    return this.#lowest.top?.entries[which]?.event;
  }
}
