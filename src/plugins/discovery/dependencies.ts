import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { discoveryFailed, invalidField, invalidManifest } from './discovery-error.js';
import {
  fieldOf,
  isMissing,
  isObject,
  messageOf,
  type PackageManifest,
  readPackageManifest,
} from './package-manifest.js';
import type { DependencySettings } from './settings.js';

/** A package that another one depends on. */
export interface Dependency {
  /** What the other one calls it, which is its own name unless it is installed under an alias. */
  readonly name: string;
  readonly manifest: PackageManifest;
}

/** The direct dependencies of a package that are installed, in the order of their names. */
export async function findDependencies({ from, dev, filter }: DependencySettings): Promise<Dependency[]> {
  const dependant = await findPackage(from);
  const places = await installPlaces(dependant.folder);
  const found: Dependency[] = [];
  const missing: string[] = [];
  // One after the other, so that of several mistakes the same one is told each time.
  for (const [name, optional] of dependencyNames(dependant, dev)) {
    if (!(await filter(name))) continue;
    const manifest = await findInstalled(places, name);
    if (manifest !== undefined) found.push({ name, manifest });
    else if (!optional) missing.push(name);
  }
  if (missing.length > 0) throw notInstalled(dependant, missing);
  return found;
}

/** The package that a path is in. */
async function findPackage(from: string): Promise<PackageManifest> {
  let start: string;
  try {
    // As Node does it: what counts is where a file is, and not by which link one came there.
    const real = await realpath(from);
    start = (await stat(real)).isDirectory() ? real : dirname(real);
  } catch (error) {
    throw discoveryFailed(`There is nothing to discover plugins from at ${from}: ${messageOf(error)}`, { from }, error);
  }
  let marker: PackageManifest | undefined;
  for (const folder of upwards(start)) {
    const manifest = await readPackageManifest(folder);
    if (manifest !== undefined && !isMarker(manifest)) return manifest;
    marker ??= manifest;
  }
  if (marker !== undefined) return marker;
  throw discoveryFailed(`There is no package.json at or above ${start}, so nothing says which plugins to take.`, {
    from,
  });
}

/** What builds put into `dist` for Node to know what its files are: not the package.json that lists dependencies. */
function isMarker({ content }: PackageManifest): boolean {
  return 'type' in content && Object.keys(content).every((key) => key === 'type' || key === 'sideEffects');
}

/** The names of what a package depends on, in order, and whether it can do without. */
function dependencyNames(dependant: PackageManifest, dev: boolean): [name: string, optional: boolean][] {
  const required = [...namesIn(dependant, 'dependencies'), ...(dev ? namesIn(dependant, 'devDependencies') : [])];
  const names = new Map(required.map((name) => [name, false]));
  // Package managers have it that way too: what is in both is optional.
  for (const name of namesIn(dependant, 'optionalDependencies')) names.set(name, true);
  return Array.from(names).sort(([a], [b]) => (a < b ? -1 : 1));
}

function namesIn(dependant: PackageManifest, field: string): string[] {
  const dependencies = fieldOf(dependant, field);
  if (dependencies === undefined) return [];
  const { file } = dependant;
  if (!isObject(dependencies)) throw invalidField(file, field, 'an object of versions by name', dependencies);
  const names = Object.keys(dependencies);
  for (const name of names) {
    if (isPackageName(name)) continue;
    const message = `Expected the keys of "${field}" in ${file} to be names of packages, got "${name}".`;
    throw invalidManifest(message, { file, field, value: name });
  }
  return names;
}

/** Whether it can be a folder in node_modules: other names would lead out of there. */
function isPackageName(name: string): boolean {
  return /^(?:@[^/\\]+\/)?[^/\\@.][^/\\]*$/.test(name);
}

/** Where Node looks for what a package depends on, the nearest first. */
async function installPlaces(dependant: string): Promise<string[]> {
  const places: string[] = [];
  for (const folder of upwards(dependant)) {
    if (basename(folder) === 'node_modules') continue;
    const place = await realFolder(join(folder, 'node_modules'));
    if (place !== undefined) places.push(place);
  }
  return places;
}

/** Finds a package. Not as Node does it, to which the package's `exports` may hide its package.json. */
async function findInstalled(places: readonly string[], name: string): Promise<PackageManifest | undefined> {
  for (const place of places) {
    const folder = await realFolder(join(place, name));
    const manifest = folder === undefined ? undefined : await readPackageManifest(folder);
    if (manifest !== undefined) return manifest;
  }
  return undefined;
}

/** Where a folder really is: those in node_modules are often links, to workspaces or into a store. */
async function realFolder(folder: string): Promise<string | undefined> {
  try {
    return await realpath(folder);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw discoveryFailed(`${folder} can't be read: ${messageOf(error)}`, { file: folder }, error);
  }
}

/** A folder, and all those that it is in. */
function* upwards(folder: string): Generator<string, void, undefined> {
  for (let each = folder; ; each = dirname(each)) {
    yield each;
    if (dirname(each) === each) return;
  }
}

function notInstalled({ file, folder }: PackageManifest, missing: readonly string[]): Error {
  const names = missing.map((name) => `"${name}"`).join(', ');
  const [is, them] = missing.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return discoveryFailed(
    `${file} depends on ${names}, which ${is} in no node_modules at or above ${folder}. Install ${them}, list ${them} in "optionalDependencies", or leave ${them} out with "filter".`,
    { file, missing },
  );
}
