import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expectTypeOf, it } from 'vitest';
import * as z from 'zod';
import {
  type AnswerOf,
  type AroundContext,
  around,
  broadcast,
  chain,
  collect,
  defineEvents,
  type EmitOptionsOf,
  type EmitResult,
  EventBus,
  type EventHandle,
  type EventKind,
  first,
  type Handler,
  type InputOf,
  type KindOf,
  type Listener,
  type PayloadOf,
  type ResultOf,
  type ReturnedBy,
  typed,
  waterfall,
} from '../../src/index.js';

interface Page {
  html: string;
  file: string;
}

interface Finding {
  level: 'hint' | 'warning';
  text: string;
}

const tick = Symbol('tick');

const events = defineEvents({
  'order.placed': broadcast<{ id: string }>(),
  'shop.closed': broadcast(),
  'html.transform': waterfall<Page>(),
  'title.format': waterfall<string>(),
  'path.resolve': first<{ id: string }, string>(),
  'code.lint': collect<{ code: string }, Finding>(),
  'http.request': around<URL, number>(),
  [tick]: waterfall<number>(),
});
type Events = typeof events;
const bus = new EventBus({ events });

type Results<Name extends keyof Events> = ResultOf<Events, Name>;

describe('a declared bus', () => {
  it('[28] has the declared events, whose types need not be said again', () => {
    expectTypeOf(bus).toEqualTypeOf<EventBus<Events>>();
    expectTypeOf(new EventBus<Events>()).toEqualTypeOf(bus);
  });

  it('[28] takes only declared names', () => {
    // @ts-expect-error -- no such event
    bus.on('order.plced', () => {});
    // @ts-expect-error -- no such event
    bus.once('order.plced', () => {});
    // @ts-expect-error -- one of them is no such event
    bus.on(['order.placed', 'order.plced'], () => {});
    // @ts-expect-error -- no such event
    void bus.emit('order.plced', { id: 'o1' });
    // @ts-expect-error -- no such event
    bus.emitSync('order', { id: 'o1' });
    // @ts-expect-error -- no such event
    void bus.dispatch('order.plced', { id: 'o1' });
    // @ts-expect-error -- no such event
    bus.post('order.plced', { id: 'o1' });
    // @ts-expect-error -- no such event
    bus.event('order.plced');
    // @ts-expect-error -- no such event
    void bus.waitFor('order.plced');
    // @ts-expect-error -- no such event
    bus.stream('order.plced');
    // @ts-expect-error -- another symbol
    bus.emitSync(Symbol('tick'), 1);
    // @ts-expect-error -- matches no event
    bus.on('orders.*', () => {});
  });

  it('[28] takes only the payloads declared', () => {
    void bus.emit('order.placed', { id: 'o1' });
    bus.emitSync('html.transform', { html: '', file: 'a' });
    bus.post('path.resolve', { id: 'a' });
    void bus.dispatch('code.lint', { code: '' });
    bus.emitSync(tick, 1);
    bus.emitSync('shop.closed');
    // @ts-expect-error -- a property is missing
    bus.emitSync('html.transform', { html: '' });
    // @ts-expect-error -- of another type
    void bus.emit('title.format', 5);
    // @ts-expect-error -- of another type
    bus.post('path.resolve', 'a');
    // @ts-expect-error -- a property too many
    void bus.dispatch('code.lint', { code: '', lang: 'ts' });
    // @ts-expect-error -- an answer is no payload
    bus.emitSync('http.request', 200);
    // @ts-expect-error -- there is none
    bus.emitSync('title.format');
    // @ts-expect-error -- a void event has no payload
    bus.emitSync('shop.closed', 1);
  });

  it('[24] has the patterns that match declared names', () => {
    bus.on('*.transform', (page, ctx) => {
      expectTypeOf(page).toEqualTypeOf<Page>();
      expectTypeOf(ctx.type).toEqualTypeOf<'html.transform'>();
    });
    bus.on('**', (_, ctx) => {
      if (ctx.type === 'html.transform') expectTypeOf(ctx.payload).toEqualTypeOf<Page>();
      if (ctx.type === 'http.request') expectTypeOf(ctx.payload).toEqualTypeOf<URL>();
    });
    bus.onAny((event) => {
      if (event.type === 'code.lint') expectTypeOf(event.payload).toEqualTypeOf<{ code: string }>();
      if (event.type === tick) expectTypeOf(event.payload).toEqualTypeOf<number>();
    });
  });
});

describe('declarations', () => {
  it('[28] say what goes in, what handlers get, and what comes out', () => {
    expectTypeOf<KindOf<Events, 'order.placed'>>().toEqualTypeOf<'broadcast'>();
    expectTypeOf<KindOf<Events, 'html.transform'>>().toEqualTypeOf<'waterfall'>();
    expectTypeOf<KindOf<Events, 'path.resolve'>>().toEqualTypeOf<'first'>();
    expectTypeOf<KindOf<Events, 'code.lint'>>().toEqualTypeOf<'collect'>();
    expectTypeOf<KindOf<Events, 'http.request'>>().toEqualTypeOf<'around'>();
    expectTypeOf<PayloadOf<Events, 'html.transform'>>().toEqualTypeOf<Page>();
    expectTypeOf<InputOf<Events, 'html.transform'>>().toEqualTypeOf<Page>();
    expectTypeOf<AnswerOf<Events, 'html.transform'>>().toEqualTypeOf<Page>();
    expectTypeOf<AnswerOf<Events, 'path.resolve'>>().toEqualTypeOf<string>();
    expectTypeOf<AnswerOf<Events, 'code.lint'>>().toEqualTypeOf<Finding>();
    expectTypeOf<AnswerOf<Events, 'http.request'>>().toEqualTypeOf<number>();
    expectTypeOf<AnswerOf<Events, 'order.placed'>>().toEqualTypeOf<undefined>();
    expectTypeOf<PayloadOf<Events, 'shop.closed'>>().toEqualTypeOf<void>();
  });

  it('[28] know their kind', () => {
    expectTypeOf(broadcast().kind).toEqualTypeOf<'broadcast'>();
    expectTypeOf(waterfall<number>().kind).toEqualTypeOf<'waterfall'>();
    expectTypeOf(first<number, number>().kind).toEqualTypeOf<'first'>();
    expectTypeOf(collect<number, number>().kind).toEqualTypeOf<'collect'>();
    expectTypeOf(around<number, number>().kind).toEqualTypeOf<'around'>();
    expectTypeOf<KindOf<Events, keyof Events>>().toEqualTypeOf<EventKind>();
  });

  it('[28] take the settings of their kind', () => {
    broadcast({ mode: 'concurrent', concurrency: 2, timeoutMs: 5, failurePolicy: 'throw' });
    waterfall<number>({ timeoutMs: 5, deprecated: { since: '2.0', use: 'other' } });
    first<number, number>({ failurePolicy: 'isolate' });
    collect<number, number>({ mode: 'tiered' });
    around<number, number>({ timeoutMs: 5 });
    // @ts-expect-error -- a waterfall is sequential
    waterfall<number>({ mode: 'concurrent' });
    // @ts-expect-error -- a first is sequential
    first<number, number>({ concurrency: 2 });
    // @ts-expect-error -- an around is sequential
    around<number, number>({ mode: 'tiered' });
    // @ts-expect-error -- there is no schema for the steps
    waterfall<number>({ validateSteps: true });
    // @ts-expect-error -- a broadcast has no answers
    broadcast({ answer: typed<number>() });
    // @ts-expect-error -- no such policy
    collect<number, number>({ failurePolicy: 'ignore' });
    // @ts-expect-error -- misspelt
    broadcast({ timeoutMS: 5 });
    // @ts-expect-error -- it must say what to use
    broadcast({ deprecated: { since: '2.0' } });
  });

  it('[28] are all that a map of events may have', () => {
    // @ts-expect-error -- the declarer has not been called
    defineEvents({ 'order.placed': broadcast });
    // @ts-expect-error -- a schema is no declaration
    defineEvents({ 'order.placed': z.string() });
    // @ts-expect-error -- the name of a kind is no declaration
    defineEvents({ 'order.placed': 'broadcast' });
    // @ts-expect-error -- there is nothing
    defineEvents({ 'order.placed': undefined });
    // @ts-expect-error -- no map
    defineEvents(5);
  });

  it('[28] may be put together', () => {
    const more = defineEvents({ ...events, 'tax.compute': first<number, number>() });
    const larger = new EventBus({ events: more });
    expectTypeOf(larger.emitSync('tax.compute', 1).value).toEqualTypeOf<number | undefined>();
    expectTypeOf(larger.emitSync('title.format', '').value).toEqualTypeOf<string>();
  });
});

describe('results', () => {
  it('[28] of a broadcast have no value', async () => {
    const result = await bus.emit('order.placed', { id: 'o1' });
    expectTypeOf(result).toEqualTypeOf<EmitResult<'order.placed'>>();
    expectTypeOf(result.value).toEqualTypeOf<undefined>();
    expectTypeOf(result.values).toEqualTypeOf<readonly []>();
    expectTypeOf(result.answeredBy).toEqualTypeOf<undefined>();
    expectTypeOf(bus.emitSync('shop.closed').value).toEqualTypeOf<undefined>();
  });

  it('[28] of a waterfall have the payload as value', async () => {
    const result = await bus.emit('html.transform', { html: '', file: '' });
    expectTypeOf(result).toEqualTypeOf<EmitResult<'html.transform', 'waterfall', Page>>();
    expectTypeOf(result.value).toEqualTypeOf<Page>();
    expectTypeOf(result.values).toEqualTypeOf<readonly []>();
    expectTypeOf(result.answeredBy).toEqualTypeOf<undefined>();
    expectTypeOf(bus.emitSync('title.format', '').value).toEqualTypeOf<string>();
    expectTypeOf(bus.emitSync(tick, 1).value).toEqualTypeOf<number>();
  });

  it('[28] of a first may have an answer, and whose it is', async () => {
    const result = await bus.emit('path.resolve', { id: 'a' });
    expectTypeOf(result).toEqualTypeOf<EmitResult<'path.resolve', 'first', string>>();
    expectTypeOf(result.value).toEqualTypeOf<string | undefined>();
    expectTypeOf(result.values).toEqualTypeOf<readonly []>();
    expectTypeOf(result.answeredBy).toEqualTypeOf<string | undefined>();
    // @ts-expect-error -- there may be no answer
    void result.value.length;
  });

  it('[28] of a collect have answers, and whose they are', async () => {
    const result = await bus.emit('code.lint', { code: '' });
    expectTypeOf(result).toEqualTypeOf<EmitResult<'code.lint', 'collect', Finding>>();
    expectTypeOf(result.value).toEqualTypeOf<undefined>();
    expectTypeOf(result.values).toEqualTypeOf<readonly Finding[]>();
    expectTypeOf(result.answeredBy).toEqualTypeOf<readonly string[]>();
    // @ts-expect-error -- a result is read
    result.values.push({ level: 'hint', text: '' });
  });

  it('[28] of an around may have an answer, and whose it is', async () => {
    const result = await bus.emit('http.request', new URL('http://a.example'));
    expectTypeOf(result).toEqualTypeOf<EmitResult<'http.request', 'around', number>>();
    expectTypeOf(result.value).toEqualTypeOf<number | undefined>();
    expectTypeOf(result.values).toEqualTypeOf<readonly []>();
    expectTypeOf(result.answeredBy).toEqualTypeOf<string | undefined>();
  });

  it('[28] are of the same type for every verb', () => {
    expectTypeOf(bus.emit('title.format', '')).toEqualTypeOf<Promise<Results<'title.format'>>>();
    expectTypeOf(bus.emitSync('title.format', '')).toEqualTypeOf<Results<'title.format'>>();
    expectTypeOf(bus.dispatch('title.format', '')).toEqualTypeOf<
      Results<'title.format'> | Promise<Results<'title.format'>>
    >();
    expectTypeOf(bus.emitSync('path.resolve', { id: '' })).toEqualTypeOf<Results<'path.resolve'>>();
    expectTypeOf(bus.dispatch('path.resolve', { id: '' })).toEqualTypeOf<
      Results<'path.resolve'> | Promise<Results<'path.resolve'>>
    >();
    expectTypeOf(bus.emitSync('code.lint', { code: '' })).toEqualTypeOf<Results<'code.lint'>>();
    expectTypeOf(bus.dispatch('code.lint', { code: '' })).toEqualTypeOf<
      Results<'code.lint'> | Promise<Results<'code.lint'>>
    >();
    expectTypeOf(bus.emitSync('http.request', new URL(''))).toEqualTypeOf<Results<'http.request'>>();
    expectTypeOf(bus.dispatch('http.request', new URL(''))).toEqualTypeOf<
      Results<'http.request'> | Promise<Results<'http.request'>>
    >();
    expectTypeOf(bus.dispatch('shop.closed')).toEqualTypeOf<Results<'shop.closed'> | Promise<Results<'shop.closed'>>>();
    expectTypeOf(bus.post('title.format', '')).toEqualTypeOf<void>();
    expectTypeOf(chain(bus.dispatch('title.format', ''), ({ value }) => value)).toEqualTypeOf<
      string | Promise<string>
    >();
  });

  it('[28] are of the same type for an event handle', () => {
    const title = bus.event('title.format');
    expectTypeOf(title).toEqualTypeOf<EventHandle<Events, 'title.format'>>();
    expectTypeOf(title.emit('')).toEqualTypeOf<Promise<Results<'title.format'>>>();
    expectTypeOf(title.emitSync('').value).toEqualTypeOf<string>();
    expectTypeOf(title.dispatch('')).toEqualTypeOf<Results<'title.format'> | Promise<Results<'title.format'>>>();
    expectTypeOf(title.post('')).toEqualTypeOf<void>();
    expectTypeOf(bus.event('path.resolve').emitSync({ id: '' }).value).toEqualTypeOf<string | undefined>();
    expectTypeOf(bus.event('path.resolve').emitSync({ id: '' }).answeredBy).toEqualTypeOf<string | undefined>();
    expectTypeOf(bus.event('code.lint').emitSync({ code: '' }).values).toEqualTypeOf<readonly Finding[]>();
    expectTypeOf(bus.event('code.lint').emitSync({ code: '' }).answeredBy).toEqualTypeOf<readonly string[]>();
    expectTypeOf(bus.event('http.request').emitSync(new URL('')).value).toEqualTypeOf<number | undefined>();
    expectTypeOf(bus.event('shop.closed').emitSync().value).toEqualTypeOf<undefined>();
    expectTypeOf(bus.event(tick).emitSync(1).value).toEqualTypeOf<number>();
    // @ts-expect-error -- of another type
    title.emitSync(5);
    // @ts-expect-error -- there is none
    void title.emit();
  });

  it('[28] are of the same type for a context', () => {
    bus.on('order.placed', async (_, ctx) => {
      expectTypeOf(await ctx.emit('title.format', '')).toEqualTypeOf<Results<'title.format'>>();
      expectTypeOf(ctx.emitSync('path.resolve', { id: '' }).value).toEqualTypeOf<string | undefined>();
      expectTypeOf(ctx.emitSync('code.lint', { code: '' }).values).toEqualTypeOf<readonly Finding[]>();
      expectTypeOf(ctx.dispatch('http.request', new URL(''))).toEqualTypeOf<
        Results<'http.request'> | Promise<Results<'http.request'>>
      >();
    });
  });
});

describe('handlers', () => {
  it('[28] of a broadcast may return what they like', () => {
    bus.on('order.placed', () => 5);
    bus.on('order.placed', async () => ({ any: 'thing' }));
    bus.on('order.placed', () => {});
    expectTypeOf<ReturnedBy<Events, 'order.placed'>>().toEqualTypeOf<unknown>();
  });

  it('[28] of a waterfall return the next payload, or nothing, now or later', () => {
    bus.on('html.transform', (page, ctx) => {
      expectTypeOf(page).toEqualTypeOf<Page>();
      expectTypeOf(ctx.payload).toEqualTypeOf<Page>();
      return { ...page, html: '' };
    });
    bus.on('title.format', (title) => title.trim());
    bus.on('title.format', async (title) => title.trim());
    bus.on('title.format', () => {});
    bus.on('title.format', () => undefined);
    bus.on('title.format', async () => {});
    bus.on('title.format', (title) => (title === '' ? 'untitled' : undefined));
    bus.on('title.format', (title) => {
      if (title === '') return 'untitled';
      return undefined;
    });
    bus.on('title.format', () => ({ then: () => {} }) as unknown as PromiseLike<string>);
    // @ts-expect-error -- of another type
    bus.on('title.format', () => 5);
    // @ts-expect-error -- of another type
    bus.on('title.format', async () => 5);
    // @ts-expect-error -- null is not undefined
    bus.on('title.format', () => null);
    // @ts-expect-error -- a property is missing
    bus.on('html.transform', (page) => ({ html: page.html }));
    // @ts-expect-error -- a property is missing
    bus.once('html.transform', (page) => ({ html: page.html }));
    // @ts-expect-error -- of another type
    bus.event('title.format').on(() => 5);
    // @ts-expect-error -- of another type
    bus.group('plugin').on('title.format', () => 5);
  });

  it('[28] of a first return an answer, or nothing, now or later', () => {
    bus.on('path.resolve', ({ id }) => (id === '' ? undefined : `/src/${id}`));
    bus.on('path.resolve', async ({ id }) => `/src/${id}`);
    bus.on('path.resolve', () => {});
    bus.on('path.resolve', async () => undefined);
    // @ts-expect-error -- of another type
    bus.on('path.resolve', () => 5);
    // @ts-expect-error -- of another type
    bus.on('path.resolve', async () => ({ id: '' }));
    // @ts-expect-error -- the payload is no answer
    bus.event('path.resolve').once((question) => question);
  });

  it('[28] of a collect return one answer, or nothing, now or later', () => {
    bus.on('code.lint', () => ({ level: 'hint', text: 'no var' }));
    bus.on('code.lint', async () => ({ level: 'warning', text: 'no eval' }));
    bus.on('code.lint', ({ code }) => (code === '' ? undefined : { level: 'hint', text: 'long' }));
    bus.on('code.lint', () => {});
    bus.event('code.lint').on(() => ({ level: 'hint', text: '' }));
    // @ts-expect-error -- no such level
    bus.on('code.lint', () => ({ level: 'error', text: '' }));
    // @ts-expect-error -- a list of answers is no answer
    bus.on('code.lint', () => [{ level: 'hint', text: '' }]);
    // @ts-expect-error -- a property is missing
    bus.on('code.lint', async () => ({ text: '' }));
  });

  it('[28] of an around return an answer, now or later', () => {
    bus.on('http.request', () => 200);
    bus.on('http.request', async () => 200);
    bus.on('http.request', (_, ctx) => ctx.next());
    bus.on('http.request', async (_, ctx) => (await ctx.next()) + 1);
    bus.on('http.request', (_, ctx) => chain(ctx.next(), (status) => status + 1));
    // @ts-expect-error -- of another type
    bus.on('http.request', () => 'ok');
    // @ts-expect-error -- of another type
    bus.on('http.request', async () => 'ok');
    // @ts-expect-error -- no answer is none: it forgot to return what next gave
    bus.on('http.request', (_, ctx) => {
      void ctx.next();
    });
    // @ts-expect-error -- undefined is no number
    bus.on('http.request', () => undefined);
  });

  it('[28] of an around that may answer nothing may return nothing', () => {
    const optional = new EventBus({ events: defineEvents({ 'cache.get': around<string, number | undefined>() }) });
    optional.on('cache.get', () => undefined);
    optional.on('cache.get', async (_, ctx) => ctx.next());
    expectTypeOf(optional.emitSync('cache.get', '').value).toEqualTypeOf<number | undefined>();
  });

  it('[28] have a type of their own', () => {
    const trim: Handler<Events, 'title.format'> = (title) => title.trim();
    const status: Handler<Events, 'http.request'> = (_, ctx) => ctx.next();
    bus.on('title.format', trim);
    bus.on('http.request', status);
    // @ts-expect-error -- of another event
    bus.on('path.resolve', trim);
    // @ts-expect-error -- of another type
    const wrong: Handler<Events, 'title.format'> = () => 5;
    void wrong;
    const listener: Listener<Events, 'title.format' | 'path.resolve'> = () => 5;
    bus.on(['title.format', 'path.resolve'], listener);
  });

  it('[24] that only listen may return what they like, whatever the kind', () => {
    bus.on('title.*', () => 5);
    bus.on('**', async () => ({ any: 'thing' }));
    bus.on(['title.format', 'http.request'], () => null);
    bus.once(['code.lint'], () => 'no finding');
    bus.onAny(() => 5);
    bus.group('plugin').on('*.lint', () => 5);
  });

  it('[28] have filters of their payload', () => {
    bus.on('path.resolve', () => 'a', { filter: ({ id }) => id.startsWith('.') });
    bus.on('http.request', () => 200, { filter: (url) => url.protocol === 'https:' });
    // @ts-expect-error -- the payload has no such property
    bus.on('path.resolve', () => 'a', { filter: ({ path }) => path === '' });
  });
});

describe('ctx.next', () => {
  it('[28] is there for the handlers of an around', () => {
    bus.on('http.request', (url, ctx) => {
      expectTypeOf(ctx).toExtend<AroundContext<URL, number>>();
      expectTypeOf(ctx.next()).toEqualTypeOf<number | Promise<number>>();
      expectTypeOf(ctx.payload).toEqualTypeOf<URL>();
      // @ts-expect-error -- of another type
      void ctx.next('http://a.example');
      return ctx.next(url);
    });
    bus.event('http.request').on((_, ctx) => ctx.next());
    bus.once('http.request', (_, ctx) => ctx.next());
    bus.group('plugin').on('http.request', (_, ctx) => ctx.next());
  });

  it('[28] is not there for those of other kinds', () => {
    // @ts-expect-error -- a broadcast has no next
    bus.on('order.placed', (_, ctx) => ctx.next());
    // @ts-expect-error -- a waterfall has no next
    bus.on('title.format', (_, ctx) => ctx.next());
    // @ts-expect-error -- a first has no next
    bus.on('path.resolve', (_, ctx) => ctx.next());
    // @ts-expect-error -- a collect has no next
    bus.on('code.lint', (_, ctx) => ctx.next());
    // @ts-expect-error -- a waterfall has no next
    bus.event('title.format').on((_, ctx) => ctx.next());
  });

  it('[28] is not there for listeners, nor for the core', () => {
    // @ts-expect-error -- a pattern only listens
    bus.on('http.*', (_, ctx) => ctx.next());
    // @ts-expect-error -- a list only listens
    bus.on(['http.request'], (_, ctx) => ctx.next());
    // @ts-expect-error -- an any-handler only listens
    bus.onAny((_, ctx) => ctx.next());
    // @ts-expect-error -- the core is innermost
    void bus.emit('http.request', new URL(''), { core: (_, ctx) => ctx.next() });
  });
});

describe('core', () => {
  it('[28] is what an around is around: of its payload and answer', () => {
    void bus.emit('http.request', new URL(''), {
      core: async (url, ctx) => {
        expectTypeOf(url).toEqualTypeOf<URL>();
        expectTypeOf(ctx.type).toEqualTypeOf<'http.request'>();
        expectTypeOf(ctx.payload).toEqualTypeOf<URL>();
        expectTypeOf(ctx.signal).toEqualTypeOf<AbortSignal>();
        return 200;
      },
    });
    bus.emitSync('http.request', new URL(''), { core: () => 200, timeoutMs: 5 });
    void bus.dispatch('http.request', new URL(''), { core: () => 200 });
    bus.post('http.request', new URL(''), { core: async () => 200 });
    bus.event('http.request').emitSync(new URL(''), { core: (url) => url.href.length });
    bus.emitSync('http.request', new URL(''), { core: undefined });
    // @ts-expect-error -- of another type
    bus.emitSync('http.request', new URL(''), { core: () => 'ok' });
    // @ts-expect-error -- of another type
    void bus.emit('http.request', new URL(''), { core: async () => 'ok' });
    // @ts-expect-error -- the payload is a URL
    bus.emitSync('http.request', new URL(''), { core: (url: string) => url.length });
    // @ts-expect-error -- no function
    bus.emitSync('http.request', new URL(''), { core: 200 });
  });

  it('[28] is of no other kind', () => {
    // @ts-expect-error -- a broadcast has no core
    void bus.emit('order.placed', { id: '' }, { core: () => undefined });
    // @ts-expect-error -- a broadcast has no core
    bus.emitSync('shop.closed', undefined, { core: () => {} });
    // @ts-expect-error -- a waterfall has no core
    bus.emitSync('title.format', '', { core: (title: string) => title });
    // @ts-expect-error -- a first has no core
    void bus.dispatch('path.resolve', { id: '' }, { core: () => 'a' });
    // @ts-expect-error -- a collect has no core
    bus.post('code.lint', { code: '' }, { core: () => undefined });
    // @ts-expect-error -- a waterfall has no core
    bus.event('title.format').emitSync('', { core: () => 'a' });
    // @ts-expect-error -- without a declaration it is a broadcast
    new EventBus<{ 'order.placed': string }>().emitSync('order.placed', '', { core: () => 'a' });
  });

  it('[28] has its place in the options', () => {
    const options: EmitOptionsOf<Events, 'http.request'> = { core: () => 200, mode: 'tiered' };
    bus.emitSync('http.request', new URL(''), options);
    expectTypeOf<EmitOptionsOf<Events, 'title.format'>['core']>().toEqualTypeOf<undefined>();
  });
});

describe('schemas: callers give the input, handlers get the output', () => {
  const byZod = z.object({
    id: z.string(),
    at: z.string().transform((text) => new Date(text)),
    n: z.number().default(1),
  });
  const byValibot = v.object({
    id: v.string(),
    at: v.pipe(
      v.string(),
      v.transform((text) => new Date(text)),
    ),
    n: v.optional(v.number(), 1),
  });
  const byArktype = type({ id: 'string', at: 'string.date.parse', n: 'number = 1' });

  interface Input {
    id: string;
    at: string;
    n?: number | undefined;
  }
  interface Output {
    id: string;
    at: Date;
    n: number;
  }

  const validated = new EventBus({
    events: defineEvents({
      'zod.broadcast': broadcast(byZod),
      'zod.waterfall': waterfall(byZod),
      'zod.first': first(byZod, { answer: z.string().transform((text) => text.length) }),
      'zod.collect': collect(byZod, { answer: z.string().transform((text) => text.length), mode: 'concurrent' }),
      'zod.around': around(byZod, { answer: z.string().transform((text) => text.length) }),
      'valibot.broadcast': broadcast(byValibot),
      'valibot.first': first(byValibot, { answer: v.pipe(v.string(), v.transform(Number)) }),
      'arktype.broadcast': broadcast(byArktype, { mode: 'tiered' }),
      'arktype.collect': collect(byArktype, { answer: type('string.numeric.parse') }),
      'zod.steps': waterfall(z.string().trim(), { validateSteps: true }),
      'zod.typed': first(z.string(), { answer: typed<URL>() }),
      'zod.void': broadcast(z.void()),
      'zod.optional': broadcast(z.string().optional()),
      'zod.async': broadcast(z.string().refine(async (text) => text !== '')),
    }),
  });
  const input = { id: 'o1', at: '2024-01-01' };

  it.each(['zod', 'valibot', 'arktype'] as const)('[28] whether they are of %s', (library) => {
    validated.on(`${library}.broadcast`, (payload, ctx) => {
      expectTypeOf(payload).toExtend<Output>();
      expectTypeOf(payload.at).toEqualTypeOf<Date>();
      expectTypeOf(payload.n).toEqualTypeOf<number>();
      expectTypeOf(ctx.payload.at).toEqualTypeOf<Date>();
    });
    void validated.emit(`${library}.broadcast`, input);
    validated.emitSync(`${library}.broadcast`, { ...input, n: 2 });
    // @ts-expect-error -- the output is no input
    validated.emitSync(`${library}.broadcast`, { id: 'o1', at: new Date() });
    // @ts-expect-error -- a property is missing
    void validated.emit(`${library}.broadcast`, { id: 'o1' });
    // @ts-expect-error -- there is none
    validated.post(`${library}.broadcast`);
  });

  it('[28] for filters, listeners, lists and patterns too', () => {
    validated.on('zod.broadcast', () => {}, { filter: ({ at }) => at.getTime() > 0 });
    validated.on('zod.*', (_, ctx) => {
      if (ctx.type === 'zod.broadcast') expectTypeOf(ctx.payload.at).toEqualTypeOf<Date>();
    });
    validated.on(['zod.broadcast', 'valibot.broadcast', 'arktype.broadcast'], ({ at }) => {
      expectTypeOf(at).toEqualTypeOf<Date>();
    });
    validated.onAny((event) => {
      if (event.type === 'valibot.broadcast') expectTypeOf(event.payload.at).toEqualTypeOf<Date>();
    });
    // @ts-expect-error -- the payload has been parsed by then
    validated.on('zod.broadcast', () => {}, { filter: ({ at }) => at.startsWith('2024') });
  });

  it('[28] for event handles too', () => {
    const handle = validated.event('zod.broadcast');
    handle.emitSync(input);
    handle.on(({ at }) => {
      expectTypeOf(at).toEqualTypeOf<Date>();
    });
    // @ts-expect-error -- the output is no input
    handle.emitSync({ id: 'o1', at: new Date(), n: 1 });
  });

  it('[28] of a waterfall: the output goes from handler to handler, and comes out', () => {
    validated.on('zod.waterfall', (payload) => ({ ...payload, at: new Date() }));
    expectTypeOf(validated.emitSync('zod.waterfall', input).value).toEqualTypeOf<Output>();
    // @ts-expect-error -- the input is no output
    validated.on('zod.waterfall', (payload) => ({ ...payload, at: '2024-01-01' }));
    validated.on('zod.steps', (text) => text.toUpperCase());
    expectTypeOf(validated.emitSync('zod.steps', '').value).toEqualTypeOf<string>();
  });

  it('[28] of a first, collect and around: handlers return the input of the answer, callers get its output', () => {
    validated.on('zod.first', ({ at }) => at.toISOString());
    expectTypeOf(validated.emitSync('zod.first', input).value).toEqualTypeOf<number | undefined>();
    // @ts-expect-error -- the output of an answer is no input
    validated.on('zod.first', () => 5);
    validated.on('zod.collect', async () => 'abc');
    expectTypeOf(validated.emitSync('zod.collect', input).values).toEqualTypeOf<readonly number[]>();
    // @ts-expect-error -- the output of an answer is no input
    validated.on('zod.collect', () => 5);
    validated.on('valibot.first', () => '5');
    expectTypeOf(validated.emitSync('valibot.first', input).value).toEqualTypeOf<number | undefined>();
    validated.on('arktype.collect', () => '5');
    expectTypeOf(validated.emitSync('arktype.collect', input).values).toEqualTypeOf<readonly number[]>();
    // @ts-expect-error -- the output of an answer is no input
    validated.on('arktype.collect', () => 5);
    validated.on('zod.around', () => 'abc');
    validated.on('zod.around', (_, ctx) => {
      // What comes out of next has been validated.
      expectTypeOf(ctx.next()).toEqualTypeOf<number | Promise<number>>();
      // @ts-expect-error -- the input is no output
      void ctx.next(input);
      return 'abc';
    });
    void validated.emit('zod.around', input, { core: ({ at }) => at.toISOString() });
    expectTypeOf(validated.emitSync('zod.around', input).value).toEqualTypeOf<number | undefined>();
    // @ts-expect-error -- the output of an answer is no input
    void validated.emit('zod.around', input, { core: () => 5 });
  });

  it('[28] of an answer that is only typed', () => {
    validated.on('zod.typed', (href) => new URL(href));
    expectTypeOf(validated.emitSync('zod.typed', '').value).toEqualTypeOf<URL | undefined>();
    // @ts-expect-error -- of another type
    validated.on('zod.typed', (href) => href);
  });

  it('[28] of nothing, or something optional: the payload may be left out', () => {
    validated.emitSync('zod.void');
    validated.emitSync('zod.optional');
    validated.event('zod.optional').emitSync();
    validated.emitSync('zod.optional', 'text');
    // @ts-expect-error -- of another type
    validated.emitSync('zod.optional', 5);
    validated.on('zod.optional', (text) => {
      expectTypeOf(text).toEqualTypeOf<string | undefined>();
    });
  });

  it('[28] that are asynchronous: of the same types', () => {
    validated.on('zod.async', (text) => {
      expectTypeOf(text).toEqualTypeOf<string>();
    });
    void validated.emit('zod.async', 'text');
  });

  it('[28] say what both are', () => {
    type Validated = typeof validated extends EventBus<infer Declared> ? Declared : never;
    expectTypeOf<InputOf<Validated, 'zod.broadcast'>>().toEqualTypeOf<Input>();
    expectTypeOf<PayloadOf<Validated, 'zod.broadcast'>>().toEqualTypeOf<Output>();
    expectTypeOf<InputOf<Validated, 'valibot.broadcast'>>().toEqualTypeOf<Input>();
    expectTypeOf<PayloadOf<Validated, 'valibot.broadcast'>>().toEqualTypeOf<Output>();
    expectTypeOf<PayloadOf<Validated, 'arktype.broadcast'>>().toEqualTypeOf<Output>();
    expectTypeOf<AnswerOf<Validated, 'zod.first'>>().toEqualTypeOf<number>();
  });

  it('[28] may leave the answer unknown', () => {
    const asked = new EventBus({ events: defineEvents({ ask: first(z.string()), poll: collect(z.string(), {}) }) });
    asked.on('ask', (text) => text.length);
    asked.on('poll', async (text) => ({ text }));
    expectTypeOf(asked.emitSync('ask', '').value).toEqualTypeOf<unknown>();
    expectTypeOf(asked.emitSync('poll', '').values).toEqualTypeOf<readonly unknown[]>();
    // @ts-expect-error -- no schema
    first(z.string(), { answer: 'string' });
    // @ts-expect-error -- misspelt
    around(z.string(), { answers: z.string() });
  });
});

describe('waiting and streaming', () => {
  it('[22] gives what handlers get', async () => {
    expectTypeOf(await bus.waitFor('html.transform')).toEqualTypeOf<Page>();
    expectTypeOf(await bus.waitFor('http.request')).toEqualTypeOf<URL>();
    expectTypeOf(await bus.waitFor(['title.format', 'path.resolve'])).toEqualTypeOf<
      | { readonly type: 'title.format'; readonly payload: string }
      | { readonly type: 'path.resolve'; readonly payload: { id: string } }
    >();
    for await (const page of bus.stream('html.transform')) expectTypeOf(page).toEqualTypeOf<Page>();
  });
});

describe('mixed maps', () => {
  type Mixed = {
    'order.placed': { id: string };
    'shop.closed': void;
    'title.format': Events['title.format'];
    'path.resolve': Events['path.resolve'];
  };
  const mixed = new EventBus<Mixed>({
    events: { 'title.format': events['title.format'], 'path.resolve': events['path.resolve'] },
    undeclared: 'allow',
  });

  it('[28] have broadcasts where there is a plain payload, and the declared kinds', () => {
    expectTypeOf(mixed.emitSync('order.placed', { id: 'o1' })).toEqualTypeOf<EmitResult<'order.placed'>>();
    expectTypeOf(mixed.emitSync('title.format', '').value).toEqualTypeOf<string>();
    expectTypeOf(mixed.emitSync('path.resolve', { id: '' }).value).toEqualTypeOf<string | undefined>();
    mixed.emitSync('shop.closed');
    mixed.on('order.placed', ({ id }) => id);
    mixed.on('title.format', (title) => title.trim());
    // @ts-expect-error -- of another type
    mixed.on('title.format', () => 5);
    // @ts-expect-error -- no such event
    mixed.on('order.lost', () => {});
    // @ts-expect-error -- a property is missing
    mixed.emitSync('order.placed', {});
  });

  it('[28] may declare an event with a plain payload a broadcast of it', () => {
    void new EventBus<Mixed>({ events: { 'order.placed': broadcast<{ id: string }>({ mode: 'tiered' }) } });
    void new EventBus<Mixed>({ events: {} });
    // @ts-expect-error -- a broadcast of something else
    void new EventBus<Mixed>({ events: { 'order.placed': broadcast<string>() } });
    // @ts-expect-error -- of another kind
    void new EventBus<Mixed>({ events: { 'title.format': broadcast<string>() } });
    // @ts-expect-error -- no such event
    void new EventBus<Mixed>({ events: { 'order.lost': broadcast() } });
    // @ts-expect-error -- no such word
    void new EventBus<Mixed>({ undeclared: 'warn' });
  });

  it('[28] may be an interface over the types of declarations', () => {
    interface Shop {
      'order.placed': { id: string };
      'title.format': Events['title.format'];
    }
    const shop = new EventBus<Shop>({ events: { 'title.format': events['title.format'] }, undeclared: 'allow' });
    expectTypeOf(shop.emitSync('title.format', '').value).toEqualTypeOf<string>();
    shop.on('order.placed', ({ id }) => id);
  });
});

describe('generic functions over a declared bus', () => {
  it('[28] relay any event of one kind', () => {
    function format(name: 'title.format' | typeof tick, ...payloads: [string & number]) {
      return bus.emitSync(name, ...payloads);
    }
    void format;

    type Waterfalls = { [Name in keyof Events]: KindOf<Events, Name> extends 'waterfall' ? Name : never }[keyof Events];
    expectTypeOf<Waterfalls>().toEqualTypeOf<'html.transform' | 'title.format' | typeof tick>();

    function run<Name extends Waterfalls>(name: Name, payload: InputOf<Events, Name>): Promise<ResultOf<Events, Name>> {
      return bus.emit(name, payload);
    }
    expectTypeOf(run('title.format', '').then(({ value }) => value)).toEqualTypeOf<Promise<string>>();
    // @ts-expect-error -- no waterfall
    void run('path.resolve', { id: '' });
  });

  it('[28] subscribe to any event', () => {
    function listen<Name extends keyof Events>(name: Name, handler: Handler<Events, Name>) {
      return bus.on(name, handler);
    }
    listen('title.format', (title) => title.trim());
    listen('http.request', (_, ctx) => ctx.next());
    // @ts-expect-error -- of another type
    listen('title.format', () => 5);
  });
});

describe('a bus without declarations', () => {
  it('[28] has broadcasts alone', () => {
    const plain = new EventBus<{ 'order.placed': { id: string }; note: string | number | boolean }>();
    expectTypeOf(plain.emitSync('order.placed', { id: '' }).value).toEqualTypeOf<undefined>();
    expectTypeOf(plain.emitSync('note', true)).toEqualTypeOf<EmitResult<'note'>>();
    plain.on('note', (note) => {
      expectTypeOf(note).toEqualTypeOf<string | number | boolean>();
      return 'ignored';
    });
    expectTypeOf(new EventBus().emitSync('anything').values).toEqualTypeOf<readonly []>();
  });
});
