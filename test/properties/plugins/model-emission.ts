import type { ModelInstance, ModelSubscription } from './model-plugin.js';
import { type EventName, type FanOut, isAsyncHandler } from './program.js';
import type { Job, Simulation, Task, Wait } from './simulation.js';

/** One call of a handler. */
export interface ModelRun {
  readonly emission: ModelEmission;
  readonly subscription: ModelSubscription;
  readonly label: string;
  /** Whether it has awaited anything yet: from then on nobody knows by itself where its calls come from. */
  hasWaited: boolean;
}

/** What an emission has to do with while it runs. */
export interface EmissionStage {
  readonly simulation: Simulation;
  /** Calls a handler. */
  run(run: ModelRun): Job;
  /** A handler has failed. */
  failed(run: ModelRun): void;
  /** Something about it has changed that somebody may wait for. */
  progressed(emission: ModelEmission): void;
  /** Whether a handler is passed over. */
  skips(subscription: ModelSubscription): boolean;
}

/** An emission, as plain as it gets: the handlers that were there when it began, one after the other or together. */
export class ModelEmission {
  readonly label: string;
  readonly event: EventName;
  readonly mode: FanOut;
  /** The emission in whose handler it was called, as far as that is known. */
  readonly parent: ModelEmission | undefined;
  readonly #stage: EmissionStage;
  /** The handlers whose turn is yet to come. */
  readonly #turns: ModelSubscription[];
  readonly #running = new Set<ModelRun>();
  readonly #waiting: (() => void)[] = [];
  #isStarting = false;
  #last: ModelSubscription | undefined;
  called = 0;
  skipped = 0;
  failures = 0;
  isOver = false;

  constructor(
    stage: EmissionStage,
    label: string,
    { event, mode }: { readonly event: EventName; readonly mode: FanOut },
    parent: ModelEmission | undefined,
    turns: readonly ModelSubscription[],
  ) {
    this.#stage = stage;
    this.label = label;
    this.event = event;
    this.mode = mode;
    this.parent = parent;
    this.#turns = [...turns];
  }

  /** It and those that it comes from. */
  get ancestry(): readonly ModelEmission[] {
    return [this, ...(this.parent?.ancestry ?? [])];
  }

  /** Whether a handler of the instance runs in it, or will although the instance was replaced. */
  involves(instance: ModelInstance): boolean {
    if ([...this.#running].some(({ subscription }) => subscription.instance === instance)) return true;
    const isToCome = this.#turns.some((subscription) => subscription.instance === instance);
    return isToCome && instance.heard === 'by emissions under way';
  }

  /** Starts what may start. */
  proceed(): void {
    if (this.#isStarting || this.isOver) return;
    this.#isStarting = true;
    for (let next = this.#turns[0]; next !== undefined && this.#mayStart(next); next = this.#turns[0]) {
      this.#turns.shift();
      this.#last = next;
      if (this.#stage.skips(next)) this.skipped++;
      else this.#start(next);
    }
    this.#isStarting = false;
    if (this.#turns.length === 0 && this.#running.size === 0) this.#end();
    else this.#stage.progressed(this);
  }

  whenOver(happen: () => void): void {
    if (this.isOver) this.#stage.simulation.timeline.soon(happen);
    else this.#waiting.push(happen);
  }

  *over(): Task {
    const wait: Wait = (goOn) => this.whenOver(goOn);
    yield wait;
  }

  #mayStart(next: ModelSubscription): boolean {
    if (this.#running.size === 0) return true;
    if (this.mode === 'sequential') return false;
    return this.mode === 'concurrent' || this.#last?.plan.priority === next.plan.priority;
  }

  #start(subscription: ModelSubscription): void {
    this.called++;
    const label = `${this.label}>${subscription.name}`;
    const run: ModelRun = { emission: this, subscription, label, hasWaited: false };
    this.#running.add(run);
    const job = this.#stage.run(run);
    const settle = (): void => {
      if (job.failure !== undefined) {
        this.failures++;
        this.#stage.failed(run);
      }
      this.#running.delete(run);
    };
    if (job.isOver && !isAsyncHandler(subscription.plan)) return settle();
    job.whenOver(() => {
      settle();
      this.proceed();
    });
  }

  #end(): void {
    this.isOver = true;
    for (const happen of this.#waiting) this.#stage.simulation.timeline.soon(happen);
    this.#stage.progressed(this);
  }
}
