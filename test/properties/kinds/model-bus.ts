import { AmbusError, EmitError } from '../../../src/index.js';
import { matches } from '../rules.js';
import { ModelEmission } from './model-emission.js';
import type { HandlerFunction, PlayedBus, PlayedEmitOptions, PlayedOptions, Result, World } from './played-bus.js';
import { EVENTS, type EventName, type GroupAct, type KindProgram, type Target } from './program.js';
import { DESIGN, type KindRules } from './rules.js';
import { drive } from './steps.js';

export interface ModelGroup {
  readonly name: string;
  readonly place: number;
  state: 'active' | 'paused' | 'retired' | 'removed';
}

export interface ModelSubscription extends Omit<PlayedOptions, 'priority' | 'group'> {
  readonly target: Target;
  readonly handler: HandlerFunction;
  readonly priority: number;
  readonly group: ModelGroup | undefined;
  timesLeft: number;
  /** Whether emissions that start now call it. */
  isLive: boolean;
  /** Whether emissions that have started don't call it either. */
  isRemoved: boolean;
}

/**
 * A bus whose events have kinds, written down as the design describes it. An emission is a function
 * that goes through its handlers; nothing is prepared, and nothing is shared with the real one.
 */
export class ModelBus implements PlayedBus {
  readonly program: KindProgram;
  readonly world: World;
  readonly rules: KindRules;
  /** Whether something has happened of which the design says nothing. */
  isUndefined = false;
  /** The emissions, by their payloads, of which an `around` has made a second attempt. */
  readonly retried = new Set<unknown>();
  readonly counts = { failures: 0, timeouts: 0, lateSettled: 0, dropped: 0, late: 0, inFlight: 0 };
  readonly #groups: readonly ModelGroup[];
  readonly #subscriptions: ModelSubscription[] = [];

  constructor(program: KindProgram, world: World, rules: KindRules = DESIGN) {
    this.program = program;
    this.world = world;
    this.rules = rules;
    this.#groups = program.groups.map((place, i) => ({ name: `group${i}`, place, state: 'active' }));
  }

  subscribe(target: Target, handler: HandlerFunction, { priority, group, ...options }: PlayedOptions): () => void {
    const subscription: ModelSubscription = {
      ...options,
      target,
      handler,
      priority: priority ?? 0,
      group: group === undefined ? undefined : this.#groups[group],
      timesLeft: options.times ?? Infinity,
      isLive: true,
      isRemoved: false,
    };
    const state = subscription.group?.state;
    if (state === 'retired' || state === 'removed') throw Object.assign(new Error('closed'), { code: 'GROUP_CLOSED' });
    this.#subscriptions.push(subscription);
    return () => remove(subscription);
  }

  act(index: number, act: GroupAct): void {
    const group = this.#groups[index];
    if (group === undefined || group.state === 'removed') return;
    // What has been retired can still be removed.
    if (group.state === 'retired' && act !== 'remove') return;
    group.state = ({ pause: 'paused', resume: 'active', retire: 'retired', remove: 'removed' } as const)[act];
    const members = this.#subscriptions.filter((subscription) => subscription.group === group);
    for (const member of members) {
      if (act === 'retire') member.isLive = false;
      if (act === 'remove') remove(member);
    }
  }

  /** The handlers of an event, in their order. */
  handlersOf(event: EventName): ModelSubscription[] {
    return this.#subscriptions
      .filter(({ isLive, target }) => isLive && hears(target, event))
      .sort((a, b) => b.priority - a.priority || (a.group?.place ?? 0) - (b.group?.place ?? 0));
  }

  dispatch(type: string, payload: unknown, options?: PlayedEmitOptions): Result | Promise<Result> {
    return this.#emission(type, payload, options, false);
  }

  emitSync(type: string, payload: unknown, options?: PlayedEmitOptions): Result {
    return this.#emission(type, payload, options, true) as Result;
  }

  async emit(type: string, payload: unknown, options?: PlayedEmitOptions): Promise<Result> {
    return this.dispatch(type, payload, options);
  }

  post(type: string, payload: unknown, options?: PlayedEmitOptions): void {
    this.emit(type, payload, options).catch((error: unknown) => {
      const failures = error instanceof EmitError ? error.errors : [new AmbusError('ABORTED', '')];
      for (const failure of failures) this.world.onFailure(failure);
    });
  }

  event(type: EventName) {
    return {
      emit: (payload: unknown, options?: PlayedEmitOptions) => this.emit(type, payload, options),
      emitSync: (payload: unknown, options?: PlayedEmitOptions) => this.emitSync(type, payload, options),
      dispatch: (payload: unknown, options?: PlayedEmitOptions) => this.dispatch(type, payload, options),
      post: (payload: unknown, options?: PlayedEmitOptions) => this.post(type, payload, options),
    };
  }

  #emission(type: string, payload: unknown, options: PlayedEmitOptions = {}, sync: boolean): Result | Promise<Result> {
    if (!isEventName(type)) throw new Error(`The model has no event "${type}".`);
    if (options.signal?.aborted === true) {
      this.counts.dropped++;
      throw options.signal.reason;
    }
    return drive(new ModelEmission(this, type, payload, options, sync).run());
  }
}

function remove(subscription: ModelSubscription): void {
  subscription.isLive = false;
  subscription.isRemoved = true;
}

function hears(target: Target, event: EventName): boolean {
  switch (target.kind) {
    case 'exact':
      return target.name === event;
    case 'list':
      return target.names.includes(event);
    case 'pattern':
      return matches(target.name, event);
    case 'any':
      return true;
  }
}

function isEventName(type: string): type is EventName {
  return type in EVENTS;
}
