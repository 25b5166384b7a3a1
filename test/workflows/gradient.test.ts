import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EarshotError, float32, int64, type Notice, type Tensor, tensor } from '../../src/core/index.ts';
import { decodeModel, encodeModel, importGraph } from '../../src/onnx/index.ts';
import { gradient, gradientModel, listTensors } from '../../src/workflows/gradient.ts';
import { exportedModel, exportedNames, relativeError } from '../onnx/exportedModels.ts';
import { graphAttribute, int, madeModel, node } from '../onnx/madeModel.ts';
import { runModel } from '../support/runModel.ts';

describe('gradients of models exported by PyTorch', () => {
  for (const name of exportedNames()) {
    it(`${name}: each within 1e-3 of PyTorch's`, async () => {
      const { bytes, bind, feeds, loss, gradients } = exportedModel(name);
      const wrt = Object.keys(gradients);
      const model = gradientModel(decodeModel(bytes), { loss: 'loss', wrt, bind });
      expect(model.graph.inputs.map((v) => v.name).sort()).toEqual(Object.keys(feeds).sort());
      expect(model.graph.outputs.map((v) => v.name)).toEqual(['loss', ...wrt.map((w) => `${w}_grad`)]);
      const results = await runModel(encodeModel(model), feeds);
      expect(Number(results['loss'].data[0])).toBeCloseTo(loss, 4);
      for (const w of wrt) {
        const found = results[`${w}_grad`];
        expect(found.dims, w).toEqual(gradients[w].dims);
        expect(relativeError(found, gradients[w]), w).toBeLessThan(1e-3);
      }
      // What was written can be read again, ONNX Runtime's own operators included.
      const again = await runModel(importGraph(decodeModel(encodeModel(model))).model(), feeds);
      for (const [output, tensor] of Object.entries(results)) {
        expect(relativeError(again[output], tensor), output).toBeLessThan(1e-4);
      }
    });
  }
});

const x = float32([3], [1, -2, 3]);

/** Gradients of a small model over x [3], by hand-written nodes that end in `s`, which is summed to the loss. */
async function derived(
  nodes: Parameters<typeof madeModel>[0]['nodes'],
  wrt: string[],
  initializers: Record<string, Tensor> = {},
): Promise<Record<string, number[]>> {
  const model = madeModel({
    inputs: { x: ['float32', ['N']] },
    initializers,
    nodes: [...nodes, node('ReduceSum', ['s'], ['loss'], { keepdims: int(0) })],
  });
  const results = await runModel(gradientModel(model, { loss: 'loss', wrt, bind: { N: 3 } }), { x });
  return Object.fromEntries(wrt.map((w) => [w, [...(results[`${w}_grad`].data as Float32Array)]]));
}

describe('what a gradient is taken by', () => {
  it('an identity is a tensor of its own: its gradient is not its source’s', async () => {
    // s = i² + x with i = x: ds/di = 2i, ds/dx = 2x + 1
    const nodes = [
      node('Identity', ['x'], ['i']),
      node('Mul', ['i', 'i'], ['q']),
      node('Add', ['q', 'x'], ['s']),
    ];
    expect(await derived(nodes, ['i', 'x'])).toEqual({ i: [2, -4, 6], x: [3, -3, 7] });
  });

  it('equal nodes are tensors of their own: each has the gradient of its own use', async () => {
    // s = a·2 + b·3 with a = b = −x
    const nodes = [
      node('Neg', ['x'], ['a']),
      node('Neg', ['x'], ['b']),
      node('Mul', ['a', 'two'], ['p']),
      node('Mul', ['b', 'three'], ['q']),
      node('Add', ['p', 'q'], ['s']),
    ];
    const held = { two: float32([1], [2]), three: float32([1], [3]) };
    expect(await derived(nodes, ['a', 'b', 'x', 'two'], held)).toEqual({
      a: [2, 2, 2],
      b: [3, 3, 3],
      x: [-5, -5, -5],
      two: [-2],
    });
    // Also where only one of them is named.
    expect(await derived(nodes, ['b'], held)).toEqual({ b: [3, 3, 3] });
  });

  it('a Constant node can be named, and what could be worked out from it is not', async () => {
    const value = float32([3], [2, 3, 4]);
    const nodes = [
      node('Constant', [], ['c'], { value: { kind: 'tensor', value } }),
      node('Mul', ['c', 'c'], ['d']),
      node('Mul', ['d', 'x'], ['s']),
    ];
    // d(c²x)/dc = 2cx
    expect(await derived(nodes, ['c', 'd'])).toEqual({ c: [4, -12, 24], d: [1, -2, 3] });
  });

  it('a tensor that the loss does not depend on has gradient zero, and that is told', async () => {
    const notices: Notice[] = [];
    const model = madeModel({
      inputs: { x: ['float32', [3]], z: ['float32', [2]] },
      nodes: [node('Neg', ['z'], ['aside']), node('ReduceSum', ['x'], ['loss'], { keepdims: int(0) })],
    });
    const made = gradientModel(model, {
      loss: 'loss',
      wrt: ['z', 'aside'],
      onNotice: (n) => notices.push(n),
    });
    const results = await runModel(made, { x, z: float32([2], [5, 6]) });
    expect([...(results['z_grad'].data as Float32Array)]).toEqual([0, 0]);
    expect(notices.map((n) => n.subject)).toEqual(['z', 'aside']);
  });

  it('a way that ends in rounding gives a gradient of zero, or leaves a share out, and that is told', async () => {
    const notices: Notice[] = [];
    const model = madeModel({
      inputs: { x: ['float32', [3]], w: ['float32', [3]], b: ['float32', [3]] },
      initializers: { s: float32([], [0.5]) },
      nodes: [
        node('QuantizeLinear', ['x', 's'], ['q']),
        node('DequantizeLinear', ['q', 's'], ['d']),
        node('Mul', ['d', 'w'], ['p']),
        node('Add', ['x', 'b'], ['a']),
        node('Sum', ['p', 'a'], ['t']),
        node('ReduceSum', ['t'], ['loss'], { keepdims: int(0) }),
        node('ReduceSum', ['p'], ['other'], { keepdims: int(0) }),
      ],
    });
    const options = { wrt: ['x', 'w'], onNotice: (n: Notice) => notices.push(n) };
    gradientModel(model, { ...options, loss: 'loss' });
    expect(notices).toHaveLength(1);
    expect(notices[0].message).toMatch(/^Some ways from 'x' .* QuantizeLinear 'q\/QuantizeLinear'/);
    const zero = gradientModel(model, { ...options, loss: 'other' });
    expect(notices[1].message).toMatch(/^Every way from 'x' .*: its gradient is zero\./);
    expect(notices).toHaveLength(2);
    const results = await runModel(zero, { x, w: x, b: x });
    expect([...(results['x_grad'].data as Float32Array)]).toEqual([0, 0, 0]);
  });

  it('a tensor of several elements is differentiated as its sum, or with a cotangent', async () => {
    const model = madeModel({
      inputs: { x: ['float32', [3]] },
      nodes: [node('Mul', ['x', 'x'], ['y'])],
    });
    const sum = await runModel(gradientModel(model, { loss: 'y', wrt: ['x'], of: 'sum' }), { x });
    expect([...(sum['y'].data as Float32Array)]).toEqual([1, 4, 9]);
    expect([...(sum['x_grad'].data as Float32Array)]).toEqual([2, -4, 6]);
    const product = gradientModel(model, { loss: 'y', wrt: ['x'], of: 'cotangent' });
    const results = await runModel(product, { x, y_cotangent: float32([3], [10, 1, -1]) });
    expect([...(results['x_grad'].data as Float32Array)]).toEqual([20, -4, -6]);
    expect(() => gradientModel(model, { loss: 'y', wrt: ['x'] })).toThrow(
      expect.objectContaining({ hint: expect.stringMatching(/--sum.*--cotangent/) }),
    );
  });

  it('a bound integer decides the Ifs on it', async () => {
    const branch = (name: string, factor: number) =>
      graphAttribute(name, {
        nodes: [node('Mul', ['x', 'k'], ['r'])],
        initializers: { k: float32([], [factor]) },
        outputs: { r: 'float32' },
      });
    const model = madeModel({
      inputs: { x: ['float32', [3]], rate: ['int64', []] },
      initializers: { wide: int64([], [16000]) },
      nodes: [
        node('Equal', ['rate', 'wide'], ['c']),
        node('If', ['c'], ['y'], {
          then_branch: branch('then_branch', 5),
          else_branch: branch('else_branch', 7),
        }),
        node('ReduceSum', ['y'], ['loss'], { keepdims: int(0) }),
      ],
    });
    for (const [rate, factor] of [
      [16000, 5],
      [8000, 7],
    ] as const) {
      const made = gradientModel(model, { loss: 'loss', wrt: ['x'], bind: { rate } });
      expect(made.graph.inputs.map((v) => v.name)).toEqual(['x']);
      expect([...((await runModel(made, { x }))['x_grad'].data as Float32Array)]).toEqual(
        Array(3).fill(factor),
      );
    }
    expect(() => gradientModel(model, { loss: 'loss', wrt: ['x'] })).toThrow(
      /chooses its branch while running/,
    );
  });

  it('an operator without any rule off the way is no obstacle', async () => {
    const model = madeModel({
      inputs: { x: ['float32', [3]] },
      nodes: [
        node('Frobnicate', ['x'], ['f']),
        node('Neg', ['f'], ['g']),
        node('Mul', ['x', 'x'], ['s']),
        node('ReduceSum', ['s'], ['loss'], { keepdims: int(0) }),
      ],
    });
    const results = await runModel(gradientModel(model, { loss: 'loss', wrt: ['x'] }), { x });
    expect([...(results['x_grad'].data as Float32Array)]).toEqual([2, -4, 6]);
  });

  it('dropout in training gives the gradient of the very mask that was drawn', async () => {
    const model = madeModel({
      opset: 13,
      inputs: { x: ['float32', [200]] },
      initializers: {
        ratio: tensor('float32', [], Float32Array.of(0.25)),
        training: tensor('bool', [], Uint8Array.of(1)),
      },
      nodes: [
        node('Dropout', ['x', 'ratio', 'training'], ['y']),
        node('ReduceSum', ['y'], ['loss'], { keepdims: int(0) }),
      ],
    });
    const long = float32(
      [200],
      Array.from({ length: 200 }, (_, i) => 1 + i / 100),
    );
    const results = await runModel(gradientModel(model, { loss: 'loss', wrt: ['x'] }), { x: long });
    const slopes = [...(results['x_grad'].data as Float32Array)];
    expect(new Set(slopes.map((s) => s.toFixed(4)))).toEqual(new Set(['0.0000', '1.3333']));
    // The loss is linear in x with those slopes.
    const sum = slopes.reduce((total, slope, i) => total + slope * long.data[i], 0);
    expect(Number(results['loss'].data[0])).toBeCloseTo(sum, 2);
  });

  it('inputs that the loss does not need stay inputs', () => {
    const model = madeModel({
      inputs: { x: ['float32', [3]], other: ['int64', [1]] },
      nodes: [node('ReduceSum', ['x'], ['loss'], { keepdims: int(0) })],
    });
    expect(gradientModel(model, { loss: 'loss', wrt: ['x'] }).graph.inputs.map((v) => v.name)).toEqual([
      'x',
      'other',
    ]);
  });
});

describe('what cannot be differentiated is said', () => {
  const model = madeModel({
    inputs: { x: ['float32', ['N', 4]], tokens: ['int64', ['N']] },
    initializers: {
      'layer.weight': float32([4, 2], new Float32Array(8)),
      table: float32([5, 2], new Float32Array(10)),
      half: { dtype: 'float16', dims: [2], data: new Uint16Array(2) },
    },
    nodes: [
      node('MatMul', ['x', 'layer.weight'], ['y']),
      node('Gather', ['table', 'tokens'], ['e']),
      node('Add', ['y', 'e'], ['z']),
      node('Det', ['z'], ['odd']),
      node('ReduceSum', ['z'], ['loss'], { keepdims: int(0) }),
    ],
  });
  const bind = { N: 3 };
  it.each<[string, Parameters<typeof gradientModel>[1], string, RegExp, RegExp | null]>([
    [
      'an unknown loss',
      { loss: 'los', wrt: ['x'], bind },
      'PARAMETER',
      /no tensor named 'los'/,
      /Nearest: loss/,
    ],
    [
      'a shortened name',
      { loss: 'loss', wrt: ['weight'], bind },
      'PARAMETER',
      /'weight'/,
      /Nearest: layer\.weight/,
    ],
    ['a mistyped name', { loss: 'loss', wrt: ['tabel'], bind }, 'PARAMETER', /'tabel'/, /Nearest: table/],
    ['a name unlike any', { loss: 'loss', wrt: ['qqqqqq'], bind }, 'PARAMETER', /'qqqqqq'/, /^List all/],
    ['an open size', { loss: 'loss', wrt: ['x'] }, 'PARAMETER', /open: N\./, /N=4/],
    [
      'an unknown size',
      { loss: 'loss', wrt: ['x'], bind: { N: 3, M: 2 } },
      'PARAMETER',
      /'M'/,
      /There are: N/,
    ],
    ['integers', { loss: 'loss', wrt: ['tokens'], bind }, 'PARAMETER', /'tokens' has type int64/, /table/],
    [
      'half precision',
      { loss: 'loss', wrt: ['half'], bind },
      'PARAMETER',
      /'half' has type float16/,
      /float32/,
    ],
    ['no name', { loss: 'loss', wrt: [], bind }, 'PARAMETER', /at least one/, null],
    [
      'a loss that is no scalar',
      { loss: 'z', wrt: ['x'], bind },
      'SHAPE',
      /'z' must be a single number, got float32\[3, 2\]/,
      null,
    ],
    [
      'an operator without a rule',
      { loss: 'odd', wrt: ['x'], bind },
      'UNSUPPORTED_OP',
      /Det 'odd\/Det'/,
      null,
    ],
  ])('%s', (_title, options, code, said, hinted) => {
    let error: unknown;
    try {
      gradientModel(model, options);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(EarshotError);
    expect((error as EarshotError).code).toBe(code);
    expect((error as EarshotError).message).toMatch(said);
    if (hinted !== null) expect((error as EarshotError).hint).toMatch(hinted);
  });
});

describe('files', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'earshot-gradient-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('the gradient of a file is a file with the metadata of the first', async () => {
    const path = join(folder, 'm.onnx');
    const made = madeModel({
      inputs: { x: ['float32', ['N']] },
      nodes: [node('Mul', ['x', 'x'], ['s']), node('ReduceSum', ['s'], ['loss'], { keepdims: int(0) })],
    });
    made.metadata.set('author', 'somebody');
    writeFileSync(path, encodeModel(made));
    const out = join(folder, 'deep', 'g.onnx');
    const outcome = await gradient({ model: path, loss: 'loss', wrt: ['x', 's'], bind: { N: 3 }, out });
    expect(outcome.outputs).toEqual([
      { name: 'loss', dtype: 'float32', shape: [] },
      { name: 'x_grad', dtype: 'float32', shape: [3] },
      { name: 's_grad', dtype: 'float32', shape: [3] },
    ]);
    const bytes = readFileSync(out);
    expect(bytes.length).toBe(outcome.bytes);
    expect(decodeModel(bytes).metadata.get('author')).toBe('somebody');
    const results = await runModel(bytes, { x });
    expect([...(results['x_grad'].data as Float32Array)]).toEqual([2, -4, 6]);
    expect([...(results['s_grad'].data as Float32Array)]).toEqual([1, 1, 1]);
  });

  it('the tensors of a model are listed with their types', () => {
    const made = madeModel({
      inputs: { x: ['float32', ['N', 4]] },
      initializers: { w: float32([4, 2], new Float32Array(8)) },
      nodes: [
        node('Constant', [], ['shape'], { value: { kind: 'tensor', value: int64([1], [-1]) } }),
        node('MatMul', ['x', 'w'], ['y']),
        node('Reshape', ['y', 'shape'], ['z']),
      ],
    });
    expect(listTensors(made, { N: 3 })).toEqual([
      { name: 'x', kind: 'input', operator: null, dtype: 'float32', shape: [3, 4] },
      { name: 'w', kind: 'initializer', operator: null, dtype: 'float32', shape: [4, 2] },
      { name: 'y', kind: 'result', operator: 'MatMul', dtype: 'float32', shape: [3, 2] },
      { name: 'z', kind: 'result', operator: 'Reshape', dtype: 'float32', shape: [6] },
    ]);
  });
});
