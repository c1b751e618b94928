/**
 * The libraries that are measured. Each is a module of its own that is loaded only in the process that
 * measures it. It has some of these functions, each of which makes a fresh emitter:
 *
 * - `emitSync(setting)` and `emitAwaited(setting)` subscribe the handlers of `setting.events` and return
 *   `{ emits, check, answerOf }`: for each event a call site that emits its payload; optionally
 *   `check(emissions)`, which throws if what was measured is not what the label says; and optionally
 *   `answerOf(returned)`, which finds the answer in what an emission has come to.
 * - `subscribing(setting)` returns `{ add, remove, emit }` for one event: `add(handler)` returns what
 *   `remove` needs to end that subscription.
 * - `streaming(setting)` returns `{ emit, open, payloadOf }`: `open()` gives an async iterable of what
 *   `emit(payload)` emits from then on, `payloadOf(item)` the payload of one of its items.
 * - `inspecting(setting)` returns `{ inspect, count }`: `inspect()` says what a bus with many subscriptions
 *   is made of, `count(said)` how many subscriptions are in that.
 * - `queueing(setting)` returns `{ sites, hold, drained }`: for each of `setting.events` a call site
 *   `(payload, priority, key)` that enqueues it with the options that the event is `given`, and without others;
 *   `hold(run)` has a slot taken until what `run()` returns is over, and returns a promise of that, where there
 *   are slots; `drained()` returns a promise that fulfils when all has ended. `setting.way` says how the sites are
 *   used: promises are returned, and waited for, where it begins with `emit`.
 *
 * `setting` carries, besides `events` and their `kind`, what the contestant says: `verb`, `mode`, `compiled`
 * and the like.
 */
const libraries = {
  ambus: () => import('./ambus.mjs'),
  'ambus/queue': () => import('./ambus-queue.mjs'),
  async: () => import('./async.mjs'),
  'by-hand': () => import('./by-hand.mjs'),
  emittery: () => import('./emittery.mjs'),
  eventemitter2: () => import('./eventemitter2.mjs'),
  eventemitter3: () => import('./eventemitter3.mjs'),
  fastq: () => import('./fastq.mjs'),
  hookable: () => import('./hookable.mjs'),
  mitt: () => import('./mitt.mjs'),
  nanoevents: () => import('./nanoevents.mjs'),
  'node:events': () => import('./node-events.mjs'),
  'p-limit': () => import('./p-limit.mjs'),
  'p-queue': () => import('./p-queue.mjs'),
  rxjs: () => import('./rxjs.mjs'),
  tapable: () => import('./tapable.mjs'),
  tseep: () => import('./tseep.mjs'),
};

export const libraryNames = Object.keys(libraries);

export function loadLibrary(name) {
  return libraries[name]();
}
