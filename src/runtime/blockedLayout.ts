/** @file Which blocked layout ONNX Runtime uses for pictures on this processor. */
import { float32 } from '../core/index.ts';
import { GraphBuilder, type Model } from '../onnx/index.ts';

const shape = [1, 64, 1, 2];

/** A graph that brings a picture whose values count up into the blocked layout. */
export function layoutProbe(): Model {
  const g = new GraphBuilder({ name: 'layout probe' });
  const x = g.input('x', 'float32', shape);
  const node = {
    opType: 'ReorderInput',
    domain: 'com.microsoft.nchwc',
    name: 'reorder',
    inputs: [],
    outputs: ['y'],
    attributes: {},
  };
  const [y] = g.addNode(node, [x], { types: [{ dtype: 'float32', shape }] });
  g.output(y!);
  return g.model();
}

/** What the probe is fed. */
export const probeInput = float32(
  shape,
  Float32Array.from({ length: 128 }, (_, i) => i),
);

/**
 * Channels in a block, from what the probe gives: in [C/b, 2, b] the second point of channel 0 comes after the first
 * points of b channels. Null where the answer is no such layout.
 */
export function blockSizeOf(data: ArrayLike<number>): number | null {
  const b = Array.from(data).indexOf(1);
  if (b < 2 || 64 % b !== 0) return null;
  for (let i = 0; i < 128; i++) {
    const [block, rest] = [Math.floor(i / (2 * b)), i % (2 * b)];
    const channel = block * b + (rest % b);
    if (data[i] !== 2 * channel + Math.floor(rest / b)) return null;
  }
  return b;
}
