import type { BusObserver, EmissionStarted, HandlerSettled, HandlerSkipped, Subscribed } from 'ambus';
import { percentile } from './percentile.js';

export interface HandlerMetrics {
  readonly handler: string;
  readonly calls: number;
  /** Time limits not counted. */
  readonly failures: number;
  readonly timeouts: number;
  /** Its turn came and it was not called: its filter said no, or another handler had answered. */
  readonly skipped: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
}

interface Tally {
  readonly durations: number[];
  failures: number;
  timeouts: number;
  skipped: number;
}

/**
 * Counts what happens on a bus. An observer has a method for each kind of fact that it wants to hear and needs to
 * know nothing else; facts that no observer asks for are never made.
 */
export class Metrics implements BusObserver {
  /** How often each event came in from outside. */
  readonly received = new Map<string, number>();
  /** How often each event was emitted by a handler. */
  readonly derived = new Map<string, number>();
  readonly #handlers = new Map<string, Tally>();

  /** Attached before the handlers are, it knows of those too that are never called. */
  subscribed({ handler }: Subscribed): void {
    this.#tally(handler);
  }

  emissionStarted({ type, parentId }: EmissionStarted): void {
    const counts = parentId === undefined ? this.received : this.derived;
    const name = String(type);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }

  handlerSettled({ handler, outcome, durationMs }: HandlerSettled): void {
    const tally = this.#tally(handler);
    tally.durations.push(durationMs);
    if (outcome === 'failed') tally.failures++;
    if (outcome === 'timeout') tally.timeouts++;
  }

  handlerSkipped({ handler }: HandlerSkipped): void {
    this.#tally(handler).skipped++;
  }

  handlers(): HandlerMetrics[] {
    return [...this.#handlers].map(([handler, { durations, failures, timeouts, skipped }]) => {
      const sorted = durations.toSorted((a, b) => a - b);
      return {
        handler,
        calls: durations.length,
        failures,
        timeouts,
        skipped,
        p50Ms: percentile(sorted, 0.5),
        p95Ms: percentile(sorted, 0.95),
      };
    });
  }

  #tally(handler: string): Tally {
    let tally = this.#handlers.get(handler);
    if (tally === undefined) {
      tally = { durations: [], failures: 0, timeouts: 0, skipped: 0 };
      this.#handlers.set(handler, tally);
    }
    return tally;
  }
}
