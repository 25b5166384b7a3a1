import type { RuleCase } from './ruleCase.ts';

export const linalgCases: readonly RuleCase[] = [
  {
    op: 'MatMul',
    variant: 'matrices',
    shapes: [
      [3, 4],
      [4, 2],
    ],
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'matrices, float32',
    shapes: [
      [3, 4],
      [4, 2],
    ],
    dtype: 'float32',
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'batch times matrix',
    shapes: [
      [2, 3, 4],
      [4, 2],
    ],
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'batch times matrix, float32',
    shapes: [
      [2, 3, 4],
      [4, 2],
    ],
    dtype: 'float32',
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'matrix times batch',
    shapes: [
      [3, 4],
      [2, 4, 2],
    ],
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'batches stretch',
    shapes: [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
    build: (g, x) => g.op('MatMul', x),
  },
  { op: 'MatMul', variant: 'vector left', shapes: [[4], [2, 4, 3]], build: (g, x) => g.op('MatMul', x) },
  { op: 'MatMul', variant: 'vector right', shapes: [[2, 3, 4], [4]], build: (g, x) => g.op('MatMul', x) },
  { op: 'MatMul', variant: 'two vectors', shapes: [[4], [4]], build: (g, x) => g.op('MatMul', x) },
  ...[
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ].map(
    ([transA, transB]): RuleCase => ({
      op: 'Gemm',
      variant: `transA ${transA}, transB ${transB}`,
      shapes: [transA ? [4, 3] : [3, 4], transB ? [2, 4] : [4, 2], [2]],
      dtype: 'float32',
      build: (g, x) => g.op('Gemm', x, { transA: transA!, transB: transB!, alpha: 0.5, beta: 2 }),
    }),
  ),
  ...[
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ].flatMap(([transA, transB]): RuleCase[] =>
    (
      [
        ['matrices', [], []],
        ['batches', [2, 3], [2, 3]],
        ['one right matrix', [2, 3], []],
        ['batches stretch', [2, 1], [3]],
      ] as const
    ).map(
      ([variant, left, right]): RuleCase => ({
        op: 'FusedMatMul',
        variant: `transA ${transA}, transB ${transB}, ${variant}`,
        shapes: [
          [...left, ...(transA ? [4, 3] : [3, 4])],
          [...right, ...(transB ? [2, 4] : [4, 2])],
        ],
        dtype: 'float32',
        build: (g, x) =>
          g.op(
            'FusedMatMul',
            x,
            { transA: transA!, transB: transB!, alpha: variant === 'matrices' ? 0.5 : 1 },
            { domain: 'com.microsoft' },
          ),
      }),
    ),
  ),
  {
    op: 'Gemm',
    variant: 'no bias',
    shapes: [
      [3, 4],
      [4, 2],
    ],
    build: (g, x) => g.op('Gemm', x),
  },
  {
    op: 'Gemm',
    variant: 'bias per row',
    shapes: [
      [3, 4],
      [4, 2],
      [3, 1],
    ],
    build: (g, x) => g.op('Gemm', x),
  },
  { op: 'Gemm', variant: 'scalar bias', shapes: [[3, 4], [4, 2], []], build: (g, x) => g.op('Gemm', x) },
  ...(
    [
      ['matrix product', 'ij,jk->ik', [3, 4], [4, 2]],
      ['attention scores', 'bqhd,bkhd->bhqk', [2, 3, 2, 4], [2, 5, 2, 4]],
      ['weighted mean', 'nth,ntd->nhd', [2, 5, 3], [2, 5, 4]],
      ['outer product', 'i,j->ij', [3], [4]],
      ['inner product', 'i,i->', [4], [4]],
      ['implicit output', 'ba,cb', [3, 4], [2, 3]],
      ['index summed in one operand', 'ijk,j->i', [2, 3, 4], [3]],
      ['elementwise and transposed', 'ij,ij->ji', [3, 4], [3, 4]],
      ['ellipsis', '...ij,...jk->...ik', [2, 3, 4], [2, 4, 2]],
      ['ellipsis, ranks differ', '...ij,jk->...ik', [2, 2, 3, 4], [4, 2]],
      ['diagonal', 'ii,i->i', [3, 3], [3]],
      ['trace', 'bii,b->b', [2, 3, 3], [2]],
      ['spaces', 'i j , j k -> i k', [3, 4], [4, 2]],
    ] as const
  ).map(
    ([variant, equation, a, b]): RuleCase => ({
      op: 'Einsum',
      variant: `${variant}: ${equation}`,
      shapes: [a, b],
      build: (g, x) => g.op('Einsum', x, { equation }),
    }),
  ),
  {
    op: 'Einsum',
    variant: 'one operand: ijk->kj',
    shapes: [[2, 3, 4]],
    build: (g, x) => g.op('Einsum', x, { equation: 'ijk->kj' }),
  },
  {
    op: 'Einsum',
    variant: 'three operands: ij,jk,kl->il',
    shapes: [
      [2, 3],
      [3, 4],
      [4, 2],
    ],
    build: (g, x) => g.op('Einsum', x, { equation: 'ij,jk,kl->il' }),
  },
];
