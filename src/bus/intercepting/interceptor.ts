import type { AnyEmitResult, ResultOf } from '../dispatching/emit-result.js';
import type { EventKind } from '../events/event-declaration.js';
import type { AnswerOf, EventName, InputOf, KindOf, PatternOf } from '../events/event-map.js';

/** What an interceptor is told of an emission, whatever the event. */
interface Intercepted<Name extends PropertyKey, Input> {
  readonly type: Name;
  /** What the caller gave, or an interceptor further out put in its place; not validated yet. */
  readonly payload: Input;
  /** The `ctx.id` that handlers will see. */
  readonly id: string;
  /** What handlers will read as `ctx.meta`, as far as it is known here. */
  readonly meta: Readonly<Record<string, unknown>>;
  /** True under `emitSync`: an interceptor that returns a promise fails, also where it has called `next` before. */
  readonly sync: boolean;
  /** Aborts when the emission is aborted, or the bus closes without it. */
  readonly signal: AbortSignal;
}

/** One emission of a bus of which nothing is known: for interceptors that fit any bus. */
export interface AnyInterceptedEmission extends Intercepted<string, unknown> {
  answer(answer?: unknown): AnyEmitResult;
}

type AnswerArguments<Kind extends EventKind, Answer> = {
  broadcast: [];
  waterfall: [answer: Answer];
  first: [answer?: Answer];
  collect: [answers?: readonly Answer[]];
  around: [answer?: Answer];
}[Kind];

/** What an interceptor is told of an emission. A union that narrows by `type`. */
export type InterceptedEmission<
  Events extends object = Record<string, unknown>,
  Names extends EventName<Events> = EventName<Events>,
> =
  Record<string, unknown> extends Events
    ? AnyInterceptedEmission
    : {
        [Name in Names]: Intercepted<Name, InputOf<Events, Name>> & {
          /**
           * Makes a result without running any handler, to be returned: `value` of a waterfall, first or
           * around, `values` of a collect.
           */
          answer(...answer: AnswerArguments<KindOf<Events, Name>, AnswerOf<Events, Name>>): ResultOf<Events, Name>;
        };
      }[Names];

/** What an interceptor changes about an emission. */
export interface InterceptedChange {
  /** Takes the place of the payload; it is validated like any other. */
  readonly payload?: unknown;
  /** Is added to what handlers read as `ctx.meta`; own keys win. */
  readonly meta?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Runs the interceptors further in, the validation and the handlers. Once.
 *
 * @param change - What they see changed.
 * @returns The result, or a promise of it where something had to be waited for.
 * @throws What the emission rejects with, while it is synchronous. `AmbusError` `INVALID_NEXT` where
 *   it has been called before, or after the end.
 */
export type InterceptorNext = (change?: InterceptedChange) => AnyEmitResult | Promise<AnyEmitResult>;

/**
 * A function around emissions, sync or async. It returns what `next()` returned, or
 * `emission.answer(...)`; what it throws refuses the emission. Where it returns nothing, what
 * `next()` came to counts. Under `emitSync` it must not return a promise; if it has called `next` before,
 * the handlers have run all the same. What it emits on the same bus while that closes is refused.
 */
export type Interceptor<
  Events extends object = Record<string, unknown>,
  Names extends EventName<Events> = EventName<Events>,
> = (
  emission: InterceptedEmission<Events, Names>,
  next: InterceptorNext,
  // biome-ignore lint/suspicious/noConfusingVoidType: an interceptor may return nothing
) => AnyEmitResult | void | PromiseLike<AnyEmitResult | void>;

/** What one interceptor is for. */
export interface InterceptOptions<
  Events extends object = Record<string, unknown>,
  Types extends EventName<Events> | PatternOf<Events> = EventName<Events> | PatternOf<Events>,
> {
  /** The events that it is around: a name, a pattern, or a list of either. @default every event */
  readonly types?: Types | readonly Types[] | undefined;
  /** The highest is outermost; of equal ones the first that came. Any finite number. @default 0 */
  readonly priority?: number | undefined;
  /** What errors, `answeredBy` and `inspect()` call it. @default the function's name */
  readonly name?: string | undefined;
  /** Takes it away when it aborts. */
  readonly signal?: AbortSignal | undefined;
}
