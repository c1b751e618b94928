import type { BusCore } from '../../bus/core.js';
import type { Context } from '../../bus/dispatching/context.js';
import { describe } from '../../bus/dispatching/handler-failure.js';
import { AmbusError } from '../../errors.js';
import { nearest, show } from '../../internal/assertions.js';
import { chain } from '../../internal/thenable.js';
import { reportUncaught } from '../../internal/uncaught.js';
import type { LogEntry } from '../contract/plugin-log.js';
import type { ApiDeprecation, HostedPlugin } from '../options.js';
import { HandlerOrder } from '../ordering/handler-order.js';
import { inOrder } from '../ordering/order.js';
import { PluginError, type PluginPhase } from '../plugin-error.js';
import type { HostSettings } from '../settings.js';
import type { PluginState } from '../status.js';
import { satisfies } from '../versions/satisfies.js';
import { Changes } from './changes.js';
import { DeclaredEvents } from './declared-events.js';
import type { Entry } from './entry.js';
import type { Instance } from './instance.js';
import type { Release } from './resources.js';

/** A part of a plugin's life that goes on. */
export interface RunningPhase {
  readonly entry: Entry;
  readonly phase: PluginPhase;
  /** By the bus's clock. */
  readonly started: number;
}

/** The inside of a host: which plugins it has, and what all that happens to them has in common. */
export class HostCore {
  readonly bus: BusCore;
  readonly settings: HostSettings;
  /** In the order of their use. */
  readonly entries: Entry[] = [];
  readonly declared: DeclaredEvents;
  readonly changes: Changes;
  readonly phases: Set<RunningPhase> = new Set();
  state: 'idle' | 'starting' | 'started' | 'stopping' | 'stopped' = 'idle';
  /** The order of handlers, as it was last found out. */
  order: HandlerOrder;
  readonly #byName = new Map<string, Entry>();
  readonly #warned = new Set<string>();
  /** Why every change is given up until the stop that was asked for has its turn. */
  ending: unknown;
  #giveUp: AbortController | undefined;
  #unnamed = 0;

  constructor(bus: BusCore, settings: HostSettings) {
    this.bus = bus;
    this.settings = settings;
    this.declared = DeclaredEvents.of(bus);
    this.changes = new Changes(bus.lifetime);
    this.order = new HandlerOrder([], () => undefined);
  }

  get name(): string {
    return this.settings.name;
  }

  // Who is there

  find(name: string): Entry | undefined {
    return this.#byName.get(name);
  }

  /** @throws `AmbusError` `UNKNOWN_PLUGIN`. */
  entry(plugin: unknown): Entry {
    const name = nameOf(plugin);
    const entry = this.#byName.get(name);
    if (entry !== undefined) return entry;
    const meant = nearest(name, this.#byName.keys());
    const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`;
    throw new AmbusError('UNKNOWN_PLUGIN', `The host "${this.name}" has no plugin "${name}".${hint}`, {
      details: { host: this.name, plugin: name, meant },
    });
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    this.#byName.set(entry.name, entry);
    this.#tellState(entry, undefined, entry.state);
  }

  /** What something is called whose name isn't known yet. */
  provisionalName(): string {
    return `#${++this.#unnamed}`;
  }

  /** Forgets an entry. */
  drop(entry: Entry): void {
    const index = this.entries.indexOf(entry);
    if (index !== -1) this.entries.splice(index, 1);
    if (this.#byName.get(entry.name) === entry) this.#byName.delete(entry.name);
    this.declared.remove(entry);
    this.setState(entry, undefined);
    this.findOrder();
  }

  /** Gives an entry the name that has become known. The first who has a name keeps it. */
  rename(entry: Entry, name: string): void {
    if (entry.name === name) return;
    if (this.#byName.get(entry.name) === entry) this.#byName.delete(entry.name);
    entry.name = name;
    if (!this.#byName.has(name)) this.#byName.set(name, entry);
  }

  // In which order

  /** Finds out everybody's place, and has their handlers go there. */
  findOrder(): void {
    const loaded = this.entries.filter(({ definition }) => definition !== undefined);
    this.order = new HandlerOrder(loaded, (name) => this.find(name));
    for (const [index, entry] of this.order.order.entries()) {
      entry.place = index + 1;
      entry.instance?.group.move(entry.place);
    }
  }

  /** Entries, each after those of them that it depends on. */
  inSetupOrder(entries: readonly Entry[]): Entry[] {
    const wanted = new Set(entries);
    const index = new Map(this.entries.map((entry, position) => [entry, position]));
    const before = (entry: Entry): Entry[] =>
      Array.from(entry.dependencies(), (name) => this.find(name))
        .filter((other): other is Entry => other !== undefined)
        .sort((a, b) => (index.get(a) ?? 0) - (index.get(b) ?? 0));
    const all = this.entries.filter(({ definition }) => definition !== undefined);
    return inOrder(all, before).order.filter((entry) => wanted.has(entry));
  }

  /**
   * The active plugins that require a plugin, and those that require them.
   *
   * @returns In the order of their setup.
   */
  dependantsOf(entry: Entry): Entry[] {
    const found = new Set<Entry>();
    const names = [entry.name];
    for (const name of names) {
      for (const other of this.entries) {
        if (found.has(other) || other === entry || other.instance === undefined || !other.requires(name)) continue;
        found.add(other);
        names.push(other.name);
      }
    }
    return this.inSetupOrder(Array.from(found));
  }

  // What is said

  setState(entry: Entry, to: PluginState | undefined, reason?: string, error?: unknown): void {
    const from = entry.state;
    if (to !== undefined) {
      entry.state = to;
      entry.reason = reason;
      entry.error = error;
    }
    if (from !== to) this.#tellState(entry, from, to, reason);
  }

  #tellState({ name }: Entry, from: PluginState | undefined, to: PluginState | undefined, reason?: string): void {
    const { observers } = this.bus;
    if (!observers.hears('pluginStateChanged')) return;
    observers.tell('pluginStateChanged', { host: this.name, plugin: name, from, to, reason });
  }

  log(entry: LogEntry): void {
    try {
      this.settings.log(entry);
    } catch (error) {
      reportUncaught(error);
    }
  }

  /** Warns, once for each `key`. */
  warnOnce(key: string, message: string): void {
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    console.warn(message);
  }

  /** Warns, once for each plugin and feature. */
  deprecate(plugin: string, feature: string, { link, since, use }: ApiDeprecation): void {
    const { observers } = this.bus;
    const key = JSON.stringify([plugin, feature]);
    const where = link === undefined ? '' : ` (${link})`;
    const message = `[ambus] The plugin "${plugin}" uses ${feature}, which is deprecated since ${since}; use ${use}${where}.`;
    if (!observers.hears('pluginDeprecationFound')) this.warnOnce(key, message);
    else if (!this.#warned.has(key)) {
      this.#warned.add(key);
      observers.tell('pluginDeprecationFound', { host: this.name, plugin, feature, since, use, link, message });
    }
  }

  /** Who a plugin is, for what a host does for it. */
  hosted(name: string, version: string): HostedPlugin {
    return {
      name,
      version,
      deprecate: (feature, deprecation) => {
        this.deprecate(name, feature, deprecation);
      },
    };
  }

  // What contexts ask for

  /** What another plugin's setup has returned. */
  apiFor(instance: Instance, verb: 'api' | 'optionalApi', plugin: unknown): unknown {
    const name = nameOf(plugin);
    const { optional, requires } = instance.definition;
    if (!Object.hasOwn(requires, name) && !Object.hasOwn(optional, name)) {
      const meant = nearest(name, [...Object.keys(requires), ...Object.keys(optional)]);
      const hint = meant === undefined ? `Add it: requires: { "${name}": "^1" }.` : `Did you mean "${meant}"?`;
      throw new AmbusError(
        'UNDECLARED_DEPENDENCY',
        `The plugin "${instance.name}" asks for the API of "${name}", which is not in its "requires" or "optional". ${hint}`,
        { details: { plugin: instance.name, dependency: name, meant } },
      );
    }
    const other = instance.dependency(name);
    if (other !== undefined) return other.api;
    if (verb === 'optionalApi') return undefined;
    throw new AmbusError(
      'MISSING_PLUGIN',
      ended(`The plugin "${instance.name}" asks for the API of "${name}", which ${this.whyMissing(name)}`),
      { details: { plugin: instance.name, dependency: name } },
    );
  }

  /** Why a plugin can't be used, after its name. */
  whyMissing(name: string): string {
    const entry = this.find(name);
    if (entry === undefined) {
      const meant = nearest(name, this.#byName.keys());
      return `is not in the host "${this.name}"${meant === undefined ? '' : `. Did you mean "${meant}"?`}`;
    }
    const words = { failed: 'has failed', blocked: 'is blocked', disabled: 'is disabled' } as const;
    const state = entry.state in words ? words[entry.state as keyof typeof words] : `is ${entry.state}`;
    return entry.reason === undefined ? state : `${state} (${entry.reason})`;
  }

  /** A plugin can't be there, for an error of its own, or of one that it requires. */
  fail(entry: Entry, error: PluginError, state: 'failed' | 'blocked' = 'failed'): void {
    // Beside its name, its name says nothing.
    const prefix = `The plugin "${entry.name}" `;
    const reason = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
    this.setState(entry, state, reason, error);
  }

  /**
   * What keeps a plugin from being set up, in words: the first of those that it requires which isn't there for it.
   *
   * @param coming - Those that will be.
   */
  obstacleFor({ definition }: Entry, coming?: ReadonlySet<Entry>): string | undefined {
    for (const [name, range] of Object.entries(definition?.requires ?? {})) {
      const other = this.find(name);
      if (other === undefined || (other.state !== 'active' && coming?.has(other) !== true))
        return `it requires "${name}", which ${this.whyMissing(name)}`;
      const version = other.definition?.version;
      if (version !== undefined && !satisfies(version, range))
        return `it requires "${name}" in version ${range}, and the host has ${version}`;
    }
    return undefined;
  }

  /** Has plugins wait for one that they require. */
  block(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const reason = this.obstacleFor(entry);
      if (reason !== undefined || entry.state !== 'blocked') this.setState(entry, 'blocked', reason, entry.error);
    }
  }

  /** Disposes of something that came when its plugin had been torn down. */
  disposeLate(instance: Instance, release: Release): void {
    const failed = (cause: unknown): void => {
      this.bus.report(teardownError(instance.entry, 'dispose', cause));
    };
    try {
      const promise = chain(release(), () => {});
      if (promise instanceof Promise) promise.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** @param caller - Whose change it is: the emission that it is made in. */
  change<Result>(caller: Context | null, change: () => Promise<Result>): Promise<Result> {
    return this.changes.run(caller, () => {
      this.#giveUp = undefined;
      if (this.ending !== undefined) this.giveUp(this.ending);
      return change();
    });
  }

  /** Gives up the change that is under way, as far as that sets plugins up. */
  giveUp(reason: unknown): void {
    this.#giveUp ??= new AbortController();
    this.#giveUp.abort(reason);
  }

  /** Aborts when the change that is under way is given up. */
  giveUpSignal(): AbortSignal {
    this.#giveUp ??= new AbortController();
    return this.#giveUp.signal;
  }
}

/** A sentence, with the end that it lacks. */
export function ended(sentence: string): string {
  return sentence.endsWith('?') ? sentence : `${sentence}.`;
}

/** The name of a plugin that is asked for by itself, or by its name. */
function nameOf(plugin: unknown): string {
  const name: unknown = typeof plugin === 'object' && plugin !== null ? (plugin as { name?: unknown }).name : plugin;
  if (typeof name === 'string') return name;
  throw new AmbusError('INVALID_ARGUMENT', `Expected a plugin or the name of one, got ${show(plugin)}.`);
}

/** A name can't be used again. */
export function duplicatePlugin(host: HostCore, name: string): PluginError {
  const message = `The host "${host.name}" has a plugin "${name}" already: to use it twice give one another name, use(plugin, options, { name: "${name}-2" }).`;
  return new PluginError('DUPLICATE_PLUGIN', message, { plugin: name, phase: 'validate' });
}

/** Something went wrong while a plugin was torn down. */
export function teardownError(entry: Entry, phase: 'teardown' | 'dispose', cause: unknown): PluginError {
  const what = phase === 'teardown' ? 'failed in its teardown' : 'failed to dispose of a resource';
  return pluginError('PLUGIN_TEARDOWN_FAILED', entry, phase, what, cause);
}

/** A failure of a plugin: `what` it failed in, and with what. */
export function pluginError(
  code: 'PLUGIN_LOAD_FAILED' | 'PLUGIN_SETUP_FAILED' | 'PLUGIN_READY_FAILED' | 'PLUGIN_TEARDOWN_FAILED',
  { name }: Pick<Entry, 'name'>,
  phase: PluginPhase,
  what: string,
  cause: unknown,
): PluginError {
  return new PluginError(code, `The plugin "${name}" ${what}: ${describe(cause)}`, { plugin: name, phase }, { cause });
}
