/** How many programs a property is tried on, unless the environment asks for more: `PROPERTY_RUNS=20000`. */
const RUNS = 300;

/** The parameters of a property. fast-check prints the seed of one that fails, and `PROPERTY_SEED` takes it. */
export function runs(): { numRuns: number; seed?: number } {
  const { PROPERTY_RUNS, PROPERTY_SEED } = process.env;
  const numRuns = Number(PROPERTY_RUNS ?? RUNS);
  return PROPERTY_SEED === undefined ? { numRuns } : { numRuns, seed: Number(PROPERTY_SEED) };
}

/** How long a test may take: as long as it takes, where the environment asks for more runs. */
export const TIMEOUT_MS = process.env['PROPERTY_RUNS'] === undefined ? 60_000 : 3_600_000;
