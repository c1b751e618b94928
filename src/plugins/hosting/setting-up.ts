import { onAbort } from '../../internal/abort.js';
import { chain } from '../../internal/thenable.js';
import type { PluginError } from '../plugin-error.js';
import type { Entry } from './entry.js';
import { type HostCore, pluginError } from './host-core.js';
import { type Given, Instance } from './instance.js';
import { runPhase } from './phase.js';
import { schedule } from './schedule.js';
import { disposeResources } from './tearing-down.js';

/** How plugins are set up. */
interface SettingUp {
  /** Each after those that it depends on. */
  readonly entries: readonly Entry[];
  readonly given: ReadonlyMap<Entry, Given>;
  /**
   * `at once`: each becomes active as soon as its setup has succeeded. `later`: none does, and they get APIs of each
   * other.
   */
  readonly visible: 'at once' | 'later';
  /** Whether the others go on where one fails. */
  readonly policy: 'abort' | 'continue';
  /** Gives it up when it aborts. */
  readonly signal: AbortSignal | undefined;
}

/** What came of it. */
export interface SetUp {
  /** Those that succeeded, in the order in which they did. */
  readonly completed: readonly Instance[];
  /** Those that failed, and those that were told to give up and then failed, with what they failed with. */
  readonly failed: readonly Failed[];
}

/** Sets plugins up, each as soon as those that it depends on are; independent ones at the same time. */
export async function setUp(host: HostCore, { entries, given, policy, signal, visible }: SettingUp): Promise<SetUp> {
  const completed: Instance[] = [];
  const failed: Failed[] = [];
  const peers = new Map<string, Instance>();
  const running = new Set<Instance>();
  const failedEntries = new Set<Entry>();
  let givenUp: { readonly reason: unknown } | undefined;

  const giveUp = (reason: unknown): void => {
    if (givenUp !== undefined) return;
    givenUp = { reason };
    for (const instance of running) instance.abort(reason);
  };
  const waitsFor = (entry: Entry): Entry[] =>
    dependenciesOf(given.get(entry)?.definition)
      .map((name) => host.find(name))
      .filter((other) => other !== undefined);

  const run = (entry: Entry): void | Promise<void> => {
    const parts = given.get(entry);
    if (givenUp !== undefined || parts === undefined) return undefined;
    const missing = Object.keys(parts.definition.requires).find((name) => {
      const other = host.find(name);
      return other !== undefined && failedEntries.has(other);
    });
    if (missing !== undefined) {
      // Under `continue`: what it needs has failed in the meantime.
      failedEntries.add(entry);
      host.block([entry]);
      return undefined;
    }
    const instance = new Instance(host, entry, parts, visible === 'later' ? peers : undefined);
    const started = host.bus.clock.now();
    running.add(instance);
    const succeeded = (api: unknown): void => {
      running.delete(instance);
      instance.api = api;
      completed.push(instance);
      if (visible === 'later') peers.set(entry.name, instance);
      entry.setupMs = host.bus.clock.now() - started;
      // One that goes on although it was told to give up is torn down again.
      if (visible === 'at once' && givenUp === undefined) activate(host, instance);
    };
    const fellThrough = (cause: unknown): void | Promise<void> => {
      running.delete(instance);
      entry.setupMs = host.bus.clock.now() - started;
      instance.close();
      const error = pluginError('PLUGIN_SETUP_FAILED', entry, 'setup', 'could not be set up', cause);
      const obeyed = givenUp !== undefined && isObedience(cause, givenUp.reason);
      failed.push({ instance, error, obeyed });
      failedEntries.add(entry);
      if (obeyed) return undefined;
      if (policy === 'abort') {
        giveUp(error);
        return undefined;
      }
      host.fail(entry, error);
      host.bus.report(error);
      return disposeResources(host, instance, (disposal) => {
        host.bus.report(disposal);
      });
    };
    try {
      const returned = chain(callSetup(host, instance), succeeded);
      return returned instanceof Promise ? returned.then(undefined, fellThrough) : undefined;
    } catch (error) {
      return fellThrough(error);
    }
  };

  if (signal?.aborted === true) giveUp(signal.reason);
  const stopListening =
    signal === undefined
      ? undefined
      : onAbort(signal, () => {
          giveUp(signal.reason);
        });
  try {
    await schedule(entries, waitsFor, run);
  } finally {
    stopListening?.();
  }
  return { completed, failed };
}

function dependenciesOf(definition: Given['definition'] | undefined): string[] {
  return definition === undefined ? [] : [...Object.keys(definition.requires), ...Object.keys(definition.optional)];
}

function callSetup(host: HostCore, instance: Instance): unknown {
  const { ctx, definition, entry, options } = instance;
  instance.makeState();
  instance.subscribeHandlers();
  const { setup, source } = definition;
  if (setup === undefined) return undefined;
  const limits = {
    timeoutMs: entry.settings.setupTimeoutMs ?? host.settings.setupTimeoutMs,
    timedOut: (reason: unknown) => {
      // What it does late, it does to a closed context.
      instance.abort(reason);
      instance.stage = 'closed';
    },
    aborted: () => instance.aborted,
  };
  return runPhase(host, entry, 'setup', limits, () => setup.call(source, ctx, options));
}

/** Whether something failed only as it was told to give up: with the reason, or as Node's own functions do. */
export function isObedience(cause: unknown, reason: unknown): boolean {
  for (let error = cause, depth = 0; depth < 5; depth++) {
    if (Object.is(error, reason)) return true;
    if (!(error instanceof Error)) return false;
    if (error.name === 'AbortError') return true;
    error = error.cause;
  }
  return false;
}

/** Makes an instance what its entry is, and has its handlers be heard. */
export function activate(host: HostCore, instance: Instance): void {
  const { entry } = instance;
  entry.instance = instance;
  instance.open();
  host.setState(entry, 'active');
}

/** What has failed, and with what. */
interface Failed {
  readonly instance: Instance;
  readonly error: PluginError;
  /** It was told to give up, and did. */
  readonly obeyed: boolean;
}

/**
 * Has the `ready` of plugins run, one after the other.
 *
 * @param instances - In the order of their setup.
 * @param signal - Gives it up when it aborts.
 * @param failed - Called for each that fails; where it says no, none runs any more.
 * @returns The one that it ended with.
 */
export async function runReady(
  host: HostCore,
  instances: readonly Instance[],
  signal: AbortSignal | undefined,
  failed: (error: PluginError, instance: Instance) => Promise<boolean>,
): Promise<Failed | undefined> {
  for (const instance of instances) {
    if (signal?.aborted === true) break;
    // Its turn may come when it has been torn down for another that failed.
    if (instance.definition.ready === undefined || instance.stage !== 'open') continue;
    try {
      await callReady(host, instance, signal);
    } catch (cause) {
      const error = pluginError('PLUGIN_READY_FAILED', instance.entry, 'ready', 'failed in its ready', cause);
      if (!(await failed(error, instance))) return { error, instance, obeyed: false };
    }
  }
  return undefined;
}

async function callReady(host: HostCore, instance: Instance, signal: AbortSignal | undefined): Promise<void> {
  const { ctx, definition, entry } = instance;
  const { ready, source } = definition;
  const abort = (reason: unknown): void => {
    instance.abort(reason);
  };
  const limits = {
    timeoutMs: entry.settings.setupTimeoutMs ?? host.settings.setupTimeoutMs,
    timedOut: abort,
    aborted: () => instance.aborted,
  };
  const forget =
    signal === undefined
      ? undefined
      : onAbort(signal, () => {
          abort(signal.reason);
        });
  try {
    await runPhase(host, entry, 'ready', limits, () => ready?.call(source, ctx));
  } finally {
    forget?.();
  }
}
