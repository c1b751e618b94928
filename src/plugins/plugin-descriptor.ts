/** A plugin that is known by its manifest, and whose code is loaded by the host that starts it. */
export interface PluginDescriptor {
  /** What messages call it until it is loaded; then its own name counts. */
  readonly name: string;
  readonly version?: string | undefined;
  /** The range of the host's plugin API that its manifest asks for: checked before its code is loaded. */
  readonly api?: string | undefined;
  /** Where it comes from, for messages. */
  readonly source?: string | undefined;
  /** Loads it: the plugin, or a module whose default export it is. */
  load(): unknown;
}
