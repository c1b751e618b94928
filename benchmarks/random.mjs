/** Makes a source of numbers from 0 to 1 that look random and are the same for everyone (mulberry32). */
export function seededRandom() {
  let state = 20_231;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** 0 … count - 1 in an order that looks random and is the same for everyone. */
export function shuffledIndexes(count) {
  const random = seededRandom();
  const indexes = Uint32Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [indexes[last], indexes[other]] = [indexes[other], indexes[last]];
  }
  return indexes;
}
