import { mkdtemp, open, stat } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { addAbortSignal, type Readable } from 'node:stream';
import { type Bot, openBot } from './bot.js';
import { deliverAll } from './deliver.js';
import { Files } from './files.js';
import type { BadLine, Delivery } from './input/delivery.js';
import { jsonLines } from './input/json-lines.js';
import { octokitExamples } from './input/octokit-examples.js';
import { help, type Options, readOptions, UsageError } from './options.js';
import { Progress } from './report/progress.js';
import { type Summary, summarise } from './report/summary.js';
import { summaryText } from './report/text.js';

type Items = readonly Delivery[] | AsyncIterable<Delivery | BadLine>;

/** Runs the command and returns its exit status. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    console.log(help);
    return 0;
  }
  const interruption = new AbortController();
  // `once`: whoever presses Ctrl-C again doesn't want to wait for the bus to drain.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort(signal));

  const items = await openInput(options, interruption.signal);
  const out = options.out ?? (await mkdtemp(join(tmpdir(), 'github-webhooks-')));
  const files = await Files.open(out).catch(refusal(`Can't write to ${out}`));
  // `build.js` has put them beside this file.
  const bot = await openBot({ files, plugins: new URL('plugins', import.meta.url) });
  const summary = await run(bot, items, out, interruption.signal);
  console.log(
    options.json ? JSON.stringify(summary, undefined, 2) : summaryText(summary, process.stdout.columns ?? 120),
  );

  if (summary.interrupted) return 128 + constants.signals[interruption.signal.reason as 'SIGINT' | 'SIGTERM'];
  return summary.badLines > 0 ? 1 : 0;
}

async function run(bot: Bot, items: Items, out: string, signal: AbortSignal): Promise<Summary> {
  let badLines = 0;
  const total = 'length' in items ? ` of ${items.length}` : '';
  const progress = new Progress(process.stderr, () => {
    const { counts, size } = bot.queue.inspect();
    return `${counts.ended}${total} events, ${size} waiting, ${badLines} bad lines`;
  });
  const start = performance.now();
  const onBadLine = ({ id, reason }: BadLine): void => {
    badLines++;
    progress.note(`${id}: ${reason}`);
  };
  try {
    await deliverAll(bot.queue, items, { signal, onBadLine });
  } catch (error) {
    // Reading has ended early. Where that is not because we were told to stop, it is a fault of the input.
    if (!signal.aborted) onBadLine({ id: 'input', reason: (error as Error).message });
  } finally {
    progress.end();
  }
  const durationMs = performance.now() - start;
  // Waits for what is still under way, such as notifications that handlers have posted, and says what was not done.
  const close = await bot.close({ drainMs: 2_000 });
  return summarise(bot, { badLines, interrupted: signal.aborted, durationMs, close, out });
}

async function openInput({ input }: Options, signal: AbortSignal): Promise<Items> {
  if (input === undefined) return octokitExamples();
  if (input === '-') {
    if (process.stdin.isTTY) console.error('Reading events from the terminal, one JSON object a line; Ctrl-D ends.');
    return jsonLines(interruptible(process.stdin, signal), 'stdin');
  }
  const refuse = refusal(`Can't read ${input}`);
  if ((await stat(input).catch(refuse)).isDirectory()) throw new UsageError(`Can't read ${input}: it is a directory`);
  const file = await open(input).catch(refuse);
  return jsonLines(interruptible(file.createReadStream(), signal), input);
}

/** Makes "no such file or directory" of "ENOENT: no such file or directory, open '/nowhere'". */
function refusal(what: string) {
  return (error: Error): never => {
    throw new UsageError(`${what}: ${error.message.replace(/^E[A-Z]+: (.+?)(, \w+( '.*)?)?$/, '$1')}`);
  };
}

const interruptible = (stream: Readable, signal: AbortSignal): Readable => addAbortSignal(signal, stream);

// Whoever reads our output may stop reading: `npm run example | head`. That is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

try {
  // Set rather than `process.exit`, which could cut off what is still being printed.
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\nTry --help.`);
  process.exitCode = 2;
}
