import type { BusCore } from '../core.js';
import type { Declaration, EventKind } from '../events/event-declaration.js';
import { type AnswerCheck, answerCheck } from '../events/schema.js';
import type { SubscriptionKind } from '../observing/observer.js';
import { resolveEventSettings } from '../settings.js';
import { SubscriptionList, type Target } from '../subscribing/subscription.js';
import { runAnswering, runPlan } from './dispatch.js';
import type { EmissionSettings } from './emission.js';
import { buildPlan, type Plan } from './plan.js';

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
  /** Handlers that have been told that it is deprecated. */
  warned: WeakSet<object> | undefined;
  /** The same of what the bus itself subscribes, by name: each is a function of its own. */
  warnedInternals: Set<string> | undefined;
  /** Undefined for an event that the bus was not told of. */
  readonly declaration: Declaration | undefined;
  readonly eventKind: EventKind;
  readonly settings: EmissionSettings;
  /** Validates what a handler answers, where that is declared. */
  readonly checkAnswer: AnswerCheck | undefined;

  constructor(core: BusCore, type: PropertyKey) {
    this.core = core;
    this.type = type;
    const declaration = core.declarationOf(type);
    this.declaration = declaration;
    this.eventKind = declaration?.kind ?? 'broadcast';
    this.settings = declaration === undefined ? core.settings : resolveEventSettings(declaration, core.settings);
    this.checkAnswer = declaration === undefined ? undefined : answerCheck(type, declaration);
  }

  get kind(): SubscriptionKind {
    return 'exact';
  }

  get home(): this {
    return this;
  }

  get label(): PropertyKey {
    return this.type;
  }

  matches(type: PropertyKey): boolean {
    return type === this.type;
  }

  currentPlan(): Plan {
    if (this.plan === null) {
      this.plan = buildPlan(this, runPlan, runAnswering);
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
