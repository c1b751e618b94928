import type { Call, PlayedQueue, QueueState, Stage } from './played-queue.js';
import { QUEUE_TIMES, type QueueProgram } from './program.js';

/** What the witness has seen of one call. */
interface Sighting {
  readonly call: Call;
  readonly calledAt: number;
  /** What it runs within if it runs inline: the emission that called it, or the next around that which was not over. */
  readonly within: Sighting | undefined;
  emissionId: string | undefined;
  /** It has come in to wait. */
  enqueued: boolean;
  /** It has begun, within the emission that called it. */
  inline: boolean;
  /** It has begun, or nothing will come of it. */
  fate: string | undefined;
  startedAt: number | undefined;
  ended: boolean;
  settled: boolean;
}

/**
 * Looks on while a program is played, and says what must never happen, whatever the model says. What
 * it takes to know who runs inline, and what has become of a post, only observers are told; where
 * there are none, it looks at the rest.
 */
export class Witness {
  readonly #queue: PlayedQueue;
  readonly #violated: (text: string) => void;
  readonly #program: QueueProgram;
  readonly #sightings = new Map<string, Sighting>();
  #concurrency: number;

  constructor(program: QueueProgram, queue: PlayedQueue, violated: (text: string) => void) {
    this.#program = program;
    this.#queue = queue;
    this.#violated = violated;
    this.#concurrency = program.queue.concurrency;
  }

  called(call: Call): void {
    let within = call.caller === undefined ? undefined : this.#of(call.caller.label);
    while (within !== undefined && !this.#isActive(within, true)) within = within.inline ? within.within : undefined;
    this.#sightings.set(call.label, {
      call,
      calledAt: this.#queue.now,
      within,
      emissionId: undefined,
      enqueued: false,
      inline: false,
      fate: undefined,
      startedAt: undefined,
      ended: false,
      settled: false,
    });
  }

  posted({ label }: Call, accepted: boolean): void {
    const { enqueued } = this.#of(label);
    if (this.#queue.observed && enqueued !== accepted) this.#violated(`post of ${label} returned ${accepted}`);
  }

  settled({ label }: Call): void {
    const sighting = this.#of(label);
    if (sighting.settled) this.#violated(`${label} has settled twice`);
    sighting.settled = true;
  }

  limited(concurrency: number): void {
    this.#concurrency = concurrency;
  }

  fact(fact: Parameters<Stage['fact']>[0], label: string, emissionId: string | undefined): void {
    const sighting = this.#of(label);
    if (fact === 'enqueued') {
      if (sighting.enqueued) this.#violated(`${label} was enqueued twice`);
      sighting.enqueued = true;
    } else if (fact === 'begun') {
      if (sighting.fate !== 'begun') this.#violated(`${label} has begun without being told as dequeued`);
    } else {
      if (sighting.fate !== undefined) this.#violated(`${label} is ${fact}, and was ${sighting.fate} before`);
      if (fact === 'dequeued' && !sighting.enqueued) this.#violated(`${label} is dequeued, and was not enqueued`);
      sighting.fate = fact === 'dropped' ? fact : 'begun';
      sighting.inline = fact === 'inline';
    }
    // What was refused has never had one.
    if (fact === 'dropped' && !sighting.enqueued) return;
    const known = sighting.emissionId ?? emissionId;
    if (emissionId === undefined || known !== emissionId) this.#violated(`${label} is ${fact} under another id`);
    sighting.emissionId = emissionId;
  }

  started({ label }: Call): void {
    const sighting = this.#of(label);
    if (sighting.startedAt !== undefined) this.#violated(`${label} has started twice`);
    sighting.startedAt = this.#queue.now;
    if (!this.#queue.observed) return;
    if (sighting.fate !== 'begun') this.#violated(`${label} has started without being dequeued`);
    if (!sighting.inline) {
      const slots = this.#all.filter((other) => !other.inline && this.#isActive(other)).length;
      if (slots > this.#concurrency) this.#violated(`${label} is one more than may run`);
    }
    if (sighting.call.key !== undefined) this.#checkKey(sighting);
  }

  /** Its handler has ended. */
  ended({ label }: Call): void {
    this.#of(label).ended = true;
  }

  /** Looks at the counters, which have to fit together at any time. */
  look(): void {
    const { counts, size, blocked, delayed, running, depths } = this.#queue.look();
    const { enqueued, started, ended, dropped, expired, aborted, cleared, left } = counts;
    const waiting = size + blocked;
    if (enqueued !== started + dropped + expired + aborted + cleared + left + waiting)
      this.#violated('events are lost');
    if (started !== ended + running.length) this.#violated('emissions are lost');
    if (delayed > waiting) this.#violated('more are delayed than wait');
    if (depths.reduce((sum, depth) => sum + depth.size, 0) !== waiting) this.#violated('the depths do not add up');
    if (size > (this.#program.queue.capacity ?? Infinity)) this.#violated('more wait than there is room for');
    if (size < 0 || running.length < 0) this.#violated('a count is negative');
  }

  /** Looks at what is left of a program that has come to its end. */
  end(): void {
    const { size, blocked, delayed, keys, running, state, oldestWaitMs }: QueueState = this.#queue.look();
    const left = { size, blocked, delayed, keys, running: running.length };
    if (Object.values(left).some((count) => count !== 0)) this.#violated(`there is left ${JSON.stringify(left)}`);
    if (state !== 'closed' || oldestWaitMs !== null)
      this.#violated(`it is ${state}, with a wait of ${oldestWaitMs} ms`);
    for (const leftover of this.#queue.leftovers()) this.#violated(`there is left ${leftover}`);
    for (const { call, enqueued, fate, settled, startedAt, ended } of this.#all) {
      if (call.do === 'emit' && !settled) this.#violated(`${call.label} has never settled`);
      if (startedAt !== undefined && !ended) this.#violated(`${call.label} has never ended`);
      if (this.#queue.observed && enqueued && fate === undefined) this.#violated(`nothing has become of ${call.label}`);
    }
  }

  get #all(): Sighting[] {
    return [...this.#sightings.values()];
  }

  #of(label: string): Sighting {
    return this.#sightings.get(label) as Sighting;
  }

  /**
   * Whether anything of its emission goes on that holds its slot and its key.
   *
   * @param perhaps - Whether to say so, too, where nobody has told whether an event waits within it or in the queue.
   */
  #isActive(sighting: Sighting, perhaps = false): boolean {
    const { call, ended, startedAt } = sighting;
    if (startedAt === undefined) return false;
    const { bus, queue } = this.#program;
    const timeoutMs = call.timeoutMs ?? (queue.timeout === undefined ? Infinity : QUEUE_TIMES.timeoutMs(queue.timeout));
    const isAbandoned = this.#queue.now >= startedAt + timeoutMs + QUEUE_TIMES.lateMs(bus.lateMs);
    if (!ended && !isAbandoned) return true;
    return this.#all.some((other) => {
      if (other.within !== sighting || other.call.do === 'post') return false;
      if (other.inline) return this.#isActive(other, perhaps);
      const isDue = other.calledAt + other.call.delayMs <= this.#queue.now;
      return other.fate === undefined && (other.enqueued ? perhaps && isDue : true);
    });
  }

  #checkKey(sighting: Sighting): void {
    const { call, inline } = sighting;
    const { label, key } = call;
    for (const other of this.#all) {
      if (other === sighting || other.call.key !== key) continue;
      if (this.#isActive(other) && this.#holder(other) !== this.#holder(sighting)) {
        this.#violated(`${label} and ${other.call.label} have the key ${key} at the same time`);
      }
      const waits = other.enqueued && other.fate === undefined;
      if (!inline && waits && joined(other) < joined(sighting)) {
        this.#violated(`${label} has started before ${other.call.label} of the same key ${key}`);
      }
    }
  }

  /** Who took the key that an emission has: it, or the outermost around it that has the same. */
  #holder(sighting: Sighting): Sighting {
    let holder = sighting;
    for (let each = sighting; each.inline && each.within !== undefined; ) {
      each = each.within;
      if (each.call.key === sighting.call.key) holder = each;
    }
    return holder;
  }
}

/** When it joined the order; those of the same moment are told apart by their calls, unless one was delayed. */
function joined({ call, calledAt }: Sighting): number {
  return calledAt + call.delayMs + (call.delayMs === 0 ? call.number / 1_000 : 0);
}
