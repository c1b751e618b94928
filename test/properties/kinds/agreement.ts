import fc from 'fast-check';
import type { Facets } from '../chronicle.js';
import { ModelBus } from './model-bus.js';
import { Playing } from './playing.js';
import type { KindProgram } from './program.js';
import { realBus } from './real-bus.js';
import { DESIGN, type KindRules } from './rules.js';

/**
 * Plays the program on the model and on a bus; throws where the bus differs. A program in which the
 * design leaves open what happens is none that fast-check counts.
 */
export async function expectAgreement(program: KindProgram, rules: KindRules = DESIGN): Promise<void> {
  const { model, facets: expected, isAmbiguous } = await playModel(program, rules);
  fc.pre(!isAmbiguous && !model.isUndefined);
  const actual = await new Playing(program, realBus).play();
  const differences = differencesOf(counted(expected, model), counted(actual, model));
  if (differences.length > 0) throw new Error(`The bus differs from the model:\n${differences.join('\n')}`);
}

async function playModel(
  program: KindProgram,
  rules: KindRules,
): Promise<{ model: ModelBus; facets: Facets; isAmbiguous: boolean }> {
  let model: ModelBus | undefined;
  const playing = new Playing(program, (...given) => {
    model = new ModelBus(...given, rules);
    return model;
  });
  const facets = await playing.play();
  return { model: model as ModelBus, facets, isAmbiguous: playing.isAmbiguous };
}

/** Nothing says whether a handler is skipped that is called in one attempt and not in another. */
function counted(facets: Facets, { retried }: ModelBus): Facets {
  const texts = [...facets].map(([facet, text]): [string, string] => {
    const isRetried = [...retried].some((payload) => facet === `outcome of ${String(payload)}`);
    return [facet, isRetried ? text.replace(/"skipped":\d+/, '"skipped":"?"') : text];
  });
  return new Map(texts);
}

function differencesOf(expected: Facets, actual: Facets): string[] {
  return [...new Set([...expected.keys(), ...actual.keys()])].flatMap((facet) => {
    const [wanted, got] = [expected.get(facet), actual.get(facet)];
    return wanted === got ? [] : `${facet}\n  model: ${show(wanted)}\n  bus:   ${show(got)}`;
  });
}

function show(text: string | undefined): string {
  return text === undefined ? 'nothing' : text.replaceAll('\n', '\n         ');
}
