import type { Entry } from './hosting/entry.js';
import type { HostCore } from './hosting/host-core.js';
import type { PluginStatus } from './status.js';

/** The state of every plugin: in the order of their places, those without one last. */
export function takeStatus(host: HostCore): PluginStatus[] {
  const placed = host.order.order.filter((entry) => host.find(entry.name) === entry);
  const isPlaced = new Set(placed);
  const dependants = dependantsByName(host);
  const all = [...placed, ...host.entries.filter((entry) => !isPlaced.has(entry))];
  return all.map((entry) => snapshotOf(host, entry, dependants));
}

/** The state of one plugin. */
export function statusOf(host: HostCore, entry: Entry): PluginStatus {
  return snapshotOf(host, entry, dependantsByName(host));
}

/** Who requires whom. */
function dependantsByName(host: HostCore): ReadonlyMap<string, readonly string[]> {
  const dependants = new Map<string, string[]>();
  for (const { definition, name } of host.entries) {
    for (const required of Object.keys(definition?.requires ?? {})) {
      const names = dependants.get(required);
      if (names === undefined) dependants.set(required, [name]);
      else names.push(name);
    }
  }
  return dependants;
}

function snapshotOf(host: HostCore, entry: Entry, dependants: ReadonlyMap<string, readonly string[]>): PluginStatus {
  const { adaptedFrom, definition, error, instance, late, name, place, reason, setupMs, state } = entry;
  return {
    name,
    version: definition?.version,
    state,
    reason,
    error,
    place: place === 0 ? undefined : place,
    dependencies: Array.from(entry.dependencies()).filter((other) => host.find(other)?.state === 'active'),
    dependants: dependants.get(name) ?? [],
    handlers: instance?.group.members.size ?? 0,
    resources: instance?.resources ?? 0,
    setupMs,
    late,
    adaptedFrom,
  };
}
