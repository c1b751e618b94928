import type { TypesOf } from '../bus/events/event-declaration.js';
import type { Nothing, PluginObject, PluginOfOtherApi, RequirementsOf } from './contract/plugin.js';
import type { UseSettings } from './options.js';
import type { PluginDescriptor } from './plugin-descriptor.js';

/** Nothing to use: what `dev && tracer` is where `dev` is false. */
export type Absent = false | null | undefined | 0 | '';

/** A plugin, or what becomes one: a promise of it, or of the module whose default export it is. */
export type Loadable<Given> = Given | PromiseLike<Given | { readonly default: Given } | Absent> | Absent;

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** The events of `Known` that are not, or not so, in `Offered`. */
type Misfits<Known, Offered> = {
  [Name in keyof Known]: Name extends keyof Offered
    ? Same<TypesOf<Known[Name]>, TypesOf<Offered[Name]>> extends true
      ? never
      : Name
    : Name;
}[keyof Known];

/** What is wrong where a plugin knows events that its host doesn't have, or has with other types. */
export type Fits<Known extends object, Offered extends object> = string extends keyof Known | keyof Offered
  ? unknown
  : [Misfits<Known, Offered>] extends [never]
    ? unknown
    : { readonly 'this host has no such event, or with another payload': Misfits<Known, Offered> };

/** What is wrong where a plugin asks for services that its host doesn't offer. */
export type FitsServices<Asked extends object, Offered extends object> = Offered extends Asked
  ? unknown
  : { readonly 'this host offers no such service': Exclude<keyof Asked, keyof Offered> };

/** The arguments after a plugin: its options may be left out where it can do without. */
export type UseArguments<Options> = undefined extends Options
  ? [options?: Options, settings?: UseSettings]
  : Nothing extends Options
    ? [options?: Options, settings?: UseSettings]
    : [options: Options, settings?: UseSettings];

/** Any plugin that fits a host and can do without options. */
interface FittingPlugin<Events extends object, Services extends object> {
  readonly name: string;
  readonly version: string;
  readonly '~types'?:
    | {
        readonly events: (host: string extends keyof Events ? never : RequirementsOf<Events>) => void;
        readonly services: (services: Services) => void;
        readonly options: ((options: undefined) => void) | ((options: Nothing) => void);
        readonly api: unknown;
      }
    | undefined;
}

/** Whatever `host.use` takes in an array: plugins that can do without options, and arrays of them. */
export type Usable<Events extends object, Services extends object> =
  | Loadable<FittingPlugin<Events, Services> | PluginObject<Events> | PluginOfOtherApi | PluginDescriptor>
  | readonly Usable<Events, Services>[];
