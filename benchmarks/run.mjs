import { readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { ensureBuilt } from './built.mjs';
import { cases } from './cases/index.mjs';
import { libraryNames } from './libraries/index.mjs';
import { markdown } from './markdown.mjs';
import { help, readOptions, UsageError } from './options.mjs';
import { caseTable, listing, summary } from './report.mjs';
import { runCase } from './rounds.mjs';

/** What the figures depend on, besides the code. */
function describeEnvironment({ rounds, peers }) {
  const { version, dependencies, devDependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  const pinned = { ...devDependencies, ...dependencies, ambus: version };
  return {
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cpu: `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}`,
    rounds,
    peers,
    // Node's own emitter has no version of its own.
    versions: Object.fromEntries(libraryNames.flatMap((name) => (name in pinned ? [[name, pinned[name]]] : []))),
  };
}

function selectCases({ only, peers }) {
  const selected = cases.filter(({ id, budgets }) => only.test(id) && (peers === 'all' || budgets.length > 0));
  if (selected.length === 0) throw new UsageError(`Expected --only to match a case, got ${only}. See --list.`);
  return selected;
}

/** One line that is written over and over on a terminal, nothing elsewhere. */
function showProgress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function measureAll(options) {
  const selected = selectCases(options);
  ensureBuilt();
  const results = [];
  for (const [index, measured] of selected.entries()) {
    const place = `case ${index + 1} of ${selected.length}, ${measured.id}`;
    if (!process.stderr.isTTY) console.error(place);
    const onProcess = (label, round) => showProgress(`${place}: round ${round + 1} of ${options.rounds}, ${label}`);
    const result = await runCase(measured, { ...options, onProcess });
    showProgress('');
    results.push(result);
    if (!options.json && !options.markdown) console.log(`${caseTable(result)}\n`);
  }
  return { environment: describeEnvironment(options), results };
}

function readReport(file) {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    if (!Array.isArray(report.results)) throw new TypeError('it has no "results"');
    return report;
  } catch (error) {
    throw new UsageError(`Expected --from to name what --json has written: ${error.message}`);
  }
}

/** Returns the exit status. */
async function main(args) {
  const options = readOptions(args);
  if (options.help) {
    console.log(help);
    return 0;
  }
  if (options.list) {
    console.log(listing(cases));
    return 0;
  }

  const report = options.from === undefined ? await measureAll(options) : readReport(options.from);
  const { results } = report;
  if (options.json) console.log(JSON.stringify(report, null, 2));
  else if (options.markdown) console.log(markdown(report));
  else {
    if (options.from !== undefined) for (const result of results) console.log(`${caseTable(result)}\n`);
    console.log(summary(results));
  }

  const failed = results.some(({ contestants }) => contestants.some(({ failure }) => failure !== null));
  const missed = results.some(({ budgets }) => budgets.some(({ met }) => !met));
  return failed || (options.strict && missed) ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\nTry --help.` : error.message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
