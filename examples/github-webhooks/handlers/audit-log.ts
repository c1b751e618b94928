import type { EmissionContext } from 'ambus';
import type { BotEvents } from '../events.js';
import type { LineFile } from '../line-file.js';

/** Any event at all: other plugins may bring along some that nobody here knows. */
interface Audited {
  readonly type: PropertyKey;
  readonly payload: unknown;
}

/**
 * Writes down every event, the bot's own included: a handler of `onAny`.
 *
 * What it returns is `undefined` while the disk keeps up and a promise when it doesn't. A handler may be both:
 * the bus looks at each call's return value, and waits just when there is something to wait for.
 */
export function auditLog(file: LineFile) {
  return ({ type, payload }: Audited, { meta }: EmissionContext<BotEvents>): void | Promise<void> =>
    file.write(JSON.stringify({ delivery: meta['delivery'], type, by: actorOf(payload) }));
}

/** Who caused it: nearly every payload of GitHub's has a `sender`. */
function actorOf(payload: unknown): string | undefined {
  return (payload as { readonly sender?: { readonly login: string } | null } | undefined)?.sender?.login;
}
