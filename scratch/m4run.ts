import { bench, NC, consts } from './micro3.ts';
const ci = (...v: number[]) => ({ dtype: 'int64', dims: [v.length], data: BigInt64Array.from(v, BigInt) });
const MS = 'com.microsoft';
for (const [N, C, H, W, O] of [[8, 64, 56, 56, 64], [8, 128, 28, 28, 128], [8, 256, 14, 14, 256], [8, 512, 7, 7, 512], [16, 64, 32, 32, 64]] as const) {
  const P = H * W; const fl = 2 * N * P * C * O;
  console.log('== ' + [N, C, H, W, O]);
  await bench('batched transB', { a: [N, O, P], b: [N, C, P] }, [{ op: 'FusedMatMul', domain: MS, in: ['a', 'b'], out: ['y'], attrs: { transB: 1 } }], ['y'], false, fl);
  await bench('nhwc transA', { a: [N * P, O], b: [N * P, C] }, [{ op: 'FusedMatMul', domain: MS, in: ['a', 'b'], out: ['y'], attrs: { transA: 1 } }], ['y'], false, fl);
  await bench('nhwc batched transA', { a: [N, P, O], b: [N, P, C] }, [{ op: 'FusedMatMul', domain: MS, in: ['a', 'b'], out: ['y'], attrs: { transA: 1 } }], ['y'], false, fl);
  await bench('side by side transB', { a: [O, N * P], b: [C, N * P] }, [{ op: 'FusedMatMul', domain: MS, in: ['a', 'b'], out: ['y'], attrs: { transB: 1 } }], ['y'], false, fl);
  await bench('nhwc transA 9 wide', { a: [N * P, O], b: [N * P, 9 * C] }, [{ op: 'FusedMatMul', domain: MS, in: ['a', 'b'], out: ['y'], attrs: { transA: 1 } }], ['y'], false, 9 * fl);
  await bench('reorder out nhwc', { x: [N, C, H, W] }, [{ op: 'ReorderOutput', domain: NC, in: ['x'], out: ['y'], attrs: { channels: C, channels_last: 1 } }], ['y'], true);
  Object.assign(consts, { s0: ci(1, 1), e0: ci(H + 1, W + 1), ax: ci(1, 2), ax2: ci(2, 3) });
  await bench('slice nhwc', { x: [N, H + 2, W + 2, C] }, [{ op: 'Slice', in: ['x', 's0', 'e0', 'ax'], out: ['y'] }], ['y'], true);
  await bench('slice nchw', { x: [N, C, H + 2, W + 2] }, [{ op: 'Slice', in: ['x', 's0', 'e0', 'ax2'], out: ['y'] }], ['y'], true);
  await bench('weight T 64B [O16,I16,16,9,16]', { x: [O / 16, C / 16, 16, 9, 16] }, [{ op: 'Transpose', in: ['x'], out: ['y'], attrs: { perm: [0, 1, 3, 2, 4] } }], ['y'], true);
  await bench('weight T dX', { x: [O / 16, 16, C / 16, 9, 16] }, [{ op: 'Transpose', in: ['x'], out: ['y'], attrs: { perm: [2, 0, 3, 1, 4] } }], ['y'], true);
  await bench('weight reorder in', { x: [O / 16, 16, C, 9] }, [{ op: 'ReorderInput', domain: NC, in: ['x'], out: ['y'] }], ['y'], true);
  await bench('weight reorder in2', { x: [O, C, 3, 3] }, [{ op: 'ReorderInput', domain: NC, in: ['x'], out: ['y'] }], ['y'], true);
  await bench('assemble T', { x: [9, O, C] }, [{ op: 'Transpose', in: ['x'], out: ['y'], attrs: { perm: [1, 2, 0] } }], ['y'], true);
  await bench('assemble reorder', { x: [O * C / 16, 16, 3, 3] }, [{ op: 'ReorderOutput', domain: NC, in: ['x'], out: ['y'], attrs: { channels: 16 } }], ['y'], true);
  const parts = Array.from({ length: 9 }, (_, i) => `p${i}`);
  await bench('assemble concat', Object.fromEntries(parts.map((p) => [p, [O * C / 16, 1, 16]])), [{ op: 'Concat', in: parts, out: ['y'], attrs: { axis: 1 } }], ['y'], true);
}
await bench('stem conv nchw', { x: [8, 1, 224, 224], w: [64, 1, 7, 7] }, [{ op: 'Conv', in: ['x', 'w'], out: ['y'], attrs: { pads: [3, 3, 3, 3], strides: [2, 2] } }], ['y']);
await bench('stem conv nchwc', { x: [8, 1, 224, 224], w: [64, 1, 7, 7] }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'], attrs: { pads: [3, 3, 3, 3], strides: [2, 2] } }], ['y'], true);
