import { SYNC } from '../../bus/dispatching/context.js';
import type { AnyEmitResult } from '../../bus/dispatching/emit-result.js';
import type { EmitOptions } from '../../bus/options.js';
import { GroupState } from '../../bus/subscribing/group.js';
import type { SubscribeOptions, Unsubscribe } from '../../bus/subscribing/handler.js';
import { EVERYTHING, subscribe } from '../../bus/subscribing/subscribe.js';
import type { HandlerLimits } from '../../bus/subscribing/subscription.js';
import { AmbusError } from '../../errors.js';
import type { Definition } from '../contract/definition.js';
import { satisfies } from '../versions/satisfies.js';
import { Confinement } from './confinement.js';
import type { Entry } from './entry.js';
import type { HostCore } from './host-core.js';
import { type HostedContext, hostedContext } from './hosted-context.js';
import { type Release, releaseOf } from './resources.js';

/** What an instance gets when it is made. */
export interface Given {
  readonly definition: Definition;
  /** Validated. */
  readonly options: unknown;
  readonly services: object;
}

/** A verb that subscribes. */
export type SubscribingVerb = 'on' | 'once' | 'onAny';

/** A plugin that is, or was, set up: from its setup to the disposal of its resources. */
export class Instance {
  readonly host: HostCore;
  readonly entry: Entry;
  readonly definition: Definition;
  readonly options: unknown;
  readonly services: object;
  readonly group: GroupState;
  readonly ctx: HostedContext;
  /** What dependants get. */
  api: unknown;
  /** `closed`: what is left of it is its code. */
  stage: 'setup' | 'open' | 'stopping' | 'closed' = 'setup';
  /** What it requires, which stays what it is as long as it is set up; those beside it may not be the host's yet. */
  readonly #required: ReadonlyMap<string, Instance> | undefined;
  #peers: ReadonlyMap<string, Instance> | undefined;
  readonly #confinement: Confinement | undefined;
  readonly #limits: HandlerLimits | undefined;
  readonly #releases: Release[] = [];
  #state: unknown;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(host: HostCore, entry: Entry, given: Given, peers: ReadonlyMap<string, Instance> | undefined) {
    this.host = host;
    this.entry = entry;
    this.definition = given.definition;
    this.options = given.options;
    this.services = given.services;
    this.#peers = peers;
    this.#required = requiredBy(host, given.definition, peers);
    this.group = new GroupState(host.bus, entry.name, entry.place);
    this.group.staged = new Set();
    this.group.warned = entry.warned;
    this.ctx = hostedContext(this, undefined);
    const { allow, filter, timeoutMs } = entry.settings;
    if (filter !== undefined || timeoutMs !== undefined) {
      this.#limits = { gate: filter, mostMs: timeoutMs ?? Infinity };
    }
    this.#confinement = allow === undefined ? undefined : new Confinement(entry.name, allow);
  }

  get name(): string {
    return this.entry.name;
  }

  get state(): unknown {
    if (this.#state === undefined && this.definition.state === undefined) this.#state = {};
    return this.#state;
  }

  makeState(): void {
    const { source, state } = this.definition;
    if (state !== undefined) this.#state = state.call(source);
  }

  /** Has it be heard: it is what its entry is now. */
  open(): void {
    this.stage = 'open';
    this.#peers = undefined;
    this.group.move(this.entry.place);
    this.group.open();
  }

  /** Another plugin that this one may use, where it is there. */
  dependency(name: string): Instance | undefined {
    const { optional } = this.definition;
    const range = Object.hasOwn(optional, name) ? optional[name] : undefined;
    const instance = this.#required?.get(name) ?? this.#peers?.get(name) ?? this.host.find(name)?.instance;
    // One beside it that is set up too is not open yet, and has an API all the same.
    if (instance === undefined || (instance.stage !== 'open' && instance.stage !== 'stopping' && !this.#isPeer(name))) {
      return undefined;
    }
    // One that came later was not asked what it would do for.
    return range === undefined || satisfies(instance.definition.version, range) ? instance : undefined;
  }

  #isPeer(name: string): boolean {
    return this.#peers?.has(name) === true;
  }

  get aborted(): boolean {
    return this.#aborted !== undefined;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  get resources(): number {
    return this.#releases.length;
  }

  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = { reason };
    this.#controller?.abort(reason);
  }

  /** Subscribes what stands in `handlers`. */
  subscribeHandlers(): void {
    const { handlers } = this.definition;
    for (const type of Reflect.ownKeys(handlers)) {
      const given = handlers[type];
      if (given === undefined) continue;
      if (typeof given === 'function') {
        this.subscribe('on', type, inPlace(given as Handling, handlers), { name: given.name || String(type) });
      } else {
        const { handle, ...options } = given as SubscribeOptions & { readonly handle: Handling };
        const name = handle.name === 'handle' ? String(type) : handle.name || String(type);
        this.subscribe('on', type, inPlace(handle, given as object), { name, ...options });
      }
    }
  }

  subscribe(verb: SubscribingVerb, type: unknown, handler: unknown, options: unknown): Unsubscribe {
    if (this.stage !== 'setup' && this.stage !== 'open') throw this.closedError(`ctx.${verb}`);
    const { bus } = this.host;
    const confinement = this.#confinement;
    if (verb === 'onAny') confinement?.assertMayHearAll();
    else confinement?.assertMayHear(type);
    const confined =
      confinement === undefined || typeof handler !== 'function' ? handler : confinement.handler(handler as Handling);
    return subscribe(
      `ctx.${verb}`,
      bus,
      this.group,
      verb === 'onAny' ? EVERYTHING : type,
      confined,
      this.#adjust(options, confined === handler ? undefined : (handler as Handling).name),
      verb === 'once' ? 1 : undefined,
      this.#limits,
    );
  }

  /** Puts the host's limits into the options of a subscription. */
  #adjust(options: unknown, name: string | undefined): unknown {
    const { priority } = this.entry.settings;
    if (priority === undefined && name === undefined) return options;
    // What is no object is for the bus to refuse.
    if (options !== undefined && (typeof options !== 'object' || options === null)) return options;
    const given = (options ?? {}) as SubscribeOptions;
    const adjusted: { -readonly [Option in keyof SubscribeOptions]: SubscribeOptions[Option] } = { ...given };
    if (name !== undefined) adjusted.name ??= name;
    if (priority !== undefined && (given.priority === undefined || Number.isFinite(given.priority))) {
      adjusted.priority = (given.priority ?? 0) + priority;
    }
    return adjusted;
  }

  emit(type: PropertyKey, payload: unknown, options: EmitOptions | undefined): Promise<AnyEmitResult> {
    try {
      this.assertMayEmit('ctx.emit', type);
    } catch (error) {
      return Promise.reject(this.host.bus.drop(type, payload, error));
    }
    return this.host.bus.emit(type, payload, options);
  }

  dispatch(
    verb: string,
    type: PropertyKey,
    payload: unknown,
    options: EmitOptions | undefined,
    sync: boolean,
  ): AnyEmitResult | Promise<AnyEmitResult> {
    const { bus } = this.host;
    try {
      this.assertMayEmit(verb, type);
    } catch (error) {
      throw bus.drop(type, payload, error);
    }
    return bus.dispatch(type, payload, options, undefined, sync ? SYNC : 0);
  }

  post(type: PropertyKey, payload: unknown, options: EmitOptions | undefined): void {
    const { bus } = this.host;
    try {
      this.assertMayEmit('ctx.post', type);
    } catch (error) {
      bus.reportRejection(type, bus.drop(type, payload, error), options);
      return;
    }
    bus.post(type, payload, options);
  }

  /** @throws `AmbusError` `CONTEXT_CLOSED`, `NOT_STARTED`, `FORBIDDEN_EVENT`. */
  assertMayEmit(verb: string, type: PropertyKey): void {
    if (this.stage === 'closed') throw this.closedError(verb);
    if (this.stage === 'setup') {
      throw new AmbusError(
        'NOT_STARTED',
        `The plugin "${this.name}" can't emit "${String(type)}" while it is set up: other plugins may not be there yet. Emit it in ready.`,
        { details: { plugin: this.name, event: String(type) } },
      );
    }
    this.#confinement?.assertMayEmit(type);
  }

  own(resource: unknown, release: unknown): unknown {
    const dispose = releaseOf(resource, release);
    if (this.stage === 'closed') {
      // Nobody else would.
      this.host.disposeLate(this, dispose);
      throw this.closedError('ctx.own');
    }
    this.#releases.push(dispose);
    return resource;
  }

  /** The resources, in the order in which they are disposed of; more may come meanwhile. */
  *takeResources(): Generator<Release> {
    for (let release = this.#releases.pop(); release !== undefined; release = this.#releases.pop()) yield release;
  }

  /** Ends its subscriptions, and refuses whatever it does from now on. */
  close(): void {
    this.stage = 'closed';
    this.group.remove();
    this.abort(this.closedError());
  }

  apiOf(verb: 'api' | 'optionalApi', plugin: unknown): unknown {
    if (this.stage === 'closed') throw this.closedError(`ctx.${verb}`);
    return this.host.apiFor(this, verb, plugin);
  }

  /** @param verb - What it has called too late; left out where that is the reason why its signal aborts. */
  closedError(verb?: string): AmbusError {
    const state = this.stage === 'closed' ? 'has been torn down' : 'is being torn down';
    const what = verb === undefined ? '' : `: ${verb} is refused`;
    return new AmbusError('CONTEXT_CLOSED', `The plugin "${this.name}" ${state}${what}.`, {
      details: { plugin: this.name },
    });
  }
}

function requiredBy(
  host: HostCore,
  { requires }: Definition,
  peers: ReadonlyMap<string, Instance> | undefined,
): ReadonlyMap<string, Instance> | undefined {
  const names = Object.keys(requires);
  if (names.length === 0) return undefined;
  const required = new Map<string, Instance>();
  for (const name of names) {
    const instance = peers?.get(name) ?? host.find(name)?.instance;
    if (instance !== undefined) required.set(name, instance);
  }
  return required;
}

type Handling = (payload: unknown, ctx: unknown) => unknown;

/**
 * A method as the object that it is a method of would call it. A function that doesn't look at `this` stays what it is:
 * a bound one is slower to call.
 */
function inPlace(handle: Handling, owner: object): Handling {
  return /\b(this|super|eval)\b|\\u|\[native code\]/.test(Function.prototype.toString.call(handle))
    ? handle.bind(owner)
    : handle;
}
