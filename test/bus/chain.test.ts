import { describe, expect, expectTypeOf, it } from 'vitest';
import { chain, EventBus } from '../../src/index.js';
import { rejectionOf } from './deferred.js';

describe('chain', () => {
  it('goes on at once with a value that is no thenable', () => {
    let seen: number | undefined;
    const returned = chain(2, (value) => {
      seen = value;
      return value * 2;
    });
    expect(seen).toBe(2);
    expect(returned).toBe(4);
  });

  it('goes on when a promise has fulfilled', async () => {
    const returned = chain(Promise.resolve(2), (value) => value * 2);
    expect(returned).toBeInstanceOf(Promise);
    expect(await returned).toBe(4);
  });

  it('takes a foreign thenable as a promise, and returns a native one', async () => {
    const thenable = { then: (resolve: (value: number) => void) => resolve(2) } as PromiseLike<number>;
    const returned = chain(thenable, (value) => value * 2);
    expect(returned).toBeInstanceOf(Promise);
    expect(await returned).toBe(4);
  });

  it('takes a function with a then method as a thenable', async () => {
    const thenable = Object.assign(() => {}, { then: (resolve: (value: number) => void) => resolve(2) });
    expect(await chain(thenable as unknown as PromiseLike<number>, (value) => value * 2)).toBe(4);
  });

  it.each([[undefined], [null], [0], [''], [false], [{}], [{ then: 5 }], [() => {}]])(
    'takes %s as a plain value',
    (value) => {
      expect(chain<unknown, unknown>(value, (got) => [got])).toEqual([value]);
    },
  );

  it('throws what the continuation throws where the value is no thenable', () => {
    const error = new Error('no');
    expect(() =>
      chain(2, () => {
        throw error;
      }),
    ).toThrow(error);
  });

  it('rejects with what the continuation throws where the value is a promise', async () => {
    const error = new Error('no');
    const returned = chain(Promise.resolve(2), () => {
      throw error;
    });
    expect(await rejectionOf(returned)).toBe(error);
  });

  it('rejects with what the promise rejects with, and does not go on', async () => {
    let called = false;
    const error = new Error('no');
    const returned = chain(Promise.reject<number>(error), () => {
      called = true;
    });
    expect(await rejectionOf(returned as Promise<void>)).toBe(error);
    expect(called).toBe(false);
  });

  it('waits for what the continuation returns', async () => {
    expect(await chain(Promise.resolve(2), (value) => Promise.resolve(value * 2))).toBe(4);
    expect(await chain(2, (value) => Promise.resolve(value * 2))).toBe(4);
  });

  it('reads then once', async () => {
    let reads = 0;
    const thenable = {
      get then() {
        reads++;
        return (resolve: (value: number) => void) => resolve(2);
      },
    };
    await chain(thenable as unknown as PromiseLike<number>, (value) => value);
    expect(reads).toBe(1);
  });

  it('goes on once, however often a foreign thenable settles', async () => {
    let calls = 0;
    const thenable = {
      then: (resolve: (value: number) => void, reject: (reason: unknown) => void) => {
        resolve(1);
        resolve(2);
        reject(new Error('no'));
      },
    };
    const value = await chain(thenable as PromiseLike<number>, (got) => {
      calls++;
      return got;
    });
    expect(value).toBe(1);
    expect(calls).toBe(1);
  });

  it('throws where then cannot be read', () => {
    const error = new Error('hands off');
    const thenable = {
      get then(): never {
        throw error;
      },
    };
    expect(() => chain(thenable as unknown, () => {})).toThrow(error);
  });

  it('lets a recipe stay synchronous over dispatch where every handler is', async () => {
    const bus = new EventBus<{ tick: number }>();
    bus.on('tick', () => {});
    const emit = (): boolean | Promise<boolean> => chain(bus.dispatch('tick', 1), (result) => result.ok);
    expect(emit()).toBe(true);
    bus.on('tick', async () => {});
    const later = emit();
    expect(later).toBeInstanceOf(Promise);
    expect(await later).toBe(true);
  });

  it('has a type that says that the result may be a promise', () => {
    const show = (value: number | Promise<number>): string | Promise<string> => chain(value, (got) => got.toFixed());
    expectTypeOf(show).returns.toEqualTypeOf<string | Promise<string>>();
    expectTypeOf(chain(2, (value) => value)).toEqualTypeOf<number | Promise<number>>();
    expectTypeOf(chain(2, async (value) => value)).toEqualTypeOf<Promise<number>>();
  });
});
