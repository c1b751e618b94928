import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../package/repository.js';
import { buildBlock } from './build-block.js';
import { readCodeBlocks } from './code-blocks.js';

interface Order {
  readonly id: string;
  readonly customer: string;
}

const orders: readonly Order[] = Array.from({ length: 60 }, (_, n) => ({ id: `o${n}`, customer: `c${n % 3}` }));

/** Where the program runs, and keeps what is left. Below node_modules, so that packages are found from there. */
let folder: string;
let program: string;

beforeAll(async () => {
  const block = readCodeBlocks(root).find(({ code }) => code.startsWith('// shop.ts\n'));
  if (block === undefined) throw new Error('The guide has no program "shop.ts".');
  const cache = `${root}node_modules/.cache/`;
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(`${cache}ambus-shop-`);
  program = `${folder}/shop.mjs`;
  await buildBlock(block, program);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The program, started; what it prints can be waited for. */
class Shop {
  readonly lines: string[] = [];
  readonly #child: ChildProcessByStdio<null, Readable, null> = spawn(process.execPath, [program], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  readonly #exit: Promise<unknown[]> = once(this.#child, 'close');
  #heard = (): void => {};

  constructor() {
    createInterface(this.#child.stdout).on('line', (line) => {
      this.lines.push(line);
      this.#heard();
    });
  }

  /** Waits until it has printed so many lines that begin like that. */
  async printed(start: string, count = 1): Promise<string[]> {
    for (;;) {
      const found = this.lines.filter((line) => line.startsWith(start));
      if (found.length >= count) return found;
      await new Promise<void>((resolve, reject) => {
        this.#heard = resolve;
        void this.#exit.then(() => reject(new Error(`It ended without "${start}": ${this.lines.join('\n')}`)));
      });
    }
  }

  async order(placed: readonly Order[]): Promise<number> {
    const [line = ''] = await this.printed('port ');
    const { status } = await fetch(`http://127.0.0.1:${line.slice('port '.length)}`, {
      method: 'POST',
      body: JSON.stringify(placed),
    });
    return status;
  }

  get booked(): string[] {
    return this.lines.filter((line) => line.startsWith('booked ')).map((line) => line.slice('booked '.length));
  }

  /** Tells it to end, and waits until it has. */
  async terminate(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    const [status] = (await this.#exit) as [number | null];
    return status;
  }
}

const kept = (): Order[] =>
  (JSON.parse(readFileSync(`${folder}/left.json`, 'utf8')) as { payload: Order }[]).map(({ payload }) => payload);

// Windows has no signals, it ends the process.
describe.skipIf(process.platform === 'win32')('the program of the guide, told to end by SIGTERM', () => {
  it('keeps what has not begun, and goes on with that when it starts again', async () => {
    const first = new Shop();
    expect(await first.order(orders)).toBe(202);
    await first.printed('booked ');
    expect(await first.terminate()).toBe(0);

    const left = kept();
    const done = first.booked;
    expect(first.lines.at(-1)).toBe(`left ${left.length}, unfinished 0`);
    expect(left.length).toBeGreaterThan(0);
    // In the order in which they came, and each of them either done or left.
    expect(left).toEqual(orders.filter(({ id }) => !done.includes(id)));
    expect(new Set(done).size + left.length).toBe(orders.length);

    const second = new Shop();
    await second.printed('booked ', left.length);
    expect(await second.terminate()).toBe(0);
    expect(second.booked.toSorted()).toEqual(left.map(({ id }) => id).toSorted());
    expect(kept()).toEqual([]);
  });
});
