import { setImmediate as nextTurn } from 'node:timers/promises';
import { takeTurns } from './proof.mjs';
import { seededRandom } from './random.mjs';

const EVENTS = 200;
/** Timers count in whole milliseconds, clocks in fractions of one. */
const CLOCK_ERROR_MS = 2;
/**
 * A start is written down a moment after the queue has decided on it. Where something else had the processor
 * in between, the one that is permitted an interval later seems too early: that is one start, never a burst.
 */
const LATE_SHARE = 0.01;

/** Something to wait for that is over when it is told to be. */
export function closedGate() {
  let open;
  const opened = new Promise((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

function fail({ label }, what) {
  throw new Error(`Expected "${label}" to ${what}.`);
}

/** Slow handlers that write down when they start, and how many of them run. */
function watchedHandlers() {
  const seen = { started: [], ended: new Set(), running: new Set(), mostRunning: 0, overlaps: 0 };
  const run = async (payload) => {
    seen.started.push(payload);
    for (const other of seen.running) if (payload.key !== undefined && other.key === payload.key) seen.overlaps += 1;
    seen.running.add(payload);
    seen.mostRunning = Math.max(seen.mostRunning, seen.running.size);
    await takeTurns();
    seen.running.delete(payload);
    seen.ended.add(payload);
  };
  return { seen, run };
}

/** In the order that a queue owes them: by priority where it knows some, and as they came. */
function byPriority(payloads, { hasPriorities = true }) {
  return hasPriorities ? payloads.toSorted((a, b) => b.priority - a.priority) : payloads;
}

function isInOrder(started, expected) {
  return started.length === expected.length && started.every((payload, index) => payload === expected[index]);
}

/** Proves that an event waits for its slot, that all slots are used, and that they leave in their order. */
function proveOrder(payloads, seen, setting) {
  const { slots } = setting;
  if (seen.mostRunning !== slots) fail(setting, `run ${slots} at a time, got ${seen.mostRunning}`);
  if (!isInOrder(seen.started, byPriority(payloads, setting))) fail(setting, 'start events in their order');
}

/** Proves that events of one key run one at a time, as they came, and those of others at the same time. */
function proveLanes(payloads, seen, setting) {
  const { slots } = setting;
  const lanes = new Set(payloads.map(({ key }) => key));
  if (seen.overlaps > 0) fail(setting, `run events of one key one at a time, got ${seen.overlaps} that overlapped`);
  for (const key of lanes) {
    const ofKey = (payload) => payload.key === key;
    if (key !== undefined && !isInOrder(seen.started.filter(ofKey), payloads.filter(ofKey)))
      fail(setting, `start the events of the key "${key}" in the order in which they came`);
  }
  // Where some events have no key, each of these is a lane of its own.
  const most = Math.min(slots, lanes.has(undefined) ? Infinity : lanes.size);
  if (seen.mostRunning !== most) fail(setting, `run ${most} at a time, got ${seen.mostRunning}`);
}

/**
 * Proves that a contestant does what a queue is there for: that it emits each event once, in the order, in
 * the slots and lanes that it is entered with, and that whoever waits is told when it has ended. One that
 * runs everything at once would look fast.
 */
export async function proveQueueing(library, setting) {
  const { slots, keys = 0, priorities = 1, way, isMixed = false } = setting;
  const random = seededRandom();
  const { seen, run } = watchedHandlers();
  const given = [...(priorities > 1 ? ['priority'] : []), ...(keys > 0 ? ['key'] : [])];
  const event = (name, fields) => ({ type: `${name}.happened`, handlers: [{ isAsync: true, run }], given: fields });
  const plain = event('plain', given);
  const unkeyed = event(
    'unkeyed',
    given.filter((field) => field !== 'key'),
  );
  const events = isMixed ? [plain, unkeyed] : [plain];
  const queue = await library.queueing({ ...setting, isAsync: true, events });

  // Slots are taken at first, so that everything has to wait, and can be sorted; where there is no end of
  // them nothing waits but for its key.
  const gate = closedGate();
  const held = Number.isFinite(slots) ? Array.from({ length: slots }, () => queue.hold(() => gate.opened)) : [];
  await nextTurn();

  const payloads = Array.from({ length: EVENTS }, (_, index) => ({
    step: 1,
    index,
    priority: Math.floor(random() * priorities),
    key: keys > 0 && !(isMixed && index % 2 === 1) ? `customer ${Math.floor(random() * 12)}` : undefined,
  }));
  const promises = payloads.map((payload, index) =>
    queue.sites[isMixed ? index % 2 : 0](payload, payload.priority, payload.key),
  );
  const told = promises.map(async (promise, index) => {
    await promise;
    return seen.ended.has(payloads[index]);
  });
  gate.open();
  await Promise.all(held);
  const early = way.startsWith('emit') ? (await Promise.all(told)).filter((hasEnded) => !hasEnded).length : 0;
  if (early > 0) fail(setting, `wait until the handler has ended, got ${early} promises that didn't`);
  await queue.drained();

  if (seen.ended.size !== EVENTS) fail(setting, `run ${EVENTS} events to their end, got ${seen.ended.size}`);
  if (seen.started.length !== EVENTS) fail(setting, `start ${EVENTS} events, got ${seen.started.length}`);
  if (keys > 0) proveLanes(payloads, seen, setting);
  else proveOrder(payloads, seen, setting);
}

/** Proves that no window of the interval has more starts than permitted. */
export function proveRate(starts, count, { limit, intervalMs }) {
  if (starts.length !== count) throw new Error(`Expected ${count} events to start, got ${starts.length}.`);
  // From each start to the first that doesn't belong into its window any more.
  const apartMs = starts.slice(limit).map((start, index) => start - starts[index]);
  const tooEarly = apartMs.filter((ms) => ms < intervalMs - CLOCK_ERROR_MS);
  if (tooEarly.length > apartMs.length * LATE_SHARE) {
    throw new Error(
      `Expected ${limit} starts in ${intervalMs} ms, got one more ${tooEarly.length} times, after ${Math.min(...tooEarly).toFixed(1)} ms.`,
    );
  }
}
