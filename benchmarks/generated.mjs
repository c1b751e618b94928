// Functions of identical source text share their type feedback in V8, and a call that has met one such
// function is inlined for all of them: a bus that is given one closure a hundred times looks far faster
// than it is in an application. So each handler, and each place that emits, is generated with a text
// of its own.

let sites = 0;

/**
 * Makes one place of an application that emits: a function of its own, so that each type is emitted from
 * elsewhere and under a constant name, as in real code.
 *
 * @param scope - What the expression may name, besides `payload`.
 * @param emission - The expression that emits, as an application would write it.
 */
export function callSite(scope, emission) {
  sites += 1;
  const text = `return function site${sites}(payload) { return ${emission}; }`;
  // oxlint-disable-next-line typescript/no-implied-eval -- see the head of this file
  return new Function(...Object.keys(scope), text)(...Object.values(scope));
}

/** A handler with a tiny side effect that is checked afterwards: it counts its own calls. */
function countingHandler(counts, index, isAsync) {
  const text = `return ${isAsync ? 'async ' : ''}function handler${index}(payload) { counts[${index}] += payload.step; }`;
  // oxlint-disable-next-line typescript/no-implied-eval -- see the head of this file
  return new Function('counts', text)(counts);
}

/**
 * Makes the events of one case with their handlers.
 *
 * @param shape - How many `types`, how many `handlers` for each, and `isAsync(type, handler)` by position.
 * @returns The events, and the calls that each handler has counted.
 */
export function makeEvents({ types, handlers, isAsync = () => false }) {
  const counts = new Int32Array(types * handlers);
  const events = Array.from({ length: types }, (_, type) => ({
    type: `area${type}.happened`,
    pattern: `area${type}.*`,
    handlers: Array.from({ length: handlers }, (_, handler) => {
      const async = isAsync(type, handler);
      return { isAsync: async, run: countingHandler(counts, type * handlers + handler, async) };
    }),
  }));
  return { events, counts };
}
