/** @file Worker thread of extractFeatures: takes a clip, hands over the windows' buffers without copying them. */
import { workerData } from 'node:worker_threads';
import type { SoundSpan } from '../datasets/index.ts';
import { serveTasks } from '../parallel/index.ts';
import { type ExtractedClip, type ExtractionSettings, processClip } from './clipTask.ts';

const settings = workerData as ExtractionSettings;

serveTasks<SoundSpan, ExtractedClip>(async (clip) => {
  const result = await processClip(clip, settings);
  const buffers = [result.data.buffer, ...(result.waveforms ? [result.waveforms.buffer] : [])];
  return { result, transfer: buffers as ArrayBuffer[] };
});
