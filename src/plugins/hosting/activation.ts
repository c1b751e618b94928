import { onAbort } from '../../internal/abort.js';
import type { PluginError } from '../plugin-error.js';
import { check, Problems } from './checking.js';
import type { Entry } from './entry.js';
import { failureOf, withRollback } from './failure.js';
import { duplicatePlugin, type HostCore, pluginError } from './host-core.js';
import type { Instance } from './instance.js';
import { load } from './loading.js';
import { runPhase } from './phase.js';
import { Roster } from './roster.js';
import { isObedience, runReady, setUp } from './setting-up.js';
import { SlowReport } from './slow-report.js';
import { disposeResources, takeDown, takeDownFailed } from './tearing-down.js';

/** How plugins are brought to life. */
interface Activating {
  readonly policy: 'abort' | 'continue';
  /** Gives it up when it aborts. */
  readonly signal: AbortSignal | undefined;
  /** Whether each one's `when` is asked. */
  readonly asks: boolean;
}

/**
 * Brings plugins to life: loads and checks them all, sets them up, and has their `ready` run.
 *
 * @param entries - In the order of their use.
 * @throws `PluginError`, `PluginsError` or the signal's reason, once everything is undone: under `abort` what is wrong
 *   with the first; under `continue` nothing but the signal's reason.
 */
export async function activateAll(host: HostCore, entries: readonly Entry[], activating: Activating): Promise<void> {
  const slow = new SlowReport(host, entries);
  try {
    await new Activation(host, entries, activating).run();
  } finally {
    slow.end();
  }
}

type Given = Parameters<typeof setUp>[1]['given'];

class Activation {
  readonly #host: HostCore;
  readonly #entries: readonly Entry[];
  readonly #options: Activating;
  /** Those whose events were declared for this. */
  readonly #declared: Entry[] = [];

  constructor(host: HostCore, entries: readonly Entry[], options: Activating) {
    this.#host = host;
    this.#entries = entries;
    this.#options = options;
  }

  async run(): Promise<void> {
    const host = this.#host;
    const { policy, signal } = this.#options;
    const problems = new Problems();
    const present = await this.#loadAll(problems);
    throwIfAborted(signal);
    const roster = new Roster(host, present);
    const given = await this.#orGivenUp(check(roster, problems, new Map()));
    throwIfAborted(signal);
    if (policy === 'abort' && problems.errors.length > 0) {
      for (const entry of present) {
        const error = problems.of(entry);
        if (error !== undefined) host.fail(entry, error);
      }
      throw failureOf(problems.errors);
    }
    const fit = this.#setAside(problems, present);
    host.findOrder();
    for (const entry of fit) {
      if (!host.declared.has(entry)) this.#declared.push(entry);
      host.declared.add(entry, entry.definition?.declares ?? {});
      host.setState(entry, 'starting');
    }
    await this.#setUpAll(host.inSetupOrder(fit), given);
  }

  /** Loads those that are wanted: at the same time, as each may take its time. */
  async #loadAll(problems: Problems): Promise<Entry[]> {
    const host = this.#host;
    const { signal } = this.#options;
    const entries = new Set(this.#entries);
    const failed = new Map<Entry, PluginError>();
    const forEach = (act: (entry: Entry) => Promise<void>): Promise<unknown> =>
      Promise.all(
        Array.from(entries, (entry) =>
          act(entry).catch((error: unknown) => {
            failed.set(entry, error as PluginError);
          }),
        ),
      );
    if (this.#options.asks) {
      const ask = async (entry: Entry): Promise<void> => {
        if (await isWanted(host, entry, signal)) return;
        host.setState(entry, 'disabled', 'its "when" said no');
        entries.delete(entry);
      };
      await forEach(ask);
    }
    if (signal?.aborted === true) return [];
    await forEach(async (entry) => {
      if (failed.has(entry) || (await load(host, entry, signal))) return;
      entries.delete(entry);
      host.drop(entry);
    });
    // In the order of use, whichever came first.
    for (const entry of this.#entries) {
      const error = failed.get(entry) ?? (entries.has(entry) ? duplicateOf(host, entry) : undefined);
      if (error !== undefined) problems.add(error, [entry]);
    }
    return this.#entries.filter((entry) => entries.has(entry));
  }

  /** Waits for a check, whose schemas may take their time, unless this is given up. */
  async #orGivenUp(checked: ReturnType<typeof check>): Promise<Given> {
    const { signal } = this.#options;
    let forget: (() => void) | undefined;
    const givenUp = new Promise<undefined>((resolve) => {
      if (signal !== undefined) {
        forget = onAbort(signal, () => {
          resolve(undefined);
        });
      }
    });
    const result = await Promise.race([checked, givenUp]);
    forget?.();
    return result?.given ?? new Map();
  }

  /** Under `continue`: those with problems have failed, and those that require them are blocked. */
  #setAside(problems: Problems, present: readonly Entry[]): Entry[] {
    const host = this.#host;
    const out = new Set<Entry>();
    for (const error of problems.errors) host.bus.report(error);
    for (const entry of host.inSetupOrder(present)) {
      const error = problems.of(entry);
      if (error !== undefined) {
        out.add(entry);
        host.fail(entry, error, error.code === 'MISSING_PLUGIN' ? 'blocked' : 'failed');
        continue;
      }
      const missing = Object.keys(entry.definition?.requires ?? {}).find((name) => {
        const other = host.find(name);
        return other !== undefined && out.has(other);
      });
      if (missing === undefined) continue;
      out.add(entry);
      host.block([entry]);
    }
    for (const entry of present) {
      const error = problems.of(entry);
      if (error === undefined || out.has(entry)) continue;
      // It could not even be loaded.
      out.add(entry);
      host.fail(entry, error);
    }
    return present.filter((entry) => !out.has(entry));
  }

  async #setUpAll(entries: readonly Entry[], given: Given): Promise<void> {
    const host = this.#host;
    const { policy, signal } = this.#options;
    const { completed, failed } = await setUp(host, { entries, given, visible: 'at once', policy, signal });
    if (signal?.aborted === true || (policy === 'abort' && failed.length > 0)) {
      const [first, ...others] = failed.filter(({ obeyed }) => !obeyed);
      const rollback = await this.#undo(
        completed,
        failed.map(({ instance }) => instance),
      );
      if (signal?.aborted === true) {
        // Under `continue` what has failed was reported when it did.
        const unreported = policy === 'continue' ? [] : failed.filter(({ obeyed }) => !obeyed);
        for (const one of [...unreported.map(({ error }) => error), ...rollback]) host.bus.report(one);
        throw signal.reason;
      }
      const { error, instance } = first as (typeof failed)[number];
      const failure = withRollback(error, [...others.map((other) => other.error), ...rollback]);
      host.fail(instance.entry, failure);
      throw failure;
    }
    await this.#ready(completed);
  }

  async #ready(completed: readonly Instance[]): Promise<void> {
    const host = this.#host;
    const { policy, signal } = this.#options;
    const inOrder = host.inSetupOrder(completed.map(({ entry }) => entry)).map((entry) => entry.instance as Instance);
    const first = await runReady(host, inOrder, signal, async (error, instance) => {
      if (policy === 'abort') return false;
      host.bus.report(error);
      const errors = await takeDownFailed(host, instance, error, host.settings.drainMs);
      for (const one of errors) host.bus.report(one);
      return true;
    });
    if (signal?.aborted !== true && first === undefined) return;
    const rollback = await this.#undo(inOrder, []);
    if (signal?.aborted === true) {
      const lost = first === undefined || isObedience(first.error.cause, signal.reason) ? [] : [first.error];
      for (const error of [...lost, ...rollback]) host.bus.report(error);
      throw signal.reason;
    }
    const failure = withRollback(first?.error as PluginError, rollback);
    if (first !== undefined) host.fail(first.instance.entry, failure);
    throw failure;
  }

  /** Undoes what has been done: resources of those that failed, and all of those that didn't, in reverse. */
  async #undo(completed: readonly Instance[], failed: readonly Instance[]): Promise<PluginError[]> {
    const host = this.#host;
    const errors: PluginError[] = [];
    for (const instance of failed) {
      await disposeResources(host, instance, (error) => {
        errors.push(error);
      });
    }
    const byEntry = new Map(completed.map((instance) => [instance.entry, instance]));
    const inOrder = host.inSetupOrder(Array.from(byEntry.keys())).map((entry) => byEntry.get(entry) as Instance);
    errors.push(...(await takeDown(host, inOrder, host.settings.drainMs)));
    for (const entry of this.#declared) host.declared.remove(entry);
    for (const entry of this.#entries) {
      if (entry.state === 'starting' || entry.state === 'stopping' || entry.state === 'active') {
        host.setState(entry, 'registered');
      }
    }
    return errors;
  }
}

// Not the signal's own method, which one of another realm or a polyfill may not have.
function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw signal.reason;
}

/** Whether a plugin is wanted, by its `when`. */
async function isWanted(host: HostCore, entry: Entry, signal: AbortSignal | undefined): Promise<boolean> {
  const { when } = entry.settings;
  if (when === undefined) return true;
  try {
    return Boolean(await runPhase(host, entry, 'when', { timeoutMs: host.settings.loadTimeoutMs, signal }, when));
  } catch (cause) {
    throw pluginError('PLUGIN_LOAD_FAILED', entry, 'when', 'could not be loaded, as its "when" failed', cause);
  }
}

/** Somebody else has its name. */
function duplicateOf(host: HostCore, entry: Entry): PluginError | undefined {
  if (host.find(entry.name) === entry) return undefined;
  return duplicatePlugin(host, entry.name);
}
