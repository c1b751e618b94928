import type { AnyEmitResult, ResultOf } from '../bus/dispatching/emit-result.js';
import { coreOf, type EventBus } from '../bus/event-bus.js';
import type { EventName, InputOf, VoidEventName } from '../bus/events/event-map.js';
import type { EmitOptions } from '../bus/options.js';
import type { EmitOptionsOf } from '../bus/subscribing/handler.js';
import { assertCount, invalidOption } from '../internal/assertions.js';
import { asyncDisposeSymbol } from '../internal/dispose.js';
import { QueueCore } from './core.js';
import type {
  QueueCloseOptions,
  QueueCloseReport,
  QueueIdleOptions,
  QueueingOptions,
  QueueOptions,
} from './options.js';
import { resolveQueueOptions } from './settings.js';
import type { QueueSnapshot } from './snapshot.js';
import { takeQueueSnapshot } from './take-snapshot.js';

/**
 * Emits events of a bus in their turn: a few at a time, by priority, in order where they have a key,
 * and no more of them waiting than there is room for.
 *
 * @typeParam Events - The bus's.
 */
export interface EventQueue<Events extends object = Record<string, unknown>> extends AsyncDisposable {
  /** The `name` option. */
  readonly name: string;
  /** How many emissions run at a time. A lower one lets those that run end. */
  concurrency: number;
  /** The `capacity` option. */
  readonly capacity: number;
  /** How many events wait, delayed ones included. Those of `emit` that wait for room don't count. */
  readonly size: number;
  /** How many slots are taken: by emissions that run, and by what goes on late in them. */
  readonly running: number;
  readonly paused: boolean;

  /**
   * Has an event wait its turn, and emits it. Called in a handler of an emission of this queue, it emits at
   * once, on that emission's slot and with its key: waiting for it could not deadlock.
   *
   * @param type - The event.
   * @param payload - What handlers get; may be left out where the event's payload is `void` or optional.
   * @param options - For this event alone: how it waits, and how it is emitted.
   * @returns A promise of what `bus.emit` would have resolved with.
   * @throws `AmbusError` with `QUEUE_FULL`, where there is no room or it was dropped for another; `EXPIRED`,
   *   `QUEUE_CLEARED`, `QUEUE_CLOSED`, `DEADLOCK`; what `bus.emit` rejects with; the signal's reason.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * import { EventQueue } from 'ambus/queue';
   * const bus = new EventBus<{ 'order.placed': { id: string; customer: string } }>();
   * bus.on('order.placed', async ({ id }) => console.log('booked', id));
   * const queue = new EventQueue(bus, { concurrency: 4, capacity: 10_000 });
   * const order = { id: 'o1', customer: 'c1' };
   * const result = await queue.emit('order.placed', order, { priority: 5, key: order.customer });
   * console.log(result.ok); // true
   * ```
   */
  emit<Name extends VoidEventName<Events>>(
    type: Name,
    payload?: InputOf<Events, Name>,
    options?: EmitOptionsOf<Events, Name> & QueueingOptions,
  ): Promise<ResultOf<Events, Name>>;
  emit<Name extends EventName<Events>>(
    type: Name,
    payload: InputOf<Events, Name>,
    options?: EmitOptionsOf<Events, Name> & QueueingOptions,
  ): Promise<ResultOf<Events, Name>>;

  /**
   * The same without a promise: what goes wrong is reported to the bus's `onFailure`. It always waits its turn.
   *
   * @returns Whether the event was accepted. False where there is no room for it, also under the
   *   overflow policy `wait`, and once the queue is closed.
   * @throws `AmbusError` `INVALID_EVENT`, `UNDECLARED_EVENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `INVALID_ARGUMENT`.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * import { EventQueue } from 'ambus/queue';
   * const bus = new EventBus<{ 'page.viewed': { path: string } }>();
   * const queue = new EventQueue(bus, { capacity: 2 });
   * const accepted = ['/', '/about', '/jobs'].map((path) => queue.post('page.viewed', { path }));
   * console.log(accepted); // [true, true, false]
   * ```
   */
  post<Name extends VoidEventName<Events>>(
    type: Name,
    payload?: InputOf<Events, Name>,
    options?: EmitOptionsOf<Events, Name> & QueueingOptions,
  ): boolean;
  post<Name extends EventName<Events>>(
    type: Name,
    payload: InputOf<Events, Name>,
    options?: EmitOptionsOf<Events, Name> & QueueingOptions,
  ): boolean;

  /** Starts nothing more, until `resume`. What runs goes on, inline emissions included. */
  pause(): void;

  /** Goes on after `pause`. */
  resume(): void;

  /**
   * Takes out every event that waits. Those of `emit` reject with `QUEUE_CLEARED`; those of `post` are
   * counted, and told to observers as `dropped`.
   *
   * @returns How many there were.
   */
  clear(): number;

  /**
   * Waits until nothing waits and nothing runs. In a handler of an emission of this queue it waits neither for
   * that emission, nor for what can't start before it ends.
   *
   * @throws `AmbusError` `IDLE_TIMEOUT`, `INVALID_OPTION`, `UNKNOWN_OPTION`; the signal's reason.
   */
  idle(options?: QueueIdleOptions): Promise<void>;

  /**
   * Waits until one more event has room, for producers who can slow down.
   *
   * @throws `AmbusError` `WAIT_TIMEOUT`, `QUEUE_CLOSED`; `DEADLOCK` where nothing can make room
   *   before an emission ends that waits for it; `INVALID_OPTION`, `UNKNOWN_OPTION`; the signal's reason.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * import { EventQueue } from 'ambus/queue';
   * const bus = new EventBus<{ line: string }>();
   * const queue = new EventQueue(bus, { capacity: 100 });
   * for (const line of ['a', 'b']) {
   *   await queue.hasRoom();
   *   queue.post('line', line);
   * }
   * ```
   */
  hasRoom(options?: QueueIdleOptions): Promise<void>;

  /**
   * Refuses new events, other than those that running emissions cause, emits what waits, and ends. A paused
   * queue emits nothing more unless it is resumed. A second call waits for the first. Close queues before
   * their bus.
   *
   * @returns What was left when the time was up: the events that have not been emitted, to be kept elsewhere,
   *   and what still ran.
   * @throws `AmbusError` `INVALID_OPTION`, `UNKNOWN_OPTION`.
   * @example
   * ```ts
   * import { EventBus } from 'ambus';
   * import { EventQueue } from 'ambus/queue';
   * const bus = new EventBus();
   * const queue = new EventQueue(bus);
   * const { drained, left } = await queue.close({ drainMs: 5_000 });
   * if (!drained) console.warn(`${left.length} events were not emitted`);
   * ```
   */
  close(options?: QueueCloseOptions): Promise<QueueCloseReport>;

  /** What the queue is, holds and has counted, as plain JSON. */
  inspect(): QueueSnapshot;
}

/** Makes an {@link EventQueue}. */
export interface EventQueueConstructor {
  /**
   * @param bus - The bus that emits.
   * @param options - See {@link QueueOptions}.
   * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`, `BUS_CLOSED`.
   */
  new <Events extends object>(bus: EventBus<Events>, options?: QueueOptions): EventQueue<Events>;
}

class Queue {
  readonly #core: QueueCore;

  constructor(bus: unknown, options?: QueueOptions) {
    this.#core = new QueueCore(coreOf('EventQueue', bus), resolveQueueOptions(options));
  }

  get name(): string {
    return this.#core.name;
  }

  get concurrency(): number {
    return this.#core.pump.concurrency;
  }

  set concurrency(concurrency: number) {
    const where = 'the queue';
    // An option may be left out; this can't be.
    if ((concurrency as unknown) === undefined) throw invalidOption(where, 'concurrency', 'a number', concurrency);
    assertCount(where, 'concurrency', concurrency, 1);
    this.#core.pump.concurrency = concurrency;
    this.#core.changed();
    this.#core.pump.schedule();
  }

  get capacity(): number {
    return this.#core.settings.capacity;
  }

  get size(): number {
    return Math.min(this.#core.room.size, this.capacity);
  }

  get running(): number {
    return this.#core.pump.running.size;
  }

  get paused(): boolean {
    return this.#core.pump.paused;
  }

  emit(type: PropertyKey, payload?: unknown, options?: EmitOptions & QueueingOptions): Promise<AnyEmitResult> {
    return this.#core.entrance.emit(type, payload, options);
  }

  post(type: PropertyKey, payload?: unknown, options?: EmitOptions & QueueingOptions): boolean {
    return this.#core.entrance.post(type, payload, options);
  }

  pause(): void {
    this.#core.pump.paused = true;
    this.#core.changed();
  }

  resume(): void {
    this.#core.pump.paused = false;
    this.#core.pump.schedule();
  }

  clear(): number {
    return this.#core.clear();
  }

  idle(options?: QueueIdleOptions): Promise<void> {
    return this.#core.lifetime.idle(options);
  }

  hasRoom(options?: QueueIdleOptions): Promise<void> {
    return this.#core.lifetime.hasRoom(options);
  }

  close(options?: QueueCloseOptions): Promise<QueueCloseReport> {
    return this.#core.lifetime.close(options);
  }

  inspect(): QueueSnapshot {
    return takeQueueSnapshot(this.#core);
  }

  async [asyncDisposeSymbol](): Promise<void> {
    await this.close();
  }
}

Object.defineProperty(Queue, 'name', { value: 'EventQueue' });

/** See the interface of the same name. */
export const EventQueue: EventQueueConstructor = Queue;
