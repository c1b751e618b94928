import { describe, expect } from 'vitest';
import { AmbusError, type BusFacts, type BusOptions, EventBus } from '../../src/index.js';
import {
  definePlugin,
  type Plugin,
  type PluginContext,
  PluginHost,
  type PluginHostOptions,
} from '../../src/plugins/index.js';
import { ManualClock } from '../../src/testing/index.js';

/** What a plugin of a {@link Stage} may have besides its name. */
export interface Parts {
  readonly version?: string;
  readonly api?: string;
  readonly requires?: Readonly<Record<string, string>>;
  readonly optional?: Readonly<Record<string, string>>;
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  readonly state?: () => Record<string, unknown>;
  readonly setup?: (ctx: PluginContext) => unknown;
  readonly ready?: (ctx: PluginContext) => unknown;
  readonly teardown?: (ctx: PluginContext) => unknown;
}

/** A plugin of a {@link Stage}. */
export type StagePlugin = Plugin<Record<string, unknown>>;

/** Options of a host that has no services. */
export type StageOptions = Omit<PluginHostOptions, 'services'>;

/** A host on a bus, whose time stands still, and plugins that note what is done with them. */
export interface Stage {
  readonly clock: ManualClock;
  readonly bus: EventBus;
  readonly host: PluginHost;
  /** What went to the bus's `onFailure`. */
  readonly reports: AmbusError[];
  /** What was done with the plugins: `parser setup`, `parser ready`, `parser teardown`; and what tests write into it. */
  readonly journal: string[];
  /** Makes a plugin that notes its phases in the journal and hears `tick`. */
  readonly plugin: (name: string, parts?: Parts) => StagePlugin;
  /** The names of the plugins that hear a `tick` that is emitted now, in their order. */
  readonly tick: () => string[];
  /** The state of each plugin. */
  readonly states: () => Record<string, string>;
  /** All that a host may leave behind on its bus. */
  readonly footprint: () => Footprint;
}

export interface Footprint {
  readonly handlers: number;
  readonly groups: number;
  readonly timers: number;
  readonly observers: number;
  readonly interceptors: number;
}

/** What is left behind where nothing is. */
export const nothingLeft: Footprint = { handlers: 0, groups: 0, timers: 0, observers: 0, interceptors: 0 };

export function openStage(options?: StageOptions, busOptions?: BusOptions): Stage {
  const clock = new ManualClock();
  const reports: AmbusError[] = [];
  const bus = new EventBus({ clock, onFailure: (failure) => reports.push(failure), ...busOptions });
  const host: PluginHost = new PluginHost(bus, options);
  const journal: string[] = [];
  const heard: string[] = [];

  const plugin = (name: string, { setup, ready, teardown, ...parts }: Parts = {}): StagePlugin =>
    definePlugin({
      name,
      version: '1.0.0',
      ...parts,
      setup(ctx: PluginContext): unknown {
        journal.push(`${ctx.name} setup`);
        ctx.on('tick', () => void heard.push(ctx.name), { name: `${ctx.name}-tick` });
        return setup?.(ctx);
      },
      ready(ctx) {
        journal.push(`${ctx.name} ready`);
        return ready?.(ctx);
      },
      teardown(ctx) {
        journal.push(`${ctx.name} teardown`);
        return teardown?.(ctx);
      },
    });

  const tick = (): string[] => {
    heard.length = 0;
    bus.emitSync('tick');
    return heard.slice();
  };

  const footprint = (): Footprint => {
    const { groups, interceptors, observers } = bus.inspect();
    return {
      handlers: bus.handlerCount(),
      groups: groups.length,
      timers: clock.pending,
      observers,
      interceptors: interceptors.length,
    };
  };

  const states = () => Object.fromEntries(host.status().map(({ name, state }) => [name, state]));
  return { clock, bus, host, reports, journal, plugin, tick, states, footprint };
}

/** The entries of a journal that are about one phase: the plugins' names. */
export const inPhase = (journal: readonly string[], phase: string): string[] =>
  journal.filter((entry) => entry.endsWith(` ${phase}`)).map((entry) => entry.slice(0, -phase.length - 1));

/** Makes a function that does the same: at once, or after an `await`. */
export type InTime = <Given extends unknown[], Result>(
  run: (...given: Given) => Result,
) => (...given: Given) => Result | Promise<Result>;

/** Runs a block of tests with synchronous functions, and again with asynchronous ones. */
export function describeSyncAndAsync(block: (inTime: InTime) => void): void {
  describe('sync', () => block((run) => run));
  describe('async', () =>
    block((run) => async (...given) => {
      await null;
      return run(...given);
    }));
}

/** Expects an error of ambus with this code, whose message has all these words in it. */
export function expectError(error: unknown, code: string, ...words: string[]): AmbusError {
  expect(error).toBeInstanceOf(AmbusError);
  expect(error).toMatchObject({ code });
  const { message } = error as AmbusError;
  for (const word of words) expect(message).toContain(word);
  return error as AmbusError;
}

/** The errors of several, or the only one. */
export const errorsOf = (error: unknown): AmbusError[] =>
  error instanceof AggregateError ? (error.errors as AmbusError[]) : [error as AmbusError];

type PluginFacts = Pick<
  BusFacts,
  'pluginStateChanged' | 'pluginPhaseStarted' | 'pluginPhaseSettled' | 'pluginsSlow' | 'pluginDeprecationFound'
>;

/** Everything that an observer of a bus is told of plugins from now on. */
export function factsOf(bus: EventBus): { readonly [Fact in keyof PluginFacts]: PluginFacts[Fact][] } {
  const facts: { [Fact in keyof PluginFacts]: PluginFacts[Fact][] } = {
    pluginStateChanged: [],
    pluginPhaseStarted: [],
    pluginPhaseSettled: [],
    pluginsSlow: [],
    pluginDeprecationFound: [],
  };
  bus.observe({
    pluginStateChanged: (fact) => facts.pluginStateChanged.push(fact),
    pluginPhaseStarted: (fact) => facts.pluginPhaseStarted.push(fact),
    pluginPhaseSettled: (fact) => facts.pluginPhaseSettled.push(fact),
    pluginsSlow: (fact) => facts.pluginsSlow.push(fact),
    pluginDeprecationFound: (fact) => facts.pluginDeprecationFound.push(fact),
  });
  return facts;
}
