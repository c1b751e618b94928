import type { Outage } from './outage.js';
import type { Watch } from './watch.js';

/** A plugin that has been set up once: what there is to know of it. */
export class Instance {
  readonly id: string;
  readonly name: string;
  /** The instances of those that it requires. */
  readonly requires: ReadonlyMap<string, Instance>;
  /** The changes that may have brought it, until they are over: as long as there are any, it may not be heard yet. */
  readonly comesBy: readonly Outage[];
  /** The emissions that its handlers run in. */
  readonly runs = new Set<Watch>();
  /** How many resources it has, and how many of them have been disposed of. */
  owned = 0;
  disposed = 0;
  /** Whether a handler of it has been called. */
  isHeard = false;
  /** When its teardown began. */
  endedAt = Infinity;
  state: 'in setup' | 'up' | 'failed' | 'down' = 'in setup';

  constructor(id: string, name: string, requires: ReadonlyMap<string, Instance>, comesBy: readonly Outage[]) {
    this.id = id;
    this.name = name;
    this.requires = requires;
    this.comesBy = comesBy;
  }

  /** Whether it must be heard by emissions that start now. */
  get isCertain(): boolean {
    return this.state === 'up' && this.comesBy.every((change) => change.isOver);
  }

  /** It, and those that it requires, and so on. */
  get lineage(): readonly Instance[] {
    return [this, ...[...this.requires.values()].flatMap((instance) => instance.lineage)];
  }
}
