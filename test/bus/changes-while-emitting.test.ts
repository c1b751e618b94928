import { describe, expect, it } from 'vitest';
import type { FanOutMode, Unsubscribe } from '../../src/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled } from './deferred.js';

const modes: readonly FanOutMode[] = ['sequential', 'concurrent', 'tiered'];

describeEveryBus((makeBus) => {
  describe.each(modes)('%s', (mode) => {
    it('[6] does not call a handler added during an emission, and calls it in the next', async () => {
      const seen: string[] = [];
      const bus = makeBus({ mode });
      const note = (name: string) => () => {
        seen.push(name);
      };
      bus.once('tick', () => {
        bus.on('tick', note('same'));
        bus.on('tick', note('urgent'), { priority: 9 });
        bus.on('tick', note('patient'), { priority: -9 });
        bus.on('*', note('pattern'));
        bus.on(['tick', 'tock'], note('list'));
        bus.onAny(note('any'));
        bus.group('late', { place: 9 }).on('tick', note('group'));
      });
      bus.on('tick', note('old'));
      expect(await bus.emit('tick')).toMatchObject({ called: 2, skipped: 0 });
      expect(seen).toEqual(['old']);
      seen.length = 0;
      await bus.emit('tick');
      expect(seen).toEqual(['urgent', 'old', 'same', 'pattern', 'list', 'any', 'group', 'patient']);
    });

    it('[6] does not call a handler added while the emission waits for another', async () => {
      const gate = deferred();
      let added = false;
      const bus = makeBus({ mode });
      bus.on('tick', () => gate.promise);
      const emission = bus.emit('tick');
      bus.on(
        'tick',
        () => {
          added = true;
        },
        { priority: -1 },
      );
      gate.resolve();
      expect(await emission).toMatchObject({ called: 1, skipped: 0 });
      expect(added).toBe(false);
    });

    it('[6] comes to an end where each call adds another handler', async () => {
      let calls = 0;
      const bus = makeBus({ mode });
      const handler = () => {
        calls += 1;
        bus.on('tick', handler);
      };
      bus.on('tick', handler);
      expect(bus.emitSync('tick').called).toBe(1);
      expect((await bus.emit('tick')).called).toBe(2);
      expect((await bus.emit('tick')).called).toBe(4);
      expect(calls).toBe(7);
    });

    it('[6] does not call a handler removed earlier in the same emission', async () => {
      const seen: string[] = [];
      const bus = makeBus({ mode });
      let offs: Unsubscribe[] = [];
      const note = (name: string) => () => {
        seen.push(name);
      };
      bus.on('tick', () => {
        for (const off of offs) off();
      });
      offs = [
        bus.on('tick', note('exact')),
        bus.on(['tick', 'tock'], note('list')),
        bus.on('*', note('pattern')),
        bus.onAny(note('any')),
        bus.on('tick', note('patient'), { priority: -1 }),
      ];
      bus.on('tick', note('stays'), { priority: -2 });
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 2, skipped: 5 });
      expect(seen).toEqual(['stays']);
    });

    it('[6] does not call a handler that was removed by its function, its signal or with its group', () => {
      const bus = makeBus({ mode });
      const never = () => {
        throw new Error('must not be called');
      };
      const neverEither = () => never();
      const controller = new AbortController();
      const group = bus.group('parts');
      bus.on('tick', () => {
        bus.off('tick', never);
        controller.abort();
        group.remove();
      });
      bus.on('tick', never);
      bus.on('tick', neverEither, { signal: controller.signal });
      group.on('tick', neverEither);
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 1, skipped: 3 });
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 1, skipped: 0 });
    });

    it('[6] calls the next handler where one removes itself', async () => {
      const seen: string[] = [];
      const bus = makeBus({ mode });
      const offs = ['a', 'b', 'c'].map((name, index) =>
        bus.on('tick', () => {
          offs[index]?.();
          seen.push(name);
        }),
      );
      expect(bus.emitSync('tick')).toMatchObject({ called: 3, skipped: 0 });
      expect(await bus.emit('tick')).toMatchObject({ called: 0, skipped: 0 });
      expect(seen).toEqual(['a', 'b', 'c']);
    });

    it('[6] calls each handler once where one that has run is removed', () => {
      const seen: string[] = [];
      const bus = makeBus({ mode });
      const first = bus.on('tick', () => {
        seen.push('a');
      });
      bus.on('tick', () => {
        first();
        seen.push('b');
      });
      bus.on('tick', () => {
        seen.push('c');
      });
      bus.emitSync('tick');
      bus.emitSync('tick');
      expect(seen).toEqual(['a', 'b', 'c', 'b', 'c']);
    });

    it('[6] takes a handler that is removed and subscribed again during an emission as an added one', () => {
      let calls = 0;
      const bus = makeBus({ mode });
      const again = () => {
        calls += 1;
      };
      bus.once('tick', () => {
        off();
        bus.on('tick', again);
      });
      const off = bus.on('tick', again);
      expect(bus.emitSync('tick')).toMatchObject({ called: 1, skipped: 1 });
      expect(calls).toBe(0);
      bus.emitSync('tick');
      expect(calls).toBe(1);
    });

    it('[6] runs nested emissions depth-first', () => {
      const seen: string[] = [];
      const bus = makeBus<{ outer: void; inner: void }>({ mode });
      bus.on('outer', (_, ctx) => {
        seen.push('outer 1');
        ctx.emitSync('inner');
        void ctx.emit('inner');
        ctx.post('inner');
        bus.emitSync('inner');
      });
      bus.on('outer', () => {
        seen.push('outer 2');
      });
      bus.on('inner', () => {
        seen.push('inner 1');
      });
      bus.on('inner', () => {
        seen.push('inner 2');
      });
      bus.emitSync('outer');
      const inner = ['inner 1', 'inner 2'];
      expect(seen).toEqual(['outer 1', ...inner, ...inner, ...inner, ...inner, 'outer 2']);
    });

    it('[6] runs nested emissions of the same event depth-first', () => {
      const seen: string[] = [];
      const bus = makeBus<{ tick: number }>({ mode });
      bus.on('tick', (depth, ctx) => {
        seen.push(`a${depth}`);
        if (depth < 3) ctx.emitSync('tick', depth + 1);
      });
      bus.on('tick', (depth) => {
        seen.push(`b${depth}`);
      });
      bus.emitSync('tick', 1);
      expect(seen).toEqual(['a1', 'a2', 'a3', 'b3', 'b2', 'b1']);
    });
  });

  it('[6] has run a nested async emission to its end before the next handler, where it is awaited', async () => {
    const seen: string[] = [];
    const bus = makeBus<{ outer: void; inner: void }>();
    bus.on('outer', async (_, ctx) => {
      seen.push('outer 1');
      await ctx.emit('inner');
    });
    bus.on('outer', () => {
      seen.push('outer 2');
    });
    for (const name of ['inner 1', 'inner 2']) {
      bus.on('inner', async () => {
        await null;
        seen.push(name);
      });
    }
    await bus.emit('outer');
    expect(seen).toEqual(['outer 1', 'inner 1', 'inner 2', 'outer 2']);
  });

  it('[6] calls a handler added by an emission in those nested in it that start afterwards', () => {
    const seen: string[] = [];
    const bus = makeBus<{ tick: number }>();
    bus.on('tick', (depth, ctx) => {
      if (depth > 0) return;
      bus.on('tick', (added) => {
        seen.push(`added ${added}`);
      });
      ctx.emitSync('tick', 1);
    });
    bus.emitSync('tick', 0);
    expect(seen).toEqual(['added 1']);
  });

  it('[6] does not call a handler removed by a nested emission', () => {
    const bus = makeBus<{ outer: void; inner: void }>();
    bus.on('inner', () => off());
    bus.on('outer', (_, ctx) => {
      ctx.emitSync('inner');
    });
    const off = bus.on('outer', () => {
      throw new Error('must not be called');
    });
    expect(bus.emitSync('outer')).toMatchObject({ ok: true, called: 1, skipped: 1 });
  });

  it('[6] does not call a handler that is removed while its filter is asked', () => {
    const bus = makeBus();
    const off = bus.on(
      'tick',
      () => {
        throw new Error('must not be called');
      },
      {
        filter: () => {
          off();
          return true;
        },
      },
    );
    expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 0, skipped: 1 });
  });

  it('[6] does not call a handler removed while the emission waits for an earlier one', async () => {
    const gate = deferred();
    const bus = makeBus();
    bus.on('tick', () => gate.promise);
    const off = bus.on('tick', () => {
      throw new Error('must not be called');
    });
    const emission = bus.emit('tick');
    off();
    gate.resolve();
    expect(await emission).toMatchObject({ ok: true, called: 1, skipped: 1 });
  });

  it('[6] does not call a handler removed while it waits for a slot of the emission', async () => {
    const gate = deferred();
    const bus = makeBus({ mode: 'concurrent', concurrency: 1 });
    bus.on('tick', () => gate.promise);
    const off = bus.on('tick', () => {
      throw new Error('must not be called');
    });
    const emission = bus.emit('tick');
    off();
    gate.resolve();
    expect(await emission).toMatchObject({ ok: true, called: 1, skipped: 1 });
  });

  it('[6] does not call a handler of a lower tier removed by a higher one', async () => {
    const bus = makeBus({ mode: 'tiered' });
    bus.on(
      'tick',
      async () => {
        await null;
        off();
      },
      { priority: 1 },
    );
    const off = bus.on('tick', () => {
      throw new Error('must not be called');
    });
    expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 1, skipped: 1 });
  });

  it('[6] lets a handler that has started settle, though it is removed', async () => {
    const gate = deferred();
    const bus = makeBus();
    const off = bus.on('tick', () => gate.promise);
    const emission = bus.emit('tick');
    off();
    gate.reject(new Error('boom'));
    expect(await emission).toMatchObject({ ok: false, called: 1, skipped: 0 });
  });

  describe('retired', () => {
    it('[6] is still called by an emission that had started, and by no later one', async () => {
      const seen: string[] = [];
      const gate = deferred();
      const bus = makeBus<{ tick: string }>();
      const group = bus.group('old');
      bus.on('tick', (name) => (name === 'first' ? gate.promise : undefined));
      group.on('tick', (name) => {
        seen.push(name);
      });
      const first = bus.emit('tick', 'first');
      group.retire();
      expect(bus.emitSync('tick', 'second')).toMatchObject({ called: 1, skipped: 0 });
      gate.resolve();
      expect(await first).toMatchObject({ called: 2, skipped: 0 });
      expect(seen).toEqual(['first']);
    });

    it('[6] is called by the emission that retired it, and not by those nested in that', () => {
      const seen: number[] = [];
      const bus = makeBus<{ tick: number }>();
      const group = bus.group('old');
      bus.on('tick', (depth, ctx) => {
        if (depth > 0) return;
        group.retire();
        expect(ctx.emitSync('tick', 1)).toMatchObject({ called: 1 });
      });
      group.on('tick', (depth) => {
        seen.push(depth);
      });
      bus.emitSync('tick', 0);
      expect(seen).toEqual([0]);
    });

    it('[6] is called by each of the emissions that had started', async () => {
      const gate = deferred();
      let calls = 0;
      const bus = makeBus();
      const group = bus.group('old');
      bus.on('tick', () => gate.promise);
      group.on('*', () => {
        calls += 1;
      });
      group.onAny(() => {
        calls += 1;
      });
      const emissions = [bus.emit('tick'), bus.emit('tick'), bus.emit('tick')];
      group.retire();
      gate.resolve();
      await Promise.all(emissions);
      expect(calls).toBe(6);
    });

    it('[6] is called in its turn where it waits for a slot of the emission', async () => {
      const gate = deferred();
      let calls = 0;
      const bus = makeBus({ mode: 'concurrent', concurrency: 1 });
      const group = bus.group('old');
      bus.on('tick', () => gate.promise);
      group.on('tick', async () => {
        calls += 1;
      });
      const emission = bus.emit('tick');
      group.retire();
      gate.resolve();
      expect(await emission).toMatchObject({ called: 2, skipped: 0 });
      expect(calls).toBe(1);
    });

    it('[6] keeps its turns: a once that is retired fires in one of the emissions that had started', async () => {
      const gate = deferred();
      let calls = 0;
      const bus = makeBus();
      const group = bus.group('old');
      bus.on('tick', () => gate.promise);
      group.once('tick', () => {
        calls += 1;
      });
      const emissions = [bus.emit('tick'), bus.emit('tick')];
      group.retire();
      gate.resolve();
      await Promise.all(emissions);
      expect(calls).toBe(1);
    });

    it('[6] gives each emission exactly one of an old and a new handler', async () => {
      const seen: string[] = [];
      const gate = deferred();
      const bus = makeBus<{ tick: string }>();
      bus.on('tick', (name) => (name === 'before' ? gate.promise : undefined));
      const old = bus.group('worker', { place: 1 });
      old.on('tick', (name) => {
        seen.push(`${name}: old`);
      });
      const before = bus.emit('tick', 'before');
      bus.group('worker', { place: 1 }).on('tick', (name) => {
        seen.push(`${name}: new`);
      });
      old.retire();
      bus.emitSync('tick', 'after');
      gate.resolve();
      await before;
      expect(seen).toEqual(['after: new', 'before: old']);
    });
  });

  it('[7] takes the same function subscribed twice as two subscriptions', () => {
    let calls = 0;
    const handler = () => {
      calls += 1;
    };
    const bus = makeBus();
    const first = bus.on('tick', handler);
    const second = bus.on('tick', handler);
    expect(bus.handlerCount('tick')).toBe(2);
    expect(bus.emitSync('tick').called).toBe(2);
    first();
    expect([first.active, second.active]).toEqual([false, true]);
    expect(bus.emitSync('tick').called).toBe(1);
    second();
    expect(bus.emitSync('tick').called).toBe(0);
    expect(calls).toBe(3);
  });

  it('[7] removes one subscription, however often it is unsubscribed', () => {
    const handler = () => {};
    const bus = makeBus();
    const first = bus.on('tick', handler);
    bus.on('tick', handler);
    for (let n = 0; n < 5; n++) first();
    first[Symbol.dispose]();
    expect(bus.handlerCount('tick')).toBe(1);
    expect(bus.emitSync('tick').called).toBe(1);
  });

  it('[7] tells by `active` whether a subscription is live', () => {
    const bus = makeBus();
    const off = bus.on('tick', () => {});
    expect(off.active).toBe(true);
    bus.emitSync('tick');
    expect(off.active).toBe(true);
    off();
    expect(off.active).toBe(false);
    off();
    expect(off.active).toBe(false);
  });

  it('[7] ends a subscription with `using`', () => {
    const bus = makeBus();
    {
      using off = bus.on('tick', () => {});
      expect(off.active).toBe(true);
      expect(bus.emitSync('tick').called).toBe(1);
    }
    expect(bus.emitSync('tick').called).toBe(0);
    expect(bus.handlerCount()).toBe(0);
  });

  it('[7] unsubscribes detached from its bus, as a plain function', () => {
    const bus = makeBus();
    const [off] = [bus.on('tick', () => {})];
    queueMicrotask(off);
    expect(off.call(undefined)).toBeUndefined();
    expect(bus.handlerCount('tick')).toBe(0);
  });

  it('[7] emits to nobody', async () => {
    const nothing = { type: 'tick', ok: true, called: 0, skipped: 0, stopped: false, failures: [], values: [] };
    const bus = makeBus<{ tick: number }>();
    for (const failurePolicy of ['isolate', 'stop', 'throw'] as const) {
      for (const mode of modes) {
        const options = { failurePolicy, mode };
        expect(await bus.emit('tick', 1, options)).toEqual(nothing);
        expect(bus.emitSync('tick', 1, options)).toEqual(nothing);
        expect(bus.dispatch('tick', 1, options)).toEqual(nothing);
        bus.post('tick', 1, options);
      }
    }
    await promisesSettled();
  });

  it('[7] emits to nobody where all handlers have been removed', () => {
    const bus = makeBus();
    const offs = [bus.on('tick', () => {}), bus.on('*', () => {}), bus.onAny(() => {}), bus.on(['tick'], () => {})];
    expect(bus.emitSync('tick').called).toBe(4);
    for (const off of offs) off();
    expect(bus.emitSync('tick').called).toBe(0);
    expect(bus.dispatch('tick')).toMatchObject({ ok: true, called: 0 });
  });
});
