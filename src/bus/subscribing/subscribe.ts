import { AmbusError } from '../../errors.js';
import { isAbortSignal, onAbort } from '../../internal/abort.js';
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
} from '../../internal/assertions.js';
import type { BusCore } from '../core.js';
import type { Channel } from '../dispatching/channel.js';
import { assertEventName } from '../events/event-name.js';
import { isPattern, Pattern } from '../events/pattern.js';
import type { UnsubscribeReason } from '../observing/observer.js';
import type { GroupState } from './group.js';
import type { SubscribeOptions, Unsubscribe } from './handler.js';
import { Limiter } from './limiter.js';
import { Listening } from './listening.js';
import {
  type AnyHandler,
  type HandlerLimits,
  NO_EXTRAS,
  REMOVED,
  Subscription,
  type SubscriptionExtras,
  unsubscribeOf,
} from './subscription.js';

/** What `onAny` subscribes to. */
export const EVERYTHING: symbol = Symbol('every event');

const OPTIONS = ['name', 'priority', 'times', 'signal', 'filter', 'timeoutMs', 'failurePolicy', 'concurrency'];

/**
 * Subscribes a handler; checks everything before it changes anything.
 *
 * @param where - The method that was called, for messages.
 * @param type - An event, a pattern, a list of events; or {@link EVERYTHING}.
 * @param times - How many turns it has, where the method says so.
 * @param limits - What its group asks of it.
 */
export function subscribe(
  where: string,
  core: BusCore,
  group: GroupState | null,
  type: unknown,
  handler: unknown,
  given: unknown,
  times?: number,
  limits?: HandlerLimits,
): Unsubscribe {
  if (core.lifetime.state === 'closed') throw core.closedError('subscriptions');
  const target = targetOf(core, type);
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
    target(),
    options?.priority ?? 0,
    core.nextOrder(),
    group,
  );
  if (options !== undefined || times !== undefined || limits !== undefined) {
    subscription.extras = extrasOf(options ?? {}, times, limits ?? NO_EXTRAS);
  }
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
function targetOf(core: BusCore, type: unknown): () => Channel | Listening {
  if (type === EVERYTHING) return () => new Listening(core, undefined);
  const target = assertTarget(core, type);
  if (typeof target !== 'object') return () => core.channel(target);
  return () => listeningTo(core, target);
}

/**
 * Checks what may be subscribed to.
 *
 * @returns A list of events without duplicates, a pattern taken apart, or the event.
 * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_EVENT`, `INVALID_PATTERN`, `UNDECLARED_EVENT`.
 */
function assertTarget(core: BusCore, type: unknown): PropertyKey | readonly PropertyKey[] | Pattern {
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
          { details: { pattern: one } },
        );
      }
      core.assertDeclared(one);
    }
    return Array.from(new Set(types)) as PropertyKey[];
  }
  assertEventName(type);
  if (typeof type === 'string' && isPattern(type)) {
    const pattern = new Pattern(type);
    core.assertMatchesDeclared(pattern);
    return pattern;
  }
  core.assertDeclared(type);
  return type;
}

/** What an interceptor is around: each a name or a pattern. */
export function interceptedTargets(core: BusCore, types: unknown): readonly Listening[] | undefined {
  if (types === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(types) ? types : [types];
  if (list.length === 0) {
    throw new AmbusError('INVALID_ARGUMENT', 'Expected the types of intercept to be at least one event, got none.');
  }
  const targets = list.map((type) => {
    if (Array.isArray(type)) assertEventName(type);
    return assertTarget(core, type);
  });
  return targets.map((target) => new Listening(core, typeof target === 'object' ? target : [target]));
}

/** Listeners to one event are kept with it, so that the many that may wait for others cost it nothing. */
function listeningTo(core: BusCore, target: readonly PropertyKey[] | Pattern): Listening {
  const [only, ...others] = target instanceof Pattern ? [] : target;
  const home = only === undefined || others.length > 0 ? null : core.channel(only);
  return new Listening(core, target, home);
}

/** How something that only listens is subscribed: `waitFor`, a stream. */
interface Listen {
  readonly name: string;
  readonly priority: number | undefined;
  readonly handler: AnyHandler;
  /** Called when the subscription ends. */
  readonly ended: (reason: UnsubscribeReason) => void;
}

/** Subscribes something that hears every kind of event and takes part in none. */
export function listen(core: BusCore, type: unknown, { ended, handler, name, priority }: Listen): Subscription {
  if (core.lifetime.state === 'closed') throw core.closedError('subscriptions');
  const target = assertTarget(core, type);
  const listening = listeningTo(core, typeof target === 'object' ? target : [target]);
  const subscription = new Subscription(handler, listening, priority ?? 0, core.nextOrder(), null);
  subscription.extras = { ...NO_EXTRAS, name, internal: true, release: ended };
  core.add(subscription);
  return subscription;
}

/** Whether what is listened to is one event, so that its payload says all. */
export function isOneEvent(type: unknown): boolean {
  return !Array.isArray(type) && !(typeof type === 'string' && isPattern(type));
}

/** @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`. */
export function assertSubscribeOptions(where: string, options: SubscribeOptions, times: number | undefined): void {
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

function extrasOf(
  options: SubscribeOptions,
  times: number | undefined,
  { gate, mostMs }: HandlerLimits,
): SubscriptionExtras | null {
  const { concurrency = Infinity, failurePolicy, filter, name, signal, timeoutMs } = options;
  const timesLeft = times ?? options.times ?? Infinity;
  const plain =
    filter === undefined &&
    gate === undefined &&
    mostMs === Infinity &&
    timeoutMs === undefined &&
    timesLeft === Infinity &&
    concurrency === Infinity;
  if (plain && name === undefined && signal === undefined && failurePolicy === undefined) return null;
  return {
    ...NO_EXTRAS,
    name,
    filter: filter as SubscriptionExtras['filter'],
    gate,
    timeoutMs,
    mostMs,
    failurePolicy,
    limiter: concurrency === Infinity ? undefined : new Limiter(concurrency),
    timesLeft,
    plain,
  };
}
