/** @module earshot/evaluation: from predictions to scores with intervals, and the reports that state them. */
export * from './comparison/compareApproaches.ts';
export { accuracyDifference } from './comparison/comparePairs.ts';
export * from './comparison/comparison.ts';
export * from './crossValidation.ts';
export * from './evaluatePredictions.ts';
export * from './evaluation.ts';
export * from './predictionsCsv.ts';
export * from './predictionTable.ts';
export type { Comparison } from './report/comparisonPictures.ts';
export * from './report/document.ts';
export { renderHtml } from './report/renderHtml.ts';
export { renderMarkdown } from './report/renderMarkdown.ts';
export * from './report/runReport.ts';
export * from './report/scoreText.ts';
export * from './report/worstErrors.ts';
export * from './report/writeComparison.ts';
export * from './report/writeRunReport.ts';
