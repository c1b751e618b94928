import valid from 'semver/functions/valid.js';
import validRange from 'semver/ranges/valid.js';
import { AmbusError } from '../errors.js';
import {
  assertDuration,
  assertOption,
  assertOptions,
  assertWord,
  invalidOption,
  isFiniteNumber,
  isFunction,
  isString,
  show,
} from '../internal/assertions.js';
import type { LogEntry } from './contract/plugin-log.js';
import type { ApiAdapter, ApiDeprecation, HostedPlugin, PluginHostOptions, UseSettings } from './options.js';

/** {@link PluginHostOptions} with every default in its place. */
export interface HostSettings {
  readonly name: string;
  readonly api: string;
  readonly apis: readonly (readonly [range: string, adapter: ApiAdapter])[];
  readonly services: object | ((plugin: HostedPlugin) => object);
  readonly onSetupError: 'abort' | 'continue';
  readonly loadTimeoutMs: number;
  readonly setupTimeoutMs: number;
  readonly teardownTimeoutMs: number;
  readonly drainMs: number;
  readonly slowAfterMs: number;
  readonly log: (entry: LogEntry) => void;
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fills in the defaults, and refuses what makes no sense. */
export function resolveHostOptions(options: PluginHostOptions | undefined): HostSettings {
  const where = 'PluginHost';
  assertOptions(where, options, [
    'name',
    'api',
    'apis',
    'services',
    'onSetupError',
    'loadTimeoutMs',
    'setupTimeoutMs',
    'teardownTimeoutMs',
    'drainMs',
    'slowAfterMs',
    'log',
  ]);
  const given = options ?? {};
  assertOption(where, 'name', given.name, 'a string', isString);
  assertOption(where, 'api', given.api, 'a semver version such as "2.3.0"', (api) => valid(api) !== null);
  assertOption(where, 'apis', given.apis, 'an object from ranges of versions to adapters', isObject);
  for (const [range, adapter] of Object.entries(given.apis ?? {})) {
    if (validRange(range) === null) throw invalidOption(where, 'apis', 'keyed by ranges such as "1.x"', range);
    if (typeof adapter !== 'function') throw invalidOption(where, `apis["${range}"]`, 'a function', adapter);
  }
  const areServices = (services: unknown): boolean => isObject(services) || isFunction(services);
  assertOption(where, 'services', given.services, 'an object, or a function that makes one', areServices);
  assertWord(where, 'onSetupError', given.onSetupError, ['abort', 'continue']);
  assertDuration(where, 'loadTimeoutMs', given.loadTimeoutMs, 1);
  assertDuration(where, 'setupTimeoutMs', given.setupTimeoutMs, 1);
  assertDuration(where, 'teardownTimeoutMs', given.teardownTimeoutMs, 1);
  assertDuration(where, 'drainMs', given.drainMs, 0);
  assertDuration(where, 'slowAfterMs', given.slowAfterMs, 1);
  assertOption(where, 'log', given.log, 'a function', isFunction);
  return {
    name: given.name ?? 'host',
    api: given.api ?? '1.0.0',
    apis: Object.entries(given.apis ?? {}),
    services: given.services ?? {},
    onSetupError: given.onSetupError ?? 'abort',
    loadTimeoutMs: given.loadTimeoutMs ?? 10_000,
    setupTimeoutMs: given.setupTimeoutMs ?? 10_000,
    teardownTimeoutMs: given.teardownTimeoutMs ?? 5_000,
    drainMs: given.drainMs ?? 5_000,
    slowAfterMs: given.slowAfterMs ?? 1_000,
    log: given.log ?? printLog,
  };
}

/** Checks how a host is to treat a plugin. */
export function resolveUseSettings(where: string, settings: UseSettings | undefined): UseSettings {
  if (settings === undefined) return {};
  const what = `the settings of ${where}`;
  assertOptions(what, settings, [
    'name',
    'when',
    'filter',
    'timeoutMs',
    'priority',
    'allow',
    'setupTimeoutMs',
    'teardownTimeoutMs',
  ]);
  assertOption(what, 'name', settings.name, 'a string that is not empty', (name) => isString(name) && name !== '');
  assertOption(what, 'when', settings.when, 'a function', isFunction);
  assertOption(what, 'filter', settings.filter, 'a function', isFunction);
  assertDuration(what, 'timeoutMs', settings.timeoutMs, 1);
  assertOption(what, 'priority', settings.priority, 'a finite number', isFiniteNumber);
  assertDuration(what, 'setupTimeoutMs', settings.setupTimeoutMs, 1);
  assertDuration(what, 'teardownTimeoutMs', settings.teardownTimeoutMs, 1);
  const { allow } = settings;
  assertOption(what, 'allow', allow, 'an object with "on" and "emit"', isObject);
  if (allow !== undefined) {
    assertOptions(`"allow" of ${what}`, allow, ['on', 'emit']);
    assertPatterns(what, 'allow.on', allow.on);
    assertPatterns(what, 'allow.emit', allow.emit);
  }
  return Object.freeze({ ...settings });
}

function assertPatterns(where: string, option: string, patterns: unknown): void {
  assertOption(where, option, patterns, 'an array of events and patterns', Array.isArray);
  const odd = (patterns as readonly unknown[] | undefined)?.find((pattern) => !isEventOrPattern(pattern));
  if (odd !== undefined) throw invalidOption(where, option, 'an array of events and patterns', odd);
}

function isEventOrPattern(name: unknown): boolean {
  if (typeof name !== 'string') return false;
  const segments = name.split('.');
  return !segments.slice(0, -1).includes('**');
}

/** Checks what is said of something on its way out. */
export function assertApiDeprecation(feature: unknown, deprecation: unknown): asserts deprecation is ApiDeprecation {
  if (typeof feature !== 'string' || feature === '') {
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected the feature of deprecate to be a string that is not empty, got ${show(feature)}.`,
    );
  }
  if (!isObject(deprecation)) {
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected deprecate to be told { since, use } of "${feature}", got ${show(deprecation)}.`,
    );
  }
  assertOptions('deprecate', deprecation, ['since', 'use', 'link']);
  const { link, since, use } = deprecation as Record<string, unknown>;
  if (!isString(since)) throw invalidOption('deprecate', 'since', 'a string', since);
  if (!isString(use)) throw invalidOption('deprecate', 'use', 'a string', use);
  assertOption('deprecate', 'link', link, 'a string', isString);
}

function printLog({ details, level, message, plugin }: LogEntry): void {
  if (level === 'debug') return;
  const line = `[${plugin}] ${message}`;
  if (details === undefined) console[level](line);
  else console[level](line, details);
}
