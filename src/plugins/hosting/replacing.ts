import type { Definition } from '../contract/definition.js';
import { PluginError } from '../plugin-error.js';
import { activateAll } from './activation.js';
import { check, Problems } from './checking.js';
import { Entry } from './entry.js';
import { failureOf, withRollback } from './failure.js';
import type { HostCore } from './host-core.js';
import type { Given, Instance } from './instance.js';
import { load } from './loading.js';
import { Roster } from './roster.js';
import { activate, runReady, setUp } from './setting-up.js';
import { SlowReport } from './slow-report.js';
import { hasDependants, unblock } from './switching.js';
import { disposeResources, takeDownFailed, tearDownAll } from './tearing-down.js';

interface Replacing {
  /** What the new one gets as options, where it isn't what the old one got. */
  readonly options: { readonly given: unknown } | undefined;
  readonly cascade: boolean | undefined;
  readonly drainMs: number | undefined;
}

/** Puts another plugin at a plugin's place. */
export async function replace(host: HostCore, entry: Entry, given: unknown, replacing: Replacing): Promise<void> {
  const next = new Entry(given, entry.name, replacing.options === undefined ? entry.options : replacing.options.given, {
    ...entry.settings,
    name: entry.name,
  });
  if (!(await load(host, next, host.giveUpSignal()))) {
    const message = `Expected what takes the place of "${entry.name}" to be a plugin, got nothing.`;
    throw new PluginError('INVALID_PLUGIN', message, { plugin: entry.name, phase: 'validate' });
  }
  const old = entry.instance;
  if (old === undefined) await replaceIdle(host, entry, next);
  else await replaceActive(host, entry, next, replacing);
}

/** One that isn't set up: the new one takes its place, and is set up where the old one would be. */
async function replaceIdle(host: HostCore, entry: Entry, next: Entry): Promise<void> {
  const { error, reason, state } = entry;
  const { adaptedFrom, definition, given, options } = entry;
  take(entry, next);
  host.findOrder();
  if (host.declared.has(entry)) {
    host.declared.add(entry, next.definition?.declares ?? {});
    host.declared.remove(entry, next.definition?.declares);
  }
  if (host.state !== 'started' || entry.disabled || state === 'disabled') return;
  try {
    await activateAll(host, [entry], { policy: 'abort', signal: host.giveUpSignal(), asks: false });
  } catch (failure) {
    take(entry, { adaptedFrom, definition, given, options });
    host.findOrder();
    host.setState(entry, state, reason, error);
    throw failure;
  }
  await unblock(host);
}

/** Has an entry be what another has become. */
function take(
  entry: Entry,
  { adaptedFrom, definition, given, options }: Pick<Entry, 'adaptedFrom' | 'definition' | 'given' | 'options'>,
): void {
  Object.assign(entry, { adaptedFrom, definition, given, options });
}

/** One that is active: all that is to be new is set up first; then the handlers are switched, all at once. */
async function replaceActive(
  host: HostCore,
  entry: Entry,
  next: Entry,
  { cascade, drainMs = host.settings.drainMs }: Replacing,
): Promise<void> {
  const definition = next.definition as Definition;
  const dependants = host.dependantsOf(entry);
  const leaving = [entry, ...dependants];
  const roster = new Roster(host, leaving, new Map([[entry, definition]]));
  const { given, problems } = await check(roster, new Problems(), new Map([[entry, next.options]]));
  if (problems.errors.length > 0) throw failureOf(problems.errors);
  if (dependants.length > 0 && cascade !== true) throw hasDependants(host, entry, dependants, 'replaced');

  const early = host.declared.unknown(definition.declares);
  host.declared.add(entry, early);
  const fresh = await setUpFresh(host, leaving, given).catch((error: unknown) => {
    host.declared.remove(entry, entry.definition?.declares);
    throw error;
  });

  // From here to the retirement of the old ones nothing may be waited for: no emission begins in between.
  const old = leaving.map(({ instance }) => instance as Instance);
  take(entry, next);
  host.declared.add(entry, definition.declares);
  host.findOrder();
  host.bus.observers.tellAfter(() => {
    for (const instance of fresh) activate(host, instance);
    for (const instance of old) {
      instance.stage = 'stopping';
      instance.group.retire();
    }
  });

  const errors: PluginError[] = [];
  await runReady(host, fresh, undefined, async (error, instance) => {
    errors.push(error, ...(await takeDownFailed(host, instance, error, drainMs)));
    return true;
  });
  errors.push(...(await tearDownAll(host, old, { drainMs, retired: true })));
  // Not before: a teardown may emit what its plugin has brought along.
  host.declared.remove(entry, definition.declares);
  if (errors.length > 0) throw failureOf(errors);
  await unblock(host);
}

/** Sets up what is to take the place of active plugins, unheard; in the order of setup. */
async function setUpFresh(
  host: HostCore,
  leaving: readonly Entry[],
  given: ReadonlyMap<Entry, Given>,
): Promise<readonly Instance[]> {
  const slow = new SlowReport(host, leaving);
  const signal = host.giveUpSignal();
  try {
    const { completed, failed } = await setUp(host, {
      entries: leaving,
      given,
      visible: 'later',
      policy: 'abort',
      signal,
    });
    const [first, ...others] = failed;
    if (first === undefined && !signal.aborted)
      return leaving.map((entry) => completed.find((one) => one.entry === entry) as Instance);
    const rollback = others.filter(({ obeyed }) => !obeyed).map(({ error }) => error);
    const keep = (error: PluginError): void => {
      rollback.push(error);
    };
    for (const { instance } of failed) await disposeResources(host, instance, keep);
    const inOrder = leaving
      .map((entry) => completed.find((one) => one.entry === entry))
      .filter((one) => one !== undefined);
    rollback.push(...(await tearDownAll(host, inOrder, { drainMs: host.settings.drainMs })));
    if (first !== undefined && !first.obeyed) throw withRollback(first.error, rollback);
    for (const error of rollback) host.bus.report(error);
    throw signal.reason;
  } finally {
    slow.end();
  }
}
