/** @module earshot/evaluation: from predictions to scores with intervals, and the reports that state them. */
export * from './crossValidation.ts';
export * from './evaluatePredictions.ts';
export * from './evaluation.ts';
export * from './predictionsCsv.ts';
export * from './predictionTable.ts';
