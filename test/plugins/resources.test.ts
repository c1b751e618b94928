import { describe, expect, it } from 'vitest';
import { type PluginContext, PluginError } from '../../src/plugins/index.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { errorsOf, expectError, nothingLeft, openStage } from './hosts.js';

/** A stage with one plugin that owns what a test gives it. */
function openOwner(own: (ctx: PluginContext, journal: string[]) => unknown, options?: Parameters<typeof openStage>[0]) {
  const stage = openStage(options);
  stage.host.use(stage.plugin('owner', { setup: (ctx) => void own(ctx, stage.journal) }));
  return stage;
}

describe('what a plugin owns', () => {
  it.each<[string, (ctx: PluginContext, note: (given?: unknown) => unknown) => unknown]>([
    ['a function', (ctx, note) => ctx.own(() => note())],
    ['a disposable', (ctx, note) => ctx.own({ [Symbol.dispose]: () => void note() })],
    ['an asynchronous disposable', (ctx, note) => ctx.own({ [Symbol.asyncDispose]: async () => void note() })],
    ['anything with its release', (ctx, note) => ctx.own({ id: 1 }, () => note())],
    ['a number with its release', (ctx, note) => ctx.own(5, () => note())],
    ['undefined with its release', (ctx, note) => ctx.own(undefined, () => note())],
    [
      'a class instance with a disposing method',
      (ctx, note) => {
        class Pool {
          readonly #open = true;
          [Symbol.dispose](): void {
            if (this.#open) note();
          }
        }
        return ctx.own(new Pool());
      },
    ],
  ])('is disposed of when it is torn down, once: %s', async (_, own) => {
    let disposed = 0;
    const { host } = openOwner((ctx) => own(ctx, () => void (disposed += 1)));
    await host.start();
    expect(host.plugin('owner').status().resources).toBe(1);
    expect(disposed).toBe(0);
    await host.disable('owner');
    expect(disposed).toBe(1);
    expect(host.plugin('owner').status().resources).toBe(0);
    await host.stop();
    expect(disposed).toBe(1);
  });

  it('is what ctx.own returns', async () => {
    const seen: unknown[] = [];
    const resources = [() => {}, { [Symbol.dispose]: () => {} }, { [Symbol.asyncDispose]: async () => {} }, { id: 1 }];
    const { host } = openOwner((ctx) => {
      for (const resource of resources.slice(0, 3)) seen.push(ctx.own(resource as () => void));
      seen.push(ctx.own(resources[3], () => {}));
    });
    await host.start();
    expect(seen).toHaveLength(4);
    for (const [index, resource] of seen.entries()) expect(resource).toBe(resources[index]);
  });

  it('is given to its release', async () => {
    const seen: unknown[] = [];
    const pool = { id: 1 };
    const { host } = openOwner((ctx) => ctx.own(pool, (...given) => void seen.push(...given)));
    await host.start();
    await host.stop();
    expect(seen).toEqual([pool]);
    expect(seen[0]).toBe(pool);
  });

  it('is disposed of by its release alone, where it has a method for that too', async () => {
    const seen: string[] = [];
    const { host } = openOwner((ctx) =>
      ctx.own({ [Symbol.dispose]: () => void seen.push('dispose') }, () => void seen.push('release')),
    );
    await host.start();
    await host.stop();
    expect(seen).toEqual(['release']);
  });

  it('is disposed of asynchronously where it can be disposed of either way', async () => {
    const seen: string[] = [];
    const { host } = openOwner((ctx) =>
      ctx.own({
        [Symbol.dispose]: () => void seen.push('dispose'),
        [Symbol.asyncDispose]: async () => void seen.push('asyncDispose'),
      }),
    );
    await host.start();
    await host.stop();
    expect(seen).toEqual(['asyncDispose']);
  });

  it('is disposed of once where it is a function that is disposable: what an `on` of a bus returns', async () => {
    const { bus, host, plugin } = openStage();
    let disposed = 0;
    const both = Object.assign(() => void (disposed += 1), { [Symbol.dispose]: () => void (disposed += 1) });
    host.use(
      plugin('owner', {
        setup: (ctx) => {
          ctx.own(both);
          ctx.own(bus.on('job', () => {}));
        },
      }),
    );
    await host.start();
    expect(bus.handlerCount('job')).toBe(1);
    await host.stop();
    expect(disposed).toBe(1);
    expect(bus.handlerCount('job')).toBe(0);
  });

  it('is disposed of last in, first out, each awaited, after teardown', async () => {
    const { host, journal, plugin } = openStage();
    const slow = (text: string) => async () => {
      journal.push(`${text} begins`);
      await promisesSettled();
      journal.push(`${text} ends`);
    };
    host.use(
      plugin('owner', {
        setup: (ctx) => {
          ctx.own(slow('first'));
          ctx.own({ [Symbol.asyncDispose]: slow('second') });
          ctx.own(() => void journal.push('third'));
          ctx.own('pool', slow('fourth'));
        },
        teardown: slow('teardown'),
      }),
    );
    await host.start();
    journal.length = 0;
    await host.stop();
    expect(journal).toEqual([
      'owner teardown',
      'teardown begins',
      'teardown ends',
      'fourth begins',
      'fourth ends',
      'third',
      'second begins',
      'second ends',
      'first begins',
      'first ends',
    ]);
  });

  it('may come in ready and in handlers', async () => {
    const { bus, host, journal, plugin } = openStage();
    host.use(
      plugin('owner', {
        setup: (ctx) => void ctx.on('job', () => void ctx.own(() => void journal.push('of the handler'))),
        ready: (ctx) => void ctx.own(() => void journal.push('of ready')),
      }),
    );
    await host.start();
    bus.emitSync('job');
    bus.emitSync('job');
    expect(host.plugin('owner').status().resources).toBe(3);
    journal.length = 0;
    await host.stop();
    expect(journal).toEqual(['owner teardown', 'of the handler', 'of the handler', 'of ready']);
  });

  it('may be owned in teardown too', async () => {
    const { host, journal, plugin } = openStage();
    host.use(plugin('owner', { teardown: (ctx) => void ctx.own(() => void journal.push('disposed')) }));
    await host.start();
    await host.stop();
    expect(journal.slice(2)).toEqual(['owner teardown', 'disposed']);
  });

  it('is not disposed of while handlers use it', async () => {
    const { bus, host, plugin } = openStage();
    const gate = deferred();
    let open = true;
    let openAtTheEnd: boolean | undefined;
    host.use(
      plugin('owner', {
        setup: (ctx) => {
          ctx.own(() => void (open = false));
          ctx.on('job', async () => {
            await gate.promise;
            openAtTheEnd = open;
          });
        },
      }),
    );
    await host.start();
    const job = bus.emit('job');
    const stop = host.stop();
    await promisesSettled();
    expect(open).toBe(true);
    gate.resolve();
    await Promise.all([job, stop]);
    expect([openAtTheEnd, open]).toEqual([true, false]);
  });

  it('is that of an instance: another set-up, another resource', async () => {
    const seen: string[] = [];
    let instances = 0;
    const { host } = openOwner((ctx) => {
      const id = ++instances;
      ctx.own(() => void seen.push(`disposed ${id}`));
    });
    await host.start();
    await host.disable('owner');
    await host.enable('owner');
    await host.stop();
    expect(seen).toEqual(['disposed 1', 'disposed 2']);
  });
});

describe('ctx.own', () => {
  it.each([
    [undefined],
    [null],
    [5],
    ['pool'],
    [{}],
    [{ [Symbol.dispose]: 5 }],
    [{ dispose: () => {} }],
    [Promise.resolve()],
  ])('refuses what can not be disposed of: %s', async (resource) => {
    const errors: unknown[] = [];
    const { host } = openOwner((ctx) => void errors.push(thrownBy(() => ctx.own(resource as never))));
    await host.start();
    expectError(errors[0], 'INVALID_ARGUMENT');
    expect(host.plugin('owner').status().resources).toBe(0);
  });

  it.each([[5], [null], ['close'], [{}]])('refuses a release that is no function: %j', async (release) => {
    const errors: unknown[] = [];
    const { host } = openOwner((ctx) => void errors.push(thrownBy(() => ctx.own({ id: 1 }, release as never))));
    await host.start();
    expectError(errors[0], 'INVALID_ARGUMENT', 'release');
  });
});

describe.each(Object.entries(failing))('a resource whose disposal fails (%s)', (_, fail) => {
  it.each<[string, (ctx: PluginContext) => unknown]>([
    ['a function', (ctx) => ctx.own(fail('stuck'))],
    ['a disposable', (ctx) => ctx.own({ [Symbol.dispose]: fail('stuck') })],
    ['an asynchronous disposable', (ctx) => ctx.own({ [Symbol.asyncDispose]: fail('stuck') })],
    ['a release', (ctx) => ctx.own({ id: 1 }, fail('stuck'))],
  ])('is PLUGIN_TEARDOWN_FAILED, and the others are disposed of: %s', async (kind, own) => {
    const { footprint, host, journal } = openOwner((ctx, notes) => {
      ctx.own(() => void notes.push('first'));
      own(ctx);
      ctx.own(() => void notes.push('last'));
    });
    await host.start();
    const error = await rejectionOf(host.stop());
    // A promise that Symbol.dispose returns is nobody's business elsewhere; here it is not lost.
    expectError(error, 'PLUGIN_TEARDOWN_FAILED', 'owner', 'stuck');
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ plugin: 'owner', phase: 'dispose', cause: { message: 'stuck' } });
    expect(journal.slice(-2)).toEqual(['last', 'first']);
    expect(footprint()).toEqual(nothingLeft);
    expect(kind).toBeDefined();
  });
});

describe('a resource whose disposal takes too long', () => {
  it('is given up when the time of a teardown is over, and the others are disposed of', async () => {
    const { clock, host, journal } = openOwner(
      (ctx, notes) => {
        ctx.own(() => void notes.push('first'));
        ctx.own(() => new Promise<void>(() => {}));
        ctx.own(() => new Promise<void>(() => {}));
      },
      { teardownTimeoutMs: 100 },
    );
    await host.start();
    const rejection = rejectionOf(host.stop());
    await clock.advance(100);
    expect(journal).not.toContain('first');
    await clock.advance(99);
    expect(journal).not.toContain('first');
    await clock.advance(1);
    const errors = errorsOf(await rejection);
    expect(errors).toHaveLength(2);
    for (const error of errors) {
      expectError(error, 'PLUGIN_TEARDOWN_FAILED', 'owner', '100');
      expect(error).toMatchObject({ phase: 'dispose', cause: { name: 'TimeoutError' } });
    }
    expect(journal).toContain('first');
    expect(clock.pending).toBe(0);
  });

  it('counts as late until it has ended', async () => {
    const gate = deferred();
    const { clock, host } = openOwner((ctx) => ctx.own(() => gate.promise), { teardownTimeoutMs: 100 });
    await host.start();
    const rejection = rejectionOf(host.disable('owner'));
    await clock.advance(100);
    expectError(await rejection, 'PLUGIN_TEARDOWN_FAILED', 'owner');
    expect(host.plugin('owner').status()).toMatchObject({ state: 'disabled', late: 1 });
    gate.resolve();
    await promisesSettled();
    expect(host.plugin('owner').status()).toMatchObject({ late: 0 });
  });
});
