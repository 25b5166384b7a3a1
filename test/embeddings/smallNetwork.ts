/** @file A small network on YAMNet's pictures, as a model file; and recordings for it. */
import { writeFile } from 'node:fs/promises';
import { float32, Random } from '../../src/core/index.ts';
import { encodeModel, GraphBuilder, type Model } from '../../src/onnx/index.ts';

/** Numbers in its tensor `embedding`. */
export const smallSize = 12;

/** log_mel [N, 1, 96, 64] → embedding [N, 12], by one convolution. */
export function smallModel(seed = 1): Model {
  const random = new Random(seed);
  const g = new GraphBuilder({ name: 'small' });
  const x = g.input('log_mel', 'float32', ['N', 1, 96, 64]);
  const kernel = Float32Array.from({ length: smallSize * 25 }, () => 0.3 * random.normal());
  const maps = g.op('Conv', [x, g.initializer('kernel', float32([smallSize, 1, 5, 5], kernel))], {
    strides: [3, 2],
  });
  const pooled = g.op('GlobalAveragePool', [g.op('Tanh', [maps])]);
  g.output(g.op('Flatten', [pooled], { axis: 1 }), 'embedding');
  return g.model();
}

export async function writeSmallModel(path: string, seed = 1): Promise<string> {
  await writeFile(path, encodeModel(smallModel(seed)));
  return path;
}

/** What makes `openEmbedder` take it. */
export function smallChoice(network: string) {
  return { network, frontEnd: 'yamnet', embedding: 'embedding' } as const;
}

/** Chords that change every tenth of a second, with noise: no two stretches are alike. */
export function melody(seed: number, seconds: number, rate = 16000): Float32Array {
  const random = new Random(`melody/${seed}`);
  const samples = new Float32Array(Math.round(seconds * rate));
  let hz = 0;
  let phase = 0;
  for (let n = 0; n < samples.length; n++) {
    if (n % Math.round(rate / 10) === 0) hz = random.uniform(200, 6000);
    phase += (2 * Math.PI * hz) / rate;
    samples[n] = 0.4 * Math.sin(phase) + random.uniform(-0.2, 0.2);
  }
  return samples;
}
