/**
 * Whether an error says that the stack is used up: V8 and JavaScriptCore throw a RangeError,
 * SpiderMonkey an InternalError.
 */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof Error && /call stack|too much recursion/.test(error.message);
}
