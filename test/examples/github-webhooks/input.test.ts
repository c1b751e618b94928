import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { jsonLines } from '../../../examples/github-webhooks/input/json-lines.js';
import { octokitExamples } from '../../../examples/github-webhooks/input/octokit-examples.js';

async function read(...chunks: readonly (string | Buffer)[]): Promise<unknown[]> {
  const input = Readable.from(
    chunks.map((chunk) => Buffer.from(chunk)),
    { objectMode: false },
  );
  const items: unknown[] = [];
  for await (const item of jsonLines(input, 'test')) items.push(item);
  return items;
}

describe('jsonLines', () => {
  it('adds the action of the payload to the type', async () => {
    expect(await read('{"type": "issues", "payload": {"action": "opened"}}')).toEqual([
      { id: 'test:1', event: { type: 'issues.opened', payload: { action: 'opened' } } },
    ]);
  });

  it('takes a type with a dot as it is', async () => {
    expect(await read('{"type": "issues.opened", "payload": {"action": "opened"}}')).toMatchObject([
      { event: { type: 'issues.opened' } },
    ]);
  });

  it('puts together lines and letters that arrive in pieces', async () => {
    const line = Buffer.from('{"type": "größe", "payload": {}}\n');
    expect(await read(line.subarray(0, 13), line.subarray(13), line)).toMatchObject([
      { id: 'test:1', event: { type: 'größe' } },
      { id: 'test:2', event: { type: 'größe' } },
    ]);
  });

  it('counts empty lines but does not mind them, nor a byte order mark or carriage returns', async () => {
    expect(await read('\uFEFF{"type": "a", "payload": {}}\r\n\r\n{"type": "b", "payload": {}}')).toMatchObject([
      { id: 'test:1', event: { type: 'a' } },
      { id: 'test:3', event: { type: 'b' } },
    ]);
  });

  it.each([
    ['{', /^not JSON: /],
    ['[]', 'expected an object with "type" and "payload", got an array'],
    ['null', 'expected an object with "type" and "payload", got null'],
    ['"push"', 'expected an object with "type" and "payload", got a string'],
    ['{"payload": {}}', 'expected "type" to be a name such as "issues.opened", got nothing'],
    ['{"type": "", "payload": {}}', 'expected "type" to be a name such as "issues.opened", got an empty string'],
    ['{"type": 1, "payload": {}}', 'expected "type" to be a name such as "issues.opened", got a number'],
    ['{"type": "api.call", "payload": {}}', '"api.call" is an event of the bot\'s own'],
    [
      '{"type": "pull_request", "payload": {"action": "checks"}}',
      '"pull_request.checks" is an event of the bot\'s own',
    ],
    ['{"type": "push"}', 'expected "payload" to be an object, got nothing'],
    ['{"type": "push", "payload": []}', 'expected "payload" to be an object, got an array'],
  ])('says what is wrong with %s, and goes on', async (line, reason) => {
    const [bad, good] = await read(`${line}\n{"type": "push", "payload": {}}`);
    const expected: unknown = typeof reason === 'string' ? reason : expect.stringMatching(reason);
    expect(bad).toEqual({ id: 'test:1', reason: expected });
    expect(good).toMatchObject({ event: { type: 'push' } });
  });
});

describe('octokitExamples', () => {
  it('names each payload by its type and its action', () => {
    const names = octokitExamples().map(({ event }) => event.type);
    expect(names).toHaveLength(329);
    expect(names).toContain('pull_request.closed');
    expect(names).toContain('push');
    // What the sender of a repository_dispatch calls its action is up to him.
    expect(names).toContain('repository_dispatch.on-demand-test');
  });

  it('gives each delivery an id of its own', () => {
    expect(new Set(octokitExamples().map(({ id }) => id)).size).toBe(329);
  });
});
