import type { LeakSuspected } from '../observing/observer.js';
import type { Subscription } from './subscription.js';

/** What is known about an event with more handlers than expected: which names there are most of. */
export function leakFact(type: PropertyKey, maxHandlers: number, subscriptions: Iterable<Subscription>): LeakSuspected {
  const counts = new Map<string, number>();
  let handlers = 0;
  for (const { name } of subscriptions) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    handlers++;
  }
  const byName = Array.from(counts, ([name, count]) => ({ name, count })).sort((a, b) => b.count - a.count);
  const most = byName.slice(0, 5).map(({ name, count }) => `${count} x "${name}"`);
  if (byName.length > most.length) most.push(`${byName.length - most.length} more names`);
  return {
    type,
    handlers,
    maxHandlers,
    byName,
    message:
      `[ambus] ${handlers} handlers listen to "${String(type)}", more than maxHandlers (${maxHandlers}): ${most.join(', ')}. ` +
      'If they are meant, raise maxHandlers or set it to 0; if not, call what on() returned, or give it a signal.',
  };
}
