import type { ListenerContext } from 'ambus';
import type { HeardContext } from 'ambus/plugins';
import type { BotEvents, GithubEvents } from '../events.js';

export type Column = 'draft' | 'in review' | 'merged' | 'closed';

type PullRequestEvent = Extract<keyof GithubEvents, `pull_request.${string}`>;

/**
 * Whether what the pattern `pull_request.*` has heard is an event of GitHub's. One that the types don't know yet will
 * have its pull request where all of them have it.
 */
export function isOfGithub(
  ctx: HeardContext<BotEvents, PullRequestEvent | 'pull_request.checks'>,
): ctx is ListenerContext<BotEvents, PullRequestEvent> {
  return ctx.type !== 'pull_request.checks';
}

/** Follows every pull request through the columns of a board: a handler of the pattern `pull_request.*`. */
export class PullRequestBoard {
  readonly #columns = new Map<string, Column>();

  follow(ctx: ListenerContext<BotEvents, PullRequestEvent>): void {
    const { repository, number } = ctx.payload;
    const pullRequest = `${repository.full_name}#${number}`;
    this.#columns.set(pullRequest, columnAfter(ctx) ?? this.#columns.get(pullRequest) ?? 'in review');
  }

  toJSON(): Record<string, Column> {
    return Object.fromEntries(this.#columns);
  }
}

/** Where the event moves its pull request; undefined for those that move nothing. */
function columnAfter(ctx: ListenerContext<BotEvents, PullRequestEvent>): Column | undefined {
  switch (ctx.type) {
    case 'pull_request.closed':
      return ctx.payload.pull_request.merged ? 'merged' : 'closed';
    case 'pull_request.converted_to_draft':
      return 'draft';
    case 'pull_request.opened':
      return ctx.payload.pull_request.draft ? 'draft' : 'in review';
    case 'pull_request.ready_for_review':
    case 'pull_request.reopened':
      return 'in review';
    default:
      return undefined;
  }
}
