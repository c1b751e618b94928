import { EventEmitter } from 'node:events';
import { onAndEmit } from './on-and-emit.mjs';

export function emitSync({ events }) {
  return onAndEmit(new EventEmitter().setMaxListeners(0), 'emit', events);
}

export function subscribing() {
  const emitter = new EventEmitter().setMaxListeners(0);
  return {
    add: (handler) => {
      emitter.on('tick', handler);
      return handler;
    },
    remove: (handler) => emitter.off('tick', handler),
    emit: (payload) => emitter.emit('tick', payload),
  };
}
