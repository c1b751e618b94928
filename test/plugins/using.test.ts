import { describe, expect, it } from 'vitest';
import { EventBus } from '../../src/index.js';
import { definePlugin, PluginError, PluginHost, typed } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { uncaughtDuring } from '../bus/uncaught.js';
import { errorsOf, expectError, nothingLeft, openStage } from './hosts.js';

const ignore = (): void => {};

describe('use', () => {
  it('returns the host', () => {
    const { host, plugin } = openStage();
    expect(
      host
        .use(plugin('a'))
        .use([plugin('b')])
        .use(false),
    ).toBe(host);
  });

  it('runs nothing of the plugin', async () => {
    const { bus, host, journal, plugin } = openStage();
    host.use(plugin('a'));
    await promisesSettled();
    expect(journal).toEqual([]);
    expect(bus.handlerCount()).toBe(0);
    expect(host.status()).toMatchObject([{ name: 'a', state: 'registered' }]);
  });

  it('takes nothing for nothing', async () => {
    const { host, states } = openStage();
    for (const nothing of [false, null, undefined, 0, ''] as const) host.use(nothing);
    host.use([false, [null, [undefined, 0, '']]]).use([]);
    await host.start();
    expect(states()).toEqual({});
  });

  it('takes arrays, nested ones too', async () => {
    const { host, plugin, tick } = openStage();
    host.use([plugin('a'), [plugin('b'), false, [plugin('c'), []]], null]);
    await host.start();
    expect(tick()).toEqual(['a', 'b', 'c']);
  });

  it('takes promises and modules, at their place', async () => {
    const { host, plugin, tick } = openStage();
    const late = deferred<object>();
    host
      .use(plugin('a'))
      .use(late.promise as never)
      .use({ default: plugin('c') } as never)
      .use([Promise.resolve({ default: plugin('d') }), Promise.resolve(plugin('e'))])
      .use(plugin('f'));
    const start = host.start();
    await promisesSettled();
    late.resolve(plugin('b'));
    await start;
    expect(tick()).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('takes dynamic imports', async () => {
    const { bus, host } = openStage();
    const seen: unknown[] = [];
    host.use(import('./fixtures/greeter.js'), { note: (text) => seen.push(text) });
    await host.start();
    bus.emitSync('tick');
    expect(seen).toEqual(['hello']);
  });

  it('takes thenables for promises', async () => {
    const { host, plugin, states } = openStage();
    // biome-ignore lint/suspicious/noThenProperty: it is what is tested
    const thenable = { then: (onFulfilled: (value: unknown) => void) => onFulfilled(plugin('a')) };
    host.use(thenable as never);
    await host.start();
    expect(states()).toEqual({ a: 'active' });
  });

  it('takes a promise of something falsy for nothing', async () => {
    const { host, plugin, states } = openStage();
    host.use([Promise.resolve(false as const), Promise.resolve(undefined), Promise.resolve(null)]).use(plugin('a'));
    await host.start();
    expect(states()).toEqual({ a: 'active' });
  });

  it('takes a promise of an object with handlers', async () => {
    const { bus, host } = openStage();
    let ticks = 0;
    host.use(Promise.resolve({ name: 'old', handlers: { tick: () => void (ticks += 1) } }));
    await host.start();
    bus.emitSync('tick');
    expect(ticks).toBe(1);
  });

  it('refuses options and settings for an array', () => {
    const { host, plugin } = openStage();
    const use = host.use.bind(host) as (...given: unknown[]) => unknown;
    expectError(
      thrownBy(() => use([plugin('a')], { level: 1 })),
      'INVALID_ARGUMENT',
      'array',
    );
    expectError(
      thrownBy(() => use([plugin('a')], undefined, { name: 'b' })),
      'INVALID_ARGUMENT',
      'array',
    );
    expect(host.status()).toEqual([]);
  });

  it('takes an array whole, or not at all', () => {
    const { host, plugin } = openStage();
    expectError(
      thrownBy(() => host.use([plugin('a'), [5 as never]])),
      'INVALID_PLUGIN',
    );
    expect(host.status()).toEqual([]);
  });

  it('gives the options to setup, an object of none where they were left out', async () => {
    const { host } = openStage();
    const seen: unknown[] = [];
    const options = typed<{ level?: number }>();
    const minify = definePlugin({
      name: 'minify',
      version: '1.0.0',
      options,
      setup: (_, given) => void seen.push(given),
    });
    host.use(minify, { level: 2 }).use(minify, undefined, { name: 'other' });
    await host.start();
    expect(seen).toEqual([{ level: 2 }, {}]);
  });

  it('gives options to a plugin that is promised', async () => {
    const { host } = openStage();
    const seen: unknown[] = [];
    const options = typed<{ level: number }>();
    const minify = definePlugin({
      name: 'minify',
      version: '1.0.0',
      options,
      setup: (_, given) => void seen.push(given),
    });
    host.use(Promise.resolve({ default: minify }), { level: 3 });
    await host.start();
    expect(seen).toEqual([{ level: 3 }]);
  });

  it.each(['starting', 'started'] as const)(
    'is ALREADY_STARTED where the host is %s, and says what to use',
    async (state) => {
      const { host, plugin, states } = openStage();
      const gate = deferred();
      host.use(plugin('a', { setup: () => gate.promise }));
      const start = host.start();
      await promisesSettled();
      if (state === 'started') {
        gate.resolve();
        await start;
      }
      expect(host.state).toBe(state);
      expectError(
        thrownBy(() => host.use(plugin('b'))),
        'ALREADY_STARTED',
        'add',
      );
      gate.resolve();
      await start;
      expect(states()).toEqual({ a: 'active' });
    },
  );

  it('works again once the host has stopped', async () => {
    const { host, plugin, tick } = openStage();
    host.use(plugin('a'));
    await host.start();
    await host.stop();
    host.use(plugin('b'));
    await host.start();
    expect(tick()).toEqual(['a', 'b']);
  });
});

describe('a name that is used twice', () => {
  it('is DUPLICATE_PLUGIN at once where it is known, and says what to do', async () => {
    const { host, plugin, tick } = openStage();
    host.use(plugin('parser'));
    const error = thrownBy(() => host.use(plugin('parser', { version: '2.0.0' })));
    expectError(error, 'DUPLICATE_PLUGIN', 'parser', 'name');
    expect(error).toMatchObject({ plugin: 'parser' });
    await host.start();
    expect(tick()).toEqual(['parser']);
  });

  it('is DUPLICATE_PLUGIN within an array, of which nothing is used then', () => {
    const { host, plugin } = openStage();
    expectError(
      thrownBy(() => host.use([plugin('a'), plugin('parser'), [plugin('parser')]])),
      'DUPLICATE_PLUGIN',
      'parser',
    );
    expect(host.status()).toEqual([]);
  });

  it('is DUPLICATE_PLUGIN at the start where it was not known before', async () => {
    const { bus, host, journal, plugin } = openStage();
    host.use(plugin('parser')).use(Promise.resolve(plugin('parser')));
    expectError(await rejectionOf(host.start()), 'DUPLICATE_PLUGIN', 'parser');
    expect(journal).toEqual([]);
    expect(bus.handlerCount()).toBe(0);
  });

  it('is fine under another name: the same plugin, twice', async () => {
    const { bus, host } = openStage();
    const seen: unknown[] = [];
    const counter = definePlugin({
      name: 'counter',
      version: '1.0.0',
      options: typed<{ step: number }>(),
      state: () => ({ count: 0 }),
      setup(ctx, { step }) {
        ctx.on('tick', () => {
          ctx.state.count += step;
          seen.push([ctx.name, ctx.state.count]);
        });
      },
    });
    host.use(counter, { step: 1 }).use(counter, { step: 10 }, { name: 'tens' });
    await host.start();
    bus.emitSync('tick');
    bus.emitSync('tick');
    expect(seen).toEqual([
      ['counter', 1],
      ['tens', 10],
      ['counter', 2],
      ['tens', 20],
    ]);
    expect(bus.inspect().groups.map(({ name }) => name)).toEqual(['counter', 'tens']);
  });

  it('is the name that settings give, for duplicates too', () => {
    const { host, plugin } = openStage();
    host.use(plugin('a'), undefined, { name: 'parser' });
    expectError(
      thrownBy(() => host.use(plugin('parser'))),
      'DUPLICATE_PLUGIN',
      'parser',
    );
    host.use(plugin('a'));
    expect(host.status().map(({ name }) => name)).toEqual(['parser', 'a']);
  });
});

describe('a promise that rejects', () => {
  it('is PLUGIN_LOAD_FAILED at the start, and never unhandled', async () => {
    const { bus, host, journal, plugin } = openStage();
    const cause = new Error('no such file');
    const uncaught = await uncaughtDuring(async () => {
      host
        .use(plugin('a'))
        .use(Promise.reject(cause))
        .use([Promise.reject(cause)]);
      await promisesSettled();
    });
    expect(uncaught).toEqual([]);
    const errors = errorsOf(await rejectionOf(host.start()));
    expect(errors).toHaveLength(2);
    for (const error of errors) {
      expectError(error, 'PLUGIN_LOAD_FAILED', 'no such file');
      expect(error).toBeInstanceOf(PluginError);
      expect(error).toMatchObject({ phase: 'load', cause });
    }
    expect(journal).toEqual([]);
    expect(bus.handlerCount()).toBe(0);
  });

  it('is never unhandled either where the host is never started, or use refuses it', async () => {
    const { host, plugin } = openStage();
    const uncaught = await uncaughtDuring(async () => {
      host.use(Promise.reject(new Error('no such file')));
      thrownBy(() => host.use([Promise.reject(new Error('no such file')), 5 as never]));
      host.use(Promise.reject(new Error('no such file')), undefined, { when: () => false });
      host.use(plugin('a'));
      await promisesSettled();
    });
    expect(uncaught).toEqual([]);
  });

  it('is known by the name that settings give', async () => {
    const { host } = openStage();
    host.use(Promise.reject(new Error('no such file')), undefined, { name: 'parser' });
    const error = await rejectionOf(host.start());
    expectError(error, 'PLUGIN_LOAD_FAILED', 'parser');
    expect(error).toMatchObject({ plugin: 'parser' });
  });

  it('does not hinder the others where the host continues', async () => {
    const { host, plugin, reports, tick } = openStage({ onSetupError: 'continue' });
    host.use(plugin('a')).use(Promise.reject(new Error('no such file')), undefined, { name: 'parser' });
    await host.start();
    expect(tick()).toEqual(['a']);
    expect(reports).toMatchObject([{ code: 'PLUGIN_LOAD_FAILED', plugin: 'parser' }]);
    expect(host.plugin('parser')).toMatchObject({ state: 'failed', version: undefined });
  });
});

describe('a promise of what is no plugin', () => {
  it.each([[5], ['minify'], [{}], [{ default: 5 }], [[]]])('is INVALID_PLUGIN at the start: %j', async (given) => {
    const { host } = openStage();
    host.use(Promise.resolve(given) as never);
    expectError(await rejectionOf(host.start()), 'INVALID_PLUGIN');
  });

  it('such as a factory, says to call it', async () => {
    const { host } = openStage();
    const factory = definePlugin(() => ({ name: 'minify', version: '1.0.0' }));
    host.use(Promise.resolve({ default: factory }) as never);
    const error = await rejectionOf(host.start());
    expectError(error, 'INVALID_PLUGIN');
    expect((error as Error).message).toMatch(/call/i);
  });
});

describe('a descriptor', () => {
  it('is loaded by the start, not before', async () => {
    const { host, plugin, states, tick } = openStage();
    let loads = 0;
    host.use({
      name: 'parser',
      load: () => {
        loads += 1;
        return plugin('parser');
      },
    });
    await promisesSettled();
    expect(loads).toBe(0);
    expect(host.status()).toMatchObject([{ name: 'parser', version: undefined, state: 'registered' }]);
    await host.start();
    expect(loads).toBe(1);
    expect(states()).toEqual({ parser: 'active' });
    expect(tick()).toEqual(['parser']);
  });

  it.each([
    ['a plugin', (plugin: unknown) => plugin],
    ['a promise of one', (plugin: unknown) => Promise.resolve(plugin)],
    ['a module', (plugin: unknown) => ({ default: plugin })],
    ['a promise of a module', (plugin: unknown) => Promise.resolve({ default: plugin })],
  ])('may load %s', async (_, wrap) => {
    const { host, plugin, states } = openStage();
    host.use({ name: 'parser', load: () => wrap(plugin('parser')) });
    await host.start();
    expect(states()).toEqual({ parser: 'active' });
  });

  it('may load an object with handlers', async () => {
    const { bus, host } = openStage();
    let ticks = 0;
    host.use({ name: 'old', load: () => ({ name: 'old', handlers: { tick: () => void (ticks += 1) } }) });
    await host.start();
    bus.emitSync('tick');
    expect(ticks).toBe(1);
  });

  it('is called by its own name until it is loaded, then by that of the plugin', async () => {
    const { host, plugin } = openStage();
    host.use({ name: 'parser-package', load: () => plugin('parser') });
    expect(host.status()).toMatchObject([{ name: 'parser-package' }]);
    await host.start();
    expect(host.status()).toMatchObject([{ name: 'parser', version: '1.0.0', state: 'active' }]);
  });

  it('is DUPLICATE_PLUGIN where it turns out to be another under a name that is used', async () => {
    const { host, journal, plugin } = openStage();
    host.use(plugin('parser')).use({ name: 'parser-package', load: () => plugin('parser') });
    expectError(await rejectionOf(host.start()), 'DUPLICATE_PLUGIN', 'parser');
    expect(journal).toEqual([]);
  });

  it('gets options and settings like a plugin', async () => {
    const { host } = openStage();
    const seen: unknown[] = [];
    const minify = definePlugin({
      name: 'minify',
      version: '1.0.0',
      options: typed<{ level: number }>(),
      setup: (ctx, options) => void seen.push(ctx.name, options),
    });
    host.use({ name: 'minify', load: () => minify }, { level: 1 }, { name: 'mini' });
    await host.start();
    expect(seen).toEqual(['mini', { level: 1 }]);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no such file');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no such file'))],
  ])('whose load %s is PLUGIN_LOAD_FAILED, which says where it comes from', async (_, load) => {
    const { host } = openStage();
    host.use({ name: 'parser', source: '/app/node_modules/parser', load });
    const error = await rejectionOf(host.start());
    expectError(error, 'PLUGIN_LOAD_FAILED', 'parser', '/app/node_modules/parser', 'no such file');
    expect(error).toMatchObject({ plugin: 'parser', phase: 'load', cause: { message: 'no such file' } });
    expect(host.state).toBe('idle');
  });

  it('whose load takes too long is PLUGIN_LOAD_FAILED by a TimeoutError', async () => {
    const { clock, host, plugin } = openStage({ loadTimeoutMs: 500 });
    host.use(plugin('a')).use({ name: 'parser', load: () => new Promise(ignore) });
    const rejection = rejectionOf(host.start());
    await clock.advance(499);
    expect(host.state).toBe('starting');
    await clock.advance(1);
    const error = await rejection;
    expectError(error, 'PLUGIN_LOAD_FAILED', 'parser', '500');
    expect(error).toMatchObject({ cause: { name: 'TimeoutError' } });
    expect(clock.pending).toBe(0);
  });

  it('has 10 seconds to load, unless told otherwise', async () => {
    const { clock, host } = openStage();
    host.use({ name: 'parser', load: () => new Promise(ignore) });
    const rejection = rejectionOf(host.start());
    await clock.advance(9_999);
    expect(host.state).toBe('starting');
    await clock.advance(1);
    expectError(await rejection, 'PLUGIN_LOAD_FAILED');
  });

  it('is loaded again by the next start where that failed', async () => {
    const { host, plugin, states } = openStage();
    let loads = 0;
    const load = () => {
      loads += 1;
      if (loads === 1) throw new Error('no such file');
      return plugin('parser');
    };
    host.use({ name: 'parser', load });
    expectError(await rejectionOf(host.start()), 'PLUGIN_LOAD_FAILED');
    await host.start();
    expect(states()).toEqual({ parser: 'active' });
    expect(loads).toBe(2);
  });

  it('that loads what is no plugin is INVALID_PLUGIN', async () => {
    const { host } = openStage();
    host.use({ name: 'parser', load: () => ({ parse: ignore }) });
    expectError(await rejectionOf(host.start()), 'INVALID_PLUGIN', 'parser');
  });

  it('whose manifest asks for another plugin API is not loaded', async () => {
    const { host } = openStage({ api: '2.3.0' });
    let loads = 0;
    host.use({ name: 'parser', api: '^1', load: () => void (loads += 1) });
    expectError(await rejectionOf(host.start()), 'UNSUPPORTED_API', 'parser', '2.3.0', '^1');
    expect(loads).toBe(0);
  });

  it('whose plugin asks for another plugin API than its manifest is refused once loaded', async () => {
    const { host, plugin } = openStage({ api: '2.3.0' });
    host.use({ name: 'parser', api: '^2', load: () => plugin('parser', { api: '^3' }) });
    expectError(await rejectionOf(host.start()), 'UNSUPPORTED_API', 'parser', '2.3.0', '^3');
  });

  it('is refused at once where its load is no function, or it has no name', () => {
    const { host } = openStage();
    const use = (given: unknown) => thrownBy(() => host.use(given as never));
    expectError(use({ name: 'parser', load: './parser.js' }), 'INVALID_PLUGIN', 'parser');
    expectError(use({ load: ignore }), 'INVALID_PLUGIN', 'name');
    expectError(use({ name: 'parser', api: 'two', load: ignore }), 'INVALID_PLUGIN', 'parser', 'api');
  });

  it('that loads overlap with others', async () => {
    const { host, plugin, states } = openStage();
    const [first, second] = [deferred(), deferred()];
    const begun: string[] = [];
    const loading = (name: string, gate: Promise<void>) => ({
      name,
      load: async () => {
        begun.push(name);
        await gate;
        return plugin(name);
      },
    });
    host.use([loading('a', first.promise), loading('b', second.promise)]);
    const start = host.start();
    await promisesSettled();
    expect(begun).toEqual(['a', 'b']);
    second.resolve();
    await promisesSettled();
    first.resolve();
    await start;
    expect(states()).toEqual({ a: 'active', b: 'active' });
  });
});

describe('settings', () => {
  it.each([
    ['nam', 'name'],
    ['timeout', 'timeoutMs'],
    ['alow', 'allow'],
    ['When', 'when'],
  ])('refuse %s, and say that %s was meant', (option, meant) => {
    const { host, plugin } = openStage();
    const error = thrownBy(() => host.use(plugin('a'), undefined, { [option]: 1 }));
    expectError(error, 'UNKNOWN_OPTION', option, meant);
    expect(host.status()).toEqual([]);
  });

  it.each([
    [{ name: '' }],
    [{ name: 5 }],
    [{ when: true }],
    [{ filter: 'order.*' }],
    [{ timeoutMs: 0 }],
    [{ timeoutMs: '5' }],
    [{ priority: Number.NaN }],
    [{ priority: 'high' }],
    [{ allow: ['order.*'] }],
    [{ allow: { on: 'order.*' } }],
    [{ allow: { on: [5] } }],
    [{ allow: { emit: 'order.*' } }],
    [{ setupTimeoutMs: -1 }],
    [{ teardownTimeoutMs: Number.NaN }],
  ])('refuse %j', (settings) => {
    const { host, plugin } = openStage();
    const error = thrownBy(() => host.use(plugin('parser'), undefined, settings as never));
    expectError(error, 'INVALID_OPTION', Object.keys(settings)[0] as string);
    expect(host.status()).toEqual([]);
  });

  it.each(['on', 'emit'] as const)('refuse what is no pattern in a list of allowed events: %s', (list) => {
    const { host, plugin } = openStage();
    const error = thrownBy(() => host.use(plugin('parser'), undefined, { allow: { [list]: ['order.**.placed'] } }));
    expect(error).toMatchObject({ code: expect.stringMatching(/^INVALID_(OPTION|PATTERN)$/) });
    expect((error as Error).message).toContain('order.**.placed');
    expect(host.status()).toEqual([]);
  });

  it('refuse a list of allowed events under an unknown name', () => {
    const { host, plugin } = openStage();
    const error = thrownBy(() => host.use(plugin('parser'), undefined, { allow: { emits: [] } } as never));
    expectError(error, 'UNKNOWN_OPTION', 'emits', 'emit');
  });

  it('are an object', () => {
    const { host, plugin } = openStage();
    expectError(
      thrownBy(() => host.use(plugin('parser'), undefined, 5 as never)),
      'INVALID_ARGUMENT',
    );
  });
});

describe('a host', () => {
  it('has its options, or their defaults', () => {
    const bus = new EventBus();
    expect(new PluginHost(bus)).toMatchObject({ name: 'host', api: '1.0.0', state: 'idle' });
    expect(new PluginHost(bus, { name: 'shop', api: '2.3.0' })).toMatchObject({ name: 'shop', api: '2.3.0' });
  });

  it.each([
    ['nmae', 'name'],
    ['setupTimeout', 'setupTimeoutMs'],
    ['onSetupErrors', 'onSetupError'],
    ['service', 'services'],
  ])('refuses the option %s, and says that %s was meant', (option, meant) => {
    const error = thrownBy(() => new PluginHost(new EventBus(), { [option]: 1 }));
    expectError(error, 'UNKNOWN_OPTION', option, meant);
  });

  it.each([
    [{ name: 5 }],
    [{ api: '2' }],
    [{ api: '^2.0.0' }],
    [{ api: 2 }],
    [{ apis: { '1.x': 'adapter' } }],
    [{ apis: { one: ignore } }],
    [{ services: 5 }],
    [{ onSetupError: 'ignore' }],
    [{ loadTimeoutMs: -1 }],
    [{ setupTimeoutMs: 'long' }],
    [{ teardownTimeoutMs: Number.NaN }],
    [{ drainMs: -1 }],
    [{ slowAfterMs: -1 }],
    [{ log: console }],
  ])('refuses %j', (options) => {
    const error = thrownBy(() => new PluginHost(new EventBus(), options as never));
    expectError(error, 'INVALID_OPTION', Object.keys(options)[0] as string);
  });

  it.each([[undefined], [null], [{}], [EventBus]])('refuses %s for a bus', (bus) => {
    expectError(
      thrownBy(() => new PluginHost(bus as never)),
      'INVALID_ARGUMENT',
      'bus',
    );
  });

  it('refuses options that are no object', () => {
    expectError(
      thrownBy(() => new PluginHost(new EventBus(), 5 as never)),
      'INVALID_ARGUMENT',
    );
  });

  it('leaves the bus alone until it is started', () => {
    const { footprint, host, plugin } = openStage();
    host.use(plugin('a'));
    expect(footprint()).toEqual(nothingLeft);
  });
});
