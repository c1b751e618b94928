import { answeringSite, callSite } from '../generated.mjs';
import { enqueueSite } from './enqueue-site.mjs';

function waterfall(handlers, payload) {
  let value = payload;
  for (let index = 0; index < handlers.length; index += 1) {
    const answer = handlers[index](value);
    if (answer !== undefined) value = answer;
  }
  return value;
}

async function asyncWaterfall(handlers, payload) {
  let value = payload;
  for (let index = 0; index < handlers.length; index += 1) {
    const answer = await handlers[index](value);
    if (answer !== undefined) value = answer;
  }
  return value;
}

function first(handlers, payload) {
  for (let index = 0; index < handlers.length; index += 1) {
    const answer = handlers[index](payload);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function collect(handlers, payload) {
  const answers = [];
  for (let index = 0; index < handlers.length; index += 1) {
    const answer = handlers[index](payload);
    if (answer !== undefined) answers.push(answer);
  }
  return answers;
}

function asyncCollect(handlers, payload) {
  return Promise.all(handlers.map((handler) => handler(payload)));
}

/** An onion of middleware: each handler gets a `next` that it may call once. */
function around(handlers, payload, core) {
  let reached = -1;
  const runFrom = (index, given) => {
    if (index <= reached) throw new Error('next() has been called before');
    reached = index;
    if (index === handlers.length) return core(given);
    return handlers[index](given, (changed = given) => runFrom(index + 1, changed));
  };
  return runFrom(0, payload);
}

/** The same for handlers that may be async: always a promise, whatever they return or throw. */
function asyncAround(handlers, payload, core) {
  let reached = -1;
  const runFrom = async (index, given) => {
    if (index <= reached) throw new Error('next() has been called before');
    reached = index;
    if (index === handlers.length) return core(given);
    return handlers[index](given, (changed = given) => runFrom(index + 1, changed));
  };
  return runFrom(0, payload);
}

function sites(makeSite, run, events) {
  return events.map(({ handlers, core }) =>
    makeSite({ run, handlers: handlers.map((handler) => handler.run), core }, 'run(handlers, payload, core)'),
  );
}

export function emitSync({ events, kind }) {
  return { emits: sites(answeringSite, { waterfall, first, collect, around }[kind], events) };
}

export function emitAwaited({ events, kind }) {
  const run = { waterfall: asyncWaterfall, collect: asyncCollect, around: asyncAround }[kind];
  return { emits: sites(callSite, run, events) };
}

/** For those who need an order within each key and nothing else: a chain of promises for each. */
export function queueing({ events }) {
  const tails = new Map();
  const enqueue = (key, run, payload) => {
    const before = tails.get(key);
    const tail = before === undefined ? run(payload) : before.then(() => run(payload));
    tails.set(key, tail);
    // Else the map grows with every key that there has ever been.
    const forget = () => {
      if (tails.get(key) === tail) tails.delete(key);
    };
    tail.then(forget, forget);
    return tail;
  };
  return {
    sites: events.map(({ handlers: [{ run }] }) => enqueueSite({ enqueue, run }, 'enqueue(key, run, payload)')),
    drained: () => Promise.all(tails.values()),
  };
}
