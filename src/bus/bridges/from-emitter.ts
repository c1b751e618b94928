import { AmbusError } from '../../errors.js';
import { assertOptions, isFunction, show } from '../../internal/assertions.js';
import type { BusCore } from '../core.js';
import { describe } from '../dispatching/handler-failure.js';
import { coreOf, type EventBus } from '../event-bus.js';
import type { EventName, InputOf } from '../events/event-map.js';
import { assertEmittable } from '../events/event-name.js';
import type { Unsubscribe } from '../subscribing/handler.js';
import { unsubscribing } from '../subscribing/unsubscribing.js';

/** What `fromEmitter` can listen to: Node's EventEmitter, eventemitter3 and their like. */
export type EmitterLike = { on(event: never, listener: never): unknown } & (
  | { off(event: never, listener: never): unknown }
  | { removeListener(event: never, listener: never): unknown }
);

/** Which events of an emitter become which events of a bus: by name, or with a payload made for it. */
export type EmitterMapping<Events extends object, Arguments extends readonly unknown[] = never[]> = {
  readonly [source: PropertyKey]:
    | EventName<Events>
    | {
        [Name in EventName<Events>]: {
          readonly type: Name;
          /** Makes the payload of what the emitter's listeners get. @default the first argument */
          readonly payload?: ((...args: Arguments) => InputOf<Events, Name>) | undefined;
        };
      }[EventName<Events>];
};

/**
 * Has a bus post what an emitter emits: Node's EventEmitter, eventemitter3, or anything else with `on` and
 * `off` or `removeListener`.
 *
 * @param bus - The bus that posts it.
 * @param emitter - Where it comes from.
 * @param mapping - By the emitter's event: the bus's event, whose payload is the first argument; or
 *   `{ type, payload }` with a function that makes the payload of all arguments. What that throws goes
 *   to the bus's `onFailure`, as `REFUSED`, and never back into the emitter.
 * @returns A function that takes every listener off the emitter again.
 * @throws `AmbusError` `INVALID_ARGUMENT`, `INVALID_EVENT`, `UNDECLARED_EVENT`; then nothing is listened to.
 * @example
 * ```ts
 * import { EventEmitter } from 'node:events';
 * import { EventBus, fromEmitter } from 'ambus';
 * const bus = new EventBus<{ 'job.failed': { id: number; reason: string } }>();
 * const legacy = new EventEmitter();
 * const release = fromEmitter(bus, legacy, {
 *   failed: { type: 'job.failed', payload: (id: number, error: Error) => ({ id, reason: error.message }) },
 * });
 * bus.on('job.failed', ({ id, reason }) => console.log(id, reason));
 * legacy.emit('failed', 7, new Error('no disk')); // 7 no disk
 * release();
 * ```
 */
export function fromEmitter<Events extends object>(
  bus: EventBus<Events>,
  emitter: EmitterLike,
  mapping: EmitterMapping<Events>,
): Unsubscribe {
  const source = emitter as unknown as Partial<Record<'on' | 'off' | 'removeListener', AddOrRemove>> | null | undefined;
  const remove = source?.off ?? source?.removeListener;
  if (!isFunction(source?.on) || !isFunction(remove)) {
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected fromEmitter to be given an emitter with on and off, or removeListener, got ${show(emitter)}.`,
    );
  }
  return bridge(coreOf('fromEmitter', bus), 'fromEmitter', mapping, {
    add: (type, listener) => source?.on?.(type, listener),
    remove: (type, listener) => remove?.call(emitter, type, listener),
    payload: (first) => first,
  });
}

type Listener = (...args: unknown[]) => void;
type AddOrRemove = (type: PropertyKey, listener: Listener) => unknown;

/** Where events come from. */
interface Source {
  readonly add: AddOrRemove;
  readonly remove: AddOrRemove;
  /** What a payload is where the mapping doesn't say. */
  readonly payload: (...args: unknown[]) => unknown;
}

/** Has a bus post what a source emits. */
export function bridge(core: BusCore, where: string, mapping: unknown, source: Source): Unsubscribe {
  if (typeof mapping !== 'object' || mapping === null) {
    throw new AmbusError('INVALID_ARGUMENT', `Expected the mapping of ${where} to be an object, got ${show(mapping)}.`);
  }
  if (core.lifetime.state === 'closed') throw core.closedError('subscriptions');
  const listeners = Reflect.ownKeys(mapping).map((name) => {
    const target: unknown = Reflect.get(mapping, name);
    return [name, listenerFor(core, where, name, target, source)] as const;
  });
  const added: (readonly [PropertyKey, Listener])[] = [];
  const removeAll = (): void => {
    for (const [name, listener] of added) source.remove(name, listener);
  };
  try {
    for (const each of listeners) {
      source.add(...each);
      added.push(each);
    }
  } catch (error) {
    removeAll();
    throw error;
  }
  const off = unsubscribing(() => {
    core.atEnd.delete(off);
    removeAll();
  });
  core.atEnd.add(off);
  return off;
}

function listenerFor(core: BusCore, where: string, name: PropertyKey, target: unknown, source: Source): Listener {
  const { payload = source.payload, type } = (
    typeof target === 'object' && target !== null ? target : { type: target }
  ) as { readonly type: PropertyKey; readonly payload?: Source['payload'] };
  if (typeof target === 'object') assertOptions(`"${String(name)}" of ${where}`, target, ['type', 'payload']);
  assertEmittable(type);
  core.assertDeclared(type);
  if (!isFunction(payload)) {
    throw new AmbusError(
      'INVALID_ARGUMENT',
      `Expected the payload of "${String(name)}" of ${where} to be a function, got ${show(payload)}.`,
    );
  }
  return (...args) => {
    let made: unknown;
    try {
      made = payload(...args);
    } catch (error) {
      const message = `No "${String(type)}" could be made of "${String(name)}" in ${where}: ${describe(error)}.`;
      core.report(new AmbusError('REFUSED', message, { cause: core.drop(type, args, error), details: { type } }));
      return;
    }
    core.post(type, made, undefined);
  };
}
