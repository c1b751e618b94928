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
  type EmitResult,
  type FanOutMode,
  first,
  type HandlerSettled,
  type HandlerSkipped,
  type HandlerStarted,
  waterfall,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from './buses.js';
import { type Deferred, deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { stateOf } from './promise-state.js';
import { uncaughtDuring } from './uncaught.js';

const events = defineEvents({
  'page.load': around<string, string>(),
  /** For payloads and answers of every sort. */
  'any.wrap': around<unknown, unknown>(),
});

type Result = EmitResult<PropertyKey, 'around', unknown>;

interface Next {
  next(payload?: string): string | Promise<string>;
}

/** Wraps what is inside, synchronously where that is. */
const wrap = (tag: string) => (_: string, ctx: Next) => chain(ctx.next(), (inner) => `${tag}(${inner})`);

/** Wraps what is inside, and waits before and after. */
const wrapLater = (tag: string) => async (_: string, ctx: Next) => {
  await null;
  const inner = await ctx.next();
  await null;
  return `${tag}(${inner})`;
};

const pass = (_: string, ctx: Next) => ctx.next();

const core = (url: string) => `page at ${url}`;
const coreLater = async (url: string) => `page at ${url}`;

/** Functions that fail in a given way. */
const failing = {
  throws: (error: unknown) => () => {
    throw error;
  },
  rejects: (reason: unknown) => () => Promise.reject(reason),
  rejectsLater: (error: unknown) => async () => {
    await null;
    throw error;
  },
};

/** The `next` of a context that has none for the compiler. */
const nextOf = (ctx: unknown) => (ctx as { next: (payload?: unknown) => unknown }).next.bind(ctx);

const causes = (failures: readonly AmbusError[]) => failures.map(({ cause }) => cause);

describeEveryBus((makeBus) => {
  const onion = (options?: Omit<BusOptions, 'events'>) => makeBus({ events, ...(options as object) });

  const rejected = async (emission: Promise<unknown>) => {
    const error = (await rejectionOf(emission)) as EmitError<Result>;
    expect(error).toBeInstanceOf(EmitError);
    return error;
  };

  const threw = (call: () => unknown) => {
    const error = thrownBy(call) as EmitError<Result>;
    expect(error).toBeInstanceOf(EmitError);
    return error;
  };

  describe('the onion', () => {
    it('nests handlers in order, around the core of the caller', async () => {
      const bus = onion();
      bus.on('page.load', wrap('b'));
      bus.on('page.load', wrap('c'));
      bus.on('page.load', wrap('a'), { priority: 1 });
      expect(bus.emitSync('page.load', '/', { core })).toEqual({
        type: 'page.load',
        ok: true,
        called: 3,
        skipped: 0,
        stopped: false,
        failures: [],
        value: 'a(b(c(page at /)))',
        values: [],
        answeredBy: undefined,
      });
      const expected = { ok: true, called: 3, value: 'a(b(c(page at /)))' };
      expect(await bus.emit('page.load', '/', { core })).toMatchObject(expected);
      expect(bus.dispatch('page.load', '/', { core })).toMatchObject(expected);
      expect(bus.event('page.load').emitSync('/', { core })).toMatchObject(expected);
      expect(await bus.event('page.load').emit('/', { core })).toMatchObject(expected);
      expect(bus.event('page.load').dispatch('/', { core })).toMatchObject(expected);
    });

    it.each([
      ['asynchronous', wrapLater, wrapLater, coreLater],
      ['asynchronous around synchronous', wrapLater, wrap, core],
      ['synchronous around asynchronous', wrap, wrapLater, core],
      ['synchronous around an asynchronous core', wrap, wrap, coreLater],
      ['asynchronous around a synchronous core', wrapLater, wrapLater, core],
    ])('nests handlers that are %s', async (_, outer, inner, innermost) => {
      const bus = onion();
      bus.on('page.load', outer('a'));
      bus.on('page.load', inner('b'));
      bus.on('page.load', outer('c'));
      for (const url of ['/1', '/2']) {
        const result = await bus.emit('page.load', url, { core: innermost });
        expect(result).toMatchObject({ ok: true, called: 3, skipped: 0, value: `a(b(c(page at ${url})))` });
      }
    });

    it('runs what is before next on the way in, and what is after it on the way out', async () => {
      const seen: string[] = [];
      const bus = onion();
      for (const tag of ['a', 'b']) {
        bus.on('page.load', async (_, ctx) => {
          seen.push(`${tag} in`);
          const page = await ctx.next();
          seen.push(`${tag} out`);
          return page;
        });
      }
      await bus.emit('page.load', '/', {
        core: async () => {
          seen.push('core');
          return '';
        },
      });
      expect(seen).toEqual(['a in', 'b in', 'core', 'b out', 'a out']);
    });

    it('is the core alone where there is no handler', async () => {
      const bus = onion();
      const expected = { ok: true, called: 0, skipped: 0, value: 'page at /', answeredBy: undefined };
      expect(bus.emitSync('page.load', '/', { core })).toMatchObject(expected);
      expect(await bus.emit('page.load', '/', { core: coreLater })).toMatchObject(expected);
      expect(bus.dispatch('page.load', '/', { core })).toMatchObject(expected);
      expect(bus.dispatch('page.load', '/', { core: coreLater })).toBeInstanceOf(Promise);
    });

    it('is nothing where there is neither handler nor core', async () => {
      const bus = onion();
      const expected = { ok: true, called: 0, value: undefined, answeredBy: undefined, values: [] };
      expect(bus.emitSync('page.load', '/')).toMatchObject(expected);
      expect(await bus.emit('page.load', '/')).toMatchObject(expected);
    });

    it('gives undefined to the innermost handler where there is no core', () => {
      const bus = onion();
      const seen: unknown[] = [];
      bus.on('any.wrap', (_, ctx) => {
        seen.push(ctx.next());
        return 'mine';
      });
      expect(bus.emitSync('any.wrap')).toMatchObject({ value: 'mine', called: 1 });
      expect(seen).toEqual([undefined]);
    });

    it('goes with listeners alone to the core', async () => {
      const bus = onion();
      bus.on('page.*', () => 'pattern');
      bus.onAny(async () => 'any');
      expect(await bus.emit('page.load', '/', { core })).toMatchObject({ called: 2, value: 'page at /' });
    });

    it('gives the core the payload and a context of the same emission, which are not counted as called', async () => {
      const bus = onion();
      const contexts: unknown[] = [];
      bus.on('page.load', (_, ctx) => {
        contexts.push([ctx.id, ctx.type, ctx.meta]);
        return ctx.next('/changed');
      });
      const result = await bus.emit('page.load', '/', {
        meta: { user: 'u1' },
        core: (url, ctx) => {
          contexts.push([ctx.id, ctx.type, ctx.meta]);
          return `${url} ${ctx.payload}`;
        },
      });
      expect(result).toMatchObject({ value: '/changed /changed', called: 1 });
      expect(contexts).toHaveLength(2);
      expect(contexts[1]).toEqual(contexts[0]);
    });

    it('takes a core for each emission', () => {
      const bus = onion();
      bus.on('page.load', wrap('a'));
      expect(bus.emitSync('page.load', '/', { core: () => '1' }).value).toBe('a(1)');
      expect(bus.emitSync('page.load', '/', { core: () => '2' }).value).toBe('a(2)');
      expect(bus.emitSync('page.load', '/').value).toBe('a(undefined)');
      expect(bus.emitSync('page.load', '/', { core: undefined }).value).toBe('a(undefined)');
    });

    it('is of one emission alone', async () => {
      const bus = onion();
      bus.on('page.load', wrapLater('a'));
      bus.on('page.load', wrap('b'));
      const urls = ['/1', '/2', '/3'];
      const results = await Promise.all(urls.map((url) => bus.emit('page.load', url, { core: coreLater })));
      expect(results.map(({ value }) => value)).toEqual(urls.map((url) => `a(b(page at ${url}))`));
    });

    it('[6] is of the inner emission alone where a handler emits its own event', async () => {
      const bus = onion();
      bus.on('page.load', async (url, ctx) => {
        if (url.length > 2) return ctx.next();
        const { value } = await ctx.emit('page.load', `${url}.`, { core: coreLater });
        return `${value} within ${await ctx.next()}`;
      });
      bus.on('page.load', wrap('b'));
      expect((await bus.emit('page.load', '/a', { core })).value).toBe('b(page at /a.) within b(page at /a)');
    });

    it('[1] holds among many handlers', async () => {
      const bus = onion({ maxHandlers: 0 });
      const later = onion({ maxHandlers: 0 });
      for (let n = 0; n < 300; n++) {
        bus.on('any.wrap', (_, ctx) => (ctx.next() as number) + 1);
        later.on('any.wrap', async (_, ctx) => ((await ctx.next()) as number) + 1);
      }
      expect(bus.emitSync('any.wrap', 0, { core: () => 0 }).value).toBe(300);
      expect((await later.emit('any.wrap', 0, { core: () => 0 })).value).toBe(300);
    });

    it('[4] takes foreign thenables of handlers and of the core', async () => {
      const bus = onion();
      const foreign = (value: string) =>
        ({ then: (resolve: (value: string) => void) => resolve(value) }) as PromiseLike<string>;
      bus.on('page.load', wrap('a'));
      expect((await bus.emit('page.load', '/', { core: () => foreign('core') })).value).toBe('a(core)');
      bus.on('page.load', () => foreign('b'));
      expect((await bus.emit('page.load', '/')).value).toBe('a(b)');
    });

    it('[7] nests the same function twice where it is subscribed twice', () => {
      const bus = onion();
      const twice = wrap('a');
      bus.on('page.load', twice);
      bus.on('page.load', twice);
      expect(bus.emitSync('page.load', '/', { core }).value).toBe('a(a(page at /))');
    });

    it('[10] has results that share nothing that a caller could change', async () => {
      const bus = onion();
      bus.on('page.load', pass);
      const results = [bus.emitSync('page.load', '/', { core }), await bus.emit('page.load', '/', { core: coreLater })];
      for (const result of results) {
        expect(Object.isFrozen(result.values)).toBe(true);
        expect(Object.isFrozen(result.failures)).toBe(true);
        Reflect.set(result, 'value', 'changed');
        expect(bus.emitSync('page.load', '/', { core }).value).toBe('page at /');
      }
    });
  });

  describe('payloads', () => {
    it('are for those inside what next was called with', async () => {
      const seen: string[] = [];
      const bus = onion();
      const note = (tag: string) => (url: string, ctx: { readonly payload: string }) => {
        seen.push(`${tag} ${url} ${ctx.payload}`);
      };
      bus.on('page.load', async (url, ctx) => {
        const page = await ctx.next(`${url}a`);
        note('a')(url, ctx);
        return page;
      });
      bus.on('page.*', note('listener') as never);
      bus.on('page.load', (url, ctx) => {
        const page = ctx.next(`${url}b`);
        note('b')(url, ctx);
        return page;
      });
      bus.onAny((event, ctx) => note('any')(event.payload as string, ctx as never));
      expect((await bus.emit('page.load', '/', { core: coreLater })).value).toBe('page at /ab');
      expect(seen).toEqual(['listener /a /a', 'any /ab /ab', 'b /a /a', 'a / /']);
    });

    it('stay what they are where next is called without one, or with undefined', () => {
      const bus = onion();
      bus.on('page.load', (_, ctx) => ctx.next('/other'));
      bus.on('page.load', (_, ctx) => ctx.next());
      bus.on('page.load', (_, ctx) => ctx.next(undefined));
      expect(bus.emitSync('page.load', '/', { core }).value).toBe('page at /other');
    });

    it.each([[null], [false], [0], [''], [Number.NaN]])('may be replaced by %o', (payload) => {
      const bus = onion();
      bus.on('any.wrap', (_, ctx) => ctx.next(payload));
      expect(bus.emitSync('any.wrap', 'given', { core: (got: unknown) => [got] }).value).toEqual([payload]);
    });

    it('are what a filter inside looks at', () => {
      const bus = onion();
      bus.on('page.load', (_, ctx) => ctx.next('/secret'));
      bus.on('page.load', wrap('guard'), { filter: (url) => url === '/secret' });
      bus.on('page.load', wrap('never'), { filter: (url) => url === '/' });
      expect(bus.emitSync('page.load', '/', { core })).toMatchObject({
        value: 'guard(page at /secret)',
        called: 2,
        skipped: 1,
      });
    });
  });

  describe('what next returns', () => {
    it('[3] is the answer itself where everything inside is synchronous, else a promise', async () => {
      const seen: unknown[] = [];
      const bus = onion();
      bus.on('page.load', (_, ctx) => {
        const inner = ctx.next();
        seen.push(inner);
        return inner;
      });
      bus.on('page.load', pass);
      bus.emitSync('page.load', '/', { core });
      expect(seen).toEqual(['page at /']);
      await bus.emit('page.load', '/', { core });
      expect(seen).toEqual(['page at /', 'page at /']);
      const emission = bus.emit('page.load', '/', { core: coreLater });
      expect(seen[2]).toBeInstanceOf(Promise);
      expect(await seen[2]).toBe('page at /');
      expect((await emission).value).toBe('page at /');
    });

    it('[3] is a promise where a handler inside is asynchronous, or a listener on the way', async () => {
      for (const make of [
        (bus: ReturnType<typeof onion>) => bus.on('page.load', wrapLater('b')),
        (bus: ReturnType<typeof onion>) => bus.onAny(async () => {}),
      ]) {
        const bus = onion();
        let inner: unknown;
        bus.on('page.load', (_, ctx) => {
          inner = ctx.next();
          return inner as Promise<string>;
        });
        make(bus);
        const result = await bus.emit('page.load', '/', { core });
        expect(inner).toBeInstanceOf(Promise);
        expect(await inner).toBe(result.value);
      }
    });

    it('[3] keeps emit in the tick of its caller', () => {
      const seen: string[] = [];
      const bus = onion();
      bus.on('page.load', wrap('a'));
      bus.onAny(() => void seen.push('listener'));
      bus.on('page.load', wrap('b'));
      void bus.emit('page.load', '/', {
        core: (url) => {
          seen.push(url);
          return url;
        },
      });
      expect(seen).toEqual(['listener', '/']);
    });

    it('[3] decides between result and promise at each dispatch', async () => {
      const bus = onion();
      bus.on('page.load', wrap('a'));
      expect(bus.dispatch('page.load', '/', { core })).toMatchObject({ value: 'a(page at /)' });
      const later = bus.dispatch('page.load', '/', { core: coreLater });
      expect(later).toBeInstanceOf(Promise);
      expect(await later).toMatchObject({ value: 'a(page at /)' });
      expect(bus.dispatch('page.load', '/', { core })).toMatchObject({ value: 'a(page at /)' });
    });
  });

  describe('answers', () => {
    it('may be given without next: nothing inside runs', async () => {
      const inside = vi.fn(() => 'inside');
      const bus = onion();
      const facts: HandlerSkipped[] = [];
      bus.observe({ handlerSkipped: (fact) => facts.push(fact) });
      bus.on('page.load', wrap('a'), { name: 'outer' });
      bus.on('page.load', () => 'cached', { name: 'cache' });
      bus.on('page.load', inside, { name: 'inner' });
      const expected = { ok: true, called: 2, skipped: 1, stopped: false, value: 'a(cached)', answeredBy: 'cache' };
      expect(bus.emitSync('page.load', '/', { core: inside })).toMatchObject(expected);
      expect(await bus.emit('page.load', '/', { core: inside })).toMatchObject(expected);
      expect(inside).not.toHaveBeenCalled();
      expect(facts.map(({ handler, reason }) => [handler, reason])).toEqual([
        ['inner', 'answered'],
        ['inner', 'answered'],
      ]);
    });

    it('are said to be of nobody where they come from the core, or from the end', async () => {
      const bus = onion();
      bus.on('page.load', wrap('a'), { name: 'outer' });
      bus.on('page.load', wrapLater('b'), { name: 'inner' });
      expect(await bus.emit('page.load', '/', { core })).toMatchObject({ answeredBy: undefined });
      expect(await bus.emit('page.load', '/')).toMatchObject({ answeredBy: undefined, value: 'a(b(undefined))' });
    });

    it('are what a handler returns, undefined too', async () => {
      const bus = onion();
      bus.on('any.wrap', (_, ctx) => void ctx.next(), { name: 'mute' });
      expect(bus.emitSync('any.wrap', 1, { core: () => 'core' })).toMatchObject({
        ok: true,
        value: undefined,
        answeredBy: undefined,
      });
      const inside = vi.fn();
      bus.on('any.wrap', () => {}, { name: 'silent', priority: 1 });
      const expected = { ok: true, value: undefined, answeredBy: 'silent', called: 1, skipped: 1 };
      expect(bus.emitSync('any.wrap', 1, { core: inside })).toMatchObject(expected);
      expect(await bus.emit('any.wrap', 1, { core: inside })).toMatchObject(expected);
      expect(inside).not.toHaveBeenCalled();
    });

    it('may be undefined for those further out too', () => {
      const bus = onion();
      bus.on('any.wrap', (_, ctx) => [ctx.next()]);
      bus.on('any.wrap', () => {});
      expect(bus.emitSync('any.wrap', 1, { core: () => 'core' }).value).toEqual([undefined]);
    });

    it.each([[null], [false], [0], [-0], [''], [0n], [Number.NaN]])('may be %o', async (answer) => {
      const bus = onion();
      bus.on('any.wrap', (_, ctx) => ctx.next());
      expect(Object.is(bus.emitSync('any.wrap', 1, { core: () => answer }).value, answer)).toBe(true);
      expect(Object.is((await bus.emit('any.wrap', 1, { core: async () => answer })).value, answer)).toBe(true);
      bus.on('any.wrap', () => answer);
      expect(Object.is(bus.emitSync('any.wrap', 1).value, answer)).toBe(true);
    });

    it('[8] of a handler further out leave the turns of those inside to them', () => {
      const bus = onion();
      const once = vi.fn(() => 'once');
      const off = bus.on('page.load', () => 'cached');
      bus.once('page.load', once);
      expect(bus.emitSync('page.load', '/').value).toBe('cached');
      off();
      expect(bus.emitSync('page.load', '/').value).toBe('once');
      expect(bus.emitSync('page.load', '/', { core }).value).toBe('page at /');
      expect(once).toHaveBeenCalledTimes(1);
    });
  });

  describe('a handler that does not wait for next', () => {
    it('answers by itself, and what is inside is looked after', async () => {
      const gate = deferred<string>();
      const seen: string[] = [];
      const bus = onion();
      bus.on(
        'page.load',
        (_, ctx) => {
          void ctx.next();
          return 'stale';
        },
        { name: 'stale' },
      );
      bus.on('page.load', async (_, ctx) => {
        const page = await ctx.next();
        seen.push(page);
        return page;
      });
      const emission = bus.emit('page.load', '/', { core: () => gate.promise });
      await promisesSettled();
      expect(seen).toEqual([]);
      const idle = bus.idle();
      expect(await stateOf(idle)).toBe('pending');
      gate.resolve('fresh');
      expect(await emission).toMatchObject({ value: 'stale', called: 2 });
      await idle;
      expect(seen).toEqual(['fresh']);
    });

    it.each(Object.entries(failing))('never makes an unhandled rejection of a core that %s', async (_, fail) => {
      const bus = onion();
      bus.on('page.load', async (_payload, ctx) => {
        try {
          void ctx.next();
        } catch {
          // Where the core is synchronous.
        }
        await null;
        return 'stale';
      });
      bus.on('page.load', pass);
      const uncaught = await uncaughtDuring(async () => {
        const result = await bus.emit('page.load', '/', { core: fail(new Error('boom')) });
        expect(result.value).toBe('stale');
        await bus.idle();
      });
      expect(uncaught).toEqual([]);
      expect(bus.inspect().counts.failures).toBe(1);
    });

    it('[14] has a failure that comes after its answer reported once', async () => {
      const boom = new Error('boom');
      for (const failurePolicy of ['stop', 'isolate', 'throw'] as const) {
        const reported: AmbusError[] = [];
        const bus = onion({ failurePolicy, onFailure: (failure) => reported.push(failure) });
        const gate = deferred<string>();
        bus.on('page.load', (_, ctx) => {
          void ctx.next();
          return 'stale';
        });
        const emission = bus.emit('page.load', '/', { core: () => gate.promise });
        gate.reject(boom);
        const rejectedWith = await emission.then(
          ({ value }) => {
            expect(value).toBe('stale');
            return [];
          },
          (error: EmitError) => error.errors,
        );
        await bus.idle();
        expect(causes([...rejectedWith, ...reported])).toEqual([boom]);
      }
    });
  });

  describe('listeners', () => {
    it('[24] are called on the way in, at their place, and what they return is ignored', async () => {
      const seen: string[] = [];
      const bus = onion();
      bus.onAny(() => {
        seen.push('any');
        return 'any';
      });
      bus.on('page.load', async (_, ctx) => {
        seen.push('a in');
        const page = await ctx.next();
        seen.push('a out');
        return page;
      });
      bus.on('page.*', async () => {
        await null;
        seen.push('pattern');
        return 'pattern';
      });
      bus.on('page.load', (_, ctx) => {
        seen.push('b');
        return ctx.next();
      });
      bus.on(['page.load'], () => {
        seen.push('list');
        return 'list';
      });
      const result = await bus.emit('page.load', '/', {
        core: (url) => {
          seen.push('core');
          return core(url);
        },
      });
      expect(result).toMatchObject({ ok: true, called: 5, skipped: 0, value: 'page at /', answeredBy: undefined });
      expect(seen).toEqual(['any', 'a in', 'pattern', 'b', 'list', 'core', 'a out']);
    });

    it('[24] are waited for before the next handler runs', async () => {
      const gate = deferred();
      const inside = vi.fn(() => 'inside');
      const bus = onion();
      bus.on('page.load', pass);
      bus.onAny(() => gate.promise);
      bus.on('page.load', inside);
      const emission = bus.emit('page.load', '/');
      await promisesSettled();
      expect(inside).not.toHaveBeenCalled();
      gate.resolve();
      expect((await emission).value).toBe('inside');
    });

    it('[24] that were not reached are called once there is an answer', async () => {
      const seen: string[] = [];
      const bus = onion();
      bus.on('page.load', async (_, ctx) => {
        const page = await ctx.next();
        seen.push('outer');
        return page;
      });
      bus.on('page.load', () => {
        seen.push('cache');
        return 'cached';
      });
      bus.on('page.*', (url) => void seen.push(`pattern ${url}`));
      bus.on('page.load', () => {
        seen.push('inner');
        return '';
      });
      bus.onAny(async () => void seen.push('any'));
      const result = await bus.emit('page.load', '/', { core });
      expect(result).toMatchObject({ value: 'cached', called: 4, skipped: 1 });
      expect(seen).toEqual(['cache', 'outer', 'pattern /', 'any']);
    });

    it('[24] that were not reached are waited for', async () => {
      const gate = deferred();
      const bus = onion();
      bus.on('page.load', () => 'cached');
      bus.onAny(() => gate.promise);
      const emission = bus.emit('page.load', '/');
      expect(await stateOf(emission)).toBe('pending');
      gate.resolve();
      expect((await emission).value).toBe('cached');
    });

    it('[2] that were not reached are called one after the other, on a concurrent bus too', async () => {
      const gate = deferred();
      const last = vi.fn();
      const bus = onion({ mode: 'concurrent' });
      bus.on('page.load', () => 'cached');
      bus.onAny(() => gate.promise);
      bus.onAny(last);
      const emission = bus.emit('page.load', '/', { mode: 'concurrent' });
      await promisesSettled();
      expect(last).not.toHaveBeenCalled();
      gate.resolve();
      expect((await emission).value).toBe('cached');
      expect(last).toHaveBeenCalledTimes(1);
    });

    it.each(Object.entries(failing))('[10] end it by default where one %s on the way in', async (_, fail) => {
      const boom = new Error('boom');
      const inside = vi.fn(() => 'inside');
      const bus = onion();
      bus.on('page.load', pass);
      bus.on('page.*', fail(boom), { name: 'listener' });
      bus.on('page.load', inside);
      const error = await rejected(bus.emit('page.load', '/', { core: inside }));
      expect(error.errors).toMatchObject([{ handler: 'listener' }]);
      expect(causes(error.errors)).toEqual([boom]);
      expect(inside).not.toHaveBeenCalled();
    });

    it.each(Object.entries(failing))('[10] are passed over where one %s and is isolated', async (_, fail) => {
      const bus = onion({ failurePolicy: 'isolate' });
      bus.on('page.load', wrap('a'));
      bus.on('page.*', fail(new Error('boom')), { name: 'listener' });
      bus.on('page.load', wrap('b'));
      const result = await bus.emit('page.load', '/', { core });
      expect(result).toMatchObject({ ok: false, called: 3, value: 'a(b(page at /))' });
      expect(result.failures).toMatchObject([{ handler: 'listener' }]);
    });

    it('[10] that fail after the answer are failures like others', async () => {
      const bus = onion();
      bus.on('page.load', () => 'cached');
      bus.onAny(failing.throws(new Error('boom')), { name: 'listener' });
      const error = await rejected(bus.emit('page.load', '/'));
      expect(error.errors).toMatchObject([{ handler: 'listener' }]);
      const isolated = await bus.emit('page.load', '/', { failurePolicy: 'isolate' });
      expect(isolated).toMatchObject({ ok: false, value: 'cached' });
    });

    it('[24] have no next', () => {
      const bus = onion({ failurePolicy: 'isolate' });
      bus.on('page.*', (_, ctx) => nextOf(ctx)(), { name: 'pattern' });
      bus.on(['page.load'], (_, ctx) => nextOf(ctx)(), { name: 'list' });
      bus.onAny((_, ctx) => nextOf(ctx)(), { name: 'any' });
      bus.on('page.load', wrap('a'));
      const result = bus.emitSync('page.load', '/', { core });
      expect(result.value).toBe('a(page at /)');
      expect(result.failures).toMatchObject([
        { handler: 'pattern', cause: { code: 'INVALID_NEXT' } },
        { handler: 'list', cause: { code: 'INVALID_NEXT' } },
        { handler: 'any', cause: { code: 'INVALID_NEXT' } },
      ]);
    });
  });

  describe('next called when it must not be', () => {
    it('throws INVALID_NEXT the second time, into the handler', () => {
      const inside = vi.fn(() => 'inside');
      const bus = onion();
      let error: unknown;
      bus.on('page.load', (_, ctx) => {
        const page = ctx.next();
        error = thrownBy(() => ctx.next());
        return page;
      });
      bus.on('page.load', inside);
      expect(bus.emitSync('page.load', '/')).toMatchObject({ ok: true, value: 'inside', failures: [] });
      expect(error).toMatchObject({ code: 'INVALID_NEXT' });
      expect(inside).toHaveBeenCalledTimes(1);
    });

    it('throws INVALID_NEXT while the first call has not settled', async () => {
      const gate = deferred<string>();
      const inside = vi.fn(() => gate.promise);
      const bus = onion();
      let error: unknown;
      bus.on('page.load', (_, ctx) => {
        const page = ctx.next();
        error = thrownBy(() => ctx.next());
        return page;
      });
      const emission = bus.emit('page.load', '/', { core: inside });
      expect(error).toMatchObject({ code: 'INVALID_NEXT' });
      gate.resolve('inside');
      expect(await emission).toMatchObject({ ok: true, value: 'inside' });
      expect(inside).toHaveBeenCalledTimes(1);
    });

    it('throws INVALID_NEXT while a first call that is going to fail has not settled', async () => {
      const gate = deferred<string>();
      const bus = onion();
      let error: unknown;
      bus.on('page.load', async (_, ctx) => {
        const page = ctx.next();
        error = thrownBy(() => ctx.next());
        return (page as Promise<string>).catch(() => 'fallback');
      });
      const emission = bus.emit('page.load', '/', { core: () => gate.promise });
      expect(error).toMatchObject({ code: 'INVALID_NEXT' });
      gate.reject(new Error('boom'));
      expect(await emission).toMatchObject({ ok: true, value: 'fallback' });
    });

    it('is a failure of the handler that lets the error through', async () => {
      const bus = onion();
      bus.on(
        'page.load',
        async (_, ctx) => {
          await ctx.next();
          return ctx.next();
        },
        { name: 'twice' },
      );
      const error = await rejected(bus.emit('page.load', '/', { core }));
      expect(error.errors).toMatchObject([{ handler: 'twice', cause: { code: 'INVALID_NEXT' } }]);
      const isolated = await bus.emit('page.load', '/', { core, failurePolicy: 'isolate' });
      expect(isolated).toMatchObject({ ok: false, value: 'page at /' });
    });

    it('throws INVALID_NEXT once the handler has settled, and runs nothing', async () => {
      const inside = vi.fn(() => 'inside');
      const gate = deferred<string>();
      const kept: (() => unknown)[] = [];
      const bus = onion();
      bus.on('page.load', pass);
      bus.on('page.load', (_, ctx) => {
        kept.push(() => ctx.next());
        return 'mine';
      });
      bus.onAny(() => gate.promise);
      bus.on('page.load', inside);
      const emission = bus.emit('page.load', '/', { core: inside });
      expect(thrownBy(() => kept[0]?.())).toMatchObject({ code: 'INVALID_NEXT' });
      gate.resolve('');
      expect(await emission).toMatchObject({ value: 'mine', called: 3 });
      expect(thrownBy(() => kept[0]?.())).toMatchObject({ code: 'INVALID_NEXT' });
      expect(inside).not.toHaveBeenCalled();
    });

    it('throws INVALID_NEXT once the emission has ended', async () => {
      const inside = vi.fn(() => 'inside');
      const kept: (() => unknown)[] = [];
      const bus = onion();
      bus.on('page.load', (_, ctx) => {
        kept.push(() => ctx.next());
        return ctx.next();
      });
      bus.emitSync('page.load', '/', { core: inside });
      await bus.emit('page.load', '/', { core: inside });
      expect(inside).toHaveBeenCalledTimes(2);
      for (const next of kept) expect(thrownBy(next)).toMatchObject({ code: 'INVALID_NEXT' });
      expect(inside).toHaveBeenCalledTimes(2);
    });

    it('throws INVALID_NEXT after a failed call too, once the handler has settled', async () => {
      const inside = vi.fn(failing.throws(new Error('boom')));
      let kept: (() => unknown) | undefined;
      const bus = onion();
      bus.on('page.load', (_, ctx) => {
        kept = () => ctx.next();
        return ctx.next();
      });
      await rejected(bus.emit('page.load', '/', { core: inside }));
      expect(thrownBy(() => kept?.())).toMatchObject({ code: 'INVALID_NEXT' });
      expect(inside).toHaveBeenCalledTimes(1);
    });

    it('throws INVALID_NEXT for every kind that has no next', () => {
      const bus = makeBus({
        events: defineEvents({
          a: broadcast(),
          b: waterfall<unknown>(),
          c: first<unknown, unknown>(),
          d: collect<unknown, unknown>(),
        }),
        undeclared: 'allow',
        failurePolicy: 'isolate',
      });
      for (const type of ['a', 'b', 'c', 'd'] as const) {
        bus.on(type, (_: unknown, ctx: unknown) => nextOf(ctx)(), { name: 'eager' });
        const { failures } = bus.emitSync(type);
        expect(failures).toMatchObject([{ handler: 'eager', cause: { code: 'INVALID_NEXT' } }]);
      }
      const undeclared = makeBus();
      undeclared.on('tick', (_, ctx) => nextOf(ctx)());
      expect(undeclared.emitSync('tick').failures).toMatchObject([{ cause: { code: 'INVALID_NEXT' } }]);
    });
  });

  describe('retries', () => {
    it.each(Object.entries(failing))('run what is inside again after it %s', async (_, fail) => {
      const reported: unknown[] = [];
      const bus = onion({ onFailure: (failure) => reported.push(failure) });
      let tries = 0;
      bus.on(
        'page.load',
        async (_payload, ctx) => {
          for (let n = 0; ; n++) {
            try {
              return await ctx.next();
            } catch (error) {
              if (n === 2) throw error;
            }
          }
        },
        { name: 'retry' },
      );
      bus.on('page.load', wrap('b'), { name: 'inner' });
      const boom = new Error('boom');
      const flaky = (url: string): string | Promise<string> => {
        tries += 1;
        return tries < 3 ? fail(boom)() : core(url);
      };
      const result = await bus.emit('page.load', '/', { core: flaky });
      expect(result).toMatchObject({ ok: true, value: 'b(page at /)', failures: [], stopped: false });
      expect(tries).toBe(3);
      expect(bus.inspect().counts.failures).toBe(2);
      tries = -10;
      const error = await rejected(bus.emit('page.load', '/', { core: flaky }));
      expect(error.errors).toMatchObject([{ handler: 'core' }]);
      expect(causes(error.errors)).toEqual([boom]);
    });

    it('run what is inside again under emitSync', () => {
      const bus = onion();
      let tries = 0;
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch {
          return ctx.next('/again');
        }
      });
      bus.on('page.load', (url, ctx) => {
        tries += 1;
        if (tries === 1) throw new Error('boom');
        return ctx.next(`${url}!`);
      });
      expect(bus.emitSync('page.load', '/', { core })).toMatchObject({
        ok: true,
        value: 'page at /again!',
        failures: [],
      });
      expect(tries).toBe(2);
    });

    it('may fail again, and count once', () => {
      const bus = onion();
      const errors = [new Error('first'), new Error('second')];
      let tries = 0;
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch {
          return ctx.next();
        }
      });
      const error = threw(() =>
        bus.emitSync('page.load', '/', {
          core: () => {
            throw errors[tries++];
          },
        }),
      );
      expect(causes(error.errors)).toEqual([errors[1]]);
    });

    it('are over once a call has succeeded', () => {
      const bus = onion();
      let tries = 0;
      let again: unknown;
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch {
          const page = ctx.next();
          again = thrownBy(() => ctx.next());
          return page;
        }
      });
      const result = bus.emitSync('page.load', '/', {
        core: (url) => {
          tries += 1;
          if (tries === 1) throw new Error('boom');
          return core(url);
        },
      });
      expect(result.value).toBe('page at /');
      expect(again).toMatchObject({ code: 'INVALID_NEXT' });
      expect(tries).toBe(2);
    });

    it('get what the handler itself got, where it says nothing else', () => {
      const seen: string[] = [];
      const bus = onion();
      bus.on('page.load', (_, ctx) => ctx.next('/given'));
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next('/mirror');
        } catch {
          return ctx.next();
        }
      });
      const result = bus.emitSync('page.load', '/', {
        core: (url) => {
          seen.push(url);
          if (url === '/mirror') throw new Error('down');
          return core(url);
        },
      });
      expect(seen).toEqual(['/mirror', '/given']);
      expect(result.value).toBe('page at /given');
    });

    it('[24] do not tell the listeners on the way once more', () => {
      const bus = onion();
      const listener = vi.fn();
      let tries = 0;
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch {
          return ctx.next();
        }
      });
      bus.onAny(listener);
      bus.on('page.load', (_, ctx) => {
        tries += 1;
        if (tries === 1) throw new Error('boom');
        return ctx.next();
      });
      bus.onAny(listener);
      expect(bus.emitSync('page.load', '/', { core }).value).toBe('page at /');
      expect(tries).toBe(2);
      expect(listener).toHaveBeenCalledTimes(2);
    });

    it('may be of handlers inside one another', async () => {
      let tries = 0;
      const bus = onion();
      const retry = async (_: string, ctx: Next) => {
        try {
          return await ctx.next();
        } catch {
          return ctx.next();
        }
      };
      bus.on('page.load', retry);
      bus.on('page.load', retry);
      const result = await bus.emit('page.load', '/', {
        core: async (url) => {
          tries += 1;
          if (tries < 4) throw new Error('boom');
          return core(url);
        },
      });
      expect(result).toMatchObject({ ok: true, value: 'page at /' });
      expect(tries).toBe(4);
    });

    it('[8] pass over a handler whose turns are used up', () => {
      const bus = onion();
      const once = vi.fn(failing.throws(new Error('boom')));
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch {
          return ctx.next();
        }
      });
      bus.once('page.load', once);
      expect(bus.emitSync('page.load', '/', { core }).value).toBe('page at /');
      expect(once).toHaveBeenCalledTimes(1);
    });

    it('[17] leave the answer of an earlier attempt that comes late alone', async () => {
      const clock = new ManualClock();
      const bus = onion({ clock });
      const gates: Deferred<string>[] = [];
      bus.on('page.load', async (_, ctx) => {
        try {
          return await ctx.next();
        } catch {
          return ctx.next();
        }
      });
      bus.on(
        'page.load',
        () => {
          const gate = deferred<string>();
          gates.push(gate);
          return gate.promise;
        },
        { timeoutMs: 100 },
      );
      const emission = bus.emit('page.load', '/');
      await clock.advance(100);
      expect(gates).toHaveLength(2);
      gates[0]?.resolve('late');
      await promisesSettled();
      gates[1]?.resolve('in time');
      expect(await emission).toMatchObject({ ok: true, value: 'in time' });
    });

    it('[6] pass over a handler that was removed in between', async () => {
      const bus = onion();
      bus.on('page.load', async (_, ctx) => {
        try {
          return await ctx.next();
        } catch {
          off();
          return ctx.next();
        }
      });
      const broken = vi.fn(failing.rejects(new Error('boom')));
      const off = bus.on('page.load', broken);
      expect((await bus.emit('page.load', '/', { core })).value).toBe('page at /');
      expect(broken).toHaveBeenCalledTimes(1);
    });
  });

  describe('failures', () => {
    describe.each(Object.entries(failing))('of something inside that %s', (_, fail) => {
      it('[10] end it by default, with the error of whoever failed', async () => {
        const boom = new Error('boom');
        const bus = onion();
        const inside = vi.fn(() => '');
        bus.on('page.load', wrapLater('a'));
        bus.on('page.load', wrap('b'));
        bus.on('page.load', fail(boom), { name: 'guard' });
        bus.on('page.load', inside);
        bus.onAny(inside);
        const error = await rejected(bus.emit('page.load', '/', { core: inside }));
        expect(error.errors).toMatchObject([{ code: 'HANDLER_FAILED', handler: 'guard', event: 'page.load' }]);
        expect(error.errors[0]?.cause).toBe(boom);
        expect(error.cause).toBe(error.errors[0]);
        expect(error.result).toMatchObject({ ok: false, called: 3, skipped: 2, stopped: true, value: undefined });
        expect(inside).not.toHaveBeenCalled();
        expect(bus.inspect().counts.failures).toBe(1);
      });

      it('[10] reach the handler further out as they are', async () => {
        const boom = new Error('boom');
        const seen: unknown[] = [];
        const bus = onion();
        bus.on('page.load', async (_payload, ctx) => {
          try {
            return await ctx.next();
          } catch (error) {
            seen.push(error);
            throw error;
          }
        });
        bus.on('page.load', async (_payload, ctx) => {
          try {
            return await ctx.next();
          } catch (error) {
            seen.push(error);
            throw error;
          }
        });
        const error = await rejected(bus.emit('page.load', '/', { core: fail(boom) }));
        expect(seen).toHaveLength(2);
        expect(seen[0]).toBe(boom);
        expect(seen[1]).toBe(boom);
        expect(error.errors).toMatchObject([{ handler: 'core', event: 'page.load' }]);
        expect(error.errors[0]?.cause).toBe(boom);
        expect(bus.inspect().counts.failures).toBe(1);
      });

      it('[10] are nobody’s where a handler further out catches them and answers', async () => {
        const bus = onion();
        const settled: HandlerSettled[] = [];
        bus.observe({ handlerSettled: (fact) => settled.push(fact) });
        bus.on('page.load', wrap('a'), { name: 'outer' });
        bus.on(
          'page.load',
          async (_payload, ctx) => {
            try {
              return await ctx.next();
            } catch {
              return 'fallback';
            }
          },
          { name: 'catches' },
        );
        bus.on('page.load', fail(new Error('boom')), { name: 'guilty' });
        const result = await bus.emit('page.load', '/', { core });
        expect(result).toMatchObject({ ok: true, value: 'a(fallback)', failures: [], called: 3, stopped: false });
        expect(bus.inspect().counts.failures).toBe(1);
        expect(settled.map(({ handler, outcome }) => [handler, outcome])).toEqual([
          ['guilty', 'failed'],
          ['catches', 'ok'],
          ['outer', 'ok'],
        ]);
      });

      it('[10] are replaced where a handler further out throws something else', async () => {
        const [boom, other] = [new Error('boom'), new Error('other')];
        const bus = onion();
        bus.on('page.load', wrapLater('a'));
        bus.on(
          'page.load',
          async (_payload, ctx) => {
            try {
              return await ctx.next();
            } catch {
              throw other;
            }
          },
          { name: 'translates' },
        );
        bus.on('page.load', fail(boom), { name: 'guilty' });
        const error = await rejected(bus.emit('page.load', '/', { core }));
        expect(error.errors).toMatchObject([{ handler: 'translates' }]);
        expect(causes(error.errors)).toEqual([other]);
        expect(error.cause).toBe(error.errors[0]);
        expect(bus.inspect().counts.failures).toBe(2);
      });

      it('[10] are one where the handler further out returns the promise of next', async () => {
        const boom = new Error('boom');
        const bus = onion();
        bus.on('page.load', pass, { name: 'outer' });
        bus.on('page.load', async (_payload, ctx) => ctx.next(), { name: 'inner' });
        const error = await rejected(bus.emit('page.load', '/', { core: fail(boom) }));
        expect(error.errors).toMatchObject([{ handler: 'core' }]);
        expect(causes(error.errors)).toEqual([boom]);
      });

      it.each([undefined, null, 0, '', false, Number.NaN])('[10] are what is thrown as %o too', async (value) => {
        const seen: unknown[] = [];
        const bus = onion();
        bus.on('any.wrap', async (_payload, ctx) => {
          try {
            return await ctx.next();
          } catch (error) {
            seen.push(error);
            throw error;
          }
        });
        bus.on('any.wrap', fail(value), { name: 'guilty' });
        const error = await rejected(bus.emit('any.wrap', 1));
        expect(seen).toEqual([value]);
        expect(error.errors).toMatchObject([{ handler: 'guilty' }]);
        expect(causes(error.errors)).toEqual([value]);
      });

      it('[10] are one where the emission is synchronous up to there and the core fails alone', async () => {
        const boom = new Error('boom');
        const bus = onion();
        const error = await rejected(bus.emit('page.load', '/', { core: fail(boom) }));
        expect(error.errors).toMatchObject([{ handler: 'core', phase: 'handler' }]);
        expect(causes(error.errors)).toEqual([boom]);
        expect(error.result).toMatchObject({ ok: false, called: 0, value: undefined });
      });
    });

    it('[10] throw from next where everything is synchronous, and from emitSync', () => {
      const boom = new Error('boom');
      const seen: unknown[] = [];
      const bus = onion();
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch (error) {
          seen.push(error);
          throw error;
        }
      });
      bus.on('page.load', failing.throws(boom), { name: 'guilty' });
      const error = threw(() => bus.emitSync('page.load', '/'));
      expect(seen[0]).toBe(boom);
      expect(error.errors).toMatchObject([{ handler: 'guilty' }]);
      expect(threw(() => bus.dispatch('page.load', '/')).errors).toHaveLength(1);
    });

    it('[10] may be caught under emitSync', () => {
      const bus = onion();
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch (error) {
          return `caught ${(error as Error).message}`;
        }
      });
      expect(bus.emitSync('page.load', '/', { core: failing.throws(new Error('boom')) })).toMatchObject({
        ok: true,
        value: 'caught boom',
        failures: [],
      });
    });

    it('[10] before next leave what is inside alone, and after it come too late for that', async () => {
      const boom = new Error('boom');
      const inside = vi.fn(() => 'inside');
      const bus = onion();
      const off = bus.on('page.load', failing.throws(boom), { name: 'before' });
      bus.on('page.load', inside);
      const before = await rejected(bus.emit('page.load', '/', { core: inside }));
      expect(before.result).toMatchObject({ called: 1, skipped: 1, stopped: true });
      expect(inside).not.toHaveBeenCalled();
      off();
      bus.on(
        'page.load',
        async (_, ctx) => {
          await ctx.next();
          throw boom;
        },
        { name: 'after', priority: 1 },
      );
      const after = await rejected(bus.emit('page.load', '/', { core: inside }));
      expect(after.errors).toMatchObject([{ handler: 'after' }]);
      expect(causes(after.errors)).toEqual([boom]);
      expect(after.result).toMatchObject({ called: 2, skipped: 0, value: undefined });
      expect(inside).toHaveBeenCalledTimes(1);
    });

    it('[10] that are caught do not count beside one that comes after them', async () => {
      const [caught, later] = [new Error('caught'), new Error('later')];
      const bus = onion();
      bus.on(
        'page.load',
        async (_, ctx) => {
          await ctx.next();
          throw later;
        },
        { name: 'outer' },
      );
      bus.on('page.load', async (_, ctx) => {
        try {
          return await ctx.next();
        } catch {
          return 'fallback';
        }
      });
      const error = await rejected(bus.emit('page.load', '/', { core: failing.rejects(caught) }));
      expect(error.errors).toMatchObject([{ handler: 'outer' }]);
      expect(causes(error.errors)).toEqual([later]);
    });

    it('[15] of a filter inside reach the handler further out', async () => {
      const boom = new Error('boom');
      const bus = onion();
      const seen: unknown[] = [];
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch (error) {
          seen.push(error);
          throw error;
        }
      });
      bus.on('page.load', () => 'open', { filter: failing.throws(boom), name: 'guarded' });
      const error = await rejected(bus.emit('page.load', '/', { core }));
      expect(seen[0]).toBe(boom);
      expect(error.errors).toMatchObject([{ phase: 'filter', handler: 'guarded' }]);
    });

    it('[10] are what uses up the stack too, inside of other handlers', async () => {
      const endless = (): string => `${endless()}.`;
      const seen: unknown[] = [];
      const bus = onion();
      const off = bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch (error) {
          seen.push(error);
          return 'fallback';
        }
      });
      bus.on('page.load', endless, { name: 'endless', concurrency: 1 });
      for (const result of [bus.emitSync('page.load', '/'), await bus.emit('page.load', '/')]) {
        expect(result).toMatchObject({ ok: true, value: 'fallback', called: 2 });
      }
      expect(seen).toHaveLength(2);
      expect(seen[0]).toBeInstanceOf(RangeError);
      expect(bus.inspect().counts).toMatchObject({ failures: 2, inFlight: 0 });
      off();
      bus.on('page.load', pass, { priority: 1 });
      const error = threw(() => bus.emitSync('page.load', '/'));
      expect(error.errors).toMatchObject([{ handler: 'endless' }]);
      expect(bus.emitSync('page.load', '/', { core, failurePolicy: 'isolate' })).toMatchObject({
        ok: false,
        value: 'page at /',
      });
    });

    it('[14] are reported once: those of a rejection in it, posted ones to onFailure', async () => {
      const reported: AmbusError[] = [];
      const boom = new Error('boom');
      const bus = onion({ onFailure: (failure) => reported.push(failure) });
      bus.on('page.load', pass);
      bus.on('page.load', failing.rejectsLater(boom));
      await rejected(bus.emit('page.load', '/'));
      expect(reported).toEqual([]);
      bus.post('page.load', '/');
      await bus.idle();
      expect(causes(reported)).toEqual([boom]);
      await bus.emit('page.load', '/', { failurePolicy: 'isolate' });
      expect(causes(reported)).toEqual([boom, boom]);
    });
  });

  describe('isolated', () => {
    it.each(Object.entries(failing))('passes over a handler that %s before it called next', async (_, fail) => {
      for (const options of [{ failurePolicy: 'isolate' }, {}] as const) {
        const boom = new Error('boom');
        const bus = onion(options);
        bus.on('page.load', wrap('a'));
        bus.on('page.load', fail(boom), { name: 'guilty' });
        bus.on('page.load', wrap('b'));
        const result = await bus.emit('page.load', '/', { core, failurePolicy: 'isolate' });
        expect(result).toMatchObject({
          ok: false,
          called: 3,
          skipped: 0,
          stopped: false,
          value: 'a(b(page at /))',
          answeredBy: undefined,
        });
        expect(result.failures).toMatchObject([{ handler: 'guilty' }]);
        expect(causes(result.failures)).toEqual([boom]);
      }
    });

    it.each(Object.entries(failing))('passes over an outermost handler that %s', async (_, fail) => {
      const bus = onion({ failurePolicy: 'isolate' });
      bus.on('page.load', fail(new Error('boom')));
      bus.on('page.load', wrap('b'));
      expect(await bus.emit('page.load', '/', { core })).toMatchObject({ ok: false, value: 'b(page at /)' });
    });

    it('passes over handlers that fail one after the other, down to the core', async () => {
      const bus = onion({ failurePolicy: 'isolate' });
      for (const [name, fail] of Object.entries(failing)) bus.on('page.load', fail(name), { name });
      const result = await bus.emit('page.load', '/', { core });
      expect(result).toMatchObject({ ok: false, called: 3, value: 'page at /', answeredBy: undefined });
      expect(causes(result.failures)).toEqual(['throws', 'rejects', 'rejectsLater']);
    });

    it('has what next settled with for the value of a handler that fails afterwards', async () => {
      const boom = new Error('boom');
      const inside = vi.fn((url: string) => core(url));
      const bus = onion({ failurePolicy: 'isolate' });
      bus.on('page.load', wrap('a'));
      bus.on(
        'page.load',
        async (_, ctx) => {
          await ctx.next('/changed');
          throw boom;
        },
        { name: 'guilty' },
      );
      bus.on('page.load', wrap('b'));
      const result = await bus.emit('page.load', '/', { core: inside });
      expect(result).toMatchObject({ ok: false, called: 3, value: 'a(b(page at /changed))' });
      expect(causes(result.failures)).toEqual([boom]);
      expect(inside).toHaveBeenCalledTimes(1);
      const sync = onion({ failurePolicy: 'isolate' });
      sync.on('page.load', (_, ctx) => {
        void ctx.next();
        throw boom;
      });
      expect(sync.emitSync('page.load', '/', { core: inside })).toMatchObject({ ok: false, value: 'page at /' });
      expect(inside).toHaveBeenCalledTimes(2);
    });

    it('has what next settles with for the value of a handler that fails meanwhile', async () => {
      const gate = deferred<string>();
      const bus = onion({ failurePolicy: 'isolate' });
      bus.on('page.load', wrap('a'));
      bus.on('page.load', (_, ctx) => {
        void ctx.next();
        throw new Error('boom');
      });
      const emission = bus.emit('page.load', '/', { core: () => gate.promise });
      expect(await stateOf(emission)).toBe('pending');
      gate.resolve('core');
      expect(await emission).toMatchObject({ ok: false, value: 'a(core)' });
    });

    it.each(Object.entries(failing))('is without a value where the core %s', async (_, fail) => {
      const boom = new Error('boom');
      const bus = onion({ failurePolicy: 'isolate' });
      for (const handlers of [0, 1, 2]) {
        const result = await bus.emit('page.load', '/', { core: fail(boom) });
        expect(result).toMatchObject({ ok: false, called: handlers, value: undefined });
        expect(result.failures).toMatchObject([{ handler: 'core' }]);
        expect(causes(result.failures)).toEqual([boom]);
        bus.on('page.load', pass);
      }
    });

    it('is what the declaration of the event, the bus or the emission says, the nearest', () => {
      const declared = defineEvents({ ...events, 'page.load': around<string, string>({ failurePolicy: 'isolate' }) });
      for (const bus of [makeBus({ events: declared, failurePolicy: 'stop' }), onion({ failurePolicy: 'isolate' })]) {
        bus.on('page.load', failing.throws(new Error('boom')));
        expect(bus.emitSync('page.load', '/', { core })).toMatchObject({ ok: false, value: 'page at /' });
        threw(() => bus.emitSync('page.load', '/', { core, failurePolicy: 'stop' }));
      }
    });

    it('[11] goes on likewise under throw, and then rejects, with the value in the result', async () => {
      const [before, after] = [new Error('before'), new Error('after')];
      const bus = onion({ failurePolicy: 'throw' });
      bus.on('page.load', failing.rejects(before));
      bus.on('page.load', async (_, ctx) => {
        await ctx.next();
        throw after;
      });
      bus.on('page.load', wrap('b'));
      const error = await rejected(bus.emit('page.load', '/', { core }));
      expect(causes(error.errors)).toEqual([before, after]);
      expect(error.result).toMatchObject({ ok: false, called: 3, stopped: false, value: 'b(page at /)' });
    });

    it('[12] exempts one handler from the default, by its own policy', async () => {
      const boom = new Error('boom');
      const bus = onion();
      bus.on('page.load', wrap('a'));
      bus.on('page.load', failing.rejectsLater(boom), { failurePolicy: 'isolate' });
      bus.on('page.load', wrap('b'));
      const result = await bus.emit('page.load', '/', { core });
      expect(result).toMatchObject({ ok: false, value: 'a(b(page at /))', stopped: false });
      expect(causes(result.failures)).toEqual([boom]);
      const error = await rejected(bus.emit('page.load', '/', { core: failing.throws('core') }));
      expect(causes(error.errors)).toEqual([boom, 'core']);
    });

    it('[12] ends where a handler that fails says stop: it fulfils, without a value', async () => {
      const boom = new Error('boom');
      const inside = vi.fn(() => '');
      const bus = onion({ failurePolicy: 'isolate' });
      bus.on('page.load', wrapLater('a'));
      bus.on('page.load', failing.throws(boom), { failurePolicy: 'stop', name: 'guard' });
      bus.on('page.load', inside);
      const result = await bus.emit('page.load', '/', { core: inside });
      expect(result).toMatchObject({ ok: false, called: 2, skipped: 1, stopped: true, value: undefined });
      expect(result.failures).toMatchObject([{ handler: 'guard' }]);
      expect(causes(result.failures)).toEqual([boom]);
      expect(inside).not.toHaveBeenCalled();
    });

    it('[12] lets a handler further out catch what one that says stop failed with', async () => {
      const boom = new Error('boom');
      const seen: unknown[] = [];
      const bus = onion({ failurePolicy: 'isolate' });
      bus.on('page.load', async (_, ctx) => {
        try {
          return await ctx.next();
        } catch (error) {
          seen.push(error);
          return 'fallback';
        }
      });
      bus.on('page.load', failing.rejects(boom), { failurePolicy: 'stop' });
      const result = await bus.emit('page.load', '/', { core });
      expect(seen).toHaveLength(1);
      expect(seen[0]).toBe(boom);
      expect(result).toMatchObject({ ok: true, value: 'fallback', failures: [] });
    });
  });

  describe('ctx.stop', () => {
    it('has next run nothing and give undefined, the core included', async () => {
      const inside = vi.fn(() => 'inside');
      const bus = onion();
      const seen: unknown[] = [];
      bus.on('any.wrap', (_, ctx) => {
        ctx.stop();
        seen.push(ctx.next());
        return 'mine';
      });
      bus.on('any.wrap', inside);
      bus.onAny(inside);
      const expected = { ok: true, called: 1, skipped: 2, stopped: true, value: 'mine' };
      expect(bus.emitSync('any.wrap', 1, { core: inside })).toMatchObject(expected);
      expect(await bus.emit('any.wrap', 1, { core: inside })).toMatchObject(expected);
      expect(seen).toEqual([undefined, undefined]);
      expect(inside).not.toHaveBeenCalled();
    });

    it('may be called without next, and with next before it', () => {
      const bus = onion();
      const off = bus.on(
        'page.load',
        (_, ctx) => {
          ctx.stop();
          return 'mine';
        },
        { name: 'stops' },
      );
      const listener = vi.fn();
      bus.onAny(listener);
      expect(bus.emitSync('page.load', '/', { core })).toMatchObject({ stopped: true, value: 'mine', skipped: 1 });
      expect(listener).not.toHaveBeenCalled();
      off();
      bus.on('page.load', (_, ctx) => {
        const page = ctx.next();
        ctx.stop();
        return page;
      });
      expect(bus.emitSync('page.load', '/', { core })).toMatchObject({
        stopped: true,
        value: 'page at /',
        called: 2,
        skipped: 0,
      });
      expect(listener).toHaveBeenCalledTimes(1);
    });

    it('inside leaves those further out their way out', async () => {
      const bus = onion();
      bus.on('any.wrap', async (_, ctx) => ['outer', await ctx.next()]);
      bus.on('any.wrap', async (_, ctx) => {
        ctx.stop();
        return ['inner', await ctx.next()];
      });
      bus.on('any.wrap', () => 'not called');
      expect(await bus.emit('any.wrap', 1, { core: () => 'core' })).toMatchObject({
        ok: true,
        stopped: true,
        called: 2,
        skipped: 1,
        value: ['outer', ['inner', undefined]],
      });
    });

    it('of a listener on the way in has next give undefined to whoever called it', () => {
      const inside = vi.fn();
      const bus = onion();
      bus.on('any.wrap', (_, ctx) => ['outer', ctx.next()]);
      bus.onAny((_, ctx) => ctx.stop());
      bus.on('any.wrap', inside);
      expect(bus.emitSync('any.wrap', 1, { core: inside })).toMatchObject({
        stopped: true,
        called: 2,
        skipped: 1,
        value: ['outer', undefined],
      });
      expect(inside).not.toHaveBeenCalled();
    });

    it('of the first listener leaves no value', () => {
      const inside = vi.fn();
      const bus = onion();
      bus.onAny((_, ctx) => ctx.stop());
      bus.on('page.load', inside);
      expect(bus.emitSync('page.load', '/', { core: inside })).toMatchObject({
        ok: true,
        stopped: true,
        called: 1,
        skipped: 1,
        value: undefined,
      });
      expect(inside).not.toHaveBeenCalled();
    });
  });

  describe('emitSync', () => {
    it('[5] fails a handler that returns a promise, and looks after that', async () => {
      const slow = deferred<string>();
      const bus = onion();
      bus.on('page.load', () => slow.promise, { name: 'slow' });
      const uncaught = await uncaughtDuring(() => {
        const error = threw(() => bus.emitSync('page.load', '/', { core }));
        expect(error.errors).toMatchObject([{ code: 'ASYNC_IN_SYNC', handler: 'slow' }]);
        expect(error.result).toMatchObject({ ok: false, called: 1, stopped: true, value: undefined });
        slow.reject(new Error('too late'));
      });
      expect(uncaught).toEqual([]);
    });

    it('[5] fails a core that returns a promise, and looks after that', async () => {
      const slow = deferred<string>();
      const bus = onion();
      bus.on('page.load', pass);
      const uncaught = await uncaughtDuring(() => {
        const error = threw(() => bus.emitSync('page.load', '/', { core: () => slow.promise }));
        expect(error.errors).toMatchObject([{ code: 'ASYNC_IN_SYNC', handler: 'core' }]);
        expect(error.errors).toHaveLength(1);
        slow.reject(new Error('too late'));
      });
      expect(uncaught).toEqual([]);
    });

    it('[5] lets a handler further out catch that one inside returned a promise', () => {
      const bus = onion();
      const seen: unknown[] = [];
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch (error) {
          seen.push(error);
          return 'fallback';
        }
      });
      bus.on('page.load', async () => 'later', { name: 'slow' });
      expect(bus.emitSync('page.load', '/', { core })).toMatchObject({ ok: true, value: 'fallback' });
      expect(seen).toMatchObject([{ code: 'ASYNC_IN_SYNC' }]);
    });

    it('[5] has what next gave for the value of an isolated handler that called it and returned a promise', async () => {
      const bus = onion({ failurePolicy: 'isolate' });
      bus.on('page.load', wrap('a'));
      bus.on('page.load', async (_, ctx) => `late ${await ctx.next()}`, { name: 'slow' });
      bus.on('page.load', wrap('b'));
      const result = bus.emitSync('page.load', '/', { core });
      expect(result).toMatchObject({ ok: false, called: 3, value: 'a(b(page at /))' });
      expect(result.failures).toMatchObject([{ code: 'ASYNC_IN_SYNC', handler: 'slow' }]);
      await bus.idle();
    });

    it('[5] runs nothing for a next that comes too late', async () => {
      const inside = vi.fn(() => 'inside');
      const bus = onion();
      let late: unknown;
      bus.on('page.load', async (_, ctx) => {
        await null;
        late = thrownBy(() => ctx.next());
        return ctx.next();
      });
      bus.on('page.load', inside);
      const uncaught = await uncaughtDuring(async () => {
        threw(() => bus.emitSync('page.load', '/', { core: inside }));
        await bus.idle();
      });
      expect(late).toMatchObject({ code: 'INVALID_NEXT' });
      expect(inside).not.toHaveBeenCalled();
      expect(uncaught).toEqual([]);
    });

    it('[5] passes over an isolated handler that returned a promise before it called next', async () => {
      const inside = vi.fn((url: string) => core(url));
      const bus = onion({ failurePolicy: 'isolate' });
      bus.on('page.load', async (_, ctx) => {
        await null;
        return ctx.next();
      });
      const result = bus.emitSync('page.load', '/', { core: inside });
      expect(result).toMatchObject({ ok: false, value: 'page at /' });
      await bus.idle();
      expect(inside).toHaveBeenCalledTimes(1);
    });
  });

  describe('time', () => {
    it('[17] ends with a failure where a handler takes too long, those inside included in its time', async () => {
      const clock = new ManualClock();
      const bus = onion({ clock });
      const gate = deferred<string>();
      const signals: AbortSignal[] = [];
      bus.on('page.load', (_, ctx) => ctx.next(), { timeoutMs: 100, name: 'limited' });
      bus.on('page.load', (_, ctx) => {
        signals.push(ctx.signal);
        return ctx.next();
      });
      const rejection = rejected(
        bus.emit('page.load', '/', {
          core: (_, ctx) => {
            signals.push(ctx.signal);
            return gate.promise;
          },
        }),
      );
      await clock.advance(99);
      expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]);
      await clock.advance(1);
      const error = await rejection;
      expect(error.errors).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'limited' }]);
      expect(error.result).toMatchObject({ ok: false, value: undefined });
      // Nobody waits for those inside any more, and they are told.
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
      const idle = bus.idle();
      expect(await stateOf(idle)).toBe('pending');
      gate.resolve('late');
      expect(await stateOf(idle)).toBe('fulfilled');
      expect(bus.inspect().counts).toMatchObject({ late: 0, inFlight: 0, timeouts: 1 });
    });

    it('[17] absorbs what those inside reject with after the time of one further out is up', async () => {
      const clock = new ManualClock();
      const reported: AmbusError[] = [];
      const bus = onion({ clock, onFailure: (failure) => reported.push(failure) });
      const gate = deferred<string>();
      bus.on('page.load', pass, { timeoutMs: 100 });
      bus.on('page.load', wrapLater('b'));
      const uncaught = await uncaughtDuring(async () => {
        const rejection = rejected(bus.emit('page.load', '/', { core: () => gate.promise }));
        await clock.advance(100);
        await rejection;
        gate.reject(new Error('late'));
        await bus.idle();
      });
      expect(uncaught).toEqual([]);
      expect(reported).toEqual([]);
    });

    it('[17] fulfils at once where the handler whose time is up is isolated, and nothing inside counts', async () => {
      const clock = new ManualClock();
      const bus = onion({ clock, failurePolicy: 'isolate' });
      const gate = deferred<string>();
      bus.on('page.load', pass, { timeoutMs: 100, name: 'limited' });
      bus.on('page.load', wrap('b'));
      const emission = bus.emit('page.load', '/', { core: () => gate.promise });
      await clock.advance(100);
      const result = await emission;
      expect(result).toMatchObject({ ok: false, called: 2, value: undefined });
      expect(result.failures).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'limited' }]);
      gate.resolve('late');
      await bus.idle();
      expect(result.value).toBeUndefined();
    });

    it('[17] passes over an isolated handler whose time is up before it called next', async () => {
      const clock = new ManualClock();
      const bus = onion({ clock, failurePolicy: 'isolate' });
      const gate = deferred();
      let late: unknown;
      const inside = vi.fn((url: string) => core(url));
      bus.on('page.load', wrap('a'));
      bus.on(
        'page.load',
        async (_, ctx) => {
          await gate.promise;
          late = thrownBy(() => ctx.next());
          return 'late';
        },
        { timeoutMs: 100 },
      );
      const emission = bus.emit('page.load', '/', { core: inside });
      await clock.advance(100);
      expect(await emission).toMatchObject({ ok: false, value: 'a(page at /)' });
      gate.resolve();
      await bus.idle();
      expect(late).toMatchObject({ code: 'INVALID_NEXT' });
      expect(inside).toHaveBeenCalledTimes(1);
    });

    it.each([
      ['fulfils', (late: Deferred<string>) => late.resolve('late')],
      ['rejects', (late: Deferred<string>) => late.reject(new Error('late'))],
    ])('[17] leaves an isolated handler whose time is up out of it where it %s later', async (_, settle) => {
      const clock = new ManualClock();
      const bus = onion({ clock, failurePolicy: 'isolate' });
      const [late, gate] = [deferred<string>(), deferred<string>()];
      bus.on('page.load', wrap('a'));
      bus.on('page.load', () => late.promise, { timeoutMs: 100, name: 'limited' });
      bus.on('page.load', () => gate.promise, { name: 'answers' });
      const emission = bus.emit('page.load', '/');
      await clock.advance(100);
      settle(late);
      await promisesSettled();
      gate.resolve('in time');
      const result = await emission;
      expect(result).toMatchObject({ ok: false, value: 'a(in time)', answeredBy: 'answers' });
      expect(result.failures).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'limited' }]);
    });

    it('[17] throws INVALID_NEXT to an isolated handler whose time is up, while the next one has its turn', async () => {
      const clock = new ManualClock();
      const bus = onion({ clock, failurePolicy: 'isolate' });
      const [wake, gate] = [deferred(), deferred<string>()];
      const inside = vi.fn(() => 'inside');
      let late: unknown;
      bus.on(
        'page.load',
        async (_, ctx) => {
          await wake.promise;
          late = thrownBy(() => ctx.next());
          return 'late';
        },
        { timeoutMs: 100 },
      );
      bus.on('page.load', () => gate.promise);
      const emission = bus.emit('page.load', '/', { core: inside });
      await clock.advance(100);
      wake.resolve();
      await promisesSettled();
      expect(late).toMatchObject({ code: 'INVALID_NEXT' });
      gate.resolve('in time');
      expect((await emission).value).toBe('in time');
      expect(inside).not.toHaveBeenCalled();
    });

    it('[17] gives undefined to those further out of an isolated handler whose time is up', async () => {
      const clock = new ManualClock();
      const bus = onion({ clock, failurePolicy: 'isolate' });
      const gate = deferred<string>();
      bus.on('page.load', wrap('a'));
      bus.on('page.load', pass, { timeoutMs: 100 });
      bus.on('page.load', () => gate.promise);
      const emission = bus.emit('page.load', '/');
      await clock.advance(100);
      expect(await emission).toMatchObject({ ok: false, value: 'a(undefined)' });
      gate.resolve('late');
      await bus.idle();
    });

    it('[17] throws INVALID_NEXT to a handler inside of one whose time is up', async () => {
      const clock = new ManualClock();
      const bus = onion({ clock });
      const gate = deferred();
      const inside = vi.fn(() => 'inside');
      let late: unknown;
      bus.on('page.load', pass, { timeoutMs: 100 });
      bus.on('page.load', async (_, ctx) => {
        await gate.promise;
        late = thrownBy(() => ctx.next());
        return 'late';
      });
      const rejection = rejected(bus.emit('page.load', '/', { core: inside }));
      await clock.advance(100);
      await rejection;
      gate.resolve();
      await bus.idle();
      expect(late).toMatchObject({ code: 'INVALID_NEXT' });
      expect(inside).not.toHaveBeenCalled();
    });

    it('[17] rejects next where a handler inside takes too long, which one further out may catch', async () => {
      const clock = new ManualClock();
      const bus = onion({ clock });
      const never = (): Promise<string> => new Promise(() => {});
      const off = bus.on('page.load', async (_, ctx) => {
        try {
          return await ctx.next();
        } catch {
          return 'fallback';
        }
      });
      bus.on('page.load', never, { timeoutMs: 100, name: 'slow' });
      const caught = bus.emit('page.load', '/');
      await clock.advance(100);
      expect(await caught).toMatchObject({ ok: true, value: 'fallback', failures: [] });
      off();
      bus.on('page.load', wrapLater('a'), { priority: 1 });
      const rejection = rejected(bus.emit('page.load', '/'));
      await clock.advance(100);
      expect((await rejection).errors).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'slow' }]);
    });

    it('[17] gives a handler inside its own time, from its own start', async () => {
      const clock = new ManualClock();
      const bus = onion({ clock });
      const gate = deferred();
      bus.on('page.load', async (_, ctx) => {
        await gate.promise;
        return ctx.next();
      });
      bus.on('page.load', (): Promise<string> => new Promise(() => {}), { timeoutMs: 100, name: 'slow' });
      const emission = rejected(bus.emit('page.load', '/'));
      await clock.advance(500);
      gate.resolve();
      await clock.advance(99);
      expect(await stateOf(emission)).toBe('pending');
      await clock.advance(1);
      expect((await emission).errors).toMatchObject([{ code: 'HANDLER_TIMEOUT', handler: 'slow' }]);
    });
  });

  describe('abort', () => {
    it('[19] rejects with the reason, after those that run have settled, and starts nothing further in', async () => {
      const bus = onion();
      const controller = new AbortController();
      const gate = deferred();
      const inside = vi.fn(() => 'inside');
      const reason = new Error('enough');
      let thrown: unknown;
      bus.on('page.load', async (_, ctx) => {
        await gate.promise;
        thrown = thrownBy(() => ctx.next());
        return 'mine';
      });
      bus.on('page.load', inside);
      const emission = bus.emit('page.load', '/', { core: inside, signal: controller.signal });
      const state = stateOf(emission);
      controller.abort(reason);
      expect(await state).toBe('pending');
      gate.resolve();
      expect(await rejectionOf(emission)).toBe(reason);
      expect(thrown).toBe(reason);
      expect(inside).not.toHaveBeenCalled();
    });

    it("[19] aborts the signals of every level, the core's included", async () => {
      const bus = onion();
      const controller = new AbortController();
      const gate = deferred<string>();
      const signals: AbortSignal[] = [];
      bus.on('page.load', (_, ctx) => {
        signals.push(ctx.signal);
        return ctx.next();
      });
      bus.on('page.load', (_, ctx) => {
        signals.push(ctx.signal);
        return ctx.next();
      });
      const emission = bus.emit('page.load', '/', {
        signal: controller.signal,
        core: (_, ctx) => {
          signals.push(ctx.signal);
          return gate.promise;
        },
      });
      controller.abort('enough');
      expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
      gate.resolve('');
      expect(await rejectionOf(emission)).toBe('enough');
    });

    it('[19] rejects with the reason where a handler lets the reason through', async () => {
      const bus = onion();
      const controller = new AbortController();
      bus.on('page.load', async (_, ctx) => {
        controller.abort('enough');
        return ctx.next();
      });
      const inside = vi.fn(() => '');
      const emission = bus.emit('page.load', '/', { core: inside, signal: controller.signal });
      expect(await rejectionOf(emission)).toBe('enough');
      expect(inside).not.toHaveBeenCalled();
    });

    it('[16] refuses an emission whose signal has aborted before, core and all', async () => {
      const inside = vi.fn(() => '');
      const bus = onion();
      bus.on('page.load', inside);
      const emission = bus.emit('page.load', '/', { core: inside, signal: AbortSignal.abort('enough') });
      expect(await rejectionOf(emission)).toBe('enough');
      expect(inside).not.toHaveBeenCalled();
    });
  });

  describe('changes while it runs', () => {
    it('[6] passes over handlers inside that were removed before next', async () => {
      const bus = onion();
      bus.on('page.load', async (_, ctx) => {
        await null;
        off();
        return ctx.next();
      });
      const off = bus.on('page.load', wrap('removed'));
      bus.on('page.load', wrap('c'));
      expect(await bus.emit('page.load', '/', { core })).toMatchObject({
        value: 'c(page at /)',
        called: 2,
        skipped: 1,
      });
    });

    it('[6] lets a handler that is removed while those inside run finish', async () => {
      const bus = onion();
      const gate = deferred<string>();
      const off = bus.on('page.load', wrapLater('a'));
      const inner = bus.on('page.load', wrap('b'));
      const emission = bus.emit('page.load', '/', { core: () => gate.promise });
      await promisesSettled();
      off();
      inner();
      gate.resolve('core');
      expect(await emission).toMatchObject({ ok: true, value: 'a(b(core))', called: 2, skipped: 0 });
      expect(bus.handlerCount('page.load')).toBe(0);
    });

    it('[6] does not call handlers that are added while it runs', () => {
      const bus = onion();
      bus.once('page.load', (_, ctx) => {
        bus.on('page.load', wrap('added'));
        return ctx.next();
      });
      expect(bus.emitSync('page.load', '/', { core }).value).toBe('page at /');
      expect(bus.emitSync('page.load', '/', { core }).value).toBe('added(page at /)');
    });

    it('[6] skips the handlers of a group that is paused before next, and calls those of a retired one', () => {
      const bus = onion();
      const [paused, retired] = [bus.group('paused'), bus.group('retired')];
      bus.on('page.load', (_, ctx) => {
        paused.pause();
        retired.retire();
        return ctx.next();
      });
      paused.on('page.load', wrap('paused'));
      retired.on('page.load', wrap('retired'));
      expect(bus.emitSync('page.load', '/', { core })).toMatchObject({
        value: 'retired(page at /)',
        called: 2,
        skipped: 1,
      });
      expect(bus.emitSync('page.load', '/', { core }).value).toBe('page at /');
    });

    it('[6] nests whoever is subscribed at the time of each emission', () => {
      const bus = onion();
      const load = () => bus.emitSync('page.load', '/', { core: () => '' }).value;
      expect(load()).toBe('');
      const off = bus.on('page.load', wrap('a'));
      expect(load()).toBe('a()');
      bus.once('page.load', wrap('once'));
      expect(load()).toBe('a(once())');
      bus.on('page.load', wrap('b'), { priority: 1 });
      expect(load()).toBe('b(a())');
      off();
      expect(load()).toBe('b()');
    });
  });

  describe('a handler inside that waits for a slot of its own', () => {
    /** An emission that holds the only slot of the second of three handlers, and another that waits for it. */
    function waiting(options?: { readonly signal: AbortSignal }) {
      const bus = onion();
      const gate = deferred<string>();
      const seen: unknown[] = [];
      let stop: (() => void) | undefined;
      bus.on('page.load', async (_, ctx) => {
        stop = () => ctx.stop();
        try {
          return `a(${await ctx.next()})`;
        } catch (error) {
          seen.push(error);
          return 'fallback';
        }
      });
      const off = bus.on('page.load', () => gate.promise, { concurrency: 1 });
      bus.on('page.load', wrap('c'));
      const holder = bus.emit('page.load', '/holder');
      const waiter = bus.emit('page.load', '/', { core, ...options });
      return { bus, gate, holder, off, seen, stop: () => stop?.(), waiter };
    }

    it('has next give a promise', async () => {
      const { gate, holder, waiter } = waiting();
      expect(await stateOf(waiter)).toBe('pending');
      gate.resolve('mine');
      expect(await holder).toMatchObject({ value: 'a(mine)' });
      expect(await waiter).toMatchObject({ value: 'a(mine)', called: 2, skipped: 1 });
    });

    it('[6] is passed over where it is removed meanwhile', async () => {
      const { gate, holder, off, waiter } = waiting();
      off();
      expect(await waiter).toMatchObject({ ok: true, value: 'a(c(page at /))', called: 2, skipped: 1 });
      gate.resolve('mine');
      expect(await holder).toMatchObject({ value: 'a(mine)' });
    });

    it('is skipped where one further out stops the emission, to whom next gives undefined', async () => {
      const { gate, holder, stop, waiter } = waiting();
      stop();
      expect(await waiter).toMatchObject({ ok: true, stopped: true, value: 'a(undefined)', called: 1, skipped: 2 });
      gate.resolve('mine');
      expect(await holder).toMatchObject({ value: 'a(mine)' });
    });

    it('[19] is skipped where the emission is aborted, and next rejects with the reason', async () => {
      const controller = new AbortController();
      const { gate, holder, seen, waiter } = waiting({ signal: controller.signal });
      const rejection = rejectionOf(waiter);
      controller.abort('enough');
      expect(await rejection).toBe('enough');
      expect(seen).toEqual(['enough']);
      gate.resolve('mine');
      expect(await holder).toMatchObject({ value: 'a(mine)' });
    });

    it('[5] fails under emitSync with HANDLER_BUSY, which one further out may catch', async () => {
      const bus = onion();
      const gate = deferred<string>();
      const seen: unknown[] = [];
      bus.on('page.load', (_, ctx) => {
        try {
          return ctx.next();
        } catch (error) {
          seen.push(error);
          return 'fallback';
        }
      });
      bus.on('page.load', () => gate.promise, { concurrency: 1 });
      const holder = bus.emit('page.load', '/holder');
      expect(bus.emitSync('page.load', '/')).toMatchObject({ ok: true, value: 'fallback' });
      expect(seen).toMatchObject([{ code: 'HANDLER_BUSY' }]);
      gate.resolve('mine');
      expect(await holder).toMatchObject({ value: 'mine' });
    });
  });

  describe('the core', () => {
    it.each([
      ['broadcast', broadcast()],
      ['waterfall', waterfall<void>()],
    ] as const)('is refused for a %s, by INVALID_OPTION', async (_, declaration) => {
      const bus = makeBus({ events: defineEvents({ tick: declaration }) });
      const handler = vi.fn();
      bus.on('tick', handler);
      const options = { core: () => 1 } as never;
      expect(await rejectionOf(bus.emit('tick', undefined, options))).toMatchObject({ code: 'INVALID_OPTION' });
      expect(thrownBy(() => bus.emitSync('tick', undefined, options))).toMatchObject({ code: 'INVALID_OPTION' });
      expect(thrownBy(() => bus.dispatch('tick', undefined, options))).toMatchObject({ code: 'INVALID_OPTION' });
      expect(thrownBy(() => bus.event('tick').emitSync(undefined, options))).toMatchObject({ code: 'INVALID_OPTION' });
      expect(handler).not.toHaveBeenCalled();
      expect(bus.inspect().counts.dropped).toBe(4);
    });

    it('is refused for a first, a collect and an event that is not declared, by INVALID_OPTION', () => {
      const bus = makeBus({
        events: defineEvents({ ask: first<void, string>(), poll: collect<void, string>() }),
        undeclared: 'allow',
      });
      const options = { core: () => 1 } as never;
      for (const type of ['ask', 'poll', 'undeclared' as 'ask'] as const) {
        expect(thrownBy(() => bus.emitSync(type, undefined, options))).toMatchObject({ code: 'INVALID_OPTION' });
      }
      expect(thrownBy(() => makeBus().emitSync('tick', 1, options))).toMatchObject({ code: 'INVALID_OPTION' });
    });

    it.each([[null], [1], ['core'], [{}], [Promise.resolve(1)]])(
      'is refused where it is %o, by INVALID_OPTION',
      (given) => {
        const bus = onion();
        const handler = vi.fn(pass);
        bus.on('page.load', handler);
        const error = thrownBy(() => bus.emitSync('page.load', '/', { core: given as never })) as AmbusError;
        expect(error).toMatchObject({ code: 'INVALID_OPTION', details: { option: 'core' } });
        expect(handler).not.toHaveBeenCalled();
      },
    );

    it('[25] is told to observers by the name "core"', async () => {
      const bus = onion();
      const started: HandlerStarted[] = [];
      const settled: HandlerSettled[] = [];
      bus.observe({
        handlerStarted: (fact) => started.push(fact),
        handlerSettled: (fact) => settled.push(fact),
      });
      bus.on('page.load', wrap('a'), { name: 'outer' });
      await bus.emit('page.load', '/', { core: coreLater });
      expect(started.map(({ handler }) => handler)).toEqual(['outer', 'core']);
      expect(settled.map(({ handler, outcome, async }) => [handler, outcome, async])).toEqual([
        ['core', 'ok', true],
        ['outer', 'ok', true],
      ]);
      bus.emitSync('page.load', '/', { core });
      expect(settled.slice(2).map(({ handler, async }) => [handler, async])).toEqual([
        ['core', false],
        ['outer', false],
      ]);
    });

    it('runs for a posted emission too', async () => {
      const bus = onion();
      const inside = vi.fn(coreLater);
      bus.on('page.load', pass);
      bus.post('page.load', '/', { core: inside });
      await bus.idle();
      expect(inside).toHaveBeenCalledTimes(1);
    });

    it('[21] may emit, and does not wait for itself where it asks for idle', async () => {
      const bus = onion();
      const urls: string[] = [];
      bus.on('page.load', (url, ctx) => {
        urls.push(url);
        return ctx.next();
      });
      const result = await bus.emit('page.load', '/', {
        meta: { user: 'u1' },
        core: async (url, ctx) => {
          await ctx.idle();
          const { value } = await ctx.emit('page.load', `${url}inner`, {
            core: (_, inner) => inner.meta['user'] as string,
          });
          return `${url} ${value}`;
        },
      });
      expect(result.value).toBe('/ u1');
      expect(urls).toEqual(['/', '/inner']);
    });
  });

  it.each<FanOutMode>(['sequential', 'concurrent', 'tiered'])('[2] nests on a bus that is %s too', async (mode) => {
    const bus = onion({ mode });
    const gates: Deferred<string>[] = [];
    bus.on('page.load', wrapLater('a'));
    bus.on('page.load', wrap('b'));
    const emission = bus.emit('page.load', '/', {
      mode: 'concurrent',
      concurrency: 2,
      core: () => {
        const gate = deferred<string>();
        gates.push(gate);
        return gate.promise;
      },
    });
    await promisesSettled();
    expect(gates).toHaveLength(1);
    gates[0]?.resolve('core');
    expect(await emission).toMatchObject({ value: 'a(b(core))', called: 2 });
  });
});
