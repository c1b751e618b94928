import type { Channel } from '../dispatching/channel.js';
import type { DeprecationFound } from '../observing/observer.js';
import type { Subscription } from '../subscribing/subscription.js';

/** Says, once a handler, that it subscribes to an event which is declared to be on its way out. */
export function warnOfDeprecation(channel: Channel, { extras, group, handler, name }: Subscription): void {
  const { core, declaration, type } = channel;
  const deprecated = declaration?.settings.deprecated;
  if (deprecated === undefined) return;
  if (group !== null && group.warned !== null) {
    const key = JSON.stringify([String(type), name]);
    if (group.warned.has(key)) return;
    group.warned.add(key);
  } else if (extras?.internal === true) {
    channel.warnedInternals ??= new Set();
    if (channel.warnedInternals.has(name)) return;
    channel.warnedInternals.add(name);
  } else {
    channel.warned ??= new WeakSet();
    if (channel.warned.has(handler)) return;
    channel.warned.add(handler);
  }
  const { link, since, use } = deprecated;
  const who = `Handler "${name}"${group === null ? '' : ` of "${group.name}"`}`;
  const fact: DeprecationFound = {
    type,
    handler: name,
    group: group?.name,
    since,
    use,
    link,
    message: `[ambus] ${who} subscribes to "${String(type)}", which is deprecated since ${since}; use ${use}${link === undefined ? '' : ` (${link})`}.`,
  };
  if (core.observers.hears('deprecationFound')) core.observers.tell('deprecationFound', fact);
  else console.warn(fact.message);
}
