import type { HandlerContext } from 'ambus';
import type { BotEvents, Finding, ReviewedPullRequest } from '../events.js';
import type { GithubApi } from '../github-api.js';

type CheckContext = HandlerContext<BotEvents, 'pull_request.checks'>;

/** Synchronous, as there is nothing to wait for. */
export function checkDescription({ pullRequest }: ReviewedPullRequest): Finding | undefined {
  return pullRequest.body?.trim() ? undefined : { level: 'hint', text: 'It has no description.' };
}

/** Asks what the repository allows. The answer is the same for all of its pull requests: the cache has it. */
export function checkSize(github: Pick<GithubApi, 'settings'>) {
  return async ({ repository, pullRequest }: ReviewedPullRequest, ctx: CheckContext): Promise<Finding | undefined> => {
    const { maxChangedFiles } = await github.settings(ctx, repository);
    const { changed_files: changed } = pullRequest;
    return changed > maxChangedFiles ? { level: 'warning', text: `It changes ${changed} files.` } : undefined;
  };
}

/**
 * Asks how the build went. The answer sometimes takes too long: the event has a time limit, and a check that fails is
 * missing from the answers and keeps none of the others out.
 */
export function checkBuild(github: Pick<GithubApi, 'buildState'>) {
  return async ({ repository, pullRequest }: ReviewedPullRequest, ctx: CheckContext): Promise<Finding | undefined> => {
    const state = await github.buildState(ctx, repository, pullRequest.head.sha);
    return state === 'failure' ? { level: 'warning', text: 'Its build has failed.' } : undefined;
  };
}
