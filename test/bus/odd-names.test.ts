import { describe, expect, it } from 'vitest';
import { describeBothBuses } from './buses.js';
import { rejectionOf, thrownBy } from './deferred.js';

const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'hasOwnProperty',
  '__defineGetter__',
  'then',
  'error',
  'newListener',
  '',
  ' ',
  '.',
  '..',
  '.a',
  'a.',
  'a..b',
  '0',
  'undefined',
  'null',
  '🎉.日本',
  'with space\nand line',
  'x'.repeat(10_000),
];

describeBothBuses((makeBus) => {
  describe.each(names.map((name) => [name.length > 30 ? `${name.slice(0, 10)}…` : JSON.stringify(name), name]))(
    'the name %s',
    (_, name) => {
      it('[24] is an event like any other', async () => {
        const seen: unknown[] = [];
        const bus = makeBus();
        expect(bus.emitSync(name, 0).called).toBe(0);
        expect(bus.handlerCount(name)).toBe(0);
        const handler = (payload: unknown, { type }: { type: unknown }) => void seen.push(['exact', type, payload]);
        const off = bus.on(name, handler);
        bus.on([name, 'other'], (payload, { type }) => void seen.push(['list', type, payload]));
        bus.on('**', (payload, { type }) => void seen.push(['**', type, payload]));
        bus.onAny((event) => void seen.push(event));
        expect(bus.emitSync(name, 1)).toEqual({
          type: name,
          ok: true,
          called: 4,
          skipped: 0,
          stopped: false,
          failures: [],
          values: [],
        });
        expect(seen).toEqual([['exact', name, 1], ['list', name, 1], ['**', name, 1], { type: name, payload: 1 }]);
        expect(bus.eventTypes()).toEqual([name]);
        expect(bus.handlerCount(name)).toBe(4);
        expect((await bus.emit(name, 2)).called).toBe(4);
        expect(bus.event(name).emitSync(3).called).toBe(4);
        off();
        expect(bus.emitSync(name, 4).called).toBe(3);
        expect(bus.off(name, handler)).toBe(false);
      });

      it('[24] is itself in inspect(), in failures and in messages', () => {
        const bus = makeBus();
        bus.on(name, () => {
          throw new Error('boom');
        });
        expect(bus.emitSync(name).failures[0]?.event).toBe(name);
        const snapshot = bus.inspect();
        expect(snapshot.events.map(({ type }) => type)).toEqual([name]);
        expect(JSON.parse(JSON.stringify(snapshot))).toEqual(snapshot);
      });
    },
  );

  it('[24] leaves Object.prototype as it was', () => {
    const before = Reflect.ownKeys(Object.prototype);
    const bus = makeBus();
    for (const name of names) {
      bus.on(name, () => {}, { name });
      bus.group(name).on(name, () => {});
      bus.emitSync(name, { polluted: true });
    }
    bus.inspect();
    expect(Reflect.ownKeys(Object.prototype)).toEqual(before);
    expect(({} as { polluted?: true }).polluted).toBeUndefined();
  });

  it('[24] keeps names apart that differ in a little', () => {
    const seen: string[] = [];
    const bus = makeBus();
    const alike = ['a', 'A', 'a ', 'a.', 'á', 'a\u0301'];
    for (const name of alike) bus.on(name, () => void seen.push(name));
    for (const name of alike) bus.emitSync(name);
    expect(seen).toEqual(alike);
  });

  it('[24] matches odd names by patterns, segment by segment', () => {
    const seen: string[] = [];
    const bus = makeBus();
    bus.on('*', (_, { type }) => void seen.push(`* ${type}`));
    bus.on('constructor.*', (_, { type }) => void seen.push(`constructor.* ${type}`));
    bus.on('*.__proto__', (_, { type }) => void seen.push(`*.__proto__ ${type}`));
    bus.on('.*', (_, { type }) => void seen.push(`.* ${type}`));
    for (const name of ['', '__proto__', 'constructor', 'constructor.name', 'a.__proto__', '.', '..']) {
      bus.emitSync(name);
    }
    expect(seen).toEqual([
      '* ',
      '* __proto__',
      '* constructor',
      'constructor.* constructor.name',
      '*.__proto__ a.__proto__',
      '.* .',
    ]);
  });

  it('[24] takes a symbol as an event, by its identity', async () => {
    const [a, b] = [Symbol('same'), Symbol('same')];
    interface Events {
      [a]: number;
      [b]: number;
    }
    const seen: unknown[] = [];
    const bus = makeBus<Events>();
    const handler = (n: number, ctx: { type: symbol }) => void seen.push([ctx.type, n]);
    bus.on(a, handler);
    bus.once(a, handler);
    expect(bus.emitSync(a, 1)).toMatchObject({ type: a, called: 2 });
    expect(bus.emitSync(b, 2)).toMatchObject({ type: b, called: 0 });
    expect(await bus.emit(a, 3)).toMatchObject({ called: 1 });
    expect(seen).toEqual([
      [a, 1],
      [a, 1],
      [a, 3],
    ]);
    expect(bus.off(a, handler)).toBe(true);
    expect(bus.handlerCount(a)).toBe(0);
  });

  it('[24] takes well-known and registered symbols as events', () => {
    const bus = makeBus();
    for (const symbol of [Symbol.iterator, Symbol.asyncDispose, Symbol.for('ambus.error'), Symbol()]) {
      const name = symbol as never;
      expect(bus.emitSync(name).called).toBe(0);
      bus.on(name, () => {});
      expect(bus.emitSync(name).called).toBe(1);
    }
  });

  it('[24] shows a symbol as text where text is needed', () => {
    const tick = Symbol('tick');
    const bus = makeBus<{ [tick]: void }>();
    bus.on(tick, () => {
      throw new Error('boom');
    });
    const { failures } = bus.emitSync(tick);
    expect(failures[0]?.event).toBe('Symbol(tick)');
    expect(failures[0]?.message).toContain('Symbol(tick)');
    expect(bus.eventTypes()).toEqual(['Symbol(tick)']);
    expect(bus.inspect().events[0]?.type).toBe('Symbol(tick)');
    expect(thrownBy(() => bus.emitSync(tick, undefined, { failurePolicy: 'throw' }))).toMatchObject({
      message: expect.stringContaining('Symbol(tick)') as string,
    });
  });

  it.each([undefined, null, 0, 7, Number.NaN, true, 1n, {}, new String('tick'), ['tick'], () => {}])(
    '[24] refuses %s as a name, by every verb',
    async (value) => {
      const bus = makeBus();
      let called = false;
      bus.onAny(() => {
        called = true;
      });
      const name = value as never;
      const refusal = { name: 'AmbusError', code: 'INVALID_EVENT' };
      expect(await rejectionOf(bus.emit(name))).toMatchObject(refusal);
      expect(thrownBy(() => bus.emitSync(name))).toMatchObject(refusal);
      expect(thrownBy(() => bus.dispatch(name))).toMatchObject(refusal);
      expect(thrownBy(() => bus.event(name))).toMatchObject(refusal);
      expect(thrownBy(() => bus.off(name, () => {}))).toMatchObject(refusal);
      if (!Array.isArray(value)) {
        expect(thrownBy(() => bus.on(name, () => {}))).toMatchObject(refusal);
        expect(thrownBy(() => bus.once(name, () => {}))).toMatchObject(refusal);
        expect(thrownBy(() => bus.group('g').on(name, () => {}))).toMatchObject(refusal);
      }
      expect(bus.handlerCount()).toBe(1);
      expect(called).toBe(false);
    },
  );
});
