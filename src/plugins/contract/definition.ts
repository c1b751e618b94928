import type { StandardSchemaV1 } from '@standard-schema/spec';
import valid from 'semver/functions/valid.js';
import validRange from 'semver/ranges/valid.js';
import type { EventDeclarations } from '../../bus/events/event-declaration.js';
import { assertDeclarations } from '../../bus/events/event-declaration.js';
import { isPattern, Pattern } from '../../bus/events/pattern.js';
import { isSchema } from '../../bus/events/schema.js';
import { assertSubscribeOptions } from '../../bus/subscribing/subscribe.js';
import type { ErrorDetails } from '../../errors.js';
import { nearest, show } from '../../internal/assertions.js';
import { PluginError } from '../plugin-error.js';
import type { PluginRanges, Schemas } from './plugin.js';

/** Goes up with every change of {@link Definition}: plugins of other copies of this module may have another. */
export const FORMAT = 1;

/** A plugin as its host sees it: checked, and with every default in its place. */
export interface Definition {
  readonly format: number;
  /** What was given: `this` of its functions. */
  readonly source: object;
  /** Whether it was written for ambus. */
  readonly strict: boolean;
  readonly name: string;
  readonly version: string;
  readonly api: string | undefined;
  /** Undefined where only the compiler knows them. */
  readonly events: EventDeclarations | undefined;
  readonly declares: EventDeclarations;
  readonly options: StandardSchemaV1 | undefined;
  readonly services: Schemas;
  readonly requires: PluginRanges;
  readonly optional: PluginRanges;
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly handlers: Readonly<Record<PropertyKey, unknown>>;
  readonly state: (() => unknown) | undefined;
  readonly setup: Phase | undefined;
  readonly ready: Phase | undefined;
  readonly teardown: Phase | undefined;
}

/** `setup`, `ready` or `teardown`. */
export type Phase = (this: object, ctx: unknown, options?: unknown) => unknown;

const FIELDS = [
  'name',
  'version',
  'api',
  'events',
  'declares',
  'options',
  'services',
  'state',
  'requires',
  'optional',
  'before',
  'after',
  'handlers',
  'setup',
  'ready',
  'teardown',
];

const NOTHING = Object.freeze({});
const NONE: readonly never[] = Object.freeze([]);

/**
 * Checks a plugin.
 *
 * @param given - What `definePlugin` or a host was given.
 * @param strict - Whether it was written for ambus, so that a field which isn't known is a mistake. Other objects may
 *   have fields of their own; and what has another meaning there, such as `options` that are no schema, is left alone.
 * @param version - What is known of its version, where it doesn't say itself.
 * @throws `PluginError` `INVALID_PLUGIN`.
 */
export function definitionOf(given: unknown, strict: boolean, version?: string): Definition {
  if (typeof given === 'function') {
    const name = given.name || 'it';
    throw invalid(
      name,
      `Expected a plugin, got function ${name}: call it, as in use(${name}(options)), or make it with definePlugin.`,
    );
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(UNNAMED, `Expected a plugin, an object with a name and handlers or setup, got ${show(given)}.`);
  }
  return new Reader(given as Record<string, unknown>, strict, version).read();
}

function invalid(plugin: string, message: string, details: ErrorDetails = NOTHING, cause?: unknown): PluginError {
  const options = { details, ...(cause === undefined ? {} : { cause }) };
  return new PluginError('INVALID_PLUGIN', message, { plugin, phase: 'validate' }, options);
}

const UNNAMED = '(unnamed)';

function isPlain(given: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === null || prototype === Object.prototype;
}

/** Reads the fields of a plugin. */
class Reader {
  readonly #given: Readonly<Record<string, unknown>>;
  readonly #strict: boolean;
  readonly #knownVersion: string | undefined;
  #name = '';

  constructor(given: Readonly<Record<string, unknown>>, strict: boolean, version: string | undefined) {
    this.#given = given;
    this.#knownVersion = version;
    this.#strict = strict;
  }

  read(): Definition {
    const { name } = this.#given;
    if (typeof name !== 'string' || name === '') {
      const message = `Expected the "name" of a plugin to be a string that is not empty, got ${show(name)}.`;
      throw invalid(UNNAMED, message, { field: 'name' });
    }
    this.#name = name;
    // An instance of a class may have fields of its own.
    if (this.#strict && isPlain(this.#given)) this.#refuseUnknownFields();
    const handlers = this.#handlers();
    const setup = this.#phase('setup');
    if (!this.#strict && handlers === NOTHING && setup === undefined) {
      throw this.#invalid('handlers', 'an object of functions by event, where there is no "setup"', undefined);
    }
    return {
      format: FORMAT,
      source: this.#given,
      strict: this.#strict,
      name,
      version: this.#version(),
      api: this.#range('api', this.#given['api']),
      events: this.#events(),
      declares: this.#declares(),
      options: this.#options(),
      services: this.#services(),
      requires: this.#ranges('requires'),
      optional: this.#ranges('optional'),
      before: this.#names('before'),
      after: this.#names('after'),
      handlers,
      state: this.#function('state') as Definition['state'],
      setup,
      ready: this.#phase('ready'),
      teardown: this.#phase('teardown'),
    };
  }

  #invalid(field: string, expected: string, value: unknown): PluginError {
    const message = `Expected "${field}" of the plugin "${this.#name}" to be ${expected}, got ${show(value)}.`;
    return invalid(this.#name, message, { field, expected, value });
  }

  #refuseUnknownFields(): void {
    for (const field of Object.keys(this.#given)) {
      if (FIELDS.includes(field)) continue;
      const meant = nearest(field, FIELDS);
      const hint = meant === undefined ? `Known are ${FIELDS.join(', ')}.` : `Did you mean "${meant}"?`;
      const message = `The plugin "${this.#name}" has an unknown field "${field}". ${hint}`;
      throw invalid(this.#name, message, { field, meant });
    }
  }

  #version(): string {
    const { version } = this.#given;
    if (version === undefined && !this.#strict) return valid(this.#knownVersion) ?? '0.0.0';
    if (typeof version !== 'string' || valid(version) === null) {
      throw this.#invalid('version', 'a semver version such as "1.0.0"', version);
    }
    return version;
  }

  #range(field: string, range: unknown): string | undefined {
    if (range === undefined) return undefined;
    if (typeof range !== 'string' || validRange(range) === null) {
      throw this.#invalid(field, 'a range of semver versions such as "^1.2"', range);
    }
    return range;
  }

  #ranges(field: 'requires' | 'optional'): PluginRanges {
    const ranges = this.#given[field];
    if (ranges === undefined) return NOTHING;
    if (typeof ranges !== 'object' || ranges === null || Array.isArray(ranges)) {
      throw this.#invalid(field, 'an object from names of plugins to ranges, { "acme.parser": "^1" }', ranges);
    }
    for (const [name, range] of Object.entries(ranges)) this.#range(`${field}["${name}"]`, range ?? null);
    return Object.freeze({ ...(ranges as PluginRanges) });
  }

  #names(field: 'before' | 'after'): readonly string[] {
    const names = this.#given[field];
    if (names === undefined) return NONE;
    if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
      throw this.#invalid(field, 'an array of names of plugins', names);
    }
    return Object.freeze(Array.from(names as readonly string[]));
  }

  #function(field: string): unknown {
    const value = this.#given[field];
    if (value === undefined || typeof value === 'function') return value;
    if (field === 'state' && !this.#strict) return undefined;
    throw this.#invalid(field, 'a function', value);
  }

  #phase(field: 'setup' | 'ready' | 'teardown'): Phase | undefined {
    return this.#function(field) as Phase | undefined;
  }

  #handlers(): Definition['handlers'] {
    const { handlers } = this.#given;
    if (handlers === undefined) return NOTHING;
    if (typeof handlers !== 'object' || handlers === null || Array.isArray(handlers)) {
      throw this.#invalid('handlers', 'an object of functions by event', handlers);
    }
    if (!isPlain(handlers) && Reflect.ownKeys(handlers).length === 0) {
      throw this.#invalid('handlers', 'an object with functions of its own, by event', handlers);
    }
    for (const type of Reflect.ownKeys(handlers)) {
      const handler = (handlers as Record<PropertyKey, unknown>)[type];
      const field = `handlers["${String(type)}"]`;
      if (handler !== undefined) this.#checkHandler(field, type, handler);
    }
    return handlers as Record<PropertyKey, unknown>;
  }

  #checkHandler(field: string, type: PropertyKey, handler: unknown): void {
    const what = `"${field}" of the plugin "${this.#name}"`;
    try {
      if (typeof type === 'string' && isPattern(type)) void new Pattern(type);
      if (typeof handler === 'object' && handler !== null && 'handle' in handler) {
        const { handle, ...options } = handler;
        if (typeof handle !== 'function') throw this.#invalid(`${field}.handle`, 'a function', handle);
        assertSubscribeOptions(what, options, undefined);
        return;
      }
    } catch (error) {
      if (error instanceof PluginError) throw error;
      throw invalid(this.#name, `${what} can't be subscribed: ${(error as Error).message}`, { field }, error);
    }
    if (typeof handler === 'function') return;
    throw this.#invalid(field, 'a function, or an object whose "handle" is one', handler);
  }

  /** `typed<Events>()` says something to the compiler alone. */
  #events(): EventDeclarations | undefined {
    const { events } = this.#given;
    if (events === undefined || isSchema(events)) return undefined;
    return this.#declarations('events', events);
  }

  #declares(): EventDeclarations {
    const { declares } = this.#given;
    return declares === undefined ? NOTHING : (this.#declarations('declares', declares) ?? NOTHING);
  }

  #declarations(field: string, given: unknown): EventDeclarations | undefined {
    try {
      assertDeclarations(`"${field}" of the plugin "${this.#name}"`, given);
      return given;
    } catch (error) {
      if (!this.#strict) return undefined;
      const message = `"${field}" of the plugin "${this.#name}" can't be taken: ${(error as Error).message}`;
      throw invalid(this.#name, message, { field }, error);
    }
  }

  #options(): StandardSchemaV1 | undefined {
    const { options } = this.#given;
    if (options === undefined || isSchema(options)) return options;
    if (!this.#strict) return undefined;
    throw this.#invalid('options', 'a Standard Schema, or typed<Options>()', options);
  }

  #services(): Schemas {
    const { services } = this.#given;
    if (services === undefined) return NOTHING;
    const areSchemas = typeof services === 'object' && services !== null && Object.values(services).every(isSchema);
    if (areSchemas) return services as Schemas;
    if (!this.#strict) return NOTHING;
    throw this.#invalid('services', 'an object of Standard Schemas by name, { db: typed<Db>() }', services);
  }
}
