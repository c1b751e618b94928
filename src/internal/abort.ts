/** The reason that a time limit aborts with: what `AbortSignal.timeout` uses, so that code that looks for it finds it. */
export function timeoutReason(message: string): DOMException {
  return new DOMException(message, 'TimeoutError');
}

/** Whether `value` can be listened to as an AbortSignal; another realm's counts. */
export function isAbortSignal(value: unknown): value is AbortSignal {
  return (
    typeof value === 'object' &&
    value !== null &&
    'aborted' in value &&
    'addEventListener' in value &&
    typeof value.addEventListener === 'function'
  );
}
