import { dependenciesOf, setupOrder } from './model-order.js';
import { ModelError, ModelInstance, type ModelPlugin } from './model-plugin.js';
import { Thrown } from './model-scripts.js';
import type { ModelWorld } from './model-world.js';
import { HOST_TIMES, isAsyncPhase, type PluginPlan } from './program.js';
import { type Job, ModelSignal, type Task } from './simulation.js';

/** What came of setting plugins up. */
interface SetUp {
  readonly completed: readonly ModelInstance[];
  readonly failed: readonly Failed[];
}

/** A plugin that has failed, and whether that has been told. */
export interface Failed {
  readonly instance: ModelInstance;
  readonly error: ModelError;
  readonly isReported: boolean;
  /** Whether it was told to give up, and did. */
  readonly obeyed: boolean;
}

/** What is told of plugins whose setup succeeds: each is heard at once, or none is before all are. */
type Afterwards = 'are heard' | 'wait for each other';

interface TearingDown {
  /** What becomes of their plugins; nothing where others have taken their place. */
  readonly goesTo?: 'stopping' | 'stopped';
  /** Whether emissions under way still call them. */
  readonly isRetired?: boolean;
}

/** How plugins are set up, made ready, and torn down. */
export class ModelLifecycle {
  readonly #world: ModelWorld;

  constructor(world: ModelWorld) {
    this.#world = world;
  }

  /** Plugins, each after those that it depends on. */
  inSetupOrder(plugins: readonly ModelPlugin[]): ModelPlugin[] {
    const { plugins: all, rules } = this.#world;
    const order = setupOrder(
      all.map(({ plan }) => plan),
      rules,
    );
    return order.flatMap((name) => plugins.filter((plugin) => plugin.name === name));
  }

  instancesInOrder(instances: readonly ModelInstance[]): ModelInstance[] {
    const plugins = this.inSetupOrder(instances.map(({ plugin }) => plugin));
    return plugins.flatMap((plugin) => instances.filter((instance) => instance.plugin === plugin));
  }

  /** The active plugins that require a plugin, and those that require them. */
  dependantsOf(plugin: ModelPlugin): ModelPlugin[] {
    const { plugins } = this.#world;
    const found = new Set<ModelPlugin>();
    const look = ({ name }: ModelPlugin): void => {
      for (const other of plugins) {
        if (other === plugin || other.instance === undefined || found.has(other)) continue;
        if (!(name in other.plan.requires)) continue;
        found.add(other);
        look(other);
      }
    };
    look(plugin);
    return this.inSetupOrder([...found]);
  }

  /**
   * Sets plugins up, each as soon as those that it depends on are.
   *
   * @param plans - Of those that are to be set up, each after those that it depends on.
   */
  *setUp(
    plans: readonly PluginPlan[],
    afterwards: Afterwards,
    policy: 'abort' | 'continue',
    giveUp: ModelSignal,
  ): Task<SetUp> {
    const world = this.#world;
    const { rules, simulation } = world;
    const completed: ModelInstance[] = [];
    const failed: Failed[] = [];
    /** Those that are set up, or can't be. */
    const ended = new Set<string>();
    const out = new Set<string>();
    const running = new Set<ModelInstance>();
    const left = [...plans];
    const peers = new Map<string, ModelInstance>();
    let givenUp = giveUp.aborted ? { reason: giveUp.reason } : undefined;
    let wake: (() => void) | undefined;

    const abandon = (reason: unknown): void => {
      if (givenUp !== undefined) return;
      givenUp = { reason };
      for (const instance of running) instance.signal.abort(reason);
    };
    const forget = giveUp.whenAborted(() => abandon(giveUp.reason));

    const lifecycle = this;
    function* run(plan: PluginPlan, instance: ModelInstance, job: Job): Task {
      try {
        const timedOut = (): void => {
          instance.stage = 'closed';
          instance.signal.abort('TimeoutError');
        };
        const limitMs = rules.limitsSetup ? HOST_TIMES.setupMs(world.program.host) : Infinity;
        yield* world.scripts.limited(instance, limitMs, job, timedOut, isAsyncPhase(plan.setup));
        running.delete(instance);
        completed.push(instance);
        if (afterwards === 'wait for each other') peers.set(plan.name, instance);
        else if (givenUp === undefined && rules.heardOnceSetUp) lifecycle.activate(instance);
      } catch (thrown) {
        running.delete(instance);
        lifecycle.close(instance);
        const error = new ModelError('PLUGIN_SETUP_FAILED', plan.name, { cause: thrown });
        const obeyed = givenUp !== undefined && thrown instanceof Thrown && thrown.what === givenUp.reason;
        const isReported = policy === 'continue' && !obeyed;
        failed.push({ instance, error, isReported, obeyed });
        out.add(plan.name);
        if (isReported) {
          instance.plugin.state = 'failed';
          world.report(error);
          yield* world.scripts.dispose(instance, (other) => world.report(other));
        } else if (policy === 'abort') {
          if (rules.failureAbortsOthers) abandon(error);
          givenUp ??= { reason: error };
        }
      }
      ended.add(plan.name);
    }

    const mayBegin = (plan: PluginPlan): boolean => {
      if (!rules.setupsOverlap && running.size > 0) return false;
      return dependenciesOf(plan).every((name) => {
        if (!rules.setupHeedsOptional && !(name in plan.requires)) return true;
        return plans.every((other) => other.name !== name) || ended.has(name);
      });
    };
    const begin = (plan: PluginPlan): void => {
      const plugin = world.find(plan.name) as ModelPlugin;
      const isBlocked = rules.failureBlocks && Object.keys(plan.requires).some((name) => out.has(name));
      if (givenUp !== undefined || isBlocked) {
        if (givenUp === undefined) {
          plugin.state = 'blocked';
          out.add(plan.name);
        }
        ended.add(plan.name);
        return;
      }
      const required = Object.keys(plan.requires).map((name) => [name, peers.get(name) ?? world.find(name)?.instance]);
      const instance = new ModelInstance(world.nextId(plan.name), {
        plugin,
        plan,
        peers: afterwards === 'wait for each other' ? peers : undefined,
        required: new Map(required as [string, ModelInstance][]),
      });
      running.add(instance);
      const job = simulation.begin(world.scripts.phase(instance, 'setup', plan.setup, instance.signal));
      simulation.begin(run(plan, instance, job)).whenOver(() => wake?.());
    };
    const take = (which: (plan: PluginPlan) => boolean): PluginPlan | undefined => {
      const index = left.findIndex(which);
      return index === -1 ? undefined : left.splice(index, 1)[0];
    };

    // In their order at first. Later it is left open whether those that one lets begin come before the next.
    for (let next = take(mayBegin); next !== undefined; next = take(mayBegin)) begin(next);
    while (!plans.every(({ name }) => ended.has(name))) {
      yield (goOn) => {
        wake = goOn;
      };
      wake = undefined;
      for (let ready = left.filter(mayBegin); ready.length > 0; ready = left.filter(mayBegin)) {
        const now = simulation.decide('setupsByTurns') === 0 ? ready : ready.slice(0, 1);
        for (const plan of now) {
          if (mayBegin(plan)) take((other) => other === plan);
          begin(plan);
        }
      }
    }
    if (afterwards === 'are heard' && !rules.heardOnceSetUp && givenUp === undefined) {
      for (const instance of completed) this.activate(instance);
    }
    forget();
    return { completed, failed };
  }

  /** Has an instance be what its plugin is, and be heard. */
  activate(instance: ModelInstance): void {
    const { plugin } = instance;
    plugin.instance = instance;
    plugin.state = 'active';
    instance.stage = 'open';
    instance.heard = 'from now on';
  }

  /** Ends what an instance may do. */
  close(instance: ModelInstance): void {
    instance.stage = 'closed';
    instance.heard = 'no more';
    instance.subscriptions.length = 0;
    instance.signal.abort('CONTEXT_CLOSED');
  }

  /**
   * Has the `ready` of plugins run, one after the other.
   *
   * @param failed - What follows where one fails: whether the others go on.
   * @returns The one that it ended with.
   */
  *runReady(
    instances: readonly ModelInstance[],
    giveUp: ModelSignal | undefined,
    failed: (failure: Failed) => Task<boolean>,
  ): Task<Failed | undefined> {
    const world = this.#world;
    for (const instance of world.rules.readyOrder(instances)) {
      if (giveUp?.aborted === true) break;
      const { ready } = instance.plan;
      if (ready === undefined || instance.stage !== 'open') continue;
      const forget = giveUp?.whenAborted(() => instance.signal.abort(giveUp.reason));
      let failure: Failed | undefined;
      try {
        const job = world.simulation.begin(world.scripts.phase(instance, 'ready', ready, instance.signal));
        const limitMs = HOST_TIMES.setupMs(world.program.host);
        yield* world.scripts.limited(
          instance,
          limitMs,
          job,
          () => instance.signal.abort('TimeoutError'),
          isAsyncPhase(ready),
        );
      } catch (thrown) {
        const error = new ModelError('PLUGIN_READY_FAILED', instance.name, { cause: thrown });
        const obeyed = giveUp !== undefined && hasObeyed(thrown, giveUp);
        failure = { instance, error, isReported: false, obeyed };
      }
      forget?.();
      if (failure !== undefined && !(yield* failed(failure))) return failure;
    }
    return undefined;
  }

  /**
   * Tears plugins down, each when all those that depend on it are down.
   *
   * @param instances - In the order of their setup.
   * @returns What went wrong.
   */
  *tearDownAll(
    instances: readonly ModelInstance[],
    drainMs: number,
    { goesTo, isRetired = false }: TearingDown,
  ): Task<ModelError[]> {
    const { rules, simulation } = this.#world;
    const errors: ModelError[] = [];
    const down = new Map<ModelInstance, Job>();
    const lifecycle = this;
    function* tearDown(instance: ModelInstance, before: readonly Job[]): Task {
      for (const job of before) if (!job.isOver) yield* job.result();
      if (goesTo !== undefined) instance.plugin.state = 'stopping';
      yield* lifecycle.#tearDown(instance, drainMs, isRetired, (error) => errors.push(error));
      if (goesTo !== undefined) instance.plugin.state = goesTo;
    }
    for (const instance of instances.toReversed()) {
      const dependants = instances.filter(({ plan }) => dependenciesOf(plan).includes(instance.name));
      const before = rules.dependantsGoFirst ? dependants : [];
      const waits = rules.teardownsOverlap ? before : [...down.keys()];
      const jobs = waits.map((dependant) => down.get(dependant)).filter((job) => job !== undefined);
      down.set(instance, simulation.begin(tearDown(instance, jobs)));
    }
    for (const job of down.values()) if (!job.isOver) yield* job.result();
    return errors;
  }

  /** Tears active plugins down. */
  *takeDown(
    instances: readonly ModelInstance[],
    drainMs: number,
    goesTo: 'stopping' | 'stopped' = 'stopping',
  ): Task<ModelError[]> {
    return yield* this.tearDownAll(instances, drainMs, { goesTo });
  }

  /** Takes down what has failed after it was active, and those that depend on it. */
  *takeDownFailed(instance: ModelInstance, drainMs: number): Task<ModelError[]> {
    const { plugin } = instance;
    if (plugin.instance !== instance) return [];
    const dependants = this.dependantsOf(plugin);
    const leaving = [instance, ...dependants.map((dependant) => dependant.instance as ModelInstance)];
    const errors = yield* this.takeDown(leaving, drainMs);
    plugin.state = 'failed';
    for (const dependant of dependants) dependant.state = 'blocked';
    return errors;
  }

  /** No new handler runs; those that run are waited for; then its teardown, then its resources. */
  *#tearDown(instance: ModelInstance, drainMs: number, isRetired: boolean, keep: (error: ModelError) => void): Task {
    const world = this.#world;
    const { rules } = world;
    const { plan, plugin } = instance;
    instance.stage = 'stopping';
    if (!isRetired) this.#mute(instance);
    if (!rules.abortsAfterDrain) instance.signal.abort('CONTEXT_CLOSED');
    yield* world.drain(instance, drainMs, keep);
    yield* world.simulation.soon();
    this.#mute(instance);
    instance.signal.abort('CONTEXT_CLOSED');
    if (!rules.resourcesGoLast) yield* world.scripts.dispose(instance, keep);
    if (plan.teardown !== undefined) {
      const signal = new ModelSignal();
      try {
        const job = world.simulation.begin(world.scripts.phase(instance, 'teardown', plan.teardown, signal));
        const limitMs = HOST_TIMES.teardownMs(world.program.host);
        yield* world.scripts.limited(
          instance,
          limitMs,
          job,
          () => signal.abort('TimeoutError'),
          isAsyncPhase(plan.teardown),
        );
      } catch {
        keep(new ModelError('PLUGIN_TEARDOWN_FAILED', instance.name));
      }
    }
    do {
      yield* world.simulation.soon();
      yield* world.scripts.dispose(instance, keep);
      yield* world.simulation.soon();
    } while (instance.resources.length > 0);
    this.close(instance);
    if (plugin.instance === instance) plugin.instance = undefined;
  }

  #mute(instance: ModelInstance): void {
    instance.heard = 'no more';
    instance.subscriptions.length = 0;
    this.#world.reconsider();
  }
}

/** Whether what was thrown is what the plugin was told to give up with. */
function hasObeyed(thrown: unknown, { aborted, reason }: ModelSignal): boolean {
  return aborted && thrown instanceof Thrown && thrown.what === reason;
}
