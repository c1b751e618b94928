import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { broadcast, defineEvents, EventBus, first, waterfall } from '../../src/index.js';
import { discoverPlugins } from '../../src/plugins/discovery/index.js';
import {
  definePlugin,
  type PluginContext,
  PluginError,
  PluginHost,
  PluginsError,
  typed,
} from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { errorsOf, expectError, factsOf, inPhase, nothingLeft, openStage, type Parts } from './hosts.js';

/*
 * What docs/semantics.md says of plugins, sentence by sentence. The files beside this one have the cases.
 */

const throwing = (message: string) => () => {
  throw new Error(message);
};

const codeOf = (error: unknown) => (error as { code?: unknown }).code;

const waiting = () => new Promise<never>(() => {});

/** A promise that one test lets go, as a part of a plugin. */
function held(): { readonly part: () => Promise<void>; readonly letGo: () => void } {
  const { promise, resolve } = deferred();
  return { part: () => promise, letGo: resolve };
}

describe('a plugin', () => {
  it('[33] is what definePlugin returned, or an object with a name and handlers', async () => {
    const { bus, host, plugin } = openStage();
    const heard: string[] = [];
    host.use(plugin('defined')).use({ name: 'plain', handlers: { tick: () => heard.push('plain') } });
    await host.start();
    bus.emitSync('tick');
    expect(heard).toEqual(['plain']);
    expect(host.status().map(({ name, version }) => [name, version])).toEqual([
      ['defined', '1.0.0'],
      ['plain', '0.0.0'],
    ]);
  });

  it('[33] is refused by definePlugin, with its name, the field, and the field that was meant', () => {
    const misspelt = { name: 'parser', version: '1.0.0', requries: {} };
    expectError(
      thrownBy(() => definePlugin(misspelt)),
      'INVALID_PLUGIN',
      'parser',
      'requries',
      'requires',
    );
  });

  it('[33] that is a plain object may have fields of its own', async () => {
    const { host, states } = openStage();
    const plain = { name: 'plain', author: 'ann', handlers: {} };
    host.use(plain);
    await host.start();
    expect(states()).toEqual({ plain: 'active' });
  });

  it('[33] may be made by a function, which definePlugin gives back with its parameters', async () => {
    const greeter = definePlugin((to: string) => ({ name: `greeter-${to}`, version: '1.0.0' }));
    const { host, states } = openStage();
    host.use(greeter('ann')).use(greeter('bob'));
    await host.start();
    expect(states()).toEqual({ 'greeter-ann': 'active', 'greeter-bob': 'active' });
  });

  it('[33] may be a promise, a module, a descriptor, nothing, or an array of all that', async () => {
    const { host, plugin, tick } = openStage();
    const load = () => ({ default: plugin('described') });
    host.use([
      plugin('a'),
      [Promise.resolve(plugin('promised')), Promise.resolve({ default: plugin('module') }), false, null],
      { name: 'described', load },
      Promise.resolve(undefined),
    ]);
    await host.start();
    expect(tick()).toEqual(['a', 'promised', 'module', 'described']);
  });

  it('[33] is not loaded, and nothing of it runs, before start', async () => {
    const { host, journal, plugin } = openStage();
    const load = vi.fn(() => plugin('a'));
    host.use({ name: 'a', load });
    await promisesSettled();
    expect([load.mock.calls.length, journal]).toEqual([0, []]);
    await host.start();
    expect([load.mock.calls.length, journal]).toEqual([1, ['a setup', 'a ready']]);
  });

  it('[33] whose promise rejects is reported by start, and never unhandled', async () => {
    const { host } = openStage();
    host.use(Promise.reject(new Error('no such module')));
    // Vitest fails on unhandled rejections, which come in a later task.
    await new Promise((resolve) => setTimeout(resolve));
    const error = expectError(await rejectionOf(host.start()), 'PLUGIN_LOAD_FAILED', 'no such module');
    expect(error.cause).toEqual(new Error('no such module'));
  });

  it('[33] has one name in its host', () => {
    const { host, plugin } = openStage();
    host.use(plugin('a'));
    expectError(
      thrownBy(() => host.use(plugin('a'))),
      'DUPLICATE_PLUGIN',
      'a',
    );
  });

  it('[33] may be used twice under two names', async () => {
    const { host, plugin, tick } = openStage();
    const twice = plugin('a');
    host.use(twice).use(twice, undefined, { name: 'b' });
    await host.start();
    expect(tick()).toEqual(['a', 'b']);
  });

  it('[33] may be synchronous or asynchronous in each of its functions, from call to call', async () => {
    const { bus, host, journal } = openStage();
    let calls = 0;
    const sometimes = (what: string) => () => {
      journal.push(what);
      return calls++ % 2 === 0 ? Promise.resolve() : undefined;
    };
    host.use(
      definePlugin({
        name: 'a',
        version: '1.0.0',
        handlers: { tick: sometimes('tick') },
        setup: sometimes('setup'),
        ready: sometimes('ready'),
        teardown: sometimes('teardown'),
      }),
    );
    for (let run = 0; run < 2; run++) {
      await host.start();
      await bus.emit('tick');
      await host.stop();
      calls++;
    }
    expect(journal).toEqual(['setup', 'ready', 'tick', 'teardown', 'setup', 'ready', 'tick', 'teardown']);
  });

  it('[33] has its handlers subscribed before its setup runs, with the object that they are in as this', async () => {
    const { bus, host } = openStage();
    const heard: unknown[] = [];
    const handlers = {
      tick(this: unknown) {
        heard.push(this);
      },
    };
    host.use(
      definePlugin({
        name: 'a',
        version: '1.0.0',
        handlers,
        setup: (ctx) => void ctx.on('tick', () => heard.push('setup')),
      }),
    );
    await host.start();
    bus.emitSync('tick');
    expect(heard).toEqual([handlers, 'setup']);
  });

  it('[33] can be used until the host is started, and is added afterwards', async () => {
    const { host, plugin, tick } = openStage();
    await host.start();
    expectError(
      thrownBy(() => host.use(plugin('a'))),
      'ALREADY_STARTED',
      'add',
    );
    await host.add(plugin('b'));
    expect(tick()).toEqual(['b']);
  });
});

describe('start', () => {
  it('[34] asks when, and does not load what is not wanted', async () => {
    const { host, plugin, states } = openStage();
    const load = vi.fn(() => plugin('a'));
    host
      .use({ name: 'a', load }, undefined, { when: async () => false })
      .use(plugin('b'), undefined, { when: () => 1 });
    await host.start();
    expect(states()).toEqual({ a: 'disabled', b: 'active' });
    expect(load).not.toHaveBeenCalled();
  });

  it('[34] finds everything that is wrong before anything of a plugin runs, and throws it together', async () => {
    const { host, journal, plugin } = openStage({ api: '2.3.0' });
    host.use([
      plugin('a', { requires: { nobody: '*' } }),
      plugin('b', { requires: { fine: '^2' } }),
      plugin('c', { api: '^1' }),
      plugin('d', { before: ['e'] }),
      plugin('e', { before: ['d'] }),
      plugin('fine'),
    ]);
    const error = await rejectionOf(host.start());
    expect(error).toBeInstanceOf(PluginsError);
    expect(new Set(errorsOf(error).map(({ code }) => code))).toEqual(
      new Set(['MISSING_PLUGIN', 'WRONG_PLUGIN_VERSION', 'UNSUPPORTED_API', 'PLUGIN_ORDER']),
    );
    expect(journal).toEqual([]);
    expect(host.state).toBe('idle');
  });

  it('[34] throws one problem as it is', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('a', { requires: { nobody: '*' } }));
    const error = await rejectionOf(host.start());
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ code: 'MISSING_PLUGIN', plugin: 'a', phase: 'validate' });
  });

  it('[34] gives plugins what the schemas made of their options and services', async () => {
    const got: unknown[] = [];
    const plugin = definePlugin({
      name: 'a',
      version: '1.0.0',
      options: z.object({ level: z.string().transform(Number) }),
      services: { store: z.object({ rows: z.array(z.number()).default([]) }) },
      setup: (ctx, options) => void got.push(options, ctx.options, ctx.services.store),
    });
    await new PluginHost(new EventBus(), { services: { store: {} } }).use(plugin, { level: '2' }).start();
    expect(got).toEqual([{ level: 2 }, { level: 2 }, { rows: [] }]);
  });

  it('[34] sets a plugin up as soon as all that it requires, or makes use of, is set up', async () => {
    const { host, journal, plugin } = openStage();
    const [slow, quick] = [held(), held()];
    host.use([
      plugin('c', { requires: { a: '*' } }),
      plugin('a', { setup: slow.part }),
      plugin('b', { setup: quick.part }),
      plugin('d', { optional: { b: '*', nobody: '*' } }),
    ]);
    const started = host.start();
    await promisesSettled();
    expect(inPhase(journal, 'setup')).toEqual(['a', 'b']);
    quick.letGo();
    await promisesSettled();
    expect(inPhase(journal, 'setup')).toEqual(['a', 'b', 'd']);
    slow.letGo();
    await started;
    expect(inPhase(journal, 'setup')).toEqual(['a', 'b', 'd', 'c']);
  });

  it('[34] sets synchronous plugins up within one tick', async () => {
    const { host, journal, plugin } = openStage();
    const ticks: number[] = [];
    let tick = 0;
    const count = () => {
      tick++;
      if (ticks.length < 3) queueMicrotask(count);
    };
    const setup = () => {
      if (ticks.length === 0) count();
      ticks.push(tick);
    };
    host.use([plugin('a', { setup, requires: { b: '*' } }), plugin('b', { setup }), plugin('c', { setup })]);
    await host.start();
    expect(inPhase(journal, 'setup')).toEqual(['b', 'a', 'c']);
    expect(ticks).toEqual([1, 1, 1]);
  });

  it('[34] has what a plugin subscribes heard when its setup has succeeded, all at once', async () => {
    const { host, plugin, tick } = openStage();
    const slow = held();
    host.use([plugin('slow', { setup: slow.part }), plugin('quick')]);
    const started = host.start();
    await promisesSettled();
    expect(tick()).toEqual(['quick']);
    slow.letGo();
    await started;
    expect(tick()).toEqual(['slow', 'quick']);
  });

  it('[34] has no plugin emit in its setup', async () => {
    const { host, plugin, reports } = openStage();
    const refused: unknown[] = [];
    const setup = async (ctx: PluginContext) => {
      refused.push(await rejectionOf(ctx.emit('tick')));
      refused.push(thrownBy(() => ctx.emitSync('tick')));
      refused.push(thrownBy(() => ctx.dispatch('tick')));
      ctx.post('tick');
    };
    host.use(plugin('a', { setup }));
    await host.start();
    expect(refused.concat(reports).map(codeOf)).toEqual(Array(4).fill('NOT_STARTED'));
  });

  it('[34] runs each ready when all are visible, one after the other, dependencies first', async () => {
    const { host, journal, plugin, tick } = openStage();
    const slow = held();
    host.use([
      plugin('b', { requires: { a: '*' }, ready: () => void journal.push(tick().join()) }),
      plugin('a', { ready: slow.part }),
    ]);
    const started = host.start();
    await promisesSettled();
    expect(inPhase(journal, 'ready')).toEqual(['a']);
    slow.letGo();
    await started;
    expect(journal.slice(-2)).toEqual(['b ready', 'a,b']);
  });
});

describe('the order of plugins', () => {
  it('[35] is that of use, each after those that it requires or makes use of, whenever a setup ends', async () => {
    const { host, plugin, tick } = openStage();
    const slow = held();
    host.use([
      plugin('d', { requires: { b: '*' }, optional: { c: '*' } }),
      plugin('a'),
      plugin('b', { setup: slow.part }),
      plugin('c'),
    ]);
    const started = host.start();
    await promisesSettled();
    slow.letGo();
    await started;
    expect(tick()).toEqual(['b', 'c', 'd', 'a']);
    expect(host.status().map(({ name, place }) => [name, place])).toEqual([
      ['b', 1],
      ['c', 2],
      ['d', 3],
      ['a', 4],
    ]);
  });

  it('[35] of handlers heeds before and after, which that of setups does not', async () => {
    const { host, journal, plugin, tick } = openStage();
    host.use([plugin('a', { after: ['c'] }), plugin('b'), plugin('c', { before: ['b'] })]);
    await host.start();
    expect(inPhase(journal, 'setup')).toEqual(['a', 'b', 'c']);
    expect(tick()).toEqual(['c', 'a', 'b']);
  });

  it('[35] comes after that of priorities, and after handlers of no plugin', async () => {
    const { bus, host } = openStage();
    const heard: string[] = [];
    host
      .use({ name: 'a', handlers: { tick: () => heard.push('a') } })
      .use({ name: 'b', before: ['a'], handlers: { tick: { handle: () => heard.push('b'), priority: -1 } } })
      .use({ name: 'c', handlers: { tick: { handle: () => heard.push('c'), priority: 1 } } });
    await host.start();
    bus.on('tick', () => heard.push('application'));
    bus.emitSync('tick');
    expect(heard).toEqual(['c', 'application', 'a', 'b']);
  });

  it('[35] takes no notice of before and after of a plugin that is not there, but for one warning', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const { host, plugin, tick } = openStage();
    host.use([plugin('a'), plugin('b', { before: ['nobody'], after: ['nobody'] })]);
    await host.start();
    expect(tick()).toEqual(['a', 'b']);
    expect(warn.mock.calls.flat().filter((line) => String(line).includes('nobody'))).toHaveLength(1);
  });

  it('[35] can not be a circle of requirements, whose path is named', async () => {
    const { host, plugin } = openStage();
    host.use([
      plugin('a', { requires: { b: '*' } }),
      plugin('b', { requires: { c: '*' } }),
      plugin('c', { requires: { a: '*' } }),
    ]);
    expectError(await rejectionOf(host.start()), 'PLUGIN_CYCLE', 'a -> b -> c -> a');
  });

  it('[35] can not be contradictory, and the edges are named', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('a', { before: ['b'] }), plugin('b', { before: ['a'] })]);
    expectError(await rejectionOf(host.start()), 'PLUGIN_ORDER', '"a" is before "b"', '"b" is before "a"');
  });
});

describe('versions', () => {
  const accepted: readonly (readonly [range: string, ...versions: string[]])[] = [
    ['^2.3', '2.3.0', '2.4.0-beta.1', '2.4.0'],
    ['^2.4.0', '2.4.0-beta.1', '2.4.0'],
    ['^2.4.0-beta.2', '2.4.0'],
    ['^3', '3.0.0-beta.1', '3.0.0'],
    ['<3.0.0', '2.3.0', '2.4.0-beta.1', '2.4.0'],
  ];
  const all = ['2.3.0', '2.4.0-beta.1', '2.4.0', '3.0.0-beta.1', '3.0.0'];

  it.each(accepted)(
    '[36] of plugins are compared by semver, a prerelease as its release: %s',
    async (range, ...fit) => {
      const fitting = await Promise.all(
        all.map(async (version) => {
          const { host, plugin } = openStage();
          host.use([plugin('a', { requires: { b: range } }), plugin('b', { version })]);
          const error = await host.start().catch((reason: unknown) => reason);
          if (error !== undefined) expectError(error, 'WRONG_PLUGIN_VERSION', range, version);
          return error === undefined ? [version] : [];
        }),
      );
      expect(fitting.flat()).toEqual(fit);
    },
  );

  it.each(accepted)('[36] of the API are compared in the same way: %s', async (range, ...fit) => {
    const fitting = await Promise.all(
      all.map(async (api) => {
        const { host, plugin } = openStage({ api });
        const error = await host
          .use(plugin('a', { api: range }))
          .start()
          .catch((reason: unknown) => reason);
        if (error !== undefined) expectError(error, 'UNSUPPORTED_API', range, api);
        return error === undefined ? [api] : [];
      }),
    );
    expect(fitting.flat()).toEqual(fit);
  });

  it('[36] of an API that has an adapter send the plugin through it, as it is', async () => {
    const given: unknown[] = [];
    const old = { name: 'old', version: '0.9.0', api: '^1.2', run: () => {} };
    const { host } = openStage({
      api: '2.0.0',
      apis: {
        '1.x': async (plugin: typeof old, hosted: { name: string }) => {
          given.push(plugin, hosted.name);
          return { handlers: { tick: plugin.run } };
        },
      },
    });
    host.use({ name: 'old', api: '^1.2', load: () => old });
    await host.start();
    expect(given[0]).toBe(old);
    expect(given[1]).toBe('old');
    expect(host.status()).toMatchObject([{ name: 'old', version: '0.9.0', state: 'active', adaptedFrom: '1.x' }]);
  });

  it('[36] of an API that has none keep the code of a descriptor from being loaded', async () => {
    const load = vi.fn();
    const { host } = openStage({ api: '2.0.0' });
    host.use({ name: 'old', api: '^1', load });
    expectError(await rejectionOf(host.start()), 'UNSUPPORTED_API', 'old', '^1', '2.0.0');
    expect(load).not.toHaveBeenCalled();
  });
});

describe('a start that fails', () => {
  it('[37] aborts and awaits what is set up beside, disposes of what the failed one has, tears down in reverse', async () => {
    const { footprint, host, journal, plugin } = openStage();
    const ended = held();
    host.use([
      plugin('a'),
      plugin('b', { requires: { a: '*' } }),
      plugin('beside', {
        setup: async (ctx) => {
          await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
          journal.push('beside aborted');
          await ended.part();
        },
      }),
      plugin('failing', {
        setup: async (ctx) => {
          ctx.own(() => journal.push('failing disposed'));
          await null;
          throw new Error('no disk');
        },
      }),
    ]);
    const started = rejectionOf(host.start());
    await promisesSettled();
    expect(inPhase(journal, 'teardown')).toEqual([]);
    ended.letGo();
    const error = expectError(await started, 'PLUGIN_SETUP_FAILED', 'failing', 'no disk');
    expect(error).toMatchObject({ plugin: 'failing', cause: new Error('no disk'), rollbackErrors: [] });
    expect(journal).toContain('beside aborted');
    expect(journal).toContain('failing disposed');
    expect(inPhase(journal, 'teardown').slice(-2)).toEqual(['b', 'a']);
    expect(inPhase(journal, 'teardown')).not.toContain('failing');
    expect(footprint()).toEqual(nothingLeft);
    expect(host.state).toBe('idle');
  });

  it('[37] keeps what went wrong while it was undone, and may be tried again', async () => {
    const { host, plugin, states } = openStage();
    let broken = true;
    host.use([
      plugin('a', { teardown: () => broken && throwing('no goodbye')() }),
      plugin('b', { requires: { a: '*' }, setup: () => broken && throwing('no disk')() }),
    ]);
    const error = await rejectionOf(host.start());
    expect(error).toMatchObject({
      code: 'PLUGIN_SETUP_FAILED',
      rollbackErrors: [{ code: 'PLUGIN_TEARDOWN_FAILED', plugin: 'a' }],
    });
    broken = false;
    await host.start();
    expect(states()).toEqual({ a: 'active', b: 'active' });
  });

  it('[37] tears everything down where ready fails', async () => {
    const { footprint, host, journal, plugin } = openStage();
    host.use([plugin('a'), plugin('b', { requires: { a: '*' }, ready: throwing('no') })]);
    expectError(await rejectionOf(host.start()), 'PLUGIN_READY_FAILED', 'b');
    expect(inPhase(journal, 'teardown')).toEqual(['b', 'a']);
    expect(footprint()).toEqual(nothingLeft);
  });

  it('[37] does so where its signal aborts, and rejects with the reason', async () => {
    const { footprint, host, journal, plugin } = openStage();
    const patience = new AbortController();
    const setup = (ctx: PluginContext) => new Promise((_, reject) => ctx.signal.addEventListener('abort', reject));
    host.use([plugin('a'), plugin('b', { setup })]);
    const started = rejectionOf(host.start({ signal: patience.signal }));
    await promisesSettled();
    patience.abort('enough');
    expect(await started).toBe('enough');
    expect(inPhase(journal, 'teardown')).toEqual(['a']);
    expect(footprint()).toEqual(nothingLeft);
  });

  it('[37] does so where the host is stopped meanwhile', async () => {
    const { footprint, host, plugin } = openStage();
    const setup = (ctx: PluginContext) => new Promise((_, reject) => ctx.signal.addEventListener('abort', reject));
    host.use(plugin('a', { setup }));
    const started = rejectionOf(host.start());
    await promisesSettled();
    await host.stop();
    expectError(await started, 'HOST_STOPPED');
    expect(footprint()).toEqual(nothingLeft);
  });

  it("[37] goes on under 'continue', with each error reported once", async () => {
    const { host, plugin, reports, states, tick } = openStage({ onSetupError: 'continue' });
    host.use([
      plugin('bad', { setup: throwing('no disk') }),
      plugin('needs-bad', { requires: { bad: '*' } }),
      plugin('needs-that', { requires: { 'needs-bad': '*' } }),
      plugin('fine'),
    ]);
    await host.start();
    expect(states()).toEqual({ bad: 'failed', 'needs-bad': 'blocked', 'needs-that': 'blocked', fine: 'active' });
    expect(reports.filter(({ code }) => code === 'PLUGIN_SETUP_FAILED')).toHaveLength(1);
    expect(tick()).toEqual(['fine']);
  });

  it('[37] has failed when a setup takes too long, and refuses what that still does', async () => {
    const { clock, host, plugin } = openStage({ setupTimeoutMs: 1_000 });
    const slow = held();
    const late: unknown[] = [];
    let aborted: unknown;
    const setup = async (ctx: PluginContext) => {
      ctx.signal.addEventListener('abort', () => (aborted = ctx.signal.reason));
      await slow.part();
      late.push(thrownBy(() => ctx.on('tick', () => {})));
      late.push(thrownBy(() => ctx.own(() => late.push('disposed of at once'))));
    };
    host.use(plugin('a', { setup }));
    const started = rejectionOf(host.start());
    await clock.advance(1_000);
    const error = expectError(await started, 'PLUGIN_SETUP_FAILED', 'a');
    expect(error.cause).toMatchObject({ name: 'TimeoutError' });
    expect(aborted).toMatchObject({ name: 'TimeoutError' });
    slow.letGo();
    await promisesSettled();
    expect(late).toMatchObject([{ code: 'CONTEXT_CLOSED' }, 'disposed of at once', { code: 'CONTEXT_CLOSED' }]);
  });
});

describe('the context of a plugin', () => {
  it('[38] has a state that is made anew with each setup', async () => {
    const { host, plugin } = openStage();
    const states: unknown[] = [];
    host.use(plugin('a', { state: () => ({ n: 0 }), setup: (ctx) => void states.push(ctx.state) }));
    await host.start();
    await host.disable('a');
    await host.enable('a');
    expect(states).toEqual([{ n: 0 }, { n: 0 }]);
    expect(states[0]).not.toBe(states[1]);
  });

  it('[38] gives the API of a plugin in requires, and of no other', async () => {
    const { host, plugin } = openStage();
    const got: unknown[] = [];
    host.use([
      plugin('a', { setup: () => ({ answer: 42 }) }),
      plugin('b', {
        requires: { a: '*' },
        optional: { nobody: '*' },
        setup: (ctx) =>
          void got.push(
            ctx.api('a'),
            ctx.optionalApi('nobody'),
            thrownBy(() => ctx.api('c')),
          ),
      }),
      plugin('c'),
    ]);
    await host.start();
    expect(got).toMatchObject([{ answer: 42 }, undefined, { code: 'UNDECLARED_DEPENDENCY' }]);
  });

  it('[38] has what it owns disposed of last in first out, after teardown, each awaited', async () => {
    const { host, journal, plugin } = openStage();
    host.use(
      plugin('a', {
        setup: (ctx) => {
          ctx.own(() => void journal.push('function'));
          ctx.own({ [Symbol.dispose]: () => void journal.push('disposable') });
          ctx.own({ [Symbol.asyncDispose]: async () => void journal.push('async disposable') });
          ctx.own('file', async (file) => {
            await null;
            journal.push(`${file} released`);
          });
        },
      }),
    );
    await host.start();
    await host.stop();
    expect(journal.slice(2)).toEqual(['a teardown', 'file released', 'async disposable', 'disposable', 'function']);
  });

  it('[38] can not be subscribed with once its plugin is being torn down, but emits', async () => {
    const { bus, host, plugin } = openStage();
    const met: unknown[] = [];
    bus.on('bye', () => met.push('bye'));
    const teardown = async (ctx: PluginContext) => {
      met.push(thrownBy(() => ctx.on('tick', () => {})));
      await ctx.emit('bye');
    };
    host.use(plugin('a', { teardown }));
    await host.start();
    await host.stop();
    expect(met).toMatchObject([{ code: 'CONTEXT_CLOSED' }, 'bye']);
  });

  it('[38] is closed when its plugin has been torn down, and disposes at once of what comes too late', async () => {
    const { host, plugin, reports } = openStage();
    const kept: PluginContext[] = [];
    host.use(plugin('a', { setup: (ctx) => void kept.push(ctx) }));
    await host.start();
    await host.stop();
    const [ctx] = kept as [PluginContext];
    let disposed = false;
    const met = [
      thrownBy(() => ctx.on('tick', () => {})),
      thrownBy(() => ctx.emitSync('tick')),
      await rejectionOf(ctx.emit('tick')),
      thrownBy(() => ctx.api('b')),
      thrownBy(() => ctx.own(() => (disposed = true))),
    ];
    ctx.post('tick');
    expect(met.concat(reports).map(codeOf)).toEqual(Array(6).fill('CONTEXT_CLOSED'));
    expect([disposed, ctx.name, ctx.signal.aborted]).toEqual([true, 'a', true]);
  });
});

describe('stop', () => {
  it('[39] tears down those that require others before these', async () => {
    const { host, journal, plugin } = openStage();
    host.use([plugin('c', { requires: { b: '*' } }), plugin('b', { requires: { a: '*' } }), plugin('a')]);
    await host.start();
    await host.stop();
    expect(inPhase(journal, 'teardown')).toEqual(['c', 'b', 'a']);
  });

  it('[39] skips what has not started, drains what runs, aborts, tears down, disposes', async () => {
    const { bus, host, journal, plugin } = openStage();
    const running = held();
    host.use([
      plugin('a', {
        setup: (ctx) => {
          ctx.signal.addEventListener('abort', () => journal.push('a aborted'));
          ctx.own(() => journal.push('a disposed'));
          ctx.on('job', async () => {
            await running.part();
            journal.push('a ran');
          });
          ctx.on('job', () => void journal.push('never'));
        },
      }),
    ]);
    await host.start();
    const emission = bus.emit('job');
    const stopped = host.stop();
    await promisesSettled();
    expect(inPhase(journal, 'teardown')).toEqual([]);
    running.letGo();
    await stopped;
    expect(journal.slice(2)).toEqual(['a ran', 'a aborted', 'a teardown', 'a disposed']);
    expect(await emission).toMatchObject({ called: 1, skipped: 1 });
  });

  it('[39] waits for at most drainMs, and then keeps that as an error', async () => {
    const { bus, clock, host, journal, plugin } = openStage();
    host.use(plugin('a', { setup: (ctx) => void ctx.on('job', waiting) }));
    await host.start();
    bus.post('job');
    const stopped = rejectionOf(host.stop({ drainMs: 1_000 }));
    await clock.advance(999);
    expect(inPhase(journal, 'teardown')).toEqual([]);
    await clock.advance(1);
    expectError(await stopped, 'PLUGIN_NOT_DRAINED', 'a');
    expect(inPhase(journal, 'teardown')).toEqual(['a']);
  });

  it('[39] stops nothing early, limits each step, and keeps every error', async () => {
    const { clock, footprint, host, journal, plugin } = openStage({ teardownTimeoutMs: 1_000 });
    const b: Parts = {
      requires: { a: '*' },
      setup: (ctx) => {
        ctx.own(() => void journal.push('b disposed'));
        ctx.own(waiting);
      },
      teardown: throwing('no goodbye'),
    };
    host.use([plugin('b', b), plugin('a', { teardown: waiting })]);
    await host.start();
    const stopped = rejectionOf(host.stop());
    await clock.advance(1_000);
    await clock.advance(1_000);
    const errors = errorsOf(await stopped) as PluginError[];
    expect(errors.map(({ code, plugin: name, phase }) => [code, name, phase])).toEqual([
      ['PLUGIN_TEARDOWN_FAILED', 'b', 'teardown'],
      ['PLUGIN_TEARDOWN_FAILED', 'b', 'dispose'],
      ['PLUGIN_TEARDOWN_FAILED', 'a', 'teardown'],
    ]);
    expect(journal).toContain('b disposed');
    expect(footprint()).toEqual(nothingLeft);
    expect(host.state).toBe('stopped');
  });

  it('[39] is one stop where it is called twice, and nothing where nothing was started', async () => {
    const { host, journal, plugin } = openStage();
    await host.stop();
    host.use(plugin('a'));
    await host.start();
    await Promise.all([host.stop(), host.stop()]);
    await host.stop();
    expect(inPhase(journal, 'teardown')).toEqual(['a']);
  });

  it('[39] may be followed by another start', async () => {
    const { host, plugin, tick } = openStage();
    host.use(plugin('a'));
    await host.start();
    await host.stop();
    await host.start();
    expect(tick()).toEqual(['a']);
    await host.stop();
    expect(tick()).toEqual([]);
  });
});

describe('changes', () => {
  it('[40] are carried out one after the other', async () => {
    const { host, journal, plugin, states } = openStage();
    const slow = held();
    host.use(plugin('a', { teardown: slow.part }));
    await host.start();
    const changes = [host.disable('a'), host.enable('a'), host.disable('a'), host.enable('a')];
    await promisesSettled();
    expect(journal).toEqual(['a setup', 'a ready', 'a teardown']);
    slow.letGo();
    await Promise.all(changes);
    expect(inPhase(journal, 'setup')).toHaveLength(3);
    expect(states()).toEqual({ a: 'active' });
  });

  it('[40] that take a plugin out skip its handlers whose turn has not come, and wait for those that run', async () => {
    const { bus, host, journal, plugin } = openStage();
    const gate = held();
    host.use([
      plugin('a', {
        setup: (ctx) => {
          ctx.on('job', async () => {
            await gate.part();
            journal.push('ran');
          });
          ctx.on('job', () => void journal.push('never'));
        },
      }),
    ]);
    await host.start();
    const emission = bus.emit('job');
    const disabled = host.disable('a');
    gate.letGo();
    await disabled;
    expect(journal.slice(2)).toEqual(['ran', 'a teardown']);
    expect(await emission).toMatchObject({ called: 1, skipped: 1 });
    expect(await bus.emit('job')).toMatchObject({ called: 0 });
  });

  it('[40] of one plugin for another have every emission see exactly one of the two, at the same place', async () => {
    const { bus, host, plugin } = openStage();
    const gate = held();
    const seen: string[] = [];
    const named = (name: string, version: string) =>
      plugin(name, {
        version,
        setup: (ctx) => void ctx.on('job', (n) => void seen.push(`${String(n)} ${name} ${ctx.version}`)),
      });
    bus.on('job', gate.part);
    host.use([named('a', '1.0.0'), named('b', '1.0.0')]);
    await host.start();
    const before = bus.emit('job', 'before');
    const replaced = host.replace('a', named('a', '2.0.0'));
    await promisesSettled();
    const after = bus.emit('job', 'after');
    gate.letGo();
    await Promise.all([before, after, replaced]);
    expect(seen.toSorted()).toEqual(['after a 2.0.0', 'after b 1.0.0', 'before a 1.0.0', 'before b 1.0.0']);
    seen.length = 0;
    await bus.emit('job', 'later');
    expect(seen).toEqual(['later a 2.0.0', 'later b 1.0.0']);
  });

  it('[40] call no handler once the teardown of its plugin has begun', async () => {
    const { bus, clock, host, journal, plugin } = openStage();
    const gate = held();
    bus.on('job', gate.part);
    host.use(plugin('a', { setup: (ctx) => void ctx.on('job', () => void journal.push('called')) }));
    await host.start();
    const emission = bus.emit('job');
    const replaced = rejectionOf(host.replace('a', plugin('a', { version: '2.0.0' }), { drainMs: 10 }));
    await clock.advance(10);
    expectError(await replaced, 'PLUGIN_NOT_DRAINED', 'a');
    expect(inPhase(journal, 'teardown')).toEqual(['a']);
    gate.letGo();
    expect(await emission).toMatchObject({ called: 1, skipped: 1 });
    expect(journal).not.toContain('called');
  });

  it('[40] that fail leave everything as it was', async () => {
    const { host, plugin, states, tick } = openStage();
    host.use([plugin('a'), plugin('b', { requires: { a: '^1' } })]);
    await host.start();
    const bad = plugin('a', { version: '1.1.0', setup: throwing('no disk') });
    expectError(await rejectionOf(host.replace('a', bad, { cascade: true })), 'PLUGIN_SETUP_FAILED');
    const wrong = plugin('a', { version: '2.0.0' });
    expectError(
      await rejectionOf(host.replace('a', wrong, { cascade: true })),
      'WRONG_PLUGIN_VERSION',
      'b',
      '^1',
      '2.0.0',
    );
    expectError(await rejectionOf(host.add(plugin('c', { setup: throwing('no disk') }))), 'PLUGIN_SETUP_FAILED');
    expect(tick()).toEqual(['a', 'b']);
    expect(states()).toEqual({ a: 'active', b: 'active' });
    expect(host.plugin('a').version).toBe('1.0.0');
  });

  it('[40] of a plugin that active ones require are refused, unless with cascade', async () => {
    const { host, plugin, states, tick } = openStage();
    host.use([plugin('a'), plugin('b', { requires: { a: '*' } })]);
    await host.start();
    for (const refused of [host.disable('a'), host.remove('a'), host.replace('a', plugin('a'))]) {
      expectError(await rejectionOf(refused), 'HAS_DEPENDANTS', 'b');
    }
    expect(tick()).toEqual(['a', 'b']);
    await host.disable('a', { cascade: true });
    expect(states()).toEqual({ a: 'disabled', b: 'blocked' });
    await host.enable('a');
    expect(tick()).toEqual(['a', 'b']);
  });

  it('[40] of a plugin for another set those that require it up anew with cascade', async () => {
    const { host, plugin, tick } = openStage();
    const apis: unknown[] = [];
    host.use([
      plugin('a', { setup: () => 1 }),
      plugin('b', { requires: { a: '*' }, setup: (ctx) => void apis.push(ctx.api('a')) }),
    ]);
    await host.start();
    await host.replace('a', plugin('a', { version: '2.0.0', setup: () => 2 }), { cascade: true });
    expect(apis).toEqual([1, 2]);
    expect(tick()).toEqual(['a', 'b']);
  });

  it('[40] that a handler makes to its own plugin do not wait for it', async () => {
    const { bus, host, states } = openStage();
    host.use({
      name: 'a',
      handlers: {
        sync: () => host.disable('a'),
        async late(_payload: unknown, ctx: object) {
          await null;
          await host.disable('a', { parent: ctx });
        },
      },
    });
    await host.start();
    for (const event of ['sync', 'late']) {
      expect(await bus.emit(event)).toMatchObject({ ok: true, called: 1 });
      expect(states()).toEqual({ a: 'disabled' });
      await host.enable('a');
    }
  });
});

describe('the limits of a plugin', () => {
  it('[41] are the shorter time, the sum of priorities, both filters', async () => {
    const { bus, clock, host } = openStage();
    const heard: string[] = [];
    host
      .use(
        {
          name: 'a',
          handlers: {
            slow: { handle: waiting, timeoutMs: 5_000 },
            tick: { handle: () => heard.push('a'), priority: 2, filter: (n) => n !== 1 },
          },
        },
        undefined,
        { timeoutMs: 1_000, priority: -3, filter: ({ payload }) => payload !== 2 },
      )
      .use({ name: 'b', handlers: { tick: () => heard.push('b') } });
    await host.start();
    const slow = bus.emit('slow');
    await clock.advance(1_000);
    expect((await slow).failures).toMatchObject([{ code: 'HANDLER_TIMEOUT', group: 'a' }]);
    for (const n of [1, 2, 3]) bus.emitSync('tick', n);
    expect(heard).toEqual(['b', 'b', 'b', 'a']);
  });

  it('[41] confine what it subscribes to and emits, in the contexts of its handlers too', async () => {
    const { bus, host, plugin } = openStage();
    const met: unknown[] = [];
    const confined = plugin('a', {
      setup: (ctx) => {
        ctx.on(
          'order.*',
          async (_order, emission) => {
            met.push(await rejectionOf(emission.emit('mail.sent')), (await ctx.emit('order.seen')).ok);
          },
          { times: 1 },
        );
        met.push(
          thrownBy(() => ctx.on('**', () => {})),
          thrownBy(() => ctx.onAny(() => {})),
        );
      },
    });
    host.use(confined, undefined, { allow: { on: ['order.**', 'tick'], emit: ['order.seen'] } });
    await host.start();
    await bus.emit('order.placed');
    const forbidden = { code: 'FORBIDDEN_EVENT' };
    expect(met).toMatchObject([forbidden, forbidden, forbidden, true]);
  });

  it('[41] are the services that it asks for', async () => {
    const got: unknown[] = [];
    const asks = definePlugin({
      name: 'a',
      version: '1.0.0',
      services: { store: typed<string>() },
      setup: (ctx) => void got.push({ ...ctx.services }),
    });
    const services = ({ name }: { name: string }) => ({ store: `store of ${name}`, secret: 'key' });
    await new PluginHost(new EventBus(), { services }).use(asks).start();
    expect(got).toEqual([{ store: 'store of a' }]);
    const refused = new PluginHost(new EventBus(), { services: { other: 1 } }).use(asks as never);
    expectError(await rejectionOf(refused.start()), 'MISSING_SERVICE', 'a', 'store', 'other');
  });

  it('[41] are its declared events, as long as it is in the host', async () => {
    const events = defineEvents({ page: waterfall<string>() });
    const bus = new EventBus<typeof events & Record<'a.saved', number>>({ events: events as never });
    const brings = definePlugin({
      name: 'a',
      version: '1.0.0',
      declares: defineEvents({ 'a.saved': broadcast(z.number()) }),
    });
    const host = new PluginHost(bus as unknown as EventBus).use(brings as never);
    expectError(await rejectionOf(bus.emit('a.saved', 1)), 'UNDECLARED_EVENT');
    await host.start();
    expect(await bus.emit('a.saved', 1)).toMatchObject({ ok: true });
    expectError(await rejectionOf(bus.emit('a.saved', 'one' as never)), 'INVALID_PAYLOAD');
    await host.stop();
    expectError(await rejectionOf(bus.emit('a.saved', 1)), 'UNDECLARED_EVENT');
  });

  it('[41] are refused where its events are not those of the bus', async () => {
    const bus = new EventBus({ events: defineEvents({ page: waterfall<string>() }) });
    const other = definePlugin({
      name: 'a',
      version: '1.0.0',
      events: defineEvents({ page: first<string, string>() }),
    });
    expectError(await rejectionOf(new PluginHost(bus).use(other as never).start()), 'EVENT_MISMATCH', 'a', 'page');
  });
});

describe('what is told of plugins', () => {
  it('[42] is their state, with the reason', async () => {
    const { host, plugin } = openStage({ onSetupError: 'continue' });
    host.use([
      plugin('a', { setup: throwing('no disk') }),
      plugin('b', { requires: { a: '*' } }),
      plugin('c', { setup: (ctx) => void ctx.own(() => {}) }),
      plugin('d'),
    ]);
    await host.start();
    await host.disable('d');
    expect(host.status()).toMatchObject([
      { name: 'a', state: 'failed', error: { code: 'PLUGIN_SETUP_FAILED' }, dependants: ['b'] },
      { name: 'b', state: 'blocked', reason: expect.stringContaining('a') },
      { name: 'c', state: 'active', reason: undefined, handlers: 1, resources: 1, late: 0 },
      { name: 'd', state: 'disabled', handlers: 0 },
    ]);
  });

  it('[42] is the order of handlers, with the reason of each place', async () => {
    const { bus, host, plugin } = openStage();
    bus.on('tick', () => {}, { name: 'own' });
    host.use([plugin('b', { after: ['a'] }), plugin('a')]);
    await host.start();
    const { handlers } = host.explain('tick');
    expect(handlers.map(({ handler, group, place }) => [handler, group, place])).toEqual([
      ['own', undefined, 0],
      ['a-tick', 'a', 1],
      ['b-tick', 'b', 2],
    ]);
    expect(handlers[2]?.reason).toContain('after');
    expect(String(host.explain('tick')).split('\n').length).toBeGreaterThanOrEqual(3);
  });

  it('[42] are changes of state, and phases with outcome and duration', async () => {
    const { bus, clock, host, plugin } = openStage();
    const facts = factsOf(bus);
    host.use(plugin('a', { setup: () => new Promise<void>((resolve) => clock.setTimeout(resolve, 300)) }));
    const started = host.start();
    await clock.advance(300);
    await started;
    await host.stop();
    expect(facts.pluginStateChanged.map(({ from, to }) => `${from} to ${to}`)).toEqual([
      'undefined to registered',
      'registered to starting',
      'starting to active',
      'active to stopping',
      'stopping to stopped',
    ]);
    expect(facts.pluginPhaseSettled).toContainEqual({
      host: 'host',
      plugin: 'a',
      phase: 'setup',
      outcome: 'ok',
      error: undefined,
      durationMs: 300,
      late: false,
    });
    expect(facts.pluginPhaseStarted.map(({ phase }) => phase)).toEqual(
      facts.pluginPhaseSettled.map(({ phase }) => phase),
    );
  });

  it('[42] is who is still starting, after one second, two, four', async () => {
    const { bus, clock, host, plugin } = openStage();
    const { pluginsSlow } = factsOf(bus);
    host.use([plugin('a', { setup: waiting }), plugin('b', { requires: { a: '*' } })]);
    const started = rejectionOf(host.start());
    await clock.advance(7_999);
    expect(pluginsSlow.map(({ elapsedMs }) => elapsedMs)).toEqual([1_000, 2_000, 4_000]);
    expect(pluginsSlow[0]).toMatchObject({
      starting: [{ plugin: 'a', phase: 'setup' }],
      waiting: [{ plugin: 'b', for: ['a'] }],
    });
    await clock.advance(10_000);
    await started;
  });

  it('[42] is a deprecation, once for each plugin and feature', async () => {
    const { bus, host, plugin } = openStage();
    const { pluginDeprecationFound } = factsOf(bus);
    host.use([plugin('a'), plugin('b')]);
    await host.start();
    const deprecation = { since: '2.0.0', use: 'http.get', link: 'https://example.com' };
    for (const name of ['a', 'a', 'b']) host.deprecate(name, 'http.fetch', deprecation);
    expect(pluginDeprecationFound).toMatchObject([
      { plugin: 'a', feature: 'http.fetch', ...deprecation },
      { plugin: 'b', feature: 'http.fetch', ...deprecation },
    ]);
  });
});

describe('discovery', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  /** A folder with these files. */
  function folderWith(files: Record<string, string | object>): string {
    const folder = mkdtempSync(join(tmpdir(), 'ambus-semantics-'));
    folders.push(folder);
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
    }
    return folder;
  }

  const manifest = (name: string) => ({
    name,
    version: '1.2.0',
    exports: {},
    ambus: { plugin: './plugin.mjs', api: '^2' },
  });
  const code = (name: string) =>
    `globalThis.ambusLoaded = (globalThis.ambusLoaded ?? []).concat('${name}');
     export default { name: '${name}', handlers: {} };`;
  const loaded = () => (globalThis as { ambusLoaded?: string[] }).ambusLoaded ?? [];

  it('[43] reads the manifests of direct dependencies, in the order of names, and runs no code before the start', async () => {
    const from = folderWith({
      'package.json': { dependencies: { zebra: '1', plain: '1', ant: '1' } },
      'node_modules/zebra/package.json': manifest('zebra'),
      'node_modules/zebra/plugin.mjs': code('zebra'),
      'node_modules/plain/package.json': { name: 'plain', dependencies: { indirect: '1' } },
      'node_modules/indirect/package.json': manifest('indirect'),
      'node_modules/ant/package.json': manifest('ant'),
      'node_modules/ant/plugin.mjs': code('ant'),
    });
    const found = await discoverPlugins({ from });
    expect(found.map(({ name, version, api }) => [name, version, api])).toEqual([
      ['ant', '1.2.0', '^2'],
      ['zebra', '1.2.0', '^2'],
    ]);
    expect(loaded()).toEqual([]);
    const { host, states } = openStage({ api: '2.0.0' });
    for (const plugin of found) host.use(plugin);
    await host.start();
    expect(loaded().toSorted()).toEqual(['ant', 'zebra']);
    expect(states()).toEqual({ ant: 'active', zebra: 'active' });
  });

  it('[43] reads a folder of files', async () => {
    const folder = folderWith({
      'b.mjs': '',
      'a.js': '',
      '_draft.js': '',
      'a.test.js': '',
      'notes.md': '',
      'c/index.js': '',
      'd/package.json': manifest('dee'),
      'd/plugin.mjs': '',
    });
    expect((await discoverPlugins({ folder })).map(({ name }) => name)).toEqual(['a', 'b', 'c', 'dee']);
  });

  it('[43] refuses a broken manifest, and a dependency that is not installed, by file and field', async () => {
    const broken = folderWith({
      'package.json': { dependencies: { bad: '1' } },
      'node_modules/bad/package.json': { name: 'bad', ambus: { plugin: '../outside.js' } },
    });
    expectError(
      await rejectionOf(discoverPlugins({ from: broken })),
      'INVALID_MANIFEST',
      'bad',
      'plugin',
      '../outside.js',
    );
    const missing = folderWith({ 'package.json': { dependencies: { gone: '1' } } });
    expectError(await rejectionOf(discoverPlugins({ from: missing })), 'DISCOVERY_FAILED', 'gone');
    const optional = folderWith({ 'package.json': { optionalDependencies: { gone: '1' } } });
    expect(await discoverPlugins({ from: optional })).toEqual([]);
  });
});
