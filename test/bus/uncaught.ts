import { promisesSettled } from './deferred.js';

const PATHS = ['uncaughtException', 'unhandledRejection'] as const;

/**
 * Runs something and returns what reached the host's own paths for uncaught errors meanwhile. The test
 * runner's listeners, which would fail the run, are put aside and back.
 */
export async function uncaughtDuring(run: () => unknown): Promise<unknown[]> {
  const errors: unknown[] = [];
  const collect = (error: unknown): void => {
    errors.push(error);
  };
  const restore = PATHS.map((path) => {
    const listeners = process.rawListeners(path) as ((...args: unknown[]) => void)[];
    process.removeAllListeners(path);
    process.on(path as 'uncaughtException', collect);
    return () => {
      process.removeListener(path, collect);
      for (const listener of listeners) process.on(path as 'uncaughtException', listener);
    };
  });
  try {
    await run();
    // One turn for what is thrown in microtasks, one for rejections, which the host looks at afterwards.
    await promisesSettled();
    await promisesSettled();
  } finally {
    for (const put of restore) put();
  }
  return errors;
}
