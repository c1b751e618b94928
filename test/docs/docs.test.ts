import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import ts from 'typescript';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { root } from '../package/repository.js';
import { buildBlock } from './build-block.js';
import { type CodeBlock, inPlace, readCodeBlocks } from './code-blocks.js';

/**
 * The blocks that aren't executed, with their first line. `no-run` ones are type-checked like all
 * others; `signature` ones show the shape of something, and only have to be valid TypeScript. Kept
 * here, so that nobody opts out in silence.
 */
const notExecuted: readonly string[] = [
  // Waits for requests and a signal: shutting-down.test.ts runs it, and sends both.
  'docs/guides/queues.md: // shop.ts',
];

const execute = promisify(execFile);
const blocks = readCodeBlocks(root);
const executable = blocks.filter((block) => block.flags.length === 0);
const typeChecked = blocks.filter((block) => block.language === 'ts' && !block.flags.includes('signature'));

// Below node_modules, so that Git doesn't see it and packages are found from there.
const workshop = `${root}node_modules/.cache/ambus-docs/`;

/** A file name for a block: `docs/events.md:42` is `docs-events.md-42`. */
function nameOf(block: CodeBlock): string {
  return block.place.replace(/[/:]/g, '-');
}

// Each of them starts a process or a compiler, which may take its time on a busy machine.
vi.setConfig({ testTimeout: 30_000 });

beforeAll(() => {
  rmSync(workshop, { recursive: true, force: true });
  mkdirSync(workshop, { recursive: true });
});

/** Runs a block as a program of its own, since only then an unhandled rejection is certainly its own. */
async function runBlock(block: CodeBlock): Promise<void> {
  const outfile = `${workshop}${nameOf(block)}.mjs`;
  await buildBlock(block, outfile);
  await execute(process.execPath, ['--enable-source-maps', '--unhandled-rejections=strict', outfile], {
    cwd: workshop,
    timeout: 20_000,
  });
}

describe.concurrent('the code in the docs', () => {
  it.each(executable.map((block) => [block.place, block] as const))('runs: %s', async (_place, block) => {
    await runBlock(block);
  });
});

describe('the code in the docs', () => {
  it('type-checks', async () => {
    for (const block of typeChecked) writeFileSync(`${workshop}${nameOf(block)}.mts`, inPlace(block));
    const config = {
      extends: '../../../tsconfig.json',
      compilerOptions: {
        moduleDetection: 'force',
        noUnusedLocals: false,
        noUnusedParameters: false,
        allowUnusedLabels: true,
      },
      include: ['*.mts'],
      exclude: [],
    };
    writeFileSync(`${workshop}tsconfig.json`, JSON.stringify(config));
    if (typeChecked.length === 0) return;
    const said = await execute(`${root}node_modules/.bin/tsc`, ['-p', workshop, '--pretty', 'false']).then(
      () => '',
      (failure: { stdout: string }) => failure.stdout,
    );
    expect(said).toBe('');
  });

  it.each(blocks.filter((block) => block.flags.includes('signature')).map((block) => [block.place, block] as const))(
    'is valid TypeScript where it shows a signature: %s',
    (_place, block) => {
      expect(syntaxErrors(block.code) && syntaxErrors(`declare class Shown {\n${block.code}\n}`)).toBe('');
    },
  );

  it('is found', () => {
    expect(blocks.map((block) => block.file)).toContain('README.md');
  });

  it('has no flags but those that are known', () => {
    const unknown = blocks.flatMap(({ place, flags }) =>
      flags.filter((flag) => flag !== 'no-run' && flag !== 'signature').map((flag) => `${place}: ${flag}`),
    );
    expect(unknown).toEqual([]);
  });

  it('opts out of being executed only where it is listed here', () => {
    const opted = blocks.filter((block) => block.flags.length > 0);
    expect(opted.map((block) => `${block.file}: ${block.code.split('\n')[0]}`)).toEqual(notExecuted);
  });
});

function syntaxErrors(code: string): string {
  const { diagnostics = [] } = ts.transpileModule(code, { reportDiagnostics: true });
  return diagnostics.map((each) => ts.flattenDiagnosticMessageText(each.messageText, '\n')).join('\n');
}
