import { EventBus } from 'ambus';

/** Plugins in the order in which they are given, but each after those that it requires. */
export function requiredFirst(plugins) {
  const byName = new Map(plugins.map((plugin) => [plugin.name, plugin]));
  const sorted = new Set();
  const add = (plugin) => {
    if (sorted.has(plugin)) return;
    for (const other of plugin.requires) add(byName.get(other));
    sorted.add(plugin);
  };
  for (const plugin of plugins) add(plugin);
  return [...sorted];
}

async function setUpInOrder(plugins, setUp) {
  for (const plugin of requiredFirst(plugins)) await setUp(plugin);
}

/** Each as soon as those that it requires have succeeded. */
async function setUpOverlapping(plugins, setUp) {
  const byName = new Map(plugins.map((plugin) => [plugin.name, plugin]));
  const under = new Map();
  const setUpAfterRequired = (plugin) => {
    let promise = under.get(plugin);
    if (promise === undefined) {
      promise = Promise.all(plugin.requires.map((name) => setUpAfterRequired(byName.get(name)))).then(() =>
        setUp(plugin),
      );
      under.set(plugin, promise);
    }
    return promise;
  };
  await Promise.all(plugins.map(setUpAfterRequired));
}

/**
 * What one would write without a host: no check of anything, no time limits, nothing undone where something fails, no
 * names of anyone's handlers, and nothing that could be changed after the start.
 */
export function hosting({ order }) {
  const bus = new EventBus({ maxHandlers: 0 });
  const started = [];
  const setUp = async (plugin) => {
    const ends = [];
    const subscribing = { on: (type, handler) => ends.push(bus.on(type, handler)) };
    await plugin.setUp(subscribing);
    started.push({ plugin, ends });
  };
  return {
    define: (plugins) => plugins,
    start: (plugins) => (order === 'concurrent' ? setUpOverlapping : setUpInOrder)(plugins, setUp),
    emit: (type, payload) => bus.emitSync(type, payload),
    stop: async () => {
      for (const { plugin, ends } of started.toReversed()) {
        for (const end of ends) end();
        await plugin.tearDown();
      }
    },
  };
}
