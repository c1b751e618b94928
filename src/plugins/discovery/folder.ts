import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DiscoveredPlugin, describeFile, describePackage } from './discovered-plugin.js';
import { discoveryFailed } from './discovery-error.js';
import { messageOf, readPackageManifest } from './package-manifest.js';
import { isFile } from './plugin-manifest.js';
import type { FolderSettings } from './settings.js';

/** The plugins that are directly in a folder, each a file or a folder of its own. */
export async function findInFolder(settings: FolderSettings): Promise<DiscoveredPlugin[]> {
  const found: DiscoveredPlugin[] = [];
  for (const entry of await readFolder(settings.folder)) {
    const plugin = isIgnored(entry.name) ? undefined : await pluginAt(entry, settings);
    if (plugin !== undefined) found.push(plugin);
  }
  assertDistinct(found, settings.folder);
  return found;
}

async function readFolder(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const message = `The folder of plugins ${folder} can't be read: ${messageOf(error)}`;
    throw discoveryFailed(message, { folder }, error);
  }
}

/** Names of what lies beside plugins: hidden and private files, declarations, tests. */
function isIgnored(name: string): boolean {
  return /^[._]|\.d\.[cm]?ts$|\.(?:test|spec)\./.test(name);
}

async function pluginAt(entry: Dirent, settings: FolderSettings): Promise<DiscoveredPlugin | undefined> {
  const path = join(settings.folder, entry.name);
  const { extensions, field, filter } = settings;
  if (await isFolder(entry, path)) {
    if (!(await filter(entry.name))) return undefined;
    const manifest = await readPackageManifest(path);
    return (
      (manifest && (await describePackage(manifest, entry.name, field))) ??
      (await indexOf(path, entry.name, extensions))
    );
  }
  const extension = longestEnding(entry.name, extensions);
  if (extension === undefined || !(await filter(entry.name))) return undefined;
  return describeFile(path, entry.name.slice(0, -extension.length));
}

async function isFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw discoveryFailed(`The link ${path} leads nowhere: ${messageOf(error)}`, { file: path }, error);
  }
}

/** A folder without a manifest is its index file, if it has one. */
async function indexOf(
  folder: string,
  name: string,
  extensions: readonly string[],
): Promise<DiscoveredPlugin | undefined> {
  for (const extension of extensions) {
    const file = join(folder, `index${extension}`);
    if (await isFile(file)) return describeFile(file, name);
  }
  return undefined;
}

function longestEnding(name: string, extensions: readonly string[]): string | undefined {
  const ending = extensions.filter((extension) => name.endsWith(extension) && name.length > extension.length);
  return ending.sort((a, b) => b.length - a.length)[0];
}

/** The same plugin is often there twice where a build writes both ES modules and CommonJS. */
function assertDistinct(found: readonly DiscoveredPlugin[], folder: string): void {
  const byName = new Map<string, DiscoveredPlugin>();
  for (const plugin of found) {
    const other = byName.get(plugin.name);
    if (other !== undefined) {
      const files = [other.file, plugin.file];
      const message = `Two plugins in ${folder} are called "${plugin.name}": ${files.join(' and ')}. Say which one with "extensions" or "filter".`;
      throw discoveryFailed(message, { folder, files });
    }
    byName.set(plugin.name, plugin);
  }
}
