/** @file Worker thread of extractFeatures: takes a path, hands over the windows' buffers without copying them. */
import { workerData } from 'node:worker_threads';
import { serveTasks } from '../parallel/index.ts';
import { type ExtractedClip, type ExtractionSettings, processClip } from './clipTask.ts';

const settings = workerData as ExtractionSettings;

serveTasks<string, ExtractedClip>(async (path) => {
  const result = await processClip(path, settings);
  const buffers = [result.data.buffer, ...(result.waveforms ? [result.waveforms.buffer] : [])];
  return { result, transfer: buffers as ArrayBuffer[] };
});
