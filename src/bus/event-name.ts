import { AmbusError } from '../errors.js';
import { show } from '../internal/assertions.js';
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
