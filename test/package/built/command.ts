import { spawnSync } from 'node:child_process';

/** Runs a command to its end and returns what it printed; one that fails throws with all that it said. */
export function run(cwd: string, command: string, ...args: string[]): string {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status ?? signal}.\n${stdout}${stderr}`);
  return stdout;
}
