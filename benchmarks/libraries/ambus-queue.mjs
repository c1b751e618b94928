import { EventBus } from 'ambus';
import { EventQueue } from 'ambus/queue';
import { enqueueSite, optionsOf } from './enqueue-site.mjs';

const HELD = 'slot.held';

export function queueing({ events, way, slots, rate, asyncContext }) {
  const bus = new EventBus({ asyncContext });
  for (const { type, handlers } of events) for (const { run } of handlers) bus.on(type, run);
  bus.on(HELD, (run) => run());
  const queue = new EventQueue(bus, { concurrency: slots, rate });
  const verb = way.startsWith('emit') ? 'emit' : 'post';
  return {
    sites: events.map(({ type, given }) =>
      enqueueSite({ queue }, `queue.${verb}('${type}', payload${optionsOf(given)})`),
    ),
    hold: (run) => queue.emit(HELD, run),
    drained: () => queue.idle(),
  };
}
