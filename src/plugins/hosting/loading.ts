import intersects from 'semver/ranges/intersects.js';
import ltr from 'semver/ranges/ltr.js';
import validRange from 'semver/ranges/valid.js';
import { show } from '../../internal/assertions.js';
import { thenOf } from '../../internal/thenable.js';
import { definitionFor, isDefined } from '../contract/define-plugin.js';
import { type Definition, definitionOf } from '../contract/definition.js';
import type { ApiAdapter } from '../options.js';
import type { PluginDescriptor } from '../plugin-descriptor.js';
import { PluginError } from '../plugin-error.js';
import { satisfies } from '../versions/satisfies.js';
import type { Entry } from './entry.js';
import { type HostCore, pluginError } from './host-core.js';
import { runPhase } from './phase.js';

/** Nothing to use: what `dev && tracer` is where `dev` is false. */
export const isFalsy = (given: unknown): boolean => !(given as boolean);

/** Whether something is known by its manifest, and has yet to be loaded. */
export function isDescriptor(given: unknown): given is PluginDescriptor {
  if (typeof given !== 'object' || given === null) return false;
  const { handlers, load: loadIt, setup, ...others } = given as Record<string, unknown>;
  if (typeof loadIt !== 'function' || handlers !== undefined || setup !== undefined) return false;
  // A plugin for another API may have a `load` of its own, beside other functions.
  return !Object.values(others).some((other) => typeof other === 'function');
}

/**
 * The default export of a module; a CommonJS module that was compiled from ESM has it one level further in. A module's
 * own names don't count where there is one: of a CommonJS module they are what Node has guessed.
 */
export function unpack(given: unknown): unknown {
  let plugin = given;
  for (let depth = 0; depth < 2; depth++) {
    if (typeof plugin !== 'object' || plugin === null || !('default' in plugin)) return plugin;
    const isNamespace = Reflect.get(plugin, Symbol.toStringTag) === 'Module';
    if ('name' in plugin && !(isNamespace && typeof plugin.default === 'object' && plugin.default !== null))
      return plugin;
    plugin = plugin.default;
  }
  return plugin;
}

/** What is known of a plugin that was written for another plugin API. */
interface OldPlugin {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly api?: unknown;
}

/** The adapter for a plugin that asks for an older API, if there is one. */
function adapterFor(host: HostCore, { api }: OldPlugin): readonly [string, ApiAdapter] | undefined {
  if (typeof api !== 'string' || host.settings.apis.length === 0) return undefined;
  try {
    if (satisfies(host.settings.api, api)) return undefined;
    return host.settings.apis.find(([range]) => intersects(range, api, { includePrerelease: true }));
  } catch {
    // No range: the check of the plugin says so.
    return undefined;
  }
}

/** Whether a plugin's code can be known at once: then `use` looks at it. */
export function isAtHand(given: unknown): boolean {
  return !isDescriptor(given) && thenOf(given) === undefined;
}

/**
 * Checks a plugin as far as that can be done at once.
 *
 * @returns Undefined for one that asks for another API: it may have to be adapted.
 * @throws `PluginError` `INVALID_PLUGIN`.
 */
export function definitionAtHand(host: HostCore, plugin: unknown): Definition | undefined {
  const old: OldPlugin | null | undefined = typeof plugin === 'object' ? plugin : undefined;
  const isOther = typeof old?.name === 'string' && old.name !== '' && asksForOther(host, old);
  if (isOther && adapterFor(host, old) !== undefined) return undefined;
  try {
    return definitionFor(plugin);
  } catch (error) {
    // What it is made of is the affair of an API that the host doesn't offer.
    if (isOther) return undefined;
    throw error;
  }
}

function asksForOther(host: HostCore, { api }: OldPlugin): boolean {
  return typeof api === 'string' && validRange(api) !== null && !satisfies(host.settings.api, api);
}

/** @throws `PluginError` `UNSUPPORTED_API` rather than `INVALID_PLUGIN` where it asks for another API. */
function definitionOrApi(host: HostCore, entry: Entry, plugin: unknown, version: string | undefined): Definition {
  try {
    return definitionFor(plugin, version);
  } catch (error) {
    if (typeof plugin === 'object' && plugin !== null) assertApi(host, entry, plugin);
    throw error;
  }
}

/**
 * Loads an entry's plugin, has it adapted where it is written for an older API, and checks it.
 *
 * @param signal - Waits no longer when it aborts.
 * @returns Whether there is one.
 * @throws `PluginError`.
 */
export async function load(host: HostCore, entry: Entry, signal?: AbortSignal): Promise<boolean> {
  if (entry.definition !== undefined) return true;
  const entryGiven = entry.given;
  try {
    const given = isAtHand(entryGiven) ? entryGiven : await loadCode(host, entry, signal);
    const plugin = unpack(given);
    if (isFalsy(plugin)) {
      if (!isDescriptor(entryGiven)) return false;
      const message = `Expected the descriptor of "${entry.name}" to load a plugin, got ${show(plugin)}.`;
      throw new PluginError('INVALID_PLUGIN', message, { plugin: entry.name, phase: 'validate' });
    }
    const adapter = adapterFor(host, plugin as OldPlugin);
    const definition =
      adapter === undefined
        ? definitionOrApi(host, entry, plugin, isDescriptor(entryGiven) ? entryGiven.version : undefined)
        : await adapt(host, entry, plugin as OldPlugin, adapter, signal);
    // Kept, so that it isn't loaded again.
    entry.given = plugin;
    entry.definition = definition;
    host.rename(entry, entry.settings.name ?? definition.name);
    return true;
  } catch (error) {
    throw loadError(entry, error);
  }
}

async function loadCode(host: HostCore, entry: Entry, signal: AbortSignal | undefined): Promise<unknown> {
  const { given } = entry;
  // What its manifest says is enough to refuse a plugin without running its code.
  if (isDescriptor(given)) assertApi(host, entry, given);
  return runPhase(host, entry, 'load', { timeoutMs: host.settings.loadTimeoutMs, signal }, () =>
    isDescriptor(given) ? given.load() : given,
  );
}

/** @throws `PluginError` `UNSUPPORTED_API`, where it is known that a plugin asks for another API. */
function assertApi(host: HostCore, entry: Entry, plugin: OldPlugin): void {
  const { api } = plugin;
  if (adapterFor(host, plugin) !== undefined || !asksForOther(host, plugin)) return;
  throw unsupportedApi(host, entry, String(api));
}

/** A plugin asks for an API that the host doesn't offer. */
export function unsupportedApi(host: HostCore, { name }: Entry, api: string): PluginError {
  const offered = host.settings.api;
  const apis = host.settings.apis.map(([range]) => range);
  const older = apis.length === 0 ? '' : `, and takes plugins for ${apis.join(', ')} through adapters`;
  const remedy = ltr(offered, api)
    ? 'update the host, or use an older version of the plugin'
    : `use a newer version of the plugin, or give the host an adapter for ${api} (its option "apis")`;
  return new PluginError(
    'UNSUPPORTED_API',
    `The plugin "${name}" asks for the plugin API ${api}, but the host "${host.name}" offers ${offered}${older}: ${remedy}.`,
    { plugin: name, phase: 'validate' },
    { details: { plugin: name, asked: api, offered, adapters: apis } },
  );
}

async function adapt(
  host: HostCore,
  entry: Entry,
  old: OldPlugin,
  [range, adapter]: readonly [string, ApiAdapter],
  signal: AbortSignal | undefined,
): Promise<Definition> {
  const name = entry.settings.name ?? String(old.name);
  const version = typeof old.version === 'string' ? old.version : '0.0.0';
  let adapted: unknown;
  try {
    const limits = { timeoutMs: host.settings.loadTimeoutMs, signal };
    adapted = await runPhase(host, entry, 'load', limits, () => adapter(old as never, host.hosted(name, version)));
  } catch (cause) {
    throw pluginError('PLUGIN_LOAD_FAILED', entry, 'load', `could not be adapted from the plugin API ${range}`, cause);
  }
  if (typeof adapted !== 'object' || adapted === null) {
    const message = `Expected the adapter for "${range}" to return a plugin for "${name}", got ${show(adapted)}.`;
    throw new PluginError('INVALID_PLUGIN', message, { plugin: name, phase: 'validate' });
  }
  entry.adaptedFrom = range;
  // Its `api` is the old one: the adapter is what makes it fit.
  if (isDefined(adapted)) return { ...definitionFor(adapted), api: undefined };
  const plugin = Object.create(adapted, {
    name: { value: (adapted as OldPlugin).name ?? old.name },
    version: { value: (adapted as OldPlugin).version ?? old.version },
  }) as object;
  return { ...definitionOf(plugin, false), source: adapted, api: undefined };
}

function loadError(entry: Entry, error: unknown): PluginError {
  const { given, name } = entry;
  const source = isDescriptor(given) ? given.source : undefined;
  const where = source === undefined ? '' : ` from ${source}`;
  if (error instanceof PluginError) {
    if (error.code !== 'INVALID_PLUGIN' || isAtHand(given)) return error;
    const { cause, details, message } = error;
    const from = `It was loaded as "${name}"${where}.`;
    return new PluginError(
      'INVALID_PLUGIN',
      `${message} ${from}`,
      { plugin: name, phase: 'validate' },
      { cause, details },
    );
  }
  return pluginError('PLUGIN_LOAD_FAILED', entry, 'load', `could not be loaded${where}`, error);
}
