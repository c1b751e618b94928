import type { EventBus } from 'ambus';
import { describe, expect, it } from 'vitest';
import type { BotEvents, Finding, ReviewedPullRequest } from '../../../examples/github-webhooks/events.js';
import type { Send } from '../../../examples/github-webhooks/github-api.js';
import {
  checkBuild,
  checkDescription,
  checkSize,
} from '../../../examples/github-webhooks/handlers/pull-request-checks.js';
import { pullRequestReview, reviewedEvents } from '../../../examples/github-webhooks/handlers/pull-request-review.js';
import review from '../../../examples/github-webhooks/plugins/review.js';
import secrets from '../../../examples/github-webhooks/plugins/secrets.js';
import { Reviews } from '../../../examples/github-webhooks/report/reviews.js';
import { harness, repository } from './harness.js';
import { hostOf, manners } from './plugin-harness.js';

/** A pull request with nothing to be said about it, but for what is given. */
const pullRequest = (given: object = {}): ReviewedPullRequest['pullRequest'] =>
  ({
    number: 1,
    title: 'Add a button',
    body: 'It is blue.',
    user: { login: 'mona' },
    requested_reviewers: [],
    changed_files: 1,
    head: { ref: 'button', sha: 'abc' },
    ...given,
  }) as unknown as ReviewedPullRequest['pullRequest'];

const reviewed = (given?: object): ReviewedPullRequest => ({
  repository: repository.full_name,
  pullRequest: pullRequest(given),
});

describe('comment.render', () => {
  const addPlugins = (bus: EventBus<BotEvents>): Promise<void> =>
    hostOf(bus).use(review).use([manners, secrets]).start();
  const key = `AKIA${'A1'.repeat(8)}`;

  it('has each plugin rewrite what the one before has left', async () => {
    const { bus } = harness();
    await addPlugins(bus);
    const { value } = bus.emitSync('comment.render', { subject: 'x', body: `The key is ${key}.` });
    expect(value).toEqual({ subject: 'x', body: 'The key is [AWS access key].\n\n-- the bot' });
  });

  it('cuts a comment after its secrets have gone, and before it is signed', async () => {
    const { bus } = harness();
    await addPlugins(bus);
    const { value } = bus.emitSync('comment.render', { subject: 'x', body: `${'0'.repeat(585)} ${key} 0123456789` });
    expect(value.body).toBe(`${'0'.repeat(585)} [AWS access...\n\n-- the bot`);
  });

  it('keeps a comment as it is where a plugin returns nothing', async () => {
    const { bus } = harness();
    await hostOf(bus).use(manners).start();
    expect(bus.emitSync('comment.render', { subject: 'x', body: 'Short.' }).value.body).toBe('Short.');
  });

  it('takes handlers that are asynchronous', async () => {
    const { bus } = harness();
    bus.on('comment.render', async (comment) => ({ ...comment, body: comment.body.toUpperCase() }));
    await addPlugins(bus);
    const { value } = await bus.emit('comment.render', { subject: 'x', body: 'Hello' });
    expect(value.body).toBe('HELLO\n\n-- the bot');
  });

  it('comes to nothing where a handler fails, rather than to a comment that it was to make safe', async () => {
    const { bus } = harness();
    const fail = (): never => {
      throw new Error('no');
    };
    bus.on('comment.render', fail, { name: 'broken' });
    await addPlugins(bus);
    expect(() => bus.emitSync('comment.render', { subject: 'x', body: key })).toThrow(
      expect.objectContaining({
        code: 'EMIT_FAILED',
        result: expect.objectContaining({ value: undefined }) as unknown,
      }),
    );
  });

  it('refuses what a handler makes of a comment where GitHub would refuse it', () => {
    const { bus } = harness();
    bus.on('comment.render', (comment) => ({ ...comment, body: ' ' }), { name: 'eraser' });
    expect(() => bus.emitSync('comment.render', { subject: 'x', body: 'Hello' })).toThrow(
      expect.objectContaining({
        errors: [
          expect.objectContaining({
            handler: 'eraser',
            cause: expect.objectContaining({ code: 'INVALID_ANSWER' }) as unknown,
          }),
        ],
      }),
    );
  });
});

describe('reviewer.pick', () => {
  const pick = async (given: object, logins: readonly string[] = []) => {
    const { bus } = harness();
    const send: Send = async () => ({ status: 200, body: logins.map((login) => ({ login })) });
    await hostOf(bus, { github: { send } }).use(review).use(manners).start();
    const { value, answeredBy, called } = await bus.emit('reviewer.pick', reviewed(given));
    return { value, answeredBy, called };
  };

  it('takes whom the author has asked, and asks no further', async () => {
    const requested_reviewers = [{ name: 'a team' }, { login: 'octocat' }];
    expect(await pick({ title: 'Bump x', requested_reviewers })).toEqual({
      value: 'octocat',
      answeredBy: 'requested',
      called: 1,
    });
  });

  it('else takes who looks after it', async () => {
    expect(await pick({ title: 'Bump x' })).toEqual({ value: 'octo-deps', answeredBy: 'code-owner', called: 2 });
  });

  it('else takes anybody but the author', async () => {
    expect(await pick({}, ['mona', 'hubot'])).toEqual({ value: 'hubot', answeredBy: 'maintainer', called: 3 });
  });

  it('may find nobody', async () => {
    expect(await pick({}, ['mona'])).toEqual({ value: undefined, answeredBy: undefined, called: 3 });
  });

  it('takes nothing for a reviewer that is no login', () => {
    const { bus } = harness();
    bus.on('reviewer.pick', () => 'no such person');
    expect(() => bus.emitSync('reviewer.pick', reviewed())).toThrow(expect.objectContaining({ code: 'EMIT_FAILED' }));
  });
});

describe('pull_request.checks', () => {
  const check = async (given: object, buildState: () => Promise<'success' | 'failure' | 'pending'>) => {
    const { bus, clock, emit } = harness();
    const settings = async () => ({ maxChangedFiles: 20 });
    bus.on('pull_request.checks', checkBuild({ buildState }), { name: 'check-build' });
    bus.on('pull_request.checks', checkSize({ settings }), { name: 'check-size' });
    bus.on('pull_request.checks', checkDescription, { name: 'check-description' });
    const emission = emit('pull_request.checks', reviewed(given));
    await clock.advance(500);
    return emission;
  };

  it('hears every check, in their order, whichever is done first', async () => {
    const { values, answeredBy, ok } = await check({ body: null, changed_files: 21 }, async () => 'failure');
    expect(values).toEqual([
      { level: 'warning', text: 'Its build has failed.' },
      { level: 'warning', text: 'It changes 21 files.' },
      { level: 'hint', text: 'It has no description.' },
    ]);
    expect(answeredBy).toEqual(['check-build', 'check-size', 'check-description']);
    expect(ok).toBe(true);
  });

  it('has nothing to say of a good one', async () => {
    expect((await check({}, async () => 'success')).values).toEqual([]);
  });

  it('does without a check that takes too long', async () => {
    const result = await check({ body: ' ' }, () => new Promise(() => {}));
    expect(result.answeredBy).toEqual(['check-description']);
    expect(result.failures).toMatchObject([{ handler: 'check-build', code: 'HANDLER_TIMEOUT' }]);
  });
});

describe('pullRequestReview', () => {
  const reviewing = async (add: (bus: EventBus<BotEvents>) => void) => {
    const { bus, said, failures, emit } = harness();
    const comments: unknown[] = [];
    const comment = async (_caller: unknown, ...given: readonly unknown[]): Promise<void> => {
      comments.push(given);
    };
    bus.on(reviewedEvents, pullRequestReview({ comment }), { name: 'review' });
    add(bus);
    await emit('pull_request.opened', { repository, pull_request: pullRequest() });
    await bus.idle();
    return { comments, said, failures };
  };

  it('comments with what the checks have found and whom to ask, and says so', async () => {
    const finding: Finding = { level: 'hint', text: 'It is blue.' };
    const { comments, said } = await reviewing((bus) => {
      bus.on('pull_request.checks', () => finding, { name: 'check-colour' });
      bus.on('reviewer.pick', () => 'hubot', { name: 'lottery' });
    });
    expect(comments).toEqual([
      [
        'octo-org/hello',
        1,
        'Thank you for "Add a button", @mona.\n\n> It is blue.\n\n- hint: It is blue.\n\n@hubot, please have a look.',
      ],
    ]);
    expect(said).toEqual([
      {
        type: 'bot.review_posted',
        payload: { subject: 'octo-org/hello#1', reviewer: 'hubot', pickedBy: 'lottery', foundBy: ['check-colour'] },
      },
    ]);
  });

  it('does without handlers that answer', async () => {
    const { comments, said } = await reviewing(() => {});
    expect(comments).toHaveLength(1);
    expect(said).toMatchObject([{ payload: { subject: 'octo-org/hello#1', foundBy: [] } }]);
  });

  it('posts no comment where one of its handlers has failed', async () => {
    const { comments, failures } = await reviewing((bus) => {
      bus.on('comment.render', () => {
        throw new Error('no');
      });
    });
    expect(comments).toEqual([]);
    expect(failures).toMatchObject([{ code: 'EMIT_FAILED' }]);
  });
});

describe('Reviews', () => {
  it('counts who has picked reviewers, and who has found something', async () => {
    const { bus } = harness();
    const reviews = new Reviews();
    bus.on('bot.review_posted', reviews.add);
    await bus.emit('bot.review_posted', {
      subject: 'a',
      pickedBy: 'requested',
      reviewer: 'x',
      foundBy: ['size', 'build'],
    });
    await bus.emit('bot.review_posted', { subject: 'b', foundBy: ['size'] });
    expect(reviews.posted).toBe(2);
    expect([...reviews.pickedBy]).toEqual([['requested', 1]]);
    expect([...reviews.foundBy]).toEqual([
      ['size', 2],
      ['build', 1],
    ]);
  });
});
