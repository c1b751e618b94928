/** The smallest value that at least `share` of them don't exceed, to the microsecond. */
export function percentile(sorted: readonly number[], share: number): number {
  return Number((sorted[Math.ceil(sorted.length * share) - 1] ?? 0).toFixed(3));
}
