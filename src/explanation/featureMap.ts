/** @file Where a network's last map of features is, and which of its axes are bands and frames. */
import type { GraphBuilder, Node, Value } from '../onnx/index.ts';

/** Positions of bands and frames among the axes of a map, and of its channels. */
export interface MapAxes {
  readonly bands: number;
  readonly frames: number;
  readonly channels: number;
}

/** Operators whose result is no map to look at: they pool, move, or only give another shape. */
const notMaps = new Set([
  ...['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool', 'ReduceMean', 'ReduceMax', 'ReduceSum'],
  ...[
    'Transpose',
    'Reshape',
    'Flatten',
    'Squeeze',
    'Unsqueeze',
    'Slice',
    'Gather',
    'Pad',
    'Resize',
    'Identity',
  ],
]);

/**
 * The last tensor [windows, channels, height, width] between `picture` and `score` that comes of a convolution and that
 * nothing has pooled to a point; null where there is none, as in a transformer.
 */
export function lastFeatureMap(g: GraphBuilder, picture: Value, score: Value): Value | null {
  const { nodes } = g.graph;
  const downstream = new Set([picture.name]);
  const convolved = new Set<string>();
  for (const node of nodes) {
    if (!node.inputs.some((name) => downstream.has(name))) continue;
    const after = node.opType === 'Conv' || node.inputs.some((name) => convolved.has(name));
    for (const name of node.outputs) {
      downstream.add(name);
      if (after) convolved.add(name);
    }
  }
  const upstream = new Set([score.name]);
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node.outputs.some((name) => upstream.has(name))) continue;
    for (const name of node.inputs) upstream.add(name);
    const value = g.find(node.outputs[0]);
    if (value === undefined || notMaps.has(node.opType) || !convolved.has(value.name)) continue;
    const [, , height, width] = value.shape;
    const spatial = value.shape.length === 4 && Number(height) > 1 && Number(width) > 1;
    if (spatial && mapAxes(g, picture, value) !== null) return value;
  }
  return null;
}

/**
 * Which axes of a map of four are the picture's bands and frames: followed backwards through whatever turns them. Null
 * where they cannot be followed.
 */
export function mapAxes(g: GraphBuilder, picture: Value, map: Value): MapAxes | null {
  if (map.shape.length !== 4) return null;
  const producers = new Map(
    g.graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)),
  );
  // Channels are second in a convolution's result.
  let axes: (number | null)[] = [2, 3];
  let name = map.name;
  while (name !== picture.name) {
    const node = producers.get(name);
    const input = node === undefined ? undefined : towards(node, picture, producers);
    if (node === undefined || input === undefined) return null;
    axes = axes.map((axis) => (axis === null ? null : before(g, node, input, axis)));
    if (axes.includes(null)) return null;
    name = input;
  }
  const [second, third] = axes;
  if (second === 2 && third === 3) return { bands: 2, frames: 3, channels: 1 };
  return second === 3 && third === 2 ? { bands: 3, frames: 2, channels: 1 } : null;
}

/** The operand of a node through which it depends on the picture. */
function towards(node: Node, picture: Value, producers: ReadonlyMap<string, Node>): string | undefined {
  const seen = new Set<string>();
  const reaches = (name: string): boolean => {
    if (name === picture.name) return true;
    if (name === '' || seen.has(name)) return false;
    seen.add(name);
    return producers.get(name)?.inputs.some(reaches) ?? false;
  };
  return node.inputs.find(reaches);
}

/** The axis of a node's operand that becomes its result's `axis`. */
function before(g: GraphBuilder, node: Node, input: string, axis: number): number | null {
  const from = g.find(input)!.shape;
  const to = g.find(node.outputs[0])!.shape;
  if (node.opType === 'Transpose') {
    const perm = node.attributes['perm'];
    return perm?.kind === 'ints' ? Number(perm.value[axis]) : from.length - 1 - axis;
  }
  if (!['Reshape', 'Unsqueeze', 'Squeeze', 'Flatten'].includes(node.opType)) {
    return axis - (to.length - from.length);
  }
  // Axes of one element come and go; the others keep their order, or the sizes tell that they do not.
  const long = (shape: typeof from) => shape.flatMap((d, i) => (d === 1 ? [] : [i]));
  const [a, b] = [long(from), long(to)];
  const place = b.indexOf(axis);
  const kept = a.length === b.length && a.every((i, k) => from[i] === to[b[k]]);
  return kept && place >= 0 ? a[place] : null;
}
