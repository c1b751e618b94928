import type { BusCore } from '../../bus/core.js';
import { inOrder, type Subscription } from '../../bus/subscribing/subscription.js';
import type { Entry } from '../hosting/entry.js';
import type { HostCore } from '../hosting/host-core.js';
import type { ExplainedHandler, Explanation } from '../status.js';

/** The order in which an event's handlers are called, and why. */
export function explain(host: HostCore, type: PropertyKey): Explanation {
  const entries = new Map(host.entries.map((entry) => [entry.instance?.group, entry]));
  const subscriptions = subscriptionsTo(host.bus, type).sort(inOrder);
  const handlers = subscriptions.map((subscription, index): ExplainedHandler => {
    const { group, name, priority, target } = subscription;
    const previous = subscriptions[index - 1];
    return {
      handler: name,
      group: group?.name,
      priority,
      place: subscription.place,
      pattern: target.kind === 'exact' ? undefined : labelOf(subscription),
      paused: group !== null && group.paused,
      reason: previous === undefined ? 'nothing comes before it' : reasonOf(host, previous, subscription, entries),
    };
  });
  return new OrderExplanation(String(type), handlers);
}

function subscriptionsTo(bus: BusCore, type: PropertyKey): Subscription[] {
  const channel = bus.channels.get(type);
  if (channel !== undefined) return Array.from(bus.subscriptionsTo(channel));
  return Array.from(bus.listeners).filter(({ target }) => target.matches(type));
}

function labelOf({ target: { kind, label } }: Subscription): string {
  if (kind === 'any') return 'every event';
  if (!Array.isArray(label)) return String(label);
  return label.length > MOST_NAMES ? `${label.length} events` : label.map(String).join(', ');
}

/** How many events of a list are named. */
const MOST_NAMES = 3;

/** Why a handler comes after another. */
function reasonOf(
  host: HostCore,
  previous: Subscription,
  subscription: Subscription,
  entries: ReadonlyMap<Subscription['group'] | undefined, Entry>,
): string {
  if (previous.priority !== subscription.priority) {
    return `priority ${subscription.priority} comes after ${previous.priority}`;
  }
  const from = entries.get(previous.group);
  const to = entries.get(subscription.group);
  if (from !== undefined && from === to) return `"${from.name}" subscribed it later`;
  if (previous.place === subscription.place) return 'subscribed later';
  if (to === undefined) return `its group's place, ${subscription.place}, comes after ${previous.place}`;
  if (from === undefined) return 'plugins come after what is subscribed outside of them';
  return host.order.why(from, to);
}

class OrderExplanation implements Explanation {
  readonly type: string;
  readonly handlers: readonly ExplainedHandler[];

  constructor(type: string, handlers: readonly ExplainedHandler[]) {
    this.type = type;
    this.handlers = Object.freeze(handlers);
  }

  toString(): string {
    if (this.handlers.length === 0) return `"${this.type}" has no handlers.`;
    const lines = this.handlers.map(({ group, handler, paused, pattern, priority, reason }, index) => {
      const who = group === undefined ? handler : `${handler} of ${group}`;
      const listens = pattern === undefined ? '' : `, listens to ${pattern}`;
      return `${index + 1}. ${who} (priority ${priority}${listens}${paused ? ', paused' : ''}): ${reason}`;
    });
    return `"${this.type}" calls\n${lines.join('\n')}`;
  }
}

// On Node's console it is its text.
Object.defineProperty(OrderExplanation.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: OrderExplanation) {
    return this.toString();
  },
});
