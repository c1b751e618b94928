import type { BusCore } from '../../bus/core.js';
import { scope, unwinds } from '../../bus/dispatching/ancestry.js';
import { SLOTTED } from '../../bus/dispatching/context.js';
import type { AnyEmitResult } from '../../bus/dispatching/emit-result.js';
import type { EmitOptions } from '../../bus/options.js';
import type { Settle } from '../settle.js';
import { returned, type SlotHolder } from './slot-holder.js';

/**
 * Emits what a slot is held for.
 *
 * @param settle - Who waits for the result; null for an event that was posted.
 * @returns Whether it has to be waited for.
 */
export function runEmission(
  holder: SlotHolder,
  type: PropertyKey,
  payload: unknown,
  options: EmitOptions | undefined,
  settle: Settle | null,
): boolean {
  const { bus } = holder.queue;
  let outcome: AnyEmitResult | Promise<AnyEmitResult>;
  try {
    // Traced over awaits: a call after one that were not known to be nested would wait for its own slot.
    outcome =
      bus.trace() && scope.store !== null
        ? scope.store.run(holder, dispatch, bus, type, payload, options, holder)
        : dispatch(bus, type, payload, options, holder);
  } catch (error) {
    if (unwinds(error)) throw error;
    returned(holder);
    fail(bus, type, options, settle, error);
    holder.emissionEnded();
    return false;
  }
  returned(holder);
  if (outcome instanceof Promise) {
    outcome.then(
      (result) => {
        settle?.resolve(result);
        endedLater(holder);
      },
      (error: unknown) => {
        fail(bus, type, options, settle, error);
        endedLater(holder);
      },
    );
    return true;
  }
  settle?.resolve(outcome);
  holder.emissionEnded();
  return false;
}

function fail(
  bus: BusCore,
  type: PropertyKey,
  options: EmitOptions | undefined,
  settle: Settle | null,
  error: unknown,
): void {
  if (settle === null) bus.reportRejection(type, error, options);
  else settle.reject(error);
}

/** An emission has ended, and nobody else's code is around: what can start now may do so at once. */
function endedLater(holder: SlotHolder): void {
  const { pump } = holder.queue;
  pump.settling = true;
  try {
    holder.emissionEnded();
  } finally {
    pump.settling = false;
  }
}

function dispatch(
  bus: BusCore,
  type: PropertyKey,
  payload: unknown,
  options: EmitOptions | undefined,
  holder: SlotHolder,
): AnyEmitResult | Promise<AnyEmitResult> {
  return bus.dispatch(type, payload, options, holder, SLOTTED);
}
