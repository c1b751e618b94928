import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CloseOptions, type CloseReport, EventBus } from 'ambus';
import type { BotEvents } from './events.js';
import { simulatedGithub } from './github-api.js';
import { auditLog } from './handlers/audit-log.js';
import { hotTopics } from './handlers/hot-topics.js';
import { labelledEvents, labeller } from './handlers/labeller.js';
import { notifiedEvents, notifier } from './handlers/notifier.js';
import { PullRequestBoard } from './handlers/pull-request-board.js';
import { scannedEvents, secretScanner } from './handlers/secret-scanner.js';
import { branchEvents, staleBranchChecker } from './handlers/stale-branches.js';
import { LineFile } from './line-file.js';
import { logging } from './observers/logging.js';
import { Metrics } from './observers/metrics.js';
import { Failures } from './report/failures.js';

export interface Bot {
  readonly bus: EventBus<BotEvents>;
  readonly metrics: Metrics;
  readonly failures: Failures;
  /** Closes the bus first, so that no handler writes to a file that is closed. */
  close(options?: CloseOptions): Promise<CloseReport>;
}

/**
 * The bot: who listens to what. Start reading here.
 *
 * @param out - The folder for its files; made if need be.
 */
export async function openBot(out: string): Promise<Bot> {
  await mkdir(out, { recursive: true });
  const audit = await LineFile.open(join(out, 'audit.jsonl'));
  const log = await LineFile.open(join(out, 'bot.log'));
  const board = new PullRequestBoard();
  const metrics = new Metrics();
  const failures = new Failures();

  const bus = new EventBus<BotEvents>({
    name: 'github-bot',
    // Handlers of equal priority run concurrently, the next priority when they are done.
    mode: 'tiered',
    // A failing handler never stops another one; this is told of it.
    onFailure: failures.add,
  });

  bus.observe(metrics);
  bus.observe(logging(log));

  // First of all comes the audit log: what happened is on record before anything is done about it.
  bus.onAny(auditLog(audit), { name: 'audit-log', priority: 100 });

  // Synchronous and asynchronous handlers stand side by side; nothing here says which is which.
  bus.on(scannedEvents, secretScanner, { name: 'secret-scanner' });
  bus.on(labelledEvents, labeller, { name: 'labeller', filter: ({ sender }) => sender.type !== 'Bot' });
  bus.on('pull_request.*', (_payload, ctx) => board.follow(ctx), { name: 'pull-request-board' });
  bus.on(branchEvents, staleBranchChecker(simulatedGithub), { name: 'stale-branches', timeoutMs: 250 });

  // One line at a time, however many deliveries are under way.
  bus.on(notifiedEvents, notifier(join(out, 'notifications.txt')), { name: 'notifier', concurrency: 1 });

  // The same handler for several events, each with its own way to the topic.
  bus.on('issues.*', ({ issue }, ctx) => hotTopics(issue, ctx), { name: 'hot-topics' });
  bus.on('issue_comment.*', ({ comment }, ctx) => hotTopics(comment, ctx), { name: 'hot-topics' });
  bus.on('discussion_comment.*', ({ comment }, ctx) => hotTopics(comment, ctx), { name: 'hot-topics' });
  bus.on('pull_request_review_comment.*', ({ comment }, ctx) => hotTopics(comment, ctx), { name: 'hot-topics' });

  return {
    bus,
    metrics,
    failures,
    async close(options) {
      const report = await bus.close(options);
      await writeFile(join(out, 'board.json'), `${JSON.stringify(board, undefined, 2)}\n`);
      await Promise.all([audit.close(), log.close()]);
      return report;
    },
  };
}
