import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { float32, RuntimeError } from '../../src/core/index.ts';
import { encodeModel, GraphBuilder } from '../../src/onnx/index.ts';
import { Engine } from '../../src/runtime/index.ts';

/** state ← state + x; sum = Σ state */
function accumulator() {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [3]);
  const state = g.input('state', 'float32', [3]);
  const next = g.op('Add', [state, x]);
  g.output(next, 'next');
  g.output(g.op('ReduceSum', [next], { keepdims: 0 }), 'sum');
  return g.model();
}

/** Takes some tenths of a second on one thread: a chain of products of two 1024 × 1024 matrices. */
function slowModel() {
  const g = new GraphBuilder();
  const x = g.op('Expand', [g.input('x', 'float32', []), g.ints([1024, 1024])]);
  let product = x;
  for (let i = 0; i < 6; i++) product = g.op('MatMul', [product, x]);
  g.output(g.op('ReduceSum', [product], { keepdims: 0 }), 'sum');
  return g.model();
}

describe('Engine', () => {
  let engine: Engine;
  beforeAll(() => {
    engine = new Engine({ threads: 1 });
  });
  afterAll(() => engine.close());

  it('keeps tensors between runs and sends back only what is asked for', async () => {
    const model = await engine.load(accumulator());
    await engine.put(new Map([['state', float32([3], [1, 2, 3])]]));
    const sums: number[] = [];
    for (let i = 0; i < 4; i++) {
      const out = await engine.run(model, {
        feeds: { x: float32([3], [1, 0, 10]) },
        resident: ['state'],
        keep: { next: 'state' },
        fetch: ['sum'],
      });
      expect(Object.keys(out)).toEqual(['sum']);
      sums.push(Number(out['sum'].data[0]));
    }
    expect(sums).toEqual([17, 28, 39, 50]);
    const state = (await engine.get(['state'])).get('state')!;
    expect(Array.from(state.data as Float32Array)).toEqual([5, 2, 43]);
    // What was read is a copy: later steps do not write into it.
    await engine.run(model, {
      feeds: { x: float32([3], [1, 1, 1]) },
      resident: ['state'],
      keep: { next: 'state' },
      fetch: [],
    });
    expect(Array.from(state.data as Float32Array)).toEqual([5, 2, 43]);
  });

  it('does not change what the caller handed over, and copies views of larger arrays', async () => {
    const model = await engine.load(accumulator());
    const file = Float32Array.from([9, 9, 1, 2, 3, 9]);
    const view = file.subarray(2, 5);
    await engine.put(new Map([['state', { dtype: 'float32', dims: [3], data: view }]]));
    for (let i = 0; i < 3; i++) {
      await engine.run(model, {
        feeds: { x: float32([3], [1, 1, 1]) },
        resident: ['state'],
        keep: { next: 'state' },
        fetch: [],
      });
    }
    expect(Array.from(file)).toEqual([9, 9, 1, 2, 3, 9]);
  });

  it('runs requests in the order they came', async () => {
    const model = await engine.load(accumulator());
    await engine.put(new Map([['state', float32([3], [0, 0, 0])]]));
    const runs = [1, 2, 3].map((v) =>
      engine.run(model, {
        feeds: { x: float32([3], [v, 0, 0]) },
        resident: ['state'],
        keep: { next: 'state' },
        fetch: ['sum'],
      }),
    );
    expect((await Promise.all(runs)).map((out) => Number(out['sum'].data[0]))).toEqual([1, 3, 6]);
  });

  it("reports ONNX Runtime's refusals as typed errors and goes on", async () => {
    await expect(engine.load(new Uint8Array([8, 1]))).rejects.toThrow(RuntimeError);
    const model = await engine.load(accumulator());
    const wrong = engine.run(model, {
      feeds: { x: float32([2], [1, 2]), state: float32([3], [0, 0, 0]) },
      fetch: ['sum'],
    });
    await expect(wrong).rejects.toThrow(/ONNX Runtime failed to run the graph/);
    await expect(engine.get(['nothing'])).rejects.toThrow(/nothing/);
    const out = await engine.run(model, {
      feeds: { x: float32([3], [1, 2, 3]), state: float32([3], [0, 0, 0]) },
      fetch: ['sum'],
    });
    expect(out['sum'].data[0]).toBe(6);
  });

  it('rejects what is in flight when closed, and everything after', async () => {
    const other = new Engine({ threads: 1 });
    const model = await other.load(slowModel());
    const running = other.run(model, { feeds: { x: float32([], [1]) }, fetch: ['sum'] });
    const waiting = other.get(['nothing']);
    const settled = Promise.allSettled([running, waiting]);
    await other.close();
    for (const outcome of await settled) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'RUNTIME' } });
      expect(outcome.status === 'rejected' && outcome.reason.message).toMatch(/it was closed/);
    }
    await expect(other.run(model, { fetch: [] })).rejects.toThrow(RuntimeError);
    await other.close();
  });

  it('comes back from close() with a run in progress, though nothing else keeps the process alive', async () => {
    const program = `
      import { Engine } from ${JSON.stringify(new URL('../../src/runtime/index.ts', import.meta.url).href)};
      const engine = new Engine({ threads: 1 });
      const model = await engine.load(Buffer.from(process.argv[1], 'base64'));
      const x = { dtype: 'float32', dims: [], data: Float32Array.of(1) };
      const running = engine.run(model, { feeds: { x }, fetch: ['sum'] }).catch((error) => error.message);
      try {
        await engine.close();
        console.log('closed:', await running);
      } finally {
        console.log('finally');
      }`;
    const tsx = new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...['--import', tsx, '--input-type=module', '--eval', program],
      Buffer.from(encodeModel(slowModel())).toString('base64'),
    ]);
    expect(stdout).toBe('closed: The engine stopped: it was closed.\nfinally\n');
  });

  it('keeps nothing waiting for a request that cannot be sent', async () => {
    const other = new Engine({ threads: 1 });
    const model = await other.load(accumulator());
    const unsendable = { dtype: 'float32', dims: [3], data: new Float32Array(3), note: () => {} } as const;
    await expect(other.run(model, { feeds: { x: unsendable }, fetch: ['sum'] })).rejects.toThrow(/cloned/);
    await other.close();
  });

  it('refuses a fractional number of threads', () => {
    expect(() => new Engine({ threads: 0.5 })).toThrow(RuntimeError);
  });
});
