import * as ort from 'onnxruntime-node';
import { GraphBuilder, encodeModel, type Value } from '../src/onnx/index.ts';
const f = (dims: number[]) => new ort.Tensor('float32', Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.random() - 0.3), dims);
async function bench(name: string, shapes: Record<string, number[]>, build: (g: GraphBuilder, v: Record<string, Value>) => Value[]) {
  const g = new GraphBuilder();
  const v: Record<string, Value> = {}; const feeds: Record<string, ort.Tensor> = {};
  for (const [k, s] of Object.entries(shapes)) { v[k] = g.input(k, 'float32', s); feeds[k] = f(s); }
  try {
    const outs = build(g, v);
    // reduce outputs so that fetch costs little
    outs.forEach((o, i) => g.output(o, `out${i}`));
    const s = await ort.InferenceSession.create(encodeModel(g.model()), { intraOpNumThreads: 2, graphOptimizationLevel: 'all', logSeverityLevel: 3, enableProfiling: true, profileFilePrefix: '/tmp/prof/micro' } as any);
    for (let i = 0; i < 12; i++) await s.run(feeds);
    s.endProfiling();
    const { readdirSync, readFileSync, unlinkSync } = await import('node:fs');
    const file = readdirSync('/tmp/prof').filter((x) => x.startsWith('micro')).sort().at(-1)!;
    const ev = JSON.parse(readFileSync('/tmp/prof/' + file, 'utf8')) as any[]; unlinkSync('/tmp/prof/' + file);
    const m = new Map<string, number>();
    for (const e of ev) if (e.cat === 'Node' && e.name.endsWith('kernel_time')) m.set(e.args.op_name + '|' + e.name, Math.min(m.get(e.args.op_name + '|' + e.name) ?? 1e12, e.dur));
    const per = [...m].map(([k, d]) => `${k.split('|')[0]} ${(d / 1000).toFixed(2)}`);
    console.log(name.padEnd(40), ([...m.values()].reduce((a, b) => a + b, 0) / 1000).toFixed(2), 'ms :', per.join(', '));
  } catch (e) { console.log(name, 'FAILED', (e as Error).message.slice(0, 200)); }
}
const shapes: [number, number, number, number][] = (process.env.SHAPES ? JSON.parse(process.env.SHAPES) : [[8, 256, 56, 56], [8, 1024, 14, 14], [8, 64, 112, 112], [32, 64, 48, 32]]);
for (const S of shapes) {
  const [N, C, H, W] = S; const HW = H * W;
  console.log('==', S.join('x'));
  const xs = { x: S, dy: S };
  const small = (g: GraphBuilder, v: Value) => g.op('ReduceMax', [v, g.ints([0, 1, 2, 3])], { keepdims: 0 });
  void small;
  const ch = { s: [C], b: [C] };
  const red = (g: GraphBuilder, v: Value) => g.op('Slice', [v, g.ints([0]), g.ints([1]), g.ints([0])]);
  await bench('BN inference', { x: S, ...ch }, (g, v) => { const z = g.op('Mul', [v.s!, g.scalar(0)]); return [red(g, g.op('BatchNormalization', [v.x!, v.s!, v.b!, z, z], { epsilon: 1 }))]; });
  await bench('BN training', { x: S, ...ch, m: [C], w: [C] }, (g, v) => { const [y, m, w] = g.ops('BatchNormalization', [v.x!, v.s!, v.b!, v.m!, v.w!], { epsilon: 1e-5, training_mode: 1, momentum: 0 }, { outputs: 3 }); return [red(g, y!), m!, w!]; });
  const fc = (g: GraphBuilder, x: Value, s: Value, b: Value, z: Value | null, act?: string) => g.op('FusedConv', [x, g.op('Reshape', [s, g.ints([C, 1, 1, 1])]), b, ...(z ? [z] : [])], { kernel_shape: [1, 1], group: C, ...(act ? { activation: act } : {}) }, { domain: 'com.microsoft' });
  await bench('FusedConv dw1x1', { x: S, ...ch }, (g, v) => [red(g, fc(g, v.x!, v.s!, v.b!, null))]);
  await bench('FusedConv dw1x1 relu', { x: S, ...ch }, (g, v) => [red(g, fc(g, v.x!, v.s!, v.b!, null, 'Relu'))]);
  await bench('FusedConv dw1x1 +Z', { x: S, dy: S, ...ch }, (g, v) => [red(g, fc(g, v.x!, v.s!, v.b!, g.op('Relu', [v.dy!])))]);
  await bench('FusedConv dw1x1 +Z relu', { x: S, dy: S, ...ch }, (g, v) => [red(g, fc(g, v.x!, v.s!, v.b!, g.op('Relu', [v.dy!]), 'Relu'))]);












  await bench('Add', xs, (g, v) => [red(g, g.op('Add', [v.dy!, v.x!]))]);
  await bench('Relu', xs, (g, v) => [red(g, g.op('Relu', [v.x!]))]);
}
