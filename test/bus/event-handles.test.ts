import { describe, expect, it } from 'vitest';
import type { AmbusError } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';

describeEveryBus((makeBus) => {
  it('emits one event by every verb, with the same results as the bus', async () => {
    const seen: number[] = [];
    const bus = makeBus<{ tick: number }>();
    const tick = bus.event('tick');
    expect(tick.type).toBe('tick');
    bus.on('tick', (n) => void seen.push(n));
    expect(await tick.emit(1)).toEqual(await bus.emit('tick', 2));
    expect(tick.emitSync(3)).toEqual(bus.emitSync('tick', 4));
    expect(tick.dispatch(5)).toEqual(bus.dispatch('tick', 6));
    expect(tick.post(7)).toBeUndefined();
    expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('emits an event without a payload', () => {
    const seen: unknown[] = [];
    const bus = makeBus<{ closed: void }>();
    const closed = bus.event('closed');
    closed.on((payload) => void seen.push(payload));
    closed.emitSync();
    closed.emitSync(undefined, { failurePolicy: 'throw' });
    closed.post();
    expect(seen).toEqual([undefined, undefined, undefined]);
  });

  it('takes the options of an emission', async () => {
    const clock = new ManualClock();
    const bus = makeBus<{ tick: number }>({ clock });
    const tick = bus.event('tick');
    const metas: unknown[] = [];
    tick.on((_, ctx) => void metas.push(ctx.meta));
    tick.emitSync(1, { meta: { by: 'test' } });
    expect(metas).toEqual([{ by: 'test' }]);
    expect(await rejectionOf(tick.emit(1, { signal: AbortSignal.abort('gone') }))).toBe('gone');
    expect(thrownBy(() => tick.emitSync(1, { mod: 'concurrent' } as never))).toMatchObject({
      code: 'UNKNOWN_OPTION',
      details: { meant: 'mode' },
    });
    tick.on(() => new Promise(() => {}));
    const emission = tick.emit(1, { timeoutMs: 10 });
    await clock.advance(10);
    expect(await emission).toMatchObject({ ok: false, failures: [{ code: 'HANDLER_TIMEOUT' }] });
  });

  it('subscribes to its event: on and once, with options', () => {
    const seen: string[] = [];
    const bus = makeBus<{ tick: number; tock: number }>();
    const tick = bus.event('tick');
    const off = tick.on((n, ctx) => void seen.push(`on ${ctx.type} ${n}`), { priority: -1 });
    tick.once((n) => void seen.push(`once ${n}`), { filter: (n) => n > 1 });
    bus.emitSync('tick', 1);
    bus.emitSync('tick', 2);
    bus.emitSync('tick', 3);
    bus.emitSync('tock', 4);
    off();
    off();
    bus.emitSync('tick', 5);
    expect(seen).toEqual(['on tick 1', 'once 2', 'on tick 2', 'on tick 3']);
    expect(off.active).toBe(false);
  });

  it('is heard by every subscription of the bus that matches, made before it or after', () => {
    const seen: string[] = [];
    const bus = makeBus<{ 'order.placed': number }>();
    bus.on('order.*', () => void seen.push('pattern before'));
    const placed = bus.event('order.placed');
    bus.on('order.placed', () => void seen.push('exact'));
    bus.on(['order.placed'], () => void seen.push('list'));
    placed.emitSync(1);
    expect(seen).toEqual(['pattern before', 'exact', 'list']);
    seen.length = 0;
    bus.onAny(() => void seen.push('any after'), { priority: 1 });
    bus.on('**', () => void seen.push('pattern after'));
    placed.emitSync(1);
    expect(seen).toEqual(['any after', 'pattern before', 'exact', 'list', 'pattern after']);
  });

  it('counts the live handlers that hear its event', () => {
    const bus = makeBus<{ 'order.placed': number; 'order.paid': number }>();
    const placed = bus.event('order.placed');
    expect(placed.handlerCount).toBe(0);
    const off = placed.on(() => {});
    bus.on('order.*', () => {});
    bus.on('order.paid', () => {});
    bus.onAny(() => {});
    expect(placed.handlerCount).toBe(3);
    expect(bus.handlerCount('order.placed')).toBe(3);
    off();
    expect(placed.handlerCount).toBe(2);
  });

  it('sees every change of subscriptions from the next emission on', () => {
    const bus = makeBus<{ tick: void }>();
    const tick = bus.event('tick');
    for (let n = 0; n < 5; n++) {
      expect(tick.emitSync().called).toBe(n);
      tick.on(() => {});
    }
    const group = bus.group('widget');
    group.onAny(() => {});
    expect(tick.emitSync()).toMatchObject({ called: 6, skipped: 0 });
    group.pause();
    expect(tick.emitSync()).toMatchObject({ called: 5, skipped: 1 });
    group.remove();
    expect(tick.emitSync()).toMatchObject({ called: 5, skipped: 0 });
  });

  it('may be made several times over, and taken apart from its bus', () => {
    let calls = 0;
    const bus = makeBus<{ tick: void }>();
    const [a, b] = [bus.event('tick'), bus.event('tick')];
    a.on(() => void (calls += 1));
    b.on(() => void (calls += 1));
    a.emitSync();
    b.emitSync();
    expect(calls).toBe(4);
  });

  it('subscribes nobody and counts for nothing by being made', () => {
    const bus = makeBus();
    bus.event('tick');
    expect(bus.handlerCount()).toBe(0);
    expect(bus.eventTypes()).toEqual([]);
  });

  it('goes on working after very many other events came and went', () => {
    const bus = makeBus();
    const tick = bus.event('tick');
    tick.emitSync();
    for (let n = 0; n < 5_000; n++) bus.emitSync(`passing.${n}`);
    expect(tick.emitSync().called).toBe(0);
    let calls = 0;
    bus.on('tick', () => void (calls += 1));
    tick.on(() => void (calls += 1));
    expect(tick.emitSync().called).toBe(2);
    expect(bus.emitSync('tick').called).toBe(2);
    expect(calls).toBe(4);
  });

  it('can be of a symbol', () => {
    const tick = Symbol('tick');
    const bus = makeBus<{ [tick]: number }>();
    const handle = bus.event(tick);
    const seen: number[] = [];
    handle.on((n) => void seen.push(n));
    expect(handle.emitSync(1)).toMatchObject({ type: tick, called: 1 });
    expect(seen).toEqual([1]);
  });

  it('starts handlers in the tick of emit and never throws synchronously', async () => {
    const bus = makeBus({ failurePolicy: 'throw' });
    const tick = bus.event('tick');
    let started = false;
    tick.on(() => {
      started = true;
      throw new Error('boom');
    });
    const emission = tick.emit();
    expect(started).toBe(true);
    expect(await rejectionOf(emission)).toMatchObject({ code: 'EMIT_FAILED' });
    expect(await rejectionOf(tick.emit(1, 7 as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('waits for async handlers in emit, and fails them in emitSync', async () => {
    const gate = deferred();
    const bus = makeBus();
    const tick = bus.event('tick');
    tick.on(() => gate.promise);
    let settled = false;
    const emission = tick.emit().finally(() => {
      settled = true;
    });
    await promisesSettled();
    expect(settled).toBe(false);
    expect(tick.emitSync()).toMatchObject({ failures: [{ code: 'ASYNC_IN_SYNC' }] });
    gate.resolve();
    expect((await emission).ok).toBe(true);
  });

  it('refuses on a closed bus', async () => {
    const reported: AmbusError[] = [];
    const bus = makeBus({ onFailure: (failure) => reported.push(failure) });
    const tick = bus.event('tick');
    tick.on(() => {});
    tick.emitSync();
    tick.emitSync();
    await bus.close();
    const refusal = { code: 'BUS_CLOSED' };
    expect(await rejectionOf(tick.emit())).toMatchObject(refusal);
    expect(thrownBy(() => tick.emitSync())).toMatchObject(refusal);
    expect(thrownBy(() => tick.dispatch())).toMatchObject(refusal);
    expect(thrownBy(() => tick.on(() => {}))).toMatchObject(refusal);
    tick.post();
    await promisesSettled();
    expect(reported).toMatchObject([refusal]);
    expect(tick.handlerCount).toBe(0);
  });

  describe('bad input', () => {
    it.each([undefined, null, 7, true, {}, [], ['tick'], () => {}])('refuses %s as a name', (name) => {
      expect(thrownBy(() => makeBus().event(name as never))).toMatchObject({ code: 'INVALID_EVENT' });
    });

    it('refuses a pattern, which only listens', () => {
      const bus = makeBus();
      expect(thrownBy(() => bus.event('order.*'))).toMatchObject({ code: 'INVALID_EVENT' });
    });

    it.each([undefined, null, 'handler', {}])('refuses %s as a handler', (handler) => {
      const bus = makeBus();
      const tick = bus.event('tick');
      expect(thrownBy(() => tick.on(handler as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(thrownBy(() => tick.once(handler as never))).toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(bus.handlerCount()).toBe(0);
    });
  });
});
