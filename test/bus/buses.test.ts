import { expect, it } from 'vitest';
import { describeBothBuses } from './buses.js';

describeBothBuses((makeBus) => {
  // What the suites that run over both buses rely on: without this they would test the loop twice.
  it('dispatches by generated code where it says so, from the first emission on', () => {
    const bus = makeBus();
    bus.on('tick', () => {
      throw new Error('boom');
    });
    bus.emitSync('tick');
    const { compiler, events } = bus.inspect();
    expect(events.map(({ compiled }) => compiled)).toEqual([compiler !== undefined]);
  });
});
