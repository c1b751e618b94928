import { AmbusError } from '../../errors.js';
import { disposeSymbol } from '../../internal/dispose.js';
import type { BusCore } from '../core.js';
import type { IdleOptions } from '../options.js';
import type { Subscribing } from './handler.js';
import { EVERYTHING, subscribe } from './subscribe.js';
import type { Subscription } from './subscription.js';

/** What its handlers know of a group, and what can be done to it. */
export class GroupState {
  readonly core: BusCore;
  readonly name: string;
  readonly members: Set<Subscription> = new Set();
  state: 'active' | 'paused' | 'retired' | 'removed' = 'active';
  /** What was subscribed before the group was opened, which nobody hears; null for one that is open. */
  staged: Set<Subscription> | null = null;
  /** What its handlers have been warned of, where that outlives the group; null where each handler is warned by itself. */
  warned: Set<string> | null = null;
  #place: number;

  constructor(core: BusCore, name: string, place: number) {
    this.core = core;
    this.name = name;
    this.#place = place;
  }

  get place(): number {
    return this.#place;
  }

  get paused(): boolean {
    return this.state === 'paused';
  }

  get removed(): boolean {
    return this.state === 'removed';
  }

  /** Whether its subscriptions have ended for good. */
  get final(): boolean {
    return this.state === 'retired' || this.state === 'removed';
  }

  /** Has it come elsewhere in the order, for emissions from now on. */
  move(place: number): void {
    if (place === this.#place) return;
    this.#place = place;
    if (this.members.size > 0) this.core.changedEverywhere();
  }

  /** Has what was subscribed so far be heard, from now on. */
  open(): void {
    const { core, staged } = this;
    this.staged = null;
    core.groups.add(this);
    for (const subscription of staged ?? []) core.add(subscription);
  }

  change(state: GroupState['state']): void {
    if (this.state === state) return;
    this.state = state;
    this.core.changedEverywhere();
  }

  /** Ends its subscriptions for later emissions. */
  retire(): void {
    if (this.final) return;
    this.change('retired');
    this.#end('retired');
  }

  /** Ends its subscriptions, also for emissions under way. */
  remove(): void {
    const { core, members } = this;
    if (this.state === 'removed') return;
    this.change('removed');
    this.#end('removed');
    members.clear();
    // A run that has claimed its handler's last turn and waits for a slot belongs to no member any more.
    for (const emission of core.lifetime.inFlight) emission.reconsider();
    core.lifetime.somethingSettled();
  }

  #end(reason: 'retired' | 'removed'): void {
    for (const subscription of this.staged ?? []) this.core.end(subscription, reason);
    for (const member of this.members) this.core.end(member, reason);
    this.core.groups.delete(this);
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
    return this.#state.final ? 0 : this.#state.members.size;
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
    this.#open().change('paused');
  }

  resume(): void {
    this.#open().change('active');
  }

  retire(): void {
    this.#state.retire();
  }

  remove(): void {
    this.#state.remove();
  }

  idle(options?: IdleOptions): Promise<void> {
    return this.#state.core.lifetime.idle(options, undefined, this.#state);
  }

  #open(): GroupState {
    if (this.#state.final) {
      throw new AmbusError(
        'GROUP_CLOSED',
        `The group "${this.#state.name}" has been ${this.#state.state}; make another one with bus.group().`,
        { details: { group: this.#state.name, state: this.#state.state } },
      );
    }
    return this.#state;
  }
}

Object.defineProperty(BusGroup.prototype, disposeSymbol, {
  value(this: BusGroup) {
    this.remove();
  },
});
