import { EventEmitter } from 'tseep';
import { onAndEmit } from './on-and-emit.mjs';

export function emitSync({ events }) {
  return onAndEmit(new EventEmitter(), 'emit', events);
}
