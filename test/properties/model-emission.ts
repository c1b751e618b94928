import type { FailurePolicy, FanOutMode } from '../../src/index.js';
import { describeFailure, type ResultText } from './chronicle.js';
import { ModelRun } from './model-run.js';
import type { ModelSubscription } from './model-subscription.js';
import type { EmitStep } from './program.js';
import type { ReferenceModel } from './reference-model.js';

/** A handler in the order of one emission. */
export interface Turn {
  readonly subscription: ModelSubscription;
  /** `waiting`: its turn has come, and it waits for a slot of its own `concurrency`. */
  state: 'ahead' | 'waiting' | 'running' | 'over';
  /** Whether it has got the slot that it waited for, and is about to start. */
  hasSlot: boolean;
  run: ModelRun | undefined;
  /** Its failure, as text. */
  failure: string | undefined;
}

export type FailureCode = 'HANDLER_FAILED' | 'HANDLER_TIMEOUT' | 'HANDLER_BUSY' | 'ASYNC_IN_SYNC' | 'ASYNC_FILTER';

/** How an emission has ended, so that its verb can say so. */
export interface EmissionEnd {
  readonly result: ResultText;
  /** The failure that made it reject. */
  readonly rejectedBy: string | undefined;
  readonly aborted: { readonly reason: unknown } | undefined;
}

/** One emission of the model. */
export class ModelEmission {
  readonly label: string;
  readonly step: EmitStep;
  /** The run that it comes from, where that is known. */
  readonly from: ModelRun | undefined;
  readonly meta: Readonly<Record<string, string>>;
  readonly mode: FanOutMode;
  readonly sync: boolean;
  /** Whether plain calls that its handlers make after an `await` are known to come from it. */
  readonly isTraced: boolean;
  readonly turns: readonly Turn[];
  end: EmissionEnd | undefined;
  aborted: { readonly reason: unknown } | undefined;
  abortedSignal: { readonly reason: unknown } | undefined;
  /** Called when it has ended. */
  readonly whenEnded: (() => void)[] = [];
  readonly #model: ReferenceModel;
  readonly #policy: FailurePolicy;
  readonly #limit: number;
  #next = 0;
  #tier: number | undefined;
  #unsettled = 0;
  #called = 0;
  #skipped = 0;
  #stopped = false;
  /** It was stopped already when it was aborted. */
  #stoppedBefore = false;
  #rejectedBy: string | undefined;
  #isTakingTurns = false;
  #isAbandoned = false;

  constructor(model: ReferenceModel, label: string, step: EmitStep, from: ModelRun | undefined) {
    const { bus } = model.program;
    this.#model = model;
    this.label = label;
    this.step = step;
    this.from = from;
    this.meta = { ...from?.emission.meta, ...(step.meta === undefined ? {} : { [step.meta]: label }) };
    this.mode = model.rules.mode(step.mode, bus.mode);
    this.sync = step.verb === 'emitSync';
    this.#policy = step.failurePolicy ?? bus.failurePolicy ?? 'isolate';
    this.#limit = step.concurrency ?? bus.concurrency ?? Infinity;
    this.turns = model.orderOf(step.event).map((subscription) => ({
      subscription,
      state: 'ahead',
      hasSlot: false,
      run: undefined,
      failure: undefined,
    }));
    const { asyncContext = 'auto' } = bus;
    const wantsTracing =
      step.meta !== undefined ||
      from?.emission.isTraced === true ||
      this.turns.some(({ subscription }) => subscription.hasSlots && !subscription.listed().paused);
    this.isTraced = asyncContext === 'always' || (asyncContext === 'auto' && wantsTracing);
  }

  /** Begins: handlers that are paused now aren't called in it, even if they are resumed before their turn. */
  begin(): void {
    for (const turn of this.turns) if (turn.subscription.listed().paused) this.#skip(turn, 'paused');
    this.goOn();
  }

  /** Takes the turns that may be taken now, and ends where none is left. */
  goOn(): void {
    if (this.#isTakingTurns || this.end !== undefined) return;
    this.#isTakingTurns = true;
    for (let turn = this.turns[this.#next]; turn !== undefined; turn = this.turns[this.#next]) {
      if (turn.state === 'ahead') {
        if (!this.#mayTake(turn)) break;
        this.#take(turn);
      }
      this.#next++;
    }
    this.#isTakingTurns = false;
    if (this.#next === this.turns.length && this.#unsettled === 0) this.#finish();
  }

  /** No later handler starts. */
  stop(): void {
    if (this.end !== undefined) return;
    this.#stopped = true;
    this.#skipWaiting();
    this.goOn();
  }

  abort(reason: unknown): void {
    if (this.end !== undefined || this.aborted !== undefined || this.#isAbandoned) return;
    this.aborted = { reason };
    this.#stoppedBefore = this.#stopped;
    this.#abortSignals(reason);
    if (this.#model.rules.abortSkips) this.#skipWaiting();
    this.goOn();
  }

  /**
   * The bus has been closed and waits no longer: nothing more starts, what runs is told to give up,
   * and the emission's own signal isn't listened to any more.
   */
  abandon(reason: unknown): void {
    this.#isAbandoned = true;
    this.#abortSignals(reason);
    if (this.turns.some(({ state }) => state === 'ahead' || state === 'waiting')) this.stop();
  }

  /** Starts a handler that has got the slot that it waited for. */
  startWaiting(turn: Turn): void {
    if (turn.state !== 'waiting') return;
    // The use that it has claimed is its own, even if it was the last.
    const reason = this.#model.rules.passesOver({ ...turn.subscription.listed(), timesLeft: 1 });
    if (reason === undefined) this.#start(turn, true);
    else this.#skip(turn, reason);
    // Not before, or the emission might end while the handler is being called.
    this.#unsettled--;
    this.goOn();
  }

  /** A run has settled within its time. */
  settled(run: ModelRun, failure: { readonly cause: unknown } | undefined): void {
    this.#unsettled--;
    run.turn.state = 'over';
    this.#told(run, failure === undefined ? 'ok' : 'failed', true);
    if (failure !== undefined) this.#fail(run.turn, 'HANDLER_FAILED', 'handler', failure.cause);
    this.goOn();
  }

  /** A run's time is up. */
  timedOut(run: ModelRun): void {
    this.#unsettled--;
    run.turn.state = 'over';
    this.#told(run, 'timeout', true);
    this.#model.counts.timeouts++;
    this.#fail(run.turn, 'HANDLER_TIMEOUT', 'timeout', undefined);
    this.goOn();
  }

  /** A handler that waits for a slot has been removed. */
  skipRemoved(turn: Turn): void {
    this.#model.timeline.nowOrSoon(() => {
      if (turn.state !== 'waiting') return;
      this.#unsettled--;
      this.#skip(turn, 'removed');
      this.goOn();
    });
  }

  /** The names of the handlers that run or wait for a slot. */
  unsettledHandlers(): string[] {
    return this.turns
      .filter((turn) => turn.state === 'running' || turn.state === 'waiting')
      .map((turn) => turn.subscription.name)
      .sort();
  }

  /** Aborts the `ctx.signal` of its handlers, also of those to come. */
  #abortSignals(reason: unknown): void {
    this.abortedSignal ??= { reason };
    for (const { run } of this.turns) run?.abort(reason);
  }

  #mayTake(turn: Turn): boolean {
    if (this.#isCutShort()) return true;
    const sameTier = this.#tier === turn.subscription.priority;
    return this.#model.rules.mayStart(this.mode, this.#limit, this.#unsettled, sameTier);
  }

  /** What came first. */
  #cutShortBy(): 'aborted' | 'stopped' {
    return this.aborted === undefined || this.#stoppedBefore ? 'stopped' : 'aborted';
  }

  #isCutShort(): boolean {
    return this.#stopped || (this.aborted !== undefined && this.#model.rules.abortSkips);
  }

  #take(turn: Turn): void {
    const { rules } = this.#model;
    const { subscription } = turn;
    this.#tier = subscription.priority;
    if (this.#isCutShort()) return this.#skip(turn, this.#cutShortBy());
    const reason = rules.passesOver(subscription.listed());
    if (reason !== undefined) return this.#skip(turn, reason);
    const verdict = this.#askFilter(subscription);
    if (verdict === true || rules.refusedTurnIsUsed) this.#model.claim(subscription);
    if (verdict === false) return this.#skip(turn, 'filter');
    if (verdict !== true) {
      turn.state = 'over';
      return this.#fail(turn, verdict.code, 'filter', verdict.cause);
    }
    const holdsSlot = this.#model.takeSlot(subscription, this.from);
    if (holdsSlot !== undefined) return this.#start(turn, holdsSlot);
    if (this.sync) {
      turn.state = 'over';
      return this.#fail(turn, 'HANDLER_BUSY', 'handler', undefined);
    }
    turn.state = 'waiting';
    this.#unsettled++;
    subscription.waiting.push({ emission: this, turn });
  }

  #askFilter({ plan, fn }: ModelSubscription): boolean | { readonly code: FailureCode; readonly cause: unknown } {
    if (plan.filter === undefined) return true;
    this.#model.chronicle.called(this.#model.timeline.now, this.label, `the filter of ${fn}`);
    switch (plan.filter) {
      case 'true':
      case 'truthy':
        return true;
      case 'false':
      case 'falsy':
        return false;
      case 'nested':
        return this.label.includes('>');
      case 'throws':
        return { code: 'HANDLER_FAILED', cause: new Error(`filter of ${fn}`) };
      case 'resolves':
      case 'rejects':
        return { code: 'ASYNC_FILTER', cause: undefined };
    }
  }

  #start(turn: Turn, holdsSlot: boolean): void {
    this.#called++;
    const run = new ModelRun(this.#model, this, turn, holdsSlot);
    turn.run = run;
    turn.state = 'running';
    const ending = run.start();
    if (ending === 'waits' && !this.sync) {
      this.#unsettled++;
      run.limitTime();
    } else if (ending === 'waits') {
      turn.state = 'over';
      this.#told(run, 'failed', true);
      this.#fail(turn, 'ASYNC_IN_SYNC', 'handler', undefined);
      run.becomeLate();
    } else {
      turn.state = 'over';
      this.#told(run, ending.failed ? 'failed' : 'ok', false);
      run.over();
      if (ending.failed) this.#fail(turn, 'HANDLER_FAILED', 'handler', ending.cause);
    }
  }

  #fail(turn: Turn, code: FailureCode, phase: string, cause: unknown): void {
    const { rules, counts } = this.#model;
    const { name, group, plan } = turn.subscription;
    turn.failure = describeFailure({ event: this.step.event, handler: name, group: group?.name, code, phase, cause });
    counts.failures++;
    if (rules.rejects(this.#policy, plan.failurePolicy)) this.#rejectedBy ??= turn.failure;
    if (this.#policy === 'isolate') this.#model.report(turn.failure);
    if (rules.stops(this.#policy, plan.failurePolicy)) this.stop();
  }

  #skip(turn: Turn, reason: string): void {
    turn.state = 'over';
    this.#skipped++;
    if (turn.hasSlot) this.#model.freeSlot(turn.subscription);
    this.#model.tell(`skips of ${this.label}, in any order`, `${turn.subscription.name}: ${reason}`);
  }

  #skipWaiting(): void {
    for (const turn of this.turns) {
      if (turn.state !== 'waiting') continue;
      this.#unsettled--;
      this.#skip(turn, this.#cutShortBy());
    }
  }

  /** Tells the observer of a settled handler. */
  #told(run: ModelRun, outcome: 'ok' | 'failed' | 'timeout', async: boolean): void {
    const { now } = this.#model.timeline;
    const fact = `${now} ms: ${run.turn.subscription.name} ${outcome}${async ? ' async' : ''}`;
    this.#model.tell(`settled handlers of ${this.label}, in any order`, fact);
  }

  #finish(): void {
    const failures = this.turns.flatMap((turn) => turn.failure ?? []);
    const rejects = this.#rejectedBy !== undefined && this.aborted === undefined;
    if (this.#policy !== 'isolate' && (!rejects || this.#model.rules.reportsRejected)) {
      for (const failure of failures) this.#model.report(failure);
    }
    const result = {
      type: this.step.event,
      ok: failures.length === 0,
      called: this.#called,
      skipped: this.#skipped,
      stopped: this.#stopped,
      failures,
    };
    this.end = { result, rejectedBy: this.#rejectedBy, aborted: this.aborted };
    this.#model.ended(this);
    for (const tell of this.whenEnded) tell();
  }
}
