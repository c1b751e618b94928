import type { CloseReport } from 'ambus';
import type { Bot, BotCloseReport } from '../bot.js';
import type { ApiUsage } from '../github-api.js';
import { isGithubEventType, typeOf } from '../github-event-types.js';
import type { HandlerMetrics } from '../observers/metrics.js';
import type { WaitMetrics } from '../observers/waits.js';
import type { FailureGroup } from './failures.js';

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
  readonly badLines: number;
  readonly interrupted: boolean;
  readonly durationMs: number;
  readonly eventsPerSecond: number;
  /** What was unfinished when the queue and the bus were closed, and how many events are in `left.jsonl`. */
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
  { queue, metrics, waits, failures, reviews, apiUsage }: Omit<Bot, 'bus' | 'close'>,
  run: RunFacts,
): Summary {
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
    handlers: metrics.handlers(),
    reviews: {
      posted: reviews.posted,
      pickedBy: mostFrequentFirst(reviews.pickedBy),
      foundBy: mostFrequentFirst(reviews.foundBy),
    },
    api: apiUsage(),
    failures: failures.groups(),
    badLines: run.badLines,
    interrupted: run.interrupted,
    durationMs: Math.round(run.durationMs),
    eventsPerSecond: Math.round((events * 1_000) / run.durationMs),
    close: { ...run.close, left: run.close.left.length },
    out: run.out,
  };
}

function mostFrequentFirst(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}
