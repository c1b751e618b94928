import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The top folder of the repository, with a slash at the end. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url));

interface ConditionalExport {
  readonly import: { readonly types: string; readonly default: string };
  readonly require: { readonly types: string; readonly default: string };
}

interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, ConditionalExport | string>>;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(root + path, 'utf8'));
}

/** The one list of entries: subpath to source file. */
export const entries = readJson('entries.json') as Readonly<Record<string, string>>;

export const manifest = readJson('package.json') as PackageManifest;

/** The exports of package.json that are code, without `./package.json`. */
export function codeExports(): [subpath: string, conditions: ConditionalExport][] {
  return Object.entries(manifest.exports).filter(
    (entry): entry is [string, ConditionalExport] => typeof entry[1] !== 'string',
  );
}

/** What a user writes to import an entry: `./testing` is `ambus/testing`. */
export function specifierOf(subpath: string): string {
  return subpath.replace(/^\./, manifest.name);
}
