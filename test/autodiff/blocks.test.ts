/** Whole blocks against PyTorch: same weights, same inputs, every gradient. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { float32, int64, sizeOf, type Tensor } from '../../src/core/index.ts';
import { GraphBuilder, type Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { blocks } from './blocks.ts';

interface BlockFixture {
  input: number[];
  output: number[];
  parameters: { name: string; shape: number[]; seed: number; offset: number; factor: number }[];
  loss: number;
  gradients: Record<string, { norm: number; largest: number; stride: number; sample: number[] }>;
}
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/autodiff/blocks.json', import.meta.url), 'utf8'),
) as { blocks: Record<string, BlockFixture> };

/** The fixture script's hash: numbers in [-1, 1). */
function hashed(seed: number, n: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => {
    let h = (Math.imul(seed, 2654435761) + Math.imul(i, 2246822519) + 374761393) >>> 0;
    h = (h ^ (h >>> 15)) >>> 0;
    h = Math.imul(h, 2246822519) >>> 0;
    h = (h ^ (h >>> 13)) >>> 0;
    h = Math.imul(h, 3266489917) >>> 0;
    h = (h ^ (h >>> 16)) >>> 0;
    return h / 2 ** 31 - 1;
  });
}

/** The fixture script's losses: cross-entropy for the classifier, else the sum weighted by the hash. */
function lossOf(g: GraphBuilder, name: string, y: Value): Value {
  const shape = y.shape as number[];
  if (name === 'attentionPooling') {
    const labels = Array.from({ length: shape[0] }, (_, i) => (2 * i) % shape[1]);
    return g.op('SoftmaxCrossEntropyLoss', [y, g.initializer('labels', int64([labels.length], labels))], {
      reduction: 'mean',
    });
  }
  const weights = g.initializer('weighting', float32(shape, hashed(9, sizeOf(shape))));
  const weighted = g.op('Mul', [y, weights]);
  return g.op('ReduceSum', [weighted], { keepdims: 0 });
}

async function differentiate(name: string, expected: BlockFixture): Promise<Record<string, Tensor>> {
  const g = new GraphBuilder();
  const feeds: Record<string, Tensor> = {
    x: float32(
      expected.input,
      hashed(7, sizeOf(expected.input)).map((v) => 2 * v),
    ),
  };
  const values: Record<string, Value> = { x: g.input('x', 'float32', expected.input) };
  for (const p of expected.parameters) {
    feeds[p.name] = float32(
      p.shape,
      hashed(p.seed, sizeOf(p.shape)).map((v) => v * p.factor + p.offset),
    );
    values[p.name] = g.input(p.name, 'float32', p.shape);
  }
  const read = new Set<string>();
  const y = blocks[name](g, values['x'], (parameter) => {
    read.add(parameter);
    return values[parameter];
  });
  expect([...read].sort()).toEqual(expected.parameters.map((p) => p.name).sort());
  expect(y.shape).toEqual(expected.output);
  const loss = lossOf(g, name, y);
  const names = Object.keys(values);
  g.output(loss, 'loss');
  gradients(
    g,
    loss,
    names.map((n) => values[n]),
  ).forEach((value, i) => {
    g.output(value, `${names[i]}_grad`);
  });
  return runModel(g.model(), feeds);
}

describe('gradients of whole blocks equal PyTorch', () => {
  it('has a block for every fixture', () => {
    expect(Object.keys(blocks).sort()).toEqual(Object.keys(fixture.blocks).sort());
  });

  for (const [name, expected] of Object.entries(fixture.blocks)) {
    it(name, async () => {
      const results = await differentiate(name, expected);
      const loss = Number(results['loss'].data[0]);
      expect(Math.abs(loss - expected.loss) / Math.max(1, Math.abs(expected.loss))).toBeLessThan(1e-4);
      // A bias before a normalisation has a gradient of zero: there, float32 noise is measured against the block's scale.
      const scale = Math.max(...Object.values(expected.gradients).map((e) => e.largest));
      for (const [parameter, e] of Object.entries(expected.gradients)) {
        const own = results[`${parameter}_grad`].data as Float32Array;
        const norm = Math.sqrt(own.reduce((sum, v) => sum + v * v, 0));
        const vanishing = e.largest < 1e-6 * scale;
        const unit = vanishing ? scale : e.largest;
        expect(Math.abs(norm - e.norm), `norm of ${parameter}`).toBeLessThan(
          1e-3 * (vanishing ? scale : e.norm),
        );
        const worst = Math.max(...e.sample.map((v, i) => Math.abs(v - own[i * e.stride])));
        expect(e.sample).toHaveLength(Math.ceil(own.length / e.stride));
        expect(worst, parameter).toBeLessThan(1e-3 * unit);
      }
    });
  }
});
