import fc from 'fast-check';
import { rarely, sparse } from '../arbitrary-program.js';
import {
  ABORT_REASONS,
  type Asking,
  type Change,
  type Command,
  EVENTS,
  type Failing,
  type HandlerPlan,
  type HandlerStep,
  type HostProgram,
  NAMES,
  type Phase,
  type PhaseStep,
  type PluginName,
  type PluginPlan,
  type Ranges,
  type ResourcePlan,
  type TakingOut,
  type Waiting,
} from './program.js';

/** What programs are about. */
interface Subject {
  /** The plugins that there are at first. */
  readonly names: readonly PluginName[];
  /** How many plugins there are at least, and at most, at first. */
  readonly plugins: readonly [least: number, most: number];
  readonly commands: number;
  /** Whether anything takes time. */
  readonly waits: boolean;
  /** Once in so many times something fails. */
  readonly failsOneIn: number;
  /** How often setups subscribe, and wait, next to other things. */
  readonly handlers: number;
  readonly setupWaits: number;
  /** Once in so many times nothing is done before a change is over. */
  readonly awaitsOneIn: number;
  /** How often something is emitted, next to other things. */
  readonly emits: number;
  /** How many others a plugin makes use of at most. */
  readonly optional: number;
  /** How often plugins ask for the APIs of others, and are replaced, next to other things. */
  readonly asks: number;
  readonly replaces: number;
  /** Once in so many times a plugin wants what can't be. */
  readonly wrongOneIn: number;
  readonly onSetupError: fc.Arbitrary<'abort' | 'continue'>;
  /** What the first command is, if that is settled. */
  readonly startsFirst: boolean;
}

const someUnits = fc.integer({ min: 1, max: 9 });
const anyEvent = fc.constantFrom(...EVENTS);

/** Mostly one that is there. */
function anyName({ names }: Subject): fc.Arbitrary<PluginName> {
  return fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...names) },
    { weight: 1, arbitrary: fc.constantFrom(...NAMES) },
  );
}

function oneIn(times: number): fc.Arbitrary<boolean> {
  return fc.nat({ max: times - 1 }).map((drawn) => drawn === 0);
}

const waiting: fc.Arbitrary<Waiting> = sparse<Waiting>({
  do: fc.constant('wait' as const),
  units: someUnits,
  heeds: rarely(fc.constantFrom('goes on' as const, 'throws' as const), 1),
});

const asking: fc.Arbitrary<Asking> = fc.record({ do: fc.constant('ask' as const), dependency: fc.nat({ max: 3 }) });

function failing({ failsOneIn }: Subject): fc.Arbitrary<Failing> {
  return rarely(fc.constantFrom('error', 'error', 'error', 'undefined'), failsOneIn - 1);
}

const drain = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constantFrom(0, 2, 5) },
);

function resource(subject: Subject): fc.Arbitrary<ResourcePlan> {
  const fails = failing(subject);
  const form = fc.constantFrom('function' as const, 'asyncDispose' as const, 'release' as const);
  return fc.oneof(
    { weight: 1, arbitrary: sparse<ResourcePlan>({ form: fc.constant('dispose' as const), fails }) },
    {
      weight: 3,
      arbitrary: sparse({ form, units: subject.waits ? rarely(someUnits, 2) : fc.constant(undefined), fails }),
    },
  );
}

function phase(subject: Subject, isSetup: boolean, handlers: number, maxLength: number): fc.Arbitrary<Phase> {
  const step = fc.oneof<[...fc.WeightedArbitrary<PhaseStep>[]]>(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('own' as const), resource: resource(subject) }) },
    { weight: handlers, arbitrary: fc.record({ do: fc.constant('on' as const), handler: handler(subject) }) },
    ...(subject.waits || !isSetup
      ? [{ weight: 1, arbitrary: fc.record({ do: fc.constant('emit' as const), event: anyEvent }) }]
      : []),
    { weight: 2 * subject.asks, arbitrary: asking },
    ...(subject.waits ? [{ weight: isSetup ? subject.setupWaits : 2, arbitrary: waiting }] : []),
  );
  return sparse<Phase>({
    steps: fc.array(step, { maxLength, size: 'max' }),
    promise: subject.waits ? fc.boolean() : fc.constant(false),
    fails: failing(subject),
  });
}

function handler(subject: Subject): fc.Arbitrary<HandlerPlan> {
  return anyEvent.chain((event) =>
    sparse<HandlerPlan>({
      event: fc.constant(event),
      priority: fc.constantFrom(-1, 0, 0, 0, 1),
      steps: fc.array(handlerStep(subject, event === 'first'), { maxLength: 2, size: 'max' }),
      promise: subject.waits ? fc.boolean() : fc.constant(false),
      fails: failing(subject),
    }),
  );
}

function handlerStep(subject: Subject, emits: boolean): fc.Arbitrary<HandlerStep> {
  const awaited = subject.waits ? fc.boolean() : fc.constant(false);
  const emitting: fc.Arbitrary<HandlerStep> = fc.record({
    do: fc.constant('emit' as const),
    verb: fc.constantFrom('emit', 'post'),
    via: fc.constantFrom('handler', 'plugin'),
    awaited,
  });
  return fc.oneof<[...fc.WeightedArbitrary<HandlerStep>[]]>(
    ...(subject.waits ? [{ weight: 4, arbitrary: waiting }] : []),
    ...(emits ? [{ weight: 2, arbitrary: emitting }] : []),
    { weight: subject.asks, arbitrary: asking },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('change' as const), change: simpleChange(subject), awaited }),
    },
  );
}

function takingOut(subject: Subject) {
  return {
    plugin: anyName(subject),
    cascade: oneIn(3).map((is) => !is),
    drain: subject.waits ? drain : fc.constant(undefined),
    parent: fc.boolean(),
  };
}

/** A change that brings no plugins, so that plugins can be made of it. */
function simpleChange(subject: Subject): fc.Arbitrary<Change> {
  return fc.oneof(
    {
      weight: 4,
      arbitrary: sparse<TakingOut & { do: 'disable' | 'remove' }>({
        do: fc.constantFrom('disable', 'disable', 'remove'),
        ...takingOut(subject),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('enable' as const), plugin: anyName(subject) }) },
    {
      weight: 1,
      arbitrary: sparse({ do: fc.constant('stop' as const), drain: takingOut(subject).drain, parent: fc.boolean() }),
    },
    { weight: 1, arbitrary: starting },
  );
}

const starting: fc.Arbitrary<Change> = sparse({
  do: fc.constant('start' as const),
  signal: rarely(fc.nat({ max: ABORT_REASONS.length - 1 }), 3),
});

/**
 * Ranges of some plugins: mostly of those with earlier names, so that there are few circles.
 *
 * @param known - Those that are there, as far as that is known.
 */
function ranges(name: PluginName, subject: Subject, most: number): fc.Arbitrary<Ranges> {
  const { names: known, wrongOneIn } = subject;
  const earlier = known.filter((other) => other < name);
  const range = fc.tuple(oneIn(wrongOneIn * 3), oneIn(4)).map(([isWrong, isNarrow]) => {
    return isWrong ? ('^2' as const) : isNarrow ? ('^1' as const) : ('*' as const);
  });
  const wrong = fc.tuple(oneIn(wrongOneIn), anyName(subject)).map(([isWrong, other]) => {
    return isWrong && other !== name ? [other] : [];
  });
  return fc.tuple(fc.subarray(earlier, { maxLength: Math.min(most, earlier.length) }), wrong).chain(([right, more]) => {
    const names = [...new Set([...right, ...more])];
    return fc.tuple(...names.map(() => range)).map((drawn) => {
      return Object.fromEntries(names.map((other, index) => [other, drawn[index] ?? '*'])) as Ranges;
    });
  });
}

function wishes(others: readonly PluginName[], subject: Subject): fc.Arbitrary<PluginName[]> {
  const wish = fc.subarray([...others], { maxLength: Math.min(1, others.length) });
  const any = fc.tuple(oneIn(subject.wrongOneIn), anyName(subject));
  return fc.tuple(oneIn(3), wish, any).map(([has, wished, [isWrong, other]]) => {
    return [...(has ? wished : []), ...(isWrong ? [other] : [])];
  });
}

function plugin(name: PluginName, subject: Subject): fc.Arbitrary<PluginPlan> {
  const plan = sparse<PluginPlan>({
    name: fc.constant(name),
    version: oneIn(12).map((is) => (is ? '2.0.0' : '1.2.0')),
    requires: ranges(name, subject, 2),
    optional: ranges(name, { ...subject, wrongOneIn: subject.wrongOneIn * 3 }, subject.optional),
    before: wishes(
      subject.names.filter((other) => other > name),
      subject,
    ),
    after: wishes(
      subject.names.filter((other) => other < name),
      subject,
    ),
    setup: phase(subject, true, subject.handlers, 4),
    ready: rarely(phase(subject, false, 1, 2), 1),
    teardown: rarely(phase(subject, false, 0, 2), 1),
  });
  return plan.map((given) => {
    const optional = Object.entries(given.optional).filter(([other]) => !(other in given.requires));
    return { ...given, optional: Object.fromEntries(optional) };
  });
}

function anyPlugin(subject: Subject): fc.Arbitrary<PluginPlan> {
  return anyName(subject).chain((name) => plugin(name, subject));
}

function command(subject: Subject): fc.Arbitrary<Command> {
  const replacing = anyName(subject).chain((name) =>
    sparse<Extract<Change, { do: 'replace' }>>({
      do: fc.constant('replace' as const),
      ...takingOut(subject),
      plugin: fc.constant(name),
      plan: plugin(name, subject),
    }),
  );
  const adding = anyPlugin(subject).map((plan): Change => ({ do: 'add', plan }));
  const change = fc.oneof(
    { weight: 9, arbitrary: simpleChange(subject) },
    { weight: subject.replaces, arbitrary: replacing },
    { weight: 2, arbitrary: adding },
  );
  return fc.oneof<[...fc.WeightedArbitrary<Command>[]]>(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('change' as const),
        change,
        awaited: subject.waits ? oneIn(subject.awaitsOneIn) : fc.constant(true),
      }),
    },
    {
      weight: subject.emits,
      arbitrary: fc.record({
        do: fc.constant('emit' as const),
        event: anyEvent,
        verb: fc.constantFrom('emit', 'emit', 'dispatch', 'post'),
      }),
    },
    ...(subject.waits
      ? [{ weight: 5, arbitrary: fc.record({ do: fc.constant('advance' as const), units: someUnits }) }]
      : []),
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('abort' as const),
        controller: fc.nat({ max: ABORT_REASONS.length - 1 }),
      }),
    },
    { weight: 1, arbitrary: anyPlugin(subject).map((plan): Command => ({ do: 'use', plan })) },
  );
}

function program(about: Omit<Subject, 'names'>): fc.Arbitrary<HostProgram> {
  const [minLength, maxLength] = about.plugins;
  const whole = fc.shuffledSubarray([...NAMES], { minLength, maxLength }).chain((names) => {
    const subject = { ...about, names };
    const used = names.map((name) => sparse({ plan: plugin(name, subject), when: rarely(fc.boolean(), 12) }));
    return fc.record({
      host: fc.record({
        onSetupError: subject.onSetupError,
        mode: fc.constantFrom('sequential' as const, 'concurrent' as const, 'tiered' as const),
        setup: fc.constantFrom(12, 30),
        teardown: fc.constantFrom(8, 30),
        drain: fc.constantFrom(0, 4, 60),
        observed: fc.boolean(),
        compiled: fc.boolean(),
      }),
      plugins: fc.tuple(...used),
      commands: fc
        .tuple(
          fc.record({ do: fc.constant('change' as const), change: starting, awaited: fc.boolean() }),
          fc.array(command(subject), { maxLength: subject.commands, size: 'max' }),
        )
        .map(([start, rest]): Command[] => {
          return subject.startsFirst ? [start, ...rest] : [...rest.slice(0, 2), start, ...rest.slice(2)];
        }),
    });
  });
  // Left to itself, fast-check would mostly make short programs, in which little happens.
  return fc.noBias(whole);
}

const EVERYTHING: Omit<Subject, 'names'> = {
  plugins: [1, 8],
  commands: 14,
  waits: true,
  failsOneIn: 14,
  wrongOneIn: 40,
  handlers: 8,
  setupWaits: 2,
  awaitsOneIn: 2,
  emits: 5,
  optional: 1,
  asks: 1,
  replaces: 4,
  onSetupError: fc.constantFrom('abort', 'continue'),
  startsFirst: true,
};

/** Programs of everything that a host does. */
export const hostProgram: fc.Arbitrary<HostProgram> = program(EVERYTHING);

/** Programs in which nothing takes time, so that everything has an order. */
export const synchronousProgram: fc.Arbitrary<HostProgram> = program({
  ...EVERYTHING,
  waits: false,
  failsOneIn: 30,
});

/** Programs in which much fails, and much is not as it should be, from before the start. */
export const troubledProgram: fc.Arbitrary<HostProgram> = program({
  ...EVERYTHING,
  plugins: [2, 5],
  commands: 10,
  failsOneIn: 5,
  wrongOneIn: 8,
  startsFirst: false,
});

/** Programs of a few plugins that need each other, and come and go while emissions are under way. */
export const entangledProgram: fc.Arbitrary<HostProgram> = program({
  ...EVERYTHING,
  plugins: [3, 4],
  commands: 12,
  failsOneIn: 40,
  wrongOneIn: 1_000,
  handlers: 24,
  setupWaits: 0,
  awaitsOneIn: 5,
  emits: 9,
  optional: 2,
  asks: 4,
  replaces: 8,
});
