/** @module earshot/datasets: labelled clips with folds and groups, fair splits, inspection, the synthetic set. */
export * from './dataset.ts';
export * from './demo/synthesizeDemo.ts';
export { writeDemo } from './demo/writeDemo.ts';
export * from './fingerprint.ts';
export * from './inspectDataset.ts';
export * from './inspection.ts';
export * from './leak.ts';
export * from './levels.ts';
export * from './openDataset.ts';
export * from './splitDataset.ts';
export * from './validationSplit.ts';
