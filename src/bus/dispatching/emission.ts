import { EmitError, type HandlerError, type HandlerPhase } from '../../errors.js';
import { onAbort } from '../../internal/abort.js';
import { isStackOverflow } from '../../internal/overflow.js';
import { follow, type Then, thenOf } from '../../internal/thenable.js';
import type { InFlightEntry } from '../in-flight.js';
import type { SkipReason } from '../observing/observer.js';
import type { FailurePolicy, FanOutMode } from '../options.js';
import type { GroupState } from '../subscribing/group.js';
import { REMOVED, RETIRED, type Subscription, USED } from '../subscribing/subscription.js';
import { claimOrphans, orphans, registerOrphan, scope } from './ancestry.js';
import type { Answers } from './answers.js';
import { Onion } from './around.js';
import { type Context, SETTLED, STOPPED, SYNC } from './context.js';
import { tellSettled, tellSkipped, tellStarted } from './emission-facts.js';
import { type AnyEmitResult, makeResult } from './emit-result.js';
import { asyncInSync, handlerError } from './handler-failure.js';
import { HandlerRun } from './handler-run.js';
import { KINDS } from './kind.js';
import type { ContextFreeHandler, Plan, PlannedHandler } from './plan.js';

/** What an emission is run by: the bus's settings, or those with the emission's own over them. */
export interface EmissionSettings {
  readonly mode: FanOutMode;
  readonly concurrency: number;
  readonly failurePolicy: FailurePolicy;
  /** The limit for handlers without one of their own; Infinity for none. */
  readonly timeoutMs: number;
  /** The limit that holds besides a handler's own. */
  readonly mostMs: number;
}

interface Failure {
  readonly index: number;
  readonly error: HandlerError;
}

/** What an emission has beyond a list of handlers to call: made where there is something of the kind. */
interface EmissionExtras {
  /** Runs that have something of their own: a time limit, a slot, an observer. Waiting ones included. */
  runs: Set<HandlerRun> | undefined;
  failures: Failure[] | undefined;
  /** The failure that makes it reject. */
  cause: HandlerError | undefined;
  /** A failure has ended it early. */
  failed: boolean;
  aborted: boolean;
  /** It was stopped already when it was aborted. */
  stoppedBefore: boolean;
  reason: unknown;
  /** Forgets the signal that aborts it. */
  release: (() => void) | undefined;
  /** Unless nobody wanted to know how long it takes when it started. */
  startedAt: number | undefined;
}

/**
 * An emission off the hot path. One machine for every mode: handlers start in order, as long as no
 * more of them are unsettled than the mode lets be; sequential is a limit of one.
 *
 * Its members are `private` and not `#private`, because the brand check of each `#call()` is
 * noticeable here.
 */
export class Emission implements InFlightEntry {
  readonly plan: Plan;
  readonly ctx: Context;
  readonly settings: EmissionSettings;
  /** Its neighbours among those in flight. */
  following: InFlightEntry | null = null;
  previous: InFlightEntry | null = null;
  /** What a kind other than broadcast makes of what handlers return. */
  private readonly answers: Answers | null;
  /** {@link answers} of an around. */
  readonly onion: Onion | null;
  /** What an around is around. */
  core: PlannedHandler | undefined;
  /** An interception, or validation, that has begun before it and is in flight in its place. */
  within: { readonly open: boolean; readonly nested: boolean } | null = null;
  private readonly limit: number;
  /** Every handler needs a run of its own. */
  private readonly guarded: boolean;
  /**
   * Nothing is handed down to what its handlers emit, and nobody is told where that comes from: then
   * it is enough to be known when they have run, as in the hot loop.
   */
  private readonly root: boolean;
  private inFlight = false;
  /** The bus's when the emission started: as long as it is the same, nothing has to be looked at. */
  private readonly epoch: number;
  private index: number;
  private called: number;
  private skipped: number;
  private unsettled = 0;
  /** The handler that is waited for, where there can be only one. */
  private waitingFor = 0;
  /** The run whose handler is being called. */
  calling: HandlerRun | null = null;
  /** Handlers are being started by code that runs in a handler of another emission. */
  nested = false;
  private advancing = false;
  /** Which handlers without a run of their own are unsettled, where several can be. */
  private open: boolean[] | null = null;
  private extras: EmissionExtras | null = null;
  private result: AnyEmitResult | null = null;
  private rejection: { readonly reason: unknown } | null = null;
  private resolve: ((result: AnyEmitResult) => void) | null = null;
  private reject: ((error: unknown) => void) | null = null;
  private onFulfilled: ((answer: unknown) => void) | null = null;
  private onRejected: ((error: unknown) => void) | null = null;

  /**
   * @param epoch - The bus's when the first handler was called.
   * @param called - How many handlers the hot loop has called already.
   */
  constructor(
    plan: Plan,
    ctx: Context,
    settings: EmissionSettings,
    epoch: number,
    called: number,
    answers: Answers | null = plan.kind === 'broadcast' ? null : KINDS[plan.kind].answers(),
  ) {
    this.plan = plan;
    this.answers = answers;
    this.onion = answers !== null && answers instanceof Onion ? answers.of(this) : null;
    this.ctx = ctx;
    this.settings = settings;
    this.limit = settings.mode === 'sequential' ? 1 : settings.concurrency;
    this.guarded =
      !plan.plain ||
      this.onion !== null ||
      plan.core.facts.handlers ||
      settings.timeoutMs !== Infinity ||
      settings.mostMs !== Infinity;
    this.root = ctx.parent === null && ctx.extras === null && ctx.flags === 0 && !plan.core.facts.emissions;
    this.epoch = epoch;
    this.index = called;
    this.called = called;
    this.skipped = plan.paused.length;
  }

  /** Starts from the first handler. */
  begin(signal: AbortSignal | undefined): AnyEmitResult | Promise<AnyEmitResult> {
    const { channel, core, paused } = this.plan;
    channel.emissions++;
    if (core.facts.emissions) {
      if (core.facts.durations) this.more().startedAt = core.clock.now();
      tellStarted(this.ctx, this.settings.mode);
    }
    if (core.facts.handlers) for (const subscription of paused) tellSkipped(this.ctx, subscription, 'paused');
    if (signal !== undefined) this.listenTo(signal);
    return this.proceed();
  }

  /** Runs what can run now. Called once, by whoever made the emission. */
  proceed(): AnyEmitResult | Promise<AnyEmitResult> {
    this.advance();
    if (this.result !== null) return this.outcome();
    if (scope.depth > 0) registerOrphan(this.ctx);
    if (this.within === null) {
      this.inFlight = true;
      this.plan.core.lifetime.inFlight.add(this);
    }
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  /** Waits for what the handler at `index` returned, or fails it where nobody can wait. */
  wait(index: number, returned: unknown, then: Then): void {
    if ((this.ctx.flags & SYNC) !== 0) {
      const subscription = this.plan.subscriptions[index] as Subscription;
      new HandlerRun(this, subscription, index).goOnLate(returned, then);
      this.fail(index, subscription, asyncInSync(this.ctx, subscription));
      return;
    }
    if (this.limit === 1) {
      // One handler at a time: the same two functions serve them all.
      this.waitingFor = index;
      follow(
        returned,
        then,
        (this.onFulfilled ??= (answer) => {
          this.unsettled--;
          if (this.answers !== null) this.take(this.waitingFor, answer);
          this.advance();
        }),
        (this.onRejected ??= (error) => {
          this.handlerFailed(this.waitingFor, error);
          this.unsettled--;
          this.advance();
        }),
      );
    } else {
      follow(
        returned,
        then,
        (answer) => {
          if (this.answers !== null) this.take(index, answer);
          this.settled(index);
        },
        (error: unknown) => {
          this.handlerFailed(index, error);
          this.settled(index);
        },
      );
      this.open ??= [];
      this.open[index] = true;
    }
    this.unsettled++;
  }

  /** A run of its own is waited for. */
  hold(run: HandlerRun): void {
    this.unsettled++;
    const extras = this.more();
    extras.runs ??= new Set();
    extras.runs.add(run);
  }

  /** A run of its own has ended, or is waited for no more. */
  release(run: HandlerRun): void {
    this.extras?.runs?.delete(run);
    this.unsettled--;
    this.advance();
  }

  countCalled(): void {
    this.called++;
  }

  skip(subscription: Subscription, reason: SkipReason): void {
    this.skipped++;
    tellSkipped(this.ctx, subscription, reason);
  }

  /** A run has come to an end without being called. */
  skipRun(run: HandlerRun, reason: SkipReason): void {
    if (this.onion === null || this.onion.skipsFirst(run.index)) this.skip(run.subscription, reason);
    this.onion?.vacate(run);
  }

  handlerFailed(index: number, cause: unknown): HandlerError {
    const subscription = this.plan.subscriptions[index] as Subscription;
    return this.fail(index, subscription, handlerError(this.ctx, subscription, 'handler', cause));
  }

  /** The handler of a run, or its filter, threw or rejected. */
  runThrew(run: HandlerRun, cause: unknown, phase: HandlerPhase = 'handler'): HandlerError {
    return this.failRun(run, cause, () => handlerError(this.ctx, run.subscription, phase, cause));
  }

  runFailed(run: HandlerRun, error: HandlerError): HandlerError {
    return this.failRun(run, error, () => error);
  }

  runAnswered(run: HandlerRun, answer: unknown): void {
    if (run.layer === null) this.take(run.index, answer);
    else this.onion?.answered(run, answer);
  }

  private failRun(run: HandlerRun, raw: unknown, make: () => HandlerError): HandlerError {
    return run.layer === null
      ? this.fail(run.index, run.subscription, make())
      : (this.onion as Onion).failed(run, run.layer, raw, make);
  }

  /** Goes on, within a call of `ctx.next`, from the handler at `index`. */
  startFrom(index: number, payload: unknown): void {
    const { advancing, nested } = this;
    this.ctx.payload = payload;
    this.index = index;
    try {
      this.startNext(advancing ? nested : undefined);
    } finally {
      this.advancing = advancing;
      this.nested = nested;
    }
  }

  /** Keeps a failure, and does what the policies say. */
  fail(index: number, subscription: Subscription, error: HandlerError): HandlerError {
    this.plan.core.counts.failures++;
    return this.keep(index, subscription, error);
  }

  /** Keeps a failure that has been counted, and does what the policies say. */
  keep(index: number, subscription: Subscription, error: HandlerError): HandlerError {
    const own = subscription.extras?.failurePolicy;
    const policy = this.settings.failurePolicy;
    const extras = this.note(index, error);
    if (this.stopsAtFailureOf(subscription)) {
      extras.failed = true;
      this.stop();
    }
    if (policy === 'isolate') this.plan.core.report(error);
    else if (own !== 'isolate') extras.cause ??= error;
    return error;
  }

  /** Keeps a failure, and does no more about it. */
  note(index: number, error: HandlerError): EmissionExtras {
    const extras = this.more();
    extras.failures ??= [];
    extras.failures.push({ index, error });
    return extras;
  }

  stopsAtFailureOf({ extras }: Subscription): boolean {
    const own = extras?.failurePolicy;
    return own === 'stop' || (this.settings.failurePolicy === 'stop' && own !== 'isolate');
  }

  /** Why the handler of `subscription` may not start any more, if it may not. */
  obstacle(subscription: Subscription): SkipReason | undefined {
    if (this.ended) return this.endedBy;
    const { group, state } = subscription;
    if (state === REMOVED || (state !== RETIRED && group !== null && group.removed)) return 'removed';
    if (group !== null && group.paused) return 'paused';
    return undefined;
  }

  /** Nobody waits for it any more: nothing more starts, and what runs is told to give up. */
  abandon(reason: unknown): void {
    const waiting = Array.from(this.runs).some((run) => run.waiting);
    if (waiting || this.index < this.plan.handlers.length || this.onion?.complete === false) this.stop();
    this.abortSignals(reason);
    this.extras?.release?.();
    this.advance();
  }

  /** Tells every handler that runs to give up. */
  private abortSignals(reason: unknown): void {
    this.ctx.abort(reason);
    this.calling?.ctx.abort(reason);
    this.onion?.abortSignals(reason);
    for (const run of this.runs) run.ctx.abort(reason);
    for (const run of this.plan.core.lifetime.late) if (run.emission === this) run.ctx.abort(reason);
  }

  /** A handler that ran in this emission's context, although nobody waited for it, has ended. */
  lateRunEnded(): void {
    this.ctx.more().lateRuns--;
    if (this.result !== null) this.markSettled();
  }

  /** Whether it can't go on before those in `within` do, because they hold the slots that it waits for. */
  waitsOn(within: ReadonlySet<Context>): boolean {
    if (this.onion !== null && !this.onion.complete) return this.onion.waitsOn(within);
    let waiting = 0;
    for (const run of this.runs) if (run.waitsOn(within)) waiting++;
    return waiting > 0 && waiting === this.unsettled;
  }

  /** Something has changed for handlers that wait for a slot. */
  reconsider(): void {
    for (const run of this.runs) if (run.waiting) run.reconsider();
  }

  /** A handler has stopped it, perhaps when nobody waited for that handler any more. */
  stopped(): void {
    this.advance();
  }

  waitsFor(): readonly string[] {
    return Array.from(this.unsettledHandlers(), ({ name }) => name);
  }

  /** The subscriptions whose handlers run, or wait for a slot. */
  private *unsettledHandlers(): Generator<Subscription> {
    const { subscriptions } = this.plan;
    const runs = this.extras?.runs;
    if (runs !== undefined) for (const run of runs) yield run.subscription;
    if (this.open !== null) {
      for (const index of this.open.keys()) if (this.open[index]) yield subscriptions[index] as Subscription;
    } else if (this.unsettled > (runs?.size ?? 0)) yield subscriptions[this.waitingFor] as Subscription;
  }

  /** Whether a handler of `group` runs in this emission, or will although the group is retired. */
  involves(group: GroupState): boolean {
    for (const subscription of this.unsettledHandlers()) if (subscription.group === group) return true;
    if (this.ended) return false;
    const toCome = this.plan.subscriptions.slice(this.onion?.callsFrom ?? this.index);
    return toCome.some((subscription) => subscription.group === group && subscription.state === RETIRED);
  }

  /** @throws What the emission rejects with. */
  private outcome(): AnyEmitResult {
    if (this.rejection !== null) throw this.rejection.reason;
    return this.result as AnyEmitResult;
  }

  private advance(): void {
    if (this.advancing || this.result !== null) return;
    const { handlers, core } = this.plan;
    if (this.index < handlers.length || this.onion?.vacant === true) this.startNext();
    // A handler that stops the emission may do so while an earlier one still waits for its slot.
    if (this.extras?.runs !== undefined && this.ended) {
      this.skipWaiting(this.endedBy);
      if (this.result !== null) return;
    }
    if (this.unsettled === 0 && this.index >= handlers.length && this.onion?.complete !== false) this.finish();
    else if (core.lifetime.awaited) core.lifetime.somethingSettled();
  }

  /**
   * Starts handlers as long as the next one may start.
   *
   * @param nested - Whether that happens in a handler of another emission, where the scope doesn't say.
   */
  private startNext(nested?: boolean): void {
    const { answers, ctx, onion, plan } = this;
    const { core, handlers, subscriptions } = plan;
    const { current, depth } = scope;
    const { epoch } = core;
    const mark = orphans.length;
    this.advancing = true;
    this.nested = nested ?? (current === ctx ? this.within?.nested === true : depth > 0 || current !== null);
    if (this.root && current === null && core.lifetime.state === 'open') scope.depth = depth + 1;
    else {
      scope.current = ctx;
      scope.depth = 0;
    }
    while (this.index < handlers.length || (onion !== null && onion.vacant)) {
      const { index } = this;
      const wait = onion === null || onion.complete ? this.unsettled > 0 && this.mustWait(index) : onion.occupied;
      if (wait && !this.ended) break;
      try {
        if (onion !== null && index >= handlers.length) {
          onion.beginCore();
          continue;
        }
        this.index = index + 1;
        if (onion !== null && onion.tellsAgain(index, plan.asked)) continue;
        if (core.epoch !== this.epoch && this.skips(subscriptions[index] as Subscription)) continue;
        if (answers !== null && answers.complete && plan.asked[index] === true) {
          this.skip(subscriptions[index] as Subscription, 'answered');
          continue;
        }
        if (this.guarded) {
          this.beginRun(subscriptions[index] as Subscription, index);
          continue;
        }
        this.called++;
        const handler = handlers[index] as PlannedHandler;
        const returned = plan.contextFree ? (handler as ContextFreeHandler)(ctx.payload) : handler(ctx.payload, ctx);
        const then = returned === undefined ? undefined : thenOf(returned);
        if (then !== undefined) this.wait(index, returned, then);
        else if (answers !== null) this.take(index, returned);
      } catch (error) {
        if (this.nested && isStackOverflow(error)) {
          // As in the hot loop: see `unwinds`.
          scope.current = current;
          scope.depth = depth;
          this.extras?.release?.();
          this.advancing = false;
          this.nested = false;
          throw error;
        }
        this.handlerFailed(index, error);
      }
    }
    scope.depth = depth;
    if (scope.current === null) {
      if (orphans.length > mark) claimOrphans(ctx, mark);
      if (core.epoch !== epoch) core.lifetime.leftLoop(ctx, epoch);
    } else scope.current = current;
    this.nested = false;
    this.advancing = false;
  }

  beginRun(subscription: Subscription, index: number): void {
    const run = new HandlerRun(this, subscription, index);
    this.onion?.admit(run);
    run.begin();
  }

  /** Takes what the handler at `index` has returned, or fulfilled with, if that counts. */
  private take(index: number, answer: unknown): void {
    const { answers, ctx, plan } = this;
    if (answers === null || answer === undefined || plan.asked[index] !== true) return;
    answers.take(plan, ctx, index, answer);
  }

  private mustWait(index: number): boolean {
    if (this.unsettled >= this.limit) return true;
    if (this.settings.mode !== 'tiered' || index === 0) return false;
    const { subscriptions } = this.plan;
    return (subscriptions[index] as Subscription).priority !== (subscriptions[index - 1] as Subscription).priority;
  }

  /** Skips a handler if something that has changed since the start stands in its way. */
  private skips(subscription: Subscription): boolean {
    const obstacle = this.obstacle(subscription) ?? (subscription.state === USED ? 'removed' : undefined);
    if (obstacle !== undefined) this.skip(subscription, obstacle);
    return obstacle !== undefined;
  }

  /** One of several handlers has settled. */
  private settled(index: number): void {
    (this.open as boolean[])[index] = false;
    this.unsettled--;
    this.advance();
  }

  /** Why it was aborted, or abandoned, if it was. */
  get aborted(): { readonly reason: unknown } | undefined {
    return this.ctx.extras?.aborted === true ? this.ctx.extras : undefined;
  }

  /** Runs of their own that are unsettled. */
  get runs(): Iterable<HandlerRun> {
    return this.extras?.runs ?? [];
  }

  /** Nothing starts any more. */
  get ended(): boolean {
    return (this.ctx.flags & STOPPED) !== 0 || this.extras?.aborted === true;
  }

  /** Why nothing starts any more: what came first. */
  private get endedBy(): SkipReason {
    return this.extras?.aborted === true && !this.extras.stoppedBefore ? 'aborted' : 'stopped';
  }

  private stop(): void {
    this.ctx.stop();
    this.skipWaiting('stopped');
  }

  private listenTo(signal: AbortSignal): void {
    const extras = this.more();
    extras.release = onAbort(signal, () => {
      extras.aborted = true;
      extras.stoppedBefore = (this.ctx.flags & STOPPED) !== 0;
      extras.reason = signal.reason;
      this.plan.core.epoch++;
      this.abortSignals(signal.reason);
      this.skipWaiting(this.endedBy);
      this.advance();
    });
  }

  /** Handlers whose turn had come but which wait for a slot have not started: they won't. */
  private skipWaiting(reason: SkipReason): void {
    for (const run of this.runs) run.skipIfWaiting(reason);
  }

  private finish(): void {
    const { extras } = this;
    const { core, ok } = this.plan;
    this.markSettled();
    const regular =
      this.answers === null && extras === null && this.called === ok.called && (this.ctx.flags & STOPPED) === 0;
    this.result = regular ? ok : this.resultSoFar();
    if (extras !== null) this.wrapUp(extras, this.result);
    if (this.resolve === null) return;
    if (this.inFlight) core.lifetime.inFlight.remove(this);
    if (this.rejection === null) this.resolve(this.result);
    else this.reject?.(this.rejection.reason);
    if (core.lifetime.awaited) core.lifetime.somethingSettled();
  }

  /** What remains to be done for an emission in which anything was out of the ordinary. */
  private wrapUp(extras: EmissionExtras, result: AnyEmitResult): void {
    const { core } = this.plan;
    const { aborted, cause } = extras;
    extras.release?.();
    if (aborted) this.rejection = { reason: extras.reason };
    else if (cause !== undefined) {
      const { failures } = result;
      const others = failures.length === 1 ? '' : ` (and ${failures.length - 1} more failed)`;
      const message = `${cause.message}${others}`;
      this.rejection = { reason: new EmitError(message, failures, cause, result) };
    }
    if (extras.startedAt !== undefined) {
      const outcome = aborted ? 'aborted' : result.ok ? 'ok' : 'failed';
      tellSettled(this.ctx, result, outcome, this.rejection !== null, extras.startedAt);
    }
    // What no rejection carries was reported when it happened, or is now.
    if (this.settings.failurePolicy !== 'isolate' && (aborted || cause === undefined)) {
      for (const error of result.failures) core.report(error);
    }
  }

  /** The emission is over for those that it caused, once no handler runs in its context. */
  markSettled(): void {
    if (this.within?.open === true) return;
    if (this.ctx.extras === null || this.ctx.extras.lateRuns === 0) this.ctx.flags |= SETTLED;
  }

  private resultSoFar(): AnyEmitResult {
    const { answers, called, ctx, extras, plan, skipped } = this;
    const { ok, type } = plan;
    const failures = extras?.failures?.sort((a, b) => a.index - b.index).map(({ error }) => error);
    const result = makeResult(
      type,
      called,
      skipped,
      (ctx.flags & STOPPED) !== 0,
      failures === undefined ? ok.failures : Object.freeze(failures),
      answers?.value(ctx, extras?.failed === true),
      answers === null ? ok.values : answers.values(plan),
      answers?.answeredBy(plan),
    );
    return answers === null ? Object.freeze(result) : result;
  }

  private more(): EmissionExtras {
    this.extras ??= {
      runs: undefined,
      failures: undefined,
      cause: undefined,
      failed: false,
      aborted: false,
      stoppedBefore: false,
      reason: undefined,
      release: undefined,
      startedAt: undefined,
    };
    return this.extras;
  }
}
