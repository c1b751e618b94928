import { AmbusError } from '../../errors.js';

/** Whether a name is a pattern: one of its dot-separated segments is `*` or `**`. */
export function isPattern(name: string): boolean {
  return name.includes('*') && name.split('.').some((segment) => segment === '*' || segment === '**');
}

/** A pattern, taken apart: `*` is any one segment, a final `**` any number of them, none included. */
export class Pattern {
  readonly source: string;
  readonly #segments: readonly string[];
  readonly #open: boolean;

  /** @throws `AmbusError` `INVALID_PATTERN` where `**` is not the last segment. */
  constructor(source: string) {
    const segments = source.split('.');
    if (segments.indexOf('**') < segments.length - 1 && segments.includes('**')) {
      throw new AmbusError('INVALID_PATTERN', `Expected "**" to be the last segment of a pattern, got "${source}".`, {
        details: { pattern: source },
      });
    }
    this.source = source;
    this.#open = segments.at(-1) === '**';
    this.#segments = this.#open ? segments.slice(0, -1) : segments;
  }

  matches(name: string): boolean {
    const given = name.split('.');
    const wanted = this.#segments;
    if (this.#open ? given.length < wanted.length : given.length !== wanted.length) return false;
    return wanted.every((segment, index) => segment === '*' || segment === given[index]);
  }
}
