import { expect, it } from 'vitest';
import { EventBus } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';

const quiet = { onFailure: () => undefined };
const never = () => new Promise<never>(() => undefined);

it('starts no handler after close', async () => {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, ...quiet });
  const calls: unknown[] = [];
  bus.on(
    'x',
    (p) => {
      calls.push(p);
      return new Promise((r) => clock.setTimeout(() => r(0), 10));
    },
    { concurrency: 1 },
  );
  void bus.emit('x', 1);
  void bus.emit('x', 2);
  await bus.close({ drainMs: 0 });
  await clock.advance(100);
  expect(calls).toEqual([1]);
});

it('ctx.stop ends an emission whose earlier handler waits for a slot', async () => {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, mode: 'concurrent', ...quiet });
  bus.on('x', never, { concurrency: 1 });
  bus.on('y', () => undefined);
  bus.on(['x'], (p, ctx) => {
    if (p === 2) ctx.stop();
  });
  void bus.emit('x', 1);
  let settled = false;
  void bus.emit('x', 2).then(() => {
    settled = true;
  });
  await clock.advance(100_000);
  expect(settled).toBe(true);
});

it('group.remove skips a claimed run that waits for a slot', async () => {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, ...quiet });
  const group = bus.group('g');
  group.on('x', never, { concurrency: 1, times: 2 });
  void bus.emit('x', 1);
  let settled = false;
  void bus.emit('x', 2).then(() => {
    settled = true;
  });
  group.remove();
  await clock.advance(100_000);
  expect(settled).toBe(true);
});

it('a handler started when another timed out is traced under ManualClock', async () => {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, asyncContext: 'always', ...quiet });
  const parents: unknown[] = [];
  bus.observe({ emissionStarted: (f) => void parents.push(f.type, f.parentId !== undefined) });
  bus.on('x', never, { timeoutMs: 1 });
  bus.on('x', async () => {
    await null;
    await bus.emit('y');
  });
  void bus.emit('x');
  await clock.advance(10);
  expect(parents).toEqual(['x', false, 'y', true]);
});

it('aborting an emitSync aborts the signal of a handler with a time limit that goes on late', async () => {
  const bus = new EventBus(quiet);
  const controller = new AbortController();
  const signals: AbortSignal[] = [];
  bus.on(
    'x',
    (_, ctx) => {
      signals.push(ctx.signal);
      return never();
    },
    { timeoutMs: 1000 },
  );
  bus.on('x', () => controller.abort(new Error('a')));
  expect(() => bus.emitSync('x', 1, { signal: controller.signal })).toThrow('a');
  expect(signals[0]?.aborted).toBe(true);
});

it('idle with concurrency 2 never hangs', async () => {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, ...quiet });
  bus.on(
    'x',
    async (_, ctx) => {
      await ctx.idle();
      await ctx.idle();
    },
    { concurrency: 2 },
  );
  let settled = 0;
  for (let i = 0; i < 3; i++) void bus.emit('x', i).then(() => settled++);
  await clock.advance(1000);
  expect(settled).toBe(3);
});

it('idle in two handlers with slots never hangs', async () => {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, ...quiet });
  bus.on('x', (_, ctx) => ctx.idle(), { concurrency: 1 });
  bus.on('x', (_, ctx) => ctx.idle(), { concurrency: 1 });
  let settled = 0;
  for (let i = 0; i < 4; i++) void bus.emit('x', i).then(() => settled++);
  await clock.advance(1000);
  expect(settled).toBe(4);
});

it('idle waits for work of an emission that needs the slot of the one who idles', async () => {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, mode: 'concurrent', ...quiet });
  const log: string[] = [];
  bus.on(
    'x',
    async (_, ctx) => {
      await new Promise<void>((resolve) => clock.setTimeout(resolve, 1));
      await ctx.idle();
      log.push(`idle at ${clock.now()}`);
    },
    { concurrency: 1 },
  );
  bus.on('x', (p) =>
    p === 2
      ? new Promise<void>((r) =>
          clock.setTimeout(() => {
            log.push(`work done at ${clock.now()}`);
            r();
          }, 10),
        )
      : undefined,
  );
  bus.on('x', () => new Promise<void>((r) => clock.setTimeout(r, 5)));
  void bus.emit('x', 1);
  void bus.emit('x', 2);
  await clock.advance(100);
  expect(log[0]).toBe('work done at 10');
});

it('listens once to a signal of many emissions, so that Node sees no leak', async () => {
  const warnings: unknown[] = [];
  const on = (w: Error) => warnings.push(w.name);
  process.on('warning', on);
  const bus = new EventBus(quiet);
  const { signal } = new AbortController();
  bus.on('x', never);
  for (let i = 0; i < 20; i++) void bus.emit('x', i, { signal });
  await new Promise((r) => setTimeout(r, 20));
  process.off('warning', on);
  expect(warnings).toEqual([]);
});

it('keeps the id of an emission that has ended for a handler that goes on late and emits', async () => {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, ...quiet });
  const ids: string[] = [];
  bus.on(
    'x',
    async (_, ctx) => {
      ids.push(ctx.id);
      await new Promise<void>((r) => clock.setTimeout(r, 5));
      void ctx.emit('y');
      ids.push(ctx.id);
    },
    { timeoutMs: 1 },
  );
  void bus.emit('x');
  await clock.advance(10);
  expect(ids[0]).toBe(ids[1]);
});

it('says that what was stopped before it was aborted was stopped', async () => {
  const reasons: string[] = [];
  const bus = new EventBus(quiet);
  bus.observe({ handlerSkipped: ({ reason }) => reasons.push(reason) });
  const leaving = new AbortController();
  bus.on('x', async (_, ctx) => {
    await null;
    ctx.stop();
    await never();
  });
  bus.on('x', () => {});
  void bus.emit('x', 1, { signal: leaving.signal }).catch(() => {});
  await new Promise((resolve) => setImmediate(resolve));
  leaving.abort();
  expect(reasons).toEqual(['stopped']);
});
