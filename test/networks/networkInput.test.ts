import { describe, expect, it } from 'vitest';
import { float32, ParameterError, Random } from '../../src/core/index.ts';
import {
  checkNetworkInput,
  importedBody,
  inferenceContext,
  type NetworkInput,
  scalePicture,
} from '../../src/networks/index.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import { madeModel, node } from '../onnx/madeModel.ts';
import { runModel } from '../support/runModel.ts';

const random = new Random(3);
const [N, mels, frames] = [2, 3, 4];
const x = float32(
  [N, 1, mels, frames],
  Float32Array.from({ length: N * mels * frames }, (_, i) => random.uniform(-90, 0) - (i < 12 ? 0 : 15)),
);
const pictureOf = (data: ArrayLike<number>, n: number) =>
  Array.from({ length: mels * frames }, (_, i) => data[n * mels * frames + i]);

async function scaled(scaling: NetworkInput['scaling']) {
  const g = new GraphBuilder();
  g.output(scalePicture(g, g.input('x', 'float32', ['N', 1, mels, frames]), scaling), 'y');
  return (await runModel(g.model(), { x }))['y'].data as Float32Array;
}

describe('how a picture is scaled', () => {
  it('by its own mean and deviation: every picture then has mean 0 and deviation 1', async () => {
    const data = await scaled({ kind: 'clip' });
    for (let n = 0; n < N; n++) {
      const values = pictureOf(data, n);
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
      expect(mean).toBeCloseTo(0, 5);
      expect(variance).toBeCloseTo(1, 5);
    }
  });

  it('by its range: the loudest value is the high end, 80 dB below and less the low end', async () => {
    const data = await scaled({ kind: 'range', low: -1, high: 1, depth: 80 });
    for (let n = 0; n < N; n++) {
      const before = pictureOf(x.data, n);
      const peak = Math.max(...before);
      pictureOf(data, n).forEach((value, i) => {
        expect(value).toBeCloseTo((2 * Math.max(before[i] - peak, -80)) / 80 + 1, 4);
      });
      expect(Math.max(...pictureOf(data, n))).toBe(1);
    }
  });

  it('not at all: the very same nodes as before', () => {
    const g = new GraphBuilder();
    const input = g.input('x', 'float32', ['N', 1, mels, frames]);
    expect(scalePicture(g, input, undefined)).toBe(input);
  });

  it('is refused with values that scale nothing', () => {
    const wrong: NetworkInput[] = [
      { scaling: { kind: 'range', low: 1, high: 1, depth: 80 } },
      { scaling: { kind: 'range', low: 0, high: Number.NaN, depth: 80 } },
      { scaling: { kind: 'range', low: 0, high: 1, depth: 0 } },
      { channels: { mean: [0], deviation: [0] } },
      { channels: { mean: [0, 1], deviation: [1] } },
      { channels: { mean: [], deviation: [] } },
    ];
    for (const input of wrong) expect(() => checkNetworkInput(input)).toThrow(ParameterError);
  });
});

describe('the channels of a colour model', () => {
  const statistics = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
  const input: NetworkInput = {
    scaling: { kind: 'range', low: 0, high: 1, depth: 80 },
    channels: statistics,
  };
  /** The model's own picture, as a network sees it. */
  async function seen(
    shape: (number | string)[],
    fed: NetworkInput,
    picture: 'mel-frames' | 'mel-frames-channels',
  ) {
    const model = madeModel({
      inputs: { picture: ['float32', shape] },
      outputs: { y: 'float32' },
      nodes: [node('Identity', ['picture'], ['seen']), node('Flatten', ['seen'], ['y'])],
    });
    const body = importedBody(model, { name: 'm', embedding: 'y', picture, input: fed });
    const g = new GraphBuilder();
    g.output(
      body.embed(inferenceContext(g, new Map()), g.input('x', 'float32', ['N', 1, mels, frames])),
      'out',
    );
    return (await runModel(g.model(), { x }))['out'].data as Float32Array;
  }

  it.each(['mel-frames', 'mel-frames-channels'] as const)(
    "torchvision's recipe: range 0 to 1, then each channel's own mean and deviation (%s)",
    async (layout) => {
      const last = layout === 'mel-frames-channels';
      const data = await seen(last ? ['N', mels, frames, 3] : ['N', 3, mels, frames], input, layout);
      const size = mels * frames;
      for (let n = 0; n < N; n++) {
        const before = pictureOf(x.data, n);
        const peak = Math.max(...before);
        for (let c = 0; c < 3; c++) {
          for (let i = 0; i < size; i++) {
            const unit = Math.max(before[i] - peak, -80) / 80 + 1;
            const expected = (unit - statistics.mean[c]) / statistics.deviation[c];
            expect(data[n * 3 * size + (last ? i * 3 + c : c * size + i)]).toBeCloseTo(expected, 4);
          }
        }
      }
    },
  );

  it('must be as many as there are statistics for', async () => {
    await expect(seen(['N', 1, mels, frames], input, 'mel-frames')).rejects.toThrow(
      /sees 1 channels; 3 means/,
    );
  });
});
