import type Comparator from 'semver/classes/comparator.js';
import Range from 'semver/classes/range.js';
import SemVer from 'semver/classes/semver.js';

/**
 * Whether a version will do for a range, as npm has it, but for prereleases: a prerelease stands for the release that it
 * is to become, so that `2.4.0-beta.1` does for `^2.3` and for `^2.4.0`, and `3.0.0-beta.1` neither for `^2` nor for
 * `<3.0.0`. A range that itself names a prerelease of that release is taken at its word.
 *
 * npm's own rule has a prerelease do for no range that doesn't name one, which would keep every plugin out of a host
 * that tries out its next version; its option `includePrerelease` lets `3.0.0-beta.1` do for `<3.0.0`.
 */
export function satisfies(version: string, range: string): boolean {
  const exact = new SemVer(version);
  const release = exact.prerelease.length === 0 ? exact : new SemVer(`${exact.major}.${exact.minor}.${exact.patch}`);
  return new Range(range).set.some((comparators) => {
    const taken = comparators.some((comparator) => namesPrereleaseOf(comparator, exact)) ? exact : release;
    return comparators.every((comparator) => comparator.test(taken));
  });
}

function namesPrereleaseOf({ semver }: Comparator, { major, minor, patch }: SemVer): boolean {
  // Of `*` it is no version at all.
  return semver.prerelease?.length > 0 && semver.major === major && semver.minor === minor && semver.patch === patch;
}
