import type { WebhookEventMap, WebhookEventName } from '@octokit/webhooks-types';

// GitHub names a delivery in two places: the header `X-GitHub-Event` says "issues", the payload's `action` says
// "opened". The bot's handlers care about both, so that an event's name here is "issues.opened".
// Distributes over the payloads of one type: each action becomes a name with just its own payload.
type Named<Type extends string, Payload> = Payload extends { readonly action: infer Action extends string }
  ? { readonly type: `${Type}.${Action}`; readonly payload: Payload }
  : { readonly type: Type; readonly payload: Payload };

type NamedWebhook = { [Type in WebhookEventName]: Named<Type, WebhookEventMap[Type]> }[WebhookEventName];

/** Everything that GitHub sends: `issues.opened`, `pull_request.closed`, `push`, ... with the payload of each. */
export type GithubEvents = { [One in NamedWebhook as One['type']]: One['payload'] };

/** What the bot itself has to say; its handlers talk to each other through these and never directly. */
export interface OwnEvents {
  'bot.labels_suggested': { readonly subject: string; readonly labels: readonly string[] };
  'bot.secret_found': { readonly subject: string; readonly kind: string; readonly excerpt: string };
  'bot.branch_stale': { readonly subject: string; readonly commitsBehind: number };
  'bot.topic_hot': { readonly subject: string; readonly reactions: number };
}

/** The event map of the bot's bus. */
export type BotEvents = GithubEvents & OwnEvents;

/** What every emission of a delivery carries as `ctx.meta`; the bot's own events inherit it. */
export interface DeliveryMeta extends Readonly<Record<string, unknown>> {
  /** Which delivery all this comes from, as `X-GitHub-Delivery` would say. */
  readonly delivery: string;
}
