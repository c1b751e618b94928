import { describe, expect, it } from 'vitest';
import { AmbusError, type EmitOptions, EventBus } from '../../src/index.js';
import { describeBothBuses } from './buses.js';
import { promisesSettled, rejectionOf, thrownBy } from './deferred.js';

const noop = (): void => {};

/** Options of a subscription that make no sense, and which one is to blame. */
const badSubscribeOptions: readonly (readonly [option: string, value: unknown])[] = [
  ['name', 7],
  ['name', null],
  ['name', Symbol('name')],
  ['priority', Number.NaN],
  ['priority', Infinity],
  ['priority', -Infinity],
  ['priority', '1'],
  ['priority', null],
  ['priority', 1n],
  ['times', 0],
  ['times', -1],
  ['times', 1.5],
  ['times', Number.NaN],
  ['times', -Infinity],
  ['times', '3'],
  ['times', null],
  ['signal', {}],
  ['signal', true],
  ['signal', null],
  ['signal', new AbortController()],
  ['filter', true],
  ['filter', null],
  ['filter', 'order'],
  ['filter', {}],
  ['timeoutMs', 0],
  ['timeoutMs', -1],
  ['timeoutMs', Number.NaN],
  ['timeoutMs', 2_147_483_648],
  ['timeoutMs', '100'],
  ['timeoutMs', null],
  ['failurePolicy', 'throw'],
  ['failurePolicy', 'ignore'],
  ['failurePolicy', ''],
  ['failurePolicy', null],
  ['failurePolicy', 1],
  ['concurrency', 0],
  ['concurrency', -1],
  ['concurrency', 1.5],
  ['concurrency', Number.NaN],
  ['concurrency', '2'],
  ['concurrency', null],
];

const goodSubscribeOptions = {
  name: 'n',
  priority: 1,
  times: 2,
  signal: new AbortController().signal,
  filter: () => true,
  timeoutMs: 2_147_483_647,
  failurePolicy: 'stop',
  concurrency: 3,
} as const;

const badEmitOptions: readonly (readonly [option: string, value: unknown])[] = [
  ['mode', 'parallel'],
  ['mode', ''],
  ['mode', null],
  ['mode', 1],
  ['concurrency', 0],
  ['concurrency', -1],
  ['concurrency', 1.5],
  ['concurrency', Number.NaN],
  ['concurrency', '2'],
  ['concurrency', null],
  ['timeoutMs', 0],
  ['timeoutMs', -1],
  ['timeoutMs', Number.NaN],
  ['timeoutMs', 2_147_483_648],
  ['timeoutMs', '1'],
  ['timeoutMs', null],
  ['failurePolicy', 'ignore'],
  ['failurePolicy', null],
  ['signal', {}],
  ['signal', null],
  ['signal', new AbortController()],
  ['meta', 'text'],
  ['meta', null],
  ['meta', 7],
  ['meta', () => {}],
];

const badBusOptions: readonly (readonly [option: string, value: unknown])[] = [
  ['name', 7],
  ['name', null],
  ['mode', 'parallel'],
  ['mode', null],
  ['concurrency', 0],
  ['concurrency', -1],
  ['concurrency', Number.NaN],
  ['concurrency', 2.5],
  ['timeoutMs', 0],
  ['timeoutMs', -5],
  ['timeoutMs', Number.NaN],
  ['timeoutMs', 2_147_483_648],
  ['lateMs', -1],
  ['lateMs', Number.NaN],
  ['lateMs', '30000'],
  ['failurePolicy', 'ignore'],
  ['failurePolicy', null],
  ['onFailure', 'log'],
  ['onFailure', null],
  ['clock', {}],
  ['clock', null],
  ['clock', { now: () => 0 }],
  ['clock', () => 0],
  ['maxHandlers', -1],
  ['maxHandlers', Number.NaN],
  ['maxHandlers', 1.5],
  ['compiler', {}],
  ['compiler', null],
  ['compiler', () => {}],
  ['asyncContext', true],
  ['asyncContext', 'sometimes'],
];

function text(value: unknown): string {
  return typeof value === 'object' && value !== null ? `a ${value.constructor.name}` : String(value);
}

const titled = (cases: readonly (readonly [string, unknown])[]) =>
  cases.map(([option, value]) => [`${option}: ${text(value)}`, option, value] as const);

describeBothBuses((makeBus) => {
  /** Every way to subscribe to `tick`. */
  const ways = (bus: EventBus) => {
    const group = bus.group('g');
    const tick = bus.event('tick');
    return {
      on: (handler: unknown, options?: unknown) => bus.on('tick', handler as never, options as never),
      'on a list': (handler: unknown, options?: unknown) =>
        bus.on(['tick', 'tock'], handler as never, options as never),
      'on a pattern': (handler: unknown, options?: unknown) => bus.on('*', handler as never, options as never),
      once: (handler: unknown, options?: unknown) => bus.once('tick', handler as never, options as never),
      onAny: (handler: unknown, options?: unknown) => bus.onAny(handler as never, options as never),
      'group.on': (handler: unknown, options?: unknown) => group.on('tick', handler as never, options as never),
      'group.once': (handler: unknown, options?: unknown) => group.once('tick', handler as never, options as never),
      'group.onAny': (handler: unknown, options?: unknown) => group.onAny(handler as never, options as never),
      'event.on': (handler: unknown, options?: unknown) => tick.on(handler as never, options as never),
      'event.once': (handler: unknown, options?: unknown) => tick.once(handler as never, options as never),
    };
  };

  /** Nobody is subscribed, and nobody hears anything. */
  function expectNoTrace(bus: EventBus) {
    expect(bus.handlerCount()).toBe(0);
    expect(bus.eventTypes()).toEqual([]);
    expect(bus.inspect().listeners).toEqual([]);
    expect(bus.inspect().groups.map(({ size }) => size)).toEqual(bus.inspect().groups.map(() => 0));
    for (const type of ['tick', 'tock', 'a', 'b']) {
      expect(bus.emitSync(type)).toMatchObject({ called: 0, skipped: 0 });
    }
  }

  describe('on, once, onAny', () => {
    it.each([undefined, null, 'handler', 7, true, {}, [noop], Symbol('handler')])(
      '[9] refuse %s as a handler and leave no trace',
      (handler) => {
        const bus = makeBus();
        for (const [way, subscribe] of Object.entries(ways(bus))) {
          const error = thrownBy(() => subscribe(handler)) as AmbusError;
          expect(error, way).toBeInstanceOf(AmbusError);
          expect(error, way).toMatchObject({ code: 'INVALID_ARGUMENT' });
          expect(error.message, way).toMatch(/handler.*function/);
        }
        expectNoTrace(bus);
      },
    );

    it.each(titled(badSubscribeOptions))('[9] refuse %s among valid options and leave no trace', (_, option, value) => {
      const bus = makeBus();
      for (const [way, subscribe] of Object.entries(ways(bus))) {
        const { times, ...good } = goodSubscribeOptions;
        const isOnce = way.endsWith('once');
        if (isOnce && option === 'times') continue;
        const options = { ...(isOnce ? good : { ...good, times }), [option]: value };
        const error = thrownBy(() => subscribe(noop, options)) as AmbusError;
        expect(error, way).toMatchObject({ code: 'INVALID_OPTION', details: { option } });
        expect(Object.is(error.details['value'], value)).toBe(true);
        expect(error.message, way).toContain(`"${option}"`);
      }
      expectNoTrace(bus);
    });

    it('[9] refuse an option that they do not know, suggest the right one, and leave no trace', () => {
      const bus = makeBus();
      for (const [option, meant] of [
        ['priorty', 'priority'],
        ['Priority', 'priority'],
        ['time', 'times'],
        ['timeout', 'timeoutMs'],
        ['timeOutMS', 'timeoutMs'],
        ['filters', 'filter'],
        ['signals', 'signal'],
        ['concurency', 'concurrency'],
        ['failPolicy', 'failurePolicy'],
      ] as const) {
        for (const [way, subscribe] of Object.entries(ways(bus))) {
          if (meant === 'times' && way.endsWith('once')) continue;
          const error = thrownBy(() => subscribe(noop, { priority: 1, [option]: 1 })) as AmbusError;
          expect(error, way).toMatchObject({ code: 'UNKNOWN_OPTION', details: { option, meant } });
          expect(error.message).toContain(`"${option}"`);
          expect(error.message).toContain(`Did you mean "${meant}"?`);
        }
      }
      expectNoTrace(bus);
    });

    it('[9] refuse an option that resembles none, and say which there are', () => {
      const error = thrownBy(() => makeBus().on('tick', noop, { zzzzzzzzzz: 1 } as never)) as AmbusError;
      expect(error).toMatchObject({ code: 'UNKNOWN_OPTION', details: { option: 'zzzzzzzzzz', meant: undefined } });
      expect(error.message).toContain('priority');
    });

    it('[9] refuse `times` in once, whose number of times is given', () => {
      const bus = makeBus();
      for (const way of ['once', 'group.once', 'event.once'] as const) {
        expect(thrownBy(() => ways(bus)[way](noop, { times: 2 }))).toMatchObject({ code: 'UNKNOWN_OPTION' });
      }
      expectNoTrace(bus);
    });

    it.each([null, 7, 'fast', true, [], noop])('[9] refuse %s as options', (options) => {
      const bus = makeBus();
      for (const [way, subscribe] of Object.entries(ways(bus))) {
        expect(
          thrownBy(() => subscribe(noop, options)),
          way,
        ).toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
      expectNoTrace(bus);
    });

    it('take options that are left undefined as not given', () => {
      const bus = makeBus();
      const undefinedOptions = Object.fromEntries(Object.keys(goodSubscribeOptions).map((name) => [name, undefined]));
      for (const [way, subscribe] of Object.entries(ways(bus))) {
        const { times: _, ...withoutTimes } = undefinedOptions;
        subscribe(noop, way.endsWith('once') ? withoutTimes : undefinedOptions);
        subscribe(noop, {});
        subscribe(noop, undefined);
      }
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 30 });
    });

    it('take the options as they were, whatever is changed in them afterwards', () => {
      const seen: string[] = [];
      const bus = makeBus();
      const options = { priority: 1, name: 'first', filter: () => true, times: 5 };
      bus.on('tick', () => void seen.push('a'), options);
      Object.assign(options, { priority: -1, name: 'last', filter: () => false, times: 0 });
      bus.on('tick', () => void seen.push('b'));
      bus.emitSync('tick');
      bus.emitSync('tick');
      expect(seen).toEqual(['a', 'b', 'a', 'b']);
      expect(bus.inspect().events[0]?.handlers[0]).toMatchObject({ name: 'first', priority: 1, timesLeft: 3 });
    });
  });

  describe('on with a list', () => {
    it('[9] takes effect whole or not at all: one bad name, and nothing is subscribed', () => {
      const bus = makeBus();
      for (const [list, code] of [
        [['a', 'b', 7], 'INVALID_EVENT'],
        [['a', undefined], 'INVALID_EVENT'],
        [[null, 'a'], 'INVALID_EVENT'],
        [['a', ['b']], 'INVALID_EVENT'],
        [['a', 'b.*'], 'INVALID_PATTERN'],
        [['a', '**'], 'INVALID_PATTERN'],
        [['a', '**.b'], 'INVALID_PATTERN'],
        [[], 'INVALID_ARGUMENT'],
      ] as const) {
        const group = bus.group('g');
        for (const subscribing of [bus, group]) {
          expect(thrownBy(() => subscribing.on(list as never, noop))).toMatchObject({ code });
          expect(thrownBy(() => subscribing.once(list as never, noop))).toMatchObject({ code });
        }
      }
      expectNoTrace(bus);
    });

    it('[9] refuses a list with a hole', () => {
      const bus = makeBus();
      // oxlint-disable-next-line no-sparse-arrays -- the hole is the subject
      expect(thrownBy(() => bus.on(['a', , 'b'] as never, noop))).toMatchObject({ code: 'INVALID_EVENT' });
      expectNoTrace(bus);
    });

    it('[9] listens to no signal where it is refused', () => {
      const { signal } = new AbortController();
      let listeners = 0;
      Object.assign(signal, { addEventListener: () => void (listeners += 1) });
      const bus = makeBus();
      thrownBy(() => bus.on(['a', 'b.*'], noop, { signal }));
      thrownBy(() => bus.on('a', noop, { signal, concurrency: 0 }));
      thrownBy(() => bus.on('a', 7 as never, { signal }));
      expect(listeners).toBe(0);
    });

    it('[9] takes an event that is named twice once', () => {
      const bus = makeBus();
      bus.on(['a', 'a', 'b', 'a'], noop);
      expect(bus.emitSync('a').called).toBe(1);
      expect(bus.handlerCount('a')).toBe(1);
      expect(bus.handlerCount()).toBe(1);
    });

    it('[9] takes the list as it was, whatever is changed in it afterwards', () => {
      const bus = makeBus();
      const list = ['a'];
      bus.on(list, noop);
      bus.emitSync('b');
      list.push('b');
      list[0] = 'c';
      expect(bus.emitSync('a').called).toBe(1);
      expect(bus.emitSync('b').called).toBe(0);
      expect(bus.emitSync('c').called).toBe(0);
    });

    it('[9] ends for all its events at once', () => {
      const bus = makeBus();
      const off = bus.on(['a', 'b'], noop);
      bus.emitSync('a');
      off();
      expectNoTrace(bus);
    });
  });

  describe('with a filter', () => {
    it('skip the handler where it returns something falsy, and call it where not', () => {
      const bus = makeBus();
      bus.on('tick', noop, { filter: (verdict) => verdict as boolean });
      for (const falsy of [false, undefined, null, 0, Number.NaN, '', 0n]) {
        expect(bus.emitSync('tick', falsy), String(falsy)).toMatchObject({ ok: true, called: 0, skipped: 1 });
      }
      for (const truthy of [true, 1, 'no', {}, [], Symbol('yes')]) {
        expect(bus.emitSync('tick', truthy), typeof truthy).toMatchObject({ ok: true, called: 1, skipped: 0 });
      }
    });

    it('call it with the payload alone, once for each emission', async () => {
      const calls: unknown[][] = [];
      const bus = makeBus();
      bus.on('tick', noop, { filter: (...args: unknown[]) => calls.push(args) > 0 });
      bus.emitSync('tick', 1);
      await bus.emit('tick', 2, { mode: 'concurrent' });
      expect(calls).toEqual([[1], [2]]);
    });
  });

  describe('with a signal', () => {
    it('ends the subscription when it aborts', () => {
      const bus = makeBus();
      const controller = new AbortController();
      const { signal } = controller;
      const offs = Object.entries(ways(bus)).map(([, subscribe]) => subscribe(noop, { signal }));
      expect(bus.emitSync('tick').called).toBe(10);
      controller.abort();
      expect(offs.map(({ active }) => active)).toEqual(offs.map(() => false));
      expectNoTrace(bus);
      for (const off of offs) off();
    });

    it('makes an inactive subscription of one that has aborted', () => {
      const bus = makeBus();
      const signal = AbortSignal.abort();
      for (const [way, subscribe] of Object.entries(ways(bus))) {
        const off = subscribe(noop, { signal });
        expect(off.active, way).toBe(false);
        expect(off, way).not.toThrow();
      }
      expectNoTrace(bus);
    });

    it('still refuses what is wrong beside an aborted one', () => {
      const bus = makeBus();
      const signal = AbortSignal.abort();
      expect(thrownBy(() => bus.on('tick', noop, { signal, times: 0 }))).toMatchObject({ code: 'INVALID_OPTION' });
      expect(thrownBy(() => bus.on(['a', '*'], noop, { signal }))).toMatchObject({ code: 'INVALID_PATTERN' });
    });
  });

  describe('off', () => {
    it('removes the newest subscription of a function to just that event', () => {
      const seen: string[] = [];
      const bus = makeBus();
      const handler = (_: unknown, { type }: { type: unknown }) => void seen.push(String(type));
      const first = bus.on('tick', handler, { priority: -1 });
      const second = bus.on('tick', handler);
      const other = bus.on('tock', handler);
      expect(bus.off('tick', handler)).toBe(true);
      expect([first.active, second.active, other.active]).toEqual([true, false, true]);
      expect(bus.off('tick', handler)).toBe(true);
      expect(bus.off('tick', handler)).toBe(false);
      expect(other.active).toBe(true);
    });

    it('tells whether there was one', () => {
      const bus = makeBus();
      expect(bus.off('tick', noop)).toBe(false);
      bus.on('tick', () => {});
      expect(bus.off('tick', noop)).toBe(false);
      const off = bus.on('tick', noop);
      off();
      expect(bus.off('tick', noop)).toBe(false);
      bus.once('tick', noop);
      expect(bus.off('tick', noop)).toBe(true);
      expect(bus.handlerCount('tick')).toBe(1);
    });

    it('removes a pattern by the same pattern, and neither lists nor any-subscriptions', () => {
      const bus = makeBus();
      bus.on('a.*', noop);
      bus.on('**', noop);
      bus.on(['a.b'], noop);
      bus.onAny(noop);
      expect(bus.off('a.b', noop)).toBe(false);
      expect(bus.off('*.b', noop)).toBe(false);
      expect(bus.off('a.*', noop)).toBe(true);
      expect(bus.off('a.*', noop)).toBe(false);
      expect(bus.off('**', noop)).toBe(true);
      expect(bus.handlerCount()).toBe(2);
    });

    it('removes a once that has not fired, and finds none that has', () => {
      const bus = makeBus();
      bus.once('tick', noop);
      bus.emitSync('tick');
      expect(bus.off('tick', noop)).toBe(false);
    });

    it.each([undefined, null, 'handler', {}, 7])('refuses %s as a handler, rather than to remove all', (handler) => {
      const bus = makeBus();
      bus.on('tick', noop);
      expect(thrownBy(() => bus.off('tick', handler as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(thrownBy(() => (bus.off as (type: string) => unknown).call(bus, 'tick'))).toMatchObject({
        code: 'INVALID_ARGUMENT',
      });
      expect(bus.handlerCount('tick')).toBe(1);
    });

    it('refuses a list', () => {
      expect(thrownBy(() => makeBus().off(['a'] as never, noop))).toMatchObject({ code: 'INVALID_EVENT' });
    });
  });

  describe('handlerCount and eventTypes', () => {
    it('count the live subscriptions, of the bus and of one event with its listeners', () => {
      const bus = makeBus();
      expect(bus.handlerCount()).toBe(0);
      expect(bus.handlerCount('a.x')).toBe(0);
      const offs = [
        bus.on('a.x', noop),
        bus.on('a.x', noop),
        bus.on('b', noop),
        bus.on(['a.x', 'a.y'], noop),
        bus.on('a.*', noop),
        bus.onAny(noop),
      ];
      expect(bus.handlerCount()).toBe(6);
      expect(['a.x', 'a.y', 'b', 'c'].map((type) => bus.handlerCount(type))).toEqual([5, 3, 2, 1]);
      expect(bus.eventTypes()).toEqual(['a.x', 'b']);
      for (const off of offs) off();
      expectNoTrace(bus);
    });

    it('list no event that was only emitted', () => {
      const bus = makeBus();
      bus.emitSync('tick');
      expect(bus.eventTypes()).toEqual([]);
    });
  });

  describe('names of handlers', () => {
    it('are the `name` option, else that of the function, else "anonymous"', () => {
      const bus = makeBus();
      bus.on('tick', function sendMail() {});
      bus.on('tick', function sendMail() {}, { name: 'mailer' });
      bus.on('tick', () => {});
      bus.on('tick', noop);
      bus.on('*', noop.bind(null));
      const names = bus.inspect().events[0]?.handlers.map(({ name }) => name);
      expect(names).toEqual(['sendMail', 'mailer', 'anonymous', 'noop', 'bound noop']);
    });
  });

  describe('group', () => {
    it.each([undefined, null, 7, {}, Symbol('g')])('refuses %s as a name', (name) => {
      const bus = makeBus();
      expect(thrownBy(() => bus.group(name as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(bus.inspect().groups).toEqual([]);
    });

    it.each([Number.NaN, Infinity, -Infinity, '1', null, {}])('refuses %s as a place', (place) => {
      const bus = makeBus();
      expect(thrownBy(() => bus.group('g', { place: place as never }))).toMatchObject({
        code: 'INVALID_OPTION',
        details: { option: 'place' },
      });
      expect(bus.inspect().groups).toEqual([]);
    });

    it('refuses options that are none, and suggests the right one for one that it does not know', () => {
      const bus = makeBus();
      expect(thrownBy(() => bus.group('g', { plase: 1 } as never))).toMatchObject({
        code: 'UNKNOWN_OPTION',
        details: { option: 'plase', meant: 'place' },
      });
      expect(thrownBy(() => bus.group('g', 7 as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(bus.inspect().groups).toEqual([]);
    });
  });

  describe('emit, emitSync, dispatch, post', () => {
    /** Every way to emit `tick`; each resolves with the code of the refusal. */
    const refusalsOf = (bus: EventBus, reported: AmbusError[]) => {
      const tick = bus.event('tick');
      const code = (error: unknown) => error as AmbusError;
      const posted = async () => {
        await promisesSettled();
        return reported.splice(0)[0];
      };
      return {
        emit: async (options: EmitOptions) => code(await rejectionOf(bus.emit('tick', 1, options))),
        emitSync: async (options: EmitOptions) => code(thrownBy(() => bus.emitSync('tick', 1, options))),
        dispatch: async (options: EmitOptions) => code(thrownBy(() => bus.dispatch('tick', 1, options))),
        post: (options: EmitOptions) => {
          bus.post('tick', 1, options);
          return posted();
        },
        'event.emit': async (options: EmitOptions) => code(await rejectionOf(tick.emit(1, options))),
        'event.emitSync': async (options: EmitOptions) => code(thrownBy(() => tick.emitSync(1, options))),
        'event.dispatch': async (options: EmitOptions) => code(thrownBy(() => tick.dispatch(1, options))),
        'event.post': (options: EmitOptions) => {
          tick.post(1, options);
          return posted();
        },
      };
    };

    function refusing() {
      const reported: AmbusError[] = [];
      let calls = 0;
      const bus = makeBus({ onFailure: (failure) => reported.push(failure) });
      bus.on('tick', () => void (calls += 1));
      return { bus, verbs: refusalsOf(bus, reported), calls: () => calls };
    }

    it.each(titled(badEmitOptions))('refuse %s', async (_, option, value) => {
      const { verbs, calls, bus } = refusing();
      for (const [verb, refusal] of Object.entries(verbs)) {
        const error = await refusal({ [option]: value });
        expect(error, verb).toMatchObject({ code: 'INVALID_OPTION', details: { option } });
        expect(error?.message, verb).toContain(`"${option}"`);
      }
      expect(calls()).toBe(0);
      expect(bus.inspect().counts).toMatchObject({ emissions: 0, dropped: 8, inFlight: 0 });
    });

    it('refuse an option that they do not know, and suggest the right one', async () => {
      const { verbs, calls } = refusing();
      for (const [option, meant] of [
        ['modes', 'mode'],
        ['timeout', 'timeoutMs'],
        ['Signal', 'signal'],
        ['metadata', 'meta'],
        ['failurepolicy', 'failurePolicy'],
      ]) {
        for (const [verb, refusal] of Object.entries(verbs)) {
          const error = await refusal({ [option as string]: 1 });
          expect(error, verb).toMatchObject({ code: 'UNKNOWN_OPTION', details: { option } });
          if (meant !== 'meta') expect(error?.message, verb).toContain(`Did you mean "${meant}"?`);
        }
      }
      expect(calls()).toBe(0);
    });

    it.each([null, 7, 'fast', true, [], noop])('refuse %s as options', async (options) => {
      const { verbs, calls } = refusing();
      for (const [verb, refusal] of Object.entries(verbs)) {
        expect(await refusal(options as never), verb).toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
      expect(calls()).toBe(0);
    });

    it('take options that are left undefined as not given', async () => {
      const bus = makeBus();
      bus.on('tick', noop);
      const options = {
        mode: undefined,
        concurrency: undefined,
        timeoutMs: undefined,
        failurePolicy: undefined,
        signal: undefined,
        meta: undefined,
      };
      expect(await bus.emit('tick', 1, options)).toMatchObject({ ok: true, called: 1 });
      expect(bus.emitSync('tick', 1, {})).toMatchObject({ ok: true, called: 1 });
    });
  });
});

describe('new EventBus', () => {
  it.each(titled(badBusOptions))('refuses %s', (_, option, value) => {
    const error = thrownBy(() => new EventBus({ [option]: value })) as AmbusError;
    expect(error).toMatchObject({ code: 'INVALID_OPTION', details: { option } });
    expect(error.message).toContain(`"${option}"`);
  });

  it('refuses an option that it does not know, and suggests the right one', () => {
    for (const [option, meant] of [
      ['moed', 'mode'],
      ['timeout', 'timeoutMs'],
      ['onfailure', 'onFailure'],
      ['maxHandler', 'maxHandlers'],
      ['lateMS', 'lateMs'],
    ] as const) {
      const error = thrownBy(() => new EventBus({ [option]: 1 })) as AmbusError;
      expect(error, option).toMatchObject({ code: 'UNKNOWN_OPTION', details: { option, meant } });
      expect(error.message).toContain(`Did you mean "${meant}"?`);
    }
  });

  it.each([null, 7, 'bus', true, [], noop])('refuses %s as options', (options) => {
    expect(thrownBy(() => new EventBus(options as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('takes the widest values that make sense', () => {
    const bus = new EventBus({
      name: '',
      mode: 'tiered',
      concurrency: Infinity,
      timeoutMs: Infinity,
      lateMs: 0,
      failurePolicy: 'throw',
      onFailure: noop,
      maxHandlers: 0,
      asyncContext: 'never',
    });
    expect(bus.name).toBe('');
    expect(bus.inspect()).toMatchObject({ mode: 'tiered', concurrency: null, failurePolicy: 'throw' });
  });

  it('takes options that are left undefined as not given', () => {
    const names = ['name', 'mode', 'concurrency', 'timeoutMs', 'lateMs', 'failurePolicy', 'onFailure', 'clock'];
    const bus = new EventBus(
      Object.fromEntries([...names, 'maxHandlers', 'compiler'].map((name) => [name, undefined])),
    );
    expect(bus.name).toBe('bus');
    expect(bus.inspect()).toMatchObject({ state: 'open', mode: 'sequential', failurePolicy: 'isolate' });
  });

  it('takes the options as they were, whatever is changed in them afterwards', () => {
    const options: { mode: 'sequential' | 'concurrent'; name: string } = { mode: 'sequential', name: 'a' };
    const bus = new EventBus(options);
    Object.assign(options, { mode: 'concurrent', name: 'b' });
    expect(bus.inspect()).toMatchObject({ mode: 'sequential', name: 'a' });
  });
});
