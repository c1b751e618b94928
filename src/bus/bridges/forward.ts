import { AmbusError } from '../../errors.js';
import { isFunction, show } from '../../internal/assertions.js';
import type { BusCore } from '../core.js';
import { type Context, FORWARDED, SYNC } from '../dispatching/context.js';
import type { Unsubscribe } from '../subscribing/handler.js';
import { listen } from '../subscribing/subscribe.js';
import { unsubscribeOf } from '../subscribing/subscription.js';

interface Forwarded {
  readonly type: PropertyKey;
  readonly payload: unknown;
}

/**
 * Has another bus emit what this one emits.
 *
 * @param map - Makes another event of it, or none.
 */
export function forward(from: BusCore, to: BusCore, type: unknown, map: unknown): Unsubscribe {
  if (map !== undefined && !isFunction(map)) {
    throw new AmbusError('INVALID_ARGUMENT', `Expected the map of forward to be a function, got ${show(map)}.`);
  }
  if (from === to) {
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected forward to be given another bus, got the bus "${to.name}" itself.`,
    );
  }
  if (to.lifetime.state === 'closed') throw to.closedError('events forwarded to it');
  const end = (): void => {
    from.end(subscription, 'off');
  };
  const subscription = listen(from, type, {
    name: `forward to ${to.name}`,
    priority: undefined,
    ended: () => {
      to.atEnd.delete(end);
    },
    handler: (payload: unknown, ctx: Context) => {
      if (hasComeThrough(ctx, to)) return undefined;
      const event: unknown =
        map === undefined
          ? { type: ctx.type, payload }
          : (map as (event: Forwarded) => unknown)({ type: ctx.type, payload });
      if (event === undefined) return undefined;
      if (typeof event !== 'object' || event === null || !('type' in event)) {
        throw new AmbusError(
          'INVALID_ARGUMENT',
          `Expected the map of forward to return { type, payload } or undefined, got ${show(event)}.`,
        );
      }
      const forwarded = event as Forwarded;
      const { payload: given, type: name } = forwarded;
      if (ctx.sync) return to.dispatch(name, given, undefined, ctx, FORWARDED | SYNC);
      // What ends the emission here ends it there.
      return to.dispatch(name, given, { signal: ctx.signal }, ctx, FORWARDED);
    },
  });
  to.atEnd.add(end);
  return unsubscribeOf(subscription);
}

/** Whether an emission has come from, or through, a bus by forwards alone. */
function hasComeThrough(ctx: Context, bus: BusCore): boolean {
  for (let at: Context | null = ctx; at !== null; at = at.parent) {
    if (at.plan.core === bus) return true;
    if ((at.flags & FORWARDED) === 0) return false;
  }
  return false;
}
