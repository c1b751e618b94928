import { check } from './model-checks.js';
import type { Failed, ModelLifecycle } from './model-lifecycle.js';
import { ModelError, ModelErrors, type ModelInstance, type ModelPlugin } from './model-plugin.js';
import type { ModelWorld } from './model-world.js';
import { HOST_TIMES } from './program.js';
import type { ModelSignal, Task } from './simulation.js';

/** How plugins are brought to life. */
interface Activating {
  /** What comes of the others where one fails. */
  readonly policy: 'abort' | 'continue';
  /** Whether each one's `when` is asked. */
  readonly asks: boolean;
}

/** How plugins are brought to life, by the start of a host or later. */
export class ModelActivation {
  readonly #world: ModelWorld;
  readonly #lifecycle: ModelLifecycle;

  constructor(world: ModelWorld, lifecycle: ModelLifecycle) {
    this.#world = world;
    this.#lifecycle = lifecycle;
  }

  get #drainMs(): number {
    return HOST_TIMES.drainMs(this.#world.program.host);
  }

  /** Loads and checks plugins, sets them up, and has their `ready` run; under `abort`, or else undoes it all. */
  *run(all: readonly ModelPlugin[], { asks, policy }: Activating): Task {
    const world = this.#world;
    const { giveUp } = world;
    yield* world.simulation.soon();
    const present = all.filter((plugin) => {
      if (!asks || !plugin.isUnwanted) return true;
      plugin.state = 'disabled';
      return false;
    });
    if (isGivenUp(giveUp)) throw giveUp.reason;
    const problems = check(world, present);
    if (policy === 'abort' && problems.errors.length > 0) {
      for (const plugin of present) if (problems.of.has(plugin.name)) plugin.state = 'failed';
      throw failureOf(problems.errors);
    }
    for (const error of problems.errors) world.report(error);
    const fit = this.#setAside(problems.of, present);
    world.findOrder();
    for (const plugin of fit) plugin.state = 'starting';
    const plans = this.#lifecycle.inSetupOrder(fit).map(({ plan }) => plan);
    const { completed, failed } = yield* this.#lifecycle.setUp(plans, 'are heard', policy, giveUp);
    if (isGivenUp(giveUp) || (policy === 'abort' && failed.length > 0)) {
      const rollback = yield* this.#undo(
        all,
        completed,
        failed.map(({ instance }) => instance),
      );
      this.#giveUpOr(giveUp, failed, rollback);
    }
    yield* this.#makeReady(all, completed, policy, giveUp);
  }

  /** Those that have no problem, and require none that have. */
  #setAside(problems: ReadonlyMap<string, ModelError>, present: readonly ModelPlugin[]): ModelPlugin[] {
    const out = new Set<string>();
    for (const plugin of this.#lifecycle.inSetupOrder(present)) {
      const { name, plan } = plugin;
      const error = problems.get(name);
      const isBlocked = Object.keys(plan.requires).some((other) => out.has(other));
      if (error === undefined && !isBlocked) continue;
      out.add(name);
      plugin.state = error === undefined || error.code === 'MISSING_PLUGIN' ? 'blocked' : 'failed';
    }
    return present.filter(({ name }) => !out.has(name));
  }

  *#makeReady(
    all: readonly ModelPlugin[],
    completed: readonly ModelInstance[],
    policy: 'abort' | 'continue',
    giveUp: ModelSignal,
  ): Task {
    const world = this.#world;
    const takeDown = this.#lifecycle.takeDownFailed.bind(this.#lifecycle);
    const drainMs = this.#drainMs;
    function* failed({ error, instance, obeyed }: Failed): Task<boolean> {
      if (policy === 'abort' || obeyed) return false;
      world.report(error);
      for (const other of yield* takeDown(instance, drainMs)) world.report(other);
      return true;
    }
    const last = yield* this.#lifecycle.runReady(this.#lifecycle.instancesInOrder(completed), giveUp, failed);
    if (!isGivenUp(giveUp) && last === undefined) return;
    const rollback = yield* this.#undo(all, completed, []);
    this.#giveUpOr(giveUp, last === undefined ? [] : [last], rollback);
  }

  /** Throws why a start is given up, or what has failed in it. */
  #giveUpOr(giveUp: ModelSignal, failed: readonly Failed[], rollback: readonly ModelError[]): never {
    if (giveUp.aborted) {
      const untold = failed.filter(({ isReported, obeyed }) => !isReported && !obeyed);
      for (const error of [...untold.map((one) => one.error), ...rollback]) this.#world.report(error);
      throw giveUp.reason;
    }
    const [first, ...others] = failed.filter(({ obeyed }) => !obeyed) as [Failed, ...Failed[]];
    const { code, plugin } = first.error;
    const also = others.map(({ error }) => error);
    first.instance.plugin.state = 'failed';
    throw new ModelError(code, plugin, { rollback: [...also, ...rollback] });
  }

  /** Undoes a start, as far as it has come. */
  *#undo(
    all: readonly ModelPlugin[],
    completed: readonly ModelInstance[],
    failed: readonly ModelInstance[],
  ): Task<ModelError[]> {
    const { rules } = this.#world;
    const errors: ModelError[] = [];
    if (rules.failedIsTornDown) errors.push(...(yield* this.#lifecycle.tearDownAll(failed, this.#drainMs, {})));
    for (const instance of failed) yield* this.#world.scripts.dispose(instance, (error) => errors.push(error));
    const left = completed.filter(({ stage }) => stage !== 'closed' && rules.rollsBack);
    errors.push(...(yield* this.#lifecycle.takeDown(this.#lifecycle.instancesInOrder(left), this.#drainMs)));
    for (const plugin of all) {
      if (['starting', 'stopping', 'active'].includes(plugin.state)) plugin.state = 'registered';
    }
    return errors;
  }
}

/** What a change fails with. */
export function failureOf(errors: readonly ModelError[]): unknown {
  return errors.length === 1 ? errors[0] : new ModelErrors(errors);
}

/** Asked for each time: it changes while something else is waited for. */
function isGivenUp(signal: ModelSignal): boolean {
  return signal.aborted;
}
