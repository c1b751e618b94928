import type { AnyEvent } from 'ambus';
import type { GithubEvents } from '../events.js';

/** One event as it comes in: what to emit, and what to call it in messages. */
export interface Delivery {
  readonly id: string;
  readonly event: AnyEvent<GithubEvents>;
}

/** What could not be made a delivery of, and why. */
export interface BadLine {
  readonly id: string;
  readonly reason: string;
}

/**
 * Names an event: `issues` with the action `opened` is `issues.opened`. A type with a dot has its name already.
 *
 * The only place where the types are a promise rather than a check: what a payload looks like is not validated
 * here. A handler that meets something else fails, alone.
 */
export function deliveryOf(id: string, type: string, payload: object): Delivery {
  const action = 'action' in payload && typeof payload.action === 'string' ? payload.action : undefined;
  const name = action === undefined || type.includes('.') ? type : `${type}.${action}`;
  return { id, event: { type: name, payload } as AnyEvent<GithubEvents> };
}
