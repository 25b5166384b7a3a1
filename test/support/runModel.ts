/** @file Runs a model in this thread on onnxruntime-node, for tests of graphs. */
import * as ort from 'onnxruntime-node';
import type { DType, Tensor, TensorData } from '../../src/core/index.ts';
import { encodeModel, type Model } from '../../src/onnx/index.ts';

/** Runs `model` once. Graph optimisations are on, as in production. */
export async function runModel(
  model: Model | Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Record<string, Tensor>> {
  const bytes = model instanceof Uint8Array ? model : encodeModel(model);
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const inputs: Record<string, ort.Tensor> = {};
    for (const [name, t] of Object.entries(feeds)) {
      inputs[name] = new ort.Tensor(t.dtype as 'float32', t.data as Float32Array, t.dims);
    }
    const results = await session.run(inputs);
    return Object.fromEntries(
      Object.entries(results).map(([name, t]) => [
        name,
        { dtype: t.type as DType, dims: t.dims, data: t.data as TensorData },
      ]),
    );
  } finally {
    await session.release();
  }
}
