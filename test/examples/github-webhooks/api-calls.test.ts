import { describe, expect, it } from 'vitest';
import type { ApiRequest, ApiResponse } from '../../../examples/github-webhooks/events.js';
import { ApiError, GithubApi, type Send } from '../../../examples/github-webhooks/github-api.js';
import { apiCache } from '../../../examples/github-webhooks/handlers/api-cache.js';
import { apiRetry } from '../../../examples/github-webhooks/handlers/api-retry.js';
import { SimulatedGithub } from '../../../examples/github-webhooks/simulated-github.js';
import { harness } from './harness.js';

const settings: ApiRequest = { method: 'GET', path: '/repos/octo-org/hello/contents/.github/bot.json' };
const status: ApiRequest = { method: 'GET', path: '/repos/octo-org/hello/commits/1/status', cache: 'no-store' };
const comment: ApiRequest = { method: 'POST', path: '/repos/octo-org/hello/issues/1/comments', body: {} };

/** A GitHub that answers with the number of the request, or fails as it is told. */
function countingGithub(fail: (request: number) => unknown = () => undefined) {
  const sent: string[] = [];
  const send: Send = async ({ path }) => {
    sent.push(path);
    const error = fail(sent.length);
    if (error !== undefined) throw error;
    return { status: 200, body: sent.length };
  };
  return { sent, send };
}

describe('apiCache', () => {
  const cached = () => {
    const { bus } = harness();
    bus.on('api.call', apiCache(), { name: 'api-cache' });
    return bus;
  };

  it('answers in place of GitHub what has been asked before', async () => {
    const bus = cached();
    const { sent, send } = countingGithub();
    const first = await bus.emit('api.call', settings, { core: send });
    const second = await bus.emit('api.call', settings, { core: send });
    expect([first.value?.body, second.value?.body]).toEqual([1, 1]);
    expect([first.answeredBy, second.answeredBy]).toEqual([undefined, 'api-cache']);
    expect(sent).toHaveLength(1);
  });

  it('has those who ask at the same time share the answer', async () => {
    const bus = cached();
    const { sent, send } = countingGithub();
    const results = await Promise.all([1, 2, 3].map(() => bus.emit('api.call', settings, { core: send })));
    expect(results.map(({ value }) => value?.body)).toEqual([1, 1, 1]);
    expect(sent).toHaveLength(1);
  });

  it.each([
    ['what changes', status],
    ['what writes', comment],
  ])('never answers %s', async (_, request) => {
    const bus = cached();
    const { sent, send } = countingGithub();
    await bus.emit('api.call', request, { core: send });
    expect((await bus.emit('api.call', request, { core: send })).value?.body).toBe(2);
    expect(sent).toHaveLength(2);
  });

  it('takes a failure for no answer, neither for those who share it nor for those who come after', async () => {
    const bus = cached();
    const { send } = countingGithub((request) => (request === 1 ? new ApiError(404, 'Not Found') : undefined));
    const [first, second] = await Promise.allSettled([
      bus.emit('api.call', settings, { core: send }),
      bus.emit('api.call', settings, { core: send }),
    ]);
    expect(first.status).toBe('rejected');
    expect(second).toMatchObject({ status: 'fulfilled', value: { value: { body: 2 } } });
    expect((await bus.emit('api.call', settings, { core: send })).value?.body).toBe(3);
  });
});

describe('apiRetry', () => {
  const badGateway = new ApiError(502, 'Bad Gateway');

  const call = async (fail: (request: number) => unknown) => {
    const { bus, failures } = harness();
    bus.on('api.call', apiRetry({ attempts: 3, backoffMs: 0 }), { name: 'api-retry' });
    const { sent, send } = countingGithub(fail);
    const [result] = await Promise.allSettled([bus.emit('api.call', settings, { core: send })]);
    return { result, requests: sent.length, failures };
  };

  it('tries again what has failed on their side, and nobody hears of that failure', async () => {
    const { result, requests, failures } = await call((request) => (request < 3 ? badGateway : undefined));
    expect(result).toMatchObject({ status: 'fulfilled', value: { ok: true, failures: [], value: { body: 3 } } });
    expect(requests).toBe(3);
    expect(failures).toEqual([]);
  });

  it('gives up after some attempts', async () => {
    const { result, requests } = await call(() => badGateway);
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'EMIT_FAILED' } });
    expect((result as PromiseRejectedResult).reason).toMatchObject({ errors: [{ cause: badGateway }] });
    expect(requests).toBe(3);
  });

  it.each([new ApiError(404, 'Not Found'), new TypeError('a bug')])('does not try again after %s', async (error) => {
    const { result, requests } = await call(() => error);
    expect(result.status).toBe('rejected');
    expect(requests).toBe(1);
  });
});

describe('GithubApi', () => {
  it('asks through the handlers of api.call, and counts what they have answered', async () => {
    const { bus } = harness();
    bus.on('api.call', apiCache(), { name: 'api-cache', priority: 1 });
    bus.on('api.call', apiRetry({ attempts: 2, backoffMs: 0 }));
    const github = new SimulatedGithub();
    const api = new GithubApi(github.send);
    const answers: unknown[] = [];
    bus.on('push', async (_payload, ctx) => {
      answers.push(await api.settings(ctx, 'octo-org/hello'), await api.collaborators(ctx, 'octo-org/hello'));
      answers.push(await api.settings(ctx, 'octo-org/hello'));
      await api.comment(ctx, 'octo-org/hello', 1, 'Hello!');
    });
    expect((await bus.emit('push', {} as never)).failures).toEqual([]);
    expect(answers).toEqual([{ maxChangedFiles: 20 }, ['octo-org', 'octocat'], { maxChangedFiles: 20 }]);
    expect(github.comments()).toEqual({ 'octo-org/hello#1': ['Hello!'] });
    // Each of the three paths had a failure first.
    expect({ ...api.usage, ...github.usage }).toEqual({ calls: 4, fromCache: 1, requests: 6, failedRequests: 3 });
  });

  it('refuses an answer that is not what GitHub promises', async () => {
    const { bus } = harness();
    const api = new GithubApi(async (): Promise<ApiResponse> => ({ status: 200, body: { behind_by: 'many' } }));
    bus.on('push', (_payload, ctx) => api.commitsBehind(ctx, 'octo-org/hello', 'main', 'topic'));
    expect((await bus.emit('push', {} as never)).failures).toMatchObject([{ cause: { name: 'ZodError' } }]);
  });

  it('gives a request up with the handler that has made it', async () => {
    const { bus, clock } = harness();
    let signal: AbortSignal | undefined;
    const api = new GithubApi((_request, caller) => {
      signal = caller.signal;
      return new Promise((_resolve, reject) => {
        caller.signal.addEventListener('abort', () => reject(caller.signal.reason as Error));
      });
    });
    bus.on('push', (_payload, ctx) => api.commitsBehind(ctx, 'octo-org/hello', 'main', 'topic'), { timeoutMs: 250 });
    const emission = bus.emit('push', {} as never);
    await clock.advance(250);
    expect((await emission).failures).toMatchObject([{ code: 'HANDLER_TIMEOUT' }]);
    await bus.idle();
    expect(signal?.aborted).toBe(true);
  });
});
