import { AsyncLocalStorage } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import {
  AmbusError,
  around,
  type BusOptions,
  broadcast,
  collect,
  type Dropped,
  defineEvents,
  type EmissionStarted,
  EmitError,
  type EventBus,
  first,
  type InterceptedEmission,
  type InterceptOptions,
  type InterceptorNext,
  waterfall,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses, describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { stateOf } from './promise-state.js';
import { uncaughtDuring } from './uncaught.js';

const KINDS = defineEvents({
  'kind.broadcast': broadcast<string>(),
  'kind.waterfall': waterfall<string>(),
  'kind.first': first<string, string>(),
  'kind.collect': collect<string, string>(),
  'kind.around': around<string, string>(),
});

/** What a call throws, or the promise that it returns rejects with. */
const failureOf = (call: () => unknown): Promise<unknown> => rejectionOf(Promise.resolve().then(call));

/** When an interceptor does what it does: each has to do it either way. */
const MANNERS: Record<string, (body: (...given: never[]) => unknown) => (...given: never[]) => unknown> = {
  'at once': (body) => body,
  'after a while':
    (body) =>
    async (...given) => {
      await promisesSettled();
      return body(...given);
    },
};

type Intercept = (emission: InterceptedEmission, next: InterceptorNext) => never;
const inManner = (manner: string, body: (emission: InterceptedEmission, next: InterceptorNext) => unknown) =>
  MANNERS[manner]?.(body) as Intercept;

describeEveryBus((makeBus) => {
  describe('order', () => {
    it('[26] is by priority, outermost the highest, then as they were added', async () => {
      const bus = makeBus();
      const log: string[] = [];
      const layer = (name: string, priority?: number): void => {
        bus.intercept(
          (_emission, next) => {
            log.push(`> ${name}`);
            const result = next();
            log.push(`< ${name}`);
            return result;
          },
          { name, priority },
        );
      };
      layer('second');
      layer('third', 0);
      layer('inner', -1.5);
      layer('outer', 10);
      bus.on('tick', () => void log.push('handler'));
      await bus.emit('tick');
      expect(log).toEqual([
        '> outer',
        '> second',
        '> third',
        '> inner',
        'handler',
        '< inner',
        '< third',
        '< second',
        '< outer',
      ]);
    });

    it('[26] is the order in which inspect() lists them', () => {
      const bus = makeBus();
      bus.intercept(function audit(_emission, next) {
        return next();
      });
      bus.intercept((_emission, next) => next(), { name: 'guard', priority: 5, types: 'order.*' });
      bus.intercept((_emission, next) => next(), { name: 'both', priority: -1, types: ['tick', 'order.**'] });
      expect(bus.inspect().interceptors).toEqual([
        { name: 'guard', priority: 5, types: ['order.*'] },
        { name: 'audit', priority: 0 },
        { name: 'both', priority: -1, types: ['tick', 'order.**'] },
      ]);
      expect(JSON.parse(JSON.stringify(bus.inspect()))).toStrictEqual(bus.inspect());
    });

    it('[26] mixes synchronous and asynchronous ones', async () => {
      const bus = makeBus();
      const log: string[] = [];
      for (const manner of ['at once', 'after a while', 'at once', 'after a while']) {
        bus.intercept(
          inManner(manner, (_emission, next) => {
            log.push(manner);
            return next();
          }),
        );
      }
      bus.on('tick', () => void log.push('handler'));
      bus.on('tick', async () => void log.push('handler'));
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 2 });
      expect(log).toEqual(['at once', 'after a while', 'at once', 'after a while', 'handler', 'handler']);
    });
  });

  describe('the events that it is around', () => {
    const tock = Symbol('tock');
    const NAMES = ['order.placed', 'order.paid', 'order.item.added', 'shop.closed', 'ping'] as const;
    interface Shop {
      'order.placed': number;
      'order.paid': number;
      'order.item.added': number;
      'shop.closed': number;
      ping: number;
      [tock]: number;
    }

    it.each<[string, InterceptOptions<Shop>['types'], PropertyKey[]]>([
      ['every one, where none is said', undefined, [...NAMES, tock]],
      ['one name', 'order.paid', ['order.paid']],
      ['one symbol', tock, [tock]],
      ['a pattern', 'order.*', ['order.placed', 'order.paid']],
      ['a deep pattern', 'order.**', ['order.placed', 'order.paid', 'order.item.added']],
      ['every string', '**', [...NAMES]],
      ['a list of names and patterns', ['*.closed', 'ping', tock], ['shop.closed', 'ping', tock]],
      ['a list in which two match', ['order.*', 'order.placed'], ['order.placed', 'order.paid']],
    ])('[26] are %s', (_what, types, expected) => {
      const bus = makeBus<Shop>();
      const seen: PropertyKey[] = [];
      bus.intercept(
        (emission, next) => {
          seen.push(emission.type);
          return next();
        },
        { types },
      );
      for (const name of [...NAMES, tock] as const) bus.emitSync(name, 1);
      expect(seen).toEqual(expected);
    });

    it('[26] may be emitted by any verb', async () => {
      const bus = makeBus();
      const seen: unknown[] = [];
      bus.intercept((emission, next) => {
        seen.push(emission.payload);
        return next();
      });
      bus.on('start', async (_payload, ctx) => {
        await ctx.emit('tick', 'ctx.emit');
        ctx.emitSync('tick', 'ctx.emitSync');
        await ctx.dispatch('tick', 'ctx.dispatch');
        ctx.post('tick', 'ctx.post');
      });
      const tick = bus.event('tick');
      await bus.emit('tick', 'emit');
      bus.emitSync('tick', 'emitSync');
      await bus.dispatch('tick', 'dispatch');
      bus.post('tick', 'post');
      await tick.emit('event.emit');
      tick.emitSync('event.emitSync');
      await tick.dispatch('event.dispatch');
      tick.post('event.post');
      await bus.emit('start', 'start');
      expect(seen).toEqual([
        'emit',
        'emitSync',
        'dispatch',
        'post',
        'event.emit',
        'event.emitSync',
        'event.dispatch',
        'event.post',
        'start',
        'ctx.emit',
        'ctx.emitSync',
        'ctx.dispatch',
        'ctx.post',
      ]);
    });

    it('[26] may have no handlers', () => {
      const bus = makeBus();
      const interceptor = vi.fn((_emission: unknown, next: InterceptorNext) => next());
      bus.intercept(interceptor);
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 0 });
      expect(interceptor).toHaveBeenCalledTimes(1);
    });

    it('[26] are not those that are refused before: by a closed bus, bad options, an aborted signal, its name', async () => {
      const bus = makeBus({ events: defineEvents({ tick: broadcast<number>() }) });
      const interceptor = vi.fn((_emission: unknown, next: InterceptorNext) => next());
      bus.intercept(interceptor);
      const loose = bus as unknown as EventBus;
      expect(await rejectionOf(loose.emit('tick', 1, { mod: 'tiered' } as object))).toMatchObject({
        code: 'UNKNOWN_OPTION',
      });
      expect(await rejectionOf(loose.emit('tick', 1, { signal: AbortSignal.abort('gone') }))).toBe('gone');
      expect(await rejectionOf(loose.emit('tock', 1))).toMatchObject({ code: 'UNDECLARED_EVENT' });
      expect(await rejectionOf(loose.emit('tick.*', 1))).toMatchObject({ code: 'INVALID_EVENT' });
      await bus.close();
      expect(await rejectionOf(loose.emit('tick', 1))).toMatchObject({ code: 'BUS_CLOSED' });
      expect(interceptor).not.toHaveBeenCalled();
    });
  });

  describe('what it is told', () => {
    it('[26] is the emission: type, payload, id, meta, and whether the caller can wait', async () => {
      const bus = makeBus();
      const told: unknown[] = [];
      const ids: string[] = [];
      bus.intercept((emission, next) => {
        const { id, meta, payload, sync, type } = emission;
        told.push({ id, meta, payload, sync, type });
        return next();
      });
      bus.on('tick', (_payload, ctx) => void ids.push(ctx.id));
      const payload = { n: 1 };
      await bus.emit('tick', payload, { meta: { trace: 't1' } });
      bus.emitSync('tick', payload);
      void bus.dispatch('tick', payload);
      expect(told).toEqual([
        { type: 'tick', payload, id: ids[0], meta: { trace: 't1' }, sync: false },
        { type: 'tick', payload, id: ids[1], meta: {}, sync: true },
        { type: 'tick', payload, id: ids[2], meta: {}, sync: false },
      ]);
      expect(new Set(ids).size).toBe(3);
      expect((told[0] as { payload: unknown }).payload).toBe(payload);
    });

    it('[26] is the meta that a nested emission inherits', async () => {
      const bus = makeBus();
      const metas: unknown[] = [];
      bus.intercept(
        (emission, next) => {
          metas.push(emission.meta);
          return next();
        },
        { types: 'child' },
      );
      bus.on('parent', (_payload, ctx) => ctx.emit('child', 1, { meta: { own: 1 } }));
      await bus.emit('parent', 1, { meta: { trace: 't1' } });
      expect(metas).toEqual([{ trace: 't1', own: 1 }]);
    });

    it('[26] does not change with what is changed further in', () => {
      const bus = makeBus();
      let outer: InterceptedEmission | undefined;
      bus.intercept((emission, next) => {
        outer = emission;
        return next();
      });
      bus.intercept((_emission, next) => next({ payload: 'inner', meta: { by: 'inner' } }));
      bus.emitSync('tick', 'given');
      expect(outer).toMatchObject({ payload: 'given', meta: {} });
    });
  });

  describe.each(Object.keys(MANNERS))('%s', (manner) => {
    it('[26] has the handlers run, and gives back their result', async () => {
      const bus = makeBus();
      let seen: unknown;
      bus.intercept(
        inManner(manner, async (_emission, next) => {
          seen = await next();
          return seen;
        }),
      );
      bus.on('tick', () => {});
      bus.on('tick', async () => {});
      const result = await bus.emit('tick', 1);
      expect(result).toMatchObject({ type: 'tick', ok: true, called: 2, skipped: 0, stopped: false, failures: [] });
      expect(seen).toBe(result);
    });

    it('[26] puts another payload in the place of the given one, for those further in and for handlers', async () => {
      const bus = makeBus();
      const seen: unknown[] = [];
      bus.intercept(inManner(manner, (emission, next) => next({ payload: `${String(emission.payload)}, outer` })));
      bus.intercept(
        inManner(manner, (emission, next) => {
          seen.push(emission.payload);
          return next({ payload: `${String(emission.payload)}, inner` });
        }),
      );
      bus.on('tick', (payload, ctx) => void seen.push(payload, ctx.payload), {
        filter: (payload) => seen.push(payload) > 0,
      });
      bus.onAny(({ payload }) => void seen.push(payload));
      await bus.emit('tick', 'given');
      expect(seen).toEqual(['given, outer', ...Array<string>(4).fill('given, outer, inner')]);
    });

    it('[26] keeps the payload where the change has none, and takes undefined for one', async () => {
      const bus = makeBus();
      const seen: unknown[] = [];
      bus.on('tick', (payload) => void seen.push(payload));
      let change: object | undefined;
      bus.intercept(inManner(manner, (_emission, next) => next(change)));
      for (change of [undefined, {}, { meta: { a: 1 } }, { payload: undefined }, { payload: null }]) {
        await bus.emit('tick', 'given');
      }
      expect(seen).toEqual(['given', 'given', 'given', undefined, null]);
    });

    it('[26] adds meta over what there is, for those further in, for handlers and what they emit', async () => {
      const bus = makeBus();
      const metas: unknown[] = [];
      bus.intercept(
        inManner(manner, (_emission, next) => next({ meta: { user: 'u1', step: 'outer' } })),
        {
          types: 'parent',
        },
      );
      bus.intercept(
        inManner(manner, (emission, next) => {
          metas.push(emission.meta);
          return next({ meta: { step: 'inner' } });
        }),
        { types: 'parent' },
      );
      bus.on('parent', (_payload, ctx) => {
        metas.push(ctx.meta);
        return ctx.emit('child');
      });
      bus.on('child', (_payload, ctx) => void metas.push(ctx.meta));
      const meta = { trace: 't1', step: 'given' };
      await bus.emit('parent', 1, { meta });
      expect(metas).toEqual([
        { trace: 't1', user: 'u1', step: 'outer' },
        { trace: 't1', user: 'u1', step: 'inner' },
        { trace: 't1', user: 'u1', step: 'inner' },
      ]);
      expect(meta).toEqual({ trace: 't1', step: 'given' });
    });

    it('[26] leaves the meta of other emissions alone', async () => {
      const bus = makeBus();
      const metas: unknown[] = [];
      let count = 0;
      bus.intercept(inManner(manner, (_emission, next) => next(count++ === 0 ? { meta: { first: true } } : undefined)));
      bus.on('tick', (_payload, ctx) => void metas.push(ctx.meta));
      await bus.emit('tick');
      await bus.emit('tick');
      expect(metas).toEqual([{ first: true }, {}]);
    });

    it('[26] refuses an emission by throwing: it rejects with that very error, and no handler runs', async () => {
      const bus = makeBus();
      const handler = vi.fn();
      const dropped: Dropped[] = [];
      const started = vi.fn();
      bus.observe({ dropped: (fact) => dropped.push(fact), emissionStarted: started });
      bus.on('tick', handler);
      const inner = vi.fn();
      const error = new Error('not allowed');
      bus.intercept(
        inManner(manner, () => {
          throw error;
        }),
      );
      bus.intercept(inner);
      expect(await rejectionOf(bus.emit('tick', 'given'))).toBe(error);
      expect(dropped).toEqual([{ type: 'tick', payload: 'given', error }]);
      expect(bus.inspect().counts).toMatchObject({ dropped: 1, failures: 0, inFlight: 0, emissions: 0 });
      for (const not of [handler, inner, started]) expect(not).not.toHaveBeenCalled();
    });

    it('[26] refuses an emission with something falsy too', async () => {
      const bus = makeBus();
      bus.intercept(
        inManner(manner, () => {
          throw undefined;
        }),
      );
      expect(await rejectionOf(bus.emit('tick'))).toBeUndefined();
      expect(bus.inspect().counts.dropped).toBe(1);
    });

    it.each(['isolate', 'stop', 'throw'] as const)(
      '[16] refuses an emission whatever its policy: %s',
      async (failurePolicy) => {
        const bus = makeBus({ failurePolicy });
        const error = new Error('not allowed');
        bus.intercept(
          inManner(manner, () => {
            throw error;
          }),
        );
        bus.on('tick', () => {});
        expect(await rejectionOf(bus.emit('tick'))).toBe(error);
        expect(await rejectionOf(bus.emit('tick', 1, { failurePolicy }))).toBe(error);
      },
    );

    it('[16] has a refusal of what was posted reported: as REFUSED, or as the AmbusError that it is', async () => {
      const reported: AmbusError[] = [];
      const bus = makeBus({ onFailure: (failure) => reported.push(failure) });
      const refusals = [new Error('not allowed'), new AmbusError('ABORTED', 'not today'), 'words'];
      let index = 0;
      bus.intercept(
        inManner(manner, () => {
          throw refusals[index++];
        }),
        { name: 'guard' },
      );
      for (let i = 0; i < 3; i++) {
        bus.post('tick');
        await promisesSettled();
      }
      expect(reported).toHaveLength(3);
      expect(reported[0]).toBeInstanceOf(AmbusError);
      expect(reported[0]).toMatchObject({ code: 'REFUSED' });
      expect(reported[0]?.message).toContain('tick');
      expect(reported[0]?.cause).toBe(refusals[0]);
      expect(reported[1]).toBe(refusals[1]);
      expect(reported[2]).toMatchObject({ code: 'REFUSED', cause: 'words' });
    });

    it('[26] that throws after next() has the emission reject with that, which was not dropped', async () => {
      const bus = makeBus();
      const handler = vi.fn();
      const dropped = vi.fn();
      bus.observe({ dropped });
      bus.on('tick', handler);
      const error = new Error('too late to refuse');
      bus.intercept(
        inManner(manner, async (_emission, next) => {
          await next();
          throw error;
        }),
      );
      expect(await rejectionOf(bus.emit('tick'))).toBe(error);
      expect(handler).toHaveBeenCalledTimes(1);
      expect(dropped).not.toHaveBeenCalled();
      expect(bus.inspect().counts).toMatchObject({ dropped: 0, inFlight: 0 });
    });

    it('[26] is told by next() what the emission rejects with, and may answer instead', async () => {
      const bus = makeBus({ events: KINDS });
      const caught: unknown[] = [];
      bus.intercept(
        inManner(manner, async (emission, next) => {
          try {
            return await next();
          } catch (error) {
            caught.push(error);
            return emission.answer('fallback');
          }
        }),
        { name: 'rescue' },
      );
      const cause = new Error('no');
      bus.on('kind.waterfall', async () => {
        throw cause;
      });
      const result = await bus.emit('kind.waterfall', 'given');
      expect(result).toMatchObject({ ok: true, value: 'fallback', failures: [] });
      expect(caught).toHaveLength(1);
      expect(caught[0]).toBeInstanceOf(EmitError);
      expect((caught[0] as EmitError).errors.map((error) => error.cause)).toEqual([cause]);
    });

    it('[26] is told by next() what an inner one refuses with, and may let it through', async () => {
      const bus = makeBus();
      const refusal = new Error('not allowed');
      const caught: unknown[] = [];
      bus.intercept(
        inManner(manner, async (_emission, next) => {
          try {
            return await next();
          } catch (error) {
            caught.push(error);
            throw error;
          }
        }),
      );
      bus.intercept(
        inManner(manner, () => {
          throw refusal;
        }),
      );
      expect(await rejectionOf(bus.emit('tick'))).toBe(refusal);
      expect(caught).toEqual([refusal]);
      expect(bus.inspect().counts.inFlight).toBe(0);
    });

    it('[26] may return nothing: what next() comes to counts, and is waited for', async () => {
      const bus = makeBus();
      const gate = deferred();
      bus.on('tick', () => gate.promise);
      bus.intercept(
        inManner(manner, (_emission, next) => {
          void next();
        }),
      );
      const emission = bus.emit('tick');
      expect(await stateOf(emission)).toBe('pending');
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true, called: 1 });
    });

    it('[26] may return nothing: what next() rejects with counts too', async () => {
      const bus = makeBus({ failurePolicy: 'throw' });
      bus.on('tick', async () => {
        throw new Error('no');
      });
      bus.intercept(
        inManner(manner, (_emission, next) => {
          void next();
        }),
      );
      const errors = await uncaughtDuring(async () => {
        expect(await rejectionOf(bus.emit('tick'))).toBeInstanceOf(EmitError);
      });
      expect(errors).toEqual([]);
    });

    it('[26] that neither calls next() nor answers is NO_RESULT, and nothing runs', async () => {
      const bus = makeBus();
      const handler = vi.fn();
      bus.on('tick', handler);
      bus.intercept(
        inManner(manner, () => {}),
        { name: 'forgetful' },
      );
      const error = (await rejectionOf(bus.emit('tick'))) as AmbusError;
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).toMatchObject({ code: 'NO_RESULT' });
      expect(error.message).toContain('forgetful');
      expect(error.message).toContain('tick');
      expect(handler).not.toHaveBeenCalled();
    });

    it.each([[null], [42], ['done'], [true], [{}], [{ type: 'tick', ok: true }], [() => {}]])(
      '[26] that returns %o, which is no result, is NO_RESULT',
      async (returned) => {
        const bus = makeBus();
        bus.intercept(
          inManner(manner, (_emission, next) => {
            void next();
            return returned;
          }),
        );
        expect(await rejectionOf(bus.emit('tick'))).toMatchObject({ code: 'NO_RESULT' });
      },
    );

    it('[26] runs what is further in once: a second next() is INVALID_NEXT', async () => {
      const bus = makeBus();
      const handler = vi.fn();
      bus.on('tick', handler);
      let second: unknown;
      bus.intercept(
        inManner(manner, async (_emission, next) => {
          const result = await next();
          second = await failureOf(() => next({ payload: 'again' }));
          return result;
        }),
        { name: 'twice' },
      );
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 1 });
      expect(second).toBeInstanceOf(AmbusError);
      expect(second).toMatchObject({ code: 'INVALID_NEXT' });
      expect((second as AmbusError).message).toContain('twice');
      expect(handler).toHaveBeenCalledTimes(1);
    });

    it('[26] runs what is further in once, also where it failed', async () => {
      const bus = makeBus({ failurePolicy: 'throw' });
      const handler = vi.fn(() => {
        throw new Error('no');
      });
      bus.on('tick', handler);
      let second: unknown;
      bus.intercept(
        inManner(manner, async (_emission, next) => {
          await failureOf(() => next());
          second = await failureOf(() => next());
          throw second;
        }),
      );
      expect(await rejectionOf(bus.emit('tick'))).toMatchObject({ code: 'INVALID_NEXT' });
      expect(handler).toHaveBeenCalledTimes(1);
    });

    it.each([[5], ['text'], [null], [{ payloud: 5 }], [{ meta: 'text' }], [{ meta: null }]])(
      '[26] that calls next() with %j, which is no change, is told so, and nothing runs',
      async (change) => {
        const bus = makeBus();
        const handler = vi.fn();
        bus.on('tick', handler);
        bus.intercept(inManner(manner, (_emission, next) => next(change as never)));
        const error = await rejectionOf(bus.emit('tick'));
        expect(error).toBeInstanceOf(AmbusError);
        expect(['INVALID_ARGUMENT', 'INVALID_OPTION', 'UNKNOWN_OPTION']).toContain((error as AmbusError).code);
        expect(handler).not.toHaveBeenCalled();
      },
    );

    it('[26] runs nothing any more when it has settled: next() is INVALID_NEXT', async () => {
      const bus = makeBus();
      const handler = vi.fn();
      bus.on('tick', handler);
      let late: InterceptorNext | undefined;
      bus.intercept(
        inManner(manner, (emission, next) => {
          late = next;
          return emission.answer();
        }),
      );
      expect(await bus.emit('tick')).toMatchObject({ called: 0, skipped: 1 });
      expect(await failureOf(late as InterceptorNext)).toMatchObject({ code: 'INVALID_NEXT' });
      expect(handler).not.toHaveBeenCalled();
    });

    it('[26] runs nothing any more when it has refused: next() is INVALID_NEXT', async () => {
      const bus = makeBus();
      const handler = vi.fn();
      bus.on('tick', handler);
      let late: InterceptorNext | undefined;
      bus.intercept(
        inManner(manner, (_emission, next) => {
          late = next;
          throw new Error('not allowed');
        }),
      );
      await rejectionOf(bus.emit('tick'));
      expect(await failureOf(late as InterceptorNext)).toMatchObject({ code: 'INVALID_NEXT' });
      expect(handler).not.toHaveBeenCalled();
    });

    it('[26] answers for every kind, without running a handler', async () => {
      const bus = makeBus({ events: KINDS });
      const handler = vi.fn();
      for (const name of Object.keys(KINDS) as 'kind.broadcast'[]) bus.on(name, handler);
      bus.onAny(handler);
      bus.intercept(
        inManner(manner, (emission) => {
          const answers: Record<string, unknown> = { 'kind.collect': ['a', 'b'], 'kind.broadcast': undefined };
          return emission.answer(emission.type in answers ? answers[emission.type] : 'answer');
        }),
        { name: 'cache' },
      );
      const untouched = { ok: true, called: 0, skipped: 2, stopped: false, failures: [] };
      expect(await bus.emit('kind.broadcast', 'given')).toEqual({
        ...untouched,
        type: 'kind.broadcast',
        value: undefined,
        values: [],
        answeredBy: undefined,
      });
      expect(await bus.emit('kind.waterfall', 'given')).toEqual({
        ...untouched,
        type: 'kind.waterfall',
        value: 'answer',
        values: [],
        answeredBy: undefined,
      });
      expect(await bus.emit('kind.first', 'given')).toEqual({
        ...untouched,
        type: 'kind.first',
        value: 'answer',
        values: [],
        answeredBy: 'cache',
      });
      expect(await bus.emit('kind.collect', 'given')).toEqual({
        ...untouched,
        type: 'kind.collect',
        value: undefined,
        values: ['a', 'b'],
        answeredBy: ['cache', 'cache'],
      });
      const core = vi.fn(() => 'core');
      expect(await bus.emit('kind.around', 'given', { core })).toEqual({
        ...untouched,
        type: 'kind.around',
        value: 'answer',
        values: [],
        answeredBy: 'cache',
      });
      expect(core).not.toHaveBeenCalled();
      expect(handler).not.toHaveBeenCalled();
    });

    it('[26] answers a broadcast with nothing, whatever it says', async () => {
      const bus = makeBus();
      bus.intercept(inManner(manner, (emission) => emission.answer('something')));
      expect(await bus.emit('tick')).toMatchObject({ ok: true, value: undefined, values: [] });
    });

    it('[26] answers a collect with a list, and with nothing else', async () => {
      const bus = makeBus({ events: KINDS });
      const answers: unknown[] = [undefined, 'a'];
      bus.intercept(inManner(manner, (emission) => emission.answer(answers.shift() as never)));
      expect(await bus.emit('kind.collect', 'x')).toMatchObject({ values: [], answeredBy: [] });
      expect(await rejectionOf(bus.emit('kind.collect', 'x'))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    });

    it('[26] answers without waiting for next(), whose rejection is no unhandled one', async () => {
      const bus = makeBus({ failurePolicy: 'throw' });
      bus.on('tick', async () => {
        await promisesSettled();
        throw new Error('no');
      });
      bus.intercept(
        inManner(manner, (emission, next) => {
          void next();
          return emission.answer();
        }),
      );
      const errors = await uncaughtDuring(async () => {
        expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 0, skipped: 1 });
        await bus.idle();
      });
      expect(errors).toEqual([]);
      expect(bus.inspect().counts).toMatchObject({ failures: 1, inFlight: 0 });
    });

    it('[26] answers also where it has called next(): what was answered counts', async () => {
      const bus = makeBus({ events: KINDS });
      bus.on('kind.first', () => 'from a handler');
      bus.intercept(
        inManner(manner, async (emission, next) => {
          await next();
          return emission.answer('from outside');
        }),
        { types: 'kind.first', name: 'editor' },
      );
      expect(await bus.emit('kind.first', 'given')).toMatchObject({ value: 'from outside', answeredBy: 'editor' });
    });

    it('[26] wraps every kind, and hands its result through', async () => {
      const bus = makeBus({ events: KINDS });
      bus.intercept(inManner(manner, (emission, next) => next({ payload: `${String(emission.payload)}!` })));
      bus.on('kind.waterfall', (text) => `${text}?`);
      bus.on('kind.first', (text) => text, { name: 'a' });
      bus.on('kind.collect', async (text) => text, { name: 'b' });
      bus.on('kind.around', (_, ctx) => ctx.next());
      expect((await bus.emit('kind.waterfall', 'x')).value).toBe('x!?');
      expect(await bus.emit('kind.first', 'x')).toMatchObject({ value: 'x!', answeredBy: 'a' });
      expect(await bus.emit('kind.collect', 'x')).toMatchObject({ values: ['x!'], answeredBy: ['b'] });
      expect((await bus.emit('kind.around', 'x', { core: (text) => `core ${text}` })).value).toBe('core x!');
    });

    it('[26] has the replaced payload validated, and not the given one', async () => {
      const bus = makeBus({ events: defineEvents({ tick: broadcast(z.string().transform(Number)) }) });
      const handler = vi.fn();
      bus.on('tick', handler);
      const told: unknown[] = [];
      bus.intercept(
        inManner(manner, (emission, next) => {
          told.push(emission.payload);
          return next({ payload: typeof emission.payload === 'string' ? 5 : '5' });
        }),
      );
      expect((await bus.emit('tick', 7 as never)).ok).toBe(true);
      expect(handler).toHaveBeenCalledExactlyOnceWith(5, expect.anything());
      expect(await rejectionOf(bus.emit('tick', '7'))).toMatchObject({ code: 'INVALID_PAYLOAD' });
      expect(told).toEqual([7, '7']);
      expect(handler).toHaveBeenCalledTimes(1);
    });

    it('[26] is told by next() of an invalid payload, which drops the emission', async () => {
      const bus = makeBus({ events: defineEvents({ tick: broadcast(z.number()) }) });
      let told: unknown;
      bus.intercept(
        inManner(manner, async (_emission, next) => {
          told = await failureOf(() => next());
          throw told;
        }),
      );
      const error = await rejectionOf(bus.emit('tick', 'x' as never));
      expect(error).toMatchObject({ code: 'INVALID_PAYLOAD' });
      expect(told).toBe(error);
      expect(bus.inspect().counts.dropped).toBe(1);
    });
  });

  describe('sync as long as it can be', () => {
    it('[3] stays synchronous with synchronous interceptors: dispatch returns the result, and emit has run all', () => {
      const bus = makeBus();
      const handler = vi.fn();
      let inside: unknown;
      bus.intercept((_emission, next) => {
        inside = next();
        return inside as never;
      });
      bus.on('tick', handler);
      const result = bus.dispatch('tick');
      expect(result).toMatchObject({ ok: true, called: 1 });
      expect(inside).toBe(result);
      void bus.emit('tick');
      expect(handler).toHaveBeenCalledTimes(2);
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 1 });
    });

    it('[3] throws a refusal from dispatch, and rejects from emit', async () => {
      const bus = makeBus();
      const error = new Error('not allowed');
      bus.intercept(() => {
        throw error;
      });
      expect(thrownBy(() => bus.dispatch('tick'))).toBe(error);
      expect(thrownBy(() => bus.emitSync('tick'))).toBe(error);
      expect(await rejectionOf(bus.emit('tick'))).toBe(error);
    });

    it('[3] has next() give a promise where a handler has to be waited for', async () => {
      const bus = makeBus();
      const inside: unknown[] = [];
      bus.intercept((_emission, next) => {
        const result = next();
        inside.push(result);
        return result;
      });
      bus.on('async', async () => {});
      bus.on('sync', () => {});
      const emission = bus.dispatch('async');
      expect(inside[0]).toBeInstanceOf(Promise);
      expect(await emission).toBe(await inside[0]);
      expect(bus.dispatch('sync')).not.toBeInstanceOf(Promise);
      expect(inside[1]).not.toBeInstanceOf(Promise);
    });

    it('[3] has dispatch return a promise where an interceptor is asynchronous', async () => {
      const bus = makeBus();
      bus.intercept(async (_emission, next) => next());
      bus.on('tick', () => {});
      const outcome = bus.dispatch('tick');
      expect(outcome).toBeInstanceOf(Promise);
      expect(await outcome).toMatchObject({ ok: true, called: 1 });
    });

    it('[3] takes any thenable that an interceptor returns', async () => {
      const bus = makeBus();
      bus.intercept((emission) => ({
        // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
        then: ((resolve: (value: unknown) => void) => resolve(emission.answer())) as never,
      }));
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 0 });
    });
  });

  describe('under emitSync', () => {
    it('[26] fails with ASYNC_IN_SYNC where an interceptor is asynchronous, and its late next() runs nothing', async () => {
      const bus = makeBus();
      const handler = vi.fn();
      bus.on('tick', handler);
      let late: Promise<unknown> | undefined;
      bus.intercept(
        async (_emission, next) => {
          await promisesSettled();
          late = failureOf(() => next());
          await late;
        },
        { name: 'slow' },
      );
      const error = thrownBy(() => bus.emitSync('tick')) as AmbusError;
      expect(error).toBeInstanceOf(AmbusError);
      expect(error).not.toBeInstanceOf(EmitError);
      expect(error.code).toBe('ASYNC_IN_SYNC');
      expect(error.message).toContain('slow');
      expect(error.message).toContain('tick');
      await promisesSettled();
      await promisesSettled();
      expect(await late).toMatchObject({ code: 'INVALID_NEXT' });
      expect(handler).not.toHaveBeenCalled();
    });

    it('[26] adopts the promise of an asynchronous one, so that its rejection is never an unhandled one', async () => {
      const bus = makeBus();
      bus.intercept(async () => {
        await promisesSettled();
        throw new Error('too late');
      });
      const errors = await uncaughtDuring(async () => {
        expect(thrownBy(() => bus.emitSync('tick'))).toMatchObject({ code: 'ASYNC_IN_SYNC' });
        await promisesSettled();
        await promisesSettled();
      });
      expect(errors).toEqual([]);
    });

    it('[26] leaves no unhandled rejection where nobody catches what a late next() rejects with', async () => {
      const bus = makeBus();
      bus.intercept(async (_emission, next) => {
        await promisesSettled();
        return next();
      });
      const errors = await uncaughtDuring(async () => {
        thrownBy(() => bus.emitSync('tick'));
        await promisesSettled();
        await promisesSettled();
      });
      expect(errors).toEqual([]);
    });

    it('[26] fails with ASYNC_IN_SYNC also where the asynchronous one has called next() at once', async () => {
      const bus = makeBus();
      const handler = vi.fn();
      bus.on('tick', handler);
      bus.intercept(async (_emission, next) => next());
      expect(thrownBy(() => bus.emitSync('tick'))).toMatchObject({ code: 'ASYNC_IN_SYNC' });
      expect(handler).toHaveBeenCalledTimes(1);
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 1 });
    });

    it('[26] tells an outer, synchronous one by a throwing next()', () => {
      const bus = makeBus();
      let told: unknown;
      bus.intercept((emission, next) => {
        told = thrownBy(() => next());
        return emission.answer();
      });
      bus.intercept(async (_emission, next) => next(), { name: 'inner' });
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 0 });
      expect(told).toMatchObject({ code: 'ASYNC_IN_SYNC' });
    });

    it('[26] runs synchronous ones as ever, with handlers that fail where they are asynchronous', () => {
      const bus = makeBus();
      bus.intercept((emission, next) => next({ meta: { sync: emission.sync } }));
      const metas: unknown[] = [];
      bus.on('tick', (_payload, ctx) => void metas.push(ctx.meta));
      bus.on('tick', async () => {});
      const result = bus.emitSync('tick');
      expect(result).toMatchObject({ ok: false, called: 2, failures: [{ code: 'ASYNC_IN_SYNC' }] });
      expect(metas).toEqual([{ sync: true }]);
    });

    it('[26] lets an asynchronous interceptor of other events be', () => {
      const bus = makeBus();
      bus.intercept(async (_emission, next) => next(), { types: 'order.*' });
      expect(bus.emitSync('tick').ok).toBe(true);
    });
  });

  describe('changes during an emission', () => {
    it('[26] one that is added is not around it, and is around the next', async () => {
      const bus = makeBus();
      const added = vi.fn((_emission: unknown, next: InterceptorNext) => next());
      let adds = true;
      bus.intercept((_emission, next) => {
        if (adds) bus.intercept(added);
        adds = false;
        return next();
      });
      bus.on('tick', () => {});
      bus.emitSync('tick');
      expect(added).not.toHaveBeenCalled();
      bus.emitSync('tick');
      expect(added).toHaveBeenCalledTimes(1);
    });

    it('[26] one that is removed before its turn is around it still', async () => {
      const bus = makeBus();
      const inner = vi.fn((_emission: unknown, next: InterceptorNext) => next());
      bus.intercept(async (_emission, next) => {
        await promisesSettled();
        off();
        return next();
      });
      const off = bus.intercept(inner);
      await bus.emit('tick');
      expect(inner).toHaveBeenCalledTimes(1);
      await bus.emit('tick');
      expect(inner).toHaveBeenCalledTimes(1);
    });

    it('[26] one that removes itself goes on, and is around no more', () => {
      const bus = makeBus();
      const handler = vi.fn();
      const off = bus.intercept((_emission, next) => {
        off();
        return next({ payload: 'changed' });
      });
      bus.on('tick', handler);
      bus.emitSync('tick', 'given');
      bus.emitSync('tick', 'given');
      expect(handler.mock.calls.map(([payload]) => payload as unknown)).toEqual(['changed', 'given']);
    });

    it('[6] handlers that are removed or added while it waits are not called, and retired ones are', async () => {
      const bus = makeBus();
      const gate = deferred();
      const [removed, added, retired] = [vi.fn(), vi.fn(), vi.fn()];
      bus.intercept(async (_emission, next) => {
        await gate.promise;
        return next();
      });
      const off = bus.on('tick', removed);
      const group = bus.group('crew');
      group.on('tick', retired);
      const emission = bus.emit('tick');
      off();
      bus.on('tick', added);
      group.retire();
      gate.resolve();
      expect(await emission).toMatchObject({ called: 1, skipped: 1 });
      expect([removed, added, retired].map(({ mock }) => mock.calls.length)).toEqual([0, 0, 1]);
      await bus.emit('tick');
      expect([removed, added, retired].map(({ mock }) => mock.calls.length)).toEqual([0, 1, 1]);
    });

    it('[8] emissions that wait at the same time use up a once but once', async () => {
      const bus = makeBus();
      const gate = deferred();
      const handler = vi.fn();
      bus.once('tick', handler);
      bus.intercept(async (_emission, next) => {
        await gate.promise;
        return next();
      });
      const emissions = [bus.emit('tick', 1), bus.emit('tick', 2)];
      gate.resolve();
      const results = await Promise.all(emissions);
      expect(results.map(({ called }) => called)).toEqual([1, 0]);
      expect(handler).toHaveBeenCalledTimes(1);
    });

    it('[26] is around what a handle emits that was made, and warm, before', () => {
      const bus = makeBus();
      const tick = bus.event('tick');
      const seen: unknown[] = [];
      tick.on((payload) => void seen.push(payload));
      for (let n = 0; n < 5; n++) tick.emitSync(n);
      const off = bus.intercept((_emission, next) => next({ payload: 'changed' }));
      tick.emitSync(5);
      off();
      tick.emitSync(6);
      expect(seen).toEqual([0, 1, 2, 3, 4, 'changed', 6]);
    });
  });

  describe('subscribing', () => {
    it('ends by what intercept returned, once, and by `using`', () => {
      const bus = makeBus();
      const interceptor = vi.fn((_emission: unknown, next: InterceptorNext) => next());
      const off = bus.intercept(interceptor);
      expect(off.active).toBe(true);
      {
        using scoped = bus.intercept(interceptor);
        expect(scoped.active).toBe(true);
        bus.emitSync('tick');
        expect(interceptor).toHaveBeenCalledTimes(2);
      }
      bus.emitSync('tick');
      expect(interceptor).toHaveBeenCalledTimes(3);
      off();
      off();
      expect(off.active).toBe(false);
      bus.emitSync('tick');
      expect(interceptor).toHaveBeenCalledTimes(3);
      expect(bus.inspect().interceptors).toEqual([]);
    });

    it('takes the same function twice for two', () => {
      const bus = makeBus();
      const interceptor = vi.fn((_emission: unknown, next: InterceptorNext) => next());
      const off = bus.intercept(interceptor);
      bus.intercept(interceptor);
      bus.emitSync('tick');
      expect(interceptor).toHaveBeenCalledTimes(2);
      off();
      off();
      bus.emitSync('tick');
      expect(interceptor).toHaveBeenCalledTimes(3);
    });

    it('[19] ends when its signal aborts, never begins with an aborted one, and leaves no listener behind', () => {
      const bus = makeBus();
      const interceptor = vi.fn((_emission: unknown, next: InterceptorNext) => next());
      const listening = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length;
      const controller = new AbortController();
      const { signal } = controller;
      bus.intercept(interceptor, { signal })();
      expect(listening(signal)).toBe(0);
      const off = bus.intercept(interceptor, { signal });
      expect(listening(signal)).toBe(1);
      bus.emitSync('tick');
      controller.abort();
      bus.emitSync('tick');
      expect(interceptor).toHaveBeenCalledTimes(1);
      expect(off.active).toBe(false);
      expect(listening(signal)).toBe(0);
      expect(bus.intercept(interceptor, { signal }).active).toBe(false);
      bus.emitSync('tick');
      expect(interceptor).toHaveBeenCalledTimes(1);
    });

    it.each<[string, unknown, unknown, string]>([
      ['no function', 'audit', undefined, 'INVALID_ARGUMENT'],
      ['options that are none', () => {}, 5, 'INVALID_ARGUMENT'],
      ['a misspelt option', () => {}, { type: 'tick' }, 'UNKNOWN_OPTION'],
      ['a priority of NaN', () => {}, { priority: Number.NaN }, 'INVALID_OPTION'],
      ['an infinite priority', () => {}, { priority: Infinity }, 'INVALID_OPTION'],
      ['a name that is none', () => {}, { name: 5 }, 'INVALID_OPTION'],
      ['a signal that is none', () => {}, { signal: {} }, 'INVALID_OPTION'],
      ['a number as a type', () => {}, { types: 5 }, 'INVALID_EVENT'],
      ['a number among types', () => {}, { types: ['tick', 5] }, 'INVALID_EVENT'],
      ['a pattern that is none', () => {}, { types: 'order.**.placed' }, 'INVALID_PATTERN'],
      ['a pattern that is none among types', () => {}, { types: ['tick', '**.placed'] }, 'INVALID_PATTERN'],
    ])('refuses %s, and then changes nothing', (_what, interceptor, options, code) => {
      const bus = makeBus();
      expect(thrownBy(() => bus.intercept(interceptor as never, options as never))).toMatchObject({ code });
      expect(bus.inspect().interceptors).toEqual([]);
    });

    it('refuses events that are not declared, and patterns that match none', () => {
      const bus = makeBus({ events: KINDS }) as unknown as EventBus;
      for (const types of ['kind.frist', 'kinds.*', ['kind.first', 'kind.frist']]) {
        expect(thrownBy(() => bus.intercept(() => {}, { types }))).toMatchObject({ code: 'UNDECLARED_EVENT' });
      }
      expect((thrownBy(() => bus.intercept(() => {}, { types: 'kind.frist' })) as Error).message).toContain(
        'kind.first',
      );
      expect(bus.inspect().interceptors).toEqual([]);
      expect(bus.intercept(() => {}, { types: ['kind.*', '**'] }).active).toBe(true);
    });

    it('is refused by a closed bus', async () => {
      const bus = makeBus();
      await bus.close();
      expect(thrownBy(() => bus.intercept(() => {}))).toMatchObject({ code: 'BUS_CLOSED' });
    });
  });

  describe('while one is pending', () => {
    /** A bus with an interceptor that waits at a gate, before next() or after it. */
    function gated(where: 'before' | 'after', options?: BusOptions) {
      const bus = makeBus(options);
      const gate = deferred();
      const handler = vi.fn();
      const emissions: InterceptedEmission[] = [];
      bus.on('tick', handler);
      bus.intercept(async (emission, next) => {
        emissions.push(emission);
        if (where === 'before') await gate.promise;
        const result = await next();
        if (where === 'after') await gate.promise;
        return result;
      });
      return { bus, gate, handler, emissions };
    }

    it.each(['before', 'after'] as const)('[26] idle() and close() wait for it, %s next()', async (where) => {
      const { bus, gate, handler } = gated(where);
      const emission = bus.emit('tick');
      await promisesSettled();
      expect(bus.inspect().counts.inFlight).toBe(1);
      const idle = bus.idle();
      const closed = bus.close();
      expect(await stateOf(idle)).toBe('pending');
      expect(await stateOf(closed)).toBe('pending');
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true, called: 1 });
      expect(await closed).toEqual({ drained: true, unfinished: [] });
      await idle;
      expect(handler).toHaveBeenCalledTimes(1);
      expect(bus.inspect().counts.inFlight).toBe(0);
    });

    it('[26] idle() is over when it has refused', async () => {
      const bus = makeBus();
      const gate = deferred();
      bus.intercept(() => gate.promise);
      const rejection = rejectionOf(bus.emit('tick'));
      const idle = bus.idle();
      expect(await stateOf(idle)).toBe('pending');
      gate.reject(new Error('not allowed'));
      expect(await stateOf(idle)).toBe('fulfilled');
      await rejection;
      expect(bus.inspect().counts.inFlight).toBe(0);
    });

    it('[26] close() gives it up after drainMs: its signal aborts, and a late next() runs nothing', async () => {
      const clock = new ManualClock();
      const { bus, gate, handler, emissions } = gated('before', { clock });
      const emission = bus.emit('tick');
      const rejection = rejectionOf(emission);
      await promisesSettled();
      const { signal } = emissions[0] as InterceptedEmission;
      const closed = bus.close({ drainMs: 100 });
      await clock.advance(99);
      expect(signal.aborted).toBe(false);
      await clock.advance(1);
      const report = await closed;
      expect(report.drained).toBe(false);
      expect(report.unfinished).toMatchObject([{ event: 'tick', late: false }]);
      expect(signal.aborted).toBe(true);
      gate.resolve();
      await rejection;
      expect(handler).not.toHaveBeenCalled();
    });

    it('[26] an abort aborts its signal, waits for it, and rejects with the reason', async () => {
      const { bus, gate, handler, emissions } = gated('after');
      const controller = new AbortController();
      const emission = bus.emit('tick', 1, { signal: controller.signal });
      const rejection = rejectionOf(emission);
      await promisesSettled();
      const { signal } = emissions[0] as InterceptedEmission;
      expect(signal.aborted).toBe(false);
      controller.abort('enough');
      expect(signal.aborted).toBe(true);
      expect(signal.reason).toBe('enough');
      expect(await stateOf(emission)).toBe('pending');
      gate.resolve();
      expect(await rejection).toBe('enough');
      expect(handler).toHaveBeenCalledTimes(1);
      expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    });

    it('[26] after an abort next() throws the reason, and runs nothing', async () => {
      const bus = makeBus();
      const gate = deferred();
      const handler = vi.fn();
      const inner = vi.fn();
      let told: unknown;
      bus.on('tick', handler);
      bus.intercept(async (emission, next) => {
        await gate.promise;
        told = await failureOf(() => next());
        return emission.answer();
      });
      bus.intercept(inner);
      const controller = new AbortController();
      const rejection = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
      controller.abort('enough');
      gate.resolve();
      expect(await rejection).toBe('enough');
      expect(told).toBe('enough');
      expect(handler).not.toHaveBeenCalled();
      expect(inner).not.toHaveBeenCalled();
      expect(bus.inspect().counts.inFlight).toBe(0);
    });

    it('[26] an abort in its synchronous part counts, though it answers', async () => {
      const bus = makeBus();
      const controller = new AbortController();
      bus.intercept((emission) => {
        controller.abort('enough');
        return emission.answer();
      });
      expect(await rejectionOf(bus.emit('tick', 1, { signal: controller.signal }))).toBe('enough');
    });

    it('[26] counts once in flight, handlers included, and is reported once with them', async () => {
      const bus = makeBus();
      const gate = deferred();
      bus.on('tick', () => gate.promise, { name: 'slow' });
      bus.intercept(async (_emission, next) => next());
      bus.intercept(async (_emission, next) => next());
      const emission = bus.emit('tick');
      await promisesSettled();
      expect(bus.inspect().counts.inFlight).toBe(1);
      const { unfinished } = await bus.close({ drainMs: 0 });
      expect(unfinished).toMatchObject([{ event: 'tick', handlers: ['slow'], late: false }]);
      gate.resolve();
      // As without interceptors: its handlers had begun, and what they came to counts.
      expect(await emission).toMatchObject({ ok: true, called: 1 });
      expect(bus.inspect().counts.inFlight).toBe(0);
    });

    it('[26] close() is not over while handlers may still run behind one that nobody waited for', async () => {
      const bus = makeBus();
      const gate = deferred();
      let closed = false;
      const ranAfterwards: boolean[] = [];
      bus.on('tick', () => void ranAfterwards.push(closed));
      bus.intercept((emission, next) => {
        void next();
        return emission.answer();
      });
      bus.intercept(async (_emission, next) => {
        await gate.promise;
        return next();
      });
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 0 });
      const closing = bus.close().then(() => {
        closed = true;
      });
      await promisesSettled();
      gate.resolve();
      await closing;
      await promisesSettled();
      expect(ranAfterwards).not.toContain(true);
    });

    it('[26] an abort while handlers run aborts them too, and the signal of the interceptor', async () => {
      const bus = makeBus();
      const gate = deferred();
      const signals: AbortSignal[] = [];
      bus.intercept((emission, next) => {
        signals.push(emission.signal);
        return next();
      });
      bus.on('tick', (_payload, ctx) => {
        signals.push(ctx.signal);
        return gate.promise;
      });
      const controller = new AbortController();
      const rejection = rejectionOf(bus.emit('tick', 1, { signal: controller.signal }));
      controller.abort('enough');
      expect(signals.map(({ aborted, reason }) => [aborted, reason as unknown])).toEqual([
        [true, 'enough'],
        [true, 'enough'],
      ]);
      gate.resolve();
      expect(await rejection).toBe('enough');
    });

    it('[19] stops listening to the signal of the emission when that has ended, however it has', async () => {
      const bus = makeBus();
      const { signal } = new AbortController();
      const ends: ((emission: InterceptedEmission, next: InterceptorNext) => unknown)[] = [
        (_emission, next) => next(),
        async (_emission, next) => next(),
        (emission) => emission.answer(),
        async (emission) => emission.answer(),
        () => {
          throw new Error('not allowed');
        },
        async () => {
          throw new Error('not allowed');
        },
      ];
      for (const end of ends) {
        const off = bus.intercept((emission, next) => {
          void emission.signal.aborted;
          return end(emission, next) as never;
        });
        await bus.emit('tick', 1, { signal }).catch(() => {});
        off();
      }
      expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    });
  });

  describe('emitting inside', () => {
    it('[26] nested emissions run depth-first, before what is further in', async () => {
      const bus = makeBus();
      const log: string[] = [];
      bus.intercept(
        (_emission, next) => {
          bus.emitSync('nested');
          log.push('intercepted');
          return next();
        },
        { types: 'tick' },
      );
      bus.on('nested', () => void log.push('nested'));
      bus.on('tick', () => void log.push('handler'));
      await bus.emit('tick');
      expect(log).toEqual(['nested', 'intercepted', 'handler']);
    });

    it('[26] of its own event goes through it again', () => {
      const bus = makeBus();
      const seen: unknown[] = [];
      bus.intercept((emission, next) => {
        if (emission.payload === 'outer') bus.emitSync('tick', 'inner');
        return next();
      });
      bus.on('tick', (payload) => void seen.push(payload));
      bus.emitSync('tick', 'outer');
      expect(seen).toEqual(['inner', 'outer']);
    });

    it('[21] bus.idle() in its synchronous part does not wait for the emission that it is around', async () => {
      const bus = makeBus();
      bus.on('tick', () => {});
      const gate = deferred();
      bus.on('unrelated', () => gate.promise);
      bus.intercept(
        async (_emission, next) => {
          await bus.idle();
          return next();
        },
        { types: 'tick' },
      );
      expect(await stateOf(bus.emit('tick'))).toBe('fulfilled');
      bus.post('unrelated');
      const emission = bus.emit('tick');
      expect(await stateOf(emission)).toBe('pending');
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true, called: 1 });
    });

    it('[21] bus.close() in its synchronous part does not wait for the emission that it is around', async () => {
      const bus = makeBus();
      const reports: unknown[] = [];
      bus.intercept(async (emission) => {
        reports.push(await bus.close());
        return emission.answer();
      });
      expect(await stateOf(bus.emit('tick'))).toBe('fulfilled');
      expect(reports).toEqual([{ drained: true, unfinished: [] }]);
    });

    it('[21] bus.idle() after an await does not wait for it either, where that is traced', async () => {
      const bus = makeBus({ asyncContext: 'always' });
      bus.intercept(async (_emission, next) => {
        await promisesSettled();
        await bus.idle();
        return next();
      });
      bus.on('tick', () => {});
      const emission = bus.emit('tick');
      await promisesSettled();
      await promisesSettled();
      expect(await stateOf(emission)).toBe('fulfilled');
    });

    it('[21] handlers of what it emits do not wait for the emission that it is around', async () => {
      const bus = makeBus();
      bus.on('nested', (_payload, ctx) => ctx.idle());
      bus.on('tick', () => {});
      bus.intercept(
        async (_emission, next) => {
          await bus.emit('nested');
          return next();
        },
        { types: 'tick' },
      );
      expect(await stateOf(bus.emit('tick'))).toBe('fulfilled');
    });

    it('[21] handlers do not wait for the emission of an interceptor that waits for them', async () => {
      const bus = makeBus();
      bus.on('tick', (_payload, ctx) => ctx.idle());
      bus.intercept(async (_emission, next) => await next());
      expect(await stateOf(bus.emit('tick'))).toBe('fulfilled');
    });

    it('[21] is accepted while the bus closes', async () => {
      const bus = makeBus();
      const gate = deferred();
      const nested = vi.fn();
      bus.on('nested', nested);
      bus.on('tick', async (_payload, ctx) => {
        await gate.promise;
        await ctx.emit('other');
      });
      bus.intercept(
        (_emission, next) => {
          bus.emitSync('nested');
          return next();
        },
        { types: 'other' },
      );
      const emission = bus.emit('tick');
      const closed = bus.close();
      gate.resolve();
      expect((await emission).ok).toBe(true);
      expect((await closed).drained).toBe(true);
      expect(nested).toHaveBeenCalledTimes(1);
    });

    it('[21] is accepted after an await too while the bus closes, where that is traced', async () => {
      const bus = makeBus({ asyncContext: 'always' });
      const gate = deferred();
      const nested = vi.fn();
      bus.on('nested', nested);
      bus.intercept(
        async (_emission, next) => {
          await gate.promise;
          await bus.emit('nested');
          return next();
        },
        { types: 'tick' },
      );
      const emission = bus.emit('tick');
      const closed = bus.close();
      gate.resolve();
      expect((await emission).ok).toBe(true);
      expect((await closed).drained).toBe(true);
      expect(nested).toHaveBeenCalledTimes(1);
    });

    it.each(['at once', 'after a while'])(
      '[21] has the meta that it adds, %s, inherited by plain calls after an await in a handler',
      async (manner) => {
        const bus = makeBus();
        const metas: unknown[] = [];
        bus.intercept(
          inManner(manner, (_emission, next) => next({ meta: { requestId: 'r1' } })),
          { types: 'parent' },
        );
        bus.on('parent', async () => {
          await promisesSettled();
          await bus.emit('child');
        });
        bus.on('child', (_payload, ctx) => void metas.push(ctx.meta));
        await bus.emit('parent');
        expect(metas).toEqual([{ requestId: 'r1' }]);
      },
    );

    it('[27] sees the AsyncLocalStorage context of the emitting call, and handlers see it behind an asynchronous one', async () => {
      const bus = makeBus();
      const storage = new AsyncLocalStorage<string>();
      const seen: unknown[] = [];
      bus.intercept(async (_emission, next) => {
        seen.push(storage.getStore());
        await promisesSettled();
        return next();
      });
      bus.on('tick', () => void seen.push(storage.getStore()));
      await Promise.all([storage.run('a', () => bus.emit('tick')), storage.run('b', () => bus.emit('tick'))]);
      expect(seen).toEqual(['a', 'b', 'a', 'b']);
    });
  });

  describe('observers', () => {
    it('[25] are told of the emission as it is further in, once, with the id that interceptors see', async () => {
      const bus = makeBus();
      const facts: EmissionStarted[] = [];
      const settled: unknown[] = [];
      let id: string | undefined;
      bus.observe({
        emissionStarted: (fact) => facts.push(fact),
        emissionSettled: ({ emissionId, outcome, called }) => settled.push({ emissionId, outcome, called }),
      });
      bus.intercept(async (emission, next) => {
        id = emission.id;
        return next({ payload: 'changed', meta: { user: 'u1' } });
      });
      bus.on('tick', () => {});
      await bus.emit('tick', 'given');
      expect(facts).toMatchObject([
        { type: 'tick', emissionId: id, payload: 'changed', meta: { user: 'u1' }, handlers: 1, sync: false },
      ]);
      expect(settled).toEqual([{ emissionId: id, outcome: 'ok', called: 1 }]);
    });

    it('[25] are told which emission a nested one comes from', async () => {
      const bus = makeBus();
      const facts: EmissionStarted[] = [];
      bus.observe({ emissionStarted: (fact) => facts.push(fact) });
      bus.intercept((_emission, next) => next({ meta: { user: 'u1' } }));
      bus.on('parent', (_payload, ctx) => ctx.emit('child'));
      await bus.emit('parent');
      expect(facts.map(({ type }) => type)).toEqual(['parent', 'child']);
      expect(facts[1]?.parentId).toBe(facts[0]?.emissionId);
    });
  });

  describe('failures', () => {
    it('[14] of handlers are reported once, whether interceptors are around or not', async () => {
      const reported: AmbusError[] = [];
      const bus = makeBus({ onFailure: (failure) => reported.push(failure) });
      bus.intercept((_emission, next) => next());
      bus.intercept(async (_emission, next) => next(), { types: 'async' });
      const cause = new Error('no');
      for (const name of ['sync', 'async']) {
        bus.on(name, () => {
          throw cause;
        });
      }
      bus.emitSync('sync');
      await bus.emit('async');
      bus.post('sync');
      bus.post('async');
      await promisesSettled();
      expect(reported.map((error) => [error.code, error.cause])).toEqual(
        Array.from({ length: 4 }, () => ['HANDLER_FAILED', cause]),
      );
    });

    it('[26] of next() that are caught do not come back', async () => {
      const reported: AmbusError[] = [];
      const bus = makeBus({ failurePolicy: 'throw', onFailure: (failure) => reported.push(failure) });
      bus.on('tick', () => {
        throw new Error('no');
      });
      bus.intercept((emission, next) => {
        thrownBy(() => next());
        return emission.answer();
      });
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 0 });
      bus.post('tick');
      await promisesSettled();
      expect(reported).toEqual([]);
    });
  });
});

/** A clock that counts what it is asked for. */
class SpyClock extends ManualClock {
  reads = 0;
  timers = 0;

  override now(): number {
    this.reads++;
    return super.now();
  }

  override setTimeout(callback: () => void, ms: number): unknown {
    this.timers++;
    return super.setTimeout(callback, ms);
  }
}

describeBothBuses((makeBus) => {
  /** A bus after one emission of its event, and the result, which emissions without failures share. */
  function warm() {
    const bus = makeBus();
    bus.on('tick', () => {});
    return { bus, result: bus.emitSync('tick') };
  }

  it('[26] costs nothing where it is around other events: the same shared result, dispatched as ever', () => {
    const { bus, result } = warm();
    expect(bus.emitSync('tick')).toBe(result);
    const { compiled } = bus.inspect().events[0] as { compiled: boolean };
    bus.intercept((_emission, next) => next(), { types: ['order.*', 'tock'] });
    expect(bus.emitSync('tick')).toBe(bus.emitSync('tick'));
    expect(bus.inspect().events.find(({ type }) => type === 'tick')?.compiled).toBe(compiled);
  });

  it('[26] costs nothing once it has been removed', () => {
    const { bus } = warm();
    const { compiled } = bus.inspect().events[0] as { compiled: boolean };
    const off = bus.intercept((_emission, next) => next({ meta: { by: 'audit' } }));
    const metas: unknown[] = [];
    bus.on('tick', (_payload, ctx) => void metas.push(ctx.meta));
    bus.emitSync('tick');
    off();
    bus.emitSync('tick');
    expect(metas).toEqual([{ by: 'audit' }, {}]);
    expect(bus.emitSync('tick')).toBe(bus.emitSync('tick'));
    expect(bus.inspect().events[0]?.compiled).toBe(compiled);
  });

  it('[20] makes no abort controller, reads no clock and arms no timer, where nobody looks at its signal', async () => {
    let controllers = 0;
    const Original = globalThis.AbortController;
    vi.stubGlobal(
      'AbortController',
      class extends Original {
        constructor() {
          super();
          controllers++;
        }
      },
    );
    const clock = new SpyClock();
    const bus = makeBus({ clock });
    bus.on('tick', () => {});
    bus.on('tick', async () => {});
    const { signal } = new Original();
    await bus.emit('tick');
    bus.intercept((_emission, next) => next({ meta: { a: 1 } }));
    bus.intercept(async (_emission, next) => next({ payload: 1 }));
    await bus.emit('tick');
    await bus.emit('tick', 1, { signal });
    expect({ controllers, reads: clock.reads, timers: clock.timers }).toEqual({ controllers: 0, reads: 0, timers: 0 });
  });

  it('[20] makes its abort controller when someone looks', async () => {
    const bus = makeBus();
    let signal: AbortSignal | undefined;
    bus.intercept((emission, next) => {
      signal = emission.signal;
      expect(emission.signal).toBe(signal);
      return next();
    });
    bus.emitSync('tick');
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(signal?.aborted).toBe(false);
  });
});
