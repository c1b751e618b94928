import { expect, it } from 'vitest';
import type { HandlerSettled } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred } from './deferred.js';

/** A clock that a synchronous handler can hold up, as real work holds up the thread: no timer fires meanwhile. */
class BlockableClock extends ManualClock {
  #blockedMs = 0;

  override now(): number {
    return super.now() + this.#blockedMs;
  }

  block(ms: number): void {
    this.#blockedMs += ms;
  }
}

describeBothBuses((makeBus) => {
  it('[18] does not fail a synchronous handler that takes longer than its limit', () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock });
    bus.on('tick', () => clock.block(150), { timeoutMs: 100 });
    expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 1, failures: [] });
  });

  it('[18] counts the overrun, also where nobody observes', async () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock });
    bus.on('tick', () => clock.block(150), { timeoutMs: 100 });
    await bus.emit('tick');
    bus.emitSync('tick');
    expect(bus.inspect().counts).toMatchObject({ overran: 2, timeouts: 0, failures: 0 });
  });

  it('[18] tells observers that a handler overran, and for how long it held the thread', () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock });
    const facts: HandlerSettled[] = [];
    bus.observe({ handlerSettled: (fact) => facts.push(fact) });
    bus.on('tick', () => clock.block(150), { name: 'scanner', timeoutMs: 100 });
    bus.emitSync('tick');
    expect(facts).toMatchObject([{ handler: 'scanner', outcome: 'ok', overran: true, syncMs: 150, durationMs: 150 }]);
  });

  it('[18] does not take a handler that needs exactly its limit for one that overran', () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock });
    bus.on('tick', () => clock.block(100), { timeoutMs: 100 });
    bus.emitSync('tick');
    expect(bus.inspect().counts.overran).toBe(0);
  });

  it('[18] does not take a handler without a limit for one that overran', () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock });
    const facts: HandlerSettled[] = [];
    bus.observe({ handlerSettled: (fact) => facts.push(fact) });
    bus.on('tick', () => clock.block(1_000_000));
    bus.emitSync('tick');
    expect(facts).toMatchObject([{ overran: false, syncMs: 1_000_000 }]);
  });

  it("[18] measures by the bus's limit and by the emission's", () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock, timeoutMs: 100 });
    bus.on('tick', () => clock.block(80));
    bus.emitSync('tick');
    expect(bus.inspect().counts.overran).toBe(0);
    bus.emitSync('tick', undefined, { timeoutMs: 50 });
    expect(bus.inspect().counts.overran).toBe(1);
  });

  it('[18] reports an overrun of a handler that throws beside its failure', () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock });
    const facts: HandlerSettled[] = [];
    bus.observe({ handlerSettled: (fact) => facts.push(fact) });
    bus.on(
      'tick',
      () => {
        clock.block(150);
        throw new Error('no');
      },
      { timeoutMs: 100 },
    );
    const { failures } = bus.emitSync('tick');
    expect(failures.map((failure) => failure.code)).toEqual(['HANDLER_FAILED']);
    expect(facts).toMatchObject([{ outcome: 'failed', overran: true }]);
    expect(bus.inspect().counts).toMatchObject({ overran: 1, timeouts: 0 });
  });

  it('[18] does not take an asynchronous handler whose synchronous part was short for one that overran', async () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock });
    const facts: HandlerSettled[] = [];
    bus.observe({ handlerSettled: (fact) => facts.push(fact) });
    const work = deferred();
    bus.on(
      'tick',
      () => {
        clock.block(10);
        return work.promise;
      },
      { timeoutMs: 100 },
    );
    const emission = bus.emit('tick');
    await clock.advance(100);
    await emission;
    expect(facts).toMatchObject([{ outcome: 'timeout', overran: false, syncMs: 10 }]);
    work.resolve();
  });

  it('[18] counts the synchronous part of an asynchronous handler towards its limit', async () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock });
    const work = deferred();
    bus.on(
      'tick',
      () => {
        clock.block(60);
        return work.promise;
      },
      { timeoutMs: 100 },
    );
    const emission = bus.emit('tick');
    await clock.advance(40);
    expect((await emission).failures[0]?.code).toBe('HANDLER_TIMEOUT');
    work.resolve();
  });

  it('[18] fails an asynchronous handler that used up its limit before it returned, and says that it overran', async () => {
    const clock = new BlockableClock();
    const bus = makeBus({ clock });
    const facts: HandlerSettled[] = [];
    bus.observe({ handlerSettled: (fact) => facts.push(fact) });
    const work = deferred();
    bus.on(
      'tick',
      () => {
        clock.block(150);
        return work.promise;
      },
      { timeoutMs: 100 },
    );
    const emission = bus.emit('tick');
    await clock.advance(0);
    expect((await emission).failures[0]?.code).toBe('HANDLER_TIMEOUT');
    expect(facts).toMatchObject([{ outcome: 'timeout', overran: true, syncMs: 150, async: true }]);
    work.resolve();
  });
});
