import { around, collect, defineEvents, EventBus, first, waterfall } from 'ambus';
import { answeringSite, callSite } from '../generated.mjs';

/** What an observer may ask for, by the name that a contestant gives it. */
const observers = {
  registrations: { subscribed: () => {}, unsubscribed: () => {}, dropped: () => {} },
  handlers: { handlerSettled: () => {} },
};

/** What may be around emissions, by the name that a contestant gives it. */
const interceptors = {
  elsewhere: { types: ['elsewhere.happened', 'elsewhere.*'], intercept: (_emission, next) => next() },
  passing: { intercept: (_emission, next) => next() },
  adding: { intercept: (_emission, next) => next({ meta: { request: 'r1' } }) },
};

/** How an event of a kind is declared, and where its answer is in the result. */
const kinds = {
  waterfall: { declare: waterfall, answer: 'value' },
  first: { declare: first, answer: 'value' },
  collect: { declare: collect, answer: 'values' },
  around: { declare: around, answer: 'value' },
};

/** Broadcasts are as most applications have them: with a plain map of types, and nothing declared. */
function declarations(events, kind) {
  if (kind === undefined) return undefined;
  return defineEvents(Object.fromEntries(events.map(({ type }) => [type, kinds[kind].declare()])));
}

/** Attaches an interceptor and returns a function that proves that it met these emissions, or none. */
function attachInterceptor(bus, { intercept, types }) {
  let met = 0;
  bus.intercept(
    (emission, next) => {
      met += 1;
      return intercept(emission, next);
    },
    types === undefined ? {} : { types },
  );
  return (emissions) => {
    const expected = types === undefined ? emissions : 0;
    if (met !== expected) throw new Error(`Expected the interceptor to meet ${expected} emissions, got ${met}.`);
  };
}

/** Kept, so that what a queue needs as long as it is there stays. */
const queues = [];

/** Makes a queue, and has it do some work, so that all that it ever switches on is on. */
async function runQueue(bus) {
  const { EventQueue } = await import('ambus/queue');
  const queue = new EventQueue(bus, { concurrency: 2 });
  queues.push(queue);
  let ran = 0;
  bus.on('queued.before', async () => {
    ran += 1;
    await queue.emit('queued.within');
  });
  for (let index = 0; index < 1_000; index += 1) queue.post('queued.before', undefined, { priority: index % 4 });
  await queue.idle();
  if (ran !== 1_000) throw new Error(`Expected the queue to emit 1000 events, got ${ran}.`);
}

/** Which bus a queue has run on, by the name that a contestant gives it. */
const besides = {
  made: async (bus) => {
    const { EventQueue } = await import('ambus/queue');
    queues.push(new EventQueue(bus));
  },
  elsewhere: () => runQueue(new EventBus()),
  own: (bus) => runQueue(bus),
};

async function makeBus(setting) {
  const { events, kind, compiled = false, provesGenerated = false, mode, observer, interceptor, usePatterns } = setting;
  const { besideQueue } = setting;
  // Loaded only where it is measured: nothing of the generator is in the process of plain ambus.
  const compiler = compiled ? (await import('ambus/compiled')).compiled() : undefined;
  const bus = new EventBus({ compiler, mode, events: declarations(events, kind) });
  if (observer !== undefined) bus.observe(observers[observer]);
  const checkInterceptor = interceptor && attachInterceptor(bus, interceptors[interceptor]);
  for (const { type, pattern, handlers } of events) {
    for (const { run } of handlers) bus.on(usePatterns ? pattern : type, run);
  }
  if (besideQueue !== undefined) await besides[besideQueue](bus);
  const check = (emissions) => {
    checkInterceptor?.(emissions);
    const plain = bus.inspect().events.filter((event) => !event.compiled);
    if (provesGenerated && plain.length > 0) {
      throw new Error(`Expected generated dispatchers, got plain ones for ${plain.length} of ${events.length} events.`);
    }
  };
  return { bus, check };
}

/** The expression with which an application emits, by a verb of the bus or of the event's handle. */
function emitting(verb, { kind, throughHandle }, type) {
  const given = `payload${kind === 'around' ? ', { core }' : ''}`;
  return throughHandle ? `event.${verb}(${given})` : `bus.${verb}('${type}', ${given})`;
}

async function emitWith(verb, setting) {
  const { kind } = setting;
  const { bus, check } = await makeBus(setting);
  const emits = setting.events.map(({ type, core }) => {
    const scope = { bus, event: bus.event(type), core };
    const expression = emitting(verb, setting, type);
    // A caller who can't wait reads the answer where it emits.
    return kind !== undefined && verb === 'emitSync'
      ? answeringSite(scope, `${expression}.${kinds[kind].answer}`)
      : callSite(scope, expression);
  });
  return { emits, check };
}

export function emitSync(setting) {
  return emitWith('emitSync', setting);
}

export async function emitAwaited(setting) {
  return { ...(await emitWith('emit', setting)), answerOf: (result) => result[kinds[setting.kind].answer] };
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

export function streaming({ burst }) {
  const bus = new EventBus();
  // Room for what is not read yet, as the others have it without end.
  const options = { capacity: Math.max(burst, 1_024), overflow: 'error' };
  return {
    emit: callSite({ bus }, "bus.emitSync('tick', payload)"),
    open: () => bus.stream('tick', options),
    payloadOf: (payload) => payload,
  };
}

export function inspecting({ subscriptions, perEvent }) {
  const bus = new EventBus({ maxHandlers: 0 });
  for (let index = 0; index < subscriptions; index += 1) {
    bus.on(`area${Math.floor(index / perEvent)}.happened`, () => {}, { name: `handler${index}` });
  }
  // What is put off until the first emission is done by then in an application.
  for (const type of bus.eventTypes()) bus.emitSync(type, {});
  return {
    inspect: () => bus.inspect(),
    count: ({ events }) => events.reduce((sum, { handlers }) => sum + handlers.length, 0),
  };
}
