import { describe, expect, it, vi } from 'vitest';
import type {
  BusFacts,
  BusObserver,
  EmissionSettled,
  EmissionStarted,
  HandlerSettled,
  HandlerSkipped,
  HandlerStarted,
  LateSettled,
  Subscribed,
  Unsubscribed,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { uncaughtDuring } from './uncaught.js';

const FACTS: readonly (keyof BusFacts)[] = [
  'emissionStarted',
  'emissionSettled',
  'handlerStarted',
  'handlerSettled',
  'handlerSkipped',
  'lateSettled',
  'subscribed',
  'unsubscribed',
  'dropped',
  'leakSuspected',
];

/** An observer of everything, and a list of what it is told, in order. */
function recorder(): { observer: BusObserver; names: string[] } {
  const names: string[] = [];
  const observer = Object.fromEntries(
    FACTS.map((name) => [
      name,
      (fact: { handler?: string; type?: PropertyKey }) => names.push(`${name} ${fact.handler ?? String(fact.type)}`),
    ]),
  );
  return { observer, names };
}

const fail = (): never => {
  throw new Error('no');
};

describeBothBuses((makeBus) => {
  describe('facts', () => {
    it('[25] tells that an emission starts', async () => {
      const bus = makeBus();
      const facts: EmissionStarted[] = [];
      let id: string | undefined;
      bus.observe({ emissionStarted: (fact) => facts.push(fact) });
      bus.on('tick', (_payload, ctx) => {
        id = ctx.id;
      });
      bus.on('*', () => {});
      const payload = { n: 1 };
      const meta = { trace: 't1' };
      await bus.emit('tick', payload, { meta, mode: 'concurrent' });
      expect(facts).toEqual([
        {
          type: 'tick',
          emissionId: id,
          parentId: undefined,
          payload,
          meta,
          mode: 'concurrent',
          sync: false,
          handlers: 2,
        },
      ]);
      expect(facts[0]?.payload).toBe(payload);
    });

    it('[25] tells that an emission is synchronous, and of an event that is a symbol', () => {
      const tick = Symbol('tick');
      const bus = makeBus<{ [tick]: number }>();
      const facts: EmissionStarted[] = [];
      bus.observe({ emissionStarted: (fact) => facts.push(fact) });
      bus.emitSync(tick, 1);
      expect(facts).toMatchObject([{ type: tick, sync: true, mode: 'sequential', handlers: 0, meta: {} }]);
    });

    it('[25] tells that an emission has settled, what came of it and how long it took', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const facts: EmissionSettled[] = [];
      bus.observe({ emissionSettled: (fact) => facts.push(fact) });
      const work = deferred();
      bus.on('tick', () => work.promise);
      bus.on('tick', () => {}, { filter: () => false });
      bus.on('tick', (_payload, ctx) => ctx.stop());
      bus.on('tick', () => {});
      const emission = bus.emit('tick');
      await clock.advance(25);
      work.resolve();
      await emission;
      expect(facts).toEqual([
        {
          type: 'tick',
          emissionId: expect.any(String),
          outcome: 'ok',
          rejected: false,
          called: 2,
          skipped: 2,
          stopped: true,
          failures: [],
          durationMs: 25,
        },
      ]);
    });

    it('[25] tells that an emission has failed, with its failures', async () => {
      const bus = makeBus();
      const facts: EmissionSettled[] = [];
      bus.observe({ emissionSettled: (fact) => facts.push(fact) });
      bus.on('tick', fail);
      const { failures } = await bus.emit('tick');
      await rejectionOf(bus.emit('tick', undefined, { failurePolicy: 'throw' }));
      await rejectionOf(bus.emit('tick', undefined, { failurePolicy: 'stop' }));
      thrownBy(() => bus.emitSync('tick', undefined, { failurePolicy: 'throw' }));
      expect(facts).toMatchObject([
        { outcome: 'failed', rejected: false, stopped: false },
        { outcome: 'failed', rejected: true, stopped: false },
        { outcome: 'failed', rejected: true, stopped: true },
        { outcome: 'failed', rejected: true, stopped: false },
      ]);
      expect(facts[0]?.failures).toEqual(failures);
      expect(facts[1]?.failures).toHaveLength(1);
    });

    it('[25] tells that an emission was aborted', async () => {
      const bus = makeBus();
      const facts: EmissionSettled[] = [];
      bus.observe({ emissionSettled: (fact) => facts.push(fact) });
      const controller = new AbortController();
      bus.on('tick', async () => controller.abort());
      bus.on('tick', () => {});
      await rejectionOf(bus.emit('tick', undefined, { signal: controller.signal }));
      expect(facts).toMatchObject([{ outcome: 'aborted', rejected: true, called: 1, skipped: 1 }]);
    });

    it('[25] tells that a handler starts', async () => {
      const bus = makeBus();
      const facts: HandlerStarted[] = [];
      let id: string | undefined;
      bus.observe({ handlerStarted: (fact) => facts.push(fact) });
      bus.on('tick', function first(_payload, ctx) {
        id = ctx.id;
      });
      bus.group('crew').on('*', () => {}, { name: 'second' });
      await bus.emit('tick');
      expect(facts).toEqual([
        { type: 'tick', emissionId: id, handler: 'first', group: undefined, waitedMs: 0 },
        { type: 'tick', emissionId: id, handler: 'second', group: 'crew', waitedMs: 0 },
      ]);
    });

    it('[25] tells for how long a handler waited for a slot of its own', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const facts: HandlerStarted[] = [];
      bus.observe({ handlerStarted: (fact) => facts.push(fact) });
      const gates = [deferred(), deferred()];
      let runs = 0;
      bus.on('tick', () => gates[runs++]?.promise, { concurrency: 1 });
      bus.post('tick');
      await clock.advance(10);
      bus.post('tick');
      await clock.advance(30);
      gates[0]?.resolve();
      await promisesSettled();
      gates[1]?.resolve();
      expect(facts.map((fact) => fact.waitedMs)).toEqual([0, 30]);
    });

    it('[25] tells that a handler has settled, and how long it and its synchronous part took', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const facts: HandlerSettled[] = [];
      bus.observe({ handlerSettled: (fact) => facts.push(fact) });
      const work = deferred();
      bus.on('tick', () => {}, { name: 'sync' });
      bus.group('crew').on('tick', () => work.promise, { name: 'async' });
      const emission = bus.emit('tick');
      await clock.advance(40);
      work.resolve();
      await emission;
      const common = { type: 'tick', emissionId: expect.any(String), failure: undefined, overran: false };
      expect(facts).toEqual([
        { ...common, handler: 'sync', group: undefined, outcome: 'ok', async: false, durationMs: 0, syncMs: 0 },
        { ...common, handler: 'async', group: 'crew', outcome: 'ok', async: true, durationMs: 40, syncMs: 0 },
      ]);
    });

    it('[25] tells that a handler has failed, or that its time was up, with the failure of the result', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock, mode: 'concurrent' });
      const facts: HandlerSettled[] = [];
      bus.observe({ handlerSettled: (fact) => facts.push(fact) });
      bus.on('tick', fail, { name: 'throws' });
      bus.on('tick', () => Promise.reject(new Error('no')), { name: 'rejects' });
      bus.on('tick', () => new Promise(() => {}), { name: 'slow', timeoutMs: 50 });
      const emission = bus.emit('tick');
      await clock.advance(50);
      const { failures } = await emission;
      expect(facts).toMatchObject([
        { handler: 'throws', outcome: 'failed', async: false },
        { handler: 'rejects', outcome: 'failed', async: true },
        { handler: 'slow', outcome: 'timeout', async: true, durationMs: 50 },
      ]);
      expect(facts.map((fact) => fact.failure)).toEqual(failures);
    });

    it('[25] tells that a handler failed under emitSync because it is asynchronous', () => {
      const bus = makeBus();
      const facts: HandlerSettled[] = [];
      bus.observe({ handlerSettled: (fact) => facts.push(fact) });
      bus.on('tick', async () => {});
      bus.emitSync('tick');
      expect(facts).toMatchObject([{ outcome: 'failed', async: true, failure: { code: 'ASYNC_IN_SYNC' } }]);
    });

    it('[25] tells which handlers were skipped, and why', async () => {
      const bus = makeBus();
      const facts: HandlerSkipped[] = [];
      const controller = new AbortController();
      const paused = bus.group('crew');
      paused.on('tick', () => {}, { name: 'paused' });
      paused.pause();
      bus.on('tick', () => {}, { name: 'filtered', filter: () => false });
      bus.on('tick', () => off());
      const off = bus.on('tick', () => {}, { name: 'removed' });
      bus.on('tick', (payload, ctx) => (payload === 'stop' ? ctx.stop() : controller.abort()));
      bus.on('tick', () => {}, { name: 'last' });
      bus.observe({ handlerSkipped: (fact) => facts.push(fact) });
      await bus.emit('tick', 'stop');
      await rejectionOf(bus.emit('tick', 'abort', { signal: controller.signal }));
      const [first] = facts;
      expect(first).toEqual({
        type: 'tick',
        emissionId: expect.any(String),
        handler: expect.any(String),
        group: first?.handler === 'paused' ? 'crew' : undefined,
        reason: expect.any(String),
      });
      expect(facts.map(({ handler, reason }) => `${handler}: ${reason}`).sort()).toEqual([
        'filtered: filter',
        'filtered: filter',
        'last: aborted',
        'last: stopped',
        'paused: paused',
        'paused: paused',
        'removed: removed',
      ]);
    });

    it('[25] does not tell that a handler whose filter throws was called or skipped', () => {
      const bus = makeBus();
      const { observer, names } = recorder();
      bus.on('tick', () => {}, { filter: fail });
      bus.observe(observer);
      bus.emitSync('tick');
      expect(names).toEqual(['emissionStarted tick', 'emissionSettled tick']);
    });

    it('[25] tells of subscriptions, in each of their kinds', () => {
      const other = Symbol('other');
      const bus = makeBus<{ tick: void; tock: void; [other]: void }>();
      const facts: Subscribed[] = [];
      bus.observe({ subscribed: (fact) => facts.push(fact) });
      const handler = (): void => {};
      bus.on('tick', handler);
      bus.on(other, handler, { priority: 7 });
      bus.on(['tick', 'tock'], handler, { name: 'listed' });
      bus.on('*', handler);
      bus.group('crew').onAny(handler);
      expect(facts).toEqual([
        { kind: 'exact', target: 'tick', handler: 'handler', group: undefined, priority: 0 },
        { kind: 'exact', target: other, handler: 'handler', group: undefined, priority: 7 },
        { kind: 'list', target: ['tick', 'tock'], handler: 'listed', group: undefined, priority: 0 },
        { kind: 'pattern', target: '*', handler: 'handler', group: undefined, priority: 0 },
        { kind: 'any', target: undefined, handler: 'handler', group: 'crew', priority: 0 },
      ]);
    });

    it('[25] tells of the end of subscriptions, and why they ended', async () => {
      const bus = makeBus();
      const facts: Unsubscribed[] = [];
      bus.observe({ unsubscribed: (fact) => facts.push(fact) });
      const controller = new AbortController();
      const [removed, retired] = [bus.group('removed'), bus.group('retired')];
      const a = (): void => {};
      const off = bus.on('tick', a, { priority: 3 });
      bus.on('tick', function b() {});
      bus.once('tick', function c() {});
      bus.on('tick', function d() {}, { signal: controller.signal });
      removed.on('*', function e() {});
      retired.on(['tick'], function f() {});
      bus.onAny(function g() {});
      off();
      off();
      bus.off('tick', a);
      bus.emitSync('tick');
      controller.abort();
      removed.remove();
      retired.retire();
      await bus.close();
      expect(facts).toEqual([
        { kind: 'exact', target: 'tick', handler: 'a', group: undefined, priority: 3, reason: 'off' },
        { kind: 'exact', target: 'tick', handler: 'c', group: undefined, priority: 0, reason: 'used' },
        { kind: 'exact', target: 'tick', handler: 'd', group: undefined, priority: 0, reason: 'aborted' },
        { kind: 'pattern', target: '*', handler: 'e', group: 'removed', priority: 0, reason: 'removed' },
        { kind: 'list', target: ['tick'], handler: 'f', group: 'retired', priority: 0, reason: 'retired' },
        { kind: 'exact', target: 'tick', handler: 'b', group: undefined, priority: 0, reason: 'closed' },
        { kind: 'any', target: undefined, handler: 'g', group: undefined, priority: 0, reason: 'closed' },
      ]);
    });

    it('[25] says "off" for the method off too', () => {
      const bus = makeBus();
      const reasons: string[] = [];
      bus.observe({ unsubscribed: (fact) => reasons.push(fact.reason) });
      const handler = (): void => {};
      bus.on('tick', handler);
      bus.off('tick', handler);
      expect(reasons).toEqual(['off']);
    });

    it('[25] tells nothing of a subscription that was aborted before it began', () => {
      const bus = makeBus();
      const { observer, names } = recorder();
      bus.observe(observer);
      bus.on('tick', () => {}, { signal: AbortSignal.abort() })();
      expect(names).toEqual([]);
    });

    it('[25] tells of late work, of emitSync too, when it ends', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const facts: LateSettled[] = [];
      bus.observe({ lateSettled: (fact) => facts.push(fact) });
      const work = deferred();
      bus.on('tick', () => work.promise, { name: 'slow' });
      bus.emitSync('tick');
      await clock.advance(30);
      work.resolve();
      await promisesSettled();
      expect(facts).toEqual([
        {
          type: 'tick',
          emissionId: expect.any(String),
          handler: 'slow',
          group: undefined,
          outcome: 'ok',
          error: undefined,
          lateMs: 30,
        },
      ]);
    });

    it('[25] tells what happens in the order in which it happens', async () => {
      const bus = makeBus();
      const { observer, names } = recorder();
      bus.observe(observer);
      bus.on('tick', async function first() {});
      bus.on('tick', function second() {});
      await bus.emit('tick');
      expect(names).toEqual([
        'subscribed first',
        'subscribed second',
        'emissionStarted tick',
        'handlerStarted first',
        'handlerSettled first',
        'handlerStarted second',
        'handlerSettled second',
        'emissionSettled tick',
      ]);
    });

    it('[25] tells of a nested emission between the start and the end of its handler', () => {
      const bus = makeBus();
      const { observer, names } = recorder();
      bus.on('outer', function first(_payload, ctx) {
        ctx.emitSync('inner');
      });
      bus.observe(observer);
      bus.emitSync('outer');
      expect(names).toEqual([
        'emissionStarted outer',
        'handlerStarted first',
        'emissionStarted inner',
        'emissionSettled inner',
        'handlerSettled first',
        'emissionSettled outer',
      ]);
    });

    it('[25] tells of an emission that nobody listens to', () => {
      const bus = makeBus();
      const { observer, names } = recorder();
      bus.observe(observer);
      bus.emitSync('tick');
      expect(names).toEqual(['emissionStarted tick', 'emissionSettled tick']);
    });

    it('[25] tells the end before the caller goes on', async () => {
      const bus = makeBus();
      const order: string[] = [];
      bus.observe({ emissionSettled: () => order.push('settled') });
      bus.on('tick', async () => {});
      await bus.emit('tick');
      order.push('caller');
      expect(order).toEqual(['settled', 'caller']);
    });

    it.each(['sequential', 'concurrent', 'tiered'] as const)(
      '[25] tells one end for every start, whatever happens between, in %s mode',
      async (mode) => {
        const clock = new ManualClock();
        const bus = makeBus({ clock, mode });
        const open = { emissions: new Map<string, number>(), handlers: new Map<string, number>() };
        const count = (map: Map<string, number>, key: string, by: number): void => {
          map.set(key, (map.get(key) ?? 0) + by);
        };
        bus.observe({
          emissionStarted: (fact) => count(open.emissions, fact.emissionId, 1),
          emissionSettled: (fact) => count(open.emissions, fact.emissionId, -1),
          handlerStarted: (fact) => count(open.handlers, `${fact.emissionId} ${fact.handler}`, 1),
          handlerSettled: (fact) => count(open.handlers, `${fact.emissionId} ${fact.handler}`, -1),
        });
        const controller = new AbortController();
        const work = deferred();
        bus.on('tick', () => {}, { name: 'sync' });
        bus.on('tick', async () => {}, { name: 'async' });
        bus.on('tick', fail, { name: 'throws' });
        bus.on('tick', () => Promise.reject(new Error('no')), { name: 'rejects' });
        bus.on('tick', () => work.promise, { name: 'slow', timeoutMs: 50 });
        bus.on('tick', () => work.promise, { name: 'single', concurrency: 1, timeoutMs: 50 });
        bus.on('tick', () => {}, { name: 'filter', filter: fail });
        bus.on('tick', (depth, ctx) => (depth === 1 ? ctx.emit('tick', 2) : undefined), { name: 'nests' });
        bus.once('tick', () => {}, { name: 'once' });
        bus.emitSync('tick', 0);
        bus.post('tick', 1);
        const rejections = [
          rejectionOf(bus.emit('tick', 0, { failurePolicy: 'stop' })),
          rejectionOf(bus.emit('tick', 0, { failurePolicy: 'throw' })),
          rejectionOf(bus.emit('tick', 0, { signal: controller.signal })),
        ];
        await clock.advance(10);
        controller.abort();
        await clock.advance(60_000);
        work.resolve();
        await clock.advance(60_000);
        await Promise.all(rejections);
        await bus.idle();
        expect(open.emissions.size).toBe(6);
        expect(open.handlers.size).toBeGreaterThan(20);
        expect([...open.emissions.values()].filter((balance) => balance !== 0)).toEqual([]);
        expect([...open.handlers].filter(([, balance]) => balance !== 0)).toEqual([]);
      },
    );
  });

  describe('isolation', () => {
    it.each(FACTS.filter((name) => name !== 'leakSuspected'))(
      '[25] hands what %s of an observer throws to the host, once each time, and goes on',
      async (name) => {
        const clock = new ManualClock();
        const bus = makeBus({ clock });
        const broken = new Error(`${name} is broken`);
        const healthy = recorder();
        const unharmed = makeBus({ clock });
        const expected = recorder();
        unharmed.observe(expected.observer);
        bus.observe({
          [name]: () => {
            throw broken;
          },
        });
        bus.observe(healthy.observer);

        const program = async (target: typeof bus): Promise<unknown[]> => {
          const work = deferred();
          target.on('tick', () => {}, { name: 'filtered', filter: () => false });
          target.on('tick', () => work.promise, { name: 'slow', timeoutMs: 10 });
          target.on('tick', async () => {}, { name: 'async' });
          const off = target.on('tick', fail, { name: 'throws' });
          const emission = target.emit('tick', 1);
          await clock.advance(10);
          work.resolve();
          const { called, failures, ok, skipped } = await emission;
          await rejectionOf(target.emit('tick', 1, { timeoutMs: -1 }));
          off();
          await promisesSettled();
          return [called, skipped, ok, failures.length];
        };

        const wanted = await program(unharmed);
        let got: unknown;
        const uncaught = await uncaughtDuring(async () => {
          got = await program(bus);
        });
        expect(got).toEqual(wanted);
        expect(healthy.names).toEqual(expected.names);
        const times = expected.names.filter((line) => line.startsWith(`${name} `)).length;
        expect(times).toBeGreaterThan(0);
        expect(uncaught).toEqual(Array.from({ length: times }, () => broken));
      },
    );

    it('[25] does not give what an observer throws to onFailure', async () => {
      const onFailure = vi.fn();
      const bus = makeBus({ onFailure });
      bus.observe({ emissionStarted: fail, handlerStarted: fail, handlerSettled: fail, emissionSettled: fail });
      bus.on('tick', () => {});
      await uncaughtDuring(() => bus.emit('tick'));
      expect(onFailure).not.toHaveBeenCalled();
    });

    it('[25] survives observers that change the facts they are given', async () => {
      const bus = makeBus();
      const meddle = (fact: object): void => {
        for (const key of Object.keys(fact)) Reflect.set(fact, key, 'meddled with');
        const { failures } = fact as { failures?: unknown[] };
        if (Array.isArray(failures) && !Object.isFrozen(failures)) failures.length = 0;
      };
      bus.observe({ emissionStarted: meddle, handlerStarted: meddle, handlerSettled: meddle, emissionSettled: meddle });
      let seen: unknown;
      bus.on('tick', (payload, ctx) => {
        seen = [payload, ctx.payload, ctx.meta, ctx.type];
      });
      bus.on('tick', fail);
      const result = await bus.emit('tick', 1, { meta: { trace: 't1' } });
      expect(seen).toEqual([1, 1, { trace: 't1' }, 'tick']);
      expect(result).toMatchObject({ type: 'tick', called: 2, skipped: 0, ok: false });
      expect(result.failures).toHaveLength(1);
    });

    it('[25] lets an observer emit on the bus it observes', async () => {
      const bus = makeBus<{ tick: void; audit: string }>();
      const audit: string[] = [];
      bus.on('audit', (line) => audit.push(line));
      bus.observe({
        emissionSettled: (fact) => {
          if (fact.type !== 'audit') bus.post('audit', String(fact.type));
        },
      });
      await bus.emit('tick');
      expect(audit).toEqual(['tick']);
    });
  });

  describe('attaching', () => {
    it('[25] tells an observer nothing more once it is taken away', async () => {
      const bus = makeBus();
      const { observer, names } = recorder();
      const off = bus.observe(observer);
      bus.on('tick', () => {});
      await bus.emit('tick');
      const told = names.length;
      off();
      await bus.emit('tick');
      bus.on('tick', () => {});
      expect(names).toHaveLength(told);
      expect(bus.inspect().observers).toBe(0);
    });

    it('[25] says whether it is attached, and takes a second call to take it away', () => {
      const bus = makeBus();
      const first = bus.observe({});
      bus.observe({});
      expect(first.active).toBe(true);
      expect(bus.inspect().observers).toBe(2);
      first();
      first();
      expect(first.active).toBe(false);
      expect(bus.inspect().observers).toBe(1);
    });

    it('[25] can be taken away by disposing of it', () => {
      const bus = makeBus();
      const told = vi.fn();
      const off = bus.observe({ emissionStarted: told });
      off[Symbol.dispose]();
      bus.emitSync('tick');
      expect(told).not.toHaveBeenCalled();
    });

    it('[25] tells every observer, in the order in which they were attached', async () => {
      const bus = makeBus();
      const told: string[] = [];
      bus.observe({ emissionStarted: () => told.push('first') });
      bus.observe({ emissionStarted: () => told.push('second') });
      bus.emitSync('tick');
      expect(told).toEqual(['first', 'second']);
    });

    it('[25] takes the same observer attached twice for two', () => {
      const bus = makeBus();
      const told = vi.fn();
      const observer: BusObserver = { emissionStarted: told };
      const off = bus.observe(observer);
      bus.observe(observer);
      off();
      bus.emitSync('tick');
      expect(told).toHaveBeenCalledTimes(1);
    });

    it('[25] takes an observer that is an instance of a class, with state of its own', () => {
      class Metrics {
        emissions = 0;
        readonly labels = ['tick'];
        #failures = 0;

        emissionSettled(fact: EmissionSettled): void {
          this.emissions++;
          this.#failures += fact.failures.length;
        }

        get failures(): number {
          return this.#failures;
        }

        reset(): void {
          this.emissions = 0;
        }
      }
      const bus = makeBus();
      const metrics = new Metrics();
      bus.observe(metrics);
      bus.on('tick', fail);
      bus.emitSync('tick');
      expect(metrics).toMatchObject({ emissions: 1, failures: 1 });
    });

    it('[25] lets an observer take itself away, and others be told all the same', () => {
      const bus = makeBus();
      const told: string[] = [];
      const off = bus.observe({
        emissionStarted: () => {
          told.push('first');
          off();
        },
      });
      bus.observe({ emissionStarted: () => told.push('second') });
      bus.emitSync('tick');
      bus.emitSync('tick');
      expect(told).toEqual(['first', 'second', 'second']);
    });

    it('[25] tells an observer attached by a handler of what starts afterwards', async () => {
      const bus = makeBus();
      const told: string[] = [];
      bus.once('tick', () => {
        bus.observe({ emissionStarted: (fact) => told.push(String(fact.type)) });
      });
      bus.on('tick', async () => {});
      await bus.emit('tick');
      await bus.emit('tock');
      expect(told).toEqual(['tock']);
    });

    it('[25] makes up no duration for an observer that was attached while what it asks for was running', async () => {
      const clock = new ManualClock(1_000_000);
      const bus = makeBus({ clock });
      const durations: number[] = [];
      const work = deferred();
      bus.observe({ emissionStarted: () => {}, handlerStarted: () => {} });
      bus.on('tick', () => work.promise, { timeoutMs: 50 });
      bus.on('tick', () => work.promise);
      const emission = bus.emit('tick');
      await clock.advance(60);
      bus.observe({
        emissionSettled: (fact) => durations.push(fact.durationMs),
        handlerSettled: (fact) => durations.push(fact.durationMs, fact.syncMs),
        lateSettled: (fact) => durations.push(fact.lateMs),
      });
      await clock.advance(5);
      work.resolve();
      await emission;
      await bus.idle();
      for (const duration of durations) expect(duration).toBeLessThanOrEqual(65);
    });

    it.each([undefined, null, 42, 'pino', () => {}])('[25] refuses %s as an observer', (observer) => {
      const bus = makeBus();
      expect(thrownBy(() => bus.observe(observer as BusObserver))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(bus.inspect().observers).toBe(0);
    });

    it('[25] refuses an observer whose method is no function', () => {
      const bus = makeBus();
      const observer = { emissionStarted: () => {}, dropped: 'console' } as unknown as BusObserver;
      expect(thrownBy(() => bus.observe(observer))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(bus.inspect().observers).toBe(0);
    });

    it('[25] takes methods that are undefined', () => {
      const bus = makeBus();
      bus.observe({ emissionStarted: undefined });
      bus.emitSync('tick');
      expect(bus.inspect().observers).toBe(1);
    });

    it('[25] can be attached to a bus that is closed, which still tells what it drops', async () => {
      const bus = makeBus();
      await bus.close();
      const { observer, names } = recorder();
      bus.observe(observer);
      await rejectionOf(bus.emit('tick'));
      expect(names).toEqual(['dropped tick']);
    });
  });

  describe('cost', () => {
    it('[25] reads no clock where nobody observes', async () => {
      const clock = new ManualClock();
      const now = vi.spyOn(clock, 'now');
      const bus = makeBus({ clock });
      bus.on('tick', () => {});
      bus.on('tick', async () => {});
      bus.on('tick', fail);
      bus.emitSync('tick');
      await bus.emit('tick');
      expect(now).not.toHaveBeenCalled();
    });

    it('[25] makes no fact that nobody asks for', async () => {
      const bus = makeBus();
      let reads = 0;
      const handler = Object.defineProperty(() => {}, 'name', {
        get: () => {
          reads++;
          return 'counted';
        },
      });
      bus.observe({ dropped: () => {}, subscribed: () => {} });
      bus.on('tick', handler);
      reads = 0;
      bus.emitSync('tick');
      await bus.emit('tick');
      expect(reads).toBe(0);
    });
  });
});
