import {
  AmbusError,
  EmitError,
  type ErrorCode,
  type EventKind,
  type FailurePolicy,
  HandlerError,
  type HandlerPhase,
} from '../../../src/index.js';
import { type CallOutcome, outcomeOf } from '../returned.js';
import type { ModelBus, ModelSubscription } from './model-bus.js';
import { answerInLine } from './model-line.js';
import { ModelOnion } from './model-onion.js';
import type { Context, PlayedEmitOptions, Result } from './played-bus.js';
import { EVENTS, type EventName } from './program.js';
import type { KindRules } from './rules.js';
import { isThenable, type Steps } from './steps.js';

/** A handler in the order of one emission. */
export interface Turn {
  readonly subscription: ModelSubscription;
  readonly place: number;
  readonly takesPart: boolean;
  /** Whether it has been called, or its filter has failed: else it is skipped in the end. */
  isUsed: boolean;
}

/** The core of an onion stands behind all handlers. */
export type Core = Pick<Turn, 'place'> & {
  readonly subscription: Pick<ModelSubscription, 'name' | 'group' | 'failurePolicy' | 'timeoutMs'>;
};

/** One run of a handler, or of the core. */
export interface Run {
  /** `ctx.next`, where there is something that it runs. */
  readonly next?: (given?: unknown) => unknown;
  /** Whether nobody waits for it any more, because of somebody else's time limit. */
  readonly isGivenUp?: () => boolean;
}

export interface Failure {
  readonly place: number;
  readonly error: HandlerError;
  /** What was thrown. */
  readonly raw: unknown;
  readonly own: 'isolate' | 'stop' | undefined;
}

/** What a handler, or the core, has come to. */
export type Outcome = { readonly failed: false; readonly value: unknown } | FailedOutcome;
export interface FailedOutcome {
  readonly failed: true;
  readonly failure: Failure;
}

/** What an emission's kind makes of its answers. */
export type Combined = Pick<Result, 'value' | 'values' | 'answeredBy'>;

const TIMED_OUT = Symbol('timed out');

/** One emission of the model: what all kinds have in common. */
export class ModelEmission {
  readonly bus: ModelBus;
  readonly rules: KindRules;
  readonly type: EventName;
  readonly kind: EventKind;
  readonly options: PlayedEmitOptions;
  readonly turns: readonly Turn[];
  /** What the next handler gets. */
  payload: unknown;
  isStopped = false;
  /** Whether a failure has ended it. */
  hasFailed = false;
  aborted: { readonly reason: unknown } | undefined;
  readonly #paused: number;
  readonly failures: Failure[] = [];
  readonly #sync: boolean;
  readonly #policy: FailurePolicy;
  /** The failure that makes it reject. */
  #cause: HandlerError | undefined;
  #called = 0;

  constructor(bus: ModelBus, type: EventName, payload: unknown, options: PlayedEmitOptions, sync: boolean) {
    const { program, rules } = bus;
    this.bus = bus;
    this.rules = rules;
    this.type = type;
    this.kind = EVENTS[type];
    this.payload = payload;
    this.options = options;
    this.#sync = sync;
    const { failurePolicy: ofEvent } = program.events[type];
    this.#policy = rules.policy(this.kind, options.failurePolicy, ofEvent, program.bus.failurePolicy);
    const all = bus.handlersOf(type);
    this.turns = all
      .filter(({ group }) => group?.state !== 'paused')
      .map((subscription, place) => ({
        subscription,
        place,
        takesPart: rules.takesPart(subscription.target),
        isUsed: false,
      }));
    this.#paused = all.length - this.turns.length;
  }

  *run(): Steps<Result> {
    const { signal } = this.options;
    const abort = () => {
      this.aborted = { reason: signal?.reason };
    };
    signal?.addEventListener('abort', abort);
    const combined = yield* this.kind === 'around' ? new ModelOnion(this).answer() : answerInLine(this);
    signal?.removeEventListener('abort', abort);
    const result = this.#result(combined);
    if (this.#cause !== undefined && this.aborted === undefined) {
      throw new EmitError('', result.failures, this.#cause, result);
    }
    for (const error of result.failures) this.bus.world.onFailure(error);
    if (this.aborted !== undefined) throw this.aborted.reason;
    return result;
  }

  /** A handler's turn has come: whether it is to be called, or how its filter has failed. */
  admits(turn: Turn): boolean | FailedOutcome {
    const { subscription } = turn;
    const admitted = this.#mayCall(subscription) && this.#asksFilter(turn);
    turn.isUsed ||= admitted !== false;
    if (admitted === true) subscription.timesLeft--;
    if (subscription.timesLeft === 0) subscription.isLive = false;
    return admitted;
  }

  /** Calls a handler, and waits for it. */
  *call(turn: Turn, run: Run = {}): Steps<Outcome> {
    const { payload } = this;
    this.#called++;
    return yield* this.wait(turn, run, (context) => turn.subscription.handler(this.#given(turn, payload), context));
  }

  /** Calls the core, and waits for it. */
  *callCore(core: NonNullable<PlayedEmitOptions['core']>, run: Run): Steps<Outcome> {
    const { payload } = this;
    if (this.rules.countsCore) this.#called++;
    const subscription = { name: 'core', group: undefined, failurePolicy: undefined, timeoutMs: undefined };
    return yield* this.wait({ place: this.turns.length, subscription }, run, (context) => core(payload, context));
  }

  /** Waits for what a call gives, if that is to be waited for, and if it doesn't take too long. */
  *wait(
    turn: Turn | Core,
    { next = refuse, isGivenUp = never }: Run,
    call: (context: Context) => unknown,
  ): Steps<Outcome> {
    const { counts } = this.bus;
    let isTimedOut = false;
    const isAborted = () => this.aborted !== undefined || isTimedOut || isGivenUp();
    const returned = outcomeOf(() => call(this.#context(next, isAborted)));
    if (returned.failed) return this.#failed(turn, 'HANDLER_FAILED', 'handler', returned.cause);
    if (!isThenable(returned.value)) return returned;
    const settled = settlementOf(returned.value);
    void settled.then(() => {
      if (this.#sync || isTimedOut || isGivenUp()) counts.lateSettled++;
    });
    if (this.#sync) return this.#failed(turn, 'ASYNC_IN_SYNC', 'handler');
    let outcome = yield* this.#inTime(settled, turn);
    if (outcome === TIMED_OUT && !isGivenUp()) {
      isTimedOut = true;
      counts.timeouts++;
      return this.#failed(turn, 'HANDLER_TIMEOUT', 'timeout');
    }
    if (outcome === TIMED_OUT) outcome = (yield settled) as CallOutcome<unknown>;
    return outcome.failed ? this.#failed(turn, 'HANDLER_FAILED', 'handler', outcome.cause) : outcome;
  }

  /** Whether a failure of a handler ends what it is in. */
  stopsAt({ own }: Failure): boolean {
    return this.rules.stops(this.#policy, own);
  }

  /** Keeps a failure, and does what the policies say. */
  keep(failure: Failure): void {
    this.failures.push(failure);
    if (this.rules.rejects(this.#policy, failure.own)) this.#cause ??= failure.error;
    if (this.stopsAt(failure)) this.isStopped = this.hasFailed = true;
  }

  #mayCall({ group, isRemoved, timesLeft }: ModelSubscription): boolean {
    const isCutShort = this.isStopped || this.aborted !== undefined;
    return !isCutShort && !isRemoved && timesLeft > 0 && group?.state !== 'paused';
  }

  #asksFilter(turn: Turn): boolean | FailedOutcome {
    const { filter } = turn.subscription;
    if (filter === undefined) return true;
    const verdict = outcomeOf(() => filter(this.#given(turn, this.payload)));
    if (verdict.failed) return this.#failed(turn, 'HANDLER_FAILED', 'filter', verdict.cause);
    if (!isThenable(verdict.value)) return Boolean(verdict.value);
    void settlementOf(verdict.value);
    return this.#failed(turn, 'ASYNC_FILTER', 'filter');
  }

  /** What a handler, and its filter, get: an any-handler the whole event. */
  #given({ subscription }: Turn, payload: unknown): unknown {
    return subscription.target.kind === 'any' ? { type: this.type, payload } : payload;
  }

  *#inTime(settled: Promise<CallOutcome<unknown>>, turn: Turn | Core): Steps<CallOutcome<unknown> | typeof TIMED_OUT> {
    const { rules, world } = this.bus;
    const limit = rules.timeLimit(turn.subscription.timeoutMs, this.options.timeoutMs);
    if (limit === Infinity) return (yield settled) as CallOutcome<unknown>;
    let clear = () => {};
    const timer = new Promise((resolve) => {
      clear = world.after(limit, () => resolve(TIMED_OUT));
    });
    const first = (yield Promise.race([settled, timer])) as CallOutcome<unknown> | typeof TIMED_OUT;
    clear();
    return first;
  }

  #context(next: (given?: unknown) => unknown, isAborted: () => boolean): Context {
    const { bus } = this;
    return {
      type: this.type,
      payload: this.payload,
      sync: this.#sync,
      signal: {
        get aborted() {
          return isAborted();
        },
      },
      stop: () => {
        this.isStopped = true;
      },
      next,
      emit: (...given) => bus.emit(...given),
      emitSync: (...given) => bus.emitSync(...given),
      dispatch: (...given) => bus.dispatch(...given),
      post: (...given) => bus.post(...given),
    };
  }

  #failed({ place, subscription }: Turn | Core, code: ErrorCode, phase: HandlerPhase, cause?: unknown): FailedOutcome {
    const { name: handler, group, failurePolicy: own } = subscription;
    const origin = { event: this.type, handler, group: group?.name, phase, emissionId: '' };
    const error = new HandlerError(code, '', origin, cause);
    return { failed: true, failure: { place, error, raw: code === 'HANDLER_FAILED' ? cause : error, own } };
  }

  #result(combined: Combined): Result {
    const failures = this.failures.toSorted((a, b) => a.place - b.place);
    return Object.freeze({
      type: this.type,
      ok: failures.length === 0,
      called: this.#called,
      skipped: this.#paused + this.turns.filter(({ isUsed }) => !isUsed).length,
      stopped: this.isStopped,
      failures: Object.freeze(failures.map(({ error }) => error)),
      ...combined,
    });
  }
}

function refuse(): never {
  throw new AmbusError('INVALID_NEXT', '');
}

function never(): boolean {
  return false;
}

/** What becomes of a promise; whoever has this leaves no unhandled rejection. */
async function settlementOf(promise: PromiseLike<unknown>): Promise<CallOutcome<unknown>> {
  try {
    return { failed: false, value: await promise };
  } catch (cause) {
    return { failed: true, cause };
  }
}
