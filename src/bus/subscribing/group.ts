import { AmbusError } from '../../errors.js';
import { disposeSymbol } from '../../internal/dispose.js';
import type { BusCore } from '../core.js';
import type { IdleOptions } from '../options.js';
import type { Subscribing } from './handler.js';
import { EVERYTHING, subscribe } from './subscribe.js';
import type { Subscription } from './subscription.js';

/** What its handlers know of a group. */
export class GroupState {
  readonly core: BusCore;
  readonly name: string;
  readonly place: number;
  readonly members: Set<Subscription> = new Set();
  state: 'active' | 'paused' | 'retired' | 'removed' = 'active';

  constructor(core: BusCore, name: string, place: number) {
    this.core = core;
    this.name = name;
    this.place = place;
  }

  get paused(): boolean {
    return this.state === 'paused';
  }

  get removed(): boolean {
    return this.state === 'removed';
  }
}

/**
 * Handlers that share a place in the order and are paused, retired and removed together: a
 * component's, a request's, a plugin's.
 *
 * @example
 * ```ts
 * import { EventBus } from 'ambus';
 * const bus = new EventBus<{ 'cart.changed': { items: number } }>();
 * const widget = bus.group('cart-widget');
 * widget.on('cart.changed', ({ items }) => console.log(items));
 * widget.pause();
 * bus.emitSync('cart.changed', { items: 1 }); // nothing is printed
 * widget.remove();
 * ```
 */
export interface HandlerGroup<Events extends object = Record<string, unknown>> extends Subscribing<Events>, Disposable {
  readonly name: string;
  /** Where its handlers come among those of equal priority: lower places first; 0 is that of handlers in no group. */
  readonly place: number;
  /** How many subscriptions it has. */
  readonly size: number;
  readonly state: 'active' | 'paused' | 'retired' | 'removed';
  /** Skips its handlers from now on, also in emissions under way. Runs that have started go on. */
  pause(): void;
  /** Ends the pause, for emissions that start from now on. */
  resume(): void;
  /** Ends its subscriptions; emissions under way still call them, later ones don't. Final. */
  retire(): void;
  /** Ends its subscriptions; no emission calls them any more. Runs that have started go on. Final. */
  remove(): void;
  /**
   * Resolves when none of its handlers runs, late ones included, and no emission under way will still
   * call one that was retired. Doesn't wait for the emission that it is called in.
   *
   * @throws `AmbusError` `IDLE_TIMEOUT`, `INVALID_OPTION`, `UNKNOWN_OPTION`; the signal's reason.
   */
  idle(options?: IdleOptions): Promise<void>;
}

export class BusGroup {
  readonly #state: GroupState;

  constructor(state: GroupState) {
    this.#state = state;
  }

  get name(): string {
    return this.#state.name;
  }

  get place(): number {
    return this.#state.place;
  }

  get size(): number {
    return this.#final ? 0 : this.#state.members.size;
  }

  get state(): GroupState['state'] {
    return this.#state.state;
  }

  on(type: unknown, handler: unknown, options?: unknown): unknown {
    return subscribe('group.on', this.#state.core, this.#open(), type, handler, options);
  }

  once(type: unknown, handler: unknown, options?: unknown): unknown {
    return subscribe('group.once', this.#state.core, this.#open(), type, handler, options, 1);
  }

  onAny(handler: unknown, options?: unknown): unknown {
    return subscribe('group.onAny', this.#state.core, this.#open(), EVERYTHING, handler, options);
  }

  pause(): void {
    this.#open();
    this.#change('paused');
  }

  resume(): void {
    this.#open();
    this.#change('active');
  }

  retire(): void {
    if (this.#final) return;
    this.#change('retired');
    for (const member of this.#state.members) this.#state.core.end(member, 'retired');
    this.#state.core.groups.delete(this.#state);
  }

  remove(): void {
    const { core, members, state } = this.#state;
    if (state === 'removed') return;
    this.#change('removed');
    for (const member of members) core.end(member, 'removed');
    members.clear();
    core.groups.delete(this.#state);
    // A run that has claimed its handler's last turn and waits for a slot belongs to no member any more.
    for (const emission of core.lifetime.inFlight) emission.reconsider();
    core.lifetime.somethingSettled();
  }

  idle(options?: IdleOptions): Promise<void> {
    return this.#state.core.lifetime.idle(options, undefined, this.#state);
  }

  get #final(): boolean {
    return this.#state.state === 'retired' || this.#state.state === 'removed';
  }

  #open(): GroupState {
    if (this.#final) {
      throw new AmbusError(
        'GROUP_CLOSED',
        `The group "${this.#state.name}" has been ${this.#state.state}; make another one with bus.group().`,
        { details: { group: this.#state.name, state: this.#state.state } },
      );
    }
    return this.#state;
  }

  #change(state: GroupState['state']): void {
    if (this.#state.state === state) return;
    this.#state.state = state;
    this.#state.core.changedEverywhere();
  }
}

Object.defineProperty(BusGroup.prototype, disposeSymbol, {
  value(this: BusGroup) {
    this.remove();
  },
});
