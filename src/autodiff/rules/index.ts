/** @file All gradient rules by operator, and the operators that have none by nature. */
import { randomOperators } from '../../onnx/index.ts';
import type { VjpTable } from '../vjp.ts';
import { activations } from './activation.ts';
import { classificationLosses } from './classificationLoss.ts';
import { convolutions } from './convolution.ts';
import { einsums } from './einsum.ts';
import { elementwise } from './elementwise.ts';
import { fused } from './fused.ts';
import { gridSampling } from './gridSample.ts';
import { groupNormalizations } from './groupNormalization.ts';
import { indexing } from './indexing.ts';
import { linalg } from './linalg.ts';
import { movement } from './movement.ts';
import { normalizations } from './normalization.ts';
import { padding } from './padding.ts';
import { pooling } from './pooling.ts';
import { quantization } from './quantization.ts';
import { recurrence } from './recurrent.ts';
import { reductions } from './reduction.ts';
import { resizing } from './resize.ts';
import { signals } from './signal.ts';

/** Without a prototype, so that no operator name of a file finds anything but a rule. */
export const vjpRules: VjpTable = Object.assign(Object.create(null) as Record<string, never>, {
  ...elementwise,
  ...activations,
  ...reductions,
  ...movement,
  ...padding,
  ...indexing,
  ...linalg,
  ...einsums,
  ...convolutions,
  ...pooling,
  ...resizing,
  ...normalizations,
  ...groupNormalizations,
  ...classificationLosses,
  ...signals,
  ...quantization,
  ...gridSampling,
  ...fused,
  ...recurrence,
});

/** Their gradient is zero wherever it exists, or their result is no float: the pass stops here. */
export const nonDifferentiable: ReadonlySet<string> = new Set([
  ...['ArgMax', 'ArgMin', 'Ceil', 'Floor', 'Round', 'Sign', 'Hardmax', 'IsInf', 'IsNaN', 'NonZero'],
  ...['Shape', 'Size', 'Range', 'OneHot', 'Constant', 'ConstantOfShape', 'EyeLike'],
  ...randomOperators,
  ...['BitShift', 'BitwiseAnd', 'BitwiseNot', 'BitwiseOr', 'BitwiseXor', 'QuantizeLinear'],
  ...['HannWindow', 'HammingWindow', 'BlackmanWindow', 'MelWeightMatrix'],
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'And', 'Or', 'Xor', 'Not'],
]);
