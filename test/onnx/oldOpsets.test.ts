/** @file Opsets 7 to 10, and forms that changed before 20: the runtime's own run of the old file is the truth. */
import { describe, expect, it } from 'vitest';
import { float32, int64, Random, type Tensor, UnsupportedOpError } from '../../src/core/index.ts';
import { encodeModel, importGraph, type Node } from '../../src/onnx/index.ts';
import { standardOperators } from '../../src/onnx/operators/standardOperators.ts';
import { runModel } from '../support/runModel.ts';
import { float, int, ints, type MadeModel, madeModel, node } from './madeModel.ts';

const random = new Random(5);
const normal = (...dims: number[]) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => random.normal()),
  );
const x = normal(1, 2, 4, 6);
const mode = (value: string) => ({ kind: 'string', value }) as const;
const floats = (...value: number[]) => ({ kind: 'floats', value }) as const;
const channel = () => float32([2], [0.5 + random.uniform(), 0.5 + random.uniform()]);

type Row = [title: string, opset: number, made: Node, initializers?: MadeModel['initializers']];

const largest = 2 ** 63;
const rows: Row[] = [
  ['Pad', 7, node('Pad', ['x'], ['y'], { pads: ints(0, 0, 1, 2, 0, 0, 0, -1), value: float(0.5) })],
  ['Pad without a value', 10, node('Pad', ['x'], ['y'], { pads: ints(0, 0, 1, 2, 0, 0, 0, 3) })],
  [
    'Pad, reflect',
    8,
    node('Pad', ['x'], ['y'], { pads: ints(0, 0, 1, 2, 0, 0, 1, 1), mode: mode('reflect') }),
  ],
  ['Slice', 9, node('Slice', ['x'], ['y'], { axes: ints(3, 2), starts: ints(-4, 1), ends: ints(-1, 3) })],
  [
    'Slice to the end',
    7,
    node('Slice', ['x'], ['y'], { axes: ints(2), starts: ints(1), ends: ints(largest) }),
  ],
  ['Slice of the first axes', 9, node('Slice', ['x'], ['y'], { starts: ints(0, 1), ends: ints(1, 2) })],
  ['Clip', 10, node('Clip', ['x'], ['y'], { min: float(-0.5), max: float(0.25) })],
  ['Clip from above', 7, node('Clip', ['x'], ['y'], { max: float(0.25) })],
  ['TopK', 9, node('TopK', ['x'], ['y', 'i'], { axis: int(3), k: int(2) })],
  [
    'TopK with k as input',
    10,
    node('TopK', ['x', 'k'], ['y', 'i'], { axis: int(2) }),
    { k: int64([1], [3]) },
  ],
  ['Squeeze', 7, node('Squeeze', ['x'], ['y'], { axes: ints(0) })],
  ['Unsqueeze', 9, node('Unsqueeze', ['x'], ['y'], { axes: ints(1, 3) })],
  ['Dropout', 7, node('Dropout', ['x'], ['y'], { ratio: float(0.3) })],
  ['Dropout of opset 10', 10, node('Dropout', ['x'], ['y'], { ratio: float(0.3) })],
  ['Upsample, nearest', 7, node('Upsample', ['x'], ['y'], { scales: floats(1, 1, 2, 1.5) })],
  [
    'Upsample, linear',
    7,
    node('Upsample', ['x'], ['y'], { scales: floats(1, 1, 2, 1.5), mode: mode('linear') }),
  ],
  ['Upsample by an input', 9, node('Upsample', ['x', 's'], ['y']), { s: float32([4], [1, 1, 3, 2]) }],
  ['Resize of opset 10, nearest', 10, node('Resize', ['x', 's'], ['y']), { s: float32([4], [1, 1, 2, 1.5]) }],
  [
    'Resize of opset 10, shrinking',
    10,
    node('Resize', ['x', 's'], ['y']),
    { s: float32([4], [1, 1, 0.6, 0.7]) },
  ],
  [
    'Resize of opset 10, both ways',
    10,
    node('Resize', ['x', 's'], ['y']),
    { s: float32([4], [1, 1, 2.5, 0.6]) },
  ],
  [
    'Resize of opset 10, linear',
    10,
    node('Resize', ['x', 's'], ['y'], { mode: mode('linear') }),
    { s: float32([4], [1, 1, 1.75, 0.6]) },
  ],
  [
    'BatchNormalization',
    7,
    node('BatchNormalization', ['x', 'c', 'c', 'c', 'c'], ['y'], { spatial: int(1) }),
    { c: channel() },
  ],
  ['Softmax', 7, node('Softmax', ['x'], ['y'], { axis: int(2) })],
  ['Flatten', 7, node('Flatten', ['x'], ['y'], { axis: int(2) })],
  [
    'GridSample of opset 16',
    16,
    node('GridSample', ['x', 'g'], ['y'], { mode: mode('bicubic') }),
    { g: float32([1, 2, 2, 2], [0.1, -0.3, 0.9, 0.2, -0.7, -0.8, 0.4, 0.6]) },
  ],
  [
    'GridSample of opset 16 as it comes',
    16,
    node('GridSample', ['x', 'g'], ['y']),
    { g: normal(1, 2, 3, 2) },
  ],
];

async function compared(made: MadeModel, feeds: Record<string, Tensor>): Promise<void> {
  const model = madeModel(made);
  const expected = await runModel(encodeModel(model), feeds);
  const found = await runModel(importGraph(model).model(), feeds);
  for (const { name } of model.graph.outputs) {
    expect(found[name].dims).toEqual(expected[name].dims);
    Array.from(expected[name].data as Float32Array).forEach((v, i) => {
      expect(Number(found[name].data[i])).toBeCloseTo(v, 5);
    });
  }
}

describe('opsets 7 to 10', () => {
  it.each(rows)('%s (opset %i)', (_title, opset, made, initializers = {}) =>
    compared(
      {
        opset,
        nodes: [made],
        initializers,
        inputs: { x: ['float32', [1, 2, 4, 6]] },
        outputs: { y: 'float32' },
      },
      { x },
    ),
  );

  it('a batch norm gives out its saved statistics as the runtime does', () =>
    compared(
      {
        opset: 9,
        nodes: [node('BatchNormalization', ['x', 'c', 'c', 'm', 'v'], ['y', 'om', 'ov', 'sm', 'sv'])],
        initializers: { c: channel(), m: float32([2], [0, 0]), v: float32([2], [1, 1]) },
        inputs: { x: ['float32', [1, 2, 4, 6]] },
        outputs: { y: 'float32', om: 'float32', ov: 'float32', sm: 'float32', sv: 'float32' },
      },
      { x },
    ));

  it('refuses statistics for every element, naming the node', () => {
    const model = madeModel({
      opset: 8,
      nodes: [node('BatchNormalization', ['x', 'c', 'c', 'c', 'c'], ['y'], { spatial: int(0) })],
      initializers: { c: normal(2, 4, 6) },
      inputs: { x: ['float32', [1, 2, 4, 6]] },
      outputs: { y: 'float32' },
    });
    expect(() => importGraph(model)).toThrow(/'y\/BatchNormalization' has statistics for every element/);
  });
});

describe('forms that operator set 20 does not know', () => {
  const signal = normal(2, 8, 1);
  const dft = (attributes: Parameters<typeof node>[3]) => ({
    opset: 17,
    nodes: [node('DFT', ['x'], ['y'], attributes)],
    inputs: { x: ['float32', [2, 8, 1]] as const },
    outputs: { y: 'float32' as const },
  });
  it('DFT with its axis as attribute', () =>
    compared(dft({ axis: int(1), onesided: int(1) }), { x: signal }));
  it('DFT over the axis that opset 17 takes where none is given', () => compared(dft({}), { x: signal }));

  it('are refused by name where there is no rule for them', () => {
    const made = (opType: string, attributes = {}) =>
      madeModel({
        opset: 24,
        nodes: [node(opType, ['x', 'x', 'x'], ['y'], attributes)],
        inputs: { x: ['float32', [1, 2, 4, 6]] },
        outputs: { y: 'float32' },
      });
    const model = made('Attention');
    model.graph.valueInfo.set('y', { name: 'y', dtype: 'float32', shape: [1, 2, 4, 6] });
    expect(() => importGraph(model)).toThrow(UnsupportedOpError);
    expect(() => importGraph(model)).toThrow(/'y\/Attention' has no form in operator set 20/);
    expect(() => importGraph(made('Where', { axis: int(1) }))).toThrow(/it has no attribute 'axis'/);
    expect(() => importGraph(made('Abs'))).toThrow(/it has 3 inputs/);
  });

  it('the table of operator set 20 is ONNX Runtime’s', async () => {
    const refusal = async (opType: string, inputs: number, attributes: readonly string[]) => {
      const names = Array.from({ length: inputs }, (_, i) => `x${i}`);
      const model = madeModel({
        nodes: [node(opType, names, ['y'], Object.fromEntries(attributes.map((name) => [name, int(1)])))],
        inputs: Object.fromEntries(names.map((name) => [name, ['float32', [2]]])),
        outputs: { y: 'float32' },
      });
      return runModel(encodeModel(model), {}).then(
        () => '',
        (error: unknown) => String(error),
      );
    };
    const wrong: string[] = [];
    for (const [name, { fewest, most, attributes }] of standardOperators) {
      // The runtime turns constants into initializers before it looks at them.
      if (name === 'Constant') continue;
      const said = await refusal(name, fewest, [...attributes]);
      if (/Unrecognized attribute|No Op registered|deprecated|input size/.test(said)) wrong.push(said);
      if (Number.isFinite(most) && !/input size/.test(await refusal(name, most + 1, [])))
        wrong.push(`${name} ${most}`);
      if (fewest > 0 && !/input size/.test(await refusal(name, fewest - 1, [])))
        wrong.push(`${name} ${fewest}`);
    }
    expect(wrong).toEqual([]);
  });
});
