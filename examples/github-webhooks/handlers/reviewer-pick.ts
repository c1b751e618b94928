import type { HandlerContext } from 'ambus';
import type { BotEvents, ReviewedPullRequest } from '../events.js';
import type { GithubApi } from '../github-api.js';

// Asked one after the other, until one has an answer. Whoever has none returns nothing.

const owners: readonly (readonly [RegExp, string])[] = [
  [/\b(readme|docs?|documentation)\b/i, 'octo-docs'],
  [/\b(bump|dependenc(y|ies))\b/i, 'octo-deps'],
];

/** Those who look after what the pull request is about. */
export function codeOwner({ pullRequest }: ReviewedPullRequest): string | undefined {
  return owners.find(([pattern]) => pattern.test(pullRequest.title))?.[1];
}

/** Anybody else who may review. Has to ask GitHub: asynchronous, which those before it aren't. */
export function anyMaintainer(github: Pick<GithubApi, 'collaborators'>) {
  return async (
    { repository, pullRequest }: ReviewedPullRequest,
    ctx: HandlerContext<BotEvents, 'reviewer.pick'>,
  ): Promise<string | undefined> => {
    const logins = await github.collaborators(ctx, repository);
    return logins.find((login) => login !== pullRequest.user.login);
  };
}
