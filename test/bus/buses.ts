import { describe } from 'vitest';
import { compiled } from '../../src/compiled/index.js';
import { type BusOptions, EventBus } from '../../src/index.js';

/** Makes a bus that keeps unreported failures off the console; pass `onFailure` to see them. */
export type MakeBus = <Events extends object = Record<string, unknown>>(
  options?: BusOptions<Events>,
) => EventBus<Events>;

const ignore = (): void => {};

const plain: MakeBus = <Events extends object>(options?: BusOptions<Events>) =>
  new EventBus<Events>({ onFailure: ignore, ...options });

/** Generates a dispatcher for an event at its first emission. */
const generating: MakeBus = (options) => plain({ ...options, compiler: compiled({ after: 0 }) });

/** Tells an observer of every start and end, so that no handler is called without more ado. */
const observed: MakeBus = <Events extends object>(options?: BusOptions<Events>) => {
  const bus = plain<Events>(options);
  bus.observe({ emissionSettled: ignore, handlerStarted: ignore, handlerSettled: ignore, handlerSkipped: ignore });
  return bus;
};

/** Has a time limit for every handler, which no test reaches. */
const limited: MakeBus = (options) => plain({ timeoutMs: 1_000_000, ...options });

/** Traces every emission over its awaits. */
const traced: MakeBus = (options) => plain({ asyncContext: 'always', ...options });

/**
 * Runs a block of tests twice: over the plain bus, and over one with generated dispatchers. What is
 * true of the one must be true of the other.
 */
export function describeBothBuses(block: (makeBus: MakeBus) => void): void {
  describe('plain', () => block(plain));
  describe('compiled', () => block(generating));
}

/**
 * Runs a block of tests over every path that an emission can take: for what must be true whoever
 * watches, and whatever else is asked for.
 */
export function describeEveryBus(block: (makeBus: MakeBus) => void): void {
  describeBothBuses(block);
  describe('observed', () => block(observed));
  describe('with time limits', () => block(limited));
  describe('traced', () => block(traced));
}
