import fc from 'fast-check';
import { describe, it } from 'vitest';
import { expectAgreement } from '../agreement.js';
import { asynchronousProgram, synchronousProgram } from '../arbitrary-program.js';
import type { DeclaredKind } from '../bus-run.js';
import { DESIGN, type Rules } from '../rules.js';
import { runs, TIMEOUT_MS } from '../run-count.js';

const SEQUENTIAL: Rules = { ...DESIGN, mode: () => 'sequential' };
const rules: Readonly<Record<DeclaredKind, Rules>> = {
  broadcast: DESIGN,
  collect: DESIGN,
  first: SEQUENTIAL,
  waterfall: SEQUENTIAL,
};

describe('programs of undeclared events', () => {
  it(
    'do the same where the events have kinds: slots, time limits, late work, aborting, closing and observers included',
    async () => {
      const programs = fc.oneof(synchronousProgram, asynchronousProgram, asynchronousProgram);
      const kinds = fc.constantFrom<DeclaredKind[]>('broadcast', 'collect', 'first', 'waterfall');
      const property = fc.asyncProperty(programs, kinds, fc.option(fc.nat({ max: 3 })), (program, kind, after) =>
        expectAgreement(program, { kind, compileAfter: after ?? undefined }, rules[kind]),
      );
      await fc.assert(property, runs(0.6));
    },
    TIMEOUT_MS,
  );
});
