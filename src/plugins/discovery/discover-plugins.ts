import { findDependencies } from './dependencies.js';
import { type DiscoveredPlugin, describePackage } from './discovered-plugin.js';
import { findInFolder } from './folder.js';
import type { DiscoverOptions } from './options.js';
import { type DependencySettings, resolveDiscoverOptions } from './settings.js';

/**
 * Finds the plugins among the packages that a package depends on, or in a folder, and runs none of their code: the
 * host that starts them does.
 *
 * A package is a plugin where its package.json says so: `"ambus": { "plugin": "./dist/plugin.js", "api": "^2" }`, or
 * `"ambus": "./dist/plugin.js"`. Looked at are `dependencies` and `optionalDependencies`, wherever Node finds them:
 * in hoisted `node_modules` and linked workspaces too. In a folder each file is a plugin, and each folder with such a
 * package.json or an index file; names that start with `.` or `_`, declarations and tests are left out.
 *
 * @param options - Where it looks: `from`, or `folder`. See {@link DiscoverInDependencies} and
 *   {@link DiscoverInFolder}. @default the dependencies of the package in the current folder
 * @returns A promise of what was found, in the order of the names.
 * @throws Always as a rejection: `AmbusError` `INVALID_MANIFEST`, where a package.json isn't as it should be;
 *   `DISCOVERY_FAILED`, where one is missing or can't be read, or a dependency that isn't optional isn't installed;
 *   `INVALID_ARGUMENT`, `INVALID_OPTION`, `UNKNOWN_OPTION`; what `filter` throws.
 * @example
 * ```ts
 * import { EventBus } from 'ambus';
 * import { discoverPlugins } from 'ambus/discovery';
 * import { PluginHost } from 'ambus/plugins';
 * const host = new PluginHost(new EventBus(), { api: '2.1.0' });
 * host.use(await discoverPlugins({ from: import.meta.url }));
 * await host.start();
 * ```
 */
export async function discoverPlugins(options?: DiscoverOptions): Promise<DiscoveredPlugin[]> {
  const settings = resolveDiscoverOptions(options);
  const found = 'folder' in settings ? await findInFolder(settings) : await findInDependencies(settings);
  return found.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}

async function findInDependencies(settings: DependencySettings): Promise<DiscoveredPlugin[]> {
  const found: DiscoveredPlugin[] = [];
  for (const { name, manifest } of await findDependencies(settings)) {
    const plugin = await describePackage(manifest, name, settings.field);
    if (plugin !== undefined) found.push(plugin);
  }
  return found;
}
