import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { expect, it } from 'vitest';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, promisesSettled, rejectionOf } from './deferred.js';

/** A clock whose timers fire in the context that armed them, as those of the platform do. */
class ContextClock extends ManualClock {
  override setTimeout(callback: () => void, ms: number): unknown {
    return super.setTimeout(AsyncResource.bind(callback), ms);
  }
}

const request = new AsyncLocalStorage<string>();

describeBothBuses((makeBus) => {
  it('[27] is that of the caller in synchronous handlers, under every verb', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    bus.on('tick', () => seen.push(request.getStore()));
    await request.run('r1', async () => {
      bus.emitSync('tick');
      bus.post('tick');
      bus.event('tick').emitSync(undefined);
      await bus.emit('tick');
      await bus.dispatch('tick');
    });
    expect(seen).toEqual(['r1', 'r1', 'r1', 'r1', 'r1']);
  });

  it.each(['auto', 'always', 'never'] as const)(
    '[27] is that of the caller in handlers that start after an await, with asyncContext %s',
    async (asyncContext) => {
      const bus = makeBus({ asyncContext });
      const seen: unknown[] = [];
      bus.on('tick', () => promisesSettled());
      bus.on('tick', async () => {
        seen.push(request.getStore());
        await promisesSettled();
        seen.push(request.getStore());
      });
      bus.on('tick', () => seen.push(request.getStore()));
      await Promise.all([
        request.run('r1', () => bus.emit('tick')),
        request.run('r2', () => bus.emit('tick', undefined, { meta: { trace: 't1' } })),
      ]);
      expect(seen.sort()).toEqual(['r1', 'r1', 'r1', 'r2', 'r2', 'r2']);
    },
  );

  it('[27] is that of the caller after a handler whose promise was settled in another context', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    const work = deferred();
    bus.on('tick', () => work.promise);
    bus.on('tick', () => seen.push(request.getStore()));
    const emission = request.run('r1', () => bus.emit('tick'));
    await request.run('other', async () => work.resolve());
    await emission;
    expect(seen).toEqual(['r1']);
  });

  it('[27] is that of the caller after a foreign thenable that settled in another context', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    let settle: (() => void) | undefined;
    bus.on('tick', () => ({
      then: (resolve: () => void) => {
        settle = resolve;
      },
    }));
    bus.on('tick', () => seen.push(request.getStore()));
    const emission = request.run('r1', () => bus.emit('tick'));
    request.run('other', () => settle?.());
    await emission;
    expect(seen).toEqual(['r1']);
  });

  it.each(['concurrent', 'tiered'] as const)(
    '[27] is that of the caller in handlers that waited for a slot of the emission, in %s mode',
    async (mode) => {
      const bus = makeBus({ mode, concurrency: 1 });
      const seen: unknown[] = [];
      const gates = [deferred(), deferred()];
      bus.on('tick', () => gates[0]?.promise, { priority: 1 });
      bus.on('tick', () => gates[1]?.promise);
      bus.on('tick', () => seen.push(request.getStore()));
      const emission = request.run('r1', () => bus.emit('tick'));
      await request.run('other', async () => {
        gates[0]?.resolve();
        await promisesSettled();
        gates[1]?.resolve();
      });
      await emission;
      expect(seen).toEqual(['r1']);
    },
  );

  it('[27] is that of the caller in a handler that waited for a slot which another emission gave back', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    const gates = [deferred(), deferred(), deferred()];
    bus.on(
      'tick',
      async () => {
        seen.push(request.getStore());
        await gates[seen.length - 1]?.promise;
        seen.push(request.getStore());
      },
      { concurrency: 1 },
    );
    const emissions = ['r1', 'r2'].map((id) => request.run(id, () => bus.emit('tick')));
    for (const gate of gates) gate.resolve();
    await Promise.all(emissions);
    expect(seen).toEqual(['r1', 'r1', 'r2', 'r2']);
  });

  it('[27] is that of the caller in what follows a handler that waited for a slot', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    const gate = deferred();
    bus.on('tick', () => gate.promise, { concurrency: 1 });
    bus.on('tick', () => seen.push(request.getStore()));
    const emissions = ['r1', 'r2'].map((id) => request.run(id, () => bus.emit('tick')));
    request.run('other', () => gate.resolve());
    await Promise.all(emissions);
    expect(seen).toEqual(['r1', 'r2']);
  });

  it('[27] is that of the caller in handlers that start after another one has run out of time', async () => {
    const clock = new ContextClock();
    const bus = makeBus({ clock });
    const seen: unknown[] = [];
    bus.on('tick', () => new Promise(() => {}), { timeoutMs: 100 });
    bus.on('tick', () => seen.push(request.getStore()));
    const first = request.run('r1', () => bus.emit('tick'));
    const second = request.run('r2', () => bus.emit('tick'));
    await request.run('other', () => clock.advance(100));
    await Promise.all([first, second]);
    expect(seen).toEqual(['r1', 'r2']);
  });

  it('[27] is that of the caller in a handler whose slot was freed because late work was abandoned', async () => {
    const clock = new ContextClock();
    const bus = makeBus({ clock, lateMs: 500 });
    const seen: unknown[] = [];
    bus.on(
      'tick',
      () => {
        seen.push(request.getStore());
        return new Promise(() => {});
      },
      { concurrency: 1, timeoutMs: 100 },
    );
    request.run('r1', () => bus.post('tick'));
    request.run('r2', () => bus.post('tick'));
    await request.run('other', () => clock.advance(600));
    expect(seen).toEqual(['r1', 'r2']);
  });

  it('[27] is that of the caller in what follows a handler that was removed while it waited for a slot', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    const gate = deferred();
    const off = bus.on('tick', () => gate.promise, { concurrency: 1 });
    bus.on('tick', () => seen.push(request.getStore()));
    const first = request.run('r1', () => bus.emit('tick'));
    const second = request.run('r2', () => bus.emit('tick'));
    request.run('other', off);
    await second;
    gate.resolve();
    await first;
    expect(seen).toEqual(['r2', 'r1']);
  });

  it('[27] is that of the caller in what follows a group that was removed while it waited for a slot', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    const gate = deferred();
    const crew = bus.group('crew');
    crew.on('tick', () => gate.promise, { concurrency: 1 });
    bus.on('tick', () => seen.push(request.getStore()));
    const first = request.run('r1', () => bus.emit('tick'));
    const second = request.run('r2', () => bus.emit('tick'));
    request.run('other', () => crew.remove());
    await second;
    gate.resolve();
    await first;
    expect(seen).toEqual(['r2', 'r1']);
  });

  it('[27] is that of the emitting handler in nested emissions', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    bus.on('outer', async (_payload, ctx) => {
      await promisesSettled();
      await ctx.emit('inner');
      await request.run('nested', () => ctx.emit('inner'));
    });
    bus.on('inner', async () => {
      await promisesSettled();
      seen.push(request.getStore());
    });
    await request.run('r1', () => bus.emit('outer'));
    expect(seen).toEqual(['r1', 'nested']);
  });

  it('[27] is that of the caller after a failure, and after an abort', async () => {
    const bus = makeBus({ mode: 'concurrent' });
    const seen: unknown[] = [];
    const controller = new AbortController();
    bus.on('tick', async (_payload, ctx) => {
      await new Promise((resolve) => {
        ctx.signal.addEventListener('abort', resolve);
      });
      seen.push(request.getStore());
    });
    bus.on('tick', () => Promise.reject(new Error('no')));
    const rejection = request.run('r1', () => rejectionOf(bus.emit('tick', 1, { signal: controller.signal })));
    request.run('other', () => controller.abort());
    await rejection;
    expect(seen).toEqual(['r1']);
  });

  it('[27] leaves that of the caller as it was', async () => {
    const bus = makeBus({ asyncContext: 'always' });
    bus.on('tick', () => request.run('handler', () => promisesSettled()), { concurrency: 1 });
    await request.run('r1', async () => {
      const emission = bus.emit('tick', undefined, { meta: { trace: 't1' } });
      expect(request.getStore()).toBe('r1');
      await emission;
      expect(request.getStore()).toBe('r1');
    });
    expect(request.getStore()).toBeUndefined();
  });

  it('[27] does not leak from one emission into the next', async () => {
    const bus = makeBus();
    const seen: unknown[] = [];
    bus.on('tick', async () => {
      seen.push(request.getStore());
      await promisesSettled();
      seen.push(request.getStore());
    });
    await request.run('r1', () => bus.emit('tick'));
    await bus.emit('tick');
    await request.run('r2', () => bus.emit('tick'));
    expect(seen).toEqual(['r1', 'r1', undefined, undefined, 'r2', 'r2']);
  });
});
