import type { BusCore } from '../core.js';
import type { Channel } from '../dispatching/channel.js';
import { inOrder, type Subscription } from '../subscribing/subscription.js';
import type { BusSnapshot, EventSnapshot, HandlerSnapshot } from './snapshot.js';

/** How many live handlers hear an event; without one, how many subscriptions there are. */
export function handlersOf(core: BusCore, type?: PropertyKey): number {
  let count = 0;
  if (type === undefined) {
    for (const channel of core.channels.values()) count += channel.subscriptions.size;
    return count + core.listeners.size;
  }
  count = core.channels.get(type)?.subscriptions.size ?? 0;
  for (const listener of core.listeners) if (listener.target.matches(type)) count++;
  return count;
}

export function takeSnapshot(core: BusCore): BusSnapshot {
  const { compiler } = core.settings;
  const events = Array.from(core.channels.values(), eventSnapshot);
  let emissions = core.forgottenEmissions;
  for (const event of events) emissions += event.emissions;
  return {
    name: core.name,
    state: core.lifetime.state,
    mode: core.settings.mode,
    concurrency: orNull(core.settings.concurrency),
    failurePolicy: core.settings.failurePolicy,
    ...(compiler === undefined ? {} : { compiler: { name: compiler.name, active: compiler.active } }),
    asyncContext: core.traces,
    observers: core.observers.size,
    counts: { emissions, ...core.counts, inFlight: core.lifetime.inFlight.size, late: core.lifetime.late.size },
    events,
    listeners: listenersOf(core).sort(inOrder).map(handlerSnapshot),
    interceptors: core.interceptors.map(({ name, priority, targets }) => ({
      name,
      priority,
      ...(targets === undefined ? {} : { types: targets.flatMap(({ label }) => patternOf(label)) }),
    })),
    streams: Array.from(core.streams, ({ capacity, dropped, overflow, size, target }) => ({
      target: patternOf(target),
      size,
      capacity: orNull(capacity),
      overflow,
      dropped,
    })),
    groups: Array.from(core.groups, ({ members, name, place, state }) => ({ name, place, size: members.size, state })),
  };
}

/** Listeners, wherever they are kept. */
function listenersOf(core: BusCore): Subscription[] {
  const listeners = Array.from(core.listeners);
  for (const { subscriptions } of core.channels.values()) {
    for (const subscription of subscriptions) if (subscription.target.kind !== 'exact') listeners.push(subscription);
  }
  return listeners;
}

function eventSnapshot(channel: Channel): EventSnapshot {
  return {
    type: String(channel.type),
    kind: channel.eventKind,
    declared: channel.declaration !== undefined,
    emissions: channel.emissions + (channel.plan?.runs ?? 0),
    compiled: channel.plan?.compiled === true,
    handlers: Array.from(channel.core.subscriptionsTo(channel)).sort(inOrder).map(handlerSnapshot),
  };
}

function handlerSnapshot(subscription: Subscription): HandlerSnapshot {
  const { extras, group, name, priority, target } = subscription;
  const timesLeft = extras?.timesLeft ?? Infinity;
  const limiter = extras?.limiter;
  // Optional fields are left out rather than undefined, so that the snapshot survives JSON as it is.
  return {
    name,
    kind: target.kind,
    priority,
    paused: group !== null && group.paused,
    ...(target.kind === 'pattern' || target.kind === 'list' ? { pattern: patternOf(target.label) } : {}),
    ...(group === null ? {} : { group: group.name }),
    ...(timesLeft === Infinity ? {} : { timesLeft }),
    ...(extras?.timeoutMs === undefined || extras.timeoutMs === Infinity ? {} : { timeoutMs: extras.timeoutMs }),
    ...(limiter === undefined ? {} : { concurrency: limiter.limit, running: limiter.holders.size }),
  };
}

/** Infinity, as JSON can say it. */
export const orNull = (count: number): number | null => (count === Infinity ? null : count);

function patternOf(label: Subscription['target']['label']): string | string[] {
  return Array.isArray(label) ? label.map(String) : String(label);
}
