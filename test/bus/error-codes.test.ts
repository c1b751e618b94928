import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import {
  AmbusError,
  broadcast,
  collect,
  defineEvents,
  EmitError,
  type ErrorCode,
  EventBus,
  first,
  HandlerError,
} from '../../src/index.js';
import { discoverPlugins } from '../../src/plugins/discovery/index.js';
import {
  definePlugin,
  type PluginContext,
  PluginError,
  PluginHost,
  PluginsError,
  typed,
} from '../../src/plugins/index.js';
import { EventQueue } from '../../src/queue/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { rejectionOf, thrownBy } from './deferred.js';

const ignore = (): void => {};

function fail(): never {
  throw new Error('no');
}

interface Parts {
  readonly name: string;
  readonly api?: string;
  readonly requires?: Record<string, string>;
  readonly after?: string[];
  readonly handlers?: Record<string, () => unknown>;
  readonly setup?: (ctx: PluginContext) => unknown;
  readonly ready?: () => unknown;
  readonly teardown?: () => unknown;
}

/** A host on a bus of its own, with plugins that are made of these. */
function hostOf(...specs: Parts[]) {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, onFailure: ignore });
  const host = new PluginHost(bus, { api: '2.0.0' });
  for (const spec of specs) host.use(definePlugin({ version: '1.0.0', ...spec }));
  return { clock, bus, host };
}

/** What a plugin comes by in its setup. */
async function inSetup(use: (ctx: PluginContext) => unknown): Promise<unknown> {
  let error: unknown;
  const setup = async (ctx: PluginContext) => {
    error = await rejectionOf(Promise.resolve(ctx).then(use));
  };
  await hostOf({ name: 'a', setup }).host.start();
  return error;
}

/** Discovers plugins among these files, which are JSON. */
async function discoveryOf(files: Record<string, unknown>): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), 'ambus-codes-'));
  try {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), JSON.stringify(content));
    }
    return await discoverPlugins({ from: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** For each code, a way to come by it. The compiler says which one is missing. */
const WAYS: Record<ErrorCode, () => Promise<unknown>> = {
  INVALID_ARGUMENT: async () => thrownBy(() => new EventBus().on('tick', undefined as never)),
  INVALID_OPTION: async () => thrownBy(() => new EventBus({ timeoutMs: Number.NaN })),
  UNKNOWN_OPTION: async () => thrownBy(() => new EventBus({ timeout: 5 } as object)),
  INVALID_EVENT: () => rejectionOf(new EventBus().emit('order.*')),
  INVALID_PATTERN: async () => thrownBy(() => new EventBus().on('order.**.placed', ignore)),
  UNDECLARED_EVENT: () => {
    const bus = new EventBus({ events: defineEvents({ 'order.placed': broadcast<number>() }) });
    return rejectionOf(bus.emit('ordr.placed' as 'order.placed', 1));
  },
  INVALID_PAYLOAD: () => {
    const bus = new EventBus({ events: defineEvents({ tick: broadcast(z.number()) }) });
    return rejectionOf(bus.emit('tick', 'one' as never));
  },
  INVALID_ANSWER: async () => {
    const events = defineEvents({ 'code.lint': collect(z.string(), { answer: z.number() }) });
    const bus = new EventBus({ events, onFailure: ignore });
    bus.on('code.lint', () => 'one' as never);
    return bus.emitSync('code.lint', 'x').failures[0]?.cause;
  },
  SCHEMA_FAILED: () => {
    const schema = z.number().refine(() => {
      throw new Error('no');
    });
    const bus = new EventBus({ events: defineEvents({ tick: broadcast(schema) }) });
    return rejectionOf(bus.emit('tick', 1));
  },
  INVALID_NEXT: () => {
    const bus = new EventBus();
    bus.intercept(async (_emission, next) => {
      await next();
      return next();
    });
    return rejectionOf(bus.emit('tick'));
  },
  NO_RESULT: () => {
    const bus = new EventBus();
    bus.intercept(() => {});
    return rejectionOf(bus.emit('tick'));
  },
  REFUSED: () =>
    new Promise((resolve) => {
      const bus = new EventBus({ onFailure: resolve });
      bus.intercept(() => {
        throw new Error('not allowed');
      });
      bus.post('tick');
    }),
  WAIT_TIMEOUT: async () => {
    const clock = new ManualClock();
    const rejection = rejectionOf(new EventBus({ clock }).waitFor('tick', { timeoutMs: 10 }));
    await clock.advance(10);
    return rejection;
  },
  STREAM_OVERFLOW: async () => {
    const bus = new EventBus();
    const stream = bus.stream('tick', { capacity: 1, overflow: 'error' });
    for (let n = 0; n < 2; n++) bus.emitSync('tick', n);
    await stream.next();
    return rejectionOf(stream.next());
  },
  BUS_CLOSED: async () => {
    const bus = new EventBus();
    await bus.close();
    return rejectionOf(bus.emit('tick'));
  },
  QUEUE_FULL: async () => {
    const queue = new EventQueue(new EventBus(), { capacity: 1, paused: true });
    queue.post('tick');
    return rejectionOf(queue.emit('tick'));
  },
  QUEUE_CLOSED: async () => {
    const queue = new EventQueue(new EventBus());
    await queue.close();
    return rejectionOf(queue.emit('tick'));
  },
  QUEUE_CLEARED: async () => {
    const queue = new EventQueue(new EventBus());
    const rejection = rejectionOf(queue.emit('tick'));
    queue.clear();
    return rejection;
  },
  EXPIRED: async () => {
    const clock = new ManualClock();
    const queue = new EventQueue(new EventBus({ clock }), { paused: true });
    const rejection = rejectionOf(queue.emit('tick', undefined, { maxWaitMs: 10 }));
    await clock.advance(10);
    return rejection;
  },
  DEADLOCK: async () => {
    const bus = new EventBus({ onFailure: ignore });
    const queue = new EventQueue(bus, { concurrency: 2 });
    // Both have begun, and have their keys, when each asks for that of the other.
    bus.on('transfer', async (other) => {
      await null;
      await queue.emit('credit', other, { key: other as string });
    });
    const results = await Promise.all([
      queue.emit('transfer', 'b', { key: 'a' }),
      queue.emit('transfer', 'a', { key: 'b' }),
    ]);
    return results.flatMap(({ failures }) => failures)[0]?.cause;
  },
  INVALID_PLUGIN: async () => thrownBy(() => definePlugin({ name: '', version: '1.0.0' })),
  INVALID_PLUGIN_OPTIONS: () => {
    const plugin = definePlugin({ name: 'a', version: '1.0.0', options: z.object({ n: z.number() }) });
    return rejectionOf(new PluginHost(new EventBus()).use(plugin, { n: 'one' as never }).start());
  },
  DUPLICATE_PLUGIN: async () => thrownBy(() => hostOf({ name: 'a' }, { name: 'a' })),
  UNKNOWN_PLUGIN: async () => thrownBy(() => hostOf({ name: 'a' }).host.plugin('b')),
  MISSING_PLUGIN: () => rejectionOf(hostOf({ name: 'a', requires: { b: '*' } }).host.start()),
  WRONG_PLUGIN_VERSION: () => rejectionOf(hostOf({ name: 'a', requires: { b: '^2' } }, { name: 'b' }).host.start()),
  UNSUPPORTED_API: () => rejectionOf(hostOf({ name: 'a', api: '^1' }).host.start()),
  PLUGIN_CYCLE: () =>
    rejectionOf(hostOf({ name: 'a', requires: { b: '*' } }, { name: 'b', requires: { a: '*' } }).host.start()),
  PLUGIN_ORDER: () => rejectionOf(hostOf({ name: 'a', after: ['b'] }, { name: 'b', after: ['a'] }).host.start()),
  MISSING_SERVICE: () => {
    const plugin = definePlugin({ name: 'a', version: '1.0.0', services: { clock: typed<object>() } });
    return rejectionOf(new PluginHost(new EventBus()).use(plugin as never).start());
  },
  EVENT_MISMATCH: () => {
    const bus = new EventBus({ events: defineEvents({ tick: broadcast<number>() }) });
    const plugin = definePlugin({
      name: 'a',
      version: '1.0.0',
      events: defineEvents({ tick: first<number, number>() }),
    });
    return rejectionOf(new PluginHost(bus).use(plugin as never).start());
  },
  FORBIDDEN_EVENT: () => {
    const plugin = definePlugin({ name: 'a', version: '1.0.0', handlers: { tick: ignore } });
    return rejectionOf(new PluginHost(new EventBus()).use(plugin, undefined, { allow: { on: ['order.*'] } }).start());
  },
  UNDECLARED_DEPENDENCY: () => inSetup((ctx) => ctx.api('b')),
  HAS_DEPENDANTS: async () => {
    const { host } = hostOf({ name: 'a', requires: { b: '*' } }, { name: 'b' });
    await host.start();
    return rejectionOf(host.disable('b'));
  },
  PLUGIN_LOAD_FAILED: () => rejectionOf(new PluginHost(new EventBus()).use(Promise.reject(new Error('no'))).start()),
  PLUGIN_SETUP_FAILED: () => rejectionOf(hostOf({ name: 'a', setup: fail }).host.start()),
  PLUGIN_READY_FAILED: () => rejectionOf(hostOf({ name: 'a', ready: fail }).host.start()),
  PLUGIN_TEARDOWN_FAILED: async () => {
    const { host } = hostOf({ name: 'a', teardown: fail });
    await host.start();
    return rejectionOf(host.stop());
  },
  PLUGIN_NOT_DRAINED: async () => {
    const { clock, bus, host } = hostOf({ name: 'a', handlers: { tick: () => new Promise(ignore) } });
    await host.start();
    bus.post('tick');
    const rejection = rejectionOf(host.stop({ drainMs: 10 }));
    await clock.advance(10);
    return rejection;
  },
  PLUGINS_FAILED: () => rejectionOf(hostOf({ name: 'a', api: '^1' }, { name: 'b', api: '^1' }).host.start()),
  CONTEXT_CLOSED: async () => {
    let kept: PluginContext | undefined;
    const { host } = hostOf({
      name: 'a',
      setup(ctx) {
        kept = ctx;
      },
    });
    await host.start();
    await host.stop();
    return thrownBy(() => kept?.on('tick', ignore));
  },
  NOT_STARTED: () => inSetup((ctx) => ctx.emit('tick')),
  ALREADY_STARTED: async () => {
    const { host } = hostOf();
    await host.start();
    return rejectionOf(host.start());
  },
  HOST_STOPPED: async () => {
    const { host } = hostOf({ name: 'a', setup: async () => {} });
    const rejection = rejectionOf(host.start());
    await host.stop();
    return rejection;
  },
  INVALID_MANIFEST: () =>
    rejectionOf(
      discoveryOf({ 'package.json': { dependencies: { b: '1' } }, 'node_modules/b/package.json': { ambus: 1 } }),
    ),
  DISCOVERY_FAILED: () => rejectionOf(discoveryOf({ 'package.json': { dependencies: { b: '1' } } })),
  GROUP_CLOSED: async () => {
    const group = new EventBus().group('crew');
    group.remove();
    return thrownBy(() => group.on('tick', ignore));
  },
  ABORTED: () =>
    new Promise((resolve) => {
      const bus = new EventBus({ onFailure: resolve });
      bus.post('tick', undefined, { signal: AbortSignal.abort() });
    }),
  IDLE_TIMEOUT: async () => {
    const clock = new ManualClock();
    const bus = new EventBus({ clock });
    bus.on('tick', () => new Promise(ignore));
    bus.post('tick');
    const rejection = rejectionOf(bus.idle({ timeoutMs: 10 }));
    await clock.advance(10);
    return rejection;
  },
  EMIT_FAILED: () => {
    const bus = new EventBus({ failurePolicy: 'throw' });
    bus.on('tick', () => Promise.reject(new Error('no')));
    return rejectionOf(bus.emit('tick'));
  },
  HANDLER_FAILED: () =>
    new Promise((resolve) => {
      const bus = new EventBus({ onFailure: resolve });
      bus.on('tick', () => Promise.reject(new Error('no')));
      bus.post('tick');
    }),
  HANDLER_TIMEOUT: async () => {
    const clock = new ManualClock();
    const bus = new EventBus({ clock, onFailure: ignore });
    bus.on('tick', () => new Promise(ignore), { timeoutMs: 10 });
    const emission = bus.emit('tick');
    await clock.advance(10);
    return (await emission).failures[0];
  },
  HANDLER_BUSY: async () => {
    const bus = new EventBus({ onFailure: ignore });
    bus.on('tick', () => new Promise(ignore), { concurrency: 1 });
    bus.post('tick');
    return bus.emitSync('tick').failures[0];
  },
  ASYNC_IN_SYNC: async () => {
    const bus = new EventBus({ onFailure: ignore });
    bus.on('tick', async () => {});
    return bus.emitSync('tick').failures[0];
  },
  ASYNC_FILTER: async () => {
    const bus = new EventBus({ onFailure: ignore });
    bus.on('tick', ignore, { filter: (async () => true) as unknown as () => boolean });
    return bus.emitSync('tick').failures[0];
  },
};

describe('every error', () => {
  it.each(Object.entries(WAYS))('%s can be come by, and is an AmbusError', async (code, way) => {
    const error = await way();
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ code });
  });

  it.each(Object.entries(WAYS))('%s has a message that is a sentence, and plain details', async (_code, way) => {
    const error = (await way()) as AmbusError;
    expect(error.message).toMatch(/^\S.{15,}$/s);
    expect(error.details).toEqual(expect.any(Object));
  });

  it('has the name of its class, where String and console look for it', () => {
    expect(String(new AmbusError('ABORTED', 'enough'))).toBe('AmbusError: enough');
    expect(Object.keys(new AmbusError('ABORTED', 'enough'))).toEqual(['code', 'details']);
  });

  it('has a cause only where one was given', () => {
    expect('cause' in new AmbusError('ABORTED', 'enough')).toBe(false);
    expect('cause' in new AmbusError('ABORTED', 'enough', { cause: undefined })).toBe(true);
  });
});

/** Codes that are thrown in other places too, and how to come by them there. */
const OTHER_WAYS: readonly (readonly [ErrorCode, string, () => Promise<unknown>])[] = [
  [
    'UNDECLARED_EVENT',
    'on',
    async () => {
      const bus = new EventBus({ events: defineEvents({ 'order.placed': broadcast<number>() }) });
      return thrownBy(() => bus.on('ordr.*' as 'order.*', ignore));
    },
  ],
  [
    'INVALID_ANSWER',
    'a waterfall, a first or an around',
    async () => {
      const events = defineEvents({ 'path.resolve': first(z.string(), { answer: z.string() }) });
      const bus = new EventBus({ events });
      bus.on('path.resolve', () => 5 as never);
      const error = thrownBy(() => bus.emitSync('path.resolve', 'x'));
      return (error as EmitError).errors[0]?.cause;
    },
  ],
  [
    'ASYNC_IN_SYNC',
    'an interceptor',
    async () => {
      const bus = new EventBus();
      bus.intercept(async (_emission, next) => next());
      return thrownBy(() => bus.emitSync('tick'));
    },
  ],
  [
    'ASYNC_IN_SYNC',
    'a schema',
    async () => {
      const bus = new EventBus({ events: defineEvents({ tick: broadcast(z.number().refine(async () => true)) }) });
      return thrownBy(() => bus.emitSync('tick', 1));
    },
  ],
  [
    'ASYNC_FILTER',
    'waitFor',
    () => {
      const bus = new EventBus();
      const rejection = rejectionOf(bus.waitFor('tick', { filter: (async () => true) as never }));
      bus.emitSync('tick');
      return rejection;
    },
  ],
  [
    'QUEUE_FULL',
    'a queue that drops an event for another',
    async () => {
      const queue = new EventQueue(new EventBus(), { capacity: 1, overflow: 'drop-oldest', paused: true });
      const rejection = rejectionOf(queue.emit('tick'));
      queue.post('tick');
      return rejection;
    },
  ],
  [
    'QUEUE_CLOSED',
    'a queue that has been closed, with what it left,',
    async () => {
      const queue = new EventQueue(new EventBus(), { paused: true });
      const rejection = rejectionOf(queue.emit('tick'));
      await queue.close();
      return rejection;
    },
  ],
  [
    'QUEUE_CLOSED',
    'hasRoom',
    async () => {
      const queue = new EventQueue(new EventBus());
      await queue.close();
      return rejectionOf(queue.hasRoom());
    },
  ],
  [
    'EXPIRED',
    'post, to onFailure,',
    async () => {
      const clock = new ManualClock();
      return new Promise((resolve) => {
        const queue = new EventQueue(new EventBus({ clock, onFailure: resolve }), { paused: true, maxWaitMs: 10 });
        queue.post('tick');
        void clock.advance(10);
      });
    },
  ],
  [
    'DEADLOCK',
    'hasRoom',
    async () => {
      const bus = new EventBus();
      const queue = new EventQueue(bus, { capacity: 1 });
      let error: unknown;
      bus.on('fill', async () => {
        queue.post('tick');
        error = await rejectionOf(queue.hasRoom());
      });
      await queue.emit('fill');
      return error;
    },
  ],
  [
    'ABORTED',
    'post of a queue, to onFailure,',
    () =>
      new Promise((resolve) => {
        const controller = new AbortController();
        const queue = new EventQueue(new EventBus({ onFailure: resolve }), { paused: true });
        queue.post('tick', undefined, { signal: controller.signal });
        controller.abort();
      }),
  ],
  [
    'IDLE_TIMEOUT',
    'idle of a queue',
    async () => {
      const clock = new ManualClock();
      const queue = new EventQueue(new EventBus({ clock }), { paused: true });
      queue.post('tick');
      const rejection = rejectionOf(queue.idle({ timeoutMs: 10 }));
      await clock.advance(10);
      return rejection;
    },
  ],
  [
    'WAIT_TIMEOUT',
    'hasRoom of a queue',
    async () => {
      const clock = new ManualClock();
      const queue = new EventQueue(new EventBus({ clock }), { paused: true, capacity: 1 });
      queue.post('tick');
      const rejection = rejectionOf(queue.hasRoom({ timeoutMs: 10 }));
      await clock.advance(10);
      return rejection;
    },
  ],
  [
    'BUS_CLOSED',
    'a queue whose bus has been closed',
    async () => {
      const bus = new EventBus();
      const rejection = rejectionOf(new EventQueue(bus, { paused: true }).emit('tick'));
      await bus.close();
      return rejection;
    },
  ],
  [
    'BUS_CLOSED',
    'waitFor',
    async () => {
      const bus = new EventBus();
      const rejection = rejectionOf(bus.waitFor('tick'));
      await bus.close();
      return rejection;
    },
  ],
  ['MISSING_PLUGIN', 'the api of a handle', async () => thrownBy(() => hostOf({ name: 'a' }).host.plugin('a').api)],
  ['UNDECLARED_DEPENDENCY', 'optionalApi', () => inSetup((ctx) => ctx.optionalApi('b'))],
  [
    'FORBIDDEN_EVENT',
    'emit',
    async () => {
      let error: unknown;
      const plugin = definePlugin({
        name: 'a',
        version: '1.0.0',
        async ready(ctx) {
          error = await rejectionOf(ctx.emit('tick'));
        },
      });
      await new PluginHost(new EventBus()).use(plugin, undefined, { allow: { emit: [] } }).start();
      return error;
    },
  ],
  [
    'PLUGIN_SETUP_FAILED',
    'a setup that takes too long',
    async () => {
      const { clock, host } = hostOf({ name: 'a', setup: () => new Promise<void>(ignore) });
      const rejection = rejectionOf(host.start());
      await clock.advance(10_000);
      return rejection;
    },
  ],
  [
    'PLUGIN_TEARDOWN_FAILED',
    'a resource',
    async () => {
      const { host } = hostOf({
        name: 'a',
        setup(ctx) {
          ctx.own(fail);
        },
      });
      await host.start();
      return rejectionOf(host.stop());
    },
  ],
  [
    'CONTEXT_CLOSED',
    'emit',
    async () => {
      let kept: PluginContext | undefined;
      const { host } = hostOf({
        name: 'a',
        setup(ctx) {
          kept = ctx;
        },
      });
      await host.start();
      await host.stop();
      return rejectionOf(kept?.emit('tick') ?? Promise.resolve());
    },
  ],
  ['NOT_STARTED', 'add', () => rejectionOf(hostOf().host.add(definePlugin({ name: 'a', version: '1.0.0' })))],
  [
    'ALREADY_STARTED',
    'use',
    async () => {
      const { host } = hostOf();
      await host.start();
      return thrownBy(() => host.use(definePlugin({ name: 'a', version: '1.0.0' })));
    },
  ],
  ['DISCOVERY_FAILED', 'a folder that is not there', () => rejectionOf(discoverPlugins({ folder: '/nowhere/at/all' }))],
];

describe('an error of the same code', () => {
  it.each(OTHER_WAYS)('%s comes by %s too', async (code, _where, way) => {
    const error = await way();
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toMatchObject({ code });
    expect((error as AmbusError).message).toMatch(/^\S.{15,}$/s);
  });
});

const origin = { event: 'tick', handler: 'h', phase: 'handler', emissionId: 'e1' } as const;

describe('instanceof', () => {
  it('tells the classes apart', () => {
    const plain = new AmbusError('ABORTED', 'enough');
    const handler = new HandlerError('HANDLER_FAILED', 'no', origin, undefined);
    const emit = new EmitError('no', [handler], handler, undefined);
    expect([plain, handler, emit].map((error) => error instanceof AmbusError)).toEqual([true, true, true]);
    expect([plain, handler, emit].map((error) => error instanceof HandlerError)).toEqual([false, true, false]);
    expect([plain, handler, emit].map((error) => error instanceof EmitError)).toEqual([false, false, true]);
    expect([plain, handler, emit].map((error) => error instanceof AggregateError)).toEqual([false, false, true]);
  });

  it('tells those of plugins apart from the others', () => {
    const handler = new HandlerError('HANDLER_FAILED', 'no', origin, undefined);
    const plugin = new PluginError('PLUGIN_SETUP_FAILED', 'no', { plugin: 'a', phase: 'setup' });
    const plugins = new PluginsError('no', [plugin]);
    expect([handler, plugin, plugins].map((error) => error instanceof AmbusError)).toEqual([true, true, true]);
    expect([handler, plugin, plugins].map((error) => error instanceof HandlerError)).toEqual([true, false, false]);
    expect([handler, plugin, plugins].map((error) => error instanceof PluginError)).toEqual([false, true, false]);
    expect([handler, plugin, plugins].map((error) => error instanceof PluginsError)).toEqual([false, false, true]);
    expect([handler, plugin, plugins].map((error) => error instanceof AggregateError)).toEqual([false, false, true]);
  });

  it.each([
    [undefined],
    [null],
    [42],
    ['AmbusError'],
    [{}],
    [new Error('no')],
    [{ code: 'ABORTED', name: 'AmbusError' }],
  ])('does not take %s for an AmbusError', (value) => {
    expect((value as unknown) instanceof AmbusError).toBe(false);
    expect((value as unknown) instanceof HandlerError).toBe(false);
    expect((value as unknown) instanceof EmitError).toBe(false);
  });

  it('works across two copies of the module, as when ESM and CJS are both loaded', async () => {
    vi.resetModules();
    const copy = await import('../../src/errors.js');
    expect(copy.AmbusError).not.toBe(AmbusError);
    const handler = new copy.HandlerError('HANDLER_FAILED', 'no', origin, undefined);
    const emit = new copy.EmitError('no', [handler], handler, undefined);
    const plain = new copy.AmbusError('ABORTED', 'enough');
    expect([plain, handler, emit].map((error) => error instanceof AmbusError)).toEqual([true, true, true]);
    expect([plain, handler, emit].map((error) => error instanceof HandlerError)).toEqual([false, true, false]);
    expect([plain, handler, emit].map((error) => error instanceof EmitError)).toEqual([false, false, true]);
  });

  it('works on what a bus of another copy rejects with', async () => {
    vi.resetModules();
    const copy = await import('../../src/index.js');
    expect(copy.EventBus).not.toBe(EventBus);
    const bus = new copy.EventBus({ failurePolicy: 'throw' });
    bus.on('tick', () => {
      throw new Error('no');
    });
    const error = await rejectionOf(bus.emit('tick'));
    expect(error).toBeInstanceOf(EmitError);
    expect((error as EmitError).errors[0]).toBeInstanceOf(HandlerError);
  });

  it('is ordinary for classes derived from AmbusError', () => {
    class ShopError extends AmbusError {}
    const shop = new ShopError('ABORTED', 'closed');
    expect(shop).toBeInstanceOf(ShopError);
    expect(shop).toBeInstanceOf(AmbusError);
    expect(new AmbusError('ABORTED', 'enough')).not.toBeInstanceOf(ShopError);
  });
});
