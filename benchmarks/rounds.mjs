import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { budgeted } from './cases/index.mjs';
import { summarise } from './statistics.mjs';

const measure = fileURLToPath(new URL('measure.mjs', import.meta.url));
const PROCESS_TIMEOUT_MS = 120_000;
/** In how many rounds those take part that no budget names: one in so many. */
const COMPARISON_EVERY = 5;

/**
 * Measures in a fresh process and takes its least disturbed slice: other work on the machine only ever
 * adds to what is measured.
 */
async function measureOnce(caseId, label) {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', measure, caseId, label], {
    timeout: PROCESS_TIMEOUT_MS,
  });
  return Math.min(...JSON.parse(stdout));
}

/** What a failed process had to say, in a line. */
function reasonOf(error) {
  if (error.killed) return `took longer than ${PROCESS_TIMEOUT_MS} ms`;
  const lines = String(error.stderr ?? error.message)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  // Whoever fails in each of a million emissions may have said so each time.
  return (lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[0] ?? 'ended without a word').slice(0, 300);
}

function judge({ of, against, atMost }, entries) {
  const medianOf = (wanted) => entries.find(({ label }) => label === wanted)?.median;
  // Against nothing, a budget is a figure in the unit of the case.
  const ratio = medianOf(of) / (against === null ? 1 : medianOf(against));
  // Nothing to compare where one of them failed.
  return { of, against, atMost, ratio: Number.isNaN(ratio) ? null : ratio, met: ratio <= atMost };
}

/**
 * Measures one case in rounds, everyone once in each, so that what disturbs the machine for a while
 * disturbs all alike. Those that no budget names sit out most rounds.
 *
 * @param measured - The case.
 * @param options - `rounds`, `peers`, and `onProcess(label, round)`, called before each process.
 * @returns The case's results, ready for JSON.
 */
export async function runCase(measured, { rounds, peers, onProcess }) {
  const inBudget = budgeted(measured);
  const contestants = peers === 'budget' ? inBudget : measured.contestants;
  const entries = contestants.map(({ label, row = label }) => ({ label, row, samples: [], failure: null }));

  for (let round = 0; round < rounds; round += 1) {
    for (const [index, entry] of entries.entries()) {
      const sitsOut = round % COMPARISON_EVERY !== 0 && !inBudget.includes(contestants[index]);
      if (sitsOut || entry.failure !== null) continue;
      onProcess(entry.label, round);
      try {
        entry.samples.push(await measureOnce(measured.id, entry.label));
      } catch (error) {
        entry.failure = reasonOf(error);
      }
    }
  }

  const settled = entries.map((entry) => (entry.failure === null ? { ...entry, ...summarise(entry.samples) } : entry));
  return {
    id: measured.id,
    title: measured.title,
    unit: measured.unit,
    yardstick: measured.yardstick,
    contestants: settled,
    budgets: measured.budgets.map((one) => judge(one, settled)),
  };
}
