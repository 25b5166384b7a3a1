/** @file Runs models on ONNX Runtime in this thread, one session per model. */
import * as ort from 'onnxruntime-node';
import type { DType, Tensor, TensorData } from '../../src/core/index.ts';

ort.env.logLevel = 'fatal';

export type Feeds = Readonly<Record<string, Tensor>>;

/** ONNX Runtime does not load or run a model; its own words. */
export class RunnerRefusal extends Error {}

/** A model that ONNX Runtime has loaded. */
export interface Runnable {
  /** Results by name. @throws {RunnerRefusal} when the run fails */
  run(feeds: Feeds): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

/** @throws {RunnerRefusal} when ONNX Runtime does not load the model */
export async function load(bytes: Uint8Array): Promise<Runnable> {
  const session = await refusing(() =>
    ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 }),
  );
  return {
    run: async (feeds) => {
      const inputs: Record<string, ort.Tensor> = {};
      for (const name of session.inputNames) {
        const t = feeds[name];
        if (t !== undefined)
          inputs[name] = new ort.Tensor(t.dtype as 'float32', t.data as Float32Array, t.dims);
      }
      const results = await refusing(() => session.run(inputs));
      return Object.fromEntries(
        Object.entries(results).map(([name, t]) => [
          name,
          { dtype: t.type as DType, dims: t.dims, data: t.data as TensorData },
        ]),
      );
    },
    release: () => session.release(),
  };
}

async function refusing<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new RunnerRefusal(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
