import * as ort from 'onnxruntime-node';
import { sgd } from '../src/autodiff/index.ts';
import { Random, sizeOf } from '../src/core/index.ts';
import { initializeParameters } from '../src/networks/index.ts';
import { encodeModel } from '../src/onnx/index.ts';
import { buildStepGraph } from '../src/training/index.ts';
import { stepCases } from '../bench/stepCases.ts';
for (const name of process.argv.slice(2)) {
  const { network, batch: b0, picture, frozenStatistics } = stepCases[name]!();
  const batch = Number(process.env.BATCH ?? b0);
  const [rows, columns] = picture;
  const res: any[] = [];
  for (const [blockSize, eps] of [[null, 0], [null, 1e-6]] as const) {
    const step = buildStepGraph({ network, statistics: { mean: new Array(rows).fill(0), deviation: new Array(rows).fill(1) }, batchSize: batch, nMels: rows, nFrames: columns, optimizer: sgd({}), clipNorm: null, trainable: () => true, frozenStatistics, blockSize });
    const random = new Random(1);
    const T = (shape: readonly number[], f: () => number) => new ort.Tensor('float32', Float32Array.from({ length: sizeOf(shape) }, f), shape as number[]);
    const targets = new Float32Array(batch * network.classes); for (let i = 0; i < batch; i++) targets[i * network.classes + (i % network.classes)] = 1 / batch;
    const feeds: Record<string, ort.Tensor> = { x: (() => { const t = T([batch, 1, rows, columns], () => random.normal()); const r2 = new Random(5); const d = t.data as Float32Array; for (let i = 0; i < d.length; i++) d[i]! *= 1 + eps * (r2.uniform() - 0.5); return t; })(), targets: new ort.Tensor('float32', targets, [batch, network.classes]), learning_rate: new ort.Tensor('float32', [1], []) };
    for (const n of step.noise) feeds[n.name] = T(n.shape, () => random.uniform());
    for (const [k, v] of initializeParameters(step.parameters, random)) feeds[k] = new ort.Tensor('float32', v.data as Float32Array, v.dims as number[]);
    for (const [k, s] of step.slots) feeds[k] = T(s, () => 0);
    const s = await ort.InferenceSession.create(encodeModel(step.model), { intraOpNumThreads: 2, logSeverityLevel: 3 } as any);
    const out = await s.run(feeds); res.push([out, feeds, step]);
  }
  const [[a, feeds, step], [b]] = res;
  let worst: [number, string] = [0, '']; const all: [number, string][] = [];
  for (const k of Object.keys(a)) {
    const p = step.keep[k]; const base = p ? feeds[p]!.data : null;
    let d = 0, m = 0; for (let i = 0; i < a[k].data.length; i++) { const o = base ? base[i] : 0; d = Math.max(d, Math.abs(a[k].data[i] - b[k].data[i])); m = Math.max(m, Math.abs(a[k].data[i] - o)); }
    all.push([d / (m || 1), k]);
  }
  all.sort((x, y) => y[0] - x[0]);
  console.log(name, 'loss', a.loss.data[0], b.loss.data[0], all.slice(0, 5).map(([d, k]) => `${k} ${d.toExponential(1)}`).join(', '), 'median', all[all.length >> 1]![0].toExponential(1));
}
