import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe } from '../../bus/dispatching/handler-failure.js';
import type { Declaration } from '../../bus/events/event-declaration.js';
import { isPattern, Pattern } from '../../bus/events/pattern.js';
import { isPassThrough, validate } from '../../bus/events/schema.js';
import type { AmbusError, ErrorCode, ErrorDetails } from '../../errors.js';
import { timeoutReason } from '../../internal/abort.js';
import { nearest, show } from '../../internal/assertions.js';
import type { Definition } from '../contract/definition.js';
import { HandlerOrder } from '../ordering/handler-order.js';
import { inOrder } from '../ordering/order.js';
import { PluginError } from '../plugin-error.js';
import { satisfies } from '../versions/satisfies.js';
import { Confinement } from './confinement.js';
import type { Entry } from './entry.js';
import { ended, type HostCore } from './host-core.js';
import type { Given } from './instance.js';
import { unsupportedApi } from './loading.js';
import type { Roster } from './roster.js';

/** What is wrong with plugins, before any of them has been set up. */
export class Problems {
  /** In the order in which they were found. */
  readonly errors: PluginError[] = [];
  readonly #faulty = new Map<Entry, PluginError>();

  /** @param entries - All that can't be started for it. */
  add(error: PluginError, entries: readonly Entry[]): void {
    this.errors.push(error);
    for (const entry of entries) if (!this.#faulty.has(entry)) this.#faulty.set(entry, error);
  }

  of(entry: Entry): PluginError | undefined {
    return this.#faulty.get(entry);
  }
}

/** What came out of a check. */
export interface Checked {
  readonly problems: Problems;
  /** What those without problems are set up with. */
  readonly given: ReadonlyMap<Entry, Given>;
}

/** Checks those that are to be set up, each by itself and all together, without side effects. */
export async function check(
  roster: Roster,
  problems: Problems,
  options: ReadonlyMap<Entry, unknown>,
): Promise<Checked> {
  const given = new Map<Entry, Given>();
  const { candidates, host } = roster;
  for (const entry of candidates) {
    const definition = roster.definitionOf(entry);
    if (definition === undefined || problems.of(entry) !== undefined) continue;
    const checker = new Checker(roster, problems, entry, definition);
    checker.checkApi();
    checker.checkDependencies();
    checker.checkEvents();
    checker.checkHandlers();
    checker.warnOfUnknownNames();
    const asked = options.has(entry) ? options.get(entry) : entry.options;
    const validOptions = await checker.options(asked);
    const services = await checker.services();
    given.set(entry, { definition, options: validOptions, services });
  }
  checkCycles(roster, problems);
  checkHandlerOrder(host, roster, problems);
  return { problems, given };
}

/** Checks one plugin. */
class Checker {
  readonly #roster: Roster;
  readonly #problems: Problems;
  readonly #entry: Entry;
  readonly #definition: Definition;

  constructor(roster: Roster, problems: Problems, entry: Entry, definition: Definition) {
    this.#roster = roster;
    this.#problems = problems;
    this.#entry = entry;
    this.#definition = definition;
  }

  get #host(): HostCore {
    return this.#roster.host;
  }

  #add(code: ErrorCode, message: string, details: ErrorDetails, cause?: unknown): void {
    const { name } = this.#entry;
    const options = { details: { plugin: name, ...details }, ...(cause === undefined ? {} : { cause }) };
    this.#problems.add(new PluginError(code, message, { plugin: name, phase: 'validate' }, options), [this.#entry]);
  }

  checkApi(): void {
    const { api } = this.#definition;
    if (api === undefined || satisfies(this.#host.settings.api, api)) return;
    this.#problems.add(unsupportedApi(this.#host, this.#entry, api), [this.#entry]);
  }

  checkDependencies(): void {
    const { optional, requires } = this.#definition;
    for (const [name, range] of Object.entries(requires)) {
      const dependency = this.#roster.find(name);
      if (dependency === undefined || !this.#roster.isExpected(dependency)) {
        this.#add(
          'MISSING_PLUGIN',
          ended(`The plugin "${this.#entry.name}" requires "${name}" (${range}), which ${this.#host.whyMissing(name)}`),
          { dependency: name, range },
        );
      } else this.#checkVersion('requires', dependency, range);
    }
    for (const [name, range] of Object.entries(optional)) {
      const dependency = this.#roster.find(name);
      if (dependency !== undefined && this.#roster.isExpected(dependency)) {
        this.#checkVersion('makes use of', dependency, range);
      }
    }
  }

  #checkVersion(verb: string, dependency: Entry, range: string): void {
    const version = this.#roster.definitionOf(dependency)?.version;
    // One without a definition has problems of its own.
    if (version === undefined || satisfies(version, range)) return;
    this.#add(
      'WRONG_PLUGIN_VERSION',
      `The plugin "${this.#entry.name}" ${verb} "${dependency.name}" in version ${range}, but the host "${this.#host.name}" has ${version}.`,
      { dependency: dependency.name, range, version },
    );
  }

  checkEvents(): void {
    const { declares, events } = this.#definition;
    for (const type of Reflect.ownKeys(declares)) this.#checkDeclared(type, declares[type]);
    this.#checkMayDeclare(Reflect.ownKeys(declares));
    if (events === undefined) return;
    for (const type of Reflect.ownKeys(events)) this.#checkKnown(type, events[type] as unknown as Declaration);
  }

  #checkDeclared(type: PropertyKey, declaration: unknown): void {
    const owner =
      this.#host.declared.conflict(this.#entry, type, declaration) ?? this.#otherDeclaring(type, declaration);
    if (owner === undefined) return;
    const who = owner === 'bus' ? `the bus "${this.#host.bus.name}"` : `the plugin "${owner.name}"`;
    this.#add(
      'EVENT_MISMATCH',
      `The plugin "${this.#entry.name}" declares the event "${String(type)}", which ${who} declares otherwise: have both use one declaration, or give it another name.`,
      { event: String(type) },
    );
  }

  /** Another plugin that is to be set up too, and comes first. */
  #otherDeclaring(type: PropertyKey, declaration: unknown): Entry | undefined {
    const first = this.#roster.declared.get(type);
    return first === undefined || first.entry === this.#entry || first.declaration === declaration
      ? undefined
      : first.entry;
  }

  /** One that is confined can't make something else of an event that it may not emit. */
  #checkMayDeclare(types: readonly PropertyKey[]): void {
    const { name, settings } = this.#entry;
    if (settings.allow === undefined || types.length === 0) return;
    const confinement = new Confinement(name, settings.allow);
    for (const type of types) {
      try {
        confinement.assertMayEmit(type);
      } catch (error) {
        const { code, details, message } = error as AmbusError;
        this.#add(code, message, details);
      }
    }
  }

  #checkKnown(type: PropertyKey, known: Declaration): void {
    const { bus } = this.#host;
    const declaration = this.#declarationOf(type);
    if (declaration?.kind === known.kind) return;
    const name = String(type);
    if (declaration !== undefined) {
      this.#add(
        'EVENT_MISMATCH',
        `The plugin "${this.#entry.name}" knows the event "${name}" as a ${known.kind}, but on the bus "${bus.name}" it is a ${declaration.kind}.`,
        { event: name, kind: declaration.kind, expected: known.kind },
      );
      return;
    }
    if (bus.settings.undeclared === 'allow' && known.kind === 'broadcast') return;
    const meant = nearest(name, Array.from(bus.declaredEvents, String));
    const hint = meant === undefined ? 'Declare it on the bus.' : `Did you mean "${meant}"?`;
    this.#add(
      'EVENT_MISMATCH',
      `The plugin "${this.#entry.name}" knows the event "${name}" (${known.kind}), which the bus "${bus.name}" doesn't declare. ${hint}`,
      { event: name, expected: known.kind, meant },
    );
  }

  /** What stands in `handlers` can be refused before anything is set up. */
  checkHandlers(): void {
    const { bus } = this.#host;
    const { allow } = this.#entry.settings;
    const { name } = this.#entry;
    const confinement = allow === undefined ? undefined : new Confinement(name, allow);
    for (const type of Reflect.ownKeys(this.#definition.handlers)) {
      try {
        confinement?.assertMayHear(type);
        if (typeof type === 'string' && isPattern(type)) this.#assertMatches(new Pattern(type));
        else if (this.#declarationOf(type) === undefined) bus.assertDeclared(type);
      } catch (error) {
        const { code, details, message } = error as AmbusError;
        const about = message.includes(`"${name}"`)
          ? message
          : `The plugin "${name}" has a handler for it, but: ${message}`;
        this.#add(code, about, details);
      }
    }
  }

  #assertMatches(pattern: Pattern): void {
    for (const type of this.#roster.declared.keys()) if (typeof type === 'string' && pattern.matches(type)) return;
    this.#host.bus.assertMatchesDeclared(pattern);
  }

  #declarationOf(type: PropertyKey): Declaration | undefined {
    return this.#host.bus.declarationOf(type) ?? this.#roster.declared.get(type)?.declaration;
  }

  /** What only says where handlers come has no effect where there is nobody of that name. */
  warnOfUnknownNames(): void {
    const { name } = this.#entry;
    for (const field of ['before', 'after'] as const) {
      for (const other of this.#definition[field]) {
        if (this.#roster.find(other) !== undefined || Object.hasOwn(this.#definition.optional, other)) continue;
        const meant = nearest(
          other,
          Array.from(this.#host.entries, (entry) => entry.name),
        );
        const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`;
        this.#host.warnOnce(
          JSON.stringify([name, other]),
          `[ambus] The plugin "${name}" is to come ${field} "${other}", which is not in the host "${this.#host.name}": that has no effect.${hint}`,
        );
      }
    }
  }

  async options(given: unknown): Promise<unknown> {
    const { options: schema, strict } = this.#definition;
    const { name } = this.#entry;
    if (schema === undefined) {
      if (given === undefined || !strict) return given;
      this.#add(
        'INVALID_PLUGIN_OPTIONS',
        `The plugin "${name}" takes no options, but was given ${show(given)}: it says what it takes in "options".`,
        {},
      );
      return undefined;
    }
    const what = `the options of the plugin "${name}"`;
    if (given === undefined) {
      // Left out: where the schema makes nothing of that, it may have defaults for all that there is.
      if (isPassThrough(schema)) return {};
      const valid = await this.#tryToValidate(schema, undefined, what);
      if (valid !== undefined) return valid.value;
    }
    return (await this.#validate(schema, given ?? {}, what, 'INVALID_PLUGIN_OPTIONS'))?.value;
  }

  async #tryToValidate(
    schema: StandardSchemaV1,
    value: unknown,
    what: string,
  ): Promise<{ readonly value: unknown } | undefined> {
    try {
      return await this.#inTime(what, validate(schema, value, what, 'INVALID_PLUGIN_OPTIONS', this.#entry.name));
    } catch {
      // What is wrong is said of the options that there would be otherwise.
      return undefined;
    }
  }

  /** The services that it asks for, and no others. */
  async services(): Promise<object> {
    const { services: asked, version } = this.#definition;
    const names = Object.keys(asked);
    if (names.length === 0) return NO_SERVICES;
    const { name } = this.#entry;
    const { services } = this.#host.settings;
    let offered: Readonly<Record<string, unknown>>;
    try {
      offered = (
        typeof services === 'function' ? services(this.#host.hosted(name, version)) : services
      ) as typeof offered;
      if (typeof offered !== 'object' || offered === null) {
        throw new TypeError(`Expected "services" to return an object, got ${show(offered)}.`);
      }
    } catch (cause) {
      this.#add(
        'MISSING_SERVICE',
        `The services for the plugin "${name}" could not be made: ${describe(cause)}`,
        {},
        cause,
      );
      return NO_SERVICES;
    }
    const given: Record<string, unknown> = {};
    for (const service of names)
      given[service] = await this.#service(service, offered, asked[service] as StandardSchemaV1);
    return Object.freeze(given);
  }

  async #service(
    service: string,
    offered: Readonly<Record<string, unknown>>,
    schema: StandardSchemaV1,
  ): Promise<unknown> {
    // What every object has is not meant.
    const value =
      Object.hasOwn(Object.prototype, service) && !Object.hasOwn(offered, service) ? undefined : offered[service];
    if (!isPassThrough(schema)) {
      const what = `the service "${service}" for the plugin "${this.#entry.name}"`;
      return (await this.#validate(schema, value, what, 'MISSING_SERVICE'))?.value;
    }
    if (value !== undefined) return value;
    const known = Object.keys(offered);
    const meant = nearest(service, known);
    const hint = meant === undefined ? '' : ` Did you mean "${meant}"?`;
    this.#add(
      'MISSING_SERVICE',
      `The plugin "${this.#entry.name}" asks for the service "${service}", but the host "${this.#host.name}" offers ${known.length === 0 ? 'none' : known.join(', ')}.${hint}`,
      { service, offered: known, meant },
    );
    return undefined;
  }

  /** A schema may be asynchronous, and must not keep a host waiting for ever. */
  async #inTime<Value>(what: string, valid: Value | Promise<Value>): Promise<Value> {
    if (!(valid instanceof Promise)) return valid;
    const { clock } = this.#host.bus;
    const { loadTimeoutMs } = this.#host.settings;
    if (loadTimeoutMs === Infinity) return valid;
    let timer: unknown;
    const timeUp = new Promise<never>((_resolve, reject) => {
      timer = clock.setTimeout(() => {
        reject(timeoutReason(`the schema for ${what} did not settle within ${loadTimeoutMs} ms.`));
      }, loadTimeoutMs);
    });
    try {
      return await Promise.race([valid, timeUp]);
    } finally {
      clock.clearTimeout(timer);
    }
  }

  async #validate(
    schema: StandardSchemaV1,
    value: unknown,
    what: string,
    code: ErrorCode,
  ): Promise<{ readonly value: unknown } | undefined> {
    try {
      return await this.#inTime(what, validate(schema, value, what, code, this.#entry.name));
    } catch (error) {
      if (error instanceof DOMException) {
        this.#add(code, `The plugin "${this.#entry.name}" can't be checked: ${error.message}`, {}, error);
        return undefined;
      }
      const { cause, code: given, details, message } = error as AmbusError;
      const { issues, vendor } = details;
      this.#add(given, message, { issues, vendor }, cause);
      return undefined;
    }
  }
}

const NO_SERVICES: object = Object.freeze({});

/** Plugins that require each other, in a circle. */
function checkCycles(roster: Roster, problems: Problems): void {
  const dependencies = (entry: Entry): Entry[] => {
    const { optional, requires } = roster.definitionOf(entry) as Definition;
    return [...Object.keys(requires), ...Object.keys(optional)]
      .map((name) => roster.find(name))
      .filter((other): other is Entry => other !== undefined && roster.definitionOf(other) !== undefined);
  };
  for (const cycle of inOrder(roster.loaded, dependencies).cycles) {
    if (!cycle.some((entry) => roster.isCandidate(entry))) continue;
    const names = cycle.map(({ name }) => name);
    const [first] = cycle as [Entry, ...Entry[]];
    problems.add(
      new PluginError(
        'PLUGIN_CYCLE',
        `Plugins require each other in a circle: ${names.join(' -> ')}.`,
        { plugin: first.name, phase: 'validate' },
        { details: { cycle: names } },
      ),
      cycle,
    );
  }
}

/** Wishes for the order of handlers that can't all come true. */
function checkHandlerOrder(host: HostCore, roster: Roster, problems: Problems): void {
  const order = new HandlerOrder(
    roster.loaded,
    (name) => host.find(name),
    (entry) => roster.definitionOf(entry),
  );
  for (const cycle of order.cycles) {
    // Those of dependencies alone have been found.
    if (!order.isOfWishes(cycle) || !cycle.some((entry) => roster.isCandidate(entry))) continue;
    const [first] = cycle as [Entry, ...Entry[]];
    problems.add(
      new PluginError(
        'PLUGIN_ORDER',
        `There is no order of handlers that suits everybody: ${order.describeCycle(cycle)}.`,
        { plugin: first.name, phase: 'validate' },
        { details: { cycle: cycle.map(({ name }) => name) } },
      ),
      cycle,
    );
  }
}
