import { describe, expect, it } from 'vitest';
import {
  type AmbusError,
  type BusOptions,
  EmitError,
  type EmitResult,
  type EventBus,
  type FailurePolicy,
  type FanOutMode,
  HandlerError,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';

const modes: readonly FanOutMode[] = ['sequential', 'concurrent', 'tiered'];

/** Subscribes handlers that fail in a given way; the error's message is the handler's name. */
const failing = {
  throws: (name: string) => () => {
    throw new Error(name);
  },
  rejects: (name: string) => () => Promise.reject(new Error(name)),
  rejectsLater: (name: string) => async () => {
    await null;
    throw new Error(name);
  },
};

const causes = (failures: readonly AmbusError[]) => failures.map(({ cause }) => (cause as Error).message);

describeEveryBus((makeBus) => {
  /** A bus that keeps what it reports. */
  function reporting(options?: BusOptions) {
    const reported: AmbusError[] = [];
    return { reported, bus: makeBus({ ...options, onFailure: (failure) => reported.push(failure) }) };
  }

  describe.each(modes)('%s', (mode) => {
    it.each(Object.entries(failing))('[10] isolates a handler that %s by default', async (_, fail) => {
      const seen: string[] = [];
      const bus = makeBus({ mode });
      bus.on('tick', () => void seen.push('before'));
      bus.on('tick', fail('boom'));
      bus.on('tick', () => void seen.push('sync after'));
      bus.on('tick', async () => void seen.push('async after'));
      bus.on('tick', () => void seen.push('next tier'), { priority: -1 });
      const result = await bus.emit('tick');
      expect(result).toMatchObject({ ok: false, called: 5, skipped: 0, stopped: false });
      expect(causes(result.failures)).toEqual(['boom']);
      expect(seen).toEqual(['before', 'sync after', 'async after', 'next tier']);
    });

    it('[10] isolates synchronous handlers under emitSync and dispatch', () => {
      const seen: number[] = [];
      const bus = makeBus({ mode });
      bus.on('tick', failing.throws('boom'));
      bus.on('tick', () => void seen.push(1));
      for (const result of [bus.emitSync('tick'), bus.dispatch('tick') as EmitResult]) {
        expect(result).toMatchObject({ ok: false, called: 2 });
        expect(causes(result.failures)).toEqual(['boom']);
      }
      expect(seen).toEqual([1, 1]);
    });

    it('[10] keeps every failure, in handler order', async () => {
      const [a, c] = [deferred(), deferred()];
      const bus = makeBus({ mode });
      bus.on('tick', () => a.promise, { priority: 1 });
      bus.on('tick', failing.throws('b'), { priority: 1 });
      bus.on('tick', () => c.promise);
      bus.on('tick', failing.rejectsLater('d'));
      bus.onAny(failing.throws('e'));
      const emission = bus.emit('tick');
      c.promise.catch(() => {});
      c.reject(new Error('c')); // before a, where both run; before it is called, where not
      await promisesSettled();
      a.reject(new Error('a'));
      const result = await emission;
      expect(causes(result.failures)).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(result.called).toBe(5);
    });

    it.each([undefined, null, 0, -0, '', false, 0n, Number.NaN])(
      '[10] takes a throw of %s as a failure',
      async (value) => {
        const bus = makeBus({ mode });
        bus.on('tick', () => {
          throw value;
        });
        bus.on('tick', () => Promise.reject(value));
        const result = await bus.emit('tick');
        expect(result).toMatchObject({ ok: false, called: 2 });
        expect(result.failures).toHaveLength(2);
        for (const failure of result.failures) {
          expect(failure).toBeInstanceOf(HandlerError);
          expect('cause' in failure).toBe(true);
          expect(Object.is(failure.cause, value)).toBe(true);
        }
        for (const failurePolicy of ['stop', 'throw'] as const) {
          expect(await rejectionOf(bus.emit('tick', 1, { failurePolicy }))).toBeInstanceOf(EmitError);
          expect(thrownBy(() => bus.emitSync('tick', 1, { failurePolicy }))).toBeInstanceOf(EmitError);
        }
      },
    );
  });

  it('[10] blames the handler that failed, also where those behind it were removed while it ran', async () => {
    const bus = makeBus();
    bus.on('tick', async function guilty() {
      off();
      await null;
      throw new Error('boom');
    });
    const off = bus.on('tick', function innocent() {});
    const { failures } = await bus.emit('tick');
    expect(failures.map(({ handler }) => handler)).toEqual(['guilty']);
  });

  it('[10] blames the handler that failed, also where it has stopped the emission before', async () => {
    const bus = makeBus();
    bus.on('tick', async function guilty(_, ctx) {
      ctx.stop();
      await null;
      throw new Error('boom');
    });
    bus.on('tick', function innocent() {}, { failurePolicy: 'isolate' });
    const error = (await rejectionOf(bus.emit('tick', 1, { failurePolicy: 'throw' }))) as EmitError<EmitResult>;
    expect(error.errors.map(({ handler }) => handler)).toEqual(['guilty']);
    expect(error.result).toMatchObject({ called: 1, skipped: 1, stopped: true });
  });

  it('[10] does not take a returned Error as a failure', async () => {
    const bus = makeBus();
    bus.on('tick', () => new Error('a value'));
    bus.on('tick', async () => new Error('a value'));
    expect(await bus.emit('tick')).toMatchObject({ ok: true, failures: [] });
  });

  it('[10] isolates handlers that overflow the stack', () => {
    const bus = makeBus();
    const recurse = (): unknown => [recurse()];
    bus.on('tick', recurse);
    bus.on('tick', () => {});
    const result = bus.emitSync('tick');
    expect(result).toMatchObject({ ok: false, called: 2 });
    expect(result.failures[0]?.cause).toBeInstanceOf(RangeError);
  });

  it('[10] forgets failures with their emission', async () => {
    let fails = true;
    const bus = makeBus();
    bus.on('tick', () => {
      if (fails) throw new Error('boom');
    });
    expect((await bus.emit('tick')).ok).toBe(false);
    fails = false;
    expect(await bus.emit('tick')).toMatchObject({ ok: true, failures: [] });
    expect(bus.emitSync('tick')).toMatchObject({ ok: true, failures: [] });
  });

  it('[10] returns results that cannot be changed', async () => {
    const bus = makeBus();
    expect(Object.isFrozen(bus.emitSync('tick'))).toBe(true);
    expect(Object.isFrozen(bus.emitSync('tick').failures)).toBe(true);
    bus.on('tick', failing.throws('boom'));
    const result = await bus.emit('tick');
    expect(Object.isFrozen(result)).toBe(true);
    expect(Object.isFrozen(result.failures)).toBe(true);
  });

  it('[11] takes the policy of the emission over that of the bus, which is isolate by default', async () => {
    const policies = [undefined, 'isolate', 'stop', 'throw'] as const;
    for (const busPolicy of policies) {
      for (const emissionPolicy of policies) {
        const bus = makeBus({ failurePolicy: busPolicy });
        bus.on('tick', failing.throws('a'));
        bus.on('tick', failing.rejects('b'));
        const outcome = await bus.emit('tick', 1, { failurePolicy: emissionPolicy }).then(
          (result) => `${result.called} called, fulfils`,
          (error: EmitError<EmitResult>) => `${error.result.called} called, rejects`,
        );
        const expected = { isolate: '2 called, fulfils', stop: '1 called, rejects', throw: '2 called, rejects' };
        expect(outcome, `${busPolicy} < ${emissionPolicy}`).toBe(expected[emissionPolicy ?? busPolicy ?? 'isolate']);
      }
    }
  });

  describe('isolate', () => {
    it('[11] runs all, fulfils, and has the failures in the result', async () => {
      const bus = makeBus({ failurePolicy: 'throw' });
      bus.on('tick', failing.throws('a'));
      bus.on('tick', failing.rejects('b'));
      const result = await bus.emit('tick', 1, { failurePolicy: 'isolate' });
      expect(result).toMatchObject({ ok: false, called: 2, skipped: 0, stopped: false });
      expect(causes(result.failures)).toEqual(['a', 'b']);
    });
  });

  describe('stop', () => {
    it.each(Object.entries(failing))('[11] starts no handler behind one that %s, and rejects', async (_, fail) => {
      const seen: string[] = [];
      const bus = makeBus({ failurePolicy: 'stop' });
      bus.on('tick', () => void seen.push('before'));
      bus.on('tick', fail('boom'));
      bus.on('tick', () => void seen.push('after'));
      bus.on('tick', failing.throws('never'));
      const error = (await rejectionOf(bus.emit('tick'))) as EmitError<EmitResult>;
      expect(error).toBeInstanceOf(EmitError);
      expect(error.result).toMatchObject({ ok: false, called: 2, skipped: 2, stopped: true });
      expect(causes(error.errors)).toEqual(['boom']);
      expect(seen).toEqual(['before']);
    });

    it('[11] leaves the handlers that run to settle, not aborted, and rejects then', async () => {
      const [slow, fails] = [deferred(), deferred()];
      let aborted: boolean | undefined;
      let settled = false;
      const bus = makeBus({ failurePolicy: 'stop', mode: 'concurrent', concurrency: 2 });
      bus.on('tick', async (_, ctx) => {
        const { signal } = ctx;
        await slow.promise;
        aborted = signal.aborted;
      });
      bus.on('tick', () => fails.promise);
      bus.on('tick', failing.throws('waits for a slot'));
      const emission = rejectionOf(bus.emit('tick')).finally(() => {
        settled = true;
      });
      fails.reject(new Error('boom'));
      await promisesSettled();
      expect(settled).toBe(false);
      slow.resolve();
      const error = (await emission) as EmitError<EmitResult>;
      expect(aborted).toBe(false);
      expect(error.result).toMatchObject({ called: 2, skipped: 1, stopped: true });
      expect(causes(error.errors)).toEqual(['boom']);
    });

    it('[11] starts no handler behind one that throws, also where they would run concurrently', async () => {
      const bus = makeBus({ failurePolicy: 'stop', mode: 'concurrent' });
      bus.on('tick', async () => {});
      bus.on('tick', failing.throws('boom'));
      bus.on('tick', failing.throws('never'));
      const error = (await rejectionOf(bus.emit('tick'))) as EmitError<EmitResult>;
      expect(error.result).toMatchObject({ called: 2, skipped: 1, stopped: true });
    });

    it('[11] starts no later tier', async () => {
      const seen: string[] = [];
      const bus = makeBus({ failurePolicy: 'stop', mode: 'tiered' });
      bus.on('tick', failing.rejectsLater('boom'), { priority: 1 });
      bus.on('tick', async () => void seen.push('same tier'), { priority: 1 });
      bus.on('tick', () => void seen.push('next tier'));
      const error = (await rejectionOf(bus.emit('tick'))) as EmitError<EmitResult>;
      expect(error.result).toMatchObject({ called: 2, skipped: 1, stopped: true });
      expect(seen).toEqual(['same tier']);
    });

    it('[11] has the failures of those that ran on too, in handler order, and what stopped it as the cause', async () => {
      const [a, b] = [deferred(), deferred()];
      const bus = makeBus({ failurePolicy: 'stop', mode: 'concurrent' });
      bus.on('tick', () => a.promise);
      bus.on('tick', () => b.promise);
      const emission = rejectionOf(bus.emit('tick'));
      b.reject(new Error('b'));
      await promisesSettled();
      a.reject(new Error('a'));
      const error = (await emission) as EmitError<EmitResult>;
      expect(causes(error.errors)).toEqual(['a', 'b']);
      expect(error.cause).toBe(error.errors[1]);
      expect(error.result.failures).toEqual(error.errors);
    });

    it('[11] says stopped also where the last handler failed', async () => {
      const bus = makeBus({ failurePolicy: 'stop' });
      bus.on('tick', () => {});
      bus.on('tick', failing.throws('last'));
      const error = (await rejectionOf(bus.emit('tick'))) as EmitError<EmitResult>;
      expect(error.result).toMatchObject({ called: 2, skipped: 0, stopped: true });
    });
  });

  describe('throw', () => {
    it.each(modes)('[11] runs all, then rejects with every failure (%s)', async (mode) => {
      const seen: string[] = [];
      const bus = makeBus({ failurePolicy: 'throw', mode });
      bus.on('tick', failing.throws('a'));
      bus.on('tick', async () => void seen.push('b'));
      bus.on('tick', failing.rejectsLater('c'));
      bus.on('tick', () => void seen.push('d'), { priority: -1 });
      const error = (await rejectionOf(bus.emit('tick'))) as EmitError<EmitResult>;
      expect(error.result).toMatchObject({ ok: false, called: 4, skipped: 0, stopped: false });
      expect(causes(error.errors)).toEqual(['a', 'c']);
      expect(error.cause).toBe(error.errors[0]);
      expect(seen).toEqual(['b', 'd']);
    });

    it('[11] names the failure that came first as the cause, and lists the errors in handler order', async () => {
      const [a, b] = [deferred(), deferred()];
      const bus = makeBus({ failurePolicy: 'throw', mode: 'concurrent' });
      bus.on('tick', () => a.promise);
      bus.on('tick', () => b.promise);
      const emission = rejectionOf(bus.emit('tick'));
      b.reject(new Error('b'));
      await promisesSettled();
      a.reject(new Error('a'));
      const error = (await emission) as EmitError<EmitResult>;
      expect(causes(error.errors)).toEqual(['a', 'b']);
      expect((error.cause as HandlerError).cause).toMatchObject({ message: 'b' });
    });

    it('[11] fulfils where nothing failed', async () => {
      const bus = makeBus({ failurePolicy: 'throw' });
      bus.on('tick', async () => {});
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 1 });
      expect(bus.emitSync('other')).toMatchObject({ ok: true });
    });
  });

  describe.each(['stop', 'throw'] as const)('EmitError, %s', (failurePolicy) => {
    it('[11] is an AggregateError of the failures of the handlers, with the result', async () => {
      const boom = new Error('boom');
      const bus = makeBus<{ 'order.placed': string }>({ failurePolicy });
      bus.on('order.placed', async function ship() {
        throw boom;
      });
      const error = (await rejectionOf(bus.emit('order.placed', 'o1'))) as EmitError<EmitResult>;
      expect(error).toBeInstanceOf(EmitError);
      expect(error).toBeInstanceOf(AggregateError);
      expect(error).toMatchObject({ name: 'EmitError', code: 'EMIT_FAILED', details: { failures: 1 } });
      expect(error.message).toContain('order.placed');
      expect(error.errors).toHaveLength(1);
      expect(error.errors[0]).toBeInstanceOf(HandlerError);
      expect(error.errors[0]).toMatchObject({ event: 'order.placed', handler: 'ship', phase: 'handler', cause: boom });
      expect(error.cause).toBe(error.errors[0]);
      expect(error.result).toMatchObject({ type: 'order.placed', ok: false, called: 1 });
      expect(error.result.failures).toEqual(error.errors);
    });

    it('[11] is thrown by emitSync', () => {
      const bus = makeBus({ failurePolicy });
      bus.on('tick', failing.throws('boom'));
      const error = thrownBy(() => bus.emitSync('tick')) as EmitError<EmitResult>;
      expect(error).toBeInstanceOf(EmitError);
      expect(causes(error.errors)).toEqual(['boom']);
    });

    it('[11] is thrown by dispatch while it is synchronous', () => {
      const bus = makeBus({ failurePolicy });
      bus.on('tick', failing.throws('boom'));
      expect(thrownBy(() => bus.dispatch('tick'))).toBeInstanceOf(EmitError);
    });

    it('[11] is what the promise of dispatch rejects with once a handler was waited for', async () => {
      const bus = makeBus({ failurePolicy });
      bus.on('tick', async () => {});
      bus.on('tick', failing.throws('boom'));
      const dispatched = bus.dispatch('tick');
      expect(dispatched).toBeInstanceOf(Promise);
      expect(await rejectionOf(dispatched as Promise<EmitResult>)).toBeInstanceOf(EmitError);
    });

    it('[11] is what the promise of dispatch rejects with where a handler that runs beside is waited for', async () => {
      const gate = deferred();
      const bus = makeBus({ failurePolicy, mode: 'concurrent' });
      bus.on('tick', () => gate.promise);
      bus.on('tick', failing.throws('boom'));
      const dispatched = bus.dispatch('tick');
      expect(dispatched).toBeInstanceOf(Promise);
      gate.resolve();
      expect(await rejectionOf(dispatched as Promise<EmitResult>)).toBeInstanceOf(EmitError);
    });

    it('[11] is what the verbs of a context and of an event handle throw and reject with', async () => {
      const bus = makeBus<{ inner: void; outer: void }>({ failurePolicy });
      bus.on('inner', failing.throws('inner'));
      const inner = bus.event('inner');
      expect(thrownBy(() => inner.emitSync())).toBeInstanceOf(EmitError);
      expect(thrownBy(() => inner.dispatch())).toBeInstanceOf(EmitError);
      expect(await rejectionOf(inner.emit())).toBeInstanceOf(EmitError);
      let done = false;
      bus.on('outer', async (_, ctx) => {
        expect(thrownBy(() => ctx.emitSync('inner'))).toBeInstanceOf(EmitError);
        expect(thrownBy(() => ctx.dispatch('inner'))).toBeInstanceOf(EmitError);
        expect(await rejectionOf(ctx.emit('inner'))).toBeInstanceOf(EmitError);
        done = true;
      });
      await bus.emit('outer');
      expect(done).toBe(true);
    });

    it('[11] reports no failure again that is in the rejection', async () => {
      const { bus, reported } = reporting({ failurePolicy });
      bus.on('tick', failing.rejects('async'));
      bus.on('tick', failing.throws('sync'));
      await rejectionOf(bus.emit('tick'));
      bus.on('other', failing.throws('sync'));
      thrownBy(() => bus.emitSync('other'));
      await promisesSettled();
      expect(reported).toEqual([]);
    });
  });

  it('[11] reports each failure once that no promise rejects with', async () => {
    const { bus, reported } = reporting();
    bus.on('tick', failing.throws('sync'));
    bus.on('tick', failing.rejects('async'));
    const result = await bus.emit('tick');
    await promisesSettled();
    expect(reported).toHaveLength(2);
    expect(reported).toEqual(result.failures);
  });

  describe('of a handler: stop', () => {
    it.each(Object.entries(failing))('[12] ends the emission where the handler %s, which fulfils', async (_, fail) => {
      const { bus, reported } = reporting();
      bus.on('tick', () => {});
      bus.on('tick', fail('gate'), { failurePolicy: 'stop' });
      bus.on('tick', failing.throws('never'));
      const result = await bus.emit('tick');
      expect(result).toMatchObject({ ok: false, called: 2, skipped: 1, stopped: true });
      expect(causes(result.failures)).toEqual(['gate']);
      expect(causes(reported)).toEqual(['gate']);
    });

    it('[12] ends it for emitSync and dispatch too, which return', () => {
      const bus = makeBus();
      bus.on('tick', failing.throws('gate'), { failurePolicy: 'stop' });
      bus.on('tick', failing.throws('never'));
      expect(bus.emitSync('tick')).toMatchObject({ ok: false, called: 1, skipped: 1, stopped: true });
      expect(bus.dispatch('tick')).toMatchObject({ ok: false, called: 1, skipped: 1, stopped: true });
    });

    it.each(['stop', 'throw'] as const)(
      '[12] ends it there and rejects where the emission has %s',
      async (failurePolicy) => {
        const { bus, reported } = reporting({ failurePolicy });
        bus.on('tick', failing.rejects('gate'), { failurePolicy: 'stop' });
        bus.on('tick', failing.throws('never'));
        const error = (await rejectionOf(bus.emit('tick'))) as EmitError<EmitResult>;
        expect(causes(error.errors)).toEqual(['gate']);
        expect(error.cause).toBe(error.errors[0]);
        expect(error.result).toMatchObject({ called: 1, skipped: 1, stopped: true });
        expect(reported).toEqual([]);
      },
    );

    it('[12] says nothing about the failures of others', async () => {
      const bus = makeBus();
      bus.on('tick', failing.throws('other'));
      bus.on('tick', () => {}, { failurePolicy: 'stop' });
      bus.on('tick', failing.rejects('another'));
      expect(await bus.emit('tick')).toMatchObject({ ok: false, called: 3, skipped: 0, stopped: false });
    });

    it('[12] leaves handlers that run to settle', async () => {
      const gate = deferred();
      const bus = makeBus({ mode: 'concurrent' });
      bus.on('tick', () => gate.promise);
      bus.on('tick', failing.throws('gate'), { failurePolicy: 'stop' });
      bus.on('tick', failing.throws('never'));
      const emission = bus.emit('tick');
      gate.reject(new Error('slow'));
      const result = await emission;
      expect(result).toMatchObject({ called: 2, skipped: 1, stopped: true });
      expect(causes(result.failures)).toEqual(['slow', 'gate']);
    });

    it('[12] ends it where the filter of the handler throws', () => {
      const bus = makeBus();
      bus.on('tick', () => {}, { failurePolicy: 'stop', filter: failing.throws('filter') });
      bus.on('tick', failing.throws('never'));
      expect(bus.emitSync('tick')).toMatchObject({ ok: false, called: 0, skipped: 1, stopped: true });
    });

    it('[12] ends it where the time of the handler is up', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      bus.on('tick', () => new Promise(() => {}), { failurePolicy: 'stop', timeoutMs: 50 });
      bus.on('tick', failing.throws('never'));
      const emission = bus.emit('tick');
      await clock.advance(50);
      expect(await emission).toMatchObject({ ok: false, called: 1, skipped: 1, stopped: true });
    });
  });

  describe('of a handler: isolate', () => {
    it.each(Object.entries(failing))('[12] exempts a handler that %s from stop', async (_, fail) => {
      const { bus, reported } = reporting({ failurePolicy: 'stop' });
      let ran = false;
      bus.on('tick', fail('optional'), { failurePolicy: 'isolate' });
      bus.on('tick', () => {
        ran = true;
      });
      const result = await bus.emit('tick');
      expect(result).toMatchObject({ ok: false, called: 2, skipped: 0, stopped: false });
      expect(causes(result.failures)).toEqual(['optional']);
      expect(causes(reported)).toEqual(['optional']);
      expect(ran).toBe(true);
    });

    it('[12] exempts a handler from throw', async () => {
      const { bus, reported } = reporting({ failurePolicy: 'throw' });
      bus.on('tick', failing.throws('optional'), { failurePolicy: 'isolate' });
      expect(await bus.emit('tick')).toMatchObject({ ok: false, called: 1 });
      expect(bus.emitSync('tick')).toMatchObject({ ok: false, called: 1 });
      expect(bus.dispatch('tick')).toMatchObject({ ok: false, called: 1 });
      expect(causes(reported)).toEqual(['optional', 'optional', 'optional']);
    });

    it.each(['stop', 'throw'] as const)(
      '[12] is in the errors, but not the cause, where another fails under %s',
      async (failurePolicy) => {
        const { bus, reported } = reporting({ failurePolicy });
        bus.on('tick', failing.throws('optional'), { failurePolicy: 'isolate' });
        bus.on('tick', failing.rejects('needed'));
        bus.on('tick', failing.rejects('optional too'), { failurePolicy: 'isolate' });
        const error = (await rejectionOf(bus.emit('tick'))) as EmitError<EmitResult>;
        await promisesSettled();
        const all = ['optional', 'needed', 'optional too'];
        expect(causes(error.errors)).toEqual(failurePolicy === 'stop' ? all.slice(0, 2) : all);
        expect(error.cause).toBe(error.errors[1]);
        expect(reported).toEqual([]);
      },
    );

    it('[12] says nothing about the failures of others', async () => {
      const bus = makeBus({ failurePolicy: 'stop' });
      bus.on('tick', () => {}, { failurePolicy: 'isolate' });
      bus.on('tick', failing.throws('boom'));
      bus.on('tick', () => {});
      const error = (await rejectionOf(bus.emit('tick'))) as EmitError<EmitResult>;
      expect(error.result).toMatchObject({ called: 2, skipped: 1, stopped: true });
    });
  });

  it('[12] holds over every pair of the policies of an emission and of a handler', async () => {
    const outcomeOf = async (bus: EventBus, failurePolicy: FailurePolicy) => {
      const outcome = await bus.emit('tick', 1, { failurePolicy }).then(
        (result) => ({ rejects: false, result: result as EmitResult }),
        (error: EmitError<EmitResult>) => ({ rejects: true, result: error.result }),
      );
      return { rejects: outcome.rejects, called: outcome.result.called, stopped: outcome.result.stopped };
    };
    const expected = {
      isolate: {
        none: { rejects: false, called: 2, stopped: false },
        isolate: { rejects: false, called: 2, stopped: false },
        stop: { rejects: false, called: 1, stopped: true },
      },
      stop: {
        none: { rejects: true, called: 1, stopped: true },
        isolate: { rejects: false, called: 2, stopped: false },
        stop: { rejects: true, called: 1, stopped: true },
      },
      throw: {
        none: { rejects: true, called: 2, stopped: false },
        isolate: { rejects: false, called: 2, stopped: false },
        stop: { rejects: true, called: 1, stopped: true },
      },
    } as const;
    for (const emission of ['isolate', 'stop', 'throw'] as const) {
      for (const own of ['none', 'isolate', 'stop'] as const) {
        for (const fail of Object.values(failing)) {
          const bus = makeBus();
          bus.on('tick', fail('boom'), { failurePolicy: own === 'none' ? undefined : own });
          bus.on('tick', () => {});
          expect(await outcomeOf(bus, emission), `${emission}, ${own}`).toEqual(expected[emission][own]);
        }
      }
    }
  });
});
