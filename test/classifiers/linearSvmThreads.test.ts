import { describe, expect, it } from 'vitest';
import { fitLinearSvm, fitLinearSvmOnThreads, type Matrix } from '../../src/classifiers/index.ts';
import { CancelledError, ParameterError, Random } from '../../src/core/index.ts';

function clouds(rows: number, columns: number, classes: number): { x: Matrix; labels: string[] } {
  const random = new Random(3);
  const labels = Array.from({ length: rows }, (_, i) => `class ${i % classes}`);
  const data = Float32Array.from(
    { length: rows * columns },
    (_, at) => random.normal() + (at % columns === Math.floor(at / columns) % classes ? 1 : 0),
  );
  return { x: { data, rows, columns }, labels };
}

describe('linear SVM on threads', () => {
  const { x, labels } = clouds(600, 200, 3);

  it('gives the model of one thread to the last bit', async () => {
    for (const loss of ['squared-hinge', 'hinge'] as const) {
      const options = { C: 0.05, loss, classWeights: 'balanced' as const, seed: 4 };
      const alone = fitLinearSvm(x, labels, options);
      const together = await fitLinearSvmOnThreads(x, labels, { ...options, threads: 2 });
      expect(together.state).toEqual(alone.state);
    }
  });

  it('stops on a signal', async () => {
    const controller = new AbortController();
    const running = fitLinearSvmOnThreads(x, labels, {
      C: 1e4,
      tol: 1e-14,
      maxIterations: 1e9,
      threads: 2,
      signal: controller.signal,
    });
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
