/** @module earshot/evaluation: from predictions to scores with intervals, and the reports that state them. */
export * from './crossValidation.ts';
export * from './evaluatePredictions.ts';
export * from './evaluation.ts';
export * from './predictionsCsv.ts';
export * from './predictionTable.ts';
export * from './report/comparison.ts';
export * from './report/document.ts';
export { renderHtml } from './report/renderHtml.ts';
export { renderMarkdown } from './report/renderMarkdown.ts';
export * from './report/runMedia.ts';
export * from './report/runReport.ts';
export * from './report/scoreText.ts';
export * from './report/worstErrors.ts';
export * from './report/writeRunReport.ts';
