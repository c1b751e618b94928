import { describe, expect, it } from 'vitest';
import { EventBus } from '../../src/index.js';
import { EventQueue, type QueueingOptions } from '../../src/queue/index.js';
import { promisesSettled } from '../bus/deferred.js';

interface Drain {
  readonly events: number;
  readonly handler: () => unknown;
  readonly concurrency?: number;
  readonly options?: (n: number) => QueueingOptions;
}

/** Posts so many events, and says how many had been handled when a timer of 1 ms fired, and whether input was read. */
async function firedAfter({ events, handler, concurrency = 1, options }: Drain): Promise<number> {
  const bus = new EventBus<{ tick: number }>();
  let handled = 0;
  bus.on('tick', () => {
    handled += 1;
    return handler();
  });
  const queue = new EventQueue(bus, { concurrency });
  for (let n = 0; n < events; n++) queue.post('tick', n, options?.(n));
  let atFire = Number.NaN;
  // Posting took far longer than it: it is due at the first turn that the event loop has.
  setTimeout(() => {
    atFire = handled;
  }, 1);
  await queue.idle();
  expect(handled).toBe(events);
  await promisesSettled();
  return atFire;
}

describe('a long drain', () => {
  it.each<[string, Drain]>([
    ['10⁶ synchronous handlers', { events: 1_000_000, handler: () => {} }],
    ['2·10⁵ asynchronous handlers', { events: 200_000, handler: async () => {} }],
    ['2·10⁵ asynchronous handlers, 10 at a time', { events: 200_000, handler: async () => {}, concurrency: 10 }],
    [
      '2·10⁵ handlers of which every other is asynchronous, of 100 keys and 4 priorities',
      {
        events: 200_000,
        handler: (
          (n) => () =>
            n++ % 2 === 0 ? null : Promise.resolve()
        )(0),
        concurrency: 4,
        options: (n) => ({ key: n % 100, priority: n % 4 }),
      },
    ],
  ])('lets a timer of 1 ms fire long before its end: %s', async (_, drain) => {
    const fired = await firedAfter(drain);
    expect(fired).toBeLessThan(drain.events / 2);
  });

  it.each<[string, (call: () => void) => unknown]>([
    ['synchronous', (call) => call()],
    ['asynchronous', async (call) => call()],
  ])('lets a timer fire while %s handlers post one event after the other', async (_, handle) => {
    const bus = new EventBus();
    const queue = new EventQueue(bus);
    let fired = false;
    let posted = 0;
    // Without end, but for a failing test's.
    bus.on('next', () => handle(() => !fired && posted++ < 3_000_000 && queue.post('next')));
    setTimeout(() => {
      fired = true;
    }, 1);
    queue.post('next');
    await queue.idle();
    expect(fired).toBe(true);
  });

  it('gives the event loop its turn again and again', async () => {
    const bus = new EventBus();
    const queue = new EventQueue(bus);
    bus.on('busy', () => {
      const until = performance.now() + 1;
      while (performance.now() < until);
    });
    for (let n = 0; n < 200; n++) queue.post('busy');
    const sizes: number[] = [];
    const look = (): void => {
      sizes.push(queue.size);
      if (queue.size > 0) setImmediate(look);
    };
    setImmediate(look);
    await queue.idle();
    // 200 ms of work in slices of about 8: many turns, whatever else the machine does.
    expect(new Set(sizes).size).toBeGreaterThan(5);
  });

  it('does not take a turn of the event loop for a few quick events', async () => {
    const bus = new EventBus();
    const queue = new EventQueue(bus);
    let handled = 0;
    bus.on('tick', () => (handled += 1));
    for (let n = 0; n < 20; n++) queue.post('tick');
    for (let n = 0; n < 10; n++) await null;
    expect(handled).toBe(20);
  });
});
