import { AmbusError } from '../../errors.js';
import { show } from '../../internal/assertions.js';
import { asyncDisposeSymbol, disposeSymbol } from '../../internal/dispose.js';

/** Disposes of one resource; may return a promise. */
export type Release = () => unknown;

/**
 * How something is disposed of.
 *
 * @throws `AmbusError` `INVALID_ARGUMENT` where it can't be.
 */
export function releaseOf(resource: unknown, release: unknown): Release {
  if (release !== undefined) {
    if (typeof release === 'function') return () => (release as (resource: unknown) => unknown)(resource);
    throw new AmbusError('INVALID_ARGUMENT', `Expected "release" of ctx.own to be a function, got ${show(release)}.`);
  }
  if ((typeof resource === 'object' && resource !== null) || typeof resource === 'function') {
    for (const symbol of [asyncDisposeSymbol, disposeSymbol]) {
      const dispose: unknown = Reflect.get(resource, symbol);
      if (typeof dispose === 'function') return () => (dispose as Release).call(resource);
    }
    if (typeof resource === 'function') return () => (resource as Release)();
  }
  throw new AmbusError(
    'INVALID_ARGUMENT',
    `Expected ctx.own to be given a function, or something with Symbol.dispose or Symbol.asyncDispose, got ${show(resource)}; give it a second argument that disposes of it.`,
  );
}
