import { parseArgs } from 'node:util';

export const help = `Usage: npm run example -- [options]

Runs a small GitHub bot on ambus. Without --input it gets the 329 webhook payloads
of the package @octokit/webhooks-examples.

Options:
  --input FILE  take events from FILE, or from standard input if FILE is "-":
                one JSON object {"type": "issues.opened", "payload": {...}} a line;
                for the type "issues", the payload's action is added
  --out DIR     write the bot's files to DIR (default: a new folder for temporary files)
  --json        print the summary as JSON, and nothing else, to standard output
  --help, -h    print this

Environment:
  CHAT_TOKEN    lets the plugin "chat" into its room; without it, that plugin fails

Exit status: 0 when all went well, 1 when there were bad lines, 2 when the command
can't be run as given, 128 + n when signal n ended it. Handlers and plugins that fail
are part of the summary and don't change it.`;

export interface Options {
  readonly input: string | undefined;
  readonly out: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
}

/** The command can't be run as it was given: its message is for the user, without a stack. */
export class UsageError extends Error {}

const known = {
  input: { type: 'string' },
  out: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** @throws UsageError */
export function readOptions(args: readonly string[]): Options {
  // Not strict, as what `parseArgs` itself says of an unknown flag names no likely one.
  const { values, tokens } = parseArgs({ args: [...args], options: known, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind === 'positional') throw new UsageError(`Unexpected argument "${token.value}".`);
    if (token.kind === 'option') checkOption(token);
  }
  return {
    input: text(values['input']),
    out: text(values['out']),
    json: values['json'] === true,
    help: values['help'] === true,
  };
}

interface GivenOption {
  readonly name: string;
  /** As it was typed: `--input`, `-h`. */
  readonly rawName: string;
  readonly value?: string | undefined;
  /** Whether it was typed as `--input=FILE`. */
  readonly inlineValue?: boolean | undefined;
}

function checkOption({ name, rawName: given, value, inlineValue }: GivenOption): void {
  if (!Object.hasOwn(known, name)) {
    const meant = nearest(name, Object.keys(known));
    throw new UsageError(`Unknown option "${given}".${meant === undefined ? '' : ` Did you mean "--${meant}"?`}`);
  }
  const takesValue = known[name as keyof typeof known].type === 'string';
  // In `--input --json` the file's name has been forgotten; a file of that name can be given as `--input=--json`.
  const forgotten = !value || (value.length > 1 && value.startsWith('-') && inlineValue !== true);
  if (takesValue && forgotten) throw new UsageError(`Option "${given}" needs a value.`);
  if (!takesValue && value !== undefined) throw new UsageError(`Option "${given}" takes no value.`);
}

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** The known name from which the given one differs least, unless they differ too much to be a slip. */
function nearest(given: string, names: readonly string[]): string | undefined {
  const [best] = names
    .filter((name) => Math.abs(name.length - given.length) <= 2)
    .map((name) => ({ name, distance: editDistance(given.toLowerCase(), name) }))
    .toSorted((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= 2 ? best.name : undefined;
}

/** Levenshtein's distance, the plain recursive way: the words are short. */
function editDistance(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  if (a[0] === b[0]) return editDistance(a.slice(1), b.slice(1));
  return 1 + Math.min(editDistance(a.slice(1), b), editDistance(a, b.slice(1)), editDistance(a.slice(1), b.slice(1)));
}
