import { setMaxListeners } from 'node:events';
import { type AmbusError, EmitError, HandlerError } from '../../../src/index.js';
import { ManualClock } from '../../../src/testing/index.js';
import { Chronicle, describe, describeFailure, type Facets } from '../chronicle.js';
import { ABORT_REASONS, CONTROLLERS, type FilterPlan } from '../program.js';
import type {
  Context,
  CoreContext,
  Emitting,
  HandlerFunction,
  MakeBus,
  PlayedBus,
  PlayedEmitOptions,
  Result,
} from './played-bus.js';
import {
  type Command,
  type CorePlan,
  type EmitStep,
  EVENTS,
  type KindProgram,
  MOST_EMISSIONS,
  MOST_RUNS,
  type SharedStep,
  type SubscriptionPlan,
} from './program.js';
import { perform, performCore, type Stage, usesContext } from './script.js';

/** Longer than any program takes. */
const LONG_MS = 1e9;

/** Plays a program on a bus, real or model, and writes down what can be seen of it. */
export class Playing {
  /** Whether two things fell due at the same moment, so that nothing says which is first. */
  isAmbiguous = false;
  readonly #program: KindProgram;
  readonly #clock = new ManualClock();
  readonly #chronicle = new Chronicle();
  readonly #bus: PlayedBus;
  readonly #subscriptions: (() => void)[] = [];
  readonly #due = new Set<number>();
  readonly #controllers = Array.from({ length: CONTROLLERS }, () => new AbortController());
  #handlers = 0;
  #runs = 0;
  #emissions = 0;

  constructor(program: KindProgram, makeBus: MakeBus) {
    this.#program = program;
    this.#bus = makeBus(program, {
      clock: this.#clock,
      after: (ms, callback) => this.#after(ms, callback),
      onFailure: (failure) => this.#chronicle.add('reports, in any order', reportText(failure)),
    });
  }

  async play(): Promise<Facets> {
    const onUnhandled = (reason: unknown) => this.#violated(`unhandled rejection of ${describe(reason)}`);
    process.on('unhandledRejection', onUnhandled);
    // Node warns of a leak when many emissions share a signal; here they do.
    setMaxListeners(0, ...this.#controllers.map(({ signal }) => signal));
    try {
      for (const plan of this.#program.subscriptions) this.#subscribe(plan);
      for (const command of this.#program.commands) {
        this.#do(command);
        if (command.do === 'advance') await this.#clock.advance(command.ms * MOST_RUNS);
        else if (this.#program.calm) await this.#clock.advance(LONG_MS);
      }
      await this.#clock.advance(LONG_MS);
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
    for (const [name, count] of Object.entries(this.#bus.counts)) this.#chronicle.add(`count of ${name}`, count);
    return this.#chronicle.facets();
  }

  /** Notes that something happened which must never happen. */
  #violated(text: string): void {
    this.#chronicle.add('violations', text);
  }

  /** Notes what a handler does or meets with. */
  #note(text: string): void {
    this.#chronicle.add('trace', `${this.#clock.now()} ms: ${text}`);
  }

  #do(command: Command): void {
    if (command.do === 'emit') void this.#emit(command, undefined);
    else if (command.do !== 'advance') this.#share(command);
  }

  #share(step: SharedStep): void {
    const { groups, spares } = this.#program;
    switch (step.do) {
      case 'unsubscribe':
        this.#subscriptions[step.subscription % this.#subscriptions.length]?.();
        break;
      case 'subscribe': {
        const spare = spares[step.spare % spares.length];
        if (spare !== undefined) this.#subscribe(spare);
        break;
      }
      case 'group':
        this.#bus.act(step.group % groups.length, step.act);
        break;
      case 'abort':
        this.#controllers[step.controller]?.abort(ABORT_REASONS[step.controller]);
    }
  }

  /** No two runs wait for the same time, so that what they wait for rarely falls due at the same moment. */
  #wait(ms: number, run: number): Promise<void> {
    const longer = ms * MOST_RUNS + run;
    return new Promise((resolve) => void this.#after(longer, () => resolve()));
  }

  #after(ms: number, callback: () => void): () => void {
    const due = this.#clock.now() + ms;
    if (this.#due.has(due)) this.isAmbiguous = true;
    this.#due.add(due);
    const timer = this.#clock.setTimeout(callback, ms);
    return () => this.#clock.clearTimeout(timer);
  }

  // Handlers.

  #subscribe({ target, priority, times, filter, failurePolicy, timeoutMs, group, script }: SubscriptionPlan): void {
    const name = `h${this.#handlers++}`;
    const run = (payload: unknown, context: Context | undefined): unknown => {
      if (this.#runs >= MOST_RUNS) return undefined;
      const stage = this.#stage(name, payload, context);
      stage.note(`gets ${describe(stage.payload)}`);
      return perform(script, stage);
    };
    // A bus may go another way where it sees that a handler takes no context.
    const handler: HandlerFunction = usesContext(script)
      ? (payload, context) => run(payload, context)
      : (payload) => run(payload, undefined);
    const options = {
      name,
      priority,
      times,
      failurePolicy,
      timeoutMs: timeoutMs === undefined ? undefined : timeoutMs * MOST_RUNS,
      group: group === undefined ? undefined : group % this.#program.groups.length,
      filter: filter === undefined ? undefined : this.#filter(name, filter),
    };
    try {
      this.#subscriptions.push(this.#bus.subscribe(target, handler, options));
    } catch (error) {
      this.#note(`${name} is refused: ${describe(error)}`);
    }
  }

  #filter(name: string, filter: FilterPlan): (payload: unknown) => unknown {
    return (given) => {
      const { payload } = unwrapped(given);
      this.#note(`the filter of ${name} gets ${describe(payload)}`);
      switch (filter) {
        case 'true':
          return true;
        case 'truthy':
          return 'yes';
        case 'false':
          return false;
        case 'falsy':
          return 0;
        case 'nested':
          return String(payload).includes('+');
        case 'throws':
          throw new Error(`filter of ${name}`);
        case 'resolves':
          return Promise.resolve(true);
        case 'rejects':
          return Promise.reject(new Error(`async filter of ${name}`));
      }
    };
  }

  #stage(handler: string, given: unknown, context: Context | undefined): Stage {
    const number = ++this.#runs;
    const run = `r${number}`;
    const { payload, type } = unwrapped(given);
    if (context !== undefined) {
      if (!Object.is(context.payload, payload)) this.#violated(`the payload of ${handler} is not that of its context`);
      if (type !== undefined && context.type !== type) this.#violated(`the type of ${handler} is not its context's`);
    }
    return {
      run,
      handler,
      payload,
      calm: this.#program.calm,
      note: (text) => this.#note(`${handler} as ${run} ${text}`),
      // It isn't there for listeners, nor in other kinds: what they get by calling it is the bus's to say.
      next: (...args) => (context as Required<Context>).next(...args),
      emit: (step) => this.#emit(step, context),
      share: (step) => this.#share(step),
      stop: () => context?.stop(),
      isAborted: () => context?.signal.aborted === true,
      wait: (ms) => this.#wait(ms, number),
    };
  }

  #core(core: CorePlan): (payload: unknown, context: CoreContext) => unknown {
    return (payload, context) => {
      if (this.#runs >= MOST_RUNS) return undefined;
      const stage = this.#stage('core', payload, context);
      stage.note(`gets ${describe(payload)}${context.sync ? ', sync' : ''}`);
      return performCore(core, stage);
    };
  }

  // Emissions.

  /** Emits and writes down the outcome; returns what a handler is to wait for. */
  #emit(step: EmitStep, context: Context | undefined): PromiseLike<unknown> | undefined {
    if (this.#emissions === MOST_EMISSIONS) return undefined;
    const label = `e${++this.#emissions}`;
    const { calm } = this.#program;
    const verb = calm && context !== undefined ? calmVerb(step.verb, context.sync) : step.verb;
    const note = (text: string) =>
      this.#chronicle.add(`outcome of ${label}`, `${verb} ${step.event} at ${this.#clock.now()} ms: ${text}`);
    const noteFailure = (how: string) => (error: unknown) => note(`${how} ${this.#errorText(error)}`);
    try {
      const outcome = this.#call(step, verb, label, context);
      if (outcome instanceof Promise) {
        const settled = outcome.then(
          (result) => note(`fulfilled ${this.#resultText(result)}`),
          noteFailure('rejected'),
        );
        return calm || step.awaited ? settled : undefined;
      }
      note(outcome === undefined ? 'nothing' : `returned ${this.#resultText(outcome)}`);
    } catch (error) {
      if (verb === 'emit' || verb === 'post') this.#violated(`${verb} threw`);
      noteFailure('threw')(error);
    }
    return undefined;
  }

  #call(
    { event, via, mode, concurrency, failurePolicy, timeoutMs, signal, core }: EmitStep,
    verb: EmitStep['verb'],
    label: string,
    context: Context | undefined,
  ): Result | Promise<Result> | undefined {
    const given: PlayedEmitOptions = {
      ...(mode === undefined ? {} : { mode }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(failurePolicy === undefined ? {} : { failurePolicy }),
      ...(timeoutMs === undefined ? {} : { timeoutMs: timeoutMs * MOST_RUNS }),
      ...(signal === undefined ? {} : { signal: this.#controllers[signal]?.signal }),
      ...(core === undefined || EVENTS[event] !== 'around' ? {} : { core: this.#core(core) }),
    };
    // An emission without options may take another way through the bus than one with empty ones.
    const options = Object.keys(given).length === 0 ? [] : [given];
    if (via === 'handle') return this.#bus.event(event)[verb](label, ...options) ?? undefined;
    const emitting: Emitting = via === 'ctx' && context !== undefined ? context : this.#bus;
    return emitting[verb](event, label, ...options) ?? undefined;
  }

  #resultText(result: Result): string {
    const { type, ok, called, skipped, stopped, failures, value, values, answeredBy } = result;
    const isShared = type === 'page.seen';
    if (isShared && ![result, failures, values].every(Object.isFrozen)) this.#violated('a result can be changed');
    return JSON.stringify({
      value: describe(value),
      values: values.map(describe),
      answeredBy,
      called,
      skipped,
      ok,
      stopped,
      failures: failures.map(describeFailure),
    });
  }

  #errorText(error: unknown): string {
    if (!(error instanceof EmitError)) return describe(error);
    const cause = describeFailure(error.cause as HandlerError);
    const errors = error.errors.map(describeFailure);
    return `${JSON.stringify({ errors, cause })} of ${this.#resultText(error.result as Result)}`;
  }
}

/** In a calm program nothing goes on that its cause doesn't wait for. */
function calmVerb(verb: EmitStep['verb'], isSync: boolean): EmitStep['verb'] {
  if (isSync) return 'emitSync';
  return verb === 'post' ? 'emit' : verb;
}

/** The payload; an any-handler gets it within the event. */
function unwrapped(given: unknown): { readonly payload: unknown; readonly type?: unknown } {
  const isEvent = typeof given === 'object' && given !== null && 'payload' in given && 'type' in given;
  return isEvent ? { payload: given.payload, type: given.type } : { payload: given };
}

function reportText(failure: AmbusError): string {
  return failure instanceof HandlerError ? describeFailure(failure) : describe(failure);
}
