/// <reference lib="esnext.disposable" />

export type { DispatchCompiler } from './bus/compiler.js';
export type { EmitResult, ResultOf } from './bus/emit-result.js';
export { EventBus, type EventBusConstructor } from './bus/event-bus.js';
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
} from './bus/event-declaration.js';
export type { EventHandle } from './bus/event-handle.js';
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
} from './bus/event-map.js';
export type { EventStream, StreamOptions, StreamOverflow } from './bus/event-stream.js';
export { fromEventTarget, toEventTarget } from './bus/event-target.js';
export { type EmitterLike, type EmitterMapping, fromEmitter } from './bus/from-emitter.js';
export type { HandlerGroup } from './bus/group.js';
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
} from './bus/handler.js';
export type {
  AnyInterceptedEmission,
  InterceptedChange,
  InterceptedEmission,
  InterceptOptions,
  Interceptor,
  InterceptorNext,
} from './bus/interceptor.js';
export type {
  BusFacts,
  BusObserver,
  DeprecationFound,
  Dropped,
  EmissionSettled,
  EmissionStarted,
  HandlerSettled,
  HandlerSkipped,
  HandlerStarted,
  Intercepted,
  LateSettled,
  LeakSuspected,
  SkipReason,
  StreamDropped,
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
export { typed } from './bus/schema.js';
export type { BusCounts, BusSnapshot, EventSnapshot, HandlerSnapshot, StreamSnapshot } from './bus/snapshot.js';
export type { WaitOptions } from './bus/wait-for.js';
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
