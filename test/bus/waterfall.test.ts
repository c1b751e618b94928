import { describe, expect, it, vi } from 'vitest';
import {
  type AmbusError,
  type BusOptions,
  defineEvents,
  EmitError,
  type EmitResult,
  type FanOutMode,
  HandlerError,
  waterfall,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { causes, failing } from './failing.js';
import { uncaughtDuring } from './uncaught.js';

const events = defineEvents({
  'title.format': waterfall<string>(),
  /** For values of every sort. */
  'value.change': waterfall<unknown>(),
});

const add = (letter: string) => (title: string) => title + letter;

const addLater = (letter: string) => async (title: string) => {
  await null;
  return title + letter;
};

describeEveryBus((makeBus) => {
  const titleBus = (options?: Omit<BusOptions, 'events'>) => makeBus({ events, ...(options as object) });

  describe('the value', () => {
    it('goes from handler to handler, and the last one is what the caller gets', async () => {
      const bus = titleBus();
      bus.on('title.format', add('b'));
      bus.on('title.format', add('c'));
      bus.on('title.format', add('d'));
      expect(bus.emitSync('title.format', 'a')).toEqual({
        type: 'title.format',
        ok: true,
        called: 3,
        skipped: 0,
        stopped: false,
        failures: [],
        value: 'abcd',
        values: [],
        answeredBy: undefined,
      });
      expect(await bus.emit('title.format', 'x')).toMatchObject({ value: 'xbcd' });
      expect(bus.dispatch('title.format', 'y')).toMatchObject({ value: 'ybcd' });
      expect(bus.event('title.format').emitSync('z')).toMatchObject({ value: 'zbcd' });
      expect(await bus.event('title.format').emit('w')).toMatchObject({ value: 'wbcd' });
      expect(bus.event('title.format').dispatch('v')).toMatchObject({ value: 'vbcd' });
    });

    it('goes through handlers that are asynchronous, synchronous, and both in turn', async () => {
      const bus = titleBus();
      bus.on('title.format', addLater('b'));
      bus.on('title.format', add('c'));
      bus.on('title.format', addLater('d'));
      bus.on('title.format', addLater('e'));
      bus.on('title.format', add('f'));
      for (const start of ['a', 'x']) {
        const result = await bus.emit('title.format', start);
        expect(result).toMatchObject({ ok: true, called: 5, skipped: 0, value: `${start}bcdef` });
      }
    });

    it('goes by priority', () => {
      const bus = titleBus();
      bus.on('title.format', add('3'), { priority: -1 });
      bus.on('title.format', add('2'));
      bus.on('title.format', add('1'), { priority: 1 });
      expect(bus.emitSync('title.format', '').value).toBe('123');
    });

    it('is the payload itself where there is no handler, or none that changes it', async () => {
      const payload = { n: 1 };
      const bus = titleBus();
      expect(bus.emitSync('value.change', payload).value).toBe(payload);
      expect(bus.emitSync('value.change', payload)).toMatchObject({ ok: true, called: 0, skipped: 0 });
      bus.on('value.change', () => {});
      bus.on('value.change', () => undefined);
      expect(bus.emitSync('value.change', payload).value).toBe(payload);
      bus.on('value.change', async () => {});
      expect((await bus.emit('value.change', payload)).value).toBe(payload);
      bus.on('value.change', () => ({ then: (resolve: (value: undefined) => void) => resolve(undefined) }));
      expect((await bus.emit('value.change', payload)).value).toBe(payload);
    });

    it('is the payload where there are only listeners', async () => {
      const bus = titleBus();
      bus.on('title.*', () => 'pattern');
      bus.onAny(async () => 'any');
      const result = await bus.emit('title.format', 'a');
      expect(result).toMatchObject({ ok: true, called: 2, value: 'a' });
    });

    it('is undefined where the payload is, and nobody changes it', () => {
      const bus = titleBus();
      const seen: unknown[] = [];
      bus.on('value.change', (value) => void seen.push(value));
      expect(bus.emitSync('value.change').value).toBeUndefined();
      bus.on('value.change', () => 'something');
      expect(bus.emitSync('value.change', undefined).value).toBe('something');
      expect(seen).toEqual([undefined, undefined]);
    });

    it.each([[null], [false], [0], [-0], [''], [0n], [Number.NaN]])(
      'is replaced by %o, which is not undefined',
      async (value) => {
        const bus = titleBus();
        const seen: unknown[] = [];
        const off = bus.on('value.change', () => value);
        const after = bus.on('value.change', (got) => void seen.push(got));
        expect(Object.is(bus.emitSync('value.change', 'given').value, value)).toBe(true);
        off();
        after();
        bus.on('value.change', async () => value);
        bus.on('value.change', (got) => void seen.push(got));
        expect(Object.is((await bus.emit('value.change', 'given')).value, value)).toBe(true);
        expect(seen.map((got) => Object.is(got, value))).toEqual([true, true]);
      },
    );

    it('may be anything that is no thenable: an Error, a function, a list', () => {
      const bus = titleBus();
      for (const value of [new Error('a value'), () => 'called', [1, [2]], { then: 5 }]) {
        const off = bus.on('value.change', () => value);
        const result = bus.emitSync('value.change', 'given');
        expect(result.ok).toBe(true);
        expect(result.value).toBe(value);
        off();
      }
    });

    it('[4] is what a foreign thenable fulfils with', async () => {
      const bus = titleBus();
      const thenable = { then: (resolve: (value: string) => void) => resolve('b') } as PromiseLike<string>;
      bus.on('title.format', () => thenable);
      bus.on('title.format', add('c'));
      expect((await bus.emit('title.format', 'a')).value).toBe('bc');
    });

    it('is what each handler sees as its payload and as ctx.payload', async () => {
      const seen: string[] = [];
      const bus = titleBus();
      const note = (title: string, ctx: { readonly payload: string }) => void seen.push(`${title} ${ctx.payload}`);
      bus.on('title.format', note);
      bus.on('title.format', add('b'));
      bus.on('title.format', note);
      bus.emitSync('title.format', 'a');
      bus.on('title.format', addLater('c'));
      bus.on('title.format', note);
      await bus.emit('title.format', 'x');
      expect(seen).toEqual(['a a', 'ab ab', 'x x', 'xb xb', 'xbc xbc']);
    });

    it('is what each handler still sees as ctx.payload after it has waited', async () => {
      const seen: string[] = [];
      const bus = titleBus();
      bus.on('title.format', add('b'));
      bus.on('title.format', async (_, ctx) => {
        await null;
        seen.push(ctx.payload);
        return 'c';
      });
      expect((await bus.emit('title.format', 'a')).value).toBe('c');
      expect(seen).toEqual(['ab']);
    });

    it('is what a filter looks at', async () => {
      const bus = titleBus();
      const seen: string[] = [];
      const long = (title: string): boolean => {
        seen.push(title);
        return title.length > 1;
      };
      bus.on('title.format', add('!'), { filter: long });
      bus.on('title.format', addLater('b'));
      bus.on('title.format', add('?'), { filter: long });
      expect(await bus.emit('title.format', 'a')).toMatchObject({ value: 'ab?', called: 2, skipped: 1 });
      expect(seen).toEqual(['a', 'ab']);
    });

    it('is of one emission alone', async () => {
      const bus = titleBus();
      bus.on('title.format', addLater('b'));
      bus.on('title.format', add('c'));
      bus.on('title.format', addLater('d'));
      const results = await Promise.all(['1', '2', '3'].map((title) => bus.emit('title.format', title)));
      expect(results.map(({ value }) => value)).toEqual(['1bcd', '2bcd', '3bcd']);
    });

    it('[6] is of the inner emission alone where a handler emits its own event', async () => {
      const bus = titleBus();
      bus.on('title.format', (title, ctx) => {
        if (title.length < 3) return `${ctx.emitSync('title.format', `${title}.`).value}<`;
        return `${title}|`;
      });
      bus.on('title.format', add('+'));
      expect(bus.emitSync('title.format', 'a').value).toBe('a..|+<+<+');
      const bus2 = titleBus();
      bus2.on('title.format', async (title, ctx) => {
        if (title.length < 3) return `${(await ctx.emit('title.format', `${title}.`)).value}<`;
        return `${title}|`;
      });
      bus2.on('title.format', addLater('+'));
      expect((await bus2.emit('title.format', 'a')).value).toBe('a..|+<+<+');
    });

    it('can be changed in place, if handlers agree on that', () => {
      const bus = titleBus();
      const list: number[] = [];
      bus.on('value.change', (value) => void (value as number[]).push(1));
      bus.on('value.change', (value) => void (value as number[]).push(2));
      expect(bus.emitSync('value.change', list).value).toBe(list);
      expect(list).toEqual([1, 2]);
    });

    it('is made by whoever is subscribed at the time of each emission', () => {
      const bus = titleBus();
      const off = bus.on('title.format', add('b'));
      expect(bus.emitSync('title.format', 'a').value).toBe('ab');
      bus.on('title.format', add('c'));
      expect(bus.emitSync('title.format', 'a').value).toBe('abc');
      off();
      expect(bus.emitSync('title.format', 'a').value).toBe('ac');
      bus.once('title.format', add('d'));
      expect(bus.emitSync('title.format', 'a').value).toBe('acd');
      expect(bus.emitSync('title.format', 'a').value).toBe('ac');
    });

    it('takes part of the same function twice where it is subscribed twice', () => {
      const bus = titleBus();
      const twice = add('b');
      bus.on('title.format', twice);
      bus.on('title.format', twice);
      expect(bus.emitSync('title.format', 'a').value).toBe('abb');
    });

    it('goes through many asynchronous handlers', async () => {
      const bus = titleBus({ maxHandlers: 0 });
      for (let n = 0; n < 2_000; n++) bus.on('value.change', async (value) => (value as number) + 1);
      expect((await bus.emit('value.change', 0)).value).toBe(2_000);
    });
  });

  describe('results', () => {
    it('[10] share nothing that a caller could change', async () => {
      const bus = titleBus();
      bus.on('title.format', add('b'));
      for (const result of [bus.emitSync('title.format', 'a'), await bus.emit('title.format', 'a')]) {
        expect(Object.isFrozen(result.values)).toBe(true);
        expect(Object.isFrozen(result.failures)).toBe(true);
        Reflect.set(result, 'value', 'changed');
        expect(bus.emitSync('title.format', 'a').value).toBe('ab');
        expect((await bus.emit('title.format', 'a')).value).toBe('ab');
      }
    });

    it('are of their own for each emission', () => {
      const bus = titleBus();
      const first = bus.emitSync('title.format', 'a');
      const second = bus.emitSync('title.format', 'b');
      expect([first.value, second.value]).toEqual(['a', 'b']);
    });
  });

  describe('sync and async', () => {
    it('[3] has run every handler when emit returns its promise, where all are synchronous', async () => {
      const bus = titleBus();
      const seen: string[] = [];
      bus.on('title.format', add('b'));
      bus.on('title.format', (title) => void seen.push(title));
      const emission = bus.emit('title.format', 'a');
      expect(seen).toEqual(['ab']);
      expect((await emission).value).toBe('ab');
    });

    it('[3] returns the result itself from dispatch where every handler is synchronous, else a promise', async () => {
      const bus = titleBus();
      bus.on('title.format', add('b'));
      expect(bus.dispatch('title.format', 'a')).not.toBeInstanceOf(Promise);
      const off = bus.on('title.format', addLater('c'));
      const later = bus.dispatch('title.format', 'a');
      expect(later).toBeInstanceOf(Promise);
      expect((await later).value).toBe('abc');
      off();
      expect(bus.dispatch('title.format', 'a')).toMatchObject({ value: 'ab' });
    });

    it('[3] decides at each call, from what the handler returned', async () => {
      const bus = titleBus();
      bus.on('value.change', (value) => (value === 'later' ? Promise.resolve('came later') : 'came at once'));
      bus.on('value.change', (value) => [value]);
      expect(bus.dispatch('value.change', 'now')).toMatchObject({ value: ['came at once'] });
      const later = bus.dispatch('value.change', 'later');
      expect(later).toBeInstanceOf(Promise);
      expect(await later).toMatchObject({ value: ['came later'] });
      expect(bus.dispatch('value.change', 'now')).toMatchObject({ value: ['came at once'] });
    });

    it.each<FanOutMode>(['sequential', 'concurrent', 'tiered'])(
      '[2] starts a handler when the last has settled, also where the bus is %s',
      async (mode) => {
        const gate = deferred<string>();
        const seen: string[] = [];
        const bus = titleBus({ mode });
        bus.on('title.format', () => gate.promise);
        bus.on('title.format', (title) => {
          seen.push(title);
          return `${title}c`;
        });
        const emission = bus.emit('title.format', 'a');
        await promisesSettled();
        expect(seen).toEqual([]);
        gate.resolve('ab');
        expect((await emission).value).toBe('abc');
        expect(seen).toEqual(['ab']);
      },
    );

    it('[2] starts a handler when the last has settled, whatever mode and limit bus and emission ask for', async () => {
      const gate = deferred<string>();
      const bus = titleBus({ mode: 'concurrent', concurrency: 5 });
      const after = vi.fn(add('c'));
      bus.on('title.format', () => gate.promise);
      bus.on('title.format', after);
      const emission = bus.emit('title.format', 'a', { mode: 'tiered', concurrency: 3 });
      await promisesSettled();
      expect(after).not.toHaveBeenCalled();
      gate.resolve('ab');
      expect((await emission).value).toBe('abc');
      expect(bus.emitSync('title.format', 'a', { mode: 'concurrent', failurePolicy: 'isolate' })).toMatchObject({
        called: 2,
      });
    });

    it('[5] ends emitSync where a handler returns a promise, and looks after that', async () => {
      const bus = titleBus();
      const after = vi.fn();
      const slow = deferred<string>();
      bus.on('title.format', () => slow.promise, { name: 'slow' });
      bus.on('title.format', after);
      const uncaught = await uncaughtDuring(() => {
        const error = thrownBy(() => bus.emitSync('title.format', 'a')) as EmitError<EmitResult>;
        expect(error).toBeInstanceOf(EmitError);
        expect(error.errors).toMatchObject([{ code: 'ASYNC_IN_SYNC', handler: 'slow', event: 'title.format' }]);
        expect(error.result).toMatchObject({ ok: false, called: 1, skipped: 1, stopped: true, value: undefined });
        slow.reject(new Error('too late'));
      });
      expect(uncaught).toEqual([]);
      expect(after).not.toHaveBeenCalled();
    });

    it('[5] keeps the payload where a handler returns a promise under emitSync, if isolated', async () => {
      const bus = titleBus({ failurePolicy: 'isolate' });
      bus.on('title.format', add('b'));
      bus.on('title.format', addLater('!'));
      bus.on('title.format', async () => {});
      bus.on('title.format', add('c'));
      const result = bus.emitSync('title.format', 'a');
      expect(result).toMatchObject({ ok: false, called: 4, value: 'abc' });
      expect(result.failures.map(({ code }) => code)).toEqual(['ASYNC_IN_SYNC', 'ASYNC_IN_SYNC']);
      await promisesSettled();
      expect(result.value).toBe('abc');
    });
  });

  describe('listeners', () => {
    it('[24] hear the value at their place, and what they return is ignored', async () => {
      const seen: string[] = [];
      const bus = titleBus();
      bus.on('title.*', (title, ctx) => {
        seen.push(`pattern ${title} ${ctx.payload}`);
        return 'pattern';
      });
      bus.on('title.format', add('b'));
      bus.on(['title.format', 'value.change'], (title) => {
        seen.push(`list ${String(title)}`);
        return 'list';
      });
      bus.on('title.format', addLater('c'));
      bus.onAny((event, ctx) => {
        seen.push(`any ${event.type} ${String(event.payload)} ${String((ctx as { payload?: unknown }).payload)}`);
        return Promise.resolve('any');
      });
      bus.on(['title.format'], async () => 'a list of one');
      bus.once('**', () => 'once');
      const result = await bus.emit('title.format', 'a');
      expect(result).toMatchObject({ ok: true, called: 7, value: 'abc' });
      expect(seen).toEqual(['pattern a a', 'list ab', 'any title.format abc abc']);
    });

    it('[24] hear the value under emitSync', () => {
      const seen: unknown[] = [];
      const bus = titleBus();
      bus.onAny(({ payload }) => {
        seen.push(payload);
        return 'first';
      });
      bus.on('title.format', add('b'));
      bus.on('**', (payload) => {
        seen.push(payload);
        return 'last';
      });
      expect(bus.emitSync('title.format', 'a').value).toBe('ab');
      expect(seen).toEqual(['a', 'ab']);
    });

    it('[24] are waited for before the next handler starts', async () => {
      const gate = deferred();
      const bus = titleBus();
      const after = vi.fn(add('b'));
      bus.onAny(() => gate.promise);
      bus.on('title.format', after);
      const emission = bus.emit('title.format', 'a');
      await promisesSettled();
      expect(after).not.toHaveBeenCalled();
      gate.resolve();
      expect((await emission).value).toBe('ab');
    });

    it.each(Object.entries(failing))('[10] end the emission where one %s, like handlers', async (_, fail) => {
      const bus = titleBus();
      const after = vi.fn();
      bus.on('title.*', fail('boom'), { name: 'listener' });
      bus.on('title.format', after);
      const error = (await rejectionOf(bus.emit('title.format', 'a'))) as EmitError<EmitResult>;
      expect(error).toBeInstanceOf(EmitError);
      expect(error.errors).toMatchObject([{ handler: 'listener' }]);
      expect(error.result).toMatchObject({ called: 1, skipped: 1, value: undefined });
      expect(after).not.toHaveBeenCalled();
    });
  });

  describe('ctx.stop', () => {
    it('leaves the value as it is so far', async () => {
      const bus = titleBus();
      bus.on('title.format', add('b'));
      bus.on('title.format', (_, ctx) => ctx.stop());
      bus.on('title.format', add('!'));
      bus.onAny(() => {});
      const expected = { ok: true, called: 2, skipped: 2, stopped: true, value: 'ab' };
      expect(bus.emitSync('title.format', 'a')).toMatchObject(expected);
      expect(await bus.emit('title.format', 'a')).toMatchObject(expected);
    });

    it('takes what the handler that called it returns', async () => {
      const bus = titleBus();
      bus.on('title.format', (title, ctx) => {
        ctx.stop();
        return `${title}b`;
      });
      bus.on('title.format', add('!'));
      expect(bus.emitSync('title.format', 'a')).toMatchObject({ value: 'ab', stopped: true, called: 1, skipped: 1 });
      const later = titleBus();
      later.on('title.format', async (title, ctx) => {
        ctx.stop();
        await null;
        return `${title}b`;
      });
      later.on('title.format', add('!'));
      expect(await later.emit('title.format', 'a')).toMatchObject({ value: 'ab', stopped: true });
    });

    it('can be called by a listener, at the front and at the end', () => {
      const bus = titleBus();
      bus.on('title.*', (_, ctx) => ctx.stop());
      bus.on('title.format', add('!'));
      expect(bus.emitSync('title.format', 'a')).toMatchObject({ value: 'a', called: 1, skipped: 1, stopped: true });
      const atTheEnd = titleBus();
      atTheEnd.on('title.format', add('b'));
      atTheEnd.onAny((_, ctx) => ctx.stop());
      expect(atTheEnd.emitSync('title.format', 'a')).toMatchObject({ value: 'ab', called: 2, skipped: 0 });
    });
  });

  describe('failures', () => {
    it.each(Object.entries(failing))('[10] end it by default where a handler %s', async (_, fail) => {
      const bus = titleBus();
      const after = vi.fn();
      bus.on('title.format', add('b'));
      bus.on('title.format', fail('boom'), { name: 'sanitise' });
      bus.on('title.format', after);
      bus.onAny(after);
      const error = (await rejectionOf(bus.emit('title.format', 'a'))) as EmitError<EmitResult>;
      expect(error).toBeInstanceOf(EmitError);
      expect(error.errors).toHaveLength(1);
      expect(error.errors[0]).toBeInstanceOf(HandlerError);
      expect(error.errors).toMatchObject([{ code: 'HANDLER_FAILED', handler: 'sanitise', event: 'title.format' }]);
      expect(causes(error.errors)).toEqual(['boom']);
      expect(error.cause).toBe(error.errors[0]);
      expect(error.result).toMatchObject({ ok: false, called: 2, skipped: 2, stopped: true });
      expect(error.result).toHaveProperty('value', undefined);
      expect(error.result.values).toEqual([]);
      expect(after).not.toHaveBeenCalled();
    });

    it('[10] end it by default under emitSync and dispatch, which throw', () => {
      const bus = titleBus();
      const after = vi.fn();
      bus.on('title.format', failing.throws('boom'));
      bus.on('title.format', after);
      for (const emit of [
        () => bus.emitSync('title.format', 'a'),
        () => bus.dispatch('title.format', 'a'),
        () => bus.event('title.format').emitSync('a'),
      ]) {
        const error = thrownBy(emit) as EmitError<EmitResult>;
        expect(error).toBeInstanceOf(EmitError);
        expect(causes(error.errors)).toEqual(['boom']);
        expect(error.result.value).toBeUndefined();
      }
      expect(after).not.toHaveBeenCalled();
    });

    it('[10] end it by default where dispatch had to wait, whose promise rejects', async () => {
      const bus = titleBus();
      bus.on('title.format', addLater('b'));
      bus.on('title.format', failing.throws('boom'));
      const outcome = bus.dispatch('title.format', 'a');
      expect(outcome).toBeInstanceOf(Promise);
      expect(await rejectionOf(outcome as Promise<unknown>)).toBeInstanceOf(EmitError);
    });

    it.each([undefined, null, 0, '', false, Number.NaN])('[10] are what is thrown as %o too', async (value) => {
      const bus = titleBus();
      const after = vi.fn();
      const off = bus.on('title.format', () => {
        throw value;
      });
      bus.on('title.format', after);
      const error = thrownBy(() => bus.emitSync('title.format', 'a')) as EmitError<EmitResult>;
      expect(error.errors).toHaveLength(1);
      expect('cause' in (error.errors[0] as HandlerError)).toBe(true);
      expect(Object.is(error.errors[0]?.cause, value)).toBe(true);
      off();
      bus.on('title.format', () => Promise.reject(value), { priority: 1 });
      expect(await rejectionOf(bus.emit('title.format', 'a'))).toBeInstanceOf(EmitError);
      expect(after).not.toHaveBeenCalled();
    });

    it.each(Object.entries(failing))('[10] keep the payload where a handler %s and is isolated', async (_, fail) => {
      for (const [busPolicy, emissionPolicy] of [
        ['isolate', undefined],
        [undefined, 'isolate'],
        ['stop', 'isolate'],
        ['throw', 'isolate'],
      ] as const) {
        const bus = titleBus({ failurePolicy: busPolicy });
        bus.on('title.format', add('b'));
        bus.on('title.format', fail('boom'));
        bus.on('title.format', addLater('c'));
        bus.on('title.format', fail('bang'));
        const result = await bus.emit(
          'title.format',
          'a',
          emissionPolicy === undefined ? undefined : { failurePolicy: emissionPolicy },
        );
        expect(result).toMatchObject({ ok: false, called: 4, skipped: 0, stopped: false, value: 'abc' });
        expect(causes(result.failures)).toEqual(['boom', 'bang']);
      }
    });

    it('[10] keep the payload where the event is declared isolated', () => {
      const declared = defineEvents({ 'title.format': waterfall<string>({ failurePolicy: 'isolate' }) });
      const bus = makeBus({ events: declared });
      bus.on('title.format', failing.throws('boom'));
      bus.on('title.format', add('b'));
      expect(bus.emitSync('title.format', 'a')).toMatchObject({ ok: false, value: 'ab' });
      expect(thrownBy(() => bus.emitSync('title.format', 'a', { failurePolicy: 'stop' }))).toBeInstanceOf(EmitError);
    });

    it('[10] keep the payload where a filter throws and is isolated', () => {
      const bus = titleBus({ failurePolicy: 'isolate' });
      bus.on('title.format', add('!'), { filter: failing.throws('boom') });
      bus.on('title.format', add('b'));
      expect(bus.emitSync('title.format', 'a')).toMatchObject({ ok: false, called: 1, value: 'ab' });
    });

    it('[15] end it by default where a filter throws: a guard that fails does not let the value through', () => {
      const bus = titleBus();
      const after = vi.fn();
      bus.on('title.format', add('!'), { filter: failing.throws('boom'), name: 'guarded' });
      bus.on('title.format', after);
      const error = thrownBy(() => bus.emitSync('title.format', 'a')) as EmitError<EmitResult>;
      expect(error.errors).toMatchObject([{ phase: 'filter', handler: 'guarded' }]);
      expect(error.result.value).toBeUndefined();
      expect(after).not.toHaveBeenCalled();
    });

    it('[11] let all handlers run under throw, then it rejects, and the result has the last value', async () => {
      const bus = titleBus({ failurePolicy: 'throw' });
      bus.on('title.format', failing.throws('boom'));
      bus.on('title.format', add('b'));
      bus.on('title.format', failing.rejects('bang'));
      bus.on('title.format', addLater('c'));
      const error = (await rejectionOf(bus.emit('title.format', 'a'))) as EmitError<EmitResult>;
      expect(causes(error.errors)).toEqual(['boom', 'bang']);
      expect(error.result).toMatchObject({ ok: false, called: 4, skipped: 0, stopped: false, value: 'abc' });
    });

    it('[12] end an isolated one where the handler says stop: it fulfils, without a value', async () => {
      const bus = titleBus({ failurePolicy: 'isolate' });
      const after = vi.fn();
      bus.on('title.format', add('b'));
      bus.on('title.format', failing.throws('boom'), { failurePolicy: 'stop' });
      bus.on('title.format', after);
      const expected = { ok: false, called: 2, skipped: 1, stopped: true };
      for (const result of [bus.emitSync('title.format', 'a'), await bus.emit('title.format', 'a')]) {
        expect(result).toMatchObject(expected);
        expect(result).toHaveProperty('value', undefined);
        expect(causes(result.failures)).toEqual(['boom']);
      }
      expect(after).not.toHaveBeenCalled();
    });

    it('[12] keep the payload where the handler is exempted from the default', async () => {
      const bus = titleBus();
      bus.on('title.format', add('b'));
      bus.on('title.format', failing.rejectsLater('boom'), { failurePolicy: 'isolate' });
      bus.on('title.format', add('c'));
      const result = await bus.emit('title.format', 'a');
      expect(result).toMatchObject({ ok: false, called: 3, stopped: false, value: 'abc' });
      expect(causes(result.failures)).toEqual(['boom']);
    });

    it('[14] go to onFailure once where isolated, and nowhere else where it rejects', async () => {
      const reported: AmbusError[] = [];
      const bus = titleBus({ onFailure: (failure) => reported.push(failure) });
      bus.on('title.format', failing.throws('boom'));
      await rejectionOf(bus.emit('title.format', 'a'));
      thrownBy(() => bus.emitSync('title.format', 'a'));
      expect(reported).toEqual([]);
      await bus.emit('title.format', 'a', { failurePolicy: 'isolate' });
      expect(causes(reported)).toEqual(['boom']);
      bus.post('title.format', 'a');
      expect(causes(reported)).toEqual(['boom', 'boom']);
    });
  });

  describe('time and cancellation', () => {
    it('[17] ends with a failure where a handler takes too long, and nothing comes of its answer', async () => {
      const clock = new ManualClock();
      const bus = titleBus({ clock });
      const slow = deferred<string>();
      const after = vi.fn();
      bus.on('title.format', () => slow.promise, { timeoutMs: 100, name: 'slow' });
      bus.on('title.format', after);
      const rejection = rejectionOf(bus.emit('title.format', 'a'));
      await clock.advance(100);
      const error = (await rejection) as EmitError<EmitResult>;
      expect(error.errors).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'slow' }]);
      slow.resolve('late');
      await bus.idle();
      expect(after).not.toHaveBeenCalled();
      expect(error.result.value).toBeUndefined();
    });

    it('[17] goes on with the payload where a handler takes too long and is isolated', async () => {
      const clock = new ManualClock();
      const bus = titleBus({ clock, failurePolicy: 'isolate' });
      const slow = deferred();
      const seen: string[] = [];
      const last = deferred();
      bus.on('title.format', add('b'));
      bus.on(
        'title.format',
        async (_, ctx) => {
          await slow.promise;
          seen.push(ctx.payload);
          return 'late';
        },
        { timeoutMs: 100 },
      );
      bus.on('title.format', async (title) => {
        await last.promise;
        return `${title}c`;
      });
      const emission = bus.emit('title.format', 'a');
      await clock.advance(100);
      slow.resolve();
      await promisesSettled();
      last.resolve();
      expect(await emission).toMatchObject({ ok: false, called: 3, value: 'abc' });
      await bus.idle();
      // Its own, and not what those after it have made of it.
      expect(seen).toEqual(['ab']);
    });

    it('[19] rejects with the reason when it is aborted, and starts no further handler', async () => {
      const bus = titleBus();
      const controller = new AbortController();
      const gate = deferred<string>();
      const after = vi.fn();
      bus.on('title.format', () => gate.promise);
      bus.on('title.format', after);
      const rejection = rejectionOf(bus.emit('title.format', 'a', { signal: controller.signal }));
      const reason = new Error('enough');
      controller.abort(reason);
      gate.resolve('b');
      expect(await rejection).toBe(reason);
      expect(after).not.toHaveBeenCalled();
    });
  });

  describe('changes while it runs', () => {
    it('[6] passes over a handler that is removed before its turn', async () => {
      const bus = titleBus();
      bus.on('title.format', async (title) => {
        off();
        await null;
        return `${title}b`;
      });
      const off = bus.on('title.format', add('!'));
      bus.on('title.format', add('c'));
      expect(await bus.emit('title.format', 'a')).toMatchObject({ called: 2, skipped: 1, value: 'abc' });
    });

    it('[6] takes what a handler returns that is removed while it runs', async () => {
      const bus = titleBus();
      const gate = deferred<string>();
      const off = bus.on('title.format', () => gate.promise);
      bus.on('title.format', add('c'));
      const emission = bus.emit('title.format', 'a');
      off();
      gate.resolve('b');
      expect((await emission).value).toBe('bc');
    });

    it('[6] does not call a handler that is added while it runs', () => {
      const bus = titleBus();
      bus.once('title.format', (title) => {
        bus.on('title.format', add('!'));
        return `${title}b`;
      });
      expect(bus.emitSync('title.format', 'a').value).toBe('ab');
      expect(bus.emitSync('title.format', 'a').value).toBe('a!');
    });
  });
});
