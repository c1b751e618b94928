/**
 * Who takes part: a library and how it is used. `label` names it within a case, `row` in the table of
 * the README (the label, where left out); the rest is for the library's module.
 */
export const ambus = { label: 'ambus', library: 'ambus', order: 'sequential' };
export const ambusHandle = { ...ambus, label: 'ambus event()', throughHandle: true };
export const ambusConcurrent = {
  ...ambus,
  label: 'ambus, concurrent',
  row: 'ambus',
  mode: 'concurrent',
  order: 'concurrent',
};
export const compiled = { ...ambus, label: 'ambus/compiled', compiled: true, provesGenerated: true };
/** Where the generator may decline: events with async handlers, or very many. */
export const compiledInPart = { ...compiled, provesGenerated: false };
export const compiledHandle = { ...compiled, label: 'ambus/compiled event()', throughHandle: true };
export const compiledConcurrent = {
  ...ambusConcurrent,
  label: 'ambus/compiled, concurrent',
  row: 'ambus/compiled',
  compiled: true,
};

/** Read as a stream. */
export const stream = { ...ambus, label: 'ambus stream' };

export const eventemitter3 = { label: 'eventemitter3', library: 'eventemitter3' };
export const nodeEvents = { label: 'node:events', library: 'node:events' };
export const mitt = { label: 'mitt', library: 'mitt' };
export const nanoevents = { label: 'nanoevents', library: 'nanoevents' };
export const tseep = { label: 'tseep', library: 'tseep' };
export const rxjs = { label: 'rxjs Subject', library: 'rxjs' };
export const eventemitter2 = { label: 'eventemitter2', library: 'eventemitter2' };
export const tapableSync = { label: 'tapable SyncHook', row: 'tapable', library: 'tapable' };

/** The libraries that emit synchronously, besides those that a budget names. */
export const syncPeers = [eventemitter3, nodeEvents, mitt, nanoevents, tseep, tapableSync, eventemitter2, rxjs];

const tapable = { library: 'tapable', row: 'tapable' };
export const tapableParallel = {
  ...tapable,
  label: 'tapable AsyncParallelHook',
  verb: 'AsyncParallelHook',
  order: 'concurrent',
};
/** For handlers that may or may not be async: all are wrapped into promises. */
export const tapableUnknowing = {
  ...tapableParallel,
  label: 'tapable AsyncParallelHook, all as promises',
  row: 'tapable, all as promises',
  unknowing: true,
};
export const tapableSeries = {
  ...tapable,
  label: 'tapable AsyncSeriesHook',
  verb: 'AsyncSeriesHook',
  order: 'sequential',
};

export const tapableWaterfall = { ...tapable, label: 'tapable SyncWaterfallHook', verb: 'SyncWaterfallHook' };
export const tapableAsyncWaterfall = {
  ...tapable,
  label: 'tapable AsyncSeriesWaterfallHook',
  verb: 'AsyncSeriesWaterfallHook',
  order: 'sequential',
};
export const tapableBail = { ...tapable, label: 'tapable SyncBailHook', verb: 'SyncBailHook' };

const emittery = { library: 'emittery', row: 'emittery' };
export const emitteryConcurrent = { ...emittery, label: 'emittery emit', verb: 'emit', order: 'concurrent' };
export const emitterySerial = { ...emittery, label: 'emittery emitSerial', verb: 'emitSerial', order: 'sequential' };
export const emitteryStream = { ...emittery, label: 'emittery events' };
export const nodeStream = { ...nodeEvents, label: 'node:events on' };

const hookable = { library: 'hookable', row: 'hookable' };
export const hookableParallel = {
  ...hookable,
  label: 'hookable callHookParallel',
  verb: 'callHookParallel',
  order: 'concurrent',
};
export const hookableSerial = { ...hookable, label: 'hookable callHook', verb: 'callHook', order: 'sequential' };

/** What hookable has for those who want answers at once: a caller of their own, given the handlers. */
export const hookableCollecting = { ...hookable, label: 'hookable callHookWith', verb: 'callHookWith' };

export const eventemitter2Awaited = {
  ...eventemitter2,
  label: 'eventemitter2 emitAsync',
  row: 'eventemitter2',
  order: 'concurrent',
};

/** What one would write without a library: no isolation, no order but that of the array, no time limits. */
const byHand = { library: 'by-hand', row: 'by hand' };
export const loopByHand = { ...byHand, label: 'a loop by hand', order: 'sequential' };
export const promiseAllByHand = { ...byHand, label: 'Promise.all by hand', order: 'concurrent' };
export const onionByHand = { ...byHand, label: 'an onion by hand', order: 'sequential', nextIsArgument: true };

/** Queues. What knows no priorities emits first in, first out. */
export const queue = { label: 'ambus', library: 'ambus/queue' };
export const pQueue = { label: 'p-queue', library: 'p-queue' };
/** With a `queueClass` that one would have to write: p-queue's own sorts an array. */
export const pQueueBuckets = {
  ...pQueue,
  label: 'p-queue, buckets by hand',
  row: 'p-queue, buckets by hand',
  hasBuckets: true,
};
export const pQueuePerKey = { ...pQueue, label: 'a p-queue for each key', slots: Infinity, isPerKey: true };
export const fastqCallback = { label: 'fastq, no priorities', row: 'fastq', library: 'fastq', hasPriorities: false };
export const fastqPromise = { ...fastqCallback, label: 'fastq promise, no priorities' };
/** For those who have a bus, and no queue of its own. */
const ontoBus = { ...fastqCallback, row: 'fastq onto a bus', isOntoBus: true };
export const fastqOntoBus = { ...ontoBus, label: 'fastq onto a bus, no priorities' };
export const fastqPromiseOntoBus = { ...ontoBus, label: 'fastq promise onto a bus, no priorities' };
export const asyncPriorities = { label: 'async priorityQueue', row: 'async', library: 'async' };
export const pLimit = { label: 'p-limit, no priorities', row: 'p-limit', library: 'p-limit', hasPriorities: false };
export const chainsByHand = { ...byHand, label: 'chains of promises by hand', slots: Infinity };

/** Hosts of plugins. Where setups are async, those that don't require each other overlap or they don't. */
export const pluginHost = { label: 'ambus', library: 'ambus/plugins', order: 'concurrent' };
const avvio = { library: 'avvio', row: 'avvio', order: 'sequential' };
export const avvioSorted = { ...avvio, label: 'avvio, sorted by hand' };
export const avvioNested = { ...avvio, label: 'avvio, nested', isNested: true };
const hostingByHand = { ...byHand, library: 'hosting-by-hand' };
export const hostingLoop = { ...hostingByHand, label: 'a loop by hand', order: 'sequential' };
export const hostingPromises = { ...hostingByHand, label: 'promises by hand', order: 'concurrent' };

/** Ten plugins that have all handlers between them, by the form in which they are written. */
const onBus = { ...ambus, library: 'ambus/plugins', plugins: 10 };
export const bareGroups = { ...onBus, label: 'ambus, bare groups', form: 'group' };
export const pluginSetups = { ...onBus, label: 'ambus, plugins with setup', form: 'setup' };
export const pluginObjects = { ...onBus, label: 'ambus, plugins with handlers', form: 'handlers' };
