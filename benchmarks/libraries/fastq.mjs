import fastq from 'fastq';
import { enqueueSite } from './enqueue-site.mjs';

const HELD = 'slot.held';

/**
 * With promises where someone waits, with callbacks where nobody does. It calls the handler, or emits the event
 * on a bus of ambus with `isOntoBus`: what one would have without a queue that belongs to the bus.
 */
export async function queueing({ events, way, slots, isAsync = true, isOntoBus = false }) {
  const { run, taskOf, heldTaskOf } = isOntoBus ? await emitting(events) : calling(isAsync);
  const { queue, hold, drained } = way.startsWith('emit') ? withPromises(run, slots) : withCallbacks(run, slots);
  return {
    sites: events.map((event) => enqueueSite({ queue, run: event.handlers[0].run }, `queue.push(${taskOf(event)})`)),
    hold: (until) => hold(heldTaskOf(until)),
    drained,
  };
}

/** A handler is called as it is. What it runs must return a promise, which those of sync handlers aren't. */
function calling(isAsync) {
  return {
    run: isAsync ? (task) => task.run(task.payload) : async (task) => task.run(task.payload),
    taskOf: () => '{ run, payload }',
    heldTaskOf: (until) => ({ run: until }),
  };
}

async function emitting(events) {
  const { EventBus } = await import('ambus');
  const bus = new EventBus();
  for (const { type, handlers } of events) for (const { run } of handlers) bus.on(type, run);
  bus.on(HELD, (until) => until());
  return {
    run: ({ type, payload }) => bus.emit(type, payload),
    taskOf: ({ type }) => `{ type: '${type}', payload }`,
    heldTaskOf: (until) => ({ type: HELD, payload: until }),
  };
}

function withPromises(run, slots) {
  const queue = fastq.promise(run, slots);
  return { queue, hold: (task) => queue.push(task), drained: () => queue.drained() };
}

function withCallbacks(run, slots) {
  const queue = fastq((task, end) => {
    run(task).then(() => end(null), end);
  }, slots);
  return {
    queue,
    hold: (task) =>
      new Promise((resolve) => {
        queue.push(task, resolve);
      }),
    drained: () =>
      new Promise((resolve) => {
        if (queue.running() === 0) resolve();
        else queue.drain = resolve;
      }),
  };
}
