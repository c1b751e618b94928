import type { IssuesOpenedEvent, PullRequestClosedEvent, PushEvent } from '@octokit/webhooks-types';
import type { AnyEvent } from 'ambus';
import { describe, expectTypeOf, it } from 'vitest';
import type { BotEvents, GithubEvents } from '../../../examples/github-webhooks/events.js';

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
});
