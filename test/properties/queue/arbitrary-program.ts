import fc from 'fast-check';
import { rarely, sparse } from '../arbitrary-program.js';
import {
  type Act,
  type BusPlan,
  CONTROLLERS,
  type Command,
  type Enqueueing,
  EVENTS,
  KEYS,
  PRIORITIES,
  type QueuePlan,
  type QueueProgram,
  type Script,
} from './program.js';

/** What programs are about. */
interface Subject {
  /** How deep handlers' calls have handlers with calls of their own. */
  readonly depth: number;
  /** How many calls of emit or post come to one of another kind. */
  readonly calls: number;
  readonly verb: fc.Arbitrary<'emit' | 'post'>;
  readonly priority: fc.Arbitrary<number | undefined>;
  readonly key: fc.Arbitrary<number | undefined>;
  readonly concurrency: fc.Arbitrary<number>;
  readonly capacity: fc.Arbitrary<number | undefined>;
  /** Of a delay or a limit: left out more often than not, or always. */
  readonly units: fc.Arbitrary<number | undefined>;
}

const someUnits = fc.integer({ min: 1, max: 9 });
const anyPriority = fc.constantFrom(...PRIORITIES);
const controller = fc.nat({ max: CONTROLLERS - 1 });

const EVERYTHING: Subject = {
  depth: 3,
  calls: 5,
  verb: fc.constantFrom('emit', 'emit', 'post'),
  priority: rarely(anyPriority, 1),
  // Mostly the same one, so that lanes have something to do.
  key: rarely(fc.constantFrom(0, 0, 0, ...KEYS.keys()), 1),
  concurrency: fc.integer({ min: 1, max: 3 }),
  capacity: rarely(fc.integer({ min: 1, max: 4 }), 1),
  units: rarely(someUnits, 4),
};

const control: fc.Arbitrary<Act> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), controller }) },
  { weight: 2, arbitrary: fc.constant({ do: 'pause' as const }) },
  { weight: 4, arbitrary: fc.constant({ do: 'resume' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('concurrency' as const), concurrency: EVERYTHING.concurrency }),
  },
);

function enqueueing(subject: Subject, depth: number): fc.Arbitrary<Enqueueing> {
  const { key, priority, units, verb } = subject;
  return sparse({
    do: verb,
    event: fc.constantFrom(...EVENTS),
    priority,
    key,
    delay: units,
    maxWait: units,
    timeout: units,
    signal: rarely(controller),
    failurePolicy: rarely(fc.constant('throw' as const), 4),
    awaited: rarely(fc.constant(true), 1),
    via: rarely(fc.constantFrom('parent' as const, 'relay' as const), 2),
    script: script(subject, depth - 1),
  });
}

function script(subject: Subject, depth: number): fc.Arbitrary<Script> {
  const beat = fc.array(act(subject, depth), { maxLength: depth > 0 ? 2 : 1, size: 'max' });
  const beats = fc.array(beat, { minLength: 1, maxLength: 3, size: 'max' });
  const fails = fc.constantFrom(false, false, false, true);
  return fc.oneof(
    { weight: 2, arbitrary: fc.record({ beats: fc.tuple(beat), shape: fc.constant('sync' as const), fails }) },
    { weight: 5, arbitrary: fc.record({ beats, shape: fc.constant('async' as const), fails }) },
    { weight: 1, arbitrary: fc.record({ beats, shape: fc.constant('stray' as const), fails }) },
  );
}

function act(subject: Subject, depth: number): fc.Arbitrary<Act> {
  if (depth <= 0) return control;
  return fc.oneof({ weight: subject.calls, arbitrary: enqueueing(subject, depth) }, { weight: 1, arbitrary: control });
}

/** @param most - How many calls are made at once. */
function commands(subject: Subject, most: number, maxLength: number): fc.Arbitrary<Command[]> {
  const acts = fc.array(act(subject, subject.depth), { minLength: 1, maxLength: most, size: 'max' });
  const command: fc.Arbitrary<Command> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('call' as const), acts }) },
    { weight: 8, arbitrary: fc.record({ do: fc.constant('open' as const), gate: fc.nat({ max: 9 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('advance' as const), units: someUnits }) },
    { weight: 1, arbitrary: fc.constant({ do: 'idle' as const }) },
  );
  return fc.array(command, { maxLength, size: 'max' });
}

function program(subject: Subject): fc.Arbitrary<QueueProgram> {
  const bus: fc.Arbitrary<BusPlan> = fc.record({
    lateMs: someUnits,
    observed: fc.boolean(),
    asyncContext: fc.constantFrom('auto', 'auto', 'auto', 'never'),
  });
  const queue: fc.Arbitrary<QueuePlan> = sparse({
    concurrency: subject.concurrency,
    capacity: subject.capacity,
    overflow: fc.constantFrom('reject', 'wait', 'drop-oldest', 'drop-newest'),
    maxWait: subject.units,
    timeout: subject.units,
    paused: rarely(fc.constant(true)),
  });
  const whole = fc.record({
    bus,
    queue,
    commands: commands(subject, 4, 16),
    drain: fc.constantFrom(0, 1, 4, 20, 50),
    // One at a time: nothing says whether what follows a pause comes before the end that this brings about.
    whileClosing: commands(subject, 1, 6),
  });
  // Left to itself, fast-check would mostly make short programs, in which little happens.
  return fc.noBias(whole);
}

/** Programs of everything that a queue does. */
export const queueProgram: fc.Arbitrary<QueueProgram> = program(EVERYTHING);

/** Programs in which there is hardly ever room. */
export const crowdedProgram: fc.Arbitrary<QueueProgram> = program({
  ...EVERYTHING,
  depth: 2,
  verb: fc.constantFrom('emit', 'post'),
  priority: anyPriority,
  concurrency: fc.constant(1),
  capacity: fc.integer({ min: 1, max: 3 }),
});

/** Programs of emissions within emissions that want each other's keys. */
export const entangledProgram: fc.Arbitrary<QueueProgram> = program({
  ...EVERYTHING,
  calls: 30,
  verb: fc.constantFrom('emit', 'emit', 'emit', 'emit', 'emit', 'emit', 'emit', 'post'),
  key: rarely(fc.constantFrom(...KEYS.keys()), 0),
  concurrency: fc.integer({ min: 3, max: 4 }),
  capacity: fc.constant(undefined),
  units: rarely(someUnits, 20),
});

/** Programs in which nothing happens because of the time. */
export const timelessProgram: fc.Arbitrary<QueueProgram> = program({
  ...EVERYTHING,
  units: fc.constant(undefined),
}).map((whole) => {
  const timeless = (all: readonly Command[]): Command[] => all.filter((command) => command.do !== 'advance');
  return { ...whole, commands: timeless(whole.commands), whileClosing: timeless(whole.whileClosing) };
});
