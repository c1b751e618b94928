import { createContext, runInContext } from 'node:vm';
import { type BuildOptions, build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { codeExports, root } from '../repository.js';

/** Bundles as an application for browsers does. Node's modules stay outside, so that the bundle shows them. */
async function bundleForBrowser(source: BuildOptions) {
  const { outputFiles, metafile } = await build({
    ...source,
    absWorkingDir: root,
    bundle: true,
    write: false,
    metafile: true,
    outdir: 'unused',
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
    globalName: 'ambus',
    external: ['node:*'],
    logLevel: 'silent',
  });
  const imported = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
  return {
    code: outputFiles.map((file) => file.text).join('\n'),
    nodeImports: imported.filter((path) => path.startsWith('node:')),
    packages: packagesAmong(Object.keys(metafile.inputs)),
  };
}

function packagesAmong(files: readonly string[]): string[] {
  const names = files.flatMap((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  return [...new Set(names)].sort();
}

const inline = (contents: string): BuildOptions => ({ stdin: { contents, resolveDir: root } });

describe('a bundle for browsers', () => {
  it.each(codeExports().filter(([subpath]) => subpath !== './discovery'))(
    'of %s has no Node import, and p-queue only if it is the queue',
    async (subpath, conditions) => {
      const bundle = await bundleForBrowser({ entryPoints: [conditions.import.default] });
      expect(bundle.nodeImports).toEqual([]);
      expect(bundle.packages.includes('p-queue')).toBe(subpath === './queue');
      expect(bundle.packages.includes('semver')).toBe(subpath === './plugins');
    },
  );

  it('of discovery imports of Node what reading folders takes', async () => {
    const bundle = await bundleForBrowser({ entryPoints: ['dist/plugins/discovery/index.js'] });
    expect(bundle.nodeImports.toSorted()).toEqual(
      expect.arrayContaining(['node:fs/promises', 'node:path', 'node:url']),
    );
  });

  it('of the core has eventemitter3 and nothing else in it', async () => {
    const bundle = await bundleForBrowser({ entryPoints: ['dist/index.js'] });
    expect(bundle.packages).toEqual(['eventemitter3']);
  });

  it('of the core works where there is nothing of Node', async () => {
    const { code } = await bundleForBrowser({ entryPoints: ['dist/index.js'] });
    // What every browser has; `process`, `require`, `Buffer` and `setImmediate` are not among it.
    const browser = createContext({
      console,
      performance,
      queueMicrotask,
      setTimeout,
      clearTimeout,
      AbortController,
      AbortSignal,
      DOMException,
      Event,
      EventTarget,
    });
    const use = `
      const bus = new ambus.EventBus();
      const seen = [];
      bus.on('x', (payload) => seen.push(payload));
      bus.emitSync('x', 1);
      bus.emit('x', 2).then((result) => JSON.stringify({ ok: result.ok, seen }));
    `;
    await expect(runInContext(`${code}\n${use}`, browser)).resolves.toBe('{"ok":true,"seen":[1,2]}');
  });
});

describe('the check of bundles', () => {
  it('sees a Node import', async () => {
    const bundle = await bundleForBrowser(inline("import { readFileSync } from 'node:fs'; console.log(readFileSync);"));
    expect(bundle.nodeImports).toEqual(['node:fs']);
  });

  it('refuses a Node import without its prefix', async () => {
    await expect(bundleForBrowser(inline("import fs from 'fs'; console.log(fs);"))).rejects.toThrow(
      'Could not resolve',
    );
  });

  it('sees p-queue', async () => {
    const bundle = await bundleForBrowser(inline("import PQueue from 'p-queue'; console.log(PQueue);"));
    expect(bundle.packages).toContain('p-queue');
  });
});
