import { describe, expect, it } from 'vitest';
import {
  AmbusError,
  type AroundContext,
  around,
  defineEvents,
  type EmissionContext,
  EventBus,
} from '../../src/index.js';
import { definePlugin, type PluginContext, PluginHost, type UseSettings } from '../../src/plugins/index.js';
import { EventQueue } from '../../src/queue/index.js';
import { rejectionOf, thrownBy } from '../bus/deferred.js';
import { expectError, openStage } from './hosts.js';

/** A started stage with one plugin, which has these settings. */
async function confined(settings: UseSettings, setup: (ctx: PluginContext) => unknown) {
  const stage = openStage();
  stage.host.use(
    definePlugin({ name: 'guest', version: '1.0.0', setup: (ctx: PluginContext) => setup(ctx) }),
    undefined,
    settings,
  );
  await stage.host.start();
  return stage;
}

describe('timeoutMs', () => {
  it.each([
    ['alone', undefined, 50],
    ['where it is shorter than the handler’s own', 80, 50],
    ['unless the handler’s own is shorter', 20, 20],
    ['where the handler has none', Infinity, 50],
  ])('limits the handlers of a plugin: %s', async (_, own, expected) => {
    const { bus, clock } = await confined({ timeoutMs: 50 }, (ctx) => {
      ctx.on('job', () => new Promise(() => {}), own === undefined ? {} : { timeoutMs: own });
    });
    let settled = false;
    const job = bus.emit('job').then((result) => {
      settled = true;
      return result;
    });
    await clock.advance(expected - 1);
    expect(settled).toBe(false);
    await clock.advance(1);
    expect((await job).failures).toMatchObject([{ code: 'HANDLER_TIMEOUT', group: 'guest' }]);
  });

  it('limits handlers of every sort, and no others', async () => {
    const stage = openStage();
    const never = () => new Promise(() => {});
    stage.host
      .use(
        definePlugin({
          name: 'guest',
          version: '1.0.0',
          handlers: { a: never },
          setup(ctx) {
            ctx.once('b', never);
            ctx.on('c.*', never);
            ctx.on(['d', 'e'], never);
          },
        }),
        undefined,
        { timeoutMs: 50 },
      )
      .use({ name: 'other', handlers: { other: never } });
    await stage.host.start();
    const limited = ['a', 'b', 'c.c', 'd', 'e'].map((type) => stage.bus.emit(type));
    void stage.bus.emit('other');
    await stage.clock.advance(50);
    for (const result of await Promise.all(limited))
      expect(result.failures).toMatchObject([{ code: 'HANDLER_TIMEOUT' }]);
    expect(stage.bus.inspect().counts).toMatchObject({ timeouts: 5, inFlight: 1 });
  });
});

describe('priority', () => {
  it('is added to that of each handler', async () => {
    const seen: string[] = [];
    const { bus } = await confined({ priority: 10 }, (ctx) => {
      ctx.on('job', () => void seen.push('guest 10'));
      ctx.on('job', () => void seen.push('guest 5'), { priority: -5 });
      ctx.on('*', () => void seen.push('guest 11'), { priority: 1 });
      ctx.onAny(() => void seen.push('guest 12'), { priority: 2 });
    });
    bus.on('job', () => void seen.push('app 7'), { priority: 7 });
    bus.on('job', () => void seen.push('app 0'));
    bus.emitSync('job');
    expect(seen).toEqual(['guest 12', 'guest 11', 'guest 10', 'app 7', 'guest 5', 'app 0']);
    const handlers = bus.inspect().events.find(({ type }) => type === 'job')?.handlers;
    expect(handlers?.map(({ priority }) => priority)).toEqual([12, 11, 10, 7, 5, 0]);
  });

  it('is added to that of `handlers` too', async () => {
    const { bus, host } = openStage();
    host.use({ name: 'old', handlers: { job: { handle: () => {}, priority: 2 } } }, undefined, { priority: -3 });
    await host.start();
    expect(bus.inspect().events.find(({ type }) => type === 'job')?.handlers).toMatchObject([{ priority: -1 }]);
  });
});

describe('filter', () => {
  it('is asked before each call, with the event', async () => {
    const seen: unknown[] = [];
    const asked: unknown[] = [];
    const filter = (event: { type: PropertyKey; payload: unknown }) => {
      asked.push(event);
      return event.payload !== 'no';
    };
    const { bus } = await confined({ filter }, (ctx) => {
      ctx.on('job', (payload) => void seen.push(['on', payload]));
      ctx.on('*', (payload) => void seen.push(['pattern', payload]));
      ctx.on(['job', 'other'], (payload) => void seen.push(['list', payload]));
      ctx.onAny(({ payload }) => void seen.push(['any', payload]));
    });
    expect(bus.emitSync('job', 'yes')).toMatchObject({ called: 4, skipped: 0 });
    expect(bus.emitSync('job', 'no')).toMatchObject({ called: 0, skipped: 4 });
    expect(seen).toEqual([
      ['on', 'yes'],
      ['pattern', 'yes'],
      ['list', 'yes'],
      ['any', 'yes'],
    ]);
    expect(asked).toHaveLength(8);
    for (const event of asked) expect(event).toMatchObject({ type: 'job', payload: expect.any(String) });
  });

  it('is asked besides the handler’s own: both must agree', async () => {
    const seen: unknown[] = [];
    const { bus } = await confined({ filter: ({ payload }) => (payload as number) > 1 }, (ctx) => {
      ctx.on('job', (n) => void seen.push(n), { filter: (n) => (n as number) < 4 });
      ctx.onAny(({ payload }) => void seen.push(`any ${String(payload)}`), { filter: ({ payload }) => payload !== 2 });
    });
    for (const n of [1, 2, 3, 4]) bus.emitSync('job', n);
    expect(seen).toEqual([2, 3, 'any 3', 'any 4']);
  });

  it('that throws is a failure of the handler, which does not run', async () => {
    let called = 0;
    const filter = () => {
      throw new Error('no filter');
    };
    const { bus } = await confined({ filter }, (ctx) => void ctx.on('job', () => void (called += 1)));
    const { failures } = bus.emitSync('job');
    expect(failures).toMatchObject([{ phase: 'filter', group: 'guest', cause: { message: 'no filter' } }]);
    expect(called).toBe(0);
  });

  it('that is asynchronous is a failure too', async () => {
    const filter = (async () => true) as unknown as () => boolean;
    const { bus } = await confined({ filter }, (ctx) => void ctx.on('job', () => {}));
    expect(bus.emitSync('job').failures).toMatchObject([{ code: 'ASYNC_FILTER' }]);
  });

  it('claims no turn of `once` where it says no', async () => {
    let called = 0;
    const { bus } = await confined({ filter: ({ payload }) => payload === 'yes' }, (ctx) => {
      ctx.once('job', () => void (called += 1));
    });
    bus.emitSync('job', 'no');
    expect(called).toBe(0);
    bus.emitSync('job', 'yes');
    bus.emitSync('job', 'yes');
    expect(called).toBe(1);
  });

  it('says no to nobody else', async () => {
    const { bus, host } = await confined({ filter: () => false }, (ctx) => void ctx.on('job', () => {}));
    await host.add({ name: 'other', handlers: { job: () => {} } });
    expect(bus.emitSync('job')).toMatchObject({ called: 1, skipped: 1 });
  });
});

describe('allow.on', () => {
  it.each<[string[], unknown, boolean]>([
    [['order.*'], 'order.placed', true],
    [['order.*'], 'order.item.added', false],
    [['order.*'], 'user.seen', false],
    [['order.*'], 'order', false],
    [['order.placed'], 'order.placed', true],
    [['order.placed'], 'order.paid', false],
    [['order.**'], 'order.item.added', true],
    [['**'], 'anything.at.all', true],
    [[], 'order.placed', false],
    [['user.*', 'order.*'], 'order.placed', true],
    [['*.placed'], 'order.placed', true],
    // A pattern must be within an allowed one.
    [['order.*'], 'order.*', true],
    [['order.**'], 'order.*', true],
    [['order.**'], 'order.*.added', true],
    [['order.**'], 'order.**', true],
    [['order.*'], 'order.**', false],
    [['order.*'], '*.placed', false],
    [['order.*'], '*', false],
    [['order.*'], '**', false],
    [['*.*'], 'order.*', true],
    [['*.*'], '*.placed', true],
    [['**'], '**', true],
    [['**'], '*.*', true],
    [['order.placed'], 'order.*', false],
    // Each of a list must be.
    [['order.*'], ['order.placed', 'order.paid'], true],
    [['order.*'], ['order.placed', 'user.seen'], false],
  ])('%j: a plugin that subscribes to %j is allowed to: %j', async (on, type, allowed) => {
    const errors: unknown[] = [];
    const { bus } = await confined({ allow: { on } }, (ctx) => {
      for (const verb of ['on', 'once'] as const) {
        try {
          if (verb === 'on') ctx.on(type as string, () => {});
          else ctx.once(type as string, () => {});
        } catch (error) {
          errors.push(error);
        }
      }
    });
    expect(errors).toHaveLength(allowed ? 0 : 2);
    expect(bus.handlerCount()).toBe(allowed ? 2 : 0);
    for (const error of errors) expectError(error, 'FORBIDDEN_EVENT', 'guest');
  });

  it('names the event, and what is allowed', async () => {
    const errors: unknown[] = [];
    await confined({ allow: { on: ['order.*', 'user.seen'] } }, (ctx) => {
      errors.push(thrownBy(() => ctx.on('shop.closed', () => {})));
    });
    expectError(errors[0], 'FORBIDDEN_EVENT', 'guest', 'shop.closed', 'order.*', 'user.seen');
  });

  it.each([
    [['order.**'], false],
    [['*'], false],
    [['**'], true],
  ])('%j allows onAny: %j', async (on, allowed) => {
    let error: unknown;
    const { bus } = await confined({ allow: { on } }, (ctx) => {
      try {
        ctx.onAny(() => {});
      } catch (thrown) {
        error = thrown;
      }
    });
    expect(bus.handlerCount()).toBe(allowed ? 1 : 0);
    if (!allowed) expectError(error, 'FORBIDDEN_EVENT', 'guest', '**');
  });

  it('allows no symbols, but with **', async () => {
    const secret = Symbol('secret');
    const errors: unknown[] = [];
    const attempt = (ctx: PluginContext) => {
      try {
        ctx.on(secret as never, () => {});
      } catch (error) {
        errors.push(error);
      }
    };
    await confined({ allow: { on: ['order.*'] } }, attempt);
    expect(errors).toHaveLength(1);
    expectError(errors[0], 'FORBIDDEN_EVENT', 'guest', 'secret');
  });

  it('makes the setup fail that does not catch it', async () => {
    const stage = openStage();
    stage.host.use(stage.plugin('guest'), undefined, { allow: { on: ['order.*'] } });
    const error = await rejectionOf(stage.host.start());
    expectError(error, 'PLUGIN_SETUP_FAILED', 'guest', 'tick');
    expectError((error as Error).cause, 'FORBIDDEN_EVENT', 'guest', 'tick');
  });

  it('is checked of `handlers` before anything is set up', async () => {
    const { host, journal, plugin, tick } = openStage();
    const handlers = { 'order.placed': () => {}, 'user.*': () => {} };
    host.use(plugin('a')).use({ name: 'guest', handlers }, undefined, { allow: { on: ['order.*'] } });
    const error = await rejectionOf(host.start());
    expectError(error, 'FORBIDDEN_EVENT', 'guest', 'user.*');
    expect(error).toMatchObject({ plugin: 'guest', phase: 'validate' });
    expect(journal).toEqual([]);
    expect(tick()).toEqual([]);
  });

  it('confines what is subscribed later, too', async () => {
    const errors: unknown[] = [];
    const { bus } = await confined({ allow: { on: ['job'] } }, (ctx) => {
      ctx.on('job', () => void errors.push(thrownBy(() => ctx.on('order.placed', () => {}))));
    });
    bus.emitSync('job');
    expectError(errors[0], 'FORBIDDEN_EVENT', 'guest', 'order.placed');
  });

  it('leaves emitting alone', async () => {
    let context: PluginContext | undefined;
    await confined({ allow: { on: [] } }, (ctx) => void (context = ctx));
    expect(context?.emitSync('anything').ok).toBe(true);
  });
});

describe('allow.emit', () => {
  type Emitter = Pick<EmissionContext, 'emit' | 'emitSync' | 'dispatch' | 'post'>;

  /** What each verb does with an event: what it throws, rejects with or reports, or nothing. */
  async function refusals(emitter: Emitter, type: string, reports: unknown[]): Promise<unknown[]> {
    const errors: unknown[] = [];
    try {
      emitter.emitSync(type);
    } catch (error) {
      errors.push(error);
    }
    try {
      await emitter.dispatch(type);
    } catch (error) {
      errors.push(error);
    }
    await emitter.emit(type).catch((error: unknown) => errors.push(error));
    const before = reports.length;
    emitter.post(type);
    errors.push(...reports.slice(before));
    return errors;
  }

  it('confines what a plugin emits, by every verb', async () => {
    let context: PluginContext | undefined;
    const heard: unknown[] = [];
    const { bus, reports } = await confined({ allow: { emit: ['order.*'] } }, (ctx) => void (context = ctx));
    bus.onAny(({ type }) => void heard.push(type));
    const ctx = context as PluginContext;
    expect(await refusals(ctx, 'order.placed', reports)).toEqual([]);
    expect(heard).toHaveLength(4);
    const errors = await refusals(ctx, 'user.seen', reports);
    expect(errors).toHaveLength(4);
    for (const error of errors) expectError(error, 'FORBIDDEN_EVENT', 'guest', 'user.seen', 'order.*');
    expect(heard).toHaveLength(4);
  });

  it('never has emit throw', async () => {
    let context: PluginContext | undefined;
    await confined({ allow: { emit: [] } }, (ctx) => void (context = ctx));
    let promise: Promise<unknown> | undefined;
    expect(() => {
      promise = context?.emit('user.seen');
    }).not.toThrow();
    expectError(await rejectionOf(promise as Promise<unknown>), 'FORBIDDEN_EVENT');
  });

  it.each(['handlers', 'on', 'pattern', 'list', 'onAny', 'once'] as const)(
    'confines the context of its handlers too: %s',
    async (how) => {
      const stage = openStage();
      let emission: EmissionContext | undefined;
      const keep = (_: unknown, ctx: EmissionContext) => void (emission = ctx);
      stage.host.use(
        definePlugin({
          name: 'guest',
          version: '1.0.0',
          handlers: how === 'handlers' ? { 'job.begun': keep } : {},
          setup(ctx) {
            if (how === 'on') ctx.on('job.begun', keep);
            if (how === 'once') ctx.once('job.begun', keep);
            if (how === 'pattern') ctx.on('job.*', keep);
            if (how === 'list') ctx.on(['job.begun'], keep);
            if (how === 'onAny') ctx.onAny(keep);
          },
        }),
        undefined,
        { allow: { emit: ['order.*'] } },
      );
      await stage.host.start();
      const heard: unknown[] = [];
      stage.bus.on('**', (_, ctx) => void heard.push(ctx.type));
      await stage.bus.emit('job.begun', 5, { meta: { trace: 't1' } });
      const ctx = emission as EmissionContext & { readonly type: unknown; readonly payload: unknown };
      heard.length = 0;
      expect(await refusals(ctx, 'order.placed', stage.reports)).toEqual([]);
      expect(heard).toEqual(['order.placed', 'order.placed', 'order.placed', 'order.placed']);
      const errors = await refusals(ctx, 'user.seen', stage.reports);
      expect(errors).toHaveLength(4);
      for (const error of errors) expectError(error, 'FORBIDDEN_EVENT', 'guest', 'user.seen');
      expect(ctx).toMatchObject({ type: 'job.begun', payload: 5, meta: { trace: 't1' }, sync: false });
      expect(ctx.id).toBeTypeOf('string');
    },
  );

  it('keeps the names of handlers', async () => {
    const { bus } = await confined({ allow: { emit: [] } }, (ctx) => {
      function parse(): void {}
      ctx.on('job', parse);
      ctx.on('job', () => {}, { name: 'print' });
    });
    const handlers = bus.inspect().events.find(({ type }) => type === 'job')?.handlers;
    expect(handlers?.map(({ name }) => name)).toEqual(['parse', 'print']);
  });

  it('has confined handlers emit as part of the emission that they run in', async () => {
    const stage = openStage();
    const seen: unknown[] = [];
    stage.host.use({ name: 'guest', handlers: { job: (_, ctx) => ctx.emit('order.placed') } }, undefined, {
      allow: { emit: ['order.*'] },
    });
    await stage.host.start();
    stage.bus.observe({ emissionStarted: ({ parentId, type }) => seen.push([type, parentId !== undefined]) });
    stage.bus.on('order.placed', (_, ctx) => void seen.push(ctx.meta));
    await stage.bus.emit('job', undefined, { meta: { trace: 't1' } });
    expect(seen).toEqual([['job', false], ['order.placed', true], { trace: 't1' }]);
  });

  it('lets a confined handler stop the emission, and idle', async () => {
    const stage = openStage();
    stage.host.use(
      {
        name: 'guest',
        handlers: {
          job: async (_, ctx) => {
            await ctx.idle();
            ctx.stop();
          },
        },
      },
      undefined,
      { allow: { emit: [] } },
    );
    await stage.host.start();
    stage.bus.on('job', () => {}, { priority: -1 });
    expect(await stage.bus.emit('job')).toMatchObject({ ok: true, called: 1, skipped: 1, stopped: true });
  });

  it('lets a confined handler not close the bus', async () => {
    const stage = openStage();
    const errors: unknown[] = [];
    const close = async (ctx: EmissionContext): Promise<void> => {
      try {
        await ctx.close();
      } catch (error) {
        errors.push(error);
      }
    };
    const handlers = { job: (_: unknown, ctx: EmissionContext) => close(ctx) };
    stage.host.use({ name: 'guest', handlers }, undefined, { allow: { emit: ['order.*'] } });
    await stage.host.start();
    expect((await stage.bus.emit('job')).ok).toBe(true);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(AmbusError);
    expect((errors[0] as Error).message).toContain('guest');
    expect(stage.bus.inspect().state).toBe('open');
  });

  it('lets a confined handler give its context to whatever wants to know where it comes from', async () => {
    const stage = openStage();
    const queue = new EventQueue(stage.bus);
    const errors: unknown[] = [];
    const handlers = {
      queued: async (_: unknown, ctx: EmissionContext) => {
        await null;
        await queue.emit('inner', undefined, { parent: ctx }).catch((error: unknown) => errors.push(error));
      },
      switched: async (_: unknown, ctx: EmissionContext) => {
        await null;
        await stage.host.disable('guest', { parent: ctx }).catch((error: unknown) => errors.push(error));
      },
    };
    stage.host.use({ name: 'guest', handlers }, undefined, { allow: { emit: [] } });
    await stage.host.start();
    await queue.emit('queued');
    await stage.bus.emit('switched');
    expect(errors).toEqual([]);
    expect(stage.states()).toEqual({ guest: 'disabled' });
  });

  it('lets a confined handler of an around go on', async () => {
    const bus = new EventBus({ events: defineEvents({ 'page.load': around<string, string>() }) });
    const host = new PluginHost(bus);
    const handlers = {
      'page.load': async (url: string, ctx: AroundContext<string, string>) => `<${await ctx.next(`${url}!`)}>`,
    };
    host.use({ name: 'guest', handlers }, undefined, { allow: { emit: [] } });
    await host.start();
    expect((await bus.emit('page.load', '/', { core: (url) => url })).value).toBe('</!>');
  });

  it('leaves subscribing alone', async () => {
    const { bus } = await confined({ allow: { emit: [] } }, (ctx) => void ctx.on('anything', () => {}));
    expect(bus.handlerCount('anything')).toBe(1);
  });
});

describe('a plugin that is not confined', () => {
  it('gets the context of the emission as it is', async () => {
    let seen: EmissionContext | undefined;
    const { bus } = await confined({}, (ctx) => {
      ctx.on('job', (_, emission) => void (seen = emission));
    });
    let own: unknown;
    bus.on('job', (_, ctx) => void (own = ctx));
    bus.emitSync('job');
    expect(seen).toBe(own);
  });
});
