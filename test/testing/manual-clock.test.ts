import { describe, expect, it } from 'vitest';
import { EventBus } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';

describe('ManualClock', () => {
  it('starts at 0', () => {
    expect(new ManualClock().now()).toBe(0);
  });

  it('starts where it is told to', () => {
    expect(new ManualClock(1_000).now()).toBe(1_000);
  });

  it('stands still by itself', async () => {
    const clock = new ManualClock();
    await new Promise((resolve) => setImmediate(resolve));
    expect(clock.now()).toBe(0);
  });

  it('moves on by what it is advanced', async () => {
    const clock = new ManualClock(10);
    await clock.advance(5);
    await clock.advance(0.5);
    expect(clock.now()).toBe(15.5);
  });

  it('fires a timer when its time has come and not before', async () => {
    const clock = new ManualClock();
    const fired: number[] = [];
    clock.setTimeout(() => fired.push(clock.now()), 100);
    await clock.advance(99);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual([100]);
  });

  it('fires a timer once', async () => {
    const clock = new ManualClock();
    let fired = 0;
    clock.setTimeout(() => fired++, 10);
    await clock.advance(100);
    await clock.advance(100);
    expect(fired).toBe(1);
  });

  it('fires timers in order of their time, each at its own time', async () => {
    const clock = new ManualClock();
    const fired: [string, number][] = [];
    clock.setTimeout(() => fired.push(['late', clock.now()]), 30);
    clock.setTimeout(() => fired.push(['early', clock.now()]), 10);
    await clock.advance(50);
    expect(fired).toEqual([
      ['early', 10],
      ['late', 30],
    ]);
    expect(clock.now()).toBe(50);
  });

  it('fires timers of the same time in the order in which they were armed', async () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    clock.setTimeout(() => fired.push('first'), 10);
    clock.setTimeout(() => fired.push('second'), 10);
    clock.setTimeout(() => fired.push('third'), 10);
    await clock.advance(10);
    expect(fired).toEqual(['first', 'second', 'third']);
  });

  it('fires what is due now when it is advanced by 0', async () => {
    const clock = new ManualClock();
    let fired = false;
    clock.setTimeout(() => {
      fired = true;
    }, 0);
    expect(fired).toBe(false);
    await clock.advance(0);
    expect(fired).toBe(true);
  });

  it('takes a negative delay as none', async () => {
    const clock = new ManualClock(100);
    const fired: number[] = [];
    clock.setTimeout(() => fired.push(clock.now()), -50);
    await clock.advance(10);
    expect(fired).toEqual([100]);
  });

  it('lets promises settle between two timers', async () => {
    const clock = new ManualClock();
    const order: string[] = [];
    clock.setTimeout(() => {
      order.push('first timer');
      void Promise.resolve()
        .then(() => undefined)
        .then(() => order.push('its promises'));
    }, 10);
    clock.setTimeout(() => order.push('second timer'), 10);
    await clock.advance(10);
    expect(order).toEqual(['first timer', 'its promises', 'second timer']);
  });

  it('lets promises settle after the last timer', async () => {
    const clock = new ManualClock();
    let settled = false;
    clock.setTimeout(() => {
      void Promise.resolve().then(() => {
        settled = true;
      });
    }, 10);
    await clock.advance(10);
    expect(settled).toBe(true);
  });

  it('fires a timer that another timer arms, where it falls due in time', async () => {
    const clock = new ManualClock();
    const fired: number[] = [];
    clock.setTimeout(() => {
      clock.setTimeout(() => fired.push(clock.now()), 20);
      clock.setTimeout(() => fired.push(clock.now()), 21);
    }, 10);
    await clock.advance(30);
    expect(fired).toEqual([30]);
    expect(clock.pending).toBe(1);
  });

  it('fires a timer that is armed by a promise which was pending when the advance began', async () => {
    const clock = new ManualClock();
    let fired = false;
    void Promise.resolve().then(() => {
      clock.setTimeout(() => {
        fired = true;
      }, 5);
    });
    await clock.advance(10);
    expect(fired).toBe(true);
  });

  it('does not fire a timer that was cleared', async () => {
    const clock = new ManualClock();
    let fired = false;
    const timer = clock.setTimeout(() => {
      fired = true;
    }, 10);
    clock.clearTimeout(timer);
    await clock.advance(20);
    expect(fired).toBe(false);
  });

  it('does not fire a timer that an earlier one of the same time clears', async () => {
    const clock = new ManualClock();
    let fired = false;
    clock.setTimeout(() => clock.clearTimeout(second), 10);
    const second = clock.setTimeout(() => {
      fired = true;
    }, 10);
    await clock.advance(10);
    expect(fired).toBe(false);
  });

  it('takes undefined and timers that have fired to clear', async () => {
    const clock = new ManualClock();
    const timer = clock.setTimeout(() => {}, 1);
    await clock.advance(1);
    clock.clearTimeout(timer);
    clock.clearTimeout(undefined);
    expect(clock.pending).toBe(0);
  });

  it('counts the timers that wait to fire', async () => {
    const clock = new ManualClock();
    expect(clock.pending).toBe(0);
    const timer = clock.setTimeout(() => {}, 10);
    clock.setTimeout(() => {}, 20);
    clock.setTimeout(() => {}, 30);
    expect(clock.pending).toBe(3);
    clock.clearTimeout(timer);
    expect(clock.pending).toBe(2);
    await clock.advance(20);
    expect(clock.pending).toBe(1);
  });

  it('never goes back', async () => {
    const clock = new ManualClock();
    const seen: number[] = [];
    clock.setTimeout(() => {
      clock.setTimeout(() => seen.push(clock.now()), -5);
    }, 10);
    await clock.advance(10);
    expect(seen).toEqual([10]);
  });

  it.each([-1, Number.NaN, Infinity, '5' as unknown as number, undefined as unknown as number])(
    'refuses to advance by %s',
    async (ms) => {
      const clock = new ManualClock(3);
      await expect(clock.advance(ms)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(clock.now()).toBe(3);
    },
  );

  it('drives the time limits of a bus', async () => {
    const clock = new ManualClock();
    const failures: string[] = [];
    const bus = new EventBus({ clock, onFailure: (failure) => failures.push(failure.code) });
    bus.on('slow', () => new Promise(() => {}), { timeoutMs: 1_000 });
    const emission = bus.emit('slow');
    await clock.advance(999);
    expect(failures).toEqual([]);
    await clock.advance(1);
    expect(failures).toEqual(['HANDLER_TIMEOUT']);
    expect((await emission).ok).toBe(false);
  });
});
