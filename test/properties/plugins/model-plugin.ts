import type { EventName, HandlerPlan, PluginName, PluginPlan, ResourcePlan } from './program.js';
import { ModelSignal } from './simulation.js';

/** A plugin of the model's host, from its use until it is forgotten. */
export class ModelPlugin {
  readonly name: PluginName;
  plan: PluginPlan;
  /** Whether its `when` says no. */
  readonly isUnwanted: boolean;
  state: 'registered' | 'starting' | 'active' | 'failed' | 'blocked' | 'disabled' | 'stopping' | 'stopped' =
    'registered';
  /** Whether it was switched off, and is to stay so. */
  isOff = false;
  instance: ModelInstance | undefined;
  /** How many of its phases go on although their time was up. */
  late = 0;

  constructor(plan: PluginPlan, isUnwanted: boolean) {
    this.name = plan.name;
    this.plan = plan;
    this.isUnwanted = isUnwanted;
  }
}

export interface ModelSubscription {
  readonly instance: ModelInstance;
  readonly plan: HandlerPlan;
  /** What it is called. */
  readonly name: string;
}

export interface ModelResource {
  readonly plan: ResourcePlan;
  readonly name: string;
}

/** A plugin that has been set up once, from its setup on. */
export class ModelInstance {
  readonly id: string;
  readonly plugin: ModelPlugin;
  readonly plan: PluginPlan;
  /** Those that are set up together with it, to take the place of others. */
  readonly peers: ReadonlyMap<string, ModelInstance> | undefined;
  /** Those that it requires. */
  readonly required: ReadonlyMap<string, ModelInstance>;
  readonly signal = new ModelSignal();
  readonly subscriptions: ModelSubscription[] = [];
  readonly resources: ModelResource[] = [];
  stage: 'setup' | 'open' | 'stopping' | 'closed' = 'setup';
  /** Whether emissions hear it: those from now on, those that had begun too, or none. */
  heard: 'not yet' | 'from now on' | 'by emissions under way' | 'no more' = 'not yet';

  constructor(
    id: string,
    { peers, plan, plugin, required }: Pick<ModelInstance, 'peers' | 'plan' | 'plugin' | 'required'>,
  ) {
    this.id = id;
    this.plugin = plugin;
    this.plan = plan;
    this.peers = peers;
    this.required = required;
  }

  get name(): PluginName {
    return this.plugin.name;
  }

  /** What hears an event. */
  listeners(event: EventName): ModelSubscription[] {
    return this.subscriptions.filter(({ plan }) => plan.event === event);
  }
}

/** Something that goes wrong: what it is called, and with which plugin. */
export class ModelError {
  readonly code: string;
  readonly plugin: string | undefined;
  readonly rollback: readonly ModelError[];
  /** What it comes from. */
  readonly cause: unknown;

  constructor(
    code: string,
    plugin?: string,
    more: { readonly cause?: unknown; readonly rollback?: readonly ModelError[] } = {},
  ) {
    this.code = code;
    this.plugin = plugin;
    this.rollback = more.rollback ?? [];
    this.cause = more.cause;
  }
}

/** Several things that go wrong. */
export class ModelErrors {
  readonly errors: readonly ModelError[];

  constructor(errors: readonly ModelError[]) {
    this.errors = errors;
  }
}
