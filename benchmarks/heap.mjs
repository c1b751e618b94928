/** What is held in memory once the garbage is gone, in bytes. Buffers lie outside of the heap, and count too. */
export function heapBytes() {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
