import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { octokitExamples } from '../../../examples/github-webhooks/input/octokit-examples.js';
import type { Summary } from '../../../examples/github-webhooks/report/summary.js';
import { queueingOf } from '../../../examples/github-webhooks/triage.js';
import { buildCommand, type Command, type Finished, finished, sampleEvents } from './command.js';

let command: Command;

beforeAll(async () => {
  command = await buildCommand();
}, 30_000);

afterAll(() => command.remove());

const json = ({ stdout }: Finished): Summary => JSON.parse(stdout) as Summary;

const lineCount = async (file: string): Promise<number> => (await readFile(file, 'utf8')).trimEnd().split('\n').length;

const issue = (action: string): string =>
  JSON.stringify({
    type: 'issues',
    payload: {
      action,
      issue: {
        number: 1,
        title: 'Ünïcode',
        body: '',
        html_url: 'https://example.com/1',
        reactions: { total_count: 0 },
      },
      repository: { full_name: 'octo-org/hello', default_branch: 'main' },
      sender: { login: 'mona', type: 'User' },
    },
  });

describe('without --input', { timeout: 30_000 }, () => {
  let out: string;
  let summary: Summary;
  let run: Finished;

  beforeAll(async () => {
    out = join(command.folder, 'octokit');
    run = await command.run(['--json', '--out', out]);
    summary = json(run);
  }, 30_000);

  it('succeeds and says nothing on standard error', () => {
    expect(run).toMatchObject({ status: 0, stderr: '' });
  });

  it('handles all 329 payloads of 58 types', () => {
    expect(summary.events).toBe(329);
    expect(Object.keys(summary.eventsByType)).toHaveLength(58);
    expect(summary.eventsByType).toMatchObject({ issues: 29, pull_request: 29, push: 7 });
    expect(summary.eventsByName).toMatchObject({ 'issues.opened': 4, 'pull_request.closed': 2, push: 7 });
    expect(summary.unknownTypes).toEqual([]);
  });

  it('has each handler called for its own events', () => {
    const own = Object.entries(summary.ownEvents);
    const sum = (counts: typeof own): number => counts.reduce((total, [, count]) => total + count, 0);
    const calls = Object.fromEntries(summary.handlers.map((row) => [row.handler, row.calls]));
    expect(calls).toEqual({
      'audit-log': 329 + sum(own),
      'secret-scanner': 44,
      labeller: 21,
      // GitHub's 29, and what the bot asks its checks.
      'pull-request-board': 29 + 9,
      'stale-branches': 24,
      review: 9,
      reviews: 9,
      // 4 issues and 4 pull requests opened, 3 releases.
      notifier: 11 + sum(own.filter(([type]) => type.startsWith('bot.'))),
      'hot-topics': 47,
      // A waterfall: each of them, each time.
      'mask-secrets': 9,
      truncate: 9,
      'sign-off': 9,
      // A first: those after an answer are not asked.
      requested: 9,
      'code-owner': 1,
      maintainer: 0,
      // A collect: each of them.
      'check-description': 9,
      'check-size': 9,
      'check-build': 9,
      // An around: the cache answers eight times, and four of the requests are tried once more.
      'api-cache': 40,
      'api-retry': 40 - 8,
      core: 40 - 8 + 4,
    });
    expect(summary.ownEvents['bot.labels_suggested']).toBe(16);
  });

  it('reviews pull requests by what the handlers answer', () => {
    expect(summary.reviews).toEqual({
      posted: 9,
      pickedBy: { requested: 8, 'code-owner': 1 },
      foundBy: { 'check-build': 4, 'check-description': 1 },
    });
  });

  it('asks GitHub once for what the cache can answer, and once more for what has failed', () => {
    expect(summary.api).toEqual({ calls: 40, fromCache: 8, requests: 36, failedRequests: 4 });
  });

  it('comments on pull requests as the plugins have rendered it', async () => {
    const comments = JSON.parse(await readFile(join(out, 'comments.json'), 'utf8')) as Record<string, string[]>;
    expect(Object.keys(comments)).toEqual(['Codertocat/Hello-World#2']);
    expect(comments['Codertocat/Hello-World#2']).toHaveLength(9);
    expect(comments['Codertocat/Hello-World#2']).toContain(
      [
        'Thank you for "Update the README with new information.", @Codertocat.',
        '- hint: It has no description.\n- warning: Its build has failed.',
        '@octocat, please have a look.',
        '-- the bot',
      ].join('\n\n'),
    );
  });

  it('has failures of the handler with a bug, and of what was given up', () => {
    const failures = Object.fromEntries(
      summary.handlers.filter((row) => row.failures > 0).map((row) => [row.handler, row.failures]),
    );
    // Six requests hang until those who ask give up; four others fail, which the retry catches.
    expect(failures).toEqual({ 'hot-topics': 4, core: 6 + 4, 'api-retry': 6, 'api-cache': 6 });
  });

  it('reports the failures that nobody has caught, once', () => {
    expect(summary.failures.map(({ handler, code, count }) => [handler, code, count])).toEqual(
      expect.arrayContaining([
        ['hot-topics', 'HANDLER_FAILED', 4],
        ['stale-branches', 'HANDLER_TIMEOUT', 5],
        ['check-build', 'HANDLER_TIMEOUT', 1],
      ]),
    );
    expect(summary.failures).toHaveLength(3);
    expect(summary.failures).toContainEqual({
      handler: 'hot-topics',
      code: 'HANDLER_FAILED',
      reason: "Cannot read properties of undefined (reading 'total_count')",
      count: 4,
      events: expect.arrayContaining(['issues.edited', 'discussion_comment.created']) as string[],
    });
  });

  it('hosts the plugins that are in the folder, each with its state', () => {
    expect(summary.plugins.map(({ name, version, state, handlers }) => [name, version, state, handlers])).toEqual([
      ['chat', '0.4.0', 'failed', 0],
      ['github-api', '1.4.2', 'active', 2],
      ['labeller', '0.0.0', 'active', 6],
      // Before the manners, as it asks to be.
      ['secrets', '3.0.1', 'active', 2],
      ['manners', '0.0.0', 'active', 2],
      ['records', '2.1.0', 'active', 2],
      ['review', '2.3.0', 'active', 7],
      ['stale-branches', '1.0.3', 'active', 1],
    ]);
  });

  it('runs without the plugin whose setup has failed, and says why', async () => {
    const reason = 'Nobody may join #security without a token';
    expect(summary.pluginFailures).toEqual([{ plugin: 'chat', phase: 'setup', code: 'PLUGIN_SETUP_FAILED', reason }]);
    expect(summary.plugins.find(({ name }) => name === 'chat')?.reason).toContain(reason);
    expect(summary.handlers.map(({ handler }) => handler)).not.toContain('chat');
    expect(await readFile(join(out, 'bot.log'), 'utf8')).toContain('plugin chat: setup failed');
  });

  it('closes the queue, the plugins and the bus with nothing left unfinished', () => {
    expect(summary.close).toEqual({ drained: true, unfinished: [], left: 0 });
    expect(existsSync(join(out, 'left.jsonl'))).toBe(false);
  });

  it('has every event wait in the queue, and reads no more than it has room for', () => {
    const { capacity, mostWaiting, waits } = summary.queue;
    expect(waits.map(({ events, count }) => [events, count])).toEqual([
      ['security', 17],
      ['others', 312],
    ]);
    expect(mostWaiting).toBe(capacity);
  });

  it('handles the events of the busiest repository in the order in which they came', async () => {
    const inBusiest = new Map(
      octokitExamples()
        .filter((delivery) => queueingOf(delivery).key === 'Codertocat/Hello-World')
        .map(({ id, event }) => [id, event.type]),
    );
    const lines = (await readFile(join(out, 'audit.jsonl'), 'utf8')).trimEnd().split('\n');
    const audited = lines
      .map((line) => JSON.parse(line) as { delivery: string; type: string })
      // The bot's own events have the delivery that they come from.
      .filter(({ delivery, type }) => inBusiest.get(delivery) === type);
    expect(audited.map(({ delivery }) => delivery)).toEqual([...inBusiest.keys()]);
  });

  it('writes every event to the audit log, and its notifications', async () => {
    const auditLog = summary.handlers.find(({ handler }) => handler === 'audit-log');
    const notifier = summary.handlers.find(({ handler }) => handler === 'notifier');
    expect(await lineCount(join(out, 'audit.jsonl'))).toBe(auditLog?.calls);
    expect(await lineCount(join(out, 'notifications.txt'))).toBe(notifier?.calls);
    expect(await readFile(join(out, 'audit.jsonl'), 'utf8')).toContain(
      '{"delivery":"push-5","type":"push","by":"Codertocat"}\n',
    );
  });

  it('keeps the board of pull requests', async () => {
    expect(JSON.parse(await readFile(join(out, 'board.json'), 'utf8'))).toEqual({
      'Codertocat/Hello-World#2': expect.any(String) as string,
    });
  });

  it('logs failures with the stack of what was thrown', async () => {
    const log = await readFile(join(out, 'bot.log'), 'utf8');
    expect(log).toContain('error Handler "hot-topics" of "issues.edited" failed');
    expect(log).toMatch(/TypeError: Cannot read properties of undefined.*\n +at hotTopics/);
    expect(log).toMatch(/^warn {2}Handler "stale-branches" of .*"pull_request\.opened" did not settle within 500 ms/m);
  });

  it('prints tables for people', async () => {
    const { stdout, status } = await command.run(['--out', join(command.folder, 'text')]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^329 events of 58 types in \d+\.\d\d s: \d+ events\/s\n/);
    expect(stdout).toMatch(/^ {2}issues +29 /m);
    expect(stdout).toMatch(/^ {2}security +17 +\d+\.\d\d +\d+\.\d\d +\d+\.\d\d$/m);
    expect(stdout).toContain('64 waited at most, and there is room for 64');
    expect(stdout).toMatch(/^ {2}plugin +version +state +setup ms +handlers +reason$/m);
    expect(stdout).toMatch(/^ {2}chat +0\.4\.0 +failed +\S+ +0 .*Nobody may join #security without a token/m);
    expect(stdout).toMatch(/^ {2}manners +0\.0\.0 +active +\S+ +2$/m);
    expect(stdout).toContain('chat, setup: Nobody may join #security without a token');
    expect(stdout).toMatch(/^ {2}handler +calls +failures +timeouts +skipped +p50 ms +p95 ms$/m);
    expect(stdout).toMatch(/^ {2}hot-topics +47 +4 +0 +0 +\d+\.\d\d +\d+\.\d\d$/m);
    expect(stdout).toMatch(/^ {2}code-owner +1 +0 +0 +8 /m);
    expect(stdout).toMatch(/^ {2}reviewers from +requested 8, code-owner 1$/m);
    expect(stdout).toContain('40 calls: 8 answered by the cache, 36 requests sent, 4 of them failed');
    expect(stdout).toContain('4 x hot-topics: Cannot read properties');
    expect(stdout).toContain('The queue, the plugins and the bus have closed: nothing was left unfinished.');
  });
});

describe('with a token for the chat', { timeout: 30_000 }, () => {
  it('has the plugin tell its room of secrets', async () => {
    const out = join(command.folder, 'chat');
    const run = await command.run(['--json', '--input', sampleEvents, '--out', out], '', { CHAT_TOKEN: 'abc' });
    const { pluginFailures, plugins } = json(run);
    expect(pluginFailures).toEqual([]);
    expect(plugins).toContainEqual(expect.objectContaining({ name: 'chat', state: 'active', handlers: 1 }));
    expect(await readFile(join(out, 'chat.txt'), 'utf8')).toBe(
      [
        '#security: AWS access key in octo-org/hello (issues.opened)',
        '#security: AWS access key in octo-org/hello (pull_request.opened)',
        '#security: Goodbye.',
        '',
      ].join('\n'),
    );
  });
});

describe('with --input', { timeout: 30_000 }, () => {
  it('handles the good lines of a file, reports the bad ones and exits with 1', async () => {
    const out = join(command.folder, 'sample');
    const run = await command.run(['--json', '--input', sampleEvents, '--out', out]);
    expect(run.status).toBe(1);
    expect(run.stderr.split('\n')).toEqual([
      expect.stringMatching(/sample-events\.jsonl:3: not JSON: ./),
      expect.stringMatching(/sample-events\.jsonl:5: expected "payload" to be an object, got nothing$/),
      expect.stringMatching(/sample-events\.jsonl:6: .*"issues\.\*"/),
      '',
    ]);
    expect(json(run)).toMatchObject({
      events: 5,
      eventsByName: { 'issues.opened': 1, 'issues.edited': 1, 'deploy.finished': 1, 'pull_request.opened': 1, push: 1 },
      badLines: 3,
    });
  });

  it('audits events that GitHub does not have, and says so', async () => {
    const out = join(command.folder, 'unknown');
    const run = await command.run(['--input', '-', '--out', out], '{"type": "isues.opened", "payload": {}}');
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toContain("Not among GitHub's types: isues.");
    expect(await readFile(join(out, 'audit.jsonl'), 'utf8')).toBe('{"delivery":"stdin:1","type":"isues.opened"}\n');
  });

  it('finds secrets and never writes them down', async () => {
    const out = join(command.folder, 'secrets');
    await command.run(['--input', sampleEvents, '--out', out]);
    const notifications = await readFile(join(out, 'notifications.txt'), 'utf8');
    expect(notifications).toContain('SECRET in octo-org/hello (issues.opened): AWS access key AKIAIO...');
    expect(notifications).toContain('SECRET in octo-org/hello (pull_request.opened): AWS access key AKIAIO...');
    expect(await readFile(join(out, 'comments.json'), 'utf8')).toContain('Set AWS_ACCESS_KEY_ID=[AWS access key]');
    for (const file of ['notifications.txt', 'audit.jsonl', 'bot.log', 'comments.json']) {
      expect(await readFile(join(out, file), 'utf8')).not.toContain('AKIAIOSFODNN7EXAMPLE');
    }
  });

  it('does not label what bots have opened', async () => {
    const run = await command.run(['--json', '--input', sampleEvents]);
    expect(json(run).handlers).toContainEqual(expect.objectContaining({ handler: 'labeller', calls: 3, skipped: 1 }));
  });

  it('reads standard input with "-"', async () => {
    const run = await command.run(['--json', '--input', '-'], `${issue('opened')}\n\n${issue('edited')}\n`);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(json(run)).toMatchObject({ events: 2, eventsByName: { 'issues.edited': 1, 'issues.opened': 1 } });
  });

  it('keeps a handler that meets an unexpected payload from harming anything else', async () => {
    const run = await command.run(['--json', '--input', '-'], '{"type": "pull_request.opened", "payload": {}}');
    const summary = json(run);
    expect(run.status).toBe(0);
    expect(summary.failures.map(({ handler }) => handler)).toEqual(
      expect.arrayContaining(['secret-scanner', 'stale-branches', 'notifier', 'pull-request-board']),
    );
    expect(summary.handlers).toContainEqual(expect.objectContaining({ handler: 'audit-log', calls: 1, failures: 0 }));
  });

  it('runs over an empty input', async () => {
    const run = await command.run(['--input', '-']);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toContain('0 events of 0 types');
  });

  it.each([
    ['a file that is not there', join('no', 'such', 'file'), 'no such file or directory'],
    ['a folder', '.', 'it is a directory'],
  ])('refuses %s', async (_, input, reason) => {
    expect(await command.run(['--input', input])).toEqual({
      status: 2,
      stdout: '',
      stderr: `Can't read ${input}: ${reason}\nTry --help.\n`,
    });
  });
});

describe('the command line', { timeout: 30_000 }, () => {
  it('helps', async () => {
    const run = await command.run(['--help']);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    for (const option of ['--input FILE', '--out DIR', '--json', '--help']) expect(run.stdout).toContain(option);
  });

  it('refuses what it does not know', async () => {
    const stderr = 'Unknown option "--jsn". Did you mean "--json"?\nTry --help.\n';
    expect(await command.run(['--jsn'])).toEqual({ status: 2, stdout: '', stderr });
  });

  it('refuses an --out that cannot be a folder', async () => {
    expect(await command.run(['--out', sampleEvents])).toEqual({
      status: 2,
      stdout: '',
      stderr: `Can't write to ${sampleEvents}: file already exists\nTry --help.\n`,
    });
  });
});

describe('when it is interrupted', { timeout: 30_000 }, () => {
  it.skipIf(process.platform === 'win32').each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'by %s, closes the queue, the plugins and the bus, and prints the summary so far',
    async (signal, exitStatus) => {
      const out = join(command.folder, signal);
      const child = command.start(['--json', '--input', '-', '--out', out]);
      const run = finished(child);
      // Standard input stays open: the command would wait for more.
      child.stdin.write(`${issue('opened')}\n${issue('closed')}\n`);
      const notifications = join(out, 'notifications.txt');
      await vi.waitUntil(() => existsSync(notifications), { timeout: 20_000 });
      child.kill(signal);
      const { status, stdout, stderr } = await run;
      expect({ status, stderr }).toEqual({ status: exitStatus, stderr: '' });
      expect(JSON.parse(stdout)).toMatchObject({ events: 2, interrupted: true, badLines: 0, close: { drained: true } });
    },
  );

  it('stays quiet when nobody reads its output', async () => {
    const child = command.start(['--json']);
    child.stdout.destroy();
    const { status, stderr } = await finished(child);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
