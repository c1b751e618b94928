import type { LogEntry } from './contract/plugin-log.js';

/** Says that something of the plugin API is on its way out. */
export interface ApiDeprecation {
  /** The version of the plugin API, or the day, since when. */
  readonly since: string;
  /** What to use in its place. */
  readonly use: string;
  /** Where that is explained. */
  readonly link?: string | undefined;
}

/** Who is spoken of, where a host does something for a plugin. */
export interface HostedPlugin {
  readonly name: string;
  readonly version: string;
  /** Warns, once for this plugin, that it uses something on its way out. */
  deprecate(feature: string, deprecation: ApiDeprecation): void;
}

/**
 * Makes a plugin of one that was written for an older plugin API.
 *
 * @param plugin - What was given to `host.use`, as it is: all that is known of it is `name` and `api`.
 * @param hosted - Who it is, and how it is warned.
 * @returns A plugin as the host's own API has it, or a promise of one; `name`, `version` and `api` are taken from the
 *   old one where they are left out.
 */
export type ApiAdapter = (
  // biome-ignore lint/suspicious/noExplicitAny: whatever older versions had
  plugin: never,
  hosted: HostedPlugin,
) => unknown;

/** How a host behaves; every field may be left out. */
export interface PluginHostOptions<Services extends object = object> {
  /** Names the host in messages. @default 'host' */
  readonly name?: string | undefined;
  /** The version of the plugin API that this host offers, by semver: plugins ask for ranges of it. @default '1.0.0' */
  readonly api?: string | undefined;
  /** Takes plugins that ask for an older API, by ranges of it: `{ '1.x': adapter }`. @default none */
  readonly apis?: Readonly<Record<string, ApiAdapter>> | undefined;
  /** What plugins may ask for by name; or a function that makes them, for each plugin. @default none */
  readonly services?: Services | ((plugin: HostedPlugin) => Services) | undefined;
  /**
   * What a plugin that can't be started does. `abort`: the start is undone and rejects. `continue`: it is `failed`,
   * those that require it are `blocked`, and the rest runs. @default 'abort'
   */
  readonly onSetupError?: 'abort' | 'continue' | undefined;
  /** How long its `when`, loading a plugin, and adapting it may take, in milliseconds. @default 10_000 */
  readonly loadTimeoutMs?: number | undefined;
  /** How long `setup`, and `ready`, may take, in milliseconds. @default 10_000 */
  readonly setupTimeoutMs?: number | undefined;
  /** How long `teardown`, and each resource, may take, in milliseconds. @default 5_000 */
  readonly teardownTimeoutMs?: number | undefined;
  /** How long running handlers are waited for before a plugin is torn down, in milliseconds. @default 5_000 */
  readonly drainMs?: number | undefined;
  /** After how long observers are told who is still starting, in milliseconds; then after twice that, and so on. @default 1_000 */
  readonly slowAfterMs?: number | undefined;
  /** Gets what plugins log. @default the console, but for `debug` */
  readonly log?: ((entry: LogEntry) => void) | undefined;
}

/** Which events a plugin may have to do with, each an event or a pattern. */
export interface AllowedEvents {
  /** What it may subscribe to. A pattern of the plugin must be within one of these. @default everything */
  readonly on?: readonly string[] | undefined;
  /** What it may emit. @default everything */
  readonly emit?: readonly string[] | undefined;
}

/** How a host treats one plugin. */
export interface UseSettings {
  /** What it is called in this host: for the same plugin twice. @default the plugin's own name */
  readonly name?: string | undefined;
  /** Asked before it is loaded and set up: where the answer is falsy it is `disabled`. Sync or async. @default yes */
  readonly when?: (() => unknown) | undefined;
  /** Asked before each call of one of its handlers, besides the handler's own filter. Must be synchronous. */
  readonly filter?: ((event: { readonly type: PropertyKey; readonly payload: unknown }) => boolean) | undefined;
  /** How long one run of its handlers may take at most, in milliseconds. @default Infinity */
  readonly timeoutMs?: number | undefined;
  /** Added to the priority of each of its handlers. @default 0 */
  readonly priority?: number | undefined;
  /** Confines it to some events. @default everything */
  readonly allow?: AllowedEvents | undefined;
  /** @default the host's */
  readonly setupTimeoutMs?: number | undefined;
  /** @default the host's */
  readonly teardownTimeoutMs?: number | undefined;
}

/** For `start`. */
export interface StartOptions {
  /** Gives the start up, and undoes it. */
  readonly signal?: AbortSignal | undefined;
}

/** For `stop`. */
export interface StopOptions {
  /** How long running handlers of each plugin are waited for, in milliseconds. @default the host's */
  readonly drainMs?: number | undefined;
  /** As for {@link TakeOutOptions}. */
  readonly parent?: object | undefined;
}

/** For what takes plugins out: `disable` and `remove`. */
export interface TakeOutOptions {
  /** How long running handlers are waited for, in milliseconds. @default the host's */
  readonly drainMs?: number | undefined;
  /** Has the active plugins that require it torn down too: they are `blocked` until it is back. @default false */
  readonly cascade?: boolean | undefined;
  /** The context of the handler that this is called in, where that is after an `await`: it isn't waited for. */
  readonly parent?: object | undefined;
}

/** For `replace`. */
export interface ReplaceOptions {
  /** How long running handlers of the old one are waited for, in milliseconds. @default the host's */
  readonly drainMs?: number | undefined;
  /** Has the active plugins that require it set up again. @default false */
  readonly cascade?: boolean | undefined;
  /** What the new one gets as options. @default those of the old one */
  readonly options?: unknown;
  /** As for {@link TakeOutOptions}. */
  readonly parent?: object | undefined;
}
