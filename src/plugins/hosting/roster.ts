import type { Declaration } from '../../bus/events/event-declaration.js';
import type { Definition } from '../contract/definition.js';
import type { Entry } from './entry.js';
import type { HostCore } from './host-core.js';

/** An event, and who brings it along. */
interface DeclaredBy {
  readonly entry: Entry;
  readonly declaration: Declaration;
}

/** Who would be in a host if a change were made. */
export class Roster {
  readonly host: HostCore;
  /** Those that would be set up, in the order of their use. */
  readonly candidates: readonly Entry[];
  readonly #candidates: ReadonlySet<Entry>;
  #declared: ReadonlyMap<PropertyKey, DeclaredBy> | undefined;
  readonly #definitions: ReadonlyMap<Entry, Definition>;

  /**
   * @param candidates - In the order of their use.
   * @param replaced - The definitions that some of them would have.
   */
  constructor(host: HostCore, candidates: readonly Entry[], replaced: ReadonlyMap<Entry, Definition> = new Map()) {
    this.host = host;
    this.candidates = candidates;
    this.#candidates = new Set(candidates);
    this.#definitions = replaced;
  }

  /** Everybody whose definition is known, in the order of their use. */
  get loaded(): Entry[] {
    return this.host.entries.filter((entry) => this.definitionOf(entry) !== undefined);
  }

  /** The events that candidates bring along, by the first who does. */
  get declared(): ReadonlyMap<PropertyKey, DeclaredBy> {
    if (this.#declared === undefined) {
      const declared = new Map<PropertyKey, DeclaredBy>();
      for (const entry of this.candidates) {
        const declares = this.definitionOf(entry)?.declares ?? {};
        for (const type of Reflect.ownKeys(declares)) {
          const declaration = declares[type] as unknown as Declaration;
          if (!declared.has(type)) declared.set(type, { entry, declaration });
        }
      }
      this.#declared = declared;
    }
    return this.#declared;
  }

  find(name: string): Entry | undefined {
    return this.host.find(name);
  }

  definitionOf(entry: Entry): Definition | undefined {
    return this.#definitions.get(entry) ?? entry.definition;
  }

  isCandidate(entry: Entry): boolean {
    return this.#candidates.has(entry);
  }

  /** Whether it would be there for those that require it, as far as that is its own affair. */
  isExpected(entry: Entry): boolean {
    return entry.state === 'active' || this.isCandidate(entry);
  }
}
