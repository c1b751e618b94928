import { describe, expect, it } from 'vitest';
import { compiled } from '../../src/compiled/index.js';
import { type BusSnapshot, EventBus } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, promisesSettled, rejectionOf } from './deferred.js';

const names = (snapshot: BusSnapshot, type: string): string[] | undefined =>
  snapshot.events.find((event) => event.type === type)?.handlers.map((handler) => handler.name);

describeBothBuses((makeBus) => {
  it('survives JSON as it is', async () => {
    const secret = Symbol('secret');
    const bus = makeBus<{ 'order.placed': unknown; 'order.paid': unknown; [secret]: unknown }>({
      name: 'shop',
      mode: 'concurrent',
      clock: new ManualClock(),
    });
    const crew = bus.group('crew', { place: 2 });
    bus.on('order.placed', () => {}, { times: 3, timeoutMs: 50, concurrency: 2, priority: 1.5 });
    bus.on('order.placed', () => {}, { filter: () => true, signal: new AbortController().signal });
    bus.once('order.paid', () => {});
    bus.on(secret, () => {});
    bus.on(['order.placed', 'order.paid'], () => {});
    crew.on('order.*', () => {});
    bus.onAny(() => {});
    bus.observe({});
    await bus.emit('order.placed', 1);
    bus.emitSync(secret, 1);
    crew.pause();
    const snapshot = bus.inspect();
    expect(JSON.parse(JSON.stringify(snapshot))).toStrictEqual(snapshot);
  });

  it('survives JSON as it is where nothing was ever done', () => {
    const snapshot = makeBus().inspect();
    expect(JSON.parse(JSON.stringify(snapshot))).toStrictEqual(snapshot);
  });

  it('shows how the bus was made', () => {
    expect(makeBus().inspect()).toMatchObject({
      name: 'bus',
      state: 'open',
      mode: 'sequential',
      concurrency: null,
      failurePolicy: 'isolate',
      observers: 0,
      events: [],
      listeners: [],
      groups: [],
    });
    const options = { name: 'shop', mode: 'tiered', concurrency: 4, failurePolicy: 'throw' } as const;
    expect(makeBus(options).inspect()).toMatchObject(options);
  });

  it('shows nothing counted on a bus that was never used', () => {
    expect(makeBus().inspect().counts).toEqual({
      emissions: 0,
      dropped: 0,
      intercepted: 0,
      streamDropped: 0,
      failures: 0,
      timeouts: 0,
      overran: 0,
      inFlight: 0,
      late: 0,
      lateSettled: 0,
      abandoned: 0,
    });
  });

  it('lists the handlers of an event in the order in which they run', async () => {
    const bus = makeBus();
    const ran: string[] = [];
    const add = (name: string) => () => void ran.push(name);
    bus.on('a.b', add('exact'), { name: 'exact' });
    bus.on('a.b', add('low'), { name: 'low', priority: -1 });
    bus.group('late', { place: 5 }).on('a.b', add('late'), { name: 'late' });
    bus.group('early', { place: -5 }).on('a.*', add('early'), { name: 'early' });
    bus.on(['a.b', 'c'], add('listed'), { name: 'listed' });
    bus.on('a.**', add('pattern'), { name: 'pattern' });
    bus.onAny(add('any'), { name: 'any' });
    bus.on('a.b', add('high'), { name: 'high', priority: 1 });
    await bus.emit('a.b');
    expect(names(bus.inspect(), 'a.b')).toEqual(ran);
    expect(ran).toEqual(['high', 'early', 'exact', 'listed', 'pattern', 'any', 'late', 'low']);
  });

  it('shows of every handler what it was subscribed with', () => {
    const bus = makeBus();
    bus.group('crew').on('a', function exact() {}, { priority: 2, times: 3, timeoutMs: 50, concurrency: 4 });
    bus.on('*', () => {}, { name: 'pattern' });
    bus.on(['a', 'b'], () => {}, { name: 'list' });
    bus.onAny(() => {}, { name: 'any' });
    const [exact, pattern, list, any] = bus.inspect().events[0]?.handlers ?? [];
    expect(exact).toEqual({
      name: 'exact',
      kind: 'exact',
      priority: 2,
      group: 'crew',
      paused: false,
      timesLeft: 3,
      timeoutMs: 50,
      concurrency: 4,
      running: 0,
    });
    expect(pattern).toEqual({ name: 'pattern', kind: 'pattern', pattern: '*', priority: 0, paused: false });
    expect(list).toEqual({ name: 'list', kind: 'list', pattern: ['a', 'b'], priority: 0, paused: false });
    expect(any).toEqual({ name: 'any', kind: 'any', priority: 0, paused: false });
  });

  it('lists what listens to patterns, lists and everything', () => {
    const bus = makeBus();
    bus.on('a', () => {}, { name: 'exact' });
    bus.on('a.*', () => {}, { name: 'pattern' });
    bus.on(['a', 'b'], () => {}, { name: 'list' });
    bus.onAny(() => {}, { name: 'any', priority: 1 });
    expect(bus.inspect().listeners.map(({ name, kind }) => [name, kind])).toEqual([
      ['any', 'any'],
      ['pattern', 'pattern'],
      ['list', 'list'],
    ]);
  });

  it('lists events in the order in which they were first seen, subscribed to or emitted', () => {
    const bus = makeBus();
    bus.on('c', () => {});
    bus.emitSync('a');
    bus.on('b', () => {});
    bus.emitSync('c');
    expect(bus.inspect().events.map(({ type, emissions }) => [type, emissions])).toEqual([
      ['c', 1],
      ['a', 1],
      ['b', 0],
    ]);
  });

  it('does not list an event whose emission was refused because of its name', async () => {
    const bus = makeBus();
    await rejectionOf(bus.emit('a.*'));
    expect(bus.inspect().events).toEqual([]);
  });

  it('shows a symbol by its description', () => {
    const secret = Symbol('secret');
    const bus = makeBus<{ [secret]: void; a: void }>();
    bus.on(secret, () => {});
    bus.on([secret, 'a'], () => {});
    expect(bus.inspect().events.map(({ type }) => type)).toEqual(['Symbol(secret)']);
    expect(bus.inspect().listeners[0]?.pattern).toEqual(['Symbol(secret)', 'a']);
    expect(bus.eventTypes()).toEqual(['Symbol(secret)']);
  });

  it('counts emissions by event, whatever the verb and the outcome', async () => {
    const bus = makeBus();
    bus.on('sync', () => {});
    bus.on('async', async () => {});
    bus.on('fails', () => {
      throw new Error('no');
    });
    for (let i = 0; i < 10; i++) bus.emitSync('sync');
    await bus.emit('sync');
    await bus.dispatch('sync');
    bus.post('sync');
    bus.event('sync').emitSync(undefined);
    await bus.emit('async');
    await bus.emit('fails');
    await rejectionOf(bus.emit('fails', 1, { failurePolicy: 'throw' }));
    bus.on('sync', () => {});
    bus.emitSync('sync');
    const snapshot = bus.inspect();
    expect(snapshot.events.map(({ type, emissions }) => [type, emissions])).toEqual([
      ['sync', 15],
      ['async', 1],
      ['fails', 2],
    ]);
    expect(snapshot.counts).toMatchObject({ emissions: 18, failures: 2, dropped: 0 });
  });

  it('keeps the count of emissions of events that it has forgotten', () => {
    const bus = makeBus();
    for (let i = 0; i < 5_000; i++) bus.emitSync(`event.${i}`);
    const snapshot = bus.inspect();
    expect(snapshot.counts.emissions).toBe(5_000);
    expect(snapshot.events.length).toBeLessThan(5_000);
  });

  it('counts what is in flight, and the slots that are taken', async () => {
    const bus = makeBus();
    const work = deferred();
    bus.on('tick', () => work.promise, { concurrency: 2 });
    for (let i = 0; i < 3; i++) bus.post('tick');
    const before = bus.inspect();
    expect(before.counts.inFlight).toBe(3);
    expect(before.events[0]?.handlers[0]).toMatchObject({ concurrency: 2, running: 2 });
    work.resolve();
    await promisesSettled();
    const after = bus.inspect();
    expect(after.counts.inFlight).toBe(0);
    expect(after.events[0]?.handlers[0]).toMatchObject({ running: 0 });
  });

  it('shows the turns that are left to a handler', () => {
    const bus = makeBus();
    bus.on('tick', () => {}, { times: 2 });
    bus.emitSync('tick');
    expect(bus.inspect().events[0]?.handlers[0]?.timesLeft).toBe(1);
    bus.emitSync('tick');
    expect(bus.inspect().events[0]?.handlers).toEqual([]);
  });

  it('shows groups, and which handlers are paused', () => {
    const bus = makeBus();
    const crew = bus.group('crew', { place: 3 });
    crew.on('tick', () => {});
    crew.on('*', () => {});
    bus.group('empty');
    crew.pause();
    expect(bus.inspect().groups).toEqual([
      { name: 'crew', place: 3, size: 2, state: 'paused' },
      { name: 'empty', place: 0, size: 0, state: 'active' },
    ]);
    expect(bus.inspect().events[0]?.handlers.map(({ paused }) => paused)).toEqual([true, true]);
    expect(bus.inspect().listeners.map(({ paused }) => paused)).toEqual([true]);
    crew.resume();
    expect(bus.inspect().groups[0]?.state).toBe('active');
    expect(bus.inspect().events[0]?.handlers.map(({ paused }) => paused)).toEqual([false, false]);
  });

  it('does not list a group that was removed or retired', () => {
    const bus = makeBus();
    bus.group('removed').remove();
    bus.group('retired').retire();
    expect(bus.inspect().groups).toEqual([]);
  });

  it('does not change afterwards', async () => {
    const bus = makeBus();
    bus.on('tick', () => {});
    const snapshot = bus.inspect();
    const copy = structuredClone(snapshot);
    bus.on('tick', () => {});
    bus.on('*', () => {});
    await bus.emit('tick');
    bus.group('crew');
    await bus.close();
    expect(snapshot).toEqual(copy);
  });

  it('shows whether the bus is open, closing or closed', async () => {
    const bus = makeBus();
    const work = deferred();
    bus.on('tick', () => work.promise);
    bus.post('tick');
    expect(bus.inspect().state).toBe('open');
    const closed = bus.close();
    expect(bus.inspect().state).toBe('closing');
    work.resolve();
    await closed;
    expect(bus.inspect().state).toBe('closed');
  });
});

describe('the compiler in a snapshot', () => {
  it('is not there on a bus without one', () => {
    const bus = new EventBus();
    bus.on('tick', () => {});
    bus.emitSync('tick');
    expect(bus.inspect().compiler).toBeUndefined();
    expect(bus.inspect().events[0]?.compiled).toBe(false);
  });

  it('has its name, and serves an event from the emission on that it was told', () => {
    const bus = new EventBus({ compiler: compiled({ after: 2 }) });
    bus.on('tick', () => {});
    const states: boolean[] = [];
    for (let i = 0; i < 4; i++) {
      bus.emitSync('tick');
      states.push(bus.inspect().events[0]?.compiled ?? false);
    }
    expect(bus.inspect().compiler).toMatchObject({ name: expect.any(String), active: true });
    expect(states[0]).toBe(false);
    expect(states[3]).toBe(true);
  });

  it('serves an event no more when its handlers change, until it has been emitted again', () => {
    const bus = new EventBus({ compiler: compiled({ after: 0 }) });
    bus.on('tick', () => {});
    for (let i = 0; i < 3; i++) bus.emitSync('tick');
    expect(bus.inspect().events[0]?.compiled).toBe(true);
    bus.on('tick', () => {});
    expect(bus.inspect().events[0]?.compiled).toBe(false);
    for (let i = 0; i < 3; i++) bus.emitSync('tick');
    expect(bus.inspect().events[0]?.compiled).toBe(true);
  });

  it('does not serve an event while somebody observes its handlers', () => {
    const bus = new EventBus({ compiler: compiled({ after: 0 }) });
    bus.on('tick', () => {});
    const off = bus.observe({ handlerSettled: () => {} });
    for (let i = 0; i < 3; i++) bus.emitSync('tick');
    expect(bus.inspect().events[0]?.compiled).toBe(false);
    off();
    for (let i = 0; i < 3; i++) bus.emitSync('tick');
    expect(bus.inspect().events[0]?.compiled).toBe(true);
  });
});
