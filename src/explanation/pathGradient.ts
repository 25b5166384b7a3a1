/** @file Integrated gradients (Sundararajan et al. 2017): the gradient's mean on the way from a baseline to what was seen. */

/**
 * The gradient's mean over the middles of equal steps on the straight way from the baseline to `at`; with one step, the
 * gradient at `at`. Times `at` − baseline it sums to what the score gains on that way, in the limit.
 * @param gradientAt the gradient at a point, as many numbers
 * @param baseline the value that says nothing
 */
export async function pathGradient(
  gradientAt: (point: Float32Array) => Promise<Float32Array>,
  at: Float32Array,
  baseline: number,
  steps: number,
): Promise<Float64Array> {
  const mean = new Float64Array(at.length);
  for (let step = 0; step < steps; step++) {
    const along = steps === 1 ? 1 : (step + 0.5) / steps;
    const gradient = await gradientAt(at.map((value) => baseline + along * (value - baseline)));
    for (let i = 0; i < mean.length; i++) mean[i] += gradient[i] / steps;
  }
  return mean;
}
