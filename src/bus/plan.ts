import type { Channel } from './channel.js';
import type { Context } from './context.js';
import type { BusCore } from './core.js';
import type { EmitResult } from './emit-result.js';
import { firstArgument, inOrder, type Subscription } from './subscription.js';

/** A handler as a plan calls it: with the payload, or with `{ type, payload }` under `onAny`. */
export type PlannedHandler = (payload: unknown, ctx: Context) => unknown;

/** A handler that can't see a context. */
export type ContextFreeHandler = (payload: unknown) => unknown;

/**
 * How one event is dispatched until a subscription changes: its handlers in order, and everything
 * that can be known before an emission starts.
 */
export interface Plan {
  readonly core: BusCore;
  readonly channel: Channel;
  readonly type: PropertyKey;
  readonly subscriptions: readonly Subscription[];
  /** The handlers of `subscriptions`, apart from them because the hot loop reads only these. */
  readonly handlers: readonly PlannedHandler[];
  /** Handlers of paused groups. */
  readonly paused: readonly Subscription[];
  /** No handler has anything to be looked at before it is called. */
  readonly plain: boolean;
  /** The hot loop may run it: nothing has to be looked at besides the handlers. */
  readonly fast: boolean;
  /** Has a handler with a `concurrency` of its own. */
  readonly limited: boolean;
  /** The result of every emission in which nothing went wrong. */
  readonly ok: EmitResult;
  okPromise: Promise<EmitResult> | null;
  /** No handler can see a context, so that none is made; known once the plan has run some times. */
  contextFree: boolean;
  /** Emissions that began on the hot path while this was the event's plan. */
  runs: number;
  /** The run after which the plan is looked at again; -1 for never. */
  lookAgainAfter: number;
  /** Whether a generated dispatcher runs it. */
  compiled: boolean;
  /** Runs it from start to end, on the hot path: what suits it best. */
  run: PlanRunner;
}

/** After how many runs a plan is worth a closer look. */
const WARM = 100;

/**
 * @returns The result, or a promise of it where a handler has to be waited for.
 * @throws What the emission rejects with, where nothing had to be waited for.
 */
export type PlanRunner = (
  plan: Plan,
  payload: unknown,
  flags: number,
  parent: Context | null,
) => EmitResult | Promise<EmitResult>;

export const NO_FAILURES: readonly never[] = Object.freeze([]);

/** @param run - The hot loop. */
export function buildPlan(channel: Channel, run: PlanRunner): Plan {
  const { core, type } = channel;
  const subscriptions: Subscription[] = [];
  const paused: Subscription[] = [];
  let plain = true;
  let limited = false;
  for (const subscription of core.subscriptionsTo(channel)) {
    const { extras, group } = subscription;
    if (group !== null && group.paused) {
      paused.push(subscription);
      continue;
    }
    if (extras !== null) {
      if (!extras.plain) plain = false;
      if (extras.limiter !== undefined) limited = true;
    }
    subscriptions.push(subscription);
  }
  sortUnlessSorted(subscriptions);
  core.suspectLeak(channel, subscriptions.length + paused.length);
  const plan: Plan = {
    core,
    channel,
    type,
    subscriptions,
    handlers: subscriptions.map((subscription) => plannedHandler(type, subscription)),
    paused,
    plain,
    fast: plain && core.allowsFastPlans(),
    limited,
    ok: Object.freeze({
      type,
      ok: true,
      called: subscriptions.length,
      skipped: paused.length,
      stopped: false,
      failures: NO_FAILURES,
    }),
    okPromise: null,
    contextFree: false,
    runs: 0,
    // One change of course, not two: each costs the callers what V8 has made of them so far.
    lookAgainAfter: core.compileAfter > 0 ? core.compileAfter : WARM,
    compiled: false,
    run,
  };
  if (plan.fast && core.compileAfter === 0) core.improve(plan);
  return plan;
}

function plannedHandler(type: PropertyKey, subscription: Subscription): PlannedHandler {
  const handler = subscription.handler as PlannedHandler;
  if (subscription.target.kind !== 'any') return handler;
  return (payload, ctx) => handler(firstArgument(type, subscription, payload), ctx);
}

function sortUnlessSorted(subscriptions: Subscription[]): void {
  for (let index = 1; index < subscriptions.length; index++) {
    if (inOrder(subscriptions[index - 1] as Subscription, subscriptions[index] as Subscription) > 0) {
      subscriptions.sort(inOrder);
      return;
    }
  }
}
