import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../package/repository.js';
import { link, plant, pluginCode, type Tree } from './trees.js';

const execute = promisify(execFile);

/** In a process of its own: in this one, it isn't Node that imports, but the test runner. */
const workshop = mkdtempSync(join(tmpdir(), 'ambus-discovery-built-'));

/** Prints what each plugin is when it is found and when it is loaded, and whose code has been run until then. */
const program = `
const runs = () => [...(globalThis[Symbol.for('ambus.test.runs')] ?? [])];
discoverPlugins(JSON.parse(process.argv[2])).then(async (plugins) => {
  const found = plugins.map(({ name }) => name);
  const before = runs();
  const loaded = [];
  for (const plugin of plugins) loaded.push((await plugin.load()).default);
  console.log(JSON.stringify({ found, before, loaded, after: runs() }));
});
`;

const programs = {
  'an ES module': {
    format: 'esm',
    file: join(workshop, 'program.mjs'),
    head: "import { discoverPlugins } from './discovery.mjs';",
    entry: join(workshop, 'discovery.mjs'),
  },
  CommonJS: {
    format: 'cjs',
    file: join(workshop, 'program.cjs'),
    head: "const { discoverPlugins } = require('./discovery.cjs');",
    entry: join(workshop, 'discovery.cjs'),
  },
} as const;

beforeAll(async () => {
  for (const { entry, file, format, head } of Object.values(programs)) {
    await build({
      entryPoints: [`${root}src/plugins/discovery/index.ts`],
      outfile: entry,
      bundle: true,
      format,
      platform: 'node',
      target: 'es2022',
      logLevel: 'silent',
    });
    writeFileSync(file, head + program);
  }
});

afterAll(() => rmSync(workshop, { recursive: true, force: true }));

interface Printed {
  readonly found: readonly string[];
  readonly before: readonly string[];
  readonly loaded: readonly { readonly name: string }[];
  readonly after: readonly string[];
}

describe.each(Object.entries(programs))('discovery as %s', (_what, { file }) => {
  /** Discovers and loads. Code is run by Node alone, so no feature of newer ones is allowed that makes CommonJS easy. */
  async function load(options: { readonly folder?: string; readonly from?: string }): Promise<Printed> {
    const { stdout } = await execute(process.execPath, [
      '--unhandled-rejections=strict',
      file,
      JSON.stringify(options),
    ]);
    return JSON.parse(stdout) as Printed;
  }

  it('runs the code of plugins when they are loaded, and not before', async () => {
    const folder = plant({
      'package.json': { type: 'module' },
      'audit.js': pluginCode('audit'),
      'mail/package.json': { name: 'mail', type: 'module', exports: './none.js', ambus: './lib/plugin.js' },
      'mail/lib/plugin.js': pluginCode('mail'),
      'mail/none.js': pluginCode('none'),
    });
    expect(await load({ folder })).toMatchObject({
      found: ['audit', 'mail'],
      before: [],
      loaded: [{ name: 'audit' }, { name: 'mail' }],
      after: ['audit', 'mail'],
    });
  });

  it('loads ES modules and CommonJS', async () => {
    const folder = plant({
      'module.mjs': pluginCode('module'),
      'script.cjs': "module.exports = { name: 'script' };",
    });
    expect(await load({ folder })).toMatchObject({ loaded: [{ name: 'module' }, { name: 'script' }] });
  });

  it('loads what a compiler has made of an ES module', async () => {
    const compiled = (assignment: string): string =>
      `"use strict"; Object.defineProperty(exports, "__esModule", { value: true }); ${assignment}`;
    const folder = plant({
      'assigned.cjs': compiled("exports.default = { name: 'assigned' };"),
      'hidden.cjs': compiled("Object.assign(exports, { ['de' + 'fault']: { name: 'hidden' } });"),
    });
    expect(await load({ folder })).toMatchObject({ loaded: [{ name: 'assigned' }, { name: 'hidden' }] });
  });

  it('loads from folders whose names have to be escaped in a URL', async () => {
    const folder = join(plant({ 'a b#c%20ü?/audit.mjs': pluginCode('audit') }), 'a b#c%20ü?');
    expect(await load({ folder })).toMatchObject({ loaded: [{ name: 'audit' }] });
  });

  it('loads a workspace that is reached by two links once', async () => {
    const packages: Tree = {
      'package.json': { dependencies: { audit: '1', 'audit-again': '1' } },
      'plugins/audit/package.json': { name: 'audit', type: 'module', ambus: './plugin.js' },
      'plugins/audit/plugin.js': pluginCode('audit'),
    };
    const from = plant(packages);
    link(from, 'node_modules/audit', 'plugins/audit');
    link(from, 'node_modules/audit-again', 'plugins/audit');
    expect(await load({ from })).toMatchObject({ found: ['audit', 'audit'], after: ['audit'] });
  });
});
