import { stat } from 'node:fs/promises';
import { isAbsolute, join, normalize } from 'node:path';
import validRange from 'semver/ranges/valid.js';
import { nearest } from '../../internal/assertions.js';
import { discoveryFailed, invalidField, invalidManifest } from './discovery-error.js';
import { fieldOf, isMissing, isObject, messageOf, type PackageManifest } from './package-manifest.js';

const FIELDS: readonly string[] = ['plugin', 'api', 'name'];

/** What a package.json says of the plugin in its package. */
export interface PluginManifest {
  /** The file with the plugin: an absolute path. */
  readonly file: string;
  readonly api: string | undefined;
  readonly name: string | undefined;
}

/** Reads and checks what a package.json says of a plugin; undefined where it says nothing. */
export async function readPluginManifest(
  manifest: PackageManifest,
  field: string,
): Promise<PluginManifest | undefined> {
  const given = fieldOf(manifest, field);
  if (given === undefined) return undefined;
  const content = typeof given === 'string' ? { plugin: given } : given;
  if (!isObject(content)) {
    throw invalidField(manifest.file, field, 'an object with "plugin", or a path', given);
  }
  assertKnown(manifest.file, field, content);
  const { plugin, api, name } = content;
  if (api !== undefined && !isRange(api)) {
    throw invalidField(manifest.file, `${field}.api`, 'a range of versions, such as "^2"', api);
  }
  if (name !== undefined && !isFilled(name)) throw invalidField(manifest.file, `${field}.name`, 'a name', name);

  const pluginField = typeof given === 'string' ? field : `${field}.plugin`;
  if (!isFilled(plugin) || !isWithin(plugin)) {
    const expected = 'a relative path, with slashes, of a file in the package';
    throw invalidField(manifest.file, pluginField, expected, plugin);
  }
  const file = join(manifest.folder, plugin);
  if (!(await isFile(file))) {
    const message = `Expected "${pluginField}" in ${manifest.file} to be a file, but there is none at ${file}. Has the package been built?`;
    throw invalidManifest(message, { file: manifest.file, field: pluginField, value: plugin });
  }
  return { file, api, name };
}

function assertKnown(file: string, field: string, content: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(content)) {
    if (FIELDS.includes(key)) continue;
    const meant = nearest(key, FIELDS);
    const hint = meant === undefined ? `Known are ${FIELDS.join(', ')}.` : `Did you mean "${meant}"?`;
    throw invalidManifest(`Unknown field "${field}.${key}" in ${file}. ${hint}`, {
      file,
      field: `${field}.${key}`,
      known: FIELDS,
      meant,
    });
  }
}

/** Whether a path leads to something in the folder that it is relative to, on every platform. */
function isWithin(path: string): boolean {
  if (isAbsolute(path) || /^[a-z]+:/i.test(path) || path.includes('\\')) return false;
  return !/^\.\.(?:[/\\]|$)/.test(normalize(path));
}

/** Whether there is a file, or a link to one. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isMissing(error)) return false;
    throw discoveryFailed(`${path} can't be read: ${messageOf(error)}`, { file: path }, error);
  }
}

const isRange = (value: unknown): value is string => typeof value === 'string' && validRange(value) !== null;
const isFilled = (value: unknown): value is string => typeof value === 'string' && value !== '';
