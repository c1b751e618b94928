import type { ModelEmission, Turn } from './model-emission.js';
import type { Script, SubscriptionPlan } from './program.js';
import type { Listed } from './rules.js';

/** Why a subscription has ended. */
export type EndReason = 'off' | 'used' | 'aborted' | 'removed' | 'retired' | 'closed';

export interface ModelGroup {
  readonly name: string;
  readonly place: number;
  state: 'active' | 'paused' | 'retired' | 'removed';
}

/** One subscription of the model. */
export class ModelSubscription {
  readonly name: string;
  /** Names the function, which may be subscribed more than once. */
  readonly fn: string;
  readonly plan: SubscriptionPlan;
  readonly script: Script;
  readonly group: ModelGroup | undefined;
  readonly priority: number;
  readonly age: number;
  timesLeft: number;
  hasEnded = false;
  barred = false;
  slotsTaken = 0;
  /** Who waits for a slot, first come first served. */
  readonly waiting: { readonly emission: ModelEmission; readonly turn: Turn }[] = [];

  constructor(
    name: string,
    plan: SubscriptionPlan,
    group: ModelGroup | undefined,
    original: ModelSubscription | undefined,
    age: number,
  ) {
    this.name = name;
    this.fn = original?.fn ?? name;
    this.script = original?.script ?? plan.script;
    this.plan = plan;
    this.group = group;
    this.priority = plan.priority ?? 0;
    this.timesLeft = plan.times ?? Infinity;
    this.age = age;
  }

  /** Whether it has a `concurrency` of its own. */
  get hasSlots(): boolean {
    return this.plan.concurrency !== undefined;
  }

  listed(): Listed {
    const { priority, age, timesLeft, barred, group } = this;
    return { priority, place: group?.place ?? 0, age, timesLeft, barred, paused: group?.state === 'paused' };
  }
}
