/** What runs synchronously as long as it can: yields what it has to wait for, and gets what that came to. */
export type Steps<T> = Generator<PromiseLike<unknown>, T, unknown>;

/** Runs it: at once where nothing has to be waited for, else to the end of a promise. */
export function drive<T>(steps: Steps<T>): T | Promise<T> {
  const first = steps.next();
  return first.done === true ? first.value : goOn(steps, first.value);
}

async function goOn<T>(steps: Steps<T>, first: PromiseLike<unknown>): Promise<T> {
  let waited = first;
  for (;;) {
    const outcome = await settled(waited);
    const next = outcome.failed ? steps.throw(outcome.cause) : steps.next(outcome.value);
    if (next.done === true) return next.value;
    waited = next.value;
  }
}

async function settled(promise: PromiseLike<unknown>): Promise<{ failed: boolean; value?: unknown; cause?: unknown }> {
  try {
    return { failed: false, value: await promise };
  } catch (cause) {
    return { failed: true, cause };
  }
}

/** Waits for a value if it is one to wait for. */
export function* awaited<T>(value: T | PromiseLike<T>): Steps<T> {
  return isThenable(value) ? ((yield value) as T) : value;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
