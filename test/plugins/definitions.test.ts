import { describe, expect, it } from 'vitest';
import { broadcast, defineEvents, type EmissionContext, EventBus } from '../../src/index.js';
import { definePlugin, PluginError, PluginHost, pluginsFor, typed } from '../../src/plugins/index.js';
import { thrownBy } from '../bus/deferred.js';
import { expectError, openStage } from './hosts.js';

const define = (spec: unknown): unknown => definePlugin(spec as never);
const spec = { name: 'acme.minify', version: '3.1.0' };

describe('definePlugin', () => {
  it('makes a plugin of a specification, with defaults for what is left out', () => {
    expect(definePlugin(spec)).toMatchObject({
      name: 'acme.minify',
      version: '3.1.0',
      api: undefined,
      requires: {},
      optional: {},
      before: [],
      after: [],
      declares: {},
    });
  });

  it('keeps what is given', () => {
    const given = {
      ...spec,
      api: '^2.0',
      requires: { 'acme.parser': '^1' },
      optional: { 'acme.cache': '*' },
      before: ['acme.print'],
      after: ['acme.parser'],
      declares: defineEvents({ 'acme.minify.saved': broadcast<{ bytes: number }>() }),
    };
    expect(definePlugin(given)).toMatchObject(given);
  });

  it('freezes the plugin', () => {
    expect(Object.isFrozen(definePlugin(spec))).toBe(true);
  });

  it('does not change the specification, nor is changed with it', () => {
    const requires: Record<string, string> = { 'acme.parser': '^1' };
    const given = { ...spec, requires };
    const plugin = definePlugin(given);
    expect(Object.isFrozen(given)).toBe(false);
    given.name = 'other';
    expect(plugin.name).toBe('acme.minify');
  });

  it('has a property for the compiler that is not there', () => {
    expect('~types' in definePlugin(spec)).toBe(false);
  });

  it.each([
    ['api', 'two'],
    ['api', 2],
    ['requires', { 'acme.parser': 'one' }],
    ['requires', { 'acme.parser': 1 }],
    ['requires', ['acme.parser']],
    ['requires', 'acme.parser'],
    ['optional', { 'acme.cache': 'any thing' }],
    ['optional', ['acme.cache']],
    ['before', 'acme.print'],
    ['before', [1]],
    ['before', {}],
    ['after', 'acme.print'],
    ['after', [undefined]],
    ['handlers', 5],
    ['handlers', () => {}],
    ['handlers', [() => {}]],
    ['handlers', { tick: 5 }],
    ['handlers', { tick: {} }],
    ['handlers', { tick: { handle: 'tick' } }],
    ['setup', 'setup'],
    ['setup', {}],
    ['ready', 5],
    ['teardown', true],
    ['state', {}],
    ['options', 5],
    ['options', { level: 'number' }],
    ['services', 5],
    ['services', { db: 5 }],
    ['declares', { 'acme.saved': {} }],
    ['events', 5],
    ['version', undefined],
    ['version', 'one'],
    ['version', '1.0'],
    ['version', 1],
    ['version', ''],
  ])('refuses %s: %j, and names the plugin and the field', (field, value) => {
    const error = thrownBy(() => define({ ...spec, [field]: value }));
    expectError(error, 'INVALID_PLUGIN', 'acme.minify', field);
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ plugin: 'acme.minify', phase: 'validate' });
  });

  it.each([[undefined], [''], [5], [null], [Symbol('minify')]])('refuses a name that is %s', (name) => {
    expectError(
      thrownBy(() => define({ ...spec, name })),
      'INVALID_PLUGIN',
      'name',
    );
  });

  it('names the handler that is none', () => {
    const error = thrownBy(() => define({ ...spec, handlers: { tick: () => {}, 'order.placed': 'log' } }));
    expectError(error, 'INVALID_PLUGIN', 'acme.minify', 'order.placed');
  });

  it('names the dependency whose range is none', () => {
    const error = thrownBy(() => define({ ...spec, requires: { 'acme.parser': '^1', 'acme.cache': 'latest' } }));
    expectError(error, 'INVALID_PLUGIN', 'acme.cache', 'latest');
  });

  it.each([
    ['setpu', 'setup'],
    ['require', 'requires'],
    ['tearDown', 'teardown'],
    ['handler', 'handlers'],
    ['onReady', 'ready'],
  ])('refuses an unknown field %s, and says that %s was meant', (field, meant) => {
    const error = thrownBy(() => define({ ...spec, [field]: () => {} }));
    expectError(error, 'INVALID_PLUGIN', 'acme.minify', field, meant);
  });

  it('refuses an unknown field that is like none', () => {
    expectError(
      thrownBy(() => define({ ...spec, description: 'Minifies.' })),
      'INVALID_PLUGIN',
      'acme.minify',
      'description',
    );
  });

  it.each([[undefined], [null], [5], ['acme.minify'], [[]], [Promise.resolve(spec)]])('refuses %s', (given) => {
    expectError(
      thrownBy(() => define(given)),
      'INVALID_PLUGIN',
    );
  });

  it('takes prereleases and build metadata as versions', () => {
    for (const version of ['1.0.0-beta.1', '1.0.0+build.5', '0.0.0']) {
      expect(definePlugin({ ...spec, version }).version).toBe(version);
    }
  });

  it('takes fields that are undefined for left out', () => {
    expect(definePlugin({ ...spec, api: undefined, requires: undefined, before: undefined })).toMatchObject({
      api: undefined,
      requires: {},
      before: [],
    });
  });
});

describe('a factory', () => {
  it('becomes a function with the same parameters, which returns a plugin at each call', async () => {
    const { bus, host } = openStage();
    const seen: unknown[] = [];
    const greeter = definePlugin((name: string, greeting: 'hello' | 'good morning' = 'hello') => ({
      name,
      version: '1.0.0',
      setup: (ctx: { on: (type: string, handler: () => void) => unknown }) => {
        ctx.on('tick', () => void seen.push(`${greeting} from ${name}`));
      },
    }));
    const first = greeter('first');
    expect(first).toMatchObject({ name: 'first', version: '1.0.0', requires: {} });
    expect(Object.isFrozen(first)).toBe(true);
    expect(greeter('first')).not.toBe(first);
    host.use(first).use(greeter('second', 'good morning'));
    await host.start();
    bus.emitSync('tick');
    expect(seen).toEqual(['hello from first', 'good morning from second']);
  });

  it('is not called before that, and what it returns is checked then', () => {
    let calls = 0;
    const broken = definePlugin(() => {
      calls += 1;
      return { name: 'acme.broken', version: 'none' };
    });
    expect(calls).toBe(0);
    expectError(
      thrownBy(() => broken()),
      'INVALID_PLUGIN',
      'acme.broken',
      'version',
    );
    expect(calls).toBe(1);
  });

  it.each([[undefined], [Promise.resolve(spec)]])('that returns %s is refused', (returned) => {
    const factory = definePlugin((() => returned) as never) as unknown as () => unknown;
    expectError(thrownBy(factory), 'INVALID_PLUGIN');
  });

  it('that throws, throws', () => {
    const thrown = new Error('no level');
    const factory = definePlugin((): typeof spec => {
      throw thrown;
    });
    expect(thrownBy(() => factory())).toBe(thrown);
  });
});

describe('pluginsFor', () => {
  it('defines plugins in the same way', () => {
    interface Shop {
      'order.placed': { id: string };
    }
    const { definePlugin: defineShopPlugin } = pluginsFor<Shop>();
    expect(defineShopPlugin(spec)).toEqual(definePlugin(spec));
    expect(defineShopPlugin((name: string) => ({ ...spec, name }))('other')).toMatchObject({ name: 'other' });
    expectError(
      thrownBy(() => defineShopPlugin({ ...spec, version: 'none' })),
      'INVALID_PLUGIN',
      'acme.minify',
      'version',
    );
  });
});

describe('handlers', () => {
  it('hear events, patterns, and events named by symbols', async () => {
    const { bus, host } = openStage();
    const stopped = Symbol('stopped');
    const seen: unknown[] = [];
    const note = (payload: unknown, ctx: unknown) => void seen.push([String((ctx as { type: unknown }).type), payload]);
    host.use({ name: 'audit', handlers: { 'order.placed': note, 'user.*': note, [stopped]: note } });
    await host.start();
    bus.emitSync('order.placed', 1);
    bus.emitSync('user.seen', 2);
    bus.emitSync('user.left', 3);
    (bus as unknown as EventBus<{ [stopped]: number }>).emitSync(stopped, 4);
    bus.emitSync('other', 5);
    expect(seen).toEqual([
      ['order.placed', 1],
      ['user.seen', 2],
      ['user.left', 3],
      ['Symbol(stopped)', 4],
    ]);
  });

  it('may be entries with the options of their subscription', async () => {
    const { bus, host } = openStage();
    const seen: unknown[] = [];
    host.use(
      definePlugin({
        ...spec,
        handlers: {
          tick: () => void seen.push('plain'),
          '*': { handle: () => void seen.push('urgent'), priority: 5, times: 1, name: 'urgent' },
          tock: { handle: (n) => void seen.push(n), filter: (n) => (n as number) > 1 },
        },
      }),
    );
    await host.start();
    expect(bus.inspect().listeners).toMatchObject([{ name: 'urgent', priority: 5, group: 'acme.minify' }]);
    bus.emitSync('tick');
    bus.emitSync('tick');
    bus.emitSync('tock', 1);
    bus.emitSync('tock', 2);
    expect(seen).toEqual(['urgent', 'plain', 'plain', 2]);
  });

  it('are subscribed before setup runs, so that they come first', async () => {
    const { bus, host } = openStage();
    const seen: string[] = [];
    host.use(
      definePlugin({
        ...spec,
        setup: (ctx) => void ctx.on('tick', () => void seen.push('setup')),
        handlers: { tick: () => void seen.push('handlers') },
      }),
    );
    await host.start();
    bus.emitSync('tick');
    expect(seen).toEqual(['handlers', 'setup']);
  });

  it('have the object that they stand in as `this`', async () => {
    const { bus, host } = openStage();
    const seen: unknown[] = [];
    const handlers = {
      tick(this: unknown) {
        seen.push(this);
      },
      tock: {
        handle(this: unknown) {
          seen.push(this);
        },
      },
    };
    host.use({ name: 'object', handlers }).use(definePlugin({ ...spec, handlers }));
    await host.start();
    bus.emitSync('tick');
    bus.emitSync('tock');
    expect(seen).toEqual([handlers, handlers, handlers.tock, handlers.tock]);
    expect(seen.every((each) => each === handlers || each === handlers.tock)).toBe(true);
  });

  it('get the payload and the context of the emission', async () => {
    const { bus, host } = openStage();
    let seen: EmissionContext | undefined;
    host.use(
      definePlugin({
        ...spec,
        handlers: { tick: (_payload, ctx) => void (seen = ctx) },
      }),
    );
    await host.start();
    bus.emitSync('tick', 5, { meta: { trace: 't1' } });
    expect(seen).toMatchObject({ type: 'tick', payload: 5, meta: { trace: 't1' }, sync: true });
  });

  it('refuse options that no subscription has', () => {
    const handlers = { tick: { handle: () => {}, priorty: 1 } };
    const error = thrownBy(() => define({ ...spec, handlers }));
    expectError(error, 'INVALID_PLUGIN', 'acme.minify', 'tick', 'priorty', 'priority');
  });

  it('refuse options that no subscription takes', () => {
    const handlers = { tick: { handle: () => {}, priority: 'high' } };
    expectError(
      thrownBy(() => define({ ...spec, handlers })),
      'INVALID_PLUGIN',
      'acme.minify',
      'tick',
      'priority',
    );
  });

  it('refuse names that are no patterns', () => {
    const error = thrownBy(() => define({ ...spec, handlers: { 'order.**.placed': () => {} } }));
    expectError(error, 'INVALID_PLUGIN', 'acme.minify', 'order.**.placed');
  });
});

describe('what is no plugin', () => {
  it.each([[5], ['acme.minify'], [true], [Symbol('minify')], [{}], [{ name: 'acme.minify' }], [new Map()]])(
    'is refused by use: %s',
    (given) => {
      const { host } = openStage();
      expectError(
        thrownBy(() => host.use(given as never)),
        'INVALID_PLUGIN',
      );
      expect(host.status()).toEqual([]);
    },
  );

  it('is a factory that was not called; the error says so', () => {
    const { host } = openStage();
    const minify = definePlugin((level: number) => ({ ...spec, options: typed<undefined>(), setup: () => level }));
    const error = thrownBy(() => host.use(minify as never));
    expectError(error, 'INVALID_PLUGIN');
    expect((error as Error).message).toMatch(/call/i);
  });

  it('is a function or a class, by the name of which the error knows it', () => {
    const { host } = openStage();
    class MinifyPlugin {
      readonly name = 'minify';
    }
    expectError(
      thrownBy(() => host.use(MinifyPlugin as never)),
      'INVALID_PLUGIN',
      'MinifyPlugin',
    );
    function makeMinify(): typeof spec {
      return spec;
    }
    expectError(
      thrownBy(() => host.use(makeMinify as never)),
      'INVALID_PLUGIN',
      'makeMinify',
    );
  });

  it('is nothing that a host of another bus would take', () => {
    expectError(
      thrownBy(() => new PluginHost(new EventBus()).use(new PluginHost(new EventBus()) as never)),
      'INVALID_PLUGIN',
    );
  });
});

describe('the functions of a plugin', () => {
  it('have the plugin as `this`', async () => {
    const { host } = openStage();
    const seen: unknown[] = [];
    const plugin = definePlugin({
      ...spec,
      setup() {
        seen.push(this.name);
      },
      ready() {
        seen.push(this.version);
      },
      teardown() {
        seen.push(this.name);
      },
    });
    host.use(plugin);
    await host.start();
    await host.stop();
    expect(seen).toEqual(['acme.minify', '3.1.0', 'acme.minify']);
  });

  it('may be methods of a class, whose instance is given to definePlugin', async () => {
    const { host } = openStage();
    const seen: string[] = [];
    class Minify {
      readonly name = 'minify';
      readonly version = '1.0.0';
      setup(): void {
        seen.push('setup');
      }
      teardown(): void {
        seen.push('teardown');
      }
    }
    host.use(definePlugin(new Minify()));
    await host.start();
    await host.stop();
    expect(seen).toEqual(['setup', 'teardown']);
  });
});

describe('names that every object has', () => {
  it('are names of events like any other', async () => {
    const { bus, host } = openStage();
    const seen: string[] = [];
    const handlers = Object.fromEntries(
      ['constructor', 'toString', 'hasOwnProperty'].map((type) => [type, () => void seen.push(type)]),
    );
    host.use({ name: 'audit', handlers });
    await host.start();
    for (const type of Object.keys(handlers)) bus.emitSync(type);
    expect(seen).toEqual(['constructor', 'toString', 'hasOwnProperty']);
  });
});
