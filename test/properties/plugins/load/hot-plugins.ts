import type { EmissionContext } from '../../../../src/index.js';
import type { ManualClock } from '../../../../src/testing/index.js';
import type { Dice } from './dice.js';
import type { HotContext, HotPlugin } from './hot-host.js';
import { Instance } from './instance.js';
import type { Outage } from './outage.js';
import type { Watch } from './watch.js';

/** What is emitted under load. */
export const EVENTS = ['order.placed', 'order.paid', 'mail.sent'] as const;

/** The context of a handler under load, whose payload is the watch of its emission. */
export type HotEmission = EmissionContext & { readonly payload?: unknown };

/** What plugins under load have to do with. */
interface Stage {
  readonly dice: Dice;
  readonly clock: ManualClock;
  /** How many plugins there are. */
  readonly plugins: number;
  /** What subscriptions end with, if it aborts. */
  readonly signal: AbortSignal;
  /** The changes that are not over. */
  readonly outages: ReadonlySet<Outage>;
  /** A handler is called. */
  handle(instance: Instance, ctx: HotEmission): unknown;
  /** A plugin is to go, as it has failed. */
  comesOut(plugin: string): void;
  violated(text: string): void;
}

/** The plugins of a load, and what must hold whatever is done with them. */
export class HotPlugins {
  /** All that were ever set up. */
  readonly instances: Instance[] = [];
  readonly #stage: Stage;
  /** Those that are not down, by their plugins' names. */
  readonly #present = new Map<string, Instance[]>();
  /** What plugins hand to those that require them. */
  readonly #byApi = new WeakMap<object, Instance>();
  /** By their private states, which all their contexts have. */
  readonly #byState = new WeakMap<object, Instance>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Those that emissions that start now must hear. */
  get heard(): readonly Instance[] {
    return [...this.#present.values()].flat().filter((instance) => instance.isCertain);
  }

  /** Those of one plugin that are not down, in the order of their setup. */
  present(name: string): readonly Instance[] {
    return this.#present.get(name) ?? [];
  }

  /** @param reliability - Whether it may fail. */
  plugin(index: number, reliability: 'reliable' | 'any'): HotPlugin {
    const dice = this.#stage.dice;
    const others = Array.from({ length: index }, (_, other) => nameOf(other));
    const requires = others.filter(() => dice.oneIn(3));
    const name = nameOf(index);
    const fails = (times: number) => reliability === 'any' && dice.oneIn(times);
    return {
      name,
      requires,
      optional: others.filter((other) => !requires.includes(other) && dice.oneIn(8)),
      // Never against the order of the names, so that no two contradict each other.
      before: Array.from({ length: this.#stage.plugins - index - 1 }, (_, other) => nameOf(index + 1 + other)).filter(
        () => dice.oneIn(8),
      ),
      setup: (ctx) => this.#setUp(name, requires, ctx, fails(8)),
      ready: (ctx) => this.#ready(this.#instanceOf(ctx), fails(12)),
      teardown: (ctx) => this.#tearDown(this.#instanceOf(ctx), fails(12)),
    };
  }

  #instanceOf({ state }: HotContext): Instance {
    const instance = this.#byState.get(state);
    if (instance === undefined) throw new Error('This state was in no setup.');
    return instance;
  }

  #setUp(name: string, requires: readonly string[], ctx: HotContext, fails: boolean): unknown {
    const required = requires.map((other) => [other, this.#byApi.get(ctx.api(other) as object)] as const);
    const known = required.filter((entry): entry is readonly [string, Instance] => entry[1] !== undefined);
    const id = `${name}#${this.instances.length + 1}`;
    if (known.length < requires.length) this.#stage.violated(`${id} gets no api of what it requires`);
    const instance = new Instance(id, name, new Map(known), [...this.#stage.outages]);
    for (const other of instance.requires.values()) {
      if (other.state !== 'up') {
        this.#stage.violated(`${id} is set up while ${other.id}, which it requires, is ${other.state}`);
      }
    }
    this.instances.push(instance);
    this.#present.set(name, [...this.present(name), instance]);
    this.#byState.set(ctx.state, instance);
    this.#own(instance, ctx);
    this.#subscribe(instance, ctx);
    this.#own(instance, ctx);
    const end = (): object => {
      if (fails) {
        instance.state = 'failed';
        throw new Error(`setup of ${id}`);
      }
      instance.state = 'up';
      const api = {};
      this.#byApi.set(api, instance);
      return api;
    };
    return this.#soonerOrLater(end);
  }

  #own(instance: Instance, ctx: HotContext): void {
    for (let left = this.#stage.dice.roll(3); left > 0; left--) {
      instance.owned++;
      ctx.own(() => {
        if (instance.state !== 'failed' && instance.state !== 'down') {
          this.#stage.violated(`a resource of ${instance.id} was disposed of before its teardown`);
        }
        instance.disposed++;
        return this.#soonerOrLater(() => undefined);
      });
    }
  }

  /** Hears each event once. */
  #subscribe(instance: Instance, ctx: HotContext): void {
    const dice = this.#stage.dice;
    const handler = (_: unknown, emission: HotEmission): unknown => this.#stage.handle(instance, emission);
    const options = () => ({
      priority: dice.oneIn(3) ? dice.roll(3) - 1 : 0,
      ...(dice.oneIn(2) ? { signal: this.#stage.signal } : {}),
    });
    const way = dice.roll(4);
    if (way === 0) ctx.onAny(handler, options());
    else if (way === 1) ctx.on('**', handler, options());
    else if (way === 2) {
      ctx.on('order.*', handler, options());
      ctx.on('mail.sent', handler, options());
    } else for (const event of EVENTS) ctx.on(event, handler, options());
  }

  #ready(instance: Instance, fails: boolean): unknown {
    return this.#soonerOrLater(() => {
      if (fails) {
        // It goes, and those that require it do.
        this.#stage.comesOut(instance.name);
        throw new Error(`ready of ${instance.id}`);
      }
    });
  }

  #tearDown(instance: Instance, fails: boolean): unknown {
    if (instance.state !== 'up') this.#stage.violated(`${instance.id} is torn down when it is ${instance.state}`);
    for (const run of instance.runs) {
      if (!this.#mayRunOn(run)) this.#stage.violated(`${instance.id} is torn down while it runs in ${run.label}`);
    }
    for (const other of this.instances) {
      if (other.state === 'up' && [...other.requires.values()].includes(instance)) {
        this.#stage.violated(`${instance.id} is torn down while ${other.id}, which requires it, is up`);
      }
    }
    instance.state = 'down';
    instance.endedAt = this.#stage.clock.now();
    this.#present.set(
      instance.name,
      this.present(instance.name).filter((other) => other !== instance),
    );
    return this.#soonerOrLater(() => {
      if (fails) throw new Error(`teardown of ${instance.id}`);
    });
  }

  /** Whether a plugin may be torn down although its handler still runs in an emission. */
  #mayRunOn(run: Watch): boolean {
    const ranMs = this.#stage.clock.now() - run.startedAt;
    return [...this.#stage.outages].some(({ drainMs, within }) => ranMs >= drainMs || within.includes(run));
  }

  /** Does something at once, or in a while. */
  #soonerOrLater<T>(end: () => T): T | Promise<T> {
    const kind = this.#stage.dice.roll(4);
    if (kind <= 1) return end();
    if (kind === 2) return Promise.resolve().then(end);
    return this.sleep(1 + this.#stage.dice.roll(4)).then(end);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#stage.clock.setTimeout(resolve, ms));
  }
}

/** What a plugin is called. */
export function nameOf(index: number): string {
  return `plugin-${index}`;
}
