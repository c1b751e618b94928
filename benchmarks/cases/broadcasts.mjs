import {
  ambus,
  ambusConcurrent,
  ambusHandle,
  compiled,
  compiledConcurrent,
  compiledHandle,
  compiledInPart,
  emitteryConcurrent,
  emitterySerial,
  eventemitter2Awaited,
  eventemitter3,
  hookableParallel,
  hookableSerial,
  nanoevents,
  syncPeers,
  tapableParallel,
  tapableSeries,
  tapableUnknowing,
} from '../contestants.mjs';
import { defineCase } from './define-case.mjs';

/** In every second event one of five handlers is async, at another place in each. */
const someAsync = (type, handler) => type % 2 === 0 && handler === (type / 2) % 5;
const everySecondAsync = (_type, handler) => handler % 2 === 1;
const allAsync = () => true;

const emitSync = { workload: 'sync', yardstick: eventemitter3 };
const awaitEmit = { workload: 'awaited', yardstick: tapableParallel };
const awaitInSequence = { workload: 'awaited', yardstick: tapableSeries };

const tapables = [tapableParallel, tapableUnknowing, tapableSeries];
const concurrentPeers = [emitteryConcurrent, hookableParallel];
const serialPeers = [emitterySerial, hookableSerial];

/** `of` against several peers, the same for each. */
const againstEach = (of, peers, atMost) => peers.map((peer) => [of, peer, atMost]);

export const broadcasts = [
  defineCase('sync-20x5', 'emitSync: 20 types with 5 sync handlers each, in turn', {
    ...emitSync,
    shape: { types: 20, handlers: 5 },
    contestants: [ambus, ambusHandle, compiled, compiledHandle, ...syncPeers],
    budgets: [
      [ambus, eventemitter3, 1.25],
      [ambusHandle, eventemitter3, 1.25],
      [compiled, eventemitter3, 0.35],
      [compiledHandle, eventemitter3, 0.35],
    ],
  }),
  defineCase('sync-1x1', 'emitSync: 1 type with 1 sync handler', {
    ...emitSync,
    shape: { types: 1, handlers: 1 },
    contestants: [ambus, ambusHandle, compiled, compiledHandle, ...syncPeers],
    budgets: [
      [ambus, eventemitter3, 1],
      [compiled, eventemitter3, 0.8],
      [ambusHandle, nanoevents, 2],
    ],
  }),
  defineCase('sync-1x10', 'emitSync: 1 type with 10 sync handlers', {
    ...emitSync,
    shape: { types: 1, handlers: 10 },
    contestants: [ambus, compiled, ...syncPeers],
    budgets: [
      [ambus, eventemitter3, 1.3],
      [compiled, eventemitter3, 0.2],
    ],
  }),
  defineCase('sync-1x100', 'emitSync: 1 type with 100 sync handlers', {
    ...emitSync,
    shape: { types: 1, handlers: 100 },
    contestants: [ambus, compiledInPart, ...syncPeers],
    budgets: [[ambus, eventemitter3, 1]],
  }),
  defineCase('await-sync-1x1', 'await emit: 1 type with 1 sync handler', {
    ...awaitEmit,
    shape: { types: 1, handlers: 1 },
    contestants: [ambus, compiled, ...tapables, ...concurrentPeers, ...serialPeers, eventemitter2Awaited],
    budgets: [[ambus, tapableParallel, 0.65], ...againstEach(ambus, [...concurrentPeers, ...serialPeers], 0.35)],
  }),
  defineCase('await-sync-1x10', 'await emit: 1 type with 10 sync handlers', {
    ...awaitEmit,
    shape: { types: 1, handlers: 10 },
    contestants: [ambus, compiled, ...tapables, ...concurrentPeers, ...serialPeers, eventemitter2Awaited],
    budgets: [[ambus, tapableParallel, 0.3], ...againstEach(ambus, [...concurrentPeers, ...serialPeers], 0.35)],
  }),
  defineCase(
    'await-some-async-20x5',
    'await emit: 20 types with 5 handlers each, one of them async in every second type, in turn',
    {
      ...awaitEmit,
      shape: { types: 20, handlers: 5, isAsync: someAsync },
      contestants: [
        ambus,
        ambusConcurrent,
        compiledInPart,
        compiledConcurrent,
        ...tapables,
        ...concurrentPeers,
        ...serialPeers,
        eventemitter2Awaited,
      ],
      budgets: [
        [ambus, tapableParallel, 0.9],
        [ambusConcurrent, tapableParallel, 0.9],
        ...againstEach(ambusConcurrent, concurrentPeers, 0.35),
        ...againstEach(ambus, serialPeers, 0.35),
      ],
    },
  ),
  defineCase('await-half-async-1x10', 'await emit, concurrent: 1 type with 10 handlers, half of them async', {
    ...awaitEmit,
    shape: { types: 1, handlers: 10, isAsync: everySecondAsync },
    contestants: [ambusConcurrent, compiledConcurrent, tapableParallel, ...concurrentPeers, eventemitter2Awaited],
    budgets: [[ambusConcurrent, tapableParallel, 0.8], ...againstEach(ambusConcurrent, concurrentPeers, 0.35)],
  }),
  defineCase('await-async-1x10', 'await emit, sequential: 1 type with 10 async handlers', {
    ...awaitInSequence,
    shape: { types: 1, handlers: 10, isAsync: allAsync },
    contestants: [ambus, compiledInPart, tapableSeries, ...serialPeers],
    budgets: [[ambus, tapableSeries, 0.95], ...againstEach(ambus, serialPeers, 0.55)],
  }),
  defineCase('await-async-1x1', 'await emit: 1 type with 1 async handler', {
    ...awaitInSequence,
    shape: { types: 1, handlers: 1, isAsync: allAsync },
    contestants: [ambus, tapableSeries, ...serialPeers, eventemitter2Awaited],
  }),
  defineCase('await-half-async-1x100', 'await emit, concurrent: 1 type with 100 handlers, half of them async', {
    ...awaitEmit,
    shape: { types: 1, handlers: 100, isAsync: everySecondAsync },
    contestants: [ambusConcurrent, tapableParallel, ...concurrentPeers, eventemitter2Awaited],
  }),
  defineCase('await-async-1x100', 'await emit, sequential: 1 type with 100 async handlers', {
    ...awaitInSequence,
    shape: { types: 1, handlers: 100, isAsync: allAsync },
    contestants: [ambus, tapableSeries, ...serialPeers],
  }),
];
