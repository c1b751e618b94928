import { describe, expect, it } from 'vitest';
import { definePlugin, PluginsError, typed } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { describeSyncAndAsync, errorsOf, expectError, inPhase, openStage } from './hosts.js';

describeSyncAndAsync((inTime) => {
  describe('remove', () => {
    it('tears the plugin down and forgets it', async () => {
      const { host, journal, plugin, states, tick } = openStage();
      host.use([plugin('a'), plugin('b', { teardown: inTime(() => {}) }), plugin('c')]);
      await host.start();
      journal.length = 0;
      await host.remove('b');
      expect(journal).toEqual(['b teardown']);
      expect(states()).toEqual({ a: 'active', c: 'active' });
      expect(tick()).toEqual(['a', 'c']);
      expectError(await rejectionOf(host.enable('b')), 'UNKNOWN_PLUGIN', '"b"');
    });
  });

  describe('add', () => {
    it('sets plugins up in a host that has been started, and has them ready', async () => {
      const { host, journal, plugin, states, tick } = openStage();
      host.use(plugin('a'));
      await host.start();
      journal.length = 0;
      const phases = { setup: inTime(() => {}), ready: inTime(() => {}) };
      await host.add([plugin('c', { ...phases, requires: { b: '*' } }), plugin('b', phases)]);
      expect(journal).toEqual(['b setup', 'c setup', 'b ready', 'c ready']);
      expect(states()).toEqual({ a: 'active', b: 'active', c: 'active' });
      expect(tick()).toEqual(['a', 'b', 'c']);
    });
  });
});

describe('remove', () => {
  it('lets the name be used again', async () => {
    const { host, plugin, tick } = openStage();
    host.use([plugin('a'), plugin('b')]);
    await host.start();
    await host.remove('a');
    await host.add(plugin('a'));
    expect(tick()).toEqual(['b', 'a']);
  });

  it('lets those behind move up', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('a'), plugin('b'), plugin('c')]);
    await host.start();
    await host.remove('b');
    expect(host.status().map(({ name, place }) => [name, place])).toEqual([
      ['a', 1],
      ['c', 2],
    ]);
  });

  it('drains as disable does', async () => {
    const { bus, host, journal, plugin } = openStage();
    const gate = deferred();
    host.use(plugin('a', { setup: (ctx) => void ctx.on('job', () => gate.promise) }));
    await host.start();
    const job = bus.emit('job');
    const remove = host.remove('a');
    await promisesSettled();
    expect(journal).not.toContain('a teardown');
    gate.resolve();
    await Promise.all([job, remove]);
    expect(journal).toContain('a teardown');
  });

  it('forgets also what could not be drained, or torn down', async () => {
    const { bus, clock, footprint, host, plugin, states } = openStage();
    const before = footprint();
    host.use(
      plugin('a', { setup: (ctx) => void ctx.on('job', () => new Promise(() => {})), teardown: failing.throws('no') }),
    );
    await host.start();
    void bus.emit('job');
    const rejection = rejectionOf(host.remove('a', { drainMs: 10 }));
    await clock.advance(10);
    expect(errorsOf(await rejection).map(({ code }) => code)).toEqual(['PLUGIN_NOT_DRAINED', 'PLUGIN_TEARDOWN_FAILED']);
    expect(states()).toEqual({});
    expect(footprint()).toEqual(before);
  });

  it('is HAS_DEPENDANTS where a plugin requires it, and changes nothing', async () => {
    const { host, journal, plugin, states } = openStage();
    host.use([plugin('parser'), plugin('printer', { requires: { parser: '*' } })]);
    await host.start();
    expectError(await rejectionOf(host.remove('parser')), 'HAS_DEPENDANTS', 'parser', 'printer', 'cascade');
    expect(inPhase(journal, 'teardown')).toEqual([]);
    expect(states()).toEqual({ parser: 'active', printer: 'active' });
  });

  it('blocks the dependants with cascade, until there is another one', async () => {
    const { host, journal, plugin, states, tick } = openStage();
    host.use([plugin('parser'), plugin('printer', { requires: { parser: '^1' } })]);
    await host.start();
    journal.length = 0;
    await host.remove('parser', { cascade: true });
    expect(journal).toEqual(['printer teardown', 'parser teardown']);
    expect(states()).toEqual({ printer: 'blocked' });
    expect(host.plugin('printer').status().reason).toContain('parser');
    journal.length = 0;
    await host.add(plugin('parser', { version: '1.5.0' }));
    expect(inPhase(journal, 'setup')).toEqual(['parser', 'printer']);
    expect(states()).toEqual({ printer: 'active', parser: 'active' });
    expect(tick()).toEqual(['parser', 'printer']);
  });

  it('keeps dependants blocked as long as there is only one of a version that they can not use', async () => {
    const { host, plugin, states } = openStage();
    host.use([plugin('parser'), plugin('printer', { requires: { parser: '^1' } })]);
    await host.start();
    await host.remove('parser', { cascade: true });
    await host.add(plugin('parser', { version: '2.0.0' }));
    expect(states()).toEqual({ parser: 'active', printer: 'blocked' });
    expect(host.plugin('printer').status().reason).toContain('2.0.0');
    await host.replace('parser', plugin('parser', { version: '1.5.0' }));
    expect(states()).toEqual({ parser: 'active', printer: 'active' });
  });

  it('has those that are blocked say what they wait for now', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('parser'), plugin('printer', { requires: { parser: '*' } })]);
    await host.start();
    await host.disable('parser', { cascade: true });
    expect(host.plugin('printer').status().reason).toContain('disabled');
    await host.remove('parser');
    expect(host.plugin('printer').status()).toMatchObject({ state: 'blocked' });
    expect(host.plugin('printer').status().reason).toMatch(/parser.*not in the host/);
  });

  it('forgets a plugin that is disabled, failed or blocked', async () => {
    const { host, journal, plugin, states } = openStage({ onSetupError: 'continue' });
    host.use([
      plugin('disabled'),
      plugin('failed', { setup: failing.throws('no') }),
      plugin('blocked', { requires: { failed: '*' } }),
    ]);
    await host.start();
    await host.disable('disabled');
    journal.length = 0;
    await host.remove('disabled');
    await host.remove('failed');
    await host.remove('blocked');
    expect(states()).toEqual({});
    expect(journal).toEqual([]);
  });

  it('before the start forgets what is registered', async () => {
    const { host, journal, plugin, states } = openStage();
    host.use([plugin('a'), plugin('b')]);
    await host.remove('a');
    expect(states()).toEqual({ b: 'registered' });
    host.use(plugin('a'));
    await host.start();
    expect(journal).toEqual(['b setup', 'a setup', 'b ready', 'a ready']);
  });

  it('of a name that is not there is UNKNOWN_PLUGIN, with the nearest', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('acme.parser'));
    await host.start();
    expectError(await rejectionOf(host.remove('acme.prser')), 'UNKNOWN_PLUGIN', 'acme.prser', 'acme.parser');
  });

  it('refuses options that it does not know, and bad ones', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('a'));
    await host.start();
    expectError(await rejectionOf(host.remove('a', { cascad: true } as never)), 'UNKNOWN_OPTION', 'cascade');
    expectError(await rejectionOf(host.remove('a', { drainMs: -1 })), 'INVALID_OPTION', 'drainMs');
    expect(host.plugin('a').state).toBe('active');
  });
});

describe('add', () => {
  it('is NOT_STARTED before the start and after stop, and says what to use', async () => {
    const { host, plugin, states } = openStage();
    expectError(await rejectionOf(host.add(plugin('a'))), 'NOT_STARTED', 'use');
    await host.start();
    await host.stop();
    expectError(await rejectionOf(host.add(plugin('a'))), 'NOT_STARTED', 'use');
    expect(states()).toEqual({});
  });

  it('takes what use takes', async () => {
    const { bus, host, plugin, states } = openStage();
    await host.start();
    await host.add(false);
    await host.add([null, [plugin('a')], Promise.resolve(plugin('b')), Promise.resolve(undefined)]);
    await host.add(Promise.resolve({ default: plugin('c') }));
    await host.add({ name: 'd', load: async () => plugin('d') });
    await host.add({ name: 'e', handlers: { job: () => {} } });
    expect(states()).toEqual({ a: 'active', b: 'active', c: 'active', d: 'active', e: 'active' });
    expect(bus.handlerCount('job')).toBe(1);
  });

  it('gives options and settings', async () => {
    const { bus, host } = openStage();
    const seen: unknown[] = [];
    const minify = definePlugin({
      name: 'minify',
      version: '1.0.0',
      options: typed<{ level: number }>(),
      setup(ctx, options) {
        seen.push(ctx.name, options);
        ctx.on('job', () => {});
      },
    });
    await host.start();
    await host.add(minify, { level: 1 }, { name: 'mini', priority: 3 });
    expect(seen).toEqual(['mini', { level: 1 }]);
    expect(bus.inspect().events.find(({ type }) => type === 'job')?.handlers).toMatchObject([{ priority: 3 }]);
    expectError(await rejectionOf(host.add([minify] as never, { level: 1 } as never)), 'INVALID_ARGUMENT', 'array');
  });

  it('asks `when`', async () => {
    const { host, journal, plugin, states } = openStage();
    await host.start();
    await host.add(plugin('a'), undefined, { when: () => false });
    expect(states()).toEqual({ a: 'disabled' });
    expect(journal).toEqual([]);
  });

  it('puts a plugin where before and after want it', async () => {
    const { host, plugin, tick } = openStage();
    host.use([plugin('a'), plugin('b')]);
    await host.start();
    await host.add(plugin('first', { before: ['a'] }));
    await host.add(plugin('middle', { after: ['a'], before: ['b'] }));
    await host.add(plugin('last'));
    expect(tick()).toEqual(['first', 'a', 'middle', 'b', 'last']);
    const places = host.status().toSorted((x, y) => (x.place as number) - (y.place as number));
    expect(places.map(({ name }) => name)).toEqual(['first', 'a', 'middle', 'b', 'last']);
  });

  it.each(Object.entries(failing))('that fails has added nothing (%s)', async (_, fail) => {
    const { footprint, host, journal, plugin, states, tick } = openStage();
    host.use(plugin('a'));
    await host.start();
    const before = footprint();
    journal.length = 0;
    const error = await rejectionOf(
      host.add([
        plugin('b', { setup: (ctx) => void ctx.own(() => void journal.push('b disposed')) }),
        plugin('c', { requires: { b: '*' }, setup: fail('no') }),
      ]),
    );
    expectError(error, 'PLUGIN_SETUP_FAILED', '"c"', 'no');
    expect(journal).toEqual(['b setup', 'c setup', 'b teardown', 'b disposed']);
    expect(states()).toEqual({ a: 'active' });
    expect(tick()).toEqual(['a']);
    expect(footprint()).toEqual(before);
    await host.add(plugin('b'));
    expect(states()).toEqual({ a: 'active', b: 'active' });
  });

  it('that fails in ready has added nothing', async () => {
    const { host, journal, plugin, states, tick } = openStage();
    host.use(plugin('a'));
    await host.start();
    journal.length = 0;
    const error = await rejectionOf(host.add([plugin('b'), plugin('c', { ready: failing.throws('no peer') })]));
    expectError(error, 'PLUGIN_READY_FAILED', '"c"', 'no peer');
    expect(inPhase(journal, 'teardown')).toEqual(['c', 'b']);
    expect(states()).toEqual({ a: 'active' });
    expect(tick()).toEqual(['a']);
  });

  it('that fails has added nothing also where the host continues', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    await host.start();
    expectError(await rejectionOf(host.add(plugin('a', { setup: failing.throws('no') }))), 'PLUGIN_SETUP_FAILED');
    expect(states()).toEqual({});
  });

  it('checks everything first, and collects what is wrong', async () => {
    const { host, journal, plugin, states } = openStage({ api: '2.0.0' });
    host.use(plugin('a'));
    await host.start();
    journal.length = 0;
    const error = await rejectionOf(
      host.add([
        plugin('b'),
        plugin('c', { requires: { a: '^2' } }),
        plugin('d', { api: '^1' }),
        plugin('e', { requires: { nobody: '*' } }),
        Promise.resolve(plugin('a')),
      ]),
    );
    expect(error).toBeInstanceOf(PluginsError);
    expect(
      errorsOf(error)
        .map(({ code }) => code)
        .sort(),
    ).toEqual(['DUPLICATE_PLUGIN', 'MISSING_PLUGIN', 'UNSUPPORTED_API', 'WRONG_PLUGIN_VERSION'].sort());
    expect(journal).toEqual([]);
    expect(states()).toEqual({ a: 'active' });
  });

  it.each([
    ['DUPLICATE_PLUGIN', (plugin: (name: string) => unknown) => plugin('a')],
    ['INVALID_PLUGIN', () => 5],
    ['INVALID_PLUGIN', () => ({ name: 'b', handlers: { tick: 5 } })],
    ['PLUGIN_LOAD_FAILED', () => Promise.reject(new Error('no such file'))],
  ])('rejects with %s', async (code, make) => {
    const { host, plugin, states } = openStage();
    host.use(plugin('a'));
    await host.start();
    expectError(await rejectionOf(host.add(make(plugin) as never)), code);
    expect(states()).toEqual({ a: 'active' });
  });

  it('does not suffer from what is wrong with others', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    host.use([
      plugin('egg', { requires: { hen: '*' } }),
      plugin('hen', { requires: { egg: '*' } }),
      plugin('first', { before: ['second'] }),
      plugin('second', { before: ['first'] }),
      plugin('printer', { requires: { parser: '*' } }),
    ]);
    await host.start();
    await host.add(plugin('a'));
    expect(states()).toMatchObject({ egg: 'failed', hen: 'failed', first: 'failed', printer: 'blocked', a: 'active' });
  });

  it('finds the APIs of plugins that were there', async () => {
    const { host, plugin } = openStage();
    const seen: unknown[] = [];
    host.use(plugin('parser', { setup: () => 'grammar' }));
    await host.start();
    await host.add(plugin('printer', { requires: { parser: '*' }, setup: (ctx) => void seen.push(ctx.api('parser')) }));
    expect(seen).toEqual(['grammar']);
    expect(host.plugin('parser').status().dependants).toEqual(['printer']);
  });

  it('refuses what requires a plugin that is not active', async () => {
    const { host, plugin, states } = openStage();
    host.use(plugin('parser'));
    await host.start();
    await host.disable('parser');
    const printer = plugin('printer', { requires: { parser: '*' } });
    expectError(await rejectionOf(host.add(printer)), 'MISSING_PLUGIN', 'printer', 'parser', 'disabled');
    expect(states()).toEqual({ parser: 'disabled' });
  });

  it('sets up those that were blocked for want of it, whose failure does not undo it', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    let fails = true;
    host.use([
      plugin('printer', { requires: { parser: '*' } }),
      plugin('spooler', {
        requires: { printer: '*' },
        setup: () => {
          if (fails) throw new Error('no paper');
        },
      }),
    ]);
    await host.start();
    expect(states()).toEqual({ printer: 'blocked', spooler: 'blocked' });
    await host.add(plugin('parser')).catch(() => {});
    expect(states()).toEqual({ printer: 'active', spooler: 'failed', parser: 'active' });
    fails = false;
    await host.enable('spooler');
    expect(states()).toEqual({ printer: 'active', spooler: 'active', parser: 'active' });
  });

  it('reports once what those fail with', async () => {
    const { host, plugin, reports, states } = openStage();
    let fails = false;
    host.use([
      plugin('parser'),
      plugin('printer', {
        requires: { parser: '*' },
        setup: () => {
          if (fails) throw new Error('no paper');
        },
      }),
    ]);
    await host.start();
    await host.remove('parser', { cascade: true });
    fails = true;
    await host.add(plugin('parser'));
    expect(states()).toEqual({ parser: 'active', printer: 'failed' });
    expect(reports).toHaveLength(1);
    expectError(reports[0], 'PLUGIN_SETUP_FAILED', 'printer', 'no paper');
  });

  it('is one after the other: a name that is added twice is a duplicate', async () => {
    const { host, plugin, tick } = openStage();
    await host.start();
    const first = host.add(plugin('a', { setup: () => promisesSettled() }));
    expectError(await rejectionOf(host.add(plugin('a'))), 'DUPLICATE_PLUGIN', '"a"');
    await first;
    expect(tick()).toEqual(['a']);
  });

  it('works in the handler of a plugin', async () => {
    const stage = openStage();
    stage.host.use(stage.plugin('a', { setup: (ctx) => void ctx.on('job', () => stage.host.add(stage.plugin('b'))) }));
    await stage.host.start();
    expect(await stage.bus.emit('job')).toMatchObject({ ok: true });
    expect(stage.tick()).toEqual(['a', 'b']);
  });

  it('refuses emissions in the setup of what is added, until that has succeeded', async () => {
    const { host, plugin } = openStage();
    const errors: unknown[] = [];
    await host.start();
    await host.add(
      plugin('a', {
        setup: async (ctx) => void errors.push(await rejectionOf(ctx.emit('hello'))),
        ready: async (ctx) => void (await ctx.emit('hello')),
      }),
    );
    expect(errors).toHaveLength(1);
    expectError(errors[0], 'NOT_STARTED', '"a"');
  });
});

describe('what is left behind', () => {
  it('is what was there before, however often plugins are added and removed', async () => {
    const { footprint, host, plugin } = openStage();
    host.use(plugin('a'));
    await host.start();
    const before = footprint();
    for (let i = 0; i < 20; i++) {
      await host.add([plugin('b', { setup: (ctx) => void ctx.own(() => {}) }), plugin('c', { requires: { b: '*' } })]);
      await host.remove('b', { cascade: true });
      await host.remove('c');
    }
    expect(footprint()).toEqual(before);
  });
});
