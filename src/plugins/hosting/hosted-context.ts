import type { EmitOptions } from '../../bus/options.js';
import type { LogLevel, PluginLog, WriteLog } from '../contract/plugin-log.js';
import type { Instance } from './instance.js';

/** What a plugin gets as `ctx`. */
export type HostedContext = object;

/**
 * Makes what a plugin gets as `ctx`: nothing of its host but this. All of it is its own and bound, so that
 * `setup({ on, emit })`, `{ ...ctx, more }` and what is derived from it work.
 *
 * @param phaseSignal - Of one phase, where that isn't the instance's.
 */
export function hostedContext(instance: Instance, phaseSignal: AbortSignal | undefined): HostedContext {
  let log: PluginLog | undefined;
  return {
    name: instance.name,
    version: instance.definition.version,
    options: instance.options,
    services: instance.services,
    get state(): unknown {
      return instance.state;
    },
    get signal(): AbortSignal {
      return phaseSignal ?? instance.signal;
    },
    get log(): PluginLog {
      log ??= logOf(instance);
      return log;
    },
    on: (type: unknown, handler: unknown, options?: unknown) => instance.subscribe('on', type, handler, options),
    once: (type: unknown, handler: unknown, options?: unknown) => instance.subscribe('once', type, handler, options),
    onAny: (handler: unknown, options?: unknown) => instance.subscribe('onAny', undefined, handler, options),
    emit: (type: PropertyKey, payload?: unknown, options?: EmitOptions) => instance.emit(type, payload, options),
    emitSync: (type: PropertyKey, payload?: unknown, options?: EmitOptions) =>
      instance.dispatch('ctx.emitSync', type, payload, options, true),
    dispatch: (type: PropertyKey, payload?: unknown, options?: EmitOptions) =>
      instance.dispatch('ctx.dispatch', type, payload, options, false),
    post: (type: PropertyKey, payload?: unknown, options?: EmitOptions) => {
      instance.post(type, payload, options);
    },
    own: (resource: unknown, release?: unknown) => instance.own(resource, release),
    api: (plugin: unknown) => instance.apiOf('api', plugin),
    optionalApi: (plugin: unknown) => instance.apiOf('optionalApi', plugin),
  };
}

function logOf({ host, name }: Instance): PluginLog {
  const write =
    (level: LogLevel): WriteLog =>
    (message, details) => {
      host.log({ plugin: name, level, message, details });
    };
  return Object.freeze({ debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') });
}
