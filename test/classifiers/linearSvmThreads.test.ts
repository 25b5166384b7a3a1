import { describe, expect, it } from 'vitest';
import { fitLinearSvmOnThreads, type Matrix } from '../../src/classifiers/index.ts';
import { hyperplaneSolver, linearSvmProblem } from '../../src/classifiers/linearSvm.ts';
import { hyperplanesOnThreads, payingThreads } from '../../src/classifiers/linearSvmThreads.ts';
import { trainingLabels } from '../../src/classifiers/trainingLabels.ts';
import { CancelledError, ParameterError, Random } from '../../src/core/index.ts';

function clouds(rows: number, columns: number, classes: number): { x: Matrix; labels: string[] } {
  const random = new Random(3);
  const labels = Array.from({ length: rows }, (_, i) => `class ${i % classes}`);
  const data = new Float32Array(rows * columns);
  for (let at = 0; at < data.length; at++)
    data[at] = random.uniform(-1, 1) + (at % columns === Math.floor(at / columns) % classes ? 1 : 0);
  return { x: { data, rows, columns }, labels };
}

describe('linear SVM on threads', () => {
  const { x, labels } = clouds(600, 200, 3);

  it('takes as many threads as pay: one for 1,761 × 512, more for 7,000 × 6,144, never more than hyperplanes', () => {
    const sized = (rows: number, columns: number) => ({
      rows,
      columns,
      data: new Float32Array(rows * columns),
    });
    expect(payingThreads(sized(1761, 512), 10, 8)).toBe(1);
    expect(payingThreads(sized(7000, 6144), 10, 2)).toBe(2);
    expect(payingThreads(sized(7000, 6144), 10, 64)).toBe(10);
    expect(payingThreads(sized(7000, 6144), 1, 64)).toBe(1);
  });

  it('gives the hyperplanes of one thread to the last bit', async () => {
    for (const loss of ['squared-hinge', 'hinge'] as const) {
      const options = { C: 0.05, loss, classWeights: 'balanced' as const, seed: 4 };
      const problem = linearSvmProblem(x, trainingLabels(x, labels), options);
      const alone = problem.targets.map((_, target) => hyperplaneSolver(problem)(target));
      expect(await hyperplanesOnThreads(problem, 2)).toEqual(alone);
    }
  });

  it('stops on a signal', async () => {
    const controller = new AbortController();
    const endless = { C: 1e4, tol: 1e-14, maxIterations: 1e9 };
    const problem = linearSvmProblem(x, trainingLabels(x, labels), endless);
    const running = hyperplanesOnThreads(problem, 2, controller.signal);
    setTimeout(() => controller.abort(), 300);
    await expect(running).rejects.toThrow(CancelledError);
    await expect(fitLinearSvmOnThreads(x, labels, { signal: controller.signal })).rejects.toThrow(
      CancelledError,
    );
  });

  it('refuses options out of range before it starts a thread', async () => {
    await expect(fitLinearSvmOnThreads(x, labels, { C: 0 })).rejects.toThrow(ParameterError);
  });
});
