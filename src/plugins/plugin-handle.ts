import { AmbusError } from '../errors.js';
import type { Entry } from './hosting/entry.js';
import { ended, type HostCore } from './hosting/host-core.js';
import type { TakeOutOptions } from './options.js';
import type { PluginState, PluginStatus } from './status.js';
import { statusOf } from './take-status.js';

/** One plugin of a host. */
export interface PluginHandle<Api = unknown> {
  readonly name: string;
  /** Undefined where it isn't loaded. */
  readonly version: string | undefined;
  readonly state: PluginState;
  /**
   * What its `setup` has returned.
   *
   * @throws `AmbusError` `MISSING_PLUGIN` where it isn't active.
   */
  readonly api: Api;
  status(): PluginStatus;
  disable(options?: TakeOutOptions): Promise<void>;
  enable(): Promise<void>;
  remove(options?: TakeOutOptions): Promise<void>;
}

/** What a handle has its host do. */
type Changing = Readonly<Record<'disable' | 'remove', (plugin: string, options?: TakeOutOptions) => Promise<void>>> & {
  enable(plugin: string): Promise<void>;
};

/** One plugin of a host, as `host.plugin` returns it. */
export class Handle {
  readonly name: string;
  readonly #host: Changing;
  readonly #core: HostCore;

  constructor(host: Changing, core: HostCore, { name }: Entry) {
    this.name = name;
    this.#host = host;
    this.#core = core;
  }

  get version(): string | undefined {
    return this.#entry.definition?.version;
  }

  get state(): PluginState {
    return this.#entry.state;
  }

  get api(): unknown {
    const { instance } = this.#entry;
    if (instance !== undefined && instance.stage === 'open') return instance.api;
    throw new AmbusError(
      'MISSING_PLUGIN',
      ended(`The API of the plugin "${this.name}" is asked for, which ${this.#core.whyMissing(this.name)}`),
      { details: { plugin: this.name } },
    );
  }

  status(): PluginStatus {
    return statusOf(this.#core, this.#entry);
  }

  disable(options?: TakeOutOptions): Promise<void> {
    return this.#host.disable(this.name, options);
  }

  enable(): Promise<void> {
    return this.#host.enable(this.name);
  }

  remove(options?: TakeOutOptions): Promise<void> {
    return this.#host.remove(this.name, options);
  }

  get #entry(): Entry {
    return this.#core.entry(this.name);
  }
}
