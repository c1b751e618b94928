import { expect, it, vi } from 'vitest';
import {
  around,
  broadcast,
  collect,
  defineEvents,
  type Intercepted,
  type Interceptor,
  waterfall,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';

const events = defineEvents({
  wrap: around<string, string>(),
  told: broadcast<string>(),
  poll: collect<string, string>(),
  pipe: waterfall<string>(),
});

describeBothBuses((makeBus) => {
  it.each(['isolate', 'throw'] as const)(
    '[17] an around settles where its time is up while one inside waits for a slot, under %s',
    async (failurePolicy) => {
      const clock = new ManualClock();
      const bus = makeBus({ events, clock, failurePolicy });
      const gate = deferred<string>();
      const behind = vi.fn(() => 'behind');
      bus.on('wrap', (_, ctx) => ctx.next(), { timeoutMs: 20 });
      bus.on('wrap', () => gate.promise, { concurrency: 1 });
      bus.on('wrap', behind);
      const core = vi.fn(() => 'core');
      const both = [bus.emit('wrap', 'a', { core }), bus.emit('wrap', 'b', { core })];
      const settled = Promise.allSettled(both);
      await clock.advance(20);
      await settled;
      // Nothing is begun in place of what has been given up.
      expect(behind).not.toHaveBeenCalled();
      expect(core).not.toHaveBeenCalled();
      gate.resolve('late');
      await bus.idle();
      expect(bus.inspect().counts).toMatchObject({ inFlight: 0, late: 0 });
    },
  );

  it('[10] a used-up stack behind an interceptor is the failure of its handler', async () => {
    const bus = makeBus({ events });
    const other = vi.fn();
    bus.intercept((_emission, next) => next());
    bus.on('told', function endless(): void {
      endless();
    });
    bus.on('told', other);
    expect(await bus.emit('told', 'x')).toMatchObject({ ok: false, failures: [{ handler: 'endless' }] });
    expect(other).toHaveBeenCalledTimes(1);
  });

  it('[10] a used-up stack in a next that another emission calls leaves nothing hanging', async () => {
    const bus = makeBus({ events });
    let go = (): void => {};
    bus.on('wrap', (_, ctx) => {
      return new Promise<string>((resolve, reject) => {
        go = () => {
          try {
            resolve(ctx.next());
          } catch (error) {
            reject(error);
          }
        };
      });
    });
    const endless = (): string => `${endless()}.`;
    bus.on('wrap', endless);
    const emission = bus.emit('wrap', 'x');
    bus.on('told', () => go());
    bus.emitSync('told', 'now');
    expect(await rejectionOf(emission)).toMatchObject({ code: 'EMIT_FAILED' });
    expect(bus.inspect().counts.inFlight).toBe(0);
  });

  it('[21] a handler of an around may idle while another emission waits for its slot', async () => {
    const bus = makeBus({ events });
    const gate = deferred();
    let first = true;
    bus.on('wrap', async (_, ctx) => await ctx.next());
    bus.on(
      'wrap',
      async (_, ctx) => {
        if (!first) return 'second';
        first = false;
        await gate.promise;
        await ctx.idle();
        return 'first';
      },
      { concurrency: 1 },
    );
    const both = Promise.all([bus.emit('wrap', 'a'), bus.emit('wrap', 'b')]);
    await promisesSettled();
    gate.resolve();
    expect((await both).map(({ value }) => value)).toEqual(['first', 'second']);
  });

  it('an around that close() has given up starts no core any more', async () => {
    const bus = makeBus({ events });
    const gate = deferred();
    const core = vi.fn(() => 'core');
    bus.on('wrap', async (_, ctx) => {
      await gate.promise;
      return ctx.next();
    });
    const emission = bus.emit('wrap', 'x', { core });
    const { drained } = await bus.close({ drainMs: 0 });
    gate.resolve();
    const result = await emission;
    expect(drained).toBe(false);
    expect(core).not.toHaveBeenCalled();
    expect(result.value).toBeUndefined();
  });

  it('[6] group.idle() waits while a handler further out may still try again', async () => {
    const bus = makeBus({ events });
    const group = bus.group('plugin');
    const gate = deferred();
    let runs = 0;
    bus.on('wrap', async (_, ctx) => {
      try {
        return await ctx.next();
      } catch {
        await gate.promise;
        return ctx.next();
      }
    });
    group.on('wrap', async () => {
      if (++runs === 1) throw new Error('not yet');
      return 'second';
    });
    const emission = bus.emit('wrap', 'x');
    group.retire();
    let idle = false;
    const waiting = group.idle().then(() => {
      idle = true;
    });
    await promisesSettled();
    expect([idle, runs]).toEqual([false, 1]);
    gate.resolve();
    expect((await emission).value).toBe('second');
    await waiting;
  });

  it('counts a handler that is skipped in every attempt once', async () => {
    const bus = makeBus({ events });
    let attempts = 0;
    bus.on('wrap', async (_, ctx) => {
      for (;;) {
        try {
          return await ctx.next();
        } catch {
          attempts++;
        }
      }
    });
    bus.on('wrap', () => 'never', { filter: () => false });
    const core = (): string => {
      if (attempts < 2) throw new Error('not yet');
      return 'at last';
    };
    expect(await bus.emit('wrap', 'x', { core })).toMatchObject({ value: 'at last', skipped: 1 });
  });

  it('counts handlers behind a stop once, also where next is called after it', async () => {
    const bus = makeBus({ events });
    bus.on('wrap', async (_, ctx) => {
      await null;
      ctx.stop();
      return ctx.next();
    });
    bus.on('wrap', () => 'never');
    expect(await bus.emit('wrap', 'x')).toMatchObject({ stopped: true, skipped: 1, value: undefined });
  });

  it('[19] the reason of an aborted around is nobody’s failure', async () => {
    const onFailure = vi.fn();
    const bus = makeBus({ events, onFailure });
    const gate = deferred();
    bus.on('wrap', async (_, ctx) => {
      await gate.promise;
      return ctx.next();
    });
    bus.on('wrap', () => 'never');
    const leaving = new AbortController();
    const emission = bus.emit('wrap', 'x', { signal: leaving.signal });
    leaving.abort('enough');
    gate.resolve();
    expect(await rejectionOf(emission)).toBe('enough');
    expect(onFailure).not.toHaveBeenCalled();
    expect(bus.inspect().counts.failures).toBe(0);
  });

  it('[19] an abort inside synchronous calls of next reaches the handlers around it', async () => {
    const bus = makeBus({ events });
    const leaving = new AbortController();
    const seen: boolean[] = [];
    bus.on('wrap', async (_, ctx) => {
      void ctx.next();
      await null;
      seen.push(ctx.signal.aborted);
      return 'outer';
    });
    bus.on('wrap', () => {
      leaving.abort('enough');
      return 'inner';
    });
    expect(await rejectionOf(bus.emit('wrap', 'x', { signal: leaving.signal }))).toBe('enough');
    expect(seen).toEqual([true]);
  });

  it('a second next says where what the first began still runs', async () => {
    const bus = makeBus({ events });
    const gate = deferred();
    let refusal: unknown;
    bus.on('wrap', async (_, ctx) => {
      thrownBy(() => ctx.next());
      refusal = thrownBy(() => ctx.next());
      return 'outer';
    });
    bus.on('wrap', (_, ctx) => {
      void ctx.next();
      throw new Error('too early');
    });
    bus.on('wrap', async () => {
      await gate.promise;
      return 'inner';
    });
    const emission = bus.emit('wrap', 'x');
    await promisesSettled();
    gate.resolve();
    expect((await emission).value).toBe('outer');
    expect(refusal).toMatchObject({ code: 'INVALID_NEXT' });
    expect((refusal as Error).message).toContain('still runs');
  });

  it('[25] an emission that an interceptor answers is counted and told', async () => {
    const bus = makeBus({ events });
    const told: Intercepted[] = [];
    bus.observe({ intercepted: (fact) => told.push(fact) });
    bus.intercept((emission) => emission.answer('cached'), { types: 'pipe', name: 'cache' });
    await bus.emit('pipe', 'x');
    expect(told).toMatchObject([{ type: 'pipe', payload: 'x', interceptor: 'cache' }]);
    expect(bus.inspect().counts).toMatchObject({ intercepted: 1, dropped: 0 });
  });

  it('[26] a result of another event is refused', async () => {
    const bus = makeBus({ events });
    bus.intercept(() => bus.emitSync('told', 'x'), { types: 'poll' });
    expect(await rejectionOf(bus.emit('poll', 'x'))).toMatchObject({ code: 'NO_RESULT' });
  });

  it('an interceptor that names no events fits any bus', async () => {
    const bus = makeBus({ events });
    const seen: unknown[] = [];
    const log: Interceptor = (emission, next) => {
      seen.push(emission.type);
      return next();
    };
    bus.intercept(log);
    await bus.emit('pipe', 'x');
    expect(seen).toEqual(['pipe']);
  });

  it('a next that was taken off its context says how to call it', () => {
    const bus = makeBus({ events });
    const free = (_: string, { next }: { next: () => string | Promise<string> }) => next();
    bus.on('wrap', free);
    const error = thrownBy(() => bus.emitSync('wrap', 'x'));
    expect(error).toMatchObject({ errors: [{ cause: { code: 'INVALID_NEXT' } }] });
    expect((error as Error).message).toContain('ctx.next()');
  });

  it('says once what of the bus itself listens to a deprecated event', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const bus = makeBus({
      events: defineEvents({ old: broadcast<string>({ deprecated: { since: '2.0', use: 'new' } }) }),
    });
    for (let n = 0; n < 3; n++) {
      bus.waitFor('old').catch(() => {});
      bus.stream('old');
    }
    expect(warn.mock.calls.map(([message]) => /Handler "(\w+)"/.exec(String(message))?.[1])).toEqual([
      'waitFor',
      'stream',
    ]);
  });

  it('[22] a waiter that an observer of its subscription settles leaves nothing behind', async () => {
    const bus = makeBus({ events });
    let emitted = false;
    bus.observe({
      subscribed: () => {
        if (emitted) return;
        emitted = true;
        bus.emitSync('told', 'early');
      },
    });
    expect(await bus.waitFor('told')).toBe('early');
    expect(bus.handlerCount()).toBe(0);
  });

  it('[23] a stream that ends takes in nothing that its observers emit meanwhile', async () => {
    const bus = makeBus({ events });
    const stream = bus.stream('told');
    bus.observe({ streamDropped: () => void bus.emitSync('told', 'more') });
    bus.emitSync('told', 'x');
    await stream.return();
    expect([stream.dropped, stream.size]).toEqual([1, 0]);
  });

  it('[19] the signal of an interceptor is listened to no more once the bus has closed', async () => {
    const bus = makeBus({ events });
    const { signal } = new AbortController();
    const remove = vi.spyOn(signal, 'removeEventListener');
    const off = bus.intercept((_emission, next) => next(), { signal });
    await bus.close();
    expect(off.active).toBe(false);
    expect(remove).toHaveBeenCalledTimes(1);
  });
});
