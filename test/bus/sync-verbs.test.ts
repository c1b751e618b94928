import { describe, expect, it } from 'vitest';
import { type AmbusError, EmitError, type EmitOptions, type FanOutMode } from '../../src/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, thrownBy } from './deferred.js';

const modes: readonly FanOutMode[] = ['sequential', 'concurrent', 'tiered'];

describeEveryBus((makeBus) => {
  describe.each(modes)('emitSync, %s', (mode) => {
    it('[5] returns the result once every handler has run, in order', () => {
      const seen: number[] = [];
      const bus = makeBus({ mode });
      for (const priority of [1, 3, 2]) {
        bus.on(
          'tick',
          () => {
            seen.push(priority);
          },
          { priority },
        );
      }
      expect(bus.emitSync('tick')).toEqual({
        type: 'tick',
        ok: true,
        called: 3,
        skipped: 0,
        stopped: false,
        failures: [],
        values: [],
      });
      expect(seen).toEqual([3, 2, 1]);
    });

    it('[5] fails a handler that returns a thenable with ASYNC_IN_SYNC, which names it', () => {
      const bus = makeBus({ mode });
      bus.on('tick', async function sendMail() {});
      bus.on('tick', () => ({ then: (resolve: () => void) => resolve() }), { name: 'anyThenable' });
      const { ok, called, failures } = bus.emitSync('tick');
      expect({ ok, called }).toEqual({ ok: false, called: 2 });
      expect(failures).toMatchObject([
        { code: 'ASYNC_IN_SYNC', handler: 'sendMail', event: 'tick', phase: 'handler' },
        { code: 'ASYNC_IN_SYNC', handler: 'anyThenable', event: 'tick', phase: 'handler' },
      ]);
      expect(failures[0]?.message).toContain('sendMail');
      expect(failures[0]?.message).toContain('tick');
    });

    it('[5] runs the handlers behind an async one', () => {
      let ran = false;
      const bus = makeBus({ mode });
      bus.on('tick', async () => {});
      bus.on('tick', () => {
        ran = true;
      });
      expect(bus.emitSync('tick')).toMatchObject({ ok: false, called: 2, skipped: 0 });
      expect(ran).toBe(true);
    });
  });

  it('[5] adopts the promise, so that a rejection is never an unhandled one', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    try {
      const bus = makeBus();
      bus.on('tick', () => Promise.reject(new Error('at once')));
      bus.on('tick', async () => {
        await null;
        throw new Error('later');
      });
      bus.on('tick', () => ({
        then() {
          throw new Error('then');
        },
      }));
      expect(bus.emitSync('tick').failures.map(({ code }) => code)).toEqual(Array(3).fill('ASYNC_IN_SYNC'));
      bus.event('tick').emitSync();
      await promisesSettled();
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', listener);
    }
  });

  it('[5] looks after the promise as late work: counted, and awaited by idle()', async () => {
    const gate = deferred();
    let idle = false;
    const bus = makeBus();
    bus.on('tick', () => gate.promise);
    bus.emitSync('tick');
    expect(bus.inspect().counts).toMatchObject({ inFlight: 0, late: 1, lateSettled: 0 });
    const waiting = bus.idle().then(() => {
      idle = true;
    });
    await promisesSettled();
    expect(idle).toBe(false);
    gate.resolve();
    await waiting;
    expect(bus.inspect().counts).toMatchObject({ late: 0, lateSettled: 1 });
  });

  it('[5] reports the failure once, also where the promise rejects afterwards', async () => {
    const failures: AmbusError[] = [];
    const bus = makeBus({ onFailure: (failure) => failures.push(failure) });
    bus.on('tick', async () => {
      await null;
      throw new Error('later');
    });
    bus.emitSync('tick');
    await bus.idle();
    await promisesSettled();
    expect(failures.map(({ code }) => code)).toEqual(['ASYNC_IN_SYNC']);
  });

  it('[5] lets the failure policy say what happens', () => {
    const run = (failurePolicy: EmitOptions['failurePolicy']) => {
      const seen: string[] = [];
      const bus = makeBus({ failurePolicy });
      bus.on('tick', async () => {
        seen.push('async');
      });
      bus.on('tick', () => {
        seen.push('sync');
      });
      return { seen, emitSync: () => bus.emitSync('tick') };
    };
    const isolated = run('isolate');
    expect(isolated.emitSync()).toMatchObject({ ok: false, called: 2 });
    expect(isolated.seen).toEqual(['async', 'sync']);

    const stopped = run('stop');
    const stopError = thrownBy(stopped.emitSync);
    expect(stopError).toBeInstanceOf(EmitError);
    expect(stopError).toMatchObject({
      cause: { code: 'ASYNC_IN_SYNC' },
      errors: [{ code: 'ASYNC_IN_SYNC' }],
      result: { called: 1, skipped: 1, stopped: true },
    });
    expect(stopped.seen).toEqual(['async']);

    const thrown = run('throw');
    expect(thrownBy(thrown.emitSync)).toMatchObject({ code: 'EMIT_FAILED', cause: { code: 'ASYNC_IN_SYNC' } });
    expect(thrown.seen).toEqual(['async', 'sync']);
  });

  it('[5] lets the policy of the handler itself say what happens', () => {
    const bus = makeBus();
    bus.on('tick', async () => {}, { failurePolicy: 'stop' });
    bus.on('tick', () => {});
    expect(bus.emitSync('tick')).toMatchObject({ ok: false, called: 1, skipped: 1, stopped: true });
    const throwing = makeBus({ failurePolicy: 'throw' });
    throwing.on('tick', async () => {}, { failurePolicy: 'isolate' });
    expect(throwing.emitSync('tick')).toMatchObject({ ok: false, failures: [{ code: 'ASYNC_IN_SYNC' }] });
  });

  it('[5] takes a throwing `then` getter as what it is, and not as async', () => {
    const boom = new Error('getter');
    const bus = makeBus();
    bus.on('tick', () => ({
      get then(): unknown {
        throw boom;
      },
    }));
    expect(bus.emitSync('tick').failures).toMatchObject([{ code: 'HANDLER_FAILED', cause: boom }]);
    expect(bus.inspect().counts.late).toBe(0);
  });

  it('[5] tells a handler by ctx.sync that its caller cannot wait', async () => {
    const seen: boolean[] = [];
    const bus = makeBus();
    bus.on('tick', (_, ctx) => {
      seen.push(ctx.sync);
    });
    bus.emitSync('tick');
    await bus.emit('tick');
    await bus.dispatch('tick');
    bus.post('tick');
    bus.event('tick').emitSync();
    await bus.event('tick').emit();
    bus.emitSync('tick');
    expect(seen).toEqual([true, false, false, false, true, false, true]);
  });

  it('[5] tells by ctx.sync about its own emission, and not about the one it is nested in', async () => {
    const seen: Record<string, boolean> = {};
    const bus = makeBus<{ outer: void; inner: string }>();
    bus.on('inner', (name, ctx) => {
      seen[name] = ctx.sync;
    });
    bus.on('outer', (_, ctx) => {
      ctx.emitSync('inner', 'emitSync in emit');
      seen['outer'] = ctx.sync;
    });
    await bus.emit('outer');
    expect(seen).toEqual({ 'emitSync in emit': true, outer: false });
    const syncBus = makeBus<{ outer: void; inner: string }>();
    syncBus.on('inner', (name, ctx) => {
      seen[name] = ctx.sync;
    });
    syncBus.on('outer', (_, ctx) => {
      void ctx.emit('inner', 'emit in emitSync');
      ctx.post('inner', 'post in emitSync');
    });
    syncBus.emitSync('outer');
    expect(seen).toMatchObject({ 'emit in emitSync': false, 'post in emitSync': false });
  });

  it('[5] lets a handler stay synchronous where ctx.sync says that it must', async () => {
    const bus = makeBus();
    bus.on('tick', (_, ctx) => (ctx.sync ? undefined : Promise.resolve()));
    expect(bus.emitSync('tick').ok).toBe(true);
    expect((await bus.emit('tick')).ok).toBe(true);
  });

  describe('post', () => {
    it('returns nothing and starts handlers in this tick', async () => {
      const seen: string[] = [];
      const bus = makeBus();
      bus.on('tick', async () => {
        seen.push('starts');
        await null;
        seen.push('ends');
      });
      expect(bus.post('tick')).toBeUndefined();
      expect(seen).toEqual(['starts']);
      await bus.idle();
      expect(seen).toEqual(['starts', 'ends']);
    });

    it('is waited for by idle()', async () => {
      const gate = deferred();
      const bus = makeBus();
      bus.on('tick', () => gate.promise);
      bus.post('tick');
      expect(bus.inspect().counts.inFlight).toBe(1);
      gate.resolve();
      await bus.idle();
      expect(bus.inspect().counts.inFlight).toBe(0);
    });

    it.each(['isolate', 'throw'] as const)('hands every failure to onFailure once, under %s', async (failurePolicy) => {
      const failures: AmbusError[] = [];
      const bus = makeBus({ failurePolicy, onFailure: (failure) => failures.push(failure) });
      const [first, second] = [new Error('sync'), new Error('async')];
      bus.on('tick', () => {
        throw first;
      });
      bus.on('tick', () => Promise.reject(second));
      bus.post('tick');
      await bus.idle();
      await promisesSettled();
      expect(failures.map(({ code, cause }) => [code, cause])).toEqual([
        ['HANDLER_FAILED', first],
        ['HANDLER_FAILED', second],
      ]);
    });

    it('stops at the first failure under stop, and hands it to onFailure once', async () => {
      const failures: AmbusError[] = [];
      let ran = false;
      const bus = makeBus({ onFailure: (failure) => failures.push(failure) });
      const boom = new Error('boom');
      bus.on('tick', () => Promise.reject(boom));
      bus.on('tick', () => {
        ran = true;
      });
      bus.post('tick', undefined, { failurePolicy: 'stop' });
      await bus.idle();
      await promisesSettled();
      expect(failures.map(({ cause }) => cause)).toEqual([boom]);
      expect(ran).toBe(false);
    });

    it('hands failures of handlers with a policy of their own to onFailure once', async () => {
      const failures: unknown[] = [];
      const bus = makeBus({ failurePolicy: 'throw', onFailure: ({ cause }) => failures.push(cause) });
      bus.on('tick', () => Promise.reject(new Error('exempt')), { failurePolicy: 'isolate' });
      bus.on('tick', () => Promise.reject(new Error('stops')), { failurePolicy: 'stop' });
      bus.on('tick', () => Promise.reject(new Error('never')));
      bus.post('tick');
      await bus.idle();
      await promisesSettled();
      expect(failures.map((cause) => (cause as Error).message)).toEqual(['exempt', 'stops']);
    });

    it.each([
      ['a name that is no name', 'INVALID_EVENT', 7 as never, undefined],
      ['a pattern', 'INVALID_EVENT', 'order.*', undefined],
      ['options that are no object', 'INVALID_ARGUMENT', 'tick', 'fast' as never],
      ['an unknown option', 'UNKNOWN_OPTION', 'tick', { key: 'k' } as never],
      ['a bad option', 'INVALID_OPTION', 'tick', { timeoutMs: Number.NaN }],
    ] as const)('hands a refusal to onFailure once: %s', async (_, code, type, options) => {
      const failures: AmbusError[] = [];
      const bus = makeBus({ onFailure: (failure) => failures.push(failure) });
      bus.post(type, 1, options);
      await promisesSettled();
      expect(failures.map((failure) => failure.code)).toEqual([code]);
    });

    it('hands the refusal of an aborted signal to onFailure, with the reason as its cause', async () => {
      const failures: AmbusError[] = [];
      let ran = false;
      const bus = makeBus({ onFailure: (failure) => failures.push(failure) });
      bus.on('tick', () => {
        ran = true;
      });
      bus.post('tick', 1, { signal: AbortSignal.abort('not an error') });
      await promisesSettled();
      expect(failures).toMatchObject([{ code: 'ABORTED', cause: 'not an error' }]);
      expect(ran).toBe(false);
    });

    it('hands the refusal of a closed bus to onFailure', async () => {
      const failures: AmbusError[] = [];
      const bus = makeBus({ onFailure: (failure) => failures.push(failure) });
      await bus.close();
      bus.post('tick');
      await promisesSettled();
      expect(failures.map(({ code }) => code)).toEqual(['BUS_CLOSED']);
    });
  });
});
