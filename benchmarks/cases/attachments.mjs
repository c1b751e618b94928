import { ambus } from '../contestants.mjs';
import { again, defineCase } from './define-case.mjs';

const exact = { ...ambus, label: 'exact subscriptions' };
const patterns = { ...ambus, label: 'pattern subscriptions', usePatterns: true };
const noObserver = { ...ambus, label: 'no observer' };
const registrations = { ...ambus, label: 'observer of subscriptions', observer: 'registrations' };
const handlerFacts = { ...ambus, label: 'observer of handlers', observer: 'handlers' };
const noInterceptor = { ...ambus, label: 'no interceptor' };
const elsewhere = { ...ambus, label: 'interceptors of other types', interceptor: 'elsewhere' };
const passing = { ...ambus, label: 'an interceptor that passes on', interceptor: 'passing' };
const adding = { ...ambus, label: 'an interceptor that adds meta', interceptor: 'adding' };

/** An application's call sites: what a bus with something attached to it takes, against the same bus without. */
const attached = { workload: 'sync', shape: { types: 20, handlers: 5 } };

export const attachments = [
  defineCase('patterns', 'emitSync: 20 types with 5 handlers each, subscribed by a pattern', {
    ...attached,
    yardstick: exact,
    contestants: [exact, again(exact), patterns],
    budgets: [[patterns, exact, 1.1]],
  }),
  defineCase('observers', 'emitSync: 20 types with 5 handlers each, with an observer', {
    ...attached,
    yardstick: noObserver,
    contestants: [noObserver, again(noObserver), registrations, handlerFacts],
    budgets: [[registrations, noObserver, 1.05]],
  }),
  defineCase('interceptors', 'emitSync: 20 types with 5 handlers each, with interceptors', {
    ...attached,
    yardstick: noInterceptor,
    contestants: [noInterceptor, again(noInterceptor), elsewhere, passing, adding],
    budgets: [[elsewhere, noInterceptor, 1.05]],
  }),
];
