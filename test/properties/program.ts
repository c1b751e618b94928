import type { FailurePolicy, FanOutMode } from '../../src/index.js';

/**
 * A program is data: what an application does with a bus, and what its handlers do when they are
 * called. The real bus and the reference model both play it, and must come to the same.
 *
 * Subscriptions, groups and abort controllers are referred to by index, modulo how many there are,
 * so that every program is meaningful and stays so while it shrinks.
 */
export interface Program {
  readonly bus: BusPlan;
  /** The `place` of each group. */
  readonly groups: readonly number[];
  readonly commands: readonly Command[];
  /** How long it is left alone at the end, in milliseconds, before the bus is closed. */
  readonly restMs: number;
  /** How long the closing waits for what is in flight, in milliseconds. */
  readonly drainMs: number;
}

export interface BusPlan {
  readonly mode: FanOutMode;
  readonly concurrency?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly lateMs?: number | undefined;
  readonly failurePolicy?: FailurePolicy | undefined;
  readonly asyncContext?: 'auto' | 'always' | 'never' | undefined;
  /** Whether an observer of every fact is attached. */
  readonly observed: boolean;
}

/** What the application does, one after the other; between two of them only `advance` lets promises settle. */
export type Command =
  | EmitStep
  | SubscribeStep
  | SharedStep
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'idle'; readonly timeoutMs?: number | undefined };

/** What a handler does, one after the other. */
export type Step =
  | EmitStep
  | SubscribeStep
  | SharedStep
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'stop' }
  /** Notes down what the context says. */
  | { readonly do: 'look' };

export interface EmitStep {
  readonly do: 'emit';
  readonly event: EventName;
  readonly verb: Verb;
  /** Whether a handler emits through its context, through the bus, or through `bus.event()`. */
  readonly via: 'ctx' | 'bus' | 'handle';
  /** Whether a handler waits for it to settle. */
  readonly awaited: boolean;
  readonly mode?: FanOutMode | undefined;
  readonly concurrency?: number | undefined;
  readonly failurePolicy?: FailurePolicy | undefined;
  readonly timeoutMs?: number | undefined;
  /** Which controller's signal it is given. */
  readonly signal?: number | undefined;
  /** A key of `meta`; its value is the emission's label. */
  readonly meta?: 'tenant' | 'user' | undefined;
}

export interface SubscribeStep {
  readonly do: 'subscribe';
  readonly plan: SubscriptionPlan;
}

export type SharedStep =
  | { readonly do: 'unsubscribe'; readonly subscription: number }
  /** `bus.off()` with the function and the target of a subscription. */
  | { readonly do: 'off'; readonly subscription: number }
  | { readonly do: 'group'; readonly group: number; readonly act: 'pause' | 'resume' | 'retire' | 'remove' }
  | { readonly do: 'abort'; readonly controller: number };

export type Verb = 'emit' | 'emitSync' | 'dispatch' | 'post';

export interface SubscriptionPlan {
  readonly target: Target;
  readonly priority?: number | undefined;
  readonly group?: number | undefined;
  readonly times?: number | undefined;
  readonly filter?: FilterPlan | undefined;
  readonly failurePolicy?: 'isolate' | 'stop' | undefined;
  readonly timeoutMs?: number | undefined;
  readonly concurrency?: number | undefined;
  /** Which controller's signal it is given. */
  readonly signal?: number | undefined;
  /** Subscribes the function of an earlier subscription once more; `script` isn't used then. */
  readonly sameAs?: number | undefined;
  readonly script: Script;
}

export type Target =
  | { readonly kind: 'exact' | 'pattern'; readonly name: string }
  | { readonly kind: 'list'; readonly names: readonly string[] }
  | { readonly kind: 'any' };

/** What a filter does. `nested`: lets through what a handler emitted, and nothing else. */
export type FilterPlan = 'true' | 'truthy' | 'false' | 'falsy' | 'nested' | 'throws' | 'resolves' | 'rejects';

export interface Script {
  readonly steps: readonly Step[];
  readonly end: End;
  readonly shape: Shape;
}

export type End =
  | { readonly with: 'return' }
  | { readonly with: 'throw'; readonly cause: Cause }
  | { readonly with: 'never' }
  /** Waits until `ctx.signal` aborts, then throws its reason or returns. */
  | { readonly with: 'abort'; readonly then: 'throw' | 'return' };

/** What is thrown: an error that names its run, or something falsy. */
export type Cause = 'error' | 'undefined' | 'null' | 'zero' | 'empty' | 'false';

/**
 * What the bus gets to see of a script. `plain`: a value or a throw, as long as the script doesn't
 * wait, else a promise; `promise`: always a promise; `thenable`: a foreign object with `then`;
 * `function`: a foreign function with `then`; `twice`: a thenable that settles again and again, and
 * throws after that where it settles at once; `getter`: an object whose `then` throws when it is read; `thrower`: one whose `then`
 * throws when it is called; `lookalike`: an object whose `then` is no function. The last three are
 * only for scripts that don't wait.
 */
export type Shape = 'plain' | 'promise' | 'thenable' | 'function' | 'twice' | 'getter' | 'thrower' | 'lookalike';

export const EVENTS = ['order', 'order.placed', 'order.paid', 'user.added'] as const;
export const PATTERNS = ['order.*', 'order.**', '*', '**', '*.added', 'user.*.*'] as const;
export type EventName = (typeof EVENTS)[number];

/** How many abort controllers a program has. */
export const CONTROLLERS = 2;

/** What the controllers abort with, by index. */
export const ABORT_REASONS: readonly unknown[] = [new Error('aborted by the program'), 0];

/** How many emissions a program may make, and how many subscriptions, those by handlers included. */
export const MOST_EMISSIONS = 40;
export const MOST_SUBSCRIPTIONS = 24;
