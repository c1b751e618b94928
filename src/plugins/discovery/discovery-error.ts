import { AmbusError, type ErrorDetails } from '../../errors.js';
import { show } from '../../internal/assertions.js';

/** What the file system has, or doesn't have, makes it impossible to say which plugins there are. */
export function discoveryFailed(message: string, details: ErrorDetails, cause?: unknown): AmbusError {
  return new AmbusError('DISCOVERY_FAILED', message, cause === undefined ? { details } : { details, cause });
}

/** Something in a package.json is not what it should be. */
export function invalidManifest(message: string, details: ErrorDetails, cause?: unknown): AmbusError {
  return new AmbusError('INVALID_MANIFEST', message, cause === undefined ? { details } : { details, cause });
}

/** One field of a package.json is not what it should be: the file, the field, what was expected, what came. */
export function invalidField(file: string, field: string, expected: string, value: unknown): AmbusError {
  const message = `Expected "${field}" in ${file} to be ${expected}, got ${show(value)}.`;
  return invalidManifest(message, { file, field, expected, value });
}
