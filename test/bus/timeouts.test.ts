import { expect, it } from 'vitest';
import type { HandlerError } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, rejectionOf } from './deferred.js';
import { stateOf } from './promise-state.js';

const never = (): Promise<never> => new Promise(() => {});

describeBothBuses((makeBus) => {
  it('[17] fails a handler that has not settled when its time is up', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    bus.on('tick', never, { timeoutMs: 100 });
    const emission = bus.emit('tick');
    await clock.advance(99);
    expect(await stateOf(emission)).toBe('pending');
    await clock.advance(1);
    const result = await emission;
    expect(result).toMatchObject({ ok: false, called: 1 });
    expect(result.failures).toHaveLength(1);
  });

  it('[17] says which handler it was, of which event, and what its limit was', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    bus.on('order.placed', never, { name: 'notifier', timeoutMs: 1_500 });
    const emission = bus.emit('order.placed');
    await clock.advance(1_500);
    const failure = (await emission).failures[0] as HandlerError;
    expect(failure).toMatchObject({
      code: 'HANDLER_TIMEOUT',
      phase: 'timeout',
      handler: 'notifier',
      event: 'order.placed',
    });
    expect(failure.message).toContain('notifier');
    expect(failure.message).toContain('1500');
  });

  it("[17] aborts the handler's signal with a TimeoutError", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    let signal: AbortSignal | undefined;
    bus.on(
      'tick',
      (_payload, ctx) => {
        signal = ctx.signal;
        return never();
      },
      { timeoutMs: 100 },
    );
    const emission = bus.emit('tick');
    expect(signal?.aborted).toBe(false);
    await clock.advance(100);
    await emission;
    expect(signal?.aborted).toBe(true);
    expect(signal?.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('[17] tells listeners of the signal that it aborts', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    let abortedAt: number | undefined;
    bus.on(
      'tick',
      (_payload, ctx) => {
        ctx.signal.addEventListener('abort', () => {
          abortedAt = clock.now();
        });
        return never();
      },
      { timeoutMs: 100 },
    );
    void bus.emit('tick');
    await clock.advance(150);
    expect(abortedAt).toBe(100);
  });

  it('[17] has the TimeoutError as the cause of the failure', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    let signal: AbortSignal | undefined;
    bus.on(
      'tick',
      (_payload, ctx) => {
        signal = ctx.signal;
        return never();
      },
      { timeoutMs: 100 },
    );
    const emission = bus.emit('tick');
    await clock.advance(100);
    expect((await emission).failures[0]?.cause).toBe(signal?.reason);
  });

  it('[17] gives an aborted signal to a handler that looks at it after its time was up', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const wake = deferred();
    const looked = deferred<AbortSignal>();
    bus.on(
      'tick',
      async (_payload, ctx) => {
        await wake.promise;
        looked.resolve(ctx.signal);
      },
      { timeoutMs: 100 },
    );
    void bus.emit('tick');
    await clock.advance(100);
    wake.resolve();
    const signal = await looked.promise;
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it("[17] leaves the other handlers' signals alone", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, mode: 'concurrent' });
    const signals: AbortSignal[] = [];
    const slow = deferred();
    bus.on(
      'tick',
      (_payload, ctx) => {
        signals.push(ctx.signal);
        return slow.promise;
      },
      { timeoutMs: 200 },
    );
    bus.on('tick', (_payload, ctx) => {
      signals.push(ctx.signal);
      return slow.promise;
    });
    bus.on('tick', never, { timeoutMs: 100 });
    const emission = bus.emit('tick');
    await clock.advance(100);
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
    slow.resolve();
    await emission;
    expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
  });

  it('[17] goes on with the next handler of a sequence', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    let startedAt: number | undefined;
    bus.on('tick', never, { timeoutMs: 100 });
    bus.on('tick', () => {
      startedAt = clock.now();
    });
    const emission = bus.emit('tick');
    await clock.advance(100);
    expect((await emission).called).toBe(2);
    expect(startedAt).toBe(100);
  });

  it('[17] frees the slot of an emission with a concurrency', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, mode: 'concurrent', concurrency: 1 });
    let startedAt: number | undefined;
    bus.on('tick', never, { timeoutMs: 100 });
    bus.on('tick', () => {
      startedAt = clock.now();
    });
    const emission = bus.emit('tick');
    expect(startedAt).toBeUndefined();
    await clock.advance(100);
    await emission;
    expect(startedAt).toBe(100);
  });

  it('[17] lets the next tier begin', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, mode: 'tiered' });
    let startedAt: number | undefined;
    bus.on('tick', never, { timeoutMs: 100, priority: 1 });
    bus.on('tick', () => {
      startedAt = clock.now();
    });
    const emission = bus.emit('tick');
    await clock.advance(100);
    await emission;
    expect(startedAt).toBe(100);
  });

  it("[17] counts from the handler's own start, not from the emission's", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, timeoutMs: 100 });
    const first = deferred();
    bus.on('tick', () => first.promise);
    bus.on('tick', never, { name: 'second' });
    const emission = bus.emit('tick');
    await clock.advance(60);
    first.resolve();
    await clock.advance(99);
    expect(await stateOf(emission)).toBe('pending');
    await clock.advance(1);
    expect((await emission).failures.map((failure) => failure.handler)).toEqual(['second']);
  });

  it('[17] does not count the time for which a handler waits for a slot of its own', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const runs = [deferred(), deferred()];
    let run = 0;
    bus.on('tick', () => runs[run++]?.promise, { concurrency: 1, timeoutMs: 100 });
    const emissions = [bus.emit('tick'), bus.emit('tick')];
    await clock.advance(90);
    runs[0]?.resolve();
    await clock.advance(90);
    runs[1]?.resolve();
    const results = await Promise.all(emissions);
    expect(results.map((result) => result.ok)).toEqual([true, true]);
  });

  it('[17] does not fail a handler that settles in time, and leaves no timer', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100 });
    const emission = bus.emit('tick');
    await clock.advance(99);
    work.resolve();
    expect((await emission).ok).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('[17] does not abort the signal of a handler that settled in time', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    let signal: AbortSignal | undefined;
    bus.on(
      'tick',
      async (_payload, ctx) => {
        signal = ctx.signal;
      },
      { timeoutMs: 100 },
    );
    await bus.emit('tick');
    await clock.advance(1_000);
    expect(signal?.aborted).toBe(false);
  });

  it('[17] keeps a failure that came in time as what it is', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100 });
    const emission = bus.emit('tick');
    await clock.advance(99);
    work.reject(new Error('no'));
    expect((await emission).failures[0]).toMatchObject({ code: 'HANDLER_FAILED', phase: 'handler' });
    expect(clock.pending).toBe(0);
  });

  it("[17] takes the bus's limit where the handler has none", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, timeoutMs: 100 });
    bus.on('tick', never);
    const emission = bus.emit('tick');
    await clock.advance(100);
    expect((await emission).failures[0]?.code).toBe('HANDLER_TIMEOUT');
  });

  it("[17] takes the handler's own limit before the bus's, shorter or longer", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, timeoutMs: 100 });
    bus.on('short', never, { timeoutMs: 50 });
    bus.on('long', never, { timeoutMs: 200 });
    const [short, long] = [bus.emit('short'), bus.emit('long')];
    await clock.advance(50);
    expect(await stateOf(short)).toBe('fulfilled');
    await clock.advance(149);
    expect(await stateOf(long)).toBe('pending');
    await clock.advance(1);
    expect(await stateOf(long)).toBe('fulfilled');
  });

  it('[17] has no limit for a handler with Infinity on a bus that has one', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, timeoutMs: 100 });
    bus.on('tick', never, { timeoutMs: Infinity });
    const emission = bus.emit('tick');
    await clock.advance(1_000_000);
    expect(await stateOf(emission)).toBe('pending');
  });

  it("[17] takes the emission's limit in the place of the bus's, shorter or longer", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, timeoutMs: 100 });
    bus.on('tick', never);
    const short = bus.emit('tick', undefined, { timeoutMs: 50 });
    const long = bus.emit('tick', undefined, { timeoutMs: 200 });
    await clock.advance(50);
    expect(await stateOf(short)).toBe('fulfilled');
    await clock.advance(149);
    expect(await stateOf(long)).toBe('pending');
    await clock.advance(1);
    expect(await stateOf(long)).toBe('fulfilled');
  });

  it("[17] takes the shorter one of the emission's limit and the handler's own", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    bus.on('tick', never, { timeoutMs: 100 });
    const shorter = bus.emit('tick', undefined, { timeoutMs: 50 });
    const longer = bus.emit('tick', undefined, { timeoutMs: 200 });
    await clock.advance(50);
    expect([await stateOf(shorter), await stateOf(longer)]).toEqual(['fulfilled', 'pending']);
    await clock.advance(50);
    expect(await stateOf(longer)).toBe('fulfilled');
  });

  it("[17] lifts the bus's limit for an emission with Infinity, but not the handler's own", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, timeoutMs: 100 });
    bus.on('unlimited', never);
    bus.on('limited', never, { timeoutMs: 200 });
    const unlimited = bus.emit('unlimited', undefined, { timeoutMs: Infinity });
    const limited = bus.emit('limited', undefined, { timeoutMs: Infinity });
    await clock.advance(199);
    expect([await stateOf(unlimited), await stateOf(limited)]).toEqual(['pending', 'pending']);
    await clock.advance(1);
    expect([await stateOf(unlimited), await stateOf(limited)]).toEqual(['pending', 'fulfilled']);
  });

  it('[17] holds for pattern and any-handlers', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, mode: 'concurrent' });
    bus.on('order.*', never, { name: 'pattern', timeoutMs: 100 });
    bus.onAny(never, { name: 'any', timeoutMs: 100 });
    const emission = bus.emit('order.placed');
    await clock.advance(100);
    expect((await emission).failures.map((failure) => failure.handler)).toEqual(['pattern', 'any']);
  });

  it('[17] holds in posted emissions', async () => {
    const clock = new ManualClock();
    const reports: string[] = [];
    const bus = makeBus({ clock, onFailure: (failure) => reports.push(failure.code) });
    bus.on('tick', never, { timeoutMs: 100 });
    bus.post('tick');
    await clock.advance(100);
    expect(reports).toEqual(['HANDLER_TIMEOUT']);
  });

  it('[17] holds in emissions made by dispatch', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    bus.on('tick', never, { timeoutMs: 100 });
    const emission = bus.dispatch('tick');
    await clock.advance(100);
    expect((await emission).failures[0]?.code).toBe('HANDLER_TIMEOUT');
  });

  it('[17] lets the failure policy say what a time limit does', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    let calledAfter = false;
    bus.on('tick', never, { timeoutMs: 100 });
    bus.on('tick', () => {
      calledAfter = true;
    });
    const error = rejectionOf(bus.emit('tick', undefined, { failurePolicy: 'stop' }));
    await clock.advance(100);
    expect(await error).toMatchObject({ code: 'EMIT_FAILED', cause: { code: 'HANDLER_TIMEOUT' } });
    expect(calledAfter).toBe(false);
  });

  it('[17] counts a time limit among the failures and the timeouts', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, mode: 'concurrent' });
    bus.on('tick', never, { timeoutMs: 100 });
    bus.on('tick', () => Promise.reject(new Error('no')));
    const emission = bus.emit('tick');
    await clock.advance(100);
    await emission;
    expect(bus.inspect().counts).toMatchObject({ failures: 2, timeouts: 1 });
  });

  it('[17] times several runs of one handler each by its own start', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    bus.on('tick', never, { timeoutMs: 100 });
    const first = bus.emit('tick');
    await clock.advance(50);
    const second = bus.emit('tick');
    await clock.advance(50);
    expect([await stateOf(first), await stateOf(second)]).toEqual(['fulfilled', 'pending']);
    await clock.advance(50);
    expect(await stateOf(second)).toBe('fulfilled');
  });

  it('[17] keeps limits of different lengths apart', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, mode: 'concurrent' });
    const expired: [string, number][] = [];
    for (const timeoutMs of [300, 100, 200]) {
      bus.on(
        'tick',
        (_payload, ctx) => {
          ctx.signal.addEventListener('abort', () => expired.push([String(timeoutMs), clock.now()]));
          return never();
        },
        { timeoutMs },
      );
    }
    const emission = bus.emit('tick');
    await clock.advance(300);
    await emission;
    expect(expired).toEqual([
      ['100', 100],
      ['200', 200],
      ['300', 300],
    ]);
  });

  it('[17] does not limit synchronous handlers', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    bus.on('tick', () => 'done', { timeoutMs: 1 });
    expect(bus.emitSync('tick').ok).toBe(true);
    await clock.advance(1_000);
    expect(bus.inspect().counts.timeouts).toBe(0);
  });

  it('[17] resolves the emission when its last handler has run out of time', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, mode: 'concurrent' });
    bus.on('tick', never, { timeoutMs: 100 });
    bus.on('tick', never, { timeoutMs: 200 });
    const emission = bus.emit('tick');
    await clock.advance(199);
    expect(await stateOf(emission)).toBe('pending');
    await clock.advance(1);
    expect((await emission).failures).toHaveLength(2);
  });
});
