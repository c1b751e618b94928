import { AmbusError, type EventBus, type HandlerGroup } from '../../../../src/index.js';
import type { ManualClock } from '../../../../src/testing/index.js';
import { type ChangeOptions, DRAIN_MS, type HotContext, type HotHost, type HotPlugin } from './hot-host.js';

/** What a host may do wrong. */
export const FAULTS = [
  'tears down before it ends subscriptions',
  'takes the old one away before it sets up the new one',
  'has the old one and the new one heard for a moment',
  'has neither the old one nor the new one heard for a moment',
  'switches dependants one after the other',
  'has plugins heard while they are set up',
  'does not wait for handlers that run',
  'ends subscriptions of a replaced one for emissions under way',
  'forgets resources',
  'forgets the resources of a failed setup',
  'keeps the subscriptions of a failed setup',
  'tears down what others require',
  'replaces what others require',
  'tears down twice',
  'does not tear down at the stop',
  'leaves timers behind',
  'listens to the signal of the start for ever',
] as const;
export type Fault = (typeof FAULTS)[number];

interface Hosted {
  plugin: HotPlugin;
  state: 'active' | 'blocked' | 'disabled' | 'failed';
  running: Running | undefined;
}

interface Running {
  readonly plugin: HotPlugin;
  readonly group: HandlerGroup;
  readonly ctx: HotContext;
  readonly resources: (() => unknown)[];
  readonly signal: AbortController;
  /** Subscribes, when it is to be heard. */
  readonly staged: (() => void)[];
  open: boolean;
  api: unknown;
}

/**
 * A host as simple as can be that still does what is asked of it under load; or, with a fault, doesn't: it shows that
 * the load finds such faults.
 */
export class SimpleHost implements HotHost {
  readonly #bus: EventBus;
  readonly #clock: ManualClock;
  readonly #fault: Fault | undefined;
  readonly #hosted = new Map<string, Hosted>();
  #changes: Promise<unknown> = Promise.resolve();
  #place = 0;

  constructor(bus: EventBus, clock: ManualClock, fault?: Fault) {
    this.#bus = bus;
    this.#clock = clock;
    this.#fault = fault;
  }

  start(plugins: readonly HotPlugin[], signal: AbortSignal): Promise<void> {
    if (this.#fault === 'listens to the signal of the start for ever') signal.addEventListener('abort', () => {});
    return this.#change(async () => {
      for (const plugin of plugins) await this.#add(plugin);
    });
  }

  stop(): Promise<void> {
    return this.#change(async () => {
      if (this.#fault === 'does not tear down at the stop') return;
      for (const hosted of [...this.#hosted.values()].sort(byName).toReversed()) {
        if (hosted.running !== undefined) await this.#end(hosted.running);
      }
    });
  }

  add(plugin: HotPlugin): Promise<void> {
    return this.#change(() => this.#add(plugin));
  }

  enable(name: string): Promise<void> {
    return this.#change(async () => {
      const hosted = this.#find(name);
      if (hosted.running === undefined) await this.#activate(hosted);
    });
  }

  disable(name: string, options: ChangeOptions): Promise<void> {
    return this.#change(() => this.#disable(this.#find(name), options));
  }

  remove(name: string, options: ChangeOptions): Promise<void> {
    return this.#change(async () => {
      await this.#disable(this.#find(name), options);
      this.#hosted.delete(name);
    });
  }

  replace(name: string, next: HotPlugin, options: ChangeOptions): Promise<void> {
    return this.#change(() => this.#replace(this.#find(name), next, options));
  }

  async #change(change: () => Promise<void>): Promise<void> {
    if (this.#fault === 'leaves timers behind') this.#clock.setTimeout(() => {}, Number.MAX_SAFE_INTEGER);
    const earlier = this.#changes;
    const done = earlier.then(change);
    this.#changes = done.catch(() => undefined);
    return done;
  }

  #find(name: string): Hosted {
    const hosted = this.#hosted.get(name);
    if (hosted === undefined) throw new AmbusError('UNKNOWN_PLUGIN', name);
    return hosted;
  }

  async #add(plugin: HotPlugin): Promise<void> {
    const { name } = plugin;
    if (this.#hosted.has(name)) throw new AmbusError('DUPLICATE_PLUGIN', name);
    const hosted: Hosted = { plugin, state: 'disabled', running: undefined };
    await this.#activate(hosted);
    this.#hosted.set(name, hosted);
  }

  async #activate(hosted: Hosted): Promise<void> {
    const running = await this.#setUp(hosted.plugin, new Map());
    this.#open(running);
    hosted.running = running;
    hosted.state = 'active';
    await this.#ready(hosted, running);
    for (const other of this.#hosted.values()) {
      if (
        other.state === 'blocked' &&
        other.plugin.requires.every((name) => this.#hosted.get(name)?.running !== undefined)
      ) {
        await this.#activate(other).catch(() => {
          other.state = 'failed';
        });
      }
    }
  }

  async #ready(hosted: Hosted, running: Running): Promise<void> {
    try {
      await running.plugin.ready(running.ctx);
    } catch (error) {
      await this.#takeDown(hosted, { cascade: true }, 'failed');
      throw new AmbusError('PLUGIN_READY_FAILED', hosted.plugin.name, { cause: error });
    }
  }

  /** @param instead - What is set up with it in the place of others. */
  async #setUp(plugin: HotPlugin, instead: ReadonlyMap<string, Running>): Promise<Running> {
    const find = (name: string): Running | undefined => instead.get(name) ?? this.#hosted.get(name)?.running;
    for (const name of plugin.requires) if (find(name) === undefined) throw new AmbusError('MISSING_PLUGIN', name);
    const running = this.#stage(plugin, find);
    try {
      running.api = await plugin.setup(running.ctx);
    } catch (error) {
      if (this.#fault !== 'forgets the resources of a failed setup') await this.#dispose(running);
      if (this.#fault !== 'keeps the subscriptions of a failed setup') running.group.remove();
      else this.#open(running);
      throw new AmbusError('PLUGIN_SETUP_FAILED', plugin.name, { cause: error });
    }
    return running;
  }

  #stage(plugin: HotPlugin, find: (name: string) => Running | undefined): Running {
    const group = this.#bus.group(plugin.name, { place: ++this.#place });
    const signal = new AbortController();
    const staged: (() => void)[] = [];
    const resources: (() => unknown)[] = [];
    const when = (subscribe: () => void): void => {
      if (running.open) subscribe();
      else staged.push(subscribe);
    };
    const ctx = {
      signal: signal.signal,
      state: {},
      api: (name: string) => find(name)?.api,
      own: (resource: () => unknown) => {
        resources.push(resource);
        return resource;
      },
      on: (...args: Parameters<typeof group.on>) => when(() => group.on(...args)),
      onAny: (...args: Parameters<typeof group.onAny>) => when(() => group.onAny(...args)),
      emit: this.#bus.emit.bind(this.#bus),
    } as unknown as HotContext;
    const open = this.#fault === 'has plugins heard while they are set up';
    const running: Running = { plugin, group, ctx, resources, signal, staged, open, api: undefined };
    return running;
  }

  #open(running: Running): void {
    running.open = true;
    for (const subscribe of running.staged.splice(0)) subscribe();
  }

  async #disable(hosted: Hosted, options: ChangeOptions): Promise<void> {
    if (hosted.running === undefined) hosted.state = 'disabled';
    else await this.#takeDown(hosted, options, 'disabled');
  }

  async #takeDown(hosted: Hosted, options: ChangeOptions, state: Hosted['state']): Promise<void> {
    const dependants = this.#dependants(hosted);
    if (dependants.length > 0 && options.cascade !== true && this.#fault !== 'tears down what others require') {
      throw new AmbusError('HAS_DEPENDANTS', hosted.plugin.name);
    }
    if (this.#fault !== 'tears down what others require') {
      for (const dependant of dependants) await this.#takeDown(dependant, options, 'blocked');
    }
    const { running } = hosted;
    hosted.running = undefined;
    hosted.state = state;
    if (running !== undefined) await this.#end(running, options.drainMs);
  }

  async #replace(hosted: Hosted, next: HotPlugin, options: ChangeOptions): Promise<void> {
    const old = hosted.running;
    if (old === undefined) {
      hosted.plugin = next;
      if (hosted.state === 'failed') await this.#activate(hosted);
      return;
    }
    const goesFirst = this.#fault === 'takes the old one away before it sets up the new one';
    const mayReplace = this.#fault === 'replaces what others require' || options.cascade === true;
    const dependants = this.#fault === 'replaces what others require' ? [] : this.#dependantsInOrder(hosted);
    if (dependants.length > 0 && !mayReplace) throw new AmbusError('HAS_DEPENDANTS', next.name);
    if (goesFirst) old.group.retire();
    const fresh = new Map<string, Running>();
    try {
      fresh.set(next.name, await this.#setUp(next, fresh));
      for (const { plugin } of dependants) fresh.set(plugin.name, await this.#setUp(plugin, fresh));
    } catch (error) {
      for (const running of [...fresh.values()].toReversed()) await this.#end(running);
      throw error;
    }
    hosted.plugin = next;
    const retired: Running[] = [];
    for (const one of [hosted, ...dependants]) {
      const running = fresh.get(one.plugin.name) as Running;
      const before = one.running as Running;
      one.running = running;
      retired.push(before);
      const swapped = this.#swap(before, running);
      if (swapped !== undefined) await swapped;
    }
    for (const one of retired.toReversed()) await this.#end(one, options.drainMs, true);
    for (const one of [hosted, ...dependants]) if (one.running !== undefined) await this.#ready(one, one.running);
  }

  /** Returns nothing to wait for where it does what it should. */
  #swap(old: Running, next: Running): Promise<void> | undefined {
    if (this.#fault === 'has neither the old one nor the new one heard for a moment') {
      old.group.retire();
      return this.#openSoon(next);
    }
    if (this.#fault === 'has the old one and the new one heard for a moment') {
      this.#open(next);
      return aMoment().then(() => old.group.retire());
    }
    this.#open(next);
    if (this.#fault === 'ends subscriptions of a replaced one for emissions under way') old.group.remove();
    else old.group.retire();
    return this.#fault === 'switches dependants one after the other' ? aMoment() : undefined;
  }

  async #openSoon(next: Running): Promise<void> {
    await aMoment();
    this.#open(next);
  }

  /** @param isRetired - Whether emissions under way still call it. */
  async #end({ ctx, group, plugin, ...running }: Running, drainMs = DRAIN_MS, isRetired = false): Promise<void> {
    const tearDown = async (): Promise<void> => {
      await this.#errorless(() => plugin.teardown(ctx));
    };
    if (this.#fault === 'tears down before it ends subscriptions') await tearDown();
    if (!isRetired) group.remove();
    if (this.#fault !== 'does not wait for handlers that run') {
      if (drainMs > 0) await group.idle({ timeoutMs: drainMs }).catch(() => undefined);
    }
    group.remove();
    running.signal.abort();
    if (this.#fault === 'tears down twice') await tearDown();
    if (this.#fault !== 'tears down before it ends subscriptions') await tearDown();
    if (this.#fault !== 'forgets resources') await this.#dispose(running);
  }

  async #errorless(call: () => unknown): Promise<void> {
    try {
      await call();
    } catch {
      // Nobody asks for it here.
    }
  }

  async #dispose({ resources }: Pick<Running, 'resources'>): Promise<void> {
    for (const resource of resources.splice(0).toReversed()) await resource();
  }

  #dependants({ plugin }: Hosted): Hosted[] {
    return [...this.#hosted.values()].filter((other) => {
      return other.running !== undefined && other.plugin.requires.includes(plugin.name);
    });
  }

  /** Those that require it, and those that require them, each after what it requires. */
  #dependantsInOrder(hosted: Hosted): Hosted[] {
    const found = new Set<Hosted>();
    const find = (one: Hosted): void => {
      for (const dependant of this.#dependants(one)) {
        found.add(dependant);
        find(dependant);
      }
    };
    find(hosted);
    return [...found].sort(byName);
  }
}

/** As short as a moment can be in which others get their turn. */
async function aMoment(): Promise<void> {
  for (let left = 3; left > 0; left--) await null;
}

/** By the names of plugins, those that are required come first. */
function byName(a: Hosted, b: Hosted): number {
  return a.plugin.name < b.plugin.name ? -1 : 1;
}
