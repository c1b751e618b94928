import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CloseOptions, type CloseReport, EventBus } from 'ambus';
import { EventQueue, type LeftEvent } from 'ambus/queue';
import { type BotEvents, ownEvents } from './events.js';
import { type ApiUsage, GithubApi } from './github-api.js';
import { apiCache } from './handlers/api-cache.js';
import { apiRetry } from './handlers/api-retry.js';
import { auditLog } from './handlers/audit-log.js';
import { maskSecrets, signOff, truncate } from './handlers/comment-plugins.js';
import { hotTopics } from './handlers/hot-topics.js';
import { labelledEvents, labeller } from './handlers/labeller.js';
import { notifiedEvents, notifier } from './handlers/notifier.js';
import { PullRequestBoard } from './handlers/pull-request-board.js';
import { checkBuild, checkDescription, checkSize } from './handlers/pull-request-checks.js';
import { pullRequestReview, reviewedEvents } from './handlers/pull-request-review.js';
import { anyMaintainer, codeOwner, requestedReviewer } from './handlers/reviewer-pick.js';
import { scannedEvents, secretScanner } from './handlers/secret-scanner.js';
import { branchEvents, staleBranchChecker } from './handlers/stale-branches.js';
import { LineFile } from './line-file.js';
import { logging } from './observers/logging.js';
import { Metrics } from './observers/metrics.js';
import { Waits } from './observers/waits.js';
import { Failures } from './report/failures.js';
import { Reviews } from './report/reviews.js';
import { SimulatedGithub } from './simulated-github.js';

export interface Bot {
  readonly bus: EventBus<BotEvents>;
  /** Through which deliveries come in. */
  readonly queue: EventQueue<BotEvents>;
  readonly metrics: Metrics;
  readonly waits: Waits;
  readonly failures: Failures;
  readonly reviews: Reviews;
  apiUsage(): ApiUsage;
  /**
   * Closes the queue, then the bus that it emits on, then the files that handlers write to. Deliveries that have not
   * been handled in time are kept in `left.jsonl`.
   */
  close(options?: CloseOptions): Promise<BotCloseReport>;
}

/** What queue and bus have reported, together. */
export interface BotCloseReport extends CloseReport {
  /** Deliveries that have not been handled. */
  readonly left: readonly LeftEvent[];
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
  const waits = new Waits();
  const failures = new Failures();
  const reviews = new Reviews();
  const github = new SimulatedGithub();
  const api = new GithubApi(github.send);

  const bus = new EventBus<BotEvents>({
    name: 'github-bot',
    // The bot's own events are declared. GitHub's have types alone, and so are broadcasts.
    events: ownEvents,
    undeclared: 'allow',
    // Handlers of equal priority run concurrently, the next priority when they are done.
    mode: 'tiered',
    // A failing handler never stops another one; this is told of it.
    onFailure: failures.add,
  });

  // Deliveries wait here, in the order that triage.ts gives them. Whoever reads them stops while there is no room.
  const queue = new EventQueue(bus, { name: 'deliveries', concurrency: 8, capacity: 64 });

  bus.observe(metrics);
  bus.observe(waits);
  bus.observe(logging(log));

  // First of all comes the audit log: what happened is on record before anything is done about it.
  bus.onAny(auditLog(audit), { name: 'audit-log', priority: 100 });

  // Synchronous and asynchronous handlers stand side by side; nothing here says which is which.
  bus.on(scannedEvents, secretScanner, { name: 'secret-scanner' });
  bus.on(labelledEvents, labeller, { name: 'labeller', filter: ({ sender }) => sender.type !== 'Bot' });
  bus.on(branchEvents, staleBranchChecker(api), { name: 'stale-branches', timeoutMs: 500 });
  bus.on(reviewedEvents, pullRequestReview(api), { name: 'review' });
  bus.on('bot.review_posted', reviews.add, { name: 'reviews' });

  // A pattern hears every event that it matches, of whichever kind, and never takes part in their answers. The one
  // that it hears besides GitHub's is the bot's own, and moves nothing on the board.
  bus.on(
    'pull_request.*',
    (_payload, ctx) => {
      if (ctx.type !== 'pull_request.checks') board.follow(ctx);
    },
    { name: 'pull-request-board' },
  );

  // One line at a time, however many deliveries are under way.
  bus.on(notifiedEvents, notifier(join(out, 'notifications.txt')), { name: 'notifier', concurrency: 1 });

  // The same handler for several events, each with its own way to the topic.
  bus.on('issues.*', ({ issue }, ctx) => hotTopics(issue, ctx), { name: 'hot-topics' });
  bus.on('issue_comment.*', ({ comment }, ctx) => hotTopics(comment, ctx), { name: 'hot-topics' });
  bus.on('discussion_comment.*', ({ comment }, ctx) => hotTopics(comment, ctx), { name: 'hot-topics' });
  bus.on('pull_request_review_comment.*', ({ comment }, ctx) => hotTopics(comment, ctx), { name: 'hot-topics' });

  // A waterfall: secrets go before the comment is cut, else half of one could be left; the signature is never cut.
  bus.on('comment.render', maskSecrets, { name: 'mask-secrets', priority: 20 });
  bus.on('comment.render', truncate(600), { name: 'truncate', priority: 10 });
  bus.on('comment.render', signOff('the bot'), { name: 'sign-off' });

  // The first to know a reviewer is heard.
  bus.on('reviewer.pick', requestedReviewer, { name: 'requested', priority: 20 });
  bus.on('reviewer.pick', codeOwner, { name: 'code-owner', priority: 10 });
  bus.on('reviewer.pick', anyMaintainer(api), { name: 'maintainer' });

  // Every check is heard, and none waits for another.
  bus.on('pull_request.checks', checkDescription, { name: 'check-description' });
  bus.on('pull_request.checks', checkSize(api), { name: 'check-size' });
  bus.on('pull_request.checks', checkBuild(api), { name: 'check-build' });

  // Around every request to GitHub, the first outermost: what the cache answers is never tried again.
  bus.on('api.call', apiCache(), { name: 'api-cache', priority: 10 });
  bus.on('api.call', apiRetry({ attempts: 3, backoffMs: 5 }), { name: 'api-retry' });

  return {
    bus,
    queue,
    metrics,
    waits,
    failures,
    reviews,
    apiUsage: () => ({ ...api.usage, ...github.usage }),
    async close(options) {
      const { left, unfinished: givenUp } = await queue.close(options);
      const { unfinished } = await bus.close(options);
      if (left.length > 0) await writeFile(join(out, 'left.jsonl'), left.map(deliveryLine).join(''));
      await writeFile(join(out, 'board.json'), json(board));
      await writeFile(join(out, 'comments.json'), json(github.comments()));
      await Promise.all([audit.close(), log.close()]);
      // What the queue has given up may still go on, and then be in both reports.
      const others = unfinished.filter(({ emissionId }) => !givenUp.some((each) => each.emissionId === emissionId));
      return {
        drained: left.length + givenUp.length + others.length === 0,
        unfinished: [...givenUp, ...others],
        left,
      };
    },
  };
}

/** As the option `--input` reads it. */
const deliveryLine = ({ type, payload }: LeftEvent): string => `${JSON.stringify({ type, payload })}\n`;

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;
