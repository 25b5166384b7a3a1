import { buildArtifact } from '../../src/approaches/index.ts';
import { float32 } from '../../src/core/index.ts';
import type { ClipPipeline } from '../../src/extraction/index.ts';
import { encodeModel } from '../../src/onnx/index.ts';
import { windowNodes } from '../../src/windows/index.ts';

export const tinyRate = 8000;

export const tinyPipeline: ClipPipeline = {
  ...{ sampleRate: tinyRate, windowSeconds: 0.25, pad: 'zero', overlap: 0.5, frontEnd: null },
};

/**
 * A model file that nobody trained: the embedding is the power and the mean size of a window's samples, and the louder
 * the window, the likelier the class `loud`.
 * @param gain what the samples are multiplied with first
 */
export function tinyArtifact(pipeline: ClipPipeline = tinyPipeline, gain = 1): Uint8Array {
  const { model } = buildArtifact({
    score: (g, waveform) => {
      const samples = Math.round(pipeline.windowSeconds * pipeline.sampleRate);
      const cut = windowNodes(g, waveform, samples, pipeline.pad);
      const window = gain === 1 ? cut : g.op('Mul', [cut, g.scalar(gain)]);
      const mean = (value: typeof window) => g.op('ReduceMean', [value, g.ints([1])], { keepdims: 1 });
      const embedding = g.op('Concat', [mean(g.op('Mul', [window, window])), mean(g.op('Abs', [window]))], {
        axis: 1,
      });
      const weights = g.constant(float32([2, 2], [4, -4, 1, -1]));
      const logits = g.op('Add', [
        g.op('MatMul', [embedding, weights]),
        g.constant(float32([2], [-0.5, 0.5])),
      ]);
      return { probabilities: g.op('Softmax', [logits], { axis: 1 }), embedding };
    },
    info: {
      approach: 'tiny',
      classes: ['loud', 'soft'],
      pipeline,
      network: 'tiny',
      weights: 'none',
      trainedOn: { dataset: 'nothing', synthetic: true, fingerprint: '', split: '' },
      seed: 0,
      versions: {},
    },
  });
  return encodeModel(model);
}
