import type { Definition } from '../contract/definition.js';
import type { UseSettings } from '../options.js';
import type { PluginState } from '../status.js';
import type { Instance } from './instance.js';

/** A plugin of a host, from its use to its removal. */
export class Entry {
  /** What `use` was given: a plugin, or what becomes one. */
  given: unknown;
  options: unknown;
  settings: UseSettings;
  /** Until it is loaded, what is known of its name. */
  name: string;
  /** Undefined until it is loaded. */
  definition: Definition | undefined;
  adaptedFrom: string | undefined;
  state: PluginState = 'registered';
  reason: string | undefined;
  error: unknown;
  /** What is there as long as it is set up. */
  instance: Instance | undefined;
  /** Its place in the order of handlers, from 1; 0 where it has none yet. */
  place = 0;
  /** Whether it was switched off, and is to stay so. */
  disabled = false;
  setupMs: number | undefined;
  /** The events on their way out of which its handlers have been warned, over all its instances. */
  readonly warned: Set<string> = new Set();
  /** Phases whose time was up, and which have not ended. */
  late = 0;

  constructor(given: unknown, name: string, options: unknown, settings: UseSettings) {
    this.given = given;
    this.name = name;
    this.options = options;
    this.settings = settings;
  }

  /** The plugins that it requires, or makes use of. */
  *dependencies(): Generator<string> {
    if (this.definition === undefined) return;
    yield* Object.keys(this.definition.requires);
    yield* Object.keys(this.definition.optional);
  }

  requires(name: string): boolean {
    return this.definition !== undefined && Object.hasOwn(this.definition.requires, name);
  }
}
