import { failureText } from './failure-text.js';
import { ModelEmission, type ModelRun } from './model-emission.js';
import { handlerOrder } from './model-order.js';
import { ModelError, type ModelInstance, type ModelPlugin, type ModelSubscription } from './model-plugin.js';
import { type MakeChange, ModelScripts } from './model-scripts.js';
import type { Stage } from './played-host.js';
import type { EventName, HostProgram, PluginName, PluginPlan } from './program.js';
import type { HostRules } from './rules.js';
import { ModelSignal, type Simulation, type Task } from './simulation.js';

/** Somebody who waits for the handlers of a plugin. */
interface Drain {
  readonly instance: ModelInstance;
  readonly over: () => void;
}

/** What is the same whatever is done with a host: who its plugins are, and the emissions that they hear. */
export class ModelWorld {
  readonly program: HostProgram;
  readonly rules: HostRules;
  readonly simulation: Simulation;
  readonly stage: Stage;
  state: 'idle' | 'starting' | 'started' | 'stopping' | 'stopped' = 'idle';
  /** Gives up the change that is under way, as far as it sets plugins up. */
  giveUp = new ModelSignal();
  /** In the order of their use. */
  readonly plugins: ModelPlugin[] = [];
  readonly emissions = new Set<ModelEmission>();
  /** The emissions in whose handlers changes were called that are not over. */
  readonly held = new Set<readonly ModelEmission[]>();
  readonly #drains = new Set<Drain>();
  readonly #counts = new Map<string, number>();
  readonly scripts: ModelScripts;
  /** The order of handlers, as it was last found out. */
  order: readonly PluginName[] = [];
  /** Whether something has happened of which the design doesn't say what comes of it. */
  isAmbiguous = false;

  constructor(program: HostProgram, rules: HostRules, simulation: Simulation, stage: Stage, makeChange: MakeChange) {
    this.program = program;
    this.rules = rules;
    this.simulation = simulation;
    this.stage = stage;
    this.scripts = new ModelScripts(this, makeChange);
  }

  get now(): number {
    return this.simulation.now;
  }

  find(name: string): ModelPlugin | undefined {
    return this.plugins.find((plugin) => plugin.name === name);
  }

  findOrder(): void {
    const plans = this.plugins.map(({ plan }) => plan);
    const { circles, order } = handlerOrder(plans, this.rules);
    this.order = order;
    // As where the plan of a plugin that isn't set up is replaced: nothing says what comes of that.
    if (circles.length > 0) this.isAmbiguous = true;
  }

  /** What the next instance of a plugin is called. */
  nextId(name: PluginName): string {
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    return `${name}#${count}`;
  }

  note(instance: ModelInstance, text: string): void {
    this.stage.note(`life of ${instance.id}`, text);
  }

  report(error: ModelError): void {
    this.stage.report(failureText(error));
  }

  /** Whether the version of a plugin is one of those that are asked for. */
  satisfies({ version }: PluginPlan, range: string): boolean {
    return range === '*' || version.startsWith(range.slice(1)) || !this.rules.heedsVersions;
  }

  // Draining

  /** Waits for the handlers of a plugin that run. */
  *drain(instance: ModelInstance, drainMs: number, keep: (error: ModelError) => void): Task {
    if (this.simulation.decide('endingHandlers') === 0) yield* this.simulation.soon();
    if (!this.rules.drains || this.#isDrained(instance)) return;
    const isInTime =
      drainMs > 0 &&
      (yield* this.simulation.within(drainMs, (over) => {
        const drain = { instance, over };
        this.#drains.add(drain);
      }));
    for (const drain of this.#drains) if (drain.instance === instance) this.#drains.delete(drain);
    if (!isInTime) keep(new ModelError('PLUGIN_NOT_DRAINED', instance.name));
  }

  /** Nobody is waited for who waits for that. */
  #isDrained(instance: ModelInstance): boolean {
    const waiting = new Set(this.rules.waitsForItself ? [] : [...this.held].flat());
    return ![...this.emissions].some((emission) => !waiting.has(emission) && emission.involves(instance));
  }

  /** Something may have ended for which somebody waits. */
  reconsider(): void {
    for (const drain of this.#drains) {
      if (!this.#isDrained(drain.instance)) continue;
      this.#drains.delete(drain);
      this.simulation.timeline.soon(drain.over);
    }
  }

  // Emissions

  emit(label: string, event: EventName, from: ModelRun | undefined, isPosted = false): ModelEmission {
    const { mode } = this.program.host;
    const parent = from?.emission;
    const emission = new ModelEmission(this.#emissionStage, label, { event, mode }, parent, this.#listeners(event));
    this.emissions.add(emission);
    emission.proceed();
    const end = (): void => {
      const { called, failures, skipped } = emission;
      if (!isPosted) this.stage.note(`outcome of ${label}`, `${called} called, ${skipped} skipped, ${failures} failed`);
    };
    if (emission.isOver) end();
    else emission.whenOver(end);
    return emission;
  }

  #listeners(event: EventName): ModelSubscription[] {
    const heard = this.plugins.flatMap(({ instance }) => (instance?.heard === 'from now on' ? [instance] : []));
    const listed = heard.flatMap((instance) => {
      const place = this.order.indexOf(instance.name);
      return instance.listeners(event).map((subscription) => ({
        subscription,
        priority: subscription.plan.priority,
        place,
        age: instance.subscriptions.indexOf(subscription),
      }));
    });
    return listed.sort(this.rules.order).map(({ subscription }) => subscription);
  }

  get #emissionStage() {
    return {
      simulation: this.simulation,
      run: (run: ModelRun) => this.simulation.begin(this.scripts.handle(run)),
      failed: ({ subscription }: ModelRun) => this.stage.report(`HANDLER_FAILED(${subscription.instance.name})`),
      progressed: (emission: ModelEmission) => {
        if (emission.isOver) this.emissions.delete(emission);
        this.reconsider();
      },
      skips: ({ instance }: ModelSubscription) => instance.heard === 'no more' && this.rules.skipsTakenOut,
    };
  }
}
