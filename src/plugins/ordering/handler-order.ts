import type { Definition } from '../contract/definition.js';
import type { Entry } from '../hosting/entry.js';
import { inOrder } from './order.js';

/** Why a plugin's handlers come before another's. */
interface Edge {
  /** Comes first. */
  readonly from: Entry;
  readonly to: Entry;
  readonly why: 'requires' | 'optional' | 'before' | 'after';
}

/** Who comes before whom, and why. */
export class HandlerOrder {
  /** In the order of their handlers. */
  readonly order: readonly Entry[];
  readonly cycles: readonly (readonly Entry[])[];
  readonly #edges: ReadonlyMap<Entry, ReadonlyMap<Entry, Edge>>;
  /** When each was used. */
  readonly #use: ReadonlyMap<Entry, number>;

  /** @param entries - Those that are loaded, in the order of their use. */
  constructor(
    entries: readonly Entry[],
    byName: (name: string) => Entry | undefined,
    definitionOf: (entry: Entry) => Definition | undefined = ({ definition }) => definition,
  ) {
    const edges = new Map<Entry, Map<Entry, Edge>>(entries.map((entry) => [entry, new Map()]));
    const add = (from: Entry | undefined, to: Entry | undefined, why: Edge['why']): void => {
      if (from === undefined || to === undefined) return;
      const before = edges.get(to);
      if (before === undefined || !edges.has(from) || before.has(from)) return;
      // What is said of the order of handlers counts for more than that one needs the other.
      if ((why === 'requires' || why === 'optional') && edges.get(from)?.has(to) === true) return;
      before.set(from, { from, to, why });
    };
    for (const entry of entries) {
      for (const name of definitionOf(entry)?.after ?? []) add(byName(name), entry, 'after');
      for (const name of definitionOf(entry)?.before ?? []) add(entry, byName(name), 'before');
    }
    for (const entry of entries) {
      // One that requires itself is found elsewhere.
      for (const name of Object.keys(definitionOf(entry)?.requires ?? {})) add(byName(name), entry, 'requires');
      for (const name of Object.keys(definitionOf(entry)?.optional ?? {})) add(byName(name), entry, 'optional');
    }
    this.#edges = edges;
    const use = new Map(entries.map((entry, index) => [entry, index]));
    this.#use = use;
    const before = (entry: Entry): Entry[] =>
      Array.from(edges.get(entry)?.keys() ?? []).sort((a, b) => (use.get(a) ?? 0) - (use.get(b) ?? 0));
    const { cycles, order } = inOrder(entries, before);
    this.order = order;
    this.cycles = cycles;
  }

  /** Why one comes before another, in words. */
  why(from: Entry, to: Entry): string {
    const way = this.#wayFrom(from, to);
    if (way !== undefined) return describeEdges(way);
    const used = this.#use.get(to) ?? 0;
    if ((this.#use.get(from) ?? 0) < used) {
      const wishes = Array.from(this.#edges.get(to)?.values() ?? []);
      return describeEdges(wishes, `"${to.name}" was used after "${from.name}"`);
    }
    // It has been pulled up by one that comes early.
    for (const [other, index] of this.#use) {
      const up = index < used ? this.#wayFrom(from, other) : undefined;
      if (up !== undefined) return `${describeEdges(up)}; "${other.name}" was used before "${to.name}"`;
    }
    return 'their plugins came in this order';
  }

  /** Why one comes before another, as a way of edges; undefined where nothing but the order of use says so. */
  #wayFrom(from: Entry, to: Entry): readonly Edge[] | undefined {
    const seen = new Set<Entry>([to]);
    let ways: { readonly entry: Entry; readonly way: readonly Edge[] }[] = [{ entry: to, way: [] }];
    while (ways.length > 0) {
      const longer: typeof ways = [];
      for (const { entry, way } of ways) {
        for (const edge of this.#edges.get(entry)?.values() ?? []) {
          if (edge.from === from) return [edge, ...way];
          if (seen.has(edge.from)) continue;
          seen.add(edge.from);
          longer.push({ entry: edge.from, way: [edge, ...way] });
        }
      }
      ways = longer;
    }
    return undefined;
  }

  /** Whether a cycle comes of wishes for the order, and not of dependencies alone. */
  isOfWishes(cycle: readonly Entry[]): boolean {
    return this.#edgesOf(cycle).some(({ why }) => why === 'before' || why === 'after');
  }

  /** The edges of a cycle, in words: each says whose wish it is. */
  describeCycle(cycle: readonly Entry[]): string {
    return describeEdges(this.#edgesOf(cycle));
  }

  #edgesOf(cycle: readonly Entry[]): Edge[] {
    // A cycle is found against its edges: each entry comes after the next.
    return cycle
      .slice(1)
      .map((from, index) => this.#edges.get(cycle[index] as Entry)?.get(from))
      .filter((edge) => edge !== undefined)
      .toReversed();
  }
}

function describeEdges(edges: readonly Edge[], ...before: readonly string[]): string {
  return [...before, ...edges.map(describeEdge)].join('; ');
}

/** One edge, in words. */
function describeEdge({ from, to, why }: Edge): string {
  const whose = why === 'before' ? from : to;
  return `"${from.name}" is before "${to.name}" (${whose.name}'s ${why})`;
}
