import fc from 'fast-check';
import type { Facets } from '../chronicle.js';
import { ModelHost } from './model-host.js';
import { Playing } from './playing.js';
import type { HostProgram } from './program.js';
import { RealHost } from './real-host.js';
import { DESIGN, type HostRules } from './rules.js';
import { MOST_WAYS, Simulation } from './simulation.js';

/** How many differences are shown. */
const SHOWN = 8;

/** Plays the program on a host and on the model; throws where the host does nothing that the model may do. */
export async function expectAgreement(program: HostProgram): Promise<void> {
  const differences = await differencesFrom(program, await playOnHost(program), DESIGN);
  // Such a program is none that fast-check counts.
  fc.pre(differences !== 'ambiguous');
  const shown = differences.slice(0, SHOWN).join('\n');
  if (differences.length > 0) throw new Error(`The host differs from the model:\n${shown}`);
}

export function playOnHost(program: HostProgram): Promise<Facets> {
  return new Playing(program, (...given) => new RealHost(...given)).play();
}

/**
 * How a playing differs from what the model may do. The design leaves open what comes first of several things that
 * happen at the same moment: the model plays the program in several orders.
 *
 * @returns The differences from the one that comes closest; `ambiguous` where the design doesn't say what happens.
 */
export async function differencesFrom(
  program: HostProgram,
  actual: Facets,
  rules: HostRules,
  ways = MOST_WAYS,
): Promise<readonly string[] | 'ambiguous'> {
  let closest: readonly string[] | undefined;
  for (let way = 0; way < ways; way++) {
    const simulation = new Simulation(way);
    let model: ModelHost | undefined;
    const playing = new Playing(program, (...given) => {
      model = new ModelHost(...given, rules, simulation);
      return model;
    });
    const facets = await playing.play();
    if (model?.isAmbiguous === true || playing.isCutShort) return 'ambiguous';
    const differences = differencesOf(facets, actual);
    if (closest === undefined || differences.length < closest.length) closest = differences;
    if (closest.length === 0 || !simulation.hadChoice) break;
  }
  return closest ?? [];
}

/** The facets that differ, the earliest first. */
function differencesOf(expected: Facets, actual: Facets): string[] {
  const facets = [...new Set([...expected.keys(), ...actual.keys()])];
  const differing = facets.filter((facet) => expected.get(facet) !== actual.get(facet));
  const sorted = differing
    .map((facet) => ({ facet, model: linesOf(expected.get(facet)), host: linesOf(actual.get(facet)) }))
    .map((one) => ({ ...one, at: firstDifference(one.model, one.host) }))
    .sort((a, b) => a.at - b.at);
  return sorted.map(({ facet, host, model }) => `${facet}\n  model: ${show(model)}\n  host:  ${show(host)}`);
}

function linesOf(text: string | undefined): readonly string[] {
  return text?.split('\n') ?? [];
}

/** When the first of the things happened in which two lists differ; lines begin with it. */
function firstDifference(a: readonly string[], b: readonly string[]): number {
  const index = [...a, ...b].findIndex((_, at) => a[at] !== b[at]);
  const times = [a[index], b[index]].map((line) => Number.parseFloat(line ?? '')).filter((time) => !Number.isNaN(time));
  return Math.min(...times);
}

function show(lines: readonly string[]): string {
  return lines.length === 0 ? 'nothing' : lines.join('\n         ');
}
