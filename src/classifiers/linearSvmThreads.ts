/** @file Linear support vector machines on worker threads (Node): each finds some of the hyperplanes. */
import { CancelledError } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import { WorkerPool } from '../parallel/index.ts';
import {
  fitLinearSvm,
  type Hyperplane,
  type LinearSvm,
  type LinearSvmOptions,
  linearSvmOf,
  linearSvmProblem,
} from './linearSvm.ts';
import type { Matrix } from './matrix.ts';
import { trainingLabels } from './trainingLabels.ts';

export interface ThreadOptions {
  /** Threads at most; default one per processor, no more than 8, and none for data of less than four million numbers. */
  readonly threads?: number;
  /** Stops the work. */
  readonly signal?: AbortSignal;
}

/** For fewer numbers, starting threads mostly takes as long as the work. */
const smallest = 4_000_000;

/**
 * {@link fitLinearSvm} with the classes shared out among threads: the same model to the last bit. Each thread holds a
 * copy of the data.
 * @throws {ParameterError} for options out of range, fewer than two classes, or data that is not finite
 * @throws {ShapeError} when the matrix is not as large as it says
 * @throws {CancelledError} when the signal stopped it
 */
export async function fitLinearSvmOnThreads<L extends Label>(
  x: Matrix,
  labels: ArrayLike<L>,
  options: LinearSvmOptions<L> & ThreadOptions = {},
): Promise<LinearSvm<L>> {
  const { threads, signal } = options;
  if (signal?.aborted) throw new CancelledError('Fitting was stopped before it was complete.');
  const known = trainingLabels(x, labels);
  const problem = linearSvmProblem(x, known, options);
  const { targets } = problem;
  const alone = threads === undefined ? x.data.length < smallest : threads === 1;
  if (targets.length === 1 || alone) return fitLinearSvm(x, labels, options);
  const pool = new WorkerPool<number, Hyperplane>(import.meta.url, 'linearSvmWorker', {
    size: threads,
    workerData: { ...problem, x: { ...x, data: shared(x.data) } },
    signal,
  });
  try {
    return linearSvmOf(known.classes, await Promise.all(targets.map((_, target) => pool.run(target))));
  } finally {
    await pool.close();
  }
}

/** A copy that threads can read without one more copy for each. */
function shared(data: Float32Array | Float64Array): Float32Array | Float64Array {
  const buffer = new SharedArrayBuffer(data.byteLength);
  const copy = data instanceof Float32Array ? new Float32Array(buffer) : new Float64Array(buffer);
  copy.set(data);
  return copy as Float32Array | Float64Array;
}
