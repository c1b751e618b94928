import type { Context } from '../../bus/dispatching/context.js';
import { onAbort } from '../../internal/abort.js';
import { captureAsyncScope } from '../async-scope.js';
import type { Loss, QueueCore } from '../core.js';
import { expired, keyDeadlock, queueClosed } from '../queue-error.js';
import type { QueueRequest } from '../settings.js';
import type { Settle } from '../settle.js';
import type { Lane } from '../waiting/lane.js';
import { findDeadlock, type InlineWait } from './inline-wait.js';
import { runEmission } from './run-emission.js';
import { returned, SlotHolder } from './slot-holder.js';

/** A call of `emit` in a handler of an emission of the same queue. */
export interface NestedCall {
  readonly type: PropertyKey;
  readonly payload: unknown;
  readonly request: QueueRequest | null;
  /** The handler that calls. */
  readonly ctx: Context | null;
  readonly within: SlotHolder;
  readonly settle: Settle;
  /** Of its emission, where that has been told already. */
  readonly id: string | undefined;
}

/**
 * Emissions within emissions of a queue. They run at once, on the slot and with the keys of those that
 * they are in: if they waited for a slot they might wait for the very one that waits for them.
 */
export class Nesting {
  /** Those that wait for a key. */
  readonly waits: Set<InlineWait> = new Set();
  readonly #core: QueueCore;

  constructor(core: QueueCore) {
    this.#core = core;
  }

  emit(call: NestedCall): void {
    const { request, type, within } = call;
    const { lifetime, room } = this.#core;
    const signal = request?.emitOptions?.signal;
    if (lifetime.state === 'closed') {
      this.#refuse(call, queueClosed(this.#core.name, type));
      return;
    }
    if (signal?.aborted === true) {
      this.#refuse(call, signal.reason);
      return;
    }
    if (request?.key === undefined) {
      this.#start(call, this.#take(call, null));
      return;
    }
    const lane = room.laneOf(request.key);
    if (within.holds(lane)) this.#start(call, this.#take(call, null));
    else if (lane.holder === null) this.#start(call, this.#take(call, lane));
    else this.#wait(call, lane);
  }

  /** Hands a key that is free again to an emission that waits for it on a slot, if there is one. */
  handOver(lane: Lane): boolean {
    lane.holder = null;
    // Those that wait still are going to be refused.
    if (this.#core.lifetime.state === 'closed') return false;
    const wait = lane.inlineWaits.shift();
    wait?.granted();
    return wait !== undefined;
  }

  /** The queue is closed: nobody waits any more. */
  end(): void {
    for (const wait of this.waits) wait.refuse(queueClosed(this.#core.name, wait.type));
  }

  /** How many emissions within `within` wait for keys that are held on one of `slots`. */
  waitsFor(slots: ReadonlySet<SlotHolder>, within: SlotHolder): number {
    let count = 0;
    for (const { lane, within: waiting } of this.waits) {
      if (waiting === within && lane.holder !== null && slots.has(lane.holder.root)) count++;
    }
    return count;
  }

  /** Adds to slots that can't be given back those which wait for keys that are held on one of them. */
  addBlocked(slots: Set<SlotHolder>): void {
    for (let before = -1; before < slots.size; ) {
      before = slots.size;
      for (const { lane, within } of this.waits) {
        if (lane.holder !== null && slots.has(lane.holder.root)) slots.add(within.root);
      }
    }
  }

  #take({ ctx, id, payload, request, type, within }: NestedCall, lane: Lane | null): SlotHolder {
    const core = this.#core;
    const { bus } = core;
    const plan = bus.channel(type).currentPlan();
    const holder = new SlotHolder(core, plan, payload, ctx, within, request?.priority ?? 0, lane);
    if (lane !== null) core.room.hold(lane, holder);
    if (id !== undefined) holder.more().id = id;
    return holder;
  }

  #start({ payload, request, settle, type }: NestedCall, holder: SlotHolder, waitingSince?: number): void {
    const core = this.#core;
    core.counts.inline++;
    holder.began(waitingSince);
    if (core.bus.observers.hears('dequeued')) core.tellDequeued(holder, true);
    runEmission(holder, type, payload, request?.emitOptions, settle);
  }

  #wait(call: NestedCall, lane: Lane): void {
    const core = this.#core;
    const { clock } = core.bus;
    const { request, type, within } = call;
    const { emitOptions, maxWaitMs = Infinity } = request ?? {};
    const signal = emitOptions?.signal;
    const chain = findDeadlock(within, lane, this.waits);
    if (chain !== undefined) {
      this.#refuse(call, keyDeadlock(core.name, type, chain), 'deadlocks');
      return;
    }
    const since = clock.now();
    const asyncScope = captureAsyncScope();
    const end = (): void => {
      this.waits.delete(wait);
      forget?.();
      if (timer !== undefined) clock.clearTimeout(timer);
    };
    const refuse = (error: unknown): void => {
      end();
      lane.inlineWaits.splice(lane.inlineWaits.indexOf(wait), 1);
      core.room.tidy(lane);
      this.#refuse(call, error);
      within.inlineEnded();
    };
    const wait: InlineWait = {
      type,
      lane,
      within,
      refuse,
      granted: () => {
        end();
        // Its place within the slot is the wait's.
        const holder = this.#take(call, lane);
        within.waitEnded();
        returned(holder);
        const start = (): void => {
          if (core.lifetime.state !== 'closed') {
            this.#start(call, holder, since);
            return;
          }
          this.#refuse(call, queueClosed(core.name, type));
          holder.emissionEnded();
        };
        // Not at once: the key may have been given back within a handler.
        queueMicrotask(
          asyncScope === null
            ? start
            : () => {
                asyncScope.runInAsyncScope(start, undefined);
              },
        );
      },
    };
    lane.inlineWaits.push(wait);
    this.waits.add(wait);
    within.inlineBegan();
    const forget =
      signal === undefined
        ? undefined
        : onAbort(signal, () => {
            refuse(signal.reason);
          });
    const timer =
      maxWaitMs === Infinity
        ? undefined
        : clock.setTimeout(() => {
            refuse(expired(core.name, type, maxWaitMs));
          }, maxWaitMs);
    core.changed();
  }

  #refuse({ id, payload, settle, type }: NestedCall, error: unknown, loss: Loss = 'rejected'): void {
    this.#core.refuse(type, payload, error, settle, loss, id);
  }
}
