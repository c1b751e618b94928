import { createNanoEvents } from 'nanoevents';
import { onAndEmit } from './on-and-emit.mjs';

export function emitSync({ events }) {
  return onAndEmit(createNanoEvents(), 'emit', events);
}
