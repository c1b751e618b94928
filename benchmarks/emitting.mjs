import { makeEvents } from './generated.mjs';
import { proveAwaiting, proveCounts } from './proof.mjs';
import { readClock } from './stopwatch.mjs';

/** Long, because the engine is: optimised code for many call sites settles only after 100 to 200 ms. */
const WARM_UP_MS = 200;
/** Also a number of emissions: generated dispatchers start after some thousands, whatever the time. */
const WARM_UP_EMISSIONS = 5_000;
const SLICES = 12;
const SLICE_MS = 10;

/** More than one, so that the engine can't take the payload for a constant. */
const payloads = Array.from({ length: 8 }, () => ({ step: 1 }));

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
async function measureEmissions({ emits, check }, counts, loops) {
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
  while (warmedMs < WARM_UP_MS || turnsDone < WARM_UP_EMISSIONS) {
    const elapsedMs = await time(turnsPerSlice);
    warmedMs += elapsedMs;
    // At most doubled: the first loops, not yet optimised, say little about the later ones.
    turnsPerSlice = Math.ceil(turnsPerSlice * Math.min(2, SLICE_MS / elapsedMs));
  }
  proveCounts(counts, turnsDone);

  // No forced collection here: it throws away what optimised code relies on, and the slices after it are slow.
  const samples = [];
  for (let slice = 0; slice < SLICES; slice += 1) {
    const elapsedMs = await time(turnsPerSlice);
    samples.push((elapsedMs * 1e6) / (turnsPerSlice * emits.length));
  }
  proveCounts(counts, turnsDone);
  check?.();
  return samples;
}

export async function measureSync(library, shape, contestant) {
  const { events, counts } = makeEvents(shape);
  const emitter = await library.emitSync({ ...contestant, events });
  return measureEmissions(emitter, counts, [loopOverOne, loopOverMany]);
}

export async function measureAwaited(library, shape, contestant) {
  const { events, counts } = makeEvents(shape);
  const emitter = await library.emitAwaited({ ...contestant, events });
  const samples = await measureEmissions(emitter, counts, [awaitOverOne, awaitOverMany]);
  // Afterwards, so that the proof leaves no type feedback in what is measured.
  await proveAwaiting(library, contestant);
  return samples;
}
