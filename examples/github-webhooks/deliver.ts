import type { EventQueue } from 'ambus/queue';
import type { BotEvents, DeliveryMeta } from './events.js';
import type { BadLine, Delivery } from './input/delivery.js';
import { queueingOf } from './triage.js';

export interface DeliverOptions {
  /** Aborting it ends the intake; what is in the queue stays there. */
  readonly signal: AbortSignal;
  readonly onBadLine: (line: BadLine) => void;
}

/**
 * Puts what comes in into the queue, and waits until all of it has been handled. Reads no faster than there is room.
 *
 * @throws The signal's reason; what reading has failed with.
 */
export async function deliverAll(
  queue: EventQueue<BotEvents>,
  items: Iterable<Delivery | BadLine> | AsyncIterable<Delivery | BadLine>,
  { signal, onBadLine }: DeliverOptions,
): Promise<void> {
  for await (const item of items) {
    if ('reason' in item) onBadLine(item);
    else {
      deliver(queue, item, onBadLine);
      // Before the next one is read: what has been read is in the queue, and not lost when we are told to stop.
      await queue.hasRoom({ signal });
    }
  }
  await queue.idle({ signal });
}

function deliver(queue: EventQueue<BotEvents>, delivery: Delivery, onBadLine: (line: BadLine) => void): void {
  const { id, event } = delivery;
  const meta: DeliveryMeta = { delivery: id };
  try {
    queue.post(event.type, event.payload, { ...queueingOf(delivery), meta });
  } catch (error) {
    // An event that can't be emitted, such as "issues.*". What handlers fail with goes to the bus's `onFailure`.
    onBadLine({ id, reason: (error as Error).message });
  }
}
