import { describe, expect, it } from 'vitest';
import { float32, Random, ShapeError } from '../../src/core/index.ts';
import {
  forwardContext,
  inputParameter,
  layOut,
  ParameterTable,
  type PictureLayout,
  pictureLayoutOf,
} from '../../src/networks/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { madeModel, node } from '../onnx/madeModel.ts';
import { runModel } from '../support/runModel.ts';

const [N, mels, frames] = [2, 5, 4];
const random = new Random(4);
const x = float32(
  [N, 1, mels, frames],
  Float32Array.from({ length: N * mels * frames }, () => random.normal()),
);
const at = (n: number, m: number, f: number) => x.data[(n * mels + m) * frames + f];

async function laidOut(declared: Shape, layout: PictureLayout) {
  const g = new GraphBuilder();
  const context = forwardContext(g, new ParameterTable(), inputParameter(g));
  const input = g.input('x', 'float32', ['batch', 1, mels, frames]);
  g.output(layOut(context, input, declared, { layout, size: null }), 'picture');
  const { picture } = await runModel(g.model(), { x });
  return picture!;
}

const taking = (...shape: (number | string)[]) =>
  madeModel({
    inputs: { x: ['float32', shape] },
    outputs: { y: 'float32' },
    nodes: [node('Relu', ['x'], ['y'])],
  });

describe('the layout of a picture', () => {
  const cases: [PictureLayout, number[], (n: number, c: number, m: number, f: number) => number[]][] = [
    ['mel-frames', [N, 1, mels, frames], (n, c, m, f) => [n, c, m, f]],
    ['mel-frames', [N, 3, mels, frames], (n, c, m, f) => [n, c, m, f]],
    ['frames-mel', [N, 1, frames, mels], (n, c, m, f) => [n, c, f, m]],
    ['frames-mel', [N, 3, frames, mels], (n, c, m, f) => [n, c, f, m]],
    ['mel-frames-channels', [N, mels, frames, 3], (n, c, m, f) => [n, m, f, c]],
    ['frames-mel-channels', [N, frames, mels, 1], (n, c, m, f) => [n, f, m, c]],
    ['mel-frames', [N, mels, frames], (n, _, m, f) => [n, m, f]],
    ['frames-mel', [N, frames, mels], (n, _, m, f) => [n, f, m]],
  ];
  it.each(cases)('%s %j: every value lies where the model expects it', async (layout, dims, place) => {
    const declared = ['N', ...dims.slice(1)];
    const { dims: got, data } = await laidOut(declared, layout);
    expect(got).toEqual(dims);
    for (let n = 0; n < N; n++) {
      for (let m = 0; m < mels; m++) {
        for (let f = 0; f < frames; f++) {
          for (let c = 0; c < channelsOf(layout, dims); c++) {
            const index = place(n, c, m, f).reduce((sum, i, axis) => sum * dims[axis] + i, 0);
            expect(data[index]).toBe(at(n, m, f));
          }
        }
      }
    }
    // What the model fixes tells the layout.
    expect(pictureLayoutOf(taking(...declared), 'm', mels, frames)).toBe(layout);
  });

  it('is the usual one where the model leaves all sizes open', () => {
    expect(pictureLayoutOf(taking('N', 1, 'h', 'w'), 'm', mels, frames)).toBe('mel-frames');
    expect(pictureLayoutOf(taking('N', 'c', 'h', mels), 'm', mels, frames)).toBe('frames-mel');
  });

  it('is refused where none fits, or the model takes no pictures', () => {
    expect(() => pictureLayoutOf(taking('N', 1, 96, 64), 'm', mels, frames)).toThrow(
      /takes pictures of \[N, 1, 96, 64\]; the front end gives 5 mel bands by 4 frames/,
    );
    expect(() => pictureLayoutOf(taking('N', 2, mels, frames), 'm', mels, frames)).toThrow(ShapeError);
    expect(() => pictureLayoutOf(taking('N', 16000), 'm', mels, frames)).toThrow(
      /it has x float32 \[N, 16000\]/,
    );
  });
});

function channelsOf(layout: PictureLayout, dims: readonly number[]): number {
  if (dims.length === 3) return 1;
  return layout.endsWith('channels') ? dims[3] : dims[1];
}
