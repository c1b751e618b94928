import { payloads } from './generated.mjs';
import { readClock } from './stopwatch.mjs';

const WARM_UP_MS = 200;
const ROUNDS = 5;
/** No further round after this: who is slow is measured in fewer. */
const MAX_MS = 2_000;

/**
 * Emits in bursts, and the next one when the last has been read, so that its first event comes to a
 * reader who waits and the others have to be kept for him.
 *
 * @param caughtUp - Returns a promise that fulfils when the reader has read all.
 */
async function emitAll(emit, { events, burst }, caughtUp) {
  for (let sent = 0; sent < events; sent += burst) {
    for (let index = sent; index < sent + burst; index += 1) emit(payloads[index & 7]);
    await caughtUp();
  }
}

/** Reads a stream to its last event, and proves that each came, in its place. */
async function readAll(stream, payloadOf, { events, burst }, onCaughtUp) {
  let read = 0;
  for await (const item of stream) {
    if (payloadOf(item) !== payloads[read & 7])
      throw new Error(`Expected event ${read} in its place, got another one.`);
    read += 1;
    if (read % burst === 0) onCaughtUp();
    if (read === events) break;
  }
  if (read !== events) throw new Error(`Expected ${events} events, got ${read}.`);
}

/** @returns What one stream took, from its opening to its end, in milliseconds. */
async function runOnce({ emit, open, payloadOf }, shape) {
  let wake;
  const caughtUp = () =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const start = readClock();
  const reading = readAll(open(), payloadOf, shape, () => wake());
  await Promise.all([emitAll(emit, shape, caughtUp), reading]);
  return readClock() - start;
}

/**
 * Measures what an event costs from the place that emits it to the loop that reads it.
 *
 * @returns ns per event, one sample for each stream.
 */
export async function measureStreaming(library, shape, contestant) {
  const emitter = library.streaming({ ...contestant, burst: shape.burst });
  let warmedMs = 0;
  while (warmedMs < WARM_UP_MS) warmedMs += await runOnce(emitter, shape);
  const samples = [];
  let measuredMs = 0;
  while (samples.length < ROUNDS && measuredMs < MAX_MS) {
    const elapsedMs = await runOnce(emitter, shape);
    measuredMs += elapsedMs;
    samples.push((elapsedMs * 1e6) / shape.events);
  }
  return samples;
}
