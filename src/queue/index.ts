/// <reference lib="esnext.disposable" />

export { EventQueue, type EventQueueConstructor } from './event-queue.js';
export type {
  LeftEvent,
  QueueCloseOptions,
  QueueCloseReport,
  QueueIdleOptions,
  QueueingOptions,
  QueueOptions,
  QueueOverflow,
  UnfinishedEmission,
} from './options.js';
export type { QueueCounts, QueueSnapshot, RunningSnapshot } from './snapshot.js';
