import { type ErrorCode, HandlerError, type HandlerPhase } from '../../errors.js';
import type { Subscription } from '../subscribing/subscription.js';
import type { Context } from './context.js';

function make(
  ctx: Context,
  subscription: Subscription,
  code: ErrorCode,
  phase: HandlerPhase,
  what: string,
  cause: unknown,
): HandlerError {
  const event = String(ctx.type);
  const handler = subscription.name;
  const group = subscription.group?.name;
  const message = `Handler "${handler}"${group === undefined ? '' : ` of "${group}"`} of "${event}" ${what}`;
  const origin = { event, handler, group, phase, emissionId: ctx.id };
  return withoutStack(() => new HandlerError(code, message, origin, cause));
}

/**
 * The stack that matters is the cause's. One from in here would show the dispatcher alone, and taking
 * it is most of what a failure costs (2.7 µs against 0.45).
 */
function withoutStack<Result>(create: () => Result): Result {
  const errors = Error as { stackTraceLimit?: number };
  const limit = errors.stackTraceLimit;
  // Not V8, or frozen intrinsics: it costs what it costs.
  if (limit === undefined || !Reflect.set(errors, 'stackTraceLimit', 0)) return create();
  try {
    return create();
  } finally {
    errors.stackTraceLimit = limit;
  }
}

/** What is known of something that was thrown. */
export function describe(cause: unknown): string {
  try {
    return cause instanceof Error ? cause.message || cause.name : `threw ${String(cause)}`;
  } catch {
    // No prototype to make a string of it, or a getter that throws.
    return 'threw something that cannot be shown as text';
  }
}

/** A handler or its filter threw, or its promise rejected. */
export function handlerError(
  ctx: Context,
  subscription: Subscription,
  phase: HandlerPhase,
  cause: unknown,
): HandlerError {
  const what = phase === 'filter' ? 'failed in its filter' : 'failed';
  return make(ctx, subscription, 'HANDLER_FAILED', phase, `${what}: ${describe(cause)}`, cause);
}

export function handlerTimeout(
  ctx: Context,
  subscription: Subscription,
  timeoutMs: number,
  cause: unknown,
): HandlerError {
  return make(ctx, subscription, 'HANDLER_TIMEOUT', 'timeout', `did not settle within ${timeoutMs} ms.`, cause);
}

/** A handler returned a thenable to a caller who can't wait. */
export function asyncInSync(ctx: Context, subscription: Subscription): HandlerError {
  return make(
    ctx,
    subscription,
    'ASYNC_IN_SYNC',
    'handler',
    'returned a promise, but emitSync cannot wait for it; use emit or dispatch, or look at ctx.sync in the handler.',
    undefined,
  );
}

export function asyncFilter(ctx: Context, subscription: Subscription): HandlerError {
  return make(
    ctx,
    subscription,
    'ASYNC_FILTER',
    'filter',
    'has a filter that returned a promise, which would always count as true; a filter must be synchronous.',
    undefined,
  );
}

export function handlerBusy(ctx: Context, subscription: Subscription, limit: number): HandlerError {
  return make(
    ctx,
    subscription,
    'HANDLER_BUSY',
    'handler',
    `already runs ${limit} times at once (its concurrency), and emitSync cannot wait for a slot.`,
    undefined,
  );
}
