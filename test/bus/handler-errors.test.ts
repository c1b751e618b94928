import { expect, it } from 'vitest';
import { AmbusError, EmitError, HandlerError } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { promisesSettled } from './deferred.js';
import { uncaughtDuring } from './uncaught.js';

interface Shop {
  'order.placed': { id: string };
  'order.paid': { id: string };
}

const order = { id: 'o1' };

describeBothBuses((makeBus) => {
  it('[13] names the event and the handler by its function name', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', function addToLedger() {
      throw new Error('the ledger is full');
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]).toMatchObject({ event: 'order.placed', handler: 'addToLedger' });
  });

  it('[13] prefers the name that was given as an option', async () => {
    const bus = makeBus<Shop>();
    bus.on(
      'order.placed',
      function addToLedger() {
        throw new Error('the ledger is full');
      },
      { name: 'ledger' },
    );
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]?.handler).toBe('ledger');
  });

  it('[13] calls a function without a name anonymous', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {
      throw new Error('no');
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]?.handler).toBe('anonymous');
  });

  it('[13] names the event that was emitted, not the pattern that the handler listens to', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.*', () => {
      throw new Error('no');
    });
    const { failures } = await bus.emit('order.paid', order);
    expect(failures[0]?.event).toBe('order.paid');
  });

  it('[13] shows a symbol as the event by its description', async () => {
    const tick = Symbol('tick');
    const bus = makeBus<{ [tick]: number }>();
    bus.on(tick, () => {
      throw new Error('no');
    });
    const { failures } = await bus.emit(tick, 1);
    expect(failures[0]?.event).toBe('Symbol(tick)');
  });

  it('[13] names the group of the handler', async () => {
    const bus = makeBus<Shop>();
    bus.group('billing').on('order.placed', () => {
      throw new Error('no');
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]?.group).toBe('billing');
  });

  it('[13] has no group where the handler is in none', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {
      throw new Error('no');
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]?.group).toBeUndefined();
  });

  it('[13] has the phase "handler" where the handler throws', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {
      throw new Error('no');
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]).toMatchObject({ phase: 'handler', code: 'HANDLER_FAILED' });
  });

  it('[13] has the phase "handler" where the handler rejects', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => Promise.reject(new Error('no')));
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]).toMatchObject({ phase: 'handler', code: 'HANDLER_FAILED' });
  });

  it('[13] has the phase "filter" where the filter throws', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {}, {
      filter: () => {
        throw new Error('no');
      },
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]).toMatchObject({ phase: 'filter', code: 'HANDLER_FAILED' });
  });

  it('[13] has the phase "timeout" where the time was up', async () => {
    const clock = new ManualClock();
    const bus = makeBus<Shop>({ clock });
    bus.on('order.placed', () => new Promise(() => {}), { timeoutMs: 10 });
    const emission = bus.emit('order.placed', order);
    await clock.advance(10);
    expect((await emission).failures[0]).toMatchObject({ phase: 'timeout', code: 'HANDLER_TIMEOUT' });
  });

  it('[13] has the id of the emission, the one that handlers read as ctx.id', async () => {
    const bus = makeBus<Shop>();
    let id: string | undefined;
    bus.on('order.placed', (_order, ctx) => {
      id = ctx.id;
      throw new Error('no');
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(id).toEqual(expect.any(String));
    expect(failures[0]?.emissionId).toBe(id);
  });

  it('[13] has the same emission id for all failures of one emission, and another for the next', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {
      throw new Error('one');
    });
    bus.on('order.placed', () => Promise.reject(new Error('two')));
    const [first, second] = [await bus.emit('order.placed', order), await bus.emit('order.placed', order)];
    expect(first.failures[0]?.emissionId).toBe(first.failures[1]?.emissionId);
    expect(first.failures[0]?.emissionId).not.toBe(second.failures[0]?.emissionId);
  });

  it.each([
    ['an Error', new Error('no')],
    ['a string', 'no'],
    ['a number', 42],
    ['zero', 0],
    ['undefined', undefined],
    ['null', null],
    ['false', false],
    ['an empty string', ''],
    ['an object', { reason: 'no' }],
    ['a symbol', Symbol('no')],
    ['a function', () => 'no'],
    ['an object without a prototype', Object.create(null)],
  ])('[13] has what was thrown as its cause, %s too', async (_what, thrown) => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {
      throw thrown;
    });
    bus.on('order.placed', () => Promise.reject(thrown));
    const { failures } = await bus.emit('order.placed', order);
    expect(failures).toHaveLength(2);
    for (const failure of failures) {
      expect('cause' in failure).toBe(true);
      expect(failure.cause).toBe(thrown);
    }
  });

  it('[13] says event, handler and the message of the cause in its own message', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', function addToLedger() {
      throw new Error('the ledger is full');
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]?.message).toContain('order.placed');
    expect(failures[0]?.message).toContain('addToLedger');
    expect(failures[0]?.message).toContain('the ledger is full');
  });

  it('[13] makes a HandlerError, which is an AmbusError and an Error', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {
      throw new Error('no');
    });
    const [failure] = (await bus.emit('order.placed', order)).failures;
    expect(failure).toBeInstanceOf(HandlerError);
    expect(failure).toBeInstanceOf(AmbusError);
    expect(failure).toBeInstanceOf(Error);
    expect(failure?.name).toBe('HandlerError');
  });

  it('[13] keeps the stack of the cause', async () => {
    const bus = makeBus<Shop>();
    const cause = new Error('no');
    bus.on('order.placed', () => {
      throw cause;
    });
    const [failure] = (await bus.emit('order.placed', order)).failures;
    expect((failure?.cause as Error).stack).toBe(cause.stack);
  });

  it('[13] survives a cause whose message cannot be read', async () => {
    const bus = makeBus<Shop>();
    const hostile = Object.defineProperty(new Error('no'), 'message', {
      get: () => {
        throw new Error('never read me');
      },
    });
    let calledAfter = false;
    bus.on('order.placed', () => {
      throw hostile;
    });
    bus.on('order.placed', () => {
      calledAfter = true;
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]?.cause).toBe(hostile);
    expect(calledAfter).toBe(true);
  });

  it('[13] leaves the stack limit of errors as it was', async () => {
    const limit = Error.stackTraceLimit;
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {
      throw new Error('no');
    });
    await bus.emit('order.placed', order);
    expect(Error.stackTraceLimit).toBe(limit);
  });

  it('[13] does without the stack limit of errors where it cannot be set, or there is none', async () => {
    const limit = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit') as PropertyDescriptor;
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {
      throw 'no';
    });
    try {
      for (const value of [10, undefined]) {
        Object.defineProperty(Error, 'stackTraceLimit', { value, writable: false, configurable: true });
        expect((await bus.emit('order.placed', order)).failures[0]?.cause).toBe('no');
      }
    } finally {
      Object.defineProperty(Error, 'stackTraceLimit', limit);
    }
  });

  it('[13] gives a failure of its own to each handler that throws the same error', async () => {
    const bus = makeBus<Shop>();
    const shared = new Error('shared');
    const fail = (): never => {
      throw shared;
    };
    bus.on('order.placed', fail, { name: 'a' });
    bus.on('order.placed', fail, { name: 'b' });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures.map((failure) => failure.handler)).toEqual(['a', 'b']);
    expect(failures[0]).not.toBe(failures[1]);
  });

  it('[13] wraps the error of a nested emission as the cause', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', async (placed, ctx) => {
      await ctx.emit('order.paid', placed, { failurePolicy: 'throw' });
    });
    bus.on('order.paid', () => {
      throw new Error('declined');
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures).toHaveLength(1);
    expect(failures[0]?.event).toBe('order.placed');
    expect(failures[0]?.cause).toBeInstanceOf(EmitError);
    expect((failures[0]?.cause as EmitError).errors[0]?.event).toBe('order.paid');
  });

  it('[15] does not run a handler whose filter throws', async () => {
    const bus = makeBus<Shop>();
    let called = false;
    bus.on(
      'order.placed',
      () => {
        called = true;
      },
      {
        filter: () => {
          throw new Error('no');
        },
      },
    );
    await bus.emit('order.placed', order);
    expect(called).toBe(false);
  });

  it('[15] counts a handler whose filter throws as a failure, neither called nor skipped', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {}, {
      filter: () => {
        throw new Error('no');
      },
    });
    const result = await bus.emit('order.placed', order);
    expect(result).toMatchObject({ ok: false, called: 0, skipped: 0 });
    expect(result.failures).toHaveLength(1);
  });

  it('[15] runs the other handlers when a filter throws', async () => {
    const bus = makeBus<Shop>();
    const called: string[] = [];
    bus.on('order.placed', () => called.push('before'));
    bus.on('order.placed', () => called.push('filtered'), {
      filter: () => {
        throw new Error('no');
      },
    });
    bus.on('order.placed', () => called.push('after'));
    await bus.emit('order.placed', order);
    expect(called).toEqual(['before', 'after']);
  });

  it('[15] takes a falsy throw of a filter as a failure', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {}, {
      filter: () => {
        throw undefined;
      },
    });
    const result = await bus.emit('order.placed', order);
    expect(result.ok).toBe(false);
    expect(result.failures[0]?.cause).toBeUndefined();
  });

  it('[15] refuses a filter that returns a promise, even one of true', async () => {
    const bus = makeBus<Shop>();
    let called = false;
    bus.on(
      'order.placed',
      () => {
        called = true;
      },
      { filter: (async () => true) as unknown as () => boolean },
    );
    const { failures } = await bus.emit('order.placed', order);
    expect(called).toBe(false);
    expect(failures[0]).toMatchObject({ code: 'ASYNC_FILTER', phase: 'filter' });
  });

  it('[15] refuses a filter that returns a foreign thenable', async () => {
    const bus = makeBus<Shop>();
    const thenable = { then: (resolve: (value: boolean) => void) => resolve(true) };
    bus.on('order.placed', () => {}, { filter: (() => thenable) as unknown as () => boolean });
    const { failures } = await bus.emit('order.placed', order);
    expect(failures[0]?.code).toBe('ASYNC_FILTER');
  });

  it('[15] lets no rejection of a promise that a filter returned go unhandled', async () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {}, {
      filter: (() => Promise.reject(new Error('late no'))) as unknown as () => boolean,
    });
    const uncaught = await uncaughtDuring(async () => {
      await bus.emit('order.placed', order);
      await promisesSettled();
    });
    expect(uncaught).toEqual([]);
  });

  it('[15] takes a throwing filter as a failure under emitSync too', () => {
    const bus = makeBus<Shop>();
    bus.on('order.placed', () => {}, {
      filter: () => {
        throw new Error('no');
      },
    });
    expect(bus.emitSync('order.placed', order).failures[0]?.phase).toBe('filter');
  });

  it('[15] lets the failure policy say what a throwing filter does', async () => {
    const bus = makeBus<Shop>();
    let calledAfter = false;
    const cause = new Error('no');
    bus.on('order.placed', () => {}, {
      filter: () => {
        throw cause;
      },
    });
    bus.on('order.placed', () => {
      calledAfter = true;
    });
    const emission = bus.emit('order.placed', order, { failurePolicy: 'stop' });
    await expect(emission).rejects.toMatchObject({ cause: { phase: 'filter', cause } });
    expect(calledAfter).toBe(false);
  });

  it('[15] gives the filter of an any-handler the type too, and takes its throw as a failure', async () => {
    const bus = makeBus<Shop>();
    const cause = new Error('no');
    let got: unknown;
    bus.onAny(() => {}, {
      filter: (event) => {
        got = event;
        throw cause;
      },
    });
    const { failures } = await bus.emit('order.placed', order);
    expect(got).toEqual({ type: 'order.placed', payload: order });
    expect(failures[0]?.cause).toBe(cause);
  });
});
