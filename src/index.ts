/// <reference lib="esnext.disposable" />

export { fromEventTarget, toEventTarget } from './bus/bridges/event-target.js';
export { type EmitterLike, type EmitterMapping, fromEmitter } from './bus/bridges/from-emitter.js';
export type { DispatchCompiler } from './bus/dispatching/compiler.js';
export type { EmitResult, ResultOf } from './bus/dispatching/emit-result.js';
export { EventBus, type EventBusConstructor } from './bus/event-bus.js';
export type { EventHandle } from './bus/event-handle.js';
export {
  type AnswerSettings,
  around,
  broadcast,
  collect,
  type Deprecation,
  defineEvents,
  type EventDeclaration,
  type EventDeclarations,
  type EventKind,
  type EventSettings,
  type EventTypes,
  type FanOutSettings,
  first,
  type WaterfallSettings,
  waterfall,
} from './bus/events/event-declaration.js';
export type {
  AnswerOf,
  AnyEvent,
  EventName,
  EventOf,
  InputOf,
  KindOf,
  Matching,
  PatternOf,
  PayloadOf,
  VoidEventName,
} from './bus/events/event-map.js';
export { typed } from './bus/events/schema.js';
export type {
  AnyInterceptedEmission,
  InterceptedChange,
  InterceptedEmission,
  InterceptOptions,
  Interceptor,
  InterceptorNext,
} from './bus/intercepting/interceptor.js';
export type {
  BusFacts,
  BusObserver,
  DeprecationFound,
  Dequeued,
  Dropped,
  EmissionSettled,
  EmissionStarted,
  Enqueued,
  HandlerSettled,
  HandlerSkipped,
  HandlerStarted,
  Intercepted,
  LateSettled,
  LeakSuspected,
  PluginDeprecationFound,
  PluginPhaseSettled,
  PluginPhaseStarted,
  PluginStateChanged,
  PluginsSlow,
  SkipReason,
  StreamDropped,
  Subscribed,
  SubscriptionKind,
  Unsubscribed,
  UnsubscribeReason,
} from './bus/observing/observer.js';
export type {
  BusCounts,
  BusSnapshot,
  EventSnapshot,
  HandlerSnapshot,
  StreamSnapshot,
} from './bus/observing/snapshot.js';
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
export type { EventStream, StreamOptions, StreamOverflow } from './bus/subscribing/event-stream.js';
export type { HandlerGroup } from './bus/subscribing/group.js';
export type {
  AroundContext,
  EmissionContext,
  EmitOptionsOf,
  Emitting,
  Handler,
  HandlerContext,
  Listener,
  ListenerContext,
  ReturnedBy,
  SubscribeOptions,
  Subscribing,
  Unsubscribe,
} from './bus/subscribing/handler.js';
export type { WaitOptions } from './bus/subscribing/wait-for.js';
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
