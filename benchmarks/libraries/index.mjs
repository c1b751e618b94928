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
 * - `hosting(setting)` returns `{ define, start, emit, stop }`: `define(plugins)` makes of `{ name, requires, setUp,
 *   tearDown }` what the library takes, `start(defined)` returns a promise that fulfils when all are set up, `emit(type,
 *   payload)` reaches what they have subscribed by the `on` of what `setUp` is given, `stop()` tears all down.
 * - `switching()` returns `{ log, start, emit, disable, enable }`: `start(types)` starts a plugin and those that require it,
 *   each of which adds the `step` of the payload to `log.calls` at one of the types.
 * - `crowding(setting)` returns `{ add, start, emit, stop }` for plugins with a single handler, or what one has in their
 *   place: `add(name, type, handler, required)`, the last being the positions of those that it requires.
 * - `replacing(setting)` returns `{ bus, replace, stop }` for `setting.plugins`, each with a `name` and its `handlers`:
 *   `replace(name, handlers)` returns a promise that fulfils when nothing of the old one runs any more.
 *
 * `setting` carries, besides `events` and their `kind`, what the contestant says: `verb`, `mode`, `compiled`
 * and the like.
 */
const libraries = {
  ambus: () => import('./ambus.mjs'),
  'ambus/plugins': () => import('./ambus-plugins.mjs'),
  'ambus/queue': () => import('./ambus-queue.mjs'),
  async: () => import('./async.mjs'),
  avvio: () => import('./avvio.mjs'),
  'by-hand': () => import('./by-hand.mjs'),
  emittery: () => import('./emittery.mjs'),
  eventemitter2: () => import('./eventemitter2.mjs'),
  eventemitter3: () => import('./eventemitter3.mjs'),
  fastq: () => import('./fastq.mjs'),
  hookable: () => import('./hookable.mjs'),
  'hosting-by-hand': () => import('./hosting-by-hand.mjs'),
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
