import type { BusCore } from './core.js';
import { isTraced, scope } from './dispatching/ancestry.js';
import type { Channel } from './dispatching/channel.js';
import { SYNC } from './dispatching/context.js';
import { run, runForPromise } from './dispatching/dispatch.js';
import type { AnyEmitResult, ResultOf } from './dispatching/emit-result.js';
import type { Plan } from './dispatching/plan.js';
import type { EventName, InputOf, PayloadOf, VoidEventName } from './events/event-map.js';
import { handlersOf } from './observing/take-snapshot.js';
import type { EmitOptions } from './options.js';
import type { EmitOptionsOf, Handler, SubscribeOptions, Unsubscribe } from './subscribing/handler.js';
import { subscribe } from './subscribing/subscribe.js';

type Arguments<Events extends object, Name extends keyof Events> =
  Name extends VoidEventName<Events>
    ? [payload?: InputOf<Events, Name>, options?: EmitOptionsOf<Events, Name> | undefined]
    : [payload: InputOf<Events, Name>, options?: EmitOptionsOf<Events, Name> | undefined];

/**
 * One event of a bus: the verbs of {@link Emitting} without the event's name, and without looking it
 * up. For hot paths, and for code that should see one event and not the whole bus.
 *
 * @example
 * ```ts
 * import { EventBus } from 'ambus';
 * const bus = new EventBus<{ tick: number }>();
 * const tick = bus.event('tick');
 * tick.on((n) => console.log(n));
 * tick.emitSync(1); // 1
 * ```
 */
export interface EventHandle<Events extends object, Name extends EventName<Events>> {
  readonly type: Name;
  /** How many live handlers hear it, listeners included. */
  readonly handlerCount: number;
  on(handler: Handler<Events, Name>, options?: SubscribeOptions<PayloadOf<Events, Name>>): Unsubscribe;
  once(handler: Handler<Events, Name>, options?: Omit<SubscribeOptions<PayloadOf<Events, Name>>, 'times'>): Unsubscribe;
  emit(...args: Arguments<Events, Name>): Promise<ResultOf<Events, Name>>;
  emitSync(...args: Arguments<Events, Name>): ResultOf<Events, Name>;
  dispatch(...args: Arguments<Events, Name>): ResultOf<Events, Name> | Promise<ResultOf<Events, Name>>;
  post(...args: Arguments<Events, Name>): void;
}

export class BusEventHandle {
  readonly type: PropertyKey;
  readonly #core: BusCore;
  #channel: Channel;

  constructor(core: BusCore, type: PropertyKey) {
    this.type = type;
    this.#core = core;
    this.#channel = core.channel(type);
  }

  get handlerCount(): number {
    return handlersOf(this.#core, this.type);
  }

  on(handler: unknown, options?: unknown): Unsubscribe {
    return subscribe('event.on', this.#core, null, this.type, handler, options);
  }

  once(handler: unknown, options?: unknown): Unsubscribe {
    return subscribe('event.once', this.#core, null, this.type, handler, options, 1);
  }

  emit(payload?: unknown, options?: EmitOptions): Promise<AnyEmitResult> {
    const plan = this.#hotPlan(options);
    return plan === undefined
      ? this.#look().emit(this.type, payload, options)
      : runForPromise(plan, payload, scope.current);
  }

  emitSync(payload?: unknown, options?: EmitOptions): AnyEmitResult {
    const plan = this.#hotPlan(options);
    return (
      plan === undefined
        ? this.#look().dispatch(this.type, payload, options, undefined, SYNC)
        : run(plan, payload, SYNC, scope.current)
    ) as AnyEmitResult;
  }

  dispatch(payload?: unknown, options?: EmitOptions): AnyEmitResult | Promise<AnyEmitResult> {
    const plan = this.#hotPlan(options);
    return plan === undefined
      ? this.#look().dispatch(this.type, payload, options, undefined, 0)
      : run(plan, payload, 0, scope.current);
  }

  post(payload?: unknown, options?: EmitOptions): void {
    this.#look().post(this.type, payload, options);
  }

  #hotPlan(options: EmitOptions | undefined): Plan | undefined {
    const { plan } = this.#channel;
    return plan !== null && plan.fast && options === undefined && !isTraced() ? plan : undefined;
  }

  /** Finds the channel again where the bus has cleared it away and made another one. */
  #look(): BusCore {
    this.#channel = this.#core.channel(this.type);
    return this.#core;
  }
}
