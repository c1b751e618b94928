import { describe, expect, it, vi } from 'vitest';
import {
  type AmbusError,
  type BusOptions,
  defineEvents,
  EmitError,
  type EmitResult,
  type FanOutMode,
  first,
  type HandlerSkipped,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { causes, failing } from './failing.js';
import { uncaughtDuring } from './uncaught.js';

const events = defineEvents({
  'path.resolve': first<string, string>(),
  /** For answers of every sort. */
  'any.ask': first<unknown, unknown>(),
});

describeEveryBus((makeBus) => {
  const askBus = (options?: Omit<BusOptions, 'events'>) => makeBus({ events, ...(options as object) });

  describe('the answer', () => {
    it('is the first that is not undefined, and answeredBy is whose it is', async () => {
      const bus = askBus();
      bus.on('path.resolve', () => undefined);
      bus.on('path.resolve', () => {});
      bus.on('path.resolve', (id) => `/src/${id}`, { name: 'relative' });
      bus.on('path.resolve', () => '/too/late', { name: 'late' });
      expect(bus.emitSync('path.resolve', 'a.ts')).toEqual({
        type: 'path.resolve',
        ok: true,
        called: 3,
        skipped: 1,
        stopped: false,
        failures: [],
        value: '/src/a.ts',
        values: [],
        answeredBy: 'relative',
      });
      const expected = { value: '/src/b.ts', answeredBy: 'relative', called: 3, skipped: 1, stopped: false };
      expect(await bus.emit('path.resolve', 'b.ts')).toMatchObject(expected);
      expect(bus.dispatch('path.resolve', 'b.ts')).toMatchObject(expected);
      expect(bus.event('path.resolve').emitSync('b.ts')).toMatchObject(expected);
      expect(await bus.event('path.resolve').emit('b.ts')).toMatchObject(expected);
    });

    it('may come from synchronous and asynchronous handlers', async () => {
      const bus = askBus();
      bus.on('path.resolve', () => {});
      bus.on('path.resolve', async () => {});
      bus.on('path.resolve', async (id) => (id === 'async' ? 'by async' : undefined), { name: 'a' });
      bus.on('path.resolve', (id) => (id === 'sync' ? 'by sync' : undefined), { name: 'b' });
      bus.on('path.resolve', async () => 'by the last', { name: 'c' });
      expect(await bus.emit('path.resolve', 'async')).toMatchObject({ value: 'by async', answeredBy: 'a', called: 3 });
      expect(await bus.emit('path.resolve', 'sync')).toMatchObject({ value: 'by sync', answeredBy: 'b', called: 4 });
      expect(await bus.emit('path.resolve', '')).toMatchObject({ value: 'by the last', answeredBy: 'c', skipped: 0 });
    });

    it('[1] is asked for by priority', () => {
      const bus = askBus();
      bus.on('path.resolve', () => 'low', { priority: -1 });
      bus.on('path.resolve', () => 'middle');
      bus.on('path.resolve', () => 'high', { priority: 1 });
      expect(bus.emitSync('path.resolve', 'a').value).toBe('high');
    });

    it.each([[null], [false], [0], [-0], [''], [0n], [Number.NaN]])('may be %o', async (answer) => {
      const bus = askBus();
      const after = vi.fn(() => 'later');
      bus.on('any.ask', () => undefined);
      const off = bus.on('any.ask', () => answer, { name: 'answers' });
      bus.on('any.ask', after);
      const result = bus.emitSync('any.ask');
      expect(Object.is(result.value, answer)).toBe(true);
      expect(result).toMatchObject({ ok: true, called: 2, skipped: 1, answeredBy: 'answers' });
      off();
      bus.on('any.ask', async () => answer, { name: 'answers later', priority: 1 });
      const later = await bus.emit('any.ask');
      expect(Object.is(later.value, answer)).toBe(true);
      expect(later).toMatchObject({ ok: true, called: 1, skipped: 2, answeredBy: 'answers later' });
      expect(after).not.toHaveBeenCalled();
    });

    it('may be anything that is no thenable: an Error, a function, a list', () => {
      const bus = askBus();
      for (const answer of [new Error('a value'), () => 'called', [1], { then: 5 }]) {
        const off = bus.on('any.ask', () => answer);
        const result = bus.emitSync('any.ask');
        expect(result.ok).toBe(true);
        expect(result.value).toBe(answer);
        off();
      }
    });

    it('[4] is what a foreign thenable fulfils with, and none where that is undefined', async () => {
      const bus = askBus();
      const thenable = (answer: unknown) => ({ then: (resolve: (value: unknown) => void) => resolve(answer) });
      bus.on('any.ask', () => thenable(undefined));
      bus.on('any.ask', () => thenable('foreign'), { name: 'foreigner' });
      expect(await bus.emit('any.ask')).toMatchObject({ value: 'foreign', answeredBy: 'foreigner', called: 2 });
    });

    it('is undefined where nobody answers, and nobody is there', async () => {
      const bus = askBus();
      const expected = { ok: true, skipped: 0, value: undefined, values: [], answeredBy: undefined };
      expect(bus.emitSync('path.resolve', 'a')).toMatchObject({ ...expected, called: 0 });
      bus.on('path.resolve', () => {});
      expect(bus.emitSync('path.resolve', 'a')).toMatchObject({ ...expected, called: 1 });
      bus.on('path.resolve', async () => undefined);
      expect(await bus.emit('path.resolve', 'a')).toMatchObject({ ...expected, called: 2 });
    });

    it('is named by the `name` option, the name of the function, or "anonymous"', () => {
      const bus = askBus();
      const names = [
        bus.on('path.resolve', () => 'a', { name: 'aliases' }),
        bus.on('path.resolve', function fromDisk() {
          return 'b';
        }),
        bus.on('path.resolve', () => 'c'),
      ].map((off) => {
        const { answeredBy } = bus.emitSync('path.resolve', '');
        off();
        return answeredBy;
      });
      expect(names).toEqual(['aliases', 'fromDisk', 'anonymous']);
    });

    it('is of one emission alone', async () => {
      const bus = askBus();
      bus.on('path.resolve', async (id) => (id === 'a' ? 'found a' : undefined), { name: 'of a' });
      bus.on('path.resolve', async (id) => (id === 'b' ? 'found b' : undefined), { name: 'of b' });
      const results = await Promise.all(['a', 'b', 'c'].map((id) => bus.emit('path.resolve', id)));
      expect(results.map(({ value, answeredBy }) => [value, answeredBy])).toEqual([
        ['found a', 'of a'],
        ['found b', 'of b'],
        [undefined, undefined],
      ]);
    });

    it('[6] is of the inner emission alone where a handler emits its own event', () => {
      const bus = askBus();
      bus.on('path.resolve', (id, ctx) => {
        if (!id.startsWith('./')) return undefined;
        const { value } = ctx.emitSync('path.resolve', id.slice(2));
        return value === undefined ? undefined : `relative ${value}`;
      });
      bus.on('path.resolve', (id) => (id === 'a.ts' ? 'a' : undefined));
      expect(bus.emitSync('path.resolve', './a.ts')).toMatchObject({ value: 'relative a', called: 1, skipped: 1 });
      expect(bus.emitSync('path.resolve', '././a.ts').value).toBe('relative relative a');
      expect(bus.emitSync('path.resolve', './b.ts')).toMatchObject({ value: undefined, called: 2, skipped: 0 });
    });
  });

  describe('handlers after it', () => {
    it('are not asked, and observers hear why', async () => {
      const bus = askBus();
      const facts: HandlerSkipped[] = [];
      const after = vi.fn();
      bus.observe({ handlerSkipped: (fact) => facts.push(fact) });
      bus.on('path.resolve', () => 'mine');
      bus.on('path.resolve', after, { name: 'second' });
      bus.on('path.resolve', after, { name: 'third' });
      expect(bus.emitSync('path.resolve', 'a')).toMatchObject({ called: 1, skipped: 2, stopped: false, ok: true });
      expect(await bus.emit('path.resolve', 'a')).toMatchObject({ called: 1, skipped: 2, stopped: false, ok: true });
      expect(after).not.toHaveBeenCalled();
      const skipped = facts.map(({ handler, reason }) => [handler, reason]);
      expect(skipped).toEqual([
        ['second', 'answered'],
        ['third', 'answered'],
        ['second', 'answered'],
        ['third', 'answered'],
      ]);
    });

    it('[8] keep their turns, and their filters are not looked at', () => {
      const bus = askBus();
      const filter = vi.fn(() => true);
      const once = vi.fn(() => 'second');
      const off = bus.on('path.resolve', () => 'first');
      bus.once('path.resolve', once, { filter });
      bus.emitSync('path.resolve', 'a');
      bus.emitSync('path.resolve', 'a');
      expect(filter).not.toHaveBeenCalled();
      off();
      expect(bus.emitSync('path.resolve', 'a').value).toBe('second');
      expect(bus.emitSync('path.resolve', 'a').value).toBeUndefined();
      expect(once).toHaveBeenCalledTimes(1);
    });

    it('[24] are called all the same where they are listeners', async () => {
      const seen: string[] = [];
      const bus = askBus();
      bus.onAny(() => void seen.push('any before'));
      bus.on('path.resolve', async () => 'mine', { name: 'answers' });
      bus.on('path.*', (id) => void seen.push(`pattern ${id}`));
      bus.on('path.resolve', () => void seen.push('handler'));
      bus.on(['path.resolve', 'any.ask'], async (id) => void seen.push(`list ${String(id)}`));
      const result = await bus.emit('path.resolve', 'a');
      expect(result).toMatchObject({ value: 'mine', answeredBy: 'answers', called: 4, skipped: 1 });
      expect(seen).toEqual(['any before', 'pattern a', 'list a']);
    });
  });

  describe('listeners', () => {
    it('[24] never answer', async () => {
      const bus = askBus();
      bus.on('path.*', () => 'pattern', { priority: 1 });
      bus.on(['path.resolve'], async () => 'list', { priority: 1 });
      bus.onAny(() => 'any', { priority: 1 });
      expect(await bus.emit('path.resolve', 'a')).toMatchObject({ called: 3, value: undefined, answeredBy: undefined });
      bus.on('path.resolve', () => 'handler', { name: 'handler' });
      expect(await bus.emit('path.resolve', 'a')).toMatchObject({ value: 'handler', answeredBy: 'handler' });
    });

    it('[24] are waited for before the next handler is asked', async () => {
      const gate = deferred();
      const bus = askBus();
      const after = vi.fn(() => 'mine');
      bus.onAny(() => gate.promise);
      bus.on('path.resolve', after);
      const emission = bus.emit('path.resolve', 'a');
      await promisesSettled();
      expect(after).not.toHaveBeenCalled();
      gate.resolve();
      expect((await emission).value).toBe('mine');
    });

    it('[10] that fail after the answer are failures like others', async () => {
      const bus = askBus();
      bus.on('path.resolve', () => 'mine', { name: 'answers' });
      bus.onAny(failing.throws('boom'));
      const error = (await rejectionOf(bus.emit('path.resolve', 'a'))) as EmitError<EmitResult>;
      expect(causes(error.errors)).toEqual(['boom']);
      const isolated = await bus.emit('path.resolve', 'a', { failurePolicy: 'isolate' });
      expect(isolated).toMatchObject({ ok: false, value: 'mine', answeredBy: 'answers' });
    });
  });

  describe('sync and async', () => {
    it('[3] returns the result itself from dispatch as long as nobody had to be waited for', async () => {
      const bus = askBus();
      bus.on('path.resolve', (id) => (id === 'known' ? 'at once' : undefined));
      bus.on('path.resolve', async () => 'later');
      // The asynchronous one is not asked.
      expect(bus.dispatch('path.resolve', 'known')).toMatchObject({ value: 'at once', called: 1, skipped: 1 });
      const later = bus.dispatch('path.resolve', 'unknown');
      expect(later).toBeInstanceOf(Promise);
      expect(await later).toMatchObject({ value: 'later', called: 2 });
      expect(bus.emitSync('path.resolve', 'known').value).toBe('at once');
    });

    it.each<FanOutMode>(['sequential', 'concurrent', 'tiered'])(
      '[2] asks a handler when the last has settled, also where the bus is %s',
      async (mode) => {
        const gate = deferred<string | undefined>();
        const bus = askBus({ mode });
        const second = vi.fn(() => 'second');
        bus.on('path.resolve', () => gate.promise);
        bus.on('path.resolve', second);
        const emissions = [bus.emit('path.resolve', 'a'), bus.emit('path.resolve', 'a', { mode: 'concurrent' })];
        await promisesSettled();
        expect(second).not.toHaveBeenCalled();
        gate.resolve(undefined);
        for (const { value } of await Promise.all(emissions)) expect(value).toBe('second');
      },
    );

    it('[5] fails under emitSync where a handler that is asked returns a promise, and looks after that', async () => {
      const bus = askBus();
      const after = vi.fn(() => 'mine');
      const slow = deferred<string>();
      bus.on('path.resolve', () => slow.promise, { name: 'slow' });
      bus.on('path.resolve', after);
      const uncaught = await uncaughtDuring(() => {
        const error = thrownBy(() => bus.emitSync('path.resolve', 'a')) as EmitError<EmitResult>;
        expect(error).toBeInstanceOf(EmitError);
        expect(error.errors).toMatchObject([{ code: 'ASYNC_IN_SYNC', handler: 'slow' }]);
        expect(error.result).toMatchObject({ ok: false, called: 1, skipped: 1, stopped: true });
        slow.reject(new Error('too late'));
      });
      expect(uncaught).toEqual([]);
      expect(after).not.toHaveBeenCalled();
    });

    it('[5] asks the next under emitSync where a handler returns a promise and is isolated', async () => {
      const bus = askBus({ failurePolicy: 'isolate' });
      bus.on('path.resolve', async () => 'never seen', { name: 'async' });
      bus.on('path.resolve', () => 'mine', { name: 'sync' });
      const result = bus.emitSync('path.resolve', 'a');
      expect(result).toMatchObject({ ok: false, called: 2, value: 'mine', answeredBy: 'sync' });
      expect(result.failures).toMatchObject([{ code: 'ASYNC_IN_SYNC', handler: 'async' }]);
      await promisesSettled();
    });
  });

  describe('ctx.stop', () => {
    it('ends the asking, without an answer', async () => {
      const bus = askBus();
      bus.on('path.resolve', (_, ctx) => ctx.stop());
      bus.on('path.resolve', () => 'not asked');
      bus.onAny(() => 'not called');
      const expected = {
        ok: true,
        called: 1,
        skipped: 2,
        stopped: true,
        value: undefined,
        answeredBy: undefined,
      };
      expect(bus.emitSync('path.resolve', 'a')).toMatchObject(expected);
      expect(await bus.emit('path.resolve', 'a')).toMatchObject(expected);
    });

    it('takes the answer of the handler that called it, and leaves out the listeners after it', async () => {
      const bus = askBus();
      bus.on(
        'path.resolve',
        (_, ctx) => {
          ctx.stop();
          return 'mine';
        },
        { name: 'stops' },
      );
      const listener = vi.fn();
      bus.onAny(listener);
      expect(await bus.emit('path.resolve', 'a')).toMatchObject({
        value: 'mine',
        answeredBy: 'stops',
        stopped: true,
        skipped: 1,
      });
      expect(listener).not.toHaveBeenCalled();
    });

    it('can be called by a listener, before and after the answer', () => {
      const ahead = askBus();
      ahead.onAny((_, ctx) => ctx.stop());
      ahead.on('path.resolve', () => 'not asked');
      expect(ahead.emitSync('path.resolve', 'a')).toMatchObject({ value: undefined, stopped: true, skipped: 1 });
      const behind = askBus();
      behind.on('path.resolve', () => 'mine');
      behind.onAny((_, ctx) => ctx.stop());
      behind.onAny(() => {});
      expect(behind.emitSync('path.resolve', 'a')).toMatchObject({ value: 'mine', stopped: true, skipped: 1 });
    });
  });

  describe('failures', () => {
    it.each(Object.entries(failing))('[10] end it by default where a handler %s: no gate opens', async (_, fail) => {
      const bus = askBus();
      const after = vi.fn(() => 'open');
      bus.on('path.resolve', () => {});
      bus.on('path.resolve', fail('boom'), { name: 'guard' });
      bus.on('path.resolve', after);
      bus.onAny(after);
      const error = (await rejectionOf(bus.emit('path.resolve', 'a'))) as EmitError<EmitResult>;
      expect(error).toBeInstanceOf(EmitError);
      expect(error.errors).toMatchObject([{ code: 'HANDLER_FAILED', handler: 'guard' }]);
      expect(causes(error.errors)).toEqual(['boom']);
      expect(error.result).toMatchObject({
        ok: false,
        called: 2,
        skipped: 2,
        stopped: true,
        value: undefined,
        answeredBy: undefined,
      });
      expect(after).not.toHaveBeenCalled();
    });

    it('[10] end it by default under emitSync and dispatch, which throw', () => {
      const bus = askBus();
      bus.on('path.resolve', failing.throws('boom'));
      bus.on('path.resolve', () => 'open');
      expect(thrownBy(() => bus.emitSync('path.resolve', 'a'))).toBeInstanceOf(EmitError);
      expect(thrownBy(() => bus.dispatch('path.resolve', 'a'))).toBeInstanceOf(EmitError);
      expect(thrownBy(() => bus.event('path.resolve').emitSync('a'))).toBeInstanceOf(EmitError);
    });

    it.each([undefined, null, 0, '', false])('[10] are what is thrown as %o too', async (value) => {
      const bus = askBus();
      const after = vi.fn(() => 'open');
      bus.on('path.resolve', () => {
        throw value;
      });
      bus.on('path.resolve', after);
      const error = thrownBy(() => bus.emitSync('path.resolve', 'a')) as EmitError<EmitResult>;
      expect(error.errors.map(({ cause }) => cause)).toEqual([value]);
      bus.on('path.resolve', () => Promise.reject(value), { priority: 1 });
      expect(await rejectionOf(bus.emit('path.resolve', 'a'))).toBeInstanceOf(EmitError);
      expect(after).not.toHaveBeenCalled();
    });

    it.each(Object.entries(failing))(
      '[10] have the next one asked where a handler %s, if isolated',
      async (_, fail) => {
        const bus = askBus();
        bus.on('path.resolve', fail('boom'));
        bus.on('path.resolve', () => 'mine', { name: 'answers' });
        bus.on('path.resolve', fail('never called'));
        const result = await bus.emit('path.resolve', 'a', { failurePolicy: 'isolate' });
        expect(result).toMatchObject({
          ok: false,
          called: 2,
          skipped: 1,
          stopped: false,
          value: 'mine',
          answeredBy: 'answers',
        });
        expect(causes(result.failures)).toEqual(['boom']);
      },
    );

    it('[10] are all there is where every handler fails and is isolated', async () => {
      const bus = askBus({ failurePolicy: 'isolate' });
      for (const [name, fail] of Object.entries(failing)) bus.on('path.resolve', fail(name));
      const result = await bus.emit('path.resolve', 'a');
      expect(result).toMatchObject({ ok: false, called: 3, value: undefined, answeredBy: undefined });
      expect(causes(result.failures)).toEqual(['throws', 'rejects', 'rejectsLater']);
    });

    it('[10] are isolated where the event is declared so, or the bus says so', () => {
      const declared = defineEvents({ ...events, 'path.resolve': first<string, string>({ failurePolicy: 'isolate' }) });
      for (const bus of [makeBus({ events: declared }), askBus({ failurePolicy: 'isolate' })]) {
        bus.on('path.resolve', failing.throws('boom'));
        bus.on('path.resolve', () => 'mine');
        expect(bus.emitSync('path.resolve', 'a')).toMatchObject({ ok: false, value: 'mine' });
      }
    });

    it('[11] have the others asked under throw, up to the answer, then it rejects', async () => {
      const bus = askBus({ failurePolicy: 'throw' });
      bus.on('path.resolve', failing.rejectsLater('boom'));
      bus.on('path.resolve', () => 'mine', { name: 'answers' });
      bus.on('path.resolve', failing.throws('never called'));
      const error = (await rejectionOf(bus.emit('path.resolve', 'a'))) as EmitError<EmitResult>;
      expect(causes(error.errors)).toEqual(['boom']);
      expect(error.result).toMatchObject({ called: 2, skipped: 1, value: 'mine', answeredBy: 'answers' });
    });

    it('[12] end an isolated one where the handler says stop: it fulfils, without an answer', async () => {
      const bus = askBus({ failurePolicy: 'isolate' });
      bus.on('path.resolve', failing.throws('boom'), { failurePolicy: 'stop' });
      bus.on('path.resolve', () => 'open');
      const expected = { ok: false, called: 1, skipped: 1, stopped: true, value: undefined, answeredBy: undefined };
      expect(bus.emitSync('path.resolve', 'a')).toMatchObject(expected);
      expect(await bus.emit('path.resolve', 'a')).toMatchObject(expected);
    });

    it('[12] have the next one asked where the handler is exempted from the default', async () => {
      const bus = askBus();
      bus.on('path.resolve', failing.rejects('boom'), { failurePolicy: 'isolate' });
      bus.on('path.resolve', () => 'mine');
      expect(await bus.emit('path.resolve', 'a')).toMatchObject({ ok: false, value: 'mine', stopped: false });
    });

    it('[15] of a filter end it by default, and have the next one asked where isolated', () => {
      const bus = askBus();
      bus.on('path.resolve', () => 'guarded', { filter: failing.throws('boom') });
      bus.on('path.resolve', () => 'open');
      const error = thrownBy(() => bus.emitSync('path.resolve', 'a')) as EmitError<EmitResult>;
      expect(error.errors).toMatchObject([{ phase: 'filter' }]);
      expect(error.result.value).toBeUndefined();
      expect(bus.emitSync('path.resolve', 'a', { failurePolicy: 'isolate' })).toMatchObject({ value: 'open' });
    });
  });

  describe('time and cancellation', () => {
    it('[17] fails where a handler takes too long, and its late answer is none', async () => {
      const clock = new ManualClock();
      const bus = askBus({ clock });
      const slow = deferred<string>();
      const after = vi.fn(() => 'open');
      bus.on('path.resolve', () => slow.promise, { timeoutMs: 100, name: 'slow' });
      bus.on('path.resolve', after);
      const rejection = rejectionOf(bus.emit('path.resolve', 'a'));
      await clock.advance(100);
      const error = (await rejection) as EmitError<EmitResult>;
      expect(error.errors).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'slow' }]);
      slow.resolve('late');
      await bus.idle();
      expect(error.result).toMatchObject({ value: undefined, answeredBy: undefined });
      expect(after).not.toHaveBeenCalled();
    });

    it('[17] asks the next where a handler takes too long and is isolated, whose answer counts alone', async () => {
      const clock = new ManualClock();
      const bus = askBus({ clock, failurePolicy: 'isolate' });
      const slow = deferred<string>();
      const next = deferred<string>();
      bus.on('path.resolve', () => slow.promise, { timeoutMs: 100, name: 'slow' });
      bus.on('path.resolve', () => next.promise, { name: 'next' });
      const emission = bus.emit('path.resolve', 'a');
      await clock.advance(100);
      slow.resolve('late');
      await promisesSettled();
      next.resolve('in time');
      expect(await emission).toMatchObject({ ok: false, value: 'in time', answeredBy: 'next' });
    });

    it('[19] rejects with the reason when it is aborted, answer or not', async () => {
      const bus = askBus();
      const controller = new AbortController();
      const gate = deferred<string>();
      const after = vi.fn();
      bus.on('path.resolve', () => gate.promise);
      bus.on('path.resolve', after);
      const rejection = rejectionOf(bus.emit('path.resolve', 'a', { signal: controller.signal }));
      controller.abort('enough');
      gate.resolve('mine');
      expect(await rejection).toBe('enough');
      expect(after).not.toHaveBeenCalled();
    });
  });

  describe('changes while it runs', () => {
    it('[6] does not ask a handler that was removed before its turn', async () => {
      const bus = askBus();
      bus.on('path.resolve', async () => off());
      const off = bus.on('path.resolve', () => 'removed');
      bus.on('path.resolve', () => 'last');
      expect(await bus.emit('path.resolve', 'a')).toMatchObject({ value: 'last', called: 2, skipped: 1 });
    });

    it('[6] takes the answer of a handler that is removed while it runs', async () => {
      const bus = askBus();
      const gate = deferred<string>();
      const off = bus.on('path.resolve', () => gate.promise, { name: 'gone' });
      const emission = bus.emit('path.resolve', 'a');
      off();
      gate.resolve('mine');
      expect(await emission).toMatchObject({ value: 'mine', answeredBy: 'gone' });
    });

    it('[6] passes over the handlers of a paused group', () => {
      const bus = askBus();
      const group = bus.group('plugin');
      group.on('path.resolve', () => 'paused');
      bus.on('path.resolve', () => 'mine');
      group.pause();
      expect(bus.emitSync('path.resolve', 'a')).toMatchObject({ value: 'mine', called: 1, skipped: 1 });
      group.resume();
      expect(bus.emitSync('path.resolve', 'a')).toMatchObject({ value: 'paused', called: 1, skipped: 1 });
    });

    it('[6] asks whoever is subscribed at the time of each emission', () => {
      const bus = askBus();
      const ask = () => bus.emitSync('path.resolve', 'a').value;
      expect(ask()).toBeUndefined();
      const off = bus.on('path.resolve', () => 'first');
      expect(ask()).toBe('first');
      bus.on('path.resolve', () => 'second');
      expect(ask()).toBe('first');
      off();
      expect(ask()).toBe('second');
      bus.once('path.resolve', () => 'once', { priority: 1 });
      expect(ask()).toBe('once');
      expect(ask()).toBe('second');
    });
  });

  it('[10] has results that share nothing that a caller could change', async () => {
    const bus = askBus();
    bus.on('path.resolve', () => 'mine', { name: 'me' });
    for (const result of [bus.emitSync('path.resolve', 'a'), await bus.emit('path.resolve', 'a')]) {
      expect(Object.isFrozen(result.values)).toBe(true);
      expect(Object.isFrozen(result.failures)).toBe(true);
      Reflect.set(result, 'value', 'changed');
      Reflect.set(result, 'answeredBy', 'changed');
      expect(bus.emitSync('path.resolve', 'a')).toMatchObject({ value: 'mine', answeredBy: 'me' });
    }
  });

  it('[14] reports failures once: in the rejection, or to onFailure', async () => {
    const reported: AmbusError[] = [];
    const bus = askBus({ onFailure: (failure) => reported.push(failure) });
    bus.on('path.resolve', failing.throws('boom'));
    await rejectionOf(bus.emit('path.resolve', 'a'));
    expect(reported).toEqual([]);
    await bus.emit('path.resolve', 'a', { failurePolicy: 'isolate' });
    expect(causes(reported)).toEqual(['boom']);
    bus.post('path.resolve', 'a');
    expect(causes(reported)).toEqual(['boom', 'boom']);
  });
});
