import { expect, it } from 'vitest';
import { describeEveryBus } from './buses.js';

describeEveryBus((makeBus) => {
  /** A bus and the log of what its handlers noted. */
  function noting() {
    const seen: string[] = [];
    const note = (name: string) => () => {
      seen.push(name);
    };
    return { bus: makeBus(), seen, note };
  }

  it('[1] calls handlers of a higher priority first', () => {
    const { bus, seen, note } = noting();
    bus.on('tick', note('low'), { priority: -5 });
    bus.on('tick', note('high'), { priority: 10 });
    bus.on('tick', note('middle'), { priority: 2.5 });
    bus.emitSync('tick');
    expect(seen).toEqual(['high', 'middle', 'low']);
  });

  it('[1] gives a handler the priority 0 unless told otherwise', () => {
    const { bus, seen, note } = noting();
    bus.on('tick', note('below'), { priority: -0.001 });
    bus.on('tick', note('default'));
    bus.on('tick', note('zero'), { priority: 0 });
    bus.on('tick', note('minus zero'), { priority: -0 });
    bus.on('tick', note('undefined'), { priority: undefined });
    bus.on('tick', note('above'), { priority: Number.MIN_VALUE });
    bus.emitSync('tick');
    expect(seen).toEqual(['above', 'default', 'zero', 'minus zero', 'undefined', 'below']);
  });

  it('[1] calls handlers of equal priority in the order in which they were subscribed', () => {
    const { bus, seen, note } = noting();
    for (const name of ['a', 'b', 'c', 'd']) bus.on('tick', note(name), { priority: 7 });
    bus.emitSync('tick');
    expect(seen).toEqual(['a', 'b', 'c', 'd']);
  });

  it('[1] keeps one order over exact, listed, pattern and any-subscriptions of equal priority', () => {
    const { bus, seen, note } = noting();
    bus.onAny(note('any 1'));
    bus.on('order.*', note('pattern 1'));
    bus.on('order.placed', note('exact 1'));
    bus.on(['order.paid', 'order.placed'], note('list 1'));
    bus.on('**', note('pattern 2'));
    bus.on(['order.placed'], note('list 2'));
    bus.on('order.placed', note('exact 2'));
    bus.onAny(note('any 2'));
    bus.emitSync('order.placed');
    expect(seen).toEqual(['any 1', 'pattern 1', 'exact 1', 'list 1', 'pattern 2', 'list 2', 'exact 2', 'any 2']);
  });

  it('[1] lets the priority outrank how a handler was subscribed', () => {
    const { bus, seen, note } = noting();
    bus.on('order.placed', note('exact'), { priority: 1 });
    bus.on(['order.placed', 'order.paid'], note('list'), { priority: 2 });
    bus.on('order.*', note('pattern'), { priority: 3 });
    bus.onAny(note('any'), { priority: 4 });
    bus.emitSync('order.placed');
    expect(seen).toEqual(['any', 'pattern', 'list', 'exact']);
  });

  it('[1] calls handlers of equal priority by the place of their group, lower first, 0 for those in none', () => {
    const { bus, seen, note } = noting();
    const after = bus.group('after', { place: 1 });
    const before = bus.group('before', { place: -1 });
    const unplaced = bus.group('unplaced');
    after.on('tick', note('after'));
    bus.on('tick', note('none 1'));
    unplaced.on('tick', note('unplaced'));
    bus.on('tick', note('none 2'));
    before.on('tick', note('before'));
    bus.emitSync('tick');
    expect(seen).toEqual(['before', 'none 1', 'unplaced', 'none 2', 'after']);
  });

  it('[1] lets the priority outrank the place of a group', () => {
    const { bus, seen, note } = noting();
    const first = bus.group('first', { place: -100 });
    const last = bus.group('last', { place: 100 });
    first.on('tick', note('first'));
    last.on('tick', note('last, urgent'), { priority: 1 });
    first.on('tick', note('first, patient'), { priority: -1 });
    bus.emitSync('tick');
    expect(seen).toEqual(['last, urgent', 'first', 'first, patient']);
  });

  it('[1] calls handlers of two groups at the same place in the order of subscription', () => {
    const { bus, seen, note } = noting();
    const a = bus.group('a', { place: 3 });
    const b = bus.group('b', { place: 3 });
    b.on('tick', note('b 1'));
    a.on('tick', note('a 1'));
    b.on('tick', note('b 2'));
    bus.emitSync('tick');
    expect(seen).toEqual(['b 1', 'a 1', 'b 2']);
  });

  it('[1] gives the pattern, list and any-subscriptions of a group its place too', () => {
    const { bus, seen, note } = noting();
    const late = bus.group('late', { place: 2 });
    const early = bus.group('early', { place: -2 });
    late.onAny(note('late any'));
    late.on('order.*', note('late pattern'));
    bus.on('order.placed', note('none'));
    early.on(['order.placed', 'order.paid'], note('early list'));
    early.on('**', note('early pattern'));
    bus.emitSync('order.placed');
    expect(seen).toEqual(['early list', 'early pattern', 'none', 'late any', 'late pattern']);
  });

  it('[1] keeps a handler that is subscribed later in its place from the next emission on', () => {
    const { bus, seen, note } = noting();
    bus.on('tick', note('a'));
    bus.on('tick', note('b'), { priority: 5 });
    bus.emitSync('tick');
    bus.on('tick', note('c'), { priority: 1 });
    bus.onAny(note('d'), { priority: 6 });
    bus.emitSync('tick');
    expect(seen).toEqual(['b', 'a', 'd', 'b', 'c', 'a']);
  });

  it('[1] puts a handler that was removed and subscribed again behind its equals', () => {
    const { bus, seen, note } = noting();
    const a = note('a');
    const off = bus.on('tick', a);
    bus.on('tick', note('b'));
    off();
    bus.on('tick', a);
    bus.emitSync('tick');
    expect(seen).toEqual(['b', 'a']);
  });

  it('[1] holds among many handlers', () => {
    const { bus, seen, note } = noting();
    const subscribed = Array.from({ length: 500 }, (_, index) => ({
      name: String(index),
      priority: (index * 7_919) % 13,
      kind: index % 4,
    }));
    for (const { name, priority, kind } of subscribed) {
      if (kind === 0) bus.on('a.b', note(name), { priority });
      else if (kind === 1) bus.on(['a.b', 'a.c'], note(name), { priority });
      else if (kind === 2) bus.on('a.*', note(name), { priority });
      else bus.onAny(note(name), { priority });
    }
    bus.emitSync('a.b');
    const expected = subscribed.toSorted((a, b) => b.priority - a.priority).map(({ name }) => name);
    expect(seen).toEqual(expected);
  });

  it('[1] is the same for every verb, and for an event handle', async () => {
    const { bus, seen, note } = noting();
    bus.on('tick', note('3'), { priority: -1 });
    bus.on('*', note('2'));
    bus.onAny(note('1'), { priority: 1 });
    const tick = bus.event('tick');
    await bus.emit('tick');
    bus.emitSync('tick');
    await bus.dispatch('tick');
    bus.post('tick');
    await tick.emit();
    tick.emitSync();
    await tick.dispatch();
    tick.post();
    expect(seen.join('')).toBe('123'.repeat(8));
  });

  it('[1] is the order in which inspect() lists the handlers of an event', () => {
    const bus = makeBus();
    bus.on('tick', () => {}, { name: 'last', priority: -1 });
    bus.group('later', { place: 1 }).on('tick', () => {}, { name: 'third' });
    bus.on('*', () => {}, { name: 'second' });
    bus.onAny(() => {}, { name: 'first', priority: 1 });
    bus.emitSync('tick');
    const tick = bus.inspect().events.find(({ type }) => type === 'tick');
    expect(tick?.handlers.map(({ name }) => name)).toEqual(['first', 'second', 'third', 'last']);
  });
});
