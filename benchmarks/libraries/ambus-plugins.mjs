import { EventBus } from 'ambus';
import { callSite } from '../generated.mjs';

/** How handlers get onto the bus, by the name that a contestant gives it: each takes the handlers of one plugin. */
const forms = {
  handlers: (name, handlers) => ({
    name,
    handlers: Object.fromEntries(handlers.map(({ type, run }) => [type, run])),
  }),
  setup: (name, handlers) => ({
    name,
    version: '1.0.0',
    setup(ctx) {
      for (const { type, run } of handlers) ctx.on(type, run);
    },
  }),
};

/** The handlers of each event are those of as many plugins, each of which has its share of all. */
function handlersByPlugin(events, plugins) {
  const all = events.flatMap(({ type, handlers }) => handlers.map(({ run }) => ({ type, run })));
  return Array.from({ length: plugins }, (_, plugin) => all.filter((_one, index) => index % plugins === plugin));
}

/** Proves that the handlers are heard as the plugins', and that dispatchers are generated where they should be. */
function checkBus(bus, setting) {
  const { plugins, form, provesGenerated = false } = setting;
  const { events } = bus.inspect();
  const groups = new Set(events.flatMap(({ handlers }) => handlers.map(({ group }) => group)));
  if (groups.has(undefined) || groups.has(null) || groups.size !== plugins) {
    throw new Error(`Expected the handlers of ${plugins} ${form}s, got those of ${[...groups].join(', ')}.`);
  }
  const plain = events.filter((event) => !event.compiled);
  if (provesGenerated && plain.length > 0) {
    throw new Error(`Expected generated dispatchers, got plain ones for ${plain.length} of ${events.length} events.`);
  }
}

async function emitWith(verb, setting) {
  const { events, plugins, form, subscribeOptions, useSettings, compiled = false, mode } = setting;
  // Loaded only where it is measured.
  const compiler = compiled ? (await import('ambus/compiled')).compiled() : undefined;
  const bus = new EventBus({ compiler, mode });
  const shares = handlersByPlugin(events, plugins).filter((share) => share.length > 0);
  const expected = Math.min(
    plugins,
    events.reduce((sum, { handlers }) => sum + handlers.length, 0),
  );
  if (form === 'group') {
    for (const [index, share] of shares.entries()) {
      const group = bus.group(`plugin${index}`, { place: index + 1 });
      for (const { type, run } of share) group.on(type, run, subscribeOptions);
    }
  } else {
    const { definePlugin, PluginHost } = await import('ambus/plugins');
    const host = new PluginHost(bus);
    for (const [index, share] of shares.entries()) {
      const made = forms[form](`plugin${index}`, share);
      host.use(form === 'setup' ? definePlugin(made) : made, undefined, useSettings);
    }
    await host.start();
  }
  return {
    emits: events.map(({ type }) => callSite({ bus }, `bus.${verb}('${type}', payload)`)),
    check: () => checkBus(bus, { ...setting, plugins: expected }),
  };
}

export function emitSync(setting) {
  return emitWith('emitSync', setting);
}

export function emitAwaited(setting) {
  return emitWith('emit', setting);
}

export async function hosting() {
  const { definePlugin, PluginHost } = await import('ambus/plugins');
  // Hundreds of plugins listen to one event, and mean it.
  const bus = new EventBus({ maxHandlers: 0 });
  const host = new PluginHost(bus);
  return {
    define: (plugins) =>
      plugins.map(({ name, requires, setUp, tearDown }) =>
        definePlugin({
          name,
          version: '1.0.0',
          requires: Object.fromEntries(requires.map((other) => [other, '^1.0.0'])),
          setup: setUp,
          teardown: tearDown,
        }),
      ),
    start: (definitions) => {
      for (const definition of definitions) host.use(definition);
      return host.start();
    },
    emit: (type, payload) => bus.emitSync(type, payload),
    stop: () => host.stop(),
  };
}

/** `form` is a `group` for each, a `bare` subscription, or a form of plugins. */
export async function crowding({ form }) {
  const bus = new EventBus({ maxHandlers: 0 });
  const emit = (type, payload) => bus.emitSync(type, payload);
  if (form === 'bare' || form === 'group') {
    const held = [];
    return {
      add:
        form === 'bare'
          ? (_name, type, run) => held.push(bus.on(type, run))
          : (name, type, run) => {
              const group = bus.group(name, { place: held.length + 1 });
              group.on(type, run);
              held.push(() => group.remove());
            },
      start: () => {},
      emit,
      stop: () => {
        for (const end of held) end();
      },
    };
  }
  const { definePlugin, PluginHost } = await import('ambus/plugins');
  const host = new PluginHost(bus);
  return {
    add: (name, type, run, required) => {
      const made = forms[form](name, [{ type, run }]);
      if (required.length > 0)
        made.requires = Object.fromEntries(required.map((other) => [`plugin${other}`, '^1.0.0']));
      host.use(form === 'setup' ? definePlugin(made) : made);
    },
    start: () => host.start(),
    emit,
    stop: () => host.stop(),
  };
}

/** A plugin and those that require it: one for each of the types that `start` is given, which it listens to. */
export async function switching() {
  const { definePlugin, PluginHost } = await import('ambus/plugins');
  const bus = new EventBus({ maxHandlers: 0 });
  const host = new PluginHost(bus);
  const log = { calls: 0 };
  return {
    log,
    start: (types) => {
      host.use(definePlugin({ name: 'hub', version: '1.0.0', setup() {} }));
      for (const [index, type] of types.entries()) {
        const setup = (ctx) => {
          ctx.on(type, (payload) => {
            log.calls += payload.step;
          });
        };
        host.use(definePlugin({ name: `plugin${index}`, version: '1.0.0', requires: { hub: '^1.0.0' }, setup }));
      }
      return host.start();
    },
    emit: (type, payload) => bus.emitSync(type, payload),
    disable: () => host.disable('hub', { cascade: true }),
    enable: () => host.enable('hub'),
  };
}

/** `form` is a `group`, swapped for another by hand, or a form of plugins. */
export async function replacing({ form, plugins, others = 0 }) {
  const bus = new EventBus();
  if (form === 'group') return replacingGroups(bus, plugins);
  const { definePlugin, PluginHost } = await import('ambus/plugins');
  const make = (name, handlers) => {
    const made = forms[form](name, handlers);
    return form === 'setup' ? definePlugin(made) : made;
  };
  const host = new PluginHost(bus);
  for (const { name, handlers } of plugins) host.use(make(name, handlers));
  for (let other = 0; other < others; other += 1) {
    const type = `other${other}.happened`;
    host.use(make(`other${other}`, [{ type, run: () => {} }]));
  }
  await host.start();
  return { bus, replace: (name, handlers) => host.replace(name, make(name, handlers)), stop: () => host.stop() };
}

/** What one would write for the same without a host: no setup that can fail, no order of teardown, no time limits. */
function replacingGroups(bus, plugins) {
  const groups = new Map();
  const open = (name, handlers, place) => {
    const group = bus.group(name, { place });
    for (const { type, run } of handlers) group.on(type, run);
    groups.set(name, group);
  };
  for (const [index, { name, handlers }] of plugins.entries()) open(name, handlers, index + 1);
  return {
    bus,
    replace: async (name, handlers) => {
      const old = groups.get(name);
      open(name, handlers, old.place);
      old.retire();
      await old.idle();
      old.remove();
    },
    stop: () => {
      for (const group of groups.values()) group.remove();
    },
  };
}
