import fc from 'fast-check';
import { rarely, sparse } from '../arbitrary-program.js';
import { CONTROLLERS } from '../program.js';
import {
  type BusPlan,
  type Command,
  type CorePlan,
  type EmitStep,
  EVENT_NAMES,
  EVENTS,
  type EventName,
  type KindProgram,
  type NextStep,
  type Script,
  type SettingsPlan,
  type SharedStep,
  type Step,
  type SubscriptionPlan,
  type Target,
} from './program.js';

const PATTERNS = ['page.*', '**', '*.load', '*.render', 'page.find.**'] as const;

const index = fc.nat({ max: 9 });
const cause = fc.constantFrom('error', 'error', 'error', 'undefined', 'zero');
const policy = fc.constantFrom('isolate', 'stop', 'throw');
const filter = fc.constantFrom('true', 'truthy', 'false', 'falsy', 'nested', 'throws', 'resolves', 'rejects');

const controller = fc.nat({ max: CONTROLLERS - 1 });

const shared: fc.Arbitrary<SharedStep> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), subscription: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('subscribe' as const), spare: index }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('group' as const),
      group: index,
      act: fc.constantFrom('pause', 'resume', 'resume', 'retire', 'remove'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), controller }) },
);

const fanOut: fc.Arbitrary<SettingsPlan> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ mode: 'sequential' as const }) },
  // A limit goes with a mode that starts several.
  {
    weight: 3,
    arbitrary: sparse<SettingsPlan>({
      mode: fc.constantFrom('concurrent', 'concurrent', 'tiered'),
      concurrency: rarely(fc.integer({ min: 1, max: 3 }), 2),
    }),
  },
);

/** What sets programs apart from each other. */
interface Level {
  readonly calm: boolean;
  /** Durations differ as much as they can, so that few things fall due at the same moment. */
  readonly ms: fc.Arbitrary<number>;
  readonly fanOut: fc.Arbitrary<SettingsPlan>;
  readonly shape: fc.Arbitrary<Script['shape']>;
}

/** What a program is about: most of its handlers and emissions are of one event, so that they meet. */
interface Focus extends Level {
  readonly about: EventName;
  readonly event: fc.Arbitrary<EventName>;
}

const someTime = fc.integer({ min: 1, max: 2_000 });

/** In which one thing happens after the other. */
export const CALM: Level = {
  calm: true,
  ms: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: someTime }),
  fanOut: fc.constant({}),
  shape: fc.constantFrom('plain', 'plain', 'plain', 'promise', 'thenable'),
};

/** In which emissions overlap, and handlers run at the same time. */
export const BUSY: Level = {
  calm: false,
  ms: someTime,
  fanOut,
  shape: fc.constantFrom('plain', 'promise', 'promise', 'thenable'),
};

/** Settings, mostly few of them, so that what isn't set counts too. */
function settings(level: Level, often: number): fc.Arbitrary<SettingsPlan> {
  return fc
    .tuple(level.fanOut, sparse<SettingsPlan>({ failurePolicy: rarely(policy, often) }))
    .map(([fan, own]) => ({ ...fan, ...own }));
}

function end(answers: readonly ('own' | 'inner' | 'wrapped')[]): fc.Arbitrary<Script['end']> {
  const rare = fc.constantFrom('undefined', 'undefined', 'undefined', 'payload', 'null', 'false', 'zero', 'empty');
  const answer = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...answers) }, { weight: 3, arbitrary: rare });
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ with: fc.constant('answer' as const), answer }) },
    { weight: 1, arbitrary: fc.record({ with: fc.constant('throw' as const), cause }) },
  );
}

function emitStep(level: Focus): fc.Arbitrary<EmitStep> {
  const { event, ms, shape } = level;
  const core: fc.Arbitrary<CorePlan> = fc.record({ end: end(['own']), shape, ms });
  return fc
    .tuple(
      sparse<EmitStep>({
        do: fc.constant('emit' as const),
        event,
        verb: fc.constantFrom('emit', 'emit', 'emit', 'dispatch', 'emitSync', 'post'),
        via: fc.constantFrom('ctx', 'bus', 'handle'),
        awaited: fc.boolean(),
        ms: someTime,
        timeoutMs: rarely(someTime, 8),
        signal: rarely(controller, 3),
        core: fc.option(core, { nil: undefined, freq: 4 }),
      }),
      settings(level, 3),
    )
    .map(([{ core: given, ...emit }, set]) => ({
      ...emit,
      ...set,
      ...(given === undefined || emit.event !== 'page.load' ? {} : { core: given }),
    }));
}

function step(level: Focus): fc.Arbitrary<Step> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: someTime }) },
    { weight: 4, arbitrary: emitStep(level) },
    { weight: 4, arbitrary: shared },
    { weight: 2, arbitrary: fc.constantFrom<Step[]>({ do: 'stop' }, { do: 'look' }) },
  );
}

function nextStep({ ms }: Level): fc.Arbitrary<NextStep> {
  return sparse<NextStep>({
    do: fc.constant('next' as const),
    give: rarely(fc.constantFrom('another', 'another', 'null'), 2),
    awaited: fc.constantFrom(true, true, false),
    ms,
    failure: fc.constantFrom('through', 'through', 'caught', 'retried', 'replaced'),
  });
}

/** A handler of an onion mostly calls `next` once; the others have nothing to call. */
function script(level: Focus, isAround: boolean): fc.Arbitrary<Script> {
  const { ms, shape } = level;
  const next = nextStep(level);
  const few = fc.array(step(level), { maxLength: 2, size: 'max' });
  const nexts = isAround
    ? fc.oneof(
        { weight: 6, arbitrary: fc.tuple(next) },
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 2, arbitrary: fc.tuple(next, next) },
      )
    : fc.oneof({ weight: 15, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.tuple(next) });
  const steps: fc.Arbitrary<readonly Step[]> = fc
    .tuple(few, nexts, fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: few }))
    .map((parts) => parts.flat());
  return fc.record({ steps, end: end(isAround ? ['own', 'inner', 'wrapped'] : ['own']), shape, ms });
}

function subscription(level: Focus): fc.Arbitrary<SubscriptionPlan> {
  const planned = <T extends Target>(target: fc.Arbitrary<T>, isAround: boolean): fc.Arbitrary<SubscriptionPlan> =>
    sparse<SubscriptionPlan>({
      target,
      priority: rarely(fc.constantFrom(-1, 0, 1, 2.5), 1),
      group: rarely(index, 3),
      times: rarely(fc.integer({ min: 1, max: 2 }), 5),
      filter: rarely(filter, 6),
      failurePolicy: rarely(fc.constantFrom('isolate', 'stop'), 5),
      timeoutMs: rarely(someTime),
      script: script(level, isAround),
    });
  const listening: fc.Arbitrary<Target> = fc.oneof(
    fc.record({ kind: fc.constant('pattern' as const), name: fc.constantFrom(...PATTERNS) }),
    fc.record({ kind: fc.constant('list' as const), names: fc.array(level.event, { minLength: 1, maxLength: 3 }) }),
    fc.constant({ kind: 'any' as const }),
  );
  const exact = EVENT_NAMES.map((name) => ({
    weight: name === level.about ? 8 : 1,
    arbitrary: planned(fc.constant({ kind: 'exact' as const, name }), EVENTS[name] === 'around'),
  }));
  return fc.oneof(...exact, { weight: 4, arbitrary: planned(listening, false) });
}

/** Programs that are mostly about one event. */
export function programAbout(about: EventName, how: Level): fc.Arbitrary<KindProgram> {
  const others = EVENT_NAMES.map((name) => ({ weight: 1, arbitrary: fc.constant(name) }));
  const level: Focus = { ...how, about, event: fc.oneof({ weight: 8, arbitrary: fc.constant(about) }, ...others) };
  const bus: fc.Arbitrary<BusPlan> = fc
    .tuple(fc.constantFrom('plain', 'compiled', 'observed', 'limited', 'traced'), settings(level, 3))
    .map(([way, set]) => ({ way, ...set }));
  const command: fc.Arbitrary<Command> = fc.oneof(
    { weight: 6, arbitrary: emitStep(level) },
    { weight: 1, arbitrary: shared },
    ...(level.calm ? [] : [{ weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: someTime }) }]),
  );
  const eventSettings = settings(level, 4);
  const whole = fc.record({
    calm: fc.constant(level.calm),
    bus,
    events: fc.record({
      'page.seen': eventSettings,
      'page.render': eventSettings,
      'page.find': eventSettings,
      'page.check': eventSettings,
      'page.load': eventSettings,
    }),
    groups: fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 1, maxLength: 2 }),
    subscriptions: fc.array(subscription(level), { minLength: 2, maxLength: 14, size: 'max' }),
    spares: fc.array(subscription(level), { minLength: 1, maxLength: 2 }),
    commands: fc.array(command, { minLength: 1, maxLength: 8, size: 'max' }),
  });
  // Left to itself, fast-check would mostly make short programs, in which little happens.
  return fc.noBias(whole);
}

/** Programs about all the kinds. */
export function anyProgram(how: Level): fc.Arbitrary<KindProgram> {
  return fc.oneof(
    ...EVENT_NAMES.map((name) => ({
      // Where there is most to go wrong.
      weight: EVENTS[name] === 'around' ? 3 : 1,
      arbitrary: programAbout(name, how),
    })),
  );
}
