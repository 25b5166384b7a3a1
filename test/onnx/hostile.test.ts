/** @file Damaged and hostile files: each is a typed error, at once, without taking memory. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  EarshotError,
  float32,
  GraphError,
  int64,
  ParameterError,
  ShapeError,
  type Tensor,
  UnsupportedOpError,
} from '../../src/core/index.ts';
import {
  decodeModel,
  encodeModel,
  importGraph,
  type Model,
  printGraph,
  withoutExternalData,
} from '../../src/onnx/index.ts';
import { ProtobufWriter } from '../../src/onnx/protobuf.ts';
import { Engine, readModel } from '../../src/runtime/index.ts';
import { exportedModel } from './exportedModels.ts';
import { int, ints, madeModel, node } from './madeModel.ts';

/** What `work` throws; fails where it throws nothing, anything but an intended error, or takes over a second. */
function refusal(work: () => unknown): EarshotError {
  const start = performance.now();
  try {
    work();
  } catch (error) {
    expect(performance.now() - start).toBeLessThan(1000);
    expect(error).toBeInstanceOf(EarshotError);
    return error as EarshotError;
  }
  throw new Error('it was accepted');
}

/** One message of the wire format. */
function message(write: (w: ProtobufWriter) => void): Uint8Array {
  const w = new ProtobufWriter();
  write(w);
  return w.finish();
}

/** A file whose graph is written by hand. */
const fileWith = (graph: (g: ProtobufWriter) => void): Uint8Array =>
  message((m) => {
    m.int(1, 8);
    m.message(7, graph);
    m.message(8, (o) => {
      o.string(1, '');
      o.int(2, 17);
    });
  });

const memory = () => process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;

describe('a damaged file', () => {
  const { bytes, bind } = exportedModel('audio-17');

  it('cut off at any byte is refused', () => {
    const start = performance.now();
    for (let n = 0; n < bytes.length; n++) {
      try {
        importGraph(decodeModel(bytes.subarray(0, n)));
      } catch (error) {
        expect(error, `${n} bytes`).toBeInstanceOf(EarshotError);
        continue;
      }
      // The file ends with the operator set's fields; nothing else may be missing.
      throw new Error(`${n} of ${bytes.length} bytes were accepted`);
    }
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it('with any bytes changed gives a model or a typed error, never anything else', () => {
    const change = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const damaged = bytes.slice();
        for (const [at, value] of changes) damaged[at] = value;
        try {
          const g = importGraph(decodeModel(damaged), { bind });
          expect(printGraph(g.graph).length).toBeGreaterThan(0);
        } catch (error) {
          if (!(error instanceof EarshotError)) throw error;
        }
      }),
      { numRuns: 3000, seed: 7 },
    );
  });

  it('of random bytes is refused or holds no graph', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (random) => {
        expect(refusal(() => importGraph(decodeModel(random)))).toBeInstanceOf(EarshotError);
      }),
      { numRuns: 2000, seed: 8 },
    );
  });

  it('that is empty, or of another kind, says so', () => {
    expect(refusal(() => decodeModel(new Uint8Array())).message).toBe('The file holds no ONNX graph.');
    expect(refusal(() => decodeModel(new TextEncoder().encode('<html><body>404'))).hint).toBeDefined();
  });
});

describe('lengths and shapes that promise more than there is', () => {
  it.each([
    ['4 GB', [0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['2⁶³', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ['−1', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ])('a field of %s', (_title, length) => {
    const before = memory();
    const error = refusal(() => decodeModel(Uint8Array.from([0x08, 8, 0x3a, ...length, 1, 2, 3])));
    expect(error.message).toContain('ends in the middle of a field');
    expect(memory() - before).toBeLessThan(50e6);
  });

  it('a varint without end', () => {
    expect(refusal(() => decodeModel(new Uint8Array(64).fill(0xff))).message).toContain(
      'longer than ten bytes',
    );
  });

  const tensorFile = (dims: (number | bigint)[]) =>
    fileWith((g) =>
      g.message(5, (t) => {
        t.packedInts(1, dims);
        t.int(2, 1);
        t.string(8, 'w');
        t.bytes(9, new Uint8Array(16));
      }),
    );

  it.each<[string, (number | bigint)[]]>([
    ['a product beyond 2⁵³', [2 ** 30, 2 ** 30, 2 ** 30]],
    ['a product that overflows 64 bits to 4', [2n ** 62n + 1n, 4]],
    ['a size of 2⁶³ − 1', [2n ** 63n - 1n]],
    ['a negative size', [-4]],
    ['a size of 10¹² that the file does not hold', [10 ** 12]],
    ['more than 64 dimensions', Array<number>(100).fill(1)],
  ])('a tensor with %s', (_title, dims) => {
    const before = memory();
    expect(refusal(() => decodeModel(tensorFile(dims))).message).toContain("'w'");
    expect(memory() - before).toBeLessThan(50e6);
  });

  it('an input of impossible size', () => {
    const model = madeModel({ inputs: { x: ['float32', [2 ** 40, 2 ** 40]] }, nodes: [] });
    expect(refusal(() => importGraph(model)).message).toContain("'x' has an impossible shape");
  });

  it.each([
    ['ConstantOfShape', int64([3], [2 ** 40, 2 ** 40, 2 ** 40])],
    ['ConstantOfShape', int64([1], [-5])],
  ])('%s of an impossible size', (op, shape) => {
    const model = madeModel({ initializers: { shape }, nodes: [node(op, ['shape'], ['y'])] });
    expect(refusal(() => importGraph(model)).message).toMatch(/'y\/ConstantOfShape'.*impossible shape/);
  });

  it('a constant of a terabyte stays a node', () => {
    const before = memory();
    const g = importGraph(
      madeModel({
        initializers: { shape: int64([1], [2 ** 40]) },
        nodes: [node('ConstantOfShape', ['shape'], ['y'])],
      }),
    );
    expect(g.find('y')!.shape).toEqual([2 ** 40]);
    expect(memory() - before).toBeLessThan(50e6);
  });

  it('a range without end', () => {
    const scalar = (v: number): Tensor => int64([], [v]);
    const model = madeModel({
      initializers: { a: scalar(0), b: scalar(10), zero: scalar(0) },
      nodes: [node('Range', ['a', 'b', 'zero'], ['y'])],
    });
    expect(refusal(() => importGraph(model)).message).toContain("'y/Range'");
  });

  it('nodes by the million', () => {
    const three = message((n) => {
      n.string(2, 'y');
      n.string(4, 'A');
    });
    const file = fileWith((g) => {
      for (let i = 0; i < 2 ** 18 + 1; i++) g.bytes(1, three);
    });
    const before = memory();
    try {
      decodeModel(file);
      throw new Error('it was accepted');
    } catch (error) {
      expect(error).toBeInstanceOf(GraphError);
    }
    expect(memory() - before).toBeLessThan(500e6);
  });
});

describe('deep nesting', () => {
  it('of messages inside an unknown field is not followed', () => {
    let inner: Uint8Array = new Uint8Array();
    for (let depth = 0; depth < 2000; depth++) {
      const wrapped = inner;
      inner = message((m) => m.bytes(15, wrapped));
    }
    expect(refusal(() => decodeModel(message((m) => m.bytes(99, inner)))).message).toContain('no ONNX graph');
  });

  it('of branches within branches is refused', () => {
    let branch = message((g) => g.string(2, 'leaf'));
    for (let depth = 0; depth < 2000; depth++) {
      const within = branch;
      branch = message((g) =>
        g.message(1, (n) => {
          n.string(1, 'c');
          n.string(2, 'y');
          n.string(4, 'If');
          n.message(5, (a) => {
            a.string(1, 'then_branch');
            a.bytes(6, within);
            a.int(20, 5);
          });
        }),
      );
    }
    const file = message((m) => {
      m.bytes(7, branch);
      m.message(8, (o) => o.int(2, 17));
    });
    expect(refusal(() => importGraph(decodeModel(file))).message).toContain('nested more than 16 deep');
  });
});

const x44: Record<string, readonly ['float32', readonly number[]]> = { x: ['float32', [4, 4]] };

describe('graphs that are none', () => {
  const wrong: [string, Model, RegExp][] = [
    [
      'a cycle',
      madeModel({
        inputs: x44,
        nodes: [
          node('Relu', ['x'], ['r']),
          node('Add', ['r', 'c'], ['a'], {}, 'first'),
          node('Neg', ['a'], ['b'], {}, 'second'),
          node('Exp', ['b'], ['c'], {}, 'third'),
        ],
      }),
      /cycle: (Add 'first'|Neg 'second'|Exp 'third') depends on its own result/,
    ],
    ['a node that reads itself', madeModel({ nodes: [node('Relu', ['y'], ['y'])] }), /cycle: Relu 'y\/Relu'/],
    [
      'an operand that nothing makes',
      madeModel({ inputs: x44, nodes: [node('Add', ['x', 'ghost'], ['y'])] }),
      /Add 'y\/Add' reads 'ghost'/,
    ],
    [
      'a result made twice',
      madeModel({
        inputs: x44,
        nodes: [node('Relu', ['x'], ['y'], {}, 'a'), node('Neg', ['x'], ['y'], {}, 'b')],
      }),
      /Neg 'b' defines 'y', which Relu 'a' defines too/,
    ],
    [
      'a result named like an initializer',
      madeModel({ inputs: x44, initializers: { w: float32([1], [1]) }, nodes: [node('Relu', ['x'], ['w'])] }),
      /Relu 'w\/Relu' defines 'w', which is an input or an initializer/,
    ],
    [
      'a node without results',
      madeModel({ inputs: x44, nodes: [node('Relu', ['x'], [], {}, 'mute')] }),
      /Relu 'mute' has no results/,
    ],
    [
      'an output that nothing makes',
      madeModel({ inputs: x44, outputs: { y: 'float32' }, nodes: [] }),
      /output 'y' is defined by no node/,
    ],
    [
      'an output of another type than it says',
      madeModel({ inputs: x44, outputs: { y: 'int64' }, nodes: [node('Relu', ['x'], ['y'])] }),
      /output 'y' is int64, but it is float32/,
    ],
    [
      'a convolution whose weights do not fit',
      madeModel({
        inputs: { x: ['float32', [1, 3, 8, 8]] },
        initializers: { w: float32([2, 4, 3, 3], new Float32Array(72)) },
        nodes: [node('Conv', ['x', 'w'], ['y'])],
      }),
      /Conv 'y\/Conv': the input has 3 channels, the kernel expects 4/,
    ],
    [
      'matrices that do not fit',
      madeModel({ inputs: { ...x44, z: ['float32', [5, 2]] }, nodes: [node('MatMul', ['x', 'z'], ['y'])] }),
      /MatMul 'y\/MatMul'.*4 and 5/,
    ],
    [
      'a shape that does not fit',
      madeModel({
        inputs: x44,
        initializers: { s: int64([2], [3, 5]) },
        nodes: [node('Reshape', ['x', 's'], ['y'])],
      }),
      /Reshape 'y\/Reshape'/,
    ],
    [
      'an attribute of the wrong kind',
      madeModel({ inputs: x44, nodes: [node('Transpose', ['x'], ['y'], { perm: int(1) })] }),
      /'perm' of node 'y\/Transpose'/,
    ],
    [
      'a permutation that is none',
      madeModel({ inputs: x44, nodes: [node('Transpose', ['x'], ['y'], { perm: ints(0, 0) })] }),
      /Transpose 'y\/Transpose'/,
    ],
    [
      'a missing operand',
      madeModel({ inputs: x44, nodes: [node('Conv', ['x'], ['y'])] }),
      /Conv 'y\/Conv': input 1 is missing/,
    ],
  ];
  it.each(wrong)('%s', (_title, model, said) => {
    const error = refusal(() => importGraph(decodeModel(encodeModel(model))));
    expect(error.message).toMatch(said);
    expect(error instanceof GraphError || error instanceof ShapeError).toBe(true);
  });

  it('an unknown element type', () => {
    const file = (type: number) =>
      fileWith((g) =>
        g.message(11, (v) => {
          v.string(1, 'x');
          v.message(2, (t) => t.message(1, (e) => e.int(1, type)));
        }),
      );
    for (const type of [8, 14, 16, 23, 99]) {
      expect(refusal(() => decodeModel(file(type))).message).toContain(`'x' has element type ${type}`);
    }
  });

  it('an input of unknown rank', () => {
    const model = madeModel({ inputs: { x: ['float32', null] }, nodes: [node('Relu', ['x'], ['y'])] });
    expect(refusal(() => importGraph(model)).message).toContain("which shape its input 'x' has");
  });

  it('an operator that nobody knows, and one of another domain', () => {
    const unknown = madeModel({ inputs: x44, nodes: [node('Frobnicate', ['x'], ['y'])] });
    expect(refusal(() => importGraph(unknown))).toBeInstanceOf(UnsupportedOpError);
    const other = madeModel({
      inputs: x44,
      nodes: [{ ...node('TreeEnsemble', ['x'], ['y']), domain: 'ai.onnx.ml' }],
    });
    expect(refusal(() => importGraph(other)).message).toContain("ai.onnx.ml.TreeEnsemble 'y/TreeEnsemble'");
  });

  it.each([1, 6, 25])('operator set %i', (opset) => {
    expect(refusal(() => importGraph(madeModel({ opset, nodes: [] })))).toBeInstanceOf(UnsupportedOpError);
  });

  it.each<[Record<string, number>, RegExp]>([
    [{ M: 3 }, /no dimension named 'M'/],
    [{ N: 0 }, /at least 1, got 0/],
    [{ N: 1.5 }, /got 1.5/],
    [{ N: Number.NaN }, /got NaN/],
  ])('a size bound to %o', (bind, said) => {
    const model = madeModel({ inputs: { x: ['float32', ['N', 4]] }, nodes: [] });
    const error = refusal(() => importGraph(model, { bind }));
    expect(error).toBeInstanceOf(ParameterError);
    expect(error.message).toMatch(said);
  });
});

describe('external data', () => {
  let folder: string;
  const secret = new Float32Array([42, 42]);

  /** A model whose one tensor of two floats is elsewhere. */
  const modelAt = (location: string, entries: Record<string, string> = {}) =>
    fileWith((g) => {
      g.message(5, (t) => {
        t.packedInts(1, [2]);
        t.int(2, 1);
        t.string(8, 'w');
        for (const [key, value] of Object.entries({ location, ...entries })) {
          t.message(13, (e) => {
            e.string(1, key);
            e.string(2, value);
          });
        }
        t.int(14, 1);
      });
      g.string(2, 'g');
    });

  const read = (location: string, entries: Record<string, string> = {}) => {
    const path = join(folder, 'model', 'm.onnx');
    writeFileSync(path, modelAt(location, entries));
    return readModel(path);
  };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'earshot-external-'));
    mkdirSync(join(folder, 'model', 'parts'), { recursive: true });
    mkdirSync(join(folder, 'model2'));
    writeFileSync(join(folder, 'secret.bin'), secret);
    writeFileSync(join(folder, 'model2', 'secret.bin'), secret);
    writeFileSync(join(folder, 'model', 'w.bin'), Float32Array.of(1, 2, 3, 4));
    writeFileSync(join(folder, 'model', 'parts', 'w.bin'), Float32Array.of(5, 6));
    symlinkSync(join(folder, 'secret.bin'), join(folder, 'model', 'link.bin'));
    symlinkSync(folder, join(folder, 'model', 'up'));
    symlinkSync(join(folder, 'model', 'w.bin'), join(folder, 'model', 'inside.bin'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('beside the model and below it are read', async () => {
    const held = async (location: string, entries = {}) =>
      Array.from((await read(location, entries)).graph.initializers.get('w')!.data as Float32Array);
    expect(await held('w.bin', { length: '8' })).toEqual([1, 2]);
    expect(await held('w.bin', { offset: '8' })).toEqual([3, 4]);
    expect(await held('./parts/w.bin')).toEqual([5, 6]);
    expect(await held('inside.bin', { offset: '4', length: '8' })).toEqual([2, 3]);
  });

  const outside = (): [string, string][] => [
    ['an absolute path', join(folder, 'secret.bin')],
    ['the parent folder', '../secret.bin'],
    ['the parent folder, in the middle', 'parts/../../secret.bin'],
    ['the parent folder, with backslashes', '..\\secret.bin'],
    ['a drive', 'C:\\secret.bin'],
    ['a folder whose name begins like the model’s', '../model2/secret.bin'],
    ['a link that leads out', 'link.bin'],
    ['a linked folder that leads out', 'up/secret.bin'],
    ['an empty name', ''],
    ['the folder itself', '.'],
    ['a name with a zero byte', 'w.bin\0'],
  ];
  it('outside its folder are never read', async () => {
    for (const [title, location] of outside()) {
      const error = await read(location).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error, title).toBeInstanceOf(GraphError);
      expect((error as GraphError).message, title).toMatch(/outside its folder|not named/);
    }
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['an offset past the end', { offset: '1000' }, /which has 16 bytes/],
    ['a length past the end', { length: '8000000000000' }, /which has 16 bytes/],
    ['a negative offset', { offset: '-8' }, /impossible external offset/],
    ['an offset that is no number', { offset: 'many' }, /impossible external offset/],
    ['a length of another size than the tensor', { length: '4' }, /needs 8 bytes, the file has 4/],
  ])('%s', async (_title, entries, said) => {
    await expect(read('w.bin', entries)).rejects.toThrow(said);
  });

  /** A tensor whose two floats are at `location`. */
  const externalTensor = (location: string) => (t: ProtobufWriter) => {
    t.packedInts(1, [2]);
    t.int(2, 1);
    t.string(8, 'w');
    t.message(13, (e) => {
      e.string(1, 'location');
      e.string(2, location);
    });
    t.int(14, 1);
  };
  /** A node with the attribute, in a graph. */
  const nodeWith = (attribute: (a: ProtobufWriter) => void) => (g: ProtobufWriter) =>
    g.message(1, (n) => {
      n.string(2, 'y');
      n.string(4, 'Some');
      n.message(5, (a) => {
        a.string(1, 'a');
        attribute(a);
      });
    });
  type Put = (tensor: (t: ProtobufWriter) => void) => Uint8Array;
  const places: [where: string, put: Put][] = [
    [
      'an initializer of a branch',
      (t) =>
        fileWith(
          nodeWith((a) => {
            a.message(6, (g) => g.message(5, t));
            a.int(20, 5);
          }),
        ),
    ],
    [
      'an initializer of one of several branches',
      (t) =>
        fileWith(
          nodeWith((a) => {
            a.message(11, (g) => g.message(5, t));
            a.int(20, 10);
          }),
        ),
    ],
    [
      'a constant in a branch in a branch',
      (t) =>
        fileWith(
          nodeWith((a) => {
            a.message(6, (g) =>
              nodeWith((b) => {
                b.message(6, (h) =>
                  nodeWith((c) => {
                    c.message(5, t);
                    c.int(20, 4);
                  })(h),
                );
                b.int(20, 5);
              })(g),
            );
            a.int(20, 5);
          }),
        ),
    ],
    [
      'a list of tensors',
      (t) =>
        fileWith(
          nodeWith((a) => {
            a.message(10, t);
            a.int(20, 9);
          }),
        ),
    ],
    [
      'the values of a sparse tensor',
      (t) =>
        fileWith(
          nodeWith((a) => {
            a.message(22, (sparse) => sparse.message(1, t));
            a.int(20, 11);
          }),
        ),
    ],
    [
      'the indices of sparse tensors',
      (t) =>
        fileWith(
          nodeWith((a) => {
            a.message(23, (sparse) => sparse.message(2, t));
            a.int(20, 12);
          }),
        ),
    ],
  ];
  it.each(places)(
    'of %s are read from the folder and nowhere else, and put into the model',
    async (_, put) => {
      const path = join(folder, 'model', 'm.onnx');
      const load = (location: string) => {
        writeFileSync(path, put(externalTensor(location)));
        return readModel(path);
      };
      const written = encodeModel(await load('parts/w.bin'));
      expect(Buffer.from(written).includes(Buffer.from(Float32Array.of(5, 6).buffer))).toBe(true);
      expect(Buffer.from(written).includes('w.bin')).toBe(false);
      for (const [title, location] of outside())
        await expect(load(location), title).rejects.toThrow(/outside its folder|not named/);
      // Without a folder of its own, as the runtime would have it, it is refused.
      expect(refusal(() => decodeModel(put(externalTensor('w.bin')))).message).toContain(
        "keeps its data in 'w.bin'",
      );
      expect(() => withoutExternalData('model', put(externalTensor('w.bin')))).toThrow(GraphError);
    },
  );

  it('in functions and in what trains never reach the runtime, which would read the working folder', () => {
    const graph = (g: ProtobufWriter) => g.message(5, externalTensor('secret.txt'));
    const made = (write: (m: ProtobufWriter) => void) => () => withoutExternalData('model', message(write));
    expect(
      made((m) => m.message(25, (f) => f.message(7, (n) => n.message(5, (a) => a.message(6, graph))))),
    ).toThrow(GraphError);
    expect(made((m) => m.message(20, (training) => training.message(2, graph)))).toThrow(GraphError);
    const whole = fileWith((g) => g.string(2, 'g'));
    expect(withoutExternalData('model', whole)).toBe(whole);
  });

  it('of the file that gave away the working folder are refused', async () => {
    const bytes = readFileSync(join(import.meta.dirname, '../fixtures/hostile/subgraph-external-cwd.onnx'));
    expect(() => decodeModel(bytes)).toThrow(/keeps its data in 'secret.txt'/);
    const engine = new Engine({ threads: 1 });
    try {
      await expect(engine.load(bytes)).rejects.toThrow(GraphError);
    } finally {
      await engine.close();
    }
  });

  it.skipIf(process.platform === 'win32')('that are a pipe or a device are refused at once', async () => {
    execFileSync('mkfifo', [join(folder, 'model', 'pipe.bin')]);
    await expect(read('pipe.bin')).rejects.toThrow(/not a regular file/);
    await expect(readModel('/dev/zero')).rejects.toThrow(/not a regular file/);
  });

  it('a missing file, a folder, and a model read without its path', async () => {
    await expect(read('gone.bin')).rejects.toThrow(/not beside it/);
    await expect(read('parts')).rejects.toThrow(GraphError);
    expect(refusal(() => decodeModel(modelAt('w.bin'))).hint).toContain('one file');
    await expect(readModel(join(folder, 'none.onnx'))).rejects.toThrow(/there is no such file/);
  });

  it('that overlap are refused, since a small file could ask for any amount of memory', async () => {
    const file = fileWith((g) => {
      for (let i = 0; i < 3; i++) {
        g.message(5, (t) => {
          t.packedInts(1, [3 - i]);
          t.int(2, 1);
          t.string(8, `w${i}`);
          for (const [key, value] of [
            ['location', 'w.bin'],
            ['offset', String(4 * i)],
            ['length', String(12 - 4 * i)],
          ]) {
            t.message(13, (e) => {
              e.string(1, key!);
              e.string(2, value!);
            });
          }
          t.int(14, 1);
        });
      }
    });
    const path = join(folder, 'model', 'overlap.onnx');
    writeFileSync(path, file);
    await expect(readModel(path)).rejects.toThrow(/overlap/);
  });
});
