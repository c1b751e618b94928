/// <reference lib="esnext.disposable" />

export { typed } from '../bus/events/schema.js';
export { definePlugin, pluginsFor } from './contract/define-plugin.js';
export type {
  ApiOf,
  DefinePlugin,
  DefinePluginFor,
  HandlerEntry,
  OptionsOf,
  Plugin,
  PluginHandlers,
  PluginObject,
  PluginOfOtherApi,
  PluginRanges,
  PluginSpec,
} from './contract/plugin.js';
export type {
  HeardContext,
  HeardEvent,
  Owned,
  PatternListener,
  PluginContext,
  PluginReference,
  PluginSubscribing,
  UnlistedEvent,
  UnlistedName,
} from './contract/plugin-context.js';
export type { LogEntry, LogLevel, PluginLog, WriteLog } from './contract/plugin-log.js';
export type {
  AllowedEvents,
  ApiAdapter,
  ApiDeprecation,
  HostedPlugin,
  PluginHostOptions,
  ReplaceOptions,
  StartOptions,
  StopOptions,
  TakeOutOptions,
  UseSettings,
} from './options.js';
export type { PluginDescriptor } from './plugin-descriptor.js';
export { PluginError, type PluginPhase, PluginsError } from './plugin-error.js';
export type { PluginHandle } from './plugin-handle.js';
export { PluginHost, type PluginHostConstructor } from './plugin-host.js';
export type { ExplainedHandler, Explanation, PluginState, PluginStatus } from './status.js';
export type { Loadable, Usable } from './usable.js';
