import { describe, expect, it } from 'vitest';
import { ignoresContext } from '../../src/bus/dispatching/context-free.js';
import { EventBus } from '../../src/index.js';

type Ctx = { readonly type: PropertyKey } | undefined;
type AnyFunction = (...args: never[]) => unknown;

// As text, so that no build step rewrites what is looked at.
// oxlint-disable-next-line typescript/no-implied-eval -- the text is right below
const make = (text: string): AnyFunction => new Function(`return (${text})`)() as AnyFunction;

const BLIND = [
  '() => {}',
  'p => p',
  '(p) => p',
  'async p => p',
  'async (p) => p',
  'async(p)=>p',
  '({ id, total }) => id + total',
  '({ id: name }) => name',
  '([first, second]) => first + second',
  'function () {}',
  'function named(p) { return p; }',
  'async function named({ id }) { return id; }',
];

/** Each hands on its second argument, although its `length` is below 2. */
const SEEING = [
  '(p, ctx = undefined) => ctx',
  '(...all) => all[1]',
  '(p, ...rest) => rest[0]',
  '(p = 1, ctx) => ctx',
  '({ id } = {}, ctx) => ctx',
  'function (p) { return arguments[1]; }',
  'function () { return (() => arguments[1])(); }',
  "function (p) { return eval('argu' + 'ments')[1]; }",
  'function (p) { return \\u0061rguments[1]; }',
  '{ handle(p, ctx = undefined) { return ctx; } }.handle',
  '(function (p, ctx) { return ctx; }).bind(null)',
  '((...all) => all[1]).bind(null)',
  'new Proxy((...all) => all[1], {})',
  '(p /* , none */, ctx = undefined) => ctx',
];

describe('whether a handler can see its context', () => {
  it.each(BLIND)('is denied of %s', (text) => {
    expect(ignoresContext(make(text))).toBe(true);
  });

  it.each(SEEING)('is not denied of %s', (text) => {
    expect(ignoresContext(make(text))).toBe(false);
  });

  it.each([Math.max, Number.parseInt, Map, 'text', undefined])('is not denied of %s', (value) => {
    expect(ignoresContext(value)).toBe(false);
  });
});

it('a warm event goes on passing the context to handlers that only seem to have one parameter', () => {
  const bus = new EventBus<{ tick: number }>();
  const seen: unknown[] = [];
  // oxlint-disable-next-line typescript/no-useless-default-assignment -- the very thing
  bus.on('tick', (_n, ctx: Ctx = undefined) => seen.push(ctx?.type));
  bus.on('tick', (...all) => seen.push(all[1].type));
  bus.on('tick', function () {
    // oxlint-disable-next-line prefer-rest-params -- the very thing
    seen.push((arguments[1] as { type: string }).type);
  });
  for (let n = 0; n < 300; n++) bus.emitSync('tick', n);
  expect(seen).toEqual(Array.from({ length: 900 }, () => 'tick'));
});

it('an event gets its contexts back when a handler that can see them is added', () => {
  const bus = new EventBus<{ tick: number }>();
  const types: PropertyKey[] = [];
  bus.on('tick', (n) => n);
  for (let n = 0; n < 300; n++) bus.emitSync('tick', n);
  bus.on('tick', (_n, ctx) => types.push(ctx.type));
  bus.emitSync('tick', 1);
  expect(types).toEqual(['tick']);
});
