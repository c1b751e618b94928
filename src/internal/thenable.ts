/** A `then` method, read from its thenable once. */
export type Then = (onFulfilled: (value: unknown) => void, onRejected: (reason: unknown) => void) => unknown;

// oxlint-disable-next-line typescript/unbound-method -- compared, never called
const nativeThen: unknown = Promise.prototype.then;

/**
 * Reads `value.then` once and returns it if it is a function, else undefined. A getter that throws
 * is the caller's to catch.
 */
export function thenOf(value: unknown): Then | undefined {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return undefined;
  const then: unknown = (value as { then?: unknown }).then;
  return typeof then === 'function' ? (then as Then) : undefined;
}

/**
 * A native promise of what a thenable settles with. `then` was read before and isn't read again;
 * a foreign thenable that settles twice, or throws after it has settled, settles once.
 *
 * @throws What a `constructor` getter throws, on a thenable with the engine's own `then`.
 */
export function adopt(thenable: unknown, then: Then): Promise<unknown> {
  // The engine's `then` reads `constructor`: as it is, calling it runs no code but the engine's.
  if (then === nativeThen && (thenable as object).constructor === Promise) {
    return thenable as Promise<unknown>;
  }
  return new Promise((resolve, reject) => {
    then.call(thenable, resolve, reject);
  });
}

/** Calls one of two functions, later, when a thenable settles; one that can't be waited for has failed. */
export function follow(
  thenable: unknown,
  then: Then,
  onFulfilled: (value: unknown) => void,
  onRejected: (reason: unknown) => void,
): void {
  try {
    adopt(thenable, then).then(onFulfilled, onRejected);
  } catch (error) {
    Promise.reject(error as Error).then(onFulfilled, onRejected);
  }
}

/**
 * Goes on with a value that may be a promise: at once where it is not, so that sync stays sync.
 *
 * @param value - A value or anything with a `then` method.
 * @param then - Gets the value, once it is there.
 * @returns What `then` returned, or a promise of it where `value` was a thenable.
 * @throws What `then` throws, where `value` was no thenable; otherwise the promise rejects.
 * @example
 * ```ts
 * import { chain } from 'ambus';
 * const double = (n: number | Promise<number>) => chain(n, (value) => value * 2);
 * console.log(double(2)); // 4
 * console.log(await double(Promise.resolve(2))); // 4
 * ```
 */
export function chain<T, R>(value: T | PromiseLike<T>, then: (value: T) => R): R | Promise<Awaited<R>> {
  const valueThen = thenOf(value);
  if (valueThen === undefined) return then(value as T);
  return adopt(value, valueThen).then(then as (value: unknown) => R) as Promise<Awaited<R>>;
}
