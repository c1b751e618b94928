/**
 * Where a plugin is in its life. `registered`: known, not started. `starting`: it is set up, or waits for those that it
 * requires. `active`: its handlers are heard. `failed`: by itself. `blocked`: a plugin that it requires isn't active.
 * `disabled`: switched off. `quarantined`: paused for its health. `stopping`: it drains and is torn down. `stopped`:
 * torn down with its host.
 */
export type PluginState =
  | 'registered'
  | 'starting'
  | 'active'
  | 'failed'
  | 'blocked'
  | 'disabled'
  | 'quarantined'
  | 'stopping'
  | 'stopped';

/** What a host knows of a plugin, as plain data. */
export interface PluginStatus {
  readonly name: string;
  /** Undefined where the plugin could not be loaded. */
  readonly version: string | undefined;
  readonly state: PluginState;
  /** Why it is `failed`, `blocked` or `disabled`, in words. */
  readonly reason: string | undefined;
  /** What it failed with. */
  readonly error: unknown;
  /** Its place in the order of handlers of equal priority, from 1; undefined where it isn't loaded. */
  readonly place: number | undefined;
  /** The active plugins that it requires, or makes use of. */
  readonly dependencies: readonly string[];
  /** The plugins that require it. */
  readonly dependants: readonly string[];
  /** How many subscriptions it has. */
  readonly handlers: number;
  /** How many resources are to be disposed of with it. */
  readonly resources: number;
  /** How long its last setup took, in milliseconds; undefined where there was none. */
  readonly setupMs: number | undefined;
  /** Phases whose time was up, and which have not ended yet. */
  readonly late: number;
  /** The version of the plugin API that an adapter took it from. */
  readonly adaptedFrom: string | undefined;
}

/** Where a handler comes in the order of an event, and why. */
export interface ExplainedHandler {
  readonly handler: string;
  /** The plugin, or group, that it belongs to. */
  readonly group: string | undefined;
  readonly priority: number;
  /** Its group's place. */
  readonly place: number;
  /** What it listens to, where that isn't just this event. */
  readonly pattern: string | undefined;
  /** Whether it is paused. */
  readonly paused: boolean;
  /** Why it comes after the one before it. */
  readonly reason: string;
}

/** The order of an event's handlers, explained. As text, it is a line for each. */
export interface Explanation {
  readonly type: string;
  readonly handlers: readonly ExplainedHandler[];
  toString(): string;
}
