import { describe, expect, it } from 'vitest';
import { broadcast, collect, defineEvents, EventBus, first, waterfall } from '../../src/index.js';
import { definePlugin, PluginHost, typed } from '../../src/plugins/index.js';
import { rejectionOf, thrownBy } from '../bus/deferred.js';
import { failing } from '../bus/failing.js';
import { errorsOf, expectError, openStage } from './hosts.js';

const events = defineEvents({
  'order.placed': broadcast<{ id: string }>(),
  'html.transform': waterfall<{ html: string }>(),
});

const saved = defineEvents({ 'minify.saved': broadcast<{ bytes: number }>() });
const sized = defineEvents({ 'minify.size': waterfall<number>() });

/** A host on a bus with the declared events. */
function openDeclared() {
  const bus = new EventBus({ events, onFailure: () => {} });
  return { bus, host: new PluginHost(bus) };
}

/** Whether a bus refuses an event as one that it doesn't know. */
function knows(bus: unknown, type: string): boolean {
  try {
    (bus as EventBus).emitSync(type);
    return true;
  } catch (error) {
    expectError(error, 'UNDECLARED_EVENT', type);
    return false;
  }
}

describe('events that a plugin knows', () => {
  it('are those of the bus, or some of them', async () => {
    const { host } = openDeclared();
    host.use(definePlugin({ name: 'all', version: '1.0.0', events }));
    host.use(definePlugin({ name: 'some', version: '1.0.0', events: { 'order.placed': events['order.placed'] } }));
    await host.start();
    expect(host.status()).toMatchObject([{ state: 'active' }, { state: 'active' }]);
  });

  it('need not be declared by the same declaration, but of the same kind', async () => {
    const { host } = openDeclared();
    const own = defineEvents({ 'html.transform': waterfall<{ html: string }>() });
    host.use(definePlugin({ name: 'own', version: '1.0.0', events: own }));
    await host.start();
    expect(host.plugin('own').state).toBe('active');
  });

  it('of another kind are EVENT_MISMATCH, which names both', async () => {
    const { host } = openDeclared();
    const wrong = defineEvents({ 'html.transform': collect<{ html: string }, string>() });
    host.use(definePlugin({ name: 'minify', version: '1.0.0', events: wrong }) as never);
    const error = await rejectionOf(host.start());
    expectError(error, 'EVENT_MISMATCH', 'minify', 'html.transform', 'collect', 'waterfall');
    expect(error).toMatchObject({ plugin: 'minify', phase: 'validate' });
  });

  it('that the bus does not know are EVENT_MISMATCH, with the nearest name', async () => {
    const { host } = openDeclared();
    const misspelt = defineEvents({ 'order.palced': broadcast<{ id: string }>() });
    host.use(definePlugin({ name: 'audit', version: '1.0.0', events: misspelt }) as never);
    expectError(await rejectionOf(host.start()), 'EVENT_MISMATCH', 'audit', 'order.palced', 'order.placed');
  });

  it('are an error each', async () => {
    const { host } = openDeclared();
    const wrong = defineEvents({ 'html.transform': broadcast(), 'no.such': broadcast() });
    host.use(definePlugin({ name: 'audit', version: '1.0.0', events: wrong }) as never);
    const errors = errorsOf(await rejectionOf(host.start()));
    expect(errors.map(({ code }) => code)).toEqual(['EVENT_MISMATCH', 'EVENT_MISMATCH']);
  });

  it('may be broadcasts on a bus that declares nothing', async () => {
    const { host } = openStage();
    const broadcasts = defineEvents({ 'order.placed': broadcast<{ id: string }>() });
    host.use(definePlugin({ name: 'audit', version: '1.0.0', events: broadcasts }) as never);
    await host.start();
    expect(host.plugin('audit').state).toBe('active');
  });

  it.each([
    ['waterfall', waterfall<string>()],
    ['first', first<string, string>()],
    ['collect', collect<string, string>()],
  ])('may be no %s on a bus that declares nothing', async (kind, declaration) => {
    const { host } = openStage();
    host.use(definePlugin({ name: 'audit', version: '1.0.0', events: defineEvents({ 'a.b': declaration }) }) as never);
    expectError(await rejectionOf(host.start()), 'EVENT_MISMATCH', 'audit', 'a.b', kind);
  });

  it('may be declared by another plugin of the host, whatever the order', async () => {
    const { bus, host } = openDeclared();
    const seen: unknown[] = [];
    const reader = definePlugin({
      name: 'reader',
      version: '1.0.0',
      events: { ...events, ...saved, ...sized },
      setup(ctx) {
        ctx.on('minify.saved', ({ bytes }) => void seen.push(bytes));
        ctx.on('minify.size', (size) => size + 1);
      },
    });
    const minify = definePlugin({ name: 'minify', version: '1.0.0', declares: { ...saved, ...sized } });
    host.use([reader as never]).use(minify);
    await host.start();
    (bus as unknown as EventBus).emitSync('minify.saved', { bytes: 3 });
    expect(seen).toEqual([3]);
    expect((bus as unknown as EventBus<typeof sized>).emitSync('minify.size', 1).value).toBe(2);
  });

  it('may not be declared by another plugin as another kind', async () => {
    const { host } = openDeclared();
    const asCollect = defineEvents({ 'minify.size': collect<number, number>() });
    host.use([definePlugin({ name: 'reader', version: '1.0.0', events: asCollect }) as never]);
    host.use(definePlugin({ name: 'minify', version: '1.0.0', declares: sized }));
    expectError(await rejectionOf(host.start()), 'EVENT_MISMATCH', 'reader', 'minify.size', 'collect', 'waterfall');
  });

  it('that are only typed are not checked', async () => {
    const { host } = openDeclared();
    host.use(definePlugin({ name: 'audit', version: '1.0.0', events: typed<{ 'no.such': 1 }>() }) as never);
    await host.start();
    expect(host.plugin('audit').state).toBe('active');
  });
});

describe('events that a plugin brings along', () => {
  const minify = definePlugin({
    name: 'minify',
    version: '1.0.0',
    events,
    declares: { ...saved, ...sized },
    setup(ctx) {
      ctx.on('minify.size', (size) => size * 2);
      ctx.on('order.placed', ({ id }) => void ctx.emit('minify.saved', { bytes: id.length }));
    },
  });

  it('are declared on the bus from start to stop', async () => {
    const { bus, host } = openDeclared();
    const hosted = host.use(minify);
    expect(knows(bus, 'minify.saved')).toBe(false);
    await hosted.start();
    expect(knows(bus, 'minify.saved')).toBe(true);
    expect((bus as unknown as EventBus<typeof sized>).emitSync('minify.size', 2).value).toBe(4);
    await hosted.stop();
    expect(knows(bus, 'minify.saved')).toBe(false);
    expect(knows(bus, 'minify.size')).toBe(false);
    await hosted.start();
    expect(knows(bus, 'minify.saved')).toBe(true);
    await hosted.stop();
  });

  it('are of their kind on a bus that declares nothing', async () => {
    const { bus, host } = openStage();
    host.use(
      definePlugin({ name: 'sizer', version: '1.0.0', declares: sized, handlers: { 'minify.size': (n) => n + 1 } }),
    );
    await host.start();
    expect((bus as unknown as EventBus<typeof sized>).emitSync('minify.size', 1).value).toBe(2);
    await host.stop();
    expect(bus.emitSync('minify.size', 1).value).toBeUndefined();
  });

  it('may be subscribed to and handled by the plugin itself, and by those before it', async () => {
    const { bus, host } = openDeclared();
    const seen: unknown[] = [];
    const early = definePlugin({
      name: 'early',
      version: '1.0.0',
      events: { ...events, ...saved },
      handlers: { 'minify.saved': ({ bytes }) => void seen.push(bytes) },
    });
    host.use([early as never]).use(minify);
    await host.start();
    await bus.emit('order.placed', { id: 'o1' });
    expect(seen).toEqual([2]);
  });

  it('stay declared while the plugin is disabled, and are gone when it is removed', async () => {
    const { bus, host } = openDeclared();
    host.use(minify);
    await host.start();
    await host.disable('minify');
    expect(knows(bus, 'minify.saved')).toBe(true);
    await host.enable('minify');
    expect(knows(bus, 'minify.saved')).toBe(true);
    await host.remove('minify');
    expect(knows(bus, 'minify.saved')).toBe(false);
  });

  it('are declared by add, and no more where that fails', async () => {
    const { bus, host } = openDeclared();
    await host.start();
    const bad = definePlugin({ name: 'bad', version: '1.0.0', declares: saved, setup: failing.throws('no') });
    await rejectionOf(host.add(bad));
    expect(knows(bus, 'minify.saved')).toBe(false);
    await host.add(minify);
    expect(knows(bus, 'minify.saved')).toBe(true);
  });

  it('are declared no more where the start fails', async () => {
    const { bus, host } = openDeclared();
    host.use(minify).use({ name: 'bad', setup: failing.throws('no') } as never);
    await rejectionOf(host.start());
    expect(knows(bus, 'minify.saved')).toBe(false);
    await host.remove('bad');
    await host.start();
    expect(knows(bus, 'minify.saved')).toBe(true);
  });

  it('are not declared where a check fails', async () => {
    const { bus, host } = openDeclared();
    host.use(minify).use({ name: 'bad', requires: { nobody: '*' }, handlers: {} });
    await rejectionOf(host.start());
    expect(knows(bus, 'minify.saved')).toBe(false);
  });

  it('are not those of a plugin that is disabled by `when`', async () => {
    const { bus, host } = openDeclared();
    host.use(minify, undefined, { when: () => false });
    await host.start();
    expect(knows(bus, 'minify.saved')).toBe(false);
    await host.enable('minify');
    expect(knows(bus, 'minify.saved')).toBe(true);
  });

  it('may be the same of several plugins, until the last is gone', async () => {
    const { bus, host } = openDeclared();
    host.use(minify).use(minify, undefined, { name: 'again' });
    await host.start();
    await host.remove('minify');
    expect(knows(bus, 'minify.saved')).toBe(true);
    await host.remove('again');
    expect(knows(bus, 'minify.saved')).toBe(false);
  });

  it('may not be declared differently by two plugins', async () => {
    const { bus, host } = openDeclared();
    const other = definePlugin({
      name: 'other',
      version: '1.0.0',
      declares: defineEvents({ 'minify.saved': broadcast<{ bytes: number }>() }),
    });
    host.use(minify).use(other);
    expectError(await rejectionOf(host.start()), 'EVENT_MISMATCH', 'minify', 'other', 'minify.saved');
    expect(knows(bus, 'minify.saved')).toBe(false);
  });

  it('may be declared by the bus too, by the same declaration, and stay then', async () => {
    const bus = new EventBus({ events: { ...events, ...saved } });
    const host = new PluginHost(bus);
    host.use(definePlugin({ name: 'saver', version: '1.0.0', declares: saved }));
    await host.start();
    await host.stop();
    expect(knows(bus, 'minify.saved')).toBe(true);
  });

  it('may not be declared otherwise by the bus', async () => {
    const { host } = openDeclared();
    const declares = defineEvents({ 'order.placed': waterfall<string>() });
    host.use(definePlugin({ name: 'minify', version: '1.0.0', declares }) as never);
    expectError(await rejectionOf(host.start()), 'EVENT_MISMATCH', 'minify', 'order.placed');
  });

  it('change with the plugin that is put in its place', async () => {
    const { bus, host } = openDeclared();
    host.use(minify);
    await host.start();
    await host.replace('minify', definePlugin({ name: 'minify', version: '2.0.0', declares: sized }) as never);
    expect(knows(bus, 'minify.size')).toBe(true);
    expect(knows(bus, 'minify.saved')).toBe(false);
  });

  it('may be declared anew by the one that is put in its place, as by a module that was loaded again', async () => {
    const { bus, host } = openDeclared();
    const sizing = (version: string, by: number) =>
      definePlugin({
        name: 'sizer',
        version,
        declares: defineEvents({ 'minify.size': waterfall<number>() }),
        handlers: { 'minify.size': (size) => size + by },
      });
    host.use(sizing('1.0.0', 1));
    await host.start();
    await host.replace('sizer', sizing('1.0.1', 10) as never);
    expect((bus as unknown as EventBus<typeof sized>).emitSync('minify.size', 1).value).toBe(11);
    await host.stop();
    expect(knows(bus, 'minify.size')).toBe(false);
  });

  it('stay those of the old one where the new one can not be set up', async () => {
    const { bus, host } = openDeclared();
    host.use(minify);
    await host.start();
    const more = defineEvents({ 'minify.more': broadcast() });
    const next = definePlugin({ name: 'minify', version: '2.0.0', declares: more, setup: failing.throws('no') });
    await rejectionOf(host.replace('minify', next as never));
    expect(knows(bus, 'minify.more')).toBe(false);
    expect(knows(bus, 'minify.saved')).toBe(true);
  });

  it('are named events, not patterns', () => {
    expectError(
      thrownBy(() => definePlugin({ name: 'a', version: '1.0.0', declares: { 'a.*': broadcast() } })),
      'INVALID_PLUGIN',
      '"a"',
      'declares',
    );
  });
});

describe('handlers of events that a bus does not know', () => {
  it('are refused before anything is set up', async () => {
    const { host } = openDeclared();
    const setups: string[] = [];
    const tried = { name: 'a', setup: () => void setups.push('a') };
    host.use(tried as never).use({ name: 'audit', handlers: { 'order.palced': () => {} } } as never);
    const error = errorsOf(await rejectionOf(host.start()))[0] as Error & { code: string };
    expect(error.message).toContain('order.palced');
    expect(error.message).toContain('audit');
    expect(setups).toEqual([]);
  });
});
