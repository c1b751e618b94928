import PQueue from 'p-queue';
import { enqueueSite, optionsOf } from './enqueue-site.mjs';

/** What one would write for p-queue's `queueClass`, where many tasks of few priorities wait: a list for each. */
class Buckets {
  #buckets = new Map();
  #descending = [];
  size = 0;

  enqueue(run, { priority = 0 } = {}) {
    let bucket = this.#buckets.get(priority);
    if (bucket === undefined) {
      bucket = { priority, first: undefined, last: undefined };
      this.#buckets.set(priority, bucket);
      const place = this.#descending.findIndex((other) => other.priority < priority);
      this.#descending.splice(place === -1 ? this.#descending.length : place, 0, bucket);
    }
    const node = { run, next: undefined };
    if (bucket.last === undefined) bucket.first = node;
    else bucket.last.next = node;
    bucket.last = node;
    this.size += 1;
  }

  dequeue() {
    const [bucket] = this.#descending;
    if (bucket === undefined) return undefined;
    const { run, next } = bucket.first;
    bucket.first = next;
    this.size -= 1;
    if (next === undefined) {
      this.#buckets.delete(bucket.priority);
      this.#descending.shift();
    }
    return run;
  }

  filter() {
    return [];
  }

  setPriority() {}
}

/** An event is a task. `add` always makes a promise: where nobody waits it is dropped. */
export function queueing({ events, slots, rate, hasBuckets = false, isPerKey = false }) {
  if (isPerKey) return queueingPerKey(events);
  const paced = rate && { intervalCap: rate.limit, interval: rate.intervalMs, strict: true };
  const queue = new PQueue({ concurrency: slots, ...paced, ...(hasBuckets && { queueClass: Buckets }) });
  return {
    sites: events.map(({ handlers: [{ run }], given }) =>
      enqueueSite({ queue, run }, `queue.add(() => run(payload)${optionsOf(given)})`),
    ),
    hold: (run) => queue.add(run),
    drained: () => queue.onIdle(),
  };
}

/** It knows no keys: who needs an order within each has a queue for each. */
function queueingPerKey(events) {
  const queues = new Map();
  const queueOf = (key) => {
    let queue = queues.get(key);
    if (queue === undefined) {
      queue = new PQueue({ concurrency: 1 });
      queues.set(key, queue);
    }
    return queue;
  };
  return {
    sites: events.map(({ handlers: [{ run }] }) =>
      enqueueSite({ queueOf, run }, 'queueOf(key).add(() => run(payload))'),
    ),
    drained: () => Promise.all([...queues.values()].map((queue) => queue.onIdle())),
  };
}
