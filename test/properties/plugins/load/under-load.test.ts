import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { runs, TIMEOUT_MS } from '../../run-count.js';
import type { MakeHost } from './hot-host.js';
import { Load, type LoadPlan } from './load.js';

import { realHost } from './real-host.js';
import { FAULTS, SimpleHost } from './simple-host.js';

/** How many emissions it takes to find out a fault. */
const FEW_EMISSIONS = 3_000;

function loads(emissions: number): fc.Arbitrary<LoadPlan> {
  const load = fc.record({
    seed: fc.integer(),
    plugins: fc.integer({ min: 2, max: 8 }),
    emissions: fc.constant(emissions),
    mode: fc.constantFrom('sequential', 'concurrent', 'tiered'),
    observed: fc.boolean(),
    compiled: fc.boolean(),
  });
  // A smaller seed is no smaller load.
  return fc.noShrink(fc.noBias(load));
}

/** @param counts - Gets how often what happened. */
function noViolations(emissions: number, makeHost: MakeHost, counts = new Map<string, number>()) {
  return fc.asyncProperty(loads(emissions), async (plan) => {
    const report = await new Load(plan, makeHost).run();
    for (const [what, count] of Object.entries(report.counts)) counts.set(what, (counts.get(what) ?? 0) + count);
    expect(report.violations).toEqual([]);
  });
}

describe('plugins that are changed while 10,000 emissions run', () => {
  beforeEach(() => {
    // Plugins wish to come before others that are not there at the moment.
    vi.spyOn(console, 'warn').mockReturnValue();
  });

  it(
    'are called as long as they are there, one instance by each emission, and leave nothing behind',
    async () => {
      const counts = new Map<string, number>();
      await fc.assert(noViolations(10_000, realHost, counts), runs(0.01));
      // All that it is about has happened.
      for (const what of ['disable', 'enable', 'replace', 'remove', 'add', 'called the old one']) {
        expect(counts.get(what) ?? 0, what).toBeGreaterThan(0);
      }
    },
    TIMEOUT_MS,
  );

  it(
    'are so too in a host as simple as can be, on which the following are based',
    async () => {
      await fc.assert(
        noViolations(FEW_EMISSIONS, (bus, clock) => new SimpleHost(bus, clock)),
        runs(0.01),
      );
    },
    TIMEOUT_MS,
  );

  for (const fault of FAULTS) {
    it(
      `find out a host that ${fault}`,
      async () => {
        const property = noViolations(FEW_EMISSIONS, (bus, clock) => new SimpleHost(bus, clock, fault));
        const { failed } = await fc.check(property, { seed: 1, numRuns: 20, endOnFailure: true });
        expect(failed).toBe(true);
      },
      TIMEOUT_MS,
    );
  }
});
