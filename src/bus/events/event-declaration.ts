import type { StandardSchemaV1 } from '@standard-schema/spec';
import { AmbusError } from '../../errors.js';
import { assertOptions, invalidOption, show } from '../../internal/assertions.js';
import type { FailurePolicy, FanOutMode } from '../options.js';
import { assertEventSettings } from '../settings.js';
import { assertEmittable } from './event-name.js';
import { isSchema } from './schema.js';

/** How the handlers of an event combine. */
export type EventKind = 'broadcast' | 'waterfall' | 'first' | 'collect' | 'around';

/** The types that go through an event. */
export interface EventTypes {
  readonly kind: EventKind;
  /** What callers give: a schema's input. */
  readonly input: unknown;
  /** What handlers get: a schema's output. */
  readonly payload: unknown;
  /** What handlers answer with. */
  readonly returned: unknown;
  /** What callers get of that. */
  readonly answer: unknown;
}

declare const types: unique symbol;

/**
 * One event, declared: its kind, its settings and, for the compiler, its types. Made by
 * {@link broadcast}, {@link waterfall}, {@link first}, {@link collect} and {@link around}.
 */
export interface EventDeclaration<Types extends EventTypes = EventTypes> {
  /** For the compiler alone: at run time there is no such property. */
  readonly [types]: Types;
  readonly kind: Types['kind'];
  /** What validates payloads, if anything does. */
  readonly schema: StandardSchemaV1 | undefined;
  readonly settings: WaterfallSettings & FanOutSettings & AnswerSettings;
}

/** The types of an event: those of its declaration, or a broadcast's where a map has a plain payload. */
export type TypesOf<Declared> = Declared extends { readonly [types]: infer Types extends EventTypes }
  ? Types
  : BroadcastTypes<Declared, Declared>;

/** Says that an event is on its way out. */
export interface Deprecation {
  /** The version, or the day, since when. */
  readonly since: string;
  /** What to use in its place. */
  readonly use: string;
  /** Where that is explained. */
  readonly link?: string | undefined;
}

/** How one event differs from what the bus does; every field may be left out. */
export interface EventSettings {
  /** A limit for each handler that has none of its own, in milliseconds. @default the bus's */
  readonly timeoutMs?: number | undefined;
  /** @default the bus's; where that was left out, `stop` for waterfall, first and around, else `isolate` */
  readonly failurePolicy?: FailurePolicy | undefined;
  /** Warns, once a handler, whoever subscribes. */
  readonly deprecated?: Deprecation | undefined;
}

/** The settings of an event whose handlers may run at the same time: broadcast and collect. */
export interface FanOutSettings extends EventSettings {
  /** @default the bus's */
  readonly mode?: FanOutMode | undefined;
  /** How many handlers may be unsettled at a time, in `concurrent` and `tiered`. @default the bus's */
  readonly concurrency?: number | undefined;
}

/** The settings of a waterfall. */
export interface WaterfallSettings extends EventSettings {
  /**
   * Whether the schema validates what each handler returns too; then it must take what it gives.
   * @default false
   */
  readonly validateSteps?: boolean | undefined;
}

/** The settings of an event that handlers answer: first, collect and around. */
export interface AnswerSettings {
  /** Validates every answer; `typed<Answer>()` where only the type is to be known. @default none */
  readonly answer?: StandardSchemaV1 | undefined;
}

interface BroadcastTypes<Input, Payload> extends EventTypes {
  readonly kind: 'broadcast';
  readonly input: Input;
  readonly payload: Payload;
  readonly answer: undefined;
}

/** The declaration of a broadcast of a payload, validated or not. */
export type BroadcastOf<Payload> = EventDeclaration<BroadcastTypes<Payload, Payload>>;

interface WaterfallTypes<Input, Payload> extends EventTypes {
  readonly kind: 'waterfall';
  readonly input: Input;
  readonly payload: Payload;
  readonly returned: Payload;
  readonly answer: Payload;
}

interface AnsweredTypes<Kind extends EventKind, Input, Payload, Returned, Answer> extends EventTypes {
  readonly kind: Kind;
  readonly input: Input;
  readonly payload: Payload;
  readonly returned: Returned;
  readonly answer: Answer;
}

type In<Schema extends StandardSchemaV1> = StandardSchemaV1.InferInput<Schema>;
type Out<Schema extends StandardSchemaV1> = StandardSchemaV1.InferOutput<Schema>;

/** The type of {@link broadcast}: a payload's type, or a schema. */
export interface DeclareBroadcast {
  // NoInfer: else the place where the declaration stands would say what the payload is, and not the default.
  <Payload = void>(settings?: FanOutSettings): EventDeclaration<BroadcastTypes<NoInfer<Payload>, NoInfer<Payload>>>;
  <Schema extends StandardSchemaV1>(
    schema: Schema,
    settings?: FanOutSettings,
  ): EventDeclaration<BroadcastTypes<In<Schema>, Out<Schema>>>;
}

/** The type of {@link waterfall}: a payload's type, or a schema. */
export interface DeclareWaterfall {
  <Payload>(settings?: EventSettings): EventDeclaration<WaterfallTypes<Payload, Payload>>;
  <Schema extends StandardSchemaV1>(
    schema: Schema,
    settings?: WaterfallSettings,
  ): EventDeclaration<WaterfallTypes<In<Schema>, Out<Schema>>>;
}

/** The type of {@link first}, {@link collect} and {@link around}: types of payload and answer, or schemas. */
export interface DeclareAnswered<Kind extends EventKind, Settings extends EventSettings> {
  <Payload, Answer>(settings?: Settings): EventDeclaration<AnsweredTypes<Kind, Payload, Payload, Answer, Answer>>;
  <Schema extends StandardSchemaV1, Answer extends StandardSchemaV1>(
    schema: Schema,
    settings: Settings & { readonly answer: Answer },
  ): EventDeclaration<AnsweredTypes<Kind, In<Schema>, Out<Schema>, In<Answer>, Out<Answer>>>;
  <Schema extends StandardSchemaV1, Answer = unknown>(
    schema: Schema,
    settings?: Settings,
  ): EventDeclaration<AnsweredTypes<Kind, In<Schema>, Out<Schema>, Answer, Answer>>;
}

/**
 * Declares an event that every handler hears; what they return is ignored.
 *
 * @typeParam Payload - What handlers get; `void` where it is left out.
 * @param schema - Any Standard Schema (zod, valibot, arktype, ...): callers give its input, handlers get its output.
 * @param settings - See {@link FanOutSettings}.
 * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { broadcast, defineEvents, EventBus } from 'ambus';
 * const bus = new EventBus({ events: defineEvents({ 'order.placed': broadcast<{ id: string }>() }) });
 * bus.on('order.placed', ({ id }) => console.log(id));
 * bus.emitSync('order.placed', { id: 'o1' }); // o1
 * ```
 */
export const broadcast: DeclareBroadcast = declarer('broadcast', ['mode', 'concurrency']) as DeclareBroadcast;

/**
 * Declares a pipeline: each handler gets what the one before it returned; `undefined` keeps that.
 * Callers get the last as `value`.
 *
 * @typeParam Payload - What goes through the pipeline.
 * @param schema - Any Standard Schema: callers give its input, handlers get its output.
 * @param settings - See {@link WaterfallSettings}.
 * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { defineEvents, EventBus, waterfall } from 'ambus';
 * const bus = new EventBus({ events: defineEvents({ 'title.format': waterfall<string>() }) });
 * bus.on('title.format', (title) => title.trim());
 * bus.on('title.format', async (title) => title.toUpperCase());
 * const { value } = await bus.emit('title.format', ' hello ');
 * console.log(value); // HELLO
 * ```
 */
export const waterfall: DeclareWaterfall = declarer('waterfall', ['validateSteps']) as DeclareWaterfall;

/**
 * Declares a question: handlers are asked one after the other, and the first answer that is not
 * `undefined` is the `value`; `answeredBy` names its handler.
 *
 * @typeParam Payload - The question.
 * @typeParam Answer - The answer.
 * @param schema - Any Standard Schema for the question.
 * @param settings - See {@link EventSettings} and {@link AnswerSettings}.
 * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { defineEvents, EventBus, first } from 'ambus';
 * const bus = new EventBus({ events: defineEvents({ 'path.resolve': first<string, string>() }) });
 * bus.on('path.resolve', (id) => (id.startsWith('./') ? `/src/${id.slice(2)}` : undefined), { name: 'relative' });
 * const { value, answeredBy } = bus.emitSync('path.resolve', './main.ts');
 * console.log(value, answeredBy); // /src/main.ts relative
 * ```
 */
export const first: DeclareAnswered<'first', EventSettings & AnswerSettings> = declarer('first', [
  'answer',
]) as DeclareAnswered<'first', EventSettings & AnswerSettings>;

/**
 * Declares a poll: every answer that is not `undefined` is in `values`, in the order of the handlers,
 * whichever was there first; `answeredBy` names the handlers in the same order.
 *
 * @typeParam Payload - The question.
 * @typeParam Answer - One answer.
 * @param schema - Any Standard Schema for the question.
 * @param settings - See {@link FanOutSettings} and {@link AnswerSettings}.
 * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { collect, defineEvents, EventBus } from 'ambus';
 * const bus = new EventBus({ events: defineEvents({ 'code.lint': collect<string, string>({ mode: 'concurrent' }) }) });
 * bus.on('code.lint', (code) => (code.includes('var ') ? 'no var' : undefined));
 * bus.on('code.lint', async (code) => (code.length > 80 ? 'too long' : undefined));
 * const { values } = await bus.emit('code.lint', 'var x');
 * console.log(values); // [ 'no var' ]
 * ```
 */
export const collect: DeclareAnswered<'collect', FanOutSettings & AnswerSettings> = declarer('collect', [
  'mode',
  'concurrency',
  'answer',
]) as DeclareAnswered<'collect', FanOutSettings & AnswerSettings>;

/**
 * Declares an onion: each handler wraps those after it, which `ctx.next(payload?)` runs, and answers
 * with its own answer or theirs. Innermost is the caller's `core`.
 *
 * @typeParam Payload - What goes in.
 * @typeParam Answer - What comes out.
 * @param schema - Any Standard Schema for what goes in.
 * @param settings - See {@link EventSettings} and {@link AnswerSettings}.
 * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
 * @example
 * ```ts
 * import { around, defineEvents, EventBus } from 'ambus';
 * const bus = new EventBus({ events: defineEvents({ 'page.load': around<string, string>() }) });
 * const cache = new Map([['/', 'cached']]);
 * bus.on('page.load', (url, ctx) => cache.get(url) ?? ctx.next());
 * const { value } = await bus.emit('page.load', '/about', { core: async (url) => `page at ${url}` });
 * console.log(value); // page at /about
 * ```
 */
export const around: DeclareAnswered<'around', EventSettings & AnswerSettings> = declarer('around', [
  'answer',
]) as DeclareAnswered<'around', EventSettings & AnswerSettings>;

/** Declarations by the names of their events. */
export interface EventDeclarations {
  readonly [type: PropertyKey]: EventDeclaration;
}

/**
 * Declares the events of a bus: how the handlers of each combine, and what is valid.
 *
 * @param declarations - By the names of events. Maps are put together with `{ ...these, ...those }`.
 * @returns The declarations, frozen: give them to `new EventBus({ events })`.
 * @throws `AmbusError` `INVALID_ARGUMENT` where something is no declaration, `INVALID_EVENT` for a
 *   name that is a pattern.
 * @example
 * ```ts
 * import { broadcast, collect, defineEvents, EventBus, first, waterfall } from 'ambus';
 * const events = defineEvents({
 *   'order.placed': broadcast<{ id: string; total: number }>(),
 *   'price.adjust': waterfall<number>(),
 *   'carrier.pick': first<{ country: string }, string>(),
 *   'order.check': collect<{ id: string }, string>(),
 * });
 * const bus = new EventBus({ events });
 * bus.on('price.adjust', (price) => price * 0.9);
 * console.log(bus.emitSync('price.adjust', 100).value); // 90
 * ```
 */
export function defineEvents<const Declared extends EventDeclarations>(declarations: Declared): Declared {
  assertDeclarations('defineEvents', declarations);
  return Object.freeze(declarations);
}

/** @throws `AmbusError` unless `given` is an object of declarations. */
export function assertDeclarations(where: string, given: unknown): asserts given is EventDeclarations {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new AmbusError('INVALID_ARGUMENT', `Expected the events of ${where} to be an object, got ${show(given)}.`);
  }
  for (const name of Reflect.ownKeys(given)) {
    assertEmittable(name);
    const declaration: unknown = (given as Record<PropertyKey, unknown>)[name];
    if (declaration instanceof Declaration) continue;
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected "${String(name)}" of ${where} to be declared by broadcast(), waterfall(), first(), collect() or around(), got ${show(declaration)}.`,
      { details: { type: name } },
    );
  }
}

/** What {@link broadcast} and its like return, as the inside sees it. */
export class Declaration {
  readonly kind: EventKind;
  readonly schema: StandardSchemaV1 | undefined;
  readonly settings: EventDeclaration['settings'];

  constructor(kind: EventKind, schema: StandardSchemaV1 | undefined, settings: EventDeclaration['settings']) {
    this.kind = kind;
    this.schema = schema;
    this.settings = Object.freeze({ ...settings });
    Object.freeze(this);
  }
}

function declarer(kind: EventKind, known: readonly string[]): (...given: unknown[]) => Declaration {
  const names = ['timeoutMs', 'failurePolicy', 'deprecated', ...known];
  return (...given) => {
    const [schema, rest] = isSchema(given[0]) ? [given[0], given[1]] : [undefined, given[0]];
    assertOptions(kind, rest, names);
    const settings = (rest ?? {}) as EventDeclaration['settings'];
    assertEventSettings(kind, settings);
    if (settings.validateSteps === true && schema === undefined) {
      throw invalidOption(kind, 'validateSteps', 'left out where there is no schema', true);
    }
    return new Declaration(kind, schema, settings);
  };
}
