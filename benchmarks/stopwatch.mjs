const usesCpuTime = process.platform !== 'win32';

/**
 * A point in time, in milliseconds, for differences. It is the processor time of this process: on a
 * machine that others use too, the turns of other processes don't count, while what garbage collection
 * and compilation do in threads of their own does. Windows counts processor time in steps of 16 ms,
 * which is too coarse: there it is the time on the wall.
 */
export function readClock() {
  if (!usesCpuTime) return performance.now();
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
