import { heapBytes } from './heap.mjs';
import { shuffledIndexes } from './random.mjs';
import { median } from './statistics.mjs';
import { readClock } from './stopwatch.mjs';

/** A fresh closure with something of its own to remember, as a component or a request subscribes it. */
const makeHandler = (sink, step) => (payload) => {
  sink.calls += step * payload.step;
};

/** Emits once, and proves that just so many handlers listen. */
function emitTo(expected, emitter, sink) {
  sink.calls = 0;
  emitter.emit({ step: 1 });
  if (sink.calls !== expected) throw new Error(`Expected ${expected} handlers to be called, got ${sink.calls}.`);
}

/**
 * Subscribes many handlers to one event, emits once, and removes them in the order given.
 *
 * @returns What each phase took, in milliseconds for all of them.
 */
function runPhases(library, contestant, order) {
  const count = order.length;
  const sink = { calls: 0 };
  const emitter = library.subscribing(contestant);
  const handlers = Array.from({ length: count }, () => makeHandler(sink, 1));
  const tokens = Array.from({ length: count });
  const time = (phase) => {
    // What came before is not this phase's to clean up.
    globalThis.gc();
    const start = readClock();
    phase();
    return readClock() - start;
  };

  const subscribe = time(() => {
    for (let index = 0; index < count; index += 1) tokens[index] = emitter.add(handlers[index]);
  });
  const emit = time(() => emitTo(count, emitter, sink));
  if (!contestant.timed.includes('remove')) return { subscribe, emit };

  const remove = time(() => {
    for (let index = 0; index < count; index += 1) emitter.remove(tokens[order[index]]);
  });
  emitTo(0, emitter, sink);
  return { subscribe, emit, remove };
}

/**
 * Measures what a subscription costs, in the phases that the contestant says.
 *
 * @returns ns per subscription, one sample for each round.
 */
export function measureSubscribing(library, { subscriptions }, contestant) {
  const count = contestant.subscriptions ?? subscriptions;
  const warmUp = shuffledIndexes(2_000);
  for (let round = 0; round < 20; round += 1) runPhases(library, contestant, warmUp);
  const order = shuffledIndexes(count);
  return Array.from({ length: contestant.rounds ?? 5 }, () => {
    const phases = runPhases(library, contestant, order);
    const timedMs = contestant.timed.reduce((sum, phase) => sum + phases[phase], 0);
    return (timedMs * 1e6) / count;
  });
}

/**
 * Measures what a subscription keeps in memory: the handler's closure, what the library makes, and what
 * its owner needs to end it. After an emission, so that what a library builds for its first one counts.
 *
 * @returns bytes per subscription, one sample for each round.
 */
export function measureMemory(library, { subscriptions }, contestant) {
  const fill = (count) => {
    const sink = { calls: 0 };
    const tokens = Array.from({ length: count });
    const emitter = library.subscribing(contestant);
    // An emitter has had a subscription and an emission before, so that only the subscriptions are weighed.
    emitter.remove(emitter.add(makeHandler(sink, 0)));
    emitTo(0, emitter, sink);
    const before = heapBytes();
    for (let index = 0; index < count; index += 1) tokens[index] = emitter.add(makeHandler(sink, 1));
    emitTo(count, emitter, sink);
    const after = heapBytes();
    // After weighing, and using both: neither the emitter nor the tokens may be collected before.
    emitter.remove(tokens[0]);
    emitTo(count - 1, emitter, sink);
    return (after - before) / count;
  };
  fill(2_000);
  return [median([fill(subscriptions), fill(subscriptions), fill(subscriptions)])];
}
