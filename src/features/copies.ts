/**
 * @file A short signal made as long as a window by whole copies of it: as many as fit, then zeros (CLAP's `repeatpad`;
 * ⌊n / length⌋ copies, the last one included where the length divides n).
 */
import { ParameterError } from '../core/errors.ts';
import { int64 } from '../core/tensor.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';

/**
 * `samples` itself where it has `n` samples or more; else n samples: whole copies, then zeros.
 * @throws {ParameterError} for an empty signal
 */
export function wholeCopies(samples: Float32Array, n: number): Float32Array {
  const { length } = samples;
  if (length === 0) throw new ParameterError('An empty signal cannot be repeated: it has no samples.');
  if (length >= n) return samples;
  const filled = new Float32Array(n);
  for (let at = 0; at + length <= n; at += length) filled.set(samples, at);
  return filled;
}

/**
 * Appends nodes that do the same for every signal of a batch; of a longer one they keep the first `n` samples.
 * @param waveform float32, shape [N, samples]; both may be names, samples ≥ 1 at run time
 * @returns shape [N, n]
 */
export function wholeCopiesNodes(g: GraphBuilder, waveform: Value, n: number): Value {
  if (waveform.shape[1] === n) return waveform;
  const whole = (value: number) => g.constant(int64([], [value]));
  const positions = g.op('Range', [whole(0), whole(n), whole(1)]);
  const given = g.op('Gather', [g.op('Shape', [waveform]), whole(1)], { axis: 0 });
  const length = g.op('Min', [given, whole(n)]);
  const repeated = g.op('Gather', [waveform, g.op('Mod', [positions, length])], { axis: 1 });
  const copied = g.op('Mul', [g.op('Div', [whole(n), length]), length]);
  return g.op('Where', [g.op('Less', [positions, copied]), repeated, g.scalar(0)]);
}
