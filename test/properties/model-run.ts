import type { ModelEmission, Turn } from './model-emission.js';
import type { EmitStep, SharedStep, SubscriptionPlan } from './program.js';
import type { ReferenceModel } from './reference-model.js';
import { play, type Stage } from './script.js';

/** The model waits by being told when to go on. */
export type ModelWait = (goOn: () => void) => void;

/** How a script came to its end. */
export type Ending = { readonly failed: false } | { readonly failed: true; readonly cause: unknown };

/** One run of one handler of the model. */
export class ModelRun implements Stage<ModelWait> {
  readonly label: string;
  readonly emission: ModelEmission;
  readonly turn: Turn;
  /** Whether its script has waited, so that plain calls are traced by AsyncLocalStorage alone. */
  hasWaited = false;
  isOver = false;
  holdsSlot: boolean;
  aborted: { readonly reason: unknown } | undefined;
  readonly #model: ReferenceModel;
  readonly #whenAborted: (() => void)[] = [];
  #clearTimer: () => void = () => undefined;
  #isLate = false;

  constructor(model: ReferenceModel, emission: ModelEmission, turn: Turn, holdsSlot: boolean) {
    this.#model = model;
    this.emission = emission;
    this.turn = turn;
    this.label = model.runs.label(emission.label, turn.subscription.fn);
    this.holdsSlot = holdsSlot;
    this.aborted = emission.abortedSignal;
  }

  /** Plays the script to its first wait. Returns how it ended, if it did so in this very call. */
  start(): Ending | 'waits' {
    const { chronicle, timeline } = this.#model;
    const { script, fn } = this.turn.subscription;
    chronicle.called(timeline.now, this.emission.label, fn);
    const playing = play<ModelWait>(script, this);
    const goOn = (): Ending | 'waits' => {
      try {
        const next = playing.next();
        if (next.done === true) return { failed: false };
        next.value(() => {
          this.hasWaited = true;
          const ending = goOn();
          if (ending !== 'waits') timeline.soon(() => this.#settle(ending));
        });
        return 'waits';
      } catch (cause) {
        return { failed: true, cause };
      }
    };
    const ending = goOn();
    if (ending === 'waits') return ending;
    switch (script.shape) {
      case 'plain':
      case 'lookalike':
        return ending;
      case 'getter':
        return ending.failed ? ending : { failed: true, cause: new Error(`then of ${this.label}`) };
      case 'thrower': {
        if (ending.failed) return ending;
        const cause = new Error(`then of ${this.label}`);
        timeline.soon(() => this.#settle({ failed: true, cause }));
        return 'waits';
      }
      default:
        timeline.soon(() => this.#settle(ending));
        return 'waits';
    }
  }

  /** Starts the time limit. */
  limitTime(): void {
    const { program, rules, timeline } = this.#model;
    const limit = rules.timeLimit(
      this.turn.subscription.plan.timeoutMs,
      this.emission.step.timeoutMs,
      program.bus.timeoutMs,
    );
    if (limit === Infinity) return;
    this.#clearTimer = timeline.after(limit, () => {
      this.abort(new DOMException('', 'TimeoutError'));
      this.becomeLate();
      this.emission.timedOut(this);
    });
  }

  /** It goes on, but its emission doesn't wait for it any more. */
  becomeLate(): void {
    const { program, timeline } = this.#model;
    this.#isLate = true;
    this.#model.lateRuns.add(this);
    const lateMs = program.bus.lateMs ?? 30_000;
    if (lateMs < Infinity) this.#clearTimer = timeline.after(lateMs, () => this.#endLate('abandoned'));
  }

  /** Its work is done, or given up. */
  over(): void {
    this.#clearTimer();
    this.isOver = true;
    if (this.holdsSlot) this.#model.freeSlot(this.turn.subscription);
    this.holdsSlot = false;
  }

  abort(reason: unknown): void {
    if (this.isOver || this.aborted !== undefined) return;
    this.aborted = { reason };
    for (const tell of this.#whenAborted) tell();
  }

  #settle(ending: Ending): void {
    if (this.isOver) return;
    if (this.#isLate) return this.#endLate(ending.failed ? 'failed' : 'ok');
    this.over();
    this.emission.settled(this, ending.failed ? ending : undefined);
  }

  #endLate(outcome: 'ok' | 'failed' | 'abandoned'): void {
    const { counts, lateRuns, timeline } = this.#model;
    lateRuns.delete(this);
    if (outcome === 'abandoned') counts.abandoned++;
    else counts.lateSettled++;
    this.#model.tell(
      'late work, in any order',
      `${timeline.now} ms: ${this.emission.label}>${this.turn.subscription.name} ${outcome}`,
    );
    this.over();
    this.#model.perhapsIdle();
  }

  // What the script can do.

  emit(label: string, step: EmitStep): ModelWait | undefined {
    return this.#model.emit(label, step, step.via === 'ctx' ? this : this.#model.tracedTo(this));
  }

  subscribe(label: string, plan: SubscriptionPlan): void {
    this.#model.subscribe(label, plan);
  }

  share(label: string, step: SharedStep): void {
    this.#model.share(label, step);
  }

  isSync(): boolean {
    return this.emission.sync;
  }

  stop(): void {
    this.emission.stop();
  }

  look(): void {
    const { event } = this.emission.step;
    const note = { event, sync: this.emission.sync, meta: this.emission.meta, aborted: this.aborted !== undefined };
    this.#model.chronicle.add(`what ${this.label} saw`, note);
  }

  wait(ms: number): ModelWait {
    return (goOn) => void this.#model.timeline.after(ms, goOn);
  }

  waitForAbort(): ModelWait {
    return (goOn) => {
      const goOnSoon = () => this.#model.timeline.soon(goOn);
      if (this.aborted === undefined) this.#whenAborted.push(goOnSoon);
      else goOnSoon();
    };
  }

  waitForEver(): ModelWait {
    return () => undefined;
  }

  abortReason(): unknown {
    return this.aborted?.reason;
  }
}
