/**
 * Which of several things that are due at the same moment comes first: given how many there are,
 * the index of one of them.
 */
export type Choice = (count: number) => number;

interface Timer {
  readonly due: number;
  readonly happen: () => void;
}

/**
 * The model's time. A moment is either a timer that falls due or something that has become ready
 * (the settlement of a promise); where there are several at once, the design doesn't say which goes
 * first, and neither does this: it asks.
 */
export class Timeline {
  now = 0;
  readonly #choose: Choice;
  readonly #ready: (() => void)[] = [];
  readonly #timers = new Set<Timer>();

  constructor(choose: Choice) {
    this.#choose = choose;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Happens when what runs now has come to an end. */
  soon(happen: () => void): void {
    this.#ready.push(happen);
  }

  /** Happens at once, or when what runs now has come to an end: that is left open. */
  nowOrSoon(happen: () => void): void {
    if (this.#choose(2) === 0) happen();
    else this.soon(happen);
  }

  /** The same things in the order in which they are chosen, for where any order will do. */
  inAnyOrder<T>(things: Iterable<T>): T[] {
    const left = [...things];
    const ordered: T[] = [];
    while (left.length > 0) ordered.push(...left.splice(this.#choose(left.length), 1));
    return ordered;
  }

  /** Happens `ms` from now, unless what this returns is called before. */
  after(ms: number, happen: () => void): () => void {
    const timer = { due: this.now + ms, happen };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  advance(ms: number): void {
    const end = this.now + ms;
    this.#settle();
    for (;;) {
      const due = Math.min(...[...this.#timers].map((timer) => timer.due));
      if (due > end || due === Infinity) break;
      this.now = due;
      const atOnce = [...this.#timers].filter((timer) => timer.due === due);
      const timer = atOnce[this.#choose(atOnce.length)] as Timer;
      this.#timers.delete(timer);
      timer.happen();
      this.#settle();
    }
    this.now = end;
  }

  #settle(): void {
    while (this.#ready.length > 0) {
      const [happen] = this.#ready.splice(this.#choose(this.#ready.length), 1);
      (happen as () => void)();
    }
  }
}
