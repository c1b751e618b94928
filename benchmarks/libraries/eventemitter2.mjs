import EventEmitter2 from 'eventemitter2';
import { onAndEmit } from './on-and-emit.mjs';

export function emitSync({ events }) {
  return onAndEmit(new EventEmitter2({ maxListeners: 0 }), 'emit', events);
}

export function emitAwaited({ events }) {
  return onAndEmit(new EventEmitter2({ maxListeners: 0 }), 'emitAsync', events);
}
