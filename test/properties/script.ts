import type { Cause, EmitStep, Script, SharedStep, Step, SubscriptionPlan } from './program.js';

/**
 * What the script of one run can do, and what it is told. `Wait` is whatever the world, real or
 * modelled, waits with.
 */
export interface Stage<Wait> {
  /** Names the run; what it emits and subscribes is named after it. */
  readonly label: string;
  /** Whether its caller can't wait. */
  isSync(): boolean;
  emit(label: string, step: EmitStep): Wait | undefined;
  subscribe(label: string, plan: SubscriptionPlan): void;
  share(label: string, step: SharedStep): void;
  stop(): void;
  look(): void;
  wait(ms: number): Wait;
  waitForAbort(): Wait;
  waitForEver(): Wait;
  /** What `ctx.signal` aborted with. */
  abortReason(): unknown;
}

/** How deep emissions may nest: a run at this depth emits nothing. */
const DEEPEST_RUN = 3;

/** Plays a script: yields whenever it has to wait, and returns or throws what it ends with. */
export function* play<Wait>(script: Script, stage: Stage<Wait>): Generator<Wait, string, void> {
  for (const [index, step] of script.steps.entries()) {
    const label = `${stage.label}:${index}`;
    switch (step.do) {
      case 'wait':
        yield stage.wait(step.ms);
        break;
      case 'emit': {
        if (depthOf(stage.label) >= DEEPEST_RUN) break;
        const settled = stage.emit(label, step);
        if (settled !== undefined && step.awaited) yield settled;
        break;
      }
      case 'subscribe':
        stage.subscribe(label, step.plan);
        break;
      case 'stop':
        stage.stop();
        break;
      case 'look':
        stage.look();
        break;
      default:
        stage.share(label, step);
    }
  }
  switch (script.end.with) {
    case 'return':
      return 'a value';
    case 'throw':
      throw thrown(script.end.cause, stage.label);
    case 'never':
      yield stage.waitForEver();
      return 'never';
    case 'abort': {
      if (stage.isSync()) return 'not waiting';
      yield stage.waitForAbort();
      if (script.end.then === 'throw') throw stage.abortReason();
      return 'aborted';
    }
  }
}

/** Whether the script uses the context of its handler, which needs a second parameter then. */
export function usesContext(script: Script): boolean {
  const inStep = (step: Step): boolean =>
    step.do === 'stop' || step.do === 'look' || (step.do === 'emit' && step.via === 'ctx');
  return script.end.with === 'abort' || script.steps.some(inStep);
}

/** How deep a run is nested: each run on the way to it puts one `>` into the label. */
function depthOf(label: string): number {
  return label.split('>').length - 1;
}

/** What a cause stands for. */
export function thrown(cause: Cause, label: string): unknown {
  switch (cause) {
    case 'error':
      return new Error(label);
    case 'undefined':
      return undefined;
    case 'null':
      return null;
    case 'zero':
      return 0;
    case 'empty':
      return '';
    case 'false':
      return false;
  }
}
