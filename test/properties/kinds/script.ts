import { describe } from '../chronicle.js';
import { thrown } from '../script.js';
import type { Answer, CorePlan, EmitStep, End, NextStep, Script, SharedStep } from './program.js';
import { awaited, drive, isThenable, type Steps } from './steps.js';

/** What the script of one run can do. */
export interface Stage {
  /** Names the run. */
  readonly run: string;
  /** Names the handler. */
  readonly handler: string;
  readonly payload: unknown;
  /** Whether nothing else goes on at the same time. */
  readonly calm: boolean;
  note(text: string): void;
  next(...payload: unknown[]): unknown;
  emit(step: EmitStep): PromiseLike<unknown> | undefined;
  share(step: SharedStep): void;
  stop(): void;
  /** Whether `ctx.signal` has aborted. */
  isAborted(): boolean;
  wait(ms: number): Promise<void>;
}

/** Plays a script as a handler does, and returns or throws what it ends with. */
export function perform(script: Script, stage: Stage): unknown {
  return shaped(script.shape, () => drive(inItsTime(script, stage, play(script, stage))));
}

/** Plays the innermost function of an `around`. */
export function performCore(core: CorePlan, stage: Stage): unknown {
  return shaped(core.shape, () => drive(inItsTime(core, stage, play({ ...core, steps: [] }, stage))));
}

/** Whether a handler needs its context for it. */
export function usesContext({ steps }: Script): boolean {
  return steps.some((step) => ['next', 'stop', 'look', 'emit'].includes(step.do));
}

/** Has what is asynchronous take its time, also where it fails. */
function* inItsTime({ shape, ms }: CorePlan, stage: Stage, steps: Steps<unknown>): Steps<unknown> {
  try {
    return yield* steps;
  } finally {
    if (shape !== 'plain' && ms > 0) yield stage.wait(ms);
  }
}

function* play(script: Script, stage: Stage): Steps<unknown> {
  let inner: unknown;
  for (const [index, step] of script.steps.entries()) {
    switch (step.do) {
      case 'wait':
        yield stage.wait(step.ms);
        break;
      case 'next':
        inner = yield* callNext(step, stage, !stage.calm || isPassedOn(script, index));
        break;
      case 'emit': {
        const settled = stage.emit(step);
        if (settled === undefined) break;
        yield settled;
        yield stage.wait(step.ms);
        break;
      }
      case 'stop':
        stage.stop();
        break;
      case 'look':
        stage.note(stage.isAborted() ? 'is told to give up' : 'may go on');
        break;
      default:
        stage.share(step);
    }
  }
  return end(script.end, stage, inner);
}

/** Whether the handler returns what it gets from `next`, and does nothing else after it. */
function isPassedOn({ steps, end: plan }: Script, index: number): boolean {
  const isReturned = plan.with === 'answer' && (plan.answer === 'inner' || plan.answer === 'wrapped');
  return isReturned && index === steps.length - 1;
}

function* callNext(step: NextStep, stage: Stage, mayGoOn: boolean): Steps<unknown> {
  for (let isSecond = false; ; isSecond = true) {
    try {
      const given = step.give === 'another' ? [`${stage.run}'s`] : step.give === 'null' ? [null] : [];
      const got = stage.next(...given);
      if (isThenable(got)) stage.note('gets a promise from next');
      if (isThenable(got) && !step.awaited && mayGoOn) return got;
      const inner = yield* awaited(got);
      stage.note(`gets ${describe(inner)} from next`);
      if (isThenable(got) && !stage.calm) yield stage.wait(step.ms);
      return inner;
    } catch (error) {
      stage.note(`gets a failure from next: ${describe(error)}`);
      if (step.failure === 'caught') return `caught ${describe(error)}`;
      if (step.failure === 'replaced') throw new Error(`replaced by ${stage.run}`, { cause: error });
      if (step.failure === 'through' || isSecond) throw error;
    }
  }
}

function end(plan: End, { run, handler, payload }: Stage, inner: unknown): unknown {
  if (plan.with === 'throw') throw thrown(plan.cause, run);
  const answers: Record<Answer, unknown> = {
    own: `${String(payload)}+${handler}`,
    payload,
    inner,
    wrapped: isThenable(inner) ? inner : `${handler}(${String(inner)})`,
    undefined: undefined,
    null: null,
    false: false,
    zero: 0,
    empty: '',
  };
  return answers[plan.answer];
}

function shaped(shape: Script['shape'], call: () => unknown): unknown {
  if (shape === 'plain') return call();
  // As an asynchronous function does: a throw is a rejection.
  const promise = (async () => call())();
  if (shape === 'promise') return promise;
  // oxlint-disable-next-line unicorn/no-thenable -- that is what it is
  return { then: promise.then.bind(promise) };
}
