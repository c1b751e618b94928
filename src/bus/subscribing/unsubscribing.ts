import { disposeSymbol } from '../../internal/dispose.js';
import type { Unsubscribe } from './handler.js';

/** The function that ends something once, whatever it is. */
export function unsubscribing(end: () => void): Unsubscribe {
  let active = true;
  const off = (): void => {
    if (!active) return;
    active = false;
    end();
  };
  Object.defineProperty(off, 'active', { get: () => active });
  Object.defineProperty(off, disposeSymbol, { value: off });
  return off as unknown as Unsubscribe;
}
