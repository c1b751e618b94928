import {
  ambus,
  asyncPriorities,
  chainsByHand,
  fastqCallback,
  fastqOntoBus,
  fastqPromise,
  fastqPromiseOntoBus,
  pLimit,
  pQueue,
  pQueueBuckets,
  pQueuePerKey,
  queue,
} from '../contestants.mjs';
import { again, defineCase, variant } from './define-case.mjs';

const THOUSAND = 1_000;
const HUNDRED_THOUSAND = 100_000;
const MILLION = 1_000_000;

const count = (number, one, many) => `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;
const events = (number) => count(number, 'event', 'events');
const slots = (number) => count(number, 'slot', 'slots');
const priorities = (number) => count(number, 'priority', 'priorities');

const withSlots = (contestant, number) => variant(contestant, slots(number), { slots: number });
const unprioritised = { priorities: 1 };
const syncHandlers = variant(queue, 'sync handlers', { isAsync: false });
/** Nested calls after an `await` are not recognised then, and no promise of the process is watched. */
const untraced = variant(queue, "asyncContext 'never'", { asyncContext: 'never' });

const postPeers = [pQueue, pQueueBuckets, asyncPriorities, fastqCallback, fastqOntoBus];
const emitPeers = [pQueue, pQueueBuckets, asyncPriorities, fastqPromise, fastqPromiseOntoBus, pLimit];
const without = (left, contestants) => contestants.filter((contestant) => contestant !== left);

/** Events that all wait, in few priorities, and then run to their end. */
const backlog = (way, depth) => ({
  workload: 'queueing',
  shape: { way, depth, priorities: 4, slots: 8 },
});

/** Every setting of the queue, held against one of them. */
function settings(way) {
  const contestants = [THOUSAND, HUNDRED_THOUSAND, MILLION].flatMap((depth) =>
    [1, 4, 1_000].flatMap((levels) =>
      [1, 8].map((number) => ({
        ...variant(queue, `${events(depth)}, ${priorities(levels)}, ${slots(number)}`),
        depth,
        priorities: levels,
        slots: number,
      })),
    ),
  );
  const yardstick = contestants.find(
    (one) => one.depth === HUNDRED_THOUSAND && one.priorities === 4 && one.slots === 8,
  );
  return defineCase(`queue-settings-${way}`, `${way}: how many wait, in how many priorities, for how many slots`, {
    ...backlog(way),
    yardstick,
    contestants,
  });
}

const thousandDeep = variant(queue, events(THOUSAND), { depth: THOUSAND });
const hundredThousandDeep = variant(queue, events(HUNDRED_THOUSAND), { depth: HUNDRED_THOUSAND });
const millionDeep = variant(queue, events(MILLION), { depth: MILLION });

const keys = { keys: 1_000, priorities: 1 };
const keyed = variant(queue, '1,000 keys', keys);

/** A thousand at once, and the next when all have ended. */
const batches = { way: 'emit', depth: THOUSAND, ...unprioritised, slots: 8 };
/** One, and the next when it has ended: there is nothing to sort, and a slot is always free. */
const oneByOne = { way: 'emitOneByOne', depth: 20_000, ...unprioritised, slots: 1 };
const fourPriorities = variant(queue, '4 priorities', { priorities: 4 });

/** Callers that wait, of which each library makes the promise that they wait for. */
function awaited(id, title, { shape, rows = [], budgets }) {
  const isAsync = shape.isAsync ?? true;
  return defineCase(id, `emit: ${title}, ${isAsync ? 'async' : 'sync'} handlers`, {
    workload: 'queueing',
    shape,
    yardstick: fastqPromise,
    contestants: [
      queue,
      untraced,
      fourPriorities,
      ...rows,
      pQueue,
      // It is given workers with callbacks, which are async or not.
      ...(isAsync ? [asyncPriorities] : []),
      fastqPromise,
      fastqPromiseOntoBus,
      pLimit,
    ],
    budgets,
  });
}

/** For who sorts an array, which is slow to fill: a tenth weighs as much for each. */
const weighFewer = (contestant) => variant(contestant, events(HUNDRED_THOUSAND), { depth: HUNDRED_THOUSAND });
const weighPromises = (contestant) => variant(contestant, 'emit', { way: 'emit' });

/** More than can start, so that nothing ever waits for it. */
const ample = { rate: { limit: MILLION, intervalMs: 10 } };
const withRate = (contestant) => variant(contestant, 'with a rate', ample);

const noQueue = { ...ambus, label: 'no queue' };
const besides = [
  { ...ambus, label: 'a queue that has not run', besideQueue: 'made' },
  { ...ambus, label: 'a queue that has run on another bus', besideQueue: 'elsewhere' },
  { ...ambus, label: 'a queue that has run on this bus', besideQueue: 'own' },
];

export const queues = [
  defineCase('queue-post-1k', 'post: 1,000 events in 4 priorities, 8 slots', {
    ...backlog('post', THOUSAND),
    yardstick: pQueue,
    contestants: [queue, untraced, syncHandlers, ...postPeers],
  }),
  defineCase('queue-post-100k', 'post: 100,000 events in 4 priorities, 8 slots', {
    ...backlog('post', HUNDRED_THOUSAND),
    yardstick: pQueue,
    contestants: [queue, untraced, syncHandlers, ...postPeers],
    budgets: [[queue, pQueue, 0.04]],
  }),
  defineCase('queue-post-1m', 'post: 1,000,000 events in 4 priorities, 8 slots (p-queue takes many minutes)', {
    ...backlog('post', MILLION),
    yardstick: fastqCallback,
    contestants: [queue, untraced, syncHandlers, ...without(pQueue, postPeers)],
  }),
  defineCase('queue-growth', 'post: 1,000,000 events in 4 priorities against fewer', {
    ...backlog('post'),
    yardstick: hundredThousandDeep,
    contestants: [thousandDeep, hundredThousandDeep, millionDeep],
    budgets: [[millionDeep, hundredThousandDeep, 1.5]],
  }),
  defineCase('queue-emit-100k', 'emit: 100,000 events in 4 priorities, 8 slots, all awaited', {
    ...backlog('emit', HUNDRED_THOUSAND),
    yardstick: pQueue,
    contestants: [queue, untraced, syncHandlers, ...emitPeers],
  }),
  defineCase('queue-emit-1m', 'emit: 1,000,000 events in 4 priorities, 8 slots (p-queue takes many minutes)', {
    ...backlog('emit', MILLION),
    yardstick: fastqPromise,
    contestants: [queue, untraced, syncHandlers, ...without(pQueue, emitPeers)],
  }),
  defineCase('queue-1000-priorities', 'post: 100,000 events in 1,000 priorities, 8 slots', {
    workload: 'queueing',
    shape: { way: 'post', depth: HUNDRED_THOUSAND, priorities: 1_000, slots: 8 },
    yardstick: pQueue,
    contestants: [queue, pQueue, pQueueBuckets, asyncPriorities],
  }),
  settings('post'),
  settings('emit'),
  defineCase('queue-keys', 'post: 100,000 events with keys, 8 slots', {
    workload: 'queueing',
    shape: { way: 'post', depth: HUNDRED_THOUSAND, ...keys, slots: 8 },
    yardstick: keyed,
    contestants: [
      variant(queue, 'no keys', { keys: 0 }),
      keyed,
      variant(queue, '1,000 keys, every second event', { isMixed: true }),
      variant(queue, '1,000 keys, 4 priorities', { priorities: 4 }),
      variant(queue, '1,000 keys, 1,000,000 events', { depth: MILLION }),
      pQueuePerKey,
      chainsByHand,
    ],
  }),
  awaited('queue-batches', '1,000 events awaited at once, and the next 1,000', {
    shape: batches,
    rows: [withSlots(queue, 1), withSlots(fastqPromise, 1)],
    budgets: [
      [queue, fastqPromise, 0.8],
      [withSlots(queue, 1), withSlots(fastqPromise, 1), 0.8],
    ],
  }),
  awaited('queue-batches-sync', '1,000 events awaited at once, and the next 1,000', {
    shape: { ...batches, isAsync: false },
    budgets: [[queue, fastqPromise, 0.8]],
  }),
  awaited('queue-one-by-one', 'one event awaited after the other', {
    shape: oneByOne,
    budgets: [[queue, fastqPromise, 1]],
  }),
  awaited('queue-one-by-one-sync', 'one event awaited after the other', {
    shape: { ...oneByOne, isAsync: false },
    budgets: [[queue, fastqPromise, 1]],
  }),
  defineCase('queue-stores', 'post: 100,000 events, each in an AsyncLocalStorage store, 8 slots', {
    ...backlog('postInStores', HUNDRED_THOUSAND),
    yardstick: fastqCallback,
    contestants: [queue, untraced, fastqCallback, fastqOntoBus],
  }),
  defineCase('queue-memory', 'memory of an event that waits, with 1,000,000 in 4 priorities', {
    workload: 'queueMemory',
    shape: { way: 'post', depth: MILLION, priorities: 4 },
    yardstick: queue,
    contestants: [
      queue,
      variant(queue, '1,000 keys', { keys: 1_000 }),
      variant(queue, 'each in an AsyncLocalStorage store', { way: 'postInStores' }),
      weighPromises(queue),
      weighFewer(pQueue),
      pQueueBuckets,
      asyncPriorities,
      fastqCallback,
      weighPromises(fastqPromise),
      weighPromises(pLimit),
    ],
    budgets: [[queue, null, 150]],
  }),
  defineCase('queue-rate', 'rate: 50 starts in 100 ms, for a second', {
    workload: 'rate',
    shape: { way: 'post', rate: { limit: 50, intervalMs: 100 }, windows: 11, slots: Infinity },
    yardstick: pQueue,
    contestants: [queue, pQueue],
  }),
  defineCase('queue-rate-cost', 'post: 1,000 events under a rate that none waits for, 8 slots', {
    workload: 'queueing',
    shape: { way: 'post', depth: THOUSAND, ...unprioritised, slots: 8 },
    yardstick: withRate(pQueue),
    contestants: [queue, withRate(queue), pQueue, withRate(pQueue)],
  }),
  defineCase('queue-beside-sync', 'emitSync: 20 types with 5 sync handlers each, beside a queue', {
    workload: 'sync',
    shape: { types: 20, handlers: 5 },
    yardstick: noQueue,
    contestants: [noQueue, again(noQueue), ...besides],
  }),
  defineCase('queue-beside-await', 'await emit: 1 type with 1 async handler, beside a queue', {
    workload: 'awaited',
    shape: { types: 1, handlers: 1, isAsync: () => true },
    yardstick: noQueue,
    contestants: [noQueue, again(noQueue), ...besides],
  }),
];
