/** @file One row per operator form: how to build it, at which inputs to check it. Keys of a row: operator, variant. */
import { activationCases } from './cases/activation.ts';
import { convolutionCases } from './cases/convolution.ts';
import { elementwiseCases } from './cases/elementwise.ts';
import { fusedCases } from './cases/fused.ts';
import { gridSampleCases } from './cases/gridSample.ts';
import { indexingCases } from './cases/indexing.ts';
import { linalgCases } from './cases/linalg.ts';
import { lossCases } from './cases/loss.ts';
import { movementCases } from './cases/movement.ts';
import { normalizationCases } from './cases/normalization.ts';
import { poolingCases } from './cases/pooling.ts';
import { recurrenceCases } from './cases/recurrence.ts';
import { reductionCases } from './cases/reduction.ts';
import { resizeCases } from './cases/resize.ts';
import type { RuleCase } from './cases/ruleCase.ts';
import { signalCases } from './cases/signal.ts';

export { inputsOf, type RuleCase } from './cases/ruleCase.ts';

export const ruleCases: readonly RuleCase[] = [
  ...elementwiseCases,
  ...activationCases,
  ...reductionCases,
  ...movementCases,
  ...indexingCases,
  ...linalgCases,
  ...convolutionCases,
  ...poolingCases,
  ...resizeCases,
  ...normalizationCases,
  ...lossCases,
  ...signalCases,
  ...recurrenceCases,
  ...gridSampleCases,
  ...fusedCases,
];
