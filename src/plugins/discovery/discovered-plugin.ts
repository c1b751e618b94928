import { pathToFileURL } from 'node:url';
import type { PluginDescriptor } from '../plugin-descriptor.js';
import { fieldOf, type PackageManifest } from './package-manifest.js';
import { readPluginManifest } from './plugin-manifest.js';

/** The package that a plugin is in, as its package.json has it. */
export interface DiscoveredPackage {
  readonly name: string;
  readonly version: string | undefined;
}

/** A plugin that has been found, and whose code has not been run: give it to `host.use`. */
export interface DiscoveredPlugin extends PluginDescriptor {
  /**
   * What messages call it until it is loaded: the `name` of its manifest, else that of its package, or of its file
   * without the extension.
   */
  readonly name: string;
  /** The version of its package; undefined for a mere file. */
  readonly version: string | undefined;
  /** The range of the host's plugin API that its manifest asks for, if it does. */
  readonly api: string | undefined;
  /** The same as `file`. */
  readonly source: string;
  /** The package that it is in; undefined for a mere file. */
  readonly package: DiscoveredPackage | undefined;
  /** The absolute path of the file that `load` imports. */
  readonly file: string;
  /** Imports the file, and so runs the plugin's code. */
  load(): Promise<unknown>;
}

/** The plugin of a package, by its manifest; undefined where it has none. */
export async function describePackage(
  manifest: PackageManifest,
  fallbackName: string,
  field: string,
): Promise<DiscoveredPlugin | undefined> {
  const plugin = await readPluginManifest(manifest, field);
  if (plugin === undefined) return undefined;
  const { name, version } = packageOf(manifest, fallbackName);
  return describe(plugin.file, plugin.name ?? name, plugin.api, Object.freeze({ name, version }));
}

/** The plugin in a file without a manifest. */
export function describeFile(file: string, name: string): DiscoveredPlugin {
  return describe(file, name, undefined, undefined);
}

function describe(
  file: string,
  name: string,
  api: string | undefined,
  from: DiscoveredPackage | undefined,
): DiscoveredPlugin {
  const load = (): Promise<unknown> => importPlugin(file);
  return Object.freeze({ name, version: from?.version, api, source: file, package: from, file, load });
}

function packageOf(manifest: PackageManifest, fallbackName: string): DiscoveredPackage {
  const name = fieldOf(manifest, 'name');
  const version = fieldOf(manifest, 'version');
  return {
    name: typeof name === 'string' && name !== '' ? name : fallbackName,
    version: typeof version === 'string' ? version : undefined,
  };
}

/** Imports a file. Of CommonJS that was an ES module once, it is what the ES module exported. */
async function importPlugin(file: string): Promise<unknown> {
  const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  const exported = module.default;
  const compiled = typeof exported === 'object' && exported !== null && '__esModule' in exported;
  return compiled ? exported : module;
}
