import { callingContext, unwinds } from '../bus/dispatching/ancestry.js';
import type { Context } from '../bus/dispatching/context.js';
import type { AnyEmitResult } from '../bus/dispatching/emit-result.js';
import type { EmitOptions } from '../bus/options.js';
import { onAbort } from '../internal/abort.js';
import { captureAsyncScope } from './async-scope.js';
import type { QueueCore } from './core.js';
import type { QueueingOptions } from './options.js';
import { queueClosed, queueFull } from './queue-error.js';
import { holderAround, type SlotHolder } from './running/slot-holder.js';
import { type QueueRequest, resolveRequest } from './settings.js';
import { Settle } from './settle.js';
import { type Origin, QueuedEvent, type QueuedExtras } from './waiting/queued-event.js';

/** How many events of a burst share one look at the clock. */
const BURST = 64;

/** What events come in by: it checks each call, and finds the event a place, or none. */
export class Entrance {
  readonly #core: QueueCore;
  /** Of the burst that is coming in. */
  #origin: Origin | null = null;
  #burst = 0;
  #turn = -1;

  constructor(core: QueueCore) {
    this.#core = core;
  }

  emit(
    type: PropertyKey,
    payload: unknown,
    options: (QueueingOptions & EmitOptions) | undefined,
  ): Promise<AnyEmitResult> {
    try {
      const request = this.#resolve('queue.emit', type, options);
      const ctx = request?.parent ?? callingContext();
      const within = ctx === null ? null : holderAround(this.#core, ctx);
      const settle = new Settle();
      if (within === null || (request !== null && request.delayMs > 0)) {
        this.#enqueue(type, payload, request, ctx, within, settle);
      } else this.#core.nesting.emit({ type, payload, request, ctx, within, settle, id: undefined });
      return settle.promise;
    } catch (error) {
      if (unwinds(error)) throw error;
      return Promise.reject(error);
    }
  }

  /** @throws `AmbusError` for a call that makes no sense. */
  post(type: PropertyKey, payload: unknown, options: (QueueingOptions & EmitOptions) | undefined): boolean {
    const request = this.#resolve('queue.post', type, options);
    return this.#enqueue(type, payload, request, request?.parent ?? callingContext(), null, null);
  }

  #resolve(
    where: 'queue.emit' | 'queue.post',
    type: PropertyKey,
    options: (QueueingOptions & EmitOptions) | undefined,
  ): QueueRequest | null {
    const { bus, settings } = this.#core;
    const request =
      options === undefined && settings.timeoutMs === undefined && settings.maxWaitMs === Infinity
        ? null
        : resolveRequest(where, options, settings);
    bus.assertEmits(type, request?.emitOptions);
    return request;
  }

  /**
   * @param inline - Whose slot the emission is to use, if that is still taken when it is due.
   * @param settle - Who waits for the result; null for an event that is posted.
   * @returns Whether the event is accepted.
   */
  #enqueue(
    type: PropertyKey,
    payload: unknown,
    request: QueueRequest | null,
    ctx: Context | null,
    inline: SlotHolder | null,
    settle: Settle | null,
  ): boolean {
    const core = this.#core;
    const { bus, lifetime, name, pump, room } = core;
    const { delayMs = 0, emitOptions, key, priority = 0 } = request ?? {};
    const signal = emitOptions?.signal;
    if (lifetime.state !== 'open' && !this.#admits(ctx)) {
      return core.refuse(type, payload, queueClosed(name, type), settle, 'rejected');
    }
    if (signal?.aborted === true) {
      if (settle === null) bus.reportRejection(type, signal.reason, emitOptions);
      return core.refuse(type, payload, signal.reason, settle, 'rejected');
    }
    const victim = core.hasRoom ? undefined : this.#victim(priority, settle);
    if (victim === null) {
      return core.refuse(type, payload, queueFull(name, type, core.settings.capacity), settle, 'rejected');
    }
    if (victim !== undefined) core.takeOut(victim, 'dropped');
    const observed = bus.observers.hears('enqueued');
    const timed = delayMs > 0 || (request !== null && request.maxWaitMs !== Infinity);
    let extras: QueuedExtras | null = null;
    if (settle !== null || observed || room.keepsLedger || (request !== null && !isPlain(request))) {
      extras = {
        id: observed ? bus.nextId() : undefined,
        settle,
        emitOptions,
        lane: key === undefined ? undefined : room.laneOf(key),
        inline,
        release: undefined,
        delay: undefined,
        expiry: undefined,
        maxWaitMs: request?.maxWaitMs ?? Infinity,
        dueAt: undefined,
        arrival: undefined,
        ledgerEntry: undefined,
      };
    }
    const event = new QueuedEvent(type, payload, priority, room.sequence(), this.#originOf(ctx, timed), extras);
    room.add(event, delayMs);
    lifetime.placeTaken();
    core.counts.enqueued++;
    if (signal !== undefined && extras !== null) {
      extras.release = onAbort(signal, () => {
        core.lose(event, signal.reason, 'aborted');
      });
    }
    if (delayMs === 0 && !pump.scheduled && !pump.pumping && pump.mayStart) pump.schedule(event);
    else event.scope = captureAsyncScope();
    if (victim !== undefined) core.tellLost(victim, queueFull(name, victim.type, core.settings.capacity));
    if (observed) core.tellEnqueued(event, delayMs);
    return true;
  }

  /** Whether an event may come in that comes from `ctx`: while the queue closes, those that its emissions cause. */
  #admits(ctx: Context | null): boolean {
    const core = this.#core;
    return core.lifetime.state === 'closing' && ctx !== null && holderAround(core, ctx) !== null;
  }

  /**
   * Who goes where there is no room: nobody, undefined, if the new event waits outside; null for the new one itself.
   */
  #victim(priority: number, settle: Settle | null): QueuedEvent | null | undefined {
    const { room, settings } = this.#core;
    const { overflow } = settings;
    if (overflow === 'wait') return settle === null ? null : undefined;
    if (overflow === 'reject') return null;
    const victim = room.lowest(overflow === 'drop-oldest' ? 'first' : 'last');
    if (victim === undefined) return null;
    // The new one is the newest of its priority.
    const isNewLower = overflow === 'drop-oldest' ? priority < victim.priority : priority <= victim.priority;
    return isNewLower ? null : victim;
  }

  /** @param exactly - Its time decides on something. */
  #originOf(parent: Context | null, exactly: boolean): Origin {
    const { bus, pump } = this.#core;
    const origin = this.#origin;
    // A burst ends with the microtask that it has asked for.
    const sameBurst = pump.scheduled && pump.turn === this.#turn && ++this.#burst < BURST;
    if (!exactly && sameBurst && origin !== null && origin.parent === parent) return origin;
    this.#burst = 0;
    this.#turn = pump.turn;
    this.#origin = { at: bus.clock.now(), parent };
    return this.#origin;
  }
}

/** Whether an event needs nothing but its priority. */
function isPlain({ delayMs, emitOptions, key, maxWaitMs }: QueueRequest): boolean {
  return key === undefined && emitOptions === undefined && delayMs === 0 && maxWaitMs === Infinity;
}
