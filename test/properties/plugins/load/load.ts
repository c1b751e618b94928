import { compiled } from '../../../../src/compiled/index.js';
import {
  type AmbusError,
  type EmissionContext,
  type EmitOptions,
  EventBus,
  HandlerError,
} from '../../../../src/index.js';
import { ManualClock } from '../../../../src/testing/index.js';
import { WatchedSignal } from '../../watched-signal.js';
import { Dice } from './dice.js';
import { type ChangeOptions, DRAIN_MS, type HotHost, type MakeHost } from './hot-host.js';
import { EVENTS, type HotEmission, HotPlugins, nameOf } from './hot-plugins.js';
import type { Instance } from './instance.js';
import { Outage } from './outage.js';
import { Watch } from './watch.js';

/** What a load is; everything else is left to chance, which the seed decides. */
export interface LoadPlan {
  readonly seed: number;
  readonly plugins: number;
  readonly emissions: number;
  readonly mode: 'sequential' | 'concurrent' | 'tiered';
  /** Whether observers listen; the bus goes another way then. */
  readonly observed: boolean;
  readonly compiled: boolean;
}

/** What a load has come to. */
export interface LoadReport {
  /** What must not have happened. */
  readonly violations: readonly string[];
  /** How often something has happened that is to be tested. */
  readonly counts: Readonly<Record<string, number>>;
}

const VERBS = ['emit', 'emitSync', 'dispatch', 'post'] as const;
const CHANGES = ['disable', 'enable', 'replace', 'replace', 'replace', 'remove', 'add'] as const;

/** A bus, or the context of a handler. */
type Emitter = {
  readonly [Verb in (typeof VERBS)[number]]: (type: string, payload: Watch, options?: EmitOptions) => unknown;
};

/** How deep emissions are within emissions, and how many changes wait for each other. */
const DEEPEST = 2;
const MOST_CHANGES = 5;
/** How many violations are told. */
const MOST_VIOLATIONS = 10;
/** Longer than anything takes. */
const LONG_MS = 1_000_000;

/** What a change may be refused with. */
const REFUSALS = new Set([
  'HAS_DEPENDANTS',
  'UNKNOWN_PLUGIN',
  'DUPLICATE_PLUGIN',
  'MISSING_PLUGIN',
  'PLUGIN_SETUP_FAILED',
  'PLUGIN_READY_FAILED',
  'PLUGIN_TEARDOWN_FAILED',
  'PLUGIN_NOT_DRAINED',
  'PLUGINS_FAILED',
]);

/** Plugins that are changed at random while events are in flight, and all that is watched meanwhile. */
export class Load {
  readonly #plan: LoadPlan;
  readonly #dice: Dice;
  readonly #clock = new ManualClock();
  readonly #bus: EventBus;
  readonly #host: HotHost;
  readonly #violations = new Set<string>();
  readonly #counts: Record<string, number> = {};
  readonly #plugins: HotPlugins;
  /** Emissions that have not ended. */
  readonly #watches = new Set<Watch>();
  /** Changes that are not over. */
  readonly #outages = new Set<Outage>();
  /** Every subscription listens to one, the start to the other. */
  readonly #watchedSignals = [
    new WatchedSignal(new AbortController().signal),
    new WatchedSignal(new AbortController().signal),
  ] as const;
  #emissions = 0;

  constructor(plan: LoadPlan, makeHost: MakeHost) {
    this.#plan = plan;
    this.#dice = new Dice(plan.seed);
    this.#bus = new EventBus({
      clock: this.#clock,
      mode: plan.mode,
      maxHandlers: 0,
      onFailure: (failure) => this.#reported(failure),
      ...(plan.compiled ? { compiler: compiled({ after: 2 }) } : {}),
    });
    if (plan.observed) this.#bus.observe({ handlerStarted: () => {}, emissionSettled: () => {} });
    this.#plugins = new HotPlugins({
      dice: this.#dice,
      clock: this.#clock,
      plugins: plan.plugins,
      signal: this.#watchedSignals[0].signal,
      outages: this.#outages,
      handle: (instance, ctx) => this.#handle(instance, ctx),
      comesOut: (plugin) => this.#comesOut(plugin),
      violated: (text) => this.#violated(text),
    });
    this.#host = makeHost(this.#bus, this.#clock);
  }

  async run(): Promise<LoadReport> {
    const onUnhandled = (reason: unknown) => this.#violated(`unhandled rejection of ${String(reason)}`);
    process.on('unhandledRejection', onUnhandled);
    try {
      const plugins = Array.from({ length: this.#plan.plugins }, (_, index) => this.#plugins.plugin(index, 'reliable'));
      void this.#track('start', '', {}, () => this.#host.start(plugins, this.#watchedSignals[1].signal));
      while (this.#emissions < this.#plan.emissions && this.#violations.size < MOST_VIOLATIONS) await this.#turn();
      await this.#clock.advance(LONG_MS);
      for (const watch of this.#watches) this.#violated(`${watch.label} has no end`);
      await this.#stop();
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
    return { violations: [...this.#violations], counts: this.#counts };
  }

  async #stop(): Promise<void> {
    let settled = false;
    const stopped = this.#track('stop', '', {}, () => this.#host.stop()).then(() => {
      settled = true;
    });
    await this.#clock.advance(LONG_MS);
    if (settled) await stopped;
    else this.#violated('stop has no end');
    this.#lookForLeaks();
  }

  #lookForLeaks(): void {
    const none = (what: string, count: number): void => {
      if (count !== 0) this.#violated(`at the end there are ${count} ${what}`);
    };
    const { counts, groups, listeners } = this.#bus.inspect();
    none('handlers', this.#bus.handlerCount());
    none('groups', groups.length);
    none('listeners', listeners.length);
    none('emissions in flight', counts.inFlight);
    none('late runs', counts.late);
    none('timers', this.#clock.pending);
    none('changes that are not over', this.#outages.size);
    none('abort listeners of subscriptions', this.#watchedSignals[0].listeners);
    none('abort listeners of the start', this.#watchedSignals[1].listeners);
    for (const { disposed, id, owned, state } of this.#plugins.instances) {
      if (disposed !== owned) this.#violated(`${id} has ${owned} resources, of which ${disposed} were disposed of`);
      if (state !== 'down' && state !== 'failed') this.#violated(`${id} is ${state} at the end`);
    }
  }

  /** Emits, changes something perhaps, and lets some time pass. */
  async #turn(): Promise<void> {
    const dice = this.#dice;
    for (let left = dice.roll(5); left >= 0; left--) this.#emit(this.#bus, undefined);
    if (dice.oneIn(2)) void this.#change(undefined);
    if (dice.oneIn(3)) await this.#clock.advance(1 + dice.roll(3));
    else for (let left = dice.roll(4); left > 0; left--) await null;
  }

  // Emissions.

  #emit(by: Emitter, parent: Watch | undefined): unknown {
    const dice = this.#dice;
    const event = dice.pick(EVENTS);
    const verb = dice.pick(VERBS);
    const candidates = this.#plugins.heard;
    const label = `e${++this.#emissions}`;
    const watch = new Watch(label, parent, this.#clock.now(), candidates, this.#outages);
    this.#watches.add(watch);
    const options = dice.oneIn(4) ? { mode: dice.pick(['sequential', 'concurrent', 'tiered'] as const) } : undefined;
    this.#count(verb);
    if (verb === 'post') {
      by.post(event, watch, options);
      // Nobody says when it has ended.
      this.#watches.delete(watch);
      return undefined;
    }
    const settled = by[verb](event, watch, options);
    if (!(settled instanceof Promise)) return this.#ended(watch);
    return settled.then(
      () => this.#ended(watch),
      (error: unknown) => this.#violated(`${label} rejected with ${String(error)}`),
    );
  }

  #ended(watch: Watch): void {
    this.#watches.delete(watch);
    for (const text of watch.misses(this.#clock.now(), this.#plugins.instances)) this.#violated(text);
  }

  #handle(instance: Instance, ctx: HotEmission): unknown {
    const watch = ctx.payload as Watch;
    const dice = this.#dice;
    if (instance.state !== 'up') this.#violated(`${watch.label} called ${instance.id}, which is ${instance.state}`);
    watch.called.push(instance);
    for (const text of watch.contradictions()) this.#violated(text);
    instance.isHeard = true;
    const present = this.#plugins.present(instance.name);
    if (present.indexOf(instance) < present.findLastIndex(({ isHeard }) => isHeard)) this.#count('called the old one');
    const how = ctx.sync && !dice.oneIn(20) ? dice.roll(6) : dice.roll(12);
    if (how === 0 && dice.oneIn(4)) throw new Error('a handler');
    if (how === 1 && watch.ancestry.length <= DEEPEST) void this.#emit(ctx, watch);
    if (how === 2 && dice.oneIn(60)) void this.#change(watch);
    if (how < 6) return undefined;
    instance.runs.add(watch);
    return this.#goOn(how, watch, ctx).finally(() => instance.runs.delete(watch));
  }

  async #goOn(how: number, watch: Watch, ctx: EmissionContext): Promise<void> {
    const dice = this.#dice;
    if (how === 6 && watch.ancestry.length <= DEEPEST) await this.#emit(ctx, watch);
    else if (how === 7 && dice.oneIn(60)) await this.#change(watch);
    else if (how <= 9) await null;
    else await this.#plugins.sleep(1 + dice.roll(3));
    if (how === 8 && dice.oneIn(60)) await this.#change(watch, ctx);
    if (how === 9 && dice.oneIn(4)) throw new Error('a handler');
  }

  // Changes.

  /** @param parent - The context of the emission that it comes from, where an `await` hides that. */
  async #change(from: Watch | undefined, parent?: EmissionContext): Promise<void> {
    if (this.#outages.size >= MOST_CHANGES) return;
    const dice = this.#dice;
    const index = dice.roll(this.#plan.plugins);
    const name = nameOf(index);
    // What has been removed is added again, sooner or later.
    const what = this.#removed.has(name) && !dice.oneIn(4) ? 'add' : dice.pick(CHANGES);
    const cascade = dice.oneIn(2);
    const drainMs = dice.pick([0, 2, DRAIN_MS, DRAIN_MS, DRAIN_MS]);
    const options: ChangeOptions = { cascade, drainMs, ...(parent === undefined ? {} : { parent }) };
    const host = this.#host;
    const within = from?.ancestry ?? [];
    switch (what) {
      case 'enable':
        return this.#track('enable', name, { within, missedAfterMs: Infinity }, () => host.enable(name));
      case 'add':
        return this.#track('add', name, { within, missedAfterMs: Infinity }, () =>
          host.add(this.#plugins.plugin(index, 'any')),
        );
      case 'replace': {
        // Those that are under way still see the old one, unless they take too long.
        const outage = { within, drainMs, cascades: true, missedAfterMs: drainMs };
        return this.#track('replace', name, outage, () =>
          host.replace(name, this.#plugins.plugin(index, 'any'), options),
        );
      }
      default:
        return this.#track(what, name, { within, drainMs, cascades: cascade, missedAfterMs: 0 }, () =>
          host[what](name, options),
        );
    }
  }

  /** Notes that a plugin may be missed from now on, until the changes that are under way are over. */
  #comesOut(plugin: string): void {
    const changes = [...this.#outages];
    const outage = new Outage(plugin, { cascades: true, missedAfterMs: 0, drainMs: Infinity, within: [] });
    for (const watch of this.#watches) watch.outages.add(outage);
    // Nothing else says when its failure has been dealt with.
    if (changes.length > 0) this.#following.set(outage, changes);
    this.#outages.add(outage);
  }

  readonly #removed = new Set<string>();
  readonly #following = new Map<Outage, readonly Outage[]>();

  async #track(what: string, plugin: string, given: Partial<Outage>, change: () => Promise<void>): Promise<void> {
    const { cascades = false, drainMs = DRAIN_MS, missedAfterMs = 0, within = [] } = given;
    const outage = new Outage(plugin, { cascades, drainMs, missedAfterMs, within });
    for (const watch of this.#watches) watch.outages.add(outage);
    this.#outages.add(outage);
    try {
      await change();
      this.#count(what);
      if (what === 'remove') this.#removed.add(plugin);
      if (what === 'add') this.#removed.delete(plugin);
    } catch (error) {
      const { code } = error as Partial<AmbusError>;
      this.#count(`${what}: ${String(code)}`);
      if (code === undefined || !REFUSALS.has(code)) {
        this.#violated(`${what} of ${plugin} rejected with ${String(error)}`);
      }
    }
    this.#end(outage);
  }

  #end(outage: Outage): void {
    outage.isOver = true;
    this.#outages.delete(outage);
    for (const [follower, changes] of this.#following) {
      if (changes.some(({ isOver }) => !isOver)) continue;
      this.#following.delete(follower);
      this.#end(follower);
    }
  }

  // Notes.

  #reported(failure: AmbusError): void {
    const { cause, code } = failure;
    this.#count(`reported: ${code}`);
    if (!(failure instanceof HandlerError)) {
      if (!REFUSALS.has(code)) this.#violated(`onFailure was told ${String(failure)}`);
    } else if (code !== 'ASYNC_IN_SYNC' && (cause as Error).message !== 'a handler') {
      this.#violated(`a handler failed with ${String(cause)}`);
    }
  }

  #count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  #violated(text: string): void {
    if (this.#violations.size < MOST_VIOLATIONS) this.#violations.add(`${this.#clock.now()} ms: ${text}`);
  }
}
