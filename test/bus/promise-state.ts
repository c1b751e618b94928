import { promisesSettled } from './deferred.js';

/** Whether a promise has settled by now, and how. */
export async function stateOf(promise: PromiseLike<unknown>): Promise<'pending' | 'fulfilled' | 'rejected'> {
  let state: 'pending' | 'fulfilled' | 'rejected' = 'pending';
  promise.then(
    () => {
      state = 'fulfilled';
    },
    () => {
      state = 'rejected';
    },
  );
  await promisesSettled();
  return state;
}
