import fc from 'fast-check';
import {
  type BusPlan,
  CONTROLLERS,
  type Command,
  type EmitStep,
  EVENTS,
  PATTERNS,
  type Program,
  type Script,
  type SharedStep,
  type Step,
  type SubscribeStep,
  type SubscriptionPlan,
  type Target,
} from './program.js';

const index = fc.nat({ max: 15 });
const controller = fc.nat({ max: CONTROLLERS - 1 });
/** Mostly the same one, so that handlers and emissions meet. */
const event = fc.constantFrom(...EVENTS, 'order.placed', 'order.placed', 'order.placed', 'order.placed');

/** Durations differ as much as they can, so that few things fall due at the same moment. */
const ms = fc.integer({ min: 1, max: 400 });

/** A field that is left out most of the time: `times` as often as it is there. */
export function rarely<T>(arbitrary: fc.Arbitrary<T>, times = 5): fc.Arbitrary<T | undefined> {
  return fc.oneof({ weight: times, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
}

/** A record without the fields that are undefined: counterexamples are to be read. */
export function sparse<T extends object>(fields: { [Field in keyof T]: fc.Arbitrary<T[Field]> }): fc.Arbitrary<T> {
  return fc
    .record(fields)
    .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T);
}

const target: fc.Arbitrary<Target> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('exact' as const), name: event }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('pattern' as const), name: fc.constantFrom(...PATTERNS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('list' as const),
      names: fc.array(event, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'any' as const }) },
);

function abort(weight: number): { weight: number; arbitrary: fc.Arbitrary<SharedStep> } {
  return { weight, arbitrary: fc.record({ do: fc.constant('abort' as const), controller }) };
}

const shared: fc.Arbitrary<SharedStep> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), subscription: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('off' as const), subscription: index }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('group' as const),
      group: index,
      act: fc.constantFrom('pause', 'resume', 'resume', 'retire', 'remove'),
    }),
  },
  abort(2),
);

const cause = fc.constantFrom('error', 'error', 'undefined', 'null', 'zero', 'empty', 'false');
const policy = fc.constantFrom('isolate', 'stop', 'throw');
const ownPolicy = fc.constantFrom('isolate', 'stop');
const filter = fc.constantFrom('true', 'truthy', 'false', 'falsy', 'nested', 'throws', 'resolves', 'rejects');
const priority = fc.constantFrom(-1, 0, 0, 1, 2.5);
const meta = fc.constantFrom('tenant', 'user');
const slots = fc.integer({ min: 1, max: 2 });

/** What sets the two levels apart: programs in which nothing waits, and those in which everything may. */
interface Level {
  readonly verb: fc.Arbitrary<EmitStep['verb']>;
  /** How an emission's handlers fan out. */
  readonly fanOut: fc.Arbitrary<Pick<EmitStep, 'mode' | 'concurrency' | 'timeoutMs'>>;
  readonly step: fc.Arbitrary<Step>;
  readonly end: fc.Arbitrary<Script['end']>;
  readonly shape: fc.Arbitrary<Script['shape']>;
  readonly timeLimit: fc.Arbitrary<number | undefined>;
  readonly concurrency: fc.Arbitrary<number | undefined>;
}

function emitStep({ verb, fanOut }: Level): fc.Arbitrary<EmitStep> {
  const step = sparse({
    do: fc.constant('emit' as const),
    event,
    verb,
    via: fc.constantFrom('ctx', 'bus', 'handle'),
    awaited: fc.boolean(),
    failurePolicy: rarely(policy, 2),
    signal: rarely(controller, 2),
    meta: rarely(meta),
  });
  return fc.tuple(step, fanOut).map(([plain, fan]) => ({ ...plain, ...fan }));
}

function script(level: Level, depth: number): fc.Arbitrary<Script> {
  const subscribe: fc.Arbitrary<Step>[] = depth > 0 ? [subscribeStep(level, depth - 1)] : [];
  const step = fc.oneof(
    { weight: 3, arbitrary: level.step },
    { weight: 3, arbitrary: emitStep(level) },
    { weight: 3, arbitrary: shared },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'stop' }, { do: 'look' }) },
    ...subscribe.map((arbitrary) => ({ weight: 1, arbitrary })),
  );
  return fc.record({ steps: fc.array(step, { maxLength: 3, size: 'max' }), end: level.end, shape: level.shape });
}

function subscribeStep(level: Level, depth: number): fc.Arbitrary<SubscribeStep> {
  const plan: fc.Arbitrary<SubscriptionPlan> = sparse({
    target,
    priority: rarely(priority, 1),
    group: rarely(index, 2),
    times: rarely(fc.integer({ min: 1, max: 3 }), 3),
    filter: rarely(filter, 4),
    failurePolicy: rarely(ownPolicy, 4),
    timeoutMs: level.timeLimit,
    concurrency: level.concurrency,
    signal: rarely(controller, 6),
    sameAs: rarely(index, 8),
    script: script(level, depth),
  });
  return fc.record({ do: fc.constant('subscribe' as const), plan });
}

function program(
  level: Level,
  bus: fc.Arbitrary<BusPlan>,
  ...more: fc.WeightedArbitrary<Command>[]
): fc.Arbitrary<Program> {
  const command: fc.Arbitrary<Command> = fc.oneof(
    { weight: 4, arbitrary: subscribeStep(level, 1) },
    { weight: 6, arbitrary: emitStep(level) },
    { weight: 2, arbitrary: shared },
    ...more,
  );
  const start = fc.array(subscribeStep(level, 1), { minLength: 1, maxLength: 6, size: 'max' });
  const rest = fc.array(command, { minLength: 1, maxLength: 18, size: 'max' });
  const whole = fc.record({
    bus,
    groups: fc.array(fc.integer({ min: -1, max: 1 }), { minLength: 1, maxLength: 2 }),
    commands: fc.tuple(start, rest).map(([first, then]) => [...first, ...then]),
    restMs: fc.constantFrom(100_000, 100_000, 100, 0),
    drainMs: fc.constantFrom(0, 50, 10_000),
  });
  // Left to itself, fast-check would mostly make short programs, in which little happens.
  return fc.noBias(whole);
}

const returnOrThrow: fc.Arbitrary<Script['end']> = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ with: 'return' as const }) },
  { weight: 1, arbitrary: fc.record({ with: fc.constant('throw' as const), cause }) },
);

/** Programs whose handlers are synchronous, so that everything has happened when a verb returns. */
export const synchronousProgram: fc.Arbitrary<Program> = program(
  {
    verb: fc.constantFrom('emitSync', 'emitSync', 'dispatch', 'emit', 'post'),
    fanOut: sparse({ mode: rarely(fc.constantFrom('sequential', 'concurrent', 'tiered')) }),
    step: shared,
    end: returnOrThrow,
    shape: fc.constantFrom('plain', 'plain', 'plain', 'plain', 'lookalike', 'getter'),
    timeLimit: rarely(ms, 8),
    concurrency: rarely(slots, 8),
  },
  sparse({
    mode: fc.constantFrom('sequential', 'concurrent', 'tiered'),
    failurePolicy: rarely(policy, 2),
    observed: fc.boolean(),
  }),
);

/** Limits of how many handlers may be unsettled go with the modes that start several. */
const fanOut = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ mode: 'sequential' as const }) },
  {
    weight: 2,
    arbitrary: sparse({
      mode: fc.constantFrom('concurrent', 'tiered'),
      concurrency: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    }),
  },
);

const waiting: fc.Arbitrary<Step> = fc.record({ do: fc.constant('wait' as const), ms });

/** Programs that take time: handlers wait, time limits expire, emissions overlap and are aborted. */
export const asynchronousProgram: fc.Arbitrary<Program> = program(
  {
    verb: fc.constantFrom('emit', 'emit', 'emit', 'dispatch', 'post', 'emitSync'),
    fanOut: fc.tuple(fanOut, sparse({ timeoutMs: rarely(ms) })).map(([fan, limit]) => ({ ...fan, ...limit })),
    step: waiting,
    end: fc.oneof(
      { weight: 8, arbitrary: returnOrThrow },
      { weight: 1, arbitrary: fc.constant({ with: 'never' as const }) },
      {
        weight: 1,
        arbitrary: fc.record({ with: fc.constant('abort' as const), then: fc.constantFrom('throw', 'return') }),
      },
    ),
    shape: fc.oneof(
      { weight: 6, arbitrary: fc.constant('plain' as const) },
      {
        weight: 4,
        arbitrary: fc.constantFrom('promise', 'thenable', 'function', 'twice', 'getter', 'thrower', 'lookalike'),
      },
    ),
    timeLimit: rarely(ms, 4),
    concurrency: rarely(slots, 4),
  },
  fc
    .tuple(
      fanOut,
      sparse({
        timeoutMs: rarely(ms, 3),
        lateMs: rarely(ms, 2),
        failurePolicy: rarely(policy, 2),
        asyncContext: rarely(fc.constantFrom('auto', 'always', 'never'), 2),
        observed: fc.boolean(),
      }),
    )
    .map(([fan, plan]) => ({ mode: 'sequential' as const, ...fan, ...plan })),
  { weight: 4, arbitrary: fc.record({ do: fc.constant('advance' as const), ms }) },
  { weight: 1, arbitrary: sparse({ do: fc.constant('idle' as const), timeoutMs: rarely(ms, 2) }) },
);
