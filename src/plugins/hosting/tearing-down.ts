import { scope } from '../../bus/dispatching/ancestry.js';
import { AmbusError } from '../../errors.js';
import { chain } from '../../internal/thenable.js';
import { PluginError } from '../plugin-error.js';
import { type HostCore, teardownError } from './host-core.js';
import { hostedContext } from './hosted-context.js';
import type { Instance } from './instance.js';
import { runPhase } from './phase.js';
import { schedule } from './schedule.js';

interface TearingDown {
  /** How long running handlers of each are waited for, in milliseconds. */
  readonly drainMs: number;
  /** Whether emissions that are under way may still call their handlers. */
  readonly retired?: boolean;
  /** Called when it is one's turn. */
  readonly begins?: (instance: Instance) => void;
  /** Called when one is down. */
  readonly down?: (instance: Instance) => void;
}

/**
 * Tears plugins down, each when all those that depend on it are down, independent ones at the same time. Nothing that
 * goes wrong ends it.
 *
 * @param instances - In the order of their setup.
 * @returns What went wrong, in the order in which they are torn down.
 */
export async function tearDownAll(
  host: HostCore,
  instances: readonly Instance[],
  options: TearingDown,
): Promise<PluginError[]> {
  const reversed = instances.toReversed();
  const errors = new Map<Instance, PluginError[]>(reversed.map((instance) => [instance, []]));
  const byName = new Map(instances.map((instance) => [instance.name, instance]));
  const dependants = new Map<Instance, Instance[]>(instances.map((instance) => [instance, []]));
  for (const instance of instances) {
    const { optional, requires } = instance.definition;
    for (const name of [...Object.keys(requires), ...Object.keys(optional)]) {
      const dependency = byName.get(name);
      if (dependency !== undefined && dependency !== instance) dependants.get(dependency)?.push(instance);
    }
  }
  await schedule(
    reversed,
    (instance) => dependants.get(instance) ?? [],
    async (instance) => {
      options.begins?.(instance);
      await tearDown(host, instance, options, (error) => errors.get(instance)?.push(error));
      options.down?.(instance);
    },
  );
  return Array.from(errors.values()).flat();
}

/** Tears active plugins down: they are `stopping`, and their entries have no instance when they are down. */
export function takeDown(
  host: HostCore,
  instances: readonly Instance[],
  drainMs: number,
  endState?: 'stopped',
): Promise<PluginError[]> {
  return tearDownAll(host, instances, {
    drainMs,
    begins: ({ entry }) => {
      host.setState(entry, 'stopping');
    },
    down: ({ entry }) => {
      entry.instance = undefined;
      if (endState !== undefined) host.setState(entry, endState);
    },
  });
}

/** Tears a plugin down that has failed after it was active, and first those that can't be without it. */
export async function takeDownFailed(
  host: HostCore,
  instance: Instance,
  error: PluginError,
  drainMs: number,
): Promise<PluginError[]> {
  const { entry } = instance;
  // It may have gone already, with another that failed.
  if (entry.instance !== instance) return [];
  const dependants = host.dependantsOf(entry);
  const leaving = [instance, ...dependants.map((one) => one.instance as Instance)];
  const errors = await takeDown(host, leaving, drainMs);
  host.fail(entry, error);
  host.block(dependants);
  return errors;
}

/** No new handler runs; those that run are waited for; then its `teardown`, then its resources. */
async function tearDown(
  host: HostCore,
  instance: Instance,
  { drainMs, retired = false }: TearingDown,
  keep: (error: PluginError) => void,
): Promise<void> {
  const { definition, entry, group } = instance;
  instance.stage = 'stopping';
  if (!retired) group.remove();
  await drain(host, instance, drainMs, keep);
  group.remove();
  instance.abort(instance.closedError());
  const { source, teardown } = definition;
  if (teardown !== undefined) {
    const controller = new AbortController();
    const limits = {
      timeoutMs: entry.settings.teardownTimeoutMs ?? host.settings.teardownTimeoutMs,
      timedOut: (reason: unknown) => {
        controller.abort(reason);
      },
    };
    const ctx = hostedContext(instance, controller.signal);
    try {
      await runPhase(host, entry, 'teardown', limits, () => teardown.call(source, ctx));
    } catch (cause) {
      keep(teardownError(entry, 'teardown', cause));
    }
  }
  await disposeResources(host, instance, keep);
  instance.close();
}

/** Waits for the handlers of a plugin that run, but not for those that wait for this. */
async function drain(
  host: HostCore,
  instance: Instance,
  drainMs: number,
  keep: (error: PluginError) => void,
): Promise<void> {
  const { entry, group } = instance;
  const { lifetime } = host.bus;
  // Emissions around this call may still go on to handlers that were retired: they have to end, or be in flight.
  if (scope.depth > 0 || scope.current !== null) await Promise.resolve();
  if (lifetime.isIdle(group)) return;
  try {
    await runPhase(host, entry, 'drain', { timeoutMs: Infinity }, () =>
      drainMs === 0 ? Promise.reject(notWaitedFor()) : lifetime.idle({ timeoutMs: drainMs }, null, group),
    );
  } catch (cause) {
    const unfinished = cause instanceof AmbusError ? cause.details['unfinished'] : undefined;
    keep(
      new PluginError(
        'PLUGIN_NOT_DRAINED',
        `Handlers of the plugin "${entry.name}" still ran after ${drainMs} ms, and it was torn down all the same. A handler that waits for this itself says { parent: ctx }.`,
        { plugin: entry.name, phase: 'drain' },
        { cause, details: { drainMs, unfinished } },
      ),
    );
  }
}

function notWaitedFor(): AmbusError {
  return new AmbusError('IDLE_TIMEOUT', 'Running handlers were not to be waited for (drainMs is 0).');
}

/** Disposes of a plugin's resources, last in, first out: each when the one before it is gone, or its time was up. */
export function disposeResources(
  host: HostCore,
  instance: Instance,
  keep: (error: PluginError) => void,
): void | Promise<void> {
  const { entry } = instance;
  if (instance.resources === 0) return undefined;
  const timeoutMs = entry.settings.teardownTimeoutMs ?? host.settings.teardownTimeoutMs;
  return (async () => {
    for (const release of instance.takeResources()) {
      try {
        await chain(runPhase(host, entry, 'dispose', { timeoutMs }, release), () => {});
      } catch (cause) {
        keep(teardownError(entry, 'dispose', cause));
      }
    }
  })();
}
