import type { AmbusError } from '../../src/index.js';

/** Handlers that fail in a given way; the error's message is the handler's name. */
export const failing = {
  throws: (name: string) => () => {
    throw new Error(name);
  },
  rejects: (name: string) => () => Promise.reject(new Error(name)),
  rejectsLater: (name: string) => async () => {
    await null;
    throw new Error(name);
  },
};

/** The messages of what was thrown, in the order of the failures. */
export const causes = (failures: readonly AmbusError[]) => failures.map(({ cause }) => (cause as Error).message);
