import type { Instance } from './instance.js';
import type { Outage } from './outage.js';

/** An emission under load: what it must see, and what it has seen. It is the payload of its emission. */
export class Watch {
  readonly label: string;
  readonly parent: Watch | undefined;
  readonly startedAt: number;
  /** The instances that are heard when it starts. */
  readonly candidates: readonly Instance[];
  /** Those that were called, in order. */
  readonly called: Instance[] = [];
  /** The changes that were under way at some time since it started. */
  readonly outages: Set<Outage>;

  constructor(
    label: string,
    parent: Watch | undefined,
    startedAt: number,
    candidates: readonly Instance[],
    outages: Iterable<Outage>,
  ) {
    this.label = label;
    this.parent = parent;
    this.startedAt = startedAt;
    this.candidates = candidates;
    this.outages = new Set(outages);
  }

  /** It and those that it comes from. */
  get ancestry(): readonly Watch[] {
    return [this, ...(this.parent?.ancestry ?? [])];
  }

  /** What is wrong with those that it has called so far. */
  *contradictions(): Generator<string> {
    for (const [index, instance] of this.called.entries()) {
      const other = this.called.findIndex(({ name }) => name === instance.name);
      if (other !== index) yield `${this.label} called ${this.called[other]?.id} and ${instance.id}`;
      for (const required of instance.requires.values()) {
        const seen = this.called.find(({ name }) => name === required.name);
        if (seen !== undefined && seen !== required) {
          yield `${this.label} called ${instance.id}, which requires ${required.id}, and ${seen.id}`;
        }
      }
    }
  }

  /** The plugins that it has not called although nothing kept it from that. */
  *misses(now: number, instances: readonly Instance[]): Generator<string> {
    // It waits for a change that waits for others, which can't wait for it: what they take away it doesn't see.
    if ([...this.outages].some(({ within }) => within.includes(this))) return;
    for (const { id, name } of this.candidates) {
      if (this.called.some((instance) => instance.name === name)) continue;
      // Another one may have come since, with other requirements.
      const heard = instances.filter((instance) => instance.name === name && instance.endedAt >= this.startedAt);
      const lineage = new Set(heard.flatMap((instance) => instance.lineage).map((instance) => instance.name));
      const isExcused = [...this.outages].some(({ cascades, missedAfterMs, plugin }) => {
        return now - this.startedAt >= missedAfterMs && (plugin === name || (cascades && lineage.has(plugin)));
      });
      if (!isExcused) yield `${this.label} did not call ${id}, nor another ${name}`;
    }
  }
}
