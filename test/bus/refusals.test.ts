import { expect, it, vi } from 'vitest';
import { AmbusError, type Dropped, type EmitOptions } from '../../src/index.js';
import { describeBothBuses } from './buses.js';
import { promisesSettled, rejectionOf, thrownBy } from './deferred.js';
import { uncaughtDuring } from './uncaught.js';

const POLICIES = ['isolate', 'stop', 'throw'] as const;

/** Things that refuse an emission, and the code that says so. */
const REFUSALS: readonly (readonly [string, unknown, unknown, string])[] = [
  ['a number as the event', 42, undefined, 'INVALID_EVENT'],
  ['undefined as the event', undefined, undefined, 'INVALID_EVENT'],
  ['null as the event', null, undefined, 'INVALID_EVENT'],
  ['an object as the event', {}, undefined, 'INVALID_EVENT'],
  ['a list as the event', ['tick'], undefined, 'INVALID_EVENT'],
  ['a pattern as the event', 'tick.*', undefined, 'INVALID_EVENT'],
  ['a pattern at the front as the event', '*.tick', undefined, 'INVALID_EVENT'],
  ['a deep pattern as the event', 'tick.**', undefined, 'INVALID_EVENT'],
  ['a star as the event', '*', undefined, 'INVALID_EVENT'],
  ['options that are a number', 'tick', 5, 'INVALID_ARGUMENT'],
  ['options that are null', 'tick', null, 'INVALID_ARGUMENT'],
  ['options that are a list', 'tick', [], 'INVALID_ARGUMENT'],
  ['a misspelt option', 'tick', { timeoutMS: 5 }, 'UNKNOWN_OPTION'],
  ['an unknown mode', 'tick', { mode: 'parallel' }, 'INVALID_OPTION'],
  ['a concurrency of 0', 'tick', { mode: 'concurrent', concurrency: 0 }, 'INVALID_OPTION'],
  ['a concurrency of NaN', 'tick', { mode: 'concurrent', concurrency: Number.NaN }, 'INVALID_OPTION'],
  ['a concurrency that is no whole number', 'tick', { mode: 'concurrent', concurrency: 1.5 }, 'INVALID_OPTION'],
  ['a concurrency in sequential mode', 'tick', { mode: 'sequential', concurrency: 2 }, 'INVALID_OPTION'],
  ['a time limit of 0', 'tick', { timeoutMs: 0 }, 'INVALID_OPTION'],
  ['a negative time limit', 'tick', { timeoutMs: -1 }, 'INVALID_OPTION'],
  ['a time limit of NaN', 'tick', { timeoutMs: Number.NaN }, 'INVALID_OPTION'],
  ['a time limit that is text', 'tick', { timeoutMs: '5' }, 'INVALID_OPTION'],
  ['a time limit longer than a timer takes', 'tick', { timeoutMs: 2_147_483_648 }, 'INVALID_OPTION'],
  ['an unknown failure policy', 'tick', { failurePolicy: 'ignore' }, 'INVALID_OPTION'],
  ['a signal that is none', 'tick', { signal: {} }, 'INVALID_OPTION'],
  ['meta that is text', 'tick', { meta: 'trace' }, 'INVALID_OPTION'],
  ['meta that is null', 'tick', { meta: null }, 'INVALID_OPTION'],
];

describeBothBuses((makeBus) => {
  it.each(POLICIES)('[16] rejects emit on a closed bus under %s', async (failurePolicy) => {
    const bus = makeBus({ failurePolicy });
    await bus.close();
    await expect(bus.emit('tick')).rejects.toMatchObject({ code: 'BUS_CLOSED' });
    await expect(bus.emit('tick', undefined, { failurePolicy })).rejects.toMatchObject({ code: 'BUS_CLOSED' });
  });

  it.each(POLICIES)('[16] throws from emitSync on a closed bus under %s', async (failurePolicy) => {
    const bus = makeBus({ failurePolicy });
    await bus.close();
    expect(thrownBy(() => bus.emitSync('tick'))).toMatchObject({ code: 'BUS_CLOSED' });
  });

  it('[16] throws from dispatch on a closed bus', async () => {
    const bus = makeBus();
    await bus.close();
    expect(thrownBy(() => bus.dispatch('tick'))).toMatchObject({ code: 'BUS_CLOSED' });
  });

  it('[16] reports post on a closed bus to onFailure', async () => {
    const reports: AmbusError[] = [];
    const bus = makeBus({ onFailure: (failure) => reports.push(failure) });
    await bus.close();
    bus.post('tick');
    expect(reports).toHaveLength(1);
    expect(reports[0]).toBeInstanceOf(AmbusError);
    expect(reports[0]?.code).toBe('BUS_CLOSED');
  });

  it('[16] refuses on a handle made before the bus was closed', async () => {
    const onFailure = vi.fn();
    const bus = makeBus({ onFailure });
    const tick = bus.event('tick');
    tick.on(() => {});
    tick.emitSync(undefined);
    await bus.close();
    await expect(tick.emit(undefined)).rejects.toMatchObject({ code: 'BUS_CLOSED' });
    expect(thrownBy(() => tick.emitSync(undefined))).toMatchObject({ code: 'BUS_CLOSED' });
    expect(thrownBy(() => tick.dispatch(undefined))).toMatchObject({ code: 'BUS_CLOSED' });
    tick.post(undefined);
    expect(onFailure).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: 'BUS_CLOSED' }));
  });

  it.each(REFUSALS)('[16] rejects emit with %s', async (_what, type, options, code) => {
    const bus = makeBus();
    await expect(bus.emit(type as string, 1, options as EmitOptions)).rejects.toMatchObject({ code });
  });

  it.each(REFUSALS)('[16] throws from emitSync with %s', (_what, type, options, code) => {
    const bus = makeBus();
    expect(thrownBy(() => bus.emitSync(type as string, 1, options as EmitOptions))).toMatchObject({ code });
  });

  it.each(REFUSALS)('[16] throws from dispatch with %s', (_what, type, options, code) => {
    const bus = makeBus();
    expect(thrownBy(() => bus.dispatch(type as string, 1, options as EmitOptions))).toMatchObject({ code });
  });

  it.each(REFUSALS)('[16] reports post with %s', (_what, type, options, code) => {
    const reports: AmbusError[] = [];
    const bus = makeBus({ onFailure: (failure) => reports.push(failure) });
    bus.post(type as string, 1, options as EmitOptions);
    expect(reports.map((report) => report.code)).toEqual([code]);
  });

  it.each(REFUSALS)('[16] refuses %s on an emission made by a handler too', async (_what, type, options, code) => {
    const bus = makeBus();
    let refusal: unknown;
    bus.on('start', async (_payload, ctx) => {
      refusal = await rejectionOf(ctx.emit(type as string, 1, options as EmitOptions));
    });
    await bus.emit('start');
    expect(refusal).toMatchObject({ code });
  });

  it.each(REFUSALS.filter(([, type]) => type === 'tick'))(
    '[16] refuses %s on a handle too',
    async (_what, _type, options, code) => {
      const bus = makeBus();
      await expect(bus.event('tick').emit(1, options as EmitOptions)).rejects.toMatchObject({ code });
    },
  );

  it.each(REFUSALS)('[16] runs no handler with %s', async (_what, type, options) => {
    const bus = makeBus();
    const handler = vi.fn();
    bus.on('tick', handler);
    bus.onAny(handler);
    await rejectionOf(bus.emit(type as string, 1, options as EmitOptions));
    expect(handler).not.toHaveBeenCalled();
  });

  it('[16] does the same after the event has been emitted often', async () => {
    const bus = makeBus();
    const handler = vi.fn();
    bus.on('tick', handler);
    for (let i = 0; i < 20; i++) bus.emitSync('tick', 1);
    await expect(bus.emit('tick', 1, { timeoutMs: -1 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(handler).toHaveBeenCalledTimes(20);
  });

  it('[16] rejects an aborted signal with its reason', async () => {
    const bus = makeBus();
    const reason = new Error('not any more');
    const handler = vi.fn();
    bus.on('tick', handler);
    await expect(bus.emit('tick', 1, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(handler).not.toHaveBeenCalled();
  });

  it.each(POLICIES)('[16] rejects an aborted signal under %s', async (failurePolicy) => {
    const bus = makeBus({ failurePolicy });
    await expect(bus.emit('tick', 1, { signal: AbortSignal.abort('enough') })).rejects.toBe('enough');
  });

  it('[16] throws the reason of an aborted signal from emitSync and dispatch', () => {
    const bus = makeBus();
    const reason = new Error('not any more');
    const options = { signal: AbortSignal.abort(reason) };
    expect(() => bus.emitSync('tick', 1, options)).toThrow(reason);
    expect(() => bus.dispatch('tick', 1, options)).toThrow(reason);
  });

  it('[16] reports a post with an aborted signal as ABORTED, with the reason as the cause', () => {
    const reports: AmbusError[] = [];
    const bus = makeBus({ onFailure: (failure) => reports.push(failure) });
    bus.post('tick', 1, { signal: AbortSignal.abort('enough') });
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({ code: 'ABORTED', cause: 'enough' });
  });

  it('[16] never throws from emit', () => {
    const bus = makeBus();
    const emissions = REFUSALS.map(([, type, options]) => bus.emit(type as string, 1, options as EmitOptions));
    for (const emission of emissions) {
      expect(emission).toBeInstanceOf(Promise);
      emission.catch(() => {});
    }
  });

  it('[16] says what was expected, and what came', async () => {
    const bus = makeBus();
    const error = (await rejectionOf(bus.emit('tick', 1, { timeoutMs: -1 }))) as AmbusError;
    expect(error.message).toContain('timeoutMs');
    expect(error.message).toContain('-1');
    expect(error.details).toMatchObject({ option: 'timeoutMs', value: -1 });
  });

  it('[16] suggests the option that was meant', async () => {
    const bus = makeBus();
    const error = await rejectionOf(bus.emit('tick', 1, { timeout: 5 } as EmitOptions));
    expect((error as AmbusError).message).toContain('Did you mean "timeoutMs"?');
  });

  it('[16] counts a refusal as dropped, not as an emission', async () => {
    const bus = makeBus();
    await rejectionOf(bus.emit('tick', 1, { timeoutMs: -1 }));
    await rejectionOf(bus.emit('tick', 1, { signal: AbortSignal.abort() }));
    await bus.close();
    await rejectionOf(bus.emit('tick'));
    expect(bus.inspect().counts).toMatchObject({ dropped: 3, emissions: 0, failures: 0, inFlight: 0 });
  });

  it('[16] tells observers what was dropped and why, and nothing of an emission', async () => {
    const bus = makeBus();
    const dropped: Dropped[] = [];
    const emissionStarted = vi.fn();
    const emissionSettled = vi.fn();
    bus.observe({ dropped: (fact) => dropped.push(fact), emissionStarted, emissionSettled });
    const payload = { id: 1 };
    const error = await rejectionOf(bus.emit('tick', payload, { timeoutMs: -1 }));
    const reason = new Error('not any more');
    await rejectionOf(bus.emit('tick', payload, { signal: AbortSignal.abort(reason) }));
    expect(dropped).toEqual([
      { type: 'tick', payload, error },
      { type: 'tick', payload, error: reason },
    ]);
    expect(emissionStarted).not.toHaveBeenCalled();
    expect(emissionSettled).not.toHaveBeenCalled();
  });

  it('[16] does not report a refusal that a promise rejects with', async () => {
    const onFailure = vi.fn();
    const bus = makeBus({ onFailure });
    await rejectionOf(bus.emit('tick', 1, { timeoutMs: -1 }));
    await promisesSettled();
    expect(onFailure).not.toHaveBeenCalled();
  });

  it('[16] reports a refused post by console.error where there is no onFailure', async () => {
    const write = vi.spyOn(console, 'error').mockImplementation(() => {});
    const bus = makeBus({ onFailure: undefined });
    await bus.close();
    expect(await uncaughtDuring(() => bus.post('tick'))).toEqual([]);
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('[16] takes undefined as options, and options that are all undefined', async () => {
    const bus = makeBus();
    const options = {
      mode: undefined,
      concurrency: undefined,
      timeoutMs: undefined,
      failurePolicy: undefined,
      signal: undefined,
      meta: undefined,
    };
    expect((await bus.emit('tick', 1, undefined)).ok).toBe(true);
    expect((await bus.emit('tick', 1, options)).ok).toBe(true);
  });

  it('[16] takes a concurrency of Infinity in sequential mode', async () => {
    const bus = makeBus();
    expect((await bus.emit('tick', 1, { mode: 'sequential', concurrency: Infinity })).ok).toBe(true);
  });
});
