import { format } from 'node:util';
import { expect, it, vi } from 'vitest';
import { type AmbusError, HandlerError } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { describeBothBuses } from './buses.js';
import { deferred, promisesSettled, rejectionOf } from './deferred.js';
import { uncaughtDuring } from './uncaught.js';

/** What failed, by the message of the cause. */
const messageOf = (failure: AmbusError): unknown => (failure.cause as Error).message;

const fail = (message: string) => (): never => {
  throw new Error(message);
};

describeBothBuses((makeBus) => {
  it('[14] gives the failure of a handler to onFailure where the promise fulfils', async () => {
    const reports: AmbusError[] = [];
    const bus = makeBus({ onFailure: (failure) => reports.push(failure) });
    bus.on('tick', fail('no'));
    const { failures } = await bus.emit('tick');
    expect(reports).toHaveLength(1);
    expect(reports[0]).toBeInstanceOf(HandlerError);
    expect(reports[0]).toBe(failures[0]);
  });

  it('[14] reports the failure of a handler that rejects', async () => {
    const reports: unknown[] = [];
    const bus = makeBus({ onFailure: (failure) => reports.push(messageOf(failure)) });
    bus.on('tick', () => Promise.reject(new Error('no')));
    await bus.emit('tick');
    expect(reports).toEqual(['no']);
  });

  it('[14] reports each of several failures once, in the order in which they happen', async () => {
    const reports: unknown[] = [];
    const bus = makeBus({ mode: 'concurrent', onFailure: (failure) => reports.push(messageOf(failure)) });
    const slow = deferred();
    bus.on('tick', () => slow.promise);
    bus.on('tick', fail('second handler'));
    bus.on('tick', () => Promise.reject(new Error('third handler')));
    const emission = bus.emit('tick');
    await promisesSettled();
    slow.reject(new Error('first handler'));
    const { failures } = await emission;
    expect(reports).toEqual(['second handler', 'third handler', 'first handler']);
    expect(failures.map(messageOf)).toEqual(['first handler', 'second handler', 'third handler']);
  });

  it('[14] reports a failure as it happens, before the next handler starts', () => {
    const order: string[] = [];
    const bus = makeBus({ onFailure: () => order.push('report') });
    bus.on('tick', () => {
      order.push('first');
      throw new Error('no');
    });
    bus.on('tick', () => order.push('second'));
    bus.emitSync('tick');
    expect(order).toEqual(['first', 'report', 'second']);
  });

  it.each(['stop', 'throw'] as const)('[14] does not report what a promise rejects with under %s', async (policy) => {
    const onFailure = vi.fn();
    const bus = makeBus({ failurePolicy: policy, onFailure });
    bus.on('tick', fail('sync'));
    bus.on('tick', () => Promise.reject(new Error('async')));
    await rejectionOf(bus.emit('tick'));
    await promisesSettled();
    expect(onFailure).not.toHaveBeenCalled();
  });

  it.each(['stop', 'throw'] as const)('[14] does not report what emitSync throws under %s', (policy) => {
    const onFailure = vi.fn();
    const bus = makeBus({ failurePolicy: policy, onFailure });
    bus.on('tick', fail('no'));
    expect(() => bus.emitSync('tick')).toThrow();
    expect(onFailure).not.toHaveBeenCalled();
  });

  it('[14] does not report what dispatch throws while it is synchronous', () => {
    const onFailure = vi.fn();
    const bus = makeBus({ failurePolicy: 'throw', onFailure });
    bus.on('tick', fail('no'));
    expect(() => bus.dispatch('tick')).toThrow();
    expect(onFailure).not.toHaveBeenCalled();
  });

  it('[14] does not report what the promise of dispatch rejects with', async () => {
    const onFailure = vi.fn();
    const bus = makeBus({ failurePolicy: 'throw', onFailure });
    bus.on('tick', () => Promise.reject(new Error('no')));
    await rejectionOf(bus.dispatch('tick') as Promise<unknown>);
    expect(onFailure).not.toHaveBeenCalled();
  });

  it('[14] does not report a failure that came while a stopped emission settled: the rejection has it', async () => {
    const onFailure = vi.fn();
    const bus = makeBus({ mode: 'concurrent', failurePolicy: 'stop', onFailure });
    const slow = deferred();
    bus.on('tick', () => slow.promise);
    bus.on('tick', fail('stops'));
    const emission = bus.emit('tick');
    await promisesSettled();
    slow.reject(new Error('afterwards'));
    const error = (await rejectionOf(emission)) as AggregateError;
    expect(error.errors.map(messageOf)).toEqual(['afterwards', 'stops']);
    expect(onFailure).not.toHaveBeenCalled();
  });

  it('[14] reports a failure that its handler exempts from the policy, where nothing else rejects', async () => {
    const reports: unknown[] = [];
    const bus = makeBus({ failurePolicy: 'throw', onFailure: (failure) => reports.push(messageOf(failure)) });
    bus.on('tick', fail('exempt'), { failurePolicy: 'isolate' });
    const result = await bus.emit('tick');
    expect(result.ok).toBe(false);
    expect(reports).toEqual(['exempt']);
  });

  it('[14] does not report an exempted failure where the rejection has it', async () => {
    const onFailure = vi.fn();
    const bus = makeBus({ failurePolicy: 'throw', onFailure });
    bus.on('tick', fail('exempt'), { failurePolicy: 'isolate' });
    bus.on('tick', fail('counts'));
    const error = (await rejectionOf(bus.emit('tick'))) as AggregateError;
    expect(error.errors.map(messageOf)).toEqual(['exempt', 'counts']);
    expect(onFailure).not.toHaveBeenCalled();
  });

  it('[14] reports the failures of an aborted emission, which rejects with the reason of its signal', async () => {
    const reports: unknown[] = [];
    const bus = makeBus({ failurePolicy: 'throw', onFailure: (failure) => reports.push(messageOf(failure)) });
    const controller = new AbortController();
    bus.on('tick', () => {
      controller.abort(new Error('enough'));
      throw new Error('no');
    });
    await expect(bus.emit('tick', undefined, { signal: controller.signal })).rejects.toThrow('enough');
    expect(reports).toEqual(['no']);
  });

  it('[14] reports a time limit once', async () => {
    const clock = new ManualClock();
    const reports: string[] = [];
    const bus = makeBus({ clock, onFailure: (failure) => reports.push(failure.code) });
    const slow = deferred();
    bus.on('tick', () => slow.promise, { timeoutMs: 10 });
    const emission = bus.emit('tick');
    await clock.advance(10);
    await emission;
    slow.reject(new Error('too late'));
    await promisesSettled();
    expect(reports).toEqual(['HANDLER_TIMEOUT']);
  });

  it.each(['isolate', 'stop', 'throw'] as const)(
    '[14] gives every failure of a posted emission to onFailure under %s',
    async (failurePolicy) => {
      const reports: AmbusError[] = [];
      const bus = makeBus({ failurePolicy, mode: 'concurrent', onFailure: (failure) => reports.push(failure) });
      bus.on('tick', () => Promise.reject(new Error('async')));
      bus.on('tick', fail('sync'));
      bus.post('tick');
      await promisesSettled();
      expect(reports.map(messageOf).sort()).toEqual(['async', 'sync']);
      expect(reports.every((report) => report instanceof HandlerError)).toBe(true);
    },
  );

  it('[14] reports an exempted failure of a posted emission once, beside one that counts', () => {
    const reports: unknown[] = [];
    const bus = makeBus({ failurePolicy: 'throw', onFailure: (failure) => reports.push(messageOf(failure)) });
    bus.on('tick', fail('exempt'), { failurePolicy: 'isolate' });
    bus.on('tick', fail('counts'));
    bus.post('tick');
    expect(reports).toEqual(['exempt', 'counts']);
  });

  it('[14] reports what a posted emission that throws synchronously would throw', () => {
    const reports: unknown[] = [];
    const bus = makeBus({ failurePolicy: 'throw', onFailure: (failure) => reports.push(messageOf(failure)) });
    bus.on('tick', fail('no'));
    bus.post('tick');
    expect(reports).toEqual(['no']);
  });

  it('[14] leaves no rejection of a posted emission unhandled', async () => {
    const bus = makeBus({ failurePolicy: 'throw', onFailure: () => {} });
    bus.on('tick', () => Promise.reject(new Error('no')));
    expect(await uncaughtDuring(() => bus.post('tick'))).toEqual([]);
  });

  it('[14] reports a failure under emitSync where it does not throw', () => {
    const reports: string[] = [];
    const bus = makeBus({ onFailure: (failure) => reports.push(failure.code) });
    bus.on('tick', async () => {});
    bus.emitSync('tick');
    expect(reports).toEqual(['ASYNC_IN_SYNC']);
  });

  it('[14] lets an emission reject without reporting it, even where nobody awaits it yet', async () => {
    const onFailure = vi.fn();
    const bus = makeBus({ failurePolicy: 'throw', onFailure });
    bus.on('tick', fail('no'));
    const emission = bus.emit('tick');
    const error = rejectionOf(emission);
    await promisesSettled();
    expect(onFailure).not.toHaveBeenCalled();
    expect(await error).toMatchObject({ code: 'EMIT_FAILED' });
  });

  it('[14] makes an unawaited rejection the business of the host, as any promise does', async () => {
    const bus = makeBus({ failurePolicy: 'throw', onFailure: () => {} });
    bus.on('tick', fail('no'));
    const uncaught = await uncaughtDuring(() => {
      void bus.emit('tick');
    });
    expect(uncaught).toEqual([expect.objectContaining({ code: 'EMIT_FAILED' })]);
  });

  it('[14] writes a line with the stack to console.error where there is no onFailure', async () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {});
    const bus = makeBus<{ 'order.placed': void }>({ onFailure: undefined });
    const cause = new Error('the ledger is full');
    bus.on('order.placed', function addToLedger() {
      throw cause;
    });
    await bus.emit('order.placed');
    expect(write).toHaveBeenCalledTimes(1);
    const text = format(...(write.mock.calls[0] as unknown[]));
    expect(text).toContain('order.placed');
    expect(text).toContain('addToLedger');
    expect(text).toContain('the ledger is full');
    // The frame of the handler; how far it is indented is the console's affair.
    expect(text).toContain(cause.stack?.split('\n')[1]?.trim());
  });

  it('[14] shows on console.error what was thrown where that is no Error', async () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {});
    const bus = makeBus({ onFailure: undefined });
    bus.on('tick', () => {
      throw 'just a string';
    });
    await bus.emit('tick');
    expect(format(...(write.mock.calls[0] as unknown[]))).toContain('just a string');
  });

  it('[14] reports each failure of a bus without onFailure with one call', async () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {});
    const bus = makeBus({ onFailure: undefined });
    bus.on('tick', fail('one'));
    bus.on('tick', fail('two'));
    await bus.emit('tick');
    expect(write).toHaveBeenCalledTimes(2);
  });

  it('[14] writes nothing to console.error where onFailure is there', async () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {});
    const bus = makeBus({ onFailure: () => {} });
    bus.on('tick', fail('no'));
    await bus.emit('tick');
    expect(write).not.toHaveBeenCalled();
  });

  it('[14] hands what onFailure throws to the host, once', async () => {
    const broken = new Error('the reporter is broken');
    const bus = makeBus({
      onFailure: () => {
        throw broken;
      },
    });
    bus.on('tick', fail('no'));
    expect(await uncaughtDuring(() => bus.emit('tick'))).toEqual([broken]);
  });

  it('[14] hands a rejection of an async onFailure to the host, once', async () => {
    const broken = new Error('the reporter is broken');
    const reject: () => unknown = () => Promise.reject(broken);
    const bus = makeBus({
      onFailure: reject,
    });
    bus.on('tick', fail('no'));
    expect(await uncaughtDuring(() => bus.emit('tick'))).toEqual([broken]);
  });

  it('[14] goes on with the emission when onFailure throws', async () => {
    let calledAfter = false;
    const bus = makeBus({
      onFailure: () => {
        throw new Error('the reporter is broken');
      },
    });
    bus.on('tick', fail('no'));
    bus.on('tick', () => {
      calledAfter = true;
    });
    await uncaughtDuring(async () => {
      const result = await bus.emit('tick');
      expect(result).toMatchObject({ called: 2, ok: false });
      expect(result.failures).toHaveLength(1);
    });
    expect(calledAfter).toBe(true);
  });

  it('[14] does not call onFailure for what onFailure throws', async () => {
    const onFailure = vi.fn(() => {
      throw new Error('the reporter is broken');
    });
    const bus = makeBus({ onFailure });
    bus.on('tick', fail('no'));
    await uncaughtDuring(() => bus.post('tick'));
    expect(onFailure).toHaveBeenCalledTimes(1);
  });

  it('[14] hands what onFailure throws to the host for a refused post too', async () => {
    const broken = new Error('the reporter is broken');
    const bus = makeBus({
      onFailure: () => {
        throw broken;
      },
    });
    await bus.close();
    expect(await uncaughtDuring(() => bus.post('tick'))).toEqual([broken]);
  });

  it('[14] lets onFailure emit on the same bus', async () => {
    const seen: unknown[] = [];
    const bus = makeBus<{ tick: void; failed: string }>({
      onFailure: (failure) => bus.post('failed', failure.code),
    });
    bus.on('tick', fail('no'));
    bus.on('failed', (code) => seen.push(code));
    await bus.emit('tick');
    expect(seen).toEqual(['HANDLER_FAILED']);
  });
});
