import { beforeEach, describe, expect, it, vi } from 'vitest';
import { deferred, promisesSettled, rejectionOf } from '../bus/deferred.js';
import { errorsOf, expectError, factsOf, inPhase, openStage, type Parts } from './hosts.js';

/** Starts a host of plugins with these names and parts, in this order, and returns the orders that came about. */
async function ordersOf(plugins: Record<string, Parts>) {
  const { host, journal, plugin, tick } = openStage();
  host.use(Object.entries(plugins).map(([name, parts]) => plugin(name, parts)));
  await host.start();
  const places = host.status().toSorted((a, b) => (a.place as number) - (b.place as number));
  const handlers = tick();
  expect(places.map(({ name }) => name)).toEqual(handlers);
  expect(places.map(({ place }) => place)).toEqual(places.map((__, index) => index + 1));
  return { setups: inPhase(journal, 'setup').join(' '), handlers: handlers.join(' ') };
}

/** What a start with these plugins rejects with. */
async function refusalOf(plugins: Record<string, Parts>): Promise<unknown> {
  const { footprint, host, journal, plugin } = openStage();
  const before = footprint();
  host.use(Object.entries(plugins).map(([name, parts]) => plugin(name, parts)));
  const error = await rejectionOf(host.start());
  expect(journal).toEqual([]);
  expect(footprint()).toEqual(before);
  return error;
}

const any = (...names: string[]) => Object.fromEntries(names.map((name) => [name, '*']));

describe('setups', () => {
  it.each<[string, string, Record<string, Parts>]>([
    ['in the order of use', 'a b c', { a: {}, b: {}, c: {} }],
    ['with a dependency just before', 'c a b', { a: { requires: any('c') }, b: {}, c: {} }],
    ['with an optional dependency just before', 'c a b', { a: { optional: any('c') }, b: {}, c: {} }],
    ['without an optional dependency that is absent', 'a b', { a: { optional: any('c') }, b: {} }],
    [
      'with a chain of dependencies',
      'd c b a',
      {
        a: { requires: any('b') },
        b: { requires: any('c') },
        c: { requires: any('d') },
        d: {},
      },
    ],
    [
      'with a dependency of several once, where it is needed first',
      'd a b c',
      {
        a: { requires: any('d') },
        b: { requires: any('d') },
        c: { requires: any('d') },
        d: {},
      },
    ],
    ['with the dependencies of one in the order of use', 'b c a', { a: { requires: any('b', 'c') }, b: {}, c: {} }],
    [
      'with the dependencies of one in the order of use, however they are listed',
      'b c a',
      {
        a: { requires: any('c', 'b') },
        b: {},
        c: {},
      },
    ],
    [
      'with a diamond',
      'd b c a e',
      {
        a: { requires: any('b', 'c') },
        b: { requires: any('d') },
        c: { requires: any('d') },
        d: {},
        e: {},
      },
    ],
    [
      'with those where nothing has to be moved',
      'a b c',
      { a: {}, b: { requires: any('a') }, c: { requires: any('a') } },
    ],
  ])('run %s', async (_, expected, plugins) => {
    expect(await ordersOf(plugins)).toEqual({ setups: expected, handlers: expected });
  });

  it('do not change with before and after', async () => {
    const { setups, handlers } = await ordersOf({ a: { after: ['b'] }, b: {}, c: { before: ['b'] } });
    expect(setups).toBe('a b c');
    expect(handlers).toBe('c b a');
  });
});

describe('handlers', () => {
  it.each<[string, string, Record<string, Parts>]>([
    ['after another plugin', 'c a b', { a: { after: ['c'] }, b: {}, c: {} }],
    ['before another plugin', 'c a b', { a: {}, b: {}, c: { before: ['a'] } }],
    ['after several', 'b c a', { a: { after: ['b', 'c'] }, b: {}, c: {} }],
    ['before several', 'c a b', { a: {}, b: {}, c: { before: ['a', 'b'] } }],
    [
      'with dependencies and before together',
      'd b c a',
      {
        a: { requires: any('c') },
        b: { before: ['c'], requires: any('d') },
        c: {},
        d: {},
      },
    ],
    ['by both sides of the same edge', 'b a', { a: { after: ['b'] }, b: { before: ['a'] } }],
    ['where nothing has to be moved', 'a b', { a: { before: ['b'] }, b: { after: ['a'] } }],
    ['over a chain', 'c b a', { a: { after: ['b'] }, b: { after: ['c'] }, c: {} }],
  ])('come %s', async (_, expected, plugins) => {
    expect((await ordersOf(plugins)).handlers).toBe(expected);
  });

  it('come before those of a plugin that theirs requires, where theirs says so; setups stay', async () => {
    expect(await ordersOf({ parser: {}, sniffer: { requires: any('parser'), before: ['parser'] } })).toEqual({
      setups: 'parser sniffer',
      handlers: 'sniffer parser',
    });
    expect(await ordersOf({ parser: { after: ['sniffer'] }, sniffer: { requires: any('parser') } })).toEqual({
      setups: 'parser sniffer',
      handlers: 'sniffer parser',
    });
  });

  it('have the place of their plugin, whenever its setup ended', async () => {
    const { host, plugin, tick } = openStage();
    const gates = [deferred(), deferred(), deferred()];
    host.use(gates.map((gate, index) => plugin(`p${index}`, { setup: () => gate.promise })));
    const start = host.start();
    for (const index of [2, 0, 1]) {
      gates[index]?.resolve();
      await promisesSettled();
    }
    await start;
    expect(tick()).toEqual(['p0', 'p1', 'p2']);
  });

  it('that subscribe late have the place of their plugin all the same', async () => {
    const { bus, host, plugin } = openStage();
    const seen: string[] = [];
    const listen = (name: string) => () => void seen.push(name);
    host.use([
      plugin('a', { ready: (ctx) => void ctx.on('job', () => void ctx.on('late', listen('a'))) }),
      plugin('b', { setup: (ctx) => void ctx.on('late', listen('b')) }),
    ]);
    await host.start();
    bus.emitSync('job');
    bus.emitSync('late');
    expect(seen).toEqual(['a', 'b']);
  });

  it('of the application come first among equals: they have the place 0', async () => {
    const { bus, host, plugin } = openStage();
    const seen: string[] = [];
    host.use(plugin('a', { setup: (ctx) => void ctx.on('job', () => void seen.push('a')) }));
    await host.start();
    bus.on('job', () => void seen.push('app'));
    bus.emitSync('job');
    expect(seen).toEqual(['app', 'a']);
  });

  it('of different priorities come by priority alone', async () => {
    const { bus, host, plugin } = openStage();
    const seen: string[] = [];
    const listen = (name: string, priority: number, parts: Parts = {}) =>
      plugin(name, { ...parts, setup: (ctx) => void ctx.on('job', () => void seen.push(name), { priority }) });
    host.use([
      listen('low', -1, { before: ['high', 'base'] }),
      listen('base', 0),
      listen('high', 1, { requires: any('low'), after: ['base'] }),
    ]);
    await host.start();
    bus.emitSync('job');
    expect(seen).toEqual(['high', 'base', 'low']);
  });
});

describe('before and after that name plugins which are not there', () => {
  beforeEach(() => {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
  });

  const warnings = () => vi.mocked(console.warn).mock.calls.map(([message]) => String(message));

  it('have no effect, and one warning each', async () => {
    const plugins = { a: {}, b: { before: ['nobody'], after: ['nothing'] }, c: { after: ['nobody'] } };
    expect((await ordersOf(plugins)).handlers).toBe('a b c');
    expect(warnings()).toHaveLength(3);
    expect(warnings().filter((text) => text.includes('"b"') && text.includes('nobody'))).toHaveLength(1);
    expect(warnings().filter((text) => text.includes('"b"') && text.includes('nothing'))).toHaveLength(1);
    expect(warnings().filter((text) => text.includes('"c"') && text.includes('nobody'))).toHaveLength(1);
  });

  it('warn once where both name the same one', async () => {
    await ordersOf({ a: { before: ['nobody', 'nobody'], after: ['nobody'] } });
    expect(warnings()).toHaveLength(1);
  });

  it('warn on the console also where an observer listens', async () => {
    const { bus, host, plugin } = openStage();
    const facts = factsOf(bus);
    host.use(plugin('a', { before: ['nobody'] }));
    await host.start();
    expect(warnings()).toHaveLength(1);
    expect(facts.pluginDeprecationFound).toEqual([]);
  });

  it('warn once also where the host is started again', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('a', { before: ['nobody'] }));
    await host.start();
    await host.stop();
    await host.start();
    expect(warnings()).toHaveLength(1);
  });

  it('say which name may have been meant', async () => {
    await ordersOf({ parser: {}, printer: { after: ['prser'] } });
    expect(warnings()[0]).toContain('parser');
  });

  it('do not warn of names that are there', async () => {
    await ordersOf({ a: { before: ['b'] }, b: { after: ['a'] } });
    expect(warnings()).toEqual([]);
  });

  it('do not warn of plugins that are disabled', async () => {
    const { host, plugin, tick } = openStage();
    host.use(plugin('a', { after: ['b'] })).use(plugin('b'), undefined, { when: () => false });
    await host.start();
    expect(warnings()).toEqual([]);
    await host.enable('b');
    expect(tick()).toEqual(['b', 'a']);
  });
});

describe('before and after that contradict each other', () => {
  it('are PLUGIN_ORDER, which names the edges', async () => {
    const error = await refusalOf({ a: { before: ['b'] }, b: { before: ['a'] } });
    expectError(error, 'PLUGIN_ORDER', `"a" is before "b" (a's before)`, `"b" is before "a" (b's before)`);
  });

  it('are named by whose edge it is', async () => {
    const error = await refusalOf({ a: { before: ['b'], after: ['b'] }, b: {} });
    expectError(error, 'PLUGIN_ORDER', `"a" is before "b" (a's before)`, `"b" is before "a" (a's after)`);
  });

  it('are found over several plugins', async () => {
    const error = await refusalOf({ a: { after: ['c'] }, b: { after: ['a'] }, c: { after: ['b'] }, d: {} });
    expectError(
      error,
      'PLUGIN_ORDER',
      `"a" is before "b" (b's after)`,
      `"b" is before "c" (c's after)`,
      `"c" is before "a" (a's after)`,
    );
    expect((error as Error).message).not.toContain('"d"');
  });

  it('are found together with what plugins require', async () => {
    const error = await refusalOf({ a: { requires: any('b') }, b: { requires: any('c') }, c: { after: ['a'] } });
    expectError(error, 'PLUGIN_ORDER', `"a" is before "c" (c's after)`, '"c" is before "b"', '"b" is before "a"');
    expect((error as Error).message).toContain('requires');
  });

  it('are one error for each cycle', async () => {
    const error = await refusalOf({
      a: { before: ['b'] },
      b: { before: ['a'] },
      c: { before: ['d'] },
      d: { before: ['c'] },
    });
    expect(errorsOf(error)).toMatchObject([{ code: 'PLUGIN_ORDER' }, { code: 'PLUGIN_ORDER' }]);
  });

  it('are one with itself too', async () => {
    expectError(await refusalOf({ a: { before: ['a'] } }), 'PLUGIN_ORDER', '"a" is before "a"');
    expectError(await refusalOf({ a: { after: ['a'] } }), 'PLUGIN_ORDER', '"a" is before "a"');
  });
});

describe('plugins that require each other', () => {
  it.each<[string, string[], Record<string, Parts>]>([
    [
      'two',
      ['hen -> egg -> hen', 'egg -> hen -> egg'],
      { hen: { requires: any('egg') }, egg: { requires: any('hen') } },
    ],
    [
      'three',
      ['a -> b -> c -> a', 'b -> c -> a -> b', 'c -> a -> b -> c'],
      {
        a: { requires: any('b') },
        b: { requires: any('c') },
        c: { requires: any('a') },
        d: { requires: any('a') },
      },
    ],
    ['one itself', ['a -> a'], { a: { requires: any('a') } }],
    ['one optionally', ['a -> b -> a', 'b -> a -> b'], { a: { requires: any('b') }, b: { optional: any('a') } }],
  ])('are PLUGIN_CYCLE, with the path, once: %s', async (_, paths, plugins) => {
    const error = await refusalOf(plugins);
    expectError(error, 'PLUGIN_CYCLE');
    const { message } = error as Error;
    expect(paths.filter((path) => message.includes(path))).toHaveLength(1);
  });

  it('are an error for each cycle', async () => {
    const error = await refusalOf({
      a: { requires: any('b') },
      b: { requires: any('a', 'c') },
      c: { requires: any('b') },
      d: { requires: any('d') },
    });
    const errors = errorsOf(error);
    expect(errors.map(({ code }) => code)).toEqual(['PLUGIN_CYCLE', 'PLUGIN_CYCLE', 'PLUGIN_CYCLE']);
    expect(errors[0]?.message).toContain('a -> b -> a');
    expect(errors[1]?.message).toMatch(/b -> c -> b|c -> b -> c/);
    expect(errors[2]?.message).toContain('d -> d');
  });
});

describe('many plugins', () => {
  it('are put in order without exhausting the stack', async () => {
    const { host, plugin, tick } = openStage();
    const count = 5_000;
    const names = Array.from({ length: count }, (_, index) => `p${index}`);
    host.use(names.map((name, index) => plugin(name, index + 1 < count ? { requires: any(`p${index + 1}`) } : {})));
    await host.start();
    expect(tick()).toEqual(names.toReversed());
    await host.stop();
  });
});
