// Written years before the bot: plain, synchronous, knows nothing of events. It is used as it is.

export interface Labelled {
  readonly title?: string;
  readonly body?: string | null;
  readonly paths?: readonly string[];
}

const byText: readonly (readonly [RegExp, string])[] = [
  [/\b(crash(es|ed)?|exception|stack trace|regression)\b/i, 'bug'],
  [/\b(spelling|typo|readme|docs?|documentation)\b/i, 'documentation'],
  [/\b(package\.json|dependenc(y|ies)|bump)\b/i, 'dependencies'],
  [/\b(how (do|can) i|questions?)\b/i, 'question'],
];

const byPath: readonly (readonly [RegExp, string])[] = [
  [/\.md$|^docs\//i, 'documentation'],
  [/^\.github\/workflows\//, 'ci'],
  [/(^|\/)(package(-lock)?\.json|go\.mod|Gemfile)$/, 'dependencies'],
];

/** The labels that an issue, a pull request or a commit deserves, by its words and its files. */
export function labelsFor({ title = '', body, paths = [] }: Labelled): string[] {
  const text = `${title}\n${body ?? ''}`;
  const labels = new Set<string>();
  for (const [pattern, label] of byText) if (pattern.test(text)) labels.add(label);
  for (const [pattern, label] of byPath) if (paths.some((path) => pattern.test(path))) labels.add(label);
  return [...labels];
}
