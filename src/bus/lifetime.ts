import { AmbusError } from '../errors.js';
import { isAbortSignal, onAbort } from '../internal/abort.js';
import { assertDuration, assertOption, assertOptions } from '../internal/assertions.js';
import { limitedWait } from '../internal/limited-wait.js';
import type { BusCore } from './core.js';
import { callingContext, scope } from './dispatching/ancestry.js';
import { type Context, type SlotContext, slotAround } from './dispatching/context.js';
import type { HandlerRun } from './dispatching/handler-run.js';
import { InFlight, type InFlightEntry } from './in-flight.js';
import type { CloseOptions, CloseReport, IdleOptions, Unfinished } from './options.js';
import type { GroupState } from './subscribing/group.js';

const DEFAULT_DRAIN_MS = 10_000;

/** Somebody who waits, and what can't end before that. */
interface Insider {
  /** The emissions that the waiter is part of, and which can't end before it goes on. */
  readonly within: Set<Context>;
  /** The bus's epoch when a hot loop was waiting around the call; -1 where none was. */
  inLoopSince: number;
}

/** Somebody who waits for a bus, or for one group of it, to be idle. */
interface Waiter extends Insider {
  readonly group: GroupState | undefined;
  /** What it was found to wait for: nothing else need be looked at before that has ended. */
  busy: InFlightEntry | undefined;
  readonly resolve: () => void;
}

/** Emissions, and late work, that have not ended. */
interface StillRunning {
  readonly emissions: readonly InFlightEntry[];
  readonly late: readonly HandlerRun[];
}

const NOBODY: ReadonlySet<Context> = new Set();

/** What a bus has in flight, who waits for it to be over, and how the bus ends. */
export class Lifetime {
  /** Emissions that have gone asynchronous and not ended. */
  readonly inFlight: InFlight = new InFlight();
  /** Runs that go on after nobody waits for them. */
  readonly late: Set<HandlerRun> = new Set();
  state: 'open' | 'closing' | 'closed' = 'open';
  readonly #core: BusCore;
  readonly #waiters = new Set<Waiter>();
  /** Who waits for something that a group has to become idle for. */
  readonly #held = new Set<Insider>();
  /** Those waiters, and those holders, that are part of emissions. */
  readonly #inside = new Set<Insider>();
  #closed: Promise<CloseReport> | undefined;
  #closer: Waiter | undefined;
  /** Until the synchronous code that it was called in has run, hot loops of this bus may be around it. */
  #closedInLoop = false;

  constructor(core: BusCore) {
    this.#core = core;
  }

  /** Whether anybody waits for something to be over. */
  get awaited(): boolean {
    return this.#waiters.size > 0 || this.#held.size > 0;
  }

  /** Whether an emission that comes from `parent` may start. */
  admits(parent: Context | null): boolean {
    if (this.state !== 'closing') return this.state === 'open';
    return (this.#closedInLoop && scope.depth > 0) || (parent !== null && parent.livesOn(this.#core));
  }

  /** Resolves when nothing is in flight apart from what the caller itself is part of. */
  async idle(options?: IdleOptions, caller: Context | null = callingContext(), group?: GroupState): Promise<void> {
    const where = group === undefined ? 'idle' : 'group.idle';
    assertOptions(where, options, ['timeoutMs', 'signal']);
    assertDuration(where, 'timeoutMs', options?.timeoutMs, 1);
    assertOption(where, 'signal', options?.signal, 'an AbortSignal', isAbortSignal);
    const { signal, timeoutMs = Infinity } = options ?? {};
    let waiter: Waiter;
    await limitedWait(
      this.#core.clock,
      { signal, timeoutMs },
      (resolve) => {
        waiter = this.#wait(caller, group, resolve);
        this.somethingSettled();
        return () => {
          this.#forget(waiter);
        };
      },
      () => {
        const unfinished = unfinishedOf(this.#remaining(waiter));
        const who = group === undefined ? 'the bus' : `the group "${group.name}"`;
        return new AmbusError(
          'IDLE_TIMEOUT',
          `Expected ${who} to be idle within ${timeoutMs} ms, but ${describe(unfinished)}.`,
          { details: { timeoutMs, unfinished } },
        );
      },
    );
  }

  /** Whether a group is idle, but for those who wait for that. */
  isIdle(group: GroupState): boolean {
    return this.#isIdleFor({ group, within: new Set(), inLoopSince: -1, busy: undefined, resolve: () => {} });
  }

  /** Refuses new emissions, waits for those in flight, and ends every subscription. */
  async close(options?: CloseOptions, caller: Context | null = callingContext()): Promise<CloseReport> {
    assertOptions('close', options, ['drainMs', 'signal']);
    assertDuration('close', 'drainMs', options?.drainMs, 0);
    assertOption('close', 'signal', options?.signal, 'an AbortSignal', isAbortSignal);
    if (this.#closed === undefined) this.#closed = this.#drainAndEnd(options ?? {}, caller);
    else if (this.#closer !== undefined) {
      addAncestors(this.#closer.within, caller);
      this.#noteInside(this.#closer);
      this.#noteLoops(this.#closer);
      this.somethingSettled();
    }
    return this.#closed;
  }

  /**
   * Notes that the caller waits for what comes after a group has become idle, so that the group can't wait for the
   * emissions that the caller is part of.
   *
   * @returns A function that ends it.
   */
  hold(caller: Context | null): () => void {
    const holder: Insider = { within: new Set(), inLoopSince: -1 };
    addAncestors(holder.within, caller);
    this.#held.add(holder);
    this.#noteInside(holder);
    this.#noteLoops(holder);
    this.somethingSettled();
    return () => {
      this.#held.delete(holder);
      this.#inside.delete(holder);
    };
  }

  /** An emission leaves the hot loop: whoever began to wait meanwhile did so in one of its handlers. */
  leftLoop(ctx: Context, epoch: number): void {
    for (const insiders of [this.#waiters, this.#held]) {
      for (const insider of insiders) {
        if (insider.inLoopSince <= epoch) continue;
        insider.within.add(ctx);
        this.#inside.add(insider);
      }
    }
  }

  /** Something in flight has ended: perhaps it was the last. */
  somethingSettled(): void {
    for (const waiter of this.#waiters) {
      if (!this.#isIdleFor(waiter)) continue;
      this.#forget(waiter);
      waiter.resolve();
    }
  }

  async #drainAndEnd(options: CloseOptions, caller: Context | null): Promise<CloseReport> {
    const { drainMs = DEFAULT_DRAIN_MS, signal } = options;
    const core = this.#core;
    this.state = 'closing';
    if (scope.depth > 0) {
      this.#closedInLoop = true;
      queueMicrotask(() => {
        this.#closedInLoop = false;
      });
    }
    core.changedEverywhere();
    const unfinished = await new Promise<Unfinished[]>((resolve) => {
      let timer: unknown;
      let forget: (() => void) | undefined;
      const release = (): void => {
        core.clock.clearTimeout(timer);
        forget?.();
      };
      const closer = this.#wait(caller, undefined, () => {
        release();
        resolve([]);
      });
      const giveUp = (): void => {
        release();
        this.#forget(closer);
        resolve(this.#abandon(closer));
      };
      this.#closer = closer;
      this.somethingSettled();
      if (!this.#waiters.has(closer)) return;
      // The hot loops around the call have yet to say which emissions it is part of.
      if (drainMs === 0 || signal?.aborted === true) {
        if (scope.depth > 0) queueMicrotask(giveUp);
        else giveUp();
      } else {
        forget = signal === undefined ? undefined : onAbort(signal, giveUp);
        if (drainMs !== Infinity) timer = core.clock.setTimeout(giveUp, drainMs);
      }
    });
    this.#closer = undefined;
    this.state = 'closed';
    core.endAll();
    return Object.freeze({ drained: unfinished.length === 0, unfinished: Object.freeze(unfinished) });
  }

  #abandon(closer: Waiter): Unfinished[] {
    const reason = new AmbusError('BUS_CLOSED', `The bus "${this.#core.name}" has been closed and waits no longer.`);
    return abandon(this.#remaining(closer), reason);
  }

  /** What has not ended of all that goes on on a slot. */
  on(slot: SlotContext): StillRunning {
    const isOnIt = ({ ctx }: { readonly ctx: Context }): boolean => slotAround(ctx)?.runsIn(slot) === true;
    return { emissions: Array.from(this.inFlight).filter(isOnIt), late: Array.from(this.late).filter(isOnIt) };
  }

  #wait(caller: Context | null, group: GroupState | undefined, resolve: () => void): Waiter {
    const within = new Set<Context>();
    addAncestors(within, caller);
    const waiter: Waiter = { group, within, inLoopSince: -1, busy: undefined, resolve };
    this.#waiters.add(waiter);
    this.#noteInside(waiter);
    this.#noteLoops(waiter);
    return waiter;
  }

  #forget(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    this.#inside.delete(waiter);
  }

  #noteInside(insider: Insider): void {
    if (insider.within.size > 0) this.#inside.add(insider);
  }

  /** Has every hot loop around this call leave after its handler: what is waited for must not be the waiter itself. */
  #noteLoops(insider: Insider): void {
    if (scope.depth > 0) insider.inLoopSince = ++this.#core.epoch;
  }

  /**
   * What a waiter doesn't wait for: the emissions that it is part of, which would be to wait for
   * itself, and those that other such waiters are part of, or two of them would wait for each other; of a group also
   * those that wait for what comes after it.
   */
  #notWaitedFor(waiter: Waiter): ReadonlySet<Context> {
    const isInside = waiter.within.size > 0;
    if (this.#inside.size === 0 && !isInside) return NOBODY;
    // Also of one that waits no more.
    const all = new Set<Context>(waiter.within);
    for (const insider of this.#inside) {
      const counts = this.#held.has(insider) ? waiter.group !== undefined : isInside;
      if (counts) for (const ctx of insider.within) all.add(ctx);
    }
    return all;
  }

  #isIdleFor(waiter: Waiter): boolean {
    const { busy, group } = waiter;
    const excepted = this.#notWaitedFor(waiter);
    const isBusy = (emission: InFlightEntry): boolean => {
      // One that waits for a slot of an excepted one waits for the waiter too.
      if (excepted.size > 0 && (excepted.has(emission.ctx) || emission.waitsOn(excepted))) return false;
      return group === undefined || emission.involves(group);
    };
    if (busy !== undefined && this.inFlight.has(busy) && isBusy(busy)) return false;
    waiter.busy = this.inFlight.find(isBusy);
    if (waiter.busy !== undefined) return false;
    for (const run of this.late) {
      if (!excepted.has(run.ctx) && (group === undefined || run.subscription.group === group)) return false;
    }
    return true;
  }

  /** What a waiter still waits for. */
  #remaining(waiter: Waiter): StillRunning {
    const { group } = waiter;
    const excepted = this.#notWaitedFor(waiter);
    return {
      emissions: Array.from(this.inFlight).filter(
        (emission) => !excepted.has(emission.ctx) && (group === undefined || emission.involves(group)),
      ),
      late: Array.from(this.late).filter(
        ({ ctx, subscription }) => !excepted.has(ctx) && (group === undefined || subscription.group === group),
      ),
    };
  }
}

/** Lets go of what runs: nothing more starts in it, and what has started is told to give up. */
export function abandon(running: StillRunning, reason: unknown): Unfinished[] {
  const unfinished = unfinishedOf(running);
  for (const emission of running.emissions) emission.abandon(reason);
  for (const run of running.late) run.ctx.abort(reason);
  return unfinished;
}

function unfinishedOf({ emissions, late }: StillRunning): Unfinished[] {
  return [
    ...emissions.map((emission) => ({
      event: String(emission.ctx.type),
      emissionId: emission.ctx.id,
      handlers: emission.waitsFor(),
      late: false,
    })),
    ...late.map(({ ctx, subscription }) => ({
      event: String(ctx.type),
      emissionId: ctx.id,
      handlers: [subscription.name],
      late: true,
    })),
  ];
}

function addAncestors(within: Set<Context>, caller: Context | null): void {
  for (let ctx = caller; ctx !== null; ctx = ctx.parent) within.add(ctx);
}

function describe(unfinished: readonly Unfinished[]): string {
  const [first] = unfinished;
  if (first === undefined) return 'it was not';
  const others = unfinished.length === 1 ? '' : ` and ${unfinished.length - 1} more are`;
  return `"${first.event}" (${first.handlers.join(', ')})${others === '' ? ' is' : others} still running`;
}
