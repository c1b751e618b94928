import { callSite } from '../generated.mjs';

/** For the many libraries that have `on(type, handler)` and a verb that takes a type and a payload. */
export function onAndEmit(emitter, verb, events) {
  for (const { type, handlers } of events) for (const { run } of handlers) emitter.on(type, run);
  return { emits: events.map(({ type }) => callSite({ emitter }, `emitter.${verb}('${type}', payload)`)) };
}
