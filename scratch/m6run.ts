import { bench, NC, consts } from './micro3.ts';
const ci = (...v: number[]) => ({ dtype: 'int64', dims: [v.length], data: BigInt64Array.from(v, BigInt) });
const MS = 'com.microsoft';
for (const [N, C, H, W, k, s, p] of [[32, 24, 32, 88, 2, 2, 0], [16, 64, 64, 64, 3, 2, 1]] as const) {
  const OH = Math.floor((H + 2 * p - k) / s) + 1, OW = Math.floor((W + 2 * p - k) / s) + 1;
  consts['os'] = ci(N, C, H, W);
  const at = { kernel_shape: [k, k], strides: [s, s], pads: [p, p, p, p] };
  await bench('maxpool', { x: [N, C, H, W] }, [{ op: 'MaxPool', in: ['x'], out: ['y'], attrs: at }], ['y']);
  await bench('maxpool idx', { x: [N, C, H, W] }, [{ op: 'MaxPool', in: ['x'], out: ['y', 'i'], attrs: at }], ['y']);
  await bench('maxunpool', { x: [N, C, H, W], dy: [N, C, OH, OW] }, [{ op: 'MaxPool', in: ['x'], out: ['y', 'i'], attrs: at }, { op: 'MaxUnpool', in: ['dy', 'i', 'os'], out: ['dx'], attrs: { ...at } }], ['dx']);
  consts['flat'] = ci(-1); consts['z'] = { dtype: 'float32', dims: [], data: new Float32Array(1) }; consts['size'] = ci(N * C * H * W);
  await bench('scatter', { x: [N, C, H, W], dy: [N, C, OH, OW] }, [{ op: 'MaxPool', in: ['x'], out: ['y', 'i'], attrs: at }, { op: 'Reshape', in: ['dy', 'flat'], out: ['f'] }, { op: 'Reshape', in: ['i', 'flat'], out: ['ii'] }, { op: 'Expand', in: ['z', 'size'], out: ['zz'] }, { op: 'ScatterElements', in: ['zz', 'ii', 'f'], out: ['dx'], attrs: { axis: 0 } }], ['dx']);
  await bench('scatter add', { x: [N, C, H, W], dy: [N, C, OH, OW] }, [{ op: 'MaxPool', in: ['x'], out: ['y', 'i'], attrs: at }, { op: 'Reshape', in: ['dy', 'flat'], out: ['f'] }, { op: 'Reshape', in: ['i', 'flat'], out: ['ii'] }, { op: 'Expand', in: ['z', 'size'], out: ['zz'] }, { op: 'ScatterElements', in: ['zz', 'ii', 'f'], out: ['dx'], attrs: { axis: 0, reduction: 'add' } }], ['dx']);
}
