import type { HandlerError } from '../../errors.js';
import { timeoutReason } from '../../internal/abort.js';
import { setBackgroundTimeout } from '../../internal/clock.js';
import { isStackOverflow } from '../../internal/overflow.js';
import { follow, type Then, thenOf } from '../../internal/thenable.js';
import type { LateSettled, SkipReason } from '../observing/observer.js';
import type { Limiter } from '../subscribing/limiter.js';
import { firstArgument, type Subscription, USED } from '../subscribing/subscription.js';
import { scope } from './ancestry.js';
import type { Layer } from './around.js';
import { Context, OWN, SETTLED, type SlotContext, SYNC, slotAround, TRACKED } from './context.js';
import type { Emission } from './emission.js';
import { asyncFilter, asyncInSync, handlerBusy, handlerTimeout } from './handler-failure.js';
import type { PlannedHandler } from './plan.js';

const noop = (): void => {};

type Phase = 'waiting' | 'running' | 'late' | 'ended';

/**
 * One run of a handler that needs more than a call: a filter, a count of turns, a slot, a time limit,
 * an observer. It begins, perhaps waits for a slot, is called, and ends, perhaps late.
 */
export class HandlerRun {
  readonly subscription: Subscription;
  ctx: Context;
  readonly emission: Emission;
  /** Its place in the order; one more than the last for the core of an around. */
  readonly index: number;
  /** What it is part of, in an around that nobody has answered yet. */
  layer: Layer | null = null;
  readonly #timeoutMs: number;
  readonly #timed: boolean;
  readonly #observed: boolean;
  /** An observer wants to know how long it takes, and did so when it began. */
  readonly #measured: boolean;
  #phase: Phase = 'running';
  #slot: Limiter | null = null;
  #granted: (() => void) | null = null;
  #timer: unknown;
  #waitedSince: number | undefined;
  #startedAt = 0;
  #syncMs = 0;
  #lateSince: number | undefined;
  /** What it keeps taken while it is late. */
  #heldSlot: SlotContext | null = null;

  constructor(emission: Emission, subscription: Subscription, index: number) {
    const { settings, plan } = emission;
    this.emission = emission;
    this.subscription = subscription;
    this.ctx = emission.ctx;
    this.index = index;
    const { extras } = subscription;
    const own = extras?.timeoutMs;
    this.#timeoutMs = Math.min(own ?? settings.timeoutMs, settings.mostMs, extras?.mostMs ?? Infinity);
    this.#observed = plan.core.facts.handlers;
    this.#measured = this.#observed && plan.core.facts.durations;
    this.#timed = this.#timeoutMs !== Infinity || this.#measured;
  }

  /** Its turn has come: the filter is asked, a turn claimed, a slot taken or waited for. */
  begin(): void {
    const { extras } = this.subscription;
    if (extras === null) {
      this.#call(false);
      return;
    }
    const { filter, gate } = extras;
    if (filter !== undefined || gate !== undefined) {
      if (gate !== undefined && !this.#passes((payload) => gate({ type: this.emission.plan.type, payload }), true))
        return;
      if (filter !== undefined && !this.#passes(filter, false)) return;
      // The filter may have removed the handler, or had an emission of its own claim the last turn.
      const obstacle = this.emission.obstacle(this.subscription);
      if (obstacle !== undefined || this.subscription.state === USED) {
        this.emission.skipRun(this, obstacle ?? 'removed');
        return;
      }
    }
    if (extras.timesLeft !== Infinity && --extras.timesLeft === 0) {
      this.emission.plan.core.end(this.subscription, 'used');
    }
    const { limiter } = extras;
    if (limiter !== undefined && !this.#slotIsHeldByAncestor()) {
      if (limiter.take(this)) this.#slot = limiter;
      else {
        this.#waitFor(limiter);
        return;
      }
    }
    this.#call(false);
  }

  /** The limiter hands a slot to this run, which waits for it. */
  slotGranted(): void {
    this.#slot = this.subscription.extras?.limiter ?? null;
    this.#granted?.();
  }

  /** Something has changed while it waits for a slot: it waits no more if that stands in its way. */
  reconsider(): void {
    if (this.emission.obstacle(this.subscription) !== undefined) this.#granted?.();
  }

  /** Whether its handler has begun, and neither settled nor run out of time. */
  get running(): boolean {
    return this.#phase === 'running';
  }

  /** Whether what its handler returns is an answer. */
  get answers(): boolean {
    const { asked } = this.emission.plan;
    return this.index >= asked.length || asked[this.index] === true;
  }

  /** Whether it waits for a slot. */
  get waiting(): boolean {
    return this.#phase === 'waiting';
  }

  /** Whether it waits for a slot, and whoever could give it one is part of `within`. */
  waitsOn(within: ReadonlySet<Context>): boolean {
    if (this.#phase !== 'waiting' || within.size === 0) return false;
    for (const holder of this.subscription.extras?.limiter?.holders ?? []) if (!within.has(holder.ctx)) return false;
    return true;
  }

  /** Ends the wait for a slot without a run. */
  skipIfWaiting(reason: SkipReason): void {
    if (this.#phase !== 'waiting') return;
    this.#phase = 'ended';
    this.subscription.extras?.limiter?.waiting.delete(this);
    this.#releaseSlot();
    this.emission.skipRun(this, reason);
    this.emission.release(this);
  }

  /** Looks after a promise that nobody waits for: it was returned to `emitSync`, or its time is up. */
  goOnLate(thenable: unknown, then: Then): void {
    this.#becomeLate();
    follow(
      thenable,
      then,
      () => {
        this.#lateEnd('ok', undefined);
      },
      (error: unknown) => {
        this.#lateEnd('failed', error);
      },
    );
  }

  #passes(filter: (payload: unknown) => unknown, raw: boolean): boolean {
    const { plan, ctx } = this.emission;
    let verdict: unknown;
    let then: Then | undefined;
    try {
      verdict = filter(raw ? ctx.payload : firstArgument(plan.type, this.subscription, ctx.payload));
      then = thenOf(verdict);
    } catch (error) {
      this.emission.runThrew(this, error, 'filter');
      return false;
    }
    if (then !== undefined) {
      // The failure says all there is to say; this keeps a rejection from going unhandled.
      follow(verdict, then, noop, noop);
      this.emission.runFailed(this, asyncFilter(ctx, this.subscription));
      return false;
    }
    if (!verdict) this.emission.skipRun(this, 'filter');
    return Boolean(verdict);
  }

  /** A run that caused this emission holds a slot of the same handler: to wait for it would be to wait for oneself. */
  #slotIsHeldByAncestor(): boolean {
    for (let ctx = this.emission.ctx.parent; ctx !== null; ctx = ctx.parent) {
      const run = ctx.extras?.run;
      if (run !== undefined && run.subscription === this.subscription && run.#slot !== null) return true;
    }
    return false;
  }

  #waitFor(limiter: Limiter): void {
    const { ctx } = this.emission;
    if ((ctx.flags & SYNC) !== 0) {
      this.emission.runFailed(this, handlerBusy(ctx, this.subscription, limiter.limit));
      return;
    }
    this.#phase = 'waiting';
    this.emission.hold(this);
    limiter.waiting.add(this);
    if (this.#observed) this.#waitedSince = this.emission.plan.core.clock.now();
    // Through a promise, so that the handler runs in the AsyncLocalStorage context of its own
    // emission, and not in that of the run that gave the slot back.
    void new Promise<void>((resolve) => {
      this.#granted = resolve;
    }).then(() => {
      if (this.#phase !== 'waiting') return;
      const obstacle = this.emission.obstacle(this.subscription);
      if (obstacle !== undefined) this.skipIfWaiting(obstacle);
      else this.#call(true);
    });
  }

  #call(held: boolean): void {
    const emission = this.emission;
    const { plan } = emission;
    const { clock } = plan.core;
    this.#phase = 'running';
    if (this.#timeoutMs !== Infinity || this.#slot !== null || this.layer !== null) {
      this.ctx = new Context(plan, emission.ctx.payload, emission.ctx, emission.ctx.flags | OWN);
      this.ctx.more().run = this;
    }
    const { ctx } = this;
    if (this.index < plan.handlers.length) emission.countCalled();
    if (this.#timed) this.#startedAt = clock.now();
    if (this.#observed) this.#tellStarted();
    const handler = plan.handlers[this.index] ?? (this.subscription.handler as PlannedHandler);
    const { current, depth } = scope;
    const { calling } = emission;
    let returned: unknown;
    let then: Then | undefined;
    let failure: HandlerError | undefined;
    scope.current = ctx;
    scope.depth = 0;
    emission.calling = this;
    try {
      returned =
        (ctx.flags & TRACKED) !== 0 && ctx !== emission.ctx && scope.store !== null
          ? scope.store.run(ctx, () => handler(ctx.payload, ctx))
          : handler(ctx.payload, ctx);
      then = thenOf(returned);
    } catch (error) {
      scope.current = current;
      scope.depth = depth;
      if (emission.nested && isStackOverflow(error)) {
        emission.calling = calling;
        this.#end();
        throw error;
      }
      failure = emission.runThrew(this, error);
    }
    scope.current = current;
    scope.depth = depth;
    emission.calling = calling;
    if (this.#timed) this.#syncMs = clock.now() - this.#startedAt;
    if (this.#syncMs > this.#timeoutMs) plan.core.counts.overran++;
    if (failure === undefined && then !== undefined) {
      if ((ctx.flags & SYNC) === 0) {
        if (!held) emission.hold(this);
        this.#await(returned, then);
        return;
      }
      failure = emission.runFailed(this, asyncInSync(emission.ctx, this.subscription));
      this.#tellSettled(failure, true);
      this.goOnLate(returned, then);
    } else {
      this.#tellSettled(failure, false);
      this.#end();
      if (failure === undefined) emission.runAnswered(this, returned);
    }
    if (held) emission.release(this);
  }

  #await(thenable: unknown, then: Then): void {
    if (this.#timeoutMs !== Infinity) {
      const left = Math.max(0, this.#timeoutMs - this.#syncMs);
      this.#timer = this.emission.plan.core.clock.setTimeout(() => {
        this.#timeout();
      }, left);
    }
    follow(
      thenable,
      then,
      (value) => {
        this.#settled(value, false);
      },
      (error: unknown) => {
        this.#settled(error, true);
      },
    );
  }

  #settled(outcome: unknown, failed: boolean): void {
    if (this.#phase === 'running') {
      const failure = failed ? this.emission.runThrew(this, outcome) : undefined;
      this.#tellSettled(failure, true);
      this.#end();
      if (!failed) this.emission.runAnswered(this, outcome);
      this.emission.release(this);
      return;
    }
    // A handler further out, late itself, may still wait for it.
    this.emission.onion?.settledLate(this, failed, outcome);
    this.#lateEnd(failed ? 'failed' : 'ok', failed ? outcome : undefined);
  }

  /** Whoever waited for it waits no longer, because its own time was up. */
  giveUp(reason: unknown): void {
    if (this.#phase === 'waiting') this.skipIfWaiting('aborted');
    if (this.#phase !== 'running') return;
    if (this.#timer !== undefined) this.emission.plan.core.clock.clearTimeout(this.#timer);
    this.#becomeLate();
    this.ctx.abort(reason);
    this.#tellSettled(undefined, true);
    this.emission.release(this);
  }

  #timeout(): void {
    const emission = this.emission;
    const reason = timeoutReason(`"${this.subscription.name}" did not settle within ${this.#timeoutMs} ms`);
    this.#timer = undefined;
    emission.plan.core.counts.timeouts++;
    this.#becomeLate();
    const failure = emission.runFailed(this, handlerTimeout(emission.ctx, this.subscription, this.#timeoutMs, reason));
    this.ctx.abort(reason);
    this.#tellSettled(failure, true);
    emission.onion?.giveUpWithin(this, reason);
    emission.release(this);
  }

  #becomeLate(): void {
    const { core } = this.emission.plan;
    this.#phase = 'late';
    // An emission that has ended is not over for what still runs in its context.
    if (this.ctx === this.emission.ctx) this.ctx.more().lateRuns++;
    const slot = slotAround(this.ctx);
    if (slot !== null && (slot.flags & SETTLED) === 0) {
      this.#heldSlot = slot;
      slot.lateRunBegan();
    }
    if (core.facts.late) this.#lateSince = core.clock.now();
    core.lifetime.late.add(this);
    if (core.lateMs === Infinity) return;
    this.#timer = setBackgroundTimeout(
      core.clock,
      () => {
        this.#timer = undefined;
        core.counts.abandoned++;
        this.#lateEnd('abandoned', undefined);
      },
      core.lateMs,
    );
  }

  #lateEnd(outcome: LateSettled['outcome'], error: unknown): void {
    if (this.#phase !== 'late') return;
    const { core, type } = this.emission.plan;
    if (outcome !== 'abandoned') core.counts.lateSettled++;
    this.#end();
    core.lifetime.late.delete(this);
    if (this.#lateSince !== undefined && core.observers.hears('lateSettled')) {
      core.observers.tell('lateSettled', {
        type,
        emissionId: this.emission.ctx.id,
        handler: this.subscription.name,
        group: this.subscription.group?.name,
        outcome,
        error,
        lateMs: core.clock.now() - this.#lateSince,
      });
    }
    core.lifetime.somethingSettled();
  }

  #end(): void {
    const late = this.#phase === 'late';
    this.#phase = 'ended';
    if (this.ctx !== this.emission.ctx) this.ctx.flags |= SETTLED;
    else if (late) this.emission.lateRunEnded();
    if (this.#timer !== undefined) this.emission.plan.core.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#releaseSlot();
    this.#heldSlot?.lateRunEnded();
  }

  #releaseSlot(): void {
    const slot = this.#slot;
    this.#slot = null;
    slot?.release(this);
  }

  #tellStarted(): void {
    const { ctx, plan } = this.emission;
    if (!plan.core.observers.hears('handlerStarted')) return;
    plan.core.observers.tell('handlerStarted', {
      type: plan.type,
      emissionId: ctx.id,
      handler: this.subscription.name,
      group: this.subscription.group?.name,
      waitedMs: this.#waitedSince === undefined ? 0 : plan.core.clock.now() - this.#waitedSince,
    });
  }

  #tellSettled(failure: HandlerError | undefined, async: boolean): void {
    const { ctx, plan } = this.emission;
    const { clock, observers } = plan.core;
    if (!this.#measured || !observers.hears('handlerSettled')) return;
    observers.tell('handlerSettled', {
      type: plan.type,
      emissionId: ctx.id,
      handler: this.subscription.name,
      group: this.subscription.group?.name,
      outcome:
        this.#phase === 'late' && failure?.phase !== 'handler' ? 'timeout' : failure === undefined ? 'ok' : 'failed',
      failure,
      async,
      durationMs: clock.now() - this.#startedAt,
      syncMs: this.#syncMs,
      overran: this.#syncMs > this.#timeoutMs,
    });
  }
}
