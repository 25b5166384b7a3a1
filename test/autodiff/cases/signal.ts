/** @file Rows of the rule table: Fourier transforms. */
import type { GraphBuilder, Value } from '../../../src/onnx/index.ts';
import { integers, type RuleCase } from './ruleCase.ts';

interface Transform {
  readonly variant: string;
  readonly shape: readonly number[];
  readonly axis?: number;
  readonly length?: number;
  readonly attributes?: Record<string, number>;
  readonly opset?: number;
}

const transforms: readonly Transform[] = [
  { variant: 'real', shape: [2, 8, 1], axis: 1 },
  { variant: 'real, one side', shape: [2, 8, 1], axis: 1, attributes: { onesided: 1 } },
  { variant: 'real, one side, odd', shape: [2, 7, 1], axis: 1, attributes: { onesided: 1 } },
  { variant: 'complex', shape: [2, 6, 2], axis: -2 },
  { variant: 'complex, inverse', shape: [2, 6, 2], axis: 1, attributes: { inverse: 1 } },
  { variant: 'default axis', shape: [2, 3, 5, 2] },
  { variant: 'other axis', shape: [2, 6, 3, 1], axis: 1 },
  { variant: 'longer than the signal', shape: [2, 6, 1], axis: 1, length: 9, attributes: { onesided: 1 } },
  { variant: 'shorter than the signal', shape: [2, 9, 2], axis: 1, length: 6 },
  { variant: 'opset 17', shape: [2, 8, 3, 1], attributes: { axis: 2, onesided: 1 }, opset: 17 },
];

const hann = (g: GraphBuilder, n: number): Value =>
  g.constant({
    dtype: 'float32',
    dims: [n],
    data: Float32Array.from({ length: n }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n)),
  });

export const signalCases: readonly RuleCase[] = [
  ...transforms.map(
    (t): RuleCase => ({
      op: 'DFT',
      variant: t.variant,
      shapes: [t.shape],
      dtype: 'float32',
      ...(t.opset === undefined ? {} : { opset: t.opset }),
      build: (g, [x]) => {
        const length = t.length === undefined ? null : integers(g, [], [t.length]);
        const inputs = t.axis === undefined ? [x!, length] : [x!, length, integers(g, [], [t.axis])];
        while (inputs.at(-1) === null) inputs.pop();
        return g.op('DFT', inputs, t.attributes ?? {});
      },
    }),
  ),
  {
    op: 'STFT',
    variant: 'window, one side, overlapping',
    shapes: [[2, 30, 1]],
    dtype: 'float32',
    build: (g, [x]) => g.op('STFT', [x!, integers(g, [], [3]), hann(g, 8)]),
  },
  {
    op: 'STFT',
    variant: 'window, one side, samples left over',
    shapes: [[2, 29, 1]],
    dtype: 'float32',
    build: (g, [x]) => g.op('STFT', [x!, integers(g, [], [8]), hann(g, 8), integers(g, [], [8])]),
  },
  {
    op: 'STFT',
    variant: 'no window, both sides',
    shapes: [[1, 20, 1]],
    dtype: 'float32',
    build: (g, [x]) => g.op('STFT', [x!, integers(g, [], [4]), null, integers(g, [], [6])], { onesided: 0 }),
  },
];
