import { AmbusError } from '../../errors.js';
import { isAbortSignal, onAbort } from '../../internal/abort.js';
import { assertDuration, assertOption, assertOptions, isFiniteNumber, isFunction } from '../../internal/assertions.js';
import { follow, thenOf } from '../../internal/thenable.js';
import type { BusCore } from '../core.js';
import type { Context } from '../dispatching/context.js';
import { isOneEvent, listen } from './subscribe.js';
import type { Subscription } from './subscription.js';

/** What is waited for. */
export interface WaitOptions<Payload = unknown> {
  /** Waits on where it returns something falsy. Must be synchronous; what it throws rejects the promise. */
  readonly filter?: ((payload: Payload) => boolean) | undefined;
  /** Rejects with the signal's reason when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Rejects with `WAIT_TIMEOUT` when it takes longer, in milliseconds. @default Infinity */
  readonly timeoutMs?: number | undefined;
  /** Where among the handlers it listens: what a waterfall has made of the payload by then. @default 0 */
  readonly priority?: number | undefined;
}

const noop = (): void => {};

/** The first event that comes, from now on. */
export async function waitFor(core: BusCore, type: unknown, options: WaitOptions | undefined): Promise<unknown> {
  assertOptions('waitFor', options, ['filter', 'signal', 'timeoutMs', 'priority']);
  const { filter, priority, signal, timeoutMs = Infinity } = options ?? {};
  assertListening('waitFor', options);
  assertDuration('waitFor', 'timeoutMs', timeoutMs, 1);
  if (signal?.aborted === true) throw signal.reason;
  const payloadOnly = isOneEvent(type);
  return new Promise((resolve, reject) => {
    const { clock } = core;
    let timer: unknown = undefined;
    let forget: (() => void) | undefined;
    const give = (settle: () => void): void => {
      if (timer !== undefined) clock.clearTimeout(timer);
      forget?.();
      settle();
      over = true;
      if (subscription !== undefined) core.end(subscription, 'used');
    };
    let over = false;
    let subscription: Subscription | undefined = undefined;
    subscription = listen(core, type, {
      name: 'waitFor',
      priority,
      handler: (payload: unknown, ctx: Context) => {
        try {
          if (filter !== undefined && !passes('waitFor', filter, payload)) return;
        } catch (error) {
          give(() => reject(error));
          return;
        }
        give(() => resolve(payloadOnly ? payload : { type: ctx.type, payload }));
      },
      ended: (reason) => {
        if (reason !== 'closed') return;
        const message = `The bus "${core.name}" has been closed while ${labelOf(type)} was waited for.`;
        give(() => reject(new AmbusError('BUS_CLOSED', message, { details: { bus: core.name, type } })));
      },
    });
    // What an observer of the subscription does may have settled it already.
    if (over) {
      core.end(subscription, 'used');
      return;
    }
    if (signal !== undefined) forget = onAbort(signal, () => give(() => reject(signal.reason)));
    if (timeoutMs === Infinity) return;
    timer = clock.setTimeout(() => {
      const wanted = filter === undefined ? 'to be emitted' : 'to be emitted, and to pass the filter,';
      const message = `Expected ${labelOf(type)} ${wanted} within ${timeoutMs} ms, but it was not.`;
      give(() => reject(new AmbusError('WAIT_TIMEOUT', message, { details: { timeoutMs, type } })));
    }, timeoutMs);
  });
}

/** Checks the options that `waitFor` and `stream` share. */
export function assertListening(where: string, options: WaitOptions | undefined): void {
  assertOption(where, 'filter', options?.filter, 'a function', isFunction);
  assertOption(where, 'signal', options?.signal, 'an AbortSignal', isAbortSignal);
  assertOption(where, 'priority', options?.priority, 'a finite number', isFiniteNumber);
}

/** @throws What the filter throws; `AmbusError` `ASYNC_FILTER` where it returns a thenable. */
export function passes(where: string, filter: (payload: never) => unknown, payload: unknown): boolean {
  const verdict = (filter as (payload: unknown) => unknown)(payload);
  const then = thenOf(verdict);
  if (then === undefined) return Boolean(verdict);
  // The failure says all there is to say; this keeps a rejection from going unhandled.
  follow(verdict, then, noop, noop);
  throw new AmbusError(
    'ASYNC_FILTER',
    `The filter of ${where} returned a promise, which would always count as true; a filter must be synchronous.`,
  );
}

/** What is listened to, for messages. */
export function labelOf(type: unknown): string {
  return Array.isArray(type) ? `one of ${type.map((one) => `"${String(one)}"`).join(', ')}` : `"${String(type)}"`;
}
