import * as ort from 'onnxruntime-node';
import { readdirSync, readFileSync, unlinkSync } from 'node:fs';
import { encodeModel } from '../src/onnx/index.ts';
const NC = 'com.microsoft.nchwc';
type N = { op: string; in: string[]; out: string[]; attrs?: any; domain?: string };
const attr = (v: any): any => typeof v === 'number' ? { kind: 'int', value: v } : typeof v === 'string' ? { kind: 'string', value: v } : { kind: 'ints', value: v };
export const f = (dims: number[]) => new ort.Tensor('float32', Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => Math.random() - 0.5), dims);
export async function bench(name: string, inputs: Record<string, number[]>, nodes: N[], outputs: string[], show = false, flop = 0) {
  const graph: any = { name: 'g', inputs: Object.entries(inputs).map(([n, s]) => ({ name: n, dtype: 'float32', shape: s })), outputs: outputs.map((n) => ({ name: n, dtype: 'float32', shape: null })), initializers: new Map(Object.entries(consts).map(([k, v]) => [k, v])), valueInfo: new Map(),
    nodes: nodes.map((n, i) => ({ name: `n${i}`, opType: n.op, domain: n.domain ?? '', inputs: n.in, outputs: n.out, attributes: Object.fromEntries(Object.entries(n.attrs ?? {}).map(([k, v]) => [k, attr(v)])), docString: '' })) };
  const model: any = { irVersion: 9, producerName: 'x', producerVersion: '', opsets: new Map([['', 20], ['com.microsoft', 1], [NC, 1]]), graph, metadata: new Map(), functions: [] };
  const feeds: Record<string, ort.Tensor> = {}; for (const [k, s] of Object.entries(inputs)) feeds[k] = f(s);
  try {
    const s = await ort.InferenceSession.create(encodeModel(model), { intraOpNumThreads: 2, graphOptimizationLevel: 'all', logSeverityLevel: 3, enableProfiling: true, profileFilePrefix: '/tmp/prof/micro' } as any);
    let r: any; for (let i = 0; i < 10; i++) r = await s.run(feeds);
    s.endProfiling();
    const file = readdirSync('/tmp/prof').filter((x) => x.startsWith('micro')).sort().at(-1)!;
    const ev = JSON.parse(readFileSync('/tmp/prof/' + file, 'utf8')) as any[]; unlinkSync('/tmp/prof/' + file);
    const m = new Map<string, number>();
    for (const e of ev) if (e.cat === 'Node' && e.name.endsWith('kernel_time')) m.set(e.args.op_name + '|' + e.name, Math.min(m.get(e.args.op_name + '|' + e.name) ?? 1e12, e.dur));
    const total = [...m.values()].reduce((a, b) => a + b, 0) / 1000;
    console.log(name.padEnd(40), total.toFixed(2), 'ms', flop ? (flop / total / 1e6).toFixed(0) + ' GFLOP/s' : '', [...m].map(([k, d]) => `${k.split('|')[0]} ${(d / 1000).toFixed(2)}`).join(', '), show ? JSON.stringify(r[outputs[0]!].dims) : '');
    return { feeds, r };
  } catch (e) { console.log(name, 'FAILED', (e as Error).message.slice(0, 300)); return null; }
}
export let consts: Record<string, any> = {};
export { NC };
