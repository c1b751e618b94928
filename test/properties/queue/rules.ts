import type { QueueOverflow } from '../../../src/queue/options.js';

/** Who competes for the next slot: an event, or a lane as one. */
export interface Contender {
  readonly priority: number;
  /** When it joined the order, as a number that grows. */
  readonly place: number;
}

/** What a slot or a key is kept for when its emission has ended. */
export interface Keeping {
  readonly lateWork: boolean;
  readonly inline: boolean;
}

/**
 * What the design says of queues in a sentence, one by one, so that a wrong sentence can be put in the
 * place of each: that is how it is shown that these tests can fail.
 */
export interface QueueRules {
  /** Below zero where `a` leaves before `b`. */
  readonly order: (a: Contender, b: Contender) => number;
  /** Below zero where `a` is before `b` in their lane. */
  readonly laneOrder: (a: Contender, b: Contender) => number;
  /** With what priority a lane competes: given those of its events, in their order. */
  readonly lanePriority: (priorities: readonly number[]) => number;
  /** Whether a lane that is free again stands where its next event has its place, or behind all others. */
  readonly laneKeepsPlace: boolean;
  /** Whether those behind an event whose key is held wait too. */
  readonly heldKeyBlocksOthers: boolean;
  /** Whether an event whose delay is over stands behind those that have come meanwhile. */
  readonly delayedJoinsWhenDue: boolean;
  /** Whether the time that an event may wait begins when it is due. */
  readonly expiresFromDue: boolean;
  /** Whether a posted event that expires is reported. */
  readonly reportsExpired: boolean;

  /** Whether events that are not due take room. */
  readonly delayedTakeRoom: boolean;
  /** Which of the events of the lowest priority goes; those that wait, oldest first, and then the new one. */
  readonly victim: <T>(overflow: QueueOverflow, lowest: readonly T[]) => T | undefined;
  /** Whether the new event is one of those of which one has to go. */
  readonly newcomerCompetes: boolean;
  /** Whether an event that waits for room may start before it has it. */
  readonly blockedMayStart: boolean;
  /** Whether a post waits for room where an emit does. */
  readonly postWaitsForRoom: boolean;

  readonly slotIsKeptFor: Keeping;
  readonly keyIsKeptFor: Keeping;
  /** Whether late work is waited for no longer than `lateMs`. */
  readonly lateWorkIsAbandoned: boolean;
  /** Whether an emission that is aborted keeps its slot until its handlers have settled. */
  readonly abortedKeepsSlot: boolean;
  /** Whether a lower concurrency holds for what starts from then on. */
  readonly concurrencyMayFall: boolean;

  /** What runs within the emission that calls. */
  readonly runsInline: (verb: 'emit' | 'post') => boolean;
  /** Whether an emission within another takes a slot of its own. */
  readonly inlineTakesSlot: boolean;
  /** Whether a pause holds for emissions within others. */
  readonly pauseStopsInline: boolean;
  /** Whether the key of an emission around is free for those within it. */
  readonly sharesKeys: boolean;
  /** Whether an emission within another takes a free key, so that others wait for it. */
  readonly inlineHoldsKey: boolean;
  /** Whether an emission that waits for a key on a slot gets it before the events of its lane. */
  readonly inlineBeforeLane: boolean;
  /** Whether what a handler emits when its emission is over waits its turn. */
  readonly strayWaits: boolean;
  /** Whether a delayed event runs within the emission that called, if that still runs. */
  readonly delayedRunsInline: boolean;
  /** How many emissions a circle of waits has at most that is refused. */
  readonly longestCircle: number;

  readonly clears: { readonly delayed: boolean; readonly inlineWaits: boolean };
  readonly drains: boolean;
  readonly drainsDelayed: 'due in time' | 'all' | 'none';
  /** Whether events that running emissions cause come in while the queue closes. */
  readonly admitsNestedWhileClosing: boolean;
}

export const DESIGN: QueueRules = {
  order: (a, b) => b.priority - a.priority || a.place - b.place,
  laneOrder: (a, b) => a.place - b.place,
  lanePriority: (priorities) => Math.max(...priorities),
  laneKeepsPlace: true,
  heldKeyBlocksOthers: false,
  delayedJoinsWhenDue: true,
  expiresFromDue: true,
  reportsExpired: true,
  delayedTakeRoom: true,
  victim: (overflow, lowest) => (overflow === 'drop-oldest' ? lowest.at(0) : lowest.at(-1)),
  newcomerCompetes: true,
  blockedMayStart: true,
  postWaitsForRoom: false,
  slotIsKeptFor: { lateWork: true, inline: true },
  keyIsKeptFor: { lateWork: true, inline: true },
  lateWorkIsAbandoned: true,
  abortedKeepsSlot: true,
  concurrencyMayFall: true,
  runsInline: (verb) => verb === 'emit',
  inlineTakesSlot: false,
  pauseStopsInline: false,
  sharesKeys: true,
  inlineHoldsKey: true,
  inlineBeforeLane: true,
  strayWaits: true,
  delayedRunsInline: true,
  longestCircle: Infinity,
  clears: { delayed: true, inlineWaits: false },
  drains: true,
  drainsDelayed: 'due in time',
  admitsNestedWhileClosing: true,
};
