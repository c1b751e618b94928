import { AmbusError } from '../errors.js';
import { LONGEST_DELAY_MS } from './clock.js';

/** A value as an error message shows it: short, with its type where that isn't plain. */
export function show(value: unknown): string {
  if (typeof value === 'string') return value.length > 60 ? `"${value.slice(0, 57)}..."` : `"${value}"`;
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) {
    return `an object (${value.constructor?.name ?? 'null prototype'})`;
  }
  return typeof value === 'bigint' ? `${value}n` : String(value);
}

/** How many letters must change to make `b` of `a` (Levenshtein's distance, one row at a time). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substituted, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

/** The known name that was most likely meant by `name`, if any is near enough. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const candidateDistance = distance(name.toLowerCase(), candidate.toLowerCase());
    if (candidateDistance < bestDistance) [best, bestDistance] = [candidate, candidateDistance];
  }
  return best;
}

/** Throws unless `options` is an object with no other names than the known ones. */
export function assertOptions(where: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new AmbusError('INVALID_ARGUMENT', `Expected the options of ${where} to be an object, got ${show(options)}.`);
  }
  for (const name in options) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    throw new AmbusError(
      'UNKNOWN_OPTION',
      `Unknown option "${name}" of ${where}. ${meant === undefined ? `Known are ${known.join(', ')}.` : `Did you mean "${meant}"?`}`,
      { details: { option: name, known, meant } },
    );
  }
}

/** An {@link AmbusError} of `INVALID_OPTION`: the option, what was expected, what came. */
export function invalidOption(where: string, option: string, expected: string, value: unknown): AmbusError {
  return new AmbusError('INVALID_OPTION', `Expected "${option}" of ${where} to be ${expected}, got ${show(value)}.`, {
    details: { option, expected, value },
  });
}

/** Throws unless `value` is undefined, or passes `test`. */
export function assertOption<T>(
  where: string,
  option: string,
  value: T | undefined,
  expected: string,
  test: (value: T) => boolean,
): void {
  if (value !== undefined && !test(value)) throw invalidOption(where, option, expected, value);
}

export const isFunction = (value: unknown): boolean => typeof value === 'function';
export const isString = (value: unknown): boolean => typeof value === 'string';
export const isFiniteNumber = (value: unknown): boolean => Number.isFinite(value);

// These are asked for every emission with options: the text of a refusal is made only for a refusal.

/** Throws unless `value` is undefined or one of the words in `known`. */
export function assertWord(where: string, option: string, value: unknown, known: readonly string[]): void {
  if (value === undefined || known.includes(value as string)) return;
  throw invalidOption(where, option, known.map((word) => `"${word}"`).join(' or '), value);
}

/** Throws unless `value` is undefined or a duration that a timer can take; Infinity is "no limit". */
export function assertDuration(where: string, option: string, value: unknown, least: 0 | 1): void {
  if (value === undefined) return;
  const enough = typeof value === 'number' && (least === 0 ? value >= 0 : value > 0);
  if (enough && (value <= LONGEST_DELAY_MS || value === Infinity)) return;
  const from = least === 0 ? 'number from 0' : 'positive number';
  throw invalidOption(where, option, `a ${from} up to ${LONGEST_DELAY_MS} (milliseconds) or Infinity`, value);
}

/** Throws unless `value` is undefined, or a whole number of at least `least`; Infinity is "no limit". */
export function assertCount(where: string, option: string, value: unknown, least: 0 | 1): void {
  if (value === undefined) return;
  if ((Number.isInteger(value) || value === Infinity) && (value as number) >= least) return;
  throw invalidOption(where, option, `a whole number of at least ${least}, or Infinity`, value);
}
