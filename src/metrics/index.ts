/** @module earshot/metrics: truth and predictions in, numbers out, with scikit-learn's definitions. */
export * from './accuracy.ts';
export * from './calibration.ts';
export * from './classificationReport.ts';
export * from './conformal.ts';
export * from './confusionMatrix.ts';
export * from './curves.ts';
export * from './labels.ts';
export * from './logLoss.ts';
export * from './multiclassAreas.ts';
export * from './precisionRecallFscore.ts';
export * from './probabilities.ts';
export * from './riskCoverage.ts';
export * from './topKAccuracy.ts';
