import {
  ambus,
  ambusConcurrent,
  compiled,
  compiledConcurrent,
  compiledInPart,
  hookableCollecting,
  hookableParallel,
  loopByHand,
  onionByHand,
  promiseAllByHand,
  tapableAsyncWaterfall,
  tapableBail,
  tapableWaterfall,
} from '../contestants.mjs';
import { defineCase } from './define-case.mjs';

const everySecondAsync = (_type, handler) => handler % 2 === 1;
const allAsync = () => true;

/** Events whose handlers answer, and callers that read the answer. */
export const kinds = [
  defineCase('waterfall-20x5', 'emitSync, waterfall: 20 types with 5 sync handlers each, in turn', {
    workload: 'sync',
    shape: { kind: 'waterfall', types: 20, handlers: 5 },
    yardstick: tapableWaterfall,
    contestants: [ambus, compiled, tapableWaterfall, loopByHand],
    budgets: [
      [ambus, tapableWaterfall, 2.2],
      [compiled, tapableWaterfall, 1],
    ],
  }),
  defineCase('waterfall-async-1x10', 'await emit, waterfall: 1 type with 10 async handlers', {
    workload: 'awaited',
    shape: { kind: 'waterfall', types: 1, handlers: 10, isAsync: allAsync },
    yardstick: tapableAsyncWaterfall,
    contestants: [ambus, compiledInPart, tapableAsyncWaterfall, loopByHand],
  }),
  defineCase('first-20x5', 'emitSync, first: 20 types with 5 sync handlers each, of which the third answers, in turn', {
    workload: 'sync',
    shape: { kind: 'first', types: 20, handlers: 5, answering: 2 },
    yardstick: tapableBail,
    contestants: [ambus, compiled, tapableBail, loopByHand],
  }),
  defineCase('collect-20x5', 'emitSync, collect: 20 types with 5 sync handlers each, in turn', {
    workload: 'sync',
    shape: { kind: 'collect', types: 20, handlers: 5 },
    yardstick: hookableCollecting,
    contestants: [ambus, compiled, hookableCollecting, loopByHand],
  }),
  defineCase('collect-half-async-1x10', 'await emit, concurrent collect: 1 type with 10 handlers, half of them async', {
    workload: 'awaited',
    shape: { kind: 'collect', types: 1, handlers: 10, isAsync: everySecondAsync },
    yardstick: hookableParallel,
    contestants: [ambusConcurrent, compiledConcurrent, hookableParallel, promiseAllByHand],
  }),
  defineCase('around-20x3', 'emitSync, around: 20 types with 3 sync handlers each and a core, in turn', {
    workload: 'sync',
    shape: { kind: 'around', types: 20, handlers: 3 },
    yardstick: onionByHand,
    contestants: [ambus, onionByHand],
  }),
  defineCase('around-async-20x3', 'await emit, around: 20 types with 3 async handlers each and a core, in turn', {
    workload: 'awaited',
    shape: { kind: 'around', types: 20, handlers: 3, isAsync: allAsync },
    yardstick: onionByHand,
    contestants: [ambus, onionByHand],
  }),
];
