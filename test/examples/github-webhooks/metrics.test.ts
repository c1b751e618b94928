import { EventBus } from 'ambus';
import { ManualClock } from 'ambus/testing';
import { expect, it } from 'vitest';
import { Metrics } from '../../../examples/github-webhooks/observers/metrics.js';

interface Events {
  asked: number;
  answered: void;
}

function observedBus() {
  const clock = new ManualClock();
  const metrics = new Metrics();
  const bus = new EventBus<Events>({ clock, onFailure: () => {} });
  bus.observe(metrics);
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      clock.setTimeout(resolve, ms);
    });
  return { bus, clock, metrics, sleep };
}

it('tells apart calls, failures, time limits and skips', async () => {
  const { bus, clock, metrics, sleep } = observedBus();
  bus.on('asked', sleep, { name: 'slow', timeoutMs: 50 });
  const fail = (): never => {
    throw new Error('no');
  };
  bus.on('asked', fail, { name: 'broken', filter: (ms) => ms > 10 });
  for (const ms of [10, 20, 60]) {
    const emission = bus.emit('asked', ms);
    await clock.advance(100);
    await emission;
  }
  expect(metrics.handlers()).toEqual([
    { handler: 'slow', calls: 3, failures: 0, timeouts: 1, skipped: 0, p50Ms: 20, p95Ms: 50 },
    { handler: 'broken', calls: 2, failures: 2, timeouts: 0, skipped: 1, p50Ms: 0, p95Ms: 0 },
  ]);
});

it('takes the percentiles by rank', async () => {
  const { bus, clock, metrics, sleep } = observedBus();
  bus.on('asked', sleep, { name: 'sleeper' });
  for (let ms = 1; ms <= 100; ms++) {
    const emission = bus.emit('asked', ms);
    await clock.advance(ms);
    await emission;
  }
  expect(metrics.handlers()).toMatchObject([{ p50Ms: 50, p95Ms: 95 }]);
});

it('knows of handlers that were never called', () => {
  const { bus, metrics } = observedBus();
  bus.on('asked', () => {}, { name: 'idle' });
  expect(metrics.handlers()).toMatchObject([{ handler: 'idle', calls: 0, p50Ms: 0 }]);
});

it('tells events from outside from those of handlers', async () => {
  const { bus, metrics } = observedBus();
  bus.on('asked', (_ms, ctx) => ctx.post('answered'));
  await bus.emit('asked', 1);
  expect([...metrics.received]).toEqual([['asked', 1]]);
  expect([...metrics.derived]).toEqual([['answered', 1]]);
});
