export { discoverPlugins } from './discover-plugins.js';
export type { DiscoveredPackage, DiscoveredPlugin } from './discovered-plugin.js';
export type { DiscoverInDependencies, DiscoverInFolder, DiscoverOptions } from './options.js';
