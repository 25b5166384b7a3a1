/** @module Extraction (Node): clips to windows of features, on several threads, with a cache. */
export { entryPath, readEntry, writeEntry } from './cacheEntry.ts';
export {
  type ClipPipeline,
  canonicalJson,
  checkClipPipeline,
  digest,
  ownFrames,
  type PicturePipeline,
  pipelineWindowing,
  windowSamplesOf,
} from './clipPipeline.ts';
export { clipPipelineRecord } from './clipPipelineRecord.ts';
export { soundFactsSchema } from './clipTask.ts';
export { eachClip } from './eachClip.ts';
export { type ExtractedWindows, extractClip, WindowFeatures } from './extractClip.ts';
export * from './extractFeatures.ts';
export * from './openWindows.ts';
