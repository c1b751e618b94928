import type { Context } from './dispatching/context.js';
import type { GroupState } from './subscribing/group.js';

/** An emission that has begun, or what comes before and after one. */
export interface InFlightEntry {
  readonly ctx: Context;
  /** Its neighbours among those in flight. */
  following: InFlightEntry | null;
  previous: InFlightEntry | null;
  /** The names of what has not settled. */
  waitsFor(): readonly string[];
  /** Whether a handler of `group` runs in it, or will although the group is retired. */
  involves(group: GroupState): boolean;
  /** Whether it can't go on before those in `within` do. */
  waitsOn(within: ReadonlySet<Context>): boolean;
  /** Something has changed for handlers that wait for a slot. */
  reconsider(): void;
  /** Nobody waits for it any more: nothing more starts, and what runs is told to give up. */
  abandon(reason: unknown): void;
}

/**
 * The emissions that have gone asynchronous and not ended: a doubly linked list through the
 * emissions themselves, because a Set costs each of them as much as a promise does.
 */
export class InFlight {
  private first: InFlightEntry | null = null;
  size = 0;

  add(emission: InFlightEntry): void {
    const { first } = this;
    emission.following = first;
    if (first !== null) first.previous = emission;
    this.first = emission;
    this.size++;
  }

  /** Takes out an emission that was added. */
  remove(emission: InFlightEntry): void {
    const { following, previous } = emission;
    if (previous === null) this.first = following;
    else previous.following = following;
    if (following !== null) following.previous = previous;
    emission.following = null;
    emission.previous = null;
    this.size--;
  }

  has(emission: InFlightEntry): boolean {
    return emission === this.first || emission.previous !== null;
  }

  /** Oldest first; emissions may end, and others be added, meanwhile. */
  [Symbol.iterator](): IterableIterator<InFlightEntry> {
    const emissions: InFlightEntry[] = [];
    for (let emission = this.first; emission !== null; emission = emission.following) emissions.push(emission);
    return emissions.toReversed()[Symbol.iterator]();
  }

  /** The newest that passes `test`. */
  find(test: (emission: InFlightEntry) => boolean): InFlightEntry | undefined {
    for (let emission = this.first; emission !== null; emission = emission.following)
      if (test(emission)) return emission;
    return undefined;
  }
}
