import type { AmbusError, HandlerError } from '../../../src/index.js';
import type { ManualClock } from '../../../src/testing/index.js';
import type { EventName, GroupAct, KindProgram, SettingsPlan, Target } from './program.js';

/** What a program needs of a bus: the real one has it, and so has the model. */
export interface PlayedBus extends Emitting {
  /** The verbs of one event. */
  event(type: EventName): Handle;
  /** @throws Where the group takes no more handlers. */
  subscribe(target: Target, handler: HandlerFunction, options: PlayedOptions): () => void;
  act(group: number, act: GroupAct): void;
  /** What it has counted. */
  readonly counts: BusCounts;
}

/** Those of the counts of `inspect()` that a program has to do with. */
export type BusCounts = Readonly<
  Record<'failures' | 'timeouts' | 'lateSettled' | 'dropped' | 'late' | 'inFlight', number>
>;

export interface PlayedOptions {
  readonly name: string;
  readonly priority: number | undefined;
  readonly group: number | undefined;
  readonly times: number | undefined;
  readonly filter: ((payload: unknown) => unknown) | undefined;
  readonly failurePolicy: 'isolate' | 'stop' | undefined;
  readonly timeoutMs: number | undefined;
}

export interface Emitting {
  emit(type: string, payload: unknown, options?: PlayedEmitOptions): Promise<Result>;
  emitSync(type: string, payload: unknown, options?: PlayedEmitOptions): Result;
  dispatch(type: string, payload: unknown, options?: PlayedEmitOptions): Result | Promise<Result>;
  post(type: string, payload: unknown, options?: PlayedEmitOptions): void;
}

export interface Handle {
  emit(payload: unknown, options?: PlayedEmitOptions): Promise<Result>;
  emitSync(payload: unknown, options?: PlayedEmitOptions): Result;
  dispatch(payload: unknown, options?: PlayedEmitOptions): Result | Promise<Result>;
  post(payload: unknown, options?: PlayedEmitOptions): void;
}

export interface PlayedEmitOptions extends SettingsPlan {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly core?: ((payload: unknown, context: CoreContext) => unknown) | undefined;
}

export interface CoreContext extends Emitting {
  readonly type?: unknown;
  readonly payload?: unknown;
  readonly sync: boolean;
  readonly signal: Pick<AbortSignal, 'aborted'>;
  stop(): void;
}

export interface Context extends CoreContext {
  next?: (...payload: unknown[]) => unknown;
}

export type HandlerFunction = (payload: unknown, context: Context) => unknown;

export interface Result {
  readonly type: PropertyKey;
  readonly ok: boolean;
  readonly called: number;
  readonly skipped: number;
  readonly stopped: boolean;
  readonly failures: readonly HandlerError[];
  readonly value: unknown;
  readonly values: readonly unknown[];
  readonly answeredBy: string | readonly string[] | undefined;
}

/** Makes the bus that a program is played on. */
export type MakeBus = (program: KindProgram, world: World) => PlayedBus;

export interface World {
  readonly clock: ManualClock;
  readonly onFailure: (failure: AmbusError) => void;
  /** Calls back when so much time has gone by, unless what it returns is called before. */
  after(ms: number, callback: () => void): () => void;
}
