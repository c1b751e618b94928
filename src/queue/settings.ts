import { type Context, contextBehind } from '../bus/dispatching/context.js';
import type { EmitOptions } from '../bus/options.js';
import { EMIT_OPTIONS } from '../bus/settings.js';
import {
  assertCount,
  assertDuration,
  assertOption,
  assertOptions,
  assertWord,
  invalidOption,
  isFiniteNumber,
  isString,
} from '../internal/assertions.js';
import { LONGEST_DELAY_MS } from '../internal/clock.js';
import type { QueueingOptions, QueueOptions, QueueOverflow } from './options.js';

const OVERFLOWS: readonly QueueOverflow[] = ['reject', 'wait', 'drop-oldest', 'drop-newest'];
const QUEUEING_OPTIONS = ['priority', 'key', 'delayMs', 'maxWaitMs', 'parent'];
const ALL_OPTIONS = [...QUEUEING_OPTIONS, ...EMIT_OPTIONS];

/** {@link QueueOptions} with every default in its place. */
export interface QueueSettings {
  readonly name: string;
  readonly concurrency: number;
  readonly capacity: number;
  readonly overflow: QueueOverflow;
  readonly rate: { readonly limit: number; readonly intervalMs: number } | undefined;
  readonly maxWaitMs: number;
  readonly timeoutMs: number | undefined;
  readonly paused: boolean;
}

/** What one call asks for. */
export interface QueueRequest {
  readonly priority: number;
  readonly key: unknown;
  readonly delayMs: number;
  readonly maxWaitMs: number;
  readonly parent: Context | undefined;
  readonly emitOptions: EmitOptions | undefined;
}

/** Fills in the defaults, and refuses what makes no sense. */
export function resolveQueueOptions(options: QueueOptions | undefined): QueueSettings {
  const where = 'EventQueue';
  assertOptions(where, options, [
    'name',
    'concurrency',
    'capacity',
    'overflow',
    'rate',
    'maxWaitMs',
    'timeoutMs',
    'paused',
  ]);
  const given = options ?? {};
  assertOption(where, 'name', given.name, 'a string', isString);
  assertCount(where, 'concurrency', given.concurrency, 1);
  assertCount(where, 'capacity', given.capacity, 1);
  assertWord(where, 'overflow', given.overflow, OVERFLOWS);
  assertOption(where, 'rate', given.rate, 'an object with limit and intervalMs', isObject);
  assertRate(given.rate);
  assertDuration(where, 'maxWaitMs', given.maxWaitMs, 1);
  assertDuration(where, 'timeoutMs', given.timeoutMs, 1);
  assertOption(where, 'paused', given.paused, 'true or false', (value) => typeof value === 'boolean');
  return {
    name: given.name ?? 'queue',
    concurrency: given.concurrency ?? 1,
    capacity: given.capacity ?? Infinity,
    overflow: given.overflow ?? 'reject',
    rate: given.rate,
    maxWaitMs: given.maxWaitMs ?? Infinity,
    timeoutMs: given.timeoutMs,
    paused: given.paused ?? false,
  };
}

function assertRate(rate: QueueOptions['rate']): void {
  if (rate === undefined) return;
  const where = 'the rate of EventQueue';
  assertOptions(where, rate, ['limit', 'intervalMs']);
  const { intervalMs, limit } = rate;
  if (!isLimit(limit)) throw invalidOption(where, 'limit', 'a whole number of at least 1', limit);
  if (!isInterval(intervalMs)) {
    throw invalidOption(where, 'intervalMs', `a positive number up to ${LONGEST_DELAY_MS}`, intervalMs);
  }
}

/** What the options of one call ask for, with the queue's over them where they say nothing. */
export function resolveRequest(
  where: 'queue.emit' | 'queue.post',
  options: (QueueingOptions & EmitOptions) | undefined,
  queue: QueueSettings,
): QueueRequest {
  const emitOptions = emitOptionsOf(where, options as Record<string, unknown> | undefined, queue);
  const { delayMs, key, maxWaitMs, parent, priority } = options ?? {};
  assertOption(where, 'priority', priority, 'a finite number', isFiniteNumber);
  assertOption(where, 'key', key, 'a string, a number or anything else but null and NaN', isKey);
  assertOption(where, 'delayMs', delayMs, 'a finite number from 0 (milliseconds)', isDelay);
  assertDuration(where, 'maxWaitMs', maxWaitMs, 1);
  return {
    priority: priority ?? 0,
    key,
    delayMs: delayMs ?? 0,
    maxWaitMs: maxWaitMs ?? queue.maxWaitMs,
    parent: parentOf(where, parent),
    emitOptions,
  };
}

/** The options for the bus, if there are any: an emission without them costs a fraction. */
function emitOptionsOf(
  where: string,
  options: Readonly<Record<string, unknown>> | undefined,
  { timeoutMs }: QueueSettings,
): EmitOptions | undefined {
  let emitOptions: Record<string, unknown> | undefined = timeoutMs === undefined ? undefined : { timeoutMs };
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    assertOptions(where, options, ALL_OPTIONS);
  for (const name in options) {
    if (QUEUEING_OPTIONS.includes(name)) continue;
    if (!EMIT_OPTIONS.includes(name)) assertOptions(where, options, ALL_OPTIONS);
    if (options[name] === undefined) continue;
    emitOptions ??= {};
    emitOptions[name] = options[name];
  }
  return emitOptions;
}

/**
 * The context that a call says that it is made in.
 *
 * @throws `AmbusError` `INVALID_OPTION` unless it is undefined or a handler's `ctx`.
 */
export function parentOf(where: string, parent: unknown): Context | undefined {
  const ctx = contextBehind(parent);
  if (parent === undefined || ctx !== undefined) return ctx;
  throw invalidOption(where, 'parent', 'the ctx that a handler was given', parent);
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
const isKey = (key: unknown): boolean => key !== null && !Number.isNaN(key);
const isLimit = (limit: number): boolean => Number.isInteger(limit) && limit >= 1;
const isInterval = (ms: number): boolean => isFiniteNumber(ms) && ms > 0 && ms <= LONGEST_DELAY_MS;
const isDelay = (ms: number): boolean => isFiniteNumber(ms) && ms >= 0;
