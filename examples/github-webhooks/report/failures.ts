import { type AmbusError, HandlerError } from 'ambus';

/** Failures of one handler for one reason. */
export interface FailureGroup {
  readonly handler: string;
  readonly code: string;
  readonly reason: string;
  readonly count: number;
  readonly events: readonly string[];
}

/**
 * Collects what the bus hands to `onFailure`. Handlers are isolated, so that a failure is no exception to anybody:
 * this is where the bot hears of it.
 */
export class Failures {
  readonly #groups = new Map<
    string,
    { group: Omit<FailureGroup, 'count' | 'events'>; count: number; events: Set<string> }
  >();

  readonly add = (failure: AmbusError): void => {
    // Who is told to give up does so by failing. Why he was told, such as a time limit, is a failure that comes here too.
    if (failure.cause instanceof Error && failure.cause.name === 'AbortError') return;
    const handler = failure instanceof HandlerError ? failure.handler : '(bus)';
    const reason = failure.cause instanceof Error ? failure.cause.message : failure.message;
    const key = JSON.stringify([handler, failure.code, reason]);
    let known = this.#groups.get(key);
    if (known === undefined) {
      known = { group: { handler, code: failure.code, reason }, count: 0, events: new Set() };
      this.#groups.set(key, known);
    }
    known.count++;
    if (failure instanceof HandlerError) known.events.add(failure.event);
  };

  groups(): FailureGroup[] {
    return [...this.#groups.values()].map(({ group, count, events }) => ({ ...group, count, events: [...events] }));
  }
}
