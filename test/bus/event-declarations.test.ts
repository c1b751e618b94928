import * as v from 'valibot';
import { describe, expect, it, vi } from 'vitest';
import {
  type AmbusError,
  around,
  type BusOptions,
  broadcast,
  collect,
  type DeprecationFound,
  type Dropped,
  defineEvents,
  EmitError,
  type EmitOptions,
  EventBus,
  type EventKind,
  type FailurePolicy,
  first,
  typed,
  waterfall,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { type Deferred, deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';

const declarers = { broadcast, waterfall, first, collect, around } as unknown as Record<
  EventKind,
  (...given: unknown[]) => { readonly kind: EventKind; readonly settings: object; readonly schema: unknown }
>;
const KINDS = Object.keys(declarers) as EventKind[];

/** A broadcast without a payload, which other kinds pass for below. */
const ofVoid = (settings: object = {}) => broadcast(settings);

const boom = (): never => {
  throw new Error('boom');
};

const never = (): Promise<never> => new Promise(() => {});

describe('defineEvents', () => {
  it('returns the declarations that it got, frozen', () => {
    const given = { a: broadcast(), b: waterfall<number>() };
    const events = defineEvents(given);
    expect(events).toBe(given);
    expect(Object.isFrozen(events)).toBe(true);
    expect(Object.keys(events)).toEqual(['a', 'b']);
  });

  it('takes an empty map', () => {
    expect(defineEvents({})).toEqual({});
  });

  it('takes any own name that is no pattern: odd strings, and symbols', () => {
    const tick = Symbol('tick');
    const events = defineEvents({
      '': broadcast(),
      ['__proto__']: waterfall<number>(),
      constructor: first<void, number>(),
      'a..b': collect<void, number>(),
      'a*': broadcast(),
      7: broadcast(),
      [tick]: around<void, number>(),
    });
    const bus = new EventBus({ events });
    for (const name of ['', '__proto__', 'constructor', 'a..b', 'a*', '7', tick]) {
      expect(() => bus.event(name as never)).not.toThrow();
    }
    const kinds = bus.inspect().events.map(({ type, kind }) => [type, kind]);
    expect(kinds).toHaveLength(7);
    expect(Object.fromEntries(kinds) as object).toMatchObject({ constructor: 'first', 'Symbol(tick)': 'around' });
    expect(kinds).toContainEqual(['__proto__', 'waterfall']);
  });

  it.each([[undefined], [null], [5], ['order.placed'], [true], [[]], [[broadcast()]], [() => ({})]])(
    'refuses %o as a map, by INVALID_ARGUMENT',
    (given) => {
      const error = thrownBy(() => defineEvents(given as never)) as AmbusError;
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(error.message).toContain('defineEvents');
    },
  );

  it.each([
    ['undefined', undefined],
    ['null', null],
    ['a declarer that was not called', broadcast],
    ['a schema', v.string()],
    ['the name of a kind', 'broadcast'],
    ['something that looks like one', { kind: 'broadcast', settings: {}, schema: undefined }],
    ['a map of its own', defineEvents({ placed: broadcast() })],
  ])('refuses %s as a declaration, by INVALID_ARGUMENT that names the event', (_, given) => {
    const error = thrownBy(() => defineEvents({ fine: broadcast(), 'order.placed': given as never })) as AmbusError;
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', details: { type: 'order.placed' } });
    expect(error.message).toContain('order.placed');
  });

  it('refuses what is no declaration under a symbol too', () => {
    const tick = Symbol('tick');
    expect(thrownBy(() => defineEvents({ [tick]: 5 as never }))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each([['*'], ['**'], ['order.*'], ['*.placed'], ['order.**'], ['order.*.placed']])(
    'refuses the pattern %s as a name, by INVALID_EVENT',
    (pattern) => {
      const error = thrownBy(() => defineEvents({ [pattern]: broadcast() })) as AmbusError;
      expect(error).toMatchObject({ code: 'INVALID_EVENT' });
      expect(error.message).toContain(pattern);
    },
  );

  it('lets maps be put together', () => {
    const shop = defineEvents({ 'order.placed': broadcast<number>() });
    const rules = defineEvents({ 'price.adjust': waterfall<number>() });
    const bus = new EventBus({ events: defineEvents({ ...shop, ...rules }) });
    bus.on('price.adjust', (price) => price * 2);
    expect(bus.emitSync('price.adjust', 4).value).toBe(8);
    expect(bus.emitSync('order.placed', 4).ok).toBe(true);
  });

  it('may be used for several buses, which share nothing', () => {
    const events = defineEvents({ 'price.adjust': waterfall<number>() });
    const [a, b] = [new EventBus({ events }), new EventBus({ events })];
    a.on('price.adjust', (price) => price + 1);
    expect([a.emitSync('price.adjust', 1).value, b.emitSync('price.adjust', 1).value]).toEqual([2, 1]);
  });
});

describe('declarations', () => {
  it.each(KINDS)('of a %s know their kind, and cannot be changed', (kind) => {
    const given = { timeoutMs: 5 };
    const declaration = declarers[kind](given);
    given.timeoutMs = 10;
    expect(declaration.kind).toBe(kind);
    expect(declaration.schema).toBeUndefined();
    expect(declaration.settings).toEqual({ timeoutMs: 5 });
    expect(Object.isFrozen(declaration)).toBe(true);
    expect(Object.isFrozen(declaration.settings)).toBe(true);
  });

  it.each(KINDS)('of a %s take a schema, and settings after it', (kind) => {
    const schema = v.string();
    expect(declarers[kind](schema)).toMatchObject({ kind, settings: {} });
    expect(declarers[kind](schema).schema).toBe(schema);
    expect(declarers[kind](schema, { timeoutMs: 5 })).toMatchObject({ settings: { timeoutMs: 5 } });
  });

  it.each(KINDS)('of a %s take the settings that every kind has', (kind) => {
    const settings = {
      timeoutMs: Infinity,
      failurePolicy: 'throw',
      deprecated: { since: '2.0', use: 'order.created' },
    };
    expect(declarers[kind](settings).settings).toEqual(settings);
    expect(declarers[kind]().settings).toEqual({});
    expect(declarers[kind](undefined).settings).toEqual({});
    expect(declarers[kind]({ timeoutMs: undefined }).settings).toEqual({ timeoutMs: undefined });
  });

  it.each([
    ['broadcast', { mode: 'tiered', concurrency: 2 }],
    ['collect', { mode: 'concurrent', concurrency: Infinity, answer: v.string() }],
    ['first', { answer: v.string() }],
    ['around', { answer: v.string() }],
  ] as const)('of a %s take the settings of that kind', (kind, settings) => {
    expect(declarers[kind](settings).settings).toEqual(settings);
    expect(declarers[kind](v.string(), settings).settings).toEqual(settings);
  });

  it('of a waterfall take validateSteps beside a schema', () => {
    expect(waterfall(v.string(), { validateSteps: true }).settings).toEqual({ validateSteps: true });
    expect(waterfall(v.string(), { validateSteps: false }).settings).toEqual({ validateSteps: false });
  });

  it.each([
    ['waterfall', 'mode', 'concurrent'],
    ['first', 'mode', 'sequential'],
    ['around', 'mode', 'tiered'],
    ['waterfall', 'concurrency', 2],
    ['first', 'concurrency', 2],
    ['around', 'concurrency', 2],
    ['broadcast', 'answer', v.string()],
    ['waterfall', 'answer', v.string()],
    ['broadcast', 'validateSteps', true],
    ['first', 'validateSteps', true],
    ['collect', 'validateSteps', true],
    ['around', 'validateSteps', true],
  ] as const)('of a %s refuse %s, which is of another kind, by UNKNOWN_OPTION', (kind, option, value) => {
    const error = thrownBy(() => declarers[kind]({ [option]: value })) as AmbusError;
    expect(error).toMatchObject({ code: 'UNKNOWN_OPTION', details: { option } });
    expect(error.message).toContain(kind);
    expect(thrownBy(() => declarers[kind](v.string(), { [option]: value }))).toMatchObject({ code: 'UNKNOWN_OPTION' });
  });

  describe.each(KINDS)('of a %s', (kind) => {
    it('refuse a misspelt setting, and say which was meant', () => {
      const error = thrownBy(() => declarers[kind]({ timeoutMS: 5 })) as AmbusError;
      expect(error).toMatchObject({ code: 'UNKNOWN_OPTION', details: { option: 'timeoutMS', meant: 'timeoutMs' } });
      expect(error.message).toContain('Did you mean "timeoutMs"?');
    });

    it.each([
      ['timeoutMs', 0],
      ['timeoutMs', -1],
      ['timeoutMs', Number.NaN],
      ['timeoutMs', '5'],
      ['timeoutMs', 2_147_483_648],
      ['timeoutMs', null],
      ['failurePolicy', 'ignore'],
      ['failurePolicy', null],
      ['deprecated', true],
      ['deprecated', 'since 2.0'],
      ['deprecated', null],
      ['deprecated', {}],
      ['deprecated', { since: '2.0' }],
      ['deprecated', { use: 'order.created' }],
      ['deprecated', { since: 2, use: 'order.created' }],
    ])('refuse %s: %o, by INVALID_OPTION', (option, value) => {
      const error = thrownBy(() => declarers[kind]({ [option]: value })) as AmbusError;
      expect(error).toMatchObject({ code: 'INVALID_OPTION', details: { option, value } });
      expect(thrownBy(() => declarers[kind](v.string(), { [option]: value }))).toMatchObject({
        code: 'INVALID_OPTION',
      });
    });

    it.each([[null], [5], ['text'], [[]], [true]])('refuse %o as settings, by INVALID_ARGUMENT', (given) => {
      expect(thrownBy(() => declarers[kind](given))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(thrownBy(() => declarers[kind](v.string(), given))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    });
  });

  it.each([
    ['broadcast', { mode: 'parallel' }],
    ['collect', { mode: 'parallel' }],
    ['broadcast', { mode: 'concurrent', concurrency: 0 }],
    ['collect', { mode: 'concurrent', concurrency: 1.5 }],
    ['broadcast', { mode: 'sequential', concurrency: 2 }],
    ['collect', { mode: 'sequential', concurrency: 2 }],
    ['first', { answer: 'string' }],
    ['collect', { answer: {} }],
    ['around', { answer: null }],
    ['waterfall', { validateSteps: true }],
    ['waterfall', { validateSteps: 'yes' }],
  ] as const)('of a %s refuse %o, by INVALID_OPTION', (kind, settings) => {
    expect(thrownBy(() => declarers[kind](settings))).toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describeBothBuses((makeBus) => {
  describe('the option events', () => {
    it.each([[null], [5], ['order.placed'], [[]], [{ tick: 5 }], [{ tick: undefined }]])(
      'refuses %o, by INVALID_ARGUMENT',
      (events) => {
        expect(thrownBy(() => makeBus({ events: events as never }))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      },
    );

    it('refuses a name that is a pattern, by INVALID_EVENT', () => {
      expect(thrownBy(() => makeBus({ events: { 'order.*': broadcast() } as never }))).toMatchObject({
        code: 'INVALID_EVENT',
      });
    });

    it('takes declarations that did not go through defineEvents', () => {
      const bus = makeBus({ events: { 'price.adjust': waterfall<number>() } });
      bus.on('price.adjust', (price) => price + 1);
      expect(bus.emitSync('price.adjust', 1).value).toBe(2);
    });

    it('is what declares: nothing is, without it', () => {
      const options: BusOptions = { events: undefined };
      const bus = makeBus(options);
      bus.on('tick', () => 'ignored');
      expect(bus.emitSync('tick')).toMatchObject({ called: 1, value: undefined, values: [], answeredBy: undefined });
      expect(bus.inspect().events).toMatchObject([{ type: 'tick', kind: 'broadcast', declared: false }]);
    });

    it('is listed by inspect(), with the kind of each event, before anybody subscribes', () => {
      const bus = makeBus({
        events: defineEvents({
          a: broadcast(),
          b: waterfall<number>(),
          c: first<number, number>(),
          d: collect<number, number>(),
          e: around<number, number>(),
        }),
        undeclared: 'allow',
      });
      bus.on('f' as 'a', () => {});
      expect(bus.inspect().events.map(({ type, kind, declared }) => [type, kind, declared])).toEqual([
        ['a', 'broadcast', true],
        ['b', 'waterfall', true],
        ['c', 'first', true],
        ['d', 'collect', true],
        ['e', 'around', true],
        ['f', 'broadcast', false],
      ]);
      expect(bus.inspect().events.every(({ handlers, type }) => handlers.length === (type === 'f' ? 1 : 0))).toBe(true);
    });

    it('keeps events listed whose handlers have gone', () => {
      const bus = makeBus({ events: defineEvents({ tick: waterfall<number>() }) });
      const off = bus.on('tick', (n) => n + 1);
      bus.emitSync('tick', 1);
      off();
      expect(bus.inspect().events).toMatchObject([{ type: 'tick', kind: 'waterfall', declared: true, handlers: [] }]);
      expect(bus.emitSync('tick', 1).value).toBe(1);
      bus.on('tick', (n) => n + 1);
      expect(bus.emitSync('tick', 1).value).toBe(2);
    });
  });

  describe('undeclared events', () => {
    const events = defineEvents({
      'order.placed': broadcast<number>(),
      'order.paid': broadcast<number>(),
      'price.adjust': waterfall<number>(),
    });
    const shopBus = (options?: Omit<BusOptions, 'events'>) => makeBus({ events, ...(options as object) });
    type Shop = ReturnType<typeof shopBus>;
    const lost = 'order.plased' as 'order.placed';

    const subscribes: Record<string, (bus: Shop) => unknown> = {
      on: (bus) => bus.on(lost, () => {}),
      once: (bus) => bus.once(lost, () => {}),
      'on, in a list': (bus) => bus.on(['order.paid', lost], () => {}),
      'once, in a list': (bus) => bus.once([lost], () => {}),
      event: (bus) => bus.event(lost),
      'group.on': (bus) => bus.group('plugin').on(lost, () => {}),
      'group.once': (bus) => bus.group('plugin').once(lost, () => {}),
      stream: (bus) => bus.stream(lost),
      'stream, of a list': (bus) => bus.stream(['order.paid', lost]),
      intercept: (bus) => bus.intercept((_, next) => next(), { types: lost }),
      'intercept, in a list': (bus) => bus.intercept((_, next) => next(), { types: ['order.paid', lost] }),
      forward: (bus) => bus.forward(makeBus() as never, lost as never),
    };

    it.each(Object.entries(subscribes))('are refused by %s, which says which was meant', (_, call) => {
      const bus = shopBus();
      const error = thrownBy(() => call(bus)) as AmbusError;
      expect(error).toMatchObject({ code: 'UNDECLARED_EVENT' });
      expect(error.message).toContain('"order.plased"');
      expect(error.message).toContain('Did you mean "order.placed"?');
      // [9] And nothing is left of it.
      expect(bus.handlerCount()).toBe(0);
      expect(bus.inspect()).toMatchObject({ interceptors: [], streams: [], listeners: [] });
    });

    it.each([
      ['emit', (bus: Shop) => bus.emit(lost, 1)],
      ['waitFor', (bus: Shop) => bus.waitFor(lost)],
      ['waitFor, of a list', (bus: Shop) => bus.waitFor(['order.paid', lost])],
    ])('[16] are refused by %s, whose promise rejects', async (_, call) => {
      const bus = shopBus();
      const error = (await rejectionOf(call(bus))) as AmbusError;
      expect(error).toMatchObject({ code: 'UNDECLARED_EVENT' });
      expect(error.message).toContain('Did you mean "order.placed"?');
      expect(bus.handlerCount()).toBe(0);
    });

    it.each(['isolate', 'stop', 'throw'] as const)(
      '[16] are refused by every verb, under %s',
      async (failurePolicy) => {
        const reported: AmbusError[] = [];
        const dropped: Dropped[] = [];
        const bus = shopBus({ failurePolicy, onFailure: (failure) => reported.push(failure) });
        const listener = vi.fn();
        bus.onAny(listener);
        bus.observe({ dropped: (fact) => dropped.push(fact) });
        expect(await rejectionOf(bus.emit(lost, 1))).toMatchObject({ code: 'UNDECLARED_EVENT' });
        expect(thrownBy(() => bus.emitSync(lost, 1))).toMatchObject({ code: 'UNDECLARED_EVENT' });
        expect(thrownBy(() => bus.dispatch(lost, 1))).toMatchObject({ code: 'UNDECLARED_EVENT' });
        bus.post(lost, 1);
        expect(reported).toMatchObject([{ code: 'UNDECLARED_EVENT' }]);
        expect(bus.inspect().counts).toMatchObject({ dropped: 4, emissions: 0, failures: 0 });
        expect(dropped).toHaveLength(4);
        for (const fact of dropped) {
          expect(fact).toMatchObject({ type: lost, payload: 1, error: { code: 'UNDECLARED_EVENT' } });
        }
        expect(listener).not.toHaveBeenCalled();
      },
    );

    it('[16] are refused by the verbs of a context', async () => {
      const bus = shopBus();
      const errors: unknown[] = [];
      bus.on('order.placed', async (_, ctx) => {
        errors.push(thrownBy(() => ctx.emitSync(lost, 1)));
        errors.push(await rejectionOf(ctx.emit(lost, 1)));
      });
      expect(await bus.emit('order.placed', 1)).toMatchObject({ ok: true });
      expect(errors).toMatchObject([{ code: 'UNDECLARED_EVENT' }, { code: 'UNDECLARED_EVENT' }]);
    });

    it('are refused without a guess where no declared name is near', () => {
      const error = thrownBy(() => shopBus().on('unlike.any.other' as never, () => {})) as AmbusError;
      expect(error).toMatchObject({ code: 'UNDECLARED_EVENT' });
      expect(error.message).toContain('unlike.any.other');
      expect(error.message).not.toContain('Did you mean');
      expect(thrownBy(() => makeBus({ events: defineEvents({}) }).emitSync('tick' as never))).toMatchObject({
        code: 'UNDECLARED_EVENT',
      });
    });

    it.each([['constructor'], ['toString'], ['__proto__'], ['hasOwnProperty'], ['']])(
      'are those too whose name every object has: %o',
      async (name) => {
        const bus = shopBus();
        expect(thrownBy(() => bus.on(name as never, () => {}))).toMatchObject({ code: 'UNDECLARED_EVENT' });
        expect(await rejectionOf(bus.emit(name as never, 1 as never))).toMatchObject({ code: 'UNDECLARED_EVENT' });
      },
    );

    it('may be symbols', () => {
      const tick = Symbol('tick');
      const bus = shopBus();
      const error = thrownBy(() => bus.on(tick as never, () => {})) as AmbusError;
      expect(error).toMatchObject({ code: 'UNDECLARED_EVENT' });
      expect(error.message).toContain('Symbol(tick)');
      expect(thrownBy(() => bus.emitSync(tick as never))).toMatchObject({ code: 'UNDECLARED_EVENT' });
    });

    it.each([['orders.*'], ['*.placed.*'], ['*'], ['order.placed.*'], ['shop.**']])(
      'are all that the pattern %s stands for, which is refused',
      async (pattern) => {
        const bus = shopBus();
        for (const call of [
          () => bus.on(pattern as never, () => {}),
          () => bus.once(pattern as never, () => {}),
          () => bus.group('plugin').on(pattern as never, () => {}),
          () => bus.stream(pattern as never),
          () => bus.intercept((_, next) => next(), { types: pattern as never }),
          () => bus.forward(makeBus() as never, pattern as never),
        ]) {
          expect(thrownBy(call)).toMatchObject({ code: 'UNDECLARED_EVENT' });
        }
        expect(await rejectionOf(bus.waitFor(pattern as never))).toMatchObject({ code: 'UNDECLARED_EVENT' });
        expect(bus.handlerCount()).toBe(0);
      },
    );

    it.each([['order.*'], ['*.placed'], ['**'], ['*.*'], ['price.**']] as const)(
      'leave the pattern %s, which stands for a declared one too',
      (pattern) => {
        const bus = shopBus();
        const seen: PropertyKey[] = [];
        bus.on(pattern, (_, ctx) => void seen.push(ctx.type));
        for (const type of ['order.placed', 'order.paid', 'price.adjust'] as const) bus.emitSync(type, 1);
        expect(seen.length).toBeGreaterThan(0);
      },
    );

    it('leave onAny, which hears every declared one', () => {
      const bus = shopBus();
      const seen: string[] = [];
      bus.onAny(({ type }) => void seen.push(type));
      bus.emitSync('order.placed', 1);
      bus.emitSync('price.adjust', 1);
      expect(seen).toEqual(['order.placed', 'price.adjust']);
    });

    it('may be asked for and be unsubscribed from: there is nothing there', () => {
      const bus = shopBus();
      bus.onAny(() => {});
      expect(bus.off(lost, () => {})).toBe(false);
      expect(bus.off('orders.*' as never, () => {})).toBe(false);
      expect(() => bus.handlerCount(lost)).not.toThrow();
    });

    it('are broadcast where they are allowed, and refused where it says so', async () => {
      const bus = shopBus({ undeclared: 'allow' });
      bus.on(lost, () => 'ignored');
      bus.on('orders.*' as never, () => 'ignored');
      bus.on(['order.paid', lost], () => {});
      const expected = { ok: true, called: 2, value: undefined, values: [], answeredBy: undefined };
      expect(bus.emitSync(lost, 1)).toMatchObject(expected);
      expect(await bus.emit(lost, 1)).toMatchObject(expected);
      expect(await bus.event(lost).emit(1)).toMatchObject(expected);
      // The declared ones stay what they are.
      bus.on('price.adjust', (price) => price + 1);
      expect(bus.emitSync('price.adjust', 1).value).toBe(2);
      const refusing = shopBus({ undeclared: 'refuse' });
      expect(thrownBy(() => refusing.on(lost, () => {}))).toMatchObject({ code: 'UNDECLARED_EVENT' });
    });

    it('[10] are isolated like other broadcasts where they are allowed', () => {
      const bus = shopBus({ undeclared: 'allow' });
      const after = vi.fn();
      bus.on(lost, boom);
      bus.on(lost, after);
      expect(bus.emitSync(lost, 1)).toMatchObject({ ok: false, called: 2, stopped: false });
      expect(after).toHaveBeenCalledTimes(1);
    });

    it('are refused or allowed by no other word, by INVALID_OPTION', () => {
      for (const undeclared of ['warn', true, null, 0]) {
        expect(thrownBy(() => shopBus({ undeclared: undeclared as never }))).toMatchObject({
          code: 'INVALID_OPTION',
          details: { option: 'undeclared' },
        });
      }
    });

    it('[16] are refused before anything else is looked at that belongs to the emission', async () => {
      const bus = shopBus();
      const intercept = vi.fn();
      bus.intercept(intercept);
      expect(await rejectionOf(bus.emit(lost, 1))).toMatchObject({ code: 'UNDECLARED_EVENT' });
      expect(intercept).not.toHaveBeenCalled();
      await bus.close();
      expect(await rejectionOf(bus.emit(lost, 1))).toMatchObject({ code: 'BUS_CLOSED' });
    });
  });

  describe('the settings of an event', () => {
    describe('mode and concurrency', () => {
      /** How many of three handlers run at a time, at most, and all told. */
      async function width(bus: { emit(): Promise<unknown>; on(handler: () => Promise<void>): unknown }) {
        const gates: Deferred[] = [];
        for (let n = 0; n < 3; n++) {
          bus.on(() => {
            const gate = deferred();
            gates.push(gate);
            return gate.promise;
          });
        }
        const emission = bus.emit();
        const started = gates.length;
        for (let n = 0; n < 3; n++) {
          gates[n]?.resolve();
          await promisesSettled();
        }
        await emission;
        expect(gates).toHaveLength(3);
        return started;
      }

      const kinds = [
        ['broadcast', ofVoid],
        ['collect', declarers.collect as unknown as typeof ofVoid],
      ] as const;

      it.each(kinds)('[2] of a %s: the nearest of bus, event and emission wins', async (_, declare) => {
        const measure = (options: BusOptions, settings: object, emission?: EmitOptions) => {
          const bus = makeBus({ ...(options as object), events: defineEvents({ tick: declare(settings) }) });
          return width({
            on: (handler) => bus.on('tick', handler),
            emit: () => bus.emit('tick', undefined, emission),
          });
        };
        expect(await measure({}, {})).toBe(1);
        expect(await measure({}, { mode: 'concurrent' })).toBe(3);
        expect(await measure({}, { mode: 'tiered' })).toBe(3);
        expect(await measure({}, { mode: 'concurrent', concurrency: 2 })).toBe(2);
        expect(await measure({ mode: 'concurrent' }, {})).toBe(3);
        expect(await measure({ mode: 'concurrent' }, { mode: 'sequential' })).toBe(1);
        expect(await measure({ mode: 'concurrent', concurrency: 2 }, { concurrency: 1 })).toBe(1);
        expect(await measure({ mode: 'concurrent', concurrency: 1 }, { concurrency: Infinity })).toBe(3);
        expect(await measure({}, { mode: 'concurrent' }, { mode: 'sequential' })).toBe(1);
        expect(await measure({}, { mode: 'sequential' }, { mode: 'concurrent' })).toBe(3);
        expect(await measure({}, { mode: 'concurrent' }, { concurrency: 2 })).toBe(2);
        expect(await measure({}, { mode: 'concurrent', concurrency: 1 }, { concurrency: 2 })).toBe(2);
        expect(await measure({ mode: 'concurrent' }, { mode: 'sequential' }, { mode: 'concurrent' })).toBe(3);
      });

      it('[2] hold for that event alone', async () => {
        const bus = makeBus({
          events: defineEvents({ together: broadcast({ mode: 'concurrent' }), apart: broadcast() }),
        });
        for (const [type, expected] of [
          ['together', 3],
          ['apart', 1],
        ] as const) {
          const started = await width({
            on: (handler) => bus.on(type, handler),
            emit: () => bus.emit(type),
          });
          expect(started).toBe(expected);
        }
      });

      it('[2] hold for an event handle', async () => {
        const bus = makeBus({ events: defineEvents({ tick: broadcast({ mode: 'concurrent' }) }) });
        const tick = bus.event('tick');
        expect(await width({ on: (handler) => tick.on(handler), emit: () => tick.emit() })).toBe(3);
      });

      it('[2] refuse a limit of the emission that could have no effect, by the mode of the event', () => {
        const bus = makeBus({
          mode: 'concurrent',
          events: defineEvents({ tick: broadcast({ mode: 'sequential' }) }),
        });
        expect(thrownBy(() => bus.emitSync('tick', undefined, { concurrency: 2 }))).toMatchObject({
          code: 'INVALID_OPTION',
        });
      });
    });

    describe('timeoutMs', () => {
      /** After how many milliseconds the only handler of an event times out; `undefined` where it doesn't. */
      async function limit(
        options: { bus?: number; event?: number; handler?: number; emission?: number },
        declare: typeof ofVoid = ofVoid,
      ) {
        const clock = new ManualClock();
        const { event } = options;
        const bus = makeBus({
          clock,
          timeoutMs: options.bus,
          failurePolicy: 'isolate',
          events: defineEvents({ tick: declare(event === undefined ? {} : { timeoutMs: event }) }),
        });
        bus.on('tick', never, options.handler === undefined ? {} : { timeoutMs: options.handler });
        const { emission } = options;
        void bus.emit('tick', undefined, emission === undefined ? undefined : { timeoutMs: emission });
        for (let ms = 10; ms <= 100; ms += 10) {
          await clock.advance(10);
          if (bus.inspect().counts.timeouts === 1) return ms;
        }
        return undefined;
      }

      it('[17] takes the place of the limit of the bus', async () => {
        expect(await limit({ bus: 10 })).toBe(10);
        expect(await limit({ event: 20 })).toBe(20);
        expect(await limit({ bus: 10, event: 20 })).toBe(20);
        expect(await limit({ bus: 20, event: 10 })).toBe(10);
        expect(await limit({ bus: 10, event: Infinity })).toBeUndefined();
        expect(await limit({})).toBeUndefined();
      });

      it('[17] gives way to the limit of the handler', async () => {
        expect(await limit({ event: 20, handler: 10 })).toBe(10);
        expect(await limit({ event: 20, handler: 30 })).toBe(30);
        expect(await limit({ event: 20, handler: Infinity })).toBeUndefined();
      });

      it("[17] gives way to the limit of the emission, which counts beside a handler's own", async () => {
        expect(await limit({ event: 20, emission: 30 })).toBe(30);
        expect(await limit({ event: 20, emission: 10 })).toBe(10);
        expect(await limit({ event: 20, emission: Infinity })).toBeUndefined();
        expect(await limit({ event: 20, handler: 30, emission: 40 })).toBe(30);
        expect(await limit({ event: 20, handler: 50, emission: 40 })).toBe(40);
      });

      it.each(KINDS)('[17] holds for a %s', async (kind) => {
        expect(await limit({ bus: 10, event: 20 }, declarers[kind] as never)).toBe(20);
      });

      it('[17] holds for the listeners of the event too, and for no other event', async () => {
        const clock = new ManualClock();
        const bus = makeBus({
          clock,
          events: defineEvents({ 'a.x': broadcast({ timeoutMs: 10 }), 'a.y': broadcast() }),
        });
        bus.on('a.*', never);
        const emissions = [bus.emit('a.x'), bus.emit('a.y')] as const;
        await clock.advance(10);
        expect((await emissions[0]).failures).toMatchObject([{ code: 'HANDLER_TIMEOUT', event: 'a.x' }]);
        await clock.advance(1_000);
        expect(bus.inspect().counts).toMatchObject({ timeouts: 1, inFlight: 1 });
      });
    });

    describe('failurePolicy', () => {
      type Outcome = 'isolated' | 'stopped' | 'thrown';

      /** What a failing handler does to the one after it, and to the emission. */
      async function outcome(
        kind: EventKind,
        policies: { bus?: FailurePolicy; event?: FailurePolicy; emission?: FailurePolicy },
      ): Promise<Outcome> {
        const { event, emission } = policies;
        const settings = event === undefined ? {} : { failurePolicy: event };
        const bus = makeBus({
          failurePolicy: policies.bus,
          events: defineEvents({ tick: declarers[kind](settings) as unknown as ReturnType<typeof ofVoid> }),
        });
        const after = vi.fn();
        bus.on('tick', boom);
        bus.on('tick', after);
        const options = emission === undefined ? undefined : { failurePolicy: emission };
        const rejected = await bus.emit('tick', undefined, options).then(
          () => false,
          (error: unknown) => {
            expect(error).toBeInstanceOf(EmitError);
            return true;
          },
        );
        const called = after.mock.calls.length === 1;
        if (rejected) return called ? 'thrown' : 'stopped';
        expect(called).toBe(true);
        return 'isolated';
      }

      it.each([
        ['broadcast', 'isolated'],
        ['collect', 'isolated'],
        ['waterfall', 'stopped'],
        ['first', 'stopped'],
        ['around', 'stopped'],
      ] as const)('[10] of a %s: has it %s where nobody says anything', async (kind, expected) => {
        expect(await outcome(kind, {})).toBe(expected);
      });

      const outcomes = { isolate: 'isolated', stop: 'stopped', throw: 'thrown' } as const;

      it.each(KINDS)('[11] of a %s: the nearest of bus, event and emission wins', async (kind) => {
        const policies = [undefined, 'isolate', 'stop', 'throw'] as const;
        for (const bus of policies) {
          for (const event of policies) {
            for (const emission of policies) {
              const nearest = emission ?? event ?? bus;
              if (nearest === undefined) continue;
              const given = Object.fromEntries(
                Object.entries({ bus, event, emission }).filter(([, policy]) => policy !== undefined),
              );
              expect([given, await outcome(kind, given)]).toEqual([given, outcomes[nearest]]);
            }
          }
        }
      });

      it('[11] is the own one of each event', async () => {
        const bus = makeBus({
          events: defineEvents({ strict: broadcast({ failurePolicy: 'throw' }), lax: broadcast() }),
        });
        bus.on('strict', boom);
        bus.on('lax', boom);
        expect(await rejectionOf(bus.emit('strict'))).toBeInstanceOf(EmitError);
        expect(await bus.emit('lax')).toMatchObject({ ok: false });
        expect(thrownBy(() => bus.event('strict').emitSync())).toBeInstanceOf(EmitError);
        expect(bus.event('lax').emitSync()).toMatchObject({ ok: false });
      });
    });

    describe('deprecated', () => {
      const events = defineEvents({
        'order.placed': broadcast({ deprecated: { since: '2.3', use: 'order.created' } }),
        'price.adjust': waterfall<number>({ deprecated: { since: '2.4', use: 'price.change' } }),
        'order.created': broadcast(),
      });

      /** What is printed as a warning from now on. */
      const warnings = () => {
        const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
        return () => warn.mock.calls.map(([line]) => String(line));
      };

      it('warns whoever subscribes: which handler, which event, since when, and what to use', () => {
        const printed = warnings();
        const bus = makeBus({ events });
        bus.on('order.placed', () => {}, { name: 'mailer' });
        expect(printed()).toHaveLength(1);
        for (const part of ['[ambus]', 'mailer', 'order.placed', '2.3', 'order.created']) {
          expect(printed()[0]).toContain(part);
        }
      });

      it('warns once a handler and event', () => {
        const printed = warnings();
        const bus = makeBus({ events });
        const handler = () => {};
        const off = bus.on('order.placed', handler);
        bus.on('order.placed', handler, { priority: 1 });
        bus.once('order.placed', handler);
        bus.event('order.placed').on(handler);
        bus.group('plugin').on('order.placed', handler);
        bus.on(['order.placed', 'order.created'], handler);
        off();
        bus.on('order.placed', handler);
        expect(printed()).toHaveLength(1);
        bus.on('price.adjust', handler);
        expect(printed()).toHaveLength(2);
        bus.on('order.placed', () => {});
        expect(printed()).toHaveLength(3);
      });

      it.each([
        ['once', (bus: ReturnType<typeof deprecatedBus>) => bus.once('order.placed', () => {})],
        ['a list', (bus: ReturnType<typeof deprecatedBus>) => bus.on(['order.created', 'order.placed'], () => {})],
        ['an event handle', (bus: ReturnType<typeof deprecatedBus>) => bus.event('order.placed').on(() => {})],
        [
          'once of an event handle',
          (bus: ReturnType<typeof deprecatedBus>) => bus.event('order.placed').once(() => {}),
        ],
        ['a group', (bus: ReturnType<typeof deprecatedBus>) => bus.group('plugin').on('order.placed', () => {})],
        [
          'once of a group',
          (bus: ReturnType<typeof deprecatedBus>) => bus.group('plugin').once('order.placed', () => {}),
        ],
      ])('warns whoever subscribes by %s', (_, subscribe) => {
        const printed = warnings();
        subscribe(deprecatedBus());
        expect(printed()).toHaveLength(1);
        expect(printed()[0]).toContain('order.placed');
      });

      function deprecatedBus() {
        return makeBus({ events });
      }

      it('warns of each event of a list that is deprecated', () => {
        const printed = warnings();
        deprecatedBus().on(['order.placed', 'price.adjust', 'order.created'], () => {});
        expect(printed()).toHaveLength(2);
        expect(printed()[0]).toContain('order.placed');
        expect(printed()[1]).toContain('price.adjust');
      });

      it('does not warn patterns, any-handlers, other events, nor whoever emits', async () => {
        const printed = warnings();
        const bus = deprecatedBus();
        bus.on('order.*', () => {});
        bus.on('**', () => {});
        bus.onAny(() => {});
        bus.on('order.created', () => {});
        bus.event('order.placed');
        await bus.emit('order.placed');
        bus.emitSync('price.adjust', 1);
        expect(printed()).toEqual([]);
      });

      it('does not warn whose subscription is refused', () => {
        const printed = warnings();
        const bus = deprecatedBus();
        thrownBy(() => bus.on('order.placed', () => {}, { times: 0 }));
        thrownBy(() => bus.on('order.placed', 'no handler' as never));
        thrownBy(() => bus.on(['order.placed', 'order.lost' as never], () => {}));
        expect(printed()).toEqual([]);
      });

      it('[25] tells an observer that asks for it, and prints nothing then', () => {
        const printed = warnings();
        const facts: DeprecationFound[] = [];
        const bus = deprecatedBus();
        const off = bus.observe({ deprecationFound: (fact) => facts.push(fact) });
        const handler = () => {};
        bus.group('plugin').on('order.placed', handler, { name: 'mailer' });
        bus.on('order.placed', handler);
        bus.on('price.adjust', () => {}, { name: 'taxes' });
        expect(printed()).toEqual([]);
        expect(facts).toEqual([
          {
            type: 'order.placed',
            handler: 'mailer',
            group: 'plugin',
            since: '2.3',
            use: 'order.created',
            message: expect.stringContaining('mailer') as string,
          },
          {
            type: 'price.adjust',
            handler: 'taxes',
            group: undefined,
            since: '2.4',
            use: 'price.change',
            message: expect.stringContaining('price.change') as string,
          },
        ]);
        off();
        bus.on('order.placed', () => {});
        expect(printed()).toHaveLength(1);
      });

      it('[25] still prints where no observer asks for it', () => {
        const printed = warnings();
        const bus = deprecatedBus();
        bus.observe({ subscribed: () => {} });
        bus.on('order.placed', () => {});
        expect(printed()).toHaveLength(1);
      });

      it('leaves the event what it is', () => {
        warnings();
        const bus = deprecatedBus();
        bus.on('price.adjust', (price) => price + 1);
        expect(bus.emitSync('price.adjust', 1)).toMatchObject({ ok: true, value: 2 });
      });
    });

    it('may come with a schema, or a type alone', async () => {
      const bus = makeBus({
        events: defineEvents({
          'path.resolve': first(v.string(), { answer: typed<number>(), failurePolicy: 'isolate' }),
        }),
      });
      bus.on('path.resolve', boom);
      bus.on('path.resolve', (path) => path.length);
      expect(bus.emitSync('path.resolve', 'abc')).toMatchObject({ ok: false, value: 3 });
      expect(await rejectionOf(bus.emit('path.resolve', 5 as never))).toMatchObject({ code: 'INVALID_PAYLOAD' });
    });
  });
});
