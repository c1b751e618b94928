import type { PluginName, PluginPlan } from './program.js';
import type { HostRules } from './rules.js';

/** Plugins of which each comes after the next, and the last after the first. */
type Circle = readonly PluginName[];

export interface Ordered {
  readonly order: readonly PluginName[];
  /** What keeps it from being right. */
  readonly circles: readonly Circle[];
}

/**
 * Each after those that come before it, and otherwise as early as it was used.
 *
 * @param names - In the order of their use.
 */
function depthFirst(names: readonly PluginName[], before: (name: PluginName) => readonly PluginName[]): Ordered {
  const order: PluginName[] = [];
  const circles: Circle[] = [];
  const path: PluginName[] = [];
  const visit = (name: PluginName): void => {
    if (path.includes(name)) circles.push(path.slice(path.indexOf(name)));
    if (path.includes(name) || order.includes(name)) return;
    path.push(name);
    for (const other of before(name)) visit(other);
    path.pop();
    order.push(name);
  };
  for (const name of names) visit(name);
  return { order, circles };
}

/** Those that a plugin requires, or makes use of. */
export function dependenciesOf({ optional, requires }: PluginPlan): PluginName[] {
  return [...Object.keys(requires), ...Object.keys(optional)] as PluginName[];
}

/** @param plans - Of those that are there, in the order of their use. */
export function setupOrder(plans: readonly PluginPlan[], rules: HostRules): readonly PluginName[] {
  const byName = new Map(plans.map((plan) => [plan.name, plan]));
  const names = [...byName.keys()];
  const { order } = depthFirst(names, (name) => {
    const plan = byName.get(name) as PluginPlan;
    const needed = rules.setupHeedsOptional ? dependenciesOf(plan) : (Object.keys(plan.requires) as PluginName[]);
    return names.filter((other) => needed.includes(other));
  });
  return order;
}

/** Who comes before whom, by needs and wishes. */
class Precedence {
  readonly names: readonly PluginName[];
  readonly #plans: ReadonlyMap<PluginName, PluginPlan>;
  readonly #rules: HostRules;

  /** @param plans - Of those that are there, in the order of their use. */
  constructor(plans: readonly PluginPlan[], rules: HostRules) {
    this.#plans = new Map(plans.map((plan) => [plan.name, plan]));
    this.names = [...this.#plans.keys()];
    this.#rules = rules;
  }

  /** Whether one of the two wishes to come first. */
  isWished(first: PluginName, then: PluginName): boolean {
    const { heedsAfter, heedsBefore } = this.#rules;
    const { after = [] } = this.#plans.get(then) ?? {};
    const { before = [] } = this.#plans.get(first) ?? {};
    return (heedsAfter && after.includes(first)) || (heedsBefore && before.includes(then));
  }

  needs(name: PluginName): PluginName[] {
    return dependenciesOf(this.#plans.get(name) as PluginPlan).filter((other) => this.#plans.has(other));
  }

  /** Those that come before a plugin, in the order of their use. */
  before(name: PluginName): PluginName[] {
    const needed = this.needs(name);
    return this.names.filter((other) => {
      const isContradicted = this.#rules.wishesBeatNeeds && this.isWished(name, other);
      return this.isWished(other, name) || (needed.includes(other) && !isContradicted);
    });
  }
}

export function handlerOrder(plans: readonly PluginPlan[], rules: HostRules): Ordered {
  const precedence = new Precedence(plans, rules);
  return depthFirst(precedence.names, (name) => precedence.before(name));
}

/** Plugins that need each other in a circle. */
export function needCircles(plans: readonly PluginPlan[], rules: HostRules): readonly Circle[] {
  const precedence = new Precedence(plans, rules);
  return depthFirst(precedence.names, (name) => precedence.needs(name)).circles;
}

/** Plugins that come before each other in a circle, at least one of them because it is wished. */
export function wishCircles(plans: readonly PluginPlan[], rules: HostRules): readonly Circle[] {
  const precedence = new Precedence(plans, rules);
  const { circles } = depthFirst(precedence.names, (name) => precedence.before(name));
  return circles.filter((circle) => {
    return circle.some((name, index) => precedence.isWished(circle[(index + 1) % circle.length] as PluginName, name));
  });
}
