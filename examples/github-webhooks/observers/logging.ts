import type { BusObserver } from 'ambus';
import type { LineFile } from '../line-file.js';

/**
 * Logs what an operator wants to read afterwards: every emission in a line, what becomes of plugins, and failures with
 * their stack.
 */
export function logging(file: LineFile): BusObserver {
  const log = (level: string, text: string): void => {
    // Nobody waits for an observer: what the disk is behind with stays in memory until it has caught up.
    void file.write(`${level.padEnd(5)} ${text}`);
  };
  return {
    emissionSettled: ({ type, emissionId, outcome, called, skipped, durationMs }) => {
      log('info', `${String(type)} ${emissionId}: ${outcome}, ${called} called, ${skipped} skipped, ${ms(durationMs)}`);
    },
    handlerSettled: ({ handler, outcome, failure, overran, durationMs }) => {
      if (failure !== undefined) log(outcome === 'timeout' ? 'warn' : 'error', describe(failure));
      if (overran) log('warn', `${handler} held the thread for longer than its time limit (${ms(durationMs)})`);
    },
    lateSettled: ({ type, emissionId, handler, outcome, lateMs }) => {
      log('info', `${String(type)} ${emissionId}: ${handler} ended ${ms(lateMs)} after its time limit (${outcome})`);
    },
    pluginPhaseSettled: ({ plugin, phase, outcome, error, durationMs }) => {
      log('info', `plugin ${plugin}: ${phase} ${outcome}, ${ms(durationMs)}`);
      if (error !== undefined) log('error', describe(error));
    },
    pluginStateChanged: ({ plugin, to = 'gone', reason }) => {
      log('info', `plugin ${plugin} is ${to}${reason === undefined ? '' : `: ${reason}`}`);
    },
    dropped: ({ type, error }) => {
      log('error', `${String(type)} was refused: ${describe(error)}`);
    },
  };
}

const ms = (duration: number): string => `${duration.toFixed(1)} ms`;

/** The stack that helps is that of what was thrown, and not of the `HandlerError` around it. */
function describe(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  return failure.cause instanceof Error ? `${failure.message}\n${failure.cause.stack}` : failure.message;
}
