import { appendFile } from 'node:fs/promises';
import type { HandlerContext } from 'ambus';
import type { BotEvents } from '../events.js';

export const notifiedEvents = [
  'issues.opened',
  'pull_request.opened',
  'release.published',
  'bot.labels_suggested',
  'bot.secret_found',
  'bot.branch_stale',
  'bot.topic_hot',
  'bot.review_posted',
] as const;

type NotifiedEvent = (typeof notifiedEvents)[number];

/** Tells people what happened, one line each. Asynchronous: it returns its promise, and the bus waits for it. */
export function notifier(file: string) {
  return async (_payload: unknown, ctx: HandlerContext<BotEvents, NotifiedEvent>): Promise<void> => {
    await appendFile(file, `${message(ctx)}\n`);
  };
}

function message(ctx: HandlerContext<BotEvents, NotifiedEvent>): string {
  switch (ctx.type) {
    case 'issues.opened':
      return `New issue ${ctx.payload.issue.html_url}: ${ctx.payload.issue.title}`;
    case 'pull_request.opened':
      return `New pull request ${ctx.payload.pull_request.html_url}: ${ctx.payload.pull_request.title}`;
    case 'release.published':
      return `Released ${ctx.payload.repository.full_name} ${ctx.payload.release.tag_name}`;
    case 'bot.labels_suggested':
      return `${ctx.payload.subject} looks like ${ctx.payload.labels.join(', ')}`;
    case 'bot.secret_found':
      return `SECRET in ${ctx.payload.subject}: ${ctx.payload.kind} ${ctx.payload.excerpt}`;
    case 'bot.branch_stale':
      return `${ctx.payload.subject} is ${ctx.payload.commitsBehind} commits behind`;
    case 'bot.topic_hot':
      return `${ctx.payload.subject} has ${ctx.payload.reactions} reactions`;
    case 'bot.review_posted':
      return `${ctx.payload.subject} is for ${ctx.payload.reviewer ?? 'anybody'} to review`;
  }
}
