import { describe, expect, it, vi } from 'vitest';
import type { AmbusError } from '../../src/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';

const names = [
  'order',
  'order.placed',
  'order.paid',
  'order.placed.eu',
  'order.placed.eu.de',
  'orders.placed',
  'user.placed',
  'a',
  '',
  'order.',
  '.placed',
];

/** Which of the names above a pattern stands for. */
const matches: readonly (readonly [string, readonly string[]])[] = [
  ['*', ['order', 'a', '']],
  ['*.*', ['order.placed', 'order.paid', 'orders.placed', 'user.placed', 'order.', '.placed']],
  ['order.*', ['order.placed', 'order.paid', 'order.']],
  ['*.placed', ['order.placed', 'orders.placed', 'user.placed', '.placed']],
  ['order.*.eu', ['order.placed.eu']],
  ['*.*.eu', ['order.placed.eu']],
  ['*.placed.*', ['order.placed.eu']],
  ['order.placed.*', ['order.placed.eu']],
  ['order.*.*.*', ['order.placed.eu.de']],
  ['order.**', ['order', 'order.placed', 'order.paid', 'order.placed.eu', 'order.placed.eu.de', 'order.']],
  ['order.placed.**', ['order.placed', 'order.placed.eu', 'order.placed.eu.de']],
  ['order.*.**', ['order.placed', 'order.paid', 'order.placed.eu', 'order.placed.eu.de', 'order.']],
  ['*.placed.**', ['order.placed', 'order.placed.eu', 'order.placed.eu.de', 'orders.placed', 'user.placed', '.placed']],
  ['**', names],
  ['unknown.*', []],
  ['.*', ['.placed']],
];

describeEveryBus((makeBus) => {
  it.each(matches)('[24] matches %s segment by segment', (pattern, expected) => {
    const seen: string[] = [];
    const bus = makeBus();
    bus.on(pattern, (_, ctx) => void seen.push(ctx.type));
    for (const name of names) bus.emitSync(name);
    expect(seen).toEqual(expected);
    seen.length = 0;
    for (const name of names) bus.event(name).emitSync();
    expect(seen).toEqual(expected);
  });

  it('[24] finds patterns that are subscribed after an event was first emitted, and forgets those that are gone', () => {
    const seen: string[] = [];
    const bus = makeBus();
    const emit = () => {
      seen.length = 0;
      bus.emitSync('order.placed');
      return seen.join(' ');
    };
    expect(emit()).toBe('');
    const first = bus.on('order.*', () => void seen.push('order.*'));
    expect(emit()).toBe('order.*');
    const second = bus.on('**', () => void seen.push('**'), { priority: 1 });
    expect(emit()).toBe('** order.*');
    bus.on('user.*', () => void seen.push('user.*'));
    expect(emit()).toBe('** order.*');
    first();
    expect(emit()).toBe('**');
    second();
    expect(emit()).toBe('');
    bus.onAny(() => void seen.push('any'));
    expect(emit()).toBe('any');
  });

  it('[24] matches patterns once per event, however often it is emitted, until a subscription changes', () => {
    const bus = makeBus();
    bus.on('order.*', () => {});
    const split = vi.spyOn(String.prototype, 'split');
    const matched = () => {
      split.mockClear();
      bus.emitSync('order.placed');
      return split.mock.contexts.includes('order.placed');
    };
    expect([matched(), matched(), matched()]).toEqual([true, false, false]);
    bus.on('user.*', () => {});
    expect([matched(), matched()]).toEqual([true, false]);
  });

  it('[24] awaits pattern, list and any-handlers, and ignores what they return', async () => {
    const gates = [deferred<string>(), deferred<string>(), deferred<string>()] as const;
    let done = false;
    const bus = makeBus({ mode: 'concurrent' });
    bus.on('order.*', () => gates[0].promise);
    bus.on(['order.placed', 'order.paid'], () => gates[1].promise);
    bus.onAny(() => gates[2].promise);
    const emission = bus.emit('order.placed').then((result) => {
      done = true;
      return result;
    });
    for (const gate of gates) {
      expect(done).toBe(false);
      gate.resolve('ignored');
      await promisesSettled();
    }
    expect(await emission).toEqual({
      type: 'order.placed',
      ok: true,
      called: 3,
      skipped: 0,
      stopped: false,
      failures: [],
      values: [],
    });
  });

  it('[24] isolates pattern, list and any-handlers like any other', async () => {
    const bus = makeBus();
    const fail = () => {
      throw new Error('boom');
    };
    bus.on('order.*', fail, { name: 'pattern' });
    bus.on(['order.placed'], fail, { name: 'list' });
    bus.onAny(fail, { name: 'any' });
    bus.on('order.placed', () => {});
    const result = await bus.emit('order.placed');
    expect(result.called).toBe(4);
    expect(result.failures.map(({ handler, event }) => [handler, event])).toEqual([
      ['pattern', 'order.placed'],
      ['list', 'order.placed'],
      ['any', 'order.placed'],
    ]);
  });

  it('[24] tells a handler of many events by ctx.type which one it is, and carries the payload', () => {
    interface Shop {
      'order.placed': { total: number };
      'order.paid': { method: string };
      'shop.closed': undefined;
    }
    const seen: unknown[] = [];
    const bus = makeBus<Shop>();
    bus.on('order.*', (payload, ctx) => {
      expect(ctx.payload).toBe(payload);
      seen.push(ctx.type === 'order.placed' ? ctx.payload.total : ctx.payload.method);
    });
    bus.on(['order.paid', 'shop.closed'], (_, ctx) => void seen.push([ctx.type, ctx.payload]));
    bus.onAny((event) => void seen.push(event));
    bus.emitSync('order.placed', { total: 42 });
    bus.emitSync('order.paid', { method: 'card' });
    bus.emitSync('shop.closed');
    expect(seen).toEqual([
      42,
      { type: 'order.placed', payload: { total: 42 } },
      'card',
      ['order.paid', { method: 'card' }],
      { type: 'order.paid', payload: { method: 'card' } },
      ['shop.closed', undefined],
      { type: 'shop.closed', payload: undefined },
    ]);
  });

  it('[24] tells an any-handler by its context which event it is, too', () => {
    const seen: unknown[] = [];
    const bus = makeBus<{ tick: number }>();
    bus.onAny((event, ctx) => {
      const { type, payload } = ctx as unknown as { type: unknown; payload: unknown };
      seen.push([event, type, payload]);
    });
    bus.emitSync('tick', 1);
    expect(seen).toEqual([[{ type: 'tick', payload: 1 }, 'tick', 1]]);
  });

  it('[24] hands the filter of an any-subscription the event, like the handler', () => {
    const seen: unknown[] = [];
    const filtered: unknown[] = [];
    const bus = makeBus<{ tick: number; tock: number }>();
    bus.onAny((event) => void seen.push(event), {
      filter: (event) => {
        filtered.push(event);
        return event.type === 'tock' && event.payload > 1;
      },
    });
    expect(bus.emitSync('tick', 1)).toMatchObject({ called: 0, skipped: 1 });
    expect(bus.emitSync('tock', 1)).toMatchObject({ called: 0, skipped: 1 });
    expect(bus.emitSync('tock', 2)).toMatchObject({ called: 1, skipped: 0 });
    expect(filtered).toEqual([
      { type: 'tick', payload: 1 },
      { type: 'tock', payload: 1 },
      { type: 'tock', payload: 2 },
    ]);
    expect(seen).toEqual([{ type: 'tock', payload: 2 }]);
  });

  it('[24] hands the filter of a pattern or list subscription the payload', () => {
    const seen: number[] = [];
    const bus = makeBus<{ 'a.x': number; 'a.y': number }>();
    bus.on('a.*', (n) => void seen.push(n), { filter: (n) => n > 1 });
    bus.on(['a.x', 'a.y'], (n) => void seen.push(n), { filter: (n) => n > 2 });
    for (const n of [1, 2, 3]) bus.emitSync('a.y', n);
    expect(seen).toEqual([2, 3, 3]);
  });

  it('[24] calls a handler once for each subscription that matches', () => {
    const seen: string[] = [];
    const handler = () => void seen.push('called');
    const bus = makeBus();
    bus.on('a.b', handler);
    bus.on('a.*', handler);
    bus.on('*.b', handler);
    bus.on('**', handler);
    bus.on(['a.b', 'a.b', 'a.c'], handler);
    bus.onAny(handler);
    expect(bus.emitSync('a.b').called).toBe(6);
    expect(seen).toHaveLength(6);
  });

  it('[24] calls a list handler for each event of the list and for no other', () => {
    const seen: string[] = [];
    const bus = makeBus<{ a: void; b: void; c: void }>();
    const off = bus.on(['a', 'c'], (_, ctx) => void seen.push(ctx.type));
    for (const type of ['a', 'b', 'c'] as const) bus.emitSync(type);
    off();
    for (const type of ['a', 'b', 'c'] as const) bus.emitSync(type);
    expect(seen).toEqual(['a', 'c']);
  });

  it.each(['*', '**', 'order.*', '*.placed', 'order.*.eu', 'order.**', '**.placed', 'a.**.b'])(
    '[24] refuses to emit the pattern %s, by every verb',
    async (pattern) => {
      const reported: AmbusError[] = [];
      let called = false;
      const bus = makeBus({ onFailure: (failure) => reported.push(failure) });
      bus.onAny(() => {
        called = true;
      });
      const refusal = { name: 'AmbusError', code: 'INVALID_EVENT' };
      expect(await rejectionOf(bus.emit(pattern))).toMatchObject(refusal);
      expect(thrownBy(() => bus.emitSync(pattern))).toMatchObject(refusal);
      expect(thrownBy(() => bus.dispatch(pattern))).toMatchObject(refusal);
      bus.post(pattern);
      await promisesSettled();
      expect(reported).toMatchObject([refusal]);
      expect(thrownBy(() => bus.event(pattern))).toMatchObject(refusal);
      expect(called).toBe(false);
    },
  );

  it.each(['**.placed', 'order.**.eu', '**.**', '*.**.*'])(
    '[24] refuses the pattern %s, whose ** is not last',
    (pattern) => {
      const bus = makeBus();
      for (const subscribe of [() => bus.on(pattern, () => {}), () => bus.once(pattern, () => {})]) {
        expect(thrownBy(subscribe)).toMatchObject({ code: 'INVALID_PATTERN' });
      }
      expect(bus.handlerCount()).toBe(0);
    },
  );

  it.each(['foo*', '*foo', 'f*o.bar', '***', 'a.***', 'a.b**'])(
    '[24] takes %s as a plain name, for no segment of it is a wildcard',
    (name) => {
      const seen: string[] = [];
      const bus = makeBus();
      bus.on(name, () => void seen.push('exact'));
      bus.on('**', (_, ctx) => void seen.push(ctx.type));
      expect(bus.emitSync(name).called).toBe(2);
      bus.emitSync('foo.bar');
      expect(seen).toEqual(['exact', name, 'foo.bar']);
    },
  );

  it('[24] compares segments as they are, not as regular expressions', () => {
    const seen: string[] = [];
    const bus = makeBus();
    for (const pattern of ['.+.*', '(a.*', 'a|b.*', '[a].*', '\\w.*', '^.*', '$.*']) {
      bus.on(pattern, (_, ctx) => void seen.push(`${pattern} ${ctx.type}`));
    }
    for (const type of ['ab.x', 'a.x', 'b.x', '(a.x', 'a|b.x', '\\w.x', '$.x']) bus.emitSync(type);
    expect(seen).toEqual(['(a.* (a.x', 'a|b.* a|b.x', '\\w.* \\w.x', '$.* $.x']);
  });

  it('[24] does not tell upper and lower case apart from what they are', () => {
    const bus = makeBus();
    bus.on('Order.*', () => {});
    expect(bus.emitSync('order.placed').called).toBe(0);
    expect(bus.emitSync('Order.placed').called).toBe(1);
  });

  it('[24] matches names of very many segments', () => {
    const bus = makeBus();
    bus.on('a.**', () => {});
    bus.on('a.*', () => {});
    expect(bus.emitSync(`a${'.b'.repeat(20_000)}`).called).toBe(1);
  });

  it('[24] stops listening where a pattern or any-subscription is removed during an emission', () => {
    const bus = makeBus();
    bus.on('order.placed', () => {
      off();
      offAny();
    });
    const off = bus.on('order.*', () => {
      throw new Error('must not be called');
    });
    const offAny = bus.onAny(() => {
      throw new Error('must not be called');
    });
    expect(bus.emitSync('order.placed')).toMatchObject({ ok: true, called: 1, skipped: 2 });
  });

  describe('symbols', () => {
    const tick = Symbol('tick');

    it('[24] are matched by no pattern, and heard by onAny', () => {
      const seen: unknown[] = [];
      const bus = makeBus<{ [tick]: number; 'a.b': number }>();
      bus.on('**', (_, ctx) => void seen.push(['**', ctx.type]));
      bus.on('*.*', (_, ctx) => void seen.push(['*.*', ctx.type]));
      bus.onAny((event) => void seen.push(event));
      expect(bus.emitSync(tick, 1).called).toBe(1);
      expect(seen).toEqual([{ type: tick, payload: 1 }]);
    });

    it('[24] may stand in a list', () => {
      const seen: unknown[] = [];
      const bus = makeBus<{ [tick]: number; tock: number }>();
      bus.on([tick, 'tock'], (n, ctx) => void seen.push([ctx.type, n]));
      bus.emitSync(tick, 1);
      bus.emitSync('tock', 2);
      expect(seen).toEqual([
        [tick, 1],
        ['tock', 2],
      ]);
    });
  });
});
