import type { PullRequest, WebhookEventMap, WebhookEventName } from '@octokit/webhooks-types';
import { around, broadcast, collect, defineEvents, first, typed, waterfall } from 'ambus';
import * as z from 'zod';

// GitHub names a delivery in two places: the header `X-GitHub-Event` says "issues", the payload's `action` says
// "opened". The bot's handlers care about both, so that an event's name here is "issues.opened".
// Distributes over the payloads of one type: each action becomes a name with just its own payload.
type Named<Type extends string, Payload> = Payload extends { readonly action: infer Action extends string }
  ? { readonly type: `${Type}.${Action}`; readonly payload: Payload }
  : { readonly type: Type; readonly payload: Payload };

type NamedWebhook = { [Type in WebhookEventName]: Named<Type, WebhookEventMap[Type]> }[WebhookEventName];

/**
 * Everything that GitHub sends: `issues.opened`, `pull_request.closed`, `push`, ... with the payload of each. Plain
 * types, as these payloads are GitHub's to get right: nothing of this is declared at run time.
 */
export type GithubEvents = { [One in NamedWebhook as One['type']]: One['payload'] };

/** A pull request that is looked at. */
export interface ReviewedPullRequest {
  /** `octo-org/hello` */
  readonly repository: string;
  readonly pullRequest: PullRequest;
}

const subject = z.string().min(1);
const login = z.string().regex(/^[\w-]+(\[bot\])?$/, 'is no login');

const finding = z.object({ level: z.enum(['hint', 'warning']), text: z.string().min(1) });
/** What a check has to say of a pull request. */
export type Finding = z.infer<typeof finding>;

const comment = z.object({
  subject,
  // More than that GitHub refuses.
  body: z.string().trim().min(1).max(65_536),
});
/** A comment on its way to GitHub. */
export type Comment = z.infer<typeof comment>;

/** A request to GitHub's API. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  /** `/repos/octo-org/hello/pulls/1` */
  readonly path: string;
  readonly body?: unknown;
  /** `no-store`: what comes back may be another thing the next time. */
  readonly cache?: 'no-store';
}

export interface ApiResponse {
  readonly status: number;
  readonly body: unknown;
}

/**
 * What the bot itself has to say; its handlers talk to each other through these and never directly. These are
 * declared: how the handlers of each combine, and, by zod here, what is valid.
 */
export const ownEvents = defineEvents({
  // Broadcasts: everybody hears them.
  'bot.labels_suggested': broadcast(z.object({ subject, labels: z.array(z.string()).min(1) })),
  // Goes in with the secret and comes out without: no handler gets to see more than its beginning.
  'bot.secret_found': broadcast(
    z
      .object({ subject, kind: z.string(), secret: z.string() })
      .transform(({ secret, ...found }) => ({ ...found, excerpt: `${secret.slice(0, 6)}...` })),
  ),
  'bot.branch_stale': broadcast(z.object({ subject, commitsBehind: z.int().positive() })),
  'bot.topic_hot': broadcast(z.object({ subject, reactions: z.int().positive() })),
  'bot.review_posted': broadcast(
    z.object({
      subject,
      reviewer: login.optional(),
      /** The handler that has picked the reviewer. */
      pickedBy: z.string().optional(),
      /** The checks that have found something. */
      foundBy: z.array(z.string()),
    }),
  ),

  // A pipeline: each handler gets the comment as the one before has left it. What they return is validated too, and
  // a handler that fails ends it: rather no comment than one with a secret in it.
  'comment.render': waterfall(comment, { validateSteps: true }),
  // A question: the first answer counts.
  'reviewer.pick': first(typed<ReviewedPullRequest>(), { answer: login }),
  // A poll: every answer counts, and one that fails or takes too long harms no other.
  'pull_request.checks': collect(typed<ReviewedPullRequest>(), { answer: finding, mode: 'concurrent', timeoutMs: 500 }),
});

/** What the plugin `github-api` brings along: as long as it isn't there, the bus doesn't know of it. */
export const apiEvents = defineEvents({
  // An onion: handlers around a request, such as a cache.
  'api.call': around<ApiRequest, ApiResponse>(),
});

/** The event map of the bot's bus, and of those who write plugins for it. */
export type BotEvents = GithubEvents & typeof ownEvents & typeof apiEvents;

/** Whether an event is for the bot itself to say. */
export const isOwnEvent = (name: string): boolean => Object.hasOwn(ownEvents, name) || Object.hasOwn(apiEvents, name);

/** What every emission of a delivery carries as `ctx.meta`; the bot's own events inherit it. */
export interface DeliveryMeta extends Readonly<Record<string, unknown>> {
  /** Which delivery all this comes from, as `X-GitHub-Delivery` would say. */
  readonly delivery: string;
}
