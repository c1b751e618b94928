import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { makeEvents, payloads } from './generated.mjs';
import { heapBytes } from './heap.mjs';
import { proveCounts } from './proof.mjs';
import { closedGate, proveQueueing, proveRate } from './queue-proof.mjs';
import { seededRandom } from './random.mjs';
import { readClock } from './stopwatch.mjs';

const TYPES = 20;
const WARM_UP_MS = 200;
const WARM_UP_DEPTH = 1_000;
const SAMPLES = 12;
/** A sample is at least so many events, in several backlogs where one is less. */
const EVENTS_PER_SAMPLE = 20_000;
/** No further sample after this: who is slow is measured in fewer. */
const MAX_MS = 2_000;
/** How many priorities and keys are drawn in advance; a power of two. */
const DRAWS = 4_096;

/** Which fields of its options a call gives: none is named that an application wouldn't need. */
function givenFields({ priorities = 1, keys = 0, isMixed = false }, type) {
  const isKeyed = keys > 0 && !(isMixed && type % 2 === 0);
  return [...(priorities > 1 ? ['priority'] : []), ...(isKeyed ? ['key'] : [])];
}

/** Draws priorities and keys as they come in an application: in no order, and as text. */
function draw({ priorities = 1, keys = 0 }) {
  const random = seededRandom();
  const indexes = (count) => Array.from({ length: DRAWS }, () => Math.floor(random() * count));
  return { priorities: indexes(priorities), keys: indexes(keys).map((index) => `customer ${index}`) };
}

/** One for each request, made in advance: what it costs to carry them is measured, not what they hold. */
const stores = Array.from({ length: 1_000 }, (_, request) => ({ request }));

/** Enqueues without waiting, and without a promise that anyone keeps. */
function fill({ sites }, { priorities, keys }, depth) {
  for (let index = 0; index < depth; index += 1) {
    const drawn = index & (DRAWS - 1);
    sites[index % TYPES](payloads[index & 7], priorities[drawn], keys[drawn]);
  }
}

/** The same, with each event enqueued in the store of a request, as in a server. */
function fillInStores(queue, { priorities, keys }, depth) {
  const storage = new AsyncLocalStorage();
  for (let index = 0; index < depth; index += 1) {
    const drawn = index & (DRAWS - 1);
    storage.run(
      stores[index % stores.length],
      queue.sites[index % TYPES],
      payloads[index & 7],
      priorities[drawn],
      keys[drawn],
    );
  }
}

/** Enqueues without waiting, and keeps the promises. */
function fillKeeping({ sites }, { priorities, keys }, promises) {
  for (let index = 0; index < promises.length; index += 1) {
    const drawn = index & (DRAWS - 1);
    promises[index] = sites[index % TYPES](payloads[index & 7], priorities[drawn], keys[drawn]);
  }
}

/** How a backlog of events is enqueued, and waited for to its end. */
const ways = {
  post: async (queue, drawn, depth) => {
    fill(queue, drawn, depth);
    await queue.drained();
  },
  postInStores: async (queue, drawn, depth) => {
    fillInStores(queue, drawn, depth);
    await queue.drained();
  },
  emit: async (queue, drawn, depth) => {
    const promises = Array.from({ length: depth });
    fillKeeping(queue, drawn, promises);
    await Promise.all(promises);
  },
  emitOneByOne: async ({ sites }, { priorities, keys }, depth) => {
    for (let index = 0; index < depth; index += 1) {
      const drawn = index & (DRAWS - 1);
      await sites[index % TYPES](payloads[index & 7], priorities[drawn], keys[drawn]);
    }
  },
};

/** Makes a queue with handlers that count, and what its events are given. */
async function makeQueue(library, setting) {
  const { isAsync = true } = setting;
  const work = makeEvents({ types: TYPES, handlers: 1, isAsync: () => isAsync });
  const events = work.events.map((event, type) => ({ ...event, given: givenFields(setting, type) }));
  return { work, queue: await library.queueing({ ...setting, events }), drawn: draw(setting) };
}

/**
 * Measures what an event costs from the call that enqueues it until its handler has ended.
 *
 * @returns ns per event, one sample for each backlog, or for some where they are small.
 */
export async function measureQueueing(library, shape, contestant) {
  const setting = { ...shape, ...contestant };
  const { depth, way } = setting;
  const { work, queue, drawn } = await makeQueue(library, setting);
  let events = 0;
  const time = async (backlog, turns) => {
    const start = readClock();
    for (let turn = 0; turn < turns; turn += 1) await ways[way](queue, drawn, backlog);
    const elapsedMs = readClock() - start;
    events += backlog * turns;
    proveCounts(work, events / TYPES);
    return elapsedMs;
  };

  let warmedMs = 0;
  while (warmedMs < WARM_UP_MS) warmedMs += await time(Math.min(depth, WARM_UP_DEPTH), 1);

  const turns = Math.ceil(EVENTS_PER_SAMPLE / depth);
  const samples = [];
  let measuredMs = 0;
  while (samples.length < SAMPLES && measuredMs < MAX_MS) {
    const elapsedMs = await time(depth, turns);
    measuredMs += elapsedMs;
    samples.push((elapsedMs * 1e6) / (depth * turns));
  }
  // Afterwards, so that the proofs leave no type feedback in what is measured.
  await proveQueueing(library, setting);
  return samples;
}

/**
 * Measures what an event keeps in memory while it waits: what the queue makes for it and, with `emit`, its
 * promise. Payloads are shared, and priorities and keys there before.
 *
 * @returns bytes per event.
 */
export async function measureQueueMemory(library, shape, contestant) {
  const setting = { ...shape, ...contestant, slots: 1 };
  const { work, queue, drawn } = await makeQueue(library, setting);
  const weigh = async (depth) => {
    const promises = setting.way === 'emit' ? Array.from({ length: depth }) : [];
    const gate = closedGate();
    // The only slot is taken, so that whatever comes after has to wait: turns of the event loop pass before it
    // is weighed, in case that a queue puts off what it needs to wait for longer than one.
    const held = queue.hold(() => gate.opened);
    await nextTurn();
    const before = heapBytes();
    if (setting.way === 'emit') fillKeeping(queue, drawn, promises);
    else if (setting.way === 'postInStores') fillInStores(queue, drawn, depth);
    else fill(queue, drawn, depth);
    await nextTurn();
    await nextTurn();
    const after = heapBytes();
    proveCounts(work, 0);
    gate.open();
    await held;
    await (setting.way === 'emit' ? Promise.all(promises) : queue.drained());
    proveCounts(work, depth / TYPES);
    work.counts.fill(0);
    return (after - before) / depth;
  };
  // What code and type feedback take is there before.
  await weigh(WARM_UP_DEPTH);
  return [await weigh(setting.depth)];
}

/**
 * Measures how close a queue gets to its rate, in time on the wall, and proves that it never exceeds it.
 *
 * @returns What the starts have taken from the first to the last, over the shortest permitted time.
 */
export async function measureRate(library, shape, contestant) {
  const { rate, windows } = shape;
  let starts = [];
  const run = async () => {
    starts.push(performance.now());
  };
  const events = [{ type: 'tick', handlers: [{ isAsync: true, run }], given: [] }];
  const enqueueAll = async (count, { limit, intervalMs }) => {
    const queue = await library.queueing({ ...shape, ...contestant, rate: { limit, intervalMs }, events });
    for (let index = 0; index < count; index += 1) queue.sites[0](payloads[index & 7]);
    await queue.drained();
  };
  // The first calls of anything take milliseconds, and with them the handler would be late to write down its start.
  await enqueueAll(WARM_UP_DEPTH, { limit: WARM_UP_DEPTH, intervalMs: rate.intervalMs });
  starts = [];
  const count = rate.limit * windows;
  await enqueueAll(count, rate);
  proveRate(starts, count, rate);
  return [(starts[count - 1] - starts[0]) / ((windows - 1) * rate.intervalMs)];
}
