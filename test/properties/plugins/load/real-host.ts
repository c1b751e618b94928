import { definePlugin, PluginHost } from '../../../../src/plugins/index.js';
import { DRAIN_MS, type HotPlugin, type MakeHost } from './hot-host.js';

/** The real thing. */
export const realHost: MakeHost = (bus) => {
  const host = new PluginHost(bus, { drainMs: DRAIN_MS });
  return {
    async start(plugins, signal) {
      for (const plugin of plugins) host.use(defined(plugin));
      await host.start({ signal });
    },
    stop: () => host.stop(),
    add: (plugin) => host.add(defined(plugin)),
    enable: (name) => host.enable(name),
    disable: (name, options) => host.disable(name, options),
    remove: (name, options) => host.remove(name, options),
    replace: (name, next, options) => host.replace(name, defined(next), options),
  };
};

function defined(plugin: HotPlugin) {
  const any = (names: readonly string[]) => Object.fromEntries(names.map((other) => [other, '*']));
  return definePlugin({
    name: plugin.name,
    version: '1.0.0',
    requires: any(plugin.requires),
    optional: any(plugin.optional),
    before: plugin.before,
    setup: (ctx) => plugin.setup(ctx),
    ready: (ctx) => plugin.ready(ctx),
    teardown: (ctx) => plugin.teardown(ctx),
  });
}
