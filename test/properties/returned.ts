import type { Script } from './program.js';
import { play, type Stage } from './script.js';

/** What a call returned or threw. */
export type CallOutcome<T> =
  | { readonly failed: false; readonly value: T }
  | { readonly failed: true; readonly cause: unknown };

export function outcomeOf<T>(call: () => T): CallOutcome<T> {
  try {
    return { failed: false, value: call() };
  } catch (cause) {
    return { failed: true, cause };
  }
}

/**
 * Plays a script for a real handler, and returns or throws what its shape asks for.
 *
 * @param answers - Whether it returns something besides: a value that means nothing in particular.
 * @param violated - Is told of what must never happen.
 */
export function returned(
  script: Script,
  label: string,
  stage: Stage<Promise<unknown>>,
  answers: boolean,
  violated: (text: string) => void,
): unknown {
  const playing = play(script, stage);
  const first = outcomeOf(() => playing.next());
  const value = answers ? 'a value' : undefined;
  if (!first.failed && first.value.done !== true) {
    const promise = goOn(playing, first.value.value).then(() => value);
    return wrapped(script, promise, violated);
  }
  const isSync = ['plain', 'lookalike', 'getter', 'thrower'].includes(script.shape);
  if (isSync && first.failed) throw first.cause;
  switch (script.shape) {
    case 'plain':
      return value;
    case 'lookalike':
      return answers ? { then: 'no function' } : undefined;
    case 'getter':
      return readOnce(violated, () => {
        throw new Error(`then of ${label}`);
      });
    case 'thrower':
      return readOnce(violated, () => () => {
        throw new Error(`then of ${label}`);
      });
    case 'twice':
      return readOnce(violated, () => (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => {
        if (first.failed) reject(first.cause);
        else resolve(value);
        resolve('again');
        reject(new Error('settled already'));
        throw new Error('thrown after it had settled');
      });
    default:
      return wrapped(script, first.failed ? Promise.reject(first.cause) : Promise.resolve(value), violated);
  }
}

/** Plays on after each wait. */
async function goOn(playing: Generator<Promise<unknown>, string, void>, firstWait: Promise<unknown>): Promise<string> {
  await firstWait;
  for (;;) {
    const next = playing.next();
    if (next.done === true) return next.value;
    await next.value;
  }
}

function wrapped(script: Script, promise: Promise<unknown>, violated: (text: string) => void): unknown {
  switch (script.shape) {
    case 'thenable':
      return readOnce(violated, () => promise.then.bind(promise));
    case 'function':
      return readOnce(
        violated,
        () => promise.then.bind(promise),
        () => 'not called',
      );
    case 'twice':
      return readOnce(violated, () => (resolve: (value: unknown) => void, reject: (reason: unknown) => void) => {
        const again = () => {
          resolve('again');
          reject(new Error('settled already'));
        };
        void promise.then(resolve, reject).then(again, again);
      });
    default:
      return promise;
  }
}

/** An object, or a function, whose `then` may be read once. */
function readOnce(violated: (text: string) => void, then: () => unknown, target: object = {}): object {
  let reads = 0;
  const get = () => {
    if (++reads > 1) violated('"then" was read more than once');
    return then();
  };
  return Object.defineProperty(target, 'then', { get });
}
