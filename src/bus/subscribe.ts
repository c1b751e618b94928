import { AmbusError } from '../errors.js';
import { isAbortSignal, onAbort } from '../internal/abort.js';
import {
  assertCount,
  assertDuration,
  assertOption,
  assertOptions,
  assertWord,
  isFiniteNumber,
  isFunction,
  isString,
  show,
} from '../internal/assertions.js';
import { type Channel, Listening } from './channel.js';
import type { BusCore } from './core.js';
import { assertEventName } from './event-name.js';
import type { GroupState } from './group.js';
import type { SubscribeOptions, Unsubscribe } from './handler.js';
import { Limiter } from './limiter.js';
import { isPattern, Pattern } from './pattern.js';
import { type AnyHandler, REMOVED, Subscription, type SubscriptionExtras, unsubscribeOf } from './subscription.js';

/** What `onAny` subscribes to. */
export const EVERYTHING: symbol = Symbol('every event');

const OPTIONS = ['name', 'priority', 'times', 'signal', 'filter', 'timeoutMs', 'failurePolicy', 'concurrency'];

/**
 * Subscribes a handler; checks everything before it changes anything.
 *
 * @param where - The method that was called, for messages.
 * @param type - An event, a pattern, a list of events; or {@link EVERYTHING}.
 * @param times - How many turns it has, where the method says so.
 */
export function subscribe(
  where: string,
  core: BusCore,
  group: GroupState | null,
  type: unknown,
  handler: unknown,
  given: unknown,
  times?: number,
): Unsubscribe {
  if (core.lifetime.state === 'closed') throw core.closedError('subscriptions');
  const target = targetOf(type);
  if (typeof handler !== 'function') {
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected the handler of ${where} to be a function, got ${show(handler)}.`,
    );
  }
  if (given !== undefined) assertSubscribeOptions(where, given as SubscribeOptions, times);
  const options = given as SubscribeOptions | undefined;
  const subscription = new Subscription(
    handler as AnyHandler,
    target(core),
    options?.priority ?? 0,
    core.nextOrder(),
    group,
  );
  if (options !== undefined || times !== undefined) subscription.extras = extrasOf(options ?? {}, times);
  const signal = options?.signal;
  if (signal?.aborted === true) subscription.state = REMOVED;
  else {
    if (signal !== undefined && subscription.extras !== null) {
      subscription.extras.release = onAbort(signal, () => {
        core.end(subscription, 'aborted');
      });
    }
    core.add(subscription);
  }
  return unsubscribeOf(subscription);
}

/** Checks what is subscribed to, and returns how to get at it. */
function targetOf(type: unknown): (core: BusCore) => Channel | Listening {
  if (type === EVERYTHING) return (core) => new Listening(core, undefined);
  if (Array.isArray(type)) {
    const types: readonly unknown[] = type;
    if (types.length === 0) {
      throw new AmbusError('INVALID_ARGUMENT', 'Expected a list of at least one event, got an empty one.');
    }
    for (const one of types) {
      assertEventName(one);
      if (typeof one === 'string' && isPattern(one)) {
        throw new AmbusError(
          'INVALID_PATTERN',
          `Expected a list of event names, got the pattern "${one}" in it; subscribe to it by itself.`,
          {
            details: { pattern: one },
          },
        );
      }
    }
    const names = Array.from(new Set(types)) as PropertyKey[];
    return (core) => new Listening(core, names);
  }
  assertEventName(type);
  if (typeof type === 'string' && isPattern(type)) {
    const pattern = new Pattern(type);
    return (core) => new Listening(core, pattern);
  }
  return (core) => core.channel(type);
}

function assertSubscribeOptions(where: string, options: SubscribeOptions, times: number | undefined): void {
  assertOptions(where, options, times === undefined ? OPTIONS : OPTIONS.filter((name) => name !== 'times'));
  assertOption(where, 'name', options.name, 'a string', isString);
  assertOption(where, 'priority', options.priority, 'a finite number', isFiniteNumber);
  assertCount(where, 'times', options.times, 1);
  assertOption(where, 'signal', options.signal, 'an AbortSignal', isAbortSignal);
  assertOption(where, 'filter', options.filter, 'a function', isFunction);
  assertDuration(where, 'timeoutMs', options.timeoutMs, 1);
  assertWord(where, 'failurePolicy', options.failurePolicy, ['isolate', 'stop']);
  assertCount(where, 'concurrency', options.concurrency, 1);
}

function extrasOf(options: SubscribeOptions, times: number | undefined): SubscriptionExtras | null {
  const { concurrency = Infinity, failurePolicy, filter, name, signal, timeoutMs } = options;
  const timesLeft = times ?? options.times ?? Infinity;
  const plain = filter === undefined && timeoutMs === undefined && timesLeft === Infinity && concurrency === Infinity;
  if (plain && name === undefined && signal === undefined && failurePolicy === undefined) return null;
  return {
    name,
    filter: filter as SubscriptionExtras['filter'],
    timeoutMs,
    failurePolicy,
    limiter: concurrency === Infinity ? undefined : new Limiter(concurrency),
    release: undefined,
    timesLeft,
    plain,
  };
}
