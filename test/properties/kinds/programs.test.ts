import fc from 'fast-check';
import { describe, it } from 'vitest';
import { runs, TIMEOUT_MS } from '../run-count.js';
import { expectAgreement } from './agreement.js';
import { anyProgram, BUSY, CALM } from './arbitrary-program.js';

describe('programs of events of every kind', () => {
  it(
    'do on a bus what the reference model does, one thing after the other',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyProgram(CALM), (program) => expectAgreement(program)),
        runs(0.4),
      );
    },
    TIMEOUT_MS,
  );

  it(
    'do on a bus what the reference model does, at the same time',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyProgram(BUSY), (program) => expectAgreement(program)),
        runs(0.4),
      );
    },
    TIMEOUT_MS,
  );
});
