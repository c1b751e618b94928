import { ModelSlots } from './model-slots.js';
import { ModelWaiting } from './model-waiting.js';
import { type Entry, entryOf, type ModelWorld, reasonOf } from './model-world.js';
import type { Call, CountName, PlayedQueue, QueueState, Stage } from './played-queue.js';
import { KEYS, type QueueProgram } from './program.js';
import type { QueueRules } from './rules.js';

/** Which of several things comes first that the design leaves open: the index of one of so many. */
export type Choice = (count: number) => number;

/** Something that falls due. */
interface Moment {
  readonly at: number;
  /** Whether nothing starts because of it, so that it is all the same which of several comes first. */
  readonly harmless: boolean;
  readonly happen: () => void;
}

const NOTHING: Record<CountName, number> = {
  enqueued: 0,
  started: 0,
  ended: 0,
  inline: 0,
  rejected: 0,
  dropped: 0,
  expired: 0,
  aborted: 0,
  cleared: 0,
  left: 0,
  deadlocks: 0,
};

/**
 * The design, told as plainly as can be: lists, each looked through from one end to the other whenever
 * something is asked. Nothing in it is asynchronous.
 */
export class ModelQueue implements PlayedQueue {
  readonly observed = false;
  readonly #world: ModelWorld;
  readonly #choose: Choice;
  readonly #waiting: ModelWaiting;
  readonly #slots: ModelSlots;
  #idlers: readonly (() => void)[] = [];
  #paused: boolean;
  #concurrency: number;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closesAt = Infinity;
  #closed: (report: string) => void = () => {};

  constructor(program: QueueProgram, stage: Stage, rules: QueueRules, choose: Choice) {
    this.#world = { now: 0, isAmbiguous: false, program, stage, rules, counts: { ...NOTHING }, aborted: new Set() };
    this.#choose = choose;
    this.#waiting = new ModelWaiting(program.queue, rules);
    this.#slots = new ModelSlots(this.#world, (key) => {
      this.#waiting.released(key);
      return !rules.inlineBeforeLane && this.#waiting.hasDue(key);
    });
    this.#paused = program.queue.paused ?? false;
    this.#concurrency = program.queue.concurrency;
  }

  get now(): number {
    return this.#world.now;
  }

  get isAmbiguous(): boolean {
    return this.#world.isAmbiguous;
  }

  // Coming in.

  emit(call: Call, settled: (outcome: string) => void): void {
    this.#call(call, settled);
  }

  post(call: Call): boolean {
    return this.#call(call, undefined);
  }

  #call(call: Call, settle: Entry['settle']): boolean {
    const { aborted, rules, stage } = this.#world;
    const caller = this.#callerOf(call);
    const within = rules.runsInline(call.do) ? caller : undefined;
    const entry = entryOf(call, settle, within, this.#world);
    const admitted = caller !== undefined && rules.admitsNestedWhileClosing;
    if (this.#state === 'closed' || (this.#state === 'closing' && !admitted))
      return this.#refuse(entry, 'QUEUE_CLOSED');
    if (call.signal !== undefined && aborted.has(call.signal)) {
      if (settle === undefined) stage.report(`ABORTED of ${reasonOf(call.signal)}`);
      return this.#refuse(entry, reasonOf(call.signal));
    }
    if (within === undefined || call.delayMs > 0 || (this.#paused && rules.pauseStopsInline))
      return this.#enqueue(entry);
    this.#slots.emitWithin(entry, within);
    return true;
  }

  /** The emission that a call comes from, as far as the queue can know, or the next around it that is not over. */
  #callerOf({ caller, via }: Call): Entry['within'] {
    const { program, rules } = this.#world;
    if (caller === undefined) return undefined;
    const isKnown = program.bus.asyncContext === 'auto' || !caller.hasAwaited || via === 'parent';
    const emission = isKnown ? this.#slots.of(caller.label) : undefined;
    return emission?.chain.find(({ over }) => !over || !rules.strayWaits);
  }

  #enqueue(entry: Entry): boolean {
    const { counts, program, rules } = this.#world;
    const { overflow = 'reject' } = program.queue;
    if (this.#waiting.isFull && overflow === 'wait') {
      if (entry.settle === undefined && !rules.postWaitsForRoom) return this.#refuse(entry, 'QUEUE_FULL');
    } else if (this.#waiting.isFull) {
      const victim = overflow === 'reject' ? 'newcomer' : this.#waiting.victim(entry.priority);
      if (victim === 'newcomer' || victim === undefined) return this.#refuse(entry, 'QUEUE_FULL');
      this.#lose(victim, 'dropped', 'QUEUE_FULL');
    }
    counts.enqueued++;
    this.#waiting.add(entry);
    return true;
  }

  #refuse(entry: Entry, reason: string): false {
    this.#world.counts.rejected++;
    entry.settle?.(`rejected ${reason}`);
    return false;
  }

  /** Takes out an event that waits. */
  #lose(entry: Entry, count: CountName, reason: string): void {
    this.#waiting.remove(entry);
    this.#world.counts[count]++;
    entry.settle?.(`rejected ${reason}`);
  }

  // What the program does.

  abort(controller: number): void {
    const { aborted, stage } = this.#world;
    if (aborted.has(controller)) return;
    aborted.add(controller);
    const reason = reasonOf(controller);
    for (const entry of this.#waiting.entries) {
      if (entry.call.signal !== controller) continue;
      this.#lose(entry, 'aborted', reason);
      if (entry.settle === undefined) stage.report(`ABORTED of ${reason}`);
    }
    this.#slots.abort(controller);
    this.#changed();
  }

  pause(): void {
    this.#paused = true;
    this.#changed();
  }

  resume(): void {
    this.#paused = false;
  }

  clear(): number {
    const { clears } = this.#world.rules;
    const cleared = this.#waiting.entries.filter(({ dueAt }) => clears.delayed || dueAt <= this.now);
    for (const entry of cleared) this.#lose(entry, 'cleared', 'QUEUE_CLEARED');
    if (clears.inlineWaits) this.#slots.giveUp(this.#slots.waits, 'QUEUE_CLEARED');
    this.#changed();
    return cleared.length;
  }

  limit(concurrency: number): void {
    this.#concurrency = this.#world.rules.concurrencyMayFall ? concurrency : Math.max(concurrency, this.#concurrency);
  }

  idle(settled: (outcome: string) => void): void {
    this.#idlers = [...this.#idlers, () => settled('idle')];
    this.#changed();
  }

  gate(passed: () => void): () => void {
    return passed;
  }

  // What comes of it.

  /** Starts what may start, one after the other. */
  async quiet(): Promise<void> {
    for (;;) {
      const next = this.#next();
      const isGranted = this.#slots.granted.length > 0;
      if (next !== undefined && (!isGranted || this.#choose(2) === 0)) {
        this.#waiting.remove(next);
        this.#slots.start(next);
      } else if (isGranted) this.#slots.startGranted();
      else break;
    }
    this.#changed();
  }

  /** The event that starts next, if any may start. */
  #next(): Entry | undefined {
    const mayStart = !this.#paused && this.#state !== 'closed' && this.#slots.slots.length < this.#concurrency;
    return mayStart ? this.#waiting.next(this.now, (key) => this.#slots.holder(key) !== undefined) : undefined;
  }

  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const moments = this.#moments().filter(({ at }) => at <= end);
      if (moments.length === 0) break;
      this.#world.now = Math.min(...moments.map(({ at }) => at));
      const atOnce = moments.filter(({ at }) => at === this.now);
      // Nothing says which is first.
      if (atOnce.length > 1 && !atOnce.every(({ harmless }) => harmless)) this.#world.isAmbiguous = true;
      atOnce[0]?.happen();
      await this.quiet();
    }
    this.#world.now = end;
  }

  /** All that falls due. */
  #moments(): Moment[] {
    const { stage, rules } = this.#world;
    const moments: Moment[] = [];
    const add = (at: number, harmless: boolean, happen: () => void): void => {
      if (at < Infinity) moments.push({ at, harmless, happen });
    };
    for (const entry of this.#waiting.entries) {
      if (entry.dueAt > this.now) add(entry.dueAt, false, () => this.#due(entry));
      if (entry.dueAt > this.now && rules.expiresFromDue) continue;
      add(entry.expiresAt, true, () => {
        this.#lose(entry, 'expired', 'EXPIRED');
        if (entry.settle === undefined && rules.reportsExpired) stage.report('EXPIRED');
      });
    }
    for (const wait of this.#slots.waits) {
      add(wait.entry.expiresAt, false, () => this.#slots.giveUp([wait], 'EXPIRED'));
    }
    for (const emission of this.#slots.running) {
      add(emission.timesOutAt, true, () => this.#slots.timeOut(emission));
      add(emission.abandonedAt, false, () => this.#slots.lateWorkEnded(emission));
    }
    if (this.#state === 'closing') add(this.#closesAt, false, () => this.#end());
    return moments;
  }

  #due(entry: Entry): void {
    const { counts, rules } = this.#world;
    const { within } = entry;
    if (within === undefined || within.over || !rules.delayedRunsInline) {
      this.#waiting.join(entry);
      return;
    }
    this.#waiting.remove(entry);
    counts.enqueued--;
    this.#slots.emitWithin(entry, within);
  }

  /** Something has ended or left: perhaps somebody waited for it. */
  #changed(): void {
    const runs = this.#slots.slots.length > 0;
    if (!runs && this.#waiting.entries.length === 0) {
      for (const settle of this.#idlers) settle();
      this.#idlers = [];
    }
    if (this.#state !== 'closing' || runs) return;
    const { drains, drainsDelayed } = this.#world.rules;
    const awaited = this.#waiting.entries.filter(
      ({ dueAt }) =>
        dueAt <= this.now || drainsDelayed === 'all' || (drainsDelayed === 'due in time' && dueAt <= this.#closesAt),
    );
    if (this.#paused || !drains || awaited.length === 0) this.#end();
  }

  // The end.

  close(drainMs: number, settled: (report: string) => void): void {
    this.#state = 'closing';
    this.#closesAt = this.now + drainMs;
    this.#closed = settled;
    this.#changed();
    if (this.#state === 'closing' && drainMs === 0) this.#end();
  }

  #end(): void {
    this.#state = 'closed';
    const { entries } = this.#waiting;
    const { running, slots, waits } = this.#slots;
    for (const entry of entries) this.#lose(entry, 'left', 'QUEUE_CLOSED');
    this.#slots.giveUp(waits, 'QUEUE_CLOSED');
    for (const emission of running) emission.abandoned = true;
    const unfinished = running.flatMap(({ call, emitting, late }) => {
      if (!emitting && !late) return [];
      return [`${call.event}${late ? ' late' : ''}`];
    });
    const left = entries.map(({ call, priority }) => `${call.label} ${priority} ${call.key ?? -1}`);
    const drained = slots.length === 0 && left.length === 0;
    this.#closed(JSON.stringify({ drained, left, unfinished: unfinished.sort() }));
    this.#changed();
  }

  look(): QueueState {
    const { now } = this;
    const { slots } = this.#slots;
    const keys = new Set(this.#waiting.entries.flatMap(({ call }) => (call.key === undefined ? [] : [call.key])));
    for (const key of KEYS.keys()) if (this.#slots.holder(key) !== undefined) keys.add(key);
    return {
      state: this.#state,
      paused: this.#paused,
      ...this.#waiting.state(now),
      keys: keys.size,
      running: slots.map((emission) => {
        const within = emission.all.filter(({ over }) => !over);
        return {
          event: emission.call.event,
          priority: emission.call.priority ?? 0,
          waitedMs: emission.waitedMs,
          runningMs: now - emission.startedAt,
          inline: within.reduce((sum, { inlineWaits }) => sum + inlineWaits, within.length - 1),
          late: within.filter(({ late }) => late).length,
        };
      }),
      counts: { ...this.#world.counts },
    };
  }

  leftovers(): readonly string[] {
    return [];
  }
}
