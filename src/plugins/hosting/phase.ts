import { AmbusError } from '../../errors.js';
import { onAbort, timeoutReason } from '../../internal/abort.js';
import { follow, type Then, thenOf } from '../../internal/thenable.js';
import type { PluginPhase } from '../plugin-error.js';
import type { Entry } from './entry.js';
import type { HostCore } from './host-core.js';

interface PhaseLimits {
  /** In milliseconds; Infinity for none. */
  readonly timeoutMs: number;
  /** Nobody waits any longer when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Called when the time is up. */
  readonly timedOut?: (reason: unknown) => void;
  /** Whether the plugin was told to give up. */
  readonly aborted?: () => boolean;
}

/**
 * Runs a part of a plugin's life: measured, told to observers, and given up when its time is up. What it does after
 * that is waited for by nobody, and told too.
 *
 * @returns What `call` returned, or a promise of it.
 * @throws What `call` throws; a promise rejects with a `TimeoutError` when the time is up.
 */
export function runPhase(
  host: HostCore,
  entry: Entry,
  phase: PluginPhase,
  limits: PhaseLimits,
  call: () => unknown,
): unknown {
  const { clock, observers } = host.bus;
  const { name } = entry;
  const told = { host: host.name, plugin: name, phase };
  const started = clock.now();
  let settled = false;
  const settle = (outcome: 'ok' | 'failed' | 'timeout' | 'aborted', error: unknown): void => {
    host.phases.delete(running);
    if (!observers.hears('pluginPhaseSettled')) return;
    const durationMs = clock.now() - started;
    observers.tell('pluginPhaseSettled', { ...told, outcome, error, durationMs, late: settled });
  };
  const failed = (error: unknown): void => {
    const gaveUp = error instanceof AmbusError && error.code === 'IDLE_TIMEOUT';
    if (gaveUp) settle('timeout', error);
    else settle(limits.aborted?.() === true && !settled ? 'aborted' : 'failed', error);
  };
  const running = { entry, phase, started };
  host.phases.add(running);
  if (observers.hears('pluginPhaseStarted')) observers.tell('pluginPhaseStarted', told);
  let returned: unknown;
  let then: Then | undefined;
  try {
    returned = call();
    then = thenOf(returned);
  } catch (error) {
    failed(error);
    throw error;
  }
  if (then === undefined) {
    settle('ok', undefined);
    return returned;
  }
  const { signal, timedOut, timeoutMs } = limits;
  return new Promise((resolve, reject) => {
    let timer: unknown;
    let forget: (() => void) | undefined;
    const release = (): void => {
      clock.clearTimeout(timer);
      forget?.();
    };
    const giveUp = (outcome: 'timeout' | 'aborted', reason: unknown): void => {
      release();
      settle(outcome, reason);
      settled = true;
      entry.late++;
      reject(reason);
    };
    if (timeoutMs !== Infinity) {
      timer = clock.setTimeout(() => {
        const hint =
          host.changes.waiting === 0 ? '' : ' Changes of the host wait for it: they must not be awaited within it.';
        const reason = timeoutReason(
          `"${phase}" of the plugin "${name}" did not settle within ${timeoutMs} ms.${hint}`,
        );
        timedOut?.(reason);
        giveUp('timeout', reason);
      }, timeoutMs);
    }
    if (signal !== undefined) {
      forget = onAbort(signal, () => {
        giveUp('aborted', signal.reason);
      });
    }
    const end = (outcome: () => void): void => {
      if (settled) entry.late--;
      else release();
      outcome();
    };
    follow(
      returned,
      then,
      (value) => {
        end(() => {
          settle('ok', undefined);
          resolve(value);
        });
      },
      (error: unknown) => {
        end(() => {
          failed(error);
          reject(error);
        });
      },
    );
  });
}
