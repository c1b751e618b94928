import { type Then, thenOf } from '../../internal/thenable.js';
import { claimOrphans, orphans, scope, unwinds } from './ancestry.js';
import type { Answers } from './answers.js';
import { Context, SETTLED } from './context.js';
import { Emission } from './emission.js';
import { type AnyEmitResult, makeResult } from './emit-result.js';
import { KINDS } from './kind.js';
import type { ContextFreeHandler, Plan, PlannedHandler } from './plan.js';

/**
 * The hot path: calls the handlers of a fast plan one after the other. At the first thing out of the
 * ordinary (a thenable, a throw, a changed subscription, `ctx.stop()`) it leaves into an
 * {@link Emission}, which knows everything and goes on from there.
 */
export function runPlan(
  plan: Plan,
  payload: unknown,
  flags: number,
  parent: Context | null,
): AnyEmitResult | Promise<AnyEmitResult> {
  const { core, handlers } = plan;
  const { epoch } = core;
  const mark = orphans.length;
  const count = handlers.length;
  const ctx = new Context(plan, payload, parent, flags);
  let index = 0;
  let returned: unknown;
  let then: Then | undefined;
  const { depth } = scope;
  scope.depth = depth + 1;
  try {
    for (; index < count; index++) {
      // Into a variable first: called as a property of the list, a handler would get that as `this`.
      const handler = handlers[index] as PlannedHandler;
      returned = handler(payload, ctx);
      if (returned !== undefined && (then = thenOf(returned)) !== undefined) break;
      if (core.epoch !== epoch) break;
    }
  } catch (error) {
    scope.depth = depth;
    return leaveThrown(plan, ctx, epoch, mark, index, error);
  }
  scope.depth = depth;
  if (index < count) return leave(plan, ctx, epoch, mark, index, returned, then);
  ctx.flags |= SETTLED;
  if (++plan.runs === plan.lookAgainAfter) core.improve(plan);
  return plan.ok;
}

/** {@link runPlan} where no handler can see a context: one is made only to leave with. */
export function runContextFree(
  plan: Plan,
  payload: unknown,
  flags: number,
  parent: Context | null,
): AnyEmitResult | Promise<AnyEmitResult> {
  const { core, handlers } = plan;
  const { epoch } = core;
  const mark = orphans.length;
  const count = handlers.length;
  let index = 0;
  let returned: unknown;
  let then: Then | undefined;
  const { depth } = scope;
  scope.depth = depth + 1;
  try {
    for (; index < count; index++) {
      const handler = handlers[index] as ContextFreeHandler;
      returned = handler(payload);
      if (returned !== undefined && (then = thenOf(returned)) !== undefined) break;
      if (core.epoch !== epoch) break;
    }
  } catch (error) {
    scope.depth = depth;
    return leaveThrown(plan, new Context(plan, payload, parent, flags), epoch, mark, index, error);
  }
  scope.depth = depth;
  if (index < count) {
    return leave(plan, new Context(plan, payload, parent, flags), epoch, mark, index, returned, then);
  }
  if (++plan.runs === plan.lookAgainAfter) core.improve(plan);
  return plan.ok;
}

/** {@link runPlan} for the kinds whose handlers' answers count, apart from `around`. */
export function runAnswering(
  plan: Plan,
  payload: unknown,
  flags: number,
  parent: Context | null,
): AnyEmitResult | Promise<AnyEmitResult> {
  const { asked, core, handlers, kind } = plan;
  const { epoch } = core;
  const mark = orphans.length;
  const count = handlers.length;
  const ctx = new Context(plan, payload, parent, flags);
  const answers = KINDS[kind].answers() as Answers;
  // Known here rather than asked of its answers: each is the next payload, and no more.
  const piped = kind === 'waterfall';
  const { contextFree } = plan;
  let index = 0;
  let returned: unknown;
  let then: Then | undefined;
  const { depth } = scope;
  scope.depth = depth + 1;
  try {
    for (; index < count; index++) {
      const handler = handlers[index] as PlannedHandler;
      returned = contextFree ? (handler as ContextFreeHandler)(ctx.payload) : handler(ctx.payload, ctx);
      if (returned !== undefined) {
        if ((then = thenOf(returned)) !== undefined) break;
        if (asked[index] === true) {
          if (piped) ctx.payload = returned;
          else {
            answers.take(plan, ctx, index, returned);
            if (answers.complete) break;
          }
        }
      }
      if (core.epoch !== epoch) break;
    }
  } catch (error) {
    scope.depth = depth;
    return leaveThrown(plan, ctx, epoch, mark, index, error, answers);
  }
  scope.depth = depth;
  // Where all that is left is to skip handlers, nothing else need be known.
  const done =
    index === count || (answers.complete && then === undefined && core.epoch === epoch && plan.listensTo <= index);
  if (!done) return leave(plan, ctx, epoch, mark, index, returned, then, answers);
  const called = Math.min(index + 1, count);
  return conclude(plan, ctx, answers, called);
}

/** The result of an emission that has run to its end, or its answer, in the hot loop. */
export function conclude(plan: Plan, ctx: Context, answers: Answers, called: number): AnyEmitResult {
  const { core, handlers, kind, ok, type } = plan;
  ctx.flags |= SETTLED;
  if (++plan.runs === plan.lookAgainAfter) core.improve(plan);
  if (kind === 'waterfall') {
    return makeResult(type, called, ok.skipped, false, ok.failures, ctx.payload, ok.values, undefined);
  }
  return makeResult(
    type,
    called,
    ok.skipped + handlers.length - called,
    false,
    ok.failures,
    answers.value(ctx, false),
    answers.values(plan),
    answers.answeredBy(plan),
  );
}

/** Goes on in general after the handler at `index` returned a thenable, or something changed while it ran. */
export function leave(
  plan: Plan,
  ctx: Context,
  epoch: number,
  mark: number,
  index: number,
  returned: unknown,
  then: Then | undefined,
  answers: Answers | null = null,
): AnyEmitResult | Promise<AnyEmitResult> {
  const emission = takeOver(plan, ctx, epoch, mark, index, answers);
  if (then !== undefined) emission.wait(index, returned, then);
  return emission.proceed();
}

/** Goes on in general after the handler at `index` threw. */
export function leaveThrown(
  plan: Plan,
  ctx: Context,
  epoch: number,
  mark: number,
  index: number,
  error: unknown,
  answers: Answers | null = null,
): AnyEmitResult | Promise<AnyEmitResult> {
  if (unwinds(error)) throw error;
  const emission = takeOver(plan, ctx, epoch, mark, index, answers);
  emission.handlerFailed(index, error);
  return emission.proceed();
}

function takeOver(
  plan: Plan,
  ctx: Context,
  epoch: number,
  mark: number,
  index: number,
  answers: Answers | null,
): Emission {
  const { channel, core, settings } = plan;
  if (channel.plan === plan) {
    if (++plan.runs === plan.lookAgainAfter) core.improve(plan);
  } else channel.emissions++;
  if (orphans.length > mark) claimOrphans(ctx, mark);
  if (core.epoch !== epoch) core.lifetime.leftLoop(ctx, epoch);
  return new Emission(plan, ctx, settings, epoch, index + 1, answers);
}

/** Runs a fast plan. Names the commonest way of doing so, which V8 then compiles into the caller. */
export function run(
  plan: Plan,
  payload: unknown,
  flags: number,
  parent: Context | null,
): AnyEmitResult | Promise<AnyEmitResult> {
  return plan.run === runContextFree
    ? runContextFree(plan, payload, flags, parent)
    : plan.run(plan, payload, flags, parent);
}

/** Runs a plan for `emit`: never throws, and needs no new promise where all went well at once. */
export function runForPromise(plan: Plan, payload: unknown, parent: Context | null): Promise<AnyEmitResult> {
  try {
    const outcome = run(plan, payload, 0, parent);
    if (outcome === plan.ok) {
      plan.okPromise ??= Promise.resolve(outcome);
      return plan.okPromise;
    }
    return outcome instanceof Promise ? outcome : Promise.resolve(outcome);
  } catch (error) {
    if (unwinds(error)) throw error;
    return Promise.reject(error);
  }
}

/** Runs a plan for an emission whose parent is not the one that runs now, as for a call through `ctx` after an `await`. */
export function runWithin(
  parent: Context | null,
  plan: Plan,
  payload: unknown,
  flags: number,
): AnyEmitResult | Promise<AnyEmitResult> {
  const { current, depth } = scope;
  scope.current = parent;
  scope.depth = 0;
  try {
    return plan.run(plan, payload, flags, parent);
  } finally {
    scope.current = current;
    scope.depth = depth;
  }
}
