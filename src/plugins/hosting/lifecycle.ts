import { AmbusError } from '../../errors.js';
import { activateAll } from './activation.js';
import { failureOf } from './failure.js';
import type { HostCore } from './host-core.js';
import { takeDown } from './tearing-down.js';

/** Brings every plugin to life that isn't switched off. */
export async function start(host: HostCore, signal: AbortSignal): Promise<void> {
  for (const entry of host.entries) {
    if (!entry.disabled && entry.state !== 'registered') host.setState(entry, 'registered');
  }
  const entries = host.entries.filter((entry) => !entry.disabled);
  try {
    await activateAll(host, entries, { policy: host.settings.onSetupError, signal, asks: true });
    host.state = 'started';
  } catch (error) {
    host.state = 'idle';
    throw error;
  }
}

/** Tears every plugin down. */
export async function stop(host: HostCore, drainMs: number): Promise<void> {
  // A start that was given up has been undone.
  if (host.state !== 'started') return;
  host.state = 'stopping';
  const active = host.entries.filter(({ instance }) => instance !== undefined);
  const instances = host
    .inSetupOrder(active)
    .map(({ instance }) => instance)
    .filter((one) => one !== undefined);
  const errors = await takeDown(host, instances, drainMs, 'stopped');
  for (const entry of host.entries) host.declared.remove(entry);
  host.state = 'stopped';
  if (errors.length > 0) throw failureOf(errors);
}

/** A change that needs a host that runs. */
export function notStarted(host: HostCore, what: string): AmbusError {
  return new AmbusError('NOT_STARTED', `The host "${host.name}" has not been started: call start() before ${what}.`, {
    details: { host: host.name, state: host.state },
  });
}

/** Something that is for a host before its start. */
export function alreadyStarted(host: HostCore, hint: string): AmbusError {
  return new AmbusError('ALREADY_STARTED', `The host "${host.name}" is ${host.state} already. ${hint}`, {
    details: { host: host.name, state: host.state },
  });
}

/** Why a start ends for which `stop` was called. */
export function hostStopped(host: HostCore): AmbusError {
  return new AmbusError('HOST_STOPPED', `The host "${host.name}" was stopped while it started.`, {
    details: { host: host.name },
  });
}
