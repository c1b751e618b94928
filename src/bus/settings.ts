import { type AmbusError, HandlerError } from '../errors.js';
import { isAbortSignal } from '../internal/abort.js';
import {
  assertCount,
  assertDuration,
  assertOption,
  assertOptions,
  assertWord,
  invalidOption,
  isFunction,
  isString,
} from '../internal/assertions.js';
import { type Clock, systemClock } from '../internal/clock.js';
import type { GeneratingCompiler } from './compiler.js';
import type { EmissionSettings } from './emission.js';
import type { BusOptions, EmitOptions, FanOutMode } from './options.js';

const MODES: readonly FanOutMode[] = ['sequential', 'concurrent', 'tiered'];
const POLICIES = ['isolate', 'stop', 'throw'];

/** {@link BusOptions} with every default in its place. */
export interface BusSettings extends EmissionSettings {
  readonly name: string;
  readonly lateMs: number;
  readonly onFailure: (failure: AmbusError) => void;
  readonly clock: Clock;
  readonly maxHandlers: number;
  readonly compiler: GeneratingCompiler | undefined;
  readonly asyncContext: 'auto' | 'always' | 'never';
}

/** Fills in the defaults, and refuses what makes no sense. */
export function resolveBusOptions(options: BusOptions | undefined): BusSettings {
  const where = 'EventBus';
  assertOptions(where, options, [
    'name',
    'mode',
    'concurrency',
    'timeoutMs',
    'lateMs',
    'failurePolicy',
    'onFailure',
    'clock',
    'maxHandlers',
    'compiler',
    'asyncContext',
  ]);
  const given = options ?? {};
  assertOption(where, 'name', given.name, 'a string', isString);
  assertDuration(where, 'lateMs', given.lateMs, 0);
  assertOption(where, 'onFailure', given.onFailure, 'a function', isFunction);
  assertOption(where, 'clock', given.clock, 'a clock with now, setTimeout and clearTimeout', isClock);
  assertCount(where, 'maxHandlers', given.maxHandlers, 0);
  assertOption(where, 'compiler', given.compiler, 'what compiled() of ambus/compiled returns', isCompiler);
  assertWord(where, 'asyncContext', given.asyncContext, ['auto', 'always', 'never']);
  assertShared(where, given, 'sequential');
  return {
    name: given.name ?? 'bus',
    mode: given.mode ?? 'sequential',
    concurrency: given.concurrency ?? Infinity,
    timeoutMs: given.timeoutMs ?? Infinity,
    mostMs: Infinity,
    lateMs: given.lateMs ?? 30_000,
    failurePolicy: given.failurePolicy ?? 'isolate',
    onFailure: given.onFailure ?? printFailure,
    clock: given.clock ?? systemClock,
    maxHandlers: given.maxHandlers ?? 100,
    compiler: given.compiler as GeneratingCompiler | undefined,
    asyncContext: given.asyncContext ?? 'auto',
  };
}

/** The bus's settings with those of one emission over them. */
export function resolveEmitOptions(options: EmitOptions, bus: EmissionSettings): EmissionSettings {
  const where = 'emit';
  assertOptions(where, options, ['mode', 'concurrency', 'timeoutMs', 'failurePolicy', 'signal', 'meta']);
  assertShared(where, options, bus.mode);
  assertOption(where, 'signal', options.signal, 'an AbortSignal', isAbortSignal);
  assertOption(where, 'meta', options.meta, 'an object', (meta) => typeof meta === 'object' && meta !== null);
  const { concurrency, failurePolicy, mode, timeoutMs } = options;
  if (concurrency === undefined && failurePolicy === undefined && mode === undefined && timeoutMs === undefined) {
    return bus;
  }
  return {
    mode: mode ?? bus.mode,
    concurrency: concurrency ?? bus.concurrency,
    failurePolicy: failurePolicy ?? bus.failurePolicy,
    timeoutMs: timeoutMs === undefined ? bus.timeoutMs : Infinity,
    mostMs: timeoutMs ?? Infinity,
  };
}

/** What a bus and an emission have in common. */
function assertShared(where: string, options: EmitOptions & BusOptions, inherited: FanOutMode): void {
  const mode = options.mode ?? inherited;
  assertWord(where, 'mode', options.mode, MODES);
  assertWord(where, 'failurePolicy', options.failurePolicy, POLICIES);
  assertCount(where, 'concurrency', options.concurrency, 1);
  assertDuration(where, 'timeoutMs', options.timeoutMs, 1);
  if (mode === 'sequential' && (options.concurrency ?? Infinity) !== Infinity) {
    throw invalidOption(where, 'concurrency', 'left out in mode "sequential"', options.concurrency);
  }
}

function isClock(clock: Partial<Clock>): boolean {
  return (['now', 'setTimeout', 'clearTimeout'] as const).every((method) => isFunction(clock?.[method]));
}

function isCompiler(compiler: Partial<GeneratingCompiler>): boolean {
  return isFunction(compiler?.compile) && typeof compiler.after === 'number';
}

function printFailure(failure: AmbusError): void {
  const line = `[ambus] ${failure.code}: ${failure.message}`;
  // The cause has the stack that matters, where there is one; a refusal's own leads to who emitted.
  const shown = failure.cause ?? (failure instanceof HandlerError ? undefined : failure);
  if (shown === undefined) console.error(line);
  else console.error(line, shown);
}
