import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Facets } from '../chronicle.js';
import { TIMEOUT_MS } from '../run-count.js';
import { differencesFrom, playOnQueue } from './agreement.js';
import { crowdedProgram, entangledProgram, queueProgram } from './arbitrary-program.js';
import type { QueueProgram } from './program.js';
import { DESIGN, type QueueRules } from './rules.js';

/** In how many programs a wrong rule has to show. */
const PROGRAMS = 600;

interface WrongRule {
  /** The programs that find it out. */
  readonly in: Corpus;
  readonly rules: Partial<QueueRules>;
}

/** Some programs, and what a queue does with them: every wrong rule is held against that. */
class Corpus {
  readonly #programs: readonly QueueProgram[];
  readonly #playings = new Map<QueueProgram, Promise<Facets>>();

  constructor(programs: fc.Arbitrary<QueueProgram>) {
    this.#programs = fc.sample(programs, { numRuns: PROGRAMS, seed: 1 });
  }

  #playing(program: QueueProgram): Promise<Facets> {
    const playing = this.#playings.get(program) ?? playOnQueue(program);
    this.#playings.set(program, playing);
    return playing;
  }

  /** The first program that shows that these rules are wrong, and not the queue. */
  async whereWrong(rules: QueueRules): Promise<QueueProgram | undefined> {
    for (const program of this.#programs) {
      const wrongly = await this.#differences(program, rules);
      if (wrongly.length > 0 && (await this.#differences(program, DESIGN)).length === 0) return program;
    }
    return undefined;
  }

  async #differences(program: QueueProgram, rules: QueueRules): Promise<readonly string[]> {
    const differences = await differencesFrom(program, await this.#playing(program), rules);
    return differences === 'ambiguous' ? [] : differences;
  }
}

const CORPORA = {
  everything: new Corpus(queueProgram),
  crowded: new Corpus(crowdedProgram),
  entangled: new Corpus(entangledProgram),
};
const everything = (rules: WrongRule['rules']): WrongRule => ({ in: CORPORA.everything, rules });
const crowded = (rules: WrongRule['rules']): WrongRule => ({ in: CORPORA.crowded, rules });
const entangled = (rules: WrongRule['rules']): WrongRule => ({ in: CORPORA.entangled, rules });

/** One wrong sentence each, as in `../wrong-rules.test.ts`. */
const wrongRules: Readonly<Record<string, WrongRule>> = {
  // The order.
  'the last of equals leaves first': everything({ order: (a, b) => b.priority - a.priority || b.place - a.place }),
  'lower priorities leave first': everything({ order: (a, b) => a.priority - b.priority || a.place - b.place }),
  'priorities count for nothing': everything({ order: (a, b) => a.place - b.place }),
  'priorities count in a lane': everything({ laneOrder: DESIGN.order }),
  'a lane competes with the priority of its head': everything({ lanePriority: ([first]) => first ?? 0 }),
  'a lane competes with its lowest priority': everything({ lanePriority: (priorities) => Math.min(...priorities) }),
  'a lane that is free again stands behind all others': everything({ laneKeepsPlace: false }),
  'an event whose key is held keeps back those behind it': everything({ heldKeyBlocksOthers: true }),
  'a delayed event keeps its first place': everything({ delayedJoinsWhenDue: false }),

  // Time.
  'the time to wait begins with the call': everything({ expiresFromDue: false }),
  'a posted event expires in silence': everything({ reportsExpired: false }),

  // Room.
  'delayed events take no room': crowded({ delayedTakeRoom: false }),
  'drop-newest drops the oldest': crowded({ victim: (_overflow, lowest) => lowest.at(0) }),
  'drop-oldest drops the newest': crowded({ victim: (_overflow, lowest) => lowest.at(-1) }),
  'the new event never has to go': crowded({ newcomerCompetes: false }),
  'what waits for room may not start': crowded({ blockedMayStart: false }),
  'a post waits for room': crowded({ postWaitsForRoom: true }),

  // Slots and keys.
  'a slot is free before late work has ended': everything({ slotIsKeptFor: { lateWork: false, inline: true } }),
  'a slot is free before what runs inline has ended': everything({ slotIsKeptFor: { lateWork: true, inline: false } }),
  'a key is free before late work has ended': everything({ keyIsKeptFor: { lateWork: false, inline: true } }),
  'a key is free before what runs inline has ended': everything({ keyIsKeptFor: { lateWork: true, inline: false } }),
  'late work is waited for as long as it takes': everything({ lateWorkIsAbandoned: false }),
  'an emission that is aborted gives its slot back': everything({ abortedKeepsSlot: false }),
  'a lower concurrency has no effect': everything({ concurrencyMayFall: false }),

  // Emissions within others.
  'a posted event runs inline': entangled({ runsInline: () => true }),
  'nothing runs inline': entangled({ runsInline: () => false }),
  'an inline emission takes a slot': entangled({ inlineTakesSlot: true }),
  'a pause holds for inline emissions': entangled({ pauseStopsInline: true }),
  'a key is not shared with inline emissions': entangled({ sharesKeys: false }),
  'an inline emission takes no key': entangled({ inlineHoldsKey: false }),
  'the events of a lane go before an inline emission': entangled({ inlineBeforeLane: false }),
  'stray calls run inline': entangled({ strayWaits: false }),
  'a delayed event never runs inline': entangled({ delayedRunsInline: false }),
  'nobody looks for deadlocks': entangled({ longestCircle: 0 }),
  'only two can wait for each other': entangled({ longestCircle: 2 }),

  // The end.
  'clear forgets delayed events': everything({ clears: { delayed: false, inlineWaits: false } }),
  'clear takes out what waits inline': entangled({ clears: { delayed: true, inlineWaits: true } }),
  'close leaves what waits': everything({ drains: false }),
  'close does not wait for delayed events': everything({ drainsDelayed: 'none' }),
  'close waits for delayed events that are due too late': everything({ drainsDelayed: 'all' }),
  'close refuses what running emissions cause': everything({ admitsNestedWhileClosing: false }),
};

/** To a model that follows a wrong rule the queue must seem wrong: so it would to the right one, if it were. */
describe('a model of a queue with one wrong rule', () => {
  beforeEach(() => {
    // As in `programs.test.ts`.
    vi.spyOn(performance, 'now').mockReturnValue(0);
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
