import { attachments } from './attachments.mjs';
import { broadcasts } from './broadcasts.mjs';
import { kinds } from './kinds.mjs';
import { plugins } from './plugins.mjs';
import { queues } from './queues.mjs';
import { streams } from './streams.mjs';
import { subscriptions } from './subscriptions.mjs';

/** What is measured. */
export const cases = [...broadcasts, ...kinds, ...streams, ...queues, ...plugins, ...subscriptions, ...attachments];

/** The contestants of a case that its budgets name, and its controls. */
export function budgeted({ contestants, budgets }) {
  return contestants.filter(
    ({ label, isControl }) => isControl || budgets.some(({ of, against }) => label === of || label === against),
  );
}
