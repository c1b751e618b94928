import type { Emission } from './emission.js';

/**
 * The emissions that have gone asynchronous and not ended: a doubly linked list through the
 * emissions themselves, because a Set costs each of them as much as a promise does.
 */
export class InFlight {
  private first: Emission | null = null;
  size = 0;

  add(emission: Emission): void {
    const { first } = this;
    emission.next = first;
    if (first !== null) first.previous = emission;
    this.first = emission;
    this.size++;
  }

  /** Takes out an emission that was added. */
  remove(emission: Emission): void {
    const { next, previous } = emission;
    if (previous === null) this.first = next;
    else previous.next = next;
    if (next !== null) next.previous = previous;
    emission.next = null;
    emission.previous = null;
    this.size--;
  }

  /** Oldest first; emissions may end, and others be added, meanwhile. */
  [Symbol.iterator](): IterableIterator<Emission> {
    const emissions: Emission[] = [];
    for (let emission = this.first; emission !== null; emission = emission.next) emissions.push(emission);
    return emissions.toReversed()[Symbol.iterator]();
  }

  /** Whether any of them passes `test`. */
  some(test: (emission: Emission) => boolean): boolean {
    for (let emission = this.first; emission !== null; emission = emission.next) if (test(emission)) return true;
    return false;
  }
}
