import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { discoverPlugins } from '../../src/plugins/discovery/index.js';
import { definePlugin, type PluginContext, PluginHost } from '../../src/plugins/index.js';
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

interface Parts {
  readonly version?: string;
  readonly api?: string;
  readonly requires?: Record<string, string>;
  readonly before?: string[];
  readonly handlers?: Record<string, () => unknown>;
  readonly setup?: (ctx: PluginContext) => unknown;
  readonly ready?: () => unknown;
  readonly teardown?: () => unknown;
}

/** A plugin of the page. */
const pluginOf = (name: string, parts?: Parts) => definePlugin({ version: '1.0.0', ...parts, name });

/** A host with these plugins, by name. */
function hostOf(plugins: Record<string, Parts>) {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, onFailure: ignore });
  const host = new PluginHost(bus, { api: '2.3.0' });
  for (const [name, parts] of Object.entries(plugins)) host.use(pluginOf(name, parts));
  return { bus, clock, host };
}

/** What a start with these plugins rejects with. */
const startOf = (plugins: Record<string, Parts>) => rejectionOf(hostOf(plugins).host.start());

/** What a plugin meets with in its setup. */
async function metInSetup(meet: (ctx: PluginContext) => unknown) {
  let met: unknown;
  const { host } = hostOf({
    reports: {
      async setup(ctx) {
        met = await Promise.resolve(ctx)
          .then(meet)
          .catch((error: unknown) => error);
      },
    },
  });
  await host.start();
  return met;
}

/** What discovery rejects with in a folder, which the page calls /app. */
async function discoveryIn(folder: string) {
  const error = (await rejectionOf(discoverPlugins({ from: folder }))) as Error;
  rmSync(folder, { recursive: true });
  error.message = error.message.replaceAll(folder, '/app').replaceAll('\\', '/');
  return error;
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
  INVALID_PLUGIN: () => thrownBy(() => definePlugin({ name: 'audit', version: '1.0' })),
  INVALID_PLUGIN_OPTIONS: () => {
    const options = z.object({ server: z.object({ port: z.number() }) });
    const mailer = definePlugin({ name: 'mailer', version: '1.0.0', options });
    const host = new PluginHost(new EventBus()).use(mailer, { server: { port: '25' as unknown as number } });
    return rejectionOf(host.start());
  },
  DUPLICATE_PLUGIN: () =>
    thrownBy(() => new PluginHost(new EventBus()).use(pluginOf('mailer')).use(pluginOf('mailer'))),
  UNKNOWN_PLUGIN: () => thrownBy(() => hostOf({ mailer: {}, audit: {} }).host.plugin('maler')),
  MISSING_PLUGIN: () => startOf({ invoices: { requires: { templates: '^1' } } }),
  WRONG_PLUGIN_VERSION: () => startOf({ invoices: { requires: { mailer: '^2' } }, mailer: { version: '1.4.0' } }),
  UNSUPPORTED_API: () => startOf({ audit: { api: '^1.2' } }),
  PLUGIN_CYCLE: () =>
    startOf({ a: { requires: { b: '*' } }, b: { requires: { c: '*' } }, c: { requires: { a: '*' } } }),
  PLUGIN_ORDER: () => startOf({ a: { before: ['b'] }, b: { before: ['a'] } }),
  MISSING_SERVICE: () => {
    const reports = definePlugin({ name: 'reports', version: '1.0.0', services: { mailer: typed<object>() } });
    return rejectionOf(new PluginHost(new EventBus(), { services: { store: {} } }).use(reports as never).start());
  },
  EVENT_MISMATCH: () => {
    const events = defineEvents({ 'price.of': first<string, number>() });
    const prices = definePlugin({ name: 'prices', version: '1.0.0', events });
    return rejectionOf(new PluginHost(busOf(typed<object>())).use(prices as never).start());
  },
  FORBIDDEN_EVENT: async () => {
    let met: unknown;
    const spy = pluginOf('spy', { setup: (ctx) => (met = thrownBy(() => ctx.on('order.**', ignore))) });
    const host = new PluginHost(new EventBus()).use(spy, undefined, { allow: { on: ['order.placed', 'page.*'] } });
    await host.start();
    return met;
  },
  UNDECLARED_DEPENDENCY: () => metInSetup((ctx) => ctx.api('database')),
  HAS_DEPENDANTS: async () => {
    const { host } = hostOf({ database: {}, orders: { requires: { database: '*' } } });
    await host.start();
    return rejectionOf(host.disable('database'));
  },
  PLUGIN_LOAD_FAILED: () => {
    const load = () => Promise.reject(new Error("Cannot find module './mailer.js'"));
    return rejectionOf(new PluginHost(new EventBus()).use({ name: 'mailer', load }).start());
  },
  PLUGIN_SETUP_FAILED: () => startOf({ mailer: { setup: down } }),
  PLUGIN_READY_FAILED: () => startOf({ mailer: { ready: down } }),
  PLUGIN_TEARDOWN_FAILED: async () => {
    const { clock, host } = hostOf({ mailer: { teardown: never } });
    await host.start();
    const rejection = rejectionOf(host.stop());
    await clock.advance(5_000);
    return rejection;
  },
  PLUGIN_NOT_DRAINED: async () => {
    const { bus, clock, host } = hostOf({ mailer: { handlers: { 'order.placed': never } } });
    await host.start();
    bus.post('order.placed');
    const rejection = rejectionOf(host.stop());
    await clock.advance(5_000);
    return rejection;
  },
  PLUGINS_FAILED: () => startOf({ mailer: { requires: { templates: '*' } }, audit: { api: '^1.2' } }),
  CONTEXT_CLOSED: async () => {
    const kept: PluginContext[] = [];
    const { host } = hostOf({ mailer: { setup: (ctx) => void kept.push(ctx) } });
    await host.start();
    await host.stop();
    return thrownBy(() => kept[0]?.on('order.placed', ignore));
  },
  NOT_STARTED: () => metInSetup((ctx) => ctx.emit('order.placed')),
  ALREADY_STARTED: async () => {
    const { host } = hostOf({});
    await host.start();
    return thrownBy(() => host.use(pluginOf('mailer')));
  },
  HOST_STOPPED: async () => {
    const { host } = hostOf({
      mailer: { setup: (ctx) => new Promise((_, reject) => ctx.signal.addEventListener('abort', reject)) },
    });
    const rejection = rejectionOf(host.start());
    await host.stop();
    return rejection;
  },
  INVALID_MANIFEST: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ambus-errors-'));
    const place = join(folder, 'node_modules/acme-mailer');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "name": "app", "dependencies": { "acme-mailer": "^1" } }');
    writeFileSync(join(place, 'package.json'), '{ "name": "acme-mailer", "ambus": { "plugin": "../plugin.js" } }');
    return discoveryIn(folder);
  },
  DISCOVERY_FAILED: () => {
    const folder = mkdtempSync(join(tmpdir(), 'ambus-errors-'));
    writeFileSync(join(folder, 'package.json'), '{ "name": "app", "dependencies": { "acme-mailer": "^1" } }');
    return discoveryIn(folder);
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
