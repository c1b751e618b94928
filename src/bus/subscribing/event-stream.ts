import { AmbusError } from '../../errors.js';
import { onAbort } from '../../internal/abort.js';
import { assertCount, assertOptions, assertWord } from '../../internal/assertions.js';
import { asyncDisposeSymbol } from '../../internal/dispose.js';
import type { BusCore } from '../core.js';
import type { Context } from '../dispatching/context.js';
import { isOneEvent, listen } from './subscribe.js';
import type { Subscription } from './subscription.js';
import { assertListening, labelOf, passes } from './wait-for.js';

/** What a stream does with an event for which there is no room. */
export type StreamOverflow = 'drop-oldest' | 'drop-newest' | 'error';

/** How much a stream keeps for its reader. */
export interface StreamOptions<Payload = unknown> {
  /** How many events wait for the reader at most. @default 1_024 */
  readonly capacity?: number | undefined;
  /**
   * What happens to the next one: `drop-oldest` makes room for it, `drop-newest` leaves it out,
   * `error` ends the stream, which delivers what it has and then throws `STREAM_OVERFLOW`. What is
   * dropped is counted.
   * @default 'drop-oldest'
   */
  readonly overflow?: StreamOverflow | undefined;
  /** Leaves out events for which it returns something falsy. Must be synchronous; what it throws ends the stream. */
  readonly filter?: ((payload: Payload) => boolean) | undefined;
  /** Ends the stream at once: what waits is dropped and counted, the reader gets the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Where among the handlers it listens. @default 0 */
  readonly priority?: number | undefined;
}

/**
 * The events of a bus, one after the other, for `for await`. It is live from the call that made it,
 * not from the first `next()`.
 */
export interface EventStream<Item> extends AsyncIterableIterator<Item, undefined, undefined>, AsyncDisposable {
  /** How many events wait for the reader. */
  readonly size: number;
  /** How many events were dropped: for want of room, or because the stream ended before they were read. */
  readonly dropped: number;
  /** Takes the next event; several calls at a time are served in their order. */
  next(): Promise<IteratorResult<Item, undefined>>;
  /** Ends the stream; what waits is dropped, and counted. */
  return(): Promise<IteratorResult<Item, undefined>>;
  /** Ends the stream; what waits is dropped, and counted. @returns A promise that rejects with `error`. */
  throw(error?: unknown): Promise<IteratorResult<Item, undefined>>;
  [Symbol.asyncIterator](): EventStream<Item>;
}

const DONE: IteratorResult<never, undefined> = Object.freeze({ done: true, value: undefined });

interface Reader {
  readonly resolve: (result: IteratorResult<unknown, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** An event that waits for its reader. */
interface Taken {
  readonly type: PropertyKey;
  readonly payload: unknown;
}

/** A first-in-first-out list of which both ends are reached in constant time. */
class Fifo<Item> {
  #items: (Item | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  shift(): Item | undefined {
    const item = this.#items[this.#head];
    if (this.size === 0) return undefined;
    this.#items[this.#head++] = undefined;
    // Each item is moved once at most for each that has been taken.
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

export class BusEventStream implements EventStream<unknown> {
  readonly target: PropertyKey | readonly PropertyKey[];
  readonly capacity: number;
  readonly overflow: StreamOverflow;
  dropped = 0;
  readonly #core: BusCore;
  readonly #payloadOnly: boolean;
  readonly #subscription: Subscription | undefined;
  readonly #buffer = new Fifo<Taken>();
  readonly #readers = new Fifo<Reader>();
  readonly #forget: (() => void) | undefined;
  /** Nothing is taken in any more; what waits can still be read. */
  #ended = false;
  /** What the reader gets when it has read what waits. */
  #error: { readonly reason: unknown } | undefined;

  constructor(core: BusCore, type: unknown, options: StreamOptions | undefined) {
    assertOptions('stream', options, ['capacity', 'overflow', 'filter', 'signal', 'priority']);
    assertListening('stream', options);
    assertCount('stream', 'capacity', options?.capacity, 1);
    assertWord('stream', 'overflow', options?.overflow, ['drop-oldest', 'drop-newest', 'error']);
    const { capacity = 1_024, filter, overflow = 'drop-oldest', priority, signal } = options ?? {};
    this.#core = core;
    this.#payloadOnly = isOneEvent(type);
    this.target = Array.isArray(type) ? Object.freeze(Array.from(new Set<PropertyKey>(type))) : (type as PropertyKey);
    this.capacity = capacity;
    this.overflow = overflow;
    const handler = (payload: unknown, ctx: Context): void => {
      if (this.#ended) return;
      try {
        if (filter !== undefined && !passes('stream', filter, payload)) return;
      } catch (error) {
        this.#fail(error);
        return;
      }
      // The filter may have ended it.
      if (!this.#ended) this.#take(ctx.type, payload);
    };
    if (signal?.aborted === true) {
      this.#ended = true;
      this.#error = { reason: signal.reason };
      return;
    }
    this.#subscription = listen(core, type, {
      name: 'stream',
      priority,
      handler,
      ended: () => {
        this.#end();
      },
    });
    core.streams.add(this);
    if (signal !== undefined) {
      this.#forget = onAbort(signal, () => {
        this.#fail(signal.reason);
        this.#drop();
      });
    }
  }

  get size(): number {
    return this.#buffer.size;
  }

  next(): Promise<IteratorResult<unknown, undefined>> {
    const taken = this.#buffer.shift();
    if (taken !== undefined) return Promise.resolve({ done: false, value: this.#itemOf(taken) });
    if (this.#ended) return this.#last();
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
    });
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    this.#error = undefined;
    this.#end();
    this.#drop();
    return DONE;
  }

  async throw(error?: unknown): Promise<IteratorResult<unknown, undefined>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  #take(type: PropertyKey, payload: unknown): void {
    const taken = { type, payload };
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: this.#itemOf(taken) });
      return;
    }
    if (this.#buffer.size < this.capacity) {
      this.#buffer.push(taken);
      return;
    }
    if (this.overflow === 'drop-oldest') {
      const oldest = this.#buffer.shift();
      this.#buffer.push(taken);
      if (oldest !== undefined) this.#count(oldest, 'overflow');
      return;
    }
    this.#count(taken, 'overflow');
    if (this.overflow === 'error') {
      this.#fail(
        new AmbusError(
          'STREAM_OVERFLOW',
          `The stream of ${labelOf(this.target)} had no room for another event: ${this.capacity} wait to be read.`,
          { details: { capacity: this.capacity, dropped: this.dropped, target: this.target } },
        ),
      );
    }
  }

  #itemOf(taken: Taken): unknown {
    return this.#payloadOnly ? taken.payload : taken;
  }

  /** What comes after the last event: an error, once, and then the end. */
  #last(): Promise<IteratorResult<unknown, undefined>> {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? Promise.resolve(DONE) : Promise.reject(error.reason);
  }

  /** Ends the stream with an error, for whoever reads it to the end. */
  #fail(reason: unknown): void {
    this.#error ??= { reason };
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#forget?.();
    this.#core.streams.delete(this);
    if (this.#subscription !== undefined) this.#core.end(this.#subscription, 'off');
    for (let reader = this.#readers.shift(); reader !== undefined; reader = this.#readers.shift()) {
      this.#last().then(reader.resolve, reader.reject);
    }
  }

  /** Lets go of what waits, and counts it. */
  #drop(): void {
    for (let taken = this.#buffer.shift(); taken !== undefined; taken = this.#buffer.shift()) {
      this.#count(taken, 'ended');
    }
  }

  #count({ payload, type }: Taken, reason: 'overflow' | 'ended'): void {
    const { counts, observers } = this.#core;
    this.dropped++;
    counts.streamDropped++;
    if (!observers.hears('streamDropped')) return;
    observers.tell('streamDropped', { type, payload, target: this.target, reason, dropped: this.dropped });
  }
}

Object.defineProperty(BusEventStream.prototype, asyncDisposeSymbol, {
  async value(this: BusEventStream) {
    await this.return();
  },
});
