import { describe, expect, it } from 'vitest';
import { checkGradients, nonDifferentiable, vjpRules } from '../../src/autodiff/index.ts';
import type { Tensor } from '../../src/core/index.ts';
import { GraphBuilder, type Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { inputsOf, type RuleCase, ruleCases } from './ruleCases.ts';

function feedsOf(c: RuleCase): Record<string, Tensor> {
  const dtype = c.dtype ?? 'float64';
  return Object.fromEntries(
    inputsOf(c).map((data, i) => [
      `x${i}`,
      { dtype, dims: c.shapes[i], data: dtype === 'float64' ? data : Float32Array.from(data) } as Tensor,
    ]),
  );
}

function outputsOf(c: RuleCase, g: GraphBuilder, x: readonly Value[]): readonly Value[] {
  const y = c.build(g, x);
  return 'name' in y ? [y] : y;
}

describe('gradient rules against central differences', () => {
  for (const c of ruleCases) {
    it(`${c.op}: ${c.variant}`, async () => {
      const checks = await checkGradients((g, x) => outputsOf(c, g, Object.values(x)), feedsOf(c), {
        evaluate: runModel,
        seed: 1,
        ...(c.opset === undefined ? {} : { opset: c.opset }),
        ...(c.wrt === undefined ? {} : { wrt: c.wrt.map((i) => `x${i}`) }),
        ...(c.step === undefined ? {} : { step: c.step }),
        ...(c.apart !== undefined && c.dtype === 'float32' ? { step: c.apart / 8 } : {}),
      });
      expect(checks.length).toBeGreaterThanOrEqual(3);
      const bound = c.dtype === 'float32' ? 5e-3 : 1e-7;
      for (const check of checks) {
        expect(check.error, `d/d${check.input}: ${check.analytic} against ${check.numeric}`).toBeLessThan(
          bound,
        );
      }
    });
  }

  it('has every row once', () => {
    const names = ruleCases.map((c) => `${c.op}: ${c.variant}`);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });

  it('covers every registered rule', () => {
    const covered = new Set(ruleCases.map((c) => c.op));
    expect(Object.keys(vjpRules).filter((op) => !covered.has(op))).toEqual([]);
  });

  it('has no operator both with a rule and listed as not differentiable', () => {
    expect(Object.keys(vjpRules).filter((op) => nonDifferentiable.has(op))).toEqual([]);
  });
});

describe('shape rules against the types that ONNX Runtime returns', () => {
  for (const c of ruleCases) {
    it(`${c.op}: ${c.variant}`, async () => {
      const feeds = feedsOf(c);
      const g = new GraphBuilder(c.opset === undefined ? {} : { opset: c.opset });
      const x = Object.entries(feeds).map(([name, t]) => g.input(name, t.dtype, t.dims));
      outputsOf(c, g, x);
      const inner = g.graph.nodes.flatMap((node) => node.outputs);
      for (const name of inner) g.output(g.find(name)!);
      const results = await runModel(g.model(), feeds);
      const inferred = Object.fromEntries(inner.map((n) => [n, `${g.find(n)!.dtype}[${g.find(n)!.shape}]`]));
      const returned = Object.fromEntries(inner.map((n) => [n, `${results[n].dtype}[${results[n].dims}]`]));
      expect(inferred).toEqual(returned);
    });
  }
});
