import type { AnyEmitResult } from '../bus/dispatching/emit-result.js';

// One function for every promise: a closure for each would cost as much as the promise.
const taken = {} as { resolve: (result: AnyEmitResult) => void; reject: (error: unknown) => void };
const takeApart = (resolve: (result: AnyEmitResult) => void, reject: (error: unknown) => void): void => {
  taken.resolve = resolve;
  taken.reject = reject;
};

/** The promise of a call of `emit`, and what settles it. */
export class Settle {
  readonly promise: Promise<AnyEmitResult>;
  readonly resolve: (result: AnyEmitResult) => void;
  readonly reject: (error: unknown) => void;

  constructor() {
    this.promise = new Promise(takeApart);
    this.resolve = taken.resolve;
    this.reject = taken.reject;
  }
}
