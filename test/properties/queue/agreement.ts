import fc from 'fast-check';
import type { Facets } from '../chronicle.js';
import { type Choice, ModelQueue } from './model-queue.js';
import { Playing } from './playing.js';
import type { QueueProgram } from './program.js';
import { RealQueue } from './real-queue.js';
import { DESIGN, type QueueRules } from './rules.js';

/** In how many ways a program is played on the model before the queue is said to be wrong. */
const MOST_WAYS = 200;

/** How many differences are shown. */
const SHOWN = 6;

/**
 * Plays the program on a queue and on the model; throws where the queue does nothing that the model may do.
 *
 * @param turns - How often the event loop may have to take its turn until everything has happened.
 */
export async function expectAgreement(program: QueueProgram, turns?: number): Promise<void> {
  const differences = await differencesFrom(program, await playOnQueue(program, turns), DESIGN);
  // Such a program is none that fast-check counts.
  fc.pre(differences !== 'ambiguous');
  const shown = differences.slice(0, SHOWN).join('\n');
  if (differences.length > 0) throw new Error(`The queue differs from the model:\n${shown}`);
}

export function playOnQueue(program: QueueProgram, turns = 1): Promise<Facets> {
  return new Playing(program, (...given) => new RealQueue(...given, turns)).play();
}

/**
 * How a playing differs from what the model may do. The design doesn't say whether what waits on a slot
 * for a key starts before what waits for a slot, where both may start: the model plays the program in
 * all ways.
 *
 * @returns The differences from the way that comes closest; `ambiguous` where the design doesn't say what
 *   happens, as of several things that fall due at the same moment.
 */
export async function differencesFrom(
  program: QueueProgram,
  actual: Facets,
  rules: QueueRules,
): Promise<readonly string[] | 'ambiguous'> {
  let closest: readonly string[] | undefined;
  const choices: number[] = [];
  for (let way = 0; way < MOST_WAYS; way++) {
    const { counts, facets, isAmbiguous } = await playOnModel(program, rules, choices);
    if (isAmbiguous) return 'ambiguous';
    const differences = differencesOf(facets, actual);
    if (closest === undefined || differences.length < closest.length) closest = differences;
    if (closest.length === 0 || !isNext(choices, counts)) break;
  }
  return closest ?? [];
}

interface ModelPlaying {
  readonly facets: Facets;
  readonly isAmbiguous: boolean;
  /** How many there were to choose from, each time. */
  readonly counts: readonly number[];
}

async function playOnModel(
  program: QueueProgram,
  rules: QueueRules,
  choices: readonly number[],
): Promise<ModelPlaying> {
  const counts: number[] = [];
  const choose: Choice = (count) => choices[counts.push(count) - 1] ?? 0;
  let model: ModelQueue | undefined;
  const playing = new Playing(program, (...given) => {
    model = new ModelQueue(...given, rules, choose);
    return model;
  });
  const facets = await playing.play();
  return { facets, isAmbiguous: model?.isAmbiguous === true, counts };
}

/** Changes the choices to those that come next after those that were made; false where there are no more. */
function isNext(choices: number[], counts: readonly number[]): boolean {
  const made = counts.map((_, index) => choices[index] ?? 0);
  while (made.length > 0) {
    const last = (made.pop() ?? 0) + 1;
    if (last >= (counts[made.length] ?? 0)) continue;
    choices.splice(0, choices.length, ...made, last);
    return true;
  }
  return false;
}

function differencesOf(expected: Facets, actual: Facets): string[] {
  return [...new Set([...expected.keys(), ...actual.keys()])].flatMap((facet) => {
    const [wanted, got] = [expected.get(facet), actual.get(facet)];
    return wanted === got ? [] : `${facet}\n  model: ${show(wanted)}\n  queue: ${show(got)}`;
  });
}

function show(text: string | undefined): string {
  return text === undefined ? 'nothing' : text.replaceAll('\n', '\n         ');
}
