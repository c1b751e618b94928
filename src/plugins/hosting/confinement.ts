import { type Context, standIn } from '../../bus/dispatching/context.js';
import { assertEventName } from '../../bus/events/event-name.js';
import { isPattern, Pattern } from '../../bus/events/pattern.js';
import type { EmitOptions, IdleOptions } from '../../bus/options.js';
import { AmbusError } from '../../errors.js';
import type { AllowedEvents } from '../options.js';

/** Which events a plugin may subscribe to and emit. */
export class Confinement {
  readonly #plugin: string;
  readonly #on: readonly Allowed[] | undefined;
  readonly #emit: readonly Allowed[] | undefined;

  constructor(plugin: string, { emit, on }: AllowedEvents) {
    this.#plugin = plugin;
    this.#on = on?.map((source) => new Allowed(source));
    this.#emit = emit?.map((source) => new Allowed(source));
  }

  /** @throws `AmbusError` `FORBIDDEN_EVENT` unless the plugin may subscribe to it: an event, a pattern or a list. */
  assertMayHear(type: unknown): void {
    const on = this.#on;
    if (on === undefined) return;
    for (const one of Array.isArray(type) ? (type as readonly unknown[]) : [type]) {
      assertEventName(one);
      if (!on.some((allowed) => allowed.covers(one))) throw this.#forbidden('subscribe to', one, on);
    }
  }

  /** @throws The same for every event. */
  assertMayHearAll(): void {
    const on = this.#on;
    if (on === undefined || on.some(({ source }) => source === '**')) return;
    throw this.#forbidden('subscribe to', '**', on);
  }

  /** @throws The same unless it may emit the event. */
  assertMayEmit(type: unknown): void {
    const emit = this.#emit;
    if (emit === undefined) return;
    assertEventName(type);
    if (!emit.some((allowed) => allowed.covers(type))) throw this.#forbidden('emit', type, emit);
  }

  mayNotClose(): AmbusError {
    return new AmbusError(
      'FORBIDDEN_EVENT',
      `The plugin "${this.#plugin}" may not close the bus: its host confines it.`,
      {
        details: { plugin: this.#plugin },
      },
    );
  }

  /** A handler of the plugin that gets a context which is confined too. */
  handler(handler: (payload: unknown, ctx: unknown) => unknown): (payload: unknown, ctx: Context) => unknown {
    return (payload, ctx) => handler(payload, new ConfinedContext(ctx, this));
  }

  #forbidden(verb: string, type: string | symbol, allowed: readonly Allowed[]): AmbusError {
    const what = allowed.length === 0 ? 'nothing' : allowed.map(({ source }) => `"${source}"`).join(', ');
    return new AmbusError(
      'FORBIDDEN_EVENT',
      `The plugin "${this.#plugin}" may not ${verb} "${String(type)}": its host confines it to ${what}.`,
      { details: { plugin: this.#plugin, event: String(type), allowed: allowed.map(({ source }) => source) } },
    );
  }
}

/** An event, or a pattern of events, that a plugin may have to do with. */
class Allowed {
  readonly source: string;
  readonly #pattern: Pattern | undefined;
  readonly #segments: readonly string[];

  constructor(source: string) {
    this.source = source;
    this.#pattern = isPattern(source) ? new Pattern(source) : undefined;
    this.#segments = source.split('.');
  }

  /** Whether everything that `asked` stands for, an event or a pattern, is within it. */
  covers(asked: string | symbol): boolean {
    if (asked === this.source) return true;
    if (typeof asked === 'symbol') return this.source === '**';
    if (this.#pattern === undefined) return false;
    return isPattern(asked) ? this.#coversPattern(asked.split('.')) : this.#pattern.matches(asked);
  }

  #coversPattern(asked: readonly string[]): boolean {
    for (const [index, segment] of this.#segments.entries()) {
      if (segment === '**') return true;
      const given = asked[index];
      if (given === undefined || given === '**' || (segment !== '*' && segment !== given)) return false;
    }
    return this.#segments.length === asked.length;
  }
}

/** What a handler of a confined plugin gets as `ctx`. */
class ConfinedContext {
  readonly #ctx: Context;
  readonly #confinement: Confinement;

  constructor(ctx: Context, confinement: Confinement) {
    this.#ctx = ctx;
    this.#confinement = confinement;
    standIn(this, ctx);
  }

  get type(): PropertyKey {
    return this.#ctx.type;
  }

  get payload(): unknown {
    return this.#ctx.payload;
  }

  get id(): string {
    return this.#ctx.id;
  }

  get sync(): boolean {
    return this.#ctx.sync;
  }

  get signal(): AbortSignal {
    return this.#ctx.signal;
  }

  get meta(): Readonly<Record<string, unknown>> {
    return this.#ctx.meta;
  }

  stop(): void {
    this.#ctx.stop();
  }

  next(payload?: unknown): unknown {
    return this.#ctx.next(payload);
  }

  async emit(type: PropertyKey, payload?: unknown, options?: EmitOptions): Promise<unknown> {
    this.#confinement.assertMayEmit(type);
    return this.#ctx.emit(type, payload, options);
  }

  emitSync(type: PropertyKey, payload?: unknown, options?: EmitOptions): unknown {
    this.#confinement.assertMayEmit(type);
    return this.#ctx.emitSync(type, payload, options);
  }

  dispatch(type: PropertyKey, payload?: unknown, options?: EmitOptions): unknown {
    this.#confinement.assertMayEmit(type);
    return this.#ctx.dispatch(type, payload, options);
  }

  post(type: PropertyKey, payload?: unknown, options?: EmitOptions): void {
    const { core } = this.#ctx.plan;
    try {
      this.#confinement.assertMayEmit(type);
    } catch (error) {
      core.reportRejection(type, core.drop(type, payload, error), options);
      return;
    }
    this.#ctx.post(type, payload, options);
  }

  idle(options?: IdleOptions): Promise<void> {
    return this.#ctx.idle(options);
  }

  async close(): Promise<never> {
    throw this.#confinement.mayNotClose();
  }

  toJSON(): Record<string, unknown> {
    return this.#ctx.toJSON();
  }
}
