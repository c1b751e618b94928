import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assertOption, assertOptions, invalidOption, isFunction } from '../../internal/assertions.js';
import type { DiscoverOptions } from './options.js';

const WHERE = 'discoverPlugins';
const EXTENSIONS: readonly string[] = ['.js', '.mjs', '.cjs'];

/** Whether something of this name is looked at. */
export type NameFilter = (name: string) => unknown;

interface CommonSettings {
  readonly field: string;
  readonly filter: NameFilter;
}

export interface DependencySettings extends CommonSettings {
  /** An absolute path. */
  readonly from: string;
  readonly dev: boolean;
}

export interface FolderSettings extends CommonSettings {
  /** An absolute path. */
  readonly folder: string;
  readonly extensions: readonly string[];
}

/** Fills in the defaults, and refuses what makes no sense. */
export function resolveDiscoverOptions(options: DiscoverOptions | undefined): DependencySettings | FolderSettings {
  assertOptions(WHERE, options, ['from', 'dev', 'folder', 'extensions', 'field', 'filter']);
  const given = options ?? {};
  assertOption(WHERE, 'field', given.field, 'a name', isFilled);
  assertOption(WHERE, 'filter', given.filter, 'a function', isFunction);
  assertOption(WHERE, 'dev', given.dev, 'true or false', (value) => typeof value === 'boolean');
  assertOption(WHERE, 'extensions', given.extensions, 'an array of names that start with a dot', areExtensions);
  const common = { field: given.field ?? 'ambus', filter: given.filter ?? (() => true) };

  if (given.folder === undefined) {
    // The types forbid both, the check is for those who have none.
    assertOption(WHERE, 'extensions', given.extensions as unknown, 'left out where there is no "folder"', never);
    const from = given.from === undefined ? process.cwd() : pathOf('from', given.from);
    return { ...common, from, dev: given.dev ?? false };
  }
  assertOption(WHERE, 'from', given.from as unknown, 'left out where there is a "folder"', never);
  assertOption(WHERE, 'dev', given.dev as unknown, 'left out where there is a "folder"', never);
  return { ...common, folder: pathOf('folder', given.folder), extensions: given.extensions ?? EXTENSIONS };
}

/** The absolute path that a path or a `file:` URL means. */
function pathOf(option: 'from' | 'folder', value: unknown): string {
  // Not `instanceof`: a test environment may have put another URL in the place of Node's.
  const href = typeof value === 'object' && value !== null && 'href' in value ? value.href : value;
  // More than a letter before the colon: `C:\plugins` is a path.
  if (typeof href === 'string' && href !== '' && !/^(?:file:|[a-z][a-z\d+.-]+:\/\/)/i.test(href)) return resolve(href);
  try {
    return fileURLToPath(href as string);
  } catch {
    throw invalidOption(WHERE, option, 'a path or a file: URL', href);
  }
}

function areExtensions(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isExtension);
}

const isExtension = (value: unknown): boolean => typeof value === 'string' && /^\.[^/\\]+$/.test(value);
const isFilled = (value: unknown): boolean => typeof value === 'string' && value !== '';
const never = (): boolean => false;
