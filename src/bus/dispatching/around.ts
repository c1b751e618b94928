import { AmbusError, type HandlerError } from '../../errors.js';
import { coreSubscription } from '../subscribing/subscription.js';
import { type Answers, NO_ANSWERS } from './answers.js';
import type { Context } from './context.js';
import type { Emission } from './emission.js';
import type { HandlerRun } from './handler-run.js';

const noop = (): void => {};

/** A failure on its way outwards, until a handler catches it. */
interface OutwardFailure {
  /** What handlers further out get to catch. */
  readonly raw: unknown;
  /** Whose failure it is, once that is known. */
  error: HandlerError | undefined;
  /** Whose place in the order it has. */
  run: HandlerRun | null;
  /** It is the reason of an aborted emission, and nobody's failure. */
  readonly aborted: boolean;
}

type Outcome = { readonly value: unknown } | { readonly failure: OutwardFailure };

/**
 * One layer of an onion: the handlers from one that has been reached to the next that answers. It
 * begins with a call of `next`, or the emission, and ends with an answer or a failure.
 */
export class Layer {
  /** The layer whose handler called `next`; null for the outermost. */
  readonly outer: Layer | null;
  /** What its handler's `next` has begun, the last time. */
  inner: Layer | null = null;
  /** The handler that will answer, or a listener that has to be waited for first. */
  run: HandlerRun | null = null;
  /** Its handler has failed and been passed over, after it had called `next`: what that settles with counts. */
  follows = false;
  outcome: Outcome | null = null;
  #resolve: ((value: unknown) => void) | null = null;
  #reject: ((error: unknown) => void) | null = null;

  constructor(outer: Layer | null) {
    this.outer = outer;
  }

  /** Its answer, or a promise of it. */
  answer(): unknown {
    const { outcome } = this;
    if (outcome === null) {
      const promise = new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
      // A handler need not wait for it, and then it is no unhandled rejection.
      promise.catch(noop);
      return promise;
    }
    if ('failure' in outcome) throw outcome.failure.raw;
    return outcome.value;
  }

  settle(outcome: Outcome): void {
    this.outcome = outcome;
    if ('failure' in outcome) this.#reject?.(outcome.failure.raw);
    else this.#resolve?.(outcome.value);
  }

  /** The failure that its handler's `next` has met with, if it has. */
  get metWith(): OutwardFailure | undefined {
    const outcome = this.inner?.outcome;
    return outcome !== null && outcome !== undefined && 'failure' in outcome ? outcome.failure : undefined;
  }

  /** Whether this is `layer`, or further in. */
  isWithin(layer: Layer): boolean {
    for (let each: Layer | null = this; each !== null; each = each.outer) if (each === layer) return true;
    return false;
  }
}

/** The layers of one emission of an `around`. */
export class Onion implements Answers {
  readonly #outermost = new Layer(null);
  /** The innermost layer that has not ended; null when all have. */
  #current: Layer | null = this.#outermost;
  #emission: Emission | undefined;
  /** How many handlers have had a turn. */
  #reached = 0;
  readonly #skipped = new Set<number>();
  #answeredBy: string | undefined;

  of(emission: Emission): this {
    this.#emission = emission;
    return this;
  }

  get complete(): boolean {
    return this.#current === null;
  }

  /** Whether nothing starts before a handler settles, or calls `next`. */
  get occupied(): boolean {
    return this.#current !== null && this.#current.run !== null;
  }

  /** Whether there is a layer that waits for a handler to begin. */
  get vacant(): boolean {
    return this.#current !== null && this.#current.run === null;
  }

  /** A handler's turn has come. */
  admit(run: HandlerRun): void {
    if (this.#current === null) return;
    run.layer = this.#current;
    this.#current.run = run;
  }

  /** The handler of a layer doesn't answer: it has been skipped or passed over, or only listens. */
  vacate(run: HandlerRun): void {
    if (run.layer?.run === run) run.layer.run = null;
  }

  /** No handler is left for a layer: what the onion is around, if anything, answers. */
  beginCore(): void {
    const layer = this.#current;
    const emission = this.#emission;
    if (layer === null || emission === undefined) return;
    const { aborted, core, ended, plan } = emission;
    if (aborted !== undefined) this.#settle(layer, { failure: outward(aborted.reason, true) });
    else if (core === undefined || ended) {
      if (!ended) this.#answeredBy = undefined;
      this.#settle(layer, { value: undefined });
    } else emission.beginRun(coreSubscription(plan.channel, core), plan.handlers.length);
  }

  /** Whether a handler is a listener that an earlier attempt has told already. */
  tellsAgain(index: number, asked: readonly boolean[]): boolean {
    if (index < this.#reached) return asked[index] === false;
    this.#reached = index + 1;
    return false;
  }

  /**
   * What `ctx.next` of a run's handler does: runs what comes after it.
   *
   * @throws What comes of that; `AmbusError` `INVALID_NEXT` where it may not be called.
   */
  next(run: HandlerRun, payload: unknown): unknown {
    const { layer } = run;
    if (layer === null || !run.running || layer.outcome !== null) {
      throw invalidNext(run, 'after it had settled, or its time was up');
    }
    if (layer !== this.#current) throw invalidNext(run, 'while what an earlier call has begun still runs');
    if (layer.inner !== null && layer.metWith === undefined) {
      throw invalidNext(run, 'again, although the first call succeeded; only after a failure may it be called again');
    }
    const { emission } = run;
    const inner = new Layer(layer);
    layer.inner = inner;
    const { aborted } = emission;
    if (aborted !== undefined) inner.settle({ failure: outward(aborted.reason, true) });
    else if (emission.ended) inner.settle({ value: undefined });
    else {
      this.#current = inner;
      try {
        emission.startFrom(run.index + 1, payload === undefined ? run.ctx.payload : payload);
      } catch (error) {
        // The stack is used up, and that is not isolated here.
        this.#settle(inner, { failure: outward(error, false) });
        throw error;
      }
    }
    return inner.answer();
  }

  // Its handlers answer layer by layer: see `answered`.
  take(): void {}

  answered(run: HandlerRun, value: unknown): void {
    const { emission, index, layer, subscription } = run;
    if (layer === null) return;
    if (!run.answers) {
      this.vacate(run);
      return;
    }
    if (layer.inner === null && isAwaited(layer)) {
      this.#answeredBy = index < emission.plan.handlers.length ? subscription.name : undefined;
    }
    this.#settle(layer, { value });
  }

  /** A failure goes outwards until a handler catches it, or is passed over. */
  failed(run: HandlerRun, layer: Layer, raw: unknown, make: () => HandlerError): HandlerError {
    const { emission, index, subscription } = run;
    const { core, handlers } = emission.plan;
    const met = layer.metWith;
    // What it lets through is no failure of its own.
    const failure: OutwardFailure = met !== undefined && Object.is(met.raw, raw) ? met : outward(raw, false);
    const error = failure.error ?? make();
    failure.error = error;
    failure.run ??= run;
    if (failure.aborted) {
      this.#settle(layer, { failure });
      return error;
    }
    if (failure.run === run) core.counts.failures++;
    if (layer.outer !== null && layer.outer.outcome !== null) {
      // The handler further out has answered already: only told, so that it isn't lost.
      emission.note(failure.run?.index ?? index, error);
      if (emission.settings.failurePolicy === 'isolate') core.report(error);
      this.#settle(layer, { failure });
    } else if (failure === met || index >= handlers.length || emission.stopsAtFailureOf(subscription)) {
      this.#settle(layer, { failure });
    } else {
      emission.keep(index, subscription, error);
      if (layer.inner === null) this.vacate(run);
      else if (layer.inner.outcome !== null) this.#settle(layer, layer.inner.outcome);
      else layer.follows = true;
    }
    return error;
  }

  /** What a run whose time was up has come to: a handler further out, late itself, may wait for it. */
  settledLate(run: HandlerRun, failed: boolean, outcome: unknown): void {
    const { answers, layer } = run;
    // One that was passed over has left its layer to the next.
    if (layer === null || layer.run !== run) return;
    if (!answers) {
      this.#settle(layer, { value: undefined });
      return;
    }
    this.#settle(layer, failed ? { failure: outward(outcome, false) } : { value: outcome });
  }

  /** The time of a run is up: so it is for what its `next` has begun. */
  giveUpWithin({ layer }: HandlerRun, reason: unknown): void {
    const inner = layer?.inner;
    if (layer === null || inner === null || inner === undefined) return;
    const innermost = this.#current;
    // First of all, so that nothing further in is begun in place of what is given up.
    this.#current = layer;
    for (const run of this.#emission?.runs ?? []) if (run.layer?.isWithin(inner) === true) run.giveUp(reason);
    // What runs may still settle, for whoever is late too. What has not begun never will.
    for (let each = innermost; each !== null && each !== layer; each = each.outer) {
      if (each.run === null && each.outcome === null) each.settle({ failure: outward(reason, true) });
    }
    if (layer.follows) this.#settle(layer, { value: undefined });
    this.#unwind();
  }

  /** Aborts the signals of the handlers that wait for one further in, or call one. */
  abortSignals(reason: unknown): void {
    for (let layer = this.#current; layer !== null; layer = layer.outer) layer.run?.ctx.abort(reason);
  }

  /** Whether it can't go on before those in `within` do. */
  waitsOn(within: ReadonlySet<Context>): boolean {
    return this.#current?.run?.waitsOn(within) === true;
  }

  /** The place in the order from which handlers may still be called: any that runs may try again. */
  get callsFrom(): number | undefined {
    const { run } = this.#outermost;
    return this.complete || run === null ? undefined : run.index + 1;
  }

  /** Whether a handler is skipped for the first time: another attempt skips it again. */
  skipsFirst(index: number): boolean {
    if (this.#skipped.has(index)) return false;
    this.#skipped.add(index);
    return true;
  }

  value(): unknown {
    const { outcome } = this.#outermost;
    return outcome !== null && 'value' in outcome ? outcome.value : undefined;
  }

  values(): readonly never[] {
    return NO_ANSWERS;
  }

  answeredBy(): string | undefined {
    return this.#answeredBy;
  }

  #settle(layer: Layer, outcome: Outcome): void {
    if (layer.outcome !== null) return;
    layer.settle(outcome);
    this.#unwind();
    if (layer.outer === null) {
      // What nobody has caught is the emission's failure.
      const failure = 'failure' in outcome ? outcome.failure : undefined;
      if (failure?.error === undefined || failure.run === null || failure.aborted) return;
      this.#emission?.keep(failure.run.index, failure.run.subscription, failure.error);
    } else if (layer.outer.follows) this.#settle(layer.outer, outcome);
  }

  /** Goes back to the innermost layer that has not ended: a handler may answer before what it began has. */
  #unwind(): void {
    while (this.#current !== null && this.#current.outcome !== null) this.#current = this.#current.outer;
  }
}

function outward(raw: unknown, aborted: boolean): OutwardFailure {
  return { raw, error: undefined, run: null, aborted };
}

/** Whether what a layer comes to can still reach the caller. */
function isAwaited(layer: Layer): boolean {
  for (let outer = layer.outer; outer !== null; outer = outer.outer) if (outer.outcome !== null) return false;
  return true;
}

function invalidNext(run: HandlerRun, when: string): AmbusError {
  const event = String(run.emission.plan.type);
  return new AmbusError('INVALID_NEXT', `Handler "${run.subscription.name}" of "${event}" called next ${when}.`, {
    details: { event, handler: run.subscription.name },
  });
}
