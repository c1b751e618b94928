/** The labels of runs: the emission's, then the function's, numbered where it runs there again. */
export class Labels {
  readonly #runs = new Map<string, number>();

  label(emission: string, fn: string): string {
    const label = `${emission}>${fn}`;
    const earlier = this.#runs.get(label) ?? 0;
    this.#runs.set(label, earlier + 1);
    return earlier === 0 ? label : `${label}~${earlier}`;
  }
}

/** What a subscription is called; free of the `>` that counts how deep a run is. */
export function subscriptionName(label: string): string {
  return `h(${label.replaceAll('>', '/')})`;
}
