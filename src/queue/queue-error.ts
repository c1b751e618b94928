import { AmbusError, type ErrorCode, type ErrorDetails } from '../errors.js';

/** Why an event of a queue isn't emitted: each error names the queue and the event. */
function queueError(
  code: ErrorCode,
  queue: string,
  type: PropertyKey,
  message: (event: string) => string,
  details?: ErrorDetails,
): AmbusError {
  const event = String(type);
  return new AmbusError(code, message(event), { details: { queue, event, ...details } });
}

export function queueFull(queue: string, type: PropertyKey, capacity: number): AmbusError {
  const message = (event: string): string =>
    `The queue "${queue}" has no room for "${event}": its capacity is ${capacity}.`;
  return queueError('QUEUE_FULL', queue, type, message, { capacity });
}

export function queueClosed(queue: string, type: PropertyKey): AmbusError {
  return queueError(
    'QUEUE_CLOSED',
    queue,
    type,
    (event) => `The queue "${queue}" has been closed, and doesn't emit "${event}".`,
  );
}

export function queueCleared(queue: string, type: PropertyKey): AmbusError {
  return queueError(
    'QUEUE_CLEARED',
    queue,
    type,
    (event) => `"${event}" was taken out of the queue "${queue}", which was cleared.`,
  );
}

export function expired(queue: string, type: PropertyKey, maxWaitMs: number): AmbusError {
  const message = (event: string): string => `"${event}" waited in the queue "${queue}" for more than ${maxWaitMs} ms.`;
  return queueError('EXPIRED', queue, type, message, { maxWaitMs });
}

/** One link of a chain of waits: who has a key, or wants it. */
export interface DeadlockLink {
  readonly event: string;
  readonly key: string;
}

export function keyDeadlock(queue: string, type: PropertyKey, chain: readonly DeadlockLink[]): AmbusError {
  const links = chain.map(({ event, key }) => `for the key ${key}, which "${event}" has`).join(' and which waits ');
  const message = (event: string): string =>
    `"${event}" would wait for ever in the queue "${queue}": it waits ${links}, and that waits for it.`;
  return queueError('DEADLOCK', queue, type, message, { chain });
}

/** @param events - Those that run, and wait for room. */
export function roomDeadlock(queue: string, events: readonly string[]): AmbusError {
  const names = events.map((event) => `"${event}"`).join(', ');
  return new AmbusError(
    'DEADLOCK',
    `The queue "${queue}" would never have room: every slot is taken by an emission that waits for it (${names}).`,
    { details: { queue, chain: events.map((event) => ({ event })) } },
  );
}
