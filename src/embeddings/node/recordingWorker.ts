/** @file Worker thread of embedRecordings: recordings in, what the network sees of their windows out. */
import { workerData } from 'node:worker_threads';
import { serveTasks } from '../../parallel/index.ts';
import { windowInputs } from '../embedder.ts';
import {
  type OpenedRecording,
  openRecording,
  type RecordingSettings,
  type RecordingTask,
} from './recordingTask.ts';

const settings = workerData as RecordingSettings;

serveTasks<RecordingTask, OpenedRecording | Float32Array>(async (task) => {
  if (task.kind === 'open') {
    const result = await openRecording(task.path, settings);
    const { inputs, samples } = result;
    const buffers = samples === null ? [inputs.buffer] : [inputs.buffer, samples.buffer];
    return { result, transfer: buffers as ArrayBuffer[] };
  }
  const result = windowInputs(task.stretch, task.first, task.last, settings.spec);
  return { result, transfer: [result.buffer as ArrayBuffer] };
});
