import { callingContext } from '../bus/dispatching/ancestry.js';
import type { Context } from '../bus/dispatching/context.js';
import { abandon } from '../bus/lifetime.js';
import { AmbusError, type ErrorDetails } from '../errors.js';
import { isAbortSignal, onAbort } from '../internal/abort.js';
import { assertDuration, assertOption, assertOptions } from '../internal/assertions.js';
import { limitedWait } from '../internal/limited-wait.js';
import type { QueueCore } from './core.js';
import type {
  LeftEvent,
  QueueCloseOptions,
  QueueCloseReport,
  QueueIdleOptions,
  UnfinishedEmission,
} from './options.js';
import { queueClosed, roomDeadlock } from './queue-error.js';
import { afterTurn } from './running/event-loop.js';
import { holderAround, type SlotHolder } from './running/slot-holder.js';
import { parentOf } from './settings.js';

const DEFAULT_DRAIN_MS = 10_000;

/** Somebody who waits for a queue. */
interface Waiter {
  /** The emissions of the queue that the waiter is part of, which can't end before it goes on. */
  readonly within: Set<SlotHolder>;
  /** Until when the one who closes waits, on the bus's clock; undefined for everybody else. */
  readonly closesAt: number | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Who waits for a queue to be idle, or to have room, and how the queue ends. */
export class QueueLifetime {
  state: 'open' | 'closing' | 'closed' = 'open';
  readonly #core: QueueCore;
  readonly #forIdleness = new Set<Waiter>();
  readonly #forRoom = new Set<Waiter>();
  #looksForRoom = false;
  /** How many places are kept for those who have just been told of them. */
  #promised = 0;
  #closed: Promise<QueueCloseReport> | undefined;
  #closer: Waiter | undefined;
  #report: QueueCloseReport | undefined;
  readonly #busEnded = (): void => {
    this.busEnded();
  };

  constructor(core: QueueCore) {
    this.#core = core;
    core.bus.atEnd.add(this.#busEnded);
  }

  idle(options: QueueIdleOptions | undefined): Promise<void> {
    return this.#wait('idle', options, this.#forIdleness);
  }

  async hasRoom(options: QueueIdleOptions | undefined): Promise<void> {
    await this.#wait('hasRoom', options, this.#forRoom);
  }

  async close(options: QueueCloseOptions | undefined): Promise<QueueCloseReport> {
    const where = 'queue.close';
    assertOptions(where, options, ['drainMs', 'signal', 'parent']);
    assertDuration(where, 'drainMs', options?.drainMs, 0);
    assertOption(where, 'signal', options?.signal, 'an AbortSignal', isAbortSignal);
    const within = this.#callersEmission(where, options?.parent);
    if (this.#report !== undefined) return this.#report;
    if (this.#closed === undefined) this.#closed = this.#drainAndEnd(options ?? {}, within);
    else {
      for (const holder of within) this.#closer?.within.add(holder);
      this.changed();
    }
    return this.#closed;
  }

  /** Something has started, ended or left: perhaps somebody waited for it. */
  changed(): void {
    if (this.#forIdleness.size > 0) this.#lookForIdleness();
    if (this.#forRoom.size > 0) this.#lookForRoom();
  }

  #lookForIdleness(): void {
    for (const waiter of this.#forIdleness) {
      if (!this.#isIdleFor(waiter)) continue;
      this.#forIdleness.delete(waiter);
      waiter.resolve();
    }
  }

  /** The bus has closed: nothing of what waits can be emitted any more. */
  busEnded(): void {
    if (this.state === 'closed') return;
    const { bus, name } = this.#core;
    const closed = (what: string, details: ErrorDetails): AmbusError =>
      new AmbusError(
        'BUS_CLOSED',
        `The bus "${bus.name}" has been closed, and the queue "${name}" can't emit ${what}.`,
        {
          details: { bus: bus.name, queue: name, ...details },
        },
      );
    const posted = this.#core.room.all().filter(({ extras }) => (extras?.settle ?? null) === null).length;
    this.#end((type) => closed(`"${String(type)}"`, { event: String(type) }), []);
    if (posted > 0) bus.report(closed(`what was posted and waited (${posted})`, { left: posted }));
  }

  async #wait(verb: 'idle' | 'hasRoom', options: QueueIdleOptions | undefined, waiters: Set<Waiter>): Promise<void> {
    const where = `queue.${verb}`;
    assertOptions(where, options, ['timeoutMs', 'signal', 'parent']);
    assertDuration(where, 'timeoutMs', options?.timeoutMs, 1);
    assertOption(where, 'signal', options?.signal, 'an AbortSignal', isAbortSignal);
    const within = this.#callersEmission(where, options?.parent);
    const { bus, name, pump, room } = this.#core;
    const { running } = pump;
    const { signal, timeoutMs = Infinity } = options ?? {};
    if (verb === 'hasRoom' && !this.#staysOpenFor(within)) throw queueClosed(name, 'another event');
    await limitedWait(
      bus.clock,
      { signal, timeoutMs },
      (resolve, reject) => {
        const waiter: Waiter = { within, closesAt: undefined, resolve, reject };
        waiters.add(waiter);
        this.changed();
        return () => {
          waiters.delete(waiter);
        };
      },
      () => {
        const [code, wanted] =
          verb === 'idle' ? (['IDLE_TIMEOUT', 'be idle'] as const) : (['WAIT_TIMEOUT', 'have room'] as const);
        const left = `events that wait: ${room.size}, emissions that run: ${running.size}`;
        return new AmbusError(code, `Expected the queue "${name}" to ${wanted} within ${timeoutMs} ms; ${left}.`, {
          details: { queue: name, timeoutMs, size: room.size, running: running.size },
        });
      },
    );
  }

  /** Whether it still takes events from there. */
  #staysOpenFor(within: ReadonlySet<SlotHolder>): boolean {
    return this.state === 'open' || (this.state === 'closing' && within.size > 0);
  }

  /** Who waits for room that won't be theirs is told so: a producer would go round in circles else. */
  #refuseRoom(): void {
    for (const waiter of this.#forRoom) {
      if (this.#staysOpenFor(waiter.within)) continue;
      this.#forRoom.delete(waiter);
      waiter.reject(queueClosed(this.#core.name, 'another event'));
    }
  }

  #callersEmission(where: string, parent: unknown): Set<SlotHolder> {
    const holder = holderAround(this.#core, parentOf(where, parent) ?? callingContext());
    const within = new Set<SlotHolder>();
    for (let each = holder; each !== null; each = each.outer) within.add(each);
    return within;
  }

  /**
   * Whether there is nothing left to wait for: nothing waits or runs but the emissions that the waiter is part
   * of, those that other such waiters are part of (or two of them would wait for each other), and what
   * can't start before they end.
   */
  #isIdleFor({ closesAt, within }: Waiter): boolean {
    const { nesting, pump, room } = this.#core;
    const { concurrency, paused, running } = pump;
    let own = 0;
    if (within.size > 0) {
      const blocked = this.#blocked();
      for (const holder of blocked) if (!holder.over) own++;
      const excepted = new Set<SlotHolder>();
      for (const waiter of this.#inEmissions()) for (const holder of waiter.within) excepted.add(holder);
      for (const holder of excepted) {
        if (holder.over) continue;
        let inline = holder.inline - nesting.waitsFor(blocked, holder);
        for (const each of excepted) if (each.outer === holder && !each.over) inline--;
        if (inline > 0) return false;
      }
    }
    if (running.size > own) return false;
    if (room.size === 0) return true;
    // Whoever closes a queue that is paused, or waits for what is due much later, needn't wait for the end.
    if (closesAt !== undefined && (paused || (room.delayed === room.size && room.nextDueAt > closesAt))) return true;
    if (own === 0 || paused) return false;
    return running.size >= concurrency || (room.next === null && room.delayed === 0);
  }

  /** Those who wait in a handler of an emission of the queue, whatever for. */
  #inEmissions(): Waiter[] {
    return [...this.#forIdleness, ...this.#forRoom].filter(({ within }) => within.size > 0);
  }

  /** The slots that can't be given back before something else happens: their emissions wait, or wait for those. */
  #blocked(): Set<SlotHolder> {
    const blocked = new Set<SlotHolder>();
    for (const { within } of this.#inEmissions()) for (const holder of within) blocked.add(holder.root);
    this.#core.nesting.addBlocked(blocked);
    return blocked;
  }

  /** An event has come in: perhaps that of somebody who waited for room. */
  placeTaken(): void {
    if (this.#promised > 0) this.#promised--;
  }

  /** Lets as many who wait for room go on as there is room, once what happens now is done. */
  #lookForRoom(): void {
    if (this.#looksForRoom) return;
    this.#looksForRoom = true;
    queueMicrotask(() => {
      this.#looksForRoom = false;
      let places = this.#core.settings.capacity - this.#core.room.size - this.#promised;
      for (const waiter of this.#forRoom) {
        if (places-- <= 0) break;
        this.#forRoom.delete(waiter);
        this.#promise();
        waiter.resolve();
      }
      this.#refuseDeadlock();
    });
  }

  /** Keeps a place for somebody who waited for it, for a turn of the event loop: perhaps they make no use of it. */
  #promise(): void {
    if (++this.#promised > 1) return;
    afterTurn(() => {
      this.#promised = 0;
      if (this.#forRoom.size > 0) this.#lookForRoom();
    });
  }

  /** Where nothing can start before an emission ends that waits for room, the last of them is told so. */
  #refuseDeadlock(): void {
    const { pump, room } = this.#core;
    const { concurrency, paused, running } = pump;
    const last = Array.from(this.#forRoom).findLast(({ within }) => within.size > 0);
    if (last === undefined || paused || room.expires || this.#core.hasRoom) return;
    if (running.size < concurrency && (room.next !== null || room.delayed > 0)) return;
    // Whoever waits for idleness need wait no longer, and may end.
    if (Array.from(this.#forIdleness).some((waiter) => waiter.within.size > 0 && this.#isIdleFor(waiter))) return;
    const blocked = this.#blocked();
    const holders = Array.from(running);
    if (!holders.every((holder) => blocked.has(holder))) return;
    this.#forRoom.delete(last);
    this.#core.counts.deadlocks++;
    last.reject(
      roomDeadlock(
        this.#core.name,
        holders.map(({ type }) => String(type)),
      ),
    );
  }

  #drainAndEnd(
    { drainMs = DEFAULT_DRAIN_MS, signal }: QueueCloseOptions,
    within: Set<SlotHolder>,
  ): Promise<QueueCloseReport> {
    const { clock } = this.#core.bus;
    this.state = 'closing';
    this.#refuseRoom();
    return new Promise((resolve) => {
      let timer: unknown;
      let forget: (() => void) | undefined;
      const done = (): void => {
        if (timer !== undefined) clock.clearTimeout(timer);
        forget?.();
        this.#forIdleness.delete(closer);
        // Perhaps the bus has ended it meanwhile. If not, then now: nothing more may start.
        const running = Array.from(this.#core.pump.running).filter((holder) => !within.has(holder));
        resolve(this.#report ?? this.#end((type) => queueClosed(this.#core.name, type), running));
      };
      const closer: Waiter = { within, closesAt: clock.now() + drainMs, resolve: done, reject: done };
      this.#closer = closer;
      this.#forIdleness.add(closer);
      this.changed();
      if (!this.#forIdleness.has(closer)) return;
      if (drainMs === 0 || signal?.aborted === true) done();
      else {
        if (signal !== undefined) forget = onAbort(signal, done);
        if (drainMs !== Infinity) timer = clock.setTimeout(done, drainMs);
      }
    });
  }

  /** @param unfinished - Emissions that are to be let go of. */
  #end(error: (type: PropertyKey) => AmbusError, unfinished: readonly SlotHolder[]): QueueCloseReport {
    const core = this.#core;
    const { bus, name, room } = core;
    this.state = 'closed';
    bus.atEnd.delete(this.#busEnded);
    core.pump.end();
    const now = bus.clock.now();
    const left = room.all().map((event): LeftEvent => {
      const { key, meta, payload, priority, type } = event;
      const delayMs = Math.max(0, (event.extras?.delay?.at ?? now) - now);
      return { type, payload, priority, key: key as LeftEvent['key'], meta, delayMs };
    });
    const events = core.takeOutAll('left');
    const abandoned = unfinished.flatMap((holder): UnfinishedEmission[] => {
      const running = bus.lifetime.on(holder);
      const contexts = [...running.emissions, ...running.late].map(({ ctx }) => ctx);
      // Its emission is about to begin.
      if (contexts.length === 0 && holder.emitting) {
        const { id, key, payload, type } = holder;
        return [
          { event: String(type), emissionId: id, handlers: [], late: false, payload, key: key as LeftEvent['key'] },
        ];
      }
      return abandon(running, queueClosed(name, holder.type)).map((each, index) => {
        const ctx = contexts[index] as Context;
        return { ...each, payload: ctx.payload, key: holderAround(core, ctx)?.key as LeftEvent['key'] };
      });
    });
    this.#report = Object.freeze({
      drained: left.length === 0 && unfinished.length === 0,
      left: Object.freeze(left),
      unfinished: Object.freeze(abandoned),
    });
    const report = this.#report;
    for (const event of events) core.tellLost(event, error(event.type));
    this.#refuseRoom();
    core.nesting.end();
    this.changed();
    return report;
  }
}
