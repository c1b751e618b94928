import { describe, expect, it } from 'vitest';
import { definePlugin, type PluginContext } from '../../src/plugins/index.js';
import { promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { describeSyncAndAsync, errorsOf, expectError, inPhase, openStage } from './hosts.js';

describe('a plugin that is required', () => {
  it('and absent is MISSING_PLUGIN, which names who needs it', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('printer', { requires: { 'acme.parser': '^1' } }));
    const error = await rejectionOf(host.start());
    expectError(error, 'MISSING_PLUGIN', 'printer', 'acme.parser', '^1');
    expect(error).toMatchObject({ plugin: 'printer', phase: 'validate' });
  });

  it('and absent is an error for each that needs it', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('a', { requires: { parser: '*' } }), plugin('b', { requires: { parser: '*' } })]);
    expect(errorsOf(await rejectionOf(host.start()))).toMatchObject([
      { code: 'MISSING_PLUGIN', plugin: 'a' },
      { code: 'MISSING_PLUGIN', plugin: 'b' },
    ]);
  });

  it('and misspelt is MISSING_PLUGIN with the name that was meant', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('acme.parser'), plugin('printer', { requires: { 'acme.praser': '*' } })]);
    expectError(await rejectionOf(host.start()), 'MISSING_PLUGIN', '"acme.praser"', '"acme.parser"');
  });

  it('and disabled is MISSING_PLUGIN, which says so', async () => {
    const { host, journal, plugin } = openStage();
    host.use(plugin('parser'), undefined, { when: () => false }).use(plugin('printer', { requires: { parser: '*' } }));
    expectError(await rejectionOf(host.start()), 'MISSING_PLUGIN', 'parser', 'printer', 'disabled');
    expect(journal).toEqual([]);
  });

  it('is found under the name that it has in the host', async () => {
    const { host, plugin, states } = openStage();
    host.use(plugin('parser'), undefined, { name: 'html' }).use(plugin('printer', { requires: { parser: '*' } }));
    expectError(await rejectionOf(host.start()), 'MISSING_PLUGIN', 'parser');
    await host.remove('printer');
    host.use(plugin('printer', { requires: { html: '*' } }));
    await host.start();
    expect(states()).toEqual({ html: 'active', printer: 'active' });
  });

  it('may have been used later', async () => {
    const { host, journal, plugin } = openStage();
    host.use([plugin('printer', { requires: { parser: '*' } }), plugin('parser')]);
    await host.start();
    expect(journal).toEqual(['parser setup', 'printer setup', 'parser ready', 'printer ready']);
  });
});

describeSyncAndAsync((inTime) => {
  describe('ctx.api', () => {
    const parser = definePlugin({
      name: 'parser',
      version: '1.2.0',
      setup: inTime(() => ({ parse: (text: string) => text.split(' ') })),
    });

    it('is what the setup of a plugin that is required has returned, by plugin or by name', async () => {
      const { host } = openStage();
      const seen: unknown[] = [];
      const printer = definePlugin({
        name: 'printer',
        version: '1.0.0',
        requires: { parser: '^1' },
        setup(ctx) {
          seen.push(ctx.api(parser), ctx.api('parser'), ctx.optionalApi(parser), ctx.optionalApi('parser'));
        },
      });
      host.use([printer, parser] as never);
      await host.start();
      expect(seen).toHaveLength(4);
      expect((seen[0] as { parse: (text: string) => string[] }).parse('a b')).toEqual(['a', 'b']);
      expect(new Set(seen).size).toBe(1);
    });

    it('is there in setup, ready, handlers and teardown', async () => {
      const { bus, host, plugin } = openStage();
      const seen: string[] = [];
      const use = (ctx: PluginContext, where: string) => seen.push(`${where} ${ctx.api('parser') as string}`);
      host.use([
        plugin('printer', {
          requires: { parser: '*' },
          setup: (ctx) => {
            use(ctx, 'setup');
            ctx.on('job', () => void use(ctx, 'handler'));
          },
          ready: (ctx) => void use(ctx, 'ready'),
          teardown: inTime((ctx: PluginContext) => void use(ctx, 'teardown')),
        }),
        plugin('parser', { setup: inTime(() => 'grammar') }),
      ]);
      await host.start();
      bus.emitSync('job');
      await host.stop();
      expect(seen).toEqual(['setup grammar', 'ready grammar', 'handler grammar', 'teardown grammar']);
    });

    it('is undefined where setup has returned nothing', async () => {
      const { host, plugin } = openStage();
      const seen: unknown[] = [];
      host.use([
        plugin('parser', { setup: inTime(() => undefined) }),
        plugin('printer', { requires: { parser: '*' }, setup: (ctx) => void seen.push(ctx.api('parser')) }),
      ]);
      await host.start();
      expect(seen).toEqual([undefined]);
    });

    it('of an optional plugin is there where that is', async () => {
      const { host, plugin } = openStage();
      const seen: unknown[] = [];
      host.use([
        plugin('server', {
          optional: { cache: '*', log: '*' },
          setup: (ctx) => void seen.push(ctx.optionalApi('cache'), ctx.optionalApi('log'), ctx.api('cache')),
        }),
        plugin('cache', { setup: inTime(() => 'cache') }),
      ]);
      await host.start();
      expect(seen).toEqual(['cache', undefined, 'cache']);
    });
  });
});

describe('ctx.api', () => {
  it('of a plugin that is not declared is UNDECLARED_DEPENDENCY, which says where to declare it', async () => {
    const { host, plugin } = openStage();
    const errors: unknown[] = [];
    host.use([
      plugin('parser', { setup: () => 'grammar' }),
      plugin('printer', {
        after: ['parser'],
        setup: (ctx) => {
          errors.push(
            thrownBy(() => ctx.api('parser')),
            thrownBy(() => ctx.optionalApi('parser')),
          );
        },
      }),
    ]);
    await host.start();
    expect(errors).toHaveLength(2);
    expectError(errors[0], 'UNDECLARED_DEPENDENCY', 'printer', 'parser', 'requires');
    expectError(errors[1], 'UNDECLARED_DEPENDENCY', 'printer', 'parser', 'optional');
  });

  it('of an optional plugin that is not there is MISSING_PLUGIN', async () => {
    const { host, plugin } = openStage();
    const errors: unknown[] = [];
    host.use(
      plugin('server', {
        optional: { cache: '*' },
        setup: (ctx) => void errors.push(thrownBy(() => ctx.api('cache'))),
      }),
    );
    await host.start();
    expectError(errors[0], 'MISSING_PLUGIN', 'server', 'cache');
  });

  it('of an optional plugin follows it as it comes and goes', async () => {
    const { host, plugin } = openStage();
    let kept: PluginContext | undefined;
    let instances = 0;
    host.use([
      plugin('cache', { setup: () => `cache ${++instances}` }),
      plugin('server', { optional: { cache: '*' }, setup: (ctx) => void (kept = ctx) }),
    ]);
    await host.start();
    expect(kept?.optionalApi('cache')).toBe('cache 1');
    await host.disable('cache');
    expect(kept?.optionalApi('cache')).toBeUndefined();
    expectError(
      thrownBy(() => kept?.api('cache')),
      'MISSING_PLUGIN',
      'cache',
      'disabled',
    );
    await host.enable('cache');
    expect(kept?.optionalApi('cache')).toBe('cache 2');
  });

  it.each([[undefined], [5], [null], [{}]])('of %j is a mistake', async (given) => {
    const { host, plugin } = openStage();
    const errors: unknown[] = [];
    host.use(plugin('a', { setup: (ctx) => void errors.push(thrownBy(() => ctx.api(given as never))) }));
    await host.start();
    expectError(errors[0], 'INVALID_ARGUMENT');
  });

  it('of the plugin itself is UNDECLARED_DEPENDENCY', async () => {
    const { host, plugin } = openStage();
    const errors: unknown[] = [];
    host.use(plugin('a', { setup: (ctx) => void errors.push(thrownBy(() => ctx.api('a'))) }));
    await host.start();
    expectError(errors[0], 'UNDECLARED_DEPENDENCY', 'a');
  });
});

describe('host.plugin', () => {
  it('has what setup has returned as its api, and what the host knows of the plugin', async () => {
    const { host } = openStage();
    const parser = definePlugin({ name: 'parser', version: '1.2.0', setup: async () => ({ parse: () => 42 }) });
    host.use(parser);
    const handle = host.plugin(parser);
    expect(handle).toMatchObject({ name: 'parser', version: '1.2.0', state: 'registered' });
    await host.start();
    expect(handle.state).toBe('active');
    expect(handle.api.parse()).toBe(42);
    expect(host.plugin('parser').api).toBe(handle.api);
    expect(handle.status()).toEqual(host.status()[0]);
  });

  it('has an api that is MISSING_PLUGIN where the plugin is not active', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('parser', { setup: () => 'grammar' }));
    const handle = host.plugin('parser');
    const apiError = () => thrownBy(() => handle.api);
    expectError(apiError(), 'MISSING_PLUGIN', 'parser');
    const start = host.start();
    expectError(apiError(), 'MISSING_PLUGIN', 'parser');
    await start;
    expect(handle.api).toBe('grammar');
    await host.disable('parser');
    expectError(apiError(), 'MISSING_PLUGIN', 'parser', 'disabled');
    await host.enable('parser');
    expect(handle.api).toBe('grammar');
    const stop = host.stop();
    expectError(apiError(), 'MISSING_PLUGIN', 'parser');
    await stop;
    expectError(apiError(), 'MISSING_PLUGIN', 'parser');
  });

  it('disables, enables and removes', async () => {
    const { host, plugin, states } = openStage();
    host.use([plugin('a'), plugin('b', { requires: { a: '*' } })]);
    await host.start();
    const handle = host.plugin('a');
    expectError(await rejectionOf(handle.disable()), 'HAS_DEPENDANTS', 'b');
    await handle.disable({ cascade: true });
    expect(states()).toEqual({ a: 'disabled', b: 'blocked' });
    await handle.enable();
    expect(states()).toEqual({ a: 'active', b: 'active' });
    expectError(await rejectionOf(handle.remove()), 'HAS_DEPENDANTS', 'b');
    await handle.remove({ cascade: true });
    expect(states()).toEqual({ b: 'blocked' });
  });

  it('of a name that is not there is UNKNOWN_PLUGIN, with the nearest', () => {
    const { host, plugin } = openStage();
    host.use(plugin('acme.parser'));
    expectError(
      thrownBy(() => host.plugin('acme.prser')),
      'UNKNOWN_PLUGIN',
      'acme.prser',
      'acme.parser',
    );
    expectError(
      thrownBy(() => host.plugin(plugin('other'))),
      'UNKNOWN_PLUGIN',
      'other',
    );
    expectError(
      thrownBy(() => host.plugin(undefined as never)),
      'INVALID_ARGUMENT',
    );
  });

  it('of a plugin that has been removed says so', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('a'));
    await host.start();
    const handle = host.plugin('a');
    await host.remove('a');
    expectError(
      thrownBy(() => handle.status()),
      'UNKNOWN_PLUGIN',
      'a',
    );
    expect(handle.name).toBe('a');
    await promisesSettled();
  });
});

describe('the status', () => {
  it('names the active plugins that a plugin depends on, and those that require it', async () => {
    const { host, plugin } = openStage();
    host.use([
      plugin('server', { requires: { parser: '*' }, optional: { cache: '*', log: '*' } }),
      plugin('parser'),
      plugin('cache'),
      plugin('printer', { requires: { parser: '*' } }),
    ]);
    await host.start();
    expect(host.plugin('server').status()).toMatchObject({ dependencies: ['parser', 'cache'], dependants: [] });
    expect(host.plugin('parser').status()).toMatchObject({ dependencies: [], dependants: ['server', 'printer'] });
    expect(host.plugin('cache').status()).toMatchObject({ dependencies: [], dependants: [] });
    await host.disable('cache');
    expect(host.plugin('server').status().dependencies).toEqual(['parser']);
  });
});

describe('plugins that come later', () => {
  it('are made use of by those to which they are optional, which are torn down first', async () => {
    const { host, journal, plugin } = openStage();
    let kept: PluginContext | undefined;
    host.use(plugin('server', { optional: { cache: '*' }, setup: (ctx) => void (kept = ctx) }));
    await host.start();
    await host.add(plugin('cache', { setup: () => 'cache' }));
    expect(kept?.optionalApi('cache')).toBe('cache');
    expect(host.plugin('server').status().dependencies).toEqual(['cache']);
    await host.stop();
    expect(inPhase(journal, 'teardown')).toEqual(['server', 'cache']);
  });

  it.each(['add', 'replace'] as const)(
    'of a version that they can not use are not handed to them by %s',
    async (how) => {
      const { host, plugin } = openStage();
      let kept: PluginContext | undefined;
      const cache = (version: string) => plugin('cache', { version, setup: () => version });
      host.use(plugin('server', { optional: { cache: '^1' }, setup: (ctx) => void (kept = ctx) }));
      if (how === 'replace') host.use(cache('1.0.0'));
      await host.start();
      const change = how === 'add' ? host.add(cache('2.0.0')) : host.replace('cache', cache('2.0.0'));
      const error = await change.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      // Whether that is refused, or the plugin is as good as absent.
      if (error !== undefined) expectError(error, 'WRONG_PLUGIN_VERSION', 'server', 'cache', '2.0.0', '^1');
      expect(kept?.optionalApi('cache')).not.toBe('2.0.0');
    },
  );

  it('may not close a cycle', async () => {
    const { host, plugin, states } = openStage();
    host.use([plugin('a', { optional: { b: '*' } }), plugin('c'), plugin('d', { requires: { c: '*' } })]);
    await host.start();
    expectError(await rejectionOf(host.add(plugin('b', { requires: { a: '*' } }))), 'PLUGIN_CYCLE');
    const next = plugin('c', { requires: { d: '*' } });
    expectError(await rejectionOf(host.replace('c', next, { cascade: true })), 'PLUGIN_CYCLE');
    expect(states()).toEqual({ a: 'active', c: 'active', d: 'active' });
  });
});

describe('names that every object has', () => {
  it('are names of plugins like any other', async () => {
    const { host, plugin, states, tick } = openStage();
    // As JSON may have it: a property of its own.
    const requires = JSON.parse('{ "constructor": "*", "__proto__": "^1" }') as Record<string, string>;
    host.use([plugin('toString', { requires }), plugin('constructor'), plugin('__proto__'), plugin('valueOf')]);
    await host.start();
    expect(tick()).toEqual(['constructor', '__proto__', 'toString', 'valueOf']);
    await host.disable('constructor', { cascade: true });
    expect(tick()).toEqual(['__proto__', 'valueOf']);
    await host.enable('constructor');
    expect(new Set(Object.values(states()))).toEqual(new Set(['active']));
    await host.stop();
  });

  it('are names by which APIs are asked for', async () => {
    const { host, plugin } = openStage();
    const seen: unknown[] = [];
    const asking = (ctx: PluginContext) => void seen.push(ctx.api('constructor'), ctx.optionalApi('constructor'));
    host.use([
      plugin('a', { requires: { constructor: '*' }, setup: asking }),
      plugin('b', { optional: { constructor: '*' }, setup: asking }),
      plugin('constructor', { setup: () => 'made' }),
    ]);
    await host.start();
    expect(seen).toEqual(['made', 'made', 'made', 'made']);
  });

  it('are missing where nobody has them', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('a', { requires: { constructor: '*' } }));
    expectError(await rejectionOf(host.start()), 'MISSING_PLUGIN', 'constructor');
  });

  it('are undeclared where nobody asks for them', async () => {
    const { host, plugin } = openStage();
    const errors: unknown[] = [];
    host.use(
      plugin('a', {
        setup: (ctx) => {
          errors.push(
            thrownBy(() => ctx.api('constructor')),
            thrownBy(() => ctx.optionalApi('toString')),
          );
        },
      }),
    );
    await host.start();
    for (const error of errors) expectError(error, 'UNDECLARED_DEPENDENCY', '"a"');
  });
});
