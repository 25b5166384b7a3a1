import { bench, NC, consts } from './micro3.ts';
const ci = (...v: number[]) => ({ dtype: 'int64', dims: [v.length], data: BigInt64Array.from(v, BigInt) });
for (const [N, C, H, W, K] of [[8, 64, 56, 56, 64], [8, 128, 28, 28, 128], [8, 256, 14, 14, 256], [8, 512, 7, 7, 512], [16,512,4,4,512]] as const) {
  const fl = 2 * N * H * W * C * K * 9;
  const x = [N, C, H, W]; const w = [K, C, 3, 3];
  console.log('== ' + x);
  await bench('conv3x3 nchw', { x, w }, [{ op: 'Conv', in: ['x', 'w'], out: ['y'], attrs: { pads: [1, 1, 1, 1] } }], ['y'], false, fl);
  consts['ci'] = ci(0); 
  await bench('reorder in', { x }, [{ op: 'ReorderInput', domain: NC, in: ['x'], out: ['y'] }], ['y']);
  await bench('reorder out', { x }, [{ op: 'ReorderOutput', domain: NC, in: ['x'], out: ['y'], attrs: { channels: C } }], ['y']);
  await bench('conv3x3 nchwc', { x, w }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'], attrs: { pads: [1, 1, 1, 1] } }], ['y'], true, fl);
  await bench('conv3x3 nchwc s2', { x, w }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'], attrs: { pads: [1, 1, 1, 1], strides: [2, 2] } }], ['y'], true, fl / 4);
  await bench('conv1x1 nchwc', { x, w: [K, C, 1, 1] }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'] }], ['y'], true, fl / 9);
  await bench('conv1x1 nchw', { x, w: [K, C, 1, 1] }, [{ op: 'Conv', in: ['x', 'w'], out: ['y'] }], ['y'], true, fl / 9);
  await bench('affine nchwc', { x, w: [C, 1, 1, 1], b: [C] }, [{ op: 'Conv', domain: NC, in: ['x', 'w', 'b'], out: ['y'], attrs: { group: C } }], ['y'], true);
  await bench('affine+sum+relu nchwc', { x, w: [C, 1, 1, 1], b: [C], z: x }, [{ op: 'Relu', in: ['z'], out: ['zz'] }, { op: 'Conv', domain: NC, in: ['x', 'w', 'b', 'zz'], out: ['y'], attrs: { group: C, activation: 'Relu' } }], ['y'], true);
  const one = [1, N * C, H, W], ker = [N * C, 1, H, W];
  await bench('dot nchwc', { x: one, w: ker }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'], attrs: { group: N * C } }], ['y'], true);
  await bench('depthwise dW nchwc', { x: one, w: ker }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'], attrs: { group: N * C, pads: [1, 1, 1, 1] } }], ['y'], true);
  await bench('depthwise fwd nchwc', { x, w: [C, 1, 3, 3] }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'], attrs: { group: C, pads: [1, 1, 1, 1] } }], ['y'], true);
  await bench('depthwise fwd nchw', { x, w: [C, 1, 3, 3] }, [{ op: 'Conv', in: ['x', 'w'], out: ['y'], attrs: { group: C, pads: [1, 1, 1, 1] } }], ['y'], true);
  await bench('gap nchwc', { x }, [{ op: 'GlobalAveragePool', domain: NC, in: ['x'], out: ['y'] }], ['y'], true);
  await bench('maxpool nchwc', { x }, [{ op: 'MaxPool', domain: NC, in: ['x'], out: ['y'], attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] } }], ['y'], true);
}
