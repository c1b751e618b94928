import { describe, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import {
  around,
  type BusObserver,
  broadcast,
  collect,
  defineEvents,
  type EmissionContext,
  type EmitResult,
  EventBus,
  first,
  type Unsubscribe,
  waterfall,
} from '../../src/index.js';
import {
  type ApiAdapter,
  type ApiOf,
  definePlugin,
  type ExplainedHandler,
  type Explanation,
  type HeardEvent,
  type HostedPlugin,
  type LogEntry,
  type OptionsOf,
  type PluginContext,
  type PluginDescriptor,
  PluginError,
  type PluginHandle,
  PluginHost,
  type PluginHostConstructor,
  type PluginHostOptions,
  type PluginReference,
  type PluginState,
  type PluginStatus,
  PluginsError,
  pluginsFor,
  type StartOptions,
  type StopOptions,
  type TakeOutOptions,
  typed,
  type UseSettings,
} from '../../src/plugins/index.js';

const tick = Symbol('tick');

interface Shop {
  'order.placed': { id: string; total: number };
  'order.paid': { id: string; method: string };
  'user.seen': { at: number };
  'shop.closed': void;
  [tick]: number;
}

const shop = new EventBus<Shop>();

const events = defineEvents({
  'order.placed': broadcast<{ id: string }>(),
  'html.transform': waterfall<{ html: string; file: string }>(),
  'path.resolve': first<{ id: string }, string>(),
  'code.lint': collect<string, { text: string }>(),
  'http.request': around<URL, number>(),
  'user.saved': broadcast(z.object({ age: z.string().transform(Number) })),
});
const bus = new EventBus({ events });

const spec = { name: 'acme.minify', version: '3.1.0' };

/** Knows the declared events, takes options, brings an event along, and has an API. */
const minify = definePlugin({
  ...spec,
  events,
  options: typed<{ level?: number }>(),
  declares: defineEvents({ 'minify.saved': broadcast<{ bytes: number }>() }),
  state: () => ({ count: 0 }),
  setup(ctx, options) {
    expectTypeOf(options).toEqualTypeOf<{ level?: number }>();
    expectTypeOf(ctx.options).toEqualTypeOf<{ level?: number }>();
    expectTypeOf(ctx.state).toEqualTypeOf<{ count: number }>();
    return { stats: () => ctx.state.count };
  },
});

describe('definePlugin', () => {
  it('knows what is declared: payloads, and what handlers return', () => {
    definePlugin({
      ...spec,
      events,
      setup(ctx) {
        ctx.on('order.placed', (order) => {
          expectTypeOf(order).toEqualTypeOf<{ id: string }>();
        });
        ctx.on('html.transform', ({ html, file }) => ({ html, file }));
        ctx.on('html.transform', async ({ html, file }) => ({ html, file }));
        ctx.on('path.resolve', ({ id }) => (id === '' ? undefined : id));
        ctx.on('code.lint', (code) => ({ text: code }));
        ctx.on('http.request', (url, emission) => (url.host === '' ? 404 : emission.next()));
        ctx.on('user.saved', ({ age }) => {
          expectTypeOf(age).toEqualTypeOf<number>();
        });
        // @ts-expect-error -- the file is missing
        ctx.on('html.transform', ({ html }) => ({ html }));
        // @ts-expect-error -- an answer of another type
        ctx.on('path.resolve', () => 5);
        // @ts-expect-error -- no such event
        ctx.on('html.transfrom', () => {});
        // @ts-expect-error -- no such property
        ctx.on('order.placed', ({ total }) => total);
        // @ts-expect-error -- no such option
        ctx.on('order.placed', () => {}, { prority: 5 });
      },
    });
  });

  it('knows the events of a type', () => {
    definePlugin({
      ...spec,
      events: typed<Shop>(),
      setup(ctx) {
        ctx.on('order.placed', (order) => {
          expectTypeOf(order).toEqualTypeOf<Shop['order.placed']>();
        });
        ctx.once('shop.closed', (payload) => {
          expectTypeOf(payload).toEqualTypeOf<void>();
        });
        ctx.on(tick, (n) => {
          expectTypeOf(n).toEqualTypeOf<number>();
        });
        // @ts-expect-error -- no such event
        ctx.once('order.plced', () => {});
      },
    });
  });

  it('knows names and payloads of what is emitted, and results', () => {
    definePlugin({
      ...spec,
      events,
      async ready(ctx) {
        expectTypeOf(ctx.emit('order.placed', { id: 'o1' })).toEqualTypeOf<Promise<EmitResult<'order.placed'>>>();
        expectTypeOf(ctx.emitSync('html.transform', { html: '', file: '' }).value).toEqualTypeOf<{
          html: string;
          file: string;
        }>();
        await ctx.emit('user.saved', { age: '5' });
        ctx.post('order.placed', { id: 'o1' });
        void ctx.dispatch('path.resolve', { id: 'a' });
        void ctx.emit('http.request', new URL('http://a'), { core: () => 200 });
        // @ts-expect-error -- the output is for handlers
        void ctx.emit('user.saved', { age: 5 });
        // @ts-expect-error -- no such event
        void ctx.emit('order.plced', { id: 'o1' });
        // @ts-expect-error -- a property is missing
        ctx.post('order.placed', {});
        // @ts-expect-error -- patterns only listen
        void ctx.emit('order.*', { id: 'o1' });
      },
    });
  });

  it('types `handlers` as `ctx.on` does', () => {
    definePlugin({
      ...spec,
      events,
      handlers: {
        'order.placed': (order, ctx) => {
          expectTypeOf(order).toEqualTypeOf<{ id: string }>();
          expectTypeOf(ctx.type).toEqualTypeOf<'order.placed'>();
        },
        'html.transform': { handle: ({ html, file }) => ({ html, file }), priority: 3 },
        'user.saved': { handle: ({ age }) => age, filter: ({ age }) => age > 3, timeoutMs: 5, times: 1, name: 'x' },
        'code.lint': undefined,
      },
    });
    // @ts-expect-error -- no such event
    definePlugin({ ...spec, events, handlers: { 'order.plced': () => {} } });
    // @ts-expect-error -- the file is missing
    definePlugin({ ...spec, events, handlers: { 'html.transform': ({ html }) => ({ html }) } });
    // @ts-expect-error -- misspelt
    definePlugin({ ...spec, events, handlers: { 'order.placed': { handle: () => {}, prioriy: 3 } } });
    // @ts-expect-error -- no handler
    definePlugin({ ...spec, events, handlers: { 'order.placed': { priority: 3 } } });
  });

  it('has its name, its version and known fields', () => {
    const full = definePlugin({
      ...spec,
      api: '^2.0',
      requires: { 'acme.parser': '^1' },
      optional: { 'acme.cache': '*' },
      before: ['acme.print'],
      after: ['acme.parser'],
      teardown: async () => {},
      ready: () => {},
    });
    expectTypeOf(full.name).toEqualTypeOf<string>();
    expectTypeOf(full.version).toEqualTypeOf<string>();
    expectTypeOf(full.api).toEqualTypeOf<string | undefined>();
    expectTypeOf(full.requires).toEqualTypeOf<Readonly<Record<string, string>>>();
    // @ts-expect-error -- a plugin is what it is
    full.name = 'other';
    // @ts-expect-error -- it has a version
    definePlugin({ name: 'a' });
    // @ts-expect-error -- it has a name
    definePlugin({ version: '1.0.0' });
    // @ts-expect-error -- misspelt
    definePlugin({ ...spec, setpu() {} });
    // @ts-expect-error -- an object from names to ranges
    definePlugin({ ...spec, requires: ['acme.parser'] });
    // @ts-expect-error -- names
    definePlugin({ ...spec, before: 'acme.print' });
    // @ts-expect-error -- no schema
    definePlugin({ ...spec, options: { level: 3 } });
    // @ts-expect-error -- no declarations
    definePlugin({ ...spec, declares: { 'a.b': 5 } });
  });

  it('has what setup returns as its API, awaited', () => {
    const answer = definePlugin({ ...spec, setup: () => ({ answer: 42 as const }) });
    const later = definePlugin({ ...spec, setup: async () => ({ answer: 42 as const }) });
    const nothing = definePlugin({ ...spec, setup() {} });
    expectTypeOf<ApiOf<typeof answer>>().toEqualTypeOf<{ answer: 42 }>();
    expectTypeOf<ApiOf<typeof later>>().toEqualTypeOf<{ answer: 42 }>();
    expectTypeOf<ApiOf<typeof nothing>>().toEqualTypeOf<void>();
    expectTypeOf<ApiOf<typeof minify>>().toEqualTypeOf<{ stats: () => number }>();
  });

  it('has options: the input of the schema for hosts, its output for itself', () => {
    const plugin = definePlugin({
      ...spec,
      options: z.object({ level: z.string().transform(Number), mode: z.string().default('fast') }),
      setup(ctx, options) {
        expectTypeOf(options).toEqualTypeOf<{ level: number; mode: string }>();
        expectTypeOf(ctx.options).toEqualTypeOf<{ level: number; mode: string }>();
      },
      teardown(ctx) {
        expectTypeOf(ctx.options.level).toEqualTypeOf<number>();
      },
    });
    expectTypeOf<OptionsOf<typeof plugin>>().toEqualTypeOf<{ level: string; mode?: string | undefined }>();
    expectTypeOf<OptionsOf<typeof minify>>().toEqualTypeOf<{ level?: number }>();
    definePlugin({
      ...spec,
      setup(_ctx, options) {
        expectTypeOf(options).toEqualTypeOf<undefined>();
      },
    });
  });

  it('has services that it asks for, and no others', () => {
    definePlugin({
      ...spec,
      services: { db: typed<{ get(key: string): string }>(), port: z.string().transform(Number) },
      setup(ctx) {
        expectTypeOf(ctx.services.db.get('a')).toEqualTypeOf<string>();
        expectTypeOf(ctx.services.port).toEqualTypeOf<number>();
        // @ts-expect-error -- not asked for
        void ctx.services.clock;
        // @ts-expect-error -- the host's
        ctx.services.port = 5;
      },
    });
  });

  it('has state, an object of anything unless it makes it', () => {
    definePlugin({
      ...spec,
      setup(ctx) {
        expectTypeOf(ctx.state).toEqualTypeOf<Record<string, unknown>>();
      },
    });
    definePlugin({
      ...spec,
      state: () => ({ seen: new Set<string>() }),
      setup(ctx) {
        expectTypeOf(ctx.state).toEqualTypeOf<{ seen: Set<string> }>();
        // @ts-expect-error -- no such property
        void ctx.state.count;
      },
      teardown(ctx) {
        ctx.state.seen.clear();
      },
    });
  });

  it('knows the events that it brings along', () => {
    const declares = defineEvents({
      'minify.saved': broadcast<{ bytes: number }>(),
      'minify.size': waterfall<number>(),
    });
    const plugin = definePlugin({
      ...spec,
      events,
      declares,
      handlers: { 'minify.size': (size) => size + 1, 'minify.saved': { handle: ({ bytes }) => bytes, priority: 1 } },
      setup(ctx) {
        ctx.on('minify.saved', ({ bytes }) => {
          expectTypeOf(bytes).toEqualTypeOf<number>();
        });
        ctx.on('order.placed', ({ id }) => id);
        // @ts-expect-error -- of another type
        ctx.on('minify.size', () => 'large');
      },
      async ready(ctx) {
        await ctx.emit('minify.saved', { bytes: 3 });
        // @ts-expect-error -- of another type
        await ctx.emit('minify.saved', { bytes: '3' });
      },
    });
    expectTypeOf(plugin.declares).toEqualTypeOf<typeof declares>();
  });

  it('knows the events that it brings along, where it knows no others', () => {
    definePlugin({
      ...spec,
      declares: defineEvents({ 'minify.saved': broadcast<{ bytes: number }>() }),
      handlers: { 'minify.saved': ({ bytes }) => bytes },
      setup(ctx) {
        ctx.on('minify.saved', ({ bytes }) => {
          expectTypeOf(bytes).toEqualTypeOf<number>();
        });
        // It may hear others, of which it doesn't know what they are.
        ctx.on('other', (payload) => {
          expectTypeOf(payload).toEqualTypeOf<unknown>();
        });
      },
    });
  });

  it('may do without any types', () => {
    const untyped = definePlugin({
      ...spec,
      handlers: {
        'order.placed': (payload, ctx) => {
          expectTypeOf(payload).toEqualTypeOf<unknown>();
          expectTypeOf(ctx).toExtend<EmissionContext>();
          expectTypeOf(ctx.meta).toEqualTypeOf<Readonly<Record<string, unknown>>>();
        },
        'order.*': { handle: (_payload, ctx) => ctx.type, priority: 3 },
      },
      setup(ctx) {
        ctx.on('order.placed', (payload, { id }) => {
          expectTypeOf(payload).toEqualTypeOf<unknown>();
          expectTypeOf(id).toEqualTypeOf<string>();
        });
        ctx.on('order.*', (payload) => payload);
        ctx.on(['a', 'b'], (payload) => payload);
        ctx.onAny(({ type, payload }) => {
          expectTypeOf(payload).toEqualTypeOf<unknown>();
          return type;
        });
        ctx.post('order.paid', 1);
      },
    });
    new PluginHost(bus).use(untyped);
    new PluginHost(shop).use(untyped);
    new PluginHost(new EventBus()).use(untyped);
  });
});

describe('a factory', () => {
  it('becomes a function with the same parameters', () => {
    const factory = definePlugin((name: string, options: { level?: number } = {}) => ({
      name,
      version: '1.0.0',
      events,
      state: () => ({ count: 0 }),
      setup(ctx) {
        ctx.on('order.placed', (order) => {
          expectTypeOf(order).toEqualTypeOf<{ id: string }>();
          expectTypeOf(ctx.state.count).toEqualTypeOf<number>();
        });
        return options.level;
      },
    }));
    expectTypeOf(factory).parameters.toEqualTypeOf<[name: string, options?: { level?: number } | undefined]>();
    expectTypeOf<ApiOf<ReturnType<typeof factory>>>().toEqualTypeOf<number | undefined>();
    const host = new PluginHost(bus);
    host.use(factory('a', { level: 3 })).use([factory('b')]);
    // @ts-expect-error -- a name is required
    factory();
    // @ts-expect-error -- of another type
    factory('a', { level: 'high' });
    // @ts-expect-error -- it has to be called
    host.use(factory);
    // @ts-expect-error -- it has to be called
    host.use([factory]);
    // @ts-expect-error -- it has a version
    definePlugin((name: string) => ({ name }));
  });
});

describe('pluginsFor', () => {
  const { definePlugin: defineShopPlugin } = pluginsFor<Shop>();

  it('defines plugins that know the events of a map', () => {
    const plugin = defineShopPlugin({
      ...spec,
      options: typed<{ level: number }>(),
      handlers: { 'order.placed': ({ total }) => total, 'shop.closed': () => {} },
      setup(ctx, { level }) {
        ctx.on('order.paid', (order) => {
          expectTypeOf(order).toEqualTypeOf<Shop['order.paid']>();
        });
        // @ts-expect-error -- no such event
        ctx.on('order.piad', () => {});
        return { level };
      },
    });
    expectTypeOf<ApiOf<typeof plugin>>().toEqualTypeOf<{ level: number }>();
    new PluginHost(shop).use(plugin, { level: 1 });
    // @ts-expect-error -- the events of another host
    new PluginHost(bus).use(plugin, { level: 1 });
    // @ts-expect-error -- no such event
    defineShopPlugin({ ...spec, handlers: { 'order.plced': () => {} } });
    // @ts-expect-error -- they are known
    defineShopPlugin({ ...spec, events });
  });

  it('defines factories', () => {
    const factory = defineShopPlugin((level: number) => ({
      ...spec,
      setup(ctx) {
        ctx.on('order.placed', ({ total }) => total > level);
      },
    }));
    new PluginHost(shop).use(factory(3));
  });
});

describe('patterns', () => {
  it('hear events that a plugin does not know, so that the payload is unknown', () => {
    definePlugin({
      ...spec,
      events: typed<Shop>(),
      handlers: {
        'order.*': (payload, ctx) => {
          expectTypeOf(payload).toEqualTypeOf<unknown>();
          if (ctx.type === 'order.placed') expectTypeOf(ctx.payload).toEqualTypeOf<Shop['order.placed']>();
        },
      },
      setup(ctx) {
        ctx.on('order.*', (payload, emission) => {
          expectTypeOf(payload).toEqualTypeOf<unknown>();
          if (emission.type === 'order.placed') {
            expectTypeOf(emission.payload).toEqualTypeOf<Shop['order.placed']>();
          } else if (emission.type === 'order.paid') {
            expectTypeOf(emission.payload).toEqualTypeOf<Shop['order.paid']>();
          } else {
            expectTypeOf(emission.payload).toEqualTypeOf<unknown>();
          }
          // @ts-expect-error -- it doesn't match
          if (emission.type === 'user.seen') return;
        });
        ctx.once('**', (payload) => {
          expectTypeOf(payload).toEqualTypeOf<unknown>();
        });
        // @ts-expect-error -- one of the payloads may have no total
        ctx.on('order.*', (order: { total: number }) => order.total);
        // @ts-expect-error -- nothing that is known matches
        ctx.on('ordr.*', () => {});
      },
    });
  });

  it('of everything narrow by type, and have a rest', () => {
    definePlugin({
      ...spec,
      events: typed<Shop>(),
      setup(ctx) {
        ctx.onAny((event, emission) => {
          expectTypeOf(event).toEqualTypeOf<HeardEvent<Shop>>();
          expectTypeOf(emission).toEqualTypeOf<EmissionContext<Shop>>();
          if (event.type === 'order.placed') expectTypeOf(event.payload).toEqualTypeOf<Shop['order.placed']>();
          else if (event.type === tick) expectTypeOf(event.payload).toEqualTypeOf<number>();
          else if (event.type !== 'order.paid' && event.type !== 'user.seen' && event.type !== 'shop.closed') {
            expectTypeOf(event.payload).toEqualTypeOf<unknown>();
          }
          // @ts-expect-error -- not before its type is known
          void event.payload.id;
        });
        ctx.onAny(() => {}, { filter: (event) => event.type === 'order.placed' && event.payload.total > 3 });
      },
    });
  });

  it('lists are of events that are known', () => {
    definePlugin({
      ...spec,
      events: typed<Shop>(),
      setup(ctx) {
        ctx.on(['order.placed', 'order.paid'], (order, emission) => {
          expectTypeOf(order).toEqualTypeOf<Shop['order.placed'] | Shop['order.paid']>();
          if (emission.type === 'order.paid') expectTypeOf(emission.payload).toEqualTypeOf<Shop['order.paid']>();
        });
        // @ts-expect-error -- no such event
        ctx.on(['order.placed', 'order.plced'], () => {});
      },
    });
  });
});

describe('the context', () => {
  it('owns what can be disposed of, and returns it', () => {
    class Pool implements Disposable {
      size = 3;
      [Symbol.dispose](): void {}
    }
    definePlugin({
      ...spec,
      setup(ctx) {
        expectTypeOf(ctx.own(new Pool())).toEqualTypeOf<Pool>();
        expectTypeOf(ctx.own({ size: 3 }, (pool) => pool.size)).toEqualTypeOf<{ size: number }>();
        expectTypeOf(ctx.own(() => {})).toEqualTypeOf<() => void>();
        expectTypeOf(ctx.own(ctx.on('tick', () => {}))).toEqualTypeOf<Unsubscribe>();
        ctx.own(async () => {});
        ctx.own({ async [Symbol.asyncDispose]() {} });
        // @ts-expect-error -- it can't be disposed of
        ctx.own({ size: 3 });
        // @ts-expect-error -- of another type
        ctx.own({ size: 3 }, (pool: string) => pool);
        // @ts-expect-error -- nothing to dispose of
        ctx.own(5);
      },
    });
  });

  it('has the APIs of other plugins, by the plugin or by name', () => {
    definePlugin({
      ...spec,
      requires: { 'acme.minify': '*' },
      setup(ctx) {
        expectTypeOf(ctx.api(minify)).toEqualTypeOf<{ stats: () => number }>();
        expectTypeOf(ctx.optionalApi(minify)).toEqualTypeOf<{ stats: () => number } | undefined>();
        expectTypeOf(ctx.api('acme.minify')).toEqualTypeOf<unknown>();
        expectTypeOf(ctx.optionalApi('acme.minify')).toEqualTypeOf<unknown>();
        // @ts-expect-error -- a plugin, or a name
        ctx.api(5);
      },
    });
  });

  it('tells about itself, and is not changed', () => {
    definePlugin({
      ...spec,
      setup(ctx) {
        expectTypeOf(ctx.name).toEqualTypeOf<string>();
        expectTypeOf(ctx.version).toEqualTypeOf<string>();
        expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
        ctx.log.info('hello', { port: 1 });
        ctx.log.debug('hello');
        ctx.log.error('no', new Error('no'));
        // @ts-expect-error -- no such level
        ctx.log.trace('hello');
        // @ts-expect-error -- a message first
        ctx.log.warn();
        // @ts-expect-error -- it is what it is
        ctx.name = 'other';
        // @ts-expect-error -- made by the plugin, once
        ctx.state = {};
      },
    });
  });

  it('can be passed on to functions that know some of its events', () => {
    function listen(ctx: PluginContext<Shop>): void {
      ctx.on('order.placed', ({ total }) => total);
    }
    definePlugin({ ...spec, events: typed<Shop>(), setup: (ctx) => listen(ctx) });
  });
});

describe('a host', () => {
  it('has the events of its bus, and the services of its options', () => {
    expectTypeOf(new PluginHost(shop)).toExtend<PluginHost<Shop>>();
    expectTypeOf(new PluginHost(bus)).toExtend<PluginHost<typeof events>>();
    expectTypeOf(new PluginHost(shop, { services: { db: 5 } })).toEqualTypeOf<PluginHost<Shop, { db: number }>>();
    expectTypeOf(new PluginHost(shop, { services: ({ name }) => ({ log: name }) })).toEqualTypeOf<
      PluginHost<Shop, { log: string }>
    >();
    expectTypeOf(PluginHost).toExtend<PluginHostConstructor>();
    // @ts-expect-error -- a host needs a bus
    void new PluginHost();
    // @ts-expect-error -- an object is no bus
    void new PluginHost({});
    // @ts-expect-error -- made by `new` alone
    PluginHost(shop);
  });

  it('is made with known options', () => {
    void new PluginHost(shop, {
      name: 'shop',
      api: '2.3.0',
      apis: { '1.x': (old: { name: string; init(): void }) => ({ setup: () => old.init() }) },
      services: {},
      onSetupError: 'continue',
      loadTimeoutMs: 5,
      setupTimeoutMs: 5,
      teardownTimeoutMs: 5,
      drainMs: 5,
      slowAfterMs: 5,
      log: ({ plugin, level, message, details }) => console.log(plugin, level, message, details),
    });
    void new PluginHost(shop, { name: undefined, services: undefined, log: undefined, apis: undefined });
    // @ts-expect-error -- misspelt
    void new PluginHost(shop, { setupTimeout: 5 });
    // @ts-expect-error -- no such policy
    void new PluginHost(shop, { onSetupError: 'ignore' });
    // @ts-expect-error -- of another type
    void new PluginHost(shop, { api: 2 });
    // @ts-expect-error -- of another type
    void new PluginHost(shop, { log: console });
    expectTypeOf<NonNullable<PluginHostOptions['onSetupError']>>().toEqualTypeOf<'abort' | 'continue'>();
  });

  it('uses plugins of the same events, and of some of them', () => {
    interface Small {
      'order.placed': { id: string; total: number };
    }
    const small = definePlugin({ ...spec, events: typed<Small>() });
    const same = definePlugin({ ...spec, events: typed<Shop>() });
    const some = definePlugin({ ...spec, events: typed<{ 'order.placed': { id: string } }>() });
    const none = definePlugin({ ...spec, events: typed<object>() });
    new PluginHost(shop).use(small).use(same).use(none);
    new PluginHost(shop).use([small, [same, none]]);
    // The events of a plugin may be of a type, and those of the bus declared.
    new PluginHost(bus).use(some);
  });

  it('refuses plugins of other events, or of other payloads', () => {
    const host = new PluginHost(shop);
    const unrelated = definePlugin({ ...spec, events: typed<{ unrelated: { a: 1 } }>() });
    const misspelt = definePlugin({ ...spec, events: typed<Shop & { 'order.plced': number }>() });
    const wrong = definePlugin({ ...spec, events: typed<{ 'order.placed': { id: number; total: number } }>() });
    const narrower = definePlugin({ ...spec, events: typed<{ 'order.placed': { id: string } }>() });
    const wider = definePlugin({ ...spec, events: typed<{ 'user.seen': { at: number; by: string } }>() });
    const otherKind = definePlugin({ ...spec, events: defineEvents({ 'order.placed': collect<{ id: string }, 1>() }) });
    // @ts-expect-error -- no such event
    host.use(unrelated);
    // @ts-expect-error -- no such event
    host.use([unrelated]);
    // @ts-expect-error -- no such event
    host.use([[false, [unrelated]]]);
    // @ts-expect-error -- one of them is misspelt
    host.use(misspelt);
    // @ts-expect-error -- another payload
    host.use(wrong);
    // @ts-expect-error -- another payload
    host.use([wrong]);
    // @ts-expect-error -- it may emit too little
    host.use(narrower);
    // @ts-expect-error -- it may read too much
    host.use(wider);
    // @ts-expect-error -- of another kind
    new PluginHost(bus).use(otherKind);
    // @ts-expect-error -- no such event
    void host.add(unrelated);
    // @ts-expect-error -- no such event
    void host.add([unrelated]);
    // @ts-expect-error -- no such event
    void host.replace('a', unrelated);
  });

  it('uses whatever becomes a plugin, and nothing', () => {
    const host = new PluginHost(shop);
    const plugin = definePlugin({ ...spec, events: typed<Shop>() });
    const dev = Math.random() > 2;
    host
      .use(dev && plugin)
      .use(dev ? plugin : undefined)
      .use(null);
    host
      .use(Promise.resolve(plugin))
      .use(Promise.resolve({ default: plugin }))
      .use(Promise.resolve(dev && plugin));
    host.use([dev && plugin, Promise.resolve(plugin), [Promise.resolve({ default: plugin })], null, undefined]);
    host.use(import('../plugins/fixtures/greeter.js'), { note: () => {} });
    const descriptor: PluginDescriptor = { name: 'a', load: () => import('../plugins/fixtures/greeter.js') };
    host.use(descriptor).use(descriptor, { level: 3 }, { name: 'b' }).use([descriptor]);
    // @ts-expect-error -- no plugin
    host.use(5);
    // @ts-expect-error -- no plugin
    host.use('acme.minify');
    // @ts-expect-error -- no plugin
    host.use({ name: 'a' });
    // @ts-expect-error -- no plugin
    host.use(Promise.resolve(5));
    // @ts-expect-error -- no plugin
    host.use([5]);
  });

  it('asks for options that a plugin can not do without', () => {
    const host = new PluginHost(shop);
    const must = definePlugin({ ...spec, options: typed<{ level: number }>() });
    const may = definePlugin({ ...spec, options: typed<{ level?: number }>() });
    const optional = definePlugin({ ...spec, options: typed<{ level: number } | undefined>() });
    const none = definePlugin({ ...spec });
    const schema = definePlugin({ ...spec, options: z.object({ port: z.string().transform(Number) }) });
    host.use(must, { level: 3 }).use(must, { level: 3 }, { name: 'x' });
    host.use(may).use(may, {}).use(may, { level: 1 }).use(may, undefined, { name: 'x' });
    host.use(optional).use(optional, { level: 1 });
    host.use(none).use(none, undefined, { priority: 3 });
    host.use(schema, { port: '80' });
    host.use(Promise.resolve({ default: must }), { level: 3 });
    host.use([optional, none]);
    // @ts-expect-error -- they are missing
    host.use(must);
    // @ts-expect-error -- they are missing
    host.use(must, undefined, { name: 'x' });
    // @ts-expect-error -- they are missing, and can't be given
    host.use([must]);
    // @ts-expect-error -- of another type
    host.use(must, { level: 'high' });
    // @ts-expect-error -- misspelt
    host.use(may, { levle: 1 });
    // @ts-expect-error -- the output is for the plugin
    host.use(schema, { port: 80 });
    // @ts-expect-error -- it takes none
    host.use(none, { level: 3 });
    // @ts-expect-error -- they are missing
    host.use(Promise.resolve({ default: must }));
    // @ts-expect-error -- they are missing
    void host.add(must);
    void host.add(must, { level: 3 }, { name: 'x' });
  });

  it('knows settings', () => {
    const host = new PluginHost(shop);
    const plugin = definePlugin({ ...spec });
    host.use(plugin, undefined, {
      name: 'other',
      when: async () => true,
      filter: ({ type, payload }) => type === 'order.placed' && payload !== null,
      timeoutMs: 5,
      priority: 5,
      allow: { on: ['order.*'], emit: [] },
      setupTimeoutMs: 5,
      teardownTimeoutMs: 5,
    });
    // @ts-expect-error -- misspelt
    host.use(plugin, undefined, { timeout: 5 });
    // @ts-expect-error -- of another type
    host.use(plugin, undefined, { allow: ['order.*'] });
    // @ts-expect-error -- it must be synchronous
    host.use(plugin, undefined, { filter: async () => true });
    expectTypeOf<UseSettings['priority']>().toEqualTypeOf<number | undefined>();
  });

  it('offers the services that plugins ask for', () => {
    interface Database {
      get(key: string): string;
    }
    const reader = definePlugin({ ...spec, services: { db: typed<Database>() } });
    const database: Database & { close(): void } = { get: (key) => key, close() {} };
    new PluginHost(shop, { services: { db: database, more: 1 } }).use(reader).use([reader]);
    new PluginHost(shop, { services: (plugin) => ({ db: { get: () => plugin.name } }) }).use(reader);
    // @ts-expect-error -- it offers none
    new PluginHost(shop).use(reader);
    // @ts-expect-error -- it offers others
    new PluginHost(shop, { services: { database } }).use(reader);
    // @ts-expect-error -- of another type
    new PluginHost(shop, { services: { db: 5 } }).use(reader);
    // @ts-expect-error -- it offers none
    new PluginHost(shop).use([reader]);
    // @ts-expect-error -- it offers none
    void new PluginHost(shop).add(reader);
  });

  it('knows the events that its plugins have brought along', () => {
    const host = new PluginHost(bus);
    const audit = definePlugin({ ...spec, events: { ...events, ...minify.declares } });
    const hosted = host.use(minify, { level: 2 });
    hosted.use(audit);
    void hosted.explain('minify.saved');
    // @ts-expect-error -- nobody brings it along
    host.use(audit);
    // @ts-expect-error -- nobody brings it along
    void host.explain('minify.saved');
  });

  it('uses objects with handlers, typed by its events', () => {
    const host = new PluginHost(shop);
    host.use({
      name: 'legacy',
      handlers: {
        'order.placed': (order) => {
          expectTypeOf(order).toEqualTypeOf<Shop['order.placed']>();
        },
        'shop.closed': { handle: () => {}, priority: 3 },
        'order.*': (payload) => {
          expectTypeOf(payload).toEqualTypeOf<unknown>();
        },
      },
    });
    host.use([{ name: 'legacy', version: '1.0.0', requires: { a: '*' }, handlers: { [tick]: (n) => n } }]);
    host.use({ name: 'legacy', handlers: {} }, undefined, { priority: 5 });
    new PluginHost(bus).use({
      name: 'legacy',
      handlers: { 'html.transform': ({ html, file }) => ({ html, file }), 'order.placed': { handle: ({ id }) => id } },
    });
    new PluginHost(new EventBus()).use({ name: 'legacy', handlers: { any: (_payload, ctx) => ctx.id } });
    // @ts-expect-error -- no such event
    host.use({ name: 'legacy', handlers: { 'order.plced': () => {} } });
    // @ts-expect-error -- another payload
    host.use({ name: 'legacy', handlers: { 'order.placed': (order: { sku: string }) => order.sku } });
    // @ts-expect-error -- an answer of another type
    new PluginHost(bus).use({ name: 'legacy', handlers: { 'html.transform': () => 3 } });
  });

  it('has handles on plugins, with the API where the plugin says who it is', () => {
    const host = new PluginHost(bus).use(minify);
    expectTypeOf(host.plugin(minify)).toEqualTypeOf<PluginHandle<{ stats: () => number }>>();
    expectTypeOf(host.plugin(minify).api.stats()).toEqualTypeOf<number>();
    expectTypeOf(host.plugin('acme.minify')).toEqualTypeOf<PluginHandle>();
    expectTypeOf(host.plugin('acme.minify').api).toEqualTypeOf<unknown>();
    expectTypeOf(host.plugin(minify).state).toEqualTypeOf<PluginState>();
    expectTypeOf(host.plugin(minify).version).toEqualTypeOf<string | undefined>();
    expectTypeOf(host.plugin(minify).disable({ cascade: true })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(host.plugin(minify).enable()).toEqualTypeOf<Promise<void>>();
    expectTypeOf(host.plugin(minify).status()).toEqualTypeOf<PluginStatus>();
    // @ts-expect-error -- a plugin, or a name
    host.plugin(5);
  });

  it('replaces plugins by those that fit', () => {
    const host = new PluginHost(bus).use(minify);
    void host.replace('acme.minify', minify, { options: { level: 3 }, cascade: true, drainMs: 5 });
    void host.replace('acme.minify', minify);
    void host.replace('acme.minify', Promise.resolve(minify));
    void host.replace('acme.minify', Promise.resolve({ default: minify }));
    void host.replace('acme.minify', { name: 'a', load: () => minify });
    void host.replace('acme.minify', { name: 'a', handlers: { 'order.placed': ({ id }) => id } });
    const unrelated = definePlugin({ ...spec, events: typed<{ unrelated: 1 }>() });
    // @ts-expect-error -- of another type
    void host.replace('acme.minify', minify, { options: { level: 'high' } });
    // @ts-expect-error -- other events
    void host.replace('acme.minify', unrelated);
    // @ts-expect-error -- misspelt
    void host.replace('acme.minify', minify, { cascad: true });
    // @ts-expect-error -- one for one
    void host.replace('acme.minify', [minify]);
    // @ts-expect-error -- no plugin
    void host.replace('acme.minify', 5);
  });

  it('starts, stops and changes with known options', () => {
    const host = new PluginHost(shop);
    expectTypeOf(host.start({ signal: AbortSignal.timeout(5) })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(host.stop({ drainMs: 5 })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(host.disable('a', { cascade: true, drainMs: 5 })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(host.enable('a')).toEqualTypeOf<Promise<void>>();
    expectTypeOf(host.remove('a', { cascade: true })).toEqualTypeOf<Promise<void>>();
    expectTypeOf(host.state).toEqualTypeOf<'idle' | 'starting' | 'started' | 'stopping' | 'stopped'>();
    shop.on('order.placed', async (_order, ctx) => {
      await host.disable('a', { parent: ctx });
      await host.replace('a', definePlugin({ ...spec }), { parent: ctx });
    });
    // @ts-expect-error -- misspelt
    void host.start({ sginal: AbortSignal.timeout(5) });
    // @ts-expect-error -- misspelt
    void host.stop({ drain: 5 });
    // @ts-expect-error -- misspelt
    void host.disable('a', { cascad: true });
    // @ts-expect-error -- no context
    void host.disable('a', { parent: 'id' });
    // @ts-expect-error -- it tells, and is not told
    host.state = 'started';
    expectTypeOf<StartOptions['signal']>().toEqualTypeOf<AbortSignal | undefined>();
    expectTypeOf<StopOptions['drainMs']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<TakeOutOptions['cascade']>().toEqualTypeOf<boolean | undefined>();
  });

  it('returns itself from use, so that calls can be chained', () => {
    const host = new PluginHost(shop);
    expectTypeOf(host.use([])).toEqualTypeOf<PluginHost<Shop>>();
    expectTypeOf(host.use({ name: 'a', handlers: {} })).toEqualTypeOf<PluginHost<Shop>>();
    expectTypeOf(host.use(definePlugin({ ...spec })).start()).toEqualTypeOf<Promise<void>>();
  });

  it('deprecates with known options', () => {
    const host = new PluginHost(shop);
    expectTypeOf(
      host.deprecate('a', 'ctx.track', { since: '2.0.0', use: 'ctx.own', link: 'https://example.com' }),
    ).toEqualTypeOf<void>();
    // @ts-expect-error -- what to use is missing
    host.deprecate('a', 'ctx.track', { since: '2.0.0' });
  });

  it('adapts plugins for older APIs, typed as their adapter takes them', () => {
    const adapter = (old: { readonly name: string; init(): void }, hosted: HostedPlugin) => {
      hosted.deprecate('init', { since: '2.0.0', use: 'setup' });
      return { setup: () => old.init() };
    };
    expectTypeOf(adapter).toExtend<ApiAdapter>();
    void new PluginHost(shop, { apis: { '1.x': adapter } });
  });

  it('explains and tells with plain data', () => {
    const host = new PluginHost(shop);
    expectTypeOf(host.explain('order.placed')).toEqualTypeOf<Explanation>();
    expectTypeOf(host.explain('order.placed').handlers).toEqualTypeOf<readonly ExplainedHandler[]>();
    expectTypeOf(host.status()).toEqualTypeOf<PluginStatus[]>();
    // @ts-expect-error -- no such event
    void host.explain('order.plced');
    // @ts-expect-error -- it is read
    host.explain('order.placed').handlers.push({});
    const [status] = host.status();
    // @ts-expect-error -- it is read
    if (status !== undefined) status.state = 'active';
  });

  it('is disposed of by `await using`', async () => {
    await using scoped = new PluginHost(shop);
    expectTypeOf(scoped).toExtend<AsyncDisposable>();
    // @ts-expect-error -- that takes time
    using wrong = new PluginHost(shop);
    void wrong;
  });
});

describe('a host of a bus without a map', () => {
  it('takes every plugin', () => {
    const host = new PluginHost(new EventBus());
    const plugin = definePlugin({ ...spec, events: typed<Shop>() });
    host.use(minify, { level: 3 }).use([plugin, minify]).use(plugin);
    void host.explain('anything');
    void host.add(plugin);
    void host.replace('a', plugin);
  });
});

describe('plugins of several maps', () => {
  it('may be kept in a list for a host', () => {
    const small = definePlugin({ ...spec, events: typed<Pick<Shop, 'order.placed'>>() });
    const same = definePlugin({ ...spec, events: typed<Shop>(), setup: () => 5 });
    const list = [small, same, false, { name: 'old', handlers: { 'order.placed': () => {} } }] as const;
    new PluginHost(shop).use(list);
  });

  it('are held by functions that take any plugin', () => {
    function nameOf(plugin: PluginReference): string {
      return plugin.name;
    }
    nameOf(minify);
    nameOf(definePlugin({ ...spec, events: typed<Shop>(), options: typed<{ level: number }>() }));
    // @ts-expect-error -- no plugin
    nameOf({ version: '1.0.0' });
  });
});

describe('errors and facts', () => {
  it('say which plugin, and what was going on', () => {
    const check = (error: unknown): void => {
      if (error instanceof PluginError) {
        expectTypeOf(error.plugin).toEqualTypeOf<string>();
        expectTypeOf(error.phase).toEqualTypeOf<
          'when' | 'load' | 'validate' | 'setup' | 'ready' | 'drain' | 'teardown' | 'dispose'
        >();
        expectTypeOf(error.rollbackErrors).toEqualTypeOf<readonly PluginError[]>();
      }
      if (error instanceof PluginsError) {
        expectTypeOf(error.errors).toEqualTypeOf<PluginError[]>();
        expectTypeOf(error.code).toEqualTypeOf<'PLUGINS_FAILED'>();
      }
    };
    expectTypeOf(check).toBeFunction();
  });

  it('are told to observers', () => {
    const observer: BusObserver = {
      pluginStateChanged: ({ host, plugin, from, to, reason }) => {
        expectTypeOf([host, plugin]).toEqualTypeOf<string[]>();
        expectTypeOf(from).toEqualTypeOf<string | undefined>();
        expectTypeOf(to).toEqualTypeOf<string | undefined>();
        expectTypeOf(reason).toEqualTypeOf<string | undefined>();
      },
      pluginPhaseSettled: (fact) => {
        expectTypeOf(fact.outcome).toEqualTypeOf<'ok' | 'failed' | 'timeout' | 'aborted'>();
        // @ts-expect-error -- facts are told, and not changed
        fact.late = true;
      },
      pluginsSlow: ({ starting, waiting }) => {
        expectTypeOf(starting[0]?.phase).toEqualTypeOf<string | undefined>();
        expectTypeOf(waiting[0]?.for).toEqualTypeOf<readonly string[] | undefined>();
      },
    };
    shop.observe(observer);
  });

  it('log entries say whose they are', () => {
    expectTypeOf<LogEntry['level']>().toEqualTypeOf<'debug' | 'info' | 'warn' | 'error'>();
    expectTypeOf<LogEntry['details']>().toEqualTypeOf<unknown>();
  });
});
