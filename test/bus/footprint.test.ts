import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { EventBus } from '../../src/index.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  for (let n = 0; n < 3; n++) collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** By how much the heap has grown after so many rounds, when all that can go is gone. */
function growthOf(rounds: number, round: (n: number) => void): number {
  for (let n = 0; n < 10_000; n++) round(n);
  const before = heapBytes();
  for (let n = 0; n < rounds; n++) round(n);
  return heapBytes() - before;
}

// So many that what V8 makes for itself meanwhile, some hundred kilobytes, is little beside the limit.
const rounds = 240_000;
/** Less than one forgotten reference. */
const bytesPerRound = 5;

const cases: Record<string, (bus: EventBus, n: number) => void> = {
  'an exact subscription': (bus) => {
    const off = bus.on('tick', () => {});
    bus.emitSync('tick');
    off();
  },
  'a once': (bus) => {
    bus.once('tick', () => {});
    bus.emitSync('tick');
  },
  'a list subscription': (bus) => {
    const off = bus.on(['tick', 'tock'], () => {});
    bus.emitSync('tick');
    off();
  },
  'a group': (bus) => {
    const group = bus.group('request');
    group.on('tick', () => {});
    bus.emitSync('tick');
    group.remove();
  },
  'an event under a name of its own': (bus, n) => {
    bus.emitSync(`passing.${n}`);
  },
};

it.each(Object.entries(cases))('keeps nothing of what came and went: %s', (_, round) => {
  const bus = new EventBus();
  expect(growthOf(rounds, (n) => round(bus, n))).toBeLessThan(rounds * bytesPerRound);
  expect(bus.handlerCount()).toBe(0);
});
