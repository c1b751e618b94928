import { Chronicle, describe, type Facets } from '../chronicle.js';
import type { Call, Caller, Ending, MakeQueue, PlayedQueue, Stage } from './played-queue.js';
import { type Act, type Command, type Enqueueing, QUEUE_TIMES, type QueueProgram, UNIT_MS } from './program.js';
import { Witness } from './witness.js';

/** More steps than it takes to bring any program to its end. */
const MOST_STEPS = 1_000;

/** Longer than anything in a program waits. */
const LONG_MS = 1_000 * UNIT_MS;

/** Plays a program on a queue, real or model, and writes down what can be seen of it. */
export class Playing {
  readonly #program: QueueProgram;
  readonly #chronicle = new Chronicle();
  readonly #queue: PlayedQueue;
  readonly #witness: Witness;
  readonly #calls = new Map<string, Call>();
  /** Where handlers wait, by the numbers of their calls. */
  readonly #gates = new Map<number, () => void>();
  #step = 0;
  /** Which step it is, and what it does. */
  #title = '';

  constructor(program: QueueProgram, makeQueue: MakeQueue) {
    this.#program = program;
    const stage: Stage = {
      handle: (label, context, ended) => this.#handle(label, context, ended),
      report: (failure) => this.#chronicle.add(`${this.#title}: reports, in any order`, failure),
      fact: (fact, label, emissionId) => this.#witness.fact(fact, label, emissionId),
      violated: (text) => this.#violated(text),
    };
    this.#queue = makeQueue(program, stage);
    this.#witness = new Witness(program, this.#queue, (text) => this.#violated(text));
  }

  async play(): Promise<Facets> {
    const onUnhandled = (reason: unknown) => this.#violated(`unhandled rejection of ${describe(reason)}`);
    process.on('unhandledRejection', onUnhandled);
    try {
      for (const command of this.#program.commands) await this.#do(command);
      await this.#close();
      for (const command of this.#program.whileClosing) await this.#do(command);
      await this.#finish();
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
    this.#witness.end();
    return this.#chronicle.facets();
  }

  /** Notes that something happened which must never happen. */
  #violated(text: string): void {
    this.#chronicle.add('violations', `${this.#title}: ${text}`);
  }

  // Steps.

  async #do(command: Command): Promise<void> {
    switch (command.do) {
      case 'call':
        await this.#take(`${command.acts.length} calls`, () => this.#perform(command.acts, undefined));
        break;
      case 'open': {
        const numbers = [...this.#gates.keys()].sort((a, b) => a - b);
        const number = numbers[command.gate % Math.max(1, numbers.length)];
        if (number !== undefined) await this.#open(number);
        break;
      }
      case 'advance':
        await this.#advance(command.units * UNIT_MS);
        break;
      case 'idle': {
        const label = `idle ${this.#step + 1}`;
        await this.#take(label, () => this.#queue.idle((outcome) => this.#note(`outcome of ${label}`, outcome)));
      }
    }
  }

  async #open(number: number): Promise<void> {
    const pass = this.#gates.get(number);
    this.#gates.delete(number);
    await this.#take(`e${number} goes on`, () => pass?.());
  }

  async #advance(ms: number): Promise<void> {
    await this.#take(`${ms} ms`, () => this.#queue.advance(ms));
  }

  async #close(): Promise<void> {
    const { drain } = this.#program;
    const drainMs = drain === 0 ? 0 : QUEUE_TIMES.drainMs(drain);
    await this.#take(`close within ${drainMs} ms`, () => {
      this.#queue.close(drainMs, (report) => this.#note('outcome of close', report));
    });
  }

  /** Lets every handler go on to its end, and all time pass. */
  async #finish(): Promise<void> {
    while (this.#step < MOST_STEPS) {
      const [number] = [...this.#gates.keys()].sort((a, b) => a - b);
      if (number !== undefined) await this.#open(number);
      else {
        await this.#advance(LONG_MS);
        if (this.#gates.size === 0) return;
      }
    }
    this.#violated('it has no end');
  }

  async #take(title: string, happen: () => unknown): Promise<void> {
    this.#title = `step ${String(++this.#step).padStart(2, '0')} (${title})`;
    await happen();
    await this.#queue.quiet();
    const { running, ...state } = this.#queue.look();
    this.#chronicle.add(`${this.#title}: state`, { now: this.#queue.now, ...state });
    this.#chronicle.add(`${this.#title}: running`, running.map((one) => JSON.stringify(one)).sort());
    this.#witness.look();
  }

  #note(facet: string, text: string): void {
    this.#chronicle.add(facet, `${this.#title}: ${text}`);
  }

  // Calls.

  /** @param settled - Called for each call that is waited for, when it has settled. */
  #perform(acts: readonly Act[], caller: Caller | undefined, settled?: () => void): void {
    const queue = this.#queue;
    for (const act of acts) {
      switch (act.do) {
        case 'emit':
          this.#emit(act, caller, act.awaited === true ? settled : undefined);
          break;
        case 'post': {
          const call = this.#call(act, caller);
          const accepted = queue.post(call);
          this.#witness.posted(call, accepted);
          this.#note(`outcome of ${call.label}`, `post returned ${accepted}`);
          break;
        }
        case 'concurrency':
          queue.limit(act.concurrency);
          this.#witness.limited(act.concurrency);
          break;
        case 'clear':
          this.#note('cleared', `${queue.clear()}`);
          break;
        case 'abort':
          queue.abort(act.controller);
          break;
        default:
          queue[act.do]();
      }
    }
  }

  #emit(step: Enqueueing, caller: Caller | undefined, settled: (() => void) | undefined): void {
    const call = this.#call(step, caller);
    this.#queue.emit(call, (outcome) => {
      this.#note(`outcome of ${call.label}`, outcome);
      this.#witness.settled(call);
      settled?.();
    });
  }

  #call(step: Enqueueing, caller: Caller | undefined): Call {
    const number = this.#calls.size + 1;
    const label = `e${number}`;
    const { delay, maxWait, timeout } = step;
    const ms = (units: number, part: number): number => units * UNIT_MS + number * 10 + part;
    const call: Call = {
      ...step,
      number,
      label,
      caller,
      delayMs: delay === undefined ? 0 : ms(delay, 5),
      maxWaitMs: maxWait === undefined ? undefined : ms(maxWait, 6),
      timeoutMs: timeout === undefined ? undefined : ms(timeout, 7),
    };
    this.#calls.set(label, call);
    this.#witness.called(call);
    return call;
  }

  // Handlers.

  #handle(label: string, context: unknown, ended: (thrown: Error | undefined) => void): Ending | undefined {
    const call = this.#calls.get(label) as Call;
    const { beats, fails, shape } = call.script;
    const thrown = fails ? new Error(`thrown by ${label}`) : undefined;
    const gates = { sync: 0, async: beats.length, stray: beats.length - 1 }[shape];
    this.#note('starts', label);
    this.#witness.started(call);

    /** Plays a beat, and what comes after it when its gate has been opened. */
    const play = (index: number): void => {
      const acts = beats[index] ?? [];
      let waits = 1 + acts.filter((act) => act.do === 'emit' && act.awaited === true).length;
      const passed = (): void => {
        if (--waits > 0 || index >= gates) return;
        const goOn = (): void => (index + 1 < beats.length ? play(index + 1) : end());
        this.#gates.set(call.number, this.#queue.gate(goOn));
      };
      this.#perform(acts, { label, context, hasAwaited: index > 0 }, passed);
      passed();
    };
    const end = (): void => {
      this.#witness.ended(call);
      ended(thrown);
    };

    play(0);
    if (shape === 'async') return undefined;
    this.#witness.ended(call);
    return { thrown };
  }
}
