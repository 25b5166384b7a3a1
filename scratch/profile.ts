import * as ort from 'onnxruntime-node';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { sgd } from '../src/autodiff/index.ts';
import { float32, Random, sizeOf } from '../src/core/index.ts';
import { initializeParameters } from '../src/networks/index.ts';
import { encodeModel } from '../src/onnx/index.ts';
import { buildStepGraph } from '../src/training/index.ts';
import { stepCases } from '../bench/stepCases.ts';
const name = process.argv[2]!;
const { network, batch, picture, frozenStatistics } = stepCases[name]!();
const [rows, columns] = picture;
const step = buildStepGraph({ network, statistics: { mean: new Array(rows).fill(0), deviation: new Array(rows).fill(1) }, batchSize: batch, nMels: rows, nFrames: columns, optimizer: sgd({ momentum: 0.9 }), clipNorm: null, trainable: () => true, frozenStatistics, blockSize: process.env.BLOCKED === '0' ? null : 16 });
const random = new Random(1);
const T = (shape: readonly number[], f: () => number) => new ort.Tensor('float32', Float32Array.from({ length: sizeOf(shape) }, f), shape as number[]);
const targets = new Float32Array(batch * network.classes); for (let i = 0; i < batch; i++) targets[i * network.classes + (i % network.classes)] = 1 / batch;
const feeds: Record<string, ort.Tensor> = { x: T([batch, 1, rows, columns], () => random.normal()), targets: new ort.Tensor('float32', targets, [batch, network.classes]), learning_rate: new ort.Tensor('float32', [0.001], []) };
for (const n of step.noise) feeds[n.name] = T(n.shape, () => random.uniform());
for (const [k, v] of initializeParameters(step.parameters, random)) feeds[k] = new ort.Tensor('float32', v.data as Float32Array, v.dims as number[]);
for (const [k, s] of step.slots) feeds[k] = T(s, () => 0);
const bytes = encodeModel(step.model);
writeFileSync(`/tmp/prof/${name}.onnx`, bytes);
const profiled = process.argv.includes('--profile');
const opts: any = { intraOpNumThreads: 2, graphOptimizationLevel: 'all', logSeverityLevel: 3, enableProfiling: profiled, enableMemPattern: false, profileFilePrefix: `/tmp/prof/${name}`, ...JSON.parse(process.env.OPTS ?? '{}') };
if (process.argv.includes('--dump')) opts.optimizedModelFilePath = `/tmp/prof/${name}.opt.onnx`;
const s = await ort.InferenceSession.create(bytes, opts);
const spare: Record<string, ort.Tensor | null> = {};
for (const o of s.outputNames) { const r = step.keep[o]; spare[o] = r ? new ort.Tensor('float32', new Float32Array(feeds[r]!.data.length), feeds[r]!.dims) : null; }
await s.run(feeds, spare); 
const times: number[] = [];
for (let i = 0; i < Number(process.env.N ?? 4); i++) { const t = performance.now(); await s.run(feeds, spare); times.push(performance.now() - t); }
console.log(name, 'ms', times.map((t) => t.toFixed(0)).join(' '), 'items/s', (1000 * batch / Math.min(...times)).toFixed(1), 'rss peak', /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]! );
if (profiled) {
  s.endProfiling();
  const file = readdirSync('/tmp/prof').filter((f) => f.startsWith(`${name}_`) && f.endsWith('.json')).sort().at(-1)!;
  const ev = JSON.parse(readFileSync(`/tmp/prof/${file}`, 'utf8')) as any[];
  const kern = ev.filter((e) => e.cat === 'Node' && e.name.endsWith('_kernel_time'));
  const runs = Number(process.env.N ?? 4) + 1;
  const per = new Map<string, [number, number]>();
  const perShape = new Map<string, [number, number]>();
  for (const e of kern) {
    const k = e.args.op_name; const p = per.get(k) ?? [0, 0]; p[0] += e.dur; p[1]++; per.set(k, p);
    const sh = k + ' ' + JSON.stringify(e.args.input_type_shape?.map((x: any) => Object.values(x)[0]).map((a: any) => a.join('x')).slice(0, 3)) ; const q = perShape.get(sh) ?? [0, 0]; q[0] += e.dur; q[1]++; perShape.set(sh, q);
  }
  const mins = new Map<string, any>();
  for (const e of kern) { const m = mins.get(e.name); if (!m || e.dur < m.dur) mins.set(e.name, e); }
  per.clear(); perShape.clear();
  for (const e of mins.values()) {
    const k = e.args.op_name; const p = per.get(k) ?? [0, 0]; p[0] += e.dur * runs; p[1] += runs; per.set(k, p);
    const sh = k + ' ' + JSON.stringify(e.args.input_type_shape?.map((x: any) => Object.values(x)[0]).map((a: any) => a.join('x')).slice(0, 3)) ; const q = perShape.get(sh) ?? [0, 0]; q[0] += e.dur * runs; q[1] += runs; perShape.set(sh, q);
  }
  console.log('sum of minima', [...mins.values()].reduce((a, e) => a + e.dur, 0) / 1000);
  const total = kern.reduce((a, e) => a + e.dur, 0) / runs / 1000;
  console.log('kernels ms/step', total.toFixed(0));
  for (const [k, [d, n]] of [...per].sort((a, b) => b[1][0] - a[1][0]).slice(0, 22)) console.log(k.padEnd(34), (d / runs / 1000).toFixed(1).padStart(8), 'ms', (n / runs).toFixed(0).padStart(5));
  console.log('---');
  for (const [k, [d, n]] of [...perShape].sort((a, b) => b[1][0] - a[1][0]).slice(0, Number(process.env.TOP ?? 30))) console.log((d / runs / 1000).toFixed(2).padStart(8), 'ms', (n / runs).toFixed(0).padStart(4), k);
  const last = kern.slice(-kern.length / runs);
  writeFileSync(`/tmp/prof/${name}.order.txt`, last.map((e: any) => `${e.name} ${e.dur} ${JSON.stringify(e.args.output_type_shape)}`).join('\n'));
}
