import { parseArgs } from 'node:util';

export const help = `Measures ambus against other libraries. Only the ratios mean something.

Usage: npm run bench -- [options]

  --rounds N      processes for each library and case (default 15; a fifth for those without a budget)
  --quick         3 rounds: to see that everything runs, not to quote
  --only REGEX    the cases whose id matches
  --peers WHICH   budget: contestants that a budget names; all: everyone (default)
  --strict        exit status 1 if a budget was missed
  --json          print the results as JSON and nothing else
  --markdown      print the comparison tables as Markdown and nothing else
  --from FILE     measure nothing, print what an earlier --json wrote
  --list          list the cases and their budgets
  --help          this text

Progress goes to standard error. The exit status is 1 if a measurement failed, 2 if an option is wrong.`;

/** An option that is wrong: its message is all that the user needs. */
export class UsageError extends Error {}

const flag = { type: 'boolean', default: false };
const value = { type: 'string' };
const flags = {
  rounds: value,
  quick: flag,
  only: value,
  peers: { ...value, default: 'all' },
  strict: flag,
  json: flag,
  markdown: flag,
  from: value,
  list: flag,
  help: flag,
};

function parse(args) {
  try {
    return parseArgs({ args, options: flags }).values;
  } catch (error) {
    throw new UsageError(error.message);
  }
}

function parsePattern(source) {
  try {
    return new RegExp(source);
  } catch (error) {
    throw new UsageError(`Expected --only to be a regular expression: ${error.message}`);
  }
}

/** Reads the command line; throws a {@link UsageError} for anything that it can't mean. */
export function readOptions(args) {
  const { rounds, only, peers, ...rest } = parse(args);
  if (rounds !== undefined && !/^[1-9]\d{0,3}$/.test(rounds)) {
    throw new UsageError(`Expected --rounds to be a whole number from 1 to 9999, got "${rounds}".`);
  }
  if (rounds !== undefined && rest.quick) throw new UsageError('Expected --rounds or --quick, got both.');
  if (rest.json && rest.markdown) throw new UsageError('Expected --json or --markdown, got both.');
  if (peers !== 'budget' && peers !== 'all') {
    throw new UsageError(`Expected --peers to be "budget" or "all", got "${peers}".`);
  }
  return {
    ...rest,
    peers,
    rounds: rest.quick ? 3 : Number(rounds ?? 15),
    only: parsePattern(only ?? ''),
  };
}
