/** How many programs a property is tried on, unless the environment asks for more: `PROPERTY_RUNS=20000`. */
const RUNS = 300;

/**
 * The parameters of a property. By default the programs are the same every time, so that a change is judged
 * by itself; `PROPERTY_RUNS` tries others. fast-check prints the seed of one that fails, and
 * `PROPERTY_SEED` takes it.
 *
 * @param part - How many of the usual runs are enough for it, from 0 to 1.
 */
export function runs(part = 1): { numRuns: number; seed?: number } {
  const { PROPERTY_RUNS, PROPERTY_SEED } = process.env;
  const numRuns = Math.ceil(Number(PROPERTY_RUNS ?? RUNS) * part);
  if (PROPERTY_SEED !== undefined) return { numRuns, seed: Number(PROPERTY_SEED) };
  return PROPERTY_RUNS === undefined ? { numRuns, seed: 1 } : { numRuns };
}

/** How long a test may take: as long as it takes, where the environment asks for more runs. */
export const TIMEOUT_MS = process.env['PROPERTY_RUNS'] === undefined ? 60_000 : 3_600_000;
