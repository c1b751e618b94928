import { show } from '../../internal/assertions.js';
import type { DeadlockLink } from '../queue-error.js';
import type { Lane } from '../waiting/lane.js';
import type { SlotHolder } from './slot-holder.js';

/** An emission that waits, on the slot of the one that it runs in, for a key that another has. */
export interface InlineWait {
  readonly type: PropertyKey;
  readonly lane: Lane;
  /** Whose slot it waits on. */
  readonly within: SlotHolder;
  /** The key is free. */
  readonly granted: () => void;
  /** It waits no more. */
  readonly refuse: (error: unknown) => void;
}

/**
 * Whether an emission within `within` would wait for itself if it waited for a key: whoever has the
 * key waits, perhaps through others, for a key that is held around `within`.
 *
 * @param waits - All inline waits of the queue.
 * @returns The events that wait for each other, if they do; the first is the one that would.
 */
export function findDeadlock(
  within: SlotHolder,
  lane: Lane,
  waits: Iterable<InlineWait>,
  seen: Set<SlotHolder> = new Set(),
): DeadlockLink[] | undefined {
  const { holder } = lane;
  if (holder === null || seen.has(holder)) return undefined;
  seen.add(holder);
  const link = { event: String(holder.type), key: show(lane.key) };
  if (within.runsIn(holder)) return [link];
  for (const wait of waits) {
    if (!wait.within.runsIn(holder)) continue;
    const rest = findDeadlock(within, wait.lane, waits, seen);
    if (rest !== undefined) return [link, ...rest];
  }
  return undefined;
}
