/**
 * Hands an error to the host's own path for uncaught errors (`uncaughtException`, `window.onerror`),
 * outside of the caller's stack. For what a callback of the application threw where nothing of
 * ours may break.
 */
export function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
