/** @module earshot/datasets: labelled clips with folds and groups, fair splits, inspection, the synthetic set. */
export { isAudioName } from './audioFiles.ts';
export {
  type Clip,
  classesOf,
  type Dataset,
  type DatasetKind,
  foldsOf,
  hasGivenSplit,
  type Side,
} from './dataset.ts';
export { type Demo, type DemoOptions, synthesizeDemo } from './demo/synthesizeDemo.ts';
export { writeDemo } from './demo/writeDemo.ts';
export { fileContents } from './fileContents.ts';
export { type FingerprintOptions, fingerprint } from './fingerprint.ts';
export { FolderWalk } from './folderWalk.ts';
export { groupDuplicates } from './groupDuplicates.ts';
export { type InspectOptions, inspectDataset } from './inspectDataset.ts';
export { type Inspection, inspectionText, type NearDuplicate, type NearDuplicates } from './inspection.ts';
export { type Leak, leakSentence, measureLeak } from './leak.ts';
export { type OpenDatasetOptions, openDataset } from './openDataset.ts';
export { openSpan, readSpan, type SoundSpan, spanSuffix, spanTimes } from './soundSpan.ts';
export { crossValidationFolds, type Split, type SplitSpec, splitDataset } from './splitDataset.ts';
export { readTable, requireText, rowError, type Table, type TableRow } from './table.ts';
export { heldOutPart, type ValidationSplit, validationSplit } from './validationSplit.ts';
