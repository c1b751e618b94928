import { compiled } from '../../../src/compiled/index.js';
import { type AmbusError, EventBus, HandlerError } from '../../../src/index.js';
import { PluginError, PluginHost, PluginsError } from '../../../src/plugins/index.js';
import { ManualClock } from '../../../src/testing/index.js';
import { promisesSettled } from '../../bus/deferred.js';
import { describe } from '../chronicle.js';
import { WatchedSignal } from '../watched-signal.js';
import { type FailureText, failuresText, failureText } from './failure-text.js';
import type { HostLook, PlayedHost, Stage } from './played-host.js';
import {
  ABORT_REASONS,
  type Change,
  type EventName,
  HOST_TIMES,
  type HostProgram,
  type PluginPlan,
  unitsToMs,
} from './program.js';
import { RealPlugins } from './real-plugins.js';

/** The real thing. */
export class RealHost implements PlayedHost {
  readonly #stage: Stage;
  readonly #clock = new ManualClock();
  readonly #bus: EventBus;
  readonly #host: PluginHost;
  readonly #controllers = ABORT_REASONS.map(() => new AbortController());
  readonly #signals: readonly WatchedSignal[];
  readonly #plugins: RealPlugins;

  constructor({ host }: HostProgram, stage: Stage) {
    this.#stage = stage;
    this.#plugins = new RealPlugins(stage, this.#clock, HOST_TIMES.setupMs(host), (...given) => this.#change(...given));
    this.#signals = this.#controllers.map(({ signal }) => new WatchedSignal(signal));
    this.#bus = new EventBus({
      clock: this.#clock,
      mode: host.mode,
      ...(host.compiled ? { compiler: compiled({ after: 1 }) } : {}),
      onFailure: (failure) => stage.report(failureText(textOf(failure))),
    });
    this.#host = new PluginHost(this.#bus, {
      onSetupError: host.onSetupError,
      setupTimeoutMs: HOST_TIMES.setupMs(host),
      teardownTimeoutMs: HOST_TIMES.teardownMs(host),
      drainMs: HOST_TIMES.drainMs(host),
    });
    if (host.observed) {
      this.#bus.observe({ handlerStarted: () => {}, pluginPhaseStarted: () => {}, pluginsSlow: () => {} });
    }
  }

  get now(): number {
    return this.#clock.now();
  }

  use(plan: PluginPlan, when: boolean | undefined): string | undefined {
    try {
      this.#host.use(this.#plugins.defined(plan), undefined, when === undefined ? {} : { when: () => when });
      return undefined;
    } catch (error) {
      return describe(error);
    }
  }

  change(label: string, change: Change): void {
    void this.#change(label, change, undefined);
  }

  emit(label: string, event: EventName, verb: 'emit' | 'dispatch' | 'post'): void {
    const bus = this.#bus;
    if (verb === 'post') bus.post(event, label);
    else void this.#plugins.noteEmission(label, verb === 'emit' ? bus.emit(event, label) : bus.dispatch(event, label));
  }

  abort(controller: number): void {
    this.#controllers[controller]?.abort(ABORT_REASONS[controller]);
  }

  advance(ms: number): Promise<void> {
    return this.#clock.advance(ms);
  }

  quiet(): Promise<void> {
    return promisesSettled();
  }

  look(): HostLook {
    const statuses = this.#host.status();
    const { counts } = this.#bus.inspect();
    const places = statuses.filter(({ place }) => place !== undefined);
    return {
      state: this.#host.state,
      plugins: statuses.map(({ dependants, dependencies, handlers, late, name, resources, state, version }) => ({
        name,
        version,
        state,
        handlers,
        resources,
        late,
        dependencies,
        dependants,
      })),
      places: places.sort((a, b) => (a.place ?? 0) - (b.place ?? 0)).map(({ name }) => name),
      handlers: this.#bus.handlerCount(),
      inFlight: counts.inFlight,
    };
  }

  leftovers(): readonly string[] {
    const { counts, groups } = this.#bus.inspect();
    const listeners = this.#signals.reduce((sum, signal) => sum + signal.listeners, 0);
    const left = {
      timers: this.#clock.pending,
      'abort listeners': listeners,
      handlers: this.#bus.handlerCount(),
      groups: groups.length,
      'emissions in flight': counts.inFlight,
      'late runs': counts.late,
      'resources that were not disposed of': this.#plugins.owned,
    };
    return Object.entries(left)
      .filter(([, count]) => count !== 0)
      .map(([what, count]) => `${count} ${what}`);
  }

  // Changes

  /** @param parent - The context of the handler that calls, where that says so. */
  async #change(label: string, change: Change, parent: object | undefined): Promise<void> {
    let outcome = 'fulfilled';
    try {
      await this.#begin(change, parent);
    } catch (error) {
      outcome = `rejected with ${error instanceof PluginsError ? errorsText(error.errors) : errorText(error)}`;
    }
    this.#stage.note(`outcome of ${label}`, outcome);
  }

  #begin(change: Change, parent: object | undefined): Promise<void> {
    const host = this.#host;
    const drain = 'drain' in change && change.drain !== undefined ? { drainMs: drainMsOf(change.drain) } : {};
    const within = parent === undefined ? {} : { parent };
    switch (change.do) {
      case 'start':
        return host.start(change.signal === undefined ? {} : { signal: this.#signal(change.signal) });
      case 'stop':
        return host.stop({ ...drain, ...within });
      case 'add':
        return host.add(this.#plugins.defined(change.plan));
      case 'enable':
        return host.enable(change.plugin);
    }
    const options = { cascade: change.cascade, ...drain, ...within };
    if (change.do === 'replace') return host.replace(change.plugin, this.#plugins.defined(change.plan), options);
    return host[change.do](change.plugin, options);
  }

  #signal(controller: number): AbortSignal {
    const { signal } = this.#signals[controller] as WatchedSignal;
    return signal;
  }
}

function drainMsOf(units: number): number {
  return units === 0 ? 0 : unitsToMs(units, 'drain of a change');
}

function textOf(failure: AmbusError): FailureText {
  const { code } = failure;
  if (failure instanceof HandlerError) return { code, plugin: failure.group };
  if (!(failure instanceof PluginError)) return { code };
  return { code, plugin: failure.plugin, rollback: failure.rollbackErrors.map(textOf) };
}

function errorText(error: unknown): string {
  return error instanceof PluginError ? failureText(textOf(error)) : describe(error);
}

function errorsText(errors: readonly AmbusError[]): string {
  return failuresText(errors.map(textOf));
}
