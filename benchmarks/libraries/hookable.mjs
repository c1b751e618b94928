import { createHooks } from 'hookable';
import { callSite } from '../generated.mjs';

/** `verb`: `callHookParallel` runs handlers concurrently, `callHook` one after the other. */
export function emitAwaited({ events, verb }) {
  const hooks = createHooks();
  for (const { type, handlers } of events) for (const { run } of handlers) hooks.hook(type, run);
  return { emits: events.map(({ type }) => callSite({ hooks }, `hooks.${verb}('${type}', payload)`)) };
}
