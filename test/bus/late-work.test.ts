import { expect, it, vi } from 'vitest';
import type { LateSettled } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, promisesSettled } from './deferred.js';
import { stateOf } from './promise-state.js';
import { uncaughtDuring } from './uncaught.js';

const never = (): Promise<never> => new Promise(() => {});

describeBothBuses((makeBus) => {
  it('[17] counts a run that goes on after its time limit as late', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100 });
    const emission = bus.emit('tick');
    expect(bus.inspect().counts.late).toBe(0);
    await clock.advance(100);
    await emission;
    expect(bus.inspect().counts).toMatchObject({ late: 1, lateSettled: 0, inFlight: 0 });
    work.resolve();
    await promisesSettled();
    expect(bus.inspect().counts).toMatchObject({ late: 0, lateSettled: 1, abandoned: 0 });
  });

  it('[17] absorbs a late rejection', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100 });
    const emission = bus.emit('tick');
    await clock.advance(100);
    const uncaught = await uncaughtDuring(() => work.reject(new Error('too late')));
    expect(uncaught).toEqual([]);
    expect((await emission).failures.map((failure) => failure.code)).toEqual(['HANDLER_TIMEOUT']);
    expect(bus.inspect().counts).toMatchObject({ failures: 1, late: 0, lateSettled: 1 });
  });

  it('[17] does not report a late rejection as another failure', async () => {
    const clock = new ManualClock();
    const report = vi.fn();
    const bus = makeBus({ clock, onFailure: report });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100 });
    const emission = bus.emit('tick');
    await clock.advance(100);
    await emission;
    work.reject(new Error('too late'));
    await promisesSettled();
    expect(report).toHaveBeenCalledTimes(1);
  });

  it('[17] makes idle wait for late work', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100 });
    const emission = bus.emit('tick');
    await clock.advance(100);
    await emission;
    const idle = bus.idle();
    expect(await stateOf(idle)).toBe('pending');
    work.resolve();
    expect(await stateOf(idle)).toBe('fulfilled');
  });

  it('[17] lets idle go when late work rejects', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100 });
    void bus.emit('tick');
    await clock.advance(100);
    const idle = bus.idle();
    work.reject(new Error('too late'));
    expect(await stateOf(idle)).toBe('fulfilled');
  });

  it('[17] abandons late work after lateMs, so that idle does not wait for ever', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, lateMs: 500 });
    bus.on('tick', never, { timeoutMs: 100 });
    void bus.emit('tick');
    await clock.advance(100);
    const idle = bus.idle();
    await clock.advance(499);
    expect(await stateOf(idle)).toBe('pending');
    await clock.advance(1);
    expect(await stateOf(idle)).toBe('fulfilled');
    expect(bus.inspect().counts).toMatchObject({ late: 0, lateSettled: 0, abandoned: 1 });
  });

  it('[17] waits 30 seconds for late work by default', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    bus.on('tick', never, { timeoutMs: 100 });
    void bus.emit('tick');
    await clock.advance(100);
    const idle = bus.idle();
    await clock.advance(29_999);
    expect(await stateOf(idle)).toBe('pending');
    await clock.advance(1);
    expect(await stateOf(idle)).toBe('fulfilled');
  });

  it('[17] never abandons late work where lateMs is Infinity', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, lateMs: Infinity });
    bus.on('tick', never, { timeoutMs: 100 });
    void bus.emit('tick');
    await clock.advance(100);
    const idle = bus.idle();
    await clock.advance(10_000_000);
    expect(await stateOf(idle)).toBe('pending');
    expect(bus.inspect().counts).toMatchObject({ late: 1, abandoned: 0 });
  });

  it('[17] waits for no late work where lateMs is 0', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, lateMs: 0 });
    bus.on('tick', never, { timeoutMs: 100 });
    void bus.emit('tick');
    await clock.advance(100);
    await bus.idle();
    expect(bus.inspect().counts).toMatchObject({ late: 0, abandoned: 1 });
  });

  it('[17] leaves no timer when late work has ended', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100, concurrency: 1 });
    void bus.emit('tick');
    await clock.advance(100);
    work.resolve();
    await promisesSettled();
    expect(clock.pending).toBe(0);
  });

  it('[17] counts work that ends after it was abandoned no second time, and absorbs its rejection', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, lateMs: 500 });
    const facts: LateSettled[] = [];
    bus.observe({ lateSettled: (fact) => facts.push(fact) });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100 });
    void bus.emit('tick');
    await clock.advance(600);
    expect(await uncaughtDuring(() => work.reject(new Error('far too late')))).toEqual([]);
    expect(bus.inspect().counts).toMatchObject({ late: 0, lateSettled: 0, abandoned: 1 });
    expect(facts).toHaveLength(1);
  });

  it("[17] holds the handler's own slot while its late work goes on", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const runs = [deferred(), deferred()];
    const startedAt: number[] = [];
    bus.on(
      'tick',
      () => {
        startedAt.push(clock.now());
        return runs[startedAt.length - 1]?.promise;
      },
      { concurrency: 1, timeoutMs: 100 },
    );
    const first = bus.emit('tick');
    const second = bus.emit('tick');
    await clock.advance(100);
    expect((await first).ok).toBe(false);
    await clock.advance(50);
    expect(startedAt).toEqual([0]);
    runs[0]?.resolve();
    await promisesSettled();
    expect(startedAt).toEqual([0, 150]);
    runs[1]?.resolve();
    expect((await second).ok).toBe(true);
  });

  it("[17] frees the handler's own slot when its late work rejects", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const work = deferred();
    let runs = 0;
    bus.on('tick', () => (runs++ === 0 ? work.promise : undefined), { concurrency: 1, timeoutMs: 100 });
    void bus.emit('tick');
    const second = bus.emit('tick');
    await clock.advance(100);
    work.reject(new Error('too late'));
    expect((await second).ok).toBe(true);
    expect(runs).toBe(2);
  });

  it("[17] frees the handler's own slot after lateMs", async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, lateMs: 500 });
    const startedAt: number[] = [];
    bus.on(
      'tick',
      () => {
        startedAt.push(clock.now());
        return never();
      },
      { concurrency: 1, timeoutMs: 100 },
    );
    void bus.emit('tick');
    void bus.emit('tick');
    await clock.advance(599);
    expect(startedAt).toEqual([0]);
    await clock.advance(1);
    expect(startedAt).toEqual([0, 600]);
  });

  it('[17] does not free a slot twice when work ends after it was abandoned', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, lateMs: 500 });
    const runs = [deferred(), deferred(), deferred()];
    let started = 0;
    bus.on('tick', () => runs[started++]?.promise, { concurrency: 1, timeoutMs: 100 });
    for (let i = 0; i < 3; i++) void bus.emit('tick');
    await clock.advance(600);
    expect(started).toBe(2);
    runs[0]?.resolve();
    await promisesSettled();
    expect(started).toBe(2);
    runs[1]?.resolve();
    await promisesSettled();
    expect(started).toBe(3);
  });

  it('[17] tells observers how late work ended', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, mode: 'concurrent', lateMs: 500 });
    const facts: LateSettled[] = [];
    bus.observe({ lateSettled: (fact) => facts.push(fact) });
    const [good, bad] = [deferred(), deferred()];
    const error = new Error('too late');
    bus.on('tick', () => good.promise, { name: 'good', timeoutMs: 100 });
    bus.group('crew').on('tick', () => bad.promise, { name: 'bad', timeoutMs: 100 });
    bus.on('tick', never, { name: 'stuck', timeoutMs: 100 });
    const emission = bus.emit('tick');
    await clock.advance(100);
    const emissionId = (await emission).failures[0]?.emissionId;
    await clock.advance(30);
    good.resolve();
    await clock.advance(10);
    bad.reject(error);
    await clock.advance(460);
    const common = { type: 'tick', emissionId, group: undefined, error: undefined };
    expect(facts).toEqual([
      { ...common, handler: 'good', outcome: 'ok', lateMs: 30 },
      { ...common, handler: 'bad', group: 'crew', outcome: 'failed', error, lateMs: 40 },
      { ...common, handler: 'stuck', outcome: 'abandoned', lateMs: 500 },
    ]);
  });

  it('[5] adopts a promise returned under emitSync as late work', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock });
    const work = deferred();
    bus.on('tick', () => work.promise);
    bus.emitSync('tick');
    expect(bus.inspect().counts).toMatchObject({ late: 1, inFlight: 0 });
    const idle = bus.idle();
    expect(await stateOf(idle)).toBe('pending');
    work.resolve();
    expect(await stateOf(idle)).toBe('fulfilled');
    expect(bus.inspect().counts).toMatchObject({ late: 0, lateSettled: 1 });
  });

  it('[5] absorbs the rejection of a promise returned under emitSync', async () => {
    const bus = makeBus();
    bus.on('tick', () => Promise.reject(new Error('no')));
    expect(await uncaughtDuring(() => bus.emitSync('tick'))).toEqual([]);
  });

  it('[5] abandons a promise returned under emitSync after lateMs', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, lateMs: 500 });
    bus.on('tick', never);
    bus.emitSync('tick');
    const idle = bus.idle();
    await clock.advance(500);
    expect(await stateOf(idle)).toBe('fulfilled');
    expect(bus.inspect().counts).toMatchObject({ late: 0, abandoned: 1 });
  });

  it('[17] keeps late work of an emission that was stopped by its time limit', async () => {
    const clock = new ManualClock();
    const bus = makeBus({ clock, failurePolicy: 'stop' });
    const work = deferred();
    bus.on('tick', () => work.promise, { timeoutMs: 100 });
    const state = stateOf(bus.emit('tick'));
    await clock.advance(100);
    await state;
    expect(bus.inspect().counts.late).toBe(1);
    work.resolve();
    await promisesSettled();
    expect(bus.inspect().counts.late).toBe(0);
  });
});
