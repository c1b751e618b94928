import { EventEmitter } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { AmbusError, broadcast, defineEvents, EventBus } from '../../src/index.js';
import { EventQueue, type QueueingOptions, type QueueOptions } from '../../src/queue/index.js';
import { rejectionOf, thrownBy } from '../bus/deferred.js';
import { openQueue, settled } from './queues.js';

/** Options that make no sense for a queue, and the code that says so. */
const BAD_QUEUES: readonly (readonly [string, unknown, string])[] = [
  ['options that are null', null, 'INVALID_ARGUMENT'],
  ['options that are a number', 5, 'INVALID_ARGUMENT'],
  ['options that are a list', [], 'INVALID_ARGUMENT'],
  ['a misspelt option', { concurency: 5 }, 'UNKNOWN_OPTION'],
  ['a name that is none', { name: 5 }, 'INVALID_OPTION'],
  ['a concurrency of 0', { concurrency: 0 }, 'INVALID_OPTION'],
  ['a concurrency that is no whole number', { concurrency: 1.5 }, 'INVALID_OPTION'],
  ['a concurrency of NaN', { concurrency: Number.NaN }, 'INVALID_OPTION'],
  ['a concurrency that is text', { concurrency: '2' }, 'INVALID_OPTION'],
  ['a concurrency of null', { concurrency: null }, 'INVALID_OPTION'],
  ['a capacity of 0', { capacity: 0 }, 'INVALID_OPTION'],
  ['a negative capacity', { capacity: -1 }, 'INVALID_OPTION'],
  ['a capacity that is no whole number', { capacity: 1.5 }, 'INVALID_OPTION'],
  ['a capacity of NaN', { capacity: Number.NaN }, 'INVALID_OPTION'],
  ['a capacity that is text', { capacity: '2' }, 'INVALID_OPTION'],
  ['an unknown overflow policy', { overflow: 'drop' }, 'INVALID_OPTION'],
  ['an overflow policy of null', { overflow: null }, 'INVALID_OPTION'],
  ['a rate that is a number', { rate: 5 }, 'INVALID_OPTION'],
  ['a rate that is null', { rate: null }, 'INVALID_OPTION'],
  ['a rate without an interval', { rate: { limit: 5 } }, 'INVALID_OPTION'],
  ['a rate without a limit', { rate: { intervalMs: 5 } }, 'INVALID_OPTION'],
  ['a rate with a limit of 0', { rate: { limit: 0, intervalMs: 5 } }, 'INVALID_OPTION'],
  ['a rate with a limit that is no whole number', { rate: { limit: 1.5, intervalMs: 5 } }, 'INVALID_OPTION'],
  ['a rate with an interval of 0', { rate: { limit: 5, intervalMs: 0 } }, 'INVALID_OPTION'],
  ['a rate with an interval of Infinity', { rate: { limit: 5, intervalMs: Infinity } }, 'INVALID_OPTION'],
  ['a rate with an interval of NaN', { rate: { limit: 5, intervalMs: Number.NaN } }, 'INVALID_OPTION'],
  ['a rate with a misspelt option', { rate: { limit: 5, intervalMs: 5, interval: 5 } }, 'UNKNOWN_OPTION'],
  ['a rate with an interval that is text', { rate: { limit: 5, intervalMs: '5' } }, 'INVALID_OPTION'],
  ['a maxWaitMs of 0', { maxWaitMs: 0 }, 'INVALID_OPTION'],
  ['a maxWaitMs of NaN', { maxWaitMs: Number.NaN }, 'INVALID_OPTION'],
  ['a maxWaitMs that is text', { maxWaitMs: '5' }, 'INVALID_OPTION'],
  ['a timeoutMs of 0', { timeoutMs: 0 }, 'INVALID_OPTION'],
  ['a timeoutMs longer than a timer takes', { timeoutMs: 2_147_483_648 }, 'INVALID_OPTION'],
  ['paused that is text', { paused: 'yes' }, 'INVALID_OPTION'],
];

/** Calls of emit and post that make no sense: what, event, options, code. */
const BAD_CALLS: readonly (readonly [string, unknown, unknown, string])[] = [
  ['a number as the event', 42, undefined, 'INVALID_EVENT'],
  ['undefined as the event', undefined, undefined, 'INVALID_EVENT'],
  ['null as the event', null, undefined, 'INVALID_EVENT'],
  ['an object as the event', {}, undefined, 'INVALID_EVENT'],
  ['a list as the event', ['note'], undefined, 'INVALID_EVENT'],
  ['a pattern as the event', 'note.*', undefined, 'INVALID_EVENT'],
  ['a deep pattern as the event', 'note.**', undefined, 'INVALID_EVENT'],
  ['options that are a number', 'note', 5, 'INVALID_ARGUMENT'],
  ['options that are null', 'note', null, 'INVALID_ARGUMENT'],
  ['options that are a list', 'note', [], 'INVALID_ARGUMENT'],
  ['a misspelt option', 'note', { prioriy: 5 }, 'UNKNOWN_OPTION'],
  ['a priority of NaN', 'note', { priority: Number.NaN }, 'INVALID_OPTION'],
  ['a priority of Infinity', 'note', { priority: Infinity }, 'INVALID_OPTION'],
  ['a priority that is text', 'note', { priority: '5' }, 'INVALID_OPTION'],
  ['a priority of null', 'note', { priority: null }, 'INVALID_OPTION'],
  ['a key of null', 'note', { key: null }, 'INVALID_OPTION'],
  ['a key of NaN', 'note', { key: Number.NaN }, 'INVALID_OPTION'],
  ['a negative delay', 'note', { delayMs: -1 }, 'INVALID_OPTION'],
  ['a delay of NaN', 'note', { delayMs: Number.NaN }, 'INVALID_OPTION'],
  ['a delay of Infinity', 'note', { delayMs: Infinity }, 'INVALID_OPTION'],
  ['a delay that is text', 'note', { delayMs: '5' }, 'INVALID_OPTION'],
  ['a maxWaitMs of 0', 'note', { maxWaitMs: 0 }, 'INVALID_OPTION'],
  ['a maxWaitMs of NaN', 'note', { maxWaitMs: Number.NaN }, 'INVALID_OPTION'],
  ['a maxWaitMs of null', 'note', { maxWaitMs: null }, 'INVALID_OPTION'],
  ['a parent that is no context', 'note', { parent: {} }, 'INVALID_OPTION'],
  ['a parent that is null', 'note', { parent: null }, 'INVALID_OPTION'],
  ['an unknown mode', 'note', { mode: 'parallel' }, 'INVALID_OPTION'],
  ['a concurrency of 0', 'note', { mode: 'concurrent', concurrency: 0 }, 'INVALID_OPTION'],
  ['a concurrency in sequential mode', 'note', { concurrency: 2 }, 'INVALID_OPTION'],
  ['a time limit of 0', 'note', { timeoutMs: 0 }, 'INVALID_OPTION'],
  ['a time limit of NaN', 'note', { timeoutMs: Number.NaN }, 'INVALID_OPTION'],
  ['an unknown failure policy', 'note', { failurePolicy: 'ignore' }, 'INVALID_OPTION'],
  ['a signal that is none', 'note', { signal: {} }, 'INVALID_OPTION'],
  ['meta that is text', 'note', { meta: 'trace' }, 'INVALID_OPTION'],
  ['a core for a broadcast', 'note', { core: () => {} }, 'INVALID_OPTION'],
];

describe('a new queue', () => {
  it.each([
    ['undefined', undefined],
    ['null', null],
    ['an object', {}],
    ['a number', 5],
    ['an emitter', new EventEmitter()],
    ['the class of buses', EventBus],
    ['another queue', openQueue().queue],
  ])('[16] is refused on %s', (_, bus) => {
    expect(thrownBy(() => new EventQueue(bus as EventBus))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each(BAD_QUEUES)('[16] is refused with %s', (_, options, code) => {
    const error = thrownBy(() => new EventQueue(new EventBus(), options as QueueOptions));
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toMatchObject({ code });
  });

  it('[16] is told which option was meant, what was expected and what came', () => {
    const misspelt = thrownBy(() => new EventQueue(new EventBus(), { concurency: 5 } as QueueOptions));
    expect((misspelt as AmbusError).message).toContain('Did you mean "concurrency"?');
    const wrong = thrownBy(() => new EventQueue(new EventBus(), { capacity: -1 })) as AmbusError;
    for (const part of ['capacity', '-1']) expect(wrong.message).toContain(part);
    expect(wrong.details).toMatchObject({ option: 'capacity', value: -1 });
  });

  it('[16] is made by `new` alone', () => {
    expect(() => (EventQueue as unknown as (bus: EventBus) => void)(new EventBus())).toThrow(TypeError);
  });
});

describe('emit and post', () => {
  it.each(BAD_CALLS)('[16] refuse %s: emit rejects, and post throws', async (_, type, options, code) => {
    const { queue } = openQueue();
    const emission = queue.emit(type as string, 1, options as QueueingOptions);
    expect(emission).toBeInstanceOf(Promise);
    const error = await rejectionOf(emission);
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toMatchObject({ code });
    expect(thrownBy(() => queue.post(type as string, 1, options as QueueingOptions))).toMatchObject({ code });
  });

  it.each(BAD_CALLS)('[16] leave no trace of %s', async (_, type, options) => {
    const { bus, clock, queue, noted, reports } = openQueue({ capacity: 1, overflow: 'drop-oldest' });
    const told = vi.fn();
    bus.observe({ enqueued: told, dequeued: told, emissionStarted: told });
    queue.pause();
    queue.post('note', 'waits');
    told.mockClear();
    const before = queue.inspect();
    await rejectionOf(queue.emit(type as string, 1, options as QueueingOptions));
    thrownBy(() => queue.post(type as string, 1, options as QueueingOptions));
    expect(queue.inspect()).toEqual(before);
    expect(told).not.toHaveBeenCalled();
    expect(clock.pending).toBe(0);
    queue.resume();
    await queue.idle();
    await settled();
    expect(noted).toEqual(['waits']);
    expect(reports).toEqual([]);
  });

  it.each(BAD_CALLS)('[16] refuse %s in a handler of the queue too', async (_, type, options, code) => {
    const { bus, queue } = openQueue();
    const errors: unknown[] = [];
    bus.on('parent', async () => {
      errors.push(await rejectionOf(queue.emit(type as string, 1, options as QueueingOptions)));
      errors.push(thrownBy(() => queue.post(type as string, 1, options as QueueingOptions)));
    });
    await queue.emit('parent');
    expect(errors).toMatchObject([{ code }, { code }]);
    await settled();
    expect(queue.inspect()).toMatchObject({ size: 0, running: [], counts: { enqueued: 1, inline: 0, ended: 1 } });
  });

  it.each(BAD_CALLS)(
    '[16] refuse %s also while there is no room, and once the queue is closed',
    async (_, type, options, code) => {
      const { queue } = openQueue({ capacity: 1, paused: true });
      queue.post('note', 1);
      expect(thrownBy(() => queue.post(type as string, 1, options as QueueingOptions))).toMatchObject({ code });
      await queue.close();
      expect(thrownBy(() => queue.post(type as string, 1, options as QueueingOptions))).toMatchObject({ code });
      expect(queue.inspect().counts.rejected).toBe(0);
    },
  );

  it('[16] refuse an event that the bus does not declare', async () => {
    const bus = new EventBus({ events: defineEvents({ 'order.placed': broadcast<number>() }) });
    const queue = new EventQueue(bus);
    const undeclared = 'ordr.placed' as 'order.placed';
    const error = await rejectionOf(queue.emit(undeclared, 1));
    expect(error).toMatchObject({ code: 'UNDECLARED_EVENT' });
    expect((error as AmbusError).message).toContain('order.placed');
    expect(thrownBy(() => queue.post(undeclared, 1))).toMatchObject({ code: 'UNDECLARED_EVENT' });
    expect(queue.inspect().counts).toMatchObject({ enqueued: 0, rejected: 0 });
  });

  it('[16] suggest the option that was meant, say what was expected, and what came', async () => {
    const { queue } = openQueue();
    const misspelt = await rejectionOf(queue.emit('note', 1, { prioriy: 5 } as QueueingOptions));
    expect((misspelt as AmbusError).message).toContain('Did you mean "priority"?');
    const wrong = (await rejectionOf(queue.emit('note', 1, { delayMs: -1 }))) as AmbusError;
    for (const part of ['delayMs', '-1']) expect(wrong.message).toContain(part);
    expect(wrong.details).toMatchObject({ option: 'delayMs', value: -1 });
  });

  it('[16] name the verb where they refuse', async () => {
    const { queue } = openQueue();
    const options = { priority: Number.NaN };
    const errors = [await rejectionOf(queue.emit('note', 1, options)), thrownBy(() => queue.post('note', 1, options))];
    expect(errors.map((error) => (error as AmbusError).message)).toEqual([
      expect.stringContaining('"priority" of queue.emit'),
      expect.stringContaining('"priority" of queue.post'),
    ]);
  });
});
