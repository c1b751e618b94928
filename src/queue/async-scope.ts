/** Node's AsyncResource, as far as it is used here: runs a call in the AsyncLocalStorage context that it was made in. */
export interface AsyncScope {
  runInAsyncScope<Args extends readonly unknown[], Result>(
    call: (...args: Args) => Result,
    self: undefined,
    ...args: Args
  ): Result;
}

type AsyncScopeConstructor = new (type: string, options: { readonly requireManualDestroy: boolean }) => AsyncScope;

const OPTIONS = { requireManualDestroy: true };

/** Null where the platform has none; undefined until somebody asks. */
let Scope: AsyncScopeConstructor | null | undefined;

/**
 * What is needed to come back to the AsyncLocalStorage context of the caller; null where there is no
 * AsyncLocalStorage. Not `AsyncLocalStorage.snapshot`, which costs 30 times as much on Node 20.
 */
export function captureAsyncScope(): AsyncScope | null {
  Scope ??= findScope();
  return Scope === null ? null : new Scope('ambus', OPTIONS);
}

function findScope(): AsyncScopeConstructor | null {
  const host = globalThis as {
    process?: { getBuiltinModule?: (id: string) => { AsyncResource?: AsyncScopeConstructor } | undefined };
  };
  return host.process?.getBuiltinModule?.('node:async_hooks')?.AsyncResource ?? null;
}
