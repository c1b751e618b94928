/// <reference lib="esnext.disposable" />

export type { DispatchCompiler } from './bus/compiler.js';
export type { EmitResult } from './bus/emit-result.js';
export { EventBus, type EventBusConstructor } from './bus/event-bus.js';
export type { EventHandle } from './bus/event-handle.js';
export type {
  AnyEvent,
  EventName,
  InputOf,
  Matching,
  PatternOf,
  PayloadOf,
  VoidEventName,
} from './bus/event-map.js';
export type { HandlerGroup } from './bus/group.js';
export type {
  EmissionContext,
  Emitting,
  Handler,
  HandlerContext,
  SubscribeOptions,
  Subscribing,
  Unsubscribe,
} from './bus/handler.js';
export type {
  BusFacts,
  BusObserver,
  Dropped,
  EmissionSettled,
  EmissionStarted,
  HandlerSettled,
  HandlerSkipped,
  HandlerStarted,
  LateSettled,
  LeakSuspected,
  SkipReason,
  Subscribed,
  SubscriptionKind,
  Unsubscribed,
  UnsubscribeReason,
} from './bus/observer.js';
export type {
  BusOptions,
  CloseOptions,
  CloseReport,
  EmitOptions,
  FailurePolicy,
  FanOutMode,
  IdleOptions,
  Unfinished,
} from './bus/options.js';
export type { BusCounts, BusSnapshot, EventSnapshot, HandlerSnapshot } from './bus/snapshot.js';
export {
  AmbusError,
  EmitError,
  type ErrorCode,
  type ErrorDetails,
  HandlerError,
  type HandlerErrorOrigin,
  type HandlerPhase,
} from './errors.js';
export type { Clock } from './internal/clock.js';
export { chain } from './internal/thenable.js';
