import type { ModelRun } from './model-emission.js';
import { ModelError, type ModelInstance, type ModelResource, type ModelSubscription } from './model-plugin.js';
import type { ModelWorld } from './model-world.js';
import {
  type Asking,
  type Change,
  type EventName,
  type Failing,
  HOST_TIMES,
  isAsyncResource,
  type Phase,
  unitsToMs,
  type Waiting,
} from './program.js';
import type { Job, ModelSignal, Task } from './simulation.js';

/** What a plugin throws where it is to fail. */
export class Thrown {
  readonly what: unknown;

  constructor(what: unknown) {
    this.what = what;
  }
}

/** Makes a change, and returns what may be waited for. */
export type MakeChange = (label: string, change: Change, caller: ModelRun | undefined) => Job;

/** Plays what plugins do: in their phases, in their handlers, and when their resources are disposed of. */
export class ModelScripts {
  readonly #world: ModelWorld;
  readonly #makeChange: MakeChange;

  constructor(world: ModelWorld, makeChange: MakeChange) {
    this.#world = world;
    this.#makeChange = makeChange;
  }

  // Phases

  /** What a plugin does in one of its phases. */
  *phase(instance: ModelInstance, which: 'setup' | 'ready' | 'teardown', plan: Phase, signal: ModelSignal): Task {
    if (which === 'setup') this.#world.stage.note('order of setups', instance.id);
    this.#world.note(instance, which);
    for (const [index, step] of plan.steps.entries()) {
      const label = `${instance.id}.${which}${index}`;
      switch (step.do) {
        case 'wait':
          yield* this.#wait(step, label, signal);
          break;
        case 'own':
          this.#own(instance, { plan: step.resource, name: label });
          break;
        case 'on':
          this.#on(instance, { instance, plan: step.handler, name: label });
          break;
        case 'ask':
          this.#ask(instance, step, label);
          break;
        case 'emit':
          yield* this.#emitInPhase(instance, step.event, label);
      }
    }
    this.#world.stage.note(`end of ${which} of ${instance.id}`, 'over');
    this.#fail(plan.fails, `${which} of ${instance.id}`);
  }

  *#wait({ heeds, units }: Waiting, label: string, signal: ModelSignal): Task {
    yield* this.#world.simulation.sleep(unitsToMs(units, label), heeds === undefined ? undefined : signal);
    if (heeds === 'throws' && signal.aborted) throw new Thrown(signal.reason);
  }

  #fail(how: Failing, what: string): void {
    if (how === 'error') throw new Thrown(what);
    if (how === 'undefined') throw new Thrown(undefined);
  }

  #own(instance: ModelInstance, resource: ModelResource): void {
    if (instance.stage !== 'closed') {
      instance.resources.push(resource);
      return;
    }
    const job = this.#world.simulation.begin(this.release(instance, resource));
    this.#world.stage.note(`refusal of ${resource.name}`, 'CONTEXT_CLOSED');
    const settle = (): void => {
      if (job.failure !== undefined) this.#world.report(new ModelError('PLUGIN_TEARDOWN_FAILED', instance.name));
    };
    if (job.isOver && !isAsyncResource(resource.plan)) settle();
    else job.whenOver(settle);
  }

  #on(instance: ModelInstance, subscription: ModelSubscription): void {
    if (instance.stage === 'setup' || instance.stage === 'open') instance.subscriptions.push(subscription);
    else this.#world.stage.note(`refusal of ${subscription.name}`, 'CONTEXT_CLOSED');
  }

  /** Asks for an API, and notes whose it is. */
  #ask(instance: ModelInstance, { dependency }: Asking, label: string): void {
    const { optional, requires } = instance.plan;
    const names = [...Object.keys(requires), ...Object.keys(optional)];
    const name = names[dependency % Math.max(1, names.length)];
    if (name === undefined) return;
    this.#world.stage.note(`answers to ${label}`, `${name}: ${this.#apiOf(instance, name, name in requires)}`);
  }

  #apiOf(instance: ModelInstance, name: string, isRequired: boolean): string {
    if (instance.stage === 'closed') return 'CONTEXT_CLOSED';
    const peer = instance.peers?.get(name);
    // Those beside it are not heard yet, and have an API all the same.
    if (peer?.stage === 'setup') return peer.id;
    const other = isRequired ? instance.required.get(name) : this.#world.find(name)?.instance;
    // Nothing says from when on it gets the API of one that has taken the place of one that it came with.
    if (peer?.stage === 'stopping' && other !== peer && this.#world.simulation.decide('keptApis') === 0) return peer.id;
    const isThere = other?.stage === 'open' || other?.stage === 'stopping';
    // One that came later was not asked what it would do for.
    const { optional } = instance.plan;
    if (isThere && this.#world.satisfies(other.plan, optional[other.name] ?? '*')) return other.id;
    return isRequired ? 'MISSING_PLUGIN' : 'nothing';
  }

  *#emitInPhase(instance: ModelInstance, event: EventName, label: string): Task {
    const refusal = this.#refusal(instance);
    if (refusal !== undefined) {
      this.#world.stage.note(`outcome of ${label}`, `rejected ${refusal}`);
      return yield* this.#world.simulation.soon();
    }
    const emission = this.#world.emit(label, event, undefined);
    yield* emission.over();
  }

  /** Why a plugin may not emit. */
  #refusal({ stage }: ModelInstance): string | undefined {
    return { setup: 'NOT_STARTED', open: undefined, stopping: undefined, closed: 'CONTEXT_CLOSED' }[stage];
  }

  // Handlers

  /** What a handler does. */
  *handle(run: ModelRun): Task {
    const { emission, label, subscription } = run;
    const { instance, plan } = subscription;
    this.#world.stage.note(`calls of ${emission.label}`, subscription.name);
    for (const [index, step] of plan.steps.entries()) {
      const at = `${label}/${index}`;
      if (step.do === 'wait') {
        yield* this.#wait(step, at, instance.signal);
        run.hasWaited = true;
      } else if (step.do === 'ask') {
        this.#ask(instance, step, at);
      } else if (step.do === 'change') {
        if (this.#world.stage.isEnough()) continue;
        const mayTell = 'parent' in step.change && step.change.parent;
        const job = this.#makeChange(at, step.change, run.hasWaited && !mayTell ? undefined : run);
        if (step.awaited) {
          yield (goOn) => job.whenOver(goOn);
          run.hasWaited = true;
        }
      } else if (step.via === 'plugin' && instance.stage === 'closed') {
        if (step.verb === 'post') this.#world.stage.report('CONTEXT_CLOSED');
        else this.#world.stage.note(`outcome of ${at}`, 'rejected CONTEXT_CLOSED');
        if (step.awaited) yield* this.#world.simulation.soon();
      } else {
        const isKnown = step.via === 'handler' || !run.hasWaited;
        const inner = this.#world.emit(at, 'second', isKnown ? run : undefined, step.verb === 'post');
        if (step.awaited) yield* step.verb === 'emit' ? inner.over() : this.#world.simulation.soon();
      }
      if ('awaited' in step && step.awaited) run.hasWaited = true;
    }
    this.#fail(plan.fails, label);
  }

  // Resources

  /** Disposes of a resource. */
  *release(instance: ModelInstance, { name, plan }: ModelResource): Task {
    this.#world.note(instance, `${name} is disposed of`);
    if (plan.units !== undefined) yield* this.#world.simulation.sleep(unitsToMs(plan.units, name));
    else if (plan.form === 'asyncDispose') yield* this.#world.simulation.soon();
    this.#world.note(instance, `${name} is gone`);
    this.#fail(plan.fails, name);
  }

  /** Disposes of all resources of a plugin, one after the other; what goes wrong is kept. */
  *dispose(instance: ModelInstance, keep: (error: ModelError) => void): Task {
    const limitMs = HOST_TIMES.teardownMs(this.#world.program.host);
    for (;;) {
      const resource = this.#world.rules.nextResource(instance.resources);
      if (resource === undefined) return;
      const task = this.#disposeOf(instance, resource, limitMs, keep);
      if (this.#world.rules.resourcesInTurn) yield* task;
      else this.#world.simulation.begin(task);
    }
  }

  *#disposeOf(
    instance: ModelInstance,
    resource: ModelResource,
    limitMs: number,
    keep: (error: ModelError) => void,
  ): Task {
    const job = this.#world.simulation.begin(this.release(instance, resource));
    try {
      yield* this.limited(instance, limitMs, job, () => {}, isAsyncResource(resource.plan));
    } catch {
      keep(new ModelError('PLUGIN_TEARDOWN_FAILED', instance.name));
    }
  }

  /**
   * Runs a part of a plugin's life; what it does when its time is up is waited for by nobody.
   *
   * @param timedOut - Called when its time is up.
   * @throws What it throws; or `TimeoutError`.
   */
  *limited(instance: ModelInstance, limitMs: number, phase: Job, timedOut: () => void, isAsync: boolean): Task {
    if (phase.isOver && !isAsync) return phase.value;
    if (yield* this.#world.simulation.within(limitMs, (over) => phase.whenOver(over))) return phase.value;
    instance.plugin.late++;
    phase.whenOver(() => {
      instance.plugin.late--;
    });
    timedOut();
    const { simulation } = this.#world;
    for (let left = 4 - simulation.decide('aftermath'); left > 0; left--) yield* simulation.soon();
    throw new ModelError('TimeoutError');
  }
}
