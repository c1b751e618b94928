import type { Entry } from './model-world.js';
import type { QueueState } from './played-queue.js';
import type { QueuePlan } from './program.js';
import type { QueueRules } from './rules.js';

/** What waits, in the order in which it came. Whoever asks for something looks through all of it. */
export class ModelWaiting {
  entries: readonly Entry[] = [];
  readonly #rules: QueueRules;
  readonly #plan: QueuePlan;
  #places = 0;
  /** Where lanes stand that are free again, by a wrong rule. */
  readonly #lanePlaces = new Map<number, number>();

  constructor(plan: QueuePlan, rules: QueueRules) {
    this.#plan = plan;
    this.#rules = rules;
  }

  get #capacity(): number {
    return this.#plan.capacity ?? Infinity;
  }

  get isFull(): boolean {
    const { delayedTakeRoom } = this.#rules;
    return this.entries.filter((entry) => delayedTakeRoom || entry.place !== undefined).length >= this.#capacity;
  }

  add(entry: Entry): void {
    this.entries = [...this.entries, entry];
    if (entry.calledAt === entry.dueAt || !this.#rules.delayedJoinsWhenDue) entry.place = ++this.#places;
  }

  /** An event has become due. */
  join(entry: Entry): void {
    if (this.#rules.delayedJoinsWhenDue) entry.place = ++this.#places;
  }

  remove(entry: Entry): void {
    this.entries = this.entries.filter((other) => other !== entry);
  }

  /** A key is free again. */
  released(key: number): void {
    if (!this.#rules.laneKeepsPlace) this.#lanePlaces.set(key, ++this.#places);
  }

  /** Whether an event of a key waits its turn. */
  hasDue(key: number): boolean {
    return this.entries.some(({ call, place }) => call.key === key && place !== undefined);
  }

  /** Which event has to go for one more of this priority: one that waits, or the new one, or none. */
  victim(priority: number): Entry | 'newcomer' | undefined {
    const { overflow = 'reject' } = this.#plan;
    const { newcomerCompetes, victim } = this.#rules;
    const all: (Entry | 'newcomer')[] = newcomerCompetes ? [...this.entries, 'newcomer'] : [...this.entries];
    const priorityOf = (one: Entry | 'newcomer'): number => (one === 'newcomer' ? priority : one.priority);
    const lowest = Math.min(...all.map(priorityOf));
    const ofLowest = all.filter((one) => priorityOf(one) === lowest);
    return victim(overflow, ofLowest);
  }

  /** Who starts next, where some keys are held. */
  next(now: number, isHeld: (key: number) => boolean): Entry | undefined {
    const { blockedMayStart, heldKeyBlocksOthers, laneOrder, lanePriority, order } = this.#rules;
    const contenders: { priority: number; place: number; entry: Entry; held: boolean }[] = [];
    const admitted = blockedMayStart ? this.entries : this.entries.slice(0, this.#capacity);
    const due = admitted.flatMap((entry) =>
      entry.place === undefined || entry.dueAt > now ? [] : [{ entry, priority: entry.priority, place: entry.place }],
    );
    for (const one of due) {
      const { key } = one.entry.call;
      if (key === undefined) {
        contenders.push({ ...one, held: false });
        continue;
      }
      const lane = due.filter(({ entry }) => entry.call.key === key).sort(laneOrder);
      if (lane[0] !== one) continue;
      const priority = lanePriority(lane.map((other) => other.priority));
      const place = Math.max(one.place, this.#lanePlaces.get(key) ?? 0);
      contenders.push({ entry: one.entry, priority, place, held: isHeld(key) });
    }
    const [first] = contenders.sort(order).filter(({ held }) => heldKeyBlocksOthers || !held);
    return first?.held === false ? first.entry : undefined;
  }

  /** What can be seen of it. */
  state(now: number): Pick<QueueState, 'size' | 'delayed' | 'blocked' | 'depths' | 'oldestWaitMs'> {
    const { entries } = this;
    const due = entries.filter(({ dueAt }) => dueAt <= now);
    const priorities = [...new Set(entries.map(({ priority }) => priority))].sort((a, b) => b - a);
    return {
      size: Math.min(entries.length, this.#capacity),
      delayed: entries.length - due.length,
      blocked: Math.max(0, entries.length - this.#capacity),
      depths: priorities.map((priority) => ({
        priority,
        size: entries.filter((entry) => entry.priority === priority).length,
      })),
      oldestWaitMs: due.length === 0 ? null : Math.max(...due.map(({ dueAt }) => now - dueAt)),
    };
  }
}
