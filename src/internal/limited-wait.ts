import { onAbort } from './abort.js';
import type { Clock } from './clock.js';

/** How long somebody waits. */
export interface WaitLimits {
  /** In milliseconds; Infinity for no limit. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Waits for something, no longer than a time limit and a signal let it.
 *
 * @param begin - Waits: calls back when it is over. Returns what is to be called where nobody waits any more.
 * @param timeoutError - What it rejects with when the time is up.
 */
export function limitedWait(
  clock: Clock,
  { signal, timeoutMs }: WaitLimits,
  begin: (resolve: () => void, reject: (error: unknown) => void) => () => void,
  timeoutError: () => unknown,
): Promise<void> {
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    let timer: unknown;
    let forget: (() => void) | undefined;
    const release = (): void => {
      if (timer !== undefined) clock.clearTimeout(timer);
      forget?.();
    };
    const fail = (error: unknown): void => {
      release();
      reject(error);
    };
    const giveUp = (error: unknown): void => {
      end();
      fail(error);
    };
    if (timeoutMs !== Infinity)
      timer = clock.setTimeout(() => {
        giveUp(timeoutError());
      }, timeoutMs);
    if (signal !== undefined)
      forget = onAbort(signal, () => {
        giveUp(signal.reason);
      });
    const end = begin(() => {
      release();
      resolve();
    }, fail);
  });
}
