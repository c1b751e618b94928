import type { EventBus } from 'ambus';
import type { BotEvents, DeliveryMeta } from './events.js';
import type { BadLine, Delivery } from './input/delivery.js';

export interface DeliverOptions {
  /** How many deliveries may be under way at a time. */
  readonly limit: number;
  /** Aborting it ends the intake; what is under way goes on. */
  readonly signal: AbortSignal;
  onDelivered(): void;
  onBadLine(line: BadLine): void;
}

/** Emits what comes in, some at a time, until nothing more comes and all have settled. */
export async function deliverAll(
  bus: EventBus<BotEvents>,
  items: Iterable<Delivery | BadLine> | AsyncIterable<Delivery | BadLine>,
  options: DeliverOptions,
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  for await (const item of items) {
    if (options.signal.aborted) break;
    if ('reason' in item) {
      options.onBadLine(item);
      continue;
    }
    const delivery = deliver(bus, item, options).finally(() => underWay.delete(delivery));
    underWay.add(delivery);
    if (underWay.size >= options.limit) await Promise.race(underWay);
  }
  await Promise.all(underWay);
}

async function deliver(bus: EventBus<BotEvents>, { id, event }: Delivery, options: DeliverOptions): Promise<void> {
  try {
    await bus.emit(event.type, event.payload, { meta: { delivery: id } satisfies DeliveryMeta });
    options.onDelivered();
  } catch (error) {
    // Handlers' failures don't come here, they are isolated. What does is a refusal: an event that can't be
    // emitted, such as "issues.*".
    options.onBadLine({ id, reason: (error as Error).message });
  }
}
