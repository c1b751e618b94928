import { readFileSync } from 'node:fs';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import {
  around,
  type BusOptions,
  broadcast,
  defineEvents,
  type ErrorCode,
  EventBus,
  first,
  typed,
} from '../../src/index.js';
import { EventQueue, type QueueOptions } from '../../src/queue/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { rejectionOf, thrownBy } from '../bus/deferred.js';
import { root } from '../package/repository.js';

const ignore = (): void => {};
const never = () => new Promise<void>(ignore);

/** A bus with one handler of the name that the page uses. */
function busWith(handler: () => unknown, options?: BusOptions & { filter?: () => boolean; concurrency?: number }) {
  const { filter, concurrency, ...busOptions } = options ?? {};
  const bus = new EventBus({ onFailure: ignore, ...busOptions });
  bus.on('order.placed', handler, { name: 'mailCustomer', filter, concurrency });
  return bus;
}

/** A bus on which the page's event has a schema. */
function busOf<Schema extends StandardSchemaV1>(schema: Schema) {
  return new EventBus({ events: defineEvents({ 'order.placed': broadcast(schema) }), name: 'shop' });
}

/** A paused queue, in which nothing but the page's event waits. */
function queueOf(options?: QueueOptions) {
  const clock = new ManualClock();
  const queue = new EventQueue(new EventBus({ clock }), { name: 'orders', paused: true, ...options });
  return { clock, queue };
}

function down(): never {
  throw new Error('mail server is down');
}

/** For each code, how to come by the very message that the page shows. */
const shown: Record<ErrorCode, () => unknown> = {
  INVALID_ARGUMENT: () => thrownBy(() => new EventBus().on('order.placed', undefined as never)),
  INVALID_OPTION: () => thrownBy(() => new EventBus({ timeoutMs: -1 })),
  UNKNOWN_OPTION: () => thrownBy(() => new EventBus().on('order.placed', ignore, { prority: 10 } as object)),
  INVALID_EVENT: () => rejectionOf(new EventBus().emit('order.*')),
  INVALID_PATTERN: () => thrownBy(() => new EventBus().on('order.**.placed', ignore)),
  UNDECLARED_EVENT: () => rejectionOf(busOf(typed<object>()).emit('order.palced' as 'order.placed', {})),
  INVALID_NEXT: async () => {
    const bus = new EventBus({ events: defineEvents({ 'page.load': around<string, unknown>() }) });
    bus.on('page.load', (_url, ctx) => [ctx.next(), ctx.next()], { name: 'cache' });
    return ((await rejectionOf(bus.emit('page.load', '/'))) as Error & { cause: Error }).cause.cause;
  },
  GROUP_CLOSED: () => {
    const group = new EventBus().group('cart-widget');
    group.remove();
    return thrownBy(() => group.on('order.placed', ignore));
  },
  BUS_CLOSED: async () => {
    const bus = new EventBus({ name: 'shop' });
    await bus.close();
    return rejectionOf(bus.emit('order.placed'));
  },
  ABORTED: () =>
    new Promise((resolve) => {
      new EventBus({ onFailure: resolve }).post('order.placed', undefined, { signal: AbortSignal.abort() });
    }),
  INVALID_PAYLOAD: () => {
    const bus = busOf(z.object({ id: z.string(), total: z.number().positive() }));
    return rejectionOf(bus.emit('order.placed', { id: 7 as unknown as string, total: -1 }));
  },
  SCHEMA_FAILED: () => {
    const schema = z.object({ id: z.string().transform((id) => JSON.parse(id) as unknown) });
    return rejectionOf(busOf(schema).emit('order.placed', { id: 'o1' }));
  },
  REFUSED: () =>
    new Promise((resolve) => {
      const bus = new EventBus({ onFailure: resolve });
      bus.intercept(() => {
        throw new Error('bob may not place orders');
      });
      bus.post('order.placed');
    }),
  NO_RESULT: () => {
    const bus = new EventBus();
    bus.intercept(ignore, { name: 'audit' });
    return rejectionOf(bus.emit('order.placed'));
  },
  WAIT_TIMEOUT: async () => {
    const clock = new ManualClock();
    const rejection = rejectionOf(new EventBus({ clock }).waitFor('order.placed', { timeoutMs: 5_000 }));
    await clock.advance(5_000);
    return rejection;
  },
  STREAM_OVERFLOW: async () => {
    const bus = new EventBus();
    const stream = bus.stream('order.placed', { capacity: 1, overflow: 'error' });
    bus.emitSync('order.placed');
    bus.emitSync('order.placed');
    await stream.next();
    return rejectionOf(stream.next());
  },
  QUEUE_FULL: () => {
    const { queue } = queueOf({ capacity: 2 });
    for (let i = 0; i < 2; i++) queue.post('order.placed');
    return rejectionOf(queue.emit('order.placed'));
  },
  QUEUE_CLOSED: async () => {
    const { queue } = queueOf();
    await queue.close();
    return rejectionOf(queue.emit('order.placed'));
  },
  QUEUE_CLEARED: () => {
    const { queue } = queueOf();
    const rejection = rejectionOf(queue.emit('order.placed'));
    queue.clear();
    return rejection;
  },
  EXPIRED: async () => {
    const { clock, queue } = queueOf();
    const rejection = rejectionOf(queue.emit('order.placed', undefined, { maxWaitMs: 5_000 }));
    await clock.advance(5_000);
    return rejection;
  },
  DEADLOCK: async () => {
    const bus = new EventBus<{ transfer: { to: string }; credit: void }>({ onFailure: ignore });
    const queue = new EventQueue(bus, { name: 'bank', concurrency: 2 });
    const bothBegun = bus.waitFor('transfer', { filter: ({ to }) => to === 'a', priority: 1 });
    bus.on('transfer', async ({ to }, ctx) => {
      await bothBegun;
      await queue.emit('credit', undefined, { key: to, parent: ctx });
    });
    const transfer = (from: string, to: string) => queue.emit('transfer', { to }, { key: from });
    const [, second] = await Promise.all([transfer('a', 'b'), transfer('b', 'a')]);
    return second.failures[0]?.cause;
  },
  IDLE_TIMEOUT: async () => {
    const clock = new ManualClock();
    const bus = busWith(never, { clock });
    bus.post('order.placed');
    const rejection = rejectionOf(bus.idle({ timeoutMs: 1_000 }));
    await clock.advance(1_000);
    return rejection;
  },
  EMIT_FAILED: () => {
    const bus = busWith(down, { failurePolicy: 'throw' });
    bus.on('order.placed', down);
    return rejectionOf(bus.emit('order.placed'));
  },
  HANDLER_FAILED: () => busWith(down).emitSync('order.placed').failures[0],
  INVALID_ANSWER: async () => {
    const events = defineEvents({ 'price.of': first(z.string(), { answer: z.number().positive() }) });
    const bus = new EventBus({ events });
    bus.on('price.of', () => -1, { name: 'catalogue' });
    return ((await rejectionOf(bus.emit('price.of', 'tea'))) as Error & { cause: Error }).cause.cause;
  },
  HANDLER_TIMEOUT: async () => {
    const clock = new ManualClock();
    const emission = busWith(never, { clock, timeoutMs: 2_000 }).emit('order.placed');
    await clock.advance(2_000);
    return (await emission).failures[0];
  },
  HANDLER_BUSY: () => {
    const bus = busWith(never, { concurrency: 1 });
    bus.post('order.placed');
    return bus.emitSync('order.placed').failures[0];
  },
  ASYNC_IN_SYNC: () => busWith(async () => {}).emitSync('order.placed').failures[0],
  ASYNC_FILTER: () =>
    busWith(ignore, { filter: (async () => true) as unknown as () => boolean }).emitSync('order.placed').failures[0],
};

/** The sections of the page: code and text. */
const sections = new Map(
  readFileSync(`${root}docs/errors.md`, 'utf8')
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.split('\n')[0] ?? '', section]),
);

describe('docs/errors.md', () => {
  it('has a section for every code, and for no other', () => {
    expect([...sections.keys()].sort()).toEqual(Object.keys(shown).sort());
  });

  it.each(Object.entries(shown))('shows what %s really says', async (code, come) => {
    const error = await come();
    expect(error).toMatchObject({ code });
    expect(sections.get(code)).toContain(`\`\`\`text\n${(error as Error).message}\n\`\`\`\n`);
  });
});
