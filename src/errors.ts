/**
 * Every code that an {@link AmbusError} can carry. `docs/errors.md` says what each one means and
 * what to do about it; a test throws each of them.
 */
export type ErrorCode =
  | 'INVALID_ARGUMENT'
  | 'INVALID_OPTION'
  | 'UNKNOWN_OPTION'
  | 'INVALID_EVENT'
  | 'INVALID_PATTERN'
  | 'UNDECLARED_EVENT'
  | 'INVALID_PAYLOAD'
  | 'INVALID_ANSWER'
  | 'SCHEMA_FAILED'
  | 'INVALID_NEXT'
  | 'NO_RESULT'
  | 'REFUSED'
  | 'WAIT_TIMEOUT'
  | 'STREAM_OVERFLOW'
  | 'BUS_CLOSED'
  | 'QUEUE_FULL'
  | 'QUEUE_CLOSED'
  | 'QUEUE_CLEARED'
  | 'EXPIRED'
  | 'DEADLOCK'
  | 'GROUP_CLOSED'
  | 'ABORTED'
  | 'IDLE_TIMEOUT'
  | 'EMIT_FAILED'
  | 'HANDLER_FAILED'
  | 'HANDLER_TIMEOUT'
  | 'HANDLER_BUSY'
  | 'ASYNC_IN_SYNC'
  | 'ASYNC_FILTER'
  | 'INVALID_PLUGIN'
  | 'INVALID_PLUGIN_OPTIONS'
  | 'DUPLICATE_PLUGIN'
  | 'UNKNOWN_PLUGIN'
  | 'MISSING_PLUGIN'
  | 'WRONG_PLUGIN_VERSION'
  | 'UNSUPPORTED_API'
  | 'PLUGIN_CYCLE'
  | 'PLUGIN_ORDER'
  | 'MISSING_SERVICE'
  | 'EVENT_MISMATCH'
  | 'FORBIDDEN_EVENT'
  | 'UNDECLARED_DEPENDENCY'
  | 'HAS_DEPENDANTS'
  | 'PLUGIN_LOAD_FAILED'
  | 'PLUGIN_SETUP_FAILED'
  | 'PLUGIN_READY_FAILED'
  | 'PLUGIN_TEARDOWN_FAILED'
  | 'PLUGIN_NOT_DRAINED'
  | 'PLUGINS_FAILED'
  | 'CONTEXT_CLOSED'
  | 'NOT_STARTED'
  | 'ALREADY_STARTED'
  | 'HOST_STOPPED'
  | 'INVALID_MANIFEST'
  | 'DISCOVERY_FAILED';

/** What a handler was doing when it failed. */
export type HandlerPhase = 'filter' | 'handler' | 'timeout';

/** Facts about an error, as plain data: what was expected, what came, which option. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

// The ESM and the CJS build may both be loaded in one process, so that `instanceof` looks for a
// brand in the global symbol registry and not at the prototype of one of the two copies.
const BRAND = Symbol.for('ambus.error');

/** What `instanceof` asks a branded class. */
export function isInstance(type: { readonly prototype: object }, value: unknown): boolean {
  const brand: unknown = Object.hasOwn(type.prototype, BRAND) ? Reflect.get(type.prototype, BRAND) : undefined;
  // A class that an application derives has no brand of its own: for it the prototype decides.
  if (brand === undefined) return Function.prototype[Symbol.hasInstance].call(type as () => void, value);
  if (typeof value !== 'object' || value === null || !(BRAND in value)) return false;
  return brand === 'AmbusError' || value[BRAND] === brand;
}

/**
 * The one class of errors that ambus makes itself, told apart by {@link AmbusError.code}.
 *
 * @example
 * ```ts
 * import { AmbusError, EventBus } from 'ambus';
 * try {
 *   new EventBus({ mode: 'parallel' as never });
 * } catch (error) {
 *   if (error instanceof AmbusError) console.log(error.code); // INVALID_OPTION
 * }
 * ```
 */
export class AmbusError extends Error {
  /** What went wrong, stable across versions; made for `switch`. */
  readonly code: ErrorCode;
  /** Plain facts beside the message: the option's name, what was expected, what came. */
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options?: { readonly cause?: unknown; readonly details?: ErrorDetails },
  ) {
    super(message, options !== undefined && 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = options?.details ?? {};
  }

  /** Everything, for loggers that write JSON: an error's message and cause are not enumerable. */
  toJSON(): Record<string, unknown> {
    const { cause, message, name } = this;
    const shown = cause instanceof Error ? { name: cause.name, message: cause.message } : cause;
    const all: Record<string, unknown> = { name, message };
    return Object.assign(all, this, { cause: shown });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value);
  }
}

/** Where a {@link HandlerError} comes from. */
export interface HandlerErrorOrigin {
  /** The event's name; a symbol's is its `toString()`. */
  readonly event: string;
  /** The handler's name: the `name` option, else the function's own. */
  readonly handler: string;
  /** The name of the group that the handler is in, if any. A plugin's group has the plugin's name. */
  readonly group?: string | undefined;
  readonly phase: HandlerPhase;
  readonly emissionId: string;
}

/**
 * The failure of one handler in one emission. The original, whatever was thrown, is its `cause`;
 * the stack that matters is the cause's.
 */
export class HandlerError extends AmbusError {
  /** The event's name; a symbol's is its `toString()`. */
  readonly event: string;
  /** The handler's name: the `name` option, else the function's own. */
  readonly handler: string;
  /** The name of the group that the handler is in, if any. */
  readonly group: string | undefined;
  /** What the handler was doing: its filter ran, it ran itself, or its time was up. */
  readonly phase: HandlerPhase;
  /** The `ctx.id` of the emission. */
  readonly emissionId: string;

  constructor(code: ErrorCode, message: string, origin: HandlerErrorOrigin, cause: unknown, details?: ErrorDetails) {
    super(code, message, { cause, ...(details === undefined ? {} : { details }) });
    this.event = origin.event;
    this.handler = origin.handler;
    this.group = origin.group;
    this.phase = origin.phase;
    this.emissionId = origin.emissionId;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value);
  }
}

/**
 * What an emission rejects with (or `emitSync` throws) when its failure policy is `stop` or `throw`:
 * an `AggregateError` whose `errors` are the handlers' failures in handler order.
 *
 * @typeParam Result - The emission's result, as far as it came.
 */
export class EmitError<Result = unknown> extends AggregateError {
  readonly code = 'EMIT_FAILED' as const;
  readonly details: ErrorDetails;
  /** Every failure of the emission, in handler order. */
  declare errors: HandlerError[];
  /** The result that the promise would have fulfilled with. */
  declare readonly result: Result;

  constructor(message: string, errors: readonly HandlerError[], cause: HandlerError, result: Result) {
    super(errors, message, { cause });
    // Not enumerable: on the console it would show every failure once more.
    Object.defineProperty(this, 'result', { value: result });
    this.details = { failures: errors.length };
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value);
  }
}

/**
 * Gives a class of errors its name and its brand: on the prototype, so that an error's own properties are the ones
 * that help its reader.
 */
export function brandError(type: { readonly prototype: object }, name: string): void {
  Object.defineProperty(type.prototype, 'name', { value: name, configurable: true, writable: true });
  Object.defineProperty(type.prototype, BRAND, { value: name });
}

brandError(AmbusError, 'AmbusError');
brandError(HandlerError, 'HandlerError');
brandError(EmitError, 'EmitError');
