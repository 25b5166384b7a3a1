/** @file All gradient rules by operator, and the operators that have none by nature. */
import type { VjpTable } from '../vjp.ts';
import { convolutions } from './convolution.ts';
import { elementwise } from './elementwise.ts';
import { linalg } from './linalg.ts';
import { movement } from './movement.ts';
import { normalizations } from './normalization.ts';
import { pooling } from './pooling.ts';
import { reductions } from './reduction.ts';

export const vjpRules: VjpTable = {
  ...elementwise,
  ...reductions,
  ...movement,
  ...linalg,
  ...convolutions,
  ...pooling,
  ...normalizations,
};

/** Their gradient is zero wherever it exists, or their result is no float: the pass stops here. */
export const nonDifferentiable: ReadonlySet<string> = new Set([
  ...[
    'ArgMax',
    'ArgMin',
    'Ceil',
    'Floor',
    'Round',
    'Sign',
    'Shape',
    'Size',
    'Range',
    'OneHot',
    'ConstantOfShape',
  ],
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or', 'Xor', 'Not', 'Constant'],
]);
