import { EventBus } from 'ambus';
import { callSite } from '../generated.mjs';

/** What an observer may ask for, by the name that a contestant gives it. */
const observers = {
  registrations: { subscribed: () => {}, unsubscribed: () => {}, dropped: () => {} },
  handlers: { handlerSettled: () => {} },
};

async function makeBus({ events, compiled = false, provesGenerated = false, mode, observer, usePatterns = false }) {
  // Loaded only where it is measured: nothing of the generator is in the process of plain ambus.
  const compiler = compiled ? (await import('ambus/compiled')).compiled() : undefined;
  const bus = new EventBus({ compiler, mode });
  if (observer !== undefined) bus.observe(observers[observer]);
  for (const { type, pattern, handlers } of events) {
    for (const { run } of handlers) bus.on(usePatterns ? pattern : type, run);
  }
  const check = () => {
    const plain = bus.inspect().events.filter((event) => !event.compiled);
    if (provesGenerated && plain.length > 0) {
      throw new Error(`Expected generated dispatchers, got plain ones for ${plain.length} of ${events.length} events.`);
    }
  };
  return { bus, check };
}

async function emitWith(verb, setting) {
  const { bus, check } = await makeBus(setting);
  const emits = setting.events.map(({ type }) =>
    setting.throughHandle
      ? callSite({ event: bus.event(type) }, `event.${verb}(payload)`)
      : callSite({ bus }, `bus.${verb}('${type}', payload)`),
  );
  return { emits, check };
}

export function emitSync(setting) {
  return emitWith('emitSync', setting);
}

export function emitAwaited(setting) {
  return emitWith('emit', setting);
}

export function subscribing({ priorities = 1 }) {
  // Whoever subscribes 50,000 handlers to one event means it, and turns the leak warning off.
  const bus = new EventBus({ maxHandlers: 0 });
  const options = Array.from({ length: priorities }, (_, priority) => ({ priority }));
  let next = 0;
  return {
    add:
      priorities === 1
        ? (handler) => bus.on('tick', handler)
        : (handler) => bus.on('tick', handler, options[next++ % priorities]),
    remove: (unsubscribe) => unsubscribe(),
    emit: (payload) => bus.emitSync('tick', payload),
  };
}
