/**
 * @file Isotonic regression: the rising step function nearest in squares, by pooling adjacent violators (Ayer et al.
 * 1955), linear between its points and level outside, as scikit-learn's `IsotonicRegression(out_of_bounds='clip')`.
 */

/** Points of a rising, piecewise linear function; `x` ascending. */
export interface Isotonic {
  readonly kind: 'isotonic';
  readonly x: Float64Array;
  readonly y: Float64Array;
}

export function fitIsotonic(scores: ArrayLike<number>, positive: ArrayLike<boolean>): Isotonic {
  const order = Int32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[a] - scores[b]);
  // Equal scores are one point.
  const points: { x: number; sum: number; count: number }[] = [];
  for (const i of order) {
    const last = points.at(-1);
    const y = positive[i] ? 1 : 0;
    if (last && last.x === scores[i]) {
      last.sum += y;
      last.count++;
    } else points.push({ x: scores[i], sum: y, count: 1 });
  }
  const blocks: { from: number; sum: number; count: number }[] = [];
  points.forEach(({ sum, count }, from) => {
    let block = { from, sum, count };
    for (
      let last = blocks.at(-1);
      last && last.sum * block.count >= block.sum * last.count;
      last = blocks.at(-1)
    ) {
      blocks.pop();
      block = { from: last.from, sum: last.sum + block.sum, count: last.count + block.count };
    }
    blocks.push(block);
  });
  // Of each level stretch only its two ends matter.
  const x: number[] = [];
  const y: number[] = [];
  blocks.forEach(({ from, sum, count }, b) => {
    const to = (blocks[b + 1]?.from ?? points.length) - 1;
    for (const at of from === to ? [from] : [from, to]) {
      x.push(points[at].x);
      y.push(sum / count);
    }
  });
  return { kind: 'isotonic', x: Float64Array.from(x), y: Float64Array.from(y) };
}

/** The function's value at `score`. */
export function interpolate({ x, y }: Isotonic, score: number): number {
  if (score <= x[0]) return y[0];
  if (score >= x[x.length - 1]) return y[y.length - 1];
  let [low, high] = [0, x.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] <= score) low = middle;
    else high = middle;
  }
  return y[low] + ((score - x[low]) / (x[high] - x[low])) * (y[high] - y[low]);
}
