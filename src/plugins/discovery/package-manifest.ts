import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { show } from '../../internal/assertions.js';
import { discoveryFailed, invalidManifest } from './discovery-error.js';

/** A package.json: where it is, and what stands in it, of which nothing but that it is an object has been checked. */
export interface PackageManifest {
  /** The folder that it is in. */
  readonly folder: string;
  readonly file: string;
  readonly content: Readonly<Record<string, unknown>>;
}

/** Reads the package.json of a folder; undefined where there is none. */
export async function readPackageManifest(folder: string): Promise<PackageManifest | undefined> {
  const file = join(folder, 'package.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw discoveryFailed(`${file} can't be read: ${messageOf(error)}`, { file }, error);
  }
  return { folder, file, content: parse(file, text) };
}

function parse(file: string, text: string): PackageManifest['content'] {
  let content: unknown;
  try {
    // Some editors put a byte order mark there, and npm takes it.
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw invalidManifest(`Expected ${file} to be JSON, but it isn't: ${messageOf(error)}`, { file }, error);
  }
  if (isObject(content)) return content;
  throw invalidManifest(`Expected ${file} to be an object, got ${show(content)}.`, { file, value: content });
}

/** What a package.json says under a name of its own: not `constructor`, which every object has. */
export function fieldOf({ content }: PackageManifest, field: string): unknown {
  return Object.hasOwn(content, field) ? content[field] : undefined;
}

/** Whether an error of the file system says that something isn't there. */
export function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
