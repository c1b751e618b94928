import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { EventBus } from '../../src/index.js';
import { definePlugin, PluginError, PluginHost, typed } from '../../src/plugins/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { errorsOf, expectError, openStage } from './hosts.js';

interface Database {
  get(key: string): string;
}

const database: Database = { get: (key) => `value of ${key}` };

/** A plugin that asks for services and notes which it has got. */
function reader<Asked extends Record<string, StandardSchemaV1>>(services: Asked, seen: unknown[], name = 'reader') {
  return definePlugin({ name, version: '1.2.3', services, setup: (ctx) => void seen.push(ctx.services) });
}

describe('services', () => {
  it('are those that a plugin asks for, and no others', async () => {
    const seen: unknown[] = [];
    const host = new PluginHost(new EventBus(), { services: { db: database, secret: 'key', clock: Date } });
    host.use(reader({ db: typed<Database>() }, seen));
    host.use(definePlugin({ name: 'modest', version: '1.0.0', setup: (ctx) => void seen.push(ctx.services) }));
    await host.start();
    expect(seen).toEqual([{ db: database }, {}]);
    expect((seen[0] as { db: Database }).db).toBe(database);
    expect('secret' in (seen[0] as object)).toBe(false);
  });

  it('can not be changed by a plugin', async () => {
    const seen: unknown[] = [];
    const services = { db: database };
    const host = new PluginHost(new EventBus(), { services });
    host.use(reader({ db: typed<Database>() }, seen));
    await host.start();
    expect(Object.isFrozen(seen[0])).toBe(true);
    expect(services.db).toBe(database);
  });

  it('may be falsy', async () => {
    const seen: unknown[] = [];
    const host = new PluginHost(new EventBus(), { services: { level: 0, verbose: false, prefix: '' } });
    host.use(reader({ level: typed<number>(), verbose: typed<boolean>(), prefix: typed<string>() }, seen));
    await host.start();
    expect(seen).toEqual([{ level: 0, verbose: false, prefix: '' }]);
  });

  it('are made for each plugin by a function, which is told who it is', async () => {
    const seen: unknown[] = [];
    const asked: unknown[] = [];
    const host = new PluginHost(new EventBus(), {
      services: ({ name, version }) => {
        asked.push([name, version]);
        return { log: `log of ${name}` };
      },
    });
    const asking = { log: typed<string>() };
    host.use(reader(asking, seen, 'a')).use(reader(asking, seen, 'b'), undefined, { name: 'c' });
    await host.start();
    expect(asked).toEqual([
      ['a', '1.2.3'],
      ['c', '1.2.3'],
    ]);
    expect(seen).toEqual([{ log: 'log of a' }, { log: 'log of c' }]);
  });

  it('go through their schema', async () => {
    const seen: unknown[] = [];
    const host = new PluginHost(new EventBus(), { services: { port: '8080' } });
    host.use(reader({ port: z.string().transform(Number) }, seen));
    await host.start();
    expect(seen).toEqual([{ port: 8080 }]);
  });

  it('that their schema does not take are refused, before anything is set up', async () => {
    const { bus, journal, plugin } = openStage();
    const host: PluginHost = new PluginHost(bus, { services: { port: 'none' } });
    host.use(plugin('a')).use(reader({ port: z.number() }, []) as never);
    const error = await rejectionOf(host.start());
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ plugin: 'reader' });
    expect((error as Error).message).toContain('reader');
    expect((error as Error).message).toContain('port');
    expect(journal).toEqual([]);
  });

  it('that a host does not offer are MISSING_SERVICE, which says who asks, for what, and what there is', async () => {
    const seen: unknown[] = [];
    const host: PluginHost = new PluginHost(new EventBus(), { services: { database, clock: Date } });
    host.use(reader({ databse: typed<Database>() }, seen) as never);
    const error = await rejectionOf(host.start());
    expectError(error, 'MISSING_SERVICE', 'reader', 'databse', 'database', 'clock');
    expect(error).toMatchObject({ plugin: 'reader', phase: 'validate' });
    expect(seen).toEqual([]);
  });

  it('are MISSING_SERVICE each', async () => {
    const { host } = openStage();
    host.use(reader({ db: typed<Database>(), clock: typed<Date>() }, []) as never);
    const errors = errorsOf(await rejectionOf(host.start()));
    expect(errors).toHaveLength(2);
    expectError(errors[0], 'MISSING_SERVICE', 'reader', 'db');
    expectError(errors[1], 'MISSING_SERVICE', 'reader', 'clock');
  });

  it('that are undefined are not there', async () => {
    const host: PluginHost = new PluginHost(new EventBus(), { services: { db: undefined } });
    host.use(reader({ db: typed<Database>() }, []) as never);
    expectError(await rejectionOf(host.start()), 'MISSING_SERVICE', 'reader', 'db');
  });

  it('are not what every object has', async () => {
    const host: PluginHost = new PluginHost(new EventBus(), { services: {} });
    host.use(reader({ toString: typed<() => string>(), constructor: typed<object>() }, []) as never);
    expect(errorsOf(await rejectionOf(host.start())).map(({ code }) => code)).toEqual([
      'MISSING_SERVICE',
      'MISSING_SERVICE',
    ]);
  });

  it('may be of the prototype of what the host offers', async () => {
    const seen: { clock: () => number }[] = [];
    class Services {
      readonly #now = 42;
      clock(): number {
        return this.#now;
      }
    }
    const host: PluginHost = new PluginHost(new EventBus(), { services: new Services() });
    host.use(reader({ clock: typed<() => number>() }, seen) as never);
    await host.start();
    expect(seen[0]?.clock).toBeTypeOf('function');
  });

  it('whose function throws make the plugin fail, which is named', async () => {
    const { bus, journal, plugin } = openStage();
    const cause = new Error('no database');
    const host: PluginHost = new PluginHost(bus, {
      services: ({ name }): { db: Database } => {
        if (name === 'reader') throw cause;
        return { db: database };
      },
    });
    host.use(plugin('a')).use(reader({ db: typed<Database>() }, []) as never);
    const error = await rejectionOf(host.start());
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ plugin: 'reader', cause });
    expect((error as Error).message).toContain('reader');
    expect(journal).toEqual([]);
  });
});

describe('options', () => {
  const optionsOf = async (options: StandardSchemaV1, given: unknown): Promise<unknown> => {
    const seen: unknown[] = [];
    const { host } = openStage();
    const minify = definePlugin({
      name: 'minify',
      version: '1.0.0',
      options,
      setup: (ctx, validated) => void seen.push(validated, ctx.options),
    });
    host.use(minify as never, given as never);
    await host.start();
    expect(seen[0]).toBe(seen[1]);
    return seen[0];
  };

  it('are what their schema makes of them', async () => {
    const schema = z.object({ level: z.string().transform(Number), mode: z.enum(['fast', 'small']).default('fast') });
    expect(await optionsOf(schema, { level: '3' })).toEqual({ level: 3, mode: 'fast' });
  });

  it('go through asynchronous schemas too', async () => {
    const schema = z.object({ level: z.number() }).transform(async ({ level }) => ({ level: level + 1 }));
    expect(await optionsOf(schema, { level: 3 })).toEqual({ level: 4 });
  });

  it('are what was given where they are only typed', async () => {
    const given = { level: 3 };
    expect(await optionsOf(typed<{ level: number }>(), given)).toBe(given);
  });

  it('may have a default as a whole', async () => {
    expect(await optionsOf(z.object({ level: z.number() }).default({ level: 1 }), undefined)).toEqual({ level: 1 });
  });

  it('that are invalid are INVALID_PLUGIN_OPTIONS, with the name and the path of each issue', async () => {
    const { host, journal, plugin } = openStage();
    const minify = definePlugin({
      name: 'acme.minify',
      version: '1.0.0',
      options: z.object({ level: z.number(), output: z.object({ quotes: z.enum(['single', 'double']) }) }),
    });
    host.use(plugin('a')).use(minify, { level: '3', output: { quotes: 'none' } } as never);
    const error = await rejectionOf(host.start());
    expectError(error, 'INVALID_PLUGIN_OPTIONS', 'acme.minify', 'level', 'output.quotes');
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ plugin: 'acme.minify', phase: 'validate' });
    expect(journal).toEqual([]);
  });

  it('that are missing are INVALID_PLUGIN_OPTIONS', async () => {
    const { host } = openStage();
    const minify = definePlugin({ name: 'minify', version: '1.0.0', options: z.object({ level: z.number() }) });
    host.use(minify as never);
    expectError(await rejectionOf(host.start()), 'INVALID_PLUGIN_OPTIONS', 'minify');
  });

  it('of the same plugin twice are known by its name in the host', async () => {
    const { host } = openStage();
    const minify = definePlugin({ name: 'minify', version: '1.0.0', options: z.object({ level: z.number() }) });
    host.use(minify, { level: 1 }).use(minify, { level: '2' } as never, { name: 'small' });
    const error = await rejectionOf(host.start());
    expectError(error, 'INVALID_PLUGIN_OPTIONS', 'small', 'level');
    expect(error).toMatchObject({ plugin: 'small' });
  });

  it('whose schema throws make the plugin fail, which is named', async () => {
    const { host } = openStage();
    const schema: StandardSchemaV1 = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => {
          throw new Error('no schema');
        },
      },
    };
    host.use(definePlugin({ name: 'minify', version: '1.0.0', options: schema }), {});
    const error = await rejectionOf(host.start());
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toMatchObject({ plugin: 'minify', cause: { message: 'no schema' } });
  });

  it('that are invalid make a plugin failed where the host continues, the others run', async () => {
    const { host, plugin, reports, states } = openStage({ onSetupError: 'continue' });
    const minify = definePlugin({ name: 'minify', version: '1.0.0', options: z.object({ level: z.number() }) });
    host.use(minify, { level: 'high' } as never).use(plugin('a'));
    await host.start();
    expect(states()).toEqual({ minify: 'failed', a: 'active' });
    expect(reports).toMatchObject([{ code: 'INVALID_PLUGIN_OPTIONS', plugin: 'minify' }]);
  });

  it('that were left out are those that the schema makes of nothing, or of an empty object', async () => {
    expect(await optionsOf(z.object({ level: z.number().default(1) }), undefined)).toEqual({ level: 1 });
    expect(await optionsOf(z.object({ level: z.number() }).optional(), undefined)).toBeUndefined();
    expect(await optionsOf(typed<{ level?: number }>(), undefined)).toEqual({});
  });

  it('given to a plugin that takes none are INVALID_PLUGIN_OPTIONS', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('minify') as never, { level: 3 } as never);
    expectError(await rejectionOf(host.start()), 'INVALID_PLUGIN_OPTIONS', 'minify', 'options');
  });

  it('are as they were given where the plugin has no schema for them: an object of functions for instance', async () => {
    const { host } = openStage();
    const seen: unknown[] = [];
    const given = { level: 3 };
    host.use(
      { name: 'old', setup: (_: unknown, options: unknown) => void seen.push(options) } as never,
      given as never,
    );
    await host.start();
    expect(seen).toEqual([given]);
    expect(seen[0]).toBe(given);
  });
});
