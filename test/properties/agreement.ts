import { BusRun, type BusRunOptions } from './bus-run.js';
import type { Facets } from './chronicle.js';
import type { Program } from './program.js';
import { ReferenceModel } from './reference-model.js';
import type { Rules } from './rules.js';
import type { Choice } from './timeline.js';

/** In how many orders a program is played at first, and in how many before the bus is said to be wrong. */
const FEW_ORDERS = 3;
const MANY_ORDERS = 100;

/**
 * Plays the program on the model and on a bus; throws where the bus differs in what the design says.
 *
 * The design leaves open what comes first of several things that happen at the same moment, so that
 * the model plays the program in several orders, and only what they have in common is expected.
 */
export async function expectAgreement(program: Program, options?: BusRunOptions, rules?: Rules): Promise<void> {
  const actual = await new BusRun(program, options).play();
  const expected = new Expectation(program, rules);
  expected.play(FEW_ORDERS);
  if (expected.differences(actual).length === 0) return;
  expected.play(MANY_ORDERS);
  const differences = expected.differences(actual);
  if (differences.length > 0) throw new Error(`The bus differs from the model:\n${differences.join('\n')}`);
}

/** What all playings of the model have in common. */
class Expectation {
  readonly #program: Program;
  readonly #rules: Rules | undefined;
  /** Facets on which all playings agree so far, and those on which they don't. */
  readonly #agreed = new Map<string, string>();
  readonly #open = new Set<string>();
  #playings = 0;
  /** Whether there was ever a choice. */
  #isOrdered = true;

  constructor(program: Program, rules: Rules | undefined) {
    this.#program = program;
    this.#rules = rules;
  }

  /** Plays until there have been so many playings, unless all of them would be the same. */
  play(playings: number): void {
    while (this.#playings < playings && (this.#playings === 0 || !this.#isOrdered)) {
      const choose = orderOf(this.#playings);
      const watched: Choice = (count) => {
        if (count > 1) this.#isOrdered = false;
        return choose(count);
      };
      this.#compare(new ReferenceModel(this.#program, watched, this.#rules).play());
      this.#playings++;
    }
  }

  differences(actual: Facets): string[] {
    const differences: string[] = [];
    for (const facet of new Set([...this.#agreed.keys(), ...actual.keys()])) {
      if (this.#open.has(facet)) continue;
      const [wanted, got] = [this.#agreed.get(facet), actual.get(facet)];
      // What may happen or not, by the order of things, may bring facets that no playing had.
      if (wanted === undefined && this.#open.size > 0 && facet !== 'violations') continue;
      if (wanted !== got) differences.push(`${facet}\n  model: ${show(wanted)}\n  bus:   ${show(got)}`);
    }
    return differences;
  }

  #compare(playing: Facets): void {
    for (const facet of new Set([...playing.keys(), ...this.#agreed.keys()])) {
      const text = playing.get(facet);
      if (this.#playings === 0 && text !== undefined) this.#agreed.set(facet, text);
      else if (this.#agreed.get(facet) !== text) {
        this.#agreed.delete(facet);
        this.#open.add(facet);
      }
    }
  }
}

/** First come first served, last come first served, and then disorders. */
function orderOf(playing: number): Choice {
  if (playing === 0) return () => 0;
  if (playing === 1) return (count) => count - 1;
  // A linear congruential generator: the same disorder each time.
  let state = playing;
  return (count) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * count);
  };
}

function show(text: string | undefined): string {
  return text === undefined ? 'nothing' : text.replaceAll('\n', '\n         ');
}
