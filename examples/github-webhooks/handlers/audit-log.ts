import type { AnyEvent, EmissionContext } from 'ambus';
import type { BotEvents } from '../events.js';
import type { LineFile } from '../line-file.js';

/**
 * Writes down every event, the bot's own included: a handler of `onAny`.
 *
 * What it returns is `undefined` while the disk keeps up and a promise when it doesn't. A handler may be both:
 * the bus looks at each call's return value, and waits just when there is something to wait for.
 */
export function auditLog(file: LineFile) {
  return (event: AnyEvent<BotEvents>, ctx: EmissionContext<BotEvents>): void | Promise<void> =>
    file.write(JSON.stringify({ delivery: ctx.meta['delivery'], type: event.type, by: actorOf(event.payload) }));
}

/** Who caused it: nearly every payload of GitHub's has a `sender`. */
function actorOf(payload: AnyEvent<BotEvents>['payload']): string | undefined {
  return 'sender' in payload ? payload.sender?.login : undefined;
}
