import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { FanOutMode } from '../../src/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled } from './deferred.js';

type Settle = (value?: unknown) => void;

/** Something with a `then` and nothing else of a promise. */
function thenable(then: (resolve: Settle, reject: Settle) => unknown): object {
  return { then };
}

const modes: readonly FanOutMode[] = ['sequential', 'concurrent', 'tiered'];

describeEveryBus((makeBus) => {
  describe.each(modes)('%s', (mode) => {
    it('[4] waits for anything whose `then` is a function', async () => {
      const gate = deferred();
      let done = false;
      const bus = makeBus({ mode });
      bus.on('tick', () => thenable((resolve) => void gate.promise.then(resolve)));
      const emission = bus.emit('tick').then((result) => {
        done = true;
        return result;
      });
      await promisesSettled();
      expect(done).toBe(false);
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true, called: 1 });
    });

    it('[4] waits for a function that has a `then`', async () => {
      const bus = makeBus({ mode });
      let resolved = false;
      bus.on('tick', () =>
        Object.assign(() => {}, {
          then(resolve: Settle) {
            queueMicrotask(() => {
              resolved = true;
              resolve();
            });
          },
        }),
      );
      expect(bus.dispatch('tick')).toBeInstanceOf(Promise);
      await promisesSettled();
      expect(resolved).toBe(true);
    });

    it('[4] waits for no value whose `then` is not a function', () => {
      const bus = makeBus({ mode });
      for (const then of [undefined, null, true, 1, 'then', {}, Symbol('then')]) bus.on('tick', () => ({ then }));
      for (const value of [undefined, null, 0, '', false, 1n, Symbol('s'), [], () => {}, Object.create(null)]) {
        bus.on('tick', () => value);
      }
      expect(bus.dispatch('tick')).toMatchObject({ ok: true, called: 17 });
    });

    it('[4] reads `then` once', async () => {
      let reads = 0;
      const bus = makeBus({ mode });
      bus.on('tick', () => ({
        get then() {
          reads += 1;
          return (resolve: Settle) => resolve();
        },
      }));
      expect((await bus.emit('tick')).ok).toBe(true);
      expect(reads).toBe(1);
      await bus.dispatch('tick');
      expect(reads).toBe(2);
      bus.emitSync('tick');
      expect(reads).toBe(3);
      bus.post('tick');
      await promisesSettled();
      expect(reads).toBe(4);
    });

    it('[4] reads `then` once where it is not a function', () => {
      let reads = 0;
      const bus = makeBus({ mode });
      bus.on('tick', () => ({
        get then() {
          reads += 1;
          return reads > 1 ? () => {} : undefined;
        },
      }));
      expect(bus.emitSync('tick').ok).toBe(true);
      expect(reads).toBe(1);
    });

    it('[4] takes a throwing getter as a failure of that handler', async () => {
      const boom = new Error('getter');
      const bus = makeBus({ mode });
      bus.on(
        'tick',
        () => ({
          get then(): unknown {
            throw boom;
          },
        }),
        { name: 'trap' },
      );
      let next = 0;
      bus.on('tick', () => {
        next += 1;
      });
      for (const result of [await bus.emit('tick'), bus.emitSync('tick'), bus.dispatch('tick')]) {
        expect(result).toMatchObject({ ok: false, called: 2 });
        expect(await result).toMatchObject({
          failures: [{ code: 'HANDLER_FAILED', handler: 'trap', phase: 'handler', cause: boom }],
        });
      }
      expect(next).toBe(3);
    });

    it('[4] takes a `then` that throws when it is called as a failure of that handler', async () => {
      const boom = new Error('then');
      const bus = makeBus({ mode });
      bus.on('tick', () =>
        thenable(() => {
          throw boom;
        }),
      );
      bus.on('tick', () => {});
      const result = await bus.emit('tick');
      expect(result).toMatchObject({ ok: false, called: 2 });
      expect(result.failures.map(({ cause }) => cause)).toEqual([boom]);
    });

    it('[4] takes no notice of a `then` that throws after it has settled', async () => {
      const bus = makeBus({ mode });
      bus.on('tick', () =>
        thenable((resolve) => {
          resolve();
          throw new Error('too late');
        }),
      );
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 1 });
    });

    it('[4] lets a thenable settle once: the first time counts', async () => {
      const first = new Error('first');
      const reported: unknown[] = [];
      let after = 0;
      const bus = makeBus({ mode, onFailure: (failure) => reported.push(failure.cause) });
      bus.on('tick', () =>
        thenable((resolve, reject) => {
          resolve();
          resolve();
          reject(new Error('second'));
        }),
      );
      bus.on('tick', () =>
        thenable((resolve, reject) => {
          reject(first);
          reject(new Error('second'));
          resolve();
        }),
      );
      bus.on(
        'tick',
        () => {
          after += 1;
        },
        { priority: -1 },
      );
      const result = await bus.emit('tick');
      await promisesSettled();
      expect(result).toMatchObject({ ok: false, called: 3 });
      expect(result.failures.map(({ cause }) => cause)).toEqual([first]);
      expect(reported).toEqual([first]);
      expect(after).toBe(1);
    });

    it('[4] takes no notice of a thenable that settles again, later', async () => {
      let settleAgain = () => {};
      const bus = makeBus({ mode });
      bus.on('tick', () =>
        thenable((resolve, reject) => {
          resolve();
          settleAgain = () => {
            reject(new Error('again'));
            resolve();
          };
        }),
      );
      const result = await bus.emit('tick');
      settleAgain();
      await promisesSettled();
      expect(result).toMatchObject({ ok: true, failures: [] });
      expect(bus.inspect().counts).toMatchObject({ inFlight: 0, failures: 0 });
    });

    it('[4] waits on for what a thenable was resolved with', async () => {
      const boom = new Error('inner');
      const bus = makeBus({ mode });
      bus.on('tick', () => thenable((resolve) => resolve(Promise.reject(boom))));
      const result = await bus.emit('tick');
      expect(result.failures.map(({ cause }) => cause)).toEqual([boom]);
    });

    it('[4] waits for promises of other realms', async () => {
      const foreign: unknown = runInNewContext(`(async (log) => { await null; log('ran'); })`);
      const failing: unknown = runInNewContext(`(async () => { await null; throw new Error('elsewhere'); })`);
      const seen: string[] = [];
      const bus = makeBus({ mode });
      bus.on('tick', () => (foreign as (log: (entry: string) => void) => unknown)((entry) => seen.push(entry)));
      bus.on('tick', failing as () => unknown, { name: 'foreign' });
      const dispatched = bus.dispatch('tick');
      expect(dispatched).toBeInstanceOf(Promise);
      const result = await dispatched;
      expect(seen).toEqual(['ran']);
      expect(result).toMatchObject({ ok: false, called: 2, failures: [{ handler: 'foreign' }] });
      expect((result.failures[0]?.cause as Error).message).toBe('elsewhere');
    });

    it('[4] waits for subclasses of Promise', async () => {
      class Task<T> extends Promise<T> {}
      const bus = makeBus({ mode });
      const task = new Task<void>((resolve) => setImmediate(resolve));
      bus.on('tick', () => task);
      bus.on('tick', () => Task.reject(new Error('task')));
      expect(await bus.emit('tick')).toMatchObject({ ok: false, called: 2, failures: [{ code: 'HANDLER_FAILED' }] });
    });

    it('[4] uses the `then` that a promise has of its own', async () => {
      const bus = makeBus({ mode });
      bus.on('tick', () => Object.assign(new Promise(() => {}), { then: (resolve: Settle) => resolve() }));
      expect(await bus.emit('tick')).toMatchObject({ ok: true });
    });

    it('[4] takes a promise that cannot be waited for as a failure of its handler', async () => {
      const boom = new Error('species');
      const bus = makeBus({ mode });
      bus.on('tick', () =>
        Object.defineProperty(Promise.resolve(), 'constructor', {
          get() {
            throw boom;
          },
        }),
      );
      bus.on('tick', () => {});
      const result = await bus.emit('tick');
      expect(result).toMatchObject({ ok: false, called: 2 });
      expect(result.failures.map(({ cause }) => cause)).toEqual([boom]);
    });

    it('[4] does not grow the stack over thenables that settle at once', async () => {
      const bus = makeBus({ mode, maxHandlers: 0 });
      for (let n = 0; n < 10_000; n++) bus.on('tick', () => thenable((resolve) => resolve()));
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 10_000 });
    });
  });
});
