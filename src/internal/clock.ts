/**
 * Where ambus gets the time and its timers from. Give a bus another one to test without waiting:
 * `ManualClock` of `ambus/testing`.
 */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls `callback` once, `ms` milliseconds from now. */
  setTimeout(callback: () => void, ms: number): unknown;
  /** Forgets a timer; one that has fired, or `undefined`, is fine. */
  clearTimeout(timer: unknown): void;
}

/** The longest delay that the platforms' timers take; a longer one would fire at once. */
export const LONGEST_DELAY_MS = 2_147_483_647;

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, ms) => setTimeout(callback, ms),
  clearTimeout: (timer) => {
    clearTimeout(timer as number);
  },
};

/** Starts a timer that doesn't keep the process alive, where the platform knows the difference. */
export function setBackgroundTimeout(clock: Clock, callback: () => void, ms: number): unknown {
  const timer = clock.setTimeout(callback, ms) as { unref?: () => void } | undefined;
  timer?.unref?.();
  return timer;
}
