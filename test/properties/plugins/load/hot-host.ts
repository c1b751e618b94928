import type { EventBus } from '../../../../src/index.js';
import type { PluginContext } from '../../../../src/plugins/index.js';
import type { ManualClock } from '../../../../src/testing/index.js';

/** What a plugin under load has to do with its host. */
export type HotContext = Pick<PluginContext, 'api' | 'emit' | 'on' | 'onAny' | 'own' | 'signal' | 'state'>;

/** A plugin under load. */
export interface HotPlugin {
  readonly name: string;
  readonly requires: readonly string[];
  readonly optional: readonly string[];
  readonly before: readonly string[];
  setup(ctx: HotContext): unknown;
  ready(ctx: HotContext): unknown;
  teardown(ctx: HotContext): unknown;
}

export interface ChangeOptions {
  readonly cascade?: boolean;
  readonly drainMs?: number;
  readonly parent?: object;
}

/** As much of a host as it takes to change plugins while events are in flight. */
export interface HotHost {
  start(plugins: readonly HotPlugin[], signal: AbortSignal): Promise<void>;
  stop(): Promise<void>;
  add(plugin: HotPlugin): Promise<void>;
  enable(name: string): Promise<void>;
  disable(name: string, options: ChangeOptions): Promise<void>;
  remove(name: string, options: ChangeOptions): Promise<void>;
  replace(name: string, next: HotPlugin, options: ChangeOptions): Promise<void>;
}

export type MakeHost = (bus: EventBus, clock: ManualClock) => HotHost;

/** How long it is waited for handlers that run, unless something else is said, in milliseconds. */
export const DRAIN_MS = 1_000;
