import { describe, expect, it, vi } from 'vitest';
import {
  type AmbusError,
  type BusOptions,
  collect,
  defineEvents,
  EmitError,
  type EmitResult,
  type FanOutMode,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { causes, failing } from './failing.js';
import { uncaughtDuring } from './uncaught.js';

const modes: readonly FanOutMode[] = ['sequential', 'concurrent', 'tiered'];

const events = defineEvents({
  'code.lint': collect<string, string>(),
  /** For answers of every sort. */
  'any.ask': collect<unknown, unknown>(),
});

describeEveryBus((makeBus) => {
  const pollBus = (options?: Omit<BusOptions, 'events'>) => makeBus({ events, ...(options as object) });

  describe.each(modes)('%s', (mode) => {
    it('has every answer, in handler order, and who gave it', async () => {
      const bus = pollBus({ mode });
      bus.on('code.lint', (code) => `no ${code}`, { name: 'style' });
      bus.on('code.lint', () => undefined, { name: 'silent' });
      bus.on('code.lint', () => {}, { name: 'mute' });
      bus.on('code.lint', (code) => `long ${code}`, { name: 'length' });
      expect(bus.emitSync('code.lint', 'var')).toEqual({
        type: 'code.lint',
        ok: true,
        called: 4,
        skipped: 0,
        stopped: false,
        failures: [],
        value: undefined,
        values: ['no var', 'long var'],
        answeredBy: ['style', 'length'],
      });
      const expected = { values: ['no let', 'long let'], answeredBy: ['style', 'length'], value: undefined };
      expect(await bus.emit('code.lint', 'let')).toMatchObject(expected);
      expect(bus.dispatch('code.lint', 'let')).toMatchObject(expected);
      expect(bus.event('code.lint').emitSync('let')).toMatchObject(expected);
      expect(await bus.event('code.lint').emit('let')).toMatchObject(expected);
    });

    it('has answers of synchronous and asynchronous handlers in one order', async () => {
      const bus = pollBus({ mode });
      bus.on('code.lint', async () => 'a', { name: 'A' });
      bus.on('code.lint', () => 'b', { name: 'B' });
      bus.on('code.lint', async () => {}, { name: 'C' });
      bus.on(
        'code.lint',
        async () => {
          await null;
          return 'd';
        },
        { name: 'D' },
      );
      bus.on('code.lint', () => 'e', { name: 'E', priority: 1 });
      bus.on('code.lint', () => 'f', { name: 'F', priority: -1 });
      const { values, answeredBy } = await bus.emit('code.lint', '');
      expect(values).toEqual(['e', 'a', 'b', 'd', 'f']);
      expect(answeredBy).toEqual(['E', 'A', 'B', 'D', 'F']);
    });

    it('has an answer that is falsy, undefined excepted', async () => {
      const answers = [null, false, 0, -0, '', 0n, Number.NaN];
      const bus = pollBus({ mode });
      for (const answer of answers) bus.on('any.ask', () => answer);
      bus.on('any.ask', () => undefined);
      expect(bus.emitSync('any.ask').values).toEqual(answers);
      for (const answer of answers) bus.on('any.ask', async () => answer);
      bus.on('any.ask', async () => undefined);
      const { values, answeredBy } = await bus.emit('any.ask');
      expect(values).toEqual([...answers, ...answers]);
      expect(answeredBy).toHaveLength(2 * answers.length);
    });

    it('has answers as they are: lists are not put together, an Error is a value', () => {
      const error = new Error('a value');
      const bus = pollBus({ mode });
      bus.on('any.ask', () => [1, 2]);
      bus.on('any.ask', () => []);
      bus.on('any.ask', () => error);
      const result = bus.emitSync('any.ask');
      expect(result.values).toEqual([[1, 2], [], error]);
      expect(result.ok).toBe(true);
    });

    it('has none where nobody answers, or nobody is there', async () => {
      const bus = pollBus({ mode });
      const none = { ok: true, value: undefined, values: [], answeredBy: [] };
      expect(bus.emitSync('code.lint', '')).toMatchObject({ ...none, called: 0 });
      bus.on('code.lint', () => {});
      expect(bus.emitSync('code.lint', '')).toMatchObject({ ...none, called: 1 });
      bus.on('code.lint', async () => {});
      expect(await bus.emit('code.lint', '')).toMatchObject({ ...none, called: 2 });
    });

    it('has the answer of the same function twice where it is subscribed twice', () => {
      const bus = pollBus({ mode });
      const twice = () => 'x';
      bus.on('code.lint', twice);
      bus.on('code.lint', twice);
      expect(bus.emitSync('code.lint', '')).toMatchObject({ values: ['x', 'x'], answeredBy: ['twice', 'twice'] });
    });

    it('[24] has no answer of listeners, which are called and waited for', async () => {
      const gate = deferred();
      const seen: string[] = [];
      const bus = pollBus({ mode });
      bus.on('code.*', (code) => {
        seen.push(`pattern ${code}`);
        return 'pattern';
      });
      bus.on('code.lint', () => 'mine');
      bus.on(['code.lint'], async () => {
        await gate.promise;
        seen.push('list');
        return 'list';
      });
      bus.onAny((event) => {
        seen.push(`any ${event.type}`);
        return 'any';
      });
      const emission = bus.emit('code.lint', 'x');
      gate.resolve();
      const result = await emission;
      expect(result).toMatchObject({ called: 4, values: ['mine'] });
      expect(result.answeredBy).toHaveLength(1);
      expect(seen.toSorted()).toEqual(['any code.lint', 'list', 'pattern x']);
    });

    it.each(Object.entries(failing))('[10] isolates a handler that %s by default', async (_, fail) => {
      const bus = pollBus({ mode });
      bus.on('code.lint', () => 'a', { name: 'A' });
      bus.on('code.lint', fail('boom'));
      bus.on('code.lint', async () => 'b', { name: 'B' });
      bus.on('code.lint', () => 'c', { name: 'C', priority: -1 });
      const result = await bus.emit('code.lint', '');
      expect(result).toMatchObject({
        ok: false,
        called: 4,
        skipped: 0,
        stopped: false,
        values: ['a', 'b', 'c'],
        answeredBy: ['A', 'B', 'C'],
      });
      expect(causes(result.failures)).toEqual(['boom']);
    });

    it.each([undefined, null, 0, '', false])('[10] takes a throw of %o as a failure, and no answer', async (value) => {
      const bus = pollBus({ mode });
      bus.on('any.ask', () => {
        throw value;
      });
      bus.on('any.ask', () => Promise.reject(value));
      bus.on('any.ask', () => 'answer');
      const result = await bus.emit('any.ask');
      expect(result).toMatchObject({ ok: false, values: ['answer'] });
      expect(result.failures.map(({ cause }) => cause)).toEqual([value, value]);
    });

    it('[10] isolates what fails under emitSync and dispatch too', () => {
      const bus = pollBus({ mode });
      bus.on('code.lint', failing.throws('boom'));
      bus.on('code.lint', () => 'a', { name: 'A' });
      const expected = { ok: false, called: 2, values: ['a'], answeredBy: ['A'] };
      expect(bus.emitSync('code.lint', '')).toMatchObject(expected);
      expect(bus.dispatch('code.lint', '')).toMatchObject(expected);
    });

    it('[11] rejects under throw when all have answered, and the result has the answers', async () => {
      const bus = pollBus({ mode });
      bus.on('code.lint', failing.rejectsLater('boom'));
      bus.on('code.lint', async () => 'a');
      bus.on('code.lint', failing.throws('bang'), { priority: -1 });
      bus.on('code.lint', () => 'b', { priority: -2 });
      const error = (await rejectionOf(bus.emit('code.lint', '', { failurePolicy: 'throw' }))) as EmitError<EmitResult>;
      expect(error).toBeInstanceOf(EmitError);
      expect(causes(error.errors)).toEqual(['boom', 'bang']);
      expect(error.result).toMatchObject({ ok: false, called: 4, values: ['a', 'b'] });
    });

    it('[11] rejects under stop at the first failure, and asks no further handler', async () => {
      const bus = pollBus({ mode, failurePolicy: 'stop' });
      const after = vi.fn(() => 'c');
      bus.on('code.lint', () => 'a', { name: 'A' });
      bus.on('code.lint', failing.throws('boom'));
      bus.on('code.lint', after);
      const error = (await rejectionOf(bus.emit('code.lint', ''))) as EmitError<EmitResult>;
      expect(causes(error.errors)).toEqual(['boom']);
      expect(error.result).toMatchObject({ called: 2, skipped: 1, stopped: true, values: ['a'], answeredBy: ['A'] });
      expect(after).not.toHaveBeenCalled();
    });

    it('[12] fulfils with the answers so far where the handler that fails says stop', async () => {
      const bus = pollBus({ mode });
      bus.on('code.lint', () => 'a');
      bus.on('code.lint', failing.throws('boom'), { failurePolicy: 'stop' });
      bus.on('code.lint', () => 'b');
      expect(await bus.emit('code.lint', '')).toMatchObject({ ok: false, stopped: true, skipped: 1, values: ['a'] });
      expect(bus.emitSync('code.lint', '')).toMatchObject({ ok: false, stopped: true, skipped: 1, values: ['a'] });
    });

    it('[5] fails a handler that returns a promise under emitSync, and has the answers of the others', async () => {
      const bus = pollBus({ mode });
      const slow = deferred<string>();
      bus.on('code.lint', () => 'a');
      bus.on('code.lint', () => slow.promise, { name: 'slow' });
      bus.on('code.lint', () => 'b');
      const uncaught = await uncaughtDuring(() => {
        const result = bus.emitSync('code.lint', '');
        expect(result).toMatchObject({ ok: false, called: 3, values: ['a', 'b'] });
        expect(result.failures).toMatchObject([{ code: 'ASYNC_IN_SYNC', handler: 'slow' }]);
        slow.reject(new Error('too late'));
      });
      expect(uncaught).toEqual([]);
    });

    it('takes the answers up to ctx.stop, that of its caller included', async () => {
      const bus = pollBus({ mode });
      bus.on('code.lint', () => 'a', { name: 'A' });
      bus.on(
        'code.lint',
        (_, ctx) => {
          ctx.stop();
          return 'b';
        },
        { name: 'B' },
      );
      bus.on('code.lint', () => 'c');
      bus.onAny(() => {});
      const expected = {
        ok: true,
        called: 2,
        skipped: 2,
        stopped: true,
        values: ['a', 'b'],
        answeredBy: ['A', 'B'],
      };
      expect(bus.emitSync('code.lint', '')).toMatchObject(expected);
      expect(await bus.emit('code.lint', '')).toMatchObject(expected);
    });

    it('[10] has results that share nothing that a caller could change', async () => {
      const bus = pollBus({ mode });
      const poll = () => bus.emitSync('code.lint', 'x');
      const change = (result: ReturnType<typeof poll>) => {
        expect(Object.isFrozen(result.failures)).toBe(true);
        Reflect.set(result.values, 0, 'changed');
        Reflect.set(result.answeredBy, 0, 'changed');
        Reflect.set(result, 'values', ['changed']);
      };
      change(poll());
      expect(poll()).toMatchObject({ values: [], answeredBy: [] });
      bus.on('code.lint', (code) => code, { name: 'echo' });
      change(poll());
      change(await bus.emit('code.lint', 'y'));
      expect(poll()).toMatchObject({ values: ['x'], answeredBy: ['echo'] });
    });

    it('[17] has no answer of a handler that takes too long, not later either', async () => {
      const clock = new ManualClock();
      const bus = pollBus({ mode, clock });
      const slow = deferred<string>();
      bus.on('code.lint', () => 'a', { name: 'A' });
      bus.on('code.lint', () => slow.promise, { timeoutMs: 100, name: 'slow' });
      bus.on('code.lint', async () => 'b', { name: 'B' });
      const emission = bus.emit('code.lint', '');
      await clock.advance(100);
      const result = await emission;
      slow.resolve('late');
      await bus.idle();
      expect(result).toMatchObject({ ok: false, called: 3, values: ['a', 'b'], answeredBy: ['A', 'B'] });
      expect(result.failures).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'slow' }]);
    });

    it('[17] has no answer that comes too late for its handler, but before the end of the emission', async () => {
      const clock = new ManualClock();
      const bus = pollBus({ mode, clock });
      const [slow, last] = [deferred<string>(), deferred<string>()];
      bus.on('code.lint', () => slow.promise, { timeoutMs: 100 });
      bus.on('code.lint', () => last.promise);
      const emission = bus.emit('code.lint', '');
      await clock.advance(100);
      slow.resolve('late');
      await promisesSettled();
      last.resolve('in time');
      expect((await emission).values).toEqual(['in time']);
    });

    it('[19] rejects with the reason when it is aborted, whatever has been answered', async () => {
      const bus = pollBus({ mode });
      const controller = new AbortController();
      const gate = deferred<string>();
      bus.on('code.lint', () => 'a');
      bus.on('code.lint', () => gate.promise);
      const rejection = rejectionOf(bus.emit('code.lint', '', { signal: controller.signal }));
      controller.abort('enough');
      gate.resolve('b');
      expect(await rejection).toBe('enough');
    });

    it('[3] returns the result itself from dispatch where every handler is synchronous, else a promise', async () => {
      const bus = pollBus({ mode });
      bus.on('code.lint', () => 'a');
      expect(bus.dispatch('code.lint', '')).toMatchObject({ values: ['a'] });
      bus.on('code.lint', async () => 'b');
      const later = bus.dispatch('code.lint', '');
      expect(later).toBeInstanceOf(Promise);
      expect((await later).values).toEqual(['a', 'b']);
    });

    it('keeps the answers of emissions apart that run at the same time, or within one another', async () => {
      const bus = pollBus({ mode });
      bus.on('code.lint', async (code) => `1${code}`);
      bus.on('code.lint', async (code, ctx) =>
        code.length < 2 ? `[${(await ctx.emit('code.lint', `${code}.`)).values.join()}]` : `2${code}`,
      );
      const results = await Promise.all(['a', 'b'].map((code) => bus.emit('code.lint', code)));
      expect(results.map(({ values }) => values)).toEqual([
        ['1a', '[1a.,2a.]'],
        ['1b', '[1b.,2b.]'],
      ]);
    });
  });

  describe('concurrent', () => {
    it('[2] keeps handler order, whichever answers first', async () => {
      const gates = [
        deferred<string>(),
        deferred<string | undefined>(),
        deferred<string>(),
        deferred<string>(),
      ] as const;
      const bus = pollBus({ mode: 'concurrent' });
      gates.forEach((gate, index) => {
        bus.on('code.lint', () => gate.promise, { name: `h${index}` });
      });
      const emission = bus.emit('code.lint', '');
      for (const [index, answer] of [
        [3, 'd'],
        [1, undefined],
        [2, 'c'],
        [0, 'a'],
      ] as const) {
        gates[index].resolve(answer as string);
        await promisesSettled();
      }
      expect(await emission).toMatchObject({ values: ['a', 'c', 'd'], answeredBy: ['h0', 'h2', 'h3'] });
    });

    it('[2] keeps handler order under a limit', async () => {
      const gates = Array.from({ length: 5 }, () => deferred<string>());
      const started: number[] = [];
      const bus = pollBus({ mode: 'concurrent', concurrency: 2 });
      gates.forEach((gate, index) => {
        bus.on('code.lint', () => {
          started.push(index);
          return gate.promise;
        });
      });
      const emission = bus.emit('code.lint', '');
      expect(started).toEqual([0, 1]);
      for (const index of [1, 2, 3, 4, 0]) {
        gates[index]?.resolve(`answer ${index}`);
        await promisesSettled();
      }
      expect(started).toEqual([0, 1, 2, 3, 4]);
      expect((await emission).values).toEqual([0, 1, 2, 3, 4].map((index) => `answer ${index}`));
    });

    it('[11] has the answers of those that were left to settle when another stopped it', async () => {
      const gate = deferred<string>();
      const bus = pollBus({ mode: 'concurrent', failurePolicy: 'stop' });
      const after = vi.fn(() => 'not asked');
      bus.on('code.lint', () => gate.promise, { name: 'slow' });
      bus.on('code.lint', failing.throws('boom'));
      bus.on('code.lint', after);
      const rejection = rejectionOf(bus.emit('code.lint', ''));
      await promisesSettled();
      gate.resolve('a');
      const error = (await rejection) as EmitError<EmitResult>;
      expect(error.result).toMatchObject({ called: 2, skipped: 1, values: ['a'], answeredBy: ['slow'] });
      expect(after).not.toHaveBeenCalled();
    });

    it('has the answers of those that run when another calls ctx.stop', async () => {
      const gate = deferred<string>();
      const bus = pollBus({ mode: 'concurrent' });
      bus.on('code.lint', () => gate.promise);
      bus.on('code.lint', (_, ctx) => ctx.stop());
      bus.on('code.lint', () => 'not asked');
      const emission = bus.emit('code.lint', '');
      gate.resolve('a');
      expect(await emission).toMatchObject({ stopped: true, skipped: 1, values: ['a'] });
    });

    it('[2] can be asked for by one emission of a sequential bus', async () => {
      const gate = deferred<string>();
      const second = vi.fn(() => 'b');
      const bus = pollBus();
      bus.on('code.lint', () => gate.promise);
      bus.on('code.lint', second);
      const emission = bus.emit('code.lint', '', { mode: 'concurrent' });
      expect(second).toHaveBeenCalledTimes(1);
      gate.resolve('a');
      expect((await emission).values).toEqual(['a', 'b']);
    });
  });

  describe('tiered', () => {
    it('[2] asks one priority after the other, and keeps handler order over them', async () => {
      const gates = [deferred<string>(), deferred<string>()] as const;
      const low = vi.fn(() => 'low');
      const bus = pollBus({ mode: 'tiered' });
      bus.on('code.lint', low, { priority: -1 });
      bus.on('code.lint', () => gates[0].promise);
      bus.on('code.lint', () => gates[1].promise);
      const emission = bus.emit('code.lint', '');
      gates[1].resolve('b');
      await promisesSettled();
      expect(low).not.toHaveBeenCalled();
      gates[0].resolve('a');
      expect((await emission).values).toEqual(['a', 'b', 'low']);
    });
  });

  describe('sequential', () => {
    it('[2] asks a handler when the last has answered', async () => {
      const gate = deferred<string>();
      const second = vi.fn(() => 'b');
      const bus = pollBus();
      bus.on('code.lint', () => gate.promise);
      bus.on('code.lint', second);
      const emission = bus.emit('code.lint', '');
      await promisesSettled();
      expect(second).not.toHaveBeenCalled();
      gate.resolve('a');
      expect((await emission).values).toEqual(['a', 'b']);
    });
  });

  it('[6] has no answer of handlers that were removed before their turn, and that of one that runs', async () => {
    const bus = pollBus();
    const gate = deferred<string>();
    const running = bus.on('code.lint', () => gate.promise, { name: 'running' });
    const waiting = bus.on('code.lint', () => 'removed');
    bus.on('code.lint', () => 'last', { name: 'last' });
    const emission = bus.emit('code.lint', '');
    running();
    waiting();
    gate.resolve('mine');
    expect(await emission).toMatchObject({
      values: ['mine', 'last'],
      answeredBy: ['running', 'last'],
      called: 2,
      skipped: 1,
    });
  });

  it('[6] asks whoever is subscribed at the time of each emission', () => {
    const bus = pollBus();
    const poll = () => bus.emitSync('code.lint', '').values;
    const off = bus.on('code.lint', () => 'a');
    expect(poll()).toEqual(['a']);
    bus.once('code.lint', () => 'once');
    expect(poll()).toEqual(['a', 'once']);
    bus.on('code.lint', () => 'b');
    expect(poll()).toEqual(['a', 'b']);
    off();
    expect(poll()).toEqual(['b']);
    const group = bus.group('plugin', { place: -1 });
    group.on('code.lint', () => 'g');
    expect(poll()).toEqual(['g', 'b']);
    group.pause();
    expect(poll()).toEqual(['b']);
  });

  it('[14] reports isolated failures to onFailure once, and those of a rejection not', async () => {
    const reported: AmbusError[] = [];
    const bus = pollBus({ onFailure: (failure) => reported.push(failure) });
    bus.on('code.lint', failing.throws('boom'));
    await bus.emit('code.lint', '');
    expect(causes(reported)).toEqual(['boom']);
    thrownBy(() => bus.emitSync('code.lint', '', { failurePolicy: 'throw' }));
    expect(causes(reported)).toEqual(['boom']);
    bus.post('code.lint', '');
    expect(causes(reported)).toEqual(['boom', 'boom']);
  });

  it('has many answers', async () => {
    const bus = pollBus({ maxHandlers: 0, mode: 'concurrent' });
    for (let n = 0; n < 2_000; n++) bus.on('any.ask', n % 2 === 0 ? () => n : async () => n);
    const { values } = await bus.emit('any.ask');
    expect(values).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
  });
});
