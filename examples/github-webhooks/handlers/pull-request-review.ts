import type { HandlerContext } from 'ambus';
import type { BotEvents, Finding, ReviewedPullRequest } from '../events.js';
import type { GithubApi } from '../github-api.js';

export const reviewedEvents = [
  'pull_request.opened',
  'pull_request.reopened',
  'pull_request.ready_for_review',
] as const;

type ReviewedEvent = (typeof reviewedEvents)[number];

/**
 * Welcomes a pull request: has it checked, finds a reviewer, and comments on it. All of that is done by handlers that
 * it doesn't know; what it gets back is typed by how their events are declared.
 */
export function pullRequestReview(github: Pick<GithubApi, 'comment'>) {
  return async (_payload: unknown, ctx: HandlerContext<BotEvents, ReviewedEvent>): Promise<void> => {
    const { repository, pull_request: pullRequest } = ctx.payload;
    const reviewed: ReviewedPullRequest = { repository: repository.full_name, pullRequest };
    const subject = `${repository.full_name}#${pullRequest.number}`;

    const [checks, pick] = await Promise.all([
      ctx.emit('pull_request.checks', reviewed),
      ctx.emit('reviewer.pick', reviewed),
    ]);
    const { value: comment } = await ctx.emit('comment.render', {
      subject,
      body: draft(pullRequest, checks.values, pick.value),
    });
    await github.comment(ctx, repository.full_name, pullRequest.number, comment.body);

    ctx.post('bot.review_posted', {
      subject,
      reviewer: pick.value,
      pickedBy: pick.answeredBy,
      // The names of the handlers whose answers `values` are.
      foundBy: [...checks.answeredBy],
    });
  };
}

function draft(
  { title, body, user }: ReviewedPullRequest['pullRequest'],
  findings: readonly Finding[],
  reviewer: string | undefined,
): string {
  const quoted = body?.replaceAll(/^/gm, '> ');
  return [
    `Thank you for "${title}", @${user.login}.`,
    quoted,
    findings.map(({ level, text }) => `- ${level}: ${text}`).join('\n'),
    reviewer === undefined ? 'Nobody is there to review it yet.' : `@${reviewer}, please have a look.`,
  ]
    .filter(Boolean)
    .join('\n\n');
}
