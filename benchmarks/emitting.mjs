import { makeEvents, payloads } from './generated.mjs';
import { proveAnswers, proveAwaiting, proveCounts } from './proof.mjs';
import { readClock } from './stopwatch.mjs';

/** Long, because the engine is: optimised code for many call sites settles only after 100 to 200 ms. */
const WARM_UP_MS = 200;
/** What is generated for handlers that answer is more, and the time of the threads that optimise it counts. */
const ANSWERING_WARM_UP_MS = 600;
/** Also a number of emissions: generated dispatchers start after some thousands, whatever the time. */
const WARM_UP_EMISSIONS = 5_000;
const SLICES = 12;
const SLICE_MS = 10;

/** One loop for one event, where the call may be inlined as in a hot loop of an application. */
function loopOverOne(emit, turns) {
  for (let turn = 0; turn < turns; turn += 1) emit(payloads[turn & 7]);
}

/** One loop for many events, in turn. */
function loopOverMany(emits, turns) {
  for (let turn = 0; turn < turns; turn += 1) {
    for (let index = 0; index < emits.length; index += 1) emits[index](payloads[turn & 7]);
  }
}

async function awaitOverOne(emit, turns) {
  for (let turn = 0; turn < turns; turn += 1) await emit(payloads[turn & 7]);
}

async function awaitOverMany(emits, turns) {
  for (let turn = 0; turn < turns; turn += 1) {
    for (let index = 0; index < emits.length; index += 1) await emits[index](payloads[turn & 7]);
  }
}

/**
 * Measures what one emission costs.
 *
 * @returns ns per emission, one sample for each slice.
 */
async function measureEmissions(emitter, work, loops) {
  const { emits, check } = emitter;
  const warmUpMs = work.isAnswered ? ANSWERING_WARM_UP_MS : WARM_UP_MS;
  const [one, many] = loops;
  const loop = emits.length === 1 ? (turns) => one(emits[0], turns) : (turns) => many(emits, turns);
  let turnsDone = 0;
  const time = async (turns) => {
    const start = readClock();
    // Awaiting what a synchronous loop returned costs a microtask, once for each slice.
    await loop(turns);
    const elapsedMs = readClock() - start;
    turnsDone += turns;
    return elapsedMs;
  };

  let turnsPerSlice = 1;
  let warmedMs = 0;
  while (warmedMs < warmUpMs || turnsDone < WARM_UP_EMISSIONS) {
    const elapsedMs = await time(turnsPerSlice);
    warmedMs += elapsedMs;
    // At most doubled: the first loops, not yet optimised, say little about the later ones.
    turnsPerSlice = Math.ceil(turnsPerSlice * Math.min(2, SLICE_MS / elapsedMs));
  }
  proveCounts(work, turnsDone);

  // No forced collection here: it throws away what optimised code relies on, and the slices after it are slow.
  const samples = [];
  for (let slice = 0; slice < SLICES; slice += 1) {
    const elapsedMs = await time(turnsPerSlice);
    samples.push((elapsedMs * 1e6) / (turnsPerSlice * emits.length));
  }
  proveCounts(work, turnsDone);
  check?.(turnsDone * emits.length);
  return samples;
}

export async function measureSync(library, shape, contestant) {
  const work = makeEvents(shape, contestant);
  const emitter = await library.emitSync({ ...contestant, kind: shape.kind, events: work.events });
  const samples = await measureEmissions(emitter, work, [loopOverOne, loopOverMany]);
  if (work.isAnswered) await proveAnswers(emitter, work, payloads);
  return samples;
}

export async function measureAwaited(library, shape, contestant) {
  const work = makeEvents(shape, contestant);
  const emitter = await library.emitAwaited({ ...contestant, kind: shape.kind, events: work.events });
  const samples = await measureEmissions(emitter, work, [awaitOverOne, awaitOverMany]);
  // Afterwards, so that the proofs leave no type feedback in what is measured.
  if (work.isAnswered) await proveAnswers(emitter, work, payloads);
  await proveAwaiting(library, contestant, shape.kind);
  return samples;
}
