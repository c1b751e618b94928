import type { Then } from '../../internal/thenable.js';
import type { orphans, scope } from './ancestry.js';
import type { Answers } from './answers.js';
import type { Context } from './context.js';
import type { conclude, leave, leaveThrown } from './dispatch.js';
import type { makeResult } from './emit-result.js';
import type { Plan, PlanRunner } from './plan.js';

/**
 * Makes dispatchers for events that are emitted often: `compiled()` of `ambus/compiled` returns one.
 * How it does that is between it and the bus.
 */
export interface DispatchCompiler {
  /** What `inspect()` calls it. */
  readonly name: string;
  /** After how many emissions on unchanged subscriptions an event gets a dispatcher. */
  readonly after: number;
  /** False once code generation has turned out to be forbidden. */
  readonly active: boolean;
}

/** What the bus knows of a compiler, and applications need not. */
export interface GeneratingCompiler extends DispatchCompiler {
  /** @returns Undefined where it makes none: code generation is forbidden, or there are too many handlers. */
  compile(parts: DispatchParts): PlanRunner | undefined;
}

/** What a dispatcher is put together from. */
export interface DispatchParts {
  readonly plan: Plan;
  readonly scope: typeof scope;
  readonly orphans: typeof orphans;
  readonly Context: typeof Context;
  readonly settled: number;
  readonly thenOf: (value: unknown) => Then | undefined;
  readonly leave: typeof leave;
  readonly leaveThrown: typeof leaveThrown;
  /** Of the event's kind. */
  readonly makeAnswers: () => Answers | null;
  readonly conclude: typeof conclude;
  readonly makeResult: typeof makeResult;
}
