import { type CloseOptions, type CloseReport, EventBus } from 'ambus';
import { discoverPlugins } from 'ambus/discovery';
import { type ApiOf, PluginHost, type PluginStatus } from 'ambus/plugins';
import { EventQueue, type LeftEvent } from 'ambus/queue';
import { type BotEvents, ownEvents } from './events.js';
import type { Files } from './files.js';
import type { ApiUsage } from './github-api.js';
import { hotTopics } from './handlers/hot-topics.js';
import { notifiedEvents, notifier } from './handlers/notifier.js';
import { logging } from './observers/logging.js';
import { Metrics } from './observers/metrics.js';
import { Waits } from './observers/waits.js';
import type githubApi from './plugins/github-api.js';
import { Failures } from './report/failures.js';
import { Reviews } from './report/reviews.js';
import type { BotServices } from './services.js';
import { SimulatedChat } from './simulated-chat.js';
import { SimulatedGithub } from './simulated-github.js';
import { treatmentOf } from './treatment.js';

export interface BotOptions {
  /** Where it writes; closed with it. */
  readonly files: Files;
  /** The folder that its plugins are in. */
  readonly plugins: string | URL;
}

export interface Bot {
  readonly bus: EventBus<BotEvents>;
  /** Through which deliveries come in. */
  readonly queue: EventQueue<BotEvents>;
  readonly host: PluginHost<BotEvents, BotServices>;
  readonly metrics: Metrics;
  readonly waits: Waits;
  readonly failures: Failures;
  readonly reviews: Reviews;
  /**
   * Closes the queue, then the plugins that handle what comes out of it, then the bus that they are on, then the files
   * that all of them write to. Deliveries that have not been handled in time are kept in `left.jsonl`.
   */
  close(options?: CloseOptions): Promise<BotCloseReport>;
}

/** What queue, plugins and bus have reported, together. */
export interface BotCloseReport extends CloseReport {
  /** Deliveries that have not been handled. */
  readonly left: readonly LeftEvent[];
  /** The plugins as they were before they were torn down. */
  readonly plugins: readonly PluginStatus[];
  readonly api: ApiUsage;
}

/** The bot: who listens to what. Start reading here, and go on in the folder `plugins`. */
export async function openBot({ files, plugins: folder }: BotOptions): Promise<Bot> {
  const metrics = new Metrics();
  const waits = new Waits();
  const failures = new Failures();
  const reviews = new Reviews();
  const github = new SimulatedGithub();
  const chat = new SimulatedChat(files.pathOf('chat.txt'));

  const bus = new EventBus<BotEvents>({
    name: 'github-bot',
    // The bot's own events are declared. GitHub's have types alone, and so are broadcasts.
    events: ownEvents,
    undeclared: 'allow',
    // Handlers of equal priority run concurrently, the next priority when they are done.
    mode: 'tiered',
    // A failing handler never stops another one, nor a failing plugin; this is told of it.
    onFailure: failures.add,
  });

  // Deliveries wait here, in the order that triage.ts gives them. Whoever reads them stops while there is no room.
  const queue = new EventQueue(bus, { name: 'deliveries', concurrency: 8, capacity: 64 });

  bus.observe(metrics);
  bus.observe(waits);
  bus.observe(logging(files.log));

  // What few lines do needs no plugin. Synchronous and asynchronous handlers stand side by side, here as in plugins.
  bus.on('bot.review_posted', reviews.add, { name: 'reviews' });

  // One line at a time, however many deliveries are under way.
  bus.on(notifiedEvents, notifier(files.pathOf('notifications.txt')), { name: 'notifier', concurrency: 1 });

  // The same handler for several events, each with its own way to the topic.
  bus.on('issues.*', ({ issue }, ctx) => hotTopics(issue, ctx), { name: 'hot-topics' });
  bus.on('issue_comment.*', ({ comment }, ctx) => hotTopics(comment, ctx), { name: 'hot-topics' });
  bus.on('discussion_comment.*', ({ comment }, ctx) => hotTopics(comment, ctx), { name: 'hot-topics' });
  bus.on('pull_request_review_comment.*', ({ comment }, ctx) => hotTopics(comment, ctx), { name: 'hot-topics' });

  const host = new PluginHost<BotEvents, BotServices>(bus, {
    name: 'plugins',
    api: '1.1.0',
    services: { files, github, chat },
    // Rather a bot with a plugin less than none.
    onSetupError: 'continue',
    log: ({ plugin, level, message }) => void files.log.write(`${level.padEnd(5)} ${plugin}: ${message}`),
  });
  // Whatever is in the folder. None of its code runs before `start`.
  for (const plugin of await discoverPlugins({ folder })) {
    const { options, settings } = treatmentOf(plugin.name);
    host.use(plugin, options, settings);
  }
  await host.start();

  return {
    bus,
    queue,
    host,
    metrics,
    waits,
    failures,
    reviews,
    async close(options) {
      const { left, unfinished: givenUp } = await queue.close(options);
      // What plugins know is gone with them.
      const plugins = host.status();
      const api = { ...askedGithub(host), ...github.usage };
      await host.stop({ drainMs: options?.drainMs }).catch(failures.add);
      const { unfinished } = await bus.close(options);
      if (left.length > 0) await files.write('left.jsonl', left.map(deliveryLine).join(''));
      await files.writeJson('comments.json', github.comments());
      await files.close();
      // What the queue has given up may still go on, and then be in both reports.
      const others = unfinished.filter(({ emissionId }) => !givenUp.some((each) => each.emissionId === emissionId));
      return {
        drained: left.length + givenUp.length + others.length === 0,
        unfinished: [...givenUp, ...others],
        left,
        plugins,
        api,
      };
    },
  };
}

/** What the plugin that asks GitHub has counted, if it is there. */
function askedGithub(host: PluginHost<BotEvents, BotServices>): Pick<ApiUsage, 'calls' | 'fromCache'> {
  const isThere = host.status().some(({ name, state }) => name === 'github-api' && state === 'active');
  if (!isThere) return { calls: 0, fromCache: 0 };
  return host.plugin<ApiOf<typeof githubApi>>({ name: 'github-api' }).api.usage;
}

/** As the option `--input` reads it. */
const deliveryLine = ({ type, payload }: LeftEvent): string => `${JSON.stringify({ type, payload })}\n`;
