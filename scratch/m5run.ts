import { bench, NC, consts } from './micro3.ts';
const ci = (...v: number[]) => ({ dtype: 'int64', dims: [v.length], data: BigInt64Array.from(v, BigInt) });
const MS = 'com.microsoft';
for (const [N, C, H, W, O] of [[8, 64, 56, 56, 64], [8, 128, 28, 28, 128], [8, 256, 14, 14, 256], [8, 512, 7, 7, 512], [16, 64, 32, 32, 64], [16, 128, 16, 16, 128], [16, 256, 8, 8, 256], [16, 512, 4, 4, 512]] as const) {
  const P = H * W; const fl = 9 * 2 * N * P * C * O;
  console.log('== ' + [N, C, H, W, O]);
  await bench('dW as nchwc conv', { x: [C, N, H + 2, W + 2], w: [O, N, H, W] }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'] }], ['y'], true, fl);
  if (N === 8) await bench('dW as nchwc conv, N padded 16', { x: [C, 16, H + 2, W + 2], w: [O, 16, H, W] }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'] }], ['y'], true, fl);
  if (N === 16) await bench('dW as nchwc conv, N 8+8', { x: [C, 8, H + 2, W + 2], w: [O, 8, H, W] }, [{ op: 'Conv', domain: NC, in: ['x', 'w'], out: ['y'] }], ['y'], true, fl / 2);
  Object.assign(consts, { s0: ci(1, 1), e0: ci(H + 1, W + 1), ax2: ci(2, 3) });
  await bench('1 of 9: slice + batched', { x: [N, C, H + 2, W + 2], a: [N, O, P] }, [{ op: 'Slice', in: ['x', 's0', 'e0', 'ax2'], out: ['b'] }, { op: 'Reshape', in: ['b', 'sh'], out: ['bb'] }, { op: 'FusedMatMul', domain: MS, in: ['a', 'bb'], out: ['y'], attrs: { transB: 1 } }].map((n) => { consts['sh'] = ci(N, C, P); return n; }), ['y'], false, fl / 9);
  await bench('swap [N,O/16,P,16]', { x: [N, O / 16, P, 16] }, [{ op: 'Transpose', in: ['x'], out: ['y'], attrs: { perm: [1, 0, 2, 3] } }], ['y']);
  await bench('swap plain', { x: [N, C, H, W] }, [{ op: 'Transpose', in: ['x'], out: ['y'], attrs: { perm: [1, 0, 2, 3] } }], ['y']);
  Object.assign(consts, { pads: ci(0, 0, 1, 1, 0, 0, 1, 1) });
  await bench('pad', { x: [N, C, H, W] }, [{ op: 'Pad', in: ['x', 'pads'], out: ['y'] }], ['y']);
}
