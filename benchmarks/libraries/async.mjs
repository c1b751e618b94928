import priorityQueue from 'async/priorityQueue.js';
import { enqueueSite } from './enqueue-site.mjs';

/** Given as a callback, so that it makes no promise where nobody waits. */
const nobodyWaits = () => {};

/** Lower priorities come first. */
export function queueing({ events, way, slots }) {
  const queue = priorityQueue(({ run, payload }, end) => {
    run(payload).then(() => end(null), end);
  }, slots);
  const enqueueing = (given) => {
    const priority = given.includes('priority') ? '-priority' : '0';
    return way.startsWith('emit')
      ? `queue.pushAsync({ run, payload }, ${priority})`
      : `queue.push({ run, payload }, ${priority}, nobodyWaits)`;
  };
  return {
    sites: events.map(({ handlers: [{ run }], given }) => enqueueSite({ queue, run, nobodyWaits }, enqueueing(given))),
    hold: (run) => queue.pushAsync({ run }, 0),
    drained: () => (queue.idle() ? Promise.resolve() : queue.drain()),
  };
}
