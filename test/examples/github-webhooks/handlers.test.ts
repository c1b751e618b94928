import { describe, expect, it } from 'vitest';
import type { GithubApi } from '../../../examples/github-webhooks/github-api.js';
import { hotTopics } from '../../../examples/github-webhooks/handlers/hot-topics.js';
import { isOfGithub, PullRequestBoard } from '../../../examples/github-webhooks/handlers/pull-request-board.js';
import { scannedEvents, secretScanner } from '../../../examples/github-webhooks/handlers/secret-scanner.js';
import { branchEvents, staleBranchChecker } from '../../../examples/github-webhooks/handlers/stale-branches.js';
import { harness, repository } from './harness.js';

describe('secretScanner', () => {
  const scan = async (body: string): Promise<unknown[]> => {
    const { bus, said, emit } = harness();
    bus.on(scannedEvents, secretScanner);
    expect((await emit('issue_comment.created', { comment: { body }, repository })).ok).toBe(true);
    return said.map(({ payload }) => payload);
  };

  // Put together here, so that no scanner of the repository takes them for real ones.
  it.each([
    ['AWS access key', `AKIA${'A1'.repeat(8)}`],
    ['GitHub token', `ghp_${'a1'.repeat(18)}`],
    ['Slack token', `xoxb-${'1'.repeat(12)}`],
    ['npm token', `npm_${'a1'.repeat(18)}`],
    ['private key', ['-----BEGIN OPENSSH', 'PRIVATE', 'KEY-----'].join(' ')],
    ['password', `password: ${'hunter2'.repeat(2)}`],
  ])('finds a %s and passes on no more than its beginning', async (kind, secret) => {
    const subject = 'octo-org/hello (issue_comment.created)';
    expect(await scan(`so ${secret} there`)).toEqual([{ subject, kind, excerpt: `${secret.slice(0, 6)}...` }]);
  });

  it.each(['-----BEGIN PGP SIGNATURE-----', 'the password is wrong', 'password: ********', 'AKIA'])(
    'takes %j for no secret',
    async (text) => {
      expect(await scan(text)).toEqual([]);
    },
  );

  it('reads commit messages and diffs', async () => {
    const { bus, said, emit } = harness();
    bus.on(scannedEvents, secretScanner);
    const secret = `AKIA${'A1'.repeat(8)}`;
    await emit('push', { commits: [{ message: secret }], repository });
    await emit('pull_request_review_comment.created', { comment: { diff_hunk: `+key = ${secret}` }, repository });
    expect(said).toHaveLength(2);
  });
});

describe('staleBranchChecker', () => {
  const push = { ref: 'refs/heads/topic', repository };

  const check = async (payload: object, commitsBehind: GithubApi['commitsBehind']) => {
    const { bus, clock, said, emit } = harness();
    bus.on(branchEvents, staleBranchChecker({ commitsBehind }, 100), { timeoutMs: 250 });
    const emission = emit('push', payload);
    await clock.advance(250);
    const result = await emission;
    await bus.idle();
    return { result, said };
  };

  it('reports a branch that is far behind', async () => {
    const { said } = await check(push, async () => 100);
    expect(said).toEqual([
      { type: 'bot.branch_stale', payload: { subject: 'octo-org/hello@topic', commitsBehind: 100 } },
    ]);
  });

  it('asks about the branch and the one that it is to be merged into', async () => {
    const asked: unknown[] = [];
    await check(push, async (_caller, ...question) => {
      asked.push(question);
      return 0;
    });
    expect(asked).toEqual([['octo-org/hello', 'main', 'topic']]);
  });

  it('says nothing of a branch that is not', async () => {
    expect((await check(push, async () => 99)).said).toEqual([]);
  });

  it.each(['refs/heads/main', 'refs/tags/v1'])('does not ask about %s', async (ref) => {
    const { result } = await check({ ...push, ref }, async () => {
      throw new Error('asked');
    });
    expect(result.ok).toBe(true);
  });

  it('gives the question up when its time is up', async () => {
    let signal: AbortSignal | undefined;
    const { result, said } = await check(push, (caller) => {
      signal = caller.signal;
      return new Promise((_resolve, reject) => {
        caller.signal.addEventListener('abort', () => reject(caller.signal.reason as Error));
      });
    });
    expect(result.failures.map(({ code }) => code)).toEqual(['HANDLER_TIMEOUT']);
    expect(signal?.aborted).toBe(true);
    expect(said).toEqual([]);
  });
});

describe('hotTopics', () => {
  it('reports many reactions', async () => {
    const { bus, said, emit } = harness();
    bus.on('issues.*', ({ issue }, ctx) => hotTopics(issue, ctx));
    await emit('issues.edited', { issue: { html_url: 'https://example.com/1', reactions: { total_count: 10 } } });
    await emit('issues.edited', { issue: { html_url: 'https://example.com/2', reactions: { total_count: 9 } } });
    expect(said.map(({ payload }) => payload)).toEqual([{ subject: 'https://example.com/1', reactions: 10 }]);
  });
});

describe('PullRequestBoard', () => {
  it('moves a pull request through its columns', async () => {
    const { bus, emit } = harness();
    const board = new PullRequestBoard();
    bus.on('pull_request.*', (_payload, ctx) => {
      if (isOfGithub(ctx)) board.follow(ctx);
    });
    const columns: unknown[] = [];
    for (const [type, pull_request] of [
      ['pull_request.opened', { draft: true }],
      ['pull_request.ready_for_review', {}],
      ['pull_request.labeled', {}],
      ['pull_request.closed', { merged: false }],
      ['pull_request.reopened', {}],
      ['pull_request.converted_to_draft', {}],
      ['pull_request.closed', { merged: true }],
    ] as const) {
      await emit(type, { number: 1, pull_request, repository });
      columns.push(board.toJSON()['octo-org/hello#1']);
    }
    expect(columns).toEqual(['draft', 'in review', 'in review', 'closed', 'in review', 'draft', 'merged']);
  });
});
