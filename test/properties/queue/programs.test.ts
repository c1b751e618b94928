import fc from 'fast-check';
import { beforeEach, describe, it, vi } from 'vitest';
import { runs, TIMEOUT_MS } from '../run-count.js';
import { expectAgreement } from './agreement.js';
import { crowdedProgram, entangledProgram, queueProgram, timelessProgram } from './arbitrary-program.js';
import type { QueueProgram } from './program.js';

/** More turns of the event loop than there are events in a program. */
const MANY_TURNS = 100;

describe('programs of a queue', () => {
  beforeEach(() => {
    // It would have the event loop take its turn by how fast the machine is.
    vi.spyOn(performance, 'now').mockReturnValue(0);
  });

  async function expectAgreements(programs: fc.Arbitrary<QueueProgram>, turns?: number): Promise<void> {
    await fc.assert(
      fc.asyncProperty(programs, (program) => expectAgreement(program, turns)),
      runs(),
    );
  }

  it('do on a queue what the reference model does', () => expectAgreements(queueProgram), TIMEOUT_MS);

  it('do what the model does where there is hardly ever room', () => expectAgreements(crowdedProgram), TIMEOUT_MS);

  it(
    'do what the model does where emissions within emissions want the keys of others',
    () => expectAgreements(entangledProgram),
    TIMEOUT_MS,
  );

  it(
    'do what the model does where the event loop takes its turn after every event',
    async () => {
      let now = 0;
      vi.spyOn(performance, 'now').mockImplementation(() => (now += 1_000));
      await expectAgreements(timelessProgram, MANY_TURNS);
    },
    TIMEOUT_MS,
  );
});
