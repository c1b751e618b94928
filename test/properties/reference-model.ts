import { Chronicle, describe, type Facets, type Outcome } from './chronicle.js';
import { Labels, subscriptionName } from './labels.js';
import { ModelEmission } from './model-emission.js';
import type { ModelRun, ModelWait } from './model-run.js';
import { type EndReason, type ModelGroup, ModelSubscription } from './model-subscription.js';
import {
  ABORT_REASONS,
  CONTROLLERS,
  type Command,
  type EmitStep,
  EVENTS,
  type EventName,
  MOST_EMISSIONS,
  MOST_SUBSCRIPTIONS,
  type Program,
  type SharedStep,
  type SubscriptionPlan,
} from './program.js';
import { DESIGN, type Rules } from './rules.js';
import { type Choice, Timeline } from './timeline.js';

interface IdleWaiter {
  readonly resolve: () => void;
}

/**
 * A bus written down as the design describes it, for reading and not for speed: nothing is cached,
 * nothing is shared with the real one, promises are entries in a {@link Timeline}.
 */
export class ReferenceModel {
  readonly program: Program;
  readonly rules: Rules;
  readonly timeline: Timeline;
  readonly chronicle = new Chronicle();
  readonly runs = new Labels();
  readonly counts = { emissions: 0, dropped: 0, failures: 0, timeouts: 0, lateSettled: 0, abandoned: 0 };
  readonly inFlight = new Set<ModelEmission>();
  readonly lateRuns = new Set<ModelRun>();
  readonly #groups: readonly ModelGroup[];
  readonly #aborted: boolean[] = Array.from({ length: CONTROLLERS }, () => false);
  readonly #subscriptions: ModelSubscription[] = [];
  readonly #idleWaiters = new Set<IdleWaiter>();
  #state: 'open' | 'closing' | 'closed' = 'open';
  readonly #emitted = new Set<EventName>();
  #emissions = 0;

  constructor(program: Program, choose: Choice, rules: Rules = DESIGN) {
    this.program = program;
    this.rules = rules;
    this.timeline = new Timeline(choose);
    this.#groups = program.groups.map((place, i) => ({ name: `group${i}`, place, state: 'active' }));
  }

  /** Plays the whole program. */
  play(): Facets {
    for (const [index, command] of this.program.commands.entries()) this.#perform(`c${index}`, command);
    this.#advance('end', this.program.restMs);
    this.#describeEnd();
    this.#close();
    this.#advance('close', 100_000);
    this.chronicle.add('after closing', { handlers: this.#live().length, state: this.#state });
    return this.chronicle.facets();
  }

  #perform(label: string, command: Command): void {
    switch (command.do) {
      case 'emit':
        this.emit(label, command, undefined);
        break;
      case 'subscribe':
        this.subscribe(label, command.plan);
        break;
      case 'advance':
        this.#advance(label, command.ms);
        break;
      case 'idle':
        this.#idle(label, command.timeoutMs);
        break;
      default:
        this.share(label, command);
    }
  }

  // Subscriptions.

  subscribe(label: string, plan: SubscriptionPlan): void {
    if (this.#subscriptions.length >= MOST_SUBSCRIPTIONS) return;
    const group = plan.group === undefined ? undefined : pick(this.#groups, plan.group);
    const isShut = group?.state === 'retired' || group?.state === 'removed';
    if (isShut || this.#state === 'closed') {
      this.chronicle.add('refused subscriptions', `${label}: ${isShut ? 'GROUP_CLOSED' : 'BUS_CLOSED'}`);
      return;
    }
    const original = plan.sameAs === undefined ? undefined : pick(this.#subscriptions, plan.sameAs);
    const name = subscriptionName(label);
    const subscription = new ModelSubscription(name, plan, group, original, this.#subscriptions.length);
    this.#subscriptions.push(subscription);
    if (plan.signal !== undefined && this.#aborted[plan.signal] === true) subscription.hasEnded = true;
    else this.tell('subscribed', name);
  }

  /** The handlers of an event, in their order. */
  orderOf(event: EventName): ModelSubscription[] {
    return this.#live()
      .filter((subscription) => this.rules.listens(subscription.plan.target, event))
      .sort((a, b) => this.rules.order(a.listed(), b.listed()));
  }

  claim(subscription: ModelSubscription): void {
    subscription.timesLeft--;
    if (subscription.timesLeft === 0) this.#end([subscription], 'used');
  }

  share(label: string, step: SharedStep): void {
    switch (step.do) {
      case 'unsubscribe': {
        const subscription = pick(this.#subscriptions, step.subscription);
        if (subscription !== undefined) this.#end([subscription], 'off');
        break;
      }
      case 'off': {
        const like = pick(this.#subscriptions, step.subscription);
        if (like === undefined || !('name' in like.plan.target)) break;
        const found = this.#live().findLast((one) => one.fn === like.fn && sameName(one, like));
        if (found !== undefined) this.#end([found], 'off');
        this.chronicle.add('off', `${label}: ${found !== undefined}`);
        break;
      }
      case 'group':
        this.#actOnGroup(pick(this.#groups, step.group), step.act);
        break;
      case 'abort':
        this.#abort(step.controller);
    }
  }

  #actOnGroup(group: ModelGroup | undefined, act: 'pause' | 'resume' | 'retire' | 'remove'): void {
    if (group === undefined || group.state === 'removed') return;
    // What has been retired can still be removed.
    if (group.state === 'retired' && act !== 'remove') return;
    group.state = ({ pause: 'paused', resume: 'active', retire: 'retired', remove: 'removed' } as const)[act];
    if (group.state !== 'retired' && group.state !== 'removed') return;
    const members = this.#subscriptions.filter((subscription) => subscription.group === group);
    this.#end(members, group.state);
  }

  #abort(controller: number): void {
    if (this.#aborted[controller] === true) return;
    this.#aborted[controller] = true;
    for (const subscription of this.#live()) {
      if (subscription.plan.signal === controller) this.#end([subscription], 'aborted');
    }
    for (const emission of this.timeline.inAnyOrder(this.inFlight)) {
      if (emission.step.signal === controller) emission.abort(ABORT_REASONS[controller]);
    }
  }

  #live(): ModelSubscription[] {
    return this.#subscriptions.filter((subscription) => !subscription.hasEnded);
  }

  #end(subscriptions: readonly ModelSubscription[], reason: EndReason): void {
    // The last use has been claimed by a run; and emissions under way still call what has been retired,
    // or has ended with the bus, unless they have been abandoned.
    const bars = reason !== 'used' && reason !== 'retired' && reason !== 'closed';
    const barred = subscriptions.filter((subscription) => bars && !subscription.barred);
    for (const subscription of barred) subscription.barred = true;
    for (const subscription of subscriptions) {
      if (subscription.hasEnded) continue;
      subscription.hasEnded = true;
      this.tell('unsubscribed, in any order', `${subscription.name}: ${reason}`);
    }
    for (const { waiting } of barred) for (const { emission, turn } of waiting) emission.skipRemoved(turn);
  }

  // Slots of handlers that have a `concurrency` of their own.

  /** Whether the run that starts holds a slot; undefined where it has to wait for one. */
  takeSlot(subscription: ModelSubscription, from: ModelRun | undefined): boolean | undefined {
    if (!subscription.hasSlots) return false;
    if (!this.rules.waitsForItself) {
      for (let cause = from; cause !== undefined; cause = cause.emission.from) {
        if (cause.turn.subscription === subscription && cause.holdsSlot) return false;
      }
    }
    if (subscription.slotsTaken === subscription.plan.concurrency) return undefined;
    subscription.slotsTaken++;
    return true;
  }

  freeSlot(subscription: ModelSubscription): void {
    const next = subscription.waiting.shift();
    if (next === undefined) {
      subscription.slotsTaken--;
    } else if (next.turn.state !== 'waiting') {
      this.freeSlot(subscription);
    } else {
      next.turn.hasSlot = true;
      this.timeline.soon(() => next.emission.startWaiting(next.turn));
    }
  }

  // Emissions.

  /** Emits, and returns what its caller may wait for. */
  emit(label: string, step: EmitStep, from: ModelRun | undefined): ModelWait | undefined {
    if (this.#emissions === MOST_EMISSIONS) return undefined;
    this.#emissions++;
    const refusal = this.#refusal(step, from);
    if (refusal !== undefined) {
      this.#refuse(label, step, refusal.reason);
      return step.verb === 'emit' ? (goOn) => this.timeline.soon(goOn) : undefined;
    }
    this.counts.emissions++;
    this.#emitted.add(step.event);
    const emission = new ModelEmission(this, label, step, from);
    this.inFlight.add(emission);
    this.tell(`start of ${label}`, {
      parent: from?.emission.label,
      meta: emission.meta,
      mode: emission.mode,
      sync: emission.sync,
      handlers: emission.turns.length,
    });
    emission.begin();
    const isSync = emission.end !== undefined && step.verb !== 'emit';
    if (emission.end !== undefined) this.#conclude(emission, isSync);
    else emission.whenEnded.push(() => this.#conclude(emission, false));
    if (isSync || step.verb === 'post') return undefined;
    return (goOn) => {
      const goOnSoon = () => this.timeline.soon(goOn);
      if (emission.end === undefined) emission.whenEnded.push(goOnSoon);
      else goOnSoon();
    };
  }

  /** The run that a plain call is traced to: at once to the one that makes it, later with AsyncLocalStorage. */
  tracedTo(run: ModelRun): ModelRun | undefined {
    return !run.hasWaited || run.emission.isTraced ? run : undefined;
  }

  /** An emission has ended. */
  ended(emission: ModelEmission): void {
    this.inFlight.delete(emission);
    const { end } = emission;
    if (end !== undefined) {
      const { called, skipped, stopped, failures, ok } = end.result;
      const isRejected = end.aborted !== undefined || end.rejectedBy !== undefined;
      const outcome = end.aborted !== undefined ? 'aborted' : ok ? 'ok' : 'failed';
      this.tell(`end of ${emission.label}`, { outcome, rejected: isRejected, called, skipped, stopped, failures });
    }
    this.perhapsIdle();
  }

  report(failure: string): void {
    this.chronicle.reported(this.timeline.now, failure);
  }

  /** Tells the observer, if there is one. */
  tell(facet: string, fact: unknown): void {
    if (this.program.bus.observed) this.chronicle.add(facet, fact);
  }

  #refusal(step: EmitStep, from: ModelRun | undefined): { readonly reason: unknown } | undefined {
    let isCausedByWork = false;
    for (let cause = from; cause !== undefined; cause = cause.emission.from) {
      isCausedByWork ||= !cause.isOver || cause.emission.end === undefined;
    }
    if (this.#state === 'closed' || (this.#state === 'closing' && !isCausedByWork)) return { reason: BUS_CLOSED };
    if (step.signal !== undefined && this.#aborted[step.signal] === true) return { reason: ABORT_REASONS[step.signal] };
    return undefined;
  }

  #refuse(label: string, step: EmitStep, reason: unknown): void {
    this.counts.dropped++;
    this.tell('dropped', `${label}: ${describe(reason)}`);
    if (step.verb === 'post') {
      this.report(reason === BUS_CLOSED ? 'BUS_CLOSED' : `ABORTED of ${describe(reason)}`);
    } else {
      const how = step.verb === 'emit' ? 'rejected' : 'threw';
      this.#outcome(label, { at: this.timeline.now, how, reason: describe(reason) });
    }
  }

  /** Writes down what the verb's caller gets. */
  #conclude({ label, step, end }: ModelEmission, isSync: boolean): void {
    if (end === undefined) return;
    const at = this.timeline.now;
    const { result, rejectedBy, aborted } = end;
    const how = isSync ? 'threw' : 'rejected';
    if (step.verb === 'post') {
      const reports = rejectedBy === undefined ? [] : result.failures;
      const report = () => {
        if (aborted !== undefined) this.report(`ABORTED of ${describe(aborted.reason)}`);
        else for (const failure of reports) this.report(failure);
      };
      if (isSync) report();
      else this.timeline.soon(report);
    } else if (aborted !== undefined) {
      this.#outcome(label, { at, how, reason: describe(aborted.reason) });
    } else if (rejectedBy !== undefined) {
      this.#outcome(label, { at, how, errors: result.failures, cause: rejectedBy, result });
    } else {
      this.#outcome(label, { at, how: isSync ? 'returned' : 'fulfilled', result });
    }
  }

  #outcome(label: string, outcome: Outcome): void {
    this.chronicle.add(`outcome of ${label}`, outcome);
  }

  // Idling and closing.

  /** Tells those who wait for it, if nothing is in flight. */
  perhapsIdle(): void {
    if (!this.#isIdle()) return;
    for (const waiter of Array.from(this.#idleWaiters)) waiter.resolve();
  }

  #isIdle(): boolean {
    return this.inFlight.size === 0 && (this.lateRuns.size === 0 || !this.rules.idleAwaitsLateWork);
  }

  #idle(label: string, timeoutMs = Infinity): void {
    this.#whenIdle(timeoutMs, (isIdle) => {
      this.chronicle.add('idle', `${label} at ${this.timeline.now} ms: ${isIdle ? 'idle' : 'IDLE_TIMEOUT'}`);
    });
  }

  #whenIdle(timeoutMs: number, tell: (isIdle: boolean) => void): void {
    if (this.#isIdle()) return tell(true);
    const waiter = {
      resolve: () => {
        clearTimer();
        this.#idleWaiters.delete(waiter);
        tell(true);
      },
    };
    this.#idleWaiters.add(waiter);
    const onTimeout = () => {
      this.#idleWaiters.delete(waiter);
      tell(false);
    };
    const clearTimer = timeoutMs < Infinity ? this.timeline.after(timeoutMs, onTimeout) : () => undefined;
  }

  #close(): void {
    this.#state = 'closing';
    const { drainMs } = this.program;
    if (drainMs === 0) return this.#endClose(this.#isIdle());
    this.#whenIdle(drainMs, (isIdle) => this.#endClose(isIdle));
  }

  #endClose(drained: boolean): void {
    const unfinished = [...this.inFlight].map(
      (emission) => `${emission.step.event}: ${emission.unsettledHandlers().join()}`,
    );
    const late = [...this.lateRuns].map((run) => `late ${run.emission.step.event}: ${run.turn.subscription.name}`);
    const report = { at: this.timeline.now, drained, unfinished: [...unfinished, ...late].sort() };
    this.chronicle.add('close', report);
    this.#state = 'closed';
    for (const emission of this.timeline.inAnyOrder(this.inFlight)) emission.abandon(BUS_CLOSED);
    for (const run of this.lateRuns) run.abort(BUS_CLOSED);
    this.#end(this.#live(), 'closed');
  }

  #advance(label: string, ms: number): void {
    this.timeline.advance(ms);
    this.chronicle.add(`timers after ${label}`, this.timeline.pending === 0 ? 'none' : 'some');
  }

  /** What `inspect()` and its fellows say when the program has been played. */
  #describeEnd(): void {
    const counts = {
      ...this.counts,
      overran: 0,
      intercepted: 0,
      streamDropped: 0,
      inFlight: this.inFlight.size,
      late: this.lateRuns.size,
    };
    for (const [name, count] of Object.entries(counts)) this.chronicle.add(`count of ${name}`, count);
    for (const event of EVENTS) {
      this.chronicle.add(`count of handlers of ${event}`, this.orderOf(event).length);
      if (!this.#emitted.has(event)) continue;
      const order = this.orderOf(event).map((one) => ({
        name: one.name,
        priority: one.priority,
        paused: one.group?.state === 'paused',
        timesLeft: one.timesLeft < Infinity ? one.timesLeft : undefined,
        running: one.hasSlots ? one.slotsTaken : undefined,
      }));
      this.chronicle.add(`handlers of ${event}`, order);
    }
    for (const group of this.#groups) {
      const size = this.#live().filter((subscription) => subscription.group === group).length;
      this.chronicle.add(`state of ${group.name}`, { state: group.state, size });
    }
  }
}

const BUS_CLOSED = Object.assign(new Error('closed'), { code: 'BUS_CLOSED' });

function sameName(a: ModelSubscription, b: ModelSubscription): boolean {
  return 'name' in a.plan.target && 'name' in b.plan.target && a.plan.target.name === b.plan.target.name;
}

/** The element that an index of a program means. */
export function pick<T>(list: readonly T[], index: number): T | undefined {
  return list[index % list.length];
}
