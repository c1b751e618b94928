import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Facets } from '../chronicle.js';
import { TIMEOUT_MS } from '../run-count.js';
import { differencesFrom, playOnHost } from './agreement.js';
import { entangledProgram, hostProgram, synchronousProgram, troubledProgram } from './arbitrary-program.js';
import type { HostProgram } from './program.js';
import { DESIGN, type HostRules } from './rules.js';

/** In how many programs a wrong rule has to show. */
const PROGRAMS = 400;

/** In how many ways a program is played on the model. */
const FEW_WAYS = 10;

interface WrongRule {
  /** The programs that find it out. */
  readonly in: Corpus;
  readonly rules: Partial<HostRules>;
}

/** Some programs, and what a host does with them: every wrong rule is held against that. */
class Corpus {
  readonly #programs: readonly HostProgram[];
  readonly #playings = new Map<HostProgram, Promise<Facets>>();

  constructor(programs: fc.Arbitrary<HostProgram>) {
    this.#programs = fc.sample(programs, { numRuns: PROGRAMS, seed: 1 });
  }

  #playing(program: HostProgram): Promise<Facets> {
    const playing = this.#playings.get(program) ?? playOnHost(program);
    this.#playings.set(program, playing);
    return playing;
  }

  /** The first program that shows that these rules are wrong, and not the host. */
  async whereWrong(rules: HostRules): Promise<HostProgram | undefined> {
    for (const program of this.#programs) {
      const wrongly = await this.#differences(program, rules);
      if (wrongly.length > 0 && (await this.#differences(program, DESIGN)).length === 0) return program;
    }
    return undefined;
  }

  async #differences(program: HostProgram, rules: HostRules): Promise<readonly string[]> {
    const differences = await differencesFrom(program, await this.#playing(program), rules, FEW_WAYS);
    return differences === 'ambiguous' ? [] : differences;
  }
}

const CORPORA = {
  everything: new Corpus(hostProgram),
  synchronous: new Corpus(synchronousProgram),
  troubled: new Corpus(troubledProgram),
  entangled: new Corpus(entangledProgram),
};
const everything = (rules: WrongRule['rules']): WrongRule => ({ in: CORPORA.everything, rules });
const synchronous = (rules: WrongRule['rules']): WrongRule => ({ in: CORPORA.synchronous, rules });
const troubled = (rules: WrongRule['rules']): WrongRule => ({ in: CORPORA.troubled, rules });
const entangled = (rules: WrongRule['rules']): WrongRule => ({ in: CORPORA.entangled, rules });

/** One wrong sentence each, as in `../wrong-rules.test.ts`. */
const wrongRules: Readonly<Record<string, WrongRule>> = {
  // The order.
  'the priority of handlers counts for nothing': synchronous({ order: (a, b) => a.place - b.place || a.age - b.age }),
  'the place of a plugin counts for nothing': synchronous({
    order: (a, b) => b.priority - a.priority || a.age - b.age,
  }),
  'the last subscribed handler of a plugin comes first': synchronous({
    order: (a, b) => b.priority - a.priority || a.place - b.place || b.age - a.age,
  }),
  'a plugin is set up before what it makes use of': synchronous({ setupHeedsOptional: false }),
  'before counts for nothing': synchronous({ heedsBefore: false }),
  'after counts for nothing': synchronous({ heedsAfter: false }),
  'a need counts for more than a wish': everything({ wishesBeatNeeds: false }),
  'any version will do': everything({ heedsVersions: false }),

  // The start.
  'plugins are set up one at a time': everything({ setupsOverlap: false }),
  'no handler is heard before every plugin is set up': everything({ heardOnceSetUp: false }),
  'a failing setup leaves the others alone': everything({ failureAbortsOthers: false }),
  'a plugin that failed is torn down': troubled({ failedIsTornDown: true }),
  'a start that fails leaves what was set up': everything({ rollsBack: false }),
  'a plugin is set up without what it requires': troubled({ failureBlocks: false }),
  'ready runs in the reverse order': everything({ readyOrder: (plugins) => plugins.toReversed() }),
  'a setup may take as long as it takes': everything({ limitsSetup: false }),

  // The end.
  'the first resource goes first': everything({ nextResource: (resources) => resources.shift() }),
  'resources go at the same time': everything({ resourcesInTurn: false }),
  'resources go before the teardown': everything({ resourcesGoLast: false }),
  'a plugin is torn down before those that need it': entangled({ dependantsGoFirst: false }),
  'plugins are torn down one at a time': everything({ teardownsOverlap: false }),
  'handlers that run are not waited for': everything({ drains: false }),
  'a handler that takes its plugin out is waited for': everything({ waitsForItself: true }),
  'the signal aborts before handlers have ended': entangled({ abortsAfterDrain: false }),
  'handlers of what was taken out are still called': everything({ skipsTakenOut: false }),

  // Changes.
  'emissions under way do not call what was replaced': entangled({ retiresReplaced: false }),
  'a replacement that fails takes the old one along': entangled({ failedReplacementKeepsOld: false }),
  'a plugin is taken out although others depend on it': entangled({ refusesDependants: false }),
  'what was blocked stays so': everything({ unblocks: false }),
  'changes do not wait for each other': everything({ changesInTurn: false }),
  'a plugin that can not be enabled has failed': synchronous({ failedEnablingKeepsState: false }),
};

/** To a model that follows a wrong rule the host must seem wrong: so it would to the right one, if it were. */
describe('a model of a host with one wrong rule', () => {
  beforeEach(() => {
    // As in `programs.test.ts`.
    vi.spyOn(console, 'warn').mockReturnValue();
  });

  for (const [rule, { in: corpus, rules }] of Object.entries(wrongRules)) {
    it(
      `is found out: ${rule}`,
      async () => {
        expect(await corpus.whereWrong({ ...DESIGN, ...rules })).toBeDefined();
      },
      TIMEOUT_MS,
    );
  }
});
