import type { HandlerContext } from 'ambus';
import type { BotEvents } from '../events.js';

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

const secrets: readonly { readonly kind: string; readonly pattern: RegExp }[] = [
  { kind: 'AWS access key', pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/ },
  { kind: 'GitHub token', pattern: /\bgh[opsur]_[A-Za-z0-9]{36,}\b|\bgithub_pat_\w{50,}\b/ },
  { kind: 'Slack token', pattern: /\bxox[abprs]-[A-Za-z0-9-]{10,}\b/ },
  { kind: 'npm token', pattern: /\bnpm_[A-Za-z0-9]{36}\b/ },
  // Not every armoured block is secret: signed commits carry "BEGIN PGP SIGNATURE".
  { kind: 'private key', pattern: /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/ },
  { kind: 'password', pattern: /\b(?:password|passwd|pwd)\s*[:=]\s*(?!\*)\S{8,}/i },
];

/** Looks for secrets in what people write and commit. Synchronous: nothing to wait for, so nothing is awaited. */
export function secretScanner(payload: unknown, ctx: HandlerContext<BotEvents, ScannedEvent>): void {
  const subject = `${ctx.payload.repository.full_name} (${ctx.type})`;
  for (const text of writtenTexts(payload)) {
    for (const { kind, pattern } of secrets) {
      const found = pattern.exec(text)?.[0];
      // The secret must not end up in the bot's own files, so that only its beginning is passed on.
      if (found !== undefined) ctx.post('bot.secret_found', { subject, kind, excerpt: `${found.slice(0, 6)}...` });
    }
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
