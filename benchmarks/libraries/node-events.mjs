import { EventEmitter, on } from 'node:events';
import { callSite } from '../generated.mjs';
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

export function streaming() {
  const emitter = new EventEmitter();
  return {
    emit: callSite({ emitter }, "emitter.emit('tick', payload)"),
    open: () => on(emitter, 'tick'),
    // It gives every listener's arguments.
    payloadOf: ([payload]) => payload,
  };
}
