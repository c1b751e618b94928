import { describe, expect, it } from 'vitest';
import { describeEveryBus } from './buses.js';
import { type Deferred, deferred, promisesSettled, rejectionOf } from './deferred.js';

describeEveryBus((makeBus) => {
  /** Runs that the test ends one by one, and how many of them run. */
  function gated() {
    const gates: Deferred[] = [];
    const started: string[] = [];
    const handler = async (name: string): Promise<void> => {
      started.push(name);
      const gate = deferred();
      gates.push(gate);
      await gate.promise;
    };
    return { gates, started, handler };
  }

  it('lets at most as many runs of a handler be unsettled, over all emissions, first come first served', async () => {
    const { gates, started, handler } = gated();
    const bus = makeBus<{ tick: string }>();
    bus.on('tick', handler, { concurrency: 2 });
    const emissions = ['a', 'b', 'c', 'd'].map((name) => bus.emit('tick', name));
    expect(started).toEqual(['a', 'b']);
    gates[1]?.resolve();
    await promisesSettled();
    expect(started).toEqual(['a', 'b', 'c']);
    gates[0]?.resolve();
    await promisesSettled();
    expect(started).toEqual(['a', 'b', 'c', 'd']);
    gates[2]?.resolve();
    gates[3]?.resolve();
    for (const result of await Promise.all(emissions))
      expect(result).toMatchObject({ ok: true, called: 1, skipped: 0 });
  });

  it('counts the runs of a pattern, list or any-handler over all its events', async () => {
    for (const subscribe of ['pattern', 'list', 'any'] as const) {
      const { gates, started, handler } = gated();
      const bus = makeBus<{ 'a.x': string; 'a.y': string }>();
      if (subscribe === 'pattern') bus.on('a.*', handler, { concurrency: 1 });
      else if (subscribe === 'list') bus.on(['a.x', 'a.y'], handler, { concurrency: 1 });
      else bus.onAny(({ payload }) => handler(payload), { concurrency: 1 });
      const emissions = [bus.emit('a.x', 'x'), bus.emit('a.y', 'y')];
      expect(started).toEqual(['x']);
      gates[0]?.resolve();
      await promisesSettled();
      expect(started).toEqual(['x', 'y']);
      gates[1]?.resolve();
      await Promise.all(emissions);
    }
  });

  it('counts each subscription by itself, also where they share a function', async () => {
    const { gates, started, handler } = gated();
    const bus = makeBus<{ tick: string }>({ mode: 'concurrent' });
    bus.on('tick', handler, { concurrency: 1 });
    bus.on('tick', handler, { concurrency: 1 });
    const emission = bus.emit('tick', 'a');
    expect(started).toEqual(['a', 'a']);
    for (const gate of gates) gate.resolve();
    await emission;
  });

  it('holds up a sequential emission at that handler, and no emission of other events', async () => {
    const { gates, handler } = gated();
    const seen: string[] = [];
    const bus = makeBus<{ tick: string; tock: void }>();
    bus.on('tick', (name) => void seen.push(`${name} before`));
    bus.on('tick', handler, { concurrency: 1 });
    bus.on('tick', (name) => void seen.push(`${name} after`));
    bus.on('tock', () => void seen.push('tock'));
    const emissions = [bus.emit('tick', 'a'), bus.emit('tick', 'b')];
    bus.emitSync('tock');
    expect(seen).toEqual(['a before', 'b before', 'tock']);
    gates[0]?.resolve();
    await promisesSettled();
    expect(seen.at(-1)).toBe('a after');
    gates[1]?.resolve();
    await Promise.all(emissions);
    expect(seen.at(-1)).toBe('b after');
  });

  it('lets the other handlers of a concurrent emission start while one waits', async () => {
    const { gates, handler } = gated();
    const seen: string[] = [];
    const bus = makeBus<{ tick: string }>({ mode: 'concurrent' });
    bus.on('tick', handler, { concurrency: 1 });
    bus.on('tick', (name) => void seen.push(name));
    const emissions = [bus.emit('tick', 'a'), bus.emit('tick', 'b')];
    expect(seen).toEqual(['a', 'b']);
    gates[0]?.resolve();
    await promisesSettled();
    gates[1]?.resolve();
    await Promise.all(emissions);
  });

  it('holds the next tier up until one that waits has run', async () => {
    const { gates, handler } = gated();
    const seen: string[] = [];
    const bus = makeBus<{ tick: string }>({ mode: 'tiered' });
    bus.on('tick', handler, { concurrency: 1, priority: 1 });
    bus.on('tick', (name) => void seen.push(name));
    const emissions = [bus.emit('tick', 'a'), bus.emit('tick', 'b')];
    gates[0]?.resolve();
    await promisesSettled();
    expect(seen).toEqual(['a']);
    gates[1]?.resolve();
    await Promise.all(emissions);
    expect(seen).toEqual(['a', 'b']);
  });

  it('never holds up a handler that is synchronous', () => {
    let calls = 0;
    const bus = makeBus();
    bus.on('tick', () => void (calls += 1), { concurrency: 1 });
    for (let n = 0; n < 3; n++) expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 1 });
    expect(bus.dispatch('tick')).not.toBeInstanceOf(Promise);
    expect(calls).toBe(4);
  });

  it('gives its slot back however a run ends', async () => {
    const bus = makeBus<{ tick: string }>();
    const run = (how: string): unknown => {
      if (how === 'throws') throw new Error(how);
      if (how === 'rejects') return Promise.reject(new Error(how));
      if (how === 'then throws') {
        return {
          get then(): unknown {
            throw new Error(how);
          },
        };
      }
      return how === 'resolves' ? Promise.resolve() : undefined;
    };
    bus.on('tick', run, { concurrency: 1 });
    for (const how of ['throws', 'rejects', 'then throws', 'resolves', 'returns', 'throws', 'returns']) {
      expect(await bus.emit('tick', how), how).toMatchObject({ called: 1 });
    }
    expect(bus.inspect().events[0]?.handlers).toMatchObject([{ concurrency: 1, running: 0 }]);
  });

  it('makes dispatch return a promise where a run has to wait', async () => {
    const { gates, handler } = gated();
    const bus = makeBus<{ tick: string }>();
    bus.on('tick', (name) => (name === 'slow' ? handler(name) : undefined), { concurrency: 1 });
    const slow = bus.emit('tick', 'slow');
    const waits = bus.dispatch('tick', 'fast');
    expect(waits).toBeInstanceOf(Promise);
    gates[0]?.resolve();
    expect(await waits).toMatchObject({ ok: true, called: 1 });
    await slow;
    expect(bus.dispatch('tick', 'fast')).not.toBeInstanceOf(Promise);
  });

  it('fails a run that would have to wait under emitSync with HANDLER_BUSY', async () => {
    const { gates, handler } = gated();
    const bus = makeBus<{ tick: string }>();
    let after = 0;
    bus.on('tick', handler, { concurrency: 1, name: 'worker' });
    bus.on('tick', () => void (after += 1));
    const first = bus.emit('tick', 'a');
    const result = bus.emitSync('tick', 'b');
    expect(result).toMatchObject({
      ok: false,
      called: 1,
      skipped: 0,
      failures: [{ code: 'HANDLER_BUSY', handler: 'worker', phase: 'handler' }],
    });
    expect(result.failures[0]?.message).toContain('worker');
    expect(after).toBe(1);
    gates[0]?.resolve();
    await first;
    expect(bus.inspect().events[0]?.handlers[0]).toMatchObject({ running: 0 });
  });

  it('holds its slot under emitSync until the promise that it returned has settled', async () => {
    const { gates, started, handler } = gated();
    const bus = makeBus<{ tick: string }>();
    bus.on('tick', handler, { concurrency: 1 });
    expect(bus.emitSync('tick', 'a').failures).toMatchObject([{ code: 'ASYNC_IN_SYNC' }]);
    const second = bus.emit('tick', 'b');
    expect(started).toEqual(['a']);
    gates[0]?.resolve();
    await promisesSettled();
    expect(started).toEqual(['a', 'b']);
    gates[1]?.resolve();
    await second;
  });

  it('asks the filter before it waits, and lets no slot for what it refuses', async () => {
    const { gates, started, handler } = gated();
    const bus = makeBus<{ tick: string }>();
    bus.on('tick', handler, { concurrency: 1, filter: (name) => name !== 'no' });
    const first = bus.emit('tick', 'a');
    expect(await bus.emit('tick', 'no')).toMatchObject({ called: 0, skipped: 1 });
    gates[0]?.resolve();
    await first;
    expect(started).toEqual(['a']);
  });

  it('takes `concurrency: Infinity` as no limit', async () => {
    const { gates, started, handler } = gated();
    const bus = makeBus<{ tick: string }>();
    bus.on('tick', handler, { concurrency: Infinity });
    const emissions = [bus.emit('tick', 'a'), bus.emit('tick', 'b')];
    expect(started).toEqual(['a', 'b']);
    for (const gate of gates) gate.resolve();
    await Promise.all(emissions);
  });

  it('hands its slot on fairly among very many that wait', async () => {
    const order: number[] = [];
    const bus = makeBus<{ tick: number }>();
    bus.on(
      'tick',
      async (n) => {
        await null;
        order.push(n);
      },
      { concurrency: 1 },
    );
    const emissions = Array.from({ length: 2_000 }, (_, n) => bus.emit('tick', n));
    await Promise.all(emissions);
    expect(order).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
  });

  describe('a run that waits for a slot', () => {
    /** A bus whose handler is busy, with a second emission that waits for it. */
    function waiting(options?: Parameters<typeof makeBus>[0]) {
      const { gates, started, handler } = gated();
      const bus = makeBus<{ tick: string }>(options);
      const group = bus.group('widget');
      const off = group.on('tick', handler, { concurrency: 1 });
      const first = bus.emit('tick', 'first');
      return { bus, group, off, first, gates, started };
    }

    it('is skipped where the handler is removed', async () => {
      for (const by of ['off', 'group'] as const) {
        const { bus, group, off, first, gates, started } = waiting();
        const second = bus.emit('tick', 'second');
        if (by === 'off') off();
        else group.remove();
        expect(await second).toMatchObject({ ok: true, called: 0, skipped: 1 });
        gates[0]?.resolve();
        expect(await first).toMatchObject({ ok: true, called: 1 });
        expect(started).toEqual(['first']);
      }
    });

    it('is still called where the handler is retired', async () => {
      const { bus, group, first, gates, started } = waiting();
      const second = bus.emit('tick', 'second');
      group.retire();
      gates[0]?.resolve();
      await promisesSettled();
      expect(started).toEqual(['first', 'second']);
      gates[1]?.resolve();
      expect(await second).toMatchObject({ called: 1, skipped: 0 });
      await first;
    });

    it('is skipped where the emission is aborted, and leaves its place to the next', async () => {
      const { bus, first, gates, started } = waiting();
      const controller = new AbortController();
      const second = rejectionOf(bus.emit('tick', 'second', { signal: controller.signal }));
      const third = bus.emit('tick', 'third');
      controller.abort('enough');
      expect(await second).toBe('enough');
      gates[0]?.resolve();
      await promisesSettled();
      expect(started).toEqual(['first', 'third']);
      gates[1]?.resolve();
      await Promise.all([first, third]);
    });

    it('is skipped where the emission stops meanwhile', async () => {
      const { bus, first, gates, started } = waiting({ mode: 'concurrent' });
      bus.on('tick', async (name, ctx) => {
        await null;
        if (name === 'second') ctx.stop();
      });
      const second = bus.emit('tick', 'second');
      await promisesSettled();
      gates[0]?.resolve();
      expect(await second).toMatchObject({ called: 1, skipped: 1, stopped: true });
      await first;
      expect(started).toEqual(['first']);
    });

    it('is skipped where its emission ends by a failure under the policy stop', async () => {
      const { bus, first, gates, started } = waiting({ mode: 'concurrent' });
      bus.on('tick', (name) => (name === 'second' ? Promise.reject(new Error('boom')) : undefined));
      const error = await rejectionOf(bus.emit('tick', 'second', { failurePolicy: 'stop' }));
      expect(error).toMatchObject({ result: { called: 1, skipped: 1, stopped: true } });
      gates[0]?.resolve();
      await first;
      expect(started).toEqual(['first']);
    });

    it('is skipped where its group is paused when the slot is free', async () => {
      const { bus, group, first, gates, started } = waiting();
      const second = bus.emit('tick', 'second');
      group.pause();
      gates[0]?.resolve();
      expect(await second).toMatchObject({ called: 0, skipped: 1 });
      await first;
      expect(started).toEqual(['first']);
    });
  });

  describe('an emission that a handler with one slot causes itself', () => {
    it('does not wait for that handler, where it emits through ctx', async () => {
      const seen: number[] = [];
      const bus = makeBus<{ tick: number }>();
      bus.on(
        'tick',
        async (depth, ctx) => {
          seen.push(depth);
          await null;
          if (depth < 3) await ctx.emit('tick', depth + 1);
        },
        { concurrency: 1 },
      );
      expect(await bus.emit('tick', 0)).toMatchObject({ ok: true });
      expect(seen).toEqual([0, 1, 2, 3]);
    });

    it('does not wait for that handler, where it emits through the bus before its first await', async () => {
      const seen: number[] = [];
      const bus = makeBus<{ tick: number }>();
      bus.on(
        'tick',
        async (depth) => {
          seen.push(depth);
          if (depth < 3) await bus.emit('tick', depth + 1);
        },
        { concurrency: 1 },
      );
      expect(await bus.emit('tick', 0)).toMatchObject({ ok: true });
      expect(seen).toEqual([0, 1, 2, 3]);
    });

    it('does not wait for that handler, where it emits through the bus or a handle after an await', async () => {
      const seen: number[] = [];
      const bus = makeBus<{ tick: number }>();
      const tick = bus.event('tick');
      bus.on(
        'tick',
        async (depth) => {
          seen.push(depth);
          await promisesSettled();
          if (depth < 3) await (depth % 2 === 0 ? bus.emit('tick', depth + 1) : tick.emit(depth + 1));
        },
        { concurrency: 1 },
      );
      expect(await bus.emit('tick', 0)).toMatchObject({ ok: true });
      expect(seen).toEqual([0, 1, 2, 3]);
    });

    it('does not wait for that handler, where another event lies between', async () => {
      const seen: string[] = [];
      const bus = makeBus<{ outer: number; inner: number }>();
      bus.on(
        'outer',
        async (depth, ctx) => {
          seen.push(`outer ${depth}`);
          await null;
          await ctx.emit('inner', depth);
        },
        { concurrency: 1 },
      );
      bus.on(
        'inner',
        async (depth, ctx) => {
          seen.push(`inner ${depth}`);
          await null;
          if (depth < 2) await ctx.emit('outer', depth + 1);
        },
        { concurrency: 1 },
      );
      expect(await bus.emit('outer', 0)).toMatchObject({ ok: true });
      expect(seen).toEqual(['outer 0', 'inner 0', 'outer 1', 'inner 1', 'outer 2', 'inner 2']);
    });

    it('runs under emitSync too, and is not busy', () => {
      const seen: number[] = [];
      const bus = makeBus<{ tick: number }>();
      bus.on(
        'tick',
        (depth, ctx) => {
          seen.push(depth);
          if (depth < 2) expect(ctx.emitSync('tick', depth + 1).ok).toBe(true);
        },
        { concurrency: 1 },
      );
      expect(bus.emitSync('tick', 0).ok).toBe(true);
      expect(seen).toEqual([0, 1, 2]);
    });

    it('waits like any other, where the handler causes it after it has ended', async () => {
      const { gates, started, handler } = gated();
      let emitLater = (): Promise<unknown> => Promise.resolve();
      const bus = makeBus<{ tick: string }>();
      bus.on(
        'tick',
        (name, ctx) => {
          if (name === 'first') emitLater = () => ctx.emit('tick', 'later');
          return handler(name);
        },
        { concurrency: 1 },
      );
      const first = bus.emit('tick', 'first');
      gates[0]?.resolve();
      await first;
      const second = bus.emit('tick', 'second');
      const later = emitLater();
      expect(started).toEqual(['first', 'second']);
      gates[1]?.resolve();
      await promisesSettled();
      expect(started).toEqual(['first', 'second', 'later']);
      gates[2]?.resolve();
      await Promise.all([second, later]);
    });

    it('leaves emissions of others waiting', async () => {
      const seen: string[] = [];
      const gate = deferred();
      const bus = makeBus<{ tick: string }>();
      bus.on(
        'tick',
        async (name, ctx) => {
          seen.push(name);
          if (name !== 'outer') return;
          await gate.promise;
          await ctx.emit('tick', 'nested');
        },
        { concurrency: 1 },
      );
      const outer = bus.emit('tick', 'outer');
      const other = bus.emit('tick', 'other');
      gate.resolve();
      await Promise.all([outer, other]);
      expect(seen).toEqual(['outer', 'nested', 'other']);
    });
  });
});
