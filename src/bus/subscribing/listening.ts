import type { BusCore } from '../core.js';
import type { Channel } from '../dispatching/channel.js';
import { Pattern } from '../events/pattern.js';
import type { SubscriptionKind } from '../observing/observer.js';
import type { Target } from './subscription.js';

/** What a pattern, a list or `onAny` listens to. */
export class Listening implements Target {
  readonly core: BusCore;
  readonly kind: SubscriptionKind;
  readonly home: Channel | null;
  readonly label: PropertyKey | readonly PropertyKey[] | undefined;
  readonly #matches: (type: PropertyKey) => boolean;

  /**
   * @param target - A pattern, a list of event names, or undefined for every event.
   * @param home - The channel of the only event in a list of one.
   */
  constructor(core: BusCore, target: Pattern | readonly PropertyKey[] | undefined, home: Channel | null = null) {
    this.core = core;
    this.label = target instanceof Pattern ? target.source : target;
    this.home = home;
    if (target === undefined) {
      this.kind = 'any';
      this.#matches = () => true;
    } else if (target instanceof Pattern) {
      this.kind = 'pattern';
      this.#matches = (type) => typeof type === 'string' && target.matches(type);
    } else {
      const types = new Set(target);
      this.kind = 'list';
      this.#matches = (type) => types.has(type);
    }
  }

  matches(type: PropertyKey): boolean {
    return this.#matches(type);
  }
}
