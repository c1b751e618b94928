import type { HandlerContext } from 'ambus';
import type { BotEvents } from '../events.js';
import { findSecrets } from '../secrets.js';

export const scannedEvents = [
  'push',
  'commit_comment.created',
  'issues.opened',
  'issues.edited',
  'issue_comment.created',
  'issue_comment.edited',
  'pull_request.opened',
  'pull_request.edited',
  'pull_request_review.submitted',
  'pull_request_review_comment.created',
  'pull_request_review_comment.edited',
  'discussion.created',
  'discussion_comment.created',
  'release.published',
] as const;

type ScannedEvent = (typeof scannedEvents)[number];

/** Looks for secrets in what people write and commit. Synchronous: nothing to wait for, so nothing is awaited. */
export function secretScanner(payload: unknown, ctx: HandlerContext<BotEvents, ScannedEvent>): void {
  const subject = `${ctx.payload.repository.full_name} (${ctx.type})`;
  for (const text of writtenTexts(payload)) {
    // The event's schema sees to it that no handler gets the secret itself.
    for (const found of findSecrets(text)) ctx.post('bot.secret_found', { subject, ...found });
  }
}

/** The fields in which GitHub's payloads carry words and code of people, rather than addresses and ids. */
const writtenFields = new Set(['title', 'body', 'message', 'description', 'diff_hunk']);

function* writtenTexts(value: unknown): Generator<string> {
  if (typeof value !== 'object' || value === null) return;
  for (const [field, inner] of Object.entries(value)) {
    if (typeof inner !== 'string') yield* writtenTexts(inner);
    else if (writtenFields.has(field)) yield inner;
  }
}
