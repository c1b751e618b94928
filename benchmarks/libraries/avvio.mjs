import { EventBus } from 'ambus';
import avvio from 'avvio';
import { requiredFirst } from './hosting-by-hand.mjs';

/**
 * avvio knows no dependencies: plugins are loaded one after the other in the order in which they are given, those
 * that a plugin gives itself before whatever comes next. So who has dependencies sorts them first; or with `isNested`
 * has each plugin load those that it requires, and waits for them.
 */
function makeApp({ timeLimitMs = 0 }) {
  const bus = new EventBus({ maxHandlers: 0 });
  return { bus, app: avvio({ bus }, { autostart: false, timeout: timeLimitMs }) };
}

/** Its handlers are the bus's: they are taken off when it closes, which it does in reverse order. */
function pluginOf({ setUp, tearDown }) {
  const load = (server) => {
    const ends = [];
    const subscribing = { on: (type, handler) => ends.push(server.bus.on(type, handler)) };
    server.onClose(() => {
      for (const end of ends) end();
      return tearDown();
    });
    return setUp(subscribing);
  };
  return (server, _options) => load(server);
}

function inOrder({ app }) {
  return {
    define: (plugins) => plugins.map((plugin) => ({ ...plugin, load: pluginOf(plugin) })),
    start: async (definitions) => {
      for (const { name, load } of requiredFirst(definitions)) app.use(load, { name });
      await app.ready();
    },
  };
}

function nested({ app }) {
  const given = new Set();
  const give = async (to, definition) => {
    // Whoever has been given before is loaded by now: one at a time is.
    if (given.has(definition)) return;
    given.add(definition);
    await to.use(definition.load, { name: definition.name });
  };
  return {
    define: (plugins) => {
      const definitions = new Map(plugins.map((plugin) => [plugin.name, { name: plugin.name, load: undefined }]));
      for (const plugin of plugins) {
        const load = pluginOf(plugin);
        definitions.get(plugin.name).load = async (inner, options) => {
          for (const other of plugin.requires) await give(inner, definitions.get(other));
          await load(inner, options);
        };
      }
      return [...definitions.values()];
    },
    start: async (definitions) => {
      // Within one that lasts until all are loaded: what has nothing more to load can't be given anything.
      app.use(async (server) => {
        for (const definition of definitions) await give(server, definition);
      });
      await app.ready();
    },
  };
}

export function hosting(setting) {
  const made = makeApp(setting);
  const { bus, app } = made;
  return {
    ...(setting.isNested ? nested(made) : inOrder(made)),
    emit: (type, payload) => bus.emitSync(type, payload),
    stop: () => app.close(),
  };
}

export function crowding(setting) {
  const { bus, app } = makeApp(setting);
  return {
    add: (name, type, run) => {
      app.use(pluginOf({ setUp: (source) => source.on(type, run), tearDown: () => {} }), { name });
    },
    start: () => app.ready(),
    emit: (type, payload) => bus.emitSync(type, payload),
    stop: () => app.close(),
  };
}
