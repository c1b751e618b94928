import { ambus, eventemitter3, nodeEvents } from '../contestants.mjs';
import { defineCase } from './define-case.mjs';

/** Which phases of the subscribing workload are timed. */
const timing = (contestant, label, timed, rest) => ({
  ...contestant,
  label: `${contestant.label}: ${label}`,
  timed,
  ...rest,
});
const subscribing = (contestant) => timing(contestant, 'subscribe', ['subscribe']);
const subscribingAndEmitting = (contestant) => timing(contestant, 'subscribe, emit once', ['subscribe', 'emit']);
const ambusRemoving = timing(ambus, 'subscribe, remove', ['subscribe', 'remove']);
const ambusRemovingMany = timing(ambus, 'subscribe, remove 500,000', ['subscribe', 'remove'], {
  subscriptions: 500_000,
  rounds: 1,
});
const ambusWithPriorities = timing(ambus, 'subscribe in 5 priorities, emit once', ['subscribe', 'emit'], {
  priorities: 5,
});

const inspecting = (subscriptions, perEvent) => ({
  ...ambus,
  label: `${subscriptions.toLocaleString('en-US')}, ${perEvent === subscriptions ? 'all to one event' : `${perEvent} to an event`}`,
  subscriptions,
  perEvent,
});
const inspectingThousand = inspecting(1_000, 10);
const inspectingTenThousand = inspecting(10_000, 10);

export const subscriptions = [
  defineCase('subscribe', '50,000 subscriptions to one event, then all removed in random order', {
    workload: 'subscribing',
    shape: { subscriptions: 50_000 },
    yardstick: subscribing(eventemitter3),
    contestants: [
      subscribing(ambus),
      ambusRemoving,
      ambusRemovingMany,
      subscribingAndEmitting(ambus),
      ambusWithPriorities,
      subscribing(eventemitter3),
      subscribingAndEmitting(eventemitter3),
      subscribing(nodeEvents),
      subscribingAndEmitting(nodeEvents),
    ],
    budgets: [
      [ambusRemoving, subscribing(eventemitter3), 5],
      [ambusRemovingMany, ambusRemoving, 1.5],
    ],
  }),
  defineCase('memory', 'memory of a subscription, with its handler', {
    workload: 'memory',
    shape: { subscriptions: 50_000 },
    yardstick: eventemitter3,
    contestants: [ambus, eventemitter3, nodeEvents],
    budgets: [[ambus, eventemitter3, 2]],
  }),
  defineCase('inspect', 'inspect() of 10,000 subscriptions, against 1,000', {
    workload: 'inspecting',
    shape: {},
    yardstick: inspectingThousand,
    contestants: [inspectingThousand, inspectingTenThousand, inspecting(10_000, 10_000)],
    budgets: [[inspectingTenThousand, inspectingThousand, 1.5]],
  }),
];
