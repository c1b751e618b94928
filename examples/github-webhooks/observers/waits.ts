import type { BusObserver, Dequeued, Enqueued } from 'ambus';
import { isSecurityEvent } from '../github-event-types.js';
import { percentile } from './percentile.js';

/** How long some of the events have waited. */
export interface WaitMetrics {
  readonly events: 'security' | 'others';
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly longestMs: number;
}

/** Measures how long events wait in the queue, and how many of them. */
export class Waits implements BusObserver {
  /** The most that have waited at a time. */
  most = 0;
  readonly #waits = { security: [] as number[], others: [] as number[] };

  enqueued({ size }: Enqueued): void {
    this.most = Math.max(this.most, size);
  }

  dequeued({ type, waitedMs }: Dequeued): void {
    this.#waits[isSecurityEvent(String(type)) ? 'security' : 'others'].push(waitedMs);
  }

  metrics(): WaitMetrics[] {
    return (['security', 'others'] as const).map((events) => {
      const sorted = this.#waits[events].toSorted((a, b) => a - b);
      return {
        events,
        count: sorted.length,
        p50Ms: percentile(sorted, 0.5),
        p95Ms: percentile(sorted, 0.95),
        longestMs: percentile(sorted, 1),
      };
    });
  }
}
