/** What {@link inOrder} finds. */
export interface Ordered<Node> {
  /** Each node after those that come before it; where that leaves a choice, in the order in which they were given. */
  readonly order: readonly Node[];
  /** Ways that lead back to where they began, each once: what comes first is last once more. */
  readonly cycles: readonly (readonly Node[])[];
}

interface Step<Node> {
  readonly node: Node;
  readonly rest: Iterator<Node>;
}

/**
 * Puts nodes in order, depth first: each as early as it was given, with those that have to come before it pulled to
 * just before it. (Depth-first topological sort, after Tarjan, 1976; without recursion, as chains may be long.)
 *
 * @param nodes - In the order that is kept where nothing speaks against it.
 * @param before - Those that have to come before a node.
 */
export function inOrder<Node>(nodes: readonly Node[], before: (node: Node) => Iterable<Node>): Ordered<Node> {
  const order: Node[] = [];
  const cycles: Node[][] = [];
  const state = new Map<Node, 'open' | 'done'>();
  for (const start of nodes) {
    if (state.has(start)) continue;
    const path: Step<Node>[] = [];
    const enter = (node: Node): void => {
      state.set(node, 'open');
      path.push({ node, rest: before(node)[Symbol.iterator]() });
    };
    enter(start);
    for (let step = path.at(-1); step !== undefined; step = path.at(-1)) {
      const { done, value } = step.rest.next() as IteratorResult<Node, undefined>;
      if (done === true) {
        state.set(step.node, 'done');
        order.push(step.node);
        path.pop();
        continue;
      }
      const seen = state.get(value);
      if (seen === undefined) enter(value);
      else if (seen === 'open') {
        const from = path.findIndex(({ node }) => node === value);
        cycles.push([...path.slice(from).map(({ node }) => node), value]);
      }
    }
  }
  return { order, cycles };
}
