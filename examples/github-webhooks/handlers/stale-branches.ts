import type { HandlerContext } from 'ambus';
import type { BotEvents } from '../events.js';
import type { GithubApi } from '../github-api.js';

export const branchEvents = [
  'push',
  'pull_request.opened',
  'pull_request.reopened',
  'pull_request.synchronize',
  'pull_request.ready_for_review',
  'check_suite.completed',
  'workflow_run.completed',
] as const;

type BranchEvent = (typeof branchEvents)[number];

/**
 * Asks GitHub how far a branch has fallen behind. The answer sometimes takes too long; the time limit is not
 * handled here: who subscribes the handler, or hosts its plugin, gives it one (`timeoutMs`). All that it has to do is to pass `ctx` on, with its
 * `signal`, so that the request is given up when its time is up.
 */
export function staleBranchChecker(github: Pick<GithubApi, 'commitsBehind'>, staleFrom: number) {
  return async (_payload: unknown, ctx: HandlerContext<BotEvents, BranchEvent>): Promise<void> => {
    const branch = branchOf(ctx);
    const { full_name, default_branch } = ctx.payload.repository;
    if (branch === undefined || branch === default_branch) return;
    const commitsBehind = await github.commitsBehind(ctx, full_name, default_branch, branch);
    if (commitsBehind >= staleFrom) ctx.post('bot.branch_stale', { subject: `${full_name}@${branch}`, commitsBehind });
  };
}

function branchOf(ctx: HandlerContext<BotEvents, BranchEvent>): string | undefined {
  switch (ctx.type) {
    case 'push':
      // Tags are pushed too.
      return ctx.payload.ref.startsWith('refs/heads/') ? ctx.payload.ref.slice('refs/heads/'.length) : undefined;
    case 'check_suite.completed':
      return ctx.payload.check_suite.head_branch ?? undefined;
    case 'workflow_run.completed':
      return ctx.payload.workflow_run.head_branch;
    default:
      return ctx.payload.pull_request.head.ref;
  }
}
