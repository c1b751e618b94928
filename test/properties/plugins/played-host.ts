import type { Change, EventName, HostProgram, PluginPlan } from './program.js';

/** What can be seen of a plugin from outside. */
export interface PluginLook {
  readonly name: string;
  readonly version: string | undefined;
  readonly state: string;
  readonly handlers: number;
  readonly resources: number;
  readonly late: number;
  readonly dependencies: readonly string[];
  readonly dependants: readonly string[];
}

/** What can be seen of a host from outside. */
export interface HostLook {
  readonly state: string;
  /** In any order. */
  readonly plugins: readonly PluginLook[];
  /** The names of those that are loaded, by their places. */
  readonly places: readonly string[];
  /** How many subscriptions the bus has. */
  readonly handlers: number;
  readonly inFlight: number;
}

/** A host on which a program is played: the real one, or the model. */
export interface PlayedHost {
  readonly now: number;
  /** Returns the code of what it throws. */
  use(plan: PluginPlan, when: boolean | undefined): string | undefined;
  /** Makes a change, and notes its outcome under the label. */
  change(label: string, change: Change): void;
  emit(label: string, event: EventName, verb: 'emit' | 'dispatch' | 'post'): void;
  abort(controller: number): void;
  advance(ms: number): Promise<void>;
  /** Lets everything settle that can by now. */
  quiet(): Promise<void>;
  look(): HostLook;
  /** What there is although everything is over. */
  leftovers(): readonly string[];
}

/** Notes what happens on a host, in the same words for both. */
export interface Stage {
  /** Of one thing, in order. */
  note(facet: string, text: string): void;
  /** `onFailure` was told. */
  report(text: string): void;
  /** Something happened that must never happen. */
  violated(text: string): void;
  /** Whether handlers have made so many changes that this one isn't made: they may cause each other for ever. */
  isEnough(): boolean;
}

/** Makes the host that a program is played on. */
export type MakeHost = (program: HostProgram, stage: Stage) => PlayedHost;
