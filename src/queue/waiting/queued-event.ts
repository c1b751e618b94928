import type { Context } from '../../bus/dispatching/context.js';
import type { EmitOptions } from '../../bus/options.js';
import type { AsyncScope } from '../async-scope.js';
import type { SlotHolder } from '../running/slot-holder.js';
import type { Settle } from '../settle.js';
import type { Deadline } from './deadlines.js';
import type { Lane } from './lane.js';
import type { LedgerEntry } from './ledger.js';
import type { Linked } from './linked-list.js';
import type { Bucket } from './ready-order.js';

/** When an event came, and from where: shared by those of one burst. */
export interface Origin {
  /** On the bus's clock, in milliseconds. */
  readonly at: number;
  /** The handler that it was enqueued in. */
  readonly parent: Context | null;
}

/** What most events in a queue don't have. */
export interface QueuedExtras {
  /** Of its emission. */
  id: string | undefined;
  /** Null for one that was posted. */
  readonly settle: Settle | null;
  readonly emitOptions: EmitOptions | undefined;
  readonly lane: Lane | undefined;
  /** Whose slot it uses when it is due, if that is still taken. */
  readonly inline: SlotHolder | null;
  /** Forgets the signal that takes it out. */
  release: (() => void) | undefined;
  delay: Deadline | undefined;
  expiry: Deadline | undefined;
  readonly maxWaitMs: number;
  /** When its delay was over. */
  dueAt: number | undefined;
  /** Its first place, where it joined later than it came. */
  arrival: number | undefined;
  ledgerEntry: LedgerEntry | undefined;
}

/** An event that waits. A million of them may: it is as small as can be, and keeps the rest in `extras`. */
export class QueuedEvent implements Linked<QueuedEvent> {
  previous: QueuedEvent | null = null;
  following: QueuedEvent | null = null;
  readonly type: PropertyKey;
  readonly payload: unknown;
  readonly priority: number;
  /** Its place in the order in which events joined. */
  sequence: number;
  readonly origin: Origin;
  /** Where it waits its turn, unless it is in a lane. */
  bucket: Bucket | null = null;
  /** What runs it in the AsyncLocalStorage context of its caller; null where the pump does so anyway. */
  scope: AsyncScope | null = null;
  readonly extras: QueuedExtras | null;

  constructor(
    type: PropertyKey,
    payload: unknown,
    priority: number,
    sequence: number,
    origin: Origin,
    extras: QueuedExtras | null,
  ) {
    this.type = type;
    this.payload = payload;
    this.priority = priority;
    this.sequence = sequence;
    this.origin = origin;
    this.extras = extras;
  }

  /** When it began to wait its turn, in milliseconds on the bus's clock. */
  get waitingSince(): number {
    return this.extras?.dueAt ?? this.origin.at;
  }

  /** Its place in the order in which events came. */
  get arrival(): number {
    return this.extras?.arrival ?? this.sequence;
  }

  get meta(): Readonly<Record<string, unknown>> {
    return { ...this.origin.parent?.meta, ...this.extras?.emitOptions?.meta };
  }

  get key(): unknown {
    return this.extras?.lane?.key;
  }
}
