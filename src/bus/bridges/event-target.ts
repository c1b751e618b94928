import { AmbusError } from '../../errors.js';
import { isFunction, show } from '../../internal/assertions.js';
import { disposeSymbol } from '../../internal/dispose.js';
import type { BusCore } from '../core.js';
import { coreOf, type EventBus } from '../event-bus.js';
import { assertEmittable } from '../events/event-name.js';
import type { Unsubscribe } from '../subscribing/handler.js';
import { listen } from '../subscribing/subscribe.js';
import type { Subscription } from '../subscribing/subscription.js';
import { bridge, type EmitterMapping } from './from-emitter.js';

const noop = (): void => {};

/**
 * Has a bus post the events of an EventTarget: a DOM node, a WebSocket, a worker, an AbortSignal.
 *
 * @param bus - The bus that posts them.
 * @param target - Where they come from.
 * @param mapping - By the target's event: the bus's event, whose payload is the `detail` of a
 *   CustomEvent, else the event itself; or `{ type, payload }` with a function that makes the payload
 *   of the event. What that throws goes to the bus's `onFailure`, as `REFUSED`.
 * @returns A function that takes every listener off the target again.
 * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_EVENT`, `UNDECLARED_EVENT`; then nothing is listened to.
 * @example
 * ```ts
 * import { EventBus, fromEventTarget } from 'ambus';
 * const bus = new EventBus<{ 'cart.changed': { items: number } }>();
 * const widget = new EventTarget();
 * using release = fromEventTarget(bus, widget, { change: 'cart.changed' });
 * bus.on('cart.changed', ({ items }) => console.log(items));
 * widget.dispatchEvent(new CustomEvent('change', { detail: { items: 2 } })); // 2
 * ```
 */
export function fromEventTarget<Events extends object>(
  bus: EventBus<Events>,
  target: EventTarget,
  mapping: EmitterMapping<Events, [event: never]>,
): Unsubscribe {
  if (!(['addEventListener', 'removeEventListener'] as const).every((method) => isFunction(target?.[method]))) {
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected fromEventTarget to be given an EventTarget, got ${show(target)}.`,
    );
  }
  return bridge(coreOf('fromEventTarget', bus), 'fromEventTarget', mapping, {
    add: (type, listener) => target.addEventListener(type as string, listener),
    remove: (type, listener) => target.removeEventListener(type as string, listener),
    // Not every `detail` is a payload: that of a click counts clicks.
    payload: (event) => (event instanceof CustomEvent ? event.detail : event),
  });
}

/**
 * An EventTarget on which the events of a bus arrive, each as a CustomEvent with the payload as its
 * `detail`: for code that expects one.
 *
 * @param bus - The bus whose events arrive there. It is listened to for an event from the first
 *   `addEventListener` for that on.
 * @returns The target; disposing of it ends every subscription to the bus.
 * @throws `AmbusError` `INVALID_ARGUMENT`; `addEventListener` throws what `on` throws.
 * @example
 * ```ts
 * import { EventBus, toEventTarget } from 'ambus';
 * const bus = new EventBus<{ 'cart.changed': { items: number } }>();
 * const target = toEventTarget(bus);
 * target.addEventListener('cart.changed', (event) => console.log((event as CustomEvent).detail));
 * bus.emitSync('cart.changed', { items: 2 }); // { items: 2 }
 * ```
 */
export function toEventTarget<Events extends object>(bus: EventBus<Events>): EventTarget & Disposable {
  return new BusEventTarget(coreOf('toEventTarget', bus));
}

class BusEventTarget extends EventTarget {
  readonly #core: BusCore;
  readonly #subscriptions = new Map<string, Subscription>();
  #disposed = false;
  declare readonly [Symbol.dispose]: () => void;

  constructor(core: BusCore) {
    super();
    this.#core = core;
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    const [type] = args;
    assertEmittable(type);
    super.addEventListener(...args);
    if (!this.#disposed && !this.#subscriptions.has(type)) this.#subscriptions.set(type, this.#listenTo(type));
  }

  endAll(): void {
    this.#disposed = true;
    for (const subscription of this.#subscriptions.values()) this.#core.end(subscription, 'off');
    this.#subscriptions.clear();
  }

  #listenTo(type: string): Subscription {
    return listen(this.#core, [type], {
      name: 'toEventTarget',
      priority: undefined,
      ended: noop,
      handler: (payload) => {
        this.dispatchEvent(new CustomEvent(type, { detail: payload }));
      },
    });
  }
}

Object.defineProperty(BusEventTarget.prototype, disposeSymbol, {
  value(this: BusEventTarget) {
    this.endAll();
  },
});
