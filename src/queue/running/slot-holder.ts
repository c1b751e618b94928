import { type Context, SETTLED, SLOT, SlotContext, slotAround } from '../../bus/dispatching/context.js';
import type { Plan } from '../../bus/dispatching/plan.js';
import type { QueueCore } from '../core.js';
import type { Lane } from '../waiting/lane.js';
import type { Linked } from '../waiting/linked-list.js';

/**
 * What an emission of a queue takes: a slot of its own, or a part of that of the emission which it
 * runs in, and perhaps a key. Given back when the emission has ended, with all late work in it and all
 * that runs inline on it.
 */
export class SlotHolder extends SlotContext implements Linked<SlotHolder> {
  previous: SlotHolder | null = null;
  following: SlotHolder | null = null;
  readonly queue: QueueCore;
  /** Whose slot it shares. */
  readonly outer: SlotHolder | null;
  /** The one with a slot of its own. */
  readonly root: SlotHolder;
  /** Of the emission that it was enqueued in, which may have ended; only where observers are told. */
  private readonly comesFrom: string | undefined;
  readonly priority: number;
  /** The key that it took, and nobody around it has. */
  readonly lane: Lane | null;
  /** Made when somebody may want to know. */
  timing: { readonly startedAt: number; readonly waitedMs: number } | null = null;
  /** Emissions that run directly within it, or wait to. */
  inline = 0;
  /** Handlers of its own emission that go on after their time limit. */
  late = 0;
  /** The same of all that goes on on its slot, where it has one of its own. */
  slotInline = 0;
  slotLate = 0;
  /** Its own emission has not ended. */
  emitting = true;

  constructor(
    queue: QueueCore,
    plan: Plan,
    payload: unknown,
    parent: Context | null,
    outer: SlotHolder | null,
    priority: number,
    lane: Lane | null,
  ) {
    super(plan, payload, parent, SLOT);
    this.queue = queue;
    this.outer = outer;
    this.comesFrom = parent !== null && queue.bus.facts.emissions ? parent.id : undefined;
    this.priority = priority;
    this.lane = lane;
    this.root = outer === null ? this : outer.root;
    // Without a call, so that it happens whole or not at all where the stack is used up.
    beginning[beginning.length] = this;
    if (outer !== null) {
      outer.inline++;
      this.root.slotInline++;
    }
  }

  override get parentId(): string | undefined {
    return this.comesFrom;
  }

  get over(): boolean {
    return (this.flags & SETTLED) !== 0;
  }

  /** The key that it has, or one that it runs in. */
  get key(): unknown {
    let holder: SlotHolder | null = this;
    while (holder !== null && holder.lane === null) holder = holder.outer;
    return holder?.lane?.key;
  }

  /** Whether it, or one that it runs in, has a key. */
  holds(lane: Lane): boolean {
    let holder: SlotHolder | null = this;
    while (holder !== null && holder.lane !== lane) holder = holder.outer;
    return holder !== null;
  }

  override runsIn(other: SlotContext): boolean {
    let holder: SlotHolder | null = this;
    while (holder !== null && holder !== other) holder = holder.outer;
    return holder !== null;
  }

  /**
   * Its emission begins.
   *
   * @param waitingSince - On the bus's clock; left out where it has not waited.
   */
  began(waitingSince?: number): void {
    const startedAt = this.queue.bus.clock.now();
    this.timing = { startedAt, waitedMs: startedAt - (waitingSince ?? startedAt) };
  }

  emissionEnded(): void {
    this.emitting = false;
    this.check();
  }

  /** An emission runs within it, or waits to. */
  inlineBegan(): void {
    this.inline++;
    this.root.slotInline++;
  }

  inlineEnded(): void {
    this.waitEnded();
    this.check();
  }

  /** An emission that waited to run within it does, and has been counted as such. */
  waitEnded(): void {
    this.inline--;
    this.root.slotInline--;
  }

  override lateRunBegan(): void {
    this.late++;
    this.root.slotLate++;
  }

  override lateRunEnded(): void {
    this.late--;
    this.root.slotLate--;
    this.check();
  }

  /** Gives back what it has, if nothing goes on with it any more; and so outwards, however many there are. */
  private check(): void {
    let freed = false;
    let holder: SlotHolder | null = this;
    while (holder !== null && !holder.emitting && holder.inline === 0 && holder.late === 0 && !holder.over) {
      const { outer }: SlotHolder = holder;
      holder.flags |= SETTLED;
      // Events that cause each other for ever must not keep each other alive; nor must a payload live as long
      // as a socket that was opened in its emission.
      holder.trim();
      holder.payload = undefined;
      holder.queue.freed(holder);
      outer?.waitEnded();
      freed = true;
      holder = outer;
    }
    if (freed) this.queue.pump.wake();
  }
}

/**
 * Holders whose emission has begun and not returned to whoever began it, innermost last. Where the stack is
 * used up an emission can't even tidy up behind itself: whoever is around it, and has stack left, does.
 */
const beginning: SlotHolder[] = [];

/** Whether a holder's emission has returned, after all that began within it. */
export function returned(holder: SlotHolder): void {
  for (let last = beginning.pop(); last !== undefined && last !== holder; last = beginning.pop()) last.emissionEnded();
}

/** The emission of a queue that a context is part of: the innermost that has not ended, of those with its slot. */
export function holderAround(queue: QueueCore, ctx: Context | null): SlotHolder | null {
  let slot = ctx === null ? null : slotAround(ctx);
  while (slot !== null && !(slot instanceof SlotHolder && slot.queue === queue)) {
    slot = slot.parent === null ? null : slotAround(slot.parent);
  }
  let holder = slot;
  while (holder !== null && holder.over) holder = holder.outer;
  return holder;
}
