import { describe } from '../chronicle.js';
import { failuresText, failureText } from './failure-text.js';
import { ModelActivation } from './model-activation.js';
import { drainMsOf, ModelChanges, throwAll } from './model-changes.js';
import type { ModelRun } from './model-emission.js';
import { ModelLifecycle } from './model-lifecycle.js';
import { dependenciesOf } from './model-order.js';
import { ModelError, ModelErrors, type ModelInstance, ModelPlugin } from './model-plugin.js';
import { ModelWorld } from './model-world.js';
import type { HostLook, PlayedHost, Stage } from './played-host.js';
import {
  ABORT_REASONS,
  type Change,
  type EventName,
  HOST_TIMES,
  type HostProgram,
  type PluginPlan,
} from './program.js';
import type { HostRules } from './rules.js';
import { type Job, ModelSignal, type Simulation, type Task } from './simulation.js';

/**
 * The design of a host, told as plainly as can be: what is awaited there is a wait in the model's time, and everything
 * is looked up whenever it is asked for.
 */
export class ModelHost implements PlayedHost {
  readonly #world: ModelWorld;
  readonly #lifecycle: ModelLifecycle;
  readonly #activation: ModelActivation;
  readonly #changes: ModelChanges;
  readonly #signals = ABORT_REASONS.map(() => new ModelSignal());
  /** The change that the next one waits for. */
  #last: Job | undefined;
  #stopping: Job | undefined;
  /** What the changes are given up with that are under way or wait when the host is stopped. */
  #ending: ModelError | undefined;

  constructor(program: HostProgram, stage: Stage, rules: HostRules, simulation: Simulation) {
    this.#world = new ModelWorld(program, rules, simulation, stage, (...given) => this.#change(...given));
    this.#lifecycle = new ModelLifecycle(this.#world);
    this.#activation = new ModelActivation(this.#world, this.#lifecycle);
    this.#changes = new ModelChanges(this.#world, this.#lifecycle, this.#activation);
  }

  get now(): number {
    return this.#world.now;
  }

  /** Whether the design doesn't say what happens. */
  get isAmbiguous(): boolean {
    return this.#world.isAmbiguous;
  }

  get #policy(): 'abort' | 'continue' {
    return this.#world.program.host.onSetupError;
  }

  get #drainMs(): number {
    return HOST_TIMES.drainMs(this.#world.program.host);
  }

  use(plan: PluginPlan, when: boolean | undefined): string | undefined {
    if (this.#world.state !== 'idle' && this.#world.state !== 'stopped') return 'ALREADY_STARTED';
    if (this.#world.find(plan.name) !== undefined) return 'DUPLICATE_PLUGIN';
    this.#world.plugins.push(new ModelPlugin(plan, when === false));
    return undefined;
  }

  change(label: string, change: Change): void {
    this.#change(label, change, undefined);
  }

  emit(label: string, event: EventName, verb: 'emit' | 'dispatch' | 'post'): void {
    this.#world.emit(label, event, undefined, verb === 'post');
  }

  abort(controller: number): void {
    this.#signals[controller]?.abort(ABORT_REASONS[controller]);
  }

  async advance(ms: number): Promise<void> {
    this.#world.simulation.timeline.advance(ms);
  }

  async quiet(): Promise<void> {
    this.#world.simulation.timeline.advance(0);
  }

  look(): HostLook {
    const { emissions, order, plugins } = this.#world;
    const instances = plugins.flatMap(({ instance }) => instance ?? []);
    const heard = instances.filter((instance) => instance.heard === 'from now on');
    return {
      state: this.#world.state,
      plugins: plugins.map(({ instance, late, name, plan, state }) => ({
        name,
        version: plan.version,
        state,
        handlers: instance?.subscriptions.length ?? 0,
        resources: instance?.resources.length ?? 0,
        late,
        dependencies: dependenciesOf(plan).filter((other) => this.#world.find(other)?.state === 'active'),
        dependants: plugins.filter((other) => name in other.plan.requires).map((other) => other.name),
      })),
      places: order.filter((name) => this.#world.find(name) !== undefined),
      handlers: heard.reduce((sum, { subscriptions }) => sum + subscriptions.length, 0),
      inFlight: emissions.size,
    };
  }

  leftovers(): readonly string[] {
    return [];
  }

  // Changes

  #change(label: string, change: Change, caller: ModelRun | undefined): Job {
    const { held, simulation, stage } = this.#world;
    const refusal = this.#refusalOf(change);
    const within = refusal === undefined ? (caller?.emission.ancestry ?? []) : [];
    held.add(within);
    this.#world.reconsider();
    const job = refusal === undefined ? this.#begin(change) : simulation.begin(this.#refuse(refusal.error));
    const end = (): void => {
      held.delete(within);
      stage.note(`outcome of ${label}`, outcomeText(job));
    };
    if (job.isOver) simulation.timeline.soon(end);
    else job.whenOver(end);
    return job;
  }

  /** Why a change is refused at once. */
  #refusalOf(change: Change): { readonly error: unknown } | undefined {
    const isStarted = this.#world.state !== 'idle' && this.#world.state !== 'stopped';
    switch (change.do) {
      case 'start': {
        if (isStarted) return { error: new ModelError('ALREADY_STARTED') };
        const { aborted, reason } = this.#signalOf(change) ?? {};
        return aborted === true ? { error: reason } : undefined;
      }
      case 'stop':
        return undefined;
      case 'add':
        return isStarted ? undefined : { error: new ModelError('NOT_STARTED') };
      default: {
        // Who isn't there now is not waited for.
        const isThere = this.#world.find(change.plugin) !== undefined;
        return isThere ? undefined : { error: new ModelError('UNKNOWN_PLUGIN') };
      }
    }
  }

  #signalOf({ signal }: { readonly signal?: number | undefined }): ModelSignal | undefined {
    return signal === undefined ? undefined : this.#signals[signal];
  }

  #begin(change: Change): Job {
    switch (change.do) {
      case 'start': {
        const signal = this.#signalOf(change);
        this.#world.state = 'starting';
        const forget = signal?.whenAborted(() => this.#world.giveUp.abort(signal.reason));
        return this.#inTurn(this.#start(signal, () => forget?.()));
      }
      case 'stop':
        if (this.#stopping !== undefined && !this.#stopping.isOver) return this.#stopping;
        if (this.#last !== undefined) {
          this.#ending = new ModelError('HOST_STOPPED');
          this.#world.giveUp.abort(this.#ending);
        }
        this.#stopping = this.#inTurn(this.#stop(drainMsOf(change) ?? this.#drainMs));
        return this.#stopping;
      case 'add':
        return this.#inTurn(this.#changes.add(change.plan));
      default:
        return this.#inTurn(this.#changeOne(change));
    }
  }

  // oxlint-disable-next-line require-yield -- there is nothing to wait for
  *#refuse(error: unknown): Task {
    throw error;
  }

  /** Begins a task when the one before it is over. */
  #inTurn(task: Task): Job {
    const { rules, simulation } = this.#world;
    const last = rules.changesInTurn ? this.#last : undefined;
    const begin = (): void => {
      this.#world.giveUp = new ModelSignal();
      if (this.#ending !== undefined) this.#world.giveUp.abort(this.#ending);
    };
    function* inTurn(): Task {
      if (last !== undefined) yield (goOn) => last.whenOver(goOn);
      begin();
      yield* task;
    }
    const job = simulation.begin(inTurn());
    this.#last = job;
    job.whenOver(() => {
      if (this.#last === job) this.#last = undefined;
    });
    return job;
  }

  *#changeOne(change: Exclude<Change, { do: 'start' | 'stop' | 'add' }>): Task {
    const plugin = this.#find(change.plugin);
    switch (change.do) {
      case 'enable':
        return yield* this.#changes.enable(plugin);
      case 'disable':
        return yield* this.#changes.disable(plugin, change);
      case 'remove':
        return yield* this.#changes.remove(plugin, change);
      case 'replace':
        return yield* this.#changes.replace(plugin, change.plan, change);
    }
  }

  #find(name: string): ModelPlugin {
    const plugin = this.#world.find(name);
    if (plugin === undefined) throw new ModelError('UNKNOWN_PLUGIN');
    return plugin;
  }

  // Start and stop

  *#start(signal: ModelSignal | undefined, forget: () => void): Task {
    const { plugins } = this.#world;
    if (signal?.aborted === true) this.#world.giveUp.abort(signal.reason);
    try {
      for (const plugin of plugins) if (!plugin.isOff) plugin.state = 'registered';
      const wanted = plugins.filter(({ isOff }) => !isOff);
      yield* this.#activation.run(wanted, { policy: this.#policy, asks: true });
      this.#world.state = 'started';
    } catch (error) {
      this.#world.state = 'idle';
      throw error;
    } finally {
      forget();
    }
  }

  *#stop(drainMs: number): Task {
    this.#ending = undefined;
    if (this.#world.state !== 'started') return;
    this.#world.state = 'stopping';
    const { plugins } = this.#world;
    const active = plugins.filter(({ instance }) => instance !== undefined);
    const instances = this.#lifecycle.inSetupOrder(active).map(({ instance }) => instance as ModelInstance);
    const errors = yield* this.#lifecycle.takeDown(instances, drainMs, 'stopped');
    this.#world.state = 'stopped';
    throwAll(errors);
  }
}

/** What a change ends with, in the words of the real host. */
function outcomeText(job: Job): string {
  const failed = job.failure;
  if (failed === undefined) return 'fulfilled';
  const { error } = failed;
  if (error instanceof ModelErrors) return `rejected with ${failuresText(error.errors)}`;
  return `rejected with ${error instanceof ModelError ? failureText(error) : describe(error)}`;
}
