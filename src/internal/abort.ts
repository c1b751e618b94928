/** The reason that a time limit aborts with: what `AbortSignal.timeout` uses, so that code that looks for it finds it. */
export function timeoutReason(message: string): DOMException {
  return new DOMException(message, 'TimeoutError');
}

/** Whether `value` can be listened to as an AbortSignal; another realm's counts. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function'
  );
}

/** Everything that waits for one signal. */
class AbortCallbacks {
  static readonly of: WeakMap<AbortSignal, AbortCallbacks> = new WeakMap();
  readonly #signal: AbortSignal;
  readonly #callbacks = new Set<{ readonly call: () => void }>();
  readonly #listener = (): void => {
    AbortCallbacks.of.delete(this.#signal);
    for (const { call } of this.#callbacks) call();
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    AbortCallbacks.of.set(signal, this);
    signal.addEventListener('abort', this.#listener, { once: true });
  }

  add(call: () => void): () => void {
    const callback = { call };
    this.#callbacks.add(callback);
    return () => {
      if (!this.#callbacks.delete(callback) || this.#callbacks.size > 0) return;
      AbortCallbacks.of.delete(this.#signal);
      this.#signal.removeEventListener('abort', this.#listener);
    };
  }
}

/**
 * Calls back when a signal aborts. Listens to each signal once, however many callbacks it has: Node
 * takes more than ten listeners on one for a leak, and says so on the console.
 *
 * @returns A function that forgets the callback, and with the last one the signal.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  return (AbortCallbacks.of.get(signal) ?? new AbortCallbacks(signal)).add(callback);
}
