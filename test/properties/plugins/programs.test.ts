import fc from 'fast-check';
import { beforeEach, describe, it, vi } from 'vitest';
import { runs, TIMEOUT_MS } from '../run-count.js';
import { expectAgreement } from './agreement.js';
import { entangledProgram, hostProgram, synchronousProgram, troubledProgram } from './arbitrary-program.js';
import type { HostProgram } from './program.js';

describe('programs of a host of plugins', () => {
  beforeEach(() => {
    // Plugins wish to come before others that are not there.
    vi.spyOn(console, 'warn').mockReturnValue();
  });

  async function expectAgreements(programs: fc.Arbitrary<HostProgram>): Promise<void> {
    await fc.assert(
      fc.asyncProperty(programs, (program) => expectAgreement(program)),
      runs(0.5),
    );
  }

  it('do on a host what the reference model does', () => expectAgreements(hostProgram), TIMEOUT_MS);

  it('do what the model does where nothing takes time', () => expectAgreements(synchronousProgram), TIMEOUT_MS);

  it('do what the model does where much fails, and is wrong', () => expectAgreements(troubledProgram), TIMEOUT_MS);

  it(
    'do what the model does where plugins that need each other come and go while emissions are under way',
    () => expectAgreements(entangledProgram),
    TIMEOUT_MS,
  );
});
