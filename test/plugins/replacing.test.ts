import { describe, expect, it } from 'vitest';
import { definePlugin, type PluginContext, typed } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { stateOf } from '../bus/promise-state.js';
import { describeSyncAndAsync, expectError, inPhase, openStage, type Parts } from './hosts.js';

/** A started stage with plugins `a`, `parser` and `c`, of which `parser` answers `job` with a text. */
async function openParser(parts: Parts = {}, options?: Parameters<typeof openStage>[0]) {
  const stage = openStage(options);
  const answers: string[] = [];
  const answering = (text: string, { setup, ...more }: Parts = {}, name = 'parser') =>
    stage.plugin(name, {
      ...more,
      setup: (ctx) => {
        ctx.on('job', () => void answers.push(text), { name: text });
        return setup?.(ctx);
      },
      teardown: (ctx) => {
        stage.journal.push(`${text} torn down`);
        return more.teardown?.(ctx);
      },
    });
  stage.host.use([stage.plugin('a'), answering('old', parts), stage.plugin('c')]);
  await stage.host.start();
  stage.journal.length = 0;
  /** What answers a `job` that is emitted now. */
  const job = (): string[] => {
    answers.length = 0;
    stage.bus.emitSync('job');
    return answers.slice();
  };
  return { ...stage, answering, answers, job };
}

describeSyncAndAsync((inTime) => {
  describe('replace', () => {
    it('puts the new plugin at the place of the old one, under its name', async () => {
      const { answering, host, job, journal, states, tick } = await openParser({ teardown: inTime(() => {}) });
      const next = answering(
        'new',
        { version: '2.0.0', setup: inTime(() => {}), ready: inTime(() => {}) },
        'fast-parser',
      );
      await host.replace('parser', next);
      expect(job()).toEqual(['new']);
      expect(tick()).toEqual(['a', 'parser', 'c']);
      expect(states()).toEqual({ a: 'active', parser: 'active', c: 'active' });
      expect(host.plugin('parser').status()).toMatchObject({ name: 'parser', version: '2.0.0', place: 2 });
      expect(journal[0]).toBe('parser setup');
      expect(journal.toSorted()).toEqual(['old torn down', 'parser ready', 'parser setup', 'parser teardown'].sort());
    });
  });
});

describe('replace', () => {
  it('keeps the old one heard until the new one is set up, and switches in one tick', async () => {
    const { answering, bus, host, job, journal } = await openParser();
    const gate = deferred();
    const replace = host.replace('parser', answering('new', { setup: () => gate.promise }));
    await promisesSettled();
    expect(job()).toEqual(['old']);
    expect(bus.handlerCount('job')).toBe(1);
    expect(journal).toEqual(['parser setup']);
    gate.resolve();
    for (let i = 0; i < 20; i++) {
      expect(job()).toHaveLength(1);
      await null;
    }
    await replace;
    expect(job()).toEqual(['new']);
  });

  it('has emissions that had begun call the old one, and later ones the new one', async () => {
    const { answering, answers, bus, host, journal } = await openParser();
    const gate = deferred();
    bus.on('job', (wait) => (wait === true ? gate.promise : undefined));
    const begun = bus.emit('job', true);
    const replace = host.replace('parser', answering('new'));
    await promisesSettled();
    expect(await bus.emit('job')).toMatchObject({ ok: true, called: 2 });
    expect(answers).toEqual(['new']);
    expect(journal).not.toContain('old torn down');
    gate.resolve();
    expect(await begun).toMatchObject({ ok: true, called: 2, skipped: 0 });
    await replace;
    expect(answers).toEqual(['new', 'old']);
    expect(journal).toContain('old torn down');
  });

  it('drains the old one for at most drainMs: what it has not called then is skipped', async () => {
    const { answering, answers, bus, clock, host, journal, states } = await openParser();
    const gate = deferred();
    bus.on('job', () => gate.promise);
    const begun = bus.emit('job');
    const rejection = rejectionOf(host.replace('parser', answering('new'), { drainMs: 200 }));
    await clock.advance(199);
    expect(journal).not.toContain('old torn down');
    await clock.advance(1);
    expectError(await rejection, 'PLUGIN_NOT_DRAINED', 'parser', '200');
    expect(journal).toContain('old torn down');
    expect(states()['parser']).toBe('active');
    gate.resolve();
    expect(await begun).toMatchObject({ called: 1, skipped: 1 });
    expect(answers).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('has runs of the old one that wait for a slot run before its teardown', async () => {
    const gate = deferred();
    const { answering, answers, bus, host, journal } = await openParser({
      setup: (ctx) => {
        const run = () => {
          answers.push('run');
          return gate.promise;
        };
        ctx.on('slow', run, { concurrency: 1 });
      },
    });
    const slow = Promise.all([bus.emit('slow'), bus.emit('slow')]);
    const replace = host.replace('parser', answering('new'));
    await promisesSettled();
    gate.resolve();
    await replace;
    expect((await slow).map(({ called }) => called)).toEqual([1, 1]);
    expect(answers).toEqual(['run', 'run']);
    expect(journal.at(-1)).toBe('old torn down');
  });

  it('lets the old one emit while it drains, but subscribe no more', async () => {
    const gate = deferred();
    const seen: unknown[] = [];
    const { answering, bus, host } = await openParser({
      setup: (ctx) =>
        void ctx.on('slow', async () => {
          await gate.promise;
          seen.push((await ctx.emit('other')).ok);
          seen.push(thrownBy(() => ctx.on('more', () => {})));
        }),
    });
    const slow = bus.emit('slow');
    const replace = host.replace('parser', answering('new'));
    await promisesSettled();
    gate.resolve();
    await Promise.all([slow, replace]);
    expect(seen[0]).toBe(true);
    expectError(seen[1], 'CONTEXT_CLOSED', 'parser');
  });

  it('puts the new one where its own before and after want it', async () => {
    const { answering, host, job, tick } = await openParser();
    await host.replace('parser', answering('new', { before: ['a'] }));
    expect(tick()).toEqual(['parser', 'a', 'c']);
    expect(host.plugin('parser').status().place).toBe(1);
    await host.replace('parser', answering('newer'));
    expect(tick()).toEqual(['a', 'parser', 'c']);
    expect(job()).toEqual(['newer']);
  });

  it('is followed by handles', async () => {
    const { answering, host } = await openParser();
    const handle = host.plugin('parser');
    await host.replace('parser', answering('new', { version: '2.0.0' }));
    expect(handle).toMatchObject({ name: 'parser', version: '2.0.0', state: 'active' });
  });

  it('waits for the handlers of the old one that run', async () => {
    const gate = deferred();
    const { answering, bus, host, journal } = await openParser({
      setup: (ctx) => void ctx.on('slow', () => gate.promise),
    });
    const slow = bus.emit('slow');
    const replace = host.replace('parser', answering('new'));
    await promisesSettled();
    expect(journal).not.toContain('old torn down');
    gate.resolve();
    await Promise.all([slow, replace]);
    expect(journal).toContain('old torn down');
  });

  it('disposes of the resources of the old one, aborts its signal and closes its context', async () => {
    let old: PluginContext | undefined;
    const { answering, host, journal } = await openParser({
      setup: (ctx) => {
        old = ctx;
        ctx.own(() => void journal.push('old disposed'));
      },
    });
    await host.replace(
      'parser',
      answering('new', { setup: (ctx) => void ctx.own(() => void journal.push('new disposed')) }),
    );
    expect(journal.slice(-2)).toEqual(['old torn down', 'old disposed']);
    expect(old?.signal.aborted).toBe(true);
    expectError(
      thrownBy(() => old?.on('tick', () => {})),
      'CONTEXT_CLOSED',
      'parser',
    );
    expect(host.plugin('parser').status().resources).toBe(1);
  });

  it('runs ready of the new one after the switch', async () => {
    const { answering, answers, host } = await openParser();
    await host.replace('parser', answering('new', { ready: (ctx) => void ctx.emitSync('job') }));
    expect(answers).toEqual(['new']);
  });

  it('gives the new one a state of its own', async () => {
    const { answering, host } = await openParser({ state: () => ({ by: 'old' }) });
    const seen: unknown[] = [];
    await host.replace('parser', answering('new', { setup: (ctx) => void seen.push(ctx.state) }));
    expect(seen).toEqual([{}]);
  });

  it('takes promises, modules, descriptors and objects with handlers', async () => {
    const { answering, bus, host, job } = await openParser();
    await host.replace('parser', Promise.resolve(answering('promised')));
    expect(job()).toEqual(['promised']);
    await host.replace('parser', Promise.resolve({ default: answering('module') }));
    expect(job()).toEqual(['module']);
    await host.replace('parser', { name: 'parser', load: async () => answering('loaded') });
    expect(job()).toEqual(['loaded']);
    const seen: string[] = [];
    await host.replace('parser', { name: 'parser', handlers: { job: () => void seen.push('object') } });
    expect(job()).toEqual([]);
    expect(seen).toEqual(['object']);
    expect(bus.handlerCount('job')).toBe(1);
  });

  it('takes the same plugin again', async () => {
    const { host, journal, plugin, tick } = openStage();
    const a = plugin('a');
    host.use([a, plugin('b')]);
    await host.start();
    await host.replace('a', a);
    expect(tick()).toEqual(['a', 'b']);
    expect(inPhase(journal, 'setup')).toEqual(['a', 'b', 'a']);
    expect(inPhase(journal, 'teardown')).toEqual(['a']);
  });

  it.each([[undefined], [false], [[]], [5], [() => {}]])('refuses %j', async (next) => {
    const { host, job } = await openParser();
    const error = await rejectionOf(host.replace('parser', next as never));
    expect(error).toMatchObject({ code: expect.stringMatching(/^INVALID_(PLUGIN|ARGUMENT)$/) });
    expect(job()).toEqual(['old']);
  });

  it('of a name that is not there is UNKNOWN_PLUGIN, with the nearest', async () => {
    const { answering, host } = await openParser();
    expectError(await rejectionOf(host.replace('prser', answering('new'))), 'UNKNOWN_PLUGIN', 'prser', 'parser');
  });

  it('refuses options that it does not know, and bad ones', async () => {
    const { answering, host, job } = await openParser();
    const replace = (options: unknown) => rejectionOf(host.replace('parser', answering('new'), options as never));
    expectError(await replace({ cascad: true }), 'UNKNOWN_OPTION', 'cascade');
    expectError(await replace({ drainMs: -1 }), 'INVALID_OPTION', 'drainMs');
    expectError(await replace({ parent: {} }), 'INVALID_OPTION', 'parent');
    expectError(await replace(5), 'INVALID_ARGUMENT');
    expect(job()).toEqual(['old']);
  });

  it('rejects with what went wrong in the teardown of the old one; the new one is active', async () => {
    const { answering, host, job } = await openParser({ teardown: failing.throws('stuck') });
    const error = await rejectionOf(host.replace('parser', answering('new')));
    expectError(error, 'PLUGIN_TEARDOWN_FAILED', 'parser', 'stuck');
    expect(job()).toEqual(['new']);
    expect(host.plugin('parser').state).toBe('active');
  });

  it('leaves nothing behind, however often', async () => {
    const { answering, footprint, host } = await openParser();
    const before = footprint();
    for (let i = 0; i < 20; i++) await host.replace('parser', answering(`new ${i}`));
    expect(footprint()).toEqual(before);
  });
});

describe.each(Object.entries(failing))('where the new one can not be set up (%s)', (_, fail) => {
  it('the old one stays, and nothing has changed', async () => {
    const { answering, footprint, host, job, journal, states, tick } = await openParser();
    const before = { footprint: footprint(), status: host.status() };
    const next = answering('new', {
      version: '2.0.0',
      setup: (ctx) => {
        ctx.own(() => void journal.push('new disposed'));
        ctx.onAny(() => {});
        return fail('no grammar')();
      },
    });
    expectError(await rejectionOf(host.replace('parser', next)), 'PLUGIN_SETUP_FAILED', 'parser', 'no grammar');
    expect(journal).toEqual(['parser setup', 'new disposed']);
    expect(job()).toEqual(['old']);
    expect(tick()).toEqual(['a', 'parser', 'c']);
    expect(states()).toEqual({ a: 'active', parser: 'active', c: 'active' });
    expect({ footprint: footprint(), status: host.status() }).toEqual(before);
  });

  it('the context of the old one works on, and it may be replaced later', async () => {
    let old: PluginContext | undefined;
    const { answering, host, job } = await openParser({ setup: (ctx) => void (old = ctx) });
    await rejectionOf(host.replace('parser', answering('new', { setup: fail('no') })));
    expect(old?.signal.aborted).toBe(false);
    old?.on('more', () => {});
    await host.replace('parser', answering('newer'));
    expect(job()).toEqual(['newer']);
  });

  it('only later, in ready, it is torn down and failed: the old one is gone', async () => {
    const { answering, host, job, journal, states } = await openParser();
    const error = await rejectionOf(host.replace('parser', answering('new', { ready: fail('no peer') })));
    expectError(error, 'PLUGIN_READY_FAILED', 'parser', 'no peer');
    expect(journal).toContain('new torn down');
    expect(journal).toContain('old torn down');
    expect(job()).toEqual([]);
    expect(states()).toEqual({ a: 'active', parser: 'failed', c: 'active' });
  });
});

describe('where the new one is refused', () => {
  it.each<[string, string, (stage: Awaited<ReturnType<typeof openParser>>) => unknown]>([
    ['INVALID_PLUGIN', 'is no plugin', () => ({ name: 'parser', handlers: { tick: 5 } })],
    ['INVALID_PLUGIN', 'is a promise of none', () => Promise.resolve(5)],
    ['PLUGIN_LOAD_FAILED', 'can not be loaded', () => Promise.reject(new Error('no such file'))],
    ['UNSUPPORTED_API', 'asks for another API', ({ answering }) => answering('new', { api: '^7' })],
    ['MISSING_PLUGIN', 'requires what is missing', ({ answering }) => answering('new', { requires: { nobody: '*' } })],
    [
      'WRONG_PLUGIN_VERSION',
      'requires another version',
      ({ answering }) => answering('new', { requires: { a: '^7' } }),
    ],
    ['PLUGIN_CYCLE', 'requires itself', ({ answering }) => answering('new', { requires: { parser: '*' } })],
    [
      'PLUGIN_ORDER',
      'contradicts the order',
      ({ answering }) => answering('new', { before: ['a'], after: ['c', 'a'] }),
    ],
  ])('with %s because it %s, the old one stays', async (code, _, makeNext) => {
    const stage = await openParser();
    const before = stage.host.status();
    const error = await rejectionOf(stage.host.replace('parser', makeNext(stage) as never));
    expectError(error, code);
    expect(stage.job()).toEqual(['old']);
    expect(stage.journal).toEqual([]);
    expect(stage.host.status()).toEqual(before);
  });
});

describe('the settings and options of a plugin that is replaced', () => {
  const minify = (note: (options: unknown, name: string) => void) =>
    definePlugin({
      name: 'minify',
      version: '1.0.0',
      options: typed<{ level: number } | undefined>(),
      setup(ctx, options) {
        note(options, ctx.name);
        ctx.on('job', () => {}, { name: 'minify-job' });
      },
    });

  it('stay, unless it gets other options', async () => {
    const { bus, host } = openStage();
    const seen: unknown[] = [];
    const next = minify((...given) => void seen.push(given));
    host.use(next, { level: 1 }, { name: 'mini', priority: 5 });
    await host.start();
    await host.replace('mini', next);
    await host.replace('mini', next, { options: { level: 2 } });
    await host.replace('mini', next);
    expect(seen).toEqual([
      [{ level: 1 }, 'mini'],
      [{ level: 1 }, 'mini'],
      [{ level: 2 }, 'mini'],
      [{ level: 2 }, 'mini'],
    ]);
    expect(bus.inspect().events.find(({ type }) => type === 'job')?.handlers).toMatchObject([{ priority: 5 }]);
  });

  it('stay as they were where the replacing fails', async () => {
    const { host } = openStage();
    const seen: unknown[] = [];
    let fails = false;
    const next = minify((options) => {
      if (fails) throw new Error('no');
      seen.push(options);
    });
    host.use(next, { level: 1 });
    await host.start();
    fails = true;
    await rejectionOf(host.replace('minify', next, { options: { level: 2 } }));
    fails = false;
    await host.disable('minify');
    await host.enable('minify');
    expect(seen).toEqual([{ level: 1 }, { level: 1 }]);
  });
});

describe('replace of a plugin with dependants', () => {
  const apis: unknown[] = [];
  const dependant = (range = '*'): Parts => ({
    requires: { parser: range },
    setup: (ctx) => {
      apis.push([ctx.name, ctx.api('parser')]);
      ctx.on('job', () => {}, { name: `${ctx.name}-job` });
    },
  });

  async function openFamily(parts: Record<string, Parts>, options?: Parameters<typeof openStage>[0]) {
    const stage = openStage(options);
    apis.length = 0;
    stage.host.use([
      stage.plugin('parser', { setup: () => 'old' }),
      ...Object.entries(parts).map(([name, each]) => stage.plugin(name, each)),
      stage.plugin('other'),
    ]);
    await stage.host.start();
    stage.journal.length = 0;
    apis.length = 0;
    return stage;
  }

  it('is HAS_DEPENDANTS, which names them, and changes nothing', async () => {
    const { host, journal, plugin, states } = await openFamily({ printer: dependant(), painter: dependant() });
    const error = await rejectionOf(host.replace('parser', plugin('parser', { version: '1.1.0' })));
    expectError(error, 'HAS_DEPENDANTS', 'parser', 'printer', 'painter', 'cascade');
    expect(journal).toEqual([]);
    expect(host.plugin('parser').version).toBe('1.0.0');
    expect(states()).toEqual({ parser: 'active', printer: 'active', painter: 'active', other: 'active' });
  });

  it('sets them up again with cascade, against the new one', async () => {
    const { host, journal, plugin, states, tick } = await openFamily({
      printer: dependant(),
      spooler: { requires: { printer: '*' } },
    });
    const before = tick();
    await host.replace('parser', plugin('parser', { version: '1.1.0', setup: () => 'new' }), { cascade: true });
    expect(apis).toEqual([['printer', 'new']]);
    expect(inPhase(journal, 'setup')).toEqual(['parser', 'printer', 'spooler']);
    expect(inPhase(journal, 'ready')).toEqual(['parser', 'printer', 'spooler']);
    expect(inPhase(journal, 'teardown')).toEqual(['spooler', 'printer', 'parser']);
    expect(states()).toEqual({ parser: 'active', printer: 'active', spooler: 'active', other: 'active' });
    expect(tick()).toEqual(before);
  });

  it('has every emission see either all the old ones or all the new ones', async () => {
    const { bus, host, plugin } = openStage();
    const versioned = (name: string, version: string, gate: Promise<void> | undefined, requires = {}) =>
      plugin(name, {
        version,
        requires,
        setup: async (ctx) => {
          ctx.on('which', (list) => void (list as string[]).push(version));
          await gate;
        },
      });
    let gate = deferred();
    let version = '1.0.0';
    // One definition whose instances differ by when they are set up.
    const printer = plugin('printer', {
      requires: { parser: '*' },
      setup: async (ctx) => {
        const mine = version;
        ctx.on('which', (list) => void (list as string[]).push(mine));
        await gate.promise;
      },
    });
    host.use([versioned('parser', '1.0.0', undefined), printer]);
    gate.resolve();
    await host.start();
    gate = deferred();
    version = '1.1.0';
    const which = (): string => {
      const list: string[] = [];
      bus.emitSync('which', list);
      return list.join(' ');
    };
    const replace = host.replace('parser', versioned('parser', '1.1.0', undefined), { cascade: true });
    await promisesSettled();
    expect(which()).toBe('1.0.0 1.0.0');
    gate.resolve();
    const seen = new Set<string>();
    for (let i = 0; i < 50; i++) {
      seen.add(which());
      await null;
    }
    await replace;
    seen.add(which());
    expect([...seen]).toEqual(['1.0.0 1.0.0', '1.1.0 1.1.0']);
  });

  it('checks what versions they require, before anything is set up', async () => {
    const { host, journal, plugin, states } = await openFamily({ printer: dependant('^1') });
    const error = await rejectionOf(host.replace('parser', plugin('parser', { version: '2.0.0' }), { cascade: true }));
    expectError(error, 'WRONG_PLUGIN_VERSION', 'parser', 'printer', '2.0.0', '^1');
    expect(journal).toEqual([]);
    expect(states()).toEqual({ parser: 'active', printer: 'active', other: 'active' });
    expect(host.plugin('parser').version).toBe('1.0.0');
  });

  it('keeps all the old ones where one of them can not be set up again', async () => {
    let fails = false;
    const { footprint, host, journal, plugin, states, tick } = await openFamily({
      printer: { requires: { parser: '*' }, setup: (ctx) => void ctx.own(() => void journal.push('printer disposed')) },
      spooler: { requires: { printer: '*' }, setup: () => (fails ? failing.rejects('no paper')() : undefined) },
    });
    const before = { ticks: tick(), footprint: footprint() };
    fails = true;
    const error = await rejectionOf(host.replace('parser', plugin('parser', { version: '1.1.0' }), { cascade: true }));
    expectError(error, 'PLUGIN_SETUP_FAILED', 'spooler', 'no paper');
    expect(inPhase(journal, 'teardown')).toEqual(['printer', 'parser']);
    expect(journal.filter((entry) => entry === 'printer disposed')).toHaveLength(1);
    expect(host.plugin('parser').version).toBe('1.0.0');
    expect(states()).toEqual({ parser: 'active', printer: 'active', spooler: 'active', other: 'active' });
    expect({ ticks: tick(), footprint: footprint() }).toEqual(before);
    expect(host.plugin('parser').api).toBe('old');
  });

  it('has all of them find the new APIs, with the options and settings that they had', async () => {
    const { bus, host, plugin, states } = openStage();
    const seen: unknown[] = [];
    let instances = 0;
    const numbered = (name: string) => `${name} ${++instances}`;
    const printer = definePlugin({
      name: 'printer',
      version: '1.0.0',
      requires: { parser: '*' },
      options: typed<{ copies: number }>(),
      setup(ctx, options) {
        seen.push(options, ctx.api('parser'));
        ctx.on('job', () => {});
        return numbered('printer');
      },
    });
    const parser = () => plugin('parser', { setup: () => numbered('parser') });
    host.use([parser(), plugin('idle', { requires: { parser: '*' } })]);
    host.use(printer, { copies: 3 }, { priority: 4 });
    host.use(plugin('spooler', { requires: { printer: '*' }, setup: (ctx) => void seen.push(ctx.api('printer')) }));
    await host.start();
    await host.disable('idle');
    seen.length = 0;
    await host.replace('parser', parser(), { cascade: true });
    expect(seen).toEqual([{ copies: 3 }, 'parser 3', 'printer 4']);
    expect(states()).toEqual({ parser: 'active', idle: 'disabled', printer: 'active', spooler: 'active' });
    expect(bus.inspect().events.find(({ type }) => type === 'job')?.handlers).toMatchObject([{ priority: 4 }]);
  });

  it('where the ready of one of them fails tears that down, and blocks those that require it', async () => {
    let fails = false;
    const { host, plugin, states, tick } = await openFamily({
      printer: { requires: { parser: '*' }, ready: () => (fails ? failing.rejects('no paper')() : undefined) },
      spooler: { requires: { printer: '*' } },
    });
    fails = true;
    const error = await rejectionOf(host.replace('parser', plugin('parser', { version: '1.1.0' }), { cascade: true }));
    expectError(error, 'PLUGIN_READY_FAILED', 'printer', 'no paper');
    expect(states()).toEqual({ parser: 'active', printer: 'failed', spooler: 'blocked', other: 'active' });
    expect(tick()).toEqual(['parser', 'other']);
  });

  it('where the ready of the new one fails blocks them', async () => {
    const { host, plugin, states, tick } = await openFamily({ printer: dependant() });
    const next = plugin('parser', { ready: failing.throws('no peer') });
    expectError(await rejectionOf(host.replace('parser', next, { cascade: true })), 'PLUGIN_READY_FAILED', 'parser');
    expect(states()).toEqual({ parser: 'failed', printer: 'blocked', other: 'active' });
    expect(tick()).toEqual(['other']);
  });

  it('needs no cascade where they only make use of it', async () => {
    const { host, plugin } = openStage();
    let kept: PluginContext | undefined;
    host.use([
      plugin('cache', { setup: () => 'old' }),
      plugin('server', { optional: { cache: '*' }, setup: (ctx) => void (kept = ctx) }),
    ]);
    await host.start();
    await host.replace('cache', plugin('cache', { setup: () => 'new' }));
    expect(kept?.optionalApi('cache')).toBe('new');
  });

  it('has old dependants find the old API until they are down', async () => {
    const seen: unknown[] = [];
    const { host, plugin } = await openFamily({
      printer: { requires: { parser: '*' }, teardown: (ctx) => void seen.push(ctx.api('parser')) },
    });
    await host.replace('parser', plugin('parser', { setup: () => 'new' }), { cascade: true });
    expect(seen).toEqual(['old']);
  });

  it('sets up those that were blocked for the version of the old one', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    host.use([plugin('parser', { setup: failing.throws('no') }), plugin('printer', { requires: { parser: '*' } })]);
    await host.start();
    expect(states()).toEqual({ parser: 'failed', printer: 'blocked' });
    await host.replace('parser', plugin('parser', { version: '2.0.0' }));
    expect(states()).toEqual({ parser: 'active', printer: 'active' });
  });
});

describe('replace of a plugin that is not active', () => {
  it('just puts the definition in the place of a disabled one', async () => {
    const { answering, host, job, journal, states } = await openParser();
    await host.disable('parser');
    journal.length = 0;
    await host.replace('parser', answering('new', { version: '2.0.0' }));
    expect(journal).toEqual([]);
    expect(states()).toEqual({ a: 'active', parser: 'disabled', c: 'active' });
    await host.enable('parser');
    expect(job()).toEqual(['new']);
    expect(host.plugin('parser').version).toBe('2.0.0');
  });

  it('sets up the new one in the place of a failed one', async () => {
    const { host, plugin, states, tick } = openStage({ onSetupError: 'continue' });
    host.use([plugin('a', { setup: failing.throws('no') }), plugin('b')]);
    await host.start();
    await host.replace('a', plugin('a', { version: '1.0.1' }));
    expect(states()).toEqual({ a: 'active', b: 'active' });
    expect(tick()).toEqual(['a', 'b']);
    expect(host.plugin('a').status()).toMatchObject({ error: undefined, reason: undefined });
  });

  it('leaves a failed one as it is where the new one fails too', async () => {
    const { host, plugin, states } = openStage({ onSetupError: 'continue' });
    host.use(plugin('a', { setup: failing.throws('no') }));
    await host.start();
    const next = plugin('a', { version: '2.0.0', setup: failing.throws('nor now') });
    expectError(await rejectionOf(host.replace('a', next)), 'PLUGIN_SETUP_FAILED', 'nor now');
    expect(states()).toEqual({ a: 'failed' });
    expect(host.plugin('a').version).toBe('1.0.0');
    expect(host.plugin('a').status().reason).toContain('no');
  });

  it('before the start replaces what is registered', async () => {
    const { host, journal, plugin, tick } = openStage();
    host.use([plugin('a'), plugin('b')]);
    await host.replace('a', plugin('other', { setup: () => void journal.push('new one') }));
    expect(host.state).toBe('idle');
    await host.start();
    expect(tick()).toEqual(['a', 'b']);
    expect(journal).toContain('new one');
  });
});

describe('a plugin that replaces itself', () => {
  it('in its own handler does not wait for that handler', async () => {
    const stage = openStage();
    stage.host.use(
      stage.plugin('self', {
        setup: (ctx) =>
          void ctx.on('job', async () => {
            await stage.host.replace('self', stage.plugin('self', { version: '2.0.0' }));
            stage.journal.push('handler went on');
          }),
      }),
    );
    await stage.host.start();
    stage.journal.length = 0;
    const job = stage.bus.emit('job');
    await promisesSettled();
    expect(await stateOf(job)).toBe('fulfilled');
    expect(stage.journal.at(-1)).toBe('handler went on');
    expect(stage.host.plugin('self')).toMatchObject({ version: '2.0.0', state: 'active' });
    expect(stage.clock.pending).toBe(0);
  });

  it('after an await gives its context as parent', async () => {
    const stage = openStage();
    stage.host.use(
      stage.plugin('self', {
        setup: (ctx) =>
          void ctx.on('job', async (_, emission) => {
            await promisesSettled();
            await stage.host.replace('self', stage.plugin('self', { version: '2.0.0' }), { parent: emission });
          }),
      }),
    );
    await stage.host.start();
    expect(await stage.bus.emit('job')).toMatchObject({ ok: true });
    expect(stage.host.plugin('self').version).toBe('2.0.0');
  });
});
