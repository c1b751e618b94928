import { AmbusError } from '../../errors.js';
import type { BusCore } from '../core.js';
import type { CloseOptions, CloseReport, EmitOptions, IdleOptions } from '../options.js';
import type { AnyEmitResult } from './emit-result.js';
import type { HandlerRun } from './handler-run.js';
import type { Plan } from './plan.js';

/** Bits of {@link Context.flags}. */
export const SYNC = 1;
export const STOPPED = 2;
export const SETTLED = 4;
/** Plain calls made in it after an `await` are traced to it. */
export const TRACKED = 8;
/** Belongs to one handler's run and not to the whole emission, which is its parent. */
export const OWN = 16;

/** Has been forwarded by another bus: its parent is the emission there. */
export const FORWARDED = 32;
/** Is no emission but the slot of one, a {@link SlotContext}. */
export const SLOT = 64;
/** Is what a slot was taken for: its parent is that, and has its id. */
export const SLOTTED = 128;

/** What handlers were given in place of a context. A map, so that they can't get at what is behind it. */
const behind = new WeakMap<object, Context>();

/** Notes that something stands in for a context. */
export function standIn(other: object, ctx: Context): void {
  behind.set(other, ctx);
}

/** The context that a handler was given, or that is behind what it was given; undefined for anything else. */
export function contextBehind(ctx: unknown): Context | undefined {
  if (ctx instanceof Context) return ctx;
  return typeof ctx === 'object' && ctx !== null ? behind.get(ctx) : undefined;
}

const NO_META: Readonly<Record<string, unknown>> = Object.freeze({});

/** What most emissions never need: made when something asks for it. */
interface ContextExtras {
  id: string | undefined;
  meta: Readonly<Record<string, unknown>> | undefined;
  controller: AbortController | undefined;
  aborted: boolean;
  reason: unknown;
  run: HandlerRun | undefined;
  /** How many handlers still run in it whom nobody waits for. */
  lateRuns: number;
}

/**
 * What handlers get as `ctx`, and one link in the chain of emissions that caused each other. One
 * serves all handlers of an emission; it is made for every emission, which is why it is small and
 * keeps the rest in `extras`.
 */
export class Context {
  readonly plan: Plan;
  /** Of a waterfall, what it has become so far. */
  payload: unknown;
  parent: Context | null;
  flags: number;
  extras: ContextExtras | null;

  constructor(plan: Plan, payload: unknown, parent: Context | null, flags: number) {
    this.plan = plan;
    this.payload = payload;
    this.parent = parent;
    this.flags = flags;
    this.extras = null;
  }

  get type(): PropertyKey {
    return this.plan.type;
  }

  get id(): string {
    if ((this.flags & (OWN | SLOTTED)) !== 0 && this.parent !== null) return this.parent.id;
    const extras = this.more();
    extras.id ??= this.plan.core.nextId();
    return extras.id;
  }

  /** The id of the emission that it comes from, as far as that is known. */
  get parentId(): string | undefined {
    const { parent } = this;
    return (this.flags & SLOTTED) === 0 ? parent?.id : parent?.parentId;
  }

  get sync(): boolean {
    return (this.flags & SYNC) !== 0;
  }

  get meta(): Readonly<Record<string, unknown>> {
    let context: Context | null = this;
    for (; context !== null; context = context.parent) {
      const meta = context.extras?.meta;
      if (meta !== undefined) return meta;
    }
    return NO_META;
  }

  get signal(): AbortSignal {
    const extras = this.more();
    if (extras.controller === undefined) {
      extras.controller = new AbortController();
      if (extras.aborted) extras.controller.abort(extras.reason);
    }
    return extras.controller.signal;
  }

  stop(): void {
    const context = (this.flags & OWN) !== 0 && this.parent !== null ? this.parent : this;
    context.flags |= STOPPED;
    // Takes the emission off the hot path, which looks at nothing else.
    this.plan.core.epoch++;
    this.extras?.run?.emission.stopped();
  }

  emit(type: PropertyKey, payload?: unknown, options?: EmitOptions): Promise<AnyEmitResult> {
    return this.plan.core.emit(type, payload, options, this);
  }

  emitSync(type: PropertyKey, payload?: unknown, options?: EmitOptions): AnyEmitResult {
    return this.plan.core.dispatch(type, payload, options, this, SYNC) as AnyEmitResult;
  }

  dispatch(type: PropertyKey, payload?: unknown, options?: EmitOptions): AnyEmitResult | Promise<AnyEmitResult> {
    return this.plan.core.dispatch(type, payload, options, this, 0);
  }

  post(type: PropertyKey, payload?: unknown, options?: EmitOptions): void {
    this.plan.core.post(type, payload, options, this);
  }

  next(payload?: unknown): unknown {
    // Taken off its context, as in `({ next }) => next()`, it has no `this`.
    if ((this as Context | undefined) === undefined) throw detachedNext();
    const run = this.extras?.run;
    const onion = run?.emission.onion;
    if (run === undefined || onion === null || onion === undefined || !run.answers) throw noNext(this.plan);
    return onion.next(run, payload);
  }

  idle(options?: IdleOptions): Promise<void> {
    return this.plan.core.lifetime.idle(options, this);
  }

  close(options?: CloseOptions): Promise<CloseReport> {
    return this.plan.core.lifetime.close(options, this);
  }

  /** What there is to see of it, in JSON and on Node's console: not the bus behind it. */
  toJSON(): Record<string, unknown> {
    const { id, meta, payload, sync, type } = this;
    return { type: String(type), id, sync, payload, meta };
  }

  /** Aborts `signal`, also for a handler that looks at it later. */
  abort(reason: unknown): void {
    const extras = this.more();
    if (extras.aborted) return;
    extras.aborted = true;
    extras.reason = reason;
    extras.controller?.abort(reason);
  }

  more(): ContextExtras {
    this.extras ??= {
      id: undefined,
      meta: undefined,
      controller: undefined,
      aborted: false,
      reason: undefined,
      run: undefined,
      lateRuns: 0,
    };
    return this.extras;
  }

  /**
   * Lets go of ancestors that have ended, so that events which cause each other for ever don't keep
   * each other alive. What they hand down stays.
   */
  trim(): void {
    if ((this.flags & (OWN | SLOTTED)) !== 0 && this.parent !== null) {
      // Its parent has its id.
      this.parent.trim();
      return;
    }
    let living = this.parent;
    while (living !== null && (living.flags & SETTLED) !== 0) living = living.parent;
    if (living === this.parent) return;
    const { meta } = this;
    if (meta !== NO_META) this.more().meta = meta;
    this.parent = living;
  }

  /** Whether this is, or comes from, an emission of a bus that has not ended. */
  livesOn(core: BusCore): boolean {
    let context: Context | null = this;
    for (; context !== null; context = context.parent) {
      if ((context.flags & (SETTLED | SLOT)) === 0 && context.plan.core === core) return true;
    }
    return false;
  }
}

/**
 * A link in the chain that stands for what an emission takes as long as it, and all that goes on within it, has
 * not ended: a slot of a queue.
 */
export abstract class SlotContext extends Context {
  /** A handler within it goes on after nobody waits for it. */
  abstract lateRunBegan(): void;
  /** Such a handler has ended, or was given up. */
  abstract lateRunEnded(): void;
  /** Whether this is `other`, or a part of it. */
  abstract runsIn(other: SlotContext): boolean;
}

/** The slot that what goes on in a context uses, if any: what is further out was only the cause of it. */
export function slotAround(ctx: Context): SlotContext | null {
  let context: Context | null = ctx;
  while (context !== null && (context.flags & SLOT) === 0) context = context.parent;
  return context as SlotContext | null;
}

function detachedNext(): AmbusError {
  const message = 'next was called without its context, so that it is unknown what comes next: call it as ctx.next().';
  return new AmbusError('INVALID_NEXT', message);
}

function noNext({ channel, type }: Plan): AmbusError {
  const event = String(type);
  const why = channel.eventKind === 'around' ? 'by a listener' : `of a ${channel.eventKind}`;
  return new AmbusError(
    'INVALID_NEXT',
    `ctx.next of "${event}" was called ${why}: only a handler of an around has a next.`,
    { details: { event } },
  );
}

Object.defineProperty(Context.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Context) {
    return this.toJSON();
  },
});
