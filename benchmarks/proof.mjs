const turn = () => Promise.resolve();

/**
 * Proves that a contestant waits for its handlers, and in the order that it is entered with: one that
 * resolved too early, or ran side by side what should run in sequence, would look fast.
 */
export async function proveAwaiting(library, contestant) {
  const log = [];
  const slow = (name) => async () => {
    log.push(`${name} starts`);
    for (let turns = 0; turns < 10; turns += 1) await turn();
    log.push(`${name} ends`);
  };
  const handlers = ['a', 'b'].map((name) => ({ isAsync: true, run: slow(name) }));
  const { emits } = await library.emitAwaited({
    ...contestant,
    events: [{ type: 'proof.happened', pattern: 'proof.*', handlers }],
  });
  await emits[0]({ step: 1 });

  const expected = {
    sequential: 'a starts, a ends, b starts, b ends',
    concurrent: 'a starts, b starts, a ends, b ends',
  }[contestant.order];
  if (log.join(', ') !== expected) {
    throw new Error(`Expected "${contestant.label}" to run handlers as "${expected}", got "${log.join(', ')}".`);
  }
}

/** Proves that each handler was called exactly once by each emission. */
export function proveCounts(counts, emissions) {
  const wrong = counts.findIndex((count) => count !== emissions);
  if (wrong !== -1)
    throw new Error(`Expected handler ${wrong} to have been called ${emissions} times, got ${counts[wrong]}.`);
}
