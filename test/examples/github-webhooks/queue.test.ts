import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventQueue, type QueueOptions } from 'ambus/queue';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openBot } from '../../../examples/github-webhooks/bot.js';
import { deliverAll } from '../../../examples/github-webhooks/deliver.js';
import type { BotEvents } from '../../../examples/github-webhooks/events.js';
import { Files } from '../../../examples/github-webhooks/files.js';
import { type BadLine, type Delivery, deliveryOf } from '../../../examples/github-webhooks/input/delivery.js';
import { jsonLines } from '../../../examples/github-webhooks/input/json-lines.js';
import { Waits } from '../../../examples/github-webhooks/observers/waits.js';
import { queueingOf } from '../../../examples/github-webhooks/triage.js';
import { deferred, promisesSettled, rejectionOf } from '../../bus/deferred.js';
import { harness } from './harness.js';

const from = (repository: string): object => ({ repository: { full_name: repository } });

/** The bot's intake, with handlers that a test lets go on. */
function intake(options: QueueOptions = {}) {
  const { bus, clock } = harness();
  const queue = new EventQueue<BotEvents>(bus, options);
  const started: unknown[] = [];
  const underWay = new Map<unknown, () => void>();
  let endsAtOnce = false;
  bus.onAny(async (_event, { meta: { delivery } }) => {
    started.push(delivery);
    const { promise, resolve } = deferred();
    underWay.set(delivery, resolve);
    if (endsAtOnce) resolve();
    await promise;
  });
  const badLines: BadLine[] = [];
  const stop = new AbortController();
  return {
    bus,
    clock,
    queue,
    started,
    badLines,
    stop,
    deliver: (items: Iterable<Delivery | BadLine>) =>
      deliverAll(queue, items, { signal: stop.signal, onBadLine: (line) => badLines.push(line) }),
    /** Lets these handlers end, and what follows happen. */
    next: async (...deliveries: string[]): Promise<void> => {
      for (const delivery of deliveries) underWay.get(delivery)?.();
      // On a busy machine the queue lets the event loop have a turn between any two of them.
      for (let turn = 0; turn < 5; turn++) await promisesSettled();
    },
    /** Lets all handlers end, and those to come at once. */
    rest: (): void => {
      endsAtOnce = true;
      for (const end of underWay.values()) end();
    },
  };
}

describe('a delivery', () => {
  const queueing = (type: string, payload: object) => queueingOf(deliveryOf('test', type, payload));

  it.each([
    'code_scanning_alert',
    'dependabot_alert',
    'repository_vulnerability_alert',
    'secret_scanning_alert',
    'secret_scanning_alert_location',
    'security_advisory',
  ])('is about security where it is a %s, and then goes first', (type) => {
    const { priority = 0 } = queueing(type, { action: 'created' });
    expect(priority).toBeGreaterThan(queueing('issues', { action: 'opened' }).priority ?? 0);
  });

  it('waits for those of its repository', () => {
    expect(queueing('push', from('octo-org/hello')).key).toBe('octo-org/hello');
  });

  it.each([
    ['none', {}],
    ['null', { repository: null }],
    ['one without a name', { repository: {} }],
    ['one whose name is no text', { repository: { full_name: 1 } }],
    ['no object', { repository: 'hello' }],
  ])('waits for nobody where its repository is %s', (_what, payload) => {
    expect(queueing('push', payload).key).toBeUndefined();
  });
});

describe('the queue', () => {
  it('lets security events overtake those of other repositories', async () => {
    const { deliver, next, queue, rest, started } = intake({ paused: true });
    const done = deliver([
      deliveryOf('push', 'push', from('a')),
      deliveryOf('issue', 'issues.opened', from('b')),
      deliveryOf('advisory', 'security_advisory.published', {}),
      deliveryOf('alert', 'dependabot_alert.created', from('c')),
    ]);
    await next();
    queue.resume();
    rest();
    await done;
    expect(started).toEqual(['advisory', 'alert', 'push', 'issue']);
  });

  it('keeps the order within a repository, which an alert takes to the front', async () => {
    const { deliver, next, queue, rest, started } = intake({ paused: true });
    const done = deliver([
      deliveryOf('other', 'push', from('a')),
      deliveryOf('push', 'push', from('b')),
      deliveryOf('alert', 'secret_scanning_alert.created', from('b')),
      deliveryOf('issue', 'issues.opened', from('b')),
    ]);
    await next();
    queue.resume();
    rest();
    await done;
    expect(started).toEqual(['push', 'alert', 'other', 'issue']);
  });

  it('handles the events of a repository one at a time, and those of others beside them', async () => {
    const { deliver, next, rest, started } = intake({ concurrency: 8 });
    const done = deliver([
      deliveryOf('a1', 'push', from('a')),
      deliveryOf('a2', 'issues.opened', from('a')),
      deliveryOf('b1', 'push', from('b')),
      deliveryOf('a3', 'code_scanning_alert.created', from('a')),
    ]);
    await next();
    expect(started).toEqual(['a1', 'b1']);
    await next('a1');
    expect(started).toEqual(['a1', 'b1', 'a2']);
    await next('b1');
    expect(started).toEqual(['a1', 'b1', 'a2']);
    rest();
    await done;
    expect(started).toEqual(['a1', 'b1', 'a2', 'a3']);
  });

  it('has events without a repository wait for nobody', async () => {
    const { deliver, next, rest, started } = intake({ concurrency: 8 });
    const done = deliver([
      deliveryOf('a1', 'push', from('a')),
      deliveryOf('a2', 'push', from('a')),
      deliveryOf('org1', 'organization.renamed', {}),
      deliveryOf('org2', 'organization.renamed', {}),
    ]);
    await next();
    expect(started).toEqual(['a1', 'org1', 'org2']);
    rest();
    await done;
  });
});

describe('reading', () => {
  /** Pushes of a repository each, and how many of them have been read. */
  function pushes(count: number) {
    const read = { count: 0 };
    function* items(): Generator<Delivery> {
      while (read.count < count) yield deliveryOf(`push-${++read.count}`, 'push', from(`repository-${read.count}`));
    }
    return { read, items: items() };
  }

  it('goes no further than there is room', async () => {
    const { deliver, next, queue, rest } = intake({ concurrency: 2, capacity: 3 });
    const { read, items } = pushes(100);
    const done = deliver(items);
    await next();
    expect([read.count, queue.running, queue.size]).toEqual([5, 2, 3]);
    await next('push-1');
    expect([read.count, queue.running, queue.size]).toEqual([6, 2, 3]);
    rest();
    await done;
    expect(queue.inspect().counts).toMatchObject({ ended: 100, rejected: 0 });
  });

  it('goes on after what is no delivery, and after what cannot be emitted', async () => {
    const { badLines, deliver, rest, started } = intake();
    const done = deliver([
      { id: 'line-1', reason: 'not JSON' },
      deliveryOf('line-2', 'issues.*', {}),
      deliveryOf('line-3', 'push', from('a')),
    ]);
    rest();
    await done;
    expect(started).toEqual(['line-3']);
    expect(badLines).toEqual([
      { id: 'line-1', reason: 'not JSON' },
      { id: 'line-2', reason: expect.stringContaining('issues.*') as string },
    ]);
  });

  it('ends when it is told to, and leaves in the queue what has been read', async () => {
    const { deliver, next, queue, stop } = intake({ capacity: 2, paused: true });
    const { read, items } = pushes(100);
    const stopped = rejectionOf(deliver(items));
    await next();
    stop.abort('SIGTERM');
    expect(await stopped).toBe('SIGTERM');
    expect([read.count, queue.size]).toEqual([2, 2]);
  });
});

describe('Waits', () => {
  it('measures security events and others apart, and knows the most that have waited', async () => {
    const { bus, clock, deliver, next, queue, rest } = intake({ paused: true });
    const waits = new Waits();
    bus.observe(waits);
    const done = deliver([
      deliveryOf('push-1', 'push', from('a')),
      deliveryOf('push-2', 'push', from('b')),
      deliveryOf('advisory', 'security_advisory.published', {}),
    ]);
    await next();
    await clock.advance(10);
    queue.resume();
    await next();
    await clock.advance(5);
    await next('advisory');
    await clock.advance(100);
    rest();
    await done;
    expect(waits.most).toBe(3);
    expect(waits.metrics()).toEqual([
      { events: 'security', count: 1, p50Ms: 10, p95Ms: 10, longestMs: 10 },
      { events: 'others', count: 2, p50Ms: 15, p95Ms: 115, longestMs: 115 },
    ]);
  });
});

describe('closing the bot', () => {
  /** A bot with a folder of plugins that has just these files. */
  async function open(plugins: Readonly<Record<string, string>> = {}) {
    const out = await mkdtemp(join(tmpdir(), 'github-webhooks-'));
    onTestFinished(() => rm(out, { recursive: true }));
    const folder = join(out, 'plugins');
    await mkdir(folder);
    for (const [file, text] of Object.entries(plugins)) await writeFile(join(folder, file), text);
    const bot = await openBot({ files: await Files.open(out), plugins: folder });
    const stop = new AbortController();
    const deliver = (...deliveries: Delivery[]): Promise<void> =>
      deliverAll(bot.queue, deliveries, { signal: stop.signal, onBadLine: () => {} });
    return { bot, deliver, out, stop };
  }

  it('keeps what has not been handled where --input finds it', async () => {
    const { bot, deliver, out, stop } = await open();
    bot.queue.pause();
    const pushes = [deliveryOf('1', 'push', from('a')), deliveryOf('2', 'issues.opened', from('a'))];
    const stopped = rejectionOf(deliver(...pushes));
    await promisesSettled();
    stop.abort('SIGTERM');
    await stopped;

    const report = await bot.close({ drainMs: 2_000 });
    expect(report).toMatchObject({ drained: false, unfinished: [] });
    expect(report.left).toHaveLength(2);
    const kept: unknown[] = [];
    for await (const line of jsonLines(createReadStream(join(out, 'left.jsonl')), 'left')) kept.push(line);
    expect(kept).toMatchObject(pushes.map(({ event }) => ({ event })));
  });

  it('tells of a plugin that never ends, and goes on without it', async () => {
    const { bot, deliver, stop } = await open({
      'endless.cjs': `module.exports = {
        name: 'endless',
        handlers: { push: function wait() { return new Promise(() => {}); } },
      };`,
    });
    const stopped = rejectionOf(deliver(deliveryOf('1', 'push', from('a'))));
    await vi.waitUntil(() => bot.queue.running > 0);
    stop.abort('SIGTERM');
    await stopped;

    const report = await bot.close({ drainMs: 20 });
    expect(report).toMatchObject({ drained: false, left: [], unfinished: [{ event: 'push', handlers: ['wait'] }] });
    expect(report.plugins).toMatchObject([{ name: 'endless', state: 'active' }]);
    expect(bot.failures.plugins()).toMatchObject([{ plugin: 'endless', phase: 'drain', code: 'PLUGIN_NOT_DRAINED' }]);
  });

  it('has nothing to tell of a bot without plugins', async () => {
    const { bot, deliver } = await open();
    await deliver(deliveryOf('1', 'push', from('a')));
    expect(await bot.close()).toMatchObject({ drained: true, plugins: [], api: { calls: 0, requests: 0 } });
  });
});
