/** @module earshot/classifiers: matrices in, labels out; fitted models as ONNX nodes. What runs in a browser too. */
export { type CalibratedClassifier, type CalibrationOptions, fitCalibrated } from './calibration.ts';
export {
  type Classifier,
  type ClassifierState,
  isProbabilistic,
  type ProbabilisticClassifier,
  type ProbabilityNodes,
  type ScoreNodes,
} from './classifier.ts';
export {
  crossFittedScores,
  type Fit,
  type FoldOptions,
  foldOfRows,
  type HeldOut,
  holdOut,
} from './crossFit.ts';
export { fitLinearSvm, type LinearSvm, type LinearSvmOptions } from './linearSvm.ts';
export {
  fitLogisticRegression,
  type LogisticRegression,
  type LogisticRegressionOptions,
} from './logisticRegression.ts';
export { type Matrix, type Matrix64, matrixOf, takeRows, zeros } from './matrix.ts';
export {
  fitNearestNeighbours,
  type NearestNeighbours,
  type NearestNeighboursOptions,
} from './nearestNeighbours.ts';
export { fitPca, type Pca, type PcaOptions } from './pca.ts';
export { pipeline } from './pipeline.ts';
export { fitRandomForest, type RandomForest, type RandomForestOptions } from './randomForest.ts';
export { fitRbfSvm, type RbfSvm, type RbfSvmOptions } from './rbfSvm.ts';
export { restoreClassifier, restoreTransform } from './restoreClassifier.ts';
export { softmaxRows } from './softmax.ts';
export { fitStandardScaler, type StandardScaler } from './standardScaler.ts';
export {
  appendTemperature,
  applyTemperature,
  fitMeanTemperature,
  fitTemperature,
} from './temperature.ts';
export { fitTempered, type TemperedClassifier } from './tempered.ts';
export type { ClassWeights } from './trainingLabels.ts';
export type { Transform } from './transform.ts';
export { type TriedSettings, type TuneOptions, type TuneResult, tune } from './tune.ts';
