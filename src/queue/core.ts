import type { BusCore } from '../bus/core.js';
import { Entrance } from './entrance.js';
import { QueueLifetime } from './lifetime.js';
import { expired, queueCleared } from './queue-error.js';
import { type NestedCall, Nesting } from './running/nesting.js';
import { Pump } from './running/pump.js';
import type { SlotHolder } from './running/slot-holder.js';
import type { QueueSettings } from './settings.js';
import type { Settle } from './settle.js';
import type { QueuedEvent } from './waiting/queued-event.js';
import { WaitingRoom } from './waiting/waiting-room.js';

/** Why an event isn't emitted: a field of {@link QueueCore.counts}. */
export type Loss = 'rejected' | 'dropped' | 'expired' | 'aborted' | 'cleared' | 'left' | 'deadlocks';

/** The inside of a queue: its parts, what goes from one to the other, and what is lost between them. */
export class QueueCore {
  readonly bus: BusCore;
  readonly settings: QueueSettings;
  readonly counts = {
    enqueued: 0,
    started: 0,
    ended: 0,
    inline: 0,
    rejected: 0,
    dropped: 0,
    expired: 0,
    aborted: 0,
    cleared: 0,
    left: 0,
    deadlocks: 0,
  };
  readonly entrance: Entrance;
  readonly room: WaitingRoom;
  readonly pump: Pump;
  readonly nesting: Nesting;
  readonly lifetime: QueueLifetime;

  constructor(bus: BusCore, settings: QueueSettings) {
    if (bus.lifetime.state === 'closed') throw bus.closedError('queues');
    this.bus = bus;
    this.settings = settings;
    this.entrance = new Entrance(this);
    this.room = new WaitingRoom(
      bus.clock,
      settings,
      (event) => {
        this.#due(event);
      },
      (event) => {
        this.lose(event, expired(this.name, event.type, event.extras?.maxWaitMs ?? Infinity), 'expired');
      },
    );
    this.pump = new Pump(this);
    this.nesting = new Nesting(this);
    this.lifetime = new QueueLifetime(this);
  }

  get name(): string {
    return this.settings.name;
  }

  /** Whether one more event may come in to wait. */
  get hasRoom(): boolean {
    return this.room.size < this.settings.capacity;
  }

  /** Something has started, ended or left, or may start. */
  changed(): void {
    this.pump.takeBack();
    this.lifetime.changed();
  }

  /** A slot, or a part of one, is free again, and so is the key that was taken with it. */
  freed(holder: SlotHolder): void {
    const { lane, outer } = holder;
    if (lane !== null && !this.nesting.handOver(lane)) this.room.free(lane);
    if (outer === null) this.pump.freed(holder);
  }

  clear(): number {
    const events = this.takeOutAll('cleared');
    for (const event of events) this.tellLost(event, queueCleared(this.name, event.type));
    this.changed();
    return events.length;
  }

  /** Takes an event out that won't be emitted, and reports what nobody else will hear of. */
  lose(event: QueuedEvent, error: unknown, loss: 'expired' | 'aborted'): void {
    this.takeOut(event, loss);
    this.tellLost(event, error);
    const { extras, type } = event;
    if ((extras?.settle ?? null) === null) this.bus.reportRejection(type, error, extras?.emitOptions);
    this.changed();
  }

  // Whoever is told that an event is lost may do anything with the queue: first the change, whole, then the telling.

  takeOutAll(loss: Loss): QueuedEvent[] {
    const events = this.room.all();
    for (const event of events) this.takeOut(event, loss);
    return events;
  }

  takeOut(event: QueuedEvent, loss: Loss): void {
    this.room.remove(event);
    event.extras?.release?.();
    this.counts[loss]++;
  }

  tellLost({ extras, payload, type }: QueuedEvent, error: unknown): void {
    this.bus.drop(type, payload, error, this.name, extras?.id);
    extras?.settle?.reject(error);
  }

  /** Counts and tells an event that won't be emitted, and is nowhere. */
  refuse(type: PropertyKey, payload: unknown, error: unknown, settle: Settle | null, loss: Loss, id?: string): false {
    this.counts[loss]++;
    this.bus.drop(type, payload, error, this.name, id);
    settle?.reject(error);
    return false;
  }

  tellEnqueued({ extras, key, origin, payload, priority, type }: QueuedEvent, delayMs: number): void {
    this.bus.observers.tell('enqueued', {
      queue: this.name,
      type,
      payload,
      emissionId: extras?.id ?? this.bus.nextId(),
      parentId: origin.parent?.id,
      priority,
      key,
      delayMs,
      size: Math.min(this.room.size, this.settings.capacity),
    });
  }

  tellDequeued({ id, lane, payload, priority, timing, type }: SlotHolder, inline: boolean): void {
    this.bus.observers.tell('dequeued', {
      queue: this.name,
      type,
      payload,
      emissionId: id,
      priority,
      key: lane?.key,
      waitedMs: timing?.waitedMs ?? 0,
      inline,
    });
  }

  /** An event's delay is over: it joins the others, or runs inline where it was emitted in a handler that still runs. */
  #due(event: QueuedEvent): void {
    const { extras, origin, payload, priority, type } = event;
    const { emitOptions, id, inline = null, lane, maxWaitMs = Infinity, settle = null } = extras ?? {};
    if (inline === null || inline.over || settle === null) {
      this.room.join(event);
      // Not at once: of those that are due now, the highest is to be first.
      this.pump.schedule();
      return;
    }
    this.room.leaveDue(event);
    extras?.release?.();
    this.counts.enqueued--;
    const request = { priority, key: lane?.key, delayMs: 0, maxWaitMs, parent: undefined, emitOptions };
    const call: NestedCall = { type, payload, request, ctx: origin.parent, within: inline, settle, id };
    if (event.scope === null) this.nesting.emit(call);
    else event.scope.runInAsyncScope(emitNested, undefined, this.nesting, call);
    this.changed();
  }
}

function emitNested(nesting: Nesting, call: NestedCall): void {
  nesting.emit(call);
}
