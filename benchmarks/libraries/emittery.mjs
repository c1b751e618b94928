import Emittery from 'emittery';
import { onAndEmit } from './on-and-emit.mjs';

/** `verb`: `emit` runs handlers concurrently, `emitSerial` one after the other. */
export function emitAwaited({ events, verb }) {
  return onAndEmit(new Emittery(), verb, events);
}
