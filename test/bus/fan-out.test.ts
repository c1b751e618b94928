import { describe, expect, it } from 'vitest';
import type { EmitOptions, FanOutMode } from '../../src/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';

const modes: readonly FanOutMode[] = ['sequential', 'concurrent', 'tiered'];

describeEveryBus((makeBus) => {
  /** A bus with handlers that note their start and end, and end when the test says so. */
  function stepping() {
    const seen: string[] = [];
    const step = (name: string) => {
      const gate = deferred();
      const handler = async () => {
        seen.push(`${name} starts`);
        await gate.promise;
        seen.push(`${name} ends`);
      };
      return Object.assign(handler, { end: gate.resolve, fail: gate.reject });
    };
    return { seen, step };
  }

  describe('sequential', () => {
    it('[2] starts the next handler when the last has settled, by default', async () => {
      const { seen, step } = stepping();
      const [a, b] = [step('a'), step('b')];
      const bus = makeBus();
      bus.on('tick', a);
      bus.on('tick', b);
      const emission = bus.emit('tick');
      await promisesSettled();
      expect(seen).toEqual(['a starts']);
      a.end();
      await promisesSettled();
      expect(seen).toEqual(['a starts', 'a ends', 'b starts']);
      b.end();
      expect(await emission).toMatchObject({ ok: true, called: 2, skipped: 0, stopped: false });
      expect(seen).toEqual(['a starts', 'a ends', 'b starts', 'b ends']);
    });

    it('[2] starts the next handler also when the last has rejected', async () => {
      const { seen, step } = stepping();
      const [a, b] = [step('a'), step('b')];
      const bus = makeBus();
      bus.on('tick', a);
      bus.on('tick', b);
      const emission = bus.emit('tick');
      a.fail(new Error('a'));
      await promisesSettled();
      expect(seen).toEqual(['a starts', 'b starts']);
      b.end();
      expect(await emission).toMatchObject({ ok: false, called: 2 });
    });

    it('[2] alternates sync and async handlers in order', async () => {
      const seen: number[] = [];
      const bus = makeBus();
      for (const n of [1, 2, 3, 4, 5, 6]) {
        bus.on(
          'tick',
          n % 2 === 0
            ? () => {
                seen.push(n);
              }
            : async () => {
                await null;
                seen.push(n);
              },
        );
      }
      await bus.emit('tick');
      expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it('[2] says INVALID_OPTION where a limit could have no effect', async () => {
      expect(thrownBy(() => makeBus({ mode: 'sequential', concurrency: 2 }))).toMatchObject({ code: 'INVALID_OPTION' });
      expect(thrownBy(() => makeBus({ concurrency: 2 }))).toMatchObject({ code: 'INVALID_OPTION' });
      const bus = makeBus();
      expect(await rejectionOf(bus.emit('tick', 1, { concurrency: 2 }))).toMatchObject({ code: 'INVALID_OPTION' });
      expect(await rejectionOf(bus.emit('tick', 1, { mode: 'sequential', concurrency: 2 }))).toMatchObject({
        code: 'INVALID_OPTION',
      });
    });

    it('[2] takes Infinity, which is no limit', async () => {
      const bus = makeBus({ mode: 'sequential', concurrency: Infinity });
      expect((await bus.emit('tick', 1, { mode: 'sequential', concurrency: Infinity })).ok).toBe(true);
    });

    it('[2] can be asked for by one emission of a bus that fans out concurrently with a limit', async () => {
      const { seen, step } = stepping();
      const [a, b] = [step('a'), step('b')];
      const bus = makeBus({ mode: 'concurrent', concurrency: 2 });
      bus.on('tick', a);
      bus.on('tick', b);
      const emission = bus.emit('tick', undefined, { mode: 'sequential' });
      expect(seen).toEqual(['a starts']);
      a.end();
      b.end();
      await emission;
      expect(seen).toEqual(['a starts', 'a ends', 'b starts', 'b ends']);
    });
  });

  describe('concurrent', () => {
    it('[2] starts all handlers, in order', async () => {
      const { seen, step } = stepping();
      const [a, b, c] = [step('a'), step('b'), step('c')];
      const bus = makeBus({ mode: 'concurrent' });
      bus.on('tick', c, { priority: -1 });
      bus.on('tick', a);
      bus.on('tick', b);
      const emission = bus.emit('tick');
      expect(seen).toEqual(['a starts', 'b starts', 'c starts']);
      c.end();
      a.end();
      await promisesSettled();
      b.end();
      expect(await emission).toMatchObject({ ok: true, called: 3 });
      expect(seen.at(-1)).toBe('b ends');
    });

    it('[2] settles when the last handler has settled, also when one has rejected before', async () => {
      const { step } = stepping();
      const [a, b] = [step('a'), step('b')];
      const bus = makeBus({ mode: 'concurrent' });
      bus.on('tick', a);
      bus.on('tick', b);
      let settled = false;
      const emission = bus.emit('tick').finally(() => {
        settled = true;
      });
      a.fail(new Error('a'));
      await promisesSettled();
      expect(settled).toBe(false);
      b.end();
      expect(await emission).toMatchObject({ ok: false, called: 2 });
    });

    it('[2] has at most `concurrency` handlers unsettled, and starts the next in order as one settles', async () => {
      const { seen, step } = stepping();
      const steps = ['a', 'b', 'c', 'd'].map(step);
      const [a, b, c, d] = steps as [(typeof steps)[0], (typeof steps)[0], (typeof steps)[0], (typeof steps)[0]];
      const bus = makeBus({ mode: 'concurrent', concurrency: 2 });
      for (const handler of steps) bus.on('tick', handler);
      const emission = bus.emit('tick');
      expect(seen).toEqual(['a starts', 'b starts']);
      b.end();
      await promisesSettled();
      expect(seen).toEqual(['a starts', 'b starts', 'b ends', 'c starts']);
      c.fail(new Error('c'));
      await promisesSettled();
      expect(seen.at(-1)).toBe('d starts');
      d.end();
      a.end();
      expect(await emission).toMatchObject({ called: 4, skipped: 0 });
    });

    it('[2] gives synchronous handlers no slot, so that they never wait for each other', () => {
      const seen: number[] = [];
      const bus = makeBus({ mode: 'concurrent', concurrency: 1 });
      for (const n of [1, 2, 3]) {
        bus.on('tick', () => {
          seen.push(n);
        });
      }
      void bus.emit('tick');
      expect(seen).toEqual([1, 2, 3]);
    });

    it('[2] keeps synchronous handlers in line behind one that waits for a slot', async () => {
      const { seen, step } = stepping();
      const [a, b] = [step('a'), step('b')];
      const bus = makeBus({ mode: 'concurrent', concurrency: 1 });
      bus.on('tick', a);
      bus.on('tick', b);
      bus.on('tick', () => {
        seen.push('sync');
      });
      const emission = bus.emit('tick');
      expect(seen).toEqual(['a starts']);
      a.end();
      b.end();
      await emission;
      expect(seen.filter((entry) => !entry.endsWith('ends'))).toEqual(['a starts', 'b starts', 'sync']);
    });

    it('[2] counts the handlers of each emission by themselves', async () => {
      const gate = deferred();
      let running = 0;
      const bus = makeBus({ mode: 'concurrent', concurrency: 1 });
      bus.on('tick', async () => {
        running += 1;
        await gate.promise;
      });
      const emissions = [bus.emit('tick'), bus.emit('tick'), bus.emit('tick')];
      expect(running).toBe(3);
      gate.resolve();
      await Promise.all(emissions);
    });

    it('[2] takes the limit of the emission over that of the bus', async () => {
      const { seen, step } = stepping();
      const steps = ['a', 'b', 'c'].map(step);
      const bus = makeBus({ mode: 'concurrent', concurrency: 1 });
      for (const handler of steps) bus.on('tick', handler);
      const emission = bus.emit('tick', undefined, { concurrency: 2 });
      expect(seen).toEqual(['a starts', 'b starts']);
      for (const { end } of steps) end();
      await emission;
      const unlimited = bus.emit('tick', undefined, { concurrency: Infinity });
      expect(seen.slice(-3)).toEqual(['a starts', 'b starts', 'c starts']);
      await unlimited;
    });

    it('[2] works through many handlers under a small limit without growing the stack', async () => {
      const bus = makeBus({ mode: 'concurrent', concurrency: 3, maxHandlers: 0 });
      let running = 0;
      let most = 0;
      for (let n = 0; n < 5_000; n++) {
        bus.on('tick', async () => {
          most = Math.max(most, ++running);
          await null;
          running -= 1;
        });
      }
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 5_000 });
      expect(most).toBe(3);
    });
  });

  describe('tiered', () => {
    it('[2] starts handlers of equal priority together, and the next priority when they have settled', async () => {
      const { seen, step } = stepping();
      const [a, b, c, d] = [step('a'), step('b'), step('c'), step('d')];
      const bus = makeBus({ mode: 'tiered' });
      bus.on('tick', c, { priority: 1 });
      bus.on('tick', a, { priority: 2 });
      bus.on('tick', d, { priority: 1 });
      bus.on('tick', b, { priority: 2 });
      const emission = bus.emit('tick');
      expect(seen).toEqual(['a starts', 'b starts']);
      b.end();
      await promisesSettled();
      expect(seen).not.toContain('c starts');
      a.end();
      await promisesSettled();
      expect(seen.slice(-2)).toEqual(['c starts', 'd starts']);
      c.end();
      d.end();
      expect(await emission).toMatchObject({ ok: true, called: 4 });
    });

    it('[2] goes on to the next priority also when a handler has rejected', async () => {
      const { seen, step } = stepping();
      const [a, b] = [step('a'), step('b')];
      const bus = makeBus({ mode: 'tiered' });
      bus.on('tick', a, { priority: 1 });
      bus.on('tick', b);
      const emission = bus.emit('tick');
      a.fail(new Error('a'));
      await promisesSettled();
      expect(seen).toEqual(['a starts', 'b starts']);
      b.end();
      expect(await emission).toMatchObject({ ok: false, called: 2 });
    });

    it('[2] goes through tiers of synchronous handlers in the same tick', () => {
      const seen: number[] = [];
      const bus = makeBus({ mode: 'tiered' });
      for (const priority of [1, 3, 2, 3]) {
        bus.on(
          'tick',
          () => {
            seen.push(priority);
          },
          { priority },
        );
      }
      void bus.emit('tick');
      expect(seen).toEqual([3, 3, 2, 1]);
    });

    it('[2] starts the synchronous handlers of a tier beside its async ones', async () => {
      const { seen, step } = stepping();
      const a = step('a');
      const bus = makeBus({ mode: 'tiered' });
      bus.on('tick', a);
      bus.on('tick', () => {
        seen.push('same tier');
      });
      bus.on(
        'tick',
        () => {
          seen.push('next tier');
        },
        { priority: -1 },
      );
      const emission = bus.emit('tick');
      expect(seen).toEqual(['a starts', 'same tier']);
      a.end();
      await emission;
      expect(seen).toEqual(['a starts', 'same tier', 'a ends', 'next tier']);
    });

    it('[2] makes one tier of one priority, whatever groups and patterns it is of', async () => {
      const { seen, step } = stepping();
      const steps = ['a', 'b', 'c'].map(step);
      const [a, b, c] = steps as [(typeof steps)[0], (typeof steps)[0], (typeof steps)[0]];
      const bus = makeBus({ mode: 'tiered' });
      bus.group('late', { place: 5 }).on('tick', c);
      bus.on('*', a);
      bus.onAny(b);
      const emission = bus.emit('tick');
      expect(seen).toEqual(['a starts', 'b starts', 'c starts']);
      for (const { end } of steps) end();
      await emission;
    });

    it('[2] has at most `concurrency` handlers of a tier unsettled', async () => {
      const { seen, step } = stepping();
      const steps = ['a', 'b', 'c'].map(step);
      const next = step('next tier');
      const bus = makeBus({ mode: 'tiered', concurrency: 2 });
      for (const handler of steps) bus.on('tick', handler, { priority: 1 });
      bus.on('tick', next);
      const emission = bus.emit('tick');
      expect(seen).toEqual(['a starts', 'b starts']);
      steps[0]?.end();
      await promisesSettled();
      expect(seen.at(-1)).toBe('c starts');
      steps[1]?.end();
      await promisesSettled();
      expect(seen).not.toContain('next tier starts');
      steps[2]?.end();
      await promisesSettled();
      expect(seen.at(-1)).toBe('next tier starts');
      next.end();
      await emission;
    });
  });

  it('[2] takes the mode of the emission over that of the bus', async () => {
    const startedInTick = async (busMode: FanOutMode | undefined, options?: EmitOptions) => {
      const { seen, step } = stepping();
      const steps = ['a', 'b', 'c'].map(step);
      const bus = makeBus({ mode: busMode });
      bus.on('tick', steps[0] as () => unknown, { priority: 1 });
      bus.on('tick', steps[1] as () => unknown, { priority: 1 });
      bus.on('tick', steps[2] as () => unknown);
      const emission = bus.emit('tick', undefined, options);
      const started = seen.length;
      for (const { end } of steps) end();
      await emission;
      return started;
    };
    const expected = { sequential: 1, tiered: 2, concurrent: 3 };
    expect(await startedInTick(undefined)).toBe(1);
    for (const busMode of modes) {
      expect(await startedInTick(busMode), busMode).toBe(expected[busMode]);
      expect(await startedInTick(busMode, {}), busMode).toBe(expected[busMode]);
      expect(await startedInTick(busMode, { mode: undefined }), busMode).toBe(expected[busMode]);
      for (const mode of modes) expect(await startedInTick(busMode, { mode }), mode).toBe(expected[mode]);
    }
  });

  describe.each(modes)('%s', (mode) => {
    it('[3] has run every handler when emit returns its promise, where all are synchronous', () => {
      const seen: number[] = [];
      const bus = makeBus({ mode });
      for (const n of [1, 2, 3]) {
        bus.on('tick', () => {
          seen.push(n);
        });
      }
      const emission = bus.emit('tick');
      expect(seen).toEqual([1, 2, 3]);
      expect(emission).toBeInstanceOf(Promise);
    });

    it('[3] starts handlers in the tick of emit, up to the first that has to be waited for', async () => {
      const { seen, step } = stepping();
      const a = step('a');
      const bus = makeBus({ mode });
      bus.on('tick', () => {
        seen.push('sync');
      });
      bus.on('tick', a);
      const emission = bus.emit('tick');
      expect(seen).toEqual(['sync', 'a starts']);
      a.end();
      await emission;
    });

    it('[3] returns the result itself from dispatch where every handler is synchronous', () => {
      const bus = makeBus<{ tick: number }>({ mode });
      bus.on('tick', () => {});
      bus.on('tick', () => 'a value');
      const result = bus.dispatch('tick', 1);
      expect(result).not.toBeInstanceOf(Promise);
      expect(result).toEqual({
        type: 'tick',
        ok: true,
        called: 2,
        skipped: 0,
        stopped: false,
        failures: [],
        values: [],
      });
    });

    it('[3] returns the result itself from dispatch where a synchronous handler failed', () => {
      const bus = makeBus({ mode });
      bus.on('tick', () => {
        throw new Error('boom');
      });
      expect(bus.dispatch('tick')).toMatchObject({ ok: false, called: 1 });
    });

    it('[3] returns a promise from dispatch where a handler has to be waited for', async () => {
      const bus = makeBus({ mode });
      bus.on('tick', () => {});
      bus.on('tick', async () => {});
      const result = bus.dispatch('tick');
      expect(result).toBeInstanceOf(Promise);
      expect(await result).toMatchObject({ type: 'tick', ok: true, called: 2 });
    });

    it('[3] decides at each call, from what the handler returned, whether it has to be waited for', async () => {
      const bus = makeBus<{ tick: boolean }>({ mode });
      bus.on('tick', (slow) => (slow ? Promise.resolve() : undefined));
      for (const slow of [false, true, true, false, true, false]) {
        const result = bus.dispatch('tick', slow);
        expect(result instanceof Promise).toBe(slow);
        expect((await result).called).toBe(1);
      }
    });

    it('[3] decides from what a handler returns and not from how it is declared', () => {
      const bus = makeBus({ mode });
      const neverAsync = Object.assign(() => {}, { [Symbol.toStringTag]: 'AsyncFunction' });
      bus.on('tick', neverAsync);
      bus.on('tick', function* () {});
      expect(bus.dispatch('tick')).not.toBeInstanceOf(Promise);
    });
  });

  it('[3] calls handlers with the payload itself and with nothing bound to `this`', () => {
    const bus = makeBus<{ tick: { n: number } }>();
    const payload = { n: 1 };
    let got: unknown[] = [];
    bus.on('tick', function (this: unknown, ...args: unknown[]) {
      got = [this, args[0], args.length];
    });
    bus.emitSync('tick', payload);
    expect(got[0]).toBeUndefined();
    expect(got[1]).toBe(payload);
    expect(got[2]).toBe(2);
  });

  describe('emit never throws synchronously', () => {
    const bad = (value: unknown) => value as never;
    const refusals: readonly (readonly [string, (emit: EmitOf) => Promise<unknown>])[] = [
      ['a name that is no name', (emit) => emit(bad(7))],
      ['no name at all', (emit) => emit(bad(undefined))],
      ['a pattern', (emit) => emit('order.*')],
      ['options that are no object', (emit) => emit('tick', 1, bad('fast'))],
      ['options that are null', (emit) => emit('tick', 1, bad(null))],
      ['an unknown option', (emit) => emit('tick', 1, bad({ priority: 1 }))],
      ['a bad option', (emit) => emit('tick', 1, { timeoutMs: -1 })],
      ['an aborted signal', (emit) => emit('tick', 1, { signal: AbortSignal.abort(new Error('gone')) })],
      [
        'an option whose getter throws',
        (emit) =>
          emit('tick', 1, {
            get mode(): FanOutMode {
              throw new Error('getter');
            },
          }),
      ],
    ];
    type EmitOf = (type: string, payload?: unknown, options?: EmitOptions) => Promise<unknown>;

    it.each(refusals)('[3] but rejects: %s', async (_, call) => {
      const bus = makeBus();
      let called = false;
      bus.onAny(() => {
        called = true;
      });
      const emission = call((type, payload, options) => bus.emit(type, payload, options));
      expect(emission).toBeInstanceOf(Promise);
      expect(await rejectionOf(emission)).toBeInstanceOf(Error);
      expect(called).toBe(false);
    });

    it('[3] but rejects: a handler that throws, under the policy throw', async () => {
      const bus = makeBus({ failurePolicy: 'throw' });
      bus.on('tick', () => {
        throw new Error('boom');
      });
      expect(await rejectionOf(bus.emit('tick'))).toMatchObject({ code: 'EMIT_FAILED' });
    });

    it('[3] but rejects: a bus that is closed', async () => {
      const bus = makeBus();
      await bus.close();
      expect(await rejectionOf(bus.emit('tick'))).toMatchObject({ code: 'BUS_CLOSED' });
    });
  });

  describe('ctx.stop()', () => {
    it('ends the emission there: later handlers are skipped, and it is not a failure', () => {
      const seen: string[] = [];
      const bus = makeBus();
      bus.on('tick', () => {
        seen.push('a');
      });
      bus.on('tick', (_, ctx) => {
        ctx.stop();
        seen.push('b goes on to its end');
      });
      bus.on('tick', () => {
        seen.push('c');
      });
      bus.on('tick', () => {
        seen.push('d');
      });
      expect(bus.emitSync('tick')).toEqual({
        type: 'tick',
        ok: true,
        called: 2,
        skipped: 2,
        stopped: true,
        failures: [],
        values: [],
      });
      expect(seen).toEqual(['a', 'b goes on to its end']);
    });

    it('does not reject, whatever the policy', async () => {
      for (const failurePolicy of ['isolate', 'stop', 'throw'] as const) {
        const bus = makeBus({ failurePolicy });
        bus.on('tick', (_, ctx) => ctx.stop());
        bus.on('tick', () => {});
        expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 1, skipped: 1, stopped: true });
      }
    });

    it('counts as stopped also where the last handler does it', () => {
      const bus = makeBus();
      bus.on('tick', (_, ctx) => ctx.stop());
      expect(bus.emitSync('tick')).toMatchObject({ called: 1, skipped: 0, stopped: true });
    });

    it('works after an await', async () => {
      const bus = makeBus();
      bus.on('tick', async (_, ctx) => {
        await null;
        ctx.stop();
      });
      bus.on('tick', () => {});
      expect(await bus.emit('tick')).toMatchObject({ called: 1, skipped: 1, stopped: true });
    });

    it('lets handlers settle that run beside it, and does not abort them', async () => {
      const gate = deferred();
      let aborted: boolean | undefined;
      const bus = makeBus({ mode: 'concurrent' });
      bus.on('tick', async (_, ctx) => {
        await gate.promise;
        aborted = ctx.signal.aborted;
      });
      bus.on('tick', (_, ctx) => ctx.stop());
      bus.on('tick', () => {});
      const emission = bus.emit('tick');
      gate.resolve();
      expect(await emission).toMatchObject({ called: 2, skipped: 1, stopped: true });
      expect(aborted).toBe(false);
    });

    it('skips the handlers that wait for a slot of the emission', async () => {
      const bus = makeBus({ mode: 'concurrent', concurrency: 1 });
      bus.on('tick', async (_, ctx) => {
        await null;
        ctx.stop();
      });
      bus.on('tick', async () => {});
      bus.on('tick', async () => {});
      expect(await bus.emit('tick')).toMatchObject({ called: 1, skipped: 2, stopped: true });
    });

    it('skips the rest of its tier and the tiers below', async () => {
      const bus = makeBus({ mode: 'tiered' });
      bus.on('tick', async () => {}, { priority: 1 });
      bus.on('tick', (_, ctx) => ctx.stop(), { priority: 1 });
      bus.on('tick', () => {}, { priority: 1 });
      bus.on('tick', () => {});
      expect(await bus.emit('tick')).toMatchObject({ called: 2, skipped: 2, stopped: true });
    });

    it('concerns that emission alone', () => {
      const bus = makeBus<{ outer: void; inner: void }>();
      bus.on('inner', (_, ctx) => ctx.stop());
      bus.on('inner', () => {});
      bus.on('outer', (_, ctx) => {
        expect(ctx.emitSync('inner')).toMatchObject({ stopped: true, skipped: 1 });
      });
      bus.on('outer', () => {});
      expect(bus.emitSync('outer')).toMatchObject({ ok: true, called: 2, stopped: false });
      expect(bus.emitSync('outer')).toMatchObject({ called: 2, stopped: false });
    });

    it('does nothing once the emission has ended', () => {
      let stop = () => {};
      const bus = makeBus();
      bus.on('tick', (_, ctx) => {
        stop = () => ctx.stop();
      });
      bus.on('tick', () => {});
      const result = bus.emitSync('tick');
      stop();
      expect(result.stopped).toBe(false);
      expect(bus.emitSync('tick')).toMatchObject({ called: 2, stopped: false });
    });
  });
});
