import { ModelEmission } from './model-emission.js';
import { type Entry, type ModelWorld, reasonOf } from './model-world.js';
import { QUEUE_TIMES } from './program.js';

/** An emission that waits on a slot for a key. */
export interface InlineWait {
  readonly entry: Entry;
  readonly outer: ModelEmission;
  readonly key: number;
}

/** What has a slot, or a part of one: from where an emission starts to where nothing of it is left. */
export class ModelSlots {
  /** Inline ones too, oldest first. */
  running: readonly ModelEmission[] = [];
  waits: readonly InlineWait[] = [];
  /** Those that have got their key, and start next. */
  granted: readonly { readonly entry: Entry; readonly emission: ModelEmission }[] = [];
  readonly #all = new Map<string, ModelEmission>();
  readonly #world: ModelWorld;
  readonly #freed: (key: number) => boolean;

  /** @param freed - Told that a key is free; whether the events of its lane go before what waits for it on a slot. */
  constructor(world: ModelWorld, freed: (key: number) => boolean) {
    this.#world = world;
    this.#freed = freed;
  }

  /** Those with a slot of their own. */
  get slots(): readonly ModelEmission[] {
    return this.running.filter(({ outer }) => outer === undefined || this.#world.rules.inlineTakesSlot);
  }

  of(label: string): ModelEmission | undefined {
    return this.#all.get(label);
  }

  /** Who has a key. */
  holder(key: number): ModelEmission | undefined {
    return [...this.#all.values()].find((emission) => emission.key === key && !emission.keyIsFree);
  }

  start(entry: Entry): void {
    const { counts } = this.#world;
    counts.started++;
    this.#begin(entry, this.#take(entry, undefined));
  }

  /** Emits within an emission that runs: at once, or when nobody else has the key. */
  emitWithin(entry: Entry, outer: ModelEmission): void {
    const { counts, rules } = this.#world;
    const { key } = entry.call;
    const holder = key === undefined ? undefined : this.holder(key);
    if (key === undefined || holder === undefined || (rules.sharesKeys && outer.chain.includes(holder))) {
      this.#begin(entry, this.#take(entry, outer));
    } else if (this.#waitsFor(holder, outer)) {
      counts.deadlocks++;
      entry.settle?.('rejected DEADLOCK');
    } else {
      outer.inlineWaits++;
      this.waits = [...this.waits, { entry, outer, key }];
    }
  }

  /** Starts the first of those that have got their key. */
  startGranted(): void {
    const [first, ...others] = this.granted;
    this.granted = others;
    if (first !== undefined) this.#begin(first.entry, first.emission);
  }

  /** Ends the waits of emissions that won't start: they have never been events that wait. */
  giveUp(waits: readonly InlineWait[], reason: string): void {
    this.waits = this.waits.filter((other) => !waits.includes(other));
    for (const { entry, outer } of waits) {
      this.#world.counts.rejected++;
      outer.inlineWaits--;
      entry.settle?.(`rejected ${reason}`);
      this.#check(outer);
    }
  }

  /** A controller has aborted. */
  abort(controller: number): void {
    const reason = reasonOf(controller);
    this.giveUp(
      this.waits.filter(({ entry }) => entry.call.signal === controller),
      reason,
    );
    // Nothing says whether they still wait.
    if (this.granted.some(({ entry }) => entry.call.signal === controller)) this.#world.isAmbiguous = true;
    for (const emission of this.running) {
      if (emission.call.signal !== controller || !emission.emitting || emission.abandoned) continue;
      emission.aborted = true;
      this.#check(emission);
    }
  }

  /** The time limit of a handler is reached. */
  timeOut(emission: ModelEmission): void {
    const { now, program, rules } = this.#world;
    emission.timesOutAt = Infinity;
    emission.late = true;
    if (rules.lateWorkIsAbandoned) emission.abandonedAt = now + QUEUE_TIMES.lateMs(program.bus.lateMs);
    this.#settle(emission, 'HANDLER_TIMEOUT');
  }

  /** Late work has ended, or is not waited for any more. */
  lateWorkEnded(emission: ModelEmission): void {
    emission.late = false;
    emission.abandonedAt = Infinity;
    this.#check(emission);
  }

  /** Whether an emission can't end before another has. */
  #waitsFor(emission: ModelEmission, other: ModelEmission, seen: readonly ModelEmission[] = []): boolean {
    if (seen.includes(emission) || seen.length >= this.#world.rules.longestCircle) return false;
    if (other.chain.includes(emission)) return true;
    return this.waits
      .filter(({ outer }) => outer.chain.includes(emission))
      .some(({ key }) => {
        const holder = this.holder(key);
        return holder !== undefined && this.#waitsFor(holder, other, [...seen, emission]);
      });
  }

  #take(entry: Entry, outer: ModelEmission | undefined): ModelEmission {
    const { now, rules } = this.#world;
    const { key, label } = entry.call;
    const isHeld = key !== undefined && this.holder(key) !== undefined;
    const taken = isHeld || (outer !== undefined && !rules.inlineHoldsKey) ? undefined : key;
    const emission = new ModelEmission(entry, outer, taken, now);
    this.#all.set(label, emission);
    if (outer !== undefined) outer.inline = [...outer.inline, emission];
    return emission;
  }

  #begin({ call }: Entry, emission: ModelEmission): void {
    const { counts, now, program, stage } = this.#world;
    if (emission.outer !== undefined) counts.inline++;
    this.running = [...this.running, emission];
    const ending = stage.handle(call.label, undefined, (thrown) => {
      this.#handlerEnded(emission, thrown);
    });
    if (ending !== undefined) {
      this.#handlerEnded(emission, ending.thrown);
      return;
    }
    const { timeout } = program.queue;
    const ownMs = timeout === undefined ? Infinity : QUEUE_TIMES.timeoutMs(timeout);
    emission.timesOutAt = now + (call.timeoutMs ?? ownMs);
  }

  #handlerEnded(emission: ModelEmission, thrown: Error | undefined): void {
    if (emission.emitting) {
      emission.timesOutAt = Infinity;
      this.#settle(emission, thrown === undefined ? undefined : `HANDLER_FAILED of Error(${thrown.message})`);
    } else if (emission.late) this.lateWorkEnded(emission);
  }

  /** An emission's promise settles. */
  #settle(emission: ModelEmission, failure: string | undefined): void {
    const { stage } = this.#world;
    const { aborted, call, settle } = emission;
    const reported = failure === undefined ? undefined : `${failure} at ${call.event}`;
    const isThrown = call.failurePolicy === 'throw' && reported !== undefined && !aborted;
    if (reported !== undefined && (!isThrown || settle === undefined)) stage.report(reported);
    if (aborted && settle === undefined) stage.report(`ABORTED of ${reasonOf(call.signal ?? 0)}`);
    if (aborted) settle?.(`rejected ${reasonOf(call.signal ?? 0)}`);
    else if (isThrown) settle?.(`rejected EMIT_FAILED of ${reported}`);
    else settle?.(`fulfilled ${call.event}, called 1, failures: ${reported ?? 'none'}`);
    emission.emitting = false;
    this.#check(emission);
  }

  /** Frees what an emission has taken, if nothing is left that it is kept for. */
  #check(emission: ModelEmission): void {
    const { counts, rules } = this.#world;
    if (!emission.keyIsFree && emission.mayFreeKey(rules)) {
      emission.keyIsFree = true;
      if (emission.key !== undefined) this.#handOn(emission.key);
    }
    if (emission.over || !emission.mayEnd(rules)) return;
    emission.over = true;
    this.running = this.running.filter((other) => other !== emission);
    if (emission.outer === undefined) counts.ended++;
    else this.#check(emission.outer);
  }

  /** Hands on a key that is free. */
  #handOn(key: number): void {
    const wait = this.waits.find((other) => other.key === key);
    if (this.#freed(key) || wait === undefined) return;
    this.waits = this.waits.filter((other) => other !== wait);
    wait.outer.inlineWaits--;
    this.granted = [...this.granted, { entry: wait.entry, emission: this.#take(wait.entry, wait.outer) }];
  }
}
