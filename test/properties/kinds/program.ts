import type { EventKind, FailurePolicy, FanOutMode } from '../../../src/index.js';
import type { Cause, FilterPlan } from '../program.js';

/** The events of every program, one of each kind. */
export const EVENTS = {
  'page.seen': 'broadcast',
  'page.render': 'waterfall',
  'page.find': 'first',
  'page.check': 'collect',
  'page.load': 'around',
} as const satisfies Record<string, EventKind>;
export type EventName = keyof typeof EVENTS;
export const EVENT_NAMES = Object.keys(EVENTS) as readonly EventName[];

/**
 * A program for a bus with declared events. As in `../program.ts` it is data, and whatever it refers
 * to is referred to by index, modulo how many there are.
 */
export interface KindProgram {
  /**
   * Whether one thing happens after the other: every command is left to settle, and every emission
   * that a handler makes is waited for. Only then may promises settle without taking time, because
   * nothing says which of two that settle at the same moment is first.
   */
  readonly calm: boolean;
  readonly bus: BusPlan;
  readonly events: { readonly [Name in EventName]: SettingsPlan };
  /** The `place` of each group. */
  readonly groups: readonly number[];
  readonly subscriptions: readonly SubscriptionPlan[];
  /** What handlers may subscribe. */
  readonly spares: readonly SubscriptionPlan[];
  readonly commands: readonly Command[];
}

/** What a bus, an event or an emission may be told. */
export interface SettingsPlan {
  readonly mode?: FanOutMode | undefined;
  readonly concurrency?: number | undefined;
  readonly failurePolicy?: FailurePolicy | undefined;
}

export interface BusPlan extends SettingsPlan {
  /** By which of its ways the bus goes: they differ in speed, and must not in anything else. */
  readonly way: 'plain' | 'compiled' | 'observed' | 'limited' | 'traced';
}

export type Command = EmitStep | SharedStep | { readonly do: 'advance'; readonly ms: number };

/** What a handler does, one after the other. */
export type Step =
  | EmitStep
  | SharedStep
  | NextStep
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'stop' }
  /** Notes whether `ctx.signal` has aborted. */
  | { readonly do: 'look' };

export interface EmitStep extends SettingsPlan {
  readonly do: 'emit';
  readonly event: EventName;
  readonly verb: Verb;
  readonly via: 'ctx' | 'bus' | 'handle';
  /** Whether a handler waits for it to settle, and for how long after that. */
  readonly awaited: boolean;
  readonly ms: number;
  readonly timeoutMs?: number | undefined;
  /** Which controller's signal it is given. */
  readonly signal?: number | undefined;
  /** Given to an `around` only. */
  readonly core?: CorePlan | undefined;
}

export type Verb = 'emit' | 'emitSync' | 'dispatch' | 'post';

/** A call of `ctx.next`, which only a handler of an `around` may make. */
export interface NextStep {
  readonly do: 'next';
  /** What it gives to those further in; nothing where it is left out. */
  readonly give?: 'another' | 'null' | undefined;
  /** Whether the handler waits for what it gets, and for how long after that. */
  readonly awaited: boolean;
  readonly ms: number;
  /** What the handler does about a failure: `retried` calls once more, and then lets it through. */
  readonly failure: 'through' | 'caught' | 'retried' | 'replaced';
}

export type SharedStep =
  | { readonly do: 'unsubscribe'; readonly subscription: number }
  | { readonly do: 'subscribe'; readonly spare: number }
  | { readonly do: 'group'; readonly group: number; readonly act: GroupAct }
  | { readonly do: 'abort'; readonly controller: number };

export type GroupAct = 'pause' | 'resume' | 'retire' | 'remove';

export interface SubscriptionPlan {
  readonly target: Target;
  readonly priority?: number | undefined;
  readonly group?: number | undefined;
  readonly times?: number | undefined;
  readonly filter?: FilterPlan | undefined;
  readonly failurePolicy?: 'isolate' | 'stop' | undefined;
  readonly timeoutMs?: number | undefined;
  readonly script: Script;
}

export type Target =
  | { readonly kind: 'exact'; readonly name: EventName }
  | { readonly kind: 'pattern'; readonly name: string }
  | { readonly kind: 'list'; readonly names: readonly EventName[] }
  | { readonly kind: 'any' };

export interface Script {
  readonly steps: readonly Step[];
  readonly end: End;
  /**
   * `plain`: a promise only where the script has to wait; `promise`: always one; `thenable`: a
   * foreign one.
   */
  readonly shape: 'plain' | 'promise' | 'thenable';
  /** How long a promise takes at least, in milliseconds. */
  readonly ms: number;
}

/** The innermost function of an `around`. */
export type CorePlan = Pick<Script, 'end' | 'shape' | 'ms'>;

export type End =
  | { readonly with: 'answer'; readonly answer: Answer }
  | { readonly with: 'throw'; readonly cause: Cause };

/**
 * What a handler returns: the payload with its name behind it, the payload itself, what it got from
 * `next` (or that with its name around it), or something falsy.
 */
export type Answer = 'own' | 'payload' | 'inner' | 'wrapped' | 'undefined' | 'null' | 'false' | 'zero' | 'empty';

/** How many emissions a program may make, and how many of its handlers' runs do anything: attempts multiply. */
export const MOST_EMISSIONS = 20;
export const MOST_RUNS = 300;
