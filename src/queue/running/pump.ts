import { systemClock } from '../../internal/clock.js';
import { captureAsyncScope } from '../async-scope.js';
import type { QueueCore } from '../core.js';
import { LinkedList } from '../waiting/linked-list.js';
import type { QueuedEvent } from '../waiting/queued-event.js';
import { TimeSlice } from './event-loop.js';
import { Pacer } from './pacer.js';
import { runEmission } from './run-emission.js';
import { SlotHolder } from './slot-holder.js';

const nothing = Promise.resolve();

/** Starts what may start: as many at a time as there are slots, the highest first. */
export class Pump {
  /** Emissions that have a slot. */
  readonly running: LinkedList<SlotHolder> = new LinkedList();
  concurrency: number;
  paused: boolean;
  /** It is going to run from a microtask. */
  scheduled = false;
  /** How often it has been asked to run from a microtask. */
  turn = 0;
  /** An emission has settled, in a microtask of its own. */
  settling = false;
  /** It runs, and so needn't be told that something waits. */
  pumping = false;
  readonly #core: QueueCore;
  readonly #pacer: Pacer | undefined;
  readonly #slice = new TimeSlice(() => {
    this.#pump();
  });
  /** The event in whose AsyncLocalStorage context the microtask was asked for. */
  #opener: QueuedEvent | null = null;
  /** The last emission had to be waited for: the next probably has to be, too. */
  #goesAsync = true;
  readonly #onMicrotask = (): void => {
    const opener = this.#opener;
    this.scheduled = false;
    this.#opener = null;
    const startsNow = this.#pacer === undefined && this.mayStart && !this.#slice.yielding;
    if (opener !== null && !(startsNow && this.#core.room.next === opener)) opener.scope = captureAsyncScope();
    this.#pump(opener?.origin.at);
  };

  constructor(core: QueueCore) {
    const { concurrency, paused, rate } = core.settings;
    this.#core = core;
    this.concurrency = concurrency;
    this.paused = paused;
    if (rate !== undefined) {
      this.#pacer = new Pacer(rate, () => {
        this.#slice.begin();
        this.pumping = true;
        try {
          if (this.mayStart) this.#startNext();
        } finally {
          this.pumping = false;
        }
        // Otherwise it goes on by itself, after the event loop's turn.
        if (!this.#slice.isOver()) this.schedule();
      });
    }
  }

  /** Whether an event may start now, if one waits. */
  get mayStart(): boolean {
    return !this.paused && this.running.size < this.concurrency && this.#core.lifetime.state !== 'closed';
  }

  /**
   * Has what may start start, but not within the call: a burst leaves by priority, and no handler runs
   * inside of another.
   *
   * @param opener - An event that has just come in. It need not remember its AsyncLocalStorage context, if it is
   *   the first to start: the microtask runs in it.
   */
  schedule(opener: QueuedEvent | null = null): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.turn++;
    this.#opener = opener;
    // Not queueMicrotask: Node makes an AsyncResource for each, which costs as much as all the rest.
    void nothing.then(this.#onMicrotask);
  }

  /**
   * Something has changed: starts what may start now, if nobody else's code is around the call. A handler
   * may give a slot back, or an abort listener, or a timer.
   */
  wake(): void {
    if (this.settling) this.#pump();
    else if (!this.pumping) this.schedule();
  }

  /** A slot is free again. */
  freed(holder: SlotHolder): void {
    this.running.remove(holder);
    this.#core.counts.ended++;
  }

  /** What was asked of the rate must not count, where there is nothing to start any more. */
  takeBack(): void {
    if (this.#pacer !== undefined && (!this.mayStart || this.#core.room.next === null)) this.#pacer.takeBack();
  }

  /** Nothing is going to start any more. */
  end(): void {
    this.#pacer?.end();
  }

  /** @param at - A time just past, on the bus's clock. */
  #pump(at?: number): void {
    // The microtask that is to come has the context that its opener needs.
    if (this.scheduled || this.pumping || this.#slice.yielding) return;
    const { room } = this.#core;
    this.#slice.begin(this.#core.bus.clock === systemClock ? at : undefined);
    this.pumping = true;
    try {
      while (this.mayStart && room.next !== null) {
        if (this.#pacer !== undefined) {
          this.#pacer.ask();
          break;
        }
        this.#startNext();
        if (this.#slice.isOver()) break;
      }
    } finally {
      this.pumping = false;
    }
    this.#core.changed();
  }

  #startNext(): void {
    const core = this.#core;
    const { bus, room } = core;
    const event = room.next;
    if (event === null) return;
    const { extras, origin, payload, priority, type } = event;
    const lane = extras?.lane ?? null;
    if (bus.lifetime.state !== 'open' && !bus.lifetime.admits(origin.parent)) {
      core.lifetime.busEnded();
      return;
    }
    const plan = bus.channel(type).currentPlan();
    const holder = new SlotHolder(core, plan, payload, origin.parent, null, priority, lane);
    if (lane !== null) room.hold(lane, holder);
    room.remove(event);
    extras?.release?.();
    this.running.append(holder);
    core.counts.started++;
    if (extras?.id !== undefined) holder.more().id = extras.id;
    const observed = bus.observers.hears('dequeued');
    if (observed || this.#goesAsync) holder.began(event.waitingSince);
    if (observed) core.tellDequeued(holder, false);
    const { scope: asyncScope } = event;
    this.#goesAsync =
      asyncScope === null ? run(event, holder) : asyncScope.runInAsyncScope(run, undefined, event, holder);
    if (holder.timing === null && !holder.over) holder.began(event.waitingSince);
  }
}

function run({ extras, payload, type }: QueuedEvent, holder: SlotHolder): boolean {
  return runEmission(holder, type, payload, extras?.emitOptions, extras?.settle ?? null);
}
