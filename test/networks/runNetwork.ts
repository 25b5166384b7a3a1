/** @file Runs a network's forward pass once, in inference or in training mode. */
import type { Tensor } from '../../src/core/index.ts';
import {
  inferenceContext,
  type Network,
  type ParameterSpec,
  type ParameterValues,
  parameterSpecs,
} from '../../src/networks/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';

export function specsOf(network: Network, input: readonly number[]): ParameterSpec[] {
  return parameterSpecs(network, input, new GraphBuilder());
}

/** Inference: parameters are constants. `shape` may name dims. */
export async function infer(network: Network, values: ParameterValues, x: Tensor, shape: Shape = x.dims) {
  const g = new GraphBuilder();
  const { logits, embedding } = network.forward(inferenceContext(g, values), g.input('x', 'float32', shape));
  g.output(logits, 'logits');
  g.output(embedding, 'embedding');
  return runModel(g.model(), { x });
}

/** One training-mode pass: parameters are inputs; what the running statistics become is returned by their names. */
export async function train(
  network: Network,
  values: ParameterValues,
  x: Tensor,
  options: { frozenStatistics?: boolean; shape?: Shape; noise?: Record<string, Tensor> } = {},
) {
  const g = new GraphBuilder();
  const updates = new Map<string, string>();
  const declared = new Map<string, ReturnType<GraphBuilder['input']>>();
  const input = (name: string, shape: readonly number[]) => {
    const known = declared.get(name) ?? g.input(name, 'float32', shape);
    declared.set(name, known);
    return known;
  };
  const outputs = network.forward(
    {
      g,
      training: true,
      frozenStatistics: options.frozenStatistics ?? false,
      parameter: (spec) => input(spec.name, spec.shape),
      update: (name, value) => updates.set(name, g.output(value, `${name}.next`).name),
      noise: (name, shape) => input(`noise.${name}`, shape),
    },
    g.input('x', 'float32', options.shape ?? x.dims),
  );
  g.output(outputs.logits, 'logits');
  g.output(outputs.embedding, 'embedding');
  const feeds: Record<string, Tensor> = { x };
  for (const [name, t] of [...values, ...Object.entries(options.noise ?? {})]) {
    if (declared.has(name)) feeds[name] = t;
  }
  const results = await runModel(g.model(), feeds);
  const statistics = new Map([...updates].map(([name, output]) => [name, results[output]]));
  return { logits: results['logits'], embedding: results['embedding'], statistics };
}

/** The first `n` columns of each row of a matrix. */
export function columns({ dims, data }: Tensor, n: number): number[] {
  const width = dims[1];
  return Array.from(data as Float32Array).filter((_, i) => i % width < n);
}

/** The largest difference, relative to the largest value expected. */
export function relativeDifference(got: ArrayLike<number>, expected: readonly number[]): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((v, i) => Math.abs(v - got[i]))) / largest;
}
