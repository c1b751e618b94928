import { readClock } from './stopwatch.mjs';

const SLICES = 12;
/** Long enough that each slice has its share of collecting garbage, however many subscriptions there are. */
const SUBSCRIPTIONS_PER_SLICE = 100_000;

/**
 * Measures what it costs to look at a bus with many subscriptions.
 *
 * @returns ns per subscription, one sample for each slice.
 */
export function measureInspecting(library, _shape, contestant) {
  const { inspect, count } = library.inspecting(contestant);
  const { subscriptions } = contestant;
  const turns = SUBSCRIPTIONS_PER_SLICE / subscriptions;
  const time = () => {
    const start = readClock();
    // Dropped at once, as a snapshot that is still held while the next is taken is work for the garbage collector.
    for (let turn = 1; turn < turns; turn += 1) inspect();
    const snapshot = inspect();
    const elapsedMs = readClock() - start;
    if (count(snapshot) !== subscriptions) {
      throw new Error(`Expected to see ${subscriptions} subscriptions, got ${count(snapshot)}.`);
    }
    return (elapsedMs * 1e6) / (turns * subscriptions);
  };
  for (let slice = 0; slice < SLICES; slice += 1) time();
  return Array.from({ length: SLICES }, time);
}
