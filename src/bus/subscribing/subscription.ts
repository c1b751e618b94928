import { disposeSymbol } from '../../internal/dispose.js';
import type { BusCore } from '../core.js';
import type { Channel } from '../dispatching/channel.js';
import type { Subscribed, SubscriptionKind, UnsubscribeReason } from '../observing/observer.js';
import type { GroupState } from './group.js';
import type { SubscribeOptions, Unsubscribe } from './handler.js';
import type { Limiter } from './limiter.js';

/** A handler as the inside sees it. */
export type AnyHandler = (payload: unknown, ctx: never) => unknown;

/** Takes part in every emission. */
export const LIVE = 0;
/** Is called by no emission any more, not even by those under way. */
export const REMOVED = 1;
/** Is still called by the emissions that were under way when it was retired. */
export const RETIRED = 2;
/** Its last turn has been claimed; that run goes on. */
export const USED = 3;

/** What a subscription listens to: a channel, or what several channels share. */
export interface Target {
  readonly core: BusCore;
  readonly kind: SubscriptionKind;
  /** The channel that keeps its subscriptions, where it is about one event alone. */
  readonly home: Channel | null;
  readonly label: Subscribed['target'];
  matches(type: PropertyKey): boolean;
}

/** Whether handlers of a group are called for an event. */
export type Gate = (event: { readonly type: PropertyKey; readonly payload: unknown }) => unknown;

/** What a group asks of all of its handlers. */
export interface HandlerLimits {
  readonly gate: Gate | undefined;
  /** The most that a time limit may be, in milliseconds. */
  readonly mostMs: number;
}

/** What a subscription has besides a handler, a place and a priority. */
export interface SubscriptionExtras {
  readonly name: string | undefined;
  readonly filter: ((payload: unknown) => unknown) | undefined;
  /** A filter that the handler's group has for all of its handlers, asked before its own. */
  readonly gate: Gate | undefined;
  readonly timeoutMs: number | undefined;
  /** The most that any limit may be, in milliseconds. */
  readonly mostMs: number;
  readonly failurePolicy: SubscribeOptions['failurePolicy'];
  readonly limiter: Limiter | undefined;
  /** Called when the subscription ends, for whatever has to be let go of then. */
  release: ((reason: UnsubscribeReason) => void) | undefined;
  timesLeft: number;
  /** The bus's own: of `waitFor`, a stream, a bridge. */
  readonly internal: boolean;
  /** Nothing here needs looking at before the handler is called. */
  readonly plain: boolean;
}

export const NO_EXTRAS: SubscriptionExtras = {
  name: undefined,
  filter: undefined,
  gate: undefined,
  timeoutMs: undefined,
  mostMs: Infinity,
  failurePolicy: undefined,
  limiter: undefined,
  release: undefined,
  timesLeft: Infinity,
  internal: false,
  plain: true,
};

/** One registration of a handler. Fifty thousand of them are nothing unusual: it is kept small. */
export class Subscription {
  readonly handler: AnyHandler;
  readonly target: Target;
  readonly priority: number;
  /** Counts up over the bus: first subscribed, first called. */
  readonly order: number;
  readonly group: GroupState | null;
  extras: SubscriptionExtras | null;
  state: number;
  /** Where its list holds it. */
  index: number;

  constructor(handler: AnyHandler, target: Target, priority: number, order: number, group: GroupState | null) {
    this.handler = handler;
    this.target = target;
    this.priority = priority;
    this.order = order;
    this.group = group;
    this.extras = null;
    this.state = LIVE;
    this.index = -1;
  }

  get name(): string {
    return this.extras?.name ?? (this.handler.name || 'anonymous');
  }

  get place(): number {
    return this.group === null ? 0 : this.group.place;
  }
}

/** The caller's `core` of an around, as if it were the last handler. */
export function coreSubscription(target: Target, core: AnyHandler): Subscription {
  const subscription = new Subscription(core, target, 0, Infinity, null);
  subscription.extras = { ...NO_EXTRAS, name: 'core' };
  return subscription;
}

/** The order of handlers: by priority, then by their group's place, then first come. */
export function inOrder(a: Subscription, b: Subscription): number {
  return b.priority - a.priority || a.place - b.place || a.order - b.order;
}

/** What a handler, and its filter, get first: the payload, or the event under `onAny`. */
export function firstArgument(type: PropertyKey, { target }: Subscription, payload: unknown): unknown {
  return target.kind === 'any' ? { type, payload } : payload;
}

/** Subscriptions in the order in which they came; each is added and removed in constant time. */
export class SubscriptionList {
  #items: (Subscription | null)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(subscription: Subscription): void {
    subscription.index = this.#items.length;
    this.#items.push(subscription);
    this.#size++;
  }

  remove(subscription: Subscription): void {
    if (this.#items[subscription.index] !== subscription) return;
    this.#items[subscription.index] = null;
    this.#size--;
    // A hole keeps the order without moving anything; closing the holes when they are the most
    // makes each removal cost the same, however many follow.
    if (this.#items.length > 16 && this.#size * 2 < this.#items.length) this.#compact();
    else if (this.#size === 0) this.#items = [];
  }

  *[Symbol.iterator](): Generator<Subscription> {
    for (const item of this.#items) if (item !== null) yield item;
  }

  /** The newest that passes `test`. */
  findLast(test: (subscription: Subscription) => boolean): Subscription | undefined {
    for (let index = this.#items.length - 1; index >= 0; index--) {
      const item = this.#items[index];
      if (item !== null && item !== undefined && test(item)) return item;
    }
    return undefined;
  }

  #compact(): void {
    this.#items = this.#items.filter((item) => item !== null);
    this.#items.forEach((item, index) => {
      if (item !== null) item.index = index;
    });
  }
}

const ASK_ACTIVE = Symbol();

function end(this: Subscription, question?: unknown): boolean | undefined {
  if (question === ASK_ACTIVE) return this.state === LIVE;
  this.target.core.end(this, 'off');
  return undefined;
}

// A bound function takes its prototype from its target, so that this costs one small object a
// subscription: no closure, and no properties of its own.
Object.setPrototypeOf(
  end,
  Object.create(Function.prototype, {
    active: {
      get(this: (question: unknown) => boolean) {
        return this(ASK_ACTIVE);
      },
    },
    [disposeSymbol]: {
      value(this: () => void) {
        this();
      },
    },
  }) as object,
);

/** The function that ends a subscription. */
export function unsubscribeOf(subscription: Subscription): Unsubscribe {
  return end.bind(subscription) as unknown as Unsubscribe;
}
