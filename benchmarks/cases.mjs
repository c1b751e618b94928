import {
  ambus,
  ambusConcurrent,
  ambusHandle,
  compiled,
  compiledConcurrent,
  compiledHandle,
  compiledInPart,
  emitteryConcurrent,
  emitterySerial,
  eventemitter2Awaited,
  eventemitter3,
  hookableParallel,
  hookableSerial,
  nanoevents,
  nodeEvents,
  syncPeers,
  tapableParallel,
  tapableSeries,
  tapableUnknowing,
} from './contestants.mjs';

const NS_PER_EMISSION = 'ns per emission';
const NS_PER_SUBSCRIPTION = 'ns per subscription';
const BYTES_PER_SUBSCRIPTION = 'bytes per subscription';

/** `of` may take at most `atMost` times what `against` takes. */
const budget = (of, against, atMost) => ({ of: of.label, against: against.label, atMost });

/** In every second event one of five handlers is async, at another place in each. */
const someAsync = (type, handler) => type % 2 === 0 && handler === (type / 2) % 5;
const everySecondAsync = (_type, handler) => handler % 2 === 1;
const allAsync = () => true;

const exact = { ...ambus, label: 'exact subscriptions' };
const patterns = { ...ambus, label: 'pattern subscriptions', usePatterns: true };
const noObserver = { ...ambus, label: 'no observer' };
const registrations = { ...ambus, label: 'observer of subscriptions', observer: 'registrations' };
const handlerFacts = { ...ambus, label: 'observer of handlers', observer: 'handlers' };
/** The same contestant once more: how far its ratio is from 1 is the error of every other ratio. */
const again = (contestant) => ({ ...contestant, label: `${contestant.label}, again`, isControl: true });

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

/**
 * What is measured. `shape` is the work, `workload` the way to measure it. The ratios in a case are
 * against its `yardstick`, those of its budgets against the peer that the budget names; contestants that
 * no budget names are there for comparison.
 */
export const cases = [
  {
    id: 'sync-20x5',
    title: 'emitSync: 20 types with 5 sync handlers each, in turn',
    unit: NS_PER_EMISSION,
    workload: 'sync',
    shape: { types: 20, handlers: 5 },
    yardstick: eventemitter3.label,
    budgets: [
      budget(ambus, eventemitter3, 1.25),
      budget(ambusHandle, eventemitter3, 1.25),
      budget(compiled, eventemitter3, 0.35),
      budget(compiledHandle, eventemitter3, 0.35),
    ],
    contestants: [ambus, ambusHandle, compiled, compiledHandle, ...syncPeers],
  },
  {
    id: 'sync-1x1',
    title: 'emitSync: 1 type with 1 sync handler',
    unit: NS_PER_EMISSION,
    workload: 'sync',
    shape: { types: 1, handlers: 1 },
    yardstick: eventemitter3.label,
    budgets: [
      budget(ambus, eventemitter3, 1),
      budget(compiled, eventemitter3, 0.8),
      budget(ambusHandle, nanoevents, 2),
    ],
    contestants: [ambus, ambusHandle, compiled, compiledHandle, ...syncPeers],
  },
  {
    id: 'sync-1x10',
    title: 'emitSync: 1 type with 10 sync handlers',
    unit: NS_PER_EMISSION,
    workload: 'sync',
    shape: { types: 1, handlers: 10 },
    yardstick: eventemitter3.label,
    budgets: [budget(ambus, eventemitter3, 1.3), budget(compiled, eventemitter3, 0.2)],
    contestants: [ambus, compiled, ...syncPeers],
  },
  {
    id: 'sync-1x100',
    title: 'emitSync: 1 type with 100 sync handlers',
    unit: NS_PER_EMISSION,
    workload: 'sync',
    shape: { types: 1, handlers: 100 },
    yardstick: eventemitter3.label,
    budgets: [budget(ambus, eventemitter3, 1)],
    contestants: [ambus, compiledInPart, ...syncPeers],
  },
  {
    id: 'await-sync-1x1',
    title: 'await emit: 1 type with 1 sync handler',
    unit: NS_PER_EMISSION,
    workload: 'awaited',
    shape: { types: 1, handlers: 1 },
    yardstick: tapableParallel.label,
    budgets: [
      budget(ambus, tapableParallel, 0.65),
      budget(ambus, emitteryConcurrent, 0.35),
      budget(ambus, emitterySerial, 0.35),
      budget(ambus, hookableParallel, 0.35),
      budget(ambus, hookableSerial, 0.35),
    ],
    contestants: [
      ambus,
      compiled,
      tapableParallel,
      tapableUnknowing,
      tapableSeries,
      emitteryConcurrent,
      emitterySerial,
      hookableParallel,
      hookableSerial,
      eventemitter2Awaited,
    ],
  },
  {
    id: 'await-sync-1x10',
    title: 'await emit: 1 type with 10 sync handlers',
    unit: NS_PER_EMISSION,
    workload: 'awaited',
    shape: { types: 1, handlers: 10 },
    yardstick: tapableParallel.label,
    budgets: [
      budget(ambus, tapableParallel, 0.3),
      budget(ambus, emitteryConcurrent, 0.35),
      budget(ambus, emitterySerial, 0.35),
      budget(ambus, hookableParallel, 0.35),
      budget(ambus, hookableSerial, 0.35),
    ],
    contestants: [
      ambus,
      compiled,
      tapableParallel,
      tapableUnknowing,
      tapableSeries,
      emitteryConcurrent,
      emitterySerial,
      hookableParallel,
      hookableSerial,
      eventemitter2Awaited,
    ],
  },
  {
    id: 'await-some-async-20x5',
    title: 'await emit: 20 types with 5 handlers each, one of them async in every second type, in turn',
    unit: NS_PER_EMISSION,
    workload: 'awaited',
    shape: { types: 20, handlers: 5, isAsync: someAsync },
    yardstick: tapableParallel.label,
    budgets: [
      budget(ambus, tapableParallel, 0.9),
      budget(ambusConcurrent, tapableParallel, 0.9),
      budget(ambusConcurrent, emitteryConcurrent, 0.35),
      budget(ambus, emitterySerial, 0.35),
      budget(ambusConcurrent, hookableParallel, 0.35),
      budget(ambus, hookableSerial, 0.35),
    ],
    contestants: [
      ambus,
      ambusConcurrent,
      compiledInPart,
      compiledConcurrent,
      tapableParallel,
      tapableUnknowing,
      tapableSeries,
      emitteryConcurrent,
      emitterySerial,
      hookableParallel,
      hookableSerial,
      eventemitter2Awaited,
    ],
  },
  {
    id: 'await-half-async-1x10',
    title: 'await emit, concurrent: 1 type with 10 handlers, half of them async',
    unit: NS_PER_EMISSION,
    workload: 'awaited',
    shape: { types: 1, handlers: 10, isAsync: everySecondAsync },
    yardstick: tapableParallel.label,
    budgets: [
      budget(ambusConcurrent, tapableParallel, 0.8),
      budget(ambusConcurrent, emitteryConcurrent, 0.35),
      budget(ambusConcurrent, hookableParallel, 0.35),
    ],
    contestants: [
      ambusConcurrent,
      compiledConcurrent,
      tapableParallel,
      emitteryConcurrent,
      hookableParallel,
      eventemitter2Awaited,
    ],
  },
  {
    id: 'await-async-1x10',
    title: 'await emit, sequential: 1 type with 10 async handlers',
    unit: NS_PER_EMISSION,
    workload: 'awaited',
    shape: { types: 1, handlers: 10, isAsync: allAsync },
    yardstick: tapableSeries.label,
    budgets: [
      budget(ambus, tapableSeries, 0.95),
      budget(ambus, emitterySerial, 0.55),
      budget(ambus, hookableSerial, 0.55),
    ],
    contestants: [ambus, compiledInPart, tapableSeries, emitterySerial, hookableSerial],
  },
  {
    id: 'await-async-1x1',
    title: 'await emit: 1 type with 1 async handler',
    unit: NS_PER_EMISSION,
    workload: 'awaited',
    shape: { types: 1, handlers: 1, isAsync: allAsync },
    yardstick: tapableSeries.label,
    budgets: [],
    contestants: [ambus, tapableSeries, emitterySerial, hookableSerial, eventemitter2Awaited],
  },
  {
    id: 'await-half-async-1x100',
    title: 'await emit, concurrent: 1 type with 100 handlers, half of them async',
    unit: NS_PER_EMISSION,
    workload: 'awaited',
    shape: { types: 1, handlers: 100, isAsync: everySecondAsync },
    yardstick: tapableParallel.label,
    budgets: [],
    contestants: [ambusConcurrent, tapableParallel, emitteryConcurrent, hookableParallel, eventemitter2Awaited],
  },
  {
    id: 'await-async-1x100',
    title: 'await emit, sequential: 1 type with 100 async handlers',
    unit: NS_PER_EMISSION,
    workload: 'awaited',
    shape: { types: 1, handlers: 100, isAsync: allAsync },
    yardstick: tapableSeries.label,
    budgets: [],
    contestants: [ambus, tapableSeries, emitterySerial, hookableSerial],
  },
  {
    id: 'subscribe',
    title: '50,000 subscriptions to one event, then all removed in random order',
    unit: NS_PER_SUBSCRIPTION,
    workload: 'subscribing',
    shape: { subscriptions: 50_000 },
    yardstick: subscribing(eventemitter3).label,
    budgets: [budget(ambusRemoving, subscribing(eventemitter3), 5), budget(ambusRemovingMany, ambusRemoving, 1.5)],
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
  },
  {
    id: 'memory',
    title: 'memory of a subscription, with its handler',
    unit: BYTES_PER_SUBSCRIPTION,
    workload: 'memory',
    shape: { subscriptions: 50_000 },
    yardstick: eventemitter3.label,
    budgets: [budget(ambus, eventemitter3, 2)],
    contestants: [ambus, eventemitter3, nodeEvents],
  },
  {
    id: 'patterns',
    title: 'emitSync: 20 types with 5 handlers each, subscribed by a pattern',
    unit: NS_PER_EMISSION,
    workload: 'sync',
    shape: { types: 20, handlers: 5 },
    yardstick: exact.label,
    budgets: [budget(patterns, exact, 1.1)],
    contestants: [exact, again(exact), patterns],
  },
  {
    id: 'observers',
    title: 'emitSync: 20 types with 5 handlers each, with an observer',
    unit: NS_PER_EMISSION,
    workload: 'sync',
    shape: { types: 20, handlers: 5 },
    yardstick: noObserver.label,
    budgets: [budget(registrations, noObserver, 1.05)],
    contestants: [noObserver, again(noObserver), registrations, handlerFacts],
  },
];

/** The contestants of a case that its budgets name, and its controls. */
export function budgeted({ contestants, budgets }) {
  return contestants.filter(
    ({ label, isControl }) => isControl || budgets.some(({ of, against }) => label === of || label === against),
  );
}
