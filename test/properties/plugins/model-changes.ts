import { failureOf, type ModelActivation } from './model-activation.js';
import { check } from './model-checks.js';
import type { ModelLifecycle } from './model-lifecycle.js';
import { ModelError, type ModelInstance, ModelPlugin } from './model-plugin.js';
import type { ModelWorld } from './model-world.js';
import { HOST_TIMES, type PluginPlan, type TakingOut, unitsToMs } from './program.js';
import type { Task } from './simulation.js';

/** What changes one plugin, and what comes of that for others; each when its turn has come. */
export class ModelChanges {
  readonly #world: ModelWorld;
  readonly #lifecycle: ModelLifecycle;
  readonly #activation: ModelActivation;

  constructor(world: ModelWorld, lifecycle: ModelLifecycle, activation: ModelActivation) {
    this.#world = world;
    this.#lifecycle = lifecycle;
    this.#activation = activation;
  }

  get #drainMs(): number {
    return HOST_TIMES.drainMs(this.#world.program.host);
  }

  /** Takes a plugin out, if it is active. */
  *#takeOut(plugin: ModelPlugin, { cascade, drain }: TakingOut): Task<ModelError[]> {
    const { instance } = plugin;
    if (instance === undefined) return [];
    const dependants = this.#lifecycle.dependantsOf(plugin);
    if (dependants.length > 0 && !cascade && this.#world.rules.refusesDependants) {
      throw new ModelError('HAS_DEPENDANTS', plugin.name);
    }
    const leaving = [instance, ...dependants.map((dependant) => dependant.instance as ModelInstance)];
    const errors = yield* this.#lifecycle.takeDown(leaving, drainMsOf({ drain }) ?? this.#drainMs);
    for (const dependant of dependants) dependant.state = 'blocked';
    return errors;
  }

  *disable(plugin: ModelPlugin, options: TakingOut): Task {
    if (plugin.state === 'disabled' && plugin.isOff) return;
    const errors = yield* this.#takeOut(plugin, options);
    plugin.isOff = true;
    plugin.state = 'disabled';
    yield* this.#unblock();
    throwAll(errors);
  }

  *remove(plugin: ModelPlugin, options: TakingOut): Task {
    const errors = yield* this.#takeOut(plugin, options);
    this.#drop(plugin);
    yield* this.#unblock();
    throwAll(errors);
  }

  #drop(plugin: ModelPlugin): void {
    const { plugins } = this.#world;
    plugins.splice(plugins.indexOf(plugin), 1);
    this.#world.findOrder();
  }

  *enable(plugin: ModelPlugin): Task {
    if (plugin.state === 'active') return;
    const { isOff, state } = plugin;
    plugin.isOff = false;
    if (this.#world.state !== 'started') {
      plugin.state = 'registered';
      return;
    }
    try {
      yield* this.#activation.run([plugin], { policy: 'abort', asks: false });
    } catch (error) {
      plugin.isOff = isOff;
      if (this.#world.rules.failedEnablingKeepsState) plugin.state = state;
      throw error;
    }
    yield* this.#unblock();
  }

  *add(plan: PluginPlan): Task {
    if (this.#world.state !== 'started') throw new ModelError('NOT_STARTED');
    if (this.#world.find(plan.name) !== undefined) throw new ModelError('DUPLICATE_PLUGIN', plan.name);
    const plugin = new ModelPlugin(plan, false);
    this.#world.plugins.push(plugin);
    try {
      yield* this.#activation.run([plugin], { policy: 'abort', asks: true });
    } catch (error) {
      this.#drop(plugin);
      throw error;
    }
    yield* this.#unblock();
  }

  /** Sets those up that were blocked, and whose requirements are met now, or by others of them. */
  *#unblock(): Task {
    const { plugins, rules } = this.#world;
    if (this.#world.state !== 'started' || !rules.unblocks) return;
    const coming = new Set(plugins.filter(({ state }) => state === 'blocked'));
    for (const plugin of this.#lifecycle.inSetupOrder([...coming])) {
      const isMet = Object.entries(plugin.plan.requires).every(([name, range]) => {
        const other = this.#world.find(name);
        if (other === undefined || (other.state !== 'active' && !coming.has(other))) return false;
        return this.#world.satisfies(other.plan, range);
      });
      if (!isMet) coming.delete(plugin);
    }
    if (coming.size === 0) return;
    const inUse = plugins.filter((plugin) => coming.has(plugin));
    yield* this.#activation.run(inUse, { policy: 'continue', asks: false });
  }

  *replace(plugin: ModelPlugin, plan: PluginPlan, options: TakingOut): Task {
    yield* this.#world.simulation.soon();
    if (plugin.instance === undefined) yield* this.#replaceIdle(plugin, plan);
    else yield* this.#replaceActive(plugin, plan, options);
  }

  *#replaceIdle(plugin: ModelPlugin, plan: PluginPlan): Task {
    const { plan: old, state } = plugin;
    this.#take(plugin, plan);
    if (this.#world.state !== 'started' || plugin.isOff || state === 'disabled') return;
    try {
      yield* this.#activation.run([plugin], { policy: 'abort', asks: false });
    } catch (error) {
      this.#take(plugin, old);
      plugin.state = state;
      throw error;
    }
    yield* this.#unblock();
  }

  #take(plugin: ModelPlugin, plan: PluginPlan): void {
    plugin.plan = plan;
    this.#world.findOrder();
  }

  *#replaceActive(plugin: ModelPlugin, plan: PluginPlan, { cascade, drain }: TakingOut): Task {
    const { rules } = this.#world;
    const dependants = this.#lifecycle.dependantsOf(plugin);
    const leaving = [plugin, ...dependants];
    const drainMs = drainMsOf({ drain }) ?? this.#drainMs;
    const problems = check(this.#world, leaving, plan);
    if (problems.errors.length > 0) throw failureOf(problems.errors);
    if (dependants.length > 0 && !cascade && rules.refusesDependants) {
      throw new ModelError('HAS_DEPENDANTS', plugin.name);
    }
    const going = rules.refusesDependants || cascade ? leaving : [plugin];
    const plans = going.map((one) => (one === plugin ? plan : one.plan));
    const old = going.map(({ instance }) => instance as ModelInstance);
    let fresh: readonly ModelInstance[];
    try {
      fresh = yield* this.#setUpFresh(plans);
    } catch (error) {
      if (!rules.failedReplacementKeepsOld) yield* this.#lifecycle.takeDown(old, drainMs, 'stopped');
      throw error;
    }
    this.#take(plugin, plan);
    for (const instance of fresh) this.#lifecycle.activate(instance);
    for (const instance of old) {
      instance.stage = 'stopping';
      instance.heard = rules.retiresReplaced ? 'by emissions under way' : 'no more';
      instance.subscriptions.length = 0;
    }
    this.#world.reconsider();
    const errors: ModelError[] = [];
    const takeDown = this.#lifecycle.takeDownFailed.bind(this.#lifecycle);
    yield* this.#lifecycle.runReady(fresh, undefined, function* failed({ error, instance }) {
      errors.push(error, ...(yield* takeDown(instance, drainMs)));
      return true;
    });
    errors.push(...(yield* this.#lifecycle.tearDownAll(old, drainMs, { isRetired: true })));
    throwAll(errors);
    yield* this.#unblock();
  }

  /** Sets up what is to take the place of active plugins, unheard. */
  *#setUpFresh(plans: readonly PluginPlan[]): Task<readonly ModelInstance[]> {
    const giveUp = this.#world.giveUp;
    const { completed, failed } = yield* this.#lifecycle.setUp(plans, 'wait for each other', 'abort', giveUp);
    const ordered = plans.flatMap(({ name }) => completed.filter((instance) => instance.name === name));
    const [first, ...others] = failed;
    if (first === undefined && !giveUp.aborted) return ordered;
    const rollback = others.filter(({ obeyed }) => !obeyed).map(({ error }) => error);
    for (const { instance } of failed) yield* this.#world.scripts.dispose(instance, (error) => rollback.push(error));
    rollback.push(...(yield* this.#lifecycle.tearDownAll(ordered, this.#drainMs, {})));
    if (first?.obeyed === false) throw new ModelError(first.error.code, first.error.plugin, { rollback });
    for (const error of rollback) this.#world.report(error);
    throw giveUp.reason;
  }
}

/** How long a change waits for handlers that run, where it says so. */
export function drainMsOf({ drain }: { readonly drain?: number | undefined }): number | undefined {
  if (drain === undefined) return undefined;
  return drain === 0 ? 0 : unitsToMs(drain, 'drain of a change');
}

/** Throws all that went wrong, if anything did. */
export function throwAll(errors: readonly ModelError[]): void {
  if (errors.length > 0) throw failureOf(errors);
}
