import { beforeEach, expect, it, type MockInstance, vi } from 'vitest';
import { EventBus, type LeakSuspected } from '../../src/index.js';
import { uncaughtDuring } from './uncaught.js';

let warn: MockInstance<typeof console.warn>;

beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
});

/** Subscribes a handler of the same name as often as that, and emits the event. */
function subscribe(bus: EventBus, type: string, count: number, name = 'refresh'): (() => void)[] {
  const offs = Array.from({ length: count }, () => bus.on(type, () => {}, { name }));
  bus.emitSync(type);
  return offs;
}

it('says nothing of 100 handlers of one event', () => {
  subscribe(new EventBus(), 'tick', 100);
  expect(warn).not.toHaveBeenCalled();
});

it('warns when a 101st handler listens to an event', () => {
  subscribe(new EventBus(), 'tick', 101);
  expect(warn).toHaveBeenCalledTimes(1);
});

it('warns with the subscription that passes the limit: what leaks may never be emitted', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  for (let i = 0; i < 2; i++) bus.on('shutdown', () => {});
  expect(warn).not.toHaveBeenCalled();
  bus.on('shutdown', () => {});
  expect(warn).toHaveBeenCalledTimes(1);
});

it('warns once per event, however many handlers come', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  subscribe(bus, 'tick', 500);
  expect(warn).toHaveBeenCalledTimes(1);
  subscribe(bus, 'tock', 500);
  expect(warn).toHaveBeenCalledTimes(2);
});

it('does not warn of an event again when its handlers go and come back', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  for (const off of subscribe(bus, 'tick', 3)) off();
  subscribe(bus, 'tick', 3);
  expect(warn).toHaveBeenCalledTimes(1);
});

it('names the event, the number of handlers and the limit', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  subscribe(bus, 'order.placed', 3);
  const [message] = warn.mock.calls[0] as [string];
  expect(message).toContain('order.placed');
  expect(message).toContain('3');
  expect(message).toContain('maxHandlers');
  expect(message).toContain('2');
});

it('groups the handlers by name, most first', () => {
  const bus = new EventBus({ maxHandlers: 5 });
  subscribe(bus, 'tick', 1, 'audit');
  subscribe(bus, 'tick', 5, 'refresh');
  const [message] = warn.mock.calls[0] as [string];
  expect(message).toContain('5 x "refresh"');
  expect(message).toContain('1 x "audit"');
  expect(message.indexOf('refresh')).toBeLessThan(message.indexOf('audit'));
});

it('shows the five names with most handlers, and how many more there are', () => {
  const bus = new EventBus({ maxHandlers: 8 });
  for (let i = 0; i < 9; i++) bus.on('tick', () => {}, { name: `handler ${i}` });
  bus.emitSync('tick');
  const [message] = warn.mock.calls[0] as [string];
  expect(message).toContain('handler 4');
  expect(message).not.toContain('handler 5');
  expect(message).toContain('4 more');
});

it('counts live handlers alone', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  for (let i = 0; i < 100; i++) {
    const [off] = subscribe(bus, 'tick', 1);
    off?.();
  }
  for (let i = 0; i < 100; i++) {
    bus.once('tick', () => {});
    bus.emitSync('tick');
  }
  expect(warn).not.toHaveBeenCalled();
});

it('counts the handlers of each event by themselves', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  for (let i = 0; i < 100; i++) subscribe(bus, `event.${i}`, 2);
  expect(warn).not.toHaveBeenCalled();
});

it('is off with a maxHandlers of 0', () => {
  subscribe(new EventBus({ maxHandlers: 0 }), 'tick', 1_000);
  expect(warn).not.toHaveBeenCalled();
});

it('is off with a maxHandlers of Infinity', () => {
  subscribe(new EventBus({ maxHandlers: Infinity }), 'tick', 1_000);
  expect(warn).not.toHaveBeenCalled();
});

it('takes a maxHandlers of 1', () => {
  const bus = new EventBus({ maxHandlers: 1 });
  subscribe(bus, 'tick', 1);
  expect(warn).not.toHaveBeenCalled();
  subscribe(bus, 'tick', 1);
  expect(warn).toHaveBeenCalledTimes(1);
});

it('counts the handlers of groups too', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  for (let i = 0; i < 3; i++) bus.group(`widget ${i}`).on('tick', () => {});
  bus.emitSync('tick');
  expect(warn).toHaveBeenCalledTimes(1);
});

it('counts those who listen to a pattern or to everything too', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  bus.on('order.placed', () => {}, { name: 'exact' });
  for (let i = 0; i < 10; i++) bus.on('order.*', () => {}, { name: 'pattern' });
  for (let i = 0; i < 5; i++) bus.onAny(() => {}, { name: 'any' });
  bus.emitSync('order.placed');
  expect(warn).toHaveBeenCalledTimes(1);
  expect((warn.mock.calls[0] as [string])[0]).toContain('pattern');
});

it('tells an observer that asks for it instead of the console', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  const facts: LeakSuspected[] = [];
  bus.observe({ leakSuspected: (fact) => facts.push(fact) });
  subscribe(bus, 'tick', 1, 'audit');
  subscribe(bus, 'tick', 2, 'refresh');
  expect(warn).not.toHaveBeenCalled();
  expect(facts).toEqual([
    {
      type: 'tick',
      handlers: 3,
      maxHandlers: 2,
      byName: [
        { name: 'refresh', count: 2 },
        { name: 'audit', count: 1 },
      ],
      message: expect.stringContaining('tick'),
    },
  ]);
});

it('warns on the console where an observer does not ask for it', () => {
  const bus = new EventBus({ maxHandlers: 2 });
  bus.observe({ subscribed: () => {} });
  subscribe(bus, 'tick', 3);
  expect(warn).toHaveBeenCalledTimes(1);
});

it('subscribes the handler all the same, also where the observer throws', async () => {
  const bus = new EventBus({ maxHandlers: 2 });
  const broken = new Error('broken');
  bus.observe({
    leakSuspected: () => {
      throw broken;
    },
  });
  expect(await uncaughtDuring(() => subscribe(bus, 'tick', 3))).toEqual([broken]);
  expect(bus.handlerCount('tick')).toBe(3);
});
