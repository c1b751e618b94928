import Emittery from 'emittery';
import { callSite } from '../generated.mjs';
import { onAndEmit } from './on-and-emit.mjs';

/** `verb`: `emit` runs handlers concurrently, `emitSerial` one after the other. */
export function emitAwaited({ events, verb }) {
  return onAndEmit(new Emittery(), verb, events);
}

export function streaming() {
  const emitter = new Emittery();
  return {
    // What it returns settles when the listeners have: there are none but the stream, so that nobody waits.
    emit: callSite({ emitter }, "void emitter.emit('tick', payload)"),
    open: () => emitter.events('tick'),
    payloadOf: (payload) => payload,
  };
}
