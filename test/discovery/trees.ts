import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Files by path: text as it is, everything else as JSON. */
export type Tree = Readonly<Record<string, string | object>>;

/** Makes a folder with these files in it, which is gone after the test. Paths in it are real: no link leads there. */
export function plant(files: Tree): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'ambus-discovery-')));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  grow(root, files);
  return root;
}

/** Adds files to such a folder. */
export function grow(root: string, files: Tree): void {
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  }
}

/** Adds a link from one path of such a folder to another. */
export function link(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, from)), { recursive: true });
  symlinkSync(join(root, to), join(root, from), 'junction');
}

/** The files of an installed package with a plugin, whose code notes that it has been run. */
export function installed(name: string, manifest: object = { plugin: './plugin.js' }, more: object = {}): Tree {
  return {
    [`node_modules/${name}/package.json`]: { name, version: '1.0.0', type: 'module', ambus: manifest, ...more },
    [`node_modules/${name}/plugin.js`]: pluginCode(name),
  };
}

/** A package.json that depends on packages. */
export function dependingOn(...names: string[]): { dependencies: Record<string, string> } {
  return { dependencies: Object.fromEntries(names.map((name) => [name, '^1.0.0'])) };
}

const runs = Symbol.for('ambus.test.runs');

/** The code of a plugin that notes when it is run. */
export function pluginCode(name: string): string {
  return `(globalThis[Symbol.for('ambus.test.runs')] ??= []).push('${name}');
export default { name: '${name}', handlers: {} };
`;
}

/** The names of the plugins whose code has been run since the last call. */
export function codeRun(): string[] {
  const names = (Reflect.get(globalThis, runs) ?? []) as string[];
  Reflect.deleteProperty(globalThis, runs);
  return names;
}
