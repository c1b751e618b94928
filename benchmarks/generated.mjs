// Functions of identical source text share their type feedback in V8, and a call that has met one such
// function is inlined for all of them: a bus that is given one closure a hundred times looks far faster
// than it is in an application. So each handler, and each place that emits, is generated with a text
// of its own.

/** Makes a function of a text that may name what is in the scope. */
function generate(scope, text) {
  // oxlint-disable-next-line typescript/no-implied-eval -- see the head of this file
  return new Function(...Object.keys(scope), `return ${text}`)(...Object.values(scope));
}

let sites = 0;

/**
 * Makes one place of an application that emits: a function of its own, so that each type is emitted from
 * elsewhere and under a constant name, as in real code.
 *
 * @param scope - What the expression may name, besides the parameters.
 * @param emission - The expression that emits, as an application would write it.
 * @param parameters - What varies from call to call, and so is in reach of the expression too.
 */
export function callSite(scope, emission, parameters = 'payload') {
  sites += 1;
  return generate(scope, `function site${sites}(${parameters}) { return ${emission}; }`);
}

/** Where answers go, so that the engine can't spare itself the making of one. */
const kept = { answer: undefined };

/** Makes a place that emits and uses the answer at once: a {@link callSite} whose expression comes to the answer. */
export function answeringSite(scope, answer) {
  return callSite({ ...scope, kept }, `(kept.answer = ${answer})`);
}

/** More than one, so that the engine can't take the payload for a constant; in a ring, so that there is a next one. */
export const payloads = Array.from({ length: 8 }, () => ({ step: 1, next: undefined }));
for (const [place, payload] of payloads.entries()) payload.next = payloads[(place + 1) % payloads.length];

function payloadAfter(payload, steps) {
  let after = payload;
  for (let step = 0; step < steps; step += 1) after = after.next;
  return after;
}

/**
 * How the handlers of an event combine: what each does besides counting, and what the caller must get of
 * it. No handler allocates, so that only what the library makes is measured.
 */
const kinds = {
  broadcast: {
    handlerEnds: () => '',
    answerTo: () => undefined,
  },
  waterfall: {
    handlerEnds: () => 'return payload.next;',
    answerTo: (payload, { handlers }) => payloadAfter(payload, handlers),
  },
  first: {
    handlerEnds: ({ handler, answering }) => (handler === answering ? 'return payload.next;' : ''),
    answerTo: (payload) => payload.next,
  },
  collect: {
    handlerEnds: ({ handler }) => `return 'answer ${handler}';`,
    answerTo: (_payload, { handlers }) => Array.from({ length: handlers }, (_, handler) => `answer ${handler}`),
  },
  around: {
    handlerEnds: ({ isAsync, nextIsArgument }) =>
      `return ${isAsync ? 'await ' : ''}${nextIsArgument ? 'next' : 'ctx.next'}(payload.next);`,
    answerTo: (payload, { handlers }) => payloadAfter(payload, handlers),
  },
};

/** A handler with a tiny side effect that is checked afterwards: it counts its own calls. */
function countingHandler(counts, index, { isAsync, parameters, end }) {
  const body = `counts[${index}] += payload.step; ${end}`;
  return generate({ counts }, `${isAsync ? 'async ' : ''}function handler${index}(${parameters}) { ${body} }`);
}

/**
 * Makes the events of one case with their handlers.
 *
 * @param shape - How many `types`, how many `handlers` for each, `isAsync(type, handler)` by position, the
 *   `kind` of the events, and for the kind `first` which handler is the `answering` one.
 * @param contestant - `nextIsArgument` where an onion's handlers get `next` itself and not a context with it.
 * @returns The events; the calls that each handler has counted; `isAnswered`, whether callers get an answer;
 *   `isReached(index)`, whether an emission gets to that handler; `answerTo(payload)`, what callers must get.
 */
export function makeEvents(shape, { nextIsArgument = false } = {}) {
  const { types, handlers, kind = 'broadcast', answering, isAsync = () => false } = shape;
  const { handlerEnds, answerTo } = kinds[kind];
  const parameters = kind === 'around' ? `payload, ${nextIsArgument ? 'next' : 'ctx'}` : 'payload';
  const counts = new Int32Array(types * handlers);
  const events = Array.from({ length: types }, (_, type) => ({
    type: `area${type}.happened`,
    pattern: `area${type}.*`,
    handlers: Array.from({ length: handlers }, (_, handler) => {
      const async = isAsync(type, handler);
      const end = handlerEnds({ handler, answering, isAsync: async, nextIsArgument });
      const run = countingHandler(counts, type * handlers + handler, { isAsync: async, parameters, end });
      return { isAsync: async, run };
    }),
    core: generate({}, `function core${type}(payload) { return payload; }`),
  }));
  return {
    events,
    counts,
    isAnswered: kind !== 'broadcast',
    isReached: (index) => answering === undefined || index % handlers <= answering,
    answerTo: (payload) => answerTo(payload, shape),
  };
}
