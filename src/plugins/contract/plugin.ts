import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { EventDeclarations, TypesOf } from '../../bus/events/event-declaration.js';
import type { PatternOf, PayloadOf } from '../../bus/events/event-map.js';
import type { Handler, SubscribeOptions } from '../../bus/subscribing/handler.js';
import type { HeardContext, PatternListener, PluginContext } from './plugin-context.js';

/** What a plugin that knows some events needs of its host's: each of them, with the same types. */
export type RequirementsOf<Events extends object> = string extends keyof Events
  ? object
  : { readonly [Name in keyof Events]: Exactly<TypesOf<Events[Name]>> };

type Exactly<Types> = (types: Types) => Types;

/** What plugins carry for the compiler alone. */
export interface PluginTypes<Events extends object, Options, Api, Services extends object> {
  readonly events: (host: RequirementsOf<Events>) => void;
  readonly options: (options: Options) => void;
  readonly services: (services: Services) => void;
  readonly api: Api;
}

/** Names of other plugins, with the ranges of versions that will do: `{ 'acme.parser': '^1' }`. */
export type PluginRanges = Readonly<Record<string, string>>;

/**
 * A plugin, made by `definePlugin`: give it to `host.use`.
 *
 * @typeParam Events - The events that it knows.
 * @typeParam Options - What the host may give as options.
 * @typeParam Api - What its dependants get.
 * @typeParam Declares - The events that it brings along.
 * @typeParam Services - The services that it asks for.
 */
export interface Plugin<
  Events extends object = object,
  Options = undefined,
  Api = unknown,
  Declares extends object = object,
  Services extends object = object,
> {
  readonly name: string;
  readonly version: string;
  /** The range of the host's plugin API that it works with. */
  readonly api: string | undefined;
  readonly requires: PluginRanges;
  readonly optional: PluginRanges;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** The events that it brings along: spread them into a `defineEvents` to emit or hear them elsewhere. */
  readonly declares: Declares;
  /** For the compiler alone: at run time there is no such property. */
  readonly '~types'?: PluginTypes<Events, Options, Api, Services> | undefined;
}

/** What a plugin's dependants get of it: `ApiOf<typeof minifier>`. */
export type ApiOf<Given> = Given extends { readonly '~types'?: { readonly api: infer Api } | undefined }
  ? Api
  : unknown;

/** The options that a host may give a plugin: `OptionsOf<typeof minifier>`. */
export type OptionsOf<Given> = Given extends {
  readonly '~types'?: { readonly options: (options: infer Options) => void } | undefined;
}
  ? Options
  : unknown;

/** The handlers of a plugin, by event or pattern. */
export type PluginHandlers<Events extends object> = string extends keyof Events
  ? OpenHandlers<Events>
  : {
      readonly [Name in keyof Events | PatternOf<Events>]?: Name extends keyof Events
        ? Handles<Handler<Events, Name>, PayloadOf<Events, Name>>
        : Handles<PatternListener<Events, keyof Events>, unknown>;
    };

/** Handlers where any event may be: those that are known have their types. */
type OpenHandlers<Events extends object> = Readonly<
  Record<string, Handles<OpenHandling<Events>['handler'], unknown>>
> & {
  readonly [Name in keyof Events as string extends Name ? never : Name]?: Handles<
    Handler<Events, Name>,
    PayloadOf<Events, Name>
  >;
};

/** A method, since what it takes may be narrower than what is known of it. */
interface OpenHandling<Events extends object> {
  handler(payload: unknown, ctx: HeardContext<Events, keyof Events>): unknown;
}

type Handles<Handling, Payload> = Handling | HandlerEntry<Handling, Payload> | undefined;

/** A handler with the options of its subscription. */
export interface HandlerEntry<Handling, Payload> extends SubscribeOptions<Payload> {
  readonly handle: Handling;
}

/** Schemas by name. */
export type Schemas = Readonly<Record<string, StandardSchemaV1>>;

/** What services a plugin gets, by the schemas with which it asks for them. */
export type ServicesOf<Asked extends Schemas> = {
  readonly [Name in keyof Asked]: StandardSchemaV1.InferOutput<Asked[Name]>;
};

/** What services a host must offer it. */
export type ServicesFor<Asked extends Schemas> = {
  readonly [Name in keyof Asked]: StandardSchemaV1.InferInput<Asked[Name]>;
};

/** The events of a map together with those that a plugin declares. */
export type WithDeclared<Events extends object, Declares extends object> = [keyof Declares] extends [never]
  ? Events
  : string extends keyof Declares
    ? Events
    : Events & Declares;

type OrPromise<Value> = Value | PromiseLike<Value>;

/** The context of a plugin with these types. */
type ContextOf<
  Events extends object,
  Options extends StandardSchemaV1,
  Declares extends object,
  State,
  Asked extends Schemas,
> = PluginContext<WithDeclared<Events, Declares>, StandardSchemaV1.InferOutput<Options>, State, ServicesOf<Asked>>;

/** What a plugin is made of; `name` and `version` are all that it must have. */
export interface PluginSpec<
  Events extends object,
  Options extends StandardSchemaV1,
  Api,
  Declares extends object,
  State,
  Asked extends Schemas,
> {
  /** What hosts, errors and dependants call it: `acme.minify`. */
  readonly name: string;
  /** Its own version, by semver: dependants ask for ranges of it. */
  readonly version: string;
  /** The range of the host's plugin API that it works with, by semver. @default any */
  readonly api?: string | undefined;
  /** The events that it knows: declarations, or `typed<ShopEvents>()`. The host's bus has these, and may have more. */
  readonly events?: Events | StandardSchemaV1<Events> | undefined;
  /** Events that it brings along: declared on the bus as long as the plugin is in the host. */
  readonly declares?: Declares | undefined;
  /** Validates its options: any Standard Schema, or `typed<Options>()`. @default takes no options */
  readonly options?: Options | undefined;
  /** The services that it needs, by name, each with a Standard Schema or `typed<Service>()`. @default none */
  readonly services?: Asked | undefined;
  /** Makes its private state, `ctx.state`, each time it is set up. @default an empty object */
  readonly state?: (() => State) | undefined;
  /** The plugins that it can't do without: set up before it, and torn down after it. */
  readonly requires?: PluginRanges | undefined;
  /** The plugins that it makes use of where they are there. */
  readonly optional?: PluginRanges | undefined;
  /** The plugins whose handlers of equal priority come after its own. */
  readonly before?: readonly string[] | undefined;
  /** The plugins whose handlers of equal priority come before its own. */
  readonly after?: readonly string[] | undefined;
  /** Handlers by event or pattern, subscribed before `setup` runs. */
  readonly handlers?: PluginHandlers<WithDeclared<Events, Declares>> | undefined;
  /**
   * Prepares the plugin: subscribes handlers, opens what it needs. Sync or async. Nothing that it subscribes is heard
   * before it has succeeded, and emitting is `NOT_STARTED`.
   *
   * @returns What dependants get by `ctx.api`.
   */
  setup?(
    ctx: ContextOf<Events, Options, Declares, State, Asked>,
    options: StandardSchemaV1.InferOutput<Options>,
  ): OrPromise<Api>;
  /** Runs once every plugin is visible, in the order of dependencies. May emit. Sync or async. */
  ready?(ctx: ContextOf<Events, Options, Declares, State, Asked>): unknown;
  /** Runs when no handler of the plugin runs any more, before its resources are disposed of. Sync or async. */
  teardown?(ctx: ContextOf<Events, Options, Declares, State, Asked>): unknown;
}

interface PluginObjectFields {
  readonly name: string;
  /** @default '0.0.0' */
  readonly version?: string | undefined;
  readonly api?: string | undefined;
  readonly requires?: PluginRanges | undefined;
  readonly optional?: PluginRanges | undefined;
  readonly before?: readonly string[] | undefined;
  readonly after?: readonly string[] | undefined;
  /** Those of `definePlugin` have types of their own. */
  readonly '~types'?: undefined;
}

interface PluginObjectPhases<Events extends object> {
  setup(ctx: PluginContext<Events>, options: unknown): unknown;
  ready(ctx: PluginContext<Events>): unknown;
  teardown(ctx: PluginContext<Events>): unknown;
}

/**
 * A plugin as an object that was written without `definePlugin`: functions by event, in `handlers`, or a `setup`. Other
 * fields are its own affair.
 *
 * @typeParam Events - The host's.
 */
export type PluginObject<Events extends object> = PluginObjectFields &
  Partial<PluginObjectPhases<Events>> &
  (
    | { readonly handlers: PluginHandlers<Events> }
    | (Pick<PluginObjectPhases<Events>, 'setup'> & { readonly handlers?: PluginHandlers<Events> | undefined })
  );

/** A plugin that was written for another plugin API, and is for an adapter to read: see `apis`. */
export interface PluginOfOtherApi {
  readonly name: string;
  readonly api: string;
  readonly handlers?: never;
  readonly setup?: never;
}

/** The default of `Declares` and `Asked`: nothing. */
// biome-ignore lint/complexity/noBannedTypes: an object type without properties is just what is meant
export type Nothing = {};

/** The type of `definePlugin`, for plugins of any events. */
export interface DefinePlugin {
  <
    Args extends readonly unknown[],
    Events extends object = Record<string, unknown>,
    Options extends StandardSchemaV1 = StandardSchemaV1<undefined>,
    Api = void,
    Declares extends EventDeclarations = Nothing,
    State = Record<string, unknown>,
    Asked extends Schemas = Nothing,
  >(
    factory: (...args: Args) => PluginSpec<Events, Options, Api, Declares, State, Asked>,
  ): (...args: Args) => Plugin<Events, StandardSchemaV1.InferInput<Options>, Api, Declares, ServicesFor<Asked>>;
  <
    Events extends object = Record<string, unknown>,
    Options extends StandardSchemaV1 = StandardSchemaV1<undefined>,
    Api = void,
    Declares extends EventDeclarations = Nothing,
    State = Record<string, unknown>,
    Asked extends Schemas = Nothing,
  >(
    spec: PluginSpec<Events, Options, Api, Declares, State, Asked>,
  ): Plugin<Events, StandardSchemaV1.InferInput<Options>, Api, Declares, ServicesFor<Asked>>;
}

/** The same, for plugins that know the events of one map. */
export interface DefinePluginFor<Events extends object> {
  <
    Args extends readonly unknown[],
    Options extends StandardSchemaV1 = StandardSchemaV1<undefined>,
    Api = void,
    Declares extends EventDeclarations = Nothing,
    State = Record<string, unknown>,
    Asked extends Schemas = Nothing,
  >(
    factory: (...args: Args) => Omit<PluginSpec<Events, Options, Api, Declares, State, Asked>, 'events'>,
  ): (...args: Args) => Plugin<Events, StandardSchemaV1.InferInput<Options>, Api, Declares, ServicesFor<Asked>>;
  <
    Options extends StandardSchemaV1 = StandardSchemaV1<undefined>,
    Api = void,
    Declares extends EventDeclarations = Nothing,
    State = Record<string, unknown>,
    Asked extends Schemas = Nothing,
  >(
    spec: Omit<PluginSpec<Events, Options, Api, Declares, State, Asked>, 'events'>,
  ): Plugin<Events, StandardSchemaV1.InferInput<Options>, Api, Declares, ServicesFor<Asked>>;
}
