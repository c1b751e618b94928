import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { heapBytes } from './heap.mjs';
import { proveLives, proveOverlap, proveSilence } from './plugin-proof.mjs';
import { seededRandom, shuffledIndexes } from './random.mjs';
import { readClock } from './stopwatch.mjs';

/** How many events the handlers of all plugins are spread over. */
const TYPES = 20;
const WARM_UP_MS = 500;
/** Larger hosts are warmed up with fewer plugins. */
const WARM_UP_PLUGINS = 1_000;
const SAMPLES = 12;
const WAITING_STARTS = 3;
/** No further sample after this: who is slow is measured in fewer. */
const MAX_MS = 3_000;

const typeOf = (index) => `area${index % TYPES}.happened`;

/**
 * Draws which plugins each one requires, exactly so many in all: any of those before it, or in a chain those just
 * before it. The first few can't have their share, which the next have more.
 *
 * @returns For each plugin the positions of those that it requires.
 */
function drawDependencies({ plugins, dependencies, isChain = false }) {
  const random = seededRandom();
  const each = Math.ceil(dependencies / plugins);
  let left = dependencies;
  let owed = 0;
  return Array.from({ length: plugins }, (_, index) => {
    const wanted = Math.min(left, each + Math.min(owed, 1));
    const required = new Set();
    while (required.size < Math.min(wanted, index)) {
      required.add(isChain ? index - 1 - required.size : Math.floor(random() * index));
    }
    owed += each - required.size;
    left -= required.size;
    return [...required];
  });
}

/** How many plugins stand one behind the other at most: nobody can be started faster than so many setups. */
function longestPath(graph) {
  const lengths = new Int32Array(graph.length);
  for (const [index, required] of graph.entries()) {
    lengths[index] = 1 + Math.max(0, ...required.map((other) => lengths[other]));
  }
  return Math.max(...lengths);
}

/** How a setup is waited for: not at all, for a turn of the microtask queue, or for a timer. */
const setUps = {
  sync: (log, index, listen) => (source) => {
    log.begin(index);
    listen(source);
    log.succeed(index);
  },
  async: (log, index, listen) => async (source) => {
    log.begin(index);
    await Promise.resolve();
    listen(source);
    log.succeed(index);
  },
  waiting: (log, index, listen, waitMs) => async (source) => {
    log.begin(index);
    await wait(waitMs);
    listen(source);
    log.succeed(index);
  },
};

/** Writes down what happens to each plugin, and when: numbers in arrays, which cost next to nothing. */
function makeLog(count) {
  const log = {
    steps: 0,
    running: 0,
    mostRunning: 0,
    calls: 0,
    begun: new Int32Array(count),
    ready: new Int32Array(count),
    tornDown: new Int32Array(count),
    setups: new Uint8Array(count),
    teardowns: new Uint8Array(count),
    begin(index) {
      log.setups[index] += 1;
      log.begun[index] = log.steps += 1;
      log.running += 1;
      if (log.running > log.mostRunning) log.mostRunning = log.running;
    },
    succeed(index) {
      log.ready[index] = log.steps += 1;
      log.running -= 1;
    },
    tearDown(index) {
      log.teardowns[index] += 1;
      log.tornDown[index] = log.steps += 1;
    },
  };
  return log;
}

/**
 * Makes plugins that know nothing of who hosts them, in the order of their use, which is none: each subscribes one
 * handler when it is set up, by `source.on`.
 */
function makePlugins(graph, log, { setup, waitMs }) {
  return Array.from(shuffledIndexes(graph.length), (index) => {
    const handler = (payload) => {
      log.calls += payload.step;
    };
    const listen = (source) => source.on(typeOf(index), handler);
    return {
      name: `plugin${index}`,
      requires: graph[index].map((other) => `plugin${other}`),
      setUp: setUps[setup](log, index, listen, waitMs),
      tearDown: () => log.tearDown(index),
    };
  });
}

/**
 * Has plugins live once, from their definition to their end, and proves that they did.
 *
 * @returns What each phase took, in milliseconds for all plugins; and what was written down.
 */
async function liveOnce(library, graph, setting, now = readClock) {
  const log = makeLog(graph.length);
  const plugins = makePlugins(graph, log, setting);
  const times = {};
  const time = async (phase, run) => {
    const start = now();
    const result = await run();
    times[phase] = now() - start;
    return result;
  };

  const hosting = await library.hosting(setting);
  const definitions = await time('define', () => hosting.define(plugins));
  await time('start', () => hosting.start(definitions));
  for (let type = 0; type < TYPES; type += 1) hosting.emit(typeOf(type), { step: 1 });
  const heard = log.calls;
  await time('stop', () => hosting.stop());
  for (let type = 0; type < TYPES; type += 1) hosting.emit(typeOf(type), { step: 1 });
  proveLives(graph, log, heard);
  return { times, log };
}

/**
 * Measures what it costs to start plugins, and to stop them, in the phases that the contestant says.
 *
 * @returns ns per plugin, one sample for each host; only that of the first one of the process where it `isCold`.
 */
export async function measureStarting(library, shape, contestant) {
  const setting = { ...shape, ...contestant };
  const { plugins, dependencies, timed = ['define', 'start'], isCold = false } = setting;
  const timedMs = ({ times }) => timed.reduce((sum, phase) => sum + times[phase], 0);
  const share = Math.min(1, WARM_UP_PLUGINS / plugins);
  const warmUp = drawDependencies({ ...setting, plugins: plugins * share, dependencies: dependencies * share });
  let warmedMs = isCold ? WARM_UP_MS : 0;
  while (warmedMs < WARM_UP_MS) warmedMs += timedMs(await liveOnce(library, warmUp, setting));

  const graph = drawDependencies(setting);
  const samples = [];
  let measuredMs = 0;
  while (samples.length < (isCold ? 1 : SAMPLES) && measuredMs < MAX_MS) {
    const elapsedMs = timedMs(await liveOnce(library, graph, setting));
    measuredMs += elapsedMs;
    samples.push((elapsedMs * 1e6) / plugins);
  }
  // Afterwards, so that the proof leaves no type feedback in what is measured.
  const few = drawDependencies({ plugins: 60, dependencies: 30 });
  const { log } = await liveOnce(library, few, { ...setting, setup: 'waiting', waitMs: 1 });
  proveOverlap(few, log, setting);
  return samples;
}

/**
 * Measures how long plugins take to start whose setups wait for something, in time on the wall.
 *
 * @returns What a start has taken, over the longest path of plugins that have to wait for each other.
 */
export async function measureWaiting(library, shape, contestant) {
  const setting = { ...shape, ...contestant, setup: 'waiting' };
  const graph = drawDependencies(setting);
  // What code takes that has never run would be counted as waiting.
  let warmedMs = 0;
  while (warmedMs < WARM_UP_MS) {
    const { times } = await liveOnce(library, graph, { ...setting, setup: 'async' });
    warmedMs += times.start;
  }
  const shortestMs = longestPath(graph) * setting.waitMs;
  const samples = [];
  for (let start = 0; start < WAITING_STARTS; start += 1) {
    const { times } = await liveOnce(library, graph, setting, () => performance.now());
    samples.push(times.start / shortestMs);
  }
  return samples;
}

/**
 * Measures what it costs to switch off a plugin that all others require, and on again: they go and come with it. Proves
 * that all of them did.
 *
 * @returns ns per dependant, for both.
 */
export async function measureSwitching(library, _shape, contestant) {
  const { dependants } = contestant;
  const hosting = await library.switching(contestant);
  const heard = () => {
    hosting.log.calls = 0;
    for (let type = 0; type < TYPES; type += 1) hosting.emit(typeOf(type), { step: 1 });
    return hosting.log.calls;
  };
  const switchOnce = async () => {
    const start = readClock();
    await hosting.disable();
    const offMs = readClock() - start;
    proveSilence(heard());
    const again = readClock();
    await hosting.enable();
    const onMs = readClock() - again;
    if (heard() !== dependants) throw new Error(`Expected ${dependants} dependants to be back, got ${heard()}.`);
    return offMs + onMs;
  };
  await hosting.start(Array.from({ length: dependants }, (_, index) => typeOf(index)));
  let warmedMs = 0;
  while (warmedMs < WARM_UP_MS) warmedMs += await switchOnce();
  const samples = [];
  let measuredMs = 0;
  while (samples.length < SAMPLES && measuredMs < MAX_MS) {
    const elapsedMs = await switchOnce();
    measuredMs += elapsedMs;
    samples.push((elapsedMs * 1e6) / dependants);
  }
  return samples;
}

async function letTurnsPass() {
  for (let turns = 0; turns < 3; turns += 1) await nextTurn();
}

/** A fresh closure with something of its own to remember. */
const makeHandler = (sink, step) => (payload) => {
  sink.calls += step * payload.step;
};

/**
 * Measures what an active plugin with one handler keeps in memory: its definition, the handler's closure, and what the
 * host makes of it. After an emission of each event, so that what is built for the first one counts.
 *
 * @returns bytes per plugin.
 */
export async function measurePluginMemory(library, shape, contestant) {
  const setting = { ...shape, ...contestant };
  const weigh = async (plugins) => {
    const sink = { calls: 0 };
    const graph = drawDependencies({ plugins, dependencies: plugins * (setting.dependenciesEach ?? 0) });
    const crowd = await library.crowding(setting);
    const emitAll = () => {
      sink.calls = 0;
      for (let type = 0; type < TYPES; type += 1) crowd.emit(typeOf(type), { step: 1 });
    };
    // What was before is held by what has just ended, and what comes now by what is under way: turns of the event loop
    // pass, so that neither is weighed.
    await letTurnsPass();
    const before = heapBytes();
    for (const [index, required] of graph.entries()) {
      crowd.add(`plugin${index}`, typeOf(index), makeHandler(sink, 1), required);
    }
    await crowd.start();
    emitAll();
    if (sink.calls !== plugins) throw new Error(`Expected ${plugins} handlers to be called, got ${sink.calls}.`);
    await letTurnsPass();
    const after = heapBytes();
    // After weighing: nothing may be collected before.
    await crowd.stop();
    emitAll();
    proveSilence(sink.calls);
    return (after - before) / plugins;
  };
  // What code and type feedback take is there before.
  await weigh(WARM_UP_PLUGINS);
  return [await weigh(setting.plugins)];
}
