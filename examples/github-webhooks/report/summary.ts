import type { CloseReport } from 'ambus';
import type { PluginState, PluginStatus } from 'ambus/plugins';
import type { Bot, BotCloseReport } from '../bot.js';
import type { ApiUsage } from '../github-api.js';
import { isGithubEventType, typeOf } from '../github-event-types.js';
import type { HandlerMetrics } from '../observers/metrics.js';
import type { WaitMetrics } from '../observers/waits.js';
import type { FailureGroup, PluginFailure } from './failures.js';

/** What became of a plugin. */
export interface PluginSummary {
  readonly name: string;
  readonly version: string | undefined;
  readonly state: PluginState;
  /** How long its setup took; undefined where it had none. */
  readonly setupMs: number | undefined;
  /** How many subscriptions it had. */
  readonly handlers: number;
  /** Why it isn't active. */
  readonly reason: string | undefined;
}

/** What a run came to: what `--json` prints. */
export interface Summary {
  /** Events that came in. */
  readonly events: number;
  /** How many came of each type, the most frequent first: `issues`, whatever its actions. */
  readonly eventsByType: Readonly<Record<string, number>>;
  /** The same by full name: `issues.opened`. */
  readonly eventsByName: Readonly<Record<string, number>>;
  /** Those types above that GitHub doesn't have. */
  readonly unknownTypes: readonly string[];
  /** Events that the bot itself emitted, by name. */
  readonly ownEvents: Readonly<Record<string, number>>;
  readonly queue: {
    readonly capacity: number;
    /** The most that have waited at a time. */
    readonly mostWaiting: number;
    readonly waits: readonly WaitMetrics[];
  };
  readonly plugins: readonly PluginSummary[];
  readonly handlers: readonly HandlerMetrics[];
  readonly reviews: {
    readonly posted: number;
    /** Which handlers of `reviewer.pick` had an answer, and how often. */
    readonly pickedBy: Readonly<Record<string, number>>;
    /** Which handlers of `pull_request.checks` have found something, and how often. */
    readonly foundBy: Readonly<Record<string, number>>;
  };
  readonly api: ApiUsage;
  readonly failures: readonly FailureGroup[];
  /** Those of plugins as a whole: the bot runs without them. */
  readonly pluginFailures: readonly PluginFailure[];
  readonly badLines: number;
  readonly interrupted: boolean;
  readonly durationMs: number;
  readonly eventsPerSecond: number;
  /** What was unfinished when queue, plugins and bus were closed, and how many events are in `left.jsonl`. */
  readonly close: CloseReport & { readonly left: number };
  /** Where the bot's files are. */
  readonly out: string;
}

export interface RunFacts {
  readonly badLines: number;
  readonly interrupted: boolean;
  readonly durationMs: number;
  readonly close: BotCloseReport;
  readonly out: string;
}

export function summarise(
  { queue, metrics, waits, failures, reviews }: Omit<Bot, 'bus' | 'host' | 'close'>,
  run: RunFacts,
): Summary {
  const { api, left, plugins, ...close } = run.close;
  const byType = new Map<string, number>();
  let events = 0;
  for (const [name, count] of metrics.received) {
    const type = typeOf(name);
    byType.set(type, (byType.get(type) ?? 0) + count);
    events += count;
  }
  return {
    events,
    eventsByType: mostFrequentFirst(byType),
    eventsByName: mostFrequentFirst(metrics.received),
    unknownTypes: [...byType.keys()].filter((type) => !isGithubEventType(type)),
    ownEvents: mostFrequentFirst(metrics.derived),
    queue: {
      capacity: queue.capacity,
      mostWaiting: waits.most,
      waits: waits.metrics(),
    },
    plugins: plugins.map(pluginSummary),
    handlers: metrics.handlers(),
    reviews: {
      posted: reviews.posted,
      pickedBy: mostFrequentFirst(reviews.pickedBy),
      foundBy: mostFrequentFirst(reviews.foundBy),
    },
    api,
    failures: failures.groups(),
    pluginFailures: failures.plugins(),
    badLines: run.badLines,
    interrupted: run.interrupted,
    durationMs: Math.round(run.durationMs),
    eventsPerSecond: Math.round((events * 1_000) / run.durationMs),
    close: { ...close, left: left.length },
    out: run.out,
  };
}

const pluginSummary = ({ name, version, state, setupMs, handlers, reason }: PluginStatus): PluginSummary => ({
  name,
  version,
  state,
  setupMs: setupMs === undefined ? undefined : Number(setupMs.toFixed(3)),
  handlers,
  reason,
});

function mostFrequentFirst(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}
