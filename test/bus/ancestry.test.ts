import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, vi } from 'vitest';
import type { EmissionContext, EmissionStarted, EventBus } from '../../src/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, promisesSettled, rejectionOf } from './deferred.js';
import { stateOf } from './promise-state.js';

const trace = { trace: 't1' };

/** A full garbage collection, at once. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

describeBothBuses((makeBus) => {
  it('[21] hands meta down through every verb of the context', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    bus.on('child', (_payload, ctx) => seen.push(ctx.meta));
    bus.on('parent', async (_payload, ctx) => {
      await ctx.emit('child');
      ctx.emitSync('child');
      await ctx.dispatch('child');
      ctx.post('child');
    });
    await bus.emit('parent', undefined, { meta: trace });
    expect(seen).toEqual([trace, trace, trace, trace]);
  });

  it('[21] hands meta down over generations', async () => {
    const bus = makeBus();
    let seen: unknown;
    bus.on('parent', (_payload, ctx) => ctx.emit('child'));
    bus.on('child', (_payload, ctx) => ctx.emit('grandchild'));
    bus.on('grandchild', (_payload, ctx) => {
      seen = ctx.meta;
    });
    await bus.emit('parent', undefined, { meta: trace });
    expect(seen).toEqual(trace);
  });

  it('[21] lets own keys of meta win over inherited ones', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    bus.on('parent', (_payload, ctx) => ctx.emit('child', undefined, { meta: { step: 2, own: true } }));
    bus.on('child', (_payload, ctx) => {
      seen.push(ctx.meta);
      return ctx.emit('grandchild');
    });
    bus.on('grandchild', (_payload, ctx) => seen.push(ctx.meta));
    await bus.emit('parent', undefined, { meta: { trace: 't1', step: 1 } });
    expect(seen).toEqual([
      { trace: 't1', step: 2, own: true },
      { trace: 't1', step: 2, own: true },
    ]);
  });

  it('[21] lets an own key win with undefined too', async () => {
    const bus = makeBus();
    let seen: Readonly<Record<string, unknown>> | undefined;
    bus.on('parent', (_payload, ctx) => ctx.emit('child', undefined, { meta: { trace: undefined } }));
    bus.on('child', (_payload, ctx) => {
      seen = ctx.meta;
    });
    await bus.emit('parent', undefined, { meta: trace });
    expect(seen?.['trace']).toBeUndefined();
  });

  it("[21] leaves the parent's meta as it was", async () => {
    const bus = makeBus();
    const meta = { trace: 't1' };
    let seen: unknown;
    bus.on('parent', async (_payload, ctx) => {
      await ctx.emit('child', undefined, { meta: { own: true } });
      seen = ctx.meta;
    });
    await bus.emit('parent', undefined, { meta });
    expect(seen).toEqual({ trace: 't1' });
    expect(meta).toEqual({ trace: 't1' });
  });

  it('[21] has an empty meta where none was given', async () => {
    const bus = makeBus();
    let seen: unknown;
    bus.on('tick', (_payload, ctx) => {
      seen = ctx.meta;
    });
    await bus.emit('tick');
    expect(seen).toEqual({});
  });

  it('[21] hands meta down from a handler with a time limit', async () => {
    const bus = makeBus();
    let seen: unknown;
    bus.on('parent', (_payload, ctx) => ctx.emit('child'), { timeoutMs: 1_000 });
    bus.on('child', (_payload, ctx) => {
      seen = ctx.meta;
    });
    await bus.emit('parent', undefined, { meta: trace });
    expect(seen).toEqual(trace);
  });

  it('[21] names the parent of a nested emission to observers', async () => {
    const bus = makeBus();
    const facts: EmissionStarted[] = [];
    bus.observe({ emissionStarted: (fact) => facts.push(fact) });
    bus.on('parent', (_payload, ctx) => ctx.emit('child'));
    await bus.emit('parent');
    expect(facts.map((fact) => fact.type)).toEqual(['parent', 'child']);
    expect(facts[0]?.parentId).toBeUndefined();
    expect(facts[1]?.parentId).toBe(facts[0]?.emissionId);
  });

  it('[21] names the parent also where the handler has a time limit, and so a context of its own', async () => {
    const bus = makeBus();
    const facts: EmissionStarted[] = [];
    bus.observe({ emissionStarted: (fact) => facts.push(fact) });
    bus.on('parent', (_payload, ctx) => ctx.emit('child'), { timeoutMs: 1_000 });
    await bus.emit('parent');
    expect(facts[1]?.parentId).toBe(facts[0]?.emissionId);
  });

  it.each(['auto', 'always', 'never'] as const)(
    '[21] traces plain calls in the synchronous part of a handler, with asyncContext %s',
    async (asyncContext) => {
      const bus = makeBus({ asyncContext });
      const seen: unknown[] = [];
      bus.on('child', (_payload, ctx) => seen.push(ctx.meta));
      bus.on('parent', async () => {
        bus.emitSync('child');
        bus.post('child');
        const child = bus.event('child');
        child.emitSync(undefined);
        await Promise.all([bus.emit('child'), bus.dispatch('child')]);
      });
      await bus.emit('parent', undefined, { meta: trace });
      expect(seen).toEqual([trace, trace, trace, trace, trace]);
    },
  );

  it('[21] traces plain calls after an await where asyncContext is "always"', async () => {
    const bus = makeBus({ asyncContext: 'always' });
    const facts: EmissionStarted[] = [];
    bus.observe({ emissionStarted: (fact) => facts.push(fact) });
    bus.on('parent', async () => {
      await promisesSettled();
      await bus.emit('child');
    });
    await bus.emit('parent');
    expect(facts[1]?.parentId).toBe(facts[0]?.emissionId);
    expect(bus.inspect().asyncContext).toBe(true);
  });

  it('[21] traces plain calls after an await where the emission has meta, by default', async () => {
    const bus = makeBus();
    let seen: unknown;
    bus.on('parent', async () => {
      await promisesSettled();
      await bus.emit('child');
    });
    bus.on('child', (_payload, ctx) => {
      seen = ctx.meta;
    });
    await bus.emit('parent', undefined, { meta: trace });
    expect(seen).toEqual(trace);
  });

  it('[21] traces plain calls after an await in the children of an emission with meta, by default', async () => {
    const bus = makeBus();
    let seen: unknown;
    bus.on('parent', async (_payload, ctx) => {
      await promisesSettled();
      await ctx.emit('child');
    });
    bus.on('child', async () => {
      await promisesSettled();
      await bus.emit('grandchild');
    });
    bus.on('grandchild', (_payload, ctx) => {
      seen = ctx.meta;
    });
    await bus.emit('parent', undefined, { meta: trace });
    expect(seen).toEqual(trace);
  });

  it('[21] does not trace plain calls after an await where asyncContext is "never"', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    let seen: unknown;
    bus.on('parent', async () => {
      await promisesSettled();
      await bus.emit('child');
    });
    bus.on('child', (_payload, ctx) => {
      seen = ctx.meta;
    });
    await bus.emit('parent', undefined, { meta: trace });
    expect(seen).toEqual({});
    expect(bus.inspect().asyncContext).toBe(false);
  });

  it('[21] keeps the calls through the context traced after an await where asyncContext is "never"', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    let seen: unknown;
    bus.on('parent', async (_payload, ctx) => {
      await promisesSettled();
      await ctx.emit('child');
    });
    bus.on('child', (_payload, ctx) => {
      seen = ctx.meta;
    });
    await bus.emit('parent', undefined, { meta: trace });
    expect(seen).toEqual(trace);
  });

  it('[21] tells two emissions apart that run at the same time', async () => {
    const bus = makeBus();
    const seen: [unknown, unknown][] = [];
    const gates = [deferred(), deferred()];
    bus.on('parent', async (index) => {
      await gates[index as number]?.promise;
      await bus.emit('child', index);
    });
    bus.on('child', (index, ctx) => seen.push([index, ctx.meta]));
    const first = bus.emit('parent', 0, { meta: { trace: 'first' } });
    const second = bus.emit('parent', 1, { meta: { trace: 'second' } });
    gates[1]?.resolve();
    await second;
    gates[0]?.resolve();
    await first;
    expect(seen).toEqual([
      [1, { trace: 'second' }],
      [0, { trace: 'first' }],
    ]);
  });

  it('[21] does not take a call that follows an emission for one that it caused', async () => {
    const bus = makeBus({ asyncContext: 'always' });
    const facts: EmissionStarted[] = [];
    bus.observe({ emissionStarted: (fact) => facts.push(fact) });
    bus.on('tick', async () => {
      await promisesSettled();
    });
    bus.on('throws', () => {
      throw new Error('no');
    });
    const first = bus.emit('tick', undefined, { meta: trace });
    void bus.emit('throws');
    void bus.emit('tick');
    await first;
    await bus.emit('tick');
    expect(facts.map((fact) => fact.parentId)).toEqual([undefined, undefined, undefined, undefined]);
    expect(facts.slice(1).map((fact) => fact.meta)).toEqual([{}, {}, {}]);
  });

  it('[21] finds the right parent again after a nested synchronous emission', async () => {
    const bus = makeBus();
    const facts: EmissionStarted[] = [];
    bus.observe({ emissionStarted: (fact) => facts.push(fact) });
    bus.on('parent', () => {
      bus.emitSync('throws');
      bus.emitSync('sibling');
    });
    bus.on('throws', () => {
      throw new Error('no');
    });
    await bus.emit('parent');
    const [parent, , sibling] = facts;
    expect(sibling?.parentId).toBe(parent?.emissionId);
  });

  it('[21] does not take the emission of another bus for a parent of its own', async () => {
    const [outer, inner] = [makeBus(), makeBus()];
    const seen: unknown[] = [];
    const facts: EmissionStarted[] = [];
    inner.observe({ emissionStarted: (fact) => facts.push(fact) });
    outer.on('parent', async () => {
      await inner.emit('child');
      await inner.idle();
      seen.push('idle');
    });
    await outer.emit('parent', undefined, { meta: trace });
    expect(seen).toEqual(['idle']);
    expect(facts).toHaveLength(1);
  });

  it('[21] does not hang where a handler with a concurrency of 1 emits its own event through its context', async () => {
    const bus = makeBus();
    const depths: unknown[] = [];
    bus.on(
      'tick',
      async (depth, ctx) => {
        depths.push(depth);
        await promisesSettled();
        if ((depth as number) < 3) await ctx.emit('tick', (depth as number) + 1);
      },
      { concurrency: 1 },
    );
    expect((await bus.emit('tick', 1)).ok).toBe(true);
    expect(depths).toEqual([1, 2, 3]);
  });

  it('[21] does not hang where it emits its own event by a plain call, before or after an await', async () => {
    const bus = makeBus();
    const runs: unknown[] = [];
    bus.on(
      'tick',
      async (how) => {
        runs.push(how);
        if (how === 'before') await bus.emit('tick', 'nested');
        if (how === 'nested') return;
        await promisesSettled();
        await bus.emit('tick', 'nested');
      },
      { concurrency: 1 },
    );
    expect((await bus.emit('tick', 'before')).ok).toBe(true);
    expect(runs).toEqual(['before', 'nested', 'nested']);
  });

  it('[21] does not hang where another event lies between', async () => {
    const bus = makeBus();
    let runs = 0;
    bus.on('tick', (_payload, ctx) => (++runs < 3 ? ctx.emit('between') : undefined), { concurrency: 1 });
    bus.on('between', async (_payload, ctx) => {
      await promisesSettled();
      await ctx.emit('tick');
    });
    expect((await bus.emit('tick')).ok).toBe(true);
    expect(runs).toBe(3);
  });

  it('[21] still makes an unrelated emission wait for the slot', async () => {
    const bus = makeBus();
    const gate = deferred();
    const started: unknown[] = [];
    bus.on(
      'tick',
      async (who) => {
        started.push(who);
        await gate.promise;
      },
      { concurrency: 1 },
    );
    const emissions = [bus.emit('tick', 'first'), bus.emit('tick', 'second')];
    await promisesSettled();
    expect(started).toEqual(['first']);
    gate.resolve();
    await Promise.all(emissions);
    expect(started).toEqual(['first', 'second']);
  });

  it('[21] accepts emissions caused by those being drained while the bus closes', async () => {
    const bus = makeBus();
    const gate = deferred();
    const children: unknown[] = [];
    bus.on('parent', async (_payload, ctx) => {
      await gate.promise;
      await ctx.emit('child', 'emit');
      ctx.emitSync('child', 'emitSync');
      await ctx.dispatch('child', 'dispatch');
      ctx.post('child', 'post');
    });
    bus.on('child', (how) => children.push(how));
    const emission = bus.emit('parent');
    const closed = bus.close();
    gate.resolve();
    expect((await emission).ok).toBe(true);
    expect((await closed).drained).toBe(true);
    expect(children).toEqual(['emit', 'emitSync', 'dispatch', 'post']);
  });

  it('[21] accepts plain calls after an await too while the bus closes, where they are traced', async () => {
    const bus = makeBus({ asyncContext: 'always' });
    const gate = deferred();
    const children: unknown[] = [];
    bus.on('parent', async () => {
      await gate.promise;
      await bus.emit('child', 'plain');
    });
    bus.on('child', (how) => children.push(how));
    const emission = bus.emit('parent');
    const closed = bus.close();
    gate.resolve();
    expect((await emission).ok).toBe(true);
    await closed;
    expect(children).toEqual(['plain']);
  });

  it('[21] refuses emissions of others while the bus closes', async () => {
    const bus = makeBus();
    const gate = deferred();
    bus.on('parent', () => gate.promise);
    const emission = bus.emit('parent');
    const closed = bus.close();
    expect(await rejectionOf(bus.emit('parent'))).toMatchObject({ code: 'BUS_CLOSED' });
    gate.resolve();
    await Promise.all([emission, closed]);
  });

  it('[21] refuses emissions through the context of one that ended before the bus closed', async () => {
    const bus = makeBus();
    const gate = deferred();
    let late: (() => Promise<unknown>) | undefined;
    bus.on('ended', (_payload, ctx) => {
      late = () => ctx.emit('child');
    });
    bus.on('running', () => gate.promise);
    await bus.emit('ended');
    const emission = bus.emit('running');
    const closed = bus.close();
    expect(await rejectionOf((late as () => Promise<unknown>)())).toMatchObject({ code: 'BUS_CLOSED' });
    gate.resolve();
    await Promise.all([emission, closed]);
  });

  // Emissions of synchronous handlers take a shorter way through the bus: a few before, so that it is in use.
  const SHAPES = {
    'with no other handlers': [0, 0],
    'behind synchronous handlers': [3, 0],
    'before synchronous handlers': [0, 3],
    'among synchronous handlers': [2, 2],
  } as const;

  /** Ways for a handler to emit in its synchronous part. */
  const LINKS: Record<string, (bus: EventBus, ctx: EmissionContext, type: string) => unknown> = {
    'ctx.emit': (_bus, ctx, type) => ctx.emit(type),
    'ctx.dispatch': (_bus, ctx, type) => ctx.dispatch(type),
    'bus.emit': (bus, _ctx, type) => bus.emit(type),
    'bus.dispatch': (bus, _ctx, type) => bus.dispatch(type),
    'event().emit': (bus, _ctx, type) => bus.event(type).emit(undefined),
  };

  /** What the innermost handler may wait for without waiting for those that it is in. */
  const WAITS: Record<string, (bus: EventBus, ctx: EmissionContext) => unknown> = {
    'bus.idle': (bus) => bus.idle(),
    'bus.close': (bus) => bus.close(),
    'ctx.idle after an await': async (_bus, ctx) => {
      await promisesSettled();
      await ctx.idle();
    },
    'ctx.close after an await': async (_bus, ctx) => {
      await promisesSettled();
      await ctx.close();
    },
  };

  const CASES = Object.keys(SHAPES).flatMap((shape) =>
    Object.keys(LINKS).flatMap((link) => Object.keys(WAITS).map((wait) => ({ shape, link, wait }))),
  );

  it.each(CASES)('[21] does not wait for itself: $wait, three deep by $link, $shape', async ({ shape, link, wait }) => {
    const bus = makeBus({ asyncContext: 'never' });
    const [before, behind] = SHAPES[shape as keyof typeof SHAPES];
    const [emitBy, waitBy] = [LINKS[link], WAITS[wait]];
    let armed = false;
    let waited = false;
    for (const depth of [1, 2, 3]) {
      for (let i = 0; i < before; i++) bus.on(`level.${depth}`, () => {});
      bus.on(`level.${depth}`, (_payload, ctx) => {
        if (!armed) return undefined;
        if (depth < 3) return emitBy?.(bus, ctx, `level.${depth + 1}`);
        return Promise.resolve(waitBy?.(bus, ctx)).then(() => {
          waited = true;
        });
      });
      for (let i = 0; i < behind; i++) bus.on(`level.${depth}`, () => {});
    }
    for (let i = 0; i < 3; i++) for (const depth of [1, 2, 3]) bus.emitSync(`level.${depth}`);
    const unrelated = deferred();
    bus.on('unrelated', () => unrelated.promise);
    bus.post('unrelated');
    armed = true;
    const emission = bus.emit('level.1');
    await promisesSettled();
    await promisesSettled();
    expect(waited).toBe(false);
    unrelated.resolve();
    expect(await stateOf(emission)).toBe('fulfilled');
    expect(waited).toBe(true);
  });

  it('[21] waits in the synchronous part of a handler for what it has posted there itself', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    const gate = deferred();
    bus.on('child', () => gate.promise);
    bus.on('parent', () => {
      bus.post('child');
      return bus.idle();
    });
    const emission = bus.emit('parent');
    expect(await stateOf(emission)).toBe('pending');
    gate.resolve();
    expect((await emission).ok).toBe(true);
  });

  it('[21] hands meta down by plain calls through emissions that have none', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    const seen: unknown[] = [];
    bus.on('root', (type, ctx) => (type === 'start' ? ctx.emit('given', undefined, { meta: trace }) : undefined));
    bus.on('given', () => bus.emit('between'));
    bus.on('between', () => bus.emit('last'));
    bus.on('last', (_payload, ctx) => seen.push(ctx.meta));
    for (const type of ['root', 'between', 'last']) bus.emitSync(type);
    await bus.emit('root', 'start');
    expect(seen.at(-1)).toEqual(trace);
  });

  it('[21] does not hand meta down to what is emitted beside', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    const seen: unknown[] = [];
    bus.on('root', (type, ctx) => {
      if (type !== 'start') return;
      ctx.emitSync('given', undefined, { meta: trace });
      bus.emitSync('last');
    });
    bus.on('given', () => {
      throw new Error('no');
    });
    bus.on('last', (_payload, ctx) => seen.push(ctx.meta));
    for (const type of ['root', 'last']) bus.emitSync(type);
    await bus.emit('root', 'start');
    expect(seen.at(-1)).toEqual({});
  });

  it('[21] does not hang where an event of synchronous handlers lies between, and every call is a plain one', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    let runs = 0;
    bus.on('tick', () => (++runs < 3 ? bus.emit('between') : undefined), { concurrency: 1 });
    bus.on('between', () => {});
    bus.on('between', (type) => (type === 'idle' ? undefined : bus.emit('tick')));
    bus.emitSync('between', 'idle');
    expect((await bus.emit('tick')).ok).toBe(true);
    expect(runs).toBe(3);
  });

  it('[21] accepts plain calls in the synchronous part of handlers that are still to run while the bus closes', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    const gate = deferred();
    const children: unknown[] = [];
    bus.on('parent', () => gate.promise);
    bus.on('parent', () => {
      bus.post('child', 1);
    });
    bus.on('child', async (n) => {
      children.push(n);
      if ((n as number) < 3) bus.post('child', (n as number) + 1);
    });
    const emission = bus.emit('parent');
    const closed = bus.close();
    gate.resolve();
    await Promise.all([emission, closed]);
    expect(children).toEqual([1, 2, 3]);
  });

  it('[21] takes what a synchronous handler emitted for finished business of its own, and waits for it outside', async () => {
    const bus = makeBus({ asyncContext: 'never' });
    const gate = deferred();
    bus.on('outer', () => void bus.emit('inner'));
    bus.on('inner', () => gate.promise);
    bus.emitSync('outer');
    const idle = bus.idle();
    expect(await stateOf(idle)).toBe('pending');
    gate.resolve();
    expect(await stateOf(idle)).toBe('fulfilled');
  });

  it('[21] does not wait for itself by way of another bus', async () => {
    const [outer, inner] = [makeBus(), makeBus()];
    outer.on('tick', () => inner.emit('tock'));
    inner.on('tock', () => outer.idle());
    expect(await stateOf(outer.emit('tick'))).toBe('fulfilled');
  });

  it.each(['ctx.post', 'bus.post'] as const)(
    '[21] does not keep finished emissions alive by a long chain of %s',
    async (verb) => {
      const bus = makeBus({ asyncContext: 'always' });
      const gate = deferred();
      const last = deferred();
      const payloads: WeakRef<object>[] = [];
      const length = 200;
      bus.on('link', async (payload, ctx) => {
        payloads.push(new WeakRef(payload as object));
        await promisesSettled();
        if (payloads.length === length) {
          last.resolve();
          await gate.promise;
          return;
        }
        const next = { number: payloads.length };
        if (verb === 'ctx.post') ctx.post('link', next);
        else bus.post('link', next);
      });
      bus.post('link', { number: 0 }, { meta: trace });
      await last.promise;
      await promisesSettled();
      collectGarbage();
      const alive = payloads.filter((payload) => payload.deref() !== undefined);
      // The last one is in flight. The engine may hold on to a few that were just used.
      expect(alive.length).toBeLessThan(10);
      gate.resolve();
      await bus.idle();
    },
  );
});

it.each([
  ['has no process', () => vi.stubGlobal('process', undefined)],
  ['has no built-in modules to hand out', () => vi.stubGlobal('process', { ...process, getBuiltinModule: undefined })],
  ['does not know the module', () => vi.stubGlobal('process', { ...process, getBuiltinModule: () => undefined })],
])('[21] traces the calls through the context on a platform that %s', async (_what, stub) => {
  vi.resetModules();
  const { EventBus } = await import('../../src/index.js');
  stub();
  const bus = new EventBus({ asyncContext: 'always' });
  const seen: unknown[] = [];
  bus.on('parent', async (_payload, ctx) => {
    await Promise.resolve();
    await ctx.emit('child');
    await bus.emit('child');
  });
  bus.on('child', (_payload, ctx) => seen.push(ctx.meta));
  await bus.emit('parent', undefined, { meta: trace });
  expect(seen).toEqual([trace, {}]);
  expect(bus.inspect().asyncContext).toBe(false);
});
