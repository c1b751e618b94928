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
  declaration: Declaration | undefined;
  eventKind: EventKind = 'broadcast';
  settings: EmissionSettings;
  /** Validates what a handler answers, where that is declared. */
  checkAnswer: AnswerCheck | undefined;

  constructor(core: BusCore, type: PropertyKey) {
    this.core = core;
    this.type = type;
    this.settings = core.settings;
    this.declare(core.declarationOf(type));
  }

  /** Does what follows from what the event is declared to be; for emissions from now on. */
  declare(declaration: Declaration | undefined): void {
    const { core, type } = this;
    this.declaration = declaration;
    this.eventKind = declaration?.kind ?? 'broadcast';
    this.settings = declaration === undefined ? core.settings : resolveEventSettings(declaration, core.settings);
    this.checkAnswer = declaration === undefined ? undefined : answerCheck(type, declaration);
    this.dropPlan();
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
