import { type Definition, definitionOf, FORMAT } from './definition.js';
import type { DefinePlugin, DefinePluginFor } from './plugin.js';

/** On the plugins that `definePlugin` has made, their definitions; also on those of another copy of this module. */
const DEFINITION: unique symbol = Symbol.for('ambus.plugin');

/**
 * The definition of a plugin, whether `definePlugin` has made it or not.
 *
 * @param version - What is known of its version, where it doesn't say itself.
 * @throws `PluginError` `INVALID_PLUGIN`.
 */
export function definitionFor(plugin: unknown, version?: string): Definition {
  return isDefined(plugin) ? (plugin[DEFINITION] as Definition) : definitionOf(plugin, false, version);
}

/** Whether `definePlugin` has made it, of a copy of this module that makes the same of plugins. */
export function isDefined(plugin: unknown): plugin is { readonly [DEFINITION]: unknown } {
  if (typeof plugin !== 'object' || plugin === null || !Object.hasOwn(plugin, DEFINITION)) return false;
  return (plugin as { readonly [DEFINITION]: Partial<Definition> | null })[DEFINITION]?.format === FORMAT;
}

/**
 * Defines a plugin: checks it, and infers its types, so that `setup` knows its events, options and services.
 *
 * @param plugin - The plugin; or a function of its options that returns it. See {@link PluginSpec}.
 * @returns The plugin, frozen: give it to `host.use`. Of a function, one with the same parameters.
 * @throws `PluginError` `INVALID_PLUGIN`.
 * @example
 * ```ts
 * import { EventBus, defineEvents, waterfall } from 'ambus';
 * import { definePlugin, PluginHost, typed } from 'ambus/plugins';
 * const events = defineEvents({ 'html.transform': waterfall<string>() });
 * const minifier = definePlugin({
 *   events,
 *   options: typed<{ keepLines?: boolean }>(),
 *   name: 'acme.minify',
 *   version: '3.1.0',
 *   setup(ctx, options) {
 *     ctx.on('html.transform', (html) => html.replaceAll(options.keepLines ? / +/g : /\s+/g, ' '));
 *   },
 * });
 * const bus = new EventBus({ events });
 * await new PluginHost(bus).use(minifier, { keepLines: false }).start();
 * console.log(bus.emitSync('html.transform', '<b>  hello\n</b>').value); // <b> hello </b>
 * ```
 */
export const definePlugin: DefinePlugin = ((given: unknown): unknown => {
  if (typeof given !== 'function') return define(given);
  const factory = given as (...args: readonly unknown[]) => unknown;
  const make = (...args: readonly unknown[]): unknown => define(factory(...args));
  return Object.defineProperty(make, 'name', { value: factory.name });
}) as DefinePlugin;

/**
 * {@link definePlugin} for plugins that know the events of one map, which a host's package exports for its authors.
 *
 * @typeParam Events - The events that they know.
 * @example
 * ```ts
 * import { pluginsFor } from 'ambus/plugins';
 * interface ShopEvents {
 *   'order.placed': { id: string; total: number };
 * }
 * export const { definePlugin } = pluginsFor<ShopEvents>();
 * export const ledger = definePlugin({
 *   name: 'ledger',
 *   version: '1.0.0',
 *   setup(ctx) {
 *     ctx.on('order.placed', ({ id, total }) => ctx.log.info(`${id}: ${total}`));
 *   },
 * });
 * ```
 */
export function pluginsFor<Events extends object>(): { readonly definePlugin: DefinePluginFor<Events> } {
  return { definePlugin: definePlugin as unknown as DefinePluginFor<Events> };
}

function define(given: unknown): object {
  const definition = definitionOf(given, true);
  const { after, api, before, declares, name, optional, requires, version } = definition;
  const plugin = { ...(given as object), name, version, api, requires, optional, before, after, declares };
  Object.defineProperty(plugin, DEFINITION, { value: definition });
  return Object.freeze(plugin);
}
