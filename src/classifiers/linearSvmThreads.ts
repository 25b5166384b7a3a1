/** @file Linear support vector machines on worker threads (Node): each finds some of the hyperplanes. */
import { CancelledError } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import { defaultWorkers, WorkerPool } from '../parallel/index.ts';
import {
  fitLinearSvm,
  type Hyperplane,
  type LinearSvm,
  type LinearSvmOptions,
  type LinearSvmProblem,
  linearSvmOf,
  linearSvmProblem,
} from './linearSvm.ts';
import type { Matrix } from './matrix.ts';
import { trainingLabels } from './trainingLabels.ts';

export interface ThreadOptions {
  /** Threads at most; default one per processor, no more than 8. Fewer are started where more would not pay. */
  readonly threads?: number;
  /** Stops the work. */
  readonly signal?: AbortSignal;
}

/**
 * Numbers that each thread must have to go through, once for each hyperplane: some half a second of work, which is what
 * a thread costs to start (1,761 × 512 in ten classes, nine million: 0.19 s alone, 0.66 s on two threads).
 */
const worthAThread = 25_000_000;

/** How many threads pay for a problem. @param most as many as there may be */
export function payingThreads(x: Matrix, hyperplanes: number, most: number): number {
  const affordable = Math.floor((x.data.length * hyperplanes) / worthAThread);
  return Math.max(1, Math.min(most, hyperplanes, affordable));
}

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
  const size = payingThreads(x, targets.length, threads ?? defaultWorkers());
  if (size === 1) return fitLinearSvm(x, labels, options);
  return linearSvmOf(known.classes, await hyperplanesOnThreads(problem, size, signal));
}

/** The hyperplanes of a problem, found by `size` threads. */
export async function hyperplanesOnThreads(
  problem: LinearSvmProblem,
  size: number,
  signal?: AbortSignal,
): Promise<Hyperplane[]> {
  const { x } = problem;
  const pool = new WorkerPool<number, Hyperplane>(import.meta.url, 'linearSvmWorker', {
    size,
    workerData: { ...problem, x: { ...x, data: shared(x.data) } },
    signal,
  });
  try {
    return await Promise.all(problem.targets.map((_, target) => pool.run(target)));
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
