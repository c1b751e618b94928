import { Chronicle, describe, type Facets } from '../chronicle.js';
import type { MakeHost, PlayedHost } from './played-host.js';
import {
  type Change,
  type Command,
  type HostProgram,
  isAsyncPhase,
  LONG_MS,
  type PluginPlan,
  unitsToMs,
} from './program.js';

/** How many changes handlers may make. */
const MOST_CHANGES = 60;

/** Plays a program on a host, real or model, and writes down what can be seen of it. */
export class Playing {
  readonly #program: HostProgram;
  readonly #chronicle = new Chronicle();
  readonly #host: PlayedHost;
  /** Whether no setup takes time, nor fails. */
  readonly #isSynchronous: boolean;
  /** How many changes handlers have made. */
  #changes = 0;
  #step = 0;
  /** Which step it is, and what it does. */
  #title = '';

  constructor(program: HostProgram, makeHost: MakeHost) {
    this.#program = program;
    this.#isSynchronous = plansOf(program).every(({ setup }) => {
      return !isAsyncPhase(setup) && setup.fails === undefined;
    });
    this.#host = makeHost(program, {
      note: (facet, text) => this.#note(facet, text),
      report: (text) => this.#chronicle.add('reports, in any order', `${this.#host.now} ms: ${text}`),
      violated: (text) => this.#violated(text),
      isEnough: () => ++this.#changes > MOST_CHANGES,
    });
  }

  /** Whether handlers would have made more changes. */
  get isCutShort(): boolean {
    return this.#changes > MOST_CHANGES;
  }

  async play(): Promise<Facets> {
    const onUnhandled = (reason: unknown) => this.#violated(`unhandled rejection of ${describe(reason)}`);
    process.on('unhandledRejection', onUnhandled);
    try {
      for (const { plan, when } of this.#program.plugins) this.#use(`u${this.#step}`, plan, when);
      for (const [index, command] of this.#program.commands.entries()) await this.#do(`c${index}`, command);
      await this.#finish();
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
    return this.#chronicle.facets();
  }

  #note(facet: string, text: string): void {
    // Of several that may be set up at the same moment nothing says which is first.
    if (facet === 'order of setups' && !this.#isSynchronous) return;
    this.#chronicle.add(facet, `${this.#host.now} ms: ${text}`);
  }

  #use(label: string, ...given: Parameters<PlayedHost['use']>): void {
    this.#chronicle.add('uses', `${label} of ${given[0].name}: ${this.#host.use(...given) ?? 'ok'}`);
  }

  async #do(label: string, command: Command): Promise<void> {
    switch (command.do) {
      case 'use':
        await this.#take(label, 'use', () => this.#use(label, command.plan, undefined));
        break;
      case 'change':
        await this.#take(label, titleOf(command.change), () => this.#host.change(label, command.change));
        if (command.awaited) await this.#take(label, 'awaited', () => this.#host.advance(LONG_MS));
        break;
      case 'emit':
        await this.#take(label, command.verb, () => this.#host.emit(label, command.event, command.verb));
        break;
      case 'advance':
        await this.#take(label, 'advance', () => this.#host.advance(unitsToMs(command.units, label)));
        break;
      case 'abort':
        await this.#take(label, 'abort', () => this.#host.abort(command.controller));
    }
  }

  /** Lets everything come to its end, stops the host, and looks for what is left. */
  async #finish(): Promise<void> {
    await this.#take('rest', 'advance', () => this.#host.advance(LONG_MS));
    await this.#take('end', 'stop', () => this.#host.change('end', { do: 'stop', parent: false }));
    await this.#take('end', 'awaited', () => this.#host.advance(LONG_MS));
    for (const what of this.#host.leftovers()) this.#violated(`there are ${what}`);
  }

  async #take(label: string, what: string, happen: () => unknown): Promise<void> {
    this.#title = `step ${String(++this.#step).padStart(2, '0')} (${label}: ${what})`;
    await happen();
    await this.#host.quiet();
    const { plugins, ...host } = this.#host.look();
    this.#chronicle.add(`${this.#title}: host`, { now: this.#host.now, ...host });
    const texts = plugins.map((plugin) => JSON.stringify(plugin)).sort();
    this.#chronicle.add(`${this.#title}: plugins`, texts.join('\n'));
  }

  /** Notes that something happened which must never happen. */
  #violated(text: string): void {
    this.#chronicle.add('violations', `${this.#title}: ${text}`);
  }
}

function plansOf({ commands, plugins }: HostProgram): readonly PluginPlan[] {
  const plans = commands.flatMap((command): PluginPlan[] => {
    if (command.do === 'use') return [command.plan];
    return command.do === 'change' && 'plan' in command.change ? [command.change.plan] : [];
  });
  return [...plugins.map(({ plan }) => plan), ...plans];
}

function titleOf(change: Change): string {
  if ('plugin' in change) return `${change.do} ${change.plugin}`;
  return 'plan' in change ? `${change.do} ${change.plan.name}` : change.do;
}
