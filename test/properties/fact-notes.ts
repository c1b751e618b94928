import type { BusObserver } from '../../src/index.js';
import { describe, describeFailure } from './chronicle.js';

/** What notes need to be made. */
interface Notebook {
  readonly add: (facet: string, fact: unknown) => void;
  readonly violated: (text: string) => void;
  readonly now: () => number;
}

/** An observer of every fact that notes them down, and sees whether they are in balance. */
export class FactNotes {
  /** How many handlers have started and not settled, and the same of emissions. */
  handlers = 0;
  emissions = 0;
  readonly observer: BusObserver;
  readonly #labels = new Map<string, string>();

  constructor({ add, violated, now }: Notebook) {
    const labelOf = (id: string) => this.#labels.get(id) ?? `unknown ${id}`;
    this.observer = {
      emissionStarted: (fact) => {
        const label = emissionLabel(fact.payload);
        this.emissions++;
        if (this.#labels.has(fact.emissionId)) violated('an emission id is used twice');
        this.#labels.set(fact.emissionId, label);
        const { parentId, meta, mode, sync, handlers } = fact;
        const parent = parentId === undefined ? undefined : labelOf(parentId);
        add(`start of ${label}`, { parent, meta, mode, sync, handlers });
      },
      emissionSettled: (fact) => {
        const { emissionId, outcome, rejected, called, skipped, stopped, failures } = fact;
        this.emissions--;
        const texts = failures.map(describeFailure);
        add(`end of ${labelOf(emissionId)}`, { outcome, rejected, called, skipped, stopped, failures: texts });
      },
      handlerStarted: () => void this.handlers++,
      handlerSettled: (fact) => {
        this.handlers--;
        if ((fact.failure === undefined) !== (fact.outcome === 'ok')) violated('a failed run has no failure');
        const text = `${now()} ms: ${fact.handler} ${fact.outcome}${fact.async ? ' async' : ''}`;
        add(`settled handlers of ${labelOf(fact.emissionId)}, in any order`, text);
      },
      handlerSkipped: ({ emissionId, handler, reason }) =>
        add(`skips of ${labelOf(emissionId)}, in any order`, `${handler}: ${reason}`),
      lateSettled: ({ emissionId, handler, outcome }) =>
        add('late work, in any order', `${now()} ms: ${labelOf(emissionId)}>${handler} ${outcome}`),
      subscribed: ({ handler }) => add('subscribed', handler),
      unsubscribed: ({ handler, reason }) => add('unsubscribed, in any order', `${handler}: ${reason}`),
      dropped: ({ payload, error }) => add('dropped', `${emissionLabel(payload)}: ${describe(error)}`),
    };
  }
}

/** The payload of every emission is its label; an any-handler gets it within the event. */
export function emissionLabel(payload: unknown): string {
  return typeof payload === 'object' && payload !== null && 'payload' in payload
    ? String(payload.payload)
    : String(payload);
}
