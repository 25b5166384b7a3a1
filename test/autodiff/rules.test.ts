import { describe, expect, it } from 'vitest';
import { checkGradients, nonDifferentiable, vjpRules } from '../../src/autodiff/index.ts';
import type { Tensor } from '../../src/core/index.ts';
import { runModel } from '../support/runModel.ts';
import { inputsOf, ruleCases } from './ruleCases.ts';

describe('gradient rules against central differences', () => {
  for (const c of ruleCases) {
    it(`${c.op}: ${c.variant}`, async () => {
      const dtype = c.dtype ?? 'float64';
      const feeds: Record<string, Tensor> = {};
      inputsOf(c).forEach((data, i) => {
        feeds[`x${i}`] = {
          dtype,
          dims: c.shapes[i]!,
          data: dtype === 'float64' ? data : Float32Array.from(data),
        } as Tensor;
      });
      const checks = await checkGradients(
        (g, x) => {
          const y = c.build(g, Object.values(x));
          return Array.isArray(y) ? y : [y as never];
        },
        feeds,
        {
          evaluate: runModel,
          seed: 1,
          ...(c.apart !== undefined && dtype === 'float32' ? { step: c.apart / 8 } : {}),
        },
      );
      expect(checks.length).toBeGreaterThanOrEqual(3);
      const bound = dtype === 'float64' ? 1e-7 : 5e-3;
      for (const check of checks) {
        expect(check.error, `d/d${check.input}: ${check.analytic} against ${check.numeric}`).toBeLessThan(
          bound,
        );
      }
    });
  }

  it('covers every registered rule', () => {
    const covered = new Set(ruleCases.map((c) => c.op));
    expect(Object.keys(vjpRules).filter((op) => !covered.has(op))).toEqual([]);
  });

  it('has no operator both with a rule and listed as not differentiable', () => {
    expect(Object.keys(vjpRules).filter((op) => nonDifferentiable.has(op))).toEqual([]);
  });
});
