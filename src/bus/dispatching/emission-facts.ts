import type { EmissionSettled, SkipReason } from '../observing/observer.js';
import type { FanOutMode } from '../options.js';
import type { Subscription } from '../subscribing/subscription.js';
import type { Context } from './context.js';
import type { AnyEmitResult } from './emit-result.js';

/** Tells observers that an emission starts. */
export function tellStarted(ctx: Context, mode: FanOutMode): void {
  const { core, paused, subscriptions, type } = ctx.plan;
  if (!core.observers.hears('emissionStarted')) return;
  core.observers.tell('emissionStarted', {
    type,
    emissionId: ctx.id,
    parentId: ctx.parentId,
    payload: ctx.payload,
    meta: ctx.meta,
    mode,
    sync: ctx.sync,
    handlers: subscriptions.length + paused.length,
  });
}

/** Tells observers how an emission has ended, and how long it took. */
export function tellSettled(
  ctx: Context,
  { called, failures, skipped, stopped }: AnyEmitResult,
  outcome: EmissionSettled['outcome'],
  rejected: boolean,
  startedAt: number,
): void {
  const { core, type } = ctx.plan;
  if (!core.observers.hears('emissionSettled')) return;
  core.observers.tell('emissionSettled', {
    type,
    emissionId: ctx.id,
    outcome,
    rejected,
    called,
    skipped,
    stopped,
    failures,
    durationMs: core.clock.now() - startedAt,
  });
}

/** Tells observers that a handler's turn came and it was not called. */
export function tellSkipped(ctx: Context, subscription: Subscription, reason: SkipReason): void {
  const { core, type } = ctx.plan;
  if (!core.observers.hears('handlerSkipped')) return;
  core.observers.tell('handlerSkipped', {
    type,
    emissionId: ctx.id,
    handler: subscription.name,
    group: subscription.group?.name,
    reason,
  });
}
