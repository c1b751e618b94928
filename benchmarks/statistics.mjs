/** The value below which a share of the sorted samples lies, with linear interpolation between two of them. */
function quantile(sorted, share) {
  const position = (sorted.length - 1) * share;
  const below = Math.floor(position);
  const above = Math.ceil(position);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

/**
 * What is quoted of a row of samples. Medians and quartiles, because disturbances of a shared machine
 * only ever make a sample slower: they drag an average along and leave a median where it is.
 */
export function summarise(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  return { median: quantile(sorted, 0.5), p25: quantile(sorted, 0.25), p75: quantile(sorted, 0.75) };
}

/** The median of some samples. */
export function median(samples) {
  return summarise(samples).median;
}
