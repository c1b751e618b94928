import { describe, expect, it, vi } from 'vitest';
import {
  AmbusError,
  type CloseReport,
  type EventBus,
  type HandlerGroup,
  type IdleOptions,
  type Unsubscribed,
} from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { stateOf } from './promise-state.js';

const never = (): Promise<never> => new Promise(() => {});

describeBothBuses((makeBus) => {
  describe('idle', () => {
    it('resolves where nothing is in flight', async () => {
      const bus = makeBus();
      await expect(bus.idle()).resolves.toBeUndefined();
    });

    it('resolves after synchronous emissions', async () => {
      const bus = makeBus();
      bus.on('tick', () => {});
      bus.emitSync('tick');
      void bus.emit('tick');
      await expect(bus.idle()).resolves.toBeUndefined();
    });

    it.each<[string, (bus: EventBus) => unknown]>([
      ['emit', (bus) => bus.emit('tick')],
      ['dispatch', (bus) => bus.dispatch('tick')],
      ['post', (bus) => bus.post('tick')],
    ])('waits for what %s started', async (_verb, start) => {
      const bus = makeBus();
      const work = deferred();
      bus.on('tick', () => work.promise);
      start(bus);
      const idle = bus.idle();
      expect(await stateOf(idle)).toBe('pending');
      work.resolve();
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('waits for every emission in flight', async () => {
      const bus = makeBus();
      const gates = [deferred(), deferred(), deferred()];
      bus.on('tick', (index) => gates[index as number]?.promise);
      for (const index of gates.keys()) bus.post('tick', index);
      const idle = bus.idle();
      gates[2]?.resolve();
      gates[0]?.resolve();
      expect(await stateOf(idle)).toBe('pending');
      gates[1]?.resolve();
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('waits also for emissions that start while it waits', async () => {
      const bus = makeBus();
      const gates = [deferred(), deferred()];
      bus.on('tick', (index) => gates[index as number]?.promise);
      bus.post('tick', 0);
      const idle = bus.idle();
      bus.post('tick', 1);
      gates[0]?.resolve();
      expect(await stateOf(idle)).toBe('pending');
      gates[1]?.resolve();
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('waits for what a handler posts', async () => {
      const bus = makeBus();
      const work = deferred();
      bus.on('parent', (_payload, ctx) => ctx.post('child'));
      bus.on('child', () => work.promise);
      await bus.emit('parent');
      const idle = bus.idle();
      expect(await stateOf(idle)).toBe('pending');
      work.resolve();
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('waits for handlers that wait for a slot of their own', async () => {
      const bus = makeBus();
      const gates = [deferred(), deferred()];
      let runs = 0;
      bus.on('tick', () => gates[runs++]?.promise, { concurrency: 1 });
      bus.post('tick');
      bus.post('tick');
      const idle = bus.idle();
      gates[0]?.resolve();
      expect(await stateOf(idle)).toBe('pending');
      gates[1]?.resolve();
      expect(await stateOf(idle)).toBe('fulfilled');
    });

    it('resolves when an emission rejects', async () => {
      const bus = makeBus({ failurePolicy: 'throw' });
      const work = deferred();
      bus.on('tick', () => work.promise);
      const rejection = rejectionOf(bus.emit('tick'));
      const idle = bus.idle();
      work.reject(new Error('no'));
      expect(await stateOf(idle)).toBe('fulfilled');
      await rejection;
    });

    it('resolves for everyone who waits', async () => {
      const bus = makeBus();
      const work = deferred();
      bus.on('tick', () => work.promise);
      bus.post('tick');
      const idles = [bus.idle(), bus.idle(), bus.idle()];
      work.resolve();
      await Promise.all(idles);
    });

    it('rejects with IDLE_TIMEOUT when it takes longer than timeoutMs, and says what still runs', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      bus.on('order.placed', never, { name: 'notifier' });
      bus.post('order.placed');
      const idle = bus.idle({ timeoutMs: 100 });
      const rejection = rejectionOf(idle);
      await clock.advance(99);
      expect(await stateOf(idle)).toBe('pending');
      await clock.advance(1);
      const error = (await rejection) as AmbusError;
      expect(error).toBeInstanceOf(AmbusError);
      expect(error.code).toBe('IDLE_TIMEOUT');
      expect(error.message).toContain('100');
      expect(error.message).toContain('order.placed');
      expect(error.message).toContain('notifier');
    });

    it('says how much still runs where that is more than one emission', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      bus.on('order.placed', never, { name: 'notifier' });
      for (let i = 0; i < 3; i++) bus.post('order.placed');
      const rejection = rejectionOf(bus.idle({ timeoutMs: 100 }));
      await clock.advance(100);
      const { message, details } = (await rejection) as AmbusError;
      expect(message).toContain('notifier');
      expect(message).toContain('2 more');
      expect(details['unfinished']).toHaveLength(3);
    });

    it('names late work, and the group whose idle it was', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const crew = bus.group('crew');
      crew.on('order.placed', never, { name: 'notifier', timeoutMs: 10 });
      bus.post('order.placed');
      await clock.advance(10);
      const rejection = rejectionOf(crew.idle({ timeoutMs: 100 }));
      await clock.advance(100);
      const { code, message, details } = (await rejection) as AmbusError;
      expect(code).toBe('IDLE_TIMEOUT');
      expect(message).toContain('crew');
      expect(message).toContain('notifier');
      expect(details['unfinished']).toMatchObject([{ event: 'order.placed', handlers: ['notifier'], late: true }]);
    });

    it('leaves no timer when it resolves in time', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const work = deferred();
      bus.on('tick', () => work.promise);
      bus.post('tick');
      const idle = bus.idle({ timeoutMs: 100 });
      expect(clock.pending).toBe(1);
      work.resolve();
      await idle;
      expect(clock.pending).toBe(0);
    });

    it('leaves what is in flight alone when its time is up', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const work = deferred();
      let signal: AbortSignal | undefined;
      bus.on('tick', (_payload, ctx) => {
        signal = ctx.signal;
        return work.promise;
      });
      const emission = bus.emit('tick');
      const rejection = rejectionOf(bus.idle({ timeoutMs: 100 }));
      await clock.advance(100);
      await rejection;
      expect(signal?.aborted).toBe(false);
      work.resolve();
      expect((await emission).ok).toBe(true);
    });

    it.each([0, -1, Number.NaN, '5', null, 2_147_483_648])('refuses a timeoutMs of %s', async (timeoutMs) => {
      const bus = makeBus();
      const options = { timeoutMs } as IdleOptions;
      expect(await rejectionOf(bus.idle(options))).toMatchObject({ code: 'INVALID_OPTION' });
    });

    it('refuses a misspelt option, options that are none, and a signal that is none', async () => {
      const bus = makeBus();
      expect(await rejectionOf(bus.idle({ timeout: 5 } as IdleOptions))).toMatchObject({ code: 'UNKNOWN_OPTION' });
      expect(await rejectionOf(bus.idle(5 as IdleOptions))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(await rejectionOf(bus.idle({ signal: {} as AbortSignal }))).toMatchObject({ code: 'INVALID_OPTION' });
    });

    it('[21] does not wait for the emission whose context it is called on', async () => {
      const bus = makeBus();
      const order: string[] = [];
      bus.on('tick', async (_payload, ctx) => {
        await ctx.idle();
        order.push('idle');
      });
      await bus.emit('tick');
      order.push('settled');
      expect(order).toEqual(['idle', 'settled']);
    });

    it('[21] does not wait for its caller where it is called on the bus in the synchronous part of a handler', async () => {
      const bus = makeBus({ asyncContext: 'never' });
      bus.on('tick', () => bus.idle());
      expect((await bus.emit('tick')).ok).toBe(true);
    });

    it('[21] does not wait for its caller where it is called on the bus after an await that is traced', async () => {
      const bus = makeBus({ asyncContext: 'always' });
      bus.on('tick', async () => {
        await promisesSettled();
        await bus.idle();
      });
      expect((await bus.emit('tick')).ok).toBe(true);
    });

    it('[21] does not wait for the ancestors of its caller', async () => {
      const bus = makeBus();
      bus.on('parent', (_payload, ctx) => ctx.emit('child'));
      bus.on('child', (_payload, ctx) => ctx.emit('grandchild'));
      bus.on('grandchild', (_payload, ctx) => ctx.idle());
      expect((await bus.emit('parent')).ok).toBe(true);
    });

    it('[21] does not wait for its caller where the handler has a time limit and a slot of its own', async () => {
      const bus = makeBus();
      bus.on('tick', (_payload, ctx) => ctx.idle(), { timeoutMs: 1_000, concurrency: 1 });
      expect((await bus.emit('tick')).ok).toBe(true);
    });

    it('[21] waits for the other emissions when it is called in a handler', async () => {
      const bus = makeBus();
      const work = deferred();
      bus.on('other', () => work.promise);
      bus.on('tick', (_payload, ctx) => ctx.idle());
      bus.post('other');
      const emission = bus.emit('tick');
      expect(await stateOf(emission)).toBe('pending');
      work.resolve();
      expect((await emission).ok).toBe(true);
    });

    it('[21] waits for emissions that its caller has posted', async () => {
      const bus = makeBus();
      const work = deferred();
      bus.on('child', () => work.promise);
      bus.on('parent', (_payload, ctx) => {
        ctx.post('child');
        return ctx.idle();
      });
      const emission = bus.emit('parent');
      expect(await stateOf(emission)).toBe('pending');
      work.resolve();
      expect((await emission).ok).toBe(true);
    });

    it('[21] does not hang where two emissions both wait for idle', async () => {
      const bus = makeBus();
      const gates = [deferred(), deferred()];
      bus.on('tick', async (index, ctx) => {
        await gates[index as number]?.promise;
        await ctx.idle();
      });
      const emissions = [bus.emit('tick', 0), bus.emit('tick', 1)];
      gates[0]?.resolve();
      await promisesSettled();
      gates[1]?.resolve();
      expect((await Promise.all(emissions)).map((result) => result.ok)).toEqual([true, true]);
    });

    it('[21] does not hang where two handlers of one emission both wait for idle', async () => {
      const bus = makeBus({ mode: 'concurrent' });
      bus.on('tick', (_payload, ctx) => ctx.idle());
      bus.on('tick', (_payload, ctx) => ctx.idle());
      expect((await bus.emit('tick')).ok).toBe(true);
    });

    it('[21] does not wait for an emission that waits for the slot which its caller holds', async () => {
      const bus = makeBus();
      let runs = 0;
      bus.on(
        'tick',
        async (_payload, ctx) => {
          runs++;
          await promisesSettled();
          await ctx.idle();
        },
        { concurrency: 1 },
      );
      const emissions = [bus.emit('tick'), bus.emit('tick')];
      await promisesSettled();
      expect(await stateOf(Promise.all(emissions)), `${runs} of 2 have run`).toBe('fulfilled');
      expect((await Promise.all(emissions)).map((result) => result.ok)).toEqual([true, true]);
    });

    it('[21] does not wait for its caller where that is late work', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const gate = deferred();
      let idle = false;
      bus.on(
        'tick',
        async (_payload, ctx) => {
          await gate.promise;
          await ctx.idle();
          idle = true;
        },
        { timeoutMs: 100 },
      );
      bus.post('tick');
      await clock.advance(100);
      gate.resolve();
      await promisesSettled();
      expect(idle).toBe(true);
    });

    it('waits, outside of any handler, for handlers that wait for idle', async () => {
      const bus = makeBus();
      const other = deferred();
      const order: string[] = [];
      bus.on('other', () => other.promise);
      bus.on('tick', async (_payload, ctx) => {
        await ctx.idle();
        order.push('handler');
      });
      bus.post('other');
      bus.post('tick');
      const idle = bus.idle().then(() => order.push('outside'));
      await promisesSettled();
      other.resolve();
      await idle;
      expect(order).toEqual(['handler', 'outside']);
    });

    it('resolves on a closed bus', async () => {
      const bus = makeBus();
      await bus.close();
      await expect(bus.idle()).resolves.toBeUndefined();
    });
  });

  describe('close', () => {
    it('reports that all was drained where nothing is in flight', async () => {
      const bus = makeBus();
      expect(await bus.close()).toEqual({ drained: true, unfinished: [] });
      expect(bus.inspect().state).toBe('closed');
    });

    it('waits for what is in flight', async () => {
      const bus = makeBus();
      const work = deferred();
      bus.on('tick', () => work.promise);
      const emission = bus.emit('tick');
      const closed = bus.close();
      expect(await stateOf(closed)).toBe('pending');
      expect(bus.inspect().state).toBe('closing');
      work.resolve();
      expect(await closed).toEqual({ drained: true, unfinished: [] });
      expect((await emission).ok).toBe(true);
    });

    it('lets emissions that have started call the rest of their handlers', async () => {
      const bus = makeBus();
      const work = deferred();
      const called: string[] = [];
      bus.on('tick', () => work.promise);
      bus.on('tick', () => called.push('second'));
      bus.on('tick', async () => called.push('third'));
      const emission = bus.emit('tick');
      const closed = bus.close();
      work.resolve();
      expect(await emission).toMatchObject({ called: 3, skipped: 0 });
      await closed;
      expect(called).toEqual(['second', 'third']);
    });

    it('refuses new emissions from its call on', async () => {
      const reports: AmbusError[] = [];
      const bus = makeBus({ onFailure: (failure) => reports.push(failure) });
      const work = deferred();
      const handler = vi.fn(() => work.promise);
      bus.on('tick', handler);
      const emission = bus.emit('tick');
      const closed = bus.close();
      expect(await rejectionOf(bus.emit('tick'))).toMatchObject({ code: 'BUS_CLOSED' });
      expect(thrownBy(() => bus.emitSync('tick'))).toMatchObject({ code: 'BUS_CLOSED' });
      expect(thrownBy(() => bus.dispatch('tick'))).toMatchObject({ code: 'BUS_CLOSED' });
      bus.post('tick');
      expect(reports).toMatchObject([{ code: 'BUS_CLOSED' }]);
      work.resolve();
      await Promise.all([emission, closed]);
      expect(handler).toHaveBeenCalledTimes(1);
      expect(bus.inspect().counts).toMatchObject({ emissions: 1, dropped: 4 });
    });

    it('refuses new emissions at once, in the tick of its call', () => {
      const bus = makeBus();
      bus.on('tick', () => {});
      bus.emitSync('tick');
      void bus.close();
      expect(thrownBy(() => bus.emitSync('tick'))).toMatchObject({ code: 'BUS_CLOSED' });
    });

    it('says which bus has been closed', async () => {
      const bus = makeBus({ name: 'shop' });
      await bus.close();
      expect(((await rejectionOf(bus.emit('tick'))) as AmbusError).message).toContain('shop');
    });

    it('refuses subscriptions and groups once it is over', async () => {
      const bus = makeBus();
      const tick = bus.event('tick');
      const crew = bus.group('crew');
      await bus.close();
      const handler = (): void => {};
      for (const call of [
        () => bus.on('tick', handler),
        () => bus.on(['tick', 'tock'], handler),
        () => bus.on('*', handler),
        () => bus.once('tick', handler),
        () => bus.onAny(handler),
        () => bus.event('tick').on(handler),
        () => tick.on(handler),
        () => tick.once(handler),
        () => crew.on('tick', handler),
        () => crew.once('tick', handler),
        () => crew.onAny(handler),
        () => bus.group('late'),
      ]) {
        expect(thrownBy(call)).toMatchObject({ code: 'BUS_CLOSED' });
      }
    });

    it('ends every subscription', async () => {
      const bus = makeBus();
      const facts: Unsubscribed[] = [];
      bus.observe({ unsubscribed: (fact) => facts.push(fact) });
      const handler = (): void => {};
      const offs = [
        bus.on('tick', handler),
        bus.on(['tick', 'tock'], handler),
        bus.on('*', handler),
        bus.onAny(handler),
        bus.group('crew').on('tick', handler),
      ];
      await bus.close();
      expect(offs.map((off) => off.active)).toEqual([false, false, false, false, false]);
      expect(bus.handlerCount()).toBe(0);
      expect(bus.handlerCount('tick')).toBe(0);
      expect(bus.eventTypes()).toEqual([]);
      expect(facts.map((fact) => fact.reason)).toEqual(['closed', 'closed', 'closed', 'closed', 'closed']);
    });

    it('leaves unsubscribing, off and groups harmless', async () => {
      const bus = makeBus();
      const handler = (): void => {};
      const off = bus.on('tick', handler);
      const crew: HandlerGroup = bus.group('crew');
      crew.on('tick', handler);
      await bus.close();
      off();
      expect(bus.off('tick', handler)).toBe(false);
      crew.remove();
      crew.retire();
      expect(crew.size).toBe(0);
    });

    it('waits for emissions that are caused by those being drained', async () => {
      const bus = makeBus();
      const [parent, child] = [deferred(), deferred()];
      bus.on('parent', async (_payload, ctx) => {
        await parent.promise;
        ctx.post('child');
      });
      bus.on('child', () => child.promise);
      const emission = bus.emit('parent');
      const closed = bus.close();
      parent.resolve();
      await emission;
      expect(await stateOf(closed)).toBe('pending');
      child.resolve();
      expect((await closed).drained).toBe(true);
    });

    it('[21] accepts emissions caused by late work that it waits for', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const gate = deferred();
      const children: unknown[] = [];
      bus.on(
        'timed',
        async (_payload, ctx) => {
          await gate.promise;
          await ctx.emit('child', 'timed');
        },
        { timeoutMs: 100 },
      );
      bus.on('sync', async (_payload, ctx) => {
        await gate.promise;
        await ctx.emit('child', 'sync');
      });
      bus.on('child', (from) => children.push(from));
      bus.post('timed');
      await clock.advance(100);
      bus.emitSync('sync');
      const closed = bus.close();
      gate.resolve();
      expect((await closed).drained).toBe(true);
      expect(children).toEqual(['timed', 'sync']);
    });

    it('waits for late work', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const work = deferred();
      bus.on('tick', () => work.promise, { timeoutMs: 100 });
      bus.post('tick');
      await clock.advance(100);
      const closed = bus.close();
      expect(await stateOf(closed)).toBe('pending');
      work.resolve();
      expect((await closed).drained).toBe(true);
    });

    it('gives up after drainMs, and reports what was left', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock, mode: 'concurrent' });
      let emissionId: string | undefined;
      bus.on('order.placed', (_payload, ctx) => void (emissionId = ctx.id));
      bus.on('order.placed', never, { name: 'notifier' });
      bus.on('order.placed', async () => {}, { name: 'done' });
      bus.on('order.placed', never, { name: 'ledger', timeoutMs: 100_000 });
      bus.post('order.placed');
      await promisesSettled();
      const closed = bus.close({ drainMs: 500 });
      await clock.advance(499);
      expect(await stateOf(closed)).toBe('pending');
      await clock.advance(1);
      const report = await closed;
      expect(report.drained).toBe(false);
      expect(report.unfinished).toMatchObject([{ event: 'order.placed', emissionId, late: false }]);
      expect([...(report.unfinished[0]?.handlers ?? [])].sort()).toEqual(['ledger', 'notifier']);
    });

    it('names the handler that runs in a sequence', async () => {
      const bus = makeBus();
      bus.on('tick', () => {}, { name: 'first' });
      bus.on('tick', never, { name: 'second' });
      bus.on('tick', () => {}, { name: 'third' });
      bus.post('tick');
      const report = await bus.close({ drainMs: 0 });
      expect(report.unfinished.map(({ handlers }) => handlers)).toEqual([['second']]);
    });

    it('names the handler that runs in a sequence that was aborted', async () => {
      const bus = makeBus();
      const controller = new AbortController();
      bus.on('tick', never, { name: 'first' });
      bus.on('tick', () => {}, { name: 'second' });
      bus.post('tick', undefined, { signal: controller.signal });
      controller.abort();
      const report = await bus.close({ drainMs: 0 });
      expect(report.unfinished.map(({ handlers }) => handlers)).toEqual([['first']]);
    });

    it('reports late work as late', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      bus.on('tick', never, { name: 'slow', timeoutMs: 100 });
      const emission = bus.emit('tick');
      await clock.advance(100);
      const { emissionId } = (await emission).failures[0] ?? {};
      const report = await bus.close({ drainMs: 0 });
      expect(report).toEqual({
        drained: false,
        unfinished: [{ event: 'tick', emissionId, handlers: ['slow'], late: true }],
      });
    });

    it('waits 10 seconds by default', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      bus.on('tick', never);
      bus.post('tick');
      const closed = bus.close();
      await clock.advance(9_999);
      expect(await stateOf(closed)).toBe('pending');
      await clock.advance(1);
      expect((await closed).drained).toBe(false);
    });

    it('does not wait with a drainMs of 0', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      bus.on('tick', never);
      bus.post('tick');
      expect((await bus.close({ drainMs: 0 })).drained).toBe(false);
      expect(clock.pending).toBe(0);
    });

    it('waits for ever with a drainMs of Infinity', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const work = deferred();
      bus.on('tick', () => work.promise);
      bus.post('tick');
      const closed = bus.close({ drainMs: Infinity });
      await clock.advance(1_000_000_000);
      expect(await stateOf(closed)).toBe('pending');
      work.resolve();
      expect((await closed).drained).toBe(true);
    });

    it('leaves no timer when all was drained in time', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const work = deferred();
      bus.on('tick', () => work.promise);
      bus.post('tick');
      const closed = bus.close();
      work.resolve();
      await closed;
      expect(clock.pending).toBe(0);
    });

    it('aborts the signals of what was left, with BUS_CLOSED as the reason', async () => {
      const clock = new ManualClock();
      const bus = makeBus({ clock, mode: 'concurrent' });
      const signals: AbortSignal[] = [];
      const handler = (_payload: unknown, ctx: { signal: AbortSignal }): Promise<never> => {
        signals.push(ctx.signal);
        return never();
      };
      bus.on('tick', handler);
      bus.on('tick', handler, { timeoutMs: 100_000 });
      bus.post('tick');
      const closed = bus.close({ drainMs: 500 });
      expect(signals.map((signal) => signal.aborted)).toEqual([false, false]);
      await clock.advance(500);
      await closed;
      expect(signals.map((signal) => signal.aborted)).toEqual([true, true]);
      for (const signal of signals) {
        expect(signal.reason).toBeInstanceOf(AmbusError);
        expect(signal.reason).toMatchObject({ code: 'BUS_CLOSED' });
      }
    });

    it('does not abort the signals of what was drained in time', async () => {
      const bus = makeBus();
      const work = deferred();
      let signal: AbortSignal | undefined;
      bus.on('tick', (_payload, ctx) => {
        signal = ctx.signal;
        return work.promise;
      });
      bus.post('tick');
      const closed = bus.close();
      work.resolve();
      await closed;
      expect(signal?.aborted).toBe(false);
    });

    it('lets what was left come to its end', async () => {
      const bus = makeBus();
      const work = deferred();
      bus.on('tick', () => work.promise);
      const emission = bus.emit('tick');
      await bus.close({ drainMs: 0 });
      expect(bus.inspect().counts.inFlight).toBe(1);
      work.resolve();
      expect((await emission).ok).toBe(true);
      expect(bus.inspect().counts.inFlight).toBe(0);
    });

    it('refuses emissions of what was left', async () => {
      const bus = makeBus();
      const work = deferred();
      let refusal: unknown;
      bus.on('tick', async (_payload, ctx) => {
        await work.promise;
        refusal = await rejectionOf(ctx.emit('tock'));
      });
      const emission = bus.emit('tick');
      await bus.close({ drainMs: 0 });
      work.resolve();
      await emission;
      expect(refusal).toMatchObject({ code: 'BUS_CLOSED' });
    });

    it('returns the same report to a second call', async () => {
      const bus = makeBus();
      bus.on('tick', never);
      bus.post('tick');
      const first = await bus.close({ drainMs: 0 });
      expect(await bus.close()).toBe(first);
      expect(await bus.close({ drainMs: 0 })).toBe(first);
    });

    it('lets a second call wait for the first one', async () => {
      const bus = makeBus();
      const work = deferred();
      bus.on('tick', () => work.promise);
      bus.post('tick');
      const first = bus.close();
      const second = bus.close();
      expect(await stateOf(second)).toBe('pending');
      work.resolve();
      expect(await second).toBe(await first);
    });

    it('is what disposing of a bus does', async () => {
      const bus = makeBus();
      const work = deferred();
      bus.on('tick', () => work.promise);
      bus.post('tick');
      const disposed = bus[Symbol.asyncDispose]();
      expect(await stateOf(disposed)).toBe('pending');
      work.resolve();
      await expect(disposed).resolves.toBeUndefined();
      expect(bus.inspect().state).toBe('closed');
    });

    it('is done at the end of a block by await using', async () => {
      const states: string[] = [];
      const outer = makeBus();
      {
        await using bus = outer;
        states.push(bus.inspect().state);
      }
      states.push(outer.inspect().state);
      expect(states).toEqual(['open', 'closed']);
    });

    it.each([-1, Number.NaN, '5', null, 2_147_483_648])('refuses a drainMs of %s, and stays open', async (drainMs) => {
      const bus = makeBus();
      expect(await rejectionOf(bus.close({ drainMs: drainMs as number }))).toMatchObject({ code: 'INVALID_OPTION' });
      expect(bus.inspect().state).toBe('open');
      expect((await bus.emit('tick')).ok).toBe(true);
    });

    it('refuses a misspelt option and options that are none, and stays open', async () => {
      const bus = makeBus();
      expect(await rejectionOf(bus.close({ timeoutMs: 5 } as object))).toMatchObject({ code: 'UNKNOWN_OPTION' });
      expect(await rejectionOf(bus.close(500 as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(bus.inspect().state).toBe('open');
    });

    it('[21] does not wait for the emission whose context it is called on', async () => {
      const bus = makeBus();
      let report: CloseReport | undefined;
      bus.on('tick', async (_payload, ctx) => {
        report = await ctx.close();
      });
      expect((await bus.emit('tick')).ok).toBe(true);
      expect(report).toEqual({ drained: true, unfinished: [] });
    });

    it('[21] does not wait for its caller where it is called on the bus in the synchronous part of a handler', async () => {
      const bus = makeBus({ asyncContext: 'never' });
      bus.on('tick', () => bus.close());
      expect((await bus.emit('tick')).ok).toBe(true);
      expect(bus.inspect().state).toBe('closed');
    });

    it('[21] does not wait for its caller where it is called on the bus after an await that is traced', async () => {
      const bus = makeBus({ asyncContext: 'always' });
      bus.on('tick', async () => {
        await promisesSettled();
        await bus.close();
      });
      expect((await bus.emit('tick')).ok).toBe(true);
    });

    it('[21] waits for the other emissions when it is called in a handler', async () => {
      const bus = makeBus();
      const work = deferred();
      bus.on('other', () => work.promise);
      bus.on('tick', (_payload, ctx) => ctx.close());
      bus.post('other');
      const emission = bus.emit('tick');
      expect(await stateOf(emission)).toBe('pending');
      work.resolve();
      expect((await emission).ok).toBe(true);
    });

    it('[21] does not hang where two emissions both wait for close', async () => {
      const bus = makeBus();
      const gates = [deferred(), deferred()];
      const reports: CloseReport[] = [];
      bus.on('tick', async (index, ctx) => {
        await gates[index as number]?.promise;
        reports.push(await ctx.close());
      });
      const emissions = [bus.emit('tick', 0), bus.emit('tick', 1)];
      gates[0]?.resolve();
      await promisesSettled();
      gates[1]?.resolve();
      expect((await Promise.all(emissions)).map((result) => result.ok)).toEqual([true, true]);
      expect(reports[0]).toBe(reports[1]);
    });

    it('[21] does not hang where two handlers of one emission both wait for close', async () => {
      const bus = makeBus({ mode: 'concurrent' });
      bus.on('tick', (_payload, ctx) => ctx.close());
      bus.on('tick', (_payload, ctx) => ctx.close());
      expect((await bus.emit('tick')).ok).toBe(true);
    });

    it('[21] does not hang where one emission waits for idle and another for close', async () => {
      const bus = makeBus();
      bus.on('a', (_payload, ctx) => ctx.idle());
      bus.on('b', (_payload, ctx) => ctx.close());
      const gate = deferred();
      bus.on('c', () => gate.promise);
      bus.post('c');
      const emissions = [bus.emit('a'), bus.emit('b')];
      await promisesSettled();
      gate.resolve();
      expect((await Promise.all(emissions)).map((result) => result.ok)).toEqual([true, true]);
    });

    it('[21] does not hang where a handler joins a close that was called outside', async () => {
      const bus = makeBus();
      const gate = deferred();
      bus.on('tick', async (_payload, ctx) => {
        await gate.promise;
        await ctx.close();
      });
      const emission = bus.emit('tick');
      const closed = bus.close();
      gate.resolve();
      expect((await emission).ok).toBe(true);
      expect((await closed).drained).toBe(true);
    });

    it('[21] lets a synchronous handler close its bus', async () => {
      const bus = makeBus();
      const later = vi.fn();
      let closed: Promise<CloseReport> | undefined;
      bus.on('tick', (_payload, ctx) => {
        closed = ctx.close();
      });
      bus.on('tick', later);
      bus.emitSync('tick');
      expect((await closed)?.drained).toBe(true);
      expect(later).toHaveBeenCalledTimes(1);
    });

    it('is told of by nothing but its effects: a bus that was never used closes too', async () => {
      const bus = makeBus();
      await bus.close();
      await bus.close();
      expect(bus.inspect()).toMatchObject({ state: 'closed', events: [], listeners: [] });
    });
  });
});
