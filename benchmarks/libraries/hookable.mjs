import { createHooks } from 'hookable';
import { answeringSite, callSite } from '../generated.mjs';

function makeHooks(events) {
  const hooks = createHooks();
  for (const { type, handlers } of events) for (const { run } of handlers) hooks.hook(type, run);
  return hooks;
}

/** What `callHookWith` is given to call the handlers, where the answers of all are asked for. */
const collect = (handlers, given) => handlers.map((handler) => handler(...given));

/** `callHookWith` is as sync as what it is given. */
export function emitSync({ events }) {
  const hooks = makeHooks(events);
  return {
    emits: events.map(({ type }) =>
      answeringSite({ hooks, collect }, `hooks.callHookWith(collect, '${type}', [payload])`),
    ),
  };
}

/** `verb`: `callHookParallel` runs handlers concurrently and gives their answers, `callHook` one after the other. */
export function emitAwaited({ events, verb }) {
  const hooks = makeHooks(events);
  return { emits: events.map(({ type }) => callSite({ hooks }, `hooks.${verb}('${type}', payload)`)) };
}
