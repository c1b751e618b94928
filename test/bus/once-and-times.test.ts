import { describe, expect, it } from 'vitest';
import type { FanOutMode } from '../../src/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';

const modes: readonly FanOutMode[] = ['sequential', 'concurrent', 'tiered'];

describeEveryBus((makeBus) => {
  describe.each(modes)('%s', (mode) => {
    it('[8] fires a once exactly once', async () => {
      let calls = 0;
      const bus = makeBus({ mode });
      bus.once('tick', () => {
        calls += 1;
      });
      expect(bus.emitSync('tick')).toMatchObject({ called: 1, skipped: 0 });
      expect(bus.emitSync('tick')).toMatchObject({ called: 0, skipped: 0 });
      expect(await bus.emit('tick')).toMatchObject({ called: 0, skipped: 0 });
      expect(calls).toBe(1);
    });

    it('[8] fires a handler with `times` exactly that often', async () => {
      let calls = 0;
      const bus = makeBus({ mode });
      bus.on('tick', () => void (calls += 1), { times: 3 });
      for (let n = 0; n < 3; n++) {
        bus.emitSync('tick');
        await bus.emit('tick');
      }
      expect(calls).toBe(3);
    });

    it('[8] fires a once exactly once where an earlier handler emits again', () => {
      const seen: string[] = [];
      const bus = makeBus<{ tick: number }>({ mode });
      bus.on('tick', (depth, ctx) => {
        if (depth < 3) ctx.emitSync('tick', depth + 1);
      });
      bus.once('tick', (depth) => {
        seen.push(`once ${depth}`);
      });
      bus.on('tick', (depth) => {
        seen.push(`always ${depth}`);
      });
      bus.emitSync('tick', 0);
      expect(seen).toEqual(['once 3', 'always 3', 'always 2', 'always 1', 'always 0']);
    });

    it('[8] fires a once exactly once where it emits its own event', () => {
      let calls = 0;
      const bus = makeBus({ mode });
      bus.once('tick', (_, ctx) => {
        calls += 1;
        ctx.emitSync('tick');
        bus.emitSync('tick');
      });
      bus.emitSync('tick');
      expect(calls).toBe(1);
    });

    it('[8] fires a once exactly once where its own filter emits again', () => {
      const seen: number[] = [];
      const bus = makeBus<{ tick: number }>({ mode });
      bus.once('tick', (depth) => void seen.push(depth), {
        filter: (depth) => {
          if (depth < 2) bus.emitSync('tick', depth + 1);
          return true;
        },
      });
      expect(bus.emitSync('tick', 0)).toMatchObject({ called: 0, skipped: 1 });
      expect(seen).toEqual([2]);
    });

    it('[8] fires a handler with `times` exactly that often under re-entrant emission', () => {
      const seen: number[] = [];
      const bus = makeBus<{ tick: number }>({ mode });
      bus.on(
        'tick',
        (depth, ctx) => {
          seen.push(depth);
          ctx.emitSync('tick', depth + 1);
        },
        { times: 3 },
      );
      bus.emitSync('tick', 0);
      bus.emitSync('tick', 100);
      expect(seen).toEqual([0, 1, 2]);
    });

    it('[8] fires a once exactly once over emissions that overlap', async () => {
      const gate = deferred();
      let calls = 0;
      const bus = makeBus({ mode });
      bus.on('tick', () => gate.promise, { priority: 1 });
      bus.once('tick', async () => {
        calls += 1;
        await null;
      });
      const emissions = [bus.emit('tick'), bus.emit('tick'), bus.emit('tick')];
      gate.resolve();
      const results = await Promise.all(emissions);
      expect(calls).toBe(1);
      expect(results.reduce((called, result) => called + result.called, 0)).toBe(4);
    });

    it('[8] claims no turn where the filter says no', async () => {
      const seen: number[] = [];
      const bus = makeBus<{ tick: number }>({ mode });
      const off = bus.once('tick', (n) => void seen.push(n), { filter: (n) => n > 2 });
      expect(bus.emitSync('tick', 1)).toMatchObject({ called: 0, skipped: 1 });
      expect(await bus.emit('tick', 2)).toMatchObject({ called: 0, skipped: 1 });
      expect(off.active).toBe(true);
      bus.emitSync('tick', 3);
      bus.emitSync('tick', 4);
      expect(seen).toEqual([3]);
    });

    it('[8] claims no turn where the filter throws', async () => {
      const seen: number[] = [];
      const bus = makeBus<{ tick: number }>({ mode });
      bus.once('tick', (n) => void seen.push(n), {
        filter: (n) => {
          if (n < 3) throw new Error('filter');
          return true;
        },
      });
      expect(bus.emitSync('tick', 1)).toMatchObject({ ok: false, called: 0, skipped: 0 });
      expect(await bus.emit('tick', 2)).toMatchObject({ ok: false, called: 0, skipped: 0 });
      bus.emitSync('tick', 3);
      bus.emitSync('tick', 4);
      expect(seen).toEqual([3]);
    });

    it('[8] claims no turn in an emission that stopped earlier', async () => {
      let calls = 0;
      const bus = makeBus<{ tick: string }>({ mode });
      bus.on('tick', (how, ctx) => {
        if (how === 'stop') ctx.stop();
        if (how === 'throw') throw new Error('boom');
      });
      bus.once('tick', () => void (calls += 1));
      expect(bus.emitSync('tick', 'stop')).toMatchObject({ called: 1, skipped: 1 });
      await rejectionOf(bus.emit('tick', 'throw', { failurePolicy: 'stop' }));
      expect(calls).toBe(0);
      expect(bus.emitSync('tick', 'go')).toMatchObject({ called: 2, skipped: 0 });
      expect(calls).toBe(1);
    });

    it('[8] has used its turn where the handler fails', async () => {
      let calls = 0;
      const bus = makeBus({ mode });
      bus.once('tick', () => {
        calls += 1;
        throw new Error('sync');
      });
      bus.once('tick', async () => {
        calls += 1;
        throw new Error('async');
      });
      expect(await bus.emit('tick')).toMatchObject({ ok: false, called: 2 });
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 0 });
      expect(calls).toBe(2);
    });

    it('[8] has used its turn where the handler is async under emitSync', () => {
      let calls = 0;
      const bus = makeBus({ mode });
      bus.once('tick', async () => void (calls += 1));
      expect(bus.emitSync('tick')).toMatchObject({ ok: false, called: 1 });
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 0 });
      expect(calls).toBe(1);
    });
  });

  it('[8] claims a turn before it waits for a slot of its own', async () => {
    const gate = deferred();
    const seen: string[] = [];
    const bus = makeBus<{ tick: string }>();
    bus.on(
      'tick',
      async (name) => {
        seen.push(`${name} starts`);
        await gate.promise;
      },
      { times: 2, concurrency: 1 },
    );
    const first = bus.emit('tick', 'first');
    const second = bus.emit('tick', 'second');
    expect(bus.handlerCount('tick')).toBe(0);
    const third = bus.emit('tick', 'third');
    expect(await third).toMatchObject({ called: 0, skipped: 0 });
    expect(seen).toEqual(['first starts']);
    gate.resolve();
    expect(await first).toMatchObject({ called: 1 });
    expect(await second).toMatchObject({ called: 1, skipped: 0 });
    expect(seen).toEqual(['first starts', 'second starts']);
  });

  it('[8] claims no turn for a handler that an emission has not come to yet', async () => {
    const gate = deferred();
    const seen: string[] = [];
    const bus = makeBus<{ tick: string }>();
    bus.on('tick', (name) => (name === 'slow' ? gate.promise : undefined));
    bus.once('tick', (name) => void seen.push(name));
    const slow = bus.emit('tick', 'slow');
    expect(bus.emitSync('tick', 'fast')).toMatchObject({ called: 2 });
    gate.resolve();
    expect(await slow).toMatchObject({ called: 1, skipped: 1 });
    expect(seen).toEqual(['fast']);
  });

  it('[8] claims no turn where the group of the handler is paused', () => {
    let calls = 0;
    const bus = makeBus();
    const group = bus.group('parts');
    group.once('tick', () => void (calls += 1));
    group.pause();
    expect(bus.emitSync('tick')).toMatchObject({ called: 0, skipped: 1 });
    group.resume();
    bus.emitSync('tick');
    expect(calls).toBe(1);
  });

  it('[8] claims no turn in an emission that was refused', async () => {
    let calls = 0;
    const bus = makeBus();
    bus.once('tick', () => void (calls += 1));
    await rejectionOf(bus.emit('tick', 1, { signal: AbortSignal.abort() }));
    thrownBy(() => bus.emitSync('tick', 1, { timeoutMs: -1 }));
    bus.emitSync('tick');
    expect(calls).toBe(1);
  });

  it('[8] ends the subscription as its last turn is claimed, before the handler is called', () => {
    const bus = makeBus();
    const group = bus.group('parts');
    let during: unknown;
    const off = group.on(
      'tick',
      () => {
        during = { active: off.active, onBus: bus.handlerCount('tick'), inGroup: group.size };
      },
      { times: 2 },
    );
    bus.emitSync('tick');
    expect(during).toEqual({ active: true, onBus: 1, inGroup: 1 });
    bus.emitSync('tick');
    expect(during).toEqual({ active: false, onBus: 0, inGroup: 0 });
    expect(off).not.toThrow();
  });

  it('[8] shares one `times` over all events of a list', () => {
    const seen: string[] = [];
    const bus = makeBus<{ a: void; b: void; c: void }>();
    bus.on(['a', 'b', 'c'], (_, ctx) => void seen.push(ctx.type), { times: 2 });
    bus.emitSync('b');
    bus.emitSync('a');
    bus.emitSync('c');
    bus.emitSync('b');
    expect(seen).toEqual(['b', 'a']);
    expect(bus.handlerCount()).toBe(0);
  });

  it('[8] fires a once of a list exactly once, for one of its events', () => {
    const seen: string[] = [];
    const bus = makeBus<{ a: void; b: void }>();
    const off = bus.once(['a', 'b'], (_, ctx) => {
      seen.push(ctx.type);
      ctx.emitSync('a');
      ctx.emitSync('b');
    });
    bus.emitSync('b');
    bus.emitSync('a');
    expect(seen).toEqual(['b']);
    expect(off.active).toBe(false);
  });

  it('[8] shares one `times` over all events of a pattern', () => {
    const seen: string[] = [];
    const bus = makeBus<{ 'a.x': void; 'a.y': void }>();
    bus.on('a.*', (_, ctx) => void seen.push(ctx.type), { times: 2 });
    bus.once('**', (_, ctx) => void seen.push(`once ${ctx.type}`));
    for (const type of ['a.y', 'a.x', 'a.y'] as const) bus.emitSync(type);
    expect(seen).toEqual(['a.y', 'once a.y', 'a.x']);
  });

  it('[8] shares one `times` over all events of an any-subscription', () => {
    const seen: string[] = [];
    const bus = makeBus<{ a: void; b: void }>();
    bus.onAny(({ type }) => void seen.push(type), { times: 2 });
    for (const type of ['b', 'a', 'b'] as const) bus.emitSync(type);
    expect(seen).toEqual(['b', 'a']);
  });

  it('[8] can be unsubscribed before its turn', () => {
    const bus = makeBus();
    const off = bus.once('tick', () => {
      throw new Error('must not be called');
    });
    off();
    expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 0 });
  });

  it('[8] takes `times: Infinity` as no end', () => {
    const bus = makeBus();
    const off = bus.on('tick', () => {}, { times: Infinity });
    for (let n = 0; n < 10; n++) expect(bus.emitSync('tick').called).toBe(1);
    expect(off.active).toBe(true);
  });

  it('[8] leaves a handler its other options in once', async () => {
    const seen: string[] = [];
    const bus = makeBus();
    bus.on('tick', () => void seen.push('on'));
    bus.once('tick', () => void seen.push('once'), { priority: 1, name: 'first' });
    await bus.emit('tick');
    await promisesSettled();
    expect(seen).toEqual(['once', 'on']);
  });
});
