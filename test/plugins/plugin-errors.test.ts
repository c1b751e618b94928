import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { AmbusError } from '../../src/index.js';
import { PluginError, PluginsError } from '../../src/plugins/index.js';
import { rejectionOf } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { openStage } from './hosts.js';

describe('PluginError', () => {
  it('is an AmbusError with the plugin and the phase', async () => {
    const { host, plugin } = openStage();
    host.use(plugin('parser', { setup: failing.throws('no grammar') }));
    const error = (await rejectionOf(host.start())) as PluginError;
    expect(error).toBeInstanceOf(PluginError);
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(PluginsError);
    expect(error.name).toBe('PluginError');
    expect(error.stack).toContain('PluginError');
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      name: 'PluginError',
      code: 'PLUGIN_SETUP_FAILED',
      plugin: 'parser',
      phase: 'setup',
      cause: { name: 'Error', message: 'no grammar' },
    });
  });

  it('shows the errors of the undoing only where there are any', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('a', { teardown: failing.throws('a stays') }), plugin('b', { setup: failing.throws('no') })]);
    const error = (await rejectionOf(host.start())) as PluginError;
    expect(inspect(error)).toContain('a stays');
    await host.remove('a');
    const alone = (await rejectionOf(host.start())) as PluginError;
    expect(Object.keys(alone)).not.toContain('rollbackErrors');
    expect(alone.rollbackErrors).toEqual([]);
    expect(Object.isFrozen(alone.rollbackErrors)).toBe(true);
  });
});

describe('PluginsError', () => {
  it('is an AggregateError that passes for an AmbusError', async () => {
    const { host, plugin } = openStage();
    host.use([plugin('a', { requires: { x: '*' } }), plugin('b', { requires: { y: '*' } })]);
    const error = (await rejectionOf(host.start())) as PluginsError;
    expect(error).toBeInstanceOf(PluginsError);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toBeInstanceOf(AmbusError);
    expect(error).not.toBeInstanceOf(PluginError);
    expect(error.name).toBe('PluginsError');
    expect(error.code).toBe('PLUGINS_FAILED');
    expect(error.details).toEqual({ plugins: ['a', 'b'] });
    expect(error.errors).toHaveLength(2);
  });
});
