import type { IssuesOpenedEvent, PullRequestClosedEvent, PushEvent } from '@octokit/webhooks-types';
import type { AnswerOf, AnyEvent, InputOf, PayloadOf, ResultOf } from 'ambus';
import { describe, expect, expectTypeOf, it } from 'vitest';
import type {
  ApiResponse,
  BotEvents,
  Comment,
  Finding,
  GithubEvents,
} from '../../../examples/github-webhooks/events.js';
import { harness } from './harness.js';

// The compiler checks these, in `npm run typecheck`.
describe('the event map', () => {
  it('gives each action its own payload', () => {
    expectTypeOf<GithubEvents['issues.opened']>().toEqualTypeOf<IssuesOpenedEvent>();
    expectTypeOf<GithubEvents['pull_request.closed']>().toEqualTypeOf<PullRequestClosedEvent>();
  });

  it('has the bare type where there is no action, and only there', () => {
    expectTypeOf<GithubEvents['push']>().toEqualTypeOf<PushEvent>();
    expectTypeOf<GithubEvents>().not.toHaveProperty('issues');
  });

  it('leaves the action open where its sender names it', () => {
    expectTypeOf<GithubEvents['repository_dispatch.anything']>().toHaveProperty('client_payload');
  });

  it('narrows the payload of any event by its type', () => {
    type Opened = Extract<AnyEvent<BotEvents>, { readonly type: 'issues.opened' }>;
    expectTypeOf<Opened['payload']>().toEqualTypeOf<IssuesOpenedEvent>();
  });

  it('takes GitHub events for broadcasts, beside declared ones', () => {
    expectTypeOf<PayloadOf<BotEvents, 'issues.opened'>>().toEqualTypeOf<IssuesOpenedEvent>();
    expectTypeOf<ResultOf<BotEvents, 'issues.opened'>['value']>().toEqualTypeOf<undefined>();
  });

  it('has callers give what a schema takes, and handlers get what it makes of that', () => {
    type Input = InputOf<BotEvents, 'bot.secret_found'>;
    type Payload = PayloadOf<BotEvents, 'bot.secret_found'>;
    expectTypeOf<Input>().toEqualTypeOf<{ subject: string; kind: string; secret: string }>();
    expectTypeOf<Payload>().toEqualTypeOf<{ subject: string; kind: string; excerpt: string }>();
  });

  it('knows what the handlers of each kind answer', () => {
    expectTypeOf<ResultOf<BotEvents, 'comment.render'>['value']>().toEqualTypeOf<Comment>();
    expectTypeOf<ResultOf<BotEvents, 'reviewer.pick'>['value']>().toEqualTypeOf<string | undefined>();
    expectTypeOf<ResultOf<BotEvents, 'pull_request.checks'>['values']>().toEqualTypeOf<readonly Finding[]>();
    expectTypeOf<AnswerOf<BotEvents, 'api.call'>>().toEqualTypeOf<ApiResponse>();
  });
});

describe("the bot's own events", () => {
  it('reach handlers without what a schema takes away', async () => {
    const { bus, said } = harness();
    await bus.emit('bot.secret_found', { subject: 'x', kind: 'password', secret: 'hunter2hunter2' });
    expect(said).toEqual([
      { type: 'bot.secret_found', payload: { subject: 'x', kind: 'password', excerpt: 'hunter...' } },
    ]);
  });

  it('are refused where they are not valid, before any handler runs', async () => {
    const { bus, said } = harness();
    const refusal = { code: 'INVALID_PAYLOAD', message: expect.stringContaining('labels') as string };
    await expect(bus.emit('bot.labels_suggested', { subject: 'x', labels: [] })).rejects.toMatchObject(refusal);
    expect(said).toEqual([]);
  });
});
