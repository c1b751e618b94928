import { setMaxListeners } from 'node:events';
import { definePlugin, type PluginContext } from '../../../src/plugins/index.js';
import type { ManualClock } from '../../../src/testing/index.js';
import { describe } from '../chronicle.js';
import type { Stage } from './played-host.js';
import {
  type Change,
  type HandlerPlan,
  isAsyncHandler,
  isAsyncPhase,
  type Phase,
  type PluginPlan,
  type ResourcePlan,
  unitsToMs,
  type Waiting,
} from './program.js';
import { RealInstance } from './real-instance.js';

/** Makes a change; `parent` is the context of the handler that calls, where that says so. */
type MakeChange = (label: string, change: Change, parent: object | undefined) => Promise<void>;

/** The plugins of a real host, which do what their plans say, and what is seen of them. */
export class RealPlugins {
  readonly #stage: Stage;
  readonly #clock: ManualClock;
  readonly #setupMs: number;
  readonly #makeChange: MakeChange;
  readonly #counts = new Map<string, number>();
  readonly #instances: RealInstance[] = [];
  /** By their private states, which all their contexts have. */
  readonly #byState = new WeakMap<object, RealInstance>();

  constructor(stage: Stage, clock: ManualClock, setupMs: number, makeChange: MakeChange) {
    this.#stage = stage;
    this.#clock = clock;
    this.#setupMs = setupMs;
    this.#makeChange = makeChange;
  }

  /** How many resources have not been disposed of. */
  get owned(): number {
    return this.#instances.reduce((sum, { owned }) => sum + owned.size, 0);
  }

  /** A plugin that does what the plan says. */
  defined(plan: PluginPlan) {
    const { ready, setup, teardown, ...rest } = plan;
    return definePlugin({
      ...rest,
      setup: (ctx: PluginContext) => {
        const instance = this.#instance(plan, ctx);
        return this.#returned(isAsyncPhase(setup), instance, this.#phase(instance, ctx, 'setup', setup));
      },
      ...(ready === undefined ? {} : { ready: (ctx: PluginContext) => this.#later(ctx, 'ready', ready) }),
      ...(teardown === undefined ? {} : { teardown: (ctx: PluginContext) => this.#later(ctx, 'teardown', teardown) }),
    });
  }

  #later(ctx: PluginContext, which: 'ready' | 'teardown', plan: Phase): unknown {
    const instance = this.#byState.get(ctx.state);
    if (instance === undefined) throw new Error(`${which} of what was never set up`);
    return this.#returned(isAsyncPhase(plan), undefined, this.#phase(instance, ctx, which, plan));
  }

  #instance(plan: PluginPlan, ctx: PluginContext): RealInstance {
    const { name } = plan;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    const instance = new RealInstance(`${name}#${count}`, plan, ctx, this.#clock.now() + this.#setupMs);
    this.#instances.push(instance);
    this.#byState.set(ctx.state, instance);
    this.#stage.note('order of setups', instance.id);
    for (const other of Object.keys(plan.requires)) this.#require(instance, ctx.api(other));
    return instance;
  }

  #require(instance: RealInstance, required: unknown): void {
    if (!(required instanceof RealInstance)) this.#stage.violated(`${instance.id} gets no api of what it requires`);
    else if (required.state !== 'up') this.#stage.violated(`${instance.id} is set up while ${required.id} is not`);
    else instance.required.add(required);
  }

  #lookAtDependants(instance: RealInstance): void {
    for (const other of this.#instances) {
      // One without a teardown is seen to go by its signal.
      const isUp = other.plan.teardown === undefined ? !other.ctx.signal.aborted : other.state === 'up';
      if (isUp && other.required.has(instance)) {
        this.#stage.violated(`${instance.id} is torn down while ${other.id}, which requires it, is up`);
      }
    }
    instance.state = 'down';
  }

  /** Runs what a plugin does: its steps are done at once until one has to be awaited. */
  #returned(isAsync: boolean, value: unknown, steps: Iterator<PromiseLike<unknown>, void, undefined>): unknown {
    if (isAsync) return runAsync(steps, value);
    if (steps.next().done !== true) throw new Error('What is synchronous has waited.');
    return value;
  }

  *#phase(
    instance: RealInstance,
    ctx: PluginContext,
    which: 'setup' | 'ready' | 'teardown',
    plan: Phase,
  ): Generator<PromiseLike<unknown>, void, undefined> {
    if (which === 'teardown') this.#lookAtDependants(instance);
    this.#note(instance, which);
    for (const [index, step] of plan.steps.entries()) {
      const label = `${instance.id}.${which}${index}`;
      switch (step.do) {
        case 'wait':
          yield this.#wait(step, label, ctx.signal);
          break;
        case 'own':
          this.#attempt(label, () => this.#own(instance, ctx, step.resource, label));
          break;
        case 'on':
          this.#attempt(label, () => this.#on(instance, ctx, step.handler, label));
          break;
        case 'ask':
          this.#ask(instance, ctx, step.dependency, label);
          break;
        case 'emit':
          yield this.noteEmission(label, ctx.emit(step.event, label));
      }
    }
    this.#stage.note(`end of ${which} of ${instance.id}`, 'over');
    fail(plan.fails, `${which} of ${instance.id}`);
    if (which === 'setup' && this.#clock.now() < instance.setupEndsAt) instance.state = 'up';
  }

  #note(instance: RealInstance, text: string): void {
    this.#stage.note(`life of ${instance.id}`, text);
  }

  #attempt(label: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#stage.note(`refusal of ${label}`, describe(error));
    }
  }

  #wait({ heeds, units }: Waiting, label: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const goOn = (): void => {
        this.#clock.clearTimeout(timer);
        signal.removeEventListener('abort', goOn);
        if (heeds === 'throws' && signal.aborted) reject(signal.reason as Error);
        else resolve();
      };
      const isOver = heeds !== undefined && signal.aborted;
      const timer = isOver ? undefined : this.#clock.setTimeout(goOn, unitsToMs(units, label));
      if (isOver) return goOn();
      if (heeds === undefined) return;
      // Node warns of a leak when many listen to one; here they do.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', goOn);
    });
  }

  #own(instance: RealInstance, ctx: PluginContext, plan: ResourcePlan, label: string): void {
    const { fails, form, units } = plan;
    instance.owned.add(label);
    const release = (): unknown => {
      this.#note(instance, `${label} is disposed of`);
      if (!instance.owned.delete(label)) this.#stage.violated(`${label} was disposed of before`);
      const end = (): void => {
        this.#note(instance, `${label} is gone`);
        fail(fails, label);
      };
      if (units !== undefined) return this.#wait({ do: 'wait', units }, label, ctx.signal).then(end);
      return form === 'asyncDispose' ? Promise.resolve().then(end) : end();
    };
    if (form === 'function') ctx.own(release);
    else if (form === 'release') ctx.own({ label }, release);
    else if (form === 'dispose') ctx.own({ [Symbol.dispose]: release });
    else ctx.own({ [Symbol.asyncDispose]: release as () => Promise<void> });
  }

  #ask(instance: RealInstance, ctx: PluginContext, dependency: number, label: string): void {
    const { optional, requires } = instance.plan;
    const names = [...Object.keys(requires), ...Object.keys(optional)];
    const name = names[dependency % Math.max(1, names.length)];
    if (name === undefined) return;
    let answer: string;
    try {
      const api = name in requires ? ctx.api(name) : ctx.optionalApi(name);
      answer = api instanceof RealInstance ? api.id : 'nothing';
    } catch (error) {
      answer = describe(error);
    }
    this.#stage.note(`answers to ${label}`, `${name}: ${answer}`);
  }

  // Handlers

  #on(instance: RealInstance, ctx: PluginContext, plan: HandlerPlan, name: string): void {
    ctx.on(
      plan.event,
      (payload, emission) => {
        const run = this.#handle(instance, plan, name, String(payload), emission);
        return this.#returned(isAsyncHandler(plan), undefined, run);
      },
      { priority: plan.priority },
    );
  }

  *#handle(
    instance: RealInstance,
    plan: HandlerPlan,
    name: string,
    emitted: string,
    emission: Pick<PluginContext, 'emit' | 'post'>,
  ): Generator<PromiseLike<unknown>, void, undefined> {
    const { ctx } = instance;
    this.#stage.note(`calls of ${emitted}`, name);
    if (instance.state !== 'up') this.#stage.violated(`${emitted} calls ${instance.id}, which is ${instance.state}`);
    let hasWaited = false;
    for (const [index, step] of plan.steps.entries()) {
      const label = `${emitted}>${name}/${index}`;
      if (step.do === 'ask') this.#ask(instance, ctx, step.dependency, label);
      if (step.do === 'wait') yield this.#wait(step, label, ctx.signal);
      if (step.do === 'change') {
        if (this.#stage.isEnough()) continue;
        const tells = hasWaited && 'parent' in step.change && step.change.parent;
        const changed = this.#makeChange(label, step.change, tells ? emission : undefined);
        if (step.awaited) yield changed;
      }
      if (step.do === 'emit') {
        const by = step.via === 'handler' ? emission : ctx;
        let settled: Promise<unknown> = Promise.resolve();
        if (step.verb === 'post') by.post('second', label);
        else settled = this.noteEmission(label, by.emit('second', label));
        if (step.awaited) yield settled;
      }
      hasWaited ||= step.do === 'wait' || ('awaited' in step && step.awaited);
    }
    fail(plan.fails, `${emitted}>${name}`);
  }

  /** Notes how an emission ends. */
  async noteEmission(label: string, settled: unknown): Promise<void> {
    let outcome: string;
    try {
      const { called, failures, skipped } = (await settled) as { called: number; failures: unknown[]; skipped: number };
      outcome = `${called} called, ${skipped} skipped, ${failures.length} failed`;
    } catch (error) {
      outcome = `rejected ${describe(error)}`;
    }
    this.#stage.note(`outcome of ${label}`, outcome);
  }
}

async function runAsync<T>(steps: Iterator<PromiseLike<unknown>, void, undefined>, value: T): Promise<T> {
  for (let step = steps.next(); step.done !== true; step = steps.next()) {
    // What is awaited may be given up by throwing.
    await step.value;
  }
  return value;
}

function fail(how: Phase['fails'], what: string): void {
  if (how === 'error') throw new Error(what);
  if (how === 'undefined') throw undefined;
}
