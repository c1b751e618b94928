import { AmbusError } from '../../errors.js';
import { show } from '../../internal/assertions.js';
import { follow, thenOf } from '../../internal/thenable.js';
import { definitionOf } from '../contract/definition.js';
import type { UseSettings } from '../options.js';
import { resolveUseSettings } from '../settings.js';
import { Entry } from './entry.js';
import type { HostCore } from './host-core.js';
import { definitionAtHand, isAtHand, isDescriptor, isFalsy, unpack } from './loading.js';

/** What has been given to `use` or `add`, one by one. */
export function entriesOf(
  host: HostCore,
  where: string,
  plugin: unknown,
  options: unknown,
  settings: UseSettings | undefined,
): Entry[] {
  const resolved = resolveUseSettings(where, settings);
  if (Array.isArray(plugin)) {
    if (options !== undefined || settings !== undefined) {
      throw new AmbusError(
        'INVALID_ARGUMENT',
        `Expected ${where} to be given one plugin where it is given options or settings, got ${show(plugin)}.`,
      );
    }
    return plugin.flatMap((one) => entriesOf(host, where, one, undefined, undefined));
  }
  if (isFalsy(plugin)) return [];
  if (!isAtHand(plugin)) {
    if (isDescriptor(plugin)) definitionOf(Object.create(plugin, { handlers: { value: {} } }), false);
    const name = resolved.name ?? (isDescriptor(plugin) ? plugin.name : host.provisionalName());
    return [new Entry(plugin, name, options, resolved)];
  }
  const given = unpack(plugin);
  if (isFalsy(given)) return [];
  const definition = definitionAtHand(host, given);
  const { name } = definition ?? (given as { readonly name: string });
  const entry = new Entry(given, resolved.name ?? name, options, resolved);
  entry.definition = definition;
  return [entry];
}

/** Sees to it that a promise which rejects before its turn comes is nobody's unhandled rejection: it is asked later. */
export function adoptPromises(given: unknown): void {
  if (Array.isArray(given)) for (const one of given) adoptPromises(one);
  else {
    const then = thenOf(given);
    if (then !== undefined) follow(given, then, noop, noop);
  }
}

const noop = (): void => {};
