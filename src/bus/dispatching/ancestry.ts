import { isStackOverflow } from '../../internal/overflow.js';
import { type Context, TRACKED } from './context.js';

/** Node's AsyncLocalStorage, as far as it is used here. */
export interface AncestryStore {
  run<Args extends readonly unknown[], Result>(
    context: Context,
    call: (...args: Args) => Result,
    ...args: Args
  ): Result;
  getStore(): Context | undefined;
}

/**
 * Which emission the code that runs now belongs to.
 *
 * `current` is set while a handler's synchronous part runs, on every runtime, but not by the hot
 * loop: storing a new object in an old one costs the garbage collector's write barrier, more than
 * all else that the loop does for one handler. The loop counts itself in `depth` instead: as long as
 * that is not 0, an emission whose context is unknown is nearer than `current`. What then needs to
 * know its parent is an orphan until the loop leaves, with its context, and claims it.
 *
 * `store` carries the context over each `await`. It is there only once a bus has asked for that
 * (`asyncContext`), because merely having one makes every promise of a Node 20 process about twice
 * as dear.
 */
export const scope: { current: Context | null; depth: number; store: AncestryStore | null } = {
  current: null,
  depth: 0,
  store: null,
};

/** Emissions that went asynchronous inside of a hot loop, in the order in which they did. */
export const orphans: Context[] = [];

/**
 * Whether an error must not be isolated here: the stack is used up, and there are emissions around
 * this one. Handlers that emit each other's events without end would otherwise be called again at
 * every level, each of which has the others to go on with. The outermost emission isolates it.
 */
export function unwinds(error: unknown): boolean {
  return (scope.depth > 0 || scope.current !== null) && isStackOverflow(error);
}

export function registerOrphan(context: Context): void {
  // Loops don't outlast the synchronous code that they are in.
  if (orphans.length === 0) {
    queueMicrotask(() => {
      orphans.length = 0;
    });
  }
  orphans.push(context);
}

/**
 * Makes an emission that leaves the hot loop the parent of those that came to be in it.
 *
 * @param mark - How many orphans there were when its loop began.
 */
export function claimOrphans(parent: Context, mark: number): void {
  while (orphans.length > mark) {
    const orphan = orphans.pop();
    // One that was emitted through a context of another emission has its parent.
    if (orphan !== undefined && orphan !== parent && orphan.parent === parent.parent) orphan.parent = parent;
  }
}

/**
 * Has a store from now on, where the platform offers one.
 *
 * Without a `node:` import, so that the core loads in a browser: Node, Bun, Deno and workerd hand out
 * their built-in modules through `process.getBuiltinModule`.
 */
export function traceAcrossAwaits(): boolean {
  if (scope.store !== null) return true;
  const host = globalThis as {
    process?: { getBuiltinModule?: (id: string) => { AsyncLocalStorage?: new () => AncestryStore } | undefined };
  };
  const AsyncLocalStorage = host.process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage;
  if (AsyncLocalStorage === undefined) return false;
  scope.store = new AsyncLocalStorage();
  return true;
}

/** The context of the handler that the caller runs in, as far as it is known. */
export function callingContext(): Context | null {
  return scope.current ?? scope.store?.getStore() ?? null;
}

/** Whether the code that runs now has been traced over an `await`: then `scope.current` doesn't say where it belongs. */
export function isTraced(): boolean {
  const { current, store } = scope;
  if (store === null) return false;
  return current === null ? store.getStore() !== undefined : (current.flags & TRACKED) !== 0;
}
