/** Proves that what has been stopped hears nothing. */
export function proveSilence(calls) {
  if (calls !== 0) throw new Error(`Expected no handler to be called after the end, got ${calls} calls.`);
}

function proveOnce(counts, what) {
  const wrong = counts.findIndex((count) => count !== 1);
  if (wrong !== -1) throw new Error(`Expected plugin${wrong} to be ${what} once, got ${counts[wrong]} times.`);
}

/**
 * Proves that each plugin was set up and torn down once, after those that it requires had succeeded, and before they
 * went; that each one's handler was heard; and that none is any more.
 */
export function proveLives(graph, log, heard) {
  proveOnce(log.setups, 'set up');
  proveOnce(log.teardowns, 'torn down');
  for (const [index, required] of graph.entries()) {
    for (const other of required) {
      if (log.begun[index] < log.ready[other]) {
        throw new Error(`Expected plugin${other} to be ready when plugin${index}, which requires it, is set up.`);
      }
      if (log.tornDown[index] > log.tornDown[other]) {
        throw new Error(`Expected plugin${other} to go after plugin${index}, which requires it.`);
      }
    }
  }
  if (heard !== graph.length) throw new Error(`Expected ${graph.length} handlers to be called, got ${heard}.`);
  proveSilence(log.calls - heard);
}

/**
 * Proves that setups overlap where a contestant says so, as far as they don't require each other; and that they don't
 * where it says that they run one after the other.
 */
export function proveOverlap(graph, log, setting) {
  // Those that require nothing can all begin at once.
  const atLeast = setting.order === 'concurrent' ? graph.filter((required) => required.length === 0).length : 1;
  const atMost = setting.order === 'concurrent' ? graph.length : 1;
  if (log.mostRunning < atLeast || log.mostRunning > atMost) {
    throw new Error(
      `Expected "${setting.label}" to set up ${atLeast} to ${atMost} plugins at a time, got ${log.mostRunning}.`,
    );
  }
}
