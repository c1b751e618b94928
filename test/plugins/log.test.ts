import { beforeEach, describe, expect, it, vi } from 'vitest';
import { definePlugin, type LogEntry, type PluginContext } from '../../src/plugins/index.js';
import { uncaughtDuring } from '../bus/uncaught.js';
import { openStage } from './hosts.js';

const levels = ['debug', 'info', 'warn', 'error'] as const;

const talker = (kept: (ctx: PluginContext) => void) =>
  definePlugin({ name: 'talker', version: '1.0.0', setup: (ctx: PluginContext) => kept(ctx) });

describe('ctx.log', () => {
  it.each(levels)('writes %s to the log of the host, under the plugin’s name', async (level) => {
    const entries: LogEntry[] = [];
    const { host } = openStage({ log: (entry) => void entries.push(entry) });
    const details = new Error('boom');
    host.use(
      talker((ctx) => {
        ctx.log[level]('hello', details);
        ctx.log[level]('alone');
      }),
      undefined,
      { name: 'chatty' },
    );
    await host.start();
    expect(entries).toEqual([
      { plugin: 'chatty', level, message: 'hello', details },
      { plugin: 'chatty', level, message: 'alone', details: undefined },
    ]);
    expect(entries[0]?.details).toBe(details);
  });

  it('works in every phase, in handlers, and taken apart', async () => {
    const messages: string[] = [];
    const { bus, host } = openStage({ log: ({ message }) => void messages.push(message) });
    host.use(
      definePlugin({
        name: 'talker',
        version: '1.0.0',
        setup(ctx) {
          const { info } = ctx.log;
          info('setup');
          ctx.on('tick', () => info('handler'));
        },
        ready: (ctx) => ctx.log.info('ready'),
        teardown: (ctx) => ctx.log.info('teardown'),
      }),
    );
    await host.start();
    bus.emitSync('tick');
    await host.stop();
    expect(messages).toEqual(['setup', 'ready', 'handler', 'teardown']);
  });

  it('that throws breaks no plugin: what it throws is uncaught', async () => {
    const boom = new Error('no disk');
    const { host, states } = openStage({
      log: () => {
        throw boom;
      },
    });
    host.use(talker((ctx) => ctx.log.info('hello')));
    expect(await uncaughtDuring(() => host.start())).toEqual([boom]);
    expect(states()).toEqual({ talker: 'active' });
  });
});

describe('the log of a host that has none', () => {
  beforeEach(() => {
    for (const level of levels) vi.spyOn(console, level).mockImplementation(() => {});
    vi.spyOn(console, 'log').mockImplementation(() => {});
  });

  it('is the console, but for debug', async () => {
    const { host } = openStage();
    const details = { port: 1 };
    host.use(
      talker((ctx) => {
        for (const level of levels) ctx.log[level](`a ${level}`, details);
      }),
    );
    await host.start();
    expect(console.debug).not.toHaveBeenCalled();
    expect(console.log).not.toHaveBeenCalled();
    for (const level of ['info', 'warn', 'error'] as const) {
      expect(console[level]).toHaveBeenCalledTimes(1);
      const [text, ...more] = vi.mocked(console[level]).mock.calls[0] as [string, ...unknown[]];
      expect(text).toContain('talker');
      expect(text).toContain(`a ${level}`);
      expect(more).toContain(details);
    }
  });

  it('prints no details where there are none', async () => {
    const { host } = openStage();
    host.use(talker((ctx) => ctx.log.info('hello')));
    await host.start();
    expect(vi.mocked(console.info).mock.calls[0]).not.toContain(undefined);
  });
});
