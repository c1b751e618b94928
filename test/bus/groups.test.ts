import { describe, expect, it } from 'vitest';
import type { AmbusError, HandlerGroup } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeEveryBus } from './buses.js';
import { deferred, promisesSettled, rejectionOf, thrownBy } from './deferred.js';

describeEveryBus((makeBus) => {
  it('has a name, a place, a size and a state', () => {
    const bus = makeBus();
    const group = bus.group('widget', { place: -2 });
    expect(group.name).toBe('widget');
    expect(group.place).toBe(-2);
    expect(bus.group('plain').place).toBe(0);
    expect(bus.group('plain', {}).place).toBe(0);
    expect(group.state).toBe('active');
    expect(group.size).toBe(0);
  });

  it('counts its live subscriptions', () => {
    const bus = makeBus();
    const group = bus.group('widget');
    const off = group.on('tick', () => {});
    group.on(['tick', 'tock'], () => {});
    group.on('t.*', () => {});
    group.onAny(() => {});
    group.once('tick', () => {});
    bus.on('tick', () => {});
    expect(group.size).toBe(5);
    off();
    off();
    expect(group.size).toBe(4);
    bus.emitSync('tick');
    expect(group.size).toBe(3);
  });

  it('subscribes like the bus: on, once, onAny, with options, patterns and lists', () => {
    const seen: string[] = [];
    const bus = makeBus<{ 'a.x': number; 'a.y': number }>();
    const group = bus.group('widget');
    group.on('a.x', (n, ctx) => void seen.push(`on ${ctx.type} ${n}`), { filter: (n) => n < 3 });
    group.on('a.*', (n, ctx) => void seen.push(`pattern ${ctx.type} ${n}`), { times: 2 });
    group.on(['a.y'], (n, ctx) => void seen.push(`list ${ctx.type} ${n}`), { priority: 1 });
    group.once('a.y', (n) => void seen.push(`once ${n}`));
    group.onAny((event) => void seen.push(`any ${event.type} ${event.payload}`), { priority: 2 });
    bus.emitSync('a.x', 1);
    bus.emitSync('a.y', 2);
    bus.emitSync('a.x', 3);
    expect(seen).toEqual([
      'any a.x 1',
      'on a.x 1',
      'pattern a.x 1',
      'any a.y 2',
      'list a.y 2',
      'pattern a.y 2',
      'once 2',
      'any a.x 3',
    ]);
  });

  it('is named by the failures of its handlers', () => {
    const bus = makeBus();
    const boom = () => {
      throw new Error('boom');
    };
    bus.group('widget').on('tick', boom);
    bus.on('tick', boom);
    expect(bus.emitSync('tick').failures.map(({ group }) => group)).toEqual(['widget', undefined]);
  });

  it('need not have a name of its own: groups of the same name are two groups', () => {
    const bus = makeBus();
    const [a, b] = [bus.group('widget'), bus.group('widget')];
    a.on('tick', () => {});
    b.on('tick', () => {});
    a.remove();
    expect([a.state, b.state]).toEqual(['removed', 'active']);
    expect(bus.emitSync('tick').called).toBe(1);
  });

  describe('pause and resume', () => {
    it('skips its handlers, and no others, until it resumes', async () => {
      const seen: string[] = [];
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => void seen.push('exact'));
      group.on('*', () => void seen.push('pattern'));
      group.onAny(() => void seen.push('any'));
      bus.on('tick', () => void seen.push('other'));
      group.pause();
      expect(group.state).toBe('paused');
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 1, skipped: 3, stopped: false });
      expect(await bus.emit('tick')).toMatchObject({ ok: true, called: 1, skipped: 3 });
      expect(bus.event('tick').emitSync()).toMatchObject({ called: 1, skipped: 3 });
      expect(seen).toEqual(['other', 'other', 'other']);
      seen.length = 0;
      group.resume();
      expect(group.state).toBe('active');
      expect(bus.emitSync('tick')).toMatchObject({ called: 4, skipped: 0 });
      expect(seen).toEqual(['exact', 'pattern', 'any', 'other']);
    });

    it('counts its handlers as skipped also where others fail, or are waited for', async () => {
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => {});
      bus.on('tick', async () => {
        throw new Error('boom');
      });
      group.pause();
      expect(await bus.emit('tick')).toMatchObject({ ok: false, called: 1, skipped: 1 });
      expect(bus.emitSync('tick')).toMatchObject({ ok: false, called: 1, skipped: 1 });
    });

    it('keeps its handlers in their place', () => {
      const seen: string[] = [];
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => void seen.push('first'));
      bus.on('tick', () => void seen.push('second'));
      group.pause();
      bus.emitSync('tick');
      group.resume();
      bus.emitSync('tick');
      expect(seen).toEqual(['second', 'first', 'second']);
    });

    it('may be repeated', () => {
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => {});
      group.resume();
      expect(bus.emitSync('tick').called).toBe(1);
      group.pause();
      group.pause();
      group.resume();
      expect(bus.emitSync('tick').called).toBe(1);
    });

    it('takes subscriptions while it is paused, which start with it', () => {
      const bus = makeBus();
      const group = bus.group('widget');
      group.pause();
      group.on('tick', () => {});
      expect(group.size).toBe(1);
      expect(bus.emitSync('tick')).toMatchObject({ called: 0, skipped: 1 });
      group.resume();
      expect(bus.emitSync('tick')).toMatchObject({ called: 1, skipped: 0 });
    });

    it('still counts its handlers as subscribed', () => {
      const bus = makeBus();
      const group = bus.group('widget');
      const off = group.on('tick', () => {});
      group.pause();
      expect(bus.handlerCount('tick')).toBe(1);
      expect(off.active).toBe(true);
      off();
      expect(bus.emitSync('tick')).toMatchObject({ called: 0, skipped: 0 });
    });

    it('skips its handlers also in an emission under way that has not come to them', async () => {
      const gate = deferred();
      const bus = makeBus();
      const group = bus.group('widget');
      bus.on('tick', () => gate.promise);
      group.on('tick', () => {
        throw new Error('must not be called');
      });
      const emission = bus.emit('tick');
      group.pause();
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true, called: 1, skipped: 1 });
    });

    it('skips its handlers in the emission whose handler pauses it', () => {
      const bus = makeBus();
      const group = bus.group('widget');
      bus.on('tick', () => group.pause());
      group.on('tick', () => {
        throw new Error('must not be called');
      });
      expect(bus.emitSync('tick')).toMatchObject({ ok: true, called: 1, skipped: 1 });
    });

    it('lets a run that has started go on', async () => {
      const gate = deferred();
      let ended = false;
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', async () => {
        await gate.promise;
        ended = true;
      });
      const emission = bus.emit('tick');
      group.pause();
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true, called: 1, skipped: 0 });
      expect(ended).toBe(true);
    });

    it('calls a handler whose group was paused and resumed before its turn', async () => {
      const gate = deferred();
      const bus = makeBus();
      const group = bus.group('widget');
      bus.on('tick', () => {
        group.pause();
        return gate.promise;
      });
      group.on('tick', () => {});
      const emission = bus.emit('tick');
      group.resume();
      gate.resolve();
      expect(await emission).toMatchObject({ called: 2, skipped: 0 });
    });
  });

  describe('retire', () => {
    it('ends its subscriptions for later emissions', () => {
      const bus = makeBus();
      const group = bus.group('widget');
      const off = group.on('tick', () => {});
      group.on('*', () => {});
      group.onAny(() => {});
      group.retire();
      expect(group.state).toBe('retired');
      expect(group.size).toBe(0);
      expect(off.active).toBe(false);
      expect(bus.handlerCount()).toBe(0);
      expect(bus.emitSync('tick')).toMatchObject({ called: 0, skipped: 0 });
    });

    it('may be repeated', () => {
      const group = makeBus().group('widget');
      group.retire();
      group.retire();
      expect(group.state).toBe('retired');
    });

    it('may be followed by remove, after which emissions under way skip its handlers too', async () => {
      const gate = deferred();
      const bus = makeBus();
      const group = bus.group('widget');
      bus.on('tick', () => gate.promise);
      group.on('tick', () => {
        throw new Error('must not be called');
      });
      const emission = bus.emit('tick');
      group.retire();
      group.remove();
      expect(group.state).toBe('removed');
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true, called: 1, skipped: 1 });
    });

    it('lets a handler that was unsubscribed before it stay so', async () => {
      const gate = deferred();
      const bus = makeBus();
      const group = bus.group('widget');
      bus.on('tick', () => gate.promise);
      const off = group.on('tick', () => {
        throw new Error('must not be called');
      });
      const emission = bus.emit('tick');
      off();
      group.retire();
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true, called: 1, skipped: 1 });
    });

    it('lets a handler still be unsubscribed after it, for emissions under way', async () => {
      const gate = deferred();
      const bus = makeBus();
      const group = bus.group('widget');
      bus.on('tick', () => gate.promise);
      const off = group.on('tick', () => {
        throw new Error('must not be called');
      });
      const emission = bus.emit('tick');
      group.retire();
      off();
      gate.resolve();
      expect(await emission).toMatchObject({ ok: true, called: 1, skipped: 1 });
    });

    it('leaves the signals of its subscriptions alone from then on', () => {
      const controller = new AbortController();
      let listening = 0;
      const { signal } = controller;
      const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
      Object.assign(signal, {
        addEventListener: (...args: Parameters<typeof add>) => {
          listening += 1;
          add(...args);
        },
        removeEventListener: (...args: Parameters<typeof remove>) => {
          listening -= 1;
          remove(...args);
        },
      });
      const bus = makeBus();
      for (const end of ['retire', 'remove'] as const) {
        const group = bus.group('widget');
        group.on('tick', () => {}, { signal });
        group.onAny(() => {}, { signal });
        expect(listening).toBe(1);
        group[end]();
        expect(listening).toBe(0);
      }
    });
  });

  describe('remove', () => {
    it('ends its subscriptions at once, and no others', () => {
      const bus = makeBus();
      const group = bus.group('widget');
      const off = group.on('tick', () => {});
      group.on(['tick', 'tock'], () => {});
      const other = bus.on('tick', () => {});
      group.remove();
      expect(group.state).toBe('removed');
      expect(group.size).toBe(0);
      expect([off.active, other.active]).toEqual([false, true]);
      expect(bus.emitSync('tick')).toMatchObject({ called: 1, skipped: 0 });
      expect(off).not.toThrow();
    });

    it('lets a run that has started settle, and its failure count', async () => {
      const gate = deferred();
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => gate.promise);
      const emission = bus.emit('tick');
      group.remove();
      gate.reject(new Error('boom'));
      expect(await emission).toMatchObject({ ok: false, called: 1, failures: [{ group: 'widget' }] });
    });

    it('may be called by one of its own handlers', () => {
      const seen: string[] = [];
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => {
        seen.push('first');
        group.remove();
      });
      group.on('tick', () => void seen.push('second'));
      bus.on('tick', () => void seen.push('other'));
      expect(bus.emitSync('tick')).toMatchObject({ called: 2, skipped: 1 });
      expect(seen).toEqual(['first', 'other']);
    });

    it('may be repeated, and is final: a retire after it changes nothing', () => {
      const group = makeBus().group('widget');
      group.remove();
      group.remove();
      group.retire();
      expect(group.state).toBe('removed');
    });

    it('is what `using` does at the end of its block', () => {
      const bus = makeBus();
      let seen: HandlerGroup;
      {
        using group = bus.group('request');
        seen = group;
        group.on('tick', () => {});
        expect(bus.emitSync('tick').called).toBe(1);
      }
      expect(seen.state).toBe('removed');
      expect(bus.handlerCount()).toBe(0);
    });
  });

  it.each(['retire', 'remove'] as const)('refuses with GROUP_CLOSED what comes after %s', (end) => {
    const bus = makeBus();
    const group = bus.group('widget');
    group[end]();
    const calls: (() => unknown)[] = [
      () => group.on('tick', () => {}),
      () => group.once('tick', () => {}),
      () => group.onAny(() => {}),
      () => group.pause(),
      () => group.resume(),
    ];
    for (const call of calls) {
      const error = thrownBy(call) as AmbusError;
      expect(error).toMatchObject({ code: 'GROUP_CLOSED', details: { group: 'widget' } });
      expect(error.message).toContain('widget');
    }
    expect(bus.handlerCount()).toBe(0);
  });

  describe('idle', () => {
    it('resolves where none of its handlers runs', async () => {
      const gate = deferred();
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => {});
      bus.on('tick', () => gate.promise);
      const emission = bus.emit('tick');
      await group.idle();
      gate.resolve();
      await emission;
    });

    it('waits for the runs of its handlers', async () => {
      const gate = deferred();
      let idle = false;
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => gate.promise);
      const emission = bus.emit('tick');
      const waiting = group.idle().then(() => {
        idle = true;
      });
      await promisesSettled();
      expect(idle).toBe(false);
      gate.resolve();
      await waiting;
      await emission;
    });

    it('does not wait for the handlers that come behind its own in the same emission', async () => {
      const [own, other] = [deferred(), deferred()];
      let idle = false;
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => own.promise);
      bus.on('tick', () => other.promise);
      const emission = bus.emit('tick');
      const waiting = group.idle().then(() => {
        idle = true;
      });
      own.resolve();
      await promisesSettled();
      expect(idle).toBe(true);
      other.resolve();
      await emission;
      await waiting;
    });

    it('waits until no emission under way will call a retired handler any more', async () => {
      const gate = deferred();
      let idle = false;
      let called = false;
      const bus = makeBus();
      const group = bus.group('widget');
      bus.on('tick', () => gate.promise);
      group.on('tick', () => {
        called = true;
      });
      const emission = bus.emit('tick');
      group.retire();
      const waiting = group.idle().then(() => {
        idle = true;
      });
      await promisesSettled();
      expect(idle).toBe(false);
      gate.resolve();
      await waiting;
      expect(called).toBe(true);
      await emission;
    });

    it('does not wait for a removed handler that will never be called', async () => {
      const gate = deferred();
      const bus = makeBus();
      const group = bus.group('widget');
      bus.on('tick', () => gate.promise);
      group.on('tick', () => {});
      const emission = bus.emit('tick');
      group.retire();
      const waiting = group.idle();
      group.remove();
      await waiting;
      gate.resolve();
      await emission;
    });

    it('waits for late work of its handlers, and not for that of others', async () => {
      const [own, other] = [deferred(), deferred()];
      let idle = false;
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const group = bus.group('widget');
      group.on('tick', () => own.promise, { timeoutMs: 10 });
      bus.on('tick', () => other.promise, { timeoutMs: 10 });
      const emission = bus.emit('tick');
      await clock.advance(20);
      await emission;
      const waiting = group.idle().then(() => {
        idle = true;
      });
      await promisesSettled();
      expect(idle).toBe(false);
      own.resolve();
      await waiting;
      other.resolve();
      await bus.idle();
    });

    it('does not wait for the emission that it is called in', async () => {
      const bus = makeBus();
      const group = bus.group('widget');
      let done = false;
      group.on('tick', async () => {
        const idle = group.idle();
        await idle;
        done = true;
      });
      expect(await bus.emit('tick')).toMatchObject({ ok: true });
      expect(done).toBe(true);
    });

    it('gives up with IDLE_TIMEOUT', async () => {
      const gate = deferred();
      const clock = new ManualClock();
      const bus = makeBus({ clock });
      const group = bus.group('widget');
      group.on('tick', () => gate.promise);
      const emission = bus.emit('tick');
      const timers = clock.pending;
      const waiting = rejectionOf(group.idle({ timeoutMs: 100 }));
      await clock.advance(100);
      const error = (await waiting) as AmbusError;
      expect(error).toMatchObject({ code: 'IDLE_TIMEOUT' });
      expect(error.message).toContain('widget');
      expect(clock.pending).toBe(timers);
      gate.resolve();
      await emission;
    });

    it('rejects with the reason of its signal', async () => {
      const gate = deferred();
      const controller = new AbortController();
      const bus = makeBus();
      const group = bus.group('widget');
      group.on('tick', () => gate.promise);
      const emission = bus.emit('tick');
      const waiting = rejectionOf(group.idle({ signal: controller.signal }));
      controller.abort('enough');
      expect(await waiting).toBe('enough');
      expect(await rejectionOf(group.idle({ signal: controller.signal }))).toBe('enough');
      gate.resolve();
      await emission;
    });

    it('refuses options that it does not know, and bad ones', async () => {
      const group = makeBus().group('widget');
      const bad = (options: unknown) => rejectionOf(group.idle(options as never));
      expect(await bad({ timeout: 1 })).toMatchObject({ code: 'UNKNOWN_OPTION', details: { meant: 'timeoutMs' } });
      expect(await bad({ timeoutMs: -1 })).toMatchObject({ code: 'INVALID_OPTION' });
      expect(await bad({ timeoutMs: Number.NaN })).toMatchObject({ code: 'INVALID_OPTION' });
      expect(await bad({ signal: {} })).toMatchObject({ code: 'INVALID_OPTION' });
      expect(await bad(7)).toMatchObject({ code: 'INVALID_ARGUMENT' });
    });
  });

  it('is listed by inspect() until it is final', () => {
    const bus = makeBus();
    const group = bus.group('widget', { place: 3 });
    group.on('tick', () => {});
    expect(bus.inspect().groups).toEqual([{ name: 'widget', place: 3, size: 1, state: 'active' }]);
    group.pause();
    expect(bus.inspect().groups).toMatchObject([{ state: 'paused' }]);
    group.remove();
    expect(bus.inspect().groups).toEqual([]);
  });
});
