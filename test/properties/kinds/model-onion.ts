import { AmbusError } from '../../../src/index.js';
import type { Combined, Failure, ModelEmission, Outcome, Turn } from './model-emission.js';
import { awaited, drive, type Steps } from './steps.js';

/** What a call of `next` has begun, or the emission itself. */
interface Within {
  readonly outer: Within | undefined;
  /** Whether the handler that has called `next` has settled without waiting. */
  isLeft: boolean;
  /** Whether its time was up: then nothing more starts, and nothing is heard any more of what runs. */
  isLate: boolean;
}

/** A failure on its way out, or the reason of an aborted emission, which is nobody's failure. */
class Outward {
  readonly raw: unknown;
  readonly failure: Failure | undefined;

  constructor(raw: unknown, failure: Failure | undefined) {
    this.raw = raw;
    this.failure = failure;
  }
}

/** What has become of a call of `next`. */
type Attempt = { readonly answer: unknown } | { readonly outward: Outward };

/** What a handler has made of its `next`. */
interface Inward {
  readonly within: Within;
  /** What it has begun last, and what that comes to; undefined before the first call. */
  begun: Within | undefined;
  attempt: Attempt | Promise<Attempt> | undefined;
  /** What that has come to, once it has. */
  settled: Attempt | undefined;
  hasEnded: boolean;
}

const PASSED_OVER = Symbol('passed over');

/** The handlers of an `around`: each runs those further in, and the core is innermost. */
export class ModelOnion {
  readonly #emission: ModelEmission;
  /** What the outermost handler gets. */
  readonly #payload: unknown;
  /** Listeners whose turn has come. */
  readonly #told = new Set<Turn>();
  /** What handlers have begun by `next` and not waited for. */
  readonly #left = new Map<Promise<unknown>, Within>();
  /** Who has answered without calling `next`. */
  #answeredBy: string | undefined;

  constructor(emission: ModelEmission) {
    this.#emission = emission;
    this.#payload = emission.payload;
  }

  *answer(): Steps<Combined> {
    const emission = this.#emission;
    const outermost: Within = { outer: undefined, isLeft: false, isLate: false };
    const came = yield* this.#attempt(0, this.#payload, outermost);
    if ('outward' in came && came.outward.failure !== undefined) emission.keep(came.outward.failure);
    while (this.#left.size > 0) yield Promise.race(this.#left.keys());
    yield* this.#tellRest();
    return { value: 'answer' in came ? came.answer : undefined, values: [], answeredBy: this.#answeredBy };
  }

  /** Listeners that no attempt has reached hear what has been answered. */
  *#tellRest(): Steps<void> {
    const emission = this.#emission;
    if (!emission.rules.tellsUnreached) return;
    for (const turn of emission.turns) {
      if (turn.takesPart || this.#told.has(turn)) continue;
      const outcome = yield* this.#tell(turn, undefined);
      if (outcome?.failed !== true) continue;
      emission.bus.counts.failures++;
      emission.keep(outcome.failure);
    }
  }

  /** The handlers from a certain one on, and the core. */
  *#layer(from: number, payload: unknown, within: Within): Steps<unknown> {
    const emission = this.#emission;
    const { rules, turns } = emission;
    for (const [index, turn] of turns.entries()) {
      if (index < from) continue;
      if (this.#isCutShort(within)) return undefined;
      emission.payload = payload;
      if (!turn.takesPart) {
        const heard = yield* this.#tell(turn, within);
        // Nothing says what those who are late themselves get to know of a late listener.
        if (heard?.failed === true && isLate(within)) emission.bus.isUndefined = true;
        if (heard?.failed === true) this.#fail(heard.failure, within);
        continue;
      }
      const admitted = emission.admits(turn);
      if (admitted === false) continue;
      const inward: Inward = { within, begun: undefined, attempt: undefined, settled: undefined, hasEnded: false };
      const next = (given?: unknown) => this.#next(inward, index + 1, rules.givenOn(payload, given));
      const outcome = admitted === true ? yield* emission.call(turn, { next, ...giving(within) }) : admitted;
      inward.hasEnded = true;
      if (!outcome.failed) return this.#answered(turn, inward, outcome.value);
      const came = yield* this.#isolated(inward, outcome.failure);
      if (came !== PASSED_OVER) return came;
    }
    emission.payload = payload;
    return yield* this.#core(within);
  }

  #answered({ subscription }: Turn, inward: Inward, value: unknown): unknown {
    this.#leave(inward);
    const isOutermost = this.#emission.rules.answeredBy === 'outermost';
    if (isAwaited(inward.within) && (inward.attempt === undefined || isOutermost)) {
      this.#answeredBy = subscription.name;
    }
    return value;
  }

  /** What comes of a handler's failure, if that doesn't go outwards. */
  *#isolated(inward: Inward, failure: Failure): Steps<unknown> {
    const emission = this.#emission;
    const { countsLetThrough, isolated, keepsCaught } = emission.rules;
    const { attempt, settled, within } = inward;
    const isTimedOut = failure.error.code === 'HANDLER_TIMEOUT';
    if (isTimedOut) this.#giveUp(inward);
    else if (emission.stopsAt(failure) || within.isLeft) this.#leave(inward);
    // Exactly what its `next` has failed with: that is not a failure of its own.
    const met = settled !== undefined && 'outward' in settled ? settled.outward : undefined;
    if (met !== undefined && met.raw === failure.raw) {
      if (countsLetThrough) emission.keep(failure);
      this.#sendOutward(met, within);
    }
    if (keepsCaught && met?.failure !== undefined) emission.keep(met.failure);
    this.#fail(failure, within);
    // As if it had not been there, or had answered with what it got.
    if (attempt === undefined) return isolated.before === 'passed over' ? PASSED_OVER : undefined;
    if (isTimedOut && settled === undefined) return undefined;
    const came = yield* awaited(attempt);
    if (isolated.after === 'no answer') return undefined;
    if ('outward' in came) throw came.outward;
    return came.answer;
  }

  /** What a handler gets that calls `next`. */
  #next(inward: Inward, from: number, payload: unknown): unknown {
    const { rules } = this.#emission;
    const { attempt, settled, within } = inward;
    const { afterAnswer, afterFailure } = rules.mayCallAgain;
    const mayCall =
      attempt === undefined || (settled !== undefined && ('outward' in settled ? afterFailure : afterAnswer));
    const isOver = inward.hasEnded || isLate(within);
    if (!mayCall || (isOver && !rules.mayCallLate)) throw new AmbusError('INVALID_NEXT', '');
    if (attempt !== undefined) this.#noteRetry(inward.begun);
    inward.settled = undefined;
    inward.begun = { outer: within, isLeft: false, isLate: false };
    inward.attempt = drive(this.#attempt(from, payload, inward.begun));
    const settle = (came: Attempt): unknown => {
      inward.settled = came;
      if ('answer' in came) return came.answer;
      throw rules.failsWithRaw ? came.outward.raw : came.outward.failure?.error;
    };
    if (!(inward.attempt instanceof Promise) && !rules.nextAlwaysPromises) return settle(inward.attempt);
    const promise = Promise.resolve(inward.attempt).then(settle);
    // A handler need not wait for it.
    promise.catch(() => undefined);
    return promise;
  }

  /** Nothing says whether it may be called again while something of the first attempt still runs. */
  #noteRetry(begun: Within | undefined): void {
    const { bus } = this.#emission;
    bus.retried.add(this.#payload);
    bus.isUndefined ||= [...this.#left.values()].some((within) => isIn(within, begun));
  }

  *#attempt(from: number, payload: unknown, within: Within): Steps<Attempt> {
    const { aborted, isStopped, rules } = this.#emission;
    if (isStopped && aborted === undefined && !rules.coreRunsWhenStopped) return { answer: undefined };
    try {
      return { answer: yield* this.#layer(from, payload, within) };
    } catch (outward) {
      if (outward instanceof Outward) return { outward };
      throw outward;
    }
  }

  *#core(within: Within): Steps<unknown> {
    const emission = this.#emission;
    const { core } = emission.options;
    const { coreIsPassedOver, coreRunsWhenStopped } = emission.rules;
    if (this.#isCutShort(within) && !coreRunsWhenStopped) return undefined;
    this.#answeredBy = undefined;
    if (core === undefined) return undefined;
    const outcome = yield* emission.callCore(core, giving(within));
    if (!outcome.failed) return outcome.value;
    // There is nothing that it could be passed over for.
    if (coreIsPassedOver) {
      this.#fail(outcome.failure, within);
      return;
    }
    if (!isLate(within)) emission.bus.counts.failures++;
    return this.#sendOutward(new Outward(outcome.failure.raw, outcome.failure), within);
  }

  /** Calls a listener, where its turn has not come yet. */
  *#tell(turn: Turn, within: Within | undefined): Steps<Outcome | undefined> {
    const emission = this.#emission;
    if (this.#told.has(turn) && !emission.rules.tellsAgain) return undefined;
    this.#told.add(turn);
    const admitted = emission.admits(turn);
    if (admitted === false) return undefined;
    return admitted === true ? yield* emission.call(turn, giving(within)) : admitted;
  }

  /** Whether nothing more starts. */
  #isCutShort(within: Within): boolean {
    const { aborted, isStopped, rules } = this.#emission;
    if (isLate(within)) return true;
    if (aborted !== undefined && rules.nextFailsWhenAborted) throw new Outward(aborted.reason, undefined);
    return isStopped || aborted !== undefined;
  }

  /** A handler has settled: what it has begun and not waited for, the emission waits for. */
  #leave({ attempt, begun, settled }: Inward): void {
    if (begun === undefined || settled !== undefined || !(attempt instanceof Promise)) return;
    begun.isLeft = true;
    if (isLate(begun)) return;
    this.#left.set(attempt, begun);
    void attempt.then(() => this.#left.delete(attempt));
  }

  /** The time of a handler was up: nobody waits for what it has begun. */
  #giveUp(inward: Inward): void {
    if (!this.#emission.rules.givesUpWithin) return this.#leave(inward);
    if (inward.begun !== undefined) inward.begun.isLate = true;
    for (const [promise, within] of this.#left) if (isLate(within)) this.#left.delete(promise);
  }

  /** A failure ends its layer, or is kept and forgotten. */
  #fail(failure: Failure, within: Within): void {
    const emission = this.#emission;
    if (!isLate(within)) emission.bus.counts.failures++;
    if (!within.isLeft && !isLate(within) && !emission.stopsAt(failure)) emission.keep(failure);
    else this.#sendOutward(new Outward(failure.raw, failure), within);
  }

  /** Where nobody is left who could catch it, a failure is told and has no more effect. */
  #sendOutward(outward: Outward, within: Within): never {
    const { failures } = this.#emission;
    const { failure } = outward;
    if (within.isLeft && !isLate(within) && failure !== undefined) failures.push(failure);
    throw outward;
  }
}

function isLate(within: Within | undefined): boolean {
  return within !== undefined && (within.isLate || isLate(within.outer));
}

function isIn(within: Within | undefined, outer: Within | undefined): boolean {
  return within !== undefined && (within === outer || isIn(within.outer, outer));
}

/** Whether what comes of it can still reach the caller. */
function isAwaited(within: Within | undefined): boolean {
  return within === undefined || (!within.isLeft && !within.isLate && isAwaited(within.outer));
}

function giving(within: Within | undefined): { isGivenUp: () => boolean } {
  return { isGivenUp: () => isLate(within) };
}
