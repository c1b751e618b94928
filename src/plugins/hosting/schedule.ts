/** Where a node of a schedule is. */
interface Scheduled<Node> {
  readonly node: Node;
  /** How many of those that it waits for have not ended. */
  missing: number;
  readonly followers: Scheduled<Node>[];
}

/**
 * Runs something for each node, as soon as it has ended for all that the node waits for: at the same time where it can,
 * and within this tick as far as nothing is asynchronous.
 *
 * @param nodes - Each after those that it waits for.
 * @param waitsFor - Those of them that a node waits for.
 * @param run - Must neither throw nor reject.
 */
export function schedule<Node>(
  nodes: readonly Node[],
  waitsFor: (node: Node) => Iterable<Node>,
  run: (node: Node) => void | Promise<void>,
): void | Promise<void> {
  const all = new Map<Node, Scheduled<Node>>();
  for (const node of nodes) {
    const scheduled: Scheduled<Node> = { node, missing: 0, followers: [] };
    for (const other of waitsFor(node)) {
      const earlier = all.get(other);
      if (earlier === undefined) continue;
      earlier.followers.push(scheduled);
      scheduled.missing++;
    }
    all.set(node, scheduled);
  }
  let left = nodes.length;
  let finished: (() => void) | undefined;
  /** Those that were waiting for nothing but this one. */
  const ended = ({ followers }: Scheduled<Node>): Scheduled<Node>[] => {
    left--;
    return followers.filter((follower) => --follower.missing === 0);
  };
  // Neither this nor the loop below is recursive: a chain of synchronous ones may be long.
  const goOn = (ready: Scheduled<Node>[]): void => {
    for (const scheduled of ready) ready.push(...begin(scheduled));
    if (left === 0) finished?.();
  };
  const begin = (scheduled: Scheduled<Node>): Scheduled<Node>[] => {
    const promise = run(scheduled.node);
    if (promise === undefined) return ended(scheduled);
    void promise.then(() => {
      goOn(ended(scheduled));
    });
    return [];
  };
  // In their order: whatever a synchronous one lets begin comes later.
  for (const scheduled of all.values()) if (scheduled.missing === 0) begin(scheduled);
  if (left === 0) return undefined;
  return new Promise((resolve) => {
    finished = resolve;
  });
}
