import type { StandardSchemaV1 } from '@standard-schema/spec';
import { chain } from '../../internal/thenable.js';
import type { BusCore } from '../core.js';
import type { EventKind } from '../events/event-declaration.js';
import { isPassThrough } from '../events/schema.js';
import type { RegisteredInterceptor } from '../intercepting/interception.js';
import { firstArgument, inOrder, type Subscription } from '../subscribing/subscription.js';
import type { Channel } from './channel.js';
import type { Context } from './context.js';
import type { EmissionSettings } from './emission.js';
import { type AnyEmitResult, makeResult } from './emit-result.js';

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
  readonly kind: EventKind;
  readonly settings: EmissionSettings;
  readonly subscriptions: readonly Subscription[];
  /** Whose answers count: subscriptions to just this event. The others only listen. */
  readonly asked: readonly boolean[];
  /** The place of the last listener; -1 where there is none. */
  readonly listensTo: number;
  /** Outermost first. */
  readonly interceptors: readonly RegisteredInterceptor[];
  /** What validates payloads, if anything does. */
  readonly schema: StandardSchemaV1 | undefined;
  /** Something comes before the handlers: interceptors, or validation. */
  readonly gated: boolean;
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
  readonly ok: AnyEmitResult;
  /** The handlers' names, once something asks for them. */
  names: readonly string[] | null;
  okPromise: Promise<AnyEmitResult> | null;
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
) => AnyEmitResult | Promise<AnyEmitResult>;

const NONE: readonly never[] = Object.freeze([]);

/**
 * @param runBroadcast - The hot loop for a broadcast.
 * @param runAnswering - That for the kinds whose answers count.
 */
export function buildPlan(channel: Channel, runBroadcast: PlanRunner, runAnswering: PlanRunner): Plan {
  const { core, declaration, eventKind: kind, settings, type } = channel;
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
  const interceptors = core.interceptors.filter((interceptor) => interceptor.isAround(type));
  const schema = isPassThrough(declaration?.schema) ? undefined : declaration?.schema;
  const gated = interceptors.length > 0 || schema !== undefined;
  const asked = subscriptions.map(({ target }) => target.kind === 'exact');
  const plan: Plan = {
    core,
    channel,
    type,
    kind,
    settings,
    subscriptions,
    asked,
    listensTo: asked.lastIndexOf(false),
    interceptors,
    schema,
    gated,
    handlers: subscriptions.map((subscription) => plannedHandler(channel, subscription)),
    paused,
    plain,
    fast: plain && !gated && kind !== 'around' && core.allowsFastPlans(settings),
    limited,
    ok: Object.freeze(makeResult(type, subscriptions.length, paused.length, false, NONE, undefined, NONE, undefined)),
    names: null,
    okPromise: null,
    contextFree: false,
    runs: 0,
    // One change of course, not two: each costs the callers what V8 has made of them so far.
    lookAgainAfter: core.compileAfter > 0 ? core.compileAfter : WARM,
    compiled: false,
    run: kind === 'broadcast' ? runBroadcast : runAnswering,
  };
  if (plan.fast && core.compileAfter === 0) core.improve(plan);
  return plan;
}

function plannedHandler({ checkAnswer, type }: Channel, subscription: Subscription): PlannedHandler {
  const handler = subscription.handler as PlannedHandler;
  switch (subscription.target.kind) {
    case 'any':
      return (payload, ctx) => handler(firstArgument(type, subscription, payload), ctx);
    case 'exact':
      return checkAnswer === undefined
        ? handler
        : (payload, ctx) => chain(handler(payload, ctx), (answer) => checkAnswer(answer, ctx.sync));
    default:
      return handler;
  }
}

function sortUnlessSorted(subscriptions: Subscription[]): void {
  for (let index = 1; index < subscriptions.length; index++) {
    if (inOrder(subscriptions[index - 1] as Subscription, subscriptions[index] as Subscription) > 0) {
      subscriptions.sort(inOrder);
      return;
    }
  }
}
