import { Heap, type Heaped } from './heap.js';

/** A priority, and how many have it. */
interface Rank extends Heaped {
  readonly priority: number;
  size: number;
}

/** How many there are at each priority, to know the highest. */
export class Ranks {
  readonly #byPriority = new Map<number, Rank>();
  readonly #highest = new Heap<Rank>((a, b) => a.priority > b.priority);

  get highest(): number {
    return this.#highest.top?.priority ?? 0;
  }

  /** @param more - How many there are more, or fewer. */
  change(priority: number, more: number): void {
    let rank = this.#byPriority.get(priority);
    if (rank === undefined) {
      rank = { priority, size: 0, position: -1 };
      this.#byPriority.set(priority, rank);
      this.#highest.add(rank);
    }
    rank.size += more;
    if (rank.size > 0) return;
    this.#byPriority.delete(priority);
    this.#highest.remove(rank);
  }
}
