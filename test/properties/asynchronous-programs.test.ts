import fc from 'fast-check';
import { describe, it } from 'vitest';
import { expectAgreement } from './agreement.js';
import { asynchronousProgram } from './arbitrary-program.js';
import { runs, TIMEOUT_MS } from './run-count.js';

describe('programs that take time', () => {
  it(
    'do on a bus what the reference model does',
    async () => {
      const property = fc.asyncProperty(asynchronousProgram, (program) => expectAgreement(program));
      await fc.assert(property, runs());
    },
    TIMEOUT_MS,
  );

  it(
    'do on a bus with generated dispatchers what the reference model does',
    async () => {
      const property = fc.asyncProperty(asynchronousProgram, fc.nat({ max: 3 }), (program, compileAfter) =>
        expectAgreement(program, { compileAfter }),
      );
      await fc.assert(property, runs());
    },
    TIMEOUT_MS,
  );
});
