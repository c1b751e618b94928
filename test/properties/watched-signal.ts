/** Counts who listens to a signal. */
export class WatchedSignal {
  readonly signal: AbortSignal;
  readonly #listeners = new Set<unknown>();
  readonly #once = new Set<unknown>();

  constructor(signal: AbortSignal) {
    this.signal = signal;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (type: string, listener: EventListener, options?: AddEventListenerOptions | boolean) => {
      if (!signal.aborted) {
        this.#listeners.add(listener);
        if (typeof options === 'object' && options.once === true) this.#once.add(listener);
      }
      add(type, listener, options);
    };
    signal.removeEventListener = (type: string, listener: EventListener, options?: EventListenerOptions | boolean) => {
      this.#listeners.delete(listener);
      remove(type, listener, options);
    };
    // Bound to the original, so that this one isn't counted.
    add('abort', () => {
      for (const listener of this.#once) this.#listeners.delete(listener);
    });
  }

  /** How many listeners there are. */
  get listeners(): number {
    return this.#listeners.size;
  }
}
