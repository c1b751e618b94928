import type { FanOutMode } from '../../../src/index.js';

export type FanOut = FanOutMode;

/**
 * A program for a host of plugins: what its plugins are and do, what is done with it, and when. It is data; the real
 * host and the model both play it, and must come to the same.
 */
export interface HostProgram {
  readonly host: HostPlan;
  /** The plugins that are used before anything else, in this order. */
  readonly plugins: readonly UsedPlugin[];
  readonly commands: readonly Command[];
}

/** Times are in units: see {@link unitsToMs}. */
export interface HostPlan {
  readonly onSetupError: 'abort' | 'continue';
  /** How emissions fan out. */
  readonly mode: FanOutMode;
  readonly setup: number;
  readonly teardown: number;
  readonly drain: number;
  /** Whether observers listen; the bus may go another way then. */
  readonly observed: boolean;
  /** Whether dispatchers are generated. */
  readonly compiled: boolean;
}

export interface UsedPlugin {
  readonly plan: PluginPlan;
  /** What `when` says; left out where there is none. */
  readonly when?: boolean | undefined;
}

export interface PluginPlan {
  readonly name: PluginName;
  readonly version: '1.2.0' | '2.0.0';
  readonly requires: Ranges;
  readonly optional: Ranges;
  readonly before: readonly PluginName[];
  readonly after: readonly PluginName[];
  readonly setup: Phase;
  readonly ready?: Phase | undefined;
  readonly teardown?: Phase | undefined;
}

export type Ranges = Readonly<Partial<Record<PluginName, '*' | '^1' | '^2'>>>;

/** What a plugin does in `setup`, `ready` or `teardown`. */
export interface Phase {
  readonly steps: readonly PhaseStep[];
  /** Whether it returns a promise where it needn't. */
  readonly promise: boolean;
  readonly fails?: Failing;
}

export type PhaseStep =
  | Waiting
  | Asking
  | { readonly do: 'own'; readonly resource: ResourcePlan }
  | { readonly do: 'on'; readonly handler: HandlerPlan }
  | { readonly do: 'emit'; readonly event: EventName };

/** Lets time pass; where it heeds the plugin's signal, until that aborts: then it goes on, or throws the reason. */
export interface Waiting {
  readonly do: 'wait';
  readonly units: number;
  readonly heeds?: 'goes on' | 'throws' | undefined;
}

/** Asks for the API of one of the plugins that it depends on, if there are any. */
export interface Asking {
  readonly do: 'ask';
  readonly dependency: number;
}

/** What is thrown in the end, if anything is: an error, or something that is none. */
export type Failing = 'error' | 'undefined' | undefined;

export interface ResourcePlan {
  readonly form: 'function' | 'dispose' | 'asyncDispose' | 'release';
  /** How long it takes to dispose of it. */
  readonly units?: number | undefined;
  readonly fails?: Failing;
}

export interface HandlerPlan {
  readonly event: EventName;
  readonly priority: number;
  readonly steps: readonly HandlerStep[];
  readonly promise: boolean;
  readonly fails?: Failing;
}

export type HandlerStep =
  | Waiting
  | Asking
  | {
      readonly do: 'emit';
      /** Always the second event: the handlers of the first emit it, and its own emit nothing. */
      readonly verb: 'emit' | 'post';
      /** By the context of the handler, or that of its plugin. */
      readonly via: 'handler' | 'plugin';
      readonly awaited: boolean;
    }
  | {
      readonly do: 'change';
      readonly change: Change;
      readonly awaited: boolean;
    };

/** Whether a phase returns a promise. */
export function isAsyncPhase({ promise, steps }: Phase): boolean {
  return promise || steps.some((step) => step.do === 'wait' || step.do === 'emit');
}

/** Whether a handler returns a promise. */
export function isAsyncHandler({ promise, steps }: HandlerPlan): boolean {
  return promise || steps.some((step) => step.do === 'wait' || ('awaited' in step && step.awaited));
}

/** Whether disposing of a resource returns a promise. */
export function isAsyncResource({ form, units }: ResourcePlan): boolean {
  return units !== undefined || form === 'asyncDispose';
}

export type Change =
  | { readonly do: 'start'; readonly signal?: number | undefined }
  | { readonly do: 'stop'; readonly drain?: number | undefined; readonly parent: boolean }
  | { readonly do: 'add'; readonly plan: PluginPlan }
  | { readonly do: 'enable'; readonly plugin: PluginName }
  | (TakingOut & { readonly do: 'disable' | 'remove' })
  | (TakingOut & { readonly do: 'replace'; readonly plan: PluginPlan });

export interface TakingOut {
  readonly plugin: PluginName;
  readonly cascade: boolean;
  readonly drain?: number | undefined;
  /** Whether a handler that has awaited something says where it calls from. */
  readonly parent: boolean;
}

export type Command =
  | { readonly do: 'change'; readonly change: Change; readonly awaited: boolean }
  | { readonly do: 'use'; readonly plan: PluginPlan }
  | { readonly do: 'emit'; readonly event: EventName; readonly verb: 'emit' | 'dispatch' | 'post' }
  | { readonly do: 'advance'; readonly units: number }
  | { readonly do: 'abort'; readonly controller: number };

export const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;
export type PluginName = (typeof NAMES)[number];

export const EVENTS = ['first', 'second'] as const;
export type EventName = (typeof EVENTS)[number];

/** How many abort controllers a program has, and what they abort with. */
export const ABORT_REASONS: readonly unknown[] = [new Error('aborted by the program'), 0];

const UNIT_MS = 1_000_000;

/** Longer than anything in a program takes. */
export const LONG_MS = 1_000 * UNIT_MS;

/**
 * So many units in milliseconds, and some more, by which what takes the time is told from others: few things fall due
 * at the same moment, for nothing would say which of them is first.
 */
export function unitsToMs(units: number, what: string): number {
  let hash = 0;
  for (const character of what) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return units * UNIT_MS + ((hash >>> 0) % (UNIT_MS - 1)) + 1;
}

/** The time limits of a host. */
export const HOST_TIMES = {
  setupMs: ({ setup }: HostPlan): number => unitsToMs(setup, 'setup'),
  teardownMs: ({ teardown }: HostPlan): number => unitsToMs(teardown, 'teardown'),
  drainMs: ({ drain }: HostPlan): number => (drain === 0 ? 0 : unitsToMs(drain, 'drain')),
} as const;
