import { expect, it } from 'vitest';
import { describeEveryBus } from './buses.js';
import { deferred } from './deferred.js';

describeEveryBus((makeBus) => {
  it('tells a handler the event, the payload and the emission', () => {
    const payload = { id: 'o1' };
    const bus = makeBus<{ 'order.placed': { id: string } }>();
    let told: unknown;
    bus.on('order.placed', (_, ctx) => {
      told = { type: ctx.type, payload: ctx.payload, sync: ctx.sync, meta: ctx.meta, aborted: ctx.signal.aborted };
      expect(ctx.payload).toBe(payload);
    });
    bus.emitSync('order.placed', payload);
    expect(told).toEqual({ type: 'order.placed', payload, sync: true, meta: {}, aborted: false });
  });

  it('has one id for all handlers of an emission, and another one for each emission', async () => {
    const ids: string[] = [];
    const bus = makeBus<{ outer: void; inner: void }>();
    const note = (_: unknown, ctx: { id: string }) => void ids.push(ctx.id);
    bus.on('outer', note);
    bus.on('outer', note, { timeoutMs: 1_000 });
    bus.onAny(note);
    bus.on('outer', (_, ctx) => void ctx.emitSync('inner'));
    bus.emitSync('outer');
    await bus.emit('outer');
    const [first, second] = [ids.slice(0, 4), ids.slice(4)];
    for (const of of [first, second]) {
      expect(new Set(of.slice(0, 3)).size).toBe(1);
      expect(new Set(of).size).toBe(2);
    }
    expect(new Set(ids).size).toBe(4);
    for (const id of ids) expect(id).toMatch(/./);
  });

  it('has ids that are unique over buses', () => {
    const ids = new Set<string>();
    for (let n = 0; n < 50; n++) {
      const bus = makeBus();
      bus.on('tick', (_, ctx) => void ids.add(ctx.id));
      for (let m = 0; m < 20; m++) bus.emitSync('tick');
    }
    expect(ids.size).toBe(1_000);
  });

  it('is named by the failure of its handler', () => {
    let id: string | undefined;
    const bus = makeBus();
    bus.on('tick', (_, ctx) => {
      ({ id } = ctx);
      throw new Error('boom');
    });
    expect(bus.emitSync('tick').failures[0]?.emissionId).toBe(id);
  });

  it('gives each emission its own context', async () => {
    const gates = [deferred(), deferred()];
    const seen: unknown[] = [];
    const bus = makeBus<{ tick: number }>();
    bus.on('tick', async (n, ctx) => {
      await gates[n]?.promise;
      seen.push([ctx.payload, ctx.meta, n]);
    });
    const emissions = [0, 1].map((n) => bus.emit('tick', n, { meta: { n } }));
    gates[1]?.resolve();
    gates[0]?.resolve();
    await Promise.all(emissions);
    expect(seen).toEqual([
      [1, { n: 1 }, 1],
      [0, { n: 0 }, 0],
    ]);
  });

  it('carries meta as plain facts that handlers cannot change', () => {
    const meta = { user: 'u1' };
    const bus = makeBus();
    const seen: unknown[] = [];
    bus.on('tick', (_, ctx) => {
      seen.push({ ...ctx.meta });
      expect(() => Object.assign(ctx.meta, { user: 'u2' })).toThrow(TypeError);
    });
    bus.on('tick', (_, ctx) => void seen.push(ctx.meta));
    expect(bus.emitSync('tick', undefined, { meta })).toMatchObject({ ok: true });
    expect(seen).toEqual([{ user: 'u1' }, { user: 'u1' }]);
    expect(meta).toEqual({ user: 'u1' });
    expect(bus.emitSync('tick')).toMatchObject({ called: 2 });
    expect(seen.at(-1)).toEqual({});
  });

  it('may be used by a handler after its emission has ended', async () => {
    const bus = makeBus<{ tick: void; later: number }>();
    const seen: number[] = [];
    bus.on('later', (n) => void seen.push(n));
    let later = () => {};
    bus.on('tick', (_, ctx) => {
      later = () => {
        ctx.emitSync('later', 1);
        ctx.post('later', 2);
      };
    });
    bus.emitSync('tick');
    later();
    expect(seen).toEqual([1, 2]);
  });
});
