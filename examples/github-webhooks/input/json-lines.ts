import type { Readable } from 'node:stream';
import { isOwnEvent } from '../events.js';
import { type BadLine, type Delivery, deliveryOf } from './delivery.js';

/**
 * Reads one `{"type", "payload"}` a line. A bad line is an item like any other, as it must not end the reading.
 *
 * @param source - What to call the input in messages: `events.jsonl:3`.
 */
export async function* jsonLines(input: Readable, source: string): AsyncGenerator<Delivery | BadLine> {
  let number = 0;
  for await (const line of linesOf(input)) {
    number++;
    if (line.trim() !== '') yield parseLine(line, `${source}:${number}`);
  }
}

function parseLine(line: string, id: string): Delivery | BadLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { id, reason: `not JSON: ${(error as Error).message}` };
  }
  if (!isObject(value)) return { id, reason: `expected an object with "type" and "payload", got ${kindOf(value)}` };
  const { type, payload } = value;
  if (typeof type !== 'string' || type === '') {
    return { id, reason: `expected "type" to be a name such as "issues.opened", got ${kindOf(type)}` };
  }
  if (!isObject(payload)) return { id, reason: `expected "payload" to be an object, got ${kindOf(payload)}` };
  const delivery = deliveryOf(id, type, payload);
  // These are for the bot to say: whoever wrote the file could else have it comment on anything.
  if (isOwnEvent(delivery.event.type)) return { id, reason: `"${delivery.event.type}" is an event of the bot's own` };
  return delivery;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (value === '') return 'an empty string';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}

async function* linesOf(input: Readable): AsyncGenerator<string> {
  // Decodes letters that are cut in two by the end of a chunk, too.
  input.setEncoding('utf8');
  let rest = '';
  let first = true;
  for await (const chunk of input as AsyncIterable<string>) {
    const text = first ? chunk.replace(/^\uFEFF/, '') : chunk;
    first = false;
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}
