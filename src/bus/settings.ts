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
import type { GeneratingCompiler } from './dispatching/compiler.js';
import type { EmissionSettings } from './dispatching/emission.js';
import { KINDS } from './dispatching/kind.js';
import type {
  Declaration,
  Deprecation,
  EventDeclaration,
  EventDeclarations,
  EventKind,
  FanOutSettings,
} from './events/event-declaration.js';
import { isSchema } from './events/schema.js';
import type { BusOptions, EmitOptions, FanOutMode } from './options.js';

const MODES: readonly FanOutMode[] = ['sequential', 'concurrent', 'tiered'];
/** The names of {@link EmitOptions}, and an around's `core`. */
export const EMIT_OPTIONS: readonly string[] = [
  'mode',
  'concurrency',
  'timeoutMs',
  'failurePolicy',
  'signal',
  'meta',
  'core',
];
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
  readonly events: EventDeclarations | undefined;
  readonly undeclared: 'refuse' | 'allow';
  /** Whether the bus has been given its failure policy: only then does it hold for kinds that stop by default. */
  readonly failurePolicyGiven: boolean;
}

/** Fills in the defaults, and refuses what makes no sense. */
export function resolveBusOptions(options: BusOptions<object> | undefined): BusSettings {
  const where = 'EventBus';
  assertOptions(where, options, [
    'name',
    'events',
    'undeclared',
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
  assertWord(where, 'undeclared', given.undeclared, ['refuse', 'allow']);
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
    events: given.events as EventDeclarations | undefined,
    undeclared: given.undeclared ?? (given.events === undefined ? 'allow' : 'refuse'),
    failurePolicyGiven: given.failurePolicy !== undefined,
  };
}

/** The bus's settings with those that an event was declared with over them. */
export function resolveEventSettings({ kind, settings }: Declaration, bus: BusSettings): EmissionSettings {
  const { concurrency, failurePolicy, mode, timeoutMs } = settings;
  const { fansOut, failurePolicy: policyOfKind } = KINDS[kind];
  const resolved: EmissionSettings = {
    mode: fansOut ? (mode ?? bus.mode) : 'sequential',
    concurrency: concurrency ?? bus.concurrency,
    failurePolicy: failurePolicy ?? (bus.failurePolicyGiven ? bus.failurePolicy : policyOfKind),
    timeoutMs: timeoutMs ?? bus.timeoutMs,
    mostMs: Infinity,
  };
  if (fansOut) assertConcurrency(kind, concurrency, resolved.mode);
  return resolved;
}

/** The event's settings with those of one emission over them. */
export function resolveEmitOptions(
  options: EmitOptions & { readonly core?: unknown },
  kind: EventKind,
  event: EmissionSettings,
): EmissionSettings {
  const where = 'emit';
  assertOptions(where, options, EMIT_OPTIONS);
  const { fansOut } = KINDS[kind];
  assertShared(where, options, fansOut ? event.mode : undefined);
  assertOption(where, 'signal', options.signal, 'an AbortSignal', isAbortSignal);
  assertOption(where, 'meta', options.meta, 'an object', (meta) => typeof meta === 'object' && meta !== null);
  if (options.core !== undefined && kind !== 'around') {
    throw invalidOption(where, 'core', `left out for a ${kind}: only an around has one`, options.core);
  }
  assertOption(where, 'core', options.core, 'a function', isFunction);
  const { concurrency, failurePolicy, mode, timeoutMs } = options;
  if (concurrency === undefined && failurePolicy === undefined && mode === undefined && timeoutMs === undefined) {
    return event;
  }
  return {
    mode: fansOut ? (mode ?? event.mode) : event.mode,
    concurrency: concurrency ?? event.concurrency,
    failurePolicy: failurePolicy ?? event.failurePolicy,
    timeoutMs: timeoutMs === undefined ? event.timeoutMs : Infinity,
    mostMs: timeoutMs ?? Infinity,
  };
}

/**
 * Checks what buses, events and emissions have in common.
 *
 * @param inherited - The mode that holds where `options` has none; left out where it isn't known.
 */
function assertShared(where: string, options: FanOutSettings, inherited: FanOutMode | undefined): void {
  assertWord(where, 'mode', options.mode, MODES);
  assertWord(where, 'failurePolicy', options.failurePolicy, POLICIES);
  assertCount(where, 'concurrency', options.concurrency, 1);
  assertDuration(where, 'timeoutMs', options.timeoutMs, 1);
  assertConcurrency(where, options.concurrency, options.mode ?? inherited);
}

function assertConcurrency(where: string, concurrency: number | undefined, mode: FanOutMode | undefined): void {
  if (mode === 'sequential' && (concurrency ?? Infinity) !== Infinity) {
    throw invalidOption(where, 'concurrency', 'left out in mode "sequential"', concurrency);
  }
}

/** Checks the settings that an event is declared with. */
export function assertEventSettings(where: EventKind, settings: EventDeclaration['settings']): void {
  assertShared(where, settings, undefined);
  assertOption(where, 'validateSteps', settings.validateSteps, 'true or false', (value) => typeof value === 'boolean');
  assertOption(where, 'answer', settings.answer, 'a Standard Schema', isSchema);
  assertOption(
    where,
    'deprecated',
    settings.deprecated,
    'an object with the strings "since" and "use", and perhaps "link"',
    isDeprecation,
  );
}

function isDeprecation(value: Deprecation | null): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { link, since, use } = value;
  return isString(since) && isString(use) && (link === undefined || isString(link));
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
