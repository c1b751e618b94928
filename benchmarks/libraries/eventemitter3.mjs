import EventEmitter from 'eventemitter3';
import { onAndEmit } from './on-and-emit.mjs';

export function emitSync({ events }) {
  return onAndEmit(new EventEmitter(), 'emit', events);
}

export function subscribing() {
  const emitter = new EventEmitter();
  return {
    add: (handler) => {
      emitter.on('tick', handler);
      return handler;
    },
    remove: (handler) => emitter.off('tick', handler),
    emit: (payload) => emitter.emit('tick', payload),
  };
}
