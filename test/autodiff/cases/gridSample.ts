/** @file Rows of the rule table: GridSample. */
import { Random } from '../../../src/core/index.ts';
import type { RuleCase } from './ruleCase.ts';

interface Form {
  readonly mode: string;
  readonly padding: string;
  readonly aligned: number;
  readonly opset?: number;
  readonly volume?: boolean;
}

/**
 * Points of a grid, four or eight for each of two pictures, some beyond the picture. Each lies 0.3 behind a place of
 * whole numbers, away from where a tap changes or padding folds.
 */
function gridOf(spatial: readonly number[], aligned: boolean): number[] {
  const random = new Random('grid');
  const coordinate = (size: number) => {
    const at = Math.floor(random.uniform(-2, size + 1)) + 0.3;
    return aligned ? (2 * at) / (size - 1) - 1 : (2 * at + 1) / size - 1;
  };
  const points = 2 ** (spatial.length + 1);
  return Array.from({ length: points }, () => [...spatial].reverse().map(coordinate)).flat();
}

function row({ mode, padding, aligned, opset, volume = false }: Form): RuleCase {
  const spatial = volume ? [2, 3, 4] : [4, 5];
  const dims = [2, ...spatial.map(() => 2), spatial.length];
  return {
    op: 'GridSample',
    variant: `${volume ? 'volume, ' : ''}${mode}, ${padding}${aligned ? ', corners aligned' : ''}${opset ? `, opset ${opset}` : ''}`,
    shapes: [[2, 2, ...spatial], dims],
    dtype: 'float32',
    range: [-1, 1],
    ...(opset === undefined ? {} : { opset }),
    build: (g, [x, offset]) => {
      const data = Float32Array.from(gridOf(spatial, aligned === 1));
      const grid = g.op('Add', [
        g.constant({ dtype: 'float32', dims, data }),
        g.op('Mul', [offset!, g.scalar(0.02)]),
      ]);
      return g.op('GridSample', [x!, grid], { mode, padding_mode: padding, align_corners: aligned });
    },
  };
}

const paddings = ['zeros', 'border', 'reflection'];

export const gridSampleCases: readonly RuleCase[] = [
  ...['linear', 'cubic'].flatMap((mode) =>
    paddings.flatMap((padding) => [0, 1].map((aligned) => row({ mode, padding, aligned }))),
  ),
  ...paddings.map((padding) => ({ ...row({ mode: 'nearest', padding, aligned: 0 }), wrt: [0] })),
  row({ mode: 'bilinear', padding: 'zeros', aligned: 0, opset: 16 }),
  ...paddings.map((padding) => row({ mode: 'linear', padding, aligned: 1, volume: true })),
];
