import { callSite } from '../generated.mjs';

/** Makes a place of an application that enqueues: a {@link callSite} for an event with its priority and key. */
export function enqueueSite(scope, enqueueing) {
  return callSite(scope, enqueueing, 'payload, priority, key');
}

/** The options as a last argument, where there are any. */
export function optionsOf(given) {
  return given.length === 0 ? '' : `, { ${given.join(', ')} }`;
}
