// One process, one contestant, one case: `node --expose-gc measure.mjs CASE CONTESTANT`. Prints its
// samples as JSON. In a process of its own, because V8 optimises a function for everything that it has
// ever been given: who comes second would be measured with what the first one taught the engine.

import { cases } from './cases/index.mjs';
import { measureAwaited, measureSync } from './emitting.mjs';
import { measurePluginMemory, measureStarting, measureSwitching, measureWaiting } from './hosting.mjs';
import { measureInspecting } from './inspecting.mjs';
import { loadLibrary } from './libraries/index.mjs';
import { measureQueueing, measureQueueMemory, measureRate } from './queueing.mjs';
import { measureEmittingMeanwhile, measureReplacing } from './replacing.mjs';
import { measureStreaming } from './streaming.mjs';
import { measureMemory, measureSubscribing } from './subscribing.mjs';

const workloads = {
  sync: measureSync,
  awaited: measureAwaited,
  subscribing: measureSubscribing,
  memory: measureMemory,
  streaming: measureStreaming,
  inspecting: measureInspecting,
  queueing: measureQueueing,
  queueMemory: measureQueueMemory,
  rate: measureRate,
  starting: measureStarting,
  waiting: measureWaiting,
  switching: measureSwitching,
  pluginMemory: measurePluginMemory,
  replacing: measureReplacing,
  emittingMeanwhile: measureEmittingMeanwhile,
};

const [caseId, label] = process.argv.slice(2);
const measured = cases.find(({ id }) => id === caseId);
const contestant = measured?.contestants.find((one) => one.label === label);
if (contestant === undefined)
  throw new Error(`Expected a case and one of its contestants, got "${caseId}" and "${label}".`);

const library = await loadLibrary(contestant.library);
const samples = await workloads[measured.workload](library, measured.shape, contestant);
console.log(JSON.stringify(samples));
