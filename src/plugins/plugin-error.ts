import { AmbusError, brandError, type ErrorCode, type ErrorDetails, isInstance } from '../errors.js';

/** What was going on with a plugin when something went wrong. */
export type PluginPhase = 'when' | 'load' | 'validate' | 'setup' | 'ready' | 'drain' | 'teardown' | 'dispose';

/**
 * Something went wrong with one plugin. What it threw, if it threw, is the `cause`.
 *
 * @example
 * ```ts
 * import { EventBus } from 'ambus';
 * import { PluginError, PluginHost } from 'ambus/plugins';
 * const host = new PluginHost(new EventBus()).use({ name: 'audit', requires: { database: '^1' }, handlers: {} });
 * try {
 *   await host.start();
 * } catch (error) {
 *   if (error instanceof PluginError) console.log(error.code, error.plugin); // MISSING_PLUGIN audit
 * }
 * ```
 */
export class PluginError extends AmbusError {
  /** The plugin's name in its host. */
  readonly plugin: string;
  readonly phase: PluginPhase;
  /** What else went wrong until everything was undone, where this made a start or a change fail. */
  declare readonly rollbackErrors: readonly PluginError[];

  constructor(
    code: ErrorCode,
    message: string,
    origin: { readonly plugin: string; readonly phase: PluginPhase },
    options?: {
      readonly cause?: unknown;
      readonly details?: ErrorDetails;
      readonly rollbackErrors?: readonly PluginError[];
    },
  ) {
    super(code, message, options);
    this.plugin = origin.plugin;
    this.phase = origin.phase;
    // Not enumerable where there are none, as mostly: on the console it would be noise.
    const rollbackErrors = Object.freeze(Array.from(options?.rollbackErrors ?? []));
    Object.defineProperty(this, 'rollbackErrors', { value: rollbackErrors, enumerable: rollbackErrors.length > 0 });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value);
  }
}

/**
 * Several things went wrong, with one plugin or more: an `AggregateError` that passes for an `AmbusError`. Its `errors`
 * are in the order in which they came about.
 */
export class PluginsError extends AggregateError {
  readonly code = 'PLUGINS_FAILED' as const;
  readonly details: ErrorDetails;
  declare errors: PluginError[];

  constructor(message: string, errors: readonly PluginError[]) {
    super(errors, message, { cause: errors[0] });
    this.details = { plugins: Array.from(new Set(errors.map(({ plugin }) => plugin))) };
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, value);
  }
}

brandError(PluginError, 'PluginError');
brandError(PluginsError, 'PluginsError');
