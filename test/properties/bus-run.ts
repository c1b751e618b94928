import { setMaxListeners } from 'node:events';
import { compiled } from '../../src/compiled/index.js';
import {
  type AmbusError,
  type BusOptions,
  broadcast,
  collect,
  defineEvents,
  EmitError,
  type EmitOptions,
  type EmitResult,
  EventBus,
  type EventDeclaration,
  first,
  HandlerError,
  type HandlerGroup,
  type SubscribeOptions,
  type Unsubscribe,
  waterfall,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { Chronicle, describe, describeFailure, type Facets, type Outcome, type ResultText } from './chronicle.js';
import { emissionLabel, FactNotes } from './fact-notes.js';
import { Labels, subscriptionName } from './labels.js';
import {
  ABORT_REASONS,
  CONTROLLERS,
  type Command,
  type EmitStep,
  EVENTS,
  type FilterPlan,
  MOST_EMISSIONS,
  MOST_SUBSCRIPTIONS,
  type Program,
  type Script,
  type SharedStep,
  type SubscriptionPlan,
  type Target,
} from './program.js';
import { pick } from './reference-model.js';
import { outcomeOf, returned } from './returned.js';
import { type Stage, usesContext } from './script.js';
import { WatchedSignal } from './watched-signal.js';

/** The emitting half of a bus, or of a handler's context. */
type Emitting = Pick<EventBus, 'emit' | 'emitSync' | 'dispatch' | 'post'>;

/** What a handler's context has, whatever the event. */
type Context = Emitting & {
  readonly sync: boolean;
  readonly meta: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  readonly type?: unknown;
  stop(): void;
};

type HandlerFunction = (payload: unknown, context: Context) => unknown;

interface RealSubscription {
  readonly unsubscribe: Unsubscribe;
  readonly plan: SubscriptionPlan;
  /** Names the function. */
  readonly fn: string;
  readonly handler: HandlerFunction;
}

export interface BusRunOptions {
  /** After how many emissions a dispatcher is generated; undefined for none. */
  readonly compileAfter?: number | undefined;
  /**
   * What all events are declared to be; undefined where nothing is declared. Handlers of a `first` or
   * a waterfall answer nothing, so that they are called like those of a broadcast.
   */
  readonly kind?: DeclaredKind | undefined;
}

/** The kinds whose handlers are called one after the other, or at the same time, and not within each other. */
export type DeclaredKind = 'broadcast' | 'collect' | 'first' | 'waterfall';

/** Plays a program on a real bus. */
export class BusRun {
  readonly #program: Program;
  readonly #clock = new ManualClock();
  readonly #chronicle = new Chronicle();
  readonly #runs = new Labels();
  readonly #notes: FactNotes;
  readonly #bus: EventBus;
  readonly #groups: readonly HandlerGroup[];
  readonly #controllers = Array.from({ length: CONTROLLERS }, () => new AbortController());
  readonly #signals: readonly WatchedSignal[];
  readonly #subscriptions: RealSubscription[] = [];
  readonly #emissionIds = new Set<string>();
  /** Whether handlers answer, and whether the results of emissions that go well are shared. */
  readonly #answers: boolean;
  readonly #isShared: boolean;
  #emissions = 0;

  constructor(program: Program, { compileAfter, kind }: BusRunOptions = {}) {
    this.#program = program;
    this.#isShared = kind === undefined || kind === 'broadcast';
    this.#answers = kind !== 'first' && kind !== 'waterfall';
    const { observed, ...options } = program.bus;
    this.#signals = this.#controllers.map((controller) => new WatchedSignal(controller.signal));
    // Node warns of a leak when many emissions share a signal; here they do.
    setMaxListeners(0, ...this.#controllers.map(({ signal }) => signal));
    this.#bus = new EventBus({
      ...options,
      clock: this.#clock,
      maxHandlers: 0,
      onFailure: (failure) => this.#chronicle.reported(this.#clock.now(), describeReport(failure)),
      ...(compileAfter === undefined ? {} : { compiler: compiled({ after: compileAfter }) }),
      ...(kind === undefined ? {} : declaring(kind, options)),
    });
    this.#groups = program.groups.map((place, i) => this.#bus.group(`group${i}`, { place }));
    this.#notes = new FactNotes({
      add: (facet, fact) => this.#chronicle.add(facet, fact),
      violated: (text) => this.#violated(text),
      now: () => this.#clock.now(),
    });
    if (observed) this.#bus.observe(this.#notes.observer);
  }

  async play(): Promise<Facets> {
    const onUnhandled = (reason: unknown) => this.#violated(`unhandled rejection of ${describe(reason)}`);
    process.on('unhandledRejection', onUnhandled);
    try {
      for (const [index, command] of this.#program.commands.entries()) {
        // Nothing else lets promises settle between two commands.
        if (command.do === 'advance') await this.#advance(`c${index}`, command.ms);
        else this.#perform(`c${index}`, command);
      }
      await this.#advance('end', this.#program.restMs);
      this.#describeEnd();
      await this.#close();
      const { state } = this.#bus.inspect();
      this.#chronicle.add('after closing', { handlers: this.#bus.handlerCount(), state });
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
    return this.#chronicle.facets();
  }

  /** Notes that something happened which must never happen. */
  #violated(text: string): void {
    this.#chronicle.add('violations', text);
  }

  #perform(label: string, command: Exclude<Command, { do: 'advance' }>): void {
    switch (command.do) {
      case 'emit':
        void this.#emit(label, command);
        break;
      case 'subscribe':
        this.#subscribe(label, command.plan);
        break;
      case 'idle':
        this.#idle(label, command.timeoutMs);
        break;
      default:
        this.#share(label, command);
    }
  }

  // Subscriptions.

  #subscribe(label: string, plan: SubscriptionPlan): void {
    if (this.#subscriptions.length >= MOST_SUBSCRIPTIONS) return;
    const group = plan.group === undefined ? undefined : pick(this.#groups, plan.group);
    const original = plan.sameAs === undefined ? undefined : pick(this.#subscriptions, plan.sameAs);
    const name = subscriptionName(label);
    const fn = original?.fn ?? name;
    const handler = original?.handler ?? this.#handler(fn, plan.script);
    const { target, filter, times, signal, timeoutMs, concurrency, failurePolicy, priority } = plan;
    const options: SubscribeOptions = {
      name,
      priority,
      timeoutMs,
      concurrency,
      failurePolicy,
      ...(signal === undefined ? {} : { signal: this.#signals[signal]?.signal }),
      ...(filter === undefined ? {} : { filter: this.#filter(fn, filter) }),
    };
    try {
      const unsubscribe = subscribed(group ?? this.#bus, target, handler, options, times);
      this.#subscriptions.push({ unsubscribe, plan, fn, handler });
    } catch (error) {
      this.#chronicle.add('refused subscriptions', `${label}: ${describe(error)}`);
    }
  }

  #filter(fn: string, filter: FilterPlan): (payload: unknown) => boolean {
    const answer = (emission: string): unknown => {
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
          return emission.includes('>');
        case 'throws':
          throw new Error(`filter of ${fn}`);
        case 'resolves':
          return Promise.resolve(true);
        case 'rejects':
          return Promise.reject(new Error(`async filter of ${fn}`));
      }
    };
    return (payload) => {
      const emission = emissionLabel(payload);
      this.#chronicle.called(this.#clock.now(), emission, `the filter of ${fn}`);
      return answer(emission) as boolean;
    };
  }

  #share(label: string, step: SharedStep): void {
    switch (step.do) {
      case 'unsubscribe': {
        const subscription = pick(this.#subscriptions, step.subscription);
        if (subscription === undefined) break;
        subscription.unsubscribe();
        if (subscription.unsubscribe.active) this.#violated('a subscription is active after its end');
        break;
      }
      case 'off': {
        const like = pick(this.#subscriptions, step.subscription);
        if (like === undefined || !('name' in like.plan.target)) break;
        this.#chronicle.add('off', `${label}: ${this.#bus.off(like.plan.target.name, like.handler)}`);
        break;
      }
      case 'group': {
        const group = pick(this.#groups, step.group);
        if (group === undefined || group.state === 'removed') break;
        if (group.state === 'retired' && step.act !== 'remove') break;
        group[step.act]();
        break;
      }
      case 'abort':
        this.#controllers[step.controller]?.abort(ABORT_REASONS[step.controller]);
    }
  }

  // Handlers.

  #handler(fn: string, script: Script): HandlerFunction {
    const run = (payload: unknown, context: Context | undefined): unknown => {
      const emission = emissionLabel(payload);
      this.#chronicle.called(this.#clock.now(), emission, fn);
      const label = this.#runs.label(emission, fn);
      return returned(script, label, this.#stage(label, context), this.#answers, (text) => this.#violated(text));
    };
    // A bus may go another way where it sees that a handler takes no context.
    return usesContext(script) ? (payload, context) => run(payload, context) : (payload) => run(payload, undefined);
  }

  #stage(label: string, context: Context | undefined): Stage<Promise<unknown>> {
    const given = (): Context => {
      if (context === undefined) throw new Error('A script used the context that its handler did not take.');
      return context;
    };
    return {
      label,
      isSync: () => given().sync,
      emit: (name, step) => this.#emit(name, step, context),
      subscribe: (name, plan) => this.#subscribe(name, plan),
      share: (name, step) => this.#share(name, step),
      stop: () => given().stop(),
      look: () => {
        const { type, sync, meta, signal } = given();
        // The context of an any-handler doesn't promise a type, but it has the emission's.
        this.#chronicle.add(`what ${label} saw`, { event: type, sync, meta, aborted: signal.aborted });
      },
      wait: (ms) => new Promise((resolve) => void this.#clock.setTimeout(() => resolve(undefined), ms)),
      waitForAbort: () =>
        new Promise((resolve) => {
          const { signal } = given();
          setMaxListeners(0, signal);
          if (signal.aborted) resolve(undefined);
          else signal.addEventListener('abort', resolve, { once: true });
        }),
      waitForEver: () => new Promise(() => undefined),
      abortReason: () => given().signal.reason,
    };
  }

  // Emissions.

  /** Emits, writes down the outcome, and returns what settles with it where it isn't there at once. */
  #emit(label: string, step: EmitStep, context?: Context): Promise<unknown> | undefined {
    if (this.#emissions === MOST_EMISSIONS) return undefined;
    this.#emissions++;
    const options = this.#emitOptions(label, step);
    const note = (outcome: Omit<Outcome, 'at'>) =>
      this.#chronicle.add(`outcome of ${label}`, { at: this.#clock.now(), ...outcome });
    const settle = (promise: Promise<EmitResult>) =>
      promise.then(
        (result) => note({ how: 'fulfilled', result: this.#resultText(result) }),
        (error: unknown) => note({ how: 'rejected', ...this.#errorText(error) }),
      );
    const call = outcomeOf(() => this.#callVerb(step, label, options, context));
    if (call.failed) {
      if (step.verb === 'emit' || step.verb === 'post') this.#violated(`${step.verb} threw`);
      note({ how: 'threw', ...this.#errorText(call.cause) });
      return undefined;
    }
    if (call.value instanceof Promise) return settle(call.value);
    if (call.value !== undefined) note({ how: 'returned', result: this.#resultText(call.value) });
    return undefined;
  }

  /** Emits the way that the step says; outside of a handler there is no context to do it with. */
  #callVerb(
    { event, verb, via }: EmitStep,
    payload: string,
    options: EmitOptions | undefined,
    context: Context | undefined,
  ): EmitResult | Promise<EmitResult> | undefined {
    const handle = this.#bus.event(event);
    const emitting: Emitting = via === 'ctx' && context !== undefined ? context : this.#bus;
    const given: [string] | [string, EmitOptions] = options === undefined ? [payload] : [payload, options];
    if (verb !== 'post') {
      // A union of overloaded functions can't be called; `dispatch` returns what any of the others may.
      return via === 'handle' ? handle[verb](...given) : emitting[verb as 'dispatch'](event, payload, options);
    }
    if (via === 'handle') handle.post(...given);
    else emitting.post(event, payload, options);
    return undefined;
  }

  #emitOptions(label: string, step: EmitStep): EmitOptions | undefined {
    const { mode, concurrency, failurePolicy, timeoutMs, signal, meta } = step;
    const options: EmitOptions = {
      ...(mode === undefined ? {} : { mode }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(failurePolicy === undefined ? {} : { failurePolicy }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal: this.#signals[signal]?.signal }),
      ...(meta === undefined ? {} : { meta: { [meta]: label } }),
    };
    // An emission without options takes another way through the bus than one with empty ones.
    return Object.keys(options).length === 0 ? undefined : options;
  }

  #resultText(result: EmitResult): ResultText {
    const { type, ok, called, skipped, stopped, failures } = result;
    if (this.#isShared && !Object.isFrozen(result)) this.#violated('a result is not frozen');
    const ids = new Set(failures.map((failure) => failure.emissionId));
    if (ids.size > 1) this.#violated('failures of one emission have several emission ids');
    for (const id of ids) {
      if (id === '' || this.#emissionIds.has(id)) this.#violated('an emission id is empty or used twice');
      this.#emissionIds.add(id);
    }
    return { type: String(type), ok, called, skipped, stopped, failures: failures.map(describeFailure) };
  }

  #errorText(error: unknown): Omit<Outcome, 'at' | 'how'> {
    if (!(error instanceof EmitError)) return { reason: describe(error) };
    const errors = error.errors.map(describeFailure);
    if (!error.errors.includes(error.cause as HandlerError)) this.#violated('the cause is none of the errors');
    const result = this.#resultText(error.result as EmitResult);
    return { errors, cause: describeFailure(error.cause as HandlerError), result };
  }

  // Time.

  #idle(label: string, timeoutMs: number | undefined): void {
    const note = (end: string) => this.#chronicle.add('idle', `${label} at ${this.#clock.now()} ms: ${end}`);
    this.#bus.idle({ timeoutMs }).then(
      () => note('idle'),
      (error: unknown) => note(describe(error)),
    );
  }

  async #close(): Promise<void> {
    const { drainMs } = this.#program;
    const closed = this.#bus.close({ drainMs }).then(({ drained, unfinished }) => {
      const texts = unfinished.map(
        ({ event, handlers, late }) => `${late ? 'late ' : ''}${event}: ${[...handlers].sort().join()}`,
      );
      this.#chronicle.add('close', { at: this.#clock.now(), drained, unfinished: texts.sort() });
    });
    await this.#advance('close', 100_000);
    await closed;
  }

  async #advance(label: string, ms: number): Promise<void> {
    await this.#clock.advance(ms);
    this.#chronicle.add(`timers after ${label}`, this.#clock.pending === 0 ? 'none' : 'some');
    this.#checkListeners();
  }

  /** Nothing may listen to a signal that serves nothing any more. */
  #checkListeners(): void {
    if (this.#bus.inspect().counts.inFlight > 0) return;
    for (const [index, signal] of this.#signals.entries()) {
      const isServed = this.#subscriptions.some(({ plan, unsubscribe }) => plan.signal === index && unsubscribe.active);
      if (!isServed && signal.listeners > 0) this.#violated(`${signal.listeners} abort listeners were left behind`);
    }
  }

  #describeEnd(): void {
    const snapshot = this.#bus.inspect();
    for (const [name, count] of Object.entries(snapshot.counts)) this.#chronicle.add(`count of ${name}`, count);
    for (const event of EVENTS) {
      this.#chronicle.add(`count of handlers of ${event}`, this.#bus.handlerCount(event));
      const seen = snapshot.events.find(({ type }) => type === event);
      if (seen === undefined || seen.emissions === 0) continue;
      const order = seen.handlers.map(({ name, priority, paused, timesLeft, running }) => ({
        name,
        priority,
        paused,
        timesLeft,
        running,
      }));
      this.#chronicle.add(`handlers of ${event}`, order);
    }
    for (const { name, state, size } of this.#groups) this.#chronicle.add(`state of ${name}`, { state, size });
    if (!this.#program.bus.observed) return;
    const { inFlight } = snapshot.counts;
    if (this.#notes.emissions !== inFlight) this.#violated('started and settled emissions are not in balance');
    if (inFlight === 0 && this.#notes.handlers !== 0) this.#violated('started and settled handlers are not in balance');
  }
}

/** The options of a bus with all events declared, which isolates failures unless it is told otherwise. */
function declaring(kind: DeclaredKind, { failurePolicy = 'isolate' }: Partial<Program['bus']>): BusOptions {
  const declare = { broadcast, collect, first, waterfall }[kind] as () => EventDeclaration;
  const events = defineEvents(Object.fromEntries(EVENTS.map((name) => [name, declare()])));
  // Whose types are not known here.
  return { events: events, undeclared: 'allow', failurePolicy };
}

/** What `onFailure` got, as text. */
function describeReport(failure: AmbusError): string {
  if (failure instanceof HandlerError) return describeFailure(failure);
  return failure.code === 'ABORTED' ? `ABORTED of ${describe(failure.cause)}` : describe(failure);
}

/** Subscribes with the verb that goes with the target; `once` stands for `times: 1` where it can. */
function subscribed(
  on: Pick<EventBus, 'on' | 'once' | 'onAny'>,
  target: Target,
  handler: HandlerFunction,
  options: SubscribeOptions,
  times: number | undefined,
): Unsubscribe {
  if (target.kind === 'any') return on.onAny(handler, { ...options, times });
  // A union of the types' overloads can't be called: the compiler wants to know which.
  if (target.kind === 'list') {
    return times === 1 ? on.once(target.names, handler, options) : on.on(target.names, handler, { ...options, times });
  }
  return times === 1 ? on.once(target.name, handler, options) : on.on(target.name, handler, { ...options, times });
}
