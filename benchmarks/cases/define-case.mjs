/** What each workload's figures count. */
const units = {
  sync: 'ns per emission',
  awaited: 'ns per emission',
  subscribing: 'ns per subscription',
  memory: 'bytes per subscription',
  streaming: 'ns per event',
  inspecting: 'ns per subscription',
  queueing: 'ns per event',
  queueMemory: 'bytes per waiting event',
  rate: 'of the shortest time',
  starting: 'ns per plugin',
  waiting: 'of the shortest time',
  switching: 'ns per dependant',
  pluginMemory: 'bytes per plugin',
  replacing: 'ns per replacement',
  emittingMeanwhile: 'ns per emission',
};

/**
 * Writes a case out in full.
 *
 * @param id - Names it on the command line.
 * @param title - What the table is headed with.
 * @param workload - The way to measure it.
 * @param shape - The work: how many types, handlers, subscriptions, ...
 * @param contestants - Who takes part. Ratios are against the `yardstick`, those of budgets against the
 *   peer that the budget names; contestants that no budget names are there for comparison.
 * @param budgets - `[of, against, atMost]`: `of` may take at most `atMost` times what `against` takes, or
 *   `atMost` itself, in the unit of the case, where `against` is null.
 */
export function defineCase(id, title, { workload, shape, contestants, yardstick, budgets = [] }) {
  return {
    id,
    title,
    unit: units[workload],
    workload,
    shape,
    contestants,
    yardstick: yardstick.label,
    budgets: budgets.map(([of, against, atMost]) => ({ of: of.label, against: against?.label ?? null, atMost })),
  };
}

/** The same contestant once more: how far its ratio is from 1 is the error of every other ratio. */
export const again = (contestant) => ({ ...contestant, label: `${contestant.label}, again`, isControl: true });

/** A contestant with settings of its own, beside or instead of those of the case; not for the tables of the README. */
export const variant = (contestant, label, rest) => ({
  ...contestant,
  row: null,
  label: `${contestant.label}: ${label}`,
  ...rest,
});
