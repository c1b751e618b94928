import { setMaxListeners } from 'node:events';
import {
  type AmbusError,
  type EmissionContext,
  EmitError,
  type EmitOptions,
  type EmitResult,
  EventBus,
  HandlerError,
} from '../../../src/index.js';
import { EventQueue, type QueueingOptions } from '../../../src/queue/index.js';
import { ManualClock } from '../../../src/testing/index.js';
import { deferred, promisesSettled } from '../../bus/deferred.js';
import { describe } from '../chronicle.js';
import { ABORT_REASONS } from '../program.js';
import { WatchedSignal } from '../watched-signal.js';
import type { Call, PlayedQueue, QueueState, Stage } from './played-queue.js';
import { CONTROLLERS, EVENTS, KEYS, QUEUE_TIMES, type QueueProgram } from './program.js';

/** An event in whose handler a program calls the queue, so that the queue has to look further out. */
const RELAY = 'relay';

/** The real thing. */
export class RealQueue implements PlayedQueue {
  readonly observed: boolean;
  readonly #stage: Stage;
  readonly #turns: number;
  readonly #clock = new ManualClock();
  readonly #bus: EventBus;
  readonly #queue: EventQueue;
  readonly #controllers = Array.from({ length: CONTROLLERS }, () => new AbortController());
  readonly #signals: readonly WatchedSignal[];

  constructor({ bus, queue }: QueueProgram, stage: Stage, turns: number) {
    this.#stage = stage;
    this.#turns = turns;
    this.observed = bus.observed;
    // Node warns of a leak when many emissions share a signal; here they do.
    setMaxListeners(0, ...this.#controllers.map(({ signal }) => signal));
    this.#signals = this.#controllers.map(({ signal }) => new WatchedSignal(signal));
    this.#bus = new EventBus({
      clock: this.#clock,
      lateMs: QUEUE_TIMES.lateMs(bus.lateMs),
      asyncContext: bus.asyncContext,
      onFailure: (failure) => stage.report(failureText(failure)),
    });
    this.#queue = new EventQueue(this.#bus, {
      concurrency: queue.concurrency,
      capacity: queue.capacity,
      overflow: queue.overflow,
      maxWaitMs: queue.maxWait === undefined ? undefined : QUEUE_TIMES.maxWaitMs(queue.maxWait),
      timeoutMs: queue.timeout === undefined ? undefined : QUEUE_TIMES.timeoutMs(queue.timeout),
      paused: queue.paused,
    });
    for (const event of EVENTS) this.#bus.on(event, (payload, ctx) => this.#handle(payload as string, ctx));
    this.#bus.on(RELAY, (call) => (call as () => void)());
    if (bus.observed) this.#observe();
  }

  get now(): number {
    return this.#clock.now();
  }

  emit(call: Call, settled: (outcome: string) => void): void {
    void this.#from(call, () => this.#queue.emit(call.event, call.label, this.#options(call))).then(
      (result) => settled(this.#resultText(result)),
      (error: unknown) => settled(`rejected ${this.#errorText(error, call)}`),
    );
  }

  post(call: Call): boolean {
    return this.#from(call, () => this.#queue.post(call.event, call.label, this.#options(call)));
  }

  abort(controller: number): void {
    this.#controllers[controller]?.abort(ABORT_REASONS[controller]);
  }

  pause(): void {
    this.#queue.pause();
  }

  resume(): void {
    this.#queue.resume();
  }

  clear(): number {
    return this.#queue.clear();
  }

  limit(concurrency: number): void {
    this.#queue.concurrency = concurrency;
  }

  idle(settled: (outcome: string) => void): void {
    void this.#queue.idle().then(() => settled('idle'));
  }

  close(drainMs: number, settled: (report: string) => void): void {
    void this.#queue.close({ drainMs }).then(({ drained, left, unfinished }) => {
      const texts = left.map(({ key, payload, priority }) => {
        return `${String(payload)} ${priority} ${KEYS.findIndex((other) => other === key)}`;
      });
      const running = unfinished.map(({ event, late }) => `${event}${late ? ' late' : ''}`);
      settled(JSON.stringify({ drained, left: texts, unfinished: running.sort() }));
    });
  }

  gate(passed: () => void): () => void {
    const { promise, resolve } = deferred();
    void promise.then(passed);
    return resolve;
  }

  async quiet(): Promise<void> {
    for (let turn = 0; turn < this.#turns; turn++) await promisesSettled();
  }

  advance(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }

  look(): QueueState {
    const { running, size } = this.#queue;
    const snapshot = this.#queue.inspect();
    const { state, paused, delayed, blocked, depths, keys, oldestWaitMs, counts } = snapshot;
    if (running !== snapshot.running.length) this.#stage.violated('running is not what inspect() says');
    if (size !== snapshot.size) this.#stage.violated('size is not what inspect() says');
    if (paused !== this.#queue.paused) this.#stage.violated('paused is not what inspect() says');
    return {
      state,
      paused,
      size,
      delayed,
      blocked,
      depths,
      oldestWaitMs,
      keys,
      running: snapshot.running.map(({ event, priority, waitedMs, runningMs, inline, late }) => ({
        event,
        priority,
        waitedMs,
        runningMs,
        inline,
        late,
      })),
      counts,
    };
  }

  leftovers(): readonly string[] {
    const listeners = this.#signals.reduce((sum, signal) => sum + signal.listeners, 0);
    return [
      ...(this.#clock.pending > 0 ? [`${this.#clock.pending} timers`] : []),
      ...(listeners > 0 ? [`${listeners} abort listeners`] : []),
    ];
  }

  #observe(): void {
    const fact: Stage['fact'] = (...told) => this.#stage.fact(...told);
    this.#bus.observe({
      enqueued: ({ emissionId, payload }) => fact('enqueued', String(payload), emissionId),
      dequeued: ({ emissionId, inline, payload }) => fact(inline ? 'inline' : 'dequeued', String(payload), emissionId),
      dropped: ({ emissionId, payload }) => fact('dropped', String(payload), emissionId),
      emissionStarted: ({ emissionId, payload, type }) => {
        if (type !== RELAY) fact('begun', String(payload), emissionId);
      },
    });
  }

  /** What all handlers do: the call that they come from says what that is. */
  #handle(label: string, context: EmissionContext): unknown {
    const { promise, resolve, reject } = deferred();
    const ending = this.#stage.handle(label, context, (thrown) => {
      if (thrown === undefined) resolve();
      else reject(thrown);
    });
    if (ending === undefined) return promise;
    if (ending.thrown !== undefined) throw ending.thrown;
    return undefined;
  }

  /** Calls in the way that the program says. */
  #from<T>({ caller, via }: Call, call: () => T): T {
    if (caller === undefined || via !== 'relay') return call();
    let returned: { readonly value: T } | undefined;
    this.#bus.emitSync(RELAY, () => {
      returned = { value: call() };
    });
    if (returned === undefined) throw new Error('The relay has not called.');
    return returned.value;
  }

  #options({ caller, delayMs, failurePolicy, key, maxWaitMs, priority, signal, timeoutMs, via }: Call): Options {
    const options: Options = {
      ...(priority === undefined ? {} : { priority }),
      ...(key === undefined ? {} : { key: KEYS[key] }),
      ...(delayMs === 0 ? {} : { delayMs }),
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal: this.#signals[signal]?.signal }),
      ...(failurePolicy === undefined ? {} : { failurePolicy }),
      ...(via === 'parent' && caller !== undefined ? { parent: caller.context as EmissionContext } : {}),
    };
    // A call without options may take another way than one with empty ones.
    return Object.keys(options).length === 0 ? undefined : options;
  }

  #resultText({ type, called, failures, ok, skipped, stopped }: EmitResult): string {
    if (ok !== (failures.length === 0) || skipped > 0 || stopped) this.#stage.violated('a result contradicts itself');
    const texts = failures.map(failureText).join();
    return `fulfilled ${String(type)}, called ${called}, failures: ${texts === '' ? 'none' : texts}`;
  }

  #errorText(error: unknown, { event }: Call): string {
    if (error instanceof EmitError) return `EMIT_FAILED of ${error.errors.map(failureText).join()}`;
    const { code, details, message } = error as Partial<AmbusError>;
    if (code === 'DEADLOCK') {
      const chain = details?.['chain'];
      const isTold = Array.isArray(chain) && chain.length > 0 && chain.every((link: unknown) => isLink(link));
      if (!isTold || message?.includes(event) !== true) this.#stage.violated('a deadlock does not say what it is');
    }
    return describe(error);
  }
}

type Options = (EmitOptions & QueueingOptions) | undefined;

function isLink(link: unknown): boolean {
  return typeof link === 'object' && link !== null && 'event' in link && 'key' in link;
}

function failureText(failure: AmbusError): string {
  const { code } = failure;
  if (!(failure instanceof HandlerError)) return code === 'ABORTED' ? `${code} of ${describe(failure.cause)}` : code;
  return `${code}${code === 'HANDLER_FAILED' ? ` of ${describe(failure.cause)}` : ''} at ${failure.event}`;
}
