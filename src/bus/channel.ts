import type { BusCore } from './core.js';
import { runPlan } from './dispatch.js';
import type { SubscriptionKind } from './observer.js';
import { Pattern } from './pattern.js';
import { buildPlan, type Plan } from './plan.js';
import { SubscriptionList, type Target } from './subscription.js';

/** One event: the handlers subscribed to just it, and the plan by which it is dispatched. */
export class Channel implements Target {
  readonly core: BusCore;
  readonly type: PropertyKey;
  readonly subscriptions: SubscriptionList = new SubscriptionList();
  /** Null until the next emission, after any change. */
  plan: Plan | null = null;
  /** Emissions that no plan counts any more. */
  emissions = 0;
  leakSuspected = false;

  constructor(core: BusCore, type: PropertyKey) {
    this.core = core;
    this.type = type;
  }

  get kind(): SubscriptionKind {
    return 'exact';
  }

  get label(): PropertyKey {
    return this.type;
  }

  matches(type: PropertyKey): boolean {
    return type === this.type;
  }

  currentPlan(): Plan {
    if (this.plan === null) {
      this.plan = buildPlan(this, runPlan);
      this.core.planned.add(this);
    }
    return this.plan;
  }

  dropPlan(): void {
    if (this.plan === null) return;
    this.emissions += this.plan.runs;
    this.plan = null;
    this.core.planned.delete(this);
  }
}

/** What a pattern, a list or `onAny` listens to. */
export class Listening implements Target {
  readonly core: BusCore;
  readonly kind: SubscriptionKind;
  readonly label: PropertyKey | readonly PropertyKey[] | undefined;
  readonly #matches: (type: PropertyKey) => boolean;

  /** @param target - A pattern, a list of event names, or undefined for every event. */
  constructor(core: BusCore, target: Pattern | readonly PropertyKey[] | undefined) {
    this.core = core;
    this.label = target instanceof Pattern ? target.source : target;
    if (target === undefined) {
      this.kind = 'any';
      this.#matches = () => true;
    } else if (target instanceof Pattern) {
      this.kind = 'pattern';
      this.#matches = (type) => typeof type === 'string' && target.matches(type);
    } else {
      const types = new Set(target);
      this.kind = 'list';
      this.#matches = (type) => types.has(type);
    }
  }

  matches(type: PropertyKey): boolean {
    return this.#matches(type);
  }
}
