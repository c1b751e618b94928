import { EventEmitter } from 'eventemitter3';
import { AmbusError } from '../../errors.js';
import { nearest, show } from '../../internal/assertions.js';
import { reportUncaught } from '../../internal/uncaught.js';
import type { BusFacts, BusObserver } from './observer.js';

const FACTS: readonly (keyof BusFacts)[] = [
  'emissionStarted',
  'emissionSettled',
  'handlerStarted',
  'handlerSettled',
  'handlerSkipped',
  'lateSettled',
  'subscribed',
  'unsubscribed',
  'dropped',
  'enqueued',
  'dequeued',
  'intercepted',
  'leakSuspected',
  'deprecationFound',
  'streamDropped',
  'pluginStateChanged',
  'pluginPhaseStarted',
  'pluginPhaseSettled',
  'pluginsSlow',
  'pluginDeprecationFound',
];

/** Tells observers what happens, each apart from the others: what one throws is its own affair. */
export class ObserverHub {
  readonly #channel = new EventEmitter();
  #size = 0;
  /** What is to be told when a change is complete; null while none is made. */
  #kept: (() => void)[] | null = null;

  get size(): number {
    return this.#size;
  }

  /** Whether any observer asks for a fact; where none does it isn't made. */
  hears(fact: keyof BusFacts): boolean {
    return this.#size > 0 && this.#channel.listenerCount(fact) > 0;
  }

  tell<Fact extends keyof BusFacts>(fact: Fact, value: BusFacts[Fact]): void {
    if (this.#kept === null) this.#channel.emit(fact, value);
    else this.#kept.push(() => this.#channel.emit(fact, value));
  }

  /** Makes a change of several parts, of which observers are told when all of it has been made. */
  tellAfter(change: () => void): void {
    const kept: (() => void)[] = [];
    this.#kept = kept;
    try {
      change();
    } finally {
      this.#kept = null;
    }
    for (const tell of kept) tell();
  }

  /** @returns A function that takes the observer away again. */
  add(observer: BusObserver): () => void {
    if (typeof observer !== 'object' || observer === null) {
      throw new AmbusError('INVALID_ARGUMENT', `Expected an observer, an object with methods, got ${show(observer)}.`);
    }
    const listeners: [keyof BusFacts, (value: unknown) => void][] = [];
    for (const fact of FACTS) {
      const method: unknown = observer[fact];
      if (method === undefined) continue;
      if (typeof method !== 'function') {
        throw new AmbusError(
          'INVALID_ARGUMENT',
          `Expected "${fact}" of an observer to be a function, got ${show(method)}.`,
        );
      }
      listeners.push([
        fact,
        (value) => {
          try {
            method.call(observer, value);
          } catch (error) {
            reportUncaught(error);
          }
        },
      ]);
    }
    assertNoneIsMisspelt(observer);
    for (const [fact, listener] of listeners) this.#channel.on(fact, listener);
    this.#size++;
    return () => {
      for (const [fact, listener] of listeners) this.#channel.off(fact, listener);
      this.#size--;
    };
  }
}

/** An observer may have more than what it is told: only what looks like a fact's name misspelt is refused. */
function assertNoneIsMisspelt(observer: BusObserver): void {
  for (const [name, value] of Object.entries(observer)) {
    if (typeof value !== 'function' || FACTS.includes(name as keyof BusFacts)) continue;
    const meant = nearest(name, FACTS);
    if (meant === undefined) continue;
    throw new AmbusError('UNKNOWN_OPTION', `An observer is never told "${name}". Did you mean "${meant}"?`, {
      details: { option: name, known: FACTS, meant },
    });
  }
}
