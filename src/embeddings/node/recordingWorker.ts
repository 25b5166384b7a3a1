/** @file Worker thread of embedRecordings: recordings in, what the network sees of their windows out, part by part. */
import { workerData } from 'node:worker_threads';
import { serveTasks } from '../../parallel/index.ts';
import {
  type RecordingPart,
  RecordingReader,
  type RecordingSettings,
  type RecordingTask,
} from './recordingTask.ts';

const reader = new RecordingReader(workerData as RecordingSettings);

serveTasks<RecordingTask, RecordingPart>(async (task) => {
  const result = await reader.read(task);
  return { result, transfer: [result.windows.inputs.buffer as ArrayBuffer] };
});
