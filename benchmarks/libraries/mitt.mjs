import mitt from 'mitt';
import { onAndEmit } from './on-and-emit.mjs';

export function emitSync({ events }) {
  return onAndEmit(mitt(), 'emit', events);
}
