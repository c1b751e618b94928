import type { QueueingOptions } from 'ambus/queue';
import { isSecurityEvent } from './github-event-types.js';
import type { Delivery } from './input/delivery.js';

/**
 * How a delivery waits for its turn. What is about somebody's security goes first. The events of one repository are
 * handled one at a time and in their order, an alert not before the push that it is about: it takes its repository to
 * the front. Those without a repository, such as an organization's, wait for nobody.
 */
export function queueingOf({ event: { type, payload } }: Delivery): QueueingOptions {
  return { priority: isSecurityEvent(type) ? 1 : 0, key: repositoryOf(payload) };
}

/** Reads what may be anything, as payloads aren't validated. */
function repositoryOf(payload: object): string | undefined {
  const { repository } = payload as { readonly repository?: { readonly full_name?: unknown } | null };
  const name = repository?.full_name;
  return typeof name === 'string' ? name : undefined;
}
