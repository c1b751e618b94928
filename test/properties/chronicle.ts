/** The facets of a playing: what is compared, each as text under its name. */
export type Facets = ReadonlyMap<string, string>;

/**
 * What happened while a program was played, written down by the real bus and by the model in the
 * same words.
 */
export class Chronicle {
  readonly #facets = new Map<string, unknown[]>();

  /** Adds an entry to a facet, in which entries are in order. */
  add(facet: string, entry: unknown): void {
    const entries = this.#facets.get(facet);
    if (entries === undefined) this.#facets.set(facet, [entry]);
    else entries.push(entry);
  }

  /** A handler was called, or its filter asked. */
  called(at: number, emission: string, handler: string): void {
    this.add('calls', `${at} ms: ${emission} calls ${handler}`);
    this.add(`calls of ${emission}`, `${at} ms: ${handler}`);
  }

  /** `onFailure` was told. */
  reported(at: number, failure: string): void {
    this.add('reports', `${at} ms: ${failure}`);
    this.add('reports, in any order', `${at} ms: ${failure}`);
  }

  facets(): Facets {
    const texts = new Map<string, string>();
    for (const [facet, entries] of this.#facets) {
      const lines = entries.map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry)));
      if (facet.endsWith(', in any order')) lines.sort();
      texts.set(facet, lines.join('\n'));
    }
    return texts;
  }
}

/** How an emission ended, in words that don't depend on who tells them. */
export interface Outcome {
  readonly at: number;
  readonly how: 'returned' | 'threw' | 'fulfilled' | 'rejected';
  /** The result, or the result that the `EmitError` carries. */
  readonly result?: ResultText | undefined;
  /** `errors` of the `EmitError`. */
  readonly errors?: readonly string[] | undefined;
  readonly cause?: string | undefined;
  /** What it rejected with, where that is no `EmitError`. */
  readonly reason?: string | undefined;
}

export interface ResultText {
  readonly type: string;
  readonly ok: boolean;
  readonly called: number;
  readonly skipped: number;
  readonly stopped: boolean;
  readonly failures: readonly string[];
}

/** A thrown value as text. Errors made by scripts have messages of their own, which identify them. */
export function describe(value: unknown): string {
  if (value instanceof Error) {
    const { code } = value as { code?: unknown };
    return typeof code === 'string' ? code : `${value.name}(${value.message})`;
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** A handler's failure as text. */
export interface FailureText {
  readonly event: string;
  readonly handler: string;
  readonly group: string | undefined;
  readonly code: string;
  readonly phase: string;
  readonly cause?: unknown;
}

export function describeFailure(failure: FailureText): string {
  const cause = failure.code === 'HANDLER_FAILED' ? ` of ${describe(failure.cause)}` : '';
  const group = failure.group === undefined ? '' : ` in ${failure.group}`;
  return `${failure.code}${cause} in phase ${failure.phase} by ${failure.handler}${group} at ${failure.event}`;
}
