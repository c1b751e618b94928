import { PluginError } from '../plugin-error.js';
import { activateAll } from './activation.js';
import type { Entry } from './entry.js';
import { failureOf } from './failure.js';
import type { HostCore } from './host-core.js';
import { takeDown } from './tearing-down.js';

/** Why plugins that depend on another keep it as it is. */
export function hasDependants(host: HostCore, entry: Entry, dependants: readonly Entry[], what: string): PluginError {
  const names = dependants.map(({ name }) => name);
  const list = names.map((name) => `"${name}"`).join(', ');
  const [verb, them] = names.length === 1 ? ['depends', 'that one'] : ['depend', 'them'];
  return new PluginError(
    'HAS_DEPENDANTS',
    `The plugin "${entry.name}" can't be ${what}, because ${list} ${verb} on it: say { cascade: true } to have ${them} go along.`,
    { plugin: entry.name, phase: 'validate' },
    { details: { host: host.name, dependants: names } },
  );
}

/**
 * Takes an active plugin out, and those that depend on it.
 *
 * @param left - Called when it is down.
 * @returns What went wrong meanwhile.
 */
async function takeOut(
  host: HostCore,
  entry: Entry,
  { cascade, drainMs }: { readonly cascade: boolean | undefined; readonly drainMs: number | undefined },
  what: string,
  left: () => void,
): Promise<PluginError[]> {
  const { instance } = entry;
  if (instance === undefined) {
    left();
    return [];
  }
  const dependants = host.dependantsOf(entry);
  if (dependants.length > 0 && cascade !== true) throw hasDependants(host, entry, dependants, what);
  const leaving = [entry, ...dependants];
  const instances = leaving.map((one) => one.instance).filter((one) => one !== undefined);
  const errors = await takeDown(host, instances, drainMs ?? host.settings.drainMs);
  left();
  host.block(dependants);
  return errors;
}

interface TakingOut {
  readonly cascade: boolean | undefined;
  readonly drainMs: number | undefined;
}

/** Switches a plugin off, and keeps it. */
export async function disable(host: HostCore, entry: Entry, options: TakingOut): Promise<void> {
  if (entry.state === 'disabled' && entry.disabled) return;
  const errors = await takeOut(host, entry, options, 'disabled', () => {
    entry.disabled = true;
    host.setState(entry, 'disabled', 'it was switched off');
  });
  await unblock(host);
  if (errors.length > 0) throw failureOf(errors);
}

/** Forgets a plugin. */
export async function remove(host: HostCore, entry: Entry, options: TakingOut): Promise<void> {
  const errors = await takeOut(host, entry, options, 'removed', () => {
    host.drop(entry);
  });
  await unblock(host);
  if (errors.length > 0) throw failureOf(errors);
}

/** Sets a plugin up again that was switched off, or has failed. */
export async function enable(host: HostCore, entry: Entry): Promise<void> {
  if (entry.state === 'active') return;
  const { disabled, error, reason, state } = entry;
  entry.disabled = false;
  if (host.state !== 'started') {
    host.setState(entry, 'registered');
    return;
  }
  try {
    await activateAll(host, [entry], { policy: 'abort', signal: host.giveUpSignal(), asks: false });
  } catch (failure) {
    entry.disabled = disabled;
    host.setState(entry, state, reason, error);
    throw failure;
  }
  await unblock(host);
}

/** Sets up plugins that have come to a host that runs. */
export async function add(host: HostCore, entries: readonly Entry[]): Promise<void> {
  try {
    await activateAll(host, entries, { policy: 'abort', signal: host.giveUpSignal(), asks: true });
  } catch (error) {
    for (const entry of entries) host.drop(entry);
    throw error;
  }
  await unblock(host);
}

/** Sets those up that were blocked, and whose requirements are met now, or by others of them. */
export async function unblock(host: HostCore): Promise<void> {
  if (host.state !== 'started') return;
  host.block(host.entries.filter(({ state }) => state === 'blocked'));
  const coming = new Set(host.entries.filter(({ state }) => state === 'blocked'));
  // In the order of their setups: whoever can't come is known before those that require it.
  for (const entry of host.inSetupOrder(Array.from(coming))) {
    if (host.obstacleFor(entry, coming) !== undefined) coming.delete(entry);
  }
  if (coming.size === 0) return;
  const entries = host.entries.filter((entry) => coming.has(entry));
  await activateAll(host, entries, { policy: 'continue', signal: host.giveUpSignal(), asks: false });
}
