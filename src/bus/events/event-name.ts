import { AmbusError } from '../../errors.js';
import { nearest, show } from '../../internal/assertions.js';
import { isPattern } from './pattern.js';

/** @throws `AmbusError` `INVALID_EVENT` unless it is a string or a symbol. */
export function assertEventName(type: unknown): asserts type is string | symbol {
  if (typeof type !== 'string' && typeof type !== 'symbol') {
    throw new AmbusError(
      'INVALID_EVENT',
      `Expected the name of an event to be a string or a symbol, got ${show(type)}.`,
    );
  }
}

/** @throws `AmbusError` `INVALID_EVENT` unless it is a string or a symbol, and no pattern. */
export function assertEmittable(type: unknown): void {
  assertEventName(type);
  if (typeof type === 'string' && isPattern(type)) {
    throw new AmbusError(
      'INVALID_EVENT',
      `Expected the name of an event, got the pattern "${type}": patterns only listen.`,
      {
        details: { type },
      },
    );
  }
}

/** Why an event is refused by a bus that knows its events: an {@link AmbusError} of `UNDECLARED_EVENT`. */
export function undeclaredEvent(bus: string, type: PropertyKey, declared: Iterable<PropertyKey>): AmbusError {
  const names = Array.from(declared).filter((name) => typeof name === 'string');
  const meant = typeof type === 'string' ? nearest(type, names) : undefined;
  const hint =
    meant === undefined ? 'Declare it, or make the bus with undeclared: "allow".' : `Did you mean "${meant}"?`;
  return new AmbusError('UNDECLARED_EVENT', `The events of the bus "${bus}" have no "${String(type)}". ${hint}`, {
    details: { bus, type, meant },
  });
}

/** Why a pattern is refused by a bus that knows its events. */
export function undeclaredPattern(bus: string, pattern: string): AmbusError {
  return new AmbusError(
    'UNDECLARED_EVENT',
    `None of the events of the bus "${bus}" matches the pattern "${pattern}".`,
    { details: { bus, pattern } },
  );
}
