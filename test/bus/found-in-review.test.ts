import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { AmbusError, type EmitError, EventBus } from '../../src/index.js';
import { describeBothBuses } from './buses.js';

const quiet = { onFailure: () => undefined };

describeBothBuses((makeBus) => {
  it('[21] leaves the meta of an emission alone that another emission made through a kept context', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    let kept: { post(type: string): void } | undefined;
    bus.on('request', async (_payload, ctx) => {
      kept = ctx;
      await sleep(5);
    });
    bus.on('flush', async () => {
      kept?.post('audit');
      await sleep(1);
    });
    bus.on('audit', async (_payload, ctx) => {
      seen.push(ctx.meta);
      await sleep(2);
      seen.push(ctx.meta);
    });
    const request = bus.emit('request', 1, { meta: { user: 'ann' } });
    await bus.emit('flush');
    await request;
    await bus.idle();
    expect(seen).toEqual([{ user: 'ann' }, { user: 'ann' }]);
  });

  it('[21] passes meta to plain emissions inside of one made through ctx after an await', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    const seen: unknown[] = [];
    bus.on('a', async (_payload, ctx) => {
      await sleep(1);
      ctx.emitSync('b');
    });
    bus.on('b', () => {
      bus.emitSync('c');
    });
    bus.on('c', (_payload, ctx) => {
      seen.push(ctx.meta);
    });
    bus.emitSync('c');
    bus.emitSync('b');
    await bus.emit('a', 1, { meta: { user: 'ann' } });
    expect(seen.at(-1)).toEqual({ user: 'ann' });
  });

  it('[21] does not wait for a slot of its own that a plain emission inside of ctx.emit asks for', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    let runs = 0;
    bus.on(
      'a',
      async (_payload, ctx) => {
        if (runs++ > 0) return;
        await sleep(1);
        await ctx.emit('b');
      },
      { concurrency: 1 },
    );
    bus.on('b', () => bus.emit('a'));
    expect(await bus.emit('a')).toMatchObject({ ok: true });
    expect(runs).toBe(2);
  });

  it('[21] closes without a drain in a handler without giving up the emission that it is called in', async () => {
    const bus = makeBus();
    const third = vi.fn();
    let report: unknown;
    bus.on('a', () => sleep(1));
    bus.on('a', async () => {
      report = await bus.close({ drainMs: 0 });
    });
    bus.on('a', third);
    expect(await bus.emit('a')).toMatchObject({ called: 3, stopped: false });
    expect(third).toHaveBeenCalledOnce();
    expect(report).toEqual({ drained: true, unfinished: [] });
  });

  it.each([5, ['5'], null, Object.create(null) as unknown])(
    '[3] refuses %o as a name by a rejection, when the event of that spelling is warm too',
    async (type) => {
      const bus = makeBus(quiet);
      bus.on('5', () => {});
      for (let n = 0; n < 300; n++) bus.emitSync('5');
      await expect(bus.emit(type as never)).rejects.toMatchObject({ code: 'INVALID_EVENT' });
      expect(() => bus.emitSync(type as never)).toThrow(AmbusError);
    },
  );
});

describeBothBuses((makeBus) => {
  const shapes = {
    'plain handlers': {},
    'handlers with a filter': { filter: () => true },
    'handlers with a time limit': { timeoutMs: 1_000 },
  };
  it.each(Object.entries(shapes))('[10] ends where %s emit each other without end, as one failure', (_, options) => {
    const failures: AmbusError[] = [];
    const bus = makeBus({ onFailure: (failure) => failures.push(failure) });
    for (const [own, other] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      bus.on(own, () => void bus.emitSync(other), options);
      bus.on(own, () => bus.post(other), options);
      bus.on(own, () => void bus.emit(other), options);
    }
    const result = bus.emitSync('a');
    expect(result).toMatchObject({ ok: false, called: 3 });
    expect(failures).toHaveLength(3);
    expect(failures[0]?.message).toContain('call stack');
    expect(bus.inspect().counts.inFlight).toBe(0);
    // Nothing is left of it.
    const parents: unknown[] = [];
    bus.observe({ emissionStarted: (fact) => parents.push(fact.parentId) });
    bus.emitSync('quiet');
    expect(parents).toEqual([undefined]);
  });
});

describe('what is printed or logged', () => {
  it('of a context is what it is about, and not the bus', () => {
    const bus = new EventBus();
    let text = '';
    bus.on('tick', (_payload, ctx) => {
      text = inspect(ctx) + JSON.stringify(ctx);
    });
    bus.emitSync('tick', { n: 1 });
    expect(text).toContain('"payload":{"n":1}');
    expect(text).not.toContain('BusCore');
    expect(text.length).toBeLessThan(400);
  });

  it('of a failure as JSON has its message, origin and cause', () => {
    const bus = new EventBus(quiet);
    bus.on('tick', function count() {
      throw new TypeError('no');
    });
    const [failure] = JSON.parse(JSON.stringify(bus.emitSync('tick').failures)) as unknown[];
    expect(failure).toMatchObject({
      code: 'HANDLER_FAILED',
      message: 'Handler "count" of "tick" failed: no',
      handler: 'count',
      cause: { name: 'TypeError', message: 'no' },
    });
  });

  it('of an EmitError does not show its failures a third time, in its result', () => {
    const bus = new EventBus({ failurePolicy: 'throw' });
    bus.on('tick', () => {
      throw new Error('no');
    });
    let error: unknown;
    try {
      bus.emitSync('tick');
    } catch (thrown) {
      error = thrown;
    }
    expect((error as EmitError<{ called: number }>).result.called).toBe(1);
    expect(Object.keys(error as object)).not.toContain('result');
  });

  it('of a refused post has a stack that leads to the caller', async () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {});
    const bus = new EventBus();
    await bus.close();
    bus.post('tick');
    expect(write.mock.calls[0]?.[1]).toMatchObject({ code: 'BUS_CLOSED' });
    write.mockRestore();
  });

  it('of too many listeners to everything is one warning, however many events there are', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const bus = new EventBus({ maxHandlers: 2 });
    for (let n = 0; n < 3; n++) bus.onAny(() => {});
    for (let n = 0; n < 10; n++) bus.emitSync(`event.${n}`);
    expect(warn).toHaveBeenCalledOnce();
    warn.mockRestore();
  });
});
