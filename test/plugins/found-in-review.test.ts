import { describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { broadcast, defineEvents, EventBus, first, waterfall } from '../../src/index.js';
import { definePlugin, type PluginError, PluginHost, type typed } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { expectError, openStage } from './hosts.js';

/** What `import()` makes of a module. */
const namespace = (exports: object): object =>
  Object.create(null, {
    ...Object.getOwnPropertyDescriptors(exports),
    [Symbol.toStringTag]: { value: 'Module' },
  }) as object;

describe('a module', () => {
  it('is its default export, whatever of a CommonJS one Node has guessed to be names', async () => {
    const { host, plugin, journal } = openStage();
    const whole = plugin('legacy', { version: '2.1.0' });
    host.use(Promise.resolve(namespace({ name: 'legacy', default: whole })) as never);
    await host.start();
    expect(host.status()).toMatchObject([{ name: 'legacy', version: '2.1.0' }]);
    await host.stop();
    expect(journal).toContain('legacy teardown');
  });

  it('without a default export is the plugin itself', async () => {
    const { host, states } = openStage();
    host.use(Promise.resolve(namespace({ name: 'bare', handlers: {} })) as never);
    await host.start();
    expect(states()).toEqual({ bare: 'active' });
  });
});

describe('a promise that rejects before its turn', () => {
  it('is nobody’s unhandled rejection, whatever it was given to', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const failing = (): Promise<never> => Promise.reject(new Error('no such module'));
    const { host, plugin } = openStage();
    const gate = deferred();
    host.use([plugin('slow', { teardown: () => gate.promise }), plugin('p')]);
    await rejectionOf(host.add(failing()));
    await host.start();
    expect(thrownBy(() => host.use(failing()))).toMatchObject({ code: 'ALREADY_STARTED' });
    const disabling = host.disable('slow');
    const changes = [rejectionOf(host.add(failing())), rejectionOf(host.replace('p', failing()))];
    await promisesSettled();
    gate.resolve();
    await disabling;
    for (const error of await Promise.all(changes)) expectError(error, 'PLUGIN_LOAD_FAILED', 'no such module');
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('plugins that were blocked', () => {
  it('are set up at the same time when what they require is back', async () => {
    const { clock, host, plugin, states } = openStage();
    const slowly = () => new Promise<void>((resolve) => void clock.setTimeout(resolve, 50));
    host.use([
      plugin('base'),
      ...['a', 'b', 'c'].map((name) => plugin(name, { requires: { base: '*' }, setup: slowly })),
      plugin('last', { requires: { a: '*', c: '*' } }),
    ]);
    const start = host.start();
    await clock.advance(50);
    await start;
    await host.disable('base', { cascade: true });
    const enabling = host.enable('base');
    await clock.advance(50);
    await enabling;
    expect(states()).toEqual({ base: 'active', a: 'active', b: 'active', c: 'active', last: 'active' });
  });
});

describe('a confined plugin', () => {
  it('finds nothing behind what its handlers are given', () => {
    const bus = new EventBus();
    const host = new PluginHost(bus);
    const found: unknown[] = [];
    host.use(
      {
        name: 'guest',
        handlers: {
          job: (_payload: unknown, ctx: object) => {
            for (let at: object | null = ctx; at !== null; at = Object.getPrototypeOf(at) as object | null) {
              for (const key of Object.getOwnPropertySymbols(at)) found.push(key);
            }
          },
        },
      },
      undefined,
      { allow: { on: ['job'], emit: [] } },
    );
    return host.start().then(() => {
      bus.emitSync('job');
      expect(found).toEqual([]);
    });
  });

  it('can not make another kind of an event that it may not emit', async () => {
    const host = new PluginHost(new EventBus());
    const guest = definePlugin({
      name: 'guest',
      version: '1.0.0',
      declares: defineEvents({ 'payment.charge': first<number, number>() }),
    });
    host.use(guest, undefined, { allow: { on: [], emit: [] } });
    expectError(await rejectionOf(host.start()), 'FORBIDDEN_EVENT', 'guest', 'payment.charge');
  });
});

describe('a type that says nothing at run time', () => {
  it('is recognised where it comes from another copy', async () => {
    const otherTyped = { '~standard': { version: 1, vendor: 'ambus', validate: (value: unknown) => ({ value }) } };
    const seen: unknown[] = [];
    const plugin = definePlugin({
      name: 'p',
      version: '1.0.0',
      options: otherTyped as ReturnType<typeof typed<{ level?: number }>>,
      setup: (_ctx, options) => void seen.push(options),
    });
    await new PluginHost(new EventBus()).use(plugin).start();
    expect(seen).toEqual([{}]);
    const asking = definePlugin({ name: 'asking', version: '1.0.0', services: { db: otherTyped as never } });
    const error = await rejectionOf(new PluginHost(new EventBus()).use(asking as never).start());
    expectError(error, 'MISSING_SERVICE', 'asking', 'db');
  });
});

describe('events that a plugin brings along', () => {
  const shouting = (fails: () => boolean) =>
    definePlugin({
      name: 'shouting',
      version: '1.0.0',
      declares: defineEvents({ 'shout.text': waterfall<string>() }),
      setup() {
        if (fails()) throw new Error('no');
      },
    });

  it('stay where it can not be enabled', async () => {
    let fails = false;
    const bus = new EventBus();
    bus.on('shout.text' as never, ((text: string) => `${text}!`) as never);
    const host = new PluginHost(bus).use(shouting(() => fails));
    await host.start();
    await host.disable('shouting');
    fails = true;
    await rejectionOf(host.enable('shouting'));
    expect(bus.emitSync('shout.text', 'a').value).toBe('a!');
  });

  it('stay as long as another host of the bus has them', async () => {
    const bus = new EventBus();
    bus.on('shout.text' as never, ((text: string) => `${text}!`) as never);
    const plugin = shouting(() => false);
    const hosts = [new PluginHost(bus).use(plugin), new PluginHost(bus).use(plugin)];
    for (const host of hosts) await host.start();
    await hosts[0]?.stop();
    expect(bus.emitSync('shout.text', 'a').value).toBe('a!');
    await hosts[1]?.stop();
    expect(bus.emitSync('shout.text', 'a').value).toBeUndefined();
  });

  it('are there until a replaced one is down', async () => {
    const bus = new EventBus({ events: defineEvents({ tick: broadcast<number>() }) });
    const old = definePlugin({
      name: 'p',
      version: '1.0.0',
      declares: defineEvents({ 'p.flushed': broadcast<number>() }),
      teardown: (ctx) => ctx.emit('p.flushed', 1),
    });
    const host = new PluginHost(bus).use(old);
    await host.start();
    await host.replace('p', { name: 'p', handlers: {} });
    expect((await rejectionOf(bus.emit('p.flushed' as never, 1 as never))) as object).toMatchObject({
      code: 'UNDECLARED_EVENT',
    });
  });

  it('are those of the new one where a disabled one was replaced', async () => {
    const bus = new EventBus({ events: defineEvents({ tick: broadcast<number>() }) });
    const declaring = (event: string) =>
      definePlugin({
        name: 'p',
        version: '1.0.0',
        declares: defineEvents({ [event]: broadcast<number>() }),
      });
    const host = new PluginHost(bus).use(declaring('p.old'));
    await host.start();
    await host.disable('p');
    await host.replace('p', declaring('p.new'));
    expect(bus.emitSync('p.new' as never, 1 as never).ok).toBe(true);
    expect(thrownBy(() => bus.emitSync('p.old' as never, 1 as never))).toMatchObject({ code: 'UNDECLARED_EVENT' });
  });
});

describe('a schema', () => {
  it('that never settles is given up in the time that loading may take', async () => {
    const { clock, host } = openStage({ loadTimeoutMs: 100 });
    const stuck = {
      '~standard': { version: 1 as const, vendor: 'test', validate: () => new Promise<never>(() => {}) },
    };
    host.use(definePlugin({ name: 'p', version: '1.0.0', options: stuck }) as never, { level: 1 } as never);
    const rejection = rejectionOf(host.start());
    await clock.advance(100);
    expectError(await rejection, 'INVALID_PLUGIN_OPTIONS', 'p', '100');
    expect(clock.pending).toBe(0);
  });

  it('that throws is the affair of its plugin alone', async () => {
    const { host, plugin, reports, states } = openStage({ onSetupError: 'continue' });
    const throwing = z.unknown().transform((value) => (value as { level: number }).level);
    host.use(definePlugin({ name: 'bad', version: '1.0.0', options: z.object({ level: throwing }) }) as never);
    host.use(plugin('good'));
    await host.start();
    expect(states()).toEqual({ bad: 'failed', good: 'active' });
    expect(reports).toHaveLength(1);
  });

  it('is what it was when the emission began', async () => {
    const bus = new EventBus({ onFailure: () => {} });
    const gate = deferred();
    bus.intercept(async (_emission, next) => {
      await gate.promise;
      return next();
    });
    const heard: unknown[] = [];
    bus.on('p.saved' as never, (payload: unknown) => void heard.push(payload));
    const host = new PluginHost(bus).use(
      definePlugin({ name: 'p', version: '1.0.0', declares: defineEvents({ 'p.saved': broadcast(z.number()) }) }),
    );
    await host.start();
    const emission = rejectionOf(bus.emit('p.saved', 'bad'));
    await host.remove('p');
    gate.resolve();
    expect(await emission).toMatchObject({ code: 'INVALID_PAYLOAD' });
    expect(heard).toEqual([]);
  });
});

describe('stop', () => {
  it('gives up what is being added, and all that waits', async () => {
    const { host, plugin, states } = openStage();
    host.use(plugin('a'));
    await host.start();
    const adding = rejectionOf(host.add(plugin('stuck', { setup: ({ signal }) => untilAborted(signal) })));
    const waiting = rejectionOf(host.add(plugin('later')));
    await promisesSettled();
    await host.stop();
    expectError(await adding, 'HOST_STOPPED');
    expectError(await waiting, 'HOST_STOPPED');
    expect(states()).toEqual({ a: 'stopped' });
  });
});

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    // As the functions of Node do.
    signal.addEventListener('abort', () => {
      reject(new DOMException('The operation was aborted', 'AbortError'));
    });
  });

describe('the API of an optional plugin', () => {
  it('is that of the one that is there, also for one that was set up together with another', async () => {
    const { bus, host, plugin } = openStage();
    const apis: unknown[] = [];
    let versions = 0;
    const parts = { requires: { base: '*' } };
    const cache = plugin('cache', { ...parts, setup: () => ++versions });
    host.use([
      plugin('base'),
      cache,
      plugin('asking', {
        ...parts,
        optional: { cache: '*' },
        setup: (ctx) => void ctx.on('ask', () => void apis.push(ctx.optionalApi('cache'))),
      }),
    ]);
    await host.start();
    await host.replace('base', plugin('base'), { cascade: true });
    bus.emitSync('ask');
    await host.disable('cache');
    bus.emitSync('ask');
    await host.enable('cache');
    bus.emitSync('ask');
    expect(apis).toEqual([2, undefined, 3]);
  });
});

describe('replace', () => {
  it('by a promise of nothing is INVALID_PLUGIN', async () => {
    const { host, plugin, states } = openStage();
    host.use([plugin('active'), plugin('off')]);
    await host.start();
    await host.disable('off');
    for (const name of ['active', 'off']) {
      expectError(await rejectionOf(host.replace(name, Promise.resolve(undefined))), 'INVALID_PLUGIN', name);
    }
    expect(states()).toEqual({ active: 'active', off: 'disabled' });
  });

  it('is one change for observers', async () => {
    const { bus, host, plugin, tick } = openStage();
    host.use(plugin('p'));
    await host.start();
    const seen: string[][] = [];
    bus.observe({ subscribed: () => void seen.push(tick()) });
    await host.replace('p', plugin('p'));
    expect(seen).toEqual([['p']]);
  });
});

describe('a plugin that was told to give up', () => {
  it('and did, has not failed', async () => {
    const { host, plugin, states } = openStage();
    host.use([
      plugin('obedient', { setup: ({ signal }) => untilAborted(signal) }),
      plugin('failing', {
        setup: async () => {
          throw new Error('no');
        },
      }),
    ]);
    const error = (await rejectionOf(host.start())) as PluginError;
    expectError(error, 'PLUGIN_SETUP_FAILED', 'failing');
    expect(error.rollbackErrors).toEqual([]);
    expect(states()).toEqual({ obedient: 'registered', failing: 'failed' });
  });

  it('is not reported where a start that continues is given up', async () => {
    const { host, plugin, reports } = openStage({ onSetupError: 'continue' });
    host.use([
      plugin('slow', { setup: ({ signal }) => untilAborted(signal) }),
      plugin('bad', {
        setup: () => {
          throw new Error('no');
        },
      }),
    ]);
    const controller = new AbortController();
    const rejection = rejectionOf(host.start({ signal: controller.signal }));
    await promisesSettled();
    controller.abort('ctrl-c');
    expect(await rejection).toBe('ctrl-c');
    expect(reports.map((report) => (report as PluginError).plugin)).toEqual(['bad']);
  });
});

describe('what is descriptor-like', () => {
  it('and loads nothing is INVALID_PLUGIN, which names it', async () => {
    const host = new PluginHost(new EventBus()).use({ name: 'found', load: async () => ({ default: undefined }) });
    expectError(await rejectionOf(host.start()), 'INVALID_PLUGIN', 'found');
  });

  it('may be a plugin of an older API, with functions of its own', async () => {
    const adapted: unknown[] = [];
    const host = new PluginHost(new EventBus(), {
      api: '2.0.0',
      apis: { '1.x': (old: object) => (adapted.push(old), { handlers: {} }) },
    });
    const old = { name: 'legacy', api: '^1.0', load: () => undefined, unload: () => undefined };
    await host.use(old).start();
    expect(adapted).toEqual([old]);
  });
});

describe('limits', () => {
  it('of a host never lengthen those of its bus', async () => {
    const { bus, clock, host } = openStage({}, { timeoutMs: 50 });
    host.use({ name: 'p', handlers: { job: () => new Promise(() => {}) } }, undefined, { timeoutMs: 1_000 });
    await host.start();
    const emission = bus.emit('job');
    await clock.advance(50);
    expect((await emission).failures[0]).toMatchObject({ code: 'HANDLER_TIMEOUT' });
    await clock.advance(60_000);
    await host.stop();
  });
});

describe('a context', () => {
  it('may be spread, derived from and wrapped', async () => {
    const { host, plugin, bus } = openStage();
    const heard: string[] = [];
    host.use(
      plugin('p', {
        setup(ctx) {
          const ways = { spread: { ...ctx }, derived: Object.create(ctx) as typeof ctx, wrapped: new Proxy(ctx, {}) };
          for (const [way, each] of Object.entries(ways)) each.on('job', () => void heard.push(`${way} ${each.name}`));
        },
      }),
    );
    await host.start();
    bus.emitSync('job');
    expect(heard).toEqual(['spread p', 'derived p', 'wrapped p']);
  });

  it('has a signal whose reason says what has happened', async () => {
    const { host, plugin } = openStage();
    let signal: AbortSignal | undefined;
    host.use(plugin('p', { setup: (ctx) => void (signal = ctx.signal) }));
    await host.start();
    await host.stop();
    expectError(signal?.reason, 'CONTEXT_CLOSED', 'p', 'torn down');
    expect((signal?.reason as Error).message).not.toContain('refused');
  });
});

describe('handlers', () => {
  it('that are an instance with nothing of its own are refused rather than lost', () => {
    class Handlers {
      job(): void {}
    }
    const plugin = { name: 'p', handlers: new Handlers() };
    expectError(
      thrownBy(() => new PluginHost(new EventBus()).use(plugin as never)),
      'INVALID_PLUGIN',
      'p',
      'handlers',
    );
  });

  it('of many plugins are no leak', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const { host, plugin } = openStage();
    host.use(Array.from({ length: 150 }, (_, index) => plugin(`p${index}`)));
    await host.start();
    expect(warn).not.toHaveBeenCalled();
  });
});

describe('draining', () => {
  it('blames nobody who has nothing to do with it', async () => {
    const { bus, clock, host } = openStage();
    const gate = deferred();
    bus.on('other', () => gate.promise, { name: 'innocent' });
    host.use({ name: 'p', handlers: { job: () => gate.promise } });
    await host.start();
    const emissions = [bus.emit('job'), bus.emit('other')];
    const rejection = rejectionOf(host.disable('p', { drainMs: 20 }));
    await clock.advance(20);
    const error = expectError(await rejection, 'PLUGIN_NOT_DRAINED', 'p');
    expect(JSON.stringify(error.details)).not.toContain('innocent');
    gate.resolve();
    await Promise.all(emissions);
  });
});
