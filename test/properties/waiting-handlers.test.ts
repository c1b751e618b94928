import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventBus } from '../../src/index.js';
import { ManualClock } from '../../src/testing/index.js';
import { runs, TIMEOUT_MS } from './run-count.js';

/** Handlers of an event emit later ones only, so that every program comes to an end. */
const EVENTS = ['first', 'second', 'third'] as const;

type Via = 'ctx' | 'bus';

type Step =
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'idle'; readonly via: Via }
  | { readonly do: 'close'; readonly via: Via }
  | { readonly do: 'emit'; readonly event: number; readonly via: Via; readonly awaited: boolean };

interface WaitingProgram {
  /** Whether handlers have slots; if not, they may await what they emit: both together may deadlock by design. */
  readonly slots: boolean;
  readonly mode: 'sequential' | 'concurrent' | 'tiered';
  readonly handlers: readonly {
    readonly event: number;
    readonly concurrency: number;
    readonly steps: readonly Step[];
  }[];
  readonly commands: readonly Exclude<Step, { via: 'ctx' }>[];
}

const ms = fc.integer({ min: 1, max: 30 });
const anyEvent = fc.nat({ max: EVENTS.length - 1 });

function anyStep(via: fc.Arbitrary<Via>): fc.Arbitrary<Step> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('idle' as const), via }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('close' as const), via }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('emit' as const), event: anyEvent, via, awaited: fc.boolean() }),
    },
  );
}

const program: fc.Arbitrary<WaitingProgram> = fc.noBias(
  fc.record({
    slots: fc.boolean(),
    mode: fc.constantFrom('sequential', 'concurrent', 'tiered'),
    handlers: fc.array(
      fc.record({
        event: anyEvent,
        concurrency: fc.integer({ min: 1, max: 2 }),
        steps: fc.array(anyStep(fc.constantFrom('ctx', 'bus')), { maxLength: 4, size: 'max' }),
      }),
      { minLength: 1, maxLength: 5, size: 'max' },
    ),
    commands: fc.array(anyStep(fc.constant('bus')), { minLength: 1, maxLength: 8, size: 'max' }),
  }),
);

/** One emission, as far as it matters who waits for whom. */
interface Emission {
  /** The emissions that it comes from, nearest last, and itself. */
  readonly ancestry: readonly Emission[];
  /** When the handlers that are at work began to be. */
  readonly workingSince: Set<{ readonly at: number }>;
  /** How many handlers, here or further down, wait for the bus, and when the last of them went on. */
  waiting: number;
  waitedUntil: number;
}

type Idle = Pick<EventBus, 'idle'>;

/** How a program is played; anything else than this is wrong. */
const RIGHT = { asyncContext: 'always' as 'always' | 'never', idle: (by: Idle): Promise<void> => by.idle() };

/** Plays a program, and returns what went wrong: waits that never ended, and those that ended too early. */
async function play({ slots, mode, handlers, commands }: WaitingProgram, how = RIGHT): Promise<readonly string[]> {
  const clock = new ManualClock();
  const bus = new EventBus({ clock, mode, asyncContext: how.asyncContext });
  const emissions: Emission[] = [];
  const open = new Set<{ readonly name: string }>();
  const wrong: string[] = [];

  /** Waits for something that has to end. What has been refused, because the bus is closed, has ended too. */
  async function track(name: string, promise: Promise<unknown>): Promise<void> {
    const entry = { name };
    open.add(entry);
    await promise.catch(() => undefined);
    open.delete(entry);
  }

  function emit(name: string, by: Pick<EventBus, 'emit'>, event: number, from: readonly Emission[]): Promise<void> {
    const ancestry: Emission[] = [...from];
    const emission = { ancestry, workingSince: new Set<{ readonly at: number }>(), waiting: 0, waitedUntil: -1 };
    ancestry.push(emission);
    emissions.push(emission);
    return track(name, by.emit(EVENTS[event] as string, emission));
  }

  /** Waits for `idle` or `close`, from within some emissions. */
  async function waitForBus(name: string, waited: Promise<unknown>, within: readonly Emission[]): Promise<void> {
    for (const emission of within) emission.waiting++;
    await track(name, waited);
    for (const emission of within) {
      emission.waiting--;
      emission.waitedUntil = clock.now();
    }
  }

  /** Idles, and looks at who was at work then and there: nobody whom it had to wait for. */
  async function idle(name: string, by: Idle, within: readonly Emission[]): Promise<void> {
    await waitForBus(name, how.idle(by), within);
    // Nor does it wait for those who need the slot of a handler that waits; who they are isn't known here.
    if (slots) return;
    const now = clock.now();
    for (const emission of emissions) {
      // Whoever waits within some emission waits neither for that nor for others who wait so.
      const waits = emission.waiting > 0 || emission.waitedUntil === now;
      if (within.length > 0 && (within.includes(emission) || waits)) continue;
      if ([...emission.workingSince].some(({ at }) => at < now)) wrong.push(`${name} was over too early`);
    }
  }

  for (const [index, { event: own, concurrency, steps }] of handlers.entries()) {
    bus.on(
      EVENTS[own] as string,
      async (payload, ctx) => {
        const { ancestry, workingSince } = payload as Emission;
        for (const [number, step] of steps.entries()) {
          const name = `${step.do} in handler ${index} (step ${number})`;
          const by = 'via' in step && step.via === 'bus' ? bus : ctx;
          if (step.do === 'wait') {
            const work = { at: clock.now() };
            workingSince.add(work);
            await new Promise((resolve) => void clock.setTimeout(() => resolve(undefined), step.ms));
            workingSince.delete(work);
          } else if (step.do === 'idle') await idle(name, by, ancestry);
          else if (step.do === 'close') await waitForBus(name, by.close({ drainMs: Infinity }), ancestry);
          else if (step.event > own) {
            const settled = emit(name, by, step.event, ancestry);
            if (step.awaited && !slots) await settled;
          }
        }
      },
      slots ? { concurrency } : {},
    );
  }
  for (const [index, command] of commands.entries()) {
    const name = `${command.do} at the top (command ${index})`;
    if (command.do === 'wait') await clock.advance(command.ms);
    else if (command.do === 'idle') void idle(name, bus, []);
    else if (command.do === 'close') void waitForBus(name, bus.close({ drainMs: Infinity }), []);
    else void emit(name, bus, command.event, []);
  }
  await clock.advance(10_000);
  for (const { name } of open) wrong.push(`${name} was never over`);
  const { inFlight } = bus.inspect().counts;
  if (inFlight > 0) wrong.push(`${inFlight} emissions are still in flight`);
  return wrong;
}

describe('handlers that wait for their own bus', () => {
  const property = (how: typeof RIGHT) =>
    fc.asyncProperty(program, async (one) => {
      expect(await play(one, how)).toEqual([]);
    });

  it(
    'wait for all the others, and never for themselves or for each other',
    async () => {
      await fc.assert(property(RIGHT), runs());
    },
    TIMEOUT_MS,
  );

  it('are found out where they wait for themselves, because nothing tells the bus who they are', async () => {
    const { failed } = await fc.check(property({ ...RIGHT, asyncContext: 'never' }), { seed: 1, endOnFailure: true });
    expect(failed).toBe(true);
  });

  it('are found out where they do not wait at all', async () => {
    const idle = () => Promise.resolve();
    const { failed } = await fc.check(property({ ...RIGHT, idle }), { seed: 1, endOnFailure: true });
    expect(failed).toBe(true);
  });
});
