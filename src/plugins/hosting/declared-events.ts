import type { BusCore } from '../../bus/core.js';
import type { Declaration, EventDeclarations } from '../../bus/events/event-declaration.js';
import type { Entry } from './entry.js';

interface Declared {
  declaration: Declaration;
  readonly owners: Set<Entry>;
  /** Whether the bus was made with it. */
  readonly inherent: boolean;
}

/** The events that plugins have brought along, of all hosts of a bus. */
export class DeclaredEvents {
  static readonly #ofBus: WeakMap<BusCore, DeclaredEvents> = new WeakMap();
  readonly #bus: BusCore;
  readonly #declared = new Map<PropertyKey, Declared>();
  readonly #types = new Map<Entry, Set<PropertyKey>>();

  constructor(bus: BusCore) {
    this.#bus = bus;
  }

  static of(bus: BusCore): DeclaredEvents {
    let events = DeclaredEvents.#ofBus.get(bus);
    if (events === undefined) {
      events = new DeclaredEvents(bus);
      DeclaredEvents.#ofBus.set(bus, events);
    }
    return events;
  }

  /** Who has declared an event that a plugin declares otherwise: undefined for nobody, 'bus' for the bus itself. */
  conflict(entry: Entry, type: PropertyKey, declaration: unknown): Entry | 'bus' | undefined {
    const known = this.#bus.declarationOf(type);
    if (known === undefined || known === declaration) return undefined;
    const declared = this.#declared.get(type);
    if (declared === undefined || declared.inherent) return 'bus';
    return Array.from(declared.owners).find((owner) => owner !== entry);
  }

  /** Whether a plugin's events are declared. */
  has(entry: Entry): boolean {
    return this.#types.has(entry);
  }

  /** Declares what a plugin brings along, from now on. */
  add(entry: Entry, declares: EventDeclarations): void {
    for (const type of Reflect.ownKeys(declares)) {
      const declaration = declares[type] as unknown as Declaration;
      let declared = this.#declared.get(type);
      if (declared === undefined) {
        declared = { declaration, owners: new Set(), inherent: this.#bus.declarationOf(type) !== undefined };
        this.#declared.set(type, declared);
        if (!declared.inherent) this.#bus.declare(type, declaration);
      } else if (declared.declaration !== declaration) {
        declared.declaration = declaration;
        this.#bus.declare(type, declaration);
      }
      declared.owners.add(entry);
      const types = this.#types.get(entry) ?? new Set();
      this.#types.set(entry, types.add(type));
    }
  }

  /** Takes back what a plugin has declared, but for what stays. */
  remove(entry: Entry, stays: EventDeclarations = {}): void {
    const types = this.#types.get(entry) ?? new Set();
    for (const type of types) {
      if (Object.hasOwn(stays, type)) continue;
      types.delete(type);
      const declared = this.#declared.get(type);
      declared?.owners.delete(entry);
      if (declared === undefined || declared.owners.size > 0) continue;
      this.#declared.delete(type);
      if (!declared.inherent) this.#bus.undeclare(type);
    }
    if (types.size === 0) this.#types.delete(entry);
  }

  /** Those of a plugin's declarations that nobody has declared yet. */
  unknown(declares: EventDeclarations): EventDeclarations {
    const unknown: Record<PropertyKey, EventDeclarations[string]> = {};
    for (const type of Reflect.ownKeys(declares)) {
      const declaration = declares[type];
      if (declaration !== undefined && this.#bus.declarationOf(type) === undefined) unknown[type] = declaration;
    }
    return unknown;
  }
}
