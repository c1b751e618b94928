import { type AmbusError, HandlerError } from 'ambus';
import { PluginError, type PluginPhase, PluginsError } from 'ambus/plugins';

/** Failures of one handler for one reason. */
export interface FailureGroup {
  readonly handler: string;
  readonly code: string;
  readonly reason: string;
  readonly count: number;
  readonly events: readonly string[];
}

/** What went wrong with a plugin as a whole, such as its setup. */
export interface PluginFailure {
  readonly plugin: string;
  readonly phase: PluginPhase;
  readonly code: string;
  readonly reason: string;
}

/**
 * Collects what the bus hands to `onFailure`. Handlers are isolated, and so are plugins, so that a failure is no
 * exception to anybody: this is where the bot hears of it.
 */
export class Failures {
  readonly #groups = new Map<
    string,
    { group: Omit<FailureGroup, 'count' | 'events'>; count: number; events: Set<string> }
  >();
  readonly #plugins: PluginFailure[] = [];

  readonly add = (failure: AmbusError | PluginsError): void => {
    if (failure instanceof PluginsError) failure.errors.forEach(this.add);
    else if (failure instanceof PluginError) this.#addPlugin(failure);
    else this.#addHandler(failure);
  };

  groups(): FailureGroup[] {
    return [...this.#groups.values()].map(({ group, count, events }) => ({ ...group, count, events: [...events] }));
  }

  plugins(): readonly PluginFailure[] {
    return this.#plugins;
  }

  #addPlugin(failure: PluginError): void {
    const { plugin, phase, code } = failure;
    this.#plugins.push({ plugin, phase, code, reason: reasonOf(failure) });
  }

  #addHandler(failure: AmbusError): void {
    // Who is told to give up does so by failing. Why he was told, such as a time limit, is a failure that comes here too.
    if (failure.cause instanceof Error && failure.cause.name === 'AbortError') return;
    const handler = failure instanceof HandlerError ? failure.handler : '(bus)';
    const reason = reasonOf(failure);
    const key = JSON.stringify([handler, failure.code, reason]);
    let known = this.#groups.get(key);
    if (known === undefined) {
      known = { group: { handler, code: failure.code, reason }, count: 0, events: new Set() };
      this.#groups.set(key, known);
    }
    known.count++;
    if (failure instanceof HandlerError) known.events.add(failure.event);
  }
}

/** What was thrown says more than the error around it. */
const reasonOf = ({ cause, message }: AmbusError): string => (cause instanceof Error ? cause.message : message);
