import { AmbusError } from '../../errors.js';
import { isAbortSignal, onAbort } from '../../internal/abort.js';
import { assertOption, assertOptions, isFiniteNumber, isString, show } from '../../internal/assertions.js';
import type { BusCore } from '../core.js';
import type { Unsubscribe } from '../subscribing/handler.js';
import { interceptedTargets } from '../subscribing/subscribe.js';
import { unsubscribing } from '../subscribing/unsubscribing.js';
import { RegisteredInterceptor } from './interception.js';
import type { InterceptOptions } from './interceptor.js';

/** Puts an interceptor around emissions; checks everything before it changes anything. */
export function intercept(core: BusCore, interceptor: unknown, options: InterceptOptions | undefined): Unsubscribe {
  if (core.lifetime.state === 'closed') throw core.closedError('interceptors');
  if (typeof interceptor !== 'function') {
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected the interceptor of intercept to be a function, got ${show(interceptor)}.`,
    );
  }
  assertOptions('intercept', options, ['types', 'priority', 'name', 'signal']);
  const { name, priority, signal, types } = options ?? {};
  assertOption('intercept', 'name', name, 'a string', isString);
  assertOption('intercept', 'priority', priority, 'a finite number', isFiniteNumber);
  assertOption('intercept', 'signal', signal, 'an AbortSignal', isAbortSignal);
  const registered = new RegisteredInterceptor(
    name ?? (interceptor.name || 'anonymous'),
    priority ?? 0,
    interceptedTargets(core, types),
    interceptor as RegisteredInterceptor['call'],
  );
  let forget: (() => void) | undefined;
  const off = unsubscribing(() => {
    forget?.();
    core.atEnd.delete(off);
    core.removeInterceptor(registered);
  });
  if (signal?.aborted === true) off();
  else {
    core.addInterceptor(registered);
    core.atEnd.add(off);
    if (signal !== undefined) forget = onAbort(signal, off);
  }
  return off;
}
