/** What both ways of looking for plugins have in common. */
interface DiscoverAnywhere {
  /** The field of package.json that says where a package's plugin is. @default 'ambus' */
  readonly field?: string | undefined;
  /**
   * Which ones are looked at: asked with the name of a dependency, or that of a file or folder in the folder, before
   * anything of it is read. Sync or async. @default all
   */
  readonly filter?: ((name: string) => boolean | PromiseLike<boolean>) | undefined;
}

/** Looks among the packages that a package depends on. */
export interface DiscoverInDependencies extends DiscoverAnywhere {
  /**
   * Whose dependencies: the package.json in this folder, or the next one above. A path of a file or a folder, or a
   * `file:` URL such as `import.meta.url`. @default process.cwd()
   */
  readonly from?: string | URL | undefined;
  /** Whether `devDependencies` are looked at too. @default false */
  readonly dev?: boolean | undefined;
  readonly folder?: undefined;
  readonly extensions?: undefined;
}

/** Looks among the files in a folder. */
export interface DiscoverInFolder extends DiscoverAnywhere {
  /** The folder: a path or a `file:` URL. */
  readonly folder: string | URL;
  /** How the names of plugin files end. @default ['.js', '.mjs', '.cjs'] */
  readonly extensions?: readonly string[] | undefined;
  readonly from?: undefined;
  readonly dev?: undefined;
}

/** Where plugins are looked for. */
export type DiscoverOptions = DiscoverInDependencies | DiscoverInFolder;
