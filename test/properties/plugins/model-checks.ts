import { needCircles, wishCircles } from './model-order.js';
import { ModelError, type ModelPlugin } from './model-plugin.js';
import type { ModelWorld } from './model-world.js';
import type { PluginName, PluginPlan } from './program.js';

/** What is wrong with plugins before any of them is set up. */
export interface Problems {
  readonly errors: readonly ModelError[];
  /** The first that is wrong with each. */
  readonly of: ReadonlyMap<PluginName, ModelError>;
}

/**
 * Checks those that are to be set up.
 *
 * @param candidates - In the order of their use.
 * @param replaced - A plan that one of them would have.
 */
export function check(world: ModelWorld, candidates: readonly ModelPlugin[], replaced?: PluginPlan): Problems {
  const errors: ModelError[] = [];
  const of = new Map<PluginName, ModelError>();
  const add = (error: ModelError, names: readonly PluginName[]): void => {
    errors.push(error);
    for (const name of names) if (!of.has(name)) of.set(name, error);
  };
  const planOf = (plugin: ModelPlugin): PluginPlan => (replaced?.name === plugin.name ? replaced : plugin.plan);
  for (const plugin of candidates) {
    const { name, optional, requires } = planOf(plugin);
    const find = (other: string): ModelPlugin | undefined => {
      const found = world.find(other);
      return found !== undefined && (found.state === 'active' || candidates.includes(found)) ? found : undefined;
    };
    for (const [other, range] of Object.entries({ ...requires, ...optional })) {
      const found = find(other);
      if (found === undefined) {
        if (other in requires) add(new ModelError('MISSING_PLUGIN', name), [name]);
      } else if (!world.satisfies(planOf(found), range)) {
        add(new ModelError('WRONG_PLUGIN_VERSION', name), [name]);
      }
    }
  }
  const plans = world.plugins.map(planOf);
  const names = candidates.map(({ name }) => name);
  const needs = needCircles(plans, world.rules);
  const wishes = wishCircles(plans, world.rules);
  // Where there is no order of needs, nothing says which wishes contradict it.
  const areWishes = plans.some(({ after, before }) => after.length + before.length > 0);
  if (needs.length > 0 && areWishes) world.isAmbiguous = true;
  const circles = [
    ...needs.map((circle) => ({ code: 'PLUGIN_CYCLE', circle })),
    ...wishes.map((circle) => ({ code: 'PLUGIN_ORDER', circle })),
  ];
  for (const { circle, code } of circles) {
    if (circle.some((name) => names.includes(name))) add(new ModelError(code, circle[0]), circle);
  }
  return { errors, of };
}
