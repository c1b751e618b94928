import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TIMEOUT_MS } from '../run-count.js';
import { expectAgreement } from './agreement.js';
import { BUSY, CALM, programAbout } from './arbitrary-program.js';
import type { EventName, KindProgram } from './program.js';
import { DESIGN, type KindRules } from './rules.js';

interface WrongRule {
  /** What the programs are about that find it out. */
  readonly in: fc.Arbitrary<KindProgram>;
  readonly rules: Partial<KindRules>;
}

function calmly(about: EventName, rules: Partial<KindRules>): WrongRule {
  return { in: programAbout(about, CALM), rules };
}

function busily(about: EventName, rules: Partial<KindRules>): WrongRule {
  return { in: programAbout(about, BUSY), rules };
}

/** One wrong sentence each, as in `../wrong-rules.test.ts`. */
const wrongRules: Readonly<Record<string, WrongRule>> = {
  // All kinds.
  'a list takes part, as long as it has but one name': calmly('page.render', {
    takesPart: (target) => target.kind === 'exact' || (target.kind === 'list' && target.names.length === 1),
  }),
  'a pattern takes part': calmly('page.find', {
    takesPart: ({ kind }) => kind === 'exact' || kind === 'pattern',
  }),
  'what is heard by everything takes part': calmly('page.check', {
    takesPart: ({ kind }) => kind === 'exact' || kind === 'any',
  }),
  'every kind isolates by default': calmly('page.render', {
    policy: (_kind, ...nearestFirst) => DESIGN.policy('broadcast', ...nearestFirst),
  }),
  'every kind stops by default': calmly('page.check', {
    policy: (_kind, ...nearestFirst) => DESIGN.policy('waterfall', ...nearestFirst),
  }),
  'the policy of a bus does not hold for kinds that stop by default': calmly('page.find', {
    policy: (kind, ...nearestFirst) => DESIGN.policy(kind, ...nearestFirst.slice(0, 2)),
  }),
  'the policy of an event goes before that of an emission': calmly('page.load', {
    policy: (kind, emission, event, bus) => DESIGN.policy(kind, event, emission, bus),
  }),
  'the policy of a bus goes before that of an event': calmly('page.render', {
    policy: (kind, emission, event, bus) => DESIGN.policy(kind, emission, bus, event),
  }),
  "a handler's own policy counts for nothing": calmly('page.load', {
    stops: (policy) => policy === 'stop',
  }),
  'a handler that isolates its failures is not exempt': calmly('page.find', {
    rejects: (policy) => policy !== 'isolate',
  }),
  "the limit of an emission takes the place of a handler's own": calmly('page.check', {
    timeLimit: (own, emission) => emission ?? own ?? Infinity,
  }),

  // Waterfall.
  'a waterfall lets undefined replace the payload': calmly('page.render', {
    piped: (_payload, answer) => answer,
  }),
  'a waterfall lets null keep the payload': calmly('page.render', {
    piped: (payload, answer) => answer ?? payload,
  }),
  'a failed sanitiser lets the raw value through': calmly('page.render', {
    keepsValueOfFailed: true,
  }),
  'the mode of a bus holds for a waterfall too': busily('page.render', {
    limit: (_kind, mode, concurrency) => DESIGN.limit('broadcast', mode, concurrency),
  }),

  // First.
  'first keeps asking after an answer': calmly('page.find', {
    asksOn: true,
  }),
  'first asks several at a time': busily('page.find', {
    limit: (_kind, mode, concurrency) => DESIGN.limit('broadcast', mode, concurrency),
  }),
  'an answer must not be falsy': calmly('page.find', {
    isAnswer: Boolean,
  }),
  'nobody hears what has been answered': calmly('page.find', {
    listensOn: false,
  }),

  // Collect.
  'collect has its values in order of settlement': busily('page.check', {
    valuesInOrderOf: 'settlement',
  }),
  'collect keeps every undefined': calmly('page.check', {
    isAnswer: () => true,
  }),
  'collect leaves out null': calmly('page.check', {
    isAnswer: (returned) => returned !== undefined && returned !== null,
  }),
  'collect asks one after the other, whatever the mode': busily('page.check', {
    limit: () => 1,
  }),
  'collect lets one handler more through than its limit': busily('page.check', {
    limit: (kind, mode, concurrency) => DESIGN.limit(kind, mode, concurrency + 1),
  }),

  // Around.
  'next gives on what the outermost handler got': calmly('page.load', {
    givenOn: (payload) => payload,
  }),
  'next gives on undefined where nothing was given': calmly('page.load', {
    givenOn: (_payload, given) => given,
  }),
  'next may be called twice': calmly('page.load', {
    mayCallAgain: { afterAnswer: true, afterFailure: true },
  }),
  'next may not be called again after a failure': calmly('page.load', {
    mayCallAgain: { afterAnswer: false, afterFailure: false },
  }),
  'next may be called when its handler has settled': busily('page.load', {
    mayCallLate: true,
  }),
  'a core that fails in isolation just has no answer': calmly('page.load', {
    coreIsPassedOver: true,
  }),
  'the core is called after a stop': calmly('page.load', {
    coreRunsWhenStopped: true,
  }),
  'next always gives a promise': calmly('page.load', {
    nextAlwaysPromises: true,
  }),
  'a handler whose time is up leaves those alone that its next has begun': calmly('page.load', {
    givesUpWithin: false,
  }),
  'next does nothing where the emission was aborted': calmly('page.load', {
    nextFailsWhenAborted: false,
  }),
  'next fails with a HandlerError': calmly('page.load', {
    failsWithRaw: false,
  }),
  'an isolated handler that fails before next ends the onion': calmly('page.load', {
    isolated: { ...DESIGN.isolated, before: 'no answer' },
  }),
  'an isolated handler that fails after next drops what that settled with': calmly('page.load', {
    isolated: { ...DESIGN.isolated, after: 'no answer' },
  }),
  'a failure that was caught is kept': calmly('page.load', {
    keepsCaught: true,
  }),
  'a failure counts again for each handler that lets it through': calmly('page.load', {
    countsLetThrough: true,
  }),
  'listeners behind an answer hear nothing': calmly('page.load', {
    tellsUnreached: false,
  }),
  'a second attempt tells listeners again': calmly('page.load', {
    tellsAgain: true,
  }),
  'the outermost handler is who has answered': calmly('page.load', {
    answeredBy: 'outermost',
  }),
  'the core counts as called': calmly('page.load', {
    countsCore: true,
  }),
};

describe('a model of the kinds with one wrong rule', () => {
  for (const [rule, { in: programs, rules }] of Object.entries(wrongRules)) {
    it(
      `is found out: ${rule}`,
      async () => {
        const property = fc.asyncProperty(programs, (program) => expectAgreement(program, { ...DESIGN, ...rules }));
        const { failed, counterexample } = await fc.check(property, { numRuns: 3_000, seed: 1, endOnFailure: true });
        expect(failed).toBe(true);
        // It is the rule that is wrong, and not the bus.
        const [program] = counterexample ?? [];
        if (program === undefined) return;
        // By the right rules two things may fall due at once in it, and then it says nothing.
        const rightly = fc.asyncProperty(fc.constant(program), (same) => expectAgreement(same));
        expect((await fc.check(rightly, { numRuns: 1 })).counterexample).toBeNull();
      },
      TIMEOUT_MS,
    );
  }
});
