import { callSite, makeEvents, payloads } from './generated.mjs';
import { proveCounts, takeTurns } from './proof.mjs';

const TYPES = 20;
const HANDLERS = 5;
/** Which of the handlers of each event is replaced: the one in the middle. */
const REPLACED = 2;
/** Prepared versions of what is replaced, taken in turn: to make new code each time would be what is measured. */
const VERSIONS = 4;
/** An emission of this one is under way at each replacement, where the contestant says so. */
const SLOW = 'slow.happened';

const WARM_UP_MS = 500;
/** Many short ones, as time on the wall has the turns of other programs in it: in some of them there are none. */
const SLICES = 60;
const SLICE_MS = 4;
/** How the emissions are spread over a replacement: so many bursts, and after each so many turns of the microtask queue. */
const BURSTS = 5;
const TURNS_PER_BURST = 5;
/** Within so many turns a replacement is over that has nothing to wait for. */
const MOST_TURNS = 100;

async function letTurnsPass(turns) {
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
}

/** Plugins by position: the handler at that place of each event, and with them one that takes its time. */
function makePlugins() {
  const work = makeEvents({ types: TYPES, handlers: HANDLERS });
  const slow = { calls: 0 };
  const replaceable = [
    work,
    ...Array.from({ length: VERSIONS - 1 }, () => makeEvents({ types: TYPES, handlers: HANDLERS })),
  ];
  const handlersAt = ({ events }, place) => events.map(({ type, handlers }) => ({ type, run: handlers[place].run }));
  const takeTime = async (payload) => {
    slow.calls += payload.step;
    await takeTurns();
  };
  const versions = replaceable.map((version) => [...handlersAt(version, REPLACED), { type: SLOW, run: takeTime }]);
  const plugins = Array.from({ length: HANDLERS }, (_, place) => ({
    name: `plugin${place}`,
    handlers: place === REPLACED ? versions[0] : handlersAt(work, place),
  }));
  return { work, replaceable, plugins, versions, slow };
}

/**
 * Proves that each emission was heard once by each plugin, and once by one of the versions of the one that was
 * replaced; and that each version had its turn.
 */
function proveExactlyOne({ work, replaceable, slow }, emissions, { replacements, slowEmissions }) {
  const counts = work.counts.slice();
  for (let index = REPLACED; index < counts.length; index += HANDLERS) {
    counts[index] = replaceable.reduce((sum, version) => sum + version.counts[index], 0);
  }
  proveCounts({ counts, isReached: () => true }, emissions);
  const idle = replaceable.findIndex((version) => version.counts[REPLACED] === 0);
  if (replacements >= VERSIONS && idle !== -1) throw new Error(`Expected version ${idle} to be called, got no call.`);
  if (slow.calls !== slowEmissions) throw new Error(`Expected ${slowEmissions} slow calls, got ${slow.calls}.`);
}

/** Proves that nothing is waited for that doesn't run: what it takes is the work of the processor, and no timer. */
async function proveNoWait(replace, version) {
  let isOver = false;
  const replaced = replace(`plugin${REPLACED}`, version).then(() => {
    isOver = true;
  });
  await letTurnsPass(MOST_TURNS);
  if (!isOver) throw new Error('Expected a replacement to be over that has nothing to wait for.');
  await replaced;
}

/**
 * Replaces one of five plugins over and over while events are emitted. The stretches are short, so that their time is
 * that on the wall: to read the processor time takes longer than some of them.
 *
 * @param setting - `emissionsEach`, how many emissions there are for each replacement; `isIdle` where nothing is
 *   replaced; `isUnderWay` where an emission is under way each time; `others`, how many plugins there are besides.
 * @returns A sample for each slice: ns per replacement, without the emissions; and ns per emission.
 */
async function runUnderLoad(library, setting) {
  const { emissionsEach, isIdle = false, isUnderWay = false } = setting;
  const made = makePlugins();
  const { bus, replace, stop } = await library.replacing({ ...setting, plugins: made.plugins });
  const sites = made.work.events.map(({ type }) => callSite({ bus }, `bus.emitSync('${type}', payload)`));
  const roundsPerBurst = emissionsEach / (BURSTS * TYPES);
  let replacements = 0;
  let emissions = 0;
  let slowEmissions = 0;

  const emitBurst = () => {
    const start = performance.now();
    for (let round = 0; round < roundsPerBurst; round += 1) {
      const payload = payloads[round & 7];
      for (let type = 0; type < TYPES; type += 1) sites[type](payload);
    }
    emissions += roundsPerBurst;
    return performance.now() - start;
  };
  const replaceOnce = async () => {
    const underWay = isUnderWay ? bus.emit(SLOW, payloads[0]) : undefined;
    if (isUnderWay) slowEmissions += 1;
    let emittedMs = 0;
    const start = performance.now();
    const replaced = isIdle ? undefined : replace(`plugin${REPLACED}`, made.versions[(replacements + 1) % VERSIONS]);
    if (emissionsEach > 0) {
      for (let burst = 0; burst < BURSTS; burst += 1) {
        emittedMs += emitBurst();
        await letTurnsPass(TURNS_PER_BURST);
      }
    }
    await replaced;
    if (!isIdle) replacements += 1;
    const elapsedMs = performance.now() - start;
    await underWay;
    return { elapsedMs, emittedMs };
  };
  const runSlice = async (turns) => {
    let elapsedMs = 0;
    let emittedMs = 0;
    for (let turn = 0; turn < turns; turn += 1) {
      const one = await replaceOnce();
      elapsedMs += one.elapsedMs;
      emittedMs += one.emittedMs;
    }
    return { elapsedMs, emittedMs };
  };

  let turns = 1;
  let warmedMs = 0;
  while (warmedMs < WARM_UP_MS) {
    const { elapsedMs } = await runSlice(turns);
    warmedMs += elapsedMs;
    turns = Math.ceil(turns * Math.min(2, SLICE_MS / elapsedMs));
  }
  const samples = [];
  for (let slice = 0; slice < SLICES; slice += 1) {
    const { elapsedMs, emittedMs } = await runSlice(turns);
    samples.push({
      perReplacement: ((elapsedMs - emittedMs) * 1e6) / turns,
      perEmission: (emittedMs * 1e6) / (turns * emissionsEach),
    });
  }
  if (emissionsEach > 0) proveExactlyOne(made, emissions, { replacements, slowEmissions });
  if (!isIdle) await proveNoWait(replace, made.versions[0]);
  await stop();
  const heard = made.work.counts.slice();
  for (const site of sites) site(payloads[0]);
  if (made.work.counts.some((count, index) => count !== heard[index])) {
    throw new Error('Expected no handler to be called after the end.');
  }
  return samples;
}

/** @returns ns per replacement, besides the emissions meanwhile. */
export async function measureReplacing(library, shape, contestant) {
  const samples = await runUnderLoad(library, { ...shape, ...contestant });
  return samples.map(({ perReplacement }) => perReplacement);
}

/** @returns ns per emission, besides the replacements meanwhile. */
export async function measureEmittingMeanwhile(library, shape, contestant) {
  const samples = await runUnderLoad(library, { ...shape, ...contestant });
  return samples.map(({ perEmission }) => perEmission);
}
