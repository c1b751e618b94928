import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import {
  type AmbusError,
  around,
  type BusOptions,
  broadcast,
  chain,
  collect,
  defineEvents,
  EmitError,
  type EmitOptions,
  type EmitResult,
  type EventBus,
  type EventKind,
  type EventSettings,
  first,
  type HandlerContext,
  HandlerError,
  type HandlerSkipped,
  type LateSettled,
  waterfall,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from './buses.js';
import { type Deferred, deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { stateOf } from './promise-state.js';
import { uncaughtDuring } from './uncaught.js';

/** The type that every kind passes for below: it has all there is. */
const wrapped = (settings?: EventSettings) => around<unknown, unknown>(settings);
type Declared = ReturnType<typeof wrapped>;

interface Kind {
  readonly kind: EventKind;
  readonly declare: (settings?: EventSettings) => Declared;
  /** Whether a failure ends it, where nobody says anything. */
  readonly failsClosed: boolean;
  /** What handlers that answer `n + 1`, nothing and `n * 2` come to. */
  readonly combine: (n: number) => object;
}

const none = { value: undefined, values: [] };

const KINDS: readonly Kind[] = [
  { kind: 'broadcast', declare: broadcast as never, failsClosed: false, combine: () => none },
  {
    kind: 'waterfall',
    declare: waterfall as never,
    failsClosed: true,
    combine: (n) => ({ ...none, value: (n + 1) * 2 }),
  },
  { kind: 'first', declare: first as never, failsClosed: true, combine: (n) => ({ ...none, value: n + 1 }) },
  {
    kind: 'collect',
    declare: collect as never,
    failsClosed: false,
    combine: (n) => ({ ...none, values: [n + 1, n * 2] }),
  },
  { kind: 'around', declare: wrapped, failsClosed: true, combine: (n) => ({ ...none, value: n + 1 }) },
];

type Events = { readonly 'job.run': Declared; readonly 'job.other': Declared; readonly log: Declared };
type Ctx = HandlerContext<Events, 'job.run' | 'job.other'>;
type Failed = EmitError<EmitResult>;

const boom = new Error('boom');

const never = (): Promise<never> => new Promise(() => {});

/** How handlers can fail. */
const failing = {
  throws: () => {
    throw boom;
  },
  rejects: () => Promise.reject(boom),
  rejectsLater: async () => {
    await null;
    throw boom;
  },
};

const request = new AsyncLocalStorage<string>();

describeEveryBus((makeBus) => {
  describe.each(KINDS)('$kind', ({ kind, declare, failsClosed, combine }) => {
    const events = defineEvents({ 'job.run': declare(), 'job.other': declare(), log: broadcast() as never });
    const jobs = (options?: Omit<BusOptions, 'events'>): EventBus<Events> =>
      makeBus<Events>({ ...(options as object), events });

    /** A handler that does something, and lets those behind it have their turn. */
    const step =
      (call: (payload: unknown, ctx: Ctx) => unknown = () => {}) =>
      (payload: unknown, ctx: Ctx): unknown =>
        chain(call(payload, ctx), () => (kind === 'around' ? ctx.next() : undefined));

    const note = (seen: string[], text: string) => step(() => void seen.push(text));
    const noteLater = (seen: string[], text: string) =>
      step(async () => {
        await null;
        seen.push(text);
      });

    /** What an emission that rejects does so with. */
    const failureOf = async (emission: Promise<unknown>) => {
      const error = (await rejectionOf(emission)) as Failed;
      expect(error).toBeInstanceOf(EmitError);
      return error;
    };

    describe('order', () => {
      it('[1] is by priority, then the place of the group, then subscription, listeners among the others', async () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.on('job.run', note(seen, 'e'));
        bus.on('job.*', () => void seen.push('f (pattern)'));
        bus.on('job.run', note(seen, 'b'), { priority: 1 });
        bus.group('early', { place: -1 }).on('job.run', note(seen, 'd'));
        bus.onAny(() => void seen.push('a (any)'), { priority: 2 });
        bus.on(['job.run', 'log'], () => void seen.push('c (list)'), { priority: 1 });
        bus.on('job.run', note(seen, 'g'));
        bus.group('late', { place: 1 }).on('job.run', note(seen, 'h'));
        const order = ['a (any)', 'b', 'c (list)', 'd', 'e', 'f (pattern)', 'g', 'h'];
        expect(bus.emitSync('job.run')).toMatchObject({ ok: true, called: 8, skipped: 0 });
        expect(seen).toEqual(order);
        seen.length = 0;
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 8, skipped: 0 });
        expect(seen).toEqual(order);
        expect(
          bus
            .inspect()
            .events.find(({ type }) => type === 'job.run')
            ?.handlers.map(({ kind: how }) => how),
        ).toEqual(['any', 'exact', 'list', 'exact', 'exact', 'pattern', 'exact', 'exact']);
      });

      it('[2] is kept where handlers have to be waited for', async () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.on('job.run', noteLater(seen, 'b'));
        bus.on('job.run', note(seen, 'c'));
        bus.onAny(async () => {
          await null;
          seen.push('d');
        });
        bus.on('job.run', noteLater(seen, 'a'), { priority: 1 });
        bus.on('job.run', note(seen, 'e'));
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 5 });
        expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
      });
    });

    describe('verbs', () => {
      it('all come to the same', async () => {
        const bus = jobs();
        bus.on('job.run', (n) => (n as number) + 1, { name: 'a' });
        bus.on('job.run', () => {}, { name: 'b' });
        bus.on('job.run', (n) => (n as number) * 2, { name: 'c' });
        const results: unknown[] = [];
        bus.on('log', async (_, ctx) => {
          results.push(ctx.emitSync('job.run', 4), await ctx.emit('job.run', 4), ctx.dispatch('job.run', 4));
        });
        const handle = bus.event('job.run');
        results.push(bus.emitSync('job.run', 4), bus.dispatch('job.run', 4), await bus.emit('job.run', 4));
        results.push(handle.emitSync(4), handle.dispatch(4), await handle.emit(4));
        await bus.emit('log');
        expect(results).toHaveLength(9);
        expect(results[0]).toMatchObject({ type: 'job.run', ok: true, stopped: false, failures: [], ...combine(4) });
        for (const result of results) expect(result).toEqual(results[0]);
      });

      it('[3] start handlers in the tick of their caller', () => {
        for (const emit of [
          (bus: EventBus<Events>) => void bus.emit('job.run'),
          (bus: EventBus<Events>) => bus.post('job.run'),
          (bus: EventBus<Events>) => bus.emitSync('job.run'),
          (bus: EventBus<Events>) => void bus.dispatch('job.run'),
          (bus: EventBus<Events>) => void bus.event('job.run').emit(),
          (bus: EventBus<Events>) => bus.event('job.run').post(),
        ]) {
          const seen: string[] = [];
          const bus = jobs();
          bus.on('job.run', note(seen, 'a'));
          bus.on('job.run', note(seen, 'b'));
          emit(bus);
          expect(seen).toEqual(['a', 'b']);
        }
      });

      it('[3] return the result itself from dispatch unless a handler has to be waited for', async () => {
        const bus = jobs();
        bus.on('job.run', step());
        expect(bus.dispatch('job.run')).toMatchObject({ ok: true, called: 1 });
        expect(bus.event('job.run').dispatch()).toMatchObject({ ok: true, called: 1 });
        bus.on(
          'job.run',
          step(async () => {}),
        );
        const later = bus.dispatch('job.run');
        expect(later).toBeInstanceOf(Promise);
        expect(await later).toMatchObject({ ok: true, called: 2 });
      });

      it('[3] never throw synchronously where they return a promise', async () => {
        const bus = jobs({ failurePolicy: 'throw' });
        bus.on('job.run', failing.throws);
        const promises: Promise<unknown>[] = [];
        expect(() => promises.push(bus.emit('job.run'), bus.event('job.run').emit())).not.toThrow();
        for (const promise of promises) expect(await rejectionOf(promise)).toBeInstanceOf(EmitError);
      });

      it('[7] are fine without any handler', async () => {
        const bus = jobs();
        for (const result of [bus.emitSync('job.run', 1), await bus.emit('job.run', 1), bus.dispatch('job.run', 1)]) {
          expect(result).toMatchObject({
            type: 'job.run',
            ok: true,
            called: 0,
            skipped: 0,
            stopped: false,
            failures: [],
          });
        }
        expect(() => bus.post('job.run')).not.toThrow();
      });

      it('come to the same when they have been called often, and after a change', async () => {
        const bus = jobs();
        // Without a second parameter: handlers that can't see a context.
        const off = bus.on('job.run', (n) => {
          if (n === 250) throw boom;
          return (n as number) + 1;
        });
        bus.on('job.run', () => {});
        bus.on('job.run', (n) => (n as number) * 2);
        for (let n = 0; n < 250; n++) expect(bus.emitSync('job.run', n)).toMatchObject({ ok: true, ...combine(n) });
        expect(await bus.emit('job.run', 7)).toMatchObject({ ok: true, ...combine(7) });
        if (failsClosed) expect(thrownBy(() => bus.emitSync('job.run', 250))).toBeInstanceOf(EmitError);
        else expect(bus.emitSync('job.run', 250)).toMatchObject({ ok: false, failures: [{ cause: boom }] });
        expect(bus.emitSync('job.run', 8)).toMatchObject({ ok: true, ...combine(8) });
        off();
        bus.on('job.run', async (n) => (n as number) + 1, { priority: 1 });
        for (let n = 0; n < 120; n++) expect(await bus.emit('job.run', n)).toMatchObject({ ok: true, ...combine(n) });
      });

      it('take a symbol for an event too', async () => {
        const tick = Symbol('tick');
        const bus = makeBus({ events: defineEvents({ [tick]: declare() }) });
        bus.on(tick, (n) => (n as number) + 1);
        bus.on(tick, () => {});
        bus.on(tick, (n) => (n as number) * 2);
        expect(bus.emitSync(tick, 3)).toMatchObject({ type: tick, ...combine(3) });
        expect(await bus.event(tick).emit(3)).toMatchObject({ type: tick, ...combine(3) });
      });
    });

    describe('listeners', () => {
      it('[24] hear it, are waited for, and change nothing of what comes out', async () => {
        const gate = deferred();
        const seen: string[] = [];
        const bus = jobs();
        bus.on('job.run', (n) => (n as number) + 1, { name: 'a' });
        bus.on('job.run', () => {}, { name: 'b' });
        bus.on('job.run', (n) => (n as number) * 2, { name: 'c' });
        const alone = bus.emitSync('job.run', 4);
        bus.on('job.*', (_, ctx) => (seen.push(`pattern ${ctx.type}`), 'pattern'), { priority: 1 });
        bus.on(['log', 'job.run'], async (_, ctx) => (seen.push(`list ${ctx.type}`), 'list'));
        bus.onAny(
          async ({ type }) => {
            await gate.promise;
            seen.push(`any ${type}`);
            return 'any';
          },
          { priority: -1 },
        );
        const emission = bus.emit('job.run', 4);
        expect(await stateOf(emission)).toBe('pending');
        gate.resolve();
        const { values, value, answeredBy, skipped, called } = await emission;
        expect({ values, value, answeredBy, skipped }).toEqual({
          values: alone.values,
          value: alone.value,
          answeredBy: alone.answeredBy,
          skipped: alone.skipped,
        });
        expect(called).toBe(alone.called + 3);
        expect(seen).toEqual(['pattern job.run', 'list job.run', 'any job.run']);
      });

      it('[24] may be removed, limited in number and filtered like others', () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.once('job.*', () => void seen.push('once'));
        bus.on(['job.run'], () => void seen.push('filtered'), { filter: (n) => n === 2 });
        const off = bus.onAny(() => void seen.push('any'));
        bus.emitSync('job.run', 1);
        off();
        bus.emitSync('job.run', 2);
        expect(seen).toEqual(['once', 'any', 'filtered']);
      });
    });

    describe('options of a subscription', () => {
      it('[15] filter: skips the handler where it says no', async () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.on('job.run', note(seen, 'no'), { filter: () => false });
        bus.on('job.run', note(seen, 'yes'), { filter: (n) => n === 1 });
        const expected = { ok: true, called: 1, skipped: 1 };
        expect(bus.emitSync('job.run', 1)).toMatchObject(expected);
        expect(await bus.emit('job.run', 1)).toMatchObject(expected);
        expect(seen).toEqual(['yes', 'yes']);
      });

      it('[15] filter: is a failure where it throws, or returns a promise, and the handler does not run', async () => {
        const handler = vi.fn(step());
        const seen: string[] = [];
        const bus = jobs({ failurePolicy: 'isolate' });
        bus.on('job.run', handler, { filter: failing.throws, name: 'throws' });
        bus.on('job.run', handler, { filter: (async () => true) as never, name: 'waits' });
        bus.on('job.run', note(seen, 'after'));
        for (const result of [bus.emitSync('job.run'), await bus.emit('job.run')]) {
          expect(result).toMatchObject({ ok: false, called: 1 });
          expect(result.failures).toMatchObject([
            { handler: 'throws', phase: 'filter', code: 'HANDLER_FAILED', cause: boom },
            { handler: 'waits', phase: 'filter', code: 'ASYNC_FILTER' },
          ]);
        }
        expect(handler).not.toHaveBeenCalled();
        expect(seen).toEqual(['after', 'after']);
      });

      it('[8] once and times: fire exactly that often, under every verb', async () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.once('job.run', note(seen, 'once'));
        bus.on('job.run', note(seen, 'twice'), { times: 2 });
        bus.event('job.run').once(note(seen, 'once, by handle'));
        bus.group('plugin').once('job.run', note(seen, 'once, by group'));
        await bus.emit('job.run');
        bus.emitSync('job.run');
        await bus.emit('job.run');
        expect(seen).toEqual(['once', 'twice', 'once, by handle', 'once, by group', 'twice']);
        expect(bus.handlerCount('job.run')).toBe(0);
      });

      it('[8] once: claims its turn before it runs, and has used it where it fails', async () => {
        let calls = 0;
        const bus = jobs({ failurePolicy: 'isolate' });
        bus.once('job.run', async (_, ctx) => {
          calls += 1;
          ctx.emitSync('job.run');
          await ctx.emit('job.run');
          throw boom;
        });
        expect(await bus.emit('job.run')).toMatchObject({ ok: false, called: 1 });
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 0 });
        expect(calls).toBe(1);
      });

      it('[8] once: claims no turn where a filter says no, or the emission has stopped', () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.once('job.run', note(seen, 'filtered'), { filter: (n) => n === 'yes' });
        const off = bus.on('job.run', (_, ctx) => ctx.stop());
        bus.once('job.run', note(seen, 'behind'));
        bus.emitSync('job.run', 'no');
        expect(seen).toEqual([]);
        off();
        bus.emitSync('job.run', 'yes');
        expect(seen).toEqual(['filtered', 'behind']);
      });

      it('[19] signal: ends the subscription, before its turn and for good', () => {
        const seen: string[] = [];
        const bus = jobs();
        const controller = new AbortController();
        bus.on('job.run', note(seen, 'before'), { priority: 1 });
        bus.on('job.run', note(seen, 'mine'), { signal: controller.signal });
        bus.emitSync('job.run');
        bus.on(
          'job.run',
          step(() => controller.abort()),
          { priority: 2 },
        );
        expect(bus.emitSync('job.run')).toMatchObject({ called: 2, skipped: 1 });
        expect(bus.emitSync('job.run')).toMatchObject({ called: 2, skipped: 0 });
        expect(seen).toEqual(['before', 'mine', 'before', 'before']);
        expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
      });

      it('concurrency: holds up further emissions at that handler, first come first served', async () => {
        const gates: Deferred[] = [];
        const started: unknown[] = [];
        const bus = jobs();
        bus.on(
          'job.run',
          step((n) => {
            started.push(n);
            const gate = deferred();
            gates.push(gate);
            return gate.promise;
          }),
          { concurrency: 1 },
        );
        const emissions = ['a', 'b', 'c'].map((n) => bus.emit('job.run', n));
        for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
          expect(started).toEqual(expected);
          gates.at(-1)?.resolve();
          await promisesSettled();
        }
        for (const result of await Promise.all(emissions)) expect(result).toMatchObject({ ok: true, called: 1 });
      });

      it('concurrency: has an emission that is aborted give up its place in the queue', async () => {
        const gate = deferred();
        const started: unknown[] = [];
        const controller = new AbortController();
        const bus = jobs();
        bus.on(
          'job.run',
          step((n) => {
            started.push(n);
            return n === 'a' ? gate.promise : undefined;
          }),
          { concurrency: 1 },
        );
        const a = bus.emit('job.run', 'a');
        const b = rejectionOf(bus.emit('job.run', 'b', { signal: controller.signal }));
        const c = bus.emit('job.run', 'c');
        controller.abort('enough');
        expect(await b).toBe('enough');
        gate.resolve();
        expect(await a).toMatchObject({ called: 1 });
        expect(await c).toMatchObject({ called: 1 });
        expect(started).toEqual(['a', 'c']);
      });

      it('name: is in the failure, the facts and inspect()', async () => {
        const bus = jobs({ failurePolicy: 'isolate' });
        const facts: string[] = [];
        bus.observe({ handlerStarted: ({ handler }) => facts.push(handler) });
        bus.group('plugin').on('job.run', failing.throws, { name: 'mine' });
        const { failures } = await bus.emit('job.run');
        expect(failures).toMatchObject([{ handler: 'mine', group: 'plugin', event: 'job.run' }]);
        expect(facts).toEqual(['mine']);
        const snapshot = bus.inspect().events.find(({ type }) => type === 'job.run');
        expect(snapshot).toMatchObject({ kind, declared: true, emissions: 1, handlers: [{ name: 'mine' }] });
      });
    });

    describe('sync and async', () => {
      it('[4] reads the `then` of what a handler returns once', async () => {
        let reads = 0;
        const bus = jobs();
        bus.on('job.run', () => ({
          get then() {
            reads += 1;
            return (resolve: (value: unknown) => void) => resolve(undefined);
          },
        }));
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 1 });
        expect(reads).toBe(1);
      });

      it('[4] takes a `then` that throws, or cannot be read, as a failure', async () => {
        const bus = jobs({ failurePolicy: 'isolate' });
        bus.on('job.run', () => ({
          get then(): never {
            throw boom;
          },
        }));
        bus.on('job.run', () => ({
          then: () => {
            throw boom;
          },
        }));
        const result = await bus.emit('job.run');
        expect(result).toMatchObject({ ok: false, called: 2 });
        expect(result.failures.map(({ cause }) => cause)).toEqual([boom, boom]);
      });

      it('[4] lets a foreign thenable settle once', async () => {
        const bus = jobs();
        bus.on('job.run', () => ({
          then: (resolve: (value: unknown) => void, reject: (error: unknown) => void) => {
            resolve('once');
            resolve('twice');
            reject(boom);
          },
        }));
        const after = vi.fn(step());
        bus.on('job.run', after);
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, failures: [] });
        await promisesSettled();
        // It has answered, where there is one answer alone.
        expect(after).toHaveBeenCalledTimes(kind === 'first' || kind === 'around' ? 0 : 1);
      });

      it('[5] fails a handler that returns a promise under emitSync, and looks after that', async () => {
        const bus = jobs();
        const gate = deferred();
        const syncs: boolean[] = [];
        bus.on(
          'job.run',
          (_, ctx) => {
            syncs.push(ctx.sync);
            return gate.promise;
          },
          { name: 'slow' },
        );
        const uncaught = await uncaughtDuring(async () => {
          const failures = failsClosed
            ? (thrownBy(() => bus.emitSync('job.run')) as Failed).errors
            : bus.emitSync('job.run').failures;
          expect(failures).toMatchObject([{ code: 'ASYNC_IN_SYNC', handler: 'slow' }]);
          expect(bus.inspect().counts).toMatchObject({ inFlight: 0, late: 1 });
          const idle = bus.idle();
          expect(await stateOf(idle)).toBe('pending');
          gate.reject(boom);
          await idle;
        });
        expect(uncaught).toEqual([]);
        expect(syncs).toEqual([true]);
        expect(bus.inspect().counts).toMatchObject({ late: 0, lateSettled: 1 });
      });

      it('[27] has handlers see the asynchronous context of whoever emits', async () => {
        const seen: unknown[] = [];
        const bus = jobs();
        bus.on(
          'job.run',
          step(() => void seen.push(request.getStore())),
        );
        bus.on(
          'job.run',
          step(async () => {
            await null;
            seen.push(request.getStore());
          }),
        );
        bus.on(
          'job.run',
          step(() => void seen.push(request.getStore())),
        );
        await Promise.all(['r1', 'r2'].map((id) => request.run(id, () => bus.emit('job.run'))));
        expect(seen.toSorted()).toEqual(['r1', 'r1', 'r1', 'r2', 'r2', 'r2']);
      });
    });

    describe('failures', () => {
      describe.each(Object.entries(failing))('of a handler that %s', (_, fail) => {
        /** Handlers before and behind one that fails; sequential, so that all kinds have one order. */
        function failingJobs(options?: Omit<BusOptions, 'events'>, own?: 'stop' | 'isolate') {
          const seen: string[] = [];
          const reported: AmbusError[] = [];
          const bus = jobs({ onFailure: (failure) => reported.push(failure), ...options });
          bus.on('job.run', note(seen, 'before'));
          bus.on('job.run', fail, { name: 'guilty', failurePolicy: own });
          bus.on('job.run', noteLater(seen, 'after'));
          bus.onAny(() => void seen.push('listener'));
          return { bus, seen, reported };
        }
        const all = ['before', 'after', 'listener'];

        it(`[10] are ${failsClosed ? 'the end of it' : 'isolated'} by default`, async () => {
          const { bus, seen, reported } = failingJobs();
          if (failsClosed) {
            const error = await failureOf(bus.emit('job.run'));
            expect(error.errors).toMatchObject([{ handler: 'guilty', cause: boom }]);
            expect(error.result).toMatchObject({ ok: false, called: 2, skipped: 2, stopped: true });
            expect(seen).toEqual(['before']);
            expect(reported).toEqual([]);
          } else {
            const result = await bus.emit('job.run');
            expect(result).toMatchObject({ ok: false, called: 4, skipped: 0, stopped: false });
            expect(result.failures).toMatchObject([{ handler: 'guilty', cause: boom }]);
            expect(seen).toEqual(all);
            expect(reported).toEqual(result.failures);
          }
        });

        it('[11] isolate: all run, it fulfils, and each failure is reported once', async () => {
          for (const [busPolicy, emissionPolicy] of [
            ['isolate', undefined],
            ['stop', 'isolate'],
            [undefined, 'isolate'],
          ] as const) {
            const { bus, seen, reported } = failingJobs({ failurePolicy: busPolicy });
            const options = emissionPolicy === undefined ? undefined : { failurePolicy: emissionPolicy };
            const result = await bus.emit('job.run', 1, options);
            expect(result).toMatchObject({ ok: false, called: 4, skipped: 0, stopped: false });
            expect(result.failures).toHaveLength(1);
            expect(reported).toEqual(result.failures);
            expect(seen).toEqual(all);
          }
        });

        it('[11] stop: no later one starts, then it rejects, and nothing is reported', async () => {
          for (const [busPolicy, emissionPolicy] of [
            ['stop', undefined],
            ['isolate', 'stop'],
          ] as const) {
            const { bus, seen, reported } = failingJobs({ failurePolicy: busPolicy });
            const options = emissionPolicy === undefined ? undefined : { failurePolicy: emissionPolicy };
            const error = await failureOf(bus.emit('job.run', 1, options));
            expect(error.errors).toMatchObject([{ handler: 'guilty', cause: boom }]);
            expect(error.cause).toBe(error.errors[0]);
            expect(error.result).toMatchObject({ ok: false, called: 2, skipped: 2, stopped: true });
            expect(seen).toEqual(['before']);
            expect(reported).toEqual([]);
          }
        });

        it('[11] throw: all run, then it rejects, and nothing is reported', async () => {
          for (const [busPolicy, emissionPolicy] of [
            ['throw', undefined],
            ['stop', 'throw'],
          ] as const) {
            const { bus, seen, reported } = failingJobs({ failurePolicy: busPolicy });
            const options = emissionPolicy === undefined ? undefined : { failurePolicy: emissionPolicy };
            const error = await failureOf(bus.emit('job.run', 1, options));
            expect(error.errors).toMatchObject([{ handler: 'guilty', cause: boom }]);
            expect(error.result).toMatchObject({ ok: false, called: 4, skipped: 0, stopped: false });
            expect(seen).toEqual(all);
            expect(reported).toEqual([]);
          }
        });

        it('[12] of its own policy stop: ends an isolated one, which fulfils', async () => {
          const { bus, seen, reported } = failingJobs({ failurePolicy: 'isolate' }, 'stop');
          const result = await bus.emit('job.run');
          expect(result).toMatchObject({ ok: false, called: 2, skipped: 2, stopped: true });
          expect(result.failures).toMatchObject([{ handler: 'guilty' }]);
          expect(seen).toEqual(['before']);
          expect(reported).toEqual(result.failures);
        });

        it('[12] of its own policy isolate: are exempt from what the emission does to failures', async () => {
          for (const failurePolicy of ['stop', 'throw'] as const) {
            const { bus, seen, reported } = failingJobs({ failurePolicy }, 'isolate');
            const result = await bus.emit('job.run');
            expect(result).toMatchObject({ ok: false, called: 4, skipped: 0, stopped: false });
            expect(result.failures).toMatchObject([{ handler: 'guilty' }]);
            expect(reported).toEqual(result.failures);
            expect(seen).toEqual(all);
          }
        });

        it('[14] of a posted emission go to onFailure once, under every policy', async () => {
          for (const failurePolicy of ['isolate', 'stop', 'throw'] as const) {
            const { bus, reported } = failingJobs({ failurePolicy });
            const uncaught = await uncaughtDuring(async () => {
              bus.post('job.run');
              await bus.idle();
            });
            expect(uncaught).toEqual([]);
            expect(reported).toMatchObject([{ handler: 'guilty', cause: boom }]);
          }
        });
      });

      it('[13] say which event, handler, group, phase and emission', async () => {
        let id: string | undefined;
        const bus = jobs();
        bus.on(
          'job.run',
          step((_, ctx) => {
            id = ctx.id;
          }),
        );
        bus.group('plugin').on('job.run', failing.rejectsLater, { name: 'guilty' });
        const error = await failureOf(bus.emit('job.run', 1, { failurePolicy: 'stop' }));
        const [failure] = error.errors;
        expect(failure).toBeInstanceOf(HandlerError);
        expect(failure).toMatchObject({
          code: 'HANDLER_FAILED',
          event: 'job.run',
          handler: 'guilty',
          group: 'plugin',
          phase: 'handler',
          emissionId: id,
        });
        expect(failure?.cause).toBe(boom);
        expect(id).toBeDefined();
      });

      it('[16] are no answer to a refusal: a closed bus, an aborted signal, bad options', async () => {
        const bus = jobs({ failurePolicy: 'isolate' });
        const handler = vi.fn(step());
        bus.on('job.run', handler);
        const reason = new Error('enough');
        expect(await rejectionOf(bus.emit('job.run', 1, { signal: AbortSignal.abort(reason) }))).toBe(reason);
        expect(await rejectionOf(bus.emit('job.run', 1, { timeoutMs: -1 }))).toMatchObject({ code: 'INVALID_OPTION' });
        expect(await rejectionOf(bus.emit('job.run', 1, { timeout: 1 } as EmitOptions))).toMatchObject({
          code: 'UNKNOWN_OPTION',
        });
        await bus.close();
        expect(await rejectionOf(bus.emit('job.run', 1))).toMatchObject({ code: 'BUS_CLOSED' });
        expect(thrownBy(() => bus.emitSync('job.run', 1))).toMatchObject({ code: 'BUS_CLOSED' });
        expect(handler).not.toHaveBeenCalled();
        expect(bus.inspect().counts.dropped).toBe(5);
      });
    });

    describe('ctx', () => {
      it('is of one emission, whoever looks at it', async () => {
        const ids = new Set<string>();
        const facts: unknown[] = [];
        const look = (_: unknown, ctx: Pick<Ctx, 'id' | 'sync' | 'meta' | 'signal'> & { type: PropertyKey }) => {
          ids.add(ctx.id);
          facts.push([ctx.type, ctx.sync, ctx.meta, ctx.signal.aborted]);
        };
        const bus = jobs();
        bus.on('job.run', step(look));
        bus.on('job.*', look);
        bus.on('job.run', step(look));
        await bus.emit('job.run', 1, { meta: { user: 'u1' } });
        expect(ids.size).toBe(1);
        const fact = ['job.run', false, { user: 'u1' }, false];
        expect(facts).toEqual([fact, fact, fact]);
        await bus.emit('job.run', 1);
        expect(ids.size).toBe(2);
      });

      it('stop: ends the emission there', async () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.on('job.run', note(seen, 'a'));
        bus.on(
          'job.run',
          step((_, ctx) => ctx.stop()),
        );
        bus.on('job.run', note(seen, 'b'));
        bus.onAny(() => void seen.push('listener'));
        const expected = { ok: true, called: 2, skipped: 2, stopped: true, failures: [] };
        expect(bus.emitSync('job.run')).toMatchObject(expected);
        expect(await bus.emit('job.run')).toMatchObject(expected);
        expect(seen).toEqual(['a', 'a']);
      });

      it('[6] emitSync: runs what it emits depth-first', () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.on(
          'job.run',
          step((_, ctx) => {
            seen.push('outer');
            ctx.emitSync('job.other');
          }),
        );
        bus.on('job.run', note(seen, 'outer, next'));
        bus.on('job.other', note(seen, 'inner'));
        bus.on('job.other', note(seen, 'inner, next'));
        bus.emitSync('job.run');
        expect(seen).toEqual(['outer', 'inner', 'inner, next', 'outer, next']);
      });

      it('[21] emit: may be waited for, and hands down meta', async () => {
        const metas: unknown[] = [];
        const bus = jobs();
        bus.on(
          'job.run',
          step(async (_, ctx) => {
            await null;
            expect(await ctx.emit('job.other', 1, { meta: { step: 2 } })).toMatchObject({ ok: true, called: 1 });
          }),
        );
        bus.on(
          'job.other',
          step((_, ctx) => void metas.push(ctx.meta)),
        );
        await bus.emit('job.run', 1, { meta: { user: 'u1', step: 1 } });
        expect(metas).toEqual([{ user: 'u1', step: 2 }]);
      });

      it('[21] idle: does not wait for its own emission', async () => {
        const gate = deferred();
        const seen: string[] = [];
        const bus = jobs();
        bus.on('job.other', () => gate.promise);
        bus.on(
          'job.run',
          step(async (_, ctx) => {
            await ctx.idle();
            seen.push('idle');
          }),
        );
        const other = bus.emit('job.other');
        const emission = bus.emit('job.run');
        await promisesSettled();
        expect(seen).toEqual([]);
        gate.resolve();
        expect(await emission).toMatchObject({ ok: true });
        await other;
        expect(seen).toEqual(['idle']);
      });

      it('[21] close: does not wait for its own emission', async () => {
        const bus = jobs();
        let drained: boolean | undefined;
        bus.on(
          'job.run',
          step(async (_, ctx) => {
            drained = (await ctx.close()).drained;
          }),
        );
        await bus.emit('job.run');
        expect(drained).toBe(true);
        expect(bus.inspect().state).toBe('closed');
      });
    });

    describe('changes while it runs', () => {
      it('[6] leave out a handler that is removed before its turn, and one that is added', async () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.on(
          'job.run',
          step(async () => {
            await null;
            off();
            bus.on('job.run', note(seen, 'added'));
          }),
          { times: 1 },
        );
        const off = bus.on('job.run', note(seen, 'removed'));
        bus.on('job.run', note(seen, 'last'));
        expect(await bus.emit('job.run')).toMatchObject({ called: 2, skipped: 1 });
        expect(seen).toEqual(['last']);
        await bus.emit('job.run');
        expect(seen).toEqual(['last', 'last', 'added']);
      });

      it('[6] leave a handler that removes itself to finish', async () => {
        const seen: string[] = [];
        const bus = jobs();
        const off = bus.on(
          'job.run',
          step(async () => {
            off();
            await null;
            seen.push('mine');
          }),
        );
        bus.on('job.run', note(seen, 'next'));
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 2, skipped: 0 });
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 1, skipped: 0 });
        expect(seen).toEqual(['mine', 'next', 'next']);
      });

      it('[6] skip the handlers of a group that is paused, before or meanwhile', async () => {
        const seen: string[] = [];
        const bus = jobs();
        const group = bus.group('plugin');
        bus.on(
          'job.run',
          step(async () => group.pause()),
        );
        group.on('job.run', note(seen, 'exact'));
        group.on('job.*', () => void seen.push('pattern'));
        bus.on('job.run', note(seen, 'last'));
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 2, skipped: 2 });
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 2, skipped: 2 });
        expect(seen).toEqual(['last', 'last']);
        group.resume();
        expect(bus.inspect().groups).toMatchObject([{ name: 'plugin', state: 'active' }]);
      });

      it('[6] still call the handlers of a group that is retired meanwhile, and no more later', async () => {
        const seen: string[] = [];
        const bus = jobs();
        const group = bus.group('plugin');
        bus.on(
          'job.run',
          step(async () => group.retire()),
        );
        group.on('job.run', note(seen, 'retired'));
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 2, skipped: 0 });
        expect(await bus.emit('job.run')).toMatchObject({ ok: true, called: 1, skipped: 0 });
        expect(seen).toEqual(['retired']);
      });

      it('[6] skip the handlers of a group that is removed meanwhile, and leave one that runs to finish', async () => {
        const seen: string[] = [];
        const gate = deferred();
        const bus = jobs();
        const group = bus.group('plugin');
        group.on(
          'job.run',
          step(async () => {
            await gate.promise;
            seen.push('runs');
          }),
        );
        group.on('job.run', note(seen, 'removed'));
        const emission = bus.emit('job.run');
        group.remove();
        gate.resolve();
        expect(await emission).toMatchObject({ ok: true, called: 1, skipped: 1 });
        expect(seen).toEqual(['runs']);
      });

      it('[6] have the idle of a group wait for its handler', async () => {
        const gate = deferred();
        const bus = jobs();
        const group = bus.group('plugin');
        group.on('job.run', () => gate.promise);
        const emission = bus.emit('job.run');
        const idle = group.idle();
        expect(await stateOf(idle)).toBe('pending');
        gate.resolve();
        await emission;
        expect(await stateOf(idle)).toBe('fulfilled');
      });
    });

    describe('time limits', () => {
      it('[17] fail a handler that takes longer, whose signal aborts', async () => {
        const clock = new ManualClock();
        const bus = jobs({ clock, failurePolicy: 'throw' });
        const seen: string[] = [];
        let signal: AbortSignal | undefined;
        bus.on(
          'job.run',
          (_, ctx) => {
            ({ signal } = ctx);
            return never();
          },
          { timeoutMs: 100, name: 'slow' },
        );
        bus.on('job.run', note(seen, 'after'));
        const failed = failureOf(bus.emit('job.run'));
        await clock.advance(99);
        expect(signal?.aborted).toBe(false);
        await clock.advance(1);
        expect(signal?.aborted).toBe(true);
        expect(signal?.reason).toMatchObject({ name: 'TimeoutError' });
        const error = await failed;
        expect(error.errors).toMatchObject([{ code: 'HANDLER_TIMEOUT', phase: 'timeout', handler: 'slow' }]);
        expect(seen).toEqual(['after']);
      });

      it('[17] of the emission and of the bus hold for every handler without one of its own', async () => {
        for (const where of ['bus', 'emission'] as const) {
          const clock = new ManualClock();
          const bus = jobs({ clock, failurePolicy: 'isolate', ...(where === 'bus' ? { timeoutMs: 50 } : {}) });
          bus.on('job.run', never, { name: 'a' });
          const emission = bus.emit('job.run', 1, where === 'bus' ? undefined : { timeoutMs: 50 });
          await clock.advance(50);
          expect((await emission).failures).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'a' }]);
        }
      });

      it('[17] leave late work to end: counted, told, waited for by idle, its rejection absorbed', async () => {
        const clock = new ManualClock();
        const facts: LateSettled[] = [];
        const gate = deferred();
        const bus = jobs({ clock, failurePolicy: 'isolate' });
        bus.observe({ lateSettled: (fact) => facts.push(fact) });
        bus.on('job.run', () => gate.promise, { timeoutMs: 100, name: 'slow' });
        const emission = bus.emit('job.run');
        await clock.advance(100);
        await emission;
        expect(bus.inspect().counts).toMatchObject({ inFlight: 0, late: 1, timeouts: 1, failures: 1 });
        const uncaught = await uncaughtDuring(async () => {
          const idle = bus.idle();
          expect(await stateOf(idle)).toBe('pending');
          gate.reject(boom);
          await idle;
        });
        expect(uncaught).toEqual([]);
        expect(bus.inspect().counts).toMatchObject({ late: 0, lateSettled: 1, failures: 1 });
        expect(facts).toMatchObject([{ handler: 'slow', outcome: 'failed', error: boom }]);
      });

      it('[17] give late work up after lateMs, and free its slot', async () => {
        const clock = new ManualClock();
        const bus = jobs({ clock, failurePolicy: 'isolate', lateMs: 1_000 });
        const started: unknown[] = [];
        bus.on(
          'job.run',
          (n) => {
            started.push(n);
            return never();
          },
          { timeoutMs: 100, concurrency: 1 },
        );
        void bus.emit('job.run', 'a');
        void bus.emit('job.run', 'b');
        await clock.advance(100);
        expect(started).toEqual(['a']);
        await clock.advance(1_000);
        expect(started).toEqual(['a', 'b']);
        expect(bus.inspect().counts.abandoned).toBe(1);
      });

      it('[18] say of a synchronous handler only that it overran', () => {
        let now = 0;
        const clock = { now: () => now, setTimeout: () => 0, clearTimeout: () => {} };
        const bus = jobs({ clock });
        bus.on(
          'job.run',
          step(() => {
            now += 200;
          }),
          { timeoutMs: 100 },
        );
        expect(bus.emitSync('job.run')).toMatchObject({ ok: true, failures: [] });
        expect(bus.inspect().counts).toMatchObject({ overran: 1, timeouts: 0 });
      });

      it('[17] leave no timer behind', async () => {
        const clock = new ManualClock();
        const bus = jobs({ clock, timeoutMs: 100 });
        bus.on('job.run', step());
        bus.on(
          'job.run',
          step(async () => {}),
        );
        await bus.emit('job.run');
        expect(clock.pending).toBe(0);
      });
    });

    describe('abort', () => {
      it('[19] aborts what runs, skips the rest, and rejects with the reason when all has settled', async () => {
        const bus = jobs();
        const controller = new AbortController();
        const gate = deferred();
        const after = vi.fn(step());
        let signal: AbortSignal | undefined;
        bus.on(
          'job.run',
          async (_, ctx) => {
            ({ signal } = ctx);
            await gate.promise;
          },
          { name: 'running' },
        );
        bus.on('job.run', after);
        bus.onAny(after as never);
        const emission = bus.emit('job.run', 1, { signal: controller.signal });
        const rejection = rejectionOf(emission);
        const reason = new Error('enough');
        controller.abort(reason);
        expect(signal?.aborted).toBe(true);
        expect(signal?.reason).toBe(reason);
        expect(await stateOf(emission)).toBe('pending');
        gate.resolve();
        expect(await rejection).toBe(reason);
        expect(after).not.toHaveBeenCalled();
        expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
      });

      it('[19] stops a synchronous emission before its next handler', () => {
        const bus = jobs();
        const controller = new AbortController();
        const after = vi.fn(step());
        bus.on(
          'job.run',
          step(() => controller.abort('enough')),
        );
        bus.on('job.run', after);
        expect(thrownBy(() => bus.emitSync('job.run', 1, { signal: controller.signal }))).toBe('enough');
        expect(after).not.toHaveBeenCalled();
      });

      it('[14] reports a failure that no rejection carries', async () => {
        const reported: AmbusError[] = [];
        const bus = jobs({ onFailure: (failure) => reported.push(failure) });
        const controller = new AbortController();
        const gate = deferred();
        bus.on('job.run', () => gate.promise, { name: 'guilty' });
        const rejection = rejectionOf(bus.emit('job.run', 1, { signal: controller.signal }));
        controller.abort('enough');
        gate.reject(boom);
        expect(await rejection).toBe('enough');
        expect(reported).toMatchObject([{ handler: 'guilty', cause: boom }]);
      });
    });

    describe('observers', () => {
      it('[25] are told of emission and handlers, in order', async () => {
        const seen: string[] = [];
        const bus = jobs();
        bus.observe({
          emissionStarted: ({ type, handlers, payload, sync }) =>
            seen.push(`emission ${String(type)} of ${handlers}, ${String(payload)}, ${sync}`),
          emissionSettled: ({ outcome, rejected, called, skipped }) =>
            seen.push(`settled ${outcome} ${rejected} ${called} ${skipped}`),
          handlerStarted: ({ handler }) => seen.push(`${handler} started`),
          handlerSettled: ({ handler, outcome, async }) => seen.push(`${handler} ${outcome} ${async}`),
        });
        bus.on('job.run', (n) => ({ n }), { name: 'only' });
        await bus.emit('job.run', 1);
        bus.emitSync('job.run', 2);
        expect(seen).toEqual([
          'emission job.run of 1, 1, false',
          'only started',
          'only ok false',
          'settled ok false 1 0',
          'emission job.run of 1, 2, true',
          'only started',
          'only ok false',
          'settled ok false 1 0',
        ]);
      });

      it('[2] are told in which mode it runs: the one asked for, or sequential where there is no other', async () => {
        const modes: string[] = [];
        const bus = jobs({ mode: 'concurrent' });
        bus.observe({ emissionStarted: ({ mode }) => modes.push(mode) });
        await bus.emit('job.run', 1);
        await bus.emit('job.run', 1, { mode: 'tiered' });
        const fansOut = kind === 'broadcast' || kind === 'collect';
        expect(modes).toEqual(fansOut ? ['concurrent', 'tiered'] : ['sequential', 'sequential']);
      });

      it('[25] are told of failures, time limits and skips', async () => {
        const clock = new ManualClock();
        const settled: unknown[] = [];
        const skipped: HandlerSkipped[] = [];
        const emissions: unknown[] = [];
        const bus = jobs({ clock, failurePolicy: 'throw' });
        bus.observe({
          handlerSettled: ({ handler, outcome, failure }) => settled.push([handler, outcome, failure?.code]),
          handlerSkipped: (fact) => skipped.push(fact),
          emissionSettled: ({ outcome, rejected, failures }) => emissions.push([outcome, rejected, failures.length]),
        });
        bus.on('job.run', failing.throws, { name: 'throws' });
        bus.on('job.run', never, { name: 'slow', timeoutMs: 100 });
        bus.on('job.run', step(), { name: 'filtered', filter: () => false });
        const rejection = failureOf(bus.emit('job.run'));
        await clock.advance(100);
        await rejection;
        expect(settled).toEqual([
          ['throws', 'failed', 'HANDLER_FAILED'],
          ['slow', 'timeout', 'HANDLER_TIMEOUT'],
        ]);
        expect(skipped.map(({ handler, reason }) => [handler, reason])).toEqual([['filtered', 'filter']]);
        expect(emissions).toEqual([['failed', true, 2]]);
      });

      it('[25] change nothing of what comes out', async () => {
        const quiet = jobs();
        const loud = jobs();
        loud.observe({
          emissionStarted: () => {},
          emissionSettled: () => {},
          handlerStarted: () => {},
          handlerSettled: () => {},
          handlerSkipped: () => {},
        });
        for (const bus of [quiet, loud]) {
          bus.on('job.run', (n) => (n as number) + 1, { name: 'a' });
          bus.on('job.run', () => {}, { name: 'b' });
          bus.on('job.run', (n) => (n as number) * 2, { name: 'c' });
        }
        expect(loud.emitSync('job.run', 3)).toEqual(quiet.emitSync('job.run', 3));
        expect(await loud.emit('job.run', 3)).toEqual(await quiet.emit('job.run', 3));
      });

      it('[25] that throw break nothing', async () => {
        const bus = jobs();
        bus.observe({
          handlerStarted: () => {
            throw boom;
          },
          emissionSettled: () => {
            throw boom;
          },
        });
        bus.on('job.run', (n) => (n as number) + 1);
        bus.on('job.run', () => {});
        bus.on('job.run', (n) => (n as number) * 2);
        const uncaught = await uncaughtDuring(() => {
          expect(bus.emitSync('job.run', 3)).toMatchObject({ ok: true, ...combine(3) });
        });
        expect(uncaught.length).toBeGreaterThanOrEqual(2);
        expect(new Set(uncaught)).toEqual(new Set([boom]));
      });
    });

    describe('idle and close', () => {
      it('wait for what is in flight', async () => {
        const gate = deferred();
        const bus = jobs();
        bus.on('job.run', () => gate.promise);
        const emission = bus.emit('job.run');
        expect(bus.inspect().counts.inFlight).toBe(1);
        const idle = bus.idle();
        const closed = bus.close();
        expect(await stateOf(idle)).toBe('pending');
        expect(await stateOf(closed)).toBe('pending');
        gate.resolve();
        expect(await emission).toMatchObject({ ok: true });
        await idle;
        expect(await closed).toEqual({ drained: true, unfinished: [] });
        expect(bus.inspect()).toMatchObject({ state: 'closed', counts: { inFlight: 0 } });
      });

      it('wait for what was posted', async () => {
        const gate = deferred();
        const bus = jobs();
        bus.on('job.run', () => gate.promise);
        bus.post('job.run');
        const idle = bus.idle();
        expect(await stateOf(idle)).toBe('pending');
        gate.resolve();
        expect(await stateOf(idle)).toBe('fulfilled');
      });

      it('[21] let an emission that is drained cause others, and refuse those from outside', async () => {
        const gate = deferred();
        const seen: string[] = [];
        const bus = jobs();
        bus.on(
          'job.run',
          step(async (_, ctx) => {
            await gate.promise;
            await ctx.emit('job.other');
          }),
        );
        bus.on('job.other', note(seen, 'inner'));
        const emission = bus.emit('job.run');
        const closed = bus.close();
        expect(await rejectionOf(bus.emit('job.run'))).toMatchObject({ code: 'BUS_CLOSED' });
        gate.resolve();
        expect(await emission).toMatchObject({ ok: true });
        expect(await closed).toMatchObject({ drained: true });
        expect(seen).toEqual(['inner']);
      });

      it('say what was left when the time was up, and abort it', async () => {
        const clock = new ManualClock();
        const bus = jobs({ clock });
        const after = vi.fn(step());
        let signal: AbortSignal | undefined;
        bus.on(
          'job.run',
          (_, ctx) => {
            ({ signal } = ctx);
            return never();
          },
          { name: 'stuck' },
        );
        bus.on('job.run', after);
        void bus.emit('job.run');
        const closed = bus.close({ drainMs: 100 });
        await clock.advance(100);
        expect(await closed).toMatchObject({
          drained: false,
          unfinished: [{ event: 'job.run', handlers: ['stuck'], late: false }],
        });
        expect(signal?.aborted).toBe(true);
        expect(after).not.toHaveBeenCalled();
      });
    });

    it('settings of the event hold: a time limit, and a failure policy', async () => {
      const clock = new ManualClock();
      const bus = makeBus({
        clock,
        events: defineEvents({ job: declare({ timeoutMs: 100, failurePolicy: 'throw' }) }),
      });
      bus.on('job', failing.throws, { name: 'throws' });
      bus.on('job', never, { name: 'slow' });
      const failed = failureOf(bus.emit('job'));
      await clock.advance(100);
      expect((await failed).errors).toMatchObject([
        { handler: 'throws', code: 'HANDLER_FAILED' },
        { handler: 'slow', code: 'HANDLER_TIMEOUT' },
      ]);
    });

    it('handlers that are too many are warned of', () => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
      const bus = jobs({ maxHandlers: 2 });
      for (let n = 0; n < 4; n++) bus.on('job.run', step());
      expect(warn).toHaveBeenCalledTimes(1);
      expect(warn.mock.calls[0]?.[0]).toContain('job.run');
    });

    it('an event that causes itself without end is the failure of a handler, and leaves the bus usable', () => {
      const bus = jobs({ failurePolicy: 'isolate' });
      bus.on('job.run', (n, ctx) => {
        if (n === 'on and on') ctx.emitSync('job.run', n);
        return undefined;
      });
      const result = bus.emitSync('job.run', 'on and on');
      expect(result.ok).toBe(false);
      expect(result.failures[0]?.cause).toBeInstanceOf(RangeError);
      expect(bus.emitSync('job.run', 'once')).toMatchObject({ ok: true, called: 1 });
    });
  });
});
