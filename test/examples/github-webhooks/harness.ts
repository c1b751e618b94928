import { EventBus, HandlerError, type InputOf } from 'ambus';
import { ManualClock } from 'ambus/testing';
import { apiEvents, type BotEvents, ownEvents } from '../../../examples/github-webhooks/events.js';

/** The events by which the bot's handlers say what they have found out. */
const said = [
  'bot.labels_suggested',
  'bot.secret_found',
  'bot.branch_stale',
  'bot.topic_hot',
  'bot.review_posted',
] as const;

/** A bus with the bot's events, which remembers what handlers say. The payloads of its tests have just what handlers read. */
export function harness({ withApi = true } = {}) {
  const clock = new ManualClock();
  const failures: unknown[] = [];
  const bus = new EventBus<BotEvents>({
    // What the plugin `github-api` declares is there without it, for tests of single handlers.
    events: withApi ? { ...ownEvents, ...apiEvents } : ownEvents,
    undeclared: 'allow',
    clock,
    onFailure: (failure) => failures.push(failure instanceof HandlerError ? failure.cause : failure),
  });
  const heard: { type: string; payload: unknown }[] = [];
  bus.on(said, (payload, ctx) => heard.push({ type: ctx.type, payload }));
  const emit = <Name extends keyof BotEvents>(type: Name, payload: object) =>
    bus.emit(type, payload as InputOf<BotEvents, Name>, { meta: { delivery: 'test' } });
  return { bus, clock, failures, said: heard, emit };
}

export const repository = { full_name: 'octo-org/hello', default_branch: 'main' };
