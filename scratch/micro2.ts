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
for (const S of [[512,512,1,1],[512,512],[262144],[32,64,48,32]]) {
  await bench(`Mul ${S} x []`, { x: S, l: [] }, (g, v) => [g.op('Mul', [v.x!, v.l!])]);
  await bench(`Mul ${S} x [1]`, { x: S, l: [1] }, (g, v) => [g.op('Mul', [v.x!, v.l!])]);
  await bench(`Mul [] x ${S}`, { x: S, l: [] }, (g, v) => [g.op('Mul', [v.l!, v.x!])]);
  await bench(`Mul [1,1,1,1] x ${S}`, { x: S, l: [1,1,1,1] }, (g, v) => [g.op('Mul', [v.l!, v.x!])]);
  await bench(`Mul const x ${S}`, { x: S }, (g, v) => [g.op('Mul', [v.x!, g.scalar(0.9)])]);
  await bench(`Add x ${S}`, { x: S, y: S }, (g, v) => [g.op('Add', [v.x!, v.y!])]);
  await bench(`Add scalar x ${S}`, { x: S }, (g, v) => [g.op('Add', [v.x!, g.scalar(0.9)])]);
  await bench(`Div scalar x ${S}`, { x: S }, (g, v) => [g.op('Div', [v.x!, g.scalar(0.9)])]);
}
