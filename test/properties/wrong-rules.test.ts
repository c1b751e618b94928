import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectAgreement } from './agreement.js';
import { asynchronousProgram, synchronousProgram } from './arbitrary-program.js';
import type { Program } from './program.js';
import { DESIGN, type Rules } from './rules.js';
import { TIMEOUT_MS } from './run-count.js';

/**
 * One wrong sentence each. To a model that follows it the bus must seem wrong: so it would to the
 * right model, if the bus itself were wrong in this.
 */
const wrongRules: Readonly<Record<string, { readonly in: fc.Arbitrary<Program>; readonly rules: Partial<Rules> }>> = {
  'priorities count for nothing': {
    in: synchronousProgram,
    rules: { order: (a, b) => a.place - b.place || a.age - b.age },
  },
  'the place of a group counts for nothing': {
    in: synchronousProgram,
    rules: { order: (a, b) => b.priority - a.priority || a.age - b.age },
  },
  'the last subscribed runs first': {
    in: synchronousProgram,
    rules: { order: (a, b) => b.priority - a.priority || a.place - b.place || b.age - a.age },
  },
  'patterns match nothing': {
    in: synchronousProgram,
    rules: { listens: (target, event) => target.kind !== 'pattern' && DESIGN.listens(target, event) },
  },
  'what was removed in an emission is still called': {
    in: synchronousProgram,
    rules: { passesOver: (subscription) => DESIGN.passesOver({ ...subscription, barred: false }) },
  },
  'what was paused is still called': {
    in: synchronousProgram,
    rules: { passesOver: (subscription) => DESIGN.passesOver({ ...subscription, paused: false }) },
  },
  'a handler that has had its turns is called again in an outer emission': {
    in: synchronousProgram,
    rules: { passesOver: (subscription) => DESIGN.passesOver({ ...subscription, timesLeft: 1 }) },
  },
  'a turn that the filter refuses is used up': {
    in: synchronousProgram,
    rules: { refusedTurnIsUsed: true },
  },
  'a failure never stops an emission': {
    in: synchronousProgram,
    rules: { stops: () => false },
  },
  'a handler that isolates its failures is not exempt': {
    in: synchronousProgram,
    rules: { rejects: (policy) => policy !== 'isolate' },
  },
  'failures that a rejection carries are reported too': {
    in: synchronousProgram,
    rules: { reportsRejected: true },
  },
  'the mode of the bus holds for every emission': {
    in: asynchronousProgram,
    rules: { mode: (_emission, bus) => bus },
  },
  'tiers run at the same time': {
    in: asynchronousProgram,
    rules: { mayStart: (mode, limit, unsettled) => DESIGN.mayStart(mode, limit, unsettled, true) },
  },
  'a limit of handlers lets one more through': {
    in: asynchronousProgram,
    rules: { mayStart: (mode, limit, unsettled, sameTier) => DESIGN.mayStart(mode, limit + 1, unsettled, sameTier) },
  },
  "the limit of an emission takes the place of a handler's own": {
    in: asynchronousProgram,
    rules: { timeLimit: (own, emission, bus) => emission ?? own ?? bus ?? Infinity },
  },
  'a run waits for the slot of the run that caused it': {
    in: asynchronousProgram,
    rules: { waitsForItself: true },
  },
  'an aborted emission goes on': {
    in: asynchronousProgram,
    rules: { abortSkips: false },
  },
  'idle does not wait for late work': {
    in: asynchronousProgram,
    rules: { idleAwaitsLateWork: false },
  },
};

describe('a model with one wrong rule', () => {
  for (const [rule, { in: programs, rules }] of Object.entries(wrongRules)) {
    it(
      `is found out: ${rule}`,
      async () => {
        const property = fc.asyncProperty(programs, (program) =>
          expectAgreement(program, undefined, { ...DESIGN, ...rules }),
        );
        const { failed, counterexample } = await fc.check(property, { numRuns: 3_000, seed: 1, endOnFailure: true });
        expect(failed).toBe(true);
        // It is the rule that is wrong, and not the bus.
        const [program] = counterexample ?? [];
        if (program !== undefined) await expectAgreement(program);
      },
      TIMEOUT_MS,
    );
  }
});
