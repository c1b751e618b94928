import type { ModuleGraph, ModuleImport, SourceModule } from './module-graph.js';

interface Layer {
  /** The layers whose values and types it may import, beside itself. */
  readonly imports: readonly string[];
  /** The layers of which it may import types only. */
  readonly importsTypes?: readonly string[];
  /** The packages that it, and no other layer, may import. */
  readonly vendors?: readonly string[];
  /** Whether it needs Node, and says so in its entry. */
  readonly node?: true;
  /** Whether it may make code from text. */
  readonly generatesCode?: true;
}

const core = ['errors', 'internal', 'bus'];
const extensions = [
  'queue',
  'plugins',
  'plugins/discovery',
  'workers',
  'observers',
  'observers/*',
  'transports',
  'transports/*',
];

/**
 * Who may import whom: the arrows of the design, one line a folder. A folder that isn't here has no
 * place yet, and the test says so. A star stands for each folder by itself: `observers/pino` can't
 * import `observers/prometheus`.
 */
export const layers: Readonly<Record<string, Layer>> = {
  errors: { imports: [] },
  internal: { imports: ['errors'] },
  bus: { imports: ['errors', 'internal'], vendors: ['eventemitter3', '@standard-schema/spec'] },
  index: { imports: core },
  compiled: { imports: ['errors', 'internal'], importsTypes: ['bus'], generatesCode: true },
  queue: { imports: core, vendors: ['p-queue'] },
  plugins: { imports: core, vendors: ['semver', '@standard-schema/spec'] },
  'plugins/discovery': { imports: [...core, 'plugins'], vendors: ['semver'], node: true },
  workers: { imports: core, node: true },
  observers: { imports: core },
  'observers/*': { imports: [...core, 'observers'] },
  transports: { imports: core },
  'transports/*': { imports: [...core, 'transports'] },
  testing: { imports: [...core, ...extensions] },
  inspector: { imports: [...core, ...extensions], node: true },
  cli: { imports: [...core, ...extensions, 'testing', 'inspector'], node: true },
};

/** The folder that a module belongs to: `observers/pino` for `observers/pino/index.ts`, `errors` for `errors.ts`. */
function folderOf(path: string): string {
  const [first, second, ...rest] = path.replace(/\.ts$/, '').split('/') as [string, ...string[]];
  if (second === undefined) return first;
  const nested = `${first}/${second}`;
  if (nested in layers || (rest.length > 0 && `${first}/*` in layers)) return nested;
  return first;
}

/** The layer that a folder belongs to: `observers/*` for `observers/pino`. */
function layerOf(folder: string): string {
  return folder in layers ? folder : folder.replace(/\/.*/, '/*');
}

/** The package that a specifier names: `@scope/name` of `@scope/name/sub/path`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** What is wrong with one import, if anything. */
function importViolation(module: SourceModule, layer: Layer, { specifier, target, typeOnly }: ModuleImport) {
  const folder = folderOf(module.path);
  if (target !== undefined) {
    const targetFolder = folderOf(target);
    const targetLayer = layerOf(targetFolder);
    if (targetFolder === folder || layer.imports.includes(targetLayer)) return undefined;
    if (layer.importsTypes?.includes(targetLayer)) {
      return typeOnly ? undefined : `${module.path} imports values of ${target}: ${folder} may import types of it only`;
    }
    return `${module.path} imports ${target}: ${folder} must not import ${targetFolder}`;
  }
  if (specifier.startsWith('node:')) {
    return layer.node ? undefined : `${module.path} imports ${specifier}: ${folder} must run without Node`;
  }
  if (layer.vendors?.includes(packageOf(specifier))) return undefined;
  return `${module.path} imports ${specifier}: ${folder} is not the place of that package`;
}

/** Every place where a module reaches where it must not, as a sentence. */
export function violations(graph: ModuleGraph): string[] {
  return graph.flatMap((module) => {
    const layer = layers[layerOf(folderOf(module.path))];
    if (layer === undefined) return [`${module.path} is in no layer: give its folder a place in boundaries.ts`];
    const found = module.imports.flatMap((each) => importViolation(module, layer, each) ?? []);
    if (module.generatesCode && !layer.generatesCode) found.push(`${module.path} makes code from text`);
    return found;
  });
}

/** Every circle of value imports, as `a.ts → b.ts → a.ts`. Types leave nothing behind, and may be circular. */
export function valueCycles(graph: ModuleGraph): string[] {
  const modules = new Map(graph.map((module) => [module.path, module]));
  const finished = new Set<string>();
  const cycles: string[] = [];

  const walk = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      cycles.push([...trail.slice(start), path].join(' → '));
      return;
    }
    if (finished.has(path)) return;
    for (const { target, typeOnly } of modules.get(path)?.imports ?? []) {
      if (target !== undefined && !typeOnly) walk(target, [...trail, path]);
    }
    finished.add(path);
  };

  for (const { path } of graph) walk(path, []);
  return cycles;
}
