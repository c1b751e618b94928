import { callingContext } from '../bus/dispatching/ancestry.js';
import { type Context, contextBehind } from '../bus/dispatching/context.js';
import { coreOf, type EventBus } from '../bus/event-bus.js';
import type { EventName } from '../bus/events/event-map.js';
import { assertEmittable } from '../bus/events/event-name.js';
import { isAbortSignal, onAbort } from '../internal/abort.js';
import { assertDuration, assertOption, assertOptions, invalidOption } from '../internal/assertions.js';
import { asyncDisposeSymbol } from '../internal/dispose.js';
import type { Nothing, Plugin, PluginObject, PluginOfOtherApi, WithDeclared } from './contract/plugin.js';
import type { PluginReference } from './contract/plugin-context.js';
import type { Entry } from './hosting/entry.js';
import { duplicatePlugin, HostCore } from './hosting/host-core.js';
import { alreadyStarted, hostStopped, notStarted, start, stop } from './hosting/lifecycle.js';
import { definitionAtHand, isAtHand, unpack } from './hosting/loading.js';
import { replace } from './hosting/replacing.js';
import { add, disable, enable, remove } from './hosting/switching.js';
import { adoptPromises, entriesOf } from './hosting/using.js';
import type {
  ApiDeprecation,
  PluginHostOptions,
  ReplaceOptions,
  StartOptions,
  StopOptions,
  TakeOutOptions,
  UseSettings,
} from './options.js';
import { explain } from './ordering/explain.js';
import type { PluginDescriptor } from './plugin-descriptor.js';
import { Handle, type PluginHandle } from './plugin-handle.js';
import { assertApiDeprecation, resolveHostOptions } from './settings.js';
import type { Explanation, PluginStatus } from './status.js';
import { takeStatus } from './take-status.js';
import type { Fits, FitsServices, Loadable, Usable, UseArguments } from './usable.js';

/**
 * Hosts plugins on a bus: sets them up in the order of their dependencies, switches, replaces and removes them while
 * events are in flight, and tears them down.
 *
 * @typeParam Events - The bus's, and those that plugins have brought along.
 * @typeParam Services - What plugins may ask for.
 */
export interface PluginHost<Events extends object = Record<string, unknown>, Services extends object = Nothing>
  extends AsyncDisposable {
  /** The `name` option. */
  readonly name: string;
  /** The `api` option: the version of the plugin API that it offers. */
  readonly api: string;
  readonly state: 'idle' | 'starting' | 'started' | 'stopping' | 'stopped';

  /**
   * Has a plugin set up by the next `start`. Nothing is looked at but what can be wrong by itself.
   *
   * @param plugin - A plugin; an object with `handlers`; a descriptor; a promise of any of these or of a module whose
   *   default export it is; nothing (a falsy value); or an array of all that.
   * @param options - The plugin's options.
   * @param settings - How this host treats it. See {@link UseSettings}.
   * @returns The host, which now knows the events that the plugin declares.
   * @throws `AmbusError` `INVALID_PLUGIN`, `DUPLICATE_PLUGIN`, `ALREADY_STARTED`, `INVALID_OPTION`, `UNKNOWN_OPTION`,
   *   `INVALID_ARGUMENT`.
   */
  use<Known extends object, Options, Api, Declares extends object, Asked extends object>(
    plugin: Loadable<Plugin<Known, Options, Api, Declares, Asked>> &
      Fits<Known, WithDeclared<Events, Declares>> &
      FitsServices<Asked, Services>,
    ...given: UseArguments<NoInfer<Options>>
  ): PluginHost<WithDeclared<Events, Declares>, Services>;
  use(plugin: Loadable<PluginObject<Events>>, options?: unknown, settings?: UseSettings): this;
  use<Other extends PluginOfOtherApi>(plugin: Loadable<Other>, options?: unknown, settings?: UseSettings): this;
  use(plugin: Loadable<PluginDescriptor>, options?: unknown, settings?: UseSettings): this;
  use(plugins: readonly Usable<Events, Services>[]): this;

  /**
   * Loads and checks every plugin, without side effects; sets them up in the order of their dependencies, those that
   * don't depend on each other at the same time; then has each one's `ready` run.
   *
   * @throws `PluginError`, or `PluginsError` where there are several: what is wrong with a plugin, or
   *   `PLUGIN_SETUP_FAILED` and `PLUGIN_READY_FAILED`, once everything has been undone. `AmbusError`
   *   `ALREADY_STARTED`; the signal's reason; `HOST_STOPPED` where `stop` was called meanwhile.
   */
  start(options?: StartOptions): Promise<void>;

  /**
   * Tears every plugin down, dependants first: no handler is called any more, those that run are waited for, then
   * `teardown`, then its resources. A second call waits for the first. The host may be started again.
   *
   * @throws Once all is down: `PluginError`, or `PluginsError` where there are several.
   */
  stop(options?: StopOptions): Promise<void>;

  /**
   * Loads, checks and sets up plugins in a host that has been started. Takes what `use` takes.
   *
   * @throws What `start` throws; then nothing has been added.
   */
  add<Known extends object, Options, Api, Declares extends object, Asked extends object>(
    plugin: Loadable<Plugin<Known, Options, Api, Declares, Asked>> &
      Fits<Known, WithDeclared<Events, Declares>> &
      FitsServices<Asked, Services>,
    ...given: UseArguments<NoInfer<Options>>
  ): Promise<void>;
  add(plugin: Loadable<PluginObject<Events>>, options?: unknown, settings?: UseSettings): Promise<void>;
  add<Other extends PluginOfOtherApi>(
    plugin: Loadable<Other>,
    options?: unknown,
    settings?: UseSettings,
  ): Promise<void>;
  add(plugin: Loadable<PluginDescriptor>, options?: unknown, settings?: UseSettings): Promise<void>;
  add(plugins: readonly Usable<Events, Services>[]): Promise<void>;

  /**
   * Tears a plugin down, and keeps it: its handlers that have not been called yet are skipped, also in emissions
   * under way.
   *
   * @throws `AmbusError` `UNKNOWN_PLUGIN`; `HAS_DEPENDANTS` unless `cascade`; `NOT_STARTED`; what went wrong
   *   meanwhile, as `stop`.
   */
  disable(plugin: string, options?: TakeOutOptions): Promise<void>;

  /**
   * Sets a plugin up that is disabled, or has failed; and then those that were blocked by that.
   *
   * @throws What `start` throws; then it is as it was.
   */
  enable(plugin: string): Promise<void>;

  /**
   * Puts another plugin, or another version, at a plugin's place: each emission sees the handlers of exactly one of
   * them. Where the new one can't be set up, the old one stays.
   *
   * @param plugin - The name of the one that goes; the new one is used under it.
   * @param next - The one that comes: whatever `use` takes but an array.
   * @throws `AmbusError` `HAS_DEPENDANTS` unless `cascade`; what `start` throws.
   */
  replace<Known extends object, Options, Api, Declares extends object, Asked extends object>(
    plugin: string,
    next: Loadable<Plugin<Known, Options, Api, Declares, Asked>> &
      Fits<Known, WithDeclared<Events, Declares>> &
      FitsServices<Asked, Services>,
    options?: ReplaceOptions & { readonly options?: NoInfer<Options> },
  ): Promise<void>;
  replace(
    plugin: string,
    next: Loadable<PluginObject<Events> | PluginDescriptor | PluginOfOtherApi>,
    options?: ReplaceOptions,
  ): Promise<void>;

  /**
   * Tears a plugin down and forgets it.
   *
   * @throws As `disable`.
   */
  remove(plugin: string, options?: TakeOutOptions): Promise<void>;

  /** The state of each plugin, in their order; of those that are not loaded yet, in that of their use. */
  status(): PluginStatus[];

  /**
   * One plugin.
   *
   * @throws `AmbusError` `UNKNOWN_PLUGIN`.
   */
  plugin<Api>(plugin: PluginReference<Api>): PluginHandle<Api>;
  plugin(name: string): PluginHandle;

  /** The order in which an event's handlers are called, and why: `console.log(host.explain('order.placed'))`. */
  explain(type: EventName<Events>): Explanation;

  /**
   * Warns, once for each plugin and feature, that a plugin uses something on its way out.
   *
   * @throws `AmbusError` `UNKNOWN_PLUGIN`, `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
   */
  deprecate(plugin: string, feature: string, deprecation: ApiDeprecation): void;
}

/** Makes a {@link PluginHost}. */
export interface PluginHostConstructor {
  /**
   * @param bus - The bus that plugins subscribe to.
   * @param options - See {@link PluginHostOptions}.
   * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`.
   */
  new <Events extends object, Services extends object = Nothing>(
    bus: EventBus<Events>,
    options?: PluginHostOptions<Services>,
  ): PluginHost<Events, Services>;
}

class Host {
  readonly #core: HostCore;
  #stopping: Promise<void> | undefined;

  constructor(bus: unknown, options?: PluginHostOptions) {
    this.#core = new HostCore(coreOf('PluginHost', bus), resolveHostOptions(options));
  }

  get name(): string {
    return this.#core.name;
  }

  get api(): string {
    return this.#core.settings.api;
  }

  get state(): HostCore['state'] {
    return this.#core.state;
  }

  use(plugin: unknown, options?: unknown, settings?: UseSettings): this {
    adoptPromises(plugin);
    const core = this.#core;
    if (core.state !== 'idle' && core.state !== 'stopped') {
      throw alreadyStarted(core, 'Use add() for plugins that come later.');
    }
    this.#register('use', plugin, options, settings);
    return this;
  }

  async start(options?: StartOptions): Promise<void> {
    assertOptions('start', options, ['signal']);
    assertOption('start', 'signal', options?.signal, 'an AbortSignal', isAbortSignal);
    const core = this.#core;
    if (core.state !== 'idle' && core.state !== 'stopped') throw alreadyStarted(core, 'It is started once.');
    const signal = options?.signal;
    if (signal?.aborted === true) throw signal.reason;
    core.state = 'starting';
    const forget =
      signal === undefined
        ? undefined
        : onAbort(signal, () => {
            core.giveUp(signal.reason);
          });
    try {
      await core.change(callingContext(), () => {
        // It may have aborted while another change was under way.
        if (signal?.aborted === true) core.giveUp(signal.reason);
        return start(core, core.giveUpSignal());
      });
    } finally {
      forget?.();
    }
  }

  stop(options?: StopOptions): Promise<void> {
    const core = this.#core;
    try {
      assertOptions('stop', options, ['drainMs', 'parent']);
      assertDuration('stop', 'drainMs', options?.drainMs, 0);
      contextOf(options?.parent);
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#stopping !== undefined) {
      // Whoever asks again may be a handler too, that the first must not wait for.
      const release = core.bus.lifetime.hold(contextOf(options?.parent));
      this.#stopping.then(release, release);
      return this.#stopping;
    }
    if (core.changes.underWay) {
      core.ending = hostStopped(core);
      core.giveUp(core.ending);
    }
    const stopping = core
      .change(contextOf(options?.parent), () => {
        core.ending = undefined;
        return stop(core, options?.drainMs ?? core.settings.drainMs);
      })
      .finally(() => {
        this.#stopping = undefined;
      });
    this.#stopping = stopping;
    return stopping;
  }

  async add(plugin: unknown, options?: unknown, settings?: UseSettings): Promise<void> {
    adoptPromises(plugin);
    const core = this.#core;
    if (core.state === 'idle' || core.state === 'stopped') throw notStarted(core, 'add(), or use use()');
    await core.change(callingContext(), async () => {
      if (core.state !== 'started') throw notStarted(core, 'add()');
      await add(core, this.#register('add', plugin, options, settings));
    });
  }

  async disable(plugin: unknown, options?: TakeOutOptions): Promise<void> {
    const { cascade, drainMs, parent } = takeOutOptions('disable', options);
    await this.#change(plugin, parent, (entry) => disable(this.#core, entry, { cascade, drainMs }));
  }

  async enable(plugin: unknown): Promise<void> {
    await this.#change(plugin, undefined, (entry) => enable(this.#core, entry));
  }

  async replace(plugin: unknown, next: unknown, options?: ReplaceOptions): Promise<void> {
    adoptPromises(next);
    assertOptions('replace', options, ['drainMs', 'cascade', 'options', 'parent']);
    assertDuration('replace', 'drainMs', options?.drainMs, 0);
    assertOption('replace', 'cascade', options?.cascade, 'true or false', isBoolean);
    const { cascade, drainMs, parent } = options ?? {};
    const given = options !== undefined && 'options' in options ? { given: options.options } : undefined;
    if (isAtHand(next)) {
      // What is wrong with it is said before it has to wait for anything.
      definitionAtHand(this.#core, unpack(next));
    }
    await this.#change(plugin, parent, (entry) =>
      replace(this.#core, entry, next, { options: given, cascade, drainMs }),
    );
  }

  async remove(plugin: unknown, options?: TakeOutOptions): Promise<void> {
    const { cascade, drainMs, parent } = takeOutOptions('remove', options);
    await this.#change(plugin, parent, (entry) => remove(this.#core, entry, { cascade, drainMs }));
  }

  status(): PluginStatus[] {
    return takeStatus(this.#core);
  }

  plugin(plugin: unknown): Handle {
    return new Handle(this, this.#core, this.#core.entry(plugin));
  }

  explain(type: PropertyKey): Explanation {
    assertEmittable(type);
    return explain(this.#core, type);
  }

  deprecate(plugin: unknown, feature: string, deprecation: ApiDeprecation): void {
    const { name } = this.#core.entry(plugin);
    assertApiDeprecation(feature, deprecation);
    this.#core.deprecate(name, feature, deprecation);
  }

  async [asyncDisposeSymbol](): Promise<void> {
    await this.stop();
  }

  #register(where: string, plugin: unknown, options: unknown, settings: UseSettings | undefined): Entry[] {
    const core = this.#core;
    const entries = entriesOf(core, where, plugin, options, settings);
    const names = new Set<string>();
    for (const { name } of entries) {
      if (core.find(name) !== undefined || names.has(name)) {
        throw duplicatePlugin(core, name);
      }
      names.add(name);
    }
    for (const entry of entries) core.add(entry);
    return entries;
  }

  /** @param parent - The context of the handler that the call is made in, where that is said. */
  async #change(plugin: unknown, parent: unknown, change: (entry: Entry) => Promise<void>): Promise<void> {
    const core = this.#core;
    const { name } = core.entry(plugin);
    // It may be gone, or another, when its turn comes.
    await core.change(contextOf(parent), () => change(core.entry(name)));
  }
}

const isBoolean = (value: unknown): boolean => typeof value === 'boolean';

function takeOutOptions(where: string, options: TakeOutOptions | undefined): TakeOutOptions {
  assertOptions(where, options, ['drainMs', 'cascade', 'parent']);
  assertDuration(where, 'drainMs', options?.drainMs, 0);
  assertOption(where, 'cascade', options?.cascade, 'true or false', isBoolean);
  return options ?? {};
}

/** The emission that a call is made in: as it is said, or as far as it is known. */
function contextOf(parent: unknown): Context | null {
  if (parent === undefined) return callingContext();
  const ctx = contextBehind(parent);
  if (ctx !== undefined) return ctx;
  throw invalidOption('the change', 'parent', "a handler's context", parent);
}

Object.defineProperty(Host, 'name', { value: 'PluginHost' });

/** See the interface of the same name. */
export const PluginHost: PluginHostConstructor = Host;
