import { AmbusError } from '../../errors.js';
import { onAbort } from '../../internal/abort.js';
import { assertOption, assertOptions, show } from '../../internal/assertions.js';
import { isStackOverflow } from '../../internal/overflow.js';
import { adopt, thenOf } from '../../internal/thenable.js';
import { registerOrphan, scope } from '../dispatching/ancestry.js';
import { NO_ANSWERS } from '../dispatching/answers.js';
import { type Context, SETTLED, SYNC } from '../dispatching/context.js';
import { Emission, type EmissionSettings } from '../dispatching/emission.js';
import { type AnyEmitResult, makeResult } from '../dispatching/emit-result.js';
import type { Plan, PlannedHandler } from '../dispatching/plan.js';
import { asyncSchema, validate } from '../events/schema.js';
import type { InFlightEntry } from '../in-flight.js';
import type { GroupState } from '../subscribing/group.js';
import type { Listening } from '../subscribing/listening.js';
import { RETIRED } from '../subscribing/subscription.js';
import type { InterceptedChange } from './interceptor.js';

const noop = (): void => {};

type Returned = AnyEmitResult | undefined | PromiseLike<AnyEmitResult | undefined>;

/** An interceptor that a bus has. */
export class RegisteredInterceptor {
  readonly name: string;
  readonly priority: number;
  /** Undefined for every event. */
  readonly targets: readonly Listening[] | undefined;
  readonly call: (emission: unknown, next: (change?: InterceptedChange) => unknown) => Returned;

  constructor(
    name: string,
    priority: number,
    targets: readonly Listening[] | undefined,
    call: RegisteredInterceptor['call'],
  ) {
    this.name = name;
    this.priority = priority;
    this.targets = targets;
    this.call = call;
  }

  isAround(type: PropertyKey): boolean {
    return this.targets === undefined || this.targets.some((target) => target.matches(type));
  }
}

/**
 * An emission with something before it: interceptors, or the validation of its payload. In flight
 * from when the first of these has to be waited for to when the last of them has settled.
 */
export class Interception implements InFlightEntry {
  readonly plan: Plan;
  readonly ctx: Context;
  following: InFlightEntry | null = null;
  previous: InFlightEntry | null = null;
  /** Whether it has not ended, so that its context is no emission's past yet. */
  open = true;
  readonly #settings: EmissionSettings;
  readonly #signal: AbortSignal | undefined;
  readonly #core: PlannedHandler | undefined;
  readonly #epoch: number;
  /** It began in a handler of another emission. */
  readonly nested: boolean = scope.depth > 0 || scope.current !== null;
  /** Interceptors that have been called. */
  readonly calls: InterceptorCall[] = [];
  #emission: Emission | null = null;
  #tracked = 0;
  #concludes = false;
  #inFlight = false;
  #aborted: { readonly reason: unknown } | undefined;
  #forget: (() => void) | undefined;

  constructor(
    plan: Plan,
    ctx: Context,
    settings: EmissionSettings,
    signal: AbortSignal | undefined,
    core: PlannedHandler | undefined,
  ) {
    this.plan = plan;
    this.ctx = ctx;
    this.#settings = settings;
    this.#signal = signal;
    this.#core = core;
    this.#epoch = plan.core.epoch;
  }

  /** @throws What the emission rejects with, while it is synchronous. */
  begin(): AnyEmitResult | Promise<AnyEmitResult> {
    const signal = this.#signal;
    if (signal !== undefined) {
      this.#forget = onAbort(signal, () => {
        this.#abort(signal.reason);
      });
    }
    let outcome: AnyEmitResult | Promise<AnyEmitResult>;
    try {
      outcome = this.enter(0);
    } catch (error) {
      throw this.#failed(error);
    }
    if (!(outcome instanceof Promise)) return this.#concluded(outcome);
    this.#fly();
    return outcome.then(
      (result) => this.#concluded(result),
      (error: unknown) => {
        throw this.#failed(error);
      },
    );
  }

  /** Runs the interceptor at `index` and all that is further in. */
  enter(index: number): AnyEmitResult | Promise<AnyEmitResult> {
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    const interceptor = this.plan.interceptors[index];
    return interceptor === undefined ? this.#admit() : new InterceptorCall(this, interceptor, index).begin();
  }

  /** Has something to wait for that an interceptor need not wait for. */
  track(inner: Promise<unknown>): void {
    this.#tracked++;
    const settled = (): void => {
      this.#tracked--;
      this.#endIfOver();
    };
    inner.then(settled, settled);
  }

  /** Whether an error is for the emissions around this one: see `unwinds` of the ancestry. */
  unwinds(error: unknown): boolean {
    return this.nested && isStackOverflow(error);
  }

  /** Counts and tells that no handler will run. */
  refuse(error: unknown): unknown {
    return this.plan.core.drop(this.plan.type, this.ctx.payload, error);
  }

  waitsFor(): readonly string[] {
    const handlers = this.#emission?.waitsFor() ?? [];
    if (handlers.length > 0) return handlers;
    const waiting = this.calls.filter(({ settled }) => !settled).map(({ name }) => name);
    return waiting.length === 0 ? ['schema'] : waiting;
  }

  involves(group: GroupState): boolean {
    if (this.#emission !== null) return this.#emission.involves(group);
    return this.plan.subscriptions.some(
      (subscription) => subscription.group === group && subscription.state === RETIRED,
    );
  }

  waitsOn(within: ReadonlySet<Context>): boolean {
    return this.#emission !== null && this.#emission.waitsOn(within);
  }

  reconsider(): void {
    this.#emission?.reconsider();
  }

  abandon(reason: unknown): void {
    if (this.#emission === null) this.#abort(reason);
    else this.#emission.abandon(reason);
  }

  /** The payload, validated where that is declared, goes to the handlers. */
  #admit(): AnyEmitResult | Promise<AnyEmitResult> {
    const { ctx, plan } = this;
    const { schema } = plan;
    if (schema === undefined) return this.#start();
    const what = `the payload of "${String(plan.type)}"`;
    try {
      const valid = validate(schema, ctx.payload, what, 'INVALID_PAYLOAD', plan.type);
      if (valid instanceof Promise) {
        if ((ctx.flags & SYNC) !== 0) {
          valid.catch(noop);
          throw asyncSchema(what, schema['~standard'].vendor, plan.type);
        }
        return valid.then(
          ({ value }) => {
            ctx.payload = value;
            return this.#start();
          },
          (error: unknown) => {
            throw this.refuse(error);
          },
        );
      }
      ctx.payload = valid.value;
    } catch (error) {
      throw this.refuse(error);
    }
    return this.#start();
  }

  #start(): AnyEmitResult | Promise<AnyEmitResult> {
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    const emission = new Emission(this.plan, this.ctx, this.#settings, this.#epoch, 0);
    emission.within = this;
    emission.core = this.#core;
    this.#emission = emission;
    return this.plan.core.beginTracked(emission, this.#signal);
  }

  #abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.ctx.abort(reason);
  }

  #concluded(result: AnyEmitResult): AnyEmitResult {
    this.#concludes = true;
    this.#endIfOver();
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    if (this.#emission === null) this.#tellIntercepted();
    return result;
  }

  /** Counts and tells an emission that no handler heard of, although nothing was wrong with it. */
  #tellIntercepted(): void {
    const { ctx, plan } = this;
    const { counts, observers } = plan.core;
    counts.intercepted++;
    if (!observers.hears('intercepted')) return;
    const interceptor = this.calls.at(-1)?.name ?? '';
    observers.tell('intercepted', { type: plan.type, emissionId: ctx.id, payload: ctx.payload, interceptor });
  }

  #failed(error: unknown): unknown {
    this.#concludes = true;
    this.#endIfOver();
    return this.#aborted === undefined || this.unwinds(error) ? error : this.#aborted.reason;
  }

  #fly(): void {
    if (this.#inFlight) return;
    if (scope.depth > 0) registerOrphan(this.ctx);
    this.#inFlight = true;
    this.plan.core.lifetime.inFlight.add(this);
  }

  /** Ends, unless something is left that no interceptor waited for. */
  #endIfOver(): void {
    if (!this.open || !this.#concludes) return;
    if (this.#tracked > 0) {
      this.#fly();
      return;
    }
    const { lifetime } = this.plan.core;
    this.open = false;
    this.#forget?.();
    if (this.#emission === null) this.ctx.flags |= SETTLED;
    else this.#emission.markSettled();
    if (this.#inFlight) lifetime.inFlight.remove(this);
    if (lifetime.awaited) lifetime.somethingSettled();
  }
}

/** One interceptor, called for one emission. */
class InterceptorCall {
  readonly #interception: Interception;
  readonly #interceptor: RegisteredInterceptor;
  readonly #index: number;
  /** What `next` came to; undefined before it is called. */
  #inner: { readonly outcome: AnyEmitResult | Promise<AnyEmitResult> } | { readonly error: unknown } | undefined;
  #called = false;
  /** Whoever emitted gets what `next` came to. */
  #passesOn = false;
  settled = false;

  constructor(interception: Interception, interceptor: RegisteredInterceptor, index: number) {
    interception.calls.push(this);
    this.#interception = interception;
    this.#interceptor = interceptor;
    this.#index = index;
  }

  get name(): string {
    return this.#interceptor.name;
  }

  begin(): AnyEmitResult | Promise<AnyEmitResult> {
    const { ctx } = this.#interception;
    const { current, depth } = scope;
    let returned: Returned;
    let promise: Promise<unknown> | undefined;
    scope.current = ctx;
    scope.depth = 0;
    try {
      returned = this.#interceptor.call(new Intercepted(this.#interception, this.#interceptor), (change) =>
        this.#next(change),
      );
      const then = thenOf(returned);
      if (then !== undefined) promise = adopt(returned, then);
    } catch (error) {
      throw this.#failed(error);
    } finally {
      scope.current = current;
      scope.depth = depth;
    }
    if (promise === undefined) return this.#conclude(returned);
    if (ctx.sync) {
      promise.catch(noop);
      throw this.#failed(this.#error('ASYNC_IN_SYNC', 'returned a promise, but emitSync cannot wait for it'));
    }
    return promise.then(
      (result) => this.#conclude(result),
      (error: unknown) => {
        throw this.#failed(error);
      },
    );
  }

  #next(change: InterceptedChange | undefined): AnyEmitResult | Promise<AnyEmitResult> {
    const { ctx } = this.#interception;
    if (this.#called || this.settled) {
      const when = this.#called ? 'a second time' : 'after it had settled';
      throw this.#error('INVALID_NEXT', `called next ${when}, and nothing was run`);
    }
    const where = `next in interceptor "${this.name}"`;
    assertOptions(where, change, ['payload', 'meta']);
    assertOption(where, 'meta', change?.meta, 'an object', (meta) => typeof meta === 'object' && meta !== null);
    this.#called = true;
    if (change !== undefined) {
      if ('payload' in change) ctx.payload = change.payload;
      if (change.meta !== undefined) ctx.more().meta = Object.freeze({ ...ctx.meta, ...change.meta });
    }
    try {
      const outcome = this.#interception.enter(this.#index + 1);
      this.#inner = { outcome };
      if (outcome instanceof Promise) this.#follow(outcome);
      return outcome;
    } catch (error) {
      this.#inner = { error };
      throw error;
    }
  }

  /** An interceptor need not wait for what `next` comes to; then a failure of it is reported. */
  #follow(outcome: Promise<AnyEmitResult>): void {
    const { plan } = this.#interception;
    outcome.catch((error: unknown) => {
      if (this.settled && !this.#passesOn) plan.core.reportRejection(plan.type, error, undefined);
    });
    this.#interception.track(outcome);
  }

  /** What the interceptor's answer amounts to. */
  #conclude(returned: unknown): AnyEmitResult | Promise<AnyEmitResult> {
    if (isResult(returned) && returned.type === this.#interception.plan.type) {
      this.settled = true;
      return returned;
    }
    const inner = this.#inner;
    if (returned === undefined && inner !== undefined) {
      this.settled = true;
      this.#passesOn = true;
      if ('error' in inner) throw inner.error;
      return inner.outcome;
    }
    const what =
      returned === undefined
        ? 'neither called next nor returned emission.answer()'
        : isResult(returned)
          ? `returned a result of "${String(returned.type)}", another event`
          : `returned ${show(returned)} where the result of next() or of emission.answer() was expected`;
    throw this.#failed(this.#error('NO_RESULT', what));
  }

  #failed(error: unknown): unknown {
    this.settled = true;
    return this.#called || this.#interception.unwinds(error) ? error : this.#interception.refuse(error);
  }

  #error(code: 'ASYNC_IN_SYNC' | 'INVALID_NEXT' | 'NO_RESULT', what: string): AmbusError {
    const event = String(this.#interception.plan.type);
    const { name } = this.#interceptor;
    return new AmbusError(code, `Interceptor "${name}" of "${event}" ${what}.`, {
      details: { event, interceptor: name },
    });
  }
}

/** What an interceptor gets: see `InterceptedEmission`. */
class Intercepted {
  readonly payload: unknown;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly #interception: Interception;
  readonly #name: string;

  constructor(interception: Interception, { name }: RegisteredInterceptor) {
    this.payload = interception.ctx.payload;
    this.meta = interception.ctx.meta;
    this.#interception = interception;
    this.#name = name;
  }

  get type(): PropertyKey {
    return this.#interception.plan.type;
  }

  get id(): string {
    return this.#interception.ctx.id;
  }

  get sync(): boolean {
    return this.#interception.ctx.sync;
  }

  get signal(): AbortSignal {
    return this.#interception.ctx.signal;
  }

  answer(answer?: unknown): AnyEmitResult {
    const { kind, ok, type } = this.#interception.plan;
    const skipped = ok.called + ok.skipped;
    const name = this.#name;
    const result =
      kind === 'collect'
        ? collected(type, skipped, (answer ?? []) as readonly unknown[], name)
        : makeResult(
            type,
            0,
            skipped,
            false,
            ok.failures,
            kind === 'broadcast' ? undefined : answer,
            NO_ANSWERS,
            kind === 'first' || kind === 'around' ? name : undefined,
          );
    return Object.freeze(result);
  }
}

function collected(type: PropertyKey, skipped: number, values: readonly unknown[], name: string): AnyEmitResult {
  if (!Array.isArray(values)) {
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected the answer to "${String(type)}", a collect, to be an array of answers, got ${show(values)}.`,
    );
  }
  const names = Object.freeze(values.map(() => name));
  return makeResult(type, 0, skipped, false, NO_ANSWERS, undefined, Object.freeze([...values]), names);
}

function isResult(value: unknown): value is AnyEmitResult {
  return typeof value === 'object' && value !== null && 'failures' in value && 'called' in value && 'ok' in value;
}
