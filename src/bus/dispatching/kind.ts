import type { EventKind } from '../events/event-declaration.js';
import type { FailurePolicy } from '../options.js';
import { type Answers, CollectedAnswers, FirstAnswer, waterfallAnswers } from './answers.js';
import { Onion } from './around.js';

interface Kind {
  /** Whether handlers may run at the same time. */
  readonly fansOut: boolean;
  /** The failure policy, where nobody has set one: what is to be trusted fails closed. */
  readonly failurePolicy: FailurePolicy;
  /** For one emission; null where there is nothing to combine. */
  answers(): Answers | null;
}

/** What makes each kind what it is. */
export const KINDS: Readonly<Record<EventKind, Kind>> = {
  broadcast: { fansOut: true, failurePolicy: 'isolate', answers: () => null },
  waterfall: { fansOut: false, failurePolicy: 'stop', answers: () => waterfallAnswers },
  first: { fansOut: false, failurePolicy: 'stop', answers: () => new FirstAnswer() },
  collect: { fansOut: true, failurePolicy: 'isolate', answers: () => new CollectedAnswers() },
  around: { fansOut: false, failurePolicy: 'stop', answers: () => new Onion() },
};
