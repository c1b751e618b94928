import type { Watch } from './watch.js';

/** A change, or something else that may make plugins unheard for some time. */
export class Outage {
  /** The plugin concerned; others are, where they require it and `cascades` is set. */
  readonly plugin: string;
  readonly cascades: boolean;
  /** How long an emission has to take until it may miss the plugin; 0 where any may, Infinity where none. */
  readonly missedAfterMs: number;
  /** How long handlers that run are waited for. */
  readonly drainMs: number;
  /** The emissions in whose handlers it was called. */
  readonly within: readonly Watch[];
  isOver = false;

  constructor(plugin: string, given: Omit<Outage, 'plugin' | 'isOver'>) {
    this.plugin = plugin;
    this.cascades = given.cascades;
    this.missedAfterMs = given.missedAfterMs;
    this.drainMs = given.drainMs;
    this.within = given.within;
  }
}
