import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PluginHost, type PluginObject } from 'ambus/plugins';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BotEvents } from '../../../examples/github-webhooks/events.js';
import { Files } from '../../../examples/github-webhooks/files.js';
import type { Send } from '../../../examples/github-webhooks/github-api.js';
import chat from '../../../examples/github-webhooks/plugins/chat.js';
import githubApi from '../../../examples/github-webhooks/plugins/github-api.js';
import labeller from '../../../examples/github-webhooks/plugins/labeller.js';
import records from '../../../examples/github-webhooks/plugins/records.js';
import review from '../../../examples/github-webhooks/plugins/review.js';
import secrets from '../../../examples/github-webhooks/plugins/secrets.js';
import staleBranches from '../../../examples/github-webhooks/plugins/stale-branches.js';
import type { Chat } from '../../../examples/github-webhooks/services.js';
import { treatmentOf } from '../../../examples/github-webhooks/treatment.js';
import { harness, repository } from './harness.js';
import { hostOf, manners } from './plugin-harness.js';

async function openFiles() {
  const folder = await mkdtemp(join(tmpdir(), 'github-webhooks-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = await Files.open(folder);
  onTestFinished(() => files.close());
  return { files, read: (name: string) => readFile(join(folder, name), 'utf8') };
}

describe('the order of plugins', () => {
  it.each([
    ['as they are discovered', [manners, review, secrets]],
    ['backwards', [secrets, review, manners]],
    ['anyhow', [review, manners, secrets]],
  ])('is the same whether they are used %s', async (_, plugins) => {
    const { bus } = harness();
    const host = hostOf(bus);
    for (const plugin of plugins) host.use(plugin as PluginObject<BotEvents>);
    await host.start();
    const handlersOf = (type: 'comment.render' | 'reviewer.pick'): string[] =>
      host.explain(type).handlers.map(({ handler }) => handler);
    expect(handlersOf('comment.render')).toEqual(['mask-secrets', 'truncate', 'sign-off']);
    expect(handlersOf('reviewer.pick')).toEqual(['requested', 'code-owner', 'maintainer']);
  });
});

describe('github-api', () => {
  const push = { ref: 'refs/heads/topic', repository };
  const send: Send = async () => ({ status: 200, body: { behind_by: 150 } });

  it('gives those that require it their API', async () => {
    const { bus, said, emit } = harness();
    await hostOf(bus, { github: { send } }).use(staleBranches, { staleFrom: 150 }).start();
    await emit('push', push);
    await bus.idle();
    expect(said).toMatchObject([{ type: 'bot.branch_stale', payload: { commitsBehind: 150 } }]);
  });

  it('brings its event along, and takes it away with it', async () => {
    const { bus } = harness({ withApi: false });
    const host = new PluginHost(bus, { services: { github: { send } } }).use(githubApi);
    const request = { method: 'GET', path: '/' } as const;
    // An event that nobody has declared is a broadcast, and has no answer.
    expect((await bus.emit('api.call', request)).value).toBeUndefined();
    await host.start();
    const core = async (): Promise<{ status: number; body: string }> => ({ status: 200, body: 'hello' });
    expect((await bus.emit('api.call', request, { core })).value).toEqual({ status: 200, body: 'hello' });
    await host.stop();
  });

  it('has those that require it blocked where it cannot be set up, and the others run', async () => {
    const { bus, failures } = harness();
    const host = new PluginHost(bus, { services: { github: { send } }, onSetupError: 'continue' })
      .use(githubApi, { attempts: 0 })
      .use(review)
      .use(staleBranches)
      .use(secrets)
      .use(manners);
    await host.start();
    expect(host.status().map(({ name, state }) => [name, state])).toEqual([
      ['github-api', 'failed'],
      ['secrets', 'active'],
      ['manners', 'active'],
      ['review', 'blocked'],
      ['stale-branches', 'blocked'],
    ]);
    expect(host.plugin('review').status().reason).toContain('github-api');
    expect(failures).toContainEqual(expect.objectContaining({ code: 'INVALID_PLUGIN_OPTIONS', plugin: 'github-api' }));
  });
});

describe('labeller', () => {
  const label = async (type: Parameters<ReturnType<typeof harness>['emit']>[0], payload: object) => {
    const { bus, said, failures, emit } = harness();
    const { settings } = treatmentOf('labeller');
    const host = new PluginHost(bus).use(labeller, undefined, settings);
    await host.start();
    const result = await emit(type, { sender: { type: 'User' }, ...payload, repository });
    return { said, failures, called: result.called };
  };

  it.each([
    ['issues.opened', { issue: { number: 1, title: 'It crashes', body: null } }, ['bug']],
    [
      'issues.edited',
      { issue: { number: 1, title: 'Spelling error in the README file', body: '' } },
      ['documentation'],
    ],
    [
      'pull_request.opened',
      { pull_request: { number: 1, title: 'Bump x', body: 'See docs' } },
      ['documentation', 'dependencies'],
    ],
    [
      'push',
      { ref: 'refs/heads/ci', commits: [{ message: 'Go', added: ['.github/workflows/a.yml'], modified: [] }] },
      ['ci'],
    ],
  ] as const)('labels %s', async (type, payload, labels) => {
    expect((await label(type, payload)).said).toMatchObject([{ type: 'bot.labels_suggested', payload: { labels } }]);
  });

  it('says nothing where no label fits', async () => {
    const issue = { number: 1, title: 'Hello', body: '' };
    expect(await label('issues.opened', { issue })).toMatchObject({ said: [], failures: [], called: 1 });
  });

  it('has its host keep it away from what bots have opened', async () => {
    const issue = { number: 1, title: 'It crashes', body: '' };
    expect(await label('issues.opened', { issue, sender: { type: 'Bot' } })).toMatchObject({ said: [], called: 0 });
  });

  it('may say nothing but what it is for', async () => {
    const { bus, said, failures, emit } = harness();
    const { settings } = treatmentOf('labeller');
    const gossip = (_payload: unknown, tools: { post(event: string, payload: object): void }): void =>
      tools.post('bot.topic_hot', { subject: 'x', reactions: 10 });
    await new PluginHost(bus).use({ name: 'labeller', handlers: { push: gossip } }, undefined, settings).start();
    await emit('push', { sender: { type: 'User' } });
    expect(said).toEqual([]);
    expect(failures).toMatchObject([{ code: 'FORBIDDEN_EVENT' }]);
  });
});

describe('chat', () => {
  const chatting = (enter: Chat['join']) => {
    const { bus, failures } = harness();
    const host = new PluginHost(bus, { services: { chat: { join: enter } }, onSetupError: 'continue', log: () => {} });
    return { bus, failures, host };
  };
  const found = { subject: 'octo-org/hello', kind: 'npm token', secret: 'npm_1234567890' };

  it('says in its room what secrets were found, until it leaves', async () => {
    const said: string[] = [];
    const { bus, host } = chatting(async (room, token) => ({
      say: async (text) => void said.push(`${room} ${token} ${text}`),
      leave: async () => void said.push('left'),
    }));
    await host.use(chat, { token: 'abc' }).start();
    await bus.emit('bot.secret_found', found);
    await host.stop();
    await bus.emit('bot.secret_found', found);
    expect(said).toEqual(['#security abc npm token in octo-org/hello', 'left']);
  });

  it('is failed where the chat does not let it in, and the host knows why', async () => {
    const { bus, failures, host } = chatting(async () => {
      throw new Error('no entry');
    });
    await host.use(chat).start();
    expect(host.plugin('chat').status()).toMatchObject({ state: 'failed', handlers: 0, resources: 0 });
    expect(failures).toMatchObject([{ code: 'PLUGIN_SETUP_FAILED', plugin: 'chat', phase: 'setup' }]);
    expect((await bus.emit('bot.secret_found', found)).called).toBe(1);
  });
});

describe('records', () => {
  it('writes down what happens, and in the end where each pull request is', async () => {
    const { bus, emit } = harness();
    const { files, read } = await openFiles();
    const host = new PluginHost(bus, { services: { files } }).use(records);
    await host.start();
    await emit('pull_request.opened', {
      number: 1,
      pull_request: { draft: true },
      repository,
      sender: { login: 'mona' },
    });
    await host.stop();
    expect(await read('audit.jsonl')).toBe('{"delivery":"test","type":"pull_request.opened","by":"mona"}\n');
    expect(JSON.parse(await read('board.json'))).toEqual({ 'octo-org/hello#1': 'draft' });
  });

  it('starts with an empty board each time that it is set up', async () => {
    const { bus, emit } = harness();
    const { files, read } = await openFiles();
    const host = new PluginHost(bus, { services: { files } }).use(records);
    await host.start();
    await emit('pull_request.opened', { number: 1, pull_request: { draft: true }, repository });
    await host.disable('records');
    await host.enable('records');
    await host.stop();
    expect(JSON.parse(await read('board.json'))).toEqual({});
  });
});
