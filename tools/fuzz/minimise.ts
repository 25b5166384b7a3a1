/** @file The smallest input found that still shows a defect. */

/**
 * Takes pieces away, halves first, as long as `shows` stays true; then sets bytes to zero.
 * @param budget tries at most
 */
export async function minimise(
  bytes: Uint8Array,
  shows: (smaller: Uint8Array) => Promise<boolean>,
  budget = 2000,
): Promise<Uint8Array> {
  let best = bytes;
  let left = budget;
  const attempt = async (smaller: Uint8Array): Promise<boolean> => {
    if (left-- <= 0 || !(await shows(smaller))) return false;
    best = smaller;
    return true;
  };
  for (let piece = best.length >> 1; piece >= 1 && left > 0; piece >>= 1) {
    for (let at = best.length - piece; at >= 0 && left > 0; at -= piece) {
      const smaller = new Uint8Array(best.length - piece);
      smaller.set(best.subarray(0, at));
      smaller.set(best.subarray(at + piece), at);
      await attempt(smaller);
      at = Math.min(at, best.length);
    }
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    if (best[at] === 0) continue;
    const plainer = best.slice();
    plainer[at] = 0;
    await attempt(plainer);
  }
  return best;
}
