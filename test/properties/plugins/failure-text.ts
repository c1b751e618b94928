/** Something that went wrong, in words that the real host and the model have in common. */
export interface FailureText {
  readonly code: string;
  /** The plugin concerned, if there is one. */
  readonly plugin?: string | undefined;
  readonly rollback?: readonly FailureText[];
}

export function failureText({ code, plugin, rollback = [] }: FailureText): string {
  const where = plugin === undefined ? '' : `(${plugin})`;
  return `${code}${where}${rollback.length === 0 ? '' : `, undone with ${failuresText(rollback)}`}`;
}

/** Of several, in no order: nothing says which of two comes first that happen at the same moment. */
export function failuresText(failures: readonly FailureText[]): string {
  return `[${failures.map(failureText).sort().join(' ')}]`;
}
